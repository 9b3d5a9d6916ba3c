//! The numbers in the tables against the kernel's headers: the machine's own, `/usr/include/linux`, or those of another
//! kernel, in the directory that `LINKHOOK_KERNEL_HEADERS` names (`scripts/kernel-headers` brings the newest).
//!
//! A set's name is the prefix of an `enum` there, and each of its rows must have a number of that `enum`. Keys are
//! iproute2's, and often differ from the kernel's names, so a row is wrong where its key resembles another name of the
//! `enum` more than its own: that is what two swapped rows look like. What disagrees on purpose stands in
//! [`DISAGREEMENTS`], with the reason. Headers may be older than the tables: what came later is in [`NEWER`].

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use libtest_mimic::Failed;
use linkhook::decode::schema::{Among, Is, Part, Set, Shape, Structure};
use linkhook::kinds::rtnetlink::{PROTOCOL, route};
use linkhook::kinds::{KINDS, KindIndex, xfrm};

use crate::Test;

/// These tests.
pub const TESTS: &[Test] = &[
    ("an_enum_is_read_as_a_compiler_reads_it", an_enum_is_read_as_a_compiler_reads_it),
    ("attributes_have_the_kernels_numbers", attributes_have_the_kernels_numbers),
    ("attributes_of_the_kernel_have_rows", attributes_of_the_kernel_have_rows),
    ("ipsec_has_the_kernels_messages_and_groups", ipsec_has_the_kernels_messages_and_groups),
    ("kinds_have_the_kernels_messages_and_groups", kinds_have_the_kernels_messages_and_groups),
];

/// Where the machine keeps the kernel's headers; the package `linux-libc-dev` brings them, which gcc's packages need.
const HEADERS: &str = "/usr/include/linux";
/// The variable that names another directory.
const VARIABLE: &str = "LINKHOOK_KERNEL_HEADERS";

/// Where the headers are that the tables are held against.
fn headers() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| HEADERS.into(), PathBuf::from)
}

/// The tables know the attributes of Linux up to this version, as `LINUX_VERSION_CODE` has it: 7.3.
const KNOWN_VERSION: u32 = (7 << 16) + (3 << 8) + 255;

/// Why these tests cannot run here, if they cannot.
pub fn obstacle() -> Option<String> {
    let path = headers().join("rtnetlink.h");
    (!path.exists()).then(|| format!("{} is not there: the package linux-libc-dev has it", path.display()))
}

