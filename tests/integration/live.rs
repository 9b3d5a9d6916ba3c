//! linkhook in a real network namespace, with real links, addresses and routes.

use libtest_mimic::Failed;
use serde_json::Value;

use crate::namespace::{Linkhook, Namespace};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("each_change_is_a_line", each_change),
    ("hello_comes_first_and_bye_last", hello_and_bye),
    ("initial_is_what_ip_shows", initial),
    ("a_rename_is_told_once", rename),
    ("an_interface_is_asked_for_by_any_of_its_names", any_name),
    ("a_name_that_is_not_utf8_is_told_and_asked_for", odd_name),
    ("the_neighbours_that_the_kernel_makes_for_itself_are_not_told", kernels_own_neighbours),
    ("ipv4_routes_leave_with_their_link", silent_link_down),
    ("what_leaves_with_a_link_is_told_before_the_next_one_of_its_name_comes", silent_link_again),
    ("ipv4_routes_leave_with_the_last_address", silent_address),
    ("routes_and_groups_leave_with_their_nexthop", silent_nexthop),
    ("a_rule_is_detached_with_its_link", silent_rule),
    ("legs_of_a_route_die_and_recover", silent_legs),
    ("routes_among_many_follow_their_links_carrier", carrier_among_many),
    ("legs_that_join_a_route_are_told_as_ip_shows_it", joining_legs),
    ("duplicate_address_detection_ends_in_ready_or_failed", duplicate_addresses),
    ("an_overrun_is_told_exactly_and_repaired", overrun),
    ("a_stopped_linkhook_tells_the_truth_afterwards", stopped),
    ("verify_finds_no_difference", verify),
    ("bridge_ports_and_links_do_not_damage_each_other", bridge),
    ("a_recording_of_it_decodes", record),
    ("a_recording_has_what_existed_of_a_bridges_multicast", record_multicast),
    ("links_that_flap_are_told_as_often_as_they_do", flaps),
    ("a_link_is_added_once_and_removed_once", short_lives),
    ("what_comes_by_itself_is_found_once_it_is_quiet", by_itself),
    ("a_bridge_is_told_among_its_ports", bridge_itself),
    ("a_links_options_that_are_not_told", untold_link),
    ("a_tentative_address_changes_untold", tentative),
    ("a_links_queueing_discipline_is_told", discipline),
    ("the_last_default_route_is_missed_and_its_return_told", default_routes),
    ("what_repeats_a_links_event_is_not_told", repeats),
    ("a_line_says_how_much_it_matters", severity),
];

fn started(namespace: &Namespace, arguments: &[&str]) -> Linkhook {
    let mut linkhook = namespace.linkhook(&[&["hello"], arguments].concat());
    linkhook.event("hello", "started");
    linkhook
}

fn has_signal(line: &Value, signal: &str) -> bool {
    line["signals"].as_array().is_some_and(|signals| signals.iter().any(|found| found == signal))
}

/// linkhook and a pair of links that are up, `v0` with 10.0.0.1/24.
pub fn pair(kinds: &[&str]) -> (Namespace, Linkhook) {
    let namespace = Namespace::new();
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up; ip addr add 10.0.0.1/24 dev v0",
    );
    let linkhook = started(&namespace, kinds);
    (namespace, linkhook)
}

fn each_change() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = started(&namespace, &["link", "addr", "route", "rule", "neigh", "nexthop"]);
    namespace.run("ip link add v0 type veth peer name v1");
    let line =
        linkhook.expect("v0", |line| line["event"] == "link" && line["action"] == "add" && line["ifname"] == "v0");
    assert_eq!(line["link"]["linkinfo"]["info_kind"], "veth");
    namespace.run("ip link set v1 up; ip link set v0 up");
    linkhook.expect("carrier", |line| line["ifname"] == "v0" && has_signal(line, "carrier_up"));
    assert!(linkhook.seen.iter().any(|line| line["ifname"] == "v0" && has_signal(line, "up")));
    namespace.run("ip addr add 10.0.0.1/24 dev v0");
    let line = linkhook.event("addr", "add");
    assert_eq!((&line["addr"]["local"], &line["ifname"]), (&"10.0.0.1".into(), &"v0".into()));
    assert!(has_signal(&line, "addr_ready"));
    namespace.run("ip route add default via 10.0.0.2");
    let line = linkhook.expect("default", |line| line["route"]["dst"] == "default");
    assert!(has_signal(&line, "default_route") && line["route"]["gateway"] == "10.0.0.2");
    namespace.run("ip route change default via 10.0.0.3");
    let line = linkhook.event("route", "change");
    assert_eq!(line["changed"], serde_json::json!({"gateway": {"old": "10.0.0.2", "new": "10.0.0.3"}}));
    namespace.run("ip rule add from 10.1.0.0/16 table 100; ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0");
    assert_eq!(linkhook.event("rule", "add")["rule"]["table_id"], 100);
    // A look may find multicast neighbours of the kernel's meanwhile.
    linkhook.expect("neigh", |line| line["neigh"]["lladdr"] == "02:00:00:00:00:09" && line["action"] == "add");
    namespace.run("ip nexthop add id 7 via 10.0.0.5 dev v0; ip link del v0");
    assert_eq!(linkhook.event("nexthop", "add")["nexthop"]["id"], 7);
    let line =
        linkhook.expect("v0", |line| line["event"] == "link" && line["action"] == "remove" && line["ifname"] == "v0");
    // Of a removed one, all that was known of it.
    assert_eq!(line["link"]["linkinfo"]["info_kind"], "veth");
    Ok(())
}

