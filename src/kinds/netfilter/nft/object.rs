//! `nft_object`: what rules refer to by its name: counters, quotas, limits and so on. `NFTA_OBJ_*`. The keys of each are those of
//! `nft -j`.

use super::expressions::{COUNTER, NFT_QUOTA_F_DEPLETED, NFT_QUOTA_F_INV, SECMARK, SYNPROXY, UNITS};
use super::{FAMILIES, GROUPS, HEADER, SUBSYSTEM, dump_of, userdata};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{BOOL, Decoded, Identity, Is, Kind, NUMBER, Names, Part, Set, Shape, TEXT, Wrong, row};
use crate::decode::title::{detail, word};
use crate::decode::value::{name_of, unsigned, write_named};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::netlink::wire::{attribute, attributes};

const NFT_MSG_NEWOBJ: u16 = 18;
const NFT_MSG_GETOBJ: u16 = 19;
const NFT_MSG_DELOBJ: u16 = 20;
const NFTA_OBJ_TABLE: u16 = 1;
const NFTA_OBJ_NAME: u16 = 2;
const NFTA_OBJ_TYPE: u16 = 3;

/// `NFT_MSG_NEWOBJ` and `NFT_MSG_DELOBJ`.
pub static OBJECT: Kind = Kind {
    name: "nft_object",
    about: "counters, quotas, limits and the like that rules of nf_tables name",
    title: &[word("kind"), word("family"), word("table"), word("name"), detail("comment")],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWOBJ,
    delete: SUBSYSTEM | NFT_MSG_DELOBJ,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NFTA_OBJ_TABLE, NFTA_OBJ_TYPE, NFTA_OBJ_NAME],
        members: &["family", "table", "kind", "name"],
    }),
    dumps: &[dump_of(NFT_MSG_GETOBJ)],
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_OBJ",
    &[
        row(NFTA_OBJ_TABLE, "table", Is::Text),
        row(NFTA_OBJ_NAME, "name", Is::Text),
        row(NFTA_OBJ_TYPE, "kind", Is::Named(U32Be, KINDS)),
        row(4, "data", Is::Members(data, DATA_PARTS)),
        row(5, "use", Is::Number(U32Be)).volatile(),
        row(6, "handle", Is::Number(U64Be)),
        row(7, "pad", Is::Known),
        row(8, "userdata", Is::Members(userdata::comment, userdata::COMMENT_PARTS)),
    ],
);

/// `NFT_OBJECT_*`, as `nft -j` calls them.
pub const KINDS: &Names = &[
    (COUNTERS, "counter"),
    (QUOTAS, "quota"),
    (CT_HELPERS, "ct helper"),
    (LIMITS, "limit"),
    (CONNLIMITS, "connlimit"),
    (TUNNELS, "tunnel"),
    (CT_TIMEOUTS, "ct timeout"),
    (SECMARKS, "secmark"),
    (CT_EXPECTATIONS, "ct expectation"),
    (SYNPROXIES, "synproxy"),
];
const COUNTERS: u64 = 1;
const QUOTAS: u64 = 2;
const CT_HELPERS: u64 = 3;
const LIMITS: u64 = 4;
const CONNLIMITS: u64 = 5;
const TUNNELS: u64 = 6;
const CT_TIMEOUTS: u64 = 7;
const SECMARKS: u64 = 8;
const CT_EXPECTATIONS: u64 = 9;
const SYNPROXIES: u64 = 10;

const DATA_PARTS: &[Part] = &[
    Part::Set(&COUNTER),
    Part::Set(&QUOTA),
    Part::Set(&HELPER),
    Part::number("rate"),
    Part::text("rate_unit"),
    Part::text("per"),
    Part::number("burst"),
    Part::text("burst_unit"),
    Part::bool("inv"),
    Part::Set(&CONNLIMIT),
    Part::Set(&TUNNEL),
    Part::Set(&TIMEOUT),
    Part::Set(&SECMARK),
    Part::Set(&EXPECTATION),
    Part::Set(&SYNPROXY),
];

