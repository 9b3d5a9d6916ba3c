//! How many routes use an interface or a nexthop object: so that a look at what cannot have changed is not taken.

use std::collections::HashMap;

use super::{attributes_of, route};
use crate::kinds::route::{ROUTE, RTA_NH_ID};
use crate::netlink::wire::attribute;

/// Counts of routes.
#[derive(Debug, Default)]
pub struct Uses {
    links: HashMap<u32, usize, foldhash::fast::RandomState>,
    nexthops: usize,
}

impl Uses {
    /// A route has come.
    pub fn count(&mut self, payload: &[u8]) {
        if let Some(ifindex) = route::only_interface(&ROUTE, payload) {
            *self.links.entry(ifindex).or_default() += 1;
        } else {
            for ifindex in route::interfaces(&ROUTE, payload) {
                *self.links.entry(ifindex).or_default() += 1;
            }
        }
        self.nexthops += usize::from(uses_nexthop(payload));
    }

    /// A route has gone.
    pub fn discount(&mut self, payload: &[u8]) {
        let only = route::only_interface(&ROUTE, payload);
        let several = only.is_none().then(|| route::interfaces(&ROUTE, payload)).unwrap_or_default();
        for ifindex in only.into_iter().chain(several) {
            if let Some(count) = self.links.get_mut(&ifindex) {
                *count -= 1;
                if *count == 0 {
                    self.links.remove(&ifindex);
                }
            }
        }
        self.nexthops -= usize::from(uses_nexthop(payload));
    }

    /// Routes through an interface.
    pub fn of_link(&self, ifindex: u32) -> usize {
        self.links.get(&ifindex).copied().unwrap_or_default()
    }

    /// Routes that use a nexthop object.
    pub fn of_nexthops(&self) -> usize {
        self.nexthops
    }
}

fn uses_nexthop(payload: &[u8]) -> bool {
    attribute(attributes_of(&ROUTE, payload), RTA_NH_ID).is_some()
}
