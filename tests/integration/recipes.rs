//! The recipes in config/recipes, each run as it stands but for the receiver's address: against the real server where one is
//! installed (scripts/receivers), else against a strict reading of what the server's reference takes.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::clickhouse;
use crate::imitations;
use crate::namespace::{Linkhook, Namespace, PATIENCE};
use crate::receiver::Receiver;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/recipes");

/// A recipe, and how what it sends is read.
struct Recipe {
    /// Its file, without `.toml`.
    name: &'static str,
    /// The address that stands in it, up to the path; or the variable that has it all, behind a dollar.
    address: &'static str,
    /// Variables that it names.
    variables: &'static [(&'static str, &'static str)],
    /// What the receiver's reference demands of a request, and what it tells.
    read: fn(&Request) -> Answered,
}

/// What a request tells, or why the receiver would refuse it.
type Answered = Result<Told, String>;

enum Told {
    /// linkhook's own lines.
    Lines(Vec<Value>),
    /// Words for people.
    Words(String),
}

impl Told {
    /// Whether it tells that the cable was pulled, or that the way out has gone.
    fn is_wanted(&self) -> bool {
        match self {
            Told::Lines(lines) => lines
                .iter()
                .any(|line| line["ifname"] == "v1" && (has(line, "carrier_lost") || has(line, "default_lost"))),
            Told::Words(words) => {
                words.contains("v1") && (words.contains("carrier_lost") || words.contains("CarrierLost"))
            }
        }
    }
}

/// A request as it came.
struct Request {
    /// `POST /path HTTP/1.1`.
    line: String,
    headers: Value,
    body: String,
}

impl Request {
    fn of(told: &Value) -> Request {
        let is_compressed = told["headers"]["content-encoding"] == "gzip";
        let body = if is_compressed {
            let octets = told["octets"].as_array().unwrap().iter().map(|octet| octet.as_u64().unwrap() as u8);
            let mut text = String::new();
            flate2::read::GzDecoder::new(&octets.collect::<Vec<u8>>()[..]).read_to_string(&mut text).unwrap();
            text
        } else {
            told["body"].as_str().unwrap().to_owned()
        };
        Request { line: told["request"].as_str().unwrap().to_owned(), headers: told["headers"].clone(), body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    /// Its type and path must be these.
    fn expect(&self, content_type: &str, path: &str) -> Result<(), String> {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        if !self.line.starts_with("POST ") || target != path || self.header("content-type") != content_type {
            return Err(format!(
                "{} as {}; {path} as {content_type} is needed",
                self.line,
                self.header("content-type")
            ));
        }
        Ok(())
    }

    fn expect_header(&self, name: &str, value: &str) -> Result<(), String> {
        if self.header(name) == value { Ok(()) } else { Err(format!("{name} is {:?}", self.header(name))) }
    }

    fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|error| format!("no JSON: {error}: {}", self.body))
    }

    /// A line of JSON each.
    fn ndjson(&self) -> Result<Vec<Value>, String> {
        self.body.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))).collect()
    }

    fn array(&self) -> Result<Vec<Value>, String> {
        self.json()?.as_array().cloned().ok_or_else(|| "no list".to_owned())
    }

    /// What a log store's imitation says of it.
    fn stored(&self, store: &str) -> Result<Vec<Value>, String> {
        let headers = self.headers.as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let taken = imitations::answer(store, &headers.collect(), &self.body).ok_or("no such store")?;
        if taken.status < 300 { Ok(taken.lines) } else { Err(taken.body) }
    }
}

const BULK: &str =
    "/logs-linkhook-default/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

