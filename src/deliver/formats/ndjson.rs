//! The lines as they are, one event each; what the batch is stands in the headers.

use super::{Batch, Format, with_fields};

/// A line for each event.
pub static FORMAT: Format = Format { name: "ndjson", content_type: "application/x-ndjson", body, ..Format::BY_STATUS };

fn body(batch: &Batch<'_>) -> Vec<u8> {
    let octets = batch.events.iter().map(|event| event.len() + 1).sum();
    let mut body = Vec::with_capacity(octets);
    for event in batch.events {
        body.extend_from_slice(&with_fields(event, batch));
        body.push(b'\n');
    }
    body
}
