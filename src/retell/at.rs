//! What was so at a time, of what was kept: `list --at`.

use std::cell::RefCell;
use std::collections::HashSet;

use jiff::Timestamp;

use super::lines::{EndedEarly, Lines};
use super::watched::{Moment, ToldNamespaces, Watched};
use crate::error::{Error, Result};
use crate::event::signals::Signals;
use crate::event::{self, Action, Origin};
use crate::json::Json;
use crate::kinds::KindIndex;
use crate::kinds::netfilter::nft::set::SET;
use crate::kinds::rtnetlink::link::{IFLA_IFNAME, LINK};
use crate::mirror::{LinkTable, Mirror};
use crate::netlink::wire;
use crate::past::{Past, Then, as_present};
use crate::settle::names::{Event, kind_of, netns_of};
use crate::store::event_log::history::{Read, Span};
use crate::store::look::{History, Look};
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
    let moment = Moment::of(&history, time)?;
    let mut kinds = listed(&options);
    let Known { objects: mut known, last, .. } = history.known_after(moment.line, &needed(&kinds))?;
    let is_named = options.filter.kinds.is_some();
    let watched = Watched::between(&history, moment, last)?;
    let mut unknown = watched.refuse_unknown(&mut kinds, is_named)?;
    unknown.extend(drop_untold(&known, &mut kinds, is_named)?);
    let (past, told) = (RefCell::new(Past::default()), RefCell::new(ToldNamespaces::default()));
    let wants = |name: &str, line: &[u8]| {
        told.borrow_mut().take(line);
        // Links say what interfaces were called.
        name == LINK.name || kinds.iter().any(|kind| kind.table().name == name)
    };
    each_event(&history, moment.line, last, wants, |event| past.borrow_mut().take(&event))?;
    unknown.extend(watched.leave_out_namespaces(&history, &told.into_inner(), &mut known)?);
    let mut then = past.into_inner().finish();
    note_links(&known, &mut then);
    let stream = Stream::new(options);
    let lines = lines(&stream, &unknown)?;
    let text = Timestamp::from_microsecond(time).map_err(|_| Error::usage("that time is out of reach"))?;
    let mut told = Shown { stream, lines, time: format!("{text:.6}"), sequence: 0 };
    let result = each_known(&known, &kinds, time, |event| match then.of_now(event) {
        Some(event) => told.tell(&event),
        None => Ok(()),
    });
    EndedEarly::quietly(result.and_then(|()| {
        let is_told = |event: &Event| {
            let is_known = known.keys().any(|(netns, _)| netns == netns_of(event));
            is_known && kind_of(event).is_some_and(|kind| kinds.contains(&kind))
        };
        then.rest().filter(is_told).try_for_each(|event| told.tell(&event))?;
        told.lines.write_all(&mut told.stream)
    }))
}

/// Says what the links are called that are there now.
fn note_links(known: &KnownObjects, then: &mut Then) {
    for ((netns, _), links) in known.iter().filter(|((_, kind), _)| *kind == LINK.name) {
        for link in links {
            let name = wire::attribute(LINK.attributes(link), IFLA_IFNAME);
            if let Some((name, index)) = name.zip(LINK.interface_of(link)) {
                then.note_link(netns, index.into(), String::from_utf8_lossy(name).trim_end_matches('\0'));
            }
        }
    }
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

/// Gives each event behind a line, up to another one, to `each` whose name and line, not read yet, are wanted. What cannot be read is said.
pub fn each_event(
    history: &History<'_>,
    after: u64,
    last: u64,
    wants: impl Fn(&str, &[u8]) -> bool,
    mut each: impl FnMut(Event),
) -> Result<()> {
    let mut chunks = history.chunks(Span::ALL, after, false)?.up_to(last);
    while let Some(read) = history.next(&mut chunks)? {
        match read {
            Read::Events(entries, lines) => {
                for entry in &entries {
                    let line = entry.line(&lines);
                    // So much is seen without reading all of it.
                    if event::name_of(line).is_some_and(|name| wants(name, line))
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
