//! A rate: only what comes so often within a while is told, as one line that says how often. Pure: times are those of the lines.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::follow::{Followed, Follower};
use super::{Settled, settle};
use crate::event::time_of;

/// Objects that are counted at most; beyond them, those that have come least lately are forgotten.
const OBJECTS_MAX: usize = 10_000;

/// How often, within what time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So often at least.
    pub count: u32,
    /// Within so long.
    pub within: Duration,
}

/// A line, behind its time in microseconds since 1970.
type Counted = (i64, Arc<[u8]>);

/// What has come of each object, as far as it counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    objects: HashMap<Arc<str>, VecDeque<Counted>>,
    follower: Follower,
}

impl Counts {
    /// Takes a line, and gives back what is told once it has come often enough: then it is counted anew. What is of no object is
    /// told as it is.
    pub fn take(&mut self, line: &Arc<[u8]>, rate: Rate) -> Option<Arc<[u8]>> {
        let event = serde_json::from_slice(line).ok();
        let followed = event.and_then(|event| self.follower.follow(&event));
        let (Some(Followed { before, after }), Some(time)) = (followed, time_of(line)) else {
            return Some(line.clone());
        };
        if self.follower.names.count() > OBJECTS_MAX {
            self.follower = Follower::default();
        }
        let identity: Arc<str> = after.into();
        if *before != *identity
            && let Some(lines) = self.objects.remove(before.as_str())
        {
            self.objects.insert(identity.clone(), lines);
        }
        let within = i64::try_from(rate.within.as_micros()).unwrap_or(i64::MAX);
        if self.objects.len() >= OBJECTS_MAX && !self.objects.contains_key(&identity) {
            self.forget(time.saturating_sub(within));
        }
        let lines = self.objects.entry(identity.clone()).or_default();
        lines.push_back((time, line.clone()));
        while lines.front().is_some_and(|(first, _)| time.saturating_sub(*first) > within) {
            lines.pop_front();
        }
        if lines.len() < rate.count as usize {
            return None;
        }
        let lines = self.objects.remove(&identity).unwrap_or_default();
        let lines: Vec<Arc<[u8]>> = lines.into_iter().map(|(_, line)| line).collect();
        settle(&lines).pop().map(|Settled { line, .. }| line.into())
    }

    /// Forgets what does not count any more; where that is nothing, the half that has come least lately.
    fn forget(&mut self, before: i64) {
        let newest = |lines: &VecDeque<Counted>| lines.back().map_or(i64::MIN, |(time, _)| *time);
        self.objects.retain(|_, lines| newest(lines) >= before);
        if self.objects.len() >= OBJECTS_MAX {
            let mut times: Vec<i64> = self.objects.values().map(newest).collect();
            let middle = times.len() / 2;
            let (_, middle, _) = times.select_nth_unstable(middle);
            let middle = *middle;
            self.objects.retain(|_, lines| newest(lines) > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RATE: Rate = Rate { count: 3, within: Duration::from_secs(60) };

    fn line(number: u64, minute: u32, second: u32, index: u32) -> Arc<[u8]> {
        json!({"v": 1, "ts": format!("2026-11-30T00:{minute:02}:{second:02}.000000Z"), "seq": number, "event": "link",
            "action": "change", "severity": "info", "ifname": "v0", "ifindex": index, "link": {"ifindex": index}})
        .to_string()
        .into_bytes()
        .into()
    }

    fn count(told: Option<Arc<[u8]>>) -> Option<u64> {
        told.map(|line| serde_json::from_slice::<Value>(&line).unwrap()["settled"]["count"].as_u64().unwrap())
    }

    #[test]
    fn only_what_comes_often_enough_is_told() {
        let mut counts = Counts::default();
        let mut take = |minute, second, index| count(counts.take(&line(1, minute, second, index), RATE));
        // Each object by itself, and what is too long ago does not count.
        assert_eq!([take(0, 0, 1), take(0, 10, 1), take(0, 20, 2), take(1, 5, 1)], [None; 4]);
        assert_eq!(take(1, 6, 1), Some(3));
        // Then it is counted anew.
        assert_eq!([take(1, 7, 1), take(1, 8, 1)], [None; 2]);
        assert_eq!(take(1, 9, 1), Some(3));
        // What is no object's is told.
        let own: Arc<[u8]> =
            br#"{"v":1,"ts":"2026-11-30T00:00:00.000000Z","event":"hello","hello":{}}"#.as_slice().into();
        assert_eq!(counts.take(&own, RATE), Some(own));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut counts = Counts::default();
        for index in 0..30_000 {
            assert_eq!(counts.take(&line(1, index / 60 % 60, index % 60, index), RATE), None);
            assert!(counts.objects.len() <= OBJECTS_MAX);
        }
    }
}
