//! Diagnostics on stderr: `linkhook: warning: …`.
//!
//! Nobody waits for whoever reads stderr: what is said goes to a bounded queue, and a thread writes it. What finds no room
//! there is counted, and the number is said once there is room again.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::json::steers;
use crate::manager;
use crate::output::ASIDE;
use crate::threads;
use crate::units::counted;

/// Bytes of lines that wait to be written at most.
const QUEUE_BYTES_MAX: usize = 256 << 10;
/// So long the end waits for them at most.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether stderr is systemd's journal: then each line begins with its level.
static IS_JOURNAL: AtomicBool = AtomicBool::new(false);

/// How much is said on stderr.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Say more on stderr: -v what is done, -vv every detail
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Arguments {
    /// From here on the `log` macros write to stderr, and so does whatever panics.
    pub fn start(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (_, 0) => LevelFilter::Warn,
            (_, 1) => LevelFilter::Info,
            (_, 2) => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        };
        log::set_max_level(level);
        let _ = log::set_logger(&Stderr);
        std::panic::set_hook(Box::new(|panic| {
            let thread = std::thread::current();
            log::error!("a defect in linkhook: {}: {panic}", thread.name().unwrap_or("a thread"));
            // It may be the end.
            flush();
        }));
    }

    /// The configuration's level, where the command line says none.
    pub fn configured(&self, level: Option<LevelFilter>) {
        if let Some(level) = level.filter(|_| !self.quiet && self.verbose == 0) {
            log::set_max_level(level);
        }
    }
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Other crates' details are of no use to linkhook's users; what this one says stands in the attempt's own line.
        let target = metadata.target();
        target.starts_with("linkhook")
            || (metadata.level() <= Level::Warn && !target.starts_with("rustls_platform_verifier"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if record.target() == ASIDE {
            // It is JSON, in which nothing steers the terminal.
            said().say(&format!("{}\n", record.args()));
            return;
        }
        said().say(&line(record.level(), &record.args().to_string()));
    }

    fn flush(&self) {
        flush();
    }
}

/// Says something that is no diagnostic of linkhook's own: the words of the command line's parser.
pub fn say(text: &str) {
    let mark = mark(Level::Error);
    said().say(&text.split_inclusive('\n').map(|line| format!("{mark}{line}")).collect::<String>());
}

/// Waits until what was said is written, for a bounded time.
pub fn flush() {
    said().flush(FLUSH_TIMEOUT);
}

/// From here on it is known whether stderr is the journal.
pub fn look_for_journal() {
    IS_JOURNAL.store(manager::is_journal(std::io::stderr()), Ordering::Relaxed);
}

/// What the journal knows a line's level by (sd-daemon(3)); nothing for other readers.
fn mark(level: Level) -> &'static str {
    match level {
        _ if !IS_JOURNAL.load(Ordering::Relaxed) => "",
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    }
}

/// A whole line, in which nothing steers the terminal.
fn line(level: Level, message: &str) -> String {
    marked_line(mark(level), level, message)
}

/// What is told in several lines keeps them, each with the mark.
fn marked_line(mark: &str, level: Level, message: &str) -> String {
    let words = match level {
        Level::Warn => "warning: ",
        Level::Debug => "debug: ",
        Level::Trace => "trace: ",
        Level::Error | Level::Info => "",
    };
    let mut line = format!("{mark}linkhook: {words}");
    for one in message.chars() {
        line.push(if steers(one) && one != '\n' { '?' } else { one });
        if one == '\n' {
            line.push_str(mark);
        }
    }
    line.push('\n');
    line
}

/// What was said to stderr.
fn said() -> &'static Said {
    static SAID: OnceLock<Said> = OnceLock::new();
    SAID.get_or_init(|| Said::new(|| Box::new(std::io::stderr())))
}

/// Where the thread writes.
type Open = fn() -> Box<dyn Write>;

/// The queue, and the thread that empties it, which starts with the first line.
struct Said {
    shared: Arc<Shared>,
    open: Open,
    started: OnceLock<bool>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<QueueState>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct QueueState {
    queue: String,
    /// Lines that found no room since that was said last.
    dropped: u64,
    writing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // A thread that panicked has left whole lines.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn new(open: Open) -> Said {
        Said { shared: Arc::default(), open, started: OnceLock::new() }
    }

