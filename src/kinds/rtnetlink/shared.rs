//! Values that several kinds of rtnetlink have: times, realms, addresses of a family.

use libc::{ARPHRD_AX25, ARPHRD_IPGRE, ARPHRD_NETROM, ARPHRD_ROSE, ARPHRD_SIT, ARPHRD_TUNNEL, ARPHRD_TUNNEL6};

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, NUMBER, Part, Scalar, Shape, Wrong};
use crate::decode::value::{self, any_unsigned, unsigned, write_ip, write_named_id};
use crate::json::{Json, Key};
use crate::kinds::rtnetlink::names::{self};
use crate::kinds::rtnetlink::numbers::{AF_MPLS, AF_PACKET};
use crate::netlink::wire::{attribute_u32, u16_at};

/// The kernel's time unit towards users, `USER_HZ`: so many in a second.
pub const USER_HZ: u64 = 100;

/// The routing table of a route or a rule: `RTA_TABLE` and `FRA_TABLE`, which hold more than the octet in both headers
/// (`struct rtmsg`, `struct fib_rule_hdr`).
pub fn route_table(payload: &[u8]) -> Option<u32> {
    const HEADER_BYTES: usize = 12;
    const TABLE_AT: usize = 4;
    const TABLE: u16 = 15;
    let attributes = payload.get(HEADER_BYTES..).unwrap_or_default();
    attribute_u32(attributes, TABLE).or_else(|| payload.get(TABLE_AT).map(|&table| table.into()))
}

/// Writes a member of a number, where it is not 0.
pub fn write_nonzero(out: &mut Json, key: &str, value: u64) {
    if value != 0 {
        out.key(key);
        out.unsigned(value);
    }
}

/// A time in 1/100 s as whole seconds.
pub fn centiseconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(any_unsigned(payload)? / USER_HZ);
    Ok(())
}

/// A time in 1/100 s as seconds with their fraction.
pub fn seconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let time = any_unsigned(payload)?;
    if time % USER_HZ == 0 {
        out.unsigned(time / USER_HZ);
    } else {
        out.float(time as f64 / USER_HZ as f64);
    }
    Ok(())
}

/// What [`realms`] writes.
pub const REALMS_SHAPE: &Shape =
    &Shape::Object(&[Part::text("from"), Part::number("from_id"), Part::text("to"), Part::number("to_id")]);

/// Realms of a route: the upper half is the source's.
pub fn realms(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let realms = any_unsigned(payload)?;
    out.begin_object();
    if realms >> 16 != 0 {
        realm(out, const { &Key::new("from") }, realms >> 16);
    }
    realm(out, const { &Key::new("to") }, realms & 0xffff);
    out.end_object();
    Ok(())
}

/// Writes a realm: its name of iproute2's file `rt_realms`, and its number.
pub fn realm(out: &mut Json, key: &Key, number: u64) {
    write_named_id(out, key, names::REALMS, number);
}

/// An MPLS label stack: `100/200`.
pub fn label_stack(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.is_empty() || !payload.len().is_multiple_of(4) {
        return Err(Wrong::Because("not a whole number of labels"));
    }
    out.begin_string();
    for (index, entry) in payload.chunks_exact(4).enumerate() {
        if index > 0 {
            out.continue_string("/");
        }
        out.continue_unsigned(unsigned(Scalar::U32Be, entry)? >> 12);
    }
    out.end_string();
    Ok(())
}

/// An address of a family.
pub fn write_address(out: &mut Json, context: &Context<'_>, family: u8, payload: &[u8]) -> Decoded {
    match (family, payload.len()) {
        (AF_MPLS, _) => label_stack(out, context, payload),
        (AF_PACKET, _) => {
            out.hardware(payload);
            Ok(())
        }
        (_, 4 | 16) => write_ip(out, payload),
        _ => Err(Wrong::Because("not an address of its family")),
    }
}

/// A prefix: the address, and the length where it is not the address's own.
pub fn write_prefix(out: &mut Json, context: &Context<'_>, address: &[u8], length: u8) -> Decoded {
    let bits = match context.family() {
        AF_MPLS => 20,
        _ => address.len() * 8,
    };
    if usize::from(length) == bits {
        return write_address(out, context, context.family(), address);
    }
    out.begin_string();
    match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
        (Ok(ipv4), _) => out.push_ipv4(ipv4),
        (_, Ok(ipv6)) => out.continue_display(std::net::Ipv6Addr::from(ipv6)),
        _ => return Err(Wrong::Because("not an address of its family")),
    }
    out.continue_string("/");
    out.continue_unsigned(length.into());
    out.end_string();
    Ok(())
}

