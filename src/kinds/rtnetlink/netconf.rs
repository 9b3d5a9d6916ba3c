//! `netconf`: settings of IPv4, IPv6 and MPLS for an interface, for all, and for those to come. `struct netconfmsg`,
//! `NETCONFA_*`: `include/uapi/linux/netconf.h`.

use libc::{RTM_GETNETCONF, RTM_NEWNETCONF, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_MPLS_NETCONF};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::{self, *};
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, LINK_NAME, Names, Set, SeverityRow, Structure, field,
    row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::{unsigned, write_link};
use crate::event::severity::Severity;
use crate::json::Json;
use crate::kinds::rtnetlink::names::FAMILIES;
use crate::kinds::rtnetlink::numbers::{AF_INET, AF_INET6, AF_MPLS, RTM_DELNETCONF};
use crate::netlink::wire::attribute;

/// `RTM_NEWNETCONF` and `RTM_DELNETCONF`. A notification carries the one setting that changed
/// (`inet_netconf_notify_devconf`), all of them only for a new interface.
pub static NETCONF: Kind = Kind {
    name: "netconf",
    about: "settings of IPv4, IPv6 and MPLS, by interface",
    title: &[
        word("family"),
        word("interface").elsewhere(),
        detail("forwarding"),
        detail("rp_filter"),
        detail("mc_forwarding"),
        detail("proxy_neigh"),
        detail("ignore_routes_with_linkdown"),
        detail("input"),
    ],
    groups: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_MPLS_NETCONF],
    new: RTM_NEWNETCONF,
    delete: RTM_DELNETCONF,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(NETCONFA_IFINDEX),
    identity: Some(Identity { header: &[(0, 1)], attributes: &[NETCONFA_IFINDEX], members: &["family", "interface"] }),
    partial: true,
    // One octet, and three that fill up: the kernel refuses it without them.
    dumps: &[
        DumpRequest { message: RTM_GETNETCONF, header: &[AF_INET, 0, 0, 0], attributes: &[], per_link: None },
        DumpRequest { message: RTM_GETNETCONF, header: &[AF_INET6, 0, 0, 0], attributes: &[], per_link: None },
        DumpRequest { message: RTM_GETNETCONF, header: &[AF_MPLS, 0, 0, 0], attributes: &[], per_link: None },
    ],
    hooks: Hooks {
        // `devinet_conf_proc` tells of three of its settings alone.
        untold_attributes: &[NETCONFA_MC_FORWARDING, NETCONFA_BC_FORWARDING],
        severity: &[SeverityRow::all(Severity::Debug)],
        renewed: true,
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// `NETCONFA_IFINDEX`: an interface, or `NETCONFA_IFINDEX_ALL` or `NETCONFA_IFINDEX_DEFAULT`, which are negative.
pub const NETCONFA_IFINDEX: u16 = 1;

/// `NETCONFA_FORWARDING`.
const NETCONFA_FORWARDING: u16 = 2;
/// `NETCONFA_MC_FORWARDING`.
pub const NETCONFA_MC_FORWARDING: u16 = 4;
/// `NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN`.
pub const NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN: u16 = 6;
/// `NETCONFA_BC_FORWARDING`.
const NETCONFA_BC_FORWARDING: u16 = 8;

/// Whether a message tells that somebody has set whether routes without carrier are ignored: an interface that comes has all settings told.
pub fn sets_linkdown(payload: &[u8]) -> bool {
    let has = |number| attribute(NETCONF.attributes(payload), number).is_some();
    has(NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN) && !has(NETCONFA_FORWARDING)
}

static HEADER: Structure = Structure::new("netconfmsg", 1, &[field(0, "family", Is::Named(U8, FAMILIES))]);

static ATTRIBUTES: Set = Set::new(
    "NETCONFA",
    &[
        row(NETCONFA_IFINDEX, "interface", Is::Value(interface, LINK_NAME)),
        row(NETCONFA_FORWARDING, "forwarding", Is::Bool(U32)),
        row(3, "rp_filter", Is::Named(U32, REVERSE_PATH_FILTERS)),
        row(NETCONFA_MC_FORWARDING, "mc_forwarding", Is::Bool(U32)),
        row(5, "proxy_neigh", Is::Bool(U32)),
        row(NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, "ignore_routes_with_linkdown", Is::Bool(U32)),
        row(7, "input", Is::Bool(U32)),
        row(NETCONFA_BC_FORWARDING, "bc_forwarding", Is::Bool(U32)),
        row(9, "force_forwarding", Is::Bool(U32)),
    ],
);

/// The values of `rp_filter`: `Documentation/networking/ip-sysctl.rst`.
static REVERSE_PATH_FILTERS: &Names = &[(0, "off"), (1, "strict"), (2, "loose")];

/// `NETCONFA_IFINDEX_ALL` and `NETCONFA_IFINDEX_DEFAULT`.
const ALL: u32 = -1i32 as u32;
const DEFAULT: u32 = -2i32 as u32;

/// `NETCONFA_IFINDEX`: an interface's name, `all`, or `default` for those to come.
pub fn interface(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match unsigned(Scalar::U32, payload)? as u32 {
        ALL => out.string("all"),
        DEFAULT => out.string("default"),
        ifindex => write_link(out, context, ifindex),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{message, text};

    #[test]
    fn settings_are_of_one_interface_or_of_all() {
        for (index, name) in [(-1, "all"), (-2, "default"), (3, "if3")] {
            let text = text(&NETCONF, &message(&[2, 0, 0, 0], &[(1, &i32::to_ne_bytes(index)), (3, &[1, 0, 0, 0])]));
            assert_eq!(text, format!(r#"{{"family":"inet","interface":"{name}","rp_filter":"strict"}}"#));
        }
    }
}
