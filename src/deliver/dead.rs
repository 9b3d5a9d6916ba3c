//! What cannot be delivered, on disk: `STATE_DIR/dead/WEBHOOK.jsonl`, a readable line for each batch or group of events.
//!
//! `{"ts":…,"webhook":…,"reason":…,"status":404,"batch_id":"msg_…","batch":17,"events":[…]}`; `status`, `batch_id` and
//! `batch` where there are any, the events whole, as they would have been sent.
//!
//! Nothing is kept open between two letters, and nothing is remembered: whoever reads, moves or removes the file may do
//! so at any time. A file that is full takes the place of `WEBHOOK.jsonl.1`, so that there are two at most.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decode::json::Json;
use crate::event::Clock;

/// Octets in each of the two files at most. A letter that is larger has one to itself.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Letters hold what is told of a network: they are their owner's alone.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Events that are not delivered, and why.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// Now, in microseconds since 1970.
    pub time_microseconds: i64,
    /// Why.
    pub reason: &'a str,
    /// The receiver's answer.
    pub status: Option<u16>,
    /// The batch's id and number, where they were one.
    pub batch: Option<(&'a str, u64)>,
    /// Each a JSON object without a newline.
    pub events: &'a [Arc<[u8]>],
}

/// A webhook's dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    webhook: String,
    directory: PathBuf,
    file_bytes_max: u64,
    clock: Clock,
    /// Events that were given up and are not told yet.
    given_up: u64,
}

impl DeadLetters {
    /// Those of a webhook, by its name, which is known to be one. The directory is made if it is not there.
    pub fn open(state_dir: &Path, webhook: &str) -> io::Result<DeadLetters> {
        let letters = DeadLetters {
            webhook: webhook.to_owned(),
            directory: state_dir.join("dead"),
            file_bytes_max: FILE_BYTES_MAX,
            clock: Clock::default(),
            given_up: 0,
        };
        letters.make_directory()?;
        Ok(letters)
    }

    /// Adds a letter. When this returns, it is on the disk. Gives back how many older events were given up for it, of
    /// this call and of failed ones before.
    ///
    /// After an error nothing of the letter counts, and the caller tries the same one again.
    pub fn append(&mut self, letter: &Letter<'_>) -> io::Result<u64> {
        let line = self.line(letter);
        self.make_directory()?;
        let mut file = self.open_file()?;
        let mut length = file.metadata()?.len();
        if length > 0 && length + line.len() as u64 > self.file_bytes_max {
            self.turn_over()?;
            file = self.open_file()?;
            length = file.metadata()?.len();
        }
        let written = Self::write(&mut file, length, &line);
        if written.is_err() {
            // Half a line, or one that the disk may not have: it is written anew, not synced once more.
            let _ = file.set_len(length);
        } else if length == 0 {
            // The file's name is new.
            File::open(&self.directory)?.sync_all()?;
        }
        written?;
        Ok(std::mem::take(&mut self.given_up))
    }

    fn write(file: &mut File, length: u64, line: &[u8]) -> io::Result<()> {
        let mut last = [b'\n'];
        if let Some(before) = length.checked_sub(1) {
            file.read_exact_at(&mut last, before)?;
        }
        if last != [b'\n'] {
            // A line that was torn by a crash.
            file.write_all(b"\n")?;
        }
        file.write_all(line)?;
        file.sync_all()
    }

    /// The file takes the older one's place, whose events are counted and given up.
    fn turn_over(&mut self) -> io::Result<()> {
        let older = self.path(".1");
        let events = match File::open(&older) {
            Ok(file) => count(&mut BufReader::new(file))?,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        std::fs::rename(self.path(""), older)?;
        self.given_up += events;
        Ok(())
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.directory.join(format!("{}.jsonl{suffix}", self.webhook))
    }

    fn open_file(&self) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create(true).mode(FILE_MODE).open(self.path(""))
    }

