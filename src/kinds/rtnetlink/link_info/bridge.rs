//! Bridges and their ports (`linux/if_link.h`, `linux/if_bridge.h`).

use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, NUMBER, Names, Part, Row, Scalar, Set, Shape, Structure, TEXT, Wrong, field, field_of, row,
};
use crate::decode::value::{self, unsigned};
use crate::decode::walk::Leftovers;
use crate::json::Json;
use crate::kinds::rtnetlink::names::{BRIDGE_PORT_STATES, ETHER_TYPES};
use crate::kinds::rtnetlink::shared::seconds;
use crate::netlink::wire::{attribute, attribute_u32, attributes, u16_at};

/// `IFLA_BR_*`: a bridge.
pub static BRIDGE: Set = Set::new(
    "IFLA_BR",
    &[
        row(1, "forward_delay", Is::Number(Scalar::U32)),
        row(2, "hello_time", Is::Number(Scalar::U32)),
        row(3, "max_age", Is::Number(Scalar::U32)),
        row(4, "ageing_time", Is::Number(Scalar::U32)),
        row(5, "stp_state", Is::Number(Scalar::U32)),
        row(6, "priority", Is::Number(Scalar::U16)),
        row(7, "vlan_filtering", Is::Number(Scalar::U8)),
        row(8, "vlan_protocol", Is::Named(Scalar::U16Be, ETHER_TYPES)),
        row(9, "group_fwd_mask", Is::Number(Scalar::U16)),
        row(10, "root_id", Is::Value(bridge_id, TEXT)),
        row(11, "bridge_id", Is::Value(bridge_id, TEXT)),
        row(12, "root_port", Is::Number(Scalar::U16)),
        row(13, "root_path_cost", Is::Number(Scalar::U32)),
        row(14, "topology_change", Is::Number(Scalar::U8)),
        row(15, "topology_change_detected", Is::Number(Scalar::U8)),
        row(16, "hello_timer", Is::Value(seconds, NUMBER)).volatile(),
        row(17, "tcn_timer", Is::Value(seconds, NUMBER)).volatile(),
        row(18, "topology_change_timer", Is::Value(seconds, NUMBER)).volatile(),
        row(19, "gc_timer", Is::Value(seconds, NUMBER)).volatile(),
        row(20, "group_addr", Is::Hardware),
        row(21, "fdb_flush", Is::Present),
        row(22, "mcast_router", Is::Number(Scalar::U8)),
        row(23, "mcast_snooping", Is::Number(Scalar::U8)),
        row(24, "mcast_query_use_ifaddr", Is::Number(Scalar::U8)),
        row(25, "mcast_querier", Is::Number(Scalar::U8)),
        row(26, "mcast_hash_elasticity", Is::Number(Scalar::U32)),
        row(27, "mcast_hash_max", Is::Number(Scalar::U32)),
        row(28, "mcast_last_member_cnt", Is::Number(Scalar::U32)),
        row(29, "mcast_startup_query_cnt", Is::Number(Scalar::U32)),
        row(30, "mcast_last_member_intvl", Is::Number(Scalar::U64)),
        row(31, "mcast_membership_intvl", Is::Number(Scalar::U64)),
        row(32, "mcast_querier_intvl", Is::Number(Scalar::U64)),
        row(33, "mcast_query_intvl", Is::Number(Scalar::U64)),
        row(34, "mcast_query_response_intvl", Is::Number(Scalar::U64)),
        row(35, "mcast_startup_query_intvl", Is::Number(Scalar::U64)),
        row(36, "nf_call_iptables", Is::Number(Scalar::U8)),
        row(37, "nf_call_ip6tables", Is::Number(Scalar::U8)),
        row(38, "nf_call_arptables", Is::Number(Scalar::U8)),
        row(39, "vlan_default_pvid", Is::Number(Scalar::U16)),
        row(40, "padding", Is::Known),
        row(41, "vlan_stats_enabled", Is::Number(Scalar::U8)),
        row(42, "mcast_stats_enabled", Is::Number(Scalar::U8)),
        row(43, "mcast_igmp_version", Is::Number(Scalar::U8)),
        row(44, "mcast_mld_version", Is::Number(Scalar::U8)),
        row(45, "vlan_stats_per_port", Is::Number(Scalar::U8)),
        row(46, "options", Is::Members(options, OPTIONS_PARTS)),
        row(47, "mcast_querier_state", Is::Members(querier_state, QUERIER_STATE_PARTS)),
        row(48, "fdb_n_learned", Is::Number(Scalar::U32)).volatile(),
        row(49, "fdb_max_learned", Is::Number(Scalar::U32)),
        row(50, "stp_mode", Is::AnyNumber),
    ],
);

