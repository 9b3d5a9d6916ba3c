//! `phonet_addr` and `phonet_route`: the Phonet protocol of modems (`net/phonet/pn_netlink.c`). The headers are those of
//! addresses and routes; an address has one octet.

use libc::{
    RTM_DELADDR, RTM_DELROUTE, RTM_GETADDR, RTM_GETROUTE, RTM_NEWADDR, RTM_NEWROUTE, RTNLGRP_PHONET_IFADDR,
    RTNLGRP_PHONET_ROUTE,
};

use super::names::{FAMILIES, ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES};
use crate::decode::schema::{
    DumpRequest, Hooks, Identity, Interface, Is, Kind, Scalar::*, Set, SeverityRow, Structure, field, field_of, row,
};
use crate::decode::title::word;
use crate::event::severity::Severity;
use crate::kinds::rtnetlink::numbers::AF_PHONET;

/// `RTM_NEWADDR` and `RTM_DELADDR` of the family `AF_PHONET`.
pub static PHONET_ADDR: Kind = Kind {
    name: "phonet_addr",
    about: "addresses of Phonet",
    title: &[word("local")],
    groups: &[RTNLGRP_PHONET_IFADDR],
    new: RTM_NEWADDR,
    delete: RTM_DELADDR,
    families: &[AF_PHONET],
    header: &ADDRESS_HEADER,
    set: &ADDRESS,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[2], members: &["ifindex", "local"] }),
    dumps: &[DumpRequest {
        message: RTM_GETADDR,
        header: &[AF_PHONET, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks { severity: &[SeverityRow::all(Severity::Notice)], ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `RTM_NEWROUTE` and `RTM_DELROUTE` of the family `AF_PHONET`.
pub static PHONET_ROUTE: Kind = Kind {
    name: "phonet_route",
    about: "routes of Phonet",
    title: &[word("dst")],
    groups: &[RTNLGRP_PHONET_ROUTE],
    new: RTM_NEWROUTE,
    delete: RTM_DELROUTE,
    families: &[AF_PHONET],
    header: &ROUTE_HEADER,
    set: &ROUTE,
    interface: Interface::Attribute(4),
    identity: Some(Identity { header: &[], attributes: &[1], members: &["dst"] }),
    dumps: &[DumpRequest {
        message: RTM_GETROUTE,
        header: &[AF_PHONET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    ..Kind::PLAIN
};

static ADDRESS_HEADER: Structure = Structure::new(
    "ifaddrmsg",
    8,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(4, "ifindex", Is::Number(U32)),
        field(3, "scope", Is::NamedId(U8, SCOPES)),
        field_of(1, 2, "flags", Is::Known),
    ],
);

static ADDRESS: Set = Set::new("IFA", &[row(2, "local", Is::Number(U8))]);

static ROUTE_HEADER: Structure = Structure::new(
    "rtmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(7, "type", Is::Named(U8, ROUTE_TYPES)),
        field(4, "table", Is::NamedId(U8, TABLES)),
        field(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
        field(6, "scope", Is::NamedId(U8, SCOPES)),
        field_of(1, 3, "lengths", Is::Known),
        field_of(8, 4, "flags", Is::Known),
    ],
);

static ROUTE: Set = Set::new("RTA", &[row(1, "dst", Is::Number(U8)), row(4, "dev", Is::Link)]);
