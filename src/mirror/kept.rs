//! How many objects of a kind are kept. Of most kinds all are; what is beyond a bound is told as the kernel tells it, and compared with
//! nothing.

use super::Mirror;
use crate::kinds::KindIndex;

impl Mirror {
    /// So many objects of a kind are kept at most from here on; none where that is 0.
    pub fn keep_at_most(&mut self, kind: KindIndex, most: usize) {
        self.kept_max[kind] = most;
    }

    /// Whether any object of a kind is kept.
    pub fn keeps_any(&self, kind: KindIndex) -> bool {
        kind.table().identity.is_some() && self.kept_max[kind] > 0
    }

    /// Whether a dump shows all objects of a kind and they are kept, so that what it does not show is gone.
    pub fn can_compare(&self, kind: KindIndex) -> bool {
        self.keeps_any(kind) && super::silence::can_be_compared(kind)
    }

    /// Those of some kinds of which that is so.
    pub fn comparable(&self, kinds: &[KindIndex]) -> Vec<KindIndex> {
        kinds.iter().copied().filter(|&kind| self.can_compare(kind)).collect()
    }

    /// Whether an object is kept: it is known, or there is room for it. That there is none is said once.
    #[inline]
    pub fn keeps(&mut self, kind: KindIndex, payload: &[u8]) -> bool {
        let has_room = self.count(kind) < self.kept_max[kind];
        kind.table().identity.is_some() && (has_room || self.keeps_without_room(kind, payload))
    }

    /// The same where there are as many as are kept.
    fn keeps_without_room(&mut self, kind: KindIndex, payload: &[u8]) -> bool {
        let most = self.kept_max[kind];
        if most == 0 || self.knows(kind, payload) {
            return most > 0;
        }
        if !self.is_overfull(kind) {
            self.overfull.push(kind);
            let name = kind.table().name;
            log::warn!(
                "there are more than {most} objects of {name}: those beyond are told as the kernel tells them, and not compared with what \
                 they were"
            );
        }
        false
    }

    /// Whether an object is known.
    fn knows(&mut self, kind: KindIndex, payload: &[u8]) -> bool {
        let hash = self.identity_hash(kind, payload);
        self.tables[kind].contains(hash)
    }

    /// Whether there were more objects of a kind than are kept: one that is not known may be there all the same.
    pub fn is_overfull(&self, kind: KindIndex) -> bool {
        self.overfull.contains(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::addrlabel;
    use crate::mirror::silence::look::Scope;
    use crate::mirror::waiting::Spoken;

    fn label(ifindex: u8, label: u8) -> Vec<u8> {
        let mut payload = vec![10, 0, 0, 0, ifindex, 0, 0, 0, 0, 0, 0, 0];
        crate::netlink::wire::append_attribute(&mut payload, 2, &[label, 0, 0, 0]);
        payload
    }

    #[test]
    fn what_is_beyond_the_bound_is_neither_kept_nor_compared() {
        let kind = KindIndex::of(&addrlabel::ADDRLABEL);
        let mut mirror = Mirror::new();
        mirror.keep_at_most(kind, 2);
        for ifindex in [1, 2] {
            assert!(mirror.keeps(kind, &label(ifindex, 0)));
            mirror.apply(kind, false, 0, &label(ifindex, 0));
        }
        assert!(!mirror.is_overfull(kind));
        assert!(!mirror.keeps(kind, &label(3, 0)) && mirror.is_overfull(kind));
        assert!(mirror.keeps(kind, &label(2, 1)), "it is known");
        // A dump shows three that are not known, and one that is.
        let mut shadow = mirror.shadow();
        for ifindex in [7, 6, 5, 2] {
            shadow.apply(&mirror, kind, false, 0, &label(ifindex, 1));
        }
        let differences = mirror.repair(shadow, &[(kind, Scope::All)], &Spoken::default());
        // What has gone makes room for one of them.
        let told: Vec<(bool, bool)> = differences.iter().map(|of| (of.old.is_some(), of.new.is_some())).collect();
        assert_eq!(told.iter().filter(|told| **told == (true, false)).count(), 1, "{differences:?}");
        assert_eq!(told.iter().filter(|told| **told == (true, true)).count(), 1, "{differences:?}");
        assert!(mirror.count(kind) <= 2, "{}", mirror.count(kind));
    }

    #[test]
    fn connections_are_kept_where_they_are_asked_for_alone() {
        let kind = KindIndex::of(&crate::kinds::netfilter::conntrack::CONNTRACK);
        let mut mirror = Mirror::new();
        assert!(!mirror.keeps(kind, &[2, 0, 0, 0]) && mirror.comparable(&[kind]).is_empty());
        mirror.keep_at_most(kind, 1);
        assert!(mirror.keeps(kind, &[2, 0, 0, 0]));
        assert_eq!(mirror.comparable(&[kind]), [kind]);
    }
}
