//! Sockets that end.

use std::io::{Read, Write};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::Test;
use crate::namespace::{Namespace, PROGRAM};

/// These tests need a namespace.
pub const LIVE_TESTS: &[Test] =
    &[("a_connection_that_ends_is_told_with_how_it_went", ends), ("sockets_are_listed", list)];

/// A server and a client in one process of the namespace: linkhook's own test program has no threads there, bash has sockets.
const TALK: &str = "exec 3<>/dev/udp/127.0.0.1/9; echo hello >&3; exec 3>&-";

fn ends() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut linkhook = namespace.linkhook(&["hello", "sock"]);
    linkhook.event("hello", "started");
    namespace.run(&format!("bash -c '{TALK}'"));
    let line = linkhook.expect("the end of a socket of UDP", |line| line["sock"]["dport"] == 9);
    let sock = &line["sock"];
    assert_eq!((&line["event"], &line["action"]), (&"sock".into(), &"remove".into()), "{line}");
    assert_eq!(
        (&sock["protocol"], &sock["dst"], &sock["family"]),
        (&"udp".into(), &"127.0.0.1".into(), &"inet".into())
    );
    // Nobody listens: the connection is refused, and its socket ends.
    namespace.run("bash -c 'exec 3<>/dev/tcp/127.0.0.1/10' || true");
    let line = linkhook.expect("the end of a socket of TCP", |line| line["sock"]["dst"] == "127.0.0.1");
    let sock: &Value = &line["sock"];
    assert_eq!((&sock["protocol"], &sock["state"]), (&"tcp".into(), &"UNCONN".into()), "{line}");
    assert!(sock["tcp_info"]["rto"].is_number() && sock.get("unknown").is_none(), "{line}");
    Ok(())
}

fn list() -> Result<(), Failed> {
    let namespace = Namespace::new();
    // It says when it listens, and goes on until its input ends.
    let script = "exec 3<>/dev/udp/127.0.0.1/9; echo ready; read line";
    let mut holder = namespace.command("bash");
    holder.args(["-c", script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut holder = holder.spawn()?;
    let mut ready = [0; 6];
    holder.stdout.take().ok_or("no stdout")?.read_exact(&mut ready)?;
    let output = namespace.command(PROGRAM).args(["list", "sock"]).output()?;
    holder.stdin.take().ok_or("no stdin")?.write_all(b"\n")?;
    holder.wait()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout)?;
    let line: Value = serde_json::from_str(lines.lines().next().ok_or("no line")?)?;
    let sock = &line["sock"];
    assert_eq!(
        (&line["action"], &sock["protocol"], &sock["dport"]),
        (&"present".into(), &"udp".into(), &9.into()),
        "{line}"
    );
    assert_eq!((&sock["state"], lines.lines().count()), (&"ESTAB".into(), 1), "{lines}");
    Ok(())
}
