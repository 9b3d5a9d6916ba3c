//! `changed`: which fields of an object differ, with the old and the new value.

use serde_json::{Map, Value};

use crate::decode::schema::Kind;
use crate::decode::{Links, write_object};
use crate::json::Json;

/// Buffers that are used again.
#[derive(Debug, Default)]
pub struct Differ {
    old: Json,
    new: Json,
}

impl Differ {
    /// Writes the members of `changed` for two payloads of one object. None are written where only counters, ages or
    /// timers differ, or nothing does.
    pub fn write(&mut self, out: &mut Json, kind: &Kind, links: &dyn Links, old: &[u8], new: &[u8]) {
        // Compared without what never counts, told with the real values: a lifetime counts only as finite or not.
        for (json, payload) in [(&mut self.old, old), (&mut self.new, new)] {
            json.clear();
            write_object(json, kind, &kind.context(payload, links).comparing());
        }
        if self.old.bytes() == self.new.bytes() {
            return;
        }
        let (old_compared, new_compared) = (parse(&self.old), parse(&self.new));
        let mut paths = Vec::new();
        differing(&old_compared, &new_compared, &mut Vec::new(), &mut paths);
        if paths.is_empty() {
            return;
        }
        for (json, payload) in [(&mut self.old, old), (&mut self.new, new)] {
            json.clear();
            write_object(json, kind, &kind.context(payload, links));
        }
        let (old_whole, new_whole) = (parse(&self.old), parse(&self.new));
        for path in paths {
            out.any_key(&path.join("."));
            out.begin_object();
            for (key, whole) in [("old", &old_whole), ("new", &new_whole)] {
                if let Some(value) = at(whole, &path) {
                    out.key(key);
                    out.raw(value.to_string().as_bytes());
                }
            }
            out.end_object();
        }
    }
}

fn parse(json: &Json) -> Map<String, Value> {
    serde_json::from_slice(json.bytes()).unwrap_or_default()
}

fn at<'v>(whole: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (last, before) = path.split_last()?;
    let mut map = whole;
    for key in before {
        map = map.get(*key)?.as_object()?;
    }
    map.get(*last)
}

/// The paths of all fields that differ; a list is one value, and so is an object that only one side has.
fn differing<'v>(
    old: &'v Map<String, Value>,
    new: &'v Map<String, Value>,
    path: &mut Vec<&'v str>,
    paths: &mut Vec<Vec<&'v str>>,
) {
    for (key, value) in old {
        path.push(key);
        match (value, new.get(key)) {
            (Value::Object(value), Some(Value::Object(other))) => differing(value, other, path, paths),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_dotted_and_lists_are_one_value() {
        let old = json!({"a": 1, "b": {"c": 2, "d": [1]}, "gone": {"x": 1}});
        let new = json!({"a": 1, "b": {"c": 3, "d": [1, 2]}, "come": true});
        let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
        let mut paths = Vec::new();
        differing(old, new, &mut Vec::new(), &mut paths);
        let joined: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
        assert_eq!(joined, ["b.c", "b.d", "gone", "come"]);
    }
}
