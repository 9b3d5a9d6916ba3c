//! What listens: an address, or a socket in the file system.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};

use super::connection::Stream;
use crate::config::Listen;
use crate::error::{Error, Result};

/// Who may connect to a socket in the file system: its user and group. The directory's rights count, too.
const SOCKET_MODE: u32 = 0o660;

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

impl Listener {
    /// Begins to listen.
    pub fn bind(listen: &Listen) -> Result<Listener> {
        let bound = match listen {
            Listen::Address(address) => TcpListener::bind(*address).map(Listener::Tcp),
            Listen::Path(path) => bind(path),
        };
        let listener = bound.map_err(|error| {
            Error::failed(format_args!("cannot listen at {listen}, as [http] listen says: {error}"))
        })?;
        match &listener {
            Listener::Tcp(listener) => match listener.local_addr() {
                Ok(address) => log::info!("http: listening at http://{address}/"),
                Err(error) => log::debug!("http: the address is not known: {error}"),
            },
            Listener::Unix(_, file) => log::info!("http: listening at {}", file.path.display()),
        }
        Ok(listener)
    }

    /// The next connection; `WouldBlock` where there is none.
    pub fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            Listener::Unix(listener, _) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }

    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().register(registry, token, Interest::READABLE)
    }

    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Listener::Tcp(listener) => listener,
            Listener::Unix(listener, _) => listener,
        }
    }
}

fn bind(path: &Path) -> io::Result<Listener> {
    let (listener, file) = bind_path(path, SOCKET_MODE)?;
    listener.set_nonblocking(true)?;
    Ok(Listener::Unix(UnixListener::from_std(listener), file))
}

/// A socket's name in the file system, which goes with it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode: another linkhook may have put its own there.
    identity: (u64, u64),
}

impl SocketFile {
    /// Whether its name still leads to it.
    pub fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_in_place() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Listens at a name, which gets that mode. What is left there of a linkhook that has ended is replaced, and nothing else.
pub fn bind_path(path: &Path, mode: u32) -> io::Result<(std::os::unix::net::UnixListener, SocketFile)> {
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there, and is no socket"));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there"));
        }
        _ => {}
    }
    // Under a name of its own until it has its rights: nobody connects before.
    let mut unready = path.as_os_str().to_owned();
    unready.push(format!(".{}", std::process::id()));
    let unready = PathBuf::from(unready);
    let _ = std::fs::remove_file(&unready);
    let bound = std::os::unix::net::UnixListener::bind(&unready).and_then(|listener| {
        std::fs::set_permissions(&unready, std::fs::Permissions::from_mode(mode))?;
        let identity = identity(&unready)?;
        std::fs::rename(&unready, path)?;
        Ok((listener, SocketFile { path: path.to_owned(), identity }))
    });
    if bound.is_err() {
        let _ = std::fs::remove_file(&unready);
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_left_is_replaced_and_nothing_else() {
        let directory = std::env::temp_dir().join(format!("linkhook-listener-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("http");
        std::fs::write(&path, "mine").unwrap();
        assert!(bind_path(&path, SOCKET_MODE).unwrap_err().to_string().contains("no socket"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        std::fs::remove_file(&path).unwrap();
        // As a linkhook leaves it that was killed.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (listener, file) = bind_path(&path, SOCKET_MODE).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, SOCKET_MODE);
        assert!(bind_path(&path, SOCKET_MODE).unwrap_err().to_string().contains("somebody listens"));
        drop((listener, file));
        assert!(!path.exists() && std::fs::read_dir(&directory).unwrap().next().is_none());
        // Another one's is not taken away.
        let (_listener, file) = bind_path(&path, SOCKET_MODE).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
