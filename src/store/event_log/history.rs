//! The log as history: chunks that are kept though nobody waits for them, for so long and so many octets. Small ones are put together,
//! so that they take less room; whoever reads goes from chunk to chunk, and holds nothing meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::chunk::{self, CHUNK_BYTES, Chunk, Damaged, Entry, Share};
use super::{Log, NOTHING_KEPT, SqlResult, insert, number};
use crate::event;
use crate::store::snapshot;

/// What is kept of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Events for so long.
    pub keep: Duration,
    /// So many octets of chunks at most.
    pub size_bytes: usize,
}

/// So many chunks are deleted at once.
const FORGOTTEN_CHUNKS_MAX: usize = 256;
/// A chunk of more bytes of lines than this is large enough as it is.
const LARGE_BYTES: usize = CHUNK_BYTES / 2;
/// The key of `meta` that says with which number the first chunk begins at most that may have to be put together with others.
const MERGED: &str = "merged";

/// The key of `meta` that says from when on everything is kept that was told, in microseconds since 1970.
const COMPLETE: &str = "complete";

/// From that time on everything is kept that was told: before it something is forgotten, or could not be kept.
pub fn complete_from(connection: &Connection, time: i64) -> SqlResult<()> {
    let statement = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = max(value, ?2)";
    connection.prepare_cached(statement)?.execute(params![COMPLETE, time.max(0)]).map(drop)
}

/// Since when everything is kept, as far as it is known.
pub fn is_complete_from(connection: &Connection) -> SqlResult<Option<i64>> {
    noted(connection, COMPLETE)
}

/// What `meta` says of a key.
fn noted<V: FromSql>(connection: &Connection, key: &str) -> SqlResult<Option<V>> {
    let statement = "SELECT value FROM meta WHERE key = ?1";
    connection.prepare_cached(statement)?.query_row([key], |row| row.get(0)).optional()
}

/// The key of `meta` that says the number of the last event that was forgotten. Where the clock went back, earlier ones may be kept.
const FORGOTTEN: &str = "forgotten";

/// Notes the last of the events that ended before a time, which are forgotten, and gives back its number, where there is one.
fn note_forgotten(connection: &Connection, before: i64) -> SqlResult<Option<u64>> {
    let last =
        "SELECT last FROM chunk WHERE first = (SELECT max(first) FROM chunk INDEXED BY chunk_times WHERE ended < ?1)";
    let last: Option<u64> = connection.prepare_cached(last)?.query_row([before], |row| row.get(0)).optional()?;
    let statement = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = max(value, ?2)";
    if let Some(last) = last {
        connection.prepare_cached(statement)?.execute(params![FORGOTTEN, number(last)])?;
    }
    Ok(last)
}

/// Deletes chunks that ended before a time and for which nobody waits, so many at most. Gives back how many.
fn forget(connection: &Connection, before: i64) -> SqlResult<usize> {
    let statement = "DELETE FROM chunk WHERE first IN (SELECT first FROM chunk WHERE ended < ?1 AND NOT EXISTS \
                     (SELECT 1 FROM share WHERE webhook IN (SELECT id FROM webhook) AND chunk = first) LIMIT ?2)";
    connection.prepare_cached(statement)?.execute(params![before, FORGOTTEN_CHUNKS_MAX])
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// There is more to forget.
    pub has_more: bool,
    /// The time from which events are kept, in microseconds since 1970, where they took so much room that it is later than it was asked
    /// for.
    pub short_from: Option<i64>,
}

impl Log {
    /// Chunks that ended at that time or later are kept, in microseconds since 1970. It goes back where the clock does.
    pub fn keep_from(&self, time: i64) {
        self.kept_from.set(time);
    }

    /// Whether any are kept for which nobody waits.
    pub fn has_history(&self) -> bool {
        self.kept_from.get() != NOTHING_KEPT
    }

