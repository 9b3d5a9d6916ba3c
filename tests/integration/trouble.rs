//! What breaks underneath a linkhook with a state directory: threads, locks, the database, the directory, a filter.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rusqlite::Connection;
use rustix::process::{Resource, Signal, geteuid};
use serde_json::Value;

use crate::deliver::{Configuration, body, sequences, webhook};
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::receiver::Receiver;
use crate::store::{State, compare, configuration, die, mtu, run, sequence, until};

/// The tests of this room; all need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("no_more_threads_is_a_failed_attempt", no_threads),
    ("what_jq_does_not_want_pushes_out_nothing_that_it_wants", jq_spool),
    ("a_filter_that_is_new_judges_what_waits", jq_renewed),
    ("deaths_at_random_lose_nothing_that_jq_wants", jq_killed),
    ("a_database_damaged_while_running_costs_what_is_told", damaged),
    ("a_state_directory_that_is_removed_is_set_up_anew", removed),
    ("who_holds_the_database_costs_no_event", held),
    ("who_reads_the_database_for_long_delays_nothing", reader),
    ("a_state_directory_of_others_or_with_links_is_refused", refused),
    ("what_is_no_database_is_set_aside", strange),
    ("a_batch_dies_by_the_time_it_was_tried", tried),
];

/// The events told as lost, by reason.
fn lost(seen: &[Value]) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for line in seen.iter().filter(|line| line["action"] == "dropped") {
        let reason = line["output"]["reason"].as_str().unwrap().to_owned();
        let events = line["output"]["events"].as_u64().unwrap();
        match found.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += events,
            None => found.push((reason, events)),
        }
    }
    found
}

/// Changes of the link, which were printed.
fn changes(seen: &[Value]) -> Vec<u64> {
    seen.iter().filter(|line| line["event"] == "link" && line["action"] == "change").map(sequence).collect()
}

/// Numbers of events that were taken, until that one.
fn taken(receiver: &mut Receiver, last: u64) -> Vec<u64> {
    let mut found = Vec::new();
    while found.last().is_none_or(|newest| *newest < last) {
        let request = receiver.next();
        if request["answer"] == "204" {
            found.extend(sequences(&request));
        }
    }
    found
}

/// A command in the namespace that runs as nobody special: the limit of processes does not hold for root.
fn as_user(namespace: &Namespace, script: &str) -> Command {
    if !geteuid().is_root() {
        let mut command = namespace.command("sh");
        command.args(["-c", script]);
        return command;
    }
    let mut command = namespace.command("setpriv");
    // A user that has no other process.
    command.args(["--reuid=61234", "--regid=61234", "--clear-groups", "sh", "-c", script]);
    command
}

