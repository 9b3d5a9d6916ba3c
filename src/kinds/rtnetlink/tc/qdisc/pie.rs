//! `pie`, `fq_pie` and `dualpi2`, which drop by a probability that follows how long packets wait. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, NUMBER,
    Scalar::{self, *},
    Set, Structure, field, field_of, row,
};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::shared::{share, u32_of, write_fraction};

/// `TCA_PIE_*`; times in microseconds.
pub(super) static PIE: Set = Set::new(
    "TCA_PIE",
    &[
        row(1, "target", Is::Number(U32)),
        row(2, "limit", Is::Number(U32)),
        row(3, "tupdate", Is::Number(U32)),
        row(4, "alpha", Is::Number(U32)),
        row(5, "beta", Is::Number(U32)),
        row(6, "ecn", Is::Bool(U32)),
        row(7, "bytemode", Is::Bool(U32)),
        row(8, "dq_rate_estimator", Is::Bool(U32)),
    ],
);

/// `struct tc_pie_xstats`.
pub(super) static PIE_COUNTERS: Structure = Structure::new(
    "tc_pie_xstats",
    40,
    &[
        field_of(0, 8, "prob", Is::Value(share_of_64_bits, NUMBER)),
        field(8, "delay", Is::Number(U32)),
        field(12, "avg_dq_rate", Is::Number(U32)),
        field(16, "dq_rate_estimating", Is::Bool(U32)),
        field(20, "pkts_in", Is::Number(U32)),
        field(28, "overlimit", Is::Number(U32)),
        field(24, "dropped", Is::Number(U32)),
        field(32, "maxq", Is::Number(U32)),
        field(36, "ecn_mark", Is::Number(U32)),
    ],
);

/// A share of `u64::MAX`.
fn share_of_64_bits(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, unsigned(Scalar::U64, payload)? as f64 / u64::MAX as f64);
    Ok(())
}

/// `TCA_FQ_PIE_*`; times in microseconds.
pub(super) static FQ_PIE: Set = Set::new(
    "TCA_FQ_PIE",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "flows", Is::Number(U32)),
        row(3, "target", Is::Number(U32)),
        row(4, "tupdate", Is::Number(U32)),
        row(5, "alpha", Is::Number(U32)),
        row(6, "beta", Is::Number(U32)),
        row(7, "quantum", Is::Number(U32)),
        row(8, "memory_limit", Is::Number(U32)),
        row(9, "ecn_prob", Is::Number(U32)),
        row(10, "ecn", Is::Bool(U32)),
        row(11, "bytemode", Is::Bool(U32)),
        row(12, "dq_rate_estimator", Is::Bool(U32)),
    ],
);

/// `struct tc_fq_pie_xstats`.
pub(super) static FQ_PIE_COUNTERS: Structure = Structure::new(
    "tc_fq_pie_xstats",
    36,
    &[
        field(0, "pkts_in", Is::Number(U32)),
        field(8, "overlimit", Is::Number(U32)),
        field(12, "overmemory", Is::Number(U32)),
        field(4, "dropped", Is::Number(U32)),
        field(16, "ecn_mark", Is::Number(U32)),
        field(20, "new_flow_count", Is::Number(U32)),
        field(24, "new_flows_len", Is::Number(U32)),
        field(28, "old_flows_len", Is::Number(U32)),
        field(32, "memory_used", Is::Number(U32)),
    ],
);

/// `TCA_DUALPI2_*`; times in microseconds.
pub(super) static DUALPI2: Set = Set::new(
    "TCA_DUALPI2",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "memory-limit", Is::Number(U32)),
        row(3, "target", Is::Number(U32)),
        row(4, "tupdate", Is::Number(U32)),
        row(5, "alpha", Is::Value(in_256ths, NUMBER)),
        row(6, "beta", Is::Value(in_256ths, NUMBER)),
        row(7, "step-thresh-pkts", Is::Number(U32)),
        row(8, "step-thresh-us", Is::Number(U32)),
        row(9, "min-qlen-step", Is::Number(U32)),
        row(10, "coupling", Is::Number(U8)),
        row(11, "drop-overload", Is::Named(U8, &[(0, "overflow"), (1, "drop")])),
        row(12, "drop-early", Is::Named(U8, &[(0, "drop-dequeue"), (1, "drop-enqueue")])),
        row(13, "c-protection", Is::Number(U8)),
        row(14, "ecn-mask", Is::Named(U8, &[(1, "l4s-ect"), (2, "any-ect"), (3, "any-ect")])),
        row(15, "split-gso", Is::Bool(U8)),
        row(16, "pad", Is::Known),
    ],
);

/// A number in units of 1/256.
fn in_256ths(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, f64::from(u32_of(payload)?) / 256.0);
    Ok(())
}

/// `struct tc_dualpi2_xstats`.
pub(super) static DUALPI2_COUNTERS: Structure = Structure::new(
    "tc_dualpi2_xstats",
    48,
    &[
        field_of(0, 4, "prob", Is::Value(share, NUMBER)),
        field(4, "delay-c", Is::Number(U32)),
        field(8, "delay-l", Is::Number(U32)),
        field(12, "pkts-in-c", Is::Number(U32)),
        field(16, "pkts-in-l", Is::Number(U32)),
        field(20, "maxq", Is::Number(U32)),
        field(24, "ecn-mark", Is::Number(U32)),
        field(28, "step-mark", Is::Number(U32)),
        field(32, "credit", Is::Number(I32)),
        field(36, "memory-used", Is::Number(U32)),
        field(40, "max-memory-used", Is::Number(U32)),
        field(44, "memory-limit", Is::Number(U32)),
    ],
);
