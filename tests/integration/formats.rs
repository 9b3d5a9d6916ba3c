//! What becomes of one event that a log store refuses among others: it alone is a dead letter, and the rest arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::deliver::webhook;
use crate::namespace::Namespace;
use crate::receiver::Receiver;
use crate::store::{State, configuration, die, run, sequence};

/// The tests of this room, in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("loki_refuses_one_event_among_others", || one_is_refused("loki", "loki", "timestamp too new")),
    ("splunk_refuses_one_event_among_others", || one_is_refused("splunk", "splunk", "Event field cannot be blank")),
    ("elasticsearch_refuses_one_event_among_others", || {
        one_is_refused("elasticsearch", "elasticsearch", "document_parsing_exception")
    }),
    ("elasticsearch_never_takes_one_event_among_others", || {
        one_is_refused("crowded", "elasticsearch", "not taken in time (status 200: es_rejected_execution_exception")
    }),
    ("otlp_rejects_one_event_and_does_not_say_which", otlp),
    ("a_wrong_token_of_a_log_store_loses_nothing", wrong_token),
    ("deaths_at_random_lose_nothing_in_any_format", deaths),
];

/// Links that are made at once: `good0` to `good7`, `poison` in their midst.
pub fn make_links(namespace: &Namespace) {
    let names = (0..8).map(|number| format!("good{number}"));
    let mut names: Vec<String> = names.collect();
    names.insert(5, "poison".into());
    namespace.batch(&names.iter().map(|name| format!("link add {name} type bridge\n")).collect::<String>());
}

/// The interfaces of a request's events that were taken.
pub fn taken(request: &Value) -> Vec<String> {
    let lines = request["taken"].as_array().into_iter().flatten();
    lines.filter_map(|line| line["ifname"].as_str()).map(str::to_owned).collect()
}

/// New links, in batches that are large enough for all.
pub const LINES: &str = "actions = [\"add\"]\nbatch = { events = 100, wait = \"500ms\" }\nkinds = [\"link\"]\n";

/// The dead letters, once there are any.
pub fn letters(state: &State) -> Vec<Value> {
    let path = state.path().join("dead/noc.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn one_is_refused(store: &str, format: &str, words: &str) -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, store);
    // What is busy for now is tried for long enough.
    let retry = "retry.most = \"50ms\"\nretry.give_up_after = \"2s\"";
    let lines = format!("format = \"{format}\"\n{retry}\n{LINES}");
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    // The first one goes alone; the others gather behind it.
    namespace.run("ip link add first type bridge");
    let mut arrived = taken(&receiver.next());
    make_links(&namespace);
    while arrived.len() < 9 || letters(&state).is_empty() {
        // What may come twice is told apart by its id.
        for name in taken(&receiver.next()) {
            if format == "elasticsearch" {
                assert!(!arrived.contains(&name), "{name} was taken twice");
            }
            if !arrived.contains(&name) {
                arrived.push(name);
            }
        }
        assert!(arrived.len() < 10, "{arrived:?}");
        if arrived.len() == 9 {
            break;
        }
    }
    let told = linkhook.event("output", "dropped");
    assert_eq!(told["output"]["events"], 1, "{told}");
    let letters = letters(&state);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(letters[0]["events"][0]["ifname"], "poison");
    assert!(letters[0]["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{letters:?}");
    let mut expected: Vec<String> = (0..8).map(|number| format!("good{number}")).chain(["first".into()]).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    Ok(())
}

fn otlp() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "otlp");
    let lines = format!("format = \"otlp\"\nfields = {{ env = \"lab\" }}\n{LINES}");
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    namespace.run("ip link add first type bridge");
    assert_eq!(taken(&receiver.next()), ["first"]);
    make_links(&namespace);
    let told = linkhook.event("output", "dropped");
    assert_eq!(told["output"]["events"], 1, "{told}");
    let letters = letters(&state);
    let all = letters[0]["events"].as_array().unwrap().len();
    assert_eq!(letters[0]["reason"], format!("rejected 1 of {all}: poisoned"));
    let mut arrived = Vec::new();
    while arrived.len() < 8 {
        arrived.extend(taken(&receiver.next()));
    }
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived.len(), 8, "something was sent twice");
    Ok(())
}

