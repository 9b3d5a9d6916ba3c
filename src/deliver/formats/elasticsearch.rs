//! Elasticsearch's and OpenSearch's bulk API, to a data stream: `create` with an id of the event's own, and a document in the
//! Elastic Common Schema with linkhook's line under `linkhook`.

use serde::Deserialize;
use serde_json::Value;

use super::event::Event;
use super::{Answer, Batch, Format, Meaning};
use crate::json::Json;

/// Two lines an event.
pub static FORMAT: Format = Format {
    name: "elasticsearch",
    content_type: "application/x-ndjson",
    body,
    meaning,
    statuses: super::STORE,
    answer_bytes_max: super::LONG_ANSWER_BYTES_MAX,
    judges_body: true,
    ..Format::BY_STATUS
};

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    errors: bool,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    /// An object with its `type` and `reason`; a text in old versions.
    error: Option<Value>,
}

/// What an error says.
fn words(error: &Value) -> String {
    let member = |name: &str| error.get(name).and_then(Value::as_str);
    match (member("type"), member("reason")) {
        (Some(kind), Some(reason)) => format!("{kind}: {reason}"),
        (Some(words), None) | (None, Some(words)) => words.to_owned(),
        (None, None) => error.as_str().map_or_else(|| error.to_string(), str::to_owned),
    }
}

/// A request is taken item by item. What was taken before answers 409 when it comes again, and counts as taken: so the whole
/// batch may come again for what is busy now, and halves find what is refused.
fn meaning(answer: &Answer<'_>) -> Meaning {
    if answer.status != 200 || answer.body.is_empty() {
        return Meaning::ByStatus;
    }
    // What cannot be read says nothing of what was taken; what was taken answers 409 when it comes again.
    let Ok(reply) = serde_json::from_slice::<Reply>(answer.body) else { return Meaning::Again(None) };
    if !reply.errors {
        return Meaning::ByStatus;
    }
    if reply.items.is_empty() {
        return Meaning::Again(None);
    }
    let created = || reply.items.iter().map(|item| &item.create);
    let open = || created().filter(|created| !matches!(created.status, 200..=299 | 409));
    let why = |created: &Created| created.error.as_ref().map_or_else(|| format!("status {}", created.status), words);
    if let Some(busy) = open().find(|created| matches!(created.status, 429 | 503)) {
        let is_partly_taken = open().count() < reply.items.len();
        return if is_partly_taken { Meaning::Partly(why(busy)) } else { Meaning::Again(Some(why(busy))) };
    }
    open().next().map_or(Meaning::Delivered, |refused| Meaning::Halve(Some(why(refused))))
}

/// `event.type` of an action.
fn kind(action: &str) -> &'static str {
    match action {
        "add" => "creation",
        "change" => "change",
        "remove" => "deletion",
        _ => "info",
    }
}

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    for line in batch.events {
        let Some(event) = Event::read(line) else { continue };
        let id = event.id(batch);
        let mut out = Json::new();
        out.begin_object();
        out.key("create");
        out.begin_object();
        out.key("_id");
        out.string(&id);
        out.end_object();
        out.end_object();
        body.extend_from_slice(out.bytes());
        body.push(b'\n');
        body.extend_from_slice(&document(batch, &event, &id, line));
        body.push(b'\n');
    }
    body
}

fn document(batch: &Batch<'_>, event: &Event<'_>, id: &str, line: &[u8]) -> Vec<u8> {
    let mut out = Json::new();
    out.begin_object();
    out.key("@timestamp");
    out.string(event.time());
    object(&mut out, "ecs", |out| out.plain_member("version", "8.11.0"));
    out.key("message");
    out.string(&event.words());
    object(&mut out, "host", |out| {
        out.key("name");
        out.string(event.host(batch));
    });
    object(&mut out, "event", |out| {
        out.plain_member("kind", "event");
        for (key, value) in [("category", "network"), ("type", kind(&event.action))] {
            out.key(key);
            out.begin_list();
            out.plain(value);
            out.end_list();
        }
        for (key, value) in [
            ("action", format!("{}-{}", event.event, event.action)),
            ("module", "linkhook".to_owned()),
            ("dataset", format!("linkhook.{}", event.event)),
            ("id", id.to_owned()),
        ] {
            out.key(key);
            out.string(&value);
        }
        out.key("sequence");
        out.unsigned(event.seq);
    });
    if !batch.fields.is_empty() {
        object(&mut out, "labels", |out| {
            for (name, value) in batch.fields {
                out.any_key(name);
                out.string(value);
            }
        });
    }
    if !event.signals.is_empty() {
        out.key("tags");
        out.begin_list();
        event.signals.iter().for_each(|signal| out.string(signal));
        out.end_list();
    }
    out.key("linkhook");
    out.raw(line);
    out.end_object();
    out.take()
}

fn object(out: &mut Json, key: &str, members: impl FnOnce(&mut Json)) {
    out.key(key);
    out.begin_object();
    members(out);
    out.end_object();
}
