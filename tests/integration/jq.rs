//! jq expressions: what they let through, what becomes of one that breaks its process, and what that process may not do.

use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use linkhook::deliver::jq::{CODE_BYTES_MAX, Judge, Use, Verdict, check_by};
use rustix::process::{Pid, Signal, kill_process};

use crate::deliver::{Configuration, body, one};
use crate::namespace::{Namespace, PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("an_expression_decides", decides),
    ("an_error_is_that_events_alone", one_error),
    ("many_events_are_judged_in_order", many),
    ("deep_recursion_is_that_events_alone", recursion),
    ("what_breaks_a_child_is_found_among_many", among_many),
    ("no_memory_is_that_events_alone", memory),
    ("an_endless_loop_is_that_events_alone", endless),
    ("a_child_that_is_killed_costs_no_event", killed),
    ("the_expression_sees_no_environment", environment),
    ("any_expression_is_checked_without_harm", checked),
    ("what_breaks_its_process_ends_a_command", commands),
];

/// Those that need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("a_webhook_gets_what_its_filter_lets_through", filtered),
    ("a_spinning_child_dies_with_its_parent", spinning),
    ("what_is_not_judged_is_told_and_the_next_goes_on", unjudged),
    ("a_watch_is_filtered_in_order_and_without_a_gap", watched),
    ("a_watch_ends_by_a_signal_whatever_its_filter_does", endless_watch),
    ("the_child_may_do_nothing", confined),
];

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

/// Whatever has an answer by then: the one that breaks the child is found among those that were asked about at once.
fn among_many() -> Result<(), Failed> {
    let events: Vec<String> = (0..200).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let mut judge = Judge::with_program(
        PROGRAM.into(),
        "def f: 1 + f; if .n == 50 or .n == 51 or .n == 130 then f else .n % 2 == 0 end",
    );
    let mut verdicts = Vec::new();
    while verdicts.len() < events.len() {
        verdicts.extend(judge.judge(&events[verdicts.len()..])?);
    }
    for (n, verdict) in verdicts.iter().enumerate() {
        match n {
            50 | 51 | 130 => assert!(reason(verdict).contains("recursed"), "{n}: {verdict:?}"),
            _ => assert_eq!(*verdict, if n % 2 == 0 { Verdict::Keep } else { Verdict::Drop }, "{n}"),
        }
    }
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
    assert_eq!(judge("env == {}", &["{}"]), [Verdict::Keep]);
    Ok(())
}

fn checked() -> Result<(), Failed> {
    let check = |code: &str| check_by(PROGRAM.as_ref(), Use::Filter, code);
    check(".link.mtu > 1500")?;
    for (code, told) in [
        (".a ==", "line 1, column 6"),
        ("import \"a\" as a; .", "no modules"),
        ("include \"a\"; .", "no modules"),
        ("input", "no filter named input"),
        ("$ENV", "no variable named $ENV"),
    ] {
        let error = check(code).unwrap_err();
        assert!(error.status() == 2 && error.to_string().contains(told), "{code}: {error}");
    }
    for piece in ["(", "[", "{a:", "-", "\"\\(", "def f: ", "if ", ".a|", "try ", "..", "reduce ", ". as [", "?//"] {
        let nested = piece.repeat(CODE_BYTES_MAX / piece.len());
        assert!(check(&nested).map_or_else(|error| error.status(), |()| 2) == 2, "{piece}");
        assert!(check(&(nested + piece)).unwrap_err().to_string().contains("16 KiB are allowed"));
    }
    for (before, after) in [("(", ")"), ("[", "]"), ("\"\\(", ")\""), ("def f: ", "; f"), ("if . then ", " else . end")]
    {
        let count = CODE_BYTES_MAX / (before.len() + after.len()) - 1;
        check(&format!("{}.{}", before.repeat(count), after.repeat(count)))?;
    }
    // The same on the command line, and in [watch].
    let deep = "(".repeat(100_000);
    let configuration = Configuration::new(&format!("[watch]\nfilter = '{deep}'\n"));
    for arguments in [["--filter", &deep], ["--config", configuration.path()], ["check", configuration.path()]] {
        let output = Command::new(PROGRAM).args(arguments).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains("16 KiB are allowed"), "{}: {told}", output.status);
    }
    Ok(())
}

fn commands() -> Result<(), Failed> {
    let file = format!("{}/tests/recordings/route.rtmon", env!("CARGO_MANIFEST_DIR"));
    let decode = |code: &str| Command::new(PROGRAM).args(["decode", &file, "--filter", code]).output().unwrap();
    for (code, told) in [
        ("def f: 1 + f; f", "recursed beyond its stack"),
        ("def f: f; f", "did not end within 2 s"),
        ("reduce range(40) as $n (\"x\"; . + .) | length", "needed more than 256 MiB"),
    ] {
        let output = decode(code);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && words.contains(told), "{code}: {} {words}", output.status);
    }
    // An error of jq is that event's alone.
    let output = decode("if .seq % 2 == 0 then error(\"no\") else . end");
    assert!(output.status.success() && output.stdout.len() > 1000, "{}", String::from_utf8_lossy(&output.stderr));
    // What is secret in the environment is in no line, and what the expression says goes nowhere.
    let output = decode("env | debug, stderr | tostring | test(\"CARGO\")");
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
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

