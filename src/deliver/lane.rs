//! Where a webhook's events wait, what is on its way, and what was lost.
//!
//! Without a state directory all that waits is in the window. With one it is in the database, and the window holds the
//! first of it: the worker reads on from there ([`Lane::take`]) when the window does not hold all.
//!
//! ```text
//!        loop, or the store's thread                                      the webhook's worker
//!                 │                                                                ▲
//!   without jq    ├─────────────────────────────────────▶ kept ──take()──▶ in_flight ──finish_in_flight()──▶ done
//!   with jq       └──▶ unjudged ──the sieve's thread──┬──▶ kept     ▲         │
//!                                                     └──▶ done     └─────────┘ put_back(): the batch was halved
//!
//!   one shelf (`unjudged`, `kept`), by the events' numbers:
//!
//!        dropped, judged or taken │ the window, in memory      │ in the database alone
//!     ────────────────────────────┼────────────────────────────┼──────────────────────▶
//!                               floor                       after()
//! ```
//!
//! An event that finds no room on its shelf pushes out the oldest one, or is refused: both are losses, which the lane counts
//! by their reason until the loop has told them.

mod hand;
mod letters;
mod queue;
mod shelf;
mod sifting;
mod state;

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Decision, Limits, settled_at};
use super::dead::DeadLetters;
use super::{Webhook, WhenFull};
use crate::store::{Enrolled, Fixed, StoreHandle, StoreReader, Trouble};
use crate::units::counted_are;
pub use hand::LaneStatus;
pub(super) use hand::{Refusal, UNTIL_RESUMED};
pub(super) use letters::Death;
pub(super) use shelf::WaitingEvent;
pub(super) use sifting::{SieveWork, Sifted};
use state::{LaneState, Side, Tally};

/// Bytes of events in the window at most, where the database has them all.
const WINDOW_BYTES_MAX: usize = 4 << 20;
/// A database that cannot be read is tried again so often.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// Why events are lost that the store should have.
const MISSING: &str = "the database does not have them any more";

/// What is to be done with events that settle: they are taken once they have, or where memory has no room for more of them.
fn settling(quiet: Duration, window: &VecDeque<WaitingEvent>, bytes: usize, now: Instant) -> Decision {
    let (Some(oldest), Some(newest)) = (window.front(), window.back()) else { return Decision::Nothing };
    let until = settled_at(quiet, oldest.came, newest.came);
    if until > now && bytes < WINDOW_BYTES_MAX { Decision::Wait(until) } else { Decision::Send(window.len()) }
}

/// Tells the loop that there is something for it.
pub(super) struct Bell {
    /// There are losses to tell.
    pub lost: AtomicBool,
    /// Wakes the loop.
    pub wake: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Bell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bell")
    }
}

impl Bell {
    fn ring(&self) {
        (self.wake)();
    }
}

/// What is between the loop and a webhook's threads.
pub(super) struct Lane {
    name: String,
    state: Mutex<LaneState>,
    changed: Condvar,
    /// The webhook's number in the store.
    number: AtomicI64,
    store: Option<Stored>,
    bell: Arc<Bell>,
}

/// What a lane has of the state directory.
struct Stored {
    handle: StoreHandle,
    reader: Mutex<StoreReader>,
    dead: Mutex<DeadLetters>,
}

/// How a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paused {
    Through,
    /// The webhook has other settings now.
    Changed,
    /// The end comes before, or nothing is wanted any more.
    Ending,
    /// The next attempt is wanted now.
    Hurried,
    /// What is on its way is wanted back.
    Recalled,
    /// It is paused by hand.
    ByHand,
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Lane({})", self.name)
    }
}

impl Lane {
    pub fn new(webhook: Webhook, bell: Arc<Bell>) -> Lane {
        Lane {
            name: webhook.name.clone(),
            state: Mutex::new(LaneState::new(webhook)),
            changed: Condvar::new(),
            number: AtomicI64::new(0),
            store: None,
            bell,
        }
    }

    /// With a store, which is then to attend to it, and the state directory, for the dead letters.
    pub fn stored(webhook: Webhook, bell: Arc<Bell>, handle: StoreHandle, directory: &Path) -> Lane {
        let dead = Mutex::new(DeadLetters::new(directory.to_owned(), &webhook.name));
        let store = Stored { reader: Mutex::new(handle.reader()), handle, dead };
        Lane { store: Some(store), ..Lane::new(webhook, bell) }
    }

