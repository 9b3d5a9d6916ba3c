//! `linkhook why`: the events that led to an object's state.

use std::cell::RefCell;
use std::collections::BTreeMap;

use memchr::memmem::{self, Finder};
use serde_json::Value;

use super::output;
use super::place::Place;
use super::selection::{Form, KeptNamespaces};
use crate::error::{Error, Result};
use crate::event::Action;
use crate::filter::Filter;
use crate::filter::globs::Globs;
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::link::LINK;
use crate::reference;
use crate::retell::lines::EndedEarly;
use crate::retell::{self, at};
use crate::settle::action_of;
use crate::settle::follow::{self, Followed, Follower, sequence_of};
use crate::settle::names::Event;
use crate::store::look::{History, Look};
use crate::stream::{Options, Stream};
use crate::words;

/// Examples.
pub const HELP: &str = "Examples:\n  \
    linkhook why route default                    who made the default routes, and what became of them\n  \
    linkhook why route 10.0.0.0/8 table 77\n  \
    linkhook why addr 10.0.0.1/24 dev eth0 --text\n  \
    linkhook why link eth0\n\n\
    What stands behind the kind are values that the object has, or keys with their values, as 'ip' takes them. Told is what happened since it was \
    last added, and what led to that.";

/// Causes of causes, so many at most.
const CAUSES_MAX: usize = 16;

/// Arguments of `linkhook why`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The kind of the object
    kind: String,
    /// What tells it apart: values, or keys and values
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    namespaces: KeptNamespaces,
    #[command(flatten)]
    form: Form,
}

/// What `ip` calls the keys of an object, where it calls them otherwise.
const KEYS: &[(&str, &[&str])] = &[
    ("via", &["gateway", "via.host"]),
    ("dev", &["dev", "ifname"]),
    ("table", &["table", "table_id"]),
    ("proto", &["protocol", "protocol_id"]),
    ("scope", &["scope", "scope_id"]),
    ("pref", &["priority"]),
    ("from", &["src"]),
    ("src", &["prefsrc", "src"]),
    ("lladdr", &["lladdr"]),
    ("vlan", &["vlan"]),
];

/// The keys that a value by itself is meant to be of: a link is named by others, too, as the one below it or the one that it is a port of.
const OWN_KEYS: &[(&str, &[&str])] = &[("link", &["ifname", "altnames", "ifindex", "address", "ifalias"])];

/// A value that the object has, behind one of these paths or anywhere.
#[derive(Debug, PartialEq)]
struct Wanted {
    paths: Vec<String>,
    value: String,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let named = words::named(std::slice::from_ref(&arguments.kind))?;
    let netns = Globs::new(&arguments.namespaces.netns)?;
    let filter = Filter { kinds: named.kinds, netns, ..Filter::default() };
    let kinds = KindIndex::all().filter(|kind| filter.wants_kind(kind.place()));
    let keys: Vec<String> = kinds.flat_map(|kind| reference::paths(kind.table())).collect();
    let wanted = wanted(&arguments.words, &keys);
    let look = Look::open(&arguments.place.find()?)?;
    let history = look.history()?;
    say_what_was_not_watched(&history, &filter)?;
    let chains = RefCell::new(Chains { wanted: &wanted, follower: Follower::default(), known: BTreeMap::new() });
    let may_have = MayHave::new(&wanted);
    let is_told = |name: &str| KindIndex::named(name).is_some_and(|kind| filter.wants_kind(kind.place()));
    // Of an object that is known already every line counts; and what links are called.
    let wants = |name: &str, line: &[u8]| {
        (is_told(name) && (!chains.borrow().known.is_empty() || may_have.all(line)))
            || name == LINK.name && names_a_link(line)
    };
    at::each_event(&history, 0, u64::MAX, wants, |event| {
        if filter.accepts_netns(event.get("netns").and_then(Value::as_str)) {
            let is_told = event.get("event").and_then(Value::as_str).is_some_and(is_told);
            chains.borrow_mut().take(event, is_told);
        }
    })?;
    let chains = chains.into_inner().known;
    let mut told: BTreeMap<u64, Event> = BTreeMap::new();
    for event in chains.into_values().flatten() {
        causes(&history, &event, &mut told)?;
        told.extend(sequence_of(&event).map(|sequence| (sequence, event)));
    }
    if told.is_empty() {
        return Err(Error::failed(format_args!(
            "nothing that is kept tells of such a {}: it is as it was before, or it never was; 'linkhook list {0}' shows what is there",
            arguments.kind
        )));
    }
    let options = Options {
        format: arguments.form.line(std::io::IsTerminal::is_terminal(&std::io::stdout())),
        present: true,
        ..Options::default()
    };
    let mut stream = Stream::new(options);
    let mut lines = output::lines(&stream, None)?;
    let events = told.values().filter_map(|event| serde_json::to_vec(event).ok());
    EndedEarly::quietly(retell::all(&mut stream, &mut lines, events))
}

