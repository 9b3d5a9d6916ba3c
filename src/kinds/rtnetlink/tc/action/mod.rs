//! Actions of filters: `TCA_ACT_*`, and the options of each kind: a file for those that do something alike. `pkt_cls.h`,
//! `tc_act/`.

mod connection;
mod edit;
mod gate;
mod generic;
mod mirred;
pub(super) mod police;
mod wrap;

use super::shared::{u32_of, write_number};
use super::statistics;
use crate::decode::context::Context;
use crate::decode::schema::{Among, Choice, Decoded, Is, Level, NUMBER, Names, Part, Set, Shape, TEXT, Wrong, row};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::shared::write_true;
use crate::netlink::wire::{attribute, attributes, u32_at};

/// `TCA_ACT_*`; the options of its kind stand among the other members.
static ACTION: Set = Set::new(
    "TCA_ACT",
    &[
        row(TCA_ACT_KIND, "kind", Is::Text),
        row(TCA_ACT_OPTIONS, "options", Is::Chosen(&OPTIONS)),
        row(TCA_ACT_INDEX, "index", Is::Members(terse_index, &[Part::number("index")])),
        row(4, "stats", Is::Set(&statistics::STATISTICS)).volatile(),
        row(5, "pad", Is::Known),
        row(6, "cookie", Is::Hex),
        row(
            TCA_ACT_FLAGS,
            "flags",
            Is::Members(flags, &[Part::bool("no_percpu"), Part::bool("skip_hw"), Part::bool("skip_sw")]),
        ),
        row(8, "hw_stats", Is::Value(hardware_statistics, &Shape::List(TEXT))),
        row(9, "used_hw_stats", Is::Value(hardware_statistics, &Shape::List(TEXT))).volatile(),
        row(
            10,
            "in_hw_count",
            Is::Members(in_hardware, &[Part::bool("not_in_hw"), Part::bool("in_hw"), Part::number("in_hw_count")]),
        ),
    ],
);

/// `TCA_ACT_KIND`.
pub const TCA_ACT_KIND: u16 = 1;
/// `TCA_ACT_OPTIONS`.
pub const TCA_ACT_OPTIONS: u16 = 2;
/// `TCA_ACT_INDEX`.
const TCA_ACT_INDEX: u16 = 3;
/// `TCA_ACT_FLAGS`.
const TCA_ACT_FLAGS: u16 = 7;

/// Kinds of actions: the name, the attributes of its options, and the numbers of those that begin with the action's index.
const ACTIONS: &[(&str, &Set, &[u16])] = &[
    ("bpf", &generic::BPF, &[2]),
    ("connmark", &connection::CONNMARK, &[1]),
    ("csum", &edit::CSUM, &[1]),
    ("ct", &connection::CT, &[1]),
    ("ctinfo", &connection::CTINFO, &[3]),
    ("gact", &generic::GACT, &[2]),
    ("gate", &gate::GATE, &[2]),
    ("ife", &wrap::IFE, &[1]),
    ("mirred", &mirred::MIRRED, &[2]),
    ("mpls", &wrap::MPLS, &[2]),
    ("nat", &edit::NAT, &[1]),
    ("pedit", &edit::PEDIT, &[2, 4]),
    ("police", &police::POLICE, &[1]),
    ("sample", &mirred::SAMPLE, &[2]),
    ("simple", &generic::SIMPLE, &[2]),
    ("skbedit", &edit::SKBEDIT, &[2]),
    ("skbmod", &edit::SKBMOD, &[2]),
    ("tunnel_key", &wrap::TUNNEL_KEY, &[2]),
    ("vlan", &wrap::VLAN, &[2]),
];

/// By `TCA_ACT_KIND`.
static OPTIONS: Choice = Choice { level: Level::Here, by: TCA_ACT_KIND, among: Among::Text(&OPTIONS_BY_KIND) };

static OPTIONS_BY_KIND: [(&str, Is); ACTIONS.len()] = {
    let mut by_kind = [("", Is::Known); ACTIONS.len()];
    let mut at = 0;
    while at < by_kind.len() {
        by_kind[at] = (ACTIONS[at].0, Is::Inline(ACTIONS[at].1));
        at += 1;
    }
    by_kind
};

