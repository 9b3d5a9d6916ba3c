//! Log stores that are imitated, as strict as their references say: each takes what it is sent, but for events of the interface
//! `poison`.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// An answer: its status, its body, and the events that were taken.
pub struct Taken {
    pub status: u16,
    pub body: String,
    pub lines: Vec<Value>,
}

fn refused(why: &str) -> Taken {
    Taken { status: 400, body: why.to_owned(), lines: Vec::new() }
}

fn is_poison(line: &Value) -> bool {
    line["ifname"] == "poison"
}

/// What a store of that name answers; `None` where there is none of that name.
pub fn answer(store: &str, headers: &BTreeMap<String, String>, body: &str) -> Option<Taken> {
    let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
    let content_type = header("content-type");
    let answered = match store {
        "loki" => loki(content_type, body),
        "otlp" => otlp(content_type, body),
        "splunk" => splunk(body),
        "elasticsearch" => elasticsearch(content_type, body, (400, "document_parsing_exception")),
        "crowded" => elasticsearch(content_type, body, BUSY),
        "kafka" => kafka(content_type, body),
        "failing" => failing(body),
        "outage" => outage(header("webhook-id"), body),
        "telegram" => Ok(telegram()),
        _ => return None,
    };
    Some(answered.unwrap_or_else(|why| refused(&why)))
}

type Answered = Result<Taken, String>;

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON: {error}: {text}"))
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("no list: {value}"))
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("no text: {value}"))
}

/// pkg/loghttp/push: what is valid of a request is stored, though the answer is 400.
fn loki(content_type: &str, body: &str) -> Answered {
    if content_type != "application/json" {
        return Err("snappy: corrupt input".into());
    }
    let mut lines = Vec::new();
    let mut poisoned = false;
    for stream in list(&parse(body)?["streams"])? {
        let labels = stream["stream"].as_object().ok_or("no labels")?;
        if labels.is_empty() || labels.len() > 15 || labels.values().any(|label| !label.is_string()) {
            return Err("wrong labels".into());
        }
        for value in list(&stream["values"])? {
            let time = text(&value[0])?;
            if time.len() != 19 || time.parse::<u64>().is_err() {
                return Err(format!("wrong time {time}"));
            }
            if value[2].as_object().is_some_and(|metadata| metadata.values().any(|value| !value.is_string())) {
                return Err("wrong metadata".into());
            }
            let line = parse(text(&value[1])?)?;
            if is_poison(&line) { poisoned = true } else { lines.push(line) }
        }
    }
    let (status, body) = if poisoned { (400, "entry for stream has timestamp too new") } else { (204, "") };
    Ok(Taken { status, body: body.to_owned(), lines })
}

/// opentelemetry-proto: 64-bit numbers are text, enums are numbers.
fn otlp(content_type: &str, body: &str) -> Answered {
    if content_type != "application/json" {
        return Err("wrong type".into());
    }
    let mut lines = Vec::new();
    let mut rejected = 0;
    for resource in list(&parse(body)?["resourceLogs"])? {
        for scope in list(&resource["scopeLogs"])? {
            for record in list(&scope["logRecords"])? {
                text(&record["timeUnixNano"])?.parse::<u64>().map_err(|error| error.to_string())?;
                if !record["severityNumber"].is_u64() {
                    return Err("severityNumber is no number".into());
                }
                let line = parse(text(&record["body"]["stringValue"])?)?;
                if is_poison(&line) { rejected += 1 } else { lines.push(line) }
            }
        }
    }
    let body = json!({"partialSuccess": {"rejectedLogRecords": rejected.to_string(), "errorMessage": "poisoned"}});
    Ok(Taken { status: 200, body: body.to_string(), lines })
}

/// HTTP Event Collector: it takes those before the first bad one.
fn splunk(body: &str) -> Answered {
    let mut lines = Vec::new();
    let events = serde_json::Deserializer::from_str(body).into_iter::<Value>();
    for (number, event) in events.enumerate() {
        let event = event.map_err(|error| error.to_string())?;
        if !event["time"].is_f64()
            || event["fields"].as_object().is_none_or(|fields| fields.values().any(Value::is_object))
        {
            return Err(json!({"text": "Invalid data format", "code": 6, "invalid-event-number": number}).to_string());
        }
        let line = event["event"].clone();
        if is_poison(&line) {
            let body = json!({"text": "Event field cannot be blank", "code": 13, "invalid-event-number": number});
            return Ok(Taken { status: 400, body: body.to_string(), lines });
        }
        lines.push(line);
    }
    Ok(Taken { status: 200, body: json!({"text": "Success", "code": 0}).to_string(), lines })
}