/// Says which of the kinds were not watched all the time.
fn say_what_was_not_watched(history: &History<'_>, filter: &Filter) -> Result<()> {
    let runs = history.runs()?;
    let kinds = KindIndex::all().filter(|kind| filter.wants_kind(kind.place())).map(|kind| kind.table().name);
    let is_watched = |kind: &str| runs.iter().all(|run| run.run.kinds.split(',').any(|watched| watched == kind));
    let unwatched: Vec<&str> = kinds.filter(|kind| !is_watched(kind)).collect();
    if !unwatched.is_empty() {
        log::warn!("not watched all the time, and so what happened is not known whole: {}", unwatched.join(", "));
    }
    if let Some(run) = runs.iter().find(|run| !run.run.narrowed.is_empty()) {
        log::warn!("not known whole: [watch] left events out by {}", run.run.narrowed);
    }
    Ok(())
}

/// Whether a link's line says what it is called from here on.
fn names_a_link(line: &[u8]) -> bool {
    let is_there = |text: &[u8]| memmem::find(line, text).is_some();
    !is_there(br#""action":"change""#) || is_there(br#""ifname":{"#)
}

/// What led to objects.
struct Chains<'w> {
    /// What they have.
    wanted: &'w [Wanted],
    follower: Follower,
    /// By what tells each apart at last.
    known: BTreeMap<String, Vec<Event>>,
}

impl Chains<'_> {
    /// Adds an event of an object that is meant, or that became one that is, to what is known of it. What led to an earlier one that is
    /// gone says nothing of this one.
    fn take(&mut self, event: Event, is_told: bool) {
        let Some(Followed { before, after }) = self.follower.follow(&event) else { return };
        if !is_told {
            return;
        }
        let known = self.known.remove(&before);
        if known.is_none()
            && !fits(&event, self.wanted)
            && !follow::before(&event).is_some_and(|was| fits(&was, self.wanted))
        {
            return;
        }
        let mut chain = known.unwrap_or_default();
        if action_of(&event) == Some(Action::Add) {
            chain.clear();
        }
        chain.push(event);
        self.known.insert(after, chain);
    }
}

/// What led to an event, and to that, as far as it is kept.
fn causes(history: &History<'_>, event: &Event, told: &mut BTreeMap<u64, Event>) -> Result<()> {
    let mut cause = event.get("cause").and_then(Value::as_u64);
    for _ in 0..CAUSES_MAX {
        let Some(sequence) = cause.filter(|sequence| !told.contains_key(sequence)) else { break };
        let Some(line) = history.line(sequence)? else { break };
        let Ok(event) = serde_json::from_slice::<Event>(&line) else { break };
        cause = event.get("cause").and_then(Value::as_u64);
        told.insert(sequence, event);
    }
    Ok(())
}

/// What the words mean: a key of the object takes the value behind it.
fn wanted(words: &[String], keys: &[String]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let paths = KEYS.iter().find(|(key, _)| key == word).map(|(_, paths)| *paths);
        let is_key = paths.is_some() || keys.contains(word);
        match rest.as_slice().first().filter(|_| is_key) {
            Some(value) => {
                let paths = paths
                    .map_or_else(|| vec![word.clone()], |paths| paths.iter().map(|&path| path.to_owned()).collect());
                wanted.push(Wanted { paths, value: value.clone() });
                rest.next();
            }
            None => wanted.push(Wanted { paths: Vec::new(), value: word.clone() }),
        }
    }
    wanted
}

/// Whether an event's object has all of these values.
fn fits(event: &Event, wanted: &[Wanted]) -> bool {
    let name = event.get("event").and_then(Value::as_str).unwrap_or_default();
    let Some(object) = event.get(name) else { return false };
    wanted.iter().all(|Wanted { paths, value }| {
        if paths.is_empty() {
            let own = OWN_KEYS.iter().find(|(kind, _)| *kind == name);
            return match own {
                Some((_, keys)) => keys.iter().any(|key| has(&object[*key], value)),
                None => has_prefix(object, value) || has(object, value),
            };
        }
        paths.iter().any(|path| {
            let found = object.pointer(&format!("/{}", path.replace('.', "/"))).or_else(|| event.get(path));
            found.is_some_and(|found| has(found, value))
        })
    })
}

