//! `route`: unicast routes and MPLS routes. `struct rtmsg`, `RTA_*`: `include/uapi/linux/rtnetlink.h`.

use libc::{RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_MPLS_ROUTE};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Interface, Interfaces, Is, Kind, LastOf, NUMBER, Names, Part,
    PerLink, Row, Set, SeverityRow, Shape, Sides, Structure, TEXT, Wrong, field, field_of, row,
};
use crate::decode::title::{Word, detail, named, word};
use crate::decode::value::{any_unsigned, write_bits, write_flags, write_link, write_named};
use crate::decode::walk::write_set;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::{Json, Key};
use crate::kinds::rtnetlink::encap;
use crate::kinds::rtnetlink::names::{
    self, FAMILIES, IP_PROTOCOLS, ROUTE_FLAGS, ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES,
};
use crate::kinds::rtnetlink::numbers::{AF_INET, AF_INET6, AF_MPLS, AF_PACKET};
use crate::kinds::rtnetlink::shared;
use crate::kinds::rtnetlink::shared::{USER_HZ, write_address, write_nonzero, write_prefix};
use crate::netlink::wire::{align, u16_at, u32_at};
use crate::netlink::wire::{attribute, attribute_u32};
use smallvec::SmallVec;

/// `RTM_NEWROUTE` and `RTM_DELROUTE`.
pub static ROUTE: Kind = Kind {
    name: "route",
    about: "routes of IPv4, IPv6 and MPLS",
    title: &[
        word("family").unless(&["inet", "inet6"]),
        word("family").unless(&["inet", "mpls"]).when("dst", "default"),
        word("type").unless(&["unicast"]),
        word("dst"),
        word("to"),
        named("from"),
        named("tos"),
        word("via.family").after("via"),
        word("via.host"),
        word("gateway").after("via"),
        named("nhid"),
        word("nexthops").after("nexthop").each(LEG),
        named("metric").unless(&["0"]),
        named("table").unless(&["main"]),
        word("prefsrc").after("src").as_detail(),
        word("protocol").after("proto").as_detail(),
        word("scope").after("scope").unless(&["global", "link"]).as_detail(),
        word("encap").after("encap").as_detail(),
        word("flags").as_detail(),
        detail("metrics"),
        detail("expires"),
    ],
    groups: &[RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_MPLS_ROUTE],
    new: RTM_NEWROUTE,
    delete: RTM_DELROUTE,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(RTA_OIF),
    // Several routes may share this; mirror/route.rs tells them apart.
    identity: Some(Identity {
        header: &[(0, 4)],
        attributes: &[RTA_DST, RTA_SRC, RTA_PRIORITY, RTA_TABLE],
        members: &["family", "dst", "from", "tos", "metric", "table_id", "dev", "gateway"],
    }),
    dumps: &[
        DumpRequest {
            message: RTM_GETROUTE,
            header: &[AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: Some(PerLink::Attribute(RTA_OIF)),
        },
        DumpRequest {
            message: RTM_GETROUTE,
            header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: Some(PerLink::Attribute(RTA_OIF)),
        },
        DumpRequest {
            message: RTM_GETROUTE,
            header: &[AF_MPLS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: Some(PerLink::Attribute(RTA_OIF)),
        },
    ],
    hooks: Hooks {
        interfaces: Some(interfaces),
        route_table: Some(shared::route_table),
        signals: Some(signals_of),
        last: Some(LastOf { group: default_group, lost: Signals::DEFAULT_LOST, back: Signals::DEFAULT_BACK }),
        severity: &[
            SeverityRow::of(
                Severity::Debug,
                "local, broadcast, anycast and multicast ones, those of the table `local`, and cached ones",
                |_, payload| is_bookkeeping(payload),
            ),
            SeverityRow::of(Severity::Notice, "unicast ones", |_, payload| payload.get(7) == Some(&RTN_UNICAST)),
        ],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// A leg of a route, in its title.
const LEG: &[Word] = &[
    word("via.family").after("via"),
    word("via.host"),
    word("gateway").after("via"),
    named("to"),
    named("dev"),
    named("weight").unless(&["1"]),
    word("flags"),
];

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
    field_of(1, 1, "dst", Is::Members(destination, DESTINATION_PARTS)),
    field_of(2, 1, "from", Is::Members(source, SOURCE_PARTS)),
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
    row(8, "metrics", Is::Value(metrics, METRICS_SHAPE)),
    row(RTA_MULTIPATH, "nexthops", Is::Value(legs, LEGS_SHAPE)),
    row(10, "protoinfo", Is::Hex),
    row(11, "flow", Is::Value(shared::realms, shared::REALMS_SHAPE)),
    row(RTA_CACHEINFO, "cacheinfo", Is::Members(cache_info, CACHE_INFO_PARTS)),
    row(13, "session", Is::Hex),
    row(14, "mp_algo", Is::Hex),
    row(RTA_TABLE, "table", Is::NamedId(U32, TABLES)),
    row(16, "mark", Is::Number(U32)),
    row(17, "mfc_stats", Is::Structure(&MFC_STATS)).volatile(),
    row(RTA_VIA, "via", Is::Value(via, VIA_SHAPE)),
    row(19, "to", Is::Value(new_destination, TEXT)),
    row(20, "pref", Is::Named(U8, ROUTER_PREFERENCES)),
    row(RTA_ENCAP_TYPE, "encap_type", Is::Known),
    row(RTA_ENCAP, "encap", Is::Value(encapsulation, encap::ENCAP_SHAPE)),
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
    // Of a removal alone.
    row(32, "del_reason", Is::Named(U32, DELETION_REASONS)).volatile(),
];

/// The attributes of a leg of a multipath route; its `struct rtnexthop` comes before them.
pub static LEG_ATTRIBUTES: Set = Set::new(
    "RTA",
    &[
        row(RTA_OIF, "oif", Is::Link),
        row(RTA_GATEWAY, "gateway", Is::Ip),
        row(11, "flow", Is::Value(shared::realms, shared::REALMS_SHAPE)),
        row(RTA_VIA, "via", Is::Value(via, VIA_SHAPE)),
        row(19, "to", Is::Value(new_destination, TEXT)),
        row(RTA_ENCAP_TYPE, "encap_type", Is::Known),
        row(RTA_ENCAP, "encap", Is::Value(encapsulation, encap::ENCAP_SHAPE)),
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
        row(4, "rtt", Is::Value(eighths, NUMBER)),
        row(5, "rttvar", Is::Value(quarters, NUMBER)),
        row(6, "ssthresh", Is::Number(U32)),
        row(7, "cwnd", Is::Number(U32)),
        row(8, "advmss", Is::Number(U32)),
        row(9, "reordering", Is::Number(U32)),
        row(10, "hoplimit", Is::Number(U32)),
        row(11, "initcwnd", Is::Number(U32)),
        row(12, "features", Is::Members(metric_features, METRIC_FEATURES_PARTS)),
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

/// A number in units of 1/8.
pub fn eighths(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(any_unsigned(payload)? / 8);
    Ok(())
}

/// A number in units of 1/4.
pub fn quarters(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(any_unsigned(payload)? / 4);
    Ok(())
}

/// The members that [`destination`] writes.
const DESTINATION_PARTS: &[Part] = &[Part::text("dst")];

/// The destination: `default`, an address or a prefix.
pub fn destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = payload.first().copied().unwrap_or_default();
    out.member(const { &Key::new("dst") });
    match context.sibling(RTA_DST) {
        Some(address) => write_prefix(out, context, address, length),
        None if length == 0 => {
            out.string("default");
            Ok(())
        }
        None => {
            out.display(format_args!("0/{length}"));
            Ok(())
        }
    }
}

/// The members that [`source`] writes.
const SOURCE_PARTS: &[Part] = &[Part::text("from")];

/// The source prefix of an IPv6 route, where it has one.
pub fn source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = payload.first().copied().unwrap_or_default();
    match context.sibling(RTA_SRC) {
        Some(address) => {
            out.key("from");
            write_prefix(out, context, address, length)
        }
        None => Ok(()),
    }
}

/// The members that [`cache_info`] writes.
const CACHE_INFO_PARTS: &[Part] = &[
    Part::number("error"),
    Part::Volatile("expires", NUMBER),
    Part::Volatile("users", NUMBER),
    Part::Volatile("age", NUMBER),
    Part::Volatile("used", NUMBER),
    Part::Volatile("ipid", NUMBER),
    Part::Volatile("ts", NUMBER),
    Part::Volatile("tsage", NUMBER),
];

/// `struct rta_cacheinfo`: times in 1/100 s, printed in seconds; only what is not 0.
pub fn cache_info(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let at = |offset| u32_at(payload, offset).ok_or(Wrong::Length(32));
    write_nonzero(out, "error", at(12)?.into());
    if context.comparing {
        return Ok(());
    }
    let expires = at(8)? as i32;
    if expires != 0 {
        out.key("expires");
        out.signed((expires / USER_HZ as i32).into());
    }
    write_nonzero(out, "users", at(0)?.into());
    write_nonzero(out, "age", u64::from(at(4)?) / USER_HZ);
    write_nonzero(out, "used", at(16)?.into());
    write_nonzero(out, "ipid", at(20)?.into());
    write_nonzero(out, "ts", at(24)?.into());
    write_nonzero(out, "tsage", at(28)?.into());
    Ok(())
}

/// What [`metrics`] writes.
const METRICS_SHAPE: &Shape = &Shape::List(&Shape::Object(&[Part::Set(&METRICS)]));

/// `RTA_METRICS`: a list with one object, as `ip` has it.
pub fn metrics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    out.begin_object();
    write_set(out, &context.inside(payload), &METRICS, payload);
    out.end_object();
    out.end_list();
    Ok(())
}

/// The members that [`metric_features`] writes.
const METRIC_FEATURES_PARTS: &[Part] = &[Part::Flags(METRIC_FEATURES), Part::text("other_flags")];

/// `RTAX_FEATURES`: each a member that is true.
pub fn metric_features(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_flags(out, "other_flags", METRIC_FEATURES, any_unsigned(payload)?);
    Ok(())
}

/// What [`via`] writes.
const VIA_SHAPE: &Shape = &Shape::Object(&[Part::text("family"), Part::text("host")]);

/// `RTA_VIA`: a family (two octets) and an address of it.
pub fn via(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let family = u16_at(payload, 0).ok_or(Wrong::Short(2))?;
    let family = u8::try_from(family).map_err(|_| Wrong::Because("a family above 255"))?;
    out.begin_object();
    out.key("family");
    match family {
        AF_PACKET => out.string("link"),
        _ => write_named(out, names::FAMILIES, family.into()),
    }
    out.key("host");
    write_address(out, context, family, &payload[2..])?;
    out.end_object();
    Ok(())
}

/// `RTA_NEWDST`: what the destination becomes, of the route's family.
pub fn new_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, context, context.family(), payload)
}

