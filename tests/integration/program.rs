//! The command line: what it prints, and with which status it ends.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

use libtest_mimic::Failed;

use crate::namespace::PROGRAM;

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("a_mistyped_kind_is_suggested", mistyped),
    ("a_wrong_filter_shows_its_place", wrong_filter),
    ("help_names_the_commands", help),
    ("an_own_family_is_refused_by_name", other_family),
    ("decode_reads_stdin", decode_stdin),
    ("decode_of_damage_tells_the_offset_after_the_good_lines", decode_damage),
    ("a_closed_pipe_ends_it_quietly", closed_pipe),
    ("count_and_filters_choose", choose),
    ("text_is_for_eyes", text),
];

fn linkhook(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().expect("linkhook")
}

fn recording(name: &str) -> String {
    format!("{}/tests/recordings/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn expect(output: &Output, status: i32, told: &str) -> Result<(), Failed> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(status) || !stderr.contains(told) {
        return Err(
            format!("status {:?}, expected {status}; stderr {stderr:?}, expected {told:?}", output.status).into()
        );
    }
    Ok(())
}

fn mistyped() -> Result<(), Failed> {
    expect(&linkhook(&["rote"]), 2, "unknown kind 'rote'; did you mean 'route'?")?;
    expect(&linkhook(&["list", "lnik"]), 2, "did you mean 'link'?")?;
    expect(&linkhook(&["--action", "ad", "link"]), 2, "did you mean 'add'?")?;
    expect(&linkhook(&["--signal", "carrier_lots"]), 2, "did you mean 'carrier_lost'?")?;
    expect(&linkhook(&["--timeout", "soon"]), 2, "500ms")
}

fn wrong_filter() -> Result<(), Failed> {
    expect(&linkhook(&["--filter", ".event =="]), 2, "line 1, column 10")?;
    expect(&linkhook(&["--filter", "selekt(.a)"]), 2, "there is no filter named selekt")
}

fn help() -> Result<(), Failed> {
    let output = linkhook(&["--help"]);
    let told = String::from_utf8_lossy(&output.stdout);
    for part in ["watch", "list", "record", "decode", "--filter", "Examples"] {
        if !told.contains(part) {
            return Err(format!("the help does not say {part}").into());
        }
    }
    expect(&output, 0, "")
}

fn other_family() -> Result<(), Failed> {
    expect(&linkhook(&["audit"]), 2, "'audit'")
}

fn decode_stdin() -> Result<(), Failed> {
    let mut child = Command::new(PROGRAM).args(["decode", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let bytes = std::fs::read(recording("rule.rtmon"))?;
    let mut stdin = child.stdin.take().ok_or("stdin")?;
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let mut lines = String::new();
    child.stdout.take().ok_or("stdout")?.read_to_string(&mut lines)?;
    writer.join().map_err(|_| "the writer panicked")??;
    if !child.wait()?.success() || !lines.contains("\"event\":\"rule\"") {
        return Err(format!("{} lines", lines.lines().count()).into());
    }
    Ok(())
}

fn decode_damage() -> Result<(), Failed> {
    let bytes = std::fs::read(recording("rule.rtmon"))?;
    let path = std::env::temp_dir().join(format!("linkhook-damage-{}.rtmon", std::process::id()));
    std::fs::write(&path, &bytes[..bytes.len() - 10])?;
    let output = linkhook(&["decode", &path.to_string_lossy()]);
    std::fs::remove_file(&path)?;
    if output.stdout.is_empty() {
        return Err("the good lines are missing".into());
    }
    expect(&output, 1, "byte")
}

fn closed_pipe() -> Result<(), Failed> {
    let mut child = Command::new(PROGRAM)
        .args(["decode", &recording("link-ops.rtmon")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut some = [0; 100];
    let mut stdout = child.stdout.take().ok_or("stdout")?;
    stdout.read_exact(&mut some)?;
    drop(stdout);
    let output = child.wait_with_output()?;
    if !output.stderr.is_empty() {
        return Err(format!("it said {:?}", String::from_utf8_lossy(&output.stderr)).into());
    }
    expect(&output, 0, "")
}

fn choose() -> Result<(), Failed> {
    let file = recording("route.rtmon");
    let lines = |arguments: &[&str]| {
        let output = linkhook(&[&["decode", &file], arguments].concat());
        String::from_utf8_lossy(&output.stdout).lines().map(String::from).collect::<Vec<_>>()
    };
    if lines(&["route", "--count", "3"]).len() != 3 {
        return Err("--count 3".into());
    }
    let ipv6 = lines(&["-6", "route"]);
    if ipv6.is_empty() || ipv6.iter().any(|line| !line.contains("\"family\":\"inet6\"")) {
        return Err("-6".into());
    }
    let default = lines(&["--filter", r#".route.dst == "default""#]);
    if default.is_empty() || default.iter().any(|line| !line.contains("\"dst\":\"default\"")) {
        return Err("--filter".into());
    }
    let removed = lines(&["--action", "remove", "--interface", "d0"]);
    if removed.is_empty() || removed.iter().any(|line| !line.contains("\"action\":\"remove\"")) {
        return Err("--action, --interface".into());
    }
    let signals = lines(&["--signal", "default_route"]);
    if signals.is_empty() || signals.iter().any(|line| !line.contains("\"default_route\"")) {
        return Err("--signal".into());
    }
    Ok(())
}

fn text() -> Result<(), Failed> {
    let decode = |locale: &str, more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["decode", &recording("rule.rtmon"), "--format", "text", "rule", "link"]).args(more);
        let output = command.env("LC_ALL", locale).env("TZ", "NPT-5:45").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = decode("C.UTF-8", &[]);
    if !told.contains(" rule 1000: from all l3mdev")
        || told.contains('\x1b')
        || told.contains('{')
        || !told.contains('→')
    {
        return Err(told.lines().take(5).collect::<Vec<_>>().join("\n").into());
    }
    let utc = decode("C.UTF-8", &["--utc"]);
    let (local, utc) = (told.lines().next().unwrap_or_default(), utc.lines().next().unwrap_or_default());
    if !local.ends_with(", UTC+05:45") || !utc.ends_with(", UTC+00:00") {
        return Err(format!("{local:?}, {utc:?}").into());
    }
    let ascii = decode("C", &[]);
    if !ascii.is_ascii() || !ascii.contains(" -> ") {
        return Err("what is not ASCII is shown without UTF-8".into());
    }
    Ok(())
}
