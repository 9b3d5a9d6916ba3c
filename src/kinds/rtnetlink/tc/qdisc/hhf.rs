//! `hhf`: flows that send much, apart from the others. `pkt_sched.h`.

use crate::decode::schema::{Is, Scalar::*, Set, Structure, field, row};

/// `TCA_HHF_*`; times in microseconds.
pub(super) static HHF: Set = Set::new(
    "TCA_HHF",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "quantum", Is::Number(U32)),
        row(3, "hh_limit", Is::Number(U32)),
        row(4, "reset_timeout", Is::Number(U32)),
        row(5, "admit_bytes", Is::Number(U32)),
        row(6, "evict_timeout", Is::Number(U32)),
        row(7, "non_hh_weight", Is::Number(U32)),
    ],
);

/// `struct tc_hhf_xstats`.
pub(super) static HHF_COUNTERS: Structure = Structure::new(
    "tc_hhf_xstats",
    16,
    &[
        field(0, "drop_overlimit", Is::Number(U32)),
        field(4, "hh_overlimit", Is::Number(U32)),
        field(8, "tot_hh", Is::Number(U32)),
        field(12, "cur_hh", Is::Number(U32)),
    ],
);
