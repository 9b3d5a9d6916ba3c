//! Other netlink families than rtnetlink, live: connections that are tracked, devices, generic netlink.

use std::collections::BTreeSet;
use std::process::Stdio;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::Test;
use crate::deliver::Configuration;
use crate::namespace::{Namespace, PROGRAM};

/// These tests need a namespace.
pub const LIVE_TESTS: &[Test] = &[
    ("a_connection_is_told_as_it_comes_changes_and_ends", conntrack),
    ("a_connection_that_is_remembered_is_told_with_what_it_was", remembered),
    ("of_connections_only_the_actions_that_are_wanted_are_received", wanted_actions),
    ("the_kernel_is_asked_for_no_more_connections_than_are_wanted", wanted_connections),
    ("a_device_is_told_with_its_keys", uevent),
    ("families_of_generic_netlink_and_their_settings_are_listed", generic),
    ("settings_come_and_go_with_their_interface", settings_of_links),
    ("a_family_is_followed_only_when_it_is_named", default_kinds),
    ("each_protocol_has_its_own_socket_and_loss", protocols),
    ("what_is_not_told_is_looked_at_again_and_again", poll),
    ("what_is_only_looked_at_is_said_to_be", only_looked_at),
    ("who_may_not_hear_of_connections_of_multipath_tcp_is_told_so", denied),
    ("what_udev_tells_is_believed_of_root_alone", udev),
    ("what_programs_tell_each_other_has_its_port_and_group", usersock),
    ("a_protocol_that_is_not_there_is_refused_by_name", missing_protocol),
];

/// Makes, changes and removes an entry of UDP, as conntrack(8) does: `struct nlmsghdr`, `struct nfgenmsg`, and nests of attributes.
const ENTRY: &str = r#"
import socket, struct, sys
def attribute(number, payload):
    return struct.pack("HH", 4 + len(payload), number) + payload + b"\0" * (-len(payload) % 4)
def tuple_of(source, destination, ports):
    ip = attribute(1, socket.inet_aton(source)) + attribute(2, socket.inet_aton(destination))
    protocol = attribute(1, b"\x11") + attribute(2, struct.pack(">H", ports[0])) + attribute(3, struct.pack(">H", ports[1]))
    return attribute(0x8001, ip) + attribute(0x8002, protocol)
port = int(sys.argv[1])
orig = attribute(0x8001, tuple_of("10.9.0.1", "10.9.0.2", (1000, port)))
reply = attribute(0x8002, tuple_of("10.9.0.2", "10.9.0.1", (port, 1000)))
kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
kernel.bind((0, 0))
def ask(message, flags, attributes):
    body = struct.pack("BBH", 2, 0, 0) + attributes
    kernel.send(struct.pack("IHHII", 16 + len(body), message, flags, 1, 0) + body)
    answer = kernel.recv(4096)
    assert struct.unpack_from("i", answer, 16)[0] == 0, answer
timeout = attribute(7, struct.pack(">I", 100))
for action in sys.argv[2:]:
    if action == "add":
        ask(0x100, 0x605, orig + reply + timeout)
    elif action == "change":
        ask(0x100, 0x005, orig + reply + attribute(8, struct.pack(">I", 7)))
    else:
        ask(0x102, 0x005, orig)
"#;

fn make_entry(namespace: &Namespace) {
    do_with_entry(namespace, "53", &["add", "change", "remove"]);
}

/// Does that with the entry to that port.
fn do_with_entry(namespace: &Namespace, port: &str, actions: &[&str]) {
    let mut python = namespace.command("python3");
    let status = python.args(["-c", ENTRY, port]).args(actions).stdin(Stdio::null()).status().expect("python3");
    assert!(status.success());
}