fn hello_and_bye() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&[]);
    let hello = linkhook.event("hello", "started");
    assert_eq!((&hello["v"], &hello["seq"], &hello["origin"]), (&1.into(), &1.into(), &"linkhook".into()));
    assert!(hello["hello"]["kinds"].as_array().is_some_and(|kinds| kinds.len() > 10));
    let listed_only = hello["hello"]["listed_only"].as_array();
    assert!(listed_only.is_some_and(|kinds| kinds.contains(&"addrlabel".into())), "{hello}");
    namespace.run("ip link add v0 type veth");
    linkhook.event("link", "add");
    let (status, lines) = linkhook.stop();
    assert!(status.success(), "{status}");
    assert_eq!(lines.last().map(|line| line["event"].clone()), Some("bye".into()));
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap in seq: {numbers:?}");
    Ok(())
}

/// The dump of a namespace and what `ip` shows agree, by count and by name.
fn initial() -> Result<(), Failed> {
    let (namespace, _) = pair(&["link"]);
    namespace.run("ip route add 10.9.0.0/16 via 10.0.0.2; ip rule add fwmark 3 table 7");
    let mut linkhook = namespace.linkhook(&["list", "link", "addr", "route", "rule"]);
    let (status, lines) = linkhook.rest();
    assert!(status.success());
    let names = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    let links = namespace.ip("link");
    assert_eq!(names("link"), links.as_array().map_or(0, Vec::len));
    let routes = ["-4", "-6"]
        .map(|family| namespace.ip(&format!("{family} route show table all")).as_array().map_or(0, Vec::len));
    assert_eq!(names("route"), routes.iter().sum::<usize>());
    assert!(lines.iter().all(|line| line["action"] == "present" && line["origin"] == "snapshot"));
    Ok(())
}

fn rename() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["link", "addr", "route"]);
    namespace.run("ip link set v0 down; ip link set v0 name w0; ip link set w0 up");
    let line = linkhook.expect("renamed", |line| has_signal(line, "renamed"));
    assert_eq!(line["changed"]["ifname"], serde_json::json!({"old": "v0", "new": "w0"}));
    namespace.run("ip addr del 10.0.0.1/24 dev w0");
    let line = linkhook.event("addr", "remove");
    assert_eq!(line["ifname"], "w0");
    let repeated =
        linkhook.seen.iter().filter(|line| line["action"] == "add" && line["addr"]["local"] == "10.0.0.1").count();
    assert_eq!(repeated, 0, "the address is told again");
    Ok(())
}

fn any_name() -> Result<(), Failed> {
    let (namespace, mut all) = pair(&["link", "addr"]);
    namespace.run("ip link property add dev v0 altname alternative0");
    all.expect("an alternative name", |line| line["link"]["altnames"] == serde_json::json!(["alternative0"]));
    let mut by = ["v0", "w0", "alternative0"].map(|name| started(&namespace, &["link", "addr", "--interface", name]));
    let mut all_but = started(&namespace, &["addr", "--interface", "!alternative0"]);
    namespace.run("ip link set v0 down; ip link set v0 name w0; ip link set w0 up");
    for linkhook in &mut by {
        let line = linkhook.expect("renamed", |line| has_signal(line, "renamed"));
        assert_eq!(line["changed"]["ifname"], serde_json::json!({"old": "v0", "new": "w0"}));
    }
    // From here on the old name is nobody's.
    namespace.run(
        "ip addr add 10.0.0.7/24 dev w0; ip addr add 10.0.0.8/24 dev v1; ip link set w0 name v0; ip link set v1 down",
    );
    let [_, by_new, by_alternative] = &mut by;
    for linkhook in [by_new, by_alternative] {
        linkhook.expect("an address", |line| line["addr"]["local"] == "10.0.0.7");
    }
    let [by_old, ..] = &mut by;
    by_old.expect("renamed again", |line| line["changed"]["ifname"]["new"] == "v0");
    assert!(
        !by_old.seen.iter().any(|line| line["addr"]["local"] == "10.0.0.7"),
        "told of an interface of another name"
    );
    all_but.expect("another interface's address", |line| line["addr"]["local"] == "10.0.0.8");
    assert!(!all_but.seen.iter().any(|line| line["ifname"] == "w0"), "told though an alternative name is left out");
    Ok(())
}

fn odd_name() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = started(&namespace, &["link", "--interface", r"et\xff*"]);
    // The second one's name has a backslash, an x and two letters where the first one has one octet.
    namespace.run(r#"ip link add "$(printf 'et\\xffh0')" type veth peer name v0; ip link add "$(printf 'et\377h0')" type veth peer name v1"#);
    let line = linkhook.event("link", "add");
    assert_eq!(line["link"]["ifname"], r"et\xffh0");
    assert_eq!(
        namespace.linkhook(&["list", "link", "-i", r"et\x5cxffh0"]).event("link", "present")["ifname"],
        r"et\x5cxffh0"
    );
    Ok(())
}

