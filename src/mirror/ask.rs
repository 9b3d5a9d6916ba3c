//! Single routes that the kernel is asked for: a look-up goes to where it leads, and a dump through all.

use std::hash::BuildHasher;

use super::{Mirror, route};
use crate::decode::key;
use crate::decode::schema::ObjectKey;
use crate::kinds::rtnetlink::route::{ROUTE, RTA_DST, RTA_OIF};
use crate::kinds::{self, KindIndex};
use crate::netlink::wire::{Message, append_attribute, attribute_u32};

/// The one family that is asked so.
pub const FAMILY: u8 = route::AF_INET;

/// A route that is asked for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The hash of its identity, which no other route has.
    pub hash: u64,
    /// The interface that it is asked for at.
    pub ifindex: u32,
}

impl Mirror {
    /// The hashes of those routes of a family through an interface that are not as one of its flags leaves them, each of
    /// which no other route has; `None` where that cannot be said.
    pub fn routes_against_flags(&self, family: u8, ifindex: u32) -> Option<Vec<u64>> {
        let flags = self.links.flags(ifindex)?;
        let kind = const { KindIndex::of(&kinds::rtnetlink::route::ROUTE) };
        let mut against = Vec::new();
        for hash in self.uses.hashes(&[(family, ifindex)])? {
            let group = self.tables[kind].find(hash)?.as_slice();
            let is_against = |object: &[u8]| {
                kind.table().interfaces_of(object).contains(&ifindex) && !route::follows_flags(object, ifindex, flags)
            };
            if group.iter().any(|object| is_against(object)) {
                // Of several that share an identity, only the first one would be found.
                let [_] = group else { return None };
                against.push(hash);
            }
        }
        Some(against)
    }

    /// What asks the kernel for a single route, at one of its interfaces.
    pub fn route_question(&self, asked: Asked) -> Option<Vec<u8>> {
        let kind = const { KindIndex::of(&kinds::rtnetlink::route::ROUTE) };
        let object = self.tables[kind].find(asked.hash)?.iter().next()?;
        Some(question(object, asked.ifindex))
    }

    /// The answer as a dump would show the route, if it is of that route.
    pub fn route_answered(&self, asked: Asked, message: &Message<'_>) -> Option<Vec<u8>> {
        let kind = const { KindIndex::of(&kinds::rtnetlink::route::ROUTE) };
        let table = kind.table();
        if message.header.kind != table.new || message.payload.len() < table.header.bytes {
            return None;
        }
        let known = self.tables[kind].find(asked.hash)?.iter().next()?;
        let mut key = ObjectKey::new();
        key::write(&mut key, table, message.payload);
        if self.hasher.hash_one(key.as_slice()) == asked.hash {
            return Some(message.payload.to_vec());
        }
        answered_as_main(known, message.payload)
    }
}

/// What asks the kernel for an IPv4 route, whole as a dump shows it, by a look-up of an address that it leads to
/// (`inet_rtm_getroute`). Where rules or other routes come before it, another one is the answer.
fn question(payload: &[u8], ifindex: u32) -> Vec<u8> {
    const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
    const RTM_F_FIB_MATCH: u32 = 0x2000;
    let (length, tos) = (payload.get(1).copied().unwrap_or_default(), payload.get(3).copied().unwrap_or_default());
    let destination = attribute_u32(ROUTE.attributes(payload), RTA_DST).map_or(0, u32::from_be);
    // In the middle, where no address of the host and no broadcast address is likely to be.
    let middle = 1u32.checked_shl(31 - u32::from(length.min(31))).unwrap_or_default();
    let address = if length < 31 { destination | middle } else { destination };
    let mut body = vec![FAMILY, 32, 0, tos, 0, 0, 0, 0];
    body.extend_from_slice(&(RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH).to_ne_bytes());
    append_attribute(&mut body, RTA_DST, &address.to_be_bytes());
    append_attribute(&mut body, RTA_OIF, &ifindex.to_ne_bytes());
    body
}

/// The known route with the answer's flags, if the answer says no more than that it is in the table `main` instead of
/// `local`: these are one until the first rule is made, and the kernel calls it `main` (`fib_trie_unmerge`).
fn answered_as_main(known: &[u8], answer: &[u8]) -> Option<Vec<u8>> {
    const FLAGS: std::ops::Range<usize> = 8..12;
    const MAIN_FOR_LOCAL: (u8, u8) = (255, 254);
    let alike = |(at, (known, answer)): (usize, (&u8, &u8))| {
        known == answer || FLAGS.contains(&at) || (*known, *answer) == MAIN_FOR_LOCAL
    };
    if known.len() != answer.len() || !known.iter().zip(answer).enumerate().all(alike) {
        return None;
    }
    let mut route = known.to_vec();
    route.get_mut(FLAGS)?.copy_from_slice(answer.get(FLAGS)?);
    Some(route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::route::RTA_TABLE;
    use crate::netlink::wire::attribute;

    #[test]
    fn a_route_is_asked_for_by_an_address_in_its_middle() {
        let address = |destination: [u8; 4], length: u8| {
            let mut payload = vec![FAMILY, length, 0, 0, 254, 2, 0, 1, 0, 0, 0, 0];
            append_attribute(&mut payload, RTA_DST, &destination);
            let question = question(&payload, 3);
            assert_eq!(attribute_u32(ROUTE.attributes(&question), RTA_OIF), Some(3));
            attribute(ROUTE.attributes(&question), RTA_DST).unwrap().to_vec()
        };
        assert_eq!(address([0; 4], 0), [128, 0, 0, 0]);
        assert_eq!(address([10, 0, 0, 0], 8), [10, 128, 0, 0]);
        assert_eq!(address([10, 1, 2, 0], 24), [10, 1, 2, 128]);
        assert_eq!(address([10, 1, 2, 4], 30), [10, 1, 2, 6]);
        for length in [31, 32, 255] {
            assert_eq!(address([10, 1, 2, 4], length), [10, 1, 2, 4]);
        }
    }

    #[test]
    fn a_route_of_the_table_local_may_be_answered_as_one_of_main() {
        let route = |table: u8, flags: u8, last: u8| {
            let mut payload = vec![FAMILY, 32, 0, 0, table, 2, 253, 3, flags, 0, 0, 0];
            append_attribute(&mut payload, RTA_DST, &[10, 0, 0, last]);
            append_attribute(&mut payload, RTA_TABLE, &[table, 0, 0, 0]);
            payload
        };
        assert_eq!(answered_as_main(&route(255, 0, 3), &route(254, 16, 3)), Some(route(255, 16, 3)));
        assert_eq!(answered_as_main(&route(255, 0, 3), &route(254, 16, 4)), None);
        assert_eq!(answered_as_main(&route(254, 0, 3), &route(255, 16, 3)), None);
        assert_eq!(answered_as_main(&route(255, 0, 3), &[]), None);
    }
}
