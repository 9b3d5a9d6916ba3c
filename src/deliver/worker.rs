//! A webhook's thread: one batch on its way, again until it is taken or dead; then the next, in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::rand::{GetRandomFlags, getrandom};

use super::Webhook;
use super::batch::{Limits, Size};
use super::dead::{DeadLetters, Letter};
use super::formats::Batch;
use super::jq::{self, Judge};
use super::lane::{Lane, Paused, Waiting};
use super::retry::Verdict;
use super::send::{Parcel, Reply, Sender};
use crate::fault;
use crate::store::{Fixed, Queue};

/// Where no child can be started for the jq filter, the next attempt is made after that time.
const JUDGE_PAUSE: Duration = Duration::from_secs(5);
/// Dead letters that cannot be written are tried again so often.
const DEAD_PAUSE: Duration = Duration::from_secs(1);

/// A webhook's thread, until the end has come.
pub(super) struct Worker<'w> {
    lane: &'w Arc<Lane>,
    host: &'w str,
    dead: Option<&'w mut DeadLetters>,
    webhook: Arc<Webhook>,
    generation: u64,
    sender: Sender,
    judge: Option<Judge>,
    size: Size,
    /// The number of the last batch.
    number: &'w mut u64,
    /// Events that the next batch passes over.
    passed: Vec<u64>,
    /// The receiver wants nothing before then.
    not_before: Option<Instant>,
    failing: bool,
}

/// What became of a batch.
enum Ended {
    Done,
    /// So many of its first events are tried alone.
    Halved(usize),
    /// There is no more time, or nothing more is wanted.
    Stopped,
}

/// Why a batch is not delivered.
struct Death {
    reason: String,
    status: Option<u16>,
}

