//! Packets that rules log, live: `log group N` of nft.

use std::io::Read;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::deliver::{Configuration, webhook};
use crate::namespace::{Linkhook, Namespace, PROGRAM};
use crate::receiver::Receiver;

/// Tests that need `nft`.
pub const TESTS: &[crate::Test] = &[
    ("a_packet_is_told_with_what_the_rule_says", told),
    ("a_group_that_another_program_has_is_refused", taken),
    ("so_much_of_a_packet_is_kept_as_is_wanted", bytes),
    ("each_packet_is_told_or_counted_as_lost", lost),
    ("wait_exec_record_and_webhooks_have_packets", others),
];

/// A namespace with rules that log to two groups, by the port.
fn namespace() -> Namespace {
    let namespace = Namespace::new();
    namespace.run(
        "nft -f - <<'END'\ntable ip t {\n chain o {\n  type filter hook output priority 0;\n  \
         udp dport 9 meta mark set 7 log group 5 prefix \"out \"\n  udp dport 10 log group 6\n }\n}\nEND",
    );
    namespace
}

/// Sends datagrams of so many octets to a port on loopback.
fn send(namespace: &Namespace, port: u16, octets: usize, count: usize) {
    let script = format!(
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor _ in range({count}):\n s.sendto(b'x' * {octets}, \
         ('127.0.0.1', {port}))"
    );
    let sent = namespace.command("python3").args(["-c", &script]).status().expect("python3");
    assert!(sent.success());
}

fn watching(namespace: &Namespace, arguments: &[&str]) -> (Linkhook, Value) {
    let mut linkhook = namespace.linkhook(&[&["hello", "nflog"], arguments].concat());
    let hello = linkhook.event("hello", "started");
    (linkhook, hello)
}

fn told() -> Result<(), Failed> {
    let namespace = namespace();
    let (mut linkhook, hello) = watching(&namespace, &["--nflog-group", "5,6"]);
    let protocols = &hello["hello"]["protocols"];
    assert_eq!((&protocols[0]["protocol"], &protocols[0]["groups"]), (&json!("nflog"), &json!([5, 6])), "{hello}");
    send(&namespace, 9, 3, 1);
    send(&namespace, 10, 3, 1);
    let first = linkhook.event("nflog", "add");
    let packet = &first["nflog"];
    let expected = json!({
        "family": "inet", "group": 5, "prefix": "out ", "mark": 7, "hook": 3, "hw_protocol": 2048, "outdev": "lo", "outdev_id": 1,
        "seq": 0, "seq_global": 1, "payload_bytes": 31,
    });
    for (key, value) in expected.as_object().ok_or("no object")? {
        assert_eq!(&packet[key], value, "{key}: {first}");
    }
    assert!(packet["uid"].is_number() && packet["gid"].is_number() && packet.get("unknown").is_none(), "{first}");
    assert_eq!((&first["ifname"], &first["ifindex"]), (&json!("lo"), &json!(1)));
    let payload = packet["payload"].as_str().ok_or("no payload")?;
    assert!(payload.len() == 62 && payload.starts_with("4500001f") && payload.ends_with("787878"), "{payload}");
    let second = linkhook.expect("a packet of the other group", |line| line["nflog"]["group"] == 6);
    assert_eq!((&second["nflog"]["seq"], &second["nflog"]["seq_global"]), (&json!(0), &json!(2)), "{second}");
    Ok(())
}

fn taken() -> Result<(), Failed> {
    let namespace = namespace();
    let (linkhook, _) = watching(&namespace, &["--nflog-group", "5"]);
    let run = |group: &str| -> Result<Output, Failed> {
        let arguments = ["nflog", "--nflog-group", group, "--timeout", "1ms"];
        Ok(namespace.command(PROGRAM).args(arguments).stdin(Stdio::null()).output()?)
    };
    let refused = run("5")?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the group 5 of nflog is another program's"), "{said}");
    assert!(run("6")?.status.success());
    // It is free once its reader has ended.
    assert!(linkhook.stop().0.success());
    assert!(run("5")?.status.success());
    Ok(())
}

