//! What a configuration needs of the sandbox.

use std::path::{Path, PathBuf};

use crate::config::Listen;
use crate::config::{Configuration, OutputPlace};
use crate::deliver::Target;
use crate::netns::{DIRECTORY, Wanted};
use crate::sandbox::Needs;

/// Variables by which certificates of authorities are named (OpenSSL has them, and rustls after it).
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What is needed for a configuration in that file, in these namespaces. `output` is what the command line says in its place.
pub fn of(path: &Path, configuration: &Configuration, namespaces: &Wanted, output: Option<&Path>) -> Needs {
    let Configuration { watch, files, .. } = configuration;
    let mut read: Vec<PathBuf> = files.iter().map(|file| folder(file)).collect();
    read.push(folder(path));
    read.extend(std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from));
    read.extend(CERTIFICATES.into_iter().filter_map(std::env::var_os).map(PathBuf::from));
    // Sockets of the journal and of syslog are no files that are opened.
    let files = configuration.outputs.iter().filter_map(|output| match &output.place {
        OutputPlace::File(path) => Some(path.as_path()),
        OutputPlace::Stdout | OutputPlace::Journal(_) | OutputPlace::Syslog(..) | OutputPlace::None => None,
    });
    let outputs = output.map_or_else(|| files.collect(), |output| vec![output]);
    let is_file = |path: &&Path| !["-", "/dev/null"].iter().any(|other| path.as_os_str() == *other);
    let outputs = outputs.into_iter().filter(is_file);
    match namespaces {
        Wanted::Own => {}
        Wanted::Named(names) => read.extend(names.iter().map(|name| folder(name.path()))),
        Wanted::All(others) => {
            // One that is not there yet is waited for in the one above it.
            let directories = others.iter().map(PathBuf::as_path).chain([Path::new(DIRECTORY)]);
            read.extend(directories.map(|path| if path.exists() { path.to_owned() } else { folder(path) }));
        }
    }
    let served = served(configuration);
    let mut write: Vec<PathBuf> = outputs.map(folder).chain(watch.state_dir.clone()).chain(served).collect();
    for paths in [&mut read, &mut write] {
        paths.sort();
        paths.dedup();
    }
    let runs_commands = configuration.webhooks.iter().any(|webhook| matches!(webhook.target, Target::Command(_)));
    Needs { read, write, enters_namespaces: *namespaces != Wanted::Own, runs_commands }
}

/// The directory in which it listens, where that is at a socket of a path.
pub fn served(configuration: &Configuration) -> Option<PathBuf> {
    match configuration.http.as_ref().map(|http| &http.listen) {
        Some(Listen::Path(path)) => Some(folder(path)),
        Some(Listen::Address(_)) | None => None,
    }
}

/// The directory in which a file is looked up, also once it was replaced.
fn folder(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().map_or_else(|| path.clone(), Path::to_owned)
}
