//! What the text format says, rule by rule; and that every kind's title says which object it is.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::painter::Painter;
use super::terminal::Width;
use super::value::{Scratch, Value};
use super::{NARROW_COLUMNS, Style, Text, title};
use crate::decode::key;
use crate::decode::schema::{Kind, ObjectKey};
use crate::decode::title::Word;
use crate::decode::write_object;
use crate::json::{Json, steers};
use crate::kinds::{self, KINDS, split};
use crate::mirror::Mirror;
use crate::netlink::socket::NETLINK_ROUTE;
use crate::netlink::wire::{self, NLMSG_MIN_TYPE};
use crate::recording::Reader;

const WHOLE: Style = Style { colours: false, utc: true, ascii: false, width: Width::Whole, bare: false };

/// A line that has these members behind its time, as text in a style, without the line of its day.
fn styled(style: Style, members: &str) -> String {
    let json = format!("{{\"v\":1,\"ts\":\"2026-11-24T00:13:05.424828Z\",\"seq\":1,{members}}}\n");
    let mut text = Text::new(style);
    text.line(json.as_bytes());
    text.line(json.as_bytes()).trim_end_matches('\n').to_owned()
}

fn told(members: &str) -> String {
    styled(WHOLE, members)
}

/// A change of a link, with the members of `changed`.
fn link_change(signals: &str, changed: &str) -> String {
    format!(
        r#""event":"link","action":"change","origin":"kernel","ifname":"eth0","ifindex":3,"signals":[{signals}],"changed":{{{changed}}},"link":{{"ifname":"eth0","link_type":"ether"}}"#
    )
}

const CARRIER: &str = r#""flags":{"old":["UP","LOWER_UP"],"new":["NO-CARRIER","UP"]},"operstate":{"old":"UP","new":"DOWN"},"carrier":{"old":true,"new":false}"#;

