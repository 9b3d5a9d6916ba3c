//! CloudEvents 1.0.2, JSON format: an event a request, or several where the receiver is known to take a batch.

use super::event::Event;
use super::{Batch, Format};
use crate::json::Json;

/// Attribute names (spec.md, "Naming conventions").
const NAME: (&str, fn(&str) -> bool) = ("lower-case letters and digits", |name| {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit())
});

/// Structured mode: one event.
pub static FORMAT: Format = Format {
    name: "cloudevents",
    content_type: "application/cloudevents+json",
    body: single,
    events_max: 1,
    field_name: NAME,
    ..Format::BY_STATUS
};

/// The batched mode.
pub static BATCH: Format = Format {
    name: "cloudevents-batch",
    content_type: "application/cloudevents-batch+json",
    body: batched,
    field_name: NAME,
    ..Format::BY_STATUS
};

fn single(batch: &Batch<'_>) -> Vec<u8> {
    let mut out = Json::new();
    batch.events.iter().for_each(|event| write(&mut out, batch, event));
    out.take()
}

fn batched(batch: &Batch<'_>) -> Vec<u8> {
    let mut out = Json::new();
    out.begin_list();
    batch.events.iter().for_each(|event| write(&mut out, batch, event));
    out.end_list();
    out.take()
}

fn write(out: &mut Json, batch: &Batch<'_>, line: &[u8]) {
    let Some(event) = Event::read(line) else { return };
    out.begin_object();
    out.plain_member("specversion", "1.0");
    out.key("id");
    out.string(&event.id(batch));
    out.key("source");
    out.string(&format!("/linkhook/{}", event.host(batch)));
    out.key("type");
    out.string(&format!("linkhook.{}.{}", event.event, event.action));
    if let Some(name) = &event.ifname {
        out.key("subject");
        out.string(name);
    }
    out.key("time");
    out.string(event.time());
    out.plain_member("datacontenttype", "application/json");
    for (name, value) in batch.fields {
        out.any_key(name);
        out.string(value);
    }
    out.key("data");
    out.raw(line);
    out.end_object();
}
