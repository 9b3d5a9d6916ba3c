//! The JSON Schema: every line of every recording is as it says, and broken ones are not.

use std::process::Command;

use jsonschema::Validator;
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::namespace::{Namespace, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("every_line_of_every_recording_is_valid", recordings),
    ("broken_lines_are_refused", broken),
    ("what_is_added_later_is_valid", later),
    ("only_what_is_named_is_valid", narrowed),
];

/// Those in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[("linkhooks_own_events_are_valid", own_events)];

fn validator(kinds: &[&str]) -> Result<Validator, Failed> {
    let output = Command::new(PROGRAM).arg("schema").args(kinds).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let schema: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::meta::validate(&schema).map_err(|error| format!("it is no schema: {error}"))?;
    jsonschema::validator_for(&schema).map_err(|error| format!("{error}").into())
}

/// What is wrong with a line; empty where nothing is.
fn wrong(validator: &Validator, line: &Value) -> String {
    let errors = validator.iter_errors(line);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>().join("\n")
}

/// Whether a line is as the schema says.
pub fn hold_line(line: &Value) -> Result<(), Failed> {
    match wrong(&validator(&[])?, line) {
        wrong if wrong.is_empty() => Ok(()),
        wrong => Err(format!("{wrong}: {line}").into()),
    }
}

/// The expected lines of all recordings, each with the name of its file.
fn lines() -> Result<Vec<(String, Value)>, Failed> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&path)?.lines() {
            lines.push((name.clone(), serde_json::from_str(line)?));
        }
    }
    Ok(lines)
}

fn recordings() -> Result<(), Failed> {
    let validator = validator(&[])?;
    let lines = lines()?;
    assert!(lines.len() > 1000, "{} lines are too few", lines.len());
    let told = lines.iter().map(|(name, line)| (name, line, wrong(&validator, line)));
    let told: Vec<String> = told
        .filter(|(_, _, wrong)| !wrong.is_empty())
        .map(|(name, line, wrong)| format!("{name}, seq {}: {wrong}", line["seq"]))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(format!("{} of {} lines:\n{}", told.len(), lines.len(), told[..told.len().min(10)].join("\n")).into())
}

/// How a line is broken, of which kind of event, and what it does to it.
type Break = (&'static str, &'static str, fn(&mut Value));

const BREAKS: &[Break] = &[
    ("it has no version", "link", |line| drop(remove(line, "v"))),
    ("another version", "link", |line| line["v"] = json!(2)),
    ("it has no time", "link", |line| drop(remove(line, "ts"))),
    ("a time without a fraction", "link", |line| line["ts"] = json!("2026-11-24T00:13:05Z")),
    ("a time of another zone", "link", |line| line["ts"] = json!("2026-11-24T00:13:05.424828+01:00")),
    ("a time as a number", "link", |line| line["ts"] = json!(1_763_943_185)),
    ("it has no number", "link", |line| drop(remove(line, "seq"))),
    ("a negative number", "link", |line| line["seq"] = json!(-1)),
    ("a number as text", "link", |line| line["seq"] = json!("7")),
    ("an event that there is not", "link", |line| line["event"] = json!("lnik")),
    ("the object of another event", "link", |line| line["event"] = json!("route")),
    ("an action that there is not", "link", |line| line["action"] = json!("changed")),
    ("an own event's action", "link", |line| line["action"] = json!("started")),
    ("an own event's origin", "link", |line| line["origin"] = json!("linkhook")),
    ("it has no origin", "link", |line| drop(remove(line, "origin"))),
    ("a severity that there is not", "link", |line| line["severity"] = json!("error")),
    ("a name without an index", "link", |line| drop(remove(line, "ifindex"))),
    ("an index without a name", "link", |line| drop(remove(line, "ifname"))),
    ("the index 0", "link", |line| line["ifindex"] = json!(0)),
    ("a name that is no text", "link", |line| line["ifname"] = json!(7)),
    ("no signals in a list", "link", |line| line["signals"] = json!([])),
    ("a signal twice", "link", |line| line["signals"] = json!(["up", "up"])),
    ("a signal that there is not", "link", |line| line["signals"] = json!(["gone"])),
    ("a signal of another kind", "link", |line| line["signals"] = json!(["addr_ready"])),
    ("a signal of a kind that has none", "rule", |line| line["signals"] = json!(["up"])),
    ("nothing has changed", "link", |line| line["changed"] = json!({})),
    ("a change without sides", "link", |line| line["changed"] = json!({ "mtu": {} })),
    ("a change that is a value", "link", |line| line["changed"] = json!({ "mtu": 1500 })),
    ("a change of another type", "link", |line| line["changed"] = json!({ "mtu": { "new": "1500" } })),
    ("a change deep inside of another type", "link", |line| {
        line["changed"] = json!({ "linkinfo.info_kind": { "old": 7 } });
    }),
    ("a change of what is added", "link", |line| line["action"] = json!("add")),
    ("an actor without a port", "link", |line| line["actor"] = json!({ "pid": 1, "comm": "ip" })),
    ("a process without a name", "link", |line| line["actor"] = json!({ "port": 1, "pid": 1 })),
    ("it has no object", "link", |line| drop(remove(line, "link"))),
    ("an object that is a list", "link", |line| line["link"] = json!([])),
    ("a number in the object as text", "link", |line| line["link"]["mtu"] = json!("1500")),
    ("a number beyond its width", "link", |line| line["link"]["mtu"] = json!(4_294_967_296_u64)),
    ("a fraction where there is none", "link", |line| line["link"]["mtu"] = json!(1500.5)),
    ("a list in the object as text", "link", |line| line["link"]["flags"] = json!("UP")),
    ("null where a text is", "link", |line| line["link"]["operstate"] = Value::Null),
    ("a nested value of another type", "link", |line| line["link"]["linkinfo"]["info_kind"] = json!(1)),
    ("a chosen value of another type", "link", |line| line["link"]["linkinfo"]["info_data"]["protocol"] = json!(1)),
    ("an unknown attribute without its octets", "link", |line| line["link"]["unknown"] = json!([{ "attr": 7 }])),
    ("octets that are none", "link", |line| line["link"]["unknown"] = json!([{ "attr": 7, "hex": "abc" }])),
    ("an element of a list of another type", "route", |line| line["route"]["nexthops"] = json!([{ "dev": 7 }])),
    ("a route's table's number as text", "route", |line| line["route"]["table_id"] = json!("254")),
    ("it is no object", "rule", |line| *line = json!([])),
];

