//! `genl`: what a family says that has no tables. Its attributes are kept as they are.

use super::types::{self, MESSAGE, Typed};
use super::{GENLMSGHDR_TOLD, OTHER, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::U16;
use crate::decode::schema::{Decoded, Hooks, Is, Kind, Part, Set, Shape, row};
use crate::decode::title::{named, word};
use crate::event::Action;
use crate::json::Json;
use crate::netlink::wire::attributes;

/// The attributes, and the family's name and number, as they are put together when a message is read.
pub(super) const FAMILY_NAME: u16 = 1;
pub(super) const FAMILY_ID: u16 = 2;
pub(super) const BODY: u16 = 3;
/// What its attributes are ([`types`]).
pub(super) const TYPES: u16 = 4;

/// Whatever it is.
pub static GENL: Kind = Kind {
    name: "genl",
    about: "what other families of generic netlink say, by numbers",
    title: &[word("family"), named("cmd")],
    new: message(OTHER, 0),
    header: &GENLMSGHDR_TOLD,
    set: &ATTRIBUTES,
    hooks: Hooks { action: Some(|_, _| Action::Change), family: Some(|_| 0), ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "genl",
    &[
        row(FAMILY_NAME, "family", Is::Text),
        row(FAMILY_ID, "family_id", Is::Number(U16)),
        row(BODY, "attributes", Is::Value(body, &Shape::List(&ATTRIBUTE))),
        row(TYPES, "types", Is::Known),
    ],
);
static ATTRIBUTE: Shape = Shape::Object(&[
    Part::number("attr"),
    Part::text("hex"),
    Part::number("number"),
    Part::text("text"),
    Part::Member("attributes", &Shape::List(&NESTED)),
]);
/// What is nested deeper is octets.
static NESTED: Shape =
    Shape::Object(&[Part::number("attr"), Part::text("hex"), Part::number("number"), Part::text("text")]);

/// Each attribute by its number, with its octets, and with what they are where the family says it.
fn body(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let types = context.sibling(TYPES).unwrap_or_default();
    write_attributes(out, types, MESSAGE, payload, true);
    Ok(())
}

/// What is behind the last whole attribute has no number.
fn write_attributes(out: &mut Json, types: &[u8], policy: u16, payload: &[u8], may_nest: bool) {
    let mut attributes = attributes(payload);
    out.begin_list();
    for found in attributes.by_ref() {
        out.begin_object();
        out.key("attr");
        out.unsigned(found.number.into());
        out.key("hex");
        out.hex(found.payload);
        match types::find(types, policy, found.number) {
            Some(Typed { kind: NL_ATTR_TYPE_NESTED, inside }) if may_nest => {
                out.key("attributes");
                write_attributes(out, types, inside, found.payload, false);
            }
            Some(Typed { kind, .. }) => write_typed(out, kind, found.payload),
            None => {}
        }
        out.end_object();
    }
    if !attributes.rest().is_empty() {
        out.begin_object();
        out.key("hex");
        out.hex(attributes.rest());
        out.end_object();
    }
    out.end_list();
}

/// `NL_ATTR_TYPE_*` (`linux/netlink.h`): from U8 on by width, without sign and with it, texts, nests, and numbers of any width.
const NL_ATTR_TYPE_U8: u16 = 2;
const NL_ATTR_TYPE_U64: u16 = 5;
const NL_ATTR_TYPE_S8: u16 = 6;
const NL_ATTR_TYPE_S64: u16 = 9;
const NL_ATTR_TYPE_STRING: u16 = 11;
const NL_ATTR_TYPE_NUL_STRING: u16 = 12;
const NL_ATTR_TYPE_NESTED: u16 = 13;
const NL_ATTR_TYPE_SINT: u16 = 16;
const NL_ATTR_TYPE_UINT: u16 = 17;

/// What octets of that type say, as far as their length is right for it.
fn write_typed(out: &mut Json, kind: u16, octets: &[u8]) {
    let is_long = |first: u16| octets.len() == 1 << (kind - first);
    let is_any = matches!(octets.len(), 4 | 8);
    let (is_signed, is_number) = match kind {
        NL_ATTR_TYPE_U8..=NL_ATTR_TYPE_U64 => (false, is_long(NL_ATTR_TYPE_U8)),
        NL_ATTR_TYPE_S8..=NL_ATTR_TYPE_S64 => (true, is_long(NL_ATTR_TYPE_S8)),
        NL_ATTR_TYPE_SINT => (true, is_any),
        NL_ATTR_TYPE_UINT => (false, is_any),
        NL_ATTR_TYPE_STRING | NL_ATTR_TYPE_NUL_STRING => {
            let text = octets.strip_suffix(&[0]).unwrap_or(octets);
            if !text.contains(&0) {
                out.key("text");
                out.text(text);
            }
            return;
        }
        _ => return,
    };
    let mut widened = [0; 8];
    if !is_number {
        return;
    }
    out.key("number");
    // The machine's order; shifted up, its sign stands where that of 64 bits does.
    let unused = 64 - 8 * octets.len() as u32;
    let at = if cfg!(target_endian = "little") { 0 } else { 8 - octets.len() };
    widened[at..at + octets.len()].copy_from_slice(octets);
    if is_signed {
        out.signed(i64::from_ne_bytes(widened) << unused >> unused);
    } else {
        out.unsigned(u64::from_ne_bytes(widened));
    }
}
