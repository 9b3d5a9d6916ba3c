//! A lane as the store knows it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Lane;
use crate::store::{Admission, Enrolled, Queue, SPOOL_FULL, Salvage};

impl Queue for Lane {
    fn name(&self) -> &str {
        &self.name
    }

    fn webhook(&self) -> i64 {
        self.webhook_number()
    }

    fn put(&self, sequence: u64, line: &Arc<[u8]>) {
        let mut state = self.lock();
        if !state.sieved
            && let Some(reason) = state.rests.clone()
        {
            state.lose(&reason, 1);
            drop(state);
            return self.lost();
        }
        let mut lost = None;
        let taken = loop {
            match state.admit(line.len()) {
                Admission::Taken => break true,
                Admission::Refused(why) => {
                    lost = Some(why);
                    state.lose(why, 1);
                    break false;
                }
                Admission::AfterOldest => {
                    lost = Some(SPOOL_FULL);
                    state.lose(SPOOL_FULL, 1);
                    if state.drop_oldest(None).is_none() {
                        break false;
                    }
                }
            }
        };
        if taken {
            state.committed(sequence, line, usize::MAX);
        }
        drop(state);
        if lost.is_some() {
            self.lost();
        }
    }

    fn removed(&self, gone: &[(u64, usize)]) {
        self.lock().removed(gone);
    }

    fn returned(&self, first: u64, last: u64, events: u64, octets: usize) {
        self.lock().returned((first, last), events, octets);
        self.changed.notify_all();
    }

    fn admit(&self, octets: usize) -> Admission {
        self.lock().admit(octets)
    }

    fn drop_oldest(&self, find: &mut dyn FnMut(u64) -> Option<(u64, usize)>) -> Option<u64> {
        let mut found = None;
        loop {
            let after = {
                let mut state = self.lock();
                match (state.oldest_is_after(), found) {
                    (None, _) => return state.drop_oldest(None),
                    (Some(after), Some((asked, oldest))) if after == asked => return state.drop_oldest(oldest),
                    // Others were taken out meanwhile.
                    (Some(after), _) => after,
                }
            };
            // Without the lock: the loop takes it for each event, and a disk may hang.
            found = Some((after, find(after)));
        }
    }

    fn committed(&self, sequence: u64, line: &Arc<[u8]>) {
        let mut state = self.lock();
        // It may have been given up in the same transaction.
        if sequence > state.entrance().floor {
            state.committed(sequence, line, self.window_bytes_max());
        }
    }

    fn settled(&self) {
        if self.lock().settle() {
            self.changed.notify_all();
        }
    }

    fn rolled_back(&self) {
        self.lock().rolled_back();
    }

    fn lose(&self, reason: &str, events: u64) {
        self.lock().lose(reason, events);
        self.lost();
    }

    fn not_stored(&self, line: &Arc<[u8]>, reason: &'static str) {
        if self.lock().doom(line, reason) {
            self.changed.notify_all();
        } else {
            self.lose(reason, 1);
        }
    }

    fn enroll(&self, known: &Enrolled) {
        self.number.store(known.webhook, Ordering::Release);
        self.lock().enroll(known);
    }

    fn enrolled(&self, known: Enrolled) {
        let mut state = self.lock();
        known.losses.iter().for_each(|(reason, events)| state.tell_loss(reason, *events));
        let lost = !state.losses.is_empty();
        state.enrolled = Some(known);
        drop(state);
        self.changed.notify_all();
        if lost {
            self.lost();
        }
    }

    fn salvage(&self, webhook: i64) -> Salvage {
        self.number.store(webhook, Ordering::Release);
        let mut state = self.lock();
        state.moving = true;
        state.unjudged.epoch += 1;
        state.kept.epoch += 1;
        let waiting = state.in_flight.iter().chain(&state.kept.window).chain(&state.unjudged.window);
        Salvage {
            batches: state.batches,
            batch: state.batch.clone(),
            events: waiting.map(|event| (event.sequence, event.line.clone())).collect(),
            losses: state.losses.clone(),
            missing: state.kept.missing() + state.unjudged.missing(),
            paused: state.hand.paused,
        }
    }

    fn moved(&self, reason: &str) {
        let mut state = self.lock();
        state.moving = false;
        let missing = state.kept.forget_missing() + state.unjudged.forget_missing();
        state.lose(reason, missing);
        drop(state);
        self.changed.notify_all();
        if missing > 0 {
            self.lost();
        }
    }
}
