//! The format of iproute2's `rtmon`: netlink messages one after the other, each padded to four bytes. A message of
//! type 15 tells the time of those that follow it: two 32-bit numbers, seconds and microseconds since 1970.
//!
//! rtmon dumps the links first and writes one time before the whole dump, so a time holds until the next.

use std::io::{self, Read, Write};

use super::{HEAD_BYTES, Located, RECORD_BYTES_MAX, RecordSource, damaged, too_long, truncated};
use crate::error::Result;
use crate::netlink::wire::{self, HEADER_BYTES};

/// `NLMSG_TSTAMP`, iproute2's own: the type of the message that tells the time.
const NLMSG_TSTAMP: u16 = 15;
/// Bytes of that message.
const STAMP_BYTES: usize = HEADER_BYTES + 8;
/// `NETLINK_ROUTE`: the only protocol that rtmon listens to.
const NETLINK_ROUTE: u16 = 0;

/// The time that was told last.
#[derive(Default)]
pub(super) struct Decoder {
    time_microseconds: Option<i64>,
}

/// Whether a file that begins so is rtmon's: it begins with a time.
pub(super) fn recognises(head: &[u8; HEAD_BYTES]) -> bool {
    wire::u32_at(head, 0) == Some(STAMP_BYTES as u32) && wire::u16_at(head, 4) == Some(NLMSG_TSTAMP)
}

/// Whether it would be, but for the byte order.
pub(super) fn recognises_other_order(head: &[u8; HEAD_BYTES]) -> bool {
    wire::u32_at(head, 0) == Some((STAMP_BYTES as u32).swap_bytes())
        && wire::u16_at(head, 4) == Some(NLMSG_TSTAMP.swap_bytes())
}

impl Decoder {
    /// Reads a message that is no time, and the times before it.
    pub(super) fn next<R: Read>(&mut self, source: &mut RecordSource<R>) -> Result<Option<Located>> {
        loop {
            let start = source.offset;
            let Some(header) = source.header::<HEADER_BYTES>()? else { return Ok(None) };
            let length = wire::u32_at(&header, 0).unwrap_or_default();
            let bytes = length as usize;
            if bytes > RECORD_BYTES_MAX {
                return Err(too_long(start, length));
            }
            if bytes < HEADER_BYTES {
                return Err(damaged(
                    start,
                    format_args!("a message of {bytes} bytes, where {HEADER_BYTES} are the least"),
                ));
            }
            source.record.clear();
            source.record.extend_from_slice(&header);
            // Padding that is missing at the file's end harms nobody.
            source.append(wire::align(bytes) - HEADER_BYTES)?;
            if source.record.len() < bytes {
                return Err(truncated(start, source.offset));
            }
            if wire::u16_at(&header, 4) != Some(NLMSG_TSTAMP) {
                return Ok(Some(Located {
                    time_microseconds: self.time_microseconds,
                    protocol: NETLINK_ROUTE,
                    start: 0,
                    end: bytes,
                    cut_bytes: 0,
                }));
            }
            let payload = &source.record[HEADER_BYTES..bytes];
            let (Some(seconds), Some(microseconds)) = (wire::u32_at(payload, 0), wire::u32_at(payload, 4)) else {
                return Err(damaged(start, format_args!("a time of {bytes} bytes, where {STAMP_BYTES} are needed")));
            };
            self.time_microseconds = Some(i64::from(seconds) * 1_000_000 + i64::from(microseconds));
        }
    }
}

/// Writes rtmon's format, which `ip monitor file FILE` reads. It does not buffer.
pub struct Writer<W> {
    output: W,
    record: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the time at which recording began, by which the format is recognised even if nothing follows.
    pub fn new(output: W, time_microseconds: i64) -> io::Result<Writer<W>> {
        let mut writer = Writer { output, record: Vec::new() };
        writer.stamp(time_microseconds);
        writer.output.write_all(&writer.record)?;
        Ok(writer)
    }

    /// Writes the messages of a datagram, each behind its time, in one call of the output. What stands behind the
    /// last message that holds together cannot be written, since it would break the file: it is left out, and the
    /// bytes left out are returned.
    pub fn write(&mut self, time_microseconds: i64, datagram: &[u8]) -> io::Result<usize> {
        self.record.clear();
        let mut messages = wire::messages(datagram);
        for message in messages.by_ref() {
            self.stamp(time_microseconds);
            self.record.extend_from_slice(message.bytes);
            self.record.resize(wire::align(self.record.len()), 0);
        }
        self.output.write_all(&self.record)?;
        Ok(messages.rest().len())
    }

