//! What several kinds have: addresses, selectors, templates, lifetimes, names.

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Is, NUMBER, Names, Part, Shape, Structure, TEXT, Wrong, field, field_of};
use crate::decode::value::{name_of, unsigned, write_ip, write_link, write_named, write_number};
use crate::event::Clock;
use crate::json::Json;
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::kinds::rtnetlink::numbers::{AF_INET, AF_INET6};
use crate::netlink::wire::{u16_at, u32_at};

/// `AF_*`.
pub const FAMILIES: &Names = &[(2, "inet"), (10, "inet6")];

/// Protocols of associations, by `ip`'s names (`strxf_xfrmproto`).
pub const PROTOCOLS: &Names =
    &[(50, "esp"), (51, "ah"), (108, "comp"), (IPPROTO_ROUTING, "route2"), (IPPROTO_DSTOPTS, "hao")];
/// `IPPROTO_ROUTING` and `IPPROTO_DSTOPTS`: of Mobile IPv6.
pub const IPPROTO_ROUTING: u64 = 43;
/// The other one.
pub const IPPROTO_DSTOPTS: u64 = 60;

/// `XFRM_MODE_*`.
pub const MODES: &Names = &[(0, "transport"), (1, "tunnel"), (2, "ro"), (3, "in_trigger"), (4, "beet"), (5, "iptfs")];

/// `XFRM_SHARE_*`.
pub const SHARES: &Names = &[(0, "any"), (1, "session"), (2, "user"), (3, "unique")];

/// Octets of an address, of either family (`xfrm_address_t`).
pub const ADDRESS_BYTES: usize = 16;

/// An address of the message's family.
pub const ADDRESS: Is = Is::Value(address, &Shape::As(&Is::Ip));

fn address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, context.family(), payload)
}

/// Writes an address of that family; of any other one, by what there is of it.
pub fn write_address(out: &mut Json, family: u8, payload: &[u8]) -> Decoded {
    let (Some(first), ADDRESS_BYTES) = (payload.get(..4), payload.len()) else {
        return Err(Wrong::Length(ADDRESS_BYTES));
    };
    let is_ipv4 = match family {
        AF_INET => true,
        AF_INET6 => false,
        _ => payload[4..].iter().all(|&octet| octet == 0),
    };
    write_ip(out, if is_ipv4 { first } else { payload })
}

/// `struct xfrm_selector`: which packets it is about. The address family 0 stands for the message's.
pub const SELECTOR: Is = Is::Value(selector, &Shape::Object(SELECTOR_PARTS));

const SELECTOR_PARTS: &[Part] = &[
    Part::text("src"),
    Part::text("dst"),
    Part::text("proto"),
    Part::number("proto_id"),
    Part::number("sport"),
    Part::number("sport_mask"),
    Part::number("dport"),
    Part::number("dport_mask"),
    Part::number("type"),
    Part::number("code"),
    Part::number("key"),
    Part::Member("dev", &Shape::As(&Is::Link)),
    Part::number("uid"),
];

fn selector(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(family), Some(&[to_bits, from_bits, protocol])) =
        (u16_at(payload, 40), payload.get(42..45).and_then(|octets| octets.first_chunk::<3>()))
    else {
        return Err(Wrong::Short(56));
    };
    let family = if family == 0 { context.family() } else { family as u8 };
    out.begin_object();
    for (key, at, bits) in [("src", 16, from_bits), ("dst", 0, to_bits)] {
        out.key(key);
        write_network(out, family, payload.get(at..at + ADDRESS_BYTES).unwrap_or_default(), bits);
    }
    if protocol != 0 {
        out.key("proto");
        write_named(out, IP_PROTOCOLS, protocol.into());
        out.key("proto_id");
        out.unsigned(protocol.into());
    }
    write_ports(out, protocol, payload);
    if let Some(ifindex) = u32_at(payload, 48).filter(|&ifindex| ifindex != 0) {
        out.key("dev");
        write_link(out, context, ifindex);
    }
    if let Some(user) = u32_at(payload, 52).filter(|&user| user != 0) {
        out.key("uid");
        out.unsigned(user.into());
    }
    out.end_object();
    Ok(())
}

/// An address with its prefix's length.
fn write_network(out: &mut Json, family: u8, octets: &[u8], bits: u8) {
    let Ok(octets) = <[u8; ADDRESS_BYTES]>::try_from(octets) else { return out.null() };
    let is_ipv6 = match family {
        AF_INET => false,
        AF_INET6 => true,
        _ => octets[4..].iter().any(|&octet| octet != 0),
    };
    if is_ipv6 {
        out.display(format_args!("{}/{bits}", std::net::Ipv6Addr::from(octets)));
    } else {
        out.display(format_args!("{}.{}.{}.{}/{bits}", octets[0], octets[1], octets[2], octets[3]));
    }
}