/// Enumerators that came after Linux 6.1, or have left since, by prefix: the first one's number, and their names without the prefix. Where
/// the headers have them too, they must agree.
const NEWER: &[(&str, u32, &str)] = &[
    ("ETHTOOL_A_HEADER", 4, "PHY_INDEX"),
    (
        "ETHTOOL_A_MM",
        0,
        "UNSPEC HEADER PMAC_ENABLED TX_ENABLED TX_ACTIVE TX_MIN_FRAG_SIZE RX_MIN_FRAG_SIZE VERIFY_ENABLED VERIFY_STATUS VERIFY_TIME MAX_VERIFY_TIME STATS",
    ),
    (
        "ETHTOOL_A_COALESCE",
        26,
        "TX_AGGR_MAX_BYTES TX_AGGR_MAX_FRAMES TX_AGGR_TIME_USECS RX_PROFILE TX_PROFILE RX_CQE_FRAMES RX_CQE_NSECS",
    ),
    ("ETHTOOL_A_IRQ_MODERATION", 0, "UNSPEC USEC PKTS COMPS"),
    ("OVS_VPORT_ATTR", 10, "UPCALL_STATS"),
    ("OVS_VPORT_UPCALL_ATTR", 0, "SUCCESS FAIL"),
    ("ETHTOOL_A_PAUSE", 6, "STATS_SRC"),
    ("ETHTOOL_A_PAUSE_STAT", 4, "TX_PAUSE_STORM_EVENTS"),
    ("ETHTOOL_A_RSS", 0, "UNSPEC HEADER CONTEXT HFUNC INDIR HKEY INPUT_XFRM START_CONTEXT FLOW_HASH"),
    (
        "MPTCP_ATTR",
        0,
        "UNSPEC TOKEN FAMILY LOC_ID REM_ID SADDR4 SADDR6 DADDR4 DADDR6 SPORT DPORT BACKUP ERROR FLAGS TIMEOUT IF_IDX RESET_REASON RESET_FLAGS SERVER_SIDE",
    ),
    ("NETDEV_A_DEV", 1, "IFINDEX PAD XDP_FEATURES XDP_ZC_MAX_SEGS XDP_RX_METADATA_FEATURES XSK_FEATURES"),
    ("NETDEV_A_PAGE_POOL", 1, "ID IFINDEX NAPI_ID INFLIGHT INFLIGHT_MEM DETACH_TIME DMABUF IO_URING"),
    ("ETHTOOL_A_PLCA", 0, "UNSPEC HEADER VERSION ENABLED STATUS NODE_CNT NODE_ID TO_TMR BURST_CNT BURST_TMR"),
    ("ETHTOOL_A_RINGS", 14, "RX_PUSH TX_PUSH_BUF_LEN TX_PUSH_BUF_LEN_MAX HDS_THRESH HDS_THRESH_MAX"),
    (
        "DPLL_A",
        1,
        "ID MODULE_NAME PAD CLOCK_ID MODE MODE_SUPPORTED LOCK_STATUS TEMP TYPE LOCK_STATUS_ERROR CLOCK_QUALITY_LEVEL PHASE_OFFSET_MONITOR PHASE_OFFSET_AVG_FACTOR FREQUENCY_MONITOR",
    ),
    (
        "DPLL_A_PIN",
        1,
        "ID PARENT_ID MODULE_NAME PAD CLOCK_ID BOARD_LABEL PANEL_LABEL PACKAGE_LABEL TYPE DIRECTION FREQUENCY FREQUENCY_SUPPORTED FREQUENCY_MIN FREQUENCY_MAX PRIO STATE CAPABILITIES PARENT_DEVICE PARENT_PIN PHASE_ADJUST_MIN PHASE_ADJUST_MAX PHASE_ADJUST PHASE_OFFSET FRACTIONAL_FREQUENCY_OFFSET ESYNC_FREQUENCY ESYNC_FREQUENCY_SUPPORTED ESYNC_PULSE REFERENCE_SYNC PHASE_ADJUST_GRAN FRACTIONAL_FREQUENCY_OFFSET_PPT MEASURED_FREQUENCY OPERSTATE",
    ),
    ("THERMAL_GENL_ATTR", 24, "THRESHOLD THRESHOLD_TEMP THRESHOLD_DIRECTION TZ_PREV_TEMP"),
    ("RDMA_NLDEV_ATTR", 99, "DEV_TYPE PARENT_NAME NAME_ASSIGN_TYPE EVENT_TYPE"),
    ("RTM", 56, "NEWMULTICAST DELMULTICAST"),
    ("RTM", 60, "NEWANYCAST DELANYCAST"),
    ("RTNLGRP", 37, "IPV4_MCADDR IPV6_MCADDR IPV6_ACADDR"),
    (
        "IFLA",
        62,
        "DEVLINK_PORT GSO_IPV4_MAX_SIZE GRO_IPV4_MAX_SIZE DPLL_PIN MAX_PACING_OFFLOAD_HORIZON NETNS_IMMUTABLE",
    ),
    ("IFLA", 68, "HEADROOM TAILROOM"),
    ("IFLA_BR", 48, "FDB_N_LEARNED FDB_MAX_LEARNED STP_MODE"),
    ("IFA", 12, "MC_USERS"),
    ("IFLA_BRPORT", 40, "MAB MCAST_N_GROUPS MCAST_MAX_GROUPS NEIGH_VLAN_SUPPRESS BACKUP_NHID NEIGH_FORWARD_GRAT"),
    ("IFLA_MACVLAN", 9, "BC_CUTOFF"),
    ("IFLA_VXLAN", 31, "LOCALBYPASS LABEL_POLICY RESERVED_BITS MC_ROUTE"),
    ("IFLA_GENEVE", 15, "PORT_RANGE GRO_HINT LOCAL LOCAL6"),
    ("IFLA_GTP", 7, "LOCAL LOCAL6"),
    ("IFLA_BOND", 32, "COUPLED_CONTROL BROADCAST_NEIGH LACP_STRICT"),
    (
        "DEVLINK_ATTR",
        177,
        "RATE_TX_PRIORITY RATE_TX_WEIGHT REGION_DIRECT RATE_TC_BWS HEALTH_REPORTER_BURST_PERIOD PARAM_VALUE_DEFAULT PARAM_RESET_DEFAULT INDEX RESOURCE_SCOPE_MASK PARENT_DEV",
    ),
    ("DEVLINK_RATE_TC_ATTR", 0, "UNSPEC INDEX BW"),
    (
        "DEVLINK_PORT_FUNCTION_ATTR",
        4,
        "DEVLINK_PORT_FN_ATTR_CAPS DEVLINK_PORT_FN_ATTR_DEVLINK DEVLINK_PORT_FN_ATTR_MAX_IO_EQS",
    ),
    ("IFLA_BOND_SLAVE", 10, "ACTOR_PORT_PRIO AD_CHURN_ACTOR_STATE AD_CHURN_PARTNER_STATE"),
    ("IFLA_HSR", 8, "INTERLINK"),
    ("IFLA_MCTP", 2, "PHYS_BINDING"),
    ("IFLA_CAIF", 1, "IPV4_CONNID IPV6_CONNID LOOPBACK"),
    ("IFLA_CAN", 18, "XL_DATA_BITTIMING XL_DATA_BITTIMING_CONST XL_DATA_BITRATE_CONST XL_TDC XL_PWM"),
    ("IFLA_CAN_PWM", 1, "PWMS_MIN PWMS_MAX PWML_MIN PWML_MAX PWMO_MIN PWMO_MAX PWMS PWML PWMO"),
    ("IFLA_OVPN", 1, "MODE"),
    ("NHA_GROUP_STATS_ENTRY", 1, "ID PACKETS PACKETS_HW"),
    ("IFLA_NETKIT", 1, "PEER_INFO PRIMARY POLICY PEER_POLICY MODE SCRUB PEER_SCRUB HEADROOM TAILROOM PAIRING"),
    ("RTA", 31, "FLOWLABEL DEL_REASON"),
    ("FRA", 25, "DSCP FLOWLABEL FLOWLABEL_MASK SPORT_MASK DPORT_MASK DSCP_MASK"),
    ("NHA", 14, "OP_FLAGS GROUP_STATS HW_STATS_ENABLE HW_STATS_USED DST_PORT"),
    ("BRIDGE_VLANDB_ENTRY", 7, "MCAST_N_GROUPS MCAST_MAX_GROUPS NEIGH_SUPPRESS NEIGH_FORWARD_GRAT"),
    (
        "XFRMA",
        33,
        "SA_DIR NAT_KEEPALIVE_INTERVAL SA_PCPU IPTFS_DROP_TIME IPTFS_REORDER_WINDOW IPTFS_DONT_FRAG IPTFS_INIT_DELAY \
         IPTFS_MAX_QSIZE IPTFS_PKT_SIZE",
    ),
    ("MDBA_MDB_EATTR", 6, "DST DST_PORT VNI IFINDEX SRC_VNI"),
    ("NETCONFA", 9, "FORCE_FORWARDING"),
    ("SEG6_IPTUNNEL", 2, "SRC TABLE"),
    ("IOAM6_IPTUNNEL", 6, "SRC"),
    ("DCB_ATTR_IEEE", 11, "DCB_ATTR_DCB_APP_TRUST_TABLE DCB_ATTR_DCB_REWR_TABLE"),
    ("TCA_FLOWER", 106, "L2_MISS KEY_CFM KEY_SPI KEY_SPI_MASK KEY_ENC_FLAGS KEY_ENC_FLAGS_MASK"),
    ("TCA_FLOWER_KEY_ENC_OPTS", 5, "PFCP"),
    ("TCA_FLOWER_KEY_ENC_OPT_PFCP", 1, "TYPE SEID"),
    ("TCA_FLOWER_KEY_CFM", 1, "MD_LEVEL OPCODE"),
    ("TCA_MIRRED", 4, "BLOCKID"),
    ("TCA_TUNNEL_KEY", 14, "NO_FRAG"),
    ("TCA_CT", 16, "HELPER_NAME HELPER_FAMILY HELPER_PROTO"),
    ("TCA_NETEM", 14, "PRNG_SEED"),
    ("TCA_MQPRIO", 5, "TC_ENTRY"),
    ("TCA_FQ", 16, "PRIOMAP WEIGHTS OFFLOAD_HORIZON"),
    ("TCA_CAKE_STATS", 17, "ACTIVE_QUEUES"),
    ("TCA_TAPRIO_OFFLOAD_STATS", 1, "PAD WINDOW_DROPS TX_OVERRUNS"),
    ("TCA_DUALPI2", 1, "LIMIT MEMORY_LIMIT TARGET TUPDATE ALPHA BETA STEP_THRESH_PKTS STEP_THRESH_US MIN_QLEN_STEP"),
    ("TCA_DUALPI2", 10, "COUPLING DROP_OVERLOAD DROP_EARLY C_PROTECTION ECN_MASK SPLIT_GSO PAD"),
    ("NFTA_BITWISE", 8, "SREG2"),
    ("NFTA_INNER", 1, "NUM TYPE FLAGS HDRSIZE EXPR"),
    ("NFTA_SET", 19, "TYPE COUNT"),
    ("CTA", 27, "TIMESTAMP_EVENT"),
    ("NFTA_TRACE", 18, "CT_ID CT_DIRECTION CT_STATUS CT_STATE"),
];

