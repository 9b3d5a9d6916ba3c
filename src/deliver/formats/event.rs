//! What formats need of an event's line.

use std::borrow::Cow;

use serde::Deserialize;

use super::Batch;

/// What stands in a line, as far as formats look at it.
#[derive(Debug, Deserialize)]
pub struct Event<'l> {
    #[serde(borrow)]
    ts: Cow<'l, str>,
    /// Its number.
    pub seq: u64,
    #[serde(borrow)]
    host: Option<Cow<'l, str>>,
    /// The namespace's name.
    #[serde(borrow)]
    pub netns: Option<Cow<'l, str>>,
    /// The kind.
    #[serde(borrow)]
    pub event: Cow<'l, str>,
    /// What happened.
    #[serde(borrow)]
    pub action: Cow<'l, str>,
    /// How linkhook came to know.
    #[serde(borrow, default)]
    pub origin: Cow<'l, str>,
    /// How much it matters, in syslog's words.
    #[serde(borrow, default)]
    pub severity: Cow<'l, str>,
    /// The interface's name.
    #[serde(borrow)]
    pub ifname: Option<Cow<'l, str>>,
    /// What it means.
    #[serde(borrow, default)]
    pub signals: Vec<Cow<'l, str>>,
}

impl<'l> Event<'l> {
    /// Reads a line of linkhook's own; `None` where it is none.
    pub fn read(line: &'l [u8]) -> Option<Event<'l>> {
        serde_json::from_slice(line).ok()
    }

    /// When it was received, as the line has it (RFC 3339).
    pub fn time(&self) -> &str {
        &self.ts
    }

    /// The same in microseconds since 1970.
    pub fn microseconds(&self) -> i64 {
        self.ts.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_microsecond)
    }

    /// The host: the line's, where it names one, else the batch's.
    pub fn host<'h>(&'h self, batch: &Batch<'h>) -> &'h str {
        self.host.as_deref().unwrap_or(batch.host)
    }

    /// An id that no other event has: without a state directory `seq` begins anew at each start.
    pub fn id(&self, batch: &Batch<'_>) -> String {
        format!("{}-{}-{}", self.host(batch), self.microseconds(), self.seq)
    }

    /// A few words for people.
    pub fn words(&self) -> String {
        let name = self.ifname.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
        let signals = if self.signals.is_empty() { String::new() } else { format!(" {}", self.signals.join(", ")) };
        format!("{name}{} {}{signals}", self.event, self.action)
    }
}
