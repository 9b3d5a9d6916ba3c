//! Teams of links, as the family `team` has them: options and ports. `TEAM_ATTR_*`: `linux/if_team.h`.
//!
//! A message has several options, or several ports, each with a mark where it is gone: each becomes a message of its own.

use super::{GENLMSGHDR, TEAM, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Interfaces, Is, Kind, Part, PerLink, Set, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::{unsigned, write_link};
use crate::json::Json;
use crate::netlink::wire::{Header, append_attribute, append_message, attribute, attribute_u32, attributes};

/// `TEAM_CMD_OPTIONS_GET` and `TEAM_CMD_PORT_LIST_GET`: what is asked, answered and told.
const OPTIONS: u8 = 2;
const PORTS: u8 = 3;
/// The same of what is gone: the kernel has no such commands.
const GONE: u8 = 0x80;

/// `TEAM_ATTR_TEAM_IFINDEX`, `_LIST_OPTION` and `_LIST_PORT`.
const TEAM_IFINDEX: u16 = 1;
const LIST_OPTION: u16 = 2;
const LIST_PORT: u16 = 3;
/// An item's attributes have these numbers behind its team's.
const OF_ITEM: u16 = 16;
/// `TEAM_ATTR_OPTION_NAME`, `_TYPE`, `_DATA`, `_REMOVED`, `_PORT_IFINDEX` and `_ARRAY_INDEX`.
const OPTION_NAME: u16 = 1;
const OPTION_TYPE: u16 = 3;
const OPTION_DATA: u16 = 4;
const OPTION_REMOVED: u16 = 5;
const OPTION_PORT: u16 = 6;
const OPTION_ARRAY_INDEX: u16 = 7;
/// `TEAM_ATTR_PORT_IFINDEX` and `_REMOVED`.
const PORT_IFINDEX: u16 = 1;
const PORT_REMOVED: u16 = 6;

const HOOKS: Hooks =
    Hooks { family: Some(|_| 0), of_links: Some("team"), single: true, needs: Some("CAP_NET_ADMIN"), ..Hooks::NONE };

/// An option of a team, or of one of its ports.
pub static OPTION: Kind = Kind {
    name: "team_option",
    about: "options of teams of links and of their ports",
    title: &[word("name"), word("value"), named("port").elsewhere(), named("array_index")],
    new: message(TEAM, OPTIONS),
    delete: message(TEAM, OPTIONS | GONE),
    header: &GENLMSGHDR,
    set: &OPTION_SET,
    interface: Interface::Attribute(TEAM_IFINDEX),
    identity: Some(Identity {
        header: &[],
        attributes: &[TEAM_IFINDEX, OF_ITEM + OPTION_NAME, OF_ITEM + OPTION_PORT, OF_ITEM + OPTION_ARRAY_INDEX],
        members: &["team", "name", "port", "array_index"],
    }),
    dumps: &[DumpRequest {
        message: message(TEAM, OPTIONS),
        header: &[OPTIONS, 1, 0, 0],
        attributes: &[],
        per_link: Some(PerLink::Attribute(TEAM_IFINDEX)),
    }],
    hooks: Hooks { interfaces: Some(interfaces::<{ OF_ITEM + OPTION_PORT }>), ..HOOKS },
    ..Kind::PLAIN
};

/// A port of a team.
pub static PORT: Kind = Kind {
    name: "team_port",
    about: "ports of teams of links: carrier and speed as the team sees them",
    title: &[named("port").elsewhere(), named("team"), detail("speed")],
    new: message(TEAM, PORTS),
    delete: message(TEAM, PORTS | GONE),
    header: &GENLMSGHDR,
    set: &PORT_SET,
    interface: Interface::Attribute(OF_ITEM + PORT_IFINDEX),
    identity: Some(Identity {
        header: &[],
        attributes: &[TEAM_IFINDEX, OF_ITEM + PORT_IFINDEX],
        members: &["team", "port"],
    }),
    dumps: &[DumpRequest {
        message: message(TEAM, PORTS),
        header: &[PORTS, 1, 0, 0],
        attributes: &[],
        per_link: Some(PerLink::Attribute(TEAM_IFINDEX)),
    }],
    hooks: Hooks { interfaces: Some(interfaces::<{ OF_ITEM + PORT_IFINDEX }>), ..HOOKS },
    ..Kind::PLAIN
};

static OPTION_SET: Set = Set::new(
    "team_option",
    &[
        row(TEAM_IFINDEX, "team", Is::Members(link, LINK_PARTS)),
        row(OF_ITEM + OPTION_NAME, "name", Is::Text),
        // A mark of the message, not of the option.
        row(OF_ITEM + 2, "changed", Is::Known),
        row(OF_ITEM + OPTION_TYPE, "value", Is::Members(value, VALUE_PARTS)),
        row(OF_ITEM + OPTION_DATA, "data", Is::Elsewhere),
        row(OF_ITEM + OPTION_REMOVED, "removed", Is::Known),
        row(OF_ITEM + OPTION_PORT, "port", Is::Members(link, LINK_PARTS)),
        row(OF_ITEM + OPTION_ARRAY_INDEX, "array_index", Is::Number(U32)),
    ],
);
static PORT_SET: Set = Set::new(
    "team_port",
    &[
        row(TEAM_IFINDEX, "team", Is::Members(link, LINK_PARTS)),
        row(OF_ITEM + PORT_IFINDEX, "port", Is::Members(link, LINK_PARTS)),
        row(OF_ITEM + 2, "changed", Is::Known),
        row(OF_ITEM + 3, "linkup", Is::Present),
        row(OF_ITEM + 4, "speed", Is::Number(U32)),
        row(OF_ITEM + 5, "duplex", Is::Named(U8, &[(0, "half"), (1, "full"), (255, "unknown")])),
        row(OF_ITEM + PORT_REMOVED, "removed", Is::Known),
    ],
);

const LINK_PARTS: &[Part] = &[Part::link("team"), Part::number("team_id"), Part::link("port"), Part::number("port_id")];

/// An interface by its name, and its number beside it.
fn link(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let index = unsigned(U32, payload)?;
    let (name, id) = if context.number() == TEAM_IFINDEX { ("team", "team_id") } else { ("port", "port_id") };
    out.key(name);
    write_link(out, context, index as u32);
    out.key(id);
    out.unsigned(index);
    Ok(())
}

const VALUE_PARTS: &[Part] = &[Part::text("value")];

/// An option's value as a text, whatever its type (`team_nl_fill_one_option_get`, `drivers/net/team/team_core.c`).
fn value(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    /// `NLA_U32`, `NLA_STRING`, `NLA_FLAG` and `NLA_S32`: the kernel's own numbers of types (`net/netlink.h`).
    const NLA_U32: u64 = 3;
    const NLA_STRING: u64 = 5;
    const NLA_FLAG: u64 = 6;
    const NLA_S32: u64 = 14;
    let data = context.sibling(OF_ITEM + OPTION_DATA);
    let kind = unsigned(U8, payload)?;
    out.key("value");
    match (kind, data) {
        (NLA_FLAG, data) => out.display(data.is_some()),
        (NLA_U32, Some(data)) if data.len() == 4 => out.display(unsigned(U32, data)?),
        (NLA_S32, Some(data)) if data.len() == 4 => out.display(unsigned(I32, data)? as i64),
        (NLA_STRING, Some(data)) => out.text(data),
        (_, data) => out.hex(data.unwrap_or_default()),
    }
    Ok(())
}

/// The team, and the port whose number stands in that attribute.
fn interfaces<const PORT_AT: u16>(payload: &[u8]) -> Interfaces {
    let set = PORT.attributes(payload);
    [TEAM_IFINDEX, PORT_AT].into_iter().filter_map(|number| attribute_u32(set, number)).collect()
}

/// Appends each option, or port, of a message as one of its own.
pub(super) fn take_apart(header: Header, command: u8, payload: &[u8], out: &mut Vec<u8>) -> bool {
    let (list, removed) = match command {
        OPTIONS => (LIST_OPTION, OPTION_REMOVED),
        PORTS => (LIST_PORT, PORT_REMOVED),
        _ => return false,
    };
    let (head, set) = payload.split_at(payload.len().min(4));
    for item in attributes(attribute(set, list).unwrap_or_default()) {
        let mut payload = head.to_vec();
        append_attribute(&mut payload, TEAM_IFINDEX, attribute(set, TEAM_IFINDEX).unwrap_or_default());
        attributes(item.payload)
            .for_each(|found| append_attribute(&mut payload, OF_ITEM + found.number, found.payload));
        let gone = if attribute(item.payload, removed).is_some() { GONE } else { 0 };
        append_message(out, Header { kind: message(TEAM, command | gone), ..header }, &payload);
    }
    true
}
