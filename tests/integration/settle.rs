//! Events that settle: a link that really flaps, a real receiver, a real command, a real kill -9.

use libtest_mimic::Failed;
use serde_json::Value;

use crate::commands::{exec, lines};
use crate::deliver::{body, webhook};
use crate::namespace::{Linkhook, Namespace};
use crate::receiver::Receiver;
use crate::store::{State, configuration, die, run};

/// The tests of this room, in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("a_link_that_flaps_is_one_post", flaps),
    ("a_link_that_flaps_is_one_run_of_a_command", runs_once),
    ("a_watch_that_settles_prints_one_line", printed),
    ("a_watch_that_ends_prints_what_has_gathered", printed_at_the_end),
    ("a_command_line_runs_one_command_for_what_settles", ran),
    ("what_gathers_survives_kill_9", killed),
    ("what_is_as_it_was_can_be_left_out", same),
    ("what_comes_too_seldom_is_left_out", seldom),
    ("what_settles_to_several_batches_comes_in_order", several),
    ("an_event_that_is_refused_among_settled_ones_is_the_only_dead_letter", refused),
];

/// Takes `v0` down and up again, so often, and then down.
fn flap(namespace: &Namespace, times: u32) {
    let once = "ip link set v0 down; ip link set v0 up";
    namespace.run(&format!("for i in $(seq {times}); do {once}; done; ip link set v0 down"));
}

fn veth(namespace: &Namespace) {
    namespace.run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up");
}

const FLAPS: &str = "kinds = [\"link\"]\ninterfaces = [\"v0\"]\nsignals = [\"down\", \"up\"]\n";

fn has(line: &Value, signal: &str) -> bool {
    line["signals"].as_array().is_some_and(|all| all.iter().any(|one| one == signal))
}

/// The lines that fit.
fn fitting(lines: &[Value]) -> usize {
    lines.iter().filter(|line| line["ifname"] == "v0" && (has(line, "down") || has(line, "up"))).count()
}

/// The lines that fit, until it was so often that the link went down.
fn told(linkhook: &mut Linkhook, downs: u32) -> Vec<Value> {
    let (mut told, mut down) = (Vec::new(), 0);
    while down < downs {
        let line = linkhook.expect("a flap", |line| line["ifname"] == "v0" && (has(line, "down") || has(line, "up")));
        down += u32::from(has(&line, "down"));
        told.push(line);
    }
    told
}

fn flaps() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    veth(&namespace);
    let mut receiver = Receiver::inside(&namespace, "200");
    let lines = format!("settle = \"2s\"\n{FLAPS}");
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    flap(&namespace, 50);
    let told = told(&mut linkhook, 51);
    let request = receiver.next();
    let body = body(&request);
    let [event] = &body["events"].as_array().unwrap()[..] else { panic!("{body}") };
    assert_eq!(event["settled"]["count"], told.len());
    let (first, last) = (&told[0], &told[told.len() - 1]);
    assert_eq!((&event["seq"], &event["ts"], &event["link"]), (&last["seq"], &last["ts"], &last["link"]));
    assert!(has(event, "up") && has(event, "down"), "{event}");
    assert_eq!(event["changed"]["flags"]["old"], first["changed"]["flags"]["old"]);
    assert_eq!(event["changed"]["flags"]["new"], last["changed"]["flags"]["new"]);
    assert_eq!(event["severity"], "warning");
    assert!(linkhook.stop().0.success() && receiver.try_next().is_none());
    Ok(())
}

fn runs_once() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    veth(&namespace);
    let settle = format!("settle = \"2s\"\n{FLAPS}");
    let settings = configuration(&state.path(), &exec(state.0.path(), "cat >> \"$1/runs\"\n", &settle));
    let mut linkhook = run(&namespace, &settings);
    flap(&namespace, 20);
    let told = told(&mut linkhook, 21);
    let runs = lines(state.0.path().join("runs"), 1);
    linkhook.stop();
    assert_eq!(lines(state.0.path().join("runs"), 1).len(), 1, "{runs:?}");
    assert_eq!(serde_json::from_str::<Value>(&runs[0])?["settled"]["count"], told.len());
    Ok(())
}

