//! `nduseropt`: options of neighbour discovery that the kernel leaves to others, such as name servers.
//! `struct nduseroptmsg`, `NDUSEROPT_*`: `include/uapi/linux/rtnetlink.h`.

use libc::{RTM_NEWNDUSEROPT, RTNLGRP_ND_USEROPT};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Interface, Is, Kind, Names, Part, Set, Shape, Structure, field, field_of, row};
use crate::decode::title::{Word, detail, named, word};
use crate::decode::value::{name_of, write_ipv6, write_named};
use crate::json::Json;
use crate::kinds::rtnetlink::names::FAMILIES;
use crate::kinds::rtnetlink::prefix;
use crate::kinds::rtnetlink::route::ROUTER_PREFERENCES;
use crate::netlink::wire::u16_at;
use crate::octets;
use std::net::Ipv6Addr;

/// `RTM_NEWNDUSEROPT`: one for each option that comes, and nothing is kept of it.
pub static NDUSEROPT: Kind = Kind {
    name: "nduseropt",
    about: "options of IPv6 router advertisements: name servers, search domains, captive portals",
    title: &[
        word("options").or("icmp_type").each(OPTION),
        word("src").after("from"),
        detail("icmp_code").unless(&["0"]),
    ],
    groups: &[RTNLGRP_ND_USEROPT],
    new: RTM_NEWNDUSEROPT,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    ..Kind::PLAIN
};

/// An option, in its title.
const OPTION: &[Word] = &[
    word("option"),
    word("prefix"),
    word("servers"),
    word("domains"),
    word("mtu"),
    word("lladdr"),
    word("uri"),
    named("lifetime"),
];

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
        field_of(OPTIONS_LENGTH_AT, 2, "options", Is::Value(options, OPTIONS_SHAPE)),
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

/// Types of options, by their RFC.
const SOURCE_ADDRESS: u8 = 1;
const TARGET_ADDRESS: u8 = 2;
const PREFIX: u8 = 3;
const MTU: u8 = 5;
const ROUTE: u8 = 24;
const RDNSS: u8 = 25;
const DNSSL: u8 = 31;
const CAPTIVE_PORTAL: u8 = 37;
const PREF64: u8 = 38;

/// What [`options`] writes.
const OPTIONS_SHAPE: &Shape = &Shape::List(&Shape::Object(&[
    Part::text("option"),
    Part::text("hex"),
    Part::text("prefix"),
    Part::text("lladdr"),
    Part::bool("onlink"),
    Part::bool("autoconf"),
    Part::bool("router_address"),
    Part::bool("pd_preferred"),
    Part::number("valid_life_time"),
    Part::number("preferred_life_time"),
    Part::number("mtu"),
    Part::number("lifetime"),
    Part::text("pref"),
    Part::texts("servers"),
    Part::texts("domains"),
    Part::text("uri"),
]));

/// The options behind the header of `struct nduseroptmsg`: a list. What cannot be decoded is there as hex.
pub fn options(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    let length = u16_at(context.header, OPTIONS_LENGTH_AT).unwrap_or_default();
    let behind = context.header.get(HEADER_BYTES..).unwrap_or_default();
    let mut rest = &behind[..behind.len().min(length.into())];
    out.begin_list();
    while !rest.is_empty() {
        out.begin_object();
        // The second octet is the option's length in units of eight, itself included.
        let bytes = rest.get(1).map_or(0, |&units| usize::from(units) * 8);
        if bytes == 0 || bytes > rest.len() {
            out.key("hex");
            out.hex(rest);
            rest = &[];
        } else {
            let (option, after) = rest.split_at(bytes);
            write_option(out, option);
            rest = after;
        }
        out.end_object();
    }
    out.end_list();
    Ok(())
}

