//! `mdb`: who belongs to multicast groups behind the ports of a bridge or the remotes of vxlan, and behind which ports
//! routers are. `struct br_port_msg`, `MDBA_*`: `include/uapi/linux/if_bridge.h`.

use libc::{RTM_DELMDB, RTM_GETMDB, RTM_NEWMDB, RTNLGRP_MDB};

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Interfaces, Is, Kind, NUMBER, Names, ObjectKey, Part, Set, Shape,
    Structure, Wrong, field, field_of, row,
};
use crate::decode::title::{Word, detail, named, word};
use crate::decode::value::{write_bits, write_ip, write_link};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::names::ROUTE_PROTOCOLS;
use crate::kinds::rtnetlink::numbers::AF_BRIDGE;
use crate::kinds::rtnetlink::shared;
use crate::netlink::wire::{attribute, u16_at, u32_at};

/// `RTM_NEWMDB` and `RTM_DELMDB`. A bridge's dump has one message for each bridge, of the type `RTM_GETMDB`.
pub static MDB: Kind = Kind {
    name: "mdb",
    about: "multicast groups of bridges and vxlan, and ports with routers",
    title: &[
        word("grp"),
        named("src"),
        named("port").elsewhere(),
        named("vid"),
        named("dst"),
        named("vni"),
        named("src_vni"),
        word("router").after("router").each(ROUTER),
        word("state").as_detail(),
        word("flags").as_detail(),
        detail("filter_mode"),
        word("protocol").after("proto").as_detail(),
        detail("dst_port"),
        detail("via"),
        detail("source_list"),
    ],
    groups: &[RTNLGRP_MDB],
    new: RTM_NEWMDB,
    delete: RTM_DELMDB,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // And the group and the port, which are in the nests.
    identity: Some(Identity {
        header: &[(4, 4)],
        attributes: &[],
        members: &["index", "port", "grp", "vid", "src", "dst", "src_vni", "router"],
    }),
    split: &[&[MDBA_MDB, 1, 1], &[MDBA_ROUTER, 1]],
    dumps: &[DumpRequest {
        message: RTM_GETMDB,
        header: &[AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks {
        key: Some(write_key),
        interfaces: Some(interfaces),
        is_dumped: Some(is_dumped),
        complete: Some(complete),
        aged: Some(aged),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// A port behind which a router is, in its title.
const ROUTER: &[Word] = &[named("port"), named("vid")];

/// `MDBA_MDB`: entries.
pub const MDBA_MDB: u16 = 1;
/// `MDBA_ROUTER`: ports behind which routers are.
pub const MDBA_ROUTER: u16 = 2;

static HEADER: Structure =
    Structure::new("br_port_msg", 8, &[field(4, "index", Is::Number(U32)), field_of(4, 4, "dev", Is::Link)]);

static ATTRIBUTES: Set =
    Set::new("MDBA", &[row(MDBA_MDB, "mdb", Is::Inline(&GROUPS)), row(MDBA_ROUTER, "router", Is::Each(&ROUTER_PORT))]);

/// `MDBA_MDB_*`: entries of one group each.
static GROUPS: Set = Set::new("MDBA_MDB", &[row(1, "entry", Is::Inline(&ENTRIES))]);

/// `MDBA_MDB_ENTRY_*`.
static ENTRIES: Set = Set::new("MDBA_MDB_ENTRY", &[row(1, "info", Is::Members(entry, ENTRY_PARTS))]);

/// `MDBA_MDB_EATTR_*`: what follows `struct br_mdb_entry`.
pub static ENTRY_ATTRIBUTES: Set = Set::new(
    "MDBA_MDB_EATTR",
    &[
        row(1, "timer", Is::Value(shared::seconds, NUMBER)).volatile(),
        row(2, "source_list", Is::Each(&SOURCE_ELEMENT)),
        row(3, "filter_mode", Is::Named(U8, FILTER_MODES)),
        row(4, "src", Is::Ip),
        row(5, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
        row(6, "dst", Is::Ip),
        // Of the machine's byte order, unlike other ports.
        row(7, "dst_port", Is::Number(U16)),
        row(8, "vni", Is::Number(U32)),
        row(9, "via", Is::Link),
        row(10, "src_vni", Is::Number(U32)),
    ],
);

static SOURCE_ELEMENT: Is = Is::Set(&SOURCE);

/// `MDBA_MDB_SRCATTR_*`.
static SOURCE: Set = Set::new(
    "MDBA_MDB_SRCATTR",
    &[row(1, "address", Is::Ip), row(2, "timer", Is::Value(shared::seconds, NUMBER)).volatile()],
);

/// `MCAST_EXCLUDE` and `MCAST_INCLUDE`.
static FILTER_MODES: &Names = &[(0, "exclude"), (1, "include")];

/// `MDB_FLAGS_*`.
pub static ENTRY_FLAGS: &Names =
    &[(0x01, "offload"), (0x02, "fast_leave"), (0x04, "added_by_star_ex"), (0x08, "blocked"), (0x10, "offload_failed")];

static ROUTER_PORT: Is = Is::Value(router_port, ROUTER_PORT_SHAPE);

/// `MDBA_ROUTER_PATTR_*`: what follows the port's index. Notifications have only the VLAN.
pub static ROUTER_PORT_ATTRIBUTES: Set = Set::new(
    "MDBA_ROUTER_PATTR",
    &[
        row(1, "timer", Is::Value(shared::seconds, NUMBER)).volatile(),
        row(2, "type", Is::Named(U8, ROUTER_TYPES)).volatile(),
        row(3, "inet_timer", Is::Value(shared::seconds, NUMBER)).volatile(),
        row(4, "inet6_timer", Is::Value(shared::seconds, NUMBER)).volatile(),
        row(5, "vid", Is::Number(U16)),
    ],
);

/// `MDB_RTR_TYPE_*`.
static ROUTER_TYPES: &Names = &[(0, "disabled"), (1, "temp"), (2, "permanent"), (3, "temp")];

const ETH_P_IP: [u8; 2] = [0x08, 0x00];
const ETH_P_IPV6: [u8; 2] = [0x86, 0xdd];

/// Octets of `struct br_mdb_entry`, after which the entry's attributes come.
const ENTRY_BYTES: usize = 28;

/// Where in it the port, the state, the flags, the VLAN, the group and the group's protocol stand.
const PORT_AT: usize = 0;
const STATE_AT: usize = 4;
const FLAGS_AT: usize = 5;
const VLAN_AT: usize = 6;
const GROUP_AT: usize = 8;
const PROTOCOL_AT: usize = 24;

/// Attributes of an entry that are part of what makes it the same: its source, the remote end, and its network.
const MDBA_MDB_EATTR_SOURCE: u16 = 4;
const MDBA_MDB_EATTR_DST: u16 = 6;
const MDBA_MDB_EATTR_SRC_VNI: u16 = 10;

/// `MDBA_ROUTER_PATTR_VID`.
pub const ROUTER_VLAN: u16 = 5;

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

/// The members that [`entry`] writes.
const ENTRY_PARTS: &[Part] = &[
    Part::link("port"),
    Part::text("grp"),
    Part::text("state"),
    Part::texts("flags"),
    Part::number("vid"),
    Part::Set(&ENTRY_ATTRIBUTES),
];

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
    write_bits(out, ENTRY_FLAGS, entry[FLAGS_AT].into());
    let vlan = u16_at(entry, VLAN_AT).unwrap_or_default();
    if vlan != 0 {
        out.key("vid");
        out.unsigned(vlan.into());
    }
    write_set(out, &context.inside(set), &ENTRY_ATTRIBUTES, set);
    Ok(())
}

/// What [`router_port`] writes.
pub const ROUTER_PORT_SHAPE: &Shape = &Shape::Object(&[Part::link("port"), Part::Set(&ROUTER_PORT_ATTRIBUTES)]);

/// `MDBA_ROUTER_PORT`: a port behind which a multicast router is.
pub fn router_port(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let port = u32_at(payload, 0).ok_or(Wrong::Short(4))?;
    let set = &payload[4..];
    out.begin_object();
    out.key("port");
    write_link(out, context, port);
    write_set(out, &context.inside(set), &ROUTER_PORT_ATTRIBUTES, set);
    out.end_object();
    Ok(())
}

/// The port of an entry or of a router, wherever it stands in the object.
fn port_of(set: &[u8]) -> Option<u32> {
    u32_at(entry_of(set).or_else(|| router_of(set))?, 0)
}

fn entry_of(set: &[u8]) -> Option<&[u8]> {
    attribute(set, MDBA_MDB).and_then(|nest| attribute(nest, 1)).and_then(|nest| attribute(nest, 1))
}

fn router_of(set: &[u8]) -> Option<&[u8]> {
    attribute(set, MDBA_ROUTER).and_then(|nest| attribute(nest, 1))
}

/// Of a port behind which a router is, all that the key has not goes on by itself, and is in dumps alone.
fn aged(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let is_router = |object| router_of(MDB.attributes(object)).is_some();
    (is_router(old) && is_router(new)).then(|| old.to_vec())
}

/// Whether it is a port behind which a router is in one VLAN.
fn is_router_of_vlan(set: &[u8]) -> bool {
    router_of(set).is_some_and(|router| attribute(router.get(4..).unwrap_or_default(), ROUTER_VLAN).is_some())
}

/// Whether an object is a port of that index behind which a router is in one VLAN.
pub fn is_router_of_vlan_behind(object: &[u8], ifindex: u32) -> bool {
    let set = MDB.attributes(object);
    is_router_of_vlan(set) && port_of(set) == Some(ifindex)
}

/// What makes an entry or a router's port the same, beside the bridge. An entry of vxlan has one remote, which an entry of a
/// bridge lacks.
fn write_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    if let Some(entry) = entry_of(set) {
        push(key, entry.get(PORT_AT..STATE_AT));
        push(key, entry.get(VLAN_AT..ENTRY_BYTES));
        let attributes = entry.get(ENTRY_BYTES..).unwrap_or_default();
        for number in [MDBA_MDB_EATTR_SOURCE, MDBA_MDB_EATTR_DST, MDBA_MDB_EATTR_SRC_VNI] {
            push(key, attribute(attributes, number));
        }
    } else if let Some(router) = router_of(set) {
        push(key, Some(b"router"));
        push(key, router.get(..4));
        push(key, attribute(router.get(4..).unwrap_or_default(), ROUTER_VLAN));
    }
}

/// The bridge and the port.
fn interfaces(payload: &[u8]) -> Interfaces {
    MDB.interface_of(payload).into_iter().chain(port_of(MDB.attributes(payload))).collect()
}

/// A port behind which a VLAN's router is, is notified, but no dump of this kind shows it (`br_mdb_dump`).
fn is_dumped(payload: &[u8]) -> bool {
    !is_router_of_vlan(MDB.attributes(payload))
}

/// The bridge's dump leaves out the family (`br_mdb_dump`), its notifications do not.
fn complete(header: &mut [u8]) {
    if let Some(family) = header.first_mut() {
        *family = AF_BRIDGE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{compared, nest, text};
    use crate::kinds::split::split;
    use crate::netlink::wire::append_attribute;

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
        append_attribute(&mut payload, MDBA_MDB, &entries);
        append_attribute(&mut payload, MDBA_ROUTER, &nest(&[(1, &router)]));
        payload
    }

    #[test]
    fn a_bridges_row_is_taken_apart() {
        let objects = split(&MDB, &row());
        let texts: Vec<_> = objects.iter().map(|object| text(&MDB, object)).collect();
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

        assert!(compared(&MDB, &objects[0]).contains(r#""source_list":[{"address":"10.0.0.9"}]"#));
        assert!(compared(&MDB, &objects[2]).ends_with(r#""router":[{"port":"if5","vid":10}]}"#));
    }

    #[test]
    fn what_is_no_entry_is_kept() {
        for wrong in [vec![0; 27], member(&[1], [0x88, 0x47], &[])] {
            let mut payload = vec![7, 0, 0, 0, 2, 0, 0, 0];
            append_attribute(&mut payload, MDBA_MDB, &nest(&[(1, &nest(&[(1, &wrong)]))]));
            let text = text(&MDB, &split(&MDB, &payload)[0]);
            assert!(text.contains(r#""unknown":[{"attr":1,"hex":"#) && text.contains("error"), "{text}");
        }
    }
}
