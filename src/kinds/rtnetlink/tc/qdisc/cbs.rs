//! `cbs`: a queue with credit. `pkt_sched.h`.

use crate::decode::schema::{Is, Scalar::*, Set, Structure, field, row};

/// `TCA_CBS_*`.
pub(super) static CBS: Set = Set::new("TCA_CBS", &[row(1, "parms", Is::InlineStructure(&CBS_PARAMETERS))]);

/// `struct tc_cbs_qopt`.
static CBS_PARAMETERS: Structure = Structure::new(
    "tc_cbs_qopt",
    20,
    &[
        field(4, "hicredit", Is::Number(I32)),
        field(8, "locredit", Is::Number(I32)),
        field(16, "sendslope", Is::Number(I32)),
        field(12, "idleslope", Is::Number(I32)),
        field(0, "offload", Is::Bool(U8)),
    ],
);
