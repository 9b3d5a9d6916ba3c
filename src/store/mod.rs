//! What outlives linkhook: events that wait for webhooks, what each webhook has of them, the mirror, and the last line's
//! number, in one database that agrees with itself whatever the instant of a crash.
//!
//! The loop hands over lines with all that belongs to them ([`Append`]). One thread commits whatever has gathered, and
//! gives the lines back to be printed, so that what was seen will be delivered. While the disk is full or fails, lines
//! are given back at once, and the events in them are counted as lost for the webhooks that wanted them.
//!
//! ```text
//!    loop ──Append──▶ ┌──────────┐                ┌──────────────┐ ──lines to print──▶ loop
//!                     │ commands │ ──in turn ──▶  │ the thread:  │
//!  worker ──fix,────▶ │ in order │                │ one          │ ──committed──▶ Queue (a webhook's lane)
//!           done      └──────────┘                │ transaction  │
//!                                                 └──────┬───────┘
//!                                                        ▼
//!   workers ◀──StoreReader, by Whereabouts──────── linkhook.db
//! ```

pub mod database;
pub mod directory;
pub mod event_log;
pub mod folder;
pub mod look;
mod mirror_changes;
mod mirror_dump;
pub mod reader;
pub mod snapshot;
mod thread;
mod transaction;

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

pub use database::{Commits, Enrolled, Fixed, Synchronous, Trouble};
use database::{Database, HELD_AT_START_MAX};
pub use directory::Directory;
pub use event_log::history::Keeping;
pub use mirror_changes::Changes;
pub use reader::StoreReader;
use reader::Whereabouts;

use crate::error::{Error, Result};
use crate::threads;

/// Bytes of lines and objects that are not committed yet at most, one slice beyond it apart; then nothing more is
/// decoded.
const PENDING_BYTES_MAX: usize = 8 << 20;
/// Whoever waits for a commit is asked so often whether to wait on.
const PATIENCE_PAUSE: Duration = Duration::from_millis(200);
/// Why an event is lost that `linkhook spool drop` has removed.
pub const REMOVED: &str = "dropped by linkhook spool";
/// Why an event is lost where there is no room for it.
pub const SPOOL_FULL: &str = "spool full";

/// What is between the store and a webhook: who is told what was committed, and says what there is room for.
pub trait Queue: Send + Sync {
    /// The webhook's name.
    fn name(&self) -> &str;
    /// Its number in the tables.
    fn webhook(&self) -> i64;
    /// Takes an event in, where there is no store; whoever waits for it is told by [`Queue::settled`].
    fn put(&self, sequence: u64, line: &Arc<[u8]>);
    /// Events were removed by hand, in a transaction that is not committed yet: each with its bytes.
    fn removed(&self, gone: &[(u64, usize)]);
    /// So many events wait again that were dead, the first of them with that number, and so many bytes. They are committed.
    fn returned(&self, first: u64, last: u64, events: u64, octets: usize);
    /// Whether an event of so many bytes is let in.
    fn admit(&self, octets: usize) -> Admission;
    /// Gives up the event that has waited longest, but for those on their way. `find` gives the first one after a number,
    /// with its bytes. `None` when there is none.
    fn drop_oldest(&self, find: &mut dyn FnMut(u64) -> Option<(u64, usize)>) -> Option<u64>;
    /// An event that was let in is committed; whoever waits for it is told by [`Queue::settled`].
    fn committed(&self, sequence: u64, line: &Arc<[u8]>);
    /// What was let in and given up since the last commit is committed, but for what [`Queue::committed`] was not told of.
    fn settled(&self);
    /// What was let in and given up since the last commit was not committed.
    fn rolled_back(&self);
    /// Events are lost, and are to be told.
    fn lose(&self, reason: &str, events: u64);
    /// An event is not stored, and so lost, if the webhook wants it.
    fn not_stored(&self, line: &Arc<[u8]>, reason: &'static str);
    /// What the store knows of the webhook; said again where that could not be committed.
    fn enroll(&self, known: &Enrolled);
    /// The same is committed: from here on it may be delivered.
    fn enrolled(&self, known: Enrolled);
    /// The database is lost, and this is the webhook's number in a new one. Gives what memory holds; nothing is read from
    /// the store until [`Queue::moved`].
    fn salvage(&self, webhook: i64) -> Salvage;
    /// The new database has that, and the rest is lost.
    fn moved(&self, reason: &str);
}

/// What memory holds of a webhook.
#[derive(Debug, Default)]
pub struct Salvage {
    /// The number of its last batch.
    pub batches: u64,
    /// The batch on its way.
    pub batch: Option<Arc<Fixed>>,
    /// The events on their way and those that wait.
    pub events: Vec<(u64, Arc<[u8]>)>,
    /// Events lost and not told yet, by reason.
    pub losses: Vec<(String, u64)>,
    /// How many more events wait.
    pub missing: u64,
    /// Until when it is paused, in microseconds since 1970.
    pub paused: Option<u64>,
}

/// Whether a webhook takes one more event in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// There is room, and it is counted.
    Taken,
    /// There is none, and why.
    Refused(&'static str),
    /// There is none before the oldest is given up.
    AfterOldest,
}

/// An event and who wants it.
#[derive(Clone)]
pub struct Staged {
    /// The number of its line.
    pub sequence: u64,
    /// Its line, without the newline.
    pub line: Arc<[u8]>,
    /// The webhooks that want it.
    pub wanted_by: SmallVec<[Arc<dyn Queue>; 2]>,
}

impl fmt::Debug for Staged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Staged({}, {} webhooks)", self.sequence, self.wanted_by.len())
    }
}