fn wrong_token() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "401,403,404,204");
    let lines = format!("format = \"loki\"\n{LINES}");
    let _linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    namespace.run("ip link add first type bridge");
    let requests: Vec<Value> = (0..4).map(|_| receiver.next()).collect();
    assert!(requests.iter().all(|request| request["body"] == requests[0]["body"]));
    assert!(letters(&state).is_empty());
    Ok(())
}

/// So many deaths at random, unless `LINKHOOK_KILLS` says how many.
const KILLS: u32 = 4;

/// A format, and the lines of its webhook.
const AT_RANDOM: [(&str, &str); 7] = [
    ("loki", "format = \"loki\""),
    ("splunk", "format = \"splunk\""),
    ("elasticsearch", "format = \"elasticsearch\""),
    ("otlp", "format = \"otlp\""),
    // Each refused event takes it several attempts.
    ("failing", "format = \"json-array\"\nbatch.events = 2"),
    (
        "kafka",
        "body = '{records: [.events[] | {key: \"h\", value: .}]}'\n\
         taken = '[.body.offsets?[]? | select(.error_code != null) | .error] | if . == [] then null else first end'\n\
         headers = { Content-Type = \"application/vnd.kafka.json.v2+json\" }",
    ),
    ("200", "format = \"ndjson\"\ncompress = \"gzip\""),
];

/// Deaths at random while receivers of every kind refuse one event in ten: nothing is lost, the order is kept, an id has its
/// bytes, the refused events alone are dead letters, and the numbers told are exact.
fn deaths() -> Result<(), Failed> {
    let kills = std::env::var("LINKHOOK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receivers: Vec<Receiver> =
        AT_RANDOM.iter().map(|(answers, _)| Receiver::inside(&namespace, answers)).collect();
    let mut own = Receiver::inside(&namespace, "200");
    let filters = "kinds = [\"link\"]\nactions = [\"add\"]\nbatch.wait = \"10ms\"\nretry.most = \"40ms\"\n";
    let mut webhooks: String = AT_RANDOM
        .iter()
        .zip(&receivers)
        .map(|((name, lines), receiver)| webhook(name, receiver.port, &format!("{lines}\n{filters}")))
        .collect();
    webhooks += &webhook("own", own.port, "kinds = [\"output\"]\nbatch.wait = \"10ms\"");
    let configuration = configuration(&state.path(), &webhooks);
    let load = "while :; do for n in 1 2 3 4 5 6 7 8 9; do ip link add good$n type bridge; ip link del good$n; done
                ip link add poison type bridge; ip link del poison; sleep 0.2; done";
    let mut load = namespace.command("sh").args(["-c", load]).spawn()?;
    let (mut printed, mut seed) = (Vec::new(), 7_u32);
    for _ in 0..kills {
        let mut linkhook = run(&namespace, &configuration);
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        linkhook.wait(Duration::from_millis(u64::from(seed >> 16) % 400));
        printed.extend(die(linkhook));
    }
    load.kill()?;
    load.wait()?;
    let mut linkhook = run(&namespace, &configuration);
    namespace.run("ip link add last type bridge");
    linkhook.until_seen("the last link", |line| line["ifname"] == "last");
    let arrived: Vec<Vec<Value>> = receivers.iter_mut().map(until_last).collect();
    // At its end all is told, and the dead letters are whole: an event at fault is one once the next has arrived.
    printed.extend(linkhook.stop().1);
    let total: u64 = AT_RANDOM.iter().map(|(name, _)| dead_events(&state, name)).sum();
    let mut told = Vec::new();
    // What was told at the end arrives with the next start.
    let _last = run(&namespace, &configuration);
    while sum(&told) < total {
        told.push(own.next());
    }
    assert_eq!(sum(&told), total, "the number told");
    let adds = printed.iter().filter(|line| line["event"] == "link" && line["action"] == "add");
    let (poison, good): (Vec<&Value>, Vec<&Value>) = adds.partition(|line| line["ifname"] == "poison");
    let numbers = |lines: &[&Value]| lines.iter().map(|line| sequence(line)).collect::<BTreeSet<u64>>();
    let (poison, good) = (numbers(&poison), numbers(&good));
    for ((name, _), requests) in AT_RANDOM.iter().zip(&arrived) {
        let taken = hold_ids_and_order(name, requests);
        let missing: Vec<&u64> = good.difference(&taken).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} were seen and did not arrive");
        let buried = dead_numbers(&state, name);
        let missing: Vec<&u64> = poison.difference(&buried).collect();
        assert!(*name == "200" || missing.is_empty(), "{name}: {missing:?} were refused and are no dead letters");
    }
    if std::env::var_os("LINKHOOK_KILLS").is_some() {
        let requests: usize = arrived.iter().map(Vec::len).sum();
        eprintln!(
            "{kills} kills: {} events, {} of them refused, {requests} requests, {total} told as lost",
            good.len() + poison.len(),
            poison.len()
        );
    }
    Ok(())
}

