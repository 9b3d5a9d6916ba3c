//! pcapng: blocks of a type, a length, a body and the length again; a section header says the byte order of what
//! follows, interfaces are described before their packets (draft-ietf-opsawg-pcapng).

use std::io::Read;

use super::{
    HEAD_BYTES, LINKTYPE_NETLINK, Located, Order, RECORD_BYTES_MAX, RecordSource, damaged, too_long, truncated,
};
use crate::error::Result;
use crate::netlink::wire::align;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// The obsolete Packet Block, which old files still have.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const OPTION_END: u16 = 0;
/// `if_tsresol`: the unit of an interface's times.
const OPTION_TIME_RESOLUTION: u16 = 9;
/// `if_tsoffset`: seconds to add to an interface's times.
const OPTION_TIME_OFFSET: u16 = 14;

/// Type and length before the body.
const BLOCK_HEADER_BYTES: usize = 8;
/// The length behind the body.
const BLOCK_TRAILER_BYTES: usize = 4;
/// Interfaces of a section that are believed.
const INTERFACES_MAX: usize = 65_536;

/// What a section has said so far.
#[derive(Default)]
pub(super) struct Decoder {
    order: Order,
    interfaces: Vec<CaptureInterface>,
    skipped: u64,
}

/// What an interface's description says about its packets.
struct CaptureInterface {
    linktype: u16,
    snapshot_bytes: u32,
    resolution: u8,
    offset_seconds: i64,
}

/// Where a packet lies in its block's body.
struct Packet {
    interface: usize,
    /// In the interface's unit.
    time: Option<u64>,
    start: usize,
    captured: u32,
    original: u32,
}

/// Whether a file that begins so is a pcapng.
pub(super) fn recognises(head: &[u8; HEAD_BYTES]) -> bool {
    // The type reads the same in both byte orders.
    Order::Little.u32_at(head, 0) == SECTION_HEADER
}

impl Decoder {
    /// Packets of other link types so far.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Reads blocks up to a packet of netlink.
    pub(super) fn next<R: Read>(&mut self, source: &mut RecordSource<R>) -> Result<Option<Located>> {
        loop {
            let offset = source.offset;
            let Some(kind) = self.block(source)? else { return Ok(None) };
            let packet = match kind {
                SECTION_HEADER => {
                    self.interfaces.clear();
                    continue;
                }
                INTERFACE_DESCRIPTION => {
                    self.describe(&source.record, offset)?;
                    continue;
                }
                ENHANCED_PACKET | PACKET => self.packet(kind, &source.record),
                SIMPLE_PACKET => self.simple_packet(&source.record),
                _ => continue,
            };
            let Some(packet) = packet else {
                return Err(damaged(
                    offset,
                    format_args!("a packet block with a body of only {} bytes", source.record.len()),
                ));
            };
            let Some(interface) = self.interfaces.get(packet.interface) else {
                return Err(damaged(
                    offset,
                    format_args!("a packet of interface {}, which was not described", packet.interface),
                ));
            };
            let captured = packet.captured as usize;
            if captured > source.record.len() - packet.start {
                return Err(damaged(
                    offset,
                    format_args!(
                        "a packet of {captured} bytes in a block with room for {}",
                        source.record.len() - packet.start
                    ),
                ));
            }
            if interface.linktype != LINKTYPE_NETLINK {
                self.skipped += 1;
                continue;
            }
            let time = packet.time.and_then(|time| interface.microseconds(time));
            let end = packet.start + captured;
            return source.cooked(packet.start, end, packet.original as usize, time, offset).map(Some);
        }
    }

    /// Reads a block's body into the buffer and returns its type; `None` at the file's end.
    fn block<R: Read>(&mut self, source: &mut RecordSource<R>) -> Result<Option<u32>> {
        let offset = source.offset;
        let Some(header) = source.header::<BLOCK_HEADER_BYTES>()? else { return Ok(None) };
        let kind = self.order.u32_at(&header, 0);
        if kind == SECTION_HEADER {
            return self.section(source, &header, offset);
        }
        let bytes = self.body_bytes(&header, offset)?;
        source.fill(bytes + BLOCK_TRAILER_BYTES, offset)?;
        self.check_trailer(source, &header, offset)?;
        Ok(Some(kind))
    }

