//! Which linkhook is meant, by its state directory.

use std::path::{Path, PathBuf};

use crate::config;
use crate::error::{Error, Result};

/// What a service reads.
const CONFIGURATION: &str = "/etc/linkhook/linkhook.toml";

/// Which linkhook is meant.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Place {
    /// The state directory of the linkhook that is meant
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "config", value_parser = super::values::directory)]
    state_dir: Option<PathBuf>,
    /// The configuration that says it; /etc/linkhook/linkhook.toml where neither is named
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

impl Place {
    /// Whether it is said.
    pub fn is_named(&self) -> bool {
        self.state_dir.is_some() || self.config.is_some()
    }

    /// The state directory.
    pub fn find(&self) -> Result<PathBuf> {
        if let Some(directory) = &self.state_dir {
            return Ok(directory.clone());
        }
        let default = Path::new(CONFIGURATION);
        let path = self.config.as_deref().unwrap_or(default);
        if self.config.is_none() && !default.exists() {
            return Err(Error::usage(format_args!(
                "which linkhook is meant? {CONFIGURATION} is not there; name a state directory with --state-dir DIR, or the \
                 configuration that says it with --config FILE"
            )));
        }
        config::state_directory(path)?.ok_or_else(|| {
            Error::usage(format_args!(
                "{}: it names no state_dir in [watch]: what waits is in the memory of the running linkhook alone, nothing is \
                 kept, and nobody can look into it",
                path.display()
            ))
        })
    }
}
