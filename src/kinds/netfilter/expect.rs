//! `expect`: a connection that a helper expects. `CTA_EXPECT_*`: `linux/netfilter/nfnetlink_conntrack.h`.

use super::NFGENMSG;
use super::conntrack::action_of;
use super::tuple::{self, PROTOCOL_PARTS};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, DumpRequest, Hooks, Is, Kind, Names, Part, Set, Shape, row};
use crate::decode::title::{detail, word};
use crate::json::Json;

const IPCTNL_MSG_EXP_NEW: u16 = 0x200;
const IPCTNL_MSG_EXP_GET: u16 = 0x201;
const IPCTNL_MSG_EXP_DELETE: u16 = 0x202;
/// `NFNLGRP_CONNTRACK_EXP_NEW` and `_DESTROY`; of an update the kernel never tells.
const GROUPS: &[u32] = &[4, 6];

/// `IPCTNL_MSG_EXP_NEW` and `IPCTNL_MSG_EXP_DELETE`.
pub static EXPECT: Kind = Kind {
    name: "expect",
    about: "connections that a helper of conntrack expects",
    title: &[
        word("protocol"),
        word("src"),
        word("dst").after("to"),
        word("dport").joined(":"),
        word("helper").after("for"),
        detail("timeout"),
    ],
    groups: GROUPS,
    new: IPCTNL_MSG_EXP_NEW,
    delete: IPCTNL_MSG_EXP_DELETE,
    header: &NFGENMSG,
    set: &ATTRIBUTES,
    dumps: &[DumpRequest { message: IPCTNL_MSG_EXP_GET, header: &[0; 4], attributes: &[], per_link: None }],
    hooks: Hooks { action: Some(action_of), ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "CTA_EXPECT",
    &[
        row(1, "master", Is::Value(whole, TUPLE)),
        row(2, "tuple", Is::Members(expected, EXPECTED_PARTS)),
        row(3, "mask", Is::Value(whole, TUPLE)),
        row(4, "timeout", Is::Number(U32Be)).volatile(),
        row(5, "id", Is::Number(U32Be)),
        row(6, "helper", Is::Text),
        row(7, "zone", Is::Number(U16Be)),
        row(8, "flags", Is::Bits(U32Be, FLAGS)),
        row(9, "class", Is::Number(U32Be)),
        row(10, "nat", Is::Set(&NAT)),
        row(11, "fn", Is::Text),
    ],
);

/// `NF_CT_EXPECT_*` (`linux/netfilter/nf_conntrack_common.h`).
const FLAGS: &Names = &[(0x1, "permanent"), (0x2, "inactive"), (0x4, "userspace")];

static NAT: Set = Set::new(
    "CTA_EXPECT_NAT",
    &[row(1, "dir", Is::Named(U32Be, &[(0, "original"), (1, "reply")])), row(2, "tuple", Is::Value(whole, TUPLE))],
);

const TUPLE: &Shape = &Shape::Object(tuple::PARTS);
const EXPECTED_PARTS: &[Part] = &[
    PROTOCOL_PARTS[0],
    PROTOCOL_PARTS[1],
    tuple::PARTS[0],
    tuple::PARTS[1],
    tuple::PARTS[2],
    tuple::PARTS[3],
    tuple::PARTS[4],
    tuple::PARTS[5],
];

fn expected(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    tuple::write_protocol(out, payload);
    tuple::write_members(out, payload)
}

fn whole(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    let written = tuple::write_members(out, payload);
    out.end_object();
    written
}
