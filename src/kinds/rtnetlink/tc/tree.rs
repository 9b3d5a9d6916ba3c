//! The filter `u32`: tables of matches, each of which leads to an end or to another table. `pkt_cls.h`.

use super::action;
use super::action::police::OLD_POLICE;
use super::names::FILTER_FLAGS;
use super::shared::{class_id, u32_of, u64_at, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, NUMBER, Part,
    Scalar::{self, *},
    Set, Shape, Structure, TEXT, Wrong, field, field_of, row,
};
use crate::decode::value::unsigned;
use crate::decode::walk::write_structure;
use crate::json::Json;
use crate::kinds::rtnetlink::shared::write_true;
use crate::netlink::wire::u16_at;

/// `TCA_U32_*`.
pub(super) static U32_TREE: Set = Set::new(
    "TCA_U32",
    &[
        row(1, "flowid", Is::Value(class_id, TEXT)),
        row(2, "hash", Is::Members(tree_bucket, &[Part::number("key_ht"), Part::number("bkt")])),
        row(3, "link", Is::Value(tree_handle, TEXT)),
        row(4, "ht_divisor", Is::Number(U32)),
        row(5, "sel", Is::Members(tree_selector, TREE_SELECTOR_PARTS)),
        row(6, "police", OLD_POLICE),
        row(7, "actions", action::LIST),
        row(8, "input_dev", Is::Text),
        row(TCA_U32_PCNT, "pcnt", Is::Members(tree_counters, &[Part::number("rule_hit"), Part::number("success")]))
            .volatile(),
        row(10, "mark", Is::InlineStructure(&U32_MARK)),
        row(11, "flags", Is::Flags(U32, FILTER_FLAGS)),
        row(12, "pad", Is::Known),
    ],
);

/// `TCA_U32_PCNT`.
const TCA_U32_PCNT: u16 = 9;

/// `struct tc_u32_mark`.
static U32_MARK: Structure = Structure::new(
    "tc_u32_mark",
    12,
    &[
        field(0, "fwmark_value", Is::Number(U32)),
        field(4, "fwmark_mask", Is::Number(U32)),
        field(8, "fwmark_success", Is::Number(U32)).volatile(),
    ],
);

/// `struct tc_u32_key`.
pub(super) static U32_KEY: Structure = Structure::new(
    "tc_u32_key",
    16,
    &[
        field(4, "value", Is::Number(U32Be)),
        field(0, "mask", Is::Number(U32Be)),
        field_of(12, 4, "offmask", Is::Value(tree_offset_mask, TEXT)),
        field(8, "off", Is::Number(I32)),
    ],
);

/// Table, bucket and place: `800:1:2`.
pub(super) fn write_tree_handle(out: &mut Json, handle: u32) {
    let (table, bucket, node) = (handle >> 20, handle >> 12 & 0xff, handle & 0xfff);
    if handle == 0 {
        return out.string("none");
    }
    out.begin_string();
    if table != 0 {
        out.continue_display(format_args!("{table:x}:"));
    }
    if bucket != 0 {
        out.continue_display(format_args!("{bucket:x}"));
    }
    if node != 0 {
        out.continue_display(format_args!(":{node:x}"));
    }
    out.end_string();
}

/// The handle of a table.
fn tree_handle(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_tree_handle(out, u32_of(payload)?);
    Ok(())
}

/// The table and the bucket that a filter is in; a table itself says how many it has.
fn tree_bucket(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const DIVISOR: u16 = 4;
    let handle = u32_of(payload)?;
    if context.sibling(DIVISOR).is_none() {
        write_number(out, "key_ht", (handle >> 20).into());
        write_number(out, "bkt", (handle >> 12 & 0xff).into());
    }
    Ok(())
}

/// How often a filter was tried and matched, `struct tc_u32_pcnt`; the counters of its matches are told with them.
fn tree_counters(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_number(out, "rule_hit", u64_at(payload, 0).ok_or(Wrong::Short(16))?);
    write_number(out, "success", u64_at(payload, 8).ok_or(Wrong::Short(16))?);
    Ok(())
}

/// Whether a match's offset is added to that of the next header.
fn tree_offset_mask(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.string(if u32_of(payload)? != 0 { "nexthdr+" } else { "" });
    Ok(())
}

/// The members that [`tree_selector`] writes.
const TREE_SELECTOR_PARTS: &[Part] = &[
    Part::bool("terminal"),
    Part::Member(
        "match",
        &Shape::List(&Shape::Object(&[Part::Structure(&U32_KEY), Part::Volatile("success", NUMBER)])),
    ),
    Part::number("offset_mask"),
    Part::number("offset_shift"),
    Part::number("offset_off"),
    Part::number("plus"),
    Part::bool("eat"),
    Part::number("hash_mask"),
    Part::number("hash_off"),
];

/// `struct tc_u32_sel`: what is matched, each with its counter, and where the search goes on.
fn tree_selector(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 16;
    const TERMINAL: u8 = 1;
    const OFFSET: u8 = 2;
    const VARIABLE_OFFSET: u8 = 4;
    const EAT: u8 = 8;
    let (selector, keys) = payload.split_at_checked(BYTES).ok_or(Wrong::Short(BYTES))?;
    let (flags, shift, count) = (selector[0], selector[1], usize::from(selector[2]));
    let counters = context.sibling(TCA_U32_PCNT).filter(|_| !context.comparing);
    if flags & TERMINAL != 0 {
        write_true(out, "terminal");
    }
    if count > 0 {
        out.key("match");
        out.begin_list();
        for (place, key) in keys.chunks_exact(U32_KEY.bytes).take(count).enumerate() {
            out.begin_object();
            write_structure(out, context, &U32_KEY, key);
            if let Some(counter) = counters.and_then(|counters| u64_at(counters, 16 + place * 8)) {
                write_number(out, "success", counter);
            }
            out.end_object();
        }
        out.end_list();
    }
    let signed = |at: usize| i64::from(u16_at(selector, at).unwrap_or_default() as i16);
    if flags & VARIABLE_OFFSET != 0 {
        write_number(out, "offset_mask", unsigned(Scalar::U16Be, &selector[4..6])?);
        write_number(out, "offset_shift", shift.into());
        out.key("offset_off");
        out.signed(signed(8));
    }
    let plus = u16_at(selector, 6).unwrap_or_default();
    if flags & (OFFSET | VARIABLE_OFFSET) != 0 && plus != 0 {
        write_number(out, "plus", plus.into());
    }
    if flags & EAT != 0 {
        write_true(out, "eat");
    }
    let mask = unsigned(Scalar::U32Be, &selector[12..16])?;
    if mask != 0 {
        write_number(out, "hash_mask", mask);
        out.key("hash_off");
        out.signed(signed(10));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::FILTER;
    use crate::kinds::rtnetlink::tc::testing::members;

    #[test]
    fn a_selector_may_say_more_matches_than_it_has() {
        let mut payload = vec![1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0xff];
        payload.extend_from_slice(&[0xff, 0, 0, 0, 10, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            members(&FILTER, &[], 5, tree_selector, &payload),
            r#"{"terminal":true,"match":[{"value":167772160,"mask":4278190080,"offmask":"","off":12}],"hash_mask":255,"hash_off":12}"#
        );
    }
}
