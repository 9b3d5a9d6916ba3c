//! `linkhook spool status`: a table for eyes, or a JSON line for each.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{State, named, now, say};
use crate::deliver::dead::{DIRECTORY, file_names};
use crate::deliver::spool::LaneStatus;
use crate::error::Result;
use crate::event;
use crate::spool::client::ask;
use crate::spool::{Answer, Request};
use crate::store::look::Seen;

/// A pause beyond this has no end but by `resume`: it is far beyond any that is written as a duration.
const FAR_MICROSECONDS: u64 = i64::MAX as u64 / 2;

/// Arguments of `linkhook spool status`.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Only this one, by its name in the configuration
    name: Option<String>,
    /// A JSON line for each, for programs
    #[arg(long)]
    json: bool,
}

/// What is known of one.
struct Row<'s> {
    seen: &'s Seen,
    /// What the running linkhook says of it.
    lane: Option<LaneStatus>,
    is_running: bool,
    dead_bytes: u64,
}

/// Runs the command.
pub fn run(state: &State, arguments: &Arguments) -> Result<()> {
    let seen = state.look()?.webhooks()?;
    let lanes = match ask(&state.directory, &Request::Status)? {
        Some(Answer::Status(lanes)) => Some(lanes),
        Some(answer) => return Err(super::strange(&answer)),
        None => {
            log::warn!(
                "no linkhook runs with the state directory {}: this is what its database knows",
                state.directory.display()
            );
            None
        }
    };
    let chosen: Vec<&Seen> = match &arguments.name {
        Some(name) => vec![named(&seen, name)?],
        None => seen.iter().collect(),
    };
    let rows = chosen.into_iter().map(|seen| Row {
        seen,
        lane: lanes.iter().flatten().find(|lane| lane.name == seen.name).cloned(),
        is_running: lanes.is_some(),
        dead_bytes: dead_bytes(state, &seen.name),
    });
    let rows: Vec<Row<'_>> = rows.collect();
    if arguments.json {
        return rows.iter().try_for_each(|row| say(&row.json().to_string()));
    }
    if rows.is_empty() {
        return say("no webhook and no command has been at work with this state directory");
    }
    say(&table(&rows))
}

fn dead_bytes(state: &State, name: &str) -> u64 {
    let size =
        |file: String| std::fs::metadata(state.directory.join(DIRECTORY).join(file)).map_or(0, |found| found.len());
    file_names(name).into_iter().map(size).sum()
}

impl Row<'_> {
    fn oldest(&self) -> Option<i64> {
        event::time_of(self.seen.oldest.as_deref()?)
    }

    /// Until when it is paused, where it is.
    fn paused(&self) -> Option<u64> {
        self.seen.paused.filter(|until| *until > now() as u64)
    }

    fn json(&self) -> Value {
        let Seen { name, waiting: (events, bytes), in_batch, .. } = self.seen;
        let mut row = Map::new();
        row.insert("name".into(), json!(name));
        row.insert("running".into(), json!(self.is_running));
        row.insert("waiting".into(), json!(events));
        row.insert("bytes".into(), json!(bytes));
        let mut insert = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                row.insert(key.to_owned(), value);
            }
        };
        insert("oldest", self.oldest().map(time));
        insert("on_its_way", Some(json!(self.lane.as_ref().map_or(*in_batch, |lane| lane.on_its_way))));
        insert("paused", Some(json!(self.paused().is_some())));
        insert("paused_until", self.paused().filter(|until| *until < FAR_MICROSECONDS).map(|until| time(until as i64)));
        insert("dead_bytes", Some(json!(self.dead_bytes)));
        if let Some(lane) = &self.lane {
            insert("kind", Some(json!(lane.word)));
            insert("last_success", lane.last_success.map(time));
            let error = |(at, reason): &(i64, String)| json!({"ts": time(*at), "reason": reason});
            insert("last_error", lane.last_error.as_ref().map(error));
            insert("next_attempt", lane.next_attempt.map(time));
            insert("at_rest", lane.at_rest.as_ref().map(|why| json!(why)));
            insert("leaving", lane.leaving.then_some(Value::Bool(true)));
        }
        Value::Object(row)
    }

    /// What it is doing, in words.
    fn state(&self) -> String {
        match (self.paused(), &self.lane) {
            (Some(until), _) if until >= FAR_MICROSECONDS => "paused".into(),
            (Some(until), _) => format!("paused for {}", duration_words(until as i64 - now())),
            (None, None) if self.is_running => "not configured".into(),
            (None, None) => "stopped".into(),
            (None, Some(LaneStatus { leaving: true, .. })) => "leaving".into(),
            (None, Some(LaneStatus { at_rest: Some(_), .. })) => "at rest".into(),
            (None, Some(LaneStatus { next_attempt: Some(at), .. })) => {
                format!("next attempt in {}", duration_words((at - now()).max(0)))
            }
            (None, Some(LaneStatus { on_its_way: 1.., .. })) => "sending".into(),
            (None, Some(_)) if self.seen.waiting.0 > 0 => "gathering".into(),
            (None, Some(_)) => "idle".into(),
        }
    }

    fn cells(&self) -> [String; 7] {
        let Seen { name, waiting: (events, bytes), .. } = self.seen;
        let ago = |at: Option<i64>| at.map_or("-".to_owned(), |at| format!("{} ago", duration_words(now() - at)));
        let size = |bytes: u64| if bytes == 0 { "-".to_owned() } else { bytes_words(bytes) };
        [
            name.clone(),
            events.to_string(),
            size(*bytes),
            ago(self.oldest()),
            ago(self.lane.as_ref().and_then(|lane| lane.last_success)),
            size(self.dead_bytes),
            self.state(),
        ]
    }
}

