//! What is between the loop and a webhook's thread, without the lock around it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::deliver::{Webhook, WhenFull};
use crate::store::Admission;

/// An event that waits.
#[derive(Clone, Debug)]
pub(in crate::deliver) struct Waiting {
    /// The number of its line.
    pub sequence: u64,
    /// Its line, without the newline.
    pub line: Arc<[u8]>,
    /// When it came.
    pub came: Instant,
}

/// What waits at a webhook, what is on its way, and what is lost.
pub(super) struct State {
    pub webhook: Arc<Webhook>,
    /// Counts up with each new webhook.
    pub generation: u64,
    /// The first of what waits.
    pub window: VecDeque<Waiting>,
    pub window_bytes: usize,
    /// The database holds more than the window.
    pub beyond: bool,
    /// The number of the last event that was committed.
    pub newest: u64,
    /// What waits, in the window or not.
    pub events: u64,
    pub bytes: usize,
    /// No event up to this one waits.
    pub floor: u64,
    /// The last event that was taken out.
    pub taken: u64,
    /// Counts up when the window is emptied by force: what was read meanwhile does not fit it any more.
    pub epoch: u64,
    /// Events that were taken out and are neither delivered nor lost.
    pub flying: Vec<Waiting>,
    /// Events lost and not told yet, by reason.
    pub losses: Vec<(String, u64)>,
    /// Nothing more is sent, and why.
    pub rests: Option<String>,
    /// The loop waits for room.
    pub blocks: bool,
    /// The end has come: what is not sent then is not sent any more.
    pub ending: Option<Instant>,
    /// The configuration does not name the webhook any more.
    pub removed: bool,
    pub ended: bool,
}

impl State {
    pub fn new(webhook: Webhook) -> State {
        State {
            webhook: Arc::new(webhook),
            generation: 0,
            window: VecDeque::new(),
            window_bytes: 0,
            beyond: false,
            newest: 0,
            events: 0,
            bytes: 0,
            floor: 0,
            taken: 0,
            epoch: 0,
            flying: Vec::new(),
            losses: Vec::new(),
            rests: None,
            blocks: false,
            ending: None,
            removed: false,
            ended: false,
        }
    }

    pub fn lose(&mut self, reason: &str, events: u64) {
        if events == 0 {
            return;
        }
        match self.losses.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += events,
            None => self.losses.push((reason.to_owned(), events)),
        }
    }

    pub fn push(&mut self, sequence: u64, line: Arc<[u8]>) {
        self.window_bytes += line.len();
        self.window.push_back(Waiting { sequence, line, came: Instant::now() });
    }

    pub fn clear_window(&mut self) {
        self.epoch += 1;
        self.window.clear();
        self.window_bytes = 0;
    }

    /// What follows from an event of so many octets that is to be let in.
    pub fn admit(&mut self, octets: usize) -> Admission {
        let most = self.webhook.spool_bytes;
        let oldest = self.webhook.when_full == WhenFull::DropOldest && octets <= most && self.events > 0;
        // Whoever blocks has stopped the loop already; what was on its way is let in.
        if self.webhook.when_full == WhenFull::Block || self.bytes + octets <= most {
            self.events += 1;
            self.bytes += octets;
            Admission::Taken
        } else if oldest {
            Admission::AfterOldest
        } else {
            Admission::Refused
        }
    }

    pub fn drop_oldest(&mut self, find: &mut dyn FnMut(u64) -> Option<(u64, usize)>) -> Option<u64> {
        let (sequence, octets) = match self.window.pop_front() {
            Some(first) => {
                self.window_bytes -= first.line.len();
                (first.sequence, first.line.len())
            }
            None => find(self.floor.max(self.taken))?,
        };
        self.floor = sequence;
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(octets);
        Some(sequence)
    }

    /// The first of the window are on their way.
    pub fn take_out(&mut self, count: usize) {
        self.flying = self.window.drain(..count).collect();
        let octets: usize = self.flying.iter().map(|event| event.line.len()).sum();
        self.window_bytes -= octets;
        self.bytes = self.bytes.saturating_sub(octets);
        self.events = self.events.saturating_sub(count as u64);
        self.taken = self.flying.last().map_or(self.taken, |event| event.sequence);
    }

    /// Whether the end, or the webhook's own, comes before then.
    pub fn ends_before(&self, until: Instant) -> bool {
        self.removed || self.ending.is_some_and(|deadline| deadline <= until)
    }
}
