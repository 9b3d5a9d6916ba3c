//! The database of a state directory: its schema, and what is asked of it. Whoever calls says where a transaction begins
//! and ends.
//!
//! Anyone may read it with `sqlite3`, while linkhook runs, too:
//!
//! | table | a row is | columns |
//! | --- | --- | --- |
//! | `meta` | a setting | `seq`: no line has a greater number yet |
//! | `webhook` | a webhook | `id`, `name`, `batches`: the number of its last batch, `paused`: until when, in microseconds since 1970 |
//! | `chunk` | events in order: those of a commit, or of several that were put together | `first` and `last` number, `began` and `ended`: the times of its earliest and its latest event in microseconds since 1970, how many `events`, `octets` of the two that follow, `entries`: for each how much its number is greater than the one before and its line's length, as numbers of seven bits an octet; `codec`: 0 for `lines` as they are, 1 for a block of LZ4 behind its length, 2 for a frame of Zstandard; `checksum`: CRC-32 of `entries` and `lines` |
//! | `share` | that a webhook waits for events of a chunk | `webhook`, `chunk`: its first number, `last`, how many `events` and `octets`, `wanted`: a bit for each event, null for all |
//! | `event` | an event that waits out of order: a dead letter that waits again, one of the few of a chunk that are still waited for, or one of an earlier version | `seq`, `line` as it is delivered |
//! | `wanted` | that a webhook waits for such an event | `webhook`, `seq`, `octets`: the line's bytes |
//! | `batch` | a webhook's batch on its way | `webhook`, `id`, `number`, `last` event, `body`: empty while it was not refused once and can be made again of its events; `tried`: for how long, in milliseconds |
//! | `run` | a run of linkhook that keeps lines as history | `began` and `ended`: when, in microseconds since 1970, `ended` null while it runs; `after`: the last number before it, `kinds` that it watches, `narrowed`: by what else its lines are narrowed, both with commas |
//! | `snapshot` | a moment of which it is kept what was known of the kernel | `sequence`: the last number before it, how many `parts` it has, their `octets` |
//! | `snapshot_part` | a part of a snapshot | `sequence`, `part`: its number from 0, `objects`: a frame of Zstandard of fields as in `change`: `netns`, `kind`, `objects`, and again; `checksum`: CRC-32 of it |
//! | `loss` | events lost and not told yet | `webhook`, `reason`, `events` |
//! | `mirror` | what was known of the kernel | `netns`, `kind`, `key`, `objects`: each a length of four bytes and the kernel's bytes; none where a row of `dump` has some that are gone |
//! | `dump` | what became known of many identities at once, where `mirror` has nothing newer of one | `netns`, `kind`, `number`, how many `identities`, `objects`: a block of LZ4 as in `change`, of fields: `key`, `objects`, and again; `checksum`: CRC-32 of it |
//! | `change` | what a commit changed of `mirror`, where it is not in it yet | `number`, `objects`: a block of LZ4 behind its length, of fields, each a length of four bytes and as many bytes: `netns`, `kind`, `key`, `objects`, and again; `checksum`: CRC-32 of it |
//! | `covered` | that all objects of a kind are in `mirror` | `netns`, `kind` |

mod mirror;
mod schema;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ffi, params};

use super::Run;
use super::directory::{DATABASE, Directory, FILES};
use super::event_log::chunk::{Chunk, Share};
use super::event_log::history::{self, Forgotten, Keeping};
use super::event_log::{self, Log};
use super::mirror_changes::{self, take_in_changes};
use super::snapshot::{self, Snapshots};
use crate::error::{Error, Result};
use schema::VERSION;

/// `PRAGMA application_id`: "lnkh".
const APPLICATION: i64 = 0x6c6e_6b68;
/// Statements that are kept ready.
const STATEMENTS_MAX: usize = 40;
/// The write-ahead log is cut to this when it has been taken over.
const LOG_BYTES: i64 = 8 << 20;
/// Pages kept in memory, in KiB.
const CACHE_KIB: i64 = 8 << 10;
/// A database of more pages than this, 128 MiB, is not checked whole at its opening.
const WHOLE_CHECK_PAGES_MAX: i64 = 32 << 10;
/// So long a statement waits for another process that writes; then whoever asks decides.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// So long the start waits for it.
pub(super) const HELD_AT_START_MAX: Duration = Duration::from_secs(60);

