//! What the parameters of most kinds of actions begin with, and the actions that have little more: `gact`, `bpf`, `simple`.
//! `pkt_cls.h`, `tc_act/`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Field, Is, Part, Scalar::*, Set, Shape, Structure, Wrong, field, field_of, row};
use crate::decode::walk::{write_structure, write_value};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::shared::TIMES;
use crate::kinds::rtnetlink::tc::{bpf, shared};

/// The beginning of every kind's parameters but police's: `tc_gen`.
pub(super) const INDEX: Field = field(0, "index", Is::Number(U32));
pub(super) const CAPABILITIES: Field = field(4, "capab", Is::NumberUnless(U32, 0));
pub(super) const VERDICT: Field = field_of(8, 4, "control_action", shared::VERDICT);
pub(super) const REFERENCES: Field = field(12, "ref", Is::Number(I32)).volatile();
pub(super) const BINDINGS: Field = field(16, "bind", Is::Number(I32)).volatile();

/// `tc_gen` and nothing more.
pub(super) static GENERIC: Structure =
    Structure::new("tc_gen", 20, &[INDEX, CAPABILITIES, VERDICT, REFERENCES, BINDINGS]);

/// `TCA_GACT_*`. `tc` tells a chance of none where there is none.
pub(super) static GACT: Set = Set::new(
    "TCA_GACT",
    &[
        row(1, "tm", TIMES).volatile(),
        row(
            2,
            "parms",
            Is::Members(generic, &[Part::Structure(&GENERIC), Part::Member("prob", &Shape::As(&NO_CHANCE))]),
        ),
        row(3, "prob", Is::Structure(&GACT_CHANCE)),
        row(4, "pad", Is::Known),
    ],
);

/// `struct tc_gact_p`.
static GACT_CHANCE: Structure = Structure::new(
    "tc_gact_p",
    8,
    &[
        field(0, "random_type", Is::Named(U16, &[(0, "none"), (1, "netrand"), (2, "determ")])),
        field_of(4, 4, "control_action", shared::VERDICT),
        field(2, "val", Is::Number(U16)),
    ],
);

/// `tc_gen` of `gact`, and the chance of another verdict, which `tc` tells also where there is none.
fn generic(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const CHANCE: u16 = 3;
    if payload.len() < GENERIC.bytes {
        return Err(Wrong::Length(GENERIC.bytes));
    }
    write_structure(out, context, &GENERIC, payload);
    if context.sibling(CHANCE).is_none() {
        out.key("prob");
        write_value(out, context, &NO_CHANCE, &[0; 8])?;
    }
    Ok(())
}

static NO_CHANCE: Is = Is::Structure(&GACT_CHANCE);

/// `TCA_ACT_BPF_*`.
pub(super) static BPF: Set = Set::new(
    "TCA_ACT_BPF",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "ops_len", Is::Known),
        row(4, "bytecode", bpf::INSTRUCTIONS),
        row(5, "fd", Is::Number(U32)),
        row(6, "bpf_name", Is::Text),
        row(7, "pad", Is::Known),
        row(TCA_ACT_BPF_TAG, "tag", Is::Members(bpf::program_tag::<TCA_ACT_BPF_ID>, bpf::PROGRAM_TAG_PARTS)),
        row(TCA_ACT_BPF_ID, "prog", Is::Members(bpf::program::<TCA_ACT_BPF_TAG>, bpf::PROGRAM_PARTS)),
    ],
);

/// `TCA_ACT_BPF_TAG`.
const TCA_ACT_BPF_TAG: u16 = 8;
/// `TCA_ACT_BPF_ID`.
const TCA_ACT_BPF_ID: u16 = 9;

/// `TCA_DEF_*`.
pub(super) static SIMPLE: Set = Set::new(
    "TCA_DEF",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "simple", Is::Text),
        row(4, "pad", Is::Known),
    ],
);
