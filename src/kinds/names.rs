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