    fn stamp(&mut self, time_microseconds: i64) {
        let time = time_microseconds.clamp(0, i64::from(u32::MAX) * 1_000_000 + 999_999);
        let seconds = ((time / 1_000_000) as u32).to_ne_bytes();
        let microseconds = ((time % 1_000_000) as u32).to_ne_bytes();
        let header = wire::Header { kind: NLMSG_TSTAMP, ..Default::default() };
        wire::append_message(&mut self.record, header, [seconds, microseconds].as_flattened());
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{message, read};
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let mut writer = Writer::new(Vec::new(), 5).unwrap();
        let mut both = message(b"abc");
        both.extend(message(b"defgh"));
        assert_eq!(writer.write(1_700_000_000_000_001, &both).unwrap(), 0);
        assert_eq!(writer.write(1_700_000_000_000_002, &message(b"")).unwrap(), 0);
        writer.flush().unwrap();
        let (records, end) = read(&writer.into_inner());
        end.unwrap();
        // The padding is no part of a message.
        let [first, second] = [message(b"abc"), message(b"defgh")];
        assert_eq!(records[0], (Some(1_700_000_000_000_001), 0, first[..19].to_vec(), 0));
        assert_eq!(records[1], (Some(1_700_000_000_000_001), 0, second[..21].to_vec(), 0));
        assert_eq!(records[2], (Some(1_700_000_000_000_002), 0, message(b""), 0));
    }

    #[test]
    fn a_recording_of_nothing_is_good() {
        let bytes = Writer::new(Vec::new(), 5).unwrap().into_inner();
        assert_eq!(bytes.len(), STAMP_BYTES);
        let (records, end) = read(&bytes);
        end.unwrap();
        assert_eq!(records, []);
    }

    #[test]
    fn a_time_holds_until_the_next() {
        let mut bytes = Writer::new(Vec::new(), 7).unwrap().into_inner();
        bytes.extend(message(b"one"));
        bytes.extend(message(b"two"));
        let times: Vec<_> = read(&bytes).0.iter().map(|record| record.0).collect();
        assert_eq!(times, [Some(7), Some(7)]);
    }

    #[test]
    fn what_does_not_hold_together_is_not_written() {
        let mut writer = Writer::new(Vec::new(), 0).unwrap();
        let mut datagram = message(b"good");
        datagram.extend([0xff; 7]);
        assert_eq!(writer.write(0, &datagram).unwrap(), 7);
        let (records, end) = read(&writer.into_inner());
        end.unwrap();
        assert_eq!(records.len(), 1);
    }

    #[test]
    fn a_file_cut_anywhere_yields_what_is_whole() {
        let mut writer = Writer::new(Vec::new(), 0).unwrap();
        writer.write(1, &message(b"one")).unwrap();
        let bytes = writer.into_inner();
        // The last message is whole without its padding of one byte.
        assert_eq!(bytes.len(), 24 + 24 + 20);
        for length in 0..bytes.len() {
            let (records, end) = read(&bytes[..length]);
            assert_eq!(records.len(), usize::from(length == 67), "{length}");
            assert_eq!(end.is_ok(), [0, 24, 48, 67].contains(&length), "{length}");
        }
        let error = read(&bytes[..60]).1.unwrap_err().to_string();
        assert!(error.contains("ends at byte 60, within the record that begins at byte 48"), "{error}");
    }

    #[test]
    fn a_wrong_length_is_damage() {
        for length in [0, 15, RECORD_BYTES_MAX as u32 + 1, u32::MAX] {
            let mut bytes = Writer::new(Vec::new(), 0).unwrap().into_inner();
            bytes.extend(length.to_ne_bytes());
            bytes.extend([0; 12]);
            let error = read(&bytes).1.unwrap_err().to_string();
            assert!(error.contains("damaged at byte 24: a "), "{error}");
            assert!(error.contains(&format!(" of {length} bytes")), "{error}");
        }
        let mut bytes = Writer::new(Vec::new(), 0).unwrap().into_inner();
        wire::append_message(&mut bytes, wire::Header { kind: NLMSG_TSTAMP, ..Default::default() }, b"1234567");
        let error = read(&bytes).1.unwrap_err().to_string();
        assert!(error.contains("damaged at byte 24: a time of 23 bytes"), "{error}");
    }

    #[test]
    fn the_other_byte_order_is_named() {
        let mut bytes = Writer::new(Vec::new(), 0).unwrap().into_inner();
        bytes[..4].reverse();
        bytes[4..6].reverse();
        let error = read(&bytes).1.unwrap_err().to_string();
        assert!(error.contains("other byte order"), "{error}");
    }
}
