//! The log: what each commit gathered, as chunks of events in order, and which events of each chunk a webhook waits for.
//!
//! A commit writes a chunk and a row for each webhook that wants any of it, however many events it has. What is delivered goes by whole
//! chunks: one that nobody waits for is deleted, unless it is kept as history. Beside the log stand the tables `event` and `wanted`, a row an event, for what
//! waits out of order: dead letters that wait again, the few events of a chunk that are still waited for, and what an earlier version
//! left. Whoever reads takes both in order.

pub mod chunk;
pub mod history;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use self::chunk::{Chunk, Damaged, Entry, Packed, Share};
use super::database::SqlError;
use super::reader::StoredEvent;

/// What a value may be is said here, so that SQLite's own check finds one that is not.
pub const SCHEMA: &str = "
    CREATE TABLE chunk (first INTEGER PRIMARY KEY CHECK (first >= 0), last INTEGER NOT NULL CHECK (last >= first),
        began INTEGER NOT NULL, ended INTEGER NOT NULL, events INTEGER NOT NULL CHECK (events > 0),
        octets INTEGER NOT NULL CHECK (octets >= 0), entries BLOB NOT NULL,
        codec INTEGER NOT NULL, lines BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
    CREATE TABLE share (webhook INTEGER NOT NULL, chunk INTEGER NOT NULL CHECK (chunk >= 0),
        last INTEGER NOT NULL CHECK (last >= chunk), events INTEGER NOT NULL CHECK (events > 0),
        octets INTEGER NOT NULL CHECK (octets >= 0), wanted BLOB, PRIMARY KEY (webhook, chunk)) STRICT, WITHOUT ROWID;
";

/// Chunks by their times, with all that is asked of many of them at once: none of their own pages is read for it.
pub const INDEX: &str = "CREATE INDEX chunk_times ON chunk (ended, began, octets);";

type SqlResult<T> = std::result::Result<T, SqlError>;

impl From<Damaged> for SqlError {
    fn from(damaged: Damaged) -> SqlError {
        SqlError::FromSqlConversionFailure(0, Type::Blob, Box::new(damaged))
    }
}

/// Numbers in the database are signed.
fn number(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// A webhook's share of a chunk.
#[derive(Debug)]
struct Held {
    chunk: u64,
    last: u64,
    entries: Vec<Entry>,
    share: Share,
    is_changed: bool,
}

impl Held {
    /// The events after one and up to another that are waited for, with their lines' bytes.
    fn wanted(&self, after: u64, last: u64) -> impl Iterator<Item = (u64, usize)> {
        let events = self.share.wanted(&self.entries).map(|entry| (entry.sequence, entry.octets));
        events.filter(move |&(sequence, _)| sequence > after && sequence <= last)
    }

    /// An event is not waited for any more.
    fn remove(&mut self, sequence: u64) -> bool {
        let Ok(place) = self.entries.binary_search_by_key(&sequence, |entry| entry.sequence) else { return false };
        let removed = self.share.remove(place, self.entries[place].octets);
        self.is_changed |= removed;
        removed
    }
}

/// A row of `share` with its chunk's index.
const HELD: &str = "SELECT share.chunk, share.last, share.wanted, chunk.entries FROM share JOIN chunk ON chunk.first = share.chunk \
                    WHERE share.webhook = ?1";

fn held(row: &Row<'_>) -> SqlResult<Held> {
    let chunk = row.get(0)?;
    let entries = chunk::entries(chunk, row.get_ref(3)?.as_blob()?)?;
    let share = Share::new(row.get_ref(2)?.as_blob_or_null()?, &entries);
    Ok(Held { chunk, last: row.get(1)?, entries, share, is_changed: false })
}

/// The writer's view of the log.
#[derive(Debug)]
pub struct Log {
    /// Chunks that ended at that time or later are kept, though nobody waits for them.
    kept_from: Cell<i64>,
    /// Events that were stored since it was asked for last, and their octets.
    stored: Cell<(u64, u64)>,
    /// Once so many more bytes of lines were stored, small chunks may make a large one.
    merge_after: Cell<usize>,
    /// With which number the first chunk begins at least that may be one of them, where that is known.
    merged: Cell<Option<u64>>,
    /// For each webhook the share that was looked at last: a flood beyond the bound gives up one event after another of the oldest
    /// chunk. It is written before anything else reads the table.
    kept: RefCell<BTreeMap<i64, Held>>,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            kept_from: Cell::new(NOTHING_KEPT),
            stored: Cell::default(),
            merge_after: Cell::default(),
            merged: Cell::default(),
            kept: RefCell::default(),
        }
    }
}

