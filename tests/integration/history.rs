//! What was kept, looked back at: real links, a real kill -9.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::process::Output;

use libtest_mimic::Failed;
use rustix::process::Signal;
use serde_json::Value;

use crate::deliver::Configuration;
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::store::{State, die, mtu, run, sequence};

/// The tests of this room; all need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("every_line_is_in_the_history_whatever_ended_it", whole),
    ("it_is_searched_by_time_and_filters_and_from_its_end", searched),
    ("it_goes_on_with_what_comes", followed),
    ("what_existed_at_a_time_is_what_was_listed_then", at),
    ("what_is_renamed_is_called_as_it_was", renamed),
    ("what_was_not_watched_all_the_time_is_said", unwatched),
    ("a_namespace_that_was_not_watched_then_is_left_out", came_and_went),
    ("what_differs_between_two_moments_is_told_once", difference),
    ("a_route_that_went_another_way_differs_once", another_way),
    ("what_led_to_a_state_is_told", why),
    ("it_is_told_of_some_namespaces_alone", namespaces),
    ("what_is_not_kept_is_said", missing),
    ("it_is_bounded_and_goes_when_it_is_not_wanted", bounded),
    ("it_is_true_after_kills_under_load", deaths),
    ("why_names_the_chain_of_many_routes", chains),
];

/// A configuration that keeps a history.
fn configuration(state: &State, more: &str) -> Configuration {
    Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"bye\", \"link\", \"route\"]\nstate_dir = \"{}\"\n{more}",
        state.path().display()
    ))
}

/// What `linkhook history` says of it.
fn history(namespace: &Namespace, state: &State, arguments: &[&str]) -> Output {
    let mut command = namespace.command(PROGRAM);
    command.args(["history", "--state-dir"]).arg(state.path()).args(arguments);
    command.output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    output
        .stdout
        .split(|&octet| octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn whole() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let configuration = configuration(&state, "[history]\n");
    let mut told = Vec::new();
    for round in 0..6 {
        let mut linkhook = run(&namespace, &configuration);
        for change in 0..20 {
            mtu(&namespace, 30_000 + round * 100 + change);
        }
        linkhook.expect("the last change", |line| line["link"]["mtu"] == 30_000 + round * 100 + 19);
        // Of every second run nothing is closed in order.
        told.extend(if round % 2 == 0 { linkhook.stop().1 } else { die(linkhook) });
    }
    let kept = lines(&history(&namespace, &state, &[]));
    let missing: Vec<&Value> = told.iter().filter(|line| !kept.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(kept.is_sorted_by_key(sequence));
    Ok(())
}

/// A run of which links and routes are kept.
fn filled(namespace: &Namespace, state: &State) -> Vec<Value> {
    let mut linkhook = run(namespace, &configuration(state, "[history]\n"));
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 192.0.2.1/24 dev v0",
    );
    linkhook.until_seen("the route", |line| line["route"]["dst"] == "192.0.2.0/24");
    mtu(namespace, 30_001);
    linkhook.expect("the change", |line| line["link"]["mtu"] == 30_001);
    linkhook.stop().1
}

fn searched() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let told = filled(&namespace, &state);
    let of = |arguments: &[&str]| lines(&history(&namespace, &state, arguments));
    let expected =
        |wanted: &dyn Fn(&Value) -> bool| told.iter().filter(|line| wanted(line)).cloned().collect::<Vec<Value>>();
    assert_eq!(of(&[]), told);
    assert_eq!(of(&["route"]), expected(&|line| line["event"] == "route"));
    assert_eq!(of(&["-i", "v1"]), expected(&|line| line["ifname"] == "v1"));
    assert_eq!(of(&["--filter", ".link.mtu == 30001"]), expected(&|line| line["link"]["mtu"] == 30_001));
    // From its end.
    let last = &told[told.len() - 3..];
    assert_eq!(of(&["-n", "3"]), last);
    assert_eq!(of(&["-n", "3", "--reverse"]), last.iter().rev().cloned().collect::<Vec<Value>>());
    let routes = expected(&|line| line["event"] == "route");
    assert_eq!(of(&["-n", "2", "route"]), routes[routes.len() - 2..]);
    assert_eq!(of(&["--count", "2", "route"]), routes[..2]);
    let objects = expected(&|line| line["event"] == "link" || line["event"] == "route");
    assert_eq!(of(&["--count", "2"]).iter().filter(|line| objects.contains(line)).count(), 2);
    // By time.
    let time = |line: &Value| line["ts"].as_str().unwrap().to_owned();
    let (since, until) = (time(&told[3]), time(&told[told.len() - 4]));
    assert_eq!(
        of(&["--since", &since, "--until", &until]),
        expected(&|line| time(line) >= since && time(line) <= until)
    );
    assert_eq!(of(&["--since", "now"]), [Value::Null; 0]);
    assert_eq!(of(&["--since", "yesterday"]), told);
    // For eyes.
    let text = history(&namespace, &state, &["--text", "--utc", "-n", "1", "link"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("30001"), "{text:?}");
    let wrong = history(&namespace, &state, &["--since", "soon"]);
    assert!(wrong.status.code() == Some(2) && String::from_utf8_lossy(&wrong.stderr).contains("1h ago"), "{wrong:?}");
    Ok(())
}

fn followed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let configuration = configuration(&state, "[history]\n");
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30_001);
    linkhook.expect("the change", |line| line["link"]["mtu"] == 30_001);
    let mut command = namespace.command(PROGRAM);
    command.args(["history", "-f", "link", "--state-dir"]).arg(state.path());
    let mut follower = Linkhook::start(command);
    follower.expect("what was", |line| line["link"]["mtu"] == 30_001);
    let mut last = 0;
    for change in 0..50 {
        mtu(&namespace, 40_000 + change);
        let line = follower.expect("what comes", |line| line["link"]["mtu"] == 40_000 + change);
        assert!(sequence(&line) > last);
        last = sequence(&line);
    }
    // Where it ends, another one goes on.
    die(linkhook);
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 50_000);
    follower.expect("what comes of the next run", |line| line["link"]["mtu"] == 50_000);
    follower.signal(Signal::TERM);
    linkhook.event("link", "change");
    Ok(())
}