/// Sets without an `enum` of their name, with the reason.
const NO_ENUM: &[(&str, &str)] = &[
    ("AF", "the numbers are address families"),
    ("TCA_FLOWER_KEY", "the rows of TCA_FLOWER once more, without those that are told beside the keys"),
    ("genl", "of families without tables"),
    ("SELNL_MSG", "attributes that are made of messages, numbered as these"),
    ("usersock", "a datagram made an attribute"),
    ("team_option", "the rows of TEAM_ATTR_OPTION behind their team's"),
    ("team_port", "the rows of TEAM_ATTR_PORT behind their team's"),
    ("ovpn_peer", "the rows of OVPN_A_PEER behind their interface's"),
    ("ovpn_key", "the rows of OVPN_A_KEYCONF behind their interface's"),
    ("wireguard_peer", "the rows of WGPEER_A behind their device's"),
    ("none", "a place where no attributes follow"),
    ("uevent", "a text, which is made an attribute"),
];

/// Of devlink's keys: an `enum` has the attributes of all its objects.
const DEVLINK_WORD: &str = "devlink's word for it, of this object alone";

/// Rows whose key resembles another enumerator more than the one of their number, with the reason why they are right.
const DISAGREEMENTS: &[(&str, u16, &str, &str)] = &[
    ("IFA", 5, "address", "three kinds of address have one key"),
    ("IFA", 7, "address", "three kinds of address have one key"),
    ("IFLA_BRIDGE_CFM", 9, "mep_create", "the names without INFO are requests"),
    ("IFLA_BRIDGE_CFM", 10, "mep_config", "the names without INFO are requests"),
    ("IFLA_BRIDGE_CFM", 11, "cc_config", "the names without INFO are requests"),
    ("IFLA_BRIDGE_CFM", 12, "cc_rdi", "the names without INFO are requests"),
    ("IFLA_BRIDGE_CFM", 13, "cc_ccm_tx", "the names without INFO are requests"),
    ("IFLA_BRIDGE_CFM", 14, "cc_peer_mep", "the names without INFO are requests"),
    ("IFLA_STATS", 1, "stats64", "as links call the same counters"),
    ("IFLA_STATS", 5, "afstats", "as iproute2 calls it"),
    ("MDBA_MDB_EATTR", 2, "source_list", "iproute2 writes it out, and calls SOURCE src"),
    ("XFRMA", 20, "auth", "ip prints one of the two that tell of authentication"),
    ("NFTA_SET", 4, "type", "nft's word for the type of keys; TYPE is what the kernel keeps elements in"),
    ("DEVLINK_ATTR", 156, "stats", DEVLINK_WORD),
    ("DEVLINK_ATTR", 153, "action", DEVLINK_WORD),
    ("DEVLINK_ATTR", 163, "stats", DEVLINK_WORD),
    ("DEVLINK_ATTR", 159, "limit", DEVLINK_WORD),
    ("DEVLINK_ATTR", 160, "value", DEVLINK_WORD),
    ("DEVLINK_ATTR", 78, "port", DEVLINK_WORD),
    ("DEVLINK_ATTR", 81, "name", DEVLINK_WORD),
    ("DEVLINK_ATTR", 84, "values", DEVLINK_WORD),
    ("DEVLINK_ATTR", 88, "name", DEVLINK_WORD),
    ("DEVLINK_ATTR", 89, "size", DEVLINK_WORD),
    ("DEVLINK_ATTR", 130, "name", DEVLINK_WORD),
    ("DEVLINK_ATTR", 135, "name", DEVLINK_WORD),
    ("DEVLINK_ATTR", 143, "rate", DEVLINK_WORD),
    ("DEVLINK_ATTR", 168, "name", DEVLINK_WORD),
    ("DEVLINK_ATTR", 172, "state", DEVLINK_WORD),
    ("DEVLINK_ATTR", 173, "type", DEVLINK_WORD),
    ("DEVLINK_ATTR", 115, "reporter", DEVLINK_WORD),
    ("DEVLINK_ATTR", 116, "state", DEVLINK_WORD),
    ("DEVLINK_ATTR", 124, "msg", DEVLINK_WORD),
    ("RDMA_NLDEV_ATTR", 2, "dev", "the device's name"),
    ("RDMA_NLDEV_ATTR", 3, "ports", "of a device, the number of its last port"),
    ("RDMA_NLDEV_ATTR", 12, "state", "as rdma(8) calls it"),
    ("TCA_BPF", 9, "flags", "iproute2 calls FLAGS bpf_flags"),
    ("TCA_CTINFO", 7, "cpmark", "iproute2 writes the mask alone"),
    ("TCA_FLOWER", 11, "src_ip_mask", "iproute2 writes enc_ for a tunnel's addresses, not ipv4"),
    ("TCA_FLOWER", 13, "dst_ip_mask", "iproute2 writes enc_ for a tunnel's addresses, not ipv4"),
    ("TCA_FLOWER", 15, "src_ip6_mask", "iproute2 writes enc_ for a tunnel's addresses, not ipv6"),
    ("TCA_FLOWER", 47, "ip_flags", "iproute2 calls TCP's tcp_flags"),
    ("TCA_FLOWER", 99, "mpls", "a list of what KEY_MPLS_TC and the like say of one label"),
];

