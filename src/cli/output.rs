//! Where a command writes its lines.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::error::{Error, Result};

/// The file, opened at its end, or stdout where none is named or it is `-`.
pub fn descriptor(path: Option<&Path>) -> Result<OwnedFd> {
    match path {
        Some(path) if path != Path::new("-") => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            Ok(file.map_err(|error| Error::system(format_args!("cannot open {}", path.display()), &error))?.into())
        }
        _ => std::io::stdout().as_fd().try_clone_to_owned().map_err(|error| Error::system("cannot use stdout", &error)),
    }
}

/// The same for a command that ends by itself and writes many lines at once.
pub fn open(path: Option<&Path>) -> Result<Box<dyn Write + Send>> {
    Ok(Box::new(File::from(descriptor(path)?)))
}
