//! What people ask of a lane: what it is at, and by `linkhook spool` to hold still while what waits is changed, to pause, to send now.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Lane, LaneState, Paused, Tally, WaitingEvent};
use crate::event;
use crate::figures::WebhookFigures;
use crate::store::Queue;

/// A pause that has no end but by `linkhook spool resume`, in microseconds since 1970.
pub const UNTIL_RESUMED: u64 = i64::MAX as u64;
/// The clock may be set while it is waited for.
const CLOCK_PAUSE: Duration = Duration::from_secs(30);
/// So long a person waits for another one who holds the lane still, and for the webhook's thread beyond an attempt's own time.
const HOLD_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 10_000 });

/// What people have asked for, and what they may want to know.
#[derive(Debug, Default)]
pub(super) struct Hand {
    /// Nothing is taken out, read on or judged.
    pub held: bool,
    /// What is on its way is to be put back.
    pub recalled: bool,
    /// The webhook's thread waits until the lane is held no more: nothing is on its way, and the store was told of all that was.
    pub parked: bool,
    /// Verdicts on what is not judged yet are on their way.
    pub sifting: bool,
    /// The next attempt is to be made now.
    pub hurried: bool,
    /// Until when nothing is sent, in microseconds since 1970.
    pub paused: Option<u64>,
    /// Events up to that one are in no batch with later ones: they were dead, or the receiver has taken some of them.
    pub alone_until: u64,
    /// When the next attempt is made, in microseconds since 1970, where it is waited for.
    next_attempt: Option<i64>,
    /// When the receiver last took something.
    last_success: Option<i64>,
    /// When it last did not, and why.
    last_error: Option<(i64, String)>,
}

/// What is known of a webhook at work, beside what the database says. Times are in microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// Its name.
    pub name: String,
    /// `webhook` or `exec`.
    pub word: String,
    /// When the receiver last took something, since linkhook started.
    pub last_success: Option<i64>,
    /// When it last did not, since linkhook started, and why.
    pub last_error: Option<(i64, String)>,
    /// When the next attempt is made, where it is waited for.
    pub next_attempt: Option<i64>,
    /// How many events are on their way.
    pub on_its_way: u64,
    /// Why nothing more is sent, where the receiver wants nothing more.
    pub at_rest: Option<String>,
    /// It is gone from the configuration, and what waits for it goes to the dead letters.
    pub leaving: bool,
}

/// Why a lane does not hold still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::deliver) enum Refusal {
    /// Somebody else holds it.
    Held,
    /// An attempt takes too long.
    Attempt,
    /// The webhook is removed, or linkhook ends.
    Ending,
}

/// A lane that holds still for as long as this is kept.
#[derive(Debug)]
pub(in crate::deliver) struct Hold<'l>(&'l Lane);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.hand.held = false;
        state.hand.recalled = false;
        // What was read meanwhile is as old.
        state.commits += 1;
        drop(state);
        self.0.changed.notify_all();
    }
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default()
}

impl LaneState {
    /// For how long it is paused by hand, at most so long that the clock is looked at again.
    pub fn paused_for(&self) -> Option<Duration> {
        let left = self.hand.paused?.checked_sub(now()).filter(|left| *left > 0)?;
        Some(Duration::from_micros(left).min(CLOCK_PAUSE))
    }

    /// How many of the first events make a batch where so many would: what was dead goes alone.
    pub fn cut(&self, count: usize) -> usize {
        let alone = |event: &WaitingEvent| event.sequence <= self.hand.alone_until;
        let together = self.kept.window.iter().take(count).take_while(|event| alone(event)).count();
        if together == 0 { count } else { together }
    }

    /// Events were removed by hand, which the store has done and not committed.
    pub fn removed(&mut self, gone: &[(u64, usize)]) {
        let (sieved, judged) = (self.sieved, self.judged);
        let is_gone = |event: &WaitingEvent| gone.binary_search_by_key(&event.sequence, |(gone, _)| *gone).is_ok();
        for shelf in [&mut self.kept, &mut self.unjudged] {
            shelf.epoch += 1;
            shelf.window.retain(|event| !is_gone(event));
            shelf.window_bytes = shelf.window.iter().map(|event| event.line.len()).sum();
        }
        for (sequence, octets) in gone {
            let is_unjudged = sieved && *sequence > judged;
            let shelf = if is_unjudged { &mut self.unjudged } else { &mut self.kept };
            shelf.uncount(1, *octets);
            self.pending.removed.push((is_unjudged, *octets));
        }
    }

