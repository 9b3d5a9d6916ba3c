//! What becomes of one event that a log store refuses among others: it alone is a dead letter, and the rest arrive.

use libtest_mimic::Failed;
use serde_json::Value;

use crate::deliver::webhook;
use crate::namespace::Namespace;
use crate::receiver::Receiver;
use crate::store::{State, configuration, run};

/// The tests of this room, in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("loki_refuses_one_event_among_others", || one_is_refused("loki", "timestamp too new")),
    ("splunk_refuses_one_event_among_others", || one_is_refused("splunk", "Event field cannot be blank")),
    ("elasticsearch_refuses_one_event_among_others", || one_is_refused("elasticsearch", "document_parsing_exception")),
    ("otlp_rejects_one_event_and_does_not_say_which", otlp),
    ("a_wrong_token_of_a_log_store_loses_nothing", wrong_token),
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

fn one_is_refused(format: &str, words: &str) -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, format);
    let lines = format!("format = \"{format}\"\n{LINES}");
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
