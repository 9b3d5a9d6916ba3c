//! What is to be asked of the kernel in a namespace, when and why. It knows no socket and no kernel, and the clock is an
//! argument.
//!
//! A [`Doubt`] is a reason to compare the mirror with the kernel. Doubts wait, are merged, and become [`Work`]; one piece
//! of work runs at a time.
//!
//! ```text
//!  add(doubt)         waits                                next() gives           done()
//!
//!  Offline, Start ──▶ not at all ────────────────────────▶ Offline, then Start ─┐
//!  Loss ────────────▶ 2 ms, doubled up to 2 s while ─────▶ Repair: everything   │
//!                     losses follow each other             (takes Silent along) ├▶ the next look rests nine times as
//!  Silent ──────────▶ 10 ms from the first one, and ─────▶ Look                 │  long as the work took, 2 s at most
//!                     until it has rested                  ▲                    │
//!  Quiet ───────────▶ 1 s without another one (5 s at ─────┘                    │
//!                     most), then 2, 4, 8 to 64 s; rests                        │
//!  (by itself) ─────▶ the period of `verify` ────────────▶ Verify: everything ──┘
//!                     and until no Silent waits
//!  (by itself) ─────▶ the period of `poll`, and until ───▶ Look: kinds of which nothing is told
//!                     it has rested
//!
//!             next()                      done(): what was shown is compared
//!   ┌──────┐ ───────▶ ┌─────────┐ ─────────────────────────────────────────────▶ ┌──────┐
//!   │ idle │          │ running │   break_off(): a loss waits, whose repair       │ idle │
//!   └──────┘          └─────────┘ ──────────── finds what this would have ──────▶ └──────┘
//!                      ▲      │ interrupted(): restarts, at most ten times; then what it
//!                      └──────┘ has is taken, and a Silent doubt is added
//! ```
//!
//! The order of `next` starves nothing: a repair looks at everything that a look would, a look that a Quiet doubt asks for
//! takes along whatever else waits, and a `Verify` steps back while a Silent doubt waits. Only `Verify` may wait for ever,
//! while there is always something else to look at: it proves that the mirror is right at a quiet moment.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::decode::schema::Polled;
use crate::kinds::KindIndex;
use crate::mirror::silence::look::{Look, Scope};
use crate::mirror::silence::looks::Looks;
use crate::mirror::{Mirror, silence};

#[cfg(test)]
mod tests;

/// A look waits so long for what else may come, so that a storm costs one look.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// The first and the longest pause before a repair, while losses follow each other.
const REPAIR_PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(2));
/// After a job, the next look waits so many times as long as it took.
const REST_FACTOR: u32 = 9;
/// The longest rest after a job.
const REST_MAX: Duration = Duration::from_secs(2);
/// A job restarts at most so often because the kernel's state changed meanwhile; then it is taken as it is, and done again
/// a little later.
const RESTARTS_MAX: u32 = 10;
/// What the kernel never tells is first looked at once nothing was told for so long.
const QUIET: Duration = Duration::from_secs(1);
/// The same, at the latest so long after the first change.
const QUIET_MAX: Duration = Duration::from_secs(5);
/// So many looks follow a change, each after twice the pause of the one before: the last one about two minutes after it, since a bridge
/// that has got an address asks from there about multicast when it asks the next time (`br_multicast_query_expired`): after 31 s where
/// it has come up just now, else after 125 s at most.
const QUIET_LOOKS: u32 = 7;

/// A reason to believe that the mirror may not be as the kernel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Everything of these kinds was known when linkhook last ran, and may have changed since.
    Offline(Vec<KindIndex>),
    /// Nothing is known of these kinds yet.
    Start(Vec<KindIndex>),
    /// The kernel has dropped notifications, of whatever it was.
    Loss,
    /// Some objects may have changed without a notification, or a dump could not tell how they are.
    Silent(Look),
    /// Something was told. Objects of which the kernel never tells may follow it, for as long as packets do: neighbours,
    /// say, by RFC 4861's solicitations or RFC 3810's reports.
    Quiet {
        /// The number of the line that told it, where it has one.
        cause: Option<u64>,
    },
}

