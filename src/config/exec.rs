//! `[[exec]]`.

use std::ffi::OsStr;
use std::time::Duration;

use super::read::{Table, Value};
use super::{settings, webhook};
use crate::command;
use crate::deliver::batch::Limits;
use crate::deliver::run::Command;
use crate::deliver::{EXEC, Target, Webhook, formats};

/// Reads a command; `None` where it is too broken to be one.
pub(super) fn exec(value: &Value<'_>) -> Option<Webhook> {
    webhook::named(EXEC, value, |table| {
        table.only(&settings::names(settings::EXEC));
        let command = table.need("command", "a program and its arguments, such as [\"/usr/local/sbin/failover\"]");
        let command = command.and_then(|value| command_of(table, &value));
        // A run for each event, unless several are asked for.
        let limits = Limits { events: 1, bytes: 1 << 20, wait: Duration::ZERO };
        webhook::for_target(table, command.map(Target::Command), formats::by_name("ndjson")?, limits)
    })
}

fn command_of(table: &Table<'_>, value: &Value<'_>) -> Option<Command> {
    if value.is_text() {
        value.wrong("a list is needed, such as [\"systemctl\", \"restart\", \"vpn\"]: there is no shell");
        return None;
    }
    let words: Option<Vec<String>> = value.list()?.iter().map(|word| word.text().map(str::to_owned)).collect();
    let words = words?;
    if words.iter().any(|word| word.contains('\0')) {
        value.refused("a word has a NUL in it, which no program can be given");
        return None;
    }
    let Some((name, arguments)) = words.split_first() else {
        value.refused("the list is empty; its first word is the program");
        return None;
    };
    let path = (table.environment())("PATH").unwrap_or_default();
    let Some(program) = command::program(OsStr::new(name), OsStr::new(&path)) else {
        value.refused(format_args!("there is no program {name:?} that could be run, neither there nor in PATH"));
        return None;
    };
    Some(Command { program, arguments: arguments.to_vec() })
}
