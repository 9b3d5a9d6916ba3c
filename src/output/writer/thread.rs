//! The thread that writes what cannot be written at once.

use std::io;
use std::time::{Duration, Instant};

use super::{Outage, RETRY_PAUSE, SLOW, Shared, count};
use crate::output::Sink;
use crate::units::counted_were;

/// Longer than anything runs.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Writes lines as they come, until the end, or until writing has failed for good.
pub(super) fn run(name: &str, sink: Box<dyn Sink>, shared: &Shared, wake: &dyn Fn()) {
    let mut output = Writing { name, sink, shared, wake, reopen_at: None };
    let mut lines = Vec::new();
    loop {
        let mut state = shared.lock();
        state.writing = false;
        if state.queue.is_empty() {
            shared.emptied.notify_all();
        }
        while state.queue.is_empty() && !state.reopen {
            if state.ending {
                return;
            }
            let left = output.reopen_at.map_or(FOREVER, |time| time.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            state = shared.filled.wait_timeout(state, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        let asked = std::mem::take(&mut state.reopen);
        lines.clear();
        std::mem::swap(&mut lines, &mut state.queue);
        state.writing = true;
        let wanted = std::mem::take(&mut state.wanted);
        drop(state);
        // The queue is empty now: there is room while these are written.
        if wanted {
            wake();
        }
        output.reopen(asked);
        if let Err(error) = output.write(&lines) {
            let mut state = shared.lock();
            state.failed = Some(error);
            state.writing = false;
            state.queue.clear();
            shared.emptied.notify_all();
            drop(state);
            wake();
            return;
        }
    }
}

/// A sink, and how it is written.
struct Writing<'w> {
    name: &'w str,
    sink: Box<dyn Sink>,
    shared: &'w Shared,
    wake: &'w dyn Fn(),
    /// It could not be opened anew: when that is tried again.
    reopen_at: Option<Instant>,
}

impl Writing<'_> {
    /// Opens the sink anew, if that was asked for or is to be tried again. That it fails is said once.
    fn reopen(&mut self, asked: bool) {
        if !asked && self.reopen_at.is_none_or(|time| time > Instant::now()) {
            return;
        }
        let name = self.name;
        match self.sink.reopen() {
            Ok(()) if self.reopen_at.take().is_some() => log::warn!("the output {name} is opened anew now"),
            Ok(()) => {}
            Err(error) => {
                if self.reopen_at.is_none() {
                    log::error!("cannot open the output {name} anew: {error}; it is tried again each second");
                }
                self.reopen_at = Some(Instant::now() + RETRY_PAUSE);
            }
        }
    }

    /// Writes lines, again until they are written; at the end once more. The error is one that stays.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut rest = lines;
        loop {
            let (written, result) = self.sink.write(rest);
            rest = &rest[written..];
            let Err(error) = result else { break };
            if !self.sink.may_recover(&error) {
                return Err(error);
            }
            if !self.wait_out(&error, rest) {
                self.tell_refused();
                return Ok(());
            }
        }
        self.tell_refused();
        let mut state = self.shared.lock();
        // Lines that wait in the queue come before those that were dropped; and once they are written, there is room for the line
        // that tells of these.
        if state.dropped > 0 && !state.queue.is_empty() {
            return Ok(());
        }
        if let Some((since, reason)) = state.failing.take() {
            let lines = std::mem::take(&mut state.dropped);
            log::warn!("the output {} is written again; {} dropped", self.name, counted_were(lines, "line"));
            state.tell(Outage { path: self.name.to_owned(), lines, reason, lasted: Some(since.elapsed()) });
            drop(state);
            (self.wake)();
        }
        Ok(())
    }

    /// It cannot be written now: waits until it may be tried again. `false` at the end, where what is left is counted.
    fn wait_out(&mut self, error: &io::Error, rest: &[u8]) -> bool {
        let mut state = self.shared.lock();
        let since = state.failing.as_ref().map(|(since, reason)| (*since, reason == SLOW));
        if since.is_none_or(|(_, was_slow)| was_slow) {
            log::error!("cannot write the output {}: {error}; it is tried again each second", self.name);
            state.failing = Some((since.map_or_else(Instant::now, |(since, _)| since), error.to_string()));
            // Who waits for room need not any more.
            (self.wake)();
        }
        if state.ending {
            // What is left is counted there.
            state.dropped += count(rest);
            return false;
        }
        let until = Instant::now() + RETRY_PAUSE;
        while !state.ending && !state.reopen {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.filled.wait_timeout(state, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        let asked = std::mem::take(&mut state.reopen);
        drop(state);
        self.reopen(asked);
        true
    }

    /// Lines that the sink will never take are told, too.
    fn tell_refused(&mut self) {
        let Some((lines, reason)) = self.sink.take_refused() else { return };
        log::error!("{} not written to the output {}: {reason}", counted_were(lines, "line"), self.name);
        self.shared.lock().tell(Outage { path: self.name.to_owned(), lines, reason, lasted: None });
        (self.wake)();
    }
}
