//! The writer before a slow reader: what can be written without waiting is written at once, the rest by a thread, from
//! a bounded queue. Its descriptor is never set non-blocking: that would reach whoever shares it.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::FileType;
use rustix::io::ReadWriteFlags;

/// Octets that wait for the thread at most, one line beyond it apart; then nothing more is decoded.
const QUEUE_BYTES_MAX: usize = 4 << 20;
/// `TMPFS_MAGIC`, `include/uapi/linux/magic.h`: a write there waits for no disk.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// Writes lines to a file, a pipe, a terminal.
#[derive(Debug)]
pub struct Writer {
    file: Arc<File>,
    direct: Direct,
    shared: Arc<Shared>,
    /// What the thread calls, until it is started: while the reader keeps up there is none.
    wake: Option<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes whoever gives lines.
struct Wake(Box<dyn Fn() + Send>);

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
    state: Mutex<State>,
    /// There is something to write, or the end has come.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: Vec<u8>,
    writing: bool,
    ending: bool,
    failed: Option<io::Error>,
    /// Whoever gives lines waits for room.
    wanted: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked left whole octets at worst unwritten; nothing here breaks by it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// A writer to that descriptor. `wake` is called from the thread when there is room again after there was none, and
    /// when writing has failed.
    pub fn new(descriptor: OwnedFd, wake: impl Fn() + Send + 'static) -> Writer {
        let direct = direct(&descriptor);
        let file = Arc::new(File::from(descriptor));
        Writer { file, direct, shared: Arc::default(), wake: Some(Wake(Box::new(wake))), thread: None }
    }

    /// Starts the thread, unless it runs.
    fn start(&mut self) -> io::Result<()> {
        if let Some(Wake(wake)) = self.wake.take() {
            let (file, shared) = (self.file.clone(), self.shared.clone());
            let thread = std::thread::Builder::new().name("writer".into());
            self.thread = Some(thread.spawn(move || run(&file, &shared, &wake))?);
        }
        Ok(())
    }

    /// Whether lines are taken; where not, `wake` is called once they are.
    pub fn has_room(&self) -> bool {
        let mut state = self.shared.lock();
        let room = state.queue.len() < QUEUE_BYTES_MAX;
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
            state.queue.extend_from_slice(lines);
            drop(state);
            self.start()?;
            shared.filled.notify_one();
        }
        Ok(())
    }

    fn write_now(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < lines.len() {
            let rest = &lines[written..];
            let result = match self.direct {
                Direct::Never => return Ok(written),
                Direct::Always => (&*self.file).write(rest),
                // The offset -1: at the descriptor's own place.
                Direct::NoWait => {
                    let flags = ReadWriteFlags::NOWAIT;
                    rustix::io::pwritev2(&*self.file, &[IoSlice::new(rest)], u64::MAX, flags).map_err(Into::into)
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

    /// Waits until everything is written, at most so long, and gives back how many octets are not. The thread of a
    /// reader that never reads is left behind.
    pub fn finish(mut self, most: Duration) -> io::Result<usize> {
        let deadline = Instant::now() + most;
        let mut state = self.shared.lock();
        while (!state.queue.is_empty() || state.writing) && state.failed.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ending = true;
        let failed = state.failed.take();
        let unwritten = state.queue.len();
        let idle = !state.writing;
        drop(state);
        self.shared.filled.notify_one();
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
    let kind = rustix::fs::fstat(descriptor).map(|status| FileType::from_raw_mode(status.st_mode));
    match kind {
        Ok(FileType::Fifo | FileType::Socket) => Direct::NoWait,
        Ok(FileType::RegularFile) => {
            let memory = rustix::fs::fstatfs(descriptor).is_ok_and(|system| system.f_type as u64 == TMPFS_MAGIC);
            if memory { Direct::Always } else { Direct::NoWait }
        }
        _ => Direct::Never,
    }
}

fn run(file: &File, shared: &Shared, wake: &impl Fn()) {
    let mut lines = Vec::new();
    loop {
        let mut state = shared.lock();
        state.writing = false;
        if state.queue.is_empty() {
            shared.emptied.notify_all();
        }
        while state.queue.is_empty() {
            if state.ending {
                return;
            }
            state = shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        lines.clear();
        std::mem::swap(&mut lines, &mut state.queue);
        state.writing = true;
        let wanted = std::mem::take(&mut state.wanted);
        drop(state);
        // The queue is empty now: there is room while these are written.
        if wanted {
            wake();
        }
        if let Err(error) = (&*file).write_all(&lines) {
            let mut state = shared.lock();
            state.failed = Some(error);
            state.writing = false;
            state.queue.clear();
            shared.emptied.notify_all();
            drop(state);
            wake();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::sync::mpsc;

    fn pipe() -> (File, OwnedFd) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (File::from(reader), writer)
    }

    #[test]
    fn a_line_reaches_a_pipe_at_once() {
        let (mut reader, descriptor) = pipe();
        let mut writer = Writer::new(descriptor, || {});
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
        let mut writer = Writer::new(descriptor, move || woken.send(()).unwrap());
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
        let mut writer = Writer::new(descriptor, || {});
        drop(reader);
        assert_eq!(writer.write(b"one\n").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_end_does_not_wait_for_ever_for_a_reader() {
        let (_reader, descriptor) = pipe();
        let mut writer = Writer::new(descriptor, || {});
        writer.write(&[b'x'; 1 << 20]).unwrap();
        let began = Instant::now();
        let _ = writer.finish(Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
