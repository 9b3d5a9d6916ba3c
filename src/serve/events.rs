//! `/events`: lines as they are told, from where the reader says. Those that are not remembered any more are read from the log; where
//! they are not there either, the reader is told how many it does not get.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use jiff::Timestamp;

use super::feed::{Feed, Next};
use super::making::{Sources, options};
use super::pipe::{Begun, Pipe, PipeWriter};
use super::query::{Query, WHOLE};
use crate::error::Result;
use crate::event::{self, Origin, own};
use crate::json::Json;
use crate::retell::kept::{Told, before_latest};
use crate::retell::lines::{EndedEarly, Lines};
use crate::retell::missing;
use crate::store::event_log::history::{Read, Span};
use crate::store::look::{History, Look};
use crate::stream::{Stream, Telling};

/// So often a reader hears that it is still served, whatever happens.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long is waited at most, where it hears nothing.
const SILENCE: Duration = Duration::from_secs(3600);
/// A reader is woken no sooner after it was woken, where lines follow each other faster.
const PAUSE: Duration = Duration::from_millis(5);
/// How soon a reader is to come back, in milliseconds.
const RETRY: &[u8] = b"retry: 1000\n\n";

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// A line each.
    Lines,
    /// Server-Sent Events, each with its line's number as id (WHATWG HTML, 9.2).
    Events,
}

impl Framing {
    pub fn media_type(self) -> &'static str {
        match self {
            Framing::Lines => "application/x-ndjson",
            Framing::Events => "text/event-stream",
        }
    }

    /// What a reader hears, whatever happens: an empty line, or a comment, which readers of events pass over.
    fn heartbeat(self) -> &'static [u8] {
        match self {
            Framing::Lines => b"\n",
            Framing::Events => b": nothing yet\n\n",
        }
    }
}

/// Makes the answer until the reader goes away, or the end.
pub(super) fn make(query: &Query, framing: Framing, sources: &Sources, pipe: &Arc<Pipe>) -> Result<()> {
    if query.is_done {
        // A browser does not come back any more then (WHATWG HTML, 9.2).
        pipe.begin(Begun::Refused(StatusCode::NO_CONTENT, String::new()));
        return Ok(());
    }
    let span = Span { since: query.since.unwrap_or(i64::MIN), until: query.until.unwrap_or(i64::MAX) };
    let look = sources.log()?;
    let history = look.as_ref().map(Look::history).transpose()?;
    let (before, released) = sources.feed.ends();
    // What is committed may be in the log before the loop has released it.
    let newest = match &history {
        Some(history) => history.last()?.unwrap_or_default().max(released),
        None => released,
    };
    let own = [own::METRICS.name];
    let options = || options(query, &own, sources);
    let told = Stream::new(options()?);
    let after = match (query.after, query.latest, query.since.or(query.until)) {
        // Of a run before this one, whose numbers were others: all of this one's is news.
        (Some(after), ..) if after > newest => before.min(released),
        (Some(after), ..) => after,
        (None, Some(latest), _) => match &history {
            Some(history) => {
                let found = before_latest(options()?, history, span, latest, || pipe.is_closed())?;
                found.max(oldest_before(history)?)
            }
            None => {
                before_latest_remembered(Told::new(Stream::new(options()?), nowhere()), &sources.feed, span, latest)
            }
        },
        (None, None, Some(_)) => match &history {
            Some(history) => oldest_before(history)?,
            None => before,
        },
        (None, None, None) => newest,
    };
    pipe.begin(Begun::Body(
        framing.media_type(),
        not_kept(&sources.feed, history.as_ref(), query.since)?.into_iter().collect(),
    ));
    let mut writer = Framed { framing, pipe: PipeWriter(pipe.clone()) };
    if framing == Framing::Events && writer.pipe.write_all(RETRY).is_err() {
        return Ok(());
    }
    let lines = Lines::to(&told, Box::new(writer.clone()));
    let told = Told::new(told, lines);
    // It is open no longer than it is needed: a reader may stay for days.
    drop(look);
    // Where it says from which line on, it hears of every one that is missing.
    let is_whole = query.after.is_some() || span == Span::ALL;
    let heartbeat = query.heartbeat.or((framing == Framing::Events).then_some(HEARTBEAT));
    let mut reader = Reader { sources, pipe, span, told, after, newest, is_whole };
    EndedEarly::quietly(reader.run(query.ends, heartbeat, framing))?;
    if query.ends && framing == Framing::Events {
        // No event, and yet the last id that the reader knows.
        let id = format!("id: {}{WHOLE}\n\n", reader.after);
        drop(PipeWriter(pipe.clone()).write_all(id.as_bytes()));
    }
    Ok(())
}