/// One `struct rtnexthop`.
#[derive(Clone, Copy)]
pub struct Leg<'a> {
    /// `rtnh_flags`.
    pub flags: u8,
    /// `rtnh_hops`: the weight less one.
    pub hops: u8,
    /// `rtnh_ifindex`.
    pub ifindex: u32,
    /// Its attributes.
    pub attributes: &'a [u8],
    /// All of it, header included, without padding.
    pub bytes: &'a [u8],
}

/// Octets of `struct rtnexthop`.
pub const LEG_HEADER_BYTES: usize = 8;

/// The legs of `RTA_MULTIPATH`. It ends where a length is wrong; then `rest` is not empty.
pub struct Legs<'a> {
    /// What is not read yet.
    pub rest: &'a [u8],
}

impl<'a> Iterator for Legs<'a> {
    type Item = Leg<'a>;

    fn next(&mut self) -> Option<Leg<'a>> {
        let length = usize::from(u16_at(self.rest, 0)?);
        if length < LEG_HEADER_BYTES || length > self.rest.len() {
            return None;
        }
        let bytes = &self.rest[..length];
        self.rest = &self.rest[align(length).min(self.rest.len())..];
        Some(Leg {
            flags: bytes[2],
            hops: bytes[3],
            ifindex: u32_at(bytes, 4)?,
            attributes: &bytes[LEG_HEADER_BYTES..],
            bytes,
        })
    }
}