fn namespaces() -> Result<(), Failed> {
    let (world, state) = (Namespace::with_names(), State::new());
    world.run("for name in blue red; do ip netns add $name; done");
    let mut linkhook = run(&world, &configuration(&state, "all_netns = true\n[history]\n"));
    let from = linkhook.seen[0]["ts"].as_str().unwrap().to_owned();
    mtu(&world, 30_000);
    for (name, then) in [("blue", 30_001), ("red", 30_002)] {
        world.run(&format!("ip -n {name} link set lo mtu {then}"));
        linkhook.expect(name, |line| line["netns"] == name && line["link"]["mtu"] == then);
    }
    let told = |arguments: &[&str]| -> BTreeSet<String> {
        let mut command = world.command(PROGRAM);
        command.args(arguments).arg("--state-dir").arg(state.path());
        let lines = lines(&command.output().unwrap());
        lines.iter().map(|line| format!("{} {}", line["netns"].as_str().unwrap_or("."), line["link"]["mtu"])).collect()
    };
    let changed = ["history", "link", "--action", "change"];
    for (wanted, expected) in [
        (&[][..], &[". 30000", "blue 30001", "red 30002"][..]),
        (&["--netns", "blue"], &["blue 30001"]),
        (&["--netns", "."], &[". 30000"]),
        (&["--netns", ".,r*"], &[". 30000", "red 30002"]),
    ] {
        let expected: BTreeSet<String> = expected.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(told(&[&changed, wanted].concat()), expected, "history {wanted:?}");
        assert_eq!(told(&[&["diff", "--from", &from, "link"], wanted].concat()), expected, "diff {wanted:?}");
        assert_eq!(told(&[&["why", "link", "lo"], wanted].concat()), expected, "why {wanted:?}");
    }
    assert_eq!(told(&["list", "link", "--at", "now", "--netns", "red"]), BTreeSet::from(["red 30002".to_owned()]));
    Ok(())
}

