//! `nft_rule`: a rule of nf_tables. `NFTA_RULE_*`.

use super::expressions::EXPRESSION;
use super::{GROUPS, HEADER, SUBSYSTEM, dump_of, userdata};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Identity, Is, Kind, Set, row};
use crate::decode::title::{detail, named, word};

const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_GETRULE: u16 = 7;
const NFT_MSG_DELRULE: u16 = 8;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_HANDLE: u16 = 3;

/// `NFT_MSG_NEWRULE` and `NFT_MSG_DELRULE`. A handle is one rule's of its table: the chain may be renamed.
pub static RULE: Kind = Kind {
    name: "nft_rule",
    about: "rules of nf_tables, as expressions on registers",
    title: &[word("family"), word("table"), word("chain"), named("handle"), detail("comment")],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWRULE,
    delete: SUBSYSTEM | NFT_MSG_DELRULE,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NFTA_RULE_TABLE, NFTA_RULE_HANDLE],
        members: &["family", "table", "handle"],
    }),
    dumps: &[dump_of(NFT_MSG_GETRULE)],
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_RULE",
    &[
        row(NFTA_RULE_TABLE, "table", Is::Text),
        row(2, "chain", Is::Text),
        row(NFTA_RULE_HANDLE, "handle", Is::Number(U64Be)),
        row(4, "expressions", Is::Each(&Is::Set(&EXPRESSION))),
        row(5, "compat", Is::Set(&COMPAT)),
        // When the rule before it goes, nobody tells.
        row(6, "position", Is::Number(U64Be)).volatile(),
        row(7, "userdata", Is::Members(userdata::comment, userdata::COMMENT_PARTS)),
        row(8, "pad", Is::Known),
        row(9, "id", Is::Number(U32Be)),
        row(10, "position_id", Is::Number(U32Be)),
        row(11, "chain_id", Is::Number(U32Be)),
    ],
);

/// The ways to the chains that a rule names: its own, and those that its verdicts lead to (`NFTA_RULE_EXPRESSIONS`, an element,
/// `NFTA_EXPR_DATA`, `NFTA_IMMEDIATE_DATA`, `NFTA_DATA_VERDICT`, `NFTA_VERDICT_CHAIN`).
pub const CHAIN_NAMES: &[&[u16]] = &[&[2], &[4, 0, 2, 2, 2, 2]];

static COMPAT: Set = Set::new(
    "NFTA_RULE_COMPAT",
    &[row(1, "proto", Is::Number(U32Be)), row(2, "flags", Is::Bits(U32Be, &[(0x2, "inv")]))],
);