/// What [`legs`] writes.
const LEGS_SHAPE: &Shape = &Shape::List(&Shape::Object(&[
    Part::Set(&LEG_ATTRIBUTES),
    Part::link("dev"),
    Part::number("weight"),
    Part::texts("flags"),
]));

/// `RTA_MULTIPATH`: a list of legs.
pub fn legs(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut legs = Legs { rest: payload };
    out.begin_list();
    for leg in legs.by_ref() {
        out.begin_object();
        write_set(out, &context.inside(leg.attributes), &LEG_ATTRIBUTES, leg.attributes);
        out.key("dev");
        write_link(out, context, leg.ifindex);
        out.key("weight");
        out.unsigned(u64::from(leg.hops) + 1);
        out.key("flags");
        write_bits(out, names::ROUTE_FLAGS, leg.flags.into());
        out.end_object();
    }
    if !legs.rest.is_empty() {
        return Err(Wrong::Because("a leg's length is wrong"));
    }
    out.end_list();
    Ok(())
}

/// Where a leg leads: the interface and the gateway.
pub type Way<'a> = (u32, &'a [u8]);

/// The address of the next hop, of whichever family.
pub fn gateway(set: &[u8]) -> &[u8] {
    attribute(set, RTA_GATEWAY).or_else(|| attribute(set, RTA_VIA)).unwrap_or_default()
}

