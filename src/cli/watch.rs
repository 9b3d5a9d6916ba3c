//! `linkhook watch`, the default: follow events.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::selection;
use crate::config::{self, Configuration};
use crate::error::{Error, Result};
use crate::event::{Action, own};
use crate::kinds::KindIndex;
use crate::output::file::Rotation;
use crate::serve::HttpSettings;
use crate::stream::{Options, Stream};
use crate::units;
use crate::watch::{Delivery, Reloaded, Settings, StateDirectory, watch};
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
    #[arg(short, long, value_name = "DURATION", value_parser = super::values::duration, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// The size of the kernel's buffer for events not read yet, such as 8MiB
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    receive_buffer: Option<usize>,
    /// Hold what is known against the kernel so often, and tell when it differs
    #[arg(long, value_name = "DURATION", value_parser = super::values::duration, allow_hyphen_values = true)]
    verify: Option<Duration>,
    /// Print events that change nothing, too
    #[arg(long)]
    unchanged: bool,
    #[command(flatten)]
    namespaces: selection::Namespaces,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments, log: &super::log::Arguments) -> Result<()> {
    let Some(path) = &arguments.config else { return follow(arguments, &arguments.selection, None, None, None, None) };
    let configuration = config::load(path)?;
    log.configured(configuration.level);
    for warning in &configuration.warnings {
        ::log::warn!("{warning}");
    }
    let selection = arguments.selection.configured(&configuration);
    let Configuration { watch, output, http, webhooks, .. } = configuration;
    let rotation = output.rotation;
    let no_state = watch.state_dir.is_none() && !webhooks.is_empty();
    let delivery = Delivery {
        webhooks,
        host: watch.host.clone().unwrap_or_else(config::own_host),
        shutdown: watch.shutdown,
        reload: Arc::new({
            let (path, watch) = (path.clone(), watch.clone());
            move || reload(&path, &watch, &output)
        }),
    };
    if no_state {
        ::log::warn!(
            "events for webhooks wait in memory alone: what is not delivered when linkhook ends is lost, and what \
             changes while it does not run is not told; set [watch] state_dir to keep both"
        );
    }
    follow(arguments, &selection, Some(&watch), rotation, http, Some(delivery))
}

/// Reads the configuration again. Webhooks and `[http]` alone can be changed while linkhook runs.
fn reload(path: &Path, watch: &config::Watch, output: &config::OutputSettings) -> Result<Reloaded> {
    // Valid as it is, it would take all webhooks away; an editor that writes in place empties the file first.
    if std::fs::read(path).is_ok_and(|text| text.trim_ascii().is_empty()) {
        return Err(Error::usage(format_args!("{}: it is empty", path.display())));
    }
    let configuration = config::load(path)?;
    for warning in &configuration.warnings {
        ::log::warn!("{warning}");
    }
    if configuration.watch != *watch || configuration.output != *output {
        ::log::warn!("what changed in [watch] and [output] holds from the next start on");
    }
    Ok(Reloaded { webhooks: configuration.webhooks, http: configuration.http })
}

fn follow(
    arguments: &Arguments,
    selection: &selection::Arguments,
    configured: Option<&config::Watch>,
    rotation: Option<Rotation>,
    http: Option<HttpSettings>,
    delivery: Option<Delivery>,
) -> Result<()> {
    let options = selection.options()?;
    let kinds = KindIndex::all().filter(|kind| options.filter.wants_kind(kind.place())).collect();
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
        receive_buffer_bytes: arguments
            .receive_buffer
            .or_else(|| configured.and_then(|configured| configured.receive_buffer_bytes)),
        timeout: arguments.timeout,
        metrics,
        http,
        verify: arguments.verify.or_else(|| configured.and_then(|configured| configured.verify)),
        state: configured.and_then(|configured| {
            let directory = configured.state_dir.clone()?;
            Some(StateDirectory { directory, synchronous: configured.synchronous })
        }),
        namespaces: arguments.namespaces.configured(configured.map(|configured| &configured.namespaces))?,
    };
    let output = super::output::destination(selection.output.as_deref(), rotation)?;
    watch(&settings, Stream::new(options), output, delivery)
}
