//! Links: `link`, and the two other views of one that the kernel tells of, `bridge_port` and `inet6_link`.
//!
//! Source: `linux/if_link.h`, `linux/rtnetlink.h`; the keys are those of `ip -d -j link` and `bridge -d -j link`.

use libc::{RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTNLGRP_IPV6_IFINFO, RTNLGRP_LINK};

use self::families::{FAMILIES, INET6};
use self::functions::ONE_FUNCTION;
use self::xdp::{XDP_PARTS, xdp};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, NUMBER, Part, Row, Scalar, Set, SeverityRow, Shape,
    Sides, Structure, TEXT, Untold, Wrong, field, field_of, row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::{self, unsigned};
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::rtnetlink::link_info::bridge::{BRIDGE_SPEC, PORT_INFORMATION};
use crate::kinds::rtnetlink::link_info::{INFO, aggregates};
use crate::kinds::rtnetlink::names::{LINK_FLAGS, LINK_GROUPS, LINK_MODES, LINK_TYPES, OPERATIONAL_STATES};
use crate::kinds::rtnetlink::numbers::{AF_BRIDGE, AF_INET6};
use crate::kinds::rtnetlink::shared;
use crate::kinds::rtnetlink::shared::{link_type, write_hardware};
use crate::netlink::wire::{attribute, attribute_u32, u32_at};

mod families;
mod functions;
mod xdp;

/// `IFF_UP`, of a link's flags: an administrator wants it to run.
pub const IFF_UP: u32 = 0x1;
/// `IFF_RUNNING`: it can take packets.
pub const IFF_RUNNING: u32 = 0x40;
/// `IFF_LOWER_UP`: it has a carrier.
pub const IFF_LOWER_UP: u32 = 0x1_0000;

/// `IFLA_ADDRESS`.
pub const IFLA_ADDRESS: u16 = 1;
/// `IFLA_IFNAME`.
pub const IFLA_IFNAME: u16 = 3;
/// `IFLA_MTU`.
pub const IFLA_MTU: u16 = 4;
/// `IFLA_MASTER`.
pub const IFLA_MASTER: u16 = 10;
/// `IFLA_WIRELESS`: an event of a wireless driver, not the link's state.
pub const IFLA_WIRELESS: u16 = 11;
/// `IFLA_LINKINFO`: what belongs to its kind.
pub const IFLA_LINKINFO: u16 = 18;
/// `IFLA_INFO_KIND` in it: the kind's name.
pub const IFLA_INFO_KIND: u16 = 1;
/// `IFLA_INFO_SLAVE_KIND` in it: the kind of what it is a port of.
pub const IFLA_INFO_SLAVE_KIND: u16 = 4;
/// `IFLA_PROMISCUITY`.
pub const IFLA_PROMISCUITY: u16 = 30;
/// `IFLA_NEW_NETNSID`: where a link that leaves this namespace goes.
pub const IFLA_NEW_NETNSID: u16 = 45;
/// `IFLA_PROP_LIST`: its alternative names.
pub const IFLA_PROP_LIST: u16 = 52;
/// `IFLA_ALT_IFNAME` in it: one of them.
pub const IFLA_ALT_IFNAME: u16 = 53;
/// `IFLA_NEW_IFINDEX`: its index there.
pub const IFLA_NEW_IFINDEX: u16 = 49;