/// The ids of documents that are there.
static DOCUMENTS: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// What it answers of an item for which its queue has no room.
const BUSY: (u16, &str) = (429, "es_rejected_execution_exception");

/// `_bulk`: item by item. The first request meets a full queue for its last item; what is poisonous always has that answer.
fn elasticsearch(content_type: &str, body: &str, poisonous: (u16, &str)) -> Answered {
    if content_type != "application/x-ndjson" || !body.ends_with('\n') {
        return Err("The bulk request must be terminated by a newline".into());
    }
    let mut known = DOCUMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = known.is_none();
    let known = known.get_or_insert_default();
    let all: Vec<Value> = body.lines().map(parse).collect::<Result<_, _>>()?;
    let mut items = Vec::new();
    let mut lines = Vec::new();
    let pairs = all.len() / 2;
    for (place, pair) in all.chunks(2).enumerate() {
        let id = text(&pair[0]["create"]["_id"])?;
        let document = pair.get(1).ok_or("an action without a document")?;
        if document["@timestamp"].as_str().is_none() || !document["event"].is_object() || !document["host"].is_object()
        {
            return Err("document_parsing_exception".into());
        }
        let line = &document["linkhook"];
        let failed = |(status, kind): (u16, &str)| json!({"create": {"status": status, "error": {"type": kind, "reason": "of the imitation"}}});
        items.push(if is_first && pairs > 1 && place + 1 == pairs {
            failed(BUSY)
        } else if is_poison(line) {
            failed(poisonous)
        } else if known.insert(id.to_owned()) {
            lines.push(line.clone());
            json!({"create": {"status": 201}})
        } else {
            failed((409, "version_conflict_engine_exception"))
        });
    }
    let errors = items.iter().any(|item| item["create"]["status"] != 201);
    Ok(Taken { status: 200, body: json!({"errors": errors, "items": items}).to_string(), lines })
}

/// Kafka's REST proxy, v2: an error stands beside each record that is not stored, in a 200.
fn kafka(content_type: &str, body: &str) -> Answered {
    if content_type != "application/vnd.kafka.json.v2+json" {
        return Ok(Taken { status: 415, body: "HTTP 415 Unsupported Media Type".into(), lines: Vec::new() });
    }
    let (mut lines, mut offsets) = (Vec::new(), Vec::new());
    for record in list(&parse(body)?["records"])? {
        let line = &record["value"];
        if is_poison(line) {
            offsets.push(json!({"partition": null, "error_code": 50002, "error": "the record is too large"}));
        } else {
            lines.push(line.clone());
            offsets.push(json!({"partition": 0, "offset": lines.len(), "error_code": null, "error": null}));
        }
    }
    Ok(Taken { status: 200, body: json!({"offsets": offsets}).to_string(), lines })
}

/// A program that fails at one event, and takes nothing of a request with it.
fn failing(body: &str) -> Answered {
    let lines = list(&parse(body)?)?.clone();
    if lines.iter().any(is_poison) {
        return Ok(Taken { status: 500, body: "Internal Server Error".into(), lines: Vec::new() });
    }
    Ok(Taken { status: 200, body: String::new(), lines })
}

/// Requests that fail in an outage.
const OUTAGE_REQUESTS: usize = 20;

/// It fails at everything for a while. Then it is back, in time for a batch that it has seen.
fn outage(id: &str, body: &str) -> Answered {
    static SEEN: Mutex<(usize, bool, Option<HashSet<String>>)> = Mutex::new((0, false, None));
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let (count, is_over, ids) = &mut *seen;
    *count += 1;
    let is_new = ids.get_or_insert_default().insert(id.to_owned());
    *is_over |= *count > OUTAGE_REQUESTS && !is_new;
    if !*is_over {
        return Ok(Taken { status: 500, body: "Internal Server Error".into(), lines: Vec::new() });
    }
    Ok(Taken { status: 200, body: String::new(), lines: list(&parse(body)?)?.clone() })
}

/// Telegram's answer to the first of too many requests.
fn telegram() -> Taken {
    static HAS_ASKED: AtomicBool = AtomicBool::new(false);
    let body = json!({"ok": false, "error_code": 429, "parameters": {"retry_after": 1}}).to_string();
    let status = if HAS_ASKED.swap(true, Ordering::Relaxed) { 200 } else { 429 };
    Taken { status, body, lines: Vec::new() }
}
