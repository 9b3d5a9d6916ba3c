//! What an interface's hardware does for the kernel, bit by bit under the kernel's names, and its driver's own flags.

use super::{INTERFACE, NAMES, answer, dump, kind};
use crate::decode::context::Context;
use crate::decode::schema::{BOOL, Decoded, Hooks, Is, Kind, Part, Set, Shape, Sides, row};
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::generic::bits;
use crate::netlink::wire::{append_attribute, attribute, attributes};

const HARDWARE: u16 = 2;
const WANTED: u16 = 3;
const ACTIVE: u16 = 4;
const NOCHANGE: u16 = 5;

/// `ETHTOOL_MSG_FEATURES_NTF`.
pub static FEATURES: Kind = {
    let kind = kind(
        ("ethtool_features", "offloads and other features of an interface"),
        (13, &[answer(11)]),
        &[dump(11, &[11, 1, 0, 0])],
        &FEATURES_SET,
    );
    Kind { hooks: Hooks { signals: Some(signals_of), ..kind.hooks }, ..kind }
};
static FEATURES_SET: Set = Set::new(
    "ETHTOOL_A_FEATURES",
    &[
        row(1, "header", INTERFACE),
        row(HARDWARE, "hw", Is::Members(features, PARTS)),
        row(WANTED, "wanted", Is::Elsewhere),
        row(ACTIVE, "active", Is::Elsewhere),
        row(NOCHANGE, "nochange", Is::Elsewhere),
    ],
);
const PARTS: &[Part] = &[Part::Members("each feature, by the kernel's name", FEATURE)];
const FEATURE: &Shape =
    &Shape::Object(&[Part::Member("active", BOOL), Part::Member("fixed", BOOL), Part::Member("requested", BOOL)]);

/// The bits that can be changed are a set with a mask, which has all of them; the others are lists of those that are set.
fn features(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let set = |number| {
        let set = context.sibling(number).unwrap_or_default();
        bits::each(set).filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect::<Vec<String>>()
    };
    let (wanted, active, nochange) = (set(WANTED), set(ACTIVE), set(NOCHANGE));
    for (name, can_be_changed) in bits::each(payload) {
        out.any_key(&name);
        out.begin_object();
        let values = [
            ("active", active.contains(&name)),
            ("fixed", !can_be_changed || nochange.contains(&name)),
            ("requested", wanted.contains(&name)),
        ];
        for (key, value) in values {
            out.key(key);
            out.bool(value);
        }
        out.end_object();
    }
    Ok(())
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    let (Some(old), Some(new)) = (sides.old, sides.new) else { return Signals::NONE };
    let active = |payload: &[u8]| attribute(FEATURES.attributes(payload), ACTIVE).map(<[u8]>::to_vec);
    if active(old) == active(new) { Signals::NONE } else { Signals::FEATURES_CHANGED }
}

/// `ETHTOOL_MSG_PRIVFLAGS_NTF`.
pub static PRIVFLAGS: Kind = {
    let kind = kind(
        ("ethtool_privflags", "a driver's own flags"),
        (15, &[answer(14)]),
        &[dump(13, &[13, 1, 0, 0])],
        &Set::new("ETHTOOL_A_PRIVFLAGS", &[row(1, "header", INTERFACE), row(FLAGS, "flags", NAMES)]),
    );
    Kind { hooks: Hooks { part: Some(with_known_names), ..kind.hooks }, ..kind }
};
const FLAGS: u16 = 2;

/// A notification has no names, which are the driver's own: those that the kernel has shown before.
fn with_known_names(known: &[u8], message: &[u8], _: bool) -> Option<Vec<u8>> {
    let flags = |payload| attribute(PRIVFLAGS.attributes(payload), FLAGS);
    let (known, set) = (flags(known)?, flags(message)?);
    let named = bits::named(set, &bits::names_of(known)).filter(|_| !bits::has_names(set) && bits::has_names(known))?;
    let (header, attributes_of) = message.split_at(PRIVFLAGS.header.bytes);
    let mut whole = header.to_vec();
    for found in attributes(attributes_of) {
        append_attribute(&mut whole, found.number, if found.number == FLAGS { &named } else { found.payload });
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::nest;

    #[test]
    fn private_flags_have_the_names_that_were_shown_before() {
        let one = |index: u32, name: &[u8]| nest(&[(1, &index.to_ne_bytes()), (2, name)]);
        let bits = [one(0, b"legacy-rx\0"), one(1, b"other\0")].map(|bit| nest(&[(1, &bit)])).concat();
        let payload = |set: &[u8]| [&[15, 1, 0, 0][..], &nest(&[(1, b"head"), (FLAGS, set)])].concat();
        let known = payload(&nest(&[(2, &2_u32.to_ne_bytes()), (3, &bits)]));
        let compact = |value: u32| {
            let (size, mask) = (2_u32.to_ne_bytes(), 3_u32.to_ne_bytes());
            payload(&nest(&[(2, &size), (4, &value.to_ne_bytes()), (5, &mask)]))
        };
        let whole = with_known_names(&known, &compact(2), false).unwrap();
        assert_eq!(attribute(PRIVFLAGS.attributes(&whole), 1), Some(&b"head"[..]));
        let set = attribute(PRIVFLAGS.attributes(&whole), FLAGS).unwrap();
        let named: Vec<_> = bits::each(set).collect();
        assert_eq!(named, [("legacy-rx".to_owned(), false), ("other".to_owned(), true)]);
        // The kernel's own names count, and without any there is nothing to say.
        assert_eq!(with_known_names(&known, &known, false), None);
        assert_eq!(with_known_names(&compact(0), &compact(2), false), None);
    }
}
