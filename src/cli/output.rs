//! Where a command writes its lines.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::error::{Error, Result};

/// The file, opened at its end, or stdout where none is named or it is `-`.
pub fn descriptor(path: Option<&Path>) -> Result<OwnedFd> {
    match path {
        Some(path) if path != Path::new("-") => {
            let file = OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| {
                if ends_torn(path)? {
                    file.write_all(b"\n")?;
                }
                Ok(file)
            });
            Ok(file.map_err(|error| Error::system(format_args!("cannot open {}", path.display()), &error))?.into())
        }
        _ => std::io::stdout().as_fd().try_clone_to_owned().map_err(|error| Error::system("cannot use stdout", &error)),
    }
}

/// Whether a file's last line was cut off, as by a crash: what follows must not be one with it.
fn ends_torn(path: &Path) -> io::Result<bool> {
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    // Who may write it need not be allowed to read it.
    let Ok(mut file) = File::open(path) else { return Ok(false) };
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != [b'\n'])
}

/// The same for a command that ends by itself and writes many lines at once.
pub fn open(path: Option<&Path>) -> Result<Box<dyn Write + Send>> {
    Ok(Box::new(File::from(descriptor(path)?)))
}