/// Links, whatever their family: `RTM_NEWLINK` and `RTM_DELLINK` in `RTNLGRP_LINK`.
pub static LINK: Kind = Kind {
    name: "link",
    about: "network interfaces",
    title: &[
        word("linkinfo.info_kind").or("link_type"),
        detail("master"),
        word("link").after("on").as_detail(),
        word("linkinfo.info_data.id").after("id").as_detail(),
        word("linkinfo.info_data.mode").after("mode").as_detail(),
        word("linkinfo.info_data.table").after("table").as_detail(),
        word("linkinfo.info_data.local").after("local").as_detail(),
        word("linkinfo.info_data.remote").after("remote").as_detail(),
        word("linkinfo.info_data.active_slave").after("active_slave").as_detail(),
        detail("operstate"),
        detail("mtu"),
        word("address").as_detail(),
        word("flags").as_detail(),
        detail("altnames"),
        detail("ifalias"),
    ],
    groups: &[RTNLGRP_LINK],
    new: RTM_NEWLINK,
    delete: RTM_DELLINK,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[], members: &["ifindex"] }),
    dumps: &[DumpRequest {
        message: RTM_GETLINK,
        header: &[0; 16],
        // RTEXT_FILTER_SKIP_STATS: counters never count as a change, and make up half of a message. Virtual functions
        // are not asked for either, since notifications do not have them.
        attributes: &[(29, &8u32.to_ne_bytes())],
        per_link: None,
    }],
    hooks: Hooks {
        signals: Some(signals_of),
        untold: Untold::Of(changes_untold),
        untold_attributes: UNTOLD,
        severity: &[SeverityRow::of(Severity::Notice, "that come and go", |action, _| action != Action::Change)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// Ports of bridges: the same messages with the family `AF_BRIDGE`.
pub static BRIDGE_PORT: Kind = Kind {
    name: "bridge_port",
    about: "ports of bridges: spanning tree, flooding, learning, VLANs",
    title: &[word("master").or("ifname").after("of"), word("state").as_detail(), detail("cost"), detail("priority")],
    groups: &[RTNLGRP_LINK],
    new: RTM_NEWLINK,
    delete: RTM_DELLINK,
    families: &[AF_BRIDGE],
    header: &VIEW_HEADER,
    set: &PORT_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[], members: &["ifindex"] }),
    dumps: &[DumpRequest {
        message: RTM_GETLINK,
        header: &[AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // RTEXT_FILTER_BRVLAN_COMPRESSED: as in the notifications (`br_ifinfo_notify`).
        attributes: &[(29, &4u32.to_ne_bytes())],
        per_link: None,
    }],
    // The kernel tells nothing of what a port counts (`mcast_n_groups`): it changes with packets.
    hooks: Hooks { untold: Untold::Of(|_| true), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// The IPv6 side of links: the same messages with the family `AF_INET6`, in `RTNLGRP_IPV6_IFINFO`.
pub static INET6_LINK: Kind = Kind {
    name: "inet6_link",
    about: "IPv6 settings of interfaces, and what router advertisements made of them",
    title: &[word("link_type"), word("inet6_flags").as_detail(), detail("inet6_addr_gen_mode"), detail("mtu")],
    groups: &[RTNLGRP_IPV6_IFINFO],
    new: RTM_NEWLINK,
    delete: RTM_DELLINK,
    families: &[AF_INET6],
    header: &VIEW_HEADER,
    set: &INET6_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[], members: &["ifindex"] }),
    dumps: &[DumpRequest {
        message: RTM_GETLINK,
        header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks { untold: Untold::Everything, severity: &[SeverityRow::all(Severity::Debug)], ..Hooks::NONE },
    ..Kind::PLAIN
};

/// What of a link the kernel changes without a word, whatever the link: most of the settings in `inet_conf` and `inet6_conf`, by
/// sysctl(8); how many want all packets (`__dev_set_rx_mode`) or all multicast (`packet_dev_mc`, `netif_set_allmulti`); programs of
/// XDP that come, change and go with a file descriptor (`bpf_xdp_link_attach`); the room that a tunnel needs before and behind its
/// packets, which grows with them (`ip_tunnel_adj_headroom`).
const UNTOLD: &[u16] = &[IFLA_AF_SPEC, IFLA_PROMISCUITY, IFLA_XDP, IFLA_ALLMULTI, IFLA_HEADROOM, IFLA_TAILROOM];

/// Whether a link changes with nothing near it that is told: `netdev_state_change` tells of one that is up alone, what a bridge
/// and its ports have learned (`fdb_n_learned`, `mcast_n_groups`) and who asks there about multicast
/// (`br_multicast_select_own_querier`, `br_multicast_update_querier`) changes with packets and time, and so do LACP's states
/// (`ad_rx_machine`) and those of a CAN controller (`can_change_state`).
fn changes_untold(payload: &[u8]) -> bool {
    u32_at(payload, 8).unwrap_or_default() & IFF_UP == 0
        || is_of_bridge(payload)
        || is_of_lacp(payload)
        || information(LINK.attributes(payload), IFLA_INFO_KIND) == CAN
}

/// Whether a link is a bond that speaks LACP, or a port of one.
fn is_of_lacp(payload: &[u8]) -> bool {
    let has = |data: u16, number: u16| attribute(information(LINK.attributes(payload), data), number).is_some();
    let is_bond = |kind: u16| information(LINK.attributes(payload), kind) == BOND;
    (is_bond(IFLA_INFO_KIND) && has(IFLA_INFO_DATA, aggregates::IFLA_BOND_AD_INFO))
        || (is_bond(IFLA_INFO_SLAVE_KIND)
            && has(IFLA_INFO_SLAVE_DATA, aggregates::IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE))
}

/// Whether a link is a bridge or a bridge's port.
pub fn is_of_bridge(payload: &[u8]) -> bool {
    is_bridge(payload) || information(LINK.attributes(payload), IFLA_INFO_SLAVE_KIND) == BRIDGE
}

/// Whether a link is a bridge.
pub fn is_bridge(payload: &[u8]) -> bool {
    information(LINK.attributes(payload), IFLA_INFO_KIND) == BRIDGE
}

/// `struct ifinfomsg` (`linux/rtnetlink.h`). `ifi_change` says of a message, not of the link, what it tells.
static HEADER: Structure = Structure::new(
    "ifinfomsg",
    16,
    &[
        field(4, "ifindex", Is::Number(Scalar::I32)),
        field_of(8, 4, "flags", Is::Value(flags, FLAGS_SHAPE)),
        field(2, "link_type", Is::Named(Scalar::U16, LINK_TYPES)),
    ],
);

/// `IFLA_AF_SPEC`.
const IFLA_AF_SPEC: u16 = 26;
/// `IFLA_XDP`.
const IFLA_XDP: u16 = 43;
/// `IFLA_ALLMULTI`.
const IFLA_ALLMULTI: u16 = 61;
/// `IFLA_HEADROOM` and `IFLA_TAILROOM`.
const IFLA_HEADROOM: u16 = 68;
const IFLA_TAILROOM: u16 = 69;
/// The places of `IFLA_PROTINFO` and `IFLA_AF_SPEC`, whose meaning depends on the family.
const PROTOCOL_INFORMATION: usize = 11;
const FAMILY_SPECIFIC: usize = 25;

/// `IFLA_*`.
const ROWS: [Row; 69] = [
    row(1, "address", Is::Value(address, TEXT)),
    row(2, "broadcast", Is::Members(broadcast, BROADCAST_PARTS)),
    row(3, "ifname", Is::Text),
    row(4, "mtu", Is::Number(Scalar::U32)),
    row(5, "link", Is::Members(lower_link, LOWER_LINK_PARTS)),
    row(6, "qdisc", Is::Text),
    // The same counters as in 23, cut to 32 bits.
    row(7, "stats", Is::Known),
    row(8, "cost", Is::AnyNumber),
    row(9, "priority", Is::AnyNumber),
    row(10, "master", Is::Link),
    row(11, "wireless_event", Is::Hex).volatile(),
    row(12, "protinfo", Is::Hex),
    row(13, "txqlen", Is::Number(Scalar::U32)),
    row(14, "map", Is::Members(map, MAP_PARTS)),
    row(15, "weight", Is::Number(Scalar::U32)),
    row(16, "operstate", Is::Named(Scalar::U8, OPERATIONAL_STATES)),
    row(17, "linkmode", Is::Named(Scalar::U8, LINK_MODES)),
    row(IFLA_LINKINFO, "linkinfo", Is::Set(&INFO)),
    row(19, "net_ns_pid", Is::Number(Scalar::U32)),
    row(20, "ifalias", Is::Text),
    // What virtual functions and their ports are like is only in dumps that ask for it, never in a notification: it
    // cannot count as a change.
    row(21, "num_vf", Is::Number(Scalar::U32)).volatile(),
    row(22, "vfinfo_list", Is::Each(&ONE_FUNCTION)).volatile(),
    row(23, "stats64", Is::Value(shared::statistics, shared::STATISTICS_SHAPE)).volatile(),
    row(24, "vf_ports", Is::Each(&ONE_PORT)).volatile(),
    row(25, "port_self", Is::Set(&PORT)).volatile(),
    row(IFLA_AF_SPEC, "af_spec", Is::Inline(&FAMILIES)),
    row(27, "group", Is::NamedId(Scalar::U32, LINK_GROUPS)),
    row(28, "net_ns_fd", Is::Number(Scalar::U32)),
    row(29, "ext_mask", Is::Number(Scalar::U32)),
    row(IFLA_PROMISCUITY, "promiscuity", Is::Number(Scalar::U32)),
    row(31, "num_tx_queues", Is::Number(Scalar::U32)),
    row(32, "num_rx_queues", Is::Number(Scalar::U32)),
    row(33, "carrier", Is::Bool(Scalar::U8)),
    row(34, "phys_port_id", Is::Hex),
    row(35, "carrier_changes", Is::Number(Scalar::U32)).volatile(),
    row(36, "phys_switch_id", Is::Hex),
    row(37, "link_netnsid", Is::Number(Scalar::I32)),
    row(38, "phys_port_name", Is::Text),
    row(39, "proto_down", Is::Bool(Scalar::U8)),
    row(40, "gso_max_segs", Is::Number(Scalar::U32)),
    row(41, "gso_max_size", Is::Number(Scalar::U32)),
    row(42, "padding", Is::Known),
    row(IFLA_XDP, "xdp", Is::Members(xdp, XDP_PARTS)),
    // Why this message came: of the moment, not of the link.
    // What a notification is about, and no state: `changed` says it.
    row(44, "event", Is::Known),
    row(45, "new_netnsid", Is::Number(Scalar::I32)),
    row(46, "target_netnsid", Is::Number(Scalar::I32)),
    row(47, "carrier_up_count", Is::Number(Scalar::U32)).volatile(),
    row(48, "carrier_down_count", Is::Number(Scalar::U32)).volatile(),
    row(49, "new_ifindex", Is::Number(Scalar::I32)),
    row(50, "min_mtu", Is::Number(Scalar::U32)),
    row(51, "max_mtu", Is::Number(Scalar::U32)),
    row(IFLA_PROP_LIST, "prop_list", Is::Inline(&PROPERTIES)),
    row(IFLA_ALT_IFNAME, "altname", Is::Text),
    row(54, "permaddr", Is::Members(permanent_address, PERMANENT_ADDRESS_PARTS)),
    row(55, "proto_down_reasons", Is::Inline(&PROTOCOL_DOWN)),
    row(56, "parentdev", Is::Text),
    row(57, "parentbus", Is::Text),
    row(58, "gro_max_size", Is::Number(Scalar::U32)),
    row(59, "tso_max_size", Is::Number(Scalar::U32)),
    row(60, "tso_max_segs", Is::Number(Scalar::U32)),
    row(IFLA_ALLMULTI, "allmulti", Is::Number(Scalar::U32)),
    row(62, "devlink_port", Is::Inline(&DEVLINK_PORT)),
    row(63, "gso_ipv4_max_size", Is::Number(Scalar::U32)),
    row(64, "gro_ipv4_max_size", Is::Number(Scalar::U32)),
    row(65, "dpll_pin", Is::Inline(&DPLL_PIN)),
    row(66, "max_pacing_offload_horizon", Is::AnyNumber),
    row(67, "netns_immutable", Is::Bool(Scalar::U8)),
    row(IFLA_HEADROOM, "headroom", Is::AnyNumber),
    row(IFLA_TAILROOM, "tailroom", Is::AnyNumber),
];

static ATTRIBUTES: Set = Set::new("IFLA", &ROWS);

static PORT_ATTRIBUTES: Set = Set::new(
    "IFLA",
    &const {
        let mut rows = OF_ANOTHER_VIEW;
        rows[PROTOCOL_INFORMATION] = row(12, "protinfo", Is::Inline(&PORT_INFORMATION));
        rows[FAMILY_SPECIFIC] = row(IFLA_AF_SPEC, "af_spec", Is::Inline(&BRIDGE_SPEC));
        rows
    },
);

static INET6_ATTRIBUTES: Set = Set::new(
    "IFLA",
    &const {
        let mut rows = OF_ANOTHER_VIEW;
        rows[PROTOCOL_INFORMATION] = row(12, "protinfo", Is::Inline(&INET6));
        rows
    },
);

/// The rows as the other views of a link have them: what the link's own events tell does not count as a change there.
const OF_ANOTHER_VIEW: [Row; 69] = {
    let mut rows = ROWS;
    let mut place = 0;
    while place < rows.len() {
        rows[place] = rows[place].volatile();
        place += 1;
    }
    rows
};

/// The same of the header.
static VIEW_HEADER: Structure = Structure::new(
    "ifinfomsg",
    16,
    &[
        field(4, "ifindex", Is::Number(Scalar::I32)),
        field_of(8, 4, "flags", Is::Value(flags, FLAGS_SHAPE)).volatile(),
        field(2, "link_type", Is::Named(Scalar::U16, LINK_TYPES)),
    ],
);

/// Names of a link (`IFLA_PROP_LIST`).
static PROPERTIES: Set = Set::new("IFLA", &[row(IFLA_ALT_IFNAME, "altnames", Is::Text).repeated()]);

/// `IFLA_PROTO_DOWN_REASON_*`: numbers of bits, which a file of iproute2 may name.
static PROTOCOL_DOWN: Set = Set::new(
    "IFLA_PROTO_DOWN_REASON",
    &[
        row(1, "proto_down_reason_mask", Is::Value(bit_numbers, BIT_NUMBERS_SHAPE)),
        row(2, "proto_down_reason", Is::Value(bit_numbers, BIT_NUMBERS_SHAPE)),
    ],
);

/// The port's handle in devlink; mostly an empty nest (`DEVLINK_ATTR_*`, `linux/devlink.h`).
static DEVLINK_PORT: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        row(1, "devlink_bus_name", Is::Text),
        row(2, "devlink_dev_name", Is::Text),
        row(3, "devlink_port_index", Is::Number(Scalar::U32)),
        row(184, "devlink_index", Is::AnyNumber),
    ],
);

/// The clock's pin; mostly an empty nest (`DPLL_A_PIN_*`, `linux/dpll.h`).
static DPLL_PIN: Set = Set::new("DPLL_A_PIN", &[row(1, "dpll_pin_id", Is::Number(Scalar::U32))]);

static ONE_PORT: Is = Is::Set(&PORT);

/// `IFLA_PORT_*`: a port's profile (802.1Qbg).
static PORT: Set = Set::new(
    "IFLA_PORT",
    &[
        row(1, "vf", Is::Number(Scalar::U32)),
        row(2, "profile", Is::Text),
        row(3, "vsi_type", Is::Hex),
        row(4, "instance_uuid", Is::Hex),
        row(5, "host_uuid", Is::Hex),
        row(6, "request", Is::Number(Scalar::U8)),
        row(7, "response", Is::Number(Scalar::U16)),
    ],
);

const IFF_POINTOPOINT: u32 = 0x10;
const IFLA_LINK_NETNSID: u16 = 37;

/// `ifi_flags` of `struct ifinfomsg`.
fn link_flags(context: &Context<'_>) -> u32 {
    u32_at(context.header, 8).unwrap_or_default()
}

/// What [`flags`] writes.
const FLAGS_SHAPE: &Shape = &Shape::List(TEXT);

/// The names of a link's flags: `NO-CARRIER` for one that is up without running, as `ip link` says.
pub fn flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U32, payload)? as u32;
    out.begin_list();
    if flags & IFF_UP != 0 && flags & IFF_RUNNING == 0 {
        out.string("NO-CARRIER");
    }
    let mut rest = u64::from(flags & !IFF_RUNNING);
    for &(mask, name) in LINK_FLAGS {
        if rest & mask != 0 {
            rest &= !mask;
            out.string(name);
        }
    }
    if rest != 0 {
        out.display(format_args!("0x{rest:x}"));
    }
    out.end_list();
    Ok(())
}