fn table(rows: &[Row<'_>]) -> String {
    const HEAD: [&str; 7] = ["NAME", "WAITING", "SIZE", "OLDEST", "LAST SUCCESS", "DEAD", "STATE"];
    let cells: Vec<[String; 7]> = rows.iter().map(Row::cells).collect();
    let width = |column: usize| {
        let all = cells.iter().map(|row| row[column].chars().count());
        all.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: [&str; 7]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(HEAD)];
    for (row, cells) in rows.iter().zip(&cells) {
        lines.push(line(std::array::from_fn(|column| cells[column].as_str())));
        if let Some((at, why)) = row.lane.as_ref().and_then(|lane| lane.last_error.as_ref()) {
            lines.push(format!("    last error {} ago: {}", duration_words(now() - at), plain(why)));
        }
    }
    lines.join("\n")
}

/// Text from elsewhere, for a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// RFC 3339, as in the lines.
fn time(microseconds: i64) -> Value {
    Timestamp::from_microsecond(microseconds).map_or(Value::Null, |time| json!(format!("{time:.6}")))
}

/// Microseconds as people say it, in two units at most.
pub(super) fn duration_words(microseconds: i64) -> String {
    let seconds = microseconds.max(0) / 1_000_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let Some(place) = units.iter().position(|(unit, _)| seconds >= *unit) else { return "0s".into() };
    let (unit, name) = units[place];
    let first = format!("{}{name}", seconds / unit);
    match units.get(place + 1) {
        Some((next, name)) if seconds % unit >= *next => format!("{first} {}{name}", seconds % unit / next),
        _ => first,
    }
}

/// A size as people say it.
pub(super) fn bytes_words(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, name)) => format!("{:.1} {name}", bytes as f64 / (1_u64 << shift) as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_words() {
        let seconds = |seconds: i64| duration_words(seconds * 1_000_000);
        assert_eq!(
            [0, 59, 60, 61, 3600, 3661, 90_000].map(seconds),
            ["0s", "59s", "1m", "1m 1s", "1h", "1h 1m", "1d 1h"]
        );
        assert_eq!(duration_words(-5), "0s");
        assert_eq!([999, 1024, 1_572_864].map(bytes_words), ["999 B", "1.0 KiB", "1.5 MiB"]);
        assert_eq!(time(1_795_479_185_424_828), json!("2026-11-24T00:13:05.424828Z"));
        assert_eq!(plain("a\u{1b}[31m\nb"), "a?[31m?b");
    }

    #[test]
    fn a_row_says_what_comes_next() {
        let seen = Seen { name: "noc".into(), waiting: (17, 2048), ..Seen::default() };
        let lane = LaneStatus { last_error: Some((now() - 3_100_000, "status 503".into())), ..LaneStatus::default() };
        let row = |seen, lane| Row { seen, lane, is_running: true, dead_bytes: 0 };
        let soon = LaneStatus { next_attempt: Some(now() + 12_500_000), on_its_way: 5, ..lane.clone() };
        let text = table(&[row(&seen, Some(soon))]);
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "NAME  WAITING  SIZE     OLDEST  LAST SUCCESS  DEAD  STATE",
                "noc   17       2.0 KiB  -       -             -     next attempt in 12s",
                "    last error 3s ago: status 503",
            ]
        );
        let paused = Seen { paused: Some(i64::MAX as u64), ..seen.clone() };
        assert_eq!(row(&paused, Some(lane.clone())).state(), "paused");
        assert_eq!(row(&paused, None).json()["paused"], true);
        assert!(row(&paused, None).json().get("paused_until").is_none());
        let over = Seen { paused: Some(5), ..seen.clone() };
        assert_eq!(row(&over, Some(lane)).state(), "gathering");
        assert_eq!(Row { is_running: false, ..row(&seen, None) }.state(), "stopped");
    }
}
