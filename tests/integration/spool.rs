//! `linkhook spool` on a database that is used: real links, real receivers, a real kill -9.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::deliver::{Configuration, body, sequences, webhook};
use crate::formats::letters;
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::receiver::Receiver;
use crate::store::{State, configuration, mtu, run, sequence};

/// The tests of this room that need no namespace.
pub const TESTS: &[crate::Test] = &[("a_spool_that_is_not_there_is_said", nowhere)];

/// Those that do.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("what_waits_is_shown_and_tried_at_once", shown),
    ("what_is_dropped_is_what_was_chosen_and_told_exactly", dropped),
    ("a_batch_on_its_way_is_dropped_where_it_is_meant", on_its_way),
    ("what_jq_judges_is_dropped_too", judged),
    ("a_pause_outlives_a_restart_and_ends_by_itself", paused),
    ("dead_letters_wait_again_once_and_are_removed", dead),
    ("a_death_in_the_middle_of_a_drop_drops_all_or_nothing", killed_in_drop),
    ("a_death_in_the_middle_of_a_retry_loses_nothing", killed_in_retry),
    ("two_at_once_drop_each_event_once", two),
    ("what_has_come_often_enough_does_so_after_a_drop_and_after_its_death", often),
    ("what_has_rested_for_long_is_tried_once_more", rested),
    ("no_number_comes_again_where_the_database_is_gone", without_database),
];

/// One attempt that fails, and the next one in ten minutes, unless somebody wants it now.
const ONE_FAILS: &str = "503:600,204";

fn spool(state: &State, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("spool").arg("--state-dir").arg(state.path()).args(arguments).stdin(Stdio::null());
    command.output().expect("linkhook spool")
}