/// A link-layer address of this link.
pub fn address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_hardware(out, Some(link_type(context)), payload);
    Ok(())
}

/// The members that [`broadcast`] writes.
const BROADCAST_PARTS: &[Part] = &[Part::bool("link_pointtopoint"), Part::text("broadcast")];

/// `broadcast`; for a link with a peer that is the peer's address, which `link_pointtopoint` says.
pub fn broadcast(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if link_flags(context) & IFF_POINTOPOINT != 0 {
        out.key("link_pointtopoint");
        out.bool(true);
    }
    out.key("broadcast");
    address(out, context, payload)
}

/// The members that [`permanent_address`] writes.
const PERMANENT_ADDRESS_PARTS: &[Part] = &[Part::text("permaddr")];

/// `permaddr`, where it is not the address in use.
pub fn permanent_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(IFLA_ADDRESS) == Some(payload) {
        return Ok(());
    }
    out.key("permaddr");
    address(out, context, payload)
}

/// The members that [`lower_link`] writes.
const LOWER_LINK_PARTS: &[Part] = &[Part::number("link_index"), Part::link("link")];

/// The link beneath or the peer: `link`, its name, or `link_index` where it is in another namespace. 0 is none.
pub fn lower_link(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)? as u32;
    if ifindex == 0 {
        return Ok(());
    }
    if context.sibling(IFLA_LINK_NETNSID).is_some() {
        out.key("link_index");
        out.unsigned(ifindex.into());
    } else {
        out.key("link");
        value::write_link(out, context, ifindex);
    }
    Ok(())
}