#[test]
fn a_change_says_what_happened_then_what_differs() {
    assert_eq!(
        told(&link_change(r#""carrier_lost""#, CARRIER)),
        "00:13:05.424    eth0   carrier lost          link ether operstate UP → DOWN +NO-CARRIER -LOWER_UP carrier true → false"
    );
    assert_eq!(
        told(&link_change("", r#""mtu":{"old":1500,"new":9000}"#)),
        "00:13:05.424    eth0   changed               link ether mtu 1500 → 9000"
    );
}

#[test]
fn what_came_or_went_has_its_sign() {
    let line = told(&link_change("", r#""ifalias":{"new":"up link"},"master":{"old":"br0"},"locked":{"old":true}"#));
    assert!(line.ends_with(" link ether -master br0 +ifalias up link -locked"), "{line}");
    let line = told(&link_change("", r#""altnames":{"old":["a","b"],"new":["b","c","d"]}"#));
    assert!(line.ends_with(" altnames +c +d -a"), "{line}");
    // The number beside a name says nothing more; what is long goes without its beginning.
    let line = told(&link_change(
        "",
        r#""group":{"old":"default","new":"7"},"group_id":{"old":0,"new":7},"linkinfo.info_data.id":{"old":1,"new":2}"#,
    ));
    assert!(line.ends_with(" link ether id 1 → 2 group default → 7"), "{line}");
}

#[test]
fn a_name_in_place_of_another_and_numbers_are_values() {
    let neigh = |changed: &str| {
        told(&format!(
            r#""event":"neigh","action":"change","origin":"kernel","ifname":"eth0","changed":{{{changed}}},"neigh":{{"dst":"10.0.0.1"}}"#
        ))
    };
    let line = neigh(r#""state":{"old":["STALE"],"new":["REACHABLE"]}"#);
    assert!(line.ends_with(" neigh 10.0.0.1 state STALE → REACHABLE"), "{line}");
    let line = neigh(r#""weights":{"old":[1,2],"new":[2,1]}"#);
    assert!(line.ends_with(" weights 1,2 → 2,1"), "{line}");
}

const MULTIPATH: &str = r#""route":{"family":"inet","type":"unicast","dst":"default","table":"77","metric":100,"nexthops":[{"gateway":"10.0.0.2","dev":"v0","weight":1},{"gateway":"10.0.1.2","dev":"v1","weight":5}]}"#;

#[test]
fn a_route_says_every_word_that_makes_it_another_one() {
    let line = told(&format!(r#""event":"route","action":"add","origin":"kernel",{MULTIPATH}"#));
    assert_eq!(
        line,
        "00:13:05.424    -      added                 route default nexthop via 10.0.0.2 dev v0, via 10.0.1.2 dev v1 weight 5 metric 100 table 77"
    );
    let line = told(&format!(
        r#""event":"route","action":"change","origin":"kernel","changed":{{"nexthops":{{"old":[{{"gateway":"10.0.0.2","dev":"v0","weight":1}}],"new":[]}}}},{MULTIPATH}"#
    ));
    assert!(line.ends_with(" nexthops -(via 10.0.0.2 dev v0)"), "{line}");
    let route = |object: &str| {
        told(&format!(r#""event":"route","action":"remove","origin":"kernel","ifname":"v0","route":{{{object}}}"#))
    };
    let line = route(r#""family":"inet6","type":"unicast","dst":"default","gateway":"fe80::1","table":"main""#);
    assert!(line.ends_with(" v0     removed               route inet6 default via fe80::1"), "{line}");
    let line = route(r#""family":"mpls","type":"unicast","dst":"100","via":{"family":"inet","host":"10.0.0.2"}"#);
    assert!(line.ends_with(" route mpls 100 via inet 10.0.0.2"), "{line}");
    let line = route(r#""family":"inet","type":"blackhole","dst":"10.0.0.0/8","table":"main","metric":0"#);
    assert!(line.ends_with(" route blackhole 10.0.0.0/8"), "{line}");
}

#[test]
fn signals_say_what_happened_and_the_action_where_they_do_not() {
    let route = |action: &str| {
        told(&format!(
            r#""event":"route","action":"{action}","origin":"kernel","ifname":"v0","signals":["default_route"],"route":{{"dst":"default"}}"#
        ))
    };
    assert!(route("add").contains(" v0     default route added   route default"), "{}", route("add"));
    assert!(route("remove").contains(" default route removed route default"));
    let addr = |action: &str| {
        told(&format!(
            r#""event":"addr","action":"{action}","origin":"kernel","ifname":"v0","signals":["addr_ready","unheard_of"],"addr":{{"local":"10.0.0.1","prefixlen":24,"label":"v0","scope":"global"}}"#
        ))
    };
    assert!(addr("add").ends_with(" added, is ready, unheard_of addr 10.0.0.1/24"), "{}", addr("add"));
    assert!(addr("change").ends_with(" v0     is ready, unheard_of  addr 10.0.0.1/24"), "{}", addr("change"));
}

#[test]
fn how_it_is_known_and_who_did_it_stand_last() {
    let line = |origin: &str| {
        told(&format!(
            r#""netns":"blue","event":"addr","action":"remove","origin":"{origin}","ifname":"v0","actor":{{"port":6421,"pid":6421,"comm":"ip"}},"addr":{{"local":"10.0.0.1","prefixlen":24}}"#
        ))
    };
    assert_eq!(line("kernel"), "00:13:05.424    [blue] v0     removed               addr 10.0.0.1/24 by ip[6421]");
    assert!(line("inferred").ends_with(" addr 10.0.0.1/24 (inferred) by ip[6421]"));
}

#[test]
fn severity_is_a_colour_or_a_mark() {
    let line = |style, severity: &str| {
        styled(
            style,
            &format!(
                r#""event":"neigh","action":"remove","origin":"kernel","severity":"{severity}","ifname":"v0","neigh":{{"dst":"10.0.0.1"}}"#
            ),
        )
    };
    assert!(line(WHOLE, "warning").starts_with("00:13:05.424 !  v0 "));
    assert!(line(WHOLE, "err").starts_with("00:13:05.424 !! v0 "));
    assert!(line(WHOLE, "notice").starts_with("00:13:05.424    v0 "));
    let colours = Style { colours: true, ..WHOLE };
    assert_eq!(
        line(colours, "warning"),
        "\x1b[2m00:13:05.424\x1b[0m \x1b[36mv0\x1b[0m     \x1b[1;33mremoved\x1b[0m               \x1b[2mneigh\x1b[0m 10.0.0.1"
    );
}

#[test]
fn a_line_is_fitted_to_the_terminal_by_what_matters_least() {
    let at = |columns, members: &str| styled(Style { width: Width::Columns(columns), ..WHOLE }, members);
    let members = format!(
        r#"{},"actor":{{"port":1,"pid":6421,"comm":"ip"}}"#,
        link_change(r#""carrier_lost""#, &format!(r#"{CARRIER},"x":{{"old":1,"new":2}}"#))
    );
    let whole = told(&members);
    assert_eq!(at(200, &members), whole);
    let least = "00:13:05.424    eth0   carrier lost link ether";
    for columns in 20..NARROW_COLUMNS {
        let line = at(columns, &members);
        let rows: Vec<&str> = line.lines().collect();
        assert!(rows.iter().skip(1).all(|row| row.chars().count() <= columns), "{columns}: {line}");
        assert_eq!(
            rows.join("").split_whitespace().take(6).collect::<Vec<_>>(),
            least.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()
        );
    }
    assert_eq!(at(90, &members), format!("{least} operstate UP → DOWN … 4 more by ip[6421]"));
    assert_eq!(at(75, &members), format!("{least} operstate UP → DOWN … 4 more"));
    assert_eq!(at(60, &members), format!("{least} … 5 more"));
    assert_eq!(at(50, &members), least);
    // A long value is cut at a terminal alone.
    let long = link_change("", &format!(r#""ifalias":{{"old":"{}"}}"#, "a".repeat(99)));
    assert!(told(&long).ends_with(&"a".repeat(99)));
    let line = at(200, &long);
    assert!(line.ends_with(&format!(" -ifalias {}…", "a".repeat(49))), "{line}");
    // What differs most is cut where even that has no room.
    let line = at(80, &long);
    assert!(line.ends_with("aaa…") && line.chars().count() == 80, "{line}");
    let line = styled(Style { ascii: true, width: Width::Columns(80), ..WHOLE }, &long);
    assert!(line.ends_with("aaa...") && line.chars().count() == 80, "{line}");
    // Colours take no columns.
    let colours = Style { colours: true, width: Width::Columns(90), ..WHOLE };
    let escape = |text: &str| text.chars().filter(|&letter| letter == '\x1b').count();
    let line = styled(colours, &members);
    assert!(line.contains(" … 4 more") && escape(&line) > 9, "{line}");
}

#[test]
fn a_title_that_has_no_room_goes_on_in_the_next_row() {
    let members = format!(r#""event":"route","action":"add","origin":"kernel",{MULTIPATH}"#);
    let line = styled(Style { width: Width::Columns(80), ..WHOLE }, &members);
    assert_eq!(
        line.lines().collect::<Vec<_>>(),
        [
            "00:13:05.424    -      added     route default nexthop via 10.0.0.2 dev v0, via",
            "                     10.0.1.2 dev v1 weight 5 metric 100 table 77"
        ]
    );
}

#[test]
fn without_utf_8_nothing_but_ascii_is_shown() {
    let members = link_change("", r#""ifalias":{"old":"ü\u009b","new":"é"},"x_is_long":{"old":1,"new":2}"#);
    let line = styled(Style { ascii: true, width: Width::Columns(72), ..WHOLE }, &members);
    assert!(line.ends_with(" link ether ifalias ?? -> ? ... 1 more"), "{line}");
}

#[test]
fn the_day_is_told_at_the_start_and_when_it_changes() {
    let mut text = Text::new(WHOLE);
    let mut line = |time: &str| {
        let json = format!(r#"{{"ts":"{time}","event":"nsid","action":"add","origin":"kernel","nsid":{{"nsid":7}}}}"#);
        text.line(json.as_bytes()).to_owned()
    };
    let first = line("2026-11-24T23:59:59.999999Z");
    assert_eq!(first, "2026-11-24 Tuesday, UTC+00:00\n23:59:59.999    -      added                 nsid 7\n");
    assert!(line("2026-11-24T23:59:59.999999Z").starts_with("23:59:59.999 "));
    assert!(line("2026-11-25T00:00:00.000001Z").starts_with("2026-11-25 Wednesday, UTC+00:00\n00:00:00.000 "));
    assert!(line("no time").starts_with("--:--:-- "));
}

#[test]
fn own_events_are_sentences() {
    let own = |event: &str, action: &str, object: &str| {
        let line =
            told(&format!(r#""event":"{event}","action":"{action}","origin":"linkhook","{event}":{{{object}}}"#));
        line.split_once(" -      ").map(|(_, told)| told.to_owned()).unwrap_or(line)
    };
    for (event, action, object, sentence) in [
        (
            "hello",
            "started",
            r#""version":"0.1.0","kernel":"6.12","kinds":["link","addr"],"groups":[1],"receive_buffer":1"#,
            "watching link, addr: linkhook 0.1.0 on Linux 6.12",
        ),
        (
            "hello",
            "started",
            r#""version":"0.1.0","kernel":"6.12","kinds":["a","b","c","d","e","f","g"],"namespaces":["blue"]"#,
            "watching 7 kinds in blue: linkhook 0.1.0 on Linux 6.12",
        ),
        ("ready", "synced", "", "that is what is there; what changes follows"),
        (
            "overrun",
            "lost",
            r#""lost":312,"since":"2026-11-24T00:13:04.123456Z","kinds":["link"]"#,
            "312 notifications lost since 00:13:04.123, of link",
        ),
        ("overrun", "lost", r#""lost":null"#, "notifications lost"),
        (
            "resync",
            "done",
            r#""added":1,"changed":2,"removed":0,"took":"0.050000s""#,
            "made good: 1 added, 2 changed, 0 removed, in 0.050000 s",
        ),
        ("namespace", "added", r#""name":"blue""#, "namespace blue appeared"),
        ("namespace", "removed", r#""name":"blue""#, "namespace blue is gone"),
        (
            "output",
            "dropped",
            r#""webhook":"noc","events":1,"reason":"spool full""#,
            "1 event dropped for webhook noc: spool full",
        ),
        ("output", "recovered", r#""path":"/x","lasted":"3.000000s""#, "/x can be written again, after 3.000000 s"),
        ("undecoded", "kept", r#""error":"too short","hex":"00""#, "message kept undecoded: too short: 00"),
        ("bye", "stopped", r#""lines":52"#, "stopped after 52 lines"),
        (
            "metrics",
            "measured",
            r#""lines":52,"lost":1,"mirror_objects":0"#,
            "52 lines told, 1 notification lost, 0 objects known",
        ),
        (
            "metrics",
            "measured",
            r#""lines":0,"obstacles":["the disk is full"]"#,
            "0 lines told, 0 notifications lost, 0 objects known; not ready: the disk is full",
        ),
        ("weather", "told", r#""lines":{"a":1}"#, "weather told: lines {a 1}"),
    ] {
        assert_eq!(own(event, action, object), sentence, "{event}");
    }
}

#[test]
fn each_own_event_has_a_sentence() {
    for own in crate::event::own::OWN_EVENTS {
        let sentence = super::own::sentence(own.name, own.action, &Value::Null, str::to_owned);
        assert!(sentence.is_some(), "{} {}", own.name, own.action);
    }
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let json = br#"{"ts":"2026-11-24T00:13:05.424828Z","netns":"\u001b[2J","event":"link","action":"change","origin":"kernel","ifname":"e\u001b[31m","signals":["\u0007"],"changed":{"\u001bkey":{"new":["\u001b[2J",{"a":"\u009b"}]}},"actor":{"comm":"\u001b[0m"},"link":{"link_type":"e\u001b[31m\u0007\u202e"}}"#;
    let line = |json: &[u8], colours| Text::new(Style { colours, ..WHOLE }).line(json).to_owned();
    let told = line(json, false);
    assert!(told.lines().count() == 2 && !told.lines().any(|line| line.contains(steers)), "{told:?}");
    // In colours nothing but the colours has an escape.
    let coloured = line(json, true);
    let mut plain = String::new();
    for (place, part) in coloured.split('\x1b').enumerate() {
        let ours = ["[0m", "[1m", "[2m", "[31m", "[32m", "[36m", "[1;31m", "[1;33m"];
        let end = ours.iter().find_map(|code| part.strip_prefix(code));
        plain.push_str(if place == 0 { part } else { end.unwrap() });
    }
    assert_eq!(plain, told.replace("424   ", "424"));
    assert!(!line(b"no \x1b[31m JSON\n", true).trim_end().contains(steers));
}

#[test]
fn the_longest_name_so_far_makes_the_column() {
    let mut text = Text::new(WHOLE);
    let mut column = |name: &str, netns: &str| {
        let json = format!(
            r#"{{"ts":"2026-11-24T00:13:05.4Z",{netns}"event":"addr","action":"add","origin":"kernel","ifname":"{name}","addr":{{"local":"::1"}}}}"#
        );
        text.line(json.as_bytes()).lines().last().unwrap().find("added").unwrap()
    };
    let usual = column("eth0", "");
    assert_eq!(column("br-0123456789ab", ""), usual + 9);
    assert_eq!(column("eth0", ""), usual + 9);
    assert_eq!(column("br-0123456789ab-and-more", ""), usual + 18);
    assert_eq!(column("eth0", ""), usual + 9);
    // " [blue]" has seven.
    assert_eq!(column("eth0", r#""netns":"blue","#), usual + 16);
    assert_eq!(column("eth0", ""), usual + 16);
}

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "jsonl"));
    files.sort();
    files
}

/// Every object of the kernel's in all recordings: its kind and its payload, and what is known of links by then.
fn each_object(mut each: impl FnMut(&'static Kind, &[u8], &Mirror)) {
    for path in recordings() {
        let mut reader = Reader::open(File::open(path).unwrap()).unwrap();
        let mut mirror = Mirror::new();
        while let Ok(Some(recorded)) = reader.next() {
            let datagram = if recorded.protocol == NETLINK_ROUTE { recorded.datagram } else { &[] };
            for message in wire::messages(datagram).filter(|message| message.header.kind >= NLMSG_MIN_TYPE) {
                let family = message.payload.first().copied().unwrap_or_default();
                let Some((kind, _)) = kinds::of_message(message.header.kind, family) else { continue };
                let kind = kind.table();
                // Requests have shorter headers, or no attributes.
                if message.header.kind % 4 >= 2 || message.payload.len() <= kind.header.bytes {
                    continue;
                }
                if kind.is(&kinds::rtnetlink::link::LINK) {
                    mirror.links.note(message.payload, false);
                }
                if kind.split.is_empty() {
                    each(kind, message.payload, &mirror);
                } else {
                    split::split(kind, message.payload).iter().for_each(|payload| each(kind, payload, &mirror));
                }
            }
        }
    }
}

fn title_of(kind: &Kind, payload: &[u8], mirror: &Mirror) -> String {
    let mut json = Json::new();
    write_object(&mut json, kind, &kind.context(payload, &mirror.links));
    let object: Value<'_> = serde_json::from_slice(json.bytes()).unwrap();
    let mut out = Painter::default();
    let said = kind.title.iter().filter(|word| !word.detail);
    for word in said {
        title::say(&mut out, word, &object, "", &mut Scratch::default());
    }
    out.text().to_owned()
}

/// Interfaces are told apart by their index: a name may be another one's later.
#[test]
fn a_title_is_never_empty_and_tells_objects_of_one_kind_apart() {
    let mut titles: HashMap<(&str, Option<u32>, String), ObjectKey> = HashMap::new();
    let mut kinds_seen = HashSet::new();
    let mut wrong = Vec::new();
    each_object(|kind, payload, mirror| {
        let title = title_of(kind, payload, mirror);
        if title.is_empty() {
            wrong.push(format!("{}: an empty title", kind.name));
        }
        kinds_seen.insert(kind.name);
        // What is an event, without a state, is each time another one.
        if kind.identity.is_none() {
            return;
        }
        let mut object = ObjectKey::new();
        key::write(&mut object, kind, payload);
        let name = (kind.name, kind.interface_of(payload), title.clone());
        let known = titles.entry(name).or_insert_with(|| object.clone());
        if *known != object {
            wrong.push(format!("{}: two objects are called{title}", kind.name));
        }
    });
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(kinds_seen.len() > 20, "{kinds_seen:?}");
}

/// The paths of words, those of each element too.
fn paths(words: &[Word], before: &str, all: &mut Vec<String>) {
    for word in words {
        for path in [word.path, word.or].into_iter().chain(word.when.map(|(path, _)| path)) {
            if !path.is_empty() {
                all.push(format!("{before}{path}"));
            }
        }
        paths(word.each, &format!("{before}{}.", word.path), all);
    }
}

/// The paths of a value's members, those of each element too.
fn member_paths(value: &Value<'_>, before: &str, all: &mut HashSet<String>) {
    for item in value.list().unwrap_or_default() {
        member_paths(item, before, all);
    }
    for (key, value) in value.members() {
        let path = format!("{before}{key}");
        member_paths(value, &format!("{path}."), all);
        all.insert(path);
    }
}

/// A word that is misspelt would say nothing, and no expected line would show it. What the reference says of an action
/// stands under no kind: the recordings have it.
#[test]
fn the_reference_or_a_recording_has_every_key_of_a_title() {
    let mut recorded: HashMap<String, HashSet<String>> = HashMap::new();
    for path in recordings() {
        let lines = std::fs::read_to_string(format!("{}.jsonl", path.display())).unwrap();
        for line in lines.lines() {
            let event: Value<'_> = serde_json::from_str(line).unwrap();
            let kind = event.text_of("event");
            let object = event.get(kind).unwrap_or(&Value::Null);
            member_paths(object, "", recorded.entry(kind.to_owned()).or_default());
        }
    }
    // A filter has the same actions.
    let actions = recorded.get("tc_action").cloned().unwrap_or_default();
    let filters = recorded.entry("filter".to_owned()).or_default();
    filters.extend(actions.iter().map(|path| format!("options.actions.{path}")));
    let reference = include_str!("../../../docs/events.md");
    let mut missing = Vec::new();
    for kind in KINDS {
        assert!(kind.title.iter().any(|word| !word.detail), "{} has no title", kind.name);
        let begin = reference.find(&format!("\n### {}\n", kind.name)).unwrap() + 1;
        let end = reference[begin..].find("\n### ").map_or(reference.len(), |length| begin + length);
        let keys = reference[begin..end].lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let mut keys: HashSet<String> = keys.map(|(key, _)| plain_key(key)).collect();
        keys.extend(recorded.remove(kind.name).unwrap_or_default());
        let mut all = Vec::new();
        paths(kind.title, "", &mut all);
        missing.extend(all.into_iter().filter(|path| !keys.contains(path)).map(|path| format!("{} {path}", kind.name)));
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// A key of the reference without its marks of lists and choices.
fn plain_key(key: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in key.replace("[]", "").chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}
