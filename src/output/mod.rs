//! Where lines go: their formats, and the writer before a slow reader.

pub mod fields;
pub mod file;
pub mod text;
pub mod writer;

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

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
    /// What is open already: stdout, a pipe.
    Descriptor(OwnedFd),
    /// A file by its name.
    File(file::Appender),
}

/// The result of a write: that the reader has gone away, as `head` does, ends it quietly.
pub fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::system("cannot write the output", &error)),
        Ok(()) => Ok(()),
    }
}
