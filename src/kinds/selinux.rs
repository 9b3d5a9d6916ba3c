//! SELinux, protocol 7 (`linux/selinux_netlink.h`): whether it enforces its policy, and that a policy was loaded.

use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Hooks, Is, Kind, Set, SeverityRow, Sides, Structure, row};
use crate::decode::title::word;
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::kinds::protocol::Protocol;
use crate::kinds::renumber::{each_message, renumbered};
use crate::netlink::socket::NETLINK_SELINUX;
use crate::netlink::wire::{Header, append_attribute, append_message, attribute_u32};

/// The protocol.
pub static PROTOCOL: Protocol =
    Protocol { name: "selinux", number: NETLINK_SELINUX, kinds: &[&SELINUX], adapt: Some(adapt), ..Protocol::PLAIN };

/// `SELNL_MSG_SETENFORCE` and `SELNL_MSG_POLICYLOAD`.
const SETENFORCE: u16 = 16;
const POLICYLOAD: u16 = 17;
/// `SELNLGRP_AVC`.
const GROUP: u32 = 1;

/// The upper octet of types as the tables know them.
const TYPES: u8 = 0x31;

/// Octets before the attributes that messages become.
const HEADER_BYTES: usize = 4;
static HEADER: Structure = Structure::new("", HEADER_BYTES, &[]);

/// `SELNL_MSG_SETENFORCE` and `SELNL_MSG_POLICYLOAD`.
pub static SELINUX: Kind = Kind {
    name: "selinux",
    about: "SELinux begins or ends to enforce its policy, or loads one",
    title: &[word("enforcing").after("enforcing"), word("policy").after("policy")],
    groups: &[GROUP],
    new: renumbered(TYPES, SETENFORCE),
    header: &HEADER,
    set: &ATTRIBUTES,
    hooks: Hooks {
        action: Some(|_, _| Action::Change),
        also: &[(renumbered(TYPES, POLICYLOAD), false)],
        signals: Some(signals_of),
        severity: &[SeverityRow::all(Severity::Notice)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// The number in a message becomes an attribute with the message's type.
static ATTRIBUTES: Set =
    Set::new("SELNL_MSG", &[row(SETENFORCE, "enforcing", Is::Bool(U32)), row(POLICYLOAD, "policy", Is::Number(U32))]);

fn adapt(datagram: &[u8], out: &mut Vec<u8>) {
    each_message(datagram, out, TYPES, |message, out| {
        let kind = message.header.kind;
        let mut body = Vec::new();
        if [SETENFORCE, POLICYLOAD].contains(&kind) && message.payload.len() < 4 {
            // Too short, and told so.
            body.extend_from_slice(&message.payload[..message.payload.len().min(3)]);
        } else {
            body.resize(HEADER_BYTES, 0);
            append_attribute(&mut body, kind, message.payload);
        }
        append_message(out, Header { kind: renumbered(TYPES, kind), ..message.header }, &body);
    });
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    match attribute_u32(SELINUX.attributes(sides.message), SETENFORCE) {
        None => Signals::NONE,
        Some(0) => Signals::ENFORCING_OFF,
        Some(_) => Signals::ENFORCING_ON,
    }
}
