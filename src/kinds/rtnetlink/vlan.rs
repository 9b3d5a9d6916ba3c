//! `vlan`: the VLANs of bridges and their ports. `struct br_vlan_msg`, `BRIDGE_VLANDB_*`:
//! `include/uapi/linux/if_bridge.h`.

use libc::RTNLGRP_BRVLAN;

use crate::decode::context::Context;
use crate::decode::schema::Scalar::{self, *};
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, ObjectKey, Part, Set, Structure, Untold, field,
    field_of, row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::kinds::rtnetlink::link_info::bridge::{self, vlan_info, write_range, write_vlan_flags};
use crate::kinds::rtnetlink::mdb;
use crate::kinds::rtnetlink::names::BRIDGE_PORT_STATES;
use crate::kinds::rtnetlink::numbers::{AF_BRIDGE, RTM_DELVLAN, RTM_GETVLAN, RTM_NEWVLAN};
use crate::netlink::wire::{append_attribute, attribute, attribute_u32, attributes, u16_at};

/// `RTM_NEWVLAN` and `RTM_DELVLAN`. A range is taken apart (`code/vlan.rs`): one object for each VLAN.
pub static VLAN: Kind = Kind {
    name: "vlan",
    about: "VLANs of bridges and their ports, and the options of a bridge for each",
    title: &[
        word("vlan"),
        word("vlanEnd").joined("-"),
        word("global"),
        word("flags").as_detail(),
        word("state").as_detail(),
        word("tunnel.tunid").after("tunnel").as_detail(),
        detail("mcast_snooping"),
        detail("mcast_router"),
        detail("msti"),
        detail("router_ports"),
    ],
    groups: &[RTNLGRP_BRVLAN],
    new: RTM_NEWVLAN,
    delete: RTM_DELVLAN,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // And the VLAN, which is in the nests.
    identity: Some(Identity { header: &[(4, 4)], attributes: &[], members: &["ifindex", "vlan", "global"] }),
    split: &[&[BRIDGE_VLANDB_ENTRY], &[BRIDGE_VLANDB_GLOBAL_OPTIONS]],
    dumps: &[
        DumpRequest {
            message: RTM_GETVLAN,
            header: &[AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
        // BRIDGE_VLANDB_DUMP_FLAGS with BRIDGE_VLANDB_DUMPF_GLOBAL: the global options, and nothing else.
        DumpRequest {
            message: RTM_GETVLAN,
            header: &[AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[(1, &2u32.to_ne_bytes())],
            per_link: None,
        },
    ],
    hooks: Hooks {
        key: Some(write_key),
        singles: Some(singles_of),
        untold: Untold::Of(changes_untold),
        untold_inside: &[(BRIDGE_VLANDB_ENTRY, &[STATE])],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// Whether a VLAN changes with nothing near it that is told. Who asks about multicast in a VLAN of a bridge changes with packets and
/// time, as it does in the whole bridge (`br_multicast_select_own_querier`, `br_multicast_update_querier`).
fn changes_untold(payload: &[u8]) -> bool {
    attribute(VLAN.attributes(payload), BRIDGE_VLANDB_GLOBAL_OPTIONS).is_some()
}

/// Octets of `struct br_vlan_msg`.
pub const HEADER_BYTES: usize = 8;

static HEADER: Structure = Structure::new(
    "br_vlan_msg",
    HEADER_BYTES,
    &[field(4, "ifindex", Is::Number(U32)), field_of(4, 4, "ifname", Is::Link)],
);

static ATTRIBUTES: Set = Set::new(
    "BRIDGE_VLANDB",
    &[
        row(BRIDGE_VLANDB_ENTRY, "entry", Is::Inline(&ENTRY)),
        row(BRIDGE_VLANDB_GLOBAL_OPTIONS, "global", Is::Inline(&GLOBAL)),
    ],
);

/// `BRIDGE_VLANDB_ENTRY_*`.
static ENTRY: Set = Set::new(
    "BRIDGE_VLANDB_ENTRY",
    &[
        row(1, "vlan", Is::Members(entry, ENTRY_PARTS)),
        row(2, "vlanEnd", Is::Known),
        row(STATE, "state", Is::Named(U8, BRIDGE_PORT_STATES)),
        row(4, "tunnel", Is::Set(&TUNNEL)),
        row(5, "stats", Is::Inline(&STATISTICS)).volatile(),
        row(6, "mcast_router", Is::Number(U8)),
        row(7, "mcast_n_groups", Is::Number(U32)).volatile(),
        row(8, "mcast_max_groups", Is::Number(U32)),
        row(9, "neigh_suppress", Is::Bool(U8)),
        row(10, "neigh_forward_grat", Is::Bool(U8)),
    ],
);

/// `BRIDGE_VLANDB_TINFO_*`.
static TUNNEL: Set =
    Set::new("BRIDGE_VLANDB_TINFO", &[row(1, "tunid", Is::Number(U32)), row(2, "cmd", Is::Number(U32))]);

/// `BRIDGE_VLANDB_STATS_*`.
static STATISTICS: Set = Set::new(
    "BRIDGE_VLANDB_STATS",
    &[
        row(1, "rx_bytes", Is::Number(U64)),
        row(2, "rx_packets", Is::Number(U64)),
        row(3, "tx_bytes", Is::Number(U64)),
        row(4, "tx_packets", Is::Number(U64)),
        row(5, "pad", Is::Known),
    ],
);

/// `BRIDGE_VLANDB_GOPTS_*`; intervals in 1/100 s, as `bridge` prints them.
static GLOBAL: Set = Set::new(
    "BRIDGE_VLANDB_GOPTS",
    &[
        row(1, "vlan", Is::Members(global, GLOBAL_PARTS)),
        row(2, "vlanEnd", Is::Known),
        row(3, "mcast_snooping", Is::Number(U8)),
        row(4, "mcast_igmp_version", Is::Number(U8)),
        row(5, "mcast_mld_version", Is::Number(U8)),
        row(6, "mcast_last_member_count", Is::Number(U32)),
        row(7, "mcast_startup_query_count", Is::Number(U32)),
        row(8, "mcast_last_member_interval", Is::Number(U64)),
        row(9, "pad", Is::Known),
        row(10, "mcast_membership_interval", Is::Number(U64)),
        row(11, "mcast_querier_interval", Is::Number(U64)),
        row(12, "mcast_query_interval", Is::Number(U64)),
        row(13, "mcast_query_response_interval", Is::Number(U64)),
        row(14, "mcast_startup_query_interval", Is::Number(U64)),
        row(15, "mcast_querier", Is::Number(U8)),
        row(16, "router_ports", Is::Inline(&ROUTERS)),
        row(17, "mcast_querier_state", Is::Members(bridge::querier_state, bridge::QUERIER_STATE_PARTS)),
        row(18, "msti", Is::Number(U16)),
    ],
);

/// `MDBA_ROUTER`, inside: the ports of a VLAN behind which multicast routers are. They come and go without a
/// notification of this kind.
static ROUTERS: Set = Set::new("MDBA", &[row(2, "router_ports", Is::Each(&ROUTER_PORT)).volatile()]);

static ROUTER_PORT: Is = Is::Value(mdb::router_port, mdb::ROUTER_PORT_SHAPE);

/// `BRIDGE_VLANDB_ENTRY`: a VLAN of a port, or of the bridge itself.
pub const BRIDGE_VLANDB_ENTRY: u16 = 1;

/// `BRIDGE_VLANDB_GLOBAL_OPTIONS`: what holds for a VLAN in the whole bridge.
pub const BRIDGE_VLANDB_GLOBAL_OPTIONS: u16 = 2;

/// `BRIDGE_VLANDB_ENTRY_INFO`, and `BRIDGE_VLANDB_GOPTS_ID`.
const NUMBER: u16 = 1;

/// `BRIDGE_VLANDB_ENTRY_RANGE`, and `BRIDGE_VLANDB_GOPTS_RANGE`: the last VLAN of a range.
const RANGE_END: u16 = 2;

/// `BRIDGE_VLANDB_ENTRY_STATE`: the state of a port in a VLAN. `bridge mst set` changes it in all VLANs of a tree, and nothing is told
/// (`br_mst_set_state`).
const STATE: u16 = 3;

/// A VLAN's tunnel, and in it the tunnel's number, `BRIDGE_VLANDB_TINFO_ID`.
const BRIDGE_VLANDB_ENTRY_TUNNEL_INFO: u16 = 4;
const TUNNEL_ID: u16 = 1;

/// The highest number that a VLAN can have (`VLAN_N_VID`, less the reserved one).
const VLAN_MAX: u16 = 4094;

fn write_vlans(out: &mut Json, context: &Context<'_>, first: u64) -> Decoded {
    let last = context.sibling(RANGE_END).map(|payload| unsigned(Scalar::U16, payload)).transpose()?;
    write_range(out, ["vlan", "vlanEnd"], first, last);
    Ok(())
}

/// The members that [`entry`] writes.
const ENTRY_PARTS: &[Part] = &[Part::number("vlan"), Part::number("vlanEnd"), Part::texts("flags")];

/// `BRIDGE_VLANDB_ENTRY_INFO`, `struct bridge_vlan_info`: the VLAN and its flags.
pub fn entry(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (flags, vlan) = vlan_info(payload)?;
    write_vlans(out, context, vlan.into())?;
    write_vlan_flags(out, flags);
    Ok(())
}

/// The members that [`global`] writes.
const GLOBAL_PARTS: &[Part] = &[Part::bool("global"), Part::number("vlan"), Part::number("vlanEnd")];

/// `BRIDGE_VLANDB_GOPTS_ID`: the VLAN, and that these are the options of the whole bridge.
pub fn global(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let vlan = unsigned(Scalar::U16, payload)?;
    out.key("global");
    out.bool(true);
    write_vlans(out, context, vlan)
}

/// Which of the two an object is, and its VLAN: what makes it the same, beside the interface.
pub fn identity(set: &[u8]) -> Option<(u16, u16)> {
    let number = |nest: u16| attribute(set, nest).and_then(|nest| attribute(nest, NUMBER));
    if let Some(info) = number(BRIDGE_VLANDB_ENTRY) {
        return Some((BRIDGE_VLANDB_ENTRY, u16_at(info, 2)?));
    }
    Some((BRIDGE_VLANDB_GLOBAL_OPTIONS, u16_at(number(BRIDGE_VLANDB_GLOBAL_OPTIONS)?, 0)?))
}

/// The objects of a row, one for each VLAN of its range. The kernel puts as many VLANs in a range as are alike, and not
/// always the same ones: only single ones can be held against each other. The numbers of tunnels grow with the VLANs'.
///
/// `set` are the row's attributes, behind the eight octets of `struct br_vlan_msg`.
pub fn singles(row: &[u8], header_bytes: usize) -> Vec<Vec<u8>> {
    let (header, set) = row.split_at(header_bytes.min(row.len()));
    let Some((kind, first)) = identity(set) else { return vec![row.to_vec()] };
    let nest = attribute(set, kind).unwrap_or_default();
    let last = attribute(nest, RANGE_END).and_then(|last| u16_at(last, 0)).unwrap_or(first);
    if last <= first || last > VLAN_MAX {
        return vec![row.to_vec()];
    }
    (first..=last).map(|vlan| single(header, set, kind, (first, vlan))).collect()
}

fn single(header: &[u8], set: &[u8], kind: u16, (first, vlan): (u16, u16)) -> Vec<u8> {
    let mut object = header.to_vec();
    for found in attributes(set) {
        if found.number != kind {
            append_attribute(&mut object, found.number, found.payload);
            continue;
        }
        let mut nest = Vec::with_capacity(found.payload.len());
        for inner in attributes(found.payload) {
            match inner.number {
                NUMBER => {
                    let mut number = inner.payload.to_vec();
                    // In an entry two octets of flags come before it.
                    let at = if kind == BRIDGE_VLANDB_ENTRY { 2 } else { 0 };
                    if let Some(place) = number.get_mut(at..at + 2) {
                        place.copy_from_slice(&vlan.to_ne_bytes());
                    }
                    append_attribute(&mut nest, NUMBER, &number);
                }
                RANGE_END => {}
                BRIDGE_VLANDB_ENTRY_TUNNEL_INFO if kind == BRIDGE_VLANDB_ENTRY => {
                    append_attribute(
                        &mut nest,
                        BRIDGE_VLANDB_ENTRY_TUNNEL_INFO,
                        &moved_tunnel(inner.payload, vlan - first),
                    );
                }
                _ => append_attribute(&mut nest, inner.number, inner.payload),
            }
        }
        append_attribute(&mut object, kind, &nest);
    }
    object
}

fn moved_tunnel(payload: &[u8], by: u16) -> Vec<u8> {
    let mut tunnel = Vec::with_capacity(payload.len());
    for found in attributes(payload) {
        match attribute_u32(payload, TUNNEL_ID) {
            Some(number) if found.number == TUNNEL_ID && number != 0 => {
                append_attribute(&mut tunnel, TUNNEL_ID, &number.wrapping_add(by.into()).to_ne_bytes());
            }
            _ => append_attribute(&mut tunnel, found.number, found.payload),
        }
    }
    tunnel
}

/// A VLAN is known by its number, of the port or of the whole bridge.
fn write_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    if let Some((which, number)) = identity(set) {
        key.extend_from_slice(&which.to_ne_bytes());
        key.extend_from_slice(&number.to_ne_bytes());
    }
}

/// The VLANs of a row that is a range.
fn singles_of(row: &[u8]) -> Vec<Vec<u8>> {
    singles(row, HEADER_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{message, nest, text};
    use crate::kinds::split::{rows, split};

    fn row(number: u16, inside: &[(u16, &[u8])]) -> Vec<u8> {
        message(&[7, 0, 0, 0, 3, 0, 0, 0], &[(number, &nest(inside))])
    }

    #[test]
    fn a_range_is_one_row_and_several_objects() {
        let tunnel = nest(&[(TUNNEL_ID, &500u32.to_ne_bytes()), (2, &1u32.to_ne_bytes())]);
        let info = [2u16.to_ne_bytes(), 20u16.to_ne_bytes()].concat();
        let payload = row(
            BRIDGE_VLANDB_ENTRY,
            &[
                (NUMBER, &info),
                (RANGE_END, &22u16.to_ne_bytes()),
                (3, &[3]),
                (BRIDGE_VLANDB_ENTRY_TUNNEL_INFO, &tunnel),
            ],
        );
        let row = rows(&VLAN, &payload);
        assert_eq!(row.len(), 1);
        let head = r#"{"ifindex":3,"ifname":"if3","#;
        let untagged = r#""flags":["PVID"],"state":"forwarding""#;
        let whole = format!(r#"{head}"vlan":20,"vlanEnd":22,{untagged},"tunnel":{{"tunid":500,"cmd":1}}}}"#);
        assert_eq!(text(&VLAN, &row[0]), whole);
        let single = split(&VLAN, &payload);
        let expected = [20, 21, 22].map(|vlan| {
            let tunnel = vlan + 480;
            format!(r#"{head}"vlan":{vlan},{untagged},"tunnel":{{"tunid":{tunnel},"cmd":1}}}}"#)
        });
        assert_eq!(single.iter().map(|object| text(&VLAN, object)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn options_of_the_whole_bridge_are_another_object() {
        let last = 5u16.to_ne_bytes();
        let payload =
            row(BRIDGE_VLANDB_GLOBAL_OPTIONS, &[(NUMBER, &4u16.to_ne_bytes()), (RANGE_END, &last), (18, &[9, 0])]);
        let objects = split(&VLAN, &payload);
        assert_eq!(objects.len(), 2);
        let expected = r#"{"ifindex":3,"ifname":"if3","global":true,"vlan":5,"msti":9}"#;
        assert_eq!(text(&VLAN, &objects[1]), expected);
        assert_eq!(identity(&objects[1][8..]), Some((BRIDGE_VLANDB_GLOBAL_OPTIONS, 5)));
    }

    #[test]
    fn a_range_that_cannot_be_stays_whole() {
        for last in [3, 4, 4095, 0xffff_u16] {
            let payload =
                row(BRIDGE_VLANDB_GLOBAL_OPTIONS, &[(NUMBER, &4u16.to_ne_bytes()), (RANGE_END, &last.to_ne_bytes())]);
            assert_eq!(singles(&payload, 8), vec![payload]);
        }
        assert_eq!(singles(&[7, 0, 0], 8), vec![vec![7, 0, 0]]);
    }
}
