//! The text format: one line an event, for eyes. It may change; programs read the JSON.
//!
//! A line has its columns in this order: the time, a mark where something is wrong, the namespace, the interface, what
//! happened, the kind, what the object is called, what differs, how linkhook came to know, and who did it.

mod difference;
mod own;
mod painter;
pub mod terminal;
#[cfg(test)]
mod tests;
mod title;
mod value;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::painter::{Ink, Painter, Place};
use self::terminal::{Columns, Width};
use self::value::{Scratch, Value};
use crate::decode::title::Word;
use crate::event::signals::SIGNALS;
use crate::kinds::KindIndex;

pub use value::shown;

/// How the text format is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether in colours.
    pub colours: bool,
    /// Whether times are UTC, not local.
    pub utc: bool,
    /// Whether nothing but ASCII is shown.
    pub ascii: bool,
    /// How wide a line may be.
    pub width: Width,
    /// Whether a line begins with the interface: whoever takes it has its time and its severity otherwise.
    pub bare: bool,
}

/// Columns of an interface's name: as many as the longest so far has, between these.
const INTERFACE_COLUMNS: std::ops::RangeInclusive<usize> = 6..=15;
/// Columns of a namespace's name in its brackets: none until there is one, then as many as the longest so far has.
const NETNS_COLUMNS_MAX: usize = 18;
/// Columns of what happened, unless it is longer; and on a narrow terminal.
const HAPPENED_COLUMNS: usize = 21;
const HAPPENED_COLUMNS_NARROW: usize = 9;
/// A terminal of fewer columns is narrow.
const NARROW_COLUMNS: usize = 120;
/// Where a title goes on in the next row, so many columns at most stay empty before it.
const INDENT_COLUMNS: usize = 24;
/// At a terminal a value of a difference has so many columns at most, which is enough for any address, or a quarter of the
/// width.
const VALUE_COLUMNS_MAX: usize = 40;
/// Where what differs most has no room, it is cut if it has more columns than the first and so many remain; else it is left
/// out.
const CUT_COLUMNS: (usize, usize) = (30, 16);

/// Writes lines of text, one after the other.
#[derive(Debug)]
pub struct Text {
    style: Style,
    clock: Clock,
    columns: Columns,
    interface_columns: usize,
    netns_columns: usize,
    head: Painter,
    title: Painter,
    /// What differs, or what else there is to say of the object, each with a space before it.
    items: Painter,
    marks: Vec<Item>,
    ends: Vec<Place>,
    origin: Painter,
    actor: Painter,
    scratch: Scratch,
    out: Painter,
}

/// One of the differences, in `items`.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// What matters more comes first.
    rank: usize,
    from: Place,
    to: Place,
}

impl Text {
    /// Lines of that style.
    pub fn new(style: Style) -> Text {
        let painter = || Painter::new(style.colours, style.ascii);
        let zone = if style.utc { TimeZone::UTC } else { TimeZone::try_system().unwrap_or(TimeZone::UTC) };
        Text {
            style,
            clock: Clock { zone, second: String::new(), time: String::new(), day: String::new(), told: String::new() },
            columns: Columns::default(),
            interface_columns: *INTERFACE_COLUMNS.start(),
            netns_columns: 0,
            head: painter(),
            title: painter(),
            items: painter(),
            marks: Vec::new(),
            ends: Vec::new(),
            origin: painter(),
            actor: painter(),
            scratch: Scratch::default(),
            out: painter(),
        }
    }

    /// Turns a JSON line into a line of text, with a line for the day before it where it is another one.
    pub fn line(&mut self, json: &[u8]) -> &str {
        let Text { head, title, items, origin, actor, out, .. } = self;
        [head, title, items, origin, actor, out].into_iter().for_each(Painter::clear);
        self.marks.clear();
        match serde_json::from_slice(json) {
            Ok(event @ Value::Object(_)) => self.event(&event),
            _ => self.out.push(&shown(String::from_utf8_lossy(json).trim_end())),
        }
        self.out.end_line();
        self.out.text()
    }

    fn event(&mut self, event: &Value<'_>) {
        let width = self.columns.of(self.style.width);
        let ink = severity_ink(event.text_of("severity"));
        self.begin(event, ink);
        let (name, action) = (event.text_of("event"), event.text_of("action"));
        let nothing = Value::Null;
        let object = event.get(name).unwrap_or(&nothing);
        match KindIndex::named(name) {
            Some(kind) => self.object(event, kind.table().title, object, ink, width),
            None => {
                let time = |text: &str| self.clock.time_of(text);
                let sentence = own::sentence(name, action, object, time);
                self.head.paint(ink, &sentence.unwrap_or_else(|| own::members(name, action, object)));
            }
        }
        let origin = event.text_of("origin");
        if !matches!(origin, "kernel" | "linkhook" | "replay" | "snapshot") {
            self.origin.paint(Ink::Dim, " (");
            self.origin.paint(Ink::Dim, origin);
            self.origin.paint(Ink::Dim, ")");
        }
        self.actor(event);
        self.put_together(width);
    }

