//! Who made a change: the port id that the kernel tells, and the process, where it is proven.

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The netlink port id of the request that led to it; the kernel's word.
    pub port: u32,
    /// The process that was found and is proven to hold that port, and its name.
    pub process: Option<(u32, String)>,
}