const RECIPES: &[Recipe] = &[
    Recipe { name: "loki", address: "https://loki.example", variables: &[], read: loki },
    Recipe { name: "victorialogs", address: "https://victorialogs.example", variables: &[], read: victorialogs },
    Recipe {
        name: "elasticsearch",
        address: "https://elasticsearch.example",
        variables: &[("ELASTICSEARCH_AUTHORIZATION", "ApiKey hush")],
        read: |request| bulk(request, "ApiKey hush"),
    },
    Recipe {
        name: "opensearch",
        address: "https://opensearch.example",
        variables: &[("OPENSEARCH_AUTHORIZATION", "Basic aHVzaA==")],
        read: |request| bulk(request, "Basic aHVzaA=="),
    },
    Recipe {
        name: "splunk",
        address: "https://splunk.example:8088",
        variables: &[("SPLUNK_AUTHORIZATION", "Splunk hush")],
        read: splunk,
    },
    Recipe { name: "otlp", address: "http://otel-collector.example:4318", variables: &[], read: otlp },
    Recipe {
        name: "clickhouse",
        address: "http://clickhouse.example:8123",
        variables: &[("CLICKHOUSE_PASSWORD", "hush")],
        read: clickhouse_rows,
    },
    Recipe { name: "fluent-bit", address: "http://fluent-bit.example:9880", variables: &[], read: fluent_bit },
    Recipe { name: "logstash", address: "http://logstash.example:8080", variables: &[], read: logstash },
    Recipe { name: "vector", address: "http://vector.example:8080", variables: &[], read: vector },
    Recipe { name: "cloudevents", address: "http://broker.example", variables: &[], read: cloudevents },
    Recipe {
        name: "github-signature",
        address: "https://hooks.example",
        variables: &[("HUB_SECRET", SECRET)],
        read: github_signature,
    },
    Recipe { name: "node-red", address: "http://node-red.example:1880", variables: &[], read: node_red },
    Recipe {
        name: "webhook",
        address: "http://hooks.example:9000",
        variables: &[("HOOK_SECRET", SECRET)],
        read: webhook,
    },
    Recipe { name: "alertmanager", address: "http://alertmanager.example:9093", variables: &[], read: alertmanager },
    Recipe { name: "pagerduty", address: "https://events.pagerduty.com", variables: &[], read: pagerduty },
    Recipe { name: "slack", address: "$SLACK_URL", variables: &[], read: slack },
    Recipe { name: "discord", address: "$DISCORD_URL", variables: &[], read: discord },
    Recipe { name: "teams", address: "$TEAMS_URL", variables: &[], read: teams },
    Recipe { name: "telegram", address: "$TELEGRAM_URL", variables: &[], read: telegram },
    Recipe { name: "ntfy", address: "https://ntfy.example", variables: &[], read: ntfy },
    Recipe { name: "gotify", address: "https://gotify.example", variables: &[("GOTIFY_KEY", "hush")], read: gotify },
    Recipe {
        name: "ansible-rulebook",
        address: "http://rulebook.example:5000",
        variables: &[("RULEBOOK_AUTHORIZATION", "Bearer hush")],
        read: ansible_rulebook,
    },
    Recipe {
        name: "github-dispatch",
        address: "https://api.github.com",
        variables: &[("GITHUB_AUTHORIZATION", "Bearer hush")],
        read: github_dispatch,
    },
    Recipe { name: "kafka-rest", address: "http://kafka-rest.example:8082", variables: &[], read: kafka_rest },
];

const SECRET: &str = "It is a secret of some length, for tests";

/// pkg/loghttp/push.
fn loki(request: &Request) -> Answered {
    request.expect("application/json", "/loki/api/v1/push")?;
    request.stored("loki").map(Told::Lines)
}

/// app/vlinsert/jsonline: the fields that the address names must be there.
fn victorialogs(request: &Request) -> Answered {
    let path = "/insert/jsonline?_stream_fields=host,event&_time_field=ts&_msg_field=event";
    request.expect("application/x-ndjson", path)?;
    let lines = request.ndjson()?;
    let is_whole = |line: &Value| ["host", "event", "ts"].iter().all(|key| line[key].is_string());
    if lines.iter().all(is_whole) {
        Ok(Told::Lines(lines))
    } else {
        Err("a field that the address names is missing".into())
    }
}

fn bulk(request: &Request, authorization: &str) -> Answered {
    request.expect("application/x-ndjson", BULK)?;
    request.expect_header("authorization", authorization)?;
    let mut lines = Vec::new();
    if !request.body.ends_with('\n') {
        return Err("the bulk request must be terminated by a newline".into());
    }
    for pair in request.ndjson()?.chunks(2) {
        let document = pair.get(1).ok_or("an action without a document")?;
        // Data streams take `create` alone, and need a time.
        if !pair[0]["create"]["_id"].is_string()
            || !document["@timestamp"].is_string()
            || !document["event"].is_object()
        {
            return Err(format!("{pair:?}"));
        }
        lines.push(document["linkhook"].clone());
    }
    Ok(Told::Lines(lines))
}

