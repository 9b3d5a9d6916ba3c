//! What was so at a time, put together of what was told since then and of what is there now. Pure: it reads lines and makes lines.
//!
//! The first event of an object after that time says what it was then: what is added was not there, of what changed the old values are
//! told, and what is removed is told whole. An object of which nothing was told since is as it is now.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::event::{Action, Origin};
use crate::settle::{action_of, identity};

/// An event, or an object of a list, as its line has it.
pub type Event = Map<String, Value>;

/// What is known of a moment.
#[derive(Debug, Default)]
pub struct Past {
    /// Objects of which something was told since.
    spoken: HashSet<String>,
    /// Those of them that were there, as they were: lines, which take a tenth of the room.
    there: Vec<Box<[u8]>>,
    /// In their order.
    renames: Vec<Rename>,
    /// What links were called of which something was told since.
    names: HashMap<(String, u64), String>,
}

impl Past {
    /// Takes an event in; the first one after that moment comes first.
    pub fn take(&mut self, event: Event) {
        let (Some(identity_now), action) = (identity(&event), action_of(&event)) else { return };
        if action == Some(Action::Present) {
            // What is there already says nothing of what was.
            return;
        }
        let sequence = sequence_of(&event).unwrap_or_default();
        self.note_rename(&event, sequence);
        let was = before(event, action);
        let identity_then = was.as_ref().and_then(identity).unwrap_or_else(|| identity_now.clone());
        // What makes it the same object may have changed with it.
        let is_first = self.spoken.insert(identity_then.clone());
        if identity_now != identity_then {
            self.spoken.insert(identity_now);
        }
        if !is_first {
            return;
        }
        let Some(was) = was else { return };
        if let Some(named) = interface_of(&was).zip(was.get("link").and_then(|link| link.get("ifname")?.as_str())) {
            self.names.insert(named.0, named.1.to_owned());
        }
        self.there.extend(serde_json::to_vec(&was).map(Vec::into_boxed_slice));
    }

    /// All of them were taken in.
    pub fn finish(self) -> Moment {
        Moment(self)
    }

    fn note_rename(&mut self, event: &Event, sequence: u64) {
        let Some(sides) = event.get("changed").and_then(|changed| changed.get("ifname")) else { return };
        let side = |key: &str| sides.get(key)?.as_str().map(str::to_owned);
        if let (Some(interface), Some(old), Some(new)) = (interface_of(event), side("old"), side("new")) {
            self.renames.push(Rename { sequence, interface, old, new });
        }
    }

    /// What an interface was called then that had a name in the line of that number.
    fn name_then(&self, netns: &str, name: &str, sequence: u64) -> Option<&str> {
        let mut before = self.renames.iter().rev().skip_while(|rename| rename.sequence > sequence);
        let last = before.find(|rename| rename.interface.0 == netns && rename.new == name)?;
        self.renames.iter().find(|rename| rename.interface == last.interface).map(|rename| rename.old.as_str())
    }

    /// What names an interface is not told again when that one is renamed: an object has the names of when it was told.
    fn as_called_then(&self, mut event: Event, sequence: u64) -> Event {
        // One that was told of once its link was gone could not name it.
        let unnamed = interface_of(&event).map(|(_, ifindex)| format!("if{ifindex}"));
        let named = interface_of(&event).and_then(|interface| self.names.get(&interface));
        let named = unnamed.filter(|name| event.get("ifname").is_some_and(|told| told == name)).zip(named);
        if self.renames.is_empty() && named.is_none() {
            return event;
        }
        let netns = event.get("netns").and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = event.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
        let rename = |value: &mut Value| {
            if let Some((_, then)) = named.as_ref().filter(|(unnamed, _)| value == unnamed) {
                *value = json!(then);
            } else if let Some(then) = value.as_str().and_then(|name| self.name_then(&netns, name, sequence)) {
                *value = json!(then);
            }
        };
        // A link's own name is told by its own events.
        let keys = NAMING_KEYS.iter().filter(|key| name != "link" || **key != "ifname");
        if name != "link"
            && let Some(value) = event.get_mut("ifname")
        {
            rename(value);
        }
        let Some(object) = event.get_mut(&name) else { return event };
        for key in keys {
            if let Some(value) = object.get_mut(*key) {
                rename(value);
            }
        }
        let legs = object.get_mut("nexthops").and_then(Value::as_array_mut).into_iter().flatten();
        legs.filter_map(|leg| leg.get_mut("dev")).for_each(rename);
        event
    }
}

/// An interface that was renamed.
#[derive(Debug)]
struct Rename {
    sequence: u64,
    /// Namespace and index.
    interface: (String, u64),
    old: String,
    new: String,
}