/// The place in [`PORT_ROWS`] of the one attribute that `ip link` and `bridge link` name differently.
const MULTICAST_ROUTER: usize = 24;

/// `IFLA_BRPORT_*`.
const PORT_ROWS: [Row; 45] = [
    row(1, "state", Is::Named(Scalar::U8, BRIDGE_PORT_STATES)),
    row(2, "priority", Is::Number(Scalar::U16)),
    row(3, "cost", Is::Number(Scalar::U32)),
    row(4, "hairpin", Is::Bool(Scalar::U8)),
    row(5, "guard", Is::Bool(Scalar::U8)),
    row(6, "root_block", Is::Bool(Scalar::U8)),
    row(7, "fastleave", Is::Bool(Scalar::U8)),
    row(8, "learning", Is::Bool(Scalar::U8)),
    row(9, "flood", Is::Bool(Scalar::U8)),
    row(10, "proxy_arp", Is::Bool(Scalar::U8)),
    row(11, "learning_sync", Is::Bool(Scalar::U8)),
    row(12, "proxy_arp_wifi", Is::Bool(Scalar::U8)),
    row(13, "root_id", Is::Value(bridge_id, TEXT)),
    row(14, "bridge_id", Is::Value(bridge_id, TEXT)),
    row(15, "designated_port", Is::Number(Scalar::U16)),
    row(16, "designated_cost", Is::Number(Scalar::U16)),
    row(17, "id", Is::Number(Scalar::U16)),
    row(18, "no", Is::Number(Scalar::U16)),
    row(19, "topology_change_ack", Is::Number(Scalar::U8)).volatile(),
    row(20, "config_pending", Is::Number(Scalar::U8)).volatile(),
    row(21, "message_age_timer", Is::Value(seconds, NUMBER)).volatile(),
    row(22, "forward_delay_timer", Is::Value(seconds, NUMBER)).volatile(),
    row(23, "hold_timer", Is::Value(seconds, NUMBER)).volatile(),
    row(24, "fdb_flush", Is::Present),
    row(25, "multicast_router", Is::Number(Scalar::U8)),
    row(26, "padding", Is::Known),
    row(27, "mcast_flood", Is::Bool(Scalar::U8)),
    row(28, "mcast_to_unicast", Is::Bool(Scalar::U8)),
    row(29, "vlan_tunnel", Is::Bool(Scalar::U8)),
    row(30, "bcast_flood", Is::Bool(Scalar::U8)),
    row(31, "group_fwd_mask", Is::Members(group_forward_mask, GROUP_FORWARD_MASK_PARTS)),
    row(32, "neigh_suppress", Is::Bool(Scalar::U8)),
    row(33, "isolated", Is::Bool(Scalar::U8)),
    row(34, "backup_port", Is::Link),
    row(35, "mrp_ring_open", Is::Bool(Scalar::U8)),
    row(36, "mrp_in_open", Is::Bool(Scalar::U8)),
    row(37, "mcast_eht_hosts_limit", Is::Number(Scalar::U32)),
    row(38, "mcast_eht_hosts_cnt", Is::Number(Scalar::U32)),
    row(39, "locked", Is::Bool(Scalar::U8)),
    row(40, "mab", Is::Bool(Scalar::U8)),
    row(41, "mcast_n_groups", Is::Number(Scalar::U32)).volatile(),
    row(42, "mcast_max_groups", Is::Number(Scalar::U32)),
    row(43, "neigh_vlan_suppress", Is::Bool(Scalar::U8)),
    row(44, "backup_nhid", Is::Number(Scalar::U32)),
    row(45, "neigh_forward_grat", Is::Bool(Scalar::U8)),
];

