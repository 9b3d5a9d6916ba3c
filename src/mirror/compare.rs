//! Whether two payloads of one object differ in anything that counts, by a walk in lockstep.

use crate::decode::schema::{Is, Kind};
use crate::netlink::wire::{self, Attribute, attributes};

/// Whether no octet differs but in volatile and left-out fields and attributes. Volatile attributes deeper inside are
/// not seen here: the caller finds by decoding that nothing that counts has changed.
pub fn same(kind: &Kind, old: &[u8], new: &[u8]) -> bool {
    if old == new {
        return true;
    }
    for field in kind.header.fields {
        let range = field.at..field.at + field.bytes;
        if !field.volatile && old.get(range.clone()) != new.get(range) {
            return false;
        }
    }
    let counts = |attribute: &Attribute<'_>| {
        kind.set.row(attribute.number).is_none_or(|(_, row)| !row.volatile && !matches!(row.is, Is::Known))
    };
    attributes(kind.attributes(old)).filter(counts).eq(attributes(kind.attributes(new)).filter(counts))
}

/// The payload of a partial notification with the attributes that only the old one has; `None` where it has all.
pub fn merge(kind: &Kind, old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let set = kind.attributes(new);
    let mut merged: Option<Vec<u8>> = None;
    for Attribute { number, payload } in attributes(kind.attributes(old)) {
        if wire::attribute(set, number).is_none() {
            let merged = merged.get_or_insert_with(|| {
                let mut bytes = new.to_vec();
                bytes.resize(wire::align(bytes.len()), 0);
                bytes
            });
            wire::append_attribute(merged, number, payload);
        }
    }
    merged
}
