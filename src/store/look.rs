//! A look into the database from another process: it is read and never written, whether linkhook runs or not.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::database::{BUSY_TIMEOUT, SqlError};
use super::directory::DATABASE;
use super::event_log;
use super::event_log::history::{self, Chunks, Read, Span};
use super::reader::StoredEvent;
use super::snapshot::{self, Kinds, Known};
use super::{Run, mirror_changes};
use crate::error::{Error, Result};

/// A webhook as the database knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its number in the tables.
    pub webhook: i64,
    /// Its name.
    pub name: String,
    /// Events that wait, those on their way included, and their bytes.
    pub waiting: (u64, u64),
    /// The line of the first of them.
    pub oldest: Option<Vec<u8>>,
    /// The last event of the batch on its way.
    pub batch_last: Option<u64>,
    /// How many events of those that wait are in it.
    pub in_batch: u64,
    /// Until when it is paused, in microseconds since 1970.
    pub paused: Option<u64>,
}

/// An open database that is read.
#[derive(Debug)]
pub struct Look {
    connection: Connection,
    path: PathBuf,
}

impl Look {
    /// Opens a state directory's database. The error says whose right is missing.
    pub fn open(state_directory: &Path) -> Result<Look> {
        let path = state_directory.join(DATABASE);
        let cannot = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Error::failed(format_args!(
                "there is no linkhook state in {}: {DATABASE} is not there; name the state directory with --state-dir, or \
                 the configuration that says it with --config",
                state_directory.display()
            )),
            ErrorKind::PermissionDenied => Error::failed(format_args!(
                "cannot read {}: permission denied; {} is its owner's alone: run this as {}",
                path.display(),
                state_directory.display(),
                owner(state_directory)
            )),
            _ => Error::system(format_args!("cannot read {}", path.display()), &error),
        };
        // Not opened: closing it would drop all locks that this process has on it (fcntl(2)), the writer's among them.
        rustix::fs::access(&path, rustix::fs::Access::READ_OK).map_err(|error| cannot(error.into()))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |failure: SqlError| Error::failed(format_args!("cannot read {}: {failure}", path.display()));
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let look = Look { connection, path: path.clone() };
        match look.connection.query_row("SELECT count(*) FROM pragma_table_info('webhook')", [], |row| row.get(0)) {
            Ok(0) => Err(Error::failed(format_args!("{} is no database of linkhook's", path.display()))),
            Ok(_) => look.with_log().map(|()| look).map_err(failed),
            Err(failure) => Err(look.failed(&failure)),
        }
    }

    /// An earlier version's database has no log before its linkhook is started anew: an empty one stands in for it.
    fn with_log(&self) -> std::result::Result<(), SqlError> {
        let has_log = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('share'))";
        if self.connection.query_row(has_log, [], |row| row.get(0))? {
            return Ok(());
        }
        self.connection.execute_batch(&event_log::SCHEMA.replace("CREATE TABLE", "CREATE TEMP TABLE"))
    }

    /// The log as history. The error says that there is none.
    pub fn history(&self) -> Result<History<'_>> {
        let has_runs = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('run'))";
        match self.connection.query_row(has_runs, [], |row| row.get(0)) {
            Ok(true) => Ok(History { look: self }),
            Ok(false) => Err(Error::failed(format_args!(
                "{} is of an earlier linkhook, which keeps no history: restart the service with this one",
                self.path.display()
            ))),
            Err(failure) => Err(self.failed(&failure)),
        }
    }

    fn failed(&self, failure: &SqlError) -> Error {
        Error::failed(format_args!("cannot read {}: {failure}", self.path.display()))
    }

    /// Every webhook that it knows, by name.
    pub fn webhooks(&self) -> Result<Vec<Seen>> {
        self.try_webhooks().map_err(|failure| self.failed(&failure))
    }

    fn try_webhooks(&self) -> std::result::Result<Vec<Seen>, SqlError> {
        // All of it of one moment.
        let moment = self.connection.unchecked_transaction()?;
        let has_paused = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('webhook') WHERE name = 'paused')";
        // An earlier version's database has no such column before its linkhook is started anew.
        let paused = if moment.query_row(has_paused, [], |row| row.get(0))? { "paused" } else { "NULL" };
        let mut statement = moment.prepare(&format!("SELECT id, name, {paused} FROM webhook ORDER BY name"))?;
        let rows = statement.query_map([], |row| {
            Ok(Seen { webhook: row.get(0)?, name: row.get(1)?, paused: row.get(2)?, ..Seen::default() })
        })?;
        let mut found: Vec<Seen> = rows.collect::<std::result::Result<_, _>>()?;
        for seen in &mut found {
            seen.waiting = event_log::waiting(&moment, seen.webhook, 0)?;
            let (first, _) = event_log::read(&moment, seen.webhook, (0, u64::MAX), (1, usize::MAX))?;
            seen.oldest = first.into_iter().next().map(|(_, line)| line);
            let last = "SELECT last FROM batch WHERE webhook = ?1";
            seen.batch_last = moment.query_row(last, [seen.webhook], |row| row.get(0)).optional()?;
            if let Some(last) = seen.batch_last {
                seen.in_batch = event_log::wanted(&moment, seen.webhook, (0, last), usize::MAX)?.len() as u64;
            }
        }
        Ok(found)
    }

    /// The events after one for which a webhook waits, in order; so many at most.
    pub fn events(&self, webhook: i64, after: u64, most: usize) -> Result<Vec<StoredEvent>> {
        let read = event_log::read(&self.connection, webhook, (after, u64::MAX), (most, usize::MAX));
        read.map(|(events, _)| events).map_err(|failure| self.failed(&failure))
    }

    /// The numbers of the first events for which a webhook waits, so many at most: first and last, and how many they are.
    pub fn first_events(&self, webhook: i64, most: u64) -> Result<Option<(u64, u64, u64)>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let found = event_log::wanted(&self.connection, webhook, (0, u64::MAX), most)
            .map_err(|failure| self.failed(&failure))?;
        let ends = found.first().zip(found.last());
        Ok(ends.map(|((first, _), (last, _))| (*first, *last, found.len() as u64)))
    }
}

