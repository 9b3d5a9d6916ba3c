//! The history against what was stored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::Clock;
use crate::store::database::{Database, Synchronous};
use crate::store::directory::Directory;
use crate::store::event_log::read;

const SECOND: i64 = 1_000_000;
/// Everything, as far as time goes.
const LONG: Duration = Duration::from_secs(1 << 30);

/// A line of that number and time, with so many octets more.
fn line_of(sequence: u64, time: i64, octets: usize) -> Vec<u8> {
    let mut line = Clock::default().beginning(time).to_owned();
    line += &format!("{sequence},\"event\":\"link\",\"x\":\"{}\"}}", "x".repeat(octets));
    line.into_bytes()
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// A commit of events: how many seconds later or earlier each is, its octets, and who wants it.
    Append(Vec<(i8, usize, u8)>),
    /// A webhook is done with a part of what it waits for.
    Delivered(usize, prop::sample::Index),
    /// Small chunks are put together.
    Merge,
    /// What is older than a part of the time is forgotten, or what is beyond a part of the room.
    Forget(prop::sample::Index),
    Bound(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((-2..5_i8, 0..40_000_usize, 0..4_u8), 1..8).prop_map(Step::Append),
        1 => (0..2_usize, any::<prop::sample::Index>()).prop_map(|(webhook, event)| Step::Delivered(webhook, event)),
        3 => Just(Step::Merge),
        1 => any::<prop::sample::Index>().prop_map(Step::Forget),
        1 => (0..3_000_usize).prop_map(Step::Bound),
    ]
}

struct Play {
    database: Database,
    connection: Connection,
    webhooks: Vec<i64>,
    /// Every event that was stored, with its time.
    lines: BTreeMap<u64, (i64, Vec<u8>)>,
    wanted: Vec<BTreeSet<u64>>,
    time: i64,
    kept_from: i64,
    /// Some were forgotten for want of room.
    is_bounded: bool,
}

impl Play {
    fn step(&mut self, step: &Step) {
        let last = self.lines.keys().next_back().copied().unwrap_or_default();
        match step {
            Step::Append(events) => {
                let (mut chunk, mut shares) = (Chunk::default(), vec![Share::default(); 2]);
                for (number, (later, octets, wants)) in events.iter().enumerate() {
                    self.time += i64::from(*later) * SECOND;
                    let sequence = last + 1 + number as u64;
                    let line = line_of(sequence, self.time, *octets);
                    chunk.push(sequence, &line);
                    for (webhook, share) in
                        shares.iter_mut().enumerate().filter(|(webhook, _)| wants >> webhook & 1 == 1)
                    {
                        share.add(number, line.len());
                        self.wanted[webhook].insert(sequence);
                    }
                    self.lines.insert(sequence, (self.time, line));
                }
                let shares: Vec<(i64, &Share)> = self.webhooks.iter().copied().zip(&shares).collect();
                self.database.append(&chunk, 7, &shares).unwrap();
            }
            Step::Delivered(webhook, event) => {
                let last = event.index(last as usize + 1) as u64;
                self.database.delivered(self.webhooks[*webhook], last).unwrap();
                self.wanted[*webhook].retain(|sequence| *sequence > last);
            }
            Step::Merge => while self.database.merge().unwrap() {},
            Step::Forget(part) => {
                let keep = Duration::from_secs(part.index(60) as u64);
                self.kept_from = self.kept_from.max(self.time - keep.as_micros() as i64);
                let keeping = Keeping { keep, size_bytes: usize::MAX >> 1 };
                while self.database.forget_old(&keeping, self.time).unwrap().has_more {}
            }
            Step::Bound(size_bytes) => {
                self.is_bounded = true;
                let keeping = Keeping { keep: LONG, size_bytes: *size_bytes };
                while self.database.forget_old(&keeping, self.time).unwrap().has_more {}
            }
        }
    }

    fn told(&self, span: Span, after: u64, is_reverse: bool) -> Vec<(u64, Vec<u8>)> {
        let mut chunks = Chunks::new(&self.connection, span, after, is_reverse).unwrap();
        let mut told = Vec::new();
        while let Some(read) = chunks.next(&self.connection).unwrap() {
            let Read::Events(mut entries, lines) = read else { panic!("{read:?}") };
            if is_reverse {
                entries.reverse();
            }
            told.extend(entries.iter().map(|entry| (entry.sequence, entry.line(&lines).to_vec())));
        }
        told
    }