/// What work is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Finding what changed since linkhook last ran.
    Offline,
    /// Filling the mirror when watching begins.
    Start,
    /// Finding what a loss had hidden.
    Repair,
    /// Finding what the kernel does without telling.
    Look,
    /// Proving that the mirror is right.
    Verify,
}

impl Purpose {
    /// Whether watching has not begun before it is done.
    pub fn is_of_start(self) -> bool {
        matches!(self, Purpose::Offline | Purpose::Start)
    }
}

/// What is to be asked of the kernel now.
#[derive(Debug)]
pub struct Work {
    /// What it is for.
    pub purpose: Purpose,
    /// Which objects are to be shown, in the order in which they are asked for: links first.
    pub scopes: Vec<(KindIndex, Scope)>,
    /// The looks that it takes, by which each difference finds its cause; none unless its purpose is a look.
    pub looks: Looks,
}

impl Work {
    /// Work on everything of some kinds.
    fn on_all(purpose: Purpose, kinds: &[KindIndex]) -> Work {
        let scopes = kinds.iter().map(|&kind| (kind, Scope::All)).collect();
        Work { purpose, scopes, looks: Looks::default() }
    }
}

/// The doubts of a namespace, and the work that runs.
#[derive(Debug)]
pub struct Agenda {
    watched: Vec<KindIndex>,
    /// Those of them of which a dump shows everything that is kept.
    comparable: Vec<KindIndex>,
    /// When watching began: both parts of the start count from here.
    began: Instant,
    /// The parts of the start that did not run yet.
    starts: VecDeque<(Purpose, Vec<KindIndex>)>,
    /// Notifications were lost: not before then is that repaired.
    repair_at: Option<Instant>,
    /// How long the last loss waited for its repair.
    repair_pause: Duration,
    /// When the last repair ended.
    repaired_at: Option<Instant>,
    /// Silent doubts, merged, and when they are looked at.
    looks: Looks,
    look_at: Option<Instant>,
    /// Some watched kind can change with no notification at all: such kinds are looked at once it is quiet.
    may_change_untold: bool,
    trail: Option<Trail>,
    /// No look begins before then.
    rested_at: Instant,
    /// How often the mirror is proven to be right.
    verify_every: Option<Duration>,
    verify_at: Option<Instant>,
    /// How often kinds of which the kernel tells nothing are looked at.
    poll_every: Option<Duration>,
    poll_at: Option<Instant>,
    running: Option<Begun>,
}

/// The work that runs.
#[derive(Debug)]
struct Begun {
    purpose: Purpose,
    began: Instant,
    restarts: u32,
}

impl Agenda {
    /// Nothing is in doubt yet. The mirror knows of which kinds the kernel tells nothing; `verify_every` is how often it is proven
    /// to be right.
    pub fn new(watched: &[KindIndex], mirror: &Mirror, verify_every: Option<Duration>, now: Instant) -> Agenda {
        Agenda {
            watched: watched.to_vec(),
            comparable: mirror.comparable(watched),
            began: now,
            starts: VecDeque::new(),
            repair_at: None,
            repair_pause: REPAIR_PAUSE.0,
            repaired_at: None,
            looks: Looks::default(),
            look_at: None,
            may_change_untold: silence::may_change_untold(watched, mirror),
            trail: None,
            rested_at: now,
            verify_every,
            verify_at: verify_every.map(|every| now + every),
            poll_every: None,
            poll_at: None,
            running: None,
        }
    }

    /// Takes in a doubt. Those of a start run in the order in which they were added.
    #[inline]
    pub fn add(&mut self, doubt: Doubt, now: Instant) {
        match doubt {
            Doubt::Offline(kinds) => self.starts.push_back((Purpose::Offline, kinds)),
            Doubt::Start(kinds) => self.starts.push_back((Purpose::Start, kinds)),
            Doubt::Loss => self.lose(now),
            Doubt::Silent(look) => {
                self.look_at.get_or_insert(now + LOOK_PAUSE);
                self.looks.add(look);
            }
            Doubt::Quiet { cause } => {
                if self.may_change_untold {
                    self.trail = Some(Trail::told(self.trail, now, cause));
                }
            }
        }
    }

