//! A webhook's jq expressions about batches and answers: `body` makes a body, `taken` says what an answer means.

use serde_json::{Value, json};

use super::formats::{Answer, Meaning};
use super::jq::{Judge, Use, Verdict};

/// What an expression makes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// A body.
    Body(Vec<u8>),
    /// Nothing is to be sent.
    Nothing,
    /// It fails on it, and why.
    Failed(String),
}

/// Makes a body of what the format `json` makes. The error says why no child can be started for it, which is not the
/// batch's fault.
pub(super) fn make(judge: &mut Judge, batch: &[u8]) -> Result<Made, String> {
    Ok(match judge.judge(&[batch])?.pop() {
        Some(Verdict::Print(body)) => Made::Body(body),
        Some(Verdict::Broken(why)) => Made::Failed(why),
        Some(Verdict::Drop | Verdict::Keep) | None => Made::Nothing,
    })
}

/// The judge for an expression of that use.
pub(super) fn judge(by: Use, code: Option<&String>) -> Option<Judge> {
    code.map(|code| Judge::of(by, code))
}

/// What an answer means by the expression. It is asked about `{"status":200,"body":…}`, with the body as JSON, or as text
/// where it is none, and gives `true` (all of it was taken), `false` (the same again) or a text: why something in it is
/// refused. `None` where it gives null, or nothing.
pub(super) fn meaning(judge: &mut Judge, answer: &Answer<'_>, title: &str) -> Option<Meaning> {
    let body: Value =
        serde_json::from_slice(answer.body).unwrap_or_else(|_| String::from_utf8_lossy(answer.body).into());
    let asked = json!({ "status": answer.status, "body": body }).to_string();
    let why = match judge.judge(&[asked]).map(|mut verdicts| verdicts.pop()) {
        Ok(Some(Verdict::Print(given))) => match serde_json::from_slice(&given) {
            Ok(Value::Null) => return None,
            Ok(Value::Bool(true)) => return Some(Meaning::Delivered),
            Ok(Value::Bool(false)) => return Some(Meaning::Again(None)),
            Ok(Value::String(why)) => return Some(Meaning::Halve(Some(why))),
            _ => format!("it gives {}; true, false, null or a text is needed", String::from_utf8_lossy(&given)),
        },
        Ok(Some(Verdict::Broken(why))) | Err(why) => why,
        Ok(_) => return None,
    };
    // Whether it was taken is not known, and nothing may be lost.
    let why = format!("taken does not say what the answer means: {why}");
    log::error!("{title}: status {}: {why}", answer.status);
    Some(Meaning::Again(Some(why)))
}
