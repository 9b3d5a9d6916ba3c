//! The event line: its keys, in their order. See `docs/events.md`.

pub mod own;
pub mod severity;
pub mod signals;

use self::severity::Severity;
use self::signals::Signals;
use crate::actor::Actor;
use crate::json::Json;

/// The format's version: it grows only when a key changes its meaning.
pub const VERSION: u64 = 1;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Add,
    /// It differs.
    Change,
    /// It is gone.
    Remove,
    /// It existed when watching began, or stands in a dump.
    Present,
}

impl Action {
    /// Every action of a kernel object.
    pub const ALL: [Action; 4] = [Action::Add, Action::Change, Action::Remove, Action::Present];

    /// Its name in the line.
    pub fn name(self) -> &'static str {
        match self {
            Action::Add => "add",
            Action::Change => "change",
            Action::Remove => "remove",
            Action::Present => "present",
        }
    }
}

/// How linkhook came to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A notification of the kernel.
    Kernel,
    /// A dump when watching began.
    Snapshot,
    /// A dump after a loss.
    Resync,
    /// A look at what the kernel does without telling.
    Inferred,
    /// A dump at the start, compared with what was known when linkhook last ran.
    Offline,
    /// A recording.
    Replay,
    /// linkhook's own events.
    Linkhook,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 7] = [
        Origin::Kernel,
        Origin::Snapshot,
        Origin::Resync,
        Origin::Inferred,
        Origin::Offline,
        Origin::Replay,
        Origin::Linkhook,
    ];

    /// Its name in the line.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Kernel => "kernel",
            Origin::Snapshot => "snapshot",
            Origin::Resync => "resync",
            Origin::Inferred => "inferred",
            Origin::Offline => "offline",
            Origin::Replay => "replay",
            Origin::Linkhook => "linkhook",
        }
    }
}

/// The keys of a line before its object, in their order. The reference's table has each of them.
pub const KEYS: &[&str] = &[
    "v", "ts", "seq", "host", "netns", "event", "action", "origin", "severity", "cause", "ifname", "ifindex",
    "signals", "changed", "actor",
];

/// Everything in a line but the object.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Microseconds since 1970, UTC.
    pub time_microseconds: i64,
    /// The line's number.
    pub sequence: u64,
    /// The host's name, where one is configured.
    pub host: Option<&'a str>,
    /// The network namespace, where another than linkhook's own is watched.
    pub netns: Option<&'a str>,
    /// The kind, or the own event's name.
    pub event: &'static str,
    /// The action's name.
    pub action: &'static str,
    /// How linkhook came to know.
    pub origin: Origin,
    /// How much it matters.
    pub severity: Severity,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
    /// The one interface that it concerns: its name, where it is known, and its index.
    pub interface: Option<(Option<&'a [u8]>, u32)>,
    /// What it means.
    pub signals: Signals,
    /// The members of `changed`, as JSON; empty where nothing is told to have changed.
    pub changed: &'a [u8],
    /// Who made the change.
    pub actor: Option<&'a Actor>,
}

/// Writes the line up to the object's value, its key included. The caller writes the value, then calls [`end`].
#[inline]
pub fn begin(out: &mut Json, clock: &mut Clock, cache: &mut HeadCache, head: &Head<'_>) {
    // Written in as few pieces as can be: this stands before every line.
    out.raw_text(clock.beginning(head.time_microseconds));
    out.continue_unsigned(head.sequence);
    if cache.is_like(head) {
        out.raw_text(&cache.text);
    } else {
        cache.write(out, head);
    }
}

/// The text between a line's number and its object, as it was written last. A burst of changes has it in common: it is
/// copied while event, action, origin, severity, interface and actor stay what they were.
#[derive(Debug, Default)]
pub struct HeadCache {
    /// The names of event, action, origin and severity.
    names: [&'static str; 4],
    interface: Option<(Option<Box<[u8]>>, u32)>,
    actor: Option<Actor>,
    /// With the comma behind the number.
    text: String,
}

impl HeadCache {
    /// Whether the text is that of a line that begins so.
    #[inline]
    fn is_like(&self, head: &Head<'_>) -> bool {
        let interface = self.interface.as_ref().map(|(name, ifindex)| (name.as_deref(), *ifindex));
        HeadCache::can_hold(head)
            && std::iter::zip(self.names, names(head)).all(|(one, other)| std::ptr::eq(one, other))
            && interface == head.interface
            && self.actor.as_ref() == head.actor
    }

    /// What few lines have is left out.
    fn can_hold(head: &Head<'_>) -> bool {
        head.host.is_none()
            && head.netns.is_none()
            && head.cause.is_none()
            && head.signals.is_empty()
            && head.changed.is_empty()
    }

