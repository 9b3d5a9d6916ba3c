//! Which routes of a family use an interface, and how many a nexthop object: so that a look at what cannot have changed
//! is not taken, and one at a few routes does not go through all.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::kinds::rtnetlink::route::{ROUTE, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF};
use crate::netlink::wire::{attributes, u32_at};

/// Of an interface's routes so many are known one by one; of more, only how many there are. Few in tests, so that they
/// come to both.
const KNOWN_MAX: usize = if cfg!(test) { 4 } else { 256 };

/// Who uses what.
#[derive(Debug, Default)]
pub struct Uses {
    /// By the route's family and the interface; never without a route.
    links: HashMap<(u8, u32), RoutesOfLink, foldhash::fast::RandomState>,
    nexthops: usize,
}

/// Routes of one family through one interface.
#[derive(Debug, Default)]
struct RoutesOfLink {
    count: usize,
    /// The hash of each one's identity: those that share one have it several times. `None` once there were too many,
    /// until all are gone.
    hashes: Option<SmallVec<[u64; 2]>>,
}

impl Uses {
    /// A route has come; `hash` is that of its identity.
    pub fn count(&mut self, hash: u64, payload: &[u8]) {
        let found = RouteUses::in_route(payload);
        for &ifindex in &found.links {
            let first = || RoutesOfLink { count: 0, hashes: Some(SmallVec::new()) };
            let routes = self.links.entry((found.family, ifindex)).or_insert_with(first);
            routes.count += 1;
            if routes.count > KNOWN_MAX {
                routes.hashes = None;
            } else if let Some(hashes) = &mut routes.hashes {
                hashes.push(hash);
            }
        }
        self.nexthops += usize::from(found.nexthop);
    }

    /// A route has gone.
    pub fn discount(&mut self, hash: u64, payload: &[u8]) {
        let found = RouteUses::in_route(payload);
        for &ifindex in &found.links {
            self.discount_link((found.family, ifindex), hash);
        }
        self.nexthops -= usize::from(found.nexthop);
    }

    fn discount_link(&mut self, link: (u8, u32), hash: u64) {
        let Some(routes) = self.links.get_mut(&link) else { return };
        routes.count -= 1;
        if routes.count == 0 {
            self.links.remove(&link);
        } else if let Some(hashes) = &mut routes.hashes {
            // Most leave in the order in which they came, or the other way round: they are found at once.
            if hashes.last() == Some(&hash) {
                hashes.pop();
            } else if let Some(place) = hashes.iter().position(|&other| other == hash) {
                hashes.remove(place);
            }
        }
    }

    /// How many routes of a family there are through an interface.
    pub fn of_link(&self, family: u8, ifindex: u32) -> usize {
        self.links.get(&(family, ifindex)).map_or(0, |routes| routes.count)
    }

    /// The hashes of the routes of a family through an interface, of several of both, each once; `None` where there are
    /// too many to know.
    pub fn hashes(&self, through: &[(u8, u32)]) -> Option<Vec<u64>> {
        let mut all = Vec::new();
        for routes in through.iter().filter_map(|link| self.links.get(link)) {
            all.extend_from_slice(routes.hashes.as_ref()?);
        }
        all.sort_unstable();
        all.dedup();
        Some(all)
    }

    /// How many routes use a nexthop object.
    pub fn of_nexthops(&self) -> usize {
        self.nexthops
    }

    /// Whether it says what those routes add up to, each with the hash of its identity.
    #[cfg(test)]
    pub fn is_of(&self, routes: &[(u64, &[u8])]) -> bool {
        let mut links: HashMap<(u8, u32), Vec<u64>> = HashMap::new();
        let mut nexthops = 0;
        for (hash, payload) in routes {
            nexthops += usize::from(RouteUses::in_route(payload).nexthop);
            for ifindex in ROUTE.interfaces_of(payload) {
                links.entry((payload[0], ifindex)).or_default().push(*hash);
            }
        }
        nexthops == self.nexthops
            && links.len() == self.links.len()
            && links.into_iter().all(|(link, mut hashes)| {
                let Some(routes) = self.links.get(&link) else { return false };
                hashes.sort_unstable();
                routes.count == hashes.len()
                    && routes.hashes.clone().is_none_or(|mut known| {
                        known.sort_unstable();
                        known[..] == hashes[..]
                    })
            })
    }
}

/// What a route uses.
struct RouteUses {
    family: u8,
    links: SmallVec<[u32; 4]>,
    nexthop: bool,
}

impl RouteUses {
    #[inline(always)]
    fn in_route(payload: &[u8]) -> RouteUses {
        let mut found =
            RouteUses { family: payload.first().copied().unwrap_or_default(), links: SmallVec::new(), nexthop: false };
        for attribute in attributes(ROUTE.attributes(payload)) {
            match attribute.number {
                RTA_OIF => {
                    if let Some(ifindex @ 1..) = u32_at(attribute.payload, 0) {
                        found.links.push(ifindex);
                    }
                }
                RTA_NH_ID => found.nexthop = true,
                RTA_MULTIPATH => found.links = ROUTE.interfaces_of(payload),
                _ => {}
            }
        }
        found
    }
}
