//! The one error type: what went wrong, in words for the user, and the exit status that follows.

use std::fmt;

/// What ended linkhook, or one of its commands.
#[derive(Debug)]
pub struct Error {
    status: u8,
    message: String,
}

/// A result with linkhook's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Something failed: exit status 1.
    pub fn failed(message: impl fmt::Display) -> Error {
        Error { status: 1, message: message.to_string() }
    }

    /// What the user asked for is wrong: exit status 2.
    pub fn usage(message: impl fmt::Display) -> Error {
        Error { status: 2, message: message.to_string() }
    }

    /// What was waited for did not come in time: exit status 124, as `timeout` has it.
    pub fn timed_out(message: impl fmt::Display) -> Error {
        Error { status: 124, message: message.to_string() }
    }

    /// An operating system's error, with what was being done: "cannot open /x: permission denied".
    pub fn system(doing: impl fmt::Display, error: &std::io::Error) -> Error {
        Error::failed(format_args!("{doing}: {error}"))
    }

    /// The exit status: 2 for wrong usage or configuration, 124 for what did not come in time, else 1.
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
