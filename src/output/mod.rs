//! Where lines go: their formats, and the writer before a slow reader.

pub mod facts;
pub mod fields;
pub mod file;
pub mod journal;
pub mod outputs;
pub mod rendered;
pub mod syslog;
pub mod text;
pub mod writer;

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::error::{Error, Result};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// One short line for eyes.
    Text(text::Style),
    /// One JSON object a line, of the keys that were asked for.
    Fields,
}

/// The target of log records that are whole lines of the output, which go to stderr as they are: those of linkhook's own events
/// where the output is made for programs that expect none.
pub const ASIDE: &str = "linkhook::aside";

/// What is written to.
#[derive(Debug)]
pub enum Destination {
    /// What is open already, and takes lines as they are: stdout, a pipe.
    Descriptor(OwnedFd),
    /// Anything else, which a thread writes.
    Sink(Box<dyn Sink>),
}

/// What a writer's thread writes to, and may wait for: a file by its name, the journal, a syslog server; or what makes something
/// else of lines before another sink has them.
pub trait Sink: Debug + Send {
    /// Takes whole lines, and gives back how many bytes of them are done; with the error that ended it.
    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>);

    /// Whether writing may succeed later, as on a full disk: then the lines wait.
    fn may_recover(&self, error: &io::Error) -> bool;

    /// Opens it anew by its name. Until that succeeds, it is written as it was.
    fn reopen(&mut self) -> io::Result<()>;

    /// How many of the lines that are done it will never have, since it was last asked, and why.
    fn take_refused(&mut self) -> Option<(u64, String)> {
        None
    }
}

/// What is open already.
#[derive(Debug)]
pub struct OpenFile(pub Arc<File>);

impl Sink for OpenFile {
    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        match (&*self.0).write_all(lines) {
            Ok(()) => (lines.len(), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    fn may_recover(&self, _: &io::Error) -> bool {
        false
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The result of a write: that the reader has gone away, as `head` does, ends it quietly.
pub fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::system("cannot write the output", &error)),
        Ok(()) => Ok(()),
    }
}
