//! A device and its peers, taken apart: each becomes a message of its own, whole.
//!
//! The kernel shows a device in as many messages as it takes. The first has the device; the others have peers alone. A peer's allowed
//! addresses may go on in the next message, in which the peer has its public key and nothing else (`get_peer`).

use super::{ALLOWED_IPS, GET_DEVICE, IFINDEX, IFNAME, OF_PEER, PEER_COMMAND, PEERS, PUBLIC_KEY};
use crate::kinds::generic::{WIREGUARD, message};
use crate::netlink::wire::{Header, append_attribute, append_message, attribute, attributes};

/// What the next message may go on with.
#[derive(Debug, Default)]
pub struct Parts {
    /// The beginning of each peer's message: the header of generic netlink, the interface's number and name.
    device: Vec<u8>,
    peer: Option<Peer>,
}

/// A peer that may go on.
#[derive(Debug)]
struct Peer {
    header: Header,
    key: Vec<u8>,
    payload: Vec<u8>,
}

impl Parts {
    /// Takes a message of `WG_CMD_GET_DEVICE`, and appends what is whole by now.
    pub fn take(&mut self, header: Header, payload: &[u8], out: &mut Vec<u8>) {
        let (head, set) = payload.split_at(payload.len().min(4));
        if let Some(ifindex) = attribute(set, IFINDEX) {
            self.end(out);
            self.device = head.to_vec();
            append_attribute(&mut self.device, IFINDEX, ifindex);
            append_attribute(&mut self.device, IFNAME, attribute(set, IFNAME).unwrap_or_default());
            let mut device = head.to_vec();
            for found in attributes(set).filter(|found| found.number != PEERS) {
                append_attribute(&mut device, found.number, found.payload);
            }
            append_message(out, Header { kind: message(WIREGUARD, GET_DEVICE), ..header }, &device);
        }
        for peer in attributes(set).filter(|found| found.number == PEERS).flat_map(|peers| attributes(peers.payload)) {
            self.take_peer(header, peer.payload, out);
        }
    }

    fn take_peer(&mut self, header: Header, set: &[u8], out: &mut Vec<u8>) {
        let key = attribute(set, PUBLIC_KEY).unwrap_or_default();
        if self.peer.as_ref().is_none_or(|peer| peer.key != key) {
            self.end(out);
            let mut payload = self.device.clone();
            if payload.is_empty() {
                // Its device was not recorded.
                payload = vec![GET_DEVICE, 1, 0, 0];
            }
            for found in attributes(set).filter(|found| found.number != ALLOWED_IPS) {
                append_attribute(&mut payload, OF_PEER + (found.number & NUMBERS), found.payload);
            }
            let header = Header { kind: message(WIREGUARD, PEER_COMMAND), ..header };
            self.peer = Some(Peer { header, key: key.to_vec(), payload });
        }
        // Of thousands of addresses no attribute would have room.
        let allowed_ips = attributes(attribute(set, ALLOWED_IPS).unwrap_or_default());
        if let Some(peer) = &mut self.peer {
            allowed_ips.for_each(|allowed| append_attribute(&mut peer.payload, OF_PEER + ALLOWED_IPS, allowed.payload));
        }
    }

    /// Nothing more comes of what was told: appends the peer that could have gone on.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(Peer { header, payload, .. }) = self.peer.take() {
            append_message(out, header, &payload);
        }
    }
}

/// A peer's attributes have numbers below it: what is beyond is none of a device's.
const NUMBERS: u16 = 0x0fff;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::messages;

    fn allowed(last: u8) -> Vec<u8> {
        let mut one = Vec::new();
        append_attribute(&mut one, 2, &[10, 0, 0, last]);
        append_attribute(&mut one, 3, &[32]);
        one
    }

    /// A peer's nest: its key, a counter where it begins, its addresses.
    fn peer(key: u8, begins: bool, addresses: &[u8]) -> Vec<u8> {
        let (mut set, mut nest) = (Vec::new(), Vec::new());
        append_attribute(&mut set, PUBLIC_KEY, &[key; 32]);
        if begins {
            append_attribute(&mut set, 7, &[9; 8]);
        }
        addresses.iter().for_each(|&last| append_attribute(&mut nest, 0, &allowed(last)));
        append_attribute(&mut set, ALLOWED_IPS, &nest);
        set
    }

    fn shown(device: Option<u8>, peers: &[Vec<u8>]) -> Vec<u8> {
        let (mut payload, mut nest) = (vec![GET_DEVICE, 1, 0, 0], Vec::new());
        if let Some(index) = device {
            append_attribute(&mut payload, IFINDEX, &[index, 0, 0, 0]);
            append_attribute(&mut payload, IFNAME, b"wg0\0");
            append_attribute(&mut payload, 6, &[1, 2]);
        }
        peers.iter().for_each(|peer| append_attribute(&mut nest, 0, peer));
        append_attribute(&mut payload, PEERS, &nest);
        payload
    }

    /// Of each message: its command, its interface, its key's first octet, how many addresses it has.
    fn told(payloads: &[Vec<u8>]) -> Vec<(u8, u8, u8, usize)> {
        let (mut parts, mut out) = (Parts::default(), Vec::new());
        payloads.iter().for_each(|payload| parts.take(Header::default(), payload, &mut out));
        parts.end(&mut out);
        let of = |payload: &[u8], number| attribute(&payload[4..], number).map_or(0, |value| value[0]);
        let message = |payload: &[u8], kind: u16| {
            let addresses = attributes(&payload[4..]).filter(|found| found.number == OF_PEER + ALLOWED_IPS).count();
            (kind as u8, of(payload, IFINDEX), of(payload, OF_PEER + PUBLIC_KEY), addresses)
        };
        messages(&out).map(|found| message(found.payload, found.header.kind)).collect()
    }

    #[test]
    fn a_peer_that_goes_on_in_the_next_message_is_one() {
        let first = shown(Some(3), &[peer(1, true, &[1]), peer(2, true, &[2, 3])]);
        let more = shown(None, &[peer(2, false, &[4]), peer(3, true, &[])]);
        let other = shown(Some(4), &[peer(3, true, &[5])]);
        let expected = [
            (GET_DEVICE, 3, 0, 0),
            (PEER_COMMAND, 3, 1, 1),
            (PEER_COMMAND, 3, 2, 3),
            // The same peer of another device is another one.
            (PEER_COMMAND, 3, 3, 0),
            (GET_DEVICE, 4, 0, 0),
            (PEER_COMMAND, 4, 3, 1),
        ];
        assert_eq!(told(&[first, more, other]), expected);
        // The beginning was not recorded.
        assert_eq!(told(&[shown(None, &[peer(2, false, &[4])])]), [(PEER_COMMAND, 0, 2, 1)]);
        assert_eq!(told(&[vec![], vec![0], vec![0, 1, 0, 0]]), []);
    }
}
