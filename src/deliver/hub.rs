//! Gives each event to the webhooks that want it, and keeps their threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::jq::Use;
use super::lane::{Bell, Lane};
use super::script::{self, Made};
use super::send::{Parcel, Reply, Sender};
use super::spool::Roster;
use super::worker::{Worker, new_id};
use super::{Webhook, sieve, worker};
use crate::error::{Error, Result};
use crate::figures::WebhookFigures;
use crate::filter::Candidate;
use crate::store::{Queue, Staged, StoreHandle};
use crate::threads;
use crate::units::counted;

/// Losses are told no more often than this.
const LOSSES_PAUSE: Duration = Duration::from_secs(1);
/// So often a defect must end a webhook's thread before the batch on its way is given up for it, beside the time that any
/// batch has.
const DEFECTS_MIN: u32 = 5;

/// The webhooks that want an event.
pub type WantedBy = smallvec::SmallVec<[Arc<dyn Queue>; 2]>;

/// All webhooks at work.
#[derive(Debug)]
pub struct Hub {
    lanes: Vec<Arc<Lane>>,
    /// Lanes of webhooks that were removed, and that empty themselves.
    leaving: Vec<Arc<Lane>>,
    /// Webhooks that begin once a lane of the same name has left: those of the last configuration alone.
    later: Vec<Webhook>,
    wants_interfaces: bool,
    /// Events of lines that were not handed over yet.
    staged: Vec<Staged>,
    bell: Arc<Bell>,
    told_at: Option<Instant>,
    host: String,
    store: Option<Durable>,
    /// All lanes, for `linkhook spool`, where there is a state directory.
    roster: Option<Roster>,
}

/// What is needed of the state directory.
#[derive(Clone, Debug)]
pub struct Durable {
    /// The store.
    pub handle: StoreHandle,
    /// The state directory, for the dead letters.
    pub directory: PathBuf,
}

