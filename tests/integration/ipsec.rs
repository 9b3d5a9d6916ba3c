//! IPsec (XFRM): policies as `ip` shows them, and keys that nothing shows. The kernels that tests run on may lack ESP and AH, without
//! which there are no associations: those are in the recordings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::Test;
use crate::namespace::{Linkhook, Namespace, PROGRAM};
use crate::recordings::{self, is_of_nlctrl};

/// The tests that need no namespace.
pub const TESTS: &[Test] = &[
    ("no_output_shows_a_key", no_output_shows_a_key),
    ("what_cannot_be_decoded_shows_no_key_either", undecoded),
    ("who_may_not_follow_it_is_told_so", denied),
];

/// Those that need one.
pub const LIVE_TESTS: &[Test] = &[
    ("policies_are_told_and_listed_as_ip_shows_them", policies),
    ("a_flush_removes_what_it_means", flush),
    ("a_recording_of_policies_decodes", record),
];

/// The recordings' keys begin so; each algorithm's key is a part of what repeats it.
const KEY: [u8; 16] = [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];

fn recorded() -> [PathBuf; 3] {
    ["xfrm.pcap", "xfrm-dump.pcap", "wireguard.pcap"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name))
}

/// Whether octets hold a good part of a key, as it is or as hexadecimal digits.
fn shows_key(octets: &[u8]) -> bool {
    let part = &KEY[1..9];
    let digits: String = part.iter().map(|octet| format!("{octet:02x}")).collect();
    let text = String::from_utf8_lossy(octets).to_lowercase();
    // As wg(8) writes a part of it.
    let in_base64 = "M0RVZneImaq7zN3u";
    octets.windows(part.len()).any(|window| window == part)
        || text.contains(&digits)
        || String::from_utf8_lossy(octets).contains(in_base64)
}

fn decode(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["-vvv", "decode"]).arg(file).args(arguments);
    command.output().expect("linkhook")
}

fn no_output_shows_a_key() -> Result<(), Failed> {
    for file in recorded() {
        assert!(shows_key(&std::fs::read(&file)?), "{}: no key is there to be shown", file.display());
        for arguments in [
            &["--unchanged"][..],
            &["--unchanged", "--format", "text"],
            &["--unchanged", "--print", "."],
            &["--unchanged", "--fields", "xfrm_state,xfrm_expire,wireguard,wireguard_peer,changed"],
        ] {
            let Output { status, stdout, stderr } = decode(&file, arguments);
            assert!(status.success() && !stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
            for (what, octets) in [("stdout", stdout), ("stderr", stderr)] {
                assert!(!shows_key(&octets), "{arguments:?}: {what}: {}", String::from_utf8_lossy(&octets));
            }
        }
    }
    Ok(())
}

/// A recording whose packets were cut off, as a recorder with a small room for each does it, and one that lacks what it is read by.
fn undecoded() -> Result<(), Failed> {
    let [ipsec, _, wireguard] = recorded();
    for (whole, cut) in [(&ipsec, 4), (&ipsec, 20), (&ipsec, 40), (&wireguard, 0)] {
        let is_ipsec = *whole == ipsec;
        // At least the recorder's own header. Nobody says which family is WireGuard.
        let kept =
            |packet: &[u8]| (is_ipsec || !is_of_nlctrl(packet)).then(|| packet.len().saturating_sub(cut).max(16));
        let file = recordings::cut(&std::fs::read(whole)?, kept);
        let path = std::env::temp_dir().join(format!("linkhook-ipsec-{}-{cut}.pcap", std::process::id()));
        std::fs::write(&path, &file)?;
        let Output { stdout, .. } = decode(&path, &[]);
        std::fs::remove_file(&path)?;
        assert!(shows_key(&file) && !shows_key(&stdout), "{}", String::from_utf8_lossy(&stdout));
        let lines = String::from_utf8(stdout)?;
        assert!(lines.contains("\"undecoded\""), "{lines}");
        if !is_ipsec {
            continue;
        }
        let first: Value = serde_json::from_str(lines.lines().next().ok_or("no line")?)?;
        let undecoded = &first["undecoded"];
        assert_eq!((&undecoded["type"], &undecoded["protocol"]), (&16.into(), &"xfrm".into()), "{first}");
        assert!(undecoded["bytes"].as_u64() > Some(200) && undecoded["hex"].is_null(), "{first}");
    }
    Ok(())
}

/// Without the capability it ends with status 2, and says what it needs.
fn denied() -> Result<(), Failed> {
    for arguments in [&["xfrm"][..], &["watch", "xfrm_policy"], &["record", "-o", "/dev/null", "xfrm"]] {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut without = Command::new("setpriv");
            without.args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--", PROGRAM]);
            without
        } else {
            Command::new(PROGRAM)
        };
        let Output { status, stdout, stderr } = command.args(arguments).output()?;
        let told = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("xfrm_policy") && told.contains("CAP_NET_ADMIN"), "{arguments:?}: {told}");
        assert!(stdout.is_empty());
    }
    Ok(())
}

fn started(namespace: &Namespace) -> Linkhook {
    let mut linkhook = namespace.linkhook(&["hello", "xfrm"]);
    linkhook.event("hello", "started");
    linkhook
}