fn kernels_own_neighbours() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["neigh", "addr", "--initial"]);
    // An address that comes makes the kernel send to multicast groups; one that somebody makes permanent is told.
    namespace
        .run("ip addr add fd00::1/64 dev v0; ip -6 neigh add ff02::77 lladdr 33:33:00:00:00:77 dev v0 nud permanent");
    linkhook.expect("by hand", |line| line["neigh"]["dst"] == "ff02::77" && line["action"] == "add");
    linkhook.expect("ready", |line| line["addr"]["local"] == "fd00::1" && has_signal(line, "addr_ready"));
    let shown = namespace.ip("-6 neigh show nud noarp").to_string();
    assert!(shown.contains("ff02::16"), "the kernel has made none: {shown}");
    let mut list = namespace.linkhook(&["list", "neigh", "-6"]);
    list.expect("by hand", |line| line["neigh"]["dst"] == "ff02::77");
    let (_, listed) = list.rest();
    assert!(listed.iter().all(|line| line["neigh"]["state"] != serde_json::json!(["NOARP"])), "{listed:?}");
    namespace.run(
        "ip -6 neigh del ff02::77 dev v0; ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0; ip link set v0 down",
    );
    linkhook.expect("by hand", |line| line["neigh"]["dst"] == "ff02::77" && line["action"] == "remove");
    linkhook.expect("gone", |line| line["neigh"]["dst"] == "10.0.0.9" && line["action"] == "remove");
    let is_kernels_own = |line: &&Value| {
        line["event"] == "neigh" && !["ff02::77", "10.0.0.9"].iter().any(|dst| line["neigh"]["dst"] == *dst)
    };
    let told: Vec<&Value> = linkhook.seen.iter().filter(is_kernels_own).collect();
    assert!(told.iter().all(|line| line["neigh"]["state"] != serde_json::json!(["NOARP"])), "{told:?}");
    Ok(())
}

/// Waits for the removal of that route without a notification.
fn gone(linkhook: &mut Linkhook, destination: &str) -> Value {
    linkhook.expect(destination, |line| {
        line["event"] == "route"
            && line["action"] == "remove"
            && line["origin"] == "inferred"
            && line["route"]["dst"] == destination
    })
}

fn silent_link_down() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["link", "route"]);
    namespace.run("ip route add 10.9.0.0/16 via 10.0.0.2");
    linkhook.expect("route", |line| line["route"]["dst"] == "10.9.0.0/16");
    namespace.run("ip link set v0 down");
    let line = gone(&mut linkhook, "10.9.0.0/16");
    let cause = linkhook.seen.iter().find(|seen| seen["seq"] == line["cause"]).expect("the cause is a line");
    assert_eq!(cause["event"], "link");
    Ok(())
}

fn silent_link_again() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["link", "route", "nexthop"]);
    let lead_there =
        "route add 10.9.0.0/16 via 10.0.0.2\nnexthop add id 7 via 10.0.0.3 dev v0\nroute add 10.8.0.0/16 nhid 7\n";
    namespace.batch(lead_there);
    linkhook.expect("route", |line| line["route"]["dst"] == "10.8.0.0/16");
    let again = "link del v0\nlink add v0 type veth peer name v1\nlink set v1 up\nlink set v0 up\n\
                 addr add 10.0.0.1/24 dev v0\n";
    let rounds = 5;
    for _ in 0..rounds {
        namespace.batch(&format!("{again}{lead_there}"));
        linkhook.expect("route", |line| line["route"]["dst"] == "10.8.0.0/16" && line["action"] == "add");
    }
    let told = |is_it: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        linkhook.seen.iter().filter(|line| is_it(line)).map(|line| line["action"].clone()).collect()
    };
    let both = ["add", "remove"];
    for expected in [
        told(&|line| line["route"]["dst"] == "10.9.0.0/16"),
        told(&|line| line["route"]["dst"] == "10.8.0.0/16"),
        told(&|line| line["nexthop"]["id"] == 7),
    ] {
        assert!(expected.iter().eq(both.iter().cycle().take(2 * rounds + 1)), "{expected:?}");
    }
    Ok(())
}

fn silent_address() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["addr", "route"]);
    namespace.run("ip route add 10.9.0.0/16 via 10.0.0.2 dev v0");
    linkhook.expect("route", |line| line["route"]["dst"] == "10.9.0.0/16");
    namespace.run("ip addr del 10.0.0.1/24 dev v0");
    gone(&mut linkhook, "10.9.0.0/16");
    Ok(())
}

fn silent_nexthop() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["nexthop", "route"]);
    namespace
        .run("ip nexthop add id 1 via 10.0.0.2 dev v0; ip nexthop add id 9 group 1; ip route add 10.9.0.0/16 nhid 9");
    linkhook.expect("route", |line| line["route"]["dst"] == "10.9.0.0/16");
    namespace.run("ip nexthop del id 1");
    gone(&mut linkhook, "10.9.0.0/16");
    Ok(())
}

fn silent_rule() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["rule"]);
    namespace.run("ip rule add iif v1 table 9");
    linkhook.event("rule", "add");
    namespace.run("ip link del v0");
    let line = linkhook.event("rule", "change");
    assert_eq!(line["changed"]["iif_detached"], serde_json::json!({"new": true}));
    Ok(())
}

