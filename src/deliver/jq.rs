//! A jq expression in a child of its own: the parent's side. Every expression runs there: a webhook's `filter`, `body` and
//! `taken`, `[watch] filter`, `--filter` and `--print`.
//!
//! A jq program can exhaust the stack, take all memory or never end, and no thread can contain that. So a child of the
//! same program runs it (`linkhook jq-worker`), with limits of its own, without files, network, environment or privileges.
//!
//! It is asked about many events at once, and answers several at once. Where it breaks, those without an answer are asked
//! about one by one, in a fresh child, until one breaks that. That one is tried once more, since a child may be ended by
//! somebody else; if it breaks that, too, it is [`Verdict::Broken`], and the others go on.

pub mod frames;

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use frames::{Answer, FRAME_BYTES_MAX};
pub use frames::{Use, Verdict};

use crate::error::{Error, Result};
use crate::filter::plain::Plain;

/// Bytes of memory that the child may ask for, its program and stack included.
pub const MEMORY_BYTES_MAX: u64 = 256 << 20;
/// Bytes of stack for the expression. A byte of it takes less than 4 KiB of stack to compile, however nested: with
/// [`CODE_BYTES_MAX`] that is enough for any.
pub const STACK_BYTES: usize = 64 << 20;
/// The longest expression.
pub const CODE_BYTES_MAX: usize = 16 << 10;
/// The child has so long for an event, which commonly takes it far less than a millisecond.
pub const EVENT_TIMEOUT: Duration = Duration::from_secs(2);
/// Where it is asked about several, the next answer comes within so long, or they are asked about one by one.
const SEVERAL_TIMEOUT: Duration = Duration::from_millis(500);
/// After so long a call gives back what it has.
pub const BATCH_TIMEOUT: Duration = Duration::from_secs(5);
/// A new child has so long to be ready.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The pauses before a new child, while children break one after the other.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Events that are asked about before the clock is looked at.
const ASKED_EVENTS_MAX: usize = 64;
/// Bytes of frames that are made at once, beside a frame that is longer.
const SAYING_BYTES: usize = 64 << 10;
/// So much of what the child says on stderr is kept.
const WORDS_BYTES_MAX: usize = 4 << 10;

/// The name that starts the child.
pub const COMMAND: &str = "jq-worker";
/// Whatever has become of the program's file meanwhile, this is what runs here.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Whether an expression compiles; if not, the error shows where. A child compiles it.
pub fn check(by: Use, code: &str) -> Result<()> {
    check_by(Path::new(OWN_PROGRAM), by, code)
}

/// The same, by another file of linkhook's program.
pub fn check_by(program: &Path, by: Use, code: &str) -> Result<()> {
    let called = by.words();
    if code.len() > CODE_BYTES_MAX {
        let most = CODE_BYTES_MAX >> 10;
        return Err(Error::usage(format_args!("{called} is {} bytes long; {most} KiB are allowed", code.len())));
    }
    if code.trim().is_empty() {
        return Err(Error::usage(format_args!("{called} is empty; write an expression such as {}", by.example())));
    }
    match Process::start(program, &[expression(by, code)], Duration::ZERO, called) {
        Ok(_) => Ok(()),
        Err(Unstarted::Refused(why)) => Err(Error::usage(why)),
        Err(Unstarted::Broken(why)) => Err(Error::usage(format_args!("{called} cannot be compiled: {why}"))),
        Err(Unstarted::Failed(why)) => Err(Error::failed(format_args!("cannot run {called}: {why}"))),
    }
}

/// The frame that tells a child of an expression.
fn expression(by: Use, code: &str) -> Vec<u8> {
    [&[by.octet()], code.as_bytes()].concat()
}

/// What becomes of an event that breaks a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It is tried once more, for it may have been somebody else who ended the child.
    Twice,
    /// The same, but not where it has taken too long: somebody waits.
    Waiting,
    /// It is an error of the call, or of the next one where there are verdicts already: a command ends by it.
    Never,
}

/// Judges events by a jq expression, says what is printed of them by another, or both.
///
/// The thread that first calls [`Judge::judge`] must go on calling it: the child dies with that thread.
#[derive(Debug)]
pub struct Judge {
    program: PathBuf,
    /// The frames that tell the child what to run.
    expressions: Vec<Vec<u8>>,
    /// What errors call them.
    called: &'static str,
    /// The filter, where it is plain enough to be held against most events here.
    plain: Option<Plain>,
    patience: Patience,
    process: Option<Process>,
    /// What has broken the child, where that is the end.
    broken: Option<String>,
    /// Children in a row that broke without a verdict.
    breaks: u32,
}

