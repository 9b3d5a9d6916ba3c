//! What outlives linkhook: real links, real requests, a real kill -9, a real full disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::Signal;
use serde_json::Value;

use crate::deliver::{Configuration, body, sequences, webhook};
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::receiver::Receiver;

/// The tests of this room; all need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("what_was_seen_is_delivered_after_kill_9", killed),
    ("what_changed_meanwhile_is_told_as_offline", offline),
    ("a_death_at_any_point_loses_nothing", points),
    ("deaths_at_random_lose_nothing", random),
    ("a_second_process_is_refused", second),
    ("a_damaged_database_is_set_aside", damaged),
    ("a_full_disk_stops_no_lines_and_is_told", full_disk),
    ("a_failed_sync_is_no_success", failed_sync),
    ("one_dead_receiver_delays_no_other", dead_beside_nine),
    ("a_backlog_is_read_from_the_disk_in_order_and_the_database_shrinks", backlog),
    ("a_torn_line_is_ended", torn),
    ("hangup_reads_the_webhooks_anew", hangup),
    ("the_end_does_not_wait_for_a_receiver_that_hangs", hanging),
    ("a_full_spool_is_told_exactly", full_spool),
    ("who_blocks_stops_the_loop_and_loses_nothing", block),
    ("secrets_are_not_in_the_state_directory", secrets),
    ("what_is_refused_is_kept_as_dead_letters", dead_letters),
];

/// A state directory, which goes with its test.
pub struct State(pub tempfile::TempDir);

impl State {
    /// Makes it, without the directory.
    pub fn new() -> State {
        State(tempfile::tempdir().unwrap())
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("state")
    }
}

/// A configuration with that state directory.
pub fn configuration(state: &Path, webhooks: &str) -> Configuration {
    Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"bye\", \"link\"]\nshutdown = \"1s\"\nstate_dir = \"{}\"\n{webhooks}",
        state.display()
    ))
}

/// Starts linkhook, and waits for its greeting.
pub fn run(namespace: &Namespace, configuration: &Configuration) -> Linkhook {
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    linkhook
}

/// Changes a link.
pub fn mtu(namespace: &Namespace, mtu: u32) {
    namespace.run(&format!("ip link set lo mtu {mtu}"));
}

/// A line's number.
pub fn sequence(line: &Value) -> u64 {
    line["seq"].as_u64().unwrap()
}

/// Ends it by force, and gives back its lines.
pub fn die(mut linkhook: Linkhook) -> Vec<Value> {
    linkhook.signal(Signal::KILL);
    linkhook.rest().1
}

fn killed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503:600,204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    let first = receiver.next();
    mtu(&namespace, 30002);
    mtu(&namespace, 30003);
    let last = linkhook.expect("the last change", |line| line["link"]["mtu"] == 30003);
    die(linkhook);
    let mut linkhook = run(&namespace, &configuration);
    let again = receiver.next();
    assert_eq!(again["body"], first["body"]);
    assert_eq!(again["headers"]["webhook-id"], first["headers"]["webhook-id"]);
    let next = receiver.next();
    assert_eq!(sequences(&next).last(), Some(&sequence(&last)));
    assert_eq!(body(&next)["batch"], 2);
    // Numbers go on.
    mtu(&namespace, 30004);
    let line = linkhook.event("link", "change");
    assert!(sequence(&line) > sequence(&last));
    assert_eq!(sequences(&receiver.next()), [sequence(&line)]);
    Ok(())
}

