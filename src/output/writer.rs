//! The writer before a slow reader: what can be written without waiting is written at once, the rest by a thread, from
//! a bounded queue. Its descriptor is never set non-blocking: that would reach whoever shares it.
//!
//! A file by its name is written by the thread alone. While it cannot be written, as on a full disk, lines wait as far as
//! the queue goes, and what comes then is dropped and counted; it is tried again each second. So it is with everything else
//! that is a [`Sink`](super::Sink).

mod thread;

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::FileType;
use rustix::io::ReadWriteFlags;

use super::{Destination, OpenFile};
use crate::threads;
use crate::units::counted_are;

/// Bytes that wait for the thread at most, one line beyond it apart; then nothing more is decoded.
const QUEUE_BYTES_MAX: usize = 4 << 20;
/// A file that cannot be written is tried again so often.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// At the end a thread that could not be started is tried again so often.
const START_PAUSE: Duration = Duration::from_millis(100);
/// Why lines are dropped that nobody waits for.
const SLOW: &str = "it takes lines more slowly than they come";
/// `TMPFS_MAGIC`, `include/uapi/linux/magic.h`: a write there waits for no disk.
const TMPFS_MAGIC: u64 = 0x0102_1994;
/// `MEM_MAJOR`, `include/uapi/linux/major.h`.
const MEMORY_MAJOR: u32 = 1;

/// Writes lines to a file, a pipe, a terminal.
#[derive(Debug)]
pub struct LineWriter {
    name: Arc<str>,
    when_slow: WhenSlow,
    target: Target,
    direct: Direct,
    shared: Arc<Shared>,
    wake: Wake,
    /// While the reader of a descriptor keeps up there is none; a sink has one from the beginning.
    thread: Option<JoinHandle<()>>,
    /// No thread could be started: when it is tried again.
    start_at: Option<Instant>,
    /// As where there are no more threads.
    #[cfg(test)]
    no_threads: bool,
}

/// What becomes of lines for which there is no room because whoever takes them is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenSlow {
    /// Nothing more is decoded until there is room.
    Wait,
    /// They are dropped, and told once it keeps up again: others must not wait for it.
    Drop,
}

#[derive(Debug)]
enum Target {
    Descriptor(Arc<File>),
    /// The thread has it.
    Sink,
}

/// Lines that an output did not get, and how it came to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What the output is called.
    pub path: String,
    /// How many they are.
    pub lines: u64,
    /// Why.
    pub reason: String,
    /// How long it could not be written; `None` where it could, and took others.
    pub lasted: Option<Duration>,
}

/// Wakes whoever gives lines.
#[derive(Clone)]
struct Wake(Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Wake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wake")
    }
}

/// How a write that may not wait is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direct {
    /// With `RWF_NOWAIT`, as on a pipe.
    NoWait,
    /// As any write: nothing there waits.
    Always,
    /// Not at all: the thread writes.
    Never,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<WriterState>,
    /// There is something to write, or the end has come.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct WriterState {
    queue: Vec<u8>,
    writing: bool,
    ending: bool,
    failed: Option<io::Error>,
    /// Whoever gives lines waits for room.
    wanted: bool,
    /// The sink is to be opened anew.
    reopen: bool,
    /// The sink cannot be written now: since when, and why.
    failing: Option<(Instant, String)>,
    /// Lines that found no room meanwhile.
    dropped: u64,
    /// What is to be told of that, now that it is over; and of lines that were refused.
    over: Vec<Outage>,
}

