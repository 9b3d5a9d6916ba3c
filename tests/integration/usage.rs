//! What is said of wrong usage: the place and the way out, and status 2.

use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::namespace::{Namespace, PROGRAM};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("each_wrong_usage_names_the_way_out", wrong),
    ("options_may_stand_anywhere", anywhere),
    ("help_lists_words", help),
];

/// Those in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[("own_events_come_where_nothing_is_narrowed_or_by_name", own_events)];

/// The arguments, and what must be in the answer.
const WRONG: &[(&str, &[&str])] = &[
    ("rote", &["unknown kind 'rote'", "did you mean 'route'?"]),
    ("lnik", &["did you mean 'link'?"]),
    ("lsit", &["no command 'lsit'", "did you mean 'list'?"]),
    ("interfaces", &["unknown kind 'interfaces'; there are link, "]),
    ("link,,addr", &["a kind's name is empty", "comma"]),
    ("link list", &["linkhook list link"]),
    ("audit", &["'audit'", "not followed", "auditd"]),
    ("--action ad link", &["unknown action 'ad'", "did you mean 'add'?"]),
    ("--action created", &["unknown action 'created'; there are add, "]),
    ("--signal carrier_lots", &["did you mean 'carrier_lost'?"]),
    ("--signal linkdown", &["unknown signal 'linkdown'; there are moved_netns, "]),
    ("--family ipv4", &["--family", "inet, inet6"]),
    ("--family inet,ip6", &["'ip6'", "inet, inet6"]),
    ("--timeout soon", &["--timeout", "500ms"]),
    ("--timeout -5", &["--timeout", "'-5'", "500ms"]),
    ("-t 5x", &["'5x'", "500ms"]),
    ("--verify often", &["--verify", "500ms"]),
    ("--count -1", &["--count", "from 1 on"]),
    ("--count 0", &["--count", "from 1 on"]),
    ("--count many", &["--count", "from 1 on"]),
    ("--receive-buffer big", &["--receive-buffer", "64KiB"]),
    ("--format jsn", &["--format", "json, text", "'json'"]),
    ("--format xml", &["--format", "json, text"]),
    ("--json --text", &["--json", "--text"]),
    ("--color blue", &["--color", "auto, always, never"]),
    ("-o json", &["--format json", "./json"]),
    ("-o text", &["--format text", "./text"]),
    ("record -o pcap", &["--format pcap", "./pcap"]),
    ("record link", &["--output"]),
    ("record hello -o x", &["'hello'", "no recording"]),
    ("record --format json -o x", &["pcap, rtmon"]),
    ("decode", &["FILE"]),
    ("check /nonexistent/linkhook.toml", &["/nonexistent/linkhook.toml"]),
    ("--timout 5", &["'--timout'", "'--timeout'"]),
    ("--nothing", &["'--nothing'", "--help"]),
    ("list --initial", &["'--initial' is an option of", "'watch'", "Usage: linkhook list"]),
    ("--netns blue --all-netns", &["--netns", "--all-netns"]),
    ("--interface [", &["'['"]),
    ("--filter .event.", &["line 1, column"]),
    ("--filter selekt(.a)", &["no filter named selekt"]),
    ("addr --signal carrier_lost", &["nothing would ever be told", "carrier_lost is a signal of link"]),
    ("nsid -i eth0", &["nothing would ever be told", "nsid concerns no interface"]),
    ("addr --severity err", &["nothing would ever be told", "addr", "err"]),
    ("maddr --severity info", &["nothing would ever be told", "debug at most"]),
    ("wait", &["wait for what", "link-up eth0"]),
    ("wait link-up", &["wants an interface's name", "linkhook wait link-up eth0"]),
    ("wait neigh eth0", &["wants an IP address"]),
    ("wait link-up eth0 route", &["'route' does not go with 'link-up eth0'"]),
    ("wait link-up eth0 --signal up", &["--signal", "linkhook wait addr --action add"]),
    ("wait addr --any", &["--any and --all go with several words"]),
    ("wait .a .b", &["two jq expressions", "'and'"]),
    ("wait .a==", &["line 1, column"]),
    ("wait lnik", &["did you mean 'link'?"]),
    ("wait hello", &["'hello'", "the kernel's"]),
    ("wait link --timeout soon", &["--timeout", "500ms"]),
    ("exec link", &["COMMAND"]),
    ("exec hello -- true", &["'hello'", "the kernel's"]),
    ("exec link -- /nonexistent/program", &["'/nonexistent/program'"]),
    ("exec link --output x -- true", &["'--output'"]),
    ("fdb -4", &["nothing would ever be told", "address family"]),
    ("--action present", &["--initial", "linkhook list"]),
    ("--initial --action present --signal up", &["tell of changes"]),
    ("list --action add", &["'add'", "linkhook watch"]),
    ("list --signal up", &["--signal", "linkhook watch"]),
    ("list neigh_miss", &["cannot be listed", "linkhook watch neigh_miss"]),
    ("list hello", &["'hello'", "linkhook watch hello"]),
    ("--config /nonexistent/linkhook.toml", &["/nonexistent/linkhook.toml"]),
    ("--print .a==", &["in --print, line 1, column"]),
    ("--print . --json", &["--print", "--json"]),
    ("--fields lnik.mtu", &["did you mean 'link.mtu'?"]),
    ("--fields ts,link.mut", &["did you mean 'link.mtu'?"]),
    ("--fields when", &["no line has the key 'when'; there are v, ts"]),
    ("--table mian", &["unknown routing table 'mian'; did you mean 'main'?"]),
    ("addr --table main", &["nothing would ever be told", "no routing table"]),
    ("record -o /dev/ptmx", &["binary", "linkhook record -o - | linkhook decode -"]),
    ("--netns-dir /x --netns blue", &["--netns-dir", "--netns"]),
    ("-q -v", &["--quiet", "--verbose"]),
    ("man watc", &["unknown page 'watc'; did you mean 'watch'?"]),
    ("man nothing-of-the-kind", &["there are linkhook, watch, "]),
    ("completions tcsh", &["'tcsh'", "bash, zsh, fish"]),
    ("completions", &["SHELL"]),
    ("schema rote", &["unknown kind 'rote'", "did you mean 'route'?"]),
    (
        "wireguard",
        &["the kernel tells nothing of wireguard", "--poll 10s", "poll = \"10s\"", "linkhook list wireguard"],
    ),
    ("wait wireguard_peer", &["--poll 10s"]),
    ("exec wireguard -- true", &["--poll 10s"]),
    ("wireguard --poll 0", &["--poll", "more than nothing"]),
    ("nflog", &["nflog needs the groups", "--nflog-group N", "nflog = { groups = [N] }"]),
    ("wait nflog", &["--nflog-group N"]),
    ("exec nflog -- true", &["--nflog-group N"]),
    ("record nflog -o /dev/null", &["--nflog-group N"]),
    ("link --nflog-group 5", &["'nflog', which is not named"]),
    ("nflog --nflog-group 65536", &["--nflog-group", "65535"]),
    ("list nflog --nflog-group 5", &["'--nflog-group' is an option of", "'watch'"]),
    ("list nflog", &["cannot be listed", "linkhook watch nflog"]),
    ("metrics", &["nothing would ever be told", "metrics = \"1m\"", "--config"]),
];

