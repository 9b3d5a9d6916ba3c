//! `nft_set`: a set or a map of nf_tables. `NFTA_SET_*`. What it says of its keys and data tells how its elements are read.

use super::datatypes::{Meaning, types};
use super::element::{ELEMENT, is_in};
use super::expressions::{self, EXPRESSION};
use super::{GROUPS, HEADER, SUBSYSTEM, dump_of, object, seconds, userdata};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Is, Kind, NUMBER, Names, Part, Set, Shape, TEXT, row};
use crate::decode::title::{detail, word};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::netlink::wire::{attribute, attributes};

const NFT_MSG_NEWSET: u16 = 9;
const NFT_MSG_GETSET: u16 = 10;
const NFT_MSG_DELSET: u16 = 11;
pub(super) const NFTA_SET_TABLE: u16 = 1;
pub(super) const NFTA_SET_NAME: u16 = 2;
const NFTA_SET_FLAGS: u16 = 3;
const NFTA_SET_KEY_TYPE: u16 = 4;
const NFTA_SET_KEY_LEN: u16 = 5;
const NFTA_SET_DATA_TYPE: u16 = 6;
const NFTA_SET_DATA_LEN: u16 = 7;
const NFTA_SET_DESC: u16 = 9;
const NFTA_SET_USERDATA: u16 = 13;
const NFTA_SET_DESC_CONCAT: u16 = 2;
const NFTA_SET_FIELD_LEN: u16 = 1;
/// The type of a verdict map's data (`NFT_DATA_VERDICT`).
const NFT_DATA_VERDICT: u32 = 0xffff_ff00;

/// `NFT_MSG_NEWSET` and `NFT_MSG_DELSET`. The elements of a set go with it, and nobody tells.
pub static SET: Kind = Kind {
    name: "nft_set",
    about: "sets and maps of nf_tables",
    title: &[word("family"), word("table"), word("name"), detail("type"), detail("map"), detail("comment")],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWSET,
    delete: SUBSYSTEM | NFT_MSG_DELSET,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NFTA_SET_TABLE, NFTA_SET_NAME],
        members: &["family", "table", "name"],
    }),
    dumps: &[dump_of(NFT_MSG_GETSET)],
    hooks: Hooks { holds: Some((&ELEMENT, is_in)), ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_SET",
    &[
        row(NFTA_SET_TABLE, "table", Is::Text),
        row(NFTA_SET_NAME, "name", Is::Text),
        row(NFTA_SET_FLAGS, "flags", Is::Bits(U32Be, FLAGS)),
        row(NFTA_SET_KEY_TYPE, "type", Is::Value(type_names, &Shape::List(TEXT))),
        row(NFTA_SET_KEY_LEN, "key_len", Is::Number(U32Be)),
        row(NFTA_SET_DATA_TYPE, "map", Is::Value(type_names, &Shape::List(TEXT))),
        row(NFTA_SET_DATA_LEN, "data_len", Is::Number(U32Be)),
        row(8, "policy", Is::Named(U32Be, &[(0, "performance"), (1, "memory")])),
        row(NFTA_SET_DESC, "desc", Is::Inline(&DESCRIPTION)),
        row(10, "id", Is::Number(U32Be)),
        row(11, "timeout", Is::Value(seconds, NUMBER)),
        row(12, "gc-interval", Is::Value(seconds, NUMBER)),
        row(NFTA_SET_USERDATA, "userdata", Is::Members(userdata::of_set, userdata::SET_PARTS)),
        row(14, "pad", Is::Known),
        row(15, "obj_type", Is::Members(object_map, &[Part::Member("map", &Shape::List(object::KIND_NAME))])),
        row(16, "handle", Is::Number(U64Be)),
        row(17, "expr", Is::Members(expressions::single, expressions::SINGLE_PARTS)),
        row(18, "expressions", Is::Each(&Is::Set(&EXPRESSION))),
        // The kernel's name for how it keeps the elements; without symbols, an address inside the kernel.
        row(19, "backend", Is::Known),
        row(20, "count", Is::Number(U32Be)).volatile(),
    ],
);

