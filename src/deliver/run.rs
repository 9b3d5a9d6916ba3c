//! One attempt: a command, and what came of it. Its exit status is the answer: 0 is taken, 75 (`EX_TEMPFAIL` of sysexits.h) is
//! again, anything else is refused.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde_json::Value;

use super::Webhook;
use super::send::{Parcel, Reply, SAID_CHARACTERS_MAX, beginning};
use crate::command;

/// The exit status that asks for another attempt.
pub const AGAIN: i32 = 75;
/// So much of what a command says last on stderr is kept.
const SAID_BYTES_MAX: usize = 1 << 10;

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it is.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Runs it, and waits for its end.
pub(super) fn run(command: &Command, webhook: &Webhook, parcel: Parcel<'_>) -> Reply {
    let failed = |error: io::Error| Reply::None(format!("cannot run {}: {error}", command.program.display()));
    match start(command, webhook, parcel) {
        Ok(child) => wait(child, webhook.timeout).unwrap_or_else(failed),
        Err(error) => failed(error),
    }
}

fn start(command: &Command, webhook: &Webhook, parcel: Parcel<'_>) -> io::Result<Child> {
    let events: Vec<Value> =
        parcel.events.iter().map(|line| serde_json::from_slice(line).unwrap_or_default()).collect();
    let mut child = command::prepare(&command.program, parcel.body, &events)?;
    child.args(&command.arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    child.env("LINKHOOK_NAME", &webhook.name).env("LINKHOOK_BATCH_ID", parcel.id);
    child.env("LINKHOOK_BATCH", parcel.number.to_string());
    // A group of its own, so that all of it ends where it takes too long, and no signal for linkhook reaches it.
    child.process_group(0).spawn()
}

fn wait(mut child: Child, timeout: Duration) -> io::Result<Reply> {
    let group = Pid::from_child(&child);
    let mut said = Said { stderr: child.stderr.take(), tail: Vec::new() };
    let ended = pidfd_open(group, PidfdFlags::empty()).map_err(io::Error::from).and_then(|process| {
        let deadline = Instant::now() + timeout;
        said.set_nonblocking()?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            let mut ready = vec![PollFd::new(&process, PollFlags::IN)];
            ready.extend(said.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
            match poll(&mut ready, Some(&left)) {
                Err(rustix::io::Errno::INTR) => continue,
                result => result.map_err(io::Error::from)?,
            };
            let has_ended = !ready[0].revents().is_empty();
            drop(ready);
            said.listen();
            if has_ended {
                return Ok(true);
            }
        }
    });
    if !matches!(ended, Ok(true)) {
        // It, and all that it has started and that is still of its group.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    said.listen();
    Ok(if ended? {
        reply(status, said.words())
    } else {
        let said = said.words();
        let colon = if said.is_empty() { "" } else { ": " };
        Reply::Ended {
            code: None,
            said: format!("it did not end within {} s, and was killed{colon}{said}", timeout.as_secs_f64()),
        }
    })
}

fn reply(status: ExitStatus, said: String) -> Reply {
    let colon = if said.is_empty() { "" } else { ": " };
    match status.code() {
        Some(code) => Reply::Ended { code: Some(code), said },
        None => {
            let signal = status.signal().unwrap_or_default();
            Reply::Ended { code: None, said: format!("ended by signal {signal}{colon}{said}") }
        }
    }
}

/// The last words of a command on stderr.
struct Said {
    stderr: Option<ChildStderr>,
    tail: Vec<u8>,
}

impl Said {
    fn set_nonblocking(&self) -> io::Result<()> {
        self.stderr.as_ref().map_or(Ok(()), |stderr| Ok(rustix::io::ioctl_fionbio(stderr.as_fd(), true)?))
    }

    /// Takes what there is.
    fn listen(&mut self) {
        let mut octets = [0; 4096];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut octets) {
                Ok(count) if count > 0 => {
                    self.tail.extend_from_slice(&octets[..count]);
                    let surplus = self.tail.len().saturating_sub(SAID_BYTES_MAX);
                    self.tail.drain(..surplus);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => self.stderr = None,
            }
        }
    }

    /// The end of it, in one line.
    fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        let text = text.trim();
        let from = text.char_indices().rev().nth(SAID_CHARACTERS_MAX - 1).map_or(0, |(place, _)| place);
        beginning(&text.as_bytes()[from..])
    }
}
