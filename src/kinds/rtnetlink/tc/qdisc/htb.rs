//! `htb`: a tree of classes with rates. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, Structure, TEXT, Wrong, field, field_of, row};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::LINK_LAYERS;
use crate::kinds::rtnetlink::tc::shared::{
    RATE_BYTES, cell, overhead, rate_of, sent_in, smallest, u32_of, write_link_layer, write_number,
};
use crate::netlink::wire::u32_at;

/// `TCA_HTB_*`: of the whole and of a class. The 64-bit rates are told by the class's parameters.
pub(super) static HTB: Set = Set::new(
    "TCA_HTB",
    &[
        row(1, "parms", Is::Members(htb_class, HTB_CLASS_PARTS)),
        row(2, "init", Is::InlineStructure(&HTB_GLOBAL)),
        row(3, "ctab", Is::Hex),
        row(4, "rtab", Is::Hex),
        row(5, "direct_qlen", Is::Number(U32)),
        row(6, "rate64", Is::Known),
        row(7, "ceil64", Is::Known),
        row(8, "pad", Is::Known),
        row(9, "offload", Is::Present),
    ],
);

/// `struct tc_htb_glob`.
static HTB_GLOBAL: Structure = Structure::new(
    "tc_htb_glob",
    20,
    &[
        field(4, "r2q", Is::Number(U32)),
        field(8, "default", Is::Number(U32)),
        field(16, "direct_packets_stat", Is::Number(U32)).volatile(),
        field_of(0, 4, "ver", Is::Value(htb_version, TEXT)),
        field(12, "debug", Is::NumberUnless(U32, 0)),
    ],
);

/// The members that [`htb_class`] writes.
const HTB_CLASS_PARTS: &[Part] = &[
    Part::number("prio"),
    Part::number("quantum"),
    Part::number("rate"),
    Part::number("overhead"),
    Part::number("ceil"),
    Part::Member("linklayer", &Shape::As(&Is::Named(U8, LINK_LAYERS))),
    Part::number("burst"),
    Part::number("burst_cell"),
    Part::number("mpu_rate"),
    Part::number("cburst"),
    Part::number("cburst_cell"),
    Part::number("mpu_ceil"),
    Part::number("level"),
];

/// `struct tc_htb_opt`: rates, and buffers as octets.
fn htb_class(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 6;
    const CEIL_64: u16 = 7;
    if payload.len() < 44 {
        return Err(Wrong::Short(44));
    }
    let (rate_bytes, ceil_bytes) = (&payload[..RATE_BYTES], &payload[RATE_BYTES..2 * RATE_BYTES]);
    let at = |at| u64::from(u32_at(payload, at).unwrap_or_default());
    let (buffer, ceil_buffer, quantum, level, priority) = (at(24), at(28), at(32), at(36), at(40));
    if level == 0 {
        write_number(out, "prio", priority);
        write_number(out, "quantum", quantum);
    }
    let (rate, ceil) = (rate_of(context, RATE_64, rate_bytes), rate_of(context, CEIL_64, ceil_bytes));
    write_number(out, "rate", rate);
    if overhead(rate_bytes) != 0 {
        write_number(out, "overhead", overhead(rate_bytes));
    }
    write_number(out, "ceil", ceil);
    write_link_layer(out, rate_bytes);
    write_number(out, "burst", sent_in(rate, buffer));
    write_number(out, "burst_cell", cell(rate_bytes));
    write_number(out, "mpu_rate", smallest(rate_bytes));
    write_number(out, "cburst", sent_in(ceil, ceil_buffer));
    write_number(out, "cburst_cell", cell(ceil_bytes));
    write_number(out, "mpu_ceil", smallest(ceil_bytes));
    write_number(out, "level", level);
    Ok(())
}

/// The version of HTB: `3.17`.
fn htb_version(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let version = u32_of(payload)?;
    out.display(format_args!("{}.{}", version >> 16, version & 0xffff));
    Ok(())
}

/// `struct tc_htb_xstats`.
pub(super) static HTB_COUNTERS: Structure = Structure::new(
    "tc_htb_xstats",
    20,
    &[
        field(0, "lended", Is::Number(U32)),
        field(4, "borrowed", Is::Number(U32)),
        field(8, "giants", Is::Number(U32)),
        field(12, "tokens", Is::Number(I32)),
        field(16, "ctokens", Is::Number(I32)),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::CLASS;
    use crate::kinds::rtnetlink::tc::testing::{members, rate_specification};
    use crate::netlink::wire::append_attribute;

    #[test]
    fn a_rate_in_64_bits_is_the_true_one() {
        let mut payload = rate_specification(3, 4, 64, u32::MAX);
        payload.extend_from_slice(&rate_specification(3, 0, 0, 1000));
        for number in [0u32, 0, 1500, 0, 3] {
            payload.extend_from_slice(&number.to_ne_bytes());
        }
        let mut set = Vec::new();
        append_attribute(&mut set, 6, &12_500_000_000u64.to_ne_bytes());
        let written = members(&CLASS, &set, 1, htb_class, &payload);
        assert!(
            written.starts_with(r#"{"prio":3,"quantum":1500,"rate":12500000000,"overhead":4,"ceil":1000,"#),
            "{written}"
        );
        assert!(written.contains(r#""burst_cell":8,"mpu_rate":64"#), "{written}");
    }
}
