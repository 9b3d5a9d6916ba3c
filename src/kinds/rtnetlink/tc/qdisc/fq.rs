//! `fq`: a queue for each flow, with pacing. `pkt_sched.h`.

use super::sched::PRIO;
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, NUMBER, Part,
    Scalar::{self, *},
    Set, Structure, Wrong, field, row,
};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::kinds::rtnetlink::shared::write_true;
use crate::kinds::rtnetlink::tc::shared::u32_of;

/// `TCA_FQ_*`; times in microseconds, the timer's slack in nanoseconds.
pub(super) static FQ: Set = Set::new(
    "TCA_FQ",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "flow_limit", Is::Number(U32)),
        row(3, "quantum", Is::Number(U32)),
        row(4, "initial_quantum", Is::Number(U32)),
        row(5, "pacing", Is::Bool(U32)),
        row(6, "defrate", Is::NumberUnless(U32, 0)),
        row(7, "maxrate", Is::NumberUnless(U32, 0xffff_ffff)),
        row(8, "buckets", Is::Value(power_of_two, NUMBER)),
        row(9, "refill_delay", Is::Number(U32)),
        row(10, "orphan_mask", Is::Number(U32)),
        row(11, "low_rate_threshold", Is::NumberUnless(U32, 0)),
        row(12, "ce_threshold", Is::NumberUnless(U32, 0xffff_ffff)),
        row(13, "timer_slack", Is::Number(U32)),
        row(14, "horizon", Is::Number(U32)),
        row(15, "horizon_drop", Is::Members(fq_horizon, &[Part::bool("horizon_drop"), Part::bool("horizon_cap")])),
        row(16, "priomap", Is::InlineStructure(&PRIO)),
        row(17, "weights", Is::Array(&WEIGHT, 4)),
        row(18, "offload_horizon", Is::Number(U32)),
    ],
);

static WEIGHT: Is = Is::Number(I32);

/// A power of two, by its logarithm.
fn power_of_two(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(1u64.checked_shl(u32_of(payload)?).ok_or(Wrong::Because("a logarithm above 63"))?);
    Ok(())
}

/// `TCA_FQ_HORIZON_DROP`: what becomes of packets beyond the horizon.
fn fq_horizon(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let drops = unsigned(Scalar::U8, payload)? != 0;
    write_true(out, if drops { "horizon_drop" } else { "horizon_cap" });
    Ok(())
}

/// `struct tc_fq_qd_stats`. `tc` has `throttled` twice: flows that are throttled now, and how often one was.
pub(super) static FQ_COUNTERS: Structure = Structure::new(
    "tc_fq_qd_stats",
    152,
    &[
        field(64, "flows", Is::Number(U32)),
        field(68, "inactive", Is::Number(U32)),
        field(72, "throttled", Is::Number(U32)),
        field(136, "band0_pkts", Is::Number(U32)),
        field(140, "band1_pkts", Is::Number(U32)),
        field(144, "band2_pkts", Is::Number(U32)),
        field(56, "next_packet_delay", Is::Number(I64)),
        field(0, "gc", Is::Number(U64)),
        field(8, "highprio", Is::Number(U64)),
        field(104, "fastpath", Is::Number(U64)),
        field(16, "retrans", Is::Number(U64)),
        field(24, "throttled_times", Is::Number(U64)),
        field(76, "latency", Is::Number(U32)),
        field(80, "ce_mark", Is::Number(U64)),
        field(32, "flows_plimit", Is::Number(U64)),
        field(40, "pkts_too_long", Is::Number(U64)),
        field(48, "alloc_errors", Is::Number(U64)),
        field(88, "horizon_drops", Is::Number(U64)),
        field(96, "horizon_caps", Is::Number(U64)),
        field(112, "band0_drops", Is::Number(U64)),
        field(120, "band1_drops", Is::Number(U64)),
        field(128, "band2_drops", Is::Number(U64)),
    ],
);
