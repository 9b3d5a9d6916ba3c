//! The numbers in the tables against the kernel's headers, as the crate `linux-raw-sys` has them.
//!
//! It has the messages, the groups, and the attributes of links, addresses, routes, rules, neighbours and prefixes. It
//! has nothing of `nexthop.h`, `if_bridge.h` (multicast, VLANs), `netconf.h`, `net_namespace.h`, `lwtunnel.h`, and of
//! traffic control only `TCA_*` and `TCA_ROOT_*`: no queueing discipline, filter or action. `libc` has less. What those
//! tables say is held by recordings alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use libtest_mimic::Failed;
use linkhook::decode::schema::{Among, Is, Set, Structure};
use linkhook::kinds::KINDS;
use linkhook::kinds::rtnetlink::route;
use linux_raw_sys::netlink::rtattr_type_t::*;
use linux_raw_sys::netlink::rtnetlink_groups::*;
use linux_raw_sys::netlink::*;

use crate::Test;

/// These tests.
pub const TESTS: &[Test] = &[
    ("attributes_have_the_kernels_numbers", attributes_have_the_kernels_numbers),
    ("kinds_have_the_kernels_messages_and_groups", kinds_have_the_kernels_messages_and_groups),
];

type Numbers = &'static [(&'static str, u32)];

/// Sets by the kernel's prefix, with the names and numbers of their attributes.
macro_rules! attributes {
    ($($set:literal: $($name:ident)*;)*) => {
        const ATTRIBUTES: &[(&str, Numbers)] = &[$(($set, &[$((stringify!($name), $name as u32)),*])),*];
    };
}

