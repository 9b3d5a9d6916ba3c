//! Objects that became known at once, as at the first start: one row has many of them, compressed, where the mirror's own table has one
//! for each identity.
//!
//! What stands there of an identity is older than what the table `mirror` has of it, where it has something. So that nothing is in two
//! rows of `dump`, whoever writes them knows what is in one. At the start they become rows of `mirror` once these are many beside them.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::database::SqlError;
use super::event_log::chunk::Damaged;
use super::mirror_changes::{push, take};

type SqlResult<T> = Result<T, SqlError>;

/// The table.
pub const SCHEMA: &str = "
    CREATE TABLE dump (netns TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL,
        identities INTEGER NOT NULL CHECK (identities >= 0), objects BLOB NOT NULL, checksum INTEGER NOT NULL,
        PRIMARY KEY (netns, kind, number)) STRICT;
";

/// One row of `mirror` for so many identities of dumps, or more: then the dumps are dissolved. Readers keep the rows' keys in memory.
const IDENTITIES_A_ROW: u64 = 2;

/// Namespace and kind.
type Place<'p> = (&'p str, &'p str);

/// Whoever is given keys with their objects, and says whether there may be more.
type Each<'e> = dyn FnMut(&[u8], &[u8]) -> SqlResult<bool> + 'e;

/// A row as it is stored, with its checksum.
pub(super) fn packed(row: &[u8]) -> (Vec<u8>, u32) {
    let kept = lz4_flex::block::compress_prepend_size(row);
    let checksum = crc32fast::hash(&kept);
    (kept, checksum)
}

fn check_row(kept: &[u8], checksum: u32) -> Result<(), Damaged> {
    let is_right = crc32fast::hash(kept) == checksum;
    is_right.then_some(()).ok_or(Damaged("the checksum of what is known of the kernel is wrong"))
}

/// What was [`packed`].
pub(super) fn unpacked(kept: &[u8], checksum: u32) -> Result<Vec<u8>, Damaged> {
    check_row(kept, checksum)?;
    let row = lz4_flex::block::decompress_size_prepended(kept);
    row.map_err(|_| Damaged("what is known of the kernel cannot be decompressed"))
}

/// Stores identities of a kind, each with its objects as a row of `mirror` has them, in place of such rows. None of them is in another dump.
pub(super) fn insert(connection: &Connection, (netns, kind): Place<'_>, known: &[(&[u8], &[u8])]) -> SqlResult<()> {
    let has_rows = "SELECT EXISTS (SELECT 1 FROM mirror WHERE netns = ?1 AND kind = ?2)";
    let has_rows: bool = connection.prepare_cached(has_rows)?.query_row([netns, kind], |row| row.get(0))?;
    let mut older = connection.prepare_cached("DELETE FROM mirror WHERE netns = ?1 AND kind = ?2 AND key = ?3")?;
    let mut row = Vec::new();
    for (key, objects) in known {
        if has_rows {
            older.execute(params![netns, kind, key])?;
        }
        push(&mut row, key);
        push(&mut row, objects);
    }
    let (kept, checksum) = packed(&row);
    let statement = "INSERT INTO dump SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5 FROM dump WHERE netns = ?1 AND kind = ?2";
    let values = params![netns, kind, known.len() as u64, kept, checksum];
    connection.prepare_cached(statement)?.execute(values).map(drop)
}

/// Notes in `mirror` that an identity is gone, where a dump may have it.
pub(super) fn outdate(connection: &Connection, (netns, kind): Place<'_>, key: &[u8]) -> SqlResult<()> {
    let statement =
        "INSERT INTO mirror SELECT ?1, ?2, ?3, x'' WHERE EXISTS (SELECT 1 FROM dump WHERE netns = ?1 AND kind = ?2)";
    connection.prepare_cached(statement)?.execute(params![netns, kind, key]).map(drop)
}

