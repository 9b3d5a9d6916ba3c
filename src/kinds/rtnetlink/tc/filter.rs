//! Filters and chains: where they are, and the options of each kind. `pkt_cls.h`.

use super::action::police::OLD_POLICE;
use super::names::{EGRESS, FILTER_FLAGS, INGRESS, TCA_KIND, TCA_OPTIONS};
use super::shared::{ROOT, class_id, u32_of, write_class_id, write_number};
use super::tree::write_tree_handle;
use super::{action, bpf, ematch, flower, tree};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Scalar::*, Set, Shape, Structure, TEXT, Wrong, field, row};
use crate::decode::value::{name_of, write_link};
use crate::decode::walk::{write_part, write_set};
use crate::json::Json;
use crate::kinds::rtnetlink::names::{ETHER_TYPES, REALMS};
use crate::kinds::rtnetlink::shared::write_true;
use crate::netlink::wire::{attribute_u32, u32_at};

/// By `TCA_KIND`: how the filter's handle is told; those of its attributes that stand in an object of their own, `keys`,
/// where there are such; and its attributes.
static OPTIONS: &[(&str, Handle, Option<&Shape>, &Set)] = &[
    ("basic", Handle::Number, None, &BASIC),
    ("bpf", Handle::Number, None, &BPF),
    ("cgroup", Handle::Number, None, &CGROUP),
    ("flow", Handle::Number, None, &FLOW),
    ("flower", Handle::Number, Some(flower::KEYS_SHAPE), &flower::OUTER),
    ("fw", Handle::Mark, None, &FW),
    ("matchall", Handle::Number, None, &MATCHALL),
    ("route", Handle::Route, None, &ROUTE),
    ("u32", Handle::Tree, None, &tree::U32_TREE),
];

/// What a filter's handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    /// A number: `handle`.
    Number,
    /// The mark that is looked for: `fw`.
    Mark,
    /// Realms, in hexadecimal: `fh`, and `order`.
    Route,
    /// Table, bucket and place, each in hexadecimal: `fh`, and `order`.
    Tree,
}

impl Handle {
    /// The members that tell it.
    const fn parts(self) -> &'static [Part] {
        const MARK: &Shape = &Shape::Object(&[Part::number("mark"), Part::number("mask")]);
        match self {
            Handle::Number => const { &[Part::number("handle")] },
            Handle::Mark => const { &[Part::Member("fw", MARK)] },
            Handle::Route | Handle::Tree => const { &[Part::text("fh"), Part::number("order")] },
        }
    }
}

/// `TCM_IFINDEX_MAGIC_BLOCK`: in place of an interface, for a block that several share. Its number stands in place of
/// the parent.
const BLOCK: u32 = 0xffff_ffff;

/// Offsets in `struct tcmsg`.
const INTERFACE_AT: usize = 4;
const HANDLE_AT: usize = 8;
const PARENT_AT: usize = 12;

fn header(context: &Context<'_>, at: usize) -> u32 {
    u32_at(context.header, at).unwrap_or_default()
}

/// The interface, or the block.
pub(super) const DEVICE: Is =
    Is::Members(device, &[Part::number("block"), Part::number("ifindex"), Part::Member("dev", &Shape::As(&Is::Link))]);

/// The interface, or the block.
fn device(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match u32_of(payload)? {
        BLOCK => write_number(out, "block", header(context, PARENT_AT).into()),
        ifindex => {
            write_number(out, "ifindex", ifindex.into());
            out.key("dev");
            write_link(out, context, ifindex);
        }
    }
    Ok(())
}

/// Where the packets come by.
pub(super) const PARENT: Is =
    Is::Members(parent, &[Part::bool("root"), Part::bool("ingress"), Part::bool("egress"), Part::text("parent")]);

/// Where the packets come by: `root`, `ingress`, `egress`, or a class; of a block nothing.
fn parent(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if header(context, INTERFACE_AT) == BLOCK {
        return Ok(());
    }
    match u32_of(payload)? {
        ROOT => write_true(out, "root"),
        INGRESS => write_true(out, "ingress"),
        EGRESS => write_true(out, "egress"),
        parent => {
            out.key("parent");
            write_class_id(out, parent);
        }
    }
    Ok(())
}

/// The handle, where there are no options.
pub(super) const BARE_HANDLE: Is = Is::Members(bare_handle, &[Part::number("handle")]);

/// The handle, where there are no options in which it would be told.
fn bare_handle(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let handle = u32_of(payload)?;
    if handle != 0 && context.sibling(TCA_OPTIONS).is_none() {
        write_number(out, "handle", handle.into());
    }
    Ok(())
}

