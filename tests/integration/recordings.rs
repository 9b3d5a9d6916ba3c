//! Recordings with expected lines. `LINKHOOK_BLESS=1` writes them anew: read the diff.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use linkhook::output::text::terminal::Width;
use linkhook::output::text::{Style, Text};

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
    let text = |&(name, recording, style): &(&'static str, &'static str, Style)| {
        Trial::test(format!("recordings::text::{name}"), move || check_text(name, recording, style))
    };
    files.into_iter().map(trial).chain(TEXTS.iter().map(text)).collect()
}

/// Expected text: the file in tests/text, the recording, and how it is written.
const TEXTS: &[(&str, &str, Style)] = &[
    ("rule.whole.txt", "rule.rtmon", TEXT),
    ("route.80.txt", "route.rtmon", Style { width: Width::Columns(80), ..TEXT }),
    ("route.200.txt", "route.rtmon", Style { width: Width::Columns(200), ..TEXT }),
    ("link-br.80.colours.txt", "link-br.pcap", Style { width: Width::Columns(80), colours: true, ..TEXT }),
    ("tcf.200.ascii.txt", "tcf.rtmon", Style { width: Width::Columns(200), ascii: true, ..TEXT }),
    ("bridge_port.whole.txt", "bridge_port.pcap", TEXT),
];
const TEXT: Style = Style { colours: false, utc: true, ascii: false, width: Width::Whole, bare: false };

/// Text is made of JSON lines.
fn check_text(name: &str, recording: &str, style: Style) -> Result<(), Failed> {
    let json = decoded(&folder().join(recording))?;
    let mut text = Text::new(style);
    let lines: String = json.lines().map(|line| text.line(line.as_bytes()).to_owned()).collect();
    hold(&lines, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/text").join(name))
}

/// The lines of a recording.
fn decoded(recording: &Path) -> Result<String, Failed> {
    let output = Command::new(PROGRAM).arg("decode").arg(recording).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn check(recording: &Path) -> Result<(), Failed> {
    let lines = decoded(recording)?;
    for (number, line) in lines.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        if value["event"] == "undecoded" || line.contains("\"unknown\":") {
            return Err(format!("line {}: something is not known: {line}", number + 1).into());
        }
    }
    let mut expected_path = recording.as_os_str().to_owned();
    expected_path.push(".jsonl");
    hold(&lines, Path::new(&expected_path))
}

/// Holds lines against a file, or writes it anew.
fn hold(lines: &str, expected_path: &Path) -> Result<(), Failed> {
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