    /// The same for a section's header, whose length can be read only once the magic behind it is known.
    fn section<R: Read>(
        &mut self,
        source: &mut RecordSource<R>,
        header: &[u8; BLOCK_HEADER_BYTES],
        offset: u64,
    ) -> Result<Option<u32>> {
        let Some(magic) = source.header::<4>()? else { return Err(truncated(offset, source.offset)) };
        self.order = match (Order::Little.u32_at(&magic, 0), Order::Big.u32_at(&magic, 0)) {
            (BYTE_ORDER_MAGIC, _) => Order::Little,
            (_, BYTE_ORDER_MAGIC) => Order::Big,
            _ => return Err(damaged(offset, "a section header without its byte-order magic")),
        };
        let bytes = self.body_bytes(header, offset)?;
        // Magic, version and the section's length.
        let Some(rest) = bytes.checked_sub(4).filter(|rest| *rest >= 12) else {
            return Err(damaged(offset, format_args!("a section header with a body of only {bytes} bytes")));
        };
        source.fill(rest + BLOCK_TRAILER_BYTES, offset)?;
        self.check_trailer(source, header, offset)?;
        let major = self.order.u16_at(&source.record, 0);
        if major != 1 {
            return Err(damaged(offset, format_args!("a section of version {major}, where only 1 is known")));
        }
        Ok(Some(SECTION_HEADER))
    }

    fn body_bytes(&self, header: &[u8; BLOCK_HEADER_BYTES], offset: u64) -> Result<usize> {
        let length = self.order.u32_at(header, 4);
        let bytes = length as usize;
        if bytes > RECORD_BYTES_MAX {
            return Err(too_long(offset, length));
        }
        match bytes.checked_sub(BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES) {
            Some(body) if body % 4 == 0 => Ok(body),
            _ => Err(damaged(offset, format_args!("a block of {length} bytes, which cannot be"))),
        }
    }

    /// Takes the length behind the body off the buffer and compares it with the one before.
    fn check_trailer<R>(
        &self,
        source: &mut RecordSource<R>,
        header: &[u8; BLOCK_HEADER_BYTES],
        offset: u64,
    ) -> Result<()> {
        let body = source.record.len() - BLOCK_TRAILER_BYTES;
        let (before, behind) = (self.order.u32_at(header, 4), self.order.u32_at(&source.record, body));
        source.record.truncate(body);
        if before == behind {
            return Ok(());
        }
        Err(damaged(offset, format_args!("a block's length is {before} before its body and {behind} behind it")))
    }

