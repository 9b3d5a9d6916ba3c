//! `nft_gen`: the ruleset has changed. `NFTA_GEN_*`.
//!
//! It is the last message of a commit, and counts up by one: a gap says that commits were lost.

use super::{GROUPS, HEADER, SUBSYSTEM, dump_of};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Hooks, Is, Kind, Set, Sides, row};
use crate::decode::title::{detail, word};
use crate::decode::value::unsigned;
use crate::event::Action;
use crate::event::signals::Signals;
use crate::netlink::wire::attribute;

const NFT_MSG_NEWGEN: u16 = 15;
const NFT_MSG_GETGEN: u16 = 16;
const NFTA_GEN_ID: u16 = 1;
const NFTA_GEN_PROC_PID: u16 = 2;
const NFTA_GEN_PROC_NAME: u16 = 3;

/// `NFT_MSG_NEWGEN`.
pub static GENERATION: Kind = Kind {
    name: "nft_gen",
    about: "commits of nf_tables: which process has changed the ruleset",
    title: &[word("id"), word("comm").after("by"), detail("pid")],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWGEN,
    header: &HEADER,
    set: &ATTRIBUTES,
    dumps: &[dump_of(NFT_MSG_GETGEN)],
    hooks: Hooks { action: Some(action_of), signals: Some(signals_of), single: true, ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_GEN",
    &[
        row(NFTA_GEN_ID, "id", Is::Number(U32Be)),
        row(NFTA_GEN_PROC_PID, "pid", Is::Number(U32Be)),
        row(NFTA_GEN_PROC_NAME, "comm", Is::Text),
    ],
);

fn action_of(_: u16, _: bool) -> Action {
    Action::Change
}

fn signals_of(_: &Sides<'_>) -> Signals {
    Signals::RULESET_CHANGED
}

/// The generation's number, by the message's type and payload, where it tells of one.
pub fn number(message_type: u16, payload: &[u8]) -> Option<u32> {
    number_of(message_type, payload, NFTA_GEN_ID)
}

fn number_of(message_type: u16, payload: &[u8], attribute_number: u16) -> Option<u32> {
    if message_type != GENERATION.new {
        return None;
    }
    let number = attribute(GENERATION.attributes(payload), attribute_number)?;
    unsigned(U32Be, number).ok().and_then(|number| u32::try_from(number).ok())
}

/// The process that has made the change, and its name.
pub fn process(message_type: u16, payload: &[u8]) -> Option<(u32, &[u8])> {
    let process = number_of(message_type, payload, NFTA_GEN_PROC_PID)?;
    let name = attribute(GENERATION.attributes(payload), NFTA_GEN_PROC_NAME)?;
    Some((process, name.split(|&octet| octet == 0).next().unwrap_or_default()))
}
