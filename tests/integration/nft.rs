//! nf_tables in a network namespace: what is told adds up to what `linkhook list` and `nft` show.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::deliver::Configuration;
use crate::namespace::{Linkhook, Namespace, PROGRAM};
use crate::store::State;

/// Tests that need `nft`.
pub const TESTS: &[crate::Test] = &[
    ("what_is_told_adds_up_to_the_ruleset", adds_up),
    ("a_set_made_again_with_another_type_has_its_own_elements", set_again),
    ("a_commit_says_who_made_it", commit),
    ("elements_alone_are_read_by_their_sets", elements_alone),
    ("a_lost_commit_is_repaired", lost),
    ("families_are_those_of_nft", families),
    ("what_changed_meanwhile_is_told_of_each_protocol", meanwhile),
];

/// Why these tests cannot run here, beside what [`crate::namespace::obstacle`] says.
pub fn obstacle() -> Option<String> {
    let version = Command::new("nft").arg("--version").output();
    match version {
        Ok(output) if output.status.success() => None,
        _ => Some("there is no nft; Debian's package nftables has it".into()),
    }
}

/// Runs `nft` on a ruleset.
fn nft(namespace: &Namespace, ruleset: &str) {
    namespace.run(&format!("nft -f - <<'END'\n{ruleset}\nEND"));
}

fn watching(namespace: &Namespace, arguments: &[&str]) -> Linkhook {
    let mut linkhook = namespace.linkhook(&[&["ready"], arguments].concat());
    linkhook.event("ready", "synced");
    linkhook
}

/// A state directory is shared by the places of all protocols, and in the sandbox each may still ask the kernel.
fn meanwhile() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let state = State::new();
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\", \"nft_table\", \"ethtool_features\"]\nstate_dir = \"{}/state\"\n\
         [security]\nsandbox = \"auto\"\n",
        state.0.path().display()
    ));
    let told = || -> BTreeSet<(String, String)> {
        let linkhook = namespace.linkhook(&["--config", configuration.path(), "--verify", "100ms", "--timeout", "1s"]);
        let (status, lines) = { linkhook }.rest();
        assert!(status.success());
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let beside_hello = lines.iter().filter(|line| line["event"] != "hello");
        beside_hello.map(|line| (text(line, "event"), text(line, "origin"))).collect()
    };
    let both = |kinds: [&str; 3]| kinds.map(|kind| (kind.to_owned(), "offline".to_owned())).into();
    assert_eq!(told(), BTreeSet::new());
    namespace.run("ip link add v0 type veth peer name v1");
    nft(&namespace, "add table ip a");
    assert_eq!(told(), both(["ethtool_features", "link", "nft_table"]));
    namespace.run("ip link del v0");
    nft(&namespace, "delete table ip a");
    assert_eq!(told(), both(["ethtool_features", "link", "nft_table"]));
    assert_eq!(told(), BTreeSet::new());
    Ok(())
}

/// What tells an object apart, by its line.
fn identity(line: &Value) -> String {
    let kind = line["event"].as_str().unwrap_or_default();
    let object = &line[kind];
    let keys: &[&str] = match kind {
        "nft_table" => &["family", "name"],
        "nft_chain" | "nft_rule" => &["family", "table", "handle"],
        "nft_element" => &["family", "table", "name", "key", "key_end", "flags"],
        "nft_object" => &["family", "table", "kind", "name"],
        _ => &["family", "table", "name"],
    };
    keys.iter().fold(kind.to_owned(), |identity, key| format!("{identity} {}", object[key]))
}

/// An object without what never counts as a change.
fn settled(mut object: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for key in ["use", "packets", "bytes", "used", "consumed", "expires", "position", "count"] {
                    members.remove(key);
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut object);
    object
}

