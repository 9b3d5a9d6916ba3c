//! Which objects a list has shown. It keeps no more of each than a number: a million routes take a few megabytes, and no time to
//! speak of.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

use super::compare::{counting_attributes, counting_fields};
use crate::decode::key;
use crate::decode::schema::{Kind, ObjectKey};
use crate::kinds;

/// The objects that were shown, by their identities; two share a number only by a chance of one in 2^64.
#[derive(Debug, Default)]
pub struct Seen {
    shown: HashSet<u64, foldhash::fast::RandomState>,
    /// Those of routes, of which no dump shows one twice: they are looked up only once a dump begins again.
    routes: Vec<u64>,
    /// A dump has begun again.
    is_again: bool,
    hasher: foldhash::fast::RandomState,
    key: ObjectKey,
}

impl Seen {
    /// Whether an object is shown for the first time: a dump that was broken off begins again, and some show an object twice.
    pub fn is_first(&mut self, kind: &'static Kind, payload: &[u8]) -> bool {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(kind.name.as_bytes());
        key::write(&mut self.key, kind, payload);
        hasher.write(self.key.as_slice());
        if kind.is(&kinds::rtnetlink::route::ROUTE) {
            // Several have the same identity: what else of them counts tells them apart. Ages and uses are inside an attribute that
            // counts by itself.
            let ages = kinds::rtnetlink::route::RTA_CACHEINFO;
            counting_fields(kind, payload).for_each(|field| hasher.write(field));
            for attribute in counting_attributes(kind, payload).filter(|found| found.number != ages) {
                hasher.write_u16(attribute.number);
                hasher.write(attribute.payload);
            }
        }
        let number = hasher.finish();
        if kind.is(&kinds::rtnetlink::route::ROUTE) && !self.is_again {
            self.routes.push(number);
            return true;
        }
        self.shown.insert(number)
    }

    /// A dump was broken off and begins again: what it has shown comes once more.
    pub fn begin_again(&mut self) {
        self.is_again = true;
        self.shown.extend(self.routes.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::{link, route};
    use crate::netlink::wire::append_attribute;

    #[test]
    fn each_object_is_shown_once() {
        let mut seen = Seen::default();
        let route = |destination: u8, gateway: u8, cache: u8| {
            let mut payload = vec![10, 64, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
            append_attribute(&mut payload, route::RTA_DST, &[destination; 16]);
            append_attribute(&mut payload, 5, &[gateway; 16]);
            append_attribute(&mut payload, route::RTA_CACHEINFO, &[cache; 32]);
            payload
        };
        assert!(seen.is_first(&route::ROUTE, &route(0xfd, 1, 0)));
        // It is another one of the same identity.
        assert!(seen.is_first(&route::ROUTE, &route(0xfd, 2, 0)));
        seen.begin_again();
        assert!(!seen.is_first(&route::ROUTE, &route(0xfd, 2, 9)));
        assert!(seen.is_first(&route::ROUTE, &route(0xfc, 1, 0)));
        let link = |index: u8, name: &[u8]| {
            let mut payload = vec![0, 0, 0, 0, index, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
            append_attribute(&mut payload, link::IFLA_IFNAME, name);
            payload
        };
        assert!(seen.is_first(&link::LINK, &link(1, b"a\0")));
        assert!(seen.is_first(&link::LINK, &link(2, b"a\0")));
        // It has changed since it was shown.
        assert!(!seen.is_first(&link::LINK, &link(1, b"b\0")));
    }
}