impl WriterState {
    /// There is something to tell. Nobody may have asked for what was to be told before.
    fn tell(&mut self, outage: Outage) {
        match self.over.iter_mut().find(|before| before.lasted.is_some() == outage.lasted.is_some()) {
            Some(before) => *before = Outage { lines: before.lines + outage.lines, ..outage },
            None => self.over.push(outage),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, WriterState> {
        // A thread that panicked left whole bytes at worst unwritten; nothing here breaks by it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineWriter {
    /// A writer to that destination, by its name. `wake` is called from the thread when there is room again after there was
    /// none, when writing has failed, and when it succeeds again. The error is that a sink's thread cannot be started.
    pub fn new(
        name: &str,
        destination: Destination,
        when_slow: WhenSlow,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<LineWriter> {
        let shared = Arc::<Shared>::default();
        let (name, wake) = (Arc::<str>::from(name), Wake(Arc::new(wake)));
        let (target, direct, thread) = match destination {
            Destination::Descriptor(descriptor) => {
                let direct = direct(&descriptor);
                (Target::Descriptor(Arc::new(File::from(descriptor))), direct, None)
            }
            Destination::Sink(sink) => {
                let (name, shared, wake) = (name.clone(), shared.clone(), wake.clone());
                let thread = threads::start("writer", move || thread::run(&name, sink, &shared, &*wake.0))?;
                (Target::Sink, Direct::Never, Some(thread))
            }
        };
        Ok(LineWriter {
            name,
            when_slow,
            target,
            direct,
            shared,
            wake,
            thread,
            start_at: None,
            #[cfg(test)]
            no_threads: false,
        })
    }

    /// What it writes to, where that is open already.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.target {
            Target::Descriptor(file) => Some(file.as_fd()),
            Target::Sink => None,
        }
    }

    /// Whether it can be opened anew, as a file by its name.
    pub fn is_sink(&self) -> bool {
        matches!(self.target, Target::Sink)
    }

    /// Bytes that wait for the thread.
    pub fn queued_bytes(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Why it cannot be written now, where it cannot.
    pub fn obstacle(&self) -> Option<String> {
        self.shared.lock().failing.as_ref().map(|(_, reason)| reason.clone())
    }

    /// Opens the sink anew before the next line.
    pub fn reopen(&mut self) {
        self.shared.lock().reopen = true;
        self.shared.filled.notify_one();
    }

    /// When [`LineWriter::start_again`] is to be called, where no thread could be started for lines that wait.
    pub fn due(&self) -> Option<Instant> {
        self.start_at
    }

    /// Tries again to start a thread for lines that wait, if it is time.
    pub fn start_again(&mut self) {
        if self.start_at.is_some_and(|time| time <= Instant::now()) {
            self.start();
        }
    }

    /// What is to be told of lines that it did not get: once that is over, where it could not be written for a while.
    pub fn take_outages(&self) -> Vec<Outage> {
        std::mem::take(&mut self.shared.lock().over)
    }

    /// Starts the thread for what waits, unless it runs. Where that fails, as where there are no more threads, lines wait as
    /// far as the queue goes, and it is tried again.
    fn start(&mut self) {
        if self.thread.is_none() {
            match self.try_start() {
                Ok(thread) => self.thread = thread,
                Err(error) => {
                    if self.start_at.is_none() {
                        log::error!("cannot start the output's thread: {error}; it is tried again, and lines wait");
                    }
                    self.start_at = Some(Instant::now() + RETRY_PAUSE);
                    return;
                }
            }
        }
        self.start_at = None;
        self.shared.filled.notify_one();
    }

    fn try_start(&self) -> io::Result<Option<JoinHandle<()>>> {
        #[cfg(test)]
        if self.no_threads {
            return Err(ErrorKind::WouldBlock.into());
        }
        let Target::Descriptor(file) = &self.target else { return Ok(None) };
        let (name, file) = (self.name.clone(), Box::new(OpenFile(file.clone())));
        let (shared, wake) = (self.shared.clone(), self.wake.clone());
        threads::start("writer", move || thread::run(&name, file, &shared, &*wake.0)).map(Some)
    }

    /// Whether lines are taken; where not, `wake` is called once they are.
    pub fn has_room(&self) -> bool {
        let mut state = self.shared.lock();
        // What cannot be written for now delays nobody: it is dropped.
        let drops = state.failing.is_some() || self.when_slow == WhenSlow::Drop;
        let room = state.queue.len() < QUEUE_BYTES_MAX || drops;
        state.wanted = !room;
        room
    }

    /// Writes whole lines: what can be written without waiting at once, the rest later. An error of an earlier write
    /// is given back too; that the reader has gone away is `BrokenPipe`.
    pub fn write(&mut self, mut lines: &[u8]) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        if state.queue.is_empty() && !state.writing {
            // The thread has nothing to do, and gets nothing while the lock is held.
            let written = self.write_now(lines)?;
            lines = &lines[written..];
        }
        if !lines.is_empty() {
            let full = state.dropped > 0 || state.queue.len() + lines.len() > QUEUE_BYTES_MAX;
            if full && (state.failing.is_some() || self.when_slow == WhenSlow::Drop) {
                if state.failing.is_none() {
                    log::error!("lines for the output {} are dropped: {SLOW}", self.name);
                    state.failing = Some((Instant::now(), SLOW.into()));
                }
                state.dropped += count(lines);
                return Ok(());
            }
            state.queue.extend_from_slice(lines);
            drop(state);
            self.start();
        }
        Ok(())
    }

    fn write_now(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        let Target::Descriptor(file) = &self.target else { return Ok(0) };
        while written < lines.len() {
            let rest = &lines[written..];
            let result = match self.direct {
                Direct::Never => return Ok(written),
                Direct::Always => (&**file).write(rest),
                // The offset -1: at the descriptor's own place.
                Direct::NoWait => {
                    let flags = ReadWriteFlags::NOWAIT;
                    rustix::io::pwritev2(&**file, &[IoSlice::new(rest)], u64::MAX, flags).map_err(Into::into)
                }
            };
            match result {
                Ok(octets) => written += octets,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(written),
                Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => self.direct = Direct::Never,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Waits until everything is written, at most so long, and gives back how many bytes are not. The thread of a
    /// reader that never reads is left behind.
    pub fn finish(mut self, most: Duration) -> io::Result<usize> {
        let deadline = Instant::now() + most;
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.ending = true;
        shared.filled.notify_one();
        while (!state.queue.is_empty() || state.writing || state.reopen) && state.failed.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let left = if self.start_at.is_some() { left.min(START_PAUSE) } else { left };
            state = shared.emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            if self.start_at.is_some() {
                drop(state);
                self.start();
                state = shared.lock();
            }
        }
        let failed = state.failed.take();
        let unwritten = state.queue.len();
        let idle = !state.writing;
        if let Some((_, reason)) = &state.failing {
            let lines = state.dropped + count(&state.queue);
            let (name, lines) = (&self.name, counted_are(lines, "line"));
            log::error!("the output {name} could not be written to the end: {lines} lost: {reason}");
            state.queue.clear();
            return Ok(0);
        }
        drop(state);
        shared.filled.notify_one();
        if idle && let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(unwritten),
        }
    }
}

fn direct(descriptor: &OwnedFd) -> Direct {
    let Ok(status) = rustix::fs::fstat(descriptor) else { return Direct::Never };
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Fifo | FileType::Socket => Direct::NoWait,
        FileType::RegularFile => {
            let memory = rustix::fs::fstatfs(descriptor).is_ok_and(|system| system.f_type as u64 == TMPFS_MAGIC);
            if memory { Direct::Always } else { Direct::NoWait }
        }
        // /dev/null and its like (`drivers/char/mem.c`) wait for nothing; a terminal may.
        FileType::CharacterDevice if rustix::fs::major(status.st_rdev) == MEMORY_MAJOR => Direct::Always,
        _ => Direct::Never,
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::file::Appender;
    use std::io::Read;
    use std::sync::mpsc;

    fn new(destination: Destination, wake: impl Fn() + Send + Sync + 'static) -> io::Result<LineWriter> {
        LineWriter::new("out", destination, WhenSlow::Wait, wake)
    }

    fn pipe() -> (File, OwnedFd) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (File::from(reader), writer)
    }

    #[test]
    fn what_waits_for_nothing_needs_no_thread() {
        let null = File::options().write(true).open("/dev/null").unwrap();
        let mut writer = new(Destination::Descriptor(null.into()), || {}).unwrap();
        writer.write(b"one\n").unwrap();
        assert!(writer.thread.is_none());
        assert_eq!(writer.finish(Duration::from_secs(5)).unwrap(), 0);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writer = new(Destination::Descriptor(full.into()), || {}).unwrap();
        assert_eq!(writer.write(b"one\n").unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    }

    #[test]
    fn a_line_reaches_a_pipe_at_once() {
        let (mut reader, descriptor) = pipe();
        let mut writer = new(Destination::Descriptor(descriptor), || {}).unwrap();
        writer.write(b"one\n").unwrap();
        let mut found = [0; 4];
        reader.read_exact(&mut found).unwrap();
        assert_eq!(&found, b"one\n");
        assert_eq!(writer.finish(Duration::from_secs(5)).unwrap(), 0);
    }

    #[test]
    fn a_reader_that_does_not_read_fills_a_bounded_queue_and_gets_all_in_order() {
        let (mut reader, descriptor) = pipe();
        let (woken, wakes) = mpsc::channel();
        let mut writer = new(Destination::Descriptor(descriptor), move || woken.send(()).unwrap()).unwrap();
        let mut expected = Vec::new();
        for number in 0u64.. {
            if !writer.has_room() {
                break;
            }
            let line = format!("{number:>1000}\n").into_bytes();
            writer.write(&line).unwrap();
            expected.extend_from_slice(&line);
            assert!(expected.len() < 3 * QUEUE_BYTES_MAX, "no bound");
        }
        let found = std::thread::spawn(move || {
            let mut found = Vec::new();
            reader.read_to_end(&mut found).unwrap();
            found
        });
        wakes.recv_timeout(Duration::from_secs(10)).expect("woken when there is room");
        assert_eq!(writer.finish(Duration::from_secs(10)).unwrap(), 0);
        assert!(found.join().unwrap() == expected);
    }

    #[test]
    fn a_reader_that_went_away_is_told() {
        let (reader, descriptor) = pipe();
        let mut writer = new(Destination::Descriptor(descriptor), || {}).unwrap();
        drop(reader);
        assert_eq!(writer.write(b"one\n").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_end_does_not_wait_for_ever_for_a_reader() {
        let (_reader, descriptor) = pipe();
        let mut writer = new(Destination::Descriptor(descriptor), || {}).unwrap();
        writer.write(&[b'x'; 1 << 20]).unwrap();
        let began = Instant::now();
        let _ = writer.finish(Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn lines_wait_while_there_are_no_more_threads() {
        let (mut reader, descriptor) = pipe();
        let (woken, wakes) = mpsc::channel();
        let mut writer = new(Destination::Descriptor(descriptor), move || woken.send(()).unwrap()).unwrap();
        writer.no_threads = true;
        let mut expected = Vec::new();
        for number in 0u64.. {
            if !writer.has_room() {
                break;
            }
            let line = format!("{number:>1000}\n").into_bytes();
            writer.write(&line).unwrap();
            expected.extend_from_slice(&line);
            assert!(expected.len() < 3 * QUEUE_BYTES_MAX, "no bound");
        }
        assert!(writer.due().is_some() && writer.thread.is_none());
        let found = std::thread::spawn(move || {
            let mut found = Vec::new();
            reader.read_to_end(&mut found).unwrap();
            found
        });
        writer.no_threads = false;
        let began = Instant::now();
        while writer.due().is_some() {
            assert!(began.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
            writer.start_again();
        }
        wakes.recv_timeout(Duration::from_secs(10)).expect("woken when there is room");
        assert_eq!(writer.finish(Duration::from_secs(10)).unwrap(), 0);
        assert!(found.join().unwrap() == expected);
    }

    #[test]
    fn the_end_without_a_thread_says_how_much_is_not_written() {
        let (_reader, descriptor) = pipe();
        let mut writer = new(Destination::Descriptor(descriptor), || {}).unwrap();
        writer.no_threads = true;
        writer.write(&[b'x'; 1 << 20]).unwrap();
        assert!(writer.finish(Duration::from_millis(250)).unwrap() > 0);
    }

    /// In the outage of a full disk, a file that cannot be opened anew either.
    #[test]
    fn what_cannot_be_opened_anew_is_tried_again_each_second() {
        let directory = std::env::temp_dir().join(format!("linkhook-writer-reopen-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("out");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let file = Appender::open(&path, None).unwrap().unwrap();
        let mut writer = new(Destination::Sink(Box::new(file)), || {}).unwrap();
        writer.write(b"one\n").unwrap();
        let began = Instant::now();
        while writer.shared.lock().failing.is_none() {
            assert!(began.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        writer.reopen();
        std::thread::sleep(Duration::from_millis(100));
        // It waits: it does not ask itself.
        for _ in 0..20 {
            assert!(!writer.shared.lock().reopen, "it does not wait");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_dir(&path).unwrap();
        let began = Instant::now();
        while std::fs::read_to_string(&path).unwrap_or_default() != "one\n" {
            assert!(began.elapsed() < Duration::from_secs(10), "it does not go on");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(writer.finish(Duration::from_secs(5)).unwrap(), 0);
        let _ = std::fs::remove_dir_all(&directory);
    }
}
