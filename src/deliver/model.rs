//! Lanes and store against a model: whatever is appended, taken, delivered, put back, dropped, and however often the
//! process dies, each webhook gets what it wants, in order, at least once, and each loss is counted.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::lane::Lane;
use super::lane::tests::{bell, webhook};
use super::{Webhook, WhenFull};
use crate::store::reader::Whereabouts;
use crate::store::{Append, Fixed, Queue, Staged, Store, StoreHandle, StoreReader, Synchronous, event_log};

/// Bytes of each line.
const LINE_BYTES: usize = 100;
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
enum Step {
    /// So many events, each wanted by the webhooks whose bit is set.
    Append(Vec<u8>),
    /// A webhook takes a batch, and fixes it.
    Take(usize),
    /// Its receiver takes it.
    Deliver(usize),
    /// It is too large: the first of it is fixed anew, the rest waits again.
    Halve(usize),
    /// So many events come that all want, and the disk does not take the last of them.
    Fail(u8),
    /// kill -9.
    Die,
    /// The database is damaged underneath; or it only seems so.
    Damage(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(0_u8..8, 1..8).prop_map(Step::Append),
        4 => (0_usize..3).prop_map(Step::Take),
        4 => (0_usize..3).prop_map(Step::Deliver),
        1 => (0_usize..3).prop_map(Step::Halve),
        1 => (1_u8..6).prop_map(Step::Fail),
        1 => Just(Step::Die),
        1 => any::<bool>().prop_map(Step::Damage),
    ]
}

/// What should be.
#[derive(Default)]
struct Expected {
    waiting: VecDeque<u64>,
    /// The batch on its way, and its id.
    in_flight: Vec<u64>,
    id: String,
    lost: u64,
    /// Lost since nothing could be stored: only memory knows of it.
    lost_in_memory: u64,
}

/// What is.
struct Real {
    lane: Arc<Lane>,
    webhook: i64,
    batches: u64,
}

struct House {
    store: Store,
    handle: StoreHandle,
    real: Vec<Real>,
}

/// One that drops nothing, one that drops the oldest, one that drops the newest.
fn settings(place: usize) -> Webhook {
    let spool = match place {
        0 => "",
        1 => "spool = { size = \"950\", when_full = \"drop-oldest\" }",
        _ => "spool = { size = \"950\", when_full = \"drop-newest\" }",
    };
    Webhook { name: format!("w{place}"), ..webhook(&format!("batch.events = 4\n{spool}")) }
}

impl House {
    fn open(path: &Path, expected: &[Expected]) -> House {
        let store = Store::open(path, Synchronous::Normal, || {}).unwrap();
        let handle = store.handle();
        let real = expected.iter().enumerate().map(|(place, expected)| {
            let lane = Arc::new(Lane::stored(settings(place), bell(), handle.clone(), path));
            handle.attend(lane.clone());
            let enrolled = lane.enrolled().unwrap();
            assert_eq!(enrolled.waiting.0, expected.waiting.len() as u64, "what waits for {place}");
            assert_eq!(enrolled.waiting.1, (expected.waiting.len() * LINE_BYTES) as u64);
            let found = enrolled.batch.as_ref().map(|batch| batch.id.clone()).unwrap_or_default();
            assert_eq!(found, expected.id, "the batch on its way of {place}");
            assert_eq!(enrolled.losses.iter().map(|(_, events)| events).sum::<u64>(), expected.lost);
            if enrolled.batch.is_some() {
                let resumed: Vec<u64> = lane.resume().unwrap().iter().map(|event| event.sequence).collect();
                assert_eq!(resumed, expected.in_flight, "the events on their way of {place}");
            }
            Real { lane, webhook: enrolled.webhook, batches: enrolled.batches }
        });
        let real = real.collect();
        House { store, handle, real }
    }