attributes! {
    "IFLA":
        IFLA_ADDRESS IFLA_BROADCAST IFLA_IFNAME IFLA_MTU IFLA_LINK IFLA_QDISC IFLA_STATS IFLA_COST IFLA_PRIORITY
        IFLA_MASTER IFLA_WIRELESS IFLA_PROTINFO IFLA_TXQLEN IFLA_MAP IFLA_WEIGHT IFLA_OPERSTATE IFLA_LINKMODE
        IFLA_LINKINFO IFLA_NET_NS_PID IFLA_IFALIAS IFLA_NUM_VF IFLA_VFINFO_LIST IFLA_STATS64 IFLA_VF_PORTS
        IFLA_PORT_SELF IFLA_AF_SPEC IFLA_GROUP IFLA_NET_NS_FD IFLA_EXT_MASK IFLA_PROMISCUITY IFLA_NUM_TX_QUEUES
        IFLA_NUM_RX_QUEUES IFLA_CARRIER IFLA_PHYS_PORT_ID IFLA_CARRIER_CHANGES IFLA_PHYS_SWITCH_ID
        IFLA_LINK_NETNSID IFLA_PHYS_PORT_NAME IFLA_PROTO_DOWN IFLA_GSO_MAX_SEGS IFLA_GSO_MAX_SIZE IFLA_PAD
        IFLA_XDP IFLA_EVENT IFLA_NEW_NETNSID IFLA_IF_NETNSID IFLA_CARRIER_UP_COUNT IFLA_CARRIER_DOWN_COUNT
        IFLA_NEW_IFINDEX IFLA_MIN_MTU IFLA_MAX_MTU IFLA_PROP_LIST IFLA_ALT_IFNAME IFLA_PERM_ADDRESS
        IFLA_PROTO_DOWN_REASON IFLA_PARENT_DEV_NAME IFLA_PARENT_DEV_BUS_NAME IFLA_GRO_MAX_SIZE IFLA_TSO_MAX_SIZE
        IFLA_TSO_MAX_SEGS IFLA_ALLMULTI IFLA_DEVLINK_PORT IFLA_GSO_IPV4_MAX_SIZE IFLA_GRO_IPV4_MAX_SIZE
        IFLA_DPLL_PIN IFLA_MAX_PACING_OFFLOAD_HORIZON IFLA_NETNS_IMMUTABLE;
    "IFLA_BR":
        IFLA_BR_FORWARD_DELAY IFLA_BR_HELLO_TIME IFLA_BR_MAX_AGE IFLA_BR_AGEING_TIME IFLA_BR_STP_STATE
        IFLA_BR_PRIORITY IFLA_BR_VLAN_FILTERING IFLA_BR_VLAN_PROTOCOL IFLA_BR_GROUP_FWD_MASK IFLA_BR_ROOT_ID
        IFLA_BR_BRIDGE_ID IFLA_BR_ROOT_PORT IFLA_BR_ROOT_PATH_COST IFLA_BR_TOPOLOGY_CHANGE
        IFLA_BR_TOPOLOGY_CHANGE_DETECTED IFLA_BR_HELLO_TIMER IFLA_BR_TCN_TIMER IFLA_BR_TOPOLOGY_CHANGE_TIMER
        IFLA_BR_GC_TIMER IFLA_BR_GROUP_ADDR IFLA_BR_FDB_FLUSH IFLA_BR_MCAST_ROUTER IFLA_BR_MCAST_SNOOPING
        IFLA_BR_MCAST_QUERY_USE_IFADDR IFLA_BR_MCAST_QUERIER IFLA_BR_MCAST_HASH_ELASTICITY
        IFLA_BR_MCAST_HASH_MAX IFLA_BR_MCAST_LAST_MEMBER_CNT IFLA_BR_MCAST_STARTUP_QUERY_CNT
        IFLA_BR_MCAST_LAST_MEMBER_INTVL IFLA_BR_MCAST_MEMBERSHIP_INTVL IFLA_BR_MCAST_QUERIER_INTVL
        IFLA_BR_MCAST_QUERY_INTVL IFLA_BR_MCAST_QUERY_RESPONSE_INTVL IFLA_BR_MCAST_STARTUP_QUERY_INTVL
        IFLA_BR_NF_CALL_IPTABLES IFLA_BR_NF_CALL_IP6TABLES IFLA_BR_NF_CALL_ARPTABLES IFLA_BR_VLAN_DEFAULT_PVID
        IFLA_BR_PAD IFLA_BR_VLAN_STATS_ENABLED IFLA_BR_MCAST_STATS_ENABLED IFLA_BR_MCAST_IGMP_VERSION
        IFLA_BR_MCAST_MLD_VERSION IFLA_BR_VLAN_STATS_PER_PORT IFLA_BR_MULTI_BOOLOPT IFLA_BR_MCAST_QUERIER_STATE
        IFLA_BR_FDB_N_LEARNED IFLA_BR_FDB_MAX_LEARNED;
    "IFLA_BRPORT":
        IFLA_BRPORT_STATE IFLA_BRPORT_PRIORITY IFLA_BRPORT_COST IFLA_BRPORT_MODE IFLA_BRPORT_GUARD
        IFLA_BRPORT_PROTECT IFLA_BRPORT_FAST_LEAVE IFLA_BRPORT_LEARNING IFLA_BRPORT_UNICAST_FLOOD
        IFLA_BRPORT_PROXYARP IFLA_BRPORT_LEARNING_SYNC IFLA_BRPORT_PROXYARP_WIFI IFLA_BRPORT_ROOT_ID
        IFLA_BRPORT_BRIDGE_ID IFLA_BRPORT_DESIGNATED_PORT IFLA_BRPORT_DESIGNATED_COST IFLA_BRPORT_ID
        IFLA_BRPORT_NO IFLA_BRPORT_TOPOLOGY_CHANGE_ACK IFLA_BRPORT_CONFIG_PENDING IFLA_BRPORT_MESSAGE_AGE_TIMER
        IFLA_BRPORT_FORWARD_DELAY_TIMER IFLA_BRPORT_HOLD_TIMER IFLA_BRPORT_FLUSH IFLA_BRPORT_MULTICAST_ROUTER
        IFLA_BRPORT_PAD IFLA_BRPORT_MCAST_FLOOD IFLA_BRPORT_MCAST_TO_UCAST IFLA_BRPORT_VLAN_TUNNEL
        IFLA_BRPORT_BCAST_FLOOD IFLA_BRPORT_GROUP_FWD_MASK IFLA_BRPORT_NEIGH_SUPPRESS IFLA_BRPORT_ISOLATED
        IFLA_BRPORT_BACKUP_PORT IFLA_BRPORT_MRP_RING_OPEN IFLA_BRPORT_MRP_IN_OPEN
        IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT IFLA_BRPORT_MCAST_EHT_HOSTS_CNT IFLA_BRPORT_LOCKED IFLA_BRPORT_MAB
        IFLA_BRPORT_MCAST_N_GROUPS IFLA_BRPORT_MCAST_MAX_GROUPS IFLA_BRPORT_NEIGH_VLAN_SUPPRESS
        IFLA_BRPORT_BACKUP_NHID;
    "IFLA_INFO":
        IFLA_INFO_KIND IFLA_INFO_DATA IFLA_INFO_XSTATS IFLA_INFO_SLAVE_KIND IFLA_INFO_SLAVE_DATA;
    "IFLA_VLAN":
        IFLA_VLAN_ID IFLA_VLAN_FLAGS IFLA_VLAN_EGRESS_QOS IFLA_VLAN_INGRESS_QOS IFLA_VLAN_PROTOCOL;
    "IFLA_MACVLAN":
        IFLA_MACVLAN_MODE IFLA_MACVLAN_FLAGS IFLA_MACVLAN_MACADDR_MODE IFLA_MACVLAN_MACADDR
        IFLA_MACVLAN_MACADDR_DATA IFLA_MACVLAN_MACADDR_COUNT IFLA_MACVLAN_BC_QUEUE_LEN
        IFLA_MACVLAN_BC_QUEUE_LEN_USED IFLA_MACVLAN_BC_CUTOFF;
    "IFLA_VRF":
        IFLA_VRF_TABLE;
    "IFLA_VRF_PORT":
        IFLA_VRF_PORT_TABLE;
    "IFLA_MACSEC":
        IFLA_MACSEC_SCI IFLA_MACSEC_PORT IFLA_MACSEC_ICV_LEN IFLA_MACSEC_CIPHER_SUITE IFLA_MACSEC_WINDOW
        IFLA_MACSEC_ENCODING_SA IFLA_MACSEC_ENCRYPT IFLA_MACSEC_PROTECT IFLA_MACSEC_INC_SCI IFLA_MACSEC_ES
        IFLA_MACSEC_SCB IFLA_MACSEC_REPLAY_PROTECT IFLA_MACSEC_VALIDATION IFLA_MACSEC_PAD IFLA_MACSEC_OFFLOAD;
    "IFLA_XFRM":
        IFLA_XFRM_LINK IFLA_XFRM_IF_ID IFLA_XFRM_COLLECT_METADATA;
    "IFLA_IPVLAN":
        IFLA_IPVLAN_MODE IFLA_IPVLAN_FLAGS;
    "IFLA_NETKIT":
        IFLA_NETKIT_PEER_INFO IFLA_NETKIT_PRIMARY IFLA_NETKIT_POLICY IFLA_NETKIT_PEER_POLICY IFLA_NETKIT_MODE
        IFLA_NETKIT_SCRUB IFLA_NETKIT_PEER_SCRUB IFLA_NETKIT_HEADROOM IFLA_NETKIT_TAILROOM;
    "IFLA_VXLAN":
        IFLA_VXLAN_ID IFLA_VXLAN_GROUP IFLA_VXLAN_LINK IFLA_VXLAN_LOCAL IFLA_VXLAN_TTL IFLA_VXLAN_TOS
        IFLA_VXLAN_LEARNING IFLA_VXLAN_AGEING IFLA_VXLAN_LIMIT IFLA_VXLAN_PORT_RANGE IFLA_VXLAN_PROXY
        IFLA_VXLAN_RSC IFLA_VXLAN_L2MISS IFLA_VXLAN_L3MISS IFLA_VXLAN_PORT IFLA_VXLAN_GROUP6 IFLA_VXLAN_LOCAL6
        IFLA_VXLAN_UDP_CSUM IFLA_VXLAN_UDP_ZERO_CSUM6_TX IFLA_VXLAN_UDP_ZERO_CSUM6_RX IFLA_VXLAN_REMCSUM_TX
        IFLA_VXLAN_REMCSUM_RX IFLA_VXLAN_GBP IFLA_VXLAN_REMCSUM_NOPARTIAL IFLA_VXLAN_COLLECT_METADATA
        IFLA_VXLAN_LABEL IFLA_VXLAN_GPE IFLA_VXLAN_TTL_INHERIT IFLA_VXLAN_DF IFLA_VXLAN_VNIFILTER
        IFLA_VXLAN_LOCALBYPASS IFLA_VXLAN_LABEL_POLICY IFLA_VXLAN_RESERVED_BITS IFLA_VXLAN_MC_ROUTE;
    "IFLA_GENEVE":
        IFLA_GENEVE_ID IFLA_GENEVE_REMOTE IFLA_GENEVE_TTL IFLA_GENEVE_TOS IFLA_GENEVE_PORT
        IFLA_GENEVE_COLLECT_METADATA IFLA_GENEVE_REMOTE6 IFLA_GENEVE_UDP_CSUM IFLA_GENEVE_UDP_ZERO_CSUM6_TX
        IFLA_GENEVE_UDP_ZERO_CSUM6_RX IFLA_GENEVE_LABEL IFLA_GENEVE_TTL_INHERIT IFLA_GENEVE_DF
        IFLA_GENEVE_INNER_PROTO_INHERIT IFLA_GENEVE_PORT_RANGE;
    "IFLA_BAREUDP":
        IFLA_BAREUDP_PORT IFLA_BAREUDP_ETHERTYPE IFLA_BAREUDP_SRCPORT_MIN IFLA_BAREUDP_MULTIPROTO_MODE;
    "IFLA_PPP":
        IFLA_PPP_DEV_FD;
    "IFLA_GTP":
        IFLA_GTP_FD0 IFLA_GTP_FD1 IFLA_GTP_PDP_HASHSIZE IFLA_GTP_ROLE IFLA_GTP_CREATE_SOCKETS
        IFLA_GTP_RESTART_COUNT IFLA_GTP_LOCAL IFLA_GTP_LOCAL6;
    "IFLA_BOND":
        IFLA_BOND_MODE IFLA_BOND_ACTIVE_SLAVE IFLA_BOND_MIIMON IFLA_BOND_UPDELAY IFLA_BOND_DOWNDELAY
        IFLA_BOND_USE_CARRIER IFLA_BOND_ARP_INTERVAL IFLA_BOND_ARP_IP_TARGET IFLA_BOND_ARP_VALIDATE
        IFLA_BOND_ARP_ALL_TARGETS IFLA_BOND_PRIMARY IFLA_BOND_PRIMARY_RESELECT IFLA_BOND_FAIL_OVER_MAC
        IFLA_BOND_XMIT_HASH_POLICY IFLA_BOND_RESEND_IGMP IFLA_BOND_NUM_PEER_NOTIF IFLA_BOND_ALL_SLAVES_ACTIVE
        IFLA_BOND_MIN_LINKS IFLA_BOND_LP_INTERVAL IFLA_BOND_PACKETS_PER_SLAVE IFLA_BOND_AD_LACP_RATE
        IFLA_BOND_AD_SELECT IFLA_BOND_AD_INFO IFLA_BOND_AD_ACTOR_SYS_PRIO IFLA_BOND_AD_USER_PORT_KEY
        IFLA_BOND_AD_ACTOR_SYSTEM IFLA_BOND_TLB_DYNAMIC_LB IFLA_BOND_PEER_NOTIF_DELAY IFLA_BOND_AD_LACP_ACTIVE
        IFLA_BOND_MISSED_MAX IFLA_BOND_NS_IP6_TARGET IFLA_BOND_COUPLED_CONTROL IFLA_BOND_BROADCAST_NEIGH;
    "IFLA_BOND_AD_INFO":
        IFLA_BOND_AD_INFO_AGGREGATOR IFLA_BOND_AD_INFO_NUM_PORTS IFLA_BOND_AD_INFO_ACTOR_KEY
        IFLA_BOND_AD_INFO_PARTNER_KEY IFLA_BOND_AD_INFO_PARTNER_MAC;
    "IFLA_BOND_SLAVE":
        IFLA_BOND_SLAVE_STATE IFLA_BOND_SLAVE_MII_STATUS IFLA_BOND_SLAVE_LINK_FAILURE_COUNT
        IFLA_BOND_SLAVE_PERM_HWADDR IFLA_BOND_SLAVE_QUEUE_ID IFLA_BOND_SLAVE_AD_AGGREGATOR_ID
        IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE IFLA_BOND_SLAVE_PRIO;
    "IFLA_VF":
        IFLA_VF_MAC IFLA_VF_VLAN IFLA_VF_TX_RATE IFLA_VF_SPOOFCHK IFLA_VF_LINK_STATE IFLA_VF_RATE
        IFLA_VF_RSS_QUERY_EN IFLA_VF_STATS IFLA_VF_TRUST IFLA_VF_IB_NODE_GUID IFLA_VF_IB_PORT_GUID
        IFLA_VF_VLAN_LIST IFLA_VF_BROADCAST;
    "IFLA_PORT":
        IFLA_PORT_VF IFLA_PORT_PROFILE IFLA_PORT_VSI_TYPE IFLA_PORT_INSTANCE_UUID IFLA_PORT_HOST_UUID
        IFLA_PORT_REQUEST IFLA_PORT_RESPONSE;
    "IFLA_IPOIB":
        IFLA_IPOIB_PKEY IFLA_IPOIB_MODE IFLA_IPOIB_UMCAST;
    "IFLA_HSR":
        IFLA_HSR_SLAVE1 IFLA_HSR_SLAVE2 IFLA_HSR_MULTICAST_SPEC IFLA_HSR_SUPERVISION_ADDR IFLA_HSR_SEQ_NR
        IFLA_HSR_VERSION IFLA_HSR_PROTOCOL IFLA_HSR_INTERLINK;
    "IFLA_STATS":
        IFLA_STATS_LINK_64 IFLA_STATS_LINK_XSTATS IFLA_STATS_LINK_XSTATS_SLAVE IFLA_STATS_LINK_OFFLOAD_XSTATS
        IFLA_STATS_AF_SPEC;
    "IFLA_OFFLOAD_XSTATS":
        IFLA_OFFLOAD_XSTATS_CPU_HIT IFLA_OFFLOAD_XSTATS_HW_S_INFO IFLA_OFFLOAD_XSTATS_L3_STATS;
    "IFLA_OFFLOAD_XSTATS_HW_S_INFO":
        IFLA_OFFLOAD_XSTATS_HW_S_INFO_REQUEST IFLA_OFFLOAD_XSTATS_HW_S_INFO_USED;
    "IFLA_TUN":
        IFLA_TUN_OWNER IFLA_TUN_GROUP IFLA_TUN_TYPE IFLA_TUN_PI IFLA_TUN_VNET_HDR IFLA_TUN_PERSIST
        IFLA_TUN_MULTI_QUEUE IFLA_TUN_NUM_QUEUES IFLA_TUN_NUM_DISABLED_QUEUES;
    "IFLA_RMNET":
        IFLA_RMNET_MUX_ID IFLA_RMNET_FLAGS;
    "IFLA_MCTP":
        IFLA_MCTP_NET IFLA_MCTP_PHYS_BINDING;
    "IFLA_DSA":
        IFLA_DSA_CONDUIT;
    "IFLA_OVPN":
        IFLA_OVPN_MODE;
    "IFLA_INET":
        IFLA_INET_CONF;
    "IFLA_INET6":
        IFLA_INET6_FLAGS IFLA_INET6_CONF IFLA_INET6_STATS IFLA_INET6_MCAST IFLA_INET6_CACHEINFO
        IFLA_INET6_ICMP6STATS IFLA_INET6_TOKEN IFLA_INET6_ADDR_GEN_MODE IFLA_INET6_RA_MTU;
    "IFLA_PROTO_DOWN_REASON":
        IFLA_PROTO_DOWN_REASON_MASK IFLA_PROTO_DOWN_REASON_VALUE;
    "IFA":
        IFA_ADDRESS IFA_LOCAL IFA_LABEL IFA_BROADCAST IFA_ANYCAST IFA_CACHEINFO IFA_MULTICAST IFA_FLAGS
        IFA_RT_PRIORITY IFA_TARGET_NETNSID IFA_PROTO;
    "NDA":
        NDA_DST NDA_LLADDR NDA_CACHEINFO NDA_PROBES NDA_VLAN NDA_PORT NDA_VNI NDA_IFINDEX NDA_MASTER
        NDA_LINK_NETNSID NDA_SRC_VNI NDA_PROTOCOL NDA_NH_ID NDA_FDB_EXT_ATTRS NDA_FLAGS_EXT NDA_NDM_STATE_MASK
        NDA_NDM_FLAGS_MASK;
    "NDTA":
        NDTA_NAME NDTA_THRESH1 NDTA_THRESH2 NDTA_THRESH3 NDTA_CONFIG NDTA_PARMS NDTA_STATS NDTA_GC_INTERVAL
        NDTA_PAD;
    "NDTPA":
        NDTPA_IFINDEX NDTPA_REFCNT NDTPA_REACHABLE_TIME NDTPA_BASE_REACHABLE_TIME NDTPA_RETRANS_TIME
        NDTPA_GC_STALETIME NDTPA_DELAY_PROBE_TIME NDTPA_QUEUE_LEN NDTPA_APP_PROBES NDTPA_UCAST_PROBES
        NDTPA_MCAST_PROBES NDTPA_ANYCAST_DELAY NDTPA_PROXY_DELAY NDTPA_PROXY_QLEN NDTPA_LOCKTIME
        NDTPA_QUEUE_LENBYTES NDTPA_MCAST_REPROBES NDTPA_PAD NDTPA_INTERVAL_PROBE_TIME_MS;
    "NFEA":
        NFEA_ACTIVITY_NOTIFY NFEA_DONT_REFRESH;
    "RTA":
        RTA_DST RTA_SRC RTA_IIF RTA_OIF RTA_GATEWAY RTA_PRIORITY RTA_PREFSRC RTA_METRICS RTA_MULTIPATH
        RTA_PROTOINFO RTA_FLOW RTA_CACHEINFO RTA_SESSION RTA_MP_ALGO RTA_TABLE RTA_MARK RTA_MFC_STATS RTA_VIA
        RTA_NEWDST RTA_PREF RTA_ENCAP_TYPE RTA_ENCAP RTA_EXPIRES RTA_PAD RTA_UID RTA_TTL_PROPAGATE RTA_IP_PROTO
        RTA_SPORT RTA_DPORT RTA_NH_ID RTA_FLOWLABEL;
    "RTAX":
        RTAX_LOCK RTAX_MTU RTAX_WINDOW RTAX_RTT RTAX_RTTVAR RTAX_SSTHRESH RTAX_CWND RTAX_ADVMSS RTAX_REORDERING
        RTAX_HOPLIMIT RTAX_INITCWND RTAX_FEATURES RTAX_RTO_MIN RTAX_INITRWND RTAX_QUICKACK RTAX_CC_ALGO
        RTAX_FASTOPEN_NO_COOKIE;
    "FRA":
        FRA_DST FRA_SRC FRA_IIFNAME FRA_GOTO FRA_UNUSED2 FRA_PRIORITY FRA_UNUSED3 FRA_UNUSED4 FRA_UNUSED5
        FRA_FWMARK FRA_FLOW FRA_TUN_ID FRA_SUPPRESS_IFGROUP FRA_SUPPRESS_PREFIXLEN FRA_TABLE FRA_FWMASK
        FRA_OIFNAME FRA_PAD FRA_L3MDEV FRA_UID_RANGE FRA_PROTOCOL FRA_IP_PROTO FRA_SPORT_RANGE FRA_DPORT_RANGE
        FRA_DSCP FRA_FLOWLABEL FRA_FLOWLABEL_MASK FRA_SPORT_MASK FRA_DPORT_MASK FRA_DSCP_MASK;
    "PREFIX":
        PREFIX_ADDRESS PREFIX_CACHEINFO;
    "NDUSEROPT":
        NDUSEROPT_SRCADDR;
    "TCA":
        TCA_KIND TCA_OPTIONS TCA_STATS TCA_XSTATS TCA_RATE TCA_FCNT TCA_STATS2 TCA_STAB TCA_PAD
        TCA_DUMP_INVISIBLE TCA_CHAIN TCA_HW_OFFLOAD TCA_INGRESS_BLOCK TCA_EGRESS_BLOCK TCA_DUMP_FLAGS
        TCA_EXT_WARN_MSG;
    "TCA_ROOT":
        TCA_ROOT_TAB TCA_ROOT_FLAGS TCA_ROOT_COUNT TCA_ROOT_TIME_DELTA TCA_ROOT_EXT_WARN_MSG;
    "VXLAN_VNIFILTER":
        VXLAN_VNIFILTER_ENTRY;
    "VXLAN_VNIFILTER_ENTRY":
        VXLAN_VNIFILTER_ENTRY_START VXLAN_VNIFILTER_ENTRY_END VXLAN_VNIFILTER_ENTRY_GROUP
        VXLAN_VNIFILTER_ENTRY_GROUP6 VXLAN_VNIFILTER_ENTRY_STATS;
    "VNIFILTER_ENTRY_STATS":
        VNIFILTER_ENTRY_STATS_RX_BYTES VNIFILTER_ENTRY_STATS_RX_PKTS VNIFILTER_ENTRY_STATS_RX_DROPS
        VNIFILTER_ENTRY_STATS_RX_ERRORS VNIFILTER_ENTRY_STATS_TX_BYTES VNIFILTER_ENTRY_STATS_TX_PKTS
        VNIFILTER_ENTRY_STATS_TX_DROPS VNIFILTER_ENTRY_STATS_TX_ERRORS VNIFILTER_ENTRY_STATS_PAD;
    "LINK_XSTATS_TYPE":
        LINK_XSTATS_TYPE_BRIDGE LINK_XSTATS_TYPE_BOND;
}

