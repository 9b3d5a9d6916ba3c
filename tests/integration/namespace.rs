//! A network namespace of a test's own, and linkhook in it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No wait is longer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where the program lies.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_linkhook");

/// Why no namespace can be made here, if so.
pub fn obstacle() -> Option<String> {
    let began = Instant::now();
    let mut child = unshare().args(["ip", "link", "add", "t0", "type", "veth"]).stderr(Stdio::piped()).spawn().ok()?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return None,
            Ok(Some(status)) => {
                let mut told = String::new();
                child.stderr.take()?.read_to_string(&mut told).ok()?;
                return Some(format!("a veth pair in a new network namespace: {status}: {}", told.trim()));
            }
            Ok(None) if began.elapsed() < PATIENCE => std::thread::park_timeout(Duration::from_millis(5)),
            _ => {
                // It may hang in the kernel: it is not waited for.
                let _ = child.kill();
                return Some("making a veth pair in a new network namespace takes more than 20 s".into());
            }
        }
    }
}

/// `unshare` with a new network namespace, as whoever runs the tests can make one.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.arg(if rustix::process::geteuid().is_root() { "-n" } else { "-Urn" });
    command
}

/// A namespace, for as long as it lives.
pub struct Namespace {
    holder: Child,
    /// It has mounts of its own, and an empty /run.
    mounts: bool,
}

impl Namespace {
    /// Makes one, with `lo` up.
    pub fn new() -> Namespace {
        Namespace::make(false)
    }

    /// Makes one with an empty /run of its own, so that names of namespaces may be made in it.
    pub fn with_names() -> Namespace {
        Namespace::make(true)
    }

    fn make(mounts: bool) -> Namespace {
        let mut command = unshare();
        // Longer than any test takes, but where it is said how many kills one is to stand.
        let seconds = if std::env::var_os("LINKHOOK_KILLS").is_some() { 7200 } else { 600 };
        let mount = if mounts { "mount -t tmpfs none /run; " } else { "" };
        let script = format!("{mount}echo ready; exec sleep {seconds}");
        if mounts {
            command.arg("-m");
        }
        command.args(["--kill-child", "--fork", "sh", "-ec", &script]);
        let mut holder = command.stdout(Stdio::piped()).spawn().expect("unshare");
        let mut ready = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        let namespace = Namespace { holder, mounts };
        namespace.run("ip link set lo up");
        namespace
    }

    /// The process that holds it: the child of `unshare`.
    fn process(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.holder.id());
        let children = std::fs::read_to_string(path).expect("children of unshare");
        children.split_whitespace().next().and_then(|child| child.parse().ok()).expect("a child of unshare")
    }

    /// A command that runs in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let process = self.process().to_string();
        command.args(["-t", &process, "-n"]);
        if self.mounts {
            command.arg("-m");
        }
        if !rustix::process::geteuid().is_root() {
            command.args(["-U", "--preserve-credentials"]);
        }
        command.args(["--", program]);
        command
    }

    /// Runs a shell command in it, which must succeed.
    pub fn run(&self, script: &str) {
        let output = self.command("sh").args(["-ec", script]).output().expect("nsenter");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs lines of `ip`'s own, all of them in one process, so that they follow each other at once.
    pub fn batch(&self, lines: &str) {
        self.run(&format!("ip -batch - <<'END'\n{lines}END"));
    }

    /// What `ip -j -d …` shows.
    pub fn ip(&self, arguments: &str) -> Value {
        let output = self.command("sh").args(["-ec", &format!("ip -d -j {arguments}")]).output().expect("nsenter");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Array(Vec::new()))
    }

    /// Starts linkhook in it; its `hello` has been read when this returns, where it prints one.
    pub fn linkhook(&self, arguments: &[&str]) -> Linkhook {
        let mut command = self.command(PROGRAM);
        command.args(arguments);
        Linkhook::start(command)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A linkhook that runs.
pub struct Linkhook {
    child: Child,
    lines: Receiver<Value>,
    /// Every line so far.
    pub seen: Vec<Value>,
}

impl Linkhook {
    /// Starts it and reads its lines in a thread.
    pub fn start(mut command: Command) -> Linkhook {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("linkhook");
        let (sender, lines) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            loop {
                line.clear();
                // One that is killed may leave a part of a line, which is none.
                if !output.read_until(b'\n', &mut line).is_ok_and(|_| line.ends_with(b"\n")) {
                    return;
                }
                let value = serde_json::from_slice(&line).unwrap_or_else(|error| {
                    panic!("not JSON: {error}: {}", String::from_utf8_lossy(&line));
                });
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Linkhook { child, lines, seen: Vec::new() }
    }

    /// The first line from here on for which `wanted` holds; panics when there is none in time.
    pub fn expect(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(error) => {
                    let seen: Vec<String> = self.seen.iter().rev().take(30).rev().map(Value::to_string).collect();
                    panic!("{what}: {error}; the last lines were\n{}", seen.join("\n"));
                }
            }
        }
    }

    /// Waits for a line for which `wanted` holds, unless there was one already.
    pub fn until_seen(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        if !self.seen.iter().any(&wanted) {
            self.expect(what, wanted);
        }
    }

    /// Does something again and again until a line comes for which `wanted` holds: what comes during the first dump is
    /// shown by it, and not told as a change.
    pub fn until(&mut self, what: &str, mut act: impl FnMut(u32), mut wanted: impl FnMut(&Value) -> bool) {
        const PAUSE: Duration = Duration::from_millis(100);
        let began = Instant::now();
        for round in 0.. {
            act(round);
            while let Ok(line) = self.lines.recv_timeout(PAUSE) {
                let found = wanted(&line);
                self.seen.push(line);
                if found {
                    return;
                }
            }
            assert!(began.elapsed() < PATIENCE, "{what}");
        }
    }

    /// The next line, if one comes within that time.
    pub fn try_lines(&mut self, within: Duration) -> Vec<Value> {
        let line = self.lines.recv_timeout(within).ok();
        self.seen.extend(line.clone());
        line.into_iter().collect()
    }

    /// Takes lines in for so long.
    pub fn wait(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The first line of that kind and action.
    pub fn event(&mut self, event: &str, action: &str) -> Value {
        self.expect(&format!("{event} {action}"), |line| line["event"] == event && line["action"] == action)
    }

    /// Its process: `nsenter` has become it.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Ends it by SIGINT and gives back the rest of its lines.
    pub fn stop(mut self) -> (ExitStatus, Vec<Value>) {
        self.signal(rustix::process::Signal::INT);
        self.rest()
    }

    /// Waits for its end.
    pub fn rest(&mut self) -> (ExitStatus, Vec<Value>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("linkhook does not end"),
            }
        }
        (self.child.wait().unwrap(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Linkhook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
