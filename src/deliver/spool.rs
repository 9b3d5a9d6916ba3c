//! What `linkhook spool` asks of the webhooks, from a thread of its own: each lane by its name.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::dead::{Chosen, DeadLetters};
pub use super::lane::LaneStatus;
use super::lane::{Lane, Refusal, UNTIL_RESUMED};
use crate::fault;
use crate::store::{Queue, StoreHandle};
use crate::units::{bytes_words, counted};

/// Events that are removed in one transaction at most: lines wait for it.
const REMOVED_AT_ONCE: usize = 2000;
/// Ranges that are looked through in one.
const RANGES_AT_ONCE: usize = 1000;

/// All lanes, for whoever serves `linkhook spool`. The hub says which there are.
#[derive(Clone, Debug)]
pub struct Roster {
    lanes: Arc<Mutex<Vec<Arc<Lane>>>>,
    handle: StoreHandle,
    state_directory: PathBuf,
}

/// What is done, or why not, in words.
type Answer<T> = std::result::Result<T, String>;

impl Roster {
    pub(super) fn new(handle: StoreHandle, state_directory: PathBuf) -> Roster {
        Roster { lanes: Arc::default(), handle, state_directory }
    }

    pub(super) fn set(&self, lanes: Vec<Arc<Lane>>) {
        *self.lanes.lock().unwrap_or_else(PoisonError::into_inner) = lanes;
    }

    fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lane(&self, name: &str) -> Answer<Arc<Lane>> {
        let lanes = self.lanes();
        lanes.iter().find(|lane| lane.name() == name && !lane.is_removed()).cloned().ok_or_else(|| {
            let names: Vec<&str> = lanes.iter().map(|lane| lane.name()).collect();
            format!(
                "there is no webhook or exec '{name}' in the running configuration; there are: {}",
                names.join(", ")
            )
        })
    }

    /// What each is at.
    pub fn status(&self) -> Vec<LaneStatus> {
        self.lanes().iter().map(|lane| lane.status()).collect()
    }

    /// The next attempt of a webhook is made now. Gives back how many events wait, and whether there is an attempt to be made:
    /// events that gather are sent when they would have been.
    pub fn retry(&self, name: &str) -> Answer<(u64, bool)> {
        let lane = self.lane(name)?;
        if lane.is_paused() {
            return Err(format!("'{name}' is paused; 'linkhook spool resume {name}' goes on at once"));
        }
        Ok(lane.hurry())
    }

    /// A webhook pauses until then, in microseconds since 1970; without an end where none is said.
    pub fn pause(&self, name: &str, until: Option<u64>) -> Answer<()> {
        self.set_paused(name, Some(until.unwrap_or(UNTIL_RESUMED)))
    }

    /// It goes on. Gives back whether it was paused.
    pub fn resume(&self, name: &str) -> Answer<bool> {
        let was_paused = self.lane(name)?.is_paused();
        self.set_paused(name, None)?;
        // What a receiver asked for while it was paused is over, or is asked for again.
        self.lane(name)?.hurry();
        Ok(was_paused)
    }

    fn set_paused(&self, name: &str, until: Option<u64>) -> Answer<()> {
        let lane = self.lane(name)?;
        self.can_be_written()?;
        // It outlives linkhook before anybody hears that it holds.
        if !self.handle.pause(lane.clone(), until, &mut || lane.has_time()) {
            return Err("linkhook ends".into());
        }
        lane.set_paused(until);
        log::info!("{}: {}", lane.title(), if until.is_some() { "paused by hand" } else { "resumed by hand" });
        Ok(())
    }