fn splunk(request: &Request) -> Answered {
    request.expect("application/json", "/services/collector/event")?;
    request.expect_header("authorization", "Splunk hush")?;
    request.stored("splunk").map(Told::Lines)
}

fn otlp(request: &Request) -> Answered {
    request.expect("application/json", "/v1/logs")?;
    request.stored("otlp").map(Told::Lines)
}

fn clickhouse_rows(request: &Request) -> Answered {
    let path = "/?query=INSERT%20INTO%20linkhook%20FORMAT%20JSONEachRow&input_format_skip_unknown_fields=1&\
                date_time_input_format=best_effort";
    request.expect("application/x-ndjson", path)?;
    request.expect_header("x-clickhouse-user", "default")?;
    request.expect_header("x-clickhouse-key", "hush")?;
    let lines = request.ndjson()?;
    // What the table is ordered by.
    let is_row = |line: &Value| line["host"].is_string() && line["seq"].is_u64() && line["ts"].is_string();
    if lines.iter().all(is_row) { Ok(Told::Lines(lines)) } else { Err("a row without its key".into()) }
}

/// plugins/in_http/http_prot.c takes this type alone.
fn fluent_bit(request: &Request) -> Answered {
    request.expect("application/json", "/linkhook")?;
    request.array().map(Told::Lines)
}

/// The plugin's reference: the codec of application/json makes an event of each member.
fn logstash(request: &Request) -> Answered {
    request.expect("application/json", "/")?;
    request.array().map(Told::Lines)
}

fn vector(request: &Request) -> Answered {
    request.expect("application/x-ndjson", "/")?;
    request.ndjson().map(Told::Lines)
}

/// formats/json-format.md: what must be there, and names of lower-case letters and digits.
fn cloudevents(request: &Request) -> Answered {
    request.expect("application/cloudevents+json", "/default")?;
    let event = request.json()?;
    let is_name = |name: &String| name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit());
    if !event.as_object().ok_or("no object")?.keys().all(is_name) {
        return Err(format!("a name that is none: {event}"));
    }
    let needed = ["id", "source", "type", "time"].iter().all(|key| event[key].is_string());
    if event["specversion"] != "1.0" || !needed {
        return Err(format!("what is needed is missing: {event}"));
    }
    Ok(Told::Lines(vec![event["data"].clone()]))
}

