//! `--fields`: of each line these keys alone, in this order.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::json::steers;

/// The keys that are wanted, dotted paths among them; empty for the whole line.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<String>);

impl Fields {
    /// Those of these paths.
    pub fn new(paths: Vec<String>) -> Fields {
        Fields(paths)
    }

    /// Whether none is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Turns a JSON line into one of these keys. What the line does not have is left out.
    pub fn line(&self, json: &[u8]) -> String {
        let Ok(event) = serde_json::from_slice::<Value>(json) else { return String::new() };
        let chosen: Map<String, Value> =
            self.0.iter().filter_map(|path| Some((path.clone(), at(&event, path)?.clone()))).collect();
        let mut line = String::new();
        for character in Value::Object(chosen).to_string().chars() {
            if steers(character) {
                let _ = write!(line, "\\u{:04x}", u32::from(character));
            } else {
                line.push(character);
            }
        }
        line.push('\n');
        line
    }
}

/// The value of a path. A key may have dots itself, as those of `changed` have.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object
            .get(path)
            .or_else(|| path.match_indices('.').find_map(|(dot, _)| at(object.get(&path[..dot])?, &path[dot + 1..]))),
        Value::Array(list) => match path.split_once('.') {
            Some((place, rest)) => at(list.get(place.parse::<usize>().ok()?)?, rest),
            None => list.get(path.parse::<usize>().ok()?),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found() {
        let line = br#"{"ts":"t","seq":18446744073709551615,"changed":{"linkinfo.info_data.id":{"old":1}},"link":{"mtu":1500,"a":{"b":[1,{"c":"\u001b"}]}}}"#;
        for (paths, expected) in [
            ("link.mtu,ts", r#"{"link.mtu":1500,"ts":"t"}"#),
            ("seq", r#"{"seq":18446744073709551615}"#),
            ("changed.linkinfo.info_data.id", r#"{"changed.linkinfo.info_data.id":{"old":1}}"#),
            ("changed.linkinfo.info_data.id.old", r#"{"changed.linkinfo.info_data.id.old":1}"#),
            ("link.a.b.1.c,link.a.b.7", r#"{"link.a.b.1.c":"\u001b"}"#),
            ("signals,link.mtu.x", "{}"),
        ] {
            let fields = Fields::new(paths.split(',').map(str::to_owned).collect());
            assert_eq!(fields.line(line), format!("{expected}\n"), "{paths}");
        }
    }
}
