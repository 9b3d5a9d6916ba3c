//! What the tests of traffic control share.

use crate::decode::NoLinks;
use crate::decode::schema::{Is, Kind, WriteValue};
use crate::decode::walk::write_value;
use crate::json::Json;

/// What a function writes of a value, as an object, or what is wrong.
pub(super) fn members(kind: &'static Kind, set: &[u8], number: u16, write: WriteValue, payload: &[u8]) -> String {
    let mut whole = vec![0; kind.header.bytes];
    whole.extend_from_slice(set);
    let context = kind.context(&whole, &NoLinks).numbered(number);
    let mut out = Json::new();
    let is: &'static Is = Box::leak(Box::new(Is::Members(write, &[])));
    match write_value(&mut out, &context, is, payload) {
        Ok(()) => String::from_utf8_lossy(out.bytes()).into_owned(),
        Err(wrong) => format!("{wrong:?}"),
    }
}

/// `struct tc_ratespec`.
pub(super) fn rate_specification(cell: u8, overhead: u16, mpu: u16, rate: u32) -> Vec<u8> {
    let mut bytes = vec![cell, 1];
    bytes.extend_from_slice(&overhead.to_ne_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&mpu.to_ne_bytes());
    bytes.extend_from_slice(&rate.to_ne_bytes());
    bytes
}