/// When chunks would have to end to be kept, where there is no history.
const NOTHING_KEPT: i64 = i64::MAX;

/// Writes a chunk and the webhooks' shares of it. `time` is when its events were told, where their lines do not say it.
fn insert(
    connection: &Connection,
    (first, last): (u64, u64),
    packed: &Packed,
    time: i64,
    shares: &[(i64, &Share)],
) -> SqlResult<()> {
    let (began, ended) = packed.times.unwrap_or((time, time));
    let octets = packed.entries.len() + packed.lines.len();
    let values = params![
        first,
        last,
        began,
        ended,
        packed.events,
        octets,
        packed.entries,
        packed.codec as i64,
        packed.lines,
        packed.checksum
    ];
    let statement = "INSERT OR REPLACE INTO chunk (first, last, began, ended, events, octets, entries, codec, lines, checksum) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(statement)?.execute(values)?;
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO share VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (webhook, share) in shares.iter().filter(|(_, share)| share.events > 0) {
        statement.execute(params![webhook, first, last, share.events, share.octets, share.bits(packed.events)])?;
    }
    Ok(())
}

impl Log {
    /// A chunk, and the webhooks' shares of it.
    pub fn append(&self, connection: &Connection, chunk: &Chunk, time: i64, shares: &[(i64, &Share)]) -> SqlResult<()> {
        let Some(ends) = chunk.ends() else { return Ok(()) };
        self.merge_after.set(self.merge_after.get().saturating_sub(chunk.bytes()));
        let packed = chunk.pack();
        let (events, octets) = self.stored.get();
        let octets = octets + (packed.entries.len() + packed.lines.len()) as u64;
        self.stored.set((events + packed.events as u64, octets));
        insert(connection, ends, &packed, time, shares)
    }

    /// How many events were stored since that was asked last, and their octets.
    pub fn take_stored(&self) -> (u64, u64) {
        self.stored.take()
    }

    /// Runs `look` on the webhook's first share that reaches beyond an event, if there is any.
    fn at<R>(
        &self,
        connection: &Connection,
        webhook: i64,
        after: u64,
        look: impl FnOnce(&mut Held) -> R,
    ) -> SqlResult<Option<R>> {
        let first = "SELECT chunk FROM share WHERE webhook = ?1 AND last > ?2 ORDER BY chunk LIMIT 1";
        let mut kept = self.kept.borrow_mut();
        // What is kept may have nothing left, and then has no place any more.
        if let Some(held) = kept.get(&webhook)
            && held.share.events == 0
        {
            self.write_share(connection, webhook, held)?;
            kept.remove(&webhook);
        }
        let found = connection.prepare_cached(first)?.query_row(params![webhook, number(after)], |row| row.get(0));
        let Some(chunk): Option<u64> = found.optional()? else { return Ok(None) };
        if let Some(held) = kept.get_mut(&webhook) {
            if held.chunk == chunk {
                return Ok(Some(look(held)));
            }
            self.write_share(connection, webhook, held)?;
            kept.remove(&webhook);
        }
        let mut statement = connection.prepare_cached(&format!("{HELD} AND share.chunk = ?2"))?;
        let held = statement.query_row(params![webhook, chunk], held).optional()?;
        let Some(held) = held else { return Err(Damaged("a webhook waits for a chunk that is not there").into()) };
        Ok(Some(look(kept.entry(webhook).or_insert(held))))
    }