/// A watch of links with that filter, and the children of linkhook's.
fn watch(filter: &str) -> (Namespace, crate::namespace::Linkhook) {
    let namespace = Namespace::new();
    let configuration =
        Configuration::new(&format!("[watch]\nkinds = [\"hello\", \"bye\", \"link\"]\nfilter = '{filter}'\n"));
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    (namespace, linkhook)
}

fn unjudged() -> Result<(), Failed> {
    let (namespace, mut linkhook) =
        watch("def f: f; if .link.mtu == 30002 then f elif .link.mtu == 30003 then error else true end");
    namespace.run("for n in 1 2 3 4; do ip link set lo mtu 3000$n; done");
    linkhook.expect("the last one", |line| line["link"]["mtu"] == 30004);
    namespace.run("ip link set lo mtu 30005");
    linkhook.expect("the next one", |line| line["link"]["mtu"] == 30005);
    let (status, lines) = linkhook.stop();
    let told: Vec<u64> = lines.iter().filter_map(|line| line["link"]["mtu"].as_u64()).collect();
    assert_eq!((status.code(), &told[..]), (Some(0), &[30001, 30004, 30005][..]));
    let dropped: Vec<_> = lines.iter().filter(|line| line["event"] == "output").collect();
    assert!(dropped.iter().all(|line| line["output"]["reason"] == "not judged by [watch] filter"), "{dropped:?}");
    assert_eq!(dropped.iter().map(|line| line["output"]["events"].as_u64().unwrap()).sum::<u64>(), 2);
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    Ok(())
}

/// Numbers, causes and counts are right although lines get their numbers late.
fn watched() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up; ip addr add 10.0.0.1/24 dev v0",
    );
    let filter = r#".event == "route" or .link.mtu == 1400 or .link.operstate == "DOWN""#;
    let mut linkhook = namespace.linkhook(&["hello", "link", "route", "bye", "--filter", filter]);
    linkhook.event("hello", "started");
    namespace.run("ip link set v0 mtu 1300; ip link set v0 mtu 1400; ip link set v0 mtu 1500; ip link set v0 down");
    linkhook.expect("the route has left", |line| line["event"] == "route" && line["route"]["dst"] == "10.0.0.0/24");
    let (_, lines) = linkhook.stop();
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(lines.last().unwrap()["event"], "bye");
    assert!(
        lines.iter().any(|line| line["link"]["mtu"] == 1400) && lines.iter().all(|line| line["link"]["mtu"] != 1300)
    );
    // What left with the link names the line that told that it went down.
    let down = lines.iter().find(|line| line["signals"].to_string().contains("\"down\"")).unwrap();
    let left = lines.iter().find(|line| line["origin"] == "inferred").unwrap();
    assert_eq!(left["cause"], down["seq"]);
    // --count is of those that are told.
    let mut linkhook = namespace.linkhook(&["link", "--count", "2", "--filter", ".link.mtu >= 1402"]);
    let mut round = 1400;
    while !linkhook.has_ended() {
        namespace.run(&format!("ip link set v0 mtu {round}"));
        round += 1;
        assert!(round < 1500, "it does not end");
    }
    let (status, lines) = linkhook.rest();
    assert_eq!((status.code(), lines.len()), (Some(0), 2));
    Ok(())
}

fn endless_watch() -> Result<(), Failed> {
    let namespace = Namespace::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut linkhook = namespace.linkhook(&["hello", "link", "--filter", "def f: f; f"]);
        linkhook.event("hello", "started");
        namespace.run("ip link set lo mtu 30000; ip link set lo mtu 65536");
        let child = jq_child(linkhook.process());
        until("it spins", || state(child).is_none_or(|(_, ticks)| ticks > 2));
        linkhook.signal(signal);
        let began = Instant::now();
        // It may have ended by itself at that moment, with status 1.
        linkhook.rest();
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    Ok(())
}

/// No capability, no privilege to come, no file, no network: as the kernel shows it.
fn confined() -> Result<(), Failed> {
    let (namespace, mut linkhook) = watch("true");
    namespace.run("ip link set lo mtu 30000");
    linkhook.event("link", "change");
    let child = jq_child(linkhook.process());
    let status = std::fs::read_to_string(format!("/proc/{child}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":"));
        line.unwrap_or_default().trim().to_owned()
    };
    let none = "0".repeat(16);
    for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(field(name), none, "{name}");
    }
    // The bounding set takes a capability to be emptied. Without new privileges it is of no use either.
    if rustix::process::geteuid().is_root() {
        assert_eq!(field("CapBnd"), none);
    }
    assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1".into(), "2".into()), "{status}");
    let limits = std::fs::read_to_string(format!("/proc/{child}/limits"))?;
    let limit = |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().split_whitespace().next();
    assert_eq!((limit("Max open files"), limit("Max file size")), (Some("0"), Some("0")));
    assert_three_pipes(child);
    assert!(std::fs::read(format!("/proc/{child}/environ")).is_ok_and(|environment| environment.is_empty()));
    Ok(())
}