fn conntrack() -> Result<(), Failed> {
    let namespace = Namespace::new();
    // Newer kernels then say when each event was, too (`CTA_TIMESTAMP_EVENT`).
    namespace.run("echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp || true");
    let mut linkhook = namespace.linkhook(&["hello", "conntrack"]);
    let hello = linkhook.event("hello", "started");
    assert_eq!(hello["hello"]["protocols"][0]["protocol"], "netfilter");
    assert_eq!(hello["hello"]["protocols"][0]["groups"], serde_json::json!([1, 2, 3]));
    let setting = |name: &str| {
        let value =
            namespace.command("cat").arg(format!("/proc/sys/net/netfilter/nf_conntrack_{name}")).output().unwrap();
        String::from_utf8(value.stdout).unwrap().trim().parse::<u64>().unwrap()
    };
    assert_eq!(hello["hello"]["conntrack"]["events"], setting("events"));
    assert_eq!(hello["hello"]["conntrack"]["accounting"], setting("acct") != 0);
    make_entry(&namespace);
    let [come, changed, gone] = ["add", "change", "remove"].map(|action| linkhook.event("conntrack", action));
    let side = serde_json::json!({"src": "10.9.0.1", "dst": "10.9.0.2", "sport": 1000, "dport": 53});
    for line in [&come, &changed, &gone] {
        assert_eq!(line["conntrack"]["orig"], side, "{line}");
        assert_eq!(line["conntrack"]["protocol"], "udp", "{line}");
        assert!(line.get("changed").is_none() && line["conntrack"].get("unknown").is_none(), "{line}");
        let time = &line["conntrack"]["timestamp_event"];
        assert!(time.is_null() || time.as_str().is_some_and(|time| time.starts_with("20")), "{line}");
    }
    assert_eq!(changed["conntrack"]["mark"], 7);
    assert_eq!(gone["signals"], serde_json::json!(["flow_closed"]));
    Ok(())
}

fn remembered() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let watch = |entries_max: u32| {
        let settings = format!(
            "[watch]\nkinds = [\"conntrack\", \"hello\"]\nactions = [\"change\", \"remove\"]\npoll = \"100ms\"\n\
             conntrack = {{ mirror = true, entries_max = {entries_max} }}\n"
        );
        let configuration = Configuration::new(&settings);
        let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
        let hello = linkhook.event("hello", "started");
        assert_eq!(hello["hello"]["protocols"][0]["groups"], serde_json::json!([1, 2, 3]), "whatever is told");
        linkhook
    };
    // Nobody listens when it is made: the kernel tells nothing of it, not even its end.
    do_with_entry(&namespace, "50", &["add"]);
    let mut linkhook = watch(2);
    make_entry(&namespace);
    let changed = linkhook.event("conntrack", "change");
    assert_eq!(changed["changed"], serde_json::json!({"mark": {"old": 0, "new": 7}}), "{changed}");
    assert_eq!(changed["conntrack"]["orig"]["dport"], 53);
    let gone = linkhook.event("conntrack", "remove");
    assert_eq!((&gone["conntrack"]["mark"], &gone["origin"]), (&7.into(), &"kernel".into()), "{gone}");
    do_with_entry(&namespace, "50", &["remove"]);
    let gone = linkhook.expect("the first one goes", |line| line["conntrack"]["orig"]["dport"] == 50);
    assert_eq!(gone["action"], "remove", "{gone}");
    linkhook.stop();
    // With room for one alone the other one is told as ever.
    do_with_entry(&namespace, "51", &["add"]);
    let mut linkhook = watch(1);
    make_entry(&namespace);
    let changed = linkhook.event("conntrack", "change");
    assert!(changed.get("changed").is_none() && changed["conntrack"]["mark"] == 7, "{changed}");
    let gone = linkhook.event("conntrack", "remove");
    assert_eq!(gone["conntrack"]["orig"]["dport"], 53, "{gone}");
    Ok(())
}

fn wanted_actions() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "conntrack", "--action", "remove"]);
    let hello = linkhook.event("hello", "started");
    assert_eq!(hello["hello"]["protocols"][0]["groups"], serde_json::json!([3]));
    make_entry(&namespace);
    linkhook.event("conntrack", "remove");
    assert!(linkhook.stop().1.iter().all(|line| line["action"] != "add" && line["action"] != "change"));
    Ok(())
}