fn write_option(out: &mut Json, option: &[u8]) {
    out.key("option");
    write_named(out, OPTIONS, option[0].into());
    let mark = out.mark();
    if write_known(out, option).is_none() {
        out.back_to(mark);
        out.key("hex");
        out.hex(&option[2..]);
    }
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn member(out: &mut Json, key: &str, number: u32) {
    out.key(key);
    out.unsigned(number.into());
}

/// Writes a prefix, of which the last octets may be left out.
pub fn prefix(out: &mut Json, key: &str, octets: &[u8], length: u8) -> Option<()> {
    let mut address = [0; 16];
    address.get_mut(..octets.len())?.copy_from_slice(octets);
    out.key(key);
    out.display(format_args!("{}/{length}", Ipv6Addr::from(address)));
    Some(())
}

/// Writes an option whose form is known; `None` where it has not that form.
fn write_known(out: &mut Json, option: &[u8]) -> Option<()> {
    match option[0] {
        SOURCE_ADDRESS | TARGET_ADDRESS => {
            out.key("lladdr");
            out.hardware(&option[2..]);
        }
        PREFIX => {
            let (length, flags) = (*option.get(2)?, *option.get(3)?);
            prefix(out, "prefix", option.get(16..32)?, length)?;
            prefix::write_flags(out, flags);
            member(out, "valid_life_time", u32_be(option, 4)?);
            member(out, "preferred_life_time", u32_be(option, 8)?);
        }
        MTU => member(out, "mtu", u32_be(option, 4)?),
        ROUTE => {
            let (length, flags) = (*option.get(2)?, *option.get(3)?);
            prefix(out, "prefix", option.get(8..)?, length)?;
            out.key("pref");
            // Two bits in the middle of the octet (RFC 4191).
            out.string(name_of(ROUTER_PREFERENCES, u64::from(flags >> 3 & 3))?);
            member(out, "lifetime", u32_be(option, 4)?);
        }
        RDNSS => {
            member(out, "lifetime", u32_be(option, 4)?);
            out.key("servers");
            out.begin_list();
            for server in option.get(8..)?.chunks(16) {
                write_ipv6(out, server.try_into().ok()?);
            }
            out.end_list();
        }
        DNSSL => {
            member(out, "lifetime", u32_be(option, 4)?);
            out.key("domains");
            out.begin_list();
            write_domains(out, option.get(8..)?)?;
            out.end_list();
        }
        CAPTIVE_PORTAL => {
            out.key("uri");
            out.text(&option[2..]);
        }
        PREF64 => {
            // 13 bits of lifetime in units of eight seconds, three bits for the prefix's length (RFC 8781).
            let packed = u16::from_be_bytes(option.get(2..4)?.try_into().ok()?);
            let length = *[96, 64, 56, 48, 40, 32].get(usize::from(packed & 7))?;
            prefix(out, "prefix", option.get(4..16)?, length)?;
            member(out, "lifetime", u32::from(packed & !7));
        }
        _ => return None,
    }
    Some(())
}

/// Domain names, each a row of labels with their lengths before them; zeros at the end fill up.
fn write_domains(out: &mut Json, octets: &[u8]) -> Option<()> {
    let mut rest = octets;
    let mut name = Vec::new();
    while let Some((&length, after)) = rest.split_first() {
        if length == 0 {
            if !name.is_empty() {
                out.string(&octets::shown(&name));
                name.clear();
            }
            rest = after;
            continue;
        }
        let (label, after) = after.split_at_checked(length.into())?;
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(label);
        rest = after;
    }
    name.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::text;
    use crate::netlink::wire::append_attribute;

    const LINK_LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

    /// What is told of options, and what follows them.
    fn told(options: &[u8]) -> String {
        let mut payload = vec![0; HEADER_BYTES];
        payload[0] = 10;
        payload[2..4].copy_from_slice(&(options.len() as u16).to_ne_bytes());
        payload[8] = 134;
        payload.extend_from_slice(options);
        append_attribute(&mut payload, 1, &LINK_LOCAL);
        let text = text(&NDUSEROPT, &payload);
        let (_, options) = text.split_once(r#""options":"#).unwrap();
        options.strip_suffix(r#","src":"fe80::2"}"#).expect("attributes follow the options").to_owned()
    }

    fn option(kind: u8, rest: &[u8]) -> Vec<u8> {
        let mut option = vec![kind, 0];
        option.extend_from_slice(rest);
        option.resize(option.len().next_multiple_of(8), 0);
        option[1] = (option.len() / 8) as u8;
        option
    }

    #[test]
    fn options_are_told_in_words() {
        let prefix = [&[64, 0xc0, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 0][..], &[0x20, 1, 0xd, 0xb8], &[0; 12]].concat();
        assert_eq!(
            told(&option(PREFIX, &prefix)),
            concat!(
                r#"[{"option":"prefix","prefix":"2001:db8::/64","onlink":true,"autoconf":true,"#,
                r#""router_address":false,"pd_preferred":false,"valid_life_time":9,"preferred_life_time":8}]"#
            )
        );
        let servers = option(RDNSS, &[&[0, 0, 0, 0, 0, 100][..], &LINK_LOCAL].concat());
        let domains = option(DNSSL, b"\0\0\0\0\0\x64\x03lab\x07example\0\x01x\0");
        assert_eq!(
            told(&[servers, domains].concat()),
            concat!(
                r#"[{"option":"rdnss","lifetime":100,"servers":["fe80::2"]},"#,
                r#"{"option":"dnssl","lifetime":100,"domains":["lab.example","x"]}]"#
            )
        );
        let translation = [&[0x05, 0x7a, 0, 0x64, 0xff, 0x9b][..], &[0; 8]].concat();
        assert_eq!(
            told(&option(PREF64, &translation)),
            r#"[{"option":"pref64","prefix":"64:ff9b::/56","lifetime":1400}]"#
        );
        assert_eq!(
            told(&option(ROUTE, &[48, 0x08, 0, 0, 0, 9, 0x20, 1, 0xd, 0xb8, 0, 5, 0, 0])),
            r#"[{"option":"route","prefix":"2001:db8:5::/48","pref":"high","lifetime":9}]"#
        );
        assert_eq!(told(&option(CAPTIVE_PORTAL, b"http://cp/")), r#"[{"option":"captive_portal","uri":"http://cp/"}]"#);
        assert_eq!(told(&option(MTU, &[0, 0, 0, 0, 5, 220])), r#"[{"option":"mtu","mtu":1500}]"#);
        assert_eq!(
            told(&option(SOURCE_ADDRESS, &[1; 6])),
            r#"[{"option":"source_lladdr","lladdr":"01:01:01:01:01:01"}]"#
        );
    }

    #[test]
    fn what_is_not_an_option_is_kept() {
        assert_eq!(told(&option(99, &[1, 2, 3, 4, 5, 6])), r#"[{"option":"99","hex":"010203040506"}]"#);
        // Too short for what it says it is.
        assert_eq!(told(&option(RDNSS, &[0; 14])), r#"[{"option":"rdnss","hex":"0000000000000000000000000000"}]"#);
        assert_eq!(
            told(&option(DNSSL, b"\0\0\0\0\0\x64\x3fx")),
            r#"[{"option":"dnssl","hex":"0000000000643f78000000000000"}]"#
        );
        // A length of nothing, and one beyond the end.
        assert_eq!(told(&[25, 0, 0, 0, 0, 0, 0, 1]), r#"[{"hex":"1900000000000001"}]"#);
        assert_eq!(told(&[25, 2, 0, 0, 0, 0, 0, 1]), r#"[{"hex":"1902000000000001"}]"#);
        assert_eq!(told(&[]), "[]");
    }

    #[test]
    fn options_longer_than_the_message_end_with_it() {
        let mut payload = vec![0; HEADER_BYTES];
        payload[2..4].copy_from_slice(&100u16.to_ne_bytes());
        payload.extend_from_slice(&option(MTU, &[0, 0, 0, 0, 5, 220]));
        assert!(text(&NDUSEROPT, &payload).ends_with(r#""options":[{"option":"mtu","mtu":1500}]}"#));
    }
}