fn offline() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    namespace.run("ip link add v0 type veth peer name v1; ip link add b0 type bridge");
    let (status, told) = run(&namespace, &configuration).stop();
    assert!(status.success());
    let last = sequence(told.last().unwrap());
    namespace.run("ip link set b0 mtu 1400; ip link del v0; ip link add v2 type veth peer name v3");
    let mut linkhook = run(&namespace, &configuration);
    let mut found = BTreeMap::new();
    while found.len() < 5 {
        let line = linkhook.expect("an offline event", |line| line["origin"] == "offline");
        assert!(sequence(&line) > last);
        let name = line["ifname"].as_str().unwrap().to_owned();
        found.insert(name, line["action"].as_str().unwrap().to_owned());
    }
    let expected = [("b0", "change"), ("v0", "remove"), ("v1", "remove"), ("v2", "add"), ("v3", "add")];
    assert_eq!(found, expected.map(|(name, action)| (name.to_owned(), action.to_owned())).into());
    let mut delivered = 0;
    while delivered < 5 {
        delivered += sequences(&receiver.next()).len();
    }
    // Nothing changed: nothing is told.
    linkhook.stop();
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    let line = linkhook.event("link", "change");
    assert_eq!(line["origin"], "kernel");
    assert!(linkhook.seen.iter().all(|line| line["origin"] != "offline"));
    // With --initial what exists is shown all the same, after what changed.
    linkhook.stop();
    namespace.run("ip link set b0 mtu 1401");
    let mut linkhook = namespace.linkhook(&["--config", configuration.path(), "--initial"]);
    linkhook.expect("b0 as it is", |line| line["action"] == "present" && line["ifname"] == "b0");
    let origins: Vec<&str> = linkhook.seen.iter().map(|line| line["origin"].as_str().unwrap()).collect();
    assert_eq!(origins.iter().filter(|origin| **origin == "offline").count(), 1, "{origins:?}");
    Ok(())
}

/// What was printed must have been posted: in order for the first time each, an id always with the same bytes, the
/// numbers of batches without a gap.
pub fn compare(printed: &[Value], requests: &[Value]) {
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    let (mut posted, mut number): (Vec<u64>, u64) = (Vec::new(), 0);
    for request in requests {
        let id = request["headers"]["webhook-id"].as_str().unwrap();
        let known = bodies.entry(id.to_owned()).or_insert_with(|| request["body"].clone());
        assert_eq!(*known, request["body"], "{id} has other bytes");
        let batch = body(request)["batch"].as_u64().unwrap();
        assert!(batch == number || batch == number + 1, "batch {batch} after {number}");
        number = batch;
        for sequence in sequences(request) {
            if posted.last().is_none_or(|last| *last < sequence) {
                posted.push(sequence);
            }
        }
    }
    let mut all: Vec<u64> = requests.iter().flat_map(sequences).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(posted, all, "they come in order");
    for line in printed.iter().filter(|line| line["event"] == "link") {
        assert!(all.binary_search(&sequence(line)).is_ok(), "{line} was seen and not posted");
    }
}

/// Requests until one has an event with that mtu.
pub fn until(receiver: &mut Receiver, requests: &mut Vec<Value>, mtu: u32) {
    loop {
        let request = receiver.next();
        let body = body(&request);
        requests.push(request);
        let last = requests.last().unwrap();
        if last["answer"] == "204" && body["events"].as_array().unwrap().iter().any(|event| event["link"]["mtu"] == mtu)
        {
            return;
        }
    }
}

