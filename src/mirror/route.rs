//! Routes that share one identity: which of them a message speaks of, and IPv6's routes of several legs.
//!
//! IPv4 keeps routes of one prefix, `tos` and metric in a row: `append` puts one behind, `replace` takes the place of
//! the first, everything else goes before the first (`fib_table_insert`). IPv6 joins routes with gateways into one
//! with several legs and tells the whole of it, but deletes leg by leg (`fib6_add_rt2node`, `fib6_del_route`).

use smallvec::SmallVec;

use super::Change;
use super::compare::same;
use super::object_table::Occupied;
use crate::decode::schema::Kind;
use crate::kinds::rtnetlink::link::{IFF_LOWER_UP, IFF_RUNNING, IFF_UP};
use crate::kinds::rtnetlink::route::{LEG_HEADER_BYTES, Leg, Legs, Way, gateway, interfaces, ways};
use crate::kinds::rtnetlink::route::{
    ROUTE, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_GATEWAY, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_VIA,
};
use crate::netlink::wire::{
    NLM_F_APPEND, NLM_F_CREATE, NLM_F_MULTI, NLM_F_REPLACE, align, append_attribute, attribute, attributes, u32_at,
};

/// IPv4.
pub const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const AF_MPLS: u8 = 28;
const RTPROT_RA: u8 = 9;
const RT_SCOPE_HOST: u8 = 254;
const RTN_LOCAL: u8 = 2;
const RTN_ANYCAST: u8 = 4;
const RTNH_F_DEAD: u32 = 0x01;
const RTNH_F_LINKDOWN: u32 = 0x10;

fn family(payload: &[u8]) -> u8 {
    payload.first().copied().unwrap_or_default()
}

/// Whether the legs of a route through an interface are as an interface of such flags (`IFF_*`) leaves them, so that
/// nothing can have changed them unseen. What nexthop objects lead to may have changed all the same.
///
/// IPv4: `fib_sync_down_dev`, `fib_sync_up`; IPv6: `fib6_ifdown`, `fib6_ifup`; MPLS: `mpls_ifdown`, `mpls_ifup`.
pub fn follows_flags(payload: &[u8], ifindex: u32, flags: u32) -> bool {
    let [family, _, _, _, _, _, scope, kind, ..] = *payload else { return false };
    let set = ROUTE.attributes(payload);
    if attribute(set, RTA_NH_ID).is_some() {
        return false;
    }
    if stays(family, scope) {
        return true;
    }
    let own = family == AF_INET6 && matches!(kind, RTN_LOCAL | RTN_ANYCAST);
    let legs = attribute(set, RTA_MULTIPATH);
    let follows = |leg_flags: u32| match (flags & IFF_UP != 0, flags & (IFF_RUNNING | IFF_LOWER_UP) != 0) {
        (true, true) => leg_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) == 0,
        (true, false) if own => leg_flags & RTNH_F_DEAD == 0,
        (true, false) => leg_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) == RTNH_F_LINKDOWN,
        // A route of one leg leaves with it.
        (false, _) => legs.is_some() && leg_flags & RTNH_F_DEAD != 0,
    };
    match legs {
        Some(rest) => Legs { rest }.filter(|leg| leg.ifindex == ifindex).all(|leg| follows(leg.flags.into())),
        None => u32_at(payload, 8).is_some_and(follows),
    }
}

/// Whether an IPv4 route stays when its interface goes down: those of the host itself, such as `local` ones, whose nexthop
/// has the scope `RT_SCOPE_NOWHERE`.
fn stays(family: u8, scope: u8) -> bool {
    family == AF_INET && scope == RT_SCOPE_HOST
}

/// Whether a route certainly leaves when an interface goes down, or for good where it is `gone`: with no word of the
/// kernel, or after one. With one that is gone, IPv4 gives up a route of several legs whole (`fib_sync_down_dev`).
pub fn leaves(payload: &[u8], ifindex: u32, gone: bool) -> bool {
    let [family, _, _, _, _, _, scope, ..] = *payload else { return false };
    let by_nexthop = || attribute(ROUTE.attributes(payload), RTA_NH_ID).is_some();
    let through = interfaces(payload);
    let alone = through[..] == [ifindex];
    if gone {
        alone || (family == AF_INET && through.contains(&ifindex) && !by_nexthop())
    } else {
        alone && family == AF_INET && !stays(family, scope)
    }
}

/// Whether IPv6 joins it with others of its prefix and metric into one route (`rt6_qualify_for_ecmp`).
fn joins(kind: &Kind, payload: &[u8]) -> bool {
    let set = kind.attributes(payload);
    attribute(set, RTA_MULTIPATH).is_some()
        || (attribute(set, RTA_NH_ID).is_none()
            && !gateway(set).is_empty()
            && payload.get(5).copied() != Some(RTPROT_RA))
}

