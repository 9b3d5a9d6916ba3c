//! Messages for tests.

use super::attributes::{XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC};
use super::secrets::{ALGORITHM_BYTES, ALGORITHM_WITH_LENGTH_BYTES};
use super::state::SA_INFO_BYTES;
use crate::netlink::wire::{Header, append_attribute, append_message};

/// A key that nothing may show.
pub const KEY: &[u8; 16] = b"\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf\xd0";

/// An algorithm with that key, as the attribute of that number has it.
pub fn algorithm(number: u16) -> Vec<u8> {
    let has_length = [XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_AEAD].contains(&number);
    let mut value = b"cbc(aes)".to_vec();
    value.resize(64, 0);
    value.extend_from_slice(&(KEY.len() as u32 * 8).to_ne_bytes());
    value.resize(if has_length { ALGORITHM_WITH_LENGTH_BYTES } else { ALGORITHM_BYTES }, 0);
    value.extend_from_slice(KEY);
    value
}

/// What `XFRM_MSG_NEWSA` says of an association of ESP to 10.5.0.2.
pub fn association(spi: u32, set: &[(u16, &[u8])]) -> Vec<u8> {
    let mut payload = vec![0; SA_INFO_BYTES];
    payload[56..60].copy_from_slice(&[10, 5, 0, 2]);
    payload[72..76].copy_from_slice(&spi.to_be_bytes());
    payload[76] = 50;
    payload[80..84].copy_from_slice(&[10, 5, 0, 1]);
    payload[212..214].copy_from_slice(&2u16.to_ne_bytes());
    set.iter().for_each(|(number, value)| append_attribute(&mut payload, *number, value));
    payload
}

/// A message.
pub fn message_of(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_message(&mut bytes, Header { kind, flags, sequence: 7, port: 0 }, payload);
    bytes
}
