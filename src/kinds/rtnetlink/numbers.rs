//! Numbers of rtnetlink that the crate `libc` does not have. `include/uapi/linux/rtnetlink.h`.

/// `RTM_NEWCHAIN`.
pub const RTM_NEWCHAIN: u16 = 100;
/// `RTM_DELCHAIN`.
pub const RTM_DELCHAIN: u16 = 101;
/// `RTM_GETCHAIN`.
pub const RTM_GETCHAIN: u16 = 102;