/// The objects of one identity as a row has them.
pub fn encode<'o>(objects: impl Iterator<Item = &'o [u8]>) -> Box<[u8]> {
    let mut row = Vec::new();
    objects.for_each(|object| mirror_changes::push(&mut row, object));
    row.into()
}

/// How sure a commit is when it is said to be made (`PRAGMA synchronous`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// It outlives a loss of power.
    #[default]
    Full,
    /// It outlives a crash of linkhook; a loss of power may take the last ones back.
    Normal,
}

impl Synchronous {
    /// Every setting with its name.
    pub const ALL: [(&'static str, Synchronous); 2] = [("full", Synchronous::Full), ("normal", Synchronous::Normal)];
}

/// How commits are made, and what of them is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// How sure one is.
    pub synchronous: Synchronous,
    /// How long it is from one to the next at least: the first after a while is made at once.
    pub pause: Duration,
    /// What is kept of the lines though nobody waits for it, where anything is.
    pub history: Option<Keeping>,
}

impl From<Synchronous> for Commits {
    fn from(synchronous: Synchronous) -> Commits {
        Commits { synchronous, ..Commits::default() }
    }
}

/// A batch whose id, number and bytes are fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// The number of its last event.
    pub last: u64,
    /// What is posted; empty where the store does not have it, and it is to be made again of the events.
    pub body: Vec<u8>,
    /// Whether the store has the body from the beginning: it could not be made again.
    pub keeps_body: bool,
    /// For how long it was tried before this run.
    pub tried_milliseconds: u64,
}

/// What is known of a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// Its number in the tables.
    pub webhook: i64,
    /// The number of its last batch.
    pub batches: u64,
    /// The batch on its way.
    pub batch: Option<Arc<Fixed>>,
    /// Events that wait, but for those of that batch, and their bytes.
    pub waiting: (u64, u64),
    /// Events lost and not told yet, by reason.
    pub losses: Vec<(String, u64)>,
    /// Until when it is paused, in microseconds since 1970, where it is.
    pub paused: Option<u64>,
}

/// The error of a statement.
pub type SqlError = rusqlite::Error;

/// What an error of a statement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room, or the disk fails: later it may not.
    Disk,
    /// Another process writes, or holds the right to.
    Busy,
    /// The database is damaged, or is not what linkhook made.
    Damaged,
}

impl Trouble {
    /// What the error means.
    pub fn of(failure: &SqlError) -> Trouble {
        match failure {
            SqlError::FromSqlConversionFailure(..)
            | SqlError::IntegralValueOutOfRange(..)
            | SqlError::InvalidColumnType(..)
            | SqlError::InvalidColumnName(..)
            | SqlError::Utf8Error(..)
            | SqlError::SqlInputError { .. } => return Trouble::Damaged,
            _ => {}
        }
        // Every statement is right: one that SQLite does not understand lacks its table.
        let missing = failure.sqlite_error().is_some_and(|error| error.extended_code & 0xff == ffi::SQLITE_ERROR);
        match failure.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Trouble::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Trouble::Busy
            }
            _ if missing => Trouble::Damaged,
            _ => Trouble::Disk,
        }
    }
}

/// A database that is open.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    log: Log,
    /// Pages in the write-ahead log.
    log_pages: Arc<AtomicU32>,
}

/// How far the write-ahead log was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckPoint {
    /// Pages in it.
    pub pages: u32,
    /// Whether somebody reads what is older, so that it cannot begin anew.
    pub is_held: bool,
}

/// Bytes of a page and of what stands before it in the write-ahead log.
pub const LOG_PAGE_BYTES: u64 = 4096 + 24;

/// Why a database cannot be used, though it can be read.
enum Refused {
    Failure(SqlError),
    /// It is not as this version makes it.
    Strange(String),
    /// The directory cannot be used.
    System(std::io::Error),
}

