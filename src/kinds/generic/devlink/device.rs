//! Devices, their line cards, and how far new firmware is written to them.

use super::{ANOTHER, BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, dump, kind};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Field, Hooks, Identity, Is, Kind, Names, Set, Structure, field, row};
use crate::decode::title::{detail, named, word};
use crate::event::Action;
use crate::kinds::generic::devlink::{also, health};
use crate::kinds::generic::{DEVLINK, message};
use crate::netlink::wire::attribute;

/// `DEVLINK_CMD_NEW` and `DEVLINK_CMD_DEL`. Reporters of health go with their device without a word.
pub static DEVICE: Kind = {
    let kind = kind(
        ("devlink_dev", "devices as their drivers have them", &[word("bus"), word("dev").joined("/")]),
        (3, 4, &[]),
        &[dump(&[1, 1, 0, 0])],
        &DEVICE_SET,
        Identity { header: &[], attributes: &[BUS, DEV], members: &["bus", "dev"] },
    );
    Kind { hooks: Hooks { holds: Some((&health::HEALTH, is_of)), ..kind.hooks }, ..kind }
};

fn is_of(inner: &[u8], device: &[u8]) -> bool {
    [BUS, DEV].into_iter().all(|number| {
        let name = |payload| attribute(DEVICE.attributes(payload), number).map(<[u8]>::to_vec);
        name(inner) == name(device)
    })
}

static DEVICE_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        row(136, "reload_failed", Is::Bool(U8)),
        row(156, "stats", Is::Set(&RELOADS)).volatile(),
        row(175, "nested_devlink", Is::Set(&ANOTHER)),
        INDEX_ROW,
    ],
);
/// How often the device was reloaded: by itself, and by another host that shares it.
static RELOADS: Set = Set::new(
    "DEVLINK_ATTR",
    &[row(157, "reload", Is::Each(&Is::Set(&RELOAD))), row(161, "remote_reload", Is::Each(&Is::Set(&RELOAD)))],
);
static RELOAD: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        row(153, "action", Is::Named(U8, &[(1, "driver_reinit"), (2, "fw_activate")])),
        row(163, "stats", Is::Each(&Is::Set(&RELOAD_COUNT))),
    ],
);
static RELOAD_COUNT: Set = Set::new(
    "DEVLINK_ATTR",
    &[row(159, "limit", Is::Named(U8, &[(0, "unspecified"), (1, "no_reset")])), row(160, "value", Is::Number(U32))],
);

/// `DEVLINK_CMD_LINECARD_NEW` and `DEVLINK_CMD_LINECARD_DEL`.
pub static LINECARD: Kind = kind(
    (
        "devlink_linecard",
        "line cards of a modular switch",
        &[word("bus"), word("dev").joined("/"), named("lc"), word("state"), detail("type")],
    ),
    (80, 81, &[]),
    &[dump(&[78, 1, 0, 0])],
    &LINECARD_SET,
    Identity { header: &[], attributes: &[BUS, DEV, 171], members: &["bus", "dev", "lc"] },
);

static LINECARD_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        row(171, "lc", Is::Number(U32)),
        row(172, "state", Is::Named(U8, LINECARD_STATES)),
        row(173, "type", Is::Text),
        row(174, "supported_types", Is::Each(&Is::Text)),
        row(175, "nested_devlink", Is::Set(&ANOTHER)),
        INDEX_ROW,
    ],
);
/// `DEVLINK_LINECARD_STATE_*`.
const LINECARD_STATES: &Names = &[
    (0, "unspec"),
    (1, "unprovisioned"),
    (2, "unprovisioning"),
    (3, "provisioning"),
    (4, "provisioning_failed"),
    (5, "provisioned"),
    (6, "active"),
];

/// `DEVLINK_CMD_FLASH_UPDATE`, `_FLASH_UPDATE_END` and `_FLASH_UPDATE_STATUS`.
pub static FLASH: Kind = Kind {
    name: "devlink_flash",
    about: "new firmware is written to a device",
    title: &[word("bus"), word("dev").joined("/"), word("msg"), named("done"), named("total")],
    new: message(DEVLINK, 58),
    header: &FLASH_HEADER,
    set: &FLASH_SET,
    hooks: Hooks {
        action: Some(|_, _| Action::Change),
        also: &[also(59), also(60)],
        family: Some(|_| 0),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static FLASH_HEADER: Structure = Structure::new("genlmsghdr", 4, FLASH_FIELDS);
const FLASH_FIELDS: &[Field] = &[field(0, "cmd", Is::Named(U8, &[(58, "begin"), (59, "end"), (60, "status")]))];

static FLASH_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        row(122, "file_name", Is::Text),
        row(123, "component", Is::Text),
        row(124, "msg", Is::Text),
        row(125, "done", Is::AnyNumber),
        row(126, "total", Is::AnyNumber),
        row(151, "timeout", Is::AnyNumber),
        INDEX_ROW,
    ],
);
