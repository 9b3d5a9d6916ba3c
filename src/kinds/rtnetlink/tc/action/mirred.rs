//! Actions that send packets elsewhere: `mirred`, and `sample`, which sends some to user space. `tc_act/tc_mirred.h`,
//! `tc_sample.h`.

use super::generic::{BINDINGS, CAPABILITIES, GENERIC, INDEX, REFERENCES, VERDICT};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, Structure, field, field_of, row};
use crate::decode::value::write_link;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::shared::{TIMES, u32_of};

/// `TCA_MIRRED_*`.
pub(super) static MIRRED: Set = Set::new(
    "TCA_MIRRED",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&MIRRED_PARAMETERS)),
        row(3, "pad", Is::Known),
        row(TCA_MIRRED_BLOCKID, "to_blockid", Is::Number(U32)),
    ],
);

/// `TCA_MIRRED_BLOCKID`.
const TCA_MIRRED_BLOCKID: u16 = 4;

/// `struct tc_mirred`.
static MIRRED_PARAMETERS: Structure = Structure::new(
    "tc_mirred",
    28,
    &[
        INDEX,
        CAPABILITIES,
        field(20, "mirred_action", Is::Named(U32, &[(1, "redirect"), (2, "mirror"), (3, "redirect"), (4, "mirror")])),
        field(20, "direction", Is::Named(U32, &[(1, "egress"), (2, "egress"), (3, "ingress"), (4, "ingress")])),
        field_of(24, 4, "to_dev", Is::Members(mirred_device, &[Part::Member("to_dev", &Shape::As(&Is::Link))])),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// The interface that packets are sent to; another attribute may name a block in its place.
fn mirred_device(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(TCA_MIRRED_BLOCKID).is_none() {
        out.key("to_dev");
        write_link(out, context, u32_of(payload)?);
    }
    Ok(())
}

/// `TCA_SAMPLE_*`.
pub(super) static SAMPLE: Set = Set::new(
    "TCA_SAMPLE",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "rate", Is::Number(U32)),
        row(4, "trunc_size", Is::Number(U32)),
        row(5, "group", Is::Number(U32)),
        row(6, "pad", Is::Known),
    ],
);
