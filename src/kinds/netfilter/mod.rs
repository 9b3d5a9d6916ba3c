//! netfilter, protocol 12: connections that are tracked, nf_tables, packets that are logged, and counters of nfacct. A type is a subsystem and a message (`nfnetlink.h`), numbers in
//! attributes are in the network's byte order.

pub mod conntrack;
pub mod expect;
pub mod nfacct;
pub mod nflog;
pub mod nft;
pub mod tuple;

use crate::decode::schema::{Field, Is, Names, Scalar::*, Structure, field};
use crate::kinds::protocol::Protocol;
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
    needs: Some("CAP_NET_ADMIN"),
    is_answer: Some(is_answer),
    actor: Some(nft::generation::process),
    prepare: Some(conntrack::listening::prepare),
    ..Protocol::PLAIN
};

/// Of what subsystems there are kinds: conntrack, expectations, logs, nf_tables and nfacct. Statistics of conntrack, packets of queues,
/// sets of ipset and the like come to whoever asks (`NFNL_SUBSYS_*`, `linux/netfilter/nfnetlink.h`).
fn is_answer(message_type: u16) -> bool {
    // Statistics of expectations come with this number in conntrack's subsystem (`ctnetlink_exp_stat_fill_info`).
    const IPCTNL_MSG_EXP_GET_STATS_CPU_OF_CT: u16 = 0x103;
    const IPCTNL_MSG_CT_GET_STATS_CPU: u16 = 0x104;
    const IPCTNL_MSG_CT_GET_STATS: u16 = 0x105;
    const IPCTNL_MSG_EXP_GET_STATS_CPU: u16 = 0x203;
    match message_type {
        IPCTNL_MSG_EXP_GET_STATS_CPU_OF_CT
        | IPCTNL_MSG_CT_GET_STATS_CPU
        | IPCTNL_MSG_CT_GET_STATS
        | IPCTNL_MSG_EXP_GET_STATS_CPU => true,
        // How a group is bound comes to whoever asks.
        nflog::NFULNL_MSG_PACKET => false,
        _ => !matches!(message_type >> 8, 1 | 2 | 7 | 10),
    }
}

/// `struct nfgenmsg` (`linux/netfilter/nfnetlink.h`).
pub static NFGENMSG: Structure = Structure::new("nfgenmsg", 4, HEADER);
const HEADER: &[Field] = &[field(0, "family", Is::Named(U8, FAMILIES))];

/// The families of packets, `NFPROTO_*` (`linux/netfilter.h`).
const FAMILIES: &Names = &[(0, "unspec"), (2, "inet"), (10, "inet6")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_answers_and_tell_nothing() {
        assert!([0x103, 0x104, 0x105, 0x203, 0x301].into_iter().all(is_answer));
        assert!(![0x100, 0x102, 0x200, 0x202, nflog::NFULNL_MSG_PACKET, 0xa00].into_iter().any(is_answer));
    }
}
