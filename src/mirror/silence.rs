//! What the kernel changes without a word, and which look at it finds out. See docs/truth.md.
//!
//! A message leads to looks: kinds that it may have changed, limited to an interface where the kernel can limit its
//! dump. Facts: `/docs/truth.md` lists each silent change with the kernel's function that makes it.

use std::ptr;

use super::repair::{Difference, Scope};
use super::{Mirror, attributes_of};
use crate::decode::schema::Kind;
use crate::kinds::{
    self, KINDS, KindIndex, addr, link, maddr, mdb, mroute, neigh, neightbl, netconf, nexthop, route, rule, tc, vlan,
};
use crate::netlink::wire::{Message, attribute, attribute_u32, u32_at};

/// A look that is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// At objects of that kind.
    pub kind: KindIndex,
    /// At those that concern an interface; `None` for all.
    pub link: Option<u32>,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
}

/// Looks at more interfaces than this become one look at all objects of a kind.
const LINKS_MAX: usize = 8;
/// The groups that tell of what changes other kinds silently: links for everything; IPv4 addresses and nexthops for
/// routes.
const LINK_GROUP: u32 = 1;
const IPV4_ADDRESS_GROUP: u32 = 5;
const NEXTHOP_GROUP: u32 = 32;
/// `mc_forwarding` changes when a multicast routing daemon takes an interface or gives it up; all settings go when IPv6
/// leaves an interface.
const NETCONF_GROUPS: [u32; 2] = [24, 25];
/// A link says which queueing discipline it has, and is not told when that changes.
const TRAFFIC_CONTROL_GROUP: u32 = 4;
/// Kinds that also come by themselves, from a look-up or a list of addresses, with nothing near them that is told; and
/// IPv6's view of a link that is down.
const UNTOLD: [&Kind; 4] = [&neigh::NEIGH, &neigh::FDB, &neightbl::NEIGHTBL, &link::INET6_LINK];

/// The groups that the kinds need: their own, links for the names, and those that tell of silent changes.
pub fn groups(kinds: &[KindIndex]) -> Vec<u32> {
    let mut groups: Vec<u32> = kinds.iter().flat_map(|&kind| KINDS[kind].groups.iter().copied()).collect();
    groups.push(LINK_GROUP);
    if kinds.iter().any(|&kind| ptr::eq(KINDS[kind], &route::ROUTE)) {
        groups.extend([IPV4_ADDRESS_GROUP, NEXTHOP_GROUP]);
    }
    let told_by_netconf = |kind: &Kind| ptr::eq(kind, &mroute::MROUTE) || ptr::eq(kind, &maddr::MADDR);
    if kinds.iter().any(|&kind| told_by_netconf(KINDS[kind])) {
        groups.extend(NETCONF_GROUPS);
    }
    if kinds.iter().any(|&kind| ptr::eq(KINDS[kind], &link::LINK)) {
        groups.push(TRAFFIC_CONTROL_GROUP);
    }
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Whether a dump shows all objects of a kind, so that what it does not show is gone.
pub fn can_be_compared(kind: KindIndex) -> bool {
    let table = KINDS[kind];
    table.identity.is_some() && !table.dumps.is_empty()
}

/// Those of some kinds that change with nothing near it that is told: they are looked at once it is quiet after a change.
pub fn untold(kinds: &[KindIndex]) -> Vec<(KindIndex, Scope)> {
    let untold = kinds.iter().filter(|&&kind| UNTOLD.iter().any(|&untold| ptr::eq(KINDS[kind], untold)));
    untold.map(|&kind| (kind, Scope::All)).collect()
}

/// Whether the kernel tells, or looks find at once, all that happens to such an object. An IPv6 address that is still
/// tentative is not told either (`addrconf_dad_completed` tells it).
pub fn is_told(kind: KindIndex, payload: &[u8]) -> bool {
    let table = KINDS[kind];
    if ptr::eq(table, &addr::ADDR) {
        const IFA_F_TENTATIVE: u32 = 0x40;
        let flags = attribute_u32(attributes_of(table, payload), addr::IFA_FLAGS).unwrap_or_default();
        return flags & IFA_F_TENTATIVE == 0;
    }
    !UNTOLD.iter().any(|&untold| ptr::eq(table, untold))
}

/// What a link was before a message: its flags and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    flags: Option<u32>,
    name: Vec<u8>,
}

/// What is to be remembered of the mirror before a message is taken in.
pub fn before(mirror: &Mirror, message: &Message<'_>) -> Option<Before> {
    if !is_link(message) {
        return None;
    }
    let ifindex = u32_at(message.payload, 4)?;
    let name = crate::decode::Links::name(&mirror.links, ifindex).unwrap_or_default().to_vec();
    Some(Before { flags: mirror.links.flags(ifindex), name })
}

/// Whether a message tells of a link itself, and not of its bridge's or IPv6's view of it.
pub fn is_link(message: &Message<'_>) -> bool {
    matches!(message.header.kind, 16 | 17) && message.payload.first() == Some(&0)
}

