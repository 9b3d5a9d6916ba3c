//! Each row against what is read.

use std::path::PathBuf;

use super::*;
use crate::config::read_at;

/// Files that examples name.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        let path = std::env::temp_dir().join(format!("linkhook-settings-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (name, label) in [("ca.pem", "CERTIFICATE"), ("client.pem", "CERTIFICATE"), ("client.key", "PRIVATE KEY")] {
            std::fs::write(path.join(name), format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n")).unwrap();
        }
        std::fs::write(path.join("noc.secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        std::fs::write(path.join("token"), "hush-hush-hush-hush").unwrap();
        Directory(path)
    }

    fn read(&self, text: &str) -> Result<String, String> {
        let text = text.replace("/etc/linkhook", &self.0.display().to_string());
        // Without what is only a warning.
        let read = read_at(&self.0.join("l.toml"), &text).map_err(|error| error.to_string())?;
        Ok(format!("{:?}", (read.watch, read.outputs, read.http, read.level, read.sandbox, read.webhooks)))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration with those lines in a table; what it needs beside them stands there, too.
fn text(title: &str, key: &str, line: &str) -> String {
    let unless = |needed: &str, text: &str| if key == needed { String::new() } else { text.to_owned() };
    let hook = |line: &str| format!("[[webhook]]\nname = \"noc\"\nurl = \"http://h/\"\nproxy = \"none\"\n{line}");
    match title.split_once(" of ") {
        None if title == "[output]" => {
            let path = if ["address", "facility"].contains(&key) { "syslog" } else { "a" };
            format!("[output]\n{}{line}", unless("path", &format!("path = \"{path}\"\n")))
        }
        None if title == "[history]" => format!("[watch]\nstate_dir = \"/s\"\n[history]\n{line}"),
        None if title == "[http]" => format!("[http]\n{}{line}", unless("listen", "listen = \"127.0.0.1:1\"\n")),
        None if title == "[[webhook]]" => {
            let (name, url) = (unless("name", "name = \"noc\"\n"), unless("url", "url = \"http://h/\"\n"));
            let url = if key == "settle_same" { format!("{url}settle = \"1s\"\n") } else { url };
            let name = if key == "signature" { format!("{name}secret = \"hush\"\n") } else { name };
            let name = if key == "metadata" { format!("{name}format = \"loki\"\n") } else { name };
            format!("[[webhook]]\n{name}{url}{}{line}", unless("proxy", "proxy = \"none\"\n"))
        }
        None if title == "[[exec]]" => {
            let name = unless("name", "name = \"failover\"\n");
            let name = if key == "settle_same" { format!("{name}settle = \"1s\"\n") } else { name };
            format!("[[exec]]\n{name}{}{line}", unless("command", "command = [\"/bin/true\"]\n"))
        }
        None => format!("{title}\n{line}"),
        Some(("nflog", _)) => {
            let groups = unless("groups", "groups = [5], ");
            format!("[watch]\nnflog = {{ {groups}{line} }}")
        }
        Some((table, "[watch]")) => format!("[watch]\n{table} = {{ {line} }}"),
        Some(("rotate", _)) => {
            let size = unless("size", "size = \"1MiB\", ");
            format!("[output]\npath = \"a\"\nrotate = {{ {size}{line} }}")
        }
        Some(("tls", _)) => {
            let other = match key {
                "cert" => ", key = \"/etc/linkhook/client.key\"",
                "key" => ", cert = \"/etc/linkhook/client.pem\"",
                _ => "",
            };
            hook(&format!("tls = {{ {line}{other} }}"))
        }
        Some((table, _)) => hook(&format!("{table} = {{ {line} }}")),
    }
}

#[test]
fn examples_are_good_defaults_are_true_and_bounds_hold() {
    let directory = Directory::new();
    for Settings { title, keys } in SETTINGS {
        for Setting { key, default, beyond, example, .. } in *keys {
            let read = |value: &str| directory.read(&text(title, key, &format!("{key} = {value}")));
            let with_example = read(example).unwrap_or_else(|error| panic!("{title} {key} = {example}: {error}"));
            let without = directory.read(&text(title, key, ""));
            if !default.is_empty() {
                assert_eq!(read(default).as_ref(), Ok(without.as_ref().unwrap()), "{title} {key} = {default}");
            }
            // It says something.
            if let Ok(without) = without {
                assert!(
                    with_example != without || *example == *default || *key == "format",
                    "{title} {key} = {example}"
                );
            }
            if !beyond.is_empty() {
                let told = read(beyond).expect_err(&format!("{title} {key} = {beyond}"));
                assert!(told.contains(key), "{title} {key} = {beyond}: {told}");
            }
        }
    }
}
