//! Recordings: netlink messages in a file, as pcap, pcapng or in the format of iproute2's `rtmon`.
//!
//! Reading streams: nothing is sought, so that a pipe serves as well as a file, and memory is bounded by one record.
//! Damage is an error that names the offset; whatever stood before it has been yielded by then.
//!
//! A recording holds the messages in the byte order of the machine that wrote them. The byte order of a pcap's own
//! headers is no proof of it, since tools rewrite those; messages of the other order show up as undecodable ones.

pub mod pcap;
mod pcapng;
pub mod rtmon;

use std::fmt;
use std::io::{BufReader, Chain, Cursor, ErrorKind, Read, Take};

use crate::error::{Error, Result};

/// Bytes of the longest record that is believed; more is taken for damage. Netlink's own datagrams stay far below.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// `LINKTYPE_NETLINK`: a 16-byte cooked header, then a netlink datagram.
const LINKTYPE_NETLINK: u16 = 253;
/// Bytes of the cooked header: packet type, hardware type, 10 unused, netlink family, all big-endian.
const COOKED_HEADER_BYTES: usize = 16;
/// `ARPHRD_NETLINK`: the hardware type in the cooked header.
const ARPHRD_NETLINK: u16 = 824;
/// Bytes of a file's beginning that tell its format.
const HEAD_BYTES: usize = 8;
/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// A datagram of a recording. It borrows the reader's buffer, until the next is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// Microseconds since 1970, UTC, where the recording tells.
    pub time_microseconds: Option<i64>,
    /// The netlink protocol: `NETLINK_ROUTE` is 0. rtmon's format does not tell; it knows only that one.
    pub protocol: u16,
    /// One or more netlink messages.
    pub datagram: &'a [u8],
    /// Bytes at the datagram's end that the recorder left out (a capture's snapshot length); mostly 0.
    pub cut_bytes: u32,
}

/// The format of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingFormat {
    /// libpcap's format, as `tcpdump -w` writes it.
    Pcap,
    /// Its successor, as Wireshark writes it.
    Pcapng,
    /// The format of iproute2's `rtmon` and `ip monitor file`.
    Rtmon,
}

impl fmt::Display for RecordingFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RecordingFormat::Pcap => "pcap",
            RecordingFormat::Pcapng => "pcapng",
            RecordingFormat::Rtmon => "rtmon",
        })
    }
}

/// Reads a recording of any known format.
pub struct Reader<R> {
    source: RecordSource<R>,
    state: FormatState,
    ended: bool,
}

/// What a format remembers between two records.
enum FormatState {
    Pcap(pcap::Decoder),
    Pcapng(pcapng::Decoder),
    Rtmon(rtmon::Decoder),
}

/// Where a datagram lies in the source's record buffer, and what else a record says.
struct Located {
    time_microseconds: Option<i64>,
    protocol: u16,
    start: usize,
    end: usize,
    cut_bytes: u32,
}

