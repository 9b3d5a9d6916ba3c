//! What the tests of traffic control share.

use crate::decode::NoLinks;
use crate::decode::schema::{Is, Kind, WriteValue};
use crate::decode::walk::write_value;
use crate::json::Json;

/// What a function writes of a value, as an object, or what is wrong.
pub(crate) fn members(kind: &'static Kind, set: &[u8], number: u16, write: WriteValue, payload: &[u8]) -> String {
    let mut whole = vec![0; kind.header.bytes];
    whole.extend_from_slice(set);
    let context = kind.context(&whole, &NoLinks).numbered(number);
    let mut out = Json::new();
    let is: &'static Is = Box::leak(Box::new(Is::Members(write)));
    match write_value(&mut out, &context, is, payload) {
        Ok(()) => String::from_utf8_lossy(out.bytes()).into_owned(),
        Err(wrong) => format!("{wrong:?}"),
    }
}