/// The protocol of the packets, and the preference.
pub(super) const PROTOCOL_AND_PRIORITY: Is = Is::Members(
    protocol_and_priority,
    &[Part::Member("protocol", &Shape::As(&Is::Named(U16, ETHER_TYPES))), Part::number("pref")],
);

/// `tcm_info`: the protocol of the packets, in the network's byte order, and the preference above it.
fn protocol_and_priority(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let information = u32_of(payload)?;
    let (protocol, preference) = (u16::from_be(information as u16), information >> 16);
    if protocol != 0 {
        out.key("protocol");
        match name_of(ETHER_TYPES, protocol.into()) {
            Some(name) => out.string(name),
            None => out.unsigned(protocol.into()),
        }
    }
    if preference != 0 {
        write_number(out, "pref", preference.into());
    }
    Ok(())
}

/// The options of a filter or of a chain's template, by their kind.
pub(super) const BY_KIND: Is = Is::Value(options, &Shape::Object(&[Part::Choice(&PARTS)]));

/// What the options of each kind tell: the handle in two members at most, the keys, the others.
static PARTS: [(&str, Part); parts()] = {
    let mut parts = [("", Part::Set(&BASIC)); parts()];
    let (mut row, mut at) = (0, 0);
    while row < OPTIONS.len() {
        let (name, handle, keys, set) = &OPTIONS[row];
        let mut within = 0;
        while within < handle.parts().len() {
            parts[at] = (*name, handle.parts()[within]);
            within += 1;
            at += 1;
        }
        if let Some(keys) = keys {
            parts[at] = (*name, Part::Member("keys", keys));
            at += 1;
        }
        parts[at] = (*name, Part::Set(set));
        at += 1;
        row += 1;
    }
    parts
};

/// How many parts all kinds have together.
const fn parts() -> usize {
    let (mut row, mut parts) = (0, 0);
    while row < OPTIONS.len() {
        parts += OPTIONS[row].1.parts().len() + OPTIONS[row].2.is_some() as usize + 1;
        row += 1;
    }
    parts
}

/// `TCA_OPTIONS` of a filter, or of a chain's template, by the kind beside it; with the handle, as `tc` has it.
fn options(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let kind = context.sibling(TCA_KIND).ok_or(Wrong::Because("its kind is missing"))?;
    let kind = kind.split(|&octet| octet == 0).next().unwrap_or_default();
    let Some((_, style, keys, set)) = OPTIONS.iter().find(|(name, ..)| name.as_bytes() == kind) else {
        return Err(Wrong::Because("a kind that is not known"));
    };
    let inside = context.inside(payload);
    out.begin_object();
    write_handle(out, &inside, *style);
    if let Some(Shape::As(Is::Set(keys))) = keys {
        out.key("keys");
        out.begin_object();
        write_part(out, &inside, keys, payload);
        out.end_object();
    }
    write_set(out, &inside, set, payload);
    out.end_object();
    Ok(())
}

fn write_handle(out: &mut Json, context: &Context<'_>, style: Handle) {
    let handle = header(context, HANDLE_AT);
    match style {
        Handle::Number if handle != 0 => write_number(out, "handle", handle.into()),
        Handle::Mark => {
            let mask = attribute_u32(context.set, TCA_FW_MASK);
            if handle != 0 || mask.is_some() {
                out.key("fw");
                out.begin_object();
                write_number(out, "mark", handle.into());
                write_number(out, "mask", mask.unwrap_or(u32::MAX).into());
                out.end_object();
            }
        }
        Handle::Route if handle != 0 => {
            out.key("fh");
            out.display(format_args!("0x{handle:08x}"));
            let order = handle >> 8 & 0x7f;
            if order != 0 {
                write_number(out, "order", order.into());
            }
        }
        Handle::Tree if handle != 0 => {
            out.key("fh");
            write_tree_handle(out, handle);
            let node = handle & 0xfff;
            if node != 0 {
                write_number(out, "order", node.into());
            }
        }
        _ => {}
    }
}

/// `TCA_BASIC_*`.
static BASIC: Set = Set::new(
    "TCA_BASIC",
    &[
        row(1, "flowid", Is::Value(class_id, TEXT)),
        row(2, "ematch", ematch::TREE),
        row(3, "actions", action::LIST),
        row(4, "police", OLD_POLICE),
        row(5, "pcnt", Is::InlineStructure(&BASIC_COUNTERS)).volatile(),
        row(6, "pad", Is::Known),
    ],
);

