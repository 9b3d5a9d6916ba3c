//! Settling: of the changes of one object within a while one line is made, with the first old and the last new values, all
//! signals, and how many changes it stands for (`settled`). Pure: it reads lines and makes lines.

pub mod rate;

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::kinds::KindIndex;

/// The key of what a line stands for.
pub const SETTLED: &str = "settled";

/// A line that stands for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The line, without a newline.
    pub line: Vec<u8>,
    /// The places of the lines that it stands for, in order.
    pub places: Vec<usize>,
    /// Whether the object is as it was before them.
    pub is_same: bool,
}

/// Makes one line of those of one object, in the order of each object's last one. What is no object, and what cannot be
/// read, stays as it is.
pub fn settle<L: AsRef<[u8]>>(lines: &[L]) -> Vec<Settled> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        let line = line.as_ref();
        let event: Option<Map<String, Value>> = serde_json::from_slice(line).ok();
        let Some((event, identity)) = event.and_then(|event| identity(&event).map(|identity| (event, identity))) else {
            groups.push(Group { alone: Some(line.to_vec()), events: Vec::new(), places: vec![place] });
            continue;
        };
        let group = *known.entry(identity).or_insert_with(|| {
            groups.push(Group::default());
            groups.len() - 1
        });
        groups[group].events.push(event);
        groups[group].places.push(place);
    }
    groups.sort_by_key(|group| group.places.last().copied());
    groups.into_iter().map(Group::settled).collect()
}

/// What tells a line's object from any other; `None` where it is of no object.
fn identity_of(line: &[u8]) -> Option<String> {
    identity(&serde_json::from_slice(line).ok()?)
}

/// What tells an event's object from any other; `None` where it is of no object, or tells a part of one of which nothing else is known.
pub fn identity(event: &Map<String, Value>) -> Option<String> {
    let name = event.get("event")?.as_str()?;
    let kind = KindIndex::named(name)?;
    let is_change = action_of(event) == Some(Action::Change);
    if kind.table().hooks.kept_max == 0 && is_change && !["changed", SETTLED].iter().any(|key| event.contains_key(*key))
    {
        return None;
    }
    let members =
        kind.table().identity.as_ref().map(|identity| identity.members).filter(|members| !members.is_empty())?;
    let object = event.get(name)?;
    let value = |member: &str| {
        let mut ways = member.split('|').filter_map(|way| {
            let pointer = format!("/{}", way.replace('.', "/"));
            object.pointer(&pointer).map(|value| json!([way, value]))
        });
        ways.next().unwrap_or_default()
    };
    // An interface may be renamed between two events of what stands on it.
    let index =
        || event.get("ifindex").filter(|_| object.get("dev").is_some() && object.get("dev") == event.get("ifname"));
    let value = |member: &str| match member {
        "dev" => index().map_or_else(|| value(member), |index| json!([member, index])),
        member => value(member),
    };
    let values: Vec<Value> = members.iter().map(|member| value(member)).collect();
    Some(json!([event.get("netns"), name, values]).to_string())
}

/// Events of one object, in order; or a line alone.
#[derive(Default)]
struct Group {
    alone: Option<Vec<u8>>,
    events: Vec<Map<String, Value>>,
    places: Vec<usize>,
}

impl Group {
    fn settled(mut self) -> Settled {
        let places = std::mem::take(&mut self.places);
        if let Some(line) = self.alone {
            return Settled { line, places, is_same: false };
        }
        let (line, is_same) = merge(self.events);
        Settled { line, places, is_same }
    }
}

/// For how many events it stands.
fn count_of(event: &Map<String, Value>) -> u64 {
    event.get(SETTLED).and_then(|settled| settled.get("count")).and_then(Value::as_u64).unwrap_or(1)
}

/// In what time they came, in seconds, where it stands for several.
fn lasted_before(event: &Map<String, Value>) -> Option<f64> {
    event.get(SETTLED)?.get("for")?.as_str()?.strip_suffix('s')?.parse().ok()
}

/// An event's action.
pub fn action_of(event: &Map<String, Value>) -> Option<Action> {
    Action::ALL.into_iter().find(|action| event.get("action").is_some_and(|name| name == action.name()))
}

