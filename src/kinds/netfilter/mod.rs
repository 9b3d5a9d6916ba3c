//! netfilter, protocol 12: connections that are tracked, nf_tables, and counters of nfacct. A type is a subsystem and a message (`nfnetlink.h`), numbers in
//! attributes are in the network's byte order.

pub mod conntrack;
pub mod expect;
pub mod nfacct;
pub mod nft;
pub mod tuple;

use crate::decode::schema::{Field, Is, Names, Protocol, Scalar::*, Structure, field};
use crate::netlink::socket::NETLINK_NETFILTER;

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "netfilter",
    number: NETLINK_NETFILTER,
    kinds: &[
        &conntrack::CONNTRACK,
        &expect::EXPECT,
        &nft::table::TABLE,
        &nft::chain::CHAIN,
        &nft::set::SET,
        &nft::element::ELEMENT,
        &nft::object::OBJECT,
        &nft::flowtable::FLOWTABLE,
        &nft::rule::RULE,
        &nft::generation::GENERATION,
        &nft::trace::TRACE,
        &nfacct::NFACCT,
    ],
    is_default: false,
    needs: Some("CAP_NET_ADMIN"),
    adapt: None,
    redact: None,
    actor: Some(nft::generation::process),
    needs_credentials: false,
    is_told_in: None,
};

/// `struct nfgenmsg` (`linux/netfilter/nfnetlink.h`).
pub static NFGENMSG: Structure = Structure::new("nfgenmsg", 4, HEADER);
const HEADER: &[Field] = &[field(0, "family", Is::Named(U8, FAMILIES))];

/// The families of packets, `NFPROTO_*` (`linux/netfilter.h`).
const FAMILIES: &Names = &[(0, "unspec"), (2, "inet"), (10, "inet6")];
