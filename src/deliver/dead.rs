//! What cannot be delivered, on disk: `STATE_DIR/dead/WEBHOOK.jsonl`, a readable line for each batch or group of events.
//!
//! `{"ts":…,"webhook":…,"reason":…,"status":404,"batch_id":"msg_…","batch":17,"events":[…]}`; `status`, `batch_id` and
//! `batch` where there are any, the events whole, as they would have been sent.
//!
//! Nothing is kept open between two letters, and nothing is remembered: whoever reads, moves or removes the file may do
//! so at any time, and a state directory that was replaced is found anew. A file that is full takes the place of
//! `WEBHOOK.jsonl.1`, so that there are two at most.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::OFlags;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::Clock;
use crate::json::Json;
pub use crate::store::directory::LETTERS as DIRECTORY;
use crate::store::folder::Folder;

/// Bytes in each of the two files at most. A letter that is larger has one to itself.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

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
    /// Whether the batch was on its way when linkhook ended: its letter may be there already.
    pub is_resumed: bool,
    /// Each a JSON object without a newline.
    pub events: &'a [Arc<[u8]>],
}

/// A letter as it stands in a file.
#[derive(Debug, Deserialize)]
pub struct ReadLetter {
    /// When it was written: by that it is named.
    pub ts: String,
    /// Why.
    pub reason: String,
    /// The receiver's answer.
    pub status: Option<u16>,
    /// The batch's id, where its events were one.
    pub batch_id: Option<String>,
    /// The events, each as it stands.
    pub events: Vec<Box<RawValue>>,
}

/// Which letters are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chosen {
    /// All of them.
    All,
    /// Those with these times.
    Some(Vec<String>),
}

impl Chosen {
    /// Whether a letter is one of them.
    pub fn has(&self, letter: &ReadLetter) -> bool {
        match self {
            Chosen::All => true,
            Chosen::Some(times) => times.contains(&letter.ts),
        }
    }
}

/// Events of letters by their numbers, each once: as they wait again.
pub type DeadEvents = BTreeMap<u64, Arc<[u8]>>;

/// The same in their order.
pub type NumberedEvents = Vec<(u64, Arc<[u8]>)>;

/// Adds a letter's events. One that has no number is none of linkhook's.
pub fn gather(events: &mut DeadEvents, letter: &ReadLetter) {
    #[derive(Deserialize)]
    struct Numbered {
        seq: u64,
    }
    for event in &letter.events {
        if let Ok(Numbered { seq }) = serde_json::from_str(event.get()) {
            events.insert(seq, event.get().as_bytes().into());
        }
    }
}

/// The names of a webhook's two files, the older one first.
pub fn file_names(webhook: &str) -> [String; 2] {
    [format!("{webhook}.jsonl.1"), format!("{webhook}.jsonl")]
}

/// A webhook's dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    webhook: String,
    state_directory: PathBuf,
    file_bytes_max: u64,
    clock: Clock,
    /// Events that were given up and are not told yet.
    given_up: u64,
    /// How an open file takes a line behind so many bytes; a test has it fail.
    write: fn(&mut File, u64, &[u8]) -> io::Result<()>,
}

impl DeadLetters {
    /// Those of a webhook, by its name, which is known to be one. Directory and file are made by the first letter.
    pub fn new(state_directory: PathBuf, webhook: &str) -> DeadLetters {
        DeadLetters {
            webhook: webhook.to_owned(),
            state_directory,
            file_bytes_max: FILE_BYTES_MAX,
            clock: Clock::default(),
            given_up: 0,
            write,
        }
    }

    /// Adds a letter. When this returns, it is on the disk. Gives back how many older events were given up for it, of
    /// this call and of failed ones before.
    ///
    /// After an error nothing of the letter counts, and the caller tries the same one again. A batch has one letter, also where
    /// linkhook was killed behind it.
    pub fn append(&mut self, letter: &Letter<'_>) -> io::Result<u64> {
        let line = self.line(letter);
        let folder = Folder::open(&self.state_directory)?.folder(DIRECTORY)?;
        if let Some((id, _)) = letter.batch
            && letter.is_resumed
            && self.holds(&folder, id)?
        {
            return Ok(std::mem::take(&mut self.given_up));
        }
        let mut file = self.open_file(&folder)?;
        let mut length = file.metadata()?.len();
        if length > 0 && length + line.len() as u64 > self.file_bytes_max {
            self.turn_over(&folder)?;
            file = self.open_file(&folder)?;
            length = file.metadata()?.len();
        }
        let written = (self.write)(&mut file, length, &line);
        if written.is_err() {
            // Half a line, or one that the disk may not have: it is written anew, not synced once more.
            let _ = file.set_len(length);
        } else if length == 0 {
            // The file's name is new.
            folder.sync()?;
        }
        written?;
        Ok(std::mem::take(&mut self.given_up))
    }