/// That what happened from that time on is not all there, where that is so.
fn not_kept(feed: &Feed, history: Option<&History<'_>>, since: Option<i64>) -> Result<Option<String>> {
    let Some(since) = since else { return Ok(None) };
    let beginning = match history {
        Some(history) => history.beginning()?,
        None => feed.beginning(),
    };
    Ok(missing(beginning, since))
}

/// The number before the first line that is kept.
fn oldest_before(history: &History<'_>) -> Result<u64> {
    Ok(history.first()?.map_or(0, |first| first.saturating_sub(1)))
}

struct Reader<'s> {
    sources: &'s Sources,
    pipe: &'s Arc<Pipe>,
    span: Span,
    told: Told,
    /// The number of the last line that it has, or is done with.
    after: u64,
    /// That of the last line that was there when it came.
    newest: u64,
    /// Lines that are missing in the log are told.
    is_whole: bool,
}

impl Reader<'_> {
    fn run(
        &mut self,
        ends: bool,
        heartbeat: Option<Duration>,
        framing: Framing,
    ) -> std::result::Result<(), EndedEarly> {
        let (mut woken, mut beat) = (Instant::now(), Instant::now());
        loop {
            let until_beat = heartbeat.map(|every| every.saturating_sub(beat.elapsed()));
            if until_beat.is_some_and(|left| left.is_zero()) {
                // Lines that are not told are no sign of life.
                self.told.lines.write_all(&mut self.told.stream)?;
                PipeWriter(self.pipe.clone()).write_all(framing.heartbeat())?;
                beat = Instant::now();
            }
            if ends && self.after >= self.newest {
                return self.told.lines.write_all(&mut self.told.stream);
            }
            match self.sources.feed.next(self.after, Duration::ZERO, || false) {
                Next::Lines(lines, last) => self.lines(&lines, last)?,
                Next::Gone(last) => self.look_back(last)?,
                Next::End => return self.told.lines.write_all(&mut self.told.stream),
                Next::Nothing => {
                    self.told.lines.write_all(&mut self.told.stream)?;
                    // While much is told, fewer wake-ups take more of it each.
                    if woken.elapsed() < PAUSE {
                        std::thread::sleep(PAUSE);
                    }
                    woken = Instant::now();
                    self.sources.feed.next(self.after, until_beat.unwrap_or(SILENCE), || self.pipe.is_closed());
                }
            }
            if self.after >= self.newest && self.span.until == i64::MAX {
                // What comes is wanted whatever the clock says.
                self.span = Span::ALL;
            }
            if self.pipe.is_closed() {
                return Err(EndedEarly::Closed);
            }
        }
    }

    fn lines(&mut self, lines: &[u8], last: u64) -> std::result::Result<(), EndedEarly> {
        each_after(lines, self.after, self.span, |line| self.told.line(line))?;
        self.after = last;
        Ok(())
    }

    /// Lines that are not remembered, up to that one: from the log, as far as they are there.
    fn look_back(&mut self, last: u64) -> std::result::Result<(), EndedEarly> {
        let Some(look) = self.sources.log()? else { return self.miss(last, "they are not remembered any more") };
        let history = look.history()?;
        // Where a run began, numbers may have been left out.
        let mut beginnings: Vec<u64> = history.runs()?.iter().map(|run| run.run.after).collect();
        beginnings.push(self.sources.beginning);
        self.read_log(&history, &beginnings)?;
        if self.span == Span::ALL { self.reach(last, &history, &beginnings) } else { self.pass(last) }
    }

    fn read_log(&mut self, history: &History<'_>, beginnings: &[u64]) -> std::result::Result<(), EndedEarly> {
        let mut chunks = history.chunks(self.span, self.after, false)?;
        while let Some(read) = history.next(&mut chunks)? {
            if self.pipe.is_closed() {
                return Err(EndedEarly::Closed);
            }
            match read {
                Read::Events(entries, lines) => {
                    for entry in &entries {
                        self.come_to(entry.sequence, history, beginnings)?;
                        self.told.line(entry.line(&lines))?;
                        self.after = entry.sequence;
                    }
                }
                Read::Damaged(first, last, why) => {
                    self.come_to(first, history, beginnings)?;
                    self.miss(last, &format!("they cannot be read: {why}"))?;
                }
            }
        }
        Ok(())
    }

    /// That line of the log is next: what is between it and the last one is missing, or is not meant.
    fn come_to(&mut self, next: u64, history: &History<'_>, beginnings: &[u64]) -> std::result::Result<(), EndedEarly> {
        let before = next.saturating_sub(1);
        if self.is_whole { self.reach(before, history, beginnings) } else { self.pass(before) }
    }

    /// Goes on behind a line: those up to it that it has not are missing, unless they were left out when a run began. Then the log has
    /// the last one before.
    fn reach(&mut self, last: u64, history: &History<'_>, beginnings: &[u64]) -> std::result::Result<(), EndedEarly> {
        if self.after >= last {
            return Ok(());
        }
        let has_last = || match self.after {
            0 => history.complete_from().map(|forgotten| forgotten.is_none()),
            after => history.line(after).map(|line| line.is_some()),
        };
        if beginnings.contains(&last) && has_last()? {
            return self.pass(last);
        }
        self.miss(last, "they are not kept any more")
    }

    fn pass(&mut self, last: u64) -> std::result::Result<(), EndedEarly> {
        self.after = self.after.max(last);
        Ok(())
    }

    /// The lines up to that one are not told, which is.
    fn miss(&mut self, last: u64, why: &str) -> std::result::Result<(), EndedEarly> {
        let lines = last.saturating_sub(self.after);
        // It stands in their place.
        let mut stream = Stream::new(crate::stream::Options { host: self.sources.line_host(), ..Default::default() });
        stream.continue_after(last.saturating_sub(1));
        let time_microseconds = Timestamp::now().as_microsecond();
        let telling = Telling { origin: Origin::Linkhook, cause: None, time_microseconds, netns: None, actor: None };
        let mut out = Json::new();
        stream.own(&mut out, &own::OUTPUT_DROPPED, telling, |out| {
            out.key("path");
            out.string("/events");
            out.key("lines");
            out.unsigned(lines);
            out.key("reason");
            out.string(why);
        });
        self.after = last;
        self.told.lines.pass(&mut self.told.stream, out.bytes())
    }
}

