//! What a batch looks like on its way. A further format is a file here and a line in [`FORMATS`].

mod json;
mod ndjson;

use std::sync::Arc;

/// Events on their way, in order.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The same at every attempt, never used twice.
    pub id: &'a str,
    /// The webhook's name.
    pub webhook: &'a str,
    /// Counts up by one for each batch of the webhook, from 1.
    pub number: u64,
    /// The host's name.
    pub host: &'a str,
    /// Each a JSON object without a newline.
    pub events: &'a [Arc<[u8]>],
}

/// A format.
#[derive(Debug)]
pub struct Format {
    /// Its name in the configuration.
    pub name: &'static str,
    /// The header `content-type`.
    pub content_type: &'static str,
    /// Writes a body.
    pub body: fn(&Batch<'_>) -> Vec<u8>,
}

/// Every format; the first is the default.
pub static FORMATS: &[&Format] = &[&json::FORMAT, &ndjson::FORMAT];

/// The format of that name.
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(name: &str) -> String {
        let events: Vec<Arc<[u8]>> =
            vec![br#"{"v":1,"seq":1}"#.as_slice().into(), br#"{"v":1,"seq":2}"#.as_slice().into()];
        let batch = Batch { id: "msg_1", webhook: "the \"noc\"", number: 7, host: "router", events: &events };
        String::from_utf8((by_name(name).unwrap().body)(&batch)).unwrap()
    }

    #[test]
    fn golden_bodies() {
        let json = r#"{"id":"msg_1","webhook":"the \"noc\"","batch":7,"host":"router","events":[{"v":1,"seq":1},{"v":1,"seq":2}]}"#;
        assert_eq!(body("json"), json);
        assert_eq!(body("ndjson"), "{\"v\":1,\"seq\":1}\n{\"v\":1,\"seq\":2}\n");
    }

    #[test]
    fn names_are_unique() {
        for format in FORMATS {
            assert!(std::ptr::eq(by_name(format.name).unwrap(), *format), "{}", format.name);
        }
        assert!(by_name("xml").is_none());
    }
}
