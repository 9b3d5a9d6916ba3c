//! Gives each event to the webhooks that want it, and keeps their threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Webhook;
use super::dead::{DeadLetters, Letter};
use super::formats::Batch;
use super::lane::{Bell, Lane};
use super::send::{Parcel, Reply, Sender};
use super::worker::{Worker, bury, new_id};
use crate::error::{Error, Result};
use crate::filter::Candidate;
use crate::store::{Clerk, Enrolled, Queue, Staged};

/// Losses are told no more often than this.
const LOSSES_PAUSE: Duration = Duration::from_secs(1);
/// A thread that a defect has ended begins anew after so long.
const DEFECT_PAUSE: Duration = Duration::from_secs(1);

/// The webhooks that want an event.
pub type WantedBy = smallvec::SmallVec<[Arc<dyn Queue>; 2]>;

/// All webhooks at work.
#[derive(Debug)]
pub struct Hub {
    lanes: Vec<Arc<Lane>>,
    /// Lanes of webhooks that were removed, and that empty themselves.
    leaving: Vec<Arc<Lane>>,
    wants_interfaces: bool,
    /// Events of lines that were not handed over yet.
    staged: Vec<Staged>,
    bell: Arc<Bell>,
    told_at: Option<Instant>,
    host: String,
    store: Option<Durable>,
}

/// What is needed of the state directory.
#[derive(Clone, Debug)]
pub struct Durable {
    /// The store.
    pub clerk: Clerk,
    /// The state directory, for the dead letters.
    pub directory: PathBuf,
}

/// Events that a webhook wanted and does not get.
#[derive(Clone)]
pub struct Loss {
    /// The webhook.
    pub queue: Arc<dyn Queue>,
    /// How many.
    pub events: u64,
    /// Why.
    pub reason: String,
}

