//! Values of traffic control that several of its kinds share: handles, verdicts, ages, counters.

pub mod actions;
pub mod disciplines;
pub mod ematches;
pub mod filters;
pub mod flower;

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar, Wrong};
use crate::decode::value::{name_of, unsigned};
use crate::json::Json;
use crate::kinds::tc::TCA_STATS2;
use crate::kinds::tc::names::VERDICTS;
use crate::netlink::wire::{attributes, u32_at};

/// `TC_H_ROOT`.
const ROOT: u32 = 0xffff_ffff;
/// The kernel's time unit towards users, `USER_HZ`: so many in a second.
const USER_HZ: u64 = 100;

fn u32_of(payload: &[u8]) -> Result<u32, Wrong> {
    Ok(unsigned(Scalar::U32, payload)? as u32)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn write_true(out: &mut Json, key: &str) {
    out.key(key);
    out.bool(true);
}

fn write_number(out: &mut Json, key: &str, number: u64) {
    out.key(key);
    out.unsigned(number);
}

// Handles ------------------------------------------------------------------------------------------------------------

fn write_class_id(out: &mut Json, id: u32) {
    match (id >> 16, id & 0xffff) {
        _ if id == ROOT => out.string("root"),
        (0, 0) => out.string("none"),
        (0, minor) => out.display(format_args!(":{minor:x}")),
        (major, 0) => out.display(format_args!("{major:x}:")),
        (major, minor) => out.display(format_args!("{major:x}:{minor:x}")),
    }
}

/// The handle of a class: `1:10`.
pub fn class_id(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_class_id(out, u32_of(payload)?);
    Ok(())
}

/// The handle of a queueing discipline: `1:`.
pub fn qdisc_handle(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.display(format_args!("{:x}:", u32_of(payload)? >> 16));
    Ok(())
}

/// `root`, or the class that it is in; nothing where it is in none.
pub fn qdisc_parent(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if u32_of(payload)? == 0 { Ok(()) } else { class_parent(out, context, payload) }
}

/// `root`, or the class that it is in.
pub fn class_parent(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match u32_of(payload)? {
        ROOT => write_true(out, "root"),
        parent => {
            out.key("parent");
            write_class_id(out, parent);
        }
    }
    Ok(())
}

/// The major number of the queueing discipline inside a class, where there is one.
pub fn class_leaf(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let leaf = u32_of(payload)?;
    if leaf != 0 {
        write_number(out, "leaf", (leaf >> 16).into());
    }
    Ok(())
}

// What actions and filters share -------------------------------------------------------------------------------------

/// What becomes of a packet, `TC_ACT_*`: an object, as `tc` has it.
pub fn verdict(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const VALUE: u32 = 0x0fff_ffff;
    let verdict = u32_of(payload)?;
    out.begin_object();
    out.key("type");
    // The highest four bits say that the others are a value, unless it is negative.
    match verdict >> 28 {
        1 => {
            out.string("jump");
            write_number(out, "jump", (verdict & VALUE).into());
        }
        2 => {
            out.string("goto");
            write_number(out, "chain", (verdict & VALUE).into());
        }
        _ => match name_of(VERDICTS, verdict.into()) {
            Some(name) => out.string(name),
            None => out.signed((verdict as i32).into()),
        },
    }
    out.end_object();
    Ok(())
}

/// `struct tcf_t`: ages in 1/100 s, told in seconds; one that is 0 never was.
pub fn times(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    for (at, key) in [(0, "installed"), (8, "last_used"), (24, "first_used"), (16, "expires")] {
        let time = u64_at(payload, at).ok_or(Wrong::Short(32))?;
        if time != 0 {
            write_number(out, key, time / USER_HZ);
        }
    }
    Ok(())
}

/// A BPF program's number, and the tag beside it: `prog`.
pub fn program<const TAG: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let id = u32_of(payload)?;
    out.key("prog");
    out.begin_object();
    write_number(out, "id", id.into());
    if let Some(tag) = context.sibling(TAG) {
        out.key("tag");
        out.hex(tag);
    }
    out.end_object();
    Ok(())
}

/// A BPF program's tag, where its number is not known.
pub fn program_tag<const ID: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(ID).is_none() {
        out.key("tag");
        out.hex(payload);
    }
    Ok(())
}

