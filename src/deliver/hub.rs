//! Gives each event to the webhooks that want it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Webhook;
use super::formats::Batch;
use super::lane::{Lane, Paused};
use super::send::{Parcel, Reply, Sender};
use super::worker::{Worker, new_id};
use crate::error::{Error, Result};
use crate::filter::Candidate;

/// Losses are told no more often than this.
const LOSSES_PAUSE: Duration = Duration::from_secs(1);

/// A worker that panicked goes on after that time.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

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
                let mut worker = Worker::new(&lane, &host, &told);
                // A lane whose worker has gone would fill in silence. All that the worker keeps is whole between batches.
                while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                    let events = lane.dead("a defect in linkhook");
                    log::error!(
                        "webhook {}: a defect in linkhook cost {events} events; please report what is said above it",
                        lane.webhook.name
                    );
                    told();
                    if lane.pause(Instant::now() + PANIC_PAUSE) == Paused::Ending {
                        break;
                    }
                }
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::config;
    use crate::deliver::formats::Format;

    /// The first batch is more than it can bear.
    static PANICS: Format = Format { name: "panics", content_type: "text/plain", body: panics };

    fn panics(batch: &Batch<'_>) -> Vec<u8> {
        assert_ne!(batch.number, 1, "it is meant to panic");
        batch.events[0].to_vec()
    }

    #[test]
    fn a_panic_costs_one_batch_and_is_told() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (sender, requests) = channel();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"second") {
                let mut octets = [0; 1000];
                let count = stream.read(&mut octets).unwrap();
                assert!(count > 0);
                request.extend_from_slice(&octets[..count]);
            }
            stream.write_all(b"HTTP/1.1 204 Told\r\nconnection: close\r\n\r\n").unwrap();
            sender.send(()).unwrap();
        });
        let text = format!(
            "[[webhook]]\nname = \"noc\"\nurl = \"http://127.0.0.1:{port}/\"\nkinds = [\"hello\"]\nproxy = \"none\"\n\
             batch.wait = \"0s\""
        );
        let mut webhook = config::read_text(&text).unwrap().webhooks.remove(0);
        webhook.format = &PANICS;
        let (wake, woken) = channel();
        let mut hub = Hub::start(vec![webhook], "host", move || {
            let _ = wake.send(());
        })
        .unwrap();
        hub.offer_own("hello", b"first");
        woken.recv_timeout(PATIENCE).unwrap();
        let loss = Loss { webhook: "noc".into(), events: 1, reason: "a defect in linkhook".into() };
        assert_eq!(hub.losses(Instant::now(), true), [loss]);
        hub.offer_own("hello", b"second");
        requests.recv_timeout(PATIENCE).unwrap();
        assert_eq!(hub.finish(PATIENCE), []);
    }
}
