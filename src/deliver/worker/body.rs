//! A batch's id and bytes, which are the same at every attempt and over restarts.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Worker, new_id};
use crate::deliver::Webhook;
use crate::deliver::formats::{Batch, FORMATS};
use crate::deliver::jq::Judge;
use crate::deliver::lane::{Paused, WaitingEvent};
use crate::deliver::script::{self, Made};
use crate::store::Fixed;

/// Where no child can be started for an expression, the next attempt is made after that time.
const MAKER_PAUSE: Duration = Duration::from_secs(5);

/// What a batch is before it is sent.
pub(super) enum Fixing {
    Fixed(Arc<Fixed>),
    /// There is nothing to send.
    Nothing,
    /// No body can be made of its events, and why.
    Failed(String),
    /// There is no more time.
    Stopped,
}

impl Worker<'_> {
    /// Fixes a batch's id and bytes, for as long as it takes and over restarts.
    pub(super) fn fix(&mut self, events: &[WaitingEvent]) -> Fixing {
        let id = new_id();
        let body = match self.body(&id, events) {
            Ok(body) => body,
            Err(fixing) => return fixing,
        };
        let (number, last) = (*self.number, self.last());
        // What settles or is counted is other events than those that wait, and an expression may give anything.
        let Webhook { settle, rate, body: expression, .. } = &*self.webhook;
        let keeps_body = settle.is_some() || rate.is_some() || expression.is_some();
        let batch = Arc::new(Fixed { id, number, last, body, keeps_body, tried_milliseconds: 0 });
        self.lane.fixed(&batch);
        match self.lane.handle() {
            Some(handle) if !handle.fix(self.queue(), batch.clone(), &mut || self.lane.goes_on()) => Fixing::Stopped,
            _ => Fixing::Fixed(batch),
        }
    }

    /// A batch that was fixed when linkhook last ran, and was not refused: its body is made again of its events.
    pub(super) fn make_again(&mut self, fixed: &Fixed, events: &[WaitingEvent]) -> Fixing {
        match self.body(&fixed.id, events) {
            Ok(body) => Fixing::Fixed(Arc::new(Fixed { body, keeps_body: false, ..fixed.clone() })),
            Err(fixing) => fixing,
        }
    }

    /// The body of these events, however long it takes to make it.
    fn body(&mut self, id: &str, events: &[WaitingEvent]) -> Result<Vec<u8>, Fixing> {
        loop {
            match self.make(id, *self.number, events) {
                Ok(Made::Body(body)) => return Ok(body),
                Ok(Made::Nothing) => return Err(Fixing::Nothing),
                Ok(Made::Failed(why)) => return Err(Fixing::Failed(why)),
                Err(why) => {
                    log::error!("{}: {why}; again in {} s", self.webhook.title(), MAKER_PAUSE.as_secs());
                    if self.lane.pause(Instant::now() + MAKER_PAUSE, self.generation) == Paused::Ending {
                        return Err(Fixing::Stopped);
                    }
                    self.refresh();
                }
            }
        }
    }

    /// The body of these events.
    pub(super) fn make(&mut self, id: &str, number: u64, events: &[WaitingEvent]) -> Result<Made, String> {
        let events: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        let batch = self.webhook.batch(id, number, self.host, &events);
        let made = shown_body(&self.webhook, self.maker.as_mut(), &batch)?;
        Ok(match made {
            Made::Body(body) => Made::Body(compressed(&self.webhook, body)),
            made => made,
        })
    }
}

/// A batch's octets before they are compressed. The error says why the child that makes a body cannot be started.
pub(in crate::deliver) fn shown_body(
    webhook: &Webhook,
    maker: Option<&mut Judge>,
    batch: &Batch<'_>,
) -> Result<Made, String> {
    match maker {
        None => Ok(Made::Body((webhook.format.body)(batch))),
        Some(maker) => script::make(maker, &(FORMATS[0].body)(batch)),
    }
}

/// A batch's octets as they are sent. They are compressed once, and have no time in them: a retry is the same.
pub(in crate::deliver) fn compressed(webhook: &Webhook, body: Vec<u8>) -> Vec<u8> {
    if !webhook.compresses {
        return body;
    }
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    // Into memory nothing fails.
    match compressed.write_all(&body).and_then(|()| compressed.finish()) {
        Ok(compressed) => compressed,
        Err(_) => body,
    }
}
