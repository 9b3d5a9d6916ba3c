//! `linkhook history`: events that were kept.

use std::time::Duration;

use super::place::Place;
use super::{output, selection};
use crate::error::{Error, Result};
use crate::moment::moment;
use crate::retell;
use crate::retell::kept::{Told, before_latest};
use crate::retell::lines::EndedEarly;
use crate::store::event_log::history::Span;
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
    namespaces: selection::KeptNamespaces,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let options = options(arguments)?;
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
    // They are found first, and then told in their order.
    let after = match latest {
        Some(latest) => before_latest(self::options(arguments)?.as_lines(), &history, span, latest, || false)?,
        None => 0,
    };
    let stream = Stream::new(options);
    let lines = output::lines(&stream, arguments.selection.output.as_deref())?;
    let mut told = Told::new(stream, lines);
    EndedEarly::quietly(tell(arguments, &history, span, after, &mut told))
}

fn options(arguments: &Arguments) -> Result<Options> {
    let netns = &arguments.namespaces.netns;
    let selected = arguments.selection.options_of(netns)?;
    let narrowed = arguments.selection.is_narrowed() || !netns.is_empty();
    let own = words::own_events(selected.own.clone(), narrowed, !narrowed);
    Ok(Options { present: true, own, ..selected })
}

/// What was before the first event that is kept, nobody knows any more.
fn say_what_is_missing(history: &History<'_>, since: Option<i64>) -> Result<()> {
    if let Some(missing) = retell::missing(history.beginning()?, since.unwrap_or(i64::MAX)) {
        log::warn!("{missing}");
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
        told.all(history, &mut chunks, arguments.reverse, || false)?;
        if !arguments.follow || told.stream.is_done() {
            return Ok(());
        }
        while history.version()? == version {
            std::thread::sleep(FOLLOW_PAUSE);
        }
        history.find(&mut chunks)?;
    }
}