/// Events that a webhook wanted and does not get.
#[derive(Clone)]
pub struct Loss {
    /// The webhook.
    pub queue: Arc<dyn Queue>,
    /// What it is called: `webhook` or `exec`.
    pub word: &'static str,
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
        let roster = store.as_ref().map(|store| Roster::new(store.handle.clone(), store.directory.clone()));
        let mut hub = Hub {
            lanes: Vec::new(),
            leaving: Vec::new(),
            later: Vec::new(),
            wants_interfaces: false,
            staged: Vec::new(),
            bell,
            told_at: None,
            host: host.to_owned(),
            store,
            roster,
        };
        hub.set(webhooks)?;
        Ok(hub)
    }

    /// From here on these are the webhooks: those of a name that is known keep what waits for them, new ones begin, and
    /// what waits for others goes to the dead letters. One whose name another one still has, for which that is not done,
    /// begins after it.
    pub fn set(&mut self, webhooks: Vec<Webhook>) -> Result<()> {
        self.part();
        let wants_interfaces = webhooks.iter().any(|webhook| webhook.filter.wants_interfaces());
        let (known, new): (Vec<Webhook>, Vec<Webhook>) =
            webhooks.into_iter().partition(|webhook| self.has(&webhook.name));
        let (later, new): (Vec<Webhook>, Vec<Webhook>) = new.into_iter().partition(|webhook| self.is_leaving(webhook));
        // These may fail; then everything is as it was.
        for webhook in known.iter().filter(|webhook| webhook.jq.is_some()) {
            if let Some(lane) = self.lanes.iter().find(|lane| lane.name() == webhook.name) {
                start_judge(lane)?;
            }
        }
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
        for webhook in &later {
            log::warn!(
                "{}: what waited for it before is still being put away; it begins once that is done",
                webhook.title()
            );
        }
        self.later = later;
        self.call_roll();
        Ok(())
    }

    /// All lanes, for `linkhook spool`, where there is a state directory.
    pub fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// Says which lanes there are.
    fn call_roll(&self) {
        if let Some(roster) = &self.roster {
            roster.set(self.lanes.iter().chain(&self.leaving).cloned().collect());
        }
    }

    /// Whether a webhook of its name was removed, and has not put everything away.
    fn is_leaving(&self, webhook: &Webhook) -> bool {
        self.leaving.iter().any(|lane| lane.name() == webhook.name)
    }

    /// Begins webhooks whose names are free now.
    fn begin_later(&mut self) {
        let (later, free) = std::mem::take(&mut self.later).into_iter().partition(|webhook| self.is_leaving(webhook));
        self.later = later;
        for webhook in free {
            let title = webhook.title();
            match self.begin(webhook) {
                Ok(lane) => {
                    log::info!("{title}: it begins");
                    self.lanes.push(lane);
                    self.call_roll();
                }
                Err(error) => log::error!("{title}: it does not begin before the next SIGHUP: {error}"),
            }
        }
    }

    /// What still waits for a webhook that the configuration does not name any more goes to the dead letters.
    pub fn dismiss(&mut self, webhook: Webhook) -> Result<()> {
        let lane = self.begin(webhook)?;
        lane.remove();
        self.leaving.push(lane);
        self.call_roll();
        Ok(())
    }

    /// Whether it has a webhook of that name.
    pub fn has(&self, name: &str) -> bool {
        self.lanes.iter().any(|lane| lane.name() == name)
    }

    fn begin(&self, webhook: Webhook) -> Result<Arc<Lane>> {
        let (name, judges) = (webhook.name.clone(), webhook.jq.is_some());
        let bell = self.bell.clone();
        let lane = Arc::new(match &self.store {
            None => Lane::new(webhook, bell),
            Some(Durable { handle, directory }) => Lane::stored(webhook, bell, handle.clone(), directory),
        });
        if judges {
            start_judge(&lane)?;
        }
        let (of, host) = (lane.clone(), self.host.clone());
        if let Err(error) = threads::start(&name, move || work(&of, &host)) {
            // Its judge ends.
            lane.end(Instant::now());
            return Err(Error::system("cannot start a webhook's thread", &error));
        }
        // Nothing here waits for the disk: its thread begins once the store has told what it knows.
        if let Some(Durable { handle, .. }) = &self.store {
            handle.attend(lane.clone());
        }
        Ok(lane)
    }

    /// Lets go of lanes that have put everything away, and told it.
    fn part(&mut self) {
        let Hub { leaving, store, .. } = self;
        let before = leaving.len();
        leaving.retain(|lane| {
            let left = lane.has_left();
            if left && let Some(Durable { handle, .. }) = store {
                handle.strike(lane.clone());
            }
            !left
        });
        if leaving.len() < before {
            self.call_roll();
        }
    }

    /// What becomes of the events of each webhook, in figures.
    pub fn figures(&self) -> Vec<WebhookFigures> {
        self.lanes.iter().map(|lane| lane.figures()).collect()
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
        self.lanes.iter().chain(&self.leaving).for_each(|lane| lane.settled());
    }

    /// When losses are to be told, where there are any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if !self.later.is_empty() && self.leaving.iter().any(|lane| lane.has_left()) {
            return Some(now);
        }
        let lost = self.bell.lost.load(Ordering::Acquire);
        lost.then(|| self.told_at.map_or(now, |told_at| told_at + LOSSES_PAUSE))
    }

    /// The webhooks whose receivers take events again, with for how long they did not, since the last call.
    pub fn recoveries(&self) -> Vec<(Arc<Webhook>, Duration)> {
        let recovered = |lane: &Arc<Lane>| Some((lane.webhook().0, lane.recovery()?));
        self.lanes.iter().filter_map(recovered).collect()
    }

    /// The losses since the last call, if it is time to tell them, or if it must be now.
    pub fn losses(&mut self, now: Instant, must: bool) -> Vec<Loss> {
        // Their losses are in the store by now, or were told before.
        self.part();
        self.begin_later();
        if !must && self.due(now).is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.told_at = Some(now);
        // Before they are taken: what comes after is told the next time.
        self.bell.lost.store(false, Ordering::Release);
        self.lanes.iter().chain(&self.leaving).flat_map(losses_of).collect()
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
                let unsent = counted(unsent, "event");
                log::info!("{}: left for the next start: {unsent}", lane.title());
            } else {
                let reason = "not sent before the end".to_owned();
                losses.push(Loss { queue: lane.clone(), word: lane.webhook().0.word(), events: unsent, reason });
            }
        }
        losses
    }
}

fn losses_of(lane: &Arc<Lane>) -> Vec<Loss> {
    let word = lane.webhook().0.word();
    let loss = |(reason, events)| Loss { queue: lane.clone(), word, events, reason };
    lane.losses().into_iter().map(loss).collect()
}