fn no_threads() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut receiver = Receiver::inside(&namespace, "204");
    let hook = webhook("noc", receiver.port, "retry = { first = \"100ms\", most = \"200ms\" }");
    let hook = hook.replace("127.0.0.1", "localhost").replace("retry.first = \"10ms\"\n", "");
    let configuration = Configuration::new(&format!("[watch]\nkinds = [\"hello\", \"link\"]\n{hook}"));
    std::fs::set_permissions(configuration.path(), std::fs::Permissions::from_mode(0o644))?;
    let log = tempfile::NamedTempFile::new()?;
    std::fs::set_permissions(log.path(), std::fs::Permissions::from_mode(0o666))?;
    let script = format!("exec {PROGRAM} -vv --config {} 2> {}", configuration.path(), log.path().display());
    let mut linkhook = Linkhook::start(as_user(&namespace, &script));
    linkhook.event("hello", "started");
    let process = linkhook.process();
    // By the same user, who may do it without a privilege.
    let limit = |processes: &str| {
        let output = as_user(&namespace, &format!("prlimit --pid {process} --nproc={processes}:")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let before = rustix::process::getrlimit(Resource::Nproc).current;
    limit("1");
    mtu(&namespace, 30001);
    // More attempts than it takes to bury a batch that breaks its thread twice.
    let began = Instant::now();
    let said = || std::fs::read_to_string(log.path()).unwrap();
    while !said().contains("attempt 15") {
        assert!(began.elapsed() < PATIENCE, "{}", said());
        linkhook.wait(Duration::from_millis(20));
    }
    limit(&before.map_or("unlimited".to_owned(), |processes| processes.to_string()));
    let line = linkhook.seen.iter().find(|line| line["action"] == "change").cloned().ok_or("no change")?;
    assert_eq!(sequences(&receiver.next()), [sequence(&line)]);
    assert!(!said().contains("defect") && lost(&linkhook.seen).is_empty(), "{}", said());
    Ok(())
}

fn jq_spool() -> Result<(), Failed> {
    for state in [false, true] {
        let (namespace, directory) = (Namespace::new(), State::new());
        let mut receiver = Receiver::inside(&namespace, "503:2,204");
        let lines = "spool = { size = \"20KiB\" }\nfilter = '.link.mtu % 40 == 0'";
        let mut text =
            std::fs::read_to_string(configuration(&directory.path(), &webhook("noc", receiver.port, lines)).path())?;
        if !state {
            text = text.lines().filter(|line| !line.starts_with("state_dir")).collect::<Vec<_>>().join("\n");
        }
        let configuration = Configuration::new(&text);
        let mut linkhook = run(&namespace, &configuration);
        mtu(&namespace, 30000);
        receiver.next();
        // Some 1.7 KB each: more than the spool holds, but for what is wanted.
        namespace.run("for n in $(seq 1 200); do ip link set lo mtu $((30000 + n)); done");
        mtu(&namespace, 40000);
        let last = sequence(&linkhook.expect("the last change", |line| line["link"]["mtu"] == 40000));
        let found = taken(&mut receiver, last);
        let (_, seen) = linkhook.stop();
        let wanted = |line: &&Value| line["link"]["mtu"].as_u64().is_some_and(|mtu| mtu % 40 == 0);
        let wanted: Vec<u64> = seen.iter().filter(wanted).map(sequence).filter(|one| *one <= last).collect();
        assert!(wanted.len() > 3, "{wanted:?}");
        let found: Vec<u64> = found.into_iter().filter(|one| *one <= last).collect();
        assert_eq!(found, wanted, "with a state directory: {state}");
        assert_eq!(lost(&seen), []);
    }
    Ok(())
}

fn jq_renewed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let (mut none, mut receiver) = (Receiver::inside(&namespace, "503:600"), Receiver::inside(&namespace, "204"));
    let configuration = configuration(&state.path(), &webhook("noc", none.port, "batch.events = 1"));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30000);
    none.next();
    namespace.batch("link set lo mtu 30001\nlink set lo mtu 30002\nlink set lo mtu 30003\n");
    linkhook.expect("the last change", |line| line["link"]["mtu"] == 30003);
    let text = std::fs::read_to_string(configuration.path())?;
    let text = text.replace(&none.port.to_string(), &receiver.port.to_string()) + "filter = '.link.mtu > 30001'\n";
    std::fs::write(configuration.path(), text)?;
    linkhook.signal(Signal::HUP);
    let mut found = Vec::new();
    while found.last() != Some(&30003) {
        found.extend(
            body(&receiver.next())["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["link"]["mtu"].as_u64().unwrap()),
        );
    }
    // The first was on its way already.
    assert_eq!(found, [30000, 30002, 30003]);
    assert_eq!(lost(&linkhook.seen), []);
    Ok(())
}

fn jq_killed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "cycle,500,204,204,503");
    let lines = "batch.wait = \"10ms\"\nspool = { size = \"64KiB\" }\nfilter = '.link.mtu % 3 == 0'";
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, lines));
    let load = "while :; do for n in 1 2 3 4 5 6 7 8 9; do ip link set lo mtu 3000$n; sleep 0.01; done; done";
    let mut load = namespace.command("sh").args(["-c", load]).spawn()?;
    let mut printed = Vec::new();
    for pause in [40, 150, 300, 90, 220] {
        let mut linkhook = run(&namespace, &configuration);
        linkhook.wait(Duration::from_millis(pause));
        printed.extend(die(linkhook));
    }
    load.kill()?;
    load.wait()?;
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 45000);
    let mut requests = Vec::new();
    until(&mut receiver, &mut requests, 45000);
    linkhook.until_seen("the last change", |line| line["link"]["mtu"] == 45000);
    printed.extend(linkhook.stop().1);
    let wanted = |line: &Value| line["link"]["mtu"].as_u64().is_some_and(|mtu| mtu % 3 == 0);
    let posted: Vec<Value> =
        requests.iter().flat_map(|request| body(request)["events"].as_array().unwrap().clone()).collect();
    assert!(posted.iter().all(wanted));
    printed.retain(|line| wanted(line) || line["event"] != "link");
    assert_eq!(lost(&printed), []);
    compare(&printed, &requests);
    Ok(())
}

