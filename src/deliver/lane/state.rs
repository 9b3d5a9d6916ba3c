//! What is between the loop and a webhook's threads, without the lock around it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hand::Hand;
use super::shelf::{Shelf, WaitingEvent};
use crate::deliver::batch::Limits;
use crate::deliver::{Webhook, WhenFull};
use crate::store::{Admission, Enrolled, Fixed, SPOOL_FULL};

/// Bytes of events that jq has not judged yet at most, beside those of a full spool. What jq does not want takes no room
/// in the spool, so it must have some of its own.
const UNJUDGED_BYTES_MAX: usize = 64 << 20;
/// Bytes of lost events that jq is to judge at most: only what it wants is a loss. More of them are taken for wanted.
const DOOMED_BYTES_MAX: usize = 4 << 20;
/// Why an event is lost where there is no room for more of them.
const UNJUDGED_FULL: &str = "the jq filter is too slow";

/// What a store's transaction did to what waits, before it is committed.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Let in.
    events: u64,
    bytes: usize,
    /// Given up, with their bytes.
    dropped: Vec<(u64, usize)>,
    /// Removed by hand: whether it was not judged, and its bytes.
    pub removed: Vec<(bool, usize)>,
}

/// Which of the two shelves is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What jq has not judged yet.
    Unjudged,
    /// What is to be sent.
    Kept,
}

/// What became of events, since linkhook started.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Events that the receiver took.
    pub sent: u64,
    /// Attempts after which it had not taken them.
    pub failed: u64,
    /// Events that are lost, and stand nowhere.
    pub dropped: u64,
    /// Events that are in the dead letters.
    pub dead: u64,
}

/// What waits at a webhook, what is on its way, and what is lost.
pub(super) struct LaneState {
    pub webhook: Arc<Webhook>,
    /// Counts up with each new webhook.
    pub generation: u64,
    /// A thread of its own judges events by jq before they are kept.
    pub sieved: bool,
    /// That thread runs.
    pub judging: bool,
    /// The expression that has judged what is kept.
    judged_by: Option<String>,
    /// What it has not judged yet.
    pub unjudged: Shelf,
    /// The last event that it has judged.
    pub judged: u64,
    /// What is lost already, if jq wants it, and why.
    pub doomed: VecDeque<(Arc<[u8]>, &'static str)>,
    doomed_bytes: usize,
    /// What is to be sent.
    pub kept: Shelf,
    pub pending: Pending,
    /// How often an event was committed.
    pub commits: u64,
    /// Whoever waits for events is to be told.
    wakes: bool,
    /// What makes a batch full, for whoever waits for one.
    pub batch_limits: Limits,
    /// The last event that was taken out.
    pub taken: u64,
    /// Events that were taken out and are neither delivered nor lost.
    pub in_flight: Vec<WaitingEvent>,
    /// Their batch, once it is fixed, and the number of the last one.
    pub batch: Option<Arc<Fixed>>,
    pub batches: u64,
    /// What people have asked for.
    pub hand: Hand,
    /// What the store knows of the webhook.
    pub enrolled: Option<Enrolled>,
    /// The database is lost, and the new one not filled yet.
    pub moving: bool,
    /// Events lost and not told yet, by reason.
    pub losses: Vec<(String, u64)>,
    pub tally: Tally,
    /// The receiver takes events again, after so long, which was not told yet.
    pub recovered: Option<Duration>,
    /// Nothing more is sent, and why.
    pub rests: Option<String>,
    /// The loop waits for room.
    pub blocks: bool,
    /// The end has come: what is not sent then is not sent any more.
    pub ending: Option<Instant>,
    /// The configuration does not name the webhook any more.
    pub removed: bool,
    /// It was removed, and nothing more comes.
    pub drained: bool,
    /// It was removed, and nothing is left of it but losses to tell.
    pub left: bool,
    pub ended: bool,
}

impl LaneState {
    pub fn new(webhook: Webhook) -> LaneState {
        let batch_limits = webhook.limits;
        LaneState {
            sieved: webhook.jq.is_some(),
            judging: false,
            judged_by: None,
            webhook: Arc::new(webhook),
            generation: 0,
            unjudged: Shelf::default(),
            judged: 0,
            doomed: VecDeque::new(),
            doomed_bytes: 0,
            kept: Shelf::default(),
            pending: Pending::default(),
            commits: 0,
            wakes: false,
            batch_limits,
            taken: 0,
            in_flight: Vec::new(),
            batch: None,
            batches: 0,
            hand: Hand::default(),
            enrolled: None,
            moving: false,
            losses: Vec::new(),
            tally: Tally::default(),
            recovered: None,
            rests: None,
            blocks: false,
            ending: None,
            removed: false,
            drained: false,
            left: false,
            ended: false,
        }
    }

