//! `linkhook wait`: until something is so.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use super::conditions::{Conditions, Enough, Object, WORDS};
use super::follow::{Event, Events, follow, settings};
use super::selection;
use crate::error::{Error, Result};
use crate::event::own;
use crate::event::severity::Severity;
use crate::output::LineFormat;
use crate::output::text::Text;
use crate::stream::Options;
use crate::watch::{Ended, FINISH_TIMEOUT};

/// Arguments of `linkhook wait`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Words for what is so, such as link-up eth0; or kinds of objects; or a jq expression
    #[arg(value_name = "WHAT")]
    what: Vec<String>,
    /// Give up after that time, such as 30s, or seconds, with status 124
    #[arg(short, long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// Of several words one is enough
    #[arg(long, conflicts_with = "all")]
    any: bool,
    /// All of several words must be so at one moment (the default)
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    groups: selection::Groups,
    #[command(flatten)]
    polling: selection::Polling,
    #[command(flatten)]
    namespaces: selection::Namespaces,
    #[command(flatten)]
    filters: selection::Filters,
    #[command(flatten)]
    form: selection::Form,
}

/// The words, for the help.
pub fn listed() -> String {
    let mut text = "Words for what is so:\n".to_owned();
    for word in WORDS {
        let object = match word.object {
            Object::Interface => " IF",
            Object::Address => " ADDR",
            Object::None => "",
        };
        text += &format!("  {:<16} {}\n", format!("{}{object}", word.name), word.about);
    }
    text + "\nWhat exists is looked at first, and the line that made it true is printed. Kinds, filters or a jq expression \
            wait for the first event that fits; what exists is 'present'.\n\n\
            Examples:\n  \
            linkhook wait addr6 eth0 -t 30s && start-vpn\n  \
            linkhook wait link-up eth0 default-route\n  \
            linkhook wait route --table 100 --action add\n  \
            linkhook wait '.link.mtu > 8000'"
}

/// What is waited for.
enum Until {
    /// Words are so.
    Words(Box<Conditions>),
    /// An event comes that the filters let through.
    Event,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let (until, options) = until(arguments)?;
    let settings = settings(
        &options,
        (&arguments.groups, &arguments.polling),
        arguments.namespaces.wanted()?,
        arguments.timeout,
        FINISH_TIMEOUT,
    )?;
    let (ended, waited) = follow(&settings, options, move |events| wait(events, until), |_| {})?;
    match (waited, ended) {
        (Waited::True(event), _) => print(&event, arguments.form.line(std::io::stdout().is_terminal())),
        (Waited::Missing(missing), Ended::Timeout) => {
            let timeout = arguments.timeout.unwrap_or_default();
            Err(Error::timed_out(format_args!("after {timeout:?} {missing}")))
        }
        (Waited::Missing(missing), _) => Err(Error::failed(format_args!("ended by a signal: {missing}"))),
    }
}

/// How the waiting ended.
enum Waited {
    /// It is so, by that event.
    True(Event),
    /// It is not so; what of it, in words.
    Missing(String),
}

fn wait(mut events: Events, mut until: Until) -> Waited {
    let found = events.find(|event| match &mut until {
        // What is there is complete with `ready`, which is an event of linkhook's own.
        Until::Words(conditions) => {
            (!event.is_own() || event.text("event") == own::READY.name) && conditions.observe(&event.value)
        }
        Until::Event => !event.is_own(),
    });
    match (found, until) {
        (Some(event), _) => Waited::True(event),
        (None, Until::Words(conditions)) => Waited::Missing(format!("it is not so: {}", conditions.missing())),
        (None, Until::Event) => Waited::Missing("no such event has come".into()),
    }
}

/// What is waited for, and which events tell of it.
fn until(arguments: &Arguments) -> Result<(Until, Options)> {
    let enough = if arguments.any { Enough::Any } else { Enough::All };
    if let Some(conditions) = Conditions::read(&arguments.what, enough)? {
        if let Some(option) = arguments.filters.among_events() {
            return Err(Error::usage(format_args!(
                "{option} would hide a part of what tells whether it is so; leave it out, or wait for events: kinds with \
                 filters, such as 'linkhook wait addr --action add'"
            )));
        }
        let options = arguments.filters.options(&conditions.kinds(), &[], Severity::Debug)?;
        let own = vec![own::READY.name];
        return Ok((Until::Words(Box::new(conditions)), Options { present: true, own, ..options }));
    }
    if arguments.any || arguments.all {
        return Err(Error::usage("--any and --all go with several words, such as 'link-up eth0 addr eth0'"));
    }
    let mut filters = arguments.filters.clone();
    let (expressions, kinds): (Vec<&String>, Vec<&String>) =
        arguments.what.iter().partition(|what| is_expression(what));
    match expressions[..] {
        [] => {}
        [expression] if filters.filter.is_none() => filters.filter = Some(expression.clone()),
        _ => {
            return Err(Error::usage("there are two jq expressions; make them one with 'and' or 'or'"));
        }
    }
    let kinds: Vec<String> = kinds.into_iter().flat_map(|kinds| kinds.split(',')).map(str::to_owned).collect();
    if kinds.is_empty() && !filters.is_narrowed() {
        return Err(Error::usage(
            "wait for what? Words for what is so, such as 'link-up eth0', or kinds of objects, filters, or a jq expression; \
             'linkhook help wait' lists the words",
        ));
    }
    let options = filters.options(&kinds, &[], Severity::Debug)?;
    if let Some(own) = options.own.first() {
        return Err(Error::usage(format_args!(
            "'{own}' is an event of linkhook's own, and wait waits for the kernel's"
        )));
    }
    Ok((Until::Event, Options { present: true, count: Some(1), ..options }))
}

/// Whether it can be no list of kinds.
fn is_expression(what: &str) -> bool {
    what.chars().any(|letter| !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | ','))
}

fn print(event: &Event, format: LineFormat) -> Result<()> {
    let line = match format {
        LineFormat::Text(style) => Text::new(style).line(event.line.as_bytes()).to_owned(),
        LineFormat::Json | LineFormat::Fields => event.line.clone(),
    };
    let mut stdout = std::io::stdout().lock();
    crate::output::written(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()))
}