/// `struct tc_basic_pcnt`.
static BASIC_COUNTERS: Structure =
    Structure::new("tc_basic_pcnt", 16, &[field(0, "rule_hit", Is::Number(U64)), field(8, "success", Is::Number(U64))]);

/// `TCA_BPF_*`.
static BPF: Set = Set::new(
    "TCA_BPF",
    &[
        row(1, "actions", action::LIST),
        row(2, "police", OLD_POLICE),
        row(3, "flowid", Is::Value(class_id, TEXT)),
        row(4, "ops_len", Is::Known),
        row(5, "bytecode", bpf::INSTRUCTIONS),
        row(6, "fd", Is::Number(U32)),
        row(7, "bpf_name", Is::Text),
        row(8, "bpf_flags", Is::Flags(U32, &[(1, "direct-action")])),
        row(9, "flags", Is::Flags(U32, FILTER_FLAGS)),
        row(TCA_BPF_TAG, "tag", Is::Members(bpf::program_tag::<TCA_BPF_ID>, bpf::PROGRAM_TAG_PARTS)),
        row(TCA_BPF_ID, "prog", Is::Members(bpf::program::<TCA_BPF_TAG>, bpf::PROGRAM_PARTS)),
    ],
);

/// `TCA_BPF_TAG`.
const TCA_BPF_TAG: u16 = 10;
/// `TCA_BPF_ID`.
const TCA_BPF_ID: u16 = 11;

/// `TCA_CGROUP_*`.
static CGROUP: Set = Set::new(
    "TCA_CGROUP",
    &[row(1, "actions", action::LIST), row(2, "police", OLD_POLICE), row(3, "ematch", ematch::TREE)],
);

/// `TCA_FLOW_*`.
static FLOW: Set = Set::new(
    "TCA_FLOW",
    &[
        row(1, "flow_keys", Is::Bits(U32, FLOW_KEYS)),
        row(2, "mode", Is::Named(U32, &[(0, "map"), (1, "hash")])),
        row(3, "baseclass", Is::Value(class_id, TEXT)),
        row(4, "rshift", Is::Number(U32)),
        row(5, "addend", Is::Number(U32)),
        row(6, "mask", Is::Members(flow_arithmetic, FLOW_ARITHMETIC_PARTS)),
        row(7, "xor", Is::Members(flow_arithmetic, FLOW_ARITHMETIC_PARTS)),
        row(8, "divisor", Is::Number(U32)),
        row(9, "actions", action::LIST),
        row(10, "police", OLD_POLICE),
        row(11, "ematch", ematch::TREE),
        row(12, "perturb", Is::Number(U32)),
    ],
);

/// `1 << FLOW_KEY_*`.
static FLOW_KEYS: &Names = &[
    (1 << 0, "src"),
    (1 << 1, "dst"),
    (1 << 2, "proto"),
    (1 << 3, "proto-src"),
    (1 << 4, "proto-dst"),
    (1 << 5, "iif"),
    (1 << 6, "priority"),
    (1 << 7, "mark"),
    (1 << 8, "nfct"),
    (1 << 9, "nfct-src"),
    (1 << 10, "nfct-dst"),
    (1 << 11, "nfct-proto-src"),
    (1 << 12, "nfct-proto-dst"),
    (1 << 13, "rt-classid"),
    (1 << 14, "sk-uid"),
    (1 << 15, "sk-gid"),
    (1 << 16, "vlan-tag"),
    (1 << 17, "rxhash"),
];

/// The members that [`flow_arithmetic`] writes.
const FLOW_ARITHMETIC_PARTS: &[Part] = &[Part::number("and"), Part::number("xor"), Part::number("or")];

/// `TCA_FLOW_MASK` and `TCA_FLOW_XOR`, as `and`, `xor` and `or`, written by the first that is there.
fn flow_arithmetic(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    const MASK: u16 = 6;
    const XOR: u16 = 7;
    let mask = context.sibling(MASK).map(u32_of).transpose()?;
    if context.number() == XOR && mask.is_some() {
        return Ok(());
    }
    let value = context.sibling(XOR).map(u32_of).transpose()?.unwrap_or_default();
    let mask = mask.unwrap_or(u32::MAX);
    if mask != u32::MAX {
        write_number(out, "and", mask.into());
    }
    for (key, bits) in [("xor", mask & value), ("or", !mask & value)] {
        if bits != 0 {
            write_number(out, key, bits.into());
        }
    }
    Ok(())
}

