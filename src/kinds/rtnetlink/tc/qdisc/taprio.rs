//! `taprio`: a schedule of gates for traffic classes. `pkt_sched.h`.

use super::mqprio::{QUEUES_SHAPE, QueueMap, leftovers_of_classes, write_class_lists};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, NUMBER, Part, Scalar::*, Set, Shape, row};
use crate::decode::walk::write_set_with;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::{CLOCKS, PREEMPTION};

/// `TCA_TAPRIO_ATTR_*`; those of the schedule to come are the same, in a nest. Traffic classes are told together.
static TAPRIO: Set = Set::new(
    "TCA_TAPRIO_ATTR",
    &[
        row(
            1,
            "priomap",
            Is::Members(
                taprio_map,
                &[Part::number("tc"), Part::Member("map", &Shape::List(NUMBER)), Part::Member("queues", QUEUES_SHAPE)],
            ),
        ),
        row(2, "schedule", Is::Each(&TAPRIO_ENTRY_ELEMENT)),
        row(3, "base_time", Is::Number(I64)),
        row(4, "single_entry", Is::Set(&TAPRIO_ENTRY)),
        row(5, "clockid", Is::Named(I32, CLOCKS)),
        row(6, "pad", Is::Known),
        row(7, "admin", Is::Set(&TAPRIO)),
        row(8, "cycle_time", Is::Number(I64)),
        row(9, "cycle_time_extension", Is::Number(I64)),
        row(10, "flags", Is::Number(U32)),
        row(11, "txtime_delay", Is::Number(U32)),
        row(12, "tc_entry", Is::Known),
    ],
);

static TAPRIO_ENTRY_ELEMENT: Is = Is::Set(&TAPRIO_ENTRY);

/// `TCA_TAPRIO_SCHED_ENTRY_*`.
static TAPRIO_ENTRY: Set = Set::new(
    "TCA_TAPRIO_SCHED_ENTRY",
    &[
        row(1, "index", Is::Number(U32)),
        row(2, "cmd", Is::Named(U8, &[(0, "S"), (1, "H"), (2, "R")])),
        row(3, "gatemask", Is::Number(U32)),
        row(4, "interval", Is::Number(U32)),
    ],
);

/// `TCA_TAPRIO_TC_ENTRY_*`: the number that leads to the index, and what there is a list of.
static TAPRIO_CLASS_LISTS: &[(u16, &str, Is)] =
    &[(2, "max-sdu", Is::Number(U32)), (3, "fp", Is::Named(U32, PREEMPTION))];

/// The options.
pub(super) const TAPRIO_OPTIONS: Is = Is::Value(
    taprio,
    &Shape::Object(&[
        Part::Set(&TAPRIO),
        Part::Member("max-sdu", &Shape::List(NUMBER)),
        Part::Member("fp", &Shape::List(&Shape::As(&Is::Named(U32, PREEMPTION)))),
    ]),
);

/// `TCA_TAPRIO_ATTR_*`.
fn taprio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const CLASS_ENTRY: u16 = 12;
    out.begin_object();
    let leftovers = leftovers_of_classes(payload, CLASS_ENTRY, TAPRIO_CLASS_LISTS);
    write_set_with(out, &context.inside(payload), &TAPRIO, payload, leftovers);
    write_class_lists(out, context, payload, CLASS_ENTRY, TAPRIO_CLASS_LISTS)?;
    out.end_object();
    Ok(())
}

/// `struct tc_mqprio_qopt` of `taprio`.
fn taprio_map(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    QueueMap::read(payload)?.write(out);
    Ok(())
}

/// `TCA_TAPRIO_OFFLOAD_STATS_*`.
pub(super) static TAPRIO_COUNTERS: Set = Set::new(
    "TCA_TAPRIO_OFFLOAD_STATS",
    &[row(1, "pad", Is::Known), row(2, "window_drops", Is::AnyNumber), row(3, "tx_overruns", Is::AnyNumber)],
);