impl From<SqlError> for Refused {
    fn from(failure: SqlError) -> Refused {
        Refused::Failure(failure)
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Refused {
        Refused::System(error)
    }
}

impl Database {
    /// Opens the directory's database. One that is damaged, another program's or a newer version's is set aside, and a new
    /// one begun: then the second is `true`.
    ///
    /// While another process holds the right to write, it is tried again for so long.
    pub fn open(directory: &Directory, synchronous: Synchronous, patience: Duration) -> Result<(Database, bool)> {
        let path = directory.database();
        let (began, mut said) = (Instant::now(), false);
        let failed =
            |what: &dyn std::fmt::Display| Error::failed(format_args!("cannot open {}: {what}", path.display()));
        let why = loop {
            let failure = match Database::open_checked(directory, synchronous) {
                Ok(database) => return Ok((database, false)),
                Err(Refused::System(error)) => return Err(failed(&error)),
                Err(Refused::Strange(why)) => break why,
                Err(Refused::Failure(failure)) => failure,
            };
            match Trouble::of(&failure) {
                Trouble::Damaged => break failure.to_string(),
                Trouble::Busy if began.elapsed() < patience => {}
                Trouble::Busy | Trouble::Disk => return Err(failed(&failure)),
            }
            // Each time SQLite has waited itself.
            if !std::mem::replace(&mut said, true) {
                log::warn!("{} is held by another process, which is waited for: {failure}", path.display());
            }
        };
        let aside = directory.set_aside().map_err(|error| failed(&error))?;
        log::error!(
            "the database {} cannot be used ({why}); it is set aside as {}, and a new one is begun: what waited in it is \
             not delivered",
            path.display(),
            aside.display()
        );
        match Database::open_checked(directory, synchronous) {
            Ok(database) => Ok((database, true)),
            Err(Refused::System(error)) => Err(failed(&error)),
            Err(Refused::Failure(failure)) => Err(failed(&failure)),
            Err(Refused::Strange(why)) => Err(failed(&why)),
        }
    }

    fn open_checked(directory: &Directory, synchronous: Synchronous) -> std::result::Result<Database, Refused> {
        for name in FILES {
            if !directory.prepare(name, name == DATABASE)? {
                return Err(Refused::Strange(format!("{name} is no file")));
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(directory.real_database()?, flags | OpenFlags::SQLITE_OPEN_NOFOLLOW)?;
        // It was opened by its path: that still leads here.
        directory.real_database()?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Only a new database takes it.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let level = if synchronous == Synchronous::Full { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", level)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let (application, version) = (number("application_id")?, number("user_version")?);
        let empty: bool =
            connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
        if empty && (application, version) == (0, 0) {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;",
                schema::whole()
            ))?;
        } else if application != APPLICATION {
            return Err(Refused::Strange("another program's".into()));
        } else if !(1..=VERSION).contains(&version) {
            return Err(Refused::Strange(format!("its version is {version}, and this linkhook knows {VERSION}")));
        } else {
            if let Some(words) = damage(&connection)? {
                return Err(Refused::Strange(format!("damaged: {words}")));
            }
            if version < VERSION {
                schema::renew(&connection, version).map_err(|failure| match failure.sqlite_error_code() {
                    Some(ErrorCode::ConstraintViolation) => Refused::Strange(format!("damaged: {failure}")),
                    _ => Refused::Failure(failure),
                })?;
            }
            if let Some(table) = schema::strange_table(&connection)? {
                return Err(Refused::Strange(format!("its table {table} is missing or another one")));
            }
            if let Err(damaged) = event_log::check(&connection)? {
                return Err(Refused::Strange(format!("damaged: {damaged}")));
            }
        }
        let database = Database::with(connection)?;
        if let Err(failure) = take_in_changes(&database) {
            database.roll_back();
            if Trouble::of(&failure) != Trouble::Damaged {
                return Err(failure.into());
            }
            // The kernel can be asked for it once more, and nobody for what waits.
            log::warn!(
                "what was known of the kernel cannot be read ({failure}): what changed while linkhook did not run is not told"
            );
            database.begin()?;
            database.forget_all()?;
            database.clear_changes()?;
            database.commit()?;
        }
        Ok(database)
    }

    fn with(mut connection: Connection) -> std::result::Result<Database, Refused> {
        let log_pages = Arc::new(AtomicU32::new(0));
        let pages = log_pages.clone();
        // In place of taking the log over within a commit: its lines wait for that.
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
            pages.store(u32::try_from(count).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Database { connection, log: Log::default(), log_pages })
    }

    /// Begins a transaction.
    pub fn begin(&self) -> std::result::Result<(), SqlError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")
    }