/// The members that [`map`] writes.
const MAP_PARTS: &[Part] = &[Part::Member(
    "map",
    &Shape::Object(&[
        Part::number("mem_start"),
        Part::number("mem_end"),
        Part::number("base_addr"),
        Part::number("irq"),
        Part::number("dma"),
        Part::number("port"),
    ]),
)];

/// `map`, the link's memory, interrupt and DMA channel (`struct rtnl_link_ifmap`), where it has any.
pub fn map(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 28 {
        return Err(Wrong::Short(28));
    }
    if payload[..28].iter().all(|&octet| octet == 0) {
        return Ok(());
    }
    out.key("map");
    out.begin_object();
    for (at, key) in [(0, "mem_start"), (8, "mem_end"), (16, "base_addr")] {
        out.key(key);
        out.unsigned(unsigned(Scalar::U64, &payload[at..at + 8])?);
    }
    out.key("irq");
    out.unsigned(unsigned(Scalar::U16, &payload[24..26])?);
    for (at, key) in [(26, "dma"), (27, "port")] {
        out.key(key);
        out.unsigned(payload[at].into());
    }
    out.end_object();
    Ok(())
}

/// What [`bit_numbers`] writes.
const BIT_NUMBERS_SHAPE: &Shape = &Shape::List(NUMBER);

