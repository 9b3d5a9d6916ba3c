//! The thread that writes: one transaction for whatever has gathered.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::database::{CheckPoint, Commits, Database, Fixed, LOG_PAGE_BYTES, SqlError, Trouble};
use super::directory::{Directory, Places};
use super::mirror_changes::MirrorChanges;
use super::reader::{StoreReader, Whereabouts};
use super::snapshot::Snapshots;
use super::transaction::{Effects, Filling, execute};
use super::{Append, Command, PENDING_BYTES_MAX, Queue, Run, Shared};
use crate::error::Error;
use crate::fault;
use crate::units;

/// So many numbers of lines are set aside at once: after a crash so many at most are skipped.
const SEQUENCE_BLOCK: u64 = 10_000;
/// While the disk is full or fails, it is tried again so often; tests make many such.
const TROUBLE_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 1000 });
/// So often it looks whether directory and database are where they were.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// Pages that hold nothing are kept up to here, and given back in steps of so many.
const FREE_PAGES: i64 = 256;
/// Beyond so many they are given back while there is other work, too.
const FREE_PAGES_MAX: i64 = 4096;
/// The write-ahead log is taken over once it has so many pages, or so many more than when somebody held it.
const LOG_PAGES: u32 = 1000;
/// A write-ahead log of more bytes than this, which somebody holds by reading, is said aloud.
const LOG_SAID_BYTES: u64 = 64 << 20;
/// What is older than the history keeps it is looked for so often; more often where it keeps things for a short time.
const FORGET_PAUSE: Duration = Duration::from_secs(10);
const FORGET_PAUSE_MIN: Duration = Duration::from_secs(1);
/// Why events are lost that come while nothing can be stored.
const NOT_STORED: &str = "the state directory could not be written";
/// Why events are lost with a database.
const DAMAGED: &str = "the database was damaged";

/// What the thread knows.
pub(super) struct StoreThread {
    directory: Directory,
    database: Option<Database>,
    commits: Commits,
    /// When it has begun to commit last.
    committed_at: Option<Instant>,
    whereabouts: Whereabouts,
    /// What the names in the directory lead to.
    places: Places,
    look_at: Instant,
    /// They lead elsewhere now.
    astray: bool,
    /// The database is new, and does not have yet what memory holds.
    empty: bool,
    /// The number of the last line, and the one that the database says.
    sequence: u64,
    reserved: u64,
    /// What is to be known of this run, where there is a history.
    run: Option<Run>,
    /// What is not committed yet, beside appends.
    kept: VecDeque<Command>,
    mirror: MirrorChanges,
    told: Vec<(Arc<dyn Queue>, String, u64)>,
    queues: Vec<Arc<dyn Queue>>,
    /// The disk is full or fails; when it is tried again.
    trouble: Option<Instant>,
    /// There may be pages to give back.
    free_pages_left: bool,
    /// Some were given back, which the file shows once the log is taken over.
    shrunk: bool,
    log: Log,
    house: HouseKeeping,
}

/// What is done now and then about the history.
struct HouseKeeping {
    /// When it is looked for what is too old.
    forget_at: Instant,
    /// Nothing is put together before that: it has failed.
    merge_at: Instant,
    /// There may be something left of a history that is none any more.
    is_left: bool,
    /// That it reaches back less far than it should was said.
    is_short_said: bool,
    snapshots: Snapshots,
}

/// What is known of the write-ahead log.
struct Log {
    /// It is taken over at so many pages.
    due_pages: u32,
    /// Somebody reads what is older.
    is_held: bool,
    /// Its size was said.
    is_said: bool,
}

