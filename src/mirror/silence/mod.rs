//! What the kernel changes without a word, and which look at it finds out. See docs/truth.md.
//!
//! A message leads to looks: kinds that it may have changed, limited to an interface where the kernel can limit its
//! dump. Facts: `/docs/truth.md` lists each silent change with the kernel's function that makes it.

pub mod look;
pub mod looks;

use std::ptr;

use self::look::Look;
use super::Mirror;
use super::repair::Difference;
use crate::decode::schema::Kind;
use crate::kinds::rtnetlink::{
    addr, link, maddr, mdb, mroute, neigh, neightbl, netconf, nexthop, route, rule, tc, vlan,
};
use crate::kinds::{self, KINDS, KindIndex};
use crate::netlink::wire::{Message, attribute, attribute_u32, u32_at};

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

/// Whether any of some kinds can change with nothing near it that is told.
pub fn may_change_untold(kinds: &[KindIndex]) -> bool {
    kinds.iter().any(|&kind| changes_untold(kind) || some_change_untold(kind))
}

fn changes_untold(kind: KindIndex) -> bool {
    UNTOLD.iter().any(|&untold| ptr::eq(KINDS[kind], untold))
}

/// Whether some objects of a kind change with nothing near it that is told, by what they are.
fn some_change_untold(kind: KindIndex) -> bool {
    [&addr::ADDR, &link::LINK, &link::BRIDGE_PORT].iter().any(|&some| ptr::eq(KINDS[kind], some))
}

/// Those of some kinds that change with nothing near it that is told: they are looked at once it is quiet after a change.
/// Kinds of which some objects do are, while there is such an object.
pub fn untold(kinds: &[KindIndex], mirror: &Mirror) -> Vec<KindIndex> {
    let any_untold = |kind: KindIndex| mirror.objects(kind).any(|object| !is_told(kind, object));
    let untold = |kind: KindIndex| changes_untold(kind) || (some_change_untold(kind) && any_untold(kind));
    kinds.iter().copied().filter(|&kind| untold(kind)).collect()
}

/// Whether the kernel tells, or looks find at once, all that happens to such an object.
pub fn is_told(kind: KindIndex, payload: &[u8]) -> bool {
    let table = KINDS[kind];
    if ptr::eq(table, &addr::ADDR) {
        // One that is still tentative is not told (`addrconf_dad_completed` tells it).
        const IFA_F_TENTATIVE: u32 = 0x40;
        let flags = attribute_u32(table.attributes(payload), addr::IFA_FLAGS).unwrap_or_default();
        return flags & IFA_F_TENTATIVE == 0;
    }
    if ptr::eq(table, &link::LINK) {
        // `netdev_state_change` tells of one that is up alone; a bridge's and its ports' numbers of what they have learned
        // (`fdb_n_learned`, `mcast_n_groups`) change with packets.
        return u32_at(payload, 8).unwrap_or_default() & link::IFF_UP != 0 && !is_of_bridge(payload);
    }
    !changes_untold(kind) && !ptr::eq(table, &link::BRIDGE_PORT)
}

/// What a link was before a message: its flags and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    flags: Option<u32>,
    name: Vec<u8>,
}

impl Before {
    /// Its flags (`IFF_*`), if it was there.
    pub fn flags(&self) -> Option<u32> {
        self.flags
    }
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
    [link::LINK.new, link::LINK.delete].contains(&message.header.kind) && message.payload.first() == Some(&0)
}

/// A look at all objects of a kind.
fn at(kind: &'static Kind) -> Look {
    Look::at(kinds::index_of(kind).unwrap_or_default())
}

/// The looks that a message asks for. `line` is the number of its line, where it has one.
pub fn looks(
    looks: &mut Vec<Look>,
    mirror: &Mirror,
    message: &Message<'_>,
    before: Option<&Before>,
    line: Option<u64>,
) {
    // Nothing follows from a route, and routes come in great numbers.
    if [route::ROUTE.new, route::ROUTE.delete].contains(&message.header.kind) {
        return;
    }
    let family = message.payload.first().copied().unwrap_or_default();
    let Some((kind, removes)) = kinds::of_message(message.header.kind, family) else { return };
    after(looks, mirror, KINDS[kind], removes, message.payload, before, Word::Kernel(line));
}

/// The looks that a difference asks for, which another look has found. `cause` is the number of the line that led to
/// that.
pub fn looks_of_difference(looks: &mut Vec<Look>, mirror: &Mirror, difference: &Difference, cause: Option<u64>) {
    let table = KINDS[difference.kind];
    let Some(payload) = difference.new.as_deref().or(difference.old.as_deref()) else { return };
    let before = ptr::eq(table, &link::LINK).then(|| {
        let old = difference.old.as_deref();
        let flags = old.and_then(|old| u32_at(old, 8));
        Before { flags, name: old.map(|old| name_in(old).to_vec()).unwrap_or_default() }
    });
    after(looks, mirror, table, difference.new.is_none(), payload, before.as_ref(), Word::Look(cause));
}

