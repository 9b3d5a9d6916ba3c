//! What sets of nf_tables say of their elements, by the sets' names.

use std::collections::{HashMap, VecDeque};

use crate::kinds::netfilter::nft::element::place_of;
use crate::kinds::netfilter::nft::set::SET;

/// So many sets that are gone are remembered, for elements that come late.
const GONE_SETS_MAX: usize = 256;

#[derive(Debug)]
struct Known {
    payload: Box<[u8]>,
    gone: bool,
}

/// The sets that were heard of.
#[derive(Debug, Default)]
pub struct SetTable {
    sets: HashMap<Vec<u8>, Known, foldhash::fast::RandomState>,
    gone: VecDeque<Vec<u8>>,
}

/// A family and two names, which hold no NUL.
fn key(family: u8, table: &[u8], name: &[u8]) -> Vec<u8> {
    let until_nul = |name: &[u8]| name.iter().position(|&octet| octet == 0).unwrap_or(name.len());
    [&[family], &table[..until_nul(table)], &[0], &name[..until_nul(name)]].concat()
}

impl SetTable {
    /// Takes in a set's message.
    pub fn note(&mut self, payload: &[u8], removed: bool) {
        let Some((family, table, name)) = place_of(payload) else { return };
        let key = key(family, table, name);
        if !removed {
            let before = self.sets.insert(key.clone(), Known { payload: payload.into(), gone: false });
            if before.is_some_and(|before| before.gone) {
                // It waits no more to be forgotten: a name may come back as often as it likes.
                self.gone.retain(|gone| *gone != key);
            }
            return;
        }
        // What is told of one that is gone may be its name alone.
        if let Some(known) = self.sets.get_mut(&key).filter(|known| !known.gone) {
            known.gone = true;
            self.gone.push_back(key);
        }
        if self.gone.len() > GONE_SETS_MAX
            && let Some(oldest) = self.gone.pop_front()
        {
            self.sets.remove(&oldest);
        }
    }

    /// The same, unless the set is known.
    pub fn note_if_unknown(&mut self, payload: &[u8]) {
        if place_of(payload).is_some_and(|(family, table, name)| self.get(family, table, name).is_none()) {
            self.note(payload, false);
        }
    }

    /// The attributes of a set, also of one that has gone.
    pub fn get(&self, family: u8, table: &[u8], name: &[u8]) -> Option<&[u8]> {
        self.sets.get(&key(family, table, name)).map(|known| SET.attributes(&known.payload))
    }

    /// The payloads of all sets that are there.
    pub fn there(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.values().filter(|known| !known.gone).map(|known| &*known.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    /// A set's payload: its table is `NFTA_SET_TABLE`, its name `NFTA_SET_NAME`.
    fn set(name: &str) -> Vec<u8> {
        let mut payload = vec![2, 0, 0, 0];
        append_attribute(&mut payload, 1, b"t\0");
        append_attribute(&mut payload, 2, format!("{name}\0").as_bytes());
        payload
    }

    #[test]
    fn a_set_that_has_gone_is_remembered_however_often_its_name_came() {
        let mut sets = SetTable::default();
        for _ in 0..3 * GONE_SETS_MAX {
            sets.note(&set("again"), false);
            sets.note(&set("again"), true);
            assert!(sets.get(2, b"t", b"again").is_some());
        }
        for number in 0..GONE_SETS_MAX {
            let name = format!("other{number}");
            sets.note(&set(&name), false);
            sets.note(&set(&name), true);
            assert!(sets.get(2, b"t", name.as_bytes()).is_some());
        }
        assert!(sets.get(2, b"t", b"again").is_none());
        assert_eq!((sets.sets.len(), sets.gone.len()), (GONE_SETS_MAX, GONE_SETS_MAX));
    }
}
