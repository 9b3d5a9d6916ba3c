//! What makes an object the same object: a key, written from its bytes.
//!
//! Most kinds say it in their table; the few that no list of attributes can say stand here.

use super::attributes_of;
use crate::decode::schema::Kind;
use crate::kinds::rtnetlink::{addr, mdb, neigh, neightbl, nexthop, route, rule, tc, tunnel, vlan};
use crate::netlink::wire::{attribute, attributes, u32_at};

/// An identity's octets: comparable, and nothing more.
pub type Key = Vec<u8>;

/// Writes the key of an object.
pub fn write(key: &mut Key, kind: &'static Kind, payload: &[u8]) {
    key.clear();
    let Some(identity) = &kind.identity else { return };
    for &(at, bytes) in identity.header {
        match payload.get(at..at + bytes) {
            Some(&[octet]) => key.push(octet),
            part => key.extend_from_slice(part.unwrap_or_default()),
        }
    }
    let set = attributes_of(kind, payload);
    push_each(key, set, identity.attributes);
    if std::ptr::eq(kind, &route::ROUTE) {
        // That is all, as of most kinds; it is asked first since routes come in great numbers.
    } else if std::ptr::eq(kind, &addr::ADDR) {
        address(key, payload, set);
    } else if std::ptr::eq(kind, &rule::RULE) {
        whole_rule(key, payload, set);
    } else if std::ptr::eq(kind, &neigh::NEIGH) {
        // A proxy is another table's entry: NTF_PROXY.
        key.push(payload.get(10).copied().unwrap_or_default() & 0x08);
    } else if std::ptr::eq(kind, &neigh::FDB) {
        forwarding(key, payload, set);
    } else if std::ptr::eq(kind, &nexthop::NEXTHOP_BUCKET) {
        let bucket = attribute(set, nexthop::NHA_RES_BUCKET).unwrap_or_default();
        push(key, attribute(bucket, 1));
    } else if std::ptr::eq(kind, &tc::FILTER) {
        key.extend_from_slice(&filter_parent(payload, set).to_ne_bytes());
    } else if std::ptr::eq(kind, &tc::TC_ACTION) {
        // The one action in it, by its kind and index.
        let nest = attribute(set, tc::TCA_ROOT_TAB).unwrap_or_default();
        let action = attributes(nest).next().map(|found| found.payload).unwrap_or_default();
        push(key, attribute(action, tc::action::TCA_ACT_KIND));
        push(key, tc::action::index(action));
    } else if std::ptr::eq(kind, &neightbl::NEIGHTBL) {
        let settings = attribute(set, neightbl::NDTA_PARMS).unwrap_or_default();
        let ifindex = attribute(settings, neightbl::NDTPA_IFINDEX);
        // The settings for all have none; those of the kernel's black hole have 0.
        key.push(ifindex.is_some().into());
        push(key, ifindex);
    } else if std::ptr::eq(kind, &mdb::MDB) {
        mdb::identity(set, |part| push(key, part));
    } else if std::ptr::eq(kind, &vlan::VLAN) {
        if let Some((which, number)) = vlan::identity(set) {
            key.extend_from_slice(&which.to_ne_bytes());
            key.extend_from_slice(&number.to_ne_bytes());
        }
    } else if std::ptr::eq(kind, &tunnel::TUNNEL) {
        let entry = attribute(set, tunnel::VXLAN_VNIFILTER_ENTRY).unwrap_or_default();
        push(key, attribute(entry, 1));
    }
}

/// The values of these attributes, in this order; all are found by one walk through the set.
fn push_each(key: &mut Key, set: &[u8], numbers: &[u16]) {
    let mut values = [None; ATTRIBUTES_MAX];
    for attribute in attributes(set) {
        // The first one of a number counts.
        if let Some(place) = numbers.iter().position(|&number| number == attribute.number)
            && let Some(value @ None) = values.get_mut(place)
        {
            *value = Some(attribute.payload);
        }
    }
    values.iter().take(numbers.len()).for_each(|value| push(key, *value));
}

/// So many attributes make up an identity at most.
const ATTRIBUTES_MAX: usize = 8;

/// Whether all octets are 0; without a branch for each, since most values have 4 or 16.
fn is_zero(value: &[u8]) -> bool {
    value.iter().fold(0, |all, &octet| all | octet) == 0
}

/// A value with its length before it; the kernel leaves out some that are 0, so that 0 is as absent.
#[inline(always)]
fn push(key: &mut Key, value: Option<&[u8]>) {
    // As nearly every value is.
    match value {
        Some(&[a, b, c, d]) if [a, b, c, d] != [0; 4] => key.extend_from_slice(&[4, a, b, c, d]),
        None => key.push(0),
        value => push_any(key, value),
    }
}

#[inline(never)]
fn push_any(key: &mut Key, value: Option<&[u8]>) {
    let value = value.filter(|value| !is_zero(value)).unwrap_or_default();
    key.push(value.len().min(255) as u8);
    key.extend_from_slice(value);
}

/// IPv4 knows an address by itself, its peer and the length of its prefix; IPv6 by itself alone.
fn address(key: &mut Key, payload: &[u8], set: &[u8]) {
    let (local, peer) = (attribute(set, addr::IFA_LOCAL), attribute(set, addr::IFA_ADDRESS));
    push(key, local.or(peer));
    if payload.first() != Some(&10) {
        key.extend_from_slice(payload.get(1..2).unwrap_or_default());
        push(key, peer);
    }
}

