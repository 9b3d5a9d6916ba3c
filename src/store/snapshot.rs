//! Snapshots: what was known of the kernel at the moment of a commit, kept in the history from time to time. What existed at a time is put
//! together of the next snapshot after it and of what was told in between, and not of everything that was told since.
//!
//! One is taken beside the thread that writes: a thread of its own reads the mirror as it was at one commit, and hands over part after
//! part of it. It counts once all of them are stored.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use super::database::SqlError;
use super::event_log::chunk::{Damaged, decompressed};
use super::mirror_changes::{each_known, push, take};
use super::reader::{StoreReader, objects_of};
use super::{Command, Shared, StoreHandle};
use crate::fault;
use crate::threads;

/// What a value may be is said here, so that SQLite's own check finds one that is not.
pub const SCHEMA: &str = "
    CREATE TABLE snapshot (sequence INTEGER PRIMARY KEY CHECK (sequence >= 0), parts INTEGER NOT NULL CHECK (parts >= 0),
        octets INTEGER NOT NULL CHECK (octets >= 0)) STRICT;
    CREATE TABLE snapshot_part (sequence INTEGER NOT NULL CHECK (sequence >= 0), part INTEGER NOT NULL CHECK (part >= 0),
        objects BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (sequence, part)) STRICT;
";

/// After so many events another one is taken: who looks back reads no more of them, where the mirror is small. Tests have few events.
pub const EVENTS: u64 = if cfg!(debug_assertions) { 100 } else { 50_000 };
/// It takes no more than one part of so many of what the events since the last one take.
const LOG_PARTS: u64 = 8;
/// Bytes of objects of a part, about, before they are compressed.
const PART_BYTES: usize = 1 << 20;
/// The most that is believed of a part's objects; more is taken for damage. One identity's objects are never divided.
const PART_BYTES_MAX: usize = 1 << 28;
/// Zstandard's level.
const LEVEL: i32 = 1;
/// Where one cannot be taken, it is tried again after so long.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

type SqlResult<T> = Result<T, SqlError>;

/// The objects that are known, as the kernel's bytes: by namespace, which is empty for linkhook's own, and by the name of their kind. All
/// kinds are there all of whose objects are known, those without any, too.
pub type KnownObjects = BTreeMap<(String, String), Vec<Box<[u8]>>>;

/// Kinds by their names.
pub type Kinds = HashSet<&'static str>;

/// What is known of the kernel at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The objects.
    pub objects: KnownObjects,
    /// The number of the last line that is kept of what led to it.
    pub last: u64,
    /// The moment is now.
    pub is_now: bool,
}

impl Known {
    /// Takes objects of an identity in, as a row has them, if their kind is wanted.
    pub(super) fn note(&mut self, wanted: &Kinds, (netns, kind): (&str, &str), row: &[u8]) {
        if wanted.contains(kind) {
            let of_kind = self.objects.entry((netns.to_owned(), kind.to_owned())).or_default();
            of_kind.extend(objects_of(row).map(Box::from));
        }
    }
}

/// A part of a snapshot.
#[derive(Debug)]
pub(super) struct Part {
    /// The number of the last line before the snapshot.
    sequence: u64,
    /// Which part it is, from 0.
    number: u64,
    /// A frame of Zstandard, of fields as those of `change`: namespace, kind, objects, and again.
    objects: Vec<u8>,
}

/// A snapshot of which all parts are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    sequence: u64,
    parts: u64,
    octets: u64,
}

/// Stores a part. The first one takes the place of what is left of a snapshot that was not finished.
pub(super) fn keep_part(connection: &Connection, part: &Part) -> SqlResult<()> {
    if part.number == 0 {
        drop_unfinished(connection)?;
    }
    let statement = "INSERT OR REPLACE INTO snapshot_part VALUES (?1, ?2, ?3, ?4)";
    let values = params![part.sequence, part.number, part.objects, crc32fast::hash(&part.objects)];
    fault::point("in snapshot");
    connection.prepare_cached(statement)?.execute(values).map(drop)
}