fn wanted_connections() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let watch = |connections: &str| {
        let settings = format!("[watch]\nkinds = [\"conntrack\", \"hello\"]\nconntrack = {{ {connections} }}\n");
        let configuration = Configuration::new(&settings);
        let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
        linkhook.event("hello", "started");
        linkhook
    };
    let mut marked = watch(r#"protocols = ["sctp", "udp"], marks = ["0x7/0xf"], zones = [0], reliable = true"#);
    let others = ["protocols = [\"tcp\"]", "marks = [\"0x8/0xc\"]", "zones = [5]"].map(watch);
    make_entry(&namespace);
    marked.event("conntrack", "remove");
    // It has no mark yet when it comes.
    let told: Vec<_> = marked.stop().1.into_iter().filter(|line| line["event"] == "conntrack").collect();
    let actions: Vec<_> = told.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["change", "remove"]);
    for other in others {
        assert!(other.stop().1.iter().all(|line| line["event"] != "conntrack"));
    }
    Ok(())
}

fn uevent() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "uevent"]);
    linkhook.event("hello", "started");
    namespace.run("ip link add v0 type veth peer name v1; ip link set v0 name w0; ip link del w0");
    let told = |line: &Value, action: &str, name: &str| {
        line["event"] == "uevent" && line["action"] == action && line["uevent"]["INTERFACE"] == name
    };
    let come = linkhook.expect("v0 comes", |line| told(line, "add", "v0"));
    assert_eq!((&come["ifname"], &come["signals"][0]), (&"v0".into(), &"device_added".into()), "{come}");
    assert_eq!(come["uevent"]["SUBSYSTEM"], "net");
    let moved = linkhook.expect("v0 is renamed", |line| told(line, "change", "w0"));
    assert_eq!((&moved["signals"][0], &moved["ifname"]), (&"device_moved".into(), &"w0".into()), "{moved}");
    linkhook.expect("w0 goes", |line| told(line, "remove", "w0"));
    Ok(())
}

fn listed(namespace: &Namespace, kinds: &[&str]) -> Vec<Value> {
    let output = namespace.command(PROGRAM).arg("list").args(kinds).output().expect("linkhook list");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn generic() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add v0 type veth peer name v1");
    let families = listed(&namespace, &["genl_family"]);
    let nlctrl = families.iter().find(|line| line["genl_family"]["name"] == "nlctrl").ok_or("no nlctrl")?;
    assert_eq!(nlctrl["genl_family"]["id"], 16);
    if !families.iter().any(|line| line["genl_family"]["name"] == "ethtool") {
        // A kernel without it lists nothing of it.
        assert!(listed(&namespace, &["ethtool_features"]).is_empty());
        return Ok(());
    }
    let features = listed(&namespace, &["ethtool_features"]);
    let of_v0 = features.iter().find(|line| line["ifname"] == "v0").ok_or("no features of v0")?;
    let feature = &of_v0["ethtool_features"]["tx-scatter-gather"];
    assert!(["active", "fixed", "requested"].iter().all(|key| feature[key].is_boolean()), "{of_v0}");
    assert!(of_v0["ethtool_features"].get("unknown").is_none(), "{of_v0}");
    Ok(())
}

/// The kernel tells of settings that programs change, and not of those that come and go with an interface.
fn settings_of_links() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "ethtool_features"]);
    linkhook.event("hello", "started");
    namespace.run("ip link add v0 type veth peer name v1");
    let mut come = ["", ""].map(|_| linkhook.event("ethtool_features", "add"));
    come.sort_by_key(|line| line["ifname"].as_str().map(str::to_owned));
    for (line, name) in come.iter().zip(["v0", "v1"]) {
        assert_eq!((&line["ifname"], &line["origin"]), (&name.into(), &"inferred".into()), "{line}");
    }
    namespace.run("ip link set v0 name w0");
    namespace.run("ip link del w0");
    let gone = ["", ""].map(|_| linkhook.event("ethtool_features", "remove"));
    let indices = |lines: &[Value]| lines.iter().map(|line| line["ifindex"].as_u64()).collect::<BTreeSet<_>>();
    assert_eq!(indices(&gone), indices(&come));
    Ok(())
}