/// What it says where it succeeds.
fn said(state: &State, arguments: &[&str]) -> String {
    let output = spool(state, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// What it says where it ends with that status.
fn refused(state: &State, status: i32, arguments: &[&str]) -> String {
    let output = spool(state, arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn status(state: &State) -> Value {
    serde_json::from_str(&said(state, &["status", "noc", "--json"])).unwrap()
}

/// The status, once it is so.
fn until(state: &State, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let status = status(state);
        if wanted(&status) {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {status}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn shown_lines(state: &State, arguments: &[&str]) -> Vec<Value> {
    said(state, arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Links change to these MTUs, and the lines that say so have come.
fn change(namespace: &Namespace, linkhook: &mut Linkhook, mtus: std::ops::RangeInclusive<u32>) -> Vec<u64> {
    let each = mtus.map(|wanted| {
        mtu(namespace, wanted);
        sequence(&linkhook.expect("a change", |line| line["link"]["mtu"] == wanted))
    });
    each.collect()
}

/// A receiver that does not take the first batch, which has one event, and so many more events that wait behind it.
fn backlog(lines: &str, behind: u32) -> (Namespace, State, Receiver, Linkhook, Configuration, Vec<u64>) {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, ONE_FAILS);
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, lines));
    let mut linkhook = run(&namespace, &settings);
    let mut numbers = change(&namespace, &mut linkhook, 30000..=30000);
    receiver.next();
    numbers.extend(change(&namespace, &mut linkhook, 30001..=30000 + behind));
    until(&state, "the next attempt", |status| status["next_attempt"].is_string());
    (namespace, state, receiver, linkhook, settings, numbers)
}

/// Everything that a receiver has got, once that event is among it.
fn received(receiver: &mut Receiver, last: u64) -> Vec<Value> {
    let mut requests = vec![receiver.next()];
    while !sequences(requests.last().unwrap()).contains(&last) {
        requests.push(receiver.next());
    }
    requests
}

/// How many events these lines tell as dropped by hand.
fn told_in<'l>(lines: impl IntoIterator<Item = &'l Value>) -> u64 {
    let by_hand = |line: &&Value| line["output"]["reason"] == "dropped by linkhook spool";
    lines.into_iter().filter(by_hand).filter_map(|line| line["output"]["events"].as_u64()).sum()
}

/// Waits until so many events are told, and holds that there are no more.
fn told(linkhook: &mut Linkhook, events: u64) {
    let mut told = 0;
    while told < events {
        told += told_in([&linkhook.event("output", "dropped")]);
    }
    assert_eq!(told, events);
}

fn shown() -> Result<(), Failed> {
    let (_namespace, state, mut receiver, _linkhook, settings, numbers) = backlog("", 4);
    let found = status(&state);
    assert_eq!((&found["waiting"], &found["on_its_way"], &found["running"]), (&5.into(), &1.into(), &true.into()));
    assert!(found["last_error"]["reason"].as_str().unwrap().contains("503"), "{found}");
    assert!(found["last_success"].is_null() && found["kind"] == "webhook" && found["paused"] == false, "{found}");
    let table = said(&state, &[]);
    assert!(table.contains("next attempt in 9m") && table.contains("last error"), "{table}");
    let lines = shown_lines(&state, &["show", "noc"]);
    assert_eq!(lines.iter().map(sequence).collect::<Vec<_>>(), numbers);
    assert_eq!(found["oldest"], lines[0]["ts"]);
    assert_eq!(shown_lines(&state, &["show", "-n", "2"]).len(), 2);
    assert_eq!(shown_lines(&state, &["show", "noc", "route"]).len(), 0);
    assert!(said(&state, &["show", "noc", "--text", "--filter", ".link.mtu == 30002"]).contains("30002"));
    // By the configuration, too.
    let output = Command::new(PROGRAM).args(["spool", "show", "noc", "--config", settings.path()]).output()?;
    assert_eq!(output.stdout.split(|octet| *octet == b'\n').count(), 6);
    let wrong = refused(&state, 2, &["retry", "nok"]);
    assert!(wrong.contains("'nok'") && wrong.contains("there are: noc"), "{wrong}");
    assert_eq!(said(&state, &["retry", "noc", "--dry-run"]), "noc: 5 events would be tried now");
    assert!(receiver.try_next().is_none());
    assert_eq!(said(&state, &["retry", "noc"]), "noc: the next attempt is made now; 5 events wait");
    let requests = received(&mut receiver, numbers[4]);
    assert_eq!((sequences(&requests[0]), body(&requests[0])["batch"].as_u64()), (vec![numbers[0]], Some(1)));
    assert_eq!(requests.iter().flat_map(sequences).collect::<Vec<_>>(), numbers);
    let after = until(&state, "its success", |status| status["waiting"] == 0);
    assert!(after["last_success"].is_string() && after["oldest"].is_null(), "{after}");
    assert_eq!(said(&state, &["retry", "--all"]), "noc: nothing waits");
    Ok(())
}

fn dropped() -> Result<(), Failed> {
    let (namespace, state, mut receiver, mut linkhook, _settings, numbers) = backlog("", 6);
    let chosen = ["drop", "noc", "link", "--filter", ".link.mtu >= 30004 or .link.mtu == 30002"];
    let why = refused(&state, 2, &["drop", "noc"]);
    assert!(why.contains("--all, --first N"), "{why}");
    assert!(refused(&state, 2, &["drop", "noc", "link", "--all"]).contains("--all"));
    let dry = [&chosen[..], &["--dry-run"]].concat();
    assert_eq!(said(&state, &dry), "noc: 4 events would be dropped");
    assert_eq!(status(&state)["waiting"], 7);
    assert_eq!(said(&state, &chosen), "noc: 4 events dropped");
    told(&mut linkhook, 4);
    assert!(linkhook.seen.iter().any(|line| line["event"] == "output" && line["output"]["webhook"] == "noc"));
    let left = [0, 1, 3].map(|place| numbers[place]);
    assert_eq!(shown_lines(&state, &["show", "noc"]).iter().map(sequence).collect::<Vec<_>>(), left);
    assert_eq!(said(&state, &chosen), "noc: 0 events dropped");
    // What is on its way was not meant: it is the same batch.
    let last = change(&namespace, &mut linkhook, 30010..=30010)[0];
    said(&state, &["retry", "noc"]);
    let requests = received(&mut receiver, last);
    assert_eq!(sequences(&requests[0]), [numbers[0]]);
    assert_eq!(requests.iter().flat_map(sequences).collect::<Vec<_>>(), [&left[..], &[last]].concat());
    assert!(linkhook.stop().1.iter().all(|line| line["event"] != "output" || line["output"]["events"] != 0));
    Ok(())
}

fn on_its_way() -> Result<(), Failed> {
    let (namespace, state, mut receiver, mut linkhook, _settings, numbers) = backlog("", 3);
    assert_eq!(said(&state, &["drop", "noc", "--first", "2"]), "noc: 2 events dropped");
    told(&mut linkhook, 2);
    // The rest has never been tried, and is tried no sooner than the receiver asked for.
    let found = until(&state, "the next batch", |status| status["next_attempt"].is_string());
    assert_eq!(found["waiting"], 2);
    said(&state, &["retry", "noc"]);
    let requests = received(&mut receiver, numbers[3]);
    assert_eq!(requests.iter().flat_map(sequences).collect::<Vec<_>>(), numbers[2..]);
    // Nobody has taken the first number.
    assert_eq!(body(&requests[0])["batch"], 1);
    until(&state, "nothing", |status| status["waiting"] == 0);
    let last = change(&namespace, &mut linkhook, 30010..=30010)[0];
    assert_eq!(sequences(&receiver.next()), [last]);
    Ok(())
}

fn judged() -> Result<(), Failed> {
    let (namespace, state, mut receiver, mut linkhook, _settings, numbers) =
        backlog("filter = '.link.mtu != 30001'", 5);
    until(&state, "what is judged", |status| status["waiting"] == 5);
    assert_eq!(said(&state, &["drop", "noc", "--filter", ".link.mtu == 30003"]), "noc: 1 event dropped");
    assert_eq!(linkhook.event("output", "dropped")["output"]["events"], 1);
    let last = change(&namespace, &mut linkhook, 30010..=30010)[0];
    said(&state, &["retry", "noc"]);
    let requests = received(&mut receiver, last);
    let left = [numbers[0], numbers[2], numbers[4], numbers[5], last];
    assert_eq!(requests.iter().flat_map(sequences).collect::<Vec<_>>(), left);
    assert_eq!(
        linkhook.stop().1.iter().filter(|line| line["event"] == "output" && line["action"] == "dropped").count(),
        1
    );
    Ok(())
}

fn paused() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &settings);
    assert_eq!(said(&state, &["pause", "noc"]), "noc: paused until 'linkhook spool resume noc', over restarts, too");
    let mut numbers = change(&namespace, &mut linkhook, 30001..=30002);
    let found = until(&state, "what waits", |status| status["waiting"] == 2);
    assert!(found["paused"] == true && found["paused_until"].is_null() && found["on_its_way"] == 0, "{found}");
    assert!(refused(&state, 1, &["retry", "noc"]).contains("is paused"));
    // Its end does not wait for what is paused.
    assert!(linkhook.stop().0.success());
    assert_eq!(status(&state)["running"], false);
    let mut linkhook = run(&namespace, &settings);
    numbers.extend(change(&namespace, &mut linkhook, 30003..=30003));
    assert!(until(&state, "what waits", |status| status["waiting"] == 3)["paused"] == true);
    assert!(receiver.try_next().is_none());
    assert_eq!(said(&state, &["resume", "noc"]), "noc: it goes on");
    assert_eq!(said(&state, &["resume", "noc"]), "noc: it was not paused");
    let requests = received(&mut receiver, numbers[2]);
    assert_eq!(requests.iter().flat_map(sequences).collect::<Vec<_>>(), numbers);
    until(&state, "nothing", |status| status["waiting"] == 0);
    assert_eq!(said(&state, &["pause", "noc", "1s"]), "noc: paused for 1s, over restarts, too");
    let last = change(&namespace, &mut linkhook, 30004..=30004)[0];
    assert_eq!(sequences(&receiver.next()), [last]);
    Ok(())
}

fn dead() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "400,400,204");
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &settings);
    assert_eq!(said(&state, &["dead", "list"]), "no dead letters");
    let mut numbers = Vec::new();
    for wanted in [30001, 30002] {
        numbers.extend(change(&namespace, &mut linkhook, wanted..=wanted));
        receiver.next();
        linkhook.event("output", "dropped");
    }
    let list = shown_lines(&state, &["dead", "list", "noc", "--json"]);
    assert_eq!((list.len(), &list[0]["events"], &list[0]["status"]), (2, &1.into(), &400.into()));
    assert!(said(&state, &["dead", "list"]).contains("refused (status 400"));
    assert_eq!(shown_lines(&state, &["dead", "show", "noc"]).iter().map(sequence).collect::<Vec<_>>(), numbers);
    let first = list[0]["ts"].as_str().unwrap();
    assert_eq!(sequence(&shown_lines(&state, &["dead", "show", "noc", first])[0]), numbers[0]);
    let wrong = refused(&state, 2, &["dead", "retry", "noc", "2026"]);
    assert!(wrong.contains("dead list noc"), "{wrong}");
    assert_eq!(
        said(&state, &["dead", "retry", "noc", first, "--dry-run"]),
        "noc: 1 event in 1 dead letter would wait again"
    );
    assert_eq!(letters(&state).len(), 2);
    assert_eq!(said(&state, &["dead", "retry", "noc", first]), "noc: 1 event in 1 dead letter wait again");
    let again = receiver.next();
    assert_eq!((sequences(&again), body(&again)["batch"].as_u64()), (vec![numbers[0]], Some(3)));
    assert_eq!(letters(&state).len(), 1);
    until(&state, "nothing", |status| status["waiting"] == 0);
    assert_eq!(said(&state, &["dead", "drop", "noc", "--all"]), "noc: 1 event in 1 dead letter removed");
    assert_eq!(said(&state, &["dead", "list", "noc"]), "no dead letters");
    // What comes then is delivered as ever.
    let last = change(&namespace, &mut linkhook, 30004..=30004)[0];
    assert_eq!(sequences(&receiver.next()), [last]);
    Ok(())
}

