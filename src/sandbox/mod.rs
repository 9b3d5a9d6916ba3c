//! What linkhook gives up once it knows what it needs: files by Landlock, system calls by seccomp, capabilities. It is entered
//! before any thread is started, since each thread inherits it.

mod calls;
mod files;
pub mod probe;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::threads;

/// `[security] sandbox`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sandbox {
    /// What the kernel has of it.
    #[default]
    Auto,
    /// All of it, or linkhook does not start.
    Required,
    /// None.
    Off,
}

/// What is needed once the sandbox is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files and directories that are read, beside those of [`SYSTEM`].
    pub read: Vec<PathBuf>,
    /// Directories in which files are made, written, renamed and removed.
    pub write: Vec<PathBuf>,
    /// Whether other network namespaces are entered.
    pub enters_namespaces: bool,
    /// Whether commands are run: what they need is not known.
    pub runs_commands: bool,
}

/// What every linkhook may read: names and certificates are looked up there. What of it is not there is left out.
pub const SYSTEM: &[&str] = &[
    "/etc",
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    // Where /etc/resolv.conf points to.
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    // Certificates, where /etc/ssl points to on SUSE.
    "/var/lib/ca-certificates",
];

impl Needs {
    /// What of it was not opened, in words; `None` where all was.
    pub fn beyond(&self, opened: &Needs) -> Option<String> {
        if self.runs_commands && !opened.runs_commands {
            return Some("[[exec]] runs commands, which it may not".into());
        }
        let is_below = |path: &Path, opened: &[PathBuf]| {
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            opened.iter().any(|opened| path.starts_with(opened.canonicalize().unwrap_or_else(|_| opened.clone())))
        };
        let system: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        let unread = self
            .read
            .iter()
            .find(|path| !is_below(path, &opened.read) && !is_below(path, &opened.write) && !is_below(path, &system));
        let closed = unread.or(self.write.iter().find(|path| !is_below(path, &opened.write)));
        closed.map(|path| format!("{} is not open to it", path.display()))
    }
}

/// Why it is not required beside commands.
pub const NOT_WITH_COMMANDS: &str = "true does not go together with [[exec]], whose commands would be in the sandbox, too; write \
                                     \"auto\", or let a webhook's receiver run them";

/// Enters it. Whether it is enforced; where it is required, it is. No thread may have been started before.
pub fn enter(needs: &Needs, sandbox: Sandbox) -> Result<bool> {
    if sandbox == Sandbox::Off {
        return Ok(false);
    }
    if needs.runs_commands {
        // They would inherit it, and could do nothing that they are for.
        if sandbox == Sandbox::Required {
            return Err(Error::usage(format_args!("[security] sandbox: {NOT_WITH_COMMANDS}")));
        }
        log::info!("no sandbox: [[exec]] runs commands, which would be in it, too");
        return Ok(false);
    }
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| Error::system("cannot give up privileges", &error.into()))?;
    let parts = [("files (Landlock)", files::restrict(needs)), ("system calls (seccomp)", calls::restrict(needs))];
    for (what, restricted) in parts {
        if let Err(why) = restricted {
            if sandbox == Sandbox::Required {
                return Err(Error::failed(format_args!(
                    "the sandbox cannot be had here: {what}: {why}; write sandbox = \"auto\" in [security] to do with what \
                     there is"
                )));
            }
            log::info!("the sandbox leaves out {what}: {why}");
        }
    }
    // The kernel's buffers are made larger, and namespaces entered, by the loop alone.
    threads::confine();
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let [state, other] = ["state", "other"].map(|name| folder.path().join(name));
        std::fs::create_dir(&state).unwrap();
        std::fs::create_dir(&other).unwrap();
        let opened = Needs { write: vec![state.clone()], ..Needs::default() };
        let read = |path: PathBuf| Needs { read: vec![path], ..Needs::default() }.beyond(&opened);
        assert_eq!(read(state.join("secret")), None);
        assert_eq!(read("/etc/linkhook/secret".into()), None);
        assert!(read(other.join("secret")).is_some_and(|why| why.contains("other/secret")));
        // A way around is none.
        assert!(read(state.join("../other")).is_some());
        std::os::unix::fs::symlink(&other, state.join("link")).unwrap();
        assert!(read(state.join("link")).is_some());
        assert!(Needs { write: vec!["/etc".into()], ..Needs::default() }.beyond(&opened).is_some());
    }
}
