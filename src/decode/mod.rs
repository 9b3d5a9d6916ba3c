//! From the kernel's bytes to JSON, by the tables in `kinds`: one pass, no I/O, and it cannot fail, whatever the bytes.

pub mod code;
pub mod json;
pub mod schema;
pub mod value;
pub mod walk;

pub use walk::{Context, Links, NoLinks, write_object};
