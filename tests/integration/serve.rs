//! Metrics and health over real connections: what is served, and who is not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::deliver::{Configuration, webhook};
use crate::namespace::{Namespace, PATIENCE, PROGRAM};
use crate::receiver;

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("what_is_asked_for_is_served_and_nothing_else", served),
    ("a_name_that_is_not_this_machines_is_refused", names),
    ("where_a_token_is_needed_it_is_asked_for", token),
    ("a_request_that_is_too_large_is_cut_off", large),
    ("a_slow_client_is_cut_off_and_many_of_them_keep_nobody_out", slow),
    ("a_hangup_moves_it_and_an_address_that_is_taken_changes_nothing", moved),
    ("an_address_that_is_taken_ends_the_start", taken),
    ("alerts_and_dashboard_name_metrics_that_there_are", packaging),
];

/// Those in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("figures_are_exact_over_a_socket_in_the_file_system", exact),
    ("a_webhooks_figures_are_exact", webhooks),
    ("a_metrics_event_comes_as_often_as_is_said", event),
];

/// Those with Prometheus' own tool.
pub const PROMTOOL_TESTS: &[crate::Test] = &[("promtool_has_nothing_to_say", promtool)];

/// Why promtool cannot be asked, if so.
pub fn obstacle() -> Option<String> {
    let found = Command::new("promtool").arg("--version").output().is_ok();
    (!found).then(|| "there is no promtool; Debian's package prometheus has it".into())
}

/// linkhook that serves on loopback.
struct Served {
    child: Child,
    configuration: Configuration,
    said: Receiver<String>,
    /// Where.
    port: u16,
}