fn silent_legs() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["route"]);
    namespace.run(
        "ip link add w0 type veth peer name w1; ip link set w1 up; ip link set w0 up; ip addr add 10.1.0.1/24 dev w0; \
         ip route add 10.9.0.0/16 nexthop via 10.0.0.2 dev v0 nexthop via 10.1.0.2 dev w0",
    );
    linkhook.expect("route", |line| line["route"]["dst"] == "10.9.0.0/16");
    let legs = |line: &Value, flags: Value| {
        line["action"] == "change"
            && line["route"]["dst"] == "10.9.0.0/16"
            && line["route"]["nexthops"]
                .as_array()
                .is_some_and(|legs| legs.iter().any(|leg| leg["dev"] == "w0" && leg["flags"] == flags))
    };
    namespace.run("ip link set w0 down");
    linkhook.expect("dead", |line| legs(line, serde_json::json!(["dead", "linkdown"])));
    namespace.run("ip link set w0 up");
    linkhook.expect("recovered", |line| legs(line, serde_json::json!([])));
    namespace.run("ip link set w1 down");
    linkhook.expect("without carrier", |line| legs(line, serde_json::json!(["linkdown"])));
    for (ignored, flags) in [(1, serde_json::json!(["dead", "linkdown"])), (0, serde_json::json!(["linkdown"]))] {
        namespace.run(&format!("echo {ignored} >/proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown"));
        linkhook.expect("ignored, or not", |line| legs(line, flags.clone()));
    }
    Ok(())
}

/// A message says what the new leg came with, and begins with it; `ip` shows what the first one came with.
fn joining_legs() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["route"]);
    namespace.run("ip addr add fd00::1/64 dev v0 nodad");
    for (change, legs) in [
        ("add default initcwnd 9 via fd00::a dev v0", 1),
        ("prepend default proto 99 via fd00::b dev v0", 2),
        ("append default proto 88 mtu 1400 via fd00::c dev v0", 3),
        ("append default proto 77 nexthop via fd00::d dev v0 nexthop via fd00::e dev v0", 5),
        ("prepend default mtu 1310 nexthop via fd00::1a dev v0 nexthop via fd00::1b dev v0", 7),
        ("del default via fd00::c dev v0", 6),
        ("del default via fd00::a dev v0", 5),
        ("del default via fd00::b dev v0", 4),
    ] {
        namespace.run(&format!("ip -6 route {change}"));
        let shown = namespace.ip("-6 route show default")[0].clone();
        let told = linkhook.expect(change, |line| {
            let route = &line["route"];
            route["dst"] == "default"
                && route["nexthops"].as_array().map_or(1, Vec::len) == legs
                && route["protocol"] == shown["protocol"]
        });
        assert_eq!(told["route"]["metrics"], shown["metrics"], "{change}");
        let gateways = |route: &Value| -> Vec<Value> {
            let legs = route["nexthops"].as_array();
            legs.into_iter().flatten().map(|leg| leg["gateway"].clone()).collect()
        };
        assert_eq!(gateways(&told["route"]), gateways(&shown), "{change}");
    }
    Ok(())
}

fn bridge_itself() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = started(&namespace, &["bridge_port"]);
    namespace.run("ip link add br0 type bridge");
    let line = linkhook.event("bridge_port", "add");
    assert_eq!((&line["ifname"], &line["origin"]), (&"br0".into(), &"inferred".into()));
    namespace.run("ip link del br0");
    linkhook.event("bridge_port", "remove");
    Ok(())
}

fn tentative() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["addr", "route"]);
    // Without a carrier from the beginning, it stays tentative.
    namespace.run("ip link add x0 type veth peer name x1; ip link set x0 up");
    namespace.run("ip addr add fd00:2::2 peer fd00:4::8 dev x0");
    linkhook.expect("it comes", |line| line["addr"]["address"] == "fd00:4::8" && line["addr"]["tentative"] == true);
    // What led to a look at once is over.
    linkhook.wait(std::time::Duration::from_millis(300));
    namespace.run("ip addr change fd00:2::2 peer fd00:4::9 dev x0");
    let line = linkhook.expect("it changes", |line| line["addr"]["local"] == "fd00:2::2" && line["action"] == "change");
    assert_eq!((&line["addr"]["address"], &line["origin"]), (&"fd00:4::9".into(), &"inferred".into()));
    Ok(())
}