/// A run of linkhook that kept a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// What it was.
    pub run: Run,
    /// When it ended, in microseconds since 1970; `None` while it runs.
    pub ended: Option<i64>,
}

impl PastRun {
    /// The namespaces that it watched at first, as [`Run`] has them; linkhook's own is empty.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        let names = self.run.namespaces.split('/').filter(|name| !name.is_empty());
        names.map(|name| if name == "." { "" } else { name })
    }

    /// Whether it watched that one at first; `None` where it is not known.
    pub fn has(&self, netns: &str) -> Option<bool> {
        (!self.run.namespaces.is_empty()).then(|| self.namespaces().any(|name| name == netns))
    }
}

/// The log of an open database, as history.
#[derive(Debug)]
pub struct History<'l> {
    look: &'l Look,
}

impl History<'_> {
    fn told<R>(&self, result: std::result::Result<R, SqlError>) -> Result<R> {
        result.map_err(|failure| self.look.failed(&failure))
    }

    /// The events of a span with greater numbers than that, from the earliest on or from the latest on.
    pub fn chunks(&self, span: Span, after: u64, is_reverse: bool) -> Result<Chunks> {
        self.told(Chunks::new(&self.look.connection, span, after, is_reverse))
    }

    /// The next of them.
    pub fn next(&self, chunks: &mut Chunks) -> Result<Option<Read>> {
        self.told(chunks.next(&self.look.connection))
    }

    /// Those that have come since.
    pub fn find(&self, chunks: &mut Chunks) -> Result<()> {
        self.told(chunks.find(&self.look.connection))
    }

    /// From when on everything is kept that was told, in microseconds since 1970; `None` where nothing is.
    pub fn beginning(&self) -> Result<Option<i64>> {
        let connection = &self.look.connection;
        let first = self.told(history::beginning(connection))?;
        let complete = self.told(history::is_complete_from(connection))?;
        // It may have run for long before something happened.
        let began = self.runs()?.first().map(|run| run.run.began);
        let first = first.into_iter().chain(began).min();
        Ok(first.map(|first| first.max(complete.unwrap_or(first))))
    }

    /// The number of the first line that is kept.
    pub fn first(&self) -> Result<Option<u64>> {
        let statement = "SELECT min(first) FROM chunk";
        self.told(self.look.connection.query_row(statement, [], |row| row.get(0)))
    }

    /// The number of the last line that is kept.
    pub fn last(&self) -> Result<Option<u64>> {
        self.told(self.look.connection.query_row("SELECT max(last) FROM chunk", [], |row| row.get(0)))
    }

    /// The runs that are known, in their order.
    pub fn runs(&self) -> Result<Vec<PastRun>> {
        self.told(self.try_runs())
    }

    fn try_runs(&self) -> std::result::Result<Vec<PastRun>, SqlError> {
        let connection = &self.look.connection;
        let has_namespaces = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('run') WHERE name = 'namespaces')";
        // An earlier version's database has no such column before its linkhook is started anew.
        let namespaces = if connection.query_row(has_namespaces, [], |row| row.get(0))? { "namespaces" } else { "''" };
        let statement =
            format!("SELECT began, ended, after, kinds, narrowed, {namespaces} FROM run ORDER BY after, began");
        let mut statement = connection.prepare(&statement)?;
        let rows = statement.query_map([], |row| {
            let run = Run {
                began: row.get(0)?,
                after: row.get(2)?,
                kinds: row.get(3)?,
                narrowed: row.get(4)?,
                namespaces: row.get(5)?,
            };
            Ok(PastRun { run, ended: row.get(1)? })
        })?;
        rows.collect()
    }

    /// The number of the last line that was told by that time, in microseconds since 1970, or of the one before the first that is kept. Where
    /// the clock went back, it is that of the later time at which it was so late.
    pub fn line_at(&self, time: i64) -> Result<u64> {
        self.told(history::line_at(&self.look.connection, time))
    }

    /// The line of that number, where it is kept.
    pub fn line(&self, sequence: u64) -> Result<Option<Vec<u8>>> {
        let Some(Read::Events(entries, lines)) = self.next(&mut Chunks::of(sequence))? else { return Ok(None) };
        Ok(entries.iter().find(|entry| entry.sequence == sequence).map(|entry| entry.line(&lines).to_vec()))
    }

    /// What is known of the kernel now, of kinds that are wanted.
    pub fn known(&self, wanted: &Kinds) -> Result<Known> {
        // All of it of one moment.
        self.told(self.look.connection.unchecked_transaction().and_then(|moment| now(&moment, wanted)))
    }

    /// The same of the first moment behind a line of which it is known: that of a snapshot, or else now.
    pub fn known_after(&self, line: u64, wanted: &Kinds) -> Result<Known> {
        let found = self.look.connection.unchecked_transaction().and_then(|moment| {
            let has_snapshots = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('snapshot'))";
            let snapshot = match moment.query_row(has_snapshots, [], |row| row.get(0))? {
                true => {
                    let places = covered(&moment, wanted)?;
                    let runs = self.try_runs()?;
                    snapshot::after(&moment, line, wanted, |known| is_whole(known, &runs, &places))?
                }
                // An earlier version's database has none before its linkhook is started anew.
                false => None,
            };
            snapshot.map_or_else(|| now(&moment, wanted), Ok)
        });
        self.told(found)
    }

    /// The time before which something is forgotten or could not be kept, where there is one.
    pub fn complete_from(&self) -> Result<Option<i64>> {
        self.told(history::is_complete_from(&self.look.connection))
    }

    /// A number that is another one once somebody has written.
    pub fn version(&self) -> Result<i64> {
        self.told(self.look.connection.pragma_query_value(None, "data_version", |row| row.get(0)))
    }
}