/// Whether IPv6 takes both for one route (`rt6_duplicate_nexthop`): of one prefix and metric, with the same type, legs,
/// encapsulation and nexthop object. What else they say, such as how long they stay, may differ.
fn is_twin(kind: &Kind, one: &[u8], other: &[u8]) -> bool {
    const TYPE_AT: usize = 7;
    const OF_A_TWIN: [u16; 3] = [RTA_ENCAP_TYPE, RTA_ENCAP, RTA_NH_ID];
    let (set, other_set) = (kind.attributes(one), kind.attributes(other));
    one.get(TYPE_AT) == other.get(TYPE_AT)
        && ways(one) == ways(other)
        && OF_A_TWIN.iter().all(|&number| attribute(set, number) == attribute(other_set, number))
}

/// Whether the message of an IPv6 route may stand for another one's leaving that it does not name: it took the place of
/// one (`fib6_add_rt2node`), and a look at some interfaces may have found it before, beside the one that had left.
pub fn may_have_replaced_another(flags: u16, group: &[Box<[u8]>]) -> bool {
    flags & NLM_F_REPLACE != 0 && group.len() > 1 && group.first().is_some_and(|route| family(route) == AF_INET6)
}

/// Takes in a route whose identity is known.
pub fn replace<'m>(mut occupied: Occupied<'m>, kind: &Kind, flags: u16, payload: &[u8]) -> Change<'m> {
    let group = occupied.group().as_slice();
    let equal = group.iter().position(|route| same(kind, route, payload));
    let like = |route: &[u8]| ways(route) == ways(payload);
    let place = match family(payload) {
        AF_MPLS => Some(0),
        AF_INET6 if flags & NLM_F_REPLACE != 0 => {
            let joins_too = |route: &[u8]| joins(kind, route) == joins(kind, payload);
            equal.or_else(|| group.iter().position(|route| joins_too(route))).or(Some(0))
        }
        AF_INET6 if joins(kind, payload) => equal.or_else(|| group.iter().position(|route| joins(kind, route))),
        // Two may lead to the same place: one that drops and one that refuses, say.
        AF_INET6 if flags & (NLM_F_CREATE | NLM_F_APPEND | NLM_F_MULTI) != 0 => {
            equal.or_else(|| group.iter().position(|route| is_twin(kind, route, payload)))
        }
        AF_INET6 => equal.or_else(|| group.iter().position(|route| like(route))),
        _ if flags & NLM_F_REPLACE != 0 => Some(0),
        // Told without a flag: the kernel changed what it found, such as its offload flags.
        _ if flags & (NLM_F_CREATE | NLM_F_APPEND | NLM_F_MULTI) == 0 => {
            equal.or_else(|| group.iter().position(|route| like(route))).or(Some(0))
        }
        _ => equal,
    };
    // The kernel holds no two alike: an equal one further on had left without a word, and stands for the new one now.
    if let (Some(place), Some(equal)) = (place, equal)
        && place != equal
    {
        return Change::Removed(occupied.remove(place));
    }
    let Some(place) = place else {
        let behind = family(payload) == AF_INET6 || flags & (NLM_F_APPEND | NLM_F_MULTI) != 0;
        let at = if behind { group.len() } else { 0 };
        return Change::Added(occupied.insert(at, payload));
    };
    let mut object = occupied.into_object(place);
    let joined = if flags & (NLM_F_REPLACE | NLM_F_MULTI) == 0 { joined(kind, object.octets(), payload) } else { None };
    let payload = joined.as_deref().unwrap_or(payload);
    if same(kind, object.octets(), payload) {
        if object.octets().len() == payload.len() {
            object.overwrite(payload);
        }
        return Change::Same(object.into_octets());
    }
    let old = object.replace(payload.into());
    Change::Changed { old, new: object.into_octets() }
}

/// A route of IPv6 that a leg has joined, as a dump shows it: with what the first leg came with, legs in the order in which
/// they came. The message begins with the new leg and says what that one came with (`inet6_rt_notify`). `None` where
/// none has joined, or the message begins with the first leg, too.
fn joined(kind: &Kind, old: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    if family(payload) != AF_INET6 || !joins(kind, payload) || !joins(kind, old) {
        return None;
    }
    let (before, now) = (ways(old), ways(payload));
    if now.len() <= before.len() || now.first() == before.first() || !before.iter().all(|way| now.contains(way)) {
        return None;
    }
    let mut legs: Vec<Leg<'_>> = Legs { rest: attribute(kind.attributes(payload), RTA_MULTIPATH)? }.collect();
    let way_of = |leg: &Leg<'_>| before.iter().position(|way| *way == (leg.ifindex, gateway(leg.attributes)));
    legs.sort_by_key(|leg| way_of(leg).unwrap_or(before.len()));
    let mut route = old[..old.len() - kind.attributes(old).len()].to_vec();
    if attribute(kind.attributes(old), RTA_MULTIPATH).is_none() {
        // Its only leg's flags are its own, in the lowest octet.
        *route.get_mut(8)? = 0;
    }
    const OF_A_LEG: [u16; 6] = [RTA_GATEWAY, RTA_VIA, RTA_OIF, RTA_ENCAP_TYPE, RTA_ENCAP, RTA_MULTIPATH];
    let mut placed = false;
    for found in attributes(kind.attributes(old)) {
        if !OF_A_LEG.contains(&found.number) {
            append_attribute(&mut route, found.number, found.payload);
        } else if !placed {
            append_attribute(&mut route, RTA_MULTIPATH, &in_a_row(&legs));
            placed = true;
        }
    }
    Some(route)
}

