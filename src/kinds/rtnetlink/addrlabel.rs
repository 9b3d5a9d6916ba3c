//! `addrlabel`: labels of IPv6 prefixes, by which source addresses are chosen (RFC 6724). `struct ifaddrlblmsg`,
//! `IFAL_*`: `include/uapi/linux/if_addrlabel.h`.

use super::names::FAMILIES;
use crate::decode::code::settings;
use crate::decode::schema::{Dump, Identity, Interface, Is, Kind, Scalar::*, Set, Structure, field, field_of, row};

/// `RTM_NEWADDRLABEL` and `RTM_DELADDRLABEL`. No group tells of them (`net/ipv6/addrlabel.c`).
pub static ADDRLABEL: Kind = Kind {
    name: "addrlabel",
    about: "labels of IPv6 prefixes for the choice of source addresses, which can only be listed",
    groups: &[],
    new: 72,
    delete: 73,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(0, 1), (2, 1), (4, 4)], attributes: &[1] }),
    split: &[],
    partial: false,
    dumps: &[Dump { message: 74, header: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None }],
};

static HEADER: Structure = Structure::new(
    "ifaddrlblmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(2, "prefixlen", Is::Number(U8)),
        field_of(4, 4, "ifname", Is::Members(settings::link_if_any)),
        // The number of changes to the whole table.
        field(8, "seq", Is::Number(U32)).volatile(),
    ],
);

static ATTRIBUTES: Set = Set::new("IFAL", &[row(1, "address", Is::Ip), row(2, "label", Is::Number(U32))]);