/// Enumerators without a row, by prefix: their names, or `*` for any, and the reason.
const NO_ROW: &[(&str, &str, &str)] = &[
    ("DEVLINK_ATTR", "*", "of buffers, tables, resources and firmware no kind tells, and much is of requests"),
    ("THERMAL_GENL_ATTR", "*", "nests of answers, and elements of a list"),
    ("RDMA_NLDEV_ATTR", "*", "of queues, counters and other resources no kind tells"),
    ("NL80211_ATTR", "*", "what only a driver or a supplicant reads, and requests"),
    ("NL80211_TXQ_STATS", "NUM_NL80211_TXQ_STATS", "the number of the others"),
    ("DPLL_A_PIN", "*", "of a pin's, a link only says which one it is"),
    ("IFLA_BRIDGE_CFM", "MEP_CREATE MEP_DELETE MEP_CONFIG CC_CONFIG CC_PEER_MEP_ADD", "requests"),
    ("IFLA_BRIDGE_CFM", "CC_PEER_MEP_REMOVE CC_RDI CC_CCM_TX", "requests"),
    ("CTA", "NAT_SRC NAT_DST MARK_MASK LABELS_MASK FILTER STATUS_MASK", "requests"),
    ("CTRL_ATTR", "POLICY OP_POLICY OP", "answers to who asks for policies"),
    ("MPTCP_PM_ATTR", "RCV_ADD_ADDRS SUBFLOWS TOKEN LOC_ID ADDR_REMOTE", "limits, and requests"),
    ("TCA_PEDIT", "KEY_EX", "an element of KEYS_EX"),
    ("CTA_PROTOINFO_DCCP", "PAD", "padding"),
    ("NFACCT", "FILTER", "a request's"),
];