fn points() -> Result<(), Failed> {
    for point in [
        "before commit:4",
        "after commit:4",
        "before commit:5",
        "after commit:5",
        "before commit:6",
        "after commit:6",
        "before send:2",
        "after send:2",
        "before chunk:2",
        "after chunk:3",
        // At the start all of a kind is written, and a second later what has changed since.
        "between objects and changes:2",
    ] {
        let (namespace, state) = (Namespace::new(), State::new());
        let mut receiver = Receiver::inside(&namespace, "cycle,500,204");
        let configuration = configuration(&state.path(), &webhook("noc", receiver.port, "batch.wait = \"20ms\""));
        let mut command = namespace.command(PROGRAM);
        command.args(["--config", configuration.path()]).env("LINKHOOK_FAULT", point);
        let mut linkhook = Linkhook::start(command);
        let mut printed = Vec::new();
        let began = Instant::now();
        for mtu in 30001.. {
            namespace.run(&format!("ip link set lo mtu {mtu}"));
            linkhook.try_lines(Duration::from_millis(30));
            if linkhook.has_ended() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{point} is never passed");
        }
        printed.extend(linkhook.rest().1);
        let mut linkhook = run(&namespace, &configuration);
        mtu(&namespace, 40000);
        let mut requests = Vec::new();
        until(&mut receiver, &mut requests, 40000);
        linkhook.until_seen("the last change", |line| line["link"]["mtu"] == 40000);
        printed.extend(linkhook.stop().1);
        compare(&printed, &requests);
        let numbers: Vec<u64> = printed.iter().map(sequence).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{point}: {numbers:?}");
    }
    Ok(())
}

/// So often, or as often as `LINKHOOK_KILLS` says.
const KILLS: u32 = 6;

fn random() -> Result<(), Failed> {
    let kills = std::env::var("LINKHOOK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "cycle,500,204,204,503");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, "batch.wait = \"10ms\""));
    let load = "while :; do for n in 1 2 3 4 5 6 7 8 9; do ip link set lo mtu 3000$n; done; done";
    let mut load = namespace.command("sh").args(["-c", load]).spawn()?;
    let (mut printed, mut seed) = (Vec::new(), 1_u32);
    for _ in 0..kills {
        let mut linkhook = run(&namespace, &configuration);
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        linkhook.wait(Duration::from_millis(u64::from(seed >> 16) % 300));
        printed.extend(die(linkhook));
    }
    load.kill()?;
    load.wait()?;
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 40000);
    let mut requests = Vec::new();
    until(&mut receiver, &mut requests, 40000);
    linkhook.until_seen("the last change", |line| line["link"]["mtu"] == 40000);
    printed.extend(linkhook.stop().1);
    compare(&printed, &requests);
    if std::env::var_os("LINKHOOK_KILLS").is_some() {
        eprintln!("{kills} kills: {} lines, {} requests", printed.len(), requests.len());
    }
    Ok(())
}

fn second() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let configuration = configuration(&state.path(), "");
    let _first = run(&namespace, &configuration);
    let output = namespace.command(PROGRAM).args(["--config", configuration.path()]).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.contains("another linkhook uses the state directory")), (Some(1), true));
    Ok(())
}

fn damaged() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    run(&namespace, &configuration).stop();
    let database = state.path().join("linkhook.db");
    let whole = std::fs::read(&database)?;
    for (what, octets) in [("no database", b"not a database at all, but text".to_vec()), ("holes", holes(&whole))] {
        std::fs::write(&database, octets)?;
        let mut linkhook = run(&namespace, &configuration);
        mtu(&namespace, 30001);
        assert_eq!(sequences(&receiver.next()), [sequence(&linkhook.event("link", "change"))], "{what}");
        mtu(&namespace, 30002);
        receiver.next();
        linkhook.stop();
    }
    let aside = std::fs::read_dir(state.path())?
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("linkhook.db.set-aside-"));
    assert_eq!(aside.count(), 2);
    Ok(())
}

/// The database with its pages beyond the first overwritten.
fn holes(whole: &[u8]) -> Vec<u8> {
    let mut octets = whole.to_vec();
    octets.iter_mut().skip(4096).for_each(|octet| *octet = 0xa5);
    octets
}

