//! `qdisc`, `class`, `filter`, `chain` and `tc_action`: traffic control. `struct tcmsg`, `struct tcamsg`, `TCA_*`:
//! `include/uapi/linux/rtnetlink.h`; the rest: `pkt_sched.h`, `pkt_cls.h`, `gen_stats.h` and `tc_act/` beside it.

pub mod action;
mod bpf;
mod ematch;
mod filter;
mod flower;
mod names;
mod qdisc;
mod statistics;
#[cfg(test)]
mod testing;
mod tree;
mod value;

pub use names::{EGRESS, INGRESS, INGRESS_QDISC, TCA_KIND};

use libc::{
    RTM_DELACTION, RTM_DELQDISC, RTM_DELTCLASS, RTM_DELTFILTER, RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER,
    RTM_NEWACTION, RTM_NEWQDISC, RTM_NEWTCLASS, RTM_NEWTFILTER, RTNLGRP_TC,
};

use self::names::{TCA_OPTIONS, TCA_STATS2};
use self::value::{ROOT, class_id, u32_of, write_class_id, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Dump, Identity, Interface, Is, Kind, Part, Row, Scalar::*, Set, Structure, TEXT, field, field_of, row,
};
use crate::json::Json;
use crate::kinds::rtnetlink::numbers::{RTM_DELCHAIN, RTM_GETCHAIN, RTM_NEWCHAIN};
use crate::kinds::rtnetlink::shared::write_true;

/// `RTM_NEWQDISC` and `RTM_DELQDISC`.
pub static QDISC: Kind = Kind {
    name: "qdisc",
    about: "queueing disciplines",
    groups: &[RTNLGRP_TC],
    new: RTM_NEWQDISC,
    delete: RTM_DELQDISC,
    families: &[],
    header: &QDISC_HEADER,
    set: &QDISC_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4), (8, 4), (12, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump { message: RTM_GETQDISC, header: &[0; 20], attributes: &[], per_link: None }],
};

/// `RTM_NEWTCLASS` and `RTM_DELTCLASS`.
pub static CLASS: Kind = Kind {
    name: "class",
    about: "classes of queueing disciplines",
    groups: &[RTNLGRP_TC],
    new: RTM_NEWTCLASS,
    delete: RTM_DELTCLASS,
    families: &[],
    header: &CLASS_HEADER,
    set: &CLASS_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4), (8, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump { message: RTM_GETTCLASS, header: &[0; 20], attributes: &[], per_link: Some(4) }],
};

/// `RTM_NEWTFILTER` and `RTM_DELTFILTER`.
pub static FILTER: Kind = Kind {
    name: "filter",
    about: "filters of queueing disciplines, with their actions",
    groups: &[RTNLGRP_TC],
    new: RTM_NEWTFILTER,
    delete: RTM_DELTFILTER,
    families: &[],
    header: &FILTER_HEADER,
    set: &FILTER_ATTRIBUTES,
    interface: Interface::Header(4),
    // Interface or TCM_IFINDEX_MAGIC_BLOCK, handle, priority and protocol. The parent: mirror/identity.rs.
    identity: Some(Identity { header: &[(4, 4), (8, 4), (16, 4)], attributes: &[TCA_KIND, TCA_CHAIN] }),
    split: &[],
    partial: false,
    dumps: FILTER_DUMPS,
};

/// `RTM_NEWCHAIN` and `RTM_DELCHAIN`.
pub static CHAIN: Kind = Kind {
    name: "chain",
    about: "chains of filters",
    groups: &[RTNLGRP_TC],
    new: RTM_NEWCHAIN,
    delete: RTM_DELCHAIN,
    families: &[],
    header: &CHAIN_HEADER,
    set: &FILTER_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4), (12, 4)], attributes: &[TCA_CHAIN] }),
    split: &[],
    partial: false,
    dumps: CHAIN_DUMPS,
};

/// `RTM_NEWACTION` and `RTM_DELACTION`: actions by themselves; those that a filter makes come with the filter.
pub static TC_ACTION: Kind = Kind {
    name: "tc_action",
    about: "actions of filters, as objects of their own",
    groups: &[RTNLGRP_TC],
    new: RTM_NEWACTION,
    delete: RTM_DELACTION,
    families: &[],
    header: &ACTION_HEADER,
    set: &ACTION_ATTRIBUTES,
    interface: Interface::None,
    // Kind and index lie inside the nests: mirror/identity.rs.
    identity: Some(Identity { header: &[], attributes: &[] }),
    split: &[&[TCA_ROOT_TAB, 0]],
    partial: false,
    // RTM_GETACTION shows one kind of action, which the request must name: nothing to ask in general.
    dumps: &[],
};

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
    row(12, "offloaded", Is::Flags(U8, &[(1, "offloaded")])),
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
const FILTER_DUMPS: &[Dump] = &[
    Dump { message: RTM_GETTFILTER, header: &[0; 20], attributes: &[], per_link: Some(4) },
    Dump { message: RTM_GETTFILTER, header: &INGRESS_HEADER, attributes: &[], per_link: Some(4) },
    Dump { message: RTM_GETTFILTER, header: &EGRESS_HEADER, attributes: &[], per_link: Some(4) },
];

const CHAIN_DUMPS: &[Dump] = &[
    Dump { message: RTM_GETCHAIN, header: &[0; 20], attributes: &[], per_link: Some(4) },
    Dump { message: RTM_GETCHAIN, header: &INGRESS_HEADER, attributes: &[], per_link: Some(4) },
    Dump { message: RTM_GETCHAIN, header: &EGRESS_HEADER, attributes: &[], per_link: Some(4) },
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
