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
pub mod numbers;
pub mod phonet;
pub mod prefix;
pub mod route;
pub mod rule;
pub mod shared;
pub mod stats;
pub mod tc;
pub mod tunnel;
pub mod vlan;

use crate::kinds::protocol::Protocol;
use crate::netlink::socket::NETLINK_ROUTE;

/// The protocol. Its types come in fours: new, delete, get, set.
pub static PROTOCOL: Protocol = Protocol {
    name: "rtnetlink",
    number: NETLINK_ROUTE,
    kinds: &[
        &link::LINK,
        &link::BRIDGE_PORT,
        &link::INET6_LINK,
        &addr::ADDR,
        &route::ROUTE,
        &rule::RULE,
        &neigh::NEIGH,
        &neigh::FDB,
        &nexthop::NEXTHOP,
        &nexthop::NEXTHOP_BUCKET,
        &netconf::NETCONF,
        &neightbl::NEIGHTBL,
        &neigh::NEIGH_MISS,
        &addrlabel::ADDRLABEL,
        &prefix::PREFIX,
        &nduseropt::NDUSEROPT,
        &nsid::NSID,
        &mdb::MDB,
        &vlan::VLAN,
        &mroute::MROUTE,
        &mroute::MROUTE_REPORT,
        &maddr::MADDR,
        &maddr::ANYCAST,
        &stats::STATS,
        &tunnel::TUNNEL,
        &mctp::MCTP_ADDR,
        &mctp::MCTP_ROUTE,
        &mctp::MCTP_NEIGH,
        &phonet::PHONET_ADDR,
        &phonet::PHONET_ROUTE,
        &dcb::DCB,
        &tc::QDISC,
        &tc::CLASS,
        &tc::FILTER,
        &tc::CHAIN,
        &tc::TC_ACTION,
    ],
    is_default: true,
    ..Protocol::PLAIN
};

/// Its types are below this number: `RTM_MAX` is far from it.
pub const TYPES_MAX: u16 = 256;
