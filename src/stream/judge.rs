//! Lines on which a jq expression decides (`--filter`, `[watch] filter`).
//!
//! The expression runs in a child, which is asked once for many lines: so a line that it is asked about is written with a
//! number for the time being, and gets its own with the verdict. What is told meanwhile waits behind it, so that lines stay
//! in order. A cause is a number, too, and changes with it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::deliver::hub::WantedBy;
use crate::deliver::jq::frames::undecided;
use crate::deliver::jq::{Judge, Patience, Verdict};
use crate::error::{Error, Result};
use crate::figures::Counted;
use crate::output::outputs::Share;
use crate::threads;

/// Numbers of lines that may still be named as a cause.
const NUMBERS_MAX: usize = 1 << 16;
/// Causes that were named last, which outlive their place among the numbers: all that a repair tells has one cause.
const CAUSES_MAX: usize = 64;
/// Where no child can be started, it is tried again after that time.
const START_PAUSE: Duration = Duration::from_secs(1);
/// Events that the child is asked about at once, whose verdicts are there together.
const ASKED_EVENTS_MAX: usize = 16;
/// An answer that takes longer is a slow one: so many events that follow are asked about one by one.
const SLOW: Duration = Duration::from_millis(250);
const SINGLE_EVENTS: usize = 64;
/// Verdicts wait for the rest of their batch for so long.
const PART_PAUSE: Duration = Duration::from_millis(100);
/// Events that are not judged are told no more often than this.
const TELL_PAUSE: Duration = Duration::from_secs(1);
/// The service's reason for lines that are left out because the expression failed on them; what it says itself is on stderr.
pub const REASON: &str = "not judged by [watch] filter";

/// A line that waits.
#[derive(Default)]
pub(super) struct Item {
    /// Bytes of the line.
    pub bytes: usize,
    /// Its number for the time being.
    pub number: u64,
    /// That of the line that led to it.
    pub cause: Option<u64>,
    /// Whether it is an object, on which the filter decides.
    pub judged: bool,
    /// Whether it is an event of linkhook's own of which the print expression says what is printed.
    pub printed: bool,
    /// Whether it goes to stderr.
    pub is_aside: bool,
    /// Whether it keeps its number: it was told before.
    pub is_retold: bool,
    /// What it counts as, once it is told; nothing where it was told before.
    pub counted: Option<Counted>,
    /// Who gets it, beside the outputs.
    pub wanted_by: WantedBy,
    /// The outputs that get it.
    pub share: Share,
}

impl Item {
    /// Whether the child is asked about it.
    pub fn is_asked(&self) -> bool {
        self.judged || self.printed
    }
}

impl std::fmt::Debug for Item {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Item({})", self.number)
    }
}

/// What waits to be handed over.
#[derive(Debug, Default)]
pub(super) struct WaitingLines {
    pub items: Vec<Item>,
    /// The last number for the time being.
    pub last: u64,
    /// Lines whose number is settled.
    pub numbers: Numbers,
    /// Batches that are handed over and not settled, lines on which the expression decides.
    pub asked: u64,
}

impl WaitingLines {
    /// How many lines the expression may let through yet.
    pub fn candidates(&self) -> u64 {
        self.asked + self.items.iter().filter(|item| item.judged).count() as u64
    }
}

/// Lines in their order, with what is to be known of each.
#[derive(Debug)]
pub struct LineBatch {
    pub(super) lines: Vec<u8>,
    pub(super) items: Vec<Item>,
}

impl LineBatch {
    /// Each line that waits, whole.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Item, &[u8])> {
        let mut rest = &self.lines[..];
        self.items.iter().map(move |item| {
            let (line, behind) = rest.split_at(item.bytes.min(rest.len()));
            rest = behind;
            (item, line)
        })
    }

    /// The lines about which the child is asked.
    fn asked(&self) -> Vec<Cow<'_, [u8]>> {
        let asked = self.each().filter(|(item, _)| item.is_asked());
        asked.map(|(item, line)| if item.judged { line.into() } else { undecided(line).into() }).collect()
    }

    pub(super) fn candidates(&self) -> u64 {
        self.items.iter().filter(|item| item.judged).count() as u64
    }

    /// Takes the first lines off, as far as so many verdicts reach.
    fn take_first(&mut self, verdicts: usize) -> LineBatch {
        let mut judged = 0;
        let reached = self.items.iter().take_while(|item| {
            judged += usize::from(item.is_asked());
            judged <= verdicts
        });
        let count = reached.count();
        let rest = self.items.split_off(count);
        let items = std::mem::replace(&mut self.items, rest);
        let bytes: usize = items.iter().map(|item| item.bytes).sum();
        let rest = self.lines.split_off(bytes.min(self.lines.len()));
        LineBatch { lines: std::mem::replace(&mut self.lines, rest), items }
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Settled {
    /// Its lines, with their numbers.
    pub lines: Vec<u8>,
    /// Lines that are left out because the expression failed on them or broke its process.
    pub unjudged: u64,
}

/// Which number a line got in the place of that for the time being.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Those for the time being of the last lines that were told, whose own numbers follow each other.
    told: VecDeque<u64>,
    /// The first one's own number.
    first: u64,
    causes: VecDeque<(u64, u64)>,
}

