//! Keys of associations: their octets are overwritten with zeros in the datagram itself, before anything else reads it.
//!
//! What cannot be read is overwritten whole: a key might be in it.

use super::attributes::{
    XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_COMP, XFRMA_ALG_CRYPT, XFRMA_NEWEST, XFRMA_SA,
};
use super::message;
use super::state::SA_INFO_BYTES;
use crate::netlink::secrets::{each_attribute, each_message};
use crate::netlink::wire::{HEADER_BYTES, NLMSG_MIN_TYPE};

/// Octets of an algorithm before its key: the name, and the key's length (`struct xfrm_algo`).
pub const ALGORITHM_BYTES: usize = 68;
/// The same where another length stands between (`struct xfrm_algo_auth`, `xfrm_algo_aead`).
pub const ALGORITHM_WITH_LENGTH_BYTES: usize = 72;
/// Octets of `NLMSG_ERROR` before what it repeats of a request: the error, and the request's header.
const ERROR_BYTES: usize = 4 + HEADER_BYTES;

/// Octets of the fixed header of a message; `None` where such a message is not known, or has none that ends there.
pub fn header_bytes(kind: u16) -> Option<usize> {
    Some(match kind {
        message::NEWSA | message::UPDSA => SA_INFO_BYTES,
        message::DELSA => 24,
        message::NEWPOLICY | message::UPDPOLICY => 168,
        message::DELPOLICY | message::MIGRATE | message::MAPPING => 64,
        message::ALLOCSPI | message::EXPIRE => 232,
        message::ACQUIRE => 280,
        message::POLEXPIRE => 176,
        message::NEWAE => 48,
        message::REPORT => 60,
        message::FLUSHSA | message::NEWSADINFO | message::NEWSPDINFO | message::SETDEFAULT | message::GETDEFAULT => 4,
        message::FLUSHPOLICY => 0,
        _ => return None,
    })
}

/// Overwrites the keys in a datagram.
pub fn redact(datagram: &mut [u8]) {
    each_message(datagram, redact_payload);
}

fn redact_payload(kind: u16, payload: &mut [u8]) {
    match kind {
        // Requests that hold no key.
        message::GETSA | message::GETPOLICY | message::GETAE | message::GETSADINFO | message::GETSPDINFO => {}
        _ if kind < NLMSG_MIN_TYPE => blank(payload, ERROR_BYTES),
        _ => match header_bytes(kind) {
            Some(header) => redact_attributes(payload.get_mut(header..).unwrap_or_default()),
            None => payload.fill(0),
        },
    }
}

fn redact_attributes(set: &mut [u8]) {
    each_attribute(set, redact_value);
}

fn redact_value(number: u16, value: &mut [u8]) {
    match number {
        XFRMA_ALG_AUTH | XFRMA_ALG_CRYPT | XFRMA_ALG_COMP => blank(value, ALGORITHM_BYTES),
        XFRMA_ALG_AUTH_TRUNC | XFRMA_ALG_AEAD => blank(value, ALGORITHM_WITH_LENGTH_BYTES),
        XFRMA_SA => redact_attributes(value.get_mut(SA_INFO_BYTES..).unwrap_or_default()),
        // What a newer kernel has may be a key.
        _ if number > XFRMA_NEWEST => value.fill(0),
        _ => {}
    }
}

/// Overwrites what follows the first octets, or all where there are fewer: then it is not what it should be.
fn blank(value: &mut [u8], keep: usize) {
    let keep = if value.len() < keep { 0 } else { keep };
    value[keep..].fill(0);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::kinds::xfrm::testing::{KEY, algorithm, association, message_of};
    use crate::netlink::wire::{NLMSG_ERROR, append_attribute};

    fn is_in(bytes: &[u8]) -> bool {
        bytes.windows(8).any(|window| window == &KEY[..8])
    }

    fn redacted(mut datagram: Vec<u8>) -> Vec<u8> {
        assert!(is_in(&datagram), "there is no key to be blanked");
        redact(&mut datagram);
        datagram
    }

    #[test]
    fn no_attribute_keeps_its_key() {
        for number in [XFRMA_ALG_AUTH, XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_AEAD, XFRMA_NEWEST + 1] {
            for nested in [0, 0x8000] {
                let payload = association(4097, &[(number | nested, &algorithm(number))]);
                let datagram = redacted(message_of(message::NEWSA, 0, &payload));
                assert!(!is_in(&datagram), "{number}");
                // What is no key stays.
                let known = number <= XFRMA_NEWEST;
                assert_eq!(datagram.windows(7).any(|window| window == b"cbc(aes"), known, "{number}");
            }
        }
    }

    #[test]
    fn keys_are_blanked_wherever_they_stand() {
        let whole = association(4097, &[(XFRMA_ALG_CRYPT, &algorithm(XFRMA_ALG_CRYPT))]);
        let mut wrapped = vec![0; 24];
        append_attribute(&mut wrapped, XFRMA_SA, &whole);
        // In a removal, in an answer to a request, in a message that is not known, and behind another message.
        let error = [&[0; 4][..], &message_of(message::NEWSA, 0, &whole)].concat();
        let first = message_of(message::NEWSA, 0, &association(1, &[]));
        for datagram in [
            message_of(message::DELSA, 0, &wrapped),
            message_of(NLMSG_ERROR, 0, &error),
            message_of(200, 0, &whole),
            [first, message_of(message::UPDSA, 0, &whole)].concat(),
        ] {
            assert!(!is_in(&redacted(datagram)));
        }
        // Cut off anywhere, and with a header that other machines have shorter.
        let datagram = message_of(message::NEWSA, 0, &whole);
        for length in 0..=datagram.len() {
            let mut cut = datagram[..length].to_vec();
            redact(&mut cut);
            assert!(!is_in(&cut), "{length}");
        }
        for missing in 1..=8 {
            let mut other = message_of(message::NEWSA, 0, &whole[missing..]);
            redact(&mut other);
            assert!(!is_in(&other), "{missing}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_keeps_its_length(mut datagram in vec(any::<u8>(), 0..600), kind in 0u16..50, length in 0u32..600) {
            if datagram.len() >= 6 {
                datagram[..4].copy_from_slice(&length.to_ne_bytes());
                datagram[4..6].copy_from_slice(&kind.to_ne_bytes());
            }
            let before = datagram.len();
            redact(&mut datagram);
            prop_assert_eq!(datagram.len(), before);
        }
    }
}