fn index(kind: &'static Kind) -> KindIndex {
    kinds::index_of(kind).unwrap_or_default()
}

/// The looks that a message asks for. `line` is the number of its line, where it has one.
pub fn looks(looks: &mut Vec<Look>, mirror: &Mirror, message: &Message<'_>, before: Option<Before>, line: Option<u64>) {
    // Nothing follows from a route, and routes come in great numbers.
    if [route::ROUTE.new, route::ROUTE.delete].contains(&message.header.kind) {
        return;
    }
    let family = message.payload.first().copied().unwrap_or_default();
    let Some((kind, removes)) = kinds::of_message(message.header.kind, family) else { return };
    after(looks, mirror, KINDS[kind], removes, message.payload, before, line);
}

/// The looks that a difference asks for, which another look has found.
pub fn looks_of_difference(looks: &mut Vec<Look>, mirror: &Mirror, difference: &Difference) {
    let table = KINDS[difference.kind];
    let Some(payload) = difference.new.as_deref().or(difference.old.as_deref()) else { return };
    let before = ptr::eq(table, &link::LINK).then(|| {
        let old = difference.old.as_deref();
        let flags = old.and_then(|old| u32_at(old, 8));
        Before { flags, name: old.map(|old| name_in(old).to_vec()).unwrap_or_default() }
    });
    after(looks, mirror, table, difference.new.is_none(), payload, before, None);
}

fn name_in(payload: &[u8]) -> &[u8] {
    let name = attribute(attributes_of(&link::LINK, payload), link::IFLA_IFNAME).unwrap_or_default();
    name.split(|&octet| octet == 0).next().unwrap_or_default()
}

fn after(
    looks: &mut Vec<Look>,
    mirror: &Mirror,
    table: &'static Kind,
    gone: bool,
    payload: &[u8],
    before: Option<Before>,
    line: Option<u64>,
) {
    let mut look = |kind: &'static Kind, link| looks.push(Look { kind: index(kind), link, cause: line });
    if ptr::eq(table, &link::LINK) {
        let (Some(before), Some(ifindex), Some(flags)) = (before, u32_at(payload, 4), u32_at(payload, 8)) else {
            return;
        };
        // IFF_UP, IFF_RUNNING, IFF_LOWER_UP: routes leave, legs die and recover, nexthops leave.
        const MATTERS: u32 = 0x1_0041;
        let flags_differ = gone || before.flags.is_some_and(|old| (old ^ flags) & MATTERS != 0);
        // A link's flags may be told before its routes follow them: these do when it is told once more as it was
        // (`linkwatch_do_dev`).
        let repeated = before.flags == Some(flags) && line.is_none();
        if flags_differ || repeated {
            look(&route::ROUTE, Some(ifindex));
            look(&nexthop::NEXTHOP, None);
            look(&nexthop::NEXTHOP_BUCKET, None);
        }
        let come = before.flags.is_none() && !gone;
        if gone || come || before.name != name_in(payload) {
            // A rule names interfaces that may be there or not.
            look(&rule::RULE, None);
        }
        if gone {
            // Groups that IPv6 has joined (`ipv6_mc_destroy_dev`), entries of the bridge itself, options of its VLANs,
            // ways out of multicast routes (`vif_delete`).
            for kind in [&maddr::MADDR, &mdb::MDB, &vlan::VLAN, &mroute::MROUTE] {
                look(kind, None);
            }
            // Of its queueing disciplines and what hangs on them only the chains are told (`dev_shutdown`).
            for kind in [&tc::CLASS, &tc::FILTER, &tc::CHAIN] {
                look(kind, Some(ifindex));
            }
        }
        if gone || come || flags_differ {
            // The multicast neighbours that the kernel makes for it.
            look(&neigh::NEIGH, None);
            // Its default queueing discipline (`attach_default_qdiscs`).
            look(&tc::QDISC, None);
        }
        // The other end of a pair, the ports of a bridge, whatever stands on it; and what is told of a link that is
        // up alone: names, a port's cost.
        look(&link::LINK, None);
    } else if ptr::eq(table, &addr::ADDR) {
        // The last IPv4 address takes routes with it; any new one lets dead legs recover (`fib_inetaddr_event`).
        if payload.first() == Some(&2)
            && let Some(ifindex) = u32_at(payload, 4)
        {
            look(&route::ROUTE, Some(ifindex));
            look(&nexthop::NEXTHOP, None);
        }
        // A change of a tentative IPv6 address is not told (`inet6_addr_modify`).
        look(&addr::ADDR, None);
        look(&link::LINK, None);
    } else if ptr::eq(table, &nexthop::NEXTHOP) {
        // Routes that use a nexthop object leave with it, and so do the groups that it leaves empty.
        look(&nexthop::NEXTHOP, None);
        look(&nexthop::NEXTHOP_BUCKET, None);
        if mirror.routes_by_nexthop() > 0 {
            look(&route::ROUTE, None);
        }
    } else if ptr::eq(table, &rule::RULE) {
        // A rule may be another one's goal.
        look(&rule::RULE, None);
    } else if ptr::eq(table, &netconf::NETCONF) {
        // A multicast routing daemon has taken an interface or given it up (`vif_delete`): routes lose it.
        if attribute(attributes_of(table, payload), netconf::NETCONFA_MC_FORWARDING).is_some() {
            look(&mroute::MROUTE, None);
        }
        if gone {
            // IPv6 leaves an interface whose MTU becomes too small, and groups with it (`addrconf_ifdown`).
            look(&maddr::MADDR, None);
        }
    } else if ptr::eq(table, &vlan::VLAN) || ptr::eq(table, &link::BRIDGE_PORT) {
        // The bridge's options for a VLAN come with its first port and leave with its last one (`br_vlan_put_master`);
        // another VLAN ceases to be the untagged one (`__vlan_add_pvid`) or, as the default one, to be there
        // (`__br_vlan_set_default_pvid`); spanning tree changes states (`br_mst_set_state`).
        look(&vlan::VLAN, None);
    } else {
        after_traffic_control(&mut look, table, gone, payload);
    }
}

