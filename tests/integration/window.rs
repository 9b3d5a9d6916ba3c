//! `/events` and `/state`: real readers, that are killed, slow, many, and come back.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::deliver::Configuration;
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::store::{State, die, mtu, run, sequence};

/// The tests of this room; all need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("a_reader_that_is_killed_again_and_again_gets_every_event_once", killed),
    ("a_reader_goes_on_whatever_ends_linkhook", restarted),
    ("a_slow_reader_is_told_what_it_missed_and_delays_nobody", slow),
    ("many_readers_get_every_line", many),
    ("readers_that_go_away_make_room_for_others", gone),
    ("few_readers_at_once_hold_a_state", states),
    ("server_sent_events_go_on_after_the_last_id", sent_events),
    ("what_begins_by_a_signal_tells_of_what_was_before", signalled),
    ("a_reader_hears_that_it_is_still_served", alive),
    ("readers_choose_as_the_command_line_does", chosen),
    ("the_state_is_what_list_shows_now_and_then", state),
    ("whoever_looks_back_leaves_the_databases_locks", locks),
    ("what_is_forgotten_between_two_runs_is_told", forgotten),
    ("what_cannot_be_answered_is_said", refused),
];

/// A watch with a socket in its directory.
struct Window {
    namespace: Namespace,
    state: State,
    configuration: Configuration,
    running: Option<Linkhook>,
}

impl Window {
    /// Of all kinds of rtnetlink, that keeps a history or none.
    fn new(keeps: bool) -> Window {
        let (namespace, state) = (Namespace::new(), State::new());
        let kept =
            if keeps { format!("state_dir = \"{}\"\n[history]\n", state.path().display()) } else { String::new() };
        let path = state.0.path().join("http");
        let configuration = Configuration::new(&format!(
            "[http]\nlisten = \"unix:{}\"\n[watch]\nkinds = [\"hello\", \"bye\", \"link\", \"addr\", \"route\"]\n{kept}",
            path.display()
        ));
        let running = Some(run(&namespace, &configuration));
        Window { namespace, state, configuration, running }
    }

    /// One with a history of links, addresses and routes.
    fn filled() -> Window {
        let mut window = Window::new(true);
        window.namespace.run(
            "ip link add v0 type veth peer name v1; ip addr add 192.0.2.1/24 dev v0; ip link set v0 up; ip link set v1 up",
        );
        window.linkhook().until_seen("the route", |line| line["route"]["dst"] == "192.0.2.0/24");
        mtu(&window.namespace, 30_000);
        window.settle();
        window
    }

    /// Waits until nothing more comes of what was done.
    fn settle(&mut self) {
        while !self.linkhook().try_lines(Duration::from_millis(1500)).is_empty() {}
    }

    fn linkhook(&mut self) -> &mut Linkhook {
        self.running.as_mut().expect("it runs")
    }

    fn path(&self) -> PathBuf {
        self.state.0.path().join("http")
    }

    fn reader(&self, target: &str) -> Reader {
        Reader::new(&self.path(), target, "")
    }

    /// The lines of an answer that ends by itself.
    fn lines(&self, target: &str) -> Vec<Value> {
        let mut reader = self.reader(target);
        assert_eq!(reader.status, 200, "{}", reader.head);
        std::iter::from_fn(|| reader.next()).collect()
    }

    /// The status and the words of what is refused.
    fn refusal(&self, target: &str) -> (u16, String) {
        let mut reader = self.reader(target);
        let mut told = String::new();
        reader.body.read_to_string(&mut told).unwrap();
        (reader.status, told)
    }
}

/// Adds or removes routes, so many.
fn routes(namespace: &Namespace, action: &str, from: usize, count: usize) {
    let route = |number: &usize| format!("route {action} 10.{}.{}.0/24 dev lo\n", number / 250, number % 250);
    // As many as the arguments of a command may be.
    for part in (from..from + count).collect::<Vec<_>>().chunks(2_000) {
        namespace.batch(&part.iter().map(route).collect::<String>());
    }
}

/// A client of it.
struct Reader {
    status: u16,
    head: String,
    body: BufReader<UnixStream>,
    began: Instant,
}

