//! Messages as the tables read them: types that no other protocol has, and a header that is the same for all messages of a kind.
//!
//! Before the kernel's structure stand four octets, [`PREFIX_BYTES`], of which the first is the address family. A removal's object is taken
//! out of its attribute. An association or policy whose time has run out is told as that, both in one form, and as removed.

use super::attributes::{XFRMA_POLICY, XFRMA_SA};
use super::message::{self, renumbered};
use super::policy::POLICY_INFO_BYTES;
use super::state::SA_INFO_BYTES;
use crate::kinds::renumber::each_message;
use crate::netlink::wire::{Attribute, Header, Message, align, append_attribute, append_message, attributes, u16_at};

/// Octets before the kernel's structure: the address family, and padding.
pub const PREFIX_BYTES: usize = 4;
/// Which of them says that it is a policy that has expired, and not an association.
pub const POLICY_AT: usize = 1;

/// Octets of `struct xfrm_selector`.
pub const SELECTOR_BYTES: usize = 56;
/// Where the family stands in a selector.
const SELECTOR_FAMILY_AT: usize = 40;

/// Turns a datagram into messages as the tables read them.
pub fn adapt(datagram: &[u8], out: &mut Vec<u8>) {
    each_message(datagram, out, message::TYPES, adapt_message);
}

fn adapt_message(message: &Message<'_>, out: &mut Vec<u8>) {
    let Message { header, payload, .. } = *message;
    let family = |at: usize| u16_at(payload, at).unwrap_or_default() as u8;
    match header.kind {
        // How many there are: asked for, and never told.
        message::NEWSADINFO | message::NEWSPDINFO => {}
        message::NEWSA | message::UPDSA => put(out, header, family(SA_FAMILY_AT), payload),
        message::DELSA => put(out, header, removed_family(payload), &removed_state(payload)),
        message::EXPIRE => {
            put(out, header, family(SA_FAMILY_AT), payload);
            put_removal(out, header, message::DELSA, SA_INFO_BYTES, family(SA_FAMILY_AT), payload);
        }
        message::NEWPOLICY | message::UPDPOLICY => put(out, header, family(SELECTOR_FAMILY_AT), payload),
        message::DELPOLICY => put(out, header, family(SELECTOR_FAMILY_AT), &removed_policy(payload)),
        message::POLEXPIRE => {
            let family = family(SELECTOR_FAMILY_AT);
            put_expired_policy(out, header, family, payload);
            put_removal(out, header, message::DELPOLICY, POLICY_INFO_BYTES, family, payload);
        }
        message::ACQUIRE => put(out, header, family(40 + SELECTOR_FAMILY_AT), payload),
        message::REPORT => put(out, header, family(4 + SELECTOR_FAMILY_AT), payload),
        message::MIGRATE => put(out, header, family(SELECTOR_FAMILY_AT), payload),
        message::NEWAE | message::MAPPING => put(out, header, family(SA_ID_FAMILY_AT), payload),
        _ => put(out, header, 0, payload),
    }
}

/// Where the family stands in `struct xfrm_usersa_info`.
const SA_FAMILY_AT: usize = 212;
/// The same in `struct xfrm_usersa_id`.
const SA_ID_FAMILY_AT: usize = 20;
/// Octets of `struct xfrm_usersa_id` and of `struct xfrm_userpolicy_id`.
const SA_ID_BYTES: usize = 24;
const POLICY_ID_BYTES: usize = 64;

/// Appends a message with that family before its payload.
fn put(out: &mut Vec<u8>, header: Header, family: u8, payload: &[u8]) {
    put_behind(out, header, [family, 0, 0, 0], payload);
}

fn put_behind(out: &mut Vec<u8>, header: Header, prefix: [u8; PREFIX_BYTES], payload: &[u8]) {
    append_message(out, Header { kind: renumbered(header.kind), ..header }, &[&prefix, payload].concat());
}

/// Appends a policy that has expired, with as many octets as an association has.
fn put_expired_policy(out: &mut Vec<u8>, header: Header, family: u8, payload: &[u8]) {
    let mut prefix = [family, 0, 0, 0];
    prefix[POLICY_AT] = 1;
    let (policy, rest) = payload.split_at(payload.len().min(POLICY_INFO_BYTES));
    let padding = [0; SA_INFO_BYTES - POLICY_INFO_BYTES];
    put_behind(out, Header { kind: message::EXPIRE, ..header }, prefix, &[policy, &padding, rest].concat());
}

/// Appends the removal of what has expired for good: behind the object stands whether it has (`hard`), and then the attributes.
fn put_removal(out: &mut Vec<u8>, header: Header, kind: u16, object_bytes: usize, family: u8, payload: &[u8]) {
    let is_hard = payload.get(object_bytes).is_some_and(|&hard| hard != 0);
    // The structure is as long as its alignment to eight octets makes it.
    let Some(set) = payload.get(object_bytes + 8..).filter(|_| is_hard) else { return };
    put(out, Header { kind, ..header }, family, &[&payload[..object_bytes], set].concat());
}

fn removed_family(payload: &[u8]) -> u8 {
    u16_at(payload, SA_ID_FAMILY_AT).unwrap_or_default() as u8
}

