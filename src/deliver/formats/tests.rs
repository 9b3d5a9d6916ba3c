use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

const LINK: &str = r#"{"v":1,"ts":"2026-11-29T12:12:36.914841Z","seq":29,"event":"link","action":"change","origin":"kernel","severity":"warning","ifname":"v1","ifindex":3,"signals":["down","carrier_lost"],"link":{"ifname":"v1"}}"#;
const ROUTE: &str = r#"{"v":1,"ts":"2026-11-29T12:12:37.000001Z","seq":30,"host":"rtr2","netns":"blue","event":"route","action":"add","origin":"kernel","severity":"notice","route":{"dst":"10.0.0.0/8"}}"#;

fn body_with(name: &str, lines: &[&str], fields: &[(&str, &str)], metadata: bool) -> String {
    let events: Vec<Arc<[u8]>> = lines.iter().map(|line| line.as_bytes().into()).collect();
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let (id, webhook, host) = ("msg_1", "noc", "rtr1");
    let batch = Batch { id, webhook, number: 7, host, fields: &fields, metadata, events: &events };
    String::from_utf8((by_name(name).unwrap().body)(&batch)).unwrap()
}

fn body_of(name: &str, lines: &[&str], fields: &[(&str, &str)]) -> String {
    body_with(name, lines, fields, true)
}

fn json_of(name: &str, lines: &[&str], fields: &[(&str, &str)]) -> Value {
    serde_json::from_str(&body_of(name, lines, fields)).unwrap()
}

fn meaning(name: &str, status: u16, body: &str) -> Meaning {
    (by_name(name).unwrap().meaning)(&Answer { status, body: body.as_bytes() })
}

