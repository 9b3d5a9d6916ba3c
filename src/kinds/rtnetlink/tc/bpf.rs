//! BPF programs, of filters and of actions: the old ones' instructions, and the number and tag of the others.

use super::shared::{u32_of, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Shape, Structure, field};
use crate::json::Json;

/// Instructions of the old BPF, for filters and actions.
pub(super) const INSTRUCTIONS: Is = Is::Array(&INSTRUCTION, 8);

/// A program of the old BPF, as instructions of 8 octets.
static INSTRUCTION: Is = Is::Structure(&SOCK_FILTER);

/// `struct sock_filter`: `include/uapi/linux/filter.h`.
static SOCK_FILTER: Structure = Structure::new(
    "sock_filter",
    8,
    &[
        field(0, "code", Is::Number(U16)),
        field(2, "jt", Is::Number(U8)),
        field(3, "jf", Is::Number(U8)),
        field(4, "k", Is::Number(U32)),
    ],
);

/// The members that [`program`] writes.
pub(super) const PROGRAM_PARTS: &[Part] =
    &[Part::Member("prog", &Shape::Object(&[Part::number("id"), Part::Member("tag", &Shape::As(&Is::Hex))]))];

/// A BPF program's number, and the tag beside it: `prog`.
pub(super) fn program<const TAG: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let id = u32_of(payload)?;
    out.key("prog");
    out.begin_object();
    write_number(out, "id", id.into());
    if let Some(tag) = context.sibling(TAG) {
        out.key("tag");
        out.hex(tag);
    }
    out.end_object();
    Ok(())
}

/// The members that [`program_tag`] writes.
pub(super) const PROGRAM_TAG_PARTS: &[Part] = &[Part::Member("tag", &Shape::As(&Is::Hex))];

/// A BPF program's tag, where its number is not known.
pub(super) fn program_tag<const ID: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(ID).is_none() {
        out.key("tag");
        out.hex(payload);
    }
    Ok(())
}
