//! rtnetlink, protocol 0: links, addresses, routes and what is about them. A file a kind, or a few that belong together.

pub mod addr;
pub mod addrlabel;
pub mod dcb;
pub mod encap;
pub mod link;
pub mod link_info;
pub mod maddr;
pub mod mctp;
pub mod mdb;
pub mod mroute;
pub mod names;
pub mod nduseropt;
pub mod neigh;
pub mod neightbl;
pub mod netconf;
pub mod nexthop;
pub mod nsid;
pub mod phonet;
pub mod prefix;
pub mod route;
pub mod rule;
pub mod shared;
pub mod stats;
pub mod tunnel;
pub mod vlan;
