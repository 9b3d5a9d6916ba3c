//! Netlink: its framing, the sockets, the dumps.

pub mod wire;
