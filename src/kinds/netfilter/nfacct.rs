//! `nfacct`: a counter that rules of iptables name, whose quota is reached. `NFACCT_*`: `linux/netfilter/nfnetlink_acct.h`.

use super::NFGENMSG;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{DumpRequest, Hooks, Is, Kind, Names, Set, row};
use crate::decode::title::{detail, named, word};
use crate::event::Action;

const NFNL_MSG_ACCT_NEW: u16 = 0x700;
const NFNL_MSG_ACCT_GET: u16 = 0x701;
const NFNL_MSG_ACCT_OVERQUOTA: u16 = 0x704;
/// `NFNLGRP_ACCT_QUOTA`.
const GROUPS: &[u32] = &[8];

/// `NFNL_MSG_ACCT_NEW` in dumps, and `NFNL_MSG_ACCT_OVERQUOTA`, the one thing that is told.
pub static NFACCT: Kind = Kind {
    name: "nfacct",
    about: "counters of nfacct whose quota is reached",
    title: &[word("name"), named("packets"), named("bytes"), detail("quota")],
    groups: GROUPS,
    new: NFNL_MSG_ACCT_NEW,
    header: &NFGENMSG,
    set: &ATTRIBUTES,
    dumps: &[DumpRequest { message: NFNL_MSG_ACCT_GET, header: &[0; 4], attributes: &[], per_link: None }],
    hooks: Hooks { action: Some(action_of), also: &[(NFNL_MSG_ACCT_OVERQUOTA, false)], ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFACCT",
    &[
        row(1, "name", Is::Text),
        row(2, "packets", Is::Number(U64Be)).volatile(),
        row(3, "bytes", Is::Number(U64Be)).volatile(),
        row(4, "use", Is::Number(U32Be)).volatile(),
        row(5, "flags", Is::Bits(U32Be, FLAGS)),
        row(6, "quota", Is::Number(U64Be)),
        row(8, "pad", Is::Known),
    ],
);

/// `NFACCT_F_*`: in what a quota is, and whether it is reached.
const FLAGS: &Names = &[(0x1, "packets"), (0x2, "bytes"), (0x4, "overquota")];

fn action_of(_: u16, _: bool) -> Action {
    Action::Change
}