/// What lines add up to.
fn folded<'l>(lines: impl IntoIterator<Item = &'l Value>) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    for line in lines {
        let kind = line["event"].as_str().unwrap_or_default();
        if !kind.starts_with("nft_") || kind == "nft_gen" {
            continue;
        }
        let known = objects.contains_key(&identity(line));
        match line["action"].as_str() {
            Some("remove") => {
                assert!(known, "what is removed was there: {line}");
                objects.remove(&identity(line));
            }
            Some(action) => {
                assert_eq!(action == "change", known, "{line}");
                objects.insert(identity(line), settled(line[kind].clone()));
            }
            None => {}
        }
    }
    objects
}

/// What `linkhook list` shows.
fn listed(namespace: &Namespace, kinds: &[&str]) -> Vec<Value> {
    let output = namespace.command(PROGRAM).arg("list").args(kinds).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.split(|&octet| octet == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Everything up to a commit of a name of the test's own, so that nothing more comes.
fn up_to_now(linkhook: &mut Linkhook, namespace: &Namespace) {
    nft(namespace, "add table ip last_of_all");
    linkhook.expect("the last table", |line| line["nft_table"]["name"] == "last_of_all");
}

/// All kinds of objects, and most that can be said of them.
const RULESET: &str = r#"
table inet fw {
  comment "main"
  counter c1 { packets 5 bytes 700; comment "a counter"; }
  quota q1 { over 10 mbytes used 5 kbytes; }
  limit l1 { rate over 10/second burst 5 packets; }
  limit l2 { rate 400 kbytes/minute burst 2 kbytes; }
  set s1 { type ipv4_addr; flags interval; comment "set"; elements = { 10.5.0.0/16, 192.168.0.1-192.168.0.9 comment "el" }; }
  set s2 { type ipv4_addr . inet_service; flags interval; elements = { 10.5.0.1 . 80-90 }; }
  set s3 { type ether_addr; flags dynamic,timeout; timeout 1h; elements = { 02:00:00:00:00:01 }; }
  set s4 { type ifname; elements = { "eth0", "lo" }; }
  set s5 { type mark; elements = { 0x105 }; }
  map m1 { type ipv4_addr : ipv4_addr . inet_service; elements = { 10.5.0.1 : 1.2.3.4 . 8080 }; }
  map m2 { type inet_service : verdict; elements = { 22 : accept, 80 : jump sub }; }
  map m3 { type ipv4_addr : counter; elements = { 10.5.9.9 : "c1" }; }
  chain sub { counter return; }
  chain in {
    type filter hook input priority filter; policy accept;
    ct state vmap { established : accept, invalid : drop }
    iifname lo counter accept comment "loop"
    ip saddr @s1 counter name c1 drop
    tcp dport vmap @m2
    limit rate 5/minute burst 3 packets log prefix "x: " level info
    tcp dport { 1, 2, 5-9 } drop
  }
}
table netdev nd {
  chain i { type filter hook ingress device lo priority 0; }
}
"#;

fn adds_up() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up");
    // The first commit makes the kernel load what it needs.
    nft(&namespace, "add table inet before");
    let mut linkhook = watching(&namespace, &["nft", "--initial"]);
    for ruleset in [
        RULESET,
        "add rule inet fw in udp dport 53 accept comment \"dns\"; insert rule inet fw in drop",
        "add element inet fw s1 { 172.16.0.0/12 }; add element inet fw s5 { 7 comment \"seven\" }; add element inet fw s3 { 02:00:00:00:00:02 }",
        "delete element inet fw s1 { 10.5.0.0/16 }; delete element inet fw s4 { \"eth0\" }",
        "chain inet fw in { policy drop; }",
        "rename chain inet fw sub below",
        "add chain netdev nd both { type filter hook ingress devices = { v0, v1 } priority 1; }",
        "flush set inet fw s2",
        "delete map inet fw m3",
        "delete table netdev nd",
        "flush chain inet fw in",
        "table ip6 other { set s { type ipv6_addr; elements = { fd00::1 }; }; chain c { ip6 saddr @s drop; }; }",
        "delete table ip6 other; table ip6 other { set s { type inet_service; elements = { 80 }; }; }",
    ] {
        nft(&namespace, ruleset);
    }
    up_to_now(&mut linkhook, &namespace);
    let kinds = ["nft_table", "nft_chain", "nft_rule", "nft_set", "nft_element", "nft_object", "nft_flowtable"];
    let (told, shown) = (folded(&linkhook.seen), folded(&listed(&namespace, &kinds)));
    for (identity, object) in &shown {
        // What comes and goes by itself is told, and not kept.
        assert_eq!(told.get(identity), Some(object), "{identity}");
    }
    let extra: Vec<&String> = told.keys().filter(|identity| !shown.contains_key(*identity)).collect();
    assert!(extra.is_empty(), "told and not there: {extra:?}");
    hold_against_nft(&namespace, &shown);
    let policy = linkhook.seen.iter().find(|line| line["signals"][0] == "policy_drop").ok_or("no policy_drop")?;
    assert_eq!(policy["changed"]["policy"], serde_json::json!({"old": "accept", "new": "drop"}));
    assert!(linkhook.seen.iter().any(|line| line["changed"]["name"]["new"] == "below"), "the chain's new name");
    Ok(())
}

/// `nft -j list ruleset` has as many objects of each kind, but for what it hides.
fn hold_against_nft(namespace: &Namespace, shown: &BTreeMap<String, Value>) {
    let output = namespace.command("nft").args(["-j", "list", "ruleset"]).output().unwrap();
    let ruleset: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |words: &[&str]| {
        let items = ruleset["nftables"].as_array().into_iter().flatten();
        items.filter(|item| words.iter().any(|word| item.get(word).is_some())).count()
    };
    let of_kind = |kind: &str| {
        let is_told =
            |object: &&Value| !object["flags"].as_array().is_some_and(|flags| flags.contains(&"anonymous".into()));
        let prefix = format!("{kind} ");
        let objects = shown.iter().filter(|(identity, _)| identity.starts_with(&prefix)).map(|(_, object)| object);
        objects.filter(is_told).count()
    };
    for (kind, words) in [
        ("nft_table", &["table"][..]),
        ("nft_chain", &["chain"]),
        ("nft_rule", &["rule"]),
        ("nft_set", &["set", "map"]),
        ("nft_object", &["counter", "quota", "limit"]),
        ("nft_flowtable", &["flowtable"]),
    ] {
        assert_eq!(of_kind(kind), count(words), "{kind}");
    }
}

fn set_again() -> Result<(), Failed> {
    let namespace = Namespace::new();
    nft(&namespace, "table inet t { set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 }; }; }");
    let mut linkhook = watching(&namespace, &["nft", "--initial"]);
    nft(&namespace, "delete set inet t s; table inet t { set s { type mark; elements = { 5, 0x0100000a }; }; }");
    up_to_now(&mut linkhook, &namespace);
    let elements = |action: &str| {
        let of = |line: &&Value| line["event"] == "nft_element" && line["action"] == action;
        let mut keys: Vec<String> = linkhook
            .seen
            .iter()
            .filter(of)
            .map(|line| line["nft_element"]["key"][0].as_str().unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(elements("remove"), ["10.0.0.1", "10.0.0.2"]);
    // 0x0100000a is, on this machine, what 10.0.0.1 was: other octets with another meaning, or the same ones.
    assert_eq!(elements("add"), ["16777226", "5"]);
    let gone = linkhook.seen.iter().position(|line| line["event"] == "nft_element" && line["action"] == "remove");
    let removed = linkhook.seen.iter().find(|line| line["event"] == "nft_set" && line["action"] == "remove");
    let gone = &linkhook.seen[gone.ok_or("no element is removed")?];
    assert_eq!(gone["origin"], "inferred");
    assert_eq!(gone["cause"], removed.ok_or("the set is removed")?["seq"]);
    folded(&linkhook.seen);
    Ok(())
}

fn commit() -> Result<(), Failed> {
    let namespace = Namespace::new();
    nft(&namespace, "add table inet before");
    let mut linkhook = watching(&namespace, &["nft"]);
    nft(&namespace, "table inet t { chain c { type filter hook input priority 0; }; }");
    let chain = linkhook.event("nft_chain", "add");
    let generation = linkhook.event("nft_gen", "change");
    assert_eq!(generation["signals"], serde_json::json!(["ruleset_changed"]));
    assert_eq!(generation["nft_gen"]["comm"], "nft");
    assert_eq!(chain["actor"]["comm"], "nft", "{chain}");
    assert_eq!(chain["actor"]["pid"], generation["nft_gen"]["pid"]);
    nft(&namespace, "flush ruleset");
    let flushed = linkhook.event("nft_gen", "change");
    assert_eq!(flushed["signals"], serde_json::json!(["ruleset_flushed", "ruleset_changed"]));
    assert_eq!(flushed["severity"], "warning");
    assert_eq!(
        flushed["nft_gen"]["id"].as_u64(),
        generation["nft_gen"]["id"].as_u64().map(|id| id + 1),
        "each commit is one more"
    );
    let listed = listed(&namespace, &["nft"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["nft_gen"]["id"], flushed["nft_gen"]["id"]);
    Ok(())
}

fn elements_alone() -> Result<(), Failed> {
    let namespace = Namespace::new();
    nft(&namespace, "table inet t { set s { type ipv4_addr; elements = { 10.0.0.1 }; }; }");
    let mut linkhook = watching(&namespace, &["nft_element", "--initial"]);
    assert_eq!(linkhook.seen[0]["nft_element"]["key"], serde_json::json!(["10.0.0.1"]));
    nft(&namespace, "table inet t { set s2 { type inet_service; elements = { 80 }; }; }");
    assert_eq!(linkhook.event("nft_element", "add")["nft_element"]["key"], serde_json::json!(["80"]));
    let listed = listed(&namespace, &["nft_element"]);
    assert!(listed.iter().all(|line| line["event"] == "nft_element"));
    assert_eq!(listed.len(), 2);
    assert!(linkhook.seen.iter().all(|line| line["event"] != "nft_set"), "sets are not told");
    Ok(())
}

/// More than a small buffer holds is lost, counted, and made good.
fn lost() -> Result<(), Failed> {
    let namespace = Namespace::new();
    nft(&namespace, "table inet t { set s { type ipv4_addr; }; }");
    let mut linkhook = watching(&namespace, &["nft", "--receive-buffer", "8KiB"]);
    linkhook.signal(rustix::process::Signal::STOP);
    let elements: Vec<String> = (0..2000).map(|number| format!("10.1.{}.{}", number / 250, number % 250)).collect();
    nft(&namespace, &format!("add element inet t s {{ {} }}", elements.join(", ")));
    linkhook.signal(rustix::process::Signal::CONT);
    let overrun = linkhook.event("overrun", "lost");
    assert_eq!(overrun["overrun"]["protocol"], "netfilter");
    linkhook.event("resync", "done");
    up_to_now(&mut linkhook, &namespace);
    let there = folded(linkhook.seen.iter().filter(|line| line["event"] == "nft_element"));
    assert_eq!(there.len(), 2000);
    Ok(())
}

fn families() -> Result<(), Failed> {
    let namespace = Namespace::new();
    nft(&namespace, "add table inet both; add table ip four; add table ip6 six; add table arp neither");
    let names = |option: &str| {
        let listed = listed(&namespace, &["nft_table", option]);
        let mut names: Vec<String> =
            listed.iter().map(|line| line["nft_table"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("-4"), ["both", "four"]);
    assert_eq!(names("-6"), ["both", "six"]);
    Ok(())
}
