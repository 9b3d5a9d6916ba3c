//! Links: `link`, and the two other views of one that the kernel tells of, `bridge_port` and `inet6_link`.
//!
//! Source: `linux/if_link.h`, `linux/rtnetlink.h`; the keys are those of `ip -d -j link` and `bridge -d -j link`.

use libc::{ARPHRD_ETHER, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTNLGRP_IPV6_IFINFO, RTNLGRP_LINK};

use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Dump, Hooks, Identity, Interface, Is, Kind, NUMBER, Names, Part, Row, Scalar, Set, Shape, Sides,
    Structure, TEXT, Untold, Wrong, field, field_of, row,
};
use crate::decode::value::{self, unsigned};
use crate::decode::walk::Leftovers;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::rtnetlink::link_info::INFO;
use crate::kinds::rtnetlink::link_info::bridge::{BRIDGE_SPEC, PORT_INFORMATION};
use crate::kinds::rtnetlink::names::{
    ADDRESS_GENERATION_MODES, LINK_FLAGS, LINK_GROUPS, LINK_MODES, LINK_TYPES, OPERATIONAL_STATES,
};
use crate::kinds::rtnetlink::numbers::{AF_BRIDGE, AF_INET6};
use crate::kinds::rtnetlink::shared;
use crate::kinds::rtnetlink::shared::write_hardware;
use crate::netlink::wire::{attribute, attribute_u32, u16_at, u32_at};

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
/// `IFLA_NEW_IFINDEX`: its index there.
pub const IFLA_NEW_IFINDEX: u16 = 49;

/// Links, whatever their family: `RTM_NEWLINK` and `RTM_DELLINK` in `RTNLGRP_LINK`.
pub static LINK: Kind = Kind {
    name: "link",
    about: "network interfaces",
    groups: &[RTNLGRP_LINK],
    new: RTM_NEWLINK,
    delete: RTM_DELLINK,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump {
        message: RTM_GETLINK,
        header: &[0; 16],
        // RTEXT_FILTER_SKIP_STATS: counters never count as a change, and make up half of a message. Virtual functions
        // are not asked for either, since notifications do not have them.
        attributes: &[(29, &8u32.to_ne_bytes())],
        per_link: None,
    }],
    hooks: Hooks { signals: Some(signals_of), untold: Untold::Of(changes_untold), ..Hooks::NONE },
};

/// Ports of bridges: the same messages with the family `AF_BRIDGE`.
pub static BRIDGE_PORT: Kind = Kind {
    name: "bridge_port",
    about: "ports of bridges: spanning tree, flooding, learning, VLANs",
    groups: &[RTNLGRP_LINK],
    new: RTM_NEWLINK,
    delete: RTM_DELLINK,
    families: &[AF_BRIDGE],
    header: &HEADER,
    set: &PORT_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump {
        message: RTM_GETLINK,
        header: &[AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // RTEXT_FILTER_BRVLAN_COMPRESSED: as in the notifications (`br_ifinfo_notify`).
        attributes: &[(29, &4u32.to_ne_bytes())],
        per_link: None,
    }],
    // The kernel tells nothing of what a port counts (`mcast_n_groups`): it changes with packets.
    hooks: Hooks { untold: Untold::Of(|_| true), ..Hooks::NONE },
};

