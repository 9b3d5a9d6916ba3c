//! The text format: one short line for eyes. It may change; programs read the JSON.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::json::steers;

/// Longest text of one value in bytes; a longer one is cut.
const VALUE_BYTES_MAX: usize = 120;

/// Turns a JSON line into a line of text.
pub fn line(json: &[u8], colours: bool) -> String {
    let Ok(mut event) = serde_json::from_slice(json) else {
        let told = String::from_utf8_lossy(json);
        return shown(told.trim_end()) + "\n";
    };
    // What the kernel or a file holds must not steer the terminal: the colours are painted on what is clean.
    clean(&mut event);
    let Value::Object(event) = event else { return format!("{event}\n") };
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
    let paint = |code: &'static str| if colours { code } else { "" };
    let action = text("action");
    let colour = paint(match action {
        "add" => "\x1b[32m",
        "remove" | "lost" | "dropped" => "\x1b[31m",
        "change" => "\x1b[33m",
        _ => "\x1b[2m",
    });
    let end = paint("\x1b[0m");
    let time = text("ts").get(11..26).unwrap_or_default();
    let kind = text("event");
    let mut out = format!("{}{time}{end} {colour}{action:<7}{end} {}{kind}{end}", paint("\x1b[2m"), paint("\x1b[1m"));
    if !text("netns").is_empty() {
        let _ = write!(out, " [{}]", text("netns"));
    }
    let empty = Map::new();
    let object = event.get(kind).and_then(Value::as_object).unwrap_or(&empty);
    let subject = subject(kind, object);
    let interface = text("ifname");
    if !subject.is_empty() {
        let _ = write!(out, " {subject}");
    }
    if !interface.is_empty() && !subject.contains(interface) {
        let _ = write!(out, " {}{interface}{end}", paint("\x1b[36m"));
    }
    if text("origin") != "kernel" {
        let _ = write!(out, " ({})", text("origin"));
    }
    if let Some(signals) = event.get("signals").and_then(Value::as_array) {
        let names: Vec<&str> = signals.iter().filter_map(Value::as_str).collect();
        let _ = write!(out, " {}{}{end}", paint("\x1b[35m"), names.join(","));
    }
    if let Some(changed) = event.get("changed").and_then(Value::as_object) {
        for (path, sides) in changed {
            let side = |key| sides.get(key).map_or_else(|| "-".into(), short);
            let _ = write!(out, " {path}: {} → {}", side("old"), side("new"));
        }
    } else if matches!(event.get("origin").and_then(Value::as_str), Some("linkhook")) {
        for (key, value) in object {
            let _ = write!(out, " {key}={}", short(value));
        }
    } else {
        for key in ["via", "gateway", "dev", "nhid", "lladdr", "state", "operstate", "mtu", "table", "metric"] {
            if let Some(value) = object.get(key)
                && value.as_str() != Some(interface)
            {
                let _ = write!(out, " {key} {}", short(value));
            }
        }
    }
    if let Some(actor) = event.get("actor").and_then(Value::as_object)
        && let Some(name) = actor.get("comm").and_then(Value::as_str)
    {
        let _ = write!(out, " by {name}");
    }
    out.push('\n');
    out
}

/// Text without what steers a terminal.
pub fn shown(text: &str) -> String {
    text.chars().map(|character| if steers(character) { '?' } else { character }).collect()
}

/// The same for every text within a value.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(steers) => *text = shown(text),
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(members) => {
            if members.keys().any(|key| key.contains(steers)) {
                *members = std::mem::take(members).into_iter().map(|(key, value)| (shown(&key), value)).collect();
            }
            members.values_mut().for_each(clean);
        }
        _ => {}
    }
}

/// What the object is called.
fn subject(kind: &str, object: &Map<String, Value>) -> String {
    let get = |key: &str| object.get(key).map(short);
    match kind {
        "link" => get("ifname").unwrap_or_default(),
        "addr" => match (get("local"), get("prefixlen")) {
            (Some(local), Some(length)) => format!("{local}/{length}"),
            _ => String::new(),
        },
        "rule" => format!(
            "{}: from {} lookup {}",
            get("priority").unwrap_or_default(),
            get("src").unwrap_or_default(),
            get("table").unwrap_or_else(|| "-".into())
        ),
        "fdb" => get("mac").unwrap_or_default(),
        "nexthop" | "nexthop_bucket" => format!("id {}", get("id").unwrap_or_default()),
        "qdisc" | "class" | "filter" | "chain" => {
            [get("kind"), get("handle")].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        _ => get("dst").or_else(|| get("address")).unwrap_or_default(),
    }
}

/// A value as short text.
fn short(value: &Value) -> String {
    let mut text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(short).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    if text.len() > VALUE_BYTES_MAX {
        let end = (0..=VALUE_BYTES_MAX).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_short_line() {
        let json = br#"{"v":1,"ts":"2026-11-24T00:13:05.424828Z","seq":1,"event":"link","action":"change","origin":"kernel","ifname":"eth0","ifindex":3,"signals":["carrier_lost"],"changed":{"operstate":{"old":"UP","new":"DOWN"}},"link":{"ifname":"eth0"}}"#;
        assert_eq!(line(json, false), "00:13:05.424828 change  link eth0 carrier_lost operstate: UP → DOWN\n");
        assert!(line(json, true).contains("\x1b[33mchange"));
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let json = br#"{"ts":"2026-11-24T00:13:05.424828Z","event":"link","action":"change","origin":"kernel","ifname":"e\u001b[31m","changed":{"\u001bkey":{"new":["\u001b[2J",{"a":"\u009b"}]}},"link":{"ifname":"e\u001b[31m\u0007\u202e"}}"#;
        let told = line(json, false);
        assert!(!told.trim_end().contains(steers), "{told:?}");
        // In colours nothing but the colours has an escape.
        let coloured = line(json, true);
        assert_eq!(
            coloured
                .replace("\x1b[2m", "")
                .replace("\x1b[33m", "")
                .replace("\x1b[1m", "")
                .replace("\x1b[36m", "")
                .replace("\x1b[0m", ""),
            told
        );
        assert!(!line(b"no \x1b[31m JSON\n", true).trim_end().contains(steers));
    }
}
