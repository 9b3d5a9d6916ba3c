//! Bodies that a jq expression makes, what another one says of answers, and receivers that fail in ways of their own.

use libtest_mimic::Failed;

use crate::deliver::webhook;
use crate::formats::{LINES, letters, make_links, taken};
use crate::namespace::Namespace;
use crate::receiver::Receiver;
use crate::store::{State, configuration, run};

/// The tests of this room, in a namespace of their own.
pub const LIVE_TESTS: &[crate::Test] = &[
    ("kafkas_errors_by_record_are_seen", kafka),
    ("a_body_of_none_is_not_sent_and_has_no_number", none),
    ("a_body_that_cannot_be_made_is_a_dead_letter", failing_expression),
    ("an_event_at_which_a_receiver_fails_holds_up_no_other", failing),
    ("events_in_a_row_at_which_a_receiver_fails_hold_up_no_other", several_failing),
    ("a_receiver_that_fails_at_everything_loses_nothing", outage),
    ("a_pause_in_an_answers_body_is_obeyed", pause),
];

/// Kafka's REST proxy answers 200 with an error for one record: halves find it, and the others arrive.
fn kafka() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "kafka");
    let lines = format!(
        "body = '{{records: [.events[] | {{key: \"h\", value: .}}]}}'\n\
         taken = '[.body.offsets?[]? | select(.error_code != null) | .error] | if . == [] then null else first end'\n\
         headers = {{ Content-Type = \"application/vnd.kafka.json.v2+json\" }}\n{LINES}"
    );
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    namespace.run("ip link add first type bridge");
    assert_eq!(taken(&receiver.next()), ["first"]);
    make_links(&namespace);
    let mut arrived: Vec<String> = Vec::new();
    while arrived.len() < 8 {
        arrived.extend(taken(&receiver.next()));
        arrived.sort();
        arrived.dedup();
    }
    assert!(!arrived.contains(&"poison".into()));
    let told = linkhook.event("output", "dropped");
    assert_eq!(told["output"]["events"], 1, "{told}");
    let letters = letters(&state);
    assert_eq!(letters[0]["events"][0]["ifname"], "poison");
    assert_eq!(letters[0]["reason"], "refused (status 200: the record is too large)");
    Ok(())
}

fn none() -> Result<(), Failed> {
    let namespace = Namespace::new();
    let mut receiver = Receiver::inside(&namespace, "200");
    let lines = "actions = [\"add\"]\nkinds = [\"link\"]\nbatch = { events = 1, wait = \"0s\" }\n\
                 body = '.events[0].ifname | select(startswith(\"good\"))'\n";
    let state = State::new();
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, lines)));
    for name in ["good0", "bad", "good1"] {
        namespace.run(&format!("ip link add {name} type bridge"));
    }
    let requests = [receiver.next(), receiver.next()];
    let of = |key: &str| requests.each_ref().map(|request| request["headers"][key].clone());
    // Text goes as it is.
    assert_eq!(requests.each_ref().map(|request| request["body"].clone()), ["good0", "good1"]);
    assert_eq!(of("linkhook-batch"), ["1", "2"]);
    assert_eq!(of("content-type"), ["application/json", "application/json"]);
    linkhook.expect("the last link", |line| line["ifname"] == "good1");
    assert!(letters(&state).is_empty());
    Ok(())
}

fn failing_expression() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "200");
    let lines = format!(
        "body = '[.events[] | if .ifname == \"poison\" then error(\"not this one\") else .ifname end] | join(\" \")'\n{LINES}"
    );
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    make_links(&namespace);
    let mut arrived: Vec<String> = Vec::new();
    while arrived.len() < 8 {
        let request = receiver.next();
        arrived.extend(request["body"].as_str().unwrap_or_default().split(' ').map(str::to_owned));
    }
    assert_eq!(arrived, (0..8).map(|number| format!("good{number}")).collect::<Vec<_>>(), "each once, in order");
    let told = linkhook.event("output", "dropped");
    assert_eq!((&told["output"]["events"], &told["output"]["webhook"]), (&1.into(), &"noc".into()), "{told}");
    let letters = letters(&state);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["events"][0]["ifname"], "poison");
    assert_eq!(letters[0]["reason"], "the jq body failed: \"not this one\"");
    Ok(())
}