    /// Deletes chunks that are not kept any more, so many at most; one that a webhook waits for stays until it does not.
    pub fn forget_old(&self, connection: &Connection, keeping: &Keeping, now: i64) -> SqlResult<Forgotten> {
        self.write(connection)?;
        let asked = now.saturating_sub(i64::try_from(keeping.keep.as_micros()).unwrap_or(i64::MAX));
        self.keep_from(asked);
        let room = (keeping.size_bytes as u64).saturating_sub(snapshot::octets(connection)?);
        if let Some(from) = first_within(connection, room)? {
            self.keep_from(from.max(asked));
        }
        let short_from = Some(self.kept_from.get()).filter(|&from| from > asked);
        if let Some(last) = note_forgotten(connection, self.kept_from.get())? {
            snapshot::forget_before(connection, last)?;
        }
        let deleted = forget(connection, self.kept_from.get())?;
        connection.prepare_cached("DELETE FROM run WHERE ended < ?1")?.execute([self.kept_from.get()])?;
        if deleted > 0 {
            complete_from(connection, self.kept_from.get())?;
        }
        Ok(Forgotten { has_more: deleted == FORGOTTEN_CHUNKS_MAX, short_from })
    }

    /// Deletes chunks for which nobody waits, so many at most, where there is no history any more. Says whether there may be more.
    pub fn forget_all(&self, connection: &Connection) -> SqlResult<bool> {
        self.write(connection)?;
        // What comes later is no part of it.
        connection.prepare_cached("DELETE FROM run")?.execute([])?;
        snapshot::forget_all(connection)?;
        Ok(forget(connection, NOTHING_KEPT)? == FORGOTTEN_CHUNKS_MAX)
    }

    /// Whether so much was stored that small chunks may make a large one.
    pub fn may_merge(&self) -> bool {
        self.merge_after.get() == 0
    }

    /// Puts the first small chunks together that make a large one. Says whether there may be more of them.
    pub fn merge(&self, connection: &Connection) -> SqlResult<bool> {
        self.write(connection)?;
        let mut next = match self.merged.get() {
            Some(next) => next,
            None => noted(connection, MERGED)?.unwrap_or_default(),
        };
        let mut statement = connection.prepare_cached(&format!("{WHOLE} WHERE first >= ?1 ORDER BY first"))?;
        let mut rows = statement.query([number(next)])?;
        let (mut parts, mut bytes) = (Vec::new(), 0);
        let is_enough = loop {
            let Some(row) = rows.next()? else { break false };
            let behind = row.get::<_, u64>(1)? + 1;
            if let Some(part) = small(row)? {
                bytes += part.lines.len();
                parts.push(part);
                if bytes >= CHUNK_BYTES {
                    next = behind;
                    break true;
                }
                continue;
            }
            next = behind;
            if parts.len() > 1 {
                break true;
            }
            parts.clear();
            bytes = 0;
        };
        drop(rows);
        self.merged.set(Some(next));
        if is_enough {
            put_together(connection, &parts)?;
            let statement = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
            connection.prepare_cached(statement)?.execute(params![MERGED, number(next)])?;
        } else {
            self.merge_after.set(CHUNK_BYTES - bytes);
        }
        Ok(is_enough)
    }
}

/// The time of the earliest chunk of the latest that have no more octets than that; `None` where all of them have no more.
fn first_within(connection: &Connection, octets_max: u64) -> SqlResult<Option<i64>> {
    let all: u64 = connection
        .prepare_cached("SELECT coalesce(sum(octets), 0) FROM chunk INDEXED BY chunk_times")?
        .query_row([], |row| row.get(0))?;
    let Some(mut beyond) = all.checked_sub(octets_max).filter(|&beyond| beyond > 0) else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT ended, octets FROM chunk INDEXED BY chunk_times ORDER BY ended")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match beyond.checked_sub(row.get(1)?) {
            Some(rest) if rest > 0 => beyond = rest,
            _ => return Ok(Some(row.get::<_, i64>(0)? + 1)),
        }
    }
    Ok(None)
}

/// A chunk as it is read.
#[derive(Debug)]
struct Whole {
    entries: Vec<Entry>,
    lines: Vec<u8>,
    times: (i64, i64),
}

/// What [`whole`] reads.
const WHOLE: &str = "SELECT first, last, began, ended, entries, codec, lines, checksum FROM chunk";

fn whole(row: &Row<'_>) -> SqlResult<Result<Whole, Damaged>> {
    let index = row.get_ref(4)?.as_blob()?;
    let opened = chunk::entries(row.get(0)?, index).and_then(|entries| {
        let lines = row.get_ref(6).ok().and_then(|value| value.as_blob().ok()).unwrap_or_default();
        let (codec, checksum) = (row.get(5).unwrap_or(-1), row.get(7).unwrap_or(-1));
        Ok((entries, chunk::lines(codec, index, lines, checksum)?))
    });
    let times = (row.get(2)?, row.get(3)?);
    Ok(opened.map(|(entries, lines)| Whole { entries, lines, times }))
}

