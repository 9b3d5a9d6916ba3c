//! The commands in the documentation: each is run as it stands there.

use std::path::Path;
use std::process::{Child, Stdio};

use libtest_mimic::Failed;

use crate::namespace::{Namespace, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[("every_command_can_be_read_by_a_shell", parsed)];

/// Those in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[("every_command_does_what_it_is_said_to_do", run)];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What is not run: a part of the command, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("ssh ", "it needs another machine"),
    ("curl ", "it asks a linkhook that serves figures: tests/integration/serve.rs does the same"),
    ("xdg-open ", "it opens a browser: tests/integration/page.rs does"),
    ("journalctl ", "it asks a journal: tests/integration/outputs.rs plays one"),
    ("linkhook check  ", "it reads the configuration of an installed service"),
    ("linkhook spool", "it looks into an installed service: tests/integration/spool.rs does the same"),
    ("linkhook history", "it looks into an installed service: tests/integration/history.rs does the same"),
    ("linkhook list --at", "the same"),
    ("linkhook diff", "the same"),
    ("linkhook why", "the same"),
    ("scripts/run", "it builds linkhook: .ci/run and scripts/check-fresh run it"),
    ("scripts/test", "it runs these tests"),
];

/// Programs that the commands use and that are not linkhook's: here they do nothing.
const OTHERS: &[&str] = &["editor", "jq", "systemctl", "start-vpn", "failover", "logger"];

/// Every command: the lines of the shell's blocks, and the second column of the recipes' table.
fn commands() -> Vec<String> {
    let mut commands = Vec::new();
    let docs = std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path());
    for path in docs.chain([Path::new(ROOT).join("README.md")]) {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut rest = text.as_str();
        while let Some((_, block)) = rest.split_once("```sh\n") {
            let (lines, after) = block.split_once("```").unwrap();
            commands.extend(lines.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
            rest = after;
        }
        let is_recipe =
            |row: &&str| path.ends_with("recipes.md") && row.starts_with("| ") && row.contains("| `linkhook ");
        for row in text.lines().filter(is_recipe) {
            let command = row.rsplit_once("| `").unwrap().1.trim_end_matches(" |").trim_end_matches('`');
            commands.push(command.replace("\\|", "|"));
        }
    }
    assert!(commands.len() > 40, "only {} commands were found", commands.len());
    commands
}

fn parsed() -> Result<(), Failed> {
    for command in commands() {
        let read = std::process::Command::new("sh").args(["-nc", &command]).output()?;
        assert!(read.status.success(), "{command}: {}", String::from_utf8_lossy(&read.stderr));
    }
    Ok(())
}

fn run() -> Result<(), Failed> {
    let namespace = Namespace::with_names();
    namespace.run("ip link add eth0 type veth peer name v1; ip link set v1 up; ip link set eth0 up");
    namespace.run("ip netns add blue; ip netns add red");
    let folder = tempfile::tempdir()?;
    let programs = folder.path().join("bin");
    std::fs::create_dir(&programs)?;
    std::os::unix::fs::symlink(PROGRAM, programs.join("linkhook"))?;
    for other in OTHERS {
        let path = programs.join(other);
        std::fs::write(&path, "#!/bin/sh\ncat >/dev/null\n")?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    std::fs::copy(Path::new(ROOT).join("config/linkhook.toml"), folder.path().join("linkhook.toml"))?;
    let recording = Path::new(ROOT).join("tests/recordings/link-l2.pcap");
    std::fs::copy(recording, folder.path().join("capture.pcap"))?;
    std::fs::write(folder.path().join("events.jsonl"), "")?;
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let is_run = |command: &String| !NOT_RUN.iter().any(|(part, _)| command.contains(part));
    let start = |command: String| -> (String, Child) {
        // Whoever enters a namespace of mounts begins at its root.
        let script = format!("cd {} && {command}", folder.path().display());
        let mut running = namespace.command("timeout");
        // A watch ends with status 0 where it is interrupted.
        running.args(["--signal=INT", "--kill-after=20", "--preserve-status", "3", "sh", "-c", &script]);
        running.env("PATH", &path);
        running.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        (command, running.spawn().unwrap())
    };
    let running: Vec<_> = commands().into_iter().filter(is_run).map(start).collect();
    let mut wrong = Vec::new();
    for (command, child) in running {
        let output = child.wait_with_output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        // The shell itself may be interrupted (130), or what is waited for is not so yet.
        let is_over =
            output.status.code().is_none_or(|status| [0, 130].contains(&status)) || command.contains("linkhook wait");
        if !is_over || told.contains("linkhook: error") && !command.contains("linkhook wait") {
            wrong.push(format!("{command}: {}: {told}", output.status));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
