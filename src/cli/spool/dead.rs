//! `linkhook spool dead`: the dead letters.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::json;

use super::status::plain;
use super::{State, say, strange};
use crate::cli::{output, selection, values};
use crate::deliver::dead::{Chosen, DIRECTORY, DeadEvents, ReadLetter, file_names, gather};
use crate::error::{Error, Result};
use crate::retell;
use crate::retell::lines::EndedEarly;
use crate::spool::{Answer, Request};
use crate::stream::Stream;
use crate::units::counted;

#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// A line for each dead letter: when, how many events, why
    List(ListArguments),
    /// Print the events in dead letters
    Show(ShowArguments),
    /// Let them wait again, before what waits already
    Retry(ChosenArguments),
    /// Remove them for good
    Drop(ChosenArguments),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct ListArguments {
    /// Whose; everybody's where none is named
    name: Option<String>,
    /// A JSON line for each, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct ShowArguments {
    /// Whose
    name: String,
    /// Of these letters alone, by their times as 'dead list' shows them
    #[arg(value_name = "TIME")]
    letters: Vec<String>,
    #[command(flatten)]
    form: selection::Form,
    /// So many events at most
    #[arg(short = 'n', long, value_name = "N", value_parser = values::count, allow_hyphen_values = true)]
    count: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct ChosenArguments {
    /// Whose
    name: String,
    /// These letters, by their times as 'dead list' shows them
    #[arg(value_name = "TIME", required_unless_present = "all")]
    letters: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "letters")]
    all: bool,
    /// Only say how many events and letters these are
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(state: &State, what: &What) -> Result<()> {
    match what {
        What::List(arguments) => list(state, arguments),
        What::Show(arguments) => show(state, arguments),
        What::Retry(arguments) => change(state, arguments, true),
        What::Drop(arguments) => change(state, arguments, false),
    }
}

/// Whose letters there are.
fn names(state: &State) -> Result<Vec<String>> {
    let path = state.directory.join(DIRECTORY);
    let entries = match std::fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::system(format_args!("cannot read {}", path.display()), &error))?,
    };
    let files = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let of = |file: String| file.strip_suffix(".jsonl.1").or(file.strip_suffix(".jsonl")).map(str::to_owned);
    let mut names: Vec<String> = files.filter_map(of).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Gives each letter of a webhook to `each`, the oldest first. One that is torn is none.
fn read(state: &State, name: &str, mut each: impl FnMut(ReadLetter) -> Result<()>) -> Result<()> {
    for file in file_names(name) {
        let path = state.directory.join(DIRECTORY).join(file);
        let cannot = |error: io::Error| Error::system(format_args!("cannot read {}", path.display()), &error);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file.map_err(cannot)?,
        };
        for line in BufReader::new(file).split(b'\n') {
            if let Ok(letter) = serde_json::from_slice(&line.map_err(cannot)?) {
                each(letter)?;
            }
        }
    }
    Ok(())
}

/// Those that have letters, or the one that is named, which must be there.
fn chosen_names(state: &State, name: Option<&str>) -> Result<Vec<String>> {
    let all = names(state)?;
    let Some(name) = name else { return Ok(all) };
    // What is no file's name in that directory is no webhook's.
    if all.iter().any(|known| known == name) {
        return Ok(vec![name.to_owned()]);
    }
    let known = state.look()?.webhooks()?;
    if known.iter().any(|seen| seen.name == name) {
        return Ok(Vec::new());
    }
    let mut there: Vec<&str> =
        all.iter().map(String::as_str).chain(known.iter().map(|seen| seen.name.as_str())).collect();
    there.sort_unstable();
    there.dedup();
    Err(Error::usage(format_args!(
        "there is no webhook or exec '{name}' in this state directory; there are: {}",
        there.join(", ")
    )))
}