fn linkhook(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn wrong() -> Result<(), Failed> {
    let mut failed = Vec::new();
    for (arguments, parts) in WRONG {
        let (status, stdout, stderr) = linkhook(&arguments.split(' ').collect::<Vec<_>>());
        let told = parts.iter().all(|part| stderr.contains(part));
        if status != Some(2) || !told || !stdout.is_empty() || stderr.contains("use '-- ") {
            failed.push(format!("{arguments}: status {status:?}, expected {parts:?}, found {stderr}{stdout}"));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn anywhere() -> Result<(), Failed> {
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/route.rtmon");
    let behind = linkhook(&["decode", recording, "route", "addr", "--count", "3"]);
    assert_eq!((behind.0, behind.1.lines().count()), (Some(0), 3), "{}", behind.2);
    for arguments in [
        &["--count", "3", "decode", recording, "route", "addr"][..],
        &["-q", "--count=3", "decode", recording, "r,a"],
        &["--json", "--family", "inet,inet6,mpls", "decode", "--count", "3", recording, "ro", "address"],
    ] {
        assert_eq!(linkhook(arguments).1, behind.1, "{arguments:?}");
    }
    Ok(())
}

fn help() -> Result<(), Failed> {
    for arguments in [&["--help"][..], &["help", "watch"], &["list", "--help"]] {
        let (status, told, _) = linkhook(arguments);
        assert_eq!(status, Some(0));
        for word in ["nexthop_bucket", "forwarding databases", "carrier_lost", "overrun", "l[ink]"] {
            assert!(told.contains(word), "{arguments:?}: {word}");
        }
    }
    assert!(linkhook(&["check", "--help"]).1.contains("[default: /etc/linkhook/linkhook.toml]"));
    Ok(())
}

fn own_events() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let told = |arguments: &[&str]| {
        let output = namespace.command(PROGRAM).args(["--timeout", "0.5"]).args(arguments).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["event"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(&[]), ["hello", "bye"]);
    for narrowed in
        [&["link"][..], &["-4"], &["--action", "add"], &["--signal", "up"], &["--filter", "."], &["-i", "lo"]]
    {
        assert!(told(narrowed).is_empty(), "{narrowed:?}");
    }
    assert_eq!(told(&["hello", "link"]), ["hello"]);
    assert_eq!(told(&["ready", "link"]), ["ready"]);
    assert_eq!(told(&["--initial", "link"]), ["link", "ready"]);
    assert_eq!(told(&["--initial", "link", "--filter", ".link.mtu > 0"]), ["link", "ready"]);
    // Own events alone: no object, though there is a link.
    assert_eq!(told(&["--initial", "overrun"]), ["ready"]);
    let all = told(&["--initial"]);
    assert_eq!((all[0].as_str(), all[all.len() - 2].as_str(), all[all.len() - 1].as_str()), ("hello", "ready", "bye"));
    Ok(())
}
