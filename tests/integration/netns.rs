//! linkhook in several network namespaces, with names in a /run of the test's own.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};
use std::time::Instant;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::deliver::{Configuration, body, webhook};
use crate::namespace::{Linkhook, Namespace, PATIENCE, PROGRAM};
use crate::receiver::Receiver;

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("two_names_are_watched_and_no_other", two_names),
    ("one_that_appears_is_told_with_all_that_is_in_it", appears),
    ("a_link_that_moves_there_and_back_is_seen_as_such", moves),
    ("one_that_is_deleted_is_let_go", deleted),
    ("a_name_that_leads_elsewhere_is_another_namespace", renewed),
    ("two_names_of_one_are_watched_once", two_names_of_one),
    ("a_hundred_are_watched", hundred),
    ("an_overrun_in_one_is_repaired_there", overrun),
    ("a_reader_that_does_not_read_holds_none", slow_reader),
    ("list_and_record_enter_them", list_and_record),
    ("one_that_goes_at_once_tells_nothing_that_did_not_happen", short_lives),
    ("wrong_names_are_explained", wrong_names),
    ("a_webhook_gets_those_that_it_names", configured),
];

fn started(world: &Namespace, arguments: &[&str]) -> Linkhook {
    let mut linkhook = world.linkhook(&[&["hello"], arguments].concat());
    linkhook.event("hello", "started");
    linkhook
}

/// The first line of a link of that name.
fn link(linkhook: &mut Linkhook, netns: Option<&str>, action: &str, name: &str) -> Value {
    linkhook.expect(&format!("{action} of {name} in {netns:?}"), |line| {
        line["event"] == "link"
            && line["action"] == action
            && line["ifname"] == name
            && line.get("netns") == netns.map(Value::from).as_ref()
    })
}

fn named(linkhook: &mut Linkhook, action: &str, name: &str) -> Value {
    let line = linkhook.expect(&format!("netns {action} {name}"), |line| {
        line["event"] == "namespace" && line["action"] == action && line["namespace"]["name"] == name
    });
    assert_eq!(line["origin"], "linkhook");
    line
}

fn is_moved(line: &Value) -> bool {
    line["signals"].as_array().is_some_and(|signals| signals.iter().any(|signal| signal == "moved_netns"))
}

/// linkhook lags, so that a namespace goes while its first dump runs: what is read of its queue then is older than the rows.
fn short_lives() -> Result<(), Failed> {
    let world = Namespace::with_names();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default().trim();
    let cpu = allowed.split([',', '-']).next().unwrap_or("0");
    let mut command = world.command("taskset");
    command.args(["-c", cpu, "nice", "-n", "19", PROGRAM, "hello", "link", "addr", "route", "--all-netns"]);
    let mut linkhook = Linkhook::start(command);
    linkhook.event("hello", "started");
    let changes: String = (1..=60).map(|number| format!("link set lo mtu {}\n", 1000 + number)).collect();
    world.run(&format!(
        "taskset -cp {cpu} $$ >/dev/null
         for number in $(seq 20); do
             ip netns add n$number; ip -n n$number -batch - <<'END'\n{changes}END
             ip netns del n$number
         done
         ip netns add end"
    ));
    // Those that linkhook has seen are told to their end before the next one that it sees.
    named(&mut linkhook, "added", "end");
    let (_, lines) = linkhook.stop();
    for netns in (1..=20).map(|number| format!("n{number}")) {
        let of_link = || lines.iter().filter(|line| line["event"] == "link" && line["netns"] == *netns);
        // It begins with 65536.
        let sizes: Vec<u64> =
            of_link().filter_map(|line| line["link"]["mtu"].as_u64()).map(|mtu| mtu % 65536).collect();
        assert!(sizes.is_sorted(), "{netns}: {sizes:?}");
        let times: Vec<&str> = of_link().filter_map(|line| line["ts"].as_str()).collect();
        assert!(times.is_sorted(), "{netns}: {times:?}");
    }
    Ok(())
}

