//! How the mirror changes: what each commit changed is written as one row, and from time to time the objects themselves, each once
//! and in their order.
//!
//! An object's row is in a b-tree, where each lands on a page of its own. So it is written seldom: what has changed since is in
//! memory, and in the database as the changes of each commit (the table `change`), which the next start takes in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::database::{Database, SqlError};
use super::event_log::chunk::Damaged;
use super::{Append, Covered, mirror_dump};
use crate::fault;

/// Objects that have changed are written so often at most.
const FLUSH_PAUSE: Duration = Duration::from_secs(1);
/// Sooner where they have so many bytes.
const DIRTY_BYTES_MAX: usize = 4 << 20;
/// Where a commit changes more than so many bytes, as at the start, it writes the objects themselves.
const CHANGES_BYTES_MAX: usize = 512 << 10;
/// Bytes of changes that wait at most while nothing can be written. Where it is more, all of the mirror is written once it can be.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// What each namespace that is forgotten takes, and each one of which kinds are covered, in bytes.
const OTHER_BYTES: usize = 128;

/// So many identities or more of a kind that is not covered become one row.
const DUMP_IDENTITIES_MIN: usize = if cfg!(test) { 3 } else { 256 };

/// A key, and what it has now.
type KeyAndObjects<'c> = (&'c [u8], Option<&'c [u8]>);

/// Changes of the mirror, in the order in which they came: what an identity has now, as a row of `change` has it.
#[derive(Debug, Default)]
pub struct Changes(Vec<u8>);

impl Changes {
    /// An identity of a namespace and kind has these objects now, which may be none.
    pub fn push<'o>(&mut self, (netns, kind): (&str, &str), key: &[u8], objects: impl Iterator<Item = &'o [u8]>) {
        [netns.as_bytes(), kind.as_bytes(), key].iter().for_each(|field| push(&mut self.0, field));
        let at = self.0.len();
        push(&mut self.0, &[]);
        objects.for_each(|object| push(&mut self.0, object));
        let bytes = (self.0.len() - at - LENGTH_BYTES) as u32;
        self.0[at..][..LENGTH_BYTES].copy_from_slice(&bytes.to_le_bytes());
    }

    /// As a row of `change` has them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How the mirror changed since its objects were written last.
pub(super) struct MirrorChanges {
    /// In order, as [`Changes`] has them.
    changes: Vec<u8>,
    /// So many bytes of these are in the database, as changes.
    noted: usize,
    forgotten: Vec<Arc<str>>,
    covered: Vec<Covered>,
    /// When the objects were written last.
    flushed: Instant,
    /// The transaction that is open writes the objects.
    flushes: bool,
    /// What is in a dump of each kind that is not covered: a hash of its key. Another key that had the same one would get a row.
    dumped: HashMap<(String, String), HashSet<u32>>,
    hasher: foldhash::fast::RandomState,
    /// There were too many: what the database has of the mirror is of no use.
    pub is_lost: bool,
}

impl Default for MirrorChanges {
    fn default() -> MirrorChanges {
        MirrorChanges {
            changes: Vec::new(),
            noted: 0,
            forgotten: Vec::new(),
            covered: Vec::new(),
            flushed: Instant::now(),
            flushes: false,
            dumped: HashMap::new(),
            hasher: foldhash::fast::RandomState::default(),
            is_lost: false,
        }
    }
}

impl MirrorChanges {
    pub fn take(&mut self, append: &mut Append) {
        let changes = std::mem::take(&mut append.changes).0;
        if self.is_lost {
            append.forgotten.clear();
            append.covered.clear();
            return;
        }
        for netns in append.forgotten.drain(..) {
            self.changes = without(&self.changes, &netns);
            self.noted = 0;
            self.covered.retain(|of| of.netns != netns);
            self.dumped.retain(|(of, _), _| **of != *netns);
            self.forgotten.push(netns);
        }
        if self.changes.is_empty() {
            self.changes = changes;
        } else {
            self.changes.extend_from_slice(&changes);
        }
        self.covered.append(&mut append.covered);
    }

