//! Settling: of the changes of one object within a while one line is made, with the first old and the last new values, all
//! signals, and how many changes it stands for (`settled`). Pure: it reads lines and makes lines.

pub mod follow;
pub mod names;
pub mod rate;
pub mod sum;

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::event::Action;
use follow::Follower;
use names::Event;
use sum::Sum;

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
    let mut follower = Follower::default();
    for (place, line) in lines.iter().enumerate() {
        let line = line.as_ref();
        let event: Option<Event> = serde_json::from_slice(line).ok();
        let Some((event, followed)) = event.and_then(|event| follower.follow(&event).map(|followed| (event, followed)))
        else {
            groups.push(Group { places: vec![place], made: Made::Alone(line.to_vec()) });
            continue;
        };
        let group = known.remove(&followed.before).unwrap_or_else(|| {
            groups.push(Group { places: Vec::new(), made: Made::Sum(Sum::default()) });
            groups.len() - 1
        });
        if let Made::Sum(sum) = &mut groups[group].made {
            sum.add(event);
        }
        groups[group].places.push(place);
        known.insert(followed.after, group);
    }
    groups.sort_by_key(|group| group.places.last().copied());
    groups.into_iter().map(Group::settled).collect()
}

/// Events of one object, or a line alone.
struct Group {
    places: Vec<usize>,
    made: Made,
}

enum Made {
    Alone(Vec<u8>),
    Sum(Sum),
}

impl Group {
    fn settled(self) -> Settled {
        let Group { places, made } = self;
        match made {
            Made::Alone(line) => Settled { line, places, is_same: false },
            Made::Sum(sum) => {
                let (line, is_same) = sum.told();
                Settled { line, places, is_same }
            }
        }
    }
}

/// An event's action.
pub fn action_of(event: &Map<String, Value>) -> Option<Action> {
    Action::ALL.into_iter().find(|action| event.get("action").is_some_and(|name| name == action.name()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        assert_eq!(action(&["add", "remove", "add"]), ("add".into(), false));
        assert_eq!(action(&["remove"]), ("remove".into(), false));
    }

    #[test]
    fn what_comes_back_is_compared_with_what_went() {
        let is = |mtu: u32, packets: u32| json!({"ifindex": 3, "ifname": "eth0", "mtu": mtu, "stats64": {"rx": {"packets": packets}}, "linkinfo": {"info_kind": "veth"}});
        let event = |number: u64, action: &str, changed: Value, link: Value| {
            self::link(number, action, 1, &json!({"changed": changed, "link": link}))
        };
        let mtu = |old: u32, new: u32| json!({"mtu": {"old": old, "new": new}});
        let lines = [
            event(1, "change", mtu(1500, 1400), is(1400, 1)),
            event(2, "remove", json!({}), is(1400, 2)),
            event(3, "add", json!({}), is(1300, 0)),
            event(4, "change", mtu(1300, 1200), is(1200, 0)),
        ];
        assert_eq!(settled(&lines[..3])[0].0["changed"], mtu(1500, 1300));
        assert_eq!(settled(&lines)[0].0["changed"], mtu(1500, 1200));
        // It is as it was: what it has counted says nothing.
        let same = [&lines[..2], &[event(3, "add", json!({}), is(1500, 0))]].concat();
        let made = settled(&same);
        assert!(made[0].2 && made[0].0["action"] == "change" && made[0].0.get("changed").is_none(), "{made:?}");
    }

    #[test]
    fn an_object_is_one_though_what_tells_it_apart_changes() {
        let route = |number: u64, action: &str, old: &str, new: &str| {
            let changed = json!({"gateway": {"old": old, "new": new}});
            json!({"seq": number, "event": "route", "action": action, "changed": changed,
                "route": {"dst": "10.0.0.0/8", "gateway": new}})
            .to_string()
        };
        let made = settled(&[route(1, "change", "a", "b"), route(2, "change", "b", "c"), route(3, "change", "c", "a")]);
        assert_eq!((made.len(), made[0].2), (1, true));
        let made = settled(&[route(1, "change", "a", "b"), route(2, "change", "b", "c")]);
        assert_eq!(made[0].0["changed"], json!({"gateway": {"old": "a", "new": "c"}}));
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
                let Some(identity) = Follower::default().identity(&event) else { continue };
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
