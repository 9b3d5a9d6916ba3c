//! Open vSwitch's datapaths and their ports, as the families `ovs_datapath` and `ovs_vport` have them. `OVS_DP_ATTR_*`, `OVS_VPORT_ATTR_*`:
//! `linux/openvswitch.h`.
//!
//! Of flows (`ovs_flow`) there may be a million, and each is told: they are not followed. Meters and limits of connections are told to whoever
//! changes them alone.

use super::{OVS_DATAPATH, OVS_VPORT, message};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, Names, Set, Structure, field, row,
};
use crate::decode::title::{detail, named, word};

/// `OVS_DP_CMD_*` and `OVS_VPORT_CMD_*` are the same.
const NEW: u8 = 1;
const DEL: u8 = 2;
const GET: u8 = 3;
const SET: u8 = 4;

/// `OVS_DP_ATTR_NAME`, `OVS_VPORT_ATTR_PORT_NO` and `OVS_VPORT_ATTR_IFINDEX`.
const NAME: u16 = 1;
const PORT_NO: u16 = 1;
const IFINDEX: u16 = 8;
/// Where the datapath stands in the header.
const DATAPATH_AT: usize = 4;

/// `struct genlmsghdr` and `struct ovs_header`.
static HEADER: Structure = Structure::new("ovs_header", 8, HEADER_FIELDS);
const HEADER_FIELDS: &[Field] = &[field(DATAPATH_AT, "dp-ifindex", Is::Number(U32))];