/// Kinds by name: the word in their messages' names, behind `RTM_NEW`, and that in their groups' names.
const MESSAGES: &[(&str, &str, &[&str])] = &[
    ("link", "LINK", &["LINK"]),
    ("bridge_port", "LINK", &["LINK"]),
    ("inet6_link", "LINK", &["IPV6_IFINFO"]),
    ("addr", "ADDR", &["IPV4_IFADDR", "IPV6_IFADDR"]),
    ("route", "ROUTE", &["IPV4_ROUTE", "IPV6_ROUTE", "MPLS_ROUTE"]),
    ("rule", "RULE", &["IPV4_RULE", "IPV6_RULE"]),
    ("neigh", "NEIGH", &["NEIGH"]),
    ("fdb", "NEIGH", &["NEIGH"]),
    ("neigh_miss", "NEIGH", &["NEIGH"]),
    ("nexthop", "NEXTHOP", &["NEXTHOP"]),
    ("nexthop_bucket", "NEXTHOPBUCKET", &["NEXTHOP"]),
    ("netconf", "NETCONF", &["IPV4_NETCONF", "IPV6_NETCONF", "MPLS_NETCONF"]),
    ("neightbl", "NEIGHTBL", &[]),
    ("addrlabel", "ADDRLABEL", &[]),
    ("prefix", "PREFIX", &["IPV6_PREFIX"]),
    ("nduseropt", "NDUSEROPT", &["ND_USEROPT"]),
    ("nsid", "NSID", &["NSID"]),
    ("mdb", "MDB", &["MDB"]),
    ("vlan", "VLAN", &["BRVLAN"]),
    ("mroute", "ROUTE", &["IPV4_MROUTE", "IPV6_MROUTE"]),
    ("mroute_report", "CACHEREPORT", &["IPV4_MROUTE_R", "IPV6_MROUTE_R"]),
    ("maddr", "MULTICAST", &["IPV4_MCADDR", "IPV6_MCADDR"]),
    ("anycast", "ANYCAST", &["IPV6_ACADDR"]),
    ("stats", "STATS", &["STATS"]),
    ("tunnel", "TUNNEL", &["TUNNEL"]),
    ("mctp_addr", "ADDR", &["MCTP_IFADDR"]),
    ("mctp_route", "ROUTE", &[]),
    ("mctp_neigh", "NEIGH", &[]),
    ("phonet_addr", "ADDR", &["PHONET_IFADDR"]),
    ("phonet_route", "ROUTE", &["PHONET_ROUTE"]),
    ("dcb", "DCB", &["DCB"]),
    ("qdisc", "QDISC", &["TC"]),
    ("class", "TCLASS", &["TC"]),
    ("filter", "TFILTER", &["TC"]),
    ("chain", "CHAIN", &["TC"]),
    ("tc_action", "ACTION", &["TC"]),
];

/// The same of IPsec's kinds: their messages' names behind `XFRM_MSG_`, of those that are there and are gone, and their groups' behind
/// `XFRMNLGRP_`.
const IPSEC_MESSAGES: &[(&str, &str, &str, &[&str])] = &[
    ("xfrm_state", "NEWSA", "DELSA", &["EXPIRE", "SA"]),
    ("xfrm_policy", "NEWPOLICY", "DELPOLICY", &["EXPIRE", "POLICY"]),
    ("xfrm_acquire", "ACQUIRE", "", &["ACQUIRE"]),
    ("xfrm_expire", "EXPIRE", "", &["EXPIRE"]),
    ("xfrm_ae", "NEWAE", "", &["AEVENTS"]),
    ("xfrm_mapping", "MAPPING", "", &["MAPPING"]),
    ("xfrm_migrate", "MIGRATE", "", &["MIGRATE"]),
    ("xfrm_report", "REPORT", "", &["REPORT"]),
    ("xfrm_default", "GETDEFAULT", "", &["POLICY"]),
];

/// Kinds of nf_tables by name: the word in their messages' names, behind `NFT_MSG_NEW`.
const NFT_MESSAGES: &[(&str, &str)] = &[
    ("nft_table", "TABLE"),
    ("nft_chain", "CHAIN"),
    ("nft_rule", "RULE"),
    ("nft_set", "SET"),
    ("nft_element", "SETELEM"),
    ("nft_object", "OBJ"),
    ("nft_flowtable", "FLOWTABLE"),
    ("nft_gen", "GEN"),
];

/// One `enum`: its enumerators' names and values, without those whose value is beyond what is read here.
type Enum = Vec<(String, u32)>;

/// The `enum`s of a header. Of expressions it reads numbers, names, shifts, and a name more or less a number, which is
/// what these headers have.
fn enums_of(header: &str) -> Vec<Enum> {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    let code = code.replace("\\\n", " ");
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let mut enums = Vec::new();
    for after in code.split("enum ").skip(1) {
        let Some((name, after)) = after.split_once('{') else { continue };
        // Otherwise it is a variable of that type, or a function's argument.
        if name.trim().chars().all(|letter| letter.is_alphanumeric() || letter == '_')
            && let Some((body, _)) = after.split_once('}')
        {
            enums.push(enumerators(body));
        }
    }
    enums
}

