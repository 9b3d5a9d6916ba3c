//! Snapshots against what was known at their moments.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::Clock;
use crate::store::database::Database;
use crate::store::directory::{DATABASE, Directory};
use crate::store::look::{Look, PastRun};
use crate::store::mirror_changes::MirrorChanges;
use crate::store::{Append, Commits, Covered, Keeping, Run, Store, Synchronous};

const PATIENCE: Duration = Duration::from_secs(20);
const SECOND: i64 = 1_000_000;
const LONG: Keeping = Keeping { keep: Duration::from_secs(1 << 30), size_bytes: usize::MAX >> 1 };

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// A commit: how many seconds later than the one before, and the objects that change, or go, by namespace and identity.
    Commit(i8, Vec<(u8, u8, Option<u16>)>),
    /// A snapshot is taken, of which so many parts at most are stored.
    Take(u64),
    /// What ended a part of the time ago is forgotten.
    Forget(prop::sample::Index),
    /// Small chunks are put together.
    Merge,
    /// It ends, and begins again.
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0..2_u8, 0..20_u8, prop::option::weighted(0.7, 0..2_000_u16));
    prop_oneof![
        6 => (-1..4_i8, prop::collection::vec(change, 1..8)).prop_map(|(later, changes)| Step::Commit(later, changes)),
        3 => prop_oneof![1 => 0..2_u64, 3 => Just(u64::MAX)].prop_map(Step::Take),
        1 => any::<prop::sample::Index>().prop_map(Step::Forget),
        1 => Just(Step::Merge),
        1 => Just(Step::Die),
    ]
}

fn name(netns: u8) -> Arc<str> {
    if netns == 0 { "".into() } else { "n1".into() }
}

/// An object of so many octets that can be told from others.
fn object(key: u8, octets: u16) -> Vec<u8> {
    let mut object = vec![key; usize::from(octets) + 2];
    object[..2].copy_from_slice(&octets.to_le_bytes());
    object
}

fn wanted() -> Kinds {
    HashSet::from(["link", "route"])
}

fn line(sequence: u64, time: i64) -> Vec<u8> {
    let mut line = Clock::default().beginning(time).to_owned();
    line += &format!("{sequence},\"event\":\"link\"}}\n");
    line.into_bytes()
}

/// The objects of a namespace and a kind, in no order.
fn sorted(mut objects: KnownObjects) -> KnownObjects {
    objects.values_mut().for_each(|objects| objects.sort());
    objects
}

struct Play {
    directory: Directory,
    database: Database,
    mirror: MirrorChanges,
    now: BTreeMap<(u8, u8), Vec<u8>>,
    time: i64,
    sequence: u64,
    /// The numbers and times of all events.
    events: Vec<(u64, i64)>,
    kept_from: i64,
    /// What was known at the moment of each snapshot.
    taken: BTreeMap<u64, KnownObjects>,
}

impl Play {
    fn new(state: &Path) -> Play {
        let directory = Directory::open(state).unwrap();
        let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
        database.keep_from(0);
        for netns in 0..2 {
            let covered = Covered { netns: name(netns), kinds: vec!["link", "route"], others: Vec::new() };
            database.cover(&covered).unwrap();
        }
        Play {
            directory,
            database,
            mirror: MirrorChanges::default(),
            now: BTreeMap::new(),
            time: 1_000 * SECOND,
            sequence: 0,
            events: Vec::new(),
            kept_from: 0,
            taken: BTreeMap::new(),
        }
    }