/// Kinds all of whose objects are in the mirror.
#[derive(Clone, Debug, Default)]
pub struct Covered {
    /// The namespace.
    pub netns: Arc<str>,
    /// The kinds.
    pub kinds: Vec<&'static str>,
    /// The kinds of which this says nothing: another protocol's place does. All others are forgotten.
    pub others: Vec<&'static str>,
}

/// What is to be committed at once.
#[derive(Default)]
pub struct Append {
    /// What is printed once it is committed.
    pub lines: Vec<u8>,
    /// The number of the last line.
    pub sequence: u64,
    /// The lines that are kept as history, as JSON; none where there is no history.
    pub history: Vec<u8>,
    /// The events that some webhook wants.
    pub events: Vec<Staged>,
    /// How the mirror changed.
    pub changes: Changes,
    /// Namespaces of which nothing is known any more; said before `changes`.
    pub forgotten: Vec<Arc<str>>,
    /// Of which kinds all objects are in the mirror now.
    pub covered: Vec<Covered>,
    /// Losses that these lines tell: of which webhook, why, how many events.
    pub told: Vec<(Arc<dyn Queue>, String, u64)>,
}

impl Append {
    fn bytes(&self) -> usize {
        let events: usize = self.events.iter().map(|event| event.line.len()).sum();
        self.lines.len() + self.history.len() + events + self.changes.bytes().len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
            && self.history.is_empty()
            && self.events.is_empty()
            && self.changes.bytes().is_empty()
            && self.forgotten.is_empty()
            && self.covered.is_empty()
            && self.told.is_empty()
    }
}

/// A run of linkhook, as the history is to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it began, in microseconds since 1970.
    pub began: i64,
    /// The number of the last line before it.
    pub after: u64,
    /// The kinds that it watches, with commas between them.
    pub kinds: String,
    /// By what its lines are narrowed beside that, with commas between them.
    pub narrowed: String,
    /// The network namespaces that it watches at first, with slashes between them, which no name has; `.` is linkhook's own. Empty where
    /// it is not known.
    pub namespaces: String,
}

enum Command {
    Append(Append),
    /// A run begins.
    Begin(Run),
    /// From here on it is told of: what is known of its webhook first, which is entered where it is new.
    Attend(Arc<dyn Queue>),
    Fix(Arc<dyn Queue>, Arc<Fixed>, Promise<()>),
    /// Its batch was tried for so long, in milliseconds; that one, where its body is to be kept from here on.
    Tried(Arc<dyn Queue>, u64, Option<Arc<Fixed>>),
    Done(Arc<dyn Queue>, u64, Option<(String, u64)>),
    /// It does not wait for these any more, and lost some of them.
    Drop(Arc<dyn Queue>, Vec<u64>, Vec<(String, u64)>, Promise<()>),
    /// Its batch is none any more, and so many were made.
    Unfix(Arc<dyn Queue>, u64),
    /// It does not wait any more for the first events of these ranges, so many at most, which are lost for that reason.
    Remove(Arc<dyn Queue>, Vec<(u64, u64)>, usize, Promise<Vec<u64>>),
    /// It waits again for these, in their order.
    Return(Arc<dyn Queue>, Vec<(u64, Arc<[u8]>)>, Promise<bool>),
    /// It is paused until then, or not at all.
    Pause(Arc<dyn Queue>, Option<u64>, Promise<()>),
    /// A part of a snapshot; whether it could be stored.
    KeepPart(snapshot::Part, Promise<bool>),
    /// All parts of a snapshot are stored; whether that could be noted.
    KeepSnapshot(snapshot::Whole, Promise<bool>),
    /// Everything before is done.
    Reach(Promise<()>),
    Strike(Arc<dyn Queue>),
    /// A reader finds the database damaged.
    Suspect(String),
}