fn printed() -> Result<(), Failed> {
    let namespace = Namespace::new();
    veth(&namespace);
    let words = ["hello", "link", "-i", "v0", "--signal", "up,down"];
    let mut plain = namespace.linkhook(&words);
    let mut settled = namespace.linkhook(&[&words[..], &["--settle", "2s", "--count", "1"]].concat());
    plain.event("hello", "started");
    // It is not gathered.
    settled.event("hello", "started");
    flap(&namespace, 50);
    let told = told(&mut plain, 51);
    let (status, lines) = settled.rest();
    assert!(status.success());
    let [_, line] = &lines[..] else { panic!("{lines:?}") };
    let (first, last) = (&told[0], &told[told.len() - 1]);
    assert_eq!(line["settled"]["count"], told.len());
    assert_eq!((&line["seq"], &line["link"]), (&last["seq"], &last["link"]));
    assert!(has(line, "up") && has(line, "down"), "{line}");
    assert_eq!(line["changed"]["flags"]["old"], first["changed"]["flags"]["old"]);
    assert_eq!(line["changed"]["flags"]["new"], last["changed"]["flags"]["new"]);
    Ok(())
}

fn printed_at_the_end() -> Result<(), Failed> {
    let namespace = Namespace::new();
    veth(&namespace);
    let words = ["hello", "link", "-i", "v0", "--signal", "up,down"];
    let mut plain = namespace.linkhook(&words);
    let mut settled = namespace.linkhook(&[&words[..], &["--settle", "10m", "--timeout", "6s"]].concat());
    plain.event("hello", "started");
    settled.event("hello", "started");
    flap(&namespace, 5);
    let told = told(&mut plain, 6);
    let (status, lines) = settled.rest();
    assert!(status.success() && lines.len() == 2, "{lines:?}");
    assert_eq!(lines[1]["settled"]["count"], told.len());
    Ok(())
}

fn ran() -> Result<(), Failed> {
    let namespace = Namespace::new();
    veth(&namespace);
    let words = ["exec", "link", "-i", "v0", "--signal", "up,down", "--settle", "500ms", "--count", "1", "--", "cat"];
    let mut linkhook = namespace.linkhook(&words);
    // It does not say when it begins.
    let settled = |line: &Value| line["settled"]["count"].as_u64().is_some_and(|count| count > 1);
    linkhook.until("a run", |_| flap(&namespace, 2), settled);
    let (status, lines) = linkhook.rest();
    assert!(status.success() && lines.len() == 1, "{lines:?}");
    Ok(())
}

fn killed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    veth(&namespace);
    let mut receiver = Receiver::inside(&namespace, "200");
    let lines = format!("settle = \"2s\"\n{FLAPS}");
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, &lines));
    let mut linkhook = run(&namespace, &settings);
    flap(&namespace, 5);
    told(&mut linkhook, 6);
    let mut all = fitting(&die(linkhook));
    let mut linkhook = run(&namespace, &settings);
    namespace.run("ip link set v0 up");
    flap(&namespace, 5);
    told(&mut linkhook, 6);
    let body = body(&receiver.next());
    let [event] = &body["events"].as_array().unwrap()[..] else { panic!("{body}") };
    assert_eq!(body["batch"], 1);
    all += fitting(&linkhook.stop().1);
    assert_eq!(event["settled"]["count"], all);
    assert!(receiver.try_next().is_none());
    Ok(())
}