/// Whose word of an object it is.
#[derive(Clone, Copy)]
enum Word {
    /// The kernel's, and the number of its line, where it has one.
    Kernel(Option<u64>),
    /// A look's, which has seen all others of its kind, too, and the number of the line that led to it.
    Look(Option<u64>),
}

fn name_in(payload: &[u8]) -> &[u8] {
    let name = attribute(link::LINK.attributes(payload), link::IFLA_IFNAME).unwrap_or_default();
    name.split(|&octet| octet == 0).next().unwrap_or_default()
}

/// Whether a link is a bridge or a bridge's port.
fn is_of_bridge(payload: &[u8]) -> bool {
    let info = attribute(link::LINK.attributes(payload), link::IFLA_LINKINFO).unwrap_or_default();
    let is_bridge = |number: u16| {
        let name = attribute(info, number).unwrap_or_default();
        name.split(|&octet| octet == 0).next() == Some(b"bridge")
    };
    is_bridge(link::IFLA_INFO_KIND) || is_bridge(link::IFLA_INFO_SLAVE_KIND)
}

fn after(
    looks: &mut Vec<Look>,
    mirror: &Mirror,
    table: &'static Kind,
    gone: bool,
    payload: &[u8],
    before: Option<&Before>,
    word: Word,
) {
    let (Word::Kernel(cause) | Word::Look(cause)) = word;
    let looked = matches!(word, Word::Look(_));
    let mut look = |look: Look| looks.push(Look { cause, ..look });
    if ptr::eq(table, &link::LINK) {
        let (Some(before), Some(ifindex), Some(flags)) = (before, u32_at(payload, 4), u32_at(payload, 8)) else {
            return;
        };
        // With these routes leave, legs die and recover, nexthops leave.
        const MATTERS: u32 = link::IFF_UP | link::IFF_RUNNING | link::IFF_LOWER_UP;
        let flags_differ = gone || before.flags.is_none_or(|old| (old ^ flags) & MATTERS != 0);
        // A link's flags may be told before its routes and nexthops follow them: these do whenever anything of it is told
        // again (`NETDEV_CHANGE`, of which `linkwatch_do_dev` and `netdev_state_change` tell).
        if flags_differ || !looked {
            look(Look { link: Some(ifindex), flags_alone: true, ..at(&route::ROUTE) });
            look(at(&nexthop::NEXTHOP));
        }
        if flags_differ {
            look(at(&nexthop::NEXTHOP_BUCKET));
        }
        let come = before.flags.is_none() && !gone;
        if gone || come || before.name != name_in(payload) {
            // A rule names interfaces that may be there or not.
            look(at(&rule::RULE));
        }
        if gone {
            // Groups that IPv6 has joined (`ipv6_mc_destroy_dev`), entries of the bridge itself, options of its VLANs,
            // ways out of multicast routes (`vif_delete`).
            for kind in [&maddr::MADDR, &mdb::MDB, &vlan::VLAN, &mroute::MROUTE] {
                look(at(kind));
            }
            // Of its queueing disciplines and what hangs on them only the chains are told (`dev_shutdown`).
            for kind in [&tc::CLASS, &tc::FILTER, &tc::CHAIN] {
                look(Look { link: Some(ifindex), ..at(kind) });
            }
        }
        if flags_differ {
            // The multicast neighbours that the kernel makes for it.
            look(at(&neigh::NEIGH));
            // Its default queueing discipline (`attach_default_qdiscs`).
            look(at(&tc::QDISC));
        }
        // A bridge's timer differs in every look: what a look has found of a link asks for no other one at all links.
        if is_of_bridge(payload) && (!looked || flags_differ) {
            // What a dump says of the bridge itself among its ports (`br_getlink`), and a port's MTU (`br_device_event`).
            look(at(&link::BRIDGE_PORT));
        }
        // The other end of a pair, the ports of a bridge, whatever stands on it; and what is told of a link that is
        // up alone: names, a port's cost.
        if !looked {
            look(at(&link::LINK));
        }
    } else if ptr::eq(table, &addr::ADDR) {
        // The last IPv4 address takes routes with it; any new one lets dead legs recover (`fib_inetaddr_event`).
        if payload.first() == Some(&2)
            && let Some(ifindex) = u32_at(payload, 4)
        {
            look(Look { link: Some(ifindex), flags_alone: !gone, ..at(&route::ROUTE) });
            look(at(&nexthop::NEXTHOP));
        }
        // A change of a tentative IPv6 address is not told (`inet6_addr_modify`).
        look(at(&addr::ADDR));
        look(at(&link::LINK));
    } else if ptr::eq(table, &nexthop::NEXTHOP) {
        // Routes that use a nexthop object leave with it, and so do the groups that it leaves empty.
        look(at(&nexthop::NEXTHOP));
        look(at(&nexthop::NEXTHOP_BUCKET));
        if mirror.routes_by_nexthop() > 0 {
            look(at(&route::ROUTE));
        }
    } else if ptr::eq(table, &rule::RULE) {
        // A rule may be another one's goal.
        look(at(&rule::RULE));
    } else if ptr::eq(table, &netconf::NETCONF) {
        // A multicast routing daemon has taken an interface or given it up (`vif_delete`): routes lose it.
        if attribute(table.attributes(payload), netconf::NETCONFA_MC_FORWARDING).is_some() {
            look(at(&mroute::MROUTE));
        }
        if gone {
            // IPv6 leaves an interface whose MTU becomes too small, and groups with it (`addrconf_ifdown`).
            look(at(&maddr::MADDR));
        }
    } else if ptr::eq(table, &vlan::VLAN) || ptr::eq(table, &link::BRIDGE_PORT) {
        // The bridge's options for a VLAN come with its first port and leave with its last one (`br_vlan_put_master`);
        // another VLAN ceases to be the untagged one (`__vlan_add_pvid`) or, as the default one, to be there
        // (`__br_vlan_set_default_pvid`); spanning tree changes states (`br_mst_set_state`).
        look(at(&vlan::VLAN));
        if ptr::eq(table, &link::BRIDGE_PORT) {
            // The port's options stand in its link, too, which is not told (`br_ifinfo_notify`).
            look(at(&link::LINK));
        }
    } else {
        after_traffic_control(&mut look, table, gone, payload);
    }
}

