//! `netem`: a network that delays, loses and spoils packets. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, NUMBER, Part,
    Scalar::{self, *},
    Set, Shape, Structure, Wrong, field, field_of, row,
};
use crate::decode::value::write_number as write_scalar;
use crate::decode::walk::{write_set, write_structure};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::shared::{share, u32_of, u64_at, write_fraction, write_number, write_share};
use crate::netlink::wire::{attribute, u32_at};

/// `TCA_NETEM_*`, behind `struct tc_netem_qopt`. The known ones are told with what they belong to.
static NETEM: Set = Set::new(
    "TCA_NETEM",
    &[
        row(1, "corr", Is::Known),
        row(2, "delay_dist", Is::Hex),
        row(
            3,
            "reorder",
            Is::Members(
                netem_reorder,
                &[Part::Member("reorder", &Shape::Object(&[Part::number("reorder"), Part::number("correlation")]))],
            ),
        ),
        row(
            4,
            "corrupt",
            Is::Members(
                netem_corrupt,
                &[Part::Member("corrupt", &Shape::Object(&[Part::number("corrupt"), Part::number("correlation")]))],
            ),
        ),
        row(5, "loss", Is::Inline(&NETEM_LOSS)),
        row(6, "rate", Is::Members(netem_rate, &[Part::number("rate"), Part::Structure(&NETEM_RATE)])),
        row(7, "ecn_marks", Is::Known),
        row(8, "rate64", Is::Known),
        row(9, "pad", Is::Known),
        row(10, "latency64", Is::Known),
        row(11, "jitter64", Is::Known),
        row(12, "slot", Is::Value(netem_slot, NETEM_SLOT_SHAPE)),
        row(13, "slot_dist", Is::Hex),
        row(14, "seed", Is::Number(U64)),
    ],
);

/// `NETEM_LOSS_*`.
static NETEM_LOSS: Set = Set::new(
    "NETEM_LOSS",
    &[
        row(1, "loss-state", Is::Structure(&NETEM_LOSS_STATES)),
        row(2, "loss-gemodel", Is::Structure(&NETEM_LOSS_GILBERT_ELLIOT)),
    ],
);

/// `struct tc_netem_gimodel`: shares of `u32::MAX`.
static NETEM_LOSS_STATES: Structure = Structure::new(
    "tc_netem_gimodel",
    20,
    &[
        field_of(0, 4, "p13", Is::Value(share, NUMBER)),
        field_of(4, 4, "p31", Is::Value(share, NUMBER)),
        field_of(8, 4, "p32", Is::Value(share, NUMBER)),
        field_of(16, 4, "p23", Is::Value(share, NUMBER)),
        field_of(12, 4, "p14", Is::Value(share, NUMBER)),
    ],
);

/// `struct tc_netem_gemodel`: shares of `u32::MAX`; of `h` the rest is told.
static NETEM_LOSS_GILBERT_ELLIOT: Structure = Structure::new(
    "tc_netem_gemodel",
    16,
    &[
        field_of(0, 4, "p", Is::Value(share, NUMBER)),
        field_of(4, 4, "r", Is::Value(share, NUMBER)),
        field_of(8, 4, "1-h", Is::Value(rest_share, NUMBER)),
        field_of(12, 4, "1-k", Is::Value(share, NUMBER)),
    ],
);

/// `struct tc_netem_rate`; the rate itself may be in `TCA_NETEM_RATE64`.
static NETEM_RATE: Structure = Structure::new(
    "tc_netem_rate",
    16,
    &[
        field(4, "packetoverhead", Is::Number(I32)),
        field(8, "cellsize", Is::Number(U32)),
        field(12, "celloverhead", Is::Number(I32)),
    ],
);

/// The options.
pub(super) const NETEM_OPTIONS: Is = Is::Value(
    netem,
    &Shape::Object(&[
        Part::number("limit"),
        Part::Member(
            "delay",
            &Shape::Object(&[Part::number("delay"), Part::number("jitter"), Part::number("correlation")]),
        ),
        Part::Member("loss-random", &Shape::Object(&[Part::number("loss"), Part::number("correlation")])),
        Part::Member("duplicate", &Shape::Object(&[Part::number("duplicate"), Part::number("correlation")])),
        Part::Set(&NETEM),
        Part::bool("ecn"),
        Part::number("gap"),
    ]),
);

