//! The files of a configuration: the one that is named, and beside one of the name `linkhook.toml` those in `conf.d`. They are
//! read as one: each is parsed behind as many blanks as all files before it have octets, so that an offset names one place in
//! all of them.

use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::read::{GAP, SettingsFile, SettingsSource, read_file};
use crate::error::{Error, Result};

/// Of the file of this name, there may be parts in a directory beside it.
const WITH_PARTS: &str = "linkhook.toml";
/// That directory, and how its files' names end.
const PARTS: &str = "conf.d";
const PART_ENDING: &str = ".toml";

/// Reads the file, and its parts in the order of their names. Every error is in the one.
pub fn read_all(path: &Path) -> Result<Vec<SettingsFile>> {
    let mut paths = vec![path.to_owned()];
    let mut told = Vec::new();
    if path.file_name().is_some_and(|name| name == WITH_PARTS) {
        let directory = path.with_file_name(PARTS);
        match parts(&directory) {
            Ok(parts) => paths.extend(parts),
            Err(error) => told.push(format!("cannot read {}: {error}", directory.display())),
        }
    }
    let read = |path: PathBuf| {
        let contents = read_file(&path);
        let text = contents.and_then(|text| String::from_utf8(text).map_err(|_| io::Error::other("it is not UTF-8")));
        match text {
            // Behind blanks a byte order mark would be no such.
            Ok(text) => Some(SettingsFile { path, text: text.trim_start_matches('\u{feff}').to_owned() }),
            Err(error) => {
                told.push(format!("cannot read the configuration {}: {error}", path.display()));
                None
            }
        }
    };
    let files = paths.into_iter().filter_map(read).collect();
    if told.is_empty() { Ok(files) } else { Err(Error::usage(told.join("\n"))) }
}

/// The files in that directory; none where it is not there. What an editor or a package manager leaves has other endings.
fn parts(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let octets = name.as_encoded_bytes();
        if octets.ends_with(PART_ENDING.as_bytes()) && !octets.starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// Each file's text, where it begins in all of them.
pub fn behind_blanks(files: &[SettingsFile]) -> Vec<String> {
    let mut before = 0;
    let mut texts = Vec::with_capacity(files.len());
    for SettingsFile { text, .. } in files {
        texts.push(" ".repeat(before) + text);
        before += text.len() + GAP;
    }
    texts
}

/// Parses them into one table. What is broken, or stands twice, is told to `source`; `None` where something is broken.
pub fn merged<'t>(source: &SettingsSource<'_>, texts: &'t [String]) -> Option<DeTable<'t>> {
    let mut whole = DeTable::new();
    let mut is_broken = false;
    for text in texts {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            // Which one, the parser does not say.
            let key = text.get(span.clone()).filter(|_| error.message() == "duplicate key");
            let key = key.map(|key| format!(": {key} stands here once more; write it once")).unwrap_or_default();
            source.mistake(span.start, format_args!("{}{key}", error.message()));
        }
        is_broken |= !errors.is_empty();
        add(source, &mut whole, table.into_inner(), "");
    }
    (!is_broken).then_some(whole)
}

/// Adds what stands in another file: tables at the top become one, lists at the top one list.
fn add<'t>(source: &SettingsSource<'_>, whole: &mut DeTable<'t>, more: DeTable<'t>, prefix: &str) {
    for (key, value) in more {
        let name: &str = key.get_ref();
        let known = whole.get_key_value(name).map(|(key, _)| key.span().start);
        let Some((known, there)) = known.zip(whole.get_mut(name)) else {
            whole.insert(key, value);
            continue;
        };
        match (there.get_mut(), value.into_inner()) {
            (DeValue::Table(there), DeValue::Table(more)) if prefix.is_empty() => {
                add(source, there, more, &format!("{name}."));
            }
            (DeValue::Array(there), DeValue::Array(more)) if prefix.is_empty() => {
                more.into_iter().for_each(|value| there.push(value));
            }
            _ => source.mistake(
                key.span().start,
                format_args!("{prefix}{name}: it stands at {}, too; write it once", source.place(known)),
            ),
        }
    }
}
