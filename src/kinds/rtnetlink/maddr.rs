//! `maddr` and `anycast`: multicast groups that an interface has joined, and its anycast addresses.
//! `struct ifaddrmsg`, `IFA_*`: `include/uapi/linux/if_addr.h`.

use libc::{RTM_GETANYCAST, RTM_GETMULTICAST};

use super::names::FAMILIES;
use crate::decode::schema::{
    DumpRequest, Hooks, Identity, Interface, Is, Kind, Scalar::*, Set, SeverityRow, Structure, field, field_of, row,
};
use crate::decode::title::word;
use crate::event::severity::Severity;
use crate::kinds::rtnetlink::addr;
use crate::kinds::rtnetlink::numbers::{
    AF_INET, AF_INET6, RTM_DELANYCAST, RTM_DELMULTICAST, RTM_NEWANYCAST, RTM_NEWMULTICAST, RTNLGRP_IPV4_MCADDR,
    RTNLGRP_IPV6_ACADDR, RTNLGRP_IPV6_MCADDR,
};

/// `RTM_NEWMULTICAST` and `RTM_DELMULTICAST`. A dump answers with `RTM_GETMULTICAST`. Kernels before 6.14 have no group for
/// it, and do not tell of changes.
pub static MADDR: Kind = Kind {
    name: "maddr",
    about: "multicast groups that interfaces have joined",
    title: &[word("address")],
    groups: &[RTNLGRP_IPV4_MCADDR, RTNLGRP_IPV6_MCADDR],
    new: RTM_NEWMULTICAST,
    delete: RTM_DELMULTICAST,
    header: &HEADER,
    set: &GROUPS,
    interface: Interface::Header(4),
    identity: Some(Identity {
        header: &[(0, 1), (4, 4)],
        attributes: &[IFA_MULTICAST],
        members: &["family", "ifindex", "address"],
    }),
    dumps: &[
        DumpRequest {
            message: RTM_GETMULTICAST,
            header: &[AF_INET, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
        DumpRequest {
            message: RTM_GETMULTICAST,
            header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
    ],
    hooks: Hooks { severity: &[SeverityRow::all(Severity::Debug)], older_than_groups: true, ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `RTM_NEWANYCAST` and `RTM_DELANYCAST`. A dump answers with `RTM_GETANYCAST`. Kernels before 6.14 have no group for
/// it, and do not tell of changes.
pub static ANYCAST: Kind = Kind {
    name: "anycast",
    about: "anycast addresses of interfaces",
    title: &[word("address")],
    groups: &[RTNLGRP_IPV6_ACADDR],
    new: RTM_NEWANYCAST,
    delete: RTM_DELANYCAST,
    header: &HEADER,
    set: &ANYCAST_ADDRESSES,
    interface: Interface::Header(4),
    identity: Some(Identity {
        header: &[(0, 1), (4, 4)],
        attributes: &[IFA_ANYCAST],
        members: &["family", "ifindex", "address"],
    }),
    dumps: &[DumpRequest {
        message: RTM_GETANYCAST,
        header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks { severity: &[SeverityRow::all(Severity::Debug)], older_than_groups: true, ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `IFA_ANYCAST`.
const IFA_ANYCAST: u16 = 5;
/// `IFA_MULTICAST`.
const IFA_MULTICAST: u16 = 7;

static HEADER: Structure = Structure::new(
    "ifaddrmsg",
    8,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "ifname", Is::Link),
        // Always a whole address, and permanent; the scope is the address's own in a dump, and none in a notification.
        field_of(1, 3, "prefixlen", Is::Known),
    ],
);

static GROUPS: Set = Set::new(
    "IFA",
    &[
        row(6, "cacheinfo", Is::Members(addr::cache_info, addr::CACHE_INFO_PARTS)).volatile(),
        row(IFA_MULTICAST, "address", Is::Ip),
        // How often it was joined: nothing tells that it grew.
        row(12, "users", Is::Number(U32)).volatile(),
    ],
);

static ANYCAST_ADDRESSES: Set = Set::new(
    "IFA",
    &[
        row(IFA_ANYCAST, "address", Is::Ip),
        row(6, "cacheinfo", Is::Members(addr::cache_info, addr::CACHE_INFO_PARTS)).volatile(),
    ],
);
