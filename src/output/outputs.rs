//! All outputs of a watch: which lines each of them gets, and their writers.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::Destination;
use super::writer::{LineWriter, Outage, WhenSlow};
use crate::event::own;
use crate::filter::{Candidate, Filter};
use crate::units::counted_were;

/// Outputs at most.
pub const OUTPUTS_MAX: usize = u32::BITS as usize;

/// Where lines go, and which.
#[derive(Debug)]
pub struct Output {
    /// What it is called where it is told of.
    pub name: String,
    /// The place.
    pub destination: Destination,
    /// Which lines.
    pub wants: Wants,
}

impl Output {
    /// One that gets every line.
    pub fn of_all(name: impl Into<String>, destination: Destination) -> Output {
        Output { name: name.into(), destination, wants: Wants::All }
    }
}

/// Which lines an output gets.
#[derive(Debug, Default)]
pub enum Wants {
    /// Every line.
    #[default]
    All,
    /// Those of objects that a filter's cheap tests let through, and own events: those that always come, and these.
    Some(Box<Filter>, Vec<&'static str>),
}

impl Wants {
    fn accept(&self, candidate: &Candidate<'_>) -> bool {
        match self {
            Wants::All => true,
            Wants::Some(filter, _) => filter.accepts(candidate),
        }
    }

    fn accept_own(&self, event: &str) -> bool {
        match self {
            Wants::All => true,
            Wants::Some(_, named) => own::always_comes(event) || named.contains(&event),
        }
    }

    fn wants_interfaces(&self) -> bool {
        matches!(self, Wants::Some(filter, _) if filter.wants_interfaces())
    }
}

/// The outputs that want a line: a bit for each.
pub type Share = u32;

/// Which outputs want which of the lines that are told and not written yet. Lines stay in their order on their way, through the
/// store, too, so that what is known of each is taken when it comes out.
#[derive(Debug, Default)]
pub struct Shares {
    /// None where every output wants every line: then there is nothing to know.
    wants: Vec<Wants>,
    told: VecDeque<Share>,
}

impl Shares {
    fn new(wants: Vec<Wants>) -> Shares {
        let is_divided = wants.len() > 1 || wants.iter().any(|wants| !matches!(wants, Wants::All));
        Shares { wants: if is_divided { wants } else { Vec::new() }, told: VecDeque::new() }
    }

    /// Whether names of interfaces matter.
    pub fn wants_interfaces(&self) -> bool {
        self.wants.iter().any(Wants::wants_interfaces)
    }

    /// Who wants an object's line.
    pub fn wanting(&self, candidate: &Candidate<'_>) -> Share {
        self.share(|wants| wants.accept(candidate))
    }

    /// Who wants the line of an event of linkhook's own.
    pub fn wanting_own(&self, event: &str) -> Share {
        self.share(|wants| wants.accept_own(event))
    }

    fn share(&self, accept: impl Fn(&Wants) -> bool) -> Share {
        let each = self.wants.iter().enumerate();
        each.fold(0, |share, (place, wants)| share | Share::from(accept(wants)) << place)
    }

    /// The next line is told.
    pub fn tell(&mut self, share: Share) {
        if !self.wants.is_empty() {
            self.told.push_back(share);
        }
    }
}

/// The writers of all outputs. A slow one of several delays nobody.
#[derive(Debug)]
pub struct Outputs(Vec<OneOutput>);

#[derive(Debug)]
struct OneOutput {
    name: String,
    /// None once it cannot be written any more.
    writer: Option<LineWriter>,
    /// Lines for it.
    lines: Vec<u8>,
    /// How many it did not get since.
    missed: u64,
}

impl Outputs {
    /// Starts them, and gives back who wants what. `wake` is called when there is something for the loop. The error is that a
    /// thread cannot be started.
    pub fn start<W: Fn() + Send + Sync + 'static>(
        outputs: Vec<Output>,
        wake: impl Fn() -> W,
    ) -> io::Result<(Outputs, Shares)> {
        let when_slow = if outputs.len() > 1 { WhenSlow::Drop } else { WhenSlow::Wait };
        let (mut all, mut wanted) = (Vec::new(), Vec::new());
        for Output { name, destination, wants } in outputs.into_iter().take(OUTPUTS_MAX) {
            let writer = Some(LineWriter::new(&name, destination, when_slow, wake())?);
            all.push(OneOutput { name, writer, lines: Vec::new(), missed: 0 });
            wanted.push(wants);
        }
        Ok((Outputs(all), Shares::new(wanted)))
    }

