//! Netlink: its framing, the sockets, the dumps.

pub mod ask;
pub mod dump;
pub mod filter;
pub mod secrets;
pub mod socket;
pub mod wire;
