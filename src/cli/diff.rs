//! `linkhook diff`: what differs between two moments, a line an object.

use std::collections::HashMap;

use jiff::Timestamp;

use super::history::say_what_is_missing;
use super::place::Place;
use super::{output, selection};
use crate::error::{Error, Result};
use crate::event::{self, Action};
use crate::kinds::KindIndex;
use crate::moment::moment;
use crate::retell::lines::EndedEarly;
use crate::retell::{self, at};
use crate::settle::{action_of, identity, settle};
use crate::store::event_log::history::Span;
use crate::store::look::Look;
use crate::stream::{Options, Stream};

/// Examples.
pub const HELP: &str = "Examples:\n  \
    linkhook diff --from 1h --text                what is other than an hour ago\n  \
    linkhook diff --from 03:00 --to 03:30 route   which routes differed\n\n\
    An object that is as it was is not told, whatever happened to it meanwhile. Times are those of 'linkhook history'.";

/// Arguments of `linkhook diff`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The earlier moment
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    from: i64,
    /// The later one; now where it is not said
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    to: Option<i64>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    namespaces: selection::KeptNamespaces,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Of an object so many lines are put together before more are read: what is kept of it is bounded, whatever happened to it.
const LINES_MAX: usize = 16;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let selected = arguments.selection.options_of(&arguments.namespaces.netns)?;
    let options = Options { present: false, own: Vec::new(), ..selected };
    let span = Span { since: arguments.from + 1, until: arguments.to.unwrap_or(i64::MAX) };
    if span.since > span.until {
        return Err(Error::usage("--from is later than --to"));
    }
    if arguments.from > Timestamp::now().as_microsecond() {
        return Err(Error::usage("--from: that time has not come yet"));
    }
    let look = Look::open(&arguments.place.find()?)?;
    let history = look.history()?;
    say_what_is_missing(&history, Some(arguments.from))?;
    let mut objects: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    let mut differing: Vec<Vec<u8>> = Vec::new();
    let kinds = &options.filter;
    let wants = |kind: KindIndex, _: &[u8]| kinds.wants_kind(kind.place());
    at::each_event(&history, span, u64::MAX, wants, |event| {
        // What is there already says of nothing that it differs.
        if action_of(&event) == Some(Action::Present) {
            return;
        }
        let Some(identity) = identity(&event) else {
            differing.extend(serde_json::to_vec(&event));
            return;
        };
        let lines = objects.entry(identity).or_default();
        lines.extend(serde_json::to_vec(&event));
        if lines.len() >= LINES_MAX {
            *lines = differences(lines);
        }
    })?;
    differing.extend(objects.values().flat_map(|lines| differences(lines)));
    differing.sort_by_key(|line| event::sequence_of(line));
    let mut stream = Stream::new(options);
    let mut lines = output::lines(&stream, arguments.selection.output.as_deref())?;
    EndedEarly::quietly(retell::all(&mut stream, &mut lines, differing))
}

/// A line an object. One that is as it was is as if nothing had been told of it.
fn differences(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    settle(lines).into_iter().filter(|settled| !settled.is_same).map(|settled| settled.line).collect()
}
