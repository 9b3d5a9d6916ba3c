//! A webhook's thread: one batch on its way, again until it is taken or dead; then the next, in order.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use rustix::rand::{GetRandomFlags, getrandom};

use super::Webhook;
use super::batch::{Limits, Size};
use super::formats::{Batch, Meaning};
use super::lane::{Death, Lane, Paused, WaitingEvent};
use super::retry::Consequence;
use super::send::{Parcel, Reply, Sender};
use crate::fault;
use crate::store::{Fixed, Queue};
use crate::units::counted;

/// A webhook's thread, until the end has come.
pub(super) struct Worker<'w> {
    lane: &'w Arc<Lane>,
    host: &'w str,
    webhook: Arc<Webhook>,
    generation: u64,
    sender: Sender,
    size: Size,
    /// The number of the last batch.
    number: &'w mut u64,
    /// The receiver wants nothing before then.
    not_before: Option<Instant>,
    failing: bool,
    /// The id of the batch that was on its way when linkhook ended.
    resumed: Option<String>,
}

/// What became of a batch.
enum BatchEnd {
    Done,
    /// So many of its first events are tried alone.
    Halved(usize),
    /// There is no more time, or nothing more is wanted.
    Stopped,
}

/// For how long a batch was tried: by a clock that nobody sets, and over restarts. The time at rest is not among it.
struct Tried {
    before: Duration,
    since: Instant,
}

impl Tried {
    fn new(batch: &Fixed) -> Tried {
        Tried { before: Duration::from_millis(batch.tried_milliseconds), since: Instant::now() }
    }

    fn so_far(&self) -> Duration {
        self.before + self.since.elapsed()
    }

    /// When it has been tried for so long.
    fn reaches(&self, most: Duration) -> Option<Instant> {
        self.since.checked_add(most.saturating_sub(self.before))
    }
}

