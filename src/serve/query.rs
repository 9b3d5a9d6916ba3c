//! What a request asks for, in its query. Pure.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::event::severity::Severity;
use crate::moment::moment;
use crate::units;
use crate::words::{self, Choice, FAMILIES, nearest};

/// The keys that choose among events.
const CHOICE_KEYS: [&str; 9] =
    ["kind", "family", "interface", "netns", "action", "signal", "severity", "table", "filter"];
/// The keys of `/events` beside those.
pub(super) const EVENTS_KEYS: [&str; 6] = ["after", "since", "until", "n", "follow", "heartbeat"];
/// The keys of `/state` beside those.
pub(super) const STATE_KEYS: [&str; 1] = ["at"];

/// Stands behind the last number of an answer that has an end, once all of it is told: whoever comes back with it gets nothing more.
pub(super) const WHOLE: &str = "/whole";

/// Latest lines that can be asked for.
const LATEST_MAX: u64 = 100_000;
/// A heartbeat is no more and no less often.
const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3600);

/// A query that was read.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// Which events.
    pub choice: Choice,
    /// Lines with greater numbers than that.
    pub after: Option<u64>,
    /// Of that time, in microseconds since 1970, or later.
    pub since: Option<i64>,
    /// Of that time or earlier.
    pub until: Option<i64>,
    /// Of those that are there already only the latest, so many.
    pub latest: Option<u64>,
    /// Whether it ends once everything is told that is there.
    pub ends: bool,
    /// How often a reader hears that it is still served, whatever happens.
    pub heartbeat: Option<Duration>,
    /// A reader comes back that has had everything.
    pub is_done: bool,
    /// The time whose state is asked for.
    pub at: Option<i64>,
}

impl Query {
    /// Reads it; beside those that choose, `keys` may stand in it. Several values of a key stand behind commas or in keys of their own.
    pub fn parse(query: &str, keys: &[&str]) -> Result<Query> {
        let mut read = Query::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let (key, value) = (key.as_ref(), value.as_ref());
            if !CHOICE_KEYS.contains(&key) && !keys.contains(&key) {
                let known = || CHOICE_KEYS.iter().chain(keys).copied();
                let tip = match nearest(key, known()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(Error::usage(format_args!("unknown key '{key}'; {tip}")));
            }
            let wrong = |why: &dyn std::fmt::Display| Error::usage(format_args!("{key}={value}: {why}"));
            let time = || moment(value).map(Some).map_err(|why| wrong(&why));
            let Choice { kinds, families, interfaces, netns, actions, signals, severity, tables, jq } =
                &mut read.choice;
            let values = value.split(',').map(str::to_owned);
            match key {
                "kind" => kinds.extend(values),
                "family" => {
                    if let Some(unknown) = value.split(',').find(|family| !FAMILIES.contains(family)) {
                        return Err(wrong(&format_args!("'{unknown}' is none of {}", FAMILIES.join(", "))));
                    }
                    families.extend(values);
                }
                "interface" => interfaces.extend(values),
                "netns" => netns.extend(values),
                "action" => actions.extend(values),
                "signal" => signals.extend(values),
                "severity" => *severity = Some(words::severity(value).map_err(|why| wrong(&why))?),
                "table" => tables.extend(values),
                "filter" => *jq = Some(value.to_owned()),
                "after" => read.after = Some(number(value).ok_or_else(|| wrong(&"the number of a line is needed"))?),
                "since" => read.since = time()?,
                "until" => read.until = time()?,
                "at" => read.at = time()?,
                "n" => {
                    let latest = number(value).filter(|latest| (1..=LATEST_MAX).contains(latest));
                    let latest =
                        latest.ok_or_else(|| wrong(&format_args!("a number from 1 to {LATEST_MAX} is needed")))?;
                    read.latest = Some(latest);
                }
                "heartbeat" => {
                    let every = units::duration_or_seconds(value).map_err(|why| wrong(&why))?;
                    if !(HEARTBEAT_MIN..=HEARTBEAT_MAX).contains(&every) {
                        return Err(wrong(&"from 1s to 1h is needed"));
                    }
                    read.heartbeat = Some(every);
                }
                _ => {
                    read.ends = match value {
                        "true" | "1" | "" => false,
                        "false" | "0" => true,
                        _ => return Err(wrong(&"true or false is needed")),
                    };
                }
            }
        }
        if read.after.is_some() && (read.since.is_some() || read.latest.is_some()) {
            return Err(Error::usage("after says already where to begin: leave out since and n"));
        }
        if read.since.zip(read.until).is_some_and(|(since, until)| since > until) {
            return Err(Error::usage("since is later than until: nothing could be told"));
        }
        // What was until a time comes no more.
        read.ends |= read.until.is_some();
        Ok(read)
    }