impl Reader {
    fn new(path: &Path, target: &str, header: &str) -> Reader {
        let began = Instant::now();
        let mut stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::park_timeout(Duration::from_millis(5));
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Its body ends with the connection, and is in no chunks.
        stream.write_all(format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n{header}\r\n").as_bytes()).unwrap();
        let mut body = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(body.read_line(&mut head).unwrap() > 0, "no answer: {head:?}");
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Reader { status, head: head.to_ascii_lowercase(), body, began }
    }

    fn text(&mut self) -> Option<String> {
        // Something may come again and again, and never what is waited for.
        assert!(self.began.elapsed() < 2 * PATIENCE, "too long");
        let mut line = String::new();
        (self.body.read_line(&mut line).unwrap() > 0).then_some(line)
    }

    fn next(&mut self) -> Option<Value> {
        self.text().map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
    }

    /// Every line up to one.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut read = Vec::new();
        loop {
            let line = self.next().expect("it ends before that line");
            let is_last = wanted(&line);
            read.push(line);
            if is_last {
                return read;
            }
        }
    }
}

fn killed() -> Result<(), Failed> {
    let mut window = Window::new(true);
    let mut read = Vec::new();
    let total = 10_000;
    std::thread::scope(|scope| {
        let (namespace, path) = (&window.namespace, window.path());
        scope.spawn(|| (0..20).for_each(|part| routes(namespace, "add", part * total / 20, total / 20)));
        let reader = |after: u64| Reader::new(&path, &format!("/events?after={after}"), "");
        let (mut number, mut reader_now) = (0_usize, reader(0));
        // A hundred readers; each has less than the last one, so that all are needed.
        loop {
            let line = reader_now.next().expect("it ends before the last line");
            let is_last = line["route"]["dst"] == "10.39.249.0/24";
            let after = sequence(&line);
            read.push(line);
            if is_last {
                break;
            }
            if read.len() >= (number + 1) * total / 101 && number < 100 {
                number += 1;
                reader_now = reader(after);
            }
        }
        assert_eq!(number, 100, "too few lines");
    });
    window.linkhook().until_seen("the last route", |line| line["route"]["dst"] == "10.39.249.0/24");
    let mut told = window.linkhook().seen.clone();
    told.truncate(read.len());
    assert_eq!(read.len(), told.len());
    assert!(read == told, "the readers have not what was printed");
    Ok(())
}

fn restarted() -> Result<(), Failed> {
    let mut window = Window::new(true);
    let mut read = Vec::new();
    let mut told = Vec::new();
    for round in 0..4 {
        let after = read.last().map_or(0, sequence);
        let mut reader = window.reader(&format!("/events?after={after}"));
        mtu(&window.namespace, 30_000 + round);
        read.extend(reader.until(|line| line["link"]["mtu"] == 30_000 + round));
        // Of this nobody hears before the next run.
        mtu(&window.namespace, 40_000 + round);
        window.linkhook().expect("the change", |line| line["link"]["mtu"] == 40_000 + round);
        let ended = window.running.take().expect("it runs");
        told.extend(if round % 2 == 0 { die(ended) } else { ended.stop().1 });
        window.running = Some(run(&window.namespace, &window.configuration));
    }
    let last = told.last().map_or(0, sequence);
    let after = read.last().map_or(0, sequence);
    read.extend(window.lines(&format!("/events?after={after}&follow=false")));
    read.retain(|line| sequence(line) <= last);
    let (read, told): (Vec<u64>, Vec<u64>) = (read.iter().map(sequence).collect(), told.iter().map(sequence).collect());
    assert_eq!(read, told);
    Ok(())
}