    /// Drops what waits for a webhook in these ranges of numbers. Gives back how many events that were, each of them told as
    /// lost.
    pub fn drop_events(&self, name: &str, ranges: &[(u64, u64)]) -> Answer<u64> {
        let lane = self.lane(name)?;
        self.can_be_written()?;
        let is_meant = |sequence: u64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&sequence));
        let _hold = lane
            .hold(|on_their_way| on_their_way.iter().any(|event| is_meant(event.sequence)))
            .map_err(|refusal| said(name, refusal))?;
        let mut dropped = 0;
        let mut ranges = ranges.to_vec();
        ranges.sort_unstable();
        for ranges in ranges.chunks(RANGES_AT_ONCE) {
            let mut left = ranges.to_vec();
            while !left.is_empty() {
                let mut patience = || lane.has_time();
                let gone = self.handle.remove(lane.clone(), left.clone(), REMOVED_AT_ONCE, &mut patience);
                let Some(gone) = gone else {
                    return Err(format!("linkhook ends; {} dropped before", counted(dropped, "event")));
                };
                dropped += gone.len() as u64;
                fault::point("between removals");
                match gone.last() {
                    Some(last) if gone.len() == REMOVED_AT_ONCE => behind(&mut left, *last),
                    _ => break,
                }
            }
        }
        Ok(dropped)
    }

    /// Dead letters wait again for their webhook, before what waits for it, and are letters no more. Gives back how many events
    /// and how many letters. After a crash in the middle they may be both.
    pub fn retry_dead(&self, name: &str, chosen: &Chosen) -> Answer<(u64, u64)> {
        let lane = self.lane(name)?;
        self.can_be_written()?;
        let _hold = lane.hold(|_| true).map_err(|refusal| said(name, refusal))?;
        let mut dead = lane.dead_letters().ok_or("there is no state directory")?;
        let failed = |error: std::io::Error| format!("cannot read or write the dead letters of '{name}': {error}");
        let (events, letters) = dead.find(chosen).map_err(failed)?;
        let octets: usize = events.iter().map(|(_, line)| line.len()).sum();
        let room = lane.room();
        if octets > room {
            return Err(format!(
                "the dead letters of '{name}' have {}, and its spool has room for {}; choose fewer of them, or make its spool \
                 larger",
                bytes_words(octets),
                bytes_words(room)
            ));
        }
        let count = events.len() as u64;
        if !events.is_empty() {
            match self.handle.give_back(lane.clone(), events, &mut || lane.has_time()) {
                Some(true) => {}
                Some(false) => {
                    return Err(format!(
                        "the number of an event in the dead letters of '{name}' is that of another event, for which others still \
                         wait; ask again once they have it"
                    ));
                }
                None => return Err("linkhook ends".into()),
            }
        }
        fault::point("before letters go");
        dead.strike(chosen).map_err(|error| {
            format!("{} of '{name}' wait again, and are letters still: {error}", counted(count, "event"))
        })?;
        let letters_words = counted(letters, "dead letter");
        log::warn!("{}: {letters_words} with {} wait again, by hand", lane.title(), counted(count, "event"));
        Ok((count, letters))
    }

    /// Removes dead letters. Gives back how many events, which were told as lost when they came there, and how many letters.
    pub fn drop_dead(&self, name: &str, chosen: &Chosen) -> Answer<(u64, u64)> {
        // A name is a file's.
        if !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"._-".contains(&octet)) {
            return Err(format!("'{name}' is no webhook's name"));
        }
        let lanes = self.lanes();
        let lane = lanes.iter().find(|lane| lane.name() == name);
        let failed = |error: std::io::Error| format!("cannot write the dead letters of '{name}': {error}");
        let removed = match lane.and_then(|lane| lane.dead_letters()) {
            Some(mut dead) => dead.strike(chosen),
            // One that the configuration does not name any more.
            None => DeadLetters::new(self.state_directory.clone(), name).strike(chosen),
        };
        let (events, letters) = removed.map_err(failed)?;
        log::warn!(
            "{name}: {} with {} removed by hand; they were told as lost before",
            counted(letters, "dead letter"),
            counted(events, "event")
        );
        Ok((events, letters))
    }

    fn can_be_written(&self) -> Answer<()> {
        match self.handle.obstacle() {
            Some(why) => Err(format!("the state directory cannot be written now ({why}); mend that, and ask again")),
            None => Ok(()),
        }
    }
}

/// What is left of ranges behind a number.
fn behind(ranges: &mut Vec<(u64, u64)>, number: u64) {
    ranges.retain(|(_, last)| *last > number);
    if let Some((first, _)) = ranges.first_mut() {
        *first = (*first).max(number + 1);
    }
}

fn said(name: &str, refusal: Refusal) -> String {
    match refusal {
        Refusal::Held => format!("another 'linkhook spool' is at work on '{name}'; ask again once it is done"),
        Refusal::Attempt => {
            format!("an attempt of '{name}' takes too long; nothing was changed, ask again once it has ended")
        }
        Refusal::Ending => format!("'{name}' ends just now; nothing was changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_ranges_is_behind_what_was_done() {
        let left = |number| {
            let mut ranges = vec![(1, 3), (5, 9), (12, 12)];
            behind(&mut ranges, number);
            ranges
        };
        assert_eq!(left(2), [(3, 3), (5, 9), (12, 12)]);
        assert_eq!(left(3), [(5, 9), (12, 12)]);
        assert_eq!(left(7), [(8, 9), (12, 12)]);
        assert_eq!(left(12), []);
    }
}