/// A bridge's port, as `ip -d link` prints it under `info_slave_data`.
pub static PORT: Set = Set::new("IFLA_BRPORT", &PORT_ROWS);

/// A bridge's port, as `bridge -d link` prints it.
pub static PORT_INFORMATION: Set = Set::new(
    "IFLA_BRPORT",
    &const {
        let mut rows = PORT_ROWS;
        rows[MULTICAST_ROUTER] = row(25, "mcast_router", Is::Number(Scalar::U8));
        rows
    },
);

/// `IFLA_BRIDGE_*`: what a message with the family `AF_BRIDGE` has under `IFLA_AF_SPEC`.
pub static BRIDGE_SPEC: Set = Set::new(
    "IFLA_BRIDGE",
    &[
        row(0, "bridge_flags", Is::Bits(Scalar::U16, &[(1, "MASTER"), (2, "SELF")])),
        row(1, "hwmode", Is::Named(Scalar::U16, &[(0, "VEB"), (1, "VEPA")])),
        row(2, "vlans", Is::Value(vlan, VLAN_SHAPE)).repeated(),
        row(3, "tunnels", Is::Value(vlan_tunnel, VLAN_TUNNEL_SHAPE)).repeated(),
        row(4, "mrp", Is::Each(&Is::Set(&MRP))),
        row(5, "cfm", Is::Set(&CFM)),
        row(6, "mst", Is::Each(&Is::Set(&MST))),
    ],
);

