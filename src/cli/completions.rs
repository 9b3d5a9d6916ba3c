//! `linkhook completions`: what a shell completes. The script that is printed asks linkhook itself at each Tab, so that kinds
//! and signals are those of the tables, and interfaces those that are there.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter, Fish, Shells, Zsh};

use super::conditions::WORDS;
use super::{Cli, man};
use crate::error::{Error, Result};
use crate::event::own::OWN_EVENTS;
use crate::event::severity::Severity;
use crate::event::signals::SIGNALS;
use crate::event::{Action, KEYS};
use crate::kinds::KINDS;
use crate::netns;
use crate::output::written;
use crate::words::tables;

/// Set by the shell that asks; its value is the shell's name.
const VARIABLE: &str = "LINKHOOK_COMPLETE";
const PROGRAM: &str = "linkhook";
const SHELLS: Shells<'static> = Shells(&[&Bash, &Fish, &Zsh]);
/// Where the kernel lists the interfaces of the namespace in which sysfs was mounted.
const INTERFACES: &str = "/sys/class/net";

/// zsh runs a file that it loads by itself, as one of /usr/share/zsh/vendor-completions, at the first Tab, and expects
/// candidates from it; the script only defines its function.
const ZSH_AUTOLOADED: &str = "if [[ ${funcstack[1]} = _linkhook ]]; then _clap_dynamic_completer_linkhook \"$@\"; fi\n";

/// Arguments of `linkhook completions`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The shell; for one session: source <(linkhook completions bash)
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let failed = |error| Error::system("cannot write the completions", &error);
    let shell = SHELLS.completer(&arguments.shell);
    let shell = shell.ok_or_else(|| Error::usage(format_args!("there is no shell '{}'", arguments.shell)))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script).map_err(failed)?;
    if shell.name() == Zsh.name() {
        script.extend_from_slice(ZSH_AUTOLOADED.as_bytes());
    }
    written(std::io::stdout().write_all(&script))
}

/// Answers a shell that asks for candidates; `false` where none does.
pub fn answer(arguments: impl Iterator<Item = OsString>) -> std::result::Result<bool, clap::Error> {
    let current = std::env::current_dir().ok();
    CompleteEnv::with_factory(command).var(VARIABLE).shells(SHELLS).try_complete(arguments, current.as_deref())
}

fn command() -> clap::Command {
    with_candidates(Cli::command())
}

/// An argument has the same candidates in every command that has it.
fn with_candidates(command: clap::Command) -> clap::Command {
    let with = |argument: clap::Arg| match CANDIDATES.iter().find(|(id, _)| argument.get_id() == id) {
        Some((_, candidates)) => argument.add(ArgValueCandidates::new(*candidates)),
        None => argument,
    };
    command.mut_args(with).mut_subcommands(with_candidates)
}

type Candidates = fn() -> Vec<CompletionCandidate>;

/// By the argument's field.
const CANDIDATES: &[(&str, Candidates)] = &[
    ("kinds", kinds),
    ("what", what),
    ("signal", signals),
    ("action", || named(Action::ALL.map(Action::name))),
    ("severity", || named(Severity::NAMES)),
    ("interface", interfaces),
    ("table", || named(tables::named().into_iter().map(|(name, _)| name).filter(|name| is_plain(name)))),
    ("netns", || named(names_in(netns::DIRECTORY))),
    ("fields", || named(KEYS.iter().copied().chain(KINDS.iter().map(|kind| kind.name)))),
    ("page", || named(man::names())),
];

fn named<N: Into<OsString>>(names: impl IntoIterator<Item = N>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn kinds() -> Vec<CompletionCandidate> {
    let kinds = KINDS.iter().map(|kind| CompletionCandidate::new(kind.name).help(Some(kind.about.into())));
    let mut all: Vec<CompletionCandidate> = kinds.collect();
    for own in OWN_EVENTS {
        // Several rows may have one name.
        if !all.iter().any(|known| known.get_value() == own.name) {
            all.push(CompletionCandidate::new(own.name).help(Some(own.about.into())));
        }
    }
    all
}

/// What `wait` waits for: words, what may stand behind them, and kinds.
fn what() -> Vec<CompletionCandidate> {
    let words = WORDS.iter().map(|word| CompletionCandidate::new(word.name).help(Some(word.about.into())));
    let is_word = |candidate: &CompletionCandidate| WORDS.iter().any(|word| candidate.get_value() == word.name);
    words.chain(interfaces()).chain(kinds().into_iter().filter(|kind| !is_word(kind))).collect()
}

fn signals() -> Vec<CompletionCandidate> {
    SIGNALS.iter().map(|signal| CompletionCandidate::new(signal.name).help(Some(signal.condition.into()))).collect()
}

/// Each interface is a link there; a file, such as `bonding_masters`, is none.
fn interfaces() -> Vec<CompletionCandidate> {
    let is_interface = |name: &OsString| Path::new(INTERFACES).join(name).is_dir();
    named(names_in(INTERFACES).into_iter().filter(is_interface))
}

fn names_in(directory: &str) -> Vec<OsString> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    names.retain(|name| name.to_str().is_some_and(is_plain));
    names.sort();
    names
}

/// Whether a shell takes it as it is: what is offered is put into the command line, and an interface may be called `;reboot`.
fn is_plain(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-@+".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_that_is_named_has_candidates() {
        let command = command();
        for (id, candidates) in CANDIDATES {
            let has = |command: &clap::Command| {
                let mut arguments = command.get_arguments().filter(|argument| argument.get_id() == id);
                arguments.any(|argument| argument.get::<ArgValueCandidates>().is_some())
            };
            assert!(has(&command) || command.get_subcommands().any(has), "{id}");
            assert!(*id == "netns" || !candidates().is_empty(), "{id}");
        }
    }

    #[test]
    fn what_a_shell_would_run_is_not_offered() {
        ["eth0", "br-lan", "eth0.10", "veth1@if2", "wg+"].iter().for_each(|name| assert!(is_plain(name), "{name}"));
        [";reboot", "$(reboot)", "a|b", "*", "a b", "\u{1b}[31m", "ä", "`x`"]
            .iter()
            .for_each(|name| assert!(!is_plain(name)));
    }

    #[test]
    fn a_name_is_offered_once() {
        let names: Vec<_> = kinds().iter().map(|candidate| candidate.get_value().to_owned()).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        assert!(names.iter().any(|name| name == "output") && names.iter().any(|name| name == "fdb"));
    }
}