    /// Events are lost, and stand nowhere.
    pub fn lose(&mut self, reason: &str, events: u64) {
        self.tally.dropped += events;
        self.tell_loss(reason, events);
    }

    /// Events will not be delivered, and are in the dead letters.
    pub fn bury(&mut self, reason: &str, events: u64) {
        self.tally.dead += events;
        self.tell_loss(reason, events);
    }

    /// A loss is to be told.
    pub fn tell_loss(&mut self, reason: &str, events: u64) {
        if events == 0 {
            return;
        }
        match self.losses.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += events,
            None => self.losses.push((reason.to_owned(), events)),
        }
    }

    /// An event is lost, if jq wants it: `false` where it is not asked.
    pub fn doom(&mut self, line: &Arc<[u8]>, reason: &'static str) -> bool {
        let asked = self.judging && self.doomed_bytes + line.len() <= DOOMED_BYTES_MAX;
        if asked {
            self.doomed_bytes += line.len();
            self.doomed.push_back((line.clone(), reason));
        }
        asked
    }

    /// Of the first lost events these are wanted.
    pub fn judge_doomed(&mut self, wanted: &[bool]) {
        for wanted in wanted {
            let Some((line, reason)) = self.doomed.pop_front() else { return };
            self.doomed_bytes -= line.len();
            if *wanted {
                self.lose(reason, 1);
            }
        }
    }

    pub fn shelf(&mut self, side: Side) -> &mut Shelf {
        match side {
            Side::Unjudged => &mut self.unjudged,
            Side::Kept => &mut self.kept,
        }
    }

    /// Where events come in.
    pub fn entrance(&mut self) -> &mut Shelf {
        self.shelf(if self.sieved { Side::Unjudged } else { Side::Kept })
    }

    /// The last event that may be on that shelf.
    pub fn last_of(&self, side: Side) -> u64 {
        if self.sieved && side == Side::Kept { self.judged } else { u64::MAX }
    }

    /// How many events wait, and are on their way.
    pub fn events(&self) -> u64 {
        self.unjudged.events() + self.kept.events() + self.in_flight.len() as u64
    }

    /// What the store has counts from here on.
    pub fn enroll(&mut self, known: &Enrolled) {
        self.taken = known.batch.as_ref().map_or(0, |batch| batch.last);
        let taken = self.taken;
        let empty = (0, 0);
        let (unjudged, kept) = if self.sieved { (known.waiting, empty) } else { (empty, known.waiting) };
        self.unjudged.begin(unjudged, taken);
        self.kept.begin(kept, taken);
        self.judged = taken;
        self.batch.clone_from(&known.batch);
        self.batches = known.batches;
        self.hand.paused = known.paused;
    }

    /// Bytes that wait where events come in, those of this transaction included.
    fn entered_bytes(&self) -> usize {
        let shelf = if self.sieved { &self.unjudged } else { &self.kept };
        shelf.bytes() + self.pending.bytes
    }

    /// Whether there is room for more where the webhook blocks.
    pub fn is_full(&self) -> bool {
        let spool = self.webhook.spool_bytes;
        let entered = self.entered_bytes();
        if self.sieved { self.kept.bytes() >= spool || entered >= spool + UNJUDGED_BYTES_MAX } else { entered >= spool }
    }

    /// What follows from an event of so many bytes that is to be let in.
    pub fn admit(&mut self, octets: usize) -> Admission {
        let spool = self.webhook.spool_bytes;
        let most = if self.sieved { spool.saturating_add(UNJUDGED_BYTES_MAX) } else { spool };
        // Whoever blocks has stopped the loop already; what was on its way is let in.
        if self.webhook.when_full == WhenFull::Block || self.entered_bytes() + octets <= most {
            self.pending.events += 1;
            self.pending.bytes += octets;
            return Admission::Taken;
        }
        if self.sieved {
            return Admission::Refused(UNJUDGED_FULL);
        }
        let waits = self.kept.events() + self.pending.events > 0;
        if self.webhook.when_full == WhenFull::DropOldest && octets <= most && waits {
            Admission::AfterOldest
        } else {
            Admission::Refused(SPOOL_FULL)
        }
    }

    /// After which event the one that has waited longest is to be looked for in the store; `None` where memory has it.
    pub fn oldest_is_after(&self) -> Option<u64> {
        self.kept.window.is_empty().then(|| self.kept.floor.max(self.taken))
    }