/// `IFLA_BRIDGE_MRP_INFO_*`: a ring of the Media Redundancy Protocol.
static MRP: Set = Set::new(
    "IFLA_BRIDGE_MRP_INFO",
    &[
        row(1, "ring_id", Is::Number(Scalar::U32)),
        row(2, "p_dev", Is::Link),
        row(3, "s_dev", Is::Link),
        row(4, "prio", Is::Number(Scalar::U16)),
        row(5, "ring_state", Is::Number(Scalar::U32)),
        row(6, "ring_role", Is::Number(Scalar::U32)),
        row(7, "test_interval", Is::Number(Scalar::U32)),
        row(8, "test_max_miss", Is::Number(Scalar::U32)),
        row(9, "test_monitor", Is::Number(Scalar::U32)),
        row(10, "i_dev", Is::Link),
        row(11, "in_state", Is::Number(Scalar::U32)),
        row(12, "in_role", Is::Number(Scalar::U32)),
        row(13, "in_test_interval", Is::Number(Scalar::U32)),
        row(14, "in_test_max_miss", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_BRIDGE_CFM_*`: Connectivity Fault Management; each attribute comes once for each instance.
static CFM: Set = Set::new(
    "IFLA_BRIDGE_CFM",
    &[
        row(9, "mep_create", Is::Set(&CFM_CREATE)).repeated(),
        row(10, "mep_config", Is::Set(&CFM_CONFIG)).repeated(),
        row(11, "cc_config", Is::Set(&CFM_CHECK)).repeated(),
        row(12, "cc_rdi", Is::Set(&CFM_DEFECT)).repeated(),
        row(13, "cc_ccm_tx", Is::Set(&CFM_SENDING)).repeated(),
        row(14, "cc_peer_mep", Is::Set(&CFM_PEER)).repeated(),
        row(15, "mep_status", Is::Set(&CFM_STATUS)).repeated().volatile(),
        row(16, "cc_peer_status", Is::Set(&CFM_PEER_STATUS)).repeated().volatile(),
    ],
);

static CFM_CREATE: Set = Set::new(
    "IFLA_BRIDGE_CFM_MEP_CREATE",
    &[
        row(1, "instance", Is::Number(Scalar::U32)),
        row(2, "domain", Is::Named(Scalar::U32, &[(0, "port"), (1, "vlan")])),
        row(3, "direction", Is::Named(Scalar::U32, &[(0, "down"), (1, "up")])),
        row(4, "dev", Is::Link),
    ],
);

static CFM_CONFIG: Set = Set::new(
    "IFLA_BRIDGE_CFM_MEP_CONFIG",
    &[
        row(1, "instance", Is::Number(Scalar::U32)),
        row(2, "unicast_mac", Is::Hardware),
        row(3, "mdlevel", Is::Number(Scalar::U32)),
        row(4, "mepid", Is::Number(Scalar::U32)),
    ],
);

static CFM_CHECK: Set = Set::new(
    "IFLA_BRIDGE_CFM_CC_CONFIG",
    &[
        row(1, "instance", Is::Number(Scalar::U32)),
        row(2, "enable", Is::Number(Scalar::U32)),
        row(3, "exp_interval", Is::Number(Scalar::U32)),
        row(4, "exp_maid", Is::Hex),
    ],
);

static CFM_DEFECT: Set = Set::new(
    "IFLA_BRIDGE_CFM_CC_RDI",
    &[row(1, "instance", Is::Number(Scalar::U32)), row(2, "rdi", Is::Number(Scalar::U32))],
);

static CFM_SENDING: Set = Set::new(
    "IFLA_BRIDGE_CFM_CC_CCM_TX",
    &[
        row(1, "instance", Is::Number(Scalar::U32)),
        row(2, "dmac", Is::Hardware),
        row(3, "seq_no_update", Is::Number(Scalar::U32)),
        row(4, "period", Is::Number(Scalar::U32)),
        row(5, "if_tlv", Is::Number(Scalar::U32)),
        row(6, "if_tlv_value", Is::Number(Scalar::U8)),
        row(7, "port_tlv", Is::Number(Scalar::U32)),
        row(8, "port_tlv_value", Is::Number(Scalar::U8)),
    ],
);

static CFM_PEER: Set = Set::new(
    "IFLA_BRIDGE_CFM_CC_PEER_MEP",
    &[row(1, "instance", Is::Number(Scalar::U32)), row(2, "mepid", Is::Number(Scalar::U32))],
);

static CFM_STATUS: Set = Set::new(
    "IFLA_BRIDGE_CFM_MEP_STATUS",
    &[
        row(1, "instance", Is::Number(Scalar::U32)),
        row(2, "opcode_unexp_seen", Is::Number(Scalar::U32)),
        row(3, "version_unexp_seen", Is::Number(Scalar::U32)),
        row(4, "rx_level_low_seen", Is::Number(Scalar::U32)),
    ],
);

static CFM_PEER_STATUS: Set = Set::new(
    "IFLA_BRIDGE_CFM_CC_PEER_STATUS",
    &[
        row(1, "instance", Is::Number(Scalar::U32)),
        row(2, "peer_mepid", Is::Number(Scalar::U32)),
        row(3, "ccm_defect", Is::Number(Scalar::U32)),
        row(4, "rdi", Is::Number(Scalar::U32)),
        row(5, "port_tlv_value", Is::Number(Scalar::U8)),
        row(6, "if_tlv_value", Is::Number(Scalar::U8)),
        row(7, "seen", Is::Number(Scalar::U32)),
        row(8, "tlv_seen", Is::Number(Scalar::U32)),
        row(9, "seq_unexp_seen", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_BRIDGE_MST_ENTRY_*`: the state of a port in one instance of the Multiple Spanning Tree.
static MST: Set = Set::new(
    "IFLA_BRIDGE_MST_ENTRY",
    &[row(1, "msti", Is::Number(Scalar::U16)), row(2, "state", Is::Named(Scalar::U8, BRIDGE_PORT_STATES))],
);

/// `struct bridge_vlan_xstats`.
pub static VLAN_COUNTERS: Structure = Structure::new(
    "bridge_vlan_xstats",
    40,
    &[
        field(32, "vid", Is::Number(Scalar::U16)),
        field_of(34, 2, "flags", Is::Members(vlan_counters_flags, VLAN_COUNTERS_FLAGS_PARTS)),
        field(0, "rx_bytes", Is::Number(Scalar::U64)),
        field(8, "rx_packets", Is::Number(Scalar::U64)),
        field(16, "tx_bytes", Is::Number(Scalar::U64)),
        field(24, "tx_packets", Is::Number(Scalar::U64)),
    ],
);

/// `struct bridge_stp_xstats`.
pub static SPANNING_TREE_COUNTERS: Structure = Structure::new(
    "bridge_stp_xstats",
    48,
    &[
        field(0, "transition_blk", Is::Number(Scalar::U64)),
        field(8, "transition_fwd", Is::Number(Scalar::U64)),
        field(16, "rx_bpdu", Is::Number(Scalar::U64)),
        field(24, "tx_bpdu", Is::Number(Scalar::U64)),
        field(32, "rx_tcn", Is::Number(Scalar::U64)),
        field(40, "tx_tcn", Is::Number(Scalar::U64)),
    ],
);

static COUNTER: Is = Is::Number(Scalar::U64);
/// Two numbers: received and sent.
const BOTH_WAYS: Is = Is::Array(&COUNTER, 8);

/// `struct br_mcast_stats`.
pub static MULTICAST_COUNTERS: Structure = Structure::new(
    "br_mcast_stats",
    240,
    &[
        field_of(0, 16, "igmp_v1queries", BOTH_WAYS),
        field_of(16, 16, "igmp_v2queries", BOTH_WAYS),
        field_of(32, 16, "igmp_v3queries", BOTH_WAYS),
        field_of(48, 16, "igmp_leaves", BOTH_WAYS),
        field_of(64, 16, "igmp_v1reports", BOTH_WAYS),
        field_of(80, 16, "igmp_v2reports", BOTH_WAYS),
        field_of(96, 16, "igmp_v3reports", BOTH_WAYS),
        field(112, "igmp_parse_errors", Is::Number(Scalar::U64)),
        field_of(120, 16, "mld_v1queries", BOTH_WAYS),
        field_of(136, 16, "mld_v2queries", BOTH_WAYS),
        field_of(152, 16, "mld_leaves", BOTH_WAYS),
        field_of(168, 16, "mld_v1reports", BOTH_WAYS),
        field_of(184, 16, "mld_v2reports", BOTH_WAYS),
        field(200, "mld_parse_errors", Is::Number(Scalar::U64)),
        field_of(208, 16, "mcast_bytes", BOTH_WAYS),
        field_of(224, 16, "mcast_packets", BOTH_WAYS),
    ],
);

/// A bridge's identifier, `struct ifla_bridge_id`: the priority as four digits, a dot, the address without leading
/// zeros in its octets, as `ip` prints it.
pub fn bridge_id(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let id: [u8; 8] = payload.try_into().map_err(|_| Wrong::Length(8))?;
    let [p, q, a, b, c, d, e, f] = id;
    out.display(format_args!("{p:02x}{q:02x}.{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}"));
    Ok(())
}

/// Options by the numbers of their bits, `BR_BOOLOPT_*`, with the keys of `ip -d link`.
const OPTIONS: &[&str] =
    &["no_linklocal_learn", "mcast_vlan_snooping", "mst_enabled", "mdb_offload_fail_notification", "fdb_local_vlan_0"];

/// The members that [`options`] writes.
const OPTIONS_PARTS: &[Part] = &[Part::Members("an option that the kernel knows, 0 or 1", NUMBER)];

/// `struct br_boolopt_multi`: a member with 0 or 1 for each option that the kernel knows.
pub fn options(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() != 8 {
        return Err(Wrong::Length(8));
    }
    let values = unsigned(Scalar::U32, &payload[..4])?;
    let mask = unsigned(Scalar::U32, &payload[4..])?;
    for (bit, &key) in OPTIONS.iter().enumerate() {
        if mask >> bit & 1 != 0 {
            out.key(key);
            out.unsigned(values >> bit & 1);
        }
    }
    let rest = mask >> OPTIONS.len();
    for bit in (0..32 - OPTIONS.len()).filter(|bit| rest >> bit & 1 != 0) {
        let bit = bit + OPTIONS.len();
        out.any_key(&format!("option_{bit}"));
        out.unsigned(values >> bit & 1);
    }
    Ok(())
}

/// The members that [`querier_state`] writes.
pub const QUERIER_STATE_PARTS: &[Part] = &[
    Part::Member(
        "mcast_querier_state_ipv4",
        &Shape::Object(&[
            Part::text("mcast_querier_ipv4_addr"),
            Part::number("mcast_querier_ipv4_port"),
            Part::Volatile("mcast_querier_ipv4_other_timer", NUMBER),
        ]),
    ),
    Part::Member(
        "mcast_querier_state_ipv6",
        &Shape::Object(&[
            Part::text("mcast_querier_ipv6_addr"),
            Part::number("mcast_querier_ipv6_port"),
            Part::Volatile("mcast_querier_ipv6_other_timer", NUMBER),
        ]),
    ),
    Part::Member("mcast_querier_state", &Shape::Object(&[])),
];

/// Who asks about multicast on the bridge (`BRIDGE_QUERIER_*`): an object for IPv4 and one for IPv6.
pub fn querier_state(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    /// For a family: the object's key, then the numbers and keys of its address, port and timer.
    const FAMILIES: [(&str, [(u16, &str); 3]); 2] = [
        (
            "mcast_querier_state_ipv4",
            [(1, "mcast_querier_ipv4_addr"), (2, "mcast_querier_ipv4_port"), (3, "mcast_querier_ipv4_other_timer")],
        ),
        (
            "mcast_querier_state_ipv6",
            [(5, "mcast_querier_ipv6_addr"), (6, "mcast_querier_ipv6_port"), (7, "mcast_querier_ipv6_other_timer")],
        ),
    ];
    let leftovers = Leftovers::of(payload, |number| matches!(number, 1..=7));
    if !leftovers.is_empty() {
        out.key("mcast_querier_state");
        out.begin_object();
        leftovers.write(out);
        out.end_object();
    }
    for (key, [address, port, timer]) in FAMILIES {
        if [address, port, timer].iter().all(|(number, _)| attribute(payload, *number).is_none()) {
            continue;
        }
        out.key(key);
        out.begin_object();
        if let Some(found) = attribute(payload, address.0) {
            out.key(address.1);
            value::write_ip(out, found)?;
        }
        if let Some(found) = attribute_u32(payload, port.0) {
            out.key(port.1);
            out.unsigned(found.into());
        }
        if let Some(found) = attribute(payload, timer.0)
            && !context.comparing
        {
            out.key(timer.1);
            seconds(out, context, found)?;
        }
        out.end_object();
    }
    Ok(())
}

/// Names of the last octets of link-local addresses that a port may forward, as `ip` prints them.
const FORWARDED: &[(u32, &str)] = &[(0, "stp"), (2, "lacp"), (14, "lldp")];

/// The members that [`group_forward_mask`] writes.
const GROUP_FORWARD_MASK_PARTS: &[Part] = &[Part::number("group_fwd_mask"), Part::text("group_fwd_mask_str")];

/// `group_fwd_mask`, and the same in words as `group_fwd_mask_str`.
pub fn group_forward_mask(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let mask = unsigned(Scalar::U16, payload)?;
    out.key("group_fwd_mask");
    out.unsigned(mask);
    out.key("group_fwd_mask_str");
    let words: Vec<String> = (0..16)
        .filter(|bit| mask >> bit & 1 != 0)
        .map(|bit| match FORWARDED.iter().find(|(known, _)| *known == bit) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("0x{:x}", 1 << bit),
        })
        .collect();
    out.string(if words.is_empty() { "0x0".to_owned() } else { words.join(",") }.as_str());
    Ok(())
}

/// `BRIDGE_VLAN_INFO_*` (`linux/if_bridge.h`).
const RANGE_BEGIN: u16 = 1 << 3;
const RANGE_END: u16 = 1 << 4;
static FLAGS: &Names =
    &[(1 << 1, "PVID"), (1 << 2, "Egress Untagged"), (1 << 0, "MASTER"), (1 << 5, "BRENTRY"), (1 << 6, "ONLY_OPTS")];

/// The attribute of that number that follows the one whose payload is given, among those of one set.
fn next_of<'a>(context: &Context<'a>, payload: &[u8]) -> Option<&'a [u8]> {
    attributes(context.set)
        .filter(|found| found.number == context.number())
        .skip_while(|found| !std::ptr::eq(found.payload, payload))
        .nth(1)
        .map(|found| found.payload)
}

