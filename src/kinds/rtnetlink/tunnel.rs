//! `tunnel`: the network identifiers that a vxlan interface accepts (`vnifilter`). `struct tunnel_msg`,
//! `VXLAN_VNIFILTER_*`: `include/uapi/linux/if_link.h`.

use libc::RTNLGRP_TUNNEL;

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, ObjectKey, Part, Set, Structure, field, field_of, row,
};
use crate::decode::title::{detail, named, word};
use crate::json::Json;
use crate::kinds::rtnetlink::link_info::tunnels::{is_multicast, write_address};
use crate::kinds::rtnetlink::numbers::{AF_BRIDGE, RTM_DELTUNNEL, RTM_GETTUNNEL, RTM_NEWTUNNEL};
use crate::netlink::wire::attribute;

/// `RTM_NEWTUNNEL` and `RTM_DELTUNNEL`.
pub static TUNNEL: Kind = Kind {
    name: "tunnel",
    about: "network identifiers that vxlan interfaces accept",
    title: &[named("vni"), word("vniEnd").joined("-"), detail("group"), detail("remote")],
    groups: &[RTNLGRP_TUNNEL],
    new: RTM_NEWTUNNEL,
    delete: RTM_DELTUNNEL,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // And the identifier's number, which is in the nest.
    identity: Some(Identity { header: &[(4, 4)], attributes: &[], members: &["ifindex", "vni"] }),
    split: &[&[VXLAN_VNIFILTER_ENTRY]],
    // TUNNEL_MSG_FLAG_STATS: without it the kernel puts neighbouring identifiers together, which it notifies one by one.
    dumps: &[DumpRequest {
        message: RTM_GETTUNNEL,
        header: &[AF_BRIDGE, 1, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks { key: Some(write_key), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `VXLAN_VNIFILTER_ENTRY`.
pub const VXLAN_VNIFILTER_ENTRY: u16 = 1;

static HEADER: Structure = Structure::new(
    "tunnel_msg",
    8,
    &[field(4, "ifindex", Is::Number(U32)), field_of(4, 4, "ifname", Is::Link), field_of(1, 1, "flags", Is::Known)],
);

static ATTRIBUTES: Set = Set::new("VXLAN_VNIFILTER", &[row(VXLAN_VNIFILTER_ENTRY, "entry", Is::Inline(&ENTRY))]);

/// `VXLAN_VNIFILTER_ENTRY_*`.
static ENTRY: Set = Set::new(
    "VXLAN_VNIFILTER_ENTRY",
    &[
        row(1, "vni", Is::Number(U32)),
        row(2, "vniEnd", Is::Number(U32)),
        row(3, "group", Is::Members(vni_group, VNI_GROUP_PARTS)),
        row(4, "group6", Is::Members(vni_group, VNI_GROUP_PARTS)),
        row(5, "stats", Is::Set(&STATISTICS)).volatile(),
    ],
);

/// `VNIFILTER_ENTRY_STATS_*`.
static STATISTICS: Set = Set::new(
    "VNIFILTER_ENTRY_STATS",
    &[
        row(1, "rx_bytes", Is::Number(U64)),
        row(2, "rx_pkts", Is::Number(U64)),
        row(3, "rx_drops", Is::Number(U64)),
        row(4, "rx_errors", Is::Number(U64)),
        row(5, "tx_bytes", Is::Number(U64)),
        row(6, "tx_pkts", Is::Number(U64)),
        row(7, "tx_drops", Is::Number(U64)),
        row(8, "tx_errors", Is::Number(U64)),
        row(9, "pad", Is::Known),
    ],
);

/// The members that [`vni_group`] writes.
const VNI_GROUP_PARTS: &[Part] = &[Part::text("group"), Part::text("remote")];

/// Where packets of a network identifier go that vxlan accepts: `group` or `remote`, of either family.
pub fn vni_group(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let key = if is_multicast(payload) { "group" } else { "remote" };
    write_address(out, [key, key], payload)
}

/// An identifier of a network is known by its number, which stands in the nest.
fn write_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    let entry = attribute(set, VXLAN_VNIFILTER_ENTRY).unwrap_or_default();
    push(key, attribute(entry, 1));
}