    fn known(&self) -> KnownObjects {
        let mut known = KnownObjects::new();
        for netns in 0..2 {
            known.insert((name(netns).to_string(), "route".into()), Vec::new());
            let of = self.now.range((netns, 0)..=(netns, u8::MAX)).map(|(_, object)| object.clone().into());
            known.insert((name(netns).to_string(), "link".into()), of.collect());
        }
        sorted(known)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Commit(later, changes) => {
                self.time += i64::from(later) * SECOND;
                self.sequence += 1;
                let mut append = Append { sequence: self.sequence, ..Append::default() };
                append.history = line(self.sequence, self.time);
                for (netns, key, octets) in changes {
                    let object = octets.map(|octets| object(key, octets));
                    match &object {
                        Some(object) => drop(self.now.insert((netns, key), object.clone())),
                        None => drop(self.now.remove(&(netns, key))),
                    }
                    append.changes.push((&name(netns), "link"), &[key], object.as_deref().into_iter());
                }
                self.mirror.take(&mut append);
                self.database.begin().unwrap();
                let (mut filling, mut effects) = Default::default();
                crate::store::transaction::Filling::take(&mut filling, &self.database, &append, &mut effects).unwrap();
                filling.finish(&self.database).unwrap();
                self.mirror.write(&self.database).unwrap();
                self.database.commit().unwrap();
                self.mirror.committed();
                self.events.push((self.sequence, self.time));
            }
            Step::Take(parts_max) => {
                let reading = Connection::open(self.directory.database()).unwrap();
                let read = read_mirror(&reading, u64::MAX, &mut |part| {
                    let is_taken = part.number < parts_max;
                    if is_taken {
                        self.database.begin().unwrap();
                        self.database.keep_part(&part).unwrap();
                        self.database.commit().unwrap();
                    }
                    is_taken
                });
                match read.unwrap() {
                    Ok(whole) => {
                        self.database.keep_snapshot(&whole).unwrap();
                        self.taken.insert(self.sequence, self.known());
                    }
                    Err(outcome) => assert_eq!(outcome, Outcome::Failed),
                }
            }
            Step::Forget(part) => {
                let keep = Duration::from_secs(part.index(60) as u64);
                self.kept_from = self.kept_from.max(self.time - keep.as_micros() as i64);
                while self.database.forget_old(&Keeping { keep, ..LONG }, self.time).unwrap().has_more {}
            }
            Step::Merge => while self.database.merge().unwrap() {},
            Step::Die => {
                let reopened = Database::open(&self.directory, Synchronous::Normal, Duration::ZERO).unwrap();
                (self.database, self.mirror) = (reopened.0, MirrorChanges::default());
                self.database.keep_from(self.kept_from);
            }
        }
    }

    /// Which snapshot is to serve for a time that is kept: the first one behind all events up to it, or a later one. `None` for now.
    fn check(&self, time: i64) -> Result<(), TestCaseError> {
        let look = Look::open(self.directory.path()).unwrap();
        let line = look.history().unwrap().line_at(time).unwrap();
        let last = self.events.iter().filter(|(_, of)| *of <= time).map(|(sequence, _)| *sequence).max();
        prop_assert_eq!(line, last.unwrap_or_default());
        let known = look.history().unwrap().known_after(line, &wanted()).unwrap();
        prop_assert!(known.last >= line, "{known:?} for {line:?}");
        let expected = if known.is_now { self.known() } else { self.taken[&known.last].clone() };
        prop_assert_eq!(sorted(known.objects), expected);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_snapshot_is_what_was_known_at_its_moment(steps in prop::collection::vec(step(), 1..40)) {
        let state = tempfile::tempdir().unwrap();
        let mut play = Play::new(state.path());
        for step in steps {
            play.step(step);
        }
        let from = play.kept_from.max(990 * SECOND);
        for time in (from / SECOND..=play.time / SECOND + 4).map(|seconds| seconds * SECOND) {
            play.check(time)?;
        }
        // All are left that somebody can need, and none that nobody can.
        let count = |connection: &Connection, statement: &str| connection.query_row(statement, [], |row| row.get::<_, u64>(0)).unwrap();
        let connection = Connection::open(play.directory.database()).unwrap();
        keep_part(&connection, &Part { sequence: 0, number: 0, objects: Vec::new() }).unwrap();
        connection.execute("DELETE FROM snapshot_part WHERE sequence = 0 AND part = 0 AND objects = x''", []).unwrap();
        let is_kept = |sequence| {
            count(&connection, &format!("SELECT count(*) FROM chunk WHERE first <= {sequence} AND last >= {sequence}")) > 0
        };
        let forgotten = play.events.iter().map(|(sequence, _)| *sequence).filter(|sequence| !is_kept(*sequence)).max();
        let needed: Vec<u64> = play.taken.range(forgotten.unwrap_or_default()..).map(|(sequence, _)| *sequence).collect();
        prop_assert_eq!(snapshots(state.path(), 0), needed);
        let lonely = "SELECT count(*) FROM snapshot_part WHERE sequence NOT IN (SELECT sequence FROM snapshot)";
        prop_assert_eq!(count(&connection, lonely), 0);
    }
}

/// A store with a history whose mirror has one link of so many octets of noise.
fn store(state: &Path, octets: usize) -> Store {
    let commits = Commits { history: Some(LONG), ..Commits::from(Synchronous::Normal) };
    let store = Store::open(state, commits, || {}).unwrap();
    let mut noise = 0x2545_f491_u32;
    let object: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    })
    .take(octets)
    .collect();
    let covered = vec![Covered { kinds: vec!["link", "route"], ..Covered::default() }];
    let mut append = Append { covered, ..Append::default() };
    append.changes.push(("", "link"), &[1], [&*object].into_iter());
    store.append(append);
    store
}

fn tell(store: &Store, numbers: std::ops::Range<u64>) {
    for sequence in numbers {
        let history = line(sequence, sequence as i64 * SECOND);
        store.append(Append { sequence, history, ..Append::default() });
        store.settle(PATIENCE);
    }
}

