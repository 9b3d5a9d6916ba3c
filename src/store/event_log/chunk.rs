//! A chunk: events of one commit in order, as one row of the database has them, and which of them a webhook waits for.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;

use zstd::bulk::Decompressor;

use crate::event;

/// Bytes of lines from which on a chunk is full: a reader decompresses a whole one.
pub const CHUNK_BYTES: usize = 256 << 10;
/// A chunk is compressed where that leaves no more than so many eighths.
const COMPRESSED_EIGHTHS: usize = 7;

/// A chunk's bytes do not agree with themselves: how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged(pub &'static str);

impl fmt::Display for Damaged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Error for Damaged {}

/// An event in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its line.
    pub sequence: u64,
    /// Where its line begins in the chunk's lines.
    pub at: usize,
    /// Its line's bytes.
    pub octets: usize,
}

impl Entry {
    /// Its line in the chunk's lines.
    pub fn line<'l>(&self, lines: &'l [u8]) -> &'l [u8] {
        lines.get(self.at..self.at + self.octets).unwrap_or_default()
    }
}

/// How a chunk's lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// As they are.
    None = 0,
    /// As a block of LZ4, with its length before it in four bytes: quick, for what a commit gathered.
    Lz4 = 1,
    /// As a frame of Zstandard, which takes less room: for what is kept for long.
    Zstandard = 2,
}

/// Zstandard's level: a higher one takes longer, and of these lines makes hardly less.
const ZSTANDARD_LEVEL: i32 = 1;
/// The longest lines of a chunk that are believed; more is taken for damage.
const LINES_BYTES_MAX: usize = 1 << 30;

/// A chunk that is filled.
#[derive(Debug, Default)]
pub struct Chunk {
    entries: Vec<Entry>,
    /// Each line with a newline behind it.
    lines: Vec<u8>,
}

/// A chunk's lines and its index, as its row has them.
#[derive(Debug)]
pub struct Packed {
    /// How many events it has.
    pub events: usize,
    /// The time of its earliest event, and of its latest one, in microseconds since 1970; `None` where the lines tell none.
    pub times: Option<(i64, i64)>,
    /// For each event how much its number is greater than the one before, and its line's length: variable lengths of seven bits.
    pub entries: Vec<u8>,
    /// How the lines are kept.
    pub codec: Codec,
    /// The lines.
    pub lines: Vec<u8>,
    /// CRC-32 of the two, as they are kept.
    pub checksum: u32,
}

impl Chunk {
    /// Adds an event; its number is greater than those before.
    pub fn push(&mut self, sequence: u64, line: &[u8]) {
        self.entries.push(Entry { sequence, at: self.lines.len(), octets: line.len() });
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
    }

    /// The events in it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of its first event, and of its last one.
    pub fn ends(&self) -> Option<(u64, u64)> {
        Some((self.entries.first()?.sequence, self.entries.last()?.sequence))
    }

    /// Whether it has enough.
    pub fn is_full(&self) -> bool {
        self.lines.len() >= CHUNK_BYTES
    }

    /// Bytes of its lines.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }

    /// The time of its earliest event, and of its latest one. Lines that are told one after another need not be in the order of
    /// their times.
    fn times(&self) -> Option<(i64, i64)> {
        // As text times are in their order, too; only two of them are read.
        let beginnings = || self.entries.iter().filter_map(|entry| event::beginning_of(entry.line(&self.lines)));
        Some((event::time_of(beginnings().min()?)?, event::time_of(beginnings().max()?)?))
    }

    /// As the row of what a commit gathered has it.
    pub fn pack(&self) -> Packed {
        let compressed = lz4_flex::block::compress_prepend_size(&self.lines);
        self.packed(Codec::Lz4, compressed)
    }

    /// As the row of what is kept for long has it.
    pub fn pack_small(&self) -> Packed {
        match zstd::bulk::compress(&self.lines, ZSTANDARD_LEVEL) {
            Ok(compressed) => self.packed(Codec::Zstandard, compressed),
            Err(_) => self.pack(),
        }
    }

