//! `prefix`: an IPv6 prefix that a router advertised. `struct prefixmsg`, `PREFIX_*`:
//! `include/uapi/linux/rtnetlink.h`.

use super::names::FAMILIES;
use crate::decode::code::discovery;
use crate::decode::schema::{Interface, Is, Kind, Scalar::*, Set, Structure, field, field_of, row};

/// `RTM_NEWPREFIX`: one for each advertisement, and nothing is kept of it.
pub static PREFIX: Kind = Kind {
    name: "prefix",
    about: "IPv6 prefixes as routers advertise them",
    groups: &[18],
    new: 52,
    delete: 0,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: None,
    split: &[],
    partial: false,
    dumps: &[],
};

static HEADER: Structure = Structure::new(
    "prefixmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "dev", Is::Link),
        // The option's type: always that of a prefix.
        field_of(8, 1, "type", Is::Known),
        field_of(10, 1, "flags", Is::Members(discovery::prefix_flags)),
    ],
);

static ATTRIBUTES: Set = Set::new(
    "PREFIX",
    &[row(1, "prefix", Is::Value(discovery::prefix_address)), row(2, "cacheinfo", Is::InlineStructure(&CACHE_INFO))],
);

/// `struct prefix_cacheinfo`; seconds.
static CACHE_INFO: Structure = Structure::new(
    "prefix_cacheinfo",
    8,
    &[field(4, "valid_life_time", Is::Number(U32)), field(0, "preferred_life_time", Is::Number(U32))],
);