/// Overwrites a database and its write-ahead log, where they are, but for their first octets.
fn damage(database: &Path) {
    use std::os::unix::fs::FileExt;
    for path in [database.to_owned(), database.with_extension("db-wal")] {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        file.write_all_at(&vec![0xa5; length.saturating_sub(100)], 100).unwrap();
    }
}

fn damaged() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503:10,204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, "batch = { events = 100 }"));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30000);
    receiver.next();
    let batch = |from: u32| (1..=4000).map(|n| format!("link set lo mtu {}\n", from + n)).collect::<String>();
    namespace.batch(&batch(30000));
    linkhook.expect("the last before", |line| line["link"]["mtu"] == 34000);
    damage(&state.path().join("linkhook.db"));
    // It is seen when what is damaged is needed.
    let is_aside = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().starts_with("linkhook.db.set-aside-")
    };
    linkhook.until(
        "it is set aside",
        |round| mtu(&namespace, 35000 + round),
        |_| std::fs::read_dir(state.path()).unwrap().any(is_aside),
    );
    let after = sequence(linkhook.seen.last().unwrap());
    // More than the window in memory holds.
    namespace.batch(&batch(40000));
    linkhook.expect("the last after", |line| line["link"]["mtu"] == 44000);
    let last = *changes(&linkhook.seen).last().unwrap();
    let mut found = taken(&mut receiver, last);
    found.sort_unstable();
    found.dedup();
    // Every line but those told as lost.
    linkhook.wait(Duration::from_millis(1500));
    let (_, seen) = linkhook.stop();
    let printed = changes(&seen);
    assert!(found.iter().all(|sequence| printed.contains(sequence)));
    let lost = lost(&seen);
    let count: u64 = lost.iter().map(|(_, events)| events).sum();
    assert_eq!(found.len() as u64 + count, printed.len() as u64, "{} posted, lost {lost:?}", found.len());
    // What came into the new one is among them.
    let missing = printed.iter().filter(|one| **one > after && !found.contains(one)).count();
    assert_eq!(missing, 0, "lost {lost:?}");
    Ok(())
}

fn removed() -> Result<(), Failed> {
    type Way<'w> = (&'w str, &'w dyn Fn(&Path));
    let ways: [Way<'_>; 6] = [
        ("removed", &|path| std::fs::remove_dir_all(path).unwrap()),
        ("renamed", &|path| std::fs::rename(path, path.with_extension("old")).unwrap()),
        ("replaced", &|path| {
            std::fs::rename(path, path.with_extension("old")).unwrap();
            std::fs::create_dir(path).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        }),
        ("without its lock", &|path| std::fs::remove_file(path.join("lock")).unwrap()),
        ("without its log", &|path| std::fs::remove_file(path.join("linkhook.db-wal")).unwrap()),
        ("with another database", &|path| {
            std::fs::rename(path.join("linkhook.db"), path.join("mine")).unwrap();
            std::fs::write(path.join("linkhook.db"), "another").unwrap();
        }),
    ];
    for (what, act) in ways {
        let (namespace, state) = (Namespace::new(), State::new());
        let mut receiver = Receiver::inside(&namespace, "503:600");
        // In the sandbox another directory of that name is closed.
        let webhooks = format!("{}[security]\nsandbox = false\n", webhook("noc", receiver.port, ""));
        let configuration = configuration(&state.path(), &webhooks);
        let mut linkhook = run(&namespace, &configuration);
        mtu(&namespace, 30001);
        receiver.next();
        mtu(&namespace, 30002);
        linkhook.expect("the last before", |line| line["link"]["mtu"] == 30002);
        let inode = |name: &str| {
            std::fs::metadata(state.path().join(name)).map(|found| std::os::unix::fs::MetadataExt::ino(&found))
        };
        let before = inode("linkhook.db")?;
        act(&state.path());
        let began = Instant::now();
        while !inode("linkhook.db").is_ok_and(|now| now != before && inode("lock").is_ok())
            || std::fs::read(state.path().join("linkhook.db")).is_ok_and(|octets| octets == b"another")
        {
            assert!(began.elapsed() < PATIENCE, "{what}: it is not set up anew");
            linkhook.wait(Duration::from_millis(20));
        }
        mtu(&namespace, 30003);
        let last = linkhook.expect("a line after it", |line| line["link"]["mtu"] == 30003);
        // Whatever happens now: all of it is there, with its batch.
        linkhook.signal(Signal::KILL);
        let (_, seen) = linkhook.rest();
        let connection = Connection::open(state.path().join("linkhook.db"))?;
        let count = |table: &str| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
        let waiting = "(SELECT sum(events) AS n FROM share UNION ALL SELECT count(*) FROM wanted)";
        let waiting = connection.query_row(&format!("SELECT sum(n) FROM {waiting}"), [], |row| row.get(0))?;
        let counts: (i64, i64) = (waiting, count("batch")?);
        drop(connection);
        assert_eq!(counts, (3, 1), "{what}");
        assert_eq!(lost(&seen), [], "{what}");
        let mut receiver = Receiver::inside(&namespace, "204");
        let text = std::fs::read_to_string(configuration.path())?;
        let hook = webhook("noc", receiver.port, "");
        let before = text.split("[[webhook]]").next().unwrap();
        std::fs::write(configuration.path(), format!("{before}{hook}"))?;
        let linkhook = run(&namespace, &configuration);
        assert_eq!(taken(&mut receiver, sequence(&last)).len(), 3, "{what}");
        // Nothing is told as changed: the mirror was there, too.
        let (_, seen) = linkhook.stop();
        assert!(seen.iter().all(|line| line["origin"] != "offline"), "{what}: {seen:?}");
    }
    // Where it cannot be, that is the end.
    let (namespace, state) = (Namespace::new(), State::new());
    let mut linkhook = run(&namespace, &configuration(&state.path(), ""));
    std::fs::rename(state.path(), state.path().with_extension("old"))?;
    std::fs::write(state.path(), "a file")?;
    let (status, seen) = linkhook.rest();
    assert_eq!((status.code(), &seen.last().unwrap()["event"]), (Some(1), &"bye".into()));
    Ok(())
}

