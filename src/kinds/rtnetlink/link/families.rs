//! What the address families keep for a link: `IFLA_AF_SPEC` (`linux/if_link.h`), and the settings of IPv4 and IPv6.

use crate::decode::schema::{Is, Names, Row, Scalar, Set, Structure, field, row};
use crate::kinds::rtnetlink::link_info::bridge::BRIDGE_SPEC;
use crate::kinds::rtnetlink::names::ADDRESS_GENERATION_MODES;

/// `IFLA_AF_SPEC`: a set for each address family.
pub(super) static FAMILIES: Set = Set::new(
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
pub(super) static INET6: Set = Set::new("IFLA_INET6", &INET6_ROWS);

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