/// `TCA_FW_*`. The mask is told with the mark.
static FW: Set = Set::new(
    "TCA_FW",
    &[
        row(1, "classid", Is::Value(class_id, TEXT)),
        row(2, "police", OLD_POLICE),
        row(3, "indev", Is::Text),
        row(4, "actions", action::LIST),
        row(TCA_FW_MASK, "mask", Is::Known),
    ],
);

/// `TCA_FW_MASK`.
const TCA_FW_MASK: u16 = 5;

/// `TCA_MATCHALL_*`.
static MATCHALL: Set = Set::new(
    "TCA_MATCHALL",
    &[
        row(1, "flowid", Is::Value(class_id, TEXT)),
        row(2, "actions", action::LIST),
        row(3, "flags", Is::Flags(U32, FILTER_FLAGS)),
        // struct tc_matchall_pcnt.
        row(4, "rule_hit", Is::Number(U64)).volatile(),
        row(5, "pad", Is::Known),
    ],
);

/// `TCA_ROUTE4_*`. `tc` calls both realms `name`.
static ROUTE: Set = Set::new(
    "TCA_ROUTE4",
    &[
        row(1, "flowid", Is::Value(class_id, TEXT)),
        row(2, "to", Is::NamedId(U32, REALMS)),
        row(3, "from", Is::NamedId(U32, REALMS)),
        row(4, "fromif", Is::Link),
        row(5, "police", OLD_POLICE),
        row(6, "actions", action::LIST),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::NoLinks;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::tc::FILTER;
    use crate::kinds::rtnetlink::tc::testing::members;
    use crate::netlink::wire::append_attribute;

    fn written(header: [u32; 4], kind: &str, options: &[u8]) -> String {
        let mut payload = vec![0; 4];
        header.iter().for_each(|number| payload.extend_from_slice(&number.to_ne_bytes()));
        append_attribute(&mut payload, TCA_KIND, kind.as_bytes());
        append_attribute(&mut payload, TCA_OPTIONS, options);
        let mut out = Json::new();
        write_object(&mut out, &FILTER, &FILTER.context(&payload, &NoLinks));
        String::from_utf8_lossy(out.bytes()).into_owned()
    }

    #[test]
    fn a_block_has_no_interface() {
        let information = 77 << 16 | u32::from(0x0800u16.to_be());
        assert_eq!(
            written([BLOCK, 0, 7, information], "matchall", &[]),
            r#"{"block":7,"protocol":"ip","pref":77,"kind":"matchall","options":{}}"#
        );
        assert!(written([3, 0, INGRESS, 0], "matchall", &[]).starts_with(r#"{"ifindex":3,"dev":"if3","ingress":true"#));
    }

    #[test]
    fn handles_have_the_form_of_their_kind() {
        let options = |kind, handle| written([3, handle, 0x1_0000, 0], kind, &[]);
        assert!(options("flower", 1).contains(r#""options":{"handle":1,"keys":{}}"#));
        assert!(options("fw", 16).contains(r#""options":{"fw":{"mark":16,"mask":4294967295}}"#));
        assert!(options("u32", 0x8000_0800).contains(r#""options":{"fh":"800::800","order":2048}"#));
        assert!(options("u32", 0x0010_7800).contains(r#""options":{"fh":"1:7:800","order":2048}"#));
        assert!(options("route", 0x0005_8000).contains(r#""options":{"fh":"0x00058000"}"#));
        assert!(options("other", 1).contains(r#""error":"a kind that is not known""#));
    }

    #[test]
    fn an_attribute_of_flower_that_is_not_known_is_told_once() {
        let mut options = Vec::new();
        append_attribute(&mut options, 102, &[2]);
        append_attribute(&mut options, 999, &[1]);
        let line = written([3, 1, 0x1_0000, 0], "flower", &options);
        assert!(line.contains(r#""keys":{"num_of_vlans":2},"unknown":[{"attr":999,"hex":"01"}]}"#), "{line}");
    }

    #[test]
    fn the_arithmetic_of_flow_is_told_once() {
        let mut set = Vec::new();
        append_attribute(&mut set, 6, &0xff00u32.to_ne_bytes());
        append_attribute(&mut set, 7, &0x0ff0u32.to_ne_bytes());
        assert_eq!(members(&FILTER, &set, 6, flow_arithmetic, &[]), r#"{"and":65280,"xor":3840,"or":240}"#);
        assert_eq!(members(&FILTER, &set, 7, flow_arithmetic, &[]), "{}");
    }
}
