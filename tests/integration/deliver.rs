//! Webhooks from end to end: real links, real requests, a receiver that answers as it is told.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;
use standardwebhooks::Webhook;
use ureq::http::{HeaderMap, HeaderName};

use crate::namespace::{Linkhook, Namespace, PROGRAM};
use crate::receiver::Receiver;

/// The tests of this room that need a namespace.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("an_event_is_posted_and_signed", signed),
    ("a_batch_keeps_its_id_and_bytes_over_its_retries", retried),
    ("no_whole_answer_is_no_success", broken),
    ("retry_after_is_obeyed_and_413_halves", halved),
    ("what_is_refused_is_told_and_the_next_goes_on", refused),
    ("410_puts_the_webhook_to_rest", gone),
    ("a_dead_receiver_delays_neither_others_nor_the_end", dead_beside_good),
    ("own_events_go_where_they_are_named", own),
    ("a_request_is_signed_as_github_has_it", as_github),
    ("a_body_is_compressed_once", compressed),
];

/// Those that need none.
pub const TESTS: &[crate::Test] = &[
    ("check_shows_what_is_done_and_no_secret", check),
    ("check_tells_every_mistake", check_wrong),
    ("check_warns_of_places_that_cannot_be_used", check_places),
    ("check_send_posts_a_signed_event", check_send),
    ("no_secret_is_in_the_logs", secret_logs),
];

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A configuration's file, which goes with its test.
pub struct Configuration(PathBuf);

