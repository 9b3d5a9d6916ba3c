//! Routing tables by their names, as `ip` knows them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::words::nearest;

/// Those that the kernel knows itself (`RT_TABLE_*`).
const TABLES: [(&str, u32); 3] = [("default", 253), ("main", 254), ("local", 255)];
/// Where iproute2 has names for more: a file, and a folder of files that end in `.conf`. What stands in /etc wins.
const PLACES: [&str; 2] = ["/etc/iproute2/rt_tables", "/usr/share/iproute2/rt_tables"];

/// The table of that name or number.
pub fn by_name(name: &str) -> Result<u32> {
    if let Some(table) = number(name) {
        return Ok(table);
    }
    let known = named();
    known.iter().find(|(known, _)| known == name).map(|(_, table)| *table).ok_or_else(|| {
        let tip = match nearest(name, known.iter().map(|(known, _)| known.as_str())) {
            Some(near) => format!("did you mean '{near}'?"),
            None => {
                let known: Vec<&str> = known.iter().map(|(known, _)| known.as_str()).collect();
                format!("there are {}, and numbers", known.join(", "))
            }
        };
        Error::usage(format_args!("unknown routing table '{name}'; {tip}"))
    })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Every name of a routing table, with its number.
pub fn named() -> Vec<(String, u32)> {
    let known = TABLES.iter().map(|(name, table)| ((*name).to_owned(), *table));
    let files = PLACES.iter().flat_map(|place| {
        let folder = fs::read_dir(format!("{place}.d")).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
        files.insert(0, Path::new(place).into());
        files
    });
    let texts = files.filter_map(|path| fs::read_to_string(path).ok());
    let mut all: Vec<(String, u32)> = known.chain(texts.flat_map(|text| read(&text))).collect();
    let mut seen = std::collections::HashSet::new();
    all.retain(|(name, _)| seen.insert(name.clone()));
    all
}

/// The names in a file of lines such as `100 uplink`, with comments behind a `#`.
fn read(text: &str) -> Vec<(String, u32)> {
    let row = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let table = number(words.next()?)?;
        Some((words.next()?.to_owned(), table))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_name_or_a_number() {
        for (name, table) in [("main", 254), ("local", 255), ("77", 77), ("0x4d", 77), ("4294967295", u32::MAX)] {
            assert_eq!(by_name(name).unwrap(), table, "{name}");
        }
        let told = by_name("mian").unwrap_err();
        assert!(told.to_string().contains("did you mean 'main'?") && told.status() == 2, "{told}");
        assert!(by_name("4294967296").is_err());
        let text = "# a comment\n255\tlocal\n 0x64 uplink # the first\n\n7\nx y\n";
        assert_eq!(read(text), [("local".to_owned(), 255), ("uplink".to_owned(), 100)]);
    }
}
