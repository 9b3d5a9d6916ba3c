//! Where a command that ends by itself writes its lines.

use std::fs::OpenOptions;
use std::io::{self, Write};
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
