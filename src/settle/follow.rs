//! Objects that are followed through events: what tells one apart may change with it, and its interface may be renamed. Pure.

use serde_json::{Map, Value, json};

use super::names::{Event, Names, is_root, kind_of, netns_of};
use super::{SETTLED, action_of};
use crate::event::Action;

/// Goes along with events, one after another, and says of each which object it is of.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    /// What interfaces are called.
    pub names: Names,
}

/// Which object an event is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// What tells it apart before the event.
    pub before: String,
    /// What tells it apart from here on.
    pub after: String,
}

impl Follower {
    /// The object of the next event; `None` where it is of no object, or tells a part of one of which nothing else is known.
    pub fn follow(&mut self, event: &Event) -> Option<Followed> {
        let action = action_of(event);
        let is_link = event.get("event").is_some_and(|name| name == "link");
        let renamed = event.get("changed").and_then(|changed| changed.get("ifname")?.get("old")?.as_str());
        let is_new = is_link && action == Some(Action::Add);
        // Before the event it is called as it was.
        self.note(event, renamed.filter(|_| is_link), is_new);
        if is_link && renamed.is_some() {
            self.note(event, None, false);
        }
        let after = self.identity(event)?;
        let before = match is_another(event) {
            true => self.identity(&put_back(event.clone())),
            false => None,
        };
        if is_link
            && action == Some(Action::Remove)
            && let Some(index) = event.get("ifindex").and_then(Value::as_u64)
        {
            self.names.note_gone(netns_of(event), index);
        }
        Some(Followed { before: before.unwrap_or_else(|| after.clone()), after })
    }

    fn note(&mut self, event: &Event, name: Option<&str>, is_new: bool) {
        let named = name.or_else(|| event.get("ifname")?.as_str());
        if let (Some(name), Some(index)) = (named, event.get("ifindex").and_then(Value::as_u64)) {
            self.names.note(netns_of(event), index, name, sequence_of(event).unwrap_or_default(), is_new);
        }
    }

    /// What tells an object from any other, with the names that interfaces have now; `None` where it is of no object, or tells a part of
    /// one of which nothing else is known.
    pub fn identity(&self, event: &Event) -> Option<String> {
        let kind = kind_of(event)?;
        let table = kind.table();
        let is_change = action_of(event) == Some(Action::Change);
        if table.hooks.kept_max == 0 && is_change && !["changed", SETTLED].iter().any(|key| event.contains_key(*key)) {
            return None;
        }
        let members = table.identity.as_ref().map(|identity| identity.members).filter(|members| !members.is_empty())?;
        let object = event.get(table.name)?;
        let is_interface = |way: &str| kind.paths().interfaces.iter().any(|path| is_root(path, way));
        let lasting = |way: &str, value: &Value| match value.as_str().filter(|_| is_interface(way)) {
            Some(name) => json!([way, self.names.lasting(netns_of(event), name)]),
            None => json!([way, value]),
        };
        let value = |member: &str| {
            let mut ways = member.split('|').filter_map(|way| {
                let value = object.pointer(&format!("/{}", way.replace('.', "/")))?;
                Some(lasting(way, value))
            });
            ways.next().unwrap_or_default()
        };
        let values: Vec<Value> = members.iter().map(|member| value(member)).collect();
        Some(json!([event.get("netns"), table.name, values]).to_string())
    }
}

/// Whether something changed with an event that tells its object apart.
fn is_another(event: &Event) -> bool {
    let changed = event.get("changed").and_then(Value::as_object);
    let Some((changed, kind)) = changed.zip(kind_of(event)) else { return false };
    let members = kind.table().identity.as_ref().map(|identity| identity.members).unwrap_or_default();
    let ways = || members.iter().flat_map(|member| member.split('|'));
    changed.keys().any(|path| ways().any(|way| path.starts_with(way) || way.starts_with(path.as_str())))
}

/// The object before an event, as the event has it; `None` where it was not there.
pub fn before(event: &Event) -> Option<Event> {
    match action_of(event) {
        Some(Action::Add) => None,
        Some(Action::Change) => Some(put_back(event.clone())),
        Some(Action::Remove | Action::Present) | None => Some(event.clone()),
    }
}

/// The number of an event's line.
pub fn sequence_of(event: &Event) -> Option<u64> {
    event.get("seq")?.as_u64()
}

