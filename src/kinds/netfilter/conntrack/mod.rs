//! `conntrack`: a connection that is tracked. `CTA_*`: `linux/netfilter/nfnetlink_conntrack.h`.
//!
//! A message says what has happened, and nothing is remembered unless the user asks for it: a host has hundreds of thousands of
//! connections, and they may come and go a hundred thousand times a second.

pub mod listening;

use super::NFGENMSG;
use super::tuple::{self, PROTOCOL_PARTS};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Is, Kind, NUMBER, Names, Part, Polled, Set, Shape, Sides, Structure,
    Sysctl, TEXT, field, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::{unsigned, write_number};
use crate::event::signals::Signals;
use crate::event::{Action, Clock};
use crate::json::Json;
use crate::netlink::wire::attribute;

const IPCTNL_MSG_CT_NEW: u16 = 0x100;
const IPCTNL_MSG_CT_GET: u16 = 0x101;
const IPCTNL_MSG_CT_DELETE: u16 = 0x102;
/// `NFNLGRP_CONNTRACK_NEW`, `_UPDATE` and `_DESTROY`.
const GROUPS: &[u32] = &[1, 2, 3];

/// `IPCTNL_MSG_CT_NEW` and `IPCTNL_MSG_CT_DELETE`.
pub static CONNTRACK: Kind = Kind {
    name: "conntrack",
    about: "connections that netfilter tracks, and NAT",
    title: &[
        word("protocol"),
        word("orig.src"),
        word("orig.sport").joined(":"),
        word("orig.dst").after("to"),
        word("orig.dport").joined(":"),
        word("state").as_detail(),
        word("reply.src").after("answered by").as_detail(),
        word("reply.sport").joined(":").as_detail(),
        word("reply.dst").after("to").as_detail(),
        word("reply.dport").joined(":").as_detail(),
        named("zone"),
        detail("mark"),
    ],
    groups: GROUPS,
    new: IPCTNL_MSG_CT_NEW,
    delete: IPCTNL_MSG_CT_DELETE,
    header: &NFGENMSG,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE],
        members: &["family", "protocol_id", "id", "orig.src", "orig.dst", "orig.sport", "orig.dport", "zone"],
    }),
    // An update has what the kernel puts into each message, and what has changed (`ctnetlink_conntrack_event`).
    partial: true,
    dumps: &[DumpRequest { message: IPCTNL_MSG_CT_GET, header: &[0; 4], attributes: &[], per_link: None }],
    hooks: Hooks {
        action: Some(action_of),
        group_of: Some(|action| match action {
            Action::Add => Some(1),
            Action::Change => Some(2),
            Action::Remove => Some(3),
            Action::Present => None,
        }),
        signals: Some(signals_of),
        sysctls: SYSCTLS,
        // Its counters.
        last_word: true,
        kept_max: 0,
        // Of those that were there before anybody listened the kernel does not even tell the end.
        polled: Polled::Too,
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// `Documentation/networking/nf_conntrack-sysctl.rst`.
const SYSCTLS: &[Sysctl] = &[
    Sysctl { key: "events", path: "net/netfilter/nf_conntrack_events", is_switch: false },
    Sysctl { key: "accounting", path: "net/netfilter/nf_conntrack_acct", is_switch: true },
    Sysctl { key: "timestamps", path: "net/netfilter/nf_conntrack_timestamp", is_switch: true },
];

/// A new connection is told with the flags of one that is made (`ctnetlink_conntrack_event`).
pub(super) fn action_of(flags: u16, removes: bool) -> Action {
    const NLM_F_CREATE: u16 = 0x400;
    match removes {
        true => Action::Remove,
        false if flags & NLM_F_CREATE != 0 => Action::Add,
        false => Action::Change,
    }
}

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_STATUS: u16 = 3;
const CTA_COUNTERS_ORIG: u16 = 9;
const CTA_COUNTERS_REPLY: u16 = 10;
const CTA_ID: u16 = 12;
const CTA_ZONE: u16 = 18;

pub(super) static ATTRIBUTES: Set = Set::new(
    "CTA",
    &[
        row(CTA_TUPLE_ORIG, "orig", Is::Members(orig, ORIG_PARTS)),
        row(2, "reply", Is::Members(reply, REPLY_PARTS)),
        row(CTA_STATUS, "status", Is::Bits(U32Be, STATUS)),
        row(4, "protoinfo", Is::Inline(&PROTOCOL_STATE)),
        row(5, "helper", Is::Inline(&HELPER)),
        row(7, "timeout", Is::Number(U32Be)).volatile(),
        row(8, "mark", Is::Number(U32Be)),
        row(CTA_COUNTERS_ORIG, "counters_orig", Is::Elsewhere).volatile(),
        row(CTA_COUNTERS_REPLY, "counters_reply", Is::Elsewhere).volatile(),
        row(11, "use", Is::Number(U32Be)).volatile(),
        row(CTA_ID, "id", Is::Number(U32Be)),
        row(14, "master", Is::Value(master, MASTER_SHAPE)),
        row(15, "seq_adj_orig", Is::Set(&SEQUENCE_ADJUSTMENT)),
        row(16, "seq_adj_reply", Is::Set(&SEQUENCE_ADJUSTMENT)),
        row(17, "secmark", Is::Number(U32Be)),
        row(CTA_ZONE, "zone", Is::Number(U16Be)),
        row(19, "secctx", Is::Inline(&SECURITY_CONTEXT)),
        // Notifications have it at the end alone, dumps from the beginning.
        row(20, "timestamp", Is::Members(timestamp, TIMESTAMP_PARTS)).volatile(),
        row(22, "labels", Is::Value(labels, &Shape::List(NUMBER))),
        row(24, "synproxy", Is::Set(&SYNPROXY)),
        // Of the event and not of the connection: dumps do not have it.
        row(27, "timestamp_event", Is::Value(time, TEXT)).volatile(),
    ],
);

/// `enum ip_conntrack_status` (`linux/netfilter/nf_conntrack_common.h`).
const STATUS: &Names = &[
    (0x1, "expected"),
    (0x2, "seen_reply"),
    (0x4, "assured"),
    (0x8, "confirmed"),
    (IPS_SRC_NAT, "snat"),
    (IPS_DST_NAT, "dnat"),
    (0x40, "seq_adjust"),
    (0x80, "snat_done"),
    (0x100, "dnat_done"),
    (0x200, "dying"),
    (0x400, "fixed_timeout"),
    (0x800, "template"),
    (0x1000, "untracked"),
    (0x2000, "helper"),
    (0x4000, "offload"),
    (0x8000, "hw_offload"),
];
const IPS_SRC_NAT: u64 = 0x10;
const IPS_DST_NAT: u64 = 0x20;

static PROTOCOL_STATE: Set = Set::new(
    "CTA_PROTOINFO",
    &[row(1, "tcp", Is::Inline(&TCP)), row(2, "dccp", Is::Inline(&DCCP)), row(3, "sctp", Is::Inline(&SCTP))],
);
static TCP: Set = Set::new(
    "CTA_PROTOINFO_TCP",
    &[
        row(1, "state", Is::Named(U8, TCP_STATES)),
        row(2, "wscale_orig", Is::Number(U8)),
        row(3, "wscale_reply", Is::Number(U8)),
        row(4, "tcp_flags_orig", Is::Structure(&TCP_FLAGS)),
        row(5, "tcp_flags_reply", Is::Structure(&TCP_FLAGS)),
    ],
);
/// `enum tcp_conntrack`.
const TCP_STATES: &Names = &[
    (0, "NONE"),
    (1, "SYN_SENT"),
    (2, "SYN_RECV"),
    (3, "ESTABLISHED"),
    (4, "FIN_WAIT"),
    (5, "CLOSE_WAIT"),
    (6, "LAST_ACK"),
    (7, "TIME_WAIT"),
    (8, "CLOSE"),
    (9, "SYN_SENT2"),
];
static TCP_FLAGS: Structure = Structure::new("nf_ct_tcp_flags", 2, TCP_FLAGS_FIELDS);
const TCP_FLAGS_FIELDS: &[Field] =
    &[field(0, "flags", Is::Bits(U8, IP_CT_TCP_FLAGS)), field(1, "mask", Is::Number(U8))];
/// `IP_CT_TCP_FLAG_*` and `IP_CT_EXP_CHALLENGE_ACK`.
const IP_CT_TCP_FLAGS: &Names = &[
    (0x1, "window_scale"),
    (0x2, "sack_perm"),
    (0x4, "close_init"),
    (0x8, "be_liberal"),
    (0x10, "data_unacknowledged"),
    (0x20, "maxack_set"),
    (0x40, "challenge_ack"),
    (0x80, "simultaneous_open"),
];
static DCCP: Set = Set::new(
    "CTA_PROTOINFO_DCCP",
    &[
        row(1, "state", Is::Named(U8, DCCP_STATES)),
        row(2, "role", Is::Named(U8, &[(0, "client"), (1, "server")])),
        row(3, "handshake_seq", Is::Number(U64Be)),
        row(4, "pad", Is::Known),
    ],
);
/// `enum ct_dccp_states`.
const DCCP_STATES: &Names = &[
    (0, "NONE"),
    (1, "REQUEST"),
    (2, "RESPOND"),
    (3, "PARTOPEN"),
    (4, "OPEN"),
    (5, "CLOSEREQ"),
    (6, "CLOSING"),
    (7, "TIMEWAIT"),
    (8, "IGNORE"),
    (9, "INVALID"),
];
static SCTP: Set = Set::new(
    "CTA_PROTOINFO_SCTP",
    &[
        row(1, "state", Is::Named(U8, SCTP_STATES)),
        row(2, "vtag_orig", Is::Number(U32Be)),
        row(3, "vtag_reply", Is::Number(U32Be)),
    ],
);
/// `enum sctp_conntrack`.
const SCTP_STATES: &Names = &[
    (0, "NONE"),
    (1, "CLOSED"),
    (2, "COOKIE_WAIT"),
    (3, "COOKIE_ECHOED"),
    (4, "ESTABLISHED"),
    (5, "SHUTDOWN_SENT"),
    (6, "SHUTDOWN_RECD"),
    (7, "SHUTDOWN_ACK_SENT"),
    (8, "HEARTBEAT_SENT"),
];
static HELPER: Set = Set::new("CTA_HELP", &[row(1, "helper", Is::Text), row(2, "helper_info", Is::Hex)]);
static SECURITY_CONTEXT: Set = Set::new("CTA_SECCTX", &[row(1, "secctx", Is::Text)]);
static SEQUENCE_ADJUSTMENT: Set = Set::new(
    "CTA_SEQADJ",
    &[
        row(1, "correction_pos", Is::Number(U32Be)),
        row(2, "offset_before", Is::Number(U32Be)),
        row(3, "offset_after", Is::Number(U32Be)),
    ],
);
static SYNPROXY: Set = Set::new(
    "CTA_SYNPROXY",
    &[row(1, "isn", Is::Number(U32Be)), row(2, "its", Is::Number(U32Be)), row(3, "tsoff", Is::Number(U32Be))],
);

const SIDE: &Shape = &Shape::Object(&[
    tuple::PARTS[0],
    tuple::PARTS[1],
    tuple::PARTS[2],
    tuple::PARTS[3],
    tuple::PARTS[4],
    tuple::PARTS[5],
    tuple::PARTS[6],
    tuple::PARTS[7],
    tuple::PARTS[8],
    tuple::PARTS[9],
    Part::Volatile("packets", NUMBER),
    Part::Volatile("bytes", NUMBER),
]);
const ORIG_PARTS: &[Part] = &[PROTOCOL_PARTS[0], PROTOCOL_PARTS[1], Part::Member("orig", SIDE)];
const REPLY_PARTS: &[Part] = &[Part::Member("reply", SIDE)];
const MASTER_SHAPE: &Shape = &Shape::Object(tuple::PARTS);

fn orig(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    tuple::write_protocol(out, payload);
    out.key("orig");
    side(out, context, payload, CTA_COUNTERS_ORIG)
}

fn reply(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("reply");
    side(out, context, payload, CTA_COUNTERS_REPLY)
}

/// A direction, with what has gone that way, where that is counted (`nf_conntrack_acct`).
fn side(out: &mut Json, context: &Context<'_>, payload: &[u8], counters: u16) -> Decoded {
    out.begin_object();
    let mut written = tuple::write_members(out, payload);
    if let Some(counters) = context.sibling(counters).filter(|_| !context.comparing) {
        for (number, key) in [(1, "packets"), (2, "bytes")] {
            if let Some(count) = attribute(counters, number) {
                out.key(key);
                written = written.and(write_number(out, U64Be, count));
            }
        }
    }
    out.end_object();
    written
}

fn master(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    let written = tuple::write_members(out, payload);
    out.end_object();
    written
}

const TIMESTAMP_PARTS: &[Part] = &[
    Part::Member("timestamp", &Shape::Object(&[Part::text("start"), Part::text("stop")])),
    Part::number("delta-time"),
];

/// When it began and ended, where that is noted (`nf_conntrack_timestamp`), and how many whole seconds that took, of one that lives so
/// far.
fn timestamp(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let time = |number| attribute(payload, number).map(|time| unsigned(U64Be, time)).transpose();
    let (start, stop) = (time(1)?, time(2)?);
    out.key("timestamp");
    out.begin_object();
    for (key, time) in [("start", start), ("stop", stop)] {
        if let Some(time) = time {
            out.key(key);
            write_time(out, time);
        }
    }
    out.end_object();
    let told = u64::try_from(context.time_microseconds).ok().filter(|told| *told > 0).map(|told| told * 1000);
    if let (Some(start), Some(stop)) = (start, stop.or(told)) {
        out.key("delta-time");
        out.unsigned(stop.saturating_sub(start) / 1_000_000_000);
    }
    Ok(())
}

/// When it was told.
fn time(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_time(out, unsigned(U64Be, payload)?);
    Ok(())
}

fn write_time(out: &mut Json, nanoseconds: u64) {
    Clock::default().write(out, i64::try_from(nanoseconds / 1000).unwrap_or(i64::MAX));
}

/// The numbers of the labels that are set: a bit each, in words of 32 bits in the machine's order.
fn labels(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    for (place, word) in payload.chunks_exact(4).enumerate() {
        let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        for bit in (0..32).filter(|bit| word & (1 << bit) != 0) {
            out.unsigned(place as u64 * 32 + bit);
        }
    }
    out.end_list();
    Ok(())
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    let status = attribute(CONNTRACK.attributes(sides.message), CTA_STATUS);
    let status = status.and_then(|status| unsigned(U32Be, status).ok()).unwrap_or_default();
    match (sides.old, sides.new) {
        (None, Some(_)) if status & (IPS_SRC_NAT | IPS_DST_NAT) != 0 => Signals::FLOW_NAT,
        (_, None) => Signals::FLOW_CLOSED,
        _ => Signals::NONE,
    }
}
