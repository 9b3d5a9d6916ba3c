//! Where a command that ends by itself writes its lines.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens the file at its end, or stdout where none is named or it is `-`.
pub fn open(path: Option<&Path>) -> Result<Box<dyn Write + Send>> {
    match path {
        Some(path) if path != Path::new("-") => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let file = file.map_err(|error| Error::system(format_args!("cannot open {}", path.display()), &error))?;
            Ok(Box::new(file))
        }
        _ => Ok(Box::new(io::stdout())),
    }
}

/// The result of a write: that the reader has gone away, as `head` does, ends it quietly.
pub fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::system("cannot write the output", &error)),
        Ok(()) => Ok(()),
    }
}