/// Where the route's legs lead.
pub fn ways<'a>(payload: &'a [u8]) -> SmallVec<[Way<'a>; 4]> {
    let set = ROUTE.attributes(payload);
    match attribute(set, RTA_MULTIPATH) {
        Some(legs) => Legs { rest: legs }.map(|leg| (leg.ifindex, gateway(leg.attributes))).collect(),
        None => [(attribute_u32(set, RTA_OIF).unwrap_or_default(), gateway(set))].into_iter().collect(),
    }
}

/// Every interface that a route leaves through, each once.
pub fn interfaces(payload: &[u8]) -> Interfaces {
    let mut found = Interfaces::new();
    for (ifindex, _) in ways(payload) {
        if ifindex != 0 && !found.contains(&ifindex) {
            found.push(ifindex);
        }
    }
    found
}

/// The signals of a route, but for those that say whether it is the last default route.
fn signals_of(&Sides { old, new, .. }: &Sides<'_>) -> Signals {
    let mut signals = Signals::NONE;
    signals.when([old, new].into_iter().flatten().any(is_default), Signals::DEFAULT_ROUTE);
    // Of what the kernel makes itself for each address, the link's own event says as much.
    let is_made =
        |payload: &[u8]| payload.get(7) == Some(&RTN_UNICAST) && payload.get(PROTOCOL_AT) != Some(&RTPROT_KERNEL);
    if let (Some(old), Some(new)) = (old, new)
        && is_made(new)
    {
        let (before, after) = (live_ways(old), live_ways(new));
        // One of one leg that now leads elsewhere has lost none.
        let several = before.all > 1 || after.all > 1;
        let is_less = |one: &LiveWays<'_>, other: &LiveWays<'_>| {
            other.live.iter().any(|way| one.dead.contains(way) || (several && !one.live.contains(way)))
        };
        signals.when(is_less(&after, &before), Signals::LEG_LOST);
        signals.when(is_less(&before, &after), Signals::LEG_BACK);
    }
    signals
}