/// Octets in hexadecimal, with their mask (the attribute that follows in number) behind a slash, unless it is whole.
pub fn masked_octets(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_string();
    payload.iter().for_each(|octet| out.continue_display(format_args!("{octet:02x}")));
    if let Some(mask) = context.sibling(context.number() + 1)
        && mask.iter().any(|&octet| octet != 0xff)
    {
        out.continue_string("/");
        mask.iter().for_each(|octet| out.continue_display(format_args!("{octet:02x}")));
    }
    out.end_string();
    Ok(())
}

// Counters -----------------------------------------------------------------------------------------------------------

/// The number of packets in 64 bits that follows an attribute: of its own counters.
fn packets_behind(context: &Context<'_>) -> Option<u64> {
    const PACKETS_64: u16 = 8;
    let mut following = attributes(context.set).skip_while(|found| found.number != context.number()).skip(1);
    let next = following.find(|found| !matches!(found.number, 6))?;
    (next.number == PACKETS_64).then(|| u64_at(next.payload, 0)).flatten()
}

/// `struct gnet_stats_basic`: octets and packets.
fn basic(context: &Context<'_>, payload: &[u8]) -> Result<(u64, u64), Wrong> {
    let bytes = u64_at(payload, 0).ok_or(Wrong::Short(12))?;
    let packets = u32_at(payload, 8).ok_or(Wrong::Short(12))?;
    Ok((bytes, packets_behind(context).unwrap_or(packets.into())))
}

/// `TCA_STATS_BASIC`.
pub fn basic_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (bytes, packets) = basic(context, payload)?;
    write_number(out, "bytes", bytes);
    write_number(out, "packets", packets);
    Ok(())
}

/// `TCA_STATS_BASIC_HW`: what the hardware counted, and, as the rest, the software; nothing where it counted nothing.
pub fn hardware_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BASIC: u16 = 1;
    let (bytes, packets) = basic(context, payload)?;
    if bytes == 0 && packets == 0 {
        return Ok(());
    }
    if let Some(all) = context.sibling(BASIC) {
        let (all_bytes, all_packets) = basic(&context.clone().numbered(BASIC), all)?;
        if all_bytes >= bytes && all_packets >= packets {
            write_number(out, "sw_bytes", all_bytes - bytes);
            write_number(out, "sw_packets", all_packets - packets);
        }
    }
    write_number(out, "hw_bytes", bytes);
    write_number(out, "hw_packets", packets);
    Ok(())
}

/// `struct gnet_stats_rate_est`, where there is none in 64 bits.
pub fn estimated_rate(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 5;
    if context.sibling(RATE_64).is_none() {
        write_number(out, "rate", u32_at(payload, 0).ok_or(Wrong::Length(8))?.into());
        write_number(out, "pps", u32_at(payload, 4).ok_or(Wrong::Length(8))?.into());
    }
    Ok(())
}

/// `struct tc_stats`, which says less than `TCA_STATS2` and is told only where that is missing.
pub fn old_statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(TCA_STATS2).is_some() {
        return Ok(());
    }
    write_number(out, "bytes", u64_at(payload, 0).ok_or(Wrong::Short(36))?);
    for (at, key) in [(8, "packets"), (12, "dropped"), (16, "overlimits")] {
        write_number(out, key, u32_at(payload, at).ok_or(Wrong::Short(36))?.into());
    }
    for (at, key) in [(20, "rate"), (24, "pps"), (32, "backlog"), (28, "qlen")] {
        let counter = u32_at(payload, at).ok_or(Wrong::Short(36))?;
        if counter != 0 {
            write_number(out, key, counter.into());
        }
    }
    Ok(())
}

// Numbers ------------------------------------------------------------------------------------------------------------

/// Writes a fraction with six significant digits, which is what its bits are worth; a whole number without a point.
fn write_fraction(out: &mut Json, value: f64) {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded == f64::trunc(rounded) && rounded.abs() < 1e15 {
        out.signed(rounded as i64);
    } else {
        out.float(rounded);
    }
}

/// Ticks of the packet scheduler's clock in a microsecond: each has 64 ns (`PSCHED_SHIFT` is 6).
const TICKS_IN_MICROSECOND: f64 = 15.625;

/// The octets, or packets, that are sent in so many ticks.
fn sent_in(rate: u64, ticks: u64) -> u64 {
    (rate as f64 * (ticks as f64 / TICKS_IN_MICROSECOND) / 1e6) as u64
}