/// Namespaces and kinds of which all objects are known, of kinds that are wanted.
fn covered(moment: &Connection, wanted: &Kinds) -> std::result::Result<Vec<(String, String)>, SqlError> {
    let mut statement = moment.prepare("SELECT netns, kind FROM covered")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let wanted = |place: &std::result::Result<(String, String), SqlError>| {
        place.as_ref().map_or(true, |(_, kind)| wanted.contains(kind.as_str()))
    };
    rows.filter(wanted).collect()
}

/// Whether a snapshot has all that its run watches. One that was taken before all of it was known serves for nothing; `covered` is what
/// is known now.
fn is_whole(known: &Known, runs: &[PastRun], covered: &[(String, String)]) -> bool {
    let Some(run) = runs.iter().rfind(|run| run.run.after <= known.last) else { return true };
    let has = |netns: &str| known.objects.keys().any(|(of, _)| of == netns);
    let watches = |netns: &str, kind: &str| {
        (has(netns) || netns.is_empty() && run.has("") != Some(false)) && run.run.kinds.split(',').any(|of| of == kind)
    };
    covered.iter().all(|place| known.objects.contains_key(place) || !watches(&place.0, &place.1))
}

/// What is known at this moment.
fn now(moment: &Connection, wanted: &Kinds) -> std::result::Result<Known, SqlError> {
    let last: Option<u64> = moment.query_row("SELECT max(last) FROM chunk", [], |row| row.get(0))?;
    let mut known = Known { last: last.unwrap_or_default(), is_now: true, ..Known::default() };
    mirror_changes::each_known(moment, |netns, kind, row| {
        known.note(wanted, (netns, kind), row);
        Ok(true)
    })?;
    Ok(known)
}

