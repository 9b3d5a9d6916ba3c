//! The command line: one file a subcommand. stdout holds events alone; diagnostics go to stderr.

mod arguments;
mod check;
mod completions;
mod conditions;
mod decode;
mod diff;
mod exec;
mod follow;
mod history;
mod jq_worker;
mod list;
mod log;
mod man;
mod needs;
mod output;
mod place;
mod record;
mod schema;
mod selection;
mod settled;
mod spool;
mod values;
mod wait;
mod watch;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::deliver::jq;
use crate::error::Result;
use crate::signals;

/// Tells what changes in Linux networking, the moment it changes: each change is one JSON line.
#[derive(Debug, Parser)]
#[command(
    name = "linkhook",
    version,
    propagate_version = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
        linkhook                                      every change, until you stop it\n  \
        linkhook route | jq .route.dst                changed routes\n  \
        linkhook list link addr                       what exists now\n  \
        linkhook -i 'eth*' --signal carrier_lost      lost carriers of some interfaces\n  \
        linkhook --all-netns link                     links in every network namespace\n  \
        linkhook wait addr6 eth0 -t 30s               until it has an address that can be used\n  \
        linkhook exec --signal default_lost -- CMD    a command for each event\n  \
        linkhook --filter '.route.dst == \"default\"'   by a jq expression\n  \
        linkhook decode capture.pcap                  the events in a recording\n  \
        linkhook --config linkhook.toml               with webhooks\n\n\
        'linkhook help COMMAND' tells more of one command. Options may stand before or after the command's word."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    watch: watch::Arguments,
    #[command(flatten)]
    log: log::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow events (the default)
    Watch(watch::Arguments),
    /// Print what exists now, and end
    List(list::Arguments),
    /// Block until something is so: link-up eth0, addr6 eth0, default-route, gone eth0, or an event
    #[command(after_help = wait::listed())]
    Wait(wait::Arguments),
    /// Run a command for each event
    #[command(after_help = exec::HELP)]
    Exec(exec::Arguments),
    /// Print events that were kept
    #[command(after_help = history::HELP)]
    History(history::Arguments),
    /// Print what differs between two moments
    #[command(after_help = diff::HELP)]
    Diff(diff::Arguments),
    /// Print the events that led to an object's state
    #[command(after_help = why::HELP)]
    Why(why::Arguments),
    /// Keep the raw messages in a file
    Record(record::Arguments),
    /// Print the events of a recording (pcap, pcapng, rtmon's format) or of linkhook's own lines
    Decode(decode::Arguments),
    /// Validate a configuration, and say what it does
    Check(check::Arguments),
    /// Look into, retry or drop what waits for webhooks and commands
    #[command(after_help = spool::HELP)]
    Spool(spool::Arguments),
    /// Print a manual page, to be read with 'man -l -'; or write all of them
    #[command(after_help = "Examples:\n  \
        linkhook man | man -l -                       linkhook's own page\n  \
        linkhook man events | man -l -                every kind, key and signal\n  \
        linkhook man --directory /tmp/man             all pages, for a package")]
    Man(man::Arguments),
    /// Print what a shell needs to complete kinds, options and interfaces
    #[command(after_help = "Examples:\n  \
        source <(linkhook completions bash)           for one session of bash or zsh\n  \
        linkhook completions bash >~/.local/share/bash-completion/completions/linkhook\n  \
        linkhook completions zsh >~/.zfunc/_linkhook  with ~/.zfunc in fpath, before compinit\n  \
        linkhook completions fish >~/.config/fish/completions/linkhook.fish")]
    Completions(completions::Arguments),
    /// Print the JSON Schema of the events
    Schema(schema::Arguments),
    /// The child that runs a jq expression
    #[command(hide = true)]
    JqWorker,
}

/// Reads the arguments, runs, and gives the exit status: 0 done, 1 failed, 2 wrong usage, 124 where what was waited for did not
/// come in time.
pub fn run() -> ExitCode {
    match completions::answer(std::env::args_os()) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        // The shell shows nothing of it.
        Err(_) => return ExitCode::FAILURE,
    }
    log::look_for_journal();
    // First of all: a service manager or a terminal does not wait until linkhook is ready for it. The jq child has no need of
    // it: it ends when its parent does. And a wait that is ended while it starts must not seem to have succeeded.
    if !arguments::begin_with(jq::COMMAND)
        && !std::env::args_os().any(|argument| argument == "wait")
        && let Err(error) = signals::catch()
    {
        ::log::error!("{error}");
    }
    let cli = match arguments::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            arguments::say(&error);
            return ExitCode::from(2);
        }
        // Help and version.
        Err(asked) => asked.exit(),
    };
    cli.log.start();
    match &cli.command {
        // They end in order.
        None
        | Some(Command::Watch(_) | Command::Wait(_) | Command::Exec(_) | Command::Record(_) | Command::JqWorker) => {}
        Some(
            Command::List(_)
            | Command::Decode(_)
            | Command::Check(_)
            | Command::History(_)
            | Command::Diff(_)
            | Command::Why(_)
            | Command::Spool(_)
            | Command::Man(_)
            | Command::Completions(_)
            | Command::Schema(_),
        ) => signals::leave_to_default(),
    }
    let result: Result<()> = match cli.command {
        Some(Command::Decode(arguments)) => decode::run(&arguments),
        Some(Command::Record(arguments)) => record::run(&arguments),
        Some(Command::List(arguments)) => list::run(&arguments),
        Some(Command::Wait(arguments)) => wait::run(&arguments),
        Some(Command::Exec(arguments)) => exec::run(&arguments),
        Some(Command::Check(arguments)) => check::run(&arguments),
        Some(Command::Diff(arguments)) => diff::run(&arguments),
        Some(Command::Why(arguments)) => why::run(&arguments),
        Some(Command::History(arguments)) => history::run(&arguments),
        Some(Command::Spool(arguments)) => spool::run(&arguments),
        Some(Command::Man(arguments)) => man::run(&arguments),
        Some(Command::Completions(arguments)) => completions::run(&arguments),
        Some(Command::Schema(arguments)) => schema::run(&arguments),
        Some(Command::JqWorker) => jq_worker::run(),
        Some(Command::Watch(arguments)) => watch::run(&arguments, &cli.log),
        None => watch::run(&cli.watch, &cli.log),
    };
    let status = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ::log::error!("{error}");
            ExitCode::from(error.status())
        }
    };
    log::flush();
    status
}