    /// Writes what is kept; then the tables say what is so.
    pub fn write(&self, connection: &Connection) -> SqlResult<()> {
        for (webhook, held) in std::mem::take(&mut *self.kept.borrow_mut()) {
            self.write_share(connection, webhook, &held)?;
        }
        Ok(())
    }

    /// The transaction was taken back.
    pub fn forget(&self) {
        self.kept.borrow_mut().clear();
        self.merged.set(None);
    }

    /// The first event after one for which a webhook waits, and its line's bytes.
    pub fn first_wanted(&self, connection: &Connection, webhook: i64, after: u64) -> SqlResult<Option<(u64, usize)>> {
        let mut from = after;
        loop {
            // Of a chunk whose last events are not waited for, nothing may be left after that one.
            let looked = self.at(connection, webhook, from, |held| (held.wanted(after, u64::MAX).next(), held.last))?;
            match looked {
                None => return Ok(None),
                Some((Some(found), _)) => return Ok(Some(found)),
                Some((None, last)) => from = last,
            }
        }
    }

    /// A webhook waits no more for an event. Says whether it did.
    pub fn drop_wanted(&self, connection: &Connection, webhook: i64, sequence: u64) -> SqlResult<bool> {
        let Some(before) = sequence.checked_sub(1) else { return Ok(false) };
        Ok(self.at(connection, webhook, before, |held| held.remove(sequence))?.unwrap_or_default())
    }

    /// A webhook is done with every event up to that one.
    pub fn delivered(&self, connection: &Connection, webhook: i64, last: u64) -> SqlResult<()> {
        self.write(connection)?;
        let mut statement =
            connection.prepare_cached("SELECT chunk FROM share WHERE webhook = ?1 AND chunk <= ?2 AND last <= ?2")?;
        let whole = statement.query_map(params![webhook, number(last)], |row| row.get(0))?;
        let whole: Vec<u64> = whole.collect::<SqlResult<_>>()?;
        for chunk in whole {
            self.drop_share(connection, webhook, chunk)?;
        }
        // Of the one that it ends in.
        let mut statement =
            connection.prepare_cached(&format!("{HELD} AND share.chunk <= ?2 ORDER BY share.chunk DESC LIMIT 1"))?;
        let Some(mut rest) = statement.query_row(params![webhook, number(last)], held).optional()? else {
            return Ok(());
        };
        let done: Vec<u64> = rest.wanted(0, last).map(|(sequence, _)| sequence).collect();
        for sequence in done {
            rest.remove(sequence);
        }
        self.write_share(connection, webhook, &rest)
    }

    /// Writes a share that has changed; one without events is none.
    fn write_share(&self, connection: &Connection, webhook: i64, held: &Held) -> SqlResult<()> {
        if !held.is_changed {
            return Ok(());
        }
        let Held { chunk, entries, share, .. } = held;
        if share.events == 0 {
            return self.drop_share(connection, webhook, *chunk);
        }
        let statement = "UPDATE share SET events = ?3, octets = ?4, wanted = ?5 WHERE webhook = ?1 AND chunk = ?2";
        let values = params![webhook, chunk, share.events, share.octets, share.bits(entries.len())];
        connection.prepare_cached(statement)?.execute(values)?;
        thin(connection, *chunk, self.kept_from.get())
    }

