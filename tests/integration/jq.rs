//! A webhook's jq filter: what it lets through, and what becomes of one that breaks its process.

use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use linkhook::deliver::jq::{Judge, Verdict};
use rustix::process::{Pid, Signal, kill_process};

use crate::deliver::{body, one};
use crate::namespace::{PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("an_expression_decides", decides),
    ("an_error_is_that_events_alone", one_error),
    ("many_events_are_judged_in_order", many),
    ("deep_recursion_is_that_events_alone", recursion),
    ("no_memory_is_that_events_alone", memory),
    ("an_endless_loop_is_that_events_alone", endless),
    ("a_child_that_is_killed_costs_no_event", killed),
    ("the_expression_sees_no_environment", environment),
];

/// Those that need a namespace.
pub const LIVE_TESTS: &[crate::Test] =
    &[("a_webhook_gets_what_its_filter_lets_through", filtered), ("a_spinning_child_dies_with_its_parent", spinning)];

fn judge(code: &str, events: &[&str]) -> Vec<Verdict> {
    Judge::with_program(PROGRAM.into(), code).judge(events).unwrap()
}

fn reason(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Broken(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// The second of three events breaks the filter; the others must be judged as ever.
fn second_breaks(code: &str, told: &str) {
    let code = format!("if .n == 2 then {code} else .n == 3 end");
    let verdicts = judge(&code, &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
    assert_eq!((&verdicts[0], &verdicts[2]), (&Verdict::Drop, &Verdict::Keep));
    assert_eq!(verdicts.len(), 3);
    assert!(reason(&verdicts[1]).contains(told), "{verdicts:?}");
}

fn decides() -> Result<(), Failed> {
    let events = [r#"{"link":{"mtu":1500}}"#, r#"{"link":{"mtu":9000}}"#, r#"{"addr":{}}"#];
    assert_eq!(judge(".link.mtu > 1500", &events), [Verdict::Drop, Verdict::Keep, Verdict::Drop]);
    assert_eq!(judge("select(.addr)", &events), [Verdict::Drop, Verdict::Drop, Verdict::Keep]);
    let mut judge = Judge::with_program(PROGRAM.into(), ".link");
    for _ in 0..3 {
        assert_eq!(judge.judge(&events), Ok(vec![Verdict::Keep, Verdict::Keep, Verdict::Drop]));
    }
    let why = Judge::with_program(PROGRAM.into(), ".link ==").judge(&events).unwrap_err();
    assert!(why.contains("line 1, column 9"), "{why}");
    Ok(())
}

fn one_error() -> Result<(), Failed> {
    second_breaks(".n.x", "the jq filter failed: ");
    second_breaks("error(\"of its own\")", "of its own");
    second_breaks("halt", "halt");
    second_breaks("halt_error", "");
    Ok(())
}

fn many() -> Result<(), Failed> {
    // More than the pipes hold, both ways.
    let filler = "x".repeat(3000);
    let events: Vec<String> = (0..20_000).map(|n| format!(r#"{{"n":{n},"filler":"{filler}"}}"#)).collect();
    let mut judge = Judge::with_program(PROGRAM.into(), ".n % 3 == 0");
    let mut verdicts = Vec::new();
    // A call ends in time, wherever it has come to.
    while verdicts.len() < events.len() {
        verdicts.extend(judge.judge(&events[verdicts.len()..])?);
    }
    let expected = |n: usize| if n.is_multiple_of(3) { Verdict::Keep } else { Verdict::Drop };
    assert!(verdicts.iter().enumerate().all(|(n, verdict)| *verdict == expected(n)));
    Ok(())
}

fn recursion() -> Result<(), Failed> {
    second_breaks("(def f: 1 + f; f)", "recursed beyond its stack of 64 MiB");
    Ok(())
}

fn memory() -> Result<(), Failed> {
    // Doubled, so that it is there at once however busy the machine is.
    second_breaks("(reduce range(40) as $n (\"x\"; . + .) | length)", "needed more than 256 MiB of memory");
    Ok(())
}

fn endless() -> Result<(), Failed> {
    let began = Instant::now();
    second_breaks("(def f: f; f)", "did not end within 2 s");
    assert!(began.elapsed() < PATIENCE);
    // A call does not try them all.
    let began = Instant::now();
    let verdicts = judge("last(repeat(.))", &["1"; 100]);
    assert!((1..10).contains(&verdicts.len()) && began.elapsed() < PATIENCE, "{verdicts:?}");
    assert!(verdicts.iter().all(|verdict| reason(verdict).contains("did not end")));
    Ok(())
}

/// The children of all threads of a process.
fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = tasks.flat_map(|task| std::fs::read_to_string(task.path().join("children")));
    children.flat_map(|list| list.split_whitespace().map(|one| one.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// The one jq child of a process, once it is there.
fn jq_child(process: u32) -> u32 {
    let mut found = None;
    until("a child", || {
        found = children(process).into_iter().find(|child| arguments(*child).ends_with("jq-worker\0"));
        found.is_some()
    });
    found.unwrap()
}

fn arguments(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

/// The state's letter and the clock ticks that it has run for; `None` when it is gone or dead.
fn state(process: u32) -> Option<(char, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let state = fields[0].chars().next()?;
    (!matches!(state, 'Z' | 'X')).then(|| (state, fields[11].parse().unwrap()))
}

/// The open files of a process: their numbers and what they are.
fn open_files(process: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let name = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    files
        .map(|file| (name(file.file_name().into()), name(std::fs::read_link(file.path()).unwrap_or_default())))
        .collect()
}

/// A child has its three pipes, and nothing of linkhook's. What whoever runs the tests left open is inherited by all.
fn assert_three_pipes(child: u32) {
    let inherited = open_files("self");
    let (mut pipes, other): (Vec<_>, Vec<_>) =
        open_files(&child.to_string()).into_iter().partition(|(number, _)| matches!(number.as_str(), "0" | "1" | "2"));
    pipes.dedup_by(|one, other| one.1 == other.1);
    assert!(pipes.len() == 3 && pipes.iter().all(|(_, what)| what.starts_with("pipe:")), "{pipes:?}");
    let own: Vec<_> = other.into_iter().filter(|file| !inherited.contains(file)).collect();
    assert!(own.is_empty(), "{own:?}");
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn kill(process: u32) {
    kill_process(Pid::from_raw(process as i32).unwrap(), Signal::KILL).unwrap();
}

fn killed() -> Result<(), Failed> {
    let mut judge = Judge::with_program(PROGRAM.into(), ".n > 1");
    let events = [r#"{"n":1}"#, r#"{"n":2}"#];
    let expected = Ok(vec![Verdict::Drop, Verdict::Keep]);
    assert_eq!(judge.judge(&events), expected);
    for _ in 0..3 {
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let list = std::fs::read_to_string(format!("/proc/self/task/{thread}/children"))?;
        let child = list.split_whitespace().map(|one| one.parse().unwrap()).find(|child| state(*child).is_some());
        let child: u32 = child.ok_or("a child of this thread")?;
        assert_three_pipes(child);
        kill(child);
        assert_eq!(judge.judge(&events), expected);
    }
    Ok(())
}

fn environment() -> Result<(), Failed> {
    // Cargo gives the tests many.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() || std::env::vars().count() > 1);
    assert_eq!(judge("(env | del(.TZ)) == {}", &["{}"]), [Verdict::Keep]);
    Ok(())
}

fn filtered() -> Result<(), Failed> {
    let filter = "filter = 'if .link.mtu == 30003 then error(\"not this one\") else .link.mtu >= 30002 end'";
    let (namespace, mut receiver, mut linkhook) = one("200", filter);
    namespace.run("for n in 1 2 3 4; do ip link set lo mtu 3000$n; done");
    let mut told = Vec::new();
    let mut numbers = Vec::new();
    while told.len() < 2 {
        let body = body(&receiver.next());
        numbers.push(body["batch"].as_u64().unwrap());
        told.extend(body["events"].as_array().unwrap().iter().map(|event| event["link"]["mtu"].as_u64().unwrap()));
    }
    assert_eq!(told, [30002, 30004]);
    // What is left out leaves no gap in the numbers, and is no loss; what failed is one.
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let lost = linkhook.event("output", "dropped");
    assert_eq!(lost["output"], serde_json::json!({"webhook": "noc", "events": 1, "reason": "the jq filter failed"}));
    Ok(())
}

fn spinning() -> Result<(), Failed> {
    let (namespace, _receiver, linkhook) = one("200", "filter = 'def f: f; f'");
    namespace.run("ip link set lo mtu 30000");
    let parent = linkhook.process();
    let child = jq_child(parent);
    assert_eq!(arguments(child), "linkhook\0jq-worker\0");
    // Until then its loader may have files open.
    until("it spins", || state(child).is_none_or(|(_, ticks)| ticks > 20));
    assert_three_pipes(child);
    assert!(state(child).is_some(), "it was ended before it was looked at");
    assert_three_pipes(child);
    kill(parent);
    let began = Instant::now();
    while state(child).is_some() && began.elapsed() < PATIENCE {
        std::thread::park_timeout(Duration::from_millis(2));
    }
    if state(child).is_some() {
        kill(child);
        return Err("the child spins on".into());
    }
    Ok(())
}
