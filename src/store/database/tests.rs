use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::super::look::Look;
use super::super::reader::{StoreReader, Whereabouts};
use super::*;
use crate::store::{Covered, Run};

fn open(path: &Path) -> (Directory, Database, bool) {
    let directory = Directory::open(path).unwrap();
    let (database, anew) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
    (directory, database, anew)
}

fn aside(path: &Path) -> usize {
    let entries = fs::read_dir(path).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("set-aside") && !name.ends_with("-wal") && !name.ends_with("-shm")).count()
}

#[test]
fn who_holds_a_database_is_waited_for_at_the_start() {
    let state = tempfile::tempdir().unwrap();
    let (directory, database, _) = open(state.path());
    drop(database);
    let holder = Connection::open(state.path().join(DATABASE)).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let refused = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap_err();
    assert!(refused.to_string().contains("locked"), "{refused}");
    let release = std::thread::spawn(move || {
        std::thread::sleep(BUSY_TIMEOUT * 2);
        holder.execute_batch("ROLLBACK").unwrap();
    });
    let (_, anew) = Database::open(&directory, Synchronous::Normal, HELD_AT_START_MAX).unwrap();
    assert!(!anew);
    release.join().unwrap();
    assert_eq!(aside(state.path()), 0);
}

#[test]
fn a_newer_versions_database_is_set_aside_and_not_deleted() {
    let state = tempfile::tempdir().unwrap();
    for (pragma, value) in [("user_version", VERSION + 1), ("application_id", 7)] {
        let (directory, database, _) = open(state.path());
        database.connection.pragma_update(None, pragma, value).unwrap();
        drop((database, directory));
        let (_directory, database, anew) = open(state.path());
        assert!(anew);
        assert_eq!(database.webhooks().unwrap(), Vec::<String>::new());
    }
    assert_eq!(aside(state.path()), 2);
}

/// The first version's tables.
const FIRST: &str = "
    PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE webhook (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, batches INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE event (seq INTEGER PRIMARY KEY, line TEXT NOT NULL);
    CREATE TABLE wanted (webhook INTEGER NOT NULL, seq INTEGER NOT NULL, octets INTEGER NOT NULL,
        PRIMARY KEY (webhook, seq)) WITHOUT ROWID;
    CREATE TABLE batch (webhook INTEGER PRIMARY KEY, id TEXT NOT NULL, number INTEGER NOT NULL, last INTEGER NOT NULL,
        body BLOB NOT NULL, made INTEGER NOT NULL);
    CREATE TABLE loss (webhook INTEGER NOT NULL, reason TEXT NOT NULL, events INTEGER NOT NULL,
        PRIMARY KEY (webhook, reason)) WITHOUT ROWID;
    CREATE TABLE mirror (netns TEXT NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, objects BLOB NOT NULL,
        PRIMARY KEY (netns, kind, key)) WITHOUT ROWID;
    CREATE TABLE covered (netns TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (netns, kind)) WITHOUT ROWID;
    PRAGMA application_id = 0x6c6e6b68; PRAGMA user_version = 1;
    INSERT INTO meta VALUES ('seq', 70);
    INSERT INTO webhook VALUES (5, 'a', 3);
    INSERT INTO event VALUES (7, '{}'), (8, '{}'), (9, '{}');
    INSERT INTO wanted VALUES (5, 7, 2), (5, 8, 2), (5, 9, 2);
    INSERT INTO batch VALUES (5, 'id', 3, 7, x'00', 1700000000000);
    INSERT INTO loss VALUES (5, 'why', 4);
    INSERT INTO mirror VALUES ('', 'link', x'01', x'0200000041');
    INSERT INTO covered VALUES ('', 'link');
";

fn write_first(path: &Path, more: &str) {
    std::fs::DirBuilder::new().recursive(true).create(path).unwrap();
    let connection = Connection::open(path.join(DATABASE)).unwrap();
    connection.execute_batch(FIRST).unwrap();
    connection.execute_batch(more).unwrap();
}

#[test]
fn the_first_versions_database_goes_on() {
    let state = tempfile::tempdir().unwrap();
    write_first(state.path(), "");
    let (directory, database, anew) = open(state.path());
    assert!(!anew && database.sequence().unwrap() == 70);
    let batch = Fixed { id: "id".into(), number: 3, last: 7, body: vec![0], keeps_body: true, tried_milliseconds: 0 };
    let expected = Enrolled {
        webhook: 5,
        batches: 3,
        batch: Some(Arc::new(batch)),
        waiting: (2, 4),
        losses: vec![("why".into(), 4)],
        paused: None,
    };
    assert_eq!(database.enroll("a").unwrap(), expected);
    assert_eq!(database.covered("").unwrap(), ["link"]);
    database.tried(5, 4321, None).unwrap();
    drop((database, directory));
    let (_directory, database, anew) = open(state.path());
    assert_eq!((anew, database.enroll("a").unwrap().batch.unwrap().tried_milliseconds), (false, 4321));
}

#[test]
fn the_second_versions_database_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let (directory, database, _) = open(state.path());
    let webhook = database.enroll("a").unwrap().webhook;
    database.insert_apart(webhook, 7, b"{}").unwrap();
    let older = "ALTER TABLE webhook DROP COLUMN paused; DROP TABLE chunk; DROP TABLE share; DROP TABLE change; DROP TABLE run; DROP TABLE snapshot; DROP TABLE snapshot_part; DROP TABLE dump; PRAGMA user_version = 2";
    database.connection.execute_batch(older).unwrap();
    drop((database, directory));
    let (_directory, database, anew) = open(state.path());
    let enrolled = database.enroll("a").unwrap();
    assert_eq!((anew, enrolled.webhook, enrolled.waiting, enrolled.paused), (false, webhook, (1, 2), None));
    database.set_paused(webhook, Some(5)).unwrap();
    assert_eq!(database.enroll("a").unwrap().paused, Some(5));
}

