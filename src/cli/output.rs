//! Where a command writes its lines.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use crate::config::{OutputPlace, OutputSettings};
use crate::error::{Error, Result};
use crate::output::file::{Appender, Rotation, open as open_file};
use crate::output::journal::Journal;
use crate::output::outputs::Output;
use crate::output::rendered::Rendered;
use crate::output::syslog::Syslog;
use crate::output::text::terminal::is_utf8;
use crate::output::text::{Style, Text};
use crate::output::{Destination, OpenFile, Sink};
use crate::retell::lines::Lines;
use crate::stream::Stream;
use crate::stream::sifted::Sifted;

/// One output for all lines, by its path or stdout, which they are made for already.
pub fn only(path: Option<&Path>, rotation: Option<Rotation>) -> Result<Output> {
    let name = named(path).unwrap_or(Path::new("-")).display().to_string();
    Ok(Output::of_all(name, destination(path, rotation)?))
}

/// What the configuration says of an output, which gets lines of JSON and makes of them what it needs; nothing where lines go
/// nowhere. `host` is the machine's name, where a line does not say it.
pub fn configured(settings: &OutputSettings, host: &str, shows_what_exists: bool) -> Result<Option<Output>> {
    let is_text = settings.format() == "text";
    // What else stands in a message says the time, and how much it matters.
    let words = |ascii| is_text.then(|| Text::new(Style { bare: true, utc: true, ascii, ..Style::default() }));
    let destination = match &settings.place {
        OutputPlace::None => return Ok(None),
        OutputPlace::Journal(path) => Destination::Sink(Box::new(Journal::new(path, words(false)))),
        OutputPlace::Syslog(address, facility) => {
            Destination::Sink(Box::new(Syslog::new(address.clone(), *facility, host, words(true))))
        }
        OutputPlace::Stdout => destination(None, None)?,
        OutputPlace::File(path) => destination(Some(path), settings.rotation)?,
    };
    let is_message = matches!(settings.place, OutputPlace::Journal(_) | OutputPlace::Syslog(..));
    let destination = if is_text && !is_message {
        let style = Style { ascii: !is_utf8(|name| std::env::var_os(name)), ..Style::default() };
        Destination::Sink(Box::new(Rendered::new(style, sink(destination))))
    } else {
        destination
    };
    let destination = match &settings.events.filter {
        Some(code) => Destination::Sink(Box::new(Sifted::new(code, sink(destination)))),
        None => destination,
    };
    Ok(Some(Output { name: settings.name(), destination, wants: settings.events.wants(shows_what_exists) }))
}

fn sink(destination: Destination) -> Box<dyn Sink> {
    match destination {
        Destination::Descriptor(descriptor) => Box::new(OpenFile(Arc::new(File::from(descriptor)))),
        Destination::Sink(sink) => sink,
    }
}

/// The file, opened at its end, or stdout where none is named or it is `-`.
fn destination(path: Option<&Path>, rotation: Option<Rotation>) -> Result<Destination> {
    let Some(path) = named(path) else {
        let stdout = std::io::stdout().as_fd().try_clone_to_owned();
        return Ok(Destination::Descriptor(stdout.map_err(|error| Error::system("cannot use stdout", &error))?));
    };
    let opened = Appender::open(path, rotation);
    Ok(match opened.map_err(|error| cannot_open(path, &error))? {
        Ok(file) => Destination::Sink(Box::new(file)),
        Err(pipe) => Destination::Descriptor(pipe.into()),
    })
}

/// The same for a command that ends by itself and writes many lines at once.
fn open(path: Option<&Path>) -> Result<Box<dyn Write + Send>> {
    match named(path) {
        Some(path) => {
            let file = open_file(path);
            Ok(Box::new(file.map_err(|error| cannot_open(path, &error))?))
        }
        None => {
            let stdout = std::io::stdout().as_fd().try_clone_to_owned();
            Ok(Box::new(File::from(stdout.map_err(|error| Error::system("cannot use stdout", &error))?)))
        }
    }
}

/// The lines of a stream, to a file, or to stdout where none is named.
pub fn lines(stream: &Stream, path: Option<&Path>) -> Result<Lines> {
    Ok(Lines::to(stream, open(path)?))
}

/// With what is missing, where that is its directory: "no such file" would not say so of a file that is to be made.
fn cannot_open(path: &Path, error: &std::io::Error) -> Error {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty() && !directory.exists());
    match directory {
        Some(directory) => {
            let (path, directory) = (path.display(), directory.display());
            Error::failed(format_args!("cannot open {path}: its directory is missing: make {directory} first"))
        }
        None => Error::system(format_args!("cannot open {}", path.display()), error),
    }
}

fn named(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| *path != Path::new("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let path = Path::new("/nonexistent/logs/events.jsonl");
        let told = open(Some(path)).err().expect("it cannot be opened").to_string();
        assert!(told.contains("make /nonexistent/logs first"), "{told}");
        let told = destination(Some(Path::new("/")), None).expect_err("a directory is no file").to_string();
        assert!(told.starts_with("cannot open /: ") && !told.contains("missing"), "{told}");
    }
}