/// The keys of an object that have interfaces' names.
const NAMING_KEYS: [&str; 6] = ["ifname", "dev", "link", "master", "iif", "oif"];

/// A moment, to be held against what is there now.
#[derive(Debug, Default)]
pub struct Moment(Past);

impl Moment {
    /// What an object that is there now was then; `None` where something was told of it since.
    pub fn of_now(&self, event: Event) -> Option<Event> {
        if identity(&event).is_some_and(|identity| self.0.spoken.contains(&identity)) {
            return None;
        }
        Some(self.0.as_called_then(event, u64::MAX))
    }

    /// What was there and something was told of since.
    pub fn rest(mut self) -> impl Iterator<Item = Event> {
        let there = std::mem::take(&mut self.0.there);
        there.into_iter().filter_map(move |line| {
            let event: Event = serde_json::from_slice(&line).ok()?;
            let sequence = sequence_of(&event).unwrap_or_default();
            Some(self.0.as_called_then(event, sequence))
        })
    }
}

/// The number of an event's line.
pub fn sequence_of(event: &Event) -> Option<u64> {
    event.get("seq")?.as_u64()
}

fn interface_of(event: &Event) -> Option<(String, u64)> {
    let netns = event.get("netns").and_then(Value::as_str).unwrap_or_default();
    Some((netns.to_owned(), event.get("ifindex")?.as_u64()?))
}

/// The object before an event, as the event has it; `None` where it was not there.
fn before(event: Event, action: Option<Action>) -> Option<Event> {
    match action? {
        Action::Add => None,
        Action::Change => Some(put_back(event)),
        Action::Remove | Action::Present => Some(event),
    }
}

/// The object of a change as it was before.
pub fn put_back(mut event: Event) -> Event {
    let Some(Value::Object(changed)) = event.remove("changed") else { return event };
    let name = event.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(object) = event.get_mut(&name) else { return event };
    for (path, sides) in &changed {
        set(object, path, sides.get("old"));
    }
    // Where it stands beside the object, too.
    for key in ["ifname", "ifindex"] {
        if let (Some(old), true) = (changed.get(key).and_then(|sides| sides.get("old")), event.contains_key(key)) {
            let old = old.clone();
            event.insert(key.to_owned(), old);
        }
    }
    event
}

/// An object of a moment, as a line of what is there.
pub fn as_present(event: &Event, time: &str, sequence: u64) -> Event {
    let name = event.get("event").and_then(Value::as_str).unwrap_or_default();
    let mut line = Event::new();
    for key in ["v", "ts", "seq", "host", "netns", "event", "action", "origin", "severity", "ifname", "ifindex", name] {
        let value = match key {
            "ts" => json!(time),
            "seq" => json!(sequence),
            "action" => json!(Action::Present.name()),
            "origin" => json!(Origin::Replay.name()),
            key => match event.get(key) {
                Some(value) => value.clone(),
                None => continue,
            },
        };
        line.insert(key.to_owned(), value);
    }
    line
}