fn missing() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let nothing = history(&namespace, &state, &[]);
    assert!(
        nothing.status.code() == Some(1) && String::from_utf8_lossy(&nothing.stderr).contains("--state-dir"),
        "{nothing:?}"
    );
    filled(&namespace, &state);
    let said = history(&namespace, &state, &["--since", "1h ago", "-n", "1"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("what happened before 2"), "{said:?}");
    assert!(history(&namespace, &state, &["-n", "1"]).stderr.is_empty());
    let wrong = history(&namespace, &state, &["--since", "now", "--until", "1h ago"]);
    assert!(
        wrong.status.code() == Some(2) && String::from_utf8_lossy(&wrong.stderr).contains("later than"),
        "{wrong:?}"
    );
    Ok(())
}

fn bounded() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    // As long as it takes to be looked for once.
    let short = configuration(&state, "[history]\nkeep = \"1s\"\n");
    let mut linkhook = run(&namespace, &short);
    mtu(&namespace, 29_999);
    let line = linkhook.expect("the change", |line| line["link"]["mtu"] == 29_999);
    let linkhook_began = line["ts"].as_str().unwrap().to_owned();
    let began = std::time::Instant::now();
    while lines(&history(&namespace, &state, &[])).iter().any(|line| line["link"]["mtu"] == 29_999) {
        assert!(began.elapsed() < PATIENCE, "it is still there");
        linkhook.wait(std::time::Duration::from_millis(200));
    }
    // What was so before is not known any more.
    let mut command = namespace.command(PROGRAM);
    let began = &linkhook_began;
    command.args(["list", "link", "--at", began, "--state-dir"]).arg(state.path());
    let refused = command.output()?;
    assert!(
        refused.status.code() == Some(1) && String::from_utf8_lossy(&refused.stderr).contains("is not kept"),
        "{refused:?}"
    );
    linkhook.stop();
    // Without a history nothing is left of it.
    filled(&namespace, &state);
    assert!(!lines(&history(&namespace, &state, &[])).is_empty());
    let linkhook = run(&namespace, &configuration(&state, ""));
    let began = std::time::Instant::now();
    while !lines(&history(&namespace, &state, &[])).is_empty() {
        assert!(began.elapsed() < PATIENCE, "it is still there");
        std::thread::yield_now();
    }
    linkhook.stop();
    Ok(())
}

/// The objects of lines, in an order that does not matter, without what counts up or ages by itself.
fn objects(lines: &[Value]) -> Vec<String> {
    fn without_counters(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|key, _| {
                    !["stats", "carrier_", "cacheinfo", "stamp"].iter().any(|word| key.contains(word))
                        && !key.ends_with("timer")
                });
                // A key that is there again stands behind the others.
                members.sort_keys();
                members.values_mut().for_each(without_counters);
            }
            Value::Array(values) => values.iter_mut().for_each(without_counters),
            _ => {}
        }
    }
    let mut objects: Vec<String> = lines
        .iter()
        .map(|line| {
            let name = line["event"].as_str().unwrap();
            let mut object = line[name].clone();
            without_counters(&mut object);
            format!("{name} {} {object}", line["ifname"])
        })
        .collect();
    objects.sort();
    objects
}