    fn writers(&self) -> impl Iterator<Item = &LineWriter> {
        self.0.iter().filter_map(|output| output.writer.as_ref())
    }

    fn writers_mut(&mut self) -> impl Iterator<Item = &mut LineWriter> {
        self.0.iter_mut().filter_map(|output| output.writer.as_mut())
    }

    /// What the only output writes to, where it is open already: that its reader goes away is the end.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.0[..] {
            [only] => only.writer.as_ref().and_then(LineWriter::descriptor),
            _ => None,
        }
    }

    /// Whether any can be opened anew.
    pub fn have_sinks(&self) -> bool {
        self.writers().any(LineWriter::is_sink)
    }

    /// Opens those anew that can be, before the next line.
    pub fn reopen(&mut self) {
        self.writers_mut().filter(|writer| writer.is_sink()).for_each(LineWriter::reopen);
    }

    /// When [`Outputs::start_again`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        self.writers().filter_map(LineWriter::due).min()
    }

    /// Tries again to start threads for lines that wait, if it is time.
    pub fn start_again(&mut self) {
        self.writers_mut().for_each(LineWriter::start_again);
    }

    /// Whether lines are taken.
    pub fn has_room(&self) -> bool {
        // Each is asked, so that each wakes the loop.
        self.writers().filter(|writer| !writer.has_room()).count() == 0
    }

    /// Bytes that wait for threads.
    pub fn queued_bytes(&self) -> usize {
        self.writers().map(LineWriter::queued_bytes).sum()
    }

    /// Why one of them cannot be written now, where that is so.
    pub fn obstacle(&self) -> Option<String> {
        let told = |output: &OneOutput| match &output.writer {
            Some(writer) => writer.obstacle().map(|why| self.told_of(&output.name, &why)),
            None => Some(self.told_of(&output.name, "its reader has gone away")),
        };
        self.0.iter().find_map(told)
    }

    /// Where there are several, it is said which one.
    fn told_of(&self, name: &str, why: &str) -> String {
        if self.0.len() > 1 {
            format!("the output {name} cannot be written: {why}")
        } else {
            format!("the output cannot be written: {why}")
        }
    }

    /// What is to be told of lines that any did not get.
    pub fn take_outages(&self) -> Vec<Outage> {
        self.writers().flat_map(LineWriter::take_outages).collect()
    }

    /// Writes whole lines to those that want them. The error is that of the last one that could be written: that its reader has
    /// gone away is `BrokenPipe`.
    pub fn write(&mut self, lines: &[u8], shares: &mut Shares) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if shares.wants.is_empty() {
            return self.0.first_mut().map_or(Ok(()), |output| output.write(lines));
        }
        for line in lines.split_inclusive(|&octet| octet == b'\n') {
            let share = shares.told.pop_front().unwrap_or(Share::MAX);
            let wanting = self.0.iter_mut().enumerate().filter(|(place, _)| share >> place & 1 == 1);
            wanting.for_each(|(_, output)| output.lines.extend_from_slice(line));
        }
        let mut result = Ok(());
        for output in &mut self.0 {
            let mine = std::mem::take(&mut output.lines);
            if !mine.is_empty() {
                let was_written = output.writer.is_some();
                result = output.write(&mine);
                if let (true, Err(error)) = (was_written, &result) {
                    say_gone(&output.name, error);
                }
            }
            output.lines = mine;
            output.lines.clear();
        }
        if self.writers().next().is_some() { Ok(()) } else { result }
    }

    /// Waits until everything is written, at most so long, and gives back how many bytes are not.
    pub fn finish(self, most: Duration) -> io::Result<usize> {
        let deadline = Instant::now() + most;
        let several = self.0.len() > 1;
        let mut unwritten = 0;
        for OneOutput { name, writer, missed, .. } in self.0 {
            if missed > 0 {
                log::warn!("{} not written to the output {name}", counted_were(missed, "line"));
            }
            let Some(writer) = writer else { continue };
            match writer.finish(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => unwritten += bytes,
                Err(error) if several => say_gone(&name, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(unwritten)
    }
}

impl OneOutput {
    /// Nothing more is written after an error, and what is missing then is counted.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let count = memchr::memchr_iter(b'\n', lines).count() as u64;
        let Some(writer) = &mut self.writer else {
            self.missed += count;
            return Err(ErrorKind::BrokenPipe.into());
        };
        let result = writer.write(lines);
        if result.is_err() {
            self.missed += count;
            self.writer = None;
        }
        result
    }
}

fn say_gone(name: &str, error: &io::Error) {
    if error.kind() == ErrorKind::BrokenPipe {
        log::info!("the reader of the output {name} has gone away: nothing more is written there");
    } else {
        log::error!("cannot write the output {name}: {error}: nothing more is written there");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::event::severity::Severity;
    use crate::event::signals::Signals;
    use std::fs::File;
    use std::io::Read;

    fn pipe(wants: Wants) -> (File, Output) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (File::from(reader), Output { wants, ..Output::of_all("pipe", Destination::Descriptor(writer)) })
    }

    fn warnings() -> Wants {
        Wants::Some(Box::new(Filter { severity: Severity::Warning, ..Filter::default() }), vec!["hello"])
    }

    fn candidate(severity: Severity) -> Candidate<'static> {
        Candidate {
            kind: 0,
            family: 0,
            action: Action::Add,
            signals: Signals::NONE,
            severity,
            table: None,
            netns: None,
            interfaces: &[],
        }
    }

    fn read(mut file: File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn each_output_gets_what_it_wants_in_order() {
        let ((all, first), (some, second)) = (pipe(Wants::All), pipe(warnings()));
        let (mut outputs, mut shares) = Outputs::start(vec![first, second], || || {}).unwrap();
        for severity in [Severity::Info, Severity::Err, Severity::Warning] {
            shares.tell(shares.wanting(&candidate(severity)));
        }
        for event in ["bye", "hello", "overrun"] {
            shares.tell(shares.wanting_own(event));
        }
        outputs.write(b"1\n2\n3\n4\n", &mut shares).unwrap();
        outputs.write(b"5\n6\n", &mut shares).unwrap();
        assert_eq!(outputs.finish(Duration::from_secs(5)).unwrap(), 0);
        assert_eq!((read(all).as_str(), read(some).as_str()), ("1\n2\n3\n4\n5\n6\n", "2\n3\n5\n6\n"));
    }

    #[test]
    fn one_of_several_that_goes_away_ends_nothing_and_the_last_one_does() {
        let ((one, first), (other, second)) = (pipe(Wants::All), pipe(Wants::All));
        let (mut outputs, mut shares) = Outputs::start(vec![first, second], || || {}).unwrap();
        drop(one);
        for line in [&b"1\n"[..], b"2\n"] {
            shares.tell(3);
            outputs.write(line, &mut shares).unwrap();
        }
        assert_eq!(outputs.0[0].missed, 2);
        assert!(outputs.obstacle().is_some_and(|why| why.contains("gone away")));
        drop(other);
        shares.tell(3);
        assert_eq!(outputs.write(b"3\n", &mut shares).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_slow_one_of_several_delays_nobody_and_what_it_misses_is_told_exactly() {
        let ((slow, first), (quick, second)) = (pipe(Wants::All), pipe(Wants::All));
        let (mut outputs, mut shares) = Outputs::start(vec![first, second], || || {}).unwrap();
        let quick = std::thread::spawn(move || read(quick).lines().count() as u64);
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let mut count = 0_u64;
        // Nobody reads the slow one: its pipe and its queue fill.
        while outputs.obstacle().is_none() {
            assert!(outputs.has_room() && count < 100_000);
            shares.tell(3);
            outputs.write(&line, &mut shares).unwrap();
            count += 1;
        }
        for _ in 0..100 {
            shares.tell(3);
            outputs.write(&line, &mut shares).unwrap();
            count += 1;
        }
        let slow = std::thread::spawn(move || read(slow).lines().count() as u64);
        let began = Instant::now();
        let outages = loop {
            let outages = outputs.take_outages();
            if !outages.is_empty() {
                break outages;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it is never told");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(outputs.finish(Duration::from_secs(20)).unwrap(), 0);
        let [outage] = &outages[..] else { panic!("{outages:?}") };
        assert!(outage.lines >= 101 && outage.lasted.is_some(), "{outage:?}");
        assert_eq!((slow.join().unwrap() + outage.lines, quick.join().unwrap()), (count, count));
    }
}