/// Looks for values in a line as it stands, which is much quicker than to read it.
struct MayHave<'v>(Vec<Finder<'v>>);

impl MayHave<'_> {
    /// For values that stand in a line as they are written here.
    fn new(wanted: &[Wanted]) -> MayHave<'_> {
        let is_plain =
            |value: &&str| value.bytes().all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'"' | b'\\'));
        // Of an address the prefix's length may stand elsewhere.
        let values = wanted.iter().map(|wanted| wanted.value.split('/').next().unwrap_or_default());
        MayHave(values.filter(is_plain).map(Finder::new).collect())
    }

    /// Whether a line has all of them somewhere.
    fn all(&self, line: &[u8]) -> bool {
        self.0.iter().all(|value| value.find(line).is_some())
    }
}

/// Whether a text or a number is that one, or any inside of it is.
fn has(found: &Value, value: &str) -> bool {
    match found {
        Value::String(text) => text == value,
        Value::Number(number) => number.to_string() == value,
        Value::Array(values) => values.iter().any(|found| has(found, value)),
        Value::Object(members) => members.values().any(|found| has(found, value)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whether it is an address with that prefix's length, as `ip` writes both.
fn has_prefix(object: &Value, value: &str) -> bool {
    let Some((address, length)) = value.split_once('/') else { return false };
    let is_address = ["local", "address"].iter().any(|key| object[*key] == address);
    is_address && length.parse().is_ok_and(|length: u64| object["prefixlen"] == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Wanted> {
        wanted(&text.split(' ').map(str::to_owned).collect::<Vec<String>>(), &["dst".to_owned(), "master".to_owned()])
    }

    #[test]
    fn words_are_values_or_keys_with_values() {
        let route: Event = serde_json::from_str(
            r#"{"event":"route","route":{"dst":"10.0.0.0/8","gateway":"192.0.2.1","dev":"eth0","table":"main","table_id":254,
            "nexthops":[{"dev":"eth1"}],"flags":[]}}"#,
        )
        .unwrap();
        for text in
            ["10.0.0.0/8", "10.0.0.0/8 via 192.0.2.1 dev eth0", "dst 10.0.0.0/8 table 254", "table main", "eth1"]
        {
            assert!(fits(&route, &words(text)), "{text}");
        }
        for text in ["10.0.0.0/9", "10.0.0.0/8 dev eth1", "table 255", "via 10.0.0.0/8", "eth"] {
            assert!(!fits(&route, &words(text)), "{text}");
        }
        let addr: Event = serde_json::from_str(
            r#"{"event":"addr","ifname":"eth0","addr":{"local":"10.0.0.1","prefixlen":24,"ifname":"eth0"}}"#,
        )
        .unwrap();
        assert!(fits(&addr, &words("10.0.0.1/24 dev eth0")) && fits(&addr, &words("10.0.0.1")));
        let port: Event =
            serde_json::from_str(r#"{"event":"link","link":{"ifname":"lan1","master":"br0","altnames":["enp3s0"]}}"#)
                .unwrap();
        assert!(["lan1", "enp3s0", "master br0"].iter().all(|text| fits(&port, &words(text))));
        assert!(!fits(&port, &words("br0")));
        assert!(!fits(&addr, &words("10.0.0.1/25")) && !fits(&addr, &words("10.0.0.1/24 dev eth1")));
    }

    #[test]
    fn what_led_to_an_earlier_one_is_left_out() {
        let event = |sequence: u64, action: &str| -> Event {
            serde_json::from_str(&format!(
                r#"{{"seq":{sequence},"event":"link","action":"{action}","link":{{"ifindex":3,"ifname":"eth0"}}}}"#
            ))
            .unwrap()
        };
        let wanted = words("eth0");
        let mut chains = Chains { wanted: &wanted, follower: Follower::default(), known: BTreeMap::new() };
        for (sequence, action) in [(1, "add"), (2, "remove"), (3, "add"), (4, "change")] {
            chains.take(event(sequence, action), true);
        }
        let told: Vec<Option<u64>> = chains.known.values().flatten().map(sequence_of).collect();
        assert_eq!(told, [Some(3), Some(4)]);
    }
}
