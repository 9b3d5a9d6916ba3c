//! Bridges and their ports (`linux/if_link.h`, `linux/if_bridge.h`).

use crate::decode::code::bridge as code;
use crate::decode::schema::{Is, Row, Scalar, Set, Structure, field, field_of, row};
use crate::kinds::rtnetlink::names::{BRIDGE_PORT_STATES, ETHER_TYPES};
use crate::kinds::rtnetlink::value::seconds;

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
        row(10, "root_id", Is::Value(code::bridge_id)),
        row(11, "bridge_id", Is::Value(code::bridge_id)),
        row(12, "root_port", Is::Number(Scalar::U16)),
        row(13, "root_path_cost", Is::Number(Scalar::U32)),
        row(14, "topology_change", Is::Number(Scalar::U8)),
        row(15, "topology_change_detected", Is::Number(Scalar::U8)),
        row(16, "hello_timer", Is::Value(seconds)).volatile(),
        row(17, "tcn_timer", Is::Value(seconds)).volatile(),
        row(18, "topology_change_timer", Is::Value(seconds)).volatile(),
        row(19, "gc_timer", Is::Value(seconds)).volatile(),
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
        row(46, "options", Is::Members(code::options)),
        row(47, "mcast_querier_state", Is::Members(code::querier_state)),
        row(48, "fdb_n_learned", Is::Number(Scalar::U32)),
        row(49, "fdb_max_learned", Is::Number(Scalar::U32)),
        row(50, "stp_mode", Is::AnyNumber),
    ],
);

/// The place in [`PORT_ROWS`] of the one attribute that `ip link` and `bridge link` name differently.
const MULTICAST_ROUTER: usize = 24;

/// `IFLA_BRPORT_*`.
const PORT_ROWS: [Row; 44] = [
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
    row(13, "root_id", Is::Value(code::bridge_id)),
    row(14, "bridge_id", Is::Value(code::bridge_id)),
    row(15, "designated_port", Is::Number(Scalar::U16)),
    row(16, "designated_cost", Is::Number(Scalar::U16)),
    row(17, "id", Is::Number(Scalar::U16)),
    row(18, "no", Is::Number(Scalar::U16)),
    row(19, "topology_change_ack", Is::Number(Scalar::U8)).volatile(),
    row(20, "config_pending", Is::Number(Scalar::U8)).volatile(),
    row(21, "message_age_timer", Is::Value(seconds)).volatile(),
    row(22, "forward_delay_timer", Is::Value(seconds)).volatile(),
    row(23, "hold_timer", Is::Value(seconds)).volatile(),
    row(24, "fdb_flush", Is::Present),
    row(25, "multicast_router", Is::Number(Scalar::U8)),
    row(26, "padding", Is::Known),
    row(27, "mcast_flood", Is::Bool(Scalar::U8)),
    row(28, "mcast_to_unicast", Is::Bool(Scalar::U8)),
    row(29, "vlan_tunnel", Is::Bool(Scalar::U8)),
    row(30, "bcast_flood", Is::Bool(Scalar::U8)),
    row(31, "group_fwd_mask", Is::Members(code::group_forward_mask)),
    row(32, "neigh_suppress", Is::Bool(Scalar::U8)),
    row(33, "isolated", Is::Bool(Scalar::U8)),
    row(34, "backup_port", Is::Link),
    row(35, "mrp_ring_open", Is::Bool(Scalar::U8)),
    row(36, "mrp_in_open", Is::Bool(Scalar::U8)),
    row(37, "mcast_eht_hosts_limit", Is::Number(Scalar::U32)),
    row(38, "mcast_eht_hosts_cnt", Is::Number(Scalar::U32)),
    row(39, "locked", Is::Bool(Scalar::U8)),
    row(40, "mab", Is::Bool(Scalar::U8)),
    row(41, "mcast_n_groups", Is::Number(Scalar::U32)),
    row(42, "mcast_max_groups", Is::Number(Scalar::U32)),
    row(43, "neigh_vlan_suppress", Is::Bool(Scalar::U8)),
    row(44, "backup_nhid", Is::Number(Scalar::U32)),
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
        row(2, "vlans", Is::Value(code::vlan)).repeated(),
        row(3, "tunnels", Is::Value(code::vlan_tunnel)).repeated(),
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
        field_of(34, 2, "flags", Is::Members(code::vlan_counters_flags)),
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