    fn packed(&self, codec: Codec, compressed: Vec<u8>) -> Packed {
        let mut entries = Vec::with_capacity(self.entries.len() * 3);
        let mut before = self.entries.first().map_or(0, |entry| entry.sequence);
        for entry in &self.entries {
            push_number(&mut entries, entry.sequence - before);
            push_number(&mut entries, entry.octets as u64);
            before = entry.sequence;
        }
        let (codec, lines) = if compressed.len() * 8 <= self.lines.len() * COMPRESSED_EIGHTHS {
            (codec, compressed)
        } else {
            (Codec::None, self.lines.clone())
        };
        let checksum = checksum(&entries, &lines);
        Packed { events: self.entries.len(), times: self.times(), entries, codec, lines, checksum }
    }
}

/// CRC-32 of a chunk as it is kept.
fn checksum(entries: &[u8], lines: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(entries);
    hasher.update(lines);
    hasher.finalize()
}

fn push_number(octets: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        octets.push(number as u8 | 0x80);
        number >>= 7;
    }
    octets.push(number as u8);
}

fn take_number(octets: &mut &[u8]) -> Result<u64, Damaged> {
    const WRONG: Damaged = Damaged("a chunk's index breaks off");
    let mut number = 0;
    for place in 0..10 {
        let (&octet, rest) = octets.split_first().ok_or(WRONG)?;
        *octets = rest;
        number |= u64::from(octet & 0x7f) << (7 * place);
        if octet & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(WRONG)
}

/// The events of a chunk whose first one has that number.
pub fn entries(first: u64, mut octets: &[u8]) -> Result<Vec<Entry>, Damaged> {
    let mut found = Vec::new();
    let (mut sequence, mut at) = (first, 0_usize);
    while !octets.is_empty() {
        let (step, length) = (take_number(&mut octets)?, take_number(&mut octets)?);
        let beyond = Damaged("a chunk's index has impossible numbers");
        sequence = sequence.checked_add(step).ok_or(beyond)?;
        let length = usize::try_from(length).ok().filter(|&length| length <= LINES_BYTES_MAX).ok_or(beyond)?;
        found.push(Entry { sequence, at, octets: length });
        at = at.checked_add(length + 1).ok_or(beyond)?;
    }
    Ok(found)
}

/// The lines of a chunk as its row has it.
pub fn lines(codec: i64, entries: &[u8], kept: &[u8], expected: i64) -> Result<Vec<u8>, Damaged> {
    if i64::from(checksum(entries, kept)) != expected {
        return Err(Damaged("a chunk's checksum is wrong"));
    }
    const WRONG: Damaged = Damaged("a chunk cannot be decompressed");
    match codec {
        0 => Ok(kept.to_vec()),
        1 => lz4_flex::block::decompress_size_prepended(kept).map_err(|_| WRONG),
        2 => decompressed(kept, LINES_BYTES_MAX).ok_or(WRONG),
        _ => Err(Damaged("a chunk is kept in an unknown way")),
    }
}

/// What a frame of Zstandard has, if that is no more than so many bytes.
pub fn decompressed(kept: &[u8], most: usize) -> Option<Vec<u8>> {
    thread_local! {
        // To make one takes as long as to decompress a tenth of a chunk.
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
    }
    let bytes = Decompressor::upper_bound(kept).filter(|&bytes| bytes <= most)?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(kept, bytes).ok())
}

/// Which events of a chunk a webhook waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// A bit for each event, from the lowest one of the first octet on; all that it has none for are not waited for.
    bits: Vec<u8>,
    /// How many are waited for.
    pub events: u64,
    /// Their lines' bytes.
    pub octets: u64,
}

impl Share {
    /// What a row says: without bits all are waited for.
    pub fn new(bits: Option<&[u8]>, entries: &[Entry]) -> Share {
        let bits = bits.map_or_else(|| all(entries.len()), <[u8]>::to_vec);
        let mut share = Share { bits, events: 0, octets: 0 };
        let wanted = share.wanted(entries);
        let (events, octets) = wanted.fold((0, 0), |(events, octets), entry| (events + 1, octets + entry.octets));
        (share.events, share.octets) = (events, octets as u64);
        share
    }

    /// The event at a place is waited for, too.
    pub fn add(&mut self, place: usize, octets: usize) {
        if self.bits.len() <= place / 8 {
            self.bits.resize(place / 8 + 1, 0);
        }
        if !self.wants(place) {
            self.bits[place / 8] |= 1 << (place % 8);
            self.events += 1;
            self.octets += octets as u64;
        }
    }