    /// The columns up to the interface.
    fn begin(&mut self, event: &Value<'_>, ink: Ink) {
        if !self.style.bare {
            self.time(event, ink);
        }
        let head = &mut self.head;
        let from = head.columns();
        if let Some(netns) = event.get("netns").and_then(Value::text) {
            head.push(" [");
            head.push(netns);
            head.push("]");
            self.netns_columns = self.netns_columns.max((head.columns() - from).min(NETNS_COLUMNS_MAX));
        }
        head.fill(from + self.netns_columns);
        head.push(" ");
        let from = head.columns();
        match event.text_of("ifname") {
            "" => head.paint(Ink::Dim, "-"),
            name => head.paint(Ink::Interface, name),
        }
        let wanted = (head.columns() - from).clamp(*INTERFACE_COLUMNS.start(), *INTERFACE_COLUMNS.end());
        self.interface_columns = self.interface_columns.max(wanted);
        head.fill(from + self.interface_columns);
        head.push(" ");
    }

    /// The time, with its day before it where that is another one, and a mark where something is wrong.
    fn time(&mut self, event: &Value<'_>, ink: Ink) {
        let head = &mut self.head;
        if self.clock.look(event.text_of("ts")) {
            head.paint(Ink::Dim, &self.clock.day);
            head.end_line();
        }
        self.out.append_all(head);
        self.out.forget_columns();
        head.clear();
        head.within(Ink::Dim, |head| {
            head.push(&self.clock.time);
            head.push(milliseconds(event.text_of("ts")));
        });
        if !self.style.colours {
            head.push(match ink {
                Ink::Error => " !!",
                Ink::Warning => " ! ",
                _ => "   ",
            });
        }
    }

    /// What happened to an object of the kernel's, and what differs.
    fn object(&mut self, event: &Value<'_>, words: &[Word], object: &Value<'_>, ink: Ink, width: Option<usize>) {
        let action = event.text_of("action");
        let from = self.head.columns();
        self.head.within(ink, |head| happened(head, action, event.get("signals")));
        let narrow = width.is_some_and(|width| width < NARROW_COLUMNS);
        self.head.fill(from + if narrow { HAPPENED_COLUMNS_NARROW } else { HAPPENED_COLUMNS });
        self.head.push(" ");
        self.head.paint(Ink::Dim, event.text_of("event"));
        let interface = event.text_of("ifname");
        title::write(&mut self.title, words, object, interface, &mut self.scratch);
        self.head.append_wrapped(&self.title, width, INDENT_COLUMNS);
        if let Some(changed) = event.get("changed") {
            let most = width.map(|width| VALUE_COLUMNS_MAX.max(width / 4));
            for (path, sides) in changed.members() {
                if difference::is_number_beside(changed, path) {
                    continue;
                }
                let mut from = self.items.place();
                self.ends.clear();
                difference::write(&mut self.items, words, (path, sides), most, &mut self.scratch, &mut self.ends);
                let rank = difference::rank(words, path);
                for &to in &self.ends {
                    self.marks.push(Item { rank, from, to });
                    from = to;
                }
            }
            self.marks.sort_by_key(|item| item.rank);
        } else if matches!(action, "add" | "present") {
            for (rank, word) in words.iter().enumerate().filter(|(_, word)| word.detail) {
                let from = self.items.place();
                if title::say(&mut self.items, word, object, interface, &mut self.scratch) {
                    self.marks.push(Item { rank, from, to: self.items.place() });
                }
            }
        }
    }

    /// Who did it.
    fn actor(&mut self, event: &Value<'_>) {
        let Some(actor) = event.get("actor") else { return };
        // A port without a process says nothing to eyes.
        if let Some(name) = actor.get("comm").and_then(Value::text) {
            let process = actor.get("pid").map(|process| format!("[{process}]")).unwrap_or_default();
            self.actor.paint(Ink::Dim, &format!(" by {name}{process}"));
        }
    }