/// Where a route's legs lead: those that work, and those that are dead or without carrier.
struct LiveWays<'a> {
    live: SmallVec<[Way<'a>; 4]>,
    dead: SmallVec<[Way<'a>; 4]>,
    all: usize,
}

/// Where a route's legs lead, by whether they work (`RTNH_F_DEAD`, `RTNH_F_LINKDOWN`).
fn live_ways(payload: &[u8]) -> LiveWays<'_> {
    let set = ROUTE.attributes(payload);
    let mut ways = LiveWays { live: SmallVec::new(), dead: SmallVec::new(), all: 0 };
    let mut put = |way, flags: u32| {
        ways.all += 1;
        if flags & OUT_OF_ORDER == 0 { ways.live.push(way) } else { ways.dead.push(way) }
    };
    match attribute(set, RTA_MULTIPATH) {
        Some(legs) => {
            Legs { rest: legs }.for_each(|leg| put((leg.ifindex, gateway(leg.attributes)), leg.flags.into()));
        }
        None => {
            let ifindex = attribute_u32(set, RTA_OIF).unwrap_or_default();
            put((ifindex, gateway(set)), u32_at(payload, 8).unwrap_or_default());
        }
    }
    ways
}

/// `RTNH_F_DEAD` and `RTNH_F_LINKDOWN`.
const OUT_OF_ORDER: u32 = 0x01 | 0x10;
const RTN_UNICAST: u8 = 1;
const RTPROT_KERNEL: u8 = 2;
/// `RTPROT_RA`: a router advertisement.
pub const RTPROT_RA: u8 = 9;
/// `RT_DEL_REASON_*`: why the kernel has removed a route.
static DELETION_REASONS: &Names = &[(0, "unspec"), (1, "expired"), (2, "ra_withdrawn")];
/// Where `rtm_protocol` stands in `struct rtmsg`.
pub const PROTOCOL_AT: usize = 5;
const RTM_F_CLONED: u32 = 0x200;

/// Whether a route is a unicast default route of the main table.
fn is_default(payload: &[u8]) -> bool {
    const RT_TABLE_MAIN: u32 = 254;
    let ip = matches!(payload.first(), Some(2 | 10));
    ip && payload.get(1) == Some(&0)
        && payload.get(7) == Some(&RTN_UNICAST)
        && shared::route_table(payload) == Some(RT_TABLE_MAIN)
}

/// The group of default routes that a route is of: by its family, if it is one that has a leg which works.
fn default_group(payload: &[u8]) -> Option<usize> {
    let is_live = || {
        let ways = live_ways(payload);
        !ways.live.is_empty() || ways.all == 0
    };
    (is_default(payload) && is_live()).then(|| usize::from(payload.first() == Some(&10)))
}

/// Whether it is the kernel's own bookkeeping.
fn is_bookkeeping(payload: &[u8]) -> bool {
    const RTN_LOCAL: u8 = 2;
    const RTN_MULTICAST: u8 = 5;
    const RT_TABLE_LOCAL: u32 = 255;
    // Local, broadcast, anycast and multicast stand in a row.
    payload.get(7).is_some_and(|kind| (RTN_LOCAL..=RTN_MULTICAST).contains(kind))
        || u32_at(payload, 8).is_some_and(|flags| flags & RTM_F_CLONED != 0)
        || shared::route_table(payload) == Some(RT_TABLE_LOCAL)
}

/// `RTA_ENCAP`, by the `RTA_ENCAP_TYPE` beside it.
fn encapsulation(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    encap::write_encapsulation(out, context, payload, RTA_ENCAP_TYPE)
}