impl Judge {
    /// For a filter that is known to compile. The child starts with the first event.
    pub fn new(code: &str) -> Judge {
        Judge { plain: Plain::parse(code), ..Judge::with_program(OWN_PROGRAM.into(), code) }
    }

    /// The same, by another file of linkhook's program.
    pub fn with_program(program: PathBuf, code: &str) -> Judge {
        Judge::running(program, Use::Filter, code)
    }

    /// For an expression of another use, which is known to compile.
    pub fn of(by: Use, code: &str) -> Judge {
        Judge::running(OWN_PROGRAM.into(), by, code)
    }

    fn running(program: PathBuf, by: Use, code: &str) -> Judge {
        let (expressions, called) = (vec![expression(by, code)], by.words());
        Judge {
            program,
            expressions,
            called,
            plain: None,
            patience: Patience::Twice,
            process: None,
            broken: None,
            breaks: 0,
        }
    }

    /// For what is printed of events that a filter lets through, or of all.
    pub fn printing(filter: Option<&str>, print: &str) -> Judge {
        let filter = filter.map(|filter| expression(Use::Filter, filter));
        let expressions = filter.into_iter().chain([expression(Use::Print, print)]).collect();
        Judge { expressions, ..Judge::new("") }
    }

    /// The same with another patience.
    pub fn patient(self, patience: Patience) -> Judge {
        Judge { patience, ..self }
    }

    /// Judges events, each a line of JSON, in order: at least the first one, and as many as [`BATCH_TIMEOUT`] leaves
    /// time for.
    ///
    /// The error says why no child can be started, which is not the events' fault: the caller tries again later. With
    /// [`Patience::Never`] it may say what broke the child, too.
    pub fn judge<E: AsRef<[u8]>>(&mut self, events: &[E]) -> std::result::Result<Vec<Verdict>, String> {
        let began = Instant::now();
        let mut verdicts = Vec::with_capacity(events.len());
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        // The next event has broken a child by itself.
        let mut suspect = false;
        // One of so many next events has broken a child.
        let mut among = 0_usize;
        while verdicts.len() < events.len() && (verdicts.is_empty() || began.elapsed() < BATCH_TIMEOUT) {
            let rest = &events[verdicts.len()..];
            if let Some(accepts) = self.plain.as_ref().and_then(|plain| plain.accepts(rest[0].as_ref())) {
                verdicts.push(if accepts { Verdict::Keep } else { Verdict::Drop });
                continue;
            }
            if rest[0].as_ref().len() > FRAME_BYTES_MAX {
                verdicts.push(Verdict::Broken(format!("the event is larger than {} MiB", FRAME_BYTES_MAX >> 20)));
                continue;
            }
            let most = if suspect || among > 0 || self.plain.is_some() { 1 } else { ASKED_EVENTS_MAX };
            let asked = rest.iter().map(AsRef::as_ref).take(most).take_while(|event| event.len() <= FRAME_BYTES_MAX);
            let (judged, count) = (verdicts.len(), asked.clone().count());
            let process = match &mut self.process {
                Some(process) => process,
                none => none.insert(
                    Process::start(&self.program, &self.expressions, pause(self.breaks), self.called)
                        .map_err(|why| format!("cannot run {}: {}", self.called, why.words()))?,
                ),
            };
            let result = process.ask(asked, &mut verdicts);
            let answered = verdicts.len() - judged;
            if answered > 0 {
                (self.breaks, suspect) = (0, false);
            }
            among = among.saturating_sub(answered);
            let Err(broke) = result else { continue };
            let settled = suspect || (self.patience == Patience::Waiting && matches!(broke, Broke::Silent));
            let reason = self.process.take().map(|process| process.end(&broke)).unwrap_or_default();
            log::debug!("{reason}");
            self.breaks = self.breaks.saturating_add(1);
            if count > 1 {
                among = count - answered;
                continue;
            }
            if self.patience == Patience::Never {
                self.broken = Some(reason);
                break;
            }
            if settled {
                verdicts.push(Verdict::Broken(reason));
            }
            // Once it is settled, the next ones are as good as any.
            suspect = !settled;
            among = if settled { 0 } else { among };
        }
        match &self.broken {
            Some(broken) if verdicts.is_empty() => Err(broken.clone()),
            _ => Ok(verdicts),
        }
    }
}

