//! Network namespaces: their names, entering them, and finding those that come and go.
//!
//! A name is a file in /run/netns over which the namespace is mounted, as `ip netns add` makes it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify;
use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, Result};

/// Where names are.
pub const DIRECTORY: &str = "/run/netns";
/// The same directory by its older name.
const OLD_DIRECTORY: &str = "/var/run/netns";
/// The namespace of the calling thread.
const OWN: &str = "/proc/thread-self/ns/net";
/// A new name's file is there a moment before its namespace: it is looked at again for so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shortest and the longest pause before it is looked at again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// `PROC_SUPER_MAGIC`: a directory of /proc does not tell when its files come and go.
const PROC_MAGIC: u64 = 0x9fa0;

/// Which namespaces are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// linkhook's own.
    #[default]
    Own,
    /// These.
    Named(Vec<Name>),
    /// linkhook's own and all that have a name in [`DIRECTORY`] or in one of these.
    All(Vec<PathBuf>),
}

impl Wanted {
    /// Whether a namespace of that label would be watched; linkhook's own has none.
    pub fn includes(&self, label: &str) -> bool {
        match self {
            Wanted::Own => label.is_empty(),
            Wanted::Named(names) => names.iter().any(|name| name.label == label),
            Wanted::All(_) => true,
        }
    }

    /// Whether a namespace for which that holds may be watched; `None` is linkhook's own.
    pub fn may_have(&self, accepted: impl Fn(Option<&str>) -> bool) -> bool {
        match self {
            Wanted::Own => accepted(None),
            // A name may lead to linkhook's own.
            Wanted::Named(names) => accepted(None) || names.iter().any(|name| accepted(Some(&name.label))),
            // Whatever comes later.
            Wanted::All(_) => true,
        }
    }
}

/// How a namespace is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name in the line: that of its file in [`DIRECTORY`], else its path.
    pub label: String,
    path: PathBuf,
}

/// Which namespace it is: the device and the number of its file. No other namespace has them while anything of this one
/// is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceIdentity {
    device: u64,
    number: u64,
}

impl NamespaceIdentity {
    fn new(found: &Stat) -> NamespaceIdentity {
        NamespaceIdentity { device: found.st_dev, number: found.st_ino }
    }
}

/// Why a name does not lead to a namespace.
#[derive(Debug)]
pub enum NotNamespace {
    /// There is no such file.
    Missing,
    /// The file is none of a namespace, or not yet.
    NoNamespace,
    /// The operating system's answer.
    System(Errno),
}

impl Name {
    /// Reads NAME, a file in /run/netns, or PATH, which has a slash.
    pub fn new(argument: &str) -> Result<Name> {
        if argument.contains('/') {
            let path = Path::new(argument);
            let listed = [DIRECTORY, OLD_DIRECTORY].iter().any(|directory| path.parent() == Some(Path::new(directory)));
            let name = path.file_name().and_then(OsStr::to_str).filter(|_| listed);
            return Ok(Name { label: name.unwrap_or(argument).to_string(), path: path.into() });
        }
        if matches!(argument, "" | "." | "..") {
            return Err(Error::usage(format_args!("'{argument}' is no name of a network namespace")));
        }
        Ok(Name { label: argument.into(), path: Path::new(DIRECTORY).join(argument) })
    }

    /// What lines call it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it, without entering it.
    pub fn open(&self) -> std::result::Result<Netns, NotNamespace> {
        let own = own_identity().map_err(NotNamespace::System)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let descriptor = rustix::fs::open(&self.path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => NotNamespace::Missing,
            // The file under a namespace's mount has no permissions at all: seen before the mount is there.
            Errno::ACCESS if self.identity(own.device).is_none() && self.is_listed() => NotNamespace::NoNamespace,
            error => NotNamespace::System(error),
        })?;
        let identity = NamespaceIdentity::new(&rustix::fs::fstat(&descriptor).map_err(NotNamespace::System)?);
        if identity.device != own.device {
            return Err(NotNamespace::NoNamespace);
        }
        if identity == own {
            return Ok(Netns::own());
        }
        Ok(Netns { label: Some(self.label.clone()), identity, descriptor: Some(descriptor) })
    }

    /// Opens it, and says what is to be done where that fails.
    pub fn open_or_explain(&self) -> Result<Netns> {
        self.open().map_err(|failure| match failure {
            NotNamespace::Missing if self.is_listed() => {
                let names: Vec<String> = names(&[]).into_iter().map(|name| name.label).collect();
                let known = if names.is_empty() { "there are none".into() } else { names.join(", ") };
                let label = &self.label;
                Error::usage(format_args!(
                    "there is no network namespace '{label}' in {DIRECTORY} ({known}); 'ip netns add {label}' makes it"
                ))
            }
            NotNamespace::Missing => {
                Error::usage(format_args!("there is no network namespace {}: no such file", self.path.display()))
            }
            NotNamespace::NoNamespace => Error::usage(format_args!("{} is no network namespace", self.path.display())),
            NotNamespace::System(error) => cannot("open", &self.label, error),
        })
    }

    fn is_listed(&self) -> bool {
        self.path.parent() == Some(Path::new(DIRECTORY))
    }

    /// Which namespace the name leads to now; `device` is that of all namespaces.
    fn identity(&self, device: u64) -> Option<NamespaceIdentity> {
        let identity = NamespaceIdentity::new(&rustix::fs::stat(&self.path).ok()?);
        (identity.device == device).then_some(identity)
    }

    /// Whether its directory tells when it goes.
    fn is_told(&self) -> bool {
        let found = rustix::fs::statfs(directory_of(&self.path));
        found.is_ok_and(|found| found.f_type as u64 != PROC_MAGIC)
    }
}