impl<R: Read> Reader<R> {
    /// Recognises the format and reads the file's header. Reading is buffered; `input` need not be. An empty file is a
    /// recording of nothing in rtmon's format, which has no file header.
    pub fn open(mut input: R) -> Result<Reader<R>> {
        let mut head = [0; HEAD_BYTES];
        let found = read_fully(&mut input, &mut head, 0)?;
        if (1..HEAD_BYTES).contains(&found) {
            return Err(Error::failed(format_args!(
                "not a recording: it ends after {found} bytes; see whether the recorder could write it"
            )));
        }
        let mut source = RecordSource {
            input: BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).take(found as u64).chain(input)),
            offset: 0,
            record: Vec::new(),
        };
        let state = if pcap::recognises(&head) {
            FormatState::Pcap(pcap::Decoder::open(&mut source)?)
        } else if pcapng::recognises(&head) {
            FormatState::Pcapng(pcapng::Decoder::default())
        } else if found == 0 || rtmon::recognises(&head) {
            FormatState::Rtmon(rtmon::Decoder::default())
        } else {
            return Err(unknown_format(&head));
        };
        Ok(Reader { source, state, ended: false })
    }

    /// The format that was recognised.
    pub fn format(&self) -> RecordingFormat {
        match self.state {
            FormatState::Pcap(_) => RecordingFormat::Pcap,
            FormatState::Pcapng(_) => RecordingFormat::Pcapng,
            FormatState::Rtmon(_) => RecordingFormat::Rtmon,
        }
    }

    /// Packets left out so far because their interface was none of netlink's. Only pcapng mixes them.
    pub fn skipped(&self) -> u64 {
        match &self.state {
            FormatState::Pcapng(decoder) => decoder.skipped(),
            FormatState::Pcap(_) | FormatState::Rtmon(_) => 0,
        }
    }

    /// The next datagram, or `None` at the recording's end. After an error there is no more.
    // No iterator: what it yields borrows from it.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Recorded<'_>>> {
        if self.ended {
            return Ok(None);
        }
        // Until the record has proven good.
        self.ended = true;
        let found = match &mut self.state {
            FormatState::Pcap(decoder) => decoder.next(&mut self.source)?,
            FormatState::Pcapng(decoder) => decoder.next(&mut self.source)?,
            FormatState::Rtmon(decoder) => decoder.next(&mut self.source)?,
        };
        let Some(found) = found else { return Ok(None) };
        self.ended = false;
        Ok(Some(Recorded {
            time_microseconds: found.time_microseconds,
            protocol: found.protocol,
            datagram: &self.source.record[found.start..found.end],
            cut_bytes: found.cut_bytes,
        }))
    }
}

/// The file, how far it was read, and the record that was read last.
struct RecordSource<R> {
    input: BufReader<Chain<Take<Cursor<[u8; HEAD_BYTES]>>, R>>,
    offset: u64,
    record: Vec<u8>,
}

impl<R: Read> RecordSource<R> {
    /// The next `N` bytes, or `None` where the file has ended. `start` is where the record that they belong to began.
    fn header<const N: usize>(&mut self) -> Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        let start = self.offset;
        let found = read_fully(&mut self.input, &mut bytes, start)?;
        self.offset += found as u64;
        match found {
            0 => Ok(None),
            _ if found < N => Err(truncated(start, self.offset)),
            _ => Ok(Some(bytes)),
        }
    }

    /// Reads `bytes` bytes of the record that began at `start` into the buffer. Memory grows with what is really
    /// there, never with what a damaged length claims.
    fn fill(&mut self, bytes: usize, start: u64) -> Result<()> {
        self.record.clear();
        let found = self.append(bytes)?;
        if found < bytes { Err(truncated(start, self.offset)) } else { Ok(()) }
    }

    /// Appends up to `bytes` bytes to the buffer, and says how many there were.
    fn append(&mut self, bytes: usize) -> Result<usize> {
        let found = (&mut self.input)
            .take(bytes as u64)
            .read_to_end(&mut self.record)
            .map_err(|error| cannot_read(self.offset, &error))?;
        self.offset += found as u64;
        Ok(found)
    }

    /// The datagram of a packet with a cooked header, which fills the buffer from `start` to `end`.
    fn cooked(
        &self,
        start: usize,
        end: usize,
        original: usize,
        time_microseconds: Option<i64>,
        offset: u64,
    ) -> Result<Located> {
        let packet = self.record.get(start..end).unwrap_or_default();
        let Some(&[high, low]) = packet.get(COOKED_HEADER_BYTES - 2..COOKED_HEADER_BYTES) else {
            return Err(damaged(
                offset,
                format_args!(
                    "a packet of {} bytes is too short for netlink's {COOKED_HEADER_BYTES}-byte header",
                    packet.len()
                ),
            ));
        };
        let cut_bytes = u32::try_from(original.saturating_sub(packet.len())).unwrap_or(u32::MAX);
        let protocol = u16::from_be_bytes([high, low]);
        Ok(Located { time_microseconds, protocol, start: start + COOKED_HEADER_BYTES, end, cut_bytes })
    }
}

/// Fills `buffer` as far as the input reaches, and says how far.
fn read_fully(input: &mut impl Read, buffer: &mut [u8], offset: u64) -> Result<usize> {
    let mut found = 0;
    while found < buffer.len() {
        match input.read(&mut buffer[found..]) {
            Ok(0) => break,
            Ok(bytes) => found += bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(offset + found as u64, &error)),
        }
    }
    Ok(found)
}

