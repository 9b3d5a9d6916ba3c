//! A webhook's thread: one batch on its way, again until it is taken or dead; then the next, in order.

mod body;
mod turn;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::rand::{GetRandomFlags, getrandom};

use super::Webhook;
use super::batch::{Limits, Size};
use super::formats::Meaning;
use super::jq::{Judge, Use};
use super::lane::{Death, Lane, WaitingEvent};
use super::retry::Consequence;
use super::script::{self, Made};
use super::send::{Parcel, Reply, Sender, StillOpen};
use crate::fault;
use crate::settle;
use crate::settle::rate::Counts;
use crate::store::{Fixed, Queue};
use crate::units::{counted, counted_are};
use body::Fixing;
pub(super) use body::{compressed, shown_body};
use turn::Turn;

/// Why events are lost of which no body can be made: each may have a reason of its own, which would have no bound.
const UNMADE: &str = "no body could be made of it";

/// A webhook's thread, until the end has come.
pub(super) struct Worker<'w> {
    lane: &'w Arc<Lane>,
    host: &'w str,
    webhook: Arc<Webhook>,
    generation: u64,
    sender: Sender,
    /// Makes bodies in the format's place.
    maker: Option<Judge>,
    size: Size,
    /// The number of the last batch.
    number: &'w mut u64,
    /// The receiver wants nothing before then.
    not_before: Option<Instant>,
    /// Since when the receiver takes nothing.
    failing: Option<Instant>,
    /// The id of the batch that was on its way when linkhook ended.
    resumed: Option<String>,
    /// Which of the batches that the events on their way have settled to is made and sent, where they settle.
    part: Option<Part>,
    /// What has come, where it must come often.
    counts: Counts,
    /// The same before the batch at hand.
    counts_before: Counts,
    /// Events up to that one were tried for too long: one attempt each.
    late_until: u64,
}

/// An event between one that is at fault and one that was taken out of its turn.
struct Between {
    sequence: u64,
    /// Its line and its batch, at which the receiver has failed; none where nothing is to be sent of it.
    failed: Option<(Arc<[u8]>, Probe)>,
}

/// A batch of one event that is tried out of its turn. It keeps its id and its bytes over its attempts.
#[derive(Clone)]
struct Probe {
    id: String,
    number: u64,
    body: Arc<[u8]>,
    /// How often the receiver has failed at it.
    failures: u32,
}

impl Probe {
    fn parcel<'p>(&'p self, events: &'p [Arc<[u8]>]) -> Parcel<'p> {
        Parcel { id: &self.id, number: self.number, body: &self.body, events }
    }
}

/// One of several batches that the events on their way have settled to.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The store is told that everything up to this event is done, once this batch is.
    last: u64,
    /// Whether it is the last one.
    is_last: bool,
}

/// What became of a batch.
enum BatchEnd {
    Done,
    /// So many of its first events are tried alone.
    Halved(usize),
    /// Somebody wants its events back.
    Recalled,
    /// There is no more time, or nothing more is wanted.
    Stopped,
}

/// Events that settle together at most.
const SETTLING_EVENTS_MAX: usize = 100_000;
/// A batch to which the receiver has so often in a row answered that it fails is looked into: one event may be at fault.
const SAME_ANSWERS: u32 = 5;

/// Events that may be at fault together, one behind the other.
const SUSPECTS_MAX: usize = 16;

/// Whether a status says that the receiver itself fails (5xx), and not that it is away for now (502 to 504).
fn is_failure(status: u16) -> bool {
    matches!(status, 500..=501 | 505..=599)
}

/// What one attempt says of whether its event is at fault.
enum Once {
    /// It is taken.
    Passes,
    /// The receiver fails at it.
    Fails,
    /// Neither.
    Unclear,
}

/// The failure that a receiver has answered again and again.
#[derive(Default)]
struct SameAnswer {
    status: u16,
    count: u32,
    /// Events that were tried out of their turn, by their numbers.
    probes: HashMap<u64, Probe>,
}

