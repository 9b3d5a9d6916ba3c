//! IPsec (XFRM): policies as `ip` shows them, and keys that nothing shows. The kernels that tests run on may lack ESP and AH, without
//! which there are no associations: those are in the recordings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::Test;
use crate::deliver::{Configuration, webhook};
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
    ("nothing_that_is_kept_shows_a_key", kept),
];

/// The recordings' keys begin so; each algorithm's key is a part of what repeats it.
const KEY: [u8; 16] = [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];

fn recorded() -> [PathBuf; 3] {
    ["xfrm.pcap", "xfrm-dump.pcap", "wireguard.pcap"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name))
}

/// Whether octets hold a good part of a key: as it is, as hexadecimal digits, as numbers of a list, or in base64.
fn shows_key(octets: &[u8]) -> bool {
    let part = &KEY[1..9];
    let text = String::from_utf8_lossy(octets);
    let small = text.to_lowercase();
    let listed = |separator: &str, each: fn(&u8) -> String| part.iter().map(each).collect::<Vec<_>>().join(separator);
    let digits = ["", ":", " "].map(|separator| listed(separator, |octet| format!("{octet:02x}")));
    let numbers = [",", ", "].map(|separator| listed(separator, u8::to_string));
    // As wg(8) writes it, and where what stands before it is one octet longer or two.
    let in_base64 = ["ABEiM0RVZneImaq7", "ESIzRFVmd4iZqrvM", "M0RVZneImaq7zN3u"];
    octets.windows(part.len()).any(|window| window == part)
        || digits.iter().any(|digits| small.contains(digits))
        || numbers.iter().chain(&in_base64.map(str::to_owned)).any(|form| text.contains(form.as_str()))
}

/// What of a folder shows a key.
fn files_with_key(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = |path: PathBuf| match path.is_dir() {
        true => files_with_key(&path),
        false => Vec::from_iter(shows_key(&std::fs::read(&path).unwrap_or_default()).then_some(path)),
    };
    entries.flat_map(found).collect()
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
            &["--unchanged", "--format", "text", "--color", "always"],
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

/// Says to the groups of XFRM what a recording has, and whether it was heard: the recording's packets begin behind 24 octets, each behind
/// 16, with the recorder's own 16.
const SAY_AGAIN: &str = r#"
import socket, struct, sys
packets, sent, heard = open(sys.argv[1], "rb").read(), 0, b""
say, hear = (socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6) for _ in range(2))
hear.bind((0, 0xff))
hear.setblocking(False)
at = 24
while at < len(packets):
    length = struct.unpack_from("I", packets, at + 8)[0]
    packet = packets[at + 16:at + 16 + length]
    at += 16 + length
    if packet[14:16] == b"\0\6":
        say.sendto(packet[16:], (0, 1 << sent % 8))
        heard += hear.recv(65536)
        sent += 1
sys.exit(0 if sent > 20 and bytes.fromhex(sys.argv[2]) in heard else 1)
"#;

/// Where the kernel has no ESP, what has keys in it is what somebody else says: it is read, and believed no more than it is kept. That of
/// associations is searched on Debian's kernels (tests/kernels/scenes/keys.sh).
fn kept() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let folder = tempfile::tempdir()?;
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"xfrm\", \"hello\"]\nstate_dir = \"{}\"\n[history]\nkeep = \"1d\"\n{}",
        folder.path().join("state").display(),
        webhook("nobody", 9, "retry.most = \"10ms\"\nretry.give_up_after = \"100ms\"")
    ));
    let mut command = namespace.command("sh");
    command.args(["-c", r#"exec "$@" 2>"$0""#]).arg(folder.path().join("log"));
    command.args([PROGRAM, "-vvv", "--config", configuration.path()]);
    let mut linkhook = Linkhook::start(command);
    linkhook.event("hello", "started");
    let (key, recording) = (KEY.map(|octet| format!("{octet:02x}")).concat(), &recorded()[0]);
    let said = namespace.command("python3").args(["-c", SAY_AGAIN]).arg(recording).arg(key).status()?;
    assert!(said.success(), "nobody has heard a key");
    namespace.run(ADD);
    linkhook.event("xfrm_policy", "add");
    let dead = folder.path().join("state/dead/nobody.jsonl");
    linkhook.until("a dead letter", |_| (), |_| std::fs::read(&dead).is_ok_and(|letters| !letters.is_empty()));
    let mut history = namespace.command(PROGRAM);
    let history = history.args(["history", "--state-dir"]).arg(folder.path().join("state")).output()?;
    assert!(String::from_utf8_lossy(&history.stdout).contains("xfrm_policy"), "{history:?}");
    let (_, lines) = linkhook.stop();
    assert!(lines.iter().all(|line| line["event"] != "xfrm_state"), "{lines:?}");
    std::fs::write(folder.path().join("lines"), format!("{lines:?}"))?;
    std::fs::write(folder.path().join("history"), [history.stdout, history.stderr].concat())?;
    assert!(std::fs::metadata(folder.path().join("log"))?.len() > 0);
    assert_eq!(files_with_key(folder.path()), [] as [PathBuf; 0]);
    // Where there is one, it is found.
    std::fs::copy(recording, folder.path().join("state/recording"))?;
    assert_eq!(files_with_key(folder.path()), [folder.path().join("state/recording")]);
    Ok(())
}
