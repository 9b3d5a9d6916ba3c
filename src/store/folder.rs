//! A directory that nobody else can write in, and its files, which are its owner's alone.
//!
//! Everything in it is opened by its descriptor, and no symbolic link in it is followed. It may be reached through one
//! itself, as systemd's `DynamicUser` has it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Of its files.
const FILE_MODE: u32 = 0o600;
/// Of a directory that is made here.
const DIRECTORY_MODE: u32 = 0o700;
/// The right to write of those who are not the owner.
const OTHERS_WRITE: u32 = 0o022;

/// What a name leads to, until it is removed: device and number.
pub type FileIdentity = (u64, u64);

/// A directory that is open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
}

impl Folder {
    /// Opens one, and makes it if it is not there, with those above it. One that belongs to somebody else is refused, and
    /// so is one in which others may write.
    pub fn open(path: &Path) -> io::Result<Folder> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Folder { path: path.to_owned(), descriptor: rustix::fs::open(path, flags, Mode::empty())? }.checked()
    }

    /// Opens one in it, and makes it if it is not there.
    pub fn folder(&self, name: &str) -> io::Result<Folder> {
        let made = match rustix::fs::mkdirat(&self.descriptor, name, Mode::from_raw_mode(DIRECTORY_MODE)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        if made {
            self.sync()?;
        }
        self.refuse(name, FileType::Directory)?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&self.descriptor, name, flags, Mode::empty())?;
        Folder { path: self.path.join(name), descriptor }.checked()
    }

    fn checked(self) -> io::Result<Folder> {
        let status = rustix::fs::fstat(&self.descriptor)?;
        let (owner, own) = (status.st_uid, rustix::process::geteuid().as_raw());
        if owner != own {
            return Err(io::Error::other(format!(
                "{} belongs to the user {owner}, and linkhook runs as {own}: give it to that user, or name another",
                self.path.display()
            )));
        }
        let mode = status.st_mode & 0o7777;
        if mode & OTHERS_WRITE != 0 {
            return Err(io::Error::other(format!(
                "others may write in {0} (mode {mode:o}): chmod go-w {0}",
                self.path.display()
            )));
        }
        Ok(self)
    }

    /// The path by which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path without a symbolic link.
    pub fn real_path(&self) -> io::Result<PathBuf> {
        let path = fs::canonicalize(&self.path)?;
        if identity(&fs::metadata(&path)?) == self.identity()? { Ok(path) } else { Err(self.gone()) }
    }

    /// Whether its path still leads to it.
    pub fn is_in_place(&self) -> bool {
        self.identity().is_ok_and(|own| fs::metadata(&self.path).is_ok_and(|found| identity(&found) == own))
    }

    fn gone(&self) -> io::Error {
        io::Error::other(format!("{} is not the directory any more that it was", self.path.display()))
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        let status = rustix::fs::fstat(&self.descriptor)?;
        Ok((status.st_dev, status.st_ino))
    }

    /// What a name in it leads to; a symbolic link is itself.
    pub fn look(&self, name: &str) -> io::Result<Option<(FileType, FileIdentity)>> {
        match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => {
                let kind = FileType::from_raw_mode(status.st_mode);
                Ok(Some((kind, (status.st_dev, status.st_ino))))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses what is there by that name and is something else.
    fn refuse(&self, name: &str, wanted: FileType) -> io::Result<()> {
        let found = self.look(name)?.map(|(kind, _)| kind);
        if found.is_none_or(|kind| kind == wanted) {
            return Ok(());
        }
        let path = self.path.join(name);
        Err(io::Error::other(match found {
            Some(FileType::Symlink) => {
                format!("{} is a symbolic link, which is not followed; remove it", path.display())
            }
            _ if wanted == FileType::Directory => format!("{} is no directory; move it away", path.display()),
            _ => format!("{} is no file; move it away", path.display()),
        }))
    }

    /// Refuses a symbolic link by that name.
    pub fn refuse_link(&self, name: &str) -> io::Result<()> {
        match self.look(name)? {
            Some((FileType::Symlink, _)) => self.refuse(name, FileType::RegularFile),
            _ => Ok(()),
        }
    }

    /// Opens a file in it, which others may not read from here on. What is no file is not opened, so that nothing waits
    /// for the other end of a pipe.
    pub fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        self.refuse(name, FileType::RegularFile)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.descriptor, name, flags, Mode::from_raw_mode(FILE_MODE))?;
        let status = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(io::Error::other(format!("{} is no file", self.path.join(name).display())));
        }
        if status.st_mode & 0o7777 != FILE_MODE {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(FILE_MODE))?;
        }
        Ok(file.into())
    }

    /// Others may not read a file in it from here on, which is not opened.
    pub fn protect(&self, name: &str) -> io::Result<()> {
        let status = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if status.st_mode & 0o7777 == FILE_MODE {
            return Ok(());
        }
        // Nobody else can put a link in its place meanwhile.
        Ok(rustix::fs::chmodat(&self.descriptor, name, Mode::from_raw_mode(FILE_MODE), AtFlags::empty())?)
    }

    /// Gives a file another name in it.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.descriptor, from, &self.descriptor, to)?)
    }

    /// Removes a file in it; whether there was one.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the names of its files lasting.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.descriptor)?)
    }

    /// The names in it.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = Dir::read_from(&self.descriptor)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.filter(|name: &io::Result<String>| !matches!(name.as_deref(), Ok("." | ".."))).collect()
    }
}