/// Writes `vlanEnd` and the like, where a range ends elsewhere than it begins.
pub fn write_range(out: &mut Json, keys: [&'static str; 2], from: u64, to: Option<u64>) {
    out.key(keys[0]);
    out.unsigned(from);
    if let Some(to) = to
        && to != from
    {
        out.key(keys[1]);
        out.unsigned(to);
    }
}

/// Flags and number of a VLAN (`struct bridge_vlan_info`).
pub fn vlan_info(payload: &[u8]) -> Result<(u16, u16), Wrong> {
    if payload.len() != 4 {
        return Err(Wrong::Length(4));
    }
    Ok((u16_at(payload, 0).unwrap_or_default(), u16_at(payload, 2).unwrap_or_default()))
}

/// Writes `flags`, where a VLAN has any.
pub fn write_vlan_flags(out: &mut Json, flags: u16) {
    if flags == 0 {
        return;
    }
    out.key("flags");
    value::write_bits(out, FLAGS, flags.into());
}

/// The members that [`vlan_counters_flags`] writes.
const VLAN_COUNTERS_FLAGS_PARTS: &[Part] = &[Part::texts("flags")];

/// `flags` of `struct bridge_vlan_xstats`.
pub fn vlan_counters_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_vlan_flags(out, unsigned(Scalar::U16, payload)? as u16);
    Ok(())
}

