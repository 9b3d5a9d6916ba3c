//! Where in a kind's objects something stands, by the tables: interfaces' names, and what never counts as a change.

use serde_json::{Map, Value};

use super::members::{ANY, Member, Of, Source, Values, members_of};
use super::schema::{Is, Kind};

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of that key.
    Key(String),
    /// Every element of a list, or every member of an object whose keys come from the kernel.
    Each,
}

/// The steps from an object to what stands in it.
pub type Path = Vec<Step>;

/// Where in a kind's objects what stands.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// Interfaces' names that the kernel tells by their indices. What it keeps as a name itself, as a rule's `iif`, is not among them.
    pub interfaces: Vec<Path>,
    /// Counters, ages and timers.
    pub volatile: Vec<Path>,
}

impl Paths {
    /// Those of a kind.
    pub fn of(kind: &Kind) -> Paths {
        let mut paths = Paths::default();
        paths.find(&[Source::Fields(kind.header.fields), Source::Set(kind.set)], &mut Vec::new(), &mut Vec::new());
        paths
    }

    /// Goes through the members of an object; one that holds itself is gone into once.
    fn find(&mut self, sources: &[Source], path: &mut Path, within: &mut Vec<Vec<(usize, usize)>>) {
        let key = Source::key(sources);
        if within.contains(&key) {
            return;
        }
        within.push(key);
        for Member { key, of, is_volatile } in members_of(sources).iter() {
            path.push(if key == ANY { Step::Each } else { Step::Key(key.clone()) });
            if *is_volatile {
                self.volatile.push(path.clone());
            }
            self.find_in(of, path, within);
            path.pop();
        }
        within.pop();
    }

    fn find_in(&mut self, of: &[Of], path: &mut Path, within: &mut Vec<Vec<(usize, usize)>>) {
        let Values { plain, objects, lists } = Values::of(of);
        if plain.iter().any(|of| matches!(of, Of::Is(Is::Link))) {
            self.interfaces.push(path.clone());
        }
        if !objects.is_empty() {
            self.find(&objects, path, within);
        }
        if let Some(elements) = lists {
            path.push(Step::Each);
            self.find_in(&elements, path, within);
            path.pop();
        }
    }
}

/// Gives each value that a path leads to in an object.
pub fn each(object: &mut Map<String, Value>, path: &[Step], with: &mut impl FnMut(&mut Value)) {
    match path {
        [Step::Key(key), rest @ ..] => {
            if let Some(value) = object.get_mut(key) {
                each_in(value, rest, with);
            }
        }
        [Step::Each, rest @ ..] => object.values_mut().for_each(|value| each_in(value, rest, with)),
        [] => {}
    }
}

fn each_in(value: &mut Value, path: &[Step], with: &mut impl FnMut(&mut Value)) {
    match (path, value) {
        ([], value) => with(value),
        (path, Value::Object(object)) => each(object, path, with),
        ([Step::Each, rest @ ..], Value::Array(elements)) => {
            elements.iter_mut().for_each(|element| each_in(element, rest, with));
        }
        _ => {}
    }
}

/// Removes what a path leads to.
pub fn remove(object: &mut Map<String, Value>, path: &[Step]) {
    match path {
        [Step::Key(key)] => drop(object.shift_remove(key)),
        [Step::Each] => object.clear(),
        [before @ .., last] => {
            let last = std::slice::from_ref(last);
            each(object, before, &mut |value| match value {
                Value::Object(object) => remove(object, last),
                Value::Array(elements) if *last == [Step::Each] => elements.clear(),
                _ => {}
            });
        }
        [] => {}
    }
}

/// The paths of all fields that differ; a list is one value, and so is an object that only one side has.
pub fn differing<'v>(old: &'v Map<String, Value>, new: &'v Map<String, Value>) -> Vec<Vec<&'v str>> {
    let mut paths = Vec::new();
    find_differing(old, new, &mut Vec::new(), &mut paths);
    paths
}

fn find_differing<'v>(
    old: &'v Map<String, Value>,
    new: &'v Map<String, Value>,
    path: &mut Vec<&'v str>,
    paths: &mut Vec<Vec<&'v str>>,
) {
    for (key, value) in old {
        path.push(key);
        match (value, new.get(key)) {
            (Value::Object(value), Some(Value::Object(other))) => find_differing(value, other, path, paths),
            (value, Some(other)) if value == other => {}
            _ => paths.push(path.clone()),
        }
        path.pop();
    }
    for key in new.keys().filter(|key| !old.contains_key(*key)) {
        path.push(key);
        paths.push(path.clone());
        path.pop();
    }
}

/// What stands behind the keys of a path.
pub fn at<'v>(whole: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (last, before) = path.split_last()?;
    let mut map = whole;
    for key in before {
        map = map.get(*key)?.as_object()?;
    }
    map.get(*last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::rtnetlink::link::LINK;
    use crate::kinds::rtnetlink::mdb::MDB;
    use crate::kinds::rtnetlink::netconf::NETCONF;
    use crate::kinds::rtnetlink::route::ROUTE;
    use crate::kinds::rtnetlink::rule::RULE;

    fn shown(path: &Path) -> String {
        let step = |step: &Step| match step {
            Step::Key(key) => key.clone(),
            Step::Each => "[]".to_owned(),
        };
        path.iter().map(step).collect::<Vec<String>>().join(".")
    }

    fn interfaces(kind: &Kind) -> Vec<String> {
        Paths::of(kind).interfaces.iter().map(shown).collect()
    }

    #[test]
    fn interfaces_are_found_where_the_kernel_tells_them_by_index() {
        let route = interfaces(&ROUTE);
        assert!(["dev", "iif", "nexthops.[].dev"].iter().all(|path| route.contains(&(*path).to_owned())), "{route:?}");
        assert!(interfaces(&RULE).is_empty());
        assert_eq!(interfaces(&NETCONF), ["interface"]);
        let port = interfaces(&MDB);
        assert!(port.contains(&"port".to_owned()), "{port:?}");
        let link = interfaces(&LINK);
        assert!(
            ["link", "master", "linkinfo.info_data.active_slave"].iter().all(|path| link.contains(&(*path).to_owned())),
            "{link:?}"
        );
    }

    #[test]
    fn what_never_counts_can_be_removed() {
        let paths = Paths::of(&ROUTE);
        let mut route = json!({"dst": "default", "expires": 3, "mfc_stats": {"packets": 1}, "nexthops": [{"dev": "a"}, {"dev": "b"}]});
        let route = route.as_object_mut().unwrap();
        for path in &paths.volatile {
            remove(route, path);
        }
        let mut names = Vec::new();
        for path in &paths.interfaces {
            each(route, path, &mut |name| names.push(std::mem::replace(name, json!("c"))));
        }
        assert_eq!(names, ["a", "b"]);
        assert_eq!(json!(route), json!({"dst": "default", "nexthops": [{"dev": "c"}, {"dev": "c"}]}));
    }

    #[test]
    fn paths_are_dotted_and_lists_are_one_value() {
        let old = json!({"a": 1, "b": {"c": 2, "d": [1]}, "gone": {"x": 1}});
        let new = json!({"a": 1, "b": {"c": 3, "d": [1, 2]}, "come": true});
        let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
        let joined: Vec<String> = differing(old, new).iter().map(|path| path.join(".")).collect();
        assert_eq!(joined, ["b.c", "b.d", "gone", "come"]);
    }
}