/// Over the body alone.
fn is_signed(request: &Request) -> Result<(), String> {
    let script = "import hmac,hashlib,sys; print('sha256='+hmac.new(sys.argv[1].encode(),sys.stdin.buffer.read(),hashlib.sha256).hexdigest())";
    let mut python = Command::new("python3");
    python.args(["-c", script, SECRET]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().map_err(|error| error.to_string())?;
    let mut stdin = python.stdin.take().ok_or("stdin")?;
    std::io::Write::write_all(&mut stdin, request.body.as_bytes()).map_err(|error| error.to_string())?;
    drop(stdin);
    let output = python.wait_with_output().map_err(|error| error.to_string())?;
    request.expect_header("x-hub-signature-256", String::from_utf8_lossy(&output.stdout).trim())
}

fn github_signature(request: &Request) -> Answered {
    request.expect("application/json", "/linkhook")?;
    is_signed(request)?;
    Ok(Told::Lines(request.json()?["events"].as_array().cloned().unwrap_or_default()))
}

fn node_red(request: &Request) -> Answered {
    request.expect("application/json", "/linkhook")?;
    request.array().map(Told::Lines)
}

fn webhook(request: &Request) -> Answered {
    request.expect("application/json", "/hooks/linkhook")?;
    is_signed(request)?;
    let events = request.json()?["events"].as_array().cloned().unwrap_or_default();
    if events.len() == 1 { Ok(Told::Lines(events)) } else { Err(format!("{} events", events.len())) }
}

/// A text of so many characters at most, and one at least.
fn bounded(value: &Value, most: usize) -> Result<String, String> {
    let text = value.as_str().unwrap_or_default();
    let count = text.chars().count();
    if (1..=most).contains(&count) { Ok(text.to_owned()) } else { Err(format!("{count} characters: {value}")) }
}

/// api/v2/openapi.yaml: labels are texts of good names; an end, so that it stays.
fn alertmanager(request: &Request) -> Answered {
    request.expect("application/json", "/api/v2/alerts")?;
    request.expect_header("content-encoding", "")?;
    let mut words = String::new();
    for alert in request.array()? {
        let labels = alert["labels"].as_object().ok_or("no labels")?;
        let is_name = |name: &String| {
            name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
                && !name.as_bytes()[0].is_ascii_digit()
        };
        if labels.is_empty() || !labels.iter().all(|(name, value)| is_name(name) && value.is_string()) {
            return Err(format!("wrong labels: {alert}"));
        }
        bounded(&alert["endsAt"], 40)?;
        if alert["startsAt"].as_str() > alert["endsAt"].as_str() {
            return Err(format!("it starts after its end: {alert}"));
        }
        words += &alert.to_string();
    }
    Ok(Told::Words(words))
}

/// Events API v2: what is needed, and the bounds.
fn pagerduty(request: &Request) -> Answered {
    request.expect("application/json", "/v2/enqueue")?;
    let event = request.json()?;
    if event["routing_key"].as_str().map(str::len) != Some(32) {
        return Err("routing_key has 32 characters".into());
    }
    if !["trigger", "acknowledge", "resolve"].iter().any(|action| event["event_action"] == *action) {
        return Err(format!("event_action: {event}"));
    }
    bounded(&event["dedup_key"], 255)?;
    bounded(&event["payload"]["source"], 255)?;
    if !["critical", "error", "warning", "info"].iter().any(|severity| event["payload"]["severity"] == *severity) {
        return Err(format!("severity: {event}"));
    }
    bounded(&event["payload"]["summary"], 1024).map(Told::Words)
}

/// A chat's message: where it goes and its one key.
fn message(request: &Request, path: &str, key: &str, most: usize) -> Answered {
    request.expect("application/json", path)?;
    bounded(&request.json()?[key], most).map(Told::Words)
}

fn slack(request: &Request) -> Answered {
    message(request, "/hook", "text", 40_000)
}

fn discord(request: &Request) -> Answered {
    message(request, "/hook", "content", 2000)
}

/// A card of at most 28 KB.
fn teams(request: &Request) -> Answered {
    request.expect("application/json", "/hook")?;
    let told = request.json()?;
    let attachment = &told["attachments"][0];
    let card = &attachment["content"];
    let is_card =
        attachment["contentType"] == "application/vnd.microsoft.card.adaptive" && card["type"] == "AdaptiveCard";
    if told["type"] != "message" || !is_card || !card["version"].is_string() || request.body.len() > 28 << 10 {
        return Err(format!("no card: {told}"));
    }
    let blocks = card["body"].as_array().ok_or("no body")?;
    let texts = blocks.iter().filter(|block| block["type"] == "TextBlock").filter_map(|block| block["text"].as_str());
    Ok(Told::Words(texts.collect::<Vec<_>>().join("\n")))
}

fn telegram(request: &Request) -> Answered {
    bounded(&request.json()?["chat_id"], 64)?;
    message(request, "/hook", "text", 4096)
}

fn ntfy(request: &Request) -> Answered {
    let told = request.json()?;
    let topic = bounded(&told["topic"], 64)?;
    let is_topic = topic.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet));
    if !is_topic || !(1..=5).contains(&told["priority"].as_u64().unwrap_or_default()) || !told["tags"].is_array() {
        return Err(format!("{told}"));
    }
    message(request, "/", "message", 4096)
}

fn gotify(request: &Request) -> Answered {
    request.expect_header("x-gotify-key", "hush")?;
    if !request.json()?["priority"].is_u64() {
        return Err("priority is no number".into());
    }
    message(request, "/message", "message", 65_536)
}

fn ansible_rulebook(request: &Request) -> Answered {
    request.expect("application/json", "/linkhook")?;
    request.expect_header("authorization", "Bearer hush")?;
    Ok(Told::Lines(vec![request.json()?]))
}

