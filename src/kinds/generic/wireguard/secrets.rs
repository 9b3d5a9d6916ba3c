//! Keys of devices and peers: their octets are overwritten with zeros in the datagram itself, before anything else reads it.
//!
//! Which number WireGuard has, only nlctrl's messages say. Numbers are the kernel's, the same in all network namespaces, so that they are
//! remembered for all sockets at once. What is of a number that nobody has named may be WireGuard's: what looks like a key is
//! overwritten there, too.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::netlink::secrets::{each_attribute, each_message};
use crate::netlink::wire::{HEADER_BYTES, NLMSG_MIN_TYPE, attribute, u16_at};

/// `GENL_ID_CTRL`, and one more than `GENL_MAX_ID`.
const NLCTRL_ID: u16 = 16;
const NUMBERS: usize = 1024;
/// `CTRL_CMD_DELFAMILY`, `CTRL_ATTR_FAMILY_ID` and `_FAMILY_NAME`.
const DELFAMILY: u8 = 2;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// Octets of `struct genlmsghdr`.
const GENERIC_HEADER_BYTES: usize = 4;
/// Octets of `NLMSG_ERROR` before what it repeats of a request: the error, and the request's header.
const ERROR_BYTES: usize = 4 + HEADER_BYTES;
/// `WGDEVICE_A_PRIVATE_KEY`, `WGDEVICE_A_PEERS` and `WGPEER_A_PRESHARED_KEY`.
const PRIVATE_KEY: u16 = 3;
const PEERS: u16 = 8;
const PRESHARED_KEY: u16 = 2;
/// `WG_KEY_LEN`.
const KEY_BYTES: usize = 32;

/// A bit for each number of a family.
struct Numbers([AtomicU64; NUMBERS / 64]);

impl Numbers {
    const fn new() -> Numbers {
        Numbers([const { AtomicU64::new(0) }; NUMBERS / 64])
    }

    fn has(&self, number: u16) -> bool {
        let word = self.0.get(usize::from(number) / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (number % 64)) != 0)
    }

    fn set(&self, number: u16, is_in: bool) {
        let bit = 1 << (number % 64);
        match self.0.get(usize::from(number) / 64) {
            Some(word) if is_in => drop(word.fetch_or(bit, Ordering::Relaxed)),
            Some(word) => drop(word.fetch_and(!bit, Ordering::Relaxed)),
            None => {}
        }
    }
}

/// WireGuard's number, and those of other families.
static WIREGUARD: Numbers = Numbers::new();
static OTHERS: Numbers = Numbers::new();

/// How sure it is that a message is WireGuard's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// It is.
    Yes,
    /// Nobody has said whose number it is.
    Perhaps,
}

/// Overwrites the keys in a datagram.
pub fn redact(datagram: &mut [u8]) {
    each_message(datagram, redact_payload);
}

fn redact_payload(kind: u16, payload: &mut [u8]) {
    if kind < NLMSG_MIN_TYPE {
        // An error repeats the request.
        if let (Some(kind), Some(request)) = (u16_at(payload, 8), payload.get_mut(ERROR_BYTES..))
            && kind >= NLMSG_MIN_TYPE
        {
            redact_payload(kind, request);
        }
    } else if kind == NLCTRL_ID {
        learn(payload);
    } else if WIREGUARD.has(kind) {
        redact_device(payload, Sure::Yes);
    } else if !OTHERS.has(kind) {
        redact_device(payload, Sure::Perhaps);
    }
}

/// Learns from a message of nlctrl's whose number it names.
fn learn(payload: &[u8]) {
    let set = payload.get(GENERIC_HEADER_BYTES..).unwrap_or_default();
    let Some(number) = attribute(set, FAMILY_ID).and_then(|number| u16_at(number, 0)) else { return };
    let name = attribute(set, FAMILY_NAME).map(|name| name.strip_suffix(&[0]).unwrap_or(name));
    let is_gone = payload.first() == Some(&DELFAMILY);
    if is_gone || name.is_some() {
        WIREGUARD.set(number, !is_gone && name == Some(b"wireguard"));
        OTHERS.set(number, !is_gone && name != Some(b"wireguard"));
    }
}

