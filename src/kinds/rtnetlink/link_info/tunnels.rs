//! Tunnels (`linux/if_link.h`, `linux/if_tunnel.h`, and what is named at the sets).

use crate::decode::code::{links, tunnels};
use crate::decode::schema::{Is, Names, Row, Scalar, Set, Structure, field, row};
use crate::kinds::rtnetlink::names::ETHER_TYPES;

/// `struct ifla_vxlan_port_range` and `struct ifla_geneve_port_range`.
static PORT_RANGE: Structure = Structure::new(
    "ifla_vxlan_port_range",
    4,
    &[field(0, "low", Is::Number(Scalar::U16Be)), field(2, "high", Is::Number(Scalar::U16Be))],
);

/// `VXLAN_DF_*` and `GENEVE_DF_*`.
static DONT_FRAGMENT: &Names = &[(0, "unset"), (1, "set"), (2, "inherit")];

/// `IFLA_VXLAN_*`.
pub static VXLAN: Set = Set::new(
    "IFLA_VXLAN",
    &[
        row(1, "id", Is::Number(Scalar::U32)),
        row(2, "group", Is::Members(tunnels::group_or_remote)),
        row(3, "link", Is::Members(links::bound_link)),
        row(4, "local", Is::Members(tunnels::local)),
        row(5, "ttl", Is::Number(Scalar::U8)),
        row(6, "tos", Is::Number(Scalar::U8)),
        row(7, "learning", Is::Bool(Scalar::U8)),
        row(8, "ageing", Is::Number(Scalar::U32)),
        row(9, "limit", Is::Number(Scalar::U32)),
        row(10, "port_range", Is::Structure(&PORT_RANGE)),
        row(11, "proxy", Is::Bool(Scalar::U8)),
        row(12, "rsc", Is::Bool(Scalar::U8)),
        row(13, "l2miss", Is::Bool(Scalar::U8)),
        row(14, "l3miss", Is::Bool(Scalar::U8)),
        row(15, "port", Is::Number(Scalar::U16Be)),
        row(16, "group6", Is::Members(tunnels::group_or_remote)),
        row(17, "local6", Is::Members(tunnels::local)),
        row(18, "udp_csum", Is::Bool(Scalar::U8)),
        row(19, "udp_zero_csum6_tx", Is::Bool(Scalar::U8)),
        row(20, "udp_zero_csum6_rx", Is::Bool(Scalar::U8)),
        row(21, "remcsum_tx", Is::Bool(Scalar::U8)),
        row(22, "remcsum_rx", Is::Bool(Scalar::U8)),
        row(23, "gbp", Is::Present),
        row(24, "remcsum_nopartial", Is::Present),
        row(25, "external", Is::Bool(Scalar::U8)),
        row(26, "label", Is::Number(Scalar::U32Be)),
        row(27, "gpe", Is::Present),
        row(28, "ttl_inherit", Is::Bool(Scalar::U8)),
        row(29, "df", Is::Named(Scalar::U8, DONT_FRAGMENT)),
        row(30, "vnifilter", Is::Bool(Scalar::U8)),
        row(31, "localbypass", Is::Bool(Scalar::U8)),
        row(32, "label_policy", Is::Named(Scalar::U32, &[(0, "fixed"), (1, "inherit")])),
        row(33, "reserved_bits", Is::Number(Scalar::U64Be)),
        row(34, "mcroute", Is::Bool(Scalar::U8)),
    ],
);