fn slow() -> Result<(), Failed> {
    let mut window = Window::new(false);
    let (slow, since) = (window.reader("/events"), window.reader("/events?since=1h"));
    let mut quick = window.reader("/events");
    assert_eq!((slow.status, since.status, quick.status), (200, 200, 200));
    let (first, rest) = (10_000, 70_000);
    let quick = std::thread::spawn(move || {
        let mut sequences = Vec::new();
        loop {
            let line = quick.next().expect("it ends");
            sequences.push(sequence(&line));
            if line["event"] == "link" {
                return sequences;
            }
        }
    });
    // More than what is remembered, than what waits for it, and than what its socket holds: 20 MB.
    routes(&window.namespace, "add", 0, first);
    for _ in 0..rest / first / 2 {
        routes(&window.namespace, "del", 0, first);
        routes(&window.namespace, "add", 0, first);
    }
    mtu(&window.namespace, 30_000);
    window.linkhook().expect("the last change", |line| line["link"]["mtu"] == 30_000);
    let quick = quick.join().unwrap();
    assert!(quick.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the quick one has missed some");
    // Where it said from when on, it hears of it no less.
    for mut slow in [slow, since] {
        let read = slow.until(|line| line["event"] == "link");
        let (missed, read): (Vec<&Value>, Vec<&Value>) = read.iter().partition(|line| line["event"] == "output");
        assert!(!missed.is_empty(), "nothing was missed of {} lines", read.len());
        // Each stands where its lines are missing, with the number of the last of them.
        let mut known: BTreeSet<u64> = read.iter().map(|line| sequence(line)).collect();
        for line in missed {
            let (last, lines) = (sequence(line), line["output"]["lines"].as_u64().unwrap());
            assert!(line["output"]["reason"].as_str().unwrap().contains("not remembered"), "{line}");
            (last + 1 - lines..=last).for_each(|sequence| assert!(known.insert(sequence), "{sequence} was told"));
        }
        known.retain(|sequence| *sequence >= quick[0]);
        assert!(known.iter().eq(&quick), "{} lines of {}", known.len(), quick.len());
    }
    Ok(())
}

fn many() -> Result<(), Failed> {
    let mut window = Window::new(false);
    let readers: Vec<Reader> = (0..50).map(|_| window.reader("/events?kind=route,link")).collect();
    let reading = readers.into_iter().map(|mut reader| {
        std::thread::spawn(move || {
            reader.until(|line| line["event"] == "link").iter().map(sequence).collect::<Vec<_>>()
        })
    });
    let reading: Vec<_> = reading.collect();
    routes(&window.namespace, "add", 0, 2_000);
    mtu(&window.namespace, 30_000);
    window.linkhook().expect("the last change", |line| line["link"]["mtu"] == 30_000);
    let told: Vec<u64> = window.linkhook().seen.iter().filter(|line| line["event"] != "hello").map(sequence).collect();
    for reader in reading {
        assert_eq!(reader.join().unwrap(), told);
    }
    // Who asks for less is served beside them.
    assert_eq!(window.reader("/healthz").status, 200);
    Ok(())
}

fn gone() -> Result<(), Failed> {
    let window = Window::new(false);
    // More than are served at once, and nothing happens by which they would be found gone.
    for number in 0..150 {
        let began = Instant::now();
        let mut reader = window.reader("/events");
        while reader.status == 503 {
            assert!(began.elapsed() < PATIENCE, "reader {number} finds no room");
            reader = window.reader("/events");
        }
        assert_eq!(reader.status, 200);
    }
    let readers: Vec<Reader> = (0..70).map(|_| window.reader("/events")).collect();
    let served = readers.iter().filter(|reader| reader.status == 200).count();
    assert!((60..=64).contains(&served), "{served} of 70 are served");
    Ok(())
}

fn states() -> Result<(), Failed> {
    let mut window = Window::new(true);
    // More than a reader is sent that takes nothing.
    routes(&window.namespace, "add", 0, 5_000);
    window.linkhook().until_seen("the last route", |line| line["route"]["dst"] == "10.19.249.0/24");
    let time = window.linkhook().seen.last().unwrap()["ts"].as_str().unwrap().to_owned();
    let targets = ["/state?kind=route".to_owned(), format!("/state?kind=route&at={time}")];
    let readers: Vec<Reader> = (0..4).map(|number| window.reader(&targets[number % 2])).collect();
    assert!(readers.iter().all(|reader| reader.status == 200));
    let (status, words) = window.refusal(&targets[0]);
    assert!(status == 503 && words.contains("4 readers"), "{status} {words}");
    drop(readers);
    let began = Instant::now();
    while window.reader(&targets[1]).status == 503 {
        assert!(began.elapsed() < PATIENCE, "those that are gone hold their places");
    }
    Ok(())
}

fn sent_events() -> Result<(), Failed> {
    let window = Window::new(false);
    let accept = "Accept: text/event-stream\r\n";
    let mut reader = Reader::new(&window.path(), "/events", accept);
    assert!(reader.head.contains("content-type: text/event-stream"), "{}", reader.head);
    mtu(&window.namespace, 30_000);
    let mut event = || -> (u64, Value) {
        let mut id = 0;
        loop {
            let line = reader.text().expect("it ends");
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.trim().parse().unwrap();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(data).unwrap());
            }
        }
    };
    let (id, line) = event();
    assert_eq!((id, &line["link"]["mtu"]), (sequence(&line), &30_000.into()));
    drop(reader);
    for mtu_then in [30_001, 30_002] {
        mtu(&window.namespace, mtu_then);
    }
    // It says it beside the address that it had at first.
    let last = format!("{accept}Last-Event-ID: {id}\r\n");
    let mut reader = Reader::new(&window.path(), "/events?n=1", &last);
    let told: Vec<String> =
        std::iter::from_fn(|| reader.text()).filter(|line| line.starts_with("data: ")).take(2).collect();
    assert!(told[0].contains("\"mtu\":30001") && told[1].contains("\"mtu\":30002"), "{told:?}");
    // What has an end is not asked for once more by a browser that has had all of it.
    let mut reader = Reader::new(&window.path(), "/events?follow=false&n=1", accept);
    let told: Vec<String> = std::iter::from_fn(|| reader.text()).collect();
    let last = told.iter().rfind(|line| line.starts_with("id: ")).expect("an id");
    assert!(last.ends_with("/whole\n") && told.concat().contains("\"mtu\":30002"), "{told:?}");
    let header = format!("{accept}Last-Event-ID: {}\r\n", last["id: ".len()..].trim());
    let reader = Reader::new(&window.path(), "/events?follow=false&n=1", &header);
    assert_eq!(reader.status, 204, "{}", reader.head);
    Ok(())
}

