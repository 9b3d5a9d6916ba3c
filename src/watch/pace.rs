//! How the loop reads where notifications come fast: it lets some gather, so that one wake-up takes many of them.
//!
//! Each wake-up costs the same, whatever it brings: the wait, the call that reads, the hand-over of lines, a commit. Of connections
//! that come and go in their thousands it would bring a few events. A lone event and a burst are never kept waiting: what was read
//! is told before the pause, and a pause needs a rate that has lasted.

use std::time::{Duration, Instant};

/// So long the loop pauses before it reads again.
pub(super) const PAUSE: Duration = Duration::from_millis(2);
/// The rate is taken over that time: no burst that fits a receive buffer lasts so long.
const WINDOW: Duration = Duration::from_millis(50);
/// So many wake-ups within it are many: 1,500 a second.
const WAKE_UPS_MANY: usize = 75;
/// Octets of the receive buffer that the kernel counts for a datagram, at most where they are short (1,280 for a connection's).
const DATAGRAM_BYTES: usize = 2304;
/// Below that many octets of it, a pause might let the buffer overflow: 200,000 datagrams a second would fill the half of it.
const RECEIVE_BUFFER_BYTES_MIN: usize = 2 << 20;
/// What a read brings must be no more than that part of the buffer.
const PART_OF_BUFFER: usize = 8;

/// What was read lately, and whether it comes fast.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    wake_ups: usize,
    datagrams: usize,
    /// It came fast in the window before.
    is_fast: bool,
    /// Whether anything was read since the last pause, or since it was not worth one.
    has_read: bool,
    /// As much again may come in a pause, as far as the receive buffers go.
    fits: bool,
}

impl Pace {
    pub fn new(now: Instant) -> Pace {
        Pace { since: now, wake_ups: 0, datagrams: 0, is_fast: false, has_read: false, fits: true }
    }

    /// A wake-up has read so many datagrams from a socket with a receive buffer of that many octets.
    pub fn took(&mut self, datagrams: usize, receive_buffer_bytes: usize) {
        self.datagrams += datagrams;
        self.has_read |= datagrams > 0;
        let part = receive_buffer_bytes / PART_OF_BUFFER;
        self.fits &= receive_buffer_bytes >= RECEIVE_BUFFER_BYTES_MIN && datagrams * DATAGRAM_BYTES <= part;
    }

    /// Everything that had come is read and told. Gives back how long to pause before the next read, if it is worth it.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        if !std::mem::take(&mut self.has_read) {
            return None;
        }
        self.wake_ups += 1;
        let passed = now.duration_since(self.since);
        if passed >= WINDOW {
            // While it pauses a wake-up stands for many.
            let counted = if self.is_fast { self.datagrams } else { self.wake_ups };
            let many = WAKE_UPS_MANY as u128 * passed.as_micros() / WINDOW.as_micros();
            self.is_fast = counted as u128 >= many;
            (self.since, self.wake_ups, self.datagrams) = (now, 0, 0);
        }
        let fits = std::mem::replace(&mut self.fits, true);
        (self.is_fast && fits).then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFER: usize = 128 << 20;

    /// Wakes up at an even rate for that long, with so many datagrams each time, and gives back how many pauses there were.
    fn run(pace: &mut Pace, now: &mut Instant, lasts: Duration, every: Duration, datagrams: usize) -> usize {
        let (end, mut pauses) = (*now + lasts, 0);
        while *now < end {
            *now += every;
            pace.took(datagrams, BUFFER);
            pauses += usize::from(pace.pause(*now).is_some());
        }
        pauses
    }

    const fn microseconds(count: u64) -> Duration {
        Duration::from_micros(count)
    }

    #[test]
    fn a_rate_that_lasts_is_paused_for_until_it_ends() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(run(&mut pace, &mut now, WINDOW * 9 / 10, microseconds(100), 3), 0);
        assert!(run(&mut pace, &mut now, WINDOW, microseconds(100), 3) > 0);
        // While it pauses there are few wake-ups, and each brings many.
        assert_eq!(run(&mut pace, &mut now, WINDOW * 4, PAUSE, 60), 100);
        // It comes slowly: within a window that is known.
        run(&mut pace, &mut now, WINDOW * 2, PAUSE, 1);
        assert_eq!(run(&mut pace, &mut now, WINDOW * 4, microseconds(700), 1), 0);
    }

    #[test]
    fn a_lone_event_after_a_flood_and_bursts_are_not_kept_waiting() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        run(&mut pace, &mut now, WINDOW * 3, microseconds(100), 3);
        now += Duration::from_secs(1);
        pace.took(1, BUFFER);
        assert_eq!(pace.pause(now), None);
        for _ in 0..20 {
            now += Duration::from_millis(100);
            assert_eq!(run(&mut pace, &mut now, microseconds(5000), microseconds(50), 3), 0);
        }
    }

    #[test]
    fn wake_ups_that_read_nothing_are_no_rate() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(run(&mut pace, &mut now, WINDOW * 4, microseconds(50), 0), 0);
    }

    #[test]
    fn no_receive_buffer_is_let_fill() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert!(run(&mut pace, &mut now, WINDOW * 3, microseconds(100), 3) > 0);
        pace.took(2, BUFFER);
        pace.took(2, 212_992);
        assert_eq!(pace.pause(now), None, "of several, the smallest");
        pace.took(BUFFER / PART_OF_BUFFER / DATAGRAM_BYTES + 1, BUFFER);
        assert_eq!(pace.pause(now), None);
        pace.took(3, BUFFER);
        assert_eq!(pace.pause(now), Some(PAUSE));
    }
}