fn enumerators(body: &str) -> Enum {
    let mut found = Enum::new();
    let mut next = Some(0);
    for part in body.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name.trim(), Some(value)));
        let number = value.map_or(next, |value| number_of(value, &found));
        if let Some(number) = number {
            found.push((name.to_owned(), number));
        }
        next = number.and_then(|number: u32| number.checked_add(1));
    }
    found
}

fn number_of(expression: &str, known: &Enum) -> Option<u32> {
    let expression = expression.trim().trim_start_matches('(').trim_end_matches(')').trim();
    if let Some((left, right)) = expression.split_once("<<") {
        return number_of(left, known)?.checked_shl(number_of(right, known)?);
    }
    if let Some((left, right)) = expression.split_once('-') {
        return number_of(left, known)?.checked_sub(number_of(right, known)?);
    }
    if let Some((left, right)) = expression.split_once('+') {
        return number_of(left, known)?.checked_add(number_of(right, known)?);
    }
    let digits = expression.trim_end_matches(['U', 'L']);
    match digits.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => digits.parse().ok(),
    }
    .or_else(|| known.iter().find(|(name, _)| name == expression).map(|(_, number)| *number))
}

fn an_enum_is_read_as_a_compiler_reads_it() -> Result<(), Failed> {
    let header = [
        "struct a { enum b c; }; /* enum { NO, }; */",
        "enum d {",
        "\tA_NONE, // A_NO,",
        "#define A_NONE A_NONE",
        "\tA_ONE, A_SAME = A_ONE, A_BIT = (1 << 4), A_HEX = 0x20,",
        "\t__A_MAX, A_MAX = __A_MAX - 1",
        "};",
    ];
    let numbers: Vec<(&str, u32)> =
        vec![("A_NONE", 0), ("A_ONE", 1), ("A_SAME", 1), ("A_BIT", 16), ("A_HEX", 32), ("__A_MAX", 33), ("A_MAX", 32)];
    let numbers: Enum = numbers.into_iter().map(|(name, number)| (name.to_owned(), number)).collect();
    assert_eq!(enums_of(&header.join("\n")), [numbers]);
    Ok(())
}

/// The kernel's names by prefix and number, as the machine's headers and [`NEWER`] have them.
struct Kernel {
    enums: Vec<Enum>,
}

/// Of one prefix: names without it, by number.
type Names = BTreeMap<u32, Vec<String>>;

impl Kernel {
    fn read() -> Result<Kernel, Failed> {
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in ["", "caif", "can", "netfilter", "tc_act", "tc_ematch", "../rdma"] {
            let folder = headers().join(folder);
            // Newer kernels have no CAIF any more, and some machines only the headers of linux.
            if !folder.exists() {
                continue;
            }
            for entry in std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
                files.push(entry?.path());
            }
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "h"));
        let mut enums = Vec::new();
        for file in files {
            enums.extend(enums_of(&String::from_utf8_lossy(&std::fs::read(file)?)));
        }
        Ok(Kernel { enums })
    }

    /// The names of a prefix; none where there is no `enum` of it. Such an `enum` ends with `PREFIX_MAX`, or all its
    /// names begin so.
    fn names(&self, prefix: &str) -> Result<Names, Failed> {
        let (end, begin) = (format!("{prefix}_MAX"), format!("{prefix}_"));
        let has_end = |names: &&Enum| names.iter().any(|(name, _)| name.trim_start_matches('_') == end);
        let mut found: Vec<&Enum> = self.enums.iter().filter(has_end).collect();
        if found.is_empty() {
            // What begins with two underscores only counts the others, and may be called otherwise (`__MPTCP_ATTR_AFTER_LAST`).
            let all = |names: &&Enum| {
                let mut names = names.iter().map(|(name, _)| name).filter(|name| !name.starts_with("__")).peekable();
                names.peek().is_some() && names.all(|name| name.starts_with(&begin))
            };
            found = self.enums.iter().filter(all).collect();
        }
        if found.len() > 1 {
            return Err(format!("{prefix}: several enums").into());
        }
        let mut names = Names::new();
        for (name, number) in found.into_iter().flatten().filter(|(name, _)| !name.starts_with("__") && *name != end) {
            names.entry(*number).or_default().push(name.strip_prefix(&begin).unwrap_or(name).to_owned());
        }
        for (_, first, newer) in NEWER.iter().filter(|entry| entry.0 == prefix) {
            for (number, name) in (*first..).zip(newer.split(' ')) {
                let here = names.entry(number).or_default();
                if here.is_empty() {
                    here.push(name.to_owned());
                } else if !here.iter().any(|here| here == name) {
                    return Err(format!("{prefix}: {number} is {here:?}, and not {name}").into());
                }
            }
        }
        Ok(names)
    }

    /// The number of a name of a prefix.
    fn number(&self, prefix: &str, name: &str) -> Result<Option<u32>, Failed> {
        let names = self.names(prefix)?;
        Ok(names.iter().find(|(_, names)| names.iter().any(|here| here == name)).map(|(number, _)| *number))
    }
}

