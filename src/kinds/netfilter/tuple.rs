//! What tells a connection: addresses, and what its protocol has beside them (`ctnetlink_dump_tuples_ip` and
//! `ctnetlink_dump_tuples_proto` in `net/netfilter/nf_conntrack_netlink.c`).

use crate::decode::schema::Scalar::{U8, U16Be};
use crate::decode::schema::{Decoded, Is, NUMBER, Part, Scalar, Shape};
use crate::decode::value::{name_of, unsigned, write_ip, write_number};
use crate::json::Json;
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::netlink::wire::{attribute, attributes};

const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_TUPLE_ZONE: u16 = 3;
const CTA_PROTO_NUM: u16 = 1;
const IPPROTO_GRE: u64 = 47;
const IPPROTO_ICMPV6: u64 = 58;

/// The members of [`write_members`].
pub const PARTS: &[Part] = &[
    Part::Member("src", &Shape::As(&Is::Ip)),
    Part::Member("dst", &Shape::As(&Is::Ip)),
    Part::number("sport"),
    Part::number("dport"),
    Part::number("srckey"),
    Part::number("dstkey"),
    Part::number("id"),
    Part::number("type"),
    Part::number("code"),
    Part::number("zone"),
];

/// The members of [`write_protocol`].
pub const PROTOCOL_PARTS: [Part; 2] = [Part::text("protocol"), Part::Member("protocol_id", NUMBER)];

/// The number of its protocol above IP.
fn protocol(tuple: &[u8]) -> Option<u64> {
    let number = attribute(attribute(tuple, CTA_TUPLE_PROTO)?, CTA_PROTO_NUM)?;
    unsigned(U8, number).ok()
}

/// Its protocol, by name where it has one, and by number.
pub fn write_protocol(out: &mut Json, tuple: &[u8]) {
    let Some(number) = protocol(tuple) else { return };
    out.key("protocol");
    match name_of(IP_PROTOCOLS, number) {
        // As conntrack has it.
        Some(_) if number == IPPROTO_ICMPV6 => out.named("icmpv6"),
        Some(name) => out.named(name),
        None => out.display(number),
    }
    out.key("protocol_id");
    out.unsigned(number);
}

/// Its addresses and ports, or what its protocol has in their place.
pub fn write_members(out: &mut Json, tuple: &[u8]) -> Decoded {
    // CTA_IP_V4_SRC, V4_DST, V6_SRC and V6_DST.
    for found in attributes(attribute(tuple, CTA_TUPLE_IP).unwrap_or_default()) {
        let key = match found.number {
            1 | 3 => "src",
            2 | 4 => "dst",
            _ => continue,
        };
        out.key(key);
        write_ip(out, found.payload)?;
    }
    let is_gre = protocol(tuple) == Some(IPPROTO_GRE);
    for found in attributes(attribute(tuple, CTA_TUPLE_PROTO).unwrap_or_default()) {
        let (key, scalar): (&str, Scalar) = match found.number {
            2 if is_gre => ("srckey", U16Be),
            3 if is_gre => ("dstkey", U16Be),
            2 => ("sport", U16Be),
            3 => ("dport", U16Be),
            // Of ICMP and of ICMPv6.
            4 | 7 => ("id", U16Be),
            5 | 8 => ("type", U8),
            6 | 9 => ("code", U8),
            _ => continue,
        };
        out.key(key);
        write_number(out, scalar, found.payload)?;
    }
    if let Some(zone) = attribute(tuple, CTA_TUPLE_ZONE) {
        out.key("zone");
        write_number(out, U16Be, zone)?;
    }
    Ok(())
}
