//! The latest lines, for whoever reads them over HTTP. The loop puts them in and waits for nobody: a reader that is too slow finds
//! lines gone, and looks for them in the log.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event;

/// Bytes of lines that are remembered.
const FEED_BYTES_MAX: usize = 8 << 20;

/// Between the loop and readers.
#[derive(Debug, Default)]
pub struct Feed {
    state: Mutex<FeedState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct FeedState {
    pieces: VecDeque<Piece>,
    bytes: usize,
    /// The number of the last line before the first one that is remembered.
    before: u64,
    /// The number of the last line that may be told.
    released: u64,
    ended: bool,
}

/// Lines that came at once, and the number of the last of them.
#[derive(Clone, Debug)]
struct Piece {
    lines: Arc<[u8]>,
    last: u64,
}

/// What comes after a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Whole lines, some of which may have come before, and the number of the last one.
    Lines(Arc<[u8]>, u64),
    /// Lines that are not here any more: the number of the last of them.
    Gone(u64),
    /// Nothing for so long.
    Nothing,
    /// Nothing ever.
    End,
}

impl Feed {
    /// One that begins behind a line; those up to `released` may be told, by the log.
    pub fn after(before: u64, released: u64) -> Feed {
        let state = FeedState { before, released, ..FeedState::default() };
        Feed { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, FeedState> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next whole lines, up to that number. They are told once they are released.
    pub fn put(&self, lines: &[u8], last: u64) {
        if lines.is_empty() {
            return;
        }
        let piece = Piece { lines: lines.into(), last };
        let mut state = self.lock();
        state.bytes += lines.len();
        state.pieces.push_back(piece);
        // The last one stays, however large it is: readers are to have it once.
        while state.bytes > FEED_BYTES_MAX && state.pieces.len() > 1 {
            let Some(gone) = state.pieces.pop_front() else { break };
            state.bytes -= gone.lines.len();
            state.before = gone.last;
        }
    }

    /// The lines up to that number may be told: they are committed, or nothing is.
    pub fn release(&self, sequence: u64) {
        let mut state = self.lock();
        if sequence > state.released {
            state.released = sequence;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Nothing more comes.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// The numbers of the last line before those that are remembered, and of the last one.
    pub(super) fn ends(&self) -> (u64, u64) {
        let state = self.lock();
        (state.before, state.released)
    }

    /// The time of the first line that is remembered, in microseconds since 1970.
    pub(super) fn beginning(&self) -> Option<i64> {
        self.lock().pieces.front().and_then(|piece| event::time_of(&piece.lines))
    }

    /// Whoever waits looks whether it is still to do so.
    pub(super) fn stir(&self) {
        // Whoever has looked, and does not wait yet, has the lock.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// What comes after that line; it is waited for, at most so long and while `is_over` does not say so.
    pub(super) fn next(&self, after: u64, most: Duration, is_over: impl Fn() -> bool) -> Next {
        let deadline = Instant::now() + most;
        let mut state = self.lock();
        loop {
            // Where lines were released before they went, they were told to whoever was not slow.
            if after < state.before.min(state.released) {
                return Next::Gone(state.before.min(state.released));
            }
            let place = state.pieces.partition_point(|piece| piece.last <= after);
            if let Some(piece) = state.pieces.get(place).filter(|piece| piece.last <= state.released) {
                return Next::Lines(piece.lines.clone(), piece.last);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended {
                return Next::End;
            }
            if left.is_zero() || is_over() {
                return Next::Nothing;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn next(feed: &Feed, after: u64) -> Next {
        feed.next(after, Duration::ZERO, || false)
    }

    #[test]
    fn lines_are_told_once_they_are_released() {
        let feed = Feed::after(7, 7);
        assert_eq!((next(&feed, 7), next(&feed, 3)), (Next::Nothing, Next::Gone(7)));
        feed.put(b"8\n9\n", 9);
        assert_eq!(next(&feed, 7), Next::Nothing);
        feed.release(9);
        feed.put(b"10\n", 10);
        assert_eq!(next(&feed, 7), Next::Lines(b"8\n9\n"[..].into(), 9));
        // In the midst of a piece: whoever reads knows which of its lines it has.
        assert_eq!(next(&feed, 8), Next::Lines(b"8\n9\n"[..].into(), 9));
        assert_eq!(next(&feed, 9), Next::Nothing);
        feed.release(10);
        feed.end();
        assert_eq!((next(&feed, 9), next(&feed, 10)), (Next::Lines(b"10\n"[..].into(), 10), Next::End));
    }

    #[test]
    fn what_is_not_released_at_the_beginning_is_waited_for() {
        let feed = Feed::after(9, 5);
        assert_eq!((next(&feed, 3), next(&feed, 5), next(&feed, 7)), (Next::Gone(5), Next::Nothing, Next::Nothing));
        feed.put(b"10\n", 10);
        feed.release(9);
        assert_eq!((next(&feed, 7), next(&feed, 9)), (Next::Gone(9), Next::Nothing));
        feed.release(10);
        assert_eq!(next(&feed, 9), Next::Lines(b"10\n"[..].into(), 10));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let feed = Feed::after(0, 0);
        let line = [b'x'; 1 << 10];
        for sequence in 1..=20_000 {
            feed.put(&line, sequence);
            feed.release(sequence);
        }
        let (before, last) = feed.ends();
        assert_eq!((before, last), (20_000 - FEED_BYTES_MAX as u64 / 1024, 20_000));
        assert_eq!(next(&feed, before - 1), Next::Gone(before));
        assert!(matches!(next(&feed, before), Next::Lines(_, last) if last == before + 1));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let feed = Arc::new(Feed::after(0, 0));
        let waits = std::thread::spawn({
            let feed = feed.clone();
            move || feed.next(0, Duration::from_secs(20), || false)
        });
        feed.put(b"1\n", 1);
        feed.release(1);
        assert_eq!(waits.join().unwrap(), Next::Lines(b"1\n"[..].into(), 1));
        let (over, said) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let waits = std::thread::spawn({
            let (feed, over) = (feed.clone(), over.clone());
            move || feed.next(1, Duration::from_secs(20), || over.load(Ordering::Relaxed))
        });
        over.store(true, Ordering::Relaxed);
        feed.stir();
        assert_eq!(waits.join().unwrap(), Next::Nothing);
        assert!(said.elapsed() < Duration::from_secs(20));
    }
}
