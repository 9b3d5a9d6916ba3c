//! A watch whose lines are read in this process: by `wait`, `exec`, and where they settle.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::PipeFlags;
use serde_json::Value;

use super::selection;
use crate::deliver::batch::settled_at;
use crate::error::{Error, Result};
use crate::event::own;
use crate::kinds::KindIndex;
use crate::kinds::protocol::Listening;
use crate::netns::Wanted;
use crate::output::outputs::Output;
use crate::output::{ASIDE, Destination};
use crate::settle::settle;
use crate::signals;
use crate::stream::{Options, Stream};
use crate::watch::{Ended, Settings, watch};

/// The pipe's size, if it may be so large: a command may take its time.
const PIPE_BYTES: usize = 1 << 20;

/// Bytes of lines that settle at most; then they settle at once.
const SETTLING_BYTES_MAX: usize = 4 << 20;

/// Lines of a watch as they come, or as they settle.
pub struct Events {
    reader: BufReader<File>,
    /// Lines of objects settle once none has come for so long.
    quiet: Option<Duration>,
    settling: Settling,
    /// What has settled and was not taken yet.
    ready: VecDeque<Event>,
    ended: bool,
}

/// Lines that settle.
#[derive(Default)]
struct Settling {
    lines: Vec<String>,
    bytes: usize,
    /// When the first and the last of them came.
    came: Option<(Instant, Instant)>,
}

/// One of them.
pub struct Event {
    /// The line, with its newline.
    pub line: String,
    /// What it says.
    pub value: Value,
}

impl Iterator for Events {
    type Item = Event;

    /// The next one; none where the watch has ended.
    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if self.is_quiet() {
                self.settle();
                continue;
            }
            match self.read() {
                Some(event) => self.take(event),
                None => {
                    // What has gathered does not wait.
                    self.ended = true;
                    self.settle();
                }
            }
        }
    }
}

impl Events {
    fn new(reader: File) -> Events {
        let (settling, ready) = Default::default();
        Events { reader: BufReader::new(reader), quiet: None, settling, ready, ended: false }
    }

    /// From here on the lines of one object are one, once none of any object has come for so long; lines of linkhook's own come as
    /// they are, after what has gathered before them.
    pub fn settling(mut self, quiet: Option<Duration>) -> Events {
        self.quiet = quiet;
        self
    }

    fn read(&mut self) -> Option<Event> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(octets) if octets > 0 => Some(Event::new(line)),
            _ => None,
        }
    }

    fn take(&mut self, event: Event) {
        if self.quiet.is_none() {
            return self.ready.push_back(event);
        }
        if own::by_name(event.text("event")).is_some() {
            self.settle();
            return self.ready.push_back(event);
        }
        let now = Instant::now();
        let Settling { lines, bytes, came } = &mut self.settling;
        *came = Some((came.map_or(now, |(first, _)| first), now));
        *bytes += event.line.len();
        lines.push(event.line);
        if *bytes >= SETTLING_BYTES_MAX {
            self.settle();
        }
    }

    /// Waits for the next line as long as what has gathered settles; whether it has.
    fn is_quiet(&self) -> bool {
        let Some((quiet, (first, last))) = self.quiet.zip(self.settling.came) else { return false };
        if !self.reader.buffer().is_empty() {
            return settled_at(quiet, first, last) <= Instant::now();
        }
        let left = settled_at(quiet, first, last).saturating_duration_since(Instant::now());
        let left =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let mut ready = [PollFd::new(self.reader.get_ref(), PollFlags::IN)];
        // What interrupts it leaves it as it was.
        matches!(poll(&mut ready, Some(&left)), Ok(0)) || settled_at(quiet, first, last) <= Instant::now()
    }

    fn settle(&mut self) {
        let Settling { lines, .. } = std::mem::take(&mut self.settling);
        for settled in settle(&lines) {
            let line = String::from_utf8_lossy(settled.line.trim_ascii_end()).into_owned() + "\n";
            self.ready.push_back(Event::new(line));
        }
    }
}

impl Event {
    fn new(line: String) -> Event {
        let value = serde_json::from_str(&line).unwrap_or_default();
        Event { line, value }
    }

    /// The key's text, empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.value[key].as_str().unwrap_or_default()
    }

    /// Whether it is an event of linkhook's own. Those that always come are then said on stderr.
    pub fn is_own(&self) -> bool {
        let Some(own) = own::by_name(self.text("event")) else { return false };
        if own::always_comes(own) {
            log::error!(target: ASIDE, "{}", self.line.trim_end());
        }
        true
    }
}

/// How such a watch is: everything else is as it is for any.
pub fn settings(
    options: &Options,
    (groups, polling): (&selection::Groups, &selection::Polling),
    namespaces: Wanted,
    timeout: Option<Duration>,
    patience: Duration,
) -> Result<Settings> {
    let kinds: Vec<KindIndex> = KindIndex::all().filter(|&kind| options.filter.follows(kind)).collect();
    Ok(Settings {
        poll: polling.every(&kinds, None)?,
        listening: Listening {
            families: options.filter.families.clone(),
            bound: groups.bound(&kinds, None)?,
            ..Listening::default()
        },
        kinds,
        actions: options.filter.actions.clone(),
        receive_buffer_bytes: None,
        timeout,
        verify: None,
        namespaces,
        state: None,
        patience,
        confined: false,
        metrics: None,
        http: None,
    })
}

/// Watches, and has `read` take the lines; once it returns, the watch ends. Gives back why the watch ended, and what `read` gave.
pub fn follow<T: Send>(
    settings: &Settings,
    options: Options,
    read: impl FnOnce(Events) -> T + Send,
    ended: impl FnOnce(Ended),
) -> Result<(Ended, T)> {
    let failed = |error: rustix::io::Errno| Error::system("cannot make a pipe", &error.into());
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    // More than a user may have is refused, and what there is does, too.
    let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES);
    std::thread::scope(|scope| {
        let events = Events::new(File::from(reader));
        let reader = std::thread::Builder::new().name("reader".into()).spawn_scoped(scope, || read(events));
        let reader = reader.map_err(|error| Error::system("cannot start a thread", &error))?;
        let output = Output::of_all("-", Destination::Descriptor(writer));
        let watched = watch(settings, Stream::new(options), vec![output], None);
        // What is read now ends by itself; whoever does not want to wait for it sends another signal.
        signals::leave_to_default();
        if let Ok(watched) = watched {
            ended(watched);
        }
        let read = reader.join().map_err(|_| Error::failed("the thread that reads the lines broke"))?;
        Ok((watched?, read))
    })
}