impl StoreThread {
    pub fn new(
        directory: Directory,
        database: Database,
        commits: Commits,
        whereabouts: Whereabouts,
        sequence: u64,
    ) -> StoreThread {
        directory.keep_reserve();
        let mut snapshots = Snapshots::new();
        keep_history(&database, &commits, &mut snapshots);
        let places = directory.places().unwrap_or_default();
        StoreThread {
            directory,
            database: Some(database),
            commits,
            committed_at: None,
            whereabouts,
            places,
            look_at: Instant::now() + LOOK_PAUSE,
            astray: false,
            empty: false,
            sequence,
            reserved: sequence,
            run: None,
            kept: VecDeque::new(),
            mirror: MirrorChanges::default(),
            told: Vec::new(),
            queues: Vec::new(),
            trouble: None,
            free_pages_left: true,
            shrunk: false,
            log: Log { due_pages: LOG_PAGES, is_held: false, is_said: false },
            house: HouseKeeping {
                forget_at: Instant::now(),
                merge_at: Instant::now(),
                is_left: commits.history.is_none(),
                is_short_said: false,
                snapshots,
            },
        }
    }

    /// Works until the end.
    pub fn run(&mut self, shared: &Arc<Shared>) {
        while let Some(commands) = self.wait(shared) {
            self.work(commands, shared);
        }
        if !shared.lock().abandoned {
            self.close();
        }
    }