/// Numbers of the file's byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    /// Two bytes at an offset; 0 outside, which callers exclude by the length that they check first.
    fn u16_at(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    /// Four bytes at an offset; 0 outside, as above.
    fn u32_at(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }
}

fn cannot_read(offset: u64, error: &std::io::Error) -> Error {
    Error::system(format_args!("cannot read the recording at byte {offset}"), error)
}

fn damaged(offset: u64, what: impl fmt::Display) -> Error {
    Error::failed(format_args!(
        "the recording is damaged at byte {offset}: {what}; `head -c {offset}` of it gives the part that is good"
    ))
}

fn truncated(start: u64, end: u64) -> Error {
    Error::failed(format_args!(
        "the recording ends at byte {end}, within the record that begins at byte {start}; \
         `head -c {start}` of it gives the part that is whole"
    ))
}

fn too_long(offset: u64, bytes: u32) -> Error {
    damaged(offset, format_args!("a record of {bytes} bytes, where {RECORD_BYTES_MAX} are the most"))
}

fn other_linktype(linktype: u16) -> Error {
    Error::failed(format_args!(
        "the recording holds packets of link type {linktype}, not netlink's ({LINKTYPE_NETLINK}); \
         capture on an interface of type nlmon, or use `linkhook record`"
    ))
}