/// The pause after so many children that broke one after the other.
fn pause(breaks: u32) -> Duration {
    let (first, most) = PAUSE;
    match breaks.checked_sub(1) {
        Some(before) => first.saturating_mul(1 << before.min(16)).min(most),
        None => Duration::ZERO,
    }
}

/// Why a child is of no use any more.
#[derive(Debug)]
enum Broke {
    /// It has ended, or cannot be talked to.
    Ended,
    /// It does not answer.
    Silent,
    /// It says what it should not.
    Nonsense,
}

impl From<io::Error> for Broke {
    fn from(error: io::Error) -> Broke {
        if error.kind() == ErrorKind::InvalidData { Broke::Nonsense } else { Broke::Ended }
    }
}

/// A child that runs. It is ended and reaped when it is dropped.
#[derive(Debug)]
struct Process {
    /// What errors call what it runs.
    called: &'static str,
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
    /// What is to be said, and how much of it was.
    saying: Vec<u8>,
    said: usize,
    /// What was heard and not understood yet.
    heard: Vec<u8>,
    /// What it said last on stderr.
    words: Vec<u8>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(
        program: &Path,
        expressions: &[Vec<u8>],
        pause: Duration,
        called: &'static str,
    ) -> std::result::Result<Process, Unstarted> {
        let failed = |why: &dyn std::fmt::Display| Unstarted::Failed(why.to_string());
        std::thread::sleep(pause);
        let mut command = Command::new(program);
        // Arguments and environment can be seen by others, and by the expression: there is nothing in them.
        command.arg0("linkhook").arg(COMMAND).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir("/");
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(&"no pipes"));
        };
        let (saying, heard, words) = (Vec::new(), Vec::new(), Vec::new());
        let mut process = Process { called, child, stdin, stdout, stderr, saying, said: 0, heard, words };
        for descriptor in [process.stdin.as_fd(), process.stdout.as_fd(), process.stderr.as_fd()] {
            rustix::io::ioctl_fionbio(descriptor, true).map_err(|error| failed(&error))?;
        }
        // It is bound before it knows what to run. So one that never ends cannot outlive its parent.
        let expressions = expressions.iter().map(|expression| (Some(expression.as_slice()), Answer::Ready));
        for (said, expected) in std::iter::once((None, Answer::Hello)).chain(expressions) {
            let broke = match process.answer(&mut said.into_iter(), Instant::now() + START_TIMEOUT) {
                Ok(Answer::Refused(why)) => return Err(Unstarted::Refused(why)),
                Ok(answer) if answer == expected => continue,
                Ok(_) => Broke::Nonsense,
                Err(broke) => broke,
            };
            let why = match broke {
                Broke::Silent => format!("its process was not ready within {} s", START_TIMEOUT.as_secs()),
                broke => process.end(&broke),
            };
            // Before it has the expression, that is not the expression's fault.
            return Err(if said.is_some() { Unstarted::Broken(why) } else { Unstarted::Failed(why) });
        }
        Ok(process)
    }

    /// Asks about events; verdicts are there as far as it came.
    fn ask<'e>(
        &mut self,
        events: impl Iterator<Item = &'e [u8]> + Clone,
        verdicts: &mut Vec<Verdict>,
    ) -> std::result::Result<(), Broke> {
        let count = events.clone().count();
        let timeout = if count > 1 { SEVERAL_TIMEOUT } else { EVENT_TIMEOUT };
        let mut events = events;
        for _ in 0..count {
            match self.answer(&mut events, Instant::now() + timeout)? {
                Answer::Verdict(verdict) => verdicts.push(verdict),
                _ => return Err(Broke::Nonsense),
            }
        }
        Ok(())
    }

    /// The next answer, while frames are said as the child takes them: it must not wait for one of both alone.
    fn answer(
        &mut self,
        frames: &mut dyn Iterator<Item = &[u8]>,
        deadline: Instant,
    ) -> std::result::Result<Answer, Broke> {
        loop {
            if let Some((frame, length)) = frames::first(&self.heard)? {
                let answer = Answer::parse(frame).ok_or(Broke::Nonsense)?;
                self.heard.drain(..length);
                return Ok(answer);
            }
            if self.said == self.saying.len() {
                self.saying.clear();
                self.said = 0;
                while self.saying.len() < SAYING_BYTES {
                    let Some(frame) = frames.next() else { break };
                    frames::push(&mut self.saying, frame);
                }
            }
            self.exchange(deadline)?;
        }
    }

    /// Waits until something can be said or heard, and does it.
    fn exchange(&mut self, deadline: Instant) -> std::result::Result<(), Broke> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Broke::Silent);
        }
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let more = self.said < self.saying.len();
        let out = if more { PollFlags::OUT } else { PollFlags::empty() };
        let mut ready = [
            PollFd::new(&self.stdout, PollFlags::IN),
            PollFd::new(&self.stderr, PollFlags::IN),
            PollFd::new(&self.stdin, out),
        ];
        match poll(&mut ready, Some(&left)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            result => result.map_err(io::Error::from)?,
        };
        let [stdout, stderr, stdin] = ready.map(|ready| !ready.revents().is_empty());
        if stderr {
            self.listen();
        }
        if stdout {
            let mut octets = [0; 4096];
            match self.stdout.read(&mut octets) {
                Ok(0) => return Err(Broke::Ended),
                Ok(count) => self.heard.extend_from_slice(&octets[..count]),
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if stdin && more && !stdout {
            match self.stdin.write(&self.saying[self.said..]) {
                Ok(count) => self.said += count,
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error.into()),
            }
        } else if stdin && !more && !stdout && !stderr {
            // It reads no more.
            return Err(Broke::Ended);
        }
        Ok(())
    }

    /// Takes what it says on stderr, and keeps the last of it.
    fn listen(&mut self) {
        let mut octets = [0; 4096];
        if let Ok(count) = self.stderr.read(&mut octets) {
            self.words.extend_from_slice(&octets[..count]);
            let surplus = self.words.len().saturating_sub(WORDS_BYTES_MAX);
            self.words.drain(..surplus);
        }
    }

    /// Ends it, and says why it is of no use.
    fn end(mut self, broke: &Broke) -> String {
        let called = self.called;
        // It makes no difference to one that has ended by itself.
        let _ = self.child.kill();
        let status = self.child.wait();
        match broke {
            Broke::Silent => return format!("{called} did not end within {} s", EVENT_TIMEOUT.as_secs()),
            Broke::Nonsense => return format!("the process of {called} said what cannot be understood"),
            Broke::Ended => {}
        }
        self.listen();
        let words = String::from_utf8_lossy(&self.words);
        // The words of Rust's runtime, before it aborts.
        if words.contains("overflowed its stack") {
            return format!("{called} recursed beyond its stack of {} MiB", STACK_BYTES >> 20);
        }
        if words.contains("memory allocation of") {
            return format!("{called} needed more than {} MiB of memory", MEMORY_BYTES_MAX >> 20);
        }
        let signal = status.ok().and_then(|status| status.signal().map(|signal| format!(" by signal {signal}")));
        let words: String =
            words.trim().chars().map(|one| if one.is_control() { ' ' } else { one }).take(200).collect();
        let words = if words.is_empty() { words } else { format!(": {words}") };
        format!("the process of {called} was ended{}{words}", signal.unwrap_or_default())
    }
}

