//! The filter `flower`, `TCA_FLOWER_*`: `pkt_cls.h`. What it matches stands in an object of its own, `keys`, though the
//! attributes are all in one nest: hence two sets over the same attributes.

use super::names::FILTER_FLAGS;
use crate::decode::code::tc::{self, actions, flower};
use crate::decode::schema::{Is, Names, Row, Scalar::*, Set, row};
use crate::kinds::rtnetlink::encap::{erspan_options, geneve_options_as_numbers};
use crate::kinds::rtnetlink::names::ETHER_TYPES;

/// All attributes, but for the keys.
pub static OUTER: Set = Set::new(
    "TCA_FLOWER",
    &const {
        let mut rows = ROWS;
        let mut at = 0;
        while at < rows.len() {
            if !matches!(rows[at].number, 1 | 2 | 3 | 22 | 86) {
                rows[at].is = Is::Known;
            }
            at += 1;
        }
        rows
    },
);

/// The keys; the others are told beside them.
pub static KEYS: Set = Set::new(
    "TCA_FLOWER_KEY",
    &const {
        let mut rows = ROWS;
        let mut at = 0;
        while at < rows.len() {
            if matches!(rows[at].number, 1 | 2 | 3 | 22 | 86) {
                rows[at].is = Is::Known;
            }
            at += 1;
        }
        rows
    },
);

static ACTION: Is = Is::Value(actions::one);

/// An attribute that is told with another: a mask, or the end of a range.
const fn with_another(number: u16, key: &'static str) -> Row {
    row(number, key, Is::Known)
}