fn identity(metadata: &fs::Metadata) -> FileIdentity {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_directory_is_made_for_its_owner_alone_and_refused_where_others_may_write() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("a/b");
        let folder = Folder::open(&path).unwrap();
        assert_eq!((mode(&path), folder.is_in_place()), (0o700, true));
        for allowed in [0o755, 0o750, 0o500] {
            set_mode(&path, allowed);
            Folder::open(&path).unwrap();
        }
        for refused in [0o777, 0o1777, 0o770, 0o702] {
            set_mode(&path, refused);
            let error = Folder::open(&path).unwrap_err().to_string();
            assert!(error.contains("others may write in") && error.contains("chmod go-w"), "{error}");
        }
        set_mode(&path, 0o755);
        // Reached through a link, and replaced.
        let link = state.path().join("link");
        symlink(&path, &link).unwrap();
        let folder = Folder::open(&link).unwrap();
        assert_eq!(folder.real_path().unwrap(), fs::canonicalize(&path).unwrap());
        fs::rename(&path, state.path().join("a/c")).unwrap();
        assert!(!folder.is_in_place() && folder.real_path().is_err());
        fs::create_dir(&path).unwrap();
        assert!(!folder.is_in_place() && folder.real_path().is_err());
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        // Root's for whoever is not root; root gives one away.
        let state = tempfile::tempdir().unwrap();
        let path = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(state.path(), Some(4321), None).unwrap();
            state.path()
        } else {
            Path::new("/")
        };
        let error = Folder::open(path).unwrap_err().to_string();
        assert!(error.contains("belongs to the user"), "{error}");
    }

    #[test]
    fn no_link_is_followed_and_nothing_but_files_is_opened() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder::open(&state.path().join("state")).unwrap();
        let victim = state.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let create = OFlags::WRONLY | OFlags::CREATE;
        symlink(&victim, folder.path().join("link")).unwrap();
        symlink(state.path().join("nothing"), folder.path().join("dangling")).unwrap();
        for name in ["link", "dangling"] {
            let error = folder.file(name, create).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("is a symbolic link"), "{error}");
            assert!(folder.folder(name).is_err() && folder.refuse_link(name).is_err());
        }
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(!state.path().join("nothing").exists());
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        fs::create_dir(folder.path().join("directory")).unwrap();
        for name in ["fifo", "directory"] {
            assert!(folder.file(name, create).unwrap_err().to_string().contains("is no file"), "{name}");
            folder.refuse_link(name).unwrap();
        }
        assert!(folder.folder("fifo").unwrap_err().to_string().contains("is no directory"));
        // What others may read is made the owner's.
        fs::write(folder.path().join("open"), "").unwrap();
        set_mode(&folder.path().join("open"), 0o644);
        folder.file("open", OFlags::RDWR).unwrap();
        assert_eq!(mode(&folder.path().join("open")), 0o600);
        folder.file("new", create).unwrap();
        assert_eq!(mode(&folder.path().join("new")), 0o600);
        let mut names = folder.names().unwrap();
        names.sort();
        assert_eq!(names, ["dangling", "directory", "fifo", "link", "new", "open"]);
    }
}