/// Where an answer is waited for.
struct Promise<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> Clone for Promise<T> {
    fn clone(&self) -> Promise<T> {
        Promise(self.0.clone())
    }
}

impl<T> Promise<T> {
    fn new() -> Promise<T> {
        Promise(Arc::new((Mutex::new(None), Condvar::new())))
    }

    fn give(&self, answer: T) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.0.1.notify_all();
    }

    /// Waits so long for the answer.
    fn wait(&self, most: Duration) -> Option<T> {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(guard, most, |answer| answer.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

#[derive(Default)]
struct StoreState {
    commands: VecDeque<Command>,
    /// Bytes of the appends that are not committed yet.
    pending_bytes: usize,
    /// Lines that are to be printed.
    released: Vec<u8>,
    /// The number of the last line that was committed, or given up.
    committed: u64,
    /// Whoever appends waits for room.
    room_wanted: bool,
    /// The database began anew: the whole mirror is wanted.
    mirror_wanted: bool,
    /// Nothing can be written for now, and why.
    obstacle: Option<String>,
    /// There can be no state directory any more.
    failed: Option<Error>,
    ending: bool,
    /// It ends without closing anything.
    abandoned: bool,
    ended: bool,
}

struct Shared {
    state: Mutex<StoreState>,
    /// There is something to do.
    filled: Condvar,
    /// Everything is done, or the thread has ended.
    emptied: Condvar,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, StoreState> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, command: Command) {
        self.lock().commands.push_back(command);
        self.filled.notify_one();
    }
}

/// Tells the end of the thread, by whatever it came.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.emptied.notify_all();
        (self.0.wake)();
    }
}

/// A namespace of which something was known at the start.
#[derive(Debug)]
struct Remembered {
    netns: String,
    is_asked_for: bool,
}

/// The store, for the loop.
pub struct Store {
    shared: Arc<Shared>,
    known: StoreReader,
    whereabouts: Whereabouts,
    /// Namespaces of which something was known at the start.
    namespaces: Vec<Remembered>,
    webhooks: Vec<String>,
    sequence: u64,
    path: std::path::PathBuf,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Store({})", self.path.display())
    }
}

/// The store, for a webhook.
#[derive(Clone)]
pub struct StoreHandle {
    shared: Arc<Shared>,
    whereabouts: Whereabouts,
}

impl fmt::Debug for StoreHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StoreHandle({:?})", self.whereabouts)
    }
}

