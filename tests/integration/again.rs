//! Lines once more: `decode` as it comes and of linkhook's own lines, and what of a line is written.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::namespace::{Namespace, PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("print_gives_what_jq_gives", print),
    ("fields_are_all_that_is_written", fields),
    ("each_key_of_the_recordings_may_be_a_field", known_fields),
    ("a_table_chooses_routes_and_rules", table),
    ("decode_of_a_pipe_tells_lines_as_they_come", as_they_come),
    ("decode_of_own_lines_tells_them_as_they_stand", own_lines),
];

/// Those in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("own_events_that_are_not_named_go_to_stderr", aside),
    ("record_ends_after_so_many_objects", record_count),
    ("an_output_file_has_one_linkhook", one_writer),
    ("namespaces_of_another_directory_are_watched", netns_dir),
];

fn recording(name: &str) -> String {
    format!("{}/tests/recordings/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What it prints; it must succeed.
fn told(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn print() -> Result<(), Failed> {
    let file = recording("route.rtmon");
    let all = parsed(&told(&["decode", &file, "route"]));
    let expected: Vec<&str> = all.iter().filter_map(|line| line["route"]["dst"].as_str()).collect();
    let printed = told(&["decode", &file, "route", "--print", ".route.dst"]);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    // Beside a filter, and so many of them; what prints nothing is not counted.
    let default = [r#".route.dst == "default""#, r#"if .action == "add" then "\(.seq): \(.ifname)" else empty end"#];
    let some = told(&["decode", &file, "--filter", default[0], "--print", default[1], "--count", "2"]);
    assert_eq!(some.lines().count(), 2, "{some}");
    let failed = Command::new(PROGRAM).args(["decode", &file, "--print", ".event + 1"]).output()?;
    let stderr = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(failed.stdout.is_empty() && stderr.contains("--print failed"), "{stderr}");
    Ok(())
}

fn fields() -> Result<(), Failed> {
    let file = recording("route.rtmon");
    let all = parsed(&told(&["decode", &file, "route", "--count", "5"]));
    let lines = told(&["decode", &file, "route", "--count", "5", "--fields", "route.dst,event,seq"]);
    for (line, whole) in lines.lines().zip(&all) {
        let expected = format!(r#"{{"route.dst":{},"event":"route","seq":{}}}"#, whole["route"]["dst"], whole["seq"]);
        assert_eq!(line, expected);
    }
    assert_eq!(lines.lines().count(), 5);
    let filtered = told(&["decode", &file, "--filter", ".event == \"route\"", "--count", "1", "--fields", "event"]);
    assert_eq!(filtered, "{\"event\":\"route\"}\n");
    Ok(())
}

/// Every path that a recording has may be asked for.
fn known_fields() -> Result<(), Failed> {
    fn walk(path: &str, value: &Value, found: &mut HashSet<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object.iter().filter(|(key, _)| *key != "unknown") {
                    let path = format!("{path}.{key}");
                    walk(&path, value, found);
                    found.insert(path);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| walk(path, value, found)),
            _ => {}
        }
    }
    let mut found = HashSet::new();
    for entry in std::fs::read_dir(recording(""))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in parsed(&std::fs::read_to_string(path)?) {
                let event = line["event"].as_str().unwrap().to_owned();
                walk(&event, &line[&event], &mut found);
            }
        }
    }
    let refused = found.iter().filter_map(|path| linkhook::words::field(path, linkhook::reference::paths).err());
    let refused: Vec<String> = refused.map(|error| error.to_string()).collect();
    assert!(found.len() > 500 && refused.is_empty(), "{} of {}: {refused:#?}", refused.len(), found.len());
    Ok(())
}

fn table() -> Result<(), Failed> {
    let file = recording("route.rtmon");
    let number = |line: &Value| line["route"]["table_id"].as_u64().or_else(|| line["rule"]["table_id"].as_u64());
    let all = parsed(&told(&["decode", &file]));
    for (name, table) in [("main", 254), ("local,7", 255)] {
        let lines = parsed(&told(&["decode", &file, "--table", name]));
        let expected = all.iter().filter(|line| number(line) == Some(table)).count();
        assert!(expected > 0 && lines.len() == expected, "{name}: {} of {expected}", lines.len());
        assert!(lines.iter().all(|line| number(line) == Some(table)));
    }
    Ok(())
}

fn as_they_come() -> Result<(), Failed> {
    let lines = told(&["decode", &recording("route.rtmon")]);
    let pcap = std::fs::read(recording("link-l2.pcap"))?;
    for (input, arguments) in [
        (&pcap[..], &["decode", "-"][..]),
        (&pcap, &["decode", "-", "--filter", "true"]),
        (lines.as_bytes(), &["decode", "-"]),
        (lines.as_bytes(), &["decode", "-", "--print", ".event"]),
    ] {
        let mut child = Command::new(PROGRAM).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (sender, receiver) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        // A part of it, which ends in the middle of something; no more comes for now.
        stdin.write_all(&input[..input.len().min(20_000)])?;
        stdin.flush()?;
        let first = receiver.recv_timeout(PATIENCE);
        assert!(first.is_ok(), "{arguments:?}: nothing came");
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

fn own_lines() -> Result<(), Failed> {
    let recorded = recording("route.rtmon");
    let all = told(&["decode", &recorded]);
    let hello = r#"{"v":1,"ts":"2026-11-24T00:13:05.424828Z","seq":1,"event":"hello","action":"started","origin":"linkhook","hello":{"version":"0.1.0"}}"#;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("events.jsonl");
    std::fs::write(&path, format!("{hello}\n{all}"))?;
    let path = path.to_str().unwrap();
    assert_eq!(told(&["decode", path]), format!("{hello}\n{all}"));
    assert_eq!(told(&["decode", path, "hello"]), format!("{hello}\n"));
    for chosen in [
        &["route"][..],
        &["-6"],
        &["--action", "remove"],
        &["--signal", "default_route"],
        &["--table", "main"],
        &["-i", "d0"],
        &["--filter", ".route.dst == \"default\"", "--print", ".route.dst"],
        &["--count", "7", "route", "addr"],
        &["--text", "--count", "7", "route"],
    ] {
        let [recorded, again] = [&recorded, path].map(|file| told(&[&["decode", file], chosen].concat()));
        // Lines keep the numbers that they have in the file.
        let without_numbers = |lines: &str| match chosen.contains(&"--text") || chosen.contains(&"--print") {
            true => vec![json!(lines)],
            false => {
                let mut lines = parsed(lines);
                lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("seq")));
                lines
            }
        };
        let (recorded, again) = (without_numbers(&recorded), without_numbers(&again));
        assert!(!again.is_empty() && again == recorded, "{chosen:?}: {} and {}", recorded.len(), again.len());
    }
    std::fs::write(path, format!("{hello}\n{{\"event\":"))?;
    let output = Command::new(PROGRAM).args(["decode", path]).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), hello.len() + 1));
    assert!(stderr.contains("events.jsonl:2: no line of JSON"), "{stderr}");
    Ok(())
}

