//! `linkhook exec`: a command for each event.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::follow::{Event, Events, follow, settings};
use super::selection;
use crate::command;
use crate::error::{Error, Result};
use crate::event::severity::Severity;
use crate::stream::Options;
use crate::units::counted_were;
use crate::watch::Ended;

/// Longer than anything runs: a command may take its time.
const PATIENCE: Duration = Duration::from_secs(u32::MAX as u64);

/// Arguments of `linkhook exec`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Kinds of objects, such as link, addr or route, apart or with commas; all when none is named
    #[arg(value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    #[command(flatten)]
    filters: selection::Filters,
    /// Begin with what exists, as 'present' events
    #[arg(long)]
    initial: bool,
    /// Stop after so many objects
    #[arg(long, value_name = "N", value_parser = super::values::count, allow_hyphen_values = true)]
    count: Option<u64>,
    /// Stop after that time, such as 10s or 5m, or seconds
    #[arg(short, long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// Run the command once for all changes of an object, after none of any has come for so long
    #[arg(long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    settle: Option<Duration>,
    #[command(flatten)]
    groups: selection::Groups,
    #[command(flatten)]
    polling: selection::Polling,
    #[command(flatten)]
    namespaces: selection::Namespaces,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What a command finds in its environment, for the help.
pub const HELP: &str = "\
The event is the command's stdin, as a line of JSON. Its environment has LINKHOOK_EVENT (the kind), LINKHOOK_ACTION,
LINKHOOK_IFNAME, LINKHOOK_SIGNALS (with spaces between them), LINKHOOK_SEVERITY, LINKHOOK_SEQ and LINKHOOK_NETNS, each empty
where the event has none. One command runs at a time, in the order of the events. Where it is too slow for them, what had to be
skipped is told on stderr as 'overrun', and what is different then comes as events.

Examples:
  linkhook exec --signal default_lost -- systemctl restart vpn
  linkhook exec link --settle 2s -- ./once-it-is-quiet
  linkhook exec link -i eth0 -- sh -c 'logger \"$LINKHOOK_IFNAME $LINKHOOK_SIGNALS\"'
  linkhook exec addr --initial -- jq -c .addr";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let options = arguments.filters.options(&arguments.kinds, &[], Severity::Debug)?;
    if let Some(own) = options.own.first() {
        return Err(Error::usage(format_args!(
            "'{own}' is an event of linkhook's own, and exec runs commands for the kernel's"
        )));
    }
    // What has settled is counted, not what settles.
    let (count, runs) = if arguments.settle.is_some() { (None, arguments.count) } else { (arguments.count, None) };
    let options = Options { present: arguments.initial, count, ..options };
    let settings = settings(
        &options,
        (&arguments.groups, &arguments.polling),
        arguments.namespaces.wanted()?,
        arguments.timeout,
        PATIENCE,
    )?;
    let (name, words) = arguments.command.split_first().unwrap_or_else(|| unreachable!("it is required"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = command::program(name, &path).ok_or_else(|| {
        Error::usage(format_args!(
            "there is no program '{}' that could be run, neither there nor in PATH",
            name.display()
        ))
    })?;
    let stopping = AtomicBool::new(false);
    let (_, skipped) = follow(
        &settings,
        options,
        |events| run_each(events.settling(arguments.settle), runs, &program, words, &stopping),
        |ended| stopping.store(ended == Ended::Signal, Ordering::Relaxed),
    )?;
    if skipped > 0 {
        log::warn!("ended by a signal: {} not given to {}", counted_were(skipped, "event"), program.display());
    }
    Ok(())
}

/// One after the other, so many at most. Gives back for how many none was run.
fn run_each(events: Events, most: Option<u64>, program: &Path, words: &[OsString], stopping: &AtomicBool) -> u64 {
    let mut skipped = 0;
    let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    for event in events.filter(|event| !event.is_own()).take(most) {
        if stopping.load(Ordering::Relaxed) {
            skipped += 1;
            continue;
        }
        let told = format!(
            "{} for event {} ({} {})",
            program.display(),
            event.value["seq"],
            event.text("event"),
            event.text("action")
        );
        match run_one(&event, program, words) {
            Ok(status) if status.success() => log::debug!("{told} ended with {status}"),
            Ok(status) => log::warn!("{told} ended with {status}"),
            Err(error) => log::error!("{told} could not be run: {error}"),
        }
    }
    skipped
}

fn run_one(event: &Event, program: &Path, words: &[OsString]) -> io::Result<ExitStatus> {
    command::prepare(program, event.line.as_bytes(), std::slice::from_ref(&event.value))?.args(words).status()
}
