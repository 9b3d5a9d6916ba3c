//! linkhook's own events, as sentences.

use std::fmt::Write;

use super::value::Value;

/// More names than that are counted.
const NAMES_MAX: usize = 6;

/// What an own event tells; `time` gives a time of a line as it is shown. `None` for an event that has no sentence.
pub fn sentence(event: &str, action: &str, object: &Value<'_>, time: impl FnOnce(&str) -> String) -> Option<String> {
    let get = |key: &str| object.get(key);
    let text = |key: &str| get(key).map(ToString::to_string).unwrap_or_default();
    let number = |key: &str| get(key).and_then(as_u64);
    // The line has them with their unit: "0.001500s".
    let seconds = |key: &str| format!("{} s", text(key).trim_end_matches('s'));
    Some(match (event, action) {
        ("hello", _) => {
            let kernel = text("kernel");
            let mut told = format!("watching {}", names(get("kinds"), "kind"));
            match get("namespaces").and_then(Value::list) {
                None => {}
                Some(_) => told = format!("{told} in {}", names(get("namespaces"), "namespace")),
            }
            format!("{told}: linkhook {} on Linux {kernel}", text("version"))
        }
        ("bye", _) => format!("stopped after {}", counted(number("lines"), "line")),
        ("ready", _) => "that is what is there; what changes follows".into(),
        ("overrun", _) => {
            let lost = match number("lost") {
                Some(lost) => format!("{} lost", counted(Some(lost), "notification")),
                None => "notifications lost".into(),
            };
            let since = get("since").and_then(Value::text).map(|since| format!(" since {}", time(since)));
            let kinds = get("kinds").map(|kinds| format!(", of {}", names(Some(kinds), "kind")));
            format!("{lost}{}{}", since.unwrap_or_default(), kinds.unwrap_or_default())
        }
        ("resync", _) => {
            let why = if text("reason") == "verify" { "the self-check found" } else { "made good:" };
            let [added, changed, removed] = ["added", "changed", "removed"].map(text);
            format!("{why} {added} added, {changed} changed, {removed} removed, in {}", seconds("took"))
        }
        ("undecoded", _) => format!("message kept undecoded: {}: {}", text("error"), text("hex")),
        ("namespace", "added") => format!("namespace {} appeared", text("name")),
        ("namespace", "removed") => format!("namespace {} is gone", text("name")),
        ("output", "dropped") => {
            let what = match number("lines") {
                Some(lines) => counted(Some(lines), "line"),
                None => counted(number("events"), "event"),
            };
            format!("{what} dropped{}: {}", receiver(object), text("reason"))
        }
        ("output", "recovered") => format!("{} can be written again, after {}", text("path"), seconds("lasted")),
        ("metrics", _) => {
            let told =
                format!("{} told, {} lost", counted(number("lines"), "line"), counted(number("lost"), "notification"));
            let known = counted(number("mirror_objects"), "object");
            let obstacles = get("obstacles").and_then(Value::list).unwrap_or_default();
            let not_ready = obstacles.iter().map(|obstacle| format!("; not ready: {obstacle}"));
            format!("{told}, {known} known{}", not_ready.collect::<String>())
        }
        ("output", "test") => format!("test event{}", receiver(object)),
        _ => return None,
    })
}

/// Any event's members, where nothing knows what they mean.
pub fn members(event: &str, action: &str, object: &Value<'_>) -> String {
    let mut told = format!("{event} {action}");
    if *object != Value::Null {
        let _ = write!(told, ": {object}");
    }
    told
}

/// Who does not get something.
fn receiver(object: &Value<'_>) -> String {
    let named = |key: &str| object.get(key).map(|name| format!(" for {key} {name}"));
    let path = || object.get("path").map(|path| format!(" for {path}"));
    named("webhook").or_else(|| named("exec")).or_else(path).unwrap_or_default()
}

fn as_u64(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

fn counted(number: Option<u64>, noun: &str) -> String {
    let number = number.unwrap_or_default();
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Names of a list; of many, how many there are.
fn names(list: Option<&Value<'_>>, noun: &str) -> String {
    match list.and_then(Value::list) {
        Some(items) if items.is_empty() || items.len() > NAMES_MAX => counted(Some(items.len() as u64), noun),
        Some(items) => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        None => noun.to_owned() + "s",
    }
}