    /// Gives up the event that has waited longest: `found` is that one where memory does not have it, with its bytes. Not
    /// where events are judged first.
    pub fn drop_oldest(&mut self, found: Option<(u64, usize)>) -> Option<u64> {
        let (sequence, octets) = match self.kept.window.front() {
            Some(first) => (first.sequence, first.line.len()),
            None => found?,
        };
        if self.kept.window.is_empty() {
            if self.kept.events() == 0 {
                // It came in this transaction itself.
                self.pending.events = self.pending.events.saturating_sub(1);
                self.pending.bytes = self.pending.bytes.saturating_sub(octets);
                self.kept.floor = sequence;
                return Some(sequence);
            }
            self.kept.uncount(1, octets);
        } else {
            self.kept.take_out(1);
        }
        self.kept.floor = sequence;
        self.pending.dropped.push((sequence, octets));
        Some(sequence)
    }

    /// An event of the transaction is committed, or has come where there is no store.
    pub fn committed(&mut self, sequence: u64, line: &Arc<[u8]>, window_bytes_max: usize) {
        self.commits += 1;
        self.pending.events = self.pending.events.saturating_sub(1);
        self.pending.bytes = self.pending.bytes.saturating_sub(line.len());
        let Limits { events, bytes, .. } = self.batch_limits;
        let is_waited_for = self.sieved || self.webhook.settle.is_some();
        let entrance = self.entrance();
        let was_empty = entrance.window.is_empty();
        entrance.push(sequence, line.clone(), window_bytes_max);
        let is_full = entrance.window.len() >= events || entrance.window_bytes >= bytes;
        self.wakes |= was_empty || is_full || is_waited_for;
    }

    /// What the transaction did is lasting. Says whether whoever waits for events is to be told: the first one has come, or a batch
    /// is full. For those between them it would wait on.
    pub fn settle(&mut self) -> bool {
        self.pending = Pending::default();
        std::mem::take(&mut self.wakes)
    }

    /// The transaction is not committed: what was let in is not, and what was given up waits again.
    pub fn rolled_back(&mut self) {
        let Pending { dropped, removed, .. } = std::mem::take(&mut self.pending);
        self.put_removed_back(removed);
        if dropped.is_empty() {
            return;
        }
        let mut passed = 0;
        for (sequence, octets) in dropped {
            if sequence > self.taken {
                self.kept.count(1, octets);
            } else {
                // A batch that follows it is on its way already.
                passed += 1;
            }
        }
        // All of it is in the store, what was put back included; what was given up before is gone from there.
        self.kept.clear_window();
        self.kept.floor = self.taken;
        self.lose(SPOOL_FULL, passed);
    }

    /// The first ones to be sent are on their way.
    pub fn take_out(&mut self, count: usize) {
        self.in_flight = self.kept.take_out(count);
        self.batch = None;
        self.taken = self.in_flight.last().map_or(self.taken, |event| event.sequence);
    }

    /// Whether the end, or the webhook's own, comes before then.
    pub fn ends_before(&self, until: Instant) -> bool {
        self.removed || self.ending.is_some_and(|deadline| deadline <= until)
    }

    /// Whether the time is over.
    pub fn is_over_at(&self, now: Instant) -> bool {
        self.ending.is_some_and(|deadline| deadline <= now)
    }

    /// Whether what is kept was judged by the webhook's expression.
    pub fn is_judged(&self) -> bool {
        !self.sieved || self.judged_by == self.webhook.jq
    }

    /// What was kept by another expression, or none, is judged again.
    pub fn judge_again(&mut self) {
        self.judged_by.clone_from(&self.webhook.jq);
        let floor = self.kept.floor.max(self.taken);
        if self.kept.events() > 0 {
            let mut kept = std::mem::take(&mut self.kept);
            self.kept.epoch = kept.epoch + 1;
            kept.floor = floor;
            self.unjudged.prepend(kept);
        } else {
            self.unjudged.floor = self.unjudged.floor.max(floor);
        }
        self.kept.floor = floor;
        self.judged = self.unjudged.floor;
    }

    /// Nothing is judged any more: what was not waits with the rest. At the end it waits for the next start, with what the
    /// store commits still: nobody may send it now.
    pub fn stop_judging(&mut self) {
        self.judging = false;
        if self.ending.is_some() && !self.removed {
            return self.judge_doomed(&vec![true; self.doomed.len()]);
        }
        let kept = std::mem::take(&mut self.kept);
        let epoch = kept.epoch.max(self.unjudged.epoch);
        let floor = kept.floor;
        self.kept = std::mem::take(&mut self.unjudged);
        self.kept.prepend(kept);
        self.judge_doomed(&vec![true; self.doomed.len()]);
        (self.kept.epoch, self.unjudged.epoch) = (epoch + 1, epoch + 1);
        self.kept.floor = floor;
        self.sieved = false;
    }
}
