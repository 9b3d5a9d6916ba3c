//! `nft_trace`: what the rules have done with a packet that is traced (`meta nftrace set 1`). `NFTA_TRACE_*`.

use super::expressions::VERDICT;
use super::{FAMILIES, HEADER, POLICIES, SUBSYSTEM, TRACE_GROUPS};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Interface, Interfaces, Is, Kind, LINK_NAME, Names, Set, row};
use crate::decode::title::{named, word};
use crate::decode::value::{unsigned, write_link};
use crate::event::Action;
use crate::json::Json;
use crate::netlink::wire::attribute;

const NFT_MSG_TRACE: u16 = 17;
const NFTA_TRACE_IIF: u16 = 10;
const NFTA_TRACE_OIF: u16 = 12;

/// `NFT_MSG_TRACE`.
pub static TRACE: Kind = Kind {
    name: "nft_trace",
    about: "what the rules of nf_tables have done with packets that are traced",
    title: &[
        word("id"),
        word("family"),
        word("table"),
        word("chain"),
        word("type"),
        named("rule_handle"),
        word("verdict.verdict"),
        word("verdict.chain"),
        named("policy"),
    ],
    groups: TRACE_GROUPS,
    new: SUBSYSTEM | NFT_MSG_TRACE,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Only,
    hooks: Hooks { action: Some(action_of), interfaces: Some(interfaces), named_alone: true, ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_TRACE",
    &[
        row(1, "table", Is::Text),
        row(2, "chain", Is::Text),
        row(3, "rule_handle", Is::Number(U64Be)),
        row(4, "type", Is::Named(U32Be, TYPES)),
        row(5, "verdict", Is::Set(&VERDICT)),
        row(6, "id", Is::Number(U32Be)),
        row(7, "ll_header", Is::Hex),
        row(8, "network_header", Is::Hex),
        row(9, "transport_header", Is::Hex),
        row(NFTA_TRACE_IIF, "iif", Is::Value(link, LINK_NAME)),
        row(11, "iiftype", Is::Number(U16Be)),
        row(NFTA_TRACE_OIF, "oif", Is::Value(link, LINK_NAME)),
        row(13, "oiftype", Is::Number(U16Be)),
        row(14, "mark", Is::Number(U32Be)),
        row(15, "nfproto", Is::Named(U32Be, FAMILIES)),
        row(16, "policy", Is::Named(U32Be, POLICIES)),
        row(17, "pad", Is::Known),
        row(18, "ct_id", Is::Number(U32Be)),
        row(19, "ct_direction", Is::Named(U8, &[(0, "original"), (1, "reply")])),
        row(20, "ct_status", Is::Number(U32Be)),
        row(21, "ct_state", Is::Number(U32Be)),
    ],
);

/// `NFT_TRACETYPE_*`.
const TYPES: &Names = &[(1, "policy"), (2, "return"), (3, "rule")];

fn action_of(_: u16, _: bool) -> Action {
    Action::Add
}

/// An interface's index in the network's byte order, as its name.
fn link(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_link(out, context, unsigned(U32Be, payload)? as u32);
    Ok(())
}

fn interfaces(payload: &[u8]) -> Interfaces {
    let index = |number| {
        let index = attribute(TRACE.attributes(payload), number)?;
        unsigned(U32Be, index).ok().map(|index| index as u32).filter(|&index| index != 0)
    };
    let mut interfaces: Interfaces = [NFTA_TRACE_IIF, NFTA_TRACE_OIF].into_iter().filter_map(index).collect();
    interfaces.dedup();
    interfaces
}