/// A datapath: a switch in the kernel.
pub static DATAPATH: Kind = Kind {
    name: "ovs_datapath",
    about: "datapaths of Open vSwitch",
    title: &[word("name"), detail("user-features")],
    new: message(OVS_DATAPATH, NEW),
    delete: message(OVS_DATAPATH, DEL),
    header: &HEADER,
    set: &DATAPATH_SET,
    interface: Interface::Header(DATAPATH_AT),
    identity: Some(Identity { header: &[(DATAPATH_AT, 4)], attributes: &[], members: &["dp-ifindex"] }),
    dumps: &[DumpRequest {
        message: message(OVS_DATAPATH, GET),
        header: &[GET, 2, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks {
        family: Some(|_| 0),
        also: &[(message(OVS_DATAPATH, GET), false), (message(OVS_DATAPATH, SET), false)],
        // Its ports go with it without a word (`ovs_dp_cmd_del`).
        holds: Some((&VPORT, |datapath, port| datapath.get(DATAPATH_AT..8) == port.get(DATAPATH_AT..8))),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static DATAPATH_SET: Set = Set::new(
    "OVS_DP_ATTR",
    &[
        row(NAME, "name", Is::Text),
        row(2, "upcall-pid", Is::Number(U32)),
        row(3, "stats", Is::Structure(&DATAPATH_STATISTICS)).volatile(),
        row(4, "megaflow-stats", Is::Structure(&MEGAFLOW_STATISTICS)).volatile(),
        row(5, "user-features", Is::Bits(U32, FEATURES)),
        row(6, "pad", Is::Known),
        row(7, "masks-cache-size", Is::Number(U32)),
        row(8, "per-cpu-pids", Is::Array(&Is::Number(U32), 4)),
        row(9, "ifindex", Is::Known),
    ],
);
/// `OVS_DP_F_*`.
const FEATURES: &Names =
    &[(0x1, "unaligned"), (0x2, "vport-pids"), (0x4, "tc-recirc-sharing"), (0x8, "dispatch-upcall-per-cpu")];
/// `struct ovs_dp_stats`.
static DATAPATH_STATISTICS: Structure = Structure::new(
    "ovs_dp_stats",
    32,
    &[
        field(0, "hit", Is::Number(U64)),
        field(8, "missed", Is::Number(U64)),
        field(16, "lost", Is::Number(U64)),
        field(24, "flows", Is::Number(U64)),
    ],
);
/// `struct ovs_dp_megaflow_stats`.
static MEGAFLOW_STATISTICS: Structure = Structure::new(
    "ovs_dp_megaflow_stats",
    32,
    &[
        field(0, "mask-hit", Is::Number(U64)),
        field(8, "masks", Is::Number(U32)),
        field(16, "cache-hits", Is::Number(U64)),
    ],
);

/// A port of a datapath. The kernel shows those of one datapath alone, so that datapaths are asked for first.
pub static VPORT: Kind = Kind {
    name: "ovs_vport",
    about: "ports of datapaths of Open vSwitch",
    title: &[word("name"), named("port-no"), detail("type")],
    new: message(OVS_VPORT, NEW),
    delete: message(OVS_VPORT, DEL),
    header: &HEADER,
    set: &VPORT_SET,
    interface: Interface::Attribute(IFINDEX),
    identity: Some(Identity {
        header: &[(DATAPATH_AT, 4)],
        attributes: &[PORT_NO],
        members: &["dp-ifindex", "port-no"],
    }),
    dumps: &[DumpRequest {
        message: message(OVS_VPORT, GET),
        header: &[GET, 1, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks {
        family: Some(|_| 0),
        also: &[(message(OVS_VPORT, GET), false), (message(OVS_VPORT, SET), false)],
        read_by: Some(&DATAPATH),
        asked_by: Some(ports_of),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// What asks for a datapath's ports.
fn ports_of(datapath: &[u8]) -> Option<Vec<u8>> {
    Some([&[GET, 1, 0, 0], datapath.get(DATAPATH_AT..8)?].concat())
}

static VPORT_SET: Set = Set::new(
    "OVS_VPORT_ATTR",
    &[
        row(PORT_NO, "port-no", Is::Number(U32)),
        row(2, "type", Is::Named(U32, TYPES)),
        row(3, "name", Is::Text),
        row(4, "options", Is::Set(&TUNNEL)),
        row(5, "upcall-pid", Is::Array(&Is::Number(U32), 4)),
        row(6, "stats", Is::Structure(&VPORT_STATISTICS)).volatile(),
        row(7, "pad", Is::Known),
        row(IFINDEX, "ifindex", Is::Number(U32)),
        row(9, "netnsid", Is::Number(I32)),
        row(10, "upcall-stats", Is::Set(&UPCALLS)).volatile(),
    ],
);
/// `OVS_VPORT_TYPE_*`.
const TYPES: &Names = &[(1, "netdev"), (2, "internal"), (3, "gre"), (4, "vxlan"), (5, "geneve")];
/// `OVS_TUNNEL_ATTR_*`.
static TUNNEL: Set =
    Set::new("OVS_TUNNEL_ATTR", &[row(1, "dst-port", Is::Number(U16)), row(2, "extension", Is::Set(&EXTENSION))]);
/// `OVS_VXLAN_EXT_*`: a set of bits of what is added to VXLAN.
static EXTENSION: Set = Set::new("OVS_VXLAN_EXT", &[row(1, "gbp", Is::Number(U32))]);
/// `OVS_VPORT_UPCALL_ATTR_*`.
static UPCALLS: Set =
    Set::new("OVS_VPORT_UPCALL_ATTR", &[row(0, "success", Is::Number(U64)), row(1, "fail", Is::Number(U64))]);
/// `struct ovs_vport_stats`.
static VPORT_STATISTICS: Structure = Structure::new(
    "ovs_vport_stats",
    64,
    &[
        field(0, "rx-packets", Is::Number(U64)),
        field(8, "tx-packets", Is::Number(U64)),
        field(16, "rx-bytes", Is::Number(U64)),
        field(24, "tx-bytes", Is::Number(U64)),
        field(32, "rx-errors", Is::Number(U64)),
        field(40, "tx-errors", Is::Number(U64)),
        field(48, "rx-dropped", Is::Number(U64)),
        field(56, "tx-dropped", Is::Number(U64)),
    ],
);