    /// Damages the database, or not, and says so; then it is as it is from here on.
    fn damage(&self, path: &Path, really: bool) {
        if really {
            self.store.settle(PATIENCE);
            // Whoever has it open can read it on: that it is another one now must be heard.
            sql(path, "PRAGMA application_id = 7");
        }
        self.handle.suspect(&"a test");
        assert!(self.handle.reach(&mut || true));
    }

    /// Appends an event for the one webhook.
    fn append(&self, sequence: u64) {
        let wanted_by = [self.real[0].lane.clone() as Arc<dyn Queue>].into_iter().collect();
        let events = vec![Staged { sequence, line: line(sequence), wanted_by }];
        self.store.append(Append { lines: line(sequence).to_vec(), sequence, events, ..Append::default() });
        assert_eq!(self.store.settle(PATIENCE), &*line(sequence));
    }

    /// Everything that waits for it, in batches.
    fn take_all(&self) -> Vec<u64> {
        let lane = &self.real[0].lane;
        lane.end(Instant::now() + PATIENCE);
        let mut found = Vec::new();
        while let Some(events) = lane.take(|webhook| webhook.limits, None) {
            found.extend(events.iter().map(|event| event.sequence));
            lane.finish_in_flight(lane.last_taken(), None);
        }
        found
    }

    fn fix(&mut self, place: usize, in_flight: &[u64]) -> String {
        let real = &mut self.real[place];
        assert_eq!(Queue::webhook(&*real.lane), real.webhook);
        let id = format!("id-{place}-{in_flight:?}");
        let last = *in_flight.last().unwrap();
        let batch = Fixed {
            id: id.clone(),
            number: real.batches,
            last,
            body: Vec::new(),
            keeps_body: true,
            tried_milliseconds: 0,
        };
        let batch = Arc::new(batch);
        real.lane.fixed(&batch);
        let deadline = Instant::now() + PATIENCE;
        assert!(self.handle.fix(real.lane.clone(), batch, &mut || Instant::now() < deadline));
        id
    }
}

fn line(sequence: u64) -> Arc<[u8]> {
    format!("{sequence:0LINE_BYTES$}").into_bytes().into()
}

/// What the model says of an event that comes.
fn admit(expected: &mut Expected, sequence: u64, webhook: &Webhook) {
    let most = webhook.spool_bytes / LINE_BYTES;
    // More than one goes where a batch was halved, and its rest waits again.
    while webhook.when_full == WhenFull::DropOldest && expected.waiting.len() >= most {
        expected.waiting.pop_front();
        expected.lost += 1;
    }
    if expected.waiting.len() < most {
        expected.waiting.push_back(sequence);
    } else {
        expected.lost += 1;
    }
}

/// A model, and the real thing beside it.
struct Play {
    /// The state directory.
    path: PathBuf,
    expected: Vec<Expected>,
    house: House,
    /// The last event's number.
    sequence: u64,
}

impl Play {
    fn step(mut self, step: &Step) -> Play {
        match step {
            Step::Append(wanted) => self.append(wanted),
            Step::Take(place) => self.take(*place),
            Step::Deliver(place) => self.deliver(*place),
            Step::Halve(place) => self.halve(*place),
            Step::Fail(count) => self.fail(u64::from(*count)),
            Step::Damage(really) => self.damage(*really),
            Step::Die => return self.die(),
        }
        self
    }

    fn append(&mut self, wanted: &[u8]) {
        let Play { expected, house, sequence, .. } = self;
        let mut append = Append::default();
        for bits in wanted {
            *sequence += 1;
            append.lines.extend_from_slice(&line(*sequence));
            let wants: Vec<usize> = (0..3).filter(|place| bits & (1 << place) != 0).collect();
            for &place in &wants {
                admit(&mut expected[place], *sequence, &settings(place));
            }
            let wanted_by = wants.iter().map(|&place| house.real[place].lane.clone() as Arc<dyn Queue>);
            append.events.push(Staged { sequence: *sequence, line: line(*sequence), wanted_by: wanted_by.collect() });
        }
        append.sequence = *sequence;
        let lines = append.lines.clone();
        house.store.append(append);
        assert_eq!(house.store.settle(PATIENCE), lines, "lines come once they are committed");
    }

