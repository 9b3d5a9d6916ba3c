//! User data: octets that the kernel keeps and does not read. nft writes a type, a length and a value, one after the other
//! (`libnftnl/udata.h`).

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Shape};
use crate::json::Json;

/// `NFTNL_UDATA_TABLE_COMMENT`, and those of chains, rules, elements and objects.
const COMMENT: u8 = 0;
/// `NFTNL_UDATA_SET_COMMENT`.
const SET_COMMENT: u8 = 7;
/// `NFTNL_UDATA_SET_KEYBYTEORDER`.
pub const KEY_BYTE_ORDER: u8 = 0;
/// `NFTNL_UDATA_SET_DATABYTEORDER`.
pub const DATA_BYTE_ORDER: u8 = 1;
/// `NFTNL_UDATA_SET_MERGE_ELEMENTS`.
const MERGE_ELEMENTS: u8 = 2;
/// `NFTNL_UDATA_SET_DATA_INTERVAL`.
pub const DATA_INTERVAL: u8 = 6;

/// What [`comment`] writes.
pub const COMMENT_PARTS: &[Part] = &[Part::text("comment"), REST];
/// What [`of_set`] writes.
pub const SET_PARTS: &[Part] = &[Part::text("comment"), Part::bool("auto-merge"), REST];
const REST: Part = Part::Member("userdata", &Shape::As(&Is::Hex));

/// A value's type, the value, and it with its type and length before it.
type Typed<'o> = (u8, &'o [u8], &'o [u8]);

/// The values one after the other, with their types, and each with its type and length before it; what is behind the last whole one.
fn values(mut octets: &[u8]) -> (Vec<Typed<'_>>, &[u8]) {
    let mut values = Vec::new();
    while let [kind, length, rest @ ..] = octets
        && let Some((value, behind)) = rest.split_at_checked((*length).into())
    {
        values.push((*kind, value, &octets[..2 + value.len()]));
        octets = behind;
    }
    (values, octets)
}

/// The value of a type.
pub fn value(octets: &[u8], wanted: u8) -> Option<&[u8]> {
    values(octets).0.into_iter().find(|(kind, ..)| *kind == wanted).map(|(_, value, _)| value)
}

/// A number that nft has written, in its machine's order.
pub fn number(octets: &[u8], wanted: u8) -> Option<u32> {
    Some(u32::from_ne_bytes(value(octets, wanted)?.try_into().ok()?))
}

/// The comment of anything but a set.
pub fn comment(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write(out, payload, COMMENT, None);
    Ok(())
}

/// What nft notes of a set.
pub fn of_set(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write(out, payload, SET_COMMENT, Some(MERGE_ELEMENTS));
    Ok(())
}

fn write(out: &mut Json, octets: &[u8], comment: u8, merge: Option<u8>) {
    let (values, behind) = values(octets);
    // Of another program it may be anything.
    if !behind.is_empty() || values.iter().any(|(kind, value, _)| *kind == comment && value.last() != Some(&0)) {
        out.key("userdata");
        out.hex(octets);
        return;
    }
    let mut rest = Vec::new();
    for (kind, value, whole) in values {
        if kind == comment {
            out.key("comment");
            out.text(value);
        } else if Some(kind) == merge {
            out.key("auto-merge");
            out.bool(value.iter().any(|&octet| octet != 0));
        } else {
            rest.extend_from_slice(whole);
        }
    }
    if !rest.is_empty() {
        out.key("userdata");
        out.hex(&rest);
    }
}