fn two_names() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("for name in blue red green; do ip netns add $name; done");
    let mut linkhook = world.linkhook(&["hello", "link", "addr", "--netns", "blue", "--netns", "/run/netns/red"]);
    let hello = linkhook.event("hello", "started");
    assert_eq!(hello["hello"]["namespaces"], json!(["blue", "red"]));
    world.run(
        "ip link add own type veth; ip -n green link add other type veth; ip -n blue link add b0 type veth peer name b1
         ip -n red link add r0 type veth peer name r1
         ip -n blue addr add 10.0.0.1/24 dev b0; ip -n red addr add 10.0.0.2/24 dev r0
         ip -n blue link add end type veth; ip -n red link add end type veth",
    );
    for netns in ["blue", "red"] {
        linkhook.until_seen(netns, |line| line["netns"] == netns && line["ifname"] == "end");
    }
    let (status, lines) = linkhook.stop();
    assert!(status.success());
    // The interfaces have the same numbers, and each its name where it belongs.
    let added = |netns: &str| lines.iter().find(|line| line["event"] == "addr" && line["netns"] == netns).cloned();
    let (blue, red) = (added("blue").unwrap(), added("red").unwrap());
    assert_eq!((&blue["ifname"], &red["ifname"]), (&"b0".into(), &"r0".into()));
    assert_eq!(blue["ifindex"], red["ifindex"]);
    let own = lines.iter().filter(|line| line["event"] != "hello" && line["event"] != "bye");
    assert!(own.clone().all(|line| line["netns"] == "blue" || line["netns"] == "red"), "{lines:?}");
    Ok(())
}

fn appears() -> Result<(), Failed> {
    let world = Namespace::with_names();
    // There is not even the directory yet.
    let mut linkhook = started(&world, &["link", "addr", "--all-netns"]);
    for _ in 0..3 {
        world.run("ip netns add blue; ip -n blue link add b0 type veth peer name b1; ip link add own type veth");
        let added = named(&mut linkhook, "added", "blue");
        // Found by the first dump, told after it, or found by a look before that: new in any case.
        let line = link(&mut linkhook, Some("blue"), "add", "b0");
        assert!(line["origin"] != "snapshot" || line["cause"] == added["seq"], "{line}");
        assert!(linkhook.seen.iter().any(|line| line["netns"] == "blue" && line["ifname"] == "lo"));
        linkhook.until_seen("own", |line| line["ifname"] == "own" && line.get("netns").is_none());
        world.run("ip -n blue addr add 10.0.0.1/24 dev b0");
        let line = linkhook.event("addr", "add");
        assert_eq!((&line["netns"], &line["ifname"]), (&"blue".into(), &"b0".into()));
        world.run("ip link del own; ip netns del blue");
        named(&mut linkhook, "removed", "blue");
        linkhook.seen.clear();
    }
    let (status, _) = linkhook.stop();
    assert!(status.success());
    Ok(())
}

fn moves() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue; ip link add v0 type veth peer name v1; ip link add v2 type veth peer name v3");
    let mut linkhook = started(&world, &["link", "--all-netns"]);
    let is_removal = |line: &Value| line["ifname"] == "v1" && line["action"] == "remove";
    for round in 1..=5 {
        world.run("ip link set v1 netns blue");
        // Which of both namespaces is told first is not said.
        let line = link(&mut linkhook, Some("blue"), "add", "v1");
        assert!(is_moved(&line), "{line}");
        world.run("ip -n blue link set v1 netns $$");
        let line = link(&mut linkhook, None, "add", "v1");
        assert!(is_moved(&line), "{line}");
        while linkhook.seen.iter().filter(|line| is_removal(line)).count() < round * 2 {
            linkhook.expect("both removals", is_removal);
        }
    }
    // One that is removed and one that is made have not moved, though they have the same name.
    world.run("ip link del v3; ip -n blue link add v3 type veth peer name v4");
    let line = link(&mut linkhook, Some("blue"), "add", "v3");
    assert!(!is_moved(&line), "{line}");
    world.run("ip link add end type veth");
    link(&mut linkhook, None, "add", "end");
    let (_, lines) = linkhook.stop();
    let removed: Vec<&Value> = lines.iter().filter(|line| is_removal(line)).collect();
    assert_eq!(removed.len(), 10, "{removed:?}");
    assert!(removed.iter().all(|line| is_moved(line)), "{removed:?}");
    let deleted = lines.iter().find(|line| line["ifname"] == "v3" && line["action"] == "remove").unwrap();
    assert!(!is_moved(deleted), "{deleted}");
    Ok(())
}