#[test]
fn the_fourth_versions_database_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let (directory, database, _) = open(state.path());
    let webhook = database.enroll("a").unwrap().webhook;
    let (mut chunk, mut share) = (Chunk::default(), Share::default());
    chunk.push(7, b"{}");
    share.add(0, 2);
    database.append(&chunk, 5_000, &[(webhook, &share)]).unwrap();
    let older = "DROP INDEX chunk_times; ALTER TABLE chunk DROP COLUMN began; ALTER TABLE chunk DROP COLUMN octets;
        ALTER TABLE chunk RENAME COLUMN ended TO time; DROP TABLE run; DROP TABLE snapshot; DROP TABLE snapshot_part; DROP TABLE dump; PRAGMA user_version = 4";
    database.connection.execute_batch(older).unwrap();
    drop((database, directory));
    let (_directory, database, anew) = open(state.path());
    assert_eq!((anew, database.enroll("a").unwrap().waiting), (false, (1, 2)));
    let row = "SELECT began, ended, octets FROM chunk";
    let row: (i64, i64, i64) =
        database.connection.query_row(row, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(row, (5_000, 5_000, 5));
    // More is stored, and all of it goes.
    let mut chunk = Chunk::default();
    chunk.push(8, b"{}");
    database.append(&chunk, 6_000, &[(webhook, &share)]).unwrap();
    assert_eq!(database.waiting(webhook, 0).unwrap(), (2, 4));
    database.delivered(webhook, 8).unwrap();
    let left: i64 = database.connection.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn the_fifth_versions_database_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let (directory, database, _) = open(state.path());
    let older = "DROP TABLE snapshot; DROP TABLE snapshot_part; DROP TABLE dump; ALTER TABLE run DROP COLUMN namespaces; \
                 INSERT INTO run VALUES (1, 0, NULL, 'link', ''); PRAGMA user_version = 5";
    database.connection.execute_batch(older).unwrap();
    let look = Look::open(state.path()).unwrap();
    // It can be looked at before it is renewed.
    assert!(look.history().unwrap().known_after(0, &HashSet::from(["link"])).unwrap().is_now);
    // Which namespaces it watched is not known.
    assert_eq!(look.history().unwrap().runs().unwrap()[0].has("blue"), None);
    drop((look, database, directory));
    let (_directory, database, anew) = open(state.path());
    let count = "SELECT count(*) FROM snapshot";
    let count: i64 = database.connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!((anew, count), (false, 0));
    let run = Run { began: 2, after: 3, kinds: "link".into(), narrowed: String::new(), namespaces: "./blue".into() };
    database.begin_run(&run).unwrap();
    let runs = Look::open(state.path()).unwrap().history().unwrap().runs().unwrap();
    let has = |run: usize, netns: &str| runs[run].has(netns);
    assert_eq!(
        (runs.len(), has(0, ""), has(1, ""), has(1, "blue"), has(1, "red")),
        (2, None, Some(true), Some(true), Some(false))
    );
}

