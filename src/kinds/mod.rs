//! What the kernel's objects look like: tables and nothing but tables, a file a kind.

pub mod link;
pub mod link_info;
pub mod names;
