//! `mroute` and `mroute_report`: multicast routes, and packets that lack one. `struct rtmsg`, `RTA_*`:
//! `include/uapi/linux/rtnetlink.h`; `IPMRA_CREPORT_*`: `include/uapi/linux/mroute.h`.

use super::names::{FAMILIES, ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES};
use super::route::MFC_STATS;
use crate::decode::code::{links, multicast};
use crate::decode::schema::{
    Dump, Identity, Interface, Is, Kind, Names, Scalar::*, Set, Structure, field, field_of, row,
};
use crate::kinds::rtnetlink::value;

/// `RTM_NEWROUTE` and `RTM_DELROUTE` of the families `RTNL_FAMILY_IPMR` and `RTNL_FAMILY_IP6MR`.
pub static MROUTE: Kind = Kind {
    name: "mroute",
    about: "multicast routes",
    groups: &[6, 10],
    new: 24,
    delete: 25,
    families: &[128, 129],
    header: &HEADER,
    set: &ATTRIBUTES,
    // One comes in and several go out: mirror/mod.rs lists them.
    interface: Interface::None,
    // Of proxies' routes for any source there may be several, one for each incoming interface. It is no part of this,
    // since the kernel does not name it any more when it removes all because the routing daemon has ended.
    identity: Some(Identity { header: &[(0, 1)], attributes: &[RTA_SRC, RTA_DST, RTA_TABLE] }),
    split: &[],
    partial: false,
    dumps: &[
        Dump { message: 26, header: &[128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        Dump { message: 26, header: &[129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
    ],
};

/// `RTM_NEWCACHEREPORT`: what the kernel reports to a multicast routing daemon.
pub static MROUTE_REPORT: Kind = Kind {
    name: "mroute_report",
    about: "multicast packets without a route, or on the wrong interface",
    groups: &[30, 31],
    new: 96,
    delete: 0,
    families: &[],
    header: &REPORT_HEADER,
    set: &REPORT,
    interface: Interface::None,
    identity: None,
    split: &[],
    partial: false,
    dumps: &[],
};

/// `RTA_DST`: the group.
pub const RTA_DST: u16 = 1;
/// `RTA_SRC`: the source; all zeros for any.
pub const RTA_SRC: u16 = 2;
/// `RTA_IIF`: the interface that packets come through.
pub const RTA_IIF: u16 = 3;
/// `RTA_MULTIPATH`: those that they leave through.
pub const RTA_MULTIPATH: u16 = 9;
/// `RTA_TABLE`.
pub const RTA_TABLE: u16 = 15;

static HEADER: Structure = Structure::new(
    "rtmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(7, "type", Is::Named(U8, ROUTE_TYPES)),
        field(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
        field(6, "scope", Is::NamedId(U8, SCOPES)),
        field_of(0, 1, "iif", Is::Members(multicast::input_interface)),
        field_of(8, 4, "flags", Is::Members(multicast::route_state)),
        // Always those of a whole address.
        field_of(1, 2, "lengths", Is::Known),
    ],
);

static ATTRIBUTES: Set = Set::new(
    "RTA",
    &[
        row(RTA_DST, "dst", Is::Ip),
        row(RTA_SRC, "src", Is::Ip),
        row(RTA_IIF, "iif", Is::Members(links::with_another)),
        row(RTA_MULTIPATH, "multipath", Is::Value(multicast::output_interfaces)),
        row(RTA_TABLE, "table", Is::NamedId(U32, TABLES)),
        row(17, "mfc_stats", Is::InlineStructure(&MFC_STATS)).volatile(),
        // How long it was not used.
        row(23, "expires", Is::Value(value::seconds)).volatile(),
        row(24, "pad", Is::Known),
    ],
);

static REPORT_HEADER: Structure = Structure::new("rtgenmsg", 1, &[field(0, "family", Is::Named(U8, FAMILIES))]);

/// `IPMRA_CREPORT_*` and `IP6MRA_CREPORT_*`.
static REPORT: Set = Set::new(
    "IPMRA_CREPORT",
    &[
        row(1, "report", Is::Named(U8, REPORTS)),
        // A number of the routing daemon's, not an interface index.
        row(2, "vif", Is::Number(U32)),
        row(3, "src", Is::Ip),
        row(4, "dst", Is::Ip),
        row(5, "packet", Is::Hex),
        row(6, "table", Is::NamedId(U32, TABLES)),
    ],
);

/// `IGMPMSG_*` and `MRT6MSG_*`.
static REPORTS: &Names = &[(1, "nocache"), (2, "wrong_interface"), (3, "whole_packet"), (4, "wrong_interface_whole")];
