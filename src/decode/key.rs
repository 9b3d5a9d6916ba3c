//! What makes an object the same object: a key, written from its bytes.
//!
//! Most kinds say it in their table; the few that no list of attributes can say have a hook.

use super::schema::{Kind, ObjectKey};
use crate::netlink::wire::attributes;

/// Writes the key of an object.
pub fn write(key: &mut ObjectKey, kind: &Kind, payload: &[u8]) {
    key.clear();
    let Some(identity) = &kind.identity else { return };
    for &(at, bytes) in identity.header {
        match payload.get(at..at + bytes) {
            Some(&[octet]) => key.push(octet),
            part => key.extend_from_slice(part.unwrap_or_default()),
        }
    }
    let set = kind.attributes(payload);
    push_each(key, set, identity.attributes);
    if let Some(write_rest) = kind.hooks.key {
        write_rest(key, payload, set);
    }
}

/// The values of these attributes, in this order; all are found by one walk through the set.
fn push_each(key: &mut ObjectKey, set: &[u8], numbers: &[u16]) {
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
pub fn push(key: &mut ObjectKey, value: Option<&[u8]>) {
    // As nearly every value is.
    match value {
        Some(&[a, b, c, d]) if [a, b, c, d] != [0; 4] => key.extend_from_slice(&[4, a, b, c, d]),
        None => key.push(0),
        value => push_any(key, value),
    }
}

#[inline(never)]
fn push_any(key: &mut ObjectKey, value: Option<&[u8]>) {
    let value = value.filter(|value| !is_zero(value)).unwrap_or_default();
    key.push(value.len().min(255) as u8);
    key.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn there_is_room_for_every_identity() {
        let identities = crate::kinds::KINDS.iter().filter_map(|kind| kind.identity.as_ref());
        assert!(identities.map(|identity| identity.attributes.len()).max() <= Some(ATTRIBUTES_MAX));
    }

    #[test]
    fn the_first_attribute_of_a_number_counts() {
        let mut set = Vec::new();
        [(2, 5), (1, 3), (2, 9)].iter().for_each(|&(number, value)| append_attribute(&mut set, number, &[value]));
        let mut key = ObjectKey::new();
        push_each(&mut key, &set, &[1, 2, 7]);
        assert_eq!(key, [1, 3, 1, 5, 0]);
    }
}