/// "cannot enter the network namespace 'blue': Operation not permitted; …"
pub fn cannot(doing: &str, label: &str, error: Errno) -> Error {
    let mend = match error {
        Errno::PERM | Errno::ACCESS => "; run as root, or with CAP_SYS_ADMIN",
        _ => "",
    };
    let error = std::io::Error::from(error);
    Error::failed(format_args!("cannot {doing} the network namespace '{label}': {error}{mend}"))
}

/// The names in /run/netns, in their order, whether there is a namespace behind them or not; then those in other directories,
/// where the name is the whole path.
fn names(others: &[PathBuf]) -> Vec<Name> {
    let in_directory = |directory: &Path| {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let label = |name: &OsStr| name.to_string_lossy().into_owned();
    let own = in_directory(Path::new(DIRECTORY)).into_iter();
    let own = own.filter_map(|path| Some(Name { label: label(path.file_name()?), path }));
    let others = others.iter().filter(|directory| directory.as_path() != Path::new(DIRECTORY));
    let others = others.flat_map(|directory| in_directory(directory));
    own.chain(others.map(|path| Name { label: label(path.as_os_str()), path })).collect()
}

fn own_identity() -> rustix::io::Result<NamespaceIdentity> {
    rustix::fs::stat(OWN).map(|found| NamespaceIdentity::new(&found))
}

/// A namespace that is held open.
#[derive(Debug)]
pub struct Netns {
    label: Option<String>,
    identity: NamespaceIdentity,
    /// `None` of linkhook's own: nobody needs a permission to stay.
    descriptor: Option<OwnedFd>,
}

impl Netns {
    /// linkhook's own.
    pub fn own() -> Netns {
        // Without /proc there are no others either that it could be told from.
        Netns { label: None, identity: own_identity().unwrap_or_default(), descriptor: None }
    }

    /// Its name, unless it is linkhook's own.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Which one it is.
    pub fn identity(&self) -> NamespaceIdentity {
        self.identity
    }

    /// The same one, held once more.
    pub fn again(&self) -> Result<Netns> {
        let descriptor = self.descriptor.as_ref().map(OwnedFd::try_clone).transpose();
        let label = self.label.clone();
        let cannot = |error| Error::system(format_args!("cannot hold the network namespace {label:?}"), &error);
        Ok(Netns { descriptor: descriptor.map_err(cannot)?, label: label.clone(), identity: self.identity })
    }

    /// Holds it by itself, and not by its name's mount, which nobody could undo else.
    pub fn let_go_of_name(&mut self) -> Result<()> {
        if self.descriptor.is_some() {
            let label = self.label.clone().unwrap_or_default();
            let opened = self.inside(|| {
                let opened = rustix::fs::open(OWN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
                opened.map_err(|error| cannot("open", &label, error))
            });
            self.descriptor = Some(opened?);
        }
        Ok(())
    }

    /// Lets go of it; it cannot be entered any more.
    pub fn release(&mut self) {
        self.descriptor = None;
    }

    /// Whether it can be entered; if not, the error says why.
    pub fn try_entering(&self) -> Result<()> {
        self.inside(|| Ok(()))
    }

    /// Does something in it, on this thread, which is back in its own namespace when this returns.
    pub fn inside<T>(&self, action: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(descriptor) = &self.descriptor else { return action() };
        let label = self.label.as_deref().unwrap_or_default();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let home = rustix::fs::open(OWN, flags, Mode::empty()).map_err(|error| cannot("leave for", label, error))?;
        move_into_link_name_space(descriptor.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| {
            match error {
                // A namespace of another type.
                Errno::INVAL => Error::usage(format_args!("'{label}' is no network namespace")),
                error => cannot("enter", label, error),
            }
        })?;
        let _back = Back { home };
        action()
    }
}

/// Leads the thread back.
struct Back {
    home: OwnedFd,
}

impl Drop for Back {
    fn drop(&mut self) {
        if let Err(error) = move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network)) {
            // In the wrong namespace everything that it tells would be wrong.
            log::error!("cannot return to the own network namespace: {}", std::io::Error::from(error));
            std::process::exit(1);
        }
    }
}

