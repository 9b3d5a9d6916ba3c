//! What interfaces are called: a name may change, and be given to another one. Pure.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::decode::paths::{Step, each};
use crate::kinds::KindIndex;

/// An event, or an object of a list, as its line has it.
pub type Event = Map<String, Value>;

/// Which interface a name means at each of the events that are taken in, one after another, and what that was called before the
/// first of them.
#[derive(Clone, Debug, Default)]
pub struct Names(HashMap<String, InNamespace>);

#[derive(Clone, Debug, Default)]
struct InNamespace {
    by_name: HashMap<String, Called>,
    by_index: HashMap<u64, Interface>,
    /// The names of [`Called::Then`].
    then: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Interface {
    /// The name that it has now.
    name: String,
    called: Called,
    /// It is there no more.
    is_gone: bool,
}

/// What an interface was called before the first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// So.
    Then(String),
    /// It was not there: it came with the event of that number.
    Later(u64),
}

impl Called {
    /// A text that no other interface has.
    fn text(&self) -> String {
        match self {
            Called::Then(name) => name.clone(),
            // No interface's name has a slash.
            Called::Later(sequence) => format!("/{sequence}"),
        }
    }
}

impl Names {
    /// An interface has that name, as the event of that number says; `is_new` where it tells that it came. What stands on it may have been
    /// told before that.
    pub fn note(&mut self, netns: &str, ifindex: u64, name: &str, sequence: u64, is_new: bool) {
        if !self.0.contains_key(netns) {
            self.0.insert(netns.to_owned(), InNamespace::default());
        }
        let Some(within) = self.0.get_mut(netns) else { return };
        // One that was told of once its link was gone could not name it.
        let is_same = |known: &Interface| known.name == name || format!("if{ifindex}") == name;
        let called = match within.by_index.get(&ifindex) {
            Some(known) if is_same(known) && !(known.is_gone && is_new) => return,
            Some(known) if !known.is_gone => {
                if within.by_name.get(&known.name) == Some(&known.called) {
                    within.by_name.remove(&known.name);
                }
                known.called.clone()
            }
            // The number is given again.
            Some(_) => Called::Later(sequence),
            None if is_new || !within.then.insert(name.to_owned()) => Called::Later(sequence),
            None => Called::Then(name.to_owned()),
        };
        within.by_name.insert(name.to_owned(), called.clone());
        within.by_index.insert(ifindex, Interface { name: name.to_owned(), called, is_gone: false });
    }

    /// An interface is gone.
    pub fn note_gone(&mut self, netns: &str, ifindex: u64) {
        if let Some(interface) = self.0.get_mut(netns).and_then(|within| within.by_index.get_mut(&ifindex)) {
            interface.is_gone = true;
        }
    }

    /// Which interface a name means now.
    pub fn meaning(&self, netns: &str, name: &str) -> Called {
        let of_index = |within: &InNamespace| {
            let index = name.strip_prefix("if")?.parse().ok()?;
            within.by_index.get(&index).map(|interface| interface.called.clone())
        };
        let within = self.0.get(netns);
        let known = within.and_then(|within| within.by_name.get(name).cloned().or_else(|| of_index(within)));
        known.unwrap_or_else(|| Called::Then(name.to_owned()))
    }

    /// A text in place of a name, which stays the same however its interface is called, and is no other's.
    pub fn lasting(&self, netns: &str, name: &str) -> String {
        self.meaning(netns, name).text()
    }

    /// The index of the interface that was called so before the first event, where it is known.
    pub fn index_then(&self, netns: &str, name: &str) -> Option<u64> {
        let mut all = self.0.get(netns)?.by_index.iter();
        all.find(|(_, of)| matches!(&of.called, Called::Then(then) if then == name)).map(|(index, _)| *index)
    }

    /// An object with the names that its interfaces had before the first event. A link's own name is told by its own events.
    pub fn as_then(&self, mut event: Event) -> Event {
        let netns = netns_of(&event).to_owned();
        let rename = |value: &mut Value| {
            if let Some(Called::Then(then)) = value.as_str().map(|name| self.meaning(&netns, name))
                && *value != then.as_str()
            {
                *value = then.into();
            }
        };
        let Some(kind) = kind_of(&event) else { return event };
        let name = kind.table().name;
        let is_link = name == "link";
        if !is_link && let Some(value) = event.get_mut("ifname") {
            rename(value);
        }
        let Some(object) = event.get_mut(name).and_then(Value::as_object_mut) else { return event };
        let mut rename = rename;
        kind.paths().interfaces.iter().for_each(|path| each(object, path, &mut rename));
        // The kernel tells it as a name, and renames it with the link.
        if !is_link
            && !kind.paths().interfaces.iter().any(|path| is_root(path, "ifname"))
            && let Some(value) = object.get_mut("ifname")
        {
            rename(value);
        }
        event
    }

    /// How many interfaces are known.
    pub fn count(&self) -> usize {
        self.0.values().map(|within| within.by_index.len()).sum()
    }
}

/// Whether a path leads to that member of the object itself.
pub fn is_root(path: &[Step], member: &str) -> bool {
    matches!(path, [Step::Key(key)] if key == member)
}

/// The namespace of an event; empty for linkhook's own.
pub fn netns_of(event: &Event) -> &str {
    event.get("netns").and_then(Value::as_str).unwrap_or_default()
}

/// The kind of an event's object.
pub fn kind_of(event: &Event) -> Option<KindIndex> {
    KindIndex::named(event.get("event")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_who_has_it() {
        let mut names = Names::default();
        let meaning = |names: &Names, name: &str| names.lasting("", name);
        names.note("", 3, "eth0", 1, false);
        names.note("", 3, "lan0", 2, false);
        assert_eq!((meaning(&names, "lan0"), meaning(&names, "if3")), ("eth0".into(), "eth0".into()));
        // The name goes to another one that comes.
        names.note("", 4, "eth0", 3, true);
        assert_eq!((meaning(&names, "eth0"), meaning(&names, "lan0")), ("/3".into(), "eth0".into()));
        // One that was not told to come cannot have been called so either.
        names.note("", 4, "x", 4, false);
        names.note("", 5, "eth0", 5, false);
        assert_eq!((meaning(&names, "eth0"), meaning(&names, "x")), ("/5".into(), "/3".into()));
        // Names that are changed with each other.
        names.note("", 6, "a", 6, false);
        names.note("", 7, "b", 6, false);
        for (index, name) in [(6, "c"), (7, "a"), (6, "b")] {
            names.note("", index, name, 7, false);
        }
        assert_eq!((meaning(&names, "a"), meaning(&names, "b")), ("b".into(), "a".into()));
        assert_eq!((names.index_then("", "a"), names.index_then("", "eth0")), (Some(6), Some(3)));
        // Nor is any of it another namespace's.
        assert_eq!(names.lasting("blue", "lan0"), "lan0");
        // What stands on a link is told before it.
        names.note("", 8, "if8", 8, false);
        names.note("", 8, "d", 8, true);
        assert_eq!(meaning(&names, "d"), "if8");
        // A number of the kernel's may be given again.
        names.note_gone("", 3);
        names.note("", 3, "if3", 8, false);
        assert_eq!(meaning(&names, "if3"), "eth0");
        names.note("", 3, "new", 8, true);
        assert_eq!(meaning(&names, "if3"), "/8");
    }
}