impl<'w> Worker<'w> {
    /// A worker that goes on from that batch's number.
    pub fn new(
        lane: &'w Arc<Lane>,
        host: &'w str,
        dead: Option<&'w mut DeadLetters>,
        number: &'w mut u64,
    ) -> Worker<'w> {
        let (webhook, generation) = lane.webhook();
        let (sender, size) = (Sender::new(&webhook), Size::new(webhook.limits.events));
        let judge = webhook.jq.as_deref().map(Judge::new);
        Worker {
            lane,
            host,
            dead,
            webhook,
            generation,
            sender,
            judge,
            size,
            number,
            passed: Vec::new(),
            not_before: None,
            failing: false,
        }
    }

    /// Delivers, first the batch that was on its way when linkhook ended.
    pub fn run(&mut self, resumed: Option<Fixed>) {
        if let Some(batch) = resumed {
            let events = self.lane.resume();
            if !self.deliver_all(events, Some(batch)) {
                return;
            }
        }
        let mut last = None;
        loop {
            let size = self.size.now();
            let Some(taken) = self.lane.take(|webhook| limits(webhook, size), last) else { return };
            self.refresh();
            let Some((events, passed)) = self.sift(taken) else { return };
            if events.is_empty() {
                self.done(self.lane.last_taken(), None);
                continue;
            }
            last = Some(Instant::now());
            *self.number += 1;
            self.passed = passed;
            if !self.deliver_all(events, None) {
                return;
            }
        }
    }

    /// Delivers events that were taken out, as one batch or, where it is too large, as its first half: then the rest waits
    /// again. `false` when nothing more is to be done.
    fn deliver_all(&mut self, mut events: Vec<Waiting>, mut fixed: Option<Fixed>) -> bool {
        loop {
            let batch = match fixed.take() {
                Some(batch) => batch,
                None => match self.fix(&events) {
                    Some(batch) => batch,
                    None => return false,
                },
            };
            match self.deliver(&events, &batch) {
                Ended::Done => return true,
                Ended::Halved(first) => {
                    events.truncate(first);
                    self.lane.put_back(first);
                }
                Ended::Stopped => return false,
            }
        }
    }

    /// Leaves out what the jq filter does not want, and what it fails on, which goes to the dead letters: the numbers of
    /// both come second. `None` when the end comes.
    fn sift(&mut self, mut events: Vec<Waiting>) -> Option<(Vec<Waiting>, Vec<u64>)> {
        let lines: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        let verdicts = loop {
            let Some(judge) = &mut self.judge else { return Some((events, Vec::new())) };
            let why = match judge.judge(&lines) {
                Ok(verdicts) => break verdicts,
                Err(why) => why,
            };
            log::error!("webhook {}: {why}; again in {} s", self.webhook.name, JUDGE_PAUSE.as_secs());
            match self.lane.pause(Instant::now() + JUDGE_PAUSE, self.generation) {
                Paused::Ending => return None,
                Paused::Changed => self.refresh(),
                Paused::Through => {}
            }
        };
        let name = &self.webhook.name;
        self.lane.put_back(verdicts.len());
        events.truncate(verdicts.len());
        let (mut kept, mut passed) = (Vec::with_capacity(events.len()), Vec::new());
        let (mut broken, mut reasons): (Vec<Arc<[u8]>>, Vec<String>) = (Vec::new(), Vec::new());
        for (event, verdict) in events.into_iter().zip(verdicts) {
            let reason = match verdict {
                jq::Verdict::Keep => {
                    kept.push(event);
                    continue;
                }
                jq::Verdict::Drop => None,
                jq::Verdict::Broken(reason) => Some(reason),
            };
            passed.push(event.sequence);
            let Some(reason) = reason else { continue };
            broken.push(event.line);
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        self.lane.keep(&kept);
        if let Some(first) = reasons.first() {
            // An expression that fails on everything must not flood the log, nor sync the disk for each event.
            let events = broken;
            let reason = match reasons.len() - 1 {
                0 => first.clone(),
                others => format!("{first}, and {others} other reasons"),
            };
            log::error!("webhook {name}: {} events are not delivered: {reason}", events.len());
            let letter = Letter {
                time_microseconds: Timestamp::now().as_microsecond(),
                reason: &reason,
                status: None,
                batch: None,
                events: &events,
            };
            if !bury(self.lane, self.dead.as_deref_mut(), &letter) {
                return None;
            }
            // Each may have a reason of its own, which would have no bound.
            const REASON: &str = "the jq filter failed";
            if let Some(clerk) = self.lane.clerk() {
                clerk.lost(self.lane.clone(), REASON, events.len() as u64);
            }
            self.lane.lose(REASON, events.len() as u64);
        }
        Some((kept, passed))
    }

    fn queue(&self) -> Arc<dyn Queue> {
        self.lane.clone()
    }

    /// Fixes a batch's id and octets, for as long as it takes and over restarts.
    fn fix(&mut self, events: &[Waiting]) -> Option<Fixed> {
        let id = new_id();
        let lines: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        let batch =
            Batch { id: &id, webhook: &self.webhook.name, number: *self.number, host: self.host, events: &lines };
        let body = (self.webhook.format.body)(&batch);
        let (number, last) = (*self.number, self.lane.last_taken());
        let made_milliseconds = Timestamp::now().as_millisecond();
        let batch = Fixed { id, number, last, body, made_milliseconds };
        let passed = std::mem::take(&mut self.passed);
        match self.lane.clerk() {
            Some(clerk) if !clerk.fix(self.queue(), &batch, passed, &mut || self.lane.goes_on()) => None,
            _ => Some(batch),
        }
    }

    /// Takes the webhook's new settings, where there are any.
    fn refresh(&mut self) {
        let (webhook, generation) = self.lane.webhook();
        if generation != self.generation {
            (self.sender, self.size) = (Sender::new(&webhook), Size::new(webhook.limits.events));
            self.judge = webhook.jq.as_deref().map(Judge::new);
            (self.webhook, self.generation) = (webhook, generation);
            self.not_before = None;
        }
    }

    /// Sends a batch until it is taken or dead.
    fn deliver(&mut self, events: &[Waiting], batch: &Fixed) -> Ended {
        let parcel = Parcel { id: &batch.id, number: batch.number, body: &batch.body };
        // By the wall clock, over restarts; here by one that nobody sets.
        let age = Timestamp::now().as_millisecond().saturating_sub(batch.made_milliseconds);
        let age = Duration::from_millis(u64::try_from(age).unwrap_or_default());
        let began = Instant::now();
        for attempt in 0.. {
            self.refresh();
            let left = self.webhook.retry.give_up_after.saturating_sub(age);
            let give_up = began.checked_add(left);
            // What the receiver asked for holds for the whole webhook.
            if let Some(until) = self.not_before.take() {
                let (earlier, given_up) = match give_up {
                    Some(give_up) if give_up < until => (give_up, true),
                    _ => (until, false),
                };
                match self.lane.pause(earlier, self.generation) {
                    Paused::Ending => return Ended::Stopped,
                    Paused::Changed => self.refresh(),
                    Paused::Through if given_up => {
                        self.not_before = Some(until);
                        return self.bury(events, batch, Death { reason: "not taken in time".into(), status: None });
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
                Verdict::Delivered => {
                    self.size.taken();
                    self.done(batch.last, None);
                    return Ended::Done;
                }
                Verdict::Again(pause) => self.not_before = Instant::now().checked_add(pause),
                Verdict::Halve => match self.size.refused(events.len()) {
                    Some(first) => return Ended::Halved(first),
                    None => return self.bury(events, batch, Death { reason: "too large (413)".into(), status }),
                },
                Verdict::Rest => {
                    self.lane.rest("at rest: the receiver wants nothing more (410)");
                    // Until it has other settings, or the end.
                    let far = Instant::now() + Duration::from_secs(u64::from(u32::MAX));
                    if self.lane.clerk().is_none() {
                        return Ended::Done;
                    }
                    if self.lane.pause(far, self.generation) != Paused::Changed {
                        return Ended::Stopped;
                    }
                }
                Verdict::Dead => {
                    let reason = format!("refused ({})", reply.words());
                    return self.bury(events, batch, Death { reason, status });
                }
            }
            if give_up.is_some_and(|give_up| give_up <= Instant::now()) {
                return self.bury(events, batch, Death { reason: "not taken in time".into(), status });
            }
        }
        Ended::Stopped
    }

    /// The webhook is done with these events.
    fn done(&self, last: u64, lost: Option<&str>) {
        let events = self.lane.done(None);
        if let Some(clerk) = self.lane.clerk() {
            clerk.done(self.queue(), last, lost.map(|reason| (reason.to_owned(), events)));
        }
        // Told only after the store knows of it.
        if let Some(reason) = lost {
            self.lane.lose(reason, events);
        }
    }

    /// The batch will never be delivered: it goes to the dead letters, where there are any.
    fn bury(&mut self, events: &[Waiting], batch: &Fixed, death: Death) -> Ended {
        let Death { reason, status } = death;
        let lines: Vec<Arc<[u8]>> = events.iter().map(|event| event.line.clone()).collect();
        let letter = Letter {
            time_microseconds: Timestamp::now().as_microsecond(),
            reason: &reason,
            status,
            batch: Some((&batch.id, batch.number)),
            events: &lines,
        };
        if !bury(self.lane, self.dead.as_deref_mut(), &letter) {
            return Ended::Stopped;
        }
        fault::point("after dead letter");
        self.done(batch.last, Some(&reason));
        Ended::Done
    }

    /// Says what happened: the first failure loudly, the others only to who asks for more.
    fn tell(&mut self, batch: &Fixed, events: usize, attempt: u32, reply: &Reply, verdict: Verdict) {
        let (name, words, number, id) = (&self.webhook.name, reply.words(), batch.number, &batch.id);
        let what =
            format_args!("webhook {name}: batch {number} ({events} events, {id}), attempt {}: {words}", attempt + 1);
        match verdict {
            Verdict::Delivered if self.failing => {
                self.failing = false;
                log::warn!("webhook {name}: it takes events again");
            }
            Verdict::Delivered => log::debug!("{what}"),
            Verdict::Again(pause) => {
                let level = if self.failing { log::Level::Info } else { log::Level::Warn };
                self.failing = true;
                log::log!(level, "{what}; again in {:.1} s", pause.as_secs_f64());
            }
            Verdict::Halve if events > 1 => log::info!("{what}; it is halved"),
            Verdict::Rest => log::error!("{what}; nothing more is sent to it until linkhook is started again"),
            Verdict::Halve | Verdict::Dead => log::error!("{what}; the batch is not delivered"),
        }
    }
}

/// Writes to the dead letters, where there are any; again until it is done, or there is no more time: then `false`.
pub(super) fn bury(lane: &Lane, dead: Option<&mut DeadLetters>, letter: &Letter<'_>) -> bool {
    let Some(dead) = dead else { return true };
    loop {
        match dead.append(letter) {
            Ok(given_up) => {
                if given_up > 0 {
                    lane.lose("dead letters full", given_up);
                }
                return true;
            }
            Err(error) => log::error!("webhook {}: cannot write the dead letters: {error}", lane.name()),
        }
        let (_, generation) = lane.webhook();
        if lane.pause(Instant::now() + DEAD_PAUSE, generation) == Paused::Ending && !lane.goes_on() {
            return false;
        }
    }
}

fn limits(webhook: &Webhook, events_max: usize) -> Limits {
    Limits { events: events_max.min(webhook.limits.events), ..webhook.limits }
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
    // So few octets are given whole (getrandom(2)), and there is no other error than an interruption.
    while getrandom(&mut *octets, GetRandomFlags::empty()).is_err() {}
}
