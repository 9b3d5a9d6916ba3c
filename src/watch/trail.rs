//! When what the kernel never tells is looked at: once it is quiet after a change, and then again, ever more rarely.
//!
//! Packets may follow from a change for a while (`rfc4861`'s solicitations, `rfc3810`'s reports), and with them neighbours.

use std::time::{Duration, Instant};

/// Once nothing was told for so long, the first look is taken.
const QUIET: Duration = Duration::from_secs(1);
/// At the latest so long after the first change.
const QUIET_MAX: Duration = Duration::from_secs(5);
/// So many looks are taken, each after twice the pause of the one before: the last one about half a minute after the change.
const LOOKS: u32 = 5;

/// Something was told, which what is never told may have followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    first: Instant,
    last: Instant,
    looks: u32,
    /// The number of the last line.
    pub cause: Option<u64>,
}

impl Trail {
    /// Something is told; `line` is its number, where it has one.
    pub fn told(before: Option<Trail>, now: Instant, line: Option<u64>) -> Trail {
        let first = before.filter(|trail| trail.looks == 0).map_or(now, |trail| trail.first);
        Trail { first, last: now, looks: 0, cause: line.or(before.and_then(|trail| trail.cause)) }
    }

    /// When the next look is due.
    pub fn due(&self) -> Instant {
        if self.looks == 0 {
            (self.last + QUIET).min(self.first + QUIET_MAX)
        } else {
            self.last + QUIET * (1 << self.looks)
        }
    }

    /// What is left of it once a look is taken; `None` where that was the last one.
    pub fn looked(self, now: Instant) -> Option<Trail> {
        (self.looks + 1 < LOOKS).then_some(Trail { last: now, looks: self.looks + 1, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn looks_become_rarer_and_end() {
        let start = Instant::now();
        let mut trail = Some(Trail::told(None, start, Some(7)));
        let mut looks = Vec::new();
        while let Some(some) = trail {
            looks.push((some.due() - start).as_secs());
            assert_eq!(some.cause, Some(7));
            trail = some.looked(some.due());
        }
        assert_eq!(looks, [1, 3, 7, 15, 31]);
    }

    #[test]
    fn what_is_told_puts_the_first_look_off_for_a_while() {
        let start = Instant::now();
        let mut trail = Trail::told(None, start, Some(1));
        for second in 1..10 {
            trail = Trail::told(Some(trail), start + seconds(second), None);
            assert_eq!(trail.due(), start + seconds((second + 1).min(5)));
        }
        assert_eq!(trail.cause, Some(1));
        // After a look it begins anew.
        let trail = trail.looked(start + seconds(10)).unwrap();
        let trail = Trail::told(Some(trail), start + seconds(11), Some(2));
        assert_eq!((trail.due(), trail.cause), (start + seconds(12), Some(2)));
    }
}