impl Configuration {
    /// Writes it.
    pub fn new(text: &str) -> Configuration {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("linkhook-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        // There are secrets in it.
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Configuration(path)
    }

    /// Where it lies.
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A webhook on loopback, with those lines.
pub fn webhook(name: &str, port: u64, lines: &str) -> String {
    format!(
        "[[webhook]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}/hook?token=hush\"\nproxy = \"none\"\n\
         secret = \"{SECRET}\"\nretry.first = \"10ms\"\n{lines}\n"
    )
}

/// A namespace, a receiver in it that answers so, and linkhook that watches links.
pub fn one(answers: &str, lines: &str) -> (Namespace, Receiver, Linkhook) {
    let namespace = Namespace::new();
    let receiver = Receiver::inside(&namespace, answers);
    let linkhook = start(&namespace, &webhook("noc", receiver.port, lines));
    (namespace, receiver, linkhook)
}

fn start(namespace: &Namespace, webhooks: &str) -> Linkhook {
    let configuration =
        Configuration::new(&format!("[watch]\nkinds = [\"hello\", \"bye\", \"link\"]\nshutdown = \"1s\"\n{webhooks}"));
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    linkhook
}

/// A request's body, which is JSON.
pub fn body(request: &Value) -> Value {
    serde_json::from_str(request["body"].as_str().unwrap()).unwrap()
}

pub fn sequences(request: &Value) -> Vec<u64> {
    body(request)["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// The standard's own library must take the signature.
fn verify(request: &Value) {
    let mut headers = HeaderMap::new();
    for (name, value) in request["headers"].as_object().unwrap() {
        headers.insert(HeaderName::try_from(name).unwrap(), value.as_str().unwrap().parse().unwrap());
    }
    let library = Webhook::new(SECRET).unwrap();
    library.verify(request["body"].as_str().unwrap().as_bytes(), &headers).expect("the signature");
    assert!(library.verify(b"another body", &headers).is_err());
}

fn signed() -> Result<(), Failed> {
    let (namespace, mut receiver, mut linkhook) = one("204", "headers = { X-Team = \"net\" }");
    namespace.run("ip link set lo mtu 30000");
    let line = linkhook.event("link", "change");
    let request = receiver.next();
    verify(&request);
    let (headers, body) = (&request["headers"], body(&request));
    assert_eq!(request["request"], "POST /hook?token=hush HTTP/1.1");
    assert_eq!(body["events"], Value::Array(vec![line]));
    assert_eq!((&body["webhook"], &body["batch"], &body["id"]), (&"noc".into(), &1.into(), &headers["webhook-id"]));
    for (name, value) in [
        ("content-type", "application/json"),
        ("linkhook-webhook", "noc"),
        ("linkhook-batch", "1"),
        ("x-team", "net"),
        ("user-agent", concat!("linkhook/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    Ok(())
}

fn retried() -> Result<(), Failed> {
    let (namespace, mut receiver, _linkhook) = one("500,429,200", "");
    namespace.run("ip link set lo mtu 30000");
    let first = receiver.next();
    for _ in 0..2 {
        let again = receiver.next();
        verify(&again);
        assert_eq!(again["body"], first["body"]);
        assert_eq!(again["headers"]["webhook-id"], first["headers"]["webhook-id"]);
    }
    namespace.run("ip link set lo mtu 30001");
    let next = body(&receiver.next());
    assert_eq!(next["batch"], 2);
    assert_ne!(next["id"], body(&first)["id"]);
    Ok(())
}

fn broken() -> Result<(), Failed> {
    let (namespace, mut receiver, _linkhook) = one("reset,half,slow,200", "timeout = \"1s\"");
    namespace.run("ip link set lo mtu 30000");
    let requests: Vec<Value> = (0..4).map(|_| receiver.next()).collect();
    let answers: Vec<&str> = requests.iter().map(|request| request["answer"].as_str().unwrap()).collect();
    assert_eq!(answers, ["reset", "half", "slow", "200"]);
    assert!(requests.iter().all(|request| request["body"] == requests[0]["body"]));
    Ok(())
}

fn halved() -> Result<(), Failed> {
    let (namespace, mut receiver, mut linkhook) = one("503:2,200,413,200", "batch.wait = \"100ms\"");
    namespace.run("ip link set lo mtu 30000");
    let first = receiver.next();
    // These gather while the receiver wants to be left alone.
    namespace.run("for n in 1 2 3 4; do ip link set lo mtu 3000$n; done");
    let second = receiver.next();
    let pause = second["at"].as_u64().unwrap() - first["at"].as_u64().unwrap();
    assert!((1950..8000).contains(&pause), "Retry-After: 2 led to a pause of {pause} ms");
    let refused = receiver.next();
    assert_eq!(sequences(&refused).len(), 4, "they are one batch");
    let mut taken = sequences(&second);
    let half = receiver.next();
    assert_eq!(sequences(&half), sequences(&refused)[..2]);
    assert_ne!(body(&half)["id"], body(&refused)["id"]);
    // The number counts what is taken, so that the receiver sees no gap.
    assert_eq!(body(&half)["batch"], 2);
    taken.extend(sequences(&half));
    let rest = receiver.next();
    assert_eq!(body(&rest)["batch"], 3);
    taken.extend(sequences(&rest));
    let told: Vec<u64> = (0..5).map(|_| linkhook.event("link", "change")["seq"].as_u64().unwrap()).collect();
    assert_eq!(taken, told);
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let (namespace, mut receiver, mut linkhook) = one("404,302,200", "");
    for (number, status) in [(1, "404"), (2, "302")] {
        namespace.run(&format!("ip link set lo mtu 3000{number}"));
        assert_eq!(body(&receiver.next())["batch"], number);
        let told = linkhook.event("output", "dropped");
        let expected =
            serde_json::json!({"webhook": "noc", "events": 1, "reason": format!("refused (status {status}: ok)")});
        assert_eq!(told["output"], expected);
    }
    namespace.run("ip link set lo mtu 30003");
    let request = receiver.next();
    assert_eq!((&request["answer"], body(&request)["batch"].as_u64()), (&"200".into(), Some(3)));
    Ok(())
}

fn gone() -> Result<(), Failed> {
    let (namespace, mut receiver, mut linkhook) = one("410,200", "");
    namespace.run("ip link set lo mtu 30000");
    receiver.next();
    let told = linkhook.event("output", "dropped");
    assert!(told["output"]["reason"].as_str().unwrap().contains("410"));
    namespace.run("ip link set lo mtu 30001; ip link set lo mtu 30002");
    let mut lost = told["output"]["events"].as_u64().unwrap();
    while lost < 3 {
        lost += linkhook.event("output", "dropped")["output"]["events"].as_u64().unwrap();
    }
    assert_eq!(lost, 3);
    Ok(())
}

fn dead_beside_good() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let (mut slow, mut good) = (Receiver::inside(&namespace, "slow"), Receiver::inside(&namespace, "200"));
    let webhooks = [("slow", slow.port, ""), ("none", 9, ""), ("good", good.port, "format = \"ndjson\"")];
    let webhooks: String = webhooks.iter().map(|(name, port, lines)| webhook(name, *port, lines)).collect();
    let mut linkhook = start(&namespace, &webhooks);
    namespace.run("ip link set lo mtu 30000");
    slow.next();
    let line = linkhook.event("link", "change");
    let request = good.next();
    verify(&request);
    let lines: Vec<Value> =
        request["body"].as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [line]);
    // The attempt may take 30 s; the end waits for no more than one.
    let began = Instant::now();
    linkhook.signal(rustix::process::Signal::TERM);
    let (status, rest) = linkhook.rest();
    assert!(status.success() && began.elapsed() < Duration::from_secs(10), "{status} after {:?}", began.elapsed());
    assert_eq!(rest.last().unwrap()["event"], "bye");
    Ok(())
}

fn own() -> Result<(), Failed> {
    let (_namespace, mut receiver, linkhook) = one("200", "kinds = [\"hello\", \"bye\"]");
    let hello = body(&receiver.next());
    assert_eq!(hello["events"][0]["event"], "hello");
    // What is told last is sent before the end.
    let (status, _) = linkhook.stop();
    assert!(status.success());
    let bye = body(&receiver.next());
    assert_eq!((&bye["events"][0]["event"], &bye["batch"]), (&"bye".into(), &2.into()));
    Ok(())
}

fn linkhook(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().expect("linkhook")
}

fn texts(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
}

fn check() -> Result<(), Failed> {
    let hook = webhook("noc", 9, "signals = [\"carrier_lost\"]\nheaders = { Authorization = \"hush\" }");
    let configuration = Configuration::new(&hook);
    let output = linkhook(&["check", configuration.path()]);
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success(), "{stderr}");
    for part in [
        "webhook noc: http://127.0.0.1:9\n",
        "signals carrier_lost",
        "json, signed, 1 header\n",
        "pauses from 10ms to 5m",
    ] {
        assert!(stdout.contains(part), "expected {part}\nfound {stdout}");
    }
    assert!(!stdout.contains("hush") && !stdout.contains("whsec") && stderr.is_empty(), "{stdout}{stderr}");
    Ok(())
}

fn check_wrong() -> Result<(), Failed> {
    let configuration = Configuration::new("[watch]\nkinds = [\"rote\"]\n[[webhook]]\nname = \"noc\"\n");
    for arguments in [&["check", configuration.path()], &["--config", configuration.path()]] {
        let output = linkhook(arguments);
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let path = configuration.path();
        assert!(
            stderr.contains(&format!("{path}:2: watch.kinds[0]: unknown kind 'rote'; did you mean 'route'?")),
            "{stderr}"
        );
        assert!(stderr.contains(&format!("{path}:3: webhook[noc].url: it is missing")), "{stderr}");
    }
    Ok(())
}

fn check_places() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let place = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(place("file"), "")?;
    for (output, state, told) in [
        (
            "missing/out",
            "",
            "output.path: OUT: its directory is missing: make it, if the service's unit does not (LogsDirectory=)",
        ),
        (".", "", "output.path: OUT: it is a directory"),
        ("", "state", "watch.state_dir: STATE: it is missing; linkhook makes it when it starts"),
        ("", "a/b", "watch.state_dir: STATE: it is missing; linkhook makes it when it starts"),
        ("", "file", "watch.state_dir: STATE: it is no directory"),
        ("file", ".", ""),
        ("new", ".", ""),
    ] {
        let [output, state] = [output, state].map(|name| if name.is_empty() { String::new() } else { place(name) });
        let state_dir = if state.is_empty() { String::new() } else { format!("[watch]\nstate_dir = \"{state}\"\n") };
        let path = if output.is_empty() { String::new() } else { format!("[output]\npath = \"{output}\"\n") };
        let configuration = Configuration::new(&(state_dir + &path));
        let result = linkhook(&["check", configuration.path()]);
        let (_, stderr) = texts(&result);
        let told = told.replace("OUT", &output).replace("STATE", &state);
        let expected = if told.is_empty() { told } else { format!("linkhook: warning: {told}\n") };
        assert_eq!((result.status.code(), stderr), (Some(0), expected));
    }
    let socket = place("missing/http");
    let configuration = Configuration::new(&format!("[http]\nlisten = \"unix:{socket}\"\n"));
    let (stdout, stderr) = texts(&linkhook(&["check", configuration.path()]));
    assert!(stdout.contains(&format!("http: unix:{socket}, without a token\n")), "{stdout}");
    assert_eq!(stderr, format!("linkhook: warning: http.listen: {socket}: its directory is missing\n"));
    Ok(())
}

fn check_send() -> Result<(), Failed> {
    let (mut good, bad) = (Receiver::here("200"), Receiver::here("401"));
    let configuration = Configuration::new(&(webhook("good", good.port, "") + &webhook("bad", bad.port, "")));
    let output = linkhook(&["check", configuration.path(), "--send"]);
    let (stdout, stderr) = texts(&output);
    assert!(stdout.contains("sent to good: status 200\nsent to bad: status 401: ok\n"), "{stdout}");
    assert_eq!((output.status.code(), stderr.contains("not taken by bad")), (Some(1), true), "{stderr}");
    let request = good.next();
    verify(&request);
    assert_eq!(body(&request)["events"][0]["output"]["webhook"], "good");
    let output = linkhook(&["check", configuration.path(), "--send", "--show"]);
    let (stdout, stderr) = texts(&output);
    let request = good.next();
    assert!(
        stdout.contains(&format!(
            "to good as json:\n{}\nsent to good: status 200\nok\n",
            request["body"].as_str().unwrap()
        ))
    );
    assert!(stderr.contains("one that acts on events may act on it"), "{stderr}");
    Ok(())
}

/// What GitHub's webhooks have: the signature in a header of its own, over the octets as they are sent; here compressed.
fn as_github() -> Result<(), Failed> {
    let (namespace, mut receiver, mut linkhook) =
        one("204", "format = \"ndjson\"\nsignature = \"github\"\nactions = [\"add\"]\n");
    namespace.run("ip link add v0 type bridge");
    let line = linkhook.event("link", "add");
    let request = receiver.next();
    assert_eq!(body(&request), line);
    assert!(
        request["headers"]["x-hub-signature-256"]
            .as_str()
            .is_some_and(|value| value.starts_with("sha256=") && value.len() == 71)
    );
    assert!(request["headers"].get("webhook-signature").is_none());
    Ok(())
}

fn compressed() -> Result<(), Failed> {
    let (namespace, mut receiver, mut linkhook) = one("503,204", "compress = \"gzip\"\nactions = [\"add\"]\n");
    namespace.run("ip link add v0 type bridge");
    let line = linkhook.event("link", "add");
    let (first, second) = (receiver.next(), receiver.next());
    assert_eq!((&first["headers"]["content-encoding"], &first["body"]), (&"gzip".into(), &second["body"]));
    let octets: Vec<u8> = serde_json::from_value(second["octets"].clone())?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(&octets[..]).read_to_string(&mut text)?;
    assert_eq!(serde_json::from_str::<Value>(&text)?["events"][0], line);
    Ok(())
}

fn secret_logs() -> Result<(), Failed> {
    let receiver = Receiver::here("500");
    let lines = "kinds = [\"hello\"]\nheaders = { Authorization = \"hush\" }";
    let hook = webhook("noc", receiver.port, lines);
    let configuration = Configuration::new(&format!("[watch]\nkinds = [\"hello\"]\nshutdown = \"100ms\"\n{hook}"));
    let output = linkhook(&["-vvv", "--config", configuration.path(), "--timeout", "300ms"]);
    let (stdout, stderr) = texts(&output);
    assert!(stderr.contains("status 500") && stderr.contains("1 event is lost: not sent before the end"), "{stderr}");
    assert!(!stderr.contains("hush") && !stderr.contains("whsec") && !stdout.contains("hush"), "{stderr}");
    Ok(())
}
