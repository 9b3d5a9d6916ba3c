//! What a batch looks like on its way, and what an answer to it means. A further format is a file here and a line in
//! [`FORMATS`].

mod cloudevents;
mod elasticsearch;
mod event;
mod json;
mod json_array;
mod loki;
mod ndjson;
mod otlp;
mod splunk;

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::json::Json;

/// Events on their way, in order.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The same at every attempt, never used twice.
    pub id: &'a str,
    /// The webhook's name.
    pub webhook: &'a str,
    /// Counts up by one for each batch of the webhook, from 1.
    pub number: u64,
    /// The host's name.
    pub host: &'a str,
    /// Text that goes with each event: names and values.
    pub fields: &'a [(String, String)],
    /// Whether the receiver takes values beside an event's labels, where the format has them.
    pub metadata: bool,
    /// Each a JSON object without a newline.
    pub events: &'a [Arc<[u8]>],
}

/// A receiver's answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body, as far as it was read.
    pub body: &'a [u8],
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What its status says.
    ByStatus,
    /// Everything was taken, now or before.
    Delivered,
    /// The same batch again, for that reason.
    Again(Option<String>),
    /// Some of it was taken. The same batch again for the rest, for that reason; what was taken may come again.
    Partly(String),
    /// Some events of it are refused, for that reason: halves find them.
    Halve(Option<String>),
    /// It was taken but for so many events, and it is not said which; nothing may be sent again.
    Rejected {
        /// How many.
        events: u64,
        /// In the receiver's words.
        why: String,
    },
}

/// A format.
#[derive(Debug)]
pub struct Format {
    /// Its name in the configuration.
    pub name: &'static str,
    /// The header `content-type`.
    pub content_type: &'static str,
    /// Writes a body.
    pub body: fn(&Batch<'_>) -> Vec<u8>,
    /// What an answer means.
    pub meaning: fn(&Answer<'_>) -> Meaning,
    /// Statuses that are tried again, unless the settings name others.
    pub statuses: &'static [RangeInclusive<u16>],
    /// So much of an answer is read.
    pub answer_bytes_max: u64,
    /// Whether a good status does not say that all was taken: an answer that breaks off is none then.
    pub judges_body: bool,
    /// A batch has so many events at most.
    pub events_max: usize,
    /// What a field's name must be, in words, and whether a name is such a one.
    pub field_name: (&'static str, fn(&str) -> bool),
    /// So many fields at most.
    pub fields_max: usize,
    /// Whether events have values beside their labels, which a receiver may not know (`metadata`).
    pub has_metadata: bool,
}

/// So much of an answer is read where its status says enough: so that the connection can be used again, and for the reason.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// So much where it has something to say of each event.
pub(super) const LONG_ANSWER_BYTES_MAX: u64 = 8 << 20;

/// The receiver is busy or broken for now.
const BUSY: &[RangeInclusive<u16>] = &[408..=408, 425..=425, 429..=429, 500..=599];
/// The same of a log store, where a wrong token or path says nothing of the events.
const STORE: &[RangeInclusive<u16>] = &[401..=401, 403..=404, 408..=408, 425..=425, 429..=429, 500..=599];

impl Format {
    /// What most formats have: an answer's status says what it means.
    const BY_STATUS: Format = Format {
        name: "",
        content_type: "",
        body: |_| Vec::new(),
        meaning: |_| Meaning::ByStatus,
        statuses: BUSY,
        answer_bytes_max: ANSWER_BYTES_MAX,
        judges_body: false,
        events_max: usize::MAX,
        field_name: ("letters, digits and '_', no digit first", is_label),
        fields_max: usize::MAX,
        has_metadata: false,
    };
}

/// Letters, digits and `_`, no digit first.
fn is_label(name: &str) -> bool {
    let good = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    name.bytes().all(good) && name.bytes().next().is_some_and(|octet| !octet.is_ascii_digit())
}

/// An event's line with the webhook's fields, where there are any: `"fields":{…}` as its last member.
fn with_fields<'e>(event: &'e [u8], batch: &Batch<'_>) -> Cow<'e, [u8]> {
    let Some(open) = event.strip_suffix(b"}").filter(|_| !batch.fields.is_empty()) else { return event.into() };
    let mut fields = Json::new();
    fields.begin_object();
    for (name, value) in batch.fields {
        fields.any_key(name);
        fields.string(value);
    }
    fields.end_object();
    [open, b",\"fields\":", fields.bytes(), b"}"].concat().into()
}

/// Every format; the first is the default.
pub static FORMATS: &[&Format] = &[
    &json::FORMAT,
    &ndjson::FORMAT,
    &json_array::FORMAT,
    &cloudevents::FORMAT,
    &cloudevents::BATCH,
    &loki::FORMAT,
    &otlp::FORMAT,
    &splunk::FORMAT,
    &elasticsearch::FORMAT,
];

/// The format of that name.
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name).copied()
}

#[cfg(test)]
mod tests;
