//! Grafana Loki's push API (pkg/loghttp/push/push.go): a stream for each set of labels, linkhook's own line as the line.

use super::event::Event;
use super::{Answer, Batch, Format, Meaning};
use crate::json::Json;

/// `{"streams":[{"stream":{…},"values":[["NANOSECONDS","LINE",{…}],…]}]}`.
pub static FORMAT: Format = Format {
    name: "loki",
    content_type: "application/json",
    body,
    meaning,
    statuses: super::STORE,
    fields_max: LABELS_MAX - OWN_LABELS,
    has_metadata: true,
    ..Format::BY_STATUS
};

/// A stream has so many labels at most (`max_label_names_per_series`, limits_config in Loki's documentation).
const LABELS_MAX: usize = 15;
/// `service_name`, `host`, `event` and `netns`.
const OWN_LABELS: usize = 4;

/// What is refused by 400 may have been stored for the most part, and which is not said: the same line at the same time is
/// stored once, so that halves find the one that is refused.
fn meaning(answer: &Answer<'_>) -> Meaning {
    match answer.status {
        400 => Meaning::Halve(None),
        _ => Meaning::ByStatus,
    }
}

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let events: Vec<(Event<'_>, &[u8])> =
        batch.events.iter().filter_map(|line| Some((Event::read(line)?, &**line))).collect();
    let labels = |event: &Event<'_>| {
        (
            event.host(batch).to_owned(),
            event.event.clone().into_owned(),
            event.netns.clone().map(|name| name.into_owned()),
        )
    };
    let mut streams = Vec::new();
    for (event, _) in &events {
        let labels = labels(event);
        if !streams.contains(&labels) {
            streams.push(labels);
        }
    }
    let mut out = Json::new();
    out.begin_object();
    out.key("streams");
    out.begin_list();
    for stream in &streams {
        out.begin_object();
        out.key("stream");
        out.begin_object();
        out.plain_member("service_name", "linkhook");
        let (host, kind, netns) = stream;
        for (label, value) in [("host", Some(host)), ("event", Some(kind)), ("netns", netns.as_ref())] {
            if let Some(value) = value {
                out.key(label);
                out.string(value);
            }
        }
        for (name, value) in batch.fields {
            out.any_key(name);
            out.string(value);
        }
        out.end_object();
        out.key("values");
        out.begin_list();
        for (event, line) in events.iter().filter(|(event, _)| labels(event) == *stream) {
            value(&mut out, event, line, batch.metadata);
        }
        out.end_list();
        out.end_object();
    }
    out.end_list();
    out.end_object();
    out.take()
}

/// The time, the line, and what a query can choose by without reading the line ("structured metadata"), which a Loki with a
/// schema below v13 refuses.
fn value(out: &mut Json, event: &Event<'_>, line: &[u8], metadata: bool) {
    out.begin_list();
    out.string(&format!("{}000", event.microseconds()));
    out.string(&String::from_utf8_lossy(line));
    if metadata {
        structured_metadata(out, event);
    }
    out.end_list();
}

fn structured_metadata(out: &mut Json, event: &Event<'_>) {
    out.begin_object();
    let signals = event.signals.join(",");
    let name = event.ifname.as_deref().unwrap_or_default();
    for (key, text) in [
        ("ifname", name),
        ("action", &event.action),
        ("origin", &event.origin),
        ("severity", &event.severity),
        ("signals", &signals),
    ] {
        if !text.is_empty() {
            out.key(key);
            out.string(text);
        }
    }
    out.end_object();
}
