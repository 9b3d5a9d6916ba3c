//! The thread that judges a webhook's events by its jq filter, before they take room in its spool: what the filter does
//! not want pushes out nothing that it wants, and is no loss.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::jq::{Judge, Verdict};
use super::lane::{Death, Lane, SieveWork, Sifted, WaitingEvent};
use crate::units::counted_are;

/// Where no child can be started for the filter, the next attempt is made after that time.
const JUDGE_PAUSE: Duration = Duration::from_secs(5);
/// Each failure may have a reason of its own, which would have no bound.
const FAILED: &str = "the jq filter failed";

/// Judges until the end has come, or the webhook is removed and nothing is left to judge.
pub(super) fn run(lane: &Arc<Lane>) {
    let (mut code, mut judge): (Option<String>, Option<Judge>) = (None, None);
    while let Some(next) = lane.next_unjudged(code.as_deref()) {
        let lines: Vec<Arc<[u8]>> = match &next {
            SieveWork::Renewed(renewed) => {
                judge = renewed.as_deref().map(Judge::new);
                code.clone_from(renewed);
                continue;
            }
            SieveWork::Events(events) => events.iter().map(|event| event.line.clone()).collect(),
            SieveWork::Doomed(lines) => lines.clone(),
        };
        let verdicts = match judge.as_mut().map(|judge| judge.judge(&lines)) {
            None => vec![Verdict::Keep; lines.len()],
            Some(Ok(verdicts)) => verdicts,
            Some(Err(why)) => {
                log::error!("{}: {why}; again in {} s", lane.title(), JUDGE_PAUSE.as_secs());
                let (_, generation) = lane.webhook();
                lane.pause(Instant::now() + JUDGE_PAUSE, generation);
                if lane.is_removed() || !lane.has_time() {
                    // Nobody is left to judge for: what waits is put away as it is.
                    break;
                }
                continue;
            }
        };
        if let SieveWork::Events(events) = &next {
            let wanted: Vec<bool> = verdicts.iter().map(|verdict| *verdict == Verdict::Keep).collect();
            let mut sifted = lane.plan(&wanted);
            if !bury_broken(lane, events, &verdicts[..sifted.judged], &mut sifted) || !lane.sift(sifted) {
                break;
            }
        } else {
            // One that the filter fails on would not have been delivered either.
            let lost: Vec<bool> = verdicts.iter().map(|verdict| *verdict != Verdict::Drop).collect();
            lane.judge_doomed(&lost);
        }
    }
    // Its child with it.
    drop(judge);
    lane.stop_judging();
}

/// Events on which the filter fails go to the dead letters, and are lost. `false` when there was no time for it.
fn bury_broken(lane: &Arc<Lane>, events: &[WaitingEvent], verdicts: &[Verdict], sifted: &mut Sifted) -> bool {
    let (mut broken, mut reasons): (Vec<Arc<[u8]>>, Vec<&str>) = (Vec::new(), Vec::new());
    for (event, verdict) in events.iter().zip(verdicts) {
        if let Verdict::Broken(reason) = verdict {
            broken.push(event.line.clone());
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
    }
    let Some(first) = reasons.first() else { return true };
    // An expression that fails on everything must not flood the log, nor sync the disk for each event.
    let reason = match reasons.len() - 1 {
        0 => (*first).to_owned(),
        others => format!("{first}, and {others} other reasons"),
    };
    let events = counted_are(broken.len() as u64, "event");
    log::error!("{}: {events} not delivered: {reason}", lane.title());
    sifted.lose(FAILED, broken.len() as u64);
    lane.bury(&broken, Death::unsent(&reason))
}