fn list(state: &State, arguments: &ListArguments) -> Result<()> {
    // Who may not look is told so, and not that there are none.
    state.look()?;
    let mut count = 0;
    for name in chosen_names(state, arguments.name.as_deref())? {
        read(state, &name, |letter| {
            count += 1;
            let ReadLetter { ts, reason, status, batch_id, events } = letter;
            if arguments.json {
                let status = status.map(|status| json!(status));
                let mut row = json!({"name": name, "ts": ts, "events": events.len(), "reason": reason});
                for (key, value) in [("status", status), ("batch_id", batch_id.map(|id| json!(id)))] {
                    if let Some(value) = value {
                        row[key] = value;
                    }
                }
                return say(&row.to_string());
            }
            say(&format!("{name}  {}  {}  {}", plain(&ts), counted(events.len() as u64, "event"), plain(&reason)))
        })?;
    }
    if count == 0 && !arguments.json {
        return say("no dead letters");
    }
    Ok(())
}

fn show(state: &State, arguments: &ShowArguments) -> Result<()> {
    let ShowArguments { name, letters, form, count } = arguments;
    state.look()?;
    let chosen = if letters.is_empty() { Chosen::All } else { Chosen::Some(letters.clone()) };
    let options = super::waiting::options(&[], &selection::Filters::default(), form, *count)?;
    let stream = Stream::new(options);
    let lines = output::lines(&stream, None)?;
    let told = RefCell::new((stream, lines));
    for name in chosen_names(state, Some(name))? {
        check(state, &name, &chosen)?;
        read(state, &name, |letter| {
            if !chosen.has(&letter) || told.borrow().0.is_done() {
                return Ok(());
            }
            let events: String = letter.events.iter().map(|event| format!("{}\n", event.get())).collect();
            EndedEarly::quietly(retell::lines(Path::new(&name), io::Cursor::new(events), &told))
        })?;
    }
    Ok(())
}

/// Refuses a time of which there is no letter. Gives back how many events there are, as often as they stand and each once, and how many
/// letters.
fn check(state: &State, name: &str, chosen: &Chosen) -> Result<(u64, u64, u64)> {
    let (mut times, mut once) = (Vec::new(), DeadEvents::new());
    let (mut events, mut letters) = (0, 0);
    read(state, name, |letter| {
        if chosen.has(&letter) {
            gather(&mut once, &letter);
            events += letter.events.len() as u64;
            letters += 1;
        }
        times.push(letter.ts);
        Ok(())
    })?;
    if let Chosen::Some(wanted) = chosen
        && let Some(wrong) = wanted.iter().find(|wanted| !times.contains(wanted))
    {
        return Err(Error::usage(format_args!(
            "there is no dead letter of '{name}' with the time {wrong}; 'linkhook spool dead list {name}' shows them"
        )));
    }
    Ok((events, once.len() as u64, letters))
}

fn change(state: &State, arguments: &ChosenArguments, retries: bool) -> Result<()> {
    let name = &arguments.name;
    state.look()?;
    let chosen = if arguments.all { Chosen::All } else { Chosen::Some(arguments.letters.clone()) };
    if chosen_names(state, Some(name))?.is_empty() {
        return say(&format!("{name}: no dead letters"));
    }
    let (events, once, letters) = check(state, name, &chosen)?;
    let words = |events, letters| format!("{} in {}", counted(events, "event"), counted(letters, "dead letter"));
    if arguments.dry_run {
        let (events, what) = if retries { (once, "would wait again") } else { (events, "would be removed") };
        return say(&format!("{name}: {} {what}", words(events, letters)));
    }
    let request =
        if retries { Request::RetryDead(name.clone(), chosen) } else { Request::DropDead(name.clone(), chosen) };
    match state.ask(&request)? {
        Answer::Letters(events, letters) => {
            let what = if retries { "wait again" } else { "removed" };
            say(&format!("{name}: {} {what}", words(events, letters)))
        }
        answer => Err(strange(&answer)),
    }
}
