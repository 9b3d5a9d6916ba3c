//! Lines on which a jq expression decides (`--filter`, `[watch] filter`).
//!
//! The expression runs in a child, which is asked once for many lines: so a line that it is asked about is written with a
//! number for the time being, and gets its own with the verdict. What is told meanwhile waits behind it, so that lines stay
//! in order. A cause is a number, too, and changes with it.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::deliver::hub::WantedBy;
use crate::deliver::jq::{Judge, Patience, Verdict};
use crate::error::{Error, Result};

/// Numbers of lines that may still be named as a cause.
const NUMBERS_MAX: usize = 1 << 16;
/// Causes that were named last, which outlive their place among the numbers: all that a repair tells has one cause.
const CAUSES_MAX: usize = 64;
/// Where no child can be started, it is tried again after that time.
const START_PAUSE: Duration = Duration::from_secs(1);
/// Events that are not judged are told no more often than this.
const TELL_PAUSE: Duration = Duration::from_secs(1);
/// The service's reason for lines that are left out because the expression failed on them; what it says itself is on stderr.
pub const REASON: &str = "not judged by [watch] filter";

/// A line that waits.
pub(super) struct Item {
    /// Octets of the line.
    pub bytes: usize,
    /// Its number for the time being.
    pub number: u64,
    /// That of the line that led to it.
    pub cause: Option<u64>,
    /// Whether the expression decides; not on linkhook's own events.
    pub judged: bool,
    /// Who gets it, beside the output.
    pub wanted_by: WantedBy,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Item({})", self.number)
    }
}

/// What waits to be handed over.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub items: Vec<Item>,
    /// The last number for the time being.
    pub last: u64,
    /// Lines whose number is settled.
    pub numbers: Numbers,
    /// Batches that are handed over and not settled, lines on which the expression decides.
    pub asked: u64,
}

impl Waiting {
    /// How many lines the expression may let through yet.
    pub fn candidates(&self) -> u64 {
        self.asked + self.items.iter().filter(|item| item.judged).count() as u64
    }
}

/// Lines in their order, with what is to be known of each.
#[derive(Debug)]
pub struct Batch {
    pub(super) lines: Vec<u8>,
    pub(super) items: Vec<Item>,
}

impl Batch {
    /// Each line that waits, whole.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Item, &[u8])> {
        let mut rest = &self.lines[..];
        self.items.iter().map(move |item| {
            let (line, behind) = rest.split_at(item.bytes.min(rest.len()));
            rest = behind;
            (item, line)
        })
    }

    /// The lines on which the expression decides.
    fn judged(&self) -> Vec<&[u8]> {
        self.each().filter(|(item, _)| item.judged).map(|(_, line)| line).collect()
    }

    pub(super) fn candidates(&self) -> u64 {
        self.items.iter().filter(|item| item.judged).count() as u64
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
pub fn judge(child: &mut Judge, batch: &Batch) -> Judged {
    let events = batch.judged();
    let mut judged = Judged::default();
    while judged.verdicts.len() < events.len() {
        match child.judge(&events[judged.verdicts.len()..]) {
            Ok(verdicts) => judged.verdicts.extend(verdicts),
            Err(why) => {
                judged.cut = Some(why);
                break;
            }
        }
    }
    judged
}

/// Asks the child beside the loop: a batch at a time, in a thread of its own.
#[derive(Debug)]
pub struct Asker {
    batches: Sender<Arc<Batch>>,
    shared: Arc<Shared>,
    asked: Option<Arc<Batch>>,
}

#[derive(Debug, Default)]
struct Shared {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

/// With the batch that it is about: nobody may have waited for it any more.
type Answer = (Arc<Batch>, Judged);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Answer>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asker {
    /// Starts the thread. A service goes on whatever happens; a command ends. `wake` is called from the thread when an
    /// answer is there.
    pub fn start(code: &str, service: bool, wake: impl Fn() + Send + 'static) -> Result<Asker> {
        let (batches, asked) = channel::<Arc<Batch>>();
        let shared = Arc::<Shared>::default();
        let patience = if service { Patience::Waiting } else { Patience::Never };
        let (answers, mut child) = (shared.clone(), Judge::new(code).patient(patience));
        let thread = std::thread::Builder::new().name("filter".into()).spawn(move || {
            for batch in asked {
                let judged = if service { judge_patiently(&mut child, &batch) } else { judge(&mut child, &batch) };
                *answers.lock() = Some((batch, judged));
                answers.answered.notify_all();
                wake();
            }
        });
        thread.map_err(|error| Error::system("cannot start the jq filter's thread", &error))?;
        Ok(Asker { batches, shared, asked: None })
    }

    /// Whether a batch is on its way.
    pub fn is_busy(&self) -> bool {
        self.asked.is_some()
    }

    /// Asks about a batch. Only where none is on its way.
    pub fn ask(&mut self, batch: Batch) {
        let batch = Arc::new(batch);
        if batch.candidates() == 0 || self.batches.send(batch.clone()).is_err() {
            // Nothing to ask; or a defect has ended the thread: then nothing is judged.
            *self.shared.lock() = Some((batch.clone(), Judged::default()));
        }
        self.asked = Some(batch);
    }

    /// The batch and its verdicts, once they are there.
    pub fn take(&mut self) -> Option<Answer> {
        let batch = self.asked.as_ref()?;
        let answer = self.shared.lock().take_if(|(about, _)| Arc::ptr_eq(about, batch))?;
        self.asked = None;
        Some(answer)
    }

    /// The same at the end: waits for them, so long at most. What is not judged by then will not be.
    pub fn take_within(&mut self, most: Duration) -> Option<Answer> {
        let batch = self.asked.take()?;
        let deadline = Instant::now() + most;
        let mut answer = self.shared.lock();
        loop {
            if let Some(answer) = answer.take_if(|(about, _)| Arc::ptr_eq(about, &batch)) {
                return Some(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let cut = Some("the jq filter did not end in time".into());
                return Some((batch, Judged { cut, ..Judged::default() }));
            }
            answer = self.shared.answered.wait_timeout(answer, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The same where it may take long: that no child can be started is nobody's fault, and is tried again.
fn judge_patiently(child: &mut Judge, batch: &Batch) -> Judged {
    let mut said = false;
    loop {
        let judged = judge(child, batch);
        let Some(why) = &judged.cut else { return judged };
        if !std::mem::replace(&mut said, true) {
            log::error!("{why}; it is tried again each second, and events wait meanwhile");
        }
        std::thread::sleep(START_PAUSE);
    }
}

/// Events that a service leaves out because they are not judged, until that is told.
#[derive(Debug, Default)]
pub struct Unjudged {
    events: u64,
    told_at: Option<Instant>,
}

impl Unjudged {
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
}