/// The IPv6 side of links: the same messages with the family `AF_INET6`, in `RTNLGRP_IPV6_IFINFO`.
pub static INET6_LINK: Kind = Kind {
    name: "inet6_link",
    about: "IPv6 settings of interfaces, and what router advertisements made of them",
    groups: &[RTNLGRP_IPV6_IFINFO],
    new: RTM_NEWLINK,
    delete: RTM_DELLINK,
    families: &[AF_INET6],
    header: &HEADER,
    set: &INET6_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump {
        message: RTM_GETLINK,
        header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks { untold: Untold::Everything, ..Hooks::NONE },
};

/// Whether a link changes with nothing near it that is told: `netdev_state_change` tells of one that is up alone, and what
/// a bridge and its ports have learned (`fdb_n_learned`, `mcast_n_groups`) changes with packets.
fn changes_untold(payload: &[u8]) -> bool {
    u32_at(payload, 8).unwrap_or_default() & IFF_UP == 0 || is_of_bridge(payload)
}

/// Whether a link is a bridge or a bridge's port.
pub fn is_of_bridge(payload: &[u8]) -> bool {
    let info = attribute(LINK.attributes(payload), IFLA_LINKINFO).unwrap_or_default();
    let is_bridge = |number: u16| {
        let name = attribute(info, number).unwrap_or_default();
        name.split(|&octet| octet == 0).next() == Some(b"bridge")
    };
    is_bridge(IFLA_INFO_KIND) || is_bridge(IFLA_INFO_SLAVE_KIND)
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

/// `IFLA_PROTINFO` and `IFLA_AF_SPEC`, whose meaning depends on the family.
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
    row(26, "af_spec", Is::Inline(&FAMILIES)),
    row(27, "group", Is::NamedId(Scalar::U32, LINK_GROUPS)),
    row(28, "net_ns_fd", Is::Number(Scalar::U32)),
    row(29, "ext_mask", Is::Number(Scalar::U32)),
    row(30, "promiscuity", Is::Number(Scalar::U32)),
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
    row(43, "xdp", Is::Members(xdp, XDP_PARTS)),
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
    row(52, "prop_list", Is::Inline(&PROPERTIES)),
    row(53, "altname", Is::Text),
    row(54, "permaddr", Is::Members(permanent_address, PERMANENT_ADDRESS_PARTS)),
    row(55, "proto_down_reasons", Is::Inline(&PROTOCOL_DOWN)),
    row(56, "parentdev", Is::Text),
    row(57, "parentbus", Is::Text),
    row(58, "gro_max_size", Is::Number(Scalar::U32)),
    row(59, "tso_max_size", Is::Number(Scalar::U32)),
    row(60, "tso_max_segs", Is::Number(Scalar::U32)),
    row(61, "allmulti", Is::Number(Scalar::U32)),
    row(62, "devlink_port", Is::Inline(&DEVLINK_PORT)),
    row(63, "gso_ipv4_max_size", Is::Number(Scalar::U32)),
    row(64, "gro_ipv4_max_size", Is::Number(Scalar::U32)),
    row(65, "dpll_pin", Is::Inline(&DPLL_PIN)),
    row(66, "max_pacing_offload_horizon", Is::AnyNumber),
    row(67, "netns_immutable", Is::Bool(Scalar::U8)),
    row(68, "headroom", Is::AnyNumber),
    row(69, "tailroom", Is::AnyNumber),
];

static ATTRIBUTES: Set = Set::new("IFLA", &ROWS);

static PORT_ATTRIBUTES: Set = Set::new(
    "IFLA",
    &const {
        let mut rows = ROWS;
        rows[PROTOCOL_INFORMATION] = row(12, "protinfo", Is::Inline(&PORT_INFORMATION));
        rows[FAMILY_SPECIFIC] = row(26, "af_spec", Is::Inline(&BRIDGE_SPEC));
        rows
    },
);

static INET6_ATTRIBUTES: Set = Set::new(
    "IFLA",
    &const {
        let mut rows = ROWS;
        rows[PROTOCOL_INFORMATION] = row(12, "protinfo", Is::Inline(&INET6));
        rows
    },
);

/// Names of a link (`IFLA_PROP_LIST`).
static PROPERTIES: Set = Set::new("IFLA", &[row(53, "altnames", Is::Text).repeated()]);

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
    ],
);

/// The clock's pin; mostly an empty nest (`DPLL_A_PIN_*`, `linux/dpll.h`).
static DPLL_PIN: Set = Set::new("DPLL_A_PIN", &[row(1, "dpll_pin_id", Is::Number(Scalar::U32))]);

static ONE_FUNCTION: Is = Is::Set(&VIRTUAL_FUNCTION);