/// The octets of legs, one after another.
fn in_a_row(legs: &[Leg<'_>]) -> Vec<u8> {
    let mut row = Vec::new();
    for leg in legs {
        debug_assert!(leg.bytes.len() >= LEG_HEADER_BYTES);
        row.extend_from_slice(leg.bytes);
        row.resize(align(row.len()), 0);
    }
    row
}

/// Whether a route of IPv6 begins with another leg than it did: then it says what that one came with, which nothing told.
pub fn first_leg_changed(old: &[u8], new: &[u8]) -> bool {
    family(old) == AF_INET6 && ways(old).first() != ways(new).first()
}

/// What of a group is gone.
enum GoneLegs {
    /// The whole object at that place.
    Object(usize),
    /// One leg of the object at that place.
    Leg(usize),
}

/// `None` where it is none of them.
fn gone(group: &[Box<[u8]>], kind: &Kind, payload: &[u8]) -> Option<GoneLegs> {
    if !kind.is(&crate::kinds::rtnetlink::route::ROUTE) {
        return Some(GoneLegs::Object(0));
    }
    // As nearly always: the only one, as it was.
    if let [only] = group
        && **only == *payload
    {
        return Some(GoneLegs::Object(0));
    }
    let gone = ways(payload);
    if family(payload) == AF_INET6 && gone.len() == 1 {
        let several = group.iter().position(|route| {
            let ways = ways(route);
            ways.len() > 1 && ways.contains(&gone[0])
        });
        if let Some(place) = several {
            return Some(GoneLegs::Leg(place));
        }
    }
    // Where it leads tells it from the others; of several that lead there, all that they say.
    let mut alike = group.iter().enumerate().filter(|(_, route)| ways(route) == gone).map(|(place, _)| place);
    if let Some(first) = alike.next() {
        let equal = alike.next().and_then(|_| {
            let equal = group.iter().position(|route| same(kind, route, payload));
            equal.or_else(|| group.iter().position(|route| is_twin(kind, route, payload)))
        });
        return Some(GoneLegs::Object(equal.unwrap_or(first)));
    }
    // A look has found it gone before the kernel's word of it was read: another one, through another interface, is not
    // meant. What a nexthop object or several legs lead to may have changed meanwhile.
    let set = kind.attributes(payload);
    let certain = matches!(family(payload), AF_INET | AF_INET6)
        && attribute(set, RTA_NH_ID).is_none()
        && attribute(set, RTA_MULTIPATH).is_none();
    if certain { None } else { Some(GoneLegs::Object(0)) }
}

/// Takes out what a message says is gone; of an IPv6 route with several legs it may be one leg alone.
pub fn remove<'m>(mut occupied: Occupied<'m>, kind: &Kind, payload: &[u8]) -> Change<'m> {
    match gone(occupied.group().as_slice(), kind, payload) {
        None => Change::RemovedUnknown,
        Some(GoneLegs::Object(place)) => Change::Removed(occupied.remove(place)),
        Some(GoneLegs::Leg(place)) => {
            let mut object = occupied.into_object(place);
            let rest = without_leg(kind, object.octets(), ways(payload)[0]);
            let old = object.replace(rest.into());
            Change::Changed { old, new: object.into_octets() }
        }
    }
}

