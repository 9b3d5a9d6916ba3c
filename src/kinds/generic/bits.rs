//! ethtool's sets of bits with names (`net/ethtool/bitset.c`). They come with the names of the bits in them, or compact, without:
//! then the names are those of a set of strings that the kernel was asked for.

use std::collections::HashMap;

use crate::netlink::wire::{append_attribute, attribute, attributes, u32_at};

/// `ETHTOOL_A_BITSET_NOMASK`, `_SIZE`, `_BITS`, `_VALUE` and `_MASK`.
const NOMASK: u16 = 1;
const SIZE: u16 = 2;
const BITS: u16 = 3;
const VALUE: u16 = 4;
const MASK: u16 = 5;
/// `ETHTOOL_A_BITSET_BITS_BIT`, and of it `_INDEX`, `_NAME` and `_VALUE`.
const BIT: u16 = 1;
const BIT_INDEX: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;
/// `ETHTOOL_MSG_STRSET_GET_REPLY`.
const STRSET_GET_REPLY: u8 = 1;

/// `enum ethtool_stringset`.
const ETH_SS_FEATURES: u32 = 4;
const ETH_SS_LINK_MODES: u32 = 9;
const ETH_SS_MSG_CLASSES: u32 = 10;
const ETH_SS_WOL_MODES: u32 = 11;

/// Which attributes of which commands of the kernel's are sets of bits, and of which strings.
const SETS: &[(&[u8], &[u16], u32)] = &[
    // LINKMODES: OURS and PEER. EEE: MODES_OURS and MODES_PEER. FEC: MODES.
    (&[4, 5], &[3, 4], ETH_SS_LINK_MODES),
    (&[24, 25], &[2, 3], ETH_SS_LINK_MODES),
    (&[30, 31], &[2], ETH_SS_LINK_MODES),
    // DEBUG: MSGMASK.
    (&[7, 8], &[2], ETH_SS_MSG_CLASSES),
    // WOL: MODES.
    (&[9, 10], &[2], ETH_SS_WOL_MODES),
    // FEATURES: HW, WANTED, ACTIVE and NOCHANGE.
    (&[11, 13], &[2, 3, 4, 5], ETH_SS_FEATURES),
];

/// A request for the strings that are the same for all interfaces: its header, an empty header of ethtool's, and the sets.
pub(super) fn question(command: u8) -> Vec<u8> {
    const NLA_F_NESTED: u16 = 0x8000;
    let mut sets = Vec::new();
    for set in [ETH_SS_FEATURES, ETH_SS_LINK_MODES, ETH_SS_MSG_CLASSES, ETH_SS_WOL_MODES] {
        let mut one = Vec::new();
        append_attribute(&mut one, 1, &set.to_ne_bytes());
        append_attribute(&mut sets, 1 | NLA_F_NESTED, &one);
    }
    let mut body = vec![command, 1, 0, 0];
    append_attribute(&mut body, 1 | NLA_F_NESTED, &[]);
    append_attribute(&mut body, 2 | NLA_F_NESTED, &sets);
    body
}

/// Names of bits, by the number of their set.
#[derive(Debug, Default)]
pub struct Strings(HashMap<u32, Vec<String>>);

impl Strings {
    /// Takes in an answer that has strings; whether it is one.
    pub(super) fn learn(&mut self, command: u8, body: &[u8]) -> bool {
        if command != STRSET_GET_REPLY {
            return false;
        }
        // ETHTOOL_A_STRSET_STRINGSETS, and in it ETHTOOL_A_STRINGSETS_STRINGSET.
        for set in attributes(attribute(body, 2).unwrap_or_default()) {
            let (Some(id), Some(strings)) = (number(set.payload, 1), attribute(set.payload, 3)) else { continue };
            let names = self.0.entry(id).or_default();
            for string in attributes(strings) {
                let Some(index) = number(string.payload, 1).filter(|index| *index < INDEX_MAX) else { continue };
                put_name(names, index as usize, attribute(string.payload, 2).unwrap_or_default());
            }
        }
        true
    }

    /// Writes a message's attributes, with the names in its compact sets of bits.
    pub(super) fn expand(&self, command: u8, body: &[u8], out: &mut Vec<u8>) {
        let is_of = |(commands, numbers, _): &&(&[u8], &[u16], u32), wanted: u16| {
            commands.contains(&command) && numbers.contains(&wanted)
        };
        for found in attributes(body) {
            let set = SETS.iter().find(|set| is_of(set, found.number)).map(|(_, _, set)| *set);
            match set.and_then(|set| named(found.payload, self.0.get(&set)?)) {
                Some(expanded) => append_attribute(out, found.number, &expanded),
                None => append_attribute(out, found.number, found.payload),
            }
        }
    }
}

