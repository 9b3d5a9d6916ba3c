//! `nduseropt`: options of neighbour discovery that the kernel leaves to others, such as name servers.
//! `struct nduseroptmsg`, `NDUSEROPT_*`: `include/uapi/linux/rtnetlink.h`.

use super::names::FAMILIES;
use crate::decode::code::discovery;
use crate::decode::schema::{Interface, Is, Kind, Names, Scalar::*, Set, Structure, field, field_of, row};

/// `RTM_NEWNDUSEROPT`: one for each option that comes, and nothing is kept of it.
pub static NDUSEROPT: Kind = Kind {
    name: "nduseropt",
    about: "options of IPv6 router advertisements: name servers, search domains, captive portals",
    groups: &[20],
    new: 68,
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

/// Octets of `struct nduseroptmsg`.
pub const HEADER_BYTES: usize = 16;
/// `nduseropt_opts_len`: octets of the options, which stand between the header and the attributes.
pub const OPTIONS_LENGTH_AT: usize = 2;

static HEADER: Structure = Structure::new(
    "nduseroptmsg",
    HEADER_BYTES,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "dev", Is::Link),
        field(8, "icmp_type", Is::Named(U8, ICMP_TYPES)),
        field(9, "icmp_code", Is::Number(U8)),
        field_of(OPTIONS_LENGTH_AT, 2, "options", Is::Value(discovery::options)),
    ],
)
.with_tail(OPTIONS_LENGTH_AT);

static ATTRIBUTES: Set = Set::new("NDUSEROPT", &[row(1, "src", Is::Ip)]);

/// Messages of neighbour discovery (RFC 4861).
static ICMP_TYPES: &Names = &[
    (133, "router_solicitation"),
    (134, "router_advertisement"),
    (135, "neighbour_solicitation"),
    (136, "neighbour_advertisement"),
    (137, "redirect"),
];

/// Options of neighbour discovery (IANA's registry), those that a router may send.
pub static OPTIONS: &Names = &[
    (1, "source_lladdr"),
    (2, "target_lladdr"),
    (3, "prefix"),
    (4, "redirected"),
    (5, "mtu"),
    (14, "nonce"),
    (24, "route"),
    (25, "rdnss"),
    (26, "flags"),
    (31, "dnssl"),
    (33, "address_registration"),
    (34, "6lowpan_context"),
    (35, "6lowpan_border_router"),
    (37, "captive_portal"),
    (38, "pref64"),
    (144, "encrypted_dns"),
];
