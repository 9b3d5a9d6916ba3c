//! `linkhook watch`, the default: follow events.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::selection;
use crate::config::HttpSettings;
use crate::config::{self, Configuration, OutputSettings};
use crate::error::{Error, Result};
use crate::event::{Action, own};
use crate::kinds::KindIndex;
use crate::kinds::protocol::Listening;
use crate::output::file::Rotation;
use crate::sandbox::{self, Needs};
use crate::store::Directory;
use crate::stream::{Options, Stream};
use crate::units;
use crate::watch::{Delivery, FINISH_TIMEOUT, Reloaded, Settings, StateDirectory, watch};
use crate::words;

/// Arguments of `linkhook watch`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Read a configuration: what to watch, where to write, and webhooks; what is said here wins over it
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Start with what exists, as 'present' events
    #[arg(long)]
    initial: bool,
    /// Stop after that time, such as 10s or 5m, or seconds
    #[arg(short, long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// The size of the kernel's buffer for events not read yet, such as 8MiB
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    receive_buffer: Option<usize>,
    /// Hold what is known against the kernel so often, and tell when it differs
    #[arg(long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    verify: Option<Duration>,
    /// Print one line for all changes of an object, after none of any has come for so long
    #[arg(long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    settle: Option<Duration>,
    /// Print events that change nothing, too
    #[arg(long)]
    unchanged: bool,
    #[command(flatten)]
    groups: selection::Groups,
    #[command(flatten)]
    polling: selection::Polling,
    #[command(flatten)]
    namespaces: selection::Namespaces,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments, log: &super::log::Arguments) -> Result<()> {
    let Some(path) = &arguments.config else {
        let output = Outputting::Only(None);
        return follow(arguments, &arguments.selection, None, output, None, None);
    };
    if arguments.settle.is_some() {
        return Err(Error::usage(
            "--settle is for a watch of the command line; where a configuration says what becomes of events, a webhook or a \
             command of it settles: write settle = \"2s\" there",
        ));
    }
    let configuration = config::load(path)?;
    log.configured(configuration.level);
    let host = configuration.watch.host.clone().unwrap_or_else(config::own_host);
    let only = only_output(&arguments.selection, &configuration.outputs)?;
    let selection = arguments.selection.configured(&configuration, only);
    let outputting = match only {
        Some(only) => Outputting::Only(only.rotation),
        None if selection.output.is_some() => Outputting::Only(None),
        None => Outputting::Configured(configuration.outputs.clone(), host.clone()),
    };
    let needs = needs(arguments, path, &configuration)?;
    if let Some(directory) = &configuration.watch.state_dir {
        // Beside it nothing can be made any more.
        Directory::make(directory)?;
    }
    // No thread has been started so far.
    let confined = sandbox::enter(&needs, configuration.sandbox)?;
    for warning in &configuration.warnings {
        ::log::warn!("{warning}");
    }
    let Configuration { watch, outputs, http, webhooks, .. } = configuration;
    let no_state = watch.state_dir.is_none() && !webhooks.is_empty();
    let delivery = Delivery {
        webhooks,
        host,
        shutdown: watch.shutdown,
        reload: Arc::new({
            let (path, watch) = (path.clone(), watch.clone());
            let opened = confined.then_some(needs);
            move || reload(&path, &watch, &outputs, opened.as_ref())
        }),
    };
    if no_state {
        ::log::warn!(
            "events for webhooks wait in memory alone: what is not delivered when linkhook ends is lost, and what \
             changes while it does not run is not told; set [watch] state_dir to keep both"
        );
    }
    let configured = Configured { watch: &watch, confined };
    follow(arguments, &selection, Some(configured), outputting, http, Some(delivery))
}

/// Where lines go.
enum Outputting {
    /// All of them to what is selected.
    Only(Option<Rotation>),
    /// Each to those that want it, on a host of that name.
    Configured(Vec<OutputSettings>, String),
}

/// The output that gets all lines as they are made, where there is one alone. What the command line says holds for one that takes
/// any lines, or it names another place.
fn only_output<'s>(
    selection: &selection::Arguments,
    outputs: &'s [OutputSettings],
) -> Result<Option<&'s OutputSettings>> {
    match outputs {
        [only] if only.is_plain() => Ok(Some(only)),
        _ if selection.says_output() && selection.output.is_none() => Err(Error::usage(
            "the configuration says how each output is written, and the command line another way for one; name that one, too, \
             with --output FILE, or --output - for stdout",
        )),
        _ => Ok(None),
    }
}

/// What the configuration needs, with what the command line says in its place.
fn needs(arguments: &Arguments, path: &Path, configuration: &Configuration) -> Result<Needs> {
    let namespaces = arguments.namespaces.configured(Some(&configuration.watch.namespaces))?;
    let output = arguments.selection.output.as_deref();
    Ok(super::needs::of(path, configuration, &namespaces, output))
}