impl Store {
    /// Opens the state directory, and starts the thread. `wake` is called from it when lines are to be printed, and when
    /// there is room again after there was none.
    pub fn open(path: &Path, commits: impl Into<Commits>, wake: impl Fn() + Send + Sync + 'static) -> Result<Store> {
        let commits = commits.into();
        let directory = Directory::open(path)?;
        let (database, _) = Database::open(&directory, commits.synchronous, HELD_AT_START_MAX)?;
        let failed = |failure: database::SqlError| {
            Error::failed(format_args!("cannot read {}: {failure}", directory.database().display()))
        };
        database.order_mirror().map_err(failed)?;
        let sequence = database.sequence().map_err(failed)?;
        let has_past = || {
            let found = directory.has_past();
            found.map_err(|error| Error::system(format_args!("cannot read {}", directory.path().display()), &error))
        };
        // No number is given twice: a dead letter that waits again must be no other event.
        let sequence = if sequence == 0 && has_past()? { unused_sequence() } else { sequence };
        let remembered = |netns| Remembered { netns, is_asked_for: false };
        let namespaces = database.namespaces().map_err(failed)?.into_iter().map(remembered).collect();
        let webhooks = database.webhooks().map_err(failed)?;
        let path = directory.database();
        let real = directory.real_database();
        let real = real.map_err(|error| Error::system(format_args!("cannot use {}", path.display()), &error))?;
        let whereabouts = Whereabouts::new(real);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            wake: Box::new(wake),
        });
        let mut writer = thread::StoreThread::new(directory, database, commits, whereabouts.clone(), sequence);
        let started = threads::start("store", {
            let ended = EndGuard(shared.clone());
            move || {
                writer.run(&ended.0);
                // With the lock of the directory.
                drop(writer);
            }
        });
        started.map_err(|error| Error::system("cannot start the store's thread", &error))?;
        Ok(Store {
            shared,
            known: StoreReader::new(whereabouts.clone()),
            whereabouts,
            namespaces,
            webhooks,
            sequence,
            path,
        })
    }

    /// The store for webhooks.
    pub fn handle(&self) -> StoreHandle {
        StoreHandle { shared: self.shared.clone(), whereabouts: self.whereabouts.clone() }
    }

    /// The number of the last line of the last run, or a greater one.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// This run begins.
    pub fn begin_run(&self, run: Run) {
        self.shared.push(Command::Begin(run));
    }

    /// The names of the webhooks that it knew at the start.
    pub fn webhooks(&self) -> &[String] {
        &self.webhooks
    }

    /// The namespaces of which something was known at the start and which nobody has asked for.
    pub fn take_namespaces(&mut self) -> Vec<String> {
        std::mem::take(&mut self.namespaces).into_iter().filter(|of| !of.is_asked_for).map(|of| of.netns).collect()
    }

    /// What was known of a namespace when linkhook last ran, until [`Store::take_namespaces`] is called. Gives each object to
    /// `each`, with the name of its kind, and gives back the kinds all of whose objects are known.
    pub fn known(&mut self, netns: &str, each: impl FnMut(&str, &[u8])) -> Result<Vec<String>> {
        let Some(of) = self.namespaces.iter_mut().find(|of| of.netns == netns) else { return Ok(Vec::new()) };
        of.is_asked_for = true;
        self.known
            .known(netns, each)
            .map_err(|failure| Error::failed(format_args!("cannot read {}: {failure}", self.path.display())))
    }

    /// Whether appends are taken; where not, `wake` is called once they are.
    pub fn has_room(&self) -> bool {
        let mut state = self.shared.lock();
        let room = state.pending_bytes < PENDING_BYTES_MAX;
        state.room_wanted = !room;
        room
    }

    /// Bytes that are not committed yet.
    pub fn pending_bytes(&self) -> usize {
        self.shared.lock().pending_bytes
    }

    /// Why nothing can be written for now, where that is so.
    pub fn obstacle(&self) -> Option<String> {
        self.shared.lock().obstacle.clone()
    }

    /// Whether the whole mirror is wanted, since the database began anew. Asked once, it is forgotten.
    pub fn wants_mirror(&self) -> bool {
        std::mem::take(&mut self.shared.lock().mirror_wanted)
    }

    /// Hands over what is to be committed.
    pub fn append(&self, append: Append) {
        if append.is_empty() {
            return;
        }
        let mut state = self.shared.lock();
        state.pending_bytes += append.bytes();
        state.commands.push_back(Command::Append(append));
        drop(state);
        self.shared.filled.notify_one();
    }

    /// The lines that are to be printed now. An error when there can be no state directory any more, or when the thread
    /// has ended by itself, which is a defect.
    pub fn released(&self) -> Result<Vec<u8>> {
        let mut state = self.shared.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        if state.ended && !state.ending {
            return Err(Error::failed("the store's thread has ended by a defect; please report it"));
        }
        Ok(std::mem::take(&mut state.released))
    }

    /// The number of the last line that was committed, or could not be; 0 where none was.
    pub fn committed(&self) -> u64 {
        self.shared.lock().committed
    }

    /// Waits until everything that was handed over is done, at most so long, and gives back lines that are to be printed.
    pub fn settle(&self, most: Duration) -> Vec<u8> {
        let deadline = Instant::now() + most;
        let mut state = self.shared.lock();
        while (state.pending_bytes > 0 || !state.commands.is_empty()) && !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut state.released)
    }

    /// Ends as a crash would: nothing more is committed, and nothing is closed in order.
    #[cfg(test)]
    pub(crate) fn abandon(self) {
        let mut state = self.shared.lock();
        state.abandoned = true;
        state.ending = true;
        self.shared.filled.notify_one();
        while !state.ended {
            state = self.shared.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The end: what was handed over is done, within that time at most, and the database is closed.
    pub fn finish(self, most: Duration) {
        let deadline = Instant::now() + most;
        let mut state = self.shared.lock();
        state.ending = true;
        self.shared.filled.notify_one();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                log::warn!("the store did not end in time; the next start takes up what it has committed");
                return;
            }
            state = self.shared.emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A number that no line had, where nothing says which had: microseconds since 1970 are more than all lines there were.
fn unused_sequence() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default()
}

impl StoreHandle {
    /// From here on that queue is told what was committed for it, and first what is known of its webhook.
    pub fn attend(&self, queue: Arc<dyn Queue>) {
        self.shared.push(Command::Attend(queue));
    }

    /// Fixes a webhook's batch. Waits for the commit as long as it is told to; `false` when that was not enough, and the
    /// batch must not be sent yet.
    pub fn fix(&self, queue: Arc<dyn Queue>, batch: Arc<Fixed>, patience: &mut dyn FnMut() -> bool) -> bool {
        self.wait_for(|reply| Command::Fix(queue, batch, reply), patience)
    }

    /// A webhook's batch was tried for so long, in milliseconds; that one, where its body is to be kept from here on.
    pub fn tried(&self, queue: Arc<dyn Queue>, milliseconds: u64, keep: Option<Arc<Fixed>>) {
        self.shared.push(Command::Tried(queue, milliseconds, keep));
    }

    /// A webhook is done with every event up to that one; where they are lost, why and how many.
    pub fn done(&self, queue: Arc<dyn Queue>, last: u64, lost: Option<(String, u64)>) {
        self.shared.push(Command::Done(queue, last, lost));
    }

    /// A webhook does not wait for these events any more, of which so many are lost. Waits as [`StoreHandle::fix`] does.
    pub fn drop_events(
        &self,
        queue: Arc<dyn Queue>,
        gone: Vec<u64>,
        losses: Vec<(String, u64)>,
        patience: &mut dyn FnMut() -> bool,
    ) -> bool {
        self.wait_for(|reply| Command::Drop(queue, gone, losses, reply), patience)
    }

    /// Waits until everything is done that was handed over before. Waits as [`StoreHandle::fix`] does.
    pub fn reach(&self, patience: &mut dyn FnMut() -> bool) -> bool {
        self.wait_for(Command::Reach, patience)
    }

    fn wait_for(&self, command: impl FnOnce(Promise<()>) -> Command, patience: &mut dyn FnMut() -> bool) -> bool {
        self.answer(command, patience).is_some()
    }

    fn answer<T>(&self, command: impl FnOnce(Promise<T>) -> Command, patience: &mut dyn FnMut() -> bool) -> Option<T> {
        let reply = Promise::new();
        self.shared.push(command(reply.clone()));
        loop {
            if let Some(answer) = reply.wait(PATIENCE_PAUSE) {
                return Some(answer);
            }
            if !patience() {
                return None;
            }
        }
    }

    /// A webhook's batch is none any more: its events wait again, and so many batches were made for it.
    pub fn unfix(&self, queue: Arc<dyn Queue>, batches: u64) {
        self.shared.push(Command::Unfix(queue, batches));
    }

    /// A webhook does not wait any more for the first events of ranges in their order, so many at most, which are told as lost
    /// ([`REMOVED`]). Gives back their numbers. Waits as [`StoreHandle::fix`] does; where that was not enough, it may still
    /// be done.
    pub fn remove(
        &self,
        queue: Arc<dyn Queue>,
        ranges: Vec<(u64, u64)>,
        most: usize,
        patience: &mut dyn FnMut() -> bool,
    ) -> Option<Vec<u64>> {
        self.answer(|reply| Command::Remove(queue, ranges, most, reply), patience)
    }

    /// A webhook waits again for these events, which are in order and come before all others. Waits as
    /// [`StoreHandle::remove`] does. `false` where one of these numbers is another event's by now, which somebody waits for:
    /// then none of them waits.
    pub fn give_back(
        &self,
        queue: Arc<dyn Queue>,
        events: Vec<(u64, Arc<[u8]>)>,
        patience: &mut dyn FnMut() -> bool,
    ) -> Option<bool> {
        self.answer(|reply| Command::Return(queue, events, reply), patience)
    }

    /// A webhook is paused until then, in microseconds since 1970, or not at all. Waits as [`StoreHandle::remove`] does.
    pub fn pause(&self, queue: Arc<dyn Queue>, until: Option<u64>, patience: &mut dyn FnMut() -> bool) -> bool {
        self.wait_for(|reply| Command::Pause(queue, until, reply), patience)
    }

    /// Why nothing can be written for now, where that is so.
    pub fn obstacle(&self) -> Option<String> {
        self.shared.lock().obstacle.clone()
    }

    /// A webhook is gone, and nothing waits for it.
    pub fn strike(&self, queue: Arc<dyn Queue>) {
        self.shared.push(Command::Strike(queue));
    }

    /// Somebody who reads finds the database damaged: the thread looks, and begins anew where it is.
    pub fn suspect(&self, why: &dyn fmt::Display) {
        self.shared.push(Command::Suspect(why.to_string()));
    }

    /// A reader beside the thread.
    pub fn reader(&self) -> StoreReader {
        StoreReader::new(self.whereabouts.clone())
    }
}
