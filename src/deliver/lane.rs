//! Where a webhook's events wait, and what it has lost.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::batch::{Decision, Limits};
use super::{Webhook, WhenFull};

/// An event that waits.
type Line = Arc<[u8]>;

/// What is between the loop and a webhook's thread.
pub(super) struct Lane {
    pub webhook: Webhook,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Line, Instant)>,
    /// Octets of what waits.
    bytes: usize,
    /// Events that were taken out and are neither delivered nor lost.
    in_flight: u64,
    /// Events lost and not told yet, by reason.
    losses: Vec<(String, u64)>,
    /// Nothing more is sent, and why.
    rests: Option<String>,
    /// The end has come: what is not sent then never is.
    ending: Option<Instant>,
    ended: bool,
}

/// Whether a pause ran its course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paused {
    Through,
    /// The end comes before.
    Ending,
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Lane({})", self.webhook.name)
    }
}

impl State {
    fn lose(&mut self, reason: &str, events: u64) {
        if events == 0 {
            return;
        }
        match self.losses.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += events,
            None => self.losses.push((reason.to_owned(), events)),
        }
    }
}

impl Lane {
    pub fn new(webhook: Webhook) -> Lane {
        Lane { webhook, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event in. Gives back whether something was lost by it.
    pub fn put(&self, line: &Line, now: Instant) -> bool {
        const FULL: &str = "spool full";
        let mut state = self.lock();
        if let Some(reason) = state.rests.clone() {
            state.lose(&reason, 1);
            return true;
        }
        let most = self.webhook.spool_bytes;
        let mut lost = 0;
        while state.bytes + line.len() > most {
            let oldest = match self.webhook.when_full {
                WhenFull::DropOldest if line.len() <= most => state.waiting.pop_front(),
                _ => None,
            };
            let Some((oldest, _)) = oldest else {
                state.lose(FULL, lost + 1);
                return true;
            };
            state.bytes -= oldest.len();
            lost += 1;
        }
        state.lose(FULL, lost);
        state.bytes += line.len();
        state.waiting.push_back((line.clone(), now));
        drop(state);
        self.changed.notify_all();
        lost > 0
    }

    /// Waits for a batch, and takes its events out. `None` when the end has come and nothing waits, or its time is
    /// over.
    pub fn take(&self, limits: &Limits, last: Option<Instant>) -> Option<Vec<Line>> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let sizes = state.waiting.iter().map(|(line, _)| line.len());
            let mut decision = limits.decide(sizes, state.waiting.front().map(|(_, came)| *came), last, now);
            if let Some(deadline) = state.ending {
                if state.waiting.is_empty() || deadline <= now {
                    return None;
                }
                // Nothing more comes.
                let sizes = state.waiting.iter().map(|(line, _)| line.len());
                decision = Decision::Send(limits.fitting(sizes));
            }
            match decision {
                Decision::Send(count) => {
                    let lines: Vec<Line> = state.waiting.drain(..count).map(|(line, _)| line).collect();
                    state.bytes -= lines.iter().map(|line| line.len()).sum::<usize>();
                    state.in_flight = count as u64;
                    return Some(lines);
                }
                Decision::Wait(until) => {
                    let pause = until.saturating_duration_since(now);
                    state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
                Decision::Nothing => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Puts events of the batch that is on its way back to the front, in their order.
    pub fn put_back(&self, lines: Vec<Line>) {
        let now = Instant::now();
        let mut state = self.lock();
        state.in_flight -= lines.len() as u64;
        for line in lines.into_iter().rev() {
            state.bytes += line.len();
            state.waiting.push_front((line, now));
        }
    }

    /// Waits until then, unless the end comes before.
    pub fn pause(&self, until: Instant) -> Paused {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if until <= now {
                return Paused::Through;
            }
            if state.ending.is_some_and(|deadline| deadline <= until) {
                return Paused::Ending;
            }
            let pause = until.saturating_duration_since(now);
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The batch on its way is delivered.
    pub fn delivered(&self) {
        self.lock().in_flight = 0;
    }

    /// So many events of the batch on its way are not wanted.
    pub fn pass_over(&self, events: u64) {
        self.lock().in_flight -= events;
    }

    /// So many events of the batch on its way are lost.
    pub fn lose_some(&self, reason: &str, events: u64) {
        let mut state = self.lock();
        state.in_flight -= events;
        state.lose(reason, events);
    }

    /// The batch on its way is lost. Gives back how many events that are.
    pub fn dead(&self, reason: &str) -> u64 {
        let mut state = self.lock();
        let events = std::mem::take(&mut state.in_flight);
        state.lose(reason, events);
        events
    }

    /// From here on nothing is sent; what waits and what comes is lost.
    pub fn rest(&self, reason: &str) -> u64 {
        let mut state = self.lock();
        let events = std::mem::take(&mut state.in_flight) + state.waiting.len() as u64;
        state.waiting.clear();
        state.bytes = 0;
        state.lose(reason, events);
        state.rests = Some(reason.to_owned());
        events
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

    /// The thread has ended.
    pub fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
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
        state.waiting.len() as u64 + state.in_flight
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config;

    /// A webhook with those lines in its configuration.
    pub fn webhook(lines: &str) -> Webhook {
        let text = format!("[[webhook]]\nname = \"noc\"\nurl = \"http://127.0.0.1:9/\"\nproxy = \"none\"\n{lines}");
        config::read_text(&text).unwrap().webhooks.remove(0)
    }

    fn line(number: u8) -> Line {
        vec![number; 10].into()
    }

    /// Puts 0 to 4 where three have room.
    fn five(when_full: &str) -> (Lane, Vec<u8>) {
        let lane = Lane::new(webhook(&format!("spool = {{ size = \"35\", when_full = \"{when_full}\" }}")));
        let now = Instant::now();
        let lost = (0..5).map(|number| lane.put(&line(number), now)).collect::<Vec<_>>();
        assert_eq!(lost, [false, false, false, true, true]);
        lane.end(now + Duration::from_secs(60));
        let taken = lane.take(&lane.webhook.limits, None).unwrap();
        let numbers = taken.iter().map(|line| line[0]).collect();
        (lane, numbers)
    }

    #[test]
    fn a_full_spool_drops_as_it_is_told_and_counts() {
        let (lane, numbers) = five("drop-oldest");
        assert_eq!(numbers, [2, 3, 4]);
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2)]);
        assert_eq!(lane.losses(), []);
        let (lane, numbers) = five("drop-newest");
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2)]);
        // One that never has room empties nothing.
        lane.put(&line(7), Instant::now());
        assert!(lane.put(&vec![0; 36].into(), Instant::now()));
        assert_eq!(lane.losses(), [("spool full".to_owned(), 1)]);
        assert_eq!(lane.take(&lane.webhook.limits, None).unwrap().len(), 1);
    }