/// The numbers of the bits that are set.
pub fn bit_numbers(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let bits = unsigned(Scalar::U32, payload)?;
    out.begin_list();
    for bit in (0..32).filter(|bit| bits >> bit & 1 != 0) {
        out.unsigned(bit);
    }
    out.end_list();
    Ok(())
}

/// The signals of a link.
fn signals_of(sides: &Sides<'_>) -> Signals {
    let &Sides { old, new, message } = sides;
    let mut signals = signals_of_flags(old, new);
    let master = |payload: Option<&[u8]>| {
        payload.and_then(|payload| attribute_u32(LINK.attributes(payload), IFLA_MASTER)).unwrap_or_default()
    };
    let (old_master, new_master) = (master(old), master(new));
    signals.when(new_master != old_master && new_master != 0, Signals::ENSLAVED);
    signals.when(new_master != old_master && old_master != 0 && new.is_some(), Signals::RELEASED);
    if let (Some(old), Some(new)) = (old, new) {
        let (old, new) = (LINK.attributes(old), LINK.attributes(new));
        let differs = |number| attribute(new, number).is_some() && attribute(old, number) != attribute(new, number);
        signals.when(differs(IFLA_IFNAME), Signals::RENAMED);
        signals.when(differs(IFLA_MTU), Signals::MTU_CHANGED);
        signals.when(differs(IFLA_ADDRESS), Signals::ADDRESS_CHANGED);
        signals.when(
            information(new, IFLA_INFO_KIND) == b"bond\0" && active_port(old) != active_port(new),
            Signals::ACTIVE_CHANGED,
        );
        // A bridge makes its ports promiscuous: `enslaved` says that.
        let promiscuous = |set| attribute_u32(set, IFLA_PROMISCUITY).unwrap_or_default() != 0;
        let is_port = [old, new].iter().any(|set| information(set, IFLA_INFO_SLAVE_KIND) == BRIDGE);
        signals.when(!promiscuous(old) && promiscuous(new) && !is_port, Signals::PROMISC_ON);
        signals.when(promiscuous(old) && !promiscuous(new) && !is_port, Signals::PROMISC_OFF);
    }
    if new.is_none() {
        let set = LINK.attributes(message);
        let moved = attribute(set, IFLA_NEW_NETNSID).is_some() || attribute(set, IFLA_NEW_IFINDEX).is_some();
        signals.when(moved, Signals::MOVED_NETNS);
    }
    signals
}

