//! A file that lines are appended to: whole lines whatever happens, opened anew when it is asked for, and rotated by size.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Sink;
use crate::threads;

/// The rights of a file that is made here, at most.
const MODE: u32 = 0o640;
/// A rotation that fails is tried again after that time.
const ROTATION_PAUSE: Duration = Duration::from_secs(1);

/// When a file is put aside for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// It has so many bytes at most, one line beyond it apart.
    pub size_bytes: u64,
    /// So many old ones are kept: `FILE.1`, which is the youngest, `FILE.2` …
    pub keep: u32,
    /// Whether old ones are compressed: `FILE.1.gz`.
    pub gzip: bool,
}

/// Opens a file at its end; whether its last line is torn is given back, too.
fn open_at_end(path: &Path) -> io::Result<(File, bool)> {
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    Ok((file, ends_torn(path)?))
}

/// Keeps other linkhooks from writing to it: lines of two would be mixed, and both would rotate it. The lock lasts as long as
/// the file is open. What is no file on a disk may have many writers, and a file system without locks has none.
fn lock(file: &File) -> io::Result<()> {
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            Err(io::Error::other("another linkhook writes to it; give each one a file of its own"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Opens a file at its end; its last line is whole then.
pub fn open(path: &Path) -> io::Result<File> {
    let (mut file, torn) = open_at_end(path)?;
    lock(&file)?;
    if torn {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Whether a file's last line was cut off, as by a crash: what follows must not be one with it.
fn ends_torn(path: &Path) -> io::Result<bool> {
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    // Who may write it need not be allowed to read it.
    let Ok(mut file) = File::open(path) else { return Ok(false) };
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != [b'\n'])
}

/// A file by its name.
#[derive(Debug)]
pub struct Appender {
    path: PathBuf,
    file: File,
    /// Its length has a meaning.
    is_regular: bool,
    /// A part of a line stands at its end, and could not be taken back.
    torn: bool,
    rotation: Option<Rotation>,
    rotate_not_before: Option<Instant>,
    /// Compresses old files, beside whoever writes. Nobody waits for it: what an end leaves undone is done the next time.
    compressing: Option<JoinHandle<()>>,
}

impl Appender {
    /// Opens it. A pipe is no file to append to: its descriptor is given back.
    pub fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<std::result::Result<Appender, File>> {
        let (file, torn) = open_at_end(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_fifo() || kind.is_socket() {
            return Ok(Err(file));
        }
        lock(&file)?;
        Ok(Ok(Appender {
            path: path.to_owned(),
            file,
            is_regular: kind.is_file(),
            torn,
            rotation,
            rotate_not_before: None,
            compressing: None,
        }))
    }

    /// So many bytes of whole lines fit before the file is to be rotated; none where it is to be rotated first.
    fn fitting(&self, lines: &[u8], size: u64) -> usize {
        let rotation = self.rotation.filter(|_| {
            let compressing = self.compressing.as_ref().is_some_and(|thread| !thread.is_finished());
            // While old files are compressed, their names must not change.
            self.is_regular && !compressing && self.rotate_not_before.is_none_or(|time| time <= Instant::now())
        });
        let Some(rotation) = rotation else { return lines.len() };
        let room = usize::try_from(rotation.size_bytes.saturating_sub(size)).unwrap_or(usize::MAX);
        if room >= lines.len() {
            return lines.len();
        }
        match memchr::memrchr(b'\n', &lines[..room]) {
            Some(last) => last + 1,
            // A line that is longer than a whole file may be stands alone in one.
            None if size == 0 => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
            None => 0,
        }
    }

    /// Appends to a file of that length.
    fn append(&mut self, lines: &[u8], size: u64) -> (usize, io::Result<()>) {
        if self.torn {
            if let Err(error) = self.file.write_all(b"\n") {
                return (0, Err(error));
            }
            self.torn = false;
        }
        let mut written = 0;
        while written < lines.len() {
            let error = match self.file.write(&lines[written..]) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(octets) => {
                    written += octets;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let whole = memchr::memrchr(b'\n', &lines[..written]).map_or(0, |last| last + 1);
            self.torn = whole < written && !self.take_back((written - whole) as u64, size + written as u64);
            return (whole, Err(error));
        }
        (written, Ok(()))
    }

    /// Takes the part of a line at the file's end back, if the file is as long as it must be then.
    fn take_back(&self, bytes: u64, size: u64) -> bool {
        let as_expected = self.file.metadata().is_ok_and(|metadata| metadata.size() == size);
        self.is_regular && as_expected && self.file.set_len(size - bytes).is_ok()
    }

    /// Puts the file aside, and begins a new one of the same rights.
    fn rotate(&mut self) {
        let Some(rotation) = self.rotation else { return };
        if let Err(error) = self.try_rotate(rotation) {
            log::error!("cannot rotate the output {}: {error}; it grows on", self.path.display());
            self.rotate_not_before = Some(Instant::now() + ROTATION_PAUSE);
            return;
        }
        self.rotate_not_before = None;
        if rotation.gzip {
            let path = self.path.clone();
            match threads::start("gzip", move || compress_all(&path, rotation.keep)) {
                Ok(thread) => self.compressing = Some(thread),
                Err(error) => log::warn!("an old output file is not compressed: {error}"),
            }
        }
    }

    /// Nothing has changed where it fails before the first old file moves; and no old file is lost by trying again.
    fn try_rotate(&mut self, rotation: Rotation) -> io::Result<()> {
        let before = self.file.metadata()?;
        if !fs::metadata(&self.path).is_ok_and(|named| is_same(&named, &before)) {
            // Somebody has put it aside already.
            return self.reopen();
        }
        let (fresh, first) = (beside(&self.path, "new"), old(&self.path, 1, ""));
        let file = create_new(&fresh, before.permissions().mode() & MODE)?;
        lock(&file)?;
        // Whoever may read the old one may read the new one, as far as linkhook may give it away.
        let _ = std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()));
        let moved = make_room(&self.path, rotation.keep).and_then(|()| fs::rename(&self.path, &first)).and_then(|()| {
            fs::rename(&fresh, &self.path).inspect_err(|_| {
                let _ = fs::rename(&first, &self.path);
            })
        });
        if moved.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        moved?;
        (self.file, self.torn) = (file, false);
        Ok(())
    }
}

impl Sink for Appender {
    /// Whoever has renamed it wants a new one.
    fn reopen(&mut self) -> io::Result<()> {
        let (file, torn) = open_at_end(&self.path)?;
        if is_same(&file.metadata()?, &self.file.metadata()?) {
            // The lock is on the one that is open.
            return Ok(());
        }
        lock(&file)?;
        self.is_regular = file.metadata()?.file_type().is_file();
        (self.file, self.torn) = (file, torn);
        Ok(())
    }

    fn may_recover(&self, error: &io::Error) -> bool {
        self.is_regular || error.kind() == ErrorKind::StorageFull
    }

    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while done < lines.len() {
            let rest = &lines[done..];
            let size = if self.is_regular { self.file.metadata().map_or(0, |metadata| metadata.size()) } else { 0 };
            let fitting = self.fitting(rest, size);
            if fitting == 0 {
                self.rotate();
                continue;
            }
            let (written, result) = self.append(&rest[..fitting], size);
            done += written;
            if result.is_err() {
                return (done, result);
            }
        }
        (done, Ok(()))
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Makes a file that is not there. An empty one may be left from a crash.
fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|left| left.is_file() && left.len() == 0) {
        fs::remove_file(path)?;
    }
    let file = OpenOptions::new().append(true).create_new(true).mode(mode).open(path);
    file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Moves old files on as far as the first number that is free, so that the first one is; where none is, the oldest goes.
fn make_room(path: &Path, keep: u32) -> io::Result<()> {
    let is_free = |number: &u32| ["", ".gz"].iter().all(|end| fs::symlink_metadata(old(path, *number, end)).is_err());
    let free = (1..keep).find(is_free).unwrap_or(keep);
    for end in ["", ".gz"] {
        missing_is_fine(fs::remove_file(old(path, free, end)))?;
        for number in (1..free).rev() {
            let (from, to) = (old(path, number, end), old(path, number + 1, end));
            missing_is_fine(fs::rename(from, to))?;
        }
    }
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{end}"));
    name.into()
}

/// `FILE.1`, `FILE.1.gz`.
fn old(path: &Path, number: u32, end: &str) -> PathBuf {
    beside(path, &format!("{number}{end}"))
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Compresses every old file that is not compressed yet: one may be left from a crash.
fn compress_all(path: &Path, keep: u32) {
    for number in 1..=keep {
        let (plain, compressed) = (old(path, number, ""), old(path, number, ".gz"));
        let part = old(path, number, ".gz.part");
        match compress(&plain, &part)
            .and_then(|()| fs::rename(&part, &compressed))
            .and_then(|()| fs::remove_file(&plain))
        {
            Err(error) if error.kind() == ErrorKind::NotFound && !plain.exists() => {}
            Err(error) => {
                let _ = fs::remove_file(&part);
                log::warn!("{} is not compressed: {error}", plain.display());
            }
            Ok(()) => {}
        }
    }
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = File::open(from)?;
    let before = file.metadata()?;
    let mode = before.permissions().mode() & MODE;
    let out = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(to)?;
    let _ = std::os::unix::fs::fchown(&out, Some(before.uid()), Some(before.gid()));
    let mut encoder = GzEncoder::new(out, Compression::default());
    io::copy(&mut file, &mut encoder)?;
    encoder.finish()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("linkhook-file-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Directory(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = entries.collect();
            names.sort();
            names
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_has_one_writer() {
        let directory = Directory::new("lock");
        let path = directory.0.join("events");
        let rotation = Rotation { size_bytes: 10, keep: 1, gzip: false };
        let mut first = Appender::open(&path, Some(rotation)).unwrap().unwrap();
        let is_refused = || {
            let told = Appender::open(&path, None).map(drop).unwrap_err().to_string();
            assert!(told.contains("another linkhook") && open(&path).is_err(), "{told}");
        };
        is_refused();
        // The same file, a new one of its name, and one that it was rotated to.
        first.reopen().unwrap();
        is_refused();
        fs::rename(&path, directory.0.join("aside")).unwrap();
        first.reopen().unwrap();
        is_refused();
        assert!(first.write(b"12345678\n12345678\n").1.is_ok());
        is_refused();
        assert!(directory.names().contains(&"events.1".into()), "{:?}", directory.names());
        // Where somebody else has the new one, the old one is written until that ends.
        fs::rename(&path, directory.0.join("aside")).unwrap();
        let second = Appender::open(&path, None).unwrap().unwrap();
        assert!(first.reopen().is_err());
        drop(second);
        first.reopen().unwrap();
        is_refused();
        drop(first);
        assert!(Appender::open(&path, None).is_ok());
    }

    fn text(path: PathBuf) -> String {
        let mut text = String::new();
        match path.extension() {
            Some(end) if end == "gz" => {
                flate2::read::GzDecoder::new(File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
            }
            _ => text = fs::read_to_string(&path).unwrap(),
        }
        text
    }

    #[test]
    fn files_are_rotated_between_lines_and_old_ones_go() {
        for gzip in [false, true] {
            let directory = Directory::new(if gzip { "gzip" } else { "plain" });
            let path = directory.0.join("out");
            let rotation = Rotation { size_bytes: 100, keep: 3, gzip };
            let mut appender = Appender::open(&path, Some(rotation)).unwrap().unwrap();
            let lines: Vec<String> = (0..100).map(|number| format!("line {number:03}\n")).collect();
            for some in lines.chunks(7) {
                let (written, result) = appender.write(some.concat().as_bytes());
                result.unwrap();
                assert_eq!(written, some.concat().len());
                // Not faster than it is compressed.
                if let Some(thread) = appender.compressing.take() {
                    thread.join().unwrap();
                }
            }
            let end = if gzip { ".gz" } else { "" };
            assert_eq!(
                directory.names(),
                ["out".into(), format!("out.1{end}"), format!("out.2{end}"), format!("out.3{end}")]
            );
            let told: String = [3, 2, 1].map(|number| text(old(&path, number, end))).concat() + &text(path.clone());
            // Eleven lines of nine bytes fit.
            assert_eq!(text(old(&path, 1, end)).lines().count(), 11);
            assert!(lines.concat().ends_with(&told) && told.len() > 300, "{told}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !MODE, 0);
        }
    }

    #[test]
    fn a_line_longer_than_a_file_may_be_stands_alone() {
        let directory = Directory::new("long");
        let path = directory.0.join("out");
        let mut appender =
            Appender::open(&path, Some(Rotation { size_bytes: 10, keep: 2, gzip: false })).unwrap().unwrap();
        let long = format!("{}\n", "x".repeat(50));
        appender.write(format!("a\n{long}b\n").as_bytes()).1.unwrap();
        assert_eq!((text(old(&path, 2, "")), text(old(&path, 1, "")), text(path)), ("a\n".into(), long, "b\n".into()));
    }

    #[test]
    fn a_file_that_was_renamed_is_opened_anew() {
        let directory = Directory::new("reopen");
        let path = directory.0.join("out");
        let mut appender = Appender::open(&path, None).unwrap().unwrap();
        appender.write(b"one\n").1.unwrap();
        fs::rename(&path, directory.0.join("aside")).unwrap();
        appender.write(b"two\n").1.unwrap();
        appender.reopen().unwrap();
        appender.write(b"three\n").1.unwrap();
        // copytruncate: the place is always the end.
        fs::write(&path, "").unwrap();
        appender.write(b"four\n").1.unwrap();
        assert_eq!((text(directory.0.join("aside")), text(path)), ("one\ntwo\n".into(), "four\n".into()));
    }

    #[test]
    fn a_file_that_is_made_is_not_for_everybody() {
        let directory = Directory::new("mode");
        open(&directory.0.join("out")).unwrap();
        assert_eq!(fs::metadata(directory.0.join("out")).unwrap().permissions().mode() & 0o777 & !MODE, 0);
    }

    #[test]
    fn a_rotation_that_fails_changes_nothing() {
        let directory = Directory::new("failing");
        let path = directory.0.join("out");
        let rotation = Rotation { size_bytes: 10, keep: 2, gzip: false };
        let mut appender = Appender::open(&path, Some(rotation)).unwrap().unwrap();
        appender.write(b"one 678\ntwo 678\nthree\n").1.unwrap();
        let before = || [2, 1].map(|number| text(old(&path, number, ""))).concat();
        assert_eq!((before(), text(path.clone())), ("one 678\ntwo 678\n".into(), "three\n".into()));
        // No new file can be made, or the oldest cannot go.
        let ways = [directory.0.join("out.new"), directory.0.join("out.2")];
        for way in &ways {
            let aside = directory.0.join("aside");
            let _ = fs::rename(way, &aside);
            fs::create_dir(way).unwrap();
            fs::write(way.join("in the way"), "").unwrap();
            let names = directory.names();
            for _ in 0..4 {
                appender.rotate_not_before = None;
                appender.write(b"more 78\n").1.unwrap();
            }
            assert_eq!(directory.names(), names);
            assert_eq!(text(old(&path, 1, "")), "two 678\n");
            fs::remove_dir_all(way).unwrap();
            let _ = fs::rename(&aside, way);
        }
        assert_eq!(
            (before(), text(path.clone())),
            ("one 678\ntwo 678\n".into(), format!("three\n{}", "more 78\n".repeat(8)))
        );
        // An empty one that a crash has left is no obstacle.
        fs::write(&ways[0], "").unwrap();
        appender.rotate_not_before = None;
        appender.write(b"last\n").1.unwrap();
        assert_eq!(text(path.clone()), "last\n");
        assert_eq!(directory.names(), ["out", "out.1", "out.2"]);
        // Only the live file is put aside.
        fs::rename(&path, directory.0.join("aside")).unwrap();
        appender.write(b"again 8\n").1.unwrap();
        assert_eq!(text(old(&path, 2, "")), "two 678\n");
        assert_eq!((text(path.clone()), directory.names().len()), ("again 8\n".into(), 4));
    }
}