fn at() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"bye\", \"link\", \"addr\", \"route\"]\nstate_dir = \"{}\"\n[history]\n",
        state.path().display()
    ));
    let list = |arguments: &[&str]| {
        let mut command = namespace.command(PROGRAM);
        command.arg("list").args(arguments).args(["link", "addr", "route"]);
        lines(&command.output().unwrap())
    };
    let steps = [
        "ip link add v0 type veth peer name v1; ip link add b0 type bridge",
        "ip link set v0 up; ip link set v1 up; ip addr add 192.0.2.1/24 dev v0; sysctl -qw net.ipv6.conf.v0.disable_ipv6=1 2>/dev/null; true",
        "ip route add 198.51.100.0/24 via 192.0.2.2; ip route add 203.0.113.0/24 via 192.0.2.2 metric 5",
        "ip link set v1 master b0; ip link set v0 mtu 1400; ip route replace 198.51.100.0/24 via 192.0.2.3 mtu 1300",
        "ip link set v0 name w0; ip addr add 192.0.2.9/24 dev w0",
        "ip route del 203.0.113.0/24; ip addr del 192.0.2.1/24 dev w0",
        "ip link del b0; ip link set w0 up",
        "ip link del w0; ip link add v0 type veth peer name v1",
    ];
    let mut seen: Vec<(String, Vec<String>)> = Vec::new();
    let mut linkhook = run(&namespace, &configuration);
    for (number, step) in steps.iter().enumerate() {
        namespace.run(step);
        // Once it is quiet, all of it is told.
        let mark = 40_000 + number as u32;
        mtu(&namespace, mark);
        linkhook.expect("the mark", |line| line["link"]["mtu"] == mark);
        let listed = loop {
            // The kernel goes on by itself for a while: duplicate address detection, carriers.
            let (before, rest) = (objects(&list(&[])), linkhook.try_lines(std::time::Duration::from_millis(1500)));
            if rest.is_empty() && before == objects(&list(&[])) {
                break before;
            }
        };
        let now = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%6NZ"]).output()?;
        seen.push((String::from_utf8(now.stdout)?.trim().to_owned(), listed));
        if number == 4 {
            // What changes while it does not run is told as of the next start.
            linkhook.stop();
            linkhook = run(&namespace, &configuration);
        }
    }
    let directory = state.path().display().to_string();
    for (time, listed) in &seen {
        let found = objects(&list(&["--at", time, "--state-dir", &directory]));
        let differing: Vec<&String> = listed
            .iter()
            .filter(|object| !found.contains(object))
            .chain(found.iter().filter(|object| !listed.contains(object)))
            .collect();
        assert!(differing.is_empty(), "at {time}: {differing:#?}");
    }
    let before = {
        let mut command = namespace.command(PROGRAM);
        command.args(["list", "--at", "1h ago", "link", "--state-dir", &directory]);
        command.output()?
    };
    assert!(
        before.status.code() == Some(1) && String::from_utf8_lossy(&before.stderr).contains("what existed before"),
        "{before:?}"
    );
    Ok(())
}

/// What linkhook says of a state directory.
fn of(namespace: &Namespace, state: &State, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    namespace.command(PROGRAM).arg(command).arg("--state-dir").arg(state.path()).args(rest).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The time, as lines have it.
fn now() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%6NZ"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Waits until all that was done is told.
fn quiet(namespace: &Namespace, linkhook: &mut Linkhook, mark: u32) -> String {
    mtu(namespace, mark);
    linkhook.expect("the mark", |line| line["link"]["mtu"] == mark);
    while !linkhook.try_lines(std::time::Duration::from_millis(1500)).is_empty() {}
    now()
}

fn renamed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut linkhook = run(
        &namespace,
        &Configuration::new(&format!(
            "[watch]\nkinds = [\"hello\", \"link\", \"addr\", \"route\", \"rule\", \"netconf\"]\nstate_dir = \"{}\"\n[history]\n",
            state.path().display()
        )),
    );
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 192.0.2.1/24 dev v0; \
         ip rule add iif v0 table 77 priority 5; ip route add 10.9.0.0/16 dev v0; ip route add 10.10.0.0/16 via 192.0.2.2",
    );
    let kinds = ["addr", "route", "rule", "netconf"];
    let time = quiet(&namespace, &mut linkhook, 40_000);
    let then = objects(&lines(&namespace.command(PROGRAM).arg("list").args(kinds).output()?));
    namespace.run(
        "ip link set v0 name w0; ip route replace 10.9.0.0/16 dev v1; ip route del 10.10.0.0/16; \
         echo 1 > /proc/sys/net/ipv4/conf/w0/forwarding; ip link add v0 type veth peer name v2; ip addr add 192.0.2.9/24 dev v0; \
         ip link set v2 name v3",
    );
    let later = quiet(&namespace, &mut linkhook, 40_001);
    let listed = objects(&lines(&namespace.command(PROGRAM).arg("list").args(kinds).output()?));
    namespace.run("ip link del w0");
    quiet(&namespace, &mut linkhook, 40_002);
    for (time, listed) in [(&time, &then), (&later, &listed)] {
        // Links are not among what is told.
        let told = objects(&lines(&of(&namespace, &state, &[&["list", "--at", time], &kinds[..]].concat())));
        let missing: Vec<_> = listed.iter().filter(|object| !told.contains(object)).collect();
        let more: Vec<_> = told.iter().filter(|object| !listed.contains(object)).collect();
        assert!(missing.is_empty() && more.is_empty(), "{missing:#?} {more:#?}");
    }
    Ok(())
}