/// The kernel tells nothing of endpoints of multipath TCP, where it has them.
fn poll() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut ip = namespace.command("ip");
    if !ip.args(["mptcp", "endpoint", "add", "127.0.0.1", "id", "5"]).stderr(Stdio::null()).status()?.success() {
        return Ok(());
    }
    let mut linkhook = namespace.linkhook(&["ready", "mptcp_endpoint", "--poll", "50ms", "--initial"]);
    linkhook.event("ready", "synced");
    assert_eq!(linkhook.seen.iter().filter(|line| line["mptcp_endpoint"]["id"] == 5).count(), 1);
    for (command, action) in [
        ("ip mptcp endpoint add 127.0.0.2 id 6", "add"),
        ("ip mptcp endpoint change id 6 backup", "change"),
        ("ip mptcp endpoint delete id 6", "remove"),
    ] {
        namespace.run(command);
        let line = linkhook.event("mptcp_endpoint", action);
        assert_eq!((&line["origin"], &line["mptcp_endpoint"]["id"]), (&"inferred".into(), &6.into()), "{line}");
    }
    // It is told once, however often it is looked at.
    let told = linkhook.stop().1;
    assert_eq!(told.iter().filter(|line| line["event"] == "mptcp_endpoint").count(), 4, "{told:?}");
    Ok(())
}

fn only_looked_at() -> Result<(), Failed> {
    let namespace = Namespace::new();
    for (polling, listed_only) in [(&[][..], serde_json::json!(["mptcp_endpoint"])), (&["--poll", "10s"], Value::Null)]
    {
        let mut linkhook = namespace.linkhook(&[&["hello", "mptcp_endpoint"], polling].concat());
        assert_eq!(linkhook.event("hello", "started")["hello"]["listed_only"], listed_only);
    }
    Ok(())
}

/// Not every kernel has the family; what the kernel tells nothing of needs no privilege.
fn denied() -> Result<(), Failed> {
    let namespace = Namespace::new();
    if !listed(&namespace, &["genl_family"]).iter().any(|line| line["genl_family"]["name"] == "mptcp_pm") {
        return Ok(());
    }
    let without = |kind: &str| {
        let mut command = namespace.command("setpriv");
        command.args([
            "--bounding-set",
            "-net_admin",
            "--inh-caps",
            "-net_admin",
            "--",
            PROGRAM,
            kind,
            "--timeout",
            "1ms",
        ]);
        command.output().expect("setpriv")
    };
    let refused = without("mptcp");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("mptcp_event cannot be followed without CAP_NET_ADMIN"), "{told}");
    assert_eq!(without("mptcp_endpoint").status.code(), Some(0));
    Ok(())
}

/// Sends to a group of programs, and says from which port.
const USERSOCK: &str = r#"
import socket
sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
sender.bind((0, 0))
for said in b"hello", b"\xff" * 40000:
    try:
        sender.sendto(said, (0, 1 << 6))
    except ConnectionRefusedError:
        # The group has it; port 0, the kernel, does not listen.
        pass
print(sender.getsockname()[0])
"#;

fn usersock() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "usersock"]);
    linkhook.event("hello", "started");
    let output = namespace.command("python3").args(["-c", USERSOCK]).stdin(Stdio::null()).output().expect("python3");
    assert!(output.status.success(), "{output:?}");
    let port: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    let told = linkhook.event("usersock", "add");
    assert_eq!(told["usersock"], serde_json::json!({ "port": port, "group": 7, "text": "hello" }), "{told}");
    assert_eq!(told["actor"]["port"], port);
    let cut = linkhook.event("usersock", "add");
    assert_eq!((&cut["usersock"]["bytes"], &cut["usersock"]["group"]), (&40000.into(), &7.into()));
    assert_eq!(cut["usersock"]["hex"].as_str().unwrap().len(), 2 * (32 << 10));
    Ok(())
}