fn signals_of_flags(old: Option<&[u8]>, new: Option<&[u8]>) -> Signals {
    let mut signals = Signals::NONE;
    let flags = |payload: Option<&[u8]>| payload.and_then(|payload| u32_at(payload, 8)).unwrap_or_default();
    let (before, after) = (flags(old), flags(new));
    let (set, unset) = (after & !before, before & !after);
    signals.when(set & IFF_UP != 0, Signals::UP);
    signals.when(unset & IFF_UP != 0, Signals::DOWN);
    signals.when(set & IFF_LOWER_UP != 0, Signals::CARRIER_UP);
    signals.when(unset & IFF_LOWER_UP != 0, Signals::CARRIER_LOST);
    signals.when(set & IFF_RUNNING != 0, Signals::RUNNING);
    signals.when(unset & IFF_RUNNING != 0, Signals::NOT_RUNNING);
    signals
}

/// A bridge's kind, and that of its ports.
const BRIDGE: &[u8] = b"bridge\0";
/// The kind of a bond, and of its ports.
const BOND: &[u8] = b"bond\0";
/// The kind of a CAN controller.
const CAN: &[u8] = b"can\0";
/// `IFLA_INFO_DATA`.
const IFLA_INFO_DATA: u16 = 2;
/// `IFLA_INFO_SLAVE_DATA`.
const IFLA_INFO_SLAVE_DATA: u16 = 5;

