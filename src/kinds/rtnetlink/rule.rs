//! `rule`: policy routing rules. `struct fib_rule_hdr`, `FRA_*`: `include/uapi/linux/fib_rules.h`.

use libc::{RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE};

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Is, Kind, Names, ObjectKey, Part, Row, Set, SeverityRow, Structure,
    Wrong, field, field_of, row,
};
use crate::decode::title::{named, word};
use crate::decode::value::{any_unsigned, write_flags, write_ip, write_named, write_named_id};
use crate::event::severity::Severity;
use crate::json::{Json, Key};
use crate::kinds::rtnetlink::names::{self, DSCP, FAMILIES, IP_PROTOCOLS, ROUTE_PROTOCOLS};
use crate::kinds::rtnetlink::numbers::{AF_INET, AF_INET6, RTNL_FAMILY_IP6MR, RTNL_FAMILY_IPMR};
use crate::kinds::rtnetlink::shared::{realm, route_table, write_true};
use crate::netlink::wire::attributes;
use crate::netlink::wire::{attribute_u32, u16_at};

/// `RTM_NEWRULE` and `RTM_DELRULE`.
pub static RULE: Kind = Kind {
    name: "rule",
    about: "policy routing rules",
    title: &[
        word("family").unless(&["inet"]),
        word("priority").then(":"),
        word("not"),
        word("src").after("from"),
        word("srclen").joined("/"),
        word("dst").after("to"),
        word("dstlen").joined("/"),
        named("tos"),
        named("dscp"),
        named("fwmark"),
        word("fwmask").joined("/"),
        named("iif"),
        named("oif"),
        word("l3mdev"),
        word("uid_start").after("uidrange"),
        word("uid_end").joined("-"),
        named("ipproto"),
        named("sport"),
        word("sport_start").after("sport"),
        word("sport_end").joined("-"),
        named("dport"),
        word("dport_start").after("dport"),
        word("dport_end").joined("-"),
        named("tun_id"),
        word("table").after("lookup"),
        named("suppress_prefixlen"),
        named("suppress_ifgroup"),
        word("flow_from").after("realms"),
        word("flow_to").joined("/"),
        word("masquerade"),
        named("goto"),
        word("unresolved"),
        word("nop"),
        word("action"),
        word("iif_detached").after("iif detached").as_detail(),
        word("oif_detached").after("oif detached").as_detail(),
        word("protocol").after("proto").unless(&["kernel", "unspec"]),
    ],
    groups: &[RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
    new: RTM_NEWRULE,
    delete: RTM_DELRULE,
    header: &HEADER,
    set: &ATTRIBUTES,
    // A rule never changes: it is the same by all that it says.
    identity: Some(Identity {
        header: &[(0, 8)],
        attributes: &[],
        members: &[
            "family",
            "priority",
            "src",
            "srclen",
            "dst",
            "dstlen",
            "table_id",
            "tos",
            "dscp_id",
            "fwmark",
            "fwmask",
            "iif",
            "oif",
            "ipproto_id",
            "sport",
            "sport_start",
            "dport",
            "dport_start",
            "uid_start",
            "uid_end",
            "tun_id",
            "not",
            "l3mdev",
            "goto",
            "action",
        ],
    }),
    dumps: &[
        DumpRequest {
            message: RTM_GETRULE,
            header: &[AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
        DumpRequest {
            message: RTM_GETRULE,
            header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
        DumpRequest {
            message: RTM_GETRULE,
            header: &[RTNL_FAMILY_IPMR, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
        DumpRequest {
            message: RTM_GETRULE,
            header: &[RTNL_FAMILY_IP6MR, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: None,
        },
    ],
    hooks: Hooks {
        key: Some(write_key),
        route_table: Some(route_table),
        severity: &[SeverityRow::all(Severity::Notice)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// `FRA_DST`.
pub const FRA_DST: u16 = 1;
/// `FRA_SRC`.
pub const FRA_SRC: u16 = 2;
/// `FRA_IIFNAME`.
pub const FRA_IIFNAME: u16 = 3;
/// `FRA_PRIORITY`.
pub const FRA_PRIORITY: u16 = 6;
/// `FRA_TABLE`.
pub const FRA_TABLE: u16 = 15;
/// `FRA_OIFNAME`.
pub const FRA_OIFNAME: u16 = 17;

static HEADER: Structure = Structure::new("fib_rule_hdr", 12, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    field_of(1, 0, "priority", Is::Members(priority, PRIORITY_PARTS)),
    field_of(2, 1, "src", Is::Members(source, SOURCE_PARTS)),
    field_of(1, 1, "dst", Is::Members(destination, DESTINATION_PARTS)),
    field(3, "tos", Is::NumberUnless(U8, 0)),
    field_of(4, 1, "table", Is::Members(table, TABLE_PARTS)),
    field_of(7, 1, "action", Is::Members(action, ACTION_PARTS)),
    field_of(8, 4, "flags", Is::Members(flags, FLAGS_PARTS)),
];

static ATTRIBUTES: Set = Set::new("FRA", ROWS);
const ROWS: &[Row] = &[
    row(FRA_DST, "dst", Is::Known),
    row(FRA_SRC, "src", Is::Known),
    row(FRA_IIFNAME, "iif", Is::Text),
    row(4, "goto", Is::Number(U32)),
    row(FRA_PRIORITY, "priority", Is::Known),
    row(10, "fwmark", Is::Number(U32)),
    row(11, "flow", Is::Members(flow, FLOW_PARTS)),
    row(12, "tun_id", Is::Number(U64Be)),
    row(13, "suppress_ifgroup", Is::Members(suppress_group, SUPPRESS_GROUP_PARTS)),
    row(14, "suppress_prefixlen", Is::Members(suppress_length, SUPPRESS_LENGTH_PARTS)),
    row(FRA_TABLE, "table", Is::Known),
    row(16, "fwmask", Is::Members(mask, MASK_PARTS)),
    row(FRA_OIFNAME, "oif", Is::Text),
    row(18, "pad", Is::Known),
    row(19, "l3mdev", Is::Members(l3mdev, L3MDEV_PARTS)),
    row(20, "uid_range", Is::InlineStructure(&UID_RANGE)),
    row(21, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
    row(22, "ipproto", Is::NamedId(U8, IP_PROTOCOLS)),
    row(23, "sport", Is::Members(source_ports, SOURCE_PORTS_PARTS)),
    row(24, "dport", Is::Members(destination_ports, DESTINATION_PORTS_PARTS)),
    row(25, "dscp", Is::NamedId(U8, DSCP)),
    row(26, "flowlabel", Is::Number(U32Be)),
    row(27, "flowlabel_mask", Is::Number(U32Be)),
    row(28, "sport_mask", Is::Number(U16)),
    row(29, "dport_mask", Is::Number(U16)),
    row(30, "dscp_mask", Is::Number(U8)),
];

/// `struct fib_rule_uid_range`.
static UID_RANGE: Structure = Structure::new(
    "fib_rule_uid_range",
    8,
    &[field(0, "uid_start", Is::Number(U32)), field(4, "uid_end", Is::Number(U32))],
);

/// Actions that ip names: `FR_ACT_*`. A look-up in a table goes without saying.
pub static ACTIONS: &Names = &[(6, "blackhole"), (7, "unreachable"), (8, "prohibit"), (9, "throw"), (10, "nat")];

/// `FIB_RULE_*`, each a member that is true.
pub static FLAGS: &Names =
    &[(0x1, "permanent"), (0x2, "not"), (0x4, "unresolved"), (0x8, "iif_detached"), (0x10, "oif_detached")];

/// The members that [`priority`] writes.
const PRIORITY_PARTS: &[Part] = &[Part::number("priority")];

/// The priority: 0 where the kernel leaves it out.
pub fn priority(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    out.key("priority");
    out.unsigned(attribute_u32(context.message, FRA_PRIORITY).unwrap_or_default().into());
    Ok(())
}

fn address(out: &mut Json, context: &Context<'_>, attribute: u16, keys: (&str, &str), length: &[u8]) -> Decoded {
    let length = length.first().copied().unwrap_or_default();
    if let Some(address) = context.sibling(attribute) {
        out.key(keys.0);
        write_ip(out, address)?;
        if usize::from(length) != address.len() * 8 {
            out.key(keys.1);
            out.unsigned(length.into());
        }
    } else if length != 0 {
        out.key(keys.0);
        out.string("0");
        out.key(keys.1);
        out.unsigned(length.into());
    } else if attribute == FRA_SRC {
        out.key(keys.0);
        out.string("all");
    }
    Ok(())
}

/// The members that [`source`] writes.
const SOURCE_PARTS: &[Part] = &[Part::text("src"), Part::number("srclen")];

/// The source: `all` where there is none.
pub fn source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    address(out, context, FRA_SRC, ("src", "srclen"), payload)
}

/// The members that [`destination`] writes.
const DESTINATION_PARTS: &[Part] = &[Part::text("dst"), Part::number("dstlen")];

/// The destination, where there is one.
pub fn destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    address(out, context, FRA_DST, ("dst", "dstlen"), payload)
}

/// The members that [`table`] writes.
const TABLE_PARTS: &[Part] = &[Part::text("table"), Part::number("table_id")];

/// The table: `FRA_TABLE`, which holds more than the header's octet.
pub fn table(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let header = payload.first().copied().unwrap_or_default().into();
    let table = attribute_u32(context.message, FRA_TABLE).unwrap_or(header);
    if table != 0 {
        write_named_id(out, const { &Key::new("table") }, names::TABLES, table.into());
    }
    Ok(())
}

/// The members that [`action`] writes.
const ACTION_PARTS: &[Part] = &[Part::bool("nop"), Part::bool("masquerade"), Part::text("action")];

/// `FR_ACT_*`, where it is not a look-up; a jump is told by its `goto`.
pub fn action(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match payload.first().copied().unwrap_or_default() {
        0..=2 => {}
        3 => write_true(out, "nop"),
        10 => write_true(out, "masquerade"),
        action => {
            out.key("action");
            write_named(out, ACTIONS, action.into());
        }
    }
    Ok(())
}

/// The members that [`flags`] writes.
const FLAGS_PARTS: &[Part] = &[Part::Flags(FLAGS), Part::text("other_flags")];

/// `FIB_RULE_*`: each a member that is true.
pub fn flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_flags(out, "other_flags", FLAGS, any_unsigned(payload)?);
    Ok(())
}

/// The members that [`flow`] writes.
const FLOW_PARTS: &[Part] =
    &[Part::text("flow_from"), Part::number("flow_from_id"), Part::text("flow_to"), Part::number("flow_to_id")];

/// `FRA_FLOW`.
pub fn flow(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let realms = any_unsigned(payload)?;
    if realms >> 16 != 0 {
        realm(out, const { &Key::new("flow_from") }, realms >> 16);
    }
    realm(out, const { &Key::new("flow_to") }, realms & 0xffff);
    Ok(())
}

/// The members that [`mask`] writes.
const MASK_PARTS: &[Part] = &[Part::number("fwmask")];

/// `FRA_FWMASK`, where it does not mean all bits.
pub fn mask(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mask = any_unsigned(payload)?;
    if mask != 0xffff_ffff {
        out.key("fwmask");
        out.unsigned(mask);
    }
    Ok(())
}

/// The members that [`suppress_group`] writes.
const SUPPRESS_GROUP_PARTS: &[Part] = &[Part::text("suppress_ifgroup"), Part::number("suppress_ifgroup_id")];

/// `FRA_SUPPRESS_IFGROUP`; -1 means none.
pub fn suppress_group(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let group = any_unsigned(payload)?;
    if group != 0xffff_ffff {
        write_named_id(out, const { &Key::new("suppress_ifgroup") }, &[(0, "default")], group);
    }
    Ok(())
}

/// The members that [`suppress_length`] writes.
const SUPPRESS_LENGTH_PARTS: &[Part] = &[Part::number("suppress_prefixlen")];

/// `FRA_SUPPRESS_PREFIXLEN`; -1 means none.
pub fn suppress_length(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = any_unsigned(payload)?;
    if length != 0xffff_ffff {
        out.key("suppress_prefixlen");
        out.unsigned(length);
    }
    Ok(())
}

/// The members that [`l3mdev`] writes.
const L3MDEV_PARTS: &[Part] = &[Part::bool("l3mdev")];

/// `FRA_L3MDEV`: a member only when it is set.
pub fn l3mdev(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if any_unsigned(payload)? != 0 {
        write_true(out, "l3mdev");
    }
    Ok(())
}

fn ports(out: &mut Json, payload: &[u8], keys: [&str; 3]) -> Decoded {
    let at = |offset| u16_at(payload, offset).ok_or(Wrong::Length(4));
    let (start, end) = (at(0)?, at(2)?);
    if start == end {
        out.key(keys[0]);
        out.unsigned(start.into());
    } else {
        out.key(keys[1]);
        out.unsigned(start.into());
        out.key(keys[2]);
        out.unsigned(end.into());
    }
    Ok(())
}

/// The members that [`source_ports`] writes.
const SOURCE_PORTS_PARTS: &[Part] = &[Part::number("sport"), Part::number("sport_start"), Part::number("sport_end")];

/// `FRA_SPORT_RANGE`.
pub fn source_ports(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    ports(out, payload, ["sport", "sport_start", "sport_end"])
}

/// The members that [`destination_ports`] writes.
const DESTINATION_PORTS_PARTS: &[Part] =
    &[Part::number("dport"), Part::number("dport_start"), Part::number("dport_end")];

/// `FRA_DPORT_RANGE`.
pub fn destination_ports(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    ports(out, payload, ["dport", "dport_start", "dport_end"])
}

/// A rule is the same by all that it says, but for what the kernel finds out itself: FIB_RULE_UNRESOLVED,
/// FIB_RULE_IIF_DETACHED and FIB_RULE_OIF_DETACHED.
fn write_key(key: &mut ObjectKey, payload: &[u8], set: &[u8]) {
    key.push(payload.get(8).copied().unwrap_or_default() & !0x1c);
    for attribute in attributes(set) {
        key.extend_from_slice(&attribute.number.to_ne_bytes());
        push(key, Some(attribute.payload));
    }
}
