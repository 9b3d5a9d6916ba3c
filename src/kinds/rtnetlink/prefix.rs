//! `prefix`: an IPv6 prefix that a router advertised. `struct prefixmsg`, `PREFIX_*`:
//! `include/uapi/linux/rtnetlink.h`.

use libc::{RTM_NEWPREFIX, RTNLGRP_IPV6_PREFIX};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Interface, Is, Kind, Part, Set, Structure, TEXT, Wrong, field, field_of, row};
use crate::decode::title::word;
use crate::json::Json;
use crate::kinds::rtnetlink::names::FAMILIES;
use std::net::Ipv6Addr;

/// `RTM_NEWPREFIX`: one for each advertisement, and nothing is kept of it.
pub static PREFIX: Kind = Kind {
    name: "prefix",
    about: "IPv6 prefixes as routers advertise them",
    title: &[
        word("prefix"),
        word("onlink").as_detail(),
        word("autoconf").as_detail(),
        word("valid_life_time").after("valid").as_detail(),
        word("preferred_life_time").after("preferred").as_detail(),
    ],
    groups: &[RTNLGRP_IPV6_PREFIX],
    new: RTM_NEWPREFIX,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    ..Kind::PLAIN
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
        field_of(10, 1, "flags", Is::Members(flags, FLAGS_PARTS)),
    ],
);

static ATTRIBUTES: Set = Set::new(
    "PREFIX",
    &[row(1, "prefix", Is::Value(address, TEXT)), row(2, "cacheinfo", Is::InlineStructure(&CACHE_INFO))],
);

/// `struct prefix_cacheinfo`; seconds.
static CACHE_INFO: Structure = Structure::new(
    "prefix_cacheinfo",
    8,
    &[field(4, "valid_life_time", Is::Number(U32)), field(0, "preferred_life_time", Is::Number(U32))],
);

/// Flags of a prefix (RFC 4861, 6275, 9762); kernels before 6.7 pass on `IF_PREFIX_*` instead.
const PREFIX_FLAGS: &[(u8, &str)] =
    &[(0x80 | 0x01, "onlink"), (0x40 | 0x02, "autoconf"), (0x20, "router_address"), (0x10, "pd_preferred")];

/// Writes a member for each flag of a prefix, true or false.
pub fn write_flags(out: &mut Json, flags: u8) {
    for &(mask, key) in PREFIX_FLAGS {
        out.key(key);
        out.bool(flags & mask != 0);
    }
}

/// The members that [`flags`] writes.
const FLAGS_PARTS: &[Part] =
    &[Part::bool("onlink"), Part::bool("autoconf"), Part::bool("router_address"), Part::bool("pd_preferred")];

/// `flags` of `struct prefixmsg`: a member for each.
pub fn flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_flags(out, *payload.first().ok_or(Wrong::Length(1))?);
    Ok(())
}

/// `PREFIX_ADDRESS`, with the length in the header.
pub fn address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    /// `prefix_len` of `struct prefixmsg`.
    const LENGTH_AT: usize = 9;
    let address: [u8; 16] = payload.try_into().map_err(|_| Wrong::Length(16))?;
    let length = context.header.get(LENGTH_AT).copied().unwrap_or_default();
    out.display(format_args!("{}/{length}", Ipv6Addr::from(address)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::text;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn an_advertised_prefix() {
        let mut payload = vec![10, 0, 0, 0, 3, 0, 0, 0, 3, 64, 0x01, 0];
        append_attribute(&mut payload, 1, &[&[0x20, 1, 0xd, 0xb8][..], &[0; 12]].concat());
        let text = text(&PREFIX, &payload);
        assert!(text.contains(r#""dev":"if3","onlink":true,"autoconf":false"#), "{text}");
        assert!(text.ends_with(r#""prefix":"2001:db8::/64"}"#), "{text}");
    }
}