    fn take(&mut self, place: usize) {
        let (expected, lane) = (&mut self.expected[place], self.house.real[place].lane.clone());
        if !expected.in_flight.is_empty() || expected.waiting.is_empty() {
            return;
        }
        let events = lane.take(|webhook| webhook.limits, None).unwrap();
        assert!(events.iter().all(|event| event.line == line(event.sequence)));
        let taken: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        let count = expected.waiting.len().min(4);
        assert_eq!(taken, expected.waiting.drain(..count).collect::<Vec<_>>());
        self.house.real[place].batches += 1;
        expected.id = self.house.fix(place, &taken);
        expected.in_flight = taken;
    }

    fn deliver(&mut self, place: usize) {
        let (expected, lane) = (&mut self.expected[place], &self.house.real[place].lane);
        if let Some(&last) = expected.in_flight.last() {
            lane.finish_in_flight(last, None);
            expected.in_flight.clear();
            expected.id.clear();
        }
    }

    fn halve(&mut self, place: usize) {
        let expected = &mut self.expected[place];
        let keep = expected.in_flight.len() / 2;
        if keep == 0 {
            return;
        }
        self.house.real[place].lane.put_back(keep);
        for back in expected.in_flight.split_off(keep).into_iter().rev() {
            expected.waiting.push_front(back);
        }
        expected.id = self.house.fix(place, &expected.in_flight);
    }

    /// The disk does not take the last of so many events.
    fn fail(&mut self, count: u64) {
        let house = &self.house;
        let last = self.sequence + count;
        sql(&self.path, &no_room_for(last));
        let wanted_by = || house.real.iter().map(|real| real.lane.clone() as Arc<dyn Queue>).collect();
        let stage = |sequence| Staged { sequence, line: line(sequence), wanted_by: wanted_by() };
        let events = (self.sequence + 1..=last).map(stage).collect();
        self.sequence = last;
        house.store.append(Append { lines: vec![b'x'], sequence: last, events, ..Append::default() });
        assert_eq!(house.store.settle(PATIENCE), b"x");
        sql(&self.path, "DROP TRIGGER no");
        assert!(house.handle.reach(&mut || true));
        self.expected.iter_mut().for_each(|one| one.lost_in_memory += count);
    }

    fn damage(&mut self, really: bool) {
        self.house.damage(&self.path, really);
        for (real, expected) in self.house.real.iter_mut().zip(&mut self.expected) {
            real.webhook = Queue::webhook(&*real.lane);
            // What was in the database alone is gone.
            let left = usize::try_from(real.lane.waiting()).unwrap();
            assert!(left == expected.waiting.len() || really, "a database that is whole loses nothing");
            expected.lost += (expected.waiting.len() - left) as u64;
            expected.waiting.truncate(left);
            if really {
                // The new one is told what memory knows.
                expected.lost += std::mem::take(&mut expected.lost_in_memory);
            }
        }
    }

    /// What was told to the store is done; nothing is closed.
    fn die(self) -> Play {
        let Play { path, mut expected, house, sequence } = self;
        house.store.settle(PATIENCE);
        house.store.abandon();
        expected.iter_mut().for_each(|one| one.lost_in_memory = 0);
        let house = House::open(&path, &expected);
        let skipped = house.store.sequence();
        assert!(skipped >= sequence, "no number is used twice");
        Play { path, expected, house, sequence: skipped }
    }