fn full_disk() -> Result<(), Failed> {
    let namespace = Namespace::with_names();
    namespace.run("mkdir /run/state; mount -t tmpfs -o size=16m,mode=700 none /run/state");
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(Path::new("/run/state"), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    receiver.next();
    linkhook.event("link", "change");
    namespace.run("head -c 100M /dev/zero > /run/state/fill 2> /dev/null || true");
    let (mut printed, mut lost) = (0, 0);
    for number in 1..9 {
        mtu(&namespace, 31000 + number);
        linkhook.expect("a line on a full disk", |line| line["link"]["mtu"] == 31000 + number);
        printed += 1;
    }
    lost += linkhook.event("output", "dropped")["output"]["events"].as_u64().unwrap();
    namespace.run("rm /run/state/fill");
    let mut posted = 0;
    let last = 'found: loop {
        namespace.run("ip link set lo mtu 32000; ip link set lo mtu 32001");
        printed += 2;
        linkhook.wait(Duration::from_millis(300));
        for line in linkhook.seen.iter().filter(|line| line["event"] == "output") {
            assert_eq!(line["output"]["reason"], "the state directory could not be written");
        }
        while let Some(request) = receiver.try_next() {
            posted += sequences(&request).len() as u64;
            if let Some(last) = sequences(&request).last() {
                break 'found *last;
            }
        }
    };
    // What follows is delivered whole; what is missing was told exactly.
    mtu(&namespace, 40000);
    printed += 1;
    let line = linkhook.expect("the last change", |line| line["link"]["mtu"] == 40000);
    let mut newest = last;
    while newest < sequence(&line) {
        let request = receiver.next();
        posted += sequences(&request).len() as u64;
        newest = *sequences(&request).last().unwrap();
    }
    let (_, rest) = linkhook.stop();
    lost = rest
        .iter()
        .filter(|line| line["event"] == "output")
        .map(|line| line["output"]["events"].as_u64().unwrap())
        .sum::<u64>()
        .max(lost);
    assert_eq!(posted + lost, printed, "{posted} posted, {lost} told as lost");
    Ok(())
}

/// The disk refuses to make some commits lasting: what is told as lost and what is posted is all that was printed.
fn failed_sync() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut command = namespace.command("strace");
    // The program stays the child, so that it gets the signals. Calls are counted for each thread: the first one opens the
    // database with some twelve, the one that writes reaches the sixteenth while links change.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]);
    command.args(["-e", "inject=fdatasync,fsync:error=EIO:when=16..24", PROGRAM, "--config", configuration.path()]);
    let mut linkhook = Linkhook::start(command);
    linkhook.event("hello", "started");
    let mut last = 0;
    linkhook.until(
        "some are lost",
        |round| {
            last = 30000 + round;
            mtu(&namespace, last);
        },
        |line| line["event"] == "output" && line["output"]["reason"] == "the state directory could not be written",
    );
    // Whatever is lost while it fails is told; what comes once it works is delivered.
    let mut requests = Vec::new();
    linkhook.until(
        "something is posted again",
        |round| mtu(&namespace, 40000 + round),
        |_| {
            requests.extend(std::iter::from_fn(|| receiver.try_next()));
            requests.iter().any(|request| {
                body(request)["events"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|event| event["link"]["mtu"].as_u64() >= Some(40000))
            })
        },
    );
    mtu(&namespace, 50000);
    until(&mut receiver, &mut requests, 50000);
    let (status, seen) = linkhook.stop();
    assert!(status.success());
    let printed = seen.iter().filter(|line| line["event"] == "link" && line["action"] == "change").count() as u64;
    let lost: u64 = seen
        .iter()
        .filter(|line| line["action"] == "dropped")
        .map(|line| line["output"]["events"].as_u64().unwrap())
        .sum();
    let mut posted: Vec<u64> = requests.iter().flat_map(sequences).collect();
    posted.sort_unstable();
    posted.dedup();
    assert_eq!(posted.len() as u64 + lost, printed, "{} posted, {lost} lost", posted.len());
    Ok(())
}