#[test]
fn what_is_removed_by_hand_is_what_waits_in_the_range() {
    let state = tempfile::tempdir().unwrap();
    let (_directory, database, _) = open(state.path());
    let [a, b] = ["a", "b"].map(|name| database.enroll(name).unwrap().webhook);
    for sequence in 1..=6 {
        database.insert_apart(a, sequence, b"{}").unwrap();
    }
    database.insert_apart(b, 2, b"{}").unwrap();
    assert_eq!(database.remove(a, (2, 5), 3).unwrap(), [(2, 2), (3, 2), (4, 2)]);
    assert_eq!(database.remove(a, (2, 5), 3).unwrap(), [(5, 2)]);
    assert_eq!(database.remove(a, (2, 5), 3).unwrap(), []);
    assert_eq!((database.waiting(a, 0).unwrap(), database.waiting(b, 0).unwrap()), ((2, 4), (1, 2)));
    // What another one waits for stays.
    let count = |table: &str| {
        let statement = format!("SELECT count(*) FROM {table}");
        database.connection.query_row(&statement, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("event"), count("wanted")), (3, 3));
}

#[test]
fn what_cannot_be_is_set_aside() {
    let state = tempfile::tempdir().unwrap();
    let mut expected = 0;
    for more in [
        "UPDATE webhook SET batches = 'many'",
        "UPDATE meta SET value = -1",
        "UPDATE event SET seq = -3 WHERE seq = 7",
        "UPDATE batch SET body = 7",
        "DROP TABLE covered",
    ] {
        write_first(state.path(), more);
        let (_directory, database, anew) = open(state.path());
        expected += 1;
        assert!(anew, "{more}");
        drop(database);
        FILES.iter().for_each(|name| drop(fs::remove_file(state.path().join(name))));
    }
    for more in [
        "DROP TABLE loss",
        "ALTER TABLE webhook RENAME COLUMN batches TO bunches",
        "PRAGMA ignore_check_constraints = 1; INSERT INTO meta VALUES ('seq', -1)",
        "DROP TABLE event; CREATE TABLE event (seq INTEGER PRIMARY KEY, line)",
    ] {
        let (directory, database, _) = open(state.path());
        database.connection.execute_batch(more).unwrap();
        drop((database, directory));
        let (_directory, database, anew) = open(state.path());
        expected += 1;
        assert!(anew && database.enroll("a").is_ok(), "{more}");
    }
    assert_eq!(aside(state.path()), expected);
    // A table of somebody's own is none of our business.
    let (directory, database, _) = open(state.path());
    database.connection.execute_batch("CREATE TABLE mine (a); ANALYZE").unwrap();
    drop((database, directory));
    assert!(!open(state.path()).2);
}

#[test]
fn an_event_goes_when_nobody_waits_for_it_any_more() {
    let state = tempfile::tempdir().unwrap();
    let (_directory, database, anew) = open(state.path());
    assert!(!anew);
    let (a, b) = (database.enroll("a").unwrap().webhook, database.enroll("b").unwrap().webhook);
    for (sequence, wanted) in [(1, vec![a]), (2, vec![a, b]), (3, vec![b])] {
        wanted.iter().for_each(|&webhook| database.insert_apart(webhook, sequence, b"{}").unwrap());
    }
    let events = || -> Vec<u64> {
        let mut statement = database.connection.prepare("SELECT seq FROM event ORDER BY seq").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect()
    };
    database.delivered(a, 2).unwrap();
    assert_eq!(events(), [2, 3]);
    database.drop_wanted(b, 2).unwrap();
    assert_eq!(events(), [3]);
    database.strike(b).unwrap();
    assert_eq!((events(), database.webhooks().unwrap()), (vec![], vec!["a".to_owned()]));
}

#[test]
fn a_kind_that_is_not_watched_any_more_is_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let (directory, database, _) = open(state.path());
    let cover = |kinds: &[&'static str], others: &[&'static str]| {
        database.cover(&Covered { netns: "".into(), kinds: kinds.to_vec(), others: others.to_vec() }).unwrap();
    };
    cover(&["link", "addr"], &["conntrack"]);
    cover(&["conntrack"], &["link", "addr"]);
    for kind in ["link", "addr", "conntrack"] {
        let objects = encode([&b"one"[..], b"two"].into_iter());
        database.set_objects("", kind, b"key", Some(&objects)).unwrap();
    }
    // Each protocol's place says it of its own kinds.
    cover(&["addr", "route"], &["conntrack"]);
    let mut objects = Vec::new();
    let kinds = StoreReader::new(Whereabouts::new(directory.real_database().unwrap()))
        .known("", |kind, object| objects.push((kind.to_owned(), object.to_vec())))
        .unwrap();
    assert_eq!(kinds, ["addr", "conntrack", "route"]);
    let of = |kind: &str| [(kind.to_owned(), b"one".to_vec()), (kind.to_owned(), b"two".to_vec())];
    assert_eq!(objects, [of("addr"), of("conntrack")].concat());
    database.forget("").unwrap();
    assert!(database.namespaces().unwrap().is_empty());
}