    /// They could not be written: too many of them do not wait until they can be.
    pub fn bound(&mut self) {
        let others = self.forgotten.len() + self.covered.len();
        if self.changes.len() + others * OTHER_BYTES > WAITING_BYTES_MAX {
            self.clear();
            self.is_lost = true;
        }
    }

    /// Writes what is to be written in the transaction that is open.
    pub fn write(&mut self, database: &Database) -> Result<(), SqlError> {
        // What is forgotten or covered is said of the objects in their table.
        let changes_more = self.is_lost || !self.forgotten.is_empty() || !self.covered.is_empty();
        let fresh = &self.changes[self.noted..];
        let is_due = !self.changes.is_empty() && self.flushed.elapsed() >= FLUSH_PAUSE;
        self.flushes =
            changes_more || is_due || self.changes.len() > DIRTY_BYTES_MAX || fresh.len() > CHANGES_BYTES_MAX;
        if !self.flushes {
            return if fresh.is_empty() { Ok(()) } else { database.insert_changes(fresh) };
        }
        if self.is_lost {
            database.forget_all()?;
        }
        for netns in &self.forgotten {
            database.forget(netns)?;
        }
        let mut latest = HashMap::with_hasher(self.hasher.clone());
        each_of(&self.changes, |netns, kind, key, objects| {
            latest.insert((netns, kind, key), objects);
            Ok(())
        })?;
        let mut changed: BTreeMap<_, Vec<KeyAndObjects<'_>>> = BTreeMap::new();
        for ((netns, kind, key), objects) in latest {
            changed.entry((netns, kind)).or_default().push((key, objects));
        }
        for ((netns, kind), changed) in &mut changed {
            if changed.len() >= DUMP_IDENTITIES_MIN && !database.is_covered(netns, kind)? {
                let dumped = self.dumped.entry(((*netns).into(), (*kind).into())).or_default();
                let new: Vec<_> = changed
                    .extract_if(.., |(key, objects)| {
                        objects.is_some() && dumped.insert(self.hasher.hash_one(key) as u32)
                    })
                    .filter_map(|(key, objects)| Some((key, objects?)))
                    .collect();
                database.insert_dump(netns, kind, &new)?;
            }
        }
        // Before the objects: it removes those of kinds that are not covered any more.
        for covered in &self.covered {
            database.cover(covered)?;
        }
        for ((netns, kind), mut changed) in changed {
            changed.sort_unstable_by_key(|(key, _)| *key);
            for (key, objects) in changed {
                database.set_objects(netns, kind, key, objects)?;
            }
        }
        fault::point("between objects and changes");
        database.clear_changes()
    }

    /// What was written is committed.
    pub fn committed(&mut self) {
        if std::mem::take(&mut self.flushes) {
            for Covered { netns, kinds, .. } in &self.covered {
                self.dumped.retain(|(of, kind), _| **of != **netns || !kinds.contains(&&**kind));
            }
            self.clear();
        }
        self.noted = self.changes.len();
    }

    fn clear(&mut self) {
        self.changes.clear();
        self.changes.shrink_to(CHANGES_BYTES_MAX);
        self.noted = 0;
        self.forgotten.clear();
        self.covered.clear();
        self.flushed = Instant::now();
    }
}

/// Writes the objects whose changes alone are in the database, as at the start after an end by whatever.
pub(super) fn take_in_changes(database: &Database) -> Result<(), SqlError> {
    database.check_dumps()?;
    let changes = database.changes()?;
    if changes.is_empty() {
        return Ok(());
    }
    database.begin()?;
    for row in &changes {
        each_of(row, |netns, kind, key, objects| database.set_objects(netns, kind, key, objects))?;
    }
    database.clear_changes()?;
    database.commit()
}

