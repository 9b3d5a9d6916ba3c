//! Extended matches, `TCA_EMATCH_TREE_*`: conditions, joined by and, or, not and parentheses. `tc` has only a text for
//! them; here they are a list. A container stands for the ones in its parentheses, which begin at the place that it
//! names and end with the first that has no relation to the next.
//! `pkt_cls.h`, `tc_ematch/`.

use super::shared::write_number;
use super::tree;
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Scalar::*, Set, Shape, Structure, Wrong, field, row};
use crate::decode::value::{any_unsigned, write_named};
use crate::decode::walk::{Leftovers, write_row};
use crate::json::Json;
use crate::kinds::rtnetlink::shared::write_true;
use crate::netlink::wire::{attribute, attributes, u16_at, u32_at};

/// `TCF_EM_*`: kinds of extended matches, with what each holds and under which key, where it needs one.
static EMATCHES: &[(u16, &str, &str, Is)] = &[
    // The place of the first of the matches in parentheses.
    (0, "container", "first", Is::Number(U32)),
    (1, "cmp", "", Is::Members(compare, COMPARE_PARTS)),
    (2, "nbyte", "", Is::Members(octets, OCTETS_PARTS)),
    (3, "u32", "", Is::InlineStructure(&tree::U32_KEY)),
    (4, "meta", "", Is::Members(meta, META_PARTS)),
    (5, "text", "", Is::Members(text, TEXT_PARTS)),
    (6, "vlan", "data", Is::Hex),
    (7, "canid", "rules", Is::Array(&CAN_FILTER, 8)),
    (8, "ipset", "", Is::InlineStructure(&IP_SET)),
    (9, "ipt", "", Is::Inline(&IPT)),
];

static CAN_FILTER: Is = Is::Structure(&CAN_FILTER_RULE);

/// `struct can_filter`: `include/uapi/linux/can.h`.
static CAN_FILTER_RULE: Structure =
    Structure::new("can_filter", 8, &[field(0, "id", Is::Number(U32)), field(4, "mask", Is::Number(U32))]);

/// `struct xt_set_info`: `include/uapi/linux/netfilter/xt_set.h`.
static IP_SET: Structure = Structure::new(
    "xt_set_info",
    4,
    &[field(0, "index", Is::Number(U16)), field(2, "dim", Is::Number(U8)), field(3, "flags", Is::Number(U8))],
);

/// `TCA_EM_IPT_*`.
static IPT: Set = Set::new(
    "TCA_EM_IPT",
    &[
        row(1, "hook", Is::Number(U32)),
        row(2, "name", Is::Text),
        row(3, "revision", Is::Number(U8)),
        row(4, "nfproto", Is::Number(U8)),
        row(5, "data", Is::Hex),
    ],
);

/// `TCF_LAYER_*`.
static LAYERS: &Names = &[(0, "link"), (1, "network"), (2, "transport")];

/// `TCF_EM_OPND_*`.
static OPERATORS: &Names = &[(0, "eq"), (1, "gt"), (2, "lt")];

/// `TCF_META_ID_*`: `tc_ematch/tc_em_meta.h`.
static META_IDS: &Names = &[
    (1, "random"),
    (2, "loadavg_1"),
    (3, "loadavg_5"),
    (4, "loadavg_15"),
    (5, "dev"),
    (6, "priority"),
    (7, "protocol"),
    (8, "pkt_type"),
    (9, "pkt_len"),
    (10, "data_len"),
    (11, "mac_len"),
    (12, "nf_mark"),
    (13, "tc_index"),
    (14, "rt_classid"),
    (15, "rt_iif"),
    (16, "sk_family"),
    (17, "sk_state"),
    (18, "sk_reuse"),
    (19, "sk_bind_if"),
    (20, "sk_refcnt"),
    (21, "sk_shutdown"),
    (22, "sk_proto"),
    (23, "sk_type"),
    (24, "sk_rcvbuf"),
    (25, "sk_rmem"),
    (26, "sk_wmem"),
    (27, "sk_omem"),
    (28, "sk_wmem_queue"),
    (29, "sk_rcv_queue"),
    (30, "sk_snd_queue"),
    (31, "sk_err_queue"),
    (32, "sk_fwd_alloc"),
    (33, "sk_sndbuf"),
    (34, "sk_allocs"),
    (35, "sk_route_caps"),
    (36, "sk_hash"),
    (37, "sk_lingertime"),
    (38, "sk_ack_backlog"),
    (39, "sk_max_ack_backlog"),
    (40, "sk_prio"),
    (41, "sk_rcvlowat"),
    (42, "sk_rcvtimeo"),
    (43, "sk_sndtimeo"),
    (44, "sk_sendmsg_off"),
    (45, "sk_write_pending"),
    (46, "vlan"),
    (47, "rxhash"),
];

