//! Commands that are run for events: where a program is, and what it finds on its stdin and in its environment.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::MemfdFlags;
use serde_json::Value;

/// What a command finds in its environment: the variable, and the event's key.
const WORDS: [(&str, &str); 7] = [
    ("LINKHOOK_EVENT", "event"),
    ("LINKHOOK_ACTION", "action"),
    ("LINKHOOK_IFNAME", "ifname"),
    ("LINKHOOK_SIGNALS", "signals"),
    ("LINKHOOK_SEVERITY", "severity"),
    ("LINKHOOK_SEQ", "seq"),
    ("LINKHOOK_NETNS", "netns"),
];

/// What a service manager or a shell has said to linkhook, and is not for its commands.
const OWN_WORDS: [&str; 4] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LINKHOOK_COMPLETE"];

/// The program of that name: a path, or a name that is looked for in `path` (a value of PATH).
pub fn program(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    let can_be_run =
        |path: &Path| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if name.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(|path| can_be_run(path));
    }
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|path| can_be_run(path))
}

/// A command with that on its stdin, and the words of events in its environment: a word that is not the same in all of them is
/// empty.
pub fn prepare(program: &Path, stdin: &[u8], events: &[Value]) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.stdin(Stdio::from(as_file(stdin)?));
    OWN_WORDS.iter().for_each(|name| {
        command.env_remove(name);
    });
    for (variable, key) in WORDS {
        let mut words = events.iter().map(|event| word(&event[key]));
        let first = words.next().unwrap_or_default();
        command.env(variable, if words.all(|word| word == first) { first } else { String::new() });
    }
    Ok(command)
}

/// A value as it stands in a variable: texts of a list with spaces between them, empty where there is none.
fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A text as a file in memory: whoever does not read it keeps nobody waiting, as it might with a pipe.
fn as_file(text: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("event", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_all_events_share_are_in_the_environment() {
        let events = [
            json!({"event": "link", "action": "change", "seq": 7, "signals": ["down", "carrier_lost"]}),
            json!({"event": "link", "action": "add", "seq": 8, "signals": ["down", "carrier_lost"]}),
        ];
        let environment = |events: &[Value]| -> Vec<String> {
            let command = prepare(Path::new("/bin/true"), b"", events).unwrap();
            let all: std::collections::HashMap<_, _> = command.get_envs().collect();
            WORDS.map(|(name, _)| all[OsStr::new(name)].unwrap().to_str().unwrap().to_owned()).into()
        };
        assert_eq!(environment(&events[..1]), ["link", "change", "", "down carrier_lost", "", "7", ""]);
        assert_eq!(environment(&events), ["link", "", "", "down carrier_lost", "", "", ""]);
        assert_eq!(environment(&[]), [""; 7]);
    }

    #[test]
    fn a_program_is_a_path_or_in_path() {
        let found = |name: &str, path: &str| program(OsStr::new(name), OsStr::new(path));
        assert_eq!(found("sh", "/nowhere:/bin"), Some("/bin/sh".into()));
        assert_eq!(found("/bin/sh", ""), Some("/bin/sh".into()));
        assert_eq!(found("sh", "/nowhere"), None);
        // A directory is none, nor what may not be run.
        assert_eq!(found("/bin", ""), None);
        assert_eq!(found("/etc/passwd", ""), None);
    }
}