    #[test]
    fn what_is_put_back_comes_first_and_in_order() {
        let (lane, _) = five("drop-oldest");
        lane.put_back(vec![line(3), line(4)]);
        lane.put(&line(5), Instant::now());
        assert_eq!(lane.dead("status 404"), 1);
        let taken = lane.take(&lane.webhook.limits, None).unwrap();
        assert_eq!(taken.iter().map(|line| line[0]).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(lane.unsent(Instant::now()), 3);
        lane.delivered();
        assert_eq!(lane.unsent(Instant::now()), 0);
        assert!(lane.take(&lane.webhook.limits, None).is_none());
    }

    #[test]
    fn at_rest_everything_is_lost_and_counted() {
        let (lane, _) = five("drop-oldest");
        lane.put(&line(5), Instant::now());
        assert_eq!(lane.rest("gone"), 4);
        assert!(lane.put(&line(6), Instant::now()));
        assert_eq!(lane.losses(), [("spool full".to_owned(), 2), ("gone".to_owned(), 5)]);
    }

    #[test]
    fn the_end_breaks_off_a_pause_that_is_longer() {
        let lane = Lane::new(webhook(""));
        let now = Instant::now();
        assert_eq!(lane.pause(now), Paused::Through);
        lane.end(now + Duration::from_secs(5));
        assert_eq!(lane.pause(now + Duration::from_secs(600)), Paused::Ending);
    }
}
