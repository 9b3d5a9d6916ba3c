//! What most protocols' `adapt` does: gives messages types that no other protocol has.

use crate::netlink::wire::{Message, NLMSG_MIN_TYPE, append_message, messages, u16_at};

/// The type as the tables know it: the kernel's, with an upper octet that is the protocol's own.
pub const fn renumbered(upper: u8, kind: u16) -> u16 {
    (upper as u16) << 8 | kind & 0xff
}

/// Calls `each` with every message of a datagram that is not netlink's own, to append what it becomes. What is no message has its
/// type, too, where it is long enough, so that it is known whose it is.
pub fn each_message(datagram: &[u8], out: &mut Vec<u8>, upper: u8, mut each: impl FnMut(&Message<'_>, &mut Vec<u8>)) {
    let mut all = messages(datagram);
    for message in all.by_ref() {
        if message.header.kind < NLMSG_MIN_TYPE {
            append_message(out, message.header, message.payload);
        } else {
            each(&message, out);
        }
    }
    let at = out.len();
    out.extend_from_slice(all.rest());
    if let Some(kind) = u16_at(out, at + 4).filter(|&kind| kind >= NLMSG_MIN_TYPE) {
        out[at + 4..at + 6].copy_from_slice(&renumbered(upper, kind).to_ne_bytes());
    }
}
