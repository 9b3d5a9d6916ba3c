//! Packets that a device hands to the CPU or drops: traps, their groups, and policers that bound how many come.

use super::{BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, STATISTICS, dump, kind};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Is, Kind, Names, Part, Set, Shape, TEXT, row};
use crate::decode::title::{detail, named, word};
use crate::decode::value::write_named;
use crate::json::Json;
use crate::netlink::wire::attributes;

/// `DEVLINK_ATTR_TRAP_NAME`, `_TRAP_ACTION`, `_TRAP_GENERIC`, `_TRAP_GROUP_NAME`, `_TRAP_POLICER_ID`, `_RATE` and `_BURST`.
const NAME: u16 = 130;
const ACTION: u16 = 131;
const GENERIC: u16 = 133;
const GROUP: u16 = 135;
const POLICER: u16 = 142;
const POLICER_RATE: u16 = 143;
const POLICER_BURST: u16 = 144;

/// A kind of which a program may change these attributes, and the kernel does not tell it.
const fn changing_untold(attributes: &'static [u16], kind: Kind) -> Kind {
    Kind { hooks: Hooks { untold_attributes: attributes, ..kind.hooks }, ..kind }
}

/// `DEVLINK_CMD_TRAP_NEW` and `DEVLINK_CMD_TRAP_DEL`.
pub static TRAP: Kind = changing_untold(
    &[ACTION],
    kind(
        (
            "devlink_trap",
            "packets that a device hands to the CPU or drops",
            &[word("bus"), word("dev").joined("/"), word("name"), word("action"), detail("group")],
        ),
        (63, 64, &[]),
        &[dump(&[61, 1, 0, 0])],
        &TRAP_SET,
        Identity { header: &[], attributes: &[BUS, DEV, NAME], members: &["bus", "dev", "name"] },
    ),
);

static TRAP_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        STATISTICS,
        row(NAME, "name", Is::Members(name, NAME_PARTS)),
        row(ACTION, "action", Is::Named(U8, &[(0, "drop"), (1, "trap"), (2, "mirror")])),
        row(132, "type", Is::Named(U8, &[(0, "drop"), (1, "exception"), (2, "control")])),
        row(GENERIC, "generic", Is::Elsewhere),
        row(134, "metadata", Is::Value(metadata, &Shape::List(TEXT))),
        row(GROUP, "group", Is::Text),
        INDEX_ROW,
    ],
);

const NAME_PARTS: &[Part] = &[Part::text("name"), Part::bool("generic")];

/// The name, and whether it is one that several drivers have.
fn name(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("name");
    out.text(payload);
    out.key("generic");
    out.bool(context.sibling(GENERIC).is_some());
    Ok(())
}

/// `DEVLINK_ATTR_TRAP_METADATA_TYPE_*`: what the device says of a packet.
const METADATA: &Names = &[(0, "input_port"), (1, "flow_action_cookie")];

fn metadata(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    for found in attributes(payload) {
        write_named(out, METADATA, found.number.into());
    }
    out.end_list();
    Ok(())
}

/// `DEVLINK_CMD_TRAP_GROUP_NEW` and `DEVLINK_CMD_TRAP_GROUP_DEL`.
pub static GROUP_OF_TRAPS: Kind = changing_untold(
    &[POLICER],
    kind(
        (
            "devlink_trap_group",
            "groups of traps",
            &[word("bus"), word("dev").joined("/"), word("name"), named("policer")],
        ),
        (67, 68, &[]),
        &[dump(&[65, 1, 0, 0])],
        &GROUP_SET,
        Identity { header: &[], attributes: &[BUS, DEV, GROUP], members: &["bus", "dev", "name"] },
    ),
);

static GROUP_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        STATISTICS,
        row(GENERIC, "generic", Is::Elsewhere),
        row(GROUP, "name", Is::Members(name, NAME_PARTS)),
        row(POLICER, "policer", Is::Number(U32)),
        INDEX_ROW,
    ],
);

/// `DEVLINK_CMD_TRAP_POLICER_NEW` and `DEVLINK_CMD_TRAP_POLICER_DEL`.
pub static TRAP_POLICER: Kind = changing_untold(
    &[POLICER_RATE, POLICER_BURST],
    kind(
        (
            "devlink_trap_policer",
            "how many trapped packets may come",
            &[word("bus"), word("dev").joined("/"), named("policer"), named("rate"), detail("burst")],
        ),
        (71, 72, &[]),
        &[dump(&[69, 1, 0, 0])],
        &POLICER_SET,
        Identity { header: &[], attributes: &[BUS, DEV, POLICER], members: &["bus", "dev", "policer"] },
    ),
);

static POLICER_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        STATISTICS,
        row(POLICER, "policer", Is::Number(U32)),
        row(POLICER_RATE, "rate", Is::Number(U64)),
        row(POLICER_BURST, "burst", Is::Number(U64)),
        INDEX_ROW,
    ],
);
