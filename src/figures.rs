//! What linkhook counts of itself, for whoever looks after it: `/metrics` and the event `metrics` tell the same.
//!
//! The loop counts in plain integers that nobody shares. A snapshot is made when it is asked for.

use std::time::Duration;

use crate::event::own::{OWN_EVENTS, Own};
use crate::event::severity::Severity;
use crate::event::{Action, own};
use crate::json::Json;
use crate::kinds::{KindIndex, PerKind};

/// Events of one kind, by action and severity.
type OfKind = [[u64; Severity::ALL.len()]; Action::ALL.len()];

/// How often what was told.
#[derive(Clone, Debug, Default)]
pub struct EventCounts {
    objects: PerKind<OfKind>,
    /// By the row of the event.
    own: Vec<u64>,
    /// Notifications that the kernel dropped, as far as it says how many.
    pub lost: u64,
}

/// Which of the counts an event is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// An object's.
    Object(KindIndex, Action, Severity),
    /// One of linkhook's own, by its row.
    Own(usize),
}

impl Counted {
    /// That of an event of linkhook's own.
    pub fn own(own: &'static Own) -> Counted {
        let row = OWN_EVENTS.iter().position(|other| std::ptr::eq(*other, own));
        Counted::Own(row.unwrap_or(OWN_EVENTS.len()))
    }
}

impl EventCounts {
    /// One more.
    #[inline]
    pub fn count(&mut self, counted: Counted) {
        match counted {
            Counted::Object(kind, action, severity) => {
                self.objects[kind][action as usize][severity as usize] += 1;
            }
            Counted::Own(row) => {
                self.own.resize(OWN_EVENTS.len(), 0);
                if let Some(count) = self.own.get_mut(row) {
                    *count += 1;
                }
            }
        }
    }

    /// How often that event of linkhook's own was told.
    pub fn of_own(&self, own: &'static Own) -> u64 {
        match Counted::own(own) {
            Counted::Own(row) => self.own.get(row).copied().unwrap_or_default(),
            Counted::Object(..) => 0,
        }
    }

    /// What was told at all: kind or name, action, severity, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str, u64)> {
        let objects = KindIndex::all().flat_map(move |kind| {
            Action::ALL.into_iter().flat_map(move |action| {
                Severity::ALL.into_iter().map(move |severity| {
                    let count = self.objects[kind][action as usize][severity as usize];
                    (kind.table().name, action.name(), severity.name(), count)
                })
            })
        });
        let own =
            OWN_EVENTS.iter().zip(&self.own).map(|(own, count)| (own.name, own.action, own.severity.name(), *count));
        objects.chain(own).filter(|(.., count)| *count > 0)
    }
}

/// A webhook's figures, since linkhook started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookFigures {
    /// Its name.
    pub name: String,
    /// Events that the receiver took.
    pub sent: u64,
    /// Attempts that the receiver did not answer, or not with what means that it took them.
    pub failed: u64,
    /// Events that wait, those on their way included.
    pub waiting: u64,
    /// When the first of them was received from the kernel, in microseconds since 1970.
    pub oldest_microseconds: Option<i64>,
    /// Events that the receiver does not get, and that stand nowhere.
    pub dropped: u64,
    /// Events that were put into the dead letters.
    pub dead: u64,
    /// When the receiver last took something, in microseconds since 1970.
    pub last_success: Option<i64>,
    /// When it last did not, and why.
    pub last_error: Option<(i64, String)>,
    /// When the next attempt is made, where it is waited for.
    pub next_attempt: Option<i64>,
    /// Why nothing more is sent, where the receiver wants nothing more.
    pub at_rest: Option<String>,
    /// Whether somebody has paused it.
    pub is_paused: bool,
}

/// Everything, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Now, in microseconds since 1970.
    pub time_microseconds: i64,
    /// How long linkhook has been running.
    pub uptime: Duration,
    /// Lines told.
    pub lines: u64,
    /// The same by kind, action and severity.
    pub events: EventCounts,
    /// Network namespaces that are watched.
    pub namespaces: u64,
    /// Objects in the mirror, of the kinds that are watched.
    pub objects: Vec<(&'static str, u64)>,
    /// Bytes of them, as the kernel sent them.
    pub mirror_bytes: u64,
    /// Bytes of notifications that were read and are not told yet.
    pub backlog_bytes: u64,
    /// Bytes of lines that wait for a slow reader.
    pub output_queue_bytes: u64,
    /// Lines that are not in an output and will not be.
    pub output_dropped_lines: u64,
    /// Bytes that wait to be committed, where there is a state directory.
    pub store_pending_bytes: Option<u64>,
    /// The webhooks.
    pub webhooks: Vec<WebhookFigures>,
    /// Why it is not ready; nothing where it is.
    pub obstacles: Vec<String>,
}