    /// A webhook waits for nothing of a chunk, which goes if nobody does and it is not kept.
    fn drop_share(&self, connection: &Connection, webhook: i64, chunk: u64) -> SqlResult<()> {
        let statement = "DELETE FROM share WHERE webhook = ?1 AND chunk = ?2";
        connection.prepare_cached(statement)?.execute(params![webhook, chunk])?;
        let kept_from = self.kept_from.get();
        let statement = "DELETE FROM chunk WHERE first = ?1 AND ended < ?2 AND NOT EXISTS (SELECT 1 FROM share WHERE webhook IN \
                         (SELECT id FROM webhook) AND chunk = ?1)";
        let gone = connection.prepare_cached(statement)?.execute(params![chunk, kept_from])? > 0;
        if gone { Ok(()) } else { thin(connection, chunk, kept_from) }
    }
}

/// Where so little of a chunk is waited for that it is no more than one of so many parts, its events stand apart from here on, and it
/// goes: else the database would hold far more than what waits.
const WORTH_PARTS: u64 = 4;

/// Keeps of a chunk what is waited for alone, where that is little and it ended before that time.
fn thin(connection: &Connection, chunk: u64, kept_from: i64) -> SqlResult<()> {
    let statement = "SELECT (SELECT sum(events) FROM share WHERE chunk = ?1 AND webhook IN (SELECT id FROM webhook)), events \
                     FROM chunk WHERE first = ?1 AND ended < ?2";
    let counts = connection.prepare_cached(statement)?.query_row(params![chunk, kept_from], |row| {
        Ok((row.get::<_, Option<u64>>(0)?.unwrap_or_default(), row.get::<_, u64>(1)?))
    });
    let Some((wanted, all)) = counts.optional()? else { return Ok(()) };
    if wanted.saturating_mul(WORTH_PARTS) > all {
        return Ok(());
    }
    let mut statement = connection
        .prepare_cached(&format!("{OPENED} WHERE share.chunk = ?1 AND webhook IN (SELECT id FROM webhook)"))?;
    let mut rows = statement.query([chunk])?;
    let mut apart: Vec<(i64, u64, Vec<u8>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (share, entries, lines) = opened(row)?;
        let webhook = row.get(6)?;
        apart.extend(share.wanted(&entries).map(|entry| (webhook, entry.sequence, entry.line(&lines).to_vec())));
    }
    for (webhook, sequence, line) in &apart {
        insert_apart(connection, *webhook, *sequence, line)?;
    }
    connection.prepare_cached("DELETE FROM share WHERE chunk = ?1")?.execute([chunk])?;
    connection.prepare_cached("DELETE FROM chunk WHERE first = ?1")?.execute([chunk]).map(drop)
}

/// Stores an event out of order, for which a webhook waits. The same number again is the same event.
pub fn insert_apart(connection: &Connection, webhook: i64, sequence: u64, line: &[u8]) -> SqlResult<()> {
    // Lines are JSON, and so UTF-8.
    let text = std::str::from_utf8(line).unwrap_or_default();
    connection.prepare_cached("INSERT OR REPLACE INTO event VALUES (?1, ?2)")?.execute(params![sequence, text])?;
    let statement = "INSERT OR REPLACE INTO wanted VALUES (?1, ?2, ?3)";
    connection.prepare_cached(statement)?.execute(params![webhook, sequence, line.len() as u64]).map(drop)
}

/// The first events after one and up to another for which a webhook waits, in order, with their lines' bytes; so many at most.
pub fn wanted(
    connection: &Connection,
    webhook: i64,
    (after, last): (u64, u64),
    most: usize,
) -> SqlResult<Vec<(u64, usize)>> {
    let statement =
        "SELECT seq, octets FROM wanted WHERE webhook = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4";
    let mut statement = connection.prepare_cached(statement)?;
    let rows = statement.query_map(params![webhook, number(after), number(last), number(most as u64)], |row| {
        Ok((row.get(0)?, usize::try_from(row.get::<_, u64>(1)?).unwrap_or(usize::MAX)))
    })?;
    let mut found: Vec<(u64, usize)> = rows.collect::<SqlResult<_>>()?;
    let mut statement =
        connection.prepare_cached(&format!("{HELD} AND share.last > ?2 AND share.chunk <= ?3 ORDER BY share.chunk"))?;
    let mut rows = statement.query(params![webhook, number(after), number(last)])?;
    let mut of_log = 0;
    while let Some(row) = rows.next()? {
        if of_log >= most {
            break;
        }
        let before = found.len();
        found.extend(held(row)?.wanted(after, last).take(most - of_log));
        of_log += found.len() - before;
    }
    found.sort_unstable();
    found.dedup_by_key(|(sequence, _)| *sequence);
    found.truncate(most);
    Ok(found)
}