/// The numbers of all snapshots, once there are so many, or it has taken too long.
fn snapshots(state: &Path, count: usize) -> Vec<u64> {
    let began = Instant::now();
    let connection = Connection::open(state.join(DATABASE)).unwrap();
    loop {
        let mut statement = connection.prepare("SELECT sequence FROM snapshot ORDER BY sequence").unwrap();
        let found: Vec<u64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        if found.len() >= count || began.elapsed() > PATIENCE {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_that_was_taken_before_all_was_known_serves_for_nothing() {
    let state = tempfile::tempdir().unwrap();
    let mut play = Play::new(state.path());
    let run =
        Run { began: 1, after: 0, kinds: "link,route,addr".into(), narrowed: String::new(), namespaces: ".".into() };
    play.database.begin_run(&run).unwrap();
    let cover = |play: &Play, kinds: &[&'static str]| {
        play.database.cover(&Covered { netns: name(0), kinds: kinds.to_vec(), others: Vec::new() }).unwrap();
    };
    let step = |play: &mut Play| {
        [Step::Commit(1, Vec::new()), Step::Take(u64::MAX)].into_iter().for_each(|step| play.step(step))
    };
    for kinds in [&[][..], &["link"], &["link", "route"]] {
        cover(&play, kinds);
        step(&mut play);
    }
    let look = Look::open(state.path()).unwrap();
    let known = look.history().unwrap().known_after(0, &wanted()).unwrap();
    assert_eq!((known.last, known.is_now), (3, false));
    // That a kind is watched which was not then says nothing of what was.
    cover(&play, &["link", "route", "neigh"]);
    let wanted = HashSet::from(["link", "neigh"]);
    assert_eq!(look.history().unwrap().known_after(2, &wanted).unwrap().last, 2);
}

#[test]
fn they_are_taken_from_time_to_time_and_the_next_one_serves_where_one_is_damaged() {
    let state = tempfile::tempdir().unwrap();
    let store = store(state.path(), 100);
    tell(&store, 1..EVENTS + 1);
    assert_eq!(snapshots(state.path(), 1).len(), 1);
    tell(&store, EVENTS + 1..EVENTS * 3);
    let found = snapshots(state.path(), 2);
    assert!(found.len() >= 2 && found[0] >= EVENTS && found[1] - found[0] >= EVENTS, "{found:?}");
    let at = |time: i64| {
        let look = Look::open(state.path()).unwrap();
        let history = look.history().unwrap();
        history.known_after(history.line_at(time * SECOND).unwrap(), &wanted()).unwrap()
    };
    let known = at(1);
    let kinds: Vec<_> = known.objects.iter().map(|((_, kind), objects)| (kind.as_str(), objects.len())).collect();
    assert_eq!((known.last, known.is_now, kinds), (found[0], false, vec![("link", 1), ("route", 0)]));
    assert_eq!(at(found[0] as i64 + 1).last, found[1]);
    assert!(at(EVENTS as i64 * 4).is_now);
    let sql = |script: &str| Connection::open(state.path().join(DATABASE)).unwrap().execute_batch(script).unwrap();
    sql(&format!("UPDATE snapshot_part SET objects = x'00' WHERE sequence = {}", found[0]));
    assert_eq!(at(1).last, found[1]);
    sql("DELETE FROM snapshot_part");
    assert!(at(1).is_now);
    store.finish(PATIENCE);
}

#[test]
fn a_database_that_takes_the_place_of_a_damaged_one_knows_whose_run_it_is() {
    let state = tempfile::tempdir().unwrap();
    let store = store(state.path(), 100);
    let run = Run { began: 1, after: 0, kinds: "link".into(), narrowed: String::new(), namespaces: ".".into() };
    store.begin_run(run.clone());
    tell(&store, 1..3);
    for name in [DATABASE, "linkhook.db-wal"] {
        let path = state.path().join(name);
        let length = std::fs::metadata(&path).unwrap().len() as usize;
        std::fs::write(path, vec![0xa5; length]).unwrap();
    }
    store.handle().suspect(&"a test");
    tell(&store, 3..5);
    let runs = Look::open(state.path()).unwrap().history().unwrap().runs().unwrap();
    let expected = PastRun { run: Run { began: runs[0].run.began, after: 2, ..run }, ended: None };
    assert!(runs == [expected] && runs[0].run.began > 1, "{runs:?}");
    store.finish(PATIENCE);
}

#[test]
fn one_that_is_large_waits_until_the_log_is_larger() {
    let state = tempfile::tempdir().unwrap();
    // What so many events take in the log is far less than eight times of this.
    let store = store(state.path(), 4_000);
    tell(&store, 1..EVENTS * 2);
    assert!(snapshots(state.path(), 0).is_empty());
    tell(&store, EVENTS * 2..EVENTS * 20);
    let found = snapshots(state.path(), 1);
    let log = "SELECT sum(octets) FROM chunk WHERE first <= ?1";
    let connection = Connection::open(state.path().join(DATABASE)).unwrap();
    let log: u64 = connection.query_row(log, [found[0]], |row| row.get(0)).unwrap();
    assert!(log >= octets(&connection).unwrap() / found.len() as u64 * LOG_PARTS, "{log} octets, {found:?}");
    store.finish(PATIENCE);
}
