//! `linkhook jq-worker`, which is not for users: the child that runs a jq expression. What it hears and says is in
//! [`frames`]. It reads nothing else, opens nothing, and may do nothing else: see [`confine`].

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::CapabilitySet;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::deliver::jq::frames::{self, Answer};
use crate::deliver::jq::{MEMORY_BYTES_MAX, STACK_BYTES, Use, Verdict};
use crate::error::{Error, Result};
use crate::filter::jq::Jq;
use crate::threads;

/// Runs until stdin ends.
pub fn run() -> Result<()> {
    let broken = |error: io::Error| Error::system("cannot talk to linkhook", &error);
    let unbound = |error: io::Error| Error::system("cannot limit the jq filter", &error);
    // What the expression says by jq's `debug` and `stderr` goes nowhere; the runtime's own last words go to stderr, where
    // linkhook reads them.
    log::set_max_level(log::LevelFilter::Off);
    drop(std::panic::take_hook());
    bind().map_err(unbound)?;
    let thread = std::thread::Builder::new().name("jq".into()).stack_size(STACK_BYTES);
    let thread = thread.spawn(move || {
        confine().map_err(unbound)?;
        let mut events = BufReader::with_capacity(EVENTS_BYTES, io::stdin());
        let mut answers = io::stdout();
        Answer::Hello.write(&mut answers).map_err(broken)?;
        serve(&mut events, &mut answers).map_err(broken)
    });
    // One that panics has said so.
    thread.map_err(broken)?.join().map_err(|_| Error::failed("the jq filter panicked"))?
}

/// Sets its limits before it knows what it runs.
fn bind() -> io::Result<()> {
    // Whatever it does, it dies with its parent. Until then it ends when its stdin does, not with a signal that is
    // meant for linkhook: that one still has events to judge.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    limit(Resource::As, MEMORY_BYTES_MAX)?;
    // No dump of the memory is wanted when a filter breaks. The kernel takes 0 as a bound of files alone; with 1 it
    // does not start a program for it either (fs/coredump.c).
    limit(Resource::Core, 1)?;
    threads::keep(CapabilitySet::empty())
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    // It may be less already, and cannot be raised then.
    let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// What a thread that reads, thinks and writes needs of the kernel: read(2), write(2), memory, locks, time, random numbers
/// for hash tables, and to end, if need be with a last word about why.
const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
];

