//! Walks a datagram to overwrite what nobody may see of it, in its place. Whatever the octets are, none is passed over unseen.

use super::wire::{ATTRIBUTE_HEADER_BYTES, ATTRIBUTE_NUMBER_MASK, HEADER_BYTES, align, u16_at, u32_at};

/// Calls `each` with the type and the payload of a datagram's messages. One that was cut off, or whose length is wrong, is the last one, and
/// has all that is left.
pub fn each_message(datagram: &mut [u8], mut each: impl FnMut(u16, &mut [u8])) {
    let mut at = 0;
    while let Some(kind) = u16_at(datagram, at + 4) {
        let length = u32_at(datagram, at).unwrap_or_default() as usize;
        let is_whole = length >= HEADER_BYTES && length <= datagram.len() - at;
        let end = if is_whole { at + length } else { datagram.len() };
        if let Some(payload) = datagram.get_mut(at + HEADER_BYTES..end) {
            each(kind, payload);
        }
        at = if is_whole { (at + align(length)).min(datagram.len()) } else { datagram.len() };
    }
}

/// Calls `each` with the attributes of a set; what is behind the last whole one is overwritten: it may be the beginning of a key.
pub fn each_attribute(set: &mut [u8], mut each: impl FnMut(u16, &mut [u8])) {
    let mut at = 0;
    while at < set.len() {
        let header = u16_at(set, at).zip(u16_at(set, at + 2));
        let value = header.and_then(|(length, _)| set.get_mut(at + ATTRIBUTE_HEADER_BYTES..at + usize::from(length)));
        match (header, value) {
            (Some((length, number)), Some(value)) => {
                each(number & ATTRIBUTE_NUMBER_MASK, value);
                at += align(length.into());
            }
            _ => {
                set[at..].fill(0);
                return;
            }
        }
    }
}
