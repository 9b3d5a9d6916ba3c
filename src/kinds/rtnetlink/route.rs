//! `route`: unicast routes and MPLS routes. `struct rtmsg`, `RTA_*`: `include/uapi/linux/rtnetlink.h`.

use super::names::{FAMILIES, IP_PROTOCOLS, ROUTE_FLAGS, ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES};
use crate::decode::code::{self, network};
use crate::decode::schema::{
    Dump, Field, Identity, Interface, Is, Kind, Names, Row, Scalar::*, Set, Structure, field, field_of, row,
};

/// `RTM_NEWROUTE` and `RTM_DELROUTE`.
pub static ROUTE: Kind = Kind {
    name: "route",
    about: "routes of IPv4, IPv6 and MPLS",
    groups: &[7, 11, 27],
    new: 24,
    delete: 25,
    families: &[],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(RTA_OIF),
    // Several routes may share this; mirror/route.rs tells them apart.
    identity: Some(Identity { header: &[(0, 4)], attributes: &[RTA_DST, RTA_SRC, RTA_PRIORITY, RTA_TABLE] }),
    split: &[],
    partial: false,
    dumps: &[
        Dump { message: 26, header: &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        Dump { message: 26, header: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
        Dump { message: 26, header: &[28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], attributes: &[], per_link: None },
    ],
};

/// `RTA_DST`.
pub const RTA_DST: u16 = 1;
/// `RTA_SRC`.
pub const RTA_SRC: u16 = 2;
/// `RTA_OIF`: the interface that the route leaves through.
pub const RTA_OIF: u16 = 4;
/// `RTA_GATEWAY`.
pub const RTA_GATEWAY: u16 = 5;
/// `RTA_PRIORITY`: the metric.
pub const RTA_PRIORITY: u16 = 6;
/// `RTA_PREFSRC`: the preferred source address.
pub const RTA_PREFSRC: u16 = 7;
/// `RTA_MULTIPATH`: several legs, each a `struct rtnexthop` with attributes.
pub const RTA_MULTIPATH: u16 = 9;
/// `RTA_CACHEINFO`.
pub const RTA_CACHEINFO: u16 = 12;
/// `RTA_TABLE`.
pub const RTA_TABLE: u16 = 15;
/// `RTA_VIA`: a gateway of another family.
pub const RTA_VIA: u16 = 18;
/// `RTA_ENCAP_TYPE`.
pub const RTA_ENCAP_TYPE: u16 = 21;
/// `RTA_ENCAP`.
pub const RTA_ENCAP: u16 = 22;
/// `RTA_NH_ID`: the nexthop object that it uses.
pub const RTA_NH_ID: u16 = 30;

static HEADER: Structure = Structure::new("rtmsg", 12, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    field(7, "type", Is::Named(U8, ROUTE_TYPES)),
    field_of(1, 1, "dst", Is::Members(network::route_destination)),
    field_of(2, 1, "from", Is::Members(network::route_source)),
    field(3, "tos", Is::NumberUnless(U8, 0)),
    field(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
    field(6, "scope", Is::NamedId(U8, SCOPES)),
    field(8, "flags", Is::Bits(U32, ROUTE_FLAGS)),
];

static ATTRIBUTES: Set = Set::new("RTA", ROWS);
const ROWS: &[Row] = &[
    // The header's destination and source say these.
    row(RTA_DST, "dst", Is::Known),
    row(RTA_SRC, "from", Is::Known),
    row(3, "iif", Is::Link),
    row(RTA_OIF, "dev", Is::Link),
    row(RTA_GATEWAY, "gateway", Is::Ip),
    row(RTA_PRIORITY, "metric", Is::Number(U32)),
    row(RTA_PREFSRC, "prefsrc", Is::Ip),
    row(8, "metrics", Is::Value(network::route_metrics)),
    row(RTA_MULTIPATH, "nexthops", Is::Value(network::route_legs)),
    row(10, "protoinfo", Is::Hex),
    row(11, "flow", Is::Value(network::realms)),
    row(RTA_CACHEINFO, "cacheinfo", Is::Members(network::route_cache_info)),
    row(13, "session", Is::Hex),
    row(14, "mp_algo", Is::Hex),
    row(RTA_TABLE, "table", Is::NamedId(U32, TABLES)),
    row(16, "mark", Is::Number(U32)),
    row(17, "mfc_stats", Is::Structure(&MFC_STATS)).volatile(),
    row(RTA_VIA, "via", Is::Value(network::via)),
    row(19, "to", Is::Value(network::new_destination)),
    row(20, "pref", Is::Named(U8, ROUTER_PREFERENCES)),
    row(RTA_ENCAP_TYPE, "encap_type", Is::Known),
    row(RTA_ENCAP, "encap", Is::Value(code::encap::route)),
    row(23, "expires_in", Is::Number(U32)).volatile(),
    row(24, "pad", Is::Known),
    row(25, "uid", Is::Number(U32)),
    // The misspelling is ip's key.
    row(26, "ttl-propogate", Is::Bool(U8)),
    row(27, "ipproto", Is::NamedId(U8, IP_PROTOCOLS)),
    row(28, "sport", Is::Number(U16Be)),
    row(29, "dport", Is::Number(U16Be)),
    row(RTA_NH_ID, "nhid", Is::Number(U32)),
    row(31, "flowlabel", Is::Number(U32Be)),
];

/// The attributes of a leg of a multipath route; its `struct rtnexthop` comes before them.
pub static LEG_ATTRIBUTES: Set = Set::new(
    "RTA",
    &[
        row(RTA_OIF, "oif", Is::Link),
        row(RTA_GATEWAY, "gateway", Is::Ip),
        row(11, "flow", Is::Value(network::realms)),
        row(RTA_VIA, "via", Is::Value(network::via)),
        row(19, "to", Is::Value(network::new_destination)),
        row(RTA_ENCAP_TYPE, "encap_type", Is::Known),
        row(RTA_ENCAP, "encap", Is::Value(code::encap::route)),
        row(RTA_NH_ID, "nhid", Is::Number(U32)),
    ],
);

/// `struct rta_mfc_stats`.
pub static MFC_STATS: Structure = Structure::new(
    "rta_mfc_stats",
    24,
    &[field(0, "packets", Is::Number(U64)), field(8, "bytes", Is::Number(U64)), field(16, "wrong_if", Is::Number(U64))],
);

/// `ICMPV6_ROUTER_PREF_*`: `include/uapi/linux/icmpv6.h`.
pub static ROUTER_PREFERENCES: &Names = &[(0, "medium"), (1, "high"), (2, "invalid"), (3, "low")];

/// `RTAX_*`: metrics of a route.
pub static METRICS: Set = Set::new(
    "RTAX",
    &[
        // Bit n: the metric of number n is locked.
        row(1, "lock", Is::Bits(U32, METRIC_LOCKS)),
        row(2, "mtu", Is::Number(U32)),
        row(3, "window", Is::Number(U32)),
        row(4, "rtt", Is::Value(network::eighths)),
        row(5, "rttvar", Is::Value(network::quarters)),
        row(6, "ssthresh", Is::Number(U32)),
        row(7, "cwnd", Is::Number(U32)),
        row(8, "advmss", Is::Number(U32)),
        row(9, "reordering", Is::Number(U32)),
        row(10, "hoplimit", Is::Number(U32)),
        row(11, "initcwnd", Is::Number(U32)),
        row(12, "features", Is::Members(network::metric_features)),
        row(13, "rto_min", Is::Number(U32)),
        row(14, "initrwnd", Is::Number(U32)),
        row(15, "quickack", Is::Number(U32)),
        row(16, "congestion", Is::Text),
        row(17, "fastopen_no_cookie", Is::Number(U32)),
    ],
);

/// Bits of `RTAX_LOCK`.
static METRIC_LOCKS: &Names = &[
    (1 << 2, "mtu"),
    (1 << 3, "window"),
    (1 << 4, "rtt"),
    (1 << 5, "rttvar"),
    (1 << 6, "ssthresh"),
    (1 << 7, "cwnd"),
    (1 << 8, "advmss"),
    (1 << 9, "reordering"),
    (1 << 10, "hoplimit"),
    (1 << 11, "initcwnd"),
    (1 << 12, "features"),
    (1 << 13, "rto_min"),
    (1 << 14, "initrwnd"),
    (1 << 15, "quickack"),
    (1 << 16, "congestion"),
    (1 << 17, "fastopen_no_cookie"),
];

/// `RTAX_FEATURE_*`.
pub static METRIC_FEATURES: &Names = &[(1, "ecn"), (2, "sack"), (4, "timestamp"), (8, "allfrag"), (16, "tcp_usec_ts")];
