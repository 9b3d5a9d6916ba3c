//! `linkhook spool show` and `drop`: the events that wait, and which of them are meant.

use std::cell::RefCell;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::{State, named, say, strange};
use crate::cli::{output, selection, values};
use crate::error::{Error, Result};
use crate::event::own;
use crate::event::severity::Severity;
use crate::retell;
use crate::retell::lines::{EndedEarly, Lines};
use crate::spool::{Answer, RANGES_MAX, Request};
use crate::store::look::{Look, Seen};
use crate::stream::{Options, Stream};
use crate::units::counted;
use crate::words;

/// Events that are read at once.
const ROWS: usize = 1000;

/// Arguments of `linkhook spool show`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct ShowArguments {
    /// Whose, by its name in the configuration; everybody's where none is named
    name: Option<String>,
    /// Kinds of objects, such as link, addr or route, apart or with commas; all when none is named
    #[arg(value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    #[command(flatten)]
    filters: selection::Filters,
    #[command(flatten)]
    form: selection::Form,
    /// So many of them at most, the first that would be sent
    #[arg(short = 'n', long, value_name = "N", value_parser = values::count, allow_hyphen_values = true)]
    count: Option<u64>,
}

/// Arguments of `linkhook spool drop`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct DropArguments {
    /// Whose, by its name in the configuration
    name: String,
    /// Events of these kinds, apart or with commas
    #[arg(value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    #[command(flatten)]
    filters: selection::Filters,
    /// Everything that waits now
    #[arg(long, conflicts_with_all = ["first", "kinds"])]
    all: bool,
    /// The first so many, of those that fit where something is chosen
    #[arg(long, value_name = "N", value_parser = values::count, allow_hyphen_values = true)]
    first: Option<u64>,
    /// Only say how many events would be dropped
    #[arg(long)]
    dry_run: bool,
}

/// What waits for a webhook, as lines.
struct Rows<'l> {
    look: &'l Look,
    webhook: i64,
    /// The last event that was read, and what is left of those that were.
    after: u64,
    rest: io::Cursor<Vec<u8>>,
    /// The numbers of all that was read.
    seen: &'l RefCell<Vec<u64>>,
}

impl Read for Rows<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.rest.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let rows = self.look.events(self.webhook, self.after, ROWS).map_err(io::Error::other)?;
            let Some((last, _)) = rows.last() else { return Ok(0) };
            self.after = *last;
            let mut text = Vec::new();
            for (sequence, line) in &rows {
                self.seen.borrow_mut().push(*sequence);
                text.extend_from_slice(line);
                text.push(b'\n');
            }
            self.rest = io::Cursor::new(text);
        }
    }
}

/// Tells what waits for a webhook that fits.
fn tell(look: &Look, seen: &Seen, told: (Stream, Lines), read: &RefCell<Vec<u64>>) -> Result<()> {
    let rows = Rows { look, webhook: seen.webhook, after: 0, rest: io::Cursor::default(), seen: read };
    EndedEarly::quietly(retell::lines(Path::new(&seen.name), BufReader::new(rows), &RefCell::new(told)))
}

/// Prints lines as `show` and `dead show` do.
pub(super) fn options(
    kinds: &[String],
    filters: &selection::Filters,
    form: &selection::Form,
    count: Option<u64>,
) -> Result<Options> {
    let selected = filters.options(kinds, &[], Severity::Debug)?;
    let narrowed = filters.is_narrowed() || !kinds.is_empty();
    Ok(Options {
        present: true,
        own: words::own_events(selected.own.clone(), narrowed, !narrowed),
        format: form.line(io::stdout().is_terminal()),
        count,
        ..selected
    })
}

/// `linkhook spool show`.
pub fn show(state: &State, arguments: &ShowArguments) -> Result<()> {
    let ShowArguments { name, kinds, filters, form, count } = arguments;
    let look = state.look()?;
    let all = look.webhooks()?;
    let chosen: Vec<&Seen> = match name {
        Some(name) => vec![named(&all, name)?],
        None => all.iter().filter(|seen| seen.waiting.0 > 0).collect(),
    };
    for seen in chosen {
        let stream = Stream::new(options(kinds, filters, form, *count)?);
        let lines = output::lines(&stream, None)?;
        tell(&look, seen, (stream, lines), &RefCell::default())?;
    }
    Ok(())
}

/// Takes lines, and keeps their numbers.
#[derive(Clone)]
struct Numbers {
    found: Arc<Mutex<Vec<u64>>>,
    /// A line that has no end yet.
    line: Vec<u8>,
    /// Events of linkhook's own that are named: the others, which a watch always tells, are not meant.
    named: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Numbered<'l> {
    seq: u64,
    #[serde(borrow)]
    event: std::borrow::Cow<'l, str>,
}

