//! Reads TOML with its places: each mistake is told with file, line, key, what was found and what is needed.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{Setting, names};
use crate::deliver::jq::Use;
use crate::error::Result;
use crate::units;
use crate::words::nearest;

/// The longest file that is read: a configuration, a secret, certificates.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// Others may read it.
const WORLD_READABLE: u32 = 0o004;
/// The longest duration: any moment can be moved by it.
const DURATION_MAX: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Looks up a variable of the environment.
pub type Environment<'t> = dyn Fn(&str) -> Option<String> + 't;

/// A file, and what stands in it.
#[derive(Debug)]
pub struct SettingsFile {
    pub path: PathBuf,
    pub text: String,
}

/// Octets between two files, so that the first one's end is a place of its own.
pub const GAP: usize = 1;

/// The files that are read, and what is wrong with them. An offset is an octet's place in all of them together.
pub struct SettingsSource<'t> {
    pub files: &'t [SettingsFile],
    pub environment: &'t Environment<'t>,
    /// Checks a jq expression.
    pub expression: &'t dyn Fn(Use, &str) -> Result<()>,
    /// Offset and message.
    pub mistakes: RefCell<Vec<(usize, String)>>,
    pub warnings: RefCell<Vec<String>>,
    /// The files beside them that were read: secrets, certificates.
    pub named: RefCell<Vec<PathBuf>>,
}

impl SettingsSource<'_> {
    /// The file in which an offset lies, and where in it.
    fn file(&self, offset: usize) -> (&SettingsFile, usize) {
        let mut offset = offset;
        let (last, others) = self.files.split_last().expect("one file at least");
        for file in others {
            if offset <= file.text.len() {
                return (file, offset);
            }
            offset -= file.text.len() + GAP;
        }
        (last, offset.min(last.text.len()))
    }

    /// `FILE:LINE`.
    pub fn place(&self, offset: usize) -> String {
        let (file, offset) = self.file(offset);
        let before = &file.text.as_bytes()[..offset];
        format!("{}:{}", file.path.display(), before.iter().filter(|&&octet| octet == b'\n').count() + 1)
    }

    /// The file in which an offset lies.
    pub fn path(&self, offset: usize) -> &Path {
        &self.file(offset).0.path
    }

    /// What stands there, within one file.
    fn text(&self, span: Range<usize>) -> &str {
        let (file, begin) = self.file(span.start);
        file.text.get(begin..begin + span.len()).unwrap_or_default()
    }

    pub fn mistake(&self, offset: usize, message: impl Display) {
        self.mistakes.borrow_mut().push((offset, format!("{}: {message}", self.place(offset))));
    }
}

/// Reads a whole file that is not too long: `/dev/zero` ends.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    Ok(contents)
}

/// A table and its place.
#[derive(Clone, Copy)]
pub struct Table<'t> {
    source: &'t SettingsSource<'t>,
    /// Where it stands: `""`, `watch.`, `webhook[noc].batch.`
    prefix: &'t str,
    table: &'t DeTable<'t>,
    offset: usize,
}

/// A value and its key.
#[derive(Clone)]
pub struct Value<'t> {
    pub source: &'t SettingsSource<'t>,
    /// The whole key.
    pub key: String,
    value: &'t Spanned<DeValue<'t>>,
    /// Whether what was found may be shown.
    shown: bool,
}

impl<'t> Table<'t> {
    pub fn new(source: &'t SettingsSource<'t>, table: &'t DeTable<'t>, offset: usize, prefix: &'t str) -> Table<'t> {
        Table { source, prefix, table, offset }
    }

    /// Tells keys that are not among those.
    pub fn only(&self, keys: &[&str]) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if keys.contains(&name) {
                continue;
            }
            let offset = key.span().start;
            let told = match nearest(name, keys.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("there are {}", keys.join(", ")),
            };
            self.source.mistake(offset, format_args!("{}{name}: there is no such key; {told}", self.prefix));
        }
    }

    /// The key's value, where it is written.
    pub fn get(&self, key: &str) -> Option<Value<'t>> {
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some(Value { source: self.source, key: format!("{}{key}", self.prefix), value, shown: true })
    }

    /// The same for a key that must be written.
    pub fn need(&self, key: &str, what: &str) -> Option<Value<'t>> {
        let value = self.get(key);
        if value.is_none() {
            self.refused(key, format_args!("it is missing; write {what}"));
        }
        value
    }

    /// Tells what is wrong with a key that is not written.
    pub fn refused(&self, key: &str, why: impl Display) {
        self.source.mistake(self.offset, format_args!("{}{key}: {why}", self.prefix));
    }

    /// Looks up a variable of the environment.
    pub fn environment(&self) -> &'t Environment<'t> {
        self.source.environment
    }

    /// All keys with their values.
    pub fn entries(&self) -> impl Iterator<Item = (&'t str, Value<'t>)> {
        self.table.keys().filter_map(move |key| {
            let key: &'t str = key.get_ref();
            Some((key, self.get(key)?))
        })
    }
}