impl SameAnswer {
    /// One more answer; whether it is the same for too long.
    fn again(&mut self, status: Option<u16>) -> bool {
        let status = status.filter(|status| is_failure(*status)).unwrap_or_default();
        let count = if status == self.status { self.count.saturating_add(1) } else { 1 };
        (self.status, self.count) = (status, count);
        status != 0 && count >= SAME_ANSWERS
    }
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
        let maker = script::judge(Use::Body, webhook.body.as_ref());
        Worker {
            lane,
            host,
            webhook,
            generation,
            sender,
            maker,
            size,
            number,
            not_before: None,
            failing: None,
            resumed: None,
            part: None,
            counts: Counts::default(),
            counts_before: Counts::default(),
            late_until: 0,
        }
    }

    /// Delivers, first the batch that was on its way when linkhook ended.
    pub fn run(&mut self, resumed: Option<Arc<Fixed>>) {
        if let Some(batch) = resumed {
            let Some(events) = self.lane.resume() else { return };
            self.resumed = Some(batch.id.clone());
            if !self.deliver_taken(events, Some(batch)) {
                return;
            }
        }
        let mut last = None;
        loop {
            let size = self.size.now();
            let Some(taken) = self.lane.take(|webhook| limits(webhook, size), last) else { return };
            self.refresh();
            last = Some(Instant::now());
            if !self.deliver_taken(taken, None) {
                return;
            }
        }
    }

    /// Delivers events that were taken out: as they are, or what they have settled to. `false` when nothing more is to be done.
    fn deliver_taken(&mut self, taken: Vec<WaitingEvent>, fixed: Option<Arc<Fixed>>) -> bool {
        if self.webhook.settle.is_some() || self.webhook.rate.is_some() {
            let delivered = self.deliver_settled(&taken, fixed);
            self.part = None;
            return delivered;
        }
        *self.number += u64::from(fixed.is_none());
        self.deliver_all(taken, fixed)
    }

    /// Delivers what events have settled to, or what has come often enough, in as many batches as that takes. Until the last of
    /// these is done, the store keeps all of the events: after a kill they settle once more, and nothing is lost.
    fn deliver_settled(&mut self, taken: &[WaitingEvent], mut fixed: Option<Arc<Fixed>>) -> bool {
        let before = taken.first().map_or_else(|| self.lane.last_taken(), |first| first.sequence - 1);
        let mut settled = self.settled(taken);
        if settled.is_empty() && fixed.is_none() {
            self.lane.finish_last_part(self.lane.last_taken(), 0, None);
            return true;
        }
        if settled.is_empty() {
            // What is on its way was counted before linkhook ended.
            settled = taken.to_vec();
        }
        // What was fixed before is sent as it is.
        let mut parts = if fixed.is_some() { VecDeque::from([settled]) } else { self.parts(settled) };
        while let Some(mut part) = parts.pop_front() {
            let is_last = parts.is_empty();
            self.part = Some(Part { last: if is_last { self.lane.last_taken() } else { before }, is_last });
            *self.number += u64::from(fixed.is_none());
            match self.try_deliver(&part, fixed.take()) {
                BatchEnd::Done if self.lane.is_at_rest() => return true,
                BatchEnd::Done => {}
                BatchEnd::Halved(first) => {
                    *self.number -= 1;
                    parts.push_front(part.split_off(first));
                    parts.push_front(part);
                }
                BatchEnd::Recalled => {
                    // All of them settle once more, those that were delivered before, too.
                    self.give_back();
                    return true;
                }
                BatchEnd::Stopped => return false,
            }
        }
        true
    }

    /// What events settle to, and of that what has come often enough.
    fn settled(&mut self, taken: &[WaitingEvent]) -> Vec<WaitingEvent> {
        let settled = match self.webhook.settle {
            Some(settle) => settled(taken, settle.skips_same),
            None => taken.to_vec(),
        };
        let Some(rate) = self.webhook.rate else { return settled };
        self.counts_before = self.counts.clone();
        let dead_until = self.lane.dead_until();
        let often = settled.into_iter().filter_map(|event| {
            // It has come often enough before it was dead.
            if event.sequence <= dead_until {
                return Some(event);
            }
            let line = self.counts.take(&event.line, rate)?;
            Some(WaitingEvent { line, ..event })
        });
        often.collect()
    }

    /// As many batches as the bounds make of these.
    fn parts(&self, mut events: Vec<WaitingEvent>) -> VecDeque<Vec<WaitingEvent>> {
        let most = self.size.now().min(self.webhook.limits.events).min(self.webhook.format.events_max);
        let limits = Limits { events: most, ..self.webhook.limits };
        let mut parts = VecDeque::new();
        while !events.is_empty() {
            let count = limits.fitting(events.iter().map(|event| event.line.len())).min(events.len());
            let rest = events.split_off(count);
            parts.push_back(std::mem::replace(&mut events, rest));
        }
        parts
    }

    /// Nothing more is to be done with these events on their way: they are delivered, or lost for that reason, all of them or
    /// so many.
    fn finish(&self, last: u64, events: usize, lost: Option<(&str, Option<u64>)>) {
        match self.part {
            None => self.lane.finish_in_flight(last, lost),
            Some(Part { is_last: true, .. }) => self.lane.finish_last_part(last, events as u64, lost),
            Some(_) => self.lane.finish_part(last, events as u64, lost),
        }
    }

    /// Makes a batch, unless it is fixed, and sends it.
    fn try_deliver(&mut self, events: &[WaitingEvent], fixed: Option<Arc<Fixed>>) -> BatchEnd {
        let fixing = match fixed {
            Some(fixed) if fixed.body.is_empty() => self.make_again(&fixed, events),
            Some(fixed) => Fixing::Fixed(fixed),
            None => self.fix(events),
        };
        match fixing {
            Fixing::Fixed(batch) => self.deliver(events, &batch),
            // One of them may be what the expression fails on.
            Fixing::Failed(_) if events.len() > 1 => BatchEnd::Halved(events.len() / 2),
            Fixing::Failed(why) => self.bury_unmade(events, &why),
            Fixing::Nothing => self.pass_over(events.len()),
            Fixing::Stopped => BatchEnd::Stopped,
        }
    }

    /// The number of the last event that is done once the batch is.
    fn last(&self) -> u64 {
        self.part.map_or_else(|| self.lane.last_taken(), |part| part.last)
    }

    /// Delivers events that were taken out, as one batch or, where it is too large, as its first half: then the rest waits
    /// again. `false` when nothing more is to be done.
    fn deliver_all(&mut self, mut events: Vec<WaitingEvent>, mut fixed: Option<Arc<Fixed>>) -> bool {
        loop {
            match self.try_deliver(&events, fixed.take()) {
                BatchEnd::Done => return true,
                BatchEnd::Halved(first) => {
                    events.truncate(first);
                    self.lane.put_back(first);
                }
                BatchEnd::Recalled => {
                    self.give_back();
                    return true;
                }
                BatchEnd::Stopped => return false,
            }
        }
    }

    /// The events on their way wait again, and no receiver has taken the batch's number.
    fn give_back(&mut self) {
        // They count once more when they are taken out again.
        self.counts = std::mem::take(&mut self.counts_before);
        *self.number -= 1;
        self.lane.give_back(*self.number);
    }

    fn queue(&self) -> Arc<dyn Queue> {
        self.lane.clone()
    }

    /// Nothing is to be sent of so many events.
    fn pass_over(&mut self, events: usize) -> BatchEnd {
        log::debug!("{}: nothing to send of {}", self.webhook.title(), counted(events as u64, "event"));
        // No receiver has seen the number.
        *self.number -= 1;
        self.finish(self.last(), events, None);
        BatchEnd::Done
    }

    /// No body can be made of these events.
    fn bury_unmade(&mut self, events: &[WaitingEvent], why: &str) -> BatchEnd {
        log::error!("{}: {} not delivered: {why}", self.webhook.title(), counted_are(events.len() as u64, "event"));
        *self.number -= 1;
        if !self.lane.bury(&lines(events), Death::unsent(why)) {
            return BatchEnd::Stopped;
        }
        self.finish(self.last(), events.len(), Some((UNMADE, None)));
        BatchEnd::Done
    }

    /// Takes the webhook's new settings, where there are any.
    fn refresh(&mut self) {
        let (webhook, generation) = self.lane.webhook();
        if generation != self.generation {
            (self.sender, self.size) = (Sender::new(&webhook), Size::new(webhook.limits.events));
            self.maker = script::judge(Use::Body, webhook.body.as_ref());
            (self.webhook, self.generation) = (webhook, generation);
            self.not_before = None;
        }
    }

    /// Sends a batch until it is taken or dead.
    fn deliver(&mut self, events: &[WaitingEvent], batch: &Arc<Fixed>) -> BatchEnd {
        let lines = lines(events);
        let parcel = Parcel { id: &batch.id, number: batch.number, body: &batch.body, events: &lines };
        let (mut tried, mut same) = (Tried::new(batch), SameAnswer::default());
        let is_late = events.last().is_some_and(|last| last.sequence <= self.late_until);
        let mut open = StillOpen::All(None);
        for attempt in 0.. {
            self.refresh();
            match self.turn(&mut tried) {
                Turn::Now => {}
                Turn::Late => return self.give_up(events, batch, open, None),
                Turn::Stopped => return BatchEnd::Stopped,
                Turn::Recalled => return BatchEnd::Recalled,
            }
            let give_up = tried.reaches(self.webhook.retry.give_up_after);
            fault::point("before send");
            let reply = self.sender.send(&self.webhook, parcel, Timestamp::now().as_second());
            fault::point("after send");
            let verdict = self.webhook.retry.judge(reply.outcome(), attempt, Timestamp::now(), random());
            self.tell(batch, events.len(), attempt, &reply, verdict);
            let status = reply.status();
            match verdict {
                Consequence::Delivered => {
                    self.size.taken();
                    if let Reply::Answer { meaning: Meaning::Rejected { events: rejected, why }, .. } = &reply {
                        return self.bury_some(events, batch, (*rejected, why), status);
                    }
                    self.finish(batch.last, events.len(), None);
                    return BatchEnd::Done;
                }
                Consequence::Again { pause, .. } => {
                    self.not_before = Instant::now().checked_add(pause);
                    open = reply.still_open();
                    if same.again(status)
                        && let Some(end) = self.look_into(events, batch, &reply, &mut same)
                    {
                        return end;
                    }
                }
                Consequence::Halve => match self.size.refused(events.len()) {
                    Some(first) => return BatchEnd::Halved(first),
                    None => return self.bury(events, batch, "too large (413)", status),
                },
                // The next batch is as large as ever: it is not its size that is refused.
                Consequence::Bisect if events.len() > 1 => return BatchEnd::Halved(events.len() / 2),
                Consequence::Rest => match self.rest(&mut tried, (attempt == 0).then_some(batch)) {
                    Turn::Recalled => return BatchEnd::Recalled,
                    // The time at rest is none at which it was tried.
                    Turn::Now => {
                        self.note(&tried, None);
                        continue;
                    }
                    _ if self.lane.handle().is_none() => return BatchEnd::Done,
                    _ => return BatchEnd::Stopped,
                },
                Consequence::Dead | Consequence::Bisect => {
                    return self.bury(events, batch, &format!("refused ({})", reply.words()), status);
                }
            }
            if is_late || give_up.is_some_and(|give_up| give_up <= Instant::now()) {
                return self.give_up(events, batch, open, status);
            }
            self.note(&tried, (attempt == 0).then_some(batch));
        }
        BatchEnd::Stopped
    }

    /// The receiver has failed at a batch again and again. Halves find the event that it fails at; of a lone one it is known
    /// only once a later one passes: then it is dead, and holds up the others no longer. Those between them, at which the receiver has
    /// failed as often, are dead with it.
    fn look_into(
        &mut self,
        events: &[WaitingEvent],
        batch: &Fixed,
        reply: &Reply,
        same: &mut SameAnswer,
    ) -> Option<BatchEnd> {
        let title = self.webhook.title();
        if events.len() > 1 {
            log::info!("{title}: batch {}: always {}; it is halved", batch.number, reply.words());
            return Some(BatchEnd::Halved(events.len() / 2));
        }
        // What follows has not settled yet.
        if self.part.is_some() {
            return None;
        }
        let (mut number, mut between) = (batch.number, Vec::new());
        for next in self.lane.first_waiting(SUSPECTS_MAX) {
            let probe = match same.probes.entry(next.sequence) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let id = new_id();
                    match self.make(&id, number + 1, std::slice::from_ref(&next)) {
                        Ok(Made::Body(body)) => {
                            new.insert(Probe { id, number: number + 1, body: body.into(), failures: 0 })
                        }
                        Ok(Made::Nothing) => {
                            between.push(Between { sequence: next.sequence, failed: None });
                            continue;
                        }
                        Ok(Made::Failed(_)) | Err(_) => return None,
                    }
                }
            };
            number = probe.number;
            // One is tried at a time, so that a receiver that is down gets no more requests than it failed at.
            if probe.failures < SAME_ANSWERS {
                let event = [next.line.clone()];
                let other = self.sender.send(&self.webhook, probe.parcel(&event), Timestamp::now().as_second());
                log::debug!("{title}: is event {} at fault? {}: {}", events[0].sequence, next.sequence, other.words());
                match self.outcome(&other) {
                    Once::Passes => return self.settle_fault(events, batch, between, next.sequence, number),
                    Once::Fails => probe.failures += 1,
                    Once::Unclear => return None,
                }
                if probe.failures < SAME_ANSWERS {
                    return None;
                }
            }
            between.push(Between { sequence: next.sequence, failed: Some((next.line, probe.clone())) });
        }
        None
    }

    /// What one attempt says of whether its event is at fault.
    fn outcome(&self, reply: &Reply) -> Once {
        match self.webhook.retry.judge(reply.outcome(), 0, Timestamp::now(), random()) {
            Consequence::Delivered => Once::Passes,
            _ if reply.status().is_some_and(is_failure) => Once::Fails,
            _ => Once::Unclear,
        }
    }

    /// An event was taken out of its turn: the receiver may be well again. So each of those before it is tried once more, and only
    /// what fails now is at fault.
    fn settle_fault(
        &mut self,
        events: &[WaitingEvent],
        batch: &Fixed,
        between: Vec<Between>,
        taken: u64,
        number: u64,
    ) -> Option<BatchEnd> {
        self.not_before = None;
        let lines = lines(events);
        let parcel = Parcel { id: &batch.id, number: batch.number, body: &batch.body, events: &lines };
        let reply = self.sender.send(&self.webhook, parcel, Timestamp::now().as_second());
        let end = match self.outcome(&reply) {
            Once::Passes => {
                self.tell(batch, events.len(), 0, &reply, Consequence::Delivered);
                if let Reply::Answer { meaning: Meaning::Rejected { events: rejected, why }, .. } = &reply {
                    self.bury_some(events, batch, (*rejected, why), reply.status())
                } else {
                    self.finish(batch.last, events.len(), None);
                    BatchEnd::Done
                }
            }
            Once::Fails => self.bury(events, batch, &at_fault(&reply), reply.status()),
            Once::Unclear => return None,
        };
        Some(if matches!(end, BatchEnd::Done) { self.pass(between, taken, number) } else { end })
    }

    /// An event was taken out of its turn, and the one in whose turn that was is done. Those between them are tried once more:
    /// what fails is dead, and where that cannot be said, they wait for their turn, and so does the one that was taken.
    fn pass(&mut self, between: Vec<Between>, taken: u64, number: u64) -> BatchEnd {
        for Between { sequence, failed } in between {
            let Some((line, probe)) = failed else {
                if !self.lane.take_waiting(sequence) {
                    return BatchEnd::Done;
                }
                self.lane.finish_in_flight(sequence, None);
                continue;
            };
            let event = [line];
            let reply = self.sender.send(&self.webhook, probe.parcel(&event), Timestamp::now().as_second());
            let outcome = self.outcome(&reply);
            if matches!(outcome, Once::Unclear) || !self.lane.take_waiting(sequence) {
                return BatchEnd::Done;
            }
            *self.number = probe.number;
            if matches!(outcome, Once::Passes) {
                self.lane.finish_in_flight(sequence, None);
                continue;
            }
            let reason = at_fault(&reply);
            log::error!("{}: event {sequence} is not delivered: {reason}", self.webhook.title());
            let death = Death { status: reply.status(), ..Death::unsent(&reason) };
            if !self.lane.bury(&event, death) {
                return BatchEnd::Stopped;
            }
            self.lane.finish_in_flight(sequence, Some((&reason, None)));
        }
        if self.lane.take_waiting(taken) {
            *self.number = number;
            self.lane.finish_in_flight(taken, None);
        }
        BatchEnd::Done
    }

    /// For how long the batch was tried outlives linkhook, and once it was tried in vain its body does, too: the settings may be
    /// others then.
    fn note(&self, tried: &Tried, batch: Option<&Arc<Fixed>>) {
        if let Some(handle) = self.lane.handle() {
            let milliseconds = u64::try_from(tried.so_far().as_millis()).unwrap_or(u64::MAX >> 1);
            handle.tried(self.queue(), milliseconds, batch.filter(|batch| !batch.keeps_body).cloned());
        }
    }

    /// A batch was tried for too long. Where the receiver has taken some of it, halves find what it has not, with one attempt each.
    fn give_up(&mut self, events: &[WaitingEvent], batch: &Fixed, open: StillOpen, status: Option<u16>) -> BatchEnd {
        const LATE: &str = "not taken in time";
        match (open, events.last()) {
            (StillOpen::Some(words), Some(last)) if events.len() > 1 => {
                log::info!("{}: batch {}: {words}, for too long; it is halved", self.webhook.title(), batch.number);
                self.late_until = self.late_until.max(last.sequence);
                if self.part.is_none() {
                    self.lane.keep_apart(self.late_until);
                }
                BatchEnd::Halved(events.len() / 2)
            }
            (StillOpen::All(None), _) => self.bury(events, batch, LATE, status),
            (StillOpen::All(Some(words)) | StillOpen::Some(words), _) => {
                self.bury(events, batch, &format!("{LATE} ({words})"), status)
            }
        }
    }

    /// The batch will never be delivered: it goes to the dead letters, where there are any.
    fn bury(&mut self, events: &[WaitingEvent], batch: &Fixed, reason: &str, status: Option<u16>) -> BatchEnd {
        if !self.lane.bury(&lines(events), self.death(batch, reason, status)) {
            return BatchEnd::Stopped;
        }
        fault::point("after dead letter");
        self.finish(batch.last, events.len(), Some((reason, None)));
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
        if !self.lane.bury(&lines(events), self.death(batch, &reason, status)) {
            return BatchEnd::Stopped;
        }
        self.finish(batch.last, events.len(), Some((&reason, Some(rejected))));
        BatchEnd::Done
    }

    /// Says what happened: the first failure loudly, the others only to who asks for more.
    fn tell(&mut self, batch: &Fixed, events: usize, attempt: u32, reply: &Reply, verdict: Consequence) {
        let (title, words, number, id) = (self.webhook.title(), reply.words(), batch.number, &batch.id);
        let count = counted(events as u64, "event");
        let what = format_args!("{title}: batch {number} ({count}, {id}), attempt {}: {words}", attempt + 1);
        if verdict == Consequence::Delivered {
            self.lane.attempt_succeeded();
        } else {
            self.lane.attempt_failed(&words);
        }
        match verdict {
            Consequence::Delivered => match self.failing.take() {
                Some(since) => {
                    log::warn!("{title}: it takes events again");
                    self.lane.recovered(since.elapsed());
                }
                None => log::debug!("{what}"),
            },
            Consequence::Again { pause, cut_from } => {
                let is_refused = matches!(reply, Reply::Answer { status: 400..=404, .. });
                let level = match () {
                    // It will not mend itself.
                    () if is_refused => log::Level::Error,
                    () if self.failing.is_some() && cut_from.is_none() => log::Level::Info,
                    () => log::Level::Warn,
                };
                self.failing.get_or_insert_with(Instant::now);
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

/// Why an event is dead at which a receiver fails.
fn at_fault(reply: &Reply) -> String {
    format!("always {}, while others pass", reply.words())
}

fn lines(events: &[WaitingEvent]) -> Vec<Arc<[u8]>> {
    events.iter().map(|event| event.line.clone()).collect()
}

/// What events have settled to: each has the number of the last one that it stands for.
fn settled(events: &[WaitingEvent], skips_same: bool) -> Vec<WaitingEvent> {
    let lines: Vec<&[u8]> = events.iter().map(|event| &*event.line).collect();
    let settled = settle::settle(&lines).into_iter().filter(|settled| !(skips_same && settled.is_same));
    let with_number = settled.filter_map(|settled| {
        let last = &events[*settled.places.last()?];
        Some(WaitingEvent { line: settled.line.into(), ..last.clone() })
    });
    with_number.collect()
}

fn limits(webhook: &Webhook, events_max: usize) -> Limits {
    if webhook.settle.is_some() {
        // They are made less before they are a batch.
        return Limits { events: SETTLING_EVENTS_MAX, bytes: usize::MAX, ..webhook.limits };
    }
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
