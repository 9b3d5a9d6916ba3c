//! The log against what it stands for: events that webhooks wait for, each by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::store::Covered;
use crate::store::database::{Database, Synchronous};
use crate::store::directory::Directory;

const WEBHOOKS: usize = 3;

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// A commit of so many events; each is wanted by the webhooks whose bits are set.
    Append(Vec<u8>),
    /// An event waits again, out of order.
    Apart(usize, prop::sample::Index),
    /// A webhook is done with what is up to one.
    Delivered(usize, prop::sample::Index),
    /// The oldest events after one are given up, so many of them.
    DropOldest(usize, prop::sample::Index, usize),
    /// The first events in a range are removed, so many at most.
    Remove(usize, prop::sample::Index, prop::sample::Index, usize),
    /// A transaction is taken back that has done that.
    TakenBack(Box<Step>),
}

fn step() -> impl Strategy<Value = Step> {
    let webhook = || 0..WEBHOOKS;
    let index = any::<prop::sample::Index>;
    let simple = prop_oneof![
        4 => prop::collection::vec(0..1_u8 << WEBHOOKS, 1..40).prop_map(Step::Append),
        1 => (webhook(), index()).prop_map(|(webhook, event)| Step::Apart(webhook, event)),
        2 => (webhook(), index()).prop_map(|(webhook, event)| Step::Delivered(webhook, event)),
        2 => (webhook(), index(), 1..9_usize).prop_map(|(webhook, after, most)| Step::DropOldest(webhook, after, most)),
        1 => (webhook(), index(), index(), 0..50_usize)
            .prop_map(|(webhook, first, last, most)| Step::Remove(webhook, first, last, most)),
    ]
    .boxed();
    prop_oneof![8 => simple.clone(), 1 => simple.prop_map(|step| Step::TakenBack(Box::new(step)))]
}

fn line_of(sequence: u64) -> Vec<u8> {
    format!("{{\"seq\":{sequence},\"event\":\"{}\"}}", "route".repeat(sequence as usize % 7)).into_bytes()
}

/// The numbers of the events that each webhook waits for.
type Model = BTreeMap<i64, BTreeSet<u64>>;

struct Play {
    database: Database,
    webhooks: Vec<i64>,
    model: Model,
    last: u64,
}

impl Play {
    fn step(&mut self, step: &Step) {
        let some = |index: &prop::sample::Index, last: u64| index.index(last as usize + 1) as u64;
        match step {
            Step::Append(wanted) => {
                let mut chunk = Chunk::default();
                let mut shares: Vec<Share> = vec![Share::default(); WEBHOOKS];
                for wants in wanted {
                    self.last += 1;
                    if *wants == 0 {
                        continue;
                    }
                    let (place, line) = (chunk.entries().len(), line_of(self.last));
                    chunk.push(self.last, &line);
                    for (number, share) in shares.iter_mut().enumerate().filter(|(number, _)| wants >> number & 1 == 1)
                    {
                        share.add(place, line.len());
                        self.model.entry(self.webhooks[number]).or_default().insert(self.last);
                    }
                }
                let shares: Vec<(i64, &Share)> = self.webhooks.iter().copied().zip(&shares).collect();
                self.database.append(&chunk, 7, &shares).unwrap();
            }
            Step::Apart(webhook, event) => {
                let (webhook, sequence) = (self.webhooks[*webhook], some(event, self.last).max(1));
                let wants = self.model.entry(webhook).or_default();
                assert_eq!(self.database.wants(webhook, sequence).unwrap(), wants.contains(&sequence));
                if sequence <= self.last && wants.insert(sequence) {
                    self.database.insert_apart(webhook, sequence, &line_of(sequence)).unwrap();
                }
            }
            Step::Delivered(webhook, event) => {
                let (webhook, last) = (self.webhooks[*webhook], some(event, self.last));
                self.database.delivered(webhook, last).unwrap();
                self.model.entry(webhook).or_default().retain(|sequence| *sequence > last);
            }
            Step::DropOldest(webhook, after, most) => {
                let (webhook, after) = (self.webhooks[*webhook], some(after, self.last));
                for _ in 0..*most {
                    let wants = self.model.entry(webhook).or_default();
                    let first = wants.range(after + 1..).next().copied();
                    let found = self.database.first_wanted(webhook, after).unwrap();
                    assert_eq!(found, first.map(|sequence| (sequence, line_of(sequence).len())));
                    if let Some(sequence) = first {
                        self.database.drop_wanted(webhook, sequence).unwrap();
                        wants.remove(&sequence);
                    }
                }
            }
            Step::Remove(webhook, first, last, most) => {
                let (webhook, first, last) = (self.webhooks[*webhook], some(first, self.last), some(last, self.last));
                let wants = self.model.entry(webhook).or_default();
                let expected: Vec<u64> =
                    wants.iter().copied().filter(|sequence| (first..=last).contains(sequence)).take(*most).collect();
                let found = self.database.remove(webhook, (first, last), *most).unwrap();
                assert_eq!(found.iter().map(|(sequence, _)| *sequence).collect::<Vec<u64>>(), expected);
                wants.retain(|sequence| !expected.contains(sequence));
            }
            Step::TakenBack(step) => {
                let (model, last) = (self.model.clone(), self.last);
                self.database.begin().unwrap();
                self.step(step);
                self.database.roll_back();
                (self.model, self.last) = (model, last);
            }
        }
    }