fn bytes() -> Result<(), Failed> {
    let namespace = namespace();
    for (bytes, shown) in
        [("", Some(128)), (", bytes = 40", Some(40)), (", bytes = 2000", Some(1028)), (", bytes = 0", None)]
    {
        let text = format!("[watch]\nkinds = [\"hello\", \"nflog\"]\nnflog = {{ groups = [5]{bytes} }}\n");
        let configuration = Configuration::new(&text);
        let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
        linkhook.event("hello", "started");
        send(&namespace, 9, 1000, 1);
        let line = linkhook.event("nflog", "add");
        let payload = line["nflog"]["payload"].as_str().map(|payload| payload.len() / 2);
        assert_eq!(payload, shown, "{line}");
        assert_eq!(line["nflog"]["payload_bytes"], shown.map_or(Value::Null, |_| json!(1028)), "{line}");
    }
    Ok(())
}

/// How many packets come while nobody reads.
const FLOOD: usize = 400;

fn lost() -> Result<(), Failed> {
    let namespace = namespace();
    let (mut linkhook, _) = watching(&namespace, &["--nflog-group", "5,6", "link", "--receive-buffer", "16KiB"]);
    linkhook.signal(rustix::process::Signal::STOP);
    send(&namespace, 9, 100, FLOOD);
    linkhook.signal(rustix::process::Signal::CONT);
    let overrun = linkhook.expect("the loss", |line| line["event"] == "overrun")["overrun"].clone();
    assert_eq!((&overrun["protocol"], &overrun["kinds"]), (&json!("nflog"), &json!(["nflog"])), "{overrun}");
    assert!(
        overrun["resync"].is_null() && overrun.as_object().is_some_and(|keys| keys.contains_key("resync")),
        "{overrun}"
    );
    send(&namespace, 10, 1, 1);
    linkhook.expect("a packet behind the loss", |line| line["nflog"]["group"] == 6);
    let told = linkhook.seen.iter().filter(|line| line["nflog"]["group"] == 5).count();
    let lost = overrun["lost"].as_u64().ok_or("no count")? as usize;
    assert!(told > 0 && lost > 0, "{told} told, {lost} lost");
    assert_eq!(told + lost, FLOOD, "{told} told, {lost} lost");
    Ok(())
}

fn others() -> Result<(), Failed> {
    let namespace = namespace();
    let groups = ["--nflog-group", "5"];
    // Each says on stderr, or by the group, that it is there; packets come until one of them is taken.
    let until = |mut command: Command| -> Result<Output, Failed> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        while child.try_wait()?.is_none() {
            send(&namespace, 9, 1, 1);
        }
        Ok(child.wait_with_output()?)
    };
    let command = |arguments: &[&str]| {
        let mut command = namespace.command(PROGRAM);
        command.args(arguments);
        command
    };
    let waited = until(command(&[&["wait", "nflog"], &groups[..]].concat()))?;
    let line: Value = serde_json::from_slice(&waited.stdout)?;
    assert_eq!((&line["event"], &line["nflog"]["prefix"]), (&json!("nflog"), &json!("out ")), "{line}");
    let run = until(command(&[&["exec", "nflog", "--count", "1"], &groups[..], &["--", "cat"]].concat()))?;
    let line: Value = serde_json::from_slice(&run.stdout)?;
    assert_eq!(line["nflog"]["group"], 5, "{line}");
    let recorded = until(command(&[&["record", "nflog", "--count", "2", "-o", "-"], &groups[..]].concat()))?;
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    let mut decode = Command::new(PROGRAM);
    let mut decode = decode.args(["decode", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    std::io::Write::write_all(&mut decode.stdin.take().ok_or("no stdin")?, &recorded.stdout)?;
    let mut decoded = String::new();
    decode.stdout.take().ok_or("no stdout")?.read_to_string(&mut decoded)?;
    assert!(decode.wait()?.success());
    assert_eq!(decoded.lines().filter(|line| line.contains("\"prefix\":\"out \"")).count(), 2, "{decoded}");
    let mut receiver = Receiver::inside(&namespace, "204");
    let text = format!(
        "[watch]\nkinds = [\"hello\", \"nflog\"]\nnflog = {{ groups = [5] }}\n{}",
        webhook("noc", receiver.port, "kinds = [\"nflog\"]")
    );
    let configuration = Configuration::new(&text);
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    send(&namespace, 9, 1, 1);
    let body: Value = serde_json::from_str(receiver.next()["body"].as_str().ok_or("no body")?)?;
    assert_eq!(body["events"][0]["nflog"]["prefix"], "out ", "{body}");
    Ok(())
}