    fn describe(&mut self, body: &[u8], offset: u64) -> Result<()> {
        let Some(options) = body.get(8..) else {
            return Err(damaged(
                offset,
                format_args!("an interface's description with a body of only {} bytes", body.len()),
            ));
        };
        if self.interfaces.len() == INTERFACES_MAX {
            return Err(damaged(offset, format_args!("more than {INTERFACES_MAX} interfaces")));
        }
        let mut interface = CaptureInterface {
            linktype: self.order.u16_at(body, 0),
            snapshot_bytes: self.order.u32_at(body, 4),
            resolution: 6,
            offset_seconds: 0,
        };
        let mut rest = options;
        while let [_, _, _, _, values @ ..] = rest {
            let (code, length) = (self.order.u16_at(rest, 0), self.order.u16_at(rest, 2) as usize);
            match (code, values.get(..length)) {
                (OPTION_END, _) | (_, None) => break,
                (OPTION_TIME_RESOLUTION, Some(&[resolution])) => interface.resolution = resolution,
                (OPTION_TIME_OFFSET, Some(value @ [_, _, _, _, _, _, _, _])) => {
                    interface.offset_seconds = self.u64_at(value, 0) as i64;
                }
                _ => {}
            }
            rest = values.get(align(length)..).unwrap_or_default();
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// An Enhanced Packet Block or its obsolete forerunner, which has a count of drops in half of the interface's place.
    fn packet(&self, kind: u32, body: &[u8]) -> Option<Packet> {
        const START: usize = 20;
        if body.len() < START {
            return None;
        }
        let number = |at| self.order.u32_at(body, at);
        Some(Packet {
            interface: if kind == PACKET { self.order.u16_at(body, 0).into() } else { number(0) as usize },
            time: Some(u64::from(number(4)) << 32 | u64::from(number(8))),
            start: START,
            captured: number(12),
            original: number(16),
        })
    }

    /// A Simple Packet Block: of the first interface, without a time, as long as its block and the snapshot allow.
    fn simple_packet(&self, body: &[u8]) -> Option<Packet> {
        const START: usize = 4;
        let room = u32::try_from(body.len().checked_sub(START)?).ok()?;
        let original = self.order.u32_at(body, 0);
        let snapshot = self.interfaces.first().map_or(0, |interface| interface.snapshot_bytes);
        let most = if snapshot == 0 { room } else { room.min(snapshot) };
        Some(Packet { interface: 0, time: None, start: START, captured: original.min(most), original })
    }

    fn u64_at(&self, bytes: &[u8], at: usize) -> u64 {
        let (first, second) = (self.order.u32_at(bytes, at), self.order.u32_at(bytes, at + 4));
        let (high, low) = if self.order == Order::Big { (first, second) } else { (second, first) };
        u64::from(high) << 32 | u64::from(low)
    }
}

impl CaptureInterface {
    /// A time of this interface in microseconds since 1970; `None` where that cannot be.
    fn microseconds(&self, time: u64) -> Option<i64> {
        let exponent = u32::from(self.resolution & 0x7f);
        let time = i128::from(time);
        let microseconds = if self.resolution & 0x80 != 0 {
            (time * 1_000_000).checked_shr(exponent).unwrap_or(0)
        } else if exponent >= 6 {
            10i128.checked_pow(exponent - 6).map_or(0, |unit| time / unit)
        } else {
            time * 10i128.pow(6 - exponent)
        };
        i64::try_from(microseconds + i128::from(self.offset_seconds) * 1_000_000).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{message, read};
    use super::*;

    /// Writes a pcapng in any byte order.
    struct File {
        big: bool,
        bytes: Vec<u8>,
    }

    impl File {
        fn new(big: bool) -> File {
            let mut file = File { big, bytes: Vec::new() };
            file.section();
            file
        }

        fn section(&mut self) {
            let mut body = self.u32(BYTE_ORDER_MAGIC).to_vec();
            body.extend(self.u16(1));
            body.extend(self.u16(0));
            body.extend([0xff; 8]);
            self.block(SECTION_HEADER, &body);
        }

        fn u16(&self, value: u16) -> [u8; 2] {
            if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
        }

        fn u32(&self, value: u32) -> [u8; 4] {
            if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
        }

        fn block(&mut self, kind: u32, body: &[u8]) {
            let length = (align(body.len()) + 12) as u32;
            self.bytes.extend(self.u32(kind));
            self.bytes.extend(self.u32(length));
            self.bytes.extend(body);
            self.bytes.resize(align(self.bytes.len()), 0);
            self.bytes.extend(self.u32(length));
        }

        fn interface(&mut self, linktype: u16, snapshot: u32, options: &[(u16, &[u8])]) {
            let mut body = self.u16(linktype).to_vec();
            body.extend([0; 2]);
            body.extend(self.u32(snapshot));
            for (code, value) in options {
                body.extend(self.u16(*code));
                body.extend(self.u16(value.len() as u16));
                body.extend(*value);
                body.resize(align(body.len()), 0);
            }
            self.block(INTERFACE_DESCRIPTION, &body);
        }

        fn packet(&mut self, kind: u32, interface: u32, time: u64, packet: &[u8]) {
            let mut body = match kind {
                PACKET => [self.u16(interface as u16), self.u16(9)].as_flattened().to_vec(),
                _ => self.u32(interface).to_vec(),
            };
            for field in [(time >> 32) as u32, time as u32, packet.len() as u32, packet.len() as u32] {
                body.extend(self.u32(field));
            }
            body.extend(packet);
            self.block(kind, &body);
        }

        fn simple(&mut self, original: u32, packet: &[u8]) {
            let mut body = self.u32(original).to_vec();
            body.extend(packet);
            self.block(SIMPLE_PACKET, &body);
        }
    }

    /// A file with these packets: time in microseconds, protocol, datagram.
    pub fn file<'a>(big: bool, packets: impl Iterator<Item = (u64, u16, &'a [u8])>) -> Vec<u8> {
        let mut file = File::new(big);
        file.interface(253, 0, &[]);
        for (time, protocol, datagram) in packets {
            file.packet(ENHANCED_PACKET, 0, time, &cooked(protocol, datagram));
        }
        file.bytes
    }

    fn cooked(protocol: u16, datagram: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 14];
        bytes.extend(protocol.to_be_bytes());
        bytes.extend(datagram);
        bytes
    }