/// Every set that can be reached from the kinds, and those that only a function reaches.
fn sets() -> Vec<&'static Set> {
    fn of_set(set: &'static Set, seen: &mut HashSet<usize>, found: &mut Vec<&'static Set>) {
        if seen.insert(std::ptr::from_ref(set) as usize) {
            found.push(set);
            set.rows.iter().for_each(|row| of_value(&row.is, seen, found));
        }
    }
    fn of_structure(structure: &'static Structure, seen: &mut HashSet<usize>, found: &mut Vec<&'static Set>) {
        structure.fields.iter().for_each(|field| of_value(&field.is, seen, found));
    }
    fn of_shape(shape: &'static Shape, seen: &mut HashSet<usize>, found: &mut Vec<&'static Set>) {
        match shape {
            Shape::As(is) => of_value(is, seen, found),
            Shape::List(shape) => of_shape(shape, seen, found),
            Shape::Object(parts) => parts.iter().for_each(|part| of_part(part, seen, found)),
            Shape::Text | Shape::Number | Shape::Bool => {}
        }
    }
    fn of_part(part: &'static Part, seen: &mut HashSet<usize>, found: &mut Vec<&'static Set>) {
        match part {
            Part::Member(_, shape) | Part::Volatile(_, shape) | Part::Members(_, shape) => of_shape(shape, seen, found),
            Part::Set(set) => of_set(set, seen, found),
            Part::Structure(structure) => of_structure(structure, seen, found),
            Part::Choice(choices) => choices.iter().for_each(|(_, part)| of_part(part, seen, found)),
            Part::Flags(_) => {}
        }
    }
    fn of_value(is: &'static Is, seen: &mut HashSet<usize>, found: &mut Vec<&'static Set>) {
        match is {
            Is::Set(set) | Is::Inline(set) => of_set(set, seen, found),
            Is::Structure(structure) | Is::InlineStructure(structure) => of_structure(structure, seen, found),
            Is::Each(is) | Is::Array(is, _) => of_value(is, seen, found),
            Is::Chosen(choice) => match choice.among {
                Among::Text(choices) => choices.iter().for_each(|(_, is)| of_value(is, seen, found)),
                Among::Number(choices) => choices.iter().for_each(|(_, is)| of_value(is, seen, found)),
            },
            Is::Value(_, shape) => of_shape(shape, seen, found),
            Is::Members(_, parts) => parts.iter().for_each(|part| of_part(part, seen, found)),
            _ => {}
        }
    }
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    KINDS.iter().for_each(|kind| of_set(kind.set, &mut seen, &mut found));
    [&route::METRICS, &route::LEG_ATTRIBUTES].into_iter().for_each(|set| of_set(set, &mut seen, &mut found));
    found
}

/// Words no more alike than this are not alike: `sorensen_dice`, from 0 to 1.
const UNLIKE: f64 = 0.5;

/// A key or a name, without what differs by taste.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Sets by name, for several may have one.
fn sets_by_prefix() -> BTreeMap<&'static str, Vec<&'static Set>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for set in sets() {
        found.entry(set.name).or_default().push(set);
    }
    found
}