/// `[http]` is added to the configuration of a linkhook that runs.
fn signalled() -> Result<(), Failed> {
    for keeps in [true, false] {
        let (namespace, state) = (Namespace::new(), State::new());
        let kept =
            if keeps { format!("state_dir = \"{}\"\n[history]\n", state.path().display()) } else { String::new() };
        // The sandbox lets it make nothing where it made nothing before.
        let rest = format!("[security]\nsandbox = false\n[watch]\nkinds = [\"hello\", \"link\"]\n{kept}");
        let configuration = Configuration::new(&rest);
        let mut running = run(&namespace, &configuration);
        mtu(&namespace, 30_000);
        running.until_seen("the first change", |line| line["link"]["mtu"] == 30_000);
        let path = state.0.path().join("http");
        std::fs::write(configuration.path(), format!("[http]\nlisten = \"unix:{}\"\n{rest}", path.display()))?;
        running.signal(rustix::process::Signal::HUP);
        let mut reader = Reader::new(&path, "/events?after=0&kind=link,output", "");
        let first = reader.next().expect("a line");
        if keeps {
            assert_eq!(first["link"]["mtu"], 30_000);
        } else {
            assert_eq!(first["output"]["reason"], "they are not remembered any more", "{first}");
        }
        mtu(&namespace, 30_001);
        reader.until(|line| line["link"]["mtu"] == 30_001);
        running.until_seen("the second change", |line| line["link"]["mtu"] == 30_001);
        let mut told = String::new();
        Reader::new(&path, "/status", "").body.read_to_string(&mut told)?;
        let status: Value = serde_json::from_str(&told)?;
        let minutes = status["minutes"].as_array().unwrap();
        let all = minutes.iter().flat_map(|minute| minute.as_object().unwrap().values().filter_map(Value::as_u64));
        let (all, told) = (all.sum::<u64>(), running.seen.len() as u64);
        // What was before is counted where it is kept, in a thread of its own; what comes is counted at once.
        assert!(all >= 1 && all <= told + 1, "{all} of {told}: {status}");
    }
    Ok(())
}

/// A reader that is told nothing knows that it is still served, and one that is told something gets whole lines in between.
fn alive() -> Result<(), Failed> {
    let window = Window::new(false);
    let mut reader = window.reader("/events?heartbeat=1s&kind=link");
    for mtu_then in 30_000..30_003 {
        assert_eq!(reader.text().as_deref(), Some("\n"));
        mtu(&window.namespace, mtu_then);
        let line = loop {
            match reader.text().expect("it ends") {
                line if line == "\n" => {}
                line => break serde_json::from_str::<Value>(&line)?,
            }
        };
        assert_eq!(line["link"]["mtu"], mtu_then);
    }
    // Lines that it does not want are no sign of life.
    let mut reader = window.reader("/events?heartbeat=1s&kind=addr");
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let namespace = &window.namespace;
        scope.spawn(move || {
            let pause = Duration::from_millis(50);
            for number in (0..2).cycle() {
                mtu(namespace, 31_000 + number);
                if is_done.recv_timeout(pause) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    break;
                }
            }
        });
        for _ in 0..2 {
            assert_eq!(reader.text().as_deref(), Some("\n"));
        }
        drop(done);
    });
    Ok(())
}

