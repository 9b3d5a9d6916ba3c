//! Links that move from one watched namespace to another: gone here, and new there.

use std::collections::VecDeque;

use crate::kinds::rtnetlink::link;
use crate::netlink::wire::{Message, attribute, attribute_u32, messages, u32_at};

/// `RTM_DELLINK`.
const RTM_DELLINK: u16 = 17;
/// So many links that went are remembered at most.
const GONE_MAX: usize = 1024;
/// A link arrives within that time, or it is another.
const LATE_MICROSECONDS: i64 = 1_000_000;

/// Links that went to another namespace a moment ago.
#[derive(Debug, Default)]
pub struct Moves {
    gone: VecDeque<LeftLink>,
}

#[derive(Debug)]
struct LeftLink {
    netns: Option<Box<str>>,
    time_microseconds: i64,
    /// Its index where it was.
    left: Option<u32>,
    arrived: bool,
    name: Box<[u8]>,
    address: Option<Box<[u8]>>,
    /// Its index over there, which older kernels do not tell.
    ifindex: Option<u32>,
}

impl Moves {
    /// Notes the links that a notification says to have moved away from the namespace of that name.
    pub fn note(&mut self, netns: Option<&str>, time_microseconds: i64, datagram: &[u8]) {
        for message in messages(datagram) {
            if message.header.kind == RTM_DELLINK && message.payload.first() == Some(&0) {
                self.note_one(netns, time_microseconds, &message);
            }
        }
    }

    fn note_one(&mut self, netns: Option<&str>, time_microseconds: i64, message: &Message<'_>) {
        let set = link::LINK.attributes(message.payload);
        let ifindex = attribute_u32(set, link::IFLA_NEW_IFINDEX);
        let moved = ifindex.is_some() || attribute(set, link::IFLA_NEW_NETNSID).is_some();
        let Some(name) = attribute(set, link::IFLA_IFNAME).filter(|_| moved) else { return };
        if self.gone.len() == GONE_MAX {
            self.gone.pop_front();
        }
        self.gone.push_back(LeftLink {
            netns: netns.map(Box::from),
            time_microseconds,
            left: u32_at(message.payload, 4),
            arrived: false,
            name: name.into(),
            address: attribute(set, link::IFLA_ADDRESS).map(Box::from),
            ifindex,
        });
    }

    /// Whether a link that is new in a namespace came from another one. Each is found once.
    pub fn arrives(&mut self, netns: Option<&str>, time_microseconds: i64, payload: &[u8]) -> bool {
        let set = link::LINK.attributes(payload);
        let (name, address) = (attribute(set, link::IFLA_IFNAME), attribute(set, link::IFLA_ADDRESS));
        // The latest: the same one may have come and gone several times.
        let found = self.gone.iter().rposition(|gone| {
            !gone.arrived
                && gone.netns.as_deref() != netns
                && (time_microseconds - gone.time_microseconds).abs() <= LATE_MICROSECONDS
                && gone.address.as_deref() == address
                && match gone.ifindex {
                    Some(ifindex) => u32_at(payload, 4) == Some(ifindex),
                    None => name == Some(&*gone.name),
                }
        });
        let found = found.and_then(|found| self.gone.get_mut(found));
        found.map(|gone| gone.arrived = true).is_some()
    }

    /// Whether a link that is missed in a namespace has left for another one.
    pub fn left(&self, netns: Option<&str>, time_microseconds: i64, payload: &[u8]) -> bool {
        self.gone.iter().any(|gone| {
            gone.netns.as_deref() == netns
                && gone.left == u32_at(payload, 4)
                && (time_microseconds - gone.time_microseconds).abs() <= LATE_MICROSECONDS
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::wire::append_attribute;

    fn payload(ifindex: u32, name: &[u8], address: u8, moved_to: Option<u32>) -> Vec<u8> {
        let mut payload = vec![0; 16];
        payload[4..8].copy_from_slice(&ifindex.to_ne_bytes());
        append_attribute(&mut payload, link::IFLA_IFNAME, name);
        append_attribute(&mut payload, link::IFLA_ADDRESS, &[2, 0, 0, 0, 0, address]);
        if let Some(ifindex) = moved_to {
            append_attribute(&mut payload, link::IFLA_NEW_IFINDEX, &ifindex.to_ne_bytes());
        }
        payload
    }

    fn removal(payload: &[u8]) -> Vec<u8> {
        let mut datagram = (16 + payload.len() as u32).to_ne_bytes().to_vec();
        datagram.extend_from_slice(&RTM_DELLINK.to_ne_bytes());
        datagram.resize(16, 0);
        datagram.extend_from_slice(payload);
        datagram
    }

    #[test]
    fn a_link_that_went_arrives_once_elsewhere() {
        let mut moves = Moves::default();
        moves.note(None, 1000, &removal(&payload(3, b"v0\0", 1, Some(5))));
        // Another index, another address, the namespace that it left, and much later: others.
        assert!(!moves.arrives(Some("blue"), 1000, &payload(6, b"v0\0", 1, None)));
        assert!(!moves.arrives(Some("blue"), 1000, &payload(5, b"v0\0", 2, None)));
        assert!(!moves.arrives(None, 1000, &payload(5, b"v0\0", 1, None)));
        assert!(!moves.arrives(Some("blue"), 1_001_001, &payload(5, b"v0\0", 1, None)));
        // It may get another name on its way.
        assert!(moves.arrives(Some("blue"), 900, &payload(5, b"w0\0", 1, None)));
        assert!(!moves.arrives(Some("blue"), 900, &payload(5, b"w0\0", 1, None)));
        assert!(moves.left(None, 1000, &payload(3, b"v0\0", 1, None)));
        assert!(!moves.left(None, 1000, &payload(4, b"v0\0", 1, None)));
        assert!(!moves.left(Some("blue"), 1000, &payload(3, b"v0\0", 1, None)));
    }

    #[test]
    fn a_link_that_was_deleted_arrives_nowhere() {
        let mut moves = Moves::default();
        moves.note(None, 1000, &removal(&payload(3, b"v0\0", 1, None)));
        assert!(!moves.arrives(Some("blue"), 1000, &payload(3, b"v0\0", 1, None)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut moves = Moves::default();
        for ifindex in 0..3000 {
            moves.note(None, 1000, &removal(&payload(3, b"v0\0", 1, Some(ifindex))));
        }
        assert_eq!(moves.gone.len(), GONE_MAX);
        assert!(moves.arrives(Some("blue"), 1000, &payload(2999, b"v0\0", 1, None)));
    }
}
