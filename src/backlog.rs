//! Datagrams that were taken from the kernel and are not decoded yet: read first, decode in slices.

use crate::netlink::wire::{self, Message};

/// A queue of datagrams in one buffer, bounded in bytes.
#[derive(Debug)]
pub struct Backlog {
    buffer: Vec<u8>,
    /// Where the first datagram begins.
    head: usize,
    bytes_max: usize,
}

/// Bytes of the header that stands before each datagram: its time and its length.
const HEADER_BYTES: usize = 16;
/// A buffer of more bytes than this is given back once it is empty.
const KEPT_BYTES_MAX: usize = 1 << 20;

impl Backlog {
    /// An empty queue that takes in datagrams while it holds less than so many bytes.
    pub fn new(bytes_max: usize) -> Backlog {
        Backlog { buffer: Vec::new(), head: 0, bytes_max }
    }

    /// From now on it takes in datagrams while it holds less than so many bytes.
    pub fn set_limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// It takes in datagrams while it holds less than so many bytes.
    pub fn limit(&self) -> usize {
        self.bytes_max
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Backlog::new(self.bytes_max);
    }

    /// Whether it takes in no more for now.
    pub fn is_full(&self) -> bool {
        self.bytes() >= self.bytes_max
    }

    /// Whether there is nothing to decode.
    pub fn is_empty(&self) -> bool {
        self.head == self.buffer.len()
    }

    /// Takes in a datagram.
    pub fn push(&mut self, time_microseconds: i64, datagram: &[u8]) {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&time_microseconds.to_ne_bytes());
        header[8..].copy_from_slice(&(datagram.len() as u64).to_ne_bytes());
        self.buffer.reserve(HEADER_BYTES + datagram.len());
        self.buffer.extend_from_slice(&header);
        self.buffer.extend_from_slice(datagram);
    }

    /// The first datagram and when it was received. It is taken out by [`Backlog::pop`].
    pub fn first(&self) -> Option<(i64, &[u8])> {
        split(&self.buffer[self.head..]).map(|(time, datagram, _)| (time, datagram))
    }

    /// The datagrams in order, each with when it was received.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &[u8])> {
        Datagrams { rest: &self.buffer[self.head..] }
    }

    /// Where the next datagram will be; the place moves when others are taken out.
    pub fn end(&self) -> usize {
        self.buffer.len()
    }

    /// The messages in the datagrams from that place on.
    pub fn messages_from(&self, place: usize) -> impl Iterator<Item = Message<'_>> {
        Datagrams { rest: &self.buffer[place..] }.flat_map(|(_, datagram)| wire::messages(datagram))
    }

    /// Bytes that wait, with those that the queue itself needs.
    pub fn bytes(&self) -> usize {
        self.buffer.len() - self.head
    }

    /// The messages in the datagrams, in order.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.messages_from(self.head)
    }

    /// Takes out the messages at those places, growing, as [`Backlog::messages`] has them; the others of their datagrams
    /// stay.
    pub fn drop_messages(&mut self, places: &[usize]) {
        let mut left = Backlog::new(self.bytes_max);
        let (mut place, mut places) = (0, places.iter().copied().peekable());
        for (time, datagram) in self.iter() {
            let mut messages = wire::messages(datagram);
            let mut kept = Vec::with_capacity(datagram.len());
            for message in messages.by_ref() {
                if places.next_if_eq(&place).is_none() {
                    kept.extend_from_slice(message.bytes);
                    kept.resize(wire::align(kept.len()), 0);
                }
                place += 1;
            }
            // What is no message is told as such.
            kept.extend_from_slice(messages.rest());
            if !kept.is_empty() {
                left.push(time, &kept);
            }
        }
        *self = left;
    }

    /// Takes the first datagram out.
    pub fn pop(&mut self) {
        if let Some((_, datagram)) = self.first() {
            self.head += HEADER_BYTES + datagram.len();
        }
        if self.is_empty() {
            self.head = 0;
            self.buffer.clear();
            if self.buffer.capacity() > KEPT_BYTES_MAX {
                self.buffer = Vec::new();
            }
        } else if self.head > self.buffer.len() / 2 && self.head > KEPT_BYTES_MAX {
            self.buffer.drain(..self.head);
            self.head = 0;
        }
    }
}

/// The datagrams of a buffer.
struct Datagrams<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = (i64, &'a [u8]);

    fn next(&mut self) -> Option<(i64, &'a [u8])> {
        let (time, datagram, behind) = split(self.rest)?;
        self.rest = behind;
        Some((time, datagram))
    }
}

/// The first datagram, when it was received, and what is behind it.
#[inline]
fn split(bytes: &[u8]) -> Option<(i64, &[u8], &[u8])> {
    let (header, behind) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let time = i64::from_ne_bytes(*header.first_chunk()?);
    let length = u64::from_ne_bytes(*header.last_chunk()?) as usize;
    let (datagram, behind) = behind.split_at_checked(length)?;
    Some((time, datagram, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn it_gives_back_what_it_took_in_order_and_knows_its_bound() {
        let mut backlog = Backlog::new(4 << 20);
        let mut model = VecDeque::new();
        let mut taken = 0u32;
        for round in 0u32..60_000 {
            if !backlog.is_full() {
                let datagram = vec![round as u8; (round % 257) as usize];
                backlog.push(i64::from(round), &datagram);
                model.push_back((i64::from(round), datagram));
            }
            if round % 3 == 0 {
                let (time, datagram) = model.pop_front().unwrap();
                assert_eq!(backlog.first(), Some((time, &*datagram)));
                backlog.pop();
                taken += 1;
            }
        }
        assert!(backlog.is_full() && taken > 0);
        while let Some((time, datagram)) = model.pop_front() {
            assert_eq!(backlog.first(), Some((time, &*datagram)));
            backlog.pop();
        }
        assert!(backlog.is_empty() && backlog.buffer.capacity() <= KEPT_BYTES_MAX);
    }
}
