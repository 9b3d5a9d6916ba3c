//! Recordings with expected lines. `LINKHOOK_BLESS=1` writes them anew: read the diff.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::namespace::PROGRAM;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

/// Whether expected files are written anew.
pub fn blesses() -> bool {
    std::env::var_os("LINKHOOK_BLESS").is_some_and(|value| value == "1")
}

/// A test for each recording.
pub fn trials() -> Vec<Trial> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("tests/recordings")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "jsonl"))
        .collect();
    files.sort();
    let trial = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("recordings::{name}"), move || check(&path))
    };
    files.into_iter().map(trial).collect()
}

fn check(recording: &Path) -> Result<(), Failed> {
    let output = Command::new(PROGRAM).arg("decode").arg(recording).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let lines = String::from_utf8(output.stdout)?;
    for (number, line) in lines.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        if value["event"] == "undecoded" || line.contains("\"unknown\":") {
            return Err(format!("line {}: something is not known: {line}", number + 1).into());
        }
    }
    let mut expected_path = recording.as_os_str().to_owned();
    expected_path.push(".jsonl");
    if blesses() {
        std::fs::write(expected_path, lines)?;
        return Ok(());
    }
    let expected = std::fs::read_to_string(expected_path)?;
    let differing = lines.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    match differing {
        Some(at) => {
            let (found, expected) = (lines.lines().nth(at), expected.lines().nth(at));
            Err(format!("line {} differs\nfound    {found:?}\nexpected {expected:?}", at + 1).into())
        }
        None if lines.lines().count() != expected.lines().count() => {
            Err(format!("{} lines, {} expected", lines.lines().count(), expected.lines().count()).into())
        }
        None => Ok(()),
    }
}
