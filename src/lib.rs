//! linkhook tells what changes in Linux networking, the moment it changes.
//!
//! The rooms, in the order in which data flows through them: see ARCHITECTURE.md.

pub mod decode;
pub mod error;
pub mod kinds;
pub mod netlink;
pub mod recording;