/// From here on a snapshot counts, if all of its parts are there: another database may have taken the place of the one that has some. Gives
/// back whether they are.
pub(super) fn keep_whole(connection: &Connection, whole: &Whole) -> SqlResult<bool> {
    let Whole { sequence, parts, octets } = whole;
    let statement = "INSERT OR REPLACE INTO snapshot SELECT ?1, ?2, ?3 WHERE ?2 = (SELECT count(*) FROM snapshot_part WHERE sequence = ?1)";
    connection.prepare_cached(statement)?.execute(params![sequence, parts, octets]).map(|kept| kept > 0)
}

fn drop_unfinished(connection: &Connection) -> SqlResult<()> {
    let statement = "DELETE FROM snapshot_part WHERE sequence NOT IN (SELECT sequence FROM snapshot)";
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// Forgets snapshots before an event that is not kept any more: nobody can go on from one of them, whatever the clock did.
pub(super) fn forget_before(connection: &Connection, last: u64) -> SqlResult<()> {
    connection.prepare_cached("DELETE FROM snapshot WHERE sequence < ?1")?.execute([last])?;
    connection.prepare_cached("DELETE FROM snapshot_part WHERE sequence < ?1")?.execute([last]).map(drop)
}

/// Forgets all of them.
pub(super) fn forget_all(connection: &Connection) -> SqlResult<()> {
    connection.prepare_cached("DELETE FROM snapshot")?.execute([])?;
    connection.prepare_cached("DELETE FROM snapshot_part")?.execute([]).map(drop)
}

/// The octets of all of them.
pub(super) fn octets(connection: &Connection) -> SqlResult<u64> {
    let statement = "SELECT coalesce(sum(octets), 0) FROM snapshot";
    connection.prepare_cached(statement)?.query_row([], |row| row.get(0))
}

/// What the first snapshot behind a line knows of kinds that are wanted, of those that serve. `None` where there is none.
pub(super) fn after(
    connection: &Connection,
    line: u64,
    wanted: &Kinds,
    serves: impl Fn(&Known) -> bool,
) -> SqlResult<Option<Known>> {
    let statement = "SELECT sequence, parts FROM snapshot WHERE sequence >= ?1 ORDER BY sequence";
    let mut statement = connection.prepare(statement)?;
    let mut rows = statement.query([line])?;
    while let Some(row) = rows.next()? {
        let sequence = row.get(0)?;
        match read(connection, sequence, row.get(1)?, wanted)? {
            Ok(known) if serves(&known) => return Ok(Some(known)),
            Ok(_) => {}
            Err(damaged) => {
                log::warn!("the snapshot behind line {sequence} cannot be read: {damaged}; a later one serves")
            }
        }
    }
    Ok(None)
}

fn read(connection: &Connection, sequence: u64, parts: u64, wanted: &Kinds) -> SqlResult<Result<Known, Damaged>> {
    let statement = "SELECT objects, checksum FROM snapshot_part WHERE sequence = ?1 ORDER BY part";
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([sequence])?;
    let (mut known, mut count) = (Known { last: sequence, ..Known::default() }, 0);
    while let Some(row) = rows.next()? {
        count += 1;
        if let Err(damaged) = open(row.get_ref(0)?.as_blob()?, row.get(1)?, &mut known, wanted) {
            return Ok(Err(damaged));
        }
    }
    Ok(if count == parts { Ok(known) } else { Err(Damaged("parts of it are missing")) })
}

/// Takes in what a part has.
fn open(kept: &[u8], checksum: u32, known: &mut Known, wanted: &Kinds) -> Result<(), Damaged> {
    if crc32fast::hash(kept) != checksum {
        return Err(Damaged("a part's checksum is wrong"));
    }
    let objects = decompressed(kept, PART_BYTES_MAX).ok_or(Damaged("a part cannot be decompressed"))?;
    let mut rest = &objects[..];
    while !rest.is_empty() {
        let mut field = || take(&mut rest).ok_or(Damaged("a part breaks off"));
        let (netns, kind, row) = (field()?, field()?, field()?);
        let text = |octets| std::str::from_utf8(octets).map_err(|_| Damaged("a part has what is no text"));
        known.note(wanted, (text(netns)?, text(kind)?), row);
    }
    Ok(())
}

/// A part that is filled.
#[derive(Default)]
struct Filling {
    fields: Vec<u8>,
    /// Namespace and kind of the objects that come last.
    of: Option<(String, String)>,
    /// Where their length stands.
    length_at: usize,
}

impl Filling {
    fn add(&mut self, netns: &str, kind: &str, row: &[u8]) {
        if self.of.as_ref().is_none_or(|of| (of.0.as_str(), of.1.as_str()) != (netns, kind)) {
            push(&mut self.fields, netns.as_bytes());
            push(&mut self.fields, kind.as_bytes());
            self.length_at = self.fields.len();
            push(&mut self.fields, &[]);
            self.of = Some((netns.to_owned(), kind.to_owned()));
        }
        self.fields.extend_from_slice(row);
        let behind = self.length_at + size_of::<u32>();
        let length = (self.fields.len() - behind) as u32;
        self.fields[self.length_at..behind].copy_from_slice(&length.to_le_bytes());
    }

    fn is_full(&self) -> bool {
        self.fields.len() >= PART_BYTES
    }

    /// What has gathered, compressed.
    fn finish(&mut self) -> SqlResult<Vec<u8>> {
        let Filling { fields, .. } = std::mem::take(self);
        zstd::bulk::compress(&fields, LEVEL).map_err(|_| Damaged("a part cannot be compressed").into())
    }
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It takes so many octets.
    Taken(u64),
    /// It would take more than it may.
    TooLarge,
    /// Something failed, or whoever takes the parts has no use for them.
    Failed,
}

/// Reads the mirror as it is at one moment, and gives part after part of it to `keep`, which says whether it is stored.
fn read_mirror(
    connection: &Connection,
    octets_max: u64,
    keep: &mut dyn FnMut(Part) -> bool,
) -> SqlResult<Result<Whole, Outcome>> {
    let moment = connection.unchecked_transaction()?;
    let last: Option<u64> = moment.query_row("SELECT max(last) FROM chunk", [], |row| row.get(0))?;
    let mut whole = Whole { sequence: last.unwrap_or_default(), parts: 0, octets: 0 };
    let (mut filling, mut failed) = (Filling::default(), None);
    let mut finish = |filling: &mut Filling| -> SqlResult<bool> {
        let objects = filling.finish()?;
        whole.octets += objects.len() as u64;
        let part = Part { sequence: whole.sequence, number: whole.parts, objects };
        whole.parts += 1;
        if whole.octets > octets_max {
            failed = Some(Outcome::TooLarge);
        } else if !keep(part) {
            failed = Some(Outcome::Failed);
        }
        Ok(failed.is_none())
    };
    let is_whole = each_known(&moment, |netns, kind, row| {
        filling.add(netns, kind, row);
        if filling.is_full() { finish(&mut filling) } else { Ok(true) }
    })? && finish(&mut filling)?;
    Ok(if is_whole { Ok(whole) } else { Err(failed.unwrap_or(Outcome::Failed)) })
}

/// Takes a snapshot at once.
pub(super) fn take_here(connection: &Connection) -> SqlResult<()> {
    let mut parts = Vec::new();
    let read = read_mirror(connection, u64::MAX, &mut |part| {
        parts.push(part);
        true
    })?;
    parts.iter().try_for_each(|part| keep_part(connection, part))?;
    read.map_or(Ok(()), |whole| keep_whole(connection, &whole).map(drop))
}

/// When snapshots are taken, and the one that is being taken.
pub(super) struct Snapshots {
    /// Events since the last one, and their octets in the log.
    since: (u64, u64),
    /// The next one is not taken before the events have so many octets.
    octets_due: u64,
    /// Nor before that time.
    not_before: Instant,
    /// The one that is being taken, and what came before it.
    taking: Option<(JoinHandle<Outcome>, (u64, u64))>,
}

impl Snapshots {
    /// None is taken yet.
    pub fn new() -> Snapshots {
        Snapshots { since: (0, 0), octets_due: 0, not_before: Instant::now(), taking: None }
    }

    /// Looks in a database that was opened what was stored since the last one.
    pub fn look(&mut self, connection: &Connection) -> SqlResult<()> {
        let statement = "SELECT sequence, octets FROM snapshot ORDER BY sequence DESC LIMIT 1";
        let last = connection.query_row(statement, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)));
        let (sequence, octets) = last.optional()?.unwrap_or_default();
        let statement = "SELECT coalesce(sum(events), 0), coalesce(sum(octets), 0) FROM chunk WHERE first > ?1";
        self.since = connection.query_row(statement, [sequence], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.octets_due = octets.saturating_mul(LOG_PARTS);
        Ok(())
    }

    /// So many events were stored, and take so many octets.
    pub fn count(&mut self, (events, octets): (u64, u64)) {
        self.since.0 += events;
        self.since.1 += octets;
    }

    /// Whether there is something to do.
    pub fn is_due(&self) -> bool {
        match &self.taking {
            Some((thread, _)) => thread.is_finished(),
            None => self.since.0 >= EVENTS && self.since.1 >= self.octets_due && self.not_before <= Instant::now(),
        }
    }

    /// Takes up what became of the one that was being taken, or begins to take one.
    pub fn work(&mut self, shared: &Arc<Shared>, reader: StoreReader) {
        let Some((thread, before)) = self.taking.take() else { return self.begin(shared, reader) };
        match thread.join().unwrap_or(Outcome::Failed) {
            Outcome::Taken(octets) => {
                self.since = (self.since.0.saturating_sub(before.0), self.since.1.saturating_sub(before.1));
                self.octets_due = octets.saturating_mul(LOG_PARTS);
            }
            Outcome::TooLarge => self.octets_due = before.1.saturating_mul(2),
            Outcome::Failed => self.not_before = Instant::now() + FAILURE_PAUSE,
        }
    }

    fn begin(&mut self, shared: &Arc<Shared>, mut reader: StoreReader) {
        let handle = StoreHandle { shared: shared.clone(), whereabouts: reader.whereabouts().clone() };
        let octets_max = self.since.1 / LOG_PARTS;
        let started = threads::start("snapshot", move || {
            take_one(&handle, &mut reader, octets_max).unwrap_or_else(|failure| {
                log::debug!("cannot take a snapshot for the history: {failure}");
                Outcome::Failed
            })
        });
        match started {
            Ok(thread) => self.taking = Some((thread, self.since)),
            Err(error) => {
                log::debug!("cannot take a snapshot for the history: {error}");
                self.not_before = Instant::now() + FAILURE_PAUSE;
            }
        }
    }
}

/// Takes one, and waits for each part until it is stored.
fn take_one(handle: &StoreHandle, reader: &mut StoreReader, octets_max: u64) -> SqlResult<Outcome> {
    let mut patience = || !handle.shared.lock().ending;
    let read = read_mirror(reader.connection()?, octets_max, &mut |part| {
        handle.answer(|reply| Command::KeepPart(part, reply), &mut patience).unwrap_or_default()
    })?;
    let whole = match read {
        Ok(whole) => whole,
        Err(outcome) => return Ok(outcome),
    };
    let is_kept = handle.answer(|reply| Command::KeepSnapshot(whole, reply), &mut patience).unwrap_or_default();
    Ok(if is_kept { Outcome::Taken(whole.octets) } else { Outcome::Failed })
}

#[cfg(test)]
mod tests;