    /// Puts the parts together; where a line may not have any width, what matters least is left out.
    fn put_together(&mut self, width: Option<usize>) {
        let out = &mut self.out;
        out.append_all(&self.head);
        let Some(width) = width else {
            self.marks.iter().for_each(|item| out.append(&self.items, item.from, item.to));
            out.append_all(&self.origin);
            out.append_all(&self.actor);
            return;
        };
        let mut left = width.saturating_sub(out.columns());
        // What differs most comes before how it is known and who did it; that something is left out, too.
        let first = self.marks.first().map_or(0, Item::columns);
        let mark = if self.marks.is_empty() { 0 } else { more_columns(self.marks.len(), self.style.ascii) };
        let others = if self.marks.len() > 1 { mark } else { 0 };
        let needed = [first + others, mark].into_iter().find(|&columns| columns <= left).unwrap_or_default();
        let mut tail: [Option<&Painter>; 2] = [None, None];
        for (place, part) in [&self.origin, &self.actor].into_iter().enumerate() {
            if needed + part.columns() <= left {
                left -= part.columns();
                tail[place] = Some(part);
            }
        }
        let all: usize = self.marks.iter().map(Item::columns).sum();
        let mut left_out = 0;
        if all > left {
            // Room for what is said of those that are left out.
            left = left.saturating_sub(if self.marks.len() > 1 { mark } else { 0 });
        }
        for (place, item) in self.marks.iter().enumerate() {
            if item.columns() <= left {
                left -= item.columns();
                out.append(&self.items, item.from, item.to);
            } else if place == 0 && item.columns() > CUT_COLUMNS.0 && left >= CUT_COLUMNS.1 {
                out.append_cut(&self.items, item.from, item.to, left);
                left = 0;
            } else {
                left_out += 1;
            }
        }
        let tail_columns: usize = tail.iter().flatten().map(|part| part.columns()).sum();
        let said_columns = more_columns(left_out, self.style.ascii);
        if left_out > 0 && out.columns() + said_columns + tail_columns <= width {
            out.paint(Ink::Dim, &more(left_out));
        }
        tail.into_iter().flatten().for_each(|part| out.append_all(part));
    }
}

impl Item {
    fn columns(&self) -> usize {
        self.to.columns - self.from.columns
    }
}

/// What stands for differences that are left out.
fn more(number: usize) -> String {
    format!(" … {number} more")
}

/// How many columns that takes, where `…` may be three points.
fn more_columns(number: usize, ascii: bool) -> usize {
    more(number).chars().count() + if ascii { 2 } else { 0 }
}

/// What happened, in words: those of the signals, and the action's where they do not say it.
fn happened(out: &mut Painter, action: &str, signals: Option<&Value<'_>>) {
    let action_words = match action {
        "add" => "added",
        "change" => "changed",
        "remove" => "removed",
        "present" => "is there",
        other => other,
    };
    let names = signals.and_then(Value::list).unwrap_or_default().iter().filter_map(Value::text);
    let words_of = |name| SIGNALS.iter().find(|signal| signal.name == name).map_or(name, |signal| signal.words);
    let says_action = names.clone().any(|name| words_of(name).contains(ACTION));
    let mut first = true;
    let mut part = |out: &mut Painter, words: &str| {
        if !std::mem::take(&mut first) {
            out.push(", ");
        }
        match words.split_once(ACTION) {
            Some((before, behind)) => [before, action_words, behind].iter().for_each(|text| out.push(text)),
            None => out.push(words),
        }
    };
    if !says_action && (action != "change" || names.clone().next().is_none()) {
        part(out, action_words);
    }
    names.for_each(|name| part(out, words_of(name)));
}

/// Stands for the action's word in a signal's words.
const ACTION: &str = "{}";

fn severity_ink(severity: &str) -> Ink {
    match severity {
        "err" | "crit" | "alert" | "emerg" => Ink::Error,
        "warning" => Ink::Warning,
        "notice" => Ink::Bold,
        "debug" => Ink::Dim,
        _ => Ink::Plain,
    }
}

/// The time of lines; many share their second.
#[derive(Debug)]
struct Clock {
    zone: TimeZone,
    /// The second as the last line has it.
    second: String,
    /// The same as it is shown, up to its point.
    time: String,
    /// Its day as it is shown.
    day: String,
    /// The day that was told last.
    told: String,
}

/// Bytes of a line's time before the fraction's point.
const SECOND_BYTES: usize = "2026-11-24T00:13:05".len();

impl Clock {
    /// Takes a line's time, and says whether its day is to be told.
    fn look(&mut self, time: &str) -> bool {
        let second = time.get(..SECOND_BYTES).unwrap_or_default();
        if second != self.second || second.is_empty() {
            self.second.clear();
            self.second.push_str(second);
            (self.time, self.day) = match self.zoned(second) {
                Some(zoned) => {
                    (zoned.strftime("%H:%M:%S").to_string(), zoned.strftime("%Y-%m-%d %A, UTC%:z").to_string())
                }
                None => ("--:--:--".into(), String::new()),
            };
        }
        let is_new = self.day != self.told && !self.day.is_empty();
        if is_new {
            self.told.clone_from(&self.day);
        }
        is_new
    }

    fn zoned(&self, second: &str) -> Option<jiff::ZonedDateTime> {
        let timestamp: Timestamp = format!("{second}Z").parse().ok()?;
        Some(timestamp.to_zoned_datetime(self.zone.clone()))
    }

    /// Another time, as it is shown.
    fn time_of(&self, time: &str) -> String {
        match time.get(..SECOND_BYTES).and_then(|second| self.zoned(second)) {
            Some(zoned) => format!("{}{}", zoned.strftime("%H:%M:%S"), milliseconds(time)),
            None => time.to_owned(),
        }
    }
}

/// The fraction of a line's time, up to milliseconds, with the point before it.
fn milliseconds(time: &str) -> &str {
    time.get(SECOND_BYTES..SECOND_BYTES + ".424".len()).unwrap_or_default()
}