/// What stands in the ports, by the protocol (`xfrm_flowi_sport` in the kernel): those that count, by their masks.
fn write_ports(out: &mut Json, protocol: u8, payload: &[u8]) {
    const ICMP: u8 = 1;
    const GRE: u8 = 47;
    const ICMPV6: u8 = 58;
    const MH: u8 = 135;
    let port = |at| u16_at(payload, at).map(u16::from_be).unwrap_or_default();
    let (to, to_mask, from, from_mask) = (port(32), port(34), port(36), port(38));
    if protocol == GRE {
        if to_mask | from_mask != 0 {
            out.key("key");
            out.unsigned(u64::from(from) << 16 | u64::from(to));
        }
        return;
    }
    let (from_key, to_key) = match protocol {
        ICMP | ICMPV6 | MH => ("type", "code"),
        _ => ("sport", "dport"),
    };
    for (key, port, mask) in [(from_key, from, from_mask), (to_key, to, to_mask)] {
        if mask == 0 {
            continue;
        }
        out.key(key);
        out.unsigned(port.into());
        let mask_key = if key == "sport" { "sport_mask" } else { "dport_mask" };
        if mask != u16::MAX && matches!(key, "sport" | "dport") {
            out.key(mask_key);
            out.unsigned(mask.into());
        }
    }
}

/// `struct xfrm_lifetime_cfg`: the limits that are set, as a member; none where none is.
pub const LIMITS: Is = Is::Members(limits, &[Part::Member("lft", &Shape::Object(LIMIT_PARTS))]);
/// Its octets.
pub const LIMITS_BYTES: usize = 64;

const LIMIT_PARTS: &[Part] = &[
    Part::number("byte_soft"),
    Part::number("byte_hard"),
    Part::number("packet_soft"),
    Part::number("packet_hard"),
    Part::number("add_soft"),
    Part::number("add_hard"),
    Part::number("use_soft"),
    Part::number("use_hard"),
];
/// Their keys, and what stands there where none is set.
const LIMITS_AND_NONE: [(&str, u64); 8] = [
    ("byte_soft", u64::MAX),
    ("byte_hard", u64::MAX),
    ("packet_soft", u64::MAX),
    ("packet_hard", u64::MAX),
    ("add_soft", 0),
    ("add_hard", 0),
    ("use_soft", 0),
    ("use_hard", 0),
];

fn limits(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut is_begun = false;
    for ((key, none), octets) in LIMITS_AND_NONE.iter().zip(payload.chunks_exact(8)) {
        let limit = unsigned(U64, octets)?;
        if limit == *none {
            continue;
        }
        if !std::mem::replace(&mut is_begun, true) {
            out.key("lft");
            out.begin_object();
        }
        out.key(key);
        out.unsigned(limit);
    }
    if is_begun {
        out.end_object();
    }
    Ok(())
}

/// `struct xfrm_lifetime_cur`: what was used, and when it was made and first used.
pub const USED: Is = Is::Value(
    used,
    &Shape::Object(&[Part::number("bytes"), Part::number("packets"), Part::text("add"), Part::text("use")]),
);
/// Its octets.
pub const USED_BYTES: usize = 32;

fn used(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() != USED_BYTES {
        return Err(Wrong::Length(USED_BYTES));
    }
    out.begin_object();
    for (key, octets) in ["bytes", "packets"].iter().zip(payload.chunks_exact(8)) {
        out.key(key);
        write_number(out, U64, octets)?;
    }
    for (key, octets) in ["add", "use"].iter().zip(payload[16..].chunks_exact(8)) {
        let seconds = unsigned(U64, octets)?;
        if seconds != 0 {
            out.key(key);
            write_time(out, seconds);
        }
    }
    out.end_object();
    Ok(())
}

/// Writes seconds since 1970 as a time.
pub fn write_time(out: &mut Json, seconds: u64) {
    let microseconds = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000_000));
    Clock::default().write(out, microseconds.unwrap_or(i64::MAX));
}

/// `struct xfrm_user_tmpl`: an association that a policy asks for.
pub const TEMPLATE: Is = Is::Value(template, &Shape::Object(TEMPLATE_PARTS));
/// Its octets.
pub const TEMPLATE_BYTES: usize = 64;

