//! `nft_element`: an element of a set. `NFTA_SET_ELEM_LIST_*`, `NFTA_SET_ELEM_*`. Its key and data are octets, which its set says
//! how to read.
//!
//! An interval is a first element, and one with the flag `interval_end`, of the first value behind it; a concatenation with ranges
//! has a `key_end` instead. They are told as the kernel has them.

use super::datatypes::Meaning;
use super::expressions::{self, EXPRESSION, VERDICT};
use super::set::{self, NFTA_SET_NAME, NFTA_SET_TABLE, SET};
use super::{GROUPS, HEADER, SUBSYSTEM, dump_of, seconds, userdata};
use crate::decode::context::{Context, Links};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, Hooks, Identity, Is, Kind, NUMBER, ObjectKey, Part, Set, Shape, TEXT, Wrong, row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::unsigned;
use crate::decode::walk::write_value;
use crate::json::Json;
use crate::netlink::wire::{append_attribute, attribute, attributes};

const NFT_MSG_NEWSETELEM: u16 = 12;
const NFT_MSG_GETSETELEM: u16 = 13;
const NFT_MSG_DELSETELEM: u16 = 14;
const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
const NFTA_SET_ELEM_LIST_SET: u16 = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_FLAGS: u16 = 3;
const NFTA_SET_ELEM_KEY_END: u16 = 10;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
/// They take some 160 MB. The largest lists of addresses that are blocked have as many.
const KEPT_MAX: usize = 1 << 20;

/// `NFT_MSG_NEWSETELEM` and `NFT_MSG_DELSETELEM`.
pub static ELEMENT: Kind = Kind {
    name: "nft_element",
    about: "elements of the sets and maps of nf_tables",
    title: &[
        word("family"),
        word("table"),
        word("name"),
        word("key"),
        word("key_end").after("to"),
        word("flags"),
        detail("data"),
        detail("verdict.verdict"),
        detail("verdict.chain"),
        detail("objref"),
        detail("comment"),
    ],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWSETELEM,
    delete: SUBSYSTEM | NFT_MSG_DELSETELEM,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET],
        members: &["family", "table", "name", "key", "key_end", "flags"],
    }),
    split: &[&[NFTA_SET_ELEM_LIST_ELEMENTS, 0]],
    dumps: &[dump_of(NFT_MSG_GETSETELEM)],
    hooks: Hooks {
        key: Some(write_key),
        is_object: Some(is_object),
        read_by: Some(&SET),
        kept_max: KEPT_MAX,
        passes: Some(passes),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_SET_ELEM_LIST",
    &[
        row(NFTA_SET_ELEM_LIST_TABLE, "table", Is::Text),
        row(NFTA_SET_ELEM_LIST_SET, "name", Is::Text),
        row(NFTA_SET_ELEM_LIST_ELEMENTS, "elements", Is::Inline(&LIST)),
        row(4, "set_id", Is::Number(U32Be)),
    ],
);
static LIST: Set = Set::new("NFTA_LIST", &[row(NFTA_LIST_ELEM, "elem", Is::Inline(&ONE))]);
static ONE: Set = Set::new(
    "NFTA_SET_ELEM",
    &[
        row(NFTA_SET_ELEM_KEY, "key", Is::Value(key, &Shape::List(TEXT))),
        row(2, "data", Is::Members(data, DATA_PARTS)),
        row(NFTA_SET_ELEM_FLAGS, "flags", Is::Bits(U32Be, &[(INTERVAL_END, "interval_end"), (CATCHALL, "catchall")])),
        row(4, "timeout", Is::Value(seconds, NUMBER)),
        row(5, "expires", Is::Value(seconds, NUMBER)).volatile(),
        row(6, "userdata", Is::Members(userdata::comment, userdata::COMMENT_PARTS)),
        row(7, "expr", Is::Members(expressions::single, expressions::SINGLE_PARTS)),
        row(8, "pad", Is::Known),
        row(9, "objref", Is::Text),
        row(NFTA_SET_ELEM_KEY_END, "key_end", Is::Value(key, &Shape::List(TEXT))),
        row(11, "expressions", Is::Each(&Is::Set(&EXPRESSION))),
    ],
);
/// `NFT_SET_ELEM_INTERVAL_END` and `NFT_SET_ELEM_CATCHALL`.
const INTERVAL_END: u64 = 0x1;
const CATCHALL: u64 = 0x2;