/// The rate in 64 bits beside `struct tc_ratespec`, or the one in it.
fn rate_of(context: &Context<'_>, number: u16, specification: &[u8]) -> u64 {
    let wide = context.sibling(number).and_then(|rate| u64_at(rate, 0));
    wide.unwrap_or_else(|| u32_at(specification, 8).unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::schema::{Is, Kind, WriteValue};
    use crate::decode::walk::write_value;
    use crate::kinds::tc::QDISC;

    /// What a function writes of a value, as an object, or what is wrong.
    pub fn members(kind: &'static Kind, set: &[u8], number: u16, write: WriteValue, payload: &[u8]) -> String {
        let mut whole = vec![0; kind.header.bytes];
        whole.extend_from_slice(set);
        let context = kind.context(&whole, &NoLinks).numbered(number);
        let mut out = Json::new();
        let is: &'static Is = Box::leak(Box::new(Is::Members(write)));
        match write_value(&mut out, &context, is, payload) {
            Ok(()) => String::from_utf8_lossy(out.bytes()).into_owned(),
            Err(wrong) => format!("{wrong:?}"),
        }
    }

    #[test]
    fn handles_are_written_as_tc_has_them() {
        for (id, text) in [
            (0, "\"none\""),
            (u32::MAX, "\"root\""),
            (0x1_0000, "\"1:\""),
            (0x10, "\":10\""),
            (0xffff_fff1, "\"ffff:fff1\""),
        ] {
            let mut out = Json::new();
            write_class_id(&mut out, id);
            assert_eq!(String::from_utf8_lossy(out.bytes()), text);
        }
    }

    #[test]
    fn verdicts_hold_values() {
        let written = |verdict: u32| {
            let mut out = Json::new();
            let payload = verdict.to_ne_bytes();
            verdict_of(&mut out, &payload);
            String::from_utf8_lossy(out.bytes()).into_owned()
        };
        assert_eq!(written(u32::MAX), r#"{"type":"continue"}"#);
        assert_eq!(written(2), r#"{"type":"drop"}"#);
        assert_eq!(written(0x2000_002a), r#"{"type":"goto","chain":42}"#);
        assert_eq!(written(0x1000_0002), r#"{"type":"jump","jump":2}"#);
        assert_eq!(written(99), r#"{"type":99}"#);
    }

    fn verdict_of(out: &mut Json, payload: &[u8]) {
        verdict(out, &QDISC.context(&[0; 20], &NoLinks), payload).unwrap();
    }

    #[test]
    fn ages_that_never_were_are_left_out() {
        let mut payload = Vec::new();
        for time in [250u64, 100, 0, 0] {
            payload.extend_from_slice(&time.to_ne_bytes());
        }
        assert_eq!(members(&QDISC, &[], 0, times, &payload), r#"{"installed":2,"last_used":1}"#);
        assert!(members(&QDISC, &[], 0, times, &payload[..20]).contains("Short"));
    }

    #[test]
    fn packets_in_64_bits_belong_to_what_they_follow() {
        use crate::netlink::wire::append_attribute;
        let counters = |bytes: u64, packets: u32| {
            let mut counters = bytes.to_ne_bytes().to_vec();
            counters.extend_from_slice(&packets.to_ne_bytes());
            counters
        };
        let mut set = Vec::new();
        append_attribute(&mut set, 1, &counters(9000, 7));
        append_attribute(&mut set, 8, &(1u64 << 33).to_ne_bytes());
        append_attribute(&mut set, 7, &counters(4000, 5));
        assert_eq!(
            members(&QDISC, &set, 1, basic_counters, &counters(9000, 7)),
            r#"{"bytes":9000,"packets":8589934592}"#
        );
        assert_eq!(
            members(&QDISC, &set, 7, hardware_counters, &counters(4000, 5)),
            r#"{"sw_bytes":5000,"sw_packets":8589934587,"hw_bytes":4000,"hw_packets":5}"#
        );
    }

    #[test]
    fn fractions_have_six_digits() {
        for (value, text) in
            [(0.0, "0"), (1.0, "1"), (515396075.0 / 4294967296.0, "0.12"), (0.000503548, "0.000503548")]
        {
            let mut out = Json::new();
            write_fraction(&mut out, value);
            assert_eq!(String::from_utf8_lossy(out.bytes()), text);
        }
    }

    #[test]
    fn ticks_become_octets() {
        // 10 KiB at 125,000 octets a second.
        assert_eq!(sent_in(125_000, 1_280_000), 10_240);
        assert_eq!(sent_in(0, 5), 0);
    }
}