impl<'t> Value<'t> {
    pub fn offset(&self) -> usize {
        self.value.span().start
    }

    /// The same value, never shown.
    pub fn hidden(self) -> Value<'t> {
        Value { shown: false, ..self }
    }

    /// Tells that another value is needed.
    pub fn wrong(&self, needed: impl Display) {
        let value = self.value.get_ref();
        let text = self.source.text(self.value.span()).lines().next().unwrap_or_default();
        let found = if !self.shown || text.is_empty() || value.is_table() || text.chars().count() > 60 {
            format!("found a value of type {}", value.type_str())
        } else {
            format!("found {text}")
        };
        self.source.mistake(self.offset(), format_args!("{}: {found}; {needed}", self.key));
    }

    /// Tells what a check of the value has found.
    pub fn refused(&self, why: impl Display) {
        self.source.mistake(self.offset(), format_args!("{}: {why}", self.key));
    }

    /// Says what is no mistake, but should be known.
    pub fn warn(&self, what: impl Display) {
        let place = self.source.place(self.offset());
        self.source.warnings.borrow_mut().push(format!("{place}: {}: {what}", self.key));
    }

    /// Says that a secret is written where everybody can read it, if so.
    pub fn warn_inline(&self) {
        let path = self.source.path(self.offset());
        let readable = || fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & WORLD_READABLE != 0);
        if self.is_text() && readable() {
            let told = path.display();
            self.warn(format_args!(
                "everybody on this machine can read {told}, and the secret in it; mend it with: chmod o= {told}"
            ));
        }
    }

    pub fn text(&self) -> Option<&'t str> {
        let text = self.value.get_ref().as_str();
        if text.is_none() {
            self.wrong("text in quotes is needed");
        }
        text
    }

    pub fn boolean(&self) -> Option<bool> {
        let boolean = self.value.get_ref().as_bool();
        if boolean.is_none() {
            self.wrong("true or false is needed");
        }
        boolean
    }

    /// Whether it is `true` or `false`.
    pub fn is_boolean(&self) -> bool {
        self.value.get_ref().is_bool()
    }

    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    pub fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// A whole number in a range.
    pub fn number(&self, least: u64, most: u64) -> Option<u64> {
        let number = self
            .value
            .get_ref()
            .as_integer()
            .and_then(|integer| u64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(format_args!("a whole number from {least} to {most} is needed"));
        }
        number
    }

    pub fn duration(&self) -> Option<Duration> {
        let duration = self.value.get_ref().as_str().and_then(|text| units::duration(text).ok());
        if duration.is_some_and(|duration| duration > DURATION_MAX) {
            self.wrong("at most \"3650d\" is allowed");
            return None;
        }
        if duration.is_none() {
            self.wrong("a duration such as \"500ms\", \"3s\", \"5m\", \"2h\" or \"3d\" is needed");
        }
        duration
    }

    /// A duration that is more than nothing.
    pub fn some_duration(&self) -> Option<Duration> {
        let duration = self.duration()?;
        if duration.is_zero() {
            self.wrong("more than nothing is needed");
            return None;
        }
        Some(duration)
    }

    /// A size in bytes, one at least.
    pub fn bytes(&self) -> Option<usize> {
        let value = self.value.get_ref();
        let bytes = value.as_str().and_then(|text| units::bytes(text).ok()).filter(|&bytes| bytes > 0);
        if bytes.is_none() {
            self.wrong("a size such as \"64KiB\", \"1MiB\" or \"4096\" is needed");
        }
        bytes
    }

    /// One of several words.
    pub fn one_of(&self, words: &[&'static str]) -> Option<&'static str> {
        let text = self.value.get_ref().as_str();
        let word = text.and_then(|text| words.iter().find(|word| **word == text).copied());
        if word.is_none() {
            let near = text.and_then(|text| nearest(text, words.iter().copied()));
            let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            self.wrong(format_args!("one of {} is needed{near}", words.join(", ")));
        }
        word
    }

    /// A list's values.
    pub fn list(&self) -> Option<Vec<Value<'t>>> {
        let Some(list) = self.value.get_ref().as_array() else {
            self.wrong("a list in brackets is needed");
            return None;
        };
        let value = |(place, value)| Value { value, key: format!("{}[{place}]", self.key), ..self.clone() };
        Some(list.iter().enumerate().map(value).collect())
    }

    /// Runs `inside` over a table of which only those keys may be written.
    pub fn table<R>(&self, keys: &[Setting], inside: impl FnOnce(&Table<'_>) -> R) -> Option<R> {
        let keys = names(keys);
        let result = self.any_table(&format!("{}.", self.key), |table| {
            table.only(&keys);
            inside(table)
        });
        if result.is_none() {
            self.wrong(format_args!("a table with the keys {} is needed", keys.join(", ")));
        }
        result
    }

    /// Runs `inside` over a table with any keys; `None` where it is none.
    pub fn any_table<R>(&self, prefix: &str, inside: impl FnOnce(&Table<'_>) -> R) -> Option<R> {
        let table = self.value.get_ref().as_table()?;
        Some(inside(&Table { source: self.source, prefix, table, offset: self.offset() }))
    }

    /// A path; one that is not absolute begins at the directory of the file in which it stands.
    pub fn path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.is_empty() {
            self.wrong("a path is needed");
            return None;
        }
        Some(self.source.path(self.offset()).parent().unwrap_or(Path::new("")).join(text))
    }

    /// A jq expression.
    pub fn expression(&self, by: Use) -> Option<String> {
        let code = self.text()?;
        match (self.source.expression)(by, code) {
            Ok(()) => Some(code.to_owned()),
            Err(error) => {
                self.refused(error);
                None
            }
        }
    }

    /// The contents of the file that is named.
    pub fn contents(&self) -> Option<Vec<u8>> {
        let path = self.path()?;
        self.source.named.borrow_mut().push(path.clone());
        match read_file(&path) {
            Ok(contents) => Some(contents),
            Err(error) => {
                self.refused(format_args!("cannot read {}: {error}", path.display()));
                None
            }
        }
    }

    /// Text that is written here, or in a file, a variable of the environment or a credential of systemd. None of it is
    /// ever shown. Newlines at the end of a file are not part of it.
    pub fn secret(&self) -> Option<String> {
        let value = self.clone().hidden();
        if let Some(text) = value.value.get_ref().as_str() {
            return Some(text.to_owned());
        }
        let from = value.any_table(&format!("{}.", self.key), |table| {
            table.only(&["file", "env", "credential"]);
            let named: Vec<(&str, Value<'_>)> = table.entries().collect();
            let [(from, name)] = &named[..] else { return None };
            Some(match *from {
                "file" => name.path().and_then(|path| name.secret_file(&path)),
                "env" => {
                    let found = (value.source.environment)(name.text()?);
                    match &found {
                        None => {
                            name.refused(format_args!("there is no variable {:?} in the environment", name.text()?))
                        }
                        Some(text) if text.is_empty() => {
                            name.refused(format_args!("the variable {:?} is empty", name.text()?));
                            return Some(None);
                        }
                        Some(_) => {}
                    }
                    found
                }
                "credential" => name.credential(),
                // Told already.
                _ => None,
            })
        });
        match from.flatten() {
            Some(found) => found,
            None => {
                value.wrong(
                    "text in quotes is needed, or one of { file = \"…\" }, { env = \"…\" } and { credential = \"…\" }",
                );
                None
            }
        }
    }

    fn credential(&self) -> Option<String> {
        let name = self.text()?;
        let Some(directory) = (self.source.environment)("CREDENTIALS_DIRECTORY") else {
            self.refused(
                "there are no credentials: CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with \
                 LoadCredential=",
            );
            return None;
        };
        if name.is_empty() || name.contains('/') || name == ".." {
            self.wrong("a credential's name without '/' is needed");
            return None;
        }
        self.secret_file(&Path::new(&directory).join(name))
    }

    fn secret_file(&self, path: &Path) -> Option<String> {
        self.source.named.borrow_mut().push(path.to_owned());
        let told = path.display();
        let read = fs::metadata(path).and_then(|metadata| {
            if metadata.permissions().mode() & WORLD_READABLE != 0 {
                self.warn(format_args!("everybody on this machine can read {told}; mend it with: chmod o= {told}"));
            }
            String::from_utf8(read_file(path)?).map_err(|_| io::Error::other("it is not UTF-8"))
        });
        match read.map(|text| text.trim_end_matches(['\n', '\r']).to_owned()) {
            Ok(text) if text.is_empty() => {
                self.refused(format_args!("{told} is empty"));
                None
            }
            Ok(text) => Some(text),
            Err(error) => {
                self.refused(format_args!("cannot read {told}: {error}"));
                None
            }
        }
    }
}