/// Gives what is known of a kind to `each`, until it says that it has enough: the key of an identity, and its objects. Gives back
/// whether that was all.
pub(super) fn each(connection: &Connection, place: Place<'_>, each: &mut Each<'_>) -> SqlResult<bool> {
    if !each_older(connection, place, each)? {
        return Ok(false);
    }
    let statement = "SELECT key, objects FROM mirror WHERE netns = ?1 AND kind = ?2";
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([place.0, place.1])?;
    while let Some(row) = rows.next()? {
        let objects = row.get_ref(1)?.as_blob()?;
        if !objects.is_empty() && !each(row.get_ref(0)?.as_blob()?, objects)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same of the dumps alone, without what is outdated.
fn each_older(connection: &Connection, (netns, kind): Place<'_>, each: &mut Each<'_>) -> SqlResult<bool> {
    let mut dumps = connection
        .prepare_cached("SELECT objects, checksum FROM dump WHERE netns = ?1 AND kind = ?2 ORDER BY number")?;
    let mut dumps = dumps.query([netns, kind])?;
    let mut newer: Option<HashSet<Box<[u8]>>> = None;
    while let Some(dump) = dumps.next()? {
        let newer = match &mut newer {
            Some(newer) => newer,
            None => newer.insert(keys(connection, (netns, kind))?),
        };
        let row = unpacked(dump.get_ref(0)?.as_blob()?, dump.get(1)?)?;
        let mut rest = &row[..];
        while !rest.is_empty() {
            let mut field = || take(&mut rest).ok_or(Damaged("what is known of the kernel breaks off"));
            let (key, objects) = (field()?, field()?);
            if !newer.contains(key) && !each(key, objects)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn keys(connection: &Connection, (netns, kind): Place<'_>) -> SqlResult<HashSet<Box<[u8]>>> {
    let mut statement = connection.prepare_cached("SELECT key FROM mirror WHERE netns = ?1 AND kind = ?2")?;
    let keys = statement.query_map([netns, kind], |row| Ok(row.get_ref(0)?.as_blob()?.into()))?;
    keys.collect()
}

/// Forgets those of a kind.
pub(super) fn forget(connection: &Connection, (netns, kind): Place<'_>) -> SqlResult<()> {
    let statement = "DELETE FROM dump WHERE netns = ?1 AND kind = ?2";
    connection.prepare_cached(statement)?.execute([netns, kind]).map(drop)
}

/// An error where one of them is damaged.
pub(super) fn check(connection: &Connection) -> SqlResult<()> {
    let mut statement = connection.prepare("SELECT objects, checksum FROM dump")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        check_row(row.get_ref(0)?.as_blob()?, row.get(1)?)?;
    }
    Ok(())
}

/// Namespaces and kinds with dumps of which much has changed since.
pub(super) fn outdated(connection: &Connection) -> SqlResult<Vec<(String, String)>> {
    let statement = "SELECT netns, kind FROM dump GROUP BY netns, kind HAVING sum(identities) <= ?1 * \
                     (SELECT count(*) FROM mirror WHERE mirror.netns = dump.netns AND mirror.kind = dump.kind)";
    let mut statement = connection.prepare(statement)?;
    statement.query_map([IDENTITIES_A_ROW], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// What the dumps of a kind know becomes rows of `mirror`.
pub(super) fn dissolve(connection: &Connection, place: Place<'_>) -> SqlResult<()> {
    let mut insert = connection.prepare_cached("INSERT INTO mirror VALUES (?1, ?2, ?3, ?4)")?;
    each_older(connection, place, &mut |key, objects| {
        insert.execute(params![place.0, place.1, key, objects])?;
        Ok(true)
    })?;
    forget(connection, place)?;
    let gone = "DELETE FROM mirror WHERE netns = ?1 AND kind = ?2 AND objects = x''";
    connection.execute(gone, [place.0, place.1]).map(drop)
}