    #[test]
    fn every_block_in_both_byte_orders() {
        for big in [false, true] {
            let mut file = File::new(big);
            file.interface(
                253,
                0,
                &[(2, b"nlmon0"), (OPTION_TIME_RESOLUTION, &[9]), (OPTION_END, b""), (OPTION_TIME_RESOLUTION, &[3])],
            );
            file.interface(1, 0, &[]);
            file.packet(ENHANCED_PACKET, 0, 1_700_000_000_123_456_789, &cooked(4, &message(b"abc")));
            file.packet(ENHANCED_PACKET, 1, 0, b"ethernet");
            file.block(5, &[0; 12]);
            file.packet(PACKET, 0, 5_000, &cooked(0, &message(b"")));
            file.simple(36, &cooked(12, &message(b"abcd")));
            // The padding is no part of it.
            file.simple(17, &cooked(12, b"a"));
            // A new section forgets the interfaces, and may have the other byte order.
            file.big = !big;
            file.section();
            file.interface(253, 0, &[]);
            file.packet(ENHANCED_PACKET, 0, 7, &cooked(0, &message(b"z")));
            let (records, end) = read(&file.bytes);
            assert_eq!(end.unwrap(), 1);
            assert_eq!(
                records,
                [
                    (Some(1_700_000_000_123_456), 4, message(b"abc"), 0),
                    (Some(5), 0, message(b""), 0),
                    (None, 12, message(b"abcd"), 0),
                    (None, 12, b"a".to_vec(), 0),
                    (Some(7), 0, message(b"z"), 0),
                ]
            );
        }
    }

    #[test]
    fn the_unit_of_times() {
        let interface = |resolution, offset_seconds| CaptureInterface {
            linktype: 253,
            snapshot_bytes: 0,
            resolution,
            offset_seconds,
        };
        for (resolution, time, microseconds) in [
            (6, 1_234_567, Some(1_234_567)),
            (0, 3, Some(3_000_000)),
            (3, 1_500, Some(1_500_000)),
            (9, 1_999, Some(1)),
            (0x80, 2, Some(2_000_000)),
            (0x80 | 20, 1 << 19, Some(500_000)),
            (127, u64::MAX, Some(0)),
            (0xff, u64::MAX, Some(0)),
            (0, u64::MAX, None),
        ] {
            assert_eq!(interface(resolution, 0).microseconds(time), microseconds, "{resolution} {time}");
        }
        assert_eq!(interface(6, -2).microseconds(1), Some(-1_999_999));
        assert_eq!(interface(6, i64::MAX).microseconds(1), None);
        for big in [false, true] {
            let mut file = File::new(big);
            let offset: i64 = 1_000;
            let offset = if big { offset.to_be_bytes() } else { offset.to_le_bytes() };
            file.interface(253, 0, &[(OPTION_TIME_OFFSET, &offset), (OPTION_TIME_RESOLUTION, &[3])]);
            file.packet(ENHANCED_PACKET, 0, 1, &cooked(0, b""));
            assert_eq!(read(&file.bytes).0[0].0, Some(1_000_001_000));
        }
    }

