//! Where a webhook's events wait, what is on its way, and what was lost.
//!
//! Without a state directory all that waits is in the window. With one it is in the database, and the window holds the
//! first of it: the worker reads on from there ([`Lane::take`]) when the window does not hold all.

mod state;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Decision, Limits};
use super::{Webhook, WhenFull};
use crate::store::{Admission, Clerk, Enrolled, Queue, Reader};
use state::State;
pub(super) use state::Waiting;

/// Octets of events in the window at most, where the database has them all.
const WINDOW_BYTES_MAX: usize = 4 << 20;
/// A database that cannot be read is tried again so often.
const READ_PAUSE: Duration = Duration::from_secs(1);

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

/// What is between the loop and a webhook's thread.
pub(super) struct Lane {
    name: String,
    state: Mutex<State>,
    changed: Condvar,
    /// The webhook's number in the store.
    number: AtomicI64,
    store: Option<(Clerk, Mutex<Reader>)>,
    bell: Arc<Bell>,
}

/// How a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paused {
    Through,
    /// The webhook has other settings now.
    Changed,
    /// The end comes before, or nothing is wanted any more.
    Ending,
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
            state: Mutex::new(State::new(webhook)),
            changed: Condvar::new(),
            number: AtomicI64::new(0),
            store: None,
            bell,
        }
    }

    /// With what the store knows of the webhook.
    pub fn stored(webhook: Webhook, bell: Arc<Bell>, clerk: Clerk, enrolled: &Enrolled) -> Lane {
        let reader = Mutex::new(clerk.reader());
        let lane =
            Lane { number: AtomicI64::new(enrolled.webhook), store: Some((clerk, reader)), ..Lane::new(webhook, bell) };
        let mut state = lane.lock();
        let (events, octets) = enrolled.waiting;
        state.events = events;
        state.bytes = usize::try_from(octets).unwrap_or(usize::MAX);
        state.beyond = events > 0;
        state.taken = enrolled.batch.as_ref().map_or(0, |batch| batch.last);
        state.losses.clone_from(&enrolled.losses);
        drop(state);
        lane
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The webhook, and which one in the row of its settings it is.
    pub fn webhook(&self) -> (Arc<Webhook>, u64) {
        let state = self.lock();
        (state.webhook.clone(), state.generation)
    }

    /// The store, where there is one.
    pub fn clerk(&self) -> Option<&Clerk> {
        self.store.as_ref().map(|(clerk, _)| clerk)
    }

    /// From here on the webhook has these settings. One that rested is tried again.
    pub fn replace(&self, webhook: Webhook) {
        let mut state = self.lock();
        state.webhook = Arc::new(webhook);
        state.generation += 1;
        state.rests = None;
        drop(state);
        self.changed.notify_all();
    }

    /// Whether the loop may go on: not where the webhook blocks and its spool is full.
    pub fn has_room(&self) -> bool {
        let mut state = self.lock();
        state.blocks = state.webhook.when_full == WhenFull::Block && state.bytes >= state.webhook.spool_bytes;
        !state.blocks
    }

    /// Waits for a batch, and takes its events out. `limits` gives the bounds by the webhook's settings. `None` when there
    /// is nothing more to do.
    pub fn take(&self, limits: impl Fn(&Webhook) -> Limits, last: Option<Instant>) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.removed {
                return None;
            }
            let limits = limits(&state.webhook);
            if state.beyond && state.window.len() <= limits.events && state.window_bytes < WINDOW_BYTES_MAX {
                state = self.read_on(state, &limits);
                continue;
            }
            let oldest = state.window.front().map(|first| first.came);
            let mut decision = limits.decide(state.window.iter().map(|event| event.line.len()), oldest, last, now);
            if let Some(deadline) = state.ending {
                if state.window.is_empty() || state.rests.is_some() || deadline <= now {
                    return None;
                }
                // Nothing more comes.
                decision = Decision::Send(limits.fitting(state.window.iter().map(|event| event.line.len())));
            }
            match decision {
                Decision::Send(count) if state.rests.is_none() => {
                    state.take_out(count);
                    let events = state.flying.clone();
                    self.unblock(state);
                    return Some(events);
                }
                Decision::Wait(until) if state.rests.is_none() => {
                    let pause = until.saturating_duration_since(now);
                    state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
                _ => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn unblock(&self, mut state: MutexGuard<'_, State>) {
        let blocked = std::mem::take(&mut state.blocks);
        drop(state);
        if blocked {
            self.bell.ring();
        }
    }

    /// Reads into the window what the database holds beyond it.
    fn read_on<'l>(&'l self, mut state: MutexGuard<'l, State>, limits: &Limits) -> MutexGuard<'l, State> {
        let Some((_, reader)) = &self.store else {
            state.beyond = false;
            return state;
        };
        let after = state.window.back().map_or(state.floor.max(state.taken), |last| last.sequence);
        let (newest, epoch) = (state.newest, state.epoch);
        drop(state);
        let bounds = (limits.events.saturating_mul(2), WINDOW_BYTES_MAX / 2);
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let read = reader.read(self.webhook_number(), (after, u64::MAX), bounds);
        drop(reader);
        let mut state = self.lock();
        match read {
            Ok(_) if state.epoch != epoch => state,
            Ok((rows, more)) => {
                // What came since the reading is beyond, too.
                state.beyond = more || state.newest != newest;
                // Some may have been given up meanwhile.
                let floor = state.floor;
                for (sequence, line) in rows.into_iter().filter(|(sequence, _)| *sequence > floor) {
                    state.push(sequence, line.into());
                }
                state
            }
            Err(failure) => {
                log::error!("webhook {}: cannot read what waits: {failure}", self.name);
                self.changed.wait_timeout(state, READ_PAUSE).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// The events of the batch that was on its way when linkhook ended.
    pub fn resume(&self) -> Vec<Waiting> {
        let taken = self.lock().taken;
        let Some((_, reader)) = &self.store else { return Vec::new() };
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = reader.read(self.webhook_number(), (0, taken), (usize::MAX, usize::MAX));
        let (rows, _) = rows.unwrap_or_else(|failure| {
            log::error!("webhook {}: cannot read the batch on its way: {failure}", self.name);
            Default::default()
        });
        let came = Instant::now();
        let events: Vec<Waiting> =
            rows.into_iter().map(|(sequence, line)| Waiting { sequence, line: line.into(), came }).collect();
        self.lock().flying.clone_from(&events);
        events
    }

    /// Puts the events of the batch on its way but for its first ones back to the front.
    pub fn put_back(&self, keep: usize) {
        let now = Instant::now();
        let mut state = self.lock();
        let at = keep.min(state.flying.len());
        let back = state.flying.split_off(at);
        state.taken = state.flying.last().map_or(state.taken, |event| event.sequence);
        if keep == 0 {
            // As if nothing had been taken out.
            state.taken = back.first().map_or(state.taken, |event| event.sequence - 1);
        }
        for event in back.into_iter().rev() {
            state.events += 1;
            state.bytes += event.line.len();
            state.window_bytes += event.line.len();
            state.window.push_front(Waiting { came: now, ..event });
        }
    }

    /// Of the events on their way, only those are meant to be sent; the others are neither delivered nor lost by it.
    pub fn keep(&self, events: &[Waiting]) {
        self.lock().flying = events.to_vec();
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
            let pause = until.saturating_duration_since(now);
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether there is still time.
    pub fn goes_on(&self) -> bool {
        !self.lock().ends_before(Instant::now())
    }

    /// The number of the last event that was taken out.
    pub fn last_taken(&self) -> u64 {
        self.lock().taken
    }

    /// The batch on its way is delivered, or lost for that reason. Gives back how many events that are.
    pub fn done(&self, lost: Option<&str>) -> u64 {
        let mut state = self.lock();
        let events = std::mem::take(&mut state.flying).len() as u64;
        if let Some(reason) = lost {
            state.lose(reason, events);
            drop(state);
            self.lost();
        }
        events
    }

    fn lost(&self) {
        self.bell.lost.store(true, Ordering::Release);
        self.bell.ring();
    }

    /// From here on nothing is sent. Without a store, what waits and what comes is lost.
    pub fn rest(&self, reason: &str) {
        let mut state = self.lock();
        state.rests = Some(reason.to_owned());
        if self.store.is_some() {
            return;
        }
        let events = state.flying.len() as u64 + state.events;
        state.flying.clear();
        state.clear_window();
        (state.events, state.bytes) = (0, 0);
        state.lose(reason, events);
        drop(state);
        self.lost();
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

    /// The thread has ended.
    pub fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
        self.bell.ring();
    }

    /// Whether the thread has ended.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Waits for the thread's end, at most until then, and gives back how many events were not delivered. Those of a
    /// batch on its way may have been.
    pub fn unsent(&self, deadline: Instant) -> u64 {
        let mut state = self.lock();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.events + state.flying.len() as u64
    }

    /// The number of the first event on its way.
    pub fn first_flying(&self) -> Option<u64> {
        self.lock().flying.first().map(|event| event.sequence)
    }

    /// The lines of the events on their way.
    pub fn flying(&self) -> Vec<Arc<[u8]>> {
        self.lock().flying.iter().map(|event| event.line.clone()).collect()
    }

    /// Takes out some of what waits, whatever the webhook's settings, unless something is on its way already; `false` when
    /// there is nothing.
    pub fn take_some(&self) -> bool {
        let limits = Limits { events: 1000, bytes: WINDOW_BYTES_MAX, wait: Duration::ZERO };
        let mut state = self.lock();
        while state.flying.is_empty() && state.window.is_empty() && state.beyond {
            state = self.read_on(state, &limits);
        }
        if state.flying.is_empty() {
            let count = state.window.len();
            state.take_out(count);
        }
        !state.flying.is_empty()
    }

    fn webhook_number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }
}

impl Queue for Lane {
    fn name(&self) -> &str {
        &self.name
    }

    fn webhook(&self) -> i64 {
        self.webhook_number()
    }

    fn put(&self, sequence: u64, line: &Arc<[u8]>) {
        const FULL: &str = "spool full";
        let mut state = self.lock();
        if let Some(reason) = state.rests.clone() {
            state.lose(&reason, 1);
            drop(state);
            return self.lost();
        }
        let mut lost = 0;
        let taken = loop {
            match state.admit(line.len()) {
                Admission::Taken => break true,
                Admission::Refused => break false,
                Admission::AfterOldest => {
                    if state.drop_oldest(&mut |_| None).is_none() {
                        break false;
                    }
                    lost += 1;
                }
            }
        };
        lost += u64::from(!taken);
        state.lose(FULL, lost);
        if taken {
            state.push(sequence, line.clone());
        }
        drop(state);
        self.changed.notify_all();
        if lost > 0 {
            self.lost();
        }
    }

    fn admit(&self, octets: usize) -> Admission {
        self.lock().admit(octets)
    }

    fn drop_oldest(&self, find: &mut dyn FnMut(u64) -> Option<(u64, usize)>) -> Option<u64> {
        self.lock().drop_oldest(find)
    }

    fn committed(&self, sequence: u64, line: &Arc<[u8]>) {
        let mut state = self.lock();
        state.newest = sequence;
        // It may have been given up in the same transaction.
        if sequence > state.floor && !state.beyond {
            if state.window_bytes + line.len() > WINDOW_BYTES_MAX {
                state.beyond = true;
            } else {
                state.push(sequence, line.clone());
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn roll_back(&self, count: &mut dyn FnMut(u64) -> (u64, u64)) {
        let mut state = self.lock();
        let (events, octets) = count(state.taken);
        state.clear_window();
        state.floor = state.taken;
        state.events = events;
        state.bytes = usize::try_from(octets).unwrap_or(usize::MAX);
        state.beyond = events > 0;
    }

    fn lose(&self, reason: &str, events: u64) {
        self.lock().lose(reason, events);
        self.lost();
    }

    fn reset(&self, webhook: i64, reason: &str) {
        self.number.store(webhook, Ordering::Release);
        let mut state = self.lock();
        state.clear_window();
        state.beyond = false;
        state.floor = state.floor.max(state.newest);
        let events = std::mem::take(&mut state.events);
        state.bytes = 0;
        state.lose(reason, events);
        drop(state);
        self.lost();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config;

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

    fn numbers(events: &[Waiting]) -> Vec<u64> {
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
        assert_eq!(lane.done(Some("status 404")), 1);
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2), ("status 404".to_owned(), 1)]);
        assert_eq!(take(&lane).unwrap(), [4, 5, 6]);
        assert_eq!(lane.unsent(Instant::now()), 3);
        lane.done(None);
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
}
