//! Whether two payloads of one object differ in anything that counts, by a walk in lockstep.

use crate::decode::schema::{Is, Kind};
use crate::netlink::wire::{self, Attribute, attributes};

/// Whether no octet differs but in volatile and left-out fields and attributes. Volatile attributes deeper inside are
/// not seen here: the caller finds by decoding that nothing that counts has changed.
pub fn same(kind: &Kind, old: &[u8], new: &[u8]) -> bool {
    if old == new {
        return true;
    }
    counting_fields(kind, old).eq(counting_fields(kind, new))
        && counting_attributes(kind, old).eq(counting_attributes(kind, new))
}

/// The header's fields that count: those that are not volatile.
pub fn counting_fields<'p>(kind: &'p Kind, payload: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
    let fields = kind.header.fields.iter().filter(|field| !field.volatile);
    fields.map(|field| payload.get(field.at..field.at + field.bytes).unwrap_or_default())
}

/// The attributes that count: those that are neither volatile nor left out.
pub fn counting_attributes<'p>(kind: &'p Kind, payload: &'p [u8]) -> impl Iterator<Item = Attribute<'p>> {
    let counts = |attribute: &Attribute<'_>| {
        kind.set.row(attribute.number).is_none_or(|(_, row)| !row.volatile && !matches!(row.is, Is::Known))
    };
    attributes(kind.attributes(payload)).filter(counts)
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
