//! What was watched since a moment, and so of what it is known how it was then; nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::event;
use crate::event::own::NAMESPACE_ADDED;
use crate::kinds::KindIndex;
use crate::settle::names::Event;
use crate::store::event_log::history::{Read, Span};
use crate::store::look::{History, PastRun};
use crate::store::snapshot::KnownObjects;

/// A moment of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its time, in microseconds since 1970.
    pub time: i64,
    /// The number of the last line that was told by then: where the clock went back, that of the later time at which it was so late.
    pub line: u64,
}

impl Moment {
    /// The moment of a time, in microseconds since 1970. The error says that it is not kept, or has not come yet.
    pub fn of(history: &History<'_>, time: i64) -> Result<Moment> {
        if time > Timestamp::now().as_microsecond() {
            return Err(Error::usage("that time has not come yet"));
        }
        let runs = history.runs()?;
        let Some(first) = runs.first() else {
            return Err(Error::failed("nothing is kept: is there [history] in the configuration, and has it begun?"));
        };
        let complete = history.complete_from()?;
        let complete = complete.map_or(first.run.began, |complete| complete.max(first.run.began));
        if complete > time {
            return Err(Error::failed(format_args!(
                "what existed before {} is not kept, or not any more",
                shown(complete)
            )));
        }
        Ok(Moment { time, line: history.line_at(time)? })
    }
}

fn shown(time: i64) -> Timestamp {
    Timestamp::from_microsecond(time).unwrap_or_default()
}

/// The run of a moment, or the last one before it, and those after it.
#[derive(Debug)]
pub struct Watched {
    moment: Moment,
    runs: Vec<PastRun>,
}

impl Watched {
    /// What was watched between a moment and the line of that number.
    pub fn between(history: &History<'_>, moment: Moment, last: u64) -> Result<Watched> {
        let mut runs = history.runs()?;
        let has_begun = |run: &PastRun| {
            run.run.after < moment.line || (run.run.after == moment.line && run.run.began <= moment.time)
        };
        let then = runs.iter().rposition(has_begun).unwrap_or_default();
        runs.drain(..then);
        let mut place = 0;
        runs.retain(|run| {
            place += 1;
            place == 1 || run.run.after <= last
        });
        Ok(Watched { moment, runs })
    }

    /// Leaves out kinds of which it is not known how they were at the moment, and gives back what is to be said of it.
    pub fn refuse_unknown(&self, kinds: &mut Vec<KindIndex>, is_named: bool) -> Result<Vec<String>> {
        if let Some(run) = self.runs.iter().find(|run| !run.run.narrowed.is_empty()) {
            return Err(Error::failed(format_args!(
                "it cannot be put together: from {} on, [watch] left events out by {}",
                shown(run.run.began),
                run.run.narrowed
            )));
        }
        let mut said: Vec<String> = self.pause().into_iter().collect();
        let is_watched = |kind: &KindIndex| {
            self.runs.iter().all(|run| run.run.kinds.split(',').any(|watched| watched == kind.table().name))
        };
        let unknown: Vec<&str> = kinds.iter().filter(|kind| !is_watched(kind)).map(|kind| kind.table().name).collect();
        if is_named && !unknown.is_empty() {
            said.push(format!("not known, since not watched all the time since then: {}", unknown.join(", ")));
        }
        kinds.retain(is_watched);
        if kinds.is_empty() {
            return Err(Error::failed("none of these kinds was watched all the time since then"));
        }
        Ok(said)
    }

    /// That linkhook did not run at the moment.
    fn pause(&self) -> Option<String> {
        let ended = self.runs.first()?.ended.filter(|&ended| ended < self.moment.time)?;
        Some(match self.runs.get(1) {
            Some(after) => format!(
                "linkhook did not run at that time, or told nothing, from {} to {}: what changed in between is told as of then",
                shown(ended),
                shown(after.run.began)
            ),
            None => format!("linkhook has not run since {}: what is shown is what it knew then", shown(ended)),
        })
    }