/// A chunk that is to be put together with others: not one that is large, nor one that cannot be read, of which it is told when somebody
/// wants to.
fn small(row: &Row<'_>) -> SqlResult<Option<Whole>> {
    let entries = chunk::entries(row.get(0)?, row.get_ref(4)?.as_blob()?);
    let is_small = entries.is_ok_and(|entries| entries.last().is_some_and(|last| last.at + last.octets <= LARGE_BYTES));
    Ok(if is_small { whole(row)?.ok() } else { None })
}

/// Makes one chunk of several that follow each other, and of the webhooks' shares of them their shares of that one.
fn put_together(connection: &Connection, parts: &[Whole]) -> SqlResult<()> {
    let mut all = Chunk::default();
    let mut shares: Vec<(i64, Share)> = Vec::new();
    let mut statement = connection.prepare_cached("SELECT webhook, wanted FROM share WHERE chunk = ?1")?;
    for part in parts {
        let (Some(first), before) = (part.entries.first(), all.entries().len()) else { continue };
        let mut rows = statement.query([number(first.sequence)])?;
        while let Some(row) = rows.next()? {
            let webhook: i64 = row.get(0)?;
            let share = Share::new(row.get_ref(1)?.as_blob_or_null()?, &part.entries);
            let known = shares.iter().position(|(of, _)| *of == webhook).unwrap_or_else(|| {
                shares.push((webhook, Share::default()));
                shares.len() - 1
            });
            for (place, entry) in part.entries.iter().enumerate().filter(|(place, _)| share.wants(*place)) {
                shares[known].1.add(before + place, entry.octets);
            }
        }
        part.entries.iter().for_each(|entry| all.push(entry.sequence, entry.line(&part.lines)));
    }
    let Some((first, last)) = all.ends() else { return Ok(()) };
    let ends = params![number(first), number(last)];
    connection.prepare_cached("DELETE FROM share WHERE chunk >= ?1 AND chunk <= ?2")?.execute(ends)?;
    connection.prepare_cached("DELETE FROM chunk WHERE first >= ?1 AND first <= ?2")?.execute(ends)?;
    let mut packed = all.pack_small();
    // Where the lines tell no times, the parts do.
    let began = parts.iter().map(|part| part.times.0).min().unwrap_or_default();
    let ended = parts.iter().map(|part| part.times.1).max().unwrap_or_default();
    packed.times = Some((began, ended));
    let shares: Vec<(i64, &Share)> = shares.iter().map(|(webhook, share)| (*webhook, share)).collect();
    insert(connection, (first, last), &packed, ended, &shares)
}

/// Which events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Those of that time and later ones, in microseconds since 1970.
    pub since: i64,
    /// Those of that time and earlier ones.
    pub until: i64,
}

impl Span {
    /// All of them.
    pub const ALL: Span = Span { since: i64::MIN, until: i64::MAX };
}

/// What was read.
#[derive(Debug)]
pub enum Read {
    /// Events of a chunk, in the order of their numbers.
    Events(Vec<Entry>, Vec<u8>),
    /// Events that cannot be read: the numbers of the first and the last of them, and why.
    Damaged(u64, u64, Damaged),
}

/// Goes through the chunks of a span. Nothing is held between two of them: one may have been put together with others since, or be gone.
#[derive(Debug)]
pub struct Chunks {
    span: Span,
    /// The first numbers of those that are to be read.
    firsts: VecDeque<u64>,
    /// Events with greater numbers than the first of these, and smaller ones than the second, were not read yet.
    between: (u64, u64),
    is_reverse: bool,
}

impl Chunks {
    /// Those events of a span that come after a number, from the earliest on, or from the latest on.
    pub fn new(connection: &Connection, span: Span, after: u64, is_reverse: bool) -> SqlResult<Chunks> {
        let mut chunks = Chunks { span, firsts: VecDeque::new(), between: (after, u64::MAX), is_reverse };
        chunks.find(connection)?;
        Ok(chunks)
    }

    /// Those of them with no greater numbers than that alone.
    pub fn up_to(mut self, last: u64) -> Chunks {
        self.between.1 = self.between.1.min(last.saturating_add(1));
        let before = self.between.1;
        self.firsts.retain(|&first| first < before);
        self
    }