/// `struct tc_netem_qopt`, and `TCA_NETEM_*` behind it: times in ticks of the packet scheduler, or in nanoseconds.
fn netem(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 24;
    const CORRELATIONS: u16 = 1;
    const MARKS: u16 = 7;
    const LATENCY_64: u16 = 10;
    const JITTER_64: u16 = 11;
    const TICK_NANOSECONDS: u64 = 64;
    let (options, set) = payload.split_at_checked(BYTES).ok_or(Wrong::Short(BYTES))?;
    let at = |at| u32_at(options, at).unwrap_or_default();
    let time = |number, ticks: u32| {
        let wide = attribute(set, number).and_then(|time| u64_at(time, 0));
        wide.unwrap_or(u64::from(ticks) * TICK_NANOSECONDS)
    };
    let correlations = attribute(set, CORRELATIONS).unwrap_or_default();
    let correlation = |place: usize| u32_at(correlations, place * 4).unwrap_or_default();
    out.begin_object();
    write_number(out, "limit", at(4).into());
    let latency = time(LATENCY_64, at(0));
    if latency != 0 {
        out.key("delay");
        out.begin_object();
        write_seconds(out, "delay", latency);
        write_seconds(out, "jitter", time(JITTER_64, at(20)));
        out.key("correlation");
        write_share(out, correlation(0));
        out.end_object();
    }
    write_chance(out, "loss-random", "loss", at(8), correlation(1));
    write_chance(out, "duplicate", "duplicate", at(16), correlation(2));
    write_set(out, &context.inside(set), &NETEM, set);
    out.key("ecn");
    out.bool(attribute(set, MARKS).is_some());
    write_number(out, "gap", at(12).into());
    out.end_object();
    Ok(())
}

/// Writes nanoseconds as seconds.
fn write_seconds(out: &mut Json, key: &str, nanoseconds: u64) {
    out.key(key);
    write_fraction(out, nanoseconds as f64 / 1e9);
}

fn write_chance(out: &mut Json, key: &str, inner: &str, chance: u32, correlation: u32) {
    if chance == 0 {
        return;
    }
    out.key(key);
    out.begin_object();
    out.key(inner);
    write_share(out, chance);
    out.key("correlation");
    write_share(out, correlation);
    out.end_object();
}

/// What a share of `u32::MAX` leaves.
fn rest_share(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_share(out, u32::MAX - u32_of(payload)?);
    Ok(())
}

/// `struct tc_netem_reorder`, unless it never happens.
fn netem_reorder(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_two_shares(out, "reorder", payload)
}

/// `struct tc_netem_corrupt`, unless it never happens.
fn netem_corrupt(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_two_shares(out, "corrupt", payload)
}

fn write_two_shares(out: &mut Json, key: &str, payload: &[u8]) -> Decoded {
    let at = |at| u32_at(payload, at).ok_or(Wrong::Length(8));
    write_chance(out, key, key, at(0)?, at(4)?);
    Ok(())
}

/// `struct tc_netem_rate`, where there is a limit.
fn netem_rate(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 8;
    let rate = u32_at(payload, 0).ok_or(Wrong::Length(16))?;
    if rate != 0 {
        let wide = context.sibling(RATE_64).and_then(|rate| u64_at(rate, 0)).filter(|&rate| rate != 0);
        write_number(out, "rate", wide.unwrap_or(rate.into()));
        write_structure(out, context, &NETEM_RATE, payload);
    }
    Ok(())
}

/// What [`netem_slot`] writes.
const NETEM_SLOT_SHAPE: &Shape = &Shape::Object(&[
    Part::number("min-delay"),
    Part::number("max-delay"),
    Part::number("distribution"),
    Part::number("jitter"),
    Part::number("packets"),
    Part::number("bytes"),
]);

/// `struct tc_netem_slot`: times in nanoseconds, told in seconds.
fn netem_slot(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let at = |at| u64_at(payload, at).ok_or(Wrong::Length(40));
    let distributed = (at(32)? as i64) > 0;
    let (first, second) = if distributed { (24, 32) } else { (0, 8) };
    let keys = if distributed { ["distribution", "jitter"] } else { ["min-delay", "max-delay"] };
    out.begin_object();
    write_seconds(out, keys[0], at(first)?);
    write_seconds(out, keys[1], at(second)?);
    for (at, key) in [(16, "packets"), (20, "bytes")] {
        out.key(key);
        write_scalar(out, Scalar::I32, &payload[at..at + 4])?;
    }
    out.end_object();
    Ok(())
}

/// `struct tc_netem_xstats`.
pub(super) static NETEM_COUNTERS: Structure = Structure::new(
    "tc_netem_xstats",
    56,
    &[
        field(0, "delayed", Is::Number(U64)),
        field(8, "dropped", Is::Number(U64)),
        field(16, "corrupted", Is::Number(U64)),
        field(24, "duplicated", Is::Number(U64)),
        field(32, "reordered", Is::Number(U64)),
        field(40, "ecn_marked", Is::Number(U64)),
        field(48, "alloc_errors", Is::Number(U64)),
    ],
);
