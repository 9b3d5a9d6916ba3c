//! Messages that hold several objects, taken apart: each object becomes a message of its own.

use crate::decode::schema::Kind;
use crate::netlink::wire::{align, append_attribute, attributes};

/// Any attribute's number, in a kind's path.
const ANY: u16 = 0;

/// The payloads of the objects in a message; empty where the message itself is the object.
pub fn split(kind: &Kind, payload: &[u8]) -> Vec<Vec<u8>> {
    let Some((&first, _)) = kind.split.split_first() else { return Vec::new() };
    let (header, set) = payload.split_at(align(kind.header.bytes).min(payload.len()));
    let mut base = header.to_vec();
    for found in attributes(set).filter(|found| found.number != first) {
        append_attribute(&mut base, found.number, found.payload);
    }
    let mut objects = Vec::new();
    collect(set, kind.split, &mut |nested| {
        let mut object = base.clone();
        object.extend_from_slice(&nested);
        objects.push(object);
    });
    objects
}

/// Calls `each` with every object below the path, wrapped in the nests that lead to it.
fn collect(set: &[u8], path: &[u16], each: &mut dyn FnMut(Vec<u8>)) {
    let Some((&number, below)) = path.split_first() else { return };
    for found in attributes(set).filter(|found| number == ANY || found.number == number) {
        let mut wrap = |inner: Vec<u8>| {
            let mut outer = Vec::new();
            append_attribute(&mut outer, found.number, &inner);
            each(outer);
        };
        if below.is_empty() {
            wrap(found.payload.to_vec());
        } else {
            collect(found.payload, below, &mut wrap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::schema::{Interface, Set, Structure};
    use crate::kinds::rule::RULE;

    static TWO_DEEP: Kind = Kind { split: &[1, ANY], name: "test", ..copy() };

    static HEADER: Structure = Structure::new("", 4, &[]);
    static SET: Set = Set::new("", &[]);

    /// A kind of nothing.
    const fn copy() -> Kind {
        Kind {
            name: "",
            about: "",
            groups: &[],
            new: 0,
            delete: 0,
            families: &[],
            header: &HEADER,
            set: &SET,
            interface: Interface::None,
            identity: None,
            split: &[],
            partial: false,
            dumps: &[],
        }
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
        assert!(split(&RULE, &payload).is_empty());
    }
}
