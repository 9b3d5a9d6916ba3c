//! `linkhook watch --settle`: one line for all changes of an object.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use super::follow::{Events, follow};
use super::output;
use crate::error::Result;
use crate::filter::Filter;
use crate::retell;
use crate::retell::lines::EndedEarly;
use crate::stream::{Options, Stream};
use crate::watch::Settings;

/// Watches, and prints what has settled once nothing has come for so long. What is counted is what is printed.
pub fn print(settings: &Settings, options: Options, quiet: Duration) -> Result<()> {
    let (format, fields, print, count) = (options.format, options.fields.clone(), options.print.clone(), options.count);
    let (named, own) = (options.named.clone(), options.own.clone());
    // What was filtered once is not once more: an object that was changed and is gone now is told, whatever the action was.
    let shown = Options {
        filter: Filter::default(),
        format,
        fields,
        print,
        named,
        own,
        count,
        present: true,
        ..Options::default()
    };
    let (_, written) =
        follow(settings, options.as_lines(), |events| write(events.settling(Some(quiet)), shown), |_| ())?;
    EndedEarly::quietly(written)
}

fn write(events: Events, options: Options) -> std::result::Result<(), EndedEarly> {
    let stream = Stream::new(options);
    let lines = output::lines(&stream, None)?;
    let told = RefCell::new((stream, lines));
    for event in events {
        retell::lines(Path::new("-"), event.line.as_bytes(), &told)?;
        if told.borrow().0.is_done() {
            break;
        }
    }
    Ok(())
}