impl Numbers {
    /// A line is told.
    pub fn settle(&mut self, number: u64, own: u64) {
        if self.told.is_empty() {
            self.first = own;
        }
        self.told.push_back(number);
        if self.told.len() > NUMBERS_MAX {
            self.told.pop_front();
            self.first += 1;
        }
    }

    /// The own number of a line that led to another; `None` where the line was not told.
    pub fn of_cause(&mut self, number: u64) -> Option<u64> {
        if let Some((_, own)) = self.causes.iter().rev().find(|(known, _)| *known == number) {
            return Some(*own);
        }
        let own = self.first + self.told.binary_search(&number).ok()? as u64;
        self.causes.push_back((number, own));
        if self.causes.len() > CAUSES_MAX {
            self.causes.pop_front();
        }
        Some(own)
    }
}

/// A batch's verdicts, as far as they came; and why there are no more.
#[derive(Debug, Default)]
pub struct Judged {
    pub(super) verdicts: Vec<Verdict>,
    /// Why not all are there.
    pub cut: Option<String>,
}

/// Judges a batch.
pub fn judge(child: &mut Judge, batch: &LineBatch) -> Judged {
    let mut judged = Judged::default();
    let cut = ask_all(child, &batch.asked(), |verdicts| {
        judged.verdicts.extend(verdicts);
        ControlFlow::Continue(())
    });
    Judged { cut, ..judged }
}

/// Asks about all events, and gives verdicts away as they come, until that is not wanted any more. Gives back why there are
/// no more.
fn ask_all<E: AsRef<[u8]>>(
    child: &mut Judge,
    events: &[E],
    mut give: impl FnMut(Vec<Verdict>) -> ControlFlow<()>,
) -> Option<String> {
    let (mut rest, mut singly) = (events, 0_usize);
    while !rest.is_empty() {
        let most = if singly > 0 { 1 } else { ASKED_EVENTS_MAX };
        let began = Instant::now();
        let verdicts = match child.judge(&rest[..most.min(rest.len())]) {
            Ok(verdicts) => verdicts,
            Err(why) => return Some(why),
        };
        singly = if began.elapsed() > SLOW { SINGLE_EVENTS } else { singly.saturating_sub(1) };
        rest = &rest[verdicts.len()..];
        if give(verdicts).is_break() {
            break;
        }
    }
    None
}

/// Asks the child beside the loop: a batch at a time, in a thread of its own.
#[derive(Debug)]
pub struct Asker {
    questions: Sender<JudgeRequest>,
    shared: Arc<Shared>,
    /// What of the batch that is on its way is not taken yet.
    asked: Option<LineBatch>,
    /// The number of the last question.
    number: u64,
}