/// Whose a directory is, in words.
fn owner(directory: &Path) -> String {
    // The directory itself may be looked at where its parent may.
    match std::fs::metadata(directory) {
        Ok(metadata) if metadata.uid() != 0 => format!("that user (uid {}), or as root", metadata.uid()),
        _ => "root".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::database::{Database, Synchronous};
    use crate::store::directory::{Directory, FILES};

    #[test]
    fn it_is_read_whether_somebody_writes_or_not() {
        let state = tempfile::tempdir().unwrap();
        let missing = Look::open(&state.path().join("no")).unwrap_err().to_string();
        assert!(missing.contains("--state-dir"), "{missing}");
        let directory = Directory::open(state.path()).unwrap();
        let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
        let webhook = database.enroll("a").unwrap().webhook;
        for sequence in 1..=5 {
            database.insert_apart(webhook, sequence, format!("{{\"seq\":{sequence}}}").as_bytes()).unwrap();
        }
        let look = Look::open(state.path()).unwrap();
        // While a transaction is open, too.
        database.begin().unwrap();
        database.insert_apart(webhook, 6, b"{\"seq\":6}").unwrap();
        let seen = look.webhooks().unwrap();
        assert_eq!((seen.len(), seen[0].waiting, seen[0].oldest.as_deref()), (1, (5, 45), Some(&b"{\"seq\":1}"[..])));
        assert_eq!(look.first_events(webhook, 3).unwrap(), Some((1, 3, 3)));
        assert_eq!(look.first_events(webhook, u64::MAX).unwrap(), Some((1, 5, 5)));
        assert_eq!(look.first_events(webhook + 1, 3).unwrap(), None);
        let events = look.events(webhook, 3, 10).unwrap();
        assert_eq!(events.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [4, 5]);
        database.roll_back();
        drop((look, database, directory));
        // Nobody has it open, and the log is gone.
        FILES[1..].iter().for_each(|name| drop(std::fs::remove_file(state.path().join(name))));
        assert_eq!(Look::open(state.path()).unwrap().webhooks().unwrap()[0].waiting, (5, 45));
    }
}