fn held() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, "batch = { events = 100 }"));
    let mut linkhook = run(&namespace, &configuration);
    // Lines wait while another process holds the right to write, and nothing is lost.
    let writer = Connection::open(state.path().join("linkhook.db"))?;
    writer.execute_batch("BEGIN IMMEDIATE")?;
    mtu(&namespace, 30001);
    linkhook.wait(Duration::from_millis(6500));
    assert!(changes(&linkhook.seen).is_empty());
    writer.execute_batch("ROLLBACK")?;
    let line = linkhook.event("link", "change");
    assert_eq!(sequences(&receiver.next()), [sequence(&line)]);
    Ok(())
}

fn reader() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, "batch = { events = 100 }"));
    let mut linkhook = run(&namespace, &configuration);
    let reader = Connection::open(state.path().join("linkhook.db"))?;
    reader.execute_batch("BEGIN; SELECT count(*) FROM chunk")?;
    reader.query_row("SELECT count(*) FROM chunk", [], |row| row.get::<_, i64>(0))?;
    let mut slowest = Duration::ZERO;
    for round in 1..=4 {
        // What is delivered leaves pages that are given back once nothing else is to be done.
        let from = 30000 + round * 1000;
        namespace.batch(&(1..=900).map(|n| format!("link set lo mtu {}\n", from + n)).collect::<String>());
        let last = linkhook.expect("the last of a round", |line| line["link"]["mtu"] == from + 900);
        taken(&mut receiver, sequence(&last));
        for step in 0..20 {
            let began = Instant::now();
            mtu(&namespace, 50000 + step % 2 + 1);
            linkhook.expect("a change", |line| line["link"]["mtu"] == 50000 + step % 2 + 1);
            slowest = slowest.max(began.elapsed());
            linkhook.wait(Duration::from_millis(30));
        }
    }
    assert!(slowest < Duration::from_secs(2), "a line took {slowest:?}");
    drop(reader);
    // Then the log is taken over and small again.
    let began = Instant::now();
    let size = || std::fs::metadata(state.path().join("linkhook.db-wal")).map_or(0, |metadata| metadata.len());
    while size() > 8 << 20 {
        assert!(began.elapsed() < PATIENCE, "the log has {}", size());
        linkhook.wait(Duration::from_millis(20));
    }
    let (_, seen) = linkhook.stop();
    assert_eq!(lost(&seen), []);
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let fails = |state: &State, told: &str| {
        let configuration = configuration(&state.path(), "");
        let arguments = ["--config", configuration.path(), "--timeout", "100ms"];
        let output = namespace.command(PROGRAM).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && stderr.contains(told), "{:?}: {stderr}", output.status);
    };
    let state = State::new();
    std::fs::create_dir(state.path())?;
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o777))?;
    fails(&state, "others may write in");
    if geteuid().is_root() {
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o700))?;
        std::os::unix::fs::chown(state.path(), Some(61234), None)?;
        fails(&state, "belongs to the user 61234");
    }
    for name in ["linkhook.db", "linkhook.db-wal", "linkhook.db-shm", "lock", "reserve", "dead", "dead/noc.jsonl"] {
        let state = State::new();
        std::fs::create_dir_all(state.path().join("dead"))?;
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o755))?;
        let victim = state.0.path().join("victim");
        if name == "dead" {
            std::fs::remove_dir(state.path().join("dead"))?;
            std::fs::create_dir(&victim)?;
        } else {
            std::fs::write(&victim, "precious")?;
        }
        symlink(&victim, state.path().join(name))?;
        fails(&state, &format!("{name} is a symbolic link"));
        assert!(name == "dead" || std::fs::read(&victim)? == b"precious", "{name}");
    }
    // Reached through one, it is used, and what is in it is its owner's alone.
    let state = State::new();
    let real = state.0.path().join("private");
    std::fs::create_dir(&real)?;
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o755))?;
    symlink(&real, state.path())?;
    let mut receiver = Receiver::inside(&namespace, "404");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    receiver.next();
    linkhook.event("output", "dropped");
    for name in ["linkhook.db", "linkhook.db-wal", "linkhook.db-shm", "lock", "reserve", "dead/noc.jsonl"] {
        let mode = std::fs::symlink_metadata(real.join(name))?.permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    Ok(())
}

