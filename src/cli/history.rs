//! `linkhook history`: events that were kept.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::lines::{EndedEarly, Lines};
use super::moment::moment;
use super::place::Place;
use super::{retell, selection};
use crate::error::{Error, Result};
use crate::event;
use crate::output::LineFormat;
use crate::store::event_log::history::{Chunks, Read, Span};
use crate::store::look::{History, Look};
use crate::stream::{Options, Stream};
use crate::words;

/// Examples.
pub const HELP: &str = "Examples:\n  \
    linkhook history --since 1h                   what happened in the last hour\n  \
    linkhook history --since 03:00 --until 03:30 route --text\n  \
    linkhook history -n 20 -i eth0 --text         the last twenty events of an interface\n  \
    linkhook history -f                           the last ten, and what comes\n\n\
    Times are much as journalctl takes them: 2026-11-24 03:12, 03:12:05, yesterday, '1h ago' or 1h, 2026-11-24T03:12:05Z, @1795479185. What names no \
    time zone is local.";

/// So often it is looked for what has come.
const FOLLOW_PAUSE: Duration = Duration::from_millis(100);
/// Lines that `-f` begins with, where nothing else is said.
const FOLLOWED_LINES: u64 = 10;

/// Arguments of `linkhook history`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Only what happened at that time or later
    #[arg(short = 'S', long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    since: Option<i64>,
    /// Only what happened at that time or earlier
    #[arg(short = 'U', long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    until: Option<i64>,
    /// Go on with what comes
    #[arg(short, long, conflicts_with_all = ["until", "reverse"])]
    follow: bool,
    /// Begin with the latest
    #[arg(short, long)]
    reverse: bool,
    /// Only the latest lines, so many
    #[arg(short = 'n', long, value_name = "N", value_parser = super::values::count)]
    lines: Option<u64>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let options = options(arguments)?;
    let narrowed = arguments.selection.is_narrowed();
    let span = Span { since: arguments.since.unwrap_or(i64::MIN), until: arguments.until.unwrap_or(i64::MAX) };
    if span.since > span.until {
        return Err(Error::usage("--since is later than --until: nothing could be told"));
    }
    let look = Look::open(&arguments.place.find()?)?;
    let history = look.history()?;
    say_what_is_missing(&history, arguments.since)?;
    let latest = match arguments.lines {
        None if arguments.follow && arguments.since.is_none() => Some(FOLLOWED_LINES),
        latest => latest,
    };
    let is_whole = !narrowed && options.format == LineFormat::Json && options.count.is_none();
    // They are found first, and then told in their order.
    let after = match latest {
        Some(latest) => before_latest(self::options(arguments)?.as_lines(), !narrowed, &history, span, latest)?,
        None => 0,
    };
    let stream = Stream::new(options);
    let lines = Lines::new(&stream, arguments.selection.output.as_deref())?;
    let mut told = Told { stream, lines, is_whole };
    EndedEarly::quietly(tell(arguments, &history, span, after, &mut told))
}

/// The number before the first of the latest lines that fit, so many.
fn before_latest(options: Options, is_whole: bool, history: &History<'_>, span: Span, latest: u64) -> Result<u64> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let stream = Stream::new(options);
    let most = usize::try_from(latest).unwrap_or(usize::MAX);
    let lines = Lines::to(&stream, Box::new(Numbers { found: found.clone(), most }));
    let mut told = Told { stream, lines, is_whole };
    let mut chunks = history.chunks(span, 0, true)?;
    EndedEarly::quietly(told.all(history, &mut chunks, true))?;
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

fn options(arguments: &Arguments) -> Result<Options> {
    let selected = arguments.selection.options()?;
    let narrowed = arguments.selection.is_narrowed();
    let own = words::own_events(selected.own.clone(), narrowed, !narrowed);
    Ok(Options { present: true, own, ..selected })
}

/// What was before the first event that is kept, nobody knows any more.
pub fn say_what_is_missing(history: &History<'_>, since: Option<i64>) -> Result<()> {
    match history.beginning()? {
        None => log::warn!("nothing is kept: is there [history] in the configuration, and has it begun?"),
        Some(began) if since.is_some_and(|since| since < began) => {
            let began = jiff::Timestamp::from_microsecond(began).unwrap_or_default();
            log::warn!("what happened before {began} is not kept, or not any more");
        }
        Some(_) => {}
    }
    Ok(())
}

fn tell(
    arguments: &Arguments,
    history: &History<'_>,
    span: Span,
    after: u64,
    told: &mut Told,
) -> std::result::Result<(), EndedEarly> {
    let mut chunks = history.chunks(span, after, arguments.reverse)?;
    loop {
        let version = if arguments.follow { history.version()? } else { 0 };
        told.all(history, &mut chunks, arguments.reverse)?;
        if !arguments.follow || told.stream.is_done() {
            return Ok(());
        }
        while history.version()? == version {
            std::thread::sleep(FOLLOW_PAUSE);
        }
        history.find(&mut chunks)?;
    }
}

/// What is told, and where it goes.
struct Told {
    stream: Stream,
    lines: Lines,
    /// Every line as it stands.
    is_whole: bool,
}

impl Told {
    /// Everything that is there.
    fn all(
        &mut self,
        history: &History<'_>,
        chunks: &mut Chunks,
        is_reverse: bool,
    ) -> std::result::Result<(), EndedEarly> {
        while let Some(read) = history.next(chunks)? {
            let (mut entries, lines) = match read {
                Read::Events(entries, lines) => (entries, lines),
                Read::Damaged(first, last, why) => {
                    log::warn!("the events {first} to {last} cannot be read: {why}");
                    continue;
                }
            };
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

    fn line(&mut self, line: &[u8]) -> std::result::Result<(), EndedEarly> {
        if self.is_whole {
            self.lines.out.raw_text(std::str::from_utf8(line).unwrap_or_default());
            self.lines.out.newline();
        } else if self.may_be_wanted(line) {
            let mut line = line.to_vec();
            retell::retell(&mut self.stream, &mut self.lines, &mut line).map_err(Error::failed)?;
        }
        self.lines.write(&mut self.stream)
    }

    /// Whether its kind is one of those that are told: that much can be seen without reading all of it.
    fn may_be_wanted(&self, line: &[u8]) -> bool {
        let Some(event) = event::name_of(line) else { return true };
        let kind = crate::kinds::KindIndex::named(event);
        kind.is_none_or(|kind| self.stream.options().filter.wants_kind(kind.place()))
    }
}
