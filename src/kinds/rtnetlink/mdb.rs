//! `mdb`: who belongs to multicast groups behind the ports of a bridge or the remotes of vxlan, and behind which ports
//! routers are. `struct br_port_msg`, `MDBA_*`: `include/uapi/linux/if_bridge.h`.

use super::names::ROUTE_PROTOCOLS;
use crate::decode::code::multicast;
use crate::decode::schema::{
    Dump, Identity, Interface, Is, Kind, Names, Scalar::*, Set, Structure, field, field_of, row,
};
use crate::kinds::rtnetlink::value;

/// `RTM_NEWMDB` and `RTM_DELMDB`. A bridge's dump has one message for each bridge, of the type `RTM_GETMDB`.
pub static MDB: Kind = Kind {
    name: "mdb",
    about: "multicast groups of bridges and vxlan, and ports with routers",
    groups: &[26],
    new: 84,
    delete: 85,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // More in mirror/identity.rs: the group and the port are in the nests.
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[&[MDBA_MDB, 1, 1], &[MDBA_ROUTER, 1]],
    partial: false,
    dumps: &[Dump { message: 86, header: &[7, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None }],
};

/// `MDBA_MDB`: entries.
pub const MDBA_MDB: u16 = 1;
/// `MDBA_ROUTER`: ports behind which routers are.
pub const MDBA_ROUTER: u16 = 2;

static HEADER: Structure =
    Structure::new("br_port_msg", 8, &[field(4, "index", Is::Number(U32)), field_of(4, 4, "dev", Is::Link)]);

static ATTRIBUTES: Set =
    Set::new("MDBA", &[row(MDBA_MDB, "mdb", Is::Inline(&GROUPS)), row(MDBA_ROUTER, "router", Is::Each(&ROUTER_PORT))]);

/// `MDBA_MDB_*`: entries of one group each.
static GROUPS: Set = Set::new("MDBA_MDB", &[row(1, "entry", Is::Inline(&ENTRIES))]);

/// `MDBA_MDB_ENTRY_*`.
static ENTRIES: Set = Set::new("MDBA_MDB_ENTRY", &[row(1, "info", Is::Members(multicast::entry))]);

/// `MDBA_MDB_EATTR_*`: what follows `struct br_mdb_entry`.
pub static ENTRY_ATTRIBUTES: Set = Set::new(
    "MDBA_MDB_EATTR",
    &[
        row(1, "timer", Is::Value(value::seconds)).volatile(),
        row(2, "source_list", Is::Each(&SOURCE_ELEMENT)),
        row(3, "filter_mode", Is::Named(U8, FILTER_MODES)),
        row(4, "src", Is::Ip),
        row(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
        row(6, "dst", Is::Ip),
        // Of the machine's byte order, unlike other ports.
        row(7, "dst_port", Is::Number(U16)),
        row(8, "vni", Is::Number(U32)),
        row(9, "via", Is::Link),
        row(10, "src_vni", Is::Number(U32)),
    ],
);

static SOURCE_ELEMENT: Is = Is::Set(&SOURCE);

/// `MDBA_MDB_SRCATTR_*`.
static SOURCE: Set =
    Set::new("MDBA_MDB_SRCATTR", &[row(1, "address", Is::Ip), row(2, "timer", Is::Value(value::seconds)).volatile()]);

/// `MCAST_EXCLUDE` and `MCAST_INCLUDE`.
static FILTER_MODES: &Names = &[(0, "exclude"), (1, "include")];

/// `MDB_FLAGS_*`.
pub static ENTRY_FLAGS: &Names =
    &[(0x01, "offload"), (0x02, "fast_leave"), (0x04, "added_by_star_ex"), (0x08, "blocked"), (0x10, "offload_failed")];

static ROUTER_PORT: Is = Is::Value(multicast::router_port);

/// `MDBA_ROUTER_PATTR_*`: what follows the port's index. Notifications have only the VLAN.
pub static ROUTER_PORT_ATTRIBUTES: Set = Set::new(
    "MDBA_ROUTER_PATTR",
    &[
        row(1, "timer", Is::Value(value::seconds)).volatile(),
        row(2, "type", Is::Named(U8, ROUTER_TYPES)).volatile(),
        row(3, "inet_timer", Is::Value(value::seconds)).volatile(),
        row(4, "inet6_timer", Is::Value(value::seconds)).volatile(),
        row(5, "vid", Is::Number(U16)),
    ],
);

/// `MDB_RTR_TYPE_*`.
static ROUTER_TYPES: &Names = &[(0, "disabled"), (1, "temp"), (2, "permanent"), (3, "temp")];