fn github_dispatch(request: &Request) -> Answered {
    request.expect("application/json", "/repos/OWNER/REPOSITORY/dispatches")?;
    request.expect_header("authorization", "Bearer hush")?;
    request.expect_header("accept", "application/vnd.github+json")?;
    if request.header("user-agent").is_empty() {
        return Err("a user agent is needed".into());
    }
    let told = request.json()?;
    bounded(&told["event_type"], 100)?;
    if told["client_payload"].as_object().is_none_or(|payload| payload.len() > 10) {
        return Err("client_payload has at most 10 keys".into());
    }
    Ok(Told::Lines(vec![told["client_payload"]["event"].clone()]))
}

fn kafka_rest(request: &Request) -> Answered {
    request.expect("application/vnd.kafka.json.v2+json", "/topics/linkhook")?;
    if request.json()?["records"].as_array().into_iter().flatten().any(|record| !record["key"].is_string()) {
        return Err("a record without its key".into());
    }
    request.stored("kafka").map(Told::Lines)
}

/// The tests: one for each recipe, one that each has one, and those with real servers, which are ignored where the server is
/// missing, or all of them.
pub fn trials(is_ignored: bool, is_listing: bool) -> Vec<Trial> {
    let recipe = |recipe: &'static Recipe| {
        Trial::test(format!("recipes::{}_as_it_stands", recipe.name), move || run(recipe)).with_ignored_flag(is_ignored)
    };
    let real = REAL.iter().map(|&(name, program, run)| {
        let missing = !is_listing && program().is_none();
        if missing {
            eprintln!(
                "the test recipes::{name} is ignored: its server is not installed; scripts/receivers installs it"
            );
        }
        Trial::test(format!("recipes::{name}"), run).with_ignored_flag(is_ignored || missing)
    });
    let complete = Trial::test("recipes::each_recipe_has_its_test", complete);
    RECIPES.iter().map(recipe).chain([complete]).chain(real).collect()
}

fn complete() -> Result<(), Failed> {
    let files: BTreeSet<String> = std::fs::read_dir(FOLDER)?
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    let tested: BTreeSet<String> = RECIPES.iter().map(|recipe| recipe.name.to_owned()).collect();
    assert_eq!(files, tested);
    for entry in std::fs::read_dir(FOLDER)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let read = serde_json::from_str::<Value>(&std::fs::read_to_string(&path)?);
            assert!(read.is_ok(), "{}: {read:?}", path.display());
        }
    }
    Ok(())
}

/// The recipe in a file of its own, with another address.
fn file(recipe: &Recipe, folder: &Path, address: &str) -> PathBuf {
    let text = std::fs::read_to_string(format!("{FOLDER}/{}.toml", recipe.name)).unwrap();
    let stands = recipe.address.trim_start_matches('$');
    assert!(text.contains(stands), "{stands} is not in {}", recipe.name);
    let path = folder.join("recipe.toml");
    let is_variable = recipe.address.starts_with('$');
    std::fs::write(&path, if is_variable { text } else { text.replace(recipe.address, address) }).unwrap();
    // There are secrets in some.
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

/// Two interfaces with a cable between them, and a way out by one.
fn with_cable() -> Namespace {
    let namespace = Namespace::new();
    namespace.run(
        "ip link add v1 type veth peer name v2; ip link set v1 up; ip link set v2 up; ip addr add 10.9.9.1/24 dev v1; \
         ip route add default via 10.9.9.2 dev v1",
    );
    namespace
}

fn start(namespace: &Namespace, recipe: &Recipe, path: &Path, address: &str) -> Linkhook {
    let mut command = namespace.command("env");
    if let Some(variable) = recipe.address.strip_prefix('$') {
        command.arg(format!("{variable}={address}/hook"));
    }
    for (name, value) in recipe.variables {
        command.arg(format!("{name}={value}"));
    }
    command.arg(crate::namespace::PROGRAM).arg("--config").arg(path);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(variable);
    }
    let mut linkhook = Linkhook::start(command);
    linkhook.event("hello", "started");
    linkhook
}

/// The cable is pulled and put back, and the way out goes. What is back before the kernel has looked at the other end
/// (`linkwatch_event`) was never away.
fn pull(namespace: &Namespace) {
    namespace.run(
        "ip link set v2 down; for n in $(seq 500); do ip link show v1 | grep -q LOWERLAYERDOWN && break; sleep 0.02; done; \
         ip link set v2 up; ip route del default",
    );
}