/// Why a child does not become ready.
#[derive(Debug)]
enum Unstarted {
    /// It says that the expression is wrong.
    Refused(String),
    /// The expression broke it before it was ready.
    Broken(String),
    /// There is no child.
    Failed(String),
}

impl Unstarted {
    fn words(&self) -> &str {
        match self {
            Unstarted::Refused(why) | Unstarted::Broken(why) | Unstarted::Failed(why) => why,
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        assert_eq!(pause(0), Duration::ZERO);
        assert_eq!(pause(1), PAUSE.0);
        assert_eq!(pause(2), PAUSE.0 * 2);
        assert_eq!(pause(u32::MAX), PAUSE.1);
    }

    #[test]
    fn a_child_that_cannot_start_is_nobodys_fault() {
        let mut judge = Judge::with_program("/nowhere/linkhook".into(), ".");
        assert!(judge.judge(&[b"{}"]).unwrap_err().starts_with("cannot run the jq filter: "));
        // Another program is no child.
        let mut judge = Judge::with_program("/bin/false".into(), ".");
        assert!(
            judge.judge(&[b"{}"]).unwrap_err().starts_with("cannot run the jq filter: the process of the jq filter")
        );
        assert_eq!(judge.judge::<&[u8]>(&[]), Ok(vec![]));
        assert_eq!(check_by(Path::new("/bin/false"), Use::Filter, ".").unwrap_err().status(), 1);
    }
}