/// What an object has beside its name, by its kind.
fn data(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let kind = context.sibling(NFTA_OBJ_TYPE).ok_or(Wrong::Because("no kind is told"))?;
    let set = match unsigned(U32Be, kind)? {
        COUNTERS => &COUNTER,
        QUOTAS => &QUOTA,
        CT_HELPERS => &HELPER,
        LIMITS => return limit(out, payload),
        CONNLIMITS => &CONNLIMIT,
        TUNNELS => &TUNNEL,
        CT_TIMEOUTS => &TIMEOUT,
        SECMARKS => &SECMARK,
        CT_EXPECTATIONS => &EXPECTATION,
        SYNPROXIES => &SYNPROXY,
        _ => return Err(Wrong::Because("a kind that is not known")),
    };
    write_set(out, &context.inside(payload), set, payload);
    Ok(())
}

static QUOTA: Set = Set::new(
    "NFTA_QUOTA",
    &[
        row(1, "bytes", Is::Number(U64Be)),
        row(2, "flags", Is::Members(quota_flags, &[Part::bool("inv"), Part::Volatile("depleted", BOOL)])),
        row(3, "pad", Is::Known),
        row(4, "used", Is::Number(U64Be)).volatile(),
    ],
);

fn quota_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(U32Be, payload)?;
    out.key("inv");
    out.bool(flags & NFT_QUOTA_F_INV != 0);
    // Packets set it.
    if flags & NFT_QUOTA_F_DEPLETED != 0 && !context.comparing {
        out.key("depleted");
        out.bool(true);
    }
    Ok(())
}

static HELPER: Set = Set::new(
    "NFTA_CT_HELPER",
    &[
        row(1, "type", Is::Text),
        row(2, "l3proto", Is::Named(U16Be, FAMILIES)),
        row(3, "protocol", Is::Named(U8, IP_PROTOCOLS)),
    ],
);

const NFTA_LIMIT_RATE: u16 = 1;
const NFTA_LIMIT_UNIT: u16 = 2;
const NFTA_LIMIT_BURST: u16 = 3;
const NFTA_LIMIT_TYPE: u16 = 4;
const NFTA_LIMIT_FLAGS: u16 = 5;
const NFT_LIMIT_PKT_BYTES: u64 = 1;
const NFT_LIMIT_F_INV: u64 = 0x1;

/// A limit: of packets, or of octets in the greatest unit that leaves no rest.
fn limit(out: &mut Json, set: &[u8]) -> Decoded {
    let number = |scalar, number| attribute(set, number).map(|value| unsigned(scalar, value)).transpose();
    let counts_bytes = number(U32Be, NFTA_LIMIT_TYPE)? == Some(NFT_LIMIT_PKT_BYTES);
    let mut amount = |key: &str, unit_key: &str, value: Option<u64>| {
        let Some(value) = value else { return };
        let (value, unit) = if counts_bytes { in_units(value) } else { (value, "") };
        out.key(key);
        out.unsigned(value);
        if !unit.is_empty() {
            out.key(unit_key);
            out.plain(unit);
        }
    };
    amount("rate", "rate_unit", number(U64Be, NFTA_LIMIT_RATE)?);
    amount("burst", "burst_unit", number(U32Be, NFTA_LIMIT_BURST)?);
    if let Some(unit) = number(U64Be, NFTA_LIMIT_UNIT)? {
        out.key("per");
        write_named(out, UNITS, unit);
    }
    if number(U32Be, NFTA_LIMIT_FLAGS)?.is_some_and(|flags| flags & NFT_LIMIT_F_INV != 0) {
        out.key("inv");
        out.bool(true);
    }
    Ok(())
}

/// Octets in the greatest unit of which they are a whole number.
fn in_units(mut octets: u64) -> (u64, &'static str) {
    const UNITS: [&str; 3] = ["bytes", "kbytes", "mbytes"];
    let mut unit = 0;
    while octets > 0 && octets.is_multiple_of(1024) && unit + 1 < UNITS.len() {
        octets /= 1024;
        unit += 1;
    }
    (octets, UNITS[unit])
}

static CONNLIMIT: Set =
    Set::new("NFTA_CONNLIMIT", &[row(1, "count", Is::Number(U32Be)), row(2, "inv", Is::Bool(U32Be))]);