fn has(line: &Value, signal: &str) -> bool {
    line["signals"].as_array().is_some_and(|signals| signals.iter().any(|known| known == signal))
}

fn run(recipe: &Recipe) -> Result<(), Failed> {
    let (namespace, folder) = (with_cable(), tempfile::tempdir()?);
    let mut receiver = Receiver::inside(&namespace, "200");
    let address = format!("http://127.0.0.1:{}", receiver.port);
    let path = file(recipe, folder.path(), &address);
    let _linkhook = start(&namespace, recipe, &path, &address);
    pull(&namespace);
    loop {
        let request = Request::of(&receiver.next());
        let told = (recipe.read)(&request).map_err(|why| format!("{}: {why}\n{}", recipe.name, request.body))?;
        if let Told::Lines(lines) = &told {
            // They are linkhook's own, whole.
            assert!(lines.iter().all(|line| line["v"] == 1 && line["seq"].is_u64()), "{lines:?}");
        }
        if told.is_wanted() {
            return Ok(());
        }
    }
}

/// What scripts/receivers has made.
pub fn receivers() -> Option<PathBuf> {
    let folder = std::env::var_os("LINKHOOK_RECEIVERS").map(PathBuf::from);
    folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/linkhook-receivers")))
}

fn rotel() -> Option<PathBuf> {
    let library = receivers()?.join("python/lib");
    let versions = std::fs::read_dir(library).ok()?.flatten();
    versions.map(|entry| entry.path().join("site-packages/rotel/rotel-agent")).find(|path| path.exists())
}

fn node_red_program() -> Option<PathBuf> {
    let program = receivers()?.join("node/node_modules/node-red/red.js");
    (program.exists() && crate::tools::has("node")).then_some(program)
}

fn webhook_program() -> Option<PathBuf> {
    crate::tools::has("webhook").then(|| "webhook".into())
}

fn alertmanager_program() -> Option<PathBuf> {
    crate::tools::has("prometheus-alertmanager").then(|| "prometheus-alertmanager".into())
}

fn rulebook_program() -> Option<PathBuf> {
    let program = receivers()?.join("python/bin/ansible-rulebook");
    (program.exists() && crate::tools::has("java")).then_some(program)
}

