//! `mctp_addr`, `mctp_route`, `mctp_neigh`: the Management Component Transport Protocol (`net/mctp`). The headers are
//! those of addresses, routes and neighbours; an endpoint has one octet.

use libc::{
    RTM_DELADDR, RTM_DELNEIGH, RTM_DELROUTE, RTM_GETADDR, RTM_GETNEIGH, RTM_GETROUTE, RTM_NEWADDR, RTM_NEWNEIGH,
    RTM_NEWROUTE, RTNLGRP_MCTP_IFADDR,
};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, Part, Set, SeverityRow, Structure, field, field_of, row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::any_unsigned;
use crate::event::severity::Severity;
use crate::json::Json;
use crate::kinds::rtnetlink::names::{FAMILIES, ROUTE_PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES};
use crate::kinds::rtnetlink::numbers::AF_MCTP;
use crate::kinds::rtnetlink::route::METRICS;

/// `RTM_NEWADDR` and `RTM_DELADDR` of the family `AF_MCTP`.
pub static MCTP_ADDR: Kind = Kind {
    name: "mctp_addr",
    about: "endpoints of MCTP",
    title: &[word("local")],
    groups: &[RTNLGRP_MCTP_IFADDR],
    new: RTM_NEWADDR,
    delete: RTM_DELADDR,
    families: &[AF_MCTP],
    header: &ADDRESS_HEADER,
    set: &ADDRESS,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[2], members: &["ifindex", "local"] }),
    dumps: &[DumpRequest {
        message: RTM_GETADDR,
        header: &[AF_MCTP, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks { severity: &[SeverityRow::all(Severity::Notice)], ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `RTM_NEWROUTE` of the family `AF_MCTP`, which is not notified.
pub static MCTP_ROUTE: Kind = Kind {
    name: "mctp_route",
    about: "routes of MCTP, which can only be listed",
    title: &[
        word("type").unless(&["unicast"]),
        word("dst"),
        word("dst_end").joined("-"),
        word("gateway.net").after("net"),
        word("gateway.eid").after("via"),
        detail("metrics"),
    ],
    new: RTM_NEWROUTE,
    delete: RTM_DELROUTE,
    families: &[AF_MCTP],
    header: &ROUTE_HEADER,
    set: &ROUTE,
    interface: Interface::Attribute(4),
    identity: Some(Identity {
        header: &[(1, 1), (7, 1)],
        attributes: &[1, 4],
        members: &["dst", "dst_end", "type", "dev"],
    }),
    dumps: &[DumpRequest {
        message: RTM_GETROUTE,
        header: &[AF_MCTP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    ..Kind::PLAIN
};

/// `RTM_NEWNEIGH` of the family `AF_MCTP`, which is not notified.
pub static MCTP_NEIGH: Kind = Kind {
    name: "mctp_neigh",
    about: "neighbours of MCTP, which can only be listed",
    title: &[word("dst"), word("lladdr").as_detail()],
    new: RTM_NEWNEIGH,
    delete: RTM_DELNEIGH,
    families: &[AF_MCTP],
    header: &NEIGHBOUR_HEADER,
    set: &NEIGHBOUR,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[1], members: &["ifindex", "dst"] }),
    dumps: &[DumpRequest {
        message: RTM_GETNEIGH,
        header: &[AF_MCTP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    ..Kind::PLAIN
};

static ADDRESS_HEADER: Structure = Structure::new(
    "ifaddrmsg",
    8,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(4, "ifindex", Is::Number(U32)),
        field_of(1, 3, "flags", Is::Known),
    ],
);

static ADDRESS: Set = Set::new("IFA", &[row(2, "local", Is::Number(U8))]);

static ROUTE_HEADER: Structure = Structure::new(
    "rtmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(7, "type", Is::Named(U8, ROUTE_TYPES)),
        field_of(1, 1, "dst", Is::Members(destination, DESTINATION_PARTS)),
        field(4, "table", Is::NamedId(U8, TABLES)),
        field(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
        field(6, "scope", Is::NamedId(U8, SCOPES)),
        field_of(8, 4, "flags", Is::Known),
    ],
);

static ROUTE: Set = Set::new(
    "RTA",
    &[
        // The header's field says it.
        row(1, "dst", Is::Known),
        row(4, "dev", Is::Link),
        row(5, "gateway", Is::Structure(&ENDPOINT)),
        row(8, "metrics", Is::Set(&METRICS)),
    ],
);

/// `struct mctp_fq_addr`: a network and an endpoint in it.
static ENDPOINT: Structure =
    Structure::new("mctp_fq_addr", 8, &[field(0, "net", Is::Number(U32)), field(4, "eid", Is::Number(U8))]);

static NEIGHBOUR_HEADER: Structure = Structure::new(
    "ndmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "dev", Is::Link),
        field_of(8, 4, "state", Is::Known),
    ],
);

static NEIGHBOUR: Set = Set::new("NDA", &[row(1, "dst", Is::Number(U8)), row(2, "lladdr", Is::Hardware)]);

/// The members that [`destination`] writes.
const DESTINATION_PARTS: &[Part] = &[Part::number("dst"), Part::number("dst_end")];

/// The endpoints that an MCTP route leads to: the first, and the last where there are several. The header's length is
/// the number of endpoints after the first.
pub fn destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RTA_DST: u16 = 1;
    let more = any_unsigned(payload)?;
    let first = context.sibling(RTA_DST).map(any_unsigned).transpose()?.unwrap_or_default();
    out.key("dst");
    out.unsigned(first);
    if more != 0 {
        out.key("dst_end");
        out.unsigned(first + more);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{message, text};

    #[test]
    fn endpoints_are_a_range() {
        let header = |more| [45, more, 0, 0, 253, 4, 253, 1, 0, 0, 0, 0];
        assert!(text(&MCTP_ROUTE, &message(&header(0), &[(1, &[8])])).contains(r#""dst":8,"table""#));
        assert!(text(&MCTP_ROUTE, &message(&header(2), &[(1, &[8])])).contains(r#""dst":8,"dst_end":10,"#));
    }
}