/// Gives each of the lines to `each` that has a greater number and is of the span.
fn each_after<E>(
    lines: &[u8],
    after: u64,
    span: Span,
    mut each: impl FnMut(&[u8]) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let is_meant = |line: &&[u8]| {
        event::sequence_of(line).is_some_and(|sequence| sequence > after)
            && (span == Span::ALL || event::time_of(line).is_some_and(|time| (span.since..=span.until).contains(&time)))
    };
    lines.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()).filter(is_meant).try_for_each(&mut each)
}

/// The number before the first of the latest lines that fit, so many, of those that are remembered.
fn before_latest_remembered(mut told: Told, feed: &Feed, span: Span, latest: u64) -> u64 {
    let (mut after, _) = feed.ends();
    let before = after;
    let most = usize::try_from(latest).unwrap_or(usize::MAX);
    let numbers = Arc::new(Mutex::new(VecDeque::new()));
    told.lines = Lines::to(&told.stream, Box::new(LatestNumbers { numbers: numbers.clone(), most }));
    while let Next::Lines(lines, last) = feed.next(after, Duration::ZERO, || false) {
        // Whatever goes wrong, fewer are told.
        let read = each_after(&lines, after, span, |line| told.line(line));
        if read.and_then(|()| told.lines.write_all(&mut told.stream)).is_err() {
            break;
        }
        after = last;
    }
    let numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
    match numbers.front() {
        Some(first) => first - 1,
        None => after.max(before),
    }
}