type RealTest = (&'static str, fn() -> Option<PathBuf>, fn() -> Result<(), Failed>);

const REAL: &[RealTest] = &[
    ("rotel_takes_every_event_with_its_attributes", rotel, real_rotel),
    ("webhook_runs_a_command_for_each_event", webhook_program, real_webhook),
    ("node_red_gets_a_list_of_events", node_red_program, real_node_red),
    ("alertmanager_has_an_alert_while_the_cable_is_pulled", alertmanager_program, real_alertmanager),
    ("ansible_rulebook_runs_a_rule_for_an_event", rulebook_program, real_rulebook),
    ("clickhouse_has_a_row_for_each_event", clickhouse::engine, clickhouse::rows),
];

/// A server, which is killed at the end.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server in the namespace, with what it says in a file, and waits until somebody listens at that port.
fn serve(namespace: &Namespace, port: u16, said: &Path, program: &Path, arguments: &[&str]) -> Server {
    let out = std::fs::File::create(said).unwrap();
    let mut command = namespace.command(program.to_str().unwrap());
    command.args(arguments).stdin(Stdio::null()).stderr(out.try_clone().unwrap()).stdout(out);
    let server = Server(command.spawn().unwrap());
    let began = Instant::now();
    let listens = || {
        let mut ask = namespace.command("python3");
        let script = format!("import socket; socket.create_connection(('127.0.0.1', {port}), 5)");
        ask.args(["-c", &script]).stderr(Stdio::null()).status().unwrap().success()
    };
    // Some take seconds to start, more on a busy machine.
    while !listens() {
        assert!(began.elapsed() < 6 * PATIENCE, "it does not start: {}", std::fs::read_to_string(said).unwrap());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    server
}

fn named(name: &str) -> &'static Recipe {
    RECIPES.iter().find(|recipe| recipe.name == name).unwrap()
}

/// Waits until a file has what is wanted.
fn until(path: &Path, what: &str, mut holds: impl FnMut(&str) -> bool) {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if holds(&text) {
            return;
        }
        assert!(began.elapsed() < 3 * PATIENCE, "{what}: {text}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn real_rotel() -> Result<(), Failed> {
    let (namespace, folder) = (with_cable(), tempfile::tempdir()?);
    let said = folder.path().join("said");
    let arguments = "start --otlp-http-endpoint 127.0.0.1:4318 --otlp-grpc-endpoint 127.0.0.1:4317 --exporter blackhole \
                     --debug-log logs --debug-log-verbosity detailed --logs-batch-timeout 100ms";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let _server = serve(&namespace, 4318, &said, &rotel().ok_or("rotel is gone")?, &arguments);
    let recipe = named("otlp");
    let address = "http://127.0.0.1:4318";
    let path = file(recipe, folder.path(), address);
    let mut linkhook = start(&namespace, recipe, &path, address);
    pull(&namespace);
    let line = linkhook.expect("the cable is pulled", |line| line["ifname"] == "v1" && has(line, "carrier_lost"));
    let id = format!("-{}", line["seq"]);
    until(&said, "the event", |text| {
        ["log.record.uid", "network.interface.name", "carrier_lost", "linkhook.seq", "service.name", "env"]
            .iter()
            .all(|part| text.contains(part))
            && text.contains(&id)
    });
    Ok(())
}

fn real_webhook() -> Result<(), Failed> {
    let (namespace, folder) = (with_cable(), tempfile::tempdir()?);
    let at = |name: &str| folder.path().join(name);
    let hooks = std::fs::read_to_string(format!("{FOLDER}/webhook-hooks.json"))?;
    let hooks = hooks.replace("/usr/local/sbin/on-link-event", at("command").to_str().unwrap());
    std::fs::write(at("hooks.json"), hooks.replace("the same as HOOK_SECRET", SECRET))?;
    let script = format!("#!/bin/sh\ncat \"$LINKHOOK_BATCH\" >>{0}\necho >>{0}\n", at("told").display());
    std::fs::write(at("command"), script)?;
    std::fs::set_permissions(at("command"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let hooks = at("hooks.json");
    let arguments = ["-hooks", hooks.to_str().unwrap(), "-ip", "127.0.0.1", "-port", "9000", "-verbose"];
    let _server = serve(&namespace, 9000, &at("said"), Path::new("webhook"), &arguments);
    let recipe = named("webhook");
    let address = "http://127.0.0.1:9000";
    let path = file(recipe, folder.path(), address);
    let _linkhook = start(&namespace, recipe, &path, address);
    pull(&namespace);
    until(&at("told"), "both events", |text| {
        let events: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|batch| batch["events"][0].clone())
            .collect();
        ["carrier_lost", "carrier_up"].iter().all(|signal| events.iter().any(|event| has(event, signal)))
    });
    Ok(())
}

fn real_node_red() -> Result<(), Failed> {
    let (namespace, folder) = (with_cable(), tempfile::tempdir()?);
    let at = |name: &str| folder.path().join(name);
    let flows = serde_json::json!([
        {"id": "tab1", "type": "tab", "label": "linkhook"},
        {"id": "in1", "type": "http in", "z": "tab1", "url": "/linkhook", "method": "post", "wires": [["json1", "out1"]]},
        {"id": "json1", "type": "json", "z": "tab1", "property": "payload", "action": "str", "wires": [["file1"]]},
        {"id": "file1", "type": "file", "z": "tab1", "filename": at("told"), "filenameType": "str", "appendNewline": true,
         "overwriteFile": "false", "wires": [[]]},
        {"id": "out1", "type": "http response", "z": "tab1", "statusCode": "204", "wires": []},
    ]);
    std::fs::write(at("flows.json"), flows.to_string())?;
    let program = node_red_program().ok_or("Node-RED is gone")?;
    let (user, flows) = (folder.path().display().to_string(), at("flows.json"));
    let arguments = [program.to_str().unwrap(), "-u", &user, "-p", "1880", flows.to_str().unwrap()];
    let _server = serve(&namespace, 1880, &at("said"), Path::new("node"), &arguments);
    let recipe = named("node-red");
    let address = "http://127.0.0.1:1880";
    let path = file(recipe, folder.path(), address);
    let _linkhook = start(&namespace, recipe, &path, address);
    pull(&namespace);
    until(&at("told"), "the event", |text| {
        let mut lists = text.lines().filter_map(|line| serde_json::from_str::<Vec<Value>>(line).ok()).flatten();
        lists.any(|event| event["ifname"] == "v1" && has(&event, "carrier_lost"))
    });
    Ok(())
}

fn real_alertmanager() -> Result<(), Failed> {
    let (namespace, folder) = (with_cable(), tempfile::tempdir()?);
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("am.yml"), "route: {receiver: none}\nreceivers: [{name: none}]\n")?;
    std::fs::create_dir(at("data"))?;
    let arguments = [
        format!("--config.file={}", at("am.yml")),
        format!("--storage.path={}", at("data")),
        "--web.listen-address=127.0.0.1:9093".into(),
        "--cluster.listen-address=".into(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = alertmanager_program().ok_or("it is gone")?;
    let _server = serve(&namespace, 9093, Path::new(&at("said")), &program, &arguments);
    let recipe = named("alertmanager");
    let address = "http://127.0.0.1:9093";
    let path = file(recipe, folder.path(), address);
    let _linkhook = start(&namespace, recipe, &path, address);
    let alerts = || -> Vec<Value> {
        let mut ask = namespace.command("python3");
        let script = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9093/api/v2/alerts').read().decode())";
        let output = ask.args(["-c", script]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let until = |what: &str, count: usize| {
        let began = Instant::now();
        loop {
            let found: Vec<Value> = alerts().into_iter().filter(|alert| alert["labels"]["interface"] == "v1").collect();
            if found.len() == count {
                return found;
            }
            assert!(began.elapsed() < 3 * PATIENCE, "{what}: {found:?}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    };
    namespace.run("ip link set v2 down");
    let raised = until("it is raised", 1);
    assert_eq!(raised[0]["labels"]["alertname"], "CarrierLost", "{raised:?}");
    // A week after its start: it does not end by itself.
    let day = |key: &str| raised[0][key].as_str().unwrap().get(..10).unwrap().to_owned();
    assert!(day("endsAt") > day("startsAt"), "{raised:?}");
    namespace.run("ip link set v2 up");
    until("it is resolved", 0);
    Ok(())
}

fn real_rulebook() -> Result<(), Failed> {
    let (namespace, folder) = (with_cable(), tempfile::tempdir()?);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let rules = "- name: linkhook\n  hosts: all\n  sources:\n    - eda.builtin.webhook: {host: 127.0.0.1, port: 5000, token: hush}\n  \
                 rules:\n    - name: cable\n      condition: event.payload.ifname == \"v1\" and event.payload.severity == \"warning\"\n      \
                 action: {debug: {msg: \"told {{ event.payload.seq }} {{ event.payload.signals }}\"}}\n";
    std::fs::write(at("rules.yml"), rules)?;
    std::fs::write(at("inventory"), "all: {hosts: {localhost: {ansible_connection: local}}}\n")?;
    let program = rulebook_program().ok_or("it is gone")?;
    let (rules, inventory) = (at("rules.yml"), at("inventory"));
    // It looks for ansible's own programs.
    let path = format!("PATH={}:{}", program.parent().ok_or("no folder")?.display(), std::env::var("PATH")?);
    let arguments = [&path, program.to_str().ok_or("no name")?, "--rulebook", &rules, "-i", &inventory];
    let _server = serve(&namespace, 5000, Path::new(&at("said")), Path::new("env"), &arguments);
    let recipe = named("ansible-rulebook");
    let address = "http://127.0.0.1:5000";
    let path = file(recipe, folder.path(), address);
    let mut linkhook = start(&namespace, recipe, &path, address);
    pull(&namespace);
    let line = linkhook.expect("the cable is pulled", |line| line["ifname"] == "v1" && has(line, "carrier_lost"));
    until(Path::new(&at("said")), "the rule runs", |text| {
        text.contains(&format!("told {} ", line["seq"])) && text.contains("carrier_lost")
    });
    Ok(())
}