static TIMEOUT: Set = Set::new(
    "NFTA_CT_TIMEOUT",
    &[
        row(NFTA_CT_TIMEOUT_L3PROTO, "l3proto", Is::Named(U16Be, FAMILIES)),
        row(NFTA_CT_TIMEOUT_L4PROTO, "protocol", Is::Named(U8, IP_PROTOCOLS)),
        row(3, "policy", Is::Value(policy, &Shape::Object(&[Part::Members("the states of the protocol", NUMBER)]))),
    ],
);
const NFTA_CT_TIMEOUT_L3PROTO: u16 = 1;
const NFTA_CT_TIMEOUT_L4PROTO: u16 = 2;

/// `CTA_TIMEOUT_TCP_*` (`linux/netfilter/nfnetlink_cttimeout.h`).
const TCP_STATES: &Names = &[
    (1, "syn_sent"),
    (2, "syn_recv"),
    (3, "established"),
    (4, "fin_wait"),
    (5, "close_wait"),
    (6, "last_ack"),
    (7, "time_wait"),
    (8, "close"),
    (9, "syn_sent2"),
    (10, "retrans"),
    (11, "unack"),
];
/// `CTA_TIMEOUT_UDP_*`.
const UDP_STATES: &Names = &[(1, "unreplied"), (2, "replied")];
const IPPROTO_TCP: u64 = 6;
const IPPROTO_UDP: u64 = 17;

/// The seconds of each state of a connection.
fn policy(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let protocol = context.sibling(NFTA_CT_TIMEOUT_L4PROTO).and_then(|protocol| unsigned(U8, protocol).ok());
    let names = match protocol {
        Some(IPPROTO_TCP) => TCP_STATES,
        Some(IPPROTO_UDP) => UDP_STATES,
        _ => &[],
    };
    out.begin_object();
    for state in attributes(payload) {
        let seconds = unsigned(U32Be, state.payload)?;
        match name_of(names, state.number.into()) {
            Some(name) => out.key(name),
            None => out.key(&state.number.to_string()),
        }
        out.unsigned(seconds);
    }
    out.end_object();
    Ok(())
}

static EXPECTATION: Set = Set::new(
    "NFTA_CT_EXPECT",
    &[
        row(1, "l3proto", Is::Named(U16Be, FAMILIES)),
        row(2, "protocol", Is::Named(U8, IP_PROTOCOLS)),
        row(3, "dport", Is::Number(U16Be)),
        // Milliseconds in the machine's byte order.
        row(4, "timeout", Is::Number(U32)),
        row(5, "size", Is::Number(U8)),
    ],
);

static TUNNEL: Set = Set::new(
    "NFTA_TUNNEL_KEY",
    &[
        row(1, "id", Is::Number(U32Be)),
        row(2, "ip", Is::Inline(&TUNNEL_IP)),
        row(3, "ip6", Is::Inline(&TUNNEL_IP6)),
        row(4, "flags", Is::Bits(U32Be, &[(0x1, "zero-csum-tx"), (0x2, "dont-fragment"), (0x4, "seq-number")])),
        row(5, "tos", Is::Number(U8)),
        row(6, "ttl", Is::Number(U8)),
        row(7, "sport", Is::Number(U16Be)),
        row(8, "dport", Is::Number(U16Be)),
        row(9, "opts", Is::Hex),
    ],
);
static TUNNEL_IP: Set = Set::new("NFTA_TUNNEL_KEY_IP", &[row(1, "src-ipv4", Is::Ip), row(2, "dst-ipv4", Is::Ip)]);
static TUNNEL_IP6: Set = Set::new(
    "NFTA_TUNNEL_KEY_IP6",
    &[row(1, "src-ipv6", Is::Ip), row(2, "dst-ipv6", Is::Ip), row(3, "flowlabel", Is::Number(U32Be))],
);

/// What an object map leads to, for sets.
pub fn kind_name(out: &mut Json, payload: &[u8]) -> Decoded {
    write_named(out, KINDS, unsigned(U32Be, payload)?);
    Ok(())
}

/// What [`kind_name`] writes.
pub const KIND_NAME: &Shape = TEXT;
