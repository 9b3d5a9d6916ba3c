//! The command `linkhook`: arguments, run, exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    linkhook::cli::run()
}