/// Sets what a dotted path leads to, or removes it, and objects around it that are empty then.
fn set(object: &mut Value, path: &str, value: Option<&Value>) {
    let Some(map) = object.as_object_mut() else { return };
    match path.split_once('.') {
        None => match value {
            Some(value) => drop(map.insert(path.to_owned(), value.clone())),
            None => drop(map.shift_remove(path)),
        },
        Some((key, rest)) => {
            let inner = map.entry(key).or_insert_with(|| json!({}));
            set(inner, rest, value);
            if inner.as_object().is_some_and(Map::is_empty) {
                map.shift_remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(text: &str) -> Event {
        serde_json::from_str(text).unwrap()
    }

    fn route(action: &str, dst: u8, metric: u8, was: Option<u8>) -> Event {
        let changed = was
            .map_or_else(String::new, |was| format!(r#""changed":{{"metrics.mtu":{{"old":{was},"new":{metric}}}}},"#));
        event(&format!(
            r#"{{"event":"route","action":"{action}",{changed}"route":{{"family":"inet","type":"unicast","dst":"10.0.{dst}.0/24","table_id":254,"metrics":{{"mtu":{metric}}}}}}}"#
        ))
    }

    #[test]
    fn a_change_is_put_back_as_it_was() {
        let changed = event(
            r#"{"event":"link","action":"change","ifname":"new0","ifindex":3,
            "changed":{"ifname":{"old":"old0","new":"new0"},"linkinfo.info_kind":{"new":"veth"},"a.b":{"old":1},"mtu":{"old":1,"new":2}},
            "link":{"ifindex":3,"ifname":"new0","mtu":2,"linkinfo":{"info_kind":"veth"}}}"#,
        );
        let was = put_back(changed);
        assert_eq!(
            Value::from(was),
            json!({"event":"link","action":"change","ifname":"old0","ifindex":3,
            "link":{"ifindex":3,"ifname":"old0","mtu":1,"a":{"b":1}}})
        );
    }

    #[test]
    fn what_names_a_link_names_it_as_it_was_called() {
        let mut past = Past::default();
        past.take(event(
            r#"{"seq":5,"event":"link","action":"change","ifname":"new0","ifindex":3,"changed":{"ifname":{"old":"old0","new":"new0"}},
            "link":{"ifindex":3,"ifname":"new0"}}"#,
        ));
        let addr = |action: &str, last: u8, name: &str| {
            event(&format!(
                r#"{{"seq":6,"event":"addr","action":"{action}","ifname":"{name}","ifindex":3,"addr":{{"family":"inet","ifindex":3,"local":"10.0.0.{last}","ifname":"{name}"}}}}"#
            ))
        };
        let route = |action: &str, name: &str| {
            event(&format!(
                r#"{{"seq":7,"event":"route","action":"{action}","ifname":"{name}","ifindex":3,"route":{{"dst":"default","dev":"{name}"}}}}"#
            ))
        };
        // What is gone meanwhile was told of by the new name.
        past.take(addr("remove", 2, "new0"));
        // It was told of by both.
        past.take(event(
            r#"{"seq":4,"event":"route","action":"change","ifname":"old0","ifindex":3,"changed":{"pref":{"old":1,"new":2}},"route":{"dst":"default","dev":"old0","pref":2}}"#,
        ));
        past.take(route("remove", "new0"));
        // It was told of once its link was gone.
        past.take(addr("remove", 3, "if3"));
        let link = |peer: &str| {
            event(&format!(
                r#"{{"event":"link","action":"present","ifname":"p","ifindex":4,"link":{{"ifindex":4,"ifname":"p","link":"{peer}"}}}}"#
            ))
        };
        let moment = past.finish();
        let now = [link("new0"), addr("present", 1, "new0")];
        let then: Vec<Event> = now.into_iter().filter_map(|event| moment.of_now(event)).collect();
        assert_eq!(then, [link("old0"), addr("present", 1, "old0")]);
        let rest: Vec<Event> = moment.rest().collect();
        assert_eq!((rest.len(), &rest[0]["link"]["ifname"]), (4, &json!("old0")));
        assert_eq!(rest[3], addr("remove", 3, "old0"));
        assert_eq!(
            (&rest[1], &rest[2]["route"]),
            (&addr("remove", 2, "old0"), &json!({"dst": "default", "dev": "old0", "pref": 1}))
        );
    }

    /// What happens to a few routes.
    fn acts() -> impl Strategy<Value = Vec<(u8, u8)>> {
        prop::collection::vec((0..6_u8, 0..4_u8), 0..60)
    }

    proptest! {
        #[test]
        fn what_was_then_is_what_was(before in acts(), after in acts()) {
            // By destination the metric.
            let mut routes: HashMap<u8, u8> = HashMap::new();
            let play = |acts: &[(u8, u8)], routes: &mut HashMap<u8, u8>| -> Vec<Event> {
                let mut told = Vec::new();
                for &(dst, metric) in acts {
                    // 0 removes it.
                    told.extend(match (routes.get(&dst).copied(), metric) {
                        (None, 0) => None,
                        (Some(was), 0) => { routes.remove(&dst); Some(route("remove", dst, was, None)) }
                        (None, metric) => { routes.insert(dst, metric); Some(route("add", dst, metric, None)) }
                        (Some(was), metric) if was == metric => None,
                        (Some(was), metric) => { routes.insert(dst, metric); Some(route("change", dst, metric, Some(was))) }
                    });
                }
                told
            };
            play(&before, &mut routes);
            let then = routes.clone();
            let mut past = Past::default();
            play(&after, &mut routes).into_iter().for_each(|event| past.take(event));
            let now = routes.iter().map(|(dst, metric)| route("present", *dst, *metric, None));
            let moment = past.finish();
            let mut there: Vec<Event> = now.filter_map(|event| moment.of_now(event)).collect();
            there.extend(moment.rest());
            let mut found: Vec<String> = there.iter().map(|event| event["route"].to_string()).collect();
            let mut expected: Vec<String> =
                then.iter().map(|(dst, metric)| route("present", *dst, *metric, None)["route"].to_string()).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