/// What comes and leaves with something of traffic control.
fn after_traffic_control(look: &mut impl FnMut(&'static Kind, Option<u32>), table: &Kind, gone: bool, payload: &[u8]) {
    if ![&tc::QDISC, &tc::CLASS, &tc::CHAIN, &tc::FILTER].iter().any(|&control| ptr::eq(table, control)) {
        return;
    }
    let interface = super::interface_of(table, payload);
    if ptr::eq(table, &tc::QDISC) {
        // Classes and inner disciplines come with it, and leave with their filters (`qdisc_destroy`); the default one
        // comes back.
        look(&tc::QDISC, None);
        look(&link::LINK, None);
        for kind in [&tc::CLASS, &tc::FILTER, &tc::CHAIN] {
            look(kind, interface);
        }
    } else if ptr::eq(table, &tc::CLASS) && gone {
        look(&tc::QDISC, None);
        look(&tc::FILTER, interface);
        look(&tc::CHAIN, interface);
    } else if ptr::eq(table, &tc::CHAIN) && gone {
        look(&tc::FILTER, interface);
    } else if ptr::eq(table, &tc::FILTER) && gone {
        // One without a handle stands for all of its priority (`tfilter_notify_chain`).
        if u32_at(payload, 8) == Some(0) {
            look(&tc::FILTER, interface);
        }
    }
}

/// Adds a look to those that wait: one at all objects stands for those at some.
pub fn gather(looks: &mut Vec<Look>, look: Look) {
    let covers = |other: &&mut Look| other.kind == look.kind && (other.link.is_none() || other.link == look.link);
    if let Some(other) = looks.iter_mut().find(covers) {
        other.cause = other.cause.max(look.cause);
        return;
    }
    if look.link.is_none() || looks.iter().filter(|other| other.kind == look.kind).count() >= LINKS_MAX {
        let cause = looks.iter().filter(|other| other.kind == look.kind).filter_map(|other| other.cause).max();
        looks.retain(|other| other.kind != look.kind);
        looks.push(Look { link: None, cause: cause.max(look.cause), ..look });
    } else {
        looks.push(look);
    }
}

/// What is worth looking at: watched kinds, and where there is anything that can have changed. Links first.
pub fn limited(looks: &[Look], mirror: &Mirror, watched: &[KindIndex]) -> Vec<(KindIndex, Scope)> {
    let mut found = Vec::new();
    for &kind in watched {
        let links: Vec<Option<u32>> = looks.iter().filter(|look| look.kind == kind).map(|look| look.link).collect();
        let may_come =
            [&link::LINK, &addr::ADDR, &neigh::NEIGH, &tc::QDISC].iter().any(|&may| ptr::eq(KINDS[kind], may));
        if links.is_empty() || (mirror.count(kind) == 0 && !may_come) {
            continue;
        }
        if links.contains(&None) {
            found.push((kind, Scope::All));
            continue;
        }
        let matters = |ifindex: &u32| {
            let mut families = KINDS[kind].dumps.iter().filter_map(|dump| dump.header.first());
            !ptr::eq(KINDS[kind], &route::ROUTE) || families.any(|&family| mirror.routes_through(family, *ifindex) > 0)
        };
        let links: Vec<u32> = links.into_iter().flatten().filter(matters).collect();
        if !links.is_empty() {
            found.push((kind, Scope::Links(links)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_from_a_route() {
        let mut looks = Vec::new();
        for kind in KINDS.iter().filter(|kind| kind.new == route::ROUTE.new) {
            for gone in [false, true] {
                after(&mut looks, &Mirror::new(), kind, gone, &[0; 64], None, Some(1));
            }
        }
        assert_eq!(looks, []);
    }
}
