//! Netlink: its framing, the sockets, the dumps.

pub mod dump;
pub mod filter;
pub mod socket;
pub mod wire;