/// Sends an event as udev does, once as another user and once as root.
const UDEV: &str = r#"
import socket, struct
keys = b"ACTION=add\0DEVPATH=/devices/x/%s\0SUBSYSTEM=net\0INTERFACE=%s\0ID_NET_NAME=en0\0"
udev = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
udev.bind((0, 0))
for name, user in [(b"other", 1), (b"root", 0)]:
    told = keys % (name, name)
    header = b"libudev\0" + struct.pack(">I", 0xfeedcafe) + struct.pack("7I", 40, 40, len(told), 0, 0, 0, 0)
    who = [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", os.getpid(), user, user))]
    for group in 1, 2:
        udev.sendmsg([header + told], who, 0, (0, group))
"#;

fn udev() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let settings = "[watch]\nkinds = [\"uevent\", \"hello\"]\nudev = true\n";
    let configuration = Configuration::new(settings);
    let mut both = namespace.linkhook(&["--config", configuration.path()]);
    let mut kernels = namespace.linkhook(&["hello", "uevent"]);
    let groups = |linkhook: &mut crate::namespace::Linkhook| {
        linkhook.event("hello", "started")["hello"]["protocols"][0]["groups"].clone()
    };
    assert_eq!((groups(&mut both), groups(&mut kernels)), (serde_json::json!([1, 2]), serde_json::json!([1])));
    let mut python = namespace.command("python3");
    let sent = python.args(["-c", &format!("import os{UDEV}")]).stdin(Stdio::null()).status().expect("python3");
    if !sent.success() {
        // A user who is alone in a user namespace is no other.
        return Ok(());
    }
    let told = both.event("uevent", "add");
    assert_eq!((&told["uevent"]["INTERFACE"], &told["uevent"]["udev"]), (&"root".into(), &true.into()), "{told}");
    assert_eq!((&told["uevent"]["ID_NET_NAME"], &told["signals"][0]), (&"en0".into(), &"device_added".into()));
    namespace.run("ip link add v0 type veth peer name v1");
    for (mut linkhook, not_believed) in [(both, &["other"][..]), (kernels, &["other", "root"])] {
        linkhook.expect("the kernel's", |line| line["uevent"]["INTERFACE"] == "v0" && line["action"] == "add");
        let told = linkhook.stop().1;
        for name in not_believed {
            assert!(told.iter().all(|line| line["uevent"]["INTERFACE"] != *name), "{told:?}");
        }
    }
    Ok(())
}

/// Where the kernel has RDMA, there is nothing to be refused.
fn missing_protocol() -> Result<(), Failed> {
    let namespace = Namespace::new();
    for arguments in [
        &["watch", "rdma", "--timeout", "1ms"][..],
        &["list", "rdma"],
        &["record", "rdma", "-o", "-", "--timeout", "1ms"],
    ] {
        let output = namespace.command(PROGRAM).args(arguments).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_refused = output.status.code() == Some(2) && said.contains("protocol 20 (rdma)");
        assert!(output.status.success() || is_refused, "{arguments:?}: {said}");
    }
    Ok(())
}

fn default_kinds() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&[]);
    let hello = linkhook.event("hello", "started");
    let protocols = hello["hello"]["protocols"].as_array().ok_or("no protocols")?;
    assert_eq!(protocols.iter().map(|one| &one["protocol"]).collect::<Vec<_>>(), ["rtnetlink"]);
    assert!(listed(&namespace, &[]).iter().all(|line| line["event"] != "genl_family"));
    Ok(())
}

fn protocols() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "link", "uevent", "--receive-buffer", "4KiB"]);
    let hello = linkhook.event("hello", "started");
    let protocols = hello["hello"]["protocols"].as_array().ok_or("no protocols")?;
    assert_eq!(protocols.iter().map(|one| &one["protocol"]).collect::<Vec<_>>(), ["rtnetlink", "uevent"]);
    // While it does not read, events of devices come beyond what their socket has room for.
    linkhook.signal(rustix::process::Signal::STOP);
    let many: String = (0..40).map(|number| format!("link add b{number} type bridge\n")).collect();
    namespace.batch(&many);
    linkhook.signal(rustix::process::Signal::CONT);
    let lost = linkhook.expect("a loss of events of devices", |line| line["overrun"]["protocol"] == "uevent");
    assert_eq!((&lost["overrun"]["kinds"], &lost["overrun"]["resync"]), (&serde_json::json!(["uevent"]), &Value::Null));
    assert!(lost["overrun"].as_object().is_some_and(|overrun| overrun.contains_key("resync")));
    // Links are repaired by themselves.
    linkhook.expect("the last link", |line| line["event"] == "link" && line["ifname"] == "b39");
    Ok(())
}
