//! `linkhook watch`, the default: follow events.

use std::fs::OpenOptions;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use super::{selection, units};
use crate::error::{Error, Result};
use crate::kinds::KINDS;
use crate::stream::{Options, Stream};
use crate::watch::{Settings, watch};

/// Arguments of `linkhook watch`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Start with what exists, as 'present' events
    #[arg(long)]
    initial: bool,
    /// Stop after that time, such as 10s or 5m
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    timeout: Option<Duration>,
    /// The size of the kernel's buffer for events not read yet, such as 8MiB
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    receive_buffer: Option<usize>,
    /// Hold what is known against the kernel so often, and tell when it differs
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
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
pub fn run(arguments: &Arguments) -> Result<()> {
    let options = arguments.selection.options()?;
    let kinds = (0..KINDS.len()).filter(|&kind| options.filter.wants_kind(kind)).collect();
    let options = Options { present: arguments.initial, unchanged: arguments.unchanged, ..options };
    let settings = Settings {
        kinds,
        receive_buffer_bytes: arguments.receive_buffer,
        timeout: arguments.timeout,
        verify: arguments.verify,
        namespaces: arguments.namespaces.wanted()?,
    };
    let output = descriptor(arguments.selection.output.as_deref())?;
    watch(&settings, Stream::new(options), output)
}

/// The file, opened at its end, or stdout where none is named or it is `-`.
fn descriptor(path: Option<&Path>) -> Result<OwnedFd> {
    match path {
        Some(path) if path != Path::new("-") => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            Ok(file.map_err(|error| Error::system(format_args!("cannot open {}", path.display()), &error))?.into())
        }
        _ => std::io::stdout().as_fd().try_clone_to_owned().map_err(|error| Error::system("cannot use stdout", &error)),
    }
}