    /// Notifications were lost. The pause before the repair doubles while losses follow each other, and is the shortest again
    /// where a quiet while has gone by since the last repair.
    fn lose(&mut self, now: Instant) {
        if self.repair_at.is_some() {
            return;
        }
        let is_repairing = self.running.as_ref().is_some_and(|running| running.purpose == Purpose::Repair);
        let often = is_repairing || self.repaired_at.is_some_and(|repaired| now < repaired + REPAIR_PAUSE.1);
        self.repair_pause = if often { (self.repair_pause * 2).min(REPAIR_PAUSE.1) } else { REPAIR_PAUSE.0 };
        self.repair_at = Some(now + self.repair_pause);
    }

    /// From here on kinds of which the kernel tells nothing are looked at so often.
    pub fn poll(mut self, every: Option<Duration>) -> Agenda {
        self.poll_every = every.filter(|_| polled(&self.comparable).next().is_some());
        self.poll_at = self.poll_every.map(|every| self.began + every);
        self
    }

    /// When [`Agenda::next`] is to be called; `None` while work runs, and where nothing is in doubt.
    pub fn due(&self) -> Option<Instant> {
        if self.running.is_some() {
            return None;
        }
        if !self.starts.is_empty() {
            return Some(self.began);
        }
        if self.repair_at.is_some() {
            return self.repair_at;
        }
        let look_at = self.look_at.map(|at| at.max(self.rested_at));
        let trail_at = self.trail.map(|trail| trail.due().max(self.rested_at));
        let poll_at = self.poll_at.map(|at| at.max(self.rested_at));
        [look_at, trail_at, poll_at, self.verify_at].into_iter().flatten().min()
    }

    /// Begins what is due, if anything is and nothing runs. Until [`Agenda::done`] or [`Agenda::break_off`] says otherwise,
    /// it runs.
    pub fn next(&mut self, now: Instant, mirror: &Mirror) -> Option<Work> {
        if self.running.is_some() {
            return None;
        }
        let work = if let Some((purpose, kinds)) = self.starts.pop_front() {
            Work::on_all(purpose, &kinds)
        } else if self.repair_at.is_some() {
            self.next_repair(now)?
        } else if let Some(look) = self.next_look(now, mirror) {
            look
        } else {
            self.next_verify(now)?
        };
        let began = if work.purpose.is_of_start() { self.began } else { now };
        self.running = Some(Begun { purpose: work.purpose, began, restarts: 0 });
        Some(work)
    }

    /// The repair of a loss, if it has waited long enough: it finds whatever a look would.
    fn next_repair(&mut self, now: Instant) -> Option<Work> {
        self.repair_at.take_if(|at| *at <= now)?;
        self.looks = Looks::default();
        self.look_at = None;
        Some(Work::on_all(Purpose::Repair, &self.comparable))
    }

    /// The look that is due, if one is. What is never told is looked at together with what messages led to, so that these do
    /// not put it off for ever.
    fn next_look(&mut self, now: Instant, mirror: &Mirror) -> Option<Work> {
        if self.rested_at > now {
            return None;
        }
        let polls = self.poll_at.is_some_and(|at| at <= now);
        if polls {
            self.poll_at = self.poll_every.map(|every| now + every);
            polled(&self.comparable).for_each(|kind| self.looks.add(Look::at(kind)));
        }
        if let Some(trail) = self.trail.filter(|trail| trail.due() <= now) {
            self.trail = trail.looked(now);
            for kind in silence::untold(&self.watched, mirror) {
                self.looks.add(Look { cause: trail.cause, ..Look::at(kind) });
            }
        } else if !polls && self.look_at.is_none_or(|at| at > now) {
            return None;
        }
        self.look_at = None;
        let looks = std::mem::take(&mut self.looks);
        let scopes = looks.scopes(mirror, &self.watched);
        (!scopes.is_empty()).then_some(Work { purpose: Purpose::Look, scopes, looks })
    }

    /// The proof that the mirror is right, if it is due: not while there is something that may not be.
    fn next_verify(&mut self, now: Instant) -> Option<Work> {
        self.verify_at.filter(|at| *at <= now)?;
        if self.look_at.is_some() {
            self.verify_at = Some(now + LOOK_PAUSE);
            return None;
        }
        Some(Work::on_all(Purpose::Verify, &self.comparable))
    }

