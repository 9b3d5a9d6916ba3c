//! Gives each event to the webhooks that want it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Webhook;
use super::formats::Batch;
use super::lane::Lane;
use super::send::{Parcel, Reply, Sender};
use super::worker::{Worker, new_id};
use crate::error::{Error, Result};
use crate::filter::Candidate;

/// Losses are told no more often than this.
const LOSSES_PAUSE: Duration = Duration::from_secs(1);

/// All webhooks at work.
#[derive(Debug)]
pub struct Hub {
    lanes: Vec<Arc<Lane>>,
    wants_interfaces: bool,
    /// Some lane has losses that are not told.
    lost: Arc<AtomicBool>,
    told_at: Option<Instant>,
}

/// Events that a webhook wanted and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The webhook's name.
    pub webhook: String,
    /// How many.
    pub events: u64,
    /// Why.
    pub reason: String,
}

impl Hub {
    /// Starts a thread for each webhook. `wake` is called from them when there is a loss to tell.
    pub fn start(webhooks: Vec<Webhook>, host: &str, wake: impl Fn() + Send + Sync + 'static) -> Result<Hub> {
        let wants_interfaces = webhooks.iter().any(|webhook| webhook.filter.wants_interfaces());
        let lost = Arc::new(AtomicBool::new(false));
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let lanes: Vec<Arc<Lane>> = webhooks.into_iter().map(|webhook| Arc::new(Lane::new(webhook))).collect();
        for lane in &lanes {
            let (lane, host, lost, wake) = (lane.clone(), host.to_owned(), lost.clone(), wake.clone());
            let thread = std::thread::Builder::new().name(lane.webhook.name.chars().take(15).collect());
            let started = thread.spawn(move || {
                let told = || {
                    lost.store(true, Ordering::Release);
                    wake();
                };
                Worker::new(&lane, &host, &told).run();
                lane.ended();
            });
            started.map_err(|error| Error::system("cannot start a webhook's thread", &error))?;
        }
        Ok(Hub { lanes, wants_interfaces, lost, told_at: None })
    }

    /// Whether names of interfaces matter.
    pub fn wants_interfaces(&self) -> bool {
        self.wants_interfaces
    }

    /// Gives an object's line to whoever wants it.
    pub fn offer(&self, candidate: &Candidate<'_>, line: &[u8]) {
        self.give(line, |webhook| webhook.filter.accepts(candidate));
    }

    /// Gives the line of an event of linkhook's own to whoever names it.
    pub fn offer_own(&self, event: &str, line: &[u8]) {
        self.give(line, |webhook| webhook.own.contains(&event));
    }

    fn give(&self, line: &[u8], wants: impl Fn(&Webhook) -> bool) {
        // One copy for all.
        let mut shared: Option<Arc<[u8]>> = None;
        for lane in self.lanes.iter().filter(|lane| wants(&lane.webhook)) {
            let shared = shared.get_or_insert_with(|| line.trim_ascii_end().into());
            if lane.put(shared, Instant::now()) {
                self.lost.store(true, Ordering::Release);
            }
        }
    }

    /// When losses are to be told, where there are any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let lost = self.lost.load(Ordering::Acquire);
        lost.then(|| self.told_at.map_or(now, |told_at| told_at + LOSSES_PAUSE))
    }

    /// The losses since the last call, if it is time to tell them, or if it must be now.
    pub fn losses(&mut self, now: Instant, must: bool) -> Vec<Loss> {
        if !must && self.due(now).is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.told_at = Some(now);
        // Before they are taken: what comes after is told the next time.
        self.lost.store(false, Ordering::Release);
        let of = |lane: &Arc<Lane>| {
            let webhook = lane.webhook.name.clone();
            let loss = move |(reason, events)| Loss { webhook: webhook.clone(), events, reason };
            lane.losses().into_iter().map(loss).collect::<Vec<_>>()
        };
        self.lanes.iter().flat_map(of).collect()
    }

    /// The end: what waits is sent at once, for so long at most. Gives back what was not sent.
    pub fn finish(self, within: Duration) -> Vec<Loss> {
        let deadline = Instant::now() + within;
        self.lanes.iter().for_each(|lane| lane.end(deadline));
        let mut losses = Vec::new();
        for lane in &self.lanes {
            let unsent = lane.unsent(deadline);
            let lost = lane.losses().into_iter().chain([("not sent before the end".to_owned(), unsent)]);
            let lost = lost.filter(|(_, events)| *events > 0);
            losses.extend(lost.map(|(reason, events)| Loss { webhook: lane.webhook.name.clone(), events, reason }));
        }
        losses
    }
}

/// Posts one event to a webhook, once, whatever it wants.
pub fn post(webhook: &Webhook, host: &str, line: &[u8]) -> Reply {
    let id = new_id();
    let events = [line.trim_ascii_end().into()];
    let batch = Batch { id: &id, webhook: &webhook.name, number: 0, host, events: &events };
    let body = (webhook.format.body)(&batch);
    let now = jiff::Timestamp::now().as_second();
    Sender::new(webhook).send(webhook, Parcel { id: &id, number: 0, body: &body }, now)
}
