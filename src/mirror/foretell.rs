//! What certainly leaves with a link, taken out of the mirror at once: to find it by a look, the kernel would go through
//! all its routes, and meanwhile another link of that name may have come.

use super::repair::Difference;
use super::silence::Occasion;
use super::{Mirror, route};
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::link::IFF_UP;
use crate::kinds::rtnetlink::route::ROUTE;
use crate::kinds::rtnetlink::{link, mdb, nexthop};
use crate::netlink::wire::{attribute_u32, u32_at};

/// `IPV4_MIN_MTU`. With less, IPv4 has left the interface and does not hear of its going down (`fib_netdev_event`).
const IPV4_MTU_MIN: u32 = 68;

/// A link that goes down or for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    pub(super) ifindex: u32,
    pub(super) gone: bool,
}

/// Whether a message tells that a link goes down, or for good.
pub fn leaving(occasion: &Occasion<'_>) -> Option<Leaving> {
    let &Occasion { gone, payload, .. } = occasion;
    let old_flags = occasion.link?.flags;
    let (ifindex, flags) = (u32_at(payload, 4)?, u32_at(payload, 8)?);
    let set = link::LINK.attributes(payload);
    let hears = || attribute_u32(set, link::IFLA_MTU).is_some_and(|mtu| mtu >= IPV4_MTU_MIN);
    let down = old_flags.is_some_and(|old| old & IFF_UP != 0) && flags & IFF_UP == 0 && hears();
    (gone || down).then_some(Leaving { ifindex, gone })
}

/// Whether a message tells of a link that has left the bridge whose port it was, or has gone: its index.
pub fn left_bridge(occasion: &Occasion<'_>) -> Option<u32> {
    let link = occasion.link?;
    u32_at(occasion.payload, 4).filter(|_| occasion.gone || link.has_other_master)
}

impl Mirror {
    /// Takes out the multicast routers behind VLANs of a port that has left its bridge (`nbp_vlan_flush`): no dump of their kind shows
    /// them, and Linux 6.1 does not tell.
    pub fn take_routers_of_vlans(&mut self, ifindex: u32) -> Vec<Difference> {
        let kind = const { KindIndex::of(&mdb::MDB) };
        let mut differences = Vec::new();
        self.tables[kind].extract(
            None,
            |_| true,
            |object| mdb::is_router_of_vlan_behind(object, ifindex),
            |_, object| differences.push(Difference { kind, old: Some(object), new: None }),
        );
        differences
    }

