//! A watch whose lines are read in this process: by `wait` and `exec`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use rustix::pipe::PipeFlags;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::event::own;
use crate::kinds::KindIndex;
use crate::netns::Wanted;
use crate::output::outputs::Output;
use crate::output::{ASIDE, Destination};
use crate::signals;
use crate::stream::{Options, Stream};
use crate::watch::{Ended, Settings, watch};

/// The pipe's size, if it may be so large: a command may take its time.
const PIPE_BYTES: usize = 1 << 20;

/// Lines of a watch as they come.
pub struct Events(BufReader<File>);

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
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(octets) if octets > 0 => {
                let value = serde_json::from_str(&line).unwrap_or_default();
                Some(Event { line, value })
            }
            _ => None,
        }
    }
}

impl Event {
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
pub fn settings(options: &Options, namespaces: Wanted, timeout: Option<Duration>, patience: Duration) -> Settings {
    Settings {
        kinds: KindIndex::all().filter(|kind| options.filter.wants_kind(kind.place())).collect(),
        receive_buffer_bytes: None,
        timeout,
        verify: None,
        namespaces,
        state: None,
        patience,
        confined: false,
        metrics: None,
        http: None,
    }
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
        let events = Events(BufReader::new(File::from(reader)));
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