type Groups = &'static [rtnetlink_groups];

/// Kinds, with their messages (new, delete, get; 0 where there is none) and groups. DCB's new message has no name.
const MESSAGES: &[(&str, u32, u32, u32, Groups)] = &[
    ("link", RTM_NEWLINK as u32, RTM_DELLINK as u32, RTM_GETLINK as u32, &[RTNLGRP_LINK]),
    ("bridge_port", RTM_NEWLINK as u32, RTM_DELLINK as u32, RTM_GETLINK as u32, &[RTNLGRP_LINK]),
    ("inet6_link", RTM_NEWLINK as u32, RTM_DELLINK as u32, RTM_GETLINK as u32, &[RTNLGRP_IPV6_IFINFO]),
    ("addr", RTM_NEWADDR as u32, RTM_DELADDR as u32, RTM_GETADDR as u32, &[RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]),
    (
        "route",
        RTM_NEWROUTE as u32,
        RTM_DELROUTE as u32,
        RTM_GETROUTE as u32,
        &[RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_MPLS_ROUTE],
    ),
    ("rule", RTM_NEWRULE as u32, RTM_DELRULE as u32, RTM_GETRULE as u32, &[RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE]),
    ("neigh", RTM_NEWNEIGH as u32, RTM_DELNEIGH as u32, RTM_GETNEIGH as u32, &[RTNLGRP_NEIGH]),
    ("fdb", RTM_NEWNEIGH as u32, RTM_DELNEIGH as u32, RTM_GETNEIGH as u32, &[RTNLGRP_NEIGH]),
    ("neigh_miss", RTM_GETNEIGH as u32, 0, 0, &[RTNLGRP_NEIGH]),
    ("nexthop", RTM_NEWNEXTHOP as u32, RTM_DELNEXTHOP as u32, RTM_GETNEXTHOP as u32, &[RTNLGRP_NEXTHOP]),
    (
        "nexthop_bucket",
        RTM_NEWNEXTHOPBUCKET as u32,
        RTM_DELNEXTHOPBUCKET as u32,
        RTM_GETNEXTHOPBUCKET as u32,
        &[RTNLGRP_NEXTHOP],
    ),
    (
        "netconf",
        RTM_NEWNETCONF as u32,
        RTM_DELNETCONF as u32,
        RTM_GETNETCONF as u32,
        &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_MPLS_NETCONF],
    ),
    ("neightbl", RTM_NEWNEIGHTBL as u32, 0, RTM_GETNEIGHTBL as u32, &[]),
    ("addrlabel", RTM_NEWADDRLABEL as u32, RTM_DELADDRLABEL as u32, RTM_GETADDRLABEL as u32, &[]),
    ("prefix", RTM_NEWPREFIX as u32, 0, 0, &[RTNLGRP_IPV6_PREFIX]),
    ("nduseropt", RTM_NEWNDUSEROPT as u32, 0, 0, &[RTNLGRP_ND_USEROPT]),
    ("nsid", RTM_NEWNSID as u32, RTM_DELNSID as u32, RTM_GETNSID as u32, &[RTNLGRP_NSID]),
    ("mdb", RTM_NEWMDB as u32, RTM_DELMDB as u32, RTM_GETMDB as u32, &[RTNLGRP_MDB]),
    ("vlan", RTM_NEWVLAN as u32, RTM_DELVLAN as u32, RTM_GETVLAN as u32, &[RTNLGRP_BRVLAN]),
    (
        "mroute",
        RTM_NEWROUTE as u32,
        RTM_DELROUTE as u32,
        RTM_GETROUTE as u32,
        &[RTNLGRP_IPV4_MROUTE, RTNLGRP_IPV6_MROUTE],
    ),
    ("mroute_report", RTM_NEWCACHEREPORT as u32, 0, 0, &[RTNLGRP_IPV4_MROUTE_R, RTNLGRP_IPV6_MROUTE_R]),
    (
        "maddr",
        RTM_NEWMULTICAST as u32,
        RTM_DELMULTICAST as u32,
        RTM_GETMULTICAST as u32,
        &[RTNLGRP_IPV4_MCADDR, RTNLGRP_IPV6_MCADDR],
    ),
    ("anycast", RTM_NEWANYCAST as u32, RTM_DELANYCAST as u32, RTM_GETANYCAST as u32, &[RTNLGRP_IPV6_ACADDR]),
    ("stats", RTM_NEWSTATS as u32, 0, RTM_GETSTATS as u32, &[RTNLGRP_STATS]),
    ("tunnel", RTM_NEWTUNNEL as u32, RTM_DELTUNNEL as u32, RTM_GETTUNNEL as u32, &[RTNLGRP_TUNNEL]),
    ("mctp_addr", RTM_NEWADDR as u32, RTM_DELADDR as u32, RTM_GETADDR as u32, &[RTNLGRP_MCTP_IFADDR]),
    ("mctp_route", RTM_NEWROUTE as u32, RTM_DELROUTE as u32, RTM_GETROUTE as u32, &[]),
    ("mctp_neigh", RTM_NEWNEIGH as u32, RTM_DELNEIGH as u32, RTM_GETNEIGH as u32, &[]),
    ("phonet_addr", RTM_NEWADDR as u32, RTM_DELADDR as u32, RTM_GETADDR as u32, &[RTNLGRP_PHONET_IFADDR]),
    ("phonet_route", RTM_NEWROUTE as u32, RTM_DELROUTE as u32, RTM_GETROUTE as u32, &[RTNLGRP_PHONET_ROUTE]),
    ("dcb", RTM_GETDCB as u32 - 2, 0, 0, &[RTNLGRP_DCB]),
    ("qdisc", RTM_NEWQDISC as u32, RTM_DELQDISC as u32, RTM_GETQDISC as u32, &[RTNLGRP_TC]),
    ("class", RTM_NEWTCLASS as u32, RTM_DELTCLASS as u32, RTM_GETTCLASS as u32, &[RTNLGRP_TC]),
    ("filter", RTM_NEWTFILTER as u32, RTM_DELTFILTER as u32, RTM_GETTFILTER as u32, &[RTNLGRP_TC]),
    ("chain", RTM_NEWCHAIN as u32, RTM_DELCHAIN as u32, RTM_GETCHAIN as u32, &[RTNLGRP_TC]),
    ("tc_action", RTM_NEWACTION as u32, RTM_DELACTION as u32, RTM_GETACTION as u32, &[RTNLGRP_TC]),
];