fn unwatched() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    filled(&namespace, &state);
    let time = now();
    // Of the next run links alone are kept.
    let fewer = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\"]\nstate_dir = \"{}\"\n[history]\n",
        state.path().display()
    ));
    let mut linkhook = run(&namespace, &fewer);
    namespace.run("ip route add 203.0.113.0/24 via 192.0.2.2; ip link set v0 mtu 1400");
    linkhook.expect("the change", |line| line["ifname"] == "v0" && line["link"]["mtu"] == 1400);
    linkhook.stop();
    for command in
        [&["list", "--at", &time, "route"][..], &["diff", "--from", &time, "route"], &["diff", "--from", &time, "addr"]]
    {
        let refused = of(&namespace, &state, command);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {refused:?}");
        assert!(said(&refused).contains("none of these kinds was watched"), "{command:?}: {refused:?}");
    }
    let some = of(&namespace, &state, &["diff", "--from", &time, "route", "link"]);
    assert!(said(&some).contains("not watched all the time since then: route"), "{some:?}");
    assert!(lines(&some).iter().any(|line| line["link"]["mtu"] == 1400), "{some:?}");
    let why = of(&namespace, &state, &["why", "route", "192.0.2.0/24"]);
    assert!(said(&why).contains("not watched all the time") && !lines(&why).is_empty(), "{why:?}");
    Ok(())
}

fn came_and_went() -> Result<(), Failed> {
    let (world, state) = (Namespace::with_names(), State::new());
    world.run("for name in blue red; do ip netns add $name; ip -n $name link set lo mtu 30000; done");
    let mut linkhook = run(&world, &configuration(&state, "[history]\n"));
    let alone = quiet(&world, &mut linkhook, 40_000);
    linkhook.stop();
    let all = configuration(&state, "all_netns = true\n[history]\n");
    let mut linkhook = run(&world, &all);
    let both = quiet(&world, &mut linkhook, 40_001);
    world.run("ip netns add green");
    linkhook.event("namespace", "added");
    world.run("ip netns del red");
    linkhook.event("namespace", "removed");
    let late = quiet(&world, &mut linkhook, 40_002);
    linkhook.stop();
    run(&world, &all).stop();
    let told = |time: &str| {
        let output = of(&world, &state, &["list", "--at", time, "link"]);
        let names: BTreeSet<String> =
            lines(&output).iter().map(|line| line["netns"].as_str().unwrap_or(".").to_owned()).collect();
        (names.into_iter().collect::<Vec<String>>().join(" "), said(&output))
    };
    let (names, words) = told(&alone);
    assert!(names == "." && words.contains("network namespaces blue, red"), "{names}: {words}");
    // What was in one that is gone is not told when it goes.
    let (names, words) = told(&both);
    assert!(names == ". blue" && words.contains("network namespaces red"), "{names}: {words}");
    assert_eq!(told(&late), (". blue green".to_owned(), String::new()));
    let diff = of(&world, &state, &["diff", "--from", &both]);
    assert!(said(&diff).contains("when they went: network namespaces red"), "{diff:?}");
    Ok(())
}

