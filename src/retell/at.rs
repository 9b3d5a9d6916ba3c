//! What was so at a time, of what was kept: `list --at`.

use std::collections::HashSet;

use jiff::Timestamp;

use super::lines::{EndedEarly, Lines};
use crate::error::{Error, Result};
use crate::event::signals::Signals;
use crate::event::{self, Action, Origin};
use crate::json::Json;
use crate::kinds::KindIndex;
use crate::kinds::netfilter::nft::set::SET;
use crate::kinds::rtnetlink::link::LINK;
use crate::mirror::{LinkTable, Mirror};
use crate::past::{Event, Past, as_present};
use crate::store::event_log::history::{Read, Span};
use crate::store::look::{History, Look, PastRun};
use crate::store::snapshot::{Kinds, Known, KnownObjects};
use crate::stream::{Options, Stream, Telling, Told};

/// Tells what existed at a time, in microseconds since 1970, as far as a state directory's history says it. `lines` are asked for once
/// it is known that it can be told, and what of it cannot, in words.
pub fn list(
    look: &Look,
    time: i64,
    options: Options,
    lines: impl FnOnce(&Stream, &[String]) -> Result<Lines>,
) -> Result<()> {
    let history = look.history()?;
    if time > Timestamp::now().as_microsecond() {
        return Err(Error::usage("that time has not come yet"));
    }
    let mut kinds = listed(&options);
    let Known { objects: known, last, is_now } = history.known_after(time, &needed(&kinds))?;
    let is_named = options.filter.kinds.is_some();
    let mut runs = history.runs()?;
    runs.retain(|run| is_now || run.run.after <= last || run.run.began <= time);
    let mut unknown = refuse_unknown(&runs, history.complete_from()?, time, &mut kinds, is_named)?;
    unknown.extend(drop_untold(&known, &mut kinds, is_named)?);
    let mut past = Past::default();
    // Of the moment itself everything is there already.
    let span = Span { since: time + 1, until: i64::MAX };
    each_event(&history, span, last, |kind, _| kinds.contains(&kind), |event| past.take(event))?;
    let moment = past.finish();
    let stream = Stream::new(options);
    let lines = lines(&stream, &unknown)?;
    let text = Timestamp::from_microsecond(time).map_err(|_| Error::usage("that time is out of reach"))?;
    let mut told = Shown { stream, lines, time: format!("{text:.6}"), sequence: 0 };
    let result = each_known(&known, &kinds, time, |event| match moment.of_now(event) {
        Some(event) => told.tell(&event),
        None => Ok(()),
    });
    EndedEarly::quietly(result.and_then(|()| {
        moment.rest().try_for_each(|event| told.tell(&event))?;
        told.lines.write_all(&mut told.stream)
    }))
}

/// The kinds that are told, of those that exist and do not only happen.
pub fn listed(options: &Options) -> Vec<KindIndex> {
    let is_listed = |kind: &KindIndex| kind.table().identity.is_some() && !kind.table().dumps.is_empty();
    KindIndex::all().filter(|kind| options.filter.wants_kind(kind.place())).filter(is_listed).collect()
}

/// What must be known of the kernel to tell of kinds: these, by their names, and what others are named by.
pub fn needed(kinds: &[KindIndex]) -> Kinds {
    kinds.iter().map(|kind| kind.table().name).chain([LINK.name, SET.name]).collect()
}

/// Tells what is known to exist, as of that time.
pub fn present(known: &KnownObjects, kinds: &[KindIndex], time: i64, stream: Stream, mut lines: Lines) -> Result<()> {
    let mut stream = stream;
    let told = each_object(known, kinds, time, |links, told, telling| {
        stream.tell(&mut lines.out, links, told, Telling { origin: Origin::Snapshot, ..telling });
        lines.write(&mut stream)
    });
    EndedEarly::quietly(told.and_then(|()| lines.write_all(&mut stream)))
}

/// Gives each event of a span to `each` whose kind and line, not read yet, are wanted, up to the one of that number. What cannot be read is
/// said.
pub fn each_event(
    history: &History<'_>,
    span: Span,
    last: u64,
    wants: impl Fn(KindIndex, &[u8]) -> bool,
    mut each: impl FnMut(Event),
) -> Result<()> {
    let mut chunks = history.chunks(span, 0, false)?.up_to(last);
    while let Some(read) = history.next(&mut chunks)? {
        match read {
            Read::Events(entries, lines) => {
                for entry in &entries {
                    let line = entry.line(&lines);
                    // So much is seen without reading all of it.
                    if event::name_of(line).and_then(KindIndex::named).is_some_and(|kind| wants(kind, line))
                        && let Ok(event) = serde_json::from_slice(line)
                    {
                        each(event);
                    }
                }
            }
            Read::Damaged(first, last, why) => {
                log::warn!("the events {first} to {last} cannot be read, and what they say is not known: {why}");
            }
        }
    }
    Ok(())
}

