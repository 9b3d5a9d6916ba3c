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
    let names = Trial::test("recordings::names_may_come_from_another_recording", names_of_another);
    files.into_iter().map(trial).chain(TEXTS.iter().map(text)).chain([names]).collect()
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

/// A pcap with so many octets of each packet as `kept` says, and without those of which it wants none.
pub fn cut(whole: &[u8], kept: impl Fn(&[u8]) -> Option<usize>) -> Vec<u8> {
    const FILE_HEADER_BYTES: usize = 24;
    const PACKET_HEADER_BYTES: usize = 16;
    let mut file = whole[..FILE_HEADER_BYTES].to_vec();
    let mut rest = &whole[FILE_HEADER_BYTES..];
    while let Some((header, after)) = rest.split_at_checked(PACKET_HEADER_BYTES) {
        let (packet, after) = after.split_at(u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize);
        if let Some(kept) = kept(packet) {
            file.extend_from_slice(&header[..8]);
            file.extend_from_slice(&(kept as u32).to_le_bytes());
            file.extend_from_slice(&header[12..]);
            file.extend_from_slice(&packet[..kept]);
        }
        rest = after;
    }
    file
}

/// Whether a packet is of nlctrl, which says which family has which number: it begins with the recorder's header of 16 octets.
pub fn is_of_nlctrl(packet: &[u8]) -> bool {
    packet[14..16] == [0, 16] && packet[20..22] == [16, 0]
}

/// A recording that does not say which family has which number: the numbers are told as they are, or another recording says it.
fn names_of_another() -> Result<(), Failed> {
    let whole = folder().join("team.pcap");
    let packets = std::fs::read(&whole)?;
    let path = std::env::temp_dir().join(format!("linkhook-names-{}.pcap", std::process::id()));
    // The last octets of each message are lost as well.
    for cut_octets in [0, 4] {
        let is_of_team = |packet: &[u8]| packet[15] == 16 && !is_of_nlctrl(packet);
        let kept = |packet: &[u8]| is_of_team(packet).then(|| packet.len() - cut_octets);
        std::fs::write(&path, cut(&packets, kept))?;
        let lines: Vec<serde_json::Value> =
            decoded(&path)?.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let undecoded: Vec<_> = lines
            .iter()
            .filter_map(|line| line.get("undecoded"))
            // Below are netlink's own, such as the end of a dump.
            .filter(|undecoded| undecoded["type"].as_u64() >= Some(16))
            .collect();
        assert!(undecoded.len() > 3, "{lines:?}");
        for line in undecoded {
            let number = line["type"].as_u64().ok_or("no number")?;
            assert_eq!(line["protocol"], "generic", "{line}");
            assert!((17..1024).contains(&number), "{line}");
            assert_eq!(line["hex"].as_str().ok_or("no octets")?[8..12], format!("{:04x}", (number as u16).to_be()));
        }
    }
    std::fs::write(&path, cut(&packets, |packet| (!is_of_nlctrl(packet)).then_some(packet.len())))?;
    let named = Command::new(PROGRAM).arg("decode").arg(&path).arg("--names").arg(&whole).output()?;
    std::fs::remove_file(&path)?;
    let of_teams = |lines: String| -> Vec<String> {
        let without_number = |line: &str| line.split_once("\"event\":").map(|(_, rest)| rest.to_owned());
        lines.lines().filter_map(without_number).filter(|line| !line.starts_with("\"genl_family\"")).collect()
    };
    let (found, expected) = (of_teams(String::from_utf8(named.stdout)?), of_teams(decoded(&whole)?));
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
    Ok(())
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
