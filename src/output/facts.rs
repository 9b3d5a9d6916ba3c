//! What a line says before its object, as flat names and values: for the journal and for syslog's structured data.

use std::borrow::Cow;

use serde_json::Value;

use crate::event::severity::Severity;

/// A line's keys but for its object and what differs, which stand in the line itself.
#[derive(Debug)]
pub struct Facts(Value);

impl Facts {
    /// Those of a line of JSON. A line that is none has no facts.
    pub fn of(line: &[u8]) -> Facts {
        Facts(serde_json::from_slice(line).unwrap_or_default())
    }

    /// The key's text, empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        Severity::by_name(self.text("severity")).unwrap_or_default()
    }

    /// Each name with its value, in the line's order. A list's name comes once for each of its members; of an object, each member
    /// has a name of its own: `actor_pid`.
    pub fn each(&self) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
        let mut facts = Vec::new();
        let object = self.text("event");
        for (key, value) in self.0.as_object().into_iter().flatten() {
            match value {
                _ if key == object || key == "changed" => {}
                Value::Array(members) => {
                    facts.extend(members.iter().filter_map(|member| Some((key.as_str().into(), scalar(member)?))));
                }
                Value::Object(members) => facts.extend(
                    members
                        .iter()
                        .filter_map(|(member, value)| Some((format!("{key}_{member}").into(), scalar(value)?))),
                ),
                value => facts.extend(scalar(value).map(|value| (key.as_str().into(), value))),
            }
        }
        facts
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(truth.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_flat_and_leave_the_object_out() {
        let line = br#"{"v":1,"event":"link","severity":"warning","signals":["down","carrier_lost"],"changed":{"mtu":{}},"actor":{"port":7,"comm":"ip"},"link":{"mtu":9}}"#;
        let facts = Facts::of(line);
        let each: Vec<String> = facts.each().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = ["v=1", "event=link", "severity=warning", "signals=down", "signals=carrier_lost"];
        assert_eq!(each[..5], expected);
        assert_eq!(each[5..], ["actor_port=7", "actor_comm=ip"]);
        assert_eq!(facts.severity(), Severity::Warning);
        assert!(Facts::of(b"no line").each().is_empty());
    }
}