fn remove(line: &mut Value, key: &str) -> Option<Value> {
    line.as_object_mut()?.remove(key)
}

fn broken() -> Result<(), Failed> {
    let validator = validator(&[])?;
    let lines = lines()?;
    let mut accepted = Vec::new();
    for (how, event, breaks) in BREAKS {
        // One with everything that is broken here; a rule never has an interface.
        let is_whole = |line: &Value| *event == "rule" || (line["changed"].is_object() && line["ifname"].is_string());
        let line = lines.iter().map(|(_, line)| line).find(|line| line["event"] == *event && is_whole(line));
        let mut line = line.ok_or_else(|| format!("no recording has a whole {event}"))?.clone();
        assert_eq!(wrong(&validator, &line), "", "{how}");
        breaks(&mut line);
        if validator.is_valid(&line) {
            accepted.push(format!("{how}: {line}"));
        }
    }
    if accepted.is_empty() { Ok(()) } else { Err(accepted.join("\n").into()) }
}

/// The format grows by adding keys, wherever they stand.
fn later() -> Result<(), Failed> {
    let validator = validator(&[])?;
    for (_, mut line) in lines()? {
        let event = line["event"].as_str().unwrap_or_default().to_owned();
        line["settled"] = json!({ "count": 50, "for": "2.9s" });
        // Where the kernel says which keys there are, all are of one type.
        if !["uevent", "ethtool_features"].contains(&event.as_str()) {
            line[&event]["of_a_later_kernel"] = json!([1]);
        }
        line[&event]["unknown"] = json!([{ "attr": 77, "hex": "00ff" }, { "hex": "", "error": "too short" }]);
        assert_eq!(wrong(&validator, &line), "", "{line}");
    }
    Ok(())
}

fn narrowed() -> Result<(), Failed> {
    let validator = validator(&["l,route", "overrun"])?;
    let mut counts = [0, 0];
    for (_, line) in lines()? {
        let is_named = line["event"] == "link" || line["event"] == "route";
        counts[usize::from(is_named)] += 1;
        assert_eq!(validator.is_valid(&line), is_named, "{line}");
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    let overrun = json!({"v":1,"ts":"2026-11-24T00:13:05.424828Z","seq":1,"event":"overrun","action":"lost","origin":"linkhook",
        "severity":"err","overrun":{"lost":null,"since":"2026-11-24T00:13:05.424828Z","kinds":["link"]}});
    assert_eq!(wrong(&validator, &overrun), "");
    for (key, value) in [("lost", json!("7")), ("since", json!(7)), ("kinds", json!(["link", 7]))] {
        let mut overrun = overrun.clone();
        overrun["overrun"][key] = value;
        assert!(!validator.is_valid(&overrun), "{overrun}");
    }
    let output = Command::new(PROGRAM).args(["schema", "rote"]).output()?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean 'route'?"));
    Ok(())
}

fn own_events() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let validator = validator(&[])?;
    let output = namespace.command(PROGRAM).args(["--initial", "--timeout", "0.5"]).output()?;
    let stdout = String::from_utf8(output.stdout)?;
    let lines: Vec<Value> = stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for event in ["hello", "link", "ready", "bye"] {
        assert!(lines.iter().any(|line| line["event"] == event), "no {event} in\n{stdout}");
    }
    for line in &lines {
        assert_eq!(wrong(&validator, line), "", "{line}");
    }
    Ok(())
}