    /// Waits for what is to be done; `None` at the end.
    fn wait(&mut self, shared: &Arc<Shared>) -> Option<VecDeque<Command>> {
        let mut state = shared.lock();
        loop {
            if !state.commands.is_empty() {
                let due = self.committed_at.map(|at| at + self.commits.pause);
                let left = due.map(|due| due.saturating_duration_since(Instant::now())).unwrap_or_default();
                if left.is_zero() || state.ending || state.pending_bytes > PENDING_BYTES_MAX / 2 {
                    self.committed_at = Some(Instant::now());
                    return Some(std::mem::take(&mut state.commands));
                }
                // More gathers.
                state = shared.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if state.pending_bytes == 0 {
                shared.emptied.notify_all();
            }
            if state.ending {
                return None;
            }
            let due = self.trouble.map_or(self.look_at, |again| again.min(self.look_at));
            let pause = due.saturating_duration_since(Instant::now());
            if pause.is_zero() {
                return Some(VecDeque::new());
            }
            if self.trouble.is_none() && self.free_pages_left {
                drop(state);
                self.free_pages_left = self.tidy(FREE_PAGES);
                if !self.free_pages_left && std::mem::take(&mut self.shrunk) {
                    self.empty_log();
                }
                state = shared.lock();
                continue;
            }
            if self.trouble.is_none() && self.is_house_due() {
                drop(state);
                self.keep_house(shared);
                state = shared.lock();
                continue;
            }
            state = shared.filled.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn work(&mut self, commands: VecDeque<Command>, shared: &Arc<Shared>) {
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
                Command::Attend(queue) => {
                    self.queues.push(queue.clone());
                    self.kept.push_back(Command::Attend(queue));
                }
                Command::Strike(queue) => {
                    self.queues.retain(|known| !Arc::ptr_eq(known, &queue));
                    self.kept.push_back(Command::Strike(queue));
                }
                Command::Suspect(why) => self.give_up(&why),
                Command::Begin(run) => {
                    self.run = Some(run.clone());
                    self.kept.push_back(Command::Begin(run));
                }
                other => self.kept.push_back(other),
            }
        }
        self.look();
        if self.trouble.is_some() {
            self.put_off_snapshots();
        }
        if self.trouble.is_some_and(|again| again > Instant::now()) {
            self.not_stored(&appends);
        } else if self.has_work(&appends) {
            self.store(&appends, shared);
        }
        self.tidy(FREE_PAGES_MAX);
        let mut state = shared.lock();
        for append in appends {
            state.released.extend_from_slice(&append.lines);
            state.committed = state.committed.max(append.sequence);
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
        // Not before: lines would wait for it.
        if self.trouble.is_none() && self.is_house_due() {
            self.keep_house(shared);
        }
        self.check_point();
    }

    fn is_house_due(&self) -> bool {
        let Some(database) = self.database.as_ref().filter(|_| !self.astray) else { return false };
        let now = Instant::now();
        match self.commits.history {
            Some(_) => {
                self.house.forget_at <= now
                    || (database.may_merge() && self.house.merge_at <= now)
                    || self.house.snapshots.is_due()
            }
            None => self.house.is_left && self.house.merge_at <= now,
        }
    }

    /// Does a part of what is to be done about the history: takes a snapshot, forgets what is too old, or puts small chunks together.
    fn keep_house(&mut self, shared: &Arc<Shared>) {
        let (Some(database), now) = (&self.database, Instant::now()) else { return };
        if self.commits.history.is_some() && self.house.snapshots.is_due() {
            self.house.snapshots.work(shared, StoreReader::new(self.whereabouts.clone()));
            return;
        }
        let done = database.begin().and_then(|()| {
            let mut forgotten = None;
            match &self.commits.history {
                Some(keeping) if self.house.forget_at <= now => {
                    forgotten = Some(database.forget_old(keeping, jiff::Timestamp::now().as_microsecond())?);
                }
                Some(_) => drop(database.merge()?),
                None => self.house.is_left = database.forget_history()?,
            }
            fault::point("in housekeeping");
            database.commit()?;
            Ok(forgotten)
        });
        match done {
            Ok(Some(forgotten)) => {
                let keep = self.commits.history.map_or(FORGET_PAUSE, |keeping| keeping.keep);
                let pause = (keep / 8).clamp(FORGET_PAUSE_MIN, FORGET_PAUSE);
                self.house.forget_at = now + if forgotten.has_more { Duration::ZERO } else { pause };
                self.free_pages_left = true;
                if let Some((from, keeping)) = forgotten.short_from.zip(self.commits.history)
                    && !std::mem::replace(&mut self.house.is_short_said, true)
                {
                    let from = jiff::Timestamp::from_microsecond(from).unwrap_or_default();
                    log::warn!(
                        "[history] holds {} and so reaches back to {from:.0} alone; set its size higher for more",
                        units::bytes_words(keeping.size_bytes)
                    );
                }
            }
            Ok(None) => self.free_pages_left = true,
            Err(failure) => {
                database.roll_back();
                log::debug!("cannot work on the history: {failure}");
                (self.house.forget_at, self.house.merge_at) = (now + FORGET_PAUSE, now + FORGET_PAUSE);
                if Trouble::of(&failure) == Trouble::Damaged {
                    self.give_up(&failure.to_string());
                }
            }
        }
    }

    fn has_work(&self, appends: &[Append]) -> bool {
        let amiss = self.trouble.is_some() || self.astray || self.database.is_none();
        amiss || !appends.is_empty() || !self.kept.is_empty()
    }

    /// Looks now and then whether directory and database are where they were.
    fn look(&mut self) {
        if self.look_at > Instant::now() {
            return;
        }
        self.look_at = Instant::now() + LOOK_PAUSE;
        if self.astray || self.database.is_none() {
            return;
        }
        let found = self.directory.places();
        // The log may not be there from the beginning.
        let same = |(known, found): (&Option<_>, &_)| known == found || known.is_none();
        match found {
            Some(found) if self.places.iter().zip(&found).all(same) => self.places = found,
            _ => {
                log::error!(
                    "the state directory {} was removed or replaced, or files in it were: it is set up anew",
                    self.directory.path().display()
                );
                self.astray = true;
            }
        }
        if self.log.is_held {
            self.log.due_pages = 0;
        }
    }

    fn store(&mut self, appends: &[Append], shared: &Shared) {
        let Err(why) = self.try_store(appends, shared) else { return self.works(shared) };
        if self.trouble.is_none() {
            log::error!(
                "the state directory {} cannot be written: {why}; lines go on, webhooks do not get the events of this \
                 time",
                self.directory.path().display()
            );
        }
        self.trouble = Some(Instant::now() + TROUBLE_PAUSE);
        self.put_off_snapshots();
        shared.lock().obstacle = Some(why);
        self.not_stored(appends);
        // What was delivered can still be noted, else it would be delivered again.
        if !self.kept.is_empty() {
            self.directory.give_up_reserve();
            if let Err(failure) = self.commit(&[]) {
                log::debug!("nor without new events: {failure}");
            }
        }
    }

    fn try_store(&mut self, appends: &[Append], shared: &Shared) -> Result<(), String> {
        self.come_home(shared)?;
        match self.commit_patiently(appends, shared) {
            Err(failure) if Trouble::of(&failure) == Trouble::Damaged => {
                self.give_up(&failure.to_string());
                self.come_home(shared)?;
                self.commit_patiently(appends, shared)
            }
            result => result,
        }
        .map_err(|failure| failure.to_string())
    }

    /// A snapshot takes no room from what is left for webhooks.
    fn put_off_snapshots(&mut self) {
        self.kept.retain(|command| match command {
            Command::KeepPart(_, reply) | Command::KeepSnapshot(_, reply) => {
                reply.give(false);
                false
            }
            _ => true,
        });
    }

    /// It can be written.
    fn works(&mut self, shared: &Shared) {
        self.free_pages_left = true;
        if std::mem::take(&mut self.mirror.is_lost) {
            shared.lock().mirror_wanted = true;
            (shared.wake)();
        }
        if self.trouble.take().is_some() {
            // What was printed meanwhile is not in the history.
            if let Some(database) = self.database.as_ref().filter(|database| database.has_history())
                && let Err(failure) = database.complete_from(jiff::Timestamp::now().as_microsecond())
            {
                log::debug!("cannot note that the history has a gap: {failure}");
            }
            shared.lock().obstacle = None;
            log::warn!("the state directory {} can be written again", self.directory.path().display());
            self.directory.keep_reserve();
        }
    }

    /// Their lines are printed all the same.
    fn not_stored(&mut self, appends: &[Append]) {
        self.mirror.bound();
        for event in appends.iter().flat_map(|append| &append.events) {
            event.wanted_by.iter().for_each(|queue| queue.not_stored(&event.line, NOT_STORED));
        }
    }

    /// The same until it is committed, while another process holds the database: that is no fault of the disk. Meanwhile
    /// the loop has the room of the appends that are not committed, and no more.
    fn commit_patiently(&mut self, appends: &[Append], shared: &Shared) -> Result<(), SqlError> {
        let mut began = None;
        loop {
            let result = self.commit(appends);
            let busy = result.as_ref().is_err_and(|failure| Trouble::of(failure) == Trouble::Busy);
            if !busy || shared.lock().abandoned {
                if let Some(began) = began {
                    log::warn!("the database is free again after {:.1} s", Instant::elapsed(&began).as_secs_f64());
                }
                return result;
            }
            if began.is_none() {
                began = Some(Instant::now());
                log::warn!(
                    "another process holds the right to write in {}: lines and webhooks wait until it lets go",
                    self.directory.database().display()
                );
            }
            self.look();
            if self.astray {
                self.come_home(shared).map_err(|_| SqlError::InvalidQuery)?;
            }
        }
    }

    /// One transaction for all of it, or nothing.
    fn commit(&mut self, appends: &[Append]) -> Result<(), SqlError> {
        let mut effects = Effects::default();
        let reserved = self.reserved;
        let result = self.transaction(appends, &mut effects);
        if let Err(failure) = result {
            self.reserved = reserved;
            if let Some(database) = &self.database {
                database.roll_back();
            }
            self.queues.iter().for_each(|queue| queue.rolled_back());
            return Err(failure);
        }
        self.kept.clear();
        if let Some(database) = &self.database {
            self.house.snapshots.count(database.take_stored());
        }
        self.mirror.committed();
        self.told.clear();
        effects.admitted.iter().for_each(|(queue, sequence, line)| queue.committed(*sequence, line));
        self.queues.iter().for_each(|queue| queue.settled());
        effects.losses.into_iter().for_each(|(queue, reason, events)| queue.lose(reason, events));
        effects.replies.into_iter().for_each(|reply| reply());
        Ok(())
    }

    fn transaction(&mut self, appends: &[Append], effects: &mut Effects) -> Result<(), SqlError> {
        let Some(database) = &self.database else { return Err(SqlError::InvalidQuery) };
        database.begin()?;
        for command in &self.kept {
            execute(database, command, effects)?;
        }
        let mut filling = Filling::default();
        for append in appends {
            filling.take(database, append, effects)?;
        }
        filling.finish(database)?;
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

    /// The database is of no use any more.
    fn give_up(&mut self, why: &str) {
        log::error!("{}: {why}", self.directory.database().display());
        // So that nothing of it is written any more.
        self.disconnect();
    }

    /// Closes it, and leaves its files as they are.
    fn disconnect(&mut self) {
        if let Some(database) = self.database.take() {
            database.disconnect();
        }
    }

    /// The database is open, and where the settings say.
    fn come_home(&mut self, shared: &Shared) -> Result<(), String> {
        if self.astray {
            self.move_database(shared)?;
        }
        if self.database.is_none() { self.reopen(shared) } else { Ok(()) }
    }

    /// What this process still has open, whatever became of its name, takes its place again.
    fn move_database(&mut self, shared: &Shared) -> Result<(), String> {
        let found = self.directory.places();
        if found.is_none_or(|found| found[0] != self.places[0]) {
            match Directory::open(self.directory.path()) {
                Ok(directory) => self.directory = directory,
                Err(error) => return Err(fail(shared, error)),
            }
            self.directory.keep_reserve();
        }
        let own = found.is_some_and(|found| found[1].is_some() && found[1] == self.places[1]);
        let moved = match self.copy()? {
            true => self.directory.clear_place(own).and_then(|aside| {
                // Closed before there is a log of that name again, which it would take for its own.
                self.disconnect();
                self.directory.end_copy().map(|()| aside)
            }),
            // What memory holds of it is left.
            false => {
                self.disconnect();
                if own { Ok(None) } else { self.directory.clear_place(false) }
            }
        };
        if let Some(aside) = moved.map_err(|error| error.to_string())? {
            log::error!("what was in the database's place is set aside as {}", aside.display());
        }
        self.astray = false;
        Ok(())
    }

    /// Copies the database that is open; whether there is a copy.
    fn copy(&self) -> Result<bool, String> {
        let Some(database) = &self.database else { return Ok(false) };
        let path = self.directory.begin_copy().map_err(|error| error.to_string())?;
        let Err(failure) = database.copy_to(&path) else { return Ok(true) };
        self.directory.drop_copy();
        match Trouble::of(&failure) {
            Trouble::Damaged => {
                log::error!("{}: {failure}", self.directory.database().display());
                Ok(false)
            }
            Trouble::Disk | Trouble::Busy => Err(failure.to_string()),
        }
    }

    /// Opens the database. In one that is new stands what memory holds.
    fn reopen(&mut self, shared: &Shared) -> Result<(), String> {
        // Whoever holds the right to write is waited for, as in a commit.
        let opened =
            Database::open(&self.directory, self.commits.synchronous, Duration::MAX).map_err(|error| error.to_string());
        let (database, anew) = opened?;
        self.empty |= anew;
        let anew = self.empty;
        if anew {
            while let Err(failure) = self.fill(&database, shared.lock().committed) {
                database.roll_back();
                if Trouble::of(&failure) != Trouble::Busy || shared.lock().abandoned {
                    database.disconnect();
                    return Err(failure.to_string());
                }
            }
            shared.lock().mirror_wanted = true;
            (shared.wake)();
        }
        let path = self.directory.real_database().map_err(|error| error.to_string())?;
        keep_history(&database, &self.commits, &mut self.house.snapshots);
        self.database = Some(database);
        self.whereabouts.set(path);
        if anew {
            self.empty = false;
            self.queues.iter().for_each(|queue| queue.moved(DAMAGED));
        }
        self.places = self.directory.places().unwrap_or_default();
        Ok(())
    }

    /// Writes into a new database what memory holds of the webhooks, counts what it does not, and says since when it is this run's.
    fn fill(&mut self, database: &Database, committed: u64) -> Result<(), SqlError> {
        database.begin()?;
        for queue in &self.queues {
            let webhook = database.enroll(queue.name())?.webhook;
            let salvage = queue.salvage(webhook);
            database.set_batches(webhook, salvage.batches)?;
            database.set_paused(webhook, salvage.paused)?;
            if let Some(batch) = &salvage.batch {
                // Its body is here, and the settings may be others at the next start.
                database.fix(webhook, &Fixed { keeps_body: true, ..Fixed::clone(batch) })?;
            }
            for (sequence, line) in &salvage.events {
                database.insert_apart(webhook, *sequence, line)?;
            }
            for (reason, events) in salvage.losses.iter().map(|(reason, events)| (reason.as_str(), *events)) {
                database.lose(webhook, reason, events)?;
            }
            if salvage.missing > 0 {
                database.lose(webhook, DAMAGED, salvage.missing)?;
            }
        }
        if let Some(run) = &self.run {
            // What was told before is not in it.
            let began = jiff::Timestamp::now().as_microsecond();
            database.begin_run(&Run { began, after: committed, ..run.clone() })?;
        }
        let reserved = self.sequence + SEQUENCE_BLOCK;
        database.set_sequence(reserved)?;
        database.commit()?;
        self.reserved = reserved;
        Ok(())
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

    /// Takes the write-ahead log over once it is long enough, as far as nobody reads what is older.
    fn check_point(&mut self) {
        let Some(database) = &self.database else { return };
        if database.log_pages() >= self.log.due_pages {
            let point = database.check_point();
            self.note(point);
        }
    }

    /// Empties the write-ahead log, if nobody reads.
    fn empty_log(&mut self) {
        let Some(database) = &self.database else { return };
        let point = database.empty_log();
        self.note(point);
    }

    fn note(&mut self, point: Result<CheckPoint, SqlError>) {
        let (pages, is_held) = match point {
            Ok(point) => (point.pages, point.is_held),
            Err(failure) => {
                log::debug!("the write-ahead log stays: {failure}");
                (self.log.due_pages, self.log.is_held)
            }
        };
        let was_held = std::mem::replace(&mut self.log.is_held, is_held);
        self.log.due_pages = if is_held { pages + LOG_PAGES } else { LOG_PAGES };
        let octets = u64::from(pages) * LOG_PAGE_BYTES;
        let path = self.directory.database();
        if is_held && octets > LOG_SAID_BYTES && !self.log.is_said {
            self.log.is_said = true;
            log::warn!(
                "{}-wal has {} MiB and grows: another process reads {} in one long transaction; end it",
                path.display(),
                octets >> 20,
                path.display()
            );
        } else if !is_held && was_held {
            if std::mem::take(&mut self.log.is_said) {
                log::warn!("{}-wal is emptied: nobody holds it any more", path.display());
            }
            // Else its file would stay as large as it was until the next commit.
            if let Some(Err(failure)) = self.database.as_ref().map(Database::empty_log) {
                log::debug!("the write-ahead log stays: {failure}");
            }
        }
    }

    fn close(&mut self) {
        let Some(database) = &self.database else { return };
        let closed = database.begin().and_then(|()| database.set_sequence(self.sequence)).and_then(|()| {
            database.end_run(jiff::Timestamp::now().as_microsecond())?;
            database.commit()
        });
        if let Err(failure) = closed {
            database.roll_back();
            log::warn!("cannot note the last line's number: {failure}; the next start skips some");
        }
        self.empty_log();
        self.database = None;
    }
}

/// From here on the database keeps what the settings say.
fn keep_history(database: &Database, commits: &Commits, snapshots: &mut Snapshots) {
    if let Some(keeping) = commits.history {
        let keep = i64::try_from(keeping.keep.as_micros()).unwrap_or(i64::MAX);
        database.keep_from(jiff::Timestamp::now().as_microsecond().saturating_sub(keep));
        if let Err(failure) = database.look_for(snapshots) {
            log::debug!("cannot look for the last snapshot: {failure}");
        }
    }
}

/// The state directory is gone for good: linkhook ends.
fn fail(shared: &Shared, error: Error) -> String {
    let why = error.to_string();
    shared.lock().failed = Some(error);
    (shared.wake)();
    why
}