/// `enum nft_set_flags`; nft calls EVAL `dynamic`.
const FLAGS: &Names = &[
    (0x1, "anonymous"),
    (0x2, "constant"),
    (0x4, "interval"),
    (0x8, "map"),
    (TIMEOUT, "timeout"),
    (EVAL, "dynamic"),
    (0x40, "object"),
    (0x80, "concat"),
    (0x100, "expr"),
];
const TIMEOUT: u64 = 0x10;
const EVAL: u64 = 0x20;

static DESCRIPTION: Set = Set::new(
    "NFTA_SET_DESC",
    &[
        row(1, "size", Is::Number(U32Be)),
        row(NFTA_SET_DESC_CONCAT, "field_len", Is::Value(field_lengths, &Shape::List(NUMBER))),
    ],
);

/// The lengths of the parts of a concatenation, in octets.
fn field_lengths(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    lengths_in(payload).for_each(|length| out.unsigned(length as u64));
    out.end_list();
    Ok(())
}

fn lengths_in(concatenation: &[u8]) -> impl Iterator<Item = usize> {
    let fields = attributes(concatenation).filter_map(|field| attribute(field.payload, NFTA_SET_FIELD_LEN));
    fields.map(|length| unsigned(U32Be, length).unwrap_or_default() as usize)
}

/// The names of the types of keys or data, each part's of a concatenation; a number without a name as it is.
fn type_names(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let number = unsigned(U32Be, payload)? as u32;
    let types = types(number);
    out.begin_list();
    match number {
        NFT_DATA_VERDICT => out.plain("verdict"),
        _ if types.is_empty() => out.display(number),
        _ => types.iter().for_each(|kind| out.plain(kind.name)),
    }
    out.end_list();
    Ok(())
}

/// A map of objects.
fn object_map(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("map");
    out.begin_list();
    object::kind_name(out, payload)?;
    out.end_list();
    Ok(())
}

/// Whether the elements of a set come and go by themselves, by its attributes: by time, or as packets pass.
pub fn passes(set: &[u8]) -> bool {
    let flags = attribute(set, NFTA_SET_FLAGS).and_then(|flags| unsigned(U32Be, flags).ok());
    flags.is_some_and(|flags| flags & (TIMEOUT | EVAL) != 0)
}

/// What a set says of its keys, by its attributes.
pub fn keys_of(set: &[u8]) -> Meaning {
    let description = attribute(set, NFTA_SET_DESC).and_then(|desc| attribute(desc, NFTA_SET_DESC_CONCAT));
    Meaning {
        lengths: description.map(|concatenation| lengths_in(concatenation).collect()).unwrap_or_default(),
        ..meaning(set, NFTA_SET_KEY_TYPE, userdata::KEY_BYTE_ORDER)
    }
}

/// What a map says of its data.
pub fn data_of(set: &[u8]) -> Meaning {
    let userdata = attribute(set, NFTA_SET_USERDATA).unwrap_or_default();
    let ranges = userdata::number(userdata, userdata::DATA_INTERVAL).is_some_and(|ranges| ranges != 0);
    Meaning { ranges, ..meaning(set, NFTA_SET_DATA_TYPE, userdata::DATA_BYTE_ORDER) }
}

fn meaning(set: &[u8], kind: u16, byte_order: u8) -> Meaning {
    /// `BYTEORDER_HOST_ENDIAN` of nftables.
    const MACHINE: u32 = 1;
    let number = attribute(set, kind).and_then(|kind| unsigned(U32Be, kind).ok()).unwrap_or_default() as u32;
    let userdata = attribute(set, NFTA_SET_USERDATA).unwrap_or_default();
    let machine_order = userdata::number(userdata, byte_order) == Some(MACHINE);
    Meaning { number, machine_order, ..Meaning::default() }
}