/// Attributes whose key is not their name.
const OTHERWISE: &[(&str, &str)] = &[
    // The key is iproute2's.
    ("FRA_IIFNAME", "iif"),
    ("FRA_IP_PROTO", "ipproto"),
    ("FRA_OIFNAME", "oif"),
    ("IFA_ANYCAST", "address"),
    ("IFA_MULTICAST", "address"),
    ("IFA_PROTO", "protocol"),
    ("IFA_RT_PRIORITY", "metric"),
    ("IFLA_ALT_IFNAME", "altname"),
    ("IFLA_ALT_IFNAME", "altnames"),
    ("IFLA_BAREUDP_MULTIPROTO_MODE", "multiproto"),
    ("IFLA_BAREUDP_PORT", "dstport"),
    ("IFLA_BAREUDP_SRCPORT_MIN", "srcportmin"),
    ("IFLA_BOND_BROADCAST_NEIGH", "broadcast_neighbor"),
    ("IFLA_BOND_MISSED_MAX", "arp_missed_max"),
    ("IFLA_BOND_PEER_NOTIF_DELAY", "peer_notify_delay"),
    ("IFLA_BRPORT_FAST_LEAVE", "fastleave"),
    ("IFLA_BRPORT_FLUSH", "fdb_flush"),
    ("IFLA_BRPORT_MCAST_TO_UCAST", "mcast_to_unicast"),
    ("IFLA_BRPORT_MODE", "hairpin"),
    ("IFLA_BRPORT_MULTICAST_ROUTER", "mcast_router"),
    ("IFLA_BRPORT_PROTECT", "root_block"),
    ("IFLA_BRPORT_PROXYARP", "proxy_arp"),
    ("IFLA_BRPORT_PROXYARP_WIFI", "proxy_arp_wifi"),
    ("IFLA_BRPORT_UNICAST_FLOOD", "flood"),
    ("IFLA_GENEVE_COLLECT_METADATA", "external"),
    ("IFLA_GTP_PDP_HASHSIZE", "hsize"),
    ("IFLA_HSR_PROTOCOL", "proto"),
    ("IFLA_IF_NETNSID", "target_netnsid"),
    ("IFLA_INET6_ADDR_GEN_MODE", "inet6_addr_gen_mode"),
    ("IFLA_INET6_CACHEINFO", "inet6_cacheinfo"),
    ("IFLA_INET6_CONF", "inet6_conf"),
    ("IFLA_INET6_FLAGS", "inet6_flags"),
    ("IFLA_INET6_ICMP6STATS", "inet6_icmp6stats"),
    ("IFLA_INET6_MCAST", "inet6_mcast"),
    ("IFLA_INET6_RA_MTU", "inet6_ra_mtu"),
    ("IFLA_INET6_STATS", "inet6_stats"),
    ("IFLA_INET6_TOKEN", "inet6_token"),
    ("IFLA_INET_CONF", "inet_conf"),
    ("IFLA_INFO_DATA", "info_data"),
    ("IFLA_INFO_KIND", "info_kind"),
    ("IFLA_INFO_SLAVE_DATA", "info_slave_data"),
    ("IFLA_INFO_SLAVE_KIND", "info_slave_kind"),
    ("IFLA_INFO_XSTATS", "info_xstats"),
    ("IFLA_IPOIB_PKEY", "key"),
    ("IFLA_MACVLAN_BC_CUTOFF", "bclim"),
    ("IFLA_MACVLAN_BC_QUEUE_LEN", "bcqueuelen"),
    ("IFLA_MACVLAN_BC_QUEUE_LEN_USED", "usedbcqueuelen"),
    ("IFLA_NETKIT_PRIMARY", "type"),
    ("IFLA_OFFLOAD_XSTATS_HW_S_INFO", "hw_stats_info"),
    ("IFLA_PARENT_DEV_BUS_NAME", "parentbus"),
    ("IFLA_PARENT_DEV_NAME", "parentdev"),
    ("IFLA_PROTO_DOWN_REASON_MASK", "proto_down_reason_mask"),
    ("IFLA_PROTO_DOWN_REASON_VALUE", "proto_down_reason"),
    ("IFLA_STATS_AF_SPEC", "afstats"),
    ("IFLA_STATS_LINK_64", "stats64"),
    ("IFLA_STATS_LINK_OFFLOAD_XSTATS", "offload"),
    ("IFLA_STATS_LINK_XSTATS", "xstats"),
    ("IFLA_STATS_LINK_XSTATS_SLAVE", "xstats_slave"),
    ("IFLA_TUN_NUM_DISABLED_QUEUES", "numdisabled"),
    ("IFLA_TUN_NUM_QUEUES", "numqueues"),
    ("IFLA_TUN_OWNER", "user"),
    ("IFLA_VXLAN_COLLECT_METADATA", "external"),
    ("IFLA_VXLAN_MC_ROUTE", "mcroute"),
    ("IFLA_WIRELESS", "wireless_event"),
    ("IFLA_XFRM_COLLECT_METADATA", "external"),
    ("NDA_IFINDEX", "via"),
    ("NDA_LINK_NETNSID", "linkNetNsId"),
    ("NDA_LLADDR", "mac"),
    ("NDA_NDM_FLAGS_MASK", "flags_mask"),
    ("NDA_NDM_STATE_MASK", "state_mask"),
    ("NDA_NH_ID", "nhid"),
    ("NDTPA_BASE_REACHABLE_TIME", "base_reachable"),
    ("NDTPA_DELAY_PROBE_TIME", "delay_probe"),
    ("NDTPA_GC_STALETIME", "gc_stale"),
    ("NDTPA_IFINDEX", "dev"),
    ("NDTPA_INTERVAL_PROBE_TIME_MS", "interval_probe"),
    ("NDTPA_PROXY_QLEN", "proxy_queue"),
    ("NDTPA_QUEUE_LEN", "queue"),
    ("NDTPA_QUEUE_LENBYTES", "queue_bytes"),
    ("NDTPA_REACHABLE_TIME", "reachable"),
    ("NDTPA_RETRANS_TIME", "retrans"),
    ("NDUSEROPT_SRCADDR", "src"),
    ("PREFIX_ADDRESS", "prefix"),
    ("RTAX_CC_ALGO", "congestion"),
    ("RTA_EXPIRES", "expires_in"),
    ("RTA_IP_PROTO", "ipproto"),
    ("RTA_MULTIPATH", "nexthops"),
    ("RTA_NEWDST", "to"),
    ("RTA_NH_ID", "nhid"),
    ("RTA_OIF", "dev"),
    ("RTA_PRIORITY", "metric"),
    ("RTA_TTL_PROPAGATE", "ttl-propogate"),
    ("TCA_EXT_WARN_MSG", "warn"),
    ("TCA_HW_OFFLOAD", "offloaded"),
    ("TCA_KIND", "class"),
    ("TCA_RATE", "estimator"),
    ("TCA_ROOT_EXT_WARN_MSG", "warn"),
    ("TCA_STATS2", "stats"),
    ("VXLAN_VNIFILTER_ENTRY_END", "vniEnd"),
    ("VXLAN_VNIFILTER_ENTRY_START", "vni"),
    // They are left out or written as several members, and their keys are told nowhere.
    ("FRA_DPORT_RANGE", "dport"),
    ("FRA_SPORT_RANGE", "sport"),
    ("IFLA_BRPORT_PAD", "padding"),
    ("IFLA_BR_MULTI_BOOLOPT", "options"),
    ("IFLA_BR_PAD", "padding"),
    ("IFLA_MACSEC_PAD", "padding"),
    ("IFLA_PAD", "padding"),
    ("IFLA_PERM_ADDRESS", "permaddr"),
    ("IFLA_PROTO_DOWN_REASON", "proto_down_reasons"),
    ("IFLA_RMNET_FLAGS", "flags_and_mask"),
    ("IFLA_VF_IB_NODE_GUID", "node"),
    ("IFLA_VF_IB_PORT_GUID", "port"),
    ("IFLA_VF_LINK_STATE", "link_state_setting"),
    ("IFLA_VF_RSS_QUERY_EN", "query_rss_en"),
    ("IFLA_VF_TX_RATE", "tx_rate_limit"),
    ("IFLA_VF_VLAN", "vlan_and_qos"),
    ("IFLA_VLAN_FLAGS", "flags_and_mask"),
    ("NDA_FLAGS_EXT", "ext_flags"),
    ("NDA_IFINDEX", "viaIf"),
    ("RTA_SRC", "from"),
    ("TCA_ROOT_TAB", "actions"),
];

