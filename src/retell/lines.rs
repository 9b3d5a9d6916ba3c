//! The lines of a command that ends by itself: they are judged where a jq expression decides, and written.

use std::io::{self, ErrorKind, Write};

use crate::deliver::jq::{Judge, Patience};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::stream::Stream;
use crate::stream::judge::judge;

/// Lines are written once so many bytes have gathered.
const WRITE_BYTES: usize = 64 << 10;

/// What gathers, and where it goes.
pub struct Lines {
    /// Where the stream writes.
    pub out: Json,
    output: Box<dyn Write + Send>,
    judge: Option<Judge>,
}

/// Why a command ends before its time.
#[derive(Debug)]
pub enum EndedEarly {
    /// The reader has gone away, as `head` does: quietly.
    Closed,
    /// Something failed.
    Failed(Error),
}

impl From<Error> for EndedEarly {
    fn from(error: Error) -> EndedEarly {
        EndedEarly::Failed(error)
    }
}

impl From<io::Error> for EndedEarly {
    fn from(error: io::Error) -> EndedEarly {
        match error.kind() {
            ErrorKind::BrokenPipe => EndedEarly::Closed,
            _ => EndedEarly::Failed(Error::system("cannot write the output", &error)),
        }
    }
}

impl EndedEarly {
    /// What the command's end is.
    pub fn quietly(result: std::result::Result<(), EndedEarly>) -> Result<()> {
        match result {
            Ok(()) | Err(EndedEarly::Closed) => Ok(()),
            Err(EndedEarly::Failed(error)) => Err(error),
        }
    }
}

impl Lines {
    /// For a stream's lines, to whatever takes them.
    pub fn to(stream: &Stream, output: Box<dyn Write + Send>) -> Lines {
        let judge = stream.options().judge().map(|judge| judge.patient(Patience::Never));
        Lines { out: Json::new(), output, judge }
    }

    /// Writes, once enough has gathered; at once where those that wait to be judged may be all that are asked for yet.
    pub fn write(&mut self, stream: &mut Stream) -> std::result::Result<(), EndedEarly> {
        if self.out.bytes().len() > WRITE_BYTES || stream.is_done() { self.write_all(stream) } else { Ok(()) }
    }

    /// Writes lines that are not judged: at once where they are many, else once enough has gathered.
    pub fn put(&mut self, stream: &mut Stream, lines: &[u8]) -> std::result::Result<(), EndedEarly> {
        if lines.len() > WRITE_BYTES {
            return self.pass(stream, lines);
        }
        self.out.lines(lines);
        self.write(stream)
    }

    /// Writes what is there, and then lines that are not judged.
    pub fn pass(&mut self, stream: &mut Stream, lines: &[u8]) -> std::result::Result<(), EndedEarly> {
        self.write_all(stream)?;
        Ok(self.output.write_all(lines)?)
    }

    /// Writes everything.
    pub fn write_all(&mut self, stream: &mut Stream) -> std::result::Result<(), EndedEarly> {
        let Some(child) = &mut self.judge else {
            let result = self.output.write_all(self.out.bytes());
            self.out.clear();
            return Ok(result.and_then(|()| self.output.flush())?);
        };
        let Some(batch) = stream.take_unjudged(&mut self.out) else { return Ok(()) };
        let mut judged = judge(child, &batch);
        let cut = judged.cut.take();
        self.output.write_all(&stream.settle(&batch, judged).lines)?;
        match cut {
            Some(why) => Err(Error::failed(why).into()),
            None => Ok(self.output.flush()?),
        }
    }
}
