//! `neigh` and `fdb`: neighbours, and the forwarding databases of bridges and vxlan. `struct ndmsg`, `NDA_*`:
//! `include/uapi/linux/neighbour.h`.

use std::net::{Ipv4Addr, Ipv6Addr};

use libc::{NTF_PROXY, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, RTNLGRP_NEIGH};

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::{self, *};
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, NUMBER, Names, ObjectKey, Part, Row, Set,
    SeverityRow, Shape, Sides, Structure, TEXT, Untold, field, field_of, row,
};
use crate::decode::title::{named, word};
use crate::decode::value::{any_unsigned, unsigned, write_bits, write_flags, write_ip, write_link};
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::rtnetlink::names::{FAMILIES, ROUTE_PROTOCOLS};
use crate::kinds::rtnetlink::numbers::{AF_BRIDGE, AF_UNSPEC};
use crate::kinds::rtnetlink::shared;
use crate::kinds::rtnetlink::shared::write_true;
use crate::netlink::wire::{attribute, u16_at};
use crate::netlink::wire::{attribute_u32, u32_at};

/// `RTM_NEWNEIGH` and `RTM_DELNEIGH`, but for bridges.
pub static NEIGH: Kind = Kind {
    name: "neigh",
    about: "neighbours: ARP and neighbour discovery",
    title: &[
        word("dst"),
        word("proxy"),
        word("state").as_detail(),
        word("lladdr").as_detail(),
        word("router").as_detail(),
        word("extern_learn").as_detail(),
        word("managed").as_detail(),
        word("protocol").after("proto").as_detail(),
    ],
    groups: &[RTNLGRP_NEIGH],
    new: RTM_NEWNEIGH,
    delete: RTM_DELNEIGH,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity {
        header: &[(0, 1), (4, 4)],
        attributes: &[NDA_DST],
        members: &["family", "ifindex", "dst", "proxy"],
    }),
    dumps: &[
        DumpRequest { message: RTM_GETNEIGH, header: &[0; 12], attributes: &[], per_link: None },
        // Proxy neighbours: NTF_PROXY.
        DumpRequest {
            message: RTM_GETNEIGH,
            header: &[AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0, 0, NTF_PROXY, 0],
            attributes: &[],
            per_link: None,
        },
    ],
    hooks: Hooks {
        key: Some(write_neighbour_key),
        signals: Some(signals_of_neighbour),
        untold: Untold::Everything,
        is_kernels_own: Some(is_kernels_own),
        aged: Some(aged),
        severity: &[
            SeverityRow::of(
                Severity::Debug,
                "multicast ones, and those that need no resolution (NOARP)",
                |_, payload| state(payload) & NUD_NOARP != 0 || payload.get(11) == Some(&RTN_MULTICAST),
            ),
            SeverityRow::of(Severity::Info, "permanent ones", |_, payload| state(payload) & NUD_PERMANENT != 0),
            SeverityRow::all(Severity::Notice),
        ],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// The same messages of family `AF_BRIDGE`.
pub static FDB: Kind = Kind {
    name: "fdb",
    about: "forwarding databases of bridges and vxlan",
    title: &[
        word("mac"),
        named("vlan"),
        named("src_vni"),
        named("dst"),
        named("port"),
        named("vni"),
        word("viaIf").after("via"),
        named("nhid"),
        named("master"),
        word("flags"),
        word("state").as_detail(),
    ],
    groups: &[RTNLGRP_NEIGH],
    new: RTM_NEWNEIGH,
    delete: RTM_DELNEIGH,
    families: &[AF_BRIDGE],
    header: &FDB_HEADER,
    set: &FDB_ATTRIBUTES,
    interface: Interface::Header(4),
    // More in `write_entry_key`: an entry of a bridge is the same on whichever port it is.
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NDA_LLADDR, NDA_VLAN, NDA_SRC_VNI],
        members: &["mac", "vlan", "src_vni", "master|ifindex", "dst", "port", "vni"],
    }),
    dumps: &[DumpRequest {
        message: RTM_GETNEIGH,
        header: &[AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks {
        key: Some(write_entry_key),
        signals: Some(signals_of_entry),
        untold: Untold::Everything,
        severity: &[SeverityRow::of(Severity::Debug, "permanent ones, which are the bridge's own", |_, payload| {
            state(payload) & NUD_PERMANENT != 0
        })],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// `RTM_GETNEIGH` from the kernel: it asks user space for an address that it misses (`neigh_app_ns`, `vxlan_fdb_miss`).
pub static NEIGH_MISS: Kind = Kind {
    name: "neigh_miss",
    about: "addresses that the kernel asks user space for",
    title: &[word("dst").or("lladdr"), word("state")],
    groups: &[RTNLGRP_NEIGH],
    new: RTM_GETNEIGH,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    ..Kind::PLAIN
};

/// `NDA_DST`.
pub const NDA_DST: u16 = 1;
/// `NDA_LLADDR`.
pub const NDA_LLADDR: u16 = 2;
/// `NDA_VLAN`.
pub const NDA_VLAN: u16 = 5;
/// `NDA_PORT`.
pub const NDA_PORT: u16 = 6;
/// `NDA_VNI`.
pub const NDA_VNI: u16 = 7;
/// `NDA_IFINDEX`.
pub const NDA_IFINDEX: u16 = 8;
/// `NDA_MASTER`.
pub const NDA_MASTER: u16 = 9;
/// `NDA_SRC_VNI`.
pub const NDA_SRC_VNI: u16 = 11;

static HEADER: Structure = Structure::new("ndmsg", 12, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    field(4, "ifindex", Is::Number(U32)),
    field_of(4, 4, "dev", Is::Link),
    field_of(8, 2, "state", Is::Members(neighbour_state, NEIGHBOUR_STATE_PARTS)),
    field_of(10, 1, "flags", Is::Members(neighbour_flags, NEIGHBOUR_FLAGS_PARTS)),
    field_of(11, 1, "type", Is::Known),
];

static ATTRIBUTES: Set = Set::new("NDA", ROWS);
const ROWS: &[Row] = &[
    row(NDA_DST, "dst", Is::Value(neighbour_address, TEXT)),
    row(NDA_LLADDR, "lladdr", Is::Value(neighbour_hardware, TEXT)),
    row(3, "cacheinfo", Is::InlineStructure(&CACHE_INFO)).volatile(),
    row(4, "probes", Is::Number(U32)).volatile(),
    row(NDA_VLAN, "vlan", Is::Number(U16)),
    row(NDA_PORT, "port", Is::Number(U16Be)),
    row(NDA_VNI, "vni", Is::Number(U32)),
    row(NDA_IFINDEX, "via", Is::Link),
    row(NDA_MASTER, "master", Is::Link),
    row(10, "link_netnsid", Is::Number(I32)),
    row(NDA_SRC_VNI, "src_vni", Is::Number(U32)),
    row(12, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
    row(13, "nhid", Is::Number(U32)),
    row(14, "fdb_ext_attrs", Is::Set(&FDB_EXTENDED)),
    row(15, "ext_flags", Is::Members(neighbour_extended_flags, NEIGHBOUR_EXTENDED_FLAGS_PARTS)),
    row(16, "state_mask", Is::Number(U16)),
    row(17, "flags_mask", Is::Number(U8)),
];

static FDB_HEADER: Structure = Structure::new(
    "ndmsg",
    12,
    &[
        field(4, "ifindex", Is::Number(U32)),
        field_of(4, 4, "ifname", Is::Link),
        field_of(8, 2, "state", Is::Value(fdb_state, TEXT)),
        field_of(10, 1, "flags", Is::Value(fdb_flags, FDB_FLAGS_SHAPE)),
        field_of(11, 1, "type", Is::Known),
    ],
);

static FDB_ATTRIBUTES: Set = Set::new("NDA", FDB_ROWS);
const FDB_ROWS: &[Row] = &[
    row(NDA_DST, "dst", Is::Ip),
    row(NDA_LLADDR, "mac", Is::Value(neighbour_hardware, TEXT)),
    row(3, "cacheinfo", Is::InlineStructure(&CACHE_INFO)).volatile(),
    row(4, "probes", Is::Number(U32)).volatile(),
    row(NDA_VLAN, "vlan", Is::Number(U16)),
    row(NDA_PORT, "port", Is::Number(U16Be)),
    row(NDA_VNI, "vni", Is::Number(U32)),
    row(NDA_IFINDEX, "viaIf", Is::Members(fdb_interface, FDB_INTERFACE_PARTS)),
    row(NDA_MASTER, "master", Is::Link),
    row(10, "linkNetNsId", Is::Number(I32)),
    row(NDA_SRC_VNI, "src_vni", Is::Number(U32)),
    row(12, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
    row(13, "nhid", Is::Number(U32)),
    row(14, "fdb_ext_attrs", Is::Inline(&FDB_EXTENDED)),
    // Its bits stand in `flags`.
    row(15, "ext_flags", Is::Elsewhere),
    row(16, "state_mask", Is::Number(U16)),
    row(17, "flags_mask", Is::Number(U8)),
];

/// `NFEA_*`.
static FDB_EXTENDED: Set = Set::new(
    "NFEA",
    &[row(1, "activity_notify", Is::Members(activity, ACTIVITY_PARTS)), row(2, "dont_refresh", Is::Present)],
);

/// `struct nda_cacheinfo`; ages in 1/100 s (`USER_HZ`), printed in seconds.
static CACHE_INFO: Structure = Structure::new(
    "nda_cacheinfo",
    16,
    &[
        field_of(0, 4, "confirmed", Is::Value(shared::centiseconds, NUMBER)),
        field_of(4, 4, "used", Is::Value(shared::centiseconds, NUMBER)),
        field_of(8, 4, "updated", Is::Value(shared::centiseconds, NUMBER)),
        field(12, "refcnt", Is::Number(U32)),
    ],
);

/// `NUD_*`.
pub static STATES: &Names = &[
    (0x01, "INCOMPLETE"),
    (0x02, "REACHABLE"),
    (0x04, "STALE"),
    (0x08, "DELAY"),
    (0x10, "PROBE"),
    (0x20, "FAILED"),
    (0x40, "NOARP"),
    (0x80, "PERMANENT"),
];

/// `NTF_*` that a neighbour can have, each a member that is true.
pub static FLAGS: &Names = &[
    (0x01, "use"),
    (0x02, "self"),
    (0x04, "master_flag"),
    (0x08, "proxy"),
    (0x10, "extern_learn"),
    (0x20, "offload"),
    (0x40, "sticky"),
    (0x80, "router"),
];

/// `NTF_EXT_*`.
pub static EXTENDED_FLAGS: &Names = &[(0x1, "managed"), (0x2, "locked"), (0x4, "extern_valid")];

/// `NTF_*` of a forwarding database's entry; `NTF_EXT_*` stand 8 bits higher.
pub static FDB_FLAGS: &Names = &[
    (0x02, "self"),
    (0x80, "router"),
    (0x10, "extern_learn"),
    (0x20, "offload"),
    (0x04, "master"),
    (0x40, "sticky"),
    (0x01, "use"),
    (0x08, "proxy"),
    (0x100, "managed"),
    (0x200, "locked"),
    (0x400, "extern_valid"),
];

/// The members that [`neighbour_state`] writes.
const NEIGHBOUR_STATE_PARTS: &[Part] = &[Part::texts("state")];

/// `NUD_*`: a list of one; left out where there is none (a proxy).
pub fn neighbour_state(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let state = any_unsigned(payload)?;
    if state != 0 {
        out.key("state");
        write_bits(out, STATES, state);
    }
    Ok(())
}

/// The members that [`neighbour_flags`] writes.
const NEIGHBOUR_FLAGS_PARTS: &[Part] = &[Part::Flags(FLAGS), Part::text("other_flags")];

/// `NTF_*`: each a member that is true.
pub fn neighbour_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_flags(out, "other_flags", FLAGS, any_unsigned(payload)?);
    Ok(())
}

/// The members that [`neighbour_extended_flags`] writes.
const NEIGHBOUR_EXTENDED_FLAGS_PARTS: &[Part] = &[Part::Flags(EXTENDED_FLAGS), Part::text("other_flags")];

/// `NTF_EXT_*`: each a member that is true.
pub fn neighbour_extended_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_flags(out, "other_flags", EXTENDED_FLAGS, any_unsigned(payload)?);
    Ok(())
}

/// `NDA_DST`: an IP address, or whatever the family has.
pub fn neighbour_address(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if write_ip(out, payload).is_err() {
        out.hardware(payload);
    }
    Ok(())
}

/// `NDA_LLADDR`: on a tunnel, an IP address.
pub fn neighbour_hardware(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = u32_at(context.header, 4).unwrap_or_default();
    shared::write_hardware(out, context.links.hardware_type(ifindex), payload);
    Ok(())
}

/// The state of a forwarding database's entry, as `bridge` has it: empty for a learned one.
pub fn fdb_state(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match any_unsigned(payload)? {
        state if state & 0x80 != 0 => out.string("permanent"),
        state if state & 0x40 != 0 => out.string("static"),
        state if state & 0x04 != 0 => out.string("stale"),
        state if state & 0x02 != 0 || state == 0 => out.string(""),
        state => out.display(format_args!("0x{state:x}")),
    }
    Ok(())
}

/// What [`fdb_flags`] writes.
const FDB_FLAGS_SHAPE: &Shape = &Shape::List(TEXT);

/// `NTF_*` and `NTF_EXT_*` of a forwarding database's entry: a list.
pub fn fdb_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let extended = attribute_u32(context.message, 15).unwrap_or_default();
    write_bits(out, FDB_FLAGS, any_unsigned(payload)? | u64::from(extended) << 8);
    Ok(())
}

/// The members that [`fdb_interface`] writes.
const FDB_INTERFACE_PARTS: &[Part] = &[Part::number("viaIfIndex"), Part::link("viaIf")];

/// `NDA_IFINDEX` of a forwarding database's entry: a name, or a number in another namespace.
pub fn fdb_interface(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)? as u32;
    if context.sibling(10).is_some() {
        out.key("viaIfIndex");
        out.unsigned(ifindex.into());
    } else {
        out.key("viaIf");
        write_link(out, context, ifindex);
    }
    Ok(())
}

/// The members that [`activity`] writes.
const ACTIVITY_PARTS: &[Part] = &[Part::bool("activity_notify"), Part::bool("inactive")];

/// `NFEA_ACTIVITY_NOTIFY`: bits.
pub fn activity(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let bits = any_unsigned(payload)?;
    if bits & 1 != 0 {
        write_true(out, "activity_notify");
    }
    if bits & 2 != 0 {
        write_true(out, "inactive");
    }
    Ok(())
}

/// A proxy is another table's entry: NTF_PROXY.
fn write_neighbour_key(key: &mut ObjectKey, payload: &[u8], _: &[u8]) {
    key.push(payload.get(10).copied().unwrap_or_default() & 0x08);
}

/// A bridge has one entry for a MAC address and VLAN, on whichever port; vxlan has one for a unicast address, and one a
/// remote for the others (`vxlan_fdb_append`); other interfaces have their own list.
fn write_entry_key(key: &mut ObjectKey, payload: &[u8], set: &[u8]) {
    let master = attribute(set, NDA_MASTER);
    let own = payload.get(10).copied().unwrap_or_default() & 0x02 != 0;
    if let Some(master) = master
        && !own
    {
        key.push(b'b');
        push(key, Some(master));
        return;
    }
    key.push(b's');
    key.extend_from_slice(payload.get(4..8).unwrap_or_default());
    let mac = attribute(set, NDA_LLADDR).unwrap_or_default();
    let unicast = mac.first().is_some_and(|first| first & 1 == 0) && mac.iter().any(|&octet| octet != 0);
    if !unicast {
        for number in [NDA_DST, NDA_PORT, NDA_VNI, NDA_IFINDEX] {
            push(key, attribute(set, number));
        }
    }
}

const NUD_INCOMPLETE: u16 = 0x01;
const NUD_REACHABLE: u16 = 0x02;
const NUD_STALE: u16 = 0x04;
const NUD_DELAY: u16 = 0x08;
const NUD_PROBE: u16 = 0x10;
const NUD_FAILED: u16 = 0x20;
const NUD_NOARP: u16 = 0x40;
const NUD_PERMANENT: u16 = 0x80;
/// `RTN_MULTICAST`, of `ndm_type`.
const RTN_MULTICAST: u8 = 5;

/// `ndm_state` of `struct ndmsg`.
fn state(payload: &[u8]) -> u16 {
    u16_at(payload, 8).unwrap_or_default()
}

/// Whether a neighbour says no more than its address does: the kernel makes one for each multicast, broadcast or loopback
/// address that it sends to (`ndisc_constructor` in `net/ipv6/ndisc.c`, `arp_constructor` in `net/ipv4/arp.c`), tells
/// nobody, and forgets it when it likes.
fn is_kernels_own(payload: &[u8]) -> bool {
    let destination = attribute(NEIGH.attributes(payload), NDA_DST).unwrap_or_default();
    state(payload) & NUD_NOARP != 0
        && match destination.first_chunk::<4>().filter(|_| destination.len() == 4) {
            Some(&destination) => {
                let destination = Ipv4Addr::from(destination);
                destination.is_multicast() || destination.is_broadcast() || destination.is_loopback()
            }
            None => <[u8; 16]>::try_from(destination)
                .map(Ipv6Addr::from)
                .is_ok_and(|destination| destination.is_multicast() || destination.is_loopback()),
        }
}

/// The states that a resolved neighbour goes through by itself (`neigh_timer_handler` in `net/core/neighbour.c`): the kernel tells
/// some of these steps.
const NUD_AGEING: u16 = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

/// The neighbour in the state that it was in, where it is in another one of the same round.
fn aged(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let is_ageing = |payload| state(payload) & NUD_AGEING != 0 && state(payload) & !NUD_AGEING == 0;
    if !is_ageing(old) || !is_ageing(new) {
        return None;
    }
    let mut aged = new.to_vec();
    aged.get_mut(8..10)?.copy_from_slice(&state(old).to_ne_bytes());
    Some(aged)
}

/// The signals of a neighbour.
fn signals_of_neighbour(&Sides { old, new, .. }: &Sides<'_>) -> Signals {
    let mut signals = Signals::NONE;
    let Some(new) = new else { return signals };
    let (before, after) = (old.map(state), state(new));
    signals
        .when(after & NUD_FAILED != 0 && before.is_none_or(|before| before & NUD_FAILED == 0), Signals::NEIGH_FAILED);
    let unreachable = before.is_none_or(|before| before & (NUD_FAILED | NUD_INCOMPLETE) != 0);
    signals.when(after & NUD_REACHABLE != 0 && unreachable, Signals::NEIGH_REACHABLE);
    let hardware = |payload| attribute(NEIGH.attributes(payload), NDA_LLADDR);
    let (old, new) = (old.and_then(hardware), hardware(new));
    signals.when(old.is_some() && new.is_some() && old != new, Signals::NEIGH_MOVED);
    let is_learned = after & (NUD_NOARP | NUD_PERMANENT) == 0;
    signals.when(old.is_none() && new.is_some() && is_learned, Signals::NEIGH_NEW);
    signals
}

/// The signals of an entry of a forwarding database.
fn signals_of_entry(&Sides { old, new, .. }: &Sides<'_>) -> Signals {
    let mut signals = Signals::NONE;
    if let (Some(old), Some(new)) = (old, new) {
        let way = |payload| (u32_at(payload, 4), attribute(FDB.attributes(payload), NDA_DST));
        signals.when(way(old) != way(new), Signals::NEIGH_MOVED);
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn the_kernels_own_neighbours_say_no_more_than_their_address() {
        let is_own = |state: u16, destination: &[u8]| {
            let mut payload = vec![0; 12];
            payload[8..10].copy_from_slice(&state.to_ne_bytes());
            append_attribute(&mut payload, NDA_DST, destination);
            is_kernels_own(&payload)
        };
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16).octets();
        for own in [&group[..], &Ipv6Addr::LOCALHOST.octets(), &[224, 0, 0, 22], &[255; 4], &[127, 0, 0, 1]] {
            assert!(is_own(NUD_NOARP, own), "{own:?}");
            assert!(!is_own(NUD_PERMANENT, own), "somebody made {own:?}");
        }
        for other in [&[0xfd; 16][..], &[10, 0, 0, 1], &[0; 4], &[10, 0, 0, 255], &[]] {
            assert!(!is_own(NUD_NOARP, other), "{other:?}");
        }
    }

    #[test]
    fn a_look_does_not_tell_how_a_neighbour_ages() {
        let neighbour = |state: u16, address: u8| {
            let mut payload = vec![0; 12];
            payload[8..10].copy_from_slice(&state.to_ne_bytes());
            append_attribute(&mut payload, NDA_LLADDR, &[2, 0, 0, 0, 0, address]);
            payload
        };
        assert_eq!(aged(&neighbour(NUD_STALE, 1), &neighbour(NUD_DELAY, 1)), Some(neighbour(NUD_STALE, 1)));
        // Another address is another address.
        assert_eq!(aged(&neighbour(NUD_STALE, 1), &neighbour(NUD_DELAY, 2)), Some(neighbour(NUD_STALE, 2)));
        for (old, new) in [(NUD_STALE, NUD_FAILED), (NUD_INCOMPLETE, NUD_REACHABLE), (NUD_PERMANENT, NUD_STALE)] {
            assert_eq!(aged(&neighbour(old, 1), &neighbour(new, 1)), None);
        }
    }
}