#[test]
fn golden_bodies() {
    let lines = [r#"{"v":1,"seq":1}"#, r#"{"v":1,"seq":2}"#];
    let json = r#"{"id":"msg_1","webhook":"noc","batch":7,"host":"rtr1","events":[{"v":1,"seq":1},{"v":1,"seq":2}]}"#;
    assert_eq!(body_of("json", &lines, &[]), json);
    assert_eq!(body_of("ndjson", &lines, &[]), "{\"v\":1,\"seq\":1}\n{\"v\":1,\"seq\":2}\n");
    assert_eq!(body_of("json-array", &lines, &[]), r#"[{"v":1,"seq":1},{"v":1,"seq":2}]"#);
    let fields = [("site", "lab \"1\"")];
    assert_eq!(
        body_of("ndjson", &lines[..1], &fields),
        "{\"v\":1,\"seq\":1,\"fields\":{\"site\":\"lab \\\"1\\\"\"}}\n"
    );
    assert_eq!(json_of("json", &lines, &fields)["events"][1]["fields"]["site"], "lab \"1\"");
}

#[test]
fn names_are_unique() {
    for format in FORMATS {
        assert!(std::ptr::eq(by_name(format.name).unwrap(), *format), "{}", format.name);
    }
    assert!(by_name("xml").is_none());
}

#[test]
fn a_cloud_event_has_an_id_of_its_own() {
    let one = json_of("cloudevents", &[LINK], &[("env", "lab")]);
    let wanted = json!({"specversion": "1.0", "id": "rtr1-1795954356914841-29", "source": "/linkhook/rtr1",
        "type": "linkhook.link.change", "subject": "v1", "time": "2026-11-29T12:12:36.914841Z",
        "datacontenttype": "application/json", "env": "lab", "data": serde_json::from_str::<Value>(LINK).unwrap()});
    assert_eq!(one, wanted);
    assert_eq!(by_name("cloudevents").unwrap().events_max, 1);
    let two = json_of("cloudevents-batch", &[LINK, ROUTE], &[]);
    assert_eq!((&two[0]["id"], &two[1]["source"]), (&wanted["id"], &json!("/linkhook/rtr2")));
    assert!(two[1].get("subject").is_none());
}

#[test]
fn loki_gets_a_stream_for_each_set_of_labels() {
    let other = LINK.replace("\"seq\":29", "\"seq\":31").replace("914841Z", "914842Z");
    let body = json_of("loki", &[LINK, ROUTE, &other], &[("env", "lab")]);
    let streams = body["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 2);
    assert_eq!(
        streams[0]["stream"],
        json!({"service_name": "linkhook", "host": "rtr1", "event": "link", "env": "lab"})
    );
    assert_eq!(streams[1]["stream"]["netns"], "blue");
    let values = &streams[0]["values"];
    let metadata = json!({"ifname": "v1", "action": "change", "origin": "kernel", "severity": "warning",
        "signals": "down,carrier_lost"});
    assert_eq!(values[0], json!(["1795954356914841000", LINK, metadata]));
    assert_eq!((&values[1][0], &values[1][1]), (&json!("1795954356914842000"), &json!(other)));
    // Some of it may be stored, and which is not said.
    assert_eq!(meaning("loki", 400, "entry too far behind"), Meaning::Halve(None));
    assert_eq!(meaning("loki", 204, ""), Meaning::ByStatus);
    let bare: Value = serde_json::from_str(&body_with("loki", &[LINK], &[], false)).unwrap();
    assert_eq!(bare["streams"][0]["values"][0], json!(["1795954356914841000", LINK]));
}

#[test]
fn otlp_is_the_json_of_its_protobuf() {
    let body = json_of("otlp", &[LINK, ROUTE], &[("env", "lab")]);
    let resource = &body["resourceLogs"][0];
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let resource_attributes = resource["resource"]["attributes"].as_array().unwrap();
    for (key, value) in [("service.name", "linkhook"), ("host.name", "rtr1"), ("env", "lab")] {
        assert!(resource_attributes.contains(&attribute(key, json!({"stringValue": value}))), "{key}");
    }
    let records = resource["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    let record = &records[0];
    assert_eq!(record["timeUnixNano"], "1795954356914841000");
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(13), &json!("WARN")));
    assert_eq!((&record["eventName"], &record["body"]["stringValue"]), (&json!("linkhook.link.change"), &json!(LINK)));
    let attributes = record["attributes"].as_array().unwrap();
    for wanted in [
        attribute("log.record.uid", json!({"stringValue": "rtr1-1795954356914841-29"})),
        attribute("linkhook.seq", json!({"intValue": "29"})),
        attribute("network.interface.name", json!({"stringValue": "v1"})),
        attribute(
            "linkhook.signals",
            json!({"arrayValue": {"values": [{"stringValue": "down"}, {"stringValue": "carrier_lost"}]}}),
        ),
    ] {
        assert!(attributes.contains(&wanted), "{wanted}");
    }
    // A missing one is left out.
    assert!(!records[1]["attributes"].to_string().contains("network.interface.name"));
}

#[test]
fn otlp_says_how_many_it_has_rejected() {
    for all in [
        "{}",
        r#"{"partialSuccess":null}"#,
        r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"slow"}}"#,
        "",
    ] {
        assert_eq!(meaning("otlp", 200, all), Meaning::ByStatus, "{all}");
    }
    for number in ["2", "\"2\""] {
        let body = format!(r#"{{"partialSuccess":{{"rejectedLogRecords":{number},"errorMessage":"too old"}}}}"#);
        assert_eq!(meaning("otlp", 200, &body), Meaning::Rejected { events: 2, why: "too old".into() });
    }
    let tried = |status: u16| by_name("otlp").unwrap().statuses.iter().any(|statuses| statuses.contains(&status));
    assert!([429, 502, 503, 504, 401, 404].into_iter().all(tried) && ![400, 413, 500, 501].into_iter().any(tried));
}

#[test]
fn otlp_says_it_in_other_ways() {
    for number in ["2", "2.0", "\"2\""] {
        let body = format!(r#"{{"partialSuccess":{{"rejectedLogRecords":{number},"errorMessage":null}}}}"#);
        assert_eq!(meaning("otlp", 200, &body), Meaning::Rejected { events: 2, why: String::new() }, "{number}");
    }
}

#[test]
fn splunk_gets_objects_one_after_another() {
    let body = body_of("splunk", &[LINK, ROUTE], &[("env", "lab")]);
    let first: Value = serde_json::from_str(body.lines().next().unwrap()).unwrap();
    assert!(
        body.starts_with(
            r#"{"time":1795954356.914841,"host":"rtr1","source":"linkhook","sourcetype":"linkhook:link","#
        )
    );
    assert_eq!(first["fields"], json!({"event_id": "rtr1-1795954356914841-29", "env": "lab"}));
    assert_eq!(first["event"], serde_json::from_str::<Value>(LINK).unwrap());
    assert!(body.lines().nth(1).unwrap().starts_with(r#"{"time":1795954357.000001,"host":"rtr2""#));
    assert_eq!(meaning("splunk", 400, r#"{"text":"No data","code":5,"invalid-event-number":1}"#), Meaning::Halve(None));
    assert_eq!(
        meaning("splunk", 400, r#"{"text":"Incorrect index","code":7,"invalid-event-number":0}"#),
        Meaning::Again(None)
    );
    assert_eq!(meaning("splunk", 400, r#"{"text":"Data channel is missing","code":10}"#), Meaning::Again(None));
    assert_eq!(meaning("splunk", 200, r#"{"text":"Success","code":0}"#), Meaning::ByStatus);
    assert_eq!(meaning("splunk", 503, r#"{"text":"Server is busy","code":9}"#), Meaning::ByStatus);
}

#[test]
fn elasticsearch_gets_two_lines_an_event() {
    let body = body_of("elasticsearch", &[LINK, ROUTE], &[("env", "lab")]);
    assert!(body.ends_with('\n'));
    let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], json!({"create": {"_id": "rtr1-1795954356914841-29"}}));
    let document = &lines[1];
    assert_eq!(
        (&document["@timestamp"], &document["message"]),
        (&json!("2026-11-29T12:12:36.914841Z"), &json!("v1 link change down, carrier_lost"))
    );
    assert_eq!(
        document["event"],
        json!({"kind": "event", "category": ["network"], "type": ["change"], "action": "link-change",
        "module": "linkhook", "dataset": "linkhook.link", "sequence": 29, "id": "rtr1-1795954356914841-29"})
    );
    assert_eq!((&document["labels"]["env"], &document["tags"][1]), (&json!("lab"), &json!("carrier_lost")));
    assert_eq!(document["linkhook"]["link"]["ifname"], "v1");
    assert_eq!((&lines[3]["event"]["type"][0], &lines[3]["host"]["name"]), (&json!("creation"), &json!("rtr2")));
}

#[test]
fn elasticsearch_answers_for_each_item() {
    let answer = |statuses: &[u16]| {
        let item = |&status: &u16| match status {
            201 => json!({"create": {"status": 201}}),
            status => {
                json!({"create": {"status": status, "error": {"type": "mapper", "reason": format!("no {status}")}}})
            }
        };
        let errors = statuses.iter().any(|status| *status != 201);
        meaning(
            "elasticsearch",
            200,
            &json!({"errors": errors, "items": statuses.iter().map(item).collect::<Vec<_>>()}).to_string(),
        )
    };
    assert_eq!(answer(&[201, 201]), Meaning::ByStatus);
    assert_eq!(answer(&[201, 409]), Meaning::Delivered);
    assert_eq!(answer(&[201, 400, 409]), Meaning::Halve(Some("mapper: no 400".into())));
    // What is busy is waited for first: what is taken meanwhile counts as taken.
    assert_eq!(answer(&[400, 429]), Meaning::Again(Some("mapper: no 429".into())));
    assert_eq!(answer(&[503]), Meaning::Again(Some("mapper: no 503".into())));
    assert_eq!(answer(&[201, 400, 429]), Meaning::Partly("mapper: no 429".into()));
    assert_eq!(answer(&[409, 503]), Meaning::Partly("mapper: no 503".into()));
    assert_eq!(meaning("elasticsearch", 429, "{}"), Meaning::ByStatus);
    // What was cut off, or says nothing of the items, says nothing of what was taken.
    let taken = r#"{"errors":true,"items":[{"create":{"status":201}}"#;
    for unclear in [taken, r#"{"errors":true}"#] {
        assert_eq!(meaning("elasticsearch", 200, unclear), Meaning::Again(None), "{unclear}");
    }
    let in_words = r#"{"errors":true,"items":[{"create":{"status":400,"error":"mapper_parsing"}}]}"#;
    assert_eq!(meaning("elasticsearch", 200, in_words), Meaning::Halve(Some("mapper_parsing".into())));
}