/// Gives what is known at this moment to `each`, until it says that it has enough: namespace, kind, and the objects of an identity as a row has
/// them; each kind all of whose objects are known comes once without any. Gives back whether that was all.
pub(super) fn each_known(
    connection: &Connection,
    mut each: impl FnMut(&str, &str, &[u8]) -> Result<bool, SqlError>,
) -> Result<bool, SqlError> {
    // What has changed since the objects were written last.
    let mut changed: BTreeMap<(String, String), BTreeMap<Vec<u8>, Vec<u8>>> = BTreeMap::new();
    for row in changes(connection)? {
        each_of(&row, |netns, kind, key, objects| {
            let of_kind = changed.entry((netns.to_owned(), kind.to_owned())).or_default();
            of_kind.insert(key.to_vec(), objects.unwrap_or_default().to_vec());
            Ok(())
        })?;
    }
    let mut covered = connection.prepare_cached("SELECT netns, kind FROM covered")?;
    let mut rows = covered.query([])?;
    while let Some(row) = rows.next()? {
        let place: (String, String) = (row.get(0)?, row.get(1)?);
        let mut changed = changed.remove(&place).unwrap_or_default();
        let (netns, kind) = (place.0.as_str(), place.1.as_str());
        let is_whole = each(netns, kind, &[])?
            && mirror_dump::each(connection, (netns, kind), &mut |key, objects| {
                let now = if changed.is_empty() { None } else { changed.remove(key) };
                each(netns, kind, now.as_deref().unwrap_or(objects))
            })?;
        if !is_whole {
            return Ok(false);
        }
        for objects in changed.values() {
            if !each(netns, kind, objects)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The changes of each commit, in order, as their rows have them.
pub(super) fn changes(connection: &Connection) -> Result<Vec<Vec<u8>>, SqlError> {
    let mut statement = connection.prepare("SELECT objects, checksum FROM change ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok(mirror_dump::unpacked(row.get_ref(0)?.as_blob()?, row.get(1)?)?))?;
    rows.collect()
}

/// Gives each change of a row to `each`: namespace, kind, key, and the objects, where there are any.
pub(super) fn each_of<'r>(
    row: &'r [u8],
    mut each: impl FnMut(&'r str, &'r str, &'r [u8], Option<&'r [u8]>) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let mut rest = row;
    while !rest.is_empty() {
        let [netns, kind, key, objects] = take_change(&mut rest).ok_or(Damaged("the mirror's changes break off"))?;
        let text = |octets| std::str::from_utf8(octets).map_err(|_| Damaged("the mirror's changes are no text"));
        each(text(netns)?, text(kind)?, key, (!objects.is_empty()).then_some(objects))?;
    }
    Ok(())
}

/// Changes without those of a namespace.
fn without(changes: &[u8], netns: &str) -> Vec<u8> {
    let mut left = Vec::new();
    let mut rest = changes;
    while let Some(fields) = take_change(&mut rest) {
        if fields[0] != netns.as_bytes() {
            fields.iter().for_each(|field| push(&mut left, field));
        }
    }
    left
}

/// Takes the first change away: namespace, kind, key and objects.
fn take_change<'r>(rest: &mut &'r [u8]) -> Option<[&'r [u8]; 4]> {
    Some([take(rest)?, take(rest)?, take(rest)?, take(rest)?])
}

/// How many bytes say a field's length.
const LENGTH_BYTES: usize = 4;

/// Adds a field: its length, and its bytes.
pub(super) fn push(row: &mut Vec<u8>, field: &[u8]) {
    row.extend_from_slice(&(field.len() as u32).to_le_bytes());
    row.extend_from_slice(field);
}

/// Takes the first field away.
pub(super) fn take<'r>(rest: &mut &'r [u8]) -> Option<&'r [u8]> {
    let (length, behind) = rest.split_first_chunk()?;
    let (field, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = behind;
    Some(field)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::store::directory::Directory;
    use crate::store::reader::{Whereabouts, objects_of};
    use crate::store::{Commits, Store, StoreReader, Synchronous};

    const PATIENCE: Duration = Duration::from_secs(20);

    /// What may happen.
    #[derive(Clone, Debug)]
    enum Step {
        /// Objects of these identities change, those without octets go, and it is committed, or it cannot be.
        Change(Vec<(u8, u8, u8)>, bool),
        /// A namespace is forgotten.
        Forget(u8),
        /// All objects of a namespace are known.
        Cover(u8),
        /// It is long ago that the objects were written.
        Wait,
        /// It ends, and begins again.
        Die,
    }

    fn step() -> impl Strategy<Value = Step> {
        let change = (0..2_u8, 0..40_u8, 0..4_u8);
        prop_oneof![
            6 => (prop::collection::vec(change, 1..20), prop::bool::weighted(0.8))
                .prop_map(|(changes, can_be)| Step::Change(changes, can_be)),
            1 => (0..2_u8).prop_map(Step::Forget),
            1 => (0..2_u8).prop_map(Step::Cover),
            1 => Just(Step::Wait),
            2 => Just(Step::Die),
        ]
    }

    type Known = BTreeMap<(String, Vec<u8>), Vec<u8>>;

    fn name(netns: u8) -> Arc<str> {
        format!("n{netns}").into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_ends_it_all_that_was_committed_is_known(steps in prop::collection::vec(step(), 1..25)) {
            let state = tempfile::tempdir().unwrap();
            let directory = Directory::open(state.path()).unwrap();
            let open = || {
                let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
                database.order_mirror().unwrap();
                database
            };
            let (mut database, mut mirror) = (open(), MirrorChanges::default());
            // What is committed, and what is so.
            let (mut known, mut now) = (Known::new(), Known::new());
            let (mut covered, mut covered_now) = (BTreeSet::new(), BTreeSet::new());
            let of_covered = |known: &Known, covered: &BTreeSet<String>| {
                let objects = known.iter().filter(|((netns, _), _)| covered.contains(netns));
                objects.map(|(_, objects)| objects.clone()).collect::<Vec<_>>()
            };
            for step in steps.into_iter().chain([Step::Die]) {
                let mut append = Append::default();
                let mut can_be = true;
                match step {
                    Step::Change(changes, can) => {
                        can_be = can;
                        for (netns, key, length) in changes {
                            let objects = vec![key; length.into()];
                            let place = (name(netns).to_string(), vec![key]);
                            if objects.is_empty() { now.remove(&place) } else { now.insert(place, objects.clone()) };
                            let objects = Some(&*objects).filter(|objects| !objects.is_empty());
                            append.changes.push((&name(netns), "link"), &[key], objects.into_iter());
                        }
                    }
                    Step::Forget(netns) => {
                        append.forgotten.push(name(netns));
                        now.retain(|(of, _), _| *of != *name(netns));
                        covered_now.remove(&*name(netns));
                    }
                    Step::Cover(netns) => {
                        append.covered.push(Covered { netns: name(netns), kinds: vec!["link"], others: Vec::new() });
                        covered_now.insert(name(netns).to_string());
                    }
                    Step::Wait => mirror.flushed = mirror.flushed.checked_sub(FLUSH_PAUSE).unwrap(),
                    Step::Die => {
                        drop(database);
                        known.retain(|(netns, _), _| covered.contains(netns));
                        (database, mirror) = (open(), MirrorChanges::default());
                        (now, covered_now) = (known.clone(), covered.clone());
                        let mut reader = StoreReader::new(Whereabouts::new(directory.database()));
                        let mut found = Vec::new();
                        for netns in 0..2 {
                            reader.known(&name(netns), |_, object| found.push(object.to_vec())).unwrap();
                        }
                        found.sort();
                        let mut expected = of_covered(&known, &covered);
                        expected.sort();
                        prop_assert_eq!(found, expected);
                        continue;
                    }
                }
                mirror.take(&mut append);
                database.begin().unwrap();
                mirror.write(&database).unwrap();
                if can_be {
                    database.commit().unwrap();
                    mirror.committed();
                    (known, covered) = (now.clone(), covered_now.clone());
                    let mut found = Vec::new();
                    let connection = Connection::open(directory.database()).unwrap();
                    let is_whole = each_known(&connection, |_, _, row| {
                        found.extend(objects_of(row).map(<[u8]>::to_vec));
                        Ok(true)
                    });
                    prop_assert!(is_whole.unwrap());
                    found.sort();
                    let mut expected = of_covered(&known, &covered);
                    expected.sort();
                    prop_assert_eq!(found, expected);
                } else {
                    database.roll_back();
                }
            }
        }
    }

    #[test]
    fn changes_of_the_mirror_that_cannot_be_written_have_a_bound() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let store = Store::open(&state, Synchronous::Normal, || {}).unwrap();
        let sql = |script: &str| {
            rusqlite::Connection::open(state.join("linkhook.db")).unwrap().execute_batch(script).unwrap();
        };
        let count = |table: &str| {
            let connection = rusqlite::Connection::open(state.join("linkhook.db")).unwrap();
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let append_all = |keys: std::ops::Range<u8>, octets: usize, covered: &[Covered]| {
            let mut append = Append { covered: covered.to_vec(), ..Append::default() };
            let object = vec![0; octets];
            keys.for_each(|key| append.changes.push(("", "link"), &[key], [&*object].into_iter()));
            store.append(append);
            store.settle(PATIENCE);
        };
        let append = |key: u8, octets: usize, covered: &[Covered]| append_all(key..key + 1, octets, covered);
        let covered = [Covered { kinds: vec!["link"], ..Covered::default() }];
        // Whatever the size is, where it can be written.
        append(0, WAITING_BYTES_MAX + 1, &covered);
        assert_eq!((count("mirror"), count("covered"), store.wants_mirror()), (1, 1, false));
        // A few of them wait until they can be.
        sql("CREATE TRIGGER no BEFORE INSERT ON mirror BEGIN SELECT RAISE(ABORT, 'no'); END");
        append(1, 1, &covered);
        sql("DROP TRIGGER no");
        assert!(store.handle().reach(&mut || true));
        assert_eq!((count("mirror"), count("covered"), store.wants_mirror()), (2, 1, false));
        // More do not: then nothing is known before all is told again.
        sql("CREATE TRIGGER no BEFORE INSERT ON mirror BEGIN SELECT RAISE(ABORT, 'no'); END");
        append_all(0..20, 1 << 20, &[]);
        sql("DROP TRIGGER no");
        assert!(store.handle().reach(&mut || true));
        assert_eq!((count("mirror"), count("covered")), (0, 0));
        let began = std::time::Instant::now();
        while !store.wants_mirror() {
            assert!(began.elapsed() < PATIENCE);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        append(0, 1, &covered);
        assert_eq!((count("mirror"), count("covered"), store.wants_mirror()), (1, 1, false));
    }

    #[test]
    fn what_comes_within_the_pause_is_one_commit() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let pause = Duration::from_millis(800);
        let store =
            Store::open(&state, Commits { synchronous: Synchronous::Normal, pause, history: None }, || {}).unwrap();
        let append = |key: u8| {
            let mut append = Append { lines: vec![key], ..Append::default() };
            append.changes.push(("", "link"), &[key], [&[key][..]].into_iter());
            store.append(append);
        };
        append(0);
        assert_eq!(store.settle(PATIENCE), [0]);
        (1..=20).for_each(append);
        assert_eq!(store.settle(PATIENCE), (1..=20).collect::<Vec<u8>>());
        let connection = rusqlite::Connection::open(state.join("linkhook.db")).unwrap();
        let commits: i64 = connection.query_row("SELECT count(*) FROM change", [], |row| row.get(0)).unwrap();
        assert_eq!(commits, 2);
    }
}