/// `IFLA_GENEVE_*`.
pub static GENEVE: Set = Set::new(
    "IFLA_GENEVE",
    &[
        row(1, "id", Is::Number(Scalar::U32)),
        row(2, "remote", Is::Members(tunnels::remote)),
        row(3, "ttl", Is::Number(Scalar::U8)),
        row(4, "tos", Is::Number(Scalar::U8)),
        row(5, "port", Is::Number(Scalar::U16Be)),
        row(6, "external", Is::Present),
        row(7, "remote6", Is::Members(tunnels::remote)),
        row(8, "udp_csum", Is::Bool(Scalar::U8)),
        row(9, "udp_zero_csum6_tx", Is::Bool(Scalar::U8)),
        row(10, "udp_zero_csum6_rx", Is::Bool(Scalar::U8)),
        row(11, "label", Is::Number(Scalar::U32Be)),
        row(12, "ttl_inherit", Is::Bool(Scalar::U8)),
        row(13, "df", Is::Named(Scalar::U8, DONT_FRAGMENT)),
        row(14, "inner_proto_inherit", Is::Present),
        row(15, "port_range", Is::Structure(&PORT_RANGE)),
        row(16, "gro_hint", Is::Present),
    ],
);

/// `IFLA_BAREUDP_*`.
pub static BAREUDP: Set = Set::new(
    "IFLA_BAREUDP",
    &[
        row(1, "dstport", Is::Number(Scalar::U16Be)),
        row(2, "ethertype", Is::Named(Scalar::U16Be, ETHER_TYPES)),
        row(3, "srcportmin", Is::Number(Scalar::U16)),
        row(4, "multiproto", Is::Present),
    ],
);

/// `IFLA_GTP_*`.
pub static GTP: Set = Set::new(
    "IFLA_GTP",
    &[
        row(1, "fd0", Is::Number(Scalar::I32)),
        row(2, "fd1", Is::Number(Scalar::I32)),
        row(3, "hsize", Is::Number(Scalar::U32)),
        row(4, "role", Is::Named(Scalar::U32, &[(0, "ggsn"), (1, "sgsn")])),
        row(5, "create_sockets", Is::Number(Scalar::U8)),
        row(6, "restart_count", Is::Number(Scalar::U8)),
        row(7, "local", Is::Ip),
        row(8, "local6", Is::Ip),
    ],
);

/// `IFLA_AMT_*` (`linux/amt.h`).
pub static AMT: Set = Set::new(
    "IFLA_AMT",
    &[
        row(1, "mode", Is::Named(Scalar::U32, &[(0, "gateway"), (1, "relay")])),
        row(2, "relay_port", Is::Number(Scalar::U16Be)),
        row(3, "gateway_port", Is::Number(Scalar::U16Be)),
        row(4, "link", Is::Link),
        row(5, "local", Is::Ip),
        row(6, "remote", Is::Ip),
        row(7, "discovery", Is::Ip),
        row(8, "max_tunnels", Is::Number(Scalar::U32)),
    ],
);

/// The place in [`IPTUN_ROWS`] of the attributes that tunnels over IPv6 fill differently.
const TUNNEL_FLAGS: usize = 7;
const TUNNEL_PROTOCOL: usize = 8;

/// `IFLA_IPTUN_*`.
const IPTUN_ROWS: [Row; 20] = [
    row(1, "link", Is::Members(links::bound_link)),
    row(2, "local", Is::Value(tunnels::endpoint)),
    row(3, "remote", Is::Value(tunnels::endpoint)),
    row(4, "ttl", Is::Number(Scalar::U8)),
    row(5, "tos", Is::Number(Scalar::U8)),
    row(6, "encap_limit", Is::Number(Scalar::U8)),
    row(7, "flow_information", Is::Members(tunnels::flow_information::<8>)),
    row(8, "flags", Is::Members(tunnels::sit_flags)),
    row(9, "proto", Is::Named(Scalar::U8, &[(0, "any"), (4, "ipip"), (41, "ip6ip"), (137, "mplsip")])),
    row(10, "pmtudisc", Is::Bool(Scalar::U8)),
    row(11, "6rd_prefix", Is::Members(links::with_another)),
    row(12, "6rd_relay_prefix", Is::Members(links::with_another)),
    row(13, "6rd", Is::Members(tunnels::rapid_deployment)),
    row(14, "6rd_relay_prefixlen", Is::Members(links::with_another)),
    row(15, "encap", Is::Members(tunnels::encapsulation)),
    row(16, "encap_flags", Is::Members(links::with_another)),
    row(17, "encap_sport", Is::Members(links::with_another)),
    row(18, "encap_dport", Is::Members(links::with_another)),
    row(19, "external", Is::Present),
    row(20, "fwmark", Is::Number(Scalar::U32)),
];