impl Hub {
    /// Starts a thread for each webhook. `wake` is called from them when there is something for the loop.
    pub fn start(
        webhooks: Vec<Webhook>,
        host: &str,
        store: Option<Durable>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Hub> {
        let bell = Arc::new(Bell { lost: AtomicBool::new(false), wake: Box::new(wake) });
        let mut hub = Hub {
            lanes: Vec::new(),
            leaving: Vec::new(),
            wants_interfaces: false,
            staged: Vec::new(),
            bell,
            told_at: None,
            host: host.to_owned(),
            store,
        };
        hub.set(webhooks)?;
        Ok(hub)
    }

    /// From here on these are the webhooks: those of a name that is known keep what waits for them, new ones begin, and
    /// what waits for others goes to the dead letters.
    pub fn set(&mut self, webhooks: Vec<Webhook>) -> Result<()> {
        self.leaving.retain(|lane| !lane.has_ended());
        let wants_interfaces = webhooks.iter().any(|webhook| webhook.filter.wants_interfaces());
        let (known, new): (Vec<Webhook>, Vec<Webhook>) =
            webhooks.into_iter().partition(|webhook| self.has(&webhook.name));
        if let Some(webhook) = new.iter().find(|webhook| self.leaving.iter().any(|lane| lane.name() == webhook.name)) {
            return Err(Error::failed(format_args!(
                "what waited for the webhook {} before is still being put away; try again",
                webhook.name
            )));
        }
        // These may fail; then everything is as it was.
        let mut lanes = Vec::new();
        for webhook in new {
            match self.begin(webhook) {
                Ok(lane) => lanes.push(lane),
                Err(error) => {
                    lanes.iter().for_each(|lane: &Arc<Lane>| lane.remove());
                    self.leaving.append(&mut lanes);
                    return Err(error);
                }
            }
        }
        let mut before = std::mem::take(&mut self.lanes);
        for webhook in known {
            let Some(place) = before.iter().position(|lane| lane.name() == webhook.name) else { continue };
            let lane = before.remove(place);
            lane.replace(webhook);
            lanes.push(lane);
        }
        before.iter().for_each(|lane| lane.remove());
        self.leaving.append(&mut before);
        self.lanes = lanes;
        self.wants_interfaces = wants_interfaces;
        Ok(())
    }

    /// What still waits for a webhook that the configuration does not name any more goes to the dead letters.
    pub fn dismiss(&mut self, webhook: Webhook) -> Result<()> {
        let lane = self.begin(webhook)?;
        lane.remove();
        self.leaving.push(lane);
        Ok(())
    }

    /// Whether it has a webhook of that name.
    pub fn has(&self, name: &str) -> bool {
        self.lanes.iter().any(|lane| lane.name() == name)
    }

    fn begin(&self, webhook: Webhook) -> Result<Arc<Lane>> {
        let name = webhook.name.clone();
        let (lane, enrolled) = match &self.store {
            None => (Lane::new(webhook, self.bell.clone()), Enrolled::default()),
            Some(Durable { clerk, .. }) => {
                let enrolled = clerk.enroll(&name)?;
                let lane = Lane::stored(webhook, self.bell.clone(), clerk.clone(), &enrolled);
                (lane, enrolled)
            }
        };
        let lane = Arc::new(lane);
        if let Some(Durable { clerk, .. }) = &self.store {
            clerk.attend(lane.clone());
        }
        if !enrolled.losses.is_empty() {
            self.bell.lost.store(true, Ordering::Release);
        }
        let dead = self.store.as_ref().map(|store| DeadLetters::open(&store.directory, &name));
        let dead =
            dead.transpose().map_err(|error| Error::system("cannot make the directory of dead letters", &error))?;
        let (of, host) = (lane.clone(), self.host.clone());
        let thread = std::thread::Builder::new().name(name.chars().take(15).collect());
        let started = thread.spawn(move || work(&of, &host, dead, enrolled));
        started.map_err(|error| Error::system("cannot start a webhook's thread", &error))?;
        Ok(lane)
    }

    /// Whether names of interfaces matter.
    pub fn wants_interfaces(&self) -> bool {
        self.wants_interfaces
    }

    /// Whether the loop may go on: not where a webhook that blocks has no room.
    pub fn has_room(&self) -> bool {
        // Each is asked, so that each wakes the loop.
        self.lanes.iter().filter(|lane| !lane.has_room()).count() == 0
    }

    /// An object's line is for whoever wants it, once it is handed over.
    pub fn offer(&mut self, candidate: &Candidate<'_>, sequence: u64, line: &[u8]) {
        self.stage(sequence, line, self.wanting(candidate));
    }

    /// The line of an event of linkhook's own is for whoever names it.
    pub fn offer_own(&mut self, event: &str, sequence: u64, line: &[u8]) {
        self.stage(sequence, line, self.wanting_own(event));
    }

    /// Who wants an object's line.
    pub fn wanting(&self, candidate: &Candidate<'_>) -> WantedBy {
        self.wanted_by(|webhook| webhook.filter.accepts(candidate))
    }

    /// Who wants the line of an event of linkhook's own.
    pub fn wanting_own(&self, event: &str) -> WantedBy {
        self.wanted_by(|webhook| webhook.own.contains(&event))
    }

    fn wanted_by(&self, wants: impl Fn(&Webhook) -> bool) -> WantedBy {
        let wanted = self.lanes.iter().filter(|lane| wants(&lane.webhook().0));
        wanted.map(|lane| lane.clone() as Arc<dyn Queue>).collect()
    }

    /// A line is for those, once it is handed over.
    pub fn stage(&mut self, sequence: u64, line: &[u8], wanted_by: WantedBy) {
        if !wanted_by.is_empty() {
            // One copy for all.
            self.staged.push(Staged { sequence, line: line.trim_ascii_end().into(), wanted_by });
        }
    }

    /// The events since the last call, for the store.
    pub fn take_staged(&mut self) -> Vec<Staged> {
        std::mem::take(&mut self.staged)
    }

    /// Gives the events since the last call to their lanes, where there is no store.
    pub fn release(&mut self) {
        for event in self.staged.drain(..) {
            for queue in &event.wanted_by {
                queue.put(event.sequence, &event.line);
            }
        }
    }

    /// When losses are to be told, where there are any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let lost = self.bell.lost.load(Ordering::Acquire);
        lost.then(|| self.told_at.map_or(now, |told_at| told_at + LOSSES_PAUSE))
    }

