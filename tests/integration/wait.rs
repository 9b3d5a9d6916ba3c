//! `linkhook wait` and `linkhook exec`, in real network namespaces.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::namespace::{Namespace, PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("what_is_so_already_is_not_waited_for", already),
    ("wait_ends_with_the_line_that_made_it_true", becomes_true),
    ("wait_never_misses_and_never_returns_early", races),
    ("wait_that_runs_out_of_time_says_what_is_missing", timeout),
    ("wait_that_is_ended_by_a_signal_has_failed", wait_signal),
    ("wait_for_events_by_kinds_filters_and_jq", events),
    ("exec_runs_a_command_for_each_event_in_order", exec_order),
    ("exec_says_what_fails_and_goes_on", exec_failures),
    ("exec_that_is_ended_by_a_signal_says_what_was_not_run", exec_signal),
    ("a_watch_ends_as_soon_as_its_reader_goes_away", closed),
];

/// Runs linkhook to its end, which must come in time.
fn run(namespace: &Namespace, arguments: &[&str]) -> Output {
    finished(start(namespace, arguments))
}

fn start(namespace: &Namespace, arguments: &[&str]) -> Child {
    let mut command = namespace.command(PROGRAM);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("linkhook")
}

fn finished(mut child: Child) -> Output {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            let output = child.wait_with_output().unwrap();
            panic!("it does not end: {output:?}");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// The only line on stdout.
fn line(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A namespace with a pair of links, `v1` of which is up.
fn pair() -> Namespace {
    let namespace = Namespace::new();
    namespace.run("ip link add v0 type veth peer name v1; ip link set v1 up");
    namespace
}

fn already() -> Result<(), Failed> {
    let namespace = pair();
    namespace.run("ip link set v0 up; ip addr add 10.0.0.1/24 dev v0; ip addr add fd00::1/64 dev v0 nodad");
    namespace.run("ip route add default via 10.0.0.2; ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0");
    namespace.run("ip link property add dev v0 altname alternative0");
    for (words, event) in [
        (&["link-up", "v0"][..], "link"),
        (&["addr", "v0"], "addr"),
        (&["addr4", "alternative0"], "addr"),
        (&["addr6", "v*"], "addr"),
        (&["default-route"], "route"),
        (&["-4", "default-route"], "route"),
        (&["neigh", "10.0.0.2"], "neigh"),
        (&["gone", "nothing0"], "ready"),
    ] {
        let line = line(&run(&namespace, &[&["wait", "-t", "20"], words].concat()));
        assert_eq!(line["event"], event, "{words:?}: {line}");
        assert!(event == "ready" || line["action"] == "present", "{words:?}: {line}");
    }
    let all = line(&run(&namespace, &["wait", "link-up", "v0", "default-route", "addr6", "v0", "-t", "20"]));
    assert_eq!(all["action"], "present");
    let text = run(&namespace, &["wait", "link-up", "v0", "--text"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("v0"), "{text:?}");
    Ok(())
}

fn becomes_true() -> Result<(), Failed> {
    let namespace = pair();
    let waiting = start(&namespace, &["wait", "link-up", "v0", "addr6", "v0", "-t", "20"]);
    namespace.run("ip link set v0 up; ip addr add fd00::1/64 dev v0");
    let line = line(&finished(waiting));
    // With duplicate address detection it comes as a tentative one.
    assert_eq!((&line["event"], &line["addr"]["local"]), (&"addr".into(), &"fd00::1".into()), "{line}");
    assert!(line["addr"].get("tentative").is_none(), "{line}");
    let waiting = start(&namespace, &["wait", "gone", "v0", "-t", "20"]);
    namespace.run("ip link del v0");
    let line = self::line(&finished(waiting));
    assert!(line["event"] == "ready" || line["action"] == "remove", "{line}");
    Ok(())
}

/// The change comes at any moment of its start: before it looks, while it looks, behind it.
fn races() -> Result<(), Failed> {
    const ROUNDS: u32 = 40;
    let namespace = pair();
    for round in 0..ROUNDS {
        let mut waiting = start(&namespace, &["wait", "link-up", "v0", "-t", "20"]);
        std::thread::sleep(Duration::from_micros(u64::from(round) * 733));
        assert!(waiting.try_wait().unwrap().is_none(), "it returned before the link was up");
        namespace.run("ip link set v0 up");
        assert_eq!(line(&finished(waiting))["ifname"], "v0");
        namespace.run("ip link set v0 down");
    }
    Ok(())
}

fn timeout() -> Result<(), Failed> {
    let namespace = pair();
    let began = Instant::now();
    let output = run(&namespace, &["wait", "link-up", "v0", "link-up", "v1", "gone", "v1", "-t", "300ms"]);
    assert_eq!(output.status.code(), Some(124), "{output:?}");
    assert!(began.elapsed() >= Duration::from_millis(300) && output.stdout.is_empty());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("300ms") && told.contains("link-up v0, link-up v1, gone v1"), "{told}");
    let any = run(&namespace, &["wait", "--any", "gone", "v0", "gone", "v7", "-t", "20"]);
    assert_eq!(line(&any)["event"], "ready");
    let event = run(&namespace, &["wait", "addr", "--interface", "v0", "-t", "100ms"]);
    assert_eq!(event.status.code(), Some(124), "{event:?}");
    Ok(())
}

fn wait_signal() -> Result<(), Failed> {
    let namespace = pair();
    // From its first moments on.
    for moment in 0..12 {
        let waiting = start(&namespace, &["wait", "link-up", "v0"]);
        let process = rustix::process::Pid::from_child(&waiting);
        std::thread::sleep(Duration::from_millis(moment * 2));
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        let output = finished(waiting);
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
    Ok(())
}

fn events() -> Result<(), Failed> {
    let namespace = pair();
    assert_eq!(line(&run(&namespace, &["wait", "link", "-i", "v0", "-t", "20"]))["action"], "present");
    let waiting = start(&namespace, &["wait", "addr,route", "--action", "add", "-i", "v1", "-t", "20"]);
    // Until it listens, what is added is present.
    let mut added = Vec::new();
    let mut waiting = waiting;
    for host in 1..250 {
        namespace.run(&format!("ip addr add 10.0.0.{host}/32 dev v1"));
        added.push(format!("10.0.0.{host}"));
        if waiting.try_wait().unwrap().is_some() {
            break;
        }
    }
    let told = line(&finished(waiting));
    assert_eq!(told["action"], "add", "{told}");
    let told = line(&run(&namespace, &["wait", ".link.mtu > 60000", "link", "-t", "20"]));
    assert_eq!(told["ifname"], "lo");
    Ok(())
}

fn exec_order() -> Result<(), Failed> {
    const LINKS: usize = 20;
    let namespace = Namespace::new();
    let folder = tempfile::tempdir()?;
    let told = folder.path().join("told");
    let script = format!(
        r#"read -r line; echo "$LINKHOOK_EVENT $LINKHOOK_ACTION $LINKHOOK_IFNAME [$LINKHOOK_SIGNALS] $LINKHOOK_SEVERITY $LINKHOOK_SEQ [$LINKHOOK_NETNS]" >>{0}; echo "$line" >>{0}.json"#,
        told.display()
    );
    let filter = r#".link.ifname | startswith("b")"#;
    let count = LINKS.to_string();
    let running = start(
        &namespace,
        &["exec", "link", "--action", "add", "--filter", filter, "--count", &count, "--", "sh", "-c", &script],
    );
    // Links that come before it listens are present, and not added.
    let mut made = 0;
    let mut running = running;
    while running.try_wait()?.is_none() && made < 2000 {
        namespace.run(&format!("ip link add b{made} type bridge"));
        made += 1;
    }
    let output = finished(running);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let told = std::fs::read_to_string(&told)?;
    assert_eq!(told.lines().count(), LINKS);
    let numbers: Vec<usize> = told
        .lines()
        .map(|line| {
            let (kind, rest) = line.split_at("link add b".len());
            assert!(kind == "link add b" && line.contains("[] notice ") && line.ends_with(" []"), "{line}");
            assert!(line.rsplit(' ').nth(1).is_some_and(|number| number.parse::<u64>().is_ok()), "{line}");
            rest.split(' ').next().unwrap().parse().unwrap()
        })
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let lines = std::fs::read_to_string(format!("{}/told.json", folder.path().display()))?;
    let names: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["ifname"].clone()).collect();
    assert_eq!(names, numbers.iter().map(|number| Value::from(format!("b{number}"))).collect::<Vec<_>>());
    Ok(())
}

fn exec_failures() -> Result<(), Failed> {
    let namespace = pair();
    let output = run(&namespace, &["exec", "link", "--initial", "--count", "3", "--", "sh", "-c", "exit 7"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.matches("exit status: 7").count() == 3, "{output:?}");
    let output = run(&namespace, &["exec", "link", "--", "no-such-program"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && told.contains("no-such-program"), "{output:?}");
    // What a command does not read keeps nobody waiting, and its stdout is linkhook's.
    let output = run(&namespace, &["exec", "link", "--initial", "--count", "2", "--", "echo", "ran"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ran\nran\n");
    Ok(())
}

fn exec_signal() -> Result<(), Failed> {
    let namespace = pair();
    let folder = tempfile::tempdir()?;
    let begun = folder.path().join("begun");
    // The first command runs until it is let go.
    let script = format!("touch {0}; while [ ! -e {0}.go ]; do sleep 0.01; done; touch {0}.done", begun.display());
    let running = start(&namespace, &["exec", "link", "--initial", "--", "sh", "-c", &script]);
    let deadline = Instant::now() + PATIENCE;
    while !begun.exists() {
        assert!(Instant::now() < deadline, "no command was run");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let process = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    std::fs::write(folder.path().join("begun.go"), "").unwrap();
    let output = finished(running);
    assert!(output.status.success() && folder.path().join("begun.done").exists(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("2 events were not given to"), "{told}");
    Ok(())
}

/// `head` has what it wants: nothing has to change for linkhook to notice.
fn closed() -> Result<(), Failed> {
    let namespace = pair();
    let mut command: Command = namespace.command("sh");
    // Everything is written before it goes, so that no line would meet a closed pipe.
    let script = format!("{PROGRAM} --initial link | (sleep 1; head -n 1)");
    command.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finished(command.spawn()?);
    assert_eq!(line(&output)["action"], "present");
    Ok(())
}