/// Tunnels over IPv4: IPIP and SIT.
pub static IPTUN: Set = Set::new("IFLA_IPTUN", &IPTUN_ROWS);

/// Tunnels over IPv6.
pub static IP6TNL: Set = Set::new(
    "IFLA_IPTUN",
    &const {
        let mut rows = IPTUN_ROWS;
        rows[TUNNEL_FLAGS] = row(8, "flags", Is::Members(tunnels::ipv6_flags));
        rows[TUNNEL_PROTOCOL] =
            row(9, "proto", Is::Named(Scalar::U8, &[(0, "any"), (4, "ipip6"), (41, "ip6ip6"), (137, "mplsip6")]));
        rows
    },
);

/// `IFLA_GRE_*`: GRE and ERSPAN over IPv4 and IPv6.
pub static GRE: Set = Set::new(
    "IFLA_GRE",
    &[
        row(1, "link", Is::Members(links::bound_link)),
        row(2, "iflags", Is::Members(tunnels::gre_input_flags)),
        row(3, "oflags", Is::Members(tunnels::gre_output_flags)),
        row(4, "ikey", Is::Members(tunnels::gre_input_key)),
        row(5, "okey", Is::Members(tunnels::gre_output_key)),
        row(6, "local", Is::Value(tunnels::endpoint)),
        row(7, "remote", Is::Value(tunnels::endpoint)),
        row(8, "ttl", Is::Number(Scalar::U8)),
        row(9, "tos", Is::Number(Scalar::U8)),
        row(10, "pmtudisc", Is::Bool(Scalar::U8)),
        row(11, "encap_limit", Is::Number(Scalar::U8)),
        row(12, "flow_information", Is::Members(tunnels::flow_information::<13>)),
        row(13, "flags", Is::Members(tunnels::ipv6_flags)),
        row(14, "encap", Is::Members(tunnels::encapsulation)),
        row(15, "encap_flags", Is::Members(links::with_another)),
        row(16, "encap_sport", Is::Members(links::with_another)),
        row(17, "encap_dport", Is::Members(links::with_another)),
        row(18, "external", Is::Present),
        row(19, "ignore_df", Is::Bool(Scalar::U8)),
        row(20, "fwmark", Is::Number(Scalar::U32)),
        row(21, "erspan_index", Is::Number(Scalar::U32)),
        row(22, "erspan_ver", Is::Number(Scalar::U8)),
        row(23, "erspan_dir", Is::Named(Scalar::U8, &[(0, "ingress"), (1, "egress")])),
        row(24, "erspan_hwid", Is::Number(Scalar::U16)),
    ],
);

/// `IFLA_VTI_*`: VTI over IPv4 and IPv6.
pub static VTI: Set = Set::new(
    "IFLA_VTI",
    &[
        row(1, "link", Is::Members(links::bound_link)),
        row(2, "ikey", Is::Members(tunnels::vti_input_key)),
        row(3, "okey", Is::Members(tunnels::vti_output_key)),
        row(4, "local", Is::Value(tunnels::endpoint)),
        row(5, "remote", Is::Value(tunnels::endpoint)),
        row(6, "fwmark", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_XFRM_*`: XFRM interfaces.
pub static XFRM: Set = Set::new(
    "IFLA_XFRM",
    &[
        row(1, "link", Is::Members(links::bound_link)),
        row(2, "if_id", Is::Number(Scalar::U32)),
        row(3, "external", Is::Present),
    ],
);