fn chosen() -> Result<(), Failed> {
    let window = Window::filled();
    for (query, arguments) in [
        ("", &[][..]),
        ("kind=route,link", &["route,link"]),
        ("kind=route&kind=link", &["route", "link"]),
        ("interface=v%2A&action=add", &["-i", "v*", "--action", "add"]),
        ("severity=notice", &["--severity", "notice"]),
        ("table=local&family=inet", &["--table", "local", "-4"]),
        ("filter=.link.mtu+%3D%3D+30000", &["--filter", ".link.mtu == 30000"]),
        ("filter=.link.mtu%3F+%2F%2F+0+%7C+.+%3E+2000", &["--filter", ".link.mtu? // 0 | . > 2000"]),
        ("n=3", &["-n", "3"]),
        ("n=2&kind=link", &["-n", "2", "link"]),
        ("since=1h&kind=addr", &["--since", "1h", "addr"]),
        ("until=1h", &["--until", "1h"]),
    ] {
        // The kernel may tell something more by itself in the midst of it: then it is asked once more.
        let newest = || window.lines("/events?follow=false&n=1").last().map(sequence);
        let [told, kept, decoded] = loop {
            let before = newest();
            let asked = told_in_three_ways(&window, query, arguments)?;
            if newest() == before {
                break asked;
            }
        };
        assert!(told == decoded, "{query}: {} lines and {} of a file", told.len(), decoded.len());
        assert!(told == kept, "{query}: {} lines and {}", told.len(), kept.len());
        assert!(!told.is_empty() || query.starts_with("until"), "{query}");
    }
    Ok(())
}

