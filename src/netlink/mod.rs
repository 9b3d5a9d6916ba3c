//! Netlink: its framing, the sockets, the dumps.

pub mod socket;
pub mod wire;
