//! The arguments as they are written: options before the command's word, and what is said of wrong ones.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use super::Cli;
use super::log;
use crate::words;

/// Words that are no command of ours, and yet commands.
const HELP: &str = "help";

/// Whether a word is a command's.
pub fn is_command(word: &str) -> bool {
    word == HELP || Cli::command().get_subcommands().any(|command| command.get_name() == word)
}

/// The command whose word was probably meant, unless a kind's name is nearer.
pub fn nearest_command(word: &str) -> Option<String> {
    let command = Cli::command();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<String> = commands.map(|command| command.get_name().to_owned()).collect();
    let names = words::all_names().map(str::to_owned);
    let all: Vec<String> = commands.iter().cloned().chain(names).collect();
    let near = words::nearest(word, all.iter().map(String::as_str))?;
    commands.into_iter().find(|command| command == near)
}

/// Reads them. The error is what to show, made ready.
pub fn read(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let command = with_words(Cli::command());
    let arguments = command_first(&command, arguments.collect());
    let options = option_names(&command);
    let read = command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    read.map_err(|error| with_near(error, &options))
}

/// Says what is wrong with them.
pub fn say(error: &clap::Error) {
    let words = error.render();
    let coloured = std::io::stderr().is_terminal();
    log::say(&if coloured { words.ansi().to_string() } else { words.to_string() });
    log::flush();
}

/// The help of commands that choose events names all kinds and signals.
fn with_words(command: clap::Command) -> clap::Command {
    let listed = words::listed();
    let with = |command: clap::Command| {
        let before = command.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
        command.after_help(format!("{before}{listed}"))
    };
    ["watch", "list", "wait", "exec", "record", "decode", "schema"]
        .into_iter()
        .fold(with(command), |command, name| command.mut_subcommand(name, with))
}

/// Options of a command, of which those that take a value are told apart from those that do not.
fn takes_value<'c>(command: &'c clap::Command) -> impl Fn(&OptionName<'_>) -> bool + 'c {
    |name| {
        commands(command).flat_map(clap::Command::get_arguments).any(|argument| {
            let is_it = match name {
                OptionName::Long(name) => argument.get_long_and_visible_aliases().is_some_and(|all| all.contains(name)),
                OptionName::Short(name) => argument.get_short() == Some(*name),
            };
            is_it && argument.get_action().takes_values()
        })
    }
}

enum OptionName<'n> {
    Long(&'n str),
    Short(char),
}

fn commands(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    std::iter::once(command).chain(command.get_subcommands())
}

/// Every long option with its dashes, and the commands that have it.
fn option_names(command: &clap::Command) -> BTreeMap<String, BTreeSet<String>> {
    let mut options = BTreeMap::<String, BTreeSet<String>>::new();
    for of in commands(command) {
        let names = of.get_arguments().filter_map(clap::Arg::get_long_and_visible_aliases).flatten();
        for name in names.chain(["help", "version"]) {
            options.entry(format!("--{name}")).or_default().insert(of.get_name().to_owned());
        }
    }
    options
}

/// Moves the command's word to the front: clap takes options before it for those of the command that has no word. It is
/// the first argument that is neither an option nor an option's value, if it is a command's word at all.
fn command_first(command: &clap::Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let takes_value = takes_value(command);
    let mut place = 1;
    while let Some(argument) = arguments.get(place) {
        match argument.to_str() {
            Some("--") => break,
            Some(option) if option.starts_with("--") => {
                place += usize::from(!option.contains('=') && takes_value(&OptionName::Long(&option[2..])));
            }
            Some(options) if options.len() > 1 && options.starts_with('-') => {
                // Of several letters the first one that takes a value takes the rest, or else the next argument.
                let taking =
                    options.char_indices().skip(1).find(|&(_, letter)| takes_value(&OptionName::Short(letter)));
                place += usize::from(taking.is_some_and(|(at, letter)| at + letter.len_utf8() == options.len()));
            }
            word => {
                if word == Some(HELP) {
                    // It takes no options.
                    arguments.drain(1..place);
                } else if word.is_some_and(is_command) {
                    arguments[1..=place].rotate_right(1);
                }
                break;
            }
        }
        place += 1;
    }
    arguments
}

/// What clap takes for near is often far: only what is within two letters is named.
fn with_near(mut error: clap::Error, options: &BTreeMap<String, BTreeSet<String>>) -> clap::Error {
    let text = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let one = |near: Option<&str>| near.map(|near| ContextValue::String(near.to_owned()));
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let name = text(&error, ContextKind::InvalidArg).unwrap_or_default();
            let name = name.split('=').next().unwrap_or_default();
            let elsewhere =
                options.get(name).map(|commands| commands.iter().map(|of| format!("'{of}'")).collect::<Vec<_>>());
            let near = words::nearest(name, options.keys().map(String::as_str)).filter(|_| elsewhere.is_none());
            replace(&mut error, ContextKind::SuggestedArg, one(near));
            // "to pass '-x' as a value, use '-- -x'": no kind's name begins so.
            let tip = elsewhere.map(|of| format!("'{name}' is an option of {}", of.join(", ")));
            replace(&mut error, ContextKind::Suggested, tip.map(|tip| ContextValue::StyledStrs(vec![tip.into()])));
        }
        ErrorKind::InvalidValue => {
            let value = text(&error, ContextKind::InvalidValue).unwrap_or_default();
            let valid = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) => valid.clone(),
                _ => Vec::new(),
            };
            let near = one(words::nearest(&value, valid.iter().map(String::as_str)));
            replace(&mut error, ContextKind::SuggestedValue, near);
        }
        _ => {}
    }
    error
}

fn replace(error: &mut clap::Error, kind: ContextKind, value: Option<ContextValue>) {
    match value {
        Some(value) => drop(error.insert(kind, value)),
        None => drop(error.remove(kind)),
    }
}

/// Whether the first argument is that word.
pub fn begin_with(word: &str) -> bool {
    std::env::args_os().nth(1).is_some_and(|first| first == OsStr::new(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(arguments: &str) -> String {
        let arguments = std::iter::once("linkhook").chain(arguments.split(' ')).map(OsString::from).collect();
        let moved = command_first(&Cli::command(), arguments);
        moved[1..].iter().map(|argument| argument.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_commands_word_comes_first() {
        for (written, read) in [
            ("--timeout 5 watch link", "watch --timeout 5 link"),
            ("-i eth0 list", "list -i eth0"),
            ("-4i eth0 list link", "list -4i eth0 link"),
            ("-ieth0 list", "list -ieth0"),
            ("--interface=eth0 -v list", "list --interface=eth0 -v"),
            ("--colour never list", "list --colour never"),
            ("-o - record", "record -o -"),
            ("-q decode -", "decode -q -"),
            ("--json help watch", "help watch"),
            // A value is no command, and a kind comes first where it does.
            ("-i list link", "-i list link"),
            ("link list", "link list"),
            ("-- list", "-- list"),
            ("list -i eth0", "list -i eth0"),
        ] {
            assert_eq!(moved(written), read);
        }
    }

    #[test]
    fn an_option_takes_a_value_in_every_command_or_in_none() {
        let command = Cli::command();
        let mut known = std::collections::HashMap::new();
        for argument in commands(&command).flat_map(clap::Command::get_arguments) {
            let takes = argument.get_action().takes_values();
            let long = argument.get_long().map(str::to_owned);
            for name in long.into_iter().chain(argument.get_short().map(String::from)) {
                assert_eq!(*known.entry(name.clone()).or_insert(takes), takes, "{name}");
            }
        }
        assert!(known.len() > 20);
    }
}
