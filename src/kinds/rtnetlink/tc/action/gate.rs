//! The action `gate`: packets pass while a schedule says so. `tc_act/tc_gate.h`.

use super::generic::GENERIC;
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, row};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::CLOCKS;
use crate::kinds::rtnetlink::tc::shared::TIMES;
use crate::netlink::wire::attribute;

/// `TCA_GATE_*`; times in nanoseconds.
pub(super) static GATE: Set = Set::new(
    "TCA_GATE",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "pad", Is::Known),
        row(4, "priority", Is::Number(I32)),
        row(5, "schedule", Is::Each(&GATE_ENTRY)),
        row(6, "base_time", Is::Number(I64)),
        row(7, "cycle_time", Is::Number(I64)),
        row(8, "cycle_time_ext", Is::Number(I64)),
        row(9, "flags", Is::Number(U32)),
        row(10, "clockid", Is::Named(I32, CLOCKS)),
    ],
);

static GATE_ENTRY: Is =
    Is::Value(gate_entry, &Shape::Object(&[Part::Set(&GATE_ENTRY_ATTRIBUTES), Part::text("gate_state")]));

/// `TCA_GATE_ENTRY_*`.
static GATE_ENTRY_ATTRIBUTES: Set = Set::new(
    "TCA_GATE_ENTRY",
    &[
        row(1, "number", Is::Number(U32)),
        // That it is there says it.
        row(TCA_GATE_ENTRY_GATE, "gate", Is::Known),
        row(3, "interval", Is::Number(U32)),
        row(4, "ipv", Is::Number(I32)),
        row(5, "max_octets", Is::Number(I32)),
    ],
);

/// `TCA_GATE_ENTRY_GATE`.
const TCA_GATE_ENTRY_GATE: u16 = 2;

/// `TCA_GATE_ENTRY_*`: one entry of the schedule.
fn gate_entry(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_set(out, &context.inside(payload), &GATE_ENTRY_ATTRIBUTES, payload);
    out.key("gate_state");
    out.string(if attribute(payload, TCA_GATE_ENTRY_GATE).is_some() { "open" } else { "close" });
    out.end_object();
    Ok(())
}
