//! Groups of objects of which one at least should be there, such as a family's default routes: whether the last one has
//! gone, or the first one has come back. They are counted as they are told, so that of several that go at once the last one
//! that is told says it.

use super::Mirror;
use crate::decode::schema::GROUPS_MAX;
use crate::event::signals::Signals;
use crate::kinds::{KindIndex, PerKind};

/// How many objects there are in each kind's groups.
#[derive(Debug, Default)]
pub(super) struct Counts(PerKind<[u32; GROUPS_MAX]>);

impl Counts {
    /// An object has changed from one side to the other, where it is there.
    #[inline]
    pub fn change(&mut self, kind: KindIndex, old: Option<&[u8]>, new: Option<&[u8]>) -> Signals {
        let mut signals = Signals::NONE;
        let Some(last) = kind.table().hooks.last else { return signals };
        let (before, after) = (old.and_then(last.group), new.and_then(last.group));
        if before == after {
            return signals;
        }
        let counts = &mut self.0[kind];
        if let Some(count) = before.and_then(|group| counts.get_mut(group)) {
            *count = count.saturating_sub(1);
            signals.when(*count == 0, last.lost);
        }
        if let Some(count) = after.and_then(|group| counts.get_mut(group)) {
            *count += 1;
            signals.when(*count == 1, last.back);
        }
        signals
    }
}

impl Mirror {
    /// What a difference that a repair has found means for the groups of its kind, as it is told.
    pub fn told(&mut self, kind: KindIndex, old: Option<&[u8]>, new: Option<&[u8]>) -> Signals {
        self.counts.change(kind, old, new)
    }
}