fn deleted() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run(
        "ip netns add blue; ip netns add red; ip link add v0 type veth peer name v1; ip link set v1 netns blue
         touch /run/kept; mount --bind /run/netns/red /run/kept",
    );
    let mut linkhook = started(&world, &["link", "--all-netns"]);
    // v0 goes with its peer, once nothing holds blue: not linkhook either.
    world.run("ip netns del blue");
    named(&mut linkhook, "removed", "blue");
    linkhook.until_seen("v0", |line| line["action"] == "remove" && line["ifname"] == "v0");
    // red lives on without its name, and is not watched any more.
    world.run("ip -n red link add before type veth; ip netns del red");
    named(&mut linkhook, "removed", "red");
    assert!(linkhook.seen.iter().any(|line| line["ifname"] == "before" && line["netns"] == "red"));
    world.run("nsenter --net=/run/kept ip link add late type veth; ip link add end type veth");
    link(&mut linkhook, None, "add", "end");
    let (status, lines) = linkhook.stop();
    assert!(status.success());
    assert!(!lines.iter().any(|line| line["ifname"] == "late"), "{lines:?}");
    Ok(())
}

fn renewed() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue");
    let mut linkhook = started(&world, &["link", "--netns", "blue"]);
    for round in 0..5 {
        let name = format!("v{round}");
        world.run(&format!("ip netns del blue; ip netns add blue; ip -n blue link add {name} type veth"));
        named(&mut linkhook, "removed", "blue");
        named(&mut linkhook, "added", "blue");
        link(&mut linkhook, Some("blue"), "add", &name);
    }
    Ok(())
}

fn two_names_of_one() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue; ip netns add home; touch /run/netns/azure /run/netns/here");
    world.run("mount --bind /run/netns/blue /run/netns/azure; mount --bind /proc/self/ns/net /run/netns/here");
    let mut linkhook = world.linkhook(&["hello", "link", "--all-netns"]);
    let hello = linkhook.event("hello", "started");
    assert_eq!(hello["hello"]["namespaces"], json!(["azure", "home"]));
    world.run("ip -n blue link add b0 type veth; ip link add own type veth");
    // Which of both is told first is not said.
    for (netns, name) in [(Some("azure"), "b0"), (None, "own")] {
        linkhook.until_seen(name, |line| line["ifname"] == name && line.get("netns").and_then(Value::as_str) == netns);
    }
    // It goes on under its other name.
    world.run("umount /run/netns/azure; rm /run/netns/azure");
    named(&mut linkhook, "removed", "azure");
    named(&mut linkhook, "added", "blue");
    link(&mut linkhook, Some("blue"), "add", "b0");
    let (_, lines) = linkhook.stop();
    let own = lines.iter().filter(|line| line["ifname"] == "own" && line["action"] == "add");
    assert_eq!(own.count(), 1);
    Ok(())
}

fn hundred() -> Result<(), Failed> {
    const COUNT: usize = 100;
    let world = Namespace::with_names();
    world.run("for number in $(seq 100); do ip netns add n$number; done");
    // Fewer open files than are needed, so that the limit must be raised.
    let mut command = world.command("sh");
    command.args(["-c", &format!("ulimit -Sn 64; exec {PROGRAM} --all-netns hello link")]);
    let mut linkhook = Linkhook::start(command);
    let hello = linkhook.event("hello", "started");
    assert_eq!(hello["hello"]["namespaces"].as_array().map(Vec::len), Some(COUNT));
    world.run("for number in $(seq 100); do ip -n n$number link add v$number type veth; done");
    let mut told = HashSet::new();
    while told.len() < COUNT {
        let line = linkhook.expect("a link in each", |line| {
            let name = line["ifname"].as_str().unwrap_or_default();
            line["event"] == "link" && line["action"] == "add" && name.starts_with('v') && !name.starts_with("veth")
        });
        let (netns, name) = (line["netns"].as_str().unwrap().to_string(), line["ifname"].as_str().unwrap());
        assert_eq!(netns.trim_start_matches('n'), name.trim_start_matches('v'));
        told.insert(netns);
    }
    world.run("for number in $(seq 100); do ip netns del n$number; done");
    let mut removed = HashSet::new();
    while removed.len() < COUNT {
        let line = linkhook.event("namespace", "removed");
        removed.insert(line["namespace"]["name"].as_str().unwrap().to_string());
    }
    assert_eq!(removed, told);
    let (status, _) = linkhook.stop();
    assert!(status.success());
    Ok(())
}