    /// Never waits for the reader.
    fn say(&self, text: &str) {
        let mut state = self.shared.lock();
        if state.queue.len() + text.len() <= QUEUE_BYTES_MAX {
            state.queue.push_str(text);
        } else {
            state.dropped += 1;
        }
        drop(state);
        if *self.started.get_or_init(|| self.start()) {
            self.shared.filled.notify_one();
        } else {
            self.write_what_fits();
        }
    }

    fn start(&self) -> bool {
        let (shared, open) = (self.shared.clone(), self.open);
        threads::start("stderr", move || run(&shared, &mut *open())).is_ok()
    }

    /// Where no thread can be had: as long as the reader takes it at once.
    fn write_what_fits(&self) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut state = self.shared.lock();
        let stderr = std::io::stderr();
        while !state.queue.is_empty() {
            let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            if poll(&mut ready, Some(&at_once)).is_err() || !ready[0].revents().contains(PollFlags::OUT) {
                return;
            }
            // A pipe that is ready takes so much at once (pipe(7)).
            let octets = state.queue.as_bytes();
            let Ok(written) = rustix::io::write(&stderr, &octets[..octets.len().min(rustix::pipe::PIPE_BUF)]) else {
                return;
            };
            let written = state.queue.ceil_char_boundary(written);
            state.queue.drain(..written);
        }
    }

    fn flush(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let mut state = self.shared.lock();
        while self.started.get() == Some(&true) && (!state.queue.is_empty() || state.writing) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.shared.emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn run(shared: &Shared, stderr: &mut dyn Write) {
    loop {
        let mut state = shared.lock();
        state.writing = false;
        if state.queue.is_empty() {
            shared.emptied.notify_all();
        }
        while state.queue.is_empty() {
            state = shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut lines = std::mem::take(&mut state.queue);
        // They came after these.
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let what = format!("{} of diagnostics left out here: nobody read stderr", counted(dropped, "line"));
            lines.push_str(&line(Level::Warn, &what));
        }
        state.writing = true;
        drop(state);
        // A closed stderr is no reason to stop.
        let _ = stderr.write_all(lines.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;

    /// A reader that reads when it is told.
    static READ: (Mutex<(bool, Vec<u8>)>, Condvar) = (Mutex::new((false, Vec::new())), Condvar::new());

    struct Reader;

    impl Write for Reader {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            let mut read = READ.1.wait_while(READ.0.lock().unwrap(), |read| !read.0).unwrap();
            read.1.extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_is_counted_and_nobody_waits_for_it() {
        let said = Said::new(|| Box::new(Reader));
        let began = Instant::now();
        let total = 3 * QUEUE_BYTES_MAX / 100;
        let text = |number: usize| format!("{number:>99}\n");
        (0..total).for_each(|number| said.say(&text(number)));
        said.flush(Duration::from_millis(10));
        assert!(began.elapsed() < Duration::from_secs(5), "it waited");
        READ.0.lock().unwrap().0 = true;
        READ.1.notify_all();
        said.flush(Duration::from_secs(10));
        said.say("after\n");
        said.flush(Duration::from_secs(10));
        let read = String::from_utf8(READ.0.lock().unwrap().1.clone()).unwrap();
        let lines: Vec<&str> = read.lines().collect();
        let (last, lines) = lines.split_last().unwrap();
        assert_eq!(*last, "after");
        // Each line is there, or counted at its place: the thread may begin early or late.
        let mut next = 0;
        for line in lines {
            match line.strip_prefix("linkhook: warning: ").and_then(|rest| rest.split_once(" lines of diagnostics")) {
                Some((dropped, _)) => next += dropped.parse::<usize>().unwrap(),
                None => {
                    assert_eq!(*line, text(next).trim_end());
                    next += 1;
                }
            }
        }
        assert_eq!(next, total);
        assert!(lines.len() < total, "{} lines", lines.len());
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(line(Level::Error, "e\x1b[31m\u{202e}\u{9b}: no\nsuch"), "linkhook: e?[31m??: no\nsuch\n");
    }

    #[test]
    fn each_line_has_its_level_for_the_journal() {
        assert_eq!(marked_line("<4>", Level::Warn, "one\ntwo"), "<4>linkhook: warning: one\n<4>two\n");
    }
}