    /// The events of some letters, by their numbers, and how many letters these are.
    pub fn find(&self, chosen: &Chosen) -> io::Result<(NumberedEvents, u64)> {
        let folder = Folder::open(&self.state_directory)?.folder(DIRECTORY)?;
        let (mut events, mut letters) = (DeadEvents::new(), 0);
        for name in file_names(&self.webhook) {
            if folder.look(&name)?.is_none() {
                continue;
            }
            for line in BufReader::new(folder.file(&name, OFlags::RDONLY)?).split(b'\n') {
                if let Ok(letter) = serde_json::from_slice::<ReadLetter>(&line?)
                    && chosen.has(&letter)
                {
                    gather(&mut events, &letter);
                    letters += 1;
                }
            }
        }
        Ok((events.into_iter().collect(), letters))
    }

    /// Takes some letters out: each file is written anew without them. Gives back how many events and how many letters they were.
    pub fn strike(&mut self, chosen: &Chosen) -> io::Result<(u64, u64)> {
        let folder = Folder::open(&self.state_directory)?.folder(DIRECTORY)?;
        let (mut events, mut letters) = (0, 0);
        for name in file_names(&self.webhook) {
            if folder.look(&name)?.is_none() {
                continue;
            }
            let renewed = format!("{name}.new");
            folder.remove(&renewed)?;
            let mut kept = BufWriter::new(folder.file(&renewed, OFlags::WRONLY | OFlags::CREATE)?);
            let (before, mut is_empty) = (letters, true);
            for line in BufReader::new(folder.file(&name, OFlags::RDONLY)?).split(b'\n') {
                let line = line?;
                match serde_json::from_slice::<ReadLetter>(&line) {
                    Ok(letter) if chosen.has(&letter) => {
                        events += letter.events.len() as u64;
                        letters += 1;
                    }
                    _ => {
                        is_empty = false;
                        kept.write_all(&line)?;
                        kept.write_all(b"\n")?;
                    }
                }
            }
            kept.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            if letters == before || is_empty {
                folder.remove(&renewed)?;
            }
            if letters > before {
                if is_empty {
                    folder.remove(&name)?;
                } else {
                    folder.rename(&renewed, &name)?;
                }
                folder.sync()?;
            }
        }
        Ok((events, letters))
    }

