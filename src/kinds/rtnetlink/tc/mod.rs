//! `qdisc`, `class`, `filter`, `chain` and `tc_action`: traffic control. `struct tcmsg`, `struct tcamsg`, `TCA_*`:
//! `include/uapi/linux/rtnetlink.h`; the rest: `pkt_sched.h`, `pkt_cls.h`, `gen_stats.h` and `tc_act/` beside it.

pub mod action;
mod bpf;
mod ematch;
mod filter;
mod flower;
mod names;
mod qdisc;
mod shared;
mod statistics;
#[cfg(test)]
mod testing;
mod tree;

pub use names::{EGRESS, INGRESS, INGRESS_QDISC, TCA_KIND};

use crate::decode::key::push;
use crate::decode::schema::{Hooks, ObjectKey, PerLink, Untold};
use crate::netlink::wire::{attribute, attribute_u32, attributes, u32_at};
use libc::{
    RTM_DELACTION, RTM_DELQDISC, RTM_DELTCLASS, RTM_DELTFILTER, RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER,
    RTM_NEWACTION, RTM_NEWQDISC, RTM_NEWTCLASS, RTM_NEWTFILTER, RTNLGRP_TC,
};

use self::names::{TCA_OPTIONS, TCA_STATS2};
use self::shared::{ROOT, class_id, u32_of, write_class_id, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, DumpRequest, Identity, Interface, Is, Kind, Part, Row, Scalar::*, Set, Structure, TEXT, field, field_of,
    row,
};
use crate::decode::title::{Word, detail, named, word};
use crate::json::Json;
use crate::kinds::rtnetlink::numbers::{RTM_DELCHAIN, RTM_GETCHAIN, RTM_NEWCHAIN};
use crate::kinds::rtnetlink::shared::write_true;