fn unknown_format(head: &[u8; HEAD_BYTES]) -> Error {
    if matches!(head, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0xfd, b'7', b'z', b'X', b'Z', ..]) {
        return Error::failed("the recording is compressed; unpack it first, and give `-` to read it from a pipe");
    }
    if rtmon::recognises_other_order(head) {
        return Error::failed("rtmon recorded this on a machine of the other byte order; read it on such a machine");
    }
    let [a, b, c, d, ..] = head;
    Error::failed(format_args!(
        "not a recording: it begins with the bytes {a:02x} {b:02x} {c:02x} {d:02x}; \
         pcap, pcapng and rtmon's format can be read"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;

    /// A datagram of a recording that owns its bytes: time, protocol, datagram, bytes left out.
    pub(super) type Owned = (Option<i64>, u16, Vec<u8>, u32);

    /// Reads all of a recording: the good records, and how it ended.
    pub(super) fn read(bytes: &[u8]) -> (Vec<Owned>, Result<u64>) {
        read_from(bytes)
    }

    fn read_from(input: impl Read) -> (Vec<Owned>, Result<u64>) {
        let mut records = Vec::new();
        let mut reader = match Reader::open(input) {
            Ok(reader) => reader,
            Err(error) => return (records, Err(error)),
        };
        loop {
            match reader.next() {
                Ok(Some(found)) => {
                    records.push((found.time_microseconds, found.protocol, found.datagram.to_vec(), found.cut_bytes))
                }
                Ok(None) => return (records, Ok(reader.skipped())),
                Err(error) => {
                    assert!(matches!(reader.next(), Ok(None)), "nothing comes after an error");
                    return (records, Err(error));
                }
            }
        }
    }

    pub(super) fn message(bytes: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::new();
        let header = crate::netlink::wire::Header { kind: 16, ..Default::default() };
        crate::netlink::wire::append_message(&mut datagram, header, bytes);
        datagram
    }

    #[test]
    fn a_slow_pipe_serves() {
        let mut writer = pcap::Writer::new(Vec::new()).unwrap();
        writer.write(1_000_001, 0, &message(b"abcd")).unwrap();
        let file = writer.into_inner();
        let mut reader = Reader::open(Pieces(&file, &[1], 0)).unwrap();
        assert_eq!(reader.format(), RecordingFormat::Pcap);
        assert_eq!(reader.next().unwrap().unwrap().datagram, message(b"abcd"));
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn what_is_no_recording_is_refused_in_words() {
        for (bytes, word) in [
            (&b"\xd4\xc3\xb2\xa1"[..], "ends after 4 bytes"),
            (b"{\"v\":1,\"ts\"", "begins with the bytes 7b 22 76 22"),
            (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "compressed"),
        ] {
            let error = read(bytes).1.unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn an_empty_file_is_a_recording_of_nothing() {
        let (records, end) = read(b"");
        end.unwrap();
        assert_eq!(records, []);
    }

    #[test]
    fn a_failing_input_is_told_with_its_offset() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("disk gone"))
            }
        }
        let mut writer = pcap::Writer::new(Vec::new()).unwrap();
        writer.write(0, 0, &message(b"")).unwrap();
        let file = writer.into_inner();
        let length = file.len();
        let mut reader = Reader::open(Cursor::new(file).chain(Broken)).unwrap();
        assert!(reader.next().unwrap().is_some());
        let error = reader.next().unwrap_err().to_string();
        assert_eq!(error, format!("cannot read the recording at byte {length}: disk gone"));
    }

    /// Yields bytes in pieces of the given sizes, over and over.
    struct Pieces<'a>(&'a [u8], &'a [usize], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.2 += 1;
            let bytes = self.0.len().min(buffer.len()).min(self.1[self.2 % self.1.len()]);
            buffer[..bytes].copy_from_slice(&self.0[..bytes]);
            self.0 = &self.0[bytes..];
            Ok(bytes)
        }
    }

    type Records = Vec<(i64, u16, Vec<u8>)>;

    fn records() -> impl Strategy<Value = Records> {
        let payload = collection::vec(any::<u8>(), 0..80);
        // What the formats can hold: seconds of 32 bits.
        collection::vec((0..(1i64 << 32) * 1_000_000, any::<u16>(), payload), 0..6)
    }

    /// The records as a file of each format, with what is read from it.
    fn files(records: &Records) -> [(Vec<u8>, Vec<Owned>); 4] {
        let mut pcap = pcap::Writer::new(Vec::new()).unwrap();
        let mut rtmon = rtmon::Writer::new(Vec::new(), 0).unwrap();
        let mut expected = [Vec::new(), Vec::new()];
        for (time, protocol, payload) in records {
            let datagram = message(payload);
            pcap.write(*time, *protocol, &datagram).unwrap();
            assert_eq!(rtmon.write(*time, &datagram).unwrap(), 0);
            expected[0].push((Some(*time), *protocol, datagram.clone(), 0));
            expected[1].push((Some(*time), 0, datagram[..16 + payload.len()].to_vec(), 0));
        }
        let [packets, messages] = expected;
        let pcapng = |big| {
            pcapng::tests::file(
                big,
                packets
                    .iter()
                    .map(|(time, protocol, datagram, _)| (time.unwrap_or_default() as u64, *protocol, &datagram[..])),
            )
        };
        [
            (pcap.into_inner(), packets.clone()),
            (pcapng(false), packets.clone()),
            (pcapng(true), packets.clone()),
            (rtmon.into_inner(), messages),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_read(records in records(), sizes in collection::vec(1usize..50, 1..5)) {
            for (file, expected) in files(&records) {
                let (found, end) = read(&file);
                prop_assert_eq!(end.unwrap(), 0);
                prop_assert_eq!(&found, &expected);
                prop_assert_eq!(read_from(Pieces(&file, &sizes, 0)).0, expected);
            }
        }

        #[test]
        fn what_stands_before_a_cut_is_read(records in records(), at in any::<sample::Index>()) {
            for (file, expected) in files(&records) {
                let (found, _) = read(&file[..at.index(file.len())]);
                prop_assert!(found.len() <= expected.len());
                // A last message of rtmon's is whole without its padding.
                prop_assert_eq!(&found[..], &expected[..found.len()]);
            }
        }

        #[test]
        fn no_damage_panics(records in records(), at in any::<sample::Index>(), octet in any::<u8>()) {
            for (mut file, _) in files(&records) {
                let at = at.index(file.len());
                file[at] = octet;
                let (found, _) = read(&file);
                prop_assert!(found.iter().map(|record| record.2.len()).sum::<usize>() <= file.len());
            }
        }

        #[test]
        fn no_octets_panic(
            head in sample::select(vec![
                &b""[..], b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a",
                b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d", b"\x18\0\0\0\x0f\0\0\0",
            ]),
            rest in collection::vec(prop_oneof![Just(0u8), 0..32u8, any::<u8>()], 0..200),
        ) {
            let _ = read(&[head, &rest].concat());
        }
    }
}