impl Figures {
    /// How often notifications were lost.
    pub fn overruns(&self) -> u64 {
        self.events.of_own(&own::OVERRUN)
    }

    /// How often what was lost was made good.
    pub fn resyncs(&self) -> u64 {
        self.events.of_own(&own::RESYNC)
    }

    /// How long a webhook's first event has been waiting.
    pub fn age(&self, webhook: &WebhookFigures) -> Option<Duration> {
        let since = self.time_microseconds.saturating_sub(webhook.oldest_microseconds?);
        // Somebody may have set the clock back.
        Some(Duration::from_micros(u64::try_from(since).unwrap_or_default()))
    }

    /// Writes the members of the event `metrics`.
    pub fn write(&self, out: &mut Json) {
        let seconds = |duration: Duration| duration.as_millis() as f64 / 1000.0;
        let number = |out: &mut Json, key: &str, value: u64| {
            out.key(key);
            out.unsigned(value);
        };
        out.key("uptime_seconds");
        out.float(seconds(self.uptime));
        number(out, "lines", self.lines);
        out.key("events");
        out.begin_list();
        for (kind, action, severity, count) in self.events.iter() {
            out.begin_object();
            for (key, value) in [("kind", kind), ("action", action), ("severity", severity)] {
                out.key(key);
                out.string(value);
            }
            number(out, "count", count);
            out.end_object();
        }
        out.end_list();
        number(out, "lost", self.events.lost);
        number(out, "overruns", self.overruns());
        number(out, "resyncs", self.resyncs());
        number(out, "namespaces", self.namespaces);
        number(out, "mirror_objects", self.objects.iter().map(|(_, count)| count).sum());
        number(out, "mirror_bytes", self.mirror_bytes);
        number(out, "backlog_bytes", self.backlog_bytes);
        number(out, "output_queue_bytes", self.output_queue_bytes);
        number(out, "output_dropped_lines", self.output_dropped_lines);
        if let Some(bytes) = self.store_pending_bytes {
            number(out, "store_pending_bytes", bytes);
        }
        out.key("webhooks");
        out.begin_list();
        for webhook in &self.webhooks {
            out.begin_object();
            out.key("name");
            out.string(&webhook.name);
            number(out, "sent", webhook.sent);
            number(out, "failed", webhook.failed);
            number(out, "waiting", webhook.waiting);
            if let Some(age) = self.age(webhook) {
                out.key("oldest_seconds");
                out.float(seconds(age));
            }
            number(out, "dropped", webhook.dropped);
            number(out, "dead", webhook.dead);
            out.end_object();
        }
        out.end_list();
        out.key("obstacles");
        out.begin_list();
        self.obstacles.iter().for_each(|obstacle| out.string(obstacle));
        out.end_list();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::own::METRICS;

    #[test]
    fn each_event_is_counted_where_it_belongs() {
        let mut counts = EventCounts::default();
        let route = KindIndex::named("route").unwrap();
        for (times, counted) in [
            (3, Counted::Object(route, Action::Add, Severity::Notice)),
            (1, Counted::Object(route, Action::Remove, Severity::Warning)),
            (2, Counted::own(&own::OVERRUN)),
            (1, Counted::own(&own::OUTPUT_RECOVERED)),
        ] {
            (0..times).for_each(|_| counts.count(counted));
        }
        assert_eq!(
            counts.iter().collect::<Vec<_>>(),
            [
                ("route", "add", "notice", 3),
                ("route", "remove", "warning", 1),
                ("overrun", "lost", "err", 2),
                ("output", "recovered", "notice", 1),
            ]
        );
        assert_eq!((counts.of_own(&own::OVERRUN), counts.of_own(&own::RESYNC)), (2, 0));
    }

    #[test]
    fn the_event_has_the_keys_of_its_row() {
        let mut figures = Figures {
            time_microseconds: 5_500_000,
            uptime: Duration::from_millis(1250),
            store_pending_bytes: Some(7),
            webhooks: vec![WebhookFigures { oldest_microseconds: Some(2_000_000), ..WebhookFigures::default() }],
            obstacles: vec!["a reason".into()],
            ..Figures::default()
        };
        figures.events.count(Counted::own(&own::HELLO));
        let mut out = Json::new();
        out.begin_object();
        figures.write(&mut out);
        out.end_object();
        let object: serde_json::Value = serde_json::from_slice(out.bytes()).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
        let names = |keys: &[own::OwnKey]| keys.iter().map(|(key, ..)| (*key).to_owned()).collect::<Vec<String>>();
        assert_eq!(keys(&object), names(METRICS.keys));
        assert_eq!(keys(&object["events"][0]), names(own::METRICS_EVENT));
        assert_eq!(keys(&object["webhooks"][0]), names(own::METRICS_WEBHOOK));
        assert_eq!((&object["uptime_seconds"], &object["webhooks"][0]["oldest_seconds"]), (&1.25.into(), &3.5.into()));
    }
}