    /// What the database says is what the model says.
    fn compare(&self, connection: &Connection, after: u64, bounds: (usize, usize)) {
        let mut wanted_by_any = BTreeSet::new();
        for webhook in &self.webhooks {
            let wants = self.model.get(webhook).cloned().unwrap_or_default();
            let expected: Vec<StoredEvent> =
                wants.range(after + 1..).map(|sequence| (*sequence, line_of(*sequence))).collect();
            let (mut found, mut from) = (Vec::new(), after);
            loop {
                let (events, has_more) = read(connection, *webhook, (from, u64::MAX), bounds).unwrap();
                assert!(events.len() <= bounds.0 && (!events.is_empty() || !has_more));
                let octets: usize = events.iter().map(|(_, line)| line.len()).sum();
                assert!(octets <= bounds.1 || events.len() == 1);
                from = events.last().map_or(from, |(sequence, _)| *sequence);
                found.extend(events);
                if !has_more {
                    break;
                }
            }
            assert_eq!(found, expected);
            let octets: usize = expected.iter().map(|(_, line)| line.len()).sum();
            assert_eq!(waiting(connection, *webhook, after).unwrap(), (expected.len() as u64, octets as u64));
            wants.iter().take(3).for_each(|sequence| {
                assert_eq!(line(connection, *sequence).unwrap(), Some(line_of(*sequence)));
            });
            wanted_by_any.extend(wants);
        }
        let count = |statement: &str| connection.query_row(statement, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM chunk WHERE first NOT IN (SELECT chunk FROM share)"), 0);
        assert_eq!(count("SELECT count(*) FROM event WHERE seq NOT IN (SELECT seq FROM wanted)"), 0);
        // What nobody waits for is no more than a few times what somebody does.
        let sparse =
            "SELECT count(*) FROM chunk WHERE events >= 4 * (SELECT sum(events) FROM share WHERE chunk = first)";
        assert_eq!(count(sparse), 0);
        if wanted_by_any.is_empty() {
            assert_eq!(count("SELECT (SELECT count(*) FROM chunk) + (SELECT count(*) FROM event)"), 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_says_what_each_webhook_waits_for(
        steps in prop::collection::vec(step(), 1..30),
        after in any::<prop::sample::Index>(),
        bounds in (1..20_usize, 1..2000_usize),
    ) {
        let state = tempfile::tempdir().unwrap();
        let directory = Directory::open(state.path()).unwrap();
        let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
        let webhooks: Vec<i64> = ["a", "b", "c"].iter().map(|name| database.enroll(name).unwrap().webhook).collect();
        let mut play = Play { database, webhooks, model: Model::new(), last: 0 };
        let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
        for step in &steps {
            if matches!(step, Step::TakenBack(_)) {
                play.step(step);
            } else {
                play.database.begin().unwrap();
                play.step(step);
                play.database.commit().unwrap();
            }
            play.compare(&connection, 0, (usize::MAX, usize::MAX));
        }
        play.compare(&connection, after.index(play.last as usize + 1) as u64, bounds);
    }
}

#[test]
fn a_chunk_that_differs_is_damage() {
    let state = tempfile::tempdir().unwrap();
    let directory = Directory::open(state.path()).unwrap();
    let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
    let webhook = database.enroll("a").unwrap().webhook;
    let (mut chunk, mut share) = (Chunk::default(), Share::default());
    chunk.push(5, b"{}");
    share.add(0, 2);
    database.append(&chunk, 7, &[(webhook, &share)]).unwrap();
    let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
    let read = || read(&connection, webhook, (0, u64::MAX), (9, 9));
    assert_eq!(read().unwrap(), (vec![(5, b"{}".to_vec())], false));
    for change in ["lines = x'7b7d'", "checksum = 1", "codec = 3", "entries = x'80'"] {
        connection.execute_batch(&format!("BEGIN; UPDATE chunk SET {change}")).unwrap();
        let failure = read().unwrap_err();
        assert_eq!(crate::store::Trouble::of(&failure), crate::store::Trouble::Damaged, "{change}: {failure}");
        connection.execute_batch("ROLLBACK").unwrap();
    }
    // SQLite's own check finds nothing of it: the start does, and begins anew.
    connection.execute_batch("UPDATE chunk SET checksum = 1").unwrap();
    drop((database, connection));
    let (database, anew) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
    assert!(anew && database.webhooks().unwrap().is_empty());
}

#[test]
fn changes_of_the_mirror_that_are_damaged_cost_nothing_that_waits() {
    let state = tempfile::tempdir().unwrap();
    let directory = Directory::open(state.path()).unwrap();
    let open = || Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
    let (database, _) = open();
    let webhook = database.enroll("a").unwrap().webhook;
    database.insert_apart(webhook, 5, b"{}").unwrap();
    database.cover(&Covered { netns: "".into(), kinds: vec!["link"], others: Vec::new() }).unwrap();
    drop(database);
    let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
    connection.execute_batch("INSERT INTO change (objects, checksum) VALUES (x'00', 7)").unwrap();
    drop(connection);
    let (database, anew) = open();
    assert!(!anew && database.changes().unwrap().is_empty());
    assert_eq!(database.waiting(webhook, 0).unwrap(), (1, 2));
    // What was known may be wrong: the kernel is asked for all of it.
    assert!(database.covered("").unwrap().is_empty());
}
