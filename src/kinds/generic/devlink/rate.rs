//! How fast functions of a device may send: leaves, which are ports, and nodes above them.

use super::{ANOTHER, BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, PORT_INDEX, PORT_INDEX_ROW, dump, kind};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Identity, Is, Kind, Set, row};
use crate::decode::title::{detail, named, word};

/// `DEVLINK_ATTR_RATE_NODE_NAME`.
const NAME: u16 = 168;

/// `DEVLINK_CMD_RATE_NEW` and `DEVLINK_CMD_RATE_DEL`. A leaf has a port, and a node a name.
pub static RATE: Kind = kind(
    (
        "devlink_rate",
        "how fast functions of devices may send",
        &[
            word("bus"),
            word("dev").joined("/"),
            word("port_index").or("name").joined("/"),
            named("tx_share"),
            named("tx_max"),
            detail("parent"),
        ],
    ),
    (76, 77, &[]),
    &[dump(&[74, 1, 0, 0])],
    &RATE_SET,
    Identity { header: &[], attributes: &[BUS, DEV, PORT_INDEX, NAME], members: &["bus", "dev", "port_index|name"] },
);

static RATE_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        PORT_INDEX_ROW,
        row(165, "type", Is::Named(U16, &[(0, "leaf"), (1, "node")])),
        // Octets a second; 0 is none.
        row(166, "tx_share", Is::NumberUnless(U64, 0)),
        row(167, "tx_max", Is::NumberUnless(U64, 0)),
        row(NAME, "name", Is::Text),
        row(169, "parent", Is::Text),
        row(177, "tx_priority", Is::NumberUnless(U32, 0)),
        row(178, "tx_weight", Is::NumberUnless(U32, 0)),
        row(180, "tc_bw", Is::Set(&CLASS)).repeated(),
        INDEX_ROW,
        row(186, "parent_dev", Is::Set(&ANOTHER)),
    ],
);
/// What a traffic class has of it.
static CLASS: Set = Set::new("DEVLINK_RATE_TC_ATTR", &[row(1, "index", Is::AnyNumber), row(2, "bw", Is::AnyNumber)]);