fn often() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    namespace.run("ip link add often type bridge; ip link add seldom type bridge");
    let mut receiver = Receiver::inside(&namespace, "503:600,400,204");
    let lines = "rate = \"2/1h\"\nkinds = [\"link\"]\nbatch.wait = \"500ms\"";
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    // The first one goes alone, and does not count yet; both have come often enough with those that gather behind it.
    let changes = [("often", 1301), ("seldom", 1301), ("often", 1302), ("seldom", 1302)];
    // It reads them all at once.
    linkhook.signal(rustix::process::Signal::STOP);
    namespace.batch(&changes.map(|(name, mtu)| format!("link set {name} mtu {mtu}\n")).concat());
    linkhook.signal(rustix::process::Signal::CONT);
    let names = |request: &Value| -> Vec<Value> {
        body(request)["events"].as_array().unwrap().iter().map(|event| event["ifname"].clone()).collect()
    };
    assert_eq!(names(&receiver.next()), ["often", "seldom"]);
    until(&state, "the next attempt", |status| status["next_attempt"].is_string());
    let dropped = said(&state, &["drop", "noc", "link", "--interface", "seldom"]);
    assert!(dropped.ends_with("dropped") && !dropped.contains(" 0 "), "{dropped}");
    until(&state, "the next batch", |status| status["next_attempt"].is_string());
    said(&state, &["retry", "noc"]);
    assert_eq!(names(&receiver.next()), ["often"]);
    while linkhook.event("output", "dropped")["output"]["reason"] == "dropped by linkhook spool" {}
    said(&state, &["dead", "retry", "noc", "--all"]);
    assert_eq!(names(&receiver.next()), ["often"]);
    Ok(())
}

