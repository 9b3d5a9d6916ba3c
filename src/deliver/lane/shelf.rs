//! Events that wait in their order: the first of them in memory, and where there is a store the rest there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// An event that waits.
#[derive(Clone, Debug)]
pub(in crate::deliver) struct WaitingEvent {
    /// The number of its line.
    pub sequence: u64,
    /// Its line, without the newline.
    pub line: Arc<[u8]>,
    /// When it came.
    pub came: Instant,
}

/// What waits, counted, and the first of it.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub window: VecDeque<WaitingEvent>,
    pub window_bytes: usize,
    /// What waits, in the window or not. One that was read from the store before it was counted is taken out before, too:
    /// then this is less than nothing for a moment.
    events: i64,
    bytes: i64,
    /// Everything up to this number was dropped or taken: it is never read back.
    pub floor: u64,
    /// Counts up when the window is emptied by force: what was read meanwhile does not fit it any more.
    pub epoch: u64,
}

impl Shelf {
    /// How many events wait.
    pub fn events(&self) -> u64 {
        u64::try_from(self.events).unwrap_or_default()
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or_default()
    }

    /// Those that wait are so many, and none of them is up to that one.
    pub fn begin(&mut self, (events, bytes): (u64, u64), floor: u64) {
        self.clear_window();
        self.events = i64::try_from(events).unwrap_or(i64::MAX);
        self.bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.floor = floor;
    }

    /// How many wait in the store alone.
    pub fn missing(&self) -> u64 {
        self.events().saturating_sub(self.window.len() as u64)
    }

    /// The event after which the store is read on.
    pub fn after(&self) -> u64 {
        self.window.back().map_or(self.floor, |last| last.sequence)
    }

    /// One more waits. It is in the window where that holds all before it, and not more than so many bytes.
    pub fn push(&mut self, sequence: u64, line: Arc<[u8]>, window_bytes_max: usize) {
        let fits = self.window_bytes + line.len() <= window_bytes_max;
        let octets = line.len();
        // What was read before it was counted is there already.
        if self.missing() == 0 && fits && sequence > self.after() {
            self.read(sequence, line);
        }
        self.events += 1;
        self.bytes += octets as i64;
    }

    /// The next of those in the store alone was read.
    pub fn read(&mut self, sequence: u64, line: Arc<[u8]>) {
        self.window_bytes += line.len();
        self.window.push_back(WaitingEvent { sequence, line, came: Instant::now() });
    }

    /// The first ones of the window wait no more.
    pub fn take_out(&mut self, count: usize) -> Vec<WaitingEvent> {
        let taken: Vec<WaitingEvent> = self.window.drain(..count).collect();
        let octets: usize = taken.iter().map(|event| event.line.len()).sum();
        self.window_bytes -= octets;
        self.uncount(taken.len() as u64, octets);
        self.floor = taken.last().map_or(self.floor, |event| event.sequence.max(self.floor));
        taken
    }

    /// So many wait no more, or that was taken back.
    pub fn uncount(&mut self, events: u64, octets: usize) {
        self.events -= events as i64;
        self.bytes -= octets as i64;
    }

    /// So many wait again.
    pub fn count(&mut self, events: u64, octets: usize) {
        self.events += events as i64;
        self.bytes += octets as i64;
    }

    /// One that was taken out waits again, before all others.
    pub fn put_front(&mut self, event: WaitingEvent) {
        self.count(1, event.line.len());
        self.window_bytes += event.line.len();
        self.window.push_front(event);
    }

    /// The window is empty, and what it held is in the store.
    pub fn clear_window(&mut self) {
        self.epoch += 1;
        self.window.clear();
        self.window_bytes = 0;
    }

    /// What is not in the window is gone. Gives back how many events that are.
    pub fn forget_missing(&mut self) -> u64 {
        let missing = self.missing();
        self.epoch += 1;
        self.events = self.window.len() as i64;
        self.bytes = self.window_bytes as i64;
        missing
    }

    /// Puts what waits elsewhere before what waits here: nothing there comes after the first of this.
    pub fn prepend(&mut self, mut first: Shelf) {
        if first.missing() == 0 {
            first.window.append(&mut self.window);
            self.window_bytes += first.window_bytes;
        } else {
            // What lies between is in the store.
            self.window_bytes = first.window_bytes;
        }
        self.window = first.window;
        self.epoch += 1;
        self.events += first.events;
        self.bytes += first.bytes;
        self.floor = first.floor;
    }
}
