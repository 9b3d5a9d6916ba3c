//! Diagnostics on stderr: `linkhook: warning: …`.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

/// How much is said on stderr.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Say more on stderr: -v what is done, -vv every detail
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

struct Stderr;

impl Arguments {
    /// From here on the `log` macros write to stderr.
    pub fn start(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (_, 0) => LevelFilter::Warn,
            (_, 1) => LevelFilter::Info,
            (_, 2) => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        };
        log::set_max_level(level);
        let _ = log::set_logger(&Stderr);
    }

    /// The configuration's level, where the command line says none.
    pub fn configured(&self, level: Option<LevelFilter>) {
        if let Some(level) = level.filter(|_| !self.quiet && self.verbose == 0) {
            log::set_max_level(level);
        }
    }
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Other crates' details are of no use to linkhook's users; what this one says stands in the attempt's own line.
        let target = metadata.target();
        target.starts_with("linkhook")
            || (metadata.level() <= Level::Warn && !target.starts_with("rustls_platform_verifier"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Error => "",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug => "debug: ",
            Level::Trace => "trace: ",
        };
        // One write a line, so that lines of several threads do not mix; a closed stderr is no reason to stop.
        let _ = std::io::stderr().write_all(format!("linkhook: {level}{}\n", record.args()).as_bytes());
    }

    fn flush(&self) {}
}