/// `IFLA_VF_*`: a virtual function of SR-IOV.
static VIRTUAL_FUNCTION: Set = Set::new(
    "IFLA_VF",
    &[
        row(1, "mac", Is::Members(function, FUNCTION_PARTS)),
        row(2, "vlan_and_qos", Is::InlineStructure(&FUNCTION_VLAN)),
        row(3, "tx_rate_limit", Is::InlineStructure(&FUNCTION_SENDING_RATE)),
        row(4, "spoofchk", Is::Members(function_spoof_check, FUNCTION_SPOOF_CHECK_PARTS)),
        row(5, "link_state_setting", Is::InlineStructure(&FUNCTION_LINK_STATE)),
        row(6, "rate", Is::Structure(&FUNCTION_RATE)),
        row(7, "query_rss_en", Is::Members(function_rss_query, FUNCTION_RSS_QUERY_PARTS)),
        row(8, "stats", Is::Value(function_statistics, FUNCTION_STATISTICS_SHAPE)).volatile(),
        row(9, "trust", Is::Members(function_trust, FUNCTION_TRUST_PARTS)),
        row(10, "node", Is::InlineStructure(&FUNCTION_NODE)),
        row(11, "port", Is::InlineStructure(&FUNCTION_PORT)),
        row(12, "vlan_list", Is::Each(&Is::Structure(&FUNCTION_VLAN_INFO))),
        row(13, "broadcast", Is::Value(function_address, TEXT)),
    ],
);

static FUNCTION_VLAN: Structure = Structure::new(
    "ifla_vf_vlan",
    12,
    &[field(4, "vlan", Is::Number(Scalar::U32)), field(8, "qos", Is::Number(Scalar::U32))],
);

static FUNCTION_SENDING_RATE: Structure =
    Structure::new("ifla_vf_tx_rate", 8, &[field(4, "tx_rate", Is::Number(Scalar::U32))]);

static FUNCTION_LINK_STATE: Structure = Structure::new(
    "ifla_vf_link_state",
    8,
    &[field(4, "link_state", Is::Named(Scalar::U32, &[(0, "auto"), (1, "enable"), (2, "disable")]))],
);

static FUNCTION_RATE: Structure = Structure::new(
    "ifla_vf_rate",
    12,
    &[field(4, "min_tx", Is::Number(Scalar::U32)), field(8, "max_tx", Is::Number(Scalar::U32))],
);

static FUNCTION_NODE: Structure =
    Structure::new("ifla_vf_guid", 16, &[field_of(8, 8, "node_guid", Is::Value(guid, TEXT))]);

static FUNCTION_PORT: Structure =
    Structure::new("ifla_vf_guid", 16, &[field_of(8, 8, "port_guid", Is::Value(guid, TEXT))]);

static FUNCTION_VLAN_INFO: Structure = Structure::new(
    "ifla_vf_vlan_info",
    16,
    &[
        field(4, "vlan", Is::Number(Scalar::U32)),
        field(8, "qos", Is::Number(Scalar::U32)),
        field(12, "protocol", Is::Named(Scalar::U16Be, super::names::ETHER_TYPES)),
    ],
);

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

/// `IFLA_AF_SPEC`: a set for each address family.
static FAMILIES: Set = Set::new(
    "AF",
    &[
        row(2, "inet", Is::Inline(&INET)),
        row(7, "bridge", Is::Set(&BRIDGE_SPEC)),
        row(10, "inet6", Is::Inline(&INET6_OF_LINK)),
        row(45, "mctp", Is::Set(&MCTP)),
    ],
);

/// `IFLA_INET_*`.
static INET: Set = Set::new("IFLA_INET", &[row(1, "inet_conf", Is::Structure(&INET_CONF))]);

/// `IFLA_INET6_*`. The counters stand without names, since kernels have reordered them.
const INET6_ROWS: [Row; 9] = [
    row(1, "inet6_flags", Is::Bits(Scalar::U32, INET6_FLAGS)),
    row(2, "inet6_conf", Is::Structure(&INET6_CONF)),
    row(3, "inet6_stats", Is::Array(&COUNTER, 8)).volatile(),
    row(4, "inet6_mcast", Is::Hex),
    row(5, "inet6_cacheinfo", Is::Structure(&INET6_TIMES)).volatile(),
    row(6, "inet6_icmp6stats", Is::Array(&COUNTER, 8)).volatile(),
    row(7, "inet6_token", Is::Ip),
    row(8, "inet6_addr_gen_mode", Is::Named(Scalar::U8, ADDRESS_GENERATION_MODES)),
    row(9, "inet6_ra_mtu", Is::Number(Scalar::U32)),
];

const INET6_ADDR_GEN_MODE: u16 = 8;

static COUNTER: Is = Is::Number(Scalar::U64);

