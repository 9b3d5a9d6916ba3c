//! What tests of tables share: messages put together, and what the walker makes of them.

use super::context::NoLinks;
use super::schema::Kind;
use super::walk::write_object;
use crate::json::Json;
use crate::netlink::wire::append_attribute;

/// The JSON of an object, by its payload.
pub fn text(kind: &Kind, payload: &[u8]) -> String {
    let mut out = Json::new();
    write_object(&mut out, kind, &kind.context(payload, &NoLinks));
    String::from_utf8(out.take()).unwrap()
}

/// The same, of what counts in a comparison alone.
pub fn compared(kind: &Kind, payload: &[u8]) -> String {
    let mut out = Json::new();
    write_object(&mut out, kind, &kind.context(payload, &NoLinks).comparing());
    String::from_utf8(out.take()).unwrap()
}

/// Attributes one after the other: what a nest holds.
pub fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    message(&[], attributes)
}

/// A payload: a family's header and attributes.
pub fn message(header: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    attributes.iter().for_each(|(number, value)| append_attribute(&mut bytes, *number, value));
    bytes
}
