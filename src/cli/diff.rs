//! `linkhook diff`: what differs between two moments, a line an object.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::place::Place;
use super::{output, selection};
use crate::error::{Error, Result};
use crate::event::{self, Action};
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::link::LINK;
use crate::moment::moment;
use crate::retell::lines::EndedEarly;
use crate::retell::watched::{Moment, ToldNamespaces, Watched};
use crate::retell::{self, at};
use crate::settle::action_of;
use crate::settle::follow::Follower;
use crate::settle::names::Event;
use crate::settle::sum::Sum;
use crate::store::look::{History, Look};
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

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let selected = arguments.selection.options_of(&arguments.namespaces.netns)?;
    let options = Options { present: false, own: Vec::new(), ..selected };
    if arguments.to.is_some_and(|to| to < arguments.from) {
        return Err(Error::usage("--from is later than --to"));
    }
    if arguments.from > Timestamp::now().as_microsecond() {
        return Err(Error::usage("--from: that time has not come yet"));
    }
    let look = Look::open(&arguments.place.find()?)?;
    let history = look.history()?;
    let from = Moment::of(&history, arguments.from)?;
    let last = match arguments.to {
        Some(to) => history.line_at(to)?,
        None => u64::MAX,
    };
    let kinds = watched_kinds(&history, from, last, &options)?;
    let mut objects = Objects::default();
    // Links say what interfaces are called.
    let is_told = |name: &str| kinds.iter().any(|kind| kind.table().name == name);
    let namespaces = RefCell::new(ToldNamespaces::default());
    let wants = |name: &str, line: &[u8]| {
        namespaces.borrow_mut().take(line);
        name == LINK.name || is_told(name)
    };
    at::each_event(&history, from.line, last, wants, |event| {
        let is_told = event.get("event").and_then(Value::as_str).is_some_and(is_told);
        objects.take(event, is_told);
    })?;
    let gone = namespaces.into_inner();
    let gone: Vec<&str> = gone.gone().filter(|netns| options.filter.accepts_netns(Some(netns))).collect();
    if !gone.is_empty() {
        log::warn!(
            "not known, since nothing tells what was in them when they went: network namespaces {}",
            gone.join(", ")
        );
    }
    let mut stream = Stream::new(options);
    let mut lines = output::lines(&stream, arguments.selection.output.as_deref())?;
    EndedEarly::quietly(retell::all(&mut stream, &mut lines, objects.differing()))
}

/// The kinds that were watched all the time; of others it is said that they were not.
fn watched_kinds(history: &History<'_>, from: Moment, last: u64, options: &Options) -> Result<Vec<KindIndex>> {
    let is_named = options.filter.kinds.is_some();
    let mut kinds: Vec<KindIndex> = KindIndex::all()
        .filter(|kind| options.filter.wants_kind(kind.place()) && kind.table().identity.is_some())
        .collect();
    let said = Watched::between(history, from, last)?.refuse_unknown(&mut kinds, is_named)?;
    said.iter().for_each(|said| log::warn!("{said}"));
    Ok(kinds)
}

/// What became of each object.
#[derive(Default)]
struct Objects {
    follower: Follower,
    /// By what tells it apart at last.
    sums: HashMap<String, Sum>,
    /// Of those that another one has taken the place of.
    ended: Vec<Sum>,
}

impl Objects {
    fn take(&mut self, event: Event, is_told: bool) {
        let Some(followed) = self.follower.follow(&event) else { return };
        // What is there already says of nothing that it differs.
        if !is_told || action_of(&event) == Some(Action::Present) {
            return;
        }
        let mut sum = self.sums.remove(&followed.before).unwrap_or_default();
        sum.add(event);
        self.ended.extend(self.sums.insert(followed.after, sum));
    }

    /// A line an object, in the order of the last that was told of each. One that is as it was is as if nothing had been told of it.
    fn differing(self) -> Vec<Vec<u8>> {
        let told = self.sums.into_values().chain(self.ended).map(Sum::told);
        let mut lines: Vec<Vec<u8>> = told.filter(|(_, is_same)| !is_same).map(|(line, _)| line).collect();
        lines.sort_by_key(|line| event::sequence_of(line));
        lines
    }
}