fn rested() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "410,503,204");
    let lines = "retry.most = \"50ms\"\nretry.give_up_after = \"500ms\"";
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    let number = change(&namespace, &mut linkhook, 30001..=30001)[0];
    receiver.next();
    until(&state, "its rest", |status| status["at_rest"].is_string());
    // Time itself is what is waited for.
    std::thread::sleep(Duration::from_millis(600));
    said(&state, &["retry", "noc"]);
    assert_eq!([receiver.next(), receiver.next()].each_ref().map(sequences), [[number], [number]]);
    until(&state, "nothing", |status| status["waiting"] == 0);
    assert!(letters(&state).is_empty());
    Ok(())
}

fn without_database() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "400,204");
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &settings);
    let dead = change(&namespace, &mut linkhook, 30001..=30001)[0];
    linkhook.event("output", "dropped");
    linkhook.stop();
    for name in ["linkhook.db", "linkhook.db-wal", "linkhook.db-shm"] {
        let _ = std::fs::remove_file(state.path().join(name));
    }
    let mut linkhook = run(&namespace, &settings);
    let later = change(&namespace, &mut linkhook, 30002..=30002)[0];
    assert!(later > 1_000_000_000_000_000, "{later}");
    receiver.next();
    assert_eq!(sequences(&receiver.next()), [later]);
    said(&state, &["dead", "retry", "noc", "--all"]);
    assert_eq!(sequences(&receiver.next()), [dead]);
    Ok(())
}