/// Octets of `struct tcf_ematch_hdr`.
const HEADER_BYTES: usize = 8;

/// Extended matches: a list.
pub(super) const TREE: Is = Is::Value(
    tree,
    &Shape::List(&Shape::Object(&[
        Part::text("kind"),
        Part::bool("not"),
        Part::Choice(&BY_KIND),
        // Of a kind that is not known.
        Part::Member("data", &Shape::As(&Is::Hex)),
        Part::Member("relation", &Shape::As(&Is::Named(U16, RELATIONS))),
    ])),
);

/// How a match is joined to the next.
static RELATIONS: &Names = &[(1, "and"), (2, "or")];

/// What each kind of match tells: the parts of a function, or the one thing that its row says.
static BY_KIND: [(&str, Part); parts()] = {
    let mut by_kind = [("", Part::Set(&IPT)); parts()];
    let (mut row, mut at) = (0, 0);
    while row < EMATCHES.len() {
        let mut within = 0;
        while within < parts_of(row) {
            by_kind[at] = (EMATCHES[row].1, part_of(row, within));
            within += 1;
            at += 1;
        }
        row += 1;
    }
    by_kind
};

/// How many parts all kinds have together.
const fn parts() -> usize {
    let (mut row, mut parts) = (0, 0);
    while row < EMATCHES.len() {
        parts += parts_of(row);
        row += 1;
    }
    parts
}

/// How many parts a kind has.
const fn parts_of(row: usize) -> usize {
    match &EMATCHES[row].3 {
        Is::Members(_, parts) => parts.len(),
        _ => 1,
    }
}

/// One of the parts of a kind.
const fn part_of(row: usize, place: usize) -> Part {
    match &EMATCHES[row].3 {
        Is::Members(_, parts) => parts[place],
        Is::InlineStructure(structure) => Part::Structure(structure),
        Is::Inline(set) => Part::Set(set),
        _ => Part::Member(EMATCHES[row].2, &SHAPES[row]),
    }
}

/// What the rows say, as shapes.
static SHAPES: [Shape; EMATCHES.len()] = {
    let mut shapes = [Shape::Text; EMATCHES.len()];
    let mut row = 0;
    while row < shapes.len() {
        shapes[row] = Shape::As(&EMATCHES[row].3);
        row += 1;
    }
    shapes
};

/// `TCA_EMATCH_TREE_*`: a list.
fn tree(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const HEADER: u16 = 1;
    const LIST: u16 = 2;
    let list = attribute(payload, LIST).unwrap_or_default();
    let inside = context.inside(list);
    out.begin_list();
    for entry in attributes(list) {
        out.begin_object();
        write_match(out, &inside, entry.payload)?;
        out.end_object();
    }
    // The list is all that is told of this set: what is not known of it is an element of its own.
    let leftovers = Leftovers::of(payload, |number| matches!(number, HEADER | LIST));
    if !leftovers.is_empty() {
        out.begin_object();
        leftovers.write(out);
        out.end_object();
    }
    out.end_list();
    Ok(())
}

/// `struct tcf_ematch_hdr`, and what it is about.
fn write_match(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RELATION: u16 = 3;
    const INVERT: u16 = 4;
    const SIMPLE: u16 = 8;
    let (header, data) = payload.split_at_checked(HEADER_BYTES).ok_or(Wrong::Because("too short for its header"))?;
    let kind = u16_at(header, 2).unwrap_or_default();
    let flags = u16_at(header, 4).unwrap_or_default();
    let known = EMATCHES.iter().find(|(number, ..)| *number == kind);
    out.key("kind");
    match known {
        Some((_, name, ..)) => out.string(name),
        None => out.unsigned(kind.into()),
    }
    if flags & INVERT != 0 {
        write_true(out, "not");
    }
    match known {
        Some((.., key, is)) if flags & SIMPLE == 0 => write_row(out, &context.inside(data), key, is, data)?,
        _ => {
            out.key("data");
            out.hex(data);
        }
    }
    // To the next in the list.
    if flags & RELATION != 0 {
        out.key("relation");
        write_named(out, RELATIONS, (flags & RELATION).into());
    }
    Ok(())
}

fn write_layer(out: &mut Json, layer: u8) {
    out.key("layer");
    write_named(out, LAYERS, layer.into());
}

fn write_operator(out: &mut Json, operator: u8) {
    out.key("op");
    write_named(out, OPERATORS, operator.into());
}

/// `TCF_EM_ALIGN_*`.
static WIDTHS: &Names = &[(1, "u8"), (2, "u16"), (4, "u32")];

