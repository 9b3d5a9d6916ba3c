//! From the kernel's bytes to JSON, by the tables in `kinds`: one pass, no I/O, and it cannot fail, whatever the bytes.

pub mod context;
pub mod key;
pub mod members;
pub mod paths;
pub mod schema;
pub mod structure;
#[cfg(test)]
pub mod testing;
pub mod title;
pub mod value;
pub mod walk;

pub use context::{Context, Links, NoLinks};
pub use walk::write_object;