/// How many events after one a webhook waits for, and their lines' bytes.
pub fn waiting(connection: &Connection, webhook: i64, after: u64) -> SqlResult<(u64, u64)> {
    let sum = |statement: &str| -> SqlResult<(u64, u64)> {
        let mut statement = connection.prepare_cached(statement)?;
        statement.query_row(params![webhook, number(after)], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let rows = sum("SELECT count(*), coalesce(sum(octets), 0) FROM wanted WHERE webhook = ?1 AND seq > ?2")?;
    let whole =
        sum("SELECT coalesce(sum(events), 0), coalesce(sum(octets), 0) FROM share WHERE webhook = ?1 AND chunk > ?2")?;
    let mut statement = connection.prepare_cached(&format!("{HELD} AND share.chunk <= ?2 AND share.last > ?2"))?;
    let part = statement.query_row(params![webhook, number(after)], held).optional()?;
    let part = part.map_or((0, 0), |held| {
        held.wanted(after, u64::MAX).fold((0, 0), |(events, octets), (_, line)| (events + 1, octets + line as u64))
    });
    Ok((rows.0 + whole.0 + part.0, rows.1 + whole.1 + part.1))
}

/// Whether all chunks that are waited for agree with themselves, and each share has one: SQLite's own check knows nothing of what is in a
/// value. What is kept as history alone is looked at when it is read: there may be much of it.
pub fn check(connection: &Connection) -> SqlResult<std::result::Result<(), Damaged>> {
    let statement =
        "SELECT first, entries, codec, lines, checksum, last FROM chunk WHERE first IN (SELECT chunk FROM share)";
    let mut statement = connection.prepare(statement)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let index = row.get_ref(1)?.as_blob()?;
        let entries = match chunk::entries(row.get(0)?, index) {
            Ok(entries) => entries,
            Err(damaged) => return Ok(Err(damaged)),
        };
        if let Err(damaged) = chunk::lines(row.get(2)?, index, row.get_ref(3)?.as_blob()?, row.get(4)?) {
            return Ok(Err(damaged));
        }
        if entries.last().map(|entry| entry.sequence) != Some(row.get(5)?) {
            return Ok(Err(Damaged("a chunk does not end with its last event")));
        }
    }
    let missing = "SELECT EXISTS (SELECT 1 FROM share WHERE chunk NOT IN (SELECT first FROM chunk))";
    let is_missing: bool = connection.query_row(missing, [], |row| row.get(0))?;
    Ok(if is_missing { Err(Damaged("a webhook waits for a chunk that is not there")) } else { Ok(()) })
}

/// The line of an event that somebody waits for.
pub fn line(connection: &Connection, sequence: u64) -> SqlResult<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT line FROM event WHERE seq = ?1")?;
    let found = statement.query_row([number(sequence)], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec())).optional()?;
    if found.is_some() {
        return Ok(found);
    }
    // A chunk has lines for which nobody waits any more, too.
    let mut statement = connection.prepare_cached(&format!(
        "{OPENED} WHERE first = (SELECT max(first) FROM chunk WHERE first <= ?1) AND chunk.last >= ?1 \
         AND webhook IN (SELECT id FROM webhook)"
    ))?;
    let mut rows = statement.query([number(sequence)])?;
    while let Some(row) = rows.next()? {
        let (share, entries, lines) = opened(row)?;
        if let Some(found) = share.wanted(&entries).find(|entry| entry.sequence == sequence) {
            return Ok(Some(found.line(&lines).to_vec()));
        }
    }
    Ok(None)
}