/// One line of the events of an object, and whether it is as it was before them.
fn merge(events: Vec<Map<String, Value>>) -> (Vec<u8>, bool) {
    // Some may have settled before.
    let count: u64 = events.iter().map(count_of).sum();
    let (first, last) = (events.first(), events.last());
    let first_action = first.and_then(action_of);
    let was = first_action.is_some_and(|action| action != Action::Add);
    let is = last.and_then(action_of).is_some_and(|action| action != Action::Remove);
    let (action, changed) = match (was, is) {
        (true, true) if first_action == Some(Action::Present) => (Action::Present, Map::new()),
        (true, true) => (Action::Change, differences(&events)),
        (false, true) => (Action::Add, Map::new()),
        (_, false) => (Action::Remove, Map::new()),
    };
    let is_same = match (was, is) {
        // It is told what is there, whatever it was before.
        _ if action == Action::Present => false,
        (true, true) => changed.is_empty(),
        (was, is) => was == is,
    };
    let signals = events.iter().flat_map(|event| event.get("signals").and_then(Value::as_array)).flatten();
    let signals = signals.filter_map(|name| Signals::by_name(name.as_str()?)).fold(Signals::NONE, Signals::with);
    let severities = events.iter().filter_map(|event| Severity::by_name(event.get("severity")?.as_str()?));
    let severity = severities.max();
    let time = |event: Option<&Map<String, Value>>| event?.get("ts")?.as_str()?.parse::<Timestamp>().ok();
    let lasted = time(last).zip(time(first)).map_or(0.0, |(last, first)| last.duration_since(first).as_secs_f64());
    // What has settled before has its last event's time.
    let lasted = lasted.max(0.0) + first.and_then(lasted_before).unwrap_or_default();
    let settled = json!({ "count": count, "for": format!("{lasted:.1}s") });
    let Some(last) = events.into_iter().next_back() else { return (Vec::new(), false) };
    let name = last.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut out = Map::new();
    for (key, value) in last {
        match key.as_str() {
            "action" => drop(out.insert(key, action.name().into())),
            "severity" => drop(out.insert(key, severity.map_or(value, |severity| severity.name().into()))),
            "signals" | "changed" | SETTLED => {}
            // They stand before the object, and before who made the change.
            _ => {
                if (key == "actor" || key == name) && !out.contains_key(SETTLED) {
                    if !signals.is_empty() {
                        out.insert("signals".into(), signals.names().collect());
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
    (Value::Object(out).to_string().into_bytes(), is_same)
}

/// The first old and the last new value of each field that changed, where they differ.
fn differences(events: &[Map<String, Value>]) -> Map<String, Value> {
    let mut fields: Vec<(&String, Option<&Value>, Option<&Value>)> = Vec::new();
    for (path, sides) in events.iter().filter_map(|event| event.get("changed")?.as_object()).flatten() {
        let new = sides.get("new");
        match fields.iter_mut().find(|(known, ..)| *known == path) {
            Some((_, _, last)) => *last = new,
            None => fields.push((path, sides.get("old"), new)),
        }
    }
    let differing = fields.into_iter().filter(|(_, old, new)| old != new);
    let side = |key: &str, value: Option<&Value>| value.map(|value| (key.to_owned(), value.clone()));
    differing
        .map(|(path, old, new)| (path.clone(), side("old", old).into_iter().chain(side("new", new)).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(number: u64, action: &str, second: u32, rest: &Value) -> String {
        let mut line = json!({"v": 1, "ts": format!("2026-11-30T00:00:{second:02}.000000Z"), "seq": number,
            "event": "link", "action": action, "origin": "kernel", "severity": "info", "ifname": "eth0", "ifindex": 3});
        for (key, value) in rest.as_object().unwrap() {
            line[key] = value.clone();
        }
        if line.get("link").is_none() {
            line["link"] = json!({"ifindex": 3, "ifname": "eth0"});
        }
        line.to_string()
    }

    fn settled(lines: &[String]) -> Vec<(Value, Vec<usize>, bool)> {
        let read = |settled: Settled| (serde_json::from_slice(&settled.line).unwrap(), settled.places, settled.is_same);
        settle(lines).into_iter().map(read).collect()
    }

    #[test]
    fn changes_of_one_object_are_one() {
        let change = |number, second, old: &str, new: &str, signal: &str, severity: &str| {
            let changed = json!({"operstate": {"old": old, "new": new}});
            link(number, "change", second, &json!({"signals": [signal], "changed": changed, "severity": severity}))
        };
        let mut lines = vec![
            change(1, 1, "UP", "DOWN", "carrier_lost", "warning"),
            change(2, 2, "DOWN", "UP", "carrier_up", "notice"),
            link(3, "change", 3, &json!({"changed": {"mtu": {"old": 1500, "new": 9000}}})),
            change(4, 4, "UP", "DOWN", "carrier_lost", "warning"),
        ];
        let made = settled(&lines);
        let [(line, places, false)] = &made[..] else { panic!("{made:?}") };
        assert_eq!(*places, [0, 1, 2, 3]);
        assert_eq!(line["settled"], json!({"count": 4, "for": "3.0s"}));
        assert_eq!((&line["seq"], &line["severity"]), (&4.into(), &"warning".into()));
        assert_eq!(line["signals"], json!(["carrier_lost", "carrier_up"]));
        let changed = json!({"operstate": {"old": "UP", "new": "DOWN"}, "mtu": {"old": 1500, "new": 9000}});
        assert_eq!(line["changed"], changed);
        // The keys stand in the line's order.
        let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys[8..], ["ifindex", "signals", "changed", "settled", "link"]);
        // Where it ended as it began.
        lines.push(change(5, 5, "DOWN", "UP", "carrier_up", "notice"));
        lines.push(link(6, "change", 6, &json!({"changed": {"mtu": {"old": 9000, "new": 1500}}})));
        let made = settled(&lines);
        assert!(made[0].2 && made[0].0.get("changed").is_none(), "{made:?}");
    }

    #[test]
    fn what_came_and_went_is_what_it_is_now() {
        let action = |actions: &[&str]| {
            let lines: Vec<String> = actions.iter().map(|action| link(1, action, 1, &json!({}))).collect();
            let made = settled(&lines);
            (made[0].0["action"].as_str().unwrap().to_owned(), made[0].2)
        };
        assert_eq!(action(&["add", "change"]), ("add".into(), false));
        assert_eq!(action(&["present", "change"]), ("present".into(), false));
        assert_eq!(action(&["add", "remove"]), ("remove".into(), true));
        assert_eq!(action(&["present", "remove"]), ("remove".into(), false));
        assert_eq!(action(&["present"]), ("present".into(), false));
        assert_eq!(action(&["change", "remove"]), ("remove".into(), false));
        assert_eq!(action(&["remove", "add"]), ("change".into(), true));
        assert_eq!(action(&["remove"]), ("remove".into(), false));
    }

    #[test]
    fn what_tells_a_part_of_a_connection_stays_apart() {
        let line = |action: &str, id: u64, changed: Option<Value>| {
            let mut line = json!({"event": "conntrack", "action": action, "conntrack": {"family": "inet", "id": id}});
            changed.into_iter().for_each(|changed| line["changed"] = changed);
            line.to_string()
        };
        let mark = json!({"mark": {"old": 0, "new": 7}});
        let lines = [
            line("add", 1, None),
            line("add", 2, None),
            line("change", 1, None),
            line("change", 2, Some(mark)),
            line("remove", 1, None),
        ];
        let places: Vec<Vec<usize>> = settle(&lines).into_iter().map(|settled| settled.places).collect();
        assert_eq!(places, [vec![2], vec![1, 3], vec![0, 4]]);
    }

    #[test]
    fn others_stay_apart_in_the_order_of_their_last_events() {
        let other = |number, netns: Value| {
            link(number, "add", 1, &json!({"netns": netns, "link": {"ifindex": 4, "ifname": "eth1"}}))
        };
        let hello = json!({"event": "hello", "hello": {}}).to_string();
        let lines = [
            link(1, "add", 1, &json!({})),
            other(2, "blue".into()),
            hello.clone(),
            "no JSON".into(),
            other(5, "red".into()),
            link(6, "change", 1, &json!({})),
        ];
        let places: Vec<Vec<usize>> = settle(&lines).into_iter().map(|settled| settled.places).collect();
        assert_eq!(places, [vec![1], vec![2], vec![3], vec![4], vec![0, 5]]);
        assert_eq!(settle(&lines)[1].line, hello.as_bytes());
    }

    /// Of the objects that a recording's lines tell of, no two are taken for one: none comes that is there already.
    #[test]
    fn no_two_objects_of_the_recordings_are_taken_for_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let mut there: HashMap<String, String> = HashMap::new();
            for line in text.lines() {
                let event: Map<String, Value> = serde_json::from_str(line).unwrap();
                let Some(identity) = identity(&event) else { continue };
                count += 1;
                match action_of(&event) {
                    Some(Action::Add | Action::Present) => {
                        let before = there.insert(identity.clone(), line.to_owned());
                        assert!(before.is_none(), "{}: {identity}\n{}\n{line}", path.display(), before.unwrap());
                    }
                    Some(Action::Remove) => drop(there.remove(&identity)),
                    _ => {}
                }
            }
        }
        assert!(count > 1000, "{count}");
    }
}
