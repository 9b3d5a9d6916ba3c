//! `linkhook spool`: look into, retry or drop what waits for webhooks and commands. What is looked at is read from the database;
//! what is to change is asked of the linkhook that runs.

mod dead;
mod status;
mod waiting;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::place::Place;
use crate::error::{Error, Result};
use crate::output::written;
use crate::spool::client::ask;
use crate::spool::{Answer, Request};
use crate::store::look::{Look, Seen};
use crate::units::counted;

/// Examples.
pub const HELP: &str = "Examples:\n  \
    linkhook spool                                what waits, for whom, and why\n  \
    linkhook spool show noc --text                the events that wait for 'noc'\n  \
    linkhook spool retry --all                    the next attempts now\n  \
    linkhook spool drop noc neigh --dry-run       how many events of neighbours would be dropped\n  \
    linkhook spool pause noc 2h                   while its receiver is being mended\n  \
    linkhook spool dead retry noc --all           what was refused, once more";

/// Arguments of `linkhook spool`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(disable_help_subcommand = true)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// For each webhook and command what waits, since when, and what comes next (the default)
    Status(status::Arguments),
    /// Print the events that wait
    Show(waiting::ShowArguments),
    /// Make the next attempt now
    Retry(RetryArguments),
    /// Drop events that wait
    Drop(waiting::DropArguments),
    /// Send nothing for a while, or until it is resumed; events wait
    Pause(PauseArguments),
    /// Go on after a pause
    Resume(ResumeArguments),
    /// Dead letters: what was refused, or could not be delivered in time
    #[command(subcommand, disable_help_subcommand = true)]
    Dead(dead::What),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct RetryArguments {
    /// Its name in the configuration
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// All of them
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Only say how many events wait for it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct PauseArguments {
    /// Its name in the configuration
    name: String,
    /// For how long, such as 10m or 2h; until it is resumed where nothing is said
    #[arg(value_name = "FOR", value_parser = crate::units::duration_or_seconds)]
    time: Option<Duration>,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct ResumeArguments {
    /// Its name in the configuration
    name: String,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let state = State { directory: arguments.place.find()? };
    match &arguments.what {
        None => status::run(&state, &status::Arguments::default()),
        Some(What::Status(arguments)) => status::run(&state, arguments),
        Some(What::Show(arguments)) => waiting::show(&state, arguments),
        Some(What::Drop(arguments)) => waiting::drop_events(&state, arguments),
        Some(What::Retry(arguments)) => retry(&state, arguments),
        Some(What::Pause(arguments)) => pause(&state, arguments),
        Some(What::Resume(ResumeArguments { name })) => resume(&state, name),
        Some(What::Dead(what)) => dead::run(&state, what),
    }
}

/// The state directory that is meant.
struct State {
    directory: PathBuf,
}

impl State {
    fn look(&self) -> Result<Look> {
        Look::open(&self.directory)
    }

    /// What is asked, of the linkhook that runs.
    fn ask(&self, request: &Request) -> Result<Answer> {
        ask(&self.directory, request)?.ok_or_else(|| {
            Error::failed(format_args!(
                "no linkhook runs with the state directory {}, and only a running one changes what waits: start it \
                 ('systemctl start linkhook', or 'linkhook --config FILE'), and ask again",
                self.directory.display()
            ))
        })
    }
}

/// The webhook of that name; the error names those there are.
fn named<'s>(seen: &'s [Seen], name: &str) -> Result<&'s Seen> {
    seen.iter().find(|seen| seen.name == name).ok_or_else(|| {
        let names: Vec<&str> = seen.iter().map(|seen| seen.name.as_str()).collect();
        let there = if names.is_empty() { "none has been at work".to_owned() } else { names.join(", ") };
        Error::usage(format_args!("there is no webhook or exec '{name}' in this state directory; there are: {there}"))
    })
}

/// What is answered to what was not asked.
fn strange(answer: &Answer) -> Error {
    Error::failed(format_args!("the running linkhook answers something else: {answer:?}"))
}

/// Writes a command's result.
fn say(text: &str) -> Result<()> {
    written(std::io::stdout().write_all(format!("{text}\n").as_bytes()))
}

/// Now, in microseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

fn retry(state: &State, arguments: &RetryArguments) -> Result<()> {
    let seen = state.look()?.webhooks()?;
    let chosen: Vec<&Seen> = match &arguments.name {
        Some(name) => vec![named(&seen, name)?],
        None => seen.iter().collect(),
    };
    let mut failed = None;
    for Seen { name, waiting: (waiting, _), .. } in chosen {
        if arguments.dry_run {
            say(&format!("{name}: {} would be tried now", counted(*waiting, "event")))?;
            continue;
        }
        match state.ask(&Request::Retry(name.clone())) {
            Ok(Answer::Waiting(0, _)) => say(&format!("{name}: nothing waits"))?,
            Ok(Answer::Waiting(events, true)) => {
                say(&format!("{name}: the next attempt is made now; {} wait", counted(events, "event")))?;
            }
            Ok(Answer::Waiting(events, false)) => {
                let gather = format!("{} gather", counted(events, "event"));
                say(&format!("{name}: {gather}, and are sent as batch.wait and settle say; no attempt is waited for"))?;
            }
            Ok(answer) => return Err(strange(&answer)),
            // One that is paused does not keep the others from it.
            Err(error) if arguments.all => {
                log::error!("{error}");
                failed = Some(Error::failed("not all were tried"));
            }
            Err(error) => return Err(error),
        }
    }
    failed.map_or(Ok(()), Err)
}

fn pause(state: &State, arguments: &PauseArguments) -> Result<()> {
    let name = &arguments.name;
    named(&state.look()?.webhooks()?, name)?;
    let until = arguments.time.map(|time| {
        let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        u64::try_from(now().saturating_add(time)).unwrap_or_default()
    });
    match state.ask(&Request::Pause(name.clone(), until))? {
        Answer::Paused => {
            let words = match arguments.time {
                Some(time) => format!("for {}", status::duration_words(time.as_micros() as i64)),
                None => format!("until 'linkhook spool resume {name}'"),
            };
            say(&format!("{name}: paused {words}, over restarts, too"))
        }
        answer => Err(strange(&answer)),
    }
}

fn resume(state: &State, name: &str) -> Result<()> {
    named(&state.look()?.webhooks()?, name)?;
    match state.ask(&Request::Resume(name.to_owned()))? {
        Answer::Resumed(true) => say(&format!("{name}: it goes on")),
        Answer::Resumed(false) => say(&format!("{name}: it was not paused")),
        answer => Err(strange(&answer)),
    }
}