/// A filter's actions.
pub(super) const LIST: Is = Is::Each(&ONE);

static ONE: Is = Is::Value(one, &Shape::Object(&[Part::number("order"), Part::Set(&ACTION)]));

/// One of a filter's actions. Its number is its place among them.
fn one(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_number(out, "order", context.number().into());
    write_set(out, &context.inside(payload), &ACTION, payload);
    out.end_object();
    Ok(())
}

/// The one action in a message.
pub(super) const SINGLE: Is = Is::Members(single, &[Part::Volatile("order", NUMBER), Part::Set(&ACTION)]);

/// The one action in a message that was taken apart. Its place in that message says nothing of the action itself.
fn single(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let found = attributes(payload).next().ok_or(Wrong::Because("no action"))?;
    if !context.comparing {
        write_number(out, "order", found.number.into());
    }
    write_set(out, &context.inside(found.payload), &ACTION, found.payload);
    Ok(())
}

/// The index, where there are no options in which it would be told.
fn terse_index(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(TCA_ACT_OPTIONS).is_none() {
        write_number(out, "index", u32_of(payload)?.into());
    }
    Ok(())
}

/// The index of an action, by its attributes; `None` where they do not say it.
pub fn index(set: &[u8]) -> Option<&[u8]> {
    if let Some(index) = attribute(set, TCA_ACT_INDEX) {
        return Some(index);
    }
    let kind = attribute(set, TCA_ACT_KIND)?.split(|&octet| octet == 0).next()?;
    let (.., parameters) = ACTIONS.iter().find(|(name, ..)| name.as_bytes() == kind)?;
    let options = attribute(set, TCA_ACT_OPTIONS)?;
    parameters.iter().find_map(|&number| attribute(options, number))?.get(..4)
}

/// `TCA_ACT_FLAGS_*`.
static FLAGS: &Names = &[(1, "no_percpu"), (2, "skip_hw"), (4, "skip_sw")];

/// `TCA_ACT_FLAGS_*`: those that were asked for, each a member.
fn flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (value, selector) = bit_field(payload)?;
    for &(mask, key) in FLAGS {
        if selector & mask != 0 {
            out.key(key);
            out.bool(value & mask != 0);
        }
    }
    Ok(())
}

/// `struct nla_bitfield32`: bits, and which of them are meant.
fn bit_field(payload: &[u8]) -> Result<(u64, u64), Wrong> {
    let at = |at| u32_at(payload, at).map(u64::from).ok_or(Wrong::Length(8));
    Ok((at(0)?, at(4)?))
}

/// `TCA_ACT_HW_STATS_*`: how the hardware's counters are had; `disabled` where no way is.
fn hardware_statistics(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (value, selector) = bit_field(payload)?;
    let ways = value & selector;
    out.begin_list();
    for (mask, name) in [(1, "immediate"), (2, "delayed")] {
        if ways & mask != 0 {
            out.string(name);
        }
    }
    if ways == 0 {
        out.string("disabled");
    }
    out.end_list();
    Ok(())
}

/// In how many devices' hardware it is; nothing where it was not meant for any.
fn in_hardware(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SKIP_HARDWARE: u64 = 2;
    let flags = context.sibling(TCA_ACT_FLAGS).map(bit_field).transpose()?;
    if flags.is_some_and(|(value, selector)| value & selector & SKIP_HARDWARE != 0) {
        return Ok(());
    }
    match u32_of(payload)? {
        0 => write_true(out, "not_in_hw"),
        count => {
            write_true(out, "in_hw");
            write_number(out, "in_hw_count", count.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn an_action_is_known_by_its_index_wherever_that_is() {
        let mut options = Vec::new();
        append_attribute(&mut options, 4, &[7, 0, 0, 0, 1]);
        let mut set = Vec::new();
        append_attribute(&mut set, 1, b"pedit\0");
        append_attribute(&mut set, 2, &options);
        assert_eq!(index(&set), Some(&[7, 0, 0, 0][..]));
        append_attribute(&mut set, 3, &[9, 0, 0, 0]);
        assert_eq!(index(&set), Some(&[9, 0, 0, 0][..]));
        let mut other = Vec::new();
        append_attribute(&mut other, 1, b"other\0");
        assert_eq!(index(&other), None);
    }
}