/// Attributes that are newer than the crate: Linux 6.18 and later have them.
const NEWER: &[(&str, u16, &str)] = &[
    ("IFLA", 68, "headroom"),
    ("IFLA", 69, "tailroom"),
    ("IFLA_BOND_SLAVE", 10, "actor_port_prio"),
    ("IFLA_BOND_SLAVE", 11, "churn_actor_state"),
    ("IFLA_BOND_SLAVE", 12, "churn_partner_state"),
    ("IFLA_BR", 50, "stp_mode"),
    ("IFLA_GENEVE", 16, "gro_hint"),
    ("IFLA_NETKIT", 10, "pairing"),
];

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
    fn of_value(is: &'static Is, seen: &mut HashSet<usize>, found: &mut Vec<&'static Set>) {
        match is {
            Is::Set(set) | Is::Inline(set) => of_set(set, seen, found),
            Is::Structure(structure) | Is::InlineStructure(structure) => of_structure(structure, seen, found),
            Is::Each(is) | Is::Array(is, _) => of_value(is, seen, found),
            Is::Chosen(choice) => match choice.among {
                Among::Text(choices) => choices.iter().for_each(|(_, is)| of_value(is, seen, found)),
                Among::Number(choices) => choices.iter().for_each(|(_, is)| of_value(is, seen, found)),
            },
            _ => {}
        }
    }
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    KINDS.iter().for_each(|kind| of_set(kind.set, &mut seen, &mut found));
    [&route::METRICS, &route::LEG_ATTRIBUTES].into_iter().for_each(|set| of_set(set, &mut seen, &mut found));
    found
}