/// Starts it so that it dies at that point.
fn run_to(namespace: &Namespace, settings: &Configuration, point: &str) -> Linkhook {
    let mut command = namespace.command(PROGRAM);
    command.args(["--config", settings.path()]).env("LINKHOOK_FAULT", point);
    let mut linkhook = Linkhook::start(command);
    linkhook.event("hello", "started");
    linkhook
}

fn killed_in_drop() -> Result<(), Failed> {
    for (point, dropped) in [("in removal", 0_u64), ("between removals", 4)] {
        let (namespace, state) = (Namespace::new(), State::new());
        let mut receiver = Receiver::inside(&namespace, "503:600");
        let mut own = Receiver::inside(&namespace, "204");
        let hooks = webhook("noc", receiver.port, "") + &webhook("own", own.port, "kinds = [\"output\"]");
        let settings = configuration(&state.path(), &hooks);
        let mut linkhook = run_to(&namespace, &settings, point);
        change(&namespace, &mut linkhook, 30001..=30001);
        receiver.next();
        change(&namespace, &mut linkhook, 30002..=30005);
        let why = refused(&state, 1, &["drop", "noc", "--filter", ".link.mtu > 30001"]);
        assert!(why.contains("before it answered"), "{why}");
        linkhook.rest();
        let linkhook = run(&namespace, &settings);
        // A line that was committed and not printed when the end came still reaches a webhook, and each is told once.
        let mut told = 0;
        while told < dropped {
            let body: Value = serde_json::from_str(own.next()["body"].as_str().unwrap())?;
            told += told_in(body["events"].as_array().unwrap());
        }
        assert_eq!((told, &status(&state)["waiting"]), (dropped, &(5 - dropped).into()), "{point}");
        let lines = linkhook.stop().1;
        assert!(dropped > 0 || told_in(&lines) == 0, "{point}: {lines:?}");
    }
    Ok(())
}

fn killed_in_retry() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "400,204");
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run_to(&namespace, &settings, "before letters go");
    let number = change(&namespace, &mut linkhook, 30001..=30001)[0];
    receiver.next();
    linkhook.event("output", "dropped");
    refused(&state, 1, &["dead", "retry", "noc", "--all"]);
    linkhook.rest();
    assert_eq!((letters(&state).len(), status(&state)["waiting"].as_u64()), (1, Some(1)));
    let _linkhook = run(&namespace, &settings);
    assert_eq!(sequences(&receiver.next()), [number]);
    Ok(())
}

fn two() -> Result<(), Failed> {
    let (_namespace, state, _receiver, mut linkhook, _settings, _numbers) = backlog("", 30);
    let drop = || {
        let mut command = Command::new(PROGRAM);
        command.arg("spool").arg("--state-dir").arg(state.path()).args(["drop", "noc", "--first", "10"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let each = [drop(), drop(), drop()].map(|child| child.wait_with_output().unwrap());
    let told = each.iter().map(|output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        text.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    });
    let told: u64 = told.sum();
    assert!((10..=30).contains(&told));
    assert_eq!(status(&state)["waiting"], 31 - told);
    crate::spool::told(&mut linkhook, told);
    Ok(())
}

fn nowhere() -> Result<(), Failed> {
    let state = State::new();
    assert!(refused(&state, 1, &["status"]).contains("--state-dir"));
    // What its linkhook has left when it ended.
    let settings = Configuration::new("[watch]\nkinds = [\"hello\"]\n");
    let output = Command::new(PROGRAM).args(["spool", "--config", settings.path()]).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("names no state_dir"), "{stderr}");
    Ok(())
}
