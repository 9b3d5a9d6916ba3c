//! pcap: a file header of 24 bytes, then records of 16 bytes and their packet (draft-ietf-opsawg-pcap).

use std::io::{self, Read, Write};

use super::{
    ARPHRD_NETLINK, COOKED_HEADER_BYTES, HEAD_BYTES, LINKTYPE_NETLINK, Located, Order, RECORD_BYTES_MAX, RecordSource,
    other_linktype, too_long, truncated,
};
use crate::error::Result;

/// Times in microseconds.
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Times in nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// Bytes of the longest packet written: libpcap refuses to read a longer one of this link type.
const SNAPSHOT_BYTES_MAX: usize = 262_144;
/// `PACKET_OUTGOING`: the packet type of everything that an nlmon interface shows.
const PACKET_OUTGOING: u16 = 4;

/// How this file writes its numbers.
pub(super) struct Decoder {
    order: Order,
    nanoseconds: bool,
}

fn magic(head: &[u8]) -> Option<Decoder> {
    [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32_at(head, 0) {
        MAGIC_MICROSECONDS => Some(Decoder { order, nanoseconds: false }),
        MAGIC_NANOSECONDS => Some(Decoder { order, nanoseconds: true }),
        _ => None,
    })
}

/// Whether a file that begins so is a pcap.
pub(super) fn recognises(head: &[u8; HEAD_BYTES]) -> bool {
    magic(head).is_some()
}

impl Decoder {
    /// Reads the file's header.
    pub(super) fn open<R: Read>(source: &mut RecordSource<R>) -> Result<Decoder> {
        let Some(header) = source.header::<FILE_HEADER_BYTES>()? else { return Err(truncated(0, 0)) };
        let decoder = magic(&header).unwrap_or(Decoder { order: Order::Little, nanoseconds: false });
        // The upper half tells of frame check sequences.
        let linktype = decoder.order.u32_at(&header, 20) as u16;
        if linktype == LINKTYPE_NETLINK { Ok(decoder) } else { Err(other_linktype(linktype)) }
    }

    /// Reads a record.
    pub(super) fn next<R: Read>(&mut self, source: &mut RecordSource<R>) -> Result<Option<Located>> {
        let start = source.offset;
        let Some(header) = source.header::<RECORD_HEADER_BYTES>()? else { return Ok(None) };
        let [seconds, fraction, captured, original] = [0, 4, 8, 12].map(|at| self.order.u32_at(&header, at));
        let bytes = captured as usize;
        if bytes > RECORD_BYTES_MAX {
            return Err(too_long(start, captured));
        }
        source.fill(bytes, start)?;
        let microseconds = if self.nanoseconds { fraction / 1000 } else { fraction };
        let time = i64::from(seconds) * 1_000_000 + i64::from(microseconds);
        source.cooked(0, bytes, original as usize, Some(time), start).map(Some)
    }
}

/// Writes a pcap that Wireshark opens: microseconds, `LINKTYPE_NETLINK`, the machine's byte order. It does not buffer.
pub struct Writer<W> {
    output: W,
    record: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the file's header.
    pub fn new(mut output: W) -> io::Result<Writer<W>> {
        let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
        header.extend_from_slice(&MAGIC_MICROSECONDS.to_ne_bytes());
        for version in [2u16, 4] {
            header.extend_from_slice(&version.to_ne_bytes());
        }
        for field in [0, 0, SNAPSHOT_BYTES_MAX as u32, u32::from(LINKTYPE_NETLINK)] {
            header.extend_from_slice(&field.to_ne_bytes());
        }
        output.write_all(&header)?;
        Ok(Writer { output, record: Vec::new() })
    }