fn another_way() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut linkhook = run(&namespace, &configuration(&state, "[history]\n"));
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 192.0.2.1/24 dev v0; \
         for net in 1 2 3 4; do ip route add 10.$net.0.0/16 via 192.0.2.2; done",
    );
    let from = quiet(&namespace, &mut linkhook, 40_000);
    namespace.run(
        "ip route replace 10.1.0.0/16 via 192.0.2.3; ip route replace 10.1.0.0/16 via 192.0.2.2; \
         ip route replace 10.2.0.0/16 via 192.0.2.3; ip route replace 10.2.0.0/16 dev v1; ip link set v1 name w1; \
         ip route del 10.3.0.0/16; ip route add 10.3.0.0/16 via 192.0.2.2; \
         ip route del 10.4.0.0/16; ip route add 10.4.0.0/16 via 192.0.2.2 mtu 1300",
    );
    quiet(&namespace, &mut linkhook, 40_001);
    let told = lines(&of(&namespace, &state, &["diff", "--from", &from, "route", "-4"]));
    let shown: BTreeSet<String> =
        told.iter().map(|line| format!("{} {} {}", line["route"]["dst"], line["action"], line["changed"])).collect();
    let expected = [
        r#""10.2.0.0/16" "change" {"dev":{"old":"v0","new":"v1"},"gateway":{"old":"192.0.2.2"},"scope":{"old":"global","new":"link"},"scope_id":{"old":0,"new":253}}"#,
        r#""10.4.0.0/16" "change" {"metrics":{"new":[{"mtu":1300}]}}"#,
    ];
    let keys =
        |text: &str| -> BTreeSet<String> { text.split(|letter| "{},".contains(letter)).map(str::to_owned).collect() };
    assert_eq!(shown.iter().map(|text| keys(text)).collect::<Vec<_>>(), expected.map(keys).to_vec(), "{shown:#?}");
    // All that led to it is one chain, whatever way it went.
    let why = lines(&of(&namespace, &state, &["why", "route", "10.2.0.0/16"]));
    let actions: Vec<&Value> = why.iter().filter(|line| line["event"] == "route").map(|line| &line["action"]).collect();
    assert_eq!(actions, ["add", "change", "change"], "{why:#?}");
    Ok(())
}

fn difference() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let told = filled(&namespace, &state);
    let (first, last) = (told[0]["ts"].as_str().unwrap(), told[told.len() - 1]["ts"].as_str().unwrap());
    let directory = state.path().display().to_string();
    let diff = |arguments: &[&str]| {
        let mut command = namespace.command(PROGRAM);
        command.args(["diff", "--state-dir", &directory]).args(arguments);
        lines(&command.output().unwrap())
    };
    let all = diff(&["--from", first, "--to", last]);
    let of =
        |name: &str| all.iter().filter(|line| line["ifname"] == name && line["event"] == "link").collect::<Vec<_>>();
    // It came up, and had a change or two: it is one line, with what it was in the end.
    assert_eq!(of("v0").len(), 1);
    assert_eq!((&of("v0")[0]["action"], &of("v0")[0]["link"]["operstate"]), (&"add".into(), &"UP".into()));
    assert_eq!(of("lo")[0]["changed"]["mtu"]["new"], 30_001);
    assert_eq!(diff(&["--from", first, "--to", last, "-i", "v1", "link"]).len(), 1);
    assert!(diff(&["--from", last]).is_empty());
    Ok(())
}

fn why() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut linkhook = run(&namespace, &configuration(&state, "[history]\n"));
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 192.0.2.1/24 dev v0; \
         ip route add 198.51.100.0/24 via 192.0.2.2; ip route del 198.51.100.0/24; ip route add 198.51.100.0/24 via 192.0.2.3",
    );
    linkhook.expect("the last route", |line| line["route"]["gateway"] == "192.0.2.3");
    namespace.run("ip link set v0 down");
    let gone =
        linkhook.expect("the route goes", |line| line["route"]["gateway"] == "192.0.2.3" && line["action"] == "remove");
    linkhook.stop();
    let why = |words: &[&str]| {
        let mut command = namespace.command(PROGRAM);
        command.args(["why", "--state-dir"]).arg(state.path()).args(words);
        command.output().unwrap()
    };
    let told = lines(&why(&["route", "198.51.100.0/24", "via", "192.0.2.3"]));
    let actions: Vec<(&str, &str)> =
        told.iter().map(|line| (line["event"].as_str().unwrap(), line["action"].as_str().unwrap())).collect();
    // Who added it, the link that went down, and that it therefore went.
    assert_eq!(actions, [("route", "add"), ("link", "change"), ("route", "remove")]);
    assert_eq!(told[2], gone);
    assert_eq!(gone["cause"], told[1]["seq"]);
    // The process itself may have ended before it could be looked at.
    assert!(told[0]["actor"]["port"].is_number(), "{}", told[0]);
    let unknown = why(&["route", "10.9.9.9"]);
    assert!(
        unknown.status.code() == Some(1) && String::from_utf8_lossy(&unknown.stderr).contains("nothing that is kept"),
        "{unknown:?}"
    );
    assert_eq!(why(&["rote", "default"]).status.code(), Some(2));
    Ok(())
}