/// Few among many are asked for one by one; where a rule comes before them, that finds another one, and all are looked at.
fn carrier_among_many() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["hello", "link", "route"]);
    let many: String = (0..2000).map(|n| format!("route add 10.20.{}.{}/32 dev lo\n", n / 200, n % 200)).collect();
    namespace.batch(&many);
    namespace.batch(
        "route add 10.9.0.0/16 via 10.0.0.2\nroute add 10.8.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3\n\
         route add 10.8.0.0/16 via 10.0.0.4 metric 7\n",
    );
    linkhook.expect("all routes", |line| line["route"]["metric"] == 7);
    let hidden = "ip rule add pref 1 lookup 99; ip route add 10.9.0.0/17 dev lo table 99; \
                  ip route add 10.9.128.0/17 dev lo table 99";
    for prepare in ["true", hidden] {
        namespace.run(prepare);
        for (peer, flags) in [("down", serde_json::json!(["linkdown"])), ("up", serde_json::json!([]))] {
            namespace.run(&format!("ip link set v1 {peer}"));
            let mut waited = vec!["10.0.0.0/24", "10.0.0.255", "10.9.0.0/16", "10.8.0.0/16", "10.8.0.0/16 by metric"];
            while !waited.is_empty() {
                let line = linkhook.expect("a route's flags", |line| {
                    line["event"] == "route" && line["action"] == "change" && line["route"]["family"] == "inet"
                });
                let route = &line["route"];
                let name = match route["metric"] == 7 {
                    true => "10.8.0.0/16 by metric",
                    false => route["dst"].as_str().unwrap(),
                };
                let found = route["nexthops"].as_array().map_or(&route["flags"], |legs| &legs[0]["flags"]);
                assert_eq!(*found, flags, "{line}");
                waited.remove(waited.iter().position(|&other| other == name).expect("each is told once"));
            }
        }
    }
    let wrong = linkhook.seen.iter().filter(|line| line["origin"] == "inferred" && line["action"] != "change").count();
    assert_eq!(wrong, 0, "none has come or gone");
    Ok(())
}

fn duplicate_addresses() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["addr"]);
    namespace.run("ip addr add fd00::1/64 dev v0");
    linkhook.expect("tentative", |line| line["addr"]["local"] == "fd00::1" && line["addr"]["tentative"] == true);
    linkhook.expect("ready", |line| line["addr"]["local"] == "fd00::1" && has_signal(line, "addr_ready"));
    namespace.run("ip addr add fd00::1/64 dev v1");
    linkhook.expect("failed", |line| line["ifname"] == "v1" && has_signal(line, "dad_failed"));
    Ok(())
}

/// Adds and deletes routes so fast that a small buffer is too small.
fn flood(namespace: &Namespace, rounds: usize) {
    let mut script = String::new();
    for round in 0..rounds {
        for third in 0..16 {
            for fourth in 0..64 {
                let verb = if (round + fourth) % 3 == 0 { "replace" } else { "append" };
                script.push_str(&format!("route {verb} 10.{third}.{fourth}.0/24 dev v0 metric {round}\n"));
            }
        }
    }
    let mut child = namespace
        .command("ip")
        .args(["-force", "-batch", "-"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
    child.wait().unwrap();
}

/// What the lines add up to: the routes by their destination, metric and device.
fn routes_told(lines: &[Value]) -> Vec<String> {
    let mut routes = std::collections::BTreeMap::new();
    for line in lines.iter().filter(|line| line["event"] == "route" && line["route"]["family"] == "inet") {
        let key = format!("{} {} {}", line["route"]["dst"], line["route"]["metric"], line["route"]["table"]);
        if line["action"] == "remove" {
            routes.remove(&key);
        } else {
            routes.insert(key, ());
        }
    }
    routes.into_keys().collect()
}

fn routes_shown(namespace: &Namespace) -> Vec<String> {
    let shown = namespace.ip("-4 route show table all");
    let mut routes: Vec<String> = shown
        .as_array()
        .into_iter()
        .flatten()
        .map(|route| format!("{} {} {}", route["dst"], route["metric"], route["table"]))
        .collect();
    routes.sort();
    routes.dedup();
    routes
}

fn overrun() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up");
    let mut linkhook = started(&namespace, &["--initial", "--receive-buffer", "4KiB", "route"]);
    // hello comes before the first dump: once a change is told, that is done.
    let begin = |round| namespace.run(&format!("ip route add 10.99.{round}.0/24 dev v0"));
    linkhook.until("the beginning", begin, |line| line["event"] == "route" && line["action"] == "add");
    // Stopped, it cannot read: the smallest buffer overflows whatever the machine's speed.
    linkhook.signal(rustix::process::Signal::STOP);
    flood(&namespace, 1);
    namespace.run(
        "ip link add late type veth peer name later; ip link set late up; ip link set later up; \
         ip addr add 10.77.0.1/24 dev late",
    );
    linkhook.signal(rustix::process::Signal::CONT);
    let line = linkhook.event("overrun", "lost");
    let lost = line["overrun"]["lost"].as_u64().expect("the kernel counts");
    assert!(lost > 900, "{line}");
    let seq = line["seq"].clone();
    let done = linkhook.event("resync", "done");
    let told = linkhook.seen.iter().filter(|line| line["origin"] == "resync");
    assert!(told.clone().all(|line| line["cause"] == seq));
    assert_eq!(done["resync"]["added"], told.filter(|line| line["action"] == "add").count());
    // Links are not watched, and this one's own message was lost: what leaves with it is known all the same.
    namespace.run("ip link set late down");
    let line = gone(&mut linkhook, "10.77.0.0/24");
    assert_eq!((&line["ifname"], &line["origin"]), (&"late".into(), &"inferred".into()));
    let (status, lines) = linkhook.stop();
    assert!(status.success());
    assert_eq!(routes_told(&lines), routes_shown(&namespace));
    Ok(())
}

fn stopped() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up");
    let mut linkhook = started(&namespace, &["--initial", "--receive-buffer", "64KiB", "route", "link"]);
    let begin = |round| namespace.run(&format!("ip link set v1 alias begin{round}"));
    linkhook.until("the beginning", begin, |line| line["event"] == "link" && line["action"] == "change");
    linkhook.signal(rustix::process::Signal::STOP);
    flood(&namespace, 3);
    namespace.run("ip link add name late type veth peer name later; ip link set v0 down; ip link set v0 up");
    linkhook.signal(rustix::process::Signal::CONT);
    linkhook.event("resync", "done");
    namespace.run("ip link set v1 alias end");
    linkhook.expect("the end", |line| line["link"]["ifalias"] == "end");
    let (_, lines) = linkhook.stop();
    assert_eq!(routes_told(&lines), routes_shown(&namespace));
    let late: Vec<&Value> = lines.iter().filter(|line| line["ifname"] == "late").collect();
    // A look that was under way may have found it before the repair.
    assert!(late.iter().any(|line| line["origin"] == "resync" || line["origin"] == "inferred"), "{late:?}");
    Ok(())
}