    /// The kernel has shown all that the work asked for, and everything is read that it told before. Says whether what was
    /// shown is to be compared with the mirror. `queue_is_empty` says whether no notification waits to be told.
    #[must_use]
    pub fn done(&mut self, now: Instant, queue_is_empty: bool) -> bool {
        let Some(Begun { purpose, began, .. }) = self.running.take() else { return false };
        self.rested_at = now + (now.saturating_duration_since(began) * REST_FACTOR).min(REST_MAX);
        match purpose {
            Purpose::Start | Purpose::Verify => self.verify_at = self.verify_every.map(|every| now + every),
            Purpose::Repair => self.repaired_at = Some(now),
            Purpose::Offline | Purpose::Look => {}
        }
        match purpose {
            // Its rows are in the mirror already.
            Purpose::Start => false,
            Purpose::Offline => true,
            // The repair of what was lost just now looks at everything, and knows what the loss had hidden.
            _ if self.repair_at.is_some() => false,
            // What is looked at soon may be what differs, and is not the mirror's fault.
            Purpose::Verify if !(queue_is_empty && self.looks.is_empty()) => {
                self.verify_at = Some(self.rested_at.max(now + LOOK_PAUSE));
                false
            }
            Purpose::Repair | Purpose::Look | Purpose::Verify => true,
        }
    }

    /// Gives up the work that runs, where a loss makes it worthless, and says whether it did: the repair finds what both
    /// would have. The start goes on, since without it there is nothing to repair.
    #[must_use]
    pub fn break_off(&mut self) -> bool {
        let is_lost = self.repair_at.is_some();
        self.running.take_if(|running| is_lost && !running.purpose.is_of_start()).is_some()
    }

    /// Whether what exists is known: all parts of the start are done.
    pub fn is_started(&self) -> bool {
        self.starts.is_empty() && self.running.as_ref().is_none_or(|running| !running.purpose.is_of_start())
    }

    /// Whether the work that runs may restart once more.
    pub fn may_restart(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.restarts < RESTARTS_MAX)
    }

    /// The work that runs has restarted.
    pub fn restarted(&mut self) {
        self.running.iter_mut().for_each(|running| running.restarts += 1);
    }

    /// The kernel's state changed while it showed objects of a kind: some may be missing. Says whether the work is to
    /// restart; where it did so too often, what was shown is taken as it is, and the kind is looked at once more.
    #[must_use]
    pub fn interrupted(&mut self, kind: KindIndex, now: Instant) -> bool {
        let may_restart = self.may_restart();
        if !may_restart {
            self.add(Doubt::Silent(Look::at(kind)), now);
        }
        may_restart
    }
}

/// Those of some kinds of which the kernel tells nothing.
fn polled(kinds: &[KindIndex]) -> impl Iterator<Item = KindIndex> {
    kinds.iter().copied().filter(|kind| kind.table().hooks.polled != Polled::No)
}

/// Something was told, which what is never told may have followed: once it is quiet that is looked at, and then again,
/// ever more rarely.
#[derive(Clone, Copy, Debug)]
struct Trail {
    first: Instant,
    last: Instant,
    looks: u32,
    /// The number of the last line.
    cause: Option<u64>,
}

impl Trail {
    /// Something is told; `line` is its number, where it has one.
    fn told(before: Option<Trail>, now: Instant, line: Option<u64>) -> Trail {
        let first = before.filter(|trail| trail.looks == 0).map_or(now, |trail| trail.first);
        Trail { first, last: now, looks: 0, cause: line.or(before.and_then(|trail| trail.cause)) }
    }

    /// When the next look is due.
    fn due(&self) -> Instant {
        if self.looks == 0 {
            (self.last + QUIET).min(self.first + QUIET_MAX)
        } else {
            self.last + QUIET * (1 << self.looks)
        }
    }

    /// What is left of it once a look is taken; `None` where that was the last one.
    fn looked(self, now: Instant) -> Option<Trail> {
        (self.looks + 1 < QUIET_LOOKS).then_some(Trail { last: now, looks: self.looks + 1, ..self })
    }
}
