//! What becomes of events that will never be delivered.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Lane;
use crate::deliver::dead::Letter;
use crate::store::Queue;

/// Dead letters that cannot be written are tried again so often.
const DEAD_PAUSE: Duration = Duration::from_secs(1);

/// Why events will never be delivered.
#[derive(Clone, Copy, Debug)]
pub(in crate::deliver) struct Death<'d> {
    pub reason: &'d str,
    /// The receiver's answer.
    pub status: Option<u16>,
    /// The batch's id and number, where they were one.
    pub batch: Option<(&'d str, u64)>,
    /// Whether the batch was on its way when linkhook ended.
    pub is_resumed: bool,
}

impl<'d> Death<'d> {
    /// Of events that no receiver has seen.
    pub fn unsent(reason: &'d str) -> Death<'d> {
        Death { reason, status: None, batch: None, is_resumed: false }
    }
}

impl Lane {
    /// Writes events to the dead letters, where there are any; again until it is done, or there is no more time: then
    /// `false`. Whoever calls counts them.
    pub fn bury(&self, events: &[Arc<[u8]>], death: Death<'_>) -> bool {
        let Some(store) = &self.store else { return true };
        let time_microseconds = Timestamp::now().as_microsecond();
        let Death { reason, status, batch, is_resumed } = death;
        let letter = Letter { time_microseconds, reason, status, batch, is_resumed, events };
        loop {
            let written = store.dead.lock().unwrap_or_else(PoisonError::into_inner).append(&letter);
            match written {
                Ok(0) => return true,
                Ok(given_up) => {
                    self.lose("dead letters full", given_up);
                    return true;
                }
                Err(error) => log::error!("{}: cannot write the dead letters: {error}", self.title()),
            }
            if !self.rest_for(DEAD_PAUSE) {
                return false;
            }
        }
    }

    /// The same for what is on its way, which is then told as lost.
    pub fn bury_flying(self: &Arc<Lane>, reason: &str) -> bool {
        let events = self.in_flight();
        if !self.bury(&events, Death::unsent(reason)) {
            return false;
        }
        self.finish_in_flight(self.last_taken(), Some((reason, None)));
        true
    }

    /// The webhook is done with the events on their way, up to that one: they are delivered, or lost for that reason, all of them
    /// or so many.
    pub fn finish_in_flight(self: &Arc<Lane>, last: u64, lost: Option<(&str, Option<u64>)>) {
        let events = self.done();
        self.finish(last, events, lost);
    }

    /// The same for so many of the events that those on their way have settled to, while others of them are not done.
    pub fn finish_part(self: &Arc<Lane>, last: u64, events: u64, lost: Option<(&str, Option<u64>)>) {
        self.lock().batch = None;
        self.finish(last, events, lost);
    }

    /// The same for the last of them.
    pub fn finish_last_part(self: &Arc<Lane>, last: u64, events: u64, lost: Option<(&str, Option<u64>)>) {
        self.done();
        self.finish(last, events, lost);
    }

    fn finish(self: &Arc<Lane>, last: u64, events: u64, lost: Option<(&str, Option<u64>)>) {
        let (lost, events) = match lost {
            Some((reason, some)) => (Some(reason), some.unwrap_or(events)),
            None => (None, events),
        };
        if let Some(handle) = self.handle() {
            handle.done(self.clone(), last, lost.map(|reason| (reason.to_owned(), events)));
        }
        let mut state = self.lock();
        match lost {
            None => {
                state.tally.sent += events;
                return;
            }
            // Told only after the store knows of it.
            Some(reason) if self.store.is_some() => state.bury(reason, events),
            Some(reason) => state.lose(reason, events),
        }
        drop(state);
        self.lost();
    }
}
