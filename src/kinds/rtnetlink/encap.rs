//! Encapsulations of routes and nexthops, `RTA_ENCAP`: what `RTA_ENCAP_TYPE` says.
//! `include/uapi/linux/lwtunnel.h` and the header of each.

use super::names::TABLES;
use crate::decode::code::encap;
use crate::decode::schema::{Is, Names, Scalar::*, Set, row};
use crate::kinds::rtnetlink::value;

/// By `LWTUNNEL_ENCAP_*`: the name, and the attributes.
pub static BY_TYPE: &[(u64, &str, &Set)] = &[
    (1, "mpls", &MPLS),
    (2, "ip", &IP),
    (3, "ila", &ILA),
    (4, "ip6", &IP6),
    (5, "seg6", &SEG6),
    (6, "bpf", &BPF),
    (7, "seg6local", &SEG6_LOCAL),
    (8, "rpl", &RPL),
    (9, "ioam6", &IOAM6),
    (10, "xfrm", &XFRM),
];

/// `MPLS_IPTUNNEL_*`: `include/uapi/linux/mpls_iptunnel.h`.
static MPLS: Set =
    Set::new("MPLS_IPTUNNEL", &[row(1, "dst", Is::Value(value::label_stack)), row(2, "ttl", Is::Number(U8))]);

/// `LWTUNNEL_IP_*`.
static IP: Set = Set::new(
    "LWTUNNEL_IP",
    &[
        row(1, "id", Is::Number(U64Be)),
        row(2, "dst", Is::Ip),
        row(3, "src", Is::Ip),
        row(4, "ttl", Is::Number(U8)),
        row(5, "tos", Is::Number(U8)),
        row(6, "flags", Is::Members(encap::tunnel_flags)),
        row(7, "pad", Is::Known),
        row(8, "opts", Is::Inline(&OPTIONS)),
    ],
);

/// `LWTUNNEL_IP6_*`.
static IP6: Set = Set::new(
    "LWTUNNEL_IP6",
    &[
        row(1, "id", Is::Number(U64Be)),
        row(2, "dst", Is::Ip),
        row(3, "src", Is::Ip),
        row(4, "hoplimit", Is::Number(U8)),
        row(5, "tc", Is::Number(U8)),
        row(6, "flags", Is::Members(encap::tunnel_flags)),
        row(7, "pad", Is::Known),
        row(8, "opts", Is::Inline(&OPTIONS)),
    ],
);

/// `LWTUNNEL_IP_OPTS_*`: what goes into the tunnel's header; lists, as `ip` has them.
static OPTIONS: Set = Set::new(
    "LWTUNNEL_IP_OPTS",
    &[
        row(1, "geneve_opts", Is::Value(encap::geneve_options)),
        row(2, "vxlan_opts", Is::Set(&VXLAN_OPTIONS)).repeated(),
        row(3, "erspan_opts", Is::Value(encap::erspan_options)),
    ],
);

/// `LWTUNNEL_IP_OPT_VXLAN_*`.
static VXLAN_OPTIONS: Set = Set::new("LWTUNNEL_IP_OPT_VXLAN", &[row(1, "gbp", Is::Number(U32))]);

/// `LWTUNNEL_IP_OPT_ERSPAN_*`.
pub static ERSPAN_OPTIONS: Set = Set::new(
    "LWTUNNEL_IP_OPT_ERSPAN",
    &[
        row(1, "ver", Is::Number(U8)),
        row(2, "index", Is::Number(U32Be)),
        row(3, "dir", Is::Number(U8)),
        row(4, "hwid", Is::Number(U8)),
    ],
);

/// Bits of `LWTUNNEL_IP_FLAGS`, `IP_TUNNEL_*_BIT`: `include/uapi/linux/if_tunnel.h`. Those that say which options
/// there are stand there: 0x800 geneve, 0x1000 vxlan, 0x4000 erspan, 0x8000 gtp.
pub static TUNNEL_FLAGS: &Names = &[
    (0x4, "key"),
    (0x1, "csum"),
    (0x8, "seq"),
    (0x2, "routing"),
    (0x10, "strict"),
    (0x20, "recursion"),
    (0x40, "version"),
    (0x80, "nokey"),
    (0x100, "dont_fragment"),
    (0x200, "oam"),
    (0x400, "crit_opt"),
    (0x2000, "nocache"),
];

/// `ILA_ATTR_*`: `include/uapi/linux/ila.h`.
static ILA: Set = Set::new(
    "ILA_ATTR",
    &[
        row(1, "locator", Is::Value(encap::locator)),
        row(2, "identifier", Is::Value(encap::locator)),
        row(3, "locator_match", Is::Value(encap::locator)),
        row(4, "ifindex", Is::Number(I32)),
        row(5, "dir", Is::Bits(U32, &[(1, "in"), (2, "out")])),
        row(6, "pad", Is::Known),
        row(7, "csum_mode", Is::Named(U8, ILA_CHECKSUM_MODES)),
        row(8, "ident_type", Is::Named(U8, ILA_IDENTIFIER_TYPES)),
        row(9, "hook_type", Is::Named(U8, &[(0, "output"), (1, "input")])),
    ],
);

/// `ILA_CSUM_*`.
static ILA_CHECKSUM_MODES: &Names =
    &[(0, "adj-transport"), (1, "neutral-map"), (2, "no-action"), (3, "neutral-map-auto")];

