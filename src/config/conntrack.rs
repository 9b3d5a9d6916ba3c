//! `conntrack` of `[watch]`.

use super::read::{Table, Value};
use crate::kinds::netfilter::conntrack::listening::{Connections, Mark};
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::netlink::filter::VALUES_MAX;

/// The kernel's own table has no more on the largest machines.
const ENTRIES_MOST: u64 = 1 << 24;

/// Reads it.
pub(super) fn conntrack(table: &Table<'_>) -> Connections {
    let bare = Connections::default();
    let entries_max = table.get("entries_max").and_then(|value| value.number(1, ENTRIES_MOST));
    let mirror = table.get("mirror").filter(|value| value.boolean().unwrap_or_default());
    if let Some(mirror) = &mirror
        && ["protocols", "marks", "zones"].iter().any(|key| table.get(key).is_some())
    {
        mirror.wrong(
            "it cannot be together with protocols, marks or zones: what is remembered must be all that there is",
        );
    }
    Connections {
        mirror: mirror.is_some(),
        entries_max: entries_max.map_or(bare.entries_max, |most| most as usize),
        reliable: table.get("reliable").and_then(|value| value.boolean()).unwrap_or_default(),
        protocols: each(table, "protocols", protocol),
        marks: each(table, "marks", mark),
        zones: each(table, "zones", |value| value.number(0, u16::MAX.into()).map(|zone| zone as u16)),
    }
}

/// The values of a list; each wrong one is told at its place.
fn each<T>(table: &Table<'_>, key: &str, read: impl Fn(&Value<'_>) -> Option<T>) -> Vec<T> {
    let Some(value) = table.get(key) else { return Vec::new() };
    let values = value.list().unwrap_or_default();
    if values.len() > VALUES_MAX {
        value.wrong(format_args!("{VALUES_MAX} at most are possible: the kernel's filter has no room for more"));
    }
    values.iter().filter_map(read).collect()
}

/// By the name that lines have, or by number.
fn protocol(value: &Value<'_>) -> Option<u8> {
    let text = value.text()?;
    // As conntrack has it.
    let name = if text == "icmpv6" { "ipv6-icmp" } else { text };
    let number = IP_PROTOCOLS.iter().find(|(_, of)| *of == name).and_then(|&(number, _)| u8::try_from(number).ok());
    let number = number.or_else(|| text.parse().ok());
    if number.is_none() {
        value
            .wrong("a protocol is needed, such as \"tcp\", \"udp\", \"icmp\", \"sctp\", or its number, such as \"47\"");
    }
    number
}

/// `MARK` or `MARK/MASK`, decimal or with `0x`.
fn mark(value: &Value<'_>) -> Option<Mark> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let text = value.text()?;
    let mark = match text.split_once('/') {
        Some((mark, mask)) => number(mark).zip(number(mask)),
        None => number(text).map(|mark| (mark, u32::MAX)),
    };
    match mark {
        None => value.wrong("a mark is needed, such as \"7\", \"0x10\", or with a mask, \"0x10/0xf0\""),
        Some((mark, mask)) if mark & !mask != 0 => {
            value.wrong("the mark has bits that its mask leaves out: no connection would ever fit");
            return None;
        }
        Some(_) => {}
    }
    mark
}
