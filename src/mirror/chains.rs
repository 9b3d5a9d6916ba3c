//! Chains of nf_tables that are renamed: what names them has the new name from then on, and nobody tells.

use super::Change;
use super::Mirror;
use super::repair::Difference;
use crate::kinds::KindIndex;
use crate::kinds::netfilter::nft::chain::{CHAIN, name_of, table_of};
use crate::kinds::netfilter::nft::element::{self, ELEMENT};
use crate::kinds::netfilter::nft::rule::{self, RULE};
use crate::netlink::wire::{append_attribute, attributes};

/// What names chains, and the ways to these names: numbers of nests and attributes, 0 for any.
const NAMING: [(KindIndex, &[&[u16]]); 2] =
    [(KindIndex::of(&RULE), rule::CHAIN_NAMES), (KindIndex::of(&ELEMENT), element::CHAIN_NAMES)];

impl Mirror {
    /// The name that a chain had, by a message of it, if it is another one.
    pub fn chain_before(&mut self, payload: &[u8]) -> Option<Box<[u8]>> {
        let kind = const { KindIndex::of(&CHAIN) };
        let hash = self.identity_hash(kind, payload);
        let known = self.tables[kind].find(hash)?.iter().next()?;
        let before = name_of(known)?;
        (before != name_of(payload)?).then(|| before.into())
    }

    /// A chain that had another name is renamed, as its message says: rules in it and verdicts that lead to it name it anew. Gives back
    /// what differs by that.
    pub fn rename_chain(&mut self, before: &[u8], payload: &[u8]) -> Vec<Difference> {
        let (Some(after), Some(table)) = (name_of(payload), table_of(payload)) else { return Vec::new() };
        let mut differences = Vec::new();
        for (kind, ways) in NAMING {
            let is_near = |object: &&[u8]| object.first() == payload.first() && table_of(object) == Some(table);
            let mut renamed: Vec<Vec<u8>> = self
                .objects(kind)
                .filter(is_near)
                .filter_map(|object| {
                    let (header, set) = object.split_at_checked(kind.table().header.bytes)?;
                    let mut renamed = None;
                    for way in ways {
                        let there: &[u8] = renamed.as_deref().unwrap_or(set);
                        renamed = replaced(there, way, before, after).or(renamed);
                    }
                    renamed.map(|set| [header, &set].concat())
                })
                .collect();
            // Objects lie in no order; lines come in one.
            renamed.sort_unstable();
            for object in &renamed {
                if let Change::Changed { old, new } = self.apply(kind, false, 0, object).change {
                    differences.push(Difference { kind, old: Some(old), new: Some(new.into()) });
                }
            }
        }
        differences
    }
}

/// The same attributes with another value at the end of the way, where that value is there.
fn replaced(set: &[u8], way: &[u16], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (&next, rest) = way.split_first()?;
    let mut whole = Vec::with_capacity(set.len());
    let mut is_replaced = false;
    for found in attributes(set) {
        let other = match rest {
            _ if next != 0 && next != found.number => None,
            [] => (found.payload == old).then(|| new.to_vec()),
            rest => replaced(found.payload, rest, old, new),
        };
        is_replaced |= other.is_some();
        append_attribute(&mut whole, found.number, other.as_deref().unwrap_or(found.payload));
    }
    is_replaced.then_some(whole)
}