/// The object of a change as it was before. Where its interface is another one, the line has no index of it.
pub fn put_back(mut event: Event) -> Event {
    let Some(Value::Object(changed)) = event.remove("changed") else { return event };
    let Some(kind) = kind_of(&event) else { return event };
    let Some(object) = event.get_mut(kind.table().name) else { return event };
    restore(object, &changed);
    let old = |key: &str| changed.get(key).map(|sides| sides.get("old").cloned());
    // Where it stands beside the object, too.
    for key in ["ifname", "ifindex"] {
        if let (Some(Some(old)), true) = (old(key), event.contains_key(key)) {
            event.insert(key.to_owned(), old);
        }
    }
    let named = |path: &str| kind.paths().interfaces.iter().any(|interface| is_root(interface, path));
    let other = changed.iter().find(|(path, sides)| named(path) && sides.get("new") == event.get("ifname"));
    if let Some((path, _)) = other.filter(|_| event.contains_key("ifname")) {
        event.shift_remove("ifindex");
        match old(path).flatten() {
            Some(old) => drop(event.insert("ifname".to_owned(), old)),
            None => drop(event.shift_remove("ifname")),
        }
    }
    event
}

/// Gives the fields of an object that changed their old values.
pub fn restore(object: &mut Value, changed: &Map<String, Value>) {
    changed.iter().for_each(|(path, sides)| set(object, path, sides.get("old")));
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
    use super::*;

    fn event(value: Value) -> Event {
        let Value::Object(event) = value else { panic!("{value}") };
        event
    }

    #[test]
    fn a_change_is_put_back_as_it_was() {
        let changed = event(json!({"event": "link", "action": "change", "ifname": "new0", "ifindex": 3,
            "changed": {"ifname": {"old": "old0", "new": "new0"}, "linkinfo.info_kind": {"new": "veth"}, "a.b": {"old": 1},
                "mtu": {"old": 1, "new": 2}},
            "link": {"ifindex": 3, "ifname": "new0", "mtu": 2, "linkinfo": {"info_kind": "veth"}}}));
        assert_eq!(
            Value::from(put_back(changed)),
            json!({"event": "link", "action": "change", "ifname": "old0", "ifindex": 3,
            "link": {"ifindex": 3, "ifname": "old0", "mtu": 1, "a": {"b": 1}}})
        );
        // Another interface's index is not known by the line.
        let moved = event(json!({"event": "route", "action": "change", "ifname": "b", "ifindex": 4,
            "changed": {"dev": {"old": "a", "new": "b"}}, "route": {"dst": "default", "dev": "b"}}));
        let was = put_back(moved);
        assert_eq!((&was["ifname"], &was["route"]["dev"], was.get("ifindex")), (&json!("a"), &json!("a"), None));
    }

    #[test]
    fn an_object_is_followed_though_what_tells_it_apart_changes() {
        let route = |action: &str, gateway: &str, dev: (&str, u64), changed: Value| {
            event(
                json!({"seq": 1, "event": "route", "action": action, "ifname": dev.0, "ifindex": dev.1, "changed": changed,
                "route": {"dst": "10.0.0.0/8", "gateway": gateway, "dev": dev.0}}),
            )
        };
        let mut follower = Follower::default();
        let mut ends = Vec::new();
        for event in [
            route("change", "192.0.2.2", ("a", 3), json!({"gateway": {"old": "192.0.2.1", "new": "192.0.2.2"}})),
            route("change", "192.0.2.2", ("b", 4), json!({"dev": {"old": "a", "new": "b"}})),
            event(json!({"seq": 2, "event": "link", "action": "change", "ifname": "c", "ifindex": 4,
                "changed": {"ifname": {"old": "b", "new": "c"}}, "link": {"ifindex": 4, "ifname": "c"}})),
            route("change", "192.0.2.2", ("a", 3), json!({"dev": {"old": "c", "new": "a"}})),
            route("remove", "192.0.2.2", ("a", 3), json!({})),
        ] {
            let Followed { before, after } = follower.follow(&event).unwrap();
            if event["event"] == "route" {
                ends.push((before, after));
            }
        }
        assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0), "{ends:#?}");
        assert_eq!(ends[3].0, ends[3].1);
        assert!(ends[0].0 != ends[0].1 && ends[1].0 != ends[1].1);
    }

    #[test]
    fn a_rename_leaves_an_object_the_same() {
        let mut follower = Follower::default();
        let netconf = |name: &str| {
            event(json!({"event": "netconf", "action": "change", "ifname": name, "ifindex": 3,
                "changed": {"forwarding": {"old": "off", "new": "on"}}, "netconf": {"family": "inet", "interface": name}}))
        };
        // A rule has the name itself, whatever has it.
        let rule = |name: &str| {
            event(json!({"event": "rule", "action": "remove", "rule": {"family": "inet", "priority": 5, "iif": name}}))
        };
        let first = follower.follow(&netconf("eth0")).unwrap();
        let second = follower.follow(&netconf("lan0")).unwrap();
        assert_eq!(first.after, second.before);
        let rules = [follower.follow(&rule("eth0")).unwrap(), follower.follow(&rule("lan0")).unwrap()];
        assert_ne!(rules[0].before, rules[1].before);
        assert_eq!(follower.names.as_then(rule("lan0")), rule("lan0"));
    }
}
