//! What was so at a time, put together of what was told since then and of what is there now. Pure: it reads lines and makes lines.
//!
//! The first event of an object after that time says what it was then: what is added was not there, of what changed the old values are
//! told, and what is removed is told whole. An object of which nothing was told since is as it is now.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::event::{Action, Origin};
use crate::settle::action_of;
use crate::settle::follow::{self, Followed, Follower};
use crate::settle::names::{Event, netns_of};

/// What is known of a moment.
#[derive(Debug, Default)]
pub struct Past {
    /// Objects of which something was told since.
    spoken: HashSet<String>,
    /// Those of them that were there, as they were: lines, which take a tenth of the room.
    there: Vec<Box<[u8]>>,
    follower: Follower,
}

impl Past {
    /// Takes an event in; the first one after that moment comes first. Those of links say what interfaces were called.
    pub fn take(&mut self, event: &Event) {
        let Some(Followed { before, after }) = self.follower.follow(event) else { return };
        if action_of(event) == Some(Action::Present) {
            // What is there already says nothing of what was.
            return;
        }
        let is_other = before != after;
        // What makes it the same object may have changed with it.
        let is_first = self.spoken.insert(before);
        if is_other {
            self.spoken.insert(after);
        }
        if is_first && let Some(was) = follow::before(event) {
            let was = self.follower.names.as_then(was);
            self.there.extend(serde_json::to_vec(&was).map(Vec::into_boxed_slice));
        }
    }

    /// All of them were taken in.
    pub fn finish(self) -> Then {
        Then(self)
    }
}

/// What was then, to be held against what is there now.
#[derive(Debug, Default)]
pub struct Then(Past);

impl Then {
    /// An interface that is there now, and what it is called.
    pub fn note_link(&mut self, netns: &str, ifindex: u64, name: &str) {
        self.0.follower.names.note(netns, ifindex, name, u64::MAX, false);
    }

    /// What an object that is there now was then; `None` where something was told of it since.
    pub fn of_now(&self, event: Event) -> Option<Event> {
        if self.0.follower.identity(&event).is_some_and(|identity| self.0.spoken.contains(&identity)) {
            return None;
        }
        Some(self.0.follower.names.as_then(event))
    }

