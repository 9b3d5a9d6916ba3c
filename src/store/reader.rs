//! Those who read the database beside the one who writes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::database::{BUSY_TIMEOUT, SqlError};
use super::{event_log, mirror_dump};

/// An event that waits: its number and its line.
pub type StoredEvent = (u64, Vec<u8>);

/// Where the database is, for those who read it: they follow it when another takes its place.
#[derive(Clone, Debug)]
pub struct Whereabouts(Arc<Mutex<(u64, PathBuf)>>);

impl Whereabouts {
    /// Of a database by its path.
    pub fn new(path: PathBuf) -> Whereabouts {
        Whereabouts(Arc::new(Mutex::new((0, path))))
    }

    /// From here on another one is meant, wherever it is.
    pub fn set(&self, path: PathBuf) {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *place = (place.0 + 1, path);
    }

    fn get(&self) -> (u64, PathBuf) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads what waits for a webhook, beside the one who writes.
#[derive(Debug)]
pub struct StoreReader {
    whereabouts: Whereabouts,
    /// With the number of the database that it reads.
    connection: Option<(u64, Connection)>,
}

impl StoreReader {
    /// A reader of the database that is there, which is opened when it is needed.
    pub fn new(whereabouts: Whereabouts) -> StoreReader {
        StoreReader { whereabouts, connection: None }
    }

    /// The events after one and up to another for which a webhook waits, in order: so many at most, and so many bytes;
    /// one where there is any. `true` with them when there may be more.
    pub fn read(
        &mut self,
        webhook: i64,
        (after, last): (u64, u64),
        (events_max, bytes_max): (usize, usize),
    ) -> std::result::Result<(Vec<StoredEvent>, bool), SqlError> {
        let bounds = (events_max, bytes_max);
        let result =
            self.connection().and_then(|connection| event_log::read(connection, webhook, (after, last), bounds));
        if result.is_err() {
            // Another database may have taken its place.
            self.close();
        }
        result
    }

    /// The next reading opens the database anew.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// Where the database is that it reads.
    pub(super) fn whereabouts(&self) -> &Whereabouts {
        &self.whereabouts
    }

    pub(super) fn connection(&mut self) -> std::result::Result<&Connection, SqlError> {
        let (number, path) = self.whereabouts.get();
        if self.connection.as_ref().is_none_or(|(of, _)| *of != number) {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags | OpenFlags::SQLITE_OPEN_NOFOLLOW)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            self.connection = Some((number, connection));
        }
        self.connection.as_ref().map(|(_, connection)| connection).ok_or(SqlError::InvalidQuery)
    }

    /// What is known of a namespace: gives each object to `each`, with the name of its kind, and gives back the kinds.
    pub fn known(
        &mut self,
        netns: &str,
        mut each: impl FnMut(&str, &[u8]),
    ) -> std::result::Result<Vec<String>, SqlError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare("SELECT kind FROM covered WHERE netns = ?1")?;
        let kinds = statement.query_map([netns], |row| row.get(0))?.collect::<std::result::Result<Vec<String>, _>>()?;
        for kind in &kinds {
            mirror_dump::each(connection, (netns, kind), &mut |_, objects| {
                objects_of(objects).for_each(|object| each(kind, object));
                Ok(true)
            })?;
        }
        Ok(kinds)
    }
}

/// The objects of one identity, as a row has them.
pub(super) fn objects_of(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = row;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first_chunk()?;
        let (object, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        rest = behind;
        Some(object)
    })
}
