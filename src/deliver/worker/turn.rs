//! When a batch's next attempt is made, and what may come before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Tried, Worker};
use crate::deliver::lane::Paused;
use crate::store::Fixed;

/// What comes next for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next attempt.
    Now,
    /// It was tried for too long.
    Late,
    /// There is no more time, or nothing more is wanted.
    Stopped,
    /// Somebody wants its events back.
    Recalled,
}

impl Worker<'_> {
    /// Waits for the next attempt's time, for as long as a person has paused the webhook, too: what is paused is not tried.
    pub(super) fn turn(&mut self, tried: &mut Tried) -> Turn {
        loop {
            if self.lane.is_recalled() {
                return Turn::Recalled;
            }
            if self.lane.is_paused() {
                match self.stand_still(tried) {
                    Turn::Now => {}
                    other => return other,
                }
            }
            let give_up = tried.reaches(self.webhook.retry.give_up_after);
            // What the receiver asked for holds for the whole webhook.
            let Some(until) = self.not_before else { return Turn::Now };
            let (earlier, given_up) = match give_up {
                Some(give_up) if give_up < until => (give_up, true),
                _ => (until, false),
            };
            match self.lane.rest_until(earlier, self.generation) {
                Paused::Ending => {
                    self.note(tried, None);
                    return Turn::Stopped;
                }
                Paused::Recalled => return Turn::Recalled,
                Paused::ByHand => {}
                Paused::Changed => self.refresh(),
                Paused::Through if given_up => return Turn::Late,
                Paused::Through | Paused::Hurried => {
                    self.not_before = None;
                    return Turn::Now;
                }
            }
        }
    }

    fn stand_still(&mut self, tried: &mut Tried) -> Turn {
        *tried = Tried { before: tried.so_far(), since: Instant::now() };
        self.note(tried, None);
        let turn = loop {
            match self.lane.wait_resumed(self.generation) {
                Paused::Ending => break Turn::Stopped,
                Paused::Recalled => break Turn::Recalled,
                Paused::Changed => self.refresh(),
                _ => break Turn::Now,
            }
        };
        tried.since = Instant::now();
        turn
    }

    /// The receiver wants nothing more: until the webhook has other settings, or a person wants an attempt. The body of that batch is
    /// kept from here on.
    pub(super) fn rest(&mut self, tried: &mut Tried, keep: Option<&Arc<Fixed>>) -> Turn {
        self.lane.rest("at rest: the receiver wants nothing more (410)");
        if self.lane.handle().is_none() {
            return Turn::Stopped;
        }
        let far = Instant::now() + Duration::from_secs(u64::from(u32::MAX));
        *tried = Tried { before: tried.so_far(), since: Instant::now() };
        self.note(tried, keep);
        let turn = loop {
            match self.lane.rest_until(far, self.generation) {
                Paused::Changed | Paused::Hurried => break Turn::Now,
                Paused::Recalled => break Turn::Recalled,
                Paused::ByHand => match self.stand_still(tried) {
                    Turn::Now => {}
                    other => break other,
                },
                Paused::Ending | Paused::Through => break Turn::Stopped,
            }
        };
        tried.since = Instant::now();
        turn
    }
}