/// A compact set of bits as one with names: of one with a mask every bit in it, else those that are set. A bit whose name is empty is one that
/// the kernel no longer uses (`__UNUSED_NETIF_F_1`), and left out, as the kernel does in its own sets with names.
pub fn named(set: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let (value, size) = (attribute(set, VALUE)?, number(set, SIZE)?);
    let mask = attribute(set, MASK);
    let mut bits = Vec::new();
    for index in 0..size.min(INDEX_MAX) {
        let is_set = bit(value, index);
        if !mask.map_or(is_set, |mask| bit(mask, index)) {
            continue;
        }
        let name = names.get(index as usize).cloned().unwrap_or_else(|| format!("bit{index}"));
        if name.is_empty() {
            continue;
        }
        let mut one = Vec::new();
        append_attribute(&mut one, BIT_INDEX, &index.to_ne_bytes());
        append_attribute(&mut one, BIT_NAME, format!("{name}\0").as_bytes());
        if is_set && mask.is_some() {
            append_attribute(&mut one, BIT_VALUE, &[]);
        }
        append_attribute(&mut bits, BIT, &one);
    }
    let mut expanded = Vec::new();
    if mask.is_none() {
        append_attribute(&mut expanded, NOMASK, &[]);
    }
    append_attribute(&mut expanded, SIZE, &size.to_ne_bytes());
    append_attribute(&mut expanded, BITS, &bits);
    Some(expanded)
}

/// The names of the bits of a set with names, by their numbers.
pub fn names_of(set: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for found in attributes(attribute(set, BITS).unwrap_or_default()) {
        let Some(index) = number(found.payload, BIT_INDEX).filter(|index| *index < INDEX_MAX) else { continue };
        put_name(&mut names, index as usize, attribute(found.payload, BIT_NAME).unwrap_or_default());
    }
    names
}

fn put_name(names: &mut Vec<String>, place: usize, text: &[u8]) {
    if names.len() <= place {
        names.resize(place + 1, String::new());
    }
    names[place] = String::from_utf8_lossy(text.strip_suffix(b"\0").unwrap_or(text)).into_owned();
}

/// No set has so many bits.
const INDEX_MAX: u32 = 4096;

fn number(set: &[u8], wanted: u16) -> Option<u32> {
    attribute(set, wanted).and_then(|number| u32_at(number, 0))
}

/// Words of 32 bits in the machine's order.
fn bit(words: &[u8], index: u32) -> bool {
    u32_at(words, index as usize / 32 * 4).is_some_and(|word| word & (1 << (index % 32)) != 0)
}

/// The bits of a set with names: of each its name, and whether it is set. The kernel may name unused ones, too.
pub fn each(set: &[u8]) -> impl Iterator<Item = (String, bool)> {
    let has_mask = attribute(set, NOMASK).is_none();
    let bits = attributes(attribute(set, BITS).unwrap_or_default()).map(move |found| {
        let name = attribute(found.payload, BIT_NAME).unwrap_or_default();
        let name = String::from_utf8_lossy(name.strip_suffix(b"\0").unwrap_or(name)).into_owned();
        (name, !has_mask || attribute(found.payload, BIT_VALUE).is_some())
    });
    bits.filter(|(name, _)| !name.is_empty())
}

/// Whether a set has the names of its bits.
pub fn has_names(set: &[u8]) -> bool {
    attribute(set, BITS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::nest;

    #[test]
    fn compact_bits_get_their_names() {
        let string = |index: u32, name: &str| nest(&[(1, &index.to_ne_bytes()), (2, format!("{name}\0").as_bytes())]);
        let strings = [string(0, "tx-a"), string(1, "rx-b"), string(2, "rx-c"), string(3, "")]
            .map(|string| nest(&[(1, &string)]))
            .concat();
        let set = nest(&[(1, &ETH_SS_FEATURES.to_ne_bytes()), (3, &strings)]);
        let mut known = Strings::default();
        assert!(known.learn(STRSET_GET_REPLY, &nest(&[(2, &nest(&[(1, &set)]))])));
        let compact = |with_mask: bool| {
            let mut set = nest(&[(SIZE, &5_u32.to_ne_bytes()), (VALUE, &2_u32.to_ne_bytes())]);
            if with_mask {
                append_attribute(&mut set, MASK, &0x1b_u32.to_ne_bytes());
            }
            let mut out = Vec::new();
            known.expand(13, &nest(&[(1, b"head"), (2, &set)]), &mut out);
            let set = attribute(&out, 2).unwrap().to_vec();
            assert_eq!(attribute(&out, 1), Some(&b"head"[..]));
            each(&set).collect::<Vec<_>>()
        };
        let bits =
            |bits: &[(&str, bool)]| bits.iter().map(|(name, is_set)| (name.to_string(), *is_set)).collect::<Vec<_>>();
        assert_eq!(compact(false), bits(&[("rx-b", true)]));
        assert_eq!(compact(true), bits(&[("tx-a", false), ("rx-b", true), ("bit4", false)]));
    }
}