/// `RTM_NEWQDISC` and `RTM_DELQDISC`.
pub static QDISC: Kind = Kind {
    name: "qdisc",
    about: "queueing disciplines",
    title: &[
        word("kind"),
        word("handle"),
        word("root"),
        named("parent"),
        word("options").as_detail(),
        named("ingress_block").as_detail(),
        named("egress_block").as_detail(),
    ],
    groups: &[RTNLGRP_TC],
    new: RTM_NEWQDISC,
    delete: RTM_DELQDISC,
    header: &QDISC_HEADER,
    set: &QDISC_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity {
        header: &[(4, 4), (8, 4), (12, 4)],
        attributes: &[],
        members: &["ifindex", "handle", "parent"],
    }),
    dumps: &[DumpRequest { message: RTM_GETQDISC, header: &[0; 20], attributes: &[], per_link: None }],
    hooks: Hooks { untold: Untold::Of(changes_untold), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// Whether a queueing discipline changes with nothing near it that is told: the schedule that `taprio` has for later becomes the one
/// that it follows when its time has come (`switch_schedules`).
fn changes_untold(payload: &[u8]) -> bool {
    attribute(QDISC.attributes(payload), TCA_KIND) == Some(b"taprio\0")
}

/// `RTM_NEWTCLASS` and `RTM_DELTCLASS`.
pub static CLASS: Kind = Kind {
    name: "class",
    about: "classes of queueing disciplines",
    title: &[
        word("class"),
        word("handle"),
        word("root"),
        named("parent"),
        detail("leaf"),
        detail("rate"),
        detail("ceil"),
        detail("prio"),
        word("options").as_detail(),
    ],
    groups: &[RTNLGRP_TC],
    new: RTM_NEWTCLASS,
    delete: RTM_DELTCLASS,
    header: &CLASS_HEADER,
    set: &CLASS_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4), (8, 4)], attributes: &[], members: &["ifindex", "class", "handle"] }),
    dumps: &[DumpRequest {
        message: RTM_GETTCLASS,
        header: &[0; 20],
        attributes: &[],
        per_link: Some(PerLink::Header(4)),
    }],
    hooks: Hooks { is_object: Some(is_class), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `tcm_parent`: the offset in `struct tcmsg`.
const PARENT_AT: usize = 12;

/// `RTM_NEWTFILTER` and `RTM_DELTFILTER`.
pub static FILTER: Kind = Kind {
    name: "filter",
    about: "filters of queueing disciplines, with their actions",
    title: &[
        word("kind"),
        word("ingress"),
        word("egress"),
        word("root"),
        named("parent"),
        named("block"),
        named("protocol"),
        named("pref"),
        named("chain").unless(&["0"]),
        word("options.handle").or("options.fh").after("handle"),
        word("options.fw.mark").after("mark"),
        word("options.keys").as_detail(),
        word("options.actions").after("actions").each(ACTION).as_detail(),
        word("options.flowid").after("flowid").as_detail(),
    ],
    groups: &[RTNLGRP_TC],
    new: RTM_NEWTFILTER,
    delete: RTM_DELTFILTER,
    header: &FILTER_HEADER,
    set: &FILTER_ATTRIBUTES,
    interface: Interface::Header(4),
    // Interface or TCM_IFINDEX_MAGIC_BLOCK, handle, priority and protocol. And the parent, by `filter_parent`.
    identity: Some(Identity {
        header: &[(4, 4), (8, 4), (16, 4)],
        attributes: &[TCA_KIND, TCA_CHAIN],
        members: &[
            "block|ifindex",
            "parent",
            "ingress",
            "egress",
            "root",
            "protocol",
            "pref",
            "kind",
            "chain",
            "handle",
            "options.handle",
            "options.fh",
            "options.fw.mark",
        ],
    }),
    dumps: FILTER_DUMPS,
    hooks: Hooks { key: Some(write_filter_key), is_object: Some(is_filter), parent_at: Some(PARENT_AT), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// An action of a filter, in its title.
const ACTION: &[Word] = &[word("kind"), word("control_action.type"), word("to_dev")];

/// `RTM_NEWCHAIN` and `RTM_DELCHAIN`.
pub static CHAIN: Kind = Kind {
    name: "chain",
    about: "chains of filters",
    title: &[
        word("chain"),
        word("ingress"),
        word("egress"),
        word("root"),
        named("parent"),
        named("block"),
        word("kind").as_detail(),
    ],
    groups: &[RTNLGRP_TC],
    new: RTM_NEWCHAIN,
    delete: RTM_DELCHAIN,
    header: &CHAIN_HEADER,
    set: &FILTER_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity {
        header: &[(4, 4), (12, 4)],
        attributes: &[TCA_CHAIN],
        members: &["block|ifindex", "parent", "ingress", "egress", "root", "chain"],
    }),
    dumps: CHAIN_DUMPS,
    hooks: Hooks { parent_at: Some(PARENT_AT), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `RTM_NEWACTION` and `RTM_DELACTION`: actions by themselves; those that a filter makes come with the filter.
pub static TC_ACTION: Kind = Kind {
    name: "tc_action",
    about: "actions of filters, as objects of their own",
    title: &[
        word("kind"),
        named("index"),
        word("control_action.type").as_detail(),
        word("mirred_action").as_detail(),
        word("direction").as_detail(),
        word("to_dev").as_detail(),
        detail("rate"),
        detail("burst"),
    ],
    groups: &[RTNLGRP_TC],
    new: RTM_NEWACTION,
    delete: RTM_DELACTION,
    header: &ACTION_HEADER,
    set: &ACTION_ATTRIBUTES,
    // Kind and index lie inside the nests.
    identity: Some(Identity { header: &[], attributes: &[], members: &["kind", "index"] }),
    split: &[&[TCA_ROOT_TAB, 0]],
    // RTM_GETACTION shows one kind of action, which the request must name: nothing to ask in general.
    dumps: &[],
    hooks: Hooks { key: Some(write_action_key), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `TCA_HW_OFFLOAD`: true where the hardware does it, else left out.
fn offloaded(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.first().is_some_and(|&offloaded| offloaded != 0) {
        write_true(out, "offloaded");
    }
    Ok(())
}

/// `TCA_CHAIN`.
const TCA_CHAIN: u16 = 11;
/// `TCA_ROOT_TAB`, or `TCA_ACT_TAB`: a nest with actions, each under its place.
pub const TCA_ROOT_TAB: u16 = 1;

static QDISC_HEADER: Structure = Structure::new(
    "tcmsg",
    20,
    &[
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "dev", Is::Link),
        field_of(8, 4, "handle", Is::Value(qdisc_handle, TEXT)),
        field_of(12, 4, "parent", Is::Members(qdisc_parent, PARENT_PARTS)),
        // tcm_info.
        field(16, "refcnt", Is::NumberUnless(U32, 1)).volatile(),
    ],
);

static CLASS_HEADER: Structure = Structure::new(
    "tcmsg",
    20,
    &[
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "dev", Is::Link),
        field_of(8, 4, "handle", Is::Value(class_id, TEXT)),
        field_of(12, 4, "parent", Is::Members(class_parent, PARENT_PARTS)),
        // tcm_info: the queueing discipline inside the class.
        field_of(16, 4, "leaf", Is::Members(class_leaf, &[Part::number("leaf")])),
    ],
);

static FILTER_HEADER: Structure = Structure::new(
    "tcmsg",
    20,
    &[
        field_of(4, 4, "dev", filter::DEVICE),
        field_of(8, 4, "handle", filter::BARE_HANDLE),
        // It has two names for what comes in, and no other parent makes the same filter.
        field_of(12, 4, "parent", filter::PARENT).volatile(),
        // tcm_info.
        field_of(16, 4, "protocol", filter::PROTOCOL_AND_PRIORITY),
    ],
);

static CHAIN_HEADER: Structure =
    Structure::new("tcmsg", 20, &[field_of(4, 4, "dev", filter::DEVICE), field_of(12, 4, "parent", filter::PARENT)]);

static ACTION_HEADER: Structure = Structure::new("tcamsg", 4, &[]);

/// `TCA_*`, as queueing disciplines have them.
const ROWS: [Row; 16] = [
    row(TCA_KIND, "kind", Is::Text),
    row(TCA_OPTIONS, "options", Is::Chosen(&qdisc::OPTIONS)),
    row(3, "stats", statistics::OLD_STATISTICS).volatile(),
    // What TCA_STATS_APP says, once more.
    row(4, "xstats", Is::Known),
    row(5, "estimator", Is::Structure(&statistics::ESTIMATOR)),
    row(6, "fcnt", Is::Number(U32)),
    row(TCA_STATS2, "stats2", Is::Inline(&statistics::STATISTICS)).volatile(),
    row(8, "stab", Is::Set(&qdisc::SIZE_TABLE)),
    row(9, "pad", Is::Known),
    row(10, "dump_invisible", Is::Present),
    row(TCA_CHAIN, "chain", Is::Number(U32)),
    row(12, "offloaded", Is::Members(offloaded, &[Part::bool("offloaded")])),
    row(13, "ingress_block", Is::NumberUnless(U32, 0)),
    row(14, "egress_block", Is::NumberUnless(U32, 0)),
    row(15, "dump_flags", Is::Structure(&BIT_FIELD)),
    row(16, "warn", Is::Text),
];

static QDISC_ATTRIBUTES: Set = Set::new("TCA", &ROWS);

/// The options of a class stand among its other members.
static CLASS_ATTRIBUTES: Set = Set::new(
    "TCA",
    &const {
        let mut rows = ROWS;
        rows[0] = row(TCA_KIND, "class", Is::Text);
        rows[1] = row(TCA_OPTIONS, "options", Is::Chosen(&qdisc::CLASS_OPTIONS));
        rows[6] = row(TCA_STATS2, "stats", Is::Set(&statistics::STATISTICS)).volatile();
        rows
    },
);

static FILTER_ATTRIBUTES: Set = Set::new(
    "TCA",
    &const {
        let mut rows = ROWS;
        rows[1] = row(TCA_OPTIONS, "options", filter::BY_KIND);
        rows
    },
);

/// `struct nla_bitfield32`: bits, and which of them are meant.
static BIT_FIELD: Structure =
    Structure::new("nla_bitfield32", 8, &[field(0, "value", Is::Number(U32)), field(4, "selector", Is::Number(U32))]);

/// `TCA_ROOT_*`. All but the actions belong to the message, not to one of them.
static ACTION_ATTRIBUTES: Set = Set::new(
    "TCA_ROOT",
    &[
        row(TCA_ROOT_TAB, "actions", action::SINGLE),
        row(2, "flags", Is::Known),
        row(3, "count", Is::Known),
        row(4, "time_delta", Is::Known),
        row(5, "warn", Is::Text),
    ],
);

/// The filters at the root, and those of packets that come in and go out. Those of other classes come with their first
/// notification, as do those of shared blocks.
const FILTER_DUMPS: &[DumpRequest] = &[
    DumpRequest { message: RTM_GETTFILTER, header: &[0; 20], attributes: &[], per_link: Some(PerLink::Header(4)) },
    DumpRequest {
        message: RTM_GETTFILTER,
        header: &INGRESS_HEADER,
        attributes: &[],
        per_link: Some(PerLink::Header(4)),
    },
    DumpRequest {
        message: RTM_GETTFILTER,
        header: &EGRESS_HEADER,
        attributes: &[],
        per_link: Some(PerLink::Header(4)),
    },
];

const CHAIN_DUMPS: &[DumpRequest] = &[
    DumpRequest { message: RTM_GETCHAIN, header: &[0; 20], attributes: &[], per_link: Some(PerLink::Header(4)) },
    DumpRequest { message: RTM_GETCHAIN, header: &INGRESS_HEADER, attributes: &[], per_link: Some(PerLink::Header(4)) },
    DumpRequest { message: RTM_GETCHAIN, header: &EGRESS_HEADER, attributes: &[], per_link: Some(PerLink::Header(4)) },
];

/// `struct tcmsg` with only its parent.
const INGRESS_HEADER: [u8; 20] = {
    let [a, b, c, d] = INGRESS.to_ne_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0]
};

const EGRESS_HEADER: [u8; 20] = {
    let [a, b, c, d] = EGRESS.to_ne_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0]
};

/// The handle of a queueing discipline: `1:`.
fn qdisc_handle(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.display(format_args!("{:x}:", u32_of(payload)? >> 16));
    Ok(())
}

/// The members that [`class_parent`] writes.
const PARENT_PARTS: &[Part] = &[Part::bool("root"), Part::text("parent")];

/// `root`, or the class that it is in; nothing where it is in none.
fn qdisc_parent(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if u32_of(payload)? == 0 { Ok(()) } else { class_parent(out, context, payload) }
}

/// `root`, or the class that it is in.
fn class_parent(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match u32_of(payload)? {
        ROOT => write_true(out, "root"),
        parent => {
            out.key("parent");
            write_class_id(out, parent);
        }
    }
    Ok(())
}

/// The major number of the queueing discipline inside a class, where there is one.
fn class_leaf(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let leaf = u32_of(payload)?;
    if leaf != 0 {
        write_number(out, "leaf", (leaf >> 16).into());
    }
    Ok(())
}

/// What a filter hangs on. What comes in has two names. Those of `u32` have their handles by the queueing discipline, and
/// the kernel shows them under each of its classes where others of the priority are (`u32_walk`).
fn filter_parent(payload: &[u8], set: &[u8]) -> u32 {
    const MAJOR: u32 = 0xffff_0000;
    let parent = u32_at(payload, 12).unwrap_or_default();
    let block = u32_at(payload, 4) == Some(u32::MAX);
    if !block && attribute(set, TCA_KIND) == Some(b"u32\0") {
        parent & MAJOR
    } else if parent == INGRESS_QDISC {
        INGRESS
    } else {
        parent
    }
}

fn write_filter_key(key: &mut ObjectKey, payload: &[u8], set: &[u8]) {
    key.extend_from_slice(&filter_parent(payload, set).to_ne_bytes());
}

/// Of an object of actions: the one action in it, by its kind and index.
fn write_action_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    let nest = attribute(set, TCA_ROOT_TAB).unwrap_or_default();
    let action = attributes(nest).next().map(|found| found.payload).unwrap_or_default();
    push(key, attribute(action, action::TCA_ACT_KIND));
    push(key, action::index(action));
}

/// Classes of these are flows that have packets waiting: they come and go with packets, nobody makes one, and the kernel tells of
/// none (their `cl_ops->walk` shows what is in use).
const FLOWS: [&[u8]; 6] = [b"cake\0", b"choke\0", b"fq\0", b"fq_codel\0", b"fq_pie\0", b"sfq\0"];

/// Whether a class is one that somebody has made, or that stands for as long as its queueing discipline.
fn is_class(payload: &[u8]) -> bool {
    attribute(CLASS.attributes(payload), TCA_KIND).is_none_or(|kind| !FLOWS.contains(&kind))
}

/// Dumps of filters have rows that no notification tells of: one for all filters of a priority, which has no handle, and
/// the table that `u32` makes for itself (`TC_U32_ROOT` without its bits for bucket and place). Of `fw` that one may be a filter:
/// one without options takes classes from marks (`fw_classify`). A filter that is told before it has its handle (`mall_change`,
/// `cls_cgroup_change`) is not one yet.
fn is_filter(payload: &[u8]) -> bool {
    const OWN_TABLE: u32 = 0x8000_0000;
    const BUCKET_AND_PLACE: u32 = 0x000f_ffff;
    let handle = u32_at(payload, HANDLE_AT).unwrap_or_default();
    let kind = attribute(FILTER.attributes(payload), TCA_KIND).unwrap_or_default();
    (handle != 0 || is_fw(payload)) && !(handle & OWN_TABLE != 0 && handle & BUCKET_AND_PLACE == 0 && kind == b"u32\0")
}

/// What tells the filters of one priority from all others: interface, parent, `tcm_info` (priority and protocol) and chain.
pub type Priority = (u32, u32, u32, Option<u32>);

/// The priority of a filter that is alone there, and whether it is the filter itself and not the row of the priority before it. The
/// kernel leaves such a filter out of a dump where it does not fit into a datagram behind that row, since it counts it all the
/// same (`mall_walk`, `cls_cgroup_walk`).
pub fn alone_in_priority(payload: &[u8]) -> Option<(Priority, bool)> {
    let set = FILTER.attributes(payload);
    let is_alone = attribute(set, TCA_KIND).is_some_and(|kind| [&b"matchall\0"[..], b"cgroup\0"].contains(&kind));
    let number = |at| u32_at(payload, at);
    let priority = (number(4)?, number(12)?, number(16)?, attribute_u32(set, TCA_CHAIN));
    is_alone.then_some((priority, !is_without_handle(payload)))
}

/// Whether a queueing discipline is neither the root's nor one of both directions, and has a handle by which others can be
/// attached to it.
pub fn is_inner(payload: &[u8]) -> bool {
    let (handle, parent) = (u32_at(payload, HANDLE_AT), u32_at(payload, PARENT_AT));
    const ROOT: u32 = u32::MAX;
    // `TC_H_CLSACT`, which is `TC_H_INGRESS`: the parent of what is for both directions.
    const BOTH_DIRECTIONS: u32 = 0xffff_fff1;
    handle != Some(0) && !matches!(parent, None | Some(ROOT | BOTH_DIRECTIONS))
}

/// Whether a filter is one of `fw`.
pub fn is_fw(payload: &[u8]) -> bool {
    attribute(FILTER.attributes(payload), TCA_KIND) == Some(b"fw\0")
}

/// Whether a filter has no handle (`tcm_handle`).
pub fn is_without_handle(payload: &[u8]) -> bool {
    u32_at(payload, HANDLE_AT) == Some(0)
}

/// Where `tcm_handle` stands in `struct tcmsg`.
const HANDLE_AT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    use crate::decode::key;
    use crate::netlink::wire::append_attribute;

    fn filter(ifindex: u32, handle: u32, parent: u32, kind: &[u8]) -> ObjectKey {
        let mut payload = vec![0; 4];
        [ifindex, handle, parent, 7].iter().for_each(|number| payload.extend_from_slice(&number.to_ne_bytes()));
        append_attribute(&mut payload, TCA_KIND, kind);
        let mut key = ObjectKey::new();
        key::write(&mut key, &FILTER, &payload);
        key
    }

    #[test]
    fn what_comes_in_has_two_names() {
        let known = |parent| filter(3, 1, parent, b"flower\0");
        assert_eq!(known(INGRESS), known(INGRESS_QDISC));
        assert_ne!(known(INGRESS), known(EGRESS));
        assert_ne!(known(0x1_0000), known(0x1_0010));
    }

    #[test]
    fn filters_of_u32_are_known_by_their_discipline() {
        let known = |ifindex, parent| filter(ifindex, 0x8000_0800, parent, b"u32\0");
        assert_eq!(known(3, 0x1_0000), known(3, 0x1_0010));
        assert_ne!(known(3, 0x1_0000), known(3, 0x2_0000));
        // The number of a block stands in the parent's place.
        assert_ne!(known(u32::MAX, 7), known(u32::MAX, 8));
    }

    #[test]
    fn an_action_is_known_by_kind_and_index() {
        let action = |kind: &[u8], index: u32| {
            let mut parameters = Vec::new();
            append_attribute(&mut parameters, 2, &[&index.to_ne_bytes()[..], &[0; 16]].concat());
            let mut action = Vec::new();
            append_attribute(&mut action, action::TCA_ACT_KIND, kind);
            append_attribute(&mut action, action::TCA_ACT_OPTIONS, &parameters);
            let mut nest = Vec::new();
            append_attribute(&mut nest, 1, &action);
            let mut payload = vec![0; 4];
            append_attribute(&mut payload, TCA_ROOT_TAB, &nest);
            let mut key = ObjectKey::new();
            key::write(&mut key, &TC_ACTION, &payload);
            key
        };
        assert_ne!(action(b"gact\0", 1), action(b"gact\0", 2));
        assert_ne!(action(b"gact\0", 1), action(b"mirred\0", 1));
        assert_eq!(action(b"gact\0", 1), action(b"gact\0", 1));
    }
}