/// A webhook's thread.
fn work(lane: &Arc<Lane>, host: &str) {
    if let Some(enrolled) = lane.enrolled() {
        let (mut number, mut batch) = (enrolled.batches, enrolled.batch);
        let mut defects = Defects::default();
        while std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Worker::new(lane, host, &mut number).run(batch.take());
        }))
        .is_err()
        {
            let first = lane.first_flying();
            let (webhook, generation) = lane.webhook();
            let (pause, hopeless) = defects.one_more(first, &webhook);
            log::error!(
                "{}: its thread has ended by a defect, and begins anew in {:.1} s; please report it",
                webhook.title(),
                pause.as_secs_f64()
            );
            // What was on its way is sent again, unless it has led to the same for too long.
            if hopeless {
                lane.bury_flying("a defect in linkhook");
            } else {
                lane.put_back(0);
            }
            lane.pause(Instant::now() + pause, generation);
        }
        if lane.is_removed() && retire(lane) {
            lane.retire();
        }
    }
    lane.ended();
}

/// Defects that the same events led to, one after the other: each is an attempt that failed.
#[derive(Default)]
struct Defects {
    first: Option<u64>,
    since: Option<Instant>,
    count: u32,
}

impl Defects {
    /// One more, by events of which that is the first. Gives the pause that follows, and whether they are given up.
    fn one_more(&mut self, first: Option<u64>, webhook: &Webhook) -> (Duration, bool) {
        if self.first != first {
            *self = Defects { first, ..Defects::default() };
        }
        let pause = webhook.retry.pause(self.count, 1.0);
        self.count += 1;
        let since = *self.since.get_or_insert_with(Instant::now);
        let late = since.elapsed() >= webhook.retry.give_up_after;
        (pause, first.is_some() && late && self.count >= DEFECTS_MIN)
    }
}

/// What waits for a webhook that is gone from the configuration goes to the dead letters, and is told as lost. `false`
/// when there was no time for it: then it is done at the next start.
fn retire(lane: &Arc<Lane>) -> bool {
    // What was handed over before the webhook was removed comes first.
    if lane.handle().is_some_and(|handle| !handle.reach(&mut || lane.has_time())) || !lane.wait_for_judge() {
        return false;
    }
    while lane.take_some() {
        if !lane.bury_flying("the webhook was removed from the configuration") {
            return false;
        }
    }
    lane.has_time()
}

/// Starts the thread that judges a webhook's events by jq, unless it runs.
fn start_judge(lane: &Arc<Lane>) -> Result<()> {
    if !lane.begin_judging() {
        return Ok(());
    }
    let of = lane.clone();
    let started = threads::start("jq", move || {
        let mut defects = Defects::default();
        while std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sieve::run(&of))).is_err() {
            let (webhook, generation) = of.webhook();
            let (pause, _) = defects.one_more(None, &webhook);
            log::error!("{}: judging has ended by a defect, and begins anew; please report it", webhook.title());
            of.pause(Instant::now() + pause, generation);
        }
    });
    started.map(drop).map_err(|error| {
        lane.judging_failed();
        Error::system("cannot start the thread of a webhook's jq filter", &error)
    })
}

/// Sends one event to a webhook, once, whatever it wants. Gives back the body, before it is compressed, and what came of it.
/// The error says why there is nothing to post.
pub fn post(webhook: &Webhook, host: &str, line: &[u8]) -> std::result::Result<(Vec<u8>, Reply), String> {
    let id = new_id();
    let events = [line.trim_ascii_end().into()];
    let batch = webhook.batch(&id, 0, host, &events);
    let mut maker = script::judge(Use::Body, webhook.body.as_ref());
    let made = match worker::shown_body(webhook, maker.as_mut(), &batch)? {
        Made::Body(body) => body,
        Made::Nothing => return Err("its jq body makes nothing of a test event".into()),
        Made::Failed(why) => return Err(why),
    };
    let sent = worker::compressed(webhook, made.clone());
    let now = Timestamp::now().as_second();
    let reply = Sender::new(webhook).send(webhook, Parcel { id: &id, number: 0, body: &sent, events: &events }, now);
    Ok((made, reply))
}

