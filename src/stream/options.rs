//! What of the stream is told, and how.

use std::borrow::Cow;

use crate::deliver::jq::Judge;
use crate::filter::Filter;
use crate::output::fields::Fields;
use crate::output::text::Text;
use crate::output::{ASIDE, LineFormat};

/// What is told, and how.
#[derive(Debug, Default)]
pub struct Options {
    /// Which events.
    pub filter: Filter,
    /// How they are written.
    pub format: LineFormat,
    /// The keys that [`LineFormat::Fields`] writes.
    pub fields: Fields,
    /// The jq expression that says what is printed of each event.
    pub print: Option<String>,
    /// Linkhook's own events that are named: `fields` and `print` print them, too. The others go to stderr then.
    pub named: Vec<&'static str>,
    /// Whether what existed before is told as `present`.
    pub present: bool,
    /// Whether notifications that change nothing are told all the same, as `change`.
    pub unchanged: bool,
    /// Which own events are told, of those that are not always told: `hello` and `bye`.
    pub own: Vec<&'static str>,
    /// The end comes after so many kernel objects.
    pub count: Option<u64>,
    /// The host's name for every line.
    pub host: Option<String>,
}

impl Options {
    /// Who runs the jq expressions, where there are any.
    pub fn judge(&self) -> Option<Judge> {
        match (self.filter.jq.as_deref(), self.print.as_deref()) {
            (filter, Some(print)) => Some(Judge::printing(filter, print)),
            (Some(filter), None) => Some(Judge::new(filter)),
            (None, None) => None,
        }
    }

    /// The same events, as lines of JSON.
    pub fn as_lines(self) -> Options {
        Options { format: LineFormat::Json, fields: Fields::default(), print: None, count: None, ..self }
    }

    /// Whether every line is told, as it stands.
    pub fn tells_all(&self) -> bool {
        self.tells_by_head() && self.filter.accepts_all()
    }

    /// Whether lines are told as they stand, and kind and severity alone say which of them.
    pub fn tells_by_head(&self) -> bool {
        let is_as_it_stands = self.format == LineFormat::Json && self.print.is_none() && self.count.is_none();
        is_as_it_stands && self.filter.narrowed_by().iter().all(|word| *word == "severity")
    }

    /// Whether an event of linkhook's own goes to stderr.
    pub(super) fn is_aside(&self, event: &str) -> bool {
        (self.print.is_some() || self.format == LineFormat::Fields) && !self.named.contains(&event)
    }
}

/// What is handed over in a JSON line's place; `None` where it is that line.
pub(super) fn written<'t>(options: &Options, text: &'t mut Text, json: &[u8]) -> Option<Cow<'t, str>> {
    match options.format {
        LineFormat::Json => None,
        LineFormat::Text(_) => Some(text.line(json).into()),
        LineFormat::Fields => Some(options.fields.line(json).into()),
    }
}

/// Says an event's line on stderr.
pub(super) fn say_aside(line: &[u8]) {
    log::error!(target: ASIDE, "{}", String::from_utf8_lossy(line).trim_end());
}