    /// Writes it anew, and remembers it.
    #[inline(never)]
    fn write(&mut self, out: &mut Json, head: &Head<'_>) {
        let mark = out.mark();
        write_middle(out, head);
        if !HeadCache::can_hold(head) {
            return;
        }
        self.names = names(head);
        self.interface = head.interface.map(|(name, ifindex)| (name.map(Box::from), ifindex));
        self.actor = head.actor.cloned();
        self.text.clear();
        self.text.push_str(&String::from_utf8_lossy(out.since(mark)));
    }
}

fn names(head: &Head<'_>) -> [&'static str; 4] {
    [head.event, head.action, head.origin.name(), head.severity.name()]
}

fn write_middle(out: &mut Json, head: &Head<'_>) {
    if let Some(host) = head.host {
        out.key("host");
        out.string(host);
    }
    if let Some(netns) = head.netns {
        out.key("netns");
        out.string(netns);
    }
    let before = [BEFORE_EVENT, "\",\"action\":\"", "\",\"origin\":\"", BEFORE_SEVERITY];
    for (before, name) in before.into_iter().zip(names(head)) {
        out.raw_text(before);
        out.continue_plain(name);
    }
    out.raw_text("\"");
    if let Some(cause) = head.cause {
        out.key("cause");
        out.unsigned(cause);
    }
    if let Some((name, ifindex)) = head.interface {
        out.raw_text(",\"ifname\":");
        match name {
            Some(name) => out.text(name),
            None => out.display(format_args!("if{ifindex}")),
        }
        out.raw_text(",\"ifindex\":");
        out.continue_unsigned(ifindex.into());
    }
    if !head.signals.is_empty() {
        out.key("signals");
        out.begin_list();
        head.signals.names().for_each(|name| out.plain(name));
        out.end_list();
    }
    if !head.changed.is_empty() {
        out.key("changed");
        out.begin_object();
        out.raw_members(head.changed);
        out.end_object();
    }
    if let Some(actor) = head.actor {
        out.raw_text(",\"actor\":{\"port\":");
        out.continue_unsigned(actor.port.into());
        if let Some((process, name)) = &actor.process {
            out.key("pid");
            out.unsigned((*process).into());
            out.key("comm");
            out.string(name);
        }
        out.end_object();
    }
    out.key(head.event);
}

/// Writes a line again, with that number; of a line that has a cause, with that one or without any. Both stand before the
/// object, and any text within a line has its quotes escaped: so their keys are found at their first place.
pub fn renumber(out: &mut Vec<u8>, line: &[u8], number: u64, has_cause: bool, cause: Option<u64>) {
    let put_number = |out: &mut Vec<u8>, key: &[u8], number: u64| {
        out.extend_from_slice(key);
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    };
    // What stands before a key and its number, and what behind them.
    let around = |line: &[u8], key: &[u8]| {
        let at = memchr::memmem::find(line, key)?;
        let digits = line[at + key.len()..].iter().take_while(|octet| octet.is_ascii_digit()).count();
        Some((at, at + key.len() + digits))
    };
    let (before, behind) = around(line, BEFORE_NUMBER.as_bytes()).unwrap_or_default();
    out.extend_from_slice(&line[..before]);
    put_number(out, BEFORE_NUMBER.as_bytes(), number);
    let mut rest = &line[behind..];
    if has_cause && let Some((before, behind)) = around(rest, BEFORE_CAUSE.as_bytes()) {
        out.extend_from_slice(&rest[..before]);
        if let Some(cause) = cause {
            put_number(out, BEFORE_CAUSE.as_bytes(), cause);
        }
        rest = &rest[behind..];
    }
    out.extend_from_slice(rest);
}

/// A line's time, in microseconds since 1970; `None` where it is no line of linkhook's.
pub fn time_of(line: &[u8]) -> Option<i64> {
    let text = line.strip_prefix(BEFORE_TIME.as_bytes())?.strip_prefix(b"\"")?;
    let text = std::str::from_utf8(text.get(..text.iter().position(|&octet| octet == b'"')?)?).ok()?;
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

/// What a line begins with: as text, beginnings are in the order of their times. `None` where it is no line of linkhook's.
pub fn beginning_of(line: &[u8]) -> Option<&[u8]> {
    let beginning = line.get(..BEGINNING_BYTES)?;
    beginning.starts_with(BEFORE_TIME.as_bytes()).then_some(beginning)
}

/// The name of a line's event; `None` where it is no line of linkhook's. Its key stands before all texts but the names of host and
/// namespace, in which quotes are escaped.
pub fn name_of(line: &[u8]) -> Option<&str> {
    let behind = &line[beginning_of(line)?.len()..];
    let name = &behind[memchr::memmem::find(behind, BEFORE_EVENT.as_bytes())? + BEFORE_EVENT.len()..];
    std::str::from_utf8(&name[..memchr::memchr(b'"', name)?]).ok()
}

/// How much a line matters; `None` where it is no line of linkhook's.
pub fn severity_of(line: &[u8]) -> Option<Severity> {
    let behind = &line[beginning_of(line)?.len()..];
    let name = &behind[memchr::memmem::find(behind, BEFORE_SEVERITY.as_bytes())? + BEFORE_SEVERITY.len()..];
    Severity::by_name(std::str::from_utf8(&name[..memchr::memchr(b'"', name)?]).ok()?)
}

/// A line's number; `None` where it is no line of linkhook's.
pub fn sequence_of(line: &[u8]) -> Option<u64> {
    let behind = line.strip_prefix(beginning_of(line)?)?.strip_prefix(BEFORE_NUMBER.as_bytes())?;
    let digits = behind.iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(&behind[..digits]).ok()?.parse().ok()
}

/// Ends the line.
pub fn end(out: &mut Json) {
    out.end_object();
    out.newline();
}

/// Writes times; remembers the last one's text, since many lines share it, or its second at least.
#[derive(Debug, Default)]
pub struct Clock {
    time_microseconds: i64,
    second: i64,
    /// A line's beginning up to its number; empty before the first one.
    text: String,
}

/// What a line begins with: what stands before the time, and between it and the number.
const BEFORE_TIME: &str = "{\"v\":1,\"ts\":";
const BEFORE_NUMBER: &str = ",\"seq\":";
const BEFORE_CAUSE: &str = ",\"cause\":";
const BEFORE_EVENT: &str = ",\"event\":\"";
const BEFORE_SEVERITY: &str = "\",\"severity\":\"";
const BEFORE_FRACTION_BYTES: usize = BEFORE_TIME.len() + "\"2026-11-24T00:13:05.".len();
/// Bytes of a line's beginning with its time.
const BEGINNING_BYTES: usize = BEFORE_FRACTION_BYTES + "424828Z\"".len();

impl Clock {
    /// How a line of that time begins: up to its number, with the time as RFC 3339 has it, in UTC, with six digits of a
    /// second.
    #[inline]
    pub fn beginning(&mut self, time_microseconds: i64) -> &str {
        if time_microseconds != self.time_microseconds || self.text.is_empty() {
            self.set(time_microseconds);
        }
        &self.text
    }

    /// Writes a time as it stands in a line.
    pub fn write(&mut self, out: &mut Json, time_microseconds: i64) {
        let beginning = self.beginning(time_microseconds).as_bytes();
        out.raw(&beginning[BEFORE_TIME.len()..beginning.len() - BEFORE_NUMBER.len()]);
    }

    fn set(&mut self, time_microseconds: i64) {
        self.time_microseconds = time_microseconds;
        let second = time_microseconds.div_euclid(1_000_000);
        if self.text.is_empty() || second != self.second {
            self.second = second;
            let timestamp = jiff::Timestamp::from_second(second).unwrap_or_default();
            // "2026-11-24T00:13:05Z": the fraction comes before the last byte.
            let time = timestamp.to_string();
            self.text = format!("{BEFORE_TIME}\"{}.000000Z\"{BEFORE_NUMBER}", time.trim_end_matches('Z'));
        }
        const DIGITS: std::ops::Range<usize> = BEFORE_FRACTION_BYTES..BEFORE_FRACTION_BYTES + 6;
        let mut rest = time_microseconds.rem_euclid(1_000_000);
        // The fraction's place is written over.
        let mut text = std::mem::take(&mut self.text).into_bytes();
        if let Some(digits) = text.get_mut(DIGITS) {
            for digit in digits.iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        self.text = String::from_utf8(text).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_as_it_says_whatever_came_before() {
        let actor = |port| Actor { port, process: None };
        let (one, two) = (actor(1), actor(2));
        let head = Head {
            time_microseconds: 0,
            sequence: 1,
            host: None,
            netns: None,
            event: "route",
            action: "add",
            origin: Origin::Kernel,
            severity: Severity::Info,
            cause: None,
            interface: Some((Some(b"eth0"), 2)),
            signals: Signals::NONE,
            changed: &[],
            actor: Some(&one),
        };
        let heads = [
            head,
            head,
            Head { event: "addr", ..head },
            Head { action: "remove", ..head },
            Head { origin: Origin::Inferred, cause: Some(7), ..head },
            Head { origin: Origin::Inferred, ..head },
            Head { severity: Severity::Err, ..head },
            Head { interface: Some((Some(b"eth1"), 2)), ..head },
            Head { interface: Some((Some(b"eth1"), 3)), ..head },
            Head { interface: Some((None, 3)), ..head },
            Head { interface: None, ..head },
            Head { actor: Some(&two), ..head },
            Head { actor: None, ..head },
            Head { netns: Some("blue"), ..head },
            Head { host: Some("here"), ..head },
            Head { signals: Signals::MOVED_NETNS, ..head },
            Head { changed: b"\"a\":1", ..head },
        ];
        let text = |last: &mut HeadCache, head| {
            let mut out = Json::new();
            begin(&mut out, &mut Clock::default(), last, head);
            String::from_utf8_lossy(out.bytes()).into_owned()
        };
        let mut last = HeadCache::default();
        for first in &heads {
            for second in &heads {
                text(&mut last, first);
                assert_eq!(text(&mut last, second), text(&mut HeadCache::default(), second));
            }
        }
        // None is like nothing at all.
        assert!(text(&mut HeadCache::default(), &head).contains(r#""seq":1,"event":"route","action":"add","#));
    }

    #[test]
    fn a_line_has_the_keys_of_the_table_in_their_order() {
        let actor = Actor { port: 1, process: None };
        let head = Head {
            time_microseconds: 0,
            sequence: 1,
            host: Some("here"),
            netns: Some("blue"),
            event: "link",
            action: "change",
            origin: Origin::Inferred,
            severity: Severity::Notice,
            cause: Some(1),
            interface: Some((Some(b"eth0"), 2)),
            signals: Signals::UP,
            changed: b"\"a\":1",
            actor: Some(&actor),
        };
        let mut out = Json::new();
        begin(&mut out, &mut Clock::default(), &mut HeadCache::default(), &head);
        out.null();
        end(&mut out);
        let line: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(out.bytes()).unwrap();
        let mut keys = KEYS.to_vec();
        keys.push("link");
        let text = String::from_utf8_lossy(out.bytes());
        assert_eq!(line.len(), keys.len());
        assert!(keys.iter().map(|key| text.find(&format!("\"{key}\":"))).is_sorted(), "{text}");
        assert!(keys.iter().all(|key| line.contains_key(*key)), "{text}");
    }

    #[test]
    fn a_line_tells_its_time() {
        for time in [0, 1_700_000_000_123_456, 999_999] {
            let mut line = Clock::default().beginning(time).to_owned();
            line.push_str("7,\"event\":\"link\"}");
            assert_eq!((time_of(line.as_bytes()), sequence_of(line.as_bytes())), (Some(time), Some(7)), "{line}");
            assert_eq!(beginning_of(line.as_bytes()).and_then(time_of), Some(time), "{line}");
            assert_eq!(name_of(line.as_bytes()), Some("link"), "{line}");
        }
        for line in ["", "{}", "{\"v\":1,\"ts\":7}", "{\"v\":1,\"ts\":\"", "{\"v\":1,\"ts\":\"soon\"}"] {
            assert_eq!((time_of(line.as_bytes()), sequence_of(line.as_bytes())), (None, None), "{line}");
        }
    }

    #[test]
    fn a_line_gets_another_number_and_cause() {
        let again = |line: &str, number, cause| {
            let mut out = Vec::new();
            renumber(&mut out, line.as_bytes(), number, line.contains("inferred"), cause);
            String::from_utf8(out).unwrap()
        };
        let plain = r#"{"v":1,"ts":"…","seq":12,"host":",\"cause\":1","event":"x","x":{"seq":3,"cause":4}}"#;
        assert_eq!(again(plain, 7, Some(5)), plain.replace("\"seq\":12", "\"seq\":7"));
        let caused = r#"{"v":1,"ts":"…","seq":12,"event":"x","origin":"inferred","cause":11,"x":{"cause":4}}"#;
        assert_eq!(again(caused, 100, Some(5)), caused.replace(":12,", ":100,").replace(":11,", ":5,"));
        assert_eq!(again(caused, 1, None), caused.replace(":12,", ":1,").replace(",\"cause\":11", ""));
    }

    #[test]
    fn times_have_six_digits() {
        let mut clock = Clock::default();
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_479_185_424_828, "2026-11-24T00:13:05.424828Z"),
            (1_795_479_185_000_001, "2026-11-24T00:13:05.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(clock.beginning(time), format!("{{\"v\":1,\"ts\":\"{text}\",\"seq\":"));
            let mut out = Json::new();
            clock.write(&mut out, time);
            assert_eq!(String::from_utf8_lossy(out.bytes()), format!("\"{text}\""));
        }
    }
}