/// All of it, in `inet6_link`.
static INET6: Set = Set::new("IFLA_INET6", &INET6_ROWS);

/// What of it belongs in `link`, as in `ip -d link`: the rest is what `inet6_link` is for, whose own messages tell it
/// when it changes; here it would make up most of a line.
static INET6_OF_LINK: Set = Set::new(
    "IFLA_INET6",
    &const {
        let mut rows = INET6_ROWS;
        let mut place = 0;
        while place < rows.len() {
            if rows[place].number != INET6_ADDR_GEN_MODE {
                rows[place].is = Is::Known;
            }
            place += 1;
        }
        rows
    },
);

/// `IF_*` (`net/if_inet6.h`).
static INET6_FLAGS: &Names =
    &[(0x10, "RS_SENT"), (0x20, "RA_RCVD"), (0x40, "RA_MANAGED"), (0x80, "RA_OTHERCONF"), (0x8000_0000, "READY")];

/// `struct ifla_cacheinfo`.
static INET6_TIMES: Structure = Structure::new(
    "ifla_cacheinfo",
    16,
    &[
        field(0, "max_reasm_len", Is::Number(Scalar::U32)),
        field(4, "tstamp", Is::Number(Scalar::U32)),
        field(8, "reachable_time", Is::Number(Scalar::U32)),
        field(12, "retrans_time", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_MCTP_*`.
static MCTP: Set =
    Set::new("IFLA_MCTP", &[row(1, "net", Is::Number(Scalar::U32)), row(2, "phys_binding", Is::Number(Scalar::U8))]);

/// The IPv4 settings of an interface, `IPV4_DEVCONF_*` (`linux/ip.h`), by their names in `net.ipv4.conf`.
static INET_CONF: Structure = Structure::new(
    "ipv4_devconf",
    132,
    &[
        field(0, "forwarding", Is::Number(Scalar::I32)),
        field(4, "mc_forwarding", Is::Number(Scalar::I32)),
        field(8, "proxy_arp", Is::Number(Scalar::I32)),
        field(12, "accept_redirects", Is::Number(Scalar::I32)),
        field(16, "secure_redirects", Is::Number(Scalar::I32)),
        field(20, "send_redirects", Is::Number(Scalar::I32)),
        field(24, "shared_media", Is::Number(Scalar::I32)),
        field(28, "rp_filter", Is::Number(Scalar::I32)),
        field(32, "accept_source_route", Is::Number(Scalar::I32)),
        field(36, "bootp_relay", Is::Number(Scalar::I32)),
        field(40, "log_martians", Is::Number(Scalar::I32)),
        field(44, "tag", Is::Number(Scalar::I32)),
        field(48, "arp_filter", Is::Number(Scalar::I32)),
        field(52, "medium_id", Is::Number(Scalar::I32)),
        field(56, "disable_xfrm", Is::Number(Scalar::I32)),
        field(60, "disable_policy", Is::Number(Scalar::I32)),
        field(64, "force_igmp_version", Is::Number(Scalar::I32)),
        field(68, "arp_announce", Is::Number(Scalar::I32)),
        field(72, "arp_ignore", Is::Number(Scalar::I32)),
        field(76, "promote_secondaries", Is::Number(Scalar::I32)),
        field(80, "arp_accept", Is::Number(Scalar::I32)),
        field(84, "arp_notify", Is::Number(Scalar::I32)),
        field(88, "accept_local", Is::Number(Scalar::I32)),
        field(92, "src_vmark", Is::Number(Scalar::I32)),
        field(96, "proxy_arp_pvlan", Is::Number(Scalar::I32)),
        field(100, "route_localnet", Is::Number(Scalar::I32)),
        field(104, "igmpv2_unsolicited_report_interval", Is::Number(Scalar::I32)),
        field(108, "igmpv3_unsolicited_report_interval", Is::Number(Scalar::I32)),
        field(112, "ignore_routes_with_linkdown", Is::Number(Scalar::I32)),
        field(116, "drop_unicast_in_l2_multicast", Is::Number(Scalar::I32)),
        field(120, "drop_gratuitous_arp", Is::Number(Scalar::I32)),
        field(124, "bc_forwarding", Is::Number(Scalar::I32)),
        field(128, "arp_evict_nocarrier", Is::Number(Scalar::I32)),
    ],
);

/// The IPv6 settings of an interface, `DEVCONF_*` (`linux/ipv6.h`), by their names in `net.ipv6.conf`.
static INET6_CONF: Structure = Structure::new(
    "ipv6_devconf",
    240,
    &[
        field(0, "forwarding", Is::Number(Scalar::I32)),
        field(4, "hop_limit", Is::Number(Scalar::I32)),
        field(8, "mtu", Is::Number(Scalar::I32)),
        field(12, "accept_ra", Is::Number(Scalar::I32)),
        field(16, "accept_redirects", Is::Number(Scalar::I32)),
        field(20, "autoconf", Is::Number(Scalar::I32)),
        field(24, "dad_transmits", Is::Number(Scalar::I32)),
        field(28, "router_solicitations", Is::Number(Scalar::I32)),
        field(32, "router_solicitation_interval", Is::Number(Scalar::I32)),
        field(36, "router_solicitation_delay", Is::Number(Scalar::I32)),
        field(40, "use_tempaddr", Is::Number(Scalar::I32)),
        field(44, "temp_valid_lft", Is::Number(Scalar::I32)),
        field(48, "temp_prefered_lft", Is::Number(Scalar::I32)),
        field(52, "regen_max_retry", Is::Number(Scalar::I32)),
        field(56, "max_desync_factor", Is::Number(Scalar::I32)),
        field(60, "max_addresses", Is::Number(Scalar::I32)),
        field(64, "force_mld_version", Is::Number(Scalar::I32)),
        field(68, "accept_ra_defrtr", Is::Number(Scalar::I32)),
        field(72, "accept_ra_pinfo", Is::Number(Scalar::I32)),
        field(76, "accept_ra_rtr_pref", Is::Number(Scalar::I32)),
        field(80, "router_probe_interval", Is::Number(Scalar::I32)),
        field(84, "accept_ra_rt_info_max_plen", Is::Number(Scalar::I32)),
        field(88, "proxy_ndp", Is::Number(Scalar::I32)),
        field(92, "optimistic_dad", Is::Number(Scalar::I32)),
        field(96, "accept_source_route", Is::Number(Scalar::I32)),
        field(100, "mc_forwarding", Is::Number(Scalar::I32)),
        field(104, "disable_ipv6", Is::Number(Scalar::I32)),
        field(108, "accept_dad", Is::Number(Scalar::I32)),
        field(112, "force_tllao", Is::Number(Scalar::I32)),
        field(116, "ndisc_notify", Is::Number(Scalar::I32)),
        field(120, "mldv1_unsolicited_report_interval", Is::Number(Scalar::I32)),
        field(124, "mldv2_unsolicited_report_interval", Is::Number(Scalar::I32)),
        field(128, "suppress_frag_ndisc", Is::Number(Scalar::I32)),
        field(132, "accept_ra_from_local", Is::Number(Scalar::I32)),
        field(136, "use_optimistic", Is::Number(Scalar::I32)),
        field(140, "accept_ra_mtu", Is::Number(Scalar::I32)),
        field(144, "stable_secret", Is::Number(Scalar::I32)),
        field(148, "use_oif_addrs_only", Is::Number(Scalar::I32)),
        field(152, "accept_ra_min_hop_limit", Is::Number(Scalar::I32)),
        field(156, "ignore_routes_with_linkdown", Is::Number(Scalar::I32)),
        field(160, "drop_unicast_in_l2_multicast", Is::Number(Scalar::I32)),
        field(164, "drop_unsolicited_na", Is::Number(Scalar::I32)),
        field(168, "keep_addr_on_down", Is::Number(Scalar::I32)),
        field(172, "router_solicitation_max_interval", Is::Number(Scalar::I32)),
        field(176, "seg6_enabled", Is::Number(Scalar::I32)),
        field(180, "seg6_require_hmac", Is::Number(Scalar::I32)),
        field(184, "enhanced_dad", Is::Number(Scalar::I32)),
        field(188, "addr_gen_mode", Is::Number(Scalar::I32)),
        field(192, "disable_policy", Is::Number(Scalar::I32)),
        field(196, "accept_ra_rt_info_min_plen", Is::Number(Scalar::I32)),
        field(200, "ndisc_tclass", Is::Number(Scalar::I32)),
        field(204, "rpl_seg_enabled", Is::Number(Scalar::I32)),
        field(208, "ra_defrtr_metric", Is::Number(Scalar::I32)),
        field(212, "ioam6_enabled", Is::Number(Scalar::I32)),
        field(216, "ioam6_id", Is::Number(Scalar::I32)),
        field(220, "ioam6_id_wide", Is::Number(Scalar::I32)),
        field(224, "ndisc_evict_nocarrier", Is::Number(Scalar::I32)),
        field(228, "accept_untracked_na", Is::Number(Scalar::I32)),
        field(232, "accept_ra_min_lft", Is::Number(Scalar::I32)),
        field(236, "force_forwarding", Is::Number(Scalar::I32)),
    ],
);

const IFF_POINTOPOINT: u32 = 0x10;
const IFLA_LINK_NETNSID: u16 = 37;

/// `ifi_type` of `struct ifinfomsg`.
pub fn link_type(context: &Context<'_>) -> u16 {
    u16_at(context.header, 2).unwrap_or_default()
}

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
const LOWER_LINK_PARTS: &[Part] = &[Part::number("link_index"), Part::text("link")];

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

/// A program of XDP.
const PROGRAM: Part = Part::Member("prog", &Shape::Object(&[Part::number("id")]));

/// The members that [`xdp`] writes.
const XDP_PARTS: &[Part] = &[Part::Member(
    "xdp",
    &Shape::Object(&[
        Part::number("mode"),
        Part::number("flags"),
        PROGRAM,
        Part::Member("attached", &Shape::List(&Shape::Object(&[Part::number("mode"), PROGRAM]))),
    ]),
)];

/// `xdp`: how its programs are attached, and which; nothing where there is none (`IFLA_XDP_*`).
pub fn xdp(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const ATTACHED: u16 = 2;
    const FLAGS: u16 = 3;
    const PROGRAM: u16 = 4;
    /// The attributes for each way to attach a program, in `ip`'s order, with the mode of each.
    const BY_MODE: [(u16, u64); 3] = [(6, 2), (5, 1), (7, 3)];

    let leftovers = Leftovers::of(payload, |number| matches!(number, ATTACHED..=7));
    let mode = attribute(payload, ATTACHED).ok_or(Wrong::Because("how it is attached is missing"))?;
    let mode = unsigned(Scalar::U8, mode)?;
    if mode == 0 && leftovers.is_empty() {
        return Ok(());
    }
    out.key("xdp");
    out.begin_object();
    if mode == 0 {
        leftovers.write(out);
        out.end_object();
        return Ok(());
    }
    out.key("mode");
    out.unsigned(mode);
    if let Some(flags) = attribute_u32(payload, FLAGS) {
        out.key("flags");
        out.unsigned(flags.into());
    }
    let program = attribute_u32(payload, PROGRAM).filter(|&id| id != 0);
    if let Some(id) = program {
        write_program(out, id);
    }
    out.key("attached");
    out.begin_list();
    let mut write_attached = |mode: u64, id: u32| {
        out.begin_object();
        out.key("mode");
        out.unsigned(mode);
        write_program(out, id);
        out.end_object();
    };
    if BY_MODE.iter().any(|&(number, _)| attribute(payload, number).is_some()) {
        for (number, mode) in BY_MODE {
            if let Some(id) = attribute_u32(payload, number) {
                write_attached(mode, id);
            }
        }
    } else if let Some(id) = program {
        write_attached(mode, id);
    }
    out.end_list();
    leftovers.write(out);
    out.end_object();
    Ok(())
}

fn write_program(out: &mut Json, id: u32) {
    out.key("prog");
    out.begin_object();
    out.key("id");
    out.unsigned(id.into());
    out.end_object();
}

/// The address of a virtual function, out of the 32 octets that the kernel keeps for it.
pub fn function_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let octets = if link_type(context) == ARPHRD_ETHER { 6 } else { 20 };
    let address = payload.get(..octets).ok_or(Wrong::Short(octets))?;
    write_hardware(out, Some(link_type(context)), address);
    Ok(())
}

/// The members that [`function`] writes.
const FUNCTION_PARTS: &[Part] = &[
    Part::number("vf"),
    Part::Member("link_type", &Shape::OneOf(&[Shape::Text, Shape::Number])),
    Part::text("address"),
];

/// `vf`, `link_type` and `address` of a virtual function (`struct ifla_vf_mac`).
pub fn function(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 36 {
        return Err(Wrong::Short(36));
    }
    out.key("vf");
    out.unsigned(unsigned(Scalar::U32, &payload[..4])?);
    out.key("link_type");
    value::write_named(out, crate::kinds::rtnetlink::names::LINK_TYPES, link_type(context).into());
    out.key("address");
    function_address(out, context, &payload[4..])
}

/// A setting of a virtual function under that key, unless the driver does not know it (`-1`).
fn write_setting(out: &mut Json, key: &'static str, payload: &[u8]) -> Decoded {
    let setting = payload.get(4..8).ok_or(Wrong::Short(8))?;
    let setting = unsigned(Scalar::U32, setting)? as u32;
    if setting != u32::MAX {
        out.key(key);
        out.bool(setting != 0);
    }
    Ok(())
}

/// The members that [`function_spoof_check`] writes.
const FUNCTION_SPOOF_CHECK_PARTS: &[Part] = &[Part::bool("spoofchk")];

/// `spoofchk` (`struct ifla_vf_spoofchk`).
pub fn function_spoof_check(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "spoofchk", payload)
}

/// The members that [`function_trust`] writes.
const FUNCTION_TRUST_PARTS: &[Part] = &[Part::bool("trust")];

/// `trust` (`struct ifla_vf_trust`).
pub fn function_trust(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "trust", payload)
}

/// The members that [`function_rss_query`] writes.
const FUNCTION_RSS_QUERY_PARTS: &[Part] = &[Part::bool("query_rss_en")];

/// `query_rss_en` (`struct ifla_vf_rss_query_en`).
pub fn function_rss_query(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "query_rss_en", payload)
}

/// What [`function_statistics`] writes.
const FUNCTION_STATISTICS_SHAPE: &Shape = &Shape::Object(&[
    Part::Member(
        "rx",
        &Shape::Object(&[
            Part::number("bytes"),
            Part::number("packets"),
            Part::number("multicast"),
            Part::number("broadcast"),
            Part::number("dropped"),
        ]),
    ),
    Part::Member(
        "tx",
        &Shape::Object(&[Part::number("tx_bytes"), Part::number("tx_packets"), Part::number("dropped")]),
    ),
]);

/// `stats` of a virtual function (`IFLA_VF_STATS_*`), as `ip -s link` groups them.
pub fn function_statistics(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RECEIVED: &[(u16, &str)] =
        &[(2, "bytes"), (0, "packets"), (5, "multicast"), (4, "broadcast"), (7, "dropped")];
    const SENT: &[(u16, &str)] = &[(3, "tx_bytes"), (1, "tx_packets"), (8, "dropped")];
    /// `IFLA_VF_STATS_PAD`.
    const PADDING: u16 = 6;
    let is_counter = |number: u16| [RECEIVED, SENT].concat().iter().any(|&(known, _)| known == number);
    out.begin_object();
    for (direction, counters) in [("rx", RECEIVED), ("tx", SENT)] {
        out.key(direction);
        out.begin_object();
        for &(number, key) in counters {
            if let Some(counter) = attribute(payload, number) {
                out.key(key);
                out.unsigned(unsigned(Scalar::U64, counter)?);
            }
        }
        out.end_object();
    }
    Leftovers::of(payload, |number| number == PADDING || is_counter(number)).write(out);
    out.end_object();
    Ok(())
}

/// An InfiniBand GUID, eight octets of a number: `00:11:…`, the highest first.
pub fn guid(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let guid = unsigned(Scalar::U64, payload)?;
    out.hardware(&guid.to_be_bytes());
    Ok(())
}

/// The signals of a link.
fn signals_of(&Sides { old, new, message }: &Sides<'_>) -> Signals {
    let mut signals = Signals::NONE;
    let flags = |payload: Option<&[u8]>| payload.and_then(|payload| u32_at(payload, 8)).unwrap_or_default();
    let (before, after) = (flags(old), flags(new));
    let (set, unset) = (after & !before, before & !after);
    signals.when(set & IFF_UP != 0, Signals::UP);
    signals.when(unset & IFF_UP != 0, Signals::DOWN);
    signals.when(set & IFF_LOWER_UP != 0, Signals::CARRIER_UP);
    signals.when(unset & IFF_LOWER_UP != 0, Signals::CARRIER_LOST);
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
        let promiscuous = |set| attribute_u32(set, IFLA_PROMISCUITY).unwrap_or_default() != 0;
        signals.when(!promiscuous(old) && promiscuous(new), Signals::PROMISC_ON);
        signals.when(promiscuous(old) && !promiscuous(new), Signals::PROMISC_OFF);
    }
    if new.is_none() {
        let set = LINK.attributes(message);
        let moved = attribute(set, IFLA_NEW_NETNSID).is_some() || attribute(set, IFLA_NEW_IFINDEX).is_some();
        signals.when(moved, Signals::MOVED_NETNS);
    }
    signals
}

#[cfg(test)]
mod tests {
    use libc::{ARPHRD_AX25, ARPHRD_NETROM, ARPHRD_ROSE, ARPHRD_SIT, ARPHRD_TUNNEL6};

    use super::*;
    use crate::decode::testing::{compared, message, nest, text};

    /// The JSON of a link with that type, those flags and those attributes; whole, and as it is compared.
    fn link(link_type: u16, flags: u32, attributes: &[(u16, &[u8])]) -> (String, String) {
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
    fn programs_of_xdp() {
        let none = nest(&[(2, &[0])]);
        assert!(!link(1, 0, &[(43, &none)]).0.contains("xdp"));
        let one = nest(&[(2, &[2]), (4, &9u32.to_ne_bytes())]);
        let attached = r#""xdp":{"mode":2,"prog":{"id":9},"attached":[{"mode":2,"prog":{"id":9}}]}"#;
        assert!(link(1, 0, &[(43, &one)]).0.contains(attached));
        let several = nest(&[(2, &[4]), (5, &8u32.to_ne_bytes()), (6, &9u32.to_ne_bytes())]);
        let attached = r#""xdp":{"mode":4,"attached":[{"mode":2,"prog":{"id":9}},{"mode":1,"prog":{"id":8}}]}"#;
        assert!(link(1, 0, &[(43, &several)]).0.contains(attached));
        // An attribute of a later kernel hides nothing.
        let later = nest(&[(2, &[2]), (4, &9u32.to_ne_bytes()), (9, &[1])]);
        let attached = r#""attached":[{"mode":2,"prog":{"id":9}}],"unknown":[{"attr":9,"hex":"01"}]}"#;
        assert!(link(1, 0, &[(43, &later)]).0.contains(attached));
        let none = nest(&[(2, &[0]), (9, &[1])]);
        assert!(link(1, 0, &[(43, &none)]).0.contains(r#""xdp":{"unknown":[{"attr":9,"hex":"01"}]}"#));
    }

    #[test]
    fn a_virtual_function() {
        let mut mac = vec![1, 0, 0, 0, 2, 0, 0, 0, 0, 9];
        mac.resize(36, 0);
        let function = nest(&[
            (1, &mac),
            (4, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            (9, &[1, 0, 0, 0, 1, 0, 0, 0]),
            (8, &nest(&[(2, &7u64.to_ne_bytes()), (6, &[]), (9, &[1])])),
        ]);
        let text = link(1, 0, &[(22, &nest(&[(1, &function)]))]).0;
        let head = r#""vfinfo_list":[{"vf":1,"link_type":"ether","address":"02:00:00:00:00:09","trust":true"#;
        let unknown = r#""unknown":[{"attr":9,"hex":"01"}]"#;
        assert!(text.contains(&format!(r#"{head},"stats":{{"rx":{{"bytes":7}},"tx":{{}},{unknown}}}}}]"#)), "{text}");
    }

    #[test]
    fn names_and_reasons() {
        let names = nest(&[(53, b"one\0"), (53, b"two\0")]);
        assert!(link(1, 0, &[(52, &names)]).0.contains(r#""altnames":["one","two"]"#));
        let reasons = nest(&[(2, &0x28u32.to_ne_bytes())]);
        assert!(link(1, 0, &[(55, &reasons)]).0.contains(r#""proto_down_reason":[3,5]"#));
    }
}