fn same() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "200");
    let lines =
        "settle = \"1s\"\nsettle_same = \"skip\"\nkinds = [\"link\"]\nactions = [\"add\", \"change\", \"remove\"]\n";
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    namespace.run("ip link set lo mtu 1300; ip link set lo mtu 65536; ip link add gone type bridge; ip link del gone");
    linkhook.expect("the end of it", |line| line["ifname"] == "gone" && line["action"] == "remove");
    linkhook.wait(std::time::Duration::from_millis(1500));
    namespace.run("ip link add here type bridge; ip link set here mtu 1300");
    let body = body(&receiver.next());
    assert_eq!(body["batch"], 1);
    let [event] = &body["events"].as_array().unwrap()[..] else { panic!("{body}") };
    assert_eq!((&event["ifname"], &event["action"]), (&"here".into(), &"add".into()));
    assert_eq!((&event["settled"]["count"], &event["link"]["mtu"]), (&2.into(), &1300.into()));
    Ok(())
}

fn several() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "200,503,200");
    let lines =
        "settle = \"1s\"\nkinds = [\"link\"]\nactions = [\"add\", \"change\"]\nbatch = { events = 1, wait = \"0s\" }\n";
    let _linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    namespace.run(
        "for name in one two three; do ip link add $name type bridge; done
         for name in three one two; do ip link set $name mtu 1300; done",
    );
    let requests: Vec<Value> = (0..4).map(|_| receiver.next()).collect();
    // The second one is sent again as it was.
    assert_eq!(requests[1]["body"], requests[2]["body"]);
    let bodies = [0, 1, 3].map(|place| body(&requests[place]));
    let words = bodies.each_ref().map(|body| (body["batch"].as_u64(), body["events"][0]["ifname"].as_str()));
    assert_eq!(words, [(Some(1), Some("three")), (Some(2), Some("one")), (Some(3), Some("two"))]);
    assert!(bodies.iter().all(|body| body["events"][0]["settled"]["count"] == 2), "{bodies:?}");
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "loki");
    let lines = "settle = \"1s\"\nkinds = [\"link\"]\nactions = [\"add\", \"change\"]\nformat = \"loki\"\n";
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    namespace
        .run("for name in one two poison three; do ip link add $name type bridge; ip link set $name mtu 1300; done");
    let dropped = linkhook.event("output", "dropped");
    assert_eq!(dropped["output"]["events"], 1, "{dropped}");
    let letters = crate::formats::letters(&state);
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&letters[0]["events"][0]["ifname"], &letters[0]["events"][0]["settled"]["count"]),
        (&"poison".into(), &2.into())
    );
    let mut arrived: Vec<String> = Vec::new();
    while arrived.len() < 3 {
        arrived.extend(crate::formats::taken(&receiver.next()));
        arrived.sort();
        arrived.dedup();
    }
    assert_eq!(arrived, ["one", "three", "two"]);
    Ok(())
}

fn seldom() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    namespace.run("ip link add often type bridge; ip link add seldom type bridge");
    let mut receiver = Receiver::inside(&namespace, "200");
    let lines = "rate = \"3/1h\"\nkinds = [\"link\"]\nbatch.wait = \"0s\"";
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    let mtu = |name: &str, mtu: u32| namespace.run(&format!("ip link set {name} mtu {mtu}"));
    for (name, to) in [("often", 1301), ("seldom", 1301), ("often", 1302), ("seldom", 1302), ("often", 1303)] {
        mtu(name, to);
    }
    let body = body(&receiver.next());
    let [event] = &body["events"].as_array().unwrap()[..] else { panic!("{body}") };
    assert_eq!((&event["ifname"], &event["settled"]["count"]), (&"often".into(), &3.into()));
    assert_eq!(event["changed"]["mtu"]["new"], 1303);
    linkhook.expect("the last change", |line| line["ifname"] == "often" && line["link"]["mtu"] == 1303);
    mtu("often", 1304);
    linkhook.expect("another change", |line| line["link"]["mtu"] == 1304);
    linkhook.stop();
    assert!(receiver.try_next().is_none());
    Ok(())
}
