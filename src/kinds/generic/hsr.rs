//! Rings without a single point of failure (HSR, PRP): errors that the driver sees. `HSR_A_*`, `HSR_C_*`: `linux/hsr_netlink.h`.

use super::{ANY_COMMAND, HSR, message};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Field, Hooks, Interface, Is, Kind, Set, SeverityRow, Structure, field, row};
use crate::decode::title::word;
use crate::event::Action;
use crate::event::severity::Severity;

/// `HSR_C_RING_ERROR` and `HSR_C_NODE_DOWN`.
pub static RING: Kind = Kind {
    name: "hsr",
    about: "rings of HSR and PRP: a node is down, or frames come on one side alone",
    title: &[word("cmd"), word("node_addr")],
    new: message(HSR, ANY_COMMAND),
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(2),
    hooks: Hooks {
        action: Some(|_, _| Action::Change),
        family: Some(|_| 0),
        severity: &[SeverityRow::all(Severity::Warning)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("genlmsghdr", 4, FIELDS);
const FIELDS: &[Field] = &[field(0, "cmd", Is::Named(U8, &[(1, "ring_error"), (2, "node_down")]))];
static ATTRIBUTES: Set = Set::new(
    "HSR_A",
    &[
        row(1, "node_addr", Is::Hardware),
        row(2, "dev", Is::Link),
        row(3, "if1_age", Is::Number(U32)),
        row(4, "if2_age", Is::Number(U32)),
        row(5, "node_addr_b", Is::Hardware),
        row(6, "if1_seq", Is::Number(U16)),
        row(7, "if2_seq", Is::Number(U16)),
        row(8, "if1_ifindex", Is::Number(U32)),
        row(9, "if2_ifindex", Is::Number(U32)),
        row(10, "addr_b_ifindex", Is::Number(U32)),
    ],
);
