//! Names of numbers that several kinds share. Those of iproute2's files are its built-in or shipped defaults.

use crate::decode::schema::Names;

/// Address families, `AF_*` and `RTNL_FAMILY_*`.
pub static FAMILIES: &Names = &[
    (0, "unspec"),
    (2, "inet"),
    (7, "bridge"),
    (10, "inet6"),
    (17, "packet"),
    (28, "mpls"),
    (35, "phonet"),
    (45, "mctp"),
    (128, "ipmr"),
    (129, "ip6mr"),
];

/// Who made a route, rule, nexthop or neighbour: `RTPROT_*`; rt_protos.
pub static ROUTE_PROTOCOLS: &Names = &[
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (17, "mrouted"),
    (18, "keepalived"),
    (42, "babel"),
    (84, "ovn"),
    (99, "openr"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];

/// Who made an address: `IFAPROT_*`; rt_addrprotos.
pub static ADDRESS_PROTOCOLS: &Names = &[(0, "unspec"), (1, "kernel_lo"), (2, "kernel_ra"), (3, "kernel_ll")];

/// Scopes of routes and addresses: `RT_SCOPE_*`; rt_scopes.
pub static SCOPES: &Names = &[(0, "global"), (200, "site"), (253, "link"), (254, "host"), (255, "nowhere")];

/// Routing tables: `RT_TABLE_*`; rt_tables.
pub static TABLES: &Names = &[(0, "unspec"), (253, "default"), (254, "main"), (255, "local")];

/// Realms; rt_realms.
pub static REALMS: &Names = &[(0, "cosmos")];

/// Types of routes, `RTN_*`.
pub static ROUTE_TYPES: &Names = &[
    (0, "none"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
    (9, "throw"),
    (10, "nat"),
    (11, "xresolve"),
];

/// Differentiated services code points; rt_dsfield.
pub static DSCP: &Names = &[
    (0, "default"),
    (8, "CS1"),
    (10, "AF11"),
    (12, "AF12"),
    (14, "AF13"),
    (16, "CS2"),
    (18, "AF21"),
    (20, "AF22"),
    (22, "AF23"),
    (24, "CS3"),
    (26, "AF31"),
    (28, "AF32"),
    (30, "AF33"),
    (32, "CS4"),
    (34, "AF41"),
    (36, "AF42"),
    (38, "AF43"),
    (40, "CS5"),
    (46, "EF"),
    (48, "CS6"),
    (56, "CS7"),
];

/// Protocols above IP, `IPPROTO_*`; the names of /etc/protocols.
pub static IP_PROTOCOLS: &Names = &[
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (115, "l2tp"),
    (132, "sctp"),
    (136, "udplite"),
];

/// Flags of a nexthop, `RTNH_F_*`, in 8 or 32 bits, and of a route, `RTM_F_*`.
pub static ROUTE_FLAGS: &Names = &[
    (0x1, "dead"),
    (0x4, "onlink"),
    (0x2, "pervasive"),
    (0x8, "offload"),
    (0x40, "trap"),
    (0x100, "notify"),
    (0x10, "linkdown"),
    (0x20, "unresolved"),
    (0x200, "cloned"),
    (0x800, "prefix"),
    (0x4000, "rt_offload"),
    (0x8000, "rt_trap"),
    (0x2000_0000, "rt_offload_failed"),
];

/// `IFF_*` (`linux/if.h`), in the order in which `ip link` lists them. `IFF_RUNNING` is not among them: `ip` prints
/// `NO-CARRIER` where it is missing.
pub static LINK_FLAGS: &Names = &[
    (0x8, "LOOPBACK"),
    (0x2, "BROADCAST"),
    (0x10, "POINTOPOINT"),
    (0x1000, "MULTICAST"),
    (0x80, "NOARP"),
    (0x200, "ALLMULTI"),
    (0x100, "PROMISC"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x4, "DEBUG"),
    (0x8000, "DYNAMIC"),
    (0x4000, "AUTOMEDIA"),
    (0x2000, "PORTSEL"),
    (0x20, "NOTRAILERS"),
    (0x1, "UP"),
    (0x10000, "LOWER_UP"),
    (0x20000, "DORMANT"),
    (0x40000, "ECHO"),
];

/// `IF_OPER_*` (`linux/if.h`).
pub static OPERATIONAL_STATES: &Names =
    &[(0, "UNKNOWN"), (1, "NOTPRESENT"), (2, "DOWN"), (3, "LOWERLAYERDOWN"), (4, "TESTING"), (5, "DORMANT"), (6, "UP")];

/// `IF_LINK_MODE_*` (`linux/if.h`).
pub static LINK_MODES: &Names = &[(0, "DEFAULT"), (1, "DORMANT"), (2, "TESTING")];

/// Groups of links (iproute2's `group`).
pub static LINK_GROUPS: &Names = &[(0, "default")];

/// `IN6_ADDR_GEN_MODE_*` (`linux/if_link.h`), as `ip -d link` names them.
pub static ADDRESS_GENERATION_MODES: &Names = &[(0, "eui64"), (1, "none"), (2, "stable_secret"), (3, "random")];

/// States of a bridge's port, `BR_STATE_*` (`linux/if_bridge.h`).
pub static BRIDGE_PORT_STATES: &Names =
    &[(0, "disabled"), (1, "listening"), (2, "learning"), (3, "forwarding"), (4, "blocking")];

/// `ARPHRD_*` (`linux/if_arp.h`), with the names that `ip link` prints as `link_type`.
pub static LINK_TYPES: &Names = &[
    (0, "netrom"),
    (1, "ether"),
    (2, "eether"),
    (3, "ax25"),
    (4, "pronet"),
    (5, "chaos"),
    (6, "ieee802"),
    (7, "arcnet"),
    (8, "atalk"),
    (15, "dlci"),
    (19, "atm"),
    (23, "metricom"),
    (24, "ieee1394"),
    (27, "eui64"),
    (32, "infiniband"),
    (256, "slip"),
    (257, "cslip"),
    (258, "slip6"),
    (259, "cslip6"),
    (260, "rsrvd"),
    (264, "adapt"),
    (270, "rose"),
    (271, "x25"),
    (272, "hwx25"),
    (280, "can"),
    (290, "mctp"),
    (512, "ppp"),
    (513, "hdlc"),
    (516, "lapb"),
    (517, "ddcmp"),
    (518, "rawhdlc"),
    (519, "rawip"),
    (768, "ipip"),
    (769, "tunnel6"),
    (770, "frad"),
    (771, "skip"),
    (772, "loopback"),
    (773, "ltalk"),
    (774, "fddi"),
    (775, "bif"),
    (776, "sit"),
    (777, "ip/ddp"),
    (778, "gre"),
    (779, "pimreg"),
    (780, "hippi"),
    (781, "ash"),
    (782, "econet"),
    (783, "irda"),
    (784, "fcpp"),
    (785, "fcal"),
    (786, "fcpl"),
    (787, "fcfb0"),
    (788, "fcfb1"),
    (789, "fcfb2"),
    (790, "fcfb3"),
    (791, "fcfb4"),
    (792, "fcfb5"),
    (793, "fcfb6"),
    (794, "fcfb7"),
    (795, "fcfb8"),
    (796, "fcfb9"),
    (797, "fcfb10"),
    (798, "fcfb11"),
    (799, "fcfb12"),
    (800, "tr"),
    (801, "ieee802.11"),
    (802, "ieee802.11/prism"),
    (803, "ieee802.11/radiotap"),
    (804, "ieee802.15.4"),
    (805, "ieee802.15.4/monitor"),
    (820, "phonet"),
    (821, "phonet_pipe"),
    (822, "caif"),
    (823, "gre6"),
    (824, "netlink"),
    (825, "6lowpan"),
    (826, "vsockmon"),
    (65534, "none"),
    (65535, "void"),
];

/// `ETH_P_*` (`linux/if_ether.h`), with the names that `ip` and `tc` print.
pub static ETHER_TYPES: &Names = &[
    (0x1, "802_3"),
    (0x2, "ax25"),
    (0x3, "all"),
    (0x4, "802_2"),
    (0x5, "snap"),
    (0x6, "ddcmp"),
    (0x7, "wan_ppp"),
    (0x8, "ppp_mp"),
    (0x9, "localtalk"),
    (0xc, "can"),
    (0x10, "ppptalk"),
    (0x11, "tr_802_2"),
    (0x15, "mobitex"),
    (0x16, "control"),
    (0x17, "irda"),
    (0x18, "econet"),
    (0x60, "loop"),
    (0x200, "pup"),
    (0x201, "pupat"),
    (0x800, "ip"),
    (0x805, "x25"),
    (0x806, "arp"),
    (0x8ff, "bpq"),
    (0xa00, "ieeepup"),
    (0xa01, "ieeepupat"),
    (0x6000, "dec"),
    (0x6001, "dna_dl"),
    (0x6002, "dna_rc"),
    (0x6003, "dna_rt"),
    (0x6004, "lat"),
    (0x6005, "diag"),
    (0x6006, "cust"),
    (0x6007, "sca"),
    (0x6558, "teb"),
    (0x8035, "rarp"),
    (0x809b, "atalk"),
    (0x80f3, "aarp"),
    (0x8100, "802.1Q"),
    (0x8137, "ipx"),
    (0x86dd, "ipv6"),
    (0x8847, "mpls_uc"),
    (0x8848, "mpls_mc"),
    (0x884c, "atmmpoa"),
    (0x8863, "ppp_disc"),
    (0x8864, "ppp_ses"),
    (0x8884, "atmfate"),
    (0x8892, "profinet"),
    (0x88a2, "aoe"),
    (0x88a4, "ethercat"),
    (0x88a8, "802.1ad"),
    (0x88ca, "tipc"),
    (0x88cc, "LLDP"),
    (0x8902, "cfm"),
];