/// Writes a member that is `true`.
pub fn write_true(out: &mut Json, key: &str) {
    out.key(key);
    out.bool(true);
}

/// GRE over IPv6, which libc does not name (`linux/if_arp.h`).
const ARPHRD_IP6GRE: u16 = 823;
/// `IFLA_CARRIER_CHANGES`: how often the carrier has come or gone.
const IFLA_CARRIER_CHANGES: u16 = 35;

/// Writes a link-layer address in the form that links of that `ARPHRD_*` have: on a tunnel it is an IP address.
pub fn write_hardware(out: &mut Json, link_type: Option<u16>, address: &[u8]) {
    match (address.len(), link_type) {
        (4, Some(ARPHRD_TUNNEL | ARPHRD_SIT | ARPHRD_IPGRE)) | (16, Some(ARPHRD_TUNNEL6 | ARPHRD_IP6GRE)) => {
            // It has one of the lengths that an IP address can have.
            let _ = value::write_ip(out, address);
        }
        (7, Some(ARPHRD_AX25 | ARPHRD_NETROM)) => write_call_sign(out, address),
        (5, Some(ARPHRD_ROSE)) => out.hex(address),
        _ => out.hardware(address),
    }
}

/// An AX.25 address: six letters shifted left by one bit, then a number in four bits; `*` where there are no letters.
fn write_call_sign(out: &mut Json, address: &[u8]) {
    out.begin_string();
    let letters = address.iter().take(6).map(|octet| char::from(octet >> 1)).filter(|&letter| letter != ' ');
    let call: String = letters.take_while(|&letter| letter != '\0').collect();
    if call.is_empty() {
        out.continue_string("*");
    } else {
        out.continue_string(&call);
        out.continue_string("-");
        out.continue_unsigned(u64::from((address[6] >> 1) & 0x0f));
    }
    out.end_string();
}

/// Members of `rx` and of `tx`, with their places in `struct rtnl_link_stats64` (`linux/if_link.h`).
const RECEIVED: &[(usize, &str)] = &[
    (2, "bytes"),
    (0, "packets"),
    (4, "errors"),
    (6, "dropped"),
    (11, "over_errors"),
    (8, "multicast"),
    (21, "compressed"),
    (10, "length_errors"),
    (12, "crc_errors"),
    (13, "frame_errors"),
    (14, "fifo_errors"),
    (15, "missed_errors"),
    (23, "nohandler"),
    (24, "otherhost"),
];

const SENT: &[(usize, &str)] = &[
    (3, "bytes"),
    (1, "packets"),
    (5, "errors"),
    (7, "dropped"),
    (17, "carrier_errors"),
    (9, "collisions"),
    (22, "compressed"),
    (16, "aborted_errors"),
    (18, "fifo_errors"),
    (20, "window_errors"),
    (19, "heartbeat_errors"),
];

fn write_counters(out: &mut Json, counters: &[(usize, &'static str)], payload: &[u8]) -> Decoded {
    for &(place, key) in counters {
        // A structure of an older kernel ends earlier.
        if let Some(counter) = payload.get(place * 8..place * 8 + 8) {
            out.key(key);
            out.unsigned(unsigned(Scalar::U64, counter)?);
        }
    }
    Ok(())
}

/// What [`statistics`] writes.
pub const STATISTICS_SHAPE: &Shape = &Shape::Object(&[
    Part::Member("rx", &Shape::Object(&[Part::Members("a counter", NUMBER)])),
    Part::Member("tx", &Shape::Object(&[Part::Members("a counter", NUMBER)])),
]);

/// A link's counters, `struct rtnl_link_stats64`, as `ip -s -s link` groups them.
pub fn statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 8 {
        return Err(Wrong::Short(8));
    }
    out.begin_object();
    out.key("rx");
    out.begin_object();
    write_counters(out, RECEIVED, payload)?;
    out.end_object();
    out.key("tx");
    out.begin_object();
    write_counters(out, SENT, payload)?;
    if let Some(changes) = attribute_u32(context.set, IFLA_CARRIER_CHANGES) {
        out.key("carrier_changes");
        out.unsigned(changes.into());
    }
    out.end_object();
    out.end_object();
    Ok(())
}

/// The type of a link, of whose message it is: `ifi_type` of `struct ifinfomsg`.
pub fn link_type(context: &Context<'_>) -> u16 {
    u16_at(context.header, 2).unwrap_or_default()
}