/// A command that prints the adding of so many routes through a link, for `ip -batch`.
fn routes(prefix: &str, count: u32, link: &str) -> String {
    let (first, second) = prefix.split_once('.').unwrap();
    let address =
        format!("{first}.%d.%d.%d/32 dev {link}\\n\", {second} + int($1 / 65536), int($1 / 256) % 256, $1 % 256");
    format!("seq {count} | awk '{{ printf \"route add {address} }}'")
}

fn overrun() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue; ip netns add red; ip -n blue link add v0 type veth; ip -n blue link set v0 up");
    let arguments = ["link", "route", "--receive-buffer", "4KiB", "--netns", "red", "--netns", "blue"];
    let mut linkhook = started(&world, &arguments);
    for round in 0..3 {
        linkhook.signal(rustix::process::Signal::STOP);
        world.run(&format!(
            "{} >/run/batch; ip -n blue -batch /run/batch; ip -n red link add r{round} type veth",
            routes(&format!("10.{round}"), 500, "v0")
        ));
        linkhook.signal(rustix::process::Signal::CONT);
        assert_eq!(linkhook.event("overrun", "lost")["netns"], "blue");
        linkhook.expect("the repair", |line| line["event"] == "resync" && line["netns"] == "blue");
    }
    let routes: HashSet<String> = linkhook
        .seen
        .iter()
        .filter(|line| line["netns"] == "blue" && line["event"] == "route" && line["ifname"] == "v0")
        .map(|line| line["route"]["dst"].to_string())
        .collect();
    assert!(routes.len() >= 1500, "{}", routes.len());
    let gone: Vec<&Value> = linkhook.seen.iter().filter(|line| line["action"] == "remove").collect();
    assert!(gone.is_empty(), "{gone:?}");
    Ok(())
}

/// The kernel unmakes a namespace only when nobody has a socket in it.
fn slow_reader() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue; ip link add v0 type veth peer name v1; ip link set v1 netns blue; ip link set lo up");
    let mut child = world.command(PROGRAM).args(["hello", "route", "--all-netns"]).stdout(Stdio::piped()).spawn()?;
    // It reads the greeting, and then no more.
    let mut reader = BufReader::new(child.stdout.take().ok_or("stdout")?);
    let mut hello = String::new();
    reader.read_line(&mut hello)?;
    assert!(hello.contains("blue"), "{hello}");
    world.run(&format!("{} >/run/batch; ip -batch /run/batch; ip netns del blue", routes("10.0", 40_000, "lo")));
    let began = Instant::now();
    let is_there = || {
        let links = world.ip("link");
        links.as_array().is_some_and(|links| links.iter().any(|link| link["ifname"] == "v0"))
    };
    while is_there() && began.elapsed() < PATIENCE {}
    let left = is_there();
    child.kill()?;
    child.wait()?;
    assert!(!left, "v0 is still there, and so is blue");
    Ok(())
}

fn linkhook(world: &Namespace, arguments: &[&str]) -> Output {
    world.command(PROGRAM).args(arguments).output().expect("linkhook")
}

fn names_of(output: &Output) -> Vec<(Option<String>, String)> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout);
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().map(String::from);
    lines.map(|line| (text(&line["netns"]), text(&line["ifname"]).unwrap_or_default())).collect()
}