/// So many kills, unless `LINKHOOK_KILLS` says how many.
const KILLS: u32 = 4;
/// Moments that are looked at after each of them.
const MOMENTS: usize = 10;

/// Numbers as a dice gives them, the same ones for the same beginning.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Routes of a table that come, change and go, as `ip -batch` reads them.
fn churn(dice: &mut Dice, operations: u64) -> String {
    let operation = |_| {
        let (destination, mtu) = (dice.below(250), 1000 + dice.below(400));
        match dice.below(3) {
            0 => format!("route del 10.77.{destination}.0/24 table 77\n"),
            _ => format!("route replace 10.77.{destination}.0/24 via 192.0.2.2 mtu {mtu} table 77\n"),
        }
    };
    (0..operations).map(operation).collect()
}

/// The routes of that table, as `ip` shows them, or as lines have them.
fn of_ip(namespace: &Namespace) -> BTreeSet<String> {
    let shown = namespace.ip("-4 route show table 77");
    let routes = shown.as_array().into_iter().flatten();
    routes.map(|route| format!("{} {}", route["dst"], route["metrics"][0]["mtu"])).collect()
}

fn of_lines(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| format!("{} {}", line["route"]["dst"], line["route"]["metrics"][0]["mtu"])).collect()
}

fn deaths() -> Result<(), Failed> {
    let kills = std::env::var("LINKHOOK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let (namespace, state) = (Namespace::new(), State::new());
    let configuration = configuration(&state, "[history]\n");
    let seed = std::process::id();
    let mut dice = Dice(seed.into());
    namespace.run(
        "ip link add v0 type veth peer name v1; ip addr add 192.0.2.1/24 dev v0; ip link set v0 up; ip link set v1 up",
    );
    // Not each of them can be done: what is not there cannot be deleted.
    let batch = |operations: &str| {
        let script = format!("ip -force -batch - >/dev/null 2>&1 <<'END' || true\n{operations}END");
        namespace.run(&script);
    };
    let (mut moments, mut printed_lines): (Vec<(String, BTreeSet<String>)>, usize) = (Vec::new(), 0);
    for kill in 0..kills {
        let mut linkhook = run(&namespace, &configuration);
        for _ in 0..3 {
            let operations = dice.below(300);
            batch(&churn(&mut dice, operations));
            let mark = 30_000 + dice.below(30_000) as u32;
            mtu(&namespace, 29_999);
            mtu(&namespace, mark);
            let line = linkhook.expect("the mark", |line| line["link"]["mtu"] == mark);
            moments.push((line["ts"].as_str().unwrap().to_owned(), of_ip(&namespace)));
        }
        // In the midst of more it dies, after so many lines of it.
        let before = linkhook.seen.len();
        let (operations, lines_before) = (churn(&mut dice, 2_000), dice.below(900) as usize);
        let printed = std::thread::scope(|scope| {
            let load = scope.spawn(|| batch(&operations));
            let more = Cell::new(0);
            linkhook.until_seen("lines under load", |_| more.replace(more.get() + 1) >= before + lines_before);
            let printed = die(linkhook);
            load.join().unwrap();
            printed
        });
        printed_lines += printed.len();
        // The first line is not the earliest one: what was found at the start is told as of when it was looked for.
        let since = printed.iter().filter_map(|line| line["ts"].as_str()).min().unwrap();
        let kept: BTreeSet<String> =
            lines(&history(&namespace, &state, &["--since", since])).iter().map(Value::to_string).collect();
        let missing = printed.iter().find(|line| !kept.contains(&line.to_string()));
        assert!(missing.is_none(), "seed {seed}, kill {kill}: it is not kept: {missing:?}");
        for _ in 0..MOMENTS {
            let (time, expected) = &moments[dice.below(moments.len() as u64) as usize];
            let mut command = namespace.command(PROGRAM);
            command.args(["list", "--at", time, "--table", "77", "route", "--state-dir"]).arg(state.path());
            let found = of_lines(&lines(&command.output()?));
            let differing: Vec<&String> = found.symmetric_difference(expected).collect();
            assert!(differing.is_empty(), "seed {seed}, kill {kill}, at {time}: {differing:?}");
        }
    }
    // What is read of a moment is not all that was told since.
    let database = rusqlite::Connection::open(state.path().join("linkhook.db"))?;
    let snapshots: u64 = database.query_row("SELECT count(*) FROM snapshot", [], |row| row.get(0))?;
    assert!(snapshots > 0, "{printed_lines} lines, and no snapshot");
    if std::env::var_os("LINKHOOK_KILLS").is_some() {
        let moments = moments.len();
        eprintln!("{kills} kills, {printed_lines} lines, {moments} moments, {snapshots} snapshots, seed {seed}");
    }
    Ok(())
}

fn chains() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut linkhook = run(&namespace, &configuration(&state, "[history]\n"));
    let seed = std::process::id();
    let mut dice = Dice(seed.into());
    for (near, far, network) in [("v0", "v1", "192.0.2"), ("w0", "w1", "198.51.100")] {
        namespace.run(&format!(
            "ip link add {near} type veth peer name {far}; ip addr add {network}.1/24 dev {near}; ip link set {near} up; ip link set {far} up"
        ));
    }
    // What each of a hundred routes has gone through, all of them mixed: its device, and its values one after the other.
    let routes: Vec<(usize, Vec<u64>)> = (0..100)
        .map(|_| {
            (dice.below(2) as usize, (0..=dice.below(4)).map(|step| 1000 + step * 100 + dice.below(100)).collect())
        })
        .collect();
    for step in 0..4 {
        let operations = routes.iter().enumerate().filter_map(|(number, (device, values))| {
            let gateway = ["192.0.2.2", "198.51.100.2"][*device];
            Some(format!("route replace 10.78.{number}.0/24 via {gateway} mtu {} table 78\n", values.get(step)?))
        });
        namespace.batch(&operations.collect::<String>());
    }
    namespace.run("ip link set v0 down");
    let gone = routes.iter().filter(|(device, _)| *device == 0).count();
    let seen = Cell::new(0);
    linkhook.until_seen("all routes of v0 are gone", |line| {
        let goes = line["action"] == "remove" && line["route"]["table_id"] == 78;
        seen.set(seen.get() + usize::from(goes));
        seen.get() == gone
    });
    linkhook.stop();
    for (number, (device, values)) in routes.iter().enumerate() {
        let mut command = namespace.command(PROGRAM);
        let destination = format!("10.78.{number}.0/24");
        command.args(["why", "--state-dir"]).arg(state.path()).args(["route", &destination, "table", "78"]);
        let told = lines(&command.output()?);
        let chain: Vec<String> = told
            .iter()
            .map(|line| {
                let what = if line["event"] == "link" { &line["ifname"] } else { &line["route"]["metrics"][0]["mtu"] };
                format!("{} {} {what}", line["event"].as_str().unwrap(), line["action"].as_str().unwrap())
            })
            .collect();
        let mut expected: Vec<String> = vec![format!("route add {}", values[0])];
        expected.extend(values[1..].iter().map(|value| format!("route change {value}")));
        if *device == 0 {
            expected.push("link change \"v0\"".into());
            expected.push(format!("route remove {}", values[values.len() - 1]));
            assert_eq!(told[told.len() - 1]["cause"], told[told.len() - 2]["seq"], "seed {seed}, {destination}");
        }
        assert_eq!(chain, expected, "seed {seed}, {destination}");
    }
    Ok(())
}