/// The association that a removal names, with its attributes.
fn removed_state(payload: &[u8]) -> Vec<u8> {
    let set = payload.get(SA_ID_BYTES..).unwrap_or_default();
    let mut object = taken_out(set, XFRMA_SA, SA_INFO_BYTES).unwrap_or_else(|| {
        let mut object = vec![0; SA_INFO_BYTES];
        let mut copy = |from: usize, bytes: usize, to: usize| {
            if let Some(part) = payload.get(from..from + bytes) {
                object[to..to + bytes].copy_from_slice(part);
            }
        };
        // The address, the SPI, the family and the protocol.
        copy(0, 20, SELECTOR_BYTES);
        copy(SA_ID_FAMILY_AT, 2, SA_FAMILY_AT);
        copy(22, 1, SELECTOR_BYTES + 20);
        object
    });
    append_others(&mut object, set, XFRMA_SA);
    object
}

/// The policy that a removal names, with its attributes.
fn removed_policy(payload: &[u8]) -> Vec<u8> {
    let set = payload.get(POLICY_ID_BYTES..).unwrap_or_default();
    let mut object = taken_out(set, XFRMA_POLICY, POLICY_INFO_BYTES).unwrap_or_else(|| {
        let mut object = vec![0; POLICY_INFO_BYTES];
        if let Some(id) = payload.get(..POLICY_ID_BYTES) {
            object[..SELECTOR_BYTES].copy_from_slice(&id[..SELECTOR_BYTES]);
            // The index and the direction.
            object[156..161].copy_from_slice(&id[SELECTOR_BYTES..SELECTOR_BYTES + 5]);
        }
        object
    });
    append_others(&mut object, set, XFRMA_POLICY);
    object
}

/// What stands in an attribute, where it is at least as long as its structure.
fn taken_out(set: &[u8], number: u16, bytes: usize) -> Option<Vec<u8>> {
    let found = attributes(set).find(|found| found.number == number)?;
    (found.payload.len() >= bytes).then(|| found.payload.to_vec())
}

/// Appends the attributes but that one.
fn append_others(object: &mut Vec<u8>, set: &[u8], but: u16) {
    object.resize(align(object.len()), 0);
    let mut each = attributes(set);
    for Attribute { number, payload } in each.by_ref().filter(|found| found.number != but) {
        append_attribute(object, number, payload);
    }
    object.extend_from_slice(each.rest());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::xfrm::attributes::XFRMA_IF_ID;
    use crate::kinds::xfrm::testing::{association, message_of};
    use crate::kinds::xfrm::{policy, state};
    use crate::netlink::wire::messages;

    fn adapted(datagram: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut out = Vec::new();
        adapt(datagram, &mut out);
        messages(&out).map(|message| (message.header.kind, message.payload.to_vec())).collect()
    }

    #[test]
    fn a_removal_is_the_object_that_it_wraps() {
        let whole = association(4097, &[(XFRMA_IF_ID, &[7, 0, 0, 0])]);
        let (info, set) = whole.split_at(SA_INFO_BYTES);
        let mut removal = vec![0; SA_ID_BYTES];
        removal[SA_ID_FAMILY_AT] = 2;
        append_attribute(&mut removal, XFRMA_SA, info);
        removal.extend_from_slice(set);
        let added = adapted(&message_of(message::NEWSA, 0, &whole));
        let removed = adapted(&message_of(message::DELSA, 0, &removal));
        assert_eq!((added[0].0, removed[0].0), (state::STATE.new, state::STATE.delete));
        assert_eq!(added[0].1, removed[0].1);
    }

    #[test]
    fn a_removal_without_its_object_is_what_it_names() {
        let whole = association(4097, &[]);
        let mut removal = whole[SELECTOR_BYTES..SELECTOR_BYTES + 20].to_vec();
        removal.extend_from_slice(&[2, 0, 50, 0]);
        let key = |payload: &[u8]| {
            let mut key = Vec::new();
            crate::decode::key::write(&mut key, &state::STATE, payload);
            key
        };
        let added = adapted(&message_of(message::NEWSA, 0, &whole));
        let removed = adapted(&message_of(message::DELSA, 0, &removal));
        assert_eq!(key(&added[0].1), key(&removed[0].1));
    }

    #[test]
    fn what_expires_for_good_is_removed_too() {
        for (kind, bytes, removal) in [
            (message::EXPIRE, SA_INFO_BYTES, state::STATE.delete),
            (message::POLEXPIRE, POLICY_INFO_BYTES, policy::POLICY.delete),
        ] {
            for hard in [0, 1] {
                let mut expired = vec![0; bytes + 8];
                expired[bytes] = hard;
                append_attribute(&mut expired, XFRMA_IF_ID, &[7, 0, 0, 0]);
                let found = adapted(&message_of(kind, 0, &expired));
                let kinds: Vec<u16> = found.iter().map(|(kind, _)| *kind).collect();
                let expired = renumbered(message::EXPIRE);
                let expected = if hard == 1 { vec![expired, removal] } else { vec![expired] };
                assert_eq!(kinds, expected);
                // A message of associations and one of policies have the same form.
                assert_eq!(found[0].1.len(), PREFIX_BYTES + SA_INFO_BYTES + 16);
                assert_eq!(found[0].1[PREFIX_BYTES + SA_INFO_BYTES], hard);
                if hard == 1 {
                    assert_eq!(found[1].1.len(), PREFIX_BYTES + bytes + 8);
                }
            }
        }
    }

    #[test]
    fn what_is_no_message_says_whose_it_is() {
        let whole = message_of(message::NEWSA, 0, &association(4097, &[]));
        let mut out = Vec::new();
        adapt(&whole[..40], &mut out);
        assert_eq!(u16_at(&out, 4), Some(state::STATE.new));
        out.clear();
        adapt(&[0; 20], &mut out);
        assert_eq!(out, [0; 20]);
    }
}
