//! The thread that writes: one transaction for whatever has gathered.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::database::{Database, Directory, Failure, Synchronous, Trouble};
use super::{Admission, Append, Command, Queue, Shared, Staged};
use crate::fault;

/// So many numbers of lines are set aside at once: after a crash so many at most are skipped.
const SEQUENCE_BLOCK: u64 = 10_000;
/// While the disk is full or fails, it is tried again so often.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);
/// Pages that hold nothing are kept up to here, and given back in steps of so many.
const FREE_PAGES: i64 = 256;
/// Beyond so many they are given back while there is other work, too.
const FREE_PAGES_MAX: i64 = 4096;

/// Where an identity stands in the mirror's table.
type Place = (Arc<str>, &'static str, Box<[u8]>);

/// What the thread knows.
pub(super) struct Writer {
    directory: Directory,
    database: Option<Database>,
    synchronous: Synchronous,
    /// The number of the last line, and the one that the database says.
    sequence: u64,
    reserved: u64,
    /// What is not committed yet, beside appends.
    kept: VecDeque<Command>,
    mirror: MirrorChanges,
    told: Vec<(Arc<dyn Queue>, String, u64)>,
    queues: Vec<Arc<dyn Queue>>,
    /// The disk is full or fails; when it is tried again.
    trouble: Option<Instant>,
    /// There may be pages to give back.
    loose: bool,
    /// Some were given back, which the file shows once the log is taken over.
    shrunk: bool,
}

/// How the mirror changed since the last commit: once for each identity.
#[derive(Default)]
struct MirrorChanges {
    objects: HashMap<Place, Option<Box<[u8]>>>,
    forgotten: Vec<Arc<str>>,
    covered: Vec<(Arc<str>, Vec<&'static str>)>,
}

impl MirrorChanges {
    fn take(&mut self, append: &mut Append) {
        for netns in append.forgotten.drain(..) {
            self.objects.retain(|(of, ..), _| *of != netns);
            self.covered.retain(|(of, _)| *of != netns);
            self.forgotten.push(netns);
        }
        for row in append.objects.drain(..) {
            self.objects.insert((row.netns, row.kind, row.key), row.objects);
        }
        self.covered.append(&mut append.covered);
    }

    fn write(&self, database: &Database) -> Result<(), Failure> {
        for netns in &self.forgotten {
            database.forget(netns)?;
        }
        // Before the objects: it removes those of kinds that are not covered any more.
        for (netns, kinds) in &self.covered {
            database.cover(netns, kinds)?;
        }
        for ((netns, kind, key), objects) in &self.objects {
            database.set_objects(netns, kind, key, objects.as_deref())?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.objects.clear();
        self.objects.shrink_to(1024);
        self.forgotten.clear();
        self.covered.clear();
    }
}

/// An event that was let in: by whom, its number, its line.
type Admitted = (Arc<dyn Queue>, u64, Arc<[u8]>);

/// What follows from a transaction once it is committed.
#[derive(Default)]
struct Effects {
    admitted: Vec<Admitted>,
    losses: Vec<(Arc<dyn Queue>, &'static str, u64)>,
    replies: Vec<Box<dyn FnOnce()>>,
}

impl Effects {
    fn lose(&mut self, queue: &Arc<dyn Queue>, reason: &'static str) {
        match self.losses.iter_mut().find(|(known, why, _)| Arc::ptr_eq(known, queue) && *why == reason) {
            Some((_, _, events)) => *events += 1,
            None => self.losses.push((queue.clone(), reason, 1)),
        }
    }
}

impl Writer {
    pub fn new(directory: Directory, database: Database, synchronous: Synchronous, sequence: u64) -> Writer {
        directory.keep_reserve();
        Writer {
            directory,
            database: Some(database),
            synchronous,
            sequence,
            reserved: sequence,
            kept: VecDeque::new(),
            mirror: MirrorChanges::default(),
            told: Vec::new(),
            queues: Vec::new(),
            trouble: None,
            loose: true,
            shrunk: false,
        }
    }

    /// Works until the end.
    pub fn run(&mut self, shared: &Shared) {
        while let Some(commands) = self.wait(shared) {
            self.work(commands, shared);
        }
        if !shared.lock().abandoned {
            self.close();
        }
    }

    /// Waits for what is to be done; `None` at the end.
    fn wait(&mut self, shared: &Shared) -> Option<VecDeque<Command>> {
        let mut state = shared.lock();
        loop {
            if !state.commands.is_empty() {
                return Some(std::mem::take(&mut state.commands));
            }
            if state.pending_bytes == 0 {
                shared.emptied.notify_all();
            }
            if state.ending {
                return None;
            }
            let due = match self.trouble {
                Some(again) => Some(again),
                None if self.loose => Some(Instant::now()),
                None => None,
            };
            match due.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) if self.trouble.is_some() => return Some(VecDeque::new()),
                Some(Duration::ZERO) => {
                    drop(state);
                    self.loose = self.tidy(FREE_PAGES);
                    if !self.loose && std::mem::take(&mut self.shrunk) {
                        self.check_point();
                    }
                    state = shared.lock();
                }
                Some(pause) => {
                    state = shared.filled.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                }
                None => state = shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn work(&mut self, commands: VecDeque<Command>, shared: &Shared) {
        let mut appends = Vec::new();
        let mut bytes = 0;
        for command in commands {
            match command {
                Command::Append(mut append) => {
                    bytes += append.bytes();
                    self.mirror.take(&mut append);
                    self.told.append(&mut append.told);
                    self.sequence = self.sequence.max(append.sequence);
                    appends.push(append);
                }
                Command::Attend(queue) => self.queues.push(queue),
                Command::Strike(queue) => {
                    self.queues.retain(|known| !Arc::ptr_eq(known, &queue));
                    self.kept.push_back(Command::Strike(queue));
                }
                other => self.kept.push_back(other),
            }
        }
        if self.trouble.is_some_and(|again| again > Instant::now()) {
            self.not_stored(&appends);
        } else {
            self.store(&appends, shared);
        }
        self.tidy(FREE_PAGES_MAX);
        let mut state = shared.lock();
        for append in appends {
            state.released.extend_from_slice(&append.lines);
        }
        state.pending_bytes -= bytes;
        let wanted = std::mem::take(&mut state.room_wanted);
        let wake = wanted || !state.released.is_empty();
        if state.pending_bytes == 0 && state.commands.is_empty() {
            shared.emptied.notify_all();
        }
        drop(state);
        if wake {
            (shared.wake)();
        }
    }

    fn store(&mut self, appends: &[Append], shared: &Shared) {
        let Err(failure) = self.commit(appends) else { return self.works() };
        if Trouble::of(&failure) == Trouble::Damaged && self.begin_anew(&failure) {
            shared.lock().mirror_wanted = true;
            (shared.wake)();
            if self.commit(appends).is_ok() {
                return self.works();
            }
        }
        if self.trouble.is_none() {
            log::error!(
                "the state directory {} cannot be written: {failure}; lines go on, webhooks do not get the events of \
                 this time",
                self.directory.path().display()
            );
        }
        self.trouble = Some(Instant::now() + TROUBLE_PAUSE);
        self.not_stored(appends);
        // What was delivered can still be noted, else it would be delivered again.
        if !self.kept.is_empty() {
            self.directory.give_up_reserve();
            if let Err(failure) = self.commit(&[]) {
                log::debug!("nor without new events: {failure}");
            }
        }
    }

    /// It can be written.
    fn works(&mut self) {
        self.loose = true;
        if self.trouble.take().is_some() {
            log::warn!("the state directory {} can be written again", self.directory.path().display());
            self.directory.keep_reserve();
        }
    }

    /// Their lines are printed all the same.
    fn not_stored(&self, appends: &[Append]) {
        for event in appends.iter().flat_map(|append| &append.events) {
            event.wanted_by.iter().for_each(|queue| queue.lose("the state directory could not be written", 1));
        }
    }

    /// One transaction for all of it, or nothing.
    fn commit(&mut self, appends: &[Append]) -> Result<(), Failure> {
        let mut effects = Effects::default();
        let reserved = self.reserved;
        let result = self.transaction(appends, &mut effects);
        if let Err(failure) = result {
            self.reserved = reserved;
            if let Some(database) = &self.database {
                database.roll_back();
                for queue in &self.queues {
                    // What cannot be counted is taken for nothing; the next start counts anew.
                    queue.roll_back(&mut |after| database.waiting(queue.webhook(), after).unwrap_or_default());
                }
            }
            return Err(failure);
        }
        self.kept.clear();
        self.mirror.clear();
        self.told.clear();
        effects.admitted.iter().for_each(|(queue, sequence, line)| queue.committed(*sequence, line));
        effects.losses.into_iter().for_each(|(queue, reason, events)| queue.lose(reason, events));
        effects.replies.into_iter().for_each(|reply| reply());
        Ok(())
    }

    fn transaction(&mut self, appends: &[Append], effects: &mut Effects) -> Result<(), Failure> {
        let Some(database) = &self.database else { return Err(Failure::InvalidQuery) };
        database.begin()?;
        for command in &self.kept {
            execute(database, command, effects)?;
        }
        for event in appends.iter().flat_map(|append| &append.events) {
            insert(database, event, effects)?;
        }
        self.mirror.write(database)?;
        for (queue, reason, events) in &self.told {
            database.told(queue.webhook(), reason, *events)?;
        }
        for (queue, reason, events) in &effects.losses {
            database.lose(queue.webhook(), reason, *events)?;
        }
        if self.sequence + SEQUENCE_BLOCK / 2 > self.reserved {
            self.reserved = self.sequence + SEQUENCE_BLOCK;
            database.set_sequence(self.reserved)?;
        }
        fault::point("before commit");
        database.commit()?;
        fault::point("after commit");
        Ok(())
    }

    /// Sets a damaged database aside, and begins a new one.
    fn begin_anew(&mut self, failure: &Failure) -> bool {
        log::error!("{}: {failure}", self.directory.database().display());
        // Closed first, so that nothing of it is written any more.
        self.database = None;
        let (database, anew) = match Database::open(&self.directory, self.synchronous) {
            Ok(opened) => opened,
            Err(error) => {
                log::error!("{error}");
                return false;
            }
        };
        self.database = Some(database);
        self.reserved = 0;
        if !anew {
            // It is whole after all.
            return true;
        }
        let Some(database) = &self.database else { return false };
        for queue in &self.queues {
            match database.enroll(queue.name()) {
                Ok(enrolled) => queue.reset(enrolled.webhook, "the database was damaged"),
                Err(failure) => log::error!("cannot enter the webhook {}: {failure}", queue.name()),
            }
        }
        true
    }

    /// Gives some of the pages back that hold nothing, beyond so many. Whether there may be more.
    fn tidy(&mut self, most: i64) -> bool {
        let Some(database) = &self.database else { return false };
        let shrunk_now = &mut self.shrunk;
        let shrunk = database.free_pages().and_then(|free| {
            if free > most {
                database.shrink(free.min(FREE_PAGES))?;
                *shrunk_now = true;
            }
            Ok(free > most)
        });
        shrunk.unwrap_or_else(|failure| {
            log::debug!("cannot give room back: {failure}");
            false
        })
    }

    fn check_point(&self) {
        if let Some(Err(failure)) = self.database.as_ref().map(Database::check_point) {
            log::debug!("the write-ahead log stays: {failure}");
        }
    }

    fn close(&mut self) {
        let Some(database) = &self.database else { return };
        let closed =
            database.begin().and_then(|()| database.set_sequence(self.sequence)).and_then(|()| database.commit());
        if let Err(failure) = closed {
            database.roll_back();
            log::warn!("cannot note the last line's number: {failure}; the next start skips some");
        }
        self.check_point();
        self.database = None;
    }
}

fn execute(database: &Database, command: &Command, effects: &mut Effects) -> Result<(), Failure> {
    match command {
        Command::Enroll(name, reply) => {
            let enrolled = database.enroll(name)?;
            let reply = reply.clone();
            effects.replies.push(Box::new(move || reply.give(enrolled)));
        }
        Command::Fix(queue, batch, passed, reply) => {
            for &sequence in passed {
                database.drop_wanted(queue.webhook(), sequence)?;
            }
            database.fix(queue.webhook(), batch)?;
            let reply = reply.clone();
            effects.replies.push(Box::new(move || reply.give(())));
        }
        Command::Done(queue, last, lost) => {
            database.delivered(queue.webhook(), *last)?;
            if let Some((reason, events)) = lost {
                database.lose(queue.webhook(), reason, *events)?;
            }
        }
        Command::Lost(queue, reason, events) => database.lose(queue.webhook(), reason, *events)?,
        Command::Strike(queue) => database.strike(queue.webhook())?,
        Command::Append(_) | Command::Attend(_) => {}
    }
    Ok(())
}

/// Stores an event for the webhooks that want it and have room.
fn insert(database: &Database, event: &Staged, effects: &mut Effects) -> Result<(), Failure> {
    const FULL: &str = "spool full";
    let octets = event.line.len();
    let mut stored = false;
    for queue in &event.wanted_by {
        let webhook = queue.webhook();
        let taken = loop {
            match queue.admit(octets) {
                Admission::Taken => break true,
                Admission::Refused => break false,
                Admission::AfterOldest => {}
            }
            let mut failed = None;
            let oldest = queue.drop_oldest(&mut |after| {
                database.first_wanted(webhook, after).unwrap_or_else(|failure| {
                    failed = Some(failure);
                    None
                })
            });
            if let Some(failure) = failed {
                return Err(failure);
            }
            let Some(oldest) = oldest else { break false };
            database.drop_wanted(webhook, oldest)?;
            effects.lose(queue, FULL);
        };
        if !taken {
            effects.lose(queue, FULL);
            continue;
        }
        if !stored {
            // Lines are JSON, and so UTF-8.
            let line = std::str::from_utf8(&event.line).unwrap_or_default();
            database.insert_event(event.sequence, line)?;
            stored = true;
        }
        database.insert_wanted(webhook, event.sequence, octets)?;
        effects.admitted.push((queue.clone(), event.sequence, event.line.clone()));
    }
    Ok(())
}