/// A part of `IFLA_LINKINFO`; empty where it is not there.
fn information(set: &[u8], number: u16) -> &[u8] {
    attribute(set, IFLA_LINKINFO).and_then(|info| attribute(info, number)).unwrap_or_default()
}

/// The interface of a bond's active port (`IFLA_BOND_ACTIVE_SLAVE`).
fn active_port(set: &[u8]) -> Option<u32> {
    const IFLA_BOND_ACTIVE_SLAVE: u16 = 2;
    attribute_u32(information(set, IFLA_INFO_DATA), IFLA_BOND_ACTIVE_SLAVE)
}

#[cfg(test)]
mod tests {
    use libc::{ARPHRD_AX25, ARPHRD_ETHER, ARPHRD_NETROM, ARPHRD_ROSE, ARPHRD_SIT, ARPHRD_TUNNEL6};

    use super::*;
    use crate::decode::testing::{compared, message, nest, text};

    /// The JSON of a link with that type, those flags and those attributes; whole, and as it is compared.
    pub(super) fn link(link_type: u16, flags: u32, attributes: &[(u16, &[u8])]) -> (String, String) {
        let mut header = [0; 16];
        header[2..4].copy_from_slice(&link_type.to_ne_bytes());
        header[4] = 7;
        header[8..12].copy_from_slice(&flags.to_ne_bytes());
        let payload = message(&header, attributes);
        (text(&LINK, &payload), compared(&LINK, &payload))
    }