    fn make_directory(&self) -> io::Result<()> {
        match DirBuilder::new().mode(DIRECTORY_MODE).create(&self.directory) {
            Ok(()) => match self.directory.parent() {
                Some(parent) => File::open(parent)?.sync_all(),
                None => Ok(()),
            },
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn line(&mut self, letter: &Letter<'_>) -> Vec<u8> {
        let mut out = Json::new();
        out.begin_object();
        out.key("ts");
        self.clock.write(&mut out, letter.time_microseconds);
        out.key("webhook");
        out.string(&self.webhook);
        out.key("reason");
        out.string(letter.reason);
        if let Some(status) = letter.status {
            out.key("status");
            out.unsigned(status.into());
        }
        if let Some((id, number)) = letter.batch {
            out.key("batch_id");
            out.string(id);
            out.key("batch");
            out.unsigned(number);
        }
        out.key("events");
        out.begin_list();
        letter.events.iter().for_each(|event| out.raw(event));
        out.end_list();
        out.end_object();
        out.newline();
        out.take()
    }
}

/// How many events are in the letters. A torn one has none: whoever wrote it was not told that it is there, and wrote it
/// again.
fn count(letters: &mut impl BufRead) -> io::Result<u64> {
    #[derive(Deserialize)]
    struct Counted {
        events: Vec<IgnoredAny>,
    }
    let mut events = 0;
    for line in letters.split(b'\n') {
        events += serde_json::from_slice(&line?).map_or(0, |counted: Counted| counted.events.len() as u64);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::{Value, json};

    use super::*;

    /// A state directory that goes with its test.
    struct State(PathBuf);

    impl State {
        fn new(name: &str) -> State {
            let path = std::env::temp_dir().join(format!("linkhook-dead-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            State(path)
        }

        fn letters(&self, file_bytes_max: u64) -> DeadLetters {
            DeadLetters { file_bytes_max, ..DeadLetters::open(&self.0, "noc").unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join("dead").join(name)
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap_or_default()
        }

        /// The sequence numbers in a file.
        fn numbers(&self, name: &str) -> Vec<u64> {
            let text = self.text(name);
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines
                .flat_map(|line| line["events"].as_array().unwrap().clone())
                .map(|event| event["seq"].as_u64().unwrap())
                .collect()
        }
    }

    impl Drop for State {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn events(numbers: &[u64]) -> Vec<Arc<[u8]>> {
        numbers.iter().map(|number| format!("{{\"seq\":{number}}}").into_bytes().into()).collect()
    }

    fn append(letters: &mut DeadLetters, numbers: &[u64]) -> io::Result<u64> {
        let events = events(numbers);
        letters.append(&Letter { time_microseconds: 0, reason: "why", status: None, batch: None, events: &events })
    }

    #[test]
    fn a_letter_is_a_readable_line() {
        let state = State::new("line");
        let mut letters = state.letters(FILE_BYTES_MAX);
        let events = events(&[7, 8]);
        let letter = Letter {
            time_microseconds: 1_795_479_185_424_828,
            reason: "refused (\"no\")",
            status: Some(404),
            batch: Some(("msg_1", 17)),
            events: &events,
        };
        assert_eq!(letters.append(&letter).unwrap(), 0);
        assert_eq!(letters.append(&Letter { status: None, batch: None, ..letter }).unwrap(), 0);
        let text = state.text("noc.jsonl");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            r#"{"ts":"2026-11-24T00:13:05.424828Z","webhook":"noc","reason":"refused (\"no\")","status":404,"batch_id":"msg_1","batch":17,"events":[{"seq":7},{"seq":8}]}"#
        );
        let second: Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(second["events"], json!([{"seq": 7}, {"seq": 8}]));
        assert!(second.get("status").is_none() && second.get("batch").is_none() && lines.len() == 2);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(state.path("noc.jsonl")), mode(state.path(""))), (0o600, 0o700));
    }

    #[test]
    fn a_restart_keeps_all_and_ends_a_torn_line() {
        let state = State::new("restart");
        append(&mut state.letters(FILE_BYTES_MAX), &[1]).unwrap();
        append(&mut state.letters(FILE_BYTES_MAX), &[2]).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [1, 2]);
        let mut text = state.text("noc.jsonl");
        text.truncate(text.len() - 5);
        fs::write(state.path("noc.jsonl"), &text).unwrap();
        append(&mut state.letters(FILE_BYTES_MAX), &[2]).unwrap();
        assert_eq!(state.text("noc.jsonl").lines().count(), 3);
        assert!(state.text("noc.jsonl").starts_with(&format!("{text}\n")));
        assert_eq!(state.numbers("noc.jsonl"), [1, 2]);
    }

    #[test]
    fn whoever_takes_the_file_away_may() {
        let state = State::new("away");
        let mut letters = state.letters(FILE_BYTES_MAX);
        append(&mut letters, &[1]).unwrap();
        fs::remove_dir_all(state.path("")).unwrap();
        append(&mut letters, &[2]).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [2]);
    }

    #[test]
    fn the_older_file_is_given_up_and_counted() {
        let state = State::new("full");
        let mut letters = state.letters(250);
        let given_up: Vec<u64> = (0..7).map(|number| append(&mut letters, &[number, 100 + number]).unwrap()).collect();
        // Two letters fit.
        assert_eq!(given_up, [0, 0, 0, 0, 4, 0, 4]);
        assert_eq!(state.numbers("noc.jsonl.1"), [4, 104, 5, 105]);
        assert_eq!(state.numbers("noc.jsonl"), [6, 106]);
        // A larger one goes alone, and one that is torn counts nothing.
        fs::write(state.path("noc.jsonl.1"), "{\"events\":[1,2,3]}\n{\"events\":[1,").unwrap();
        let many: Vec<u64> = (0..100).collect();
        assert_eq!(append(&mut letters, &many).unwrap(), 3);
        assert_eq!(append(&mut letters, &[7]).unwrap(), 2);
        assert_eq!((state.numbers("noc.jsonl.1"), state.numbers("noc.jsonl")), (many, vec![7]));
    }

    #[test]
    fn what_was_given_up_is_told_after_a_failure_too() {
        let state = State::new("failure");
        let mut letters = state.letters(10);
        append(&mut letters, &[1]).unwrap();
        append(&mut letters, &[2]).unwrap();
        // There can be no new file where a directory is, once the old one is moved away.
        fs::remove_file(state.path("noc.jsonl.1")).unwrap();
        fs::create_dir(state.path("noc.jsonl.1")).unwrap();
        assert!(append(&mut letters, &[3]).is_err());
        assert_eq!(state.numbers("noc.jsonl"), [2]);
        fs::remove_dir(state.path("noc.jsonl.1")).unwrap();
        letters.given_up = 1;
        assert_eq!(append(&mut letters, &[3]).unwrap(), 1);
        assert_eq!((state.numbers("noc.jsonl.1"), state.numbers("noc.jsonl")), (vec![2], vec![3]));
    }

    #[test]
    fn a_write_that_fails_leaves_no_half_line() {
        let state = State::new("half");
        let mut letters = state.letters(FILE_BYTES_MAX);
        append(&mut letters, &[1]).unwrap();
        // Writing to it fails as a full disk does.
        fs::rename(state.path("noc.jsonl"), state.path("kept")).unwrap();
        std::os::unix::fs::symlink("/dev/full", state.path("noc.jsonl")).unwrap();
        let error = append(&mut letters, &[2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        fs::rename(state.path("kept"), state.path("noc.jsonl")).unwrap();
        append(&mut letters, &[2]).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [1, 2]);
    }
}
