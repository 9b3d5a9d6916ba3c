//! What several events of one object come to: one line, with the first old and the last new values. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::follow::restore;
use super::names::{Event, kind_of};
use super::{SETTLED, action_of};
use crate::decode::paths::{self, at, differing};
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::kinds::KindIndex;

/// A field that changed, and what it was first and is last; `None` where it was not there.
type Field = (String, Option<Value>, Option<Value>);

/// Events of one object, in their order.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// For how many events it stands.
    count: u64,
    first_action: Option<Action>,
    first_time: Option<Timestamp>,
    /// In seconds, where the first stands for several.
    lasted_before: f64,
    signals: Signals,
    severity: Option<Severity>,
    fields: Vec<Field>,
    /// The object as it was first, once it was removed: it may come back as another.
    was: Option<Value>,
    last_action: Option<Action>,
    /// The last event's line, which takes a tenth of the room of what it says.
    last: Vec<u8>,
}

impl Sum {
    /// Takes the next event in. Some may have settled before.
    pub fn add(&mut self, event: Event) {
        let action = action_of(&event);
        if self.count == 0 {
            self.first_action = action;
            self.first_time = time_of(&event);
            self.lasted_before = lasted_before(&event).unwrap_or_default();
        }
        self.count += event.get(SETTLED).and_then(|settled| settled.get("count")).and_then(Value::as_u64).unwrap_or(1);
        let signals = event.get("signals").and_then(Value::as_array).into_iter().flatten();
        let signals = signals.filter_map(|name| Signals::by_name(name.as_str()?));
        self.signals = signals.fold(self.signals, Signals::with);
        let severity = event.get("severity").and_then(|severity| Severity::by_name(severity.as_str()?));
        self.severity = self.severity.max(severity);
        for (path, sides) in event.get("changed").and_then(Value::as_object).into_iter().flatten() {
            let side = |key| sides.get(key).cloned();
            match self.fields.iter_mut().find(|(known, ..)| known == path) {
                Some((_, _, last)) => *last = side("new"),
                None => self.fields.push((path.clone(), side("old"), side("new"))),
            }
        }
        if action == Some(Action::Remove) && self.was_there() && self.was.is_none() {
            let mut was = object_of(&event);
            was.iter_mut().for_each(|was| restore(was, &self.changed()));
            self.was = was;
        }
        self.last_action = action;
        self.last = serde_json::to_vec(&event).unwrap_or_default();
    }

    /// Whether it was there before the first of them.
    fn was_there(&self) -> bool {
        self.first_action.is_some_and(|action| action != Action::Add)
    }

    /// One line of them, and whether the object is as it was before them.
    pub fn told(self) -> (Vec<u8>, bool) {
        let last: Event = serde_json::from_slice(&self.last).unwrap_or_default();
        let (was, is) = (self.was_there(), self.last_action.is_some_and(|action| action != Action::Remove));
        let (action, changed) = match (was, is) {
            (true, true) if self.first_action == Some(Action::Present) => (Action::Present, Map::new()),
            (true, true) => (Action::Change, self.differences(&last)),
            (false, true) => (Action::Add, Map::new()),
            (_, false) => (Action::Remove, Map::new()),
        };
        let is_same = match (was, is) {
            // It is told what is there, whatever it was before.
            _ if action == Action::Present => false,
            (true, true) => changed.is_empty(),
            (was, is) => was == is,
        };
        (self.line(last, action, &changed), is_same)
    }

    /// What differs between the first and the last of them.
    fn differences(&self, last: &Event) -> Map<String, Value> {
        match (&self.was, object_of(last), kind_of(last)) {
            (Some(Value::Object(was)), Some(Value::Object(is)), Some(kind)) => compared(kind, was, &is),
            _ => self.changed(),
        }
    }

    /// The first old and the last new value of each field that changed, where they differ.
    fn changed(&self) -> Map<String, Value> {
        let differing = self.fields.iter().filter(|(_, old, new)| old != new);
        differing.map(|(path, old, new)| (path.clone(), sides(old.as_ref(), new.as_ref()))).collect()
    }

    /// The last event's line, with what they come to.
    fn line(&self, last: Event, action: Action, changed: &Map<String, Value>) -> Vec<u8> {
        let lasted =
            time_of(&last).zip(self.first_time).map_or(0.0, |(last, first)| last.duration_since(first).as_secs_f64());
        // What has settled before has its last event's time.
        let lasted = lasted.max(0.0) + self.lasted_before;
        let settled = json!({ "count": self.count, "for": format!("{lasted:.1}s") });
        let name = last.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut out = Map::new();
        for (key, value) in last {
            match key.as_str() {
                "action" => drop(out.insert(key, action.name().into())),
                "severity" => drop(out.insert(key, self.severity.map_or(value, |severity| severity.name().into()))),
                "signals" | "changed" | SETTLED => {}
                // They stand before the object, and before who made the change.
                _ => {
                    if (key == "actor" || key == name) && !out.contains_key(SETTLED) {
                        if !self.signals.is_empty() {
                            out.insert("signals".into(), self.signals.names().collect());
                        }
                        if !changed.is_empty() {
                            out.insert("changed".into(), Value::Object(changed.clone()));
                        }
                        out.insert(SETTLED.into(), settled.clone());
                    }
                    out.insert(key, value);
                }
            }
        }
        Value::Object(out).to_string().into_bytes()
    }
}

/// The old and the new value of each field that differs between two objects, but of what never counts.
fn compared(kind: KindIndex, was: &Map<String, Value>, is: &Map<String, Value>) -> Map<String, Value> {
    let counted = |object: &Map<String, Value>| {
        let mut object = object.clone();
        kind.paths().volatile.iter().for_each(|path| paths::remove(&mut object, path));
        object
    };
    let (old, new) = (counted(was), counted(is));
    let differing = differing(&old, &new).into_iter();
    differing.map(|path| (path.join("."), sides(at(was, &path), at(is, &path)))).collect()
}

fn sides(old: Option<&Value>, new: Option<&Value>) -> Value {
    let sides = [("old", old), ("new", new)];
    sides.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone()))).collect()
}

fn object_of(event: &Event) -> Option<Value> {
    event.get(event.get("event")?.as_str()?).cloned()
}

fn time_of(event: &Event) -> Option<Timestamp> {
    event.get("ts")?.as_str()?.parse().ok()
}

/// In what time they came, in seconds, where it stands for several.
fn lasted_before(event: &Event) -> Option<f64> {
    event.get(SETTLED)?.get("for")?.as_str()?.strip_suffix('s')?.parse().ok()
}