fn redact_device(payload: &mut [u8], sure: Sure) {
    let set = payload.get_mut(GENERIC_HEADER_BYTES..).unwrap_or_default();
    each_attribute(set, |number, value| match number {
        PRIVATE_KEY => blank(value, sure),
        PEERS => each_attribute(value, |_, peer| {
            each_attribute(peer, |number, value| {
                if number == PRESHARED_KEY {
                    blank(value, sure);
                }
            });
        }),
        _ => {}
    });
}

fn blank(value: &mut [u8], sure: Sure) {
    if sure == Sure::Yes || value.len() == KEY_BYTES {
        value.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::netlink::wire::{Header, NLMSG_ERROR, append_attribute, append_message};

    /// Each test has numbers of its own: what is learned holds for the process.
    const ID: u16 = 1000;
    const KEY: [u8; KEY_BYTES] = [0xa7; KEY_BYTES];

    fn message_of(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        append_message(&mut datagram, Header { kind, ..Header::default() }, payload);
        datagram
    }

    fn named(command: u8, id: u16, name: &[u8]) -> Vec<u8> {
        let mut payload = vec![command, 2, 0, 0];
        append_attribute(&mut payload, FAMILY_ID, &id.to_ne_bytes());
        append_attribute(&mut payload, FAMILY_NAME, name);
        message_of(NLCTRL_ID, &payload)
    }

    /// A device with a public key of other octets, and a peer.
    fn device(nested: u16) -> Vec<u8> {
        let (mut payload, mut peer, mut peers) = (vec![0, 1, 0, 0], Vec::new(), Vec::new());
        append_attribute(&mut payload, PRIVATE_KEY, &KEY);
        append_attribute(&mut payload, 4, &[0x11; KEY_BYTES]);
        append_attribute(&mut peer, 1, &[0x22; KEY_BYTES]);
        append_attribute(&mut peer, PRESHARED_KEY, &KEY);
        append_attribute(&mut peers, nested, &peer);
        append_attribute(&mut payload, PEERS | nested, &peers);
        payload
    }

    fn has(bytes: &[u8], octet: u8) -> bool {
        bytes.windows(8).any(|window| window == [octet; 8])
    }

    #[test]
    fn no_key_is_left_wherever_it_stands() {
        redact(&mut named(1, ID, b"wireguard\0"));
        let error = [&[0; 4][..], &message_of(ID, &device(0))].concat();
        for mut datagram in [
            message_of(ID, &device(0)),
            message_of(ID, &device(0x8000)),
            message_of(NLMSG_ERROR, &error),
            [message_of(3, &[0; 4]), message_of(ID, &device(0)), message_of(ID, &device(0))].concat(),
            // Nobody has said whose number that is.
            message_of(ID + 1, &device(0)),
        ] {
            assert!(has(&datagram, KEY[0]));
            redact(&mut datagram);
            assert!(!has(&datagram, KEY[0]) && has(&datagram, 0x11) && has(&datagram, 0x22));
        }
        let whole = message_of(ID, &device(0));
        for length in 0..=whole.len() {
            let mut cut = whole[..length].to_vec();
            redact(&mut cut);
            assert!(!has(&cut, KEY[0]), "{length}");
        }
    }

    #[test]
    fn other_families_keep_what_they_say() {
        redact(&mut named(1, ID + 2, b"devlink\0"));
        let mut datagram = message_of(ID + 2, &device(0));
        redact(&mut datagram);
        assert!(has(&datagram, KEY[0]));
        // It is gone, and the number another's.
        redact(&mut named(DELFAMILY, ID + 2, b"devlink\0"));
        redact(&mut datagram);
        assert!(!has(&datagram, KEY[0]));
        // A number beyond what the kernel gives.
        redact(&mut named(1, 5000, b"devlink\0"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_keeps_its_length(mut datagram in vec(any::<u8>(), 0..600), kind in 0u16..20, length in 0u32..600) {
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
