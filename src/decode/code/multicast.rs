//! Values of multicast: entries of a bridge's or vxlan's database, router ports, multicast routes.

use super::network::Legs;
use crate::decode::json::Json;
use crate::decode::schema::{Decoded, Wrong};
use crate::decode::value::{any_unsigned, write_bits, write_ip, write_link};
use crate::decode::walk::{Context, write_set};
use crate::kinds::{mdb, mroute};
use crate::netlink::wire::{attribute, u16_at, u32_at};

const ETH_P_IP: [u8; 2] = [0x08, 0x00];
const ETH_P_IPV6: [u8; 2] = [0x86, 0xdd];

/// `RTNH_F_UNRESOLVED` and `RTNH_F_OFFLOAD`, in a route's flags.
const UNRESOLVED: u64 = 0x20;
const OFFLOAD: u64 = 0x08;

/// Octets of `struct br_mdb_entry`, after which the entry's attributes come.
const ENTRY_BYTES: usize = 28;
/// Where in it the port, the state, the flags, the VLAN, the group and the group's protocol stand.
const PORT_AT: usize = 0;
const STATE_AT: usize = 4;
const FLAGS_AT: usize = 5;
const VLAN_AT: usize = 6;
const GROUP_AT: usize = 8;
const PROTOCOL_AT: usize = 24;

/// `MDBA_MDB_EATTR_SOURCE`, `MDBA_MDB_EATTR_DST`, `MDBA_MDB_EATTR_SRC_VNI`.
const SOURCE: u16 = 4;
const REMOTE: u16 = 6;
const SOURCE_VNI: u16 = 10;
/// `MDBA_ROUTER_PATTR_VID`.
const ROUTER_VLAN: u16 = 5;

fn group(out: &mut Json, entry: &[u8]) -> Decoded {
    let address = &entry[GROUP_AT..PROTOCOL_AT];
    match [entry[PROTOCOL_AT], entry[PROTOCOL_AT + 1]] {
        ETH_P_IP => write_ip(out, &address[..4]),
        ETH_P_IPV6 => write_ip(out, address),
        [0, 0] => {
            out.hardware(&address[..6]);
            Ok(())
        }
        _ => Err(Wrong::Because("a protocol that is not known")),
    }
}

/// `MDBA_MDB_ENTRY_INFO`: a port's membership in a group.
pub fn entry(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < ENTRY_BYTES {
        return Err(Wrong::Short(ENTRY_BYTES));
    }
    let (entry, set) = payload.split_at(ENTRY_BYTES);
    out.key("port");
    write_link(out, context, u32_at(entry, PORT_AT).unwrap_or_default());
    out.key("grp");
    group(out, entry)?;
    out.key("state");
    out.string(if entry[STATE_AT] & 1 != 0 { "permanent" } else { "temp" });
    out.key("flags");
    write_bits(out, mdb::ENTRY_FLAGS, entry[FLAGS_AT].into());
    let vlan = u16_at(entry, VLAN_AT).unwrap_or_default();
    if vlan != 0 {
        out.key("vid");
        out.unsigned(vlan.into());
    }
    write_set(out, &context.inside(set), &mdb::ENTRY_ATTRIBUTES, set);
    Ok(())
}

/// `MDBA_ROUTER_PORT`: a port behind which a multicast router is.
pub fn router_port(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let port = u32_at(payload, 0).ok_or(Wrong::Short(4))?;
    let set = &payload[4..];
    out.begin_object();
    out.key("port");
    write_link(out, context, port);
    write_set(out, &context.inside(set), &mdb::ROUTER_PORT_ATTRIBUTES, set);
    out.end_object();
    Ok(())
}

/// The port of an entry or of a router, wherever it stands in the object.
pub fn port_of(set: &[u8]) -> Option<u32> {
    u32_at(entry_of(set).or_else(|| router_of(set))?, 0)
}

fn entry_of(set: &[u8]) -> Option<&[u8]> {
    attribute(set, mdb::MDBA_MDB).and_then(|nest| attribute(nest, 1)).and_then(|nest| attribute(nest, 1))
}

fn router_of(set: &[u8]) -> Option<&[u8]> {
    attribute(set, mdb::MDBA_ROUTER).and_then(|nest| attribute(nest, 1))
}

/// What makes an entry or a router's port the same, beside the bridge: each part is given to `push`. An entry of vxlan
/// has one remote, which an entry of a bridge lacks.
pub fn identity<'a>(set: &'a [u8], mut push: impl FnMut(Option<&'a [u8]>)) {
    if let Some(entry) = entry_of(set) {
        push(entry.get(PORT_AT..STATE_AT));
        push(entry.get(VLAN_AT..ENTRY_BYTES));
        let attributes = entry.get(ENTRY_BYTES..).unwrap_or_default();
        [SOURCE, REMOTE, SOURCE_VNI].into_iter().for_each(|number| push(attribute(attributes, number)));
    } else if let Some(router) = router_of(set) {
        push(Some(b"router"));
        push(router.get(..4));
        push(attribute(router.get(4..).unwrap_or_default(), ROUTER_VLAN));
    }
}

// Multicast routes ---------------------------------------------------------------------------------------------------

/// The interface that a multicast route's packets come through: `unresolved` as long as none is known.
pub fn input_interface(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    out.key("iif");
    match attribute(context.message, mroute::RTA_IIF).and_then(|payload| u32_at(payload, 0)) {
        Some(ifindex) if ifindex != 0 => write_link(out, context, ifindex),
        _ => out.string("unresolved"),
    }
    Ok(())
}

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
