//! What a job has found, and how it is told: differences as lines, and linkhook's own lines about losses and repairs.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::agenda::Purpose;
use super::feed::{Feed, Overrun};
use super::own_telling;
use super::place::Knowledge;
use crate::decode::schema::Sides;
use crate::event::own;
use crate::event::{Action, Clock, Origin};
use crate::json::Json;
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::link;
use crate::mirror::repair::Difference;
use crate::mirror::{Mirror, silence};
use crate::stream::{Stream, Telling, Told};

/// What a job has found, and is not told yet.
#[derive(Debug)]
pub(super) struct Findings {
    pub purpose: Purpose,
    pub cause: Option<u64>,
    pub began: Instant,
    pub differences: VecDeque<Finding>,
    /// What of them was told and is no silent change, by kind.
    found: BTreeMap<KindIndex, Found>,
}

/// How many objects of a kind differed, and how.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    added: u64,
    changed: u64,
    removed: u64,
}

/// A difference, and the number of the line that led to it.
#[derive(Debug)]
pub(super) struct Finding {
    pub difference: Difference,
    pub cause: Option<u64>,
    /// When, in microseconds since 1970: not before what was told of the object, and not after what waits.
    pub time_microseconds: i64,
}

impl Findings {
    /// Nothing of it is told yet.
    pub fn new(purpose: Purpose, cause: Option<u64>, began: Instant, differences: Vec<Finding>) -> Findings {
        Findings { purpose, cause, began, differences: differences.into(), found: BTreeMap::new() }
    }
}

/// Whether a difference may lead to others that the kernel does not tell of: an object that was added or removed, or a link
/// that changed. A rule, say, of which only the flags changed leads to nothing.
pub(super) fn may_have_consequences(difference: &Difference) -> bool {
    difference.old.is_none() != difference.new.is_none() || difference.kind.table().is(&link::LINK)
}

/// Tells one of them.
pub(super) fn tell_difference(
    findings: &mut Findings,
    Finding { difference, cause, time_microseconds }: &Finding,
    netns: Option<&str>,
    mirror: &mut Mirror,
    stream: &mut Stream,
    out: &mut Json,
) {
    let (old, new) = (difference.old.as_deref(), difference.new.as_deref());
    let (action, shown) = match (old, new) {
        (None, Some(new)) => (Action::Add, new),
        (Some(_), Some(new)) => (Action::Change, new),
        (Some(old), None) => (Action::Remove, old),
        (None, None) => return,
    };
    // What the kernel never tells is no defect that the self-check has found.
    let inferred = match findings.purpose {
        Purpose::Look => true,
        Purpose::Verify => silence::is_untold(difference, mirror),
        Purpose::Offline | Purpose::Start | Purpose::Repair => false,
    };
    let origin = match findings.purpose {
        Purpose::Offline => Origin::Offline,
        _ if inferred => Origin::Inferred,
        _ => Origin::Resync,
    };
    let telling = Telling { origin, cause: *cause, time_microseconds: *time_microseconds, netns, actor: None };
    let signals = difference.kind.table().signals_of(&Sides { old, new, message: shown });
    let signals = signals.with(mirror.told(difference.kind, old, new));
    let signals = signals.with(stream.moved(difference.kind, action, shown, telling));
    let told = Told { kind: difference.kind, action, old, new: shown, signals };
    if stream.tell(out, &mirror.links, told, telling).is_some() && !(inferred && findings.purpose == Purpose::Verify) {
        let found = findings.found.entry(difference.kind).or_default();
        *match action {
            Action::Add => &mut found.added,
            Action::Remove => &mut found.removed,
            _ => &mut found.changed,
        } += 1;
    }
}

/// Everything that a job has found is told: a repair says so, and a proof of the mirror where it has failed.
pub(super) fn tell_end(findings: &Findings, netns: Option<&str>, stream: &mut Stream, out: &mut Json) {
    let is_proof = findings.purpose == Purpose::Verify;
    let total = |count: fn(&Found) -> u64| findings.found.values().map(count).sum::<u64>();
    let (added, changed, removed) = (total(|it| it.added), total(|it| it.changed), total(|it| it.removed));
    let found = added + changed + removed;
    if is_proof && found == 0 {
        log::debug!("the mirror is as the kernel is");
    } else if is_proof {
        let of_kind = |(kind, Found { added, changed, removed }): (&KindIndex, &Found)| {
            let counts = [(added, "missing"), (changed, "other"), (removed, "gone")];
            let counts = counts.iter().filter(|(count, _)| **count > 0).map(|(count, word)| format!("{count} {word}"));
            format!("{} {}", kind.table().name, counts.collect::<Vec<String>>().join(" and "))
        };
        let kinds = findings.found.iter().map(of_kind).collect::<Vec<String>>().join(", ");
        log::warn!("the mirror was not as the kernel is: {kinds}; please report it");
    }
    if findings.purpose != Purpose::Repair && !(is_proof && found > 0) {
        return;
    }
    let telling = Telling { cause: findings.cause, ..own_telling(netns) };
    stream.own(out, &own::RESYNC, telling, |out| {
        for (key, number) in [("added", added), ("changed", changed), ("removed", removed)] {
            out.key(key);
            out.unsigned(number);
        }
        out.key("took");
        out.display(format_args!("{:.6}s", findings.began.elapsed().as_secs_f64()));
        if is_proof {
            out.key("reason");
            out.string("verify");
        }
    });
}

/// Tells that notifications of some kinds were lost, and gives back the number of that line.
pub(super) fn tell_overrun(
    overrun: &Overrun,
    feed: &Feed,
    known: &Knowledge,
    stream: &mut Stream,
    out: &mut Json,
) -> Option<u64> {
    stream.counts_mut().lost += u64::from(overrun.lost.unwrap_or_default());
    stream.own(out, &own::OVERRUN, own_telling(known.netns.label()), |out| {
        out.key("lost");
        match overrun.lost {
            Some(lost) => out.unsigned(lost.into()),
            None => out.null(),
        }
        out.key("since");
        Clock::default().write(out, overrun.since_microseconds);
        out.key("kinds");
        out.begin_list();
        feed.kinds().iter().for_each(|&kind| out.string(kind.table().name));
        out.end_list();
        out.key("protocol");
        out.string(feed.protocol().name);
        if !feed.kinds().iter().any(|&kind| known.mirror.can_compare(kind)) {
            // Nothing is known that could be held against the kernel.
            out.key("resync");
            out.null();
        }
    })
}