/// The members that [`compare`] writes.
const COMPARE_PARTS: &[Part] = &[
    Part::Member("align", &Shape::As(&Is::Named(U8, WIDTHS))),
    Part::number("off"),
    Part::Member("layer", &Shape::As(&Is::Named(U8, LAYERS))),
    Part::number("mask"),
    Part::bool("trans"),
    Part::Member("op", &Shape::As(&Is::Named(U8, OPERATORS))),
    Part::number("value"),
];

/// `struct tcf_em_cmp`: a number in the packet against a value. Halves of octets stand in the machine's bit order.
fn compare(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const SWAPPED: u8 = 1;
    if payload.len() < 12 {
        return Err(Wrong::Short(12));
    }
    let halves =
        |octet: u8| if cfg!(target_endian = "big") { (octet >> 4, octet & 15) } else { (octet & 15, octet >> 4) };
    let ((width, flags), (layer, operator)) = (halves(payload[10]), halves(payload[11]));
    out.key("align");
    write_named(out, WIDTHS, width.into());
    write_number(out, "off", u16_at(payload, 8).unwrap_or_default().into());
    write_layer(out, layer);
    let mask = u32_at(payload, 4).unwrap_or_default();
    if mask != 0 {
        write_number(out, "mask", mask.into());
    }
    if flags & SWAPPED != 0 {
        write_true(out, "trans");
    }
    write_operator(out, operator);
    write_number(out, "value", u32_at(payload, 0).unwrap_or_default().into());
    Ok(())
}

/// The members that [`octets`] writes.
const OCTETS_PARTS: &[Part] = &[
    Part::number("off"),
    Part::Member("layer", &Shape::As(&Is::Named(U8, LAYERS))),
    Part::Member("octets", &Shape::As(&Is::Hex)),
];

/// `struct tcf_em_nbyte`: octets at a place.
fn octets(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (offset, packed) = (u16_at(payload, 0), u16_at(payload, 2));
    let (offset, packed) = offset.zip(packed).ok_or(Wrong::Short(4))?;
    let big = cfg!(target_endian = "big");
    let (length, layer) = if big { (packed >> 4, packed & 15) } else { (packed & 0xfff, packed >> 12) };
    write_number(out, "off", offset.into());
    write_layer(out, layer as u8);
    out.key("octets");
    out.hex(payload.get(4..4 + usize::from(length)).ok_or(Wrong::Because("fewer octets than it says"))?);
    Ok(())
}

/// The members that [`meta`] writes.
const META_PARTS: &[Part] = &[
    Part::Member("left", META_OBJECT_SHAPE),
    Part::Member("op", &Shape::As(&Is::Named(U8, OPERATORS))),
    Part::Member("right", META_OBJECT_SHAPE),
];

/// What [`write_object`] writes.
const META_OBJECT_SHAPE: &Shape = &Shape::Object(&[
    Part::Member("id", &Shape::As(&Is::Named(U16, META_IDS))),
    Part::number("shift"),
    Part::number("mask"),
    Part::number("value"),
    Part::text("text"),
]);

/// `TCA_EM_META_*`: something about the packet against another such or a value.
fn meta(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const HEADER: u16 = 1;
    const LEFT: u16 = 2;
    const RIGHT: u16 = 3;
    let header = attribute(payload, HEADER).filter(|header| header.len() >= 8);
    let header = header.ok_or(Wrong::Because("its header is missing"))?;
    out.key("left");
    write_object(out, &header[..4], attribute(payload, LEFT))?;
    write_operator(out, header[3]);
    out.key("right");
    write_object(out, &header[4..8], attribute(payload, RIGHT))?;
    Leftovers::of(payload, |number| matches!(number, HEADER..=RIGHT)).write(out);
    Ok(())
}

/// `struct tcf_meta_val`, and the value, or the mask of what is looked at.
fn write_object(out: &mut Json, meta: &[u8], value: Option<&[u8]>) -> Decoded {
    const NUMBER: u16 = 1;
    const VALUE: u16 = 0;
    let kind = u16_at(meta, 0).unwrap_or_default();
    let (number, id) = (kind >> 12 == NUMBER, kind & 0x7ff);
    out.begin_object();
    if id != VALUE {
        out.key("id");
        write_named(out, META_IDS, id.into());
        if meta[2] != 0 {
            write_number(out, "shift", meta[2].into());
        }
    }
    match value {
        Some(value) if number => {
            let value = any_unsigned(value)?;
            if id == VALUE || value != 0 {
                write_number(out, if id == VALUE { "value" } else { "mask" }, value);
            }
        }
        Some(text) if id == VALUE => {
            out.key("text");
            out.text(text);
        }
        _ => {}
    }
    out.end_object();
    Ok(())
}