    /// Takes out what leaves with a link, what stands on others first: routes, then nexthops (`fib_sync_down_dev`,
    /// `nexthop_flush_dev`).
    pub fn take_leaving(&mut self, Leaving { ifindex, gone }: Leaving) -> Vec<Difference> {
        let mut differences = Vec::new();
        const ROUTES: KindIndex = KindIndex::of(&ROUTE);
        const NEXTHOPS: KindIndex = KindIndex::of(&nexthop::NEXTHOP);
        let families = ROUTES.table().dumps.iter().filter_map(|dump| dump.header.first().copied());
        let through: Vec<(u8, u32)> = families
            .filter(|&family| (gone || family == route::AF_INET) && self.routes_through(family, ifindex) > 0)
            .map(|family| (family, ifindex))
            .collect();
        if !through.is_empty() {
            let Mirror { tables, uses, .. } = self;
            let hashes = uses.hashes(&through);
            let leaves = |object: &[u8]| route::leaves(object, ifindex, gone);
            tables[ROUTES].extract(
                hashes.as_deref(),
                |_| true,
                leaves,
                |hash, object| {
                    uses.discount(hash, &object);
                    differences.push(Difference { kind: ROUTES, old: Some(object), new: None });
                },
            );
        }
        let leads_there = |object: &[u8]| NEXTHOPS.table().interface_of(object) == Some(ifindex);
        self.tables[NEXTHOPS].extract(
            None,
            |_| true,
            leads_there,
            |_, object| {
                differences.push(Difference { kind: NEXTHOPS, old: Some(object), new: None });
            },
        );
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::route::LEG_HEADER_BYTES;
    use crate::kinds::rtnetlink::route::{ROUTE, RTA_DST, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF};
    use crate::mirror::silence::ToldBy;
    use crate::netlink::wire::{NLM_F_APPEND, NLM_F_CREATE, append_attribute};

    const UNIVERSE: u8 = 0;
    const HOST: u8 = 254;

    /// A route to 10.`number`, through some interfaces, by a nexthop object where that is said.
    fn route(family: u8, number: u8, scope: u8, through: &[u32], nexthop: bool) -> Vec<u8> {
        let mut payload = vec![family, 16, 0, 0, 254, 3, scope, 1, 0, 0, 0, 0];
        append_attribute(&mut payload, RTA_DST, &[10, number, 0, 0]);
        match through {
            [one] => append_attribute(&mut payload, RTA_OIF, &one.to_ne_bytes()),
            _ => {
                let leg = |ifindex: &u32| [[LEG_HEADER_BYTES as u8, 0, 0, 0], ifindex.to_ne_bytes()].concat();
                append_attribute(&mut payload, RTA_MULTIPATH, &through.iter().flat_map(leg).collect::<Vec<u8>>());
            }
        }
        if nexthop {
            append_attribute(&mut payload, RTA_NH_ID, &[7, 0, 0, 0]);
        }
        payload
    }

    /// The numbers of those of some routes that leave with interface 3, sorted.
    fn taken(routes: &[Vec<u8>], gone: bool) -> Vec<u8> {
        let kind = KindIndex::of(&ROUTE);
        let mut mirror = Mirror::new();
        for route in routes {
            mirror.apply(kind, false, NLM_F_CREATE | NLM_F_APPEND, route);
        }
        let differences = mirror.take_leaving(Leaving { ifindex: 3, gone });
        assert!(mirror.uses_are_right() && mirror.bytes_are_right());
        assert_eq!(mirror.count(kind) + differences.len(), routes.len());
        let mut numbers: Vec<u8> = differences.iter().map(|gone| gone.old.as_ref().unwrap()[17]).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn what_leaves_with_a_link_is_taken_and_nothing_else() {
        let routes = [
            route(2, 1, UNIVERSE, &[3], false),
            route(2, 2, HOST, &[3], false),
            route(2, 3, UNIVERSE, &[4], false),
            route(2, 4, UNIVERSE, &[3, 4], false),
            route(2, 5, UNIVERSE, &[3, 3], false),
            route(2, 6, UNIVERSE, &[3], true),
            route(2, 7, UNIVERSE, &[3, 4], true),
            route(10, 8, UNIVERSE, &[3], false),
            route(10, 9, UNIVERSE, &[3, 4], false),
        ];
        assert_eq!(taken(&routes, false), [1, 5, 6]);
        assert_eq!(taken(&routes, true), [1, 2, 4, 5, 6, 8]);
        // More than are known one by one.
        let many: Vec<Vec<u8>> = (0..20).map(|number| route(2, number, UNIVERSE, &[3], false)).collect();
        assert_eq!(taken(&many, false).len(), 20);
    }

    #[test]
    fn the_routers_of_a_ports_vlans_leave_with_it() {
        let kind = KindIndex::of(&mdb::MDB);
        let router = |port: u32, vlan: Option<u16>| {
            let mut behind = port.to_ne_bytes().to_vec();
            if let Some(vlan) = vlan {
                append_attribute(&mut behind, mdb::ROUTER_VLAN, &vlan.to_ne_bytes());
            }
            let mut routers = Vec::new();
            append_attribute(&mut routers, 1, &behind);
            let mut payload = vec![7, 0, 0, 0, 2, 0, 0, 0];
            append_attribute(&mut payload, mdb::MDBA_ROUTER, &routers);
            payload
        };
        let mut mirror = Mirror::new();
        for object in [router(3, None), router(3, Some(23)), router(4, Some(23)), router(3, Some(24))] {
            mirror.apply(kind, false, 0, &object);
        }
        let mut gone: Vec<Vec<u8>> =
            mirror.take_routers_of_vlans(3).into_iter().map(|gone| gone.old.unwrap().into()).collect();
        gone.sort_unstable();
        assert_eq!(gone, [router(3, Some(23)), router(3, Some(24))]);
        assert_eq!(mirror.count(kind), 2);
        assert!(mirror.bytes_are_right());
    }

    #[test]
    fn a_link_has_left_its_bridge_when_it_has_another_master_or_is_gone() {
        let link = |master: Option<u32>| {
            let mut payload = [[0; 4], [3, 0, 0, 0], [0; 4], [0; 4]].concat();
            append_attribute(&mut payload, link::IFLA_IFNAME, b"x\0");
            if let Some(master) = master {
                append_attribute(&mut payload, link::IFLA_MASTER, &master.to_ne_bytes());
            }
            payload
        };
        let left = |gone: bool, now: Option<u32>| {
            let mut mirror = Mirror::new();
            mirror.links.note(&link(Some(2)), false);
            let payload = link(now);
            let kind = KindIndex::of(&link::LINK);
            let link = mirror.links.note(&payload, gone);
            left_bridge(&Occasion { kind, gone, payload: &payload, link, word: ToldBy::Kernel(None) })
        };
        assert_eq!([left(false, None), left(false, Some(5)), left(true, Some(2))], [Some(3); 3]);
        assert_eq!(left(false, Some(2)), None);
    }

    #[test]
    fn a_link_leaves_when_it_was_up_and_is_not() {
        let link = |flags: u32, mtu: u32| {
            let mut payload = [[0; 4], [3, 0, 0, 0], flags.to_ne_bytes(), [0; 4]].concat();
            append_attribute(&mut payload, link::IFLA_IFNAME, b"x\0");
            append_attribute(&mut payload, link::IFLA_MTU, &mtu.to_ne_bytes());
            payload
        };
        let leaving = |gone: bool, before: u32, now: u32, mtu: u32| {
            let mut mirror = Mirror::new();
            mirror.links.note(&link(before, mtu), false);
            let payload = link(now, mtu);
            let kind = KindIndex::of(&link::LINK);
            let link = mirror.links.note(&payload, gone);
            super::leaving(&Occasion { kind, gone, payload: &payload, link, word: ToldBy::Kernel(None) })
                .map(|leaving| leaving.gone)
        };
        assert_eq!(leaving(false, IFF_UP, 0, 1500), Some(false));
        assert_eq!(leaving(false, 0, 0, 1500), None);
        assert_eq!(leaving(false, IFF_UP, IFF_UP, 1500), None);
        assert_eq!(leaving(false, IFF_UP, 0, 60), None);
        assert_eq!(leaving(true, 0, 0, 60), Some(true));
    }
}
