//! `codel` and `fq_codel`, which drop by how long packets wait. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Structure, Wrong, field, row};
use crate::decode::walk::write_structure;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::shared::u32_of;

/// `TCA_CODEL_*`; times in microseconds.
pub(super) static CODEL: Set = Set::new(
    "TCA_CODEL",
    &[
        row(1, "target", Is::Number(U32)),
        row(2, "limit", Is::Number(U32)),
        row(3, "interval", Is::Number(U32)),
        row(4, "ecn", Is::Bool(U32)),
        row(5, "ce_threshold", Is::Number(U32)),
    ],
);

/// `struct tc_codel_xstats`.
pub(super) static CODEL_COUNTERS: Structure = Structure::new(
    "tc_codel_xstats",
    36,
    &[
        field(4, "count", Is::Number(U32)),
        field(8, "lastcount", Is::Number(U32)),
        field(12, "ldelay", Is::Number(U32)),
        field(28, "dropping", Is::Bool(U32)),
        field(16, "drop_next", Is::Number(I32)),
        field(0, "maxpacket", Is::Number(U32)),
        field(24, "ecn_mark", Is::Number(U32)),
        field(20, "drop_overlimit", Is::Number(U32)),
        field(32, "ce_mark", Is::Number(U32)),
    ],
);

/// `TCA_FQ_CODEL_*`; times in microseconds.
pub(super) static FQ_CODEL: Set = Set::new(
    "TCA_FQ_CODEL",
    &[
        row(1, "target", Is::Number(U32)),
        row(2, "limit", Is::Number(U32)),
        row(3, "interval", Is::Number(U32)),
        row(4, "ecn", Is::Bool(U32)),
        row(5, "flows", Is::Number(U32)),
        row(6, "quantum", Is::Number(U32)),
        row(7, "ce_threshold", Is::Number(U32)),
        row(8, "drop_batch", Is::NumberUnless(U32, 0)),
        row(9, "memory_limit", Is::Number(U32)),
        row(10, "ce_threshold_selector", Is::NumberUnless(U8, 0)),
        row(11, "ce_threshold_mask", Is::NumberUnless(U8, 0)),
    ],
);

/// `struct tc_fq_codel_qd_stats`.
static FQ_CODEL_QUEUE_COUNTERS: Structure = Structure::new(
    "tc_fq_codel_qd_stats",
    36,
    &[
        field(0, "maxpacket", Is::Number(U32)),
        field(4, "drop_overlimit", Is::Number(U32)),
        field(12, "new_flow_count", Is::Number(U32)),
        field(8, "ecn_mark", Is::Number(U32)),
        field(24, "ce_mark", Is::Number(U32)),
        field(28, "memory_used", Is::Number(U32)),
        field(32, "drop_overmemory", Is::Number(U32)),
        field(16, "new_flows_len", Is::Number(U32)),
        field(20, "old_flows_len", Is::Number(U32)),
    ],
);

/// `struct tc_fq_codel_cl_stats`.
static FQ_CODEL_CLASS_COUNTERS: Structure = Structure::new(
    "tc_fq_codel_cl_stats",
    24,
    &[
        field(0, "deficit", Is::Number(I32)),
        field(8, "count", Is::Number(U32)),
        field(12, "lastcount", Is::Number(U32)),
        field(4, "ldelay", Is::Number(U32)),
        field(16, "dropping", Is::Bool(U32)),
        field(20, "drop_next", Is::Number(I32)),
    ],
);

/// What the whole counts, or a class.
pub(super) const FQ_CODEL_COUNTERS: Is = Is::Members(
    fq_codel_counters,
    &[Part::Structure(&FQ_CODEL_QUEUE_COUNTERS), Part::Structure(&FQ_CODEL_CLASS_COUNTERS)],
);

/// `struct tc_fq_codel_xstats`: of the whole, or of a class.
fn fq_codel_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (kind, counters) = payload.split_at_checked(4).ok_or(Wrong::Short(4))?;
    // The structure is a union: it is as long as the longer of the two.
    match u32_of(kind)? {
        0 => write_structure(out, context, &FQ_CODEL_QUEUE_COUNTERS, counters),
        1 => {
            let end = FQ_CODEL_CLASS_COUNTERS.bytes.min(counters.len());
            write_structure(out, context, &FQ_CODEL_CLASS_COUNTERS, &counters[..end]);
        }
        _ => return Err(Wrong::Because("neither of a queueing discipline nor of a class")),
    }
    Ok(())
}