/// The members that [`text`] writes.
const TEXT_PARTS: &[Part] = &[
    Part::text("algorithm"),
    Part::Member("from", PLACE_SHAPE),
    Part::Member("to", PLACE_SHAPE),
    Part::Member("octets", &Shape::As(&Is::Hex)),
];

/// One of both places.
const PLACE_SHAPE: &Shape =
    &Shape::Object(&[Part::number("off"), Part::Member("layer", &Shape::As(&Is::Named(U8, LAYERS)))]);

/// `struct tcf_em_text`: a pattern between two places. `tc_ematch/tc_em_text.h`.
fn text(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 24;
    let (header, pattern) = payload.split_at_checked(BYTES).ok_or(Wrong::Short(BYTES))?;
    let at = |at| u16_at(header, at).unwrap_or_default();
    out.key("algorithm");
    out.text(&header[..16]);
    for (key, offset, shift) in [("from", at(16), 0), ("to", at(18), 4)] {
        out.key(key);
        out.begin_object();
        write_number(out, "off", offset.into());
        let shift = if cfg!(target_endian = "big") { 4 - shift } else { shift };
        write_layer(out, header[22] >> shift & 15);
        out.end_object();
    }
    let length = usize::from(at(20)).min(pattern.len());
    out.key("octets");
    out.hex(&pattern[..length]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::FILTER;
    use crate::kinds::rtnetlink::tc::testing::members;
    use crate::netlink::wire::append_attribute;

    fn entry(kind: u16, flags: u16, data: &[u8]) -> Vec<u8> {
        let mut entry = [0u16, kind, flags, 0].map(u16::to_ne_bytes).concat();
        entry.extend_from_slice(data);
        entry
    }

    fn written(entries: &[Vec<u8>]) -> String {
        let mut list = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            append_attribute(&mut list, place as u16 + 1, entry);
        }
        let mut payload = Vec::new();
        append_attribute(&mut payload, 1, &[0; 4]);
        append_attribute(&mut payload, 2, &list);
        members(&FILTER, &[], 2, named, &payload)
    }

    fn named(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("ematch");
        tree(out, context, payload)
    }

    #[test]
    fn matches_are_a_list_with_their_relations() {
        let mut priority = Vec::new();
        append_attribute(&mut priority, 1, &[6, 0x10, 0, 0, 0, 0x10, 0, 0]);
        append_attribute(&mut priority, 2, &0u32.to_ne_bytes());
        append_attribute(&mut priority, 3, &3u32.to_ne_bytes());
        let compared = [100u32.to_ne_bytes(), 0u32.to_ne_bytes(), [2, 0, 0x02, 0x11]].concat();
        let lines = written(&[
            entry(4, 1, &priority),
            entry(0, 4, &2u32.to_ne_bytes()),
            entry(1, 2, &compared),
            entry(2, 0, &[0, 0, 3, 0x10, b'a', b'b', b'c', 0]),
        ]);
        assert_eq!(
            lines,
            concat!(
                r#"{"ematch":[{"kind":"meta","left":{"id":"priority"},"op":"eq","right":{"value":3},"relation":"and"},"#,
                r#"{"kind":"container","not":true,"first":2},"#,
                r#"{"kind":"cmp","align":"u16","off":2,"layer":"network","op":"gt","value":100,"relation":"or"},"#,
                r#"{"kind":"nbyte","off":0,"layer":"network","octets":"616263"}]}"#
            )
        );
    }

    #[test]
    fn what_is_not_known_hides_nothing() {
        let mut payload = Vec::new();
        append_attribute(&mut payload, 1, &[0; 4]);
        append_attribute(&mut payload, 3, &[7]);
        let mut priority = Vec::new();
        append_attribute(&mut priority, 1, &[6, 0x10, 0, 0, 0, 0x10, 0, 0]);
        append_attribute(&mut priority, 4, &[8]);
        let mut list = Vec::new();
        append_attribute(&mut list, 1, &entry(4, 0, &priority));
        append_attribute(&mut payload, 2, &list);
        let written = members(&FILTER, &[], 2, named, &payload);
        let known = r#"{"ematch":[{"kind":"meta","left":{"id":"priority"}"#;
        assert!(written.starts_with(known), "{written}");
        let unknown = r#""unknown":[{"attr":4,"hex":"08"}]},{"unknown":[{"attr":3,"hex":"07"}]}]}"#;
        assert!(written.ends_with(unknown), "{written}");
    }

    #[test]
    fn what_is_too_short_is_said() {
        assert!(written(&[vec![0; 4]]).contains("too short"));
        assert!(written(&[entry(2, 0, &[0, 0, 9, 0x10, 1])]).contains("fewer octets"));
        assert!(written(&[entry(900, 0, &[1])]).contains(r#"{"kind":900,"data":"01"}"#));
    }
}