const POLICY: &str = "src 10.1.0.0/16 dst 10.2.0.0/16 dir out";
const ADD: &str = "ip xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out priority 100 tmpl src 10.5.0.1 dst 10.5.0.2 \
     proto esp reqid 5 mode tunnel";

/// What `ip` and linkhook list: of each policy its index.
fn listed(namespace: &Namespace) -> (Vec<u64>, Vec<Value>) {
    let shown = namespace.command("ip").args(["xfrm", "policy"]).output().expect("ip");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let detailed = namespace.command("ip").args(["-d", "-s", "xfrm", "policy"]).output().expect("ip");
    let detailed = String::from_utf8_lossy(&detailed.stdout).into_owned();
    let indices = detailed.split(" index ").skip(1).filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect();
    assert_eq!(shown.lines().filter(|line| line.starts_with("src ")).count(), Vec::len(&indices));
    let output = namespace.command(PROGRAM).args(["list", "xfrm_policy"]).output().expect("linkhook");
    let lines = String::from_utf8(output.stdout).expect("text");
    (indices, lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

fn policies() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run("ip link add d0 type veth peer name d1");
    let mut linkhook = started(&namespace);
    namespace.run(ADD);
    let added = linkhook.event("xfrm_policy", "add");
    let policy = &added["xfrm_policy"];
    assert_eq!((&policy["sel"]["src"], &policy["dir"]), (&"10.1.0.0/16".into(), &"out".into()), "{added}");
    let template = &policy["tmpl"][0];
    assert_eq!((&template["src"], &template["reqid"]), (&"10.5.0.1".into(), &5.into()), "{added}");
    assert_eq!(added["origin"], "kernel");
    // With an interface's name, and of IPv6.
    namespace.run("ip xfrm policy add src fd01::/64 dst fd02::/64 dev d0 dir in action block");
    let on_link = linkhook.event("xfrm_policy", "add");
    assert_eq!((&on_link["ifname"], &on_link["xfrm_policy"]["sel"]["dev"]), (&"d0".into(), &"d0".into()), "{on_link}");
    namespace.run(&ADD.replace(" add ", " update ").replace("priority 100", "priority 200"));
    let changed = linkhook.event("xfrm_policy", "change");
    assert_eq!(changed["changed"]["priority"]["new"], 200, "{changed}");
    assert_eq!(changed["xfrm_policy"]["index"], policy["index"], "{changed}");
    let (indices, list) = listed(&namespace);
    let told: Vec<u64> = list.iter().filter_map(|line| line["xfrm_policy"]["index"].as_u64()).collect();
    assert_eq!((told.len(), &told), (2, &indices));
    assert!(list.iter().any(|line| line["ifname"] == "d0" && line["action"] == "present"), "{list:?}");
    namespace.run(&format!("ip xfrm policy delete {POLICY}"));
    let removed = linkhook.event("xfrm_policy", "remove");
    assert_eq!((&removed["xfrm_policy"], &removed["origin"]), (&changed["xfrm_policy"], &"kernel".into()));
    namespace.run("ip xfrm policy setdefault in block fwd accept out accept");
    let default = linkhook.event("xfrm_default", "change");
    assert_eq!(default["changed"], serde_json::json!({"in": {"old": "accept", "new": "block"}}), "{default}");
    let output = namespace.command(PROGRAM).args(["list", "xfrm_default"]).output()?;
    let listed: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(listed["xfrm_default"], default["xfrm_default"], "{listed}");
    Ok(())
}

/// One message says that all are gone. The look that follows finds nothing else.
fn flush() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run(ADD);
    let mut linkhook = started(&namespace);
    namespace.run("ip xfrm policy add src 10.3.0.0/16 dst 10.4.0.0/16 dir in");
    linkhook.event("xfrm_policy", "add");
    namespace.run("ip xfrm policy flush");
    for _ in 0..2 {
        let removed = linkhook.event("xfrm_policy", "remove");
        assert_eq!(removed["origin"], "inferred", "{removed}");
    }
    namespace.run(ADD);
    linkhook.event("xfrm_policy", "add");
    let (_, lines) = linkhook.stop();
    assert!(lines.iter().all(|line| line["event"] != "undecoded" && line["event"] != "resync"), "{lines:?}");
    Ok(())
}

fn record() -> Result<(), Failed> {
    let namespace = Namespace::new();
    namespace.run(ADD);
    for (arguments, warns) in [(&[][..], false), (&["--keys"], true)] {
        let mut command = namespace.command(PROGRAM);
        command.args(["record", "-o", "-", "--timeout", "1ms", "xfrm"]).args(arguments);
        let Output { status, stdout, stderr } = command.output()?;
        let told = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{told}");
        assert_eq!(told.contains("keys of IPsec"), warns, "{told}");
        let path = std::env::temp_dir().join(format!("linkhook-record-{}-{warns}.pcap", std::process::id()));
        std::fs::write(&path, stdout)?;
        let decoded = decode(&path, &["xfrm_policy"]);
        std::fs::remove_file(&path)?;
        let line: Value = serde_json::from_slice(&decoded.stdout)?;
        assert_eq!((&line["event"], &line["action"]), (&"xfrm_policy".into(), &"present".into()), "{line}");
    }
    Ok(())
}
