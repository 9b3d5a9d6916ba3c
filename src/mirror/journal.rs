//! Which identities have another object now than whoever keeps the mirror, too, was told.

use std::collections::HashSet;
use std::hash::BuildHasher;

use super::Mirror;
use super::object_table::Group;
use crate::decode::key;
use crate::decode::schema::ObjectKey;
use crate::kinds::{KindIndex, PerKind};

/// What changed since it was last asked.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Whether each kind is kept.
    kinds: PerKind<bool>,
    marks: HashSet<(KindIndex, ObjectKey), foldhash::fast::RandomState>,
}

impl Journal {
    /// What has that identity changed.
    pub fn mark(&mut self, kind: KindIndex, key: &ObjectKey) {
        if self.kinds[kind] {
            self.marks.insert((kind, key.clone()));
        }
    }
}

impl Mirror {
    /// From here on it notes what changes of those kinds.
    pub fn keep_journal(&mut self, kinds: &[KindIndex]) {
        let mut journal = Journal::default();
        kinds.iter().for_each(|&kind| journal.kinds[kind] = true);
        self.journal = Some(journal);
    }

    /// How many identities changed since they were last taken.
    pub fn changes(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.marks.len())
    }

    /// What has the object's identity changed: said of what a repair has found, once it is told.
    pub fn mark(&mut self, kind: KindIndex, payload: &[u8]) {
        let Mirror { journal: Some(journal), key, .. } = self else { return };
        key::write(key, kind.table(), payload);
        journal.mark(kind, key);
    }

    /// As if everything had changed.
    pub fn mark_all(&mut self) {
        let Mirror { journal: Some(journal), tables, key, .. } = self else { return };
        for kind in KindIndex::all() {
            for first in tables[kind].groups().filter_map(|group| group.iter().next()) {
                key::write(key, kind.table(), first);
                journal.mark(kind, key);
            }
        }
    }

    /// Takes what changed: for each identity its kind, its key, and the objects that have it now, which may be none.
    pub fn take_changes(&mut self, mut each: impl FnMut(KindIndex, ObjectKey, &[Box<[u8]>])) {
        let Mirror { journal: Some(journal), tables, hasher, .. } = self else { return };
        for (kind, key) in journal.marks.drain() {
            let hash = hasher.hash_one(key.as_slice());
            let objects = tables[kind].find(hash).map(Group::as_slice).unwrap_or_default();
            each(kind, key, objects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;
    use crate::netlink::wire::append_attribute;

    fn address(last: u8) -> Vec<u8> {
        let mut payload = vec![2, 24, 0, 0, 1, 0, 0, 0];
        append_attribute(&mut payload, 2, &[192, 0, 2, last]);
        payload
    }

    fn taken(mirror: &mut Mirror) -> Vec<Vec<Box<[u8]>>> {
        let mut found = Vec::new();
        mirror.take_changes(|_, _, objects| found.push(objects.to_vec()));
        found
    }

    #[test]
    fn what_changed_is_noted_once_with_what_there_is_then() {
        let kind = KindIndex::of(&kinds::rtnetlink::addr::ADDR);
        let mut mirror = Mirror::new();
        mirror.apply(kind, false, 0, &address(1));
        assert!(taken(&mut mirror).is_empty());
        mirror.keep_journal(&[kind]);
        mirror.apply(kind, false, 0, &address(1));
        assert_eq!(mirror.changes(), 0);
        mirror.apply(kind, false, 0, &address(2));
        mirror.apply(kind, true, 0, &address(2));
        assert_eq!(taken(&mut mirror), [Vec::<Box<[u8]>>::new()]);
        mirror.mark_all();
        assert_eq!(taken(&mut mirror), [vec![Box::<[u8]>::from(address(1))]]);
        // Another kind is not kept.
        mirror.keep_journal(&[]);
        mirror.apply(kind, false, 0, &address(3));
        assert_eq!(mirror.changes(), 0);
    }
}
