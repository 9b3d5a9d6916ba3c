//! Values that several tables of traffic control share: handles, verdicts, ages, numbers.

use super::names::{LINK_LAYERS, VERDICTS};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, Part,
    Scalar::{self, *},
    Shape, Wrong,
};
use crate::decode::value::{name_of, unsigned, write_named};
use crate::json::Json;
use crate::kinds::rtnetlink::shared::USER_HZ;
use crate::netlink::wire::{u16_at, u32_at};

/// `TC_H_ROOT`.
pub(super) const ROOT: u32 = 0xffff_ffff;

/// A number of four octets.
pub(super) fn u32_of(payload: &[u8]) -> Result<u32, Wrong> {
    Ok(unsigned(Scalar::U32, payload)? as u32)
}

/// The number of eight octets at an offset.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Writes a member of a number.
pub(super) fn write_number(out: &mut Json, key: &str, number: u64) {
    out.key(key);
    out.unsigned(number);
}

/// Writes the handle of a class or a queueing discipline as `tc` has it: `1:10`, `1:`, `root`.
pub(super) fn write_class_id(out: &mut Json, id: u32) {
    match (id >> 16, id & 0xffff) {
        _ if id == ROOT => out.string("root"),
        (0, 0) => out.string("none"),
        (0, minor) => out.display(format_args!(":{minor:x}")),
        (major, 0) => out.display(format_args!("{major:x}:")),
        (major, minor) => out.display(format_args!("{major:x}:{minor:x}")),
    }
}

/// The handle of a class: `1:10`.
pub(super) fn class_id(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_class_id(out, u32_of(payload)?);
    Ok(())
}

/// What becomes of a packet.
pub(super) const VERDICT: Is = Is::Value(
    verdict,
    &Shape::Object(&[
        Part::Member("type", &Shape::As(&Is::Named(I32, VERDICTS))),
        Part::number("jump"),
        Part::number("chain"),
    ]),
);

/// What becomes of a packet, `TC_ACT_*`: an object, as `tc` has it.
pub(super) fn verdict(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
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

/// Ages.
pub(super) const TIMES: Is = Is::Members(
    times,
    &[Part::number("installed"), Part::number("last_used"), Part::number("first_used"), Part::number("expires")],
);

/// `struct tcf_t`: ages in 1/100 s, told in seconds; one that is 0 never was.
fn times(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    for (at, key) in [(0, "installed"), (8, "last_used"), (24, "first_used"), (16, "expires")] {
        let time = u64_at(payload, at).ok_or(Wrong::Short(32))?;
        if time != 0 {
            write_number(out, key, time / USER_HZ);
        }
    }
    Ok(())
}

/// Octets in hexadecimal, with their mask (the attribute that follows in number) behind a slash, unless it is whole.
pub(super) fn masked_octets(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
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

/// Writes a fraction with six significant digits, which is what its bits are worth; a whole number without a point.
pub(super) fn write_fraction(out: &mut Json, value: f64) {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded == f64::trunc(rounded) && rounded.abs() < 1e15 {
        out.signed(rounded as i64);
    } else {
        out.float(rounded);
    }
}

/// Ticks of the packet scheduler's clock in a microsecond: each has 64 ns (`PSCHED_SHIFT` is 6).
pub(super) const TICKS_IN_MICROSECOND: f64 = 15.625;

/// The octets, or packets, that are sent in so many ticks.
pub(super) fn sent_in(rate: u64, ticks: u64) -> u64 {
    (rate as f64 * (ticks as f64 / TICKS_IN_MICROSECOND) / 1e6) as u64
}

/// The rate in 64 bits beside `struct tc_ratespec`, or the one in it.
pub(super) fn rate_of(context: &Context<'_>, number: u16, specification: &[u8]) -> u64 {
    let wide = context.sibling(number).and_then(|rate| u64_at(rate, 0));
    wide.unwrap_or_else(|| u32_at(specification, 8).unwrap_or_default().into())
}

/// A share of `u32::MAX`.
pub(super) fn share(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_share(out, u32_of(payload)?);
    Ok(())
}

/// Writes a share of `u32::MAX` as a fraction.
pub(super) fn write_share(out: &mut Json, share: u32) {
    write_fraction(out, f64::from(share) / f64::from(u32::MAX));
}

/// Octets of `struct tc_ratespec`.
pub(super) const RATE_BYTES: usize = 12;

/// The octets in a cell of the rate's table, of `struct tc_ratespec`.
pub(super) fn cell(specification: &[u8]) -> u64 {
    1u64.checked_shl(specification[0].into()).unwrap_or_default()
}

/// Writes the link layer whose framing is counted, of `struct tc_ratespec`.
pub(super) fn write_link_layer(out: &mut Json, specification: &[u8]) {
    const LINK_LAYER: u8 = 0x0f;
    out.key("linklayer");
    write_named(out, LINK_LAYERS, (specification[1] & LINK_LAYER).into());
}

/// The octets that are added to each packet, of `struct tc_ratespec`.
pub(super) fn overhead(specification: &[u8]) -> u64 {
    u16_at(specification, 2).unwrap_or_default().into()
}

/// The octets that the smallest packet counts for, of `struct tc_ratespec`.
pub(super) fn smallest(specification: &[u8]) -> u64 {
    u16_at(specification, 6).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::NoLinks;
    use crate::kinds::rtnetlink::tc::QDISC;
    use crate::kinds::rtnetlink::tc::testing::members;

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