    #[test]
    fn a_simple_packet_is_cut_by_the_snapshot() {
        let mut file = File::new(false);
        file.interface(253, 18, &[]);
        file.simple(30, &cooked(0, &[1, 2, 3, 4]));
        let (records, end) = read(&file.bytes);
        end.unwrap();
        assert_eq!(records, [(None, 0, vec![1, 2], 12)]);
    }

    #[test]
    fn damage_is_named_with_its_offset() {
        let damage = |change: &dyn Fn(&mut File)| {
            let mut file = File::new(false);
            file.interface(253, 0, &[]);
            file.packet(ENHANCED_PACKET, 0, 0, &cooked(0, b""));
            let good = file.bytes.len();
            change(&mut file);
            let (records, end) = read(&file.bytes);
            assert_eq!(records.len(), 1);
            let error = end.unwrap_err().to_string();
            (error, good)
        };
        for (word, change) in [
            (
                "interface 7, which was not",
                &(|file: &mut File| file.packet(ENHANCED_PACKET, 7, 0, b"")) as &dyn Fn(&mut File),
            ),
            ("interface 0, which was not", &|file| {
                file.section();
                file.packet(ENHANCED_PACKET, 0, 0, b"");
            }),
            ("more than 65536 interfaces", &|file| {
                file.section();
                (0..=INTERFACES_MAX).for_each(|_| file.interface(253, 0, &[]));
            }),
            ("a body of only 8 bytes", &|file| file.block(ENHANCED_PACKET, &[0; 8])),
            ("a body of only 0 bytes", &|file| file.block(SIMPLE_PACKET, b"")),
            ("a body of only 4 bytes", &|file| file.block(INTERFACE_DESCRIPTION, &[0; 4])),
            ("a body of only 4 bytes", &|file| file.block(SECTION_HEADER, b"M<+\x1a")),
            ("without its byte-order magic", &|file| file.block(SECTION_HEADER, &[0; 16])),
            ("version 2", &|file| file.block(SECTION_HEADER, b"M<+\x1a\x02\0\0\0\0\0\0\0\0\0\0\0")),
            ("too short", &|file| file.packet(ENHANCED_PACKET, 0, 0, &[0; 15])),
            ("16777217 bytes, where", &|file| file.bytes.extend([9, 0, 0, 0, 1, 0, 0, 1])),
            ("a block of 11 bytes", &|file| file.bytes.extend([9, 0, 0, 0, 11, 0, 0, 0])),
            ("a block of 13 bytes", &|file| file.bytes.extend([9, 0, 0, 0, 13, 0, 0, 0])),
            ("12 before its body and 16 behind", &|file| file.bytes.extend([9, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0])),
            ("20 bytes in a block with room for 4", &|file| {
                let mut body = vec![0; 24];
                body[12] = 20;
                file.block(ENHANCED_PACKET, &body);
            }),
        ] {
            let (error, good) = damage(change);
            // A section or interfaces that go before are good.
            let good = match word {
                "more than 65536 interfaces" => good + 28 + INTERFACES_MAX * 20,
                "interface 0, which was not" => good + 28,
                _ => good,
            };
            assert!(error.contains(&format!("at byte {good}: ")), "{error}");
            assert!(error.contains(&format!("`head -c {good}`")), "{error}");
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_yields_what_is_whole() {
        let mut file = File::new(true);
        file.interface(253, 0, &[]);
        let start = file.bytes.len();
        file.packet(ENHANCED_PACKET, 0, 0, &cooked(0, b"1234"));
        for length in 0..file.bytes.len() {
            let (records, end) = read(&file.bytes[..length]);
            assert_eq!(records.len(), 0);
            assert_eq!(end.is_ok(), [0, 28, start].contains(&length), "{length}");
        }
    }
}
