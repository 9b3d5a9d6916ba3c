//! `tbf`: a bucket that fills at a rate. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, Wrong, row};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::LINK_LAYERS;
use crate::kinds::rtnetlink::tc::shared::{
    RATE_BYTES, TICKS_IN_MICROSECOND, cell, overhead, rate_of, sent_in, smallest, write_link_layer, write_number,
};
use crate::netlink::wire::u32_at;

/// `TCA_TBF_*`. Its 64-bit rates are told by its parameters.
pub(super) static TBF: Set = Set::new(
    "TCA_TBF",
    &[
        row(1, "parms", Is::Members(tbf, TBF_PARTS)),
        row(2, "rtab", Is::Hex),
        row(3, "ptab", Is::Hex),
        row(4, "rate64", Is::Known),
        row(5, "prate64", Is::Known),
        row(6, "burst_bytes", Is::Number(U32)),
        row(7, "pburst_bytes", Is::Number(U32)),
        row(8, "pad", Is::Known),
    ],
);

/// The members that [`tbf`] writes.
const TBF_PARTS: &[Part] = &[
    Part::number("rate"),
    Part::number("burst"),
    Part::number("burst_cell"),
    Part::number("mpu"),
    Part::number("peakrate"),
    Part::number("mtu"),
    Part::number("mtu_cell"),
    Part::number("mpu_peak"),
    Part::number("lat"),
    Part::number("limit"),
    Part::number("overhead"),
    Part::Member("linklayer", &Shape::As(&Is::Named(U8, LINK_LAYERS))),
];

/// `struct tc_tbf_qopt`: rates, and buffers as octets. `tc` writes a buffer and its cell into one text.
fn tbf(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 4;
    const PEAK_RATE_64: u16 = 5;
    if payload.len() < 36 {
        return Err(Wrong::Short(36));
    }
    let (rate_bytes, peak_bytes) = (&payload[..RATE_BYTES], &payload[RATE_BYTES..2 * RATE_BYTES]);
    let at = |at| u64::from(u32_at(payload, at).unwrap_or_default());
    let (limit, buffer, peak_buffer) = (at(24), at(28), at(32));
    let (rate, peak) = (rate_of(context, RATE_64, rate_bytes), rate_of(context, PEAK_RATE_64, peak_bytes));
    write_number(out, "rate", rate);
    write_number(out, "burst", sent_in(rate, buffer));
    write_number(out, "burst_cell", cell(rate_bytes));
    write_number(out, "mpu", smallest(rate_bytes));
    if peak != 0 {
        write_number(out, "peakrate", peak);
        write_number(out, "mtu", sent_in(peak, peak_buffer));
        write_number(out, "mtu_cell", cell(peak_bytes));
        write_number(out, "mpu_peak", smallest(peak_bytes));
    }
    let latency = |rate: u64, ticks: u64| {
        (rate != 0).then(|| 1e6 * (limit as f64 / rate as f64) - ticks as f64 / TICKS_IN_MICROSECOND)
    };
    let longest = [latency(rate, buffer), latency(peak, peak_buffer)].into_iter().flatten().reduce(f64::max);
    if let Some(longest) = longest
        && longest >= 0.0
    {
        write_number(out, "lat", longest as u64);
    }
    write_number(out, "limit", limit);
    if overhead(rate_bytes) != 0 {
        write_number(out, "overhead", overhead(rate_bytes));
    }
    write_link_layer(out, rate_bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::QDISC;
    use crate::kinds::rtnetlink::tc::testing::{members, rate_specification};

    #[test]
    fn buffers_are_told_in_octets() {
        let mut payload = rate_specification(0, 0, 0, 125_000);
        payload.extend_from_slice(&rate_specification(0, 0, 0, 0));
        // 10 KiB more than is sent in 70 ms.
        for number in [18_990u32, 1_280_000, 0] {
            payload.extend_from_slice(&number.to_ne_bytes());
        }
        assert_eq!(
            members(&QDISC, &[], 1, tbf, &payload),
            r#"{"rate":125000,"burst":10240,"burst_cell":1,"mpu":0,"lat":70000,"limit":18990,"linklayer":"ethernet"}"#
        );
        assert!(members(&QDISC, &[], 1, tbf, &payload[..30]).contains("Short"));
    }
}
