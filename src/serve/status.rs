//! `/status`: what the page shows of linkhook itself: its webhooks, what is in its way, and how many lines were told in each minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::making::Sources;
use crate::error::Result;
use crate::event;
use crate::event::severity::Severity;
use crate::figures::{EventCounts, Figures, WebhookFigures};
use crate::store::event_log::history::{Read, Span};
use crate::store::look::Look;
use crate::threads;

/// Minutes that are remembered: six hours.
const MINUTES: i64 = 360;
/// A minute, in microseconds.
const MINUTE: i64 = 60_000_000;

/// Lines by severity.
type Counts = [u64; Severity::ALL.len()];

/// How many lines were told in each minute of the last hours.
#[derive(Debug, Default)]
pub(super) struct Timeline(Mutex<TimelineState>);

#[derive(Debug, Default)]
struct TimelineState {
    /// By the number of the minute since 1970.
    minutes: BTreeMap<i64, Counts>,
    /// All that was counted before.
    counted: Counts,
}

impl Timeline {
    /// What comes after so many lines.
    pub fn after(events: &EventCounts) -> Timeline {
        Timeline(Mutex::new(TimelineState { counted: counts(events), ..TimelineState::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, TimelineState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is new in the figures as told in the minute that they are of.
    pub fn note(&self, figures: &Figures) {
        let counts = counts(&figures.events);
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.counted, counts);
        let minute = figures.time_microseconds.div_euclid(MINUTE);
        let of_minute = state.minutes.entry(minute).or_default();
        for (told, (now, before)) in of_minute.iter_mut().zip(counts.iter().zip(before)) {
            *told += now.saturating_sub(before);
        }
        state.minutes.retain(|known, _| (minute - MINUTES..=minute).contains(known));
    }

    /// Adds what was told before linkhook started, as far as it is kept; in a thread of its own.
    pub fn look_back(self: Arc<Timeline>, sources: &Sources) {
        let Some(state) = sources.state.clone().filter(|_| sources.keeps_history) else { return };
        let now = Timestamp::now().as_microsecond();
        let (_, last) = sources.feed.ends();
        let started = threads::start("http timeline", move || {
            if let Err(error) = Look::open(&state).and_then(|look| self.add_kept(&look, now, last)) {
                log::debug!("http: what was told before cannot be counted: {error}");
            }
        });
        if let Err(error) = started {
            log::debug!("http: what was told before is not counted: {error}");
        }
    }

    fn add_kept(&self, look: &Look, now: i64, last: u64) -> Result<()> {
        let history = look.history()?;
        let mut chunks = history.chunks(Span { since: now - MINUTES * MINUTE, until: now }, 0, false)?;
        while let Some(read) = history.next(&mut chunks)? {
            let Read::Events(entries, lines) = read else { continue };
            let mut minutes: BTreeMap<i64, Counts> = BTreeMap::new();
            for entry in entries.iter().take_while(|entry| entry.sequence <= last) {
                let line = entry.line(&lines);
                if let Some((time, severity)) = event::time_of(line).zip(event::severity_of(line)) {
                    minutes.entry(time.div_euclid(MINUTE)).or_default()[severity as usize] += 1;
                }
            }
            let mut state = self.lock();
            for (minute, counts) in minutes {
                let known = state.minutes.entry(minute).or_default();
                known.iter_mut().zip(counts).for_each(|(known, count)| *known += count);
            }
        }
        Ok(())
    }
}

fn counts(events: &EventCounts) -> Counts {
    let mut counts = Counts::default();
    for (.., severity, count) in events.iter() {
        if let Some(severity) = Severity::by_name(severity) {
            counts[severity as usize] += count;
        }
    }
    counts
}

/// The answer's text.
pub(super) fn text(figures: &Figures, sources: &Sources, timeline: &Timeline) -> String {
    timeline.note(figures);
    // Those of no line are left out.
    let minute = |(minute, counts): (&i64, &Counts)| {
        let counts = Severity::ALL.map(|severity| (severity.name(), json!(counts[severity as usize])));
        let members = [("ts", json!(time(minute * MINUTE)))].into_iter().chain(counts);
        Value::from(members.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    };
    let has_any = |(_, counts): &(&i64, &Counts)| counts.iter().any(|&count| count > 0);
    let minutes: Vec<Value> = timeline.lock().minutes.iter().filter(has_any).map(minute).collect();
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "host": sources.host,
        "ts": time(figures.time_microseconds),
        "uptime_seconds": seconds(figures.uptime),
        "lines": figures.lines,
        "state_dir": sources.state.is_some(),
        "history": sources.keeps_history,
        "webhooks": figures.webhooks.iter().map(|webhook| of_webhook(figures, webhook)).collect::<Vec<_>>(),
        "obstacles": figures.obstacles,
        "minutes": minutes,
    });
    format!("{status}\n")
}

fn of_webhook(figures: &Figures, webhook: &WebhookFigures) -> Value {
    let mut told = json!({
        "name": webhook.name,
        "sent": webhook.sent,
        "failed": webhook.failed,
        "waiting": webhook.waiting,
        "oldest_seconds": figures.age(webhook).map(seconds),
        "dropped": webhook.dropped,
        "dead": webhook.dead,
        "last_success": webhook.last_success.map(time),
        "last_error": webhook.last_error.as_ref().map(|(at, why)| json!({ "ts": time(*at), "text": why })),
        "next_attempt": webhook.next_attempt.map(time),
        "at_rest": webhook.at_rest,
        "paused": webhook.is_paused,
    });
    if let Some(told) = told.as_object_mut() {
        told.retain(|_, value| !value.is_null());
    }
    told
}

fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

fn time(microseconds: i64) -> String {
    format!("{:.6}", Timestamp::from_microsecond(microseconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::figures::Counted;
    use crate::kinds::KindIndex;

    fn figures(minute: i64, events: &EventCounts) -> Figures {
        Figures { time_microseconds: minute * MINUTE + 7, events: events.clone(), ..Figures::default() }
    }

    #[test]
    fn each_minute_has_what_was_told_in_it() {
        let (timeline, mut events) = (Timeline::default(), EventCounts::default());
        let route = KindIndex::named("route").unwrap();
        let told = |minute| timeline.lock().minutes.get(&minute).copied().unwrap_or_default();
        let notice = Severity::Notice as usize;
        for (minute, count) in [(1000, 3), (1000, 1), (1002, 2)] {
            (0..count).for_each(|_| events.count(Counted::Object(route, Action::Add, Severity::Notice)));
            timeline.note(&figures(minute, &events));
        }
        assert_eq!((told(1000)[notice], told(1001)[notice], told(1002)[notice]), (4, 0, 2));
        // What is hours ago is forgotten, and what a clock that was set back leaves behind.
        timeline.note(&figures(1001 + MINUTES, &events));
        assert_eq!((told(1000)[notice], told(1002)[notice]), (0, 2));
        timeline.note(&figures(900, &events));
        assert_eq!(told(1002)[notice], 0);
        // One that begins later counts what comes then.
        let timeline = Timeline::after(&events);
        events.count(Counted::Object(route, Action::Add, Severity::Notice));
        timeline.note(&figures(1000, &events));
        assert_eq!(timeline.lock().minutes[&1000][notice], 1);
    }

    #[test]
    fn it_is_json_with_all_that_is_known() {
        let webhook = WebhookFigures {
            name: "noc \"1\"".into(),
            waiting: 3,
            oldest_microseconds: Some(5_000_000),
            last_error: Some((6_000_000, "503".into())),
            next_attempt: Some(9_000_000),
            ..WebhookFigures::default()
        };
        let figures = Figures { time_microseconds: 8_000_000, webhooks: vec![webhook], ..Figures::default() };
        let sources = Sources {
            feed: crate::serve::feed::Feed::after(0, 0),
            beginning: 0,
            state: None,
            keeps_history: false,
            host: "here".into(),
            names_host: false,
        };
        let text = text(&figures, &sources, &Timeline::default());
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        let webhook = &status["webhooks"][0];
        assert_eq!((&status["host"], &webhook["name"]), (&"here".into(), &"noc \"1\"".into()));
        assert_eq!((&webhook["waiting"], &webhook["oldest_seconds"]), (&3.into(), &3.0.into()));
        assert_eq!(webhook["last_error"]["text"], "503");
        assert_eq!(webhook["next_attempt"], "1970-01-01T00:00:09.000000Z");
    }
}
