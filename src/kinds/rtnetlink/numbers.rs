//! Numbers of rtnetlink that the crate `libc` does not have, or has for glibc alone, and address families at the width
//! that headers have them in. `include/uapi/linux/rtnetlink.h`, `include/linux/socket.h`.

/// `RTM_NEWMULTICAST`.
pub const RTM_NEWMULTICAST: u16 = 56;
/// `RTM_DELMULTICAST`.
pub const RTM_DELMULTICAST: u16 = 57;
/// `RTM_NEWANYCAST`.
pub const RTM_NEWANYCAST: u16 = 60;
/// `RTM_DELANYCAST`.
pub const RTM_DELANYCAST: u16 = 61;
/// What `RTM_NEWDCB` would be: the kernel has given no name to the first of DCB's four types.
pub const RTM_NEWDCB: u16 = libc::RTM_GETDCB - 2;
/// `RTM_DELNETCONF`.
pub const RTM_DELNETCONF: u16 = 81;
/// `RTM_NEWSTATS`.
pub const RTM_NEWSTATS: u16 = 92;
/// `RTM_NEWCACHEREPORT`.
pub const RTM_NEWCACHEREPORT: u16 = 96;
/// `RTM_NEWCHAIN`.
pub const RTM_NEWCHAIN: u16 = 100;
/// `RTM_DELCHAIN`.
pub const RTM_DELCHAIN: u16 = 101;
/// `RTM_GETCHAIN`.
pub const RTM_GETCHAIN: u16 = 102;
/// `RTM_NEWNEXTHOP`.
pub const RTM_NEWNEXTHOP: u16 = 104;
/// `RTM_DELNEXTHOP`.
pub const RTM_DELNEXTHOP: u16 = 105;
/// `RTM_GETNEXTHOP`.
pub const RTM_GETNEXTHOP: u16 = 106;
/// `RTM_NEWVLAN`.
pub const RTM_NEWVLAN: u16 = 112;
/// `RTM_DELVLAN`.
pub const RTM_DELVLAN: u16 = 113;
/// `RTM_GETVLAN`.
pub const RTM_GETVLAN: u16 = 114;
/// `RTM_NEWNEXTHOPBUCKET`.
pub const RTM_NEWNEXTHOPBUCKET: u16 = 116;
/// `RTM_DELNEXTHOPBUCKET`.
pub const RTM_DELNEXTHOPBUCKET: u16 = 117;
/// `RTM_GETNEXTHOPBUCKET`.
pub const RTM_GETNEXTHOPBUCKET: u16 = 118;
/// `RTM_NEWTUNNEL`.
pub const RTM_NEWTUNNEL: u16 = 120;
/// `RTM_DELTUNNEL`.
pub const RTM_DELTUNNEL: u16 = 121;
/// `RTM_GETTUNNEL`.
pub const RTM_GETTUNNEL: u16 = 122;

/// `RTNLGRP_IPV4_MCADDR`.
pub const RTNLGRP_IPV4_MCADDR: u32 = 37;
/// `RTNLGRP_IPV6_MCADDR`.
pub const RTNLGRP_IPV6_MCADDR: u32 = 38;
/// `RTNLGRP_IPV6_ACADDR`.
pub const RTNLGRP_IPV6_ACADDR: u32 = 39;

/// `AF_UNSPEC`: every family.
pub const AF_UNSPEC: u8 = libc::AF_UNSPEC as u8;
/// `AF_INET`.
pub const AF_INET: u8 = libc::AF_INET as u8;
/// `AF_BRIDGE`.
pub const AF_BRIDGE: u8 = libc::AF_BRIDGE as u8;
/// `AF_INET6`.
pub const AF_INET6: u8 = libc::AF_INET6 as u8;
/// `AF_PACKET`: link-layer addresses.
pub const AF_PACKET: u8 = libc::AF_PACKET as u8;
/// `AF_MPLS`: an address is a label stack.
pub const AF_MPLS: u8 = 28;
/// `AF_PHONET`.
pub const AF_PHONET: u8 = libc::AF_PHONET as u8;
/// `AF_MCTP`.
pub const AF_MCTP: u8 = 45;
/// `RTNL_FAMILY_IPMR`: multicast routing of IPv4.
pub const RTNL_FAMILY_IPMR: u8 = 128;
/// `RTNL_FAMILY_IP6MR`: multicast routing of IPv6.
pub const RTNL_FAMILY_IP6MR: u8 = 129;
