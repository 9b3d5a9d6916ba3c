//! Lines on which an output's own jq expression decides, before the output has them. Its thread asks: nobody else waits.

use std::io;

use crate::deliver::jq::{Judge, Verdict};
use crate::event::own;
use crate::output::Sink;
use crate::output::facts::Facts;

/// Lines about which the child is asked at once.
const ASKED_LINES_MAX: usize = 64;

/// Gives a sink the lines that a jq expression lets through. Events of linkhook's own are not judged.
#[derive(Debug)]
pub struct Sifted {
    judge: Judge,
    sink: Box<dyn Sink>,
    /// Lines on which the expression has failed.
    unjudged: u64,
    /// What has been judged last and is not written yet: bytes of lines, and what is wanted of them.
    pending: Option<(usize, Vec<u8>)>,
}

impl Sifted {
    /// For an expression that is known to compile.
    pub fn new(code: &str, sink: Box<dyn Sink>) -> Sifted {
        Sifted { judge: Judge::new(code), sink, unjudged: 0, pending: None }
    }

    /// Judges the first lines, and gives back how many bytes they have, with those that are wanted.
    fn sift(&mut self, lines: &[u8]) -> io::Result<(usize, Vec<u8>)> {
        let lines: Vec<&[u8]> = lines.split_inclusive(|&octet| octet == b'\n').take(ASKED_LINES_MAX).collect();
        let is_own = |line: &&[u8]| own::by_name(Facts::of(line).text("event")).is_some();
        let asked: Vec<&[u8]> = lines.iter().copied().filter(|line| !is_own(line)).collect();
        let mut verdicts = Vec::new();
        while verdicts.len() < asked.len() {
            verdicts.extend(self.judge.judge(&asked[verdicts.len()..]).map_err(io::Error::other)?);
        }
        let mut verdicts = verdicts.into_iter();
        let (mut bytes, mut wanted) = (0, Vec::new());
        for line in lines {
            bytes += line.len();
            match if is_own(&line) { None } else { verdicts.next() } {
                None | Some(Verdict::Keep | Verdict::Print(_)) => wanted.extend_from_slice(line),
                Some(Verdict::Drop) => {}
                Some(Verdict::Broken(why)) => {
                    // The first is enough: a wrong expression fails on every line.
                    let level = if self.unjudged == 0 { log::Level::Warn } else { log::Level::Debug };
                    log::log!(level, "{why}; the event is left out of an output");
                    self.unjudged += 1;
                }
            }
        }
        Ok((bytes, wanted))
    }
}

impl Sink for Sifted {
    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while done < lines.len() {
            let (bytes, wanted) = match self.pending.take() {
                Some(pending) => pending,
                None => match self.sift(&lines[done..]) {
                    Ok(sifted) => sifted,
                    Err(error) => return (done, Err(error)),
                },
            };
            let (written, result) = self.sink.write(&wanted);
            if result.is_err() {
                // None of these lines is done before all are: what is left of them is not judged again.
                self.pending = Some((bytes, wanted[written..].to_vec()));
                return (done, result);
            }
            done += bytes;
        }
        (done, Ok(()))
    }

    fn may_recover(&self, error: &io::Error) -> bool {
        // That no child can be started is nobody's fault.
        error.kind() == io::ErrorKind::Other || self.sink.may_recover(error)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.sink.reopen()
    }

    fn take_refused(&mut self) -> Option<(u64, String)> {
        let refused = self.sink.take_refused();
        let unjudged = std::mem::take(&mut self.unjudged);
        if unjudged == 0 {
            return refused;
        }
        let lines = unjudged + refused.map_or(0, |(lines, _)| lines);
        Some((lines, "the output's jq filter failed on them".to_owned()))
    }
}