fn list_and_record() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue; ip netns add red; ip -n blue link add b0 type veth peer name b1");
    let line = |netns: &str, name: &str| (Some(netns.to_string()), name.to_string());
    let blue = [line("blue", "lo"), line("blue", "b1"), line("blue", "b0")];
    let found = names_of(&linkhook(&world, &["list", "link", "--netns", "blue"]));
    assert_eq!(found, blue);
    let found = names_of(&linkhook(&world, &["list", "link", "--netns", "red", "--netns", "/run/netns/blue"]));
    assert_eq!(found, [&[line("red", "lo")], &blue[..]].concat());
    let found = names_of(&linkhook(&world, &["list", "link", "--all-netns"]));
    assert_eq!(found, [&[(None, "lo".to_string())], &blue[..], &[line("red", "lo")]].concat());
    // The recording goes to a file outside of the namespace's own /run.
    let path = std::env::temp_dir().join(format!("linkhook-netns-{}.pcap", std::process::id()));
    let file = path.to_string_lossy().into_owned();
    let output = linkhook(&world, &["record", "link", "-o", &file, "--netns", "blue", "--timeout", "0"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = names_of(&linkhook(&world, &["decode", &file, "link"]));
    std::fs::remove_file(&path)?;
    assert_eq!(found.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["lo", "b1", "b0"]);
    Ok(())
}

fn wrong_names() -> Result<(), Failed> {
    let world = Namespace::with_names();
    let refused = |arguments: &[&str], told: &str| {
        let output = linkhook(&world, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(told) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
        output.status.code()
    };
    assert_eq!(refused(&["--netns", "blue"], "there is no network namespace 'blue' in /run/netns"), Some(2));
    world.run("ip netns add red; touch /run/netns/empty");
    for command in [&["--netns", "blue"][..], &["list", "--netns", "blue"], &["record", "-o", "-", "--netns", "blue"]] {
        assert_eq!(refused(command, "red"), Some(2));
        assert_eq!(refused(command, "'ip netns add blue' makes it"), Some(2));
    }
    assert_eq!(refused(&["--netns", "empty"], "/run/netns/empty is no network namespace"), Some(2));
    assert_eq!(refused(&["--netns", "/etc/passwd"], "/etc/passwd is no network namespace"), Some(2));
    assert_eq!(refused(&["--netns", "/proc/self/ns/uts"], "is no network namespace"), Some(2));
    assert_eq!(refused(&["--netns", "/no/such/file"], "no such file"), Some(2));
    assert_eq!(refused(&["--netns", ".."], "'..' is no name"), Some(2));
    assert_eq!(refused(&["--netns", "red", "--all-netns"], "cannot be used with"), Some(2));
    // Without a permission nobody enters another namespace.
    let script = format!("exec setpriv --bounding-set=-all --inh-caps=-all {PROGRAM} list link --netns red");
    let output = world.command("sh").args(["-c", &script]).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("cannot enter the network namespace 'red'") && told.contains("CAP_SYS_ADMIN"), "{told}");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}

/// What is watched is said in the configuration; the command line wins over it.
fn configured() -> Result<(), Failed> {
    let world = Namespace::with_names();
    world.run("ip netns add blue; ip netns add red");
    let mut blue = Receiver::inside(&world, "200");
    let hook = webhook("blue", blue.port, "netns = [\"bl*\"]");
    let configuration =
        Configuration::new(&format!("[watch]\nkinds = [\"hello\", \"link\"]\nnetns = [\"blue\", \"red\"]\n{hook}"));
    let mut linkhook = world.linkhook(&["--config", configuration.path()]);
    assert_eq!(linkhook.event("hello", "started")["hello"]["namespaces"], json!(["blue", "red"]));
    world.run("ip -n red link add r0 type veth; ip -n blue link add b0 type veth peer name b1");
    let mut names = HashSet::new();
    while names.len() < 2 {
        let events = body(&blue.next())["events"].as_array().unwrap().clone();
        assert!(events.iter().all(|event| event["netns"] == "blue"), "{events:?}");
        names.extend(events.iter().map(|event| event["ifname"].as_str().unwrap().to_owned()));
    }
    assert_eq!(names, HashSet::from(["b0".to_owned(), "b1".to_owned()]));
    let mut linkhook = world.linkhook(&["--config", configuration.path(), "--netns", "red"]);
    assert_eq!(linkhook.event("hello", "started")["hello"]["namespaces"], json!(["red"]));
    Ok(())
}