    fn lock(&self) -> MutexGuard<'_, LaneState> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'l>(&'l self, state: MutexGuard<'l, LaneState>) -> MutexGuard<'l, LaneState> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until<'l>(&'l self, state: MutexGuard<'l, LaneState>, until: Instant) -> MutexGuard<'l, LaneState> {
        let pause = until.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
    }

    /// The webhook, and which one in the row of its settings it is.
    pub fn webhook(&self) -> (Arc<Webhook>, u64) {
        let state = self.lock();
        (state.webhook.clone(), state.generation)
    }

    /// What it is called in messages.
    pub fn title(&self) -> String {
        self.webhook().0.title()
    }

    /// The store, where there is one.
    pub fn handle(&self) -> Option<&StoreHandle> {
        self.store.as_ref().map(|store| &store.handle)
    }

    /// Its dead letters, which nobody else writes meanwhile.
    pub fn dead_letters(&self) -> Option<MutexGuard<'_, DeadLetters>> {
        self.store.as_ref().map(|store| store.dead.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for what the store knows of the webhook. `None` when the end comes before.
    pub fn enrolled(&self) -> Option<Enrolled> {
        if self.store.is_none() {
            return Some(Enrolled::default());
        }
        let mut state = self.lock();
        loop {
            if let Some(enrolled) = &state.enrolled {
                return Some(enrolled.clone());
            }
            match state.ending {
                Some(deadline) if deadline <= Instant::now() => return None,
                Some(deadline) => state = self.wait_until(state, deadline),
                None => state = self.wait(state),
            }
        }
    }

    /// From here on the webhook has these settings. One that rested is tried again.
    pub fn replace(&self, webhook: Webhook) {
        let mut state = self.lock();
        state.sieved |= webhook.jq.is_some();
        state.webhook = Arc::new(webhook);
        state.generation += 1;
        state.rests = None;
        drop(state);
        self.changed.notify_all();
    }

    /// Whether the loop may go on: not where the webhook blocks and its spool is full.
    pub fn has_room(&self) -> bool {
        let mut state = self.lock();
        state.blocks = state.webhook.when_full == WhenFull::Block && state.is_full();
        !state.blocks
    }

    /// Waits for a batch, and takes its events out. `limits` gives the bounds by the webhook's settings. `None` when there
    /// is nothing more to do.
    pub fn take(&self, limits: impl Fn(&Webhook) -> Limits, last: Option<Instant>) -> Option<Vec<WaitingEvent>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.removed || state.is_over_at(now) {
                return None;
            }
            if state.hand.held || state.paused_for().is_some() {
                if state.ending.is_some() && !state.hand.held {
                    return None;
                }
                state = self.stand_still(state, now);
                continue;
            }
            state.hand.hurried = false;
            if !state.is_judged() {
                // Its judge takes back what waits.
                state = match state.ending {
                    Some(deadline) => self.wait_until(state, deadline),
                    None => self.wait(state),
                };
                continue;
            }
            let limits = limits(&state.webhook);
            state.batch_limits = limits;
            let kept = &state.kept;
            if kept.missing() > 0 && kept.window.len() <= limits.events && kept.window_bytes < WINDOW_BYTES_MAX {
                state = self.read_on(state, Side::Kept, limits.events.saturating_mul(2));
                continue;
            }
            let oldest = kept.window.front().map(|first| first.came);
            let sizes = || state.kept.window.iter().map(|event| event.line.len());
            let mut decision = match state.webhook.settle {
                Some(settle) => settling(settle.quiet, &kept.window, kept.window_bytes, now),
                None => limits.decide(sizes(), oldest, last, now),
            };
            if let Some(deadline) = state.ending {
                if state.rests.is_some() {
                    return None;
                }
                if state.kept.window.is_empty() {
                    if state.unjudged.events() == 0 || !state.judging {
                        return None;
                    }
                    state = self.wait_until(state, deadline);
                    continue;
                }
                // Nothing more comes.
                decision = Decision::Send(limits.fitting(sizes()));
            }
            match decision {
                Decision::Send(count) if state.rests.is_none() => {
                    let count = state.cut(count);
                    state.take_out(count);
                    let events = state.in_flight.clone();
                    self.unblock(state);
                    return Some(events);
                }
                Decision::Wait(until) if state.rests.is_none() => state = self.wait_until(state, until),
                _ => state = self.wait(state),
            }
        }
    }

    fn unblock(&self, mut state: MutexGuard<'_, LaneState>) {
        let blocked = std::mem::take(&mut state.blocks);
        drop(state);
        if blocked {
            self.bell.ring();
        }
    }

    /// Reads into the window what the database holds beyond it. What is counted and not there any more is lost.
    fn read_on<'l>(
        &'l self,
        mut state: MutexGuard<'l, LaneState>,
        side: Side,
        events_max: usize,
    ) -> MutexGuard<'l, LaneState> {
        let Some(store) = &self.store else {
            state.shelf(side).forget_missing();
            return state;
        };
        if state.moving {
            return self.wait_until(state, Instant::now() + READ_PAUSE);
        }
        let last = state.last_of(side);
        let (commits, shelf) = (state.commits, state.shelf(side));
        let (after, epoch) = (shelf.after(), shelf.epoch);
        drop(state);
        let read = store.read(self.webhook_number(), (after, last), (events_max, WINDOW_BYTES_MAX / 2));
        let mut state = self.lock();
        let same = commits == state.commits && !state.moving;
        let shelf = state.shelf(side);
        match read {
            // Another thread was before, or there is another window now.
            Ok(_) if shelf.epoch != epoch || shelf.after() != after => {}
            Ok(rows) if rows.is_empty() && same => {
                let missing = shelf.forget_missing();
                log::error!(
                    "{}: {} not in the database any more",
                    state.webhook.title(),
                    counted_are(missing, "waiting event")
                );
                state.lose(MISSING, missing);
                self.lost();
            }
            Ok(rows) => {
                // Some may have been given up meanwhile.
                let floor = shelf.floor;
                for (sequence, line) in rows.into_iter().filter(|(sequence, _)| *sequence > floor) {
                    shelf.read(sequence, line.into());
                }
            }
            Err(failure) => {
                log::error!("{}: cannot read what waits: {failure}", state.webhook.title());
                if Trouble::of(&failure) == Trouble::Damaged {
                    store.handle.suspect(&failure);
                }
                return self.wait_until(state, Instant::now() + READ_PAUSE);
            }
        }
        state
    }

    /// The events of the batch that was on its way when linkhook ended. Where they cannot be read, that is tried again:
    /// without them nothing would be known of what is lost. `None` when there was no time for it.
    pub fn resume(&self) -> Option<Vec<WaitingEvent>> {
        let Some(store) = &self.store else { return Some(Vec::new()) };
        let rows = loop {
            let taken = self.lock().taken;
            let failure = match store.read(self.webhook_number(), (0, taken), (usize::MAX, usize::MAX)) {
                Ok(rows) => break rows,
                Err(failure) => failure,
            };
            log::error!("{}: cannot read the batch on its way: {failure}", self.title());
            if Trouble::of(&failure) == Trouble::Damaged {
                store.handle.suspect(&failure);
            }
            if !self.rest_for(READ_PAUSE) {
                return None;
            }
        };
        let came = Instant::now();
        let events: Vec<WaitingEvent> =
            rows.into_iter().map(|(sequence, line)| WaitingEvent { sequence, line: line.into(), came }).collect();
        self.lock().in_flight.clone_from(&events);
        Some(events)
    }

    /// The batch on its way is fixed.
    pub fn fixed(&self, batch: &Arc<Fixed>) {
        let mut state = self.lock();
        state.batch = Some(batch.clone());
        state.batches = batch.number;
    }

    /// Puts the events of the batch on its way but for its first ones back to the front.
    pub fn put_back(&self, keep: usize) {
        let now = Instant::now();
        let mut state = self.lock();
        let at = keep.min(state.in_flight.len());
        let back = state.in_flight.split_off(at);
        state.batch = None;
        state.taken = state.in_flight.last().map_or(state.taken, |event| event.sequence);
        if keep == 0 {
            // As if nothing had been taken out.
            state.taken = back.first().map_or(state.taken, |event| event.sequence - 1);
        }
        back.into_iter().rev().for_each(|event| state.kept.put_front(WaitingEvent { came: now, ..event }));
    }

    /// Waits until then, unless something else comes before. `generation` is that of the settings in use.
    pub fn pause(&self, until: Instant, generation: u64) -> Paused {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.removed {
                return Paused::Ending;
            }
            if state.generation != generation {
                return Paused::Changed;
            }
            if until <= now {
                return Paused::Through;
            }
            if state.ends_before(until) {
                return Paused::Ending;
            }
            state = self.wait_until(state, until);
        }
    }

    /// Waits so long whatever comes but the end; whether there is still time.
    pub fn rest_for(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while Instant::now() < until {
            if state.is_over_at(Instant::now()) {
                return false;
            }
            let ending = state.ending.map_or(until, |deadline| deadline.min(until));
            state = self.wait_until(state, ending);
        }
        !state.is_over_at(Instant::now())
    }

    /// Whether there is still time, and the webhook is wanted.
    pub fn goes_on(&self) -> bool {
        !self.lock().ends_before(Instant::now())
    }

    /// Whether there is still time.
    pub fn has_time(&self) -> bool {
        !self.lock().is_over_at(Instant::now())
    }

    /// The number of the last event that was taken out.
    pub fn last_taken(&self) -> u64 {
        self.lock().taken
    }

    /// Nothing is on its way any more. Gives back how many events were.
    pub fn done(&self) -> u64 {
        let mut state = self.lock();
        state.batch = None;
        std::mem::take(&mut state.in_flight).len() as u64
    }

    fn lost(&self) {
        self.bell.lost.store(true, Ordering::Release);
        self.bell.ring();
    }

    /// From here on nothing is sent. Without a store, what waits and what comes is lost; what is not judged yet is
    /// judged first.
    pub fn rest(&self, reason: &str) {
        let mut state = self.lock();
        state.rests = Some(reason.to_owned());
        if self.store.is_some() {
            return;
        }
        let events = state.in_flight.len() as u64 + state.kept.events();
        state.in_flight.clear();
        let floor = state.kept.after();
        state.kept.begin((0, 0), floor);
        state.lose(reason, events);
        drop(state);
        self.lost();
    }

    /// Whether nothing is sent any more.
    pub fn is_at_rest(&self) -> bool {
        self.lock().rests.is_some()
    }

    /// The receiver takes events again, after so long.
    pub fn recovered(&self, lasted: Duration) {
        self.lock().recovered = Some(lasted);
        self.lost();
    }

    /// For how long the receiver took nothing, where it takes events again, and that was not told yet.
    pub fn recovery(&self) -> Option<Duration> {
        self.lock().recovered.take()
    }

    /// The first ones of the events that wait, so many at most.
    pub fn first_waiting(&self, most: usize) -> Vec<WaitingEvent> {
        let mut state = self.lock();
        if state.hand.held {
            return Vec::new();
        }
        if state.kept.window.len() < most && state.kept.missing() > 0 {
            state = self.read_on(state, Side::Kept, most);
        }
        state.kept.window.iter().take(most).cloned().collect()
    }

    /// Takes out the first of the events that wait, if it is that one, and nothing is on its way.
    pub fn take_waiting(&self, sequence: u64) -> bool {
        let mut state = self.lock();
        while state.hand.held && !state.hand.recalled && !state.is_over_at(Instant::now()) {
            state = self.wait_until(state, Instant::now() + READ_PAUSE);
        }
        let is_first = state.kept.window.front().is_some_and(|first| first.sequence == sequence);
        if is_first {
            state.take_out(1);
        }
        is_first
    }

    /// The losses that were not told yet.
    pub fn losses(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.lock().losses)
    }

    /// The end comes then.
    pub fn end(&self, deadline: Instant) {
        self.lock().ending = Some(deadline);
        self.changed.notify_all();
    }

    /// The configuration does not name the webhook any more.
    pub fn remove(&self) {
        self.lock().removed = true;
        self.changed.notify_all();
    }

    /// Whether it was removed.
    pub fn is_removed(&self) -> bool {
        self.lock().removed
    }

    /// It was removed, and nothing waits any more.
    pub fn retire(&self) {
        self.lock().left = true;
    }

    /// Whether nothing is left of it, not even a loss to tell.
    pub fn has_left(&self) -> bool {
        let state = self.lock();
        state.left && state.losses.is_empty()
    }

    /// The thread has ended.
    pub fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
        self.bell.ring();
    }

    /// Waits for the thread's end, at most until then, and gives back how many events were not delivered. Those of a
    /// batch on its way may have been.
    pub fn unsent(&self, deadline: Instant) -> u64 {
        let mut state = self.lock();
        while !state.ended {
            if deadline <= Instant::now() {
                break;
            }
            state = self.wait_until(state, deadline);
        }
        state.events()
    }

    /// The number of the first event on its way.
    pub fn first_flying(&self) -> Option<u64> {
        self.lock().in_flight.first().map(|event| event.sequence)
    }

    /// The lines of the events on their way.
    pub fn in_flight(&self) -> Vec<Arc<[u8]>> {
        self.lock().in_flight.iter().map(|event| event.line.clone()).collect()
    }

    /// Takes out some of what waits, whatever the webhook's settings, unless something is on its way already; `false` when
    /// there is nothing.
    pub fn take_some(&self) -> bool {
        const EVENTS_MAX: usize = 1000;
        let mut state = self.lock();
        while state.hand.held && !state.is_over_at(Instant::now()) {
            state = self.wait_until(state, Instant::now() + READ_PAUSE);
        }
        while state.in_flight.is_empty() && state.kept.window.is_empty() && state.kept.missing() > 0 {
            if state.is_over_at(Instant::now()) {
                return false;
            }
            state = self.read_on(state, Side::Kept, EVENTS_MAX);
        }
        if state.in_flight.is_empty() {
            let count = state.kept.window.len();
            state.take_out(count);
        }
        !state.in_flight.is_empty()
    }

    /// How many events wait to be sent.
    #[cfg(test)]
    pub fn waiting(&self) -> u64 {
        self.lock().kept.events()
    }

    /// From here on it reads what waits by that.
    #[cfg(test)]
    pub fn read_by(&self, reader: StoreReader) {
        *self.store.as_ref().unwrap().reader.lock().unwrap() = reader;
    }

    /// What waits is in the database alone.
    #[cfg(test)]
    pub fn forget_window(&self) {
        self.lock().kept.clear_window();
    }

    fn webhook_number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }

    fn window_bytes_max(&self) -> usize {
        if self.store.is_some() { WINDOW_BYTES_MAX } else { usize::MAX }
    }
}