/// From here on there are no files but the three pipes, no network, no other process: everything but [`ALLOWED`] is refused.
fn confine() -> io::Result<()> {
    // By itself this keeps anything from being opened, where there is no seccomp.
    limit(Resource::Nofile, 0)?;
    limit(Resource::Fsize, 0)?;
    let Ok(architecture) = std::env::consts::ARCH.try_into() else { return Ok(()) };
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let rules: BTreeMap<i64, _> = ALLOWED.iter().map(|&number| (number, Vec::new())).collect();
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture);
    let program = filter.and_then(BpfProgram::try_from).map_err(io::Error::other)?;
    match seccompiler::apply_filter_all_threads(&program) {
        Ok(()) => Ok(()),
        // A kernel without it.
        Err(seccompiler::Error::Seccomp(error)) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Answers are kept back while there are events to go on with, so long at most: each write wakes linkhook.
const ANSWER_PAUSE: Duration = Duration::from_millis(5);
/// Bytes of events that are read at once.
const EVENTS_BYTES: usize = 64 << 10;

/// What it runs.
#[derive(Default)]
struct Expressions {
    filter: Option<Jq>,
    print: Option<Jq>,
    /// What gives one value for a batch or an answer.
    single: Option<(Use, Jq)>,
}

impl Expressions {
    /// Takes one, if the frame tells one; else it is an event.
    fn take(&mut self, frame: &[u8]) -> Option<Result<()>> {
        let (first, code) = frame.split_first()?;
        let by = Use::ALL.into_iter().find(|by| by.octet() == *first)?;
        Some(Jq::called(by.words(), &String::from_utf8_lossy(code)).map(|jq| match by {
            Use::Filter => self.filter = Some(jq),
            Use::Print => self.print = Some(jq),
            Use::Body | Use::Taken => self.single = Some((by, jq)),
        }))
    }

    fn verdict(&self, event: &[u8]) -> Verdict {
        if let Some((by, jq)) = &self.single {
            let called = by.words();
            return match jq.gives_one(event, *by == Use::Taken) {
                Ok(None) => Verdict::Drop,
                Ok(Some(text)) if text.len() < frames::FRAME_BYTES_MAX => Verdict::Print(text),
                Ok(Some(_)) => {
                    Verdict::Broken(format!("{called} gives more than {} MiB", frames::FRAME_BYTES_MAX >> 20))
                }
                Err(why) => Verdict::Broken(format!("{called} {why}")),
            };
        }
        let is_decided = event.first() != Some(&b' ');
        match self.filter.as_ref().filter(|_| is_decided).map_or(Ok(true), |filter| filter.accepts(event)) {
            Ok(true) => {}
            Ok(false) => return Verdict::Drop,
            Err(why) => return Verdict::Broken(format!("the jq filter failed: {why}")),
        }
        match self.print.as_ref().map(|print| print.prints(event)) {
            None => Verdict::Keep,
            Some(Ok(text)) if text.len() < frames::FRAME_BYTES_MAX => Verdict::Print(text),
            Some(Ok(_)) => Verdict::Broken(format!("--print gives more than {} MiB", frames::FRAME_BYTES_MAX >> 20)),
            Some(Err(why)) => Verdict::Broken(format!("--print failed: {why}")),
        }
    }
}

fn serve(events: &mut BufReader<impl Read>, answers: &mut impl Write) -> io::Result<()> {
    let mut expressions = Expressions::default();
    // The expressions come first. No event begins as they do.
    let mut first = loop {
        let Some(frame) = frames::read(events)? else { return Ok(()) };
        match expressions.take(&frame) {
            Some(Ok(())) => Answer::Ready.write(answers)?,
            Some(Err(error)) => return Answer::Refused(error.to_string()).write(answers),
            None => break Some(frame),
        }
    };
    let mut answers = BufWriter::new(answers);
    let mut written = Instant::now();
    loop {
        if !answers.buffer().is_empty() && (events.buffer().is_empty() || written.elapsed() > ANSWER_PAUSE) {
            answers.flush()?;
            written = Instant::now();
        }
        let event = match first.take() {
            Some(event) => event,
            None => match frames::read(events)? {
                Some(event) => event,
                None => break,
            },
        };
        answers.write_all(&Answer::Verdict(expressions.verdict(&event)).frame())?;
    }
    answers.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expressions: &[&str], events: &[&str]) -> Vec<Answer> {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        expressions.iter().chain(events).for_each(|event| frames::push(&mut input, event.as_bytes()));
        serve(&mut BufReader::new(&input[..]), &mut output).unwrap();
        let mut answers = Vec::new();
        while let Some((frame, length)) = frames::first(&output).unwrap() {
            answers.push(Answer::parse(frame).unwrap());
            output.drain(..length);
        }
        answers
    }

    #[test]
    fn an_answer_follows_each_event() {
        let events = [r#"{"a":1}"#, r#"{"a":"text"}"#, r#"{"a":0}"#, "no JSON"];
        let answers = said(&["f.a - 0 > 0"], &events);
        assert_eq!(answers[0], Answer::Ready);
        assert_eq!(answers[1], Answer::Verdict(Verdict::Keep));
        assert!(matches!(&answers[2], Answer::Verdict(Verdict::Broken(why)) if why.contains("text")), "{answers:?}");
        assert_eq!(answers[3], Answer::Verdict(Verdict::Drop));
        assert!(matches!(&answers[4], Answer::Verdict(Verdict::Broken(_))));
        assert_eq!(answers.len(), 5);
    }

    #[test]
    fn what_is_printed_follows_the_filter() {
        let events = [r#"{"a":1}"#, r#"{"a":0}"#, r#" {"a":0}"#, r#"{"a":[]}"#];
        let printed = |text: &str| Answer::Verdict(Verdict::Print(text.into()));
        let answers = said(&["f.a != 0", r#"p"a is \(.a + 0)""#], &events);
        assert_eq!(answers[..2], [Answer::Ready, Answer::Ready]);
        // The filter does not decide on the third one.
        assert_eq!(answers[2..5], [printed("a is 1\n"), Answer::Verdict(Verdict::Drop), printed("a is 0\n")]);
        assert!(matches!(&answers[5], Answer::Verdict(Verdict::Broken(why)) if why.starts_with("--print failed")));
        assert_eq!(said(&["p.a"], &events[..1])[1..], [printed("1\n")]);
    }

    #[test]
    fn a_wrong_expression_is_refused() {
        let answers = said(&["f.a =="], &["{}"]);
        assert!(matches!(&answers[..], [Answer::Refused(why)] if why.contains("column 6")), "{answers:?}");
    }
}
