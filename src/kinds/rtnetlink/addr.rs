//! `addr`: an address of an interface. `struct ifaddrmsg`, `IFA_*`: `include/uapi/linux/if_addr.h`.

use super::names::{ADDRESS_PROTOCOLS, FAMILIES, SCOPES};
use crate::decode::code;
use crate::decode::schema::{
    Dump, Field, Identity, Interface, Is, Kind, Names, Scalar::*, Set, Structure, field, field_of, row,
};

/// `RTM_NEWADDR` and `RTM_DELADDR`.
pub static ADDR: Kind = Kind {
    name: "addr",
    about: "addresses of interfaces",
    groups: &[5, 9],
    new: 20,
    delete: 21,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // What makes an address the same is in mirror/identity.rs: IPv4 and IPv6 differ.
    identity: Some(Identity { header: &[(0, 1), (4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump { message: 22, header: &[0; 8], attributes: &[], per_link: None }],
};

/// `IFA_ADDRESS`: the address, of a point-to-point interface the peer's.
pub const IFA_ADDRESS: u16 = 1;
/// `IFA_LOCAL`: of a point-to-point interface the own address; of IPv4 always there.
pub const IFA_LOCAL: u16 = 2;
/// `IFA_FLAGS`: the flags in 32 bits.
pub const IFA_FLAGS: u16 = 8;

static HEADER: Structure = Structure::new("ifaddrmsg", 8, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    field(1, "prefixlen", Is::Number(U8)),
    // The header's eight flag bits: IFA_FLAGS has them all.
    field_of(2, 1, "flags", Is::Members(code::network::addr_header_flags)),
    field(3, "scope", Is::NamedId(U8, SCOPES)),
    field(4, "ifindex", Is::Number(U32)),
];

static ATTRIBUTES: Set = Set::new(
    "IFA",
    &[
        row(IFA_ADDRESS, "address", Is::Members(code::network::addr_address)),
        row(IFA_LOCAL, "local", Is::Ip),
        row(3, "label", Is::Text),
        row(4, "broadcast", Is::Ip),
        row(5, "anycast", Is::Ip),
        row(6, "cacheinfo", Is::Members(code::network::addr_cache_info)),
        row(7, "multicast", Is::Ip),
        row(IFA_FLAGS, "flags", Is::Members(code::network::addr_flags)),
        row(9, "metric", Is::Number(U32)),
        row(10, "target_netnsid", Is::Number(I32)),
        row(11, "protocol", Is::NamedId(U8, ADDRESS_PROTOCOLS)),
    ],
);

/// `IFA_F_*`, but for the first bit (`secondary` or `temporary`, by the family) and `IFA_F_PERMANENT` (its absence is
/// `dynamic`).
pub static ADDRESS_FLAGS: &Names = &[
    (0x02, "nodad"),
    (0x04, "optimistic"),
    (0x08, "dadfailed"),
    (0x10, "home"),
    (0x20, "deprecated"),
    (0x40, "tentative"),
    (0x100, "mngtmpaddr"),
    (0x200, "noprefixroute"),
    (0x400, "autojoin"),
    (0x800, "stable-privacy"),
];