fn attributes_have_the_kernels_numbers() -> Result<(), Failed> {
    let kernel = Kernel::read()?;
    let mut wrong = Vec::new();
    let (mut used, mut without) = (BTreeSet::new(), BTreeSet::new());
    for (prefix, sets) in sets_by_prefix() {
        if NO_ENUM.iter().any(|entry| entry.0 == prefix) {
            without.insert(prefix);
            continue;
        }
        let names = kernel.names(prefix)?;
        for set in sets {
            hold_set(set, &names, &mut used, &mut wrong);
        }
    }
    for (prefix, number, key, _) in DISAGREEMENTS.iter().filter(|entry| !used.contains(&(entry.0, entry.1, entry.2))) {
        wrong.push(format!("{prefix}: {number} ({key}) does not disagree"));
    }
    for (prefix, _) in NO_ENUM.iter().filter(|entry| !without.contains(entry.0)) {
        wrong.push(format!("{prefix}: no table"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Holds a set's rows against the kernel's names. `used` is told which of [`DISAGREEMENTS`] are needed.
fn hold_set<'a>(set: &'a Set, names: &Names, used: &mut BTreeSet<(&'a str, u16, &'a str)>, wrong: &mut Vec<String>) {
    let is_named = |number: u32, key: &str| {
        names.get(&number).is_some_and(|names| names.iter().any(|name| plain(name) == plain(key)))
    };
    // Names that a row bears are nobody else's: several keys may resemble them.
    let borne: HashSet<u32> =
        set.rows.iter().filter(|row| is_named(row.number.into(), row.key.name)).map(|row| row.number.into()).collect();
    for row in set.rows {
        let (number, key) = (u32::from(row.number), row.key.name);
        let Some(own) = names.get(&number) else {
            wrong.push(format!("{}: {number} ({key}) is not the kernel's", set.name));
            continue;
        };
        if borne.contains(&number) {
            continue;
        }
        let likeness = |name: &String| strsim::sorensen_dice(&plain(name), &plain(key));
        let like_own = own.iter().map(likeness).fold(0.0, f64::max);
        let others = names.iter().filter(|(other, _)| ![0, number].contains(other) && !borne.contains(other));
        let liker = others.flat_map(|(_, names)| names).find(|name| likeness(name) > like_own.max(UNLIKE));
        let Some(other) = liker else { continue };
        if DISAGREEMENTS.iter().any(|entry| (entry.0, entry.1, entry.2) == (set.name, row.number, key)) {
            used.insert((set.name, row.number, key));
        } else {
            wrong.push(format!("{}: {number} ({key}) is {own:?}, and its key is like {other}", set.name));
        }
    }
}

fn attributes_of_the_kernel_have_rows() -> Result<(), Failed> {
    let version = std::fs::read_to_string(headers().join("version.h"))?;
    let version = version.lines().find_map(|line| line.strip_prefix("#define LINUX_VERSION_CODE "));
    let version: u32 = version.ok_or("version.h has no LINUX_VERSION_CODE")?.trim().parse()?;
    let kernel = Kernel::read()?;
    let mut wrong = Vec::new();
    for (prefix, sets) in sets_by_prefix() {
        if NO_ENUM.iter().any(|entry| entry.0 == prefix) {
            continue;
        }
        let known: HashSet<u32> = sets.iter().flat_map(|set| set.rows).map(|row| row.number.into()).collect();
        let last = known.iter().max().copied().unwrap_or_default();
        for (number, names) in kernel.names(prefix)? {
            let name = names[0].as_str();
            // Of headers newer than the tables, what is added at the end is news and no mistake.
            let is_news = version > KNOWN_VERSION && number > last;
            let is_padding = number == 0 || name.starts_with("UNUSED") || name.contains("_UNUSED");
            let is_listed = NO_ROW
                .iter()
                .any(|entry| entry.0 == prefix && entry.1.split(' ').any(|listed| listed == "*" || listed == name));
            if !known.contains(&number) && !is_news && !is_padding && !is_listed {
                wrong.push(format!("{prefix}: {number} ({name}) has no row"));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn kinds_have_the_kernels_messages_and_groups() -> Result<(), Failed> {
    let kernel = Kernel::read()?;
    let known: BTreeMap<&str, _> = MESSAGES.iter().map(|entry| (entry.0, entry)).collect();
    assert_eq!(known.len(), MESSAGES.len());
    for (name, word) in NFT_MESSAGES {
        const SUBSYSTEM: u32 = 10 << 8;
        let kind = KindIndex::named(name).ok_or("no such kind")?.table();
        let message = |verb: &str| kernel.number("NFT_MSG", &format!("{verb}{word}"));
        assert_eq!(message("NEW")?.map(|new| new | SUBSYSTEM), Some(kind.new.into()), "{name}");
        assert_eq!(message("DEL")?.map_or(0, |delete| delete | SUBSYSTEM), u32::from(kind.delete), "{name}");
        let get = kind.dumps.first().map(|dump| u32::from(dump.message));
        assert_eq!(message("GET")?.map(|get| get | SUBSYSTEM), get, "{name}");
    }
    for kind in PROTOCOL.kinds {
        let (_, word, groups) = known.get(kind.name).unwrap_or_else(|| panic!("{}: not here", kind.name));
        let message = |verb: &str| kernel.number("RTM", &format!("{verb}{word}"));
        let (new, delete) = match kind.name {
            // What a message asks is the event.
            "neigh_miss" => (message("GET")?, None),
            // The first of DCB's four has no name.
            "dcb" => (message("GET")?.map(|get| get - 2), None),
            _ => (message("NEW")?, message("DEL")?),
        };
        assert_eq!(Some(u32::from(kind.new)), new, "{}", kind.name);
        assert_eq!(u32::from(kind.delete), delete.unwrap_or_default(), "{}", kind.name);
        for dump in kind.dumps {
            assert_eq!(Some(u32::from(dump.message)), message("GET")?, "{}", kind.name);
        }
        let numbers: Vec<u32> =
            groups.iter().filter_map(|group| kernel.number("RTNLGRP", group).transpose()).collect::<Result<_, _>>()?;
        assert_eq!(kind.groups, numbers, "{}", kind.name);
    }
    Ok(())
}

fn ipsec_has_the_kernels_messages_and_groups() -> Result<(), Failed> {
    let kernel = Kernel::read()?;
    assert_eq!(xfrm::PROTOCOL.kinds.len(), IPSEC_MESSAGES.len());
    for (kind, (name, new, delete, groups)) in xfrm::PROTOCOL.kinds.iter().zip(IPSEC_MESSAGES) {
        assert_eq!(kind.name, *name);
        // The tables' types have an upper octet that is the protocol's own.
        let message = |name: &str| kernel.number("XFRM_MSG", name);
        let number = |message: u16| Some(u32::from(message & 0xff)).filter(|&number| number != 0);
        assert_eq!((number(kind.new), number(kind.delete)), (message(new)?, message(delete)?), "{name}");
        let numbers: Vec<u32> = groups
            .iter()
            .filter_map(|group| kernel.number("XFRMNLGRP", group).transpose())
            .collect::<Result<_, _>>()?;
        assert_eq!(kind.groups, numbers, "{name}");
    }
    Ok(())
}