    /// What a step has led to, once it is committed: the connection that looks is not the one that wrote.
    fn compare(&self, step: &Step) {
        if let Step::Bound(size_bytes) = step {
            let held = "SELECT coalesce(sum(octets), 0) FROM chunk WHERE first NOT IN (SELECT chunk FROM share)";
            let octets: usize = self.connection.query_row(held, [], |row| row.get(0)).unwrap();
            assert!(octets <= *size_bytes, "{octets} octets where {size_bytes} are let");
        }
        for (webhook, wanted) in self.webhooks.iter().zip(&self.wanted) {
            let (events, _) = read(&self.connection, *webhook, (0, u64::MAX), (usize::MAX, usize::MAX)).unwrap();
            let expected: Vec<_> = wanted.iter().map(|sequence| (*sequence, self.lines[sequence].1.clone())).collect();
            assert_eq!(events.len(), expected.len());
            assert!(events == expected);
        }
        let told = self.told(Span::ALL, 0, false);
        assert!(told.iter().all(|(sequence, line)| self.lines[sequence].1 == *line));
        assert!(told.is_sorted_by_key(|(sequence, _)| *sequence));
        let mut reversed = self.told(Span::ALL, 0, true);
        reversed.reverse();
        assert!(told == reversed);
        if !self.is_bounded {
            let kept = self.lines.iter().filter(|(_, (time, _))| *time >= self.kept_from);
            let told: BTreeSet<u64> = told.iter().map(|(sequence, _)| *sequence).collect();
            kept.for_each(|(sequence, _)| assert!(told.contains(sequence), "{sequence}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_kept_is_what_was_stored(
        steps in prop::collection::vec(step(), 1..40),
        part in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let state = tempfile::tempdir().unwrap();
        let directory = Directory::open(state.path()).unwrap();
        let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
        database.keep_from(0);
        let webhooks: Vec<i64> = ["a", "b"].iter().map(|name| database.enroll(name).unwrap().webhook).collect();
        let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
        let (lines, time) = (BTreeMap::new(), 1_000 * SECOND);
        let wanted = vec![BTreeSet::new(); 2];
        let mut play =
            Play { database, connection, webhooks, lines, wanted, time, kept_from: 0, is_bounded: false };
        for step in &steps {
            play.database.begin().unwrap();
            play.step(step);
            play.database.commit().unwrap();
            play.compare(step);
        }
        // A part of it is what all of it has there.
        let last = play.lines.keys().next_back().copied().unwrap_or_default();
        let after = part.0.index(last as usize + 1) as u64;
        let span = Span { since: 900 * SECOND + part.1.index(300) as i64 * SECOND, until: 950 * SECOND + part.2.index(300) as i64 * SECOND };
        let all = play.told(Span::ALL, 0, false);
        let expected: Vec<_> = all
            .into_iter()
            .filter(|(sequence, _)| {
                let time = play.lines[sequence].0;
                *sequence > after && (span.since..=span.until).contains(&time)
            })
            .collect();
        prop_assert!(play.told(span, after, false) == expected);
    }
}

/// A database with a history of so many commits of one event each.
fn filled(state: &std::path::Path, commits: u64) -> Database {
    let directory = Directory::open(state).unwrap();
    let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap();
    database.keep_from(0);
    for sequence in 1..=commits {
        let mut chunk = Chunk::default();
        chunk.push(sequence, &line_of(sequence, sequence as i64 * SECOND, 1000));
        database.append(&chunk, 7, &[]).unwrap();
    }
    database
}

#[test]
fn a_reader_goes_on_while_chunks_are_put_together_and_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let database = filled(state.path(), 600);
    let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
    let mut chunks = Chunks::new(&connection, Span::ALL, 0, false).unwrap();
    let mut told = Vec::new();
    let mut take = |chunks: &mut Chunks| match chunks.next(&connection).unwrap() {
        Some(Read::Events(entries, _)) => {
            told.extend(entries.iter().map(|entry| entry.sequence));
            true
        }
        _ => false,
    };
    (0..100).for_each(|_| assert!(take(&mut chunks)));
    while database.merge().unwrap() {}
    let count: u64 = connection.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0)).unwrap();
    assert!(count < 150, "{count}");
    while take(&mut chunks) {}
    // What comes is found; what is forgotten meanwhile is passed over.
    let mut chunk = Chunk::default();
    chunk.push(601, &line_of(601, 601 * SECOND, 1));
    database.append(&chunk, 7, &[]).unwrap();
    chunks.find(&connection).unwrap();
    while take(&mut chunks) {}
    assert_eq!(told, (1..=601).collect::<Vec<u64>>());
    let mut chunks = Chunks::new(&connection, Span::ALL, 0, false).unwrap();
    let keeping = Keeping { keep: Duration::from_secs(1), size_bytes: usize::MAX >> 1 };
    while database.forget_old(&keeping, 601 * SECOND).unwrap().has_more {}
    told.clear();
    let mut take = |chunks: &mut Chunks| match chunks.next(&connection).unwrap() {
        Some(Read::Events(entries, _)) => {
            told.extend(entries.iter().map(|entry| entry.sequence));
            true
        }
        _ => false,
    };
    while take(&mut chunks) {}
    assert_eq!(told.last(), Some(&601));
    assert!(told.len() < 300, "{}", told.len());
}

#[test]
fn a_chunk_that_cannot_be_read_is_told_of_and_costs_no_other() {
    let state = tempfile::tempdir().unwrap();
    let database = filled(state.path(), 3);
    let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
    connection.execute_batch("UPDATE chunk SET checksum = 1 WHERE first = 2").unwrap();
    assert!(!database.merge().unwrap());
    let mut chunks = Chunks::new(&connection, Span::ALL, 0, false).unwrap();
    let mut told = Vec::new();
    while let Some(read) = chunks.next(&connection).unwrap() {
        told.push(match read {
            Read::Events(entries, _) => (entries[0].sequence, None),
            Read::Damaged(first, _, why) => (first, Some(why)),
        });
    }
    assert_eq!(told, [(1, None), (2, Some(Damaged("a chunk's checksum is wrong"))), (3, None)]);
    // Nobody waits for it, so that the database is good.
    drop(database);
    let directory = Directory::open(state.path()).unwrap();
    assert!(!Database::open(&directory, Synchronous::Normal, Duration::ZERO).unwrap().1);
}

#[test]
fn where_there_is_no_history_any_more_it_goes() {
    let state = tempfile::tempdir().unwrap();
    let database = filled(state.path(), 700);
    let webhook = database.enroll("a").unwrap().webhook;
    let (mut chunk, mut share) = (Chunk::default(), Share::default());
    let line = line_of(701, SECOND, 1);
    chunk.push(701, &line);
    share.add(0, line.len());
    database.append(&chunk, 7, &[(webhook, &share)]).unwrap();
    while database.forget_history().unwrap() {}
    let connection = Connection::open(state.path().join("linkhook.db")).unwrap();
    let count: u64 = connection.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}
