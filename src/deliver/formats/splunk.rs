//! Splunk's HTTP Event Collector: objects one after another, no array ("Format events for HTTP Event Collector").

use serde::Deserialize;

use super::event::Event;
use super::{Answer, Batch, Format, Meaning};
use crate::json::Json;

/// `{"time":…,"host":…,"event":{…}}` an event.
pub static FORMAT: Format = Format {
    name: "splunk",
    content_type: "application/json",
    body,
    meaning,
    statuses: super::STORE,
    ..Format::BY_STATUS
};

/// Codes of a 400 that are about the data: no data, wrong format, an event without `event` or with a blank one, wrong `fields`.
const DATA: [u64; 5] = [5, 6, 12, 13, 15];
/// Codes that are about the receiver's configuration: a wrong index, no channel, an invalid one, acknowledgement, and queries.
const CONFIGURATION: [u64; 5] = [7, 10, 11, 14, 16];

#[derive(Deserialize)]
struct Reply {
    code: u64,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<u64>,
}

/// "Troubleshoot HTTP Event Collector", possible error codes. Receivers differ in which events of a refused request they have
/// taken: halves find the bad one, some may come twice, and `fields.event_id` tells.
fn meaning(answer: &Answer<'_>) -> Meaning {
    let Ok(reply) = serde_json::from_slice::<Reply>(answer.body) else { return Meaning::ByStatus };
    match answer.status {
        // No event is wrong, whichever is named: it may be mended.
        400 if CONFIGURATION.contains(&reply.code) => Meaning::Again(None),
        400 if reply.invalid.is_some() || DATA.contains(&reply.code) => Meaning::Halve(None),
        _ => Meaning::ByStatus,
    }
}

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    for line in batch.events {
        let Some(event) = Event::read(line) else { continue };
        let mut out = Json::new();
        let microseconds = event.microseconds();
        out.begin_object();
        out.key("time");
        // Of whole numbers: a double would lose the last digits.
        out.raw(format!("{}.{:06}", microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000)).as_bytes());
        out.key("host");
        out.string(event.host(batch));
        out.plain_member("source", "linkhook");
        out.key("sourcetype");
        out.string(&format!("linkhook:{}", event.event));
        out.key("fields");
        out.begin_object();
        out.key("event_id");
        out.string(&event.id(batch));
        for (name, value) in batch.fields {
            out.any_key(name);
            out.string(value);
        }
        out.end_object();
        out.key("event");
        out.raw(line);
        out.end_object();
        body.extend_from_slice(out.bytes());
        body.push(b'\n');
    }
    body
}