/// Requests up to the one in which the last link arrives.
fn until_last(receiver: &mut Receiver) -> Vec<Value> {
    let mut requests = Vec::new();
    loop {
        requests.push(receiver.next());
        if lines_of(&requests[requests.len() - 1]).iter().any(|line| line["ifname"] == "last") {
            return requests;
        }
    }
}

/// The lines that a request brought.
fn lines_of(request: &Value) -> Vec<Value> {
    if let Some(lines) = request["taken"].as_array() {
        return lines.clone();
    }
    let octets: Vec<u8> = serde_json::from_value(request["octets"].clone()).unwrap_or_default();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&octets[..]).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An id has its bytes, and what arrives for the first time is in order. Gives back the numbers of what arrived.
fn hold_ids_and_order(name: &str, requests: &[Value]) -> BTreeSet<u64> {
    let mut bodies = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for request in requests {
        let id = request["headers"]["webhook-id"].as_str().unwrap();
        let body = (request["body"].clone(), request["octets"].clone());
        assert_eq!(*bodies.entry(id).or_insert_with(|| body.clone()), body, "{name}: {id} has other bytes");
        for line in lines_of(request) {
            let number = sequence(&line);
            assert!(
                taken.contains(&number) || taken.last().is_none_or(|last| *last < number),
                "{name}: {number} overtook"
            );
            taken.insert(number);
        }
    }
    taken
}

/// How many events the told losses are, each line counted once.
fn sum(requests: &[Value]) -> u64 {
    let bodies = requests.iter().map(crate::deliver::body);
    let lines: BTreeMap<u64, u64> = bodies
        .flat_map(|body| body["events"].as_array().cloned().unwrap_or_default())
        .filter(|line| line["action"] == "dropped")
        .map(|line| (sequence(&line), line["output"]["events"].as_u64().unwrap()))
        .collect();
    lines.values().sum()
}

fn letters_of(state: &State, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(state.path().join(format!("dead/{name}.jsonl"))).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many events of the dead letters are to be told: those of OTLP say how many of theirs were rejected.
fn dead_events(state: &State, name: &str) -> u64 {
    let rejected = |letter: &Value| {
        let words = letter["reason"].as_str()?.strip_prefix("rejected ")?;
        words.split(' ').next()?.parse::<u64>().ok()
    };
    let events = |letter: &Value| letter["events"].as_array().map_or(0, Vec::len) as u64;
    letters_of(state, name).iter().map(|letter| rejected(letter).unwrap_or_else(|| events(letter))).sum()
}

/// The numbers of the refused events in the dead letters, none of them twice; where it is not said which were, all of the batch.
fn dead_numbers(state: &State, name: &str) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for event in letters_of(state, name).iter().flat_map(|letter| letter["events"].as_array().unwrap()) {
        assert!(name == "otlp" || event["ifname"] == "poison", "{name}: {event} was not refused");
        assert!(numbers.insert(sequence(event)), "{name}: {event} is there twice");
    }
    numbers
}
