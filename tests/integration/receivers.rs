//! The receivers in docs/receivers.md: each is given what linkhook might send, and must know the good from the bad.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use libtest_mimic::Failed;
use serde_json::json;
use sha2::Sha256;
use tempfile::TempDir;

use crate::namespace::PATIENCE;
use crate::tools::ToolTest;

/// The tests of this room, with the program that each takes.
pub const TESTS: &[ToolTest] = &[
    ("python3", "a_receiver_in_python", || serve("python", "receiver.py", "python3", &[])),
    ("node", "a_receiver_in_javascript", || serve("js", "receiver.js", "node", &[])),
    ("go", "a_receiver_in_go", go),
    ("jq", "a_receiver_for_a_shell", shell),
];

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What is sent: the batch's number, whether it is signed, how old it is, and the status that must follow.
const REQUESTS: [(u64, bool, u64, u16); 6] = [
    (1, true, 0, 204),
    // Once more.
    (1, true, 0, 204),
    (2, true, 0, 204),
    // The third is missing.
    (4, true, 0, 204),
    (5, false, 0, 401),
    (6, true, 100_000, 401),
];

/// What must be told of them.
const TOLD: &str = "10 link change\n11 addr add\n20 link change\n21 addr add\na gap in noc: 2 was followed by 4\n\
                    40 link change\n41 addr add\n";

/// The block of a language in the documentation.
fn program(language: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/receivers.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, behind) = text.split_once(&format!("```{language}\n")).expect(language);
    behind.split_once("\n```").unwrap().0.to_owned()
}

/// A request's headers and body.
fn request(number: u64, is_signed: bool, age_seconds: u64) -> (Vec<(&'static str, String)>, String) {
    let event = |seq: u64, event: &str, action: &str| json!({"seq": seq, "event": event, "action": action});
    let events = [event(number * 10, "link", "change"), event(number * 10 + 1, "addr", "add")];
    let body = json!({"id": format!("msg_{number}"), "events": events}).to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (id, time) = (format!("msg_{number}"), (now - age_seconds).to_string());
    let mut code = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(SECRET).unwrap()).unwrap();
    code.update(format!("{id}.{time}.{body}").as_bytes());
    let good = STANDARD.encode(code.finalize().into_bytes());
    // Two secrets, while one is being replaced.
    let signature = if is_signed { format!("v1,AAAA v1,{good}") } else { "v1,AAAA".into() };
    let headers = vec![
        ("webhook-id", id),
        ("webhook-timestamp", time),
        ("webhook-signature", signature),
        ("linkhook-webhook", "noc".into()),
        ("linkhook-batch", number.to_string()),
    ];
    (headers, body)
}

/// It is killed at the end.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it at a port that is free, and waits until it listens.
fn start(program: &str, arguments: &[&str], told: &Path) -> (Server, u16) {
    let began = Instant::now();
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(arguments).arg(port.to_string()).env("WEBHOOK_SECRET", format!("whsec_{SECRET}"));
        command.stdout(std::fs::File::create(told).unwrap()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut server = Server(command.spawn().unwrap());
        loop {
            assert!(began.elapsed() < 3 * PATIENCE, "{program} does not listen");
            // Somebody else may have taken the port meanwhile.
            if server.0.try_wait().unwrap().is_some() {
                break;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (server, port);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn serve(language: &str, file: &str, command: &str, arguments: &[&str]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(file);
    std::fs::write(&path, program(language))?;
    let arguments: Vec<&str> = arguments.iter().copied().chain([path.to_str().unwrap()]).collect();
    ask(&folder, command, &arguments)
}

fn ask(folder: &TempDir, program: &str, arguments: &[&str]) -> Result<(), Failed> {
    let told = folder.path().join("told");
    let (_server, port) = start(program, arguments, &told);
    for (number, is_signed, age, expected) in REQUESTS {
        let (headers, body) = request(number, is_signed, age);
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".to_owned();
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status: u16 = answer.split(' ').nth(1).ok_or("no status")?.parse()?;
        assert_eq!(status, expected, "batch {number}");
    }
    let began = Instant::now();
    while std::fs::read_to_string(&told)? != TOLD {
        assert!(began.elapsed() < PATIENCE, "{}", std::fs::read_to_string(&told)?);
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

fn go() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("receiver.go"), program("go"))?;
    let mut build = Command::new("go");
    build.args(["build", "-o", &at("receiver"), &at("receiver.go")]).current_dir(folder.path());
    let output = build.env("GO111MODULE", "off").output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ask(&folder, &at("receiver"), &[])
}

fn shell() -> Result<(), Failed> {
    if !crate::tools::has("openssl") {
        return Err("there is no openssl".into());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("receiver.sh");
    std::fs::write(&path, program("bash"))?;
    std::fs::create_dir(folder.path().join("state"))?;
    let mut told = String::new();
    for (number, is_signed, age, expected) in REQUESTS {
        let (headers, body) = request(number, is_signed, age);
        let mut command = Command::new("sh");
        command.arg(&path).env("WEBHOOK_SECRET", format!("whsec_{SECRET}"));
        command.env("WEBHOOK_STATE", folder.path().join("state"));
        for (name, value) in headers {
            command.env(format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")), value);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("stdin")?.write_all(body.as_bytes())?;
        let output = child.wait_with_output()?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("Status: {expected}\r\n\r\n"), "batch {number}");
        told += &String::from_utf8_lossy(&output.stderr);
    }
    assert_eq!(told, TOLD);
    Ok(())
}