/// All that are wanted and there, each once. A name that is wrong is an error; of all that are there, one that cannot be
/// opened is left out, which is said.
pub fn open_all(wanted: &Wanted) -> Result<Vec<Netns>> {
    let mut found: Vec<Netns> = Vec::new();
    let mut add = |netns: Netns| {
        if found.iter().all(|known| known.identity != netns.identity) {
            found.push(netns);
        }
    };
    match wanted {
        Wanted::Own => add(Netns::own()),
        Wanted::Named(names) => {
            raise_descriptor_limit();
            for name in names {
                add(name.open_or_explain()?);
            }
        }
        Wanted::All(others) => {
            raise_descriptor_limit();
            add(Netns::own());
            for name in names(others) {
                match name.open() {
                    Ok(netns) => add(netns),
                    // On its way, or on its way out.
                    Err(NotNamespace::Missing | NotNamespace::NoNamespace) => {}
                    Err(NotNamespace::System(error)) => {
                        log::warn!("{}; it is left out", cannot("open", &name.label, error));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Each namespace takes four descriptors; the soft limit is often 1024.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::debug!("cannot raise the limit of open files: {}", std::io::Error::from(error));
    }
}

/// Finds namespaces that come and go: the kernel tells of their files by inotify.
#[derive(Debug)]
pub struct Discovery {
    wanted: Wanted,
    /// Names whose directory does not tell when they go: what they led to at the start is watched to the end.
    lasting: Vec<String>,
    /// The device of all namespaces.
    device: u64,
    notices: OwnedFd,
    /// Directories that tell, and the number by which each is known.
    watched: Vec<(PathBuf, i32)>,
    /// Names without a namespace behind them, and since when.
    empty: HashMap<PathBuf, Instant>,
    scan_at: Option<Instant>,
}

impl Discovery {
    /// Begins to listen. `None` where only linkhook's own namespace is wanted.
    pub fn new(wanted: &Wanted) -> Result<Option<Discovery>> {
        let failed = |error: Errno| Error::system("cannot follow network namespaces", &error.into());
        let lasting = match wanted {
            Wanted::Own => return Ok(None),
            Wanted::All(_) => Vec::new(),
            Wanted::Named(names) => {
                names.iter().filter(|name| !name.is_told()).map(|name| name.label.clone()).collect()
            }
        };
        let notices = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).map_err(failed)?;
        let device = own_identity().map_err(failed)?.device;
        let mut discovery = Discovery {
            wanted: wanted.clone(),
            lasting,
            device,
            notices,
            watched: Vec::new(),
            empty: HashMap::new(),
            // What came between the opening and the listening is found by a first look.
            scan_at: Some(Instant::now()),
        };
        discovery.listen_to_all();
        Ok(Some(discovery))
    }

    /// What can be read when something has happened.
    pub fn descriptor(&self) -> RawFd {
        self.notices.as_raw_fd()
    }

    /// When to look, if nothing happens before.
    pub fn due(&self) -> Option<Instant> {
        self.scan_at
    }

    /// Whether a name leads for ever to what it led to at the start.
    pub fn is_lasting(&self, label: &str) -> bool {
        self.lasting.iter().any(|lasting| lasting == label)
    }

    /// Something has happened in a directory: what exactly does not matter, since all is looked at again.
    pub fn woken(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut notices = inotify::Reader::new(&self.notices, &mut buffer);
        let mut happened = false;
        loop {
            match notices.next() {
                Ok(notice) => {
                    happened = true;
                    if notice.events().contains(inotify::ReadFlags::IGNORED) {
                        let gone = notice.wd();
                        self.watched.retain(|(_, number)| *number != gone);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => {
                    log::warn!("cannot read what happens to namespaces: {}", std::io::Error::from(error));
                    break;
                }
            }
        }
        if happened {
            self.listen_to_all();
            self.scan_at = Some(Instant::now());
        }
    }

    fn listen_to_all(&mut self) {
        const TRIES_MAX: usize = 3;
        for _ in 0..TRIES_MAX {
            self.listen();
            // One may have come before the listening to what is above it.
            let listens = |directory: &PathBuf| self.watched.iter().any(|(path, _)| path == directory);
            if self.directories().iter().all(|directory| listens(directory) || !directory.is_dir()) {
                break;
            }
        }
    }

    /// Looks again, though nothing has happened.
    pub fn look(&mut self) {
        self.scan_at = Some(Instant::now());
    }

    /// Listens to each directory that matters; to the nearest one above it while it does not exist.
    fn listen(&mut self) {
        use inotify::WatchFlags as Flags;
        let flags =
            Flags::CREATE | Flags::DELETE | Flags::MOVED_FROM | Flags::MOVED_TO | Flags::DELETE_SELF | Flags::ONLYDIR;
        let mut watched: Vec<(PathBuf, i32)> = Vec::new();
        for directory in self.directories() {
            for ancestor in directory.ancestors() {
                let ancestor = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
                let known = self.watched.iter().chain(&watched).find(|(path, _)| path == ancestor).cloned();
                let found = match known {
                    Some(known) => Ok(known),
                    None => inotify::add_watch(&self.notices, ancestor, flags)
                        .map(|number| (ancestor.to_path_buf(), number)),
                };
                match found {
                    Ok(found) => {
                        watched.push(found);
                        break;
                    }
                    Err(Errno::NOENT) => {}
                    Err(error) => {
                        let error = std::io::Error::from(error);
                        log::warn!("what comes and goes in {} is not noticed: {error}", ancestor.display());
                        break;
                    }
                }
            }
        }
        for (_, number) in &self.watched {
            if watched.iter().all(|(_, kept)| kept != number) {
                // It is told by IGNORED, which finds nothing to forget.
                let _ = inotify::remove_watch(&self.notices, *number);
            }
        }
        self.watched = watched;
    }

    fn directories(&self) -> Vec<PathBuf> {
        let mut directories: Vec<PathBuf> = match &self.wanted {
            Wanted::Own => Vec::new(),
            Wanted::All(others) => others.iter().cloned().chain([DIRECTORY.into()]).collect(),
            Wanted::Named(names) => names
                .iter()
                .filter(|name| !self.is_lasting(&name.label))
                .map(|name| directory_of(&name.path).to_path_buf())
                .collect(),
        };
        directories.sort();
        directories.dedup();
        directories
    }

    /// Looks at what is there now, if something has happened: each name and its namespace.
    pub fn scan(&mut self, now: Instant) -> Option<Vec<(Name, NamespaceIdentity)>> {
        if self.scan_at.is_none_or(|at| at > now) {
            return None;
        }
        let names = match &self.wanted {
            Wanted::Own => Vec::new(),
            Wanted::All(others) => names(others),
            Wanted::Named(names) => names.iter().filter(|name| !self.is_lasting(&name.label)).cloned().collect(),
        };
        let mut found = Vec::new();
        let mut empty = HashMap::new();
        for name in names {
            if let Some(identity) = name.identity(self.device) {
                found.push((name, identity));
            } else if std::fs::symlink_metadata(&name.path).is_ok() {
                let since = self.empty.get(&name.path).copied().unwrap_or(now);
                empty.insert(name.path, since);
            }
        }
        // The kernel does not tell of a mount.
        let ages = empty.values().map(|&since| now.saturating_duration_since(since));
        let youngest = ages.filter(|&age| age < PATIENCE).min();
        self.scan_at = youngest.map(|age| now + (age / 2).clamp(PAUSE.0, PAUSE.1));
        self.empty = empty;
        Some(found)
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_and_a_path_a_path() {
        for (argument, label, path) in [
            ("blue", "blue", "/run/netns/blue"),
            ("/run/netns/blue", "blue", "/run/netns/blue"),
            ("/var/run/netns/blue", "blue", "/var/run/netns/blue"),
            ("/proc/7/ns/net", "/proc/7/ns/net", "/proc/7/ns/net"),
            ("./blue", "./blue", "./blue"),
        ] {
            assert_eq!(Name::new(argument).unwrap(), Name { label: label.into(), path: path.into() });
        }
        for wrong in ["", ".", ".."] {
            assert_eq!(Name::new(wrong).unwrap_err().status(), 2, "{wrong}");
        }
    }

    #[test]
    fn the_own_one_is_known_by_any_name_and_needs_no_permission() {
        let own = Name::new("/proc/self/ns/net").unwrap().open().unwrap();
        assert_eq!((own.label(), own.identity()), (None, Netns::own().identity()));
        assert!(own.inside(|| Ok(())).is_ok());
    }

    #[test]
    fn what_is_no_namespace_is_wrong_usage() {
        for wrong in ["/etc/passwd", "/nowhere/at/all", "no-such-namespace"] {
            let error = Name::new(wrong).unwrap().open_or_explain().unwrap_err();
            assert_eq!(error.status(), 2, "{error}");
        }
        let other = Name::new("/proc/self/ns/uts").unwrap().open_or_explain().unwrap();
        // Refused by the kernel: as of another type, or for lack of permission, which it checks first.
        assert!(other.inside(|| Ok(())).is_err());
    }
}
