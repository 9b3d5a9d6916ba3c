//! `stats`: counters of interfaces. `struct if_stats_msg`, `IFLA_STATS_*`: `include/uapi/linux/if_link.h`.

use libc::RTNLGRP_STATS;

use super::link_info::bridge::{MULTICAST_COUNTERS, SPANNING_TREE_COUNTERS, VLAN_COUNTERS};
use crate::decode::schema::{Interface, Is, Kind, Scalar::*, Set, Structure, field, field_of, row};
use crate::decode::title::{detail, word};
use crate::kinds::rtnetlink::numbers::RTM_NEWSTATS;
use crate::kinds::rtnetlink::shared;

/// `RTM_NEWSTATS`. A notification comes when counters in hardware are switched on or off
/// (`rtnl_offload_xstats_notify`); counters themselves are never notified, so that there is no state to keep.
pub static STATS: Kind = Kind {
    name: "stats",
    about: "whether hardware counts for interfaces",
    title: &[word("ifindex").after("of link"), detail("offload")],
    groups: &[RTNLGRP_STATS],
    new: RTM_NEWSTATS,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new(
    "if_stats_msg",
    12,
    &[
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "ifname", Is::Link),
        // Which attributes were asked for.
        field_of(8, 4, "filter_mask", Is::Known),
    ],
);

static ATTRIBUTES: Set = Set::new(
    "IFLA_STATS",
    &[
        row(0, "pad", Is::Known),
        row(1, "stats64", Is::Value(shared::statistics, shared::STATISTICS_SHAPE)),
        row(2, "xstats", Is::Set(&EXTENDED)),
        row(3, "xstats_slave", Is::Set(&EXTENDED)),
        row(4, "offload", Is::Set(&OFFLOAD)),
        row(5, "afstats", Is::Set(&FAMILIES)),
    ],
);

/// `LINK_XSTATS_TYPE_*`.
static EXTENDED: Set =
    Set::new("LINK_XSTATS_TYPE", &[row(1, "bridge", Is::Set(&BRIDGE)), row(2, "bond", Is::Set(&BOND))]);

/// `BRIDGE_XSTATS_*`.
static BRIDGE: Set = Set::new(
    "BRIDGE_XSTATS",
    &[
        row(1, "vlans", Is::Structure(&VLAN_COUNTERS)).repeated(),
        row(2, "multicast", Is::Structure(&MULTICAST_COUNTERS)),
        row(3, "pad", Is::Known),
        row(4, "stp", Is::Structure(&SPANNING_TREE_COUNTERS)),
    ],
);

/// `BOND_XSTATS_*`.
static BOND: Set = Set::new("BOND_XSTATS", &[row(1, "802.3ad", Is::Set(&BOND_LACP))]);

/// `BOND_3AD_STAT_*` (`include/uapi/linux/if_bonding.h`).
static BOND_LACP: Set = Set::new(
    "BOND_3AD_STAT",
    &[
        row(0, "lacpdu_rx", Is::Number(U64)),
        row(1, "lacpdu_tx", Is::Number(U64)),
        row(2, "lacpdu_unknown_rx", Is::Number(U64)),
        row(3, "lacpdu_illegal_rx", Is::Number(U64)),
        row(4, "marker_rx", Is::Number(U64)),
        row(5, "marker_tx", Is::Number(U64)),
        row(6, "marker_response_rx", Is::Number(U64)),
        row(7, "marker_response_tx", Is::Number(U64)),
        row(8, "marker_unknown_rx", Is::Number(U64)),
        row(9, "pad", Is::Known),
    ],
);

/// `IFLA_OFFLOAD_XSTATS_*`.
static OFFLOAD: Set = Set::new(
    "IFLA_OFFLOAD_XSTATS",
    &[
        row(1, "cpu_hit", Is::Value(shared::statistics, shared::STATISTICS_SHAPE)),
        row(2, "hw_stats_info", Is::Set(&HARDWARE)),
        row(3, "l3_stats", Is::Structure(&LAYER_3)),
    ],
);

/// Each by the number of the counters it is about.
static HARDWARE: Set = Set::new("IFLA_OFFLOAD_XSTATS", &[row(3, "l3_stats", Is::Set(&HARDWARE_USE))]);

/// `IFLA_OFFLOAD_XSTATS_HW_S_INFO_*`.
static HARDWARE_USE: Set =
    Set::new("IFLA_OFFLOAD_XSTATS_HW_S_INFO", &[row(1, "request", Is::Bool(U8)), row(2, "used", Is::Bool(U8))]);

/// `struct rtnl_hw_stats64`.
static LAYER_3: Structure = Structure::new(
    "rtnl_hw_stats64",
    72,
    &[
        field(0, "rx_packets", Is::Number(U64)),
        field(8, "tx_packets", Is::Number(U64)),
        field(16, "rx_bytes", Is::Number(U64)),
        field(24, "tx_bytes", Is::Number(U64)),
        field(32, "rx_errors", Is::Number(U64)),
        field(40, "tx_errors", Is::Number(U64)),
        field(48, "rx_dropped", Is::Number(U64)),
        field(56, "tx_dropped", Is::Number(U64)),
        field(64, "multicast", Is::Number(U64)),
    ],
);

/// By address family.
static FAMILIES: Set = Set::new("AF", &[row(28, "mpls", Is::Set(&MPLS))]);

/// `MPLS_STATS_*` (`include/uapi/linux/mpls.h`).
static MPLS: Set = Set::new("MPLS_STATS", &[row(1, "mpls_stats", Is::InlineStructure(&MPLS_LINK))]);

/// `struct mpls_link_stats`.
static MPLS_LINK: Structure = Structure::new(
    "mpls_link_stats",
    72,
    &[
        field(0, "rx_packets", Is::Number(U64)),
        field(8, "tx_packets", Is::Number(U64)),
        field(16, "rx_bytes", Is::Number(U64)),
        field(24, "tx_bytes", Is::Number(U64)),
        field(32, "rx_errors", Is::Number(U64)),
        field(40, "tx_errors", Is::Number(U64)),
        field(48, "rx_dropped", Is::Number(U64)),
        field(56, "tx_dropped", Is::Number(U64)),
        field(64, "rx_noroute", Is::Number(U64)),
    ],
);