fn strange() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "204");
    let configuration = configuration(&state.path(), &webhook("noc", receiver.port, ""));
    run(&namespace, &configuration).stop();
    let database = state.path().join("linkhook.db");
    let sql = |script: &str| Connection::open(&database).unwrap().execute_batch(script).unwrap();
    let ways: [(&str, &dyn Fn()); 5] = [
        ("a table is missing", &|| sql("DROP TABLE wanted")),
        ("a column is another", &|| sql("ALTER TABLE batch RENAME COLUMN last TO least")),
        ("a value is wrong", &|| sql("PRAGMA ignore_check_constraints = 1; UPDATE meta SET value = -7")),
        ("a pipe", &|| {
            std::fs::remove_file(&database).unwrap();
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, &database, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }),
        ("a directory", &|| {
            std::fs::remove_file(&database).unwrap();
            std::fs::create_dir(&database).unwrap();
        }),
    ];
    for (place, (what, act)) in ways.into_iter().enumerate() {
        act();
        let mut linkhook = run(&namespace, &configuration);
        mtu(&namespace, 30001 + place as u32 % 2);
        assert_eq!(sequences(&receiver.next()), [sequence(&linkhook.event("link", "change"))], "{what}");
        linkhook.stop();
    }
    let aside = std::fs::read_dir(state.path())?.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("linkhook.db.set-aside-")
            && !name.to_string_lossy().contains("db.set-aside-wal")
    });
    assert!(aside.count() >= 5);
    Ok(())
}

fn tried() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "503");
    let lines = "retry = { most = \"50ms\", give_up_after = \"1h\" }";
    let hook = webhook("noc", receiver.port, lines).replace("retry.first = \"10ms\"\n", "");
    let hook = hook.replace("retry = {", "retry = { first = \"10ms\",");
    let configuration = configuration(&state.path(), &hook);
    let mut linkhook = run(&namespace, &configuration);
    mtu(&namespace, 30001);
    linkhook.event("link", "change");
    (0..5).for_each(|_| drop(receiver.next()));
    linkhook.stop();
    let connection = Connection::open(state.path().join("linkhook.db"))?;
    let noted: i64 = connection.query_row("SELECT tried FROM batch", [], |row| row.get(0))?;
    assert!((20..60_000).contains(&noted), "{noted} ms");
    // Long ago is no time tried: what counts is what is noted, and goes on.
    connection.execute("UPDATE batch SET tried = 3600000 - 5000", [])?;
    drop(connection);
    let mut linkhook = run(&namespace, &configuration);
    let began = Instant::now();
    let told = linkhook.event("output", "dropped");
    assert_eq!(told["output"]["reason"], "not taken in time");
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
    Ok(())
}