const DATA_PARTS: &[Part] =
    &[Part::Member("data", &Shape::List(TEXT)), Part::Member("verdict", &Shape::As(&VERDICT_OBJECT))];

static VERDICT_OBJECT: Is = Is::Set(&VERDICT);

/// The attributes of the set of an element: it stands beside it in a message.
fn set_of<'a>(context: &Context<'a>) -> Option<&'a [u8]> {
    set_named(context.family(), context.message, context.links)
}

fn set_named<'l>(family: u8, message: &[u8], links: &'l dyn Links) -> Option<&'l [u8]> {
    let table = attribute(message, NFTA_SET_ELEM_LIST_TABLE)?;
    links.set(family, table, attribute(message, NFTA_SET_ELEM_LIST_SET)?)
}

fn key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let octets = attribute(payload, NFTA_DATA_VALUE).ok_or(Wrong::Because("no value is told"))?;
    write_parts(out, &set_of(context).map(set::keys_of).unwrap_or_default(), octets, context.links);
    Ok(())
}

fn data(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if let Some(verdict) = attribute(payload, NFTA_DATA_VERDICT) {
        out.key("verdict");
        return write_value(out, context, &VERDICT_OBJECT, verdict);
    }
    let octets = attribute(payload, NFTA_DATA_VALUE).ok_or(Wrong::Because("no value is told"))?;
    out.key("data");
    write_parts(out, &set_of(context).map(set::data_of).unwrap_or_default(), octets, context.links);
    Ok(())
}

fn write_parts(out: &mut Json, meaning: &Meaning, octets: &[u8], links: &dyn Links) {
    out.begin_list();
    meaning.parts(octets, links).iter().for_each(|part| out.string(part));
    out.end_list();
}

/// The attributes of an element that is alone in its message.
fn one(set: &[u8]) -> &[u8] {
    let list = attribute(set, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
    attributes(list).next().map(|element| element.payload).unwrap_or_default()
}

/// The dump of a set ends with a message without elements.
fn is_object(payload: &[u8]) -> bool {
    !one(ELEMENT.attributes(payload)).is_empty()
}

/// The way to the chain that a verdict leads to.
pub const CHAIN_NAMES: &[&[u16]] = &[&[NFTA_SET_ELEM_LIST_ELEMENTS, 0, 2, NFTA_DATA_VERDICT, 2]];

/// An element is what its key is, and where that ends; the end of an interval is another one than its beginning.
fn write_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    let element = one(set);
    for number in [NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END] {
        let octets = attribute(element, number).unwrap_or_default();
        key.extend_from_slice(&(octets.len() as u16).to_ne_bytes());
        key.extend_from_slice(octets);
    }
    let flags = attribute(element, NFTA_SET_ELEM_FLAGS).and_then(|flags| unsigned(U32Be, flags).ok());
    key.push((flags.unwrap_or_default() & (INTERVAL_END | CATCHALL)) as u8);
}

/// Whether an element comes and goes by itself.
fn passes(payload: &[u8], links: &dyn Links) -> bool {
    let family = payload.first().copied().unwrap_or_default();
    set_named(family, ELEMENT.attributes(payload), links).is_some_and(set::passes)
}

/// Whether an element is in a set, by both payloads.
pub fn is_in(set: &[u8], element: &[u8]) -> bool {
    let (set_attributes, of_element) = (SET.attributes(set), ELEMENT.attributes(element));
    set.first() == element.first()
        && attribute(set_attributes, NFTA_SET_NAME) == attribute(of_element, NFTA_SET_ELEM_LIST_SET)
        && attribute(set_attributes, NFTA_SET_TABLE) == attribute(of_element, NFTA_SET_ELEM_LIST_TABLE)
}

/// The body of a request for the elements of a set.
pub fn request(family: u8, table: &[u8], set: &[u8]) -> Vec<u8> {
    let mut body = vec![family, 0, 0, 0];
    append_attribute(&mut body, NFTA_SET_ELEM_LIST_TABLE, table);
    append_attribute(&mut body, NFTA_SET_ELEM_LIST_SET, set);
    body
}

/// Where a set is, by its message: its family, its table's name and its own.
pub fn place_of(payload: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let set = SET.attributes(payload);
    Some((*payload.first()?, attribute(set, NFTA_SET_TABLE)?, attribute(set, NFTA_SET_NAME)?))
}
