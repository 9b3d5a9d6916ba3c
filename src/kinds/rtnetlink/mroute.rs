//! `mroute` and `mroute_report`: multicast routes, and packets that lack one. `struct rtmsg`, `RTA_*`:
//! `include/uapi/linux/rtnetlink.h`; `IPMRA_CREPORT_*`: `include/uapi/linux/mroute.h`.

use libc::{
    RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE, RTNLGRP_IPV4_MROUTE, RTNLGRP_IPV4_MROUTE_R, RTNLGRP_IPV6_MROUTE,
    RTNLGRP_IPV6_MROUTE_R,
};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Interfaces, Is, Kind, NUMBER, Names, Part, PerLink, Set, Shape,
    Structure, Wrong, field, field_of, row,
};
use crate::decode::title::{Word, named, word};
use crate::decode::value::{any_unsigned, write_link};
use crate::json::Json;
use crate::kinds::rtnetlink::names::{FAMILIES, ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES};
use crate::kinds::rtnetlink::numbers::{RTM_NEWCACHEREPORT, RTNL_FAMILY_IP6MR, RTNL_FAMILY_IPMR};
use crate::kinds::rtnetlink::route::RTA_OIF;
use crate::kinds::rtnetlink::route::{Legs, MFC_STATS};
use crate::kinds::rtnetlink::shared;
use crate::netlink::wire::attribute_u32;
use crate::netlink::wire::{attribute, u32_at};

