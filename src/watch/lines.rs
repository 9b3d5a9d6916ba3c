//! Where what was told goes: to the jq expression, the store, the webhooks, the output; and what is told of them.

use std::io;
use std::time::Instant;

use super::{FINISH_TIMEOUT, JUDGE_TIMEOUT, LoopEnd, WatchLoop, own_telling};
use crate::deliver::hub::Hub;
use crate::error::Error;
use crate::event::own;
use crate::output::outputs::Outputs;
use crate::output::writer::Outage;
use crate::store::Append;
use crate::stream::Stream;
use crate::stream::judge::{Asker, Judged, LineBatch, REASON, Settled};
use crate::units::counted_are;

impl WatchLoop<'_> {
    /// Tells what webhooks have lost, if it is time or must be now.
    pub(super) fn tell_losses(&mut self, must: bool) {
        let told = self.stream.losses(&mut self.out, own_telling(None), Instant::now(), must);
        if self.store.is_some() {
            self.told.extend(told);
        }
    }

    /// Tells what outputs did not get; of those that could not be written for a while, now that they can.
    pub(super) fn tell_outages(&mut self) {
        for Outage { path, lines, reason, lasted } in self.outputs.take_outages() {
            self.measures.output_dropped_lines += lines;
            if lines > 0 {
                self.stream.own(&mut self.out, &own::OUTPUT_DROPPED, own_telling(None), |out| {
                    out.key("path");
                    out.string(&path);
                    out.key("lines");
                    out.unsigned(lines);
                    out.key("reason");
                    out.string(&reason);
                });
            }
            let Some(lasted) = lasted else { continue };
            self.stream.own(&mut self.out, &own::OUTPUT_RECOVERED, own_telling(None), |out| {
                out.key("path");
                out.string(&path);
                out.key("lasted");
                out.display(format_args!("{:.6}s", lasted.as_secs_f64()));
            });
        }
    }

    /// Lines go to the output and to the webhooks: at once, or by the store, which has them first; before that to the jq
    /// expression, where there is one.
    pub(super) fn flush(&mut self) -> std::result::Result<(), LoopEnd> {
        if self.asker.as_ref().is_some_and(Asker::is_busy) {
            // What was told since waits behind it.
            return Ok(());
        }
        if let Some((asker, batch)) = self.asker.as_mut().zip(self.stream.take_unjudged(&mut self.out)) {
            asker.ask(batch);
            self.beside = Some(self.gather());
            return self.take_verdicts();
        }
        if self.store.is_none() {
            if let Some(hub) = self.stream.hub_mut() {
                hub.release();
            }
            self.feed();
            let result = print(&mut self.outputs, &mut self.stream, self.out.bytes());
            self.out.clear();
            return result;
        }
        let append = self.gather();
        let lines = self.out.bytes().to_vec();
        self.out.clear();
        self.hand_over(append, lines)
    }

    /// What goes to the store beside lines and events.
    fn gather(&mut self) -> Append {
        let Some(store) = &self.store else { return Append::default() };
        if store.wants_mirror() {
            self.places.iter_mut().for_each(|place| place.tell_store_all());
        }
        let mut append = Append {
            forgotten: std::mem::take(&mut self.forgotten),
            told: self.told.drain(..).map(|loss| (loss.queue, loss.reason, loss.events)).collect(),
            ..Append::default()
        };
        self.places.iter_mut().filter(|place| place.has_changes()).for_each(|place| place.take_changes(&mut append));
        append
    }

    fn hand_over(&mut self, append: Append, lines: Vec<u8>) -> std::result::Result<(), LoopEnd> {
        let sequence = self.stream.sequence();
        let kept = self.feed();
        let Some(store) = &self.store else {
            if let Some(hub) = self.stream.hub_mut() {
                hub.release();
            }
            return print(&mut self.outputs, &mut self.stream, &lines);
        };
        let events = self.stream.hub_mut().map(Hub::take_staged).unwrap_or_default();
        let history = if self.settings.keeps_history() { kept } else { Vec::new() };
        store.append(Append { lines, sequence, history, events, ..append });
        Ok(())
    }

    /// Gives the lines that were told to whoever reads them over HTTP: at once, or once they are committed. Gives them back.
    fn feed(&mut self) -> Vec<u8> {
        let lines = self.stream.take_lines();
        if let Some(server) = &self.measures.server {
            let sequence = self.stream.sequence();
            server.feed().put(&lines, sequence);
            if self.store.is_none() {
                server.feed().release(sequence);
            }
        }
        lines
    }

    /// Readers over HTTP may have what is committed.
    fn release(&self) {
        if let Some((server, store)) = self.measures.server.as_ref().zip(self.store.as_ref()) {
            server.feed().release(store.committed());
        }
    }

    /// Takes what the jq expression has decided, once it has, and hands over what it lets through.
    pub(super) fn take_verdicts(&mut self) -> std::result::Result<(), LoopEnd> {
        match self.asker.as_mut().and_then(Asker::take) {
            Some((batch, judged)) => self.settle(&batch, judged),
            None => Ok(()),
        }
    }

    fn settle(&mut self, batch: &LineBatch, mut judged: Judged) -> std::result::Result<(), LoopEnd> {
        let cut = judged.cut.take();
        let Settled { lines, unjudged } = self.stream.settle(batch, judged);
        // With the last part: what exists is known to the store only once all that was told of it is there.
        let is_last = !self.asker.as_ref().is_some_and(Asker::is_busy);
        let append = if is_last { self.beside.take().unwrap_or_default() } else { Append::default() };
        self.hand_over(append, lines)?;
        match cut {
            Some(why) if !self.service => Err(Error::failed(why).into()),
            _ => {
                self.unjudged.add(if self.service { unjudged } else { 0 });
                Ok(())
            }
        }
    }

    /// Tells what `[watch] filter` has failed on, if it is time or must be now.
    pub(super) fn tell_unjudged(&mut self, must: bool) {
        let Some(events) = self.unjudged.take(Instant::now(), must) else { return };
        log::warn!("{} left out: {REASON}", counted_are(events, "event"));
        self.stream.own(&mut self.out, &own::OUTPUT_DROPPED, own_telling(None), |out| {
            out.key("events");
            out.unsigned(events);
            out.key("reason");
            out.string(REASON);
        });
    }

    /// The end waits for the jq expression, for a bounded time.
    pub(super) fn judge_last(&mut self) -> std::result::Result<(), LoopEnd> {
        let deadline = Instant::now() + JUDGE_TIMEOUT;
        loop {
            self.flush()?;
            let left = deadline.saturating_duration_since(Instant::now());
            let Some((batch, judged)) = self.asker.as_mut().and_then(|asker| asker.take_within(left)) else {
                return Ok(());
            };
            self.settle(&batch, judged)?;
        }
    }

    /// Prints the lines that the store has committed.
    pub(super) fn print_committed(&mut self) -> std::result::Result<(), LoopEnd> {
        let Some(store) = &self.store else { return Ok(()) };
        let lines = store.released()?;
        self.release();
        print(&mut self.outputs, &mut self.stream, &lines)
    }

    /// The same at the end, once everything is committed.
    pub(super) fn print_settled(&mut self) -> std::result::Result<(), LoopEnd> {
        let Some(store) = &self.store else { return Ok(()) };
        let lines = store.settle(FINISH_TIMEOUT);
        self.release();
        print(&mut self.outputs, &mut self.stream, &lines)
    }
}

/// Hands lines to the outputs.
fn print(outputs: &mut Outputs, stream: &mut Stream, lines: &[u8]) -> std::result::Result<(), LoopEnd> {
    match outputs.write(lines, stream.shares_mut()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(LoopEnd::Closed),
        Err(error) => Err(Error::system("cannot write the output", &error).into()),
        Ok(()) => Ok(()),
    }
}