    /// Leaves out namespaces of which it is not known how they were at the moment. `told` is what was told of namespaces since then; gives
    /// back what is to be said of them.
    pub fn leave_out_namespaces(
        &self,
        history: &History<'_>,
        told: &ToldNamespaces,
        known: &mut KnownObjects,
    ) -> Result<Vec<String>> {
        let mut unknown = BTreeSet::new();
        let now: BTreeSet<String> = known.keys().map(|(netns, _)| netns.clone()).collect();
        for netns in &now {
            match told.first.get(netns) {
                // It was not there, or not watched, and what is in it was told when it came.
                Some(true) => {}
                Some(false) => drop(unknown.insert(netns.clone())),
                None if self.has_watched(history, netns)? => {}
                None => drop(unknown.insert(netns.clone())),
            }
        }
        unknown.extend(told.gone().filter(|netns| !now.contains(*netns)).map(str::to_owned));
        // Of others that it had at first a later run tells that they are gone, unless it was not to watch them.
        if let Some((first, [_, ..])) = self.runs.split_first() {
            let others = first.namespaces().filter(|netns| !now.contains(*netns) && !told.first.contains_key(*netns));
            for netns in others {
                if self.last_told(history, netns)?.unwrap_or(true) {
                    unknown.insert(netns.to_owned());
                }
            }
        }
        known.retain(|(netns, _), _| !unknown.contains(netns));
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> =
            unknown.iter().map(|netns| if netns.is_empty() { "." } else { netns.as_str() }).collect();
        Ok(vec![format!(
            "not known, since they were not watched all the time since then, or are gone: network namespaces {}",
            names.join(", ")
        )])
    }

    /// Whether a namespace that was not told to come or to go since was watched at the moment, and all the time from then on.
    fn has_watched(&self, history: &History<'_>, netns: &str) -> Result<bool> {
        let Some((first, later)) = self.runs.split_first() else { return Ok(false) };
        if !later.iter().all(|run| run.has(netns).is_none_or(|has| has)) {
            return Ok(false);
        }
        // Where no later run has begun, it was there already: else it would have been told to come.
        if later.is_empty() || first.has(netns).is_none_or(|has| has) {
            return Ok(true);
        }
        Ok(self.last_told(history, netns)?.unwrap_or(false))
    }

    /// The last that the moment's run had told of a namespace by then: whether it came.
    fn last_told(&self, history: &History<'_>, netns: &str) -> Result<Option<bool>> {
        let Some(run) = self.runs.first() else { return Ok(None) };
        let mut chunks = history.chunks(Span::ALL, run.run.after, true)?.up_to(self.moment.line);
        while let Some(read) = history.next(&mut chunks)? {
            let Read::Events(entries, lines) = read else { continue };
            let mut told = entries.iter().rev().filter_map(|entry| named(entry.line(&lines)));
            if let Some((_, came)) = told.find(|(name, _)| name == netns) {
                return Ok(Some(came));
            }
        }
        Ok(None)
    }
}

/// What was told of namespaces since a moment: of each the first, whether it came.
#[derive(Debug, Default)]
pub struct ToldNamespaces {
    first: BTreeMap<String, bool>,
}

impl ToldNamespaces {
    /// Takes a line in, where it tells of one.
    pub fn take(&mut self, line: &[u8]) {
        if let Some((netns, came)) = named(line) {
            self.first.entry(netns).or_insert(came);
        }
    }

    /// Those that went: what was in them was not told when they did.
    pub fn gone(&self) -> impl Iterator<Item = &str> {
        self.first.iter().filter(|(_, came)| !**came).map(|(netns, _)| netns.as_str())
    }
}

/// The namespace that a line tells of, and whether it came.
fn named(line: &[u8]) -> Option<(String, bool)> {
    if event::name_of(line) != Some(NAMESPACE_ADDED.name) {
        return None;
    }
    let event: Event = serde_json::from_slice(line).ok()?;
    let netns = event.get(NAMESPACE_ADDED.name)?.get("name").and_then(Value::as_str)?;
    Some((netns.to_owned(), event.get("action")? == NAMESPACE_ADDED.action))
}