    /// The losses since the last call, if it is time to tell them, or if it must be now.
    pub fn losses(&mut self, now: Instant, must: bool) -> Vec<Loss> {
        if !must && self.due(now).is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.told_at = Some(now);
        // Before they are taken: what comes after is told the next time.
        self.bell.lost.store(false, Ordering::Release);
        let losses = self.lanes.iter().chain(&self.leaving).flat_map(losses_of).collect();
        self.leaving.retain(|lane| !lane.has_ended());
        losses
    }

    /// The end: what waits is sent at once, for so long at most. Gives back what was not sent, where it is lost by that.
    pub fn finish(self, within: Duration) -> Vec<Loss> {
        let deadline = Instant::now() + within;
        let all = || self.lanes.iter().chain(&self.leaving);
        all().for_each(|lane| lane.end(deadline));
        let mut losses = Vec::new();
        for lane in all() {
            let unsent = lane.unsent(deadline);
            losses.extend(losses_of(lane));
            if unsent == 0 {
                continue;
            }
            if self.store.is_some() {
                log::info!("webhook {}: {unsent} events wait for the next start", lane.name());
            } else {
                let reason = "not sent before the end".to_owned();
                losses.push(Loss { queue: lane.clone(), events: unsent, reason });
            }
        }
        losses
    }
}

fn losses_of(lane: &Arc<Lane>) -> Vec<Loss> {
    let loss = |(reason, events)| Loss { queue: lane.clone(), events, reason };
    lane.losses().into_iter().map(loss).collect()
}

/// A webhook's thread.
fn work(lane: &Arc<Lane>, host: &str, mut dead: Option<DeadLetters>, enrolled: Enrolled) {
    let Enrolled { batches: mut number, mut batch, .. } = enrolled;
    let mut broken_at = None;
    loop {
        let resumed = batch.take();
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Worker::new(lane, host, dead.as_mut(), &mut number).run(resumed);
        }));
        if worked.is_ok() {
            break;
        }
        log::error!("webhook {}: its thread has ended by a defect, and begins anew; please report it", lane.name());
        // What was on its way is sent again, unless it leads to the same a second time.
        let first = lane.first_flying();
        if first.is_some() && first == broken_at {
            bury_flying(lane, dead.as_mut(), "a defect in linkhook");
        } else {
            lane.put_back(0);
        }
        broken_at = first;
        let (_, generation) = lane.webhook();
        lane.pause(Instant::now() + DEFECT_PAUSE, generation);
    }
    if lane.is_removed() {
        leave(lane, dead.as_mut());
    }
    lane.ended();
}

/// What waits for a webhook that is gone from the configuration goes to the dead letters, and is told as lost.
fn leave(lane: &Arc<Lane>, mut dead: Option<&mut DeadLetters>) {
    while lane.take_some() {
        if !bury_flying(lane, dead.as_deref_mut(), "the webhook was removed from the configuration") {
            return;
        }
    }
    if let Some(clerk) = lane.clerk() {
        clerk.strike(lane.clone());
    }
}

/// What is on its way goes to the dead letters, and is told as lost. `false` when there was no time for it.
fn bury_flying(lane: &Arc<Lane>, dead: Option<&mut DeadLetters>, reason: &str) -> bool {
    let events = lane.flying();
    let time_microseconds = Timestamp::now().as_microsecond();
    let letter = Letter { time_microseconds, reason, status: None, batch: None, events: &events };
    if !bury(lane, dead, &letter) {
        return false;
    }
    if let Some(clerk) = lane.clerk() {
        clerk.done(lane.clone(), lane.last_taken(), Some((reason.to_owned(), events.len() as u64)));
    }
    lane.done(Some(reason));
    true
}

/// Posts one event to a webhook, once, whatever it wants.
pub fn post(webhook: &Webhook, host: &str, line: &[u8]) -> Reply {
    let id = new_id();
    let events = [line.trim_ascii_end().into()];
    let batch = Batch { id: &id, webhook: &webhook.name, number: 0, host, events: &events };
    let body = (webhook.format.body)(&batch);
    let now = Timestamp::now().as_second();
    Sender::new(webhook).send(webhook, Parcel { id: &id, number: 0, body: &body }, now)
}
