//! Where a command writes its lines.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;

use crate::error::{Error, Result};
use crate::output::Destination;
use crate::output::file::{Appender, Rotation, open as open_file};

/// The file, opened at its end, or stdout where none is named or it is `-`.
pub fn destination(path: Option<&Path>, rotation: Option<Rotation>) -> Result<Destination> {
    let Some(path) = named(path) else {
        let stdout = std::io::stdout().as_fd().try_clone_to_owned();
        return Ok(Destination::Descriptor(stdout.map_err(|error| Error::system("cannot use stdout", &error))?));
    };
    let opened = Appender::open(path, rotation);
    Ok(match opened.map_err(|error| cannot_open(path, &error))? {
        Ok(file) => Destination::File(file),
        Err(pipe) => Destination::Descriptor(pipe.into()),
    })
}

/// The same for a command that ends by itself and writes many lines at once.
pub fn open(path: Option<&Path>) -> Result<Box<dyn Write + Send>> {
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
        let told = destination(Some(Path::new("/")), None).err().expect("a directory is no file").to_string();
        assert!(told.starts_with("cannot open /: ") && !told.contains("missing"), "{told}");
    }
}
