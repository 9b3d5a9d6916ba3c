//! Values of multicast: entries of a bridge's or vxlan's database, router ports, multicast routes.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Wrong};
use crate::decode::value::{any_unsigned, write_bits, write_ip, write_link};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::route::Legs;
use crate::kinds::rtnetlink::{mdb, mroute};
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

/// Whether it is a port behind which a router is in one VLAN.
pub fn is_router_of_vlan(set: &[u8]) -> bool {
    router_of(set).is_some_and(|router| attribute(router.get(4..).unwrap_or_default(), ROUTER_VLAN).is_some())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::schema::Kind;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::mdb::MDB;
    use crate::kinds::rtnetlink::mroute::MROUTE;
    use crate::kinds::split::split;
    use crate::netlink::wire::append_attribute;

    fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut bytes, *number, value));
        bytes
    }

    fn text(kind: &Kind, context: Context<'_>) -> String {
        let mut out = Json::new();
        write_object(&mut out, kind, &context);
        String::from_utf8(out.take()).unwrap()
    }

    /// An entry of port 4 in VLAN 10, with attributes.
    fn member(group: &[u8], protocol: [u8; 2], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut entry = vec![4, 0, 0, 0, 1, 0x0a, 10, 0];
        entry.extend_from_slice(group);
        entry.resize(PROTOCOL_AT, 0);
        entry.extend_from_slice(&protocol);
        entry.resize(ENTRY_BYTES, 0);
        [entry, nest(attributes)].concat()
    }

    /// A dump's row of the bridge 2: two entries, a router.
    fn row() -> Vec<u8> {
        let sources = nest(&[(1, &nest(&[(1, &[10, 0, 0, 9]), (2, &250u32.to_ne_bytes())]))]);
        let first = member(&[239, 1, 1, 1], ETH_P_IP, &[(1, &100u32.to_ne_bytes()), (2, &sources), (3, &[1])]);
        let second = member(&[1, 0, 0x5e, 0, 0, 9], [0, 0], &[]);
        let entries = nest(&[(1, &nest(&[(1, &first)])), (1, &nest(&[(1, &second)]))]);
        let router = [5u32.to_ne_bytes().to_vec(), nest(&[(1, &[0; 4]), (2, &[2]), (5, &[10, 0])])].concat();
        let mut payload = vec![0, 0, 0, 0, 2, 0, 0, 0];
        append_attribute(&mut payload, mdb::MDBA_MDB, &entries);
        append_attribute(&mut payload, mdb::MDBA_ROUTER, &nest(&[(1, &router)]));
        payload
    }

    #[test]
    fn a_bridges_row_is_taken_apart() {
        let objects = split(&MDB, &row());
        let texts: Vec<_> = objects.iter().map(|object| text(&MDB, MDB.context(object, &NoLinks))).collect();
        let head = r#"{"index":2,"dev":"if2","#;
        let state = r#""state":"permanent","flags":["fast_leave","blocked"],"vid":10"#;
        let sources = r#""source_list":[{"address":"10.0.0.9","timer":2.5}],"filter_mode":"include""#;
        assert_eq!(texts[0], format!(r#"{head}"port":"if4","grp":"239.1.1.1",{state},"timer":1,{sources}}}"#));
        assert_eq!(texts[1], format!(r#"{head}"port":"if4","grp":"01:00:5e:00:00:09",{state}}}"#));
        assert_eq!(texts[2], format!(r#"{head}"router":[{{"port":"if5","timer":0,"type":"permanent","vid":10}}]}}"#));
        assert_eq!(texts.len(), 3);
        // The family of a dump's row is that of a notification.
        assert!(objects.iter().all(|object| object[0] == 7));
        assert_eq!(objects.iter().map(|object| port_of(&object[8..])).collect::<Vec<_>>(), [Some(4), Some(4), Some(5)]);
    }

    #[test]
    fn timers_are_not_compared() {
        let objects = split(&MDB, &row());
        let compared = |object: &[u8]| text(&MDB, MDB.context(object, &NoLinks).comparing());
        assert!(compared(&objects[0]).contains(r#""source_list":[{"address":"10.0.0.9"}]"#));
        assert!(compared(&objects[2]).ends_with(r#""router":[{"port":"if5","vid":10}]}"#));
    }

    #[test]
    fn what_is_no_entry_is_kept() {
        for wrong in [vec![0; 27], member(&[1], [0x88, 0x47], &[])] {
            let mut payload = vec![7, 0, 0, 0, 2, 0, 0, 0];
            append_attribute(&mut payload, mdb::MDBA_MDB, &nest(&[(1, &nest(&[(1, &wrong)]))]));
            let text = text(&MDB, MDB.context(&split(&MDB, &payload)[0], &NoLinks));
            assert!(text.contains(r#""unknown":[{"attr":1,"hex":"#) && text.contains("error"), "{text}");
        }
    }

    #[test]
    fn a_multicast_route_comes_in_and_goes_out() {
        let legs = [[8, 0, 0, 3, 4, 0, 0, 0], [8, 0, 0, 1, 5, 0, 0, 0]].concat();
        let mut payload = vec![128, 32, 32, 0, 253, 17, 0, 5, 8, 0, 0, 0];
        let start = payload.clone();
        append_attribute(&mut payload, mroute::RTA_IIF, &3u32.to_ne_bytes());
        append_attribute(&mut payload, mroute::RTA_MULTIPATH, &legs);
        let shown = text(&MROUTE, MROUTE.context(&payload, &NoLinks));
        assert!(shown.contains(r#""iif":"if3","state":"resolved","offload":true"#), "{shown}");
        assert!(shown.ends_with(r#""multipath":[{"oif":"if4","ttl":3},{"oif":"if5","ttl":1}]}"#), "{shown}");
        let mut unresolved = start;
        unresolved[8] = 0x20;
        let shown = text(&MROUTE, MROUTE.context(&unresolved, &NoLinks));
        assert!(shown.ends_with(r#""iif":"unresolved","state":"unresolved"}"#), "{shown}");
    }
}