    /// Whether there is a whole letter of that batch.
    fn holds(&self, folder: &Folder, id: &str) -> io::Result<bool> {
        let needle = format!("\"batch_id\":\"{id}\"");
        for name in [self.name(""), self.name(".1")] {
            if folder.look(&name)?.is_none() {
                continue;
            }
            for line in BufReader::new(folder.file(&name, OFlags::RDONLY)?).split(b'\n') {
                let line = line?;
                if memchr::memmem::find(&line, needle.as_bytes()).is_some()
                    && serde_json::from_slice::<IgnoredAny>(&line).is_ok()
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The file takes the older one's place, whose events are counted and given up.
    fn turn_over(&mut self, folder: &Folder) -> io::Result<()> {
        let older = self.name(".1");
        let events = match folder.look(&older)? {
            Some(_) => count(&mut BufReader::new(folder.file(&older, OFlags::RDONLY)?))?,
            None => 0,
        };
        folder.rename(&self.name(""), &older)?;
        self.given_up += events;
        Ok(())
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}.jsonl{suffix}", self.webhook)
    }

    fn open_file(&self, folder: &Folder) -> io::Result<File> {
        folder.file(&self.name(""), OFlags::RDWR | OFlags::APPEND | OFlags::CREATE)
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
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::{Value, json};

    use super::*;

    /// A state directory that goes with its test.
    struct State(tempfile::TempDir);

    impl State {
        fn new() -> State {
            State(tempfile::tempdir().unwrap())
        }

        fn letters(&self, file_bytes_max: u64) -> DeadLetters {
            DeadLetters { file_bytes_max, ..DeadLetters::new(self.0.path().to_owned(), "noc") }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(DIRECTORY).join(name)
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

    fn events(numbers: &[u64]) -> Vec<Arc<[u8]>> {
        numbers.iter().map(|number| format!("{{\"seq\":{number}}}").into_bytes().into()).collect()
    }

    fn append(letters: &mut DeadLetters, numbers: &[u64]) -> io::Result<u64> {
        let events = events(numbers);
        letters.append(&Letter {
            time_microseconds: 0,
            reason: "why",
            status: None,
            batch: None,
            is_resumed: false,
            events: &events,
        })
    }

    #[test]
    fn a_batch_that_was_buried_before_a_crash_has_one_letter() {
        let state = State::new();
        let mut letters = state.letters(1 << 20);
        let events = events(&[1, 2]);
        let letter = |id: &'static str, is_resumed: bool| Letter {
            time_microseconds: 0,
            reason: "why",
            status: None,
            batch: Some((id, 1)),
            is_resumed,
            events: &events,
        };
        letters.append(&letter("msg_1", false)).unwrap();
        letters.append(&letter("msg_1", true)).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [1, 2]);
        letters.append(&letter("msg_2", true)).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [1, 2, 1, 2]);
        // A torn one is none.
        let text = state.text("noc.jsonl");
        fs::write(state.path("noc.jsonl"), &text[..text.len() - 3]).unwrap();
        letters.append(&letter("msg_2", true)).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [1, 2, 1, 2]);
    }

    #[test]
    fn a_letter_is_a_readable_line() {
        let state = State::new();
        let mut letters = state.letters(FILE_BYTES_MAX);
        let events = events(&[7, 8]);
        let letter = Letter {
            time_microseconds: 1_795_479_185_424_828,
            reason: "refused (\"no\")",
            status: Some(404),
            batch: Some(("msg_1", 17)),
            is_resumed: false,
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
    fn letters_are_found_and_taken_out_by_their_times() {
        let state = State::new();
        let mut letters = state.letters(200);
        for (time, numbers) in [(1, [1, 2]), (2, [2, 3]), (3, [4, 5]), (4, [6, 7])] {
            let events = events(&numbers);
            let letter = Letter {
                time_microseconds: time,
                reason: "why",
                status: None,
                batch: None,
                is_resumed: false,
                events: &events,
            };
            letters.append(&letter).unwrap();
        }
        // In both files, and what is torn stays.
        assert_eq!((state.numbers("noc.jsonl.1"), state.numbers("noc.jsonl")), (vec![1, 2, 2, 3], vec![4, 5, 6, 7]));
        let text = state.text("noc.jsonl") + "{\"ts\":\"torn";
        fs::write(state.path("noc.jsonl"), text).unwrap();
        let time = |second: u64| format!("1970-01-01T00:00:00.00000{second}Z");
        let some = Chosen::Some(vec![time(2), time(3), time(9)]);
        let (events, count) = letters.find(&some).unwrap();
        assert_eq!((events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), count), (vec![2, 3, 4, 5], 2));
        assert_eq!(&*events[0].1, b"{\"seq\":2}");
        // An event in two letters waits once.
        assert_eq!(letters.find(&Chosen::All).map(|(events, count)| (events.len(), count)).unwrap(), (7, 4));
        assert_eq!(letters.strike(&some).unwrap(), (4, 2));
        assert_eq!((state.numbers("noc.jsonl.1"), state.numbers("noc.jsonl")), (vec![1, 2], vec![6, 7]));
        assert!(state.text("noc.jsonl").ends_with("torn\n"));
        assert_eq!(letters.strike(&some).unwrap(), (0, 0));
        assert_eq!(letters.strike(&Chosen::All).unwrap(), (4, 2));
        assert!(!state.path("noc.jsonl.1").exists() && state.text("noc.jsonl").contains("torn"));
        assert_eq!(fs::read_dir(state.path("")).unwrap().count(), 1);
    }

    #[test]
    fn a_restart_keeps_all_and_ends_a_torn_line() {
        let state = State::new();
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
        let state = State::new();
        let mut letters = state.letters(FILE_BYTES_MAX);
        append(&mut letters, &[1]).unwrap();
        fs::remove_dir_all(state.path("")).unwrap();
        append(&mut letters, &[2]).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [2]);
    }

    #[test]
    fn the_older_file_is_given_up_and_counted() {
        let state = State::new();
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
        let state = State::new();
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
        let state = State::new();
        let mut letters = state.letters(FILE_BYTES_MAX);
        append(&mut letters, &[1]).unwrap();
        // Half of it fits on the disk.
        letters.write = |file, _, line| {
            file.write_all(&line[..line.len() / 2])?;
            Err(ErrorKind::StorageFull.into())
        };
        let error = append(&mut letters, &[2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(state.text("noc.jsonl").lines().count(), 1);
        letters.write = write;
        append(&mut letters, &[2]).unwrap();
        assert_eq!(state.numbers("noc.jsonl"), [1, 2]);
    }

    #[test]
    fn no_link_is_followed() {
        let state = State::new();
        let mut letters = state.letters(FILE_BYTES_MAX);
        append(&mut letters, &[1]).unwrap();
        let victim = state.0.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        for name in ["noc.jsonl", ""] {
            let path = if name.is_empty() { state.0.path().join(DIRECTORY) } else { state.path(name) };
            fs::rename(&path, state.0.path().join("kept")).unwrap();
            std::os::unix::fs::symlink(if name.is_empty() { state.0.path() } else { &victim }, &path).unwrap();
            let error = append(&mut letters, &[2]).unwrap_err().to_string();
            assert!(error.contains("is a symbolic link"), "{error}");
            fs::remove_file(&path).unwrap();
            fs::rename(state.0.path().join("kept"), &path).unwrap();
        }
        assert_eq!((fs::read(&victim).unwrap(), state.numbers("noc.jsonl")), (b"precious".to_vec(), vec![1]));
    }
}
