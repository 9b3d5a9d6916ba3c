//! What is between a lane and the thread that judges its events by jq, before they take room for good.

use std::sync::Arc;

use super::state::Side;
use super::{Lane, WINDOW_BYTES_MAX, WaitingEvent};
use crate::deliver::WhenFull;
use crate::store::{Queue, SPOOL_FULL};

/// Events that are judged at once at most.
const EVENTS_MAX: usize = 1000;

/// What the thread is to do.
pub(in crate::deliver) enum SieveWork {
    /// The webhook has another expression now, or none.
    Renewed(Option<String>),
    /// These are to be judged, in order.
    Events(Vec<WaitingEvent>),
    /// These are lost, if they are wanted.
    Doomed(Vec<Arc<[u8]>>),
}

/// What follows from verdicts, before it is committed.
#[derive(Debug, Default)]
pub(in crate::deliver) struct Sifted {
    /// So many of the first events were judged.
    pub judged: usize,
    /// Those of them that are to be sent.
    pub kept: Vec<WaitingEvent>,
    /// Events that do not wait any more, older ones included.
    pub gone: Vec<u64>,
    /// Events lost, by reason.
    pub losses: Vec<(String, u64)>,
}

impl Sifted {
    /// Events are lost.
    pub fn lose(&mut self, reason: &str, events: u64) {
        match self.losses.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += events,
            None => self.losses.push((reason.to_owned(), events)),
        }
    }
}

impl Lane {
    /// Whether a thread that judges is to be started: there is none yet.
    pub fn begin_judging(&self) -> bool {
        !std::mem::replace(&mut self.lock().judging, true)
    }

    /// It could not be started.
    pub fn judging_failed(&self) {
        self.lock().judging = false;
    }

    /// Waits for something to judge; `code` is the expression that was used. `None` when there is nothing more to do.
    pub fn next_unjudged(&self, code: Option<&str>) -> Option<SieveWork> {
        let mut state = self.lock();
        if std::mem::take(&mut state.hand.sifting) {
            self.changed.notify_all();
        }
        loop {
            let now = std::time::Instant::now();
            let empty = state.unjudged.events() == 0 && state.doomed.is_empty();
            let done = state.ending.is_some() || state.drained;
            if state.is_over_at(now) || done && empty {
                return None;
            }
            if self.store.is_some() && state.enrolled.is_none() || !state.sieved || state.hand.held {
                state = self.wait(state);
            } else if state.webhook.jq.as_deref() != code {
                state.judge_again();
                self.changed.notify_all();
                return Some(SieveWork::Renewed(state.webhook.jq.clone()));
            } else if !state.doomed.is_empty() {
                let first = state.doomed.iter().take(EVENTS_MAX);
                return Some(SieveWork::Doomed(first.map(|(line, _)| line.clone()).collect()));
            } else if !state.unjudged.window.is_empty() {
                let first = state.unjudged.window.iter().take(EVENTS_MAX).cloned().collect();
                state.hand.sifting = true;
                return Some(SieveWork::Events(first));
            } else if state.unjudged.missing() > 0 {
                state = self.read_on(state, Side::Unjudged, EVENTS_MAX);
            } else {
                state = self.wait(state);
            }
        }
    }

    /// What follows from the verdicts on the first unjudged events: whether each is wanted. What has no room in the spool
    /// is dropped as the settings say, and is what they want.
    pub fn plan(&self, verdicts: &[bool]) -> Sifted {
        let mut sifted = Sifted::default();
        let mut octets_kept = 0;
        let mut state = self.lock();
        for wanted in verdicts {
            // The oldest one may have to go.
            while state.kept.window.is_empty()
                && state.kept.missing() > 0
                && !state.is_over_at(std::time::Instant::now())
            {
                state = self.read_on(state, Side::Kept, EVENTS_MAX);
            }
            let Some(event) = state.unjudged.window.get(sifted.judged).cloned() else { return sifted };
            sifted.judged += 1;
            if !wanted {
                sifted.gone.push(event.sequence);
                continue;
            }
            if let (None, Some(reason)) = (&self.store, &state.rests) {
                sifted.gone.push(event.sequence);
                sifted.lose(reason, 1);
                continue;
            }
            let (most, octets) = (state.webhook.spool_bytes, event.line.len());
            let when_full = state.webhook.when_full;
            while when_full == WhenFull::DropOldest
                && octets <= most
                && state.kept.bytes() + octets_kept + octets > most
            {
                let oldest = if state.kept.window.is_empty() {
                    if sifted.kept.is_empty() {
                        break;
                    }
                    let oldest = sifted.kept.remove(0);
                    octets_kept -= oldest.line.len();
                    oldest.sequence
                } else {
                    let taken = state.kept.take_out(1);
                    taken.first().map_or(0, |event| event.sequence)
                };
                sifted.gone.push(oldest);
                sifted.lose(SPOOL_FULL, 1);
            }
            if when_full == WhenFull::Block || state.kept.bytes() + octets_kept + octets <= most {
                octets_kept += octets;
                sifted.kept.push(event);
            } else {
                sifted.gone.push(event.sequence);
                sifted.lose(SPOOL_FULL, 1);
            }
        }
        sifted
    }

    /// Makes it lasting, and then so: what is kept waits to be sent, and what is lost is told. `false` when there was no
    /// time for it.
    pub fn sift(self: &Arc<Lane>, sifted: Sifted) -> bool {
        let Sifted { judged, kept, gone, losses } = sifted;
        if let Some(handle) = self.handle()
            && !gone.is_empty()
            && !handle.drop_events(self.clone(), gone, losses.clone(), &mut || self.has_time())
        {
            return false;
        }
        let window_bytes_max = if self.store.is_some() { WINDOW_BYTES_MAX } else { usize::MAX };
        let mut state = self.lock();
        let judged = judged.min(state.unjudged.window.len());
        let taken = state.unjudged.take_out(judged);
        state.judged = taken.last().map_or(state.judged, |last| last.sequence);
        for event in kept {
            match state.rests.clone().filter(|_| self.store.is_none()) {
                // It has come to rest meanwhile.
                Some(reason) => state.lose(&reason, 1),
                None => state.kept.push(event.sequence, event.line, window_bytes_max),
            }
        }
        self.unblock(state);
        self.changed.notify_all();
        for (reason, events) in losses {
            self.lose(&reason, events);
        }
        true
    }

    /// Of the first lost events these are wanted, and are told.
    pub fn judge_doomed(&self, wanted: &[bool]) {
        self.lock().judge_doomed(wanted);
        if wanted.contains(&true) {
            self.lost();
        }
    }

    /// Nothing is judged any more: what was not waits to be sent with the rest, or for the next start.
    pub fn stop_judging(&self) {
        let mut state = self.lock();
        state.hand.sifting = false;
        state.stop_judging();
        let lost = !state.losses.is_empty();
        drop(state);
        if lost {
            self.lost();
        }
        self.changed.notify_all();
    }

    /// The webhook was removed, and nothing more comes: waits until all of it is judged. `false` when there was no time.
    pub fn wait_for_judge(&self) -> bool {
        let mut state = self.lock();
        state.drained = true;
        self.changed.notify_all();
        while state.judging {
            match state.ending {
                Some(deadline) if deadline <= std::time::Instant::now() => return false,
                Some(deadline) => state = self.wait_until(state, deadline),
                None => state = self.wait(state),
            }
        }
        true
    }
}
