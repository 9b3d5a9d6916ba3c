//! What the kernel changes without a word, and what it has no group for.

use std::process::Stdio;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::Test;
use crate::live::pair;

/// These tests.
pub const TESTS: &[Test] = &[
    ("what_no_group_tells_of_is_looked_at", looked_at),
    ("settings_of_links_are_found", settings),
    ("what_comes_with_another_object_is_found", comes_with),
    ("what_a_packet_socket_wants_of_a_link_is_found", packet_socket),
];

/// No group tells of labels of addresses; what is told of whatever else leads to a look.
fn looked_at() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["--verify", "100ms", "addrlabel", "link"]);
    namespace.run("ip addrlabel add prefix fd77::/16 label 77; ip link set v1 alias something");
    let line = linkhook.event("addrlabel", "add");
    assert_eq!((&line["addrlabel"]["address"], &line["origin"]), (&"fd77::".into(), &"inferred".into()));
    namespace.run("ip addrlabel del prefix fd77::/16 label 77");
    linkhook.event("addrlabel", "remove");
    let (_, lines) = linkhook.stop();
    assert!(lines.iter().all(|line| line["event"] != "resync"), "{lines:?}");
    Ok(())
}

/// Of an interface's settings the kernel tells some in `netconf`, and others not at all; none in the link.
fn settings() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["--verify", "100ms", "link"]);
    let set = |name: &str| namespace.run(&format!("echo 1 >/proc/sys/net/ipv4/conf/v0/{name}"));
    let tells = |line: &Value, name: &str| {
        line["ifname"] == "v0"
            && line["origin"] == "inferred"
            && line["changed"][&format!("inet_conf.{name}")]["new"] == 1
    };
    set("forwarding");
    linkhook.expect("forwarding, of which netconf tells", |line| tells(line, "forwarding"));
    set("accept_local");
    linkhook.expect("accept_local, of which nothing tells", |line| tells(line, "accept_local"));
    let (_, lines) = linkhook.stop();
    assert!(lines.iter().all(|line| line["event"] != "resync"), "{lines:?}");
    Ok(())
}

/// Classes come with their queueing discipline, buckets with their group, and no notification with either.
fn comes_with() -> Result<(), Failed> {
    let (namespace, mut linkhook) = pair(&["qdisc", "class", "nexthop", "nexthop_bucket"]);
    namespace.run("tc qdisc add dev v0 root handle 7: tbf rate 1mbit burst 10k latency 50ms");
    let qdisc = linkhook.expect("a discipline", |line| line["qdisc"]["kind"] == "tbf" && line["action"] == "add");
    let class = linkhook.event("class", "add");
    assert_eq!((&class["origin"], &class["cause"]), (&"inferred".into(), &qdisc["seq"]), "{class}");
    namespace.run(
        "ip nexthop add id 1 via 10.0.0.2 dev v0; ip nexthop add id 9 group 1 type resilient buckets 4 idle_timer 60",
    );
    for _ in 0..4 {
        assert_eq!(linkhook.event("nexthop_bucket", "add")["origin"], "inferred");
    }
    Ok(())
}

/// A packet socket that wants all multicast of a link; nothing tells of it. Found by `--verify`, which took it for a defect.
fn packet_socket() -> Result<(), Failed> {
    /// It ends with its stdin. `SOL_PACKET`, `PACKET_ADD_MEMBERSHIP` and `PACKET_MR_ALLMULTI`.
    const WANTS_ALL: &str = "import socket, struct, sys
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
packets.setsockopt(263, 1, struct.pack('iHH8s', socket.if_nametoindex('v0'), 2, 0, b''))
sys.stdin.read()";
    let (namespace, mut linkhook) = pair(&["--verify", "100ms", "link"]);
    let mut socket = namespace.command("python3").args(["-c", WANTS_ALL]).stdin(Stdio::piped()).spawn()?;
    let line = linkhook.expect("all multicast", |line| line["changed"]["allmulti"]["new"] == 1);
    assert_eq!((&line["ifname"], &line["origin"]), (&"v0".into(), &"inferred".into()));
    drop(socket.stdin.take());
    assert!(socket.wait()?.success());
    linkhook.expect("no longer", |line| line["changed"]["allmulti"]["new"] == 0);
    let (_, lines) = linkhook.stop();
    assert!(lines.iter().all(|line| line["event"] != "resync"), "{lines:?}");
    Ok(())
}