/// A receiver that answers 500 to one event, among others or alone: the others pass, in order.
fn failing() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "failing");
    let lines = format!("format = \"json-array\"\n{LINES}");
    let mut linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    namespace.run("ip link add first type bridge");
    make_links(&namespace);
    let mut arrived: Vec<String> = Vec::new();
    while arrived.len() < 9 {
        arrived.extend(taken(&receiver.next()));
    }
    let goods = (0..8).map(|number| format!("good{number}"));
    assert_eq!(arrived, ["first".to_owned()].into_iter().chain(goods).collect::<Vec<_>>(), "each once, in order");
    // After each half that it takes.
    let recovered = linkhook.event("output", "recovered");
    assert_eq!(recovered["output"]["webhook"], "noc", "{recovered}");
    let told = linkhook.event("output", "dropped");
    assert_eq!(told["output"]["events"], 1, "{told}");
    let letters = letters(&state);
    assert_eq!(letters[0]["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(letters[0]["events"][0]["ifname"], "poison");
    assert!(letters[0]["reason"].as_str().unwrap().starts_with("always status 500"), "{letters:?}");
    Ok(())
}

/// The same with several such events one behind the other, and with linkhook killed meanwhile.
fn several_failing() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "failing");
    let lines = format!("retry.most = \"20ms\"\nformat = \"json-array\"\n{LINES}");
    let settings = configuration(&state.path(), &webhook("noc", receiver.port, &lines));
    let mut linkhook = run(&namespace, &settings);
    let poison = "ip link add poison type bridge; ip link del poison";
    namespace
        .run(&format!("ip link add first type bridge; {poison}; {poison}; {poison}; ip link add last type bridge"));
    linkhook.expect("the last link", |line| line["ifname"] == "last");
    crate::store::die(linkhook);
    let _linkhook = run(&namespace, &settings);
    let mut arrived: Vec<String> = Vec::new();
    while arrived.last().is_none_or(|last| last != "last") {
        arrived.extend(taken(&receiver.next()));
    }
    arrived.dedup();
    assert_eq!(arrived, ["first", "last"]);
    let began = std::time::Instant::now();
    while letters(&state).len() < 3 {
        assert!(began.elapsed() < crate::namespace::PATIENCE, "{:?}", letters(&state));
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    assert!(letters(&state).iter().all(|letter| letter["events"][0]["ifname"] == "poison"));
    Ok(())
}

/// A receiver that fails at everything for a while: nothing is a dead letter, and nothing overtakes.
fn outage() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "outage");
    let lines = format!("retry.most = \"20ms\"\nformat = \"json-array\"\n{LINES}");
    let _linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, &lines)));
    make_links(&namespace);
    let mut arrived: Vec<String> = Vec::new();
    while arrived.len() < 9 {
        arrived.extend(taken(&receiver.next()));
    }
    let expected = ["good0", "good1", "good2", "good3", "good4", "poison", "good5", "good6", "good7"];
    // The outage ended with an event that was tried out of its turn: it has overtaken those before it, which come next.
    let overtakes = arrived.iter().zip(expected).position(|(arrived, expected)| *arrived != expected);
    let mut in_order = arrived.clone();
    if let Some(place) = overtakes {
        let early = in_order.remove(place);
        let turn = expected.iter().position(|name| *name == early).unwrap();
        in_order.insert(turn, early);
    }
    assert_eq!(in_order, expected, "{arrived:?}");
    assert!(letters(&state).is_empty());
    Ok(())
}

/// Telegram says in the body alone for how long it wants nothing.
fn pause() -> Result<(), Failed> {
    let (namespace, state) = (Namespace::new(), State::new());
    let mut receiver = Receiver::inside(&namespace, "telegram");
    let _linkhook = run(&namespace, &configuration(&state.path(), &webhook("noc", receiver.port, LINES)));
    namespace.run("ip link add first type bridge");
    let at = [receiver.next(), receiver.next()].map(|request| request["at"].as_u64().unwrap());
    assert!(at[1] - at[0] >= 1000, "{at:?}");
    Ok(())
}