/// What comes and leaves with something of traffic control.
fn after_traffic_control(look: &mut impl FnMut(Look), table: &Kind, gone: bool, payload: &[u8]) {
    if ![&tc::QDISC, &tc::CLASS, &tc::CHAIN, &tc::FILTER].iter().any(|&control| ptr::eq(table, control)) {
        return;
    }
    let interface = table.interface_of(payload);
    if ptr::eq(table, &tc::QDISC) {
        // Classes and inner disciplines come with it, and leave with their filters (`qdisc_destroy`); the default one
        // comes back.
        look(at(&tc::QDISC));
        look(at(&link::LINK));
        for kind in [&tc::CLASS, &tc::FILTER, &tc::CHAIN] {
            look(Look { link: interface, ..at(kind) });
        }
    } else if ptr::eq(table, &tc::CLASS) && gone {
        look(at(&tc::QDISC));
        look(Look { link: interface, ..at(&tc::FILTER) });
        look(Look { link: interface, ..at(&tc::CHAIN) });
    } else if ptr::eq(table, &tc::CHAIN) && gone {
        look(Look { link: interface, ..at(&tc::FILTER) });
    } else if ptr::eq(table, &tc::FILTER) && gone {
        // One without a handle stands for all of its priority (`tfilter_notify_chain`).
        if u32_at(payload, 8) == Some(0) {
            look(Look { link: interface, ..at(&tc::FILTER) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn a_bridges_timer_leads_to_no_further_look_at_links() {
        let link = |flags: u32, timer: u32| -> Box<[u8]> {
            let mut payload = [[0; 4], 7u32.to_ne_bytes(), flags.to_ne_bytes(), [0; 4]].concat();
            let mut information = Vec::new();
            append_attribute(&mut information, link::IFLA_INFO_KIND, b"bridge\0");
            append_attribute(&mut information, 2, &timer.to_ne_bytes());
            append_attribute(&mut payload, link::IFLA_LINKINFO, &information);
            payload.into()
        };
        let looks = |old: Box<[u8]>, new: Box<[u8]>| {
            let mut looks = Vec::new();
            let kind = kinds::index_of(&link::LINK).unwrap();
            let difference = Difference { kind, old: Some(old), new: Some(new) };
            looks_of_difference(&mut looks, &Mirror::new(), &difference, Some(3));
            looks
        };
        assert_eq!(looks(link(link::IFF_UP, 100), link(link::IFF_UP, 200)), []);
        let down = looks(link(link::IFF_UP, 100), link(0, 200));
        assert!(down.iter().any(|look| look.kind == kinds::index_of(&route::ROUTE).unwrap() && look.cause == Some(3)));
        assert!(down.iter().all(|look| look.kind != kinds::index_of(&link::LINK).unwrap()));
    }

    #[test]
    fn nothing_follows_from_a_route() {
        let mut looks = Vec::new();
        for kind in KINDS.iter().filter(|kind| kind.new == route::ROUTE.new) {
            for gone in [false, true] {
                after(&mut looks, &Mirror::new(), kind, gone, &[0; 64], None, Word::Kernel(Some(1)));
            }
        }
        assert_eq!(looks, []);
    }
}