/// `RTM_NEWROUTE` and `RTM_DELROUTE` of the families `RTNL_FAMILY_IPMR` and `RTNL_FAMILY_IP6MR`.
pub static MROUTE: Kind = Kind {
    name: "mroute",
    about: "multicast routes",
    title: &[
        word("src").after("from").unless(&["0.0.0.0", "::"]),
        word("dst").after("to"),
        named("iif"),
        named("table").unless(&["main", "default"]),
        word("multipath").after("oif").each(OUTGOING).as_detail(),
        word("state").unless(&["resolved"]).as_detail(),
        word("protocol").after("proto").as_detail(),
    ],
    groups: &[RTNLGRP_IPV4_MROUTE, RTNLGRP_IPV6_MROUTE],
    new: RTM_NEWROUTE,
    delete: RTM_DELROUTE,
    families: &[RTNL_FAMILY_IPMR, RTNL_FAMILY_IP6MR],
    header: &HEADER,
    set: &ATTRIBUTES,
    // One comes in and several go out: mirror/mod.rs lists them.
    interface: Interface::None,
    // Of proxies' routes for any source there may be several, one for each incoming interface. It is no part of this,
    // since the kernel does not name it any more when it removes all because the routing daemon has ended.
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[RTA_SRC, RTA_DST, RTA_TABLE],
        members: &["family", "src", "dst", "table_id"],
    }),
    dumps: &[
        DumpRequest {
            message: RTM_GETROUTE,
            header: &[RTNL_FAMILY_IPMR, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: Some(PerLink::Attribute(RTA_OIF)),
        },
        DumpRequest {
            message: RTM_GETROUTE,
            header: &[RTNL_FAMILY_IP6MR, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes: &[],
            per_link: Some(PerLink::Attribute(RTA_OIF)),
        },
    ],
    hooks: Hooks { interfaces: Some(interfaces), route_table: Some(shared::route_table), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// A leg of a multicast route, in its title.
const OUTGOING: &[Word] = &[word("oif"), named("ttl").unless(&["1"])];

/// `RTM_NEWCACHEREPORT`: what the kernel reports to a multicast routing daemon.
pub static MROUTE_REPORT: Kind = Kind {
    name: "mroute_report",
    about: "multicast packets without a route, or on the wrong interface",
    title: &[
        word("report"),
        word("src").after("from"),
        word("dst").after("to"),
        named("vif"),
        named("table").unless(&["main", "default"]),
    ],
    groups: &[RTNLGRP_IPV4_MROUTE_R, RTNLGRP_IPV6_MROUTE_R],
    new: RTM_NEWCACHEREPORT,
    header: &REPORT_HEADER,
    set: &REPORT,
    ..Kind::PLAIN
};

/// `RTA_DST`: the group.
pub const RTA_DST: u16 = 1;
/// `RTA_SRC`: the source; all zeros for any.
pub const RTA_SRC: u16 = 2;
/// `RTA_IIF`: the interface that packets come through.
pub const RTA_IIF: u16 = 3;
/// `RTA_MULTIPATH`: those that they leave through.
pub const RTA_MULTIPATH: u16 = 9;
/// `RTA_TABLE`.
pub const RTA_TABLE: u16 = 15;

static HEADER: Structure = Structure::new(
    "rtmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(7, "type", Is::Named(U8, ROUTE_TYPES)),
        field(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
        field(6, "scope", Is::NamedId(U8, SCOPES)),
        field_of(0, 1, "iif", Is::Members(input_interface, INPUT_INTERFACE_PARTS)),
        field_of(8, 4, "flags", Is::Members(route_state, ROUTE_STATE_PARTS)),
        // Always those of a whole address.
        field_of(1, 2, "lengths", Is::Known),
    ],
);

static ATTRIBUTES: Set = Set::new(
    "RTA",
    &[
        row(RTA_DST, "dst", Is::Ip),
        row(RTA_SRC, "src", Is::Ip),
        row(RTA_IIF, "iif", Is::Elsewhere),
        row(RTA_MULTIPATH, "multipath", Is::Value(output_interfaces, OUTPUT_INTERFACES_SHAPE)),
        row(RTA_TABLE, "table", Is::NamedId(U32, TABLES)),
        row(17, "mfc_stats", Is::InlineStructure(&MFC_STATS)).volatile(),
        // How long it was not used.
        row(23, "expires", Is::Value(shared::seconds, NUMBER)).volatile(),
        row(24, "pad", Is::Known),
    ],
);

static REPORT_HEADER: Structure = Structure::new("rtgenmsg", 1, &[field(0, "family", Is::Named(U8, FAMILIES))]);

/// `IPMRA_CREPORT_*` and `IP6MRA_CREPORT_*`.
static REPORT: Set = Set::new(
    "IPMRA_CREPORT",
    &[
        row(1, "report", Is::Named(U8, REPORTS)),
        // A number of the routing daemon's, not an interface index.
        row(2, "vif", Is::Number(U32)),
        row(3, "src", Is::Ip),
        row(4, "dst", Is::Ip),
        row(5, "packet", Is::Hex),
        row(6, "table", Is::NamedId(U32, TABLES)),
    ],
);

/// `IGMPMSG_*` and `MRT6MSG_*`.
static REPORTS: &Names = &[(1, "nocache"), (2, "wrong_interface"), (3, "whole_packet"), (4, "wrong_interface_whole")];

/// `RTNH_F_UNRESOLVED` and `RTNH_F_OFFLOAD`, in a route's flags.
const UNRESOLVED: u64 = 0x20;
const OFFLOAD: u64 = 0x08;

/// The members that [`input_interface`] writes.
const INPUT_INTERFACE_PARTS: &[Part] = &[Part::link("iif")];

/// The interface that a multicast route's packets come through: `unresolved` as long as none is known.
pub fn input_interface(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    out.key("iif");
    match attribute(context.message, RTA_IIF).and_then(|payload| u32_at(payload, 0)) {
        Some(ifindex) if ifindex != 0 => write_link(out, context, ifindex),
        _ => out.string("unresolved"),
    }
    Ok(())
}

/// The members that [`route_state`] writes.
const ROUTE_STATE_PARTS: &[Part] = &[Part::text("state"), Part::bool("offload"), Part::text("other_flags")];

/// The flags of a multicast route: whether it is resolved, and whether hardware forwards it.
pub fn route_state(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = any_unsigned(payload)?;
    out.key("state");
    out.string(if flags & UNRESOLVED != 0 { "unresolved" } else { "resolved" });
    if flags & OFFLOAD != 0 {
        out.key("offload");
        out.bool(true);
    }
    let rest = flags & !(UNRESOLVED | OFFLOAD);
    if rest != 0 {
        out.key("other_flags");
        out.display(format_args!("0x{rest:x}"));
    }
    Ok(())
}

/// What [`output_interfaces`] writes.
const OUTPUT_INTERFACES_SHAPE: &Shape = &Shape::List(&Shape::Object(&[Part::link("oif"), Part::number("ttl")]));

/// `RTA_MULTIPATH` of a multicast route: the interfaces that packets leave through, each with the least TTL for it.
pub fn output_interfaces(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut legs = Legs { rest: payload };
    out.begin_list();
    for leg in legs.by_ref() {
        out.begin_object();
        out.key("oif");
        write_link(out, context, leg.ifindex);
        out.key("ttl");
        out.unsigned(leg.hops.into());
        out.end_object();
    }
    if !legs.rest.is_empty() {
        return Err(Wrong::Because("a leg's length is wrong"));
    }
    out.end_list();
    Ok(())
}

/// Where packets come in, and where they go out.
fn interfaces(payload: &[u8]) -> Interfaces {
    let set = MROUTE.attributes(payload);
    let outgoing = Legs { rest: attribute(set, RTA_MULTIPATH).unwrap_or_default() }.map(|leg| leg.ifindex);
    attribute_u32(set, RTA_IIF).into_iter().chain(outgoing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::text;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn a_multicast_route_comes_in_and_goes_out() {
        let legs = [[8, 0, 0, 3, 4, 0, 0, 0], [8, 0, 0, 1, 5, 0, 0, 0]].concat();
        let mut payload = vec![128, 32, 32, 0, 253, 17, 0, 5, 8, 0, 0, 0];
        let start = payload.clone();
        append_attribute(&mut payload, RTA_IIF, &3u32.to_ne_bytes());
        append_attribute(&mut payload, RTA_MULTIPATH, &legs);
        let shown = text(&MROUTE, &payload);
        assert!(shown.contains(r#""iif":"if3","state":"resolved","offload":true"#), "{shown}");
        assert!(shown.ends_with(r#""multipath":[{"oif":"if4","ttl":3},{"oif":"if5","ttl":1}]}"#), "{shown}");
        let mut unresolved = start;
        unresolved[8] = 0x20;
        let shown = text(&MROUTE, &unresolved);
        assert!(shown.ends_with(r#""iif":"unresolved","state":"unresolved"}"#), "{shown}");
    }
}
