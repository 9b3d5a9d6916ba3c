//! Links: `link`, and the two other views of one that the kernel tells of, `bridge_port` and `inet6_link`.
//!
//! Source: `linux/if_link.h`, `linux/rtnetlink.h`; the keys are those of `ip -d -j link` and `bridge -d -j link`.

use super::link_info::INFO;
use super::link_info::bridge::{BRIDGE_SPEC, PORT_INFORMATION};
use super::names::{ADDRESS_GENERATION_MODES, LINK_GROUPS, LINK_MODES, LINK_TYPES, OPERATIONAL_STATES};
use crate::decode::code::links;
use crate::decode::schema::{
    Dump, Identity, Interface, Is, Kind, Names, Row, Scalar, Set, Structure, field, field_of, row,
};

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
    groups: &[1],
    new: 16,
    delete: 17,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump {
        message: 18,
        header: &[0; 16],
        // RTEXT_FILTER_SKIP_STATS: counters never count as a change, and make up half of a message. Virtual functions
        // are not asked for either, since notifications do not have them.
        attributes: &[(29, &8u32.to_ne_bytes())],
        per_link: None,
    }],
};

/// Ports of bridges: the same messages with the family `AF_BRIDGE`.
pub static BRIDGE_PORT: Kind = Kind {
    name: "bridge_port",
    about: "ports of bridges: spanning tree, flooding, learning, VLANs",
    groups: &[1],
    new: 16,
    delete: 17,
    families: &[7],
    header: &HEADER,
    set: &PORT_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump {
        message: 18,
        header: &[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // RTEXT_FILTER_BRVLAN_COMPRESSED: as in the notifications (`br_ifinfo_notify`).
        attributes: &[(29, &4u32.to_ne_bytes())],
        per_link: None,
    }],
};

/// The IPv6 side of links: the same messages with the family `AF_INET6`, in `RTNLGRP_IPV6_IFINFO`.
pub static INET6_LINK: Kind = Kind {
    name: "inet6_link",
    about: "IPv6 settings of interfaces, and what router advertisements made of them",
    groups: &[12],
    new: 16,
    delete: 17,
    families: &[10],
    header: &HEADER,
    set: &INET6_ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    split: &[],
    partial: false,
    dumps: &[Dump {
        message: 18,
        header: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
};

/// `struct ifinfomsg` (`linux/rtnetlink.h`). `ifi_change` says of a message, not of the link, what it tells.
static HEADER: Structure = Structure::new(
    "ifinfomsg",
    16,
    &[
        field(4, "ifindex", Is::Number(Scalar::I32)),
        field_of(8, 4, "flags", Is::Value(links::flags)),
        field(2, "link_type", Is::Named(Scalar::U16, LINK_TYPES)),
    ],
);

/// `IFLA_PROTINFO` and `IFLA_AF_SPEC`, whose meaning depends on the family.
const PROTOCOL_INFORMATION: usize = 11;
const FAMILY_SPECIFIC: usize = 25;

/// `IFLA_*`.
const ROWS: [Row; 69] = [
    row(1, "address", Is::Value(links::address)),
    row(2, "broadcast", Is::Members(links::broadcast)),
    row(3, "ifname", Is::Text),
    row(4, "mtu", Is::Number(Scalar::U32)),
    row(5, "link", Is::Members(links::lower_link)),
    row(6, "qdisc", Is::Text),
    // The same counters as in 23, cut to 32 bits.
    row(7, "stats", Is::Known),
    row(8, "cost", Is::AnyNumber),
    row(9, "priority", Is::AnyNumber),
    row(10, "master", Is::Link),
    row(11, "wireless_event", Is::Hex).volatile(),
    row(12, "protinfo", Is::Hex),
    row(13, "txqlen", Is::Number(Scalar::U32)),
    row(14, "map", Is::Members(links::map)),
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
    row(23, "stats64", Is::Value(links::statistics)).volatile(),
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
    row(43, "xdp", Is::Members(links::xdp)),
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
    row(54, "permaddr", Is::Members(links::permanent_address)),
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
        row(1, "proto_down_reason_mask", Is::Value(links::bit_numbers)),
        row(2, "proto_down_reason", Is::Value(links::bit_numbers)),
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
        row(1, "mac", Is::Members(links::function)),
        row(2, "vlan_and_qos", Is::InlineStructure(&FUNCTION_VLAN)),
        row(3, "tx_rate_limit", Is::InlineStructure(&FUNCTION_SENDING_RATE)),
        row(4, "spoofchk", Is::Members(links::function_spoof_check)),
        row(5, "link_state_setting", Is::InlineStructure(&FUNCTION_LINK_STATE)),
        row(6, "rate", Is::Structure(&FUNCTION_RATE)),
        row(7, "query_rss_en", Is::Members(links::function_rss_query)),
        row(8, "stats", Is::Value(links::function_statistics)).volatile(),
        row(9, "trust", Is::Members(links::function_trust)),
        row(10, "node", Is::InlineStructure(&FUNCTION_NODE)),
        row(11, "port", Is::InlineStructure(&FUNCTION_PORT)),
        row(12, "vlan_list", Is::Each(&Is::Structure(&FUNCTION_VLAN_INFO))),
        row(13, "broadcast", Is::Value(links::function_address)),
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
    Structure::new("ifla_vf_guid", 16, &[field_of(8, 8, "node_guid", Is::Value(links::guid))]);

static FUNCTION_PORT: Structure =
    Structure::new("ifla_vf_guid", 16, &[field_of(8, 8, "port_guid", Is::Value(links::guid))]);

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
