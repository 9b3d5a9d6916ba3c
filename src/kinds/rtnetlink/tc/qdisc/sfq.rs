//! `sfq`: a queue for each flow, in turn. `pkt_sched.h`.

use super::red::{RED_FLAGS_PARTS, old_red_flags, probability};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, NUMBER, Part, Scalar::*, Shape, Structure, Wrong, field, field_of};
use crate::decode::walk::write_structure;
use crate::json::Json;
use crate::netlink::wire::u32_at;

/// `struct tc_sfq_qopt` and what `struct tc_sfq_qopt_v1` adds to it.
static SFQ: Structure = Structure::new(
    "tc_sfq_qopt",
    28,
    &[
        field(8, "limit", Is::Number(U32)),
        field(0, "quantum", Is::Number(U32)),
        field(20, "depth", Is::NumberUnless(U32, 0)),
        field(24, "headdrop", Is::Bool(U32)),
        field(16, "flows", Is::Number(U32)),
        field(12, "divisor", Is::Number(U32)),
        field(4, "perturb", Is::NumberUnless(I32, 0)),
    ],
);

/// The rest of `struct tc_sfq_qopt_v1`: early detection, where it is in use.
static SFQ_RED: Structure = Structure::new(
    "tc_sfq_qopt_v1",
    44,
    &[
        field(0, "redflowlimit", Is::Number(U32)),
        field(12, "ewma", Is::Number(U8)),
        field(4, "min", Is::Number(U32)),
        field(8, "max", Is::Number(U32)),
        field(13, "Plog", Is::Number(U8)),
        field(14, "Scell_log", Is::Number(U8)),
        field_of(16, 4, "probability", Is::Value(probability, NUMBER)),
        field_of(15, 1, "flags", Is::Members(old_red_flags, RED_FLAGS_PARTS)),
        field(28, "prob_mark", Is::Number(U32)).volatile(),
        field(36, "prob_mark_head", Is::Number(U32)).volatile(),
        field(20, "prob_drop", Is::Number(U32)).volatile(),
        field(32, "forced_mark", Is::Number(U32)).volatile(),
        field(40, "forced_mark_head", Is::Number(U32)).volatile(),
        field(24, "forced_drop", Is::Number(U32)).volatile(),
    ],
);

/// The options.
pub(super) const SFQ_OPTIONS: Is = Is::Value(sfq, &Shape::Object(&[Part::Structure(&SFQ), Part::Structure(&SFQ_RED)]));

/// `struct tc_sfq_qopt`, and from newer kernels the rest of `struct tc_sfq_qopt_v1`.
fn sfq(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SHORTEST: usize = 20;
    const MIN_AT: usize = 4;
    if payload.len() < SHORTEST {
        return Err(Wrong::Short(SHORTEST));
    }
    let (queues, detection) = payload.split_at(SFQ.bytes.min(payload.len()));
    out.begin_object();
    write_structure(out, context, &SFQ, queues);
    if u32_at(detection, MIN_AT).is_some_and(|min| min != 0) {
        write_structure(out, context, &SFQ_RED, detection);
    }
    out.end_object();
    Ok(())
}

/// `struct tc_sfq_xstats`.
pub(super) static SFQ_COUNTERS: Structure = Structure::new("tc_sfq_xstats", 4, &[field(0, "allot", Is::Number(I32))]);