    fn end(self) {
        let Play { path, expected, house, .. } = self;
        house.store.settle(PATIENCE);
        for (place, (real, expected)) in house.real.iter().zip(&expected).enumerate() {
            let waiting = real.lane.unsent(Instant::now());
            assert_eq!(waiting, (expected.waiting.len() + expected.in_flight.len()) as u64, "what is left of {place}");
        }
        house.store.finish(PATIENCE);
        let mut wanted: Vec<u64> =
            expected.iter().flat_map(|one| one.waiting.iter().chain(&one.in_flight)).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        assert_eq!(rows(&path), wanted, "each event that someone waits for is there once, and no other");
    }
}

fn play(steps: &[Step]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let expected: Vec<Expected> = (0..3).map(|_| Expected::default()).collect();
    let house = House::open(&path, &expected);
    let sequence = house.store.sequence();
    steps.iter().fold(Play { path, expected, house, sequence }, Play::step).end();
}

fn rows(path: &Path) -> Vec<u64> {
    let connection = rusqlite::Connection::open(path.join("linkhook.db")).unwrap();
    let numbers = |statement: &str| -> Vec<i64> {
        let mut statement = connection.prepare(statement).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let webhooks = numbers("SELECT id FROM webhook");
    let wanted = |webhook: i64| event_log::wanted(&connection, webhook, (0, u64::MAX), usize::MAX).unwrap();
    let waiting: BTreeSet<u64> = webhooks.into_iter().flat_map(wanted).map(|(sequence, _)| sequence).collect();
    // Nothing is kept for which nobody waits.
    let orphans = "SELECT seq FROM event WHERE seq NOT IN (SELECT seq FROM wanted) UNION ALL \
                   SELECT first FROM chunk WHERE first NOT IN (SELECT chunk FROM share)";
    assert_eq!(numbers(orphans), [0_i64; 0]);
    waiting.into_iter().collect()
}

/// A house whose webhooks wait for nothing, and its directory.
fn new_house(webhooks: usize) -> (tempfile::TempDir, House) {
    let directory = tempfile::tempdir().unwrap();
    let expected: Vec<Expected> = (0..webhooks).map(|_| Expected::default()).collect();
    let house = House::open(&directory.path().join("state"), &expected);
    (directory, house)
}

fn sql(state: &Path, script: &str) {
    let connection = rusqlite::Connection::open(state.join("linkhook.db")).unwrap();
    connection.execute_batch(script).unwrap();
}

/// The disk takes no chunk that ends with that event.
fn no_room_for(sequence: u64) -> String {
    format!("CREATE TRIGGER no BEFORE INSERT ON share WHEN new.last = {sequence} BEGIN SELECT RAISE(ABORT, 'no'); END")
}

#[test]
fn what_was_put_back_waits_whatever_fails() {
    let all = || Step::Append(vec![2; 4]);
    // Halved, with a full spool: the oldest goes for what the disk does not take.
    play(&[all(), Step::Take(1), all(), all(), Step::Halve(1), Step::Fail(3), Step::Deliver(1), Step::Take(1)]);
    play(&[all(), Step::Take(1), all(), all(), Step::Halve(1), Step::Fail(3), Step::Die, Step::Deliver(1)]);
}

#[test]
fn a_batch_on_its_way_waits_until_it_can_be_read() {
    let (directory, mut house) = new_house(1);
    (1..=4).for_each(|sequence| house.append(sequence));
    let lane = house.real[0].lane.clone();
    assert_eq!(lane.take(|webhook| webhook.limits, None).unwrap().len(), 4);
    house.fix(0, &[1, 2, 3, 4]);
    let nowhere = || StoreReader::new(Whereabouts::new(directory.path().join("nowhere")));
    lane.read_by(nowhere());
    let of = lane.clone();
    let resumed = std::thread::spawn(move || of.resume());
    std::thread::sleep(Duration::from_millis(200));
    assert!(!resumed.is_finished(), "it goes on without its events");
    lane.read_by(house.handle.reader());
    let found = resumed.join().unwrap().unwrap();
    assert_eq!(found.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    lane.read_by(nowhere());
    lane.end(Instant::now());
    assert!(lane.resume().is_none());
}

#[test]
fn who_holds_the_database_is_waited_for_where_it_is_opened_again() {
    let (directory, house) = new_house(1);
    house.append(1);
    let holder = rusqlite::Connection::open(directory.path().join("state/linkhook.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    house.handle.suspect(&"a test");
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(2500));
        holder.execute_batch("ROLLBACK").unwrap();
    });
    house.append(2);
    release.join().unwrap();
    assert_eq!((house.take_all(), house.real[0].lane.losses()), (vec![1, 2], Vec::new()));
}

#[test]
fn a_transaction_that_fails_changes_nothing_of_what_waits() {
    let (directory, house) = new_house(2);
    let lane = &house.real[1].lane;
    let append = |from: u64, count: u64| {
        let wanted_by = || [lane.clone() as Arc<dyn Queue>].into_iter().collect();
        let stage = |sequence| Staged { sequence, line: line(sequence), wanted_by: wanted_by() };
        let events = (from..from + count).map(stage).collect();
        house.store.append(Append { lines: vec![b'x'; 3], sequence: from + count - 1, events, ..Append::default() });
        assert_eq!(house.store.settle(PATIENCE), b"xxx");
    };
    append(1, 9);
    // One of these has no room before the oldest goes, and the disk takes none.
    sql(&directory.path().join("state"), &no_room_for(12));
    append(10, 3);
    sql(&directory.path().join("state"), "DROP TRIGGER no");
    assert!(house.handle.reach(&mut || true));
    append(13, 1);
    let house = House { real: house.real.into_iter().skip(1).collect(), ..house };
    assert_eq!(house.take_all(), [2, 3, 4, 5, 6, 7, 8, 9, 13]);
    let mut losses = house.real[0].lane.losses();
    losses.sort_unstable();
    assert_eq!(losses, [("spool full".to_owned(), 1), ("the state directory could not be written".to_owned(), 3)]);
}

#[test]
fn what_the_database_does_not_have_any_more_is_told_and_holds_up_nothing() {
    let (directory, house) = new_house(1);
    (1..=6).for_each(|sequence| house.append(sequence));
    house.store.abandon();
    // Nothing of it is in memory now.
    let waiting = Expected { waiting: (1..=6).collect(), ..Expected::default() };
    let house = House::open(&directory.path().join("state"), &[waiting]);
    sql(&directory.path().join("state"), "DELETE FROM share WHERE chunk > 3");
    assert_eq!(house.take_all(), [1, 2, 3]);
    let told = house.real[0].lane.losses();
    assert_eq!(told, [("the database does not have them any more".to_owned(), 3)]);
}

#[test]
fn a_damaged_database_costs_what_was_in_it_alone_and_readers_follow_the_new_one() {
    let (directory, house) = new_house(1);
    (1..=6).for_each(|sequence| house.append(sequence));
    house.store.abandon();
    let waiting = Expected { waiting: (1..=6).collect(), ..Expected::default() };
    let house = House::open(&directory.path().join("state"), &[waiting]);
    // Some of it is read.
    let lane = &house.real[0].lane;
    assert_eq!(lane.take(|webhook| webhook.limits, None).unwrap().len(), 4);
    let left = lane.waiting();
    house.damage(&directory.path().join("state"), true);
    (7..=9).for_each(|sequence| house.append(sequence));
    let lost: u64 = lane.losses().iter().map(|(_, events)| events).sum();
    assert_eq!(lane.waiting() + lost, left + 3);
    // All that comes from here on is not in the window, as where it is full.
    lane.forget_window();
    let found = house.take_all();
    assert_eq!(found[found.len() - 3..], [7, 8, 9]);
    assert_eq!(found.len() as u64 + lost, left + 3);
    assert_eq!(lane.losses(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_lost_but_what_is_counted(steps in prop::collection::vec(step(), 1..40)) {
        play(&steps);
    }
}