/// What [`vlan`] writes.
const VLAN_SHAPE: &Shape = &Shape::Object(&[Part::number("vlan"), Part::number("vlanEnd"), Part::texts("flags")]);

/// A VLAN of a port. A range comes as two attributes: its first one writes the element, its last one nothing.
pub fn vlan(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (flags, vlan) = vlan_info(payload)?;
    if flags & RANGE_END != 0 {
        return Ok(());
    }
    let last = if flags & RANGE_BEGIN == 0 { None } else { next_of(context, payload) };
    let last = last.map(vlan_info).transpose()?.map(|(_, vlan)| vlan.into());
    out.begin_object();
    write_range(out, ["vlan", "vlanEnd"], vlan.into(), last);
    write_vlan_flags(out, flags & !RANGE_BEGIN);
    out.end_object();
    Ok(())
}

/// What [`vlan_tunnel`] writes.
const VLAN_TUNNEL_SHAPE: &Shape =
    &Shape::Object(&[Part::number("vlan"), Part::number("vlanEnd"), Part::number("tunid"), Part::number("tunidEnd")]);

/// The tunnel of a VLAN of a port (`IFLA_BRIDGE_VLAN_TUNNEL_*`); ranges are told as for [`vlan`].
pub fn vlan_tunnel(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const ID: u16 = 1;
    const VLAN: u16 = 2;
    const FLAGS: u16 = 3;
    let read = |set: &[u8]| -> Result<(u64, u64, u16), Wrong> {
        let id = unsigned(Scalar::U32, attribute(set, ID).ok_or(Wrong::Because("the tunnel's number is missing"))?)?;
        let vlan = unsigned(Scalar::U16, attribute(set, VLAN).ok_or(Wrong::Because("the VLAN is missing"))?)?;
        let flags = attribute(set, FLAGS).map(|flags| unsigned(Scalar::U16, flags)).transpose()?;
        Ok((id, vlan, flags.unwrap_or_default() as u16))
    };
    let (id, vlan, flags) = read(payload)?;
    if flags & RANGE_END != 0 {
        return Ok(());
    }
    let last = if flags & RANGE_BEGIN == 0 { None } else { next_of(context, payload) };
    let last = last.map(read).transpose()?;
    out.begin_object();
    write_range(out, ["vlan", "vlanEnd"], vlan, last.map(|(_, vlan, _)| vlan));
    write_range(out, ["tunid", "tunidEnd"], id, last.map(|(id, _, _)| id));
    Leftovers::of(payload, |number| matches!(number, ID..=FLAGS)).write(out);
    out.end_object();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::NoLinks;
    use crate::decode::testing::{compared, message, nest, text};
    use crate::kinds::rtnetlink::link::{BRIDGE_PORT, LINK};

    /// What a bridge with those attributes says of itself; whole, and as it is compared.
    fn bridge(attributes: &[(u16, &[u8])]) -> (String, String) {
        let payload = message(&[0; 16], &[(18, &nest(&[(1, b"bridge\0"), (2, &nest(attributes))]))]);
        let data = |text: String| {
            let (_, data) = text.split_once(r#""info_data":"#).unwrap();
            data[..data.len() - 2].to_owned()
        };
        (data(text(&LINK, &payload)), data(compared(&LINK, &payload)))
    }

    fn port(attributes: &[(u16, &[u8])]) -> String {
        text(&BRIDGE_PORT, &message(&[0; 16], &[(26, &nest(attributes))]))
    }

    #[test]
    fn an_identifier_is_written_as_ip_does() {
        let id = bridge(&[(11, &[0x80, 0, 0x9a, 0xbf, 0, 0xe2, 0xa3, 0x69])]).0;
        assert_eq!(id, r#"{"bridge_id":"8000.9a:bf:0:e2:a3:69"}"#);
        assert!(bridge(&[(11, &[1])]).0.contains("8 octets expected"));
    }

    #[test]
    fn options_that_the_kernel_knows_are_told() {
        let (text, _) = bridge(&[(46, &[1, 0, 0, 0, 0x23, 0, 0, 0])]);
        assert_eq!(text, r#"{"no_linklocal_learn":1,"mcast_vlan_snooping":0,"option_5":0}"#);
    }

    #[test]
    fn who_asks_is_told_for_each_family_and_when_is_not_compared() {
        let state = nest(&[(1, &[10, 0, 0, 1]), (2, &3u32.to_ne_bytes()), (3, &150u64.to_ne_bytes())]);
        let (text, compared) = bridge(&[(47, &state)]);
        let head = r#"{"mcast_querier_state_ipv4":{"mcast_querier_ipv4_addr":"10.0.0.1","mcast_querier_ipv4_port":3"#;
        assert_eq!(text, format!(r#"{head},"mcast_querier_ipv4_other_timer":1.5}}}}"#));
        assert_eq!(compared, format!("{head}}}}}"));
        let later = nest(&[(1, &[10, 0, 0, 1]), (8, &[1])]);
        let known = r#""mcast_querier_state_ipv4":{"mcast_querier_ipv4_addr":"10.0.0.1"}"#;
        let unknown = r#""mcast_querier_state":{"unknown":[{"attr":8,"hex":"01"}]}"#;
        assert_eq!(bridge(&[(47, &later)]).0, format!("{{{unknown},{known}}}"));
    }

    #[test]
    fn a_forwarding_mask_in_words() {
        let mut out = Json::new();
        let context = LINK.context(&[], &NoLinks);
        group_forward_mask(&mut out, &context, &0x4009u16.to_ne_bytes()).unwrap();
        assert_eq!(out.bytes(), br#""group_fwd_mask":16393,"group_fwd_mask_str":"stp,0x8,lldp""#);
        out.clear();
        group_forward_mask(&mut out, &context, &[0, 0]).unwrap();
        assert_eq!(out.bytes(), br#""group_fwd_mask":0,"group_fwd_mask_str":"0x0""#);
    }

    #[test]
    fn ranges_of_vlans_are_one_element() {
        let vlan = |flags: u16, vlan: u16| [flags.to_ne_bytes(), vlan.to_ne_bytes()].concat();
        let text = port(&[(2, &vlan(6, 1)), (2, &vlan(8, 10)), (2, &vlan(16, 20)), (2, &vlan(0, 30))]);
        let vlans = r#"[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10,"vlanEnd":20},{"vlan":30}]"#;
        assert!(text.contains(&format!(r#""vlans":{vlans}"#)), "{text}");
        let lone = port(&[(2, &vlan(8, 10))]);
        assert!(lone.contains(r#""vlans":[{"vlan":10}]"#));
    }

    #[test]
    fn ranges_of_tunnels_are_one_element() {
        let tunnel = |id: u32, vlan: u16, flags: u16| {
            nest(&[(1, &id.to_ne_bytes()), (2, &vlan.to_ne_bytes()), (3, &flags.to_ne_bytes())])
        };
        let later = [tunnel(2000, 200, 0), nest(&[(4, &[1])])].concat();
        let text = port(&[(3, &later), (3, &tunnel(20, 2, 8)), (3, &tunnel(24, 6, 16))]);
        let first = r#"{"vlan":200,"tunid":2000,"unknown":[{"attr":4,"hex":"01"}]}"#;
        let tunnels = format!(r#"[{first},{{"vlan":2,"vlanEnd":6,"tunid":20,"tunidEnd":24}}]"#);
        assert!(text.contains(&format!(r#""tunnels":{tunnels}"#)), "{text}");
    }
}