impl Served {
    /// With a port that is free.
    fn new(more: &str) -> Served {
        let configuration = Configuration::new(&text("127.0.0.1:0", more));
        let mut command = Command::new(PROGRAM);
        command.args(["-v", "--config", configuration.path()]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (say, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        let mut served = Served { child, configuration, said, port: 0 };
        served.port = served.listens();
        served
    }

    /// The next thing that it says on stderr with that in it.
    fn says(&self, part: &str) -> String {
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let line = self.said.recv_timeout(left).unwrap_or_else(|error| panic!("it does not say {part}: {error}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Waits until it listens, and gives the port.
    fn listens(&self) -> u16 {
        let line = self.says("listening at http://127.0.0.1:");
        line.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// Reads another configuration.
    fn configure(&self, text: &str) {
        std::fs::write(self.configuration.path(), text).unwrap();
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// What it answers to a request of these lines.
    fn ask(&self, lines: &[&str]) -> Answer {
        ask(self.connect(), lines)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&[&format!("GET {path} HTTP/1.1"), "Host: localhost"])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(listen: &str, more: &str) -> String {
    format!(
        "[watch]\nkinds = [\"link\", \"addr\", \"route\"]\n[output]\npath = \"none\"\n[http]\nlisten = \"{listen}\"\n{more}\n"
    )
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn ask(mut stream: impl Read + Write, lines: &[&str]) -> Answer {
    stream.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).unwrap();
    read(stream)
}

fn read(mut stream: impl Read) -> Answer {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// The samples, by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

fn served() -> Result<(), Failed> {
    let served = Served::new("");
    let metrics = served.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", metrics.head);
    assert!(metrics.head.contains("connection: close"), "{}", metrics.head);
    let version = format!("linkhook_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(samples(&metrics.body)[&version], 1.0);
    let health = served.get("/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let began = Instant::now();
    loop {
        let ready = served.get("/readyz");
        if ready.status == 200 {
            assert_eq!(ready.body, "ready\n");
            break;
        }
        // The reason stands beside it.
        assert_eq!((ready.status, ready.body.as_str()), (503, "not ready: what exists is not known yet\n"));
        assert!(began.elapsed() < PATIENCE);
    }
    assert_eq!(samples(&served.get("/metrics").body)["linkhook_ready"], 1.0);
    for path in ["/page", "/metrics/", "/metric", "//metrics", "/event"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    assert_eq!(served.get("/healthz?a=b").status, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "NONSENSE"] {
        let lines = [&format!("{method} /metrics HTTP/1.1"), "Host: localhost", "Content-Length: 0"];
        let refused = served.ask(&lines);
        assert_eq!(refused.status, 405, "{method}");
        assert!(refused.head.contains("allow: get, head"), "{}", refused.head);
    }
    let head = served.ask(&["HEAD /metrics HTTP/1.1", "Host: localhost"]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(served.ask(&["GET /healthz HTTP/1.0", "Host: localhost"]).status, 200);
    Ok(())
}

fn names() -> Result<(), Failed> {
    let served = Served::new("");
    let get = |host: &str| served.ask(&["GET /metrics HTTP/1.1", &format!("Host: {host}")]).status;
    for host in ["localhost", "127.0.0.1:9473", "[::1]"] {
        assert_eq!(get(host), 200, "{host}");
    }
    for host in ["evil.example", "evil.example:9473", "192.0.2.1", "localhost.evil.example"] {
        assert_eq!(get(host), 403, "{host}");
    }
    for path in ["/healthz", "/readyz", "/nothing"] {
        assert_eq!(served.ask(&[&format!("GET {path} HTTP/1.1"), "Host: evil.example"]).status, 403, "{path}");
    }
    for lines in [
        &["GET /metrics HTTP/1.1"][..],
        &["GET /metrics HTTP/1.0"],
        &["GET /metrics HTTP/1.1", "Host: localhost", "Host: evil.example"],
        &["GET http://evil.example/metrics HTTP/1.1", "Host: localhost"],
    ] {
        let answer = served.ask(lines);
        assert!([400, 403].contains(&answer.status), "{lines:?}: {}", answer.status);
        assert!(!answer.body.contains("linkhook_"), "{lines:?}");
    }
    Ok(())
}

fn token() -> Result<(), Failed> {
    let served = Served::new("token = \"hush-hush-hush-hush\"");
    for path in ["/metrics", "/healthz", "/readyz", "/nothing"] {
        let line = format!("GET {path} HTTP/1.1");
        for said in ["Accept: */*", "Authorization: Bearer hush", "Authorization: Basic hush-hush-hush-hush"] {
            let refused = served.ask(&[&line, "Host: localhost", said]);
            assert_eq!(refused.status, 401, "{path} {said}");
            assert!(refused.head.contains("www-authenticate: bearer") && !refused.body.contains("linkhook_"));
        }
    }
    // By whatever name: no page of somebody else's knows it.
    let lines = ["GET /metrics HTTP/1.1", "Host: router.example", "Authorization: Bearer hush-hush-hush-hush"];
    assert_eq!(served.ask(&lines).status, 200);
    // A new one holds from the next SIGHUP on, and the address stays.
    served.configure(&text("127.0.0.1:0", "token = \"new-new-new-new-new\""));
    served.says("the configuration was read again");
    assert_eq!(served.ask(&lines).status, 401);
    assert_eq!(served.ask(&[lines[0], lines[1], "Authorization: Bearer new-new-new-new-new"]).status, 200);
    Ok(())
}

fn large() -> Result<(), Failed> {
    let served = Served::new("");
    let many: Vec<String> = (0..100).map(|number| format!("X-{number}: 1")).collect();
    let large = "x".repeat(100_000);
    for more in [format!("X: {large}"), many.join("\r\n")] {
        let mut stream = served.connect();
        // It may be cut off while it still writes.
        let _ = stream.write_all(format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{more}\r\n\r\n").as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut stream = served.connect();
    let _ = stream.write_all(format!("GET /{large} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
    // What is no HTTP at all.
    let mut stream = served.connect();
    let _ = stream.write_all(b"\x16\x03\x01\x00\x05hello\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(served.get("/healthz").status, 200);
    Ok(())
}

fn slow() -> Result<(), Failed> {
    let served = Served::new("");
    let began = Instant::now();
    // One that drips, so that no pause is long.
    let mut drips = served.connect();
    drips.set_read_timeout(Some(Duration::from_millis(200)))?;
    drips.write_all(b"GET /metrics HTTP/1.1\r\nX: ")?;
    let mut answer = [0; 256];
    let (ended, how) = loop {
        assert!(began.elapsed() < PATIENCE, "it is not cut off");
        let _ = drips.write_all(b"x");
        match drips.read(&mut answer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            how => break (began.elapsed(), how),
        }
    };
    let said: Vec<String> = served.said.try_iter().collect();
    assert!(ended > Duration::from_secs(5), "{ended:?}: {how:?}, {:?}; {said:?}", String::from_utf8_lossy(&answer));
    // Those who say nothing are many, and are put out for others.
    let silent: Vec<TcpStream> = (0..200).map(|_| served.connect()).collect();
    assert_eq!(served.get("/healthz").status, 200);
    let mut first = &silent[0];
    first.set_read_timeout(Some(Duration::from_secs(5)))?;
    assert!(!matches!(first.read(&mut [0; 16]), Err(error) if error.kind() == ErrorKind::WouldBlock));
    Ok(())
}

fn moved() -> Result<(), Failed> {
    let mut served = Served::new("");
    let taken = TcpListener::bind("127.0.0.1:0")?;
    served.configure(&text(&taken.local_addr()?.to_string(), ""));
    let told = served.says("cannot listen at");
    assert!(
        told.contains("as [http] listen says") && told.contains("what was served before is served as it was"),
        "{told}"
    );
    assert_eq!(served.get("/healthz").status, 200);
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    served.configure(&text(&free.to_string(), ""));
    let before = served.port;
    served.port = served.listens();
    assert_eq!(served.port, free.port());
    assert_eq!(served.get("/healthz").status, 200);
    is_given_up(before);
    // Nowhere any more, and then again.
    let whole = text(&free.to_string(), "");
    served.configure(whole.split("[http]").next().unwrap_or_default());
    is_given_up(free.port());
    served.configure(&whole);
    served.listens();
    assert_eq!(served.get("/healthz").status, 200);
    Ok(())
}

/// Waits until nobody listens there.
fn is_given_up(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(began.elapsed() < PATIENCE, "the address is not given up");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn taken() -> Result<(), Failed> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let configuration = Configuration::new(&text(&taken.local_addr()?.to_string(), ""));
    let output = Command::new(PROGRAM).args(["--config", configuration.path()]).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot listen at 127.0.0.1:") && told.contains("[http] listen"), "{told}");
    Ok(())
}

/// What `/metrics` says over a socket in the file system.
fn over(path: &Path) -> Answer {
    let began = Instant::now();
    let stream = loop {
        match UnixStream::connect(path) {
            Ok(stream) => break stream,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::park_timeout(Duration::from_millis(5));
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(stream, &["GET /metrics HTTP/1.1", "Host: linkhook"])
}

fn exact() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("http");
    let configuration = Configuration::new(&format!("[http]\nlisten = \"unix:{}\"\n", path.display()));
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    namespace.run("ip addr add 10.200.0.1/24 dev lo");
    namespace.batch(&(0..100).map(|number| format!("route add 10.{number}.1.0/24 dev lo\n")).collect::<String>());
    namespace.batch(&(0..50).map(|number| format!("route del 10.{number}.1.0/24 dev lo\n")).collect::<String>());
    namespace.run("ip link set lo mtu 1400");
    linkhook.expect("the last change", |line| line["link"]["mtu"] == 1400);
    // Until nothing more comes, so that nothing is between the lines and the figures.
    while !linkhook.try_lines(Duration::from_millis(1500)).is_empty() {}
    let metrics = samples(&over(&path).body);
    let mut told: BTreeMap<String, f64> = BTreeMap::new();
    for line in &linkhook.seen {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let (kind, action, severity) = (text("event"), text("action"), text("severity"));
        let name = format!("linkhook_events_total{{kind=\"{kind}\",action=\"{action}\",severity=\"{severity}\"}}");
        *told.entry(name).or_default() += 1.0;
    }
    let counted: BTreeMap<String, f64> = metrics
        .iter()
        .filter(|(name, _)| name.starts_with("linkhook_events_total"))
        .map(|(name, count)| (name.clone(), *count))
        .collect();
    assert_eq!(counted, told);
    let routes = "linkhook_events_total{kind=\"route\",action=\"add\",severity=\"notice\"}";
    assert!(counted[routes] >= 100.0, "{counted:?}");
    assert_eq!(metrics["linkhook_lines_total"], linkhook.seen.len() as f64);
    let links = namespace.ip("link").as_array().map_or(0, Vec::len);
    let shown = namespace.ip("addr");
    let addresses = shown.as_array().into_iter().flatten().filter_map(|link| link["addr_info"].as_array());
    for (kind, expected) in [("link", links), ("addr", addresses.map(Vec::len).sum())] {
        assert_eq!(metrics[&format!("linkhook_mirror_objects{{kind=\"{kind}\"}}")], expected as f64, "{kind}");
    }
    assert!(metrics["linkhook_mirror_bytes"] > 1000.0);
    assert_eq!((metrics["linkhook_backlog_bytes"], metrics["linkhook_namespaces"]), (0.0, 1.0));
    assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o660);
    linkhook.stop();
    assert!(!path.exists(), "its socket is left");
    Ok(())
}

fn webhooks() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("http");
    // The first batch is taken at the third attempt, the second one is refused for good.
    let receiver = receiver::Receiver::inside(&namespace, "503,503,200,404,slow");
    let configuration = Configuration::new(&format!(
        "[watch]\nkinds = [\"hello\", \"link\"]\nshutdown = \"10ms\"\nstate_dir = \"{0}/state\"\n[http]\nlisten = \"unix:{0}/http\"\n{1}",
        directory.path().display(),
        webhook("noc", receiver.port, "kinds = [\"link\"]\nbatch = { events = 1, wait = \"0s\" }\n")
    ));
    let mut linkhook = namespace.linkhook(&["--config", configuration.path()]);
    linkhook.event("hello", "started");
    for mtu in [1500, 1400, 1300] {
        namespace.run(&format!("ip link set lo mtu {mtu}"));
    }
    linkhook.expect("the last change", |line| line["link"]["mtu"] == 1300);
    let began = Instant::now();
    let metrics = loop {
        let metrics = samples(&over(&path).body);
        // The dead letter is counted before the store's thread has written that it is one.
        let is_dead = metrics["linkhook_webhook_dead_events_total{webhook=\"noc\"}"] == 1.0;
        if is_dead && metrics["linkhook_store_pending_bytes"] == 0.0 {
            break metrics;
        }
        assert!(began.elapsed() < PATIENCE, "{metrics:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let of = |name: &str| metrics[&format!("linkhook_webhook_{name}{{webhook=\"noc\"}}")];
    assert_eq!(
        ["sent_events_total", "failed_attempts_total", "waiting_events", "dropped_events_total"].map(of),
        [1.0, 3.0, 1.0, 0.0]
    );
    assert!(of("oldest_event_age_seconds") > 0.0 && of("oldest_event_age_seconds") < PATIENCE.as_secs_f64());
    Ok(())
}

fn event() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let configuration =
        Configuration::new("[watch]\nmetrics = \"200ms\"\n[[webhook]]\nname = \"a\"\nurl = \"http://127.0.0.1:9/\"\n");
    let mut linkhook = namespace.linkhook(&["--config", configuration.path(), "hello", "link"]);
    linkhook.event("hello", "started");
    namespace.run("ip link set lo mtu 1400");
    linkhook.event("link", "change");
    let first = linkhook.event("metrics", "measured");
    let second = linkhook.event("metrics", "measured");
    for line in [&first, &second] {
        assert_eq!((&line["origin"], &line["severity"]), (&"linkhook".into(), &"info".into()), "{line}");
        assert_eq!(line["metrics"]["lines"].as_u64().map(|lines| lines + 1), line["seq"].as_u64(), "{line}");
    }
    let changed = second["metrics"]["events"].as_array().into_iter().flatten();
    let changed = changed.filter(|row| row["kind"] == "link" && row["action"] == "change");
    assert_eq!(changed.filter_map(|row| row["count"].as_u64()).sum::<u64>(), 1, "{second}");
    let links = namespace.ip("link").as_array().map(Vec::len);
    assert_eq!(second["metrics"]["mirror_objects"].as_u64(), links.map(|links| links as u64), "{second}");
    assert_eq!(second["metrics"]["webhooks"][0]["name"], "a");
    assert_eq!(second["metrics"]["obstacles"], Value::Array(Vec::new()));
    crate::schema::hold_line(&second)?;
    // Nobody asks for it where nothing says how often.
    let output = Command::new(PROGRAM).arg("metrics").output()?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("[watch]"));
    Ok(())
}

fn package(name: &str) -> String {
    format!("{}/packaging/prometheus/{name}", env!("CARGO_MANIFEST_DIR"))
}

const ALERTS: &str = "alerts.yml";
const DASHBOARD: &str = "dashboard.json";

/// Every name that begins as a metric's is one, and every metric that tells of trouble has its alert.
fn packaging() -> Result<(), Failed> {
    let known: Vec<&str> = linkhook::serve::exposition::METRICS.iter().map(|metric| metric.name).collect();
    let alerts = std::fs::read_to_string(package(ALERTS))?;
    let dashboard = std::fs::read_to_string(package(DASHBOARD))?;
    let parsed: Value = serde_json::from_str(&dashboard)?;
    let panels = parsed["panels"].as_array().ok_or("the dashboard has no panels")?;
    let expressions: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .filter_map(|target| target["expr"].as_str())
        .collect();
    for text in expressions.iter().copied().chain([alerts.as_str()]) {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in words.filter(|word| word.starts_with("linkhook_")) {
            assert!(known.contains(&word), "there is no metric {word}");
        }
    }
    let in_dashboard = |name: &&&str| !expressions.iter().any(|expression| expression.contains(**name));
    let missing: Vec<&&str> = known.iter().filter(in_dashboard).collect();
    assert!(missing.is_empty(), "the dashboard does not show {missing:?}");
    Ok(())
}

fn promtool() -> Result<(), Failed> {
    let served = Served::new("");
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("stdin")?.write_all(served.get("/metrics").body.as_bytes())?;
    let output = child.wait_with_output()?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.trim().is_empty(), "{told}");
    let output =
        Command::new("promtool").args(["check", "rules", "--lint=all", "--lint-fatal", &package(ALERTS)]).output()?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    Ok(())
}
