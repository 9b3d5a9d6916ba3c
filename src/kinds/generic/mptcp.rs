//! Multipath TCP: what becomes of its connections, and the endpoints that are configured, of which the kernel tells nothing.
//! `MPTCP_ATTR_*`, `MPTCP_PM_ADDR_ATTR_*`: `linux/mptcp_pm.h`.

use super::{GENLMSGHDR, MPTCP, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, Names, ObjectKey, Part, Polled, Set, Structure,
    TEXT, Untold, field, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::write_ip;
use crate::event::Action;
use crate::json::Json;
use crate::netlink::wire::attribute;

/// `MPTCP_PM_ATTR_ADDR`.
const ADDRESS: u16 = 1;
/// `MPTCP_PM_ADDR_ATTR_ID`.
const ADDRESS_ID: u16 = 2;
/// `MPTCP_PM_ADDR_ATTR_IF_IDX`.
const ADDRESS_IFINDEX: u16 = 7;

/// An endpoint, by `MPTCP_PM_CMD_GET_ADDR`.
pub static ENDPOINT: Kind = Kind {
    name: "mptcp_endpoint",
    about: "endpoints of multipath TCP",
    title: &[word("address"), named("id"), detail("port"), detail("flags")],
    new: message(MPTCP, 3),
    header: &GENLMSGHDR,
    set: &ENDPOINT_SET,
    interface: Interface::Nested(ADDRESS, ADDRESS_IFINDEX),
    identity: Some(Identity { header: &[], attributes: &[], members: &["id"] }),
    dumps: &[DumpRequest { message: message(MPTCP, 3), header: &[3, 1, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks {
        key: Some(write_key),
        family: Some(|_| 0),
        untold: Untold::Everything,
        polled: Polled::Too,
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static ENDPOINT_SET: Set = Set::new("MPTCP_PM_ATTR", &[row(ADDRESS, "addr", Is::Inline(&ADDRESS_SET))]);
static ADDRESS_SET: Set = Set::new(
    "MPTCP_PM_ADDR_ATTR",
    &[
        row(1, "family", Is::Known),
        row(ADDRESS_ID, "id", Is::Number(U8)),
        row(3, "addr4", Is::Members(address, ADDRESS_PARTS)),
        row(4, "addr6", Is::Members(address, ADDRESS_PARTS)),
        row(5, "port", Is::Number(U16)),
        row(6, "flags", Is::Bits(U32, ADDRESS_FLAGS)),
        row(ADDRESS_IFINDEX, "dev", Is::Link),
    ],
);
const ADDRESS_PARTS: &[Part] = &[Part::Member("address", TEXT)];
/// `MPTCP_PM_ADDR_FLAG_*`.
const ADDRESS_FLAGS: &Names =
    &[(0x1, "signal"), (0x2, "subflow"), (0x4, "backup"), (0x8, "fullmesh"), (0x10, "implicit"), (0x20, "laminar")];

fn address(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("address");
    write_ip(out, payload)
}

fn write_key(key: &mut ObjectKey, _: &[u8], attributes: &[u8]) {
    let id = attribute(attributes, ADDRESS).and_then(|address| attribute(address, ADDRESS_ID));
    key.extend_from_slice(id.unwrap_or_default());
}

/// `MPTCP_EVENT_CLOSED` and `MPTCP_PM_CMD_GET_ADDR`, with which the kernel answers who asks for endpoints, have the same number. An event
/// has a token of four octets as its first attribute, an answer a nest.
pub(super) fn command(command: u8, body: &[u8]) -> u8 {
    let has_token = attribute(body, 1).is_some_and(|token| token.len() == 4);
    match command {
        3 if has_token => CLOSED,
        // `MPTCP_EVENT_ANNOUNCED` and `MPTCP_PM_CMD_GET_LIMITS`.
        6 if !has_token => LIMITS,
        command => command,
    }
}

/// The number of a closing in the tables, and that of limits, which have none.
const CLOSED: u8 = 0x83;
const LIMITS: u8 = 0x86;

/// The types of [`EVENT`]: the commands of the kernel's messages.
const EVENTS: &[(u16, bool)] = &[
    (message(MPTCP, 2), false),
    (message(MPTCP, CLOSED), false),
    (message(MPTCP, 6), false),
    (message(MPTCP, 7), false),
    (message(MPTCP, 10), false),
    (message(MPTCP, 11), false),
    (message(MPTCP, 13), false),
    (message(MPTCP, 15), false),
    (message(MPTCP, 16), false),
];

/// `MPTCP_EVENT_*`.
pub static EVENT: Kind = Kind {
    name: "mptcp_event",
    about: "connections of multipath TCP and their subflows",
    title: &[word("event"), named("token"), word("saddr"), word("daddr").after("to"), detail("dport")],
    new: message(MPTCP, 1),
    header: &EVENT_HEADER,
    set: &EVENT_SET,
    interface: Interface::Attribute(15),
    hooks: Hooks { action: Some(|_, _| Action::Change), also: EVENTS, family: Some(|_| 0), ..Hooks::NONE },
    ..Kind::PLAIN
};

static EVENT_HEADER: Structure = Structure::new("genlmsghdr", 4, EVENT_FIELDS);
const EVENT_FIELDS: &[Field] = &[field(0, "event", Is::Named(U8, EVENT_NAMES))];
/// `enum mptcp_event_type`, as `ip mptcp monitor` names them.
const EVENT_NAMES: &Names = &[
    (1, "CREATED"),
    (2, "ESTABLISHED"),
    (3, "CLOSED"),
    (6, "ANNOUNCED"),
    (7, "REMOVED"),
    (10, "SF_ESTABLISHED"),
    (11, "SF_CLOSED"),
    (13, "SF_PRIO"),
    (15, "LISTENER_CREATED"),
    (16, "LISTENER_CLOSED"),
];

static EVENT_SET: Set = Set::new(
    "MPTCP_ATTR",
    &[
        row(1, "token", Is::Number(U32)),
        row(2, "family", Is::Known),
        row(3, "locid", Is::Number(U8)),
        row(4, "remid", Is::Number(U8)),
        row(5, "saddr4", Is::Members(source, SOURCE)),
        row(6, "saddr6", Is::Members(source, SOURCE)),
        row(7, "daddr4", Is::Members(destination, DESTINATION)),
        row(8, "daddr6", Is::Members(destination, DESTINATION)),
        row(9, "sport", Is::Number(U16Be)),
        row(10, "dport", Is::Number(U16Be)),
        row(11, "backup", Is::Bool(U8)),
        row(12, "error", Is::Number(U8)),
        row(13, "flags", Is::Number(U16)),
        row(14, "timeout", Is::Number(U32)),
        row(15, "ifindex", Is::Number(U32)),
        row(16, "reset_reason", Is::Number(U32)),
        row(17, "reset_flags", Is::Number(U32)),
        row(18, "server_side", Is::Bool(U8)),
    ],
);
const SOURCE: &[Part] = &[Part::Member("saddr", TEXT)];
const DESTINATION: &[Part] = &[Part::Member("daddr", TEXT)];

fn source(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("saddr");
    write_ip(out, payload)
}

fn destination(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("daddr");
    write_ip(out, payload)
}