impl Write for Numbers {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for part in octets.split_inclusive(|octet| *octet == b'\n') {
            self.line.extend_from_slice(part);
            if part.last() == Some(&b'\n') {
                if let Ok(Numbered { seq, event }) = serde_json::from_slice(&self.line)
                    && own::by_name(&event).is_none_or(|event| self.named.contains(&event))
                {
                    self.found.lock().unwrap_or_else(PoisonError::into_inner).push(seq);
                }
                self.line.clear();
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `linkhook spool drop`.
pub fn drop_events(state: &State, arguments: &DropArguments) -> Result<()> {
    let DropArguments { name, kinds, filters, all, first, dry_run } = arguments;
    let narrowed = filters.is_narrowed() || !kinds.is_empty();
    if *all && narrowed {
        return Err(Error::usage("--all drops everything: leave it out where kinds or filters choose"));
    }
    if !all && !narrowed && first.is_none() {
        return Err(Error::usage(format_args!(
            "which events of '{name}'? say --all, --first N, or kinds and filters; --dry-run only counts them"
        )));
    }
    let look = state.look()?;
    let every = look.webhooks()?;
    let seen = named(&every, name)?;
    let (ranges, count) = if narrowed {
        fitting(&look, seen, arguments)?
    } else {
        let ends = look.first_events(seen.webhook, first.unwrap_or(u64::MAX))?;
        ends.map_or((Vec::new(), 0), |(first, last, count)| (vec![(first, last)], count))
    };
    if *dry_run {
        return say(&format!("{name}: {} would be dropped", counted(count, "event")));
    }
    let mut dropped = 0;
    for ranges in ranges.chunks(RANGES_MAX) {
        match state.ask(&Request::Drop(name.clone(), ranges.to_vec())) {
            Ok(Answer::Dropped(events)) => dropped += events,
            Ok(answer) => return Err(strange(&answer)),
            Err(error) if dropped > 0 => {
                return Err(Error::failed(format_args!("{} dropped before: {error}", counted(dropped, "event"))));
            }
            Err(error) => return Err(error),
        }
    }
    say(&format!("{name}: {} dropped", counted(dropped, "event")))
}

/// The ranges of those that fit, and how many they are.
fn fitting(look: &Look, seen: &Seen, arguments: &DropArguments) -> Result<(Vec<(u64, u64)>, u64)> {
    let options = arguments.filters.options(&arguments.kinds, &[], Severity::Debug)?;
    let found = Arc::new(Mutex::new(Vec::new()));
    let numbers = Numbers { found: found.clone(), line: Vec::new(), named: options.own.clone() };
    let stream = Stream::new(Options { present: true, ..options });
    let lines = Lines::to(&stream, Box::new(numbers));
    let read = RefCell::default();
    tell(look, seen, (stream, lines), &read)?;
    let mut found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let most = arguments.first.map_or(usize::MAX, |first| usize::try_from(first).unwrap_or(usize::MAX));
    found.truncate(most);
    Ok((ranges(&read.borrow(), &found), found.len() as u64))
}

/// The chosen ones of all that wait, as ranges in which nothing else waits. Both are in order.
fn ranges(waiting: &[u64], chosen: &[u64]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let (mut chosen, mut goes_on) = (chosen.iter().peekable(), false);
    for &sequence in waiting {
        let is_chosen = chosen.next_if(|next| **next == sequence).is_some();
        match ranges.last_mut() {
            Some((_, last)) if is_chosen && goes_on => *last = sequence,
            _ if is_chosen => ranges.push((sequence, sequence)),
            _ => {}
        }
        goes_on = is_chosen;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_range_nothing_else_waits() {
        assert_eq!(ranges(&[1, 3, 5, 6, 9], &[1, 3, 6, 9]), [(1, 3), (6, 9)]);
        assert_eq!(ranges(&[1, 3, 5], &[]), []);
        assert_eq!(ranges(&[1, 3, 5], &[3]), [(3, 3)]);
        assert_eq!(ranges(&[1, 3, 5], &[1, 3, 5]), [(1, 5)]);
    }

    #[test]
    fn what_a_watch_always_tells_is_not_meant_unless_it_is_named() {
        let found = Arc::new(Mutex::new(Vec::new()));
        let mut numbers = Numbers { found: found.clone(), line: Vec::new(), named: vec!["resync"] };
        numbers.write_all(b"{\"seq\":1,\"event\":\"link\"}\n{\"seq\":2,\"event\":\"over").unwrap();
        numbers.write_all(b"run\"}\n{\"seq\":3,\"event\":\"resync\"}\n").unwrap();
        assert_eq!(*found.lock().unwrap(), [1, 3]);
    }
}