    /// That was not committed: they wait again, and all of what waits is in the store.
    pub fn put_removed_back(&mut self, removed: Vec<(bool, usize)>) {
        if removed.is_empty() {
            return;
        }
        for (is_unjudged, octets) in removed {
            let shelf = if is_unjudged { &mut self.unjudged } else { &mut self.kept };
            shelf.count(1, octets);
        }
        self.kept.clear_window();
        self.kept.floor = self.taken;
        self.unjudged.clear_window();
        self.unjudged.floor = self.judged;
    }

    /// So many events wait again, the first and the last of them with those numbers; all of what waits is in the store, and nothing is on
    /// its way. Where jq judges, it judges all of them once more.
    pub fn returned(&mut self, (first, last): (u64, u64), events: u64, octets: usize) {
        let before = self.taken.min(first.saturating_sub(1));
        self.taken = before;
        if self.sieved {
            self.judge_again();
            self.judged = before;
            self.unjudged.clear_window();
            self.unjudged.floor = before;
            self.unjudged.count(events, octets);
        } else {
            self.kept.count(events, octets);
        }
        self.kept.clear_window();
        self.kept.floor = before;
        self.hand.alone_until = self.hand.alone_until.max(last);
    }
}

impl Lane {
    /// Nothing is taken out, read on or judged from here on, as long as the answer is kept. Where `wants_back` says so of what is
    /// on its way, or wants that nothing is, that is put back first: an attempt ends before that, and what it delivers is gone.
    pub fn hold(&self, wants_back: impl Fn(&[WaitingEvent]) -> bool) -> Result<Hold<'_>, Refusal> {
        let mut state = self.lock();
        let deadline = Instant::now() + HOLD_PAUSE;
        while state.hand.held {
            if deadline <= Instant::now() {
                return Err(Refusal::Held);
            }
            state = self.wait_until(state, deadline);
        }
        state.hand.held = true;
        state.hand.recalled = wants_back(&state.in_flight);
        let attempt = state.webhook.timeout + HOLD_PAUSE;
        drop(state);
        self.changed.notify_all();
        let hold = Hold(self);
        let deadline = Instant::now() + attempt;
        let mut state = self.lock();
        let refused = loop {
            if state.removed || state.ended || state.is_over_at(Instant::now()) {
                break Some(Refusal::Ending);
            }
            if !state.hand.sifting && (state.hand.parked || !state.hand.recalled) {
                break None;
            }
            if deadline <= Instant::now() {
                break Some(Refusal::Attempt);
            }
            let until = deadline.min(Instant::now() + CLOCK_PAUSE);
            state = self.wait_until(state, until);
        };
        // It is locked once more when it is given up.
        drop(state);
        refused.map_or(Ok(hold), Err)
    }

    /// Waits while it is held or paused, with nothing on its way, or until something changes.
    pub(super) fn stand_still<'l>(
        &'l self,
        mut state: MutexGuard<'l, LaneState>,
        now: Instant,
    ) -> MutexGuard<'l, LaneState> {
        if !state.hand.held {
            let left = state.paused_for().unwrap_or_default();
            return self.wait_until(state, now + left);
        }
        state.hand.parked = true;
        state.hand.recalled = false;
        self.changed.notify_all();
        let until = state.ending.unwrap_or(now + CLOCK_PAUSE);
        let mut state = self.wait_until(state, until);
        state.hand.parked = false;
        state
    }

    /// The batch on its way is none any more: its events wait again, and so many batches were made.
    pub fn give_back(self: &Arc<Lane>, batches: u64) {
        self.put_back(0);
        self.lock().batches = batches;
        if let Some(handle) = self.handle() {
            handle.unfix(self.clone(), batches);
        }
    }

    /// It is paused until then, in microseconds since 1970, or not at all. The store knows.
    pub fn set_paused(&self, until: Option<u64>) {
        self.lock().hand.paused = until;
        self.changed.notify_all();
    }

    /// Whether it is paused by hand.
    pub fn is_paused(&self) -> bool {
        self.lock().paused_for().is_some()
    }

    /// The next attempt is made now, also at a receiver that wanted nothing more. Gives back how many events wait, and whether
    /// there is an attempt to be made.
    pub fn hurry(&self) -> (u64, bool) {
        let mut state = self.lock();
        state.hand.hurried = !state.in_flight.is_empty();
        state.rests = None;
        let (events, hurried) = (state.events(), state.hand.hurried);
        drop(state);
        self.changed.notify_all();
        (events, hurried)
    }

    /// Waits until then for the next attempt, unless something else comes before; people, too.
    pub fn rest_until(&self, until: Instant, generation: u64) -> Paused {
        let pause = until.saturating_duration_since(Instant::now());
        let at = i64::try_from(pause.as_micros()).ok().and_then(|pause| (now() as i64).checked_add(pause));
        self.lock().hand.next_attempt = at;
        let mut state = self.lock();
        let paused = loop {
            let now = Instant::now();
            if state.removed {
                break Paused::Ending;
            }
            if state.hand.recalled {
                break Paused::Recalled;
            }
            if state.generation != generation {
                break Paused::Changed;
            }
            if state.paused_for().is_some() {
                break Paused::ByHand;
            }
            if std::mem::take(&mut state.hand.hurried) {
                break Paused::Hurried;
            }
            if until <= now {
                break Paused::Through;
            }
            if state.ends_before(until) {
                break Paused::Ending;
            }
            state = self.wait_until(state, until);
        };
        state.hand.next_attempt = None;
        paused
    }

    /// Waits until it is paused no more, unless something else comes before.
    pub fn wait_resumed(&self, generation: u64) -> Paused {
        let mut state = self.lock();
        loop {
            if state.removed || state.ending.is_some() {
                return Paused::Ending;
            }
            if state.hand.recalled {
                return Paused::Recalled;
            }
            if state.generation != generation {
                return Paused::Changed;
            }
            let Some(left) = state.paused_for() else { return Paused::Through };
            state = self.wait_until(state, Instant::now() + left);
        }
    }

    /// Whether what is on its way is to be put back.
    pub fn is_recalled(&self) -> bool {
        self.lock().hand.recalled
    }

    /// The receiver has taken something.
    pub fn attempt_succeeded(&self) {
        self.lock().hand.last_success = Some(now() as i64);
    }

    /// The receiver has not taken what was sent to it, and why.
    pub fn attempt_failed(&self, why: &str) {
        let mut state = self.lock();
        state.tally.failed += 1;
        state.hand.last_error = Some((now() as i64, why.to_owned()));
    }

    /// What people want to know of it, beside what the database says.
    pub fn status(&self) -> LaneStatus {
        let state = self.lock();
        let hand = &state.hand;
        LaneStatus {
            name: self.name().to_owned(),
            word: state.webhook.word().to_owned(),
            last_success: hand.last_success,
            last_error: hand.last_error.clone(),
            next_attempt: hand.next_attempt,
            on_its_way: state.in_flight.len() as u64,
            at_rest: state.rests.clone(),
            leaving: state.removed,
        }
    }

    /// What becomes of its events, in figures.
    pub fn figures(&self) -> WebhookFigures {
        let state = self.lock();
        let Tally { sent, failed, dropped, dead } = state.tally;
        let shelves = [&state.kept, &state.unjudged];
        let waiting = shelves.into_iter().filter_map(|shelf| shelf.window.front());
        let oldest = state.in_flight.first().into_iter().chain(waiting).min_by_key(|event| event.sequence);
        WebhookFigures {
            name: self.name().to_owned(),
            sent,
            failed,
            waiting: state.events(),
            oldest_microseconds: oldest.and_then(|event| event::time_of(&event.line)),
            dropped,
            dead,
            last_success: state.hand.last_success,
            last_error: state.hand.last_error.clone(),
            next_attempt: state.hand.next_attempt,
            at_rest: state.rests.clone(),
            is_paused: state.paused_for().is_some(),
        }
    }

    /// Events up to that number were dead letters, and wait again.
    pub fn dead_until(&self) -> u64 {
        self.lock().hand.alone_until
    }

    /// Events up to that one are in no batch with later ones.
    pub fn keep_apart(&self, until: u64) {
        let hand = &mut self.lock().hand;
        hand.alone_until = hand.alone_until.max(until);
    }

    /// Bytes that there is room for.
    pub fn room(&self) -> usize {
        let state = self.lock();
        state.webhook.spool_bytes.saturating_sub(state.kept.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bell, webhook};
    use super::*;

    fn lane(events: u64) -> Arc<Lane> {
        let lane = Arc::new(Lane::new(webhook(""), bell()));
        (1..=events).for_each(|number| lane.put(number, &format!("{number:010}").into_bytes().into()));
        lane
    }

    #[test]
    fn who_holds_a_lane_gets_back_what_is_on_its_way() {
        let lane = lane(5);
        let taken = lane.take(|webhook| webhook.limits, None).unwrap();
        assert_eq!(taken.len(), 5);
        // What is not wanted back stays on its way.
        drop(lane.hold(|_| false).unwrap());
        let of = lane.clone();
        let worker = std::thread::spawn(move || {
            let far = Instant::now() + Duration::from_secs(600);
            let paused = of.rest_until(far, 0);
            of.give_back(0);
            of.end(Instant::now() + Duration::from_secs(60));
            (paused, of.take(|webhook| webhook.limits, None).map(|events| events.len()))
        });
        let hold = lane.hold(|events| !events.is_empty()).unwrap();
        assert_eq!(lane.waiting(), 5);
        lane.lock().removed(&[(2, 10), (5, 10)]);
        assert_eq!((lane.waiting(), lane.hold(|_| false).err()), (3, Some(Refusal::Held)));
        drop(hold);
        assert_eq!(worker.join().unwrap(), (Paused::Recalled, Some(3)));
    }

    #[test]
    fn what_is_removed_waits_again_where_that_is_not_committed() {
        let lane = lane(4);
        let mut state = lane.lock();
        state.removed(&[(1, 10), (3, 10)]);
        assert_eq!((state.kept.events(), state.kept.bytes(), state.kept.window.len()), (2, 20, 2));
        state.rolled_back();
        // From the store, of which the window says nothing any more.
        assert_eq!((state.kept.events(), state.kept.bytes(), state.kept.window.len(), state.kept.floor), (4, 40, 0, 0));
        assert!(state.losses.is_empty());
    }

    #[test]
    fn a_pause_ends_by_itself_by_hand_and_at_the_end() {
        let lane = lane(1);
        let far = Instant::now() + Duration::from_secs(600);
        lane.set_paused(Some(UNTIL_RESUMED));
        assert!(lane.is_paused());
        assert_eq!(lane.rest_until(far, 0), Paused::ByHand);
        let of = lane.clone();
        let waits = std::thread::spawn(move || of.wait_resumed(0));
        lane.set_paused(None);
        assert_eq!(waits.join().unwrap(), Paused::Through);
        lane.set_paused(Some(now() + 50_000));
        assert_eq!(lane.wait_resumed(0), Paused::Through);
        assert!(!lane.is_paused());
        lane.set_paused(Some(UNTIL_RESUMED));
        lane.end(Instant::now() + Duration::from_secs(60));
        assert_eq!(lane.wait_resumed(0), Paused::Ending);
        // Nothing of it is taken out, and nobody waits for it.
        assert!(lane.take(|webhook| webhook.limits, None).is_none() && lane.waiting() == 1);
    }

    #[test]
    fn an_attempt_is_made_now_where_one_is_waited_for() {
        let lane = lane(1);
        let far = Instant::now() + Duration::from_secs(600);
        assert_eq!(lane.hurry(), (1, false));
        assert!(!lane.lock().hand.hurried);
        lane.take(|webhook| webhook.limits, None).unwrap();
        assert_eq!((lane.hurry(), lane.rest_until(far, 0)), ((1, true), Paused::Hurried));
    }

    #[test]
    fn what_was_dead_is_in_no_batch_with_others() {
        let lane = lane(6);
        let mut state = lane.lock();
        state.hand.alone_until = 4;
        assert_eq!([state.cut(3), state.cut(6)], [3, 4]);
        state.take_out(4);
        assert_eq!(state.cut(2), 2);
    }
}
