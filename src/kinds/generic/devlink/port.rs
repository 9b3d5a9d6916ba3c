//! Ports of a device: its sockets for cables, and those of the functions that it has for virtual machines.

use super::{ANOTHER, BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, PORT_INDEX, PORT_INDEX_ROW, dump, kind};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Interface, Is, Kind, Names, Part, Set, Wrong, row};
use crate::decode::title::{detail, word};
use crate::json::Json;
use crate::netlink::wire::{attribute, u32_at};

/// `DEVLINK_ATTR_PORT_NETDEV_IFINDEX` and `_NETDEV_NAME`.
const NETDEV_IFINDEX: u16 = 6;
const NETDEV_NAME: u16 = 7;

/// `DEVLINK_CMD_PORT_NEW` and `DEVLINK_CMD_PORT_DEL`.
pub static PORT: Kind = {
    let kind = kind(
        (
            "devlink_port",
            "ports of devices",
            &[
                word("bus"),
                word("dev").joined("/"),
                word("port_index").joined("/"),
                detail("flavour"),
                detail("netdev").elsewhere(),
            ],
        ),
        (7, 8, &[]),
        &[dump(&[5, 1, 0, 0])],
        &PORT_SET,
        Identity { header: &[], attributes: &[BUS, DEV, PORT_INDEX], members: &["bus", "dev", "port_index"] },
    );
    Kind {
        interface: Interface::Attribute(NETDEV_IFINDEX),
        hooks: Hooks { interface_name: Some(interface_name), ..kind.hooks },
        ..kind
    }
};

fn interface_name(payload: &[u8]) -> Option<&[u8]> {
    let name = attribute(PORT.attributes(payload), NETDEV_NAME)?;
    Some(name.strip_suffix(b"\0").unwrap_or(name))
}

static PORT_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        PORT_INDEX_ROW,
        row(4, "type", Is::Named(U16, TYPES)),
        row(5, "des_type", Is::Named(U16, TYPES)),
        // The line's ifindex.
        row(NETDEV_IFINDEX, "port_netdev_ifindex", Is::Known),
        row(NETDEV_NAME, "netdev", Is::Text),
        row(8, "ibdev", Is::Text),
        row(10, "split_group", Is::Number(U32)),
        row(77, "flavour", Is::Named(U16, FLAVOURS)),
        row(78, "port", Is::Number(U32)),
        row(79, "subport", Is::Number(U32)),
        row(127, "pfnum", Is::Number(U16)),
        row(128, "vfnum", Is::Number(U16)),
        row(145, "function", Is::Set(&FUNCTION)),
        row(147, "lanes", Is::Number(U32)),
        row(148, "splittable", Is::Bool(U8)),
        row(149, "external", Is::Bool(U8)),
        row(150, "controller", Is::Number(U32)),
        row(164, "sfnum", Is::Number(U32)),
        row(171, "lc", Is::Number(U32)),
        INDEX_ROW,
    ],
);
/// `DEVLINK_PORT_TYPE_*`.
const TYPES: &Names = &[(0, "notset"), (1, "auto"), (2, "eth"), (3, "ib")];
/// `DEVLINK_PORT_FLAVOUR_*`.
const FLAVOURS: &Names =
    &[(0, "physical"), (1, "cpu"), (2, "dsa"), (3, "pcipf"), (4, "pcivf"), (5, "virtual"), (6, "unused"), (7, "pcisf")];

static FUNCTION: Set = Set::new(
    "DEVLINK_PORT_FUNCTION_ATTR",
    &[
        row(1, "hw_addr", Is::Hardware),
        row(2, "state", Is::Named(U8, &[(0, "inactive"), (1, "active")])),
        row(3, "opstate", Is::Named(U8, &[(0, "detached"), (1, "attached")])),
        row(4, "caps", Is::Members(capabilities, CAPABILITIES_PARTS)),
        row(5, "nested_devlink", Is::Set(&ANOTHER)),
        row(6, "max_io_eqs", Is::Number(U32)),
    ],
);
/// `DEVLINK_PORT_FN_CAP_*`.
const CAPABILITIES: &Names = &[(0x1, "roce"), (0x2, "migratable"), (0x4, "ipsec_crypto"), (0x8, "ipsec_packet")];
const CAPABILITIES_PARTS: &[Part] =
    &[Part::text("roce"), Part::text("migratable"), Part::text("ipsec_crypto"), Part::text("ipsec_packet")];

/// `struct nla_bitfield32`: of the bits of the second number, which ones are set.
fn capabilities(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(value), Some(selector)) = (u32_at(payload, 0), u32_at(payload, 4)) else { return Err(Wrong::Length(8)) };
    for (bit, name) in CAPABILITIES {
        if u64::from(selector) & bit != 0 {
            out.key(name);
            out.plain(if u64::from(value) & bit == 0 { "disable" } else { "enable" });
        }
    }
    Ok(())
}