/// Leaves out kinds of which it is not known what was then, and gives back what is to be said of it; nothing is guessed.
fn refuse_unknown(
    runs: &[PastRun],
    complete: Option<i64>,
    time: i64,
    kinds: &mut Vec<KindIndex>,
    is_named: bool,
) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let shown = |time: i64| Timestamp::from_microsecond(time).unwrap_or_default();
    let Some(first) = runs.first() else {
        return Err(Error::failed("nothing is kept: is there [history] in the configuration, and has it begun?"));
    };
    let complete = complete.map_or(first.run.began, |complete| complete.max(first.run.began));
    if complete > time {
        return Err(Error::failed(format_args!(
            "what existed before {} is not kept, or not any more",
            shown(complete)
        )));
    }
    // The one that ran then, or was the last one before, and all after it.
    let then = runs.iter().rposition(|run| run.run.began <= time).unwrap_or_default();
    let since = &runs[then..];
    if let Some(run) = since.iter().find(|run| !run.run.narrowed.is_empty()) {
        return Err(Error::failed(format_args!(
            "it cannot be put together: from {} on, [watch] left events out by {}",
            shown(run.run.began),
            run.run.narrowed
        )));
    }
    if let Some(ended) = since[0].ended.filter(|&ended| ended < time) {
        match since.get(1) {
            Some(after) => said.push(format!(
                "linkhook did not run at that time, or told nothing, from {} to {}: what changed in between is told as of then",
                shown(ended),
                shown(after.run.began)
            )),
            None => said.push(format!("linkhook has not run since {}: what is shown is what it knew then", shown(ended))),
        }
    }
    let is_watched =
        |kind: &KindIndex| since.iter().all(|run| run.run.kinds.split(',').any(|watched| watched == kind.table().name));
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

/// Leaves out kinds whose objects are not known in any namespace, and gives back what is to be said of them.
fn drop_untold(known: &KnownObjects, kinds: &mut Vec<KindIndex>, is_named: bool) -> Result<Option<String>> {
    let names: HashSet<&str> = known.keys().map(|(_, kind)| kind.as_str()).collect();
    let is_known = |kind: &KindIndex| names.contains(kind.table().name);
    let unknown: Vec<&str> = kinds.iter().filter(|kind| !is_known(kind)).map(|kind| kind.table().name).collect();
    let words = format!("not known, since their objects are not kept in memory: {}", unknown.join(", "));
    let is_said = is_named && !unknown.is_empty();
    kinds.retain(is_known);
    match (kinds.is_empty(), is_said) {
        (true, _) => Err(Error::failed(words)),
        (false, is_said) => Ok(is_said.then_some(words)),
    }
}

/// Gives each object that is known to `each`, as the line of what is there.
fn each_known(
    known: &KnownObjects,
    kinds: &[KindIndex],
    time: i64,
    mut each: impl FnMut(Event) -> std::result::Result<(), EndedEarly>,
) -> std::result::Result<(), EndedEarly> {
    let mut stream = Stream::new(Options { present: true, ..Options::default() });
    let mut out = Json::new();
    each_object(known, kinds, time, |links, told, telling| {
        out.clear();
        stream.tell(&mut out, links, told, telling);
        match serde_json::from_slice(out.bytes()) {
            Ok(event) => each(event),
            Err(_) => Ok(()),
        }
    })
}

/// Gives each object that is known to `each`, by namespaces; the names of the links are known from the first one on.
fn each_object(
    known: &KnownObjects,
    kinds: &[KindIndex],
    time: i64,
    mut each: impl FnMut(&LinkTable, Told<'_>, Telling<'_>) -> std::result::Result<(), EndedEarly>,
) -> std::result::Result<(), EndedEarly> {
    let mut namespaces: Vec<&str> = known.keys().map(|(netns, _)| netns.as_str()).collect();
    namespaces.dedup();
    for netns in namespaces {
        let mut mirror = Mirror::new();
        let of = |kind: &str| known.get(&(netns.to_owned(), kind.to_owned())).into_iter().flatten();
        for link in of(LINK.name) {
            mirror.links.note(link, false);
        }
        of(SET.name).for_each(|set| mirror.links.sets.note(set, false));
        for &kind in kinds {
            for object in of(kind.table().name) {
                let telling = Telling {
                    origin: Origin::Replay,
                    cause: None,
                    time_microseconds: time,
                    netns: (!netns.is_empty()).then_some(netns),
                    actor: None,
                };
                each(
                    &mirror.links,
                    Told { kind, action: Action::Present, old: None, new: object, signals: Signals::NONE },
                    telling,
                )?;
            }
        }
    }
    Ok(())
}

/// The stream of what was there.
struct Shown {
    stream: Stream,
    lines: Lines,
    time: String,
    sequence: u64,
}

impl Shown {
    fn tell(&mut self, event: &Event) -> std::result::Result<(), EndedEarly> {
        if self.stream.is_done() {
            return Ok(());
        }
        self.sequence += 1;
        let line = as_present(event, &self.time, self.sequence);
        let mut line = serde_json::to_vec(&line).map_err(|error| Error::failed(error.to_string()))?;
        super::retell(&mut self.stream, &mut self.lines, &mut line).map_err(Error::failed)?;
        self.lines.write(&mut self.stream)
    }
}
