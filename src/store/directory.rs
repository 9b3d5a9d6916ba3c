//! The state directory: one linkhook's at a time, and its owner's alone.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FileType, FlockOperation, OFlags};

use super::folder::{FileIdentity, Folder};
use crate::error::{Error, Result};

/// The database's name.
pub const DATABASE: &str = "linkhook.db";
/// The database and what belongs to it.
pub const FILES: [&str; 3] = [DATABASE, "linkhook.db-wal", "linkhook.db-shm"];
/// A copy that is being made of it.
const COPY: &str = "linkhook.db.new";
/// How the names of databases begin that are set aside.
const ASIDE: &str = "linkhook.db.set-aside-";
const LOCK: &str = "lock";
const RESERVE: &str = "reserve";
/// The directory of all webhooks' dead letters.
pub const LETTERS: &str = "dead";
/// Given up when the disk is full, so that what was delivered can still be noted.
const RESERVE_BYTES: u64 = 4 << 20;

/// What the names lead to: the lock, and the database's files.
pub type Places = [Option<FileIdentity>; 4];

/// A state directory that is this process's alone.
#[derive(Debug)]
pub struct Directory {
    folder: Folder,
    // Held for as long as the process lives.
    _lock: File,
}

impl Directory {
    /// Makes the directory where there is none, and says what is wrong with one that is there.
    pub fn make(path: &Path) -> Result<()> {
        let failed = |error| Error::system(format_args!("cannot use the state directory {}", path.display()), &error);
        Folder::open(path).map(drop).map_err(failed)
    }

    /// Makes the directory where there is none (mode 0700), and takes it for this process alone. One that somebody else
    /// can write in is refused, and so is one with a symbolic link in the place of a file of linkhook's.
    pub fn open(path: &Path) -> Result<Directory> {
        let failed = |error| Error::system(format_args!("cannot use the state directory {}", path.display()), &error);
        let folder = Folder::open(path).map_err(failed)?;
        FILES.iter().chain([&RESERVE, &COPY]).try_for_each(|name| folder.refuse_link(name)).map_err(failed)?;
        let letters = folder.folder(LETTERS).map_err(failed)?;
        let names = letters.names().map_err(failed)?;
        names.iter().try_for_each(|name| letters.refuse_link(name)).map_err(failed)?;
        let lock = folder.file(LOCK, OFlags::WRONLY | OFlags::CREATE).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let directory = Directory { folder, _lock: lock };
                // Of a copy that a crash broke off.
                directory.drop_copy();
                Ok(directory)
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::failed(format_args!(
                "another linkhook uses the state directory {}; stop it, or set another state_dir",
                path.display()
            ))),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Whether there were events here before, whatever the database says: dead letters, or a database that was set aside.
    pub fn has_past(&self) -> io::Result<bool> {
        let is_aside = |name: &String| name.starts_with(ASIDE);
        Ok(!self.folder.folder(LETTERS)?.names()?.is_empty() || self.folder.names()?.iter().any(is_aside))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The database's path, for people.
    pub fn database(&self) -> PathBuf {
        self.path().join(DATABASE)
    }

    /// The database's path without a symbolic link, for SQLite, which then follows none. An error where the path does not
    /// lead to this directory any more.
    pub fn real_database(&self) -> io::Result<PathBuf> {
        Ok(self.folder.real_path()?.join(DATABASE))
    }

    /// Sees to a file of the database's: it is its owner's alone, and is made where it is wanted and not there. `false`
    /// when there is something else in its place; a symbolic link is an error.
    pub fn prepare(&self, name: &str, wanted: bool) -> io::Result<bool> {
        self.folder.refuse_link(name)?;
        match self.folder.look(name)? {
            // Closed at once: later that would take away the locks of whoever has it open in this process.
            None if wanted => self.folder.file(name, OFlags::WRONLY | OFlags::CREATE).map(|_| true),
            None => Ok(true),
            Some((FileType::RegularFile, _)) => self.folder.protect(name).map(|()| true),
            Some(_) => Ok(false),
        }
    }

    /// What the names lead to now; `None` when the path does not lead here any more.
    pub fn places(&self) -> Option<Places> {
        let [database, log, index] = FILES;
        let place = |name| self.folder.look(name).ok().flatten().map(|(_, identity)| identity);
        self.folder.is_in_place().then(|| [LOCK, database, log, index].map(place))
    }

    /// Keeps some room for when the disk is full; where there is none, there is no reserve.
    pub fn keep_reserve(&self) {
        let kept = self.folder.file(RESERVE, OFlags::WRONLY | OFlags::CREATE).and_then(|file| {
            if file.metadata()?.len() == RESERVE_BYTES {
                return Ok(());
            }
            Ok(rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES)?)
        });
        if let Err(error) = kept {
            log::debug!("there is no room for a reserve in the state directory: {error}");
            self.give_up_reserve();
        }
    }

    /// Gives that room up.
    pub fn give_up_reserve(&self) {
        let _ = self.folder.remove(RESERVE);
    }

    /// Moves the database out of the way, and gives back where it is now.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let now = jiff::Timestamp::now().as_millisecond();
        let aside = |name: &str| format!("{ASIDE}{now}{}", &name[DATABASE.len()..]);
        // The log belongs to it, and goes first: the database is not there without it.
        for name in FILES.iter().rev() {
            match self.folder.rename(name, &aside(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(self.path().join(aside(DATABASE)))
    }

    /// An empty file for a copy of the database, and its path for SQLite.
    pub fn begin_copy(&self) -> io::Result<PathBuf> {
        self.folder.remove(COPY)?;
        self.folder.file(COPY, OFlags::WRONLY | OFlags::CREATE)?;
        Ok(self.folder.real_path()?.join(COPY))
    }

    /// Nothing is where the copy is to stand: what belongs to the database that is `own` is removed, what is another's is
    /// set aside. Gives back where that is.
    pub fn clear_place(&self, own: bool) -> io::Result<Option<PathBuf>> {
        let [database, log, index] = FILES;
        if own {
            self.folder.remove(log)?;
            self.folder.remove(index)?;
            return Ok(None);
        }
        let found = [database, log, index].iter().any(|name| self.folder.look(name).is_ok_and(|found| found.is_some()));
        if found { self.set_aside().map(Some) } else { Ok(None) }
    }

    /// The copy is whole: it takes the database's place.
    pub fn end_copy(&self) -> io::Result<()> {
        self.folder.file(COPY, OFlags::RDWR)?.sync_all()?;
        self.folder.rename(COPY, DATABASE)?;
        self.folder.sync()
    }

    /// No copy is made.
    pub fn drop_copy(&self) {
        let _ = self.folder.remove(COPY);
    }
}