/// What a query chooses, what `linkhook history` shows by these arguments, and what `linkhook decode` shows by them of a file with all lines,
/// which knows of no shorter way.
fn told_in_three_ways(window: &Window, query: &str, arguments: &[&str]) -> Result<[Vec<Value>; 3], Failed> {
    let lines_of = |command: &mut std::process::Command| -> Result<Vec<Value>, Failed> {
        let output = command.args(arguments).output()?;
        assert!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let says_where = ["n=", "since=", "until="].iter().any(|key| query.starts_with(key));
    let begins = if says_where { "" } else { "after=0" };
    let told = window.lines(&format!("/events?follow=false&{begins}&{query}").replace("&&", "&").replace("?&", "?"));
    let kept = lines_of(window.namespace.command(PROGRAM).args(["history", "--state-dir"]).arg(window.state.path()))?;
    if says_where {
        let decoded = told.clone();
        return Ok([told, kept, decoded]);
    }
    let all: String = window.lines("/events?follow=false&after=0").iter().map(|line| format!("{line}\n")).collect();
    let file = window.state.0.path().join("all");
    std::fs::write(&file, all)?;
    let decoded = lines_of(window.namespace.command(PROGRAM).arg("decode").arg(&file))?;
    Ok([told, kept, decoded])
}

/// The objects of lines, without what differs between two askings.
fn objects(lines: impl IntoIterator<Item = Value>) -> BTreeSet<String> {
    let stripped = lines.into_iter().map(|mut line| {
        ["ts", "seq", "origin"].iter().for_each(|key| drop(line.as_object_mut().unwrap().remove(*key)));
        // What no notification tells is not known of what was.
        if let Some(object) = line.get_mut("link").and_then(Value::as_object_mut) {
            ["stats", "stats64", "inet6_icmp6_stats", "inet6_stats"].iter().for_each(|key| drop(object.remove(*key)));
        }
        line.to_string()
    });
    stripped.collect()
}

fn state() -> Result<(), Failed> {
    let mut window = Window::filled();
    let then = window.linkhook().seen.last().unwrap()["ts"].as_str().unwrap().to_owned();
    let listed = |arguments: &[&str]| -> Vec<Value> {
        let mut command = window.namespace.command(PROGRAM);
        let output = command.arg("list").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let routes = objects(listed(&["route", "-4"]));
    assert_eq!(objects(window.lines("/state?kind=route&family=inet")), routes);
    let addresses = |lines: Vec<Value>| -> BTreeSet<String> {
        lines.iter().map(|line| format!("{} {}", line["ifname"], line["addr"]["local"])).collect()
    };
    // The kernel gives links addresses of their own, a while later.
    let began = Instant::now();
    while addresses(window.lines("/state?kind=addr")) != addresses(listed(&["addr"])) {
        assert!(began.elapsed() < PATIENCE, "{:?}", addresses(window.lines("/state?kind=addr")));
    }
    let links = window.lines("/state?kind=link&interface=lo");
    assert_eq!((links.len(), &links[0]["link"]["mtu"], &links[0]["action"]), (1, &30_000.into(), &"present".into()));
    // Of what changed since, the state then has nothing.
    window.namespace.run("ip addr del 192.0.2.1/24 dev v0");
    window
        .linkhook()
        .expect("that the route is gone", |line| line["action"] == "remove" && line["route"]["dst"] == "192.0.2.0/24");
    assert_ne!(objects(window.lines("/state?kind=route&family=inet")), routes);
    let told = objects(window.lines(&format!("/state?kind=route&family=inet&at={then}")));
    assert!(told == routes, "{:?}", told.symmetric_difference(&routes).collect::<Vec<_>>());
    Ok(())
}

/// The locks of a process on a file, as the kernel lists them: where each begins and ends.
fn locks_on(process: u32, path: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let (process, inode) = (process.to_string(), format!(":{}", std::fs::metadata(path).unwrap().ino()));
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let of_file = locks.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let of_file = of_file.filter(|words| words.len() > 7 && words[4] == process && words[5].ends_with(&inode));
    of_file.map(|words| words[6..].join(" ")).collect()
}

fn locks() -> Result<(), Failed> {
    let mut window = Window::filled();
    let (process, database) = (window.linkhook().process(), window.state.path().join("linkhook.db"));
    let held = locks_on(process, &database);
    assert!(!held.is_empty(), "{}", std::fs::read_to_string("/proc/locks")?);
    let then = window.linkhook().seen.last().unwrap()["ts"].as_str().unwrap().to_owned();
    window.lines(&format!("/state?kind=link&at={then}"));
    window.lines("/events?after=1&follow=false");
    assert_eq!(locks_on(process, &database), held);
    Ok(())
}

fn forgotten() -> Result<(), Failed> {
    let mut window = Window::new(true);
    mtu(&window.namespace, 30_000);
    window.linkhook().expect("the change", |line| line["link"]["mtu"] == 30_000);
    let ended = window.running.take().expect("it runs");
    let last = sequence(ended.stop().1.last().unwrap());
    // As what is older than it is kept for goes: a run, and then another one that began where it had ended.
    let database = rusqlite::Connection::open(window.state.path().join("linkhook.db"))?;
    database.execute_batch("DELETE FROM chunk; DELETE FROM run")?;
    drop(database);
    window.running = Some(run(&window.namespace, &window.configuration));
    mtu(&window.namespace, 30_001);
    window.linkhook().expect("the change", |line| line["link"]["mtu"] == 30_001);
    let told = window.lines("/events?after=2&follow=false");
    assert_eq!((&told[0]["event"], sequence(&told[0])), (&"output".into(), last), "{told:?}");
    assert_eq!(told[0]["output"]["lines"], last - 2);
    let numbers: Vec<u64> = told.iter().map(sequence).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    // A reader that has the last of them misses nothing.
    let told = window.lines(&format!("/events?after={last}&follow=false"));
    assert_ne!(told[0]["event"], "output", "{}", told[0]);
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let window = Window::new(false);
    for (target, status, told) in [
        ("/events?kinds=link", 400, "did you mean 'kind'?"),
        ("/events?kind=lnk", 400, "did you mean 'link'?"),
        ("/events?filter=.a)", 400, "expected token"),
        ("/state?after=5", 400, "unknown key 'after'"),
        ("/state?at=yesterday", 503, "set [history]"),
        ("/event", 404, "/events"),
    ] {
        let (answered, words) = window.refusal(target);
        assert!((answered, words.contains(told)) == (status, true), "{target}: {answered} {words}");
    }
    let elsewhere = Reader::new(&window.path(), "/events", "Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(elsewhere.status, 403);
    // Of what was before, something is missing, which is said.
    let reader = window.reader("/events?since=1h&follow=false");
    assert!(reader.head.contains("linkhook-note: what happened before"), "{}", reader.head);
    Ok(())
}