    /// A reader comes back, and says what it had last.
    pub fn after_last(self, id: &str) -> Query {
        let (number, is_done) = match id.strip_suffix(WHOLE) {
            Some(number) => (number, self.ends),
            None => (id, false),
        };
        match number.parse() {
            Ok(after) => Query { after: Some(after), since: None, latest: None, is_done, ..self },
            Err(_) => self,
        }
    }

    /// Whether anything is chosen.
    pub fn is_narrowed(&self) -> bool {
        let Choice { kinds, families, interfaces, netns, actions, signals, severity, tables, jq } = &self.choice;
        let lists = [kinds, families, interfaces, netns, actions, signals, tables];
        lists.iter().any(|list| !list.is_empty())
            || severity.is_some_and(|severity| severity > Severity::Debug)
            || jq.is_some()
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Query> {
        Query::parse(query, &EVENTS_KEYS)
    }

    #[test]
    fn keys_choose_events() {
        let query =
            parse("kind=route,link&kind=addr&interface=eth%2A&severity=notice&filter=.a+%3D%3D+%22b%26c%22&after=7")
                .unwrap();
        assert_eq!((query.choice.kinds.join(" "), query.after, query.ends), ("route link addr".into(), Some(7), false));
        assert_eq!((query.choice.interfaces, query.choice.severity), (vec!["eth*".into()], Some(Severity::Notice)));
        assert_eq!(query.choice.jq.as_deref(), Some(".a == \"b&c\""));
        assert!(!parse("").unwrap().is_narrowed() && !parse("n=5&severity=debug").unwrap().is_narrowed());
        assert!(parse("netns=.").unwrap().is_narrowed());
        assert!(parse("until=@5").unwrap().ends && parse("follow=false").unwrap().ends);
    }

    #[test]
    fn whoever_comes_back_says_what_it_had() {
        let back = |query: &str, id: &str| {
            let query = parse(query).unwrap().after_last(id);
            (query.after, query.latest, query.is_done)
        };
        assert_eq!(back("n=5", "7"), (Some(7), None, false));
        assert_eq!(back("n=5&follow=false", "7"), (Some(7), None, false));
        assert_eq!(back("n=5&follow=false", "7/whole"), (Some(7), None, true));
        // What has no end goes on.
        assert_eq!(back("n=5", "7/whole"), (Some(7), None, false));
        assert_eq!(back("n=5", "mine"), (None, Some(5), false));
    }

    #[test]
    fn what_is_wrong_is_named_with_the_mend() {
        for (query, told) in [
            ("kinds=route", "unknown key 'kinds'; did you mean 'kind'?"),
            ("at=now", "unknown key 'at'"),
            ("after=x", "after=x: the number of a line is needed"),
            ("after=-1", "the number of a line"),
            ("n=0", "from 1 to"),
            ("n=1000000", "from 1 to"),
            ("follow=maybe", "true or false"),
            ("severity=loud", "loud"),
            ("family=ipx", "'ipx' is none of inet"),
            ("since=soon", "is no time"),
            ("since=@9&until=@5", "since is later than until"),
            ("after=5&n=3", "after says already"),
            ("heartbeat=soon", "heartbeat=soon"),
            ("heartbeat=0", "from 1s to 1h"),
        ] {
            let error = parse(query).unwrap_err();
            assert!(error.to_string().contains(told) && error.status() == 2, "{query}: {error}");
        }
    }
}