    /// That event alone.
    pub fn of(sequence: u64) -> Chunks {
        let between = (sequence.saturating_sub(1), sequence.saturating_add(1));
        Chunks { span: Span::ALL, firsts: [sequence].into(), between, is_reverse: false }
    }

    /// Finds those that have come since: of the events that are read from the earliest on.
    pub fn find(&mut self, connection: &Connection) -> SqlResult<()> {
        // The next number may stand in a chunk that begins before it.
        let from = "SELECT max(first) FROM chunk WHERE first <= ?1";
        let from: Option<u64> =
            connection.prepare_cached(from)?.query_row([number(self.between.0)], |row| row.get(0))?;
        let order = if self.is_reverse { "DESC" } else { "ASC" };
        // Who goes on looks at the few that came last; who begins looks at times.
        let index = if self.between.0 > 0 { "NOT INDEXED" } else { "INDEXED BY chunk_times" };
        let statement = format!(
            "SELECT first FROM chunk {index} WHERE first >= ?1 AND ended >= ?2 AND began <= ?3 ORDER BY first {order}"
        );
        let mut statement = connection.prepare_cached(&statement)?;
        let values = params![number(from.unwrap_or_default()), self.span.since, self.span.until];
        let firsts = statement.query_map(values, |row| row.get(0))?;
        self.firsts = firsts.collect::<SqlResult<_>>()?;
        Ok(())
    }

    /// The next one that has any of the events.
    pub fn next(&mut self, connection: &Connection) -> SqlResult<Option<Read>> {
        while let Some(first) = self.firsts.pop_front() {
            let statement = format!("{WHOLE} WHERE first = (SELECT max(first) FROM chunk WHERE first <= ?1)");
            let mut statement = connection.prepare_cached(&statement)?;
            let mut rows = statement.query([number(first)])?;
            let Some(row) = rows.next()? else { continue };
            let (begins, ends): (u64, u64) = (row.get(0)?, row.get(1)?);
            let (after, before) = self.between;
            if ends <= after || begins >= before || ends < first {
                continue;
            }
            if self.is_reverse {
                self.between.1 = begins;
            } else {
                self.between.0 = ends;
            }
            let Whole { mut entries, lines, times, .. } = match whole(row)? {
                Ok(whole) => whole,
                Err(damaged) => return Ok(Some(Read::Damaged(begins, ends, damaged))),
            };
            entries.retain(|entry| entry.sequence > after && entry.sequence < before);
            let Span { since, until } = self.span;
            if times.0 < since || times.1 > until {
                entries.retain(|entry| {
                    event::time_of(entry.line(&lines)).is_none_or(|time| time >= since && time <= until)
                });
            }
            if !entries.is_empty() {
                return Ok(Some(Read::Events(entries, lines)));
            }
        }
        Ok(None)
    }
}

/// The number of the last event that was told by that time, in microseconds since 1970, or of the one before the first that is kept. All events up to that time are
/// in chunks that have begun by then; all after the last of these came later, whatever the clock did.
pub fn line_at(connection: &Connection, time: i64) -> SqlResult<u64> {
    let first = "SELECT max(first) FROM chunk INDEXED BY chunk_times WHERE began <= ?1";
    let first: Option<u64> = connection.prepare_cached(first)?.query_row([time], |row| row.get(0))?;
    // What is forgotten was told before any time that is asked for.
    let forgotten: u64 = noted(connection, FORGOTTEN)?.unwrap_or_default();
    let Some(first) = first else {
        // Where nothing is kept any more, it was told before this run.
        let before = "SELECT coalesce((SELECT min(first) - 1 FROM chunk), (SELECT max(after) FROM run), 0)";
        return connection.query_row(before, [], |row| row.get(0)).map(|before: u64| before.max(forgotten));
    };
    let span = Span { since: i64::MIN, until: time };
    let mut chunk =
        Chunks { span, firsts: [first].into(), between: (first.saturating_sub(1), u64::MAX), is_reverse: false };
    let last = match chunk.next(connection)? {
        Some(Read::Events(entries, _)) => entries.last().map(|entry| entry.sequence),
        Some(Read::Damaged(..)) | None => None,
    };
    Ok(last.unwrap_or(first.saturating_sub(1)).max(forgotten))
}

/// The time of the earliest event that is kept, in microseconds since 1970.
pub fn beginning(connection: &Connection) -> SqlResult<Option<i64>> {
    let statement = "SELECT began FROM chunk ORDER BY first LIMIT 1";
    connection.prepare_cached(statement)?.query_row([], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests;
