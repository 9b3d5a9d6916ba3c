//! `changed`: which fields of an object differ, with the old and the new value.

use serde_json::{Map, Value};

use crate::decode::paths::{at, differing};
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
        let paths = differing(&old_compared, &new_compared);
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
