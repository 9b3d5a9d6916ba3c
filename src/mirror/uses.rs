//! How many routes of a family use an interface, and how many a nexthop object: so that a look at what cannot have
//! changed is not taken.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::{attributes_of, route};
use crate::kinds::route::{ROUTE, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF};
use crate::netlink::wire::{attributes, u32_at};

/// Counts of routes.
#[derive(Debug, Default)]
pub struct Uses {
    /// By the route's family and the interface.
    links: HashMap<(u8, u32), usize, foldhash::fast::RandomState>,
    nexthops: usize,
}

impl Uses {
    /// A route has come.
    pub fn count(&mut self, payload: &[u8]) {
        let found = Found::in_route(payload);
        for ifindex in found.links {
            *self.links.entry((found.family, ifindex)).or_default() += 1;
        }
        self.nexthops += usize::from(found.nexthop);
    }

    /// A route has gone.
    pub fn discount(&mut self, payload: &[u8]) {
        let found = Found::in_route(payload);
        for ifindex in found.links {
            self.discount_link((found.family, ifindex));
        }
        self.nexthops -= usize::from(found.nexthop);
    }

    fn discount_link(&mut self, link: (u8, u32)) {
        if let Some(count) = self.links.get_mut(&link) {
            *count -= 1;
            if *count == 0 {
                self.links.remove(&link);
            }
        }
    }

    /// Routes of a family through an interface.
    pub fn of_link(&self, family: u8, ifindex: u32) -> usize {
        self.links.get(&(family, ifindex)).copied().unwrap_or_default()
    }

    /// Routes that use a nexthop object.
    pub fn of_nexthops(&self) -> usize {
        self.nexthops
    }
}

/// What a route uses.
struct Found {
    family: u8,
    links: SmallVec<[u32; 4]>,
    nexthop: bool,
}

impl Found {
    fn in_route(payload: &[u8]) -> Found {
        let mut found =
            Found { family: payload.first().copied().unwrap_or_default(), links: SmallVec::new(), nexthop: false };
        for attribute in attributes(attributes_of(&ROUTE, payload)) {
            match attribute.number {
                RTA_OIF => found.links.extend(u32_at(attribute.payload, 0).filter(|&ifindex| ifindex != 0)),
                RTA_NH_ID => found.nexthop = true,
                RTA_MULTIPATH => found.links = route::interfaces(&ROUTE, payload),
                _ => {}
            }
        }
        found
    }
}
