//! Messages that hold several objects, taken apart: each object becomes a message of its own.

use super::{KindIndex, of_message};
use crate::decode::schema::Kind;
use crate::netlink::wire::{Message, append_attribute, attributes};

/// Any attribute's number, in a kind's ways.
const ANY: u16 = 0;

/// Calls `each` with every object of a message that has an identity: its kind, whether it is said to be gone, and its
/// payload, which holds its kind's whole header.
pub fn objects(message: &Message<'_>, mut each: impl FnMut(KindIndex, bool, &[u8])) {
    let family = message.payload.first().copied().unwrap_or_default();
    let Some((kind, removes)) = of_message(message.header.kind, family) else { return };
    let table = kind.table();
    if table.identity.is_none() || message.payload.len() < table.header.bytes {
        return;
    }
    if table.split.is_empty() {
        each(kind, removes, message.payload);
        return;
    }
    split(table, message.payload).iter().for_each(|payload| each(kind, removes, payload));
}

/// The payloads of the objects in a message; a range becomes as many objects as it has numbers. The message itself is
/// an object where none is inside and it tells something else; where it tells nothing, there is no object.
pub fn split(kind: &Kind, payload: &[u8]) -> Vec<Vec<u8>> {
    let rows = rows(kind, payload);
    match kind.hooks.singles {
        Some(singles) => rows.iter().flat_map(|row| singles(row)).collect(),
        None => rows,
    }
}

/// The same, but a range stays one.
pub fn rows(kind: &Kind, payload: &[u8]) -> Vec<Vec<u8>> {
    let (header, set) = payload.split_at(kind.header.attributes_at(payload).min(payload.len()));
    let mut base = header.to_vec();
    if let Some(complete) = kind.hooks.complete {
        complete(&mut base);
    }
    let mut objects = Vec::new();
    let mut iterator = attributes(set);
    for found in iterator.by_ref().filter(|found| way(kind, found.number).is_none()) {
        append_attribute(&mut base, found.number, found.payload);
    }
    let tells_more = base.len() > header.len() || !iterator.rest().is_empty();
    for found in attributes(set) {
        let Some(below) = way(kind, found.number) else { continue };
        collect(found.number, found.payload, below, &mut |nested| {
            let mut object = base.clone();
            object.extend_from_slice(&nested);
            objects.push(object);
        });
    }
    if objects.is_empty() && tells_more && kind.is_object(payload) {
        objects.push(payload.to_vec());
    }
    objects
}

/// What follows that number on the way that begins with it.
fn way(kind: &Kind, number: u16) -> Option<&'static [u16]> {
    let mut ways = kind.split.iter().filter_map(|way| way.split_first());
    ways.find(|(first, _)| **first == ANY || **first == number).map(|(_, below)| below)
}

/// Calls `each` with every object at the end of the way, wrapped in the nests that lead to it.
fn collect(number: u16, payload: &[u8], below: &[u16], each: &mut dyn FnMut(Vec<u8>)) {
    let mut wrap = |inner: &[u8]| {
        let mut outer = Vec::new();
        append_attribute(&mut outer, number, inner);
        each(outer);
    };
    let Some((&next, rest)) = below.split_first() else { return wrap(payload) };
    for found in attributes(payload).filter(|found| next == ANY || found.number == next) {
        collect(found.number, found.payload, rest, &mut |inner| wrap(&inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::schema::{Set, Structure};

    static TWO_DEEP: Kind = Kind { split: &[&[1, ANY]], name: "test", ..copy() };

    static HEADER: Structure = Structure::new("", 4, &[]);
    static SET: Set = Set::new("", &[]);

    /// A kind of nothing.
    const fn copy() -> Kind {
        Kind { name: "", about: "", title: &[], new: 0, header: &HEADER, set: &SET, ..Kind::PLAIN }
    }

    #[test]
    fn each_object_keeps_what_they_share() {
        let mut nest = Vec::new();
        append_attribute(&mut nest, 7, b"one");
        append_attribute(&mut nest, 9, b"two2");
        let mut payload = b"head".to_vec();
        append_attribute(&mut payload, 2, b"shared");
        append_attribute(&mut payload, 1, &nest);
        let objects = split(&TWO_DEEP, &payload);
        assert_eq!(objects.len(), 2);
        for (object, (number, text)) in objects.iter().zip([(7, &b"one"[..]), (9, b"two2")]) {
            assert_eq!(&object[..4], b"head");
            let found: Vec<_> = attributes(&object[4..]).collect();
            assert_eq!(found[0].payload, b"shared");
            let inner: Vec<_> = attributes(found[1].payload).map(|found| (found.number, found.payload)).collect();
            assert_eq!(inner, [(number, text)]);
        }
    }

    #[test]
    fn each_way_leads_to_objects_and_nothing_is_none() {
        static TWO_WAYS: Kind = Kind { split: &[&[1, ANY], &[3]], name: "test", ..copy() };
        let mut nest = Vec::new();
        append_attribute(&mut nest, 7, b"one");
        let mut payload = b"head".to_vec();
        append_attribute(&mut payload, 3, b"three");
        append_attribute(&mut payload, 1, &nest);
        assert_eq!(split(&TWO_WAYS, &payload).len(), 2);
        assert_eq!(split(&TWO_WAYS, b"head"), Vec::<Vec<u8>>::new());
        let mut empty = b"head".to_vec();
        append_attribute(&mut empty, 1, b"");
        assert_eq!(split(&TWO_WAYS, &empty), Vec::<Vec<u8>>::new());
        // What is on no way is kept.
        append_attribute(&mut empty, 9, b"else");
        assert_eq!(split(&TWO_WAYS, &empty), vec![empty.clone()]);
        assert_eq!(split(&TWO_WAYS, b"head\x03\0\0\0"), vec![b"head\x03\0\0\0".to_vec()]);
    }
}