    /// Writes a datagram as one record, in one call of the output. `time_microseconds` counts from 1970; what the
    /// format cannot hold (before 1970, after 2106) becomes the nearest that it can. A datagram longer than the
    /// 256 KiB that other programs read is cut there, and the record says how long it was.
    pub fn write(&mut self, time_microseconds: i64, protocol: u16, datagram: &[u8]) -> io::Result<()> {
        let time = time_microseconds.clamp(0, i64::from(u32::MAX) * 1_000_000 + 999_999);
        let kept = &datagram[..datagram.len().min(SNAPSHOT_BYTES_MAX - COOKED_HEADER_BYTES)];
        let captured = (COOKED_HEADER_BYTES + kept.len()) as u32;
        let original = u32::try_from(COOKED_HEADER_BYTES + datagram.len()).unwrap_or(u32::MAX);
        self.record.clear();
        for field in [(time / 1_000_000) as u32, (time % 1_000_000) as u32, captured, original] {
            self.record.extend_from_slice(&field.to_ne_bytes());
        }
        self.record.extend_from_slice(&PACKET_OUTGOING.to_be_bytes());
        self.record.extend_from_slice(&ARPHRD_NETLINK.to_be_bytes());
        self.record.extend_from_slice(&[0; 10]);
        self.record.extend_from_slice(&protocol.to_be_bytes());
        self.record.extend_from_slice(kept);
        self.output.write_all(&self.record)
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

    /// A pcap with one packet, in any byte order.
    fn file(big: bool, magic: u32, linktype: u32, packet: &[u8], captured: u32, original: u32) -> Vec<u8> {
        let number = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut bytes = number(magic).to_vec();
        for version in [2u16, 4] {
            bytes.extend(if big { version.to_be_bytes() } else { version.to_le_bytes() });
        }
        for field in [0, 0, 65535, linktype, 1_700_000_000, 123_456, captured, original] {
            bytes.extend(number(field));
        }
        bytes.extend(packet);
        bytes
    }

    fn packet(protocol: u16, datagram: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 4, 3, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(protocol.to_be_bytes());
        bytes.extend(datagram);
        bytes
    }

    #[test]
    fn reads_what_it_wrote() {
        let times =
            [(0, 0), (1_700_000_000_123_456, 1_700_000_000_123_456), (-5, 0), (i64::MAX, 4_294_967_295_999_999)];
        let mut writer = Writer::new(Vec::new()).unwrap();
        for (at, (time, _)) in times.iter().enumerate() {
            writer.write(*time, at as u16 * 5, &message(&vec![at as u8; at * 100])).unwrap();
        }
        writer.flush().unwrap();
        let (records, end) = read(&writer.into_inner());
        assert_eq!(end.unwrap(), 0);
        assert_eq!(records.len(), times.len());
        for (at, record) in records.into_iter().enumerate() {
            assert_eq!(record, (Some(times[at].1), at as u16 * 5, message(&vec![at as u8; at * 100]), 0));
        }
    }

    #[test]
    fn all_four_magics() {
        let datagram = message(b"x");
        let packet = packet(15, &datagram);
        let length = packet.len() as u32;
        for big in [false, true] {
            for (magic, microseconds) in [(MAGIC_MICROSECONDS, 123_456), (MAGIC_NANOSECONDS, 123)] {
                let (records, end) = read(&file(big, magic, 253, &packet, length, length));
                end.unwrap();
                assert_eq!(records, [(Some(1_700_000_000_000_000 + microseconds), 15, datagram.clone(), 0)]);
            }
        }
    }

    #[test]
    fn another_link_type_is_named() {
        let error = read(&file(true, MAGIC_MICROSECONDS, 1, b"", 0, 0)).1.unwrap_err().to_string();
        assert!(error.contains("link type 1, not netlink's (253)"), "{error}");
        let error = read(&file(true, MAGIC_MICROSECONDS, 0x01fd, b"", 0, 0)).1.unwrap_err().to_string();
        assert!(error.contains("link type 509, not"), "{error}");
        // Bits of the upper half are no part of it.
        let packet = packet(0, b"");
        read(&file(true, MAGIC_MICROSECONDS, 0x1400_00fd, &packet, 16, 16)).1.unwrap();
    }

    #[test]
    fn what_the_recorder_cut_is_told() {
        let packet = packet(0, &[0; 20]);
        let (records, end) = read(&file(false, MAGIC_MICROSECONDS, 253, &packet, 36, 100));
        end.unwrap();
        assert_eq!((records[0].2.len(), records[0].3), (20, 64));
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.write(0, 0, &vec![7; SNAPSHOT_BYTES_MAX]).unwrap();
        let (records, end) = read(&writer.into_inner());
        end.unwrap();
        assert_eq!((records[0].2.len(), records[0].3), (SNAPSHOT_BYTES_MAX - 16, 16));
    }

    #[test]
    fn a_file_cut_anywhere_yields_what_is_whole() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.write(1, 0, &message(b"one")).unwrap();
        writer.write(2, 0, &message(b"second")).unwrap();
        let bytes = writer.into_inner();
        let first = 24 + 16 + 16 + 20;
        for length in 0..bytes.len() {
            let (records, end) = read(&bytes[..length]);
            assert_eq!(records.len(), usize::from(length >= first), "{length}");
            assert_eq!(end.is_ok(), length == 0 || length == 24 || length == first, "{length}");
            if length > first {
                let error = end.unwrap_err().to_string();
                assert!(error.contains(&format!("ends at byte {length}")), "{error}");
                assert!(error.contains(&format!("`head -c {first}`")), "{error}");
            }
        }
    }

    #[test]
    fn a_length_beyond_reason_is_damage() {
        let packet = packet(0, b"");
        let bound = RECORD_BYTES_MAX as u32;
        for captured in [bound + 1, u32::MAX] {
            let error = read(&file(false, MAGIC_MICROSECONDS, 253, &packet, captured, 0)).1.unwrap_err().to_string();
            assert!(error.contains(&format!("damaged at byte 24: a record of {captured} bytes")), "{error}");
        }
        let error = read(&file(false, MAGIC_MICROSECONDS, 253, &packet, bound, 0)).1.unwrap_err().to_string();
        assert!(error.contains("ends at byte 56"), "{error}");
        let error = read(&file(false, MAGIC_MICROSECONDS, 253, &packet[..15], 15, 15)).1.unwrap_err().to_string();
        assert!(error.contains("a packet of 15 bytes is too short"), "{error}");
    }
}
