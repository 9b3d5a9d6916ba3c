//! The side of `linkhook spool`.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{ANSWER_BYTES_MAX, Answer, Request, SOCKET};
use crate::error::{Error, Result};

/// After that time it is said that it is waited for.
const SAID_AFTER: Duration = Duration::from_secs(2);
/// After that time it is not any more: an attempt, and a disk, may take long.
const PATIENCE: Duration = Duration::from_secs(600);

/// Asks the linkhook that runs with a state directory; `None` where none does. What it refuses is an error.
pub fn ask(state_directory: &Path, request: &Request) -> Result<Option<Answer>> {
    let path = state_directory.join(SOCKET);
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Error::failed(format_args!(
                "cannot ask the running linkhook at {}: permission denied; run this as linkhook's own user, or as root",
                path.display()
            )));
        }
        Err(error) => return Err(Error::system(format_args!("cannot ask {}", path.display()), &error)),
    };
    let failed =
        |error| Error::system(format_args!("the running linkhook at {} does not answer", path.display()), &error);
    let mut line = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).and_then(|()| stream.set_read_timeout(Some(SAID_AFTER))).map_err(failed)?;
    let (began, mut said) = (Instant::now(), false);
    let mut reader = BufReader::new(stream.take(ANSWER_BYTES_MAX));
    line.clear();
    loop {
        match reader.read_until(b'\n', &mut line) {
            Ok(_) => break,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if began.elapsed() > PATIENCE {
                    return Err(Error::failed(
                        "the running linkhook does not answer; what was asked may still be done",
                    ));
                }
                if !std::mem::replace(&mut said, true) {
                    log::warn!("linkhook is at work on it; an attempt that is being made may have to end first");
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if line.is_empty() {
        return Err(Error::failed(
            "linkhook ended before it answered; what was asked may be done in part, look with status",
        ));
    }
    match serde_json::from_slice(&line) {
        Ok(Answer::Refused(why)) => Err(Error::failed(why)),
        Ok(answer) => Ok(Some(answer)),
        Err(error) => Err(Error::failed(format_args!("the running linkhook's answer is not understood: {error}"))),
    }
}
