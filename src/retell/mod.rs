//! Linkhook's own lines, of a file or of the history: those that fit are told again, as they stand.

use std::cell::RefCell;
use std::io::{BufRead, Read};
use std::path::Path;

pub mod at;
pub mod kept;
pub mod lines;
pub mod watched;

use crate::error::Error;
use crate::line::Line;
use crate::stream::Stream;
use lines::{EndedEarly, Lines};

/// The longest line that is believed; more is taken for damage.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Tells the lines of a file.
pub fn lines(file: &Path, mut input: impl BufRead, told: &RefCell<(Stream, Lines)>) -> Result<(), EndedEarly> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        // While it reads, what was told may be written.
        let read = (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let (stream, lines) = &mut *told.borrow_mut();
        let wrong = |why: &dyn std::fmt::Display| Error::failed(format_args!("{}:{number}: {why}", file.display()));
        let failed = match read {
            Ok(0) => break,
            Ok(_) if line.trim_ascii().is_empty() => None,
            Ok(_) => retell(stream, lines, &mut line).err().map(|why| wrong(&why)),
            Err(error) => Some(wrong(&error)),
        };
        if let Some(failed) = failed {
            lines.write_all(stream)?;
            return Err(failed.into());
        }
        lines.write(stream)?;
        if stream.is_done() {
            return Ok(());
        }
    }
    let (stream, lines) = &mut *told.borrow_mut();
    lines.write_all(stream)
}

/// What is missing of what happened from a time on, in microseconds since 1970, where that of the first line that is kept is this one.
pub fn missing(beginning: Option<i64>, since: i64) -> Option<String> {
    match beginning {
        None => Some("nothing is kept: is there [history] in the configuration, and has it begun?".into()),
        Some(beginning) if since < beginning => {
            let beginning = jiff::Timestamp::from_microsecond(beginning).unwrap_or_default();
            Some(format!("what happened before {beginning} is not kept, or not any more"))
        }
        Some(_) => None,
    }
}

/// Tells one line, if it fits. The error says why it is none.
pub fn retell(stream: &mut Stream, lines: &mut Lines, line: &mut Vec<u8>) -> Result<(), String> {
    let parsed = Line::parse(line)?;
    stream.retell(&mut lines.out, line, parsed.own(), &parsed.candidate(&parsed.names()));
    Ok(())
}

/// Tells lines that were made here, as far as they fit, and writes them.
pub fn all(stream: &mut Stream, lines: &mut Lines, each: impl IntoIterator<Item = Vec<u8>>) -> Result<(), EndedEarly> {
    for mut line in each {
        if stream.is_done() {
            break;
        }
        retell(stream, lines, &mut line).map_err(Error::failed)?;
        lines.write(stream)?;
    }
    lines.write_all(stream)
}
