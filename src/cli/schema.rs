//! `linkhook schema`: the JSON Schema of the events.

use std::io::Write;

use super::selection;
use crate::error::{Error, Result};
use crate::event::own;
use crate::kinds::KindIndex;
use crate::output::written;
use crate::schema::schema;
use crate::words::Named;

/// Arguments of `linkhook schema`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Only lines of these kinds and own events, apart or with commas; all when none is named
    #[arg(value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Named { kinds, own: named } = selection::named(&arguments.kinds)?;
    let own: Vec<&'static str> = own::names().filter(|name| kinds.is_none() || named.contains(name)).collect();
    let kinds: Vec<KindIndex> =
        KindIndex::all().filter(|kind| kinds.as_ref().is_none_or(|kinds| kinds[kind.place()])).collect();
    let text = serde_json::to_string_pretty(&schema(&kinds, &own))
        .map_err(|error| Error::failed(format_args!("cannot write the schema: {error}")))?;
    written(std::io::stdout().write_all(format!("{text}\n").as_bytes()))
}