    /// It is not waited for any more. Says whether it was.
    pub fn remove(&mut self, place: usize, octets: usize) -> bool {
        let wanted = self.wants(place);
        if wanted {
            self.bits[place / 8] &= !(1 << (place % 8));
            self.events -= 1;
            self.octets -= octets as u64;
        }
        wanted
    }

    /// Whether the event at a place is waited for.
    pub fn wants(&self, place: usize) -> bool {
        self.bits.get(place / 8).is_some_and(|bits| bits & (1 << (place % 8)) != 0)
    }

    /// The events that are waited for, of a chunk that has these.
    pub fn wanted<'e>(&'e self, entries: &'e [Entry]) -> impl Iterator<Item = &'e Entry> {
        entries.iter().enumerate().filter(|(place, _)| self.wants(*place)).map(|(_, entry)| entry)
    }

    /// The bits as a row has them: none where all events of a chunk of so many are waited for.
    pub fn bits(&self, events: usize) -> Option<&[u8]> {
        (self.events != events as u64).then_some(&*self.bits)
    }
}

/// So many bits that are set.
fn all(events: usize) -> Vec<u8> {
    let mut bits = vec![0xff; events / 8];
    if !events.is_multiple_of(8) {
        bits.push((1 << (events % 8)) - 1);
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(lines: &[(u64, Vec<u8>)]) -> Chunk {
        let mut chunk = Chunk::default();
        lines.iter().for_each(|(sequence, line)| chunk.push(*sequence, line));
        chunk
    }

    proptest! {
        #[test]
        fn what_was_packed_is_there_again(
            steps in prop::collection::vec((1..=u64::from(u32::MAX), prop::collection::vec(any::<u8>(), 0..300)), 1..50),
            alike in any::<bool>(),
        ) {
            let mut sequence = 0;
            let lines: Vec<(u64, Vec<u8>)> = steps
                .into_iter()
                .map(|(step, line)| {
                    sequence += step;
                    (sequence, if alike { vec![b'a'; line.len()] } else { line })
                })
                .collect();
            let packed = filled(&lines).pack();
            let found = entries(lines[0].0, &packed.entries).unwrap();
            let text = super::lines(packed.codec as i64, &packed.entries, &packed.lines, packed.checksum.into()).unwrap();
            let again: Vec<(u64, Vec<u8>)> =
                found.iter().map(|entry| (entry.sequence, entry.line(&text).to_vec())).collect();
            prop_assert_eq!(again, lines);
        }

        #[test]
        fn an_octet_that_differs_is_noticed(place in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let lines: Vec<(u64, Vec<u8>)> = (1..40).map(|number| (number, vec![b'x'; 60])).collect();
            let mut packed = filled(&lines).pack();
            let place = place.index(packed.lines.len());
            packed.lines[place] ^= 1 << bit;
            let read = super::lines(packed.codec as i64, &packed.entries, &packed.lines, packed.checksum.into());
            prop_assert_eq!(read, Err(Damaged("a chunk's checksum is wrong")));
        }

        #[test]
        fn whatever_an_index_is_it_is_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = entries(7, &octets);
        }

        #[test]
        fn a_share_is_a_set(places in prop::collection::vec((any::<bool>(), 0..40_usize), 0..80)) {
            let lines: Vec<(u64, Vec<u8>)> = (0..40).map(|number| (number + 1, vec![b'x'; number as usize])).collect();
            let chunk = filled(&lines);
            let mut share = Share::default();
            let mut model = std::collections::BTreeSet::new();
            for (adds, place) in places {
                let octets = chunk.entries()[place].octets;
                if adds {
                    share.add(place, octets);
                    model.insert(place);
                } else {
                    prop_assert_eq!(share.remove(place, octets), model.remove(&place));
                }
            }
            let again = Share::new(share.bits(40), chunk.entries());
            for place in 0..40 {
                prop_assert_eq!(again.wants(place), model.contains(&place));
            }
            prop_assert_eq!((again.events, again.octets), (share.events, share.octets));
            prop_assert_eq!(again.events, model.len() as u64);
        }
    }
}