/// `ILA_ATYPE_*`.
static ILA_IDENTIFIER_TYPES: &Names = &[
    (0, "iid"),
    (1, "luid"),
    (2, "virt-v4"),
    (3, "virt-uni-v6"),
    (4, "virt-multi-v6"),
    (5, "nonlocal-addr"),
    (32, "use-format"),
];

/// `SEG6_IPTUNNEL_*`: `include/uapi/linux/seg6_iptunnel.h`.
static SEG6: Set = Set::new("SEG6_IPTUNNEL", &[row(1, "srh", Is::Members(encap::segments)), row(2, "tunsrc", Is::Ip)]);

/// `SEG6_IPTUN_MODE_*`.
pub static SEG6_MODES: &Names = &[(0, "inline"), (1, "encap"), (2, "l2encap"), (3, "encap.red"), (4, "l2encap.red")];

/// `SEG6_LOCAL_*`: `include/uapi/linux/seg6_local.h`.
static SEG6_LOCAL: Set = Set::new(
    "SEG6_LOCAL",
    &[
        row(1, "action", Is::Named(U32, SEG6_LOCAL_ACTIONS)),
        row(2, "srh", Is::Value(encap::routing_header)),
        row(3, "table", Is::NamedId(U32, TABLES)),
        row(4, "nh4", Is::Ip),
        row(5, "nh6", Is::Ip),
        row(6, "iif", Is::Link),
        row(7, "oif", Is::Link),
        row(8, "bpf", Is::Inline(&SEG6_LOCAL_BPF)),
        row(9, "vrftable", Is::NamedId(U32, TABLES)),
        row(10, "stats64", Is::Set(&SEG6_LOCAL_COUNTERS)).volatile(),
        row(11, "flavors", Is::Inline(&SEG6_LOCAL_FLAVORS)),
    ],
);

/// `SEG6_LOCAL_ACTION_*`.
static SEG6_LOCAL_ACTIONS: &Names = &[
    (1, "End"),
    (2, "End.X"),
    (3, "End.T"),
    (4, "End.DX2"),
    (5, "End.DX6"),
    (6, "End.DX4"),
    (7, "End.DT6"),
    (8, "End.DT4"),
    (9, "End.B6"),
    (10, "End.B6.Encaps"),
    (11, "End.BM"),
    (12, "End.S"),
    (13, "End.AS"),
    (14, "End.AM"),
    (15, "End.BPF"),
    (16, "End.DT46"),
];

/// `SEG6_LOCAL_BPF_PROG*`.
static SEG6_LOCAL_BPF: Set =
    Set::new("SEG6_LOCAL_BPF", &[row(1, "endpoint_id", Is::Number(U32)), row(2, "endpoint", Is::Text)]);

/// `SEG6_LOCAL_CNT_*`.
static SEG6_LOCAL_COUNTERS: Set = Set::new(
    "SEG6_LOCAL_CNT",
    &[
        row(1, "pad", Is::Known),
        row(2, "packets", Is::AnyNumber),
        row(3, "bytes", Is::AnyNumber),
        row(4, "errors", Is::AnyNumber),
    ],
);

/// `SEG6_LOCAL_FLV_*`.
static SEG6_LOCAL_FLAVORS: Set = Set::new(
    "SEG6_LOCAL_FLV",
    &[
        row(1, "flavors", Is::Bits(U32, SEG6_LOCAL_FLAVOR_NAMES)),
        row(2, "lblen", Is::Number(U8)),
        row(3, "nflen", Is::Number(U8)),
    ],
);

/// `1 << SEG6_LOCAL_FLV_OP_*`.
static SEG6_LOCAL_FLAVOR_NAMES: &Names = &[(1 << 1, "psp"), (1 << 2, "usp"), (1 << 3, "usd"), (1 << 4, "next-csid")];

/// Bits of `flags` in `struct ipv6_sr_hdr`, `SR6_FLAG1_*`: `include/uapi/linux/seg6.h`. That there is an HMAC is told
/// by its key.
pub static SEG6_FLAGS: &Names = &[(1 << 6, "protected"), (1 << 5, "oam"), (1 << 4, "alert")];

/// `RPL_IPTUNNEL_*`: `include/uapi/linux/rpl_iptunnel.h`.
static RPL: Set = Set::new("RPL_IPTUNNEL", &[row(1, "srh", Is::Members(encap::rpl_segments))]);

/// `IOAM6_IPTUNNEL_*`: `include/uapi/linux/ioam6_iptunnel.h`.
static IOAM6: Set = Set::new(
    "IOAM6_IPTUNNEL",
    &[
        row(1, "mode", Is::Named(U8, &[(1, "inline"), (2, "encap"), (3, "auto")])),
        row(2, "tundst", Is::Ip),
        row(3, "trace", Is::Members(encap::ioam_trace)),
        row(4, "freqk", Is::Number(U32)),
        row(5, "freqn", Is::Number(U32)),
        row(6, "tunsrc", Is::Ip),
    ],
);

/// `LWT_BPF_*`.
static BPF: Set = Set::new(
    "LWT_BPF",
    &[
        row(1, "in", Is::Value(encap::program)),
        row(2, "out", Is::Value(encap::program)),
        row(3, "xmit", Is::Value(encap::program)),
        row(4, "headroom", Is::Number(U32)),
    ],
);

/// `LWT_XFRM_*`.
static XFRM: Set = Set::new("LWT_XFRM", &[row(1, "if_id", Is::Number(U32)), row(2, "link_dev", Is::Link)]);