fn nowhere() -> Lines {
    Lines::to(&Stream::new(Default::default()), Box::new(io::sink()))
}

/// Notes the numbers of the latest lines.
struct LatestNumbers {
    numbers: Arc<Mutex<VecDeque<u64>>>,
    most: usize,
}

impl Write for LatestNumbers {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        for sequence in lines.split(|&octet| octet == b'\n').filter_map(event::sequence_of) {
            if numbers.len() == self.most {
                numbers.pop_front();
            }
            numbers.push_back(sequence);
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes whole lines as the reader wants them.
#[derive(Clone)]
struct Framed {
    framing: Framing,
    pipe: PipeWriter,
}

impl Write for Framed {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        match self.framing {
            Framing::Lines => self.pipe.write_all(lines)?,
            Framing::Events => self.pipe.write_all(&framed(lines))?,
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines as Server-Sent Events.
fn framed(lines: &[u8]) -> Vec<u8> {
    let mut events = Vec::with_capacity(lines.len() + lines.len() / 8);
    for line in lines.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
        if let Some(sequence) = event::sequence_of(line) {
            events.extend_from_slice(format!("id: {sequence}\n").as_bytes());
        }
        events.extend_from_slice(b"data: ");
        events.extend_from_slice(line);
        events.extend_from_slice(b"\n\n");
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Clock;

    fn line(sequence: u64) -> String {
        let beginning = Clock::default().beginning(sequence as i64 * 1_000_000).to_owned();
        format!("{beginning}{sequence},\"event\":\"link\",\"action\":\"add\"}}\n")
    }

    #[test]
    fn a_line_becomes_an_event_with_its_number() {
        let lines = line(7) + &line(8);
        let framed = String::from_utf8(framed(lines.as_bytes())).unwrap();
        assert_eq!(framed, format!("id: 7\ndata: {}\nid: 8\ndata: {}\n", line(7), line(8)));
    }

    #[test]
    fn only_later_lines_of_the_span_are_told() {
        let lines: String = (1..=9).map(line).collect();
        let told = |after, span| {
            let mut told = Vec::new();
            let read: std::result::Result<(), ()> = each_after(lines.as_bytes(), after, span, |line| {
                told.extend(event::sequence_of(line));
                Ok(())
            });
            read.unwrap();
            told
        };
        assert_eq!(told(6, Span::ALL), [7, 8, 9]);
        assert_eq!(told(2, Span { since: 4_000_000, until: 6_000_000 }), [4, 5, 6]);
    }

    #[test]
    fn the_latest_lines_are_counted_from_the_end() {
        let feed = Feed::after(0, 0);
        (1..=9).for_each(|sequence| feed.put(line(sequence).as_bytes(), sequence));
        feed.release(9);
        let before = |latest, span| {
            let told = Told::new(Stream::new(Default::default()), nowhere());
            before_latest_remembered(told, &feed, span, latest)
        };
        assert_eq!((before(3, Span::ALL), before(9, Span::ALL), before(50, Span::ALL)), (6, 0, 0));
        assert_eq!(before(2, Span { since: 0, until: 5_000_000 }), 3);
        assert_eq!(before(2, Span { since: 50_000_000, until: i64::MAX }), 9);
    }
}