/// Shares with their chunks, for [`opened`].
const OPENED: &str = "SELECT chunk.first, entries, codec, lines, checksum, wanted, webhook FROM share \
                      JOIN chunk ON chunk.first = share.chunk";

/// A share, and its chunk's index and lines.
fn opened(row: &Row<'_>) -> SqlResult<(Share, Vec<Entry>, Vec<u8>)> {
    let index = row.get_ref(1)?.as_blob()?;
    let entries = chunk::entries(row.get(0)?, index)?;
    let lines = chunk::lines(row.get(2)?, index, row.get_ref(3)?.as_blob()?, row.get(4)?)?;
    Ok((Share::new(row.get_ref(5)?.as_blob_or_null()?, &entries), entries, lines))
}

/// The events after one and up to another for which a webhook waits, in order: so many at most, and so many bytes; one where there
/// is any. `true` with them when there may be more.
pub fn read(
    connection: &Connection,
    webhook: i64,
    (after, last): (u64, u64),
    (events_max, bytes_max): (usize, usize),
) -> SqlResult<(Vec<StoredEvent>, bool)> {
    // All of it of one moment.
    let moment = if connection.is_autocommit() { Some(connection.unchecked_transaction()?) } else { None };
    let moment = moment.as_deref().unwrap_or(connection);
    let mut rows = moment.prepare_cached(
        "SELECT seq, line FROM wanted JOIN event USING (seq) WHERE webhook = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq",
    )?;
    let mut rows = rows.query(params![webhook, number(after), number(last)])?;
    let mut chunks = moment.prepare_cached(&format!(
        "{OPENED} WHERE webhook = ?1 AND share.last > ?2 AND share.chunk <= ?3 ORDER BY share.chunk"
    ))?;
    let mut chunks = chunks.query(params![webhook, number(after), number(last)])?;
    let mut found = Found { events: Vec::new(), octets: 0, events_max, bytes_max };
    let mut apart = next_apart(&mut rows)?;
    while let Some(row) = chunks.next()? {
        let (share, entries, lines) = opened(row)?;
        for entry in share.wanted(&entries).filter(|entry| entry.sequence > after && entry.sequence <= last) {
            while let Some(event) = apart.take_if(|(sequence, _)| *sequence < entry.sequence) {
                if !found.push(event.0, &event.1) {
                    return Ok((found.events, true));
                }
                apart = next_apart(&mut rows)?;
            }
            if !found.push(entry.sequence, entry.line(&lines)) {
                return Ok((found.events, true));
            }
        }
    }
    while let Some((sequence, line)) = apart {
        if !found.push(sequence, &line) {
            return Ok((found.events, true));
        }
        apart = next_apart(&mut rows)?;
    }
    Ok((found.events, false))
}

fn next_apart(rows: &mut rusqlite::Rows<'_>) -> SqlResult<Option<StoredEvent>> {
    let row = rows.next()?;
    row.map(|row| Ok((row.get(0)?, row.get_ref(1)?.as_bytes()?.to_vec()))).transpose()
}

/// What was read, within its bounds.
struct Found {
    events: Vec<StoredEvent>,
    octets: usize,
    events_max: usize,
    bytes_max: usize,
}

impl Found {
    /// Takes one in. Says whether there was room for it; there always is for the first one.
    fn push(&mut self, sequence: u64, line: &[u8]) -> bool {
        self.octets += line.len();
        let is_full = self.events.len() >= self.events_max || self.octets > self.bytes_max;
        if is_full && !self.events.is_empty() {
            return false;
        }
        self.events.push((sequence, line.to_vec()));
        true
    }
}

#[cfg(test)]
mod tests;