impl<'w> Worker<'w> {
    /// A worker that goes on from that batch's number.
    pub fn new(lane: &'w Arc<Lane>, host: &'w str, number: &'w mut u64) -> Worker<'w> {
        let (webhook, generation) = lane.webhook();
        let (sender, size) = (Sender::new(&webhook), Size::new(webhook.limits.events));
        Worker {
            lane,
            host,
            webhook,
            generation,
            sender,
            size,
            number,
            not_before: None,
            failing: false,
            resumed: None,
        }
    }

    /// Delivers, first the batch that was on its way when linkhook ended.
    pub fn run(&mut self, resumed: Option<Arc<Fixed>>) {
        if let Some(batch) = resumed {
            let Some(events) = self.lane.resume() else { return };
            self.resumed = Some(batch.id.clone());
            if !self.deliver_all(events, Some(batch)) {
                return;
            }
        }
        let mut last = None;
        loop {
            let size = self.size.now();
            let Some(taken) = self.lane.take(|webhook| limits(webhook, size), last) else { return };
            self.refresh();
            last = Some(Instant::now());
            *self.number += 1;
            if !self.deliver_all(taken, None) {
                return;
            }
        }
    }

    /// Delivers events that were taken out, as one batch or, where it is too large, as its first half: then the rest waits
    /// again. `false` when nothing more is to be done.
    fn deliver_all(&mut self, mut events: Vec<WaitingEvent>, mut fixed: Option<Arc<Fixed>>) -> bool {
        loop {
            let batch = match fixed.take() {
                Some(batch) => batch,
                None => match self.fix(&events) {
                    Some(batch) => batch,
                    None => return false,
                },
            };
            match self.deliver(&events, &batch) {
                BatchEnd::Done => return true,
                BatchEnd::Halved(first) => {
                    events.truncate(first);
                    self.lane.put_back(first);
                }
                BatchEnd::Stopped => return false,
            }
        }
    }

    fn queue(&self) -> Arc<dyn Queue> {
        self.lane.clone()
    }

    /// Fixes a batch's id and bytes, for as long as it takes and over restarts.
    fn fix(&mut self, events: &[WaitingEvent]) -> Option<Arc<Fixed>> {
        let id = new_id();
        let lines: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        let batch = Batch {
            id: &id,
            webhook: &self.webhook.name,
            number: *self.number,
            host: self.host,
            fields: &self.webhook.fields,
            events: &lines,
        };
        let body = body(&self.webhook, &batch);
        let (number, last) = (*self.number, self.lane.last_taken());
        let batch = Arc::new(Fixed { id, number, last, body, tried_milliseconds: 0 });
        self.lane.fixed(&batch);
        match self.lane.handle() {
            Some(handle) if !handle.fix(self.queue(), batch.clone(), &mut || self.lane.goes_on()) => None,
            _ => Some(batch),
        }
    }

    /// Takes the webhook's new settings, where there are any.
    fn refresh(&mut self) {
        let (webhook, generation) = self.lane.webhook();
        if generation != self.generation {
            (self.sender, self.size) = (Sender::new(&webhook), Size::new(webhook.limits.events));
            (self.webhook, self.generation) = (webhook, generation);
            self.not_before = None;
        }
    }

    /// Sends a batch until it is taken or dead.
    fn deliver(&mut self, events: &[WaitingEvent], batch: &Fixed) -> BatchEnd {
        const LATE: &str = "not taken in time";
        let parcel = Parcel { id: &batch.id, number: batch.number, body: &batch.body };
        let mut tried = Tried::new(batch);
        for attempt in 0.. {
            self.refresh();
            let give_up = tried.reaches(self.webhook.retry.give_up_after);
            // What the receiver asked for holds for the whole webhook.
            if let Some(until) = self.not_before.take() {
                let (earlier, given_up) = match give_up {
                    Some(give_up) if give_up < until => (give_up, true),
                    _ => (until, false),
                };
                match self.lane.pause(earlier, self.generation) {
                    Paused::Ending => {
                        self.note(&tried);
                        return BatchEnd::Stopped;
                    }
                    Paused::Changed => self.refresh(),
                    Paused::Through if given_up => {
                        self.not_before = Some(until);
                        return self.bury(events, batch, LATE, None);
                    }
                    Paused::Through => {}
                }
            }
            fault::point("before send");
            let reply = self.sender.send(&self.webhook, parcel, Timestamp::now().as_second());
            fault::point("after send");
            let verdict = self.webhook.retry.judge(reply.outcome(), attempt, Timestamp::now(), random());
            self.tell(batch, events.len(), attempt, &reply, verdict);
            let status = match &reply {
                Reply::Answer { status, .. } => Some(*status),
                Reply::None(_) => None,
            };
            match verdict {
                Consequence::Delivered => {
                    self.size.taken();
                    if let Reply::Answer { meaning: Meaning::Rejected { events: rejected, why }, .. } = &reply {
                        return self.bury_some(events, batch, (*rejected, why), status);
                    }
                    self.lane.finish_in_flight(batch.last, None);
                    return BatchEnd::Done;
                }
                Consequence::Again { pause, .. } => self.not_before = Instant::now().checked_add(pause),
                Consequence::Halve => match self.size.refused(events.len()) {
                    Some(first) => return BatchEnd::Halved(first),
                    None => return self.bury(events, batch, "too large (413)", status),
                },
                // The next batch is as large as ever: it is not its size that is refused.
                Consequence::Bisect if events.len() > 1 => return BatchEnd::Halved(events.len() / 2),
                Consequence::Rest => {
                    if !self.rest(&mut tried) {
                        return if self.lane.handle().is_none() { BatchEnd::Done } else { BatchEnd::Stopped };
                    }
                }
                Consequence::Dead | Consequence::Bisect => {
                    return self.bury(events, batch, &format!("refused ({})", reply.words()), status);
                }
            }
            if give_up.is_some_and(|give_up| give_up <= Instant::now()) {
                return self.bury(events, batch, LATE, status);
            }
            self.note(&tried);
        }
        BatchEnd::Stopped
    }

    /// The receiver wants nothing more: until the webhook has other settings. `false` when it has none before the end, or
    /// when nothing is left to send.
    fn rest(&mut self, tried: &mut Tried) -> bool {
        self.lane.rest("at rest: the receiver wants nothing more (410)");
        if self.lane.handle().is_none() {
            return false;
        }
        let far = Instant::now() + Duration::from_secs(u64::from(u32::MAX));
        *tried = Tried { before: tried.so_far(), since: Instant::now() };
        self.note(tried);
        let changed = self.lane.pause(far, self.generation) == Paused::Changed;
        tried.since = Instant::now();
        changed
    }

    /// For how long the batch was tried outlives linkhook.
    fn note(&self, tried: &Tried) {
        if let Some(handle) = self.lane.handle() {
            handle.tried(self.queue(), u64::try_from(tried.so_far().as_millis()).unwrap_or(u64::MAX >> 1));
        }
    }

    /// The batch will never be delivered: it goes to the dead letters, where there are any.
    fn bury(&mut self, events: &[WaitingEvent], batch: &Fixed, reason: &str, status: Option<u16>) -> BatchEnd {
        let lines: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        if !self.lane.bury(&lines, self.death(batch, reason, status)) {
            return BatchEnd::Stopped;
        }
        fault::point("after dead letter");
        self.lane.finish_in_flight(batch.last, Some((reason, None)));
        BatchEnd::Done
    }

    fn death<'d>(&self, batch: &'d Fixed, reason: &'d str, status: Option<u16>) -> Death<'d> {
        let is_resumed = self.resumed.as_deref() == Some(batch.id.as_str());
        Death { reason, status, batch: Some((&batch.id, batch.number)), is_resumed }
    }

    /// The receiver has rejected so many of the batch's events, and does not say which: all of them are in the dead letters, with
    /// that reason, and so many are told.
    fn bury_some(
        &mut self,
        events: &[WaitingEvent],
        batch: &Fixed,
        (rejected, why): (u64, &str),
        status: Option<u16>,
    ) -> BatchEnd {
        let rejected = rejected.min(events.len() as u64);
        let reason = format!("rejected {rejected} of {}: {why}", events.len());
        let lines: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        if !self.lane.bury(&lines, self.death(batch, &reason, status)) {
            return BatchEnd::Stopped;
        }
        self.lane.finish_in_flight(batch.last, Some((&reason, Some(rejected))));
        BatchEnd::Done
    }

    /// Says what happened: the first failure loudly, the others only to who asks for more.
    fn tell(&mut self, batch: &Fixed, events: usize, attempt: u32, reply: &Reply, verdict: Consequence) {
        let (name, words, number, id) = (&self.webhook.name, reply.words(), batch.number, &batch.id);
        let count = counted(events as u64, "event");
        let what = format_args!("webhook {name}: batch {number} ({count}, {id}), attempt {}: {words}", attempt + 1);
        if verdict != Consequence::Delivered {
            self.lane.attempt_failed();
        }
        match verdict {
            Consequence::Delivered if self.failing => {
                self.failing = false;
                log::warn!("webhook {name}: it takes events again");
            }
            Consequence::Delivered => log::debug!("{what}"),
            Consequence::Again { pause, cut_from } => {
                let is_refused = matches!(reply, Reply::Answer { status: 400..=404, .. });
                let level = match () {
                    // It will not mend itself.
                    () if is_refused => log::Level::Error,
                    () if self.failing && cut_from.is_none() => log::Level::Info,
                    () => log::Level::Warn,
                };
                self.failing = true;
                let cut = cut_from.map(|asked| format!(" (Retry-After asks for {} s)", asked.as_secs()));
                log::log!(level, "{what}; again in {:.1} s{}", pause.as_secs_f64(), cut.unwrap_or_default());
            }
            Consequence::Halve | Consequence::Bisect if events > 1 => log::info!("{what}; it is halved"),
            Consequence::Rest => log::error!("{what}; nothing more is sent to it until linkhook is started again"),
            Consequence::Halve | Consequence::Bisect | Consequence::Dead => {
                log::error!("{what}; the batch is not delivered")
            }
        }
    }
}

/// A batch's octets. They are compressed once, and have no time in them: a retry is the same.
pub(super) fn body(webhook: &Webhook, batch: &Batch<'_>) -> Vec<u8> {
    let body = (webhook.format.body)(batch);
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

fn limits(webhook: &Webhook, events_max: usize) -> Limits {
    Limits { events: events_max.min(webhook.limits.events).min(webhook.format.events_max), ..webhook.limits }
}

/// An id that nobody has used, and nobody can guess.
pub(super) fn new_id() -> String {
    let mut octets = [0; 16];
    fill(&mut octets);
    format!("msg_{:032x}", u128::from_be_bytes(octets))
}

/// Uniform in 0 to 1.
fn random() -> f64 {
    let mut octets = [0; 8];
    fill(&mut octets);
    (u64::from_be_bytes(octets) >> 11) as f64 / (1_u64 << 53) as f64
}

fn fill(octets: &mut [u8]) {
    // So few bytes are given whole (getrandom(2)), and there is no other error than an interruption.
    while getrandom(&mut *octets, GetRandomFlags::empty()).is_err() {}
}