/// Reads the configuration again. Webhooks and `[http]` alone can be changed while linkhook runs, and in the sandbox as far as it was opened
/// at the start.
fn reload(path: &Path, watch: &config::Watch, outputs: &[OutputSettings], opened: Option<&Needs>) -> Result<Reloaded> {
    let closed =
        "the sandbox was opened for what the configuration said at the start; restart linkhook to open it for more";
    let configuration = config::load_again(path).map_err(|error| {
        let is_closed =
            opened.is_some() && ["ermission denied", "not permitted"].iter().any(|why| error.to_string().contains(why));
        if is_closed { Error::usage(format_args!("{error}\n{closed}")) } else { error }
    })?;
    for warning in &configuration.warnings {
        ::log::warn!("{warning}");
    }
    let needed = super::needs::of(path, &configuration, &watch.namespaces, None);
    // What is written stays as it was, but for the socket that is listened at.
    let needed = Needs { write: super::needs::served(&configuration).into_iter().collect(), ..needed };
    if let Some(beyond) = opened.and_then(|opened| needed.beyond(opened)) {
        return Err(Error::usage(format_args!("{}: {beyond}: {closed}", path.display())));
    }
    if configuration.watch != *watch || configuration.outputs != outputs {
        ::log::warn!("what changed in [watch] and [output] holds from the next start on");
    }
    Ok(Reloaded { webhooks: configuration.webhooks, http: configuration.http })
}

/// What a configuration says of the watch.
#[derive(Clone, Copy)]
struct Configured<'c> {
    watch: &'c config::Watch,
    /// The sandbox was entered.
    confined: bool,
}

fn follow(
    arguments: &Arguments,
    selection: &selection::Arguments,
    configured: Option<Configured<'_>>,
    outputting: Outputting,
    http: Option<HttpSettings>,
    delivery: Option<Delivery>,
) -> Result<()> {
    let confined = configured.is_some_and(|configured| configured.confined);
    let configured = configured.map(|configured| configured.watch);
    let options = selection.options()?;
    let kinds: Vec<KindIndex> = KindIndex::all().filter(|&kind| options.filter.follows(kind)).collect();
    let poll = arguments.polling.every(&kinds, configured.and_then(|configured| configured.poll))?;
    let bound = arguments.groups.bound(&kinds, configured.map(|configured| &configured.bound))?;
    let present = arguments.initial || configured.is_some_and(|configured| configured.initial);
    if !present
        && !options.filter.actions.is_empty()
        && options.filter.actions.iter().all(|&action| action == Action::Present)
    {
        return Err(Error::usage(
            "nothing would ever be told: 'present' is what exists, which comes only with --initial (or 'initial = true' in \
             [watch]); or show it by 'linkhook list'",
        ));
    }
    let metrics = configured.and_then(|configured| configured.metrics);
    if metrics.is_none() && options.own.contains(&own::METRICS.name) {
        return Err(Error::usage(
            "nothing would ever be told: 'metrics' comes only as often as a configuration says; write metrics = \"1m\" in its \
             [watch], and name it with --config",
        ));
    }
    let mut own_events = words::own_events(options.own, selection.is_narrowed(), present);
    own_events.extend(metrics.map(|_| own::METRICS.name));
    let options = Options {
        present,
        own: own_events,
        unchanged: arguments.unchanged,
        host: configured.and_then(|configured| configured.host.clone()),
        ..options
    };
    let settings = Settings {
        kinds,
        actions: options.filter.actions.clone(),
        receive_buffer_bytes: arguments
            .receive_buffer
            .or_else(|| configured.and_then(|configured| configured.receive_buffer_bytes)),
        timeout: arguments.timeout,
        metrics,
        http,
        verify: arguments.verify.or_else(|| configured.and_then(|configured| configured.verify)),
        state: configured.and_then(|configured| {
            let directory = configured.state_dir.clone()?;
            Some(StateDirectory { directory, commits: configured.commits })
        }),
        namespaces: arguments.namespaces.configured(configured.map(|configured| &configured.namespaces))?,
        patience: FINISH_TIMEOUT,
        confined,
        listening: Listening {
            families: options.filter.families.clone(),
            conntrack: configured.map(|configured| configured.conntrack.clone()).unwrap_or_default(),
            of_root: configured.is_some_and(|configured| configured.udev),
            bound,
        },
        poll,
    };
    if let Some(quiet) = arguments.settle {
        if selection.output.as_ref().is_some_and(|path| path.as_os_str() != "-") {
            return Err(Error::usage(
                "what settles goes to stdout: leave out --output, and let the shell write the file",
            ));
        }
        return super::settled::print(&settings, options, quiet);
    }
    let outputs = match outputting {
        Outputting::Only(rotation) => vec![super::output::only(selection.output.as_deref(), rotation)?],
        Outputting::Configured(outputs, host) => {
            let outputs = outputs.iter().map(|output| super::output::configured(output, &host, present));
            outputs.filter_map(Result::transpose).collect::<Result<_>>()?
        }
    };
    watch(&settings, Stream::new(options), outputs, delivery).map(drop)
}