fn verify() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["--verify", "20ms", "link", "addr", "route", "rule", "nexthop", "neigh"]);
    for round in 0..10 {
        namespace.run(&format!(
            "ip route add 10.{round}.0.0/16 via 10.0.0.2; ip link set v1 down; ip addr add fd00::{round}/64 dev v0; \
             ip link set v1 up; ip nexthop add id {} via 10.0.0.3 dev v0; ip rule add pref {} table 7",
            round + 1,
            round + 1000
        ));
    }
    namespace.run("ip link set v1 alias end");
    linkhook.expect("the end", |line| line["link"]["ifalias"] == "end");
    let (_, lines) = linkhook.stop();
    let repaired: Vec<&Value> = lines.iter().filter(|line| line["origin"] == "resync").collect();
    assert!(repaired.is_empty(), "{repaired:?}");
    Ok(())
}

fn bridge() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["link", "bridge_port"]);
    namespace.run("ip link add br0 type bridge; ip link set br0 up; ip link set v1 master br0");
    linkhook.event("bridge_port", "add");
    namespace.run("ip link set v1 nomaster");
    linkhook.event("bridge_port", "remove");
    linkhook.expect("released", |line| line["ifname"] == "v1" && has_signal(line, "released"));
    let wrong = linkhook.seen.iter().any(|line| line["event"] == "link" && line["action"] == "remove");
    assert!(!wrong, "a port that left its bridge is no link that went");
    namespace.run("ip link del br0");
    let line = linkhook.event("link", "remove");
    assert_eq!(line["ifname"], "br0");
    Ok(())
}

/// What a link that is down says of itself, and what a port's link says of the port, changes with no message of the link.
fn untold_link() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["link"]);
    namespace.run("ip link add br0 type bridge; ip link set br0 up; ip link set v1 master br0; ip link set v1 up");
    linkhook.expect("a port", |line| line["ifname"] == "v1" && has_signal(line, "enslaved"));
    // What led to a look at once is over.
    linkhook.wait(std::time::Duration::from_millis(300));
    namespace.run("bridge link set dev v1 cost 13");
    let costs = |line: &Value, cost: u64| line["changed"]["linkinfo.info_slave_data.cost"]["new"] == cost;
    let line = linkhook.expect("its cost", |line| costs(line, 13));
    assert_eq!((&line["ifname"], &line["origin"]), (&"v1".into(), &"inferred".into()));
    namespace.run("ip link set v1 down");
    linkhook.expect("down", |line| line["ifname"] == "v1" && has_signal(line, "down"));
    linkhook.wait(std::time::Duration::from_millis(300));
    namespace.run("ip link set v1 type bridge_slave cost 14");
    let line = linkhook.expect("its cost, while down", |line| costs(line, 14));
    assert_eq!((&line["ifname"], &line["origin"]), (&"v1".into(), &"inferred".into()));
    Ok(())
}

