//! `rule`: policy routing rules. `struct fib_rule_hdr`, `FRA_*`: `include/uapi/linux/fib_rules.h`.

use super::names::{DSCP, FAMILIES, IP_PROTOCOLS, ROUTE_PROTOCOLS};
use crate::decode::code::network;
use crate::decode::schema::{
    Dump, Field, Identity, Interface, Is, Kind, Names, Row, Scalar::*, Set, Structure, field, field_of, row,
};

/// `RTM_NEWRULE` and `RTM_DELRULE`.
pub static RULE: Kind = Kind {
    name: "rule",
    about: "policy routing rules",
    groups: &[8, 19],
    new: 32,
    delete: 33,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::None,
    // A rule never changes: it is the same by all that it says (mirror/identity.rs).
    identity: Some(Identity { header: &[(0, 8)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[
        Dump { message: 34, header: &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        Dump { message: 34, header: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        Dump { message: 34, header: &[128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        Dump { message: 34, header: &[129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
    ],
};

/// `FRA_DST`.
pub const FRA_DST: u16 = 1;
/// `FRA_SRC`.
pub const FRA_SRC: u16 = 2;
/// `FRA_IIFNAME`.
pub const FRA_IIFNAME: u16 = 3;
/// `FRA_PRIORITY`.
pub const FRA_PRIORITY: u16 = 6;
/// `FRA_TABLE`.
pub const FRA_TABLE: u16 = 15;
/// `FRA_OIFNAME`.
pub const FRA_OIFNAME: u16 = 17;

static HEADER: Structure = Structure::new("fib_rule_hdr", 12, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    field_of(1, 0, "priority", Is::Members(network::rule_priority)),
    field_of(2, 1, "src", Is::Members(network::rule_source)),
    field_of(1, 1, "dst", Is::Members(network::rule_destination)),
    field(3, "tos", Is::NumberUnless(U8, 0)),
    field_of(4, 1, "table", Is::Members(network::rule_table)),
    field_of(7, 1, "action", Is::Members(network::rule_action)),
    field_of(8, 4, "flags", Is::Members(network::rule_flags)),
];

static ATTRIBUTES: Set = Set::new("FRA", ROWS);
const ROWS: &[Row] = &[
    row(FRA_DST, "dst", Is::Known),
    row(FRA_SRC, "src", Is::Known),
    row(FRA_IIFNAME, "iif", Is::Text),
    row(4, "goto", Is::Number(U32)),
    row(FRA_PRIORITY, "priority", Is::Known),
    row(10, "fwmark", Is::Number(U32)),
    row(11, "flow", Is::Members(network::rule_realms)),
    row(12, "tun_id", Is::Number(U64Be)),
    row(13, "suppress_ifgroup", Is::Members(network::suppress_group)),
    row(14, "suppress_prefixlen", Is::Members(network::suppress_length)),
    row(FRA_TABLE, "table", Is::Known),
    row(16, "fwmask", Is::Members(network::rule_mask)),
    row(FRA_OIFNAME, "oif", Is::Text),
    row(18, "pad", Is::Known),
    row(19, "l3mdev", Is::Members(network::l3mdev)),
    row(20, "uid_range", Is::InlineStructure(&UID_RANGE)),
    row(21, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
    row(22, "ipproto", Is::NamedId(U8, IP_PROTOCOLS)),
    row(23, "sport", Is::Members(network::source_ports)),
    row(24, "dport", Is::Members(network::destination_ports)),
    row(25, "dscp", Is::NamedId(U8, DSCP)),
    row(26, "flowlabel", Is::Number(U32Be)),
    row(27, "flowlabel_mask", Is::Number(U32Be)),
    row(28, "sport_mask", Is::Number(U16)),
    row(29, "dport_mask", Is::Number(U16)),
    row(30, "dscp_mask", Is::Number(U8)),
];

/// `struct fib_rule_uid_range`.
static UID_RANGE: Structure = Structure::new(
    "fib_rule_uid_range",
    8,
    &[field(0, "uid_start", Is::Number(U32)), field(4, "uid_end", Is::Number(U32))],
);

/// Actions that ip names: `FR_ACT_*`. A look-up in a table goes without saying.
pub static ACTIONS: &Names = &[(6, "blackhole"), (7, "unreachable"), (8, "prohibit"), (9, "throw"), (10, "nat")];

/// `FIB_RULE_*`, each a member that is true.
pub static FLAGS: &Names =
    &[(0x1, "permanent"), (0x2, "not"), (0x4, "unresolved"), (0x8, "iif_detached"), (0x10, "oif_detached")];