/// A rule is the same by all that it says, but for what the kernel finds out itself: FIB_RULE_UNRESOLVED,
/// FIB_RULE_IIF_DETACHED and FIB_RULE_OIF_DETACHED.
fn whole_rule(key: &mut Key, payload: &[u8], set: &[u8]) {
    key.push(payload.get(8).copied().unwrap_or_default() & !0x1c);
    for attribute in attributes(set) {
        key.extend_from_slice(&attribute.number.to_ne_bytes());
        push(key, Some(attribute.payload));
    }
}

/// What a filter hangs on. What comes in has two names. Those of `u32` have their handles by the queueing discipline, and
/// the kernel shows them under each of its classes where others of the priority are (`u32_walk`).
fn filter_parent(payload: &[u8], set: &[u8]) -> u32 {
    const MAJOR: u32 = 0xffff_0000;
    let parent = u32_at(payload, 12).unwrap_or_default();
    let block = u32_at(payload, 4) == Some(u32::MAX);
    if !block && attribute(set, tc::TCA_KIND) == Some(b"u32\0") {
        parent & MAJOR
    } else if parent == tc::INGRESS_QDISC {
        tc::INGRESS
    } else {
        parent
    }
}

/// A bridge has one entry for a MAC address and VLAN, on whichever port; vxlan has one for a unicast address, and one a
/// remote for the others (`vxlan_fdb_append`); other interfaces have their own list.
fn forwarding(key: &mut Key, payload: &[u8], set: &[u8]) {
    let master = attribute(set, neigh::NDA_MASTER);
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
    let mac = attribute(set, neigh::NDA_LLADDR).unwrap_or_default();
    let unicast = mac.first().is_some_and(|first| first & 1 == 0) && mac.iter().any(|&octet| octet != 0);
    if !unicast {
        for number in [neigh::NDA_DST, neigh::NDA_PORT, neigh::NDA_VNI, neigh::NDA_IFINDEX] {
            push(key, attribute(set, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    fn filter(ifindex: u32, handle: u32, parent: u32, kind: &[u8]) -> Key {
        let mut payload = vec![0; 4];
        [ifindex, handle, parent, 7].iter().for_each(|number| payload.extend_from_slice(&number.to_ne_bytes()));
        append_attribute(&mut payload, tc::TCA_KIND, kind);
        let mut key = Key::new();
        write(&mut key, &tc::FILTER, &payload);
        key
    }

    #[test]
    fn there_is_room_for_every_identity() {
        let identities = crate::kinds::KINDS.iter().filter_map(|kind| kind.identity.as_ref());
        assert!(identities.map(|identity| identity.attributes.len()).max() <= Some(ATTRIBUTES_MAX));
    }

    #[test]
    fn the_first_attribute_of_a_number_counts() {
        let mut set = Vec::new();
        [(2, 5), (1, 3), (2, 9)].iter().for_each(|&(number, value)| append_attribute(&mut set, number, &[value]));
        let mut key = Key::new();
        push_each(&mut key, &set, &[1, 2, 7]);
        assert_eq!(key, [1, 3, 1, 5, 0]);
    }

    #[test]
    fn what_comes_in_has_two_names() {
        let known = |parent| filter(3, 1, parent, b"flower\0");
        assert_eq!(known(tc::INGRESS), known(tc::INGRESS_QDISC));
        assert_ne!(known(tc::INGRESS), known(tc::EGRESS));
        assert_ne!(known(0x1_0000), known(0x1_0010));
    }

    #[test]
    fn filters_of_u32_are_known_by_their_discipline() {
        let known = |ifindex, parent| filter(ifindex, 0x8000_0800, parent, b"u32\0");
        assert_eq!(known(3, 0x1_0000), known(3, 0x1_0010));
        assert_ne!(known(3, 0x1_0000), known(3, 0x2_0000));
        // The number of a block stands in the parent's place.
        assert_ne!(known(u32::MAX, 7), known(u32::MAX, 8));
    }

    #[test]
    fn an_action_is_known_by_kind_and_index() {
        let action = |kind: &[u8], index: u32| {
            let mut parameters = Vec::new();
            append_attribute(&mut parameters, 2, &[&index.to_ne_bytes()[..], &[0; 16]].concat());
            let mut action = Vec::new();
            append_attribute(&mut action, tc::action::TCA_ACT_KIND, kind);
            append_attribute(&mut action, tc::action::TCA_ACT_OPTIONS, &parameters);
            let mut nest = Vec::new();
            append_attribute(&mut nest, 1, &action);
            let mut payload = vec![0; 4];
            append_attribute(&mut payload, tc::TCA_ROOT_TAB, &nest);
            let mut key = Key::new();
            write(&mut key, &tc::TC_ACTION, &payload);
            key
        };
        assert_ne!(action(b"gact\0", 1), action(b"gact\0", 2));
        assert_ne!(action(b"gact\0", 1), action(b"mirred\0", 1));
        assert_eq!(action(b"gact\0", 1), action(b"gact\0", 1));
    }
}