fn record() -> Result<(), Failed> {
    let namespace = Namespace::new();
    for name in ["pcap", "rtmon"] {
        let path = std::env::temp_dir().join(format!("linkhook-record-{}.{name}", std::process::id()));
        let file = path.to_string_lossy().into_owned();
        let mut recorder = namespace.command(crate::namespace::PROGRAM);
        let mut recorder =
            recorder.args(["record", "-o", &file, "link", "--timeout", "10s", "--count", "1"]).spawn()?;
        // Made again and again until one was recorded, since the recorder does not say when it is ready.
        while recorder.try_wait()?.is_none() {
            namespace.run("ip link add v0 type veth peer name v1; ip link del v0");
        }
        let output = std::process::Command::new(crate::namespace::PROGRAM).args(["decode", &file]).output()?;
        std::fs::remove_file(&path)?;
        let lines = String::from_utf8(output.stdout)?;
        assert!(lines.contains(r#""ifname":"lo""#) && lines.contains(r#""action":"present""#), "{lines}");
    }
    Ok(())
}

/// The rows of that dump come without a family.
fn record_multicast() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run(
        "ip link add br0 type bridge mcast_snooping 1; ip link add v0 type veth peer name v1; ip link set v0 master br0 up; \
         ip link set br0 up; bridge mdb add dev br0 port v0 grp 239.1.2.3 permanent",
    );
    let path = std::env::temp_dir().join(format!("linkhook-record-mdb-{}.pcap", std::process::id()));
    let file = path.to_string_lossy().into_owned();
    let mut recorder = namespace.command(crate::namespace::PROGRAM);
    assert!(recorder.args(["record", "-o", &file, "mdb", "--timeout", "10ms"]).status()?.success());
    let output = std::process::Command::new(crate::namespace::PROGRAM).args(["decode", &file, "mdb"]).output()?;
    std::fs::remove_file(&path)?;
    let lines = String::from_utf8(output.stdout)?;
    assert!(lines.contains(r#""action":"present""#) && lines.contains(r#""grp":"239.1.2.3""#), "{lines}");
    Ok(())
}

/// Looks at links run all the while, and show more than what was read of the queue. Many links make a dump long.
fn flaps() -> Result<(), Failed> {
    const FLAPS: usize = 30;
    let namespace = Namespace::new();
    namespace.batch(&(0..200).map(|number| format!("link add x{number} type ifb\n")).collect::<String>());
    namespace.batch(
        &(0..3)
            .map(|pair| format!("link add a{pair} type veth peer b{pair}\nlink set b{pair} up\n"))
            .collect::<String>(),
    );
    let mut linkhook = started(&namespace, &["link", "addr", "route"]);
    let all = |act: &str| (0..3).map(|pair| act.replace('N', &pair.to_string())).collect::<String>();
    let flap = ["link set aN up\n", "link set bN down\n", "link set bN up\n", "link set aN down\n"].map(all).concat();
    namespace.batch(&flap.repeat(FLAPS));
    namespace.run("ip link set lo mtu 40000");
    linkhook.expect("the end", |line| line["link"]["mtu"] == 40000 && line["action"] == "change");
    let (_, rest) = linkhook.stop();
    for link in ["a0", "a1", "a2", "b0", "b1", "b2"] {
        let of_link = || rest.iter().filter(|line| line["event"] == "link" && line["ifname"] == *link);
        let told = ["up", "down"].map(|signal| of_link().filter(|line| has_signal(line, signal)).count());
        assert_eq!(told, [FLAPS, FLAPS], "{link}");
        let times: Vec<&str> = of_link().filter_map(|line| line["ts"].as_str()).collect();
        assert!(times.is_sorted(), "{link}: {times:?}");
    }
    Ok(())
}

/// Links that come, are enslaved and go, faster than looks are taken.
fn short_lives() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.batch(&(0..200).map(|number| format!("link add x{number} type ifb\n")).collect::<String>());
    namespace.run("ip link add br0 type bridge; ip link set br0 up");
    let mut linkhook = started(&namespace, &["link", "addr", "route", "bridge_port"]);
    let life = "link add vaN type veth peer name vbN\nlink set vaN up\nlink set vbN up\nlink set vaN master br0\n\
                addr add 10.7.0.1/24 dev vbN\nlink set vaN nomaster\nlink del vaN\n";
    namespace.batch(&(0..30).map(|number| life.replace('N', &number.to_string())).collect::<String>());
    namespace.run("ip link set lo mtu 40000");
    linkhook.expect("the end", |line| line["link"]["mtu"] == 40000 && line["action"] == "change");
    let (_, rest) = linkhook.stop();
    for (name, actions) in (0..30).flat_map(|number| [format!("va{number}"), format!("vb{number}")]).map(|name| {
        let of_link = rest.iter().filter(|line| line["event"] == "link" && line["ifname"] == *name);
        (name.clone(), of_link.cloned().collect::<Vec<Value>>())
    }) {
        let of = |action: &str| actions.iter().filter(|line| line["action"] == action).count();
        assert_eq!((of("add"), of("remove")), (1, 1), "{name}");
        for signal in ["up", "enslaved", "released"].iter().filter(|_| name.starts_with("va")) {
            assert_eq!(actions.iter().filter(|line| has_signal(line, signal)).count(), 1, "{name} {signal}");
        }
    }
    Ok(())
}

/// A look-up makes a neighbour of `lo`, and tells nobody: before an event, and a while after one.
fn by_itself() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "link", "neigh"]);
    linkhook.event("hello", "started");
    let send = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))";
    let mut neighbour = |told_before: bool| -> Result<(), Failed> {
        if told_before {
            namespace.run("ip link set lo mtu 40000");
            linkhook.expect("the change", |line| line["link"]["mtu"] == 40000);
            // The first look is over.
            linkhook.wait(std::time::Duration::from_millis(1500));
        }
        let output = namespace.command("python3").args(["-c", send]).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if !told_before {
            namespace.run("ip link set lo mtu 30000");
        }
        let line = linkhook.expect("the neighbour", |line| line["event"] == "neigh" && line["action"] == "add");
        assert_eq!((&line["origin"], &line["neigh"]["dst"]), (&"inferred".into(), &"0.0.0.0".into()));
        assert!(line["cause"].is_u64());
        namespace.run("ip neigh del 0.0.0.0 dev lo; ip link set lo mtu 50000");
        linkhook.expect("gone", |line| line["event"] == "neigh" && line["action"] == "remove");
        Ok(())
    };
    neighbour(false)?;
    neighbour(true)
}

