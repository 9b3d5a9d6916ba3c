//! The lines as a JSON array: what Fluent Bit, Logstash and many others take as one record each.

use super::{Batch, Format, with_fields};
use crate::json::Json;

/// `[EVENT,EVENT,…]`.
pub static FORMAT: Format = Format { name: "json-array", content_type: "application/json", body, ..Format::BY_STATUS };

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let mut out = Json::new();
    out.begin_list();
    batch.events.iter().for_each(|event| out.raw(&with_fields(event, batch)));
    out.end_list();
    out.take()
}
