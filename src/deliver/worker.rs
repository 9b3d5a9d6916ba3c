//! A webhook's thread: one batch on its way, again until it is taken or dead; then the next, in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::rand::{GetRandomFlags, getrandom};

use super::batch::{Limits, Size};
use super::formats::Batch;
use super::jq::{self, Judge};
use super::lane::{Lane, Paused};
use super::retry::Verdict;
use super::send::{Parcel, Reply, Sender};

/// Where no child can be started for the jq filter, the next attempt is made after that time.
const JUDGE_PAUSE: Duration = Duration::from_secs(5);

/// A webhook's thread, until the end has come.
pub(super) struct Worker<'w> {
    lane: &'w Lane,
    host: &'w str,
    /// There are losses to tell.
    lost: &'w dyn Fn(),
    sender: Sender,
    judge: Option<Judge>,
    size: Size,
    /// The number of the last batch.
    number: u64,
    /// The receiver wants nothing before then.
    not_before: Option<Instant>,
    failing: bool,
}

/// What became of a batch.
enum Ended {
    Done,
    /// So many of its first events are tried alone.
    Halved(usize),
    /// There is no more time.
    Stopped,
}

impl<'w> Worker<'w> {
    pub fn new(lane: &'w Lane, host: &'w str, lost: &'w dyn Fn()) -> Worker<'w> {
        let (sender, size) = (Sender::new(&lane.webhook), Size::new(lane.webhook.limits.events));
        let judge = lane.webhook.jq.as_deref().map(Judge::new);
        Worker { lane, host, lost, sender, judge, size, number: 0, not_before: None, failing: false }
    }

    pub fn run(&mut self) {
        let mut last = None;
        loop {
            let limits = Limits { events: self.size.now(), ..self.lane.webhook.limits };
            let Some(taken) = self.lane.take(&limits, last) else { return };
            let Some(mut events) = self.sift(taken) else { return };
            if events.is_empty() {
                continue;
            }
            last = Some(Instant::now());
            self.number += 1;
            loop {
                match self.deliver(&events) {
                    Ended::Done => break,
                    Ended::Halved(first) => {
                        self.lane.put_back(events.split_off(first));
                        // They have waited already.
                        last = None;
                    }
                    Ended::Stopped => return,
                }
            }
        }
    }

    /// Leaves out what the jq filter does not want, and what it fails on, which is lost. `None` when the end comes.
    fn sift(&mut self, mut events: Vec<Arc<[u8]>>) -> Option<Vec<Arc<[u8]>>> {
        let Some(judge) = &mut self.judge else { return Some(events) };
        let name = &self.lane.webhook.name;
        let verdicts = loop {
            match judge.judge(&events) {
                Ok(verdicts) => break verdicts,
                Err(why) => {
                    log::error!("webhook {name}: {why}; again in {} s", JUDGE_PAUSE.as_secs());
                    if self.lane.pause(Instant::now() + JUDGE_PAUSE) == Paused::Ending {
                        return None;
                    }
                }
            }
        };
        self.lane.put_back(events.split_off(verdicts.len()));
        let count = events.len();
        let (mut kept, mut broken) = (Vec::with_capacity(count), Vec::new());
        for (event, verdict) in events.into_iter().zip(verdicts) {
            match verdict {
                jq::Verdict::Keep => kept.push(event),
                jq::Verdict::Drop => {}
                jq::Verdict::Broken(reason) => broken.push(reason),
            }
        }
        self.lane.pass_over((count - kept.len() - broken.len()) as u64);
        if let Some(first) = broken.first() {
            // Each may have a reason of its own, which would have no bound.
            log::error!("webhook {name}: {} events are lost: {first}", broken.len());
            self.lane.lose_some("the jq filter failed", broken.len() as u64);
            (self.lost)();
        }
        Some(kept)
    }

    /// Sends a batch until it is taken or dead. Its id and octets are fixed here.
    fn deliver(&mut self, events: &[Arc<[u8]>]) -> Ended {
        let webhook = &self.lane.webhook;
        let id = new_id();
        let batch = Batch { id: &id, webhook: &webhook.name, number: self.number, host: self.host, events };
        let body = (webhook.format.body)(&batch);
        let parcel = Parcel { id: &id, number: self.number, body: &body };
        let give_up = Instant::now().checked_add(webhook.retry.give_up_after);
        for attempt in 0.. {
            // What the receiver asked for holds for the whole webhook.
            if let Some(until) = self.not_before.take() {
                let (earlier, given_up) = match give_up {
                    Some(give_up) if give_up < until => (give_up, true),
                    _ => (until, false),
                };
                if self.lane.pause(earlier) == Paused::Ending {
                    return Ended::Stopped;
                }
                if given_up {
                    self.not_before = Some(until);
                    return self.dead("not taken in time");
                }
            }
            let reply = self.sender.send(webhook, parcel, Timestamp::now().as_second());
            let verdict = webhook.retry.judge(reply.outcome(), attempt, Timestamp::now(), random());
            self.tell(&id, events.len(), attempt, &reply, verdict);
            match verdict {
                Verdict::Delivered => {
                    self.size.taken();
                    self.lane.delivered();
                    return Ended::Done;
                }
                Verdict::Again(pause) => self.not_before = Instant::now().checked_add(pause),
                Verdict::Halve => match self.size.refused(events.len()) {
                    Some(first) => return Ended::Halved(first),
                    None => return self.dead("too large (413)"),
                },
                Verdict::Rest => {
                    self.lane.rest("at rest: the receiver wants nothing more (410)");
                    (self.lost)();
                    return Ended::Done;
                }
                Verdict::Dead => return self.dead(&format!("refused ({})", reply.words())),
            }
            if give_up.is_some_and(|give_up| give_up <= Instant::now()) {
                return self.dead("not taken in time");
            }
        }
        Ended::Stopped
    }

    fn dead(&self, reason: &str) -> Ended {
        self.lane.dead(reason);
        (self.lost)();
        Ended::Done
    }

    /// Says what happened: the first failure loudly, the others only to who asks for more.
    fn tell(&mut self, id: &str, events: usize, attempt: u32, reply: &Reply, verdict: Verdict) {
        let (name, words, number) = (&self.lane.webhook.name, reply.words(), self.number);
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
            Verdict::Halve | Verdict::Dead => log::error!("{what}; the batch is lost"),
        }
    }
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
