//! Signals from the first moment on, and a stderr that nobody reads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process};

use crate::namespace::{Namespace, PATIENCE, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("while_it_starts_hangups_are_kept_and_the_end_is_at_once", starting),
    ("without_anything_to_read_again_a_hangup_is_the_end", hangup),
    ("a_command_that_ends_by_itself_dies_by_its_signal", command),
    ("a_wrong_command_line_ends_although_nobody_reads_stderr", wrong_usage),
];

/// Those that need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[("nobody_needs_to_read_stderr", unread)];

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Directory {
        Directory(tempfile::tempdir().unwrap())
    }

    /// A pipe with a name.
    fn pipe(&self) -> PathBuf {
        let path = self.0.path().join("linkhook.toml");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn end(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// linkhook that reads its configuration just now, from the pipe that is given back.
fn reading(directory: &Directory) -> (Child, File) {
    let path = directory.pipe();
    let mut command = Command::new(PROGRAM);
    let child = command.arg("--config").arg(&path).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It waits here until the other side is opened.
    (child, File::options().write(true).open(path).unwrap())
}

fn starting() -> Result<(), Failed> {
    let directory = Directory::new();
    let (mut child, mut pipe) = reading(&directory);
    send(&child, Signal::HUP);
    pipe.write_all(b"[watch]\nkinds = [\"hello\"]\n")?;
    drop(pipe);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line)?;
    assert!(line.contains("\"hello\""), "{line:?}: {}", end(&mut child));
    // The hangup is obeyed now: the pipe is read again.
    File::options().write(true).open(directory.0.path().join("linkhook.toml"))?.write_all(b"[watch]\n")?;
    send(&child, Signal::TERM);
    assert_eq!(end(&mut child).code(), Some(0));
    for signal in [Signal::TERM, Signal::INT] {
        let directory = Directory::new();
        let (mut child, _pipe) = reading(&directory);
        send(&child, signal);
        assert_eq!(end(&mut child).code(), Some(0), "{signal:?}");
    }
    Ok(())
}

fn hangup() -> Result<(), Failed> {
    let start = |before: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before} exec {PROGRAM} hello bye")]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        (child, lines)
    };
    let (mut child, mut lines) = start("");
    send(&child, Signal::HUP);
    let mut rest = String::new();
    lines.read_to_string(&mut rest)?;
    assert!(rest.contains("\"bye\""), "{rest}");
    assert_eq!(end(&mut child).code(), Some(0));
    // Whoever started it may have it outlive the terminal.
    let (mut child, _lines) = start("trap '' HUP;");
    send(&child, Signal::HUP);
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait()?.is_none());
    send(&child, Signal::TERM);
    assert_eq!(end(&mut child).code(), Some(0));
    Ok(())
}

fn command() -> Result<(), Failed> {
    let recording = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/rule.rtmon"))?;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut command = Command::new(PROGRAM);
        let mut child = command.args(["decode", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        // It has begun to read once the pipe is empty, and wants more.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&recording[..100])?;
        let began = Instant::now();
        while rustix::io::ioctl_fionread(&stdin)? > 0 {
            assert!(began.elapsed() < PATIENCE);
            std::thread::park_timeout(Duration::from_millis(2));
        }
        send(&child, signal);
        let status = end(&mut child);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal.as_raw()), "{status}");
    }
    Ok(())
}

/// A pipe that is full, for stderr; and its other end.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'x'; 1 << 12]).is_ok() {}
    while rustix::io::write(&writer, b"x").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

fn wrong_usage() -> Result<(), Failed> {
    for argument in ["--nonsense", "rote"] {
        let (_reader, stderr) = full_pipe();
        let mut child = Command::new(PROGRAM).arg(argument).stderr(stderr).stdout(Stdio::null()).spawn()?;
        assert_eq!(end(&mut child).code(), Some(2), "{argument}");
    }
    Ok(())
}

fn unread() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let (_reader, stderr) = full_pipe();
    let mut child = namespace.command(PROGRAM);
    // It has much to say: an expression that fails, and every detail.
    let filter = "if .link.mtu % 2 == 0 then error(\"no\") else . end";
    let mut child = child
        .args(["-vvv", "hello", "link", "bye", "--filter", filter])
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line
    };
    assert!(next().contains("\"hello\""));
    for number in (30_000..30_010).step_by(2) {
        namespace.run(&format!("ip link set lo mtu {number}; ip link set lo mtu {}", number + 1));
        let line = next();
        assert!(line.contains(&format!("\"new\":{}", number + 1)), "{line}");
    }
    send(&child, Signal::TERM);
    assert!(next().contains("\"bye\""));
    assert_eq!(end(&mut child).code(), Some(0));
    Ok(())
}