fn dead_beside_nine() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receivers: Vec<Receiver> = (0..9).map(|_| Receiver::inside(&namespace, "204")).collect();
    let _slow = Receiver::inside(&namespace, "slow");
    let hooks = receivers.iter().enumerate().map(|(place, receiver)| webhook(&format!("w{place}"), receiver.port, ""));
    let hooks: String = hooks.chain([webhook("dead", _slow.port, "timeout = \"10m\"")]).collect();
    let mut linkhook = run(&namespace, &configuration(&state.path(), &hooks));
    for round in 1..4 {
        mtu(&namespace, 30000 + round);
        let line = linkhook.event("link", "change");
        for receiver in &mut receivers {
            assert_eq!(sequences(&receiver.next()), [sequence(&line)]);
        }
    }
    Ok(())
}

fn backlog() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503:2,204");
    let lines = "format = \"json\"\nbatch = { events = 100 }";
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, lines));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30000);
    receiver.next();
    // More than the window in memory holds: 4 MiB, at some 1.7 KB for a link.
    let script = "ip -b - <<END\n$(for n in $(seq 1 4000); do echo link set lo mtu $((30000 + n)); done)\nEND";
    namespace.run(script);
    linkhook.expect("the last change", |line| line["link"]["mtu"] == 34000);
    let mut requests = Vec::new();
    until(&mut receiver, &mut requests, 34000);
    let most = std::fs::metadata(state.path().join("linkhook.db"))?.len();
    let began = Instant::now();
    let size = || std::fs::metadata(state.path().join("linkhook.db")).map_or(0, |metadata| metadata.len());
    while size() > 2 << 20 {
        assert!(began.elapsed() < PATIENCE, "it was {most} bytes, and is {}", size());
        linkhook.wait(Duration::from_millis(20));
    }
    let (_, seen) = linkhook.stop();
    compare(&seen, &requests);
    Ok(())
}

fn torn() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let path = state.0.path().join("events.jsonl");
    std::fs::write(&path, "{\"v\":1}\n{\"v\":1,\"ts\":\"2026-")?;
    let output = namespace.command(PROGRAM).args(["--timeout", "100ms", "-o", path.to_str().unwrap()]).output()?;
    assert!(output.status.success());
    let text = std::fs::read_to_string(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["{\"v\":1}", "{\"v\":1,\"ts\":\"2026-"]);
    assert!(lines.len() >= 4 && lines[2..].iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    Ok(())
}

fn hangup() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut first = Receiver::inside(&namespace, "503:600");
    let mut second = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", first.port, ""));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    let waiting = first.next();
    // The webhook moves, and another is new.
    let text = std::fs::read_to_string(configuration.path())?;
    let other = webhook("other", second.port, "");
    let moved = text.replace(&first.port.to_string(), &second.port.to_string());
    std::fs::write(configuration.path(), format!("{moved}{other}"))?;
    linkhook.signal(Signal::HUP);
    let moved = second.next();
    assert_eq!(moved["body"], waiting["body"]);
    let mut names = Vec::new();
    linkhook.until(
        "both get it",
        |round| mtu(&namespace, 31000 + round % 2),
        |_| {
            names.extend(std::iter::from_fn(|| second.try_next()).map(|request| body(&request)["webhook"].clone()));
            names.iter().any(|name| name == "noc") && names.iter().any(|name| name == "other")
        },
    );
    // A wrong one changes nothing, and neither does one that is being written.
    for wrong in ["[watch]\nkind = 7\n", "\n"] {
        std::fs::write(configuration.path(), wrong)?;
        linkhook.signal(Signal::HUP);
        let before = names.len();
        linkhook.until(
            "both get it still",
            |round| mtu(&namespace, 32000 + round % 2),
            |_| {
                names.extend(std::iter::from_fn(|| second.try_next()).map(|request| body(&request)["webhook"].clone()));
                names.len() > before + 4
            },
        );
    }
    // What waits for one that is removed goes to the dead letters, and is told.
    std::fs::write(configuration.path(), format!("{text}{other}"))?;
    linkhook.signal(Signal::HUP);
    linkhook.until(
        "the first has it again",
        |round| mtu(&namespace, 31000 + round % 2),
        |_| first.try_next().is_some(),
    );
    std::fs::write(configuration.path(), text.split("[[webhook]]").next().unwrap())?;
    linkhook.signal(Signal::HUP);
    let told = linkhook.expect("what is lost", |line| line["output"]["webhook"] == "noc");
    assert_eq!(told["output"]["reason"], "the webhook was removed from the configuration");
    let (status, _) = linkhook.stop();
    assert!(status.success());
    Ok(())
}

