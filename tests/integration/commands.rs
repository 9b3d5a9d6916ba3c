//! Commands that are run for events (`[[exec]]`): real links, real programs, a real kill -9.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::deliver::Configuration;
use crate::namespace::{Namespace, PATIENCE};
use crate::store::{State, configuration, die, mtu, run, sequence};

/// The tests of this room, in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("a_command_is_run_for_each_event_in_order", each),
    ("several_events_are_several_lines", several),
    ("an_exit_status_is_an_answer", statuses),
    ("a_command_that_takes_too_long_is_killed_with_what_it_started", timeout),
    ("a_command_that_was_running_is_run_again_after_kill_9", killed),
    ("the_sandbox_and_commands_do_not_go_together", sandbox),
];

/// A command that runs that script, in which `$1` is a directory of the test's own.
pub fn exec(directory: &Path, script: &str, lines: &str) -> String {
    let path = directory.join("script");
    std::fs::write(&path, script).unwrap();
    let (path, directory) = (path.display(), directory.display());
    format!(
        "[[exec]]\nname = \"act\"\ncommand = [\"/bin/sh\", \"{path}\", \"{directory}\"]\nretry.first = \"10ms\"\n{lines}\n"
    )
}

/// The lines of a file of the test's, once there are so many.
pub fn lines(path: PathBuf, count: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.lines().count() >= count && text.ends_with('\n') {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(began.elapsed() < PATIENCE, "{text}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The dead letters.
fn letters(state: &State) -> Vec<Value> {
    let text = std::fs::read_to_string(state.path().join("dead/act.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn each() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let script = "cat >> \"$1/stdin\"\n\
                  echo \"$LINKHOOK_EVENT $LINKHOOK_ACTION $LINKHOOK_IFNAME [$LINKHOOK_SIGNALS] $LINKHOOK_SEVERITY \
                  $LINKHOOK_SEQ [$LINKHOOK_NETNS] $LINKHOOK_NAME $LINKHOOK_BATCH\" >> \"$1/words\"\n";
    let lines_of =
        "kinds = [\"link\"]\nactions = [\"change\"]\nfilter = '.link.mtu != 30002'\nfields = { site = \"lab\" }";
    let settings = configuration(&state.path(), &exec(state.0.path(), script, lines_of));
    let mut linkhook = run(&namespace, &settings);
    for number in [30001, 30002, 30003, 30004] {
        mtu(&namespace, number);
    }
    let told: Vec<Value> =
        (30001..=30004).map(|mtu| linkhook.expect("a change", |line| line["link"]["mtu"] == mtu)).collect();
    let words = lines(state.0.path().join("words"), 3);
    let wanted = [&told[0], &told[2], &told[3]];
    for ((said, line), number) in words.iter().zip(wanted).zip(1..) {
        assert_eq!(*said, format!("link change lo [mtu_changed] notice {} [] act {number}", sequence(line)));
    }
    assert_eq!(words.len(), 3);
    let stdin = lines(state.0.path().join("stdin"), 3);
    for (given, line) in stdin.iter().zip(wanted) {
        let mut given: Value = serde_json::from_str(given)?;
        assert_eq!(given.as_object_mut().unwrap().remove("fields").unwrap()["site"], "lab");
        assert_eq!(given, *line);
    }
    Ok(())
}

fn several() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    // The first run takes until all have come.
    let script = "while [ ! -e \"$1/go\" ] && [ -d \"$1\" ]; do sleep 0.05; done\n\
                  echo \"$(grep -c . ) $LINKHOOK_EVENT $LINKHOOK_ACTION [$LINKHOOK_IFNAME]\" >> \"$1/words\"\n";
    let batch = "kinds = [\"link\"]\nactions = [\"add\"]\nbatch = { events = 100, wait = \"0s\" }";
    let settings = configuration(&state.path(), &exec(state.0.path(), script, batch));
    let mut linkhook = run(&namespace, &settings);
    for name in ["one", "two", "three"] {
        namespace.run(&format!("ip link add {name} type bridge"));
        linkhook.expect("a link", |line| line["ifname"] == name);
    }
    std::fs::write(state.0.path().join("go"), "")?;
    let words = lines(state.0.path().join("words"), 2);
    assert_eq!(words, ["1 link add [one]", "2 link add []"]);
    Ok(())
}

fn statuses() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    // The first attempt at each comes too early; that at one of them is of no use.
    let script = "echo \"$LINKHOOK_IFNAME $LINKHOOK_BATCH_ID\" >> \"$1/runs\"\n\
                  [ -e \"$1/$LINKHOOK_IFNAME\" ] || { touch \"$1/$LINKHOOK_IFNAME\"; echo later >&2; exit 75; }\n\
                  [ \"$LINKHOOK_IFNAME\" != poison ] || { seq 1000 >&2; echo 'no such thing' >&2; exit 3; }\n";
    let lines_of = "kinds = [\"link\"]\nactions = [\"add\"]";
    let settings = configuration(&state.path(), &exec(state.0.path(), script, lines_of));
    let mut linkhook = run(&namespace, &settings);
    for name in ["one", "poison", "two"] {
        namespace.run(&format!("ip link add {name} type bridge"));
    }
    let told = linkhook.event("output", "dropped");
    assert_eq!((&told["output"]["exec"], &told["output"]["events"]), (&"act".into(), &1.into()), "{told}");
    let runs = lines(state.0.path().join("runs"), 6);
    let names: Vec<&str> = runs.iter().filter_map(|run| run.split(' ').next()).collect();
    assert_eq!(names, ["one", "one", "poison", "poison", "two", "two"]);
    assert!(runs.chunks(2).all(|pair| pair[0] == pair[1]), "the id is the same: {runs:?}");
    let letters = letters(&state);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["events"][0]["ifname"], "poison");
    let reason = letters[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("refused (exit status 3: ") && reason.ends_with("no such thing)"), "{reason}");
    Ok(())
}

fn timeout() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let script = "[ \"$LINKHOOK_IFNAME\" = one ] || exit 0\n\
                  sleep 600 & echo $! > \"$1/child\"; echo 'I wait' >&2; wait\n";
    let lines_of = "kinds = [\"link\"]\nactions = [\"add\"]\ntimeout = \"500ms\"";
    let settings = configuration(&state.path(), &exec(state.0.path(), script, lines_of));
    let mut linkhook = run(&namespace, &settings);
    namespace.run("ip link add one type bridge; ip link add two type bridge");
    linkhook.event("output", "dropped");
    let letters = letters(&state);
    assert_eq!(letters[0]["events"][0]["ifname"], "one");
    assert_eq!(letters[0]["reason"], "refused (it did not end within 0.5 s, and was killed: I wait)");
    // It is gone, or a corpse that nobody has taken away yet.
    let child = lines(state.0.path().join("child"), 1).remove(0);
    let began = Instant::now();
    while std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(began.elapsed() < PATIENCE, "{child} lives");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

fn killed() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let script = "echo \"$LINKHOOK_IFNAME $LINKHOOK_BATCH_ID\" >> \"$1/runs\"\n\
                  while [ ! -e \"$1/go\" ] && [ -d \"$1\" ]; do sleep 0.05; done\n";
    let lines_of = "kinds = [\"link\"]\nactions = [\"add\"]";
    let settings = configuration(&state.path(), &exec(state.0.path(), script, lines_of));
    let linkhook = run(&namespace, &settings);
    namespace.run("ip link add one type bridge");
    let first = lines(state.0.path().join("runs"), 1);
    die(linkhook);
    let mut linkhook = run(&namespace, &settings);
    let runs = lines(state.0.path().join("runs"), 2);
    assert_eq!(runs[1], first[0]);
    std::fs::write(state.0.path().join("go"), "")?;
    namespace.run("ip link add two type bridge");
    linkhook.expect("the link", |line| line["ifname"] == "two");
    assert!(lines(state.0.path().join("runs"), 3)[2].starts_with("two "));
    Ok(())
}

/// With a command there is no sandbox; where it was entered, none is added, and where it must be, linkhook does not start.
fn sandbox() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let with = |security: &str| format!("[security]\nsandbox = {security}\n{}", exec(state.0.path(), "true\n", ""));
    let settings = configuration(&state.path(), &with("true"));
    let output = namespace.command(crate::namespace::PROGRAM).args(["--config", settings.path()]).output()?;
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("does not go together with [[exec]]"), "{said}");
    let settings: Configuration = configuration(&state.path(), "");
    let mut linkhook = run(&namespace, &settings);
    let text = std::fs::read_to_string(settings.path())?;
    std::fs::write(settings.path(), text + &exec(state.0.path(), "echo ran >> \"$1/runs\"\n", ""))?;
    linkhook.signal(rustix::process::Signal::HUP);
    mtu(&namespace, 30001);
    linkhook.expect("the change", |line| line["link"]["mtu"] == 30001);
    linkhook.stop();
    assert!(!state.0.path().join("runs").exists());
    Ok(())
}