#[cfg(test)]
mod tests {
    use super::super::lane::tests::webhook;
    use super::*;
    use crate::store::{Store, Synchronous};

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A webhook for `hello` that nobody answers.
    fn hello(lines: &str) -> Webhook {
        webhook(&format!("kinds = [\"hello\"]\n{lines}"))
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "{what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_a_removed_webhook_lost_is_told_whatever_comes_between() {
        let mut hub = Hub::start(vec![hello("")], "", None, || {}).unwrap();
        for sequence in 1..=501 {
            hub.offer_own("hello", sequence, b"{}\n");
        }
        hub.release();
        hub.set(Vec::new()).unwrap();
        let lane = hub.leaving[0].clone();
        until("its end", || lane.unsent(Instant::now() + PATIENCE) == 0);
        // A second SIGHUP, before losses are told again.
        hub.set(Vec::new()).unwrap();
        let told: u64 = hub.losses(Instant::now(), true).iter().map(|loss| loss.events).sum();
        assert_eq!(told, 501);
        hub.set(Vec::new()).unwrap();
        assert!(hub.leaving.is_empty());
    }

    #[test]
    fn a_webhook_that_comes_back_at_once_begins_once_it_has_left() {
        let other = || Webhook { name: "other".into(), ..hello("") };
        let names = |hub: &Hub| hub.lanes.iter().map(|lane| lane.name().to_owned()).collect::<Vec<_>>();
        let mut hub = Hub::start(vec![hello("")], "", None, || {}).unwrap();
        hub.offer_own("hello", 1, b"{}\n");
        hub.release();
        hub.set(Vec::new()).unwrap();
        // The loss is not told yet. Everything else of the configuration holds at once, and the last one is the last word.
        hub.set(vec![hello(""), other()]).unwrap();
        assert_eq!(names(&hub), ["other"]);
        hub.set(vec![other()]).unwrap();
        hub.set(vec![hello(""), other()]).unwrap();
        assert_eq!((names(&hub), hub.later.len()), (vec!["other".to_owned()], 1));
        let lane = hub.leaving[0].clone();
        until("its end", || lane.unsent(Instant::now() + PATIENCE) == 0);
        until("the loss", || hub.losses(Instant::now(), true).iter().any(|loss| loss.events == 1));
        until("the loop is to turn", || hub.due(Instant::now()).is_some());
        hub.losses(Instant::now(), false);
        assert_eq!((names(&hub), hub.later.len()), (vec!["other".to_owned(), "noc".to_owned()], 0));
        hub.offer_own("hello", 2, b"{}\n");
        hub.release();
        assert_eq!(hub.lanes[1].unsent(Instant::now()), 1);
    }

    #[test]
    fn a_new_webhook_does_not_wait_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let store = Store::open(&path, Synchronous::Normal, || {}).unwrap();
        let durable = Durable { handle: store.handle(), directory: path.clone() };
        let mut hub = Hub::start(Vec::new(), "", Some(durable), || {}).unwrap();
        // A disk that hangs is like one that somebody holds.
        let holder = rusqlite::Connection::open(path.join("linkhook.db")).unwrap();
        holder.execute_batch("BEGIN IMMEDIATE").unwrap();
        let began = Instant::now();
        hub.set(vec![hello("")]).unwrap();
        hub.set(vec![hello(""), Webhook { name: "other".into(), ..hello("filter = '.a'") }]).unwrap();
        hub.set(vec![hello("")]).unwrap();
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        // What it wants meanwhile is its own once the disk is back.
        hub.offer_own("hello", 1, b"{}\n");
        let events = hub.take_staged();
        store.append(crate::store::Append { lines: b"{}\n".to_vec(), sequence: 1, events, ..Default::default() });
        holder.execute_batch("ROLLBACK").unwrap();
        assert_eq!(store.settle(PATIENCE), b"{}\n");
        assert_eq!(hub.lanes[0].unsent(Instant::now()), 1);
        assert!(hub.losses(Instant::now(), true).is_empty());
    }

    #[test]
    fn a_defect_gives_up_no_event_before_its_time() {
        let mut webhook = hello("retry = { first = \"1s\", most = \"8s\" }");
        webhook.retry.give_up_after = Duration::ZERO;
        let mut defects = Defects::default();
        let mut one_more = |first| {
            let (pause, hopeless) = defects.one_more(first, &webhook);
            (pause.as_secs(), hopeless)
        };
        // Each a failed attempt, with its pause.
        let found = [Some(7); 6].map(&mut one_more);
        assert_eq!(found, [(1, false), (2, false), (4, false), (8, false), (8, true), (8, true)]);
        // Other events have a time of their own, and none is given up where none is on its way.
        assert_eq!(one_more(Some(8)), (1, false));
        assert!([None; 9].map(&mut one_more).iter().all(|(_, hopeless)| !hopeless));
        let patient = hello("");
        let mut defects = Defects::default();
        assert!((0..100).all(|_| !defects.one_more(Some(7), &patient).1));
    }
}