    /// What was there and something was told of since.
    pub fn rest(mut self) -> impl Iterator<Item = Event> {
        let there = std::mem::take(&mut self.0.there);
        there.into_iter().filter_map(move |line| {
            let mut event: Event = serde_json::from_slice(&line).ok()?;
            let name = event.get("ifname").and_then(Value::as_str);
            if let Some(name) = name.filter(|_| !event.contains_key("ifindex")) {
                match self.0.follower.names.index_then(netns_of(&event), name) {
                    Some(index) => drop(event.insert("ifindex".to_owned(), index.into())),
                    // None without the other.
                    None => drop(event.shift_remove("ifname")),
                }
            }
            Some(event)
        })
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn event(text: &str) -> Event {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_names_a_link_names_it_as_it_was_called() {
        let mut past = Past::default();
        // It was told of by both.
        past.take(&event(
            r#"{"seq":4,"event":"route","action":"change","ifname":"old0","ifindex":3,"changed":{"pref":{"old":1,"new":2}},"route":{"dst":"default","dev":"old0","pref":2}}"#,
        ));
        past.take(&event(
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
        past.take(&addr("remove", 2, "new0"));
        past.take(&route("remove", "new0"));
        // It was told of once its link was gone.
        past.take(&addr("remove", 3, "if3"));
        let link = |peer: &str| {
            event(&format!(
                r#"{{"event":"link","action":"present","ifname":"p","ifindex":4,"link":{{"ifindex":4,"ifname":"p","link":"{peer}"}}}}"#
            ))
        };
        let then = past.finish();
        let now = [link("new0"), addr("present", 1, "new0")];
        let was: Vec<Event> = now.into_iter().filter_map(|event| then.of_now(event)).collect();
        assert_eq!(was, [link("old0"), addr("present", 1, "old0")]);
        let rest: Vec<Event> = then.rest().collect();
        assert_eq!((rest.len(), &rest[1]["link"]["ifname"]), (4, &json!("old0")));
        assert_eq!(rest[0]["route"], json!({"dst": "default", "dev": "old0", "pref": 1}));
        assert_eq!(rest[2..], [addr("remove", 2, "old0"), addr("remove", 3, "old0")]);
    }

    /// What happens to a few links and routes.
    #[derive(Clone, Copy, Debug)]
    enum Act {
        /// A link comes, with that name.
        Come(u8),
        /// The one at that place goes, and its routes with it.
        Go(usize),
        /// The one at that place gets that name.
        Rename(usize, u8),
        /// A route leads there, through the link at that place.
        Route(u8, usize, u8),
        /// There is no such route.
        Unroute(u8),
        /// Something of the route changes that does not tell it apart.
        Mtu(u8, u8),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            2 => (0..5_u8).prop_map(Act::Come),
            1 => (0..4_usize).prop_map(Act::Go),
            3 => (0..4_usize, 0..5_u8).prop_map(|(place, name)| Act::Rename(place, name)),
            6 => (0..4_u8, 0..4_usize, 0..3_u8).prop_map(|(dst, place, gateway)| Act::Route(dst, place, gateway)),
            2 => (0..4_u8).prop_map(Act::Unroute),
            1 => (0..4_u8, 0..3_u8).prop_map(|(dst, mtu)| Act::Mtu(dst, mtu)),
        ];
        prop::collection::vec(act, 0..40)
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Route {
        dev: u64,
        gateway: u8,
        mtu: u8,
    }

    /// What there is, and what is told of it.
    #[derive(Clone, Debug, Default)]
    struct World {
        links: BTreeMap<u64, String>,
        routes: BTreeMap<u8, Route>,
        last_index: u64,
        told: Vec<Event>,
    }

    impl World {
        fn name(&self, index: u64) -> String {
            self.links.get(&index).cloned().unwrap_or_else(|| format!("if{index}"))
        }

        fn tell(&mut self, action: &str, object: &Value, changed: Value) {
            let mut line = object.clone();
            line["seq"] = self.told.len().into();
            line["action"] = action.into();
            if action == "change" {
                line["changed"] = changed;
            }
            self.told.push(event(&line.to_string()));
        }

        fn link(&self, index: u64) -> Value {
            let name = self.name(index);
            json!({"event": "link", "ifname": name, "ifindex": index, "link": {"ifindex": index, "ifname": name}})
        }

        /// What the kernel tells of a link before it tells of the link itself.
        fn setting(&self, index: u64) -> Value {
            let name = self.name(index);
            json!({"event": "netconf", "ifname": name, "ifindex": index, "netconf": {"family": "inet", "interface": name}})
        }

        fn route(&self, dst: u8, Route { dev, gateway, mtu }: Route) -> Value {
            let name = self.name(dev);
            json!({"event": "route", "ifname": name, "ifindex": dev, "route": {"family": "inet", "dst": format!("10.0.{dst}.0/24"),
                "table_id": 254, "gateway": format!("192.0.2.{gateway}"), "dev": name, "mtu": mtu}})
        }

        fn become_route(&mut self, dst: u8, new: Route) {
            let shown = self.route(dst, new);
            let Some(old) = self.routes.insert(dst, new) else { return self.tell("add", &shown, json!({})) };
            let was = self.route(dst, old);
            let mut changed = json!({});
            for key in ["gateway", "dev", "mtu"] {
                if was["route"][key] != shown["route"][key] {
                    changed[key] = json!({"old": was["route"][key], "new": shown["route"][key]});
                }
            }
            if old != new {
                self.tell("change", &shown, changed);
            }
        }

        fn act(&mut self, act: Act) {
            let at = |links: &BTreeMap<u64, String>, place: usize| links.keys().nth(place).copied();
            let is_taken = |links: &BTreeMap<u64, String>, name: &str| links.values().any(|taken| taken == name);
            match act {
                Act::Come(name) => {
                    let name = format!("l{name}");
                    if !is_taken(&self.links, &name) {
                        self.last_index += 1;
                        self.links.insert(self.last_index, name);
                        self.tell("add", &self.setting(self.last_index), json!({}));
                        self.tell("add", &self.link(self.last_index), json!({}));
                    }
                }
                Act::Go(place) => {
                    let Some(index) = at(&self.links, place) else { return };
                    let gone = self.link(index);
                    let setting = self.setting(index);
                    self.links.remove(&index);
                    self.tell("remove", &gone, json!({}));
                    self.tell("remove", &setting, json!({}));
                    let routes: Vec<(u8, Route)> = self.routes.extract_if(.., |_, route| route.dev == index).collect();
                    routes.into_iter().for_each(|(dst, route)| self.tell("remove", &self.route(dst, route), json!({})));
                }
                Act::Rename(place, name) => {
                    let (Some(index), new) = (at(&self.links, place), format!("l{name}")) else { return };
                    if !is_taken(&self.links, &new)
                        && let Some(old) = self.links.insert(index, new.clone())
                    {
                        self.tell("change", &self.link(index), json!({"ifname": {"old": old, "new": new}}));
                    }
                }
                Act::Route(dst, place, gateway) => {
                    if let Some(dev) = at(&self.links, place) {
                        let mtu = self.routes.get(&dst).map_or(0, |route| route.mtu);
                        self.become_route(dst, Route { dev, gateway, mtu });
                    }
                }
                Act::Unroute(dst) => {
                    if let Some(route) = self.routes.remove(&dst) {
                        self.tell("remove", &self.route(dst, route), json!({}));
                    }
                }
                Act::Mtu(dst, mtu) => {
                    if let Some(&route) = self.routes.get(&dst) {
                        self.become_route(dst, Route { mtu, ..route });
                    }
                }
            }
        }

        fn objects(&self) -> Vec<Value> {
            let links = self.links.keys().flat_map(|&index| [self.link(index), self.setting(index)]);
            links.chain(self.routes.iter().map(|(&dst, &route)| self.route(dst, route))).collect()
        }
    }

    fn sorted(mut objects: Vec<Value>) -> Vec<String> {
        for object in &mut objects {
            let Value::Object(members) = &mut *object else { panic!("{object}") };
            members.retain(|key, _| !["seq", "action"].contains(&key.as_str()));
            object.sort_all_objects();
        }
        let mut shown: Vec<String> = objects.iter().map(Value::to_string).collect();
        shown.sort();
        shown
    }

    proptest! {
        #[test]
        fn what_was_then_is_what_was(before in acts(), after in acts(), is_link_told: bool) {
            let mut world = World::default();
            before.into_iter().for_each(|act| world.act(act));
            let then = world.objects();
            let from = world.told.len();
            after.into_iter().for_each(|act| world.act(act));
            let mut past = Past::default();
            world.told[from..].iter().for_each(|event| past.take(event));
            let mut moment = past.finish();
            world.links.iter().for_each(|(index, name)| moment.note_link("", *index, name));
            let kinds: &[&str] = if is_link_told { &["link", "netconf", "route"] } else { &["netconf", "route"] };
            let is_told = |event: &Value| kinds.iter().any(|kind| event["event"] == *kind);
            let now = world.objects().into_iter().map(|object| event(&object.to_string()));
            let mut found: Vec<Value> = now.filter_map(|event| moment.of_now(event)).map(Value::Object).collect();
            found.extend(moment.rest().map(Value::Object));
            found.retain(is_told);
            let expected = then.into_iter().filter(is_told).collect();
            prop_assert_eq!(sorted(found), sorted(expected), "{:#?}", world.told[from..].iter().map(|event| json!(event).to_string()).collect::<Vec<_>>());
        }
    }
}