    #[test]
    fn flags_are_listed_as_ip_does() {
        assert!(link(1, 0x1003, &[]).0.contains(r#""flags":["NO-CARRIER","BROADCAST","MULTICAST","UP"]"#));
        assert!(link(1, 0x1_1043, &[]).0.contains(r#""flags":["BROADCAST","MULTICAST","UP","LOWER_UP"]"#));
        assert!(link(1, 0x8000_0000, &[]).0.contains(r#""flags":["0x80000000"]"#));
    }

    #[test]
    fn addresses_have_the_form_of_the_links_type() {
        let address = |link_type, address: &[u8]| link(link_type, 0, &[(1, address)]).0;
        assert!(address(ARPHRD_ETHER, &[2, 0, 0, 0, 0, 1]).contains(r#""address":"02:00:00:00:00:01""#));
        assert!(address(ARPHRD_SIT, &[10, 0, 0, 1]).contains(r#""address":"10.0.0.1""#));
        assert!(address(ARPHRD_ETHER, &[10, 0, 0, 1]).contains(r#""address":"0a:00:00:01""#));
        let mut end = [0; 16];
        end[15] = 1;
        assert!(address(ARPHRD_TUNNEL6, &end).contains(r#""address":"::1""#));
        let call = [b'L' << 1, b'H' << 1, b'1' << 1, b' ' << 1, b' ' << 1, b' ' << 1, 12 << 1];
        assert!(address(ARPHRD_AX25, &call).contains(r#""address":"LH1-12""#));
        assert!(address(ARPHRD_NETROM, &[0; 7]).contains(r#""address":"*""#));
        assert!(address(ARPHRD_ROSE, &[1, 2, 3, 4, 0x56]).contains(r#""address":"0102030456""#));
    }

    #[test]
    fn a_peer_and_a_second_address_are_told() {
        let (text, _) = link(ARPHRD_SIT, IFF_POINTOPOINT, &[(2, &[10, 0, 0, 2])]);
        assert!(text.contains(r#""link_pointtopoint":true,"broadcast":"10.0.0.2""#));
        let same = link(1, 0, &[(1, &[2, 0, 0, 0, 0, 1]), (54, &[2, 0, 0, 0, 0, 1])]).0;
        assert!(!same.contains("permaddr"));
        let other = link(1, 0, &[(1, &[2, 0, 0, 0, 0, 1]), (54, &[2, 0, 0, 0, 0, 2])]).0;
        assert!(other.contains(r#""permaddr":"02:00:00:00:00:02""#));
    }

    #[test]
    fn the_lower_link_is_a_name_or_an_index_over_there() {
        assert!(link(1, 0, &[(5, &3u32.to_ne_bytes())]).0.contains(r#""link":"if3""#));
        let over_there = link(1, 0, &[(5, &3u32.to_ne_bytes()), (37, &(-1i32).to_ne_bytes())]).0;
        assert!(over_there.contains(r#""link_index":3,"link_netnsid":-1"#));
        assert!(!link(1, 0, &[(5, &0u32.to_ne_bytes())]).0.contains(r#""link":"#));
    }

    #[test]
    fn counters_are_told_and_never_compared() {
        let mut counters = Vec::new();
        (0..24u64).for_each(|counter| counters.extend(counter.to_ne_bytes()));
        let (text, compared) = link(1, 0, &[(23, &counters), (35, &5u32.to_ne_bytes())]);
        assert!(text.contains(r#""rx":{"bytes":2,"packets":0,"errors":4,"dropped":6,"over_errors":11,"multicast":8"#));
        assert!(text.contains(r#""nohandler":23},"tx":{"bytes":3,"packets":1"#));
        assert!(text.contains(r#""carrier_changes":5}}"#));
        assert!(!compared.contains("stats64") && !compared.contains("carrier_changes"));
    }

    #[test]
    fn a_map_of_zeros_is_left_out() {
        assert!(!link(1, 0, &[(14, &[0; 32])]).0.contains("map"));
        let mut map = [0; 32];
        map[26] = 3;
        assert!(link(1, 0, &[(14, &map)]).0.contains(r#""irq":0,"dma":3,"port":0}"#));
        assert!(link(1, 0, &[(14, &[1; 8])]).0.contains("at least 28 octets expected"));
    }

    #[test]
    fn names_and_reasons() {
        let names = nest(&[(53, b"one\0"), (53, b"two\0")]);
        assert!(link(1, 0, &[(52, &names)]).0.contains(r#""altnames":["one","two"]"#));
        let reasons = nest(&[(2, &0x28u32.to_ne_bytes())]);
        assert!(link(1, 0, &[(55, &reasons)]).0.contains(r#""proto_down_reason":[3,5]"#));
    }
}