impl Stored {
    /// Some events after one and up to another. That there are none is believed only of a database that was opened for it.
    fn read(
        &self,
        webhook: i64,
        range: (u64, u64),
        bounds: (usize, usize),
    ) -> Result<Vec<(u64, Vec<u8>)>, crate::store::database::SqlError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, _) = reader.read(webhook, range, bounds)?;
        if !rows.is_empty() {
            return Ok(rows);
        }
        reader.close();
        reader.read(webhook, range, bounds).map(|(rows, _)| rows)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config;
    use crate::store::Queue;

    /// A webhook with those lines in its configuration.
    pub fn webhook(lines: &str) -> Webhook {
        let text = format!("[[webhook]]\nname = \"noc\"\nurl = \"http://127.0.0.1:9/\"\nproxy = \"none\"\n{lines}");
        config::read_text(&text).unwrap().webhooks.remove(0)
    }

    pub fn bell() -> Arc<Bell> {
        Arc::new(Bell { lost: AtomicBool::new(false), wake: Box::new(|| {}) })
    }

    fn line(number: u64) -> Arc<[u8]> {
        format!("{number:010}").into_bytes().into()
    }

    fn put(lane: &Lane, number: u64) -> bool {
        lane.put(number, &line(number));
        lane.bell.lost.swap(false, Ordering::AcqRel)
    }

    fn numbers(events: &[WaitingEvent]) -> Vec<u64> {
        events.iter().map(|event| event.sequence).collect()
    }

    fn take(lane: &Lane) -> Option<Vec<u64>> {
        lane.take(|webhook| webhook.limits, None).map(|events| numbers(&events))
    }

    /// Puts 1 to 5 where three have room.
    fn five(when_full: &str) -> (Lane, Vec<u64>) {
        let lane = Lane::new(webhook(&format!("spool = {{ size = \"35\", when_full = \"{when_full}\" }}")), bell());
        let lost = (1..6).map(|number| put(&lane, number)).collect::<Vec<_>>();
        assert_eq!(lost, [false, false, false, true, true]);
        lane.end(Instant::now() + Duration::from_secs(60));
        let numbers = take(&lane).unwrap();
        (lane, numbers)
    }

    #[test]
    fn a_full_spool_drops_as_it_is_told_and_counts() {
        let (lane, numbers) = five("drop-oldest");
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!((lane.figures().dropped, lane.figures().waiting, lane.figures().sent), (2, 3, 0));
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2)]);
        assert_eq!(lane.losses(), []);
        let (lane, numbers) = five("drop-newest");
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2)]);
        // One that never has room empties nothing.
        put(&lane, 7);
        lane.put(8, &vec![0; 36].into());
        assert_eq!(lane.losses(), [("spool full".to_owned(), 1)]);
        assert_eq!(take(&lane).unwrap().len(), 1);
    }

    #[test]
    fn who_blocks_loses_nothing() {
        let lane = Lane::new(webhook("spool = { size = \"15\", when_full = \"block\" }"), bell());
        assert!(lane.has_room() && !put(&lane, 1) && lane.has_room());
        assert!(!put(&lane, 2) && !lane.has_room());
        assert_eq!(take(&lane).unwrap(), [1, 2]);
        assert!(lane.has_room());
    }

    #[test]
    fn what_is_put_back_comes_first_and_in_order() {
        let (lane, _) = five("drop-oldest");
        put(&lane, 6);
        lane.put_back(1);
        let lane = Arc::new(lane);
        lane.finish_in_flight(lane.last_taken(), Some(("status 404", None)));
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2), ("status 404".to_owned(), 1)]);
        assert_eq!(take(&lane).unwrap(), [4, 5, 6]);
        assert_eq!(lane.unsent(Instant::now()), 3);
        lane.done();
        assert_eq!(lane.unsent(Instant::now()), 0);
        assert!(take(&lane).is_none());
    }

    #[test]
    fn at_rest_everything_is_lost_and_counted() {
        let (lane, _) = five("drop-oldest");
        put(&lane, 6);
        lane.rest("gone");
        assert!(put(&lane, 7));
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2), ("gone".to_owned(), 5)]);
    }

    #[test]
    fn the_end_and_new_settings_break_off_a_pause() {
        let lane = Lane::new(webhook(""), bell());
        let now = Instant::now();
        let later = now + Duration::from_secs(600);
        assert_eq!(lane.pause(now, 0), Paused::Through);
        lane.replace(webhook(""));
        assert_eq!(lane.pause(later, 0), Paused::Changed);
        lane.end(now + Duration::from_secs(5));
        assert_eq!(lane.pause(later, 1), Paused::Ending);
    }

    #[test]
    fn what_comes_after_the_judge_has_ended_is_not_sent_unjudged() {
        let lane = Lane::new(webhook("filter = '.a'"), bell());
        assert!(lane.begin_judging());
        let Some(SieveWork::Renewed(code)) = lane.next_unjudged(None) else { panic!("it is new") };
        lane.end(Instant::now() + Duration::from_secs(60));
        assert!(lane.next_unjudged(code.as_deref()).is_none());
        lane.stop_judging();
        put(&lane, 1);
        // Nor is it waited for.
        let began = Instant::now();
        assert_eq!(take(&lane), None);
        assert!(began.elapsed() < Duration::from_secs(30));
        assert_eq!(lane.unsent(Instant::now()), 1);
    }

    #[test]
    fn the_loop_does_not_wait_for_a_database_that_is_asked_for_the_oldest() {
        let lane = Arc::new(Lane::new(webhook(""), bell()));
        lane.enroll(&Enrolled { waiting: (3, 30), ..Enrolled::default() });
        let mut is_free = false;
        let dropped = lane.drop_oldest(&mut |after| {
            let (of, (tell, told)) = (lane.clone(), std::sync::mpsc::channel());
            std::thread::spawn(move || tell.send(of.has_room()));
            is_free = told.recv_timeout(Duration::from_secs(5)).is_ok();
            (after == 0).then_some((7, 10))
        });
        assert!(is_free, "the lane is locked");
        assert_eq!((dropped, lane.waiting()), (Some(7), 2));
    }
}