fn hanging() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "slow,204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    let first = receiver.next();
    let began = Instant::now();
    let (status, _) = linkhook.stop();
    assert!(status.success() && began.elapsed() < Duration::from_secs(8), "{status}, {:?}", began.elapsed());
    let _linkhook = run(&namespace, &configuration);
    let again = receiver.next();
    assert_eq!((&again["body"], &again["answer"]), (&first["body"], &"204".into()));
    Ok(())
}

fn full_spool() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503:2,204");
    let lines = "spool = { size = \"16KiB\" }";
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, lines));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30000);
    receiver.next();
    namespace.run("for n in $(seq 1 60); do ip link set lo mtu $((30000 + n)); done");
    linkhook.expect("the last change", |line| line["link"]["mtu"] == 30060);
    let mut posted = Vec::new();
    while posted.last()
        != linkhook.seen.iter().filter(|line| line["event"] == "link").map(sequence).next_back().as_ref()
    {
        let request = receiver.next();
        if request["answer"] == "204" {
            posted.extend(sequences(&request));
        }
    }
    let (_, seen) = linkhook.stop();
    let dropped = seen.iter().filter(|line| line["action"] == "dropped");
    let lost: u64 = dropped.map(|line| line["output"]["events"].as_u64().unwrap()).sum();
    let told = seen.iter().filter(|line| line["event"] == "link").count() as u64;
    assert!(lost > 0);
    assert_eq!(posted.len() as u64 + lost, told);
    Ok(())
}

fn block() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503:2,204");
    let lines = "spool = { size = \"8KiB\", when_full = \"block\" }";
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, lines));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30000);
    receiver.next();
    namespace.run("for n in $(seq 1 60); do ip link set lo mtu $((30000 + n)); done");
    let mut requests = Vec::new();
    until(&mut receiver, &mut requests, 30060);
    linkhook.until_seen("the last change", |line| line["link"]["mtu"] == 30060);
    let (_, seen) = linkhook.stop();
    assert!(seen.iter().all(|line| line["action"] != "dropped"));
    compare(&seen, &requests);
    Ok(())
}

fn secrets() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503:600");
    let lines = "headers = { Authorization = \"hush hush\" }";
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, lines));
    let linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30000);
    receiver.next();
    die(linkhook);
    for entry in std::fs::read_dir(state.path())? {
        let entry = entry?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata()?.permissions());
        assert_eq!(mode & 0o077, 0, "{:?} may be read by others", entry.file_name());
        if entry.metadata()?.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned();
            assert!(!text.contains("hush") && !text.contains("whsec"), "{:?}", entry.file_name());
        }
    }
    Ok(())
}

fn dead_letters() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "404,204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    let line = linkhook.event("link", "change");
    let refused = receiver.next();
    let told = linkhook.event("output", "dropped");
    assert_eq!(told["output"]["reason"], "refused (status 404: ok)");
    let text = std::fs::read_to_string(state.path().join("dead/noc.jsonl"))?;
    let letter: Value = serde_json::from_str(text.trim())?;
    assert_eq!((&letter["webhook"], &letter["status"]), (&"noc".into(), &404.into()));
    assert_eq!(letter["events"], Value::Array(vec![line]));
    assert_eq!(letter["batch_id"], refused["headers"]["webhook-id"]);
    mtu(&namespace, 30002);
    assert_eq!(body(&receiver.next())["batch"], 2);
    Ok(())
}
