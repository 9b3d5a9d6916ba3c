//! The lines that were kept, told again.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::lines::{EndedEarly, Lines};
use super::retell;
use crate::error::{Error, Result};
use crate::event;
use crate::kinds::KindIndex;
use crate::store::event_log::chunk::Entry;
use crate::store::event_log::history::{Chunks, Read, Span};
use crate::store::look::History;
use crate::stream::{Options, Stream};

/// What is told, and where it goes.
pub struct Told {
    /// Which lines, and how.
    pub stream: Stream,
    /// Where they go.
    pub lines: Lines,
    /// Every line as it stands.
    is_whole: bool,
    /// What can be seen without reading all of a line says whether it is told.
    is_by_head: bool,
}

impl Told {
    /// Nothing is told yet.
    pub fn new(stream: Stream, lines: Lines) -> Told {
        let options = stream.options();
        Told { is_whole: options.tells_all(), is_by_head: options.tells_by_head(), stream, lines }
    }

    /// Everything that is kept of these, and not told yet, unless it is over before: nobody reads any more.
    pub fn all(
        &mut self,
        history: &History<'_>,
        chunks: &mut Chunks,
        is_reverse: bool,
        is_over: impl Fn() -> bool,
    ) -> std::result::Result<(), EndedEarly> {
        while let Some(read) = history.next(chunks)? {
            if is_over() {
                return Err(EndedEarly::Closed);
            }
            let (mut entries, lines) = match read {
                Read::Events(entries, lines) => (entries, lines),
                Read::Damaged(first, last, why) => {
                    log::warn!("the events {first} to {last} cannot be read: {why}");
                    continue;
                }
            };
            if self.is_whole
                && !is_reverse
                && let Some(lines) = as_they_stand(&entries, &lines)
            {
                self.lines.put(&mut self.stream, lines)?;
                continue;
            }
            if is_reverse {
                entries.reverse();
            }
            for entry in entries {
                if self.stream.is_done() {
                    return self.lines.write_all(&mut self.stream);
                }
                self.line(entry.line(&lines))?;
            }
        }
        self.lines.write_all(&mut self.stream)
    }

    /// One line, without its end, if it fits.
    pub fn line(&mut self, line: &[u8]) -> std::result::Result<(), EndedEarly> {
        let wanted = if self.is_whole { Some(true) } else { self.is_wanted(line) };
        match wanted {
            Some(false) => {}
            Some(true) if self.is_whole || self.is_by_head => self.lines.out.line(line),
            _ => {
                let mut line = line.to_vec();
                retell(&mut self.stream, &mut self.lines, &mut line).map_err(Error::failed)?;
            }
        }
        self.lines.write(&mut self.stream)
    }

    /// Whether kind and severity are those of lines that are told; `None` where it is no object's, or they do not stand at its beginning.
    fn is_wanted(&self, line: &[u8]) -> Option<bool> {
        let filter = &self.stream.options().filter;
        let kind = event::name_of(line).and_then(KindIndex::named)?;
        Some(filter.wants_kind(kind.place()) && event::severity_of(line)? >= filter.severity)
    }
}

/// The lines of events that follow each other without a gap, with their ends.
fn as_they_stand<'l>(entries: &[Entry], lines: &'l [u8]) -> Option<&'l [u8]> {
    let (first, last) = (entries.first()?, entries.last()?);
    let end = last.at + last.octets + 1;
    let octets: usize = entries.iter().map(|entry| entry.octets + 1).sum();
    if end - first.at == octets { lines.get(first.at..end) } else { None }
}

/// The number before the first of the latest lines that fit, so many; what it is where it is over before says nothing.
pub fn before_latest(
    options: Options,
    history: &History<'_>,
    span: Span,
    latest: u64,
    is_over: impl Fn() -> bool,
) -> Result<u64> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let stream = Stream::new(options);
    let most = usize::try_from(latest).unwrap_or(usize::MAX);
    let lines = Lines::to(&stream, Box::new(Numbers { found: found.clone(), most }));
    let mut told = Told::new(stream, lines);
    let mut chunks = history.chunks(span, 0, true)?;
    EndedEarly::quietly(told.all(history, &mut chunks, true, is_over))?;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(found.get(most - 1).map_or(0, |sequence: &u64| sequence.saturating_sub(1)))
}

/// Notes the numbers of lines, until it has enough.
struct Numbers {
    found: Arc<Mutex<Vec<u64>>>,
    most: usize,
}

impl Write for Numbers {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(lines.split(|&octet| octet == b'\n').filter_map(event::sequence_of));
        // Nobody reads on, as behind `head`.
        if found.len() >= self.most { Err(ErrorKind::BrokenPipe.into()) } else { Ok(lines.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