const ROWS: [Row; 111] = [
    row(1, "classid", Is::Members(flower::class)),
    row(2, "indev", Is::Text),
    row(3, "actions", Is::Each(&ACTION)),
    row(4, "dst_mac", Is::Value(flower::hardware)),
    with_another(5, "dst_mac_mask"),
    row(6, "src_mac", Is::Value(flower::hardware)),
    with_another(7, "src_mac_mask"),
    row(8, "eth_type", Is::Value(flower::ether_type)),
    row(9, "ip_proto", Is::Named(U8, IP_PROTOCOLS)),
    row(10, "src_ip", Is::Members(flower::source)),
    with_another(11, "src_ip_mask"),
    row(12, "dst_ip", Is::Members(flower::destination)),
    with_another(13, "dst_ip_mask"),
    row(14, "src_ip6", Is::Members(flower::source)),
    with_another(15, "src_ip6_mask"),
    row(16, "dst_ip6", Is::Members(flower::destination)),
    with_another(17, "dst_ip6_mask"),
    row(18, "tcp_src", Is::Members(flower::source_port::<35>)),
    row(19, "tcp_dst", Is::Members(flower::destination_port::<36>)),
    row(20, "udp_src", Is::Members(flower::source_port::<37>)),
    row(21, "udp_dst", Is::Members(flower::destination_port::<38>)),
    row(22, "flags", Is::Flags(U32, FILTER_FLAGS)),
    row(23, "vlan_id", Is::Number(U16)),
    row(24, "vlan_prio", Is::Number(U8)),
    row(25, "vlan_ethtype", Is::Named(U16Be, ETHER_TYPES)),
    row(26, "enc_key_id", Is::Number(U32Be)),
    row(27, "enc_src_ip", Is::Members(flower::tunnel_source)),
    with_another(28, "enc_src_ip_mask"),
    row(29, "enc_dst_ip", Is::Members(flower::tunnel_destination)),
    with_another(30, "enc_dst_ip_mask"),
    row(31, "enc_src_ip6", Is::Members(flower::tunnel_source)),
    with_another(32, "enc_src_ip6_mask"),
    row(33, "enc_dst_ip6", Is::Members(flower::tunnel_destination)),
    with_another(34, "enc_dst_ip6_mask"),
    with_another(35, "tcp_src_mask"),
    with_another(36, "tcp_dst_mask"),
    with_another(37, "udp_src_mask"),
    with_another(38, "udp_dst_mask"),
    with_another(39, "sctp_src_mask"),
    with_another(40, "sctp_dst_mask"),
    row(41, "sctp_src", Is::Members(flower::source_port::<39>)),
    row(42, "sctp_dst", Is::Members(flower::destination_port::<40>)),
    row(43, "enc_src_port", Is::Number(U16Be)),
    row(44, "enc_src_port_mask", Is::NumberUnless(U16Be, 0xffff)),
    row(45, "enc_dst_port", Is::Number(U16Be)),
    row(46, "enc_dst_port_mask", Is::NumberUnless(U16Be, 0xffff)),
    row(47, "ip_flags", Is::Value(flower::packet_flags::<48>)),
    with_another(48, "ip_flags_mask"),
    row(49, "icmpv4_code", Is::Members(flower::icmp_code)),
    with_another(50, "icmpv4_code_mask"),
    row(51, "icmpv4_type", Is::Members(flower::icmp_type)),
    with_another(52, "icmpv4_type_mask"),
    row(53, "icmpv6_code", Is::Members(flower::icmp_code)),
    with_another(54, "icmpv6_code_mask"),
    row(55, "icmpv6_type", Is::Members(flower::icmp_type)),
    with_another(56, "icmpv6_type_mask"),
    row(57, "arp_sip", Is::Value(flower::prefix)),
    with_another(58, "arp_sip_mask"),
    row(59, "arp_tip", Is::Value(flower::prefix)),
    with_another(60, "arp_tip_mask"),
    row(61, "arp_op", Is::Named(U8, &[(1, "request"), (2, "reply")])),
    row(62, "arp_op_mask", Is::NumberUnless(U8, 0xff)),
    row(63, "arp_sha", Is::Value(flower::hardware)),
    with_another(64, "arp_sha_mask"),
    row(65, "arp_tha", Is::Value(flower::hardware)),
    with_another(66, "arp_tha_mask"),
    row(67, "mpls_ttl", Is::Number(U8)),
    row(68, "mpls_bos", Is::Number(U8)),
    row(69, "mpls_tc", Is::Number(U8)),
    row(70, "mpls_label", Is::Number(U32)),
    row(71, "tcp_flags", Is::Value(flower::tcp_flags)),
    with_another(72, "tcp_flags_mask"),
    row(73, "ip_tos", Is::Number(U8)),
    row(74, "ip_tos_mask", Is::NumberUnless(U8, 0xff)),
    row(75, "ip_ttl", Is::Number(U8)),
    row(76, "ip_ttl_mask", Is::NumberUnless(U8, 0xff)),
    row(77, "cvlan_id", Is::Number(U16)),
    row(78, "cvlan_prio", Is::Number(U8)),
    row(79, "cvlan_ethtype", Is::Named(U16Be, ETHER_TYPES)),
    row(80, "enc_tos", Is::Number(U8)),
    row(81, "enc_tos_mask", Is::NumberUnless(U8, 0xff)),
    row(82, "enc_ttl", Is::Number(U8)),
    row(83, "enc_ttl_mask", Is::NumberUnless(U8, 0xff)),
    row(84, "enc_opts", Is::Inline(&OPTION_KEYS)),
    row(85, "enc_opts_mask", Is::Inline(&OPTION_MASKS)),
    row(86, "in_hw_count", Is::NumberUnless(U32, 0)),
    row(87, "src_port_range", Is::Members(flower::source_ports::<88>)),
    with_another(88, "src_port_max"),
    row(89, "dst_port_range", Is::Members(flower::destination_ports::<90>)),
    with_another(90, "dst_port_max"),
    row(91, "ct_state", Is::Value(flower::connection_state)),
    with_another(92, "ct_state_mask"),
    row(93, "ct_zone", Is::Number(U16)),
    row(94, "ct_zone_mask", Is::NumberUnless(U16, 0xffff)),
    row(95, "ct_mark", Is::Number(U32)),
    row(96, "ct_mark_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    row(97, "ct_label", Is::Value(tc::masked_octets)),
    with_another(98, "ct_label_mask"),
    row(99, "mpls", Is::Each(&LABEL_STACK_ENTRY)),
    row(100, "hash", Is::Number(U32)),
    row(101, "hash_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    row(102, "num_of_vlans", Is::Number(U8)),
    row(103, "pppoe_sid", Is::Number(U16Be)),
    row(104, "ppp_proto", Is::Named(U16Be, PPP_PROTOCOLS)),
    row(105, "l2tpv3_sid", Is::Number(U32Be)),
    row(106, "l2_miss", Is::Number(U8)),
    row(107, "cfm", Is::Set(&CONNECTIVITY)),
    row(108, "spi", Is::Number(U32Be)),
    row(109, "spi_mask", Is::NumberUnless(U32Be, 0xffff_ffff)),
    row(110, "enc_flags", Is::Value(flower::packet_flags::<111>)),
    with_another(111, "enc_flags_mask"),
];

/// `TCA_FLOWER_KEY_FLAGS_*`.
pub static PACKET_FLAGS: &Names =
    &[(1, "frag"), (2, "firstfrag"), (4, "tuncsum"), (8, "tundf"), (0x10, "tunoam"), (0x20, "tuncrit")];

/// `TCA_FLOWER_KEY_CT_FLAGS_*`, in the order in which `tc` has them.
pub static CONNECTION_STATES: &Names = &[(8, "trk"), (1, "new"), (2, "est"), (4, "rel"), (0x10, "inv"), (0x20, "rpl")];

/// `IPPROTO_*`, with the names that `tc` has for flower.
static IP_PROTOCOLS: &Names =
    &[(1, "icmp"), (6, "tcp"), (17, "udp"), (50, "esp"), (51, "ah"), (58, "icmpv6"), (115, "l2tp"), (132, "sctp")];

/// `PPP_*`: `include/uapi/linux/ppp_defs.h`.
static PPP_PROTOCOLS: &Names = &[
    (0x21, "ip"),
    (0x29, "at"),
    (0x2b, "ipx"),
    (0x2d, "vjc_comp"),
    (0x2f, "vjc_uncomp"),
    (0x3d, "mp"),
    (0x57, "ipv6"),
    (0xfb, "compfrag"),
    (0xfd, "comp"),
    (0x281, "mpls_uc"),
    (0x283, "mpls_mc"),
    (0x8021, "ipcp"),
    (0x8029, "atcp"),
    (0x802b, "ipxcp"),
    (0x8057, "ipv6cp"),
    (0x80fb, "ccpfrag"),
    (0x80fd, "ccp"),
    (0x8281, "mplscp"),
    (0xc021, "lcp"),
    (0xc023, "pap"),
    (0xc025, "lqr"),
    (0xc223, "chap"),
    (0xc029, "cbcp"),
];

/// `TCA_FLOWER_KEY_ENC_OPTS_*`.
static OPTION_KEYS: Set = Set::new(
    "TCA_FLOWER_KEY_ENC_OPTS",
    &[
        row(1, "geneve_opt_key", Is::Value(geneve_options_as_numbers)),
        row(2, "vxlan_opt_key", Is::Set(&VXLAN)).repeated(),
        row(3, "erspan_opt_key", Is::Value(erspan_options)),
        row(4, "gtp_opt_key", Is::Set(&GTP)).repeated(),
        row(5, "pfcp_opt_key", Is::Set(&PFCP)).repeated(),
    ],
);

/// The same, of the masks.
static OPTION_MASKS: Set = Set::new(
    "TCA_FLOWER_KEY_ENC_OPTS",
    &[
        row(1, "geneve_opt_mask", Is::Value(geneve_options_as_numbers)),
        row(2, "vxlan_opt_mask", Is::Set(&VXLAN)).repeated(),
        row(3, "erspan_opt_mask", Is::Value(erspan_options)),
        row(4, "gtp_opt_mask", Is::Set(&GTP)).repeated(),
        row(5, "pfcp_opt_mask", Is::Set(&PFCP)).repeated(),
    ],
);

/// `TCA_FLOWER_KEY_ENC_OPT_VXLAN_*`.
static VXLAN: Set = Set::new("TCA_FLOWER_KEY_ENC_OPT_VXLAN", &[row(1, "gbp", Is::Number(U32))]);

/// `TCA_FLOWER_KEY_ENC_OPT_GTP_*`.
static GTP: Set =
    Set::new("TCA_FLOWER_KEY_ENC_OPT_GTP", &[row(1, "pdu_type", Is::Number(U8)), row(2, "qfi", Is::Number(U8))]);

/// `TCA_FLOWER_KEY_ENC_OPT_PFCP_*`.
static PFCP: Set =
    Set::new("TCA_FLOWER_KEY_ENC_OPT_PFCP", &[row(1, "type", Is::Number(U8)), row(2, "seid", Is::Number(U64Be))]);

static LABEL_STACK_ENTRY: Is = Is::Set(&LABEL_STACK);

/// `TCA_FLOWER_KEY_MPLS_OPT_LSE_*`.
static LABEL_STACK: Set = Set::new(
    "TCA_FLOWER_KEY_MPLS_OPT_LSE",
    &[
        row(1, "depth", Is::Number(U8)),
        row(2, "ttl", Is::Number(U8)),
        row(3, "bos", Is::Number(U8)),
        row(4, "tc", Is::Number(U8)),
        row(5, "label", Is::Number(U32)),
    ],
);

/// `TCA_FLOWER_KEY_CFM_*`.
static CONNECTIVITY: Set =
    Set::new("TCA_FLOWER_KEY_CFM", &[row(1, "mdl", Is::Number(U8)), row(2, "op", Is::Number(U8))]);