/// `ip link` shows it, and the link is not told when it changes.
fn discipline() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add v0 type veth peer name v1; ip link set v0 up");
    let mut linkhook = namespace.linkhook(&["hello", "link"]);
    linkhook.event("hello", "started");
    namespace.run("tc qdisc add dev v0 root handle 1: htb");
    let line = linkhook.event("link", "change");
    assert_eq!((&line["origin"], &line["changed"]["qdisc"]["new"]), (&"inferred".into(), &"htb".into()));
    namespace.run("tc qdisc del dev v0 root");
    let line = linkhook.event("link", "change");
    assert_eq!(line["changed"]["qdisc"]["old"], "htb");
    Ok(())
}

fn signals(line: &Value) -> Vec<&str> {
    line["signals"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn default_routes() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["route"]);
    let of_default = |line: &Value, action: &str, gateway: &str| {
        line["action"] == action && line["route"]["dst"] == "default" && line["route"]["gateway"] == gateway
    };
    namespace.run("ip route add default via 10.0.0.2; ip route add default via 10.0.0.3 metric 9");
    let first = linkhook.expect("the first", |line| of_default(line, "add", "10.0.0.2"));
    assert_eq!((signals(&first), &first["severity"]), (vec!["default_back", "default_route"], &"notice".into()));
    let second = linkhook.expect("the second", |line| of_default(line, "add", "10.0.0.3"));
    assert_eq!(signals(&second), ["default_route"]);
    namespace.run("ip route del default via 10.0.0.2");
    let gone = linkhook.expect("one is left", |line| of_default(line, "remove", "10.0.0.2"));
    assert_eq!(signals(&gone), ["default_route"]);
    // Without a carrier it leads nowhere, and with one it does again.
    namespace.run("ip link set v1 down");
    let dead = linkhook.expect("dead", |line| of_default(line, "change", "10.0.0.3"));
    assert_eq!(
        (signals(&dead), &dead["severity"]),
        (vec!["default_lost", "leg_lost", "default_route"], &"warning".into())
    );
    namespace.run("ip link set v1 up");
    let alive = linkhook.expect("alive", |line| of_default(line, "change", "10.0.0.3"));
    assert_eq!(signals(&alive), ["default_back", "leg_back", "default_route"]);
    // What leaves with its link is missed as well.
    namespace.run("ip link set v0 down");
    let left = linkhook.expect("it leaves", |line| of_default(line, "remove", "10.0.0.3"));
    assert_eq!(signals(&left), ["default_lost", "default_route"]);
    Ok(())
}

fn repeats() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add br0 type bridge; ip link set br0 up; ip link add v0 type veth peer name v1");
    let mut linkhook = started(&namespace, &["link", "netconf", "inet6_link", "bridge_port"]);
    namespace.run("ip link set v0 name w0");
    let renamed = linkhook.expect("renamed", |line| has_signal(line, "renamed"));
    namespace.run("ip link set w0 master br0");
    let enslaved = linkhook.expect("enslaved", |line| has_signal(line, "enslaved"));
    linkhook.event("bridge_port", "add");
    namespace.run("ip link set w0 mtu 1400; ip link set v1 mtu 1300; ip link set w0 nomaster");
    linkhook.expect("released", |line| has_signal(line, "released"));
    let (_, lines) = linkhook.stop();
    let between = |from: &Value, event: &str| {
        let of_event = move |line: &&Value| line["event"] == event && line["seq"].as_u64() > from["seq"].as_u64();
        lines.iter().filter(of_event).count()
    };
    let netconf = |line: &&Value| line["event"] == "netconf" && line["ifname"] == "w0" || line["ifname"] == "v0";
    let told = lines.iter().filter(|line| line["event"] == "netconf").filter(netconf);
    assert_eq!(told.count(), 0, "a rename is told once, by {renamed}");
    // It changes by its port's state alone, which the port is told with.
    assert!(between(&enslaved, "bridge_port") <= 2, "{lines:?}");
    assert!(!lines.iter().any(|line| line["event"] != "link" && line["changed"]["mtu"].is_object()), "{lines:?}");
    assert!(!lines.iter().any(|line| has_signal(line, "promisc_on")), "a bridge makes its port promiscuous");
    Ok(())
}

fn severity() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "link", "addr", "route", "neigh", "--severity", "notice"]);
    linkhook.event("hello", "started");
    namespace.run(
        "ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up; ip addr add 10.0.0.1/24 dev v0",
    );
    namespace.run("ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud reachable");
    let neighbour = linkhook.event("neigh", "add");
    assert_eq!((&neighbour["severity"], signals(&neighbour)), (&"notice".into(), vec!["neigh_new", "neigh_reachable"]));
    namespace.run("ip link set v1 down");
    let line = linkhook.expect("lost", |line| has_signal(line, "carrier_lost") && line["ifname"] == "v0");
    assert_eq!(line["severity"], "warning");
    let (_, lines) = linkhook.stop();
    let least = |line: &&Value| {
        line["severity"] == "debug"
            || (line["severity"] == "info" && line["event"] != "hello" && line["event"] != "bye")
    };
    assert_eq!(lines.iter().filter(least).collect::<Vec<_>>(), Vec::<&Value>::new());
    assert!(lines.iter().all(|line| line["route"]["type"] != "local"), "{lines:?}");
    Ok(())
}
