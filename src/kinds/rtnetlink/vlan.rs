//! `vlan`: the VLANs of bridges and their ports. `struct br_vlan_msg`, `BRIDGE_VLANDB_*`:
//! `include/uapi/linux/if_bridge.h`.

use super::names::BRIDGE_PORT_STATES;
use crate::decode::code::{bridge, multicast, vlan};
use crate::decode::schema::{Dump, Identity, Interface, Is, Kind, Scalar::*, Set, Structure, field, field_of, row};

/// `RTM_NEWVLAN` and `RTM_DELVLAN`. A range is taken apart (`code/vlan.rs`): one object for each VLAN.
pub static VLAN: Kind = Kind {
    name: "vlan",
    about: "VLANs of bridges and their ports, and the options of a bridge for each",
    groups: &[33],
    new: 112,
    delete: 113,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // More in mirror/identity.rs: the VLAN is in the nests.
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[&[vlan::ENTRY], &[vlan::GLOBAL_OPTIONS]],
    partial: false,
    dumps: &[
        Dump { message: 114, header: &[7, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        // BRIDGE_VLANDB_DUMP_FLAGS with BRIDGE_VLANDB_DUMPF_GLOBAL: the global options, and nothing else.
        Dump {
            message: 114,
            header: &[7, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[(1, &2u32.to_ne_bytes())],
            per_link: None,
        },
    ],
};

/// Octets of `struct br_vlan_msg`.
pub const HEADER_BYTES: usize = 8;

static HEADER: Structure = Structure::new(
    "br_vlan_msg",
    HEADER_BYTES,
    &[field(4, "ifindex", Is::Number(U32)), field_of(4, 4, "ifname", Is::Link)],
);

static ATTRIBUTES: Set = Set::new(
    "BRIDGE_VLANDB",
    &[row(vlan::ENTRY, "entry", Is::Inline(&ENTRY)), row(vlan::GLOBAL_OPTIONS, "global", Is::Inline(&GLOBAL))],
);

/// `BRIDGE_VLANDB_ENTRY_*`.
static ENTRY: Set = Set::new(
    "BRIDGE_VLANDB_ENTRY",
    &[
        row(1, "vlan", Is::Members(vlan::entry)),
        row(2, "vlanEnd", Is::Known),
        row(3, "state", Is::Named(U8, BRIDGE_PORT_STATES)),
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
        row(1, "vlan", Is::Members(vlan::global)),
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
        row(17, "mcast_querier_state", Is::Members(bridge::querier_state)),
        row(18, "msti", Is::Number(U16)),
    ],
);

/// `MDBA_ROUTER`, inside: the ports of a VLAN behind which multicast routers are. They come and go without a
/// notification of this kind.
static ROUTERS: Set = Set::new("MDBA", &[row(2, "router_ports", Is::Each(&ROUTER_PORT)).volatile()]);

static ROUTER_PORT: Is = Is::Value(multicast::router_port);
