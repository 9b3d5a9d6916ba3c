//! OpenTelemetry logs over HTTP, in JSON (opentelemetry-proto, docs/specification.md): camelCase keys, enums as numbers, 64-bit
//! numbers as text.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::event::Event;
use super::{Answer, Batch, Format, Meaning};
use crate::json::Json;

/// `{"resourceLogs":[…]}`.
pub static FORMAT: Format = Format {
    name: "otlp",
    content_type: "application/json",
    body,
    meaning,
    statuses: RETRYABLE,
    judges_body: true,
    ..Format::BY_STATUS
};

/// The statuses that may be tried again; every other one is final, 500 too (specification, "Retryable Response Codes"). A wrong
/// token or path is no word about the events.
const RETRYABLE: &[RangeInclusive<u16>] = &[401..=401, 403..=404, 429..=429, 502..=504];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Success {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct PartialSuccess {
    rejected_log_records: serde_json::Value,
    error_message: Option<String>,
}

fn meaning(answer: &Answer<'_>) -> Meaning {
    match answer.status {
        // Which ones were rejected is not said, and nothing may be sent again.
        200 => {
            let partial =
                serde_json::from_slice::<Success>(answer.body).ok().and_then(|success| success.partial_success);
            let partial = partial.unwrap_or_default();
            let rejected = &partial.rejected_log_records;
            let rejected = rejected
                .as_u64()
                .or_else(|| rejected.as_f64().map(|number| number as u64))
                .or_else(|| rejected.as_str()?.parse().ok())
                .unwrap_or_default();
            match rejected {
                0 => Meaning::ByStatus,
                events => Meaning::Rejected { events, why: partial.error_message.unwrap_or_default() },
            }
        }
        _ => Meaning::ByStatus,
    }
}

/// `SeverityNumber` and its text (opentelemetry-proto, logs.proto) of syslog's words.
fn severity(word: &str) -> (u64, &'static str) {
    match word {
        "err" => (17, "ERROR"),
        "warning" => (13, "WARN"),
        "notice" => (10, "INFO2"),
        "debug" => (5, "DEBUG"),
        _ => (9, "INFO"),
    }
}

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let events: Vec<(Event<'_>, &[u8])> =
        batch.events.iter().filter_map(|line| Some((Event::read(line)?, &**line))).collect();
    let mut out = Json::new();
    out.begin_object();
    out.key("resourceLogs");
    out.begin_list();
    out.begin_object();
    out.key("resource");
    out.begin_object();
    out.key("attributes");
    out.begin_list();
    text(&mut out, "service.name", "linkhook");
    text(&mut out, "service.version", env!("CARGO_PKG_VERSION"));
    text(&mut out, "host.name", events.first().map_or(batch.host, |(event, _)| event.host(batch)));
    batch.fields.iter().for_each(|(name, value)| text(&mut out, name, value));
    out.end_list();
    out.end_object();
    out.key("scopeLogs");
    out.begin_list();
    out.begin_object();
    out.key("scope");
    out.begin_object();
    out.plain_member("name", "linkhook");
    out.plain_member("version", env!("CARGO_PKG_VERSION"));
    out.end_object();
    out.key("logRecords");
    out.begin_list();
    events.iter().for_each(|(event, line)| record(&mut out, batch, event, line));
    out.end_list();
    out.end_object();
    out.end_list();
    out.end_object();
    out.end_list();
    out.end_object();
    out.take()
}

fn record(out: &mut Json, batch: &Batch<'_>, event: &Event<'_>, line: &[u8]) {
    let time = format!("{}000", event.microseconds());
    let (number, word) = severity(&event.severity);
    out.begin_object();
    out.plain_member("timeUnixNano", &time);
    out.plain_member("observedTimeUnixNano", &time);
    out.key("severityNumber");
    out.unsigned(number);
    out.plain_member("severityText", word);
    out.key("eventName");
    out.string(&format!("linkhook.{}.{}", event.event, event.action));
    out.key("body");
    out.begin_object();
    out.key("stringValue");
    out.string(&String::from_utf8_lossy(line));
    out.end_object();
    out.key("attributes");
    out.begin_list();
    text(out, "log.record.uid", &event.id(batch));
    attribute(out, "linkhook.seq", |out| out.plain_member("intValue", &event.seq.to_string()));
    text(out, "linkhook.event", &event.event);
    text(out, "linkhook.action", &event.action);
    text(out, "linkhook.origin", &event.origin);
    if !event.signals.is_empty() {
        attribute(out, "linkhook.signals", |out| {
            out.key("arrayValue");
            out.begin_object();
            out.key("values");
            out.begin_list();
            for signal in &event.signals {
                out.begin_object();
                out.key("stringValue");
                out.string(signal);
                out.end_object();
            }
            out.end_list();
            out.end_object();
        });
    }
    text(out, "linkhook.netns", event.netns.as_deref().unwrap_or_default());
    text(out, "network.interface.name", event.ifname.as_deref().unwrap_or_default());
    out.end_list();
    out.end_object();
}

/// An attribute of text; none where it is empty.
fn text(out: &mut Json, key: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    attribute(out, key, |out| {
        out.key("stringValue");
        out.string(value);
    });
}

fn attribute(out: &mut Json, key: &str, value: impl FnOnce(&mut Json)) {
    out.begin_object();
    out.key("key");
    out.string(key);
    out.key("value");
    out.begin_object();
    value(out);
    out.end_object();
    out.end_object();
}