    /// Makes it lasting.
    pub fn commit(&self) -> std::result::Result<(), SqlError> {
        self.log.write(&self.connection)?;
        self.connection.execute_batch("COMMIT")
    }

    /// Takes it back, if SQLite has not done so itself.
    pub fn roll_back(&self) {
        self.log.forget();
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn run(&self, statement: &str, values: impl rusqlite::Params) -> std::result::Result<usize, SqlError> {
        self.connection.prepare_cached(statement)?.execute(values)
    }

    /// No line has a greater number yet.
    pub fn sequence(&self) -> std::result::Result<u64, SqlError> {
        let found = self.connection.query_row("SELECT value FROM meta WHERE key = 'seq'", [], |row| row.get(0));
        Ok(found.optional()?.unwrap_or_default())
    }

    /// Says so.
    pub fn set_sequence(&self, sequence: u64) -> std::result::Result<(), SqlError> {
        self.run("INSERT OR REPLACE INTO meta VALUES ('seq', ?1)", [sequence]).map(drop)
    }

    /// What is known of the webhook of that name; one that is new is entered.
    pub fn enroll(&self, name: &str) -> std::result::Result<Enrolled, SqlError> {
        self.run("INSERT OR IGNORE INTO webhook (name) VALUES (?1)", [name])?;
        let (webhook, batches, paused) = self
            .connection
            .prepare_cached("SELECT id, batches, paused FROM webhook WHERE name = ?1")?
            .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut statement = self.connection.prepare_cached("SELECT * FROM batch WHERE webhook = ?1")?;
        let batch = statement.query_row([webhook], |row| {
            Ok(Fixed {
                id: row.get("id")?,
                number: row.get("number")?,
                last: row.get("last")?,
                body: row.get("body")?,
                keeps_body: true,
                tried_milliseconds: row.get("tried")?,
            })
        });
        let batch = batch.optional()?.map(Arc::new);
        let waiting = self.waiting(webhook, batch.as_ref().map_or(0, |batch| batch.last))?;
        let mut statement = self.connection.prepare_cached("SELECT reason, events FROM loss WHERE webhook = ?1")?;
        let losses = statement.query_map([webhook], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let losses = losses.collect::<std::result::Result<_, _>>()?;
        Ok(Enrolled { webhook, batches, batch, waiting, losses, paused })
    }

    /// A run begins. One before it that was not ended in order ended with its last event.
    pub fn begin_run(&self, run: &Run) -> std::result::Result<(), SqlError> {
        let last = "SELECT ended FROM chunk WHERE first > run.after ORDER BY first DESC LIMIT 1";
        self.run(&format!("UPDATE run SET ended = coalesce(({last}), began) WHERE ended IS NULL"), [])?;
        let statement =
            "INSERT OR REPLACE INTO run (began, after, kinds, narrowed, namespaces) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(statement, params![run.began, run.after, run.kinds, run.narrowed, run.namespaces]).map(drop)
    }

    /// The run ends in order.
    pub fn end_run(&self, now: i64) -> std::result::Result<(), SqlError> {
        self.run("UPDATE run SET ended = ?1 WHERE ended IS NULL", [now]).map(drop)
    }

    /// The names of all webhooks that were ever entered.
    pub fn webhooks(&self) -> std::result::Result<Vec<String>, SqlError> {
        let mut statement = self.connection.prepare("SELECT name FROM webhook ORDER BY id")?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    /// Strikes a webhook, which waits for nothing any more.
    pub fn strike(&self, webhook: i64) -> std::result::Result<(), SqlError> {
        self.delivered(webhook, i64::MAX as u64)?;
        self.run("DELETE FROM loss WHERE webhook = ?1", [webhook])?;
        self.run("DELETE FROM webhook WHERE id = ?1", [webhook]).map(drop)
    }

    /// Stores the events of a commit in the log, with the webhooks' shares of them.
    pub fn append(&self, chunk: &Chunk, time: i64, shares: &[(i64, &Share)]) -> std::result::Result<(), SqlError> {
        self.log.append(&self.connection, chunk, time, shares)
    }

    /// Chunks that ended at that time or later are kept, in microseconds since 1970.
    pub fn keep_from(&self, time: i64) {
        self.log.keep_from(time);
    }

    /// Whether any are kept for which nobody waits.
    pub fn has_history(&self) -> bool {
        self.log.has_history()
    }

    /// Deletes some of the chunks that are not kept any more.
    pub fn forget_old(&self, keeping: &Keeping, now: i64) -> std::result::Result<Forgotten, SqlError> {
        self.log.forget_old(&self.connection, keeping, now)
    }

    /// Deletes some of the chunks for which nobody waits. Says whether there may be more.
    pub fn forget_history(&self) -> std::result::Result<bool, SqlError> {
        self.log.forget_all(&self.connection)
    }

    /// Stores a part of a snapshot.
    pub(super) fn keep_part(&self, part: &snapshot::Part) -> std::result::Result<(), SqlError> {
        snapshot::keep_part(&self.connection, part)
    }

    /// All parts of a snapshot are stored.
    pub(super) fn keep_snapshot(&self, whole: &snapshot::Whole) -> std::result::Result<bool, SqlError> {
        snapshot::keep_whole(&self.connection, whole)
    }

    /// Takes a snapshot at once, between two transactions.
    pub fn take_snapshot(&self) -> std::result::Result<(), SqlError> {
        snapshot::take_here(&self.connection)
    }

    /// Looks what was stored since the last snapshot.
    pub(super) fn look_for(&self, snapshots: &mut Snapshots) -> std::result::Result<(), SqlError> {
        snapshots.look(&self.connection)
    }

    /// How many events were stored since that was asked last, and their octets.
    pub fn take_stored(&self) -> (u64, u64) {
        self.log.take_stored()
    }

    /// From that time on everything is kept that is told, in microseconds since 1970.
    pub fn complete_from(&self, time: i64) -> std::result::Result<(), SqlError> {
        history::complete_from(&self.connection, time)
    }

    /// Whether so much was stored that small chunks may make a large one.
    pub fn may_merge(&self) -> bool {
        self.log.may_merge()
    }

    /// Puts the first small chunks together that make a large one. Says whether there may be more of them.
    pub fn merge(&self) -> std::result::Result<bool, SqlError> {
        self.log.merge(&self.connection)
    }

    /// Stores an event out of order, for which a webhook waits. The same number again is the same event.
    pub fn insert_apart(&self, webhook: i64, sequence: u64, line: &[u8]) -> std::result::Result<(), SqlError> {
        event_log::insert_apart(&self.connection, webhook, sequence, line)
    }

    /// The line of an event that somebody waits for.
    pub fn line(&self, sequence: u64) -> std::result::Result<Option<Vec<u8>>, SqlError> {
        event_log::line(&self.connection, sequence)
    }

    /// The first event after that one for which a webhook waits, and its line's bytes.
    pub fn first_wanted(&self, webhook: i64, after: u64) -> std::result::Result<Option<(u64, usize)>, SqlError> {
        let of_log = self.log.first_wanted(&self.connection, webhook, after)?;
        let statement = "SELECT seq, octets FROM wanted WHERE webhook = ?1 AND seq > ?2 ORDER BY seq LIMIT 1";
        let mut statement = self.connection.prepare_cached(statement)?;
        let apart = statement.query_row(params![webhook, after], |row| {
            Ok((row.get(0)?, usize::try_from(row.get::<_, u64>(1)?).unwrap_or(usize::MAX)))
        });
        Ok(apart.optional()?.into_iter().chain(of_log).min())
    }

    /// A webhook waits no more for an event.
    pub fn drop_wanted(&self, webhook: i64, sequence: u64) -> std::result::Result<(), SqlError> {
        if self.log.drop_wanted(&self.connection, webhook, sequence)? {
            return Ok(());
        }
        self.run("DELETE FROM wanted WHERE webhook = ?1 AND seq = ?2", params![webhook, sequence])?;
        let statement = "DELETE FROM event WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM wanted WHERE \
                         webhook IN (SELECT id FROM webhook) AND seq = ?1)";
        self.run(statement, [sequence]).map(drop)
    }

    /// A webhook waits no more for the first events in a range, so many at most. Gives back those, with their bytes.
    pub fn remove(
        &self,
        webhook: i64,
        (first, last): (u64, u64),
        most: usize,
    ) -> std::result::Result<Vec<(u64, usize)>, SqlError> {
        self.log.write(&self.connection)?;
        let found = event_log::wanted(&self.connection, webhook, (first.saturating_sub(1), last), most)?;
        for (sequence, _) in &found {
            self.drop_wanted(webhook, *sequence)?;
        }
        Ok(found)
    }

    /// Whether a webhook waits for an event.
    pub fn wants(&self, webhook: i64, sequence: u64) -> std::result::Result<bool, SqlError> {
        self.log.write(&self.connection)?;
        Ok(!event_log::wanted(&self.connection, webhook, (sequence.saturating_sub(1), sequence), 1)?.is_empty())
    }

    /// A webhook's batch is none any more: its events wait again, and its number is free.
    pub fn unfix(&self, webhook: i64, batches: u64) -> std::result::Result<(), SqlError> {
        self.run("DELETE FROM batch WHERE webhook = ?1", [webhook])?;
        self.set_batches(webhook, batches)
    }

    /// Until when a webhook is paused, in microseconds since 1970; `None` where it is not.
    pub fn set_paused(&self, webhook: i64, until: Option<u64>) -> std::result::Result<(), SqlError> {
        self.run("UPDATE webhook SET paused = ?2 WHERE id = ?1", params![webhook, until]).map(drop)
    }

    /// How many events after that one a webhook waits for, and their bytes.
    pub fn waiting(&self, webhook: i64, after: u64) -> std::result::Result<(u64, u64), SqlError> {
        self.log.write(&self.connection)?;
        event_log::waiting(&self.connection, webhook, after)
    }

    /// A webhook's batch is fixed, in place of the one that was.
    pub fn fix(&self, webhook: i64, batch: &Fixed) -> std::result::Result<(), SqlError> {
        let Fixed { id, number, last, body, keeps_body, tried_milliseconds } = batch;
        let body: &[u8] = if *keeps_body { body } else { &[] };
        let values = params![webhook, id, number, last, body, tried_milliseconds];
        self.run("INSERT OR REPLACE INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6)", values)?;
        self.set_batches(webhook, *number)
    }

    /// A webhook's batch was tried for so long. With its body, that is kept from here on.
    pub fn tried(&self, webhook: i64, milliseconds: u64, body: Option<&[u8]>) -> std::result::Result<(), SqlError> {
        let statement = "UPDATE batch SET tried = ?2, body = coalesce(?3, body) WHERE webhook = ?1";
        self.run(statement, params![webhook, milliseconds, body]).map(drop)
    }

    /// So many batches were made for a webhook.
    pub fn set_batches(&self, webhook: i64, batches: u64) -> std::result::Result<(), SqlError> {
        self.run("UPDATE webhook SET batches = ?2 WHERE id = ?1", params![webhook, batches]).map(drop)
    }

    /// A webhook is done with every event up to that one, and with its batch.
    pub fn delivered(&self, webhook: i64, last: u64) -> std::result::Result<(), SqlError> {
        let statement = "DELETE FROM event WHERE seq IN (SELECT seq FROM wanted WHERE webhook = ?1 AND seq <= ?2) \
                         AND NOT EXISTS (SELECT 1 FROM wanted AS other WHERE other.webhook IN \
                         (SELECT id FROM webhook WHERE id <> ?1) AND other.seq = event.seq)";
        self.run(statement, params![webhook, last])?;
        self.run("DELETE FROM wanted WHERE webhook = ?1 AND seq <= ?2", params![webhook, last])?;
        self.log.delivered(&self.connection, webhook, last)?;
        self.run("DELETE FROM batch WHERE webhook = ?1", [webhook]).map(drop)
    }

    /// Events are lost, which is to be told.
    pub fn lose(&self, webhook: i64, reason: &str, events: u64) -> std::result::Result<(), SqlError> {
        let statement = "INSERT INTO loss VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET events = events + ?3";
        self.run(statement, params![webhook, reason, events]).map(drop)
    }

    /// It was told.
    pub fn told(&self, webhook: i64, reason: &str, events: u64) -> std::result::Result<(), SqlError> {
        self.run(
            "UPDATE loss SET events = max(events - ?3, 0) WHERE webhook = ?1 AND reason = ?2",
            params![webhook, reason, events],
        )?;
        self.run("DELETE FROM loss WHERE webhook = ?1 AND reason = ?2 AND events <= 0", params![webhook, reason])
            .map(drop)
    }

    /// Pages that hold nothing.
    pub fn free_pages(&self) -> std::result::Result<i64, SqlError> {
        self.connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
    }

    /// Gives so many of them back to the file system.
    pub fn shrink(&self, pages: i64) -> std::result::Result<(), SqlError> {
        // It gives a row for each page.
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Takes the write-ahead log over as far as nobody reads what is older: it waits for no one.
    pub fn check_point(&self) -> std::result::Result<CheckPoint, SqlError> {
        self.take_over("PASSIVE")
    }

    /// The same, and empties it where nobody reads.
    pub fn empty_log(&self) -> std::result::Result<CheckPoint, SqlError> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let emptied = self.take_over("TRUNCATE");
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        emptied
    }

    fn take_over(&self, how: &str) -> std::result::Result<CheckPoint, SqlError> {
        let statement = format!("PRAGMA wal_checkpoint({how})");
        let number = |row: &rusqlite::Row<'_>, place| -> std::result::Result<u32, SqlError> {
            Ok(u32::try_from(row.get::<_, i64>(place)?).unwrap_or_default())
        };
        let point = self.connection.query_row(&statement, [], |row| {
            let (busy, pages, taken) = (number(row, 0)?, number(row, 1)?, number(row, 2)?);
            Ok(CheckPoint { pages, is_held: busy != 0 || taken < pages })
        })?;
        if !point.is_held {
            // The next commit begins it anew.
            self.log_pages.store(0, Ordering::Relaxed);
        }
        Ok(point)
    }

    /// Pages in the write-ahead log that are not known to be taken over.
    pub fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Closes it, and leaves its files as they are: what has their names may be another's by now.
    pub fn disconnect(self) {
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }

    /// Copies what it holds to an empty file.
    pub fn copy_to(&self, path: &std::path::Path) -> std::result::Result<(), SqlError> {
        let path = path.to_str().ok_or_else(|| SqlError::InvalidPath(path.to_owned()))?;
        self.connection.execute("VACUUM INTO ?1", [path]).map(drop)
    }
}

/// What SQLite's own check finds. A database that a long history makes large is not read whole: what the history has is looked at when it
/// is read.
fn damage(connection: &Connection) -> std::result::Result<Option<String>, SqlError> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let mut checks = vec!["PRAGMA quick_check(1)".to_owned()];
    if pages > WHOLE_CHECK_PAGES_MAX {
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('chunk', 'snapshot_part')";
        let mut statement = connection.prepare(tables)?;
        let tables = statement.query_map([], |row| row.get::<_, String>(0))?;
        checks = tables
            .map(|table| Ok(format!("PRAGMA quick_check('{}')", table?)))
            .collect::<std::result::Result<_, SqlError>>()?;
    }
    for check in checks {
        let words: String = connection.query_row(&check, [], |row| row.get(0))?;
        if words != "ok" {
            return Ok(Some(words));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