/// The key that an attribute would have by its name.
fn plain_key(set: &str, name: &str) -> String {
    name.strip_prefix(set).unwrap_or(name).trim_start_matches('_').to_lowercase()
}

fn attributes_have_the_kernels_numbers() -> Result<(), Failed> {
    let sets = sets();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for (name, numbers) in ATTRIBUTES {
        let same: Vec<_> = sets.iter().filter(|set| set.name == *name).collect();
        if same.is_empty() {
            wrong.push(format!("{name}: no table"));
        }
        let by_number: BTreeMap<u32, &str> = numbers.iter().map(|(name, number)| (*number, *name)).collect();
        for set in &same {
            for row in set.rows.iter().filter(|row| row.number != 0) {
                let Some(constant) = by_number.get(&row.number.into()) else {
                    if !NEWER.contains(&(*name, row.number, row.key.name)) {
                        wrong.push(format!("{name}: {} ({}) is not the kernel's", row.number, row.key.name));
                    }
                    continue;
                };
                if plain_key(name, constant) != row.key.name {
                    if OTHERWISE.contains(&(constant, row.key.name)) {
                        used.insert((*constant, row.key.name));
                    } else {
                        wrong.push(format!("(\"{constant}\", \"{}\"),", row.key.name));
                    }
                }
            }
        }
        for (number, constant) in by_number.iter().filter(|(_, constant)| !constant.contains("_UNUSED")) {
            if same.iter().all(|set| set.rows.iter().all(|row| u32::from(row.number) != *number)) {
                wrong.push(format!("{name}: {number} ({constant}) has no row"));
            }
        }
    }
    for entry in OTHERWISE.iter().filter(|entry| !used.contains(*entry)) {
        wrong.push(format!("{entry:?} is in no table"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn kinds_have_the_kernels_messages_and_groups() -> Result<(), Failed> {
    let known: BTreeMap<&str, _> = MESSAGES.iter().map(|entry| (entry.0, entry)).collect();
    assert_eq!(known.len(), MESSAGES.len());
    for kind in KINDS {
        let (_, new, delete, get, groups) = known.get(kind.name).unwrap_or_else(|| panic!("{}: not here", kind.name));
        assert_eq!(u32::from(kind.new), *new, "{}", kind.name);
        assert_eq!(u32::from(kind.delete), *delete, "{}", kind.name);
        assert_eq!(kind.groups, groups.iter().map(|group| *group as u32).collect::<Vec<_>>(), "{}", kind.name);
        for dump in kind.dumps {
            assert_eq!(u32::from(dump.message), *get, "{}", kind.name);
        }
    }
    Ok(())
}
