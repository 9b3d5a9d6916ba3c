//! Those that only choose which packet is next: queues (`pfifo`, `plug`), bands (`prio`, `multiq`, `ets`) and rounds
//! (`drr`, `qfq`). `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, Structure, Wrong, field, field_of, row};
use crate::decode::walk::write_structure;
use crate::json::Json;
use crate::netlink::wire::attribute;

/// `struct tc_fifo_qopt` and `struct tc_skbprio_qopt`.
pub(super) static FIFO: Structure = Structure::new("tc_fifo_qopt", 4, &[field(0, "limit", Is::Number(U32))]);

/// `struct tc_plug_qopt`. The kernel never shows it.
pub(super) static PLUG: Structure = Structure::new(
    "tc_plug_qopt",
    8,
    &[
        field(
            0,
            "action",
            Is::Named(U32, &[(0, "buffer"), (1, "release_one"), (2, "release_indefinite"), (3, "limit")]),
        ),
        field(4, "limit", Is::Number(U32)),
    ],
);

/// `struct tc_prio_qopt`.
pub(super) static PRIO: Structure = Structure::new(
    "tc_prio_qopt",
    20,
    &[field(0, "bands", Is::Number(I32)), field_of(4, 16, "priomap", Is::Array(&BAND, 1))],
);

static BAND: Is = Is::Number(U8);

/// Bands.
pub(super) const PRIO_OPTIONS: Is =
    Is::Value(prio, &Shape::Object(&[Part::Structure(&PRIO), Part::bool("multiqueue")]));

/// `struct tc_prio_qopt`, and behind it, from old kernels, whether a band is a queue of the device.
fn prio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const MULTI_QUEUE: u16 = 1;
    let (bands, behind) = payload.split_at_checked(PRIO.bytes).ok_or(Wrong::Short(PRIO.bytes))?;
    out.begin_object();
    write_structure(out, context, &PRIO, bands);
    out.key("multiqueue");
    out.bool(attribute(behind, MULTI_QUEUE).is_some_and(|queues| queues.first().is_some_and(|&first| first != 0)));
    out.end_object();
    Ok(())
}

/// `struct tc_multiq_qopt`.
pub(super) static MULTIQ: Structure =
    Structure::new("tc_multiq_qopt", 4, &[field(0, "bands", Is::Number(U16)), field(2, "max_bands", Is::Number(U16))]);

/// `TCA_ETS_*`: of the whole, and of a class (4).
pub(super) static ETS: Set = Set::new(
    "TCA_ETS",
    &[
        row(1, "bands", Is::Number(U8)),
        row(2, "strict", Is::Number(U8)),
        row(3, "quanta", Is::Each(&QUANTUM)),
        row(4, "quantum", Is::Number(U32)),
        row(5, "priomap", Is::Each(&BAND)),
        row(6, "priomap_band", Is::Number(U8)),
    ],
);

static QUANTUM: Is = Is::Number(U32);

/// `TCA_DRR_*`.
pub(super) static DRR_CLASS: Set = Set::new("TCA_DRR", &[row(1, "quantum", Is::Number(U32))]);

/// `struct tc_drr_stats`.
pub(super) static DRR_COUNTERS: Structure = Structure::new("tc_drr_stats", 4, &[field(0, "deficit", Is::Number(U32))]);

/// `TCA_QFQ_*`.
pub(super) static QFQ_CLASS: Set =
    Set::new("TCA_QFQ", &[row(1, "weight", Is::Number(U32)), row(2, "maxpkt", Is::Number(U32))]);

/// `struct tc_qfq_stats`.
pub(super) static QFQ_COUNTERS: Structure =
    Structure::new("tc_qfq_stats", 8, &[field(0, "weight", Is::Number(U32)), field(4, "maxpkt", Is::Number(U32))]);