/// The route without one of its legs; with one leg left it is written as the kernel writes a route of one leg.
fn without_leg(kind: &Kind, route: &[u8], way: Way<'_>) -> Vec<u8> {
    let header = &route[..route.len() - kind.attributes(route).len()];
    let mut rest = header.to_vec();
    for found in attributes(kind.attributes(route)) {
        if found.number != RTA_MULTIPATH {
            append_attribute(&mut rest, found.number, found.payload);
            continue;
        }
        let stays: SmallVec<[Leg<'_>; 4]> =
            Legs { rest: found.payload }.filter(|leg| (leg.ifindex, gateway(leg.attributes)) != way).collect();
        if let [only] = stays[..] {
            rest[8] |= only.flags;
            let mut placed = false;
            for inner in attributes(only.attributes) {
                append_attribute(&mut rest, inner.number, inner.payload);
                if matches!(inner.number, RTA_GATEWAY | RTA_VIA) {
                    append_attribute(&mut rest, RTA_OIF, &only.ifindex.to_ne_bytes());
                    placed = true;
                }
            }
            if !placed {
                append_attribute(&mut rest, RTA_OIF, &only.ifindex.to_ne_bytes());
            }
        } else {
            append_attribute(&mut rest, RTA_MULTIPATH, &in_a_row(&stays));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::super::Mirror;
    use super::*;
    use crate::kinds::KindIndex;

    fn route(family: u8, ifindex: u32) -> Vec<u8> {
        let mut payload = vec![family, 64, 0, 0, 254, 2, 0, 1, 0, 0, 0, 0];
        append_attribute(&mut payload, RTA_OIF, &ifindex.to_ne_bytes());
        payload
    }

    #[test]
    fn two_ipv6_routes_may_lead_to_the_same_place() {
        let kind = KindIndex::of(&ROUTE);
        let of_type = |route_type: u8| {
            let mut payload = route(AF_INET6, 1);
            payload[7] = route_type;
            payload
        };
        for flags in [NLM_F_MULTI, NLM_F_CREATE, NLM_F_CREATE | NLM_F_APPEND] {
            let mut mirror = Mirror::new();
            [6, 9].iter().for_each(|&route_type| drop(mirror.apply(kind, false, flags, &of_type(route_type))));
            assert_eq!(mirror.objects(kind).collect::<Vec<_>>(), [of_type(6), of_type(9)]);
        }
    }

    #[test]
    fn which_one_a_route_has_replaced_is_looked_at_where_a_look_was_first() {
        let kind = KindIndex::of(&ROUTE);
        let mut by_gateway = route(AF_INET6, 3);
        append_attribute(&mut by_gateway, RTA_GATEWAY, &[0xfd; 16]);
        let mut mirror = Mirror::new();
        mirror.apply(kind, false, NLM_F_CREATE, &route(AF_INET6, 1));
        mirror.apply(kind, false, NLM_F_CREATE, &by_gateway);
        assert_eq!(mirror.take_unsettled(), []);
        assert!(matches!(mirror.apply(kind, false, NLM_F_CREATE | NLM_F_REPLACE, &by_gateway).change, Change::Same(_)));
        assert_eq!(mirror.take_unsettled(), [(AF_INET6, 1), (AF_INET6, 3)]);
    }

    #[test]
    fn an_ipv6_route_that_stays_for_a_while_is_the_same_a_second_later() {
        let kind = KindIndex::of(&ROUTE);
        let staying = |ifindex: u32, seconds: u32| {
            let mut payload = route(AF_INET6, ifindex);
            let mut cache = [0u8; 32];
            cache[8..12].copy_from_slice(&(seconds * 100).to_ne_bytes());
            append_attribute(&mut payload, 12, &cache);
            payload
        };
        for flags in [NLM_F_MULTI, NLM_F_CREATE | NLM_F_APPEND] {
            let mut mirror = Mirror::new();
            drop(mirror.apply(kind, false, NLM_F_MULTI, &staying(2, 9000)));
            drop(mirror.apply(kind, false, NLM_F_MULTI, &staying(3, 9000)));
            assert!(!matches!(mirror.apply(kind, false, flags, &staying(3, 8999)).change, Change::Added(_)));
            assert!(!matches!(mirror.apply(kind, false, flags, &staying(2, 8999)).change, Change::Added(_)));
            assert_eq!(mirror.count(kind), 2);
        }
    }

    #[test]
    fn what_a_look_has_found_gone_takes_no_other_with_it() {
        let kind = KindIndex::of(&ROUTE);
        for family in [AF_INET, AF_INET6] {
            let mut mirror = Mirror::new();
            for ifindex in [2, 3] {
                mirror.apply(kind, false, NLM_F_CREATE | NLM_F_APPEND, &route(family, ifindex));
            }
            assert!(matches!(mirror.apply(kind, true, 0, &route(family, 3)).change, Change::Removed(_)));
            assert!(matches!(mirror.apply(kind, true, 0, &route(family, 3)).change, Change::RemovedUnknown));
            assert_eq!(mirror.objects(kind).collect::<Vec<_>>(), [route(family, 2)]);
            // With others there, it is still the one that is meant.
            mirror.apply(kind, false, NLM_F_CREATE | NLM_F_APPEND, &route(family, 4));
            assert!(matches!(mirror.apply(kind, true, 0, &route(family, 3)).change, Change::RemovedUnknown));
            assert!(matches!(mirror.apply(kind, true, 0, &route(family, 2)).change, Change::Removed(_)));
        }
    }
}