const TEMPLATE_PARTS: &[Part] = &[
    Part::text("src"),
    Part::text("dst"),
    Part::text("proto"),
    Part::number("proto_id"),
    Part::number("spi"),
    Part::number("reqid"),
    Part::text("mode"),
    Part::text("level"),
    Part::text("share"),
    Part::number("auth_mask"),
    Part::number("enc_mask"),
    Part::number("comp_mask"),
];

fn template(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let Some(&octets) = payload.first_chunk::<TEMPLATE_BYTES>() else { return Err(Wrong::Length(TEMPLATE_BYTES)) };
    let family = u16_at(payload, 24).unwrap_or_default() as u8;
    let number = |at| u32_at(payload, at).unwrap_or_default();
    out.begin_object();
    out.key("src");
    write_address(out, family, &octets[28..44])?;
    out.key("dst");
    write_address(out, family, &octets[..16])?;
    write_protocol(out, octets[20]);
    out.key("spi");
    out.unsigned(u32::from_be(number(16)).into());
    out.key("reqid");
    out.unsigned(number(44).into());
    out.key("mode");
    write_named(out, MODES, octets[48].into());
    out.key("level");
    out.plain(if octets[50] != 0 { "use" } else { "required" });
    out.key("share");
    write_named(out, SHARES, octets[49].into());
    for (key, at) in [("auth_mask", 52), ("enc_mask", 56), ("comp_mask", 60)] {
        // All algorithms go without saying.
        if number(at) != u32::MAX {
            out.key(key);
            out.unsigned(number(at).into());
        }
    }
    out.end_object();
    Ok(())
}

/// Writes an association's protocol.
fn write_protocol(out: &mut Json, protocol: u8) {
    out.key("proto");
    match name_of(PROTOCOLS, protocol.into()) {
        Some(name) => out.plain(name),
        None => out.display(protocol),
    }
    out.key("proto_id");
    out.unsigned(protocol.into());
}

/// `struct xfrm_stats`.
pub static STATS: Structure = Structure::new(
    "xfrm_stats",
    12,
    &[
        field(0, "replay_window", Is::Number(U32)),
        field(4, "replay", Is::Number(U32)),
        field(8, "failed", Is::Number(U32)),
    ],
);

/// `struct xfrm_user_kmaddress`: whom the key manager is to talk to.
pub const KEY_MANAGER: Is = Is::Value(key_manager, &Shape::Object(&[Part::text("local"), Part::text("remote")]));

fn key_manager(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(addresses), Some(family)) = (payload.get(..32), u16_at(payload, 36)) else {
        return Err(Wrong::Short(38));
    };
    out.begin_object();
    for (key, octets) in ["local", "remote"].iter().zip(addresses.chunks_exact(ADDRESS_BYTES)) {
        out.key(key);
        write_address(out, family as u8, octets)?;
    }
    out.end_object();
    Ok(())
}

/// `struct xfrm_user_migrate`: between whom an association was, and is now.
pub const MOVE: Is = Is::Value(moved, &Shape::Object(MOVE_PARTS));
/// Its octets.
pub const MOVE_BYTES: usize = 76;

const MOVE_PARTS: &[Part] = &[
    Part::text("old_src"),
    Part::text("old_dst"),
    Part::text("new_src"),
    Part::text("new_dst"),
    Part::Member("proto", TEXT),
    Part::Member("proto_id", NUMBER),
    Part::text("mode"),
    Part::number("reqid"),
];

fn moved(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let Some(&octets) = payload.first_chunk::<MOVE_BYTES>() else { return Err(Wrong::Length(MOVE_BYTES)) };
    let family = |at| u16_at(payload, at).unwrap_or_default() as u8;
    out.begin_object();
    for (key, at, family) in [
        ("old_src", 16, family(72)),
        ("old_dst", 0, family(72)),
        ("new_src", 48, family(74)),
        ("new_dst", 32, family(74)),
    ] {
        out.key(key);
        write_address(out, family, &octets[at..at + ADDRESS_BYTES])?;
    }
    write_protocol(out, octets[64]);
    out.key("mode");
    write_named(out, MODES, octets[65].into());
    out.key("reqid");
    out.unsigned(u32_at(payload, 68).unwrap_or_default().into());
    out.end_object();
    Ok(())
}

/// A field that is an address of the message's family.
pub const fn address_at(at: usize, key: &'static str) -> crate::decode::schema::Field {
    field_of(at, ADDRESS_BYTES, key, ADDRESS)
}