fn aside() -> Result<(), Failed> {
    let namespace = Namespace::new();
    for (arguments, printed, others) in [
        (&["--print", ".event"][..], "link\n", &["ready"][..]),
        (&["--fields", "event"], "{\"event\":\"link\"}\n", &["ready"]),
        (&["--print", ".event", "hello", "ready"], "hello\nlink\nready\n", &[]),
        (&["--print", ".event", "hello", "--filter", ".event == \"link\""], "hello\nlink\n", &["ready"]),
    ] {
        let mut command = namespace.command(PROGRAM);
        let output = command.args(["--timeout", "0.5", "--initial", "link"]).args(arguments).output()?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), printed, "{arguments:?}");
        let stderr = parsed(&String::from_utf8_lossy(&output.stderr));
        assert_eq!(stderr.iter().map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(), others);
    }
    Ok(())
}

fn record_count() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add a0 type veth peer name a1");
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("now.pcap");
    let path = path.to_str().unwrap();
    // There are three links.
    let status = namespace.command(PROGRAM).args(["record", "-o", path, "--count", "2", "link"]).status()?;
    assert!(status.success());
    assert_eq!(parsed(&told(&["decode", path])).len(), 2);
    // Links are recorded for their names, too, which is not asked for.
    let status = namespace.command(PROGRAM).args(["record", "-o", path, "--count", "1", "addr"]).status()?;
    assert!(status.success());
    assert_eq!(parsed(&told(&["decode", path, "addr"])).len(), 1);
    Ok(())
}

fn one_writer() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("events");
    let path = path.to_str().unwrap();
    let mut first = namespace.command(PROGRAM).args(["--output", path, "--initial", "link"]).spawn()?;
    let began = std::time::Instant::now();
    while std::fs::read_to_string(path).unwrap_or_default().lines().count() < 2 {
        assert!(began.elapsed() < PATIENCE, "no lines");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    for second in [&["--output", path, "link"][..], &["list", "--output", path, "link"]] {
        let second = namespace.command(PROGRAM).args(second).output()?;
        let stderr = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(second.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(path) && stderr.contains("another linkhook"), "{stderr}");
    }
    first.kill()?;
    first.wait()?;
    let third = namespace.command(PROGRAM).args(["list", "--output", path, "link"]).status()?;
    assert!(third.success());
    Ok(())
}

fn netns_dir() -> Result<(), Failed> {
    let world = Namespace::with_names();
    let bind = |name: &str| {
        format!(
            "ip netns add {name}; touch /run/other/{name}; mount --bind /run/netns/{name} /run/other/{name}; umount /run/netns/{name}; rm /run/netns/{name}"
        )
    };
    world.run(&format!("mkdir /run/other; ip netns add blue; {}", bind("red")));
    let mut linkhook = world.linkhook(&["hello", "link", "--netns-dir", "/run/other"]);
    let hello = linkhook.event("hello", "started");
    assert_eq!(hello["hello"]["namespaces"], json!(["blue", "/run/other/red"]));
    world.run(&bind("green"));
    let is_green = |line: &Value| line["action"] == "added" && line.to_string().contains("\"/run/other/green\"");
    linkhook.expect("green", is_green);
    world.run("umount /run/other/red; rm /run/other/red");
    linkhook.expect("red", |line| line["action"] == "removed" && line.to_string().contains("\"/run/other/red\""));
    let listed = world.command(PROGRAM).args(["list", "link", "--netns-dir=/run/other"]).output()?;
    let lines = parsed(&String::from_utf8_lossy(&listed.stdout));
    assert!(
        lines.iter().any(|line| line["netns"] == "/run/other/green")
            && lines.iter().any(|line| line["netns"] == "blue")
    );
    Ok(())
}