/// Events to judge.
#[derive(Debug)]
struct JudgeRequest {
    number: u64,
    events: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Shared {
    answer: Mutex<JudgeAnswer>,
    answered: Condvar,
}

/// What is answered and not taken yet.
#[derive(Debug, Default)]
struct JudgeAnswer {
    /// The question: nobody may wait for the answer to an earlier one any more.
    about: u64,
    judged: Judged,
    /// A part of it has waited for the rest long enough.
    is_due: bool,
    /// There is no more to come.
    is_whole: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, JudgeAnswer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asker {
    /// Starts the thread. A service goes on whatever happens; a command ends. `wake` is called from the thread when an
    /// answer or a part of one is there.
    pub fn start(judge: Judge, service: bool, wake: impl Fn() + Send + 'static) -> Result<Asker> {
        let (questions, asked) = channel::<JudgeRequest>();
        let shared = Arc::<Shared>::default();
        let patience = if service { Patience::Waiting } else { Patience::Never };
        let (answers, mut child) = (shared.clone(), judge.patient(patience));
        let thread = threads::start("filter", move || {
            for question in asked {
                answer(&mut child, &question, service, &answers, &wake);
            }
        });
        thread.map_err(|error| Error::system("cannot start the jq filter's thread", &error))?;
        Ok(Asker { questions, shared, asked: None, number: 0 })
    }

    /// Whether a batch is on its way.
    pub fn is_busy(&self) -> bool {
        self.asked.is_some()
    }

    /// Asks about a batch. Only where none is on its way.
    pub fn ask(&mut self, batch: LineBatch) {
        self.number += 1;
        let events: Vec<_> = batch.asked().into_iter().map(Cow::into_owned).collect();
        *self.shared.lock() = JudgeAnswer { about: self.number, ..JudgeAnswer::default() };
        if events.is_empty() || self.questions.send(JudgeRequest { number: self.number, events }).is_err() {
            // Nothing to ask; or a defect has ended the thread: then nothing is judged.
            self.shared.lock().is_whole = true;
        }
        self.asked = Some(batch);
    }

    /// The batch and its verdicts, once they are there; where they take long, the first part of both.
    pub fn take(&mut self) -> Option<(LineBatch, Judged)> {
        let mut answer = self.shared.lock();
        let batch = self.asked.as_mut()?;
        if answer.is_whole {
            let judged = std::mem::take(&mut answer.judged);
            return self.asked.take().map(|batch| (batch, judged));
        }
        if !std::mem::take(&mut answer.is_due) {
            return None;
        }
        let judged = std::mem::take(&mut answer.judged);
        Some((batch.take_first(judged.verdicts.len()), judged))
    }

    /// The same at the end: waits for them, so long at most. What is not judged by then will not be.
    pub fn take_within(&mut self, most: Duration) -> Option<(LineBatch, Judged)> {
        let batch = self.asked.take()?;
        let deadline = Instant::now() + most;
        let mut answer = self.shared.lock();
        while !answer.is_whole {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                answer.judged.cut = Some("the jq filter did not end in time".into());
                // Nobody waits for the rest.
                answer.about = 0;
                break;
            }
            answer = self.shared.answered.wait_timeout(answer, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some((batch, std::mem::take(&mut answer.judged)))
    }
}

/// Answers in parts. Where it may take long, that no child can be started is nobody's fault, and is tried again.
fn answer(child: &mut Judge, question: &JudgeRequest, patient: bool, shared: &Shared, wake: &impl Fn()) {
    let (mut judged, mut said, mut given_at) = (0, false, Instant::now());
    loop {
        let cut = ask_all(child, &question.events[judged..], |verdicts| {
            judged += verdicts.len();
            let mut answer = shared.lock();
            if answer.about != question.number {
                return ControlFlow::Break(());
            }
            answer.judged.verdicts.extend(verdicts);
            let is_due = given_at.elapsed() >= PART_PAUSE;
            answer.is_due |= is_due;
            drop(answer);
            if is_due {
                given_at = Instant::now();
                wake();
            }
            ControlFlow::Continue(())
        });
        let mut answer = shared.lock();
        if answer.about != question.number {
            return;
        }
        if let Some(why) = cut.as_ref().filter(|_| patient) {
            answer.is_due = true;
            drop(answer);
            if !std::mem::replace(&mut said, true) {
                log::error!("{why}; it is tried again each second, and events wait meanwhile");
            }
            wake();
            std::thread::sleep(START_PAUSE);
            continue;
        }
        answer.judged.cut = cut;
        answer.is_whole = true;
        drop(answer);
        shared.answered.notify_all();
        wake();
        return;
    }
}

/// Events that a service leaves out because they are not judged, until that is told.
#[derive(Debug, Default)]
pub struct UnjudgedEvents {
    events: u64,
    told_at: Option<Instant>,
}

impl UnjudgedEvents {
    /// So many more.
    pub fn add(&mut self, events: u64) {
        self.events += events;
    }

    /// When they are to be told, where there are any.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        (self.events > 0).then(|| self.told_at.map_or(now, |told_at| told_at + TELL_PAUSE))
    }

    /// How many are to be told now, if it is time or must be.
    pub fn take(&mut self, now: Instant, must: bool) -> Option<u64> {
        let due = self.due(now)?;
        if due > now && !must {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_keeps_its_number_for_as_long_as_it_is_named() {
        let mut numbers = Numbers::default();
        // Every other line is told.
        for line in 1..=3 {
            numbers.settle(line * 2, line);
        }
        assert_eq!(
            [1, 2, 3, 4, 6, 8].map(|number| numbers.of_cause(number)),
            [None, Some(1), None, Some(2), Some(3), None]
        );
        for line in 4..=3 * NUMBERS_MAX as u64 {
            numbers.settle(line * 2, line);
            assert_eq!(numbers.of_cause(4), Some(2));
        }
        let last = 3 * NUMBERS_MAX as u64;
        assert_eq!((numbers.of_cause(last * 2), numbers.of_cause(last * 2 - 1)), (Some(last), None));
        assert_eq!(numbers.told.len(), NUMBERS_MAX);
    }

    #[test]
    fn a_part_reaches_as_far_as_its_verdicts() {
        let item = |(number, judged): (u64, bool)| Item {
            bytes: 2,
            number,
            cause: None,
            judged,
            printed: false,
            is_aside: false,
            is_retold: false,
            counted: None,
            wanted_by: WantedBy::default(),
            share: 0,
        };
        let items = [(0, false), (1, true), (2, false), (3, true), (4, true), (5, false)];
        let mut batch = LineBatch { lines: b"0\n1\n2\n3\n4\n5\n".to_vec(), items: items.map(item).into() };
        for (verdicts, expected) in [(0, &b"0\n"[..]), (0, b""), (2, b"1\n2\n3\n"), (9, b"4\n5\n")] {
            let part = batch.take_first(verdicts);
            assert_eq!((&part.lines[..], part.items.len() * 2), (expected, expected.len()));
        }
    }
}
