//! `linkhook jq-worker`, which is not for users: the child that runs a webhook's jq filter. What it hears and says is in
//! [`frames`]. It reads nothing else, and opens nothing.

use std::io::{BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::deliver::jq::frames::{self, Answer};
use crate::deliver::jq::{MEMORY_BYTES_MAX, STACK_BYTES, Verdict};
use crate::error::{Error, Result};
use crate::filter::jq::Jq;

/// Runs until stdin ends.
pub fn run() -> Result<()> {
    let broken = |error: std::io::Error| Error::system("cannot talk to linkhook", &error);
    bind().map_err(|error| Error::system("cannot limit the jq filter", &error))?;
    let mut events = BufReader::new(std::io::stdin());
    let mut answers = std::io::stdout();
    Answer::Hello.write(&mut answers).map_err(broken)?;
    let Some(code) = frames::read(&mut events).map_err(broken)? else { return Ok(()) };
    let thread = std::thread::Builder::new().name("jq".into()).stack_size(STACK_BYTES);
    let thread = thread.spawn(move || serve(&code, &mut events, &mut answers)).map_err(broken)?;
    // One that panics has said so.
    thread.join().map_err(|_| Error::failed("the jq filter panicked"))?.map_err(broken)
}

/// Sets its limits before it knows what it runs.
fn bind() -> std::io::Result<()> {
    // Whatever it does, it dies with its parent. Until then it ends when its stdin does, not with a signal that is
    // meant for linkhook: that one still has events to judge.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    limit(Resource::As, MEMORY_BYTES_MAX)?;
    // No dump of the memory is wanted when a filter breaks. The kernel takes 0 as a bound of files alone; with 1 it
    // does not start a program for it either (fs/coredump.c).
    limit(Resource::Core, 1)
}

fn limit(resource: Resource, most: u64) -> std::io::Result<()> {
    // It may be less already, and cannot be raised then.
    let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

fn serve(code: &[u8], events: &mut impl Read, answers: &mut impl Write) -> std::io::Result<()> {
    let filter = match Jq::new(&String::from_utf8_lossy(code)) {
        Ok(filter) => filter,
        Err(error) => return Answer::Refused(error.to_string()).write(answers),
    };
    Answer::Ready.write(answers)?;
    while let Some(event) = frames::read(events)? {
        let verdict = match filter.accepts(&event) {
            Ok(true) => Verdict::Keep,
            Ok(false) => Verdict::Drop,
            Err(why) => Verdict::Broken(format!("the jq filter failed: {why}")),
        };
        Answer::Verdict(verdict).write(answers)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, events: &[&str]) -> Vec<Answer> {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        events.iter().for_each(|event| frames::push(&mut input, event.as_bytes()));
        serve(code.as_bytes(), &mut &input[..], &mut output).unwrap();
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
        let answers = said(".a - 0 > 0", &events);
        assert_eq!(answers[0], Answer::Ready);
        assert_eq!(answers[1], Answer::Verdict(Verdict::Keep));
        assert!(matches!(&answers[2], Answer::Verdict(Verdict::Broken(why)) if why.contains("text")), "{answers:?}");
        assert_eq!(answers[3], Answer::Verdict(Verdict::Drop));
        assert!(matches!(&answers[4], Answer::Verdict(Verdict::Broken(_))));
        assert_eq!(answers.len(), 5);
    }

    #[test]
    fn a_wrong_expression_is_refused() {
        let answers = said(".a ==", &["{}"]);
        assert!(matches!(&answers[..], [Answer::Refused(why)] if why.contains("column 6")), "{answers:?}");
    }
}
