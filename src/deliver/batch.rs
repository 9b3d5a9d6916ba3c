//! How many of the waiting events make a batch, and when. Pure: the clock is an argument.

use std::time::{Duration, Instant};

/// So many batches in a row must be taken before a batch may be larger again, after one was too large.
const TAKEN_BEFORE_GROWTH: u32 = 16;

/// A window in which events settle is at most so many times as long as what it waits for.
const SETTLE_TIMES_MAX: u32 = 5;

/// Until when events settle, by when the first and the last of them came: until none has come for so long, but not for ever.
pub fn settled_at(quiet: Duration, oldest: Instant, newest: Instant) -> Instant {
    (newest + quiet).min(oldest + quiet.saturating_mul(SETTLE_TIMES_MAX))
}

/// The bounds of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events at most, one at least.
    pub events: usize,
    /// Bytes of all events at most. An event that is larger goes alone.
    pub bytes: usize,
    /// No event waits longer for others.
    pub wait: Duration,
}

/// What is to be done with the events that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// So many of the first make a batch now.
    Send(usize),
    /// More may come until then.
    Wait(Instant),
    /// None waits.
    Nothing,
}

impl Limits {
    /// How many of the first events fit into one batch, by their sizes in bytes. One always does.
    pub fn fitting(&self, sizes: impl Iterator<Item = usize>) -> usize {
        let mut octets: usize = 0;
        let fitting = sizes.take(self.events.max(1)).take_while(|size| {
            octets = octets.saturating_add(*size);
            octets <= self.bytes
        });
        fitting.count().max(1)
    }

    /// Decides. `oldest` is when the first event came, `last` when the last batch was made.
    ///
    /// A full batch goes at once. So does a lone event after quiet: batches are made no closer together than `wait`,
    /// and no event waits longer than that.
    pub fn decide(
        &self,
        sizes: impl ExactSizeIterator<Item = usize>,
        oldest: Option<Instant>,
        last: Option<Instant>,
        now: Instant,
    ) -> Decision {
        let waiting = sizes.len();
        let Some(oldest) = oldest.filter(|_| waiting > 0) else { return Decision::Nothing };
        let fitting = self.fitting(sizes).min(waiting);
        if fitting < waiting || fitting >= self.events {
            return Decision::Send(fitting);
        }
        let due = last.map(|last| last.min(oldest) + self.wait);
        match due {
            Some(due) if due > now => Decision::Wait(due),
            _ => Decision::Send(fitting),
        }
    }
}

/// The bound of events that follows what the receiver takes: halved when it says that a body is too large (413),
/// doubled again after some that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    most: usize,
    now: usize,
    taken: u32,
}

impl Size {
    /// Begins at the most.
    pub fn new(most: usize) -> Size {
        Size { most: most.max(1), now: most.max(1), taken: 0 }
    }

    /// Events in the next batch at most.
    pub fn now(&self) -> usize {
        self.now
    }

    /// A batch of so many events was too large. Gives back how many of them to try next; `None` where it was one alone,
    /// which cannot be made smaller.
    pub fn refused(&mut self, events: usize) -> Option<usize> {
        self.taken = 0;
        if events <= 1 {
            return None;
        }
        self.now = events / 2;
        Some(self.now)
    }

    /// A batch was taken.
    pub fn taken(&mut self) {
        if self.now == self.most {
            return;
        }
        self.taken += 1;
        if self.taken >= TAKEN_BEFORE_GROWTH {
            self.taken = 0;
            self.now = self.now.saturating_mul(2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMITS: Limits = Limits { events: 3, bytes: 100, wait: SECOND };

    fn decide(sizes: &[usize], oldest: Instant, last: Option<Instant>, now: Instant) -> Decision {
        LIMITS.decide(sizes.iter().copied(), Some(oldest), last, now)
    }

    #[test]
    fn a_lone_event_after_quiet_goes_at_once() {
        let start = Instant::now();
        assert_eq!(decide(&[10], start, None, start), Decision::Send(1));
        let later = start + SECOND;
        assert_eq!(decide(&[10], later, Some(start), later), Decision::Send(1));
    }

    #[test]
    fn after_a_batch_others_gather_but_no_longer_than_wait() {
        let start = Instant::now();
        let came = start + SECOND / 4;
        assert_eq!(decide(&[10], came, Some(start), came), Decision::Wait(start + SECOND));
        assert_eq!(decide(&[10, 10], came, Some(start), start + SECOND), Decision::Send(2));
        // It came while the last batch was on its way.
        assert_eq!(decide(&[10], start, Some(came), came), Decision::Wait(start + SECOND));
    }

    #[test]
    fn a_full_batch_goes_at_once() {
        let start = Instant::now();
        assert_eq!(decide(&[1, 1, 1], start, Some(start), start), Decision::Send(3));
        assert_eq!(decide(&[1, 1, 1, 1], start, Some(start), start), Decision::Send(3));
        assert_eq!(decide(&[60, 60], start, Some(start), start), Decision::Send(1));
        // One that is too large for any batch goes alone, and holds up nothing.
        assert_eq!(decide(&[500, 1], start, Some(start), start), Decision::Send(1));
        assert_eq!(LIMITS.decide([].into_iter(), None, None, start), Decision::Nothing);
    }

    #[test]
    fn events_settle_once_it_is_quiet_but_not_for_ever() {
        let start = Instant::now();
        assert_eq!(settled_at(SECOND, start, start), start + SECOND);
        assert_eq!(settled_at(SECOND, start, start + SECOND * 2), start + SECOND * 3);
        assert_eq!(settled_at(SECOND, start, start + SECOND * 9), start + SECOND * 5);
    }

    #[test]
    fn too_large_is_halved_down_to_one_and_grows_again() {
        let mut size = Size::new(500);
        assert_eq!(size.refused(500), Some(250));
        assert_eq!(size.refused(3), Some(1));
        assert_eq!(size.refused(1), None);
        assert_eq!(size.now(), 1);
        (0..TAKEN_BEFORE_GROWTH).for_each(|_| size.taken());
        assert_eq!(size.now(), 2);
        (0..TAKEN_BEFORE_GROWTH * 20).for_each(|_| size.taken());
        assert_eq!(size.now(), 500);
    }

    proptest! {
        #[test]
        fn no_bound_is_passed_and_nothing_waits_too_long(
            sizes in prop::collection::vec(0_usize..200, 1..20),
            (events, bytes, wait) in (1_usize..10, 1_usize..300, 0_u64..5000),
            (last, oldest, now) in (0_u64..5000, 0_u64..5000, 0_u64..5000),
        ) {
            let start = Instant::now();
            let at = |milliseconds| start + Duration::from_millis(milliseconds);
            let limits = Limits { events, bytes, wait: Duration::from_millis(wait) };
            let now = at(now + last.max(oldest));
            match limits.decide(sizes.iter().copied(), Some(at(oldest)), Some(at(last)), now) {
                Decision::Send(count) => {
                    prop_assert!(count >= 1 && count <= events && count <= sizes.len());
                    prop_assert!(count == 1 || sizes[..count].iter().sum::<usize>() <= bytes);
                }
                Decision::Wait(until) => {
                    prop_assert!(until > now && until <= at(oldest) + limits.wait);
                    prop_assert!(sizes.len() < events && sizes.iter().sum::<usize>() <= bytes || sizes.len() == 1);
                }
                Decision::Nothing => prop_assert!(false, "an event waits"),
            }
        }
    }
}
