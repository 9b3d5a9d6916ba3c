//! One JSON object, which says where its events come from.

use super::{Batch, Format, with_fields};
use crate::json::Json;

/// `{"id":…,"webhook":…,"batch":…,"host":…,"events":[…]}`.
pub static FORMAT: Format = Format { name: "json", content_type: "application/json", body, ..Format::BY_STATUS };

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let mut out = Json::new();
    out.begin_object();
    out.key("id");
    out.string(batch.id);
    out.key("webhook");
    out.string(batch.webhook);
    out.key("batch");
    out.unsigned(batch.number);
    out.key("host");
    out.string(batch.host);
    out.key("events");
    out.begin_list();
    batch.events.iter().for_each(|event| out.raw(&with_fields(event, batch)));
    out.end_list();
    out.end_object();
    out.take()
}
