//! linkhook's own events: a row each, with its keys. Whoever tells one names its row; the words that choose events and the
//! reference are made from the rows.

use super::severity::Severity;

/// One event of linkhook's own.
#[derive(Debug)]
pub struct Own {
    /// Its name: the `event` of its line, and the key of its object.
    pub name: &'static str,
    /// Its `action`.
    pub action: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it tells.
    pub about: &'static str,
    /// The keys of its object, in their order; any may be left out.
    pub keys: &'static [OwnKey],
    /// Whether it comes whatever kinds are named.
    pub always: bool,
}

/// A key of such an event's object: its name, its value, and what it tells.
pub type OwnKey = (&'static str, Holds, &'static str);

/// What a key's value is.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A text.
    Text,
    /// A text: a time as `ts` has it.
    Time,
    /// A text: a duration in seconds with an `s` behind it, such as `0.001500s`.
    Duration,
    /// A number.
    Number,
    /// A number, or `null` where it is not known.
    NumberOrNull,
    /// `true` or `false`.
    Bool,
    /// Null.
    Null,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Numbers,
    /// An object with these keys.
    Object(&'static [OwnKey]),
    /// A list of objects with these keys.
    Objects(&'static [OwnKey]),
}

impl Holds {
    /// What it is, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Holds::Text => "text",
            Holds::Time => "time as text",
            Holds::Duration => "duration as text",
            Holds::Number => "number",
            Holds::NumberOrNull => "number or null",
            Holds::Bool => "`true` or `false`",
            Holds::Null => "null",
            Holds::Object(_) => "object",
            Holds::Texts => "list of: text",
            Holds::Numbers => "list of: number",
            Holds::Objects(_) => "list of: object",
        }
    }
}

/// The watch has begun.
pub static HELLO: Own = Own {
    name: "hello",
    action: "started",
    severity: Severity::Info,
    about: "what is watched; from here on every change is told",
    keys: &[
        ("version", Holds::Text, "linkhook's version"),
        ("kernel", Holds::Text, "the kernel's release"),
        ("kinds", Holds::Texts, "the kinds that are watched: a list of names"),
        (
            "groups",
            Holds::Numbers,
            "the groups of the first protocol that are listened to (`RTNLGRP_*`): a list of numbers",
        ),
        (
            "protocols",
            Holds::Objects(&[
                ("protocol", Holds::Text, "its name: `rtnetlink`, `netfilter`, …"),
                ("groups", Holds::Numbers, "the groups of it that are listened to: a list of numbers"),
                ("receive_buffer", Holds::Number, "bytes of its socket's receive buffer"),
            ]),
            "each netlink protocol that is listened to",
        ),
        (
            "looked_at",
            Holds::Texts,
            "watched kinds of which this kernel tells nothing, which are looked at after what is near them: a list of names",
        ),
        (
            "listed_only",
            Holds::Texts,
            "watched kinds of which no kernel tells anything, nor of what is near them: they are looked at once it is quiet \
             after a change of whatever else: a list of names",
        ),
        (
            "conntrack",
            Holds::Object(&[
                (
                    "events",
                    Holds::Number,
                    "`nf_conntrack_events`: 0 nothing is told, 1 of every connection, 2 of those that were made since somebody listens",
                ),
                ("accounting", Holds::Bool, "`nf_conntrack_acct`: whether packets and bytes are counted"),
                (
                    "timestamps",
                    Holds::Bool,
                    "`nf_conntrack_timestamp`: whether it is noted when a connection begins and ends",
                ),
            ]),
            "where connections are watched: what the kernel leaves out of them",
        ),
        ("receive_buffer", Holds::Number, "bytes of the smallest receive buffer"),
        (
            "namespaces",
            Holds::Texts,
            "with several network namespaces: those that are watched at first, a list of names",
        ),
    ],
    always: false,
};

/// What existed is told.
pub static READY: Own = Own {
    name: "ready",
    action: "synced",
    severity: Severity::Info,
    about: "what existed is known, and with `--initial` it is told; what follows are changes",
    keys: &[],
    always: false,
};

/// The watch has ended.
pub static BYE: Own = Own {
    name: "bye",
    action: "stopped",
    severity: Severity::Info,
    about: "the watch has ended, and how many lines it told",
    keys: &[("lines", Holds::Number, "how many lines were told before this one")],
    always: false,
};

/// The kernel has dropped notifications.
pub static OVERRUN: Own = Own {
    name: "overrun",
    action: "lost",
    severity: Severity::Err,
    about: "notifications were lost: how many, since when, of which kinds",
    keys: &[
        ("lost", Holds::NumberOrNull, "how many notifications were lost; null where the kernel does not say"),
        ("since", Holds::Time, "the time from which on they may be missing"),
        ("kinds", Holds::Texts, "the kinds that they may be of: a list of names"),
        ("protocol", Holds::Text, "the netlink protocol: `rtnetlink`, `netfilter`, …"),
        (
            "resync",
            Holds::Null,
            "null where nothing follows: nothing is known of these kinds that could be held against the kernel",
        ),
    ],
    always: true,
};

/// What was lost is told now.
pub static RESYNC: Own = Own {
    name: "resync",
    action: "done",
    severity: Severity::Notice,
    about: "what a loss had hidden is told now: how many objects were added, changed and removed",
    keys: &[
        ("added", Holds::Number, "how many objects were there that had not been known"),
        ("changed", Holds::Number, "how many objects differed from what was known"),
        ("removed", Holds::Number, "how many objects were gone"),
        ("took", Holds::Duration, "how long it took, in seconds"),
        ("reason", Holds::Text, "`verify`, where it was the self-check that found something"),
    ],
    always: true,
};

/// A message that cannot be decoded.
pub static UNDECODED: Own = Own {
    name: "undecoded",
    action: "kept",
    severity: Severity::Warning,
    about: "a message that could not be decoded, whole, as hex",
    keys: &[
        (
            "type",
            Holds::Number,
            "the message's type (`RTM_*`), where it is long enough to have one; of generic netlink the family's number",
        ),
        ("protocol", Holds::Text, "of some protocols: its name, such as `xfrm`"),
        ("error", Holds::Text, "why it could not be decoded"),
        ("hex", Holds::Text, "the message's bytes in hexadecimal digits; not of `xfrm`, where keys might be in it"),
        ("bytes", Holds::Number, "of `xfrm`, in its place: how many there are"),
    ],
    always: true,
};

/// A network namespace has appeared.
pub static NAMESPACE_ADDED: Own = Own {
    name: "namespace",
    action: "added",
    severity: Severity::Notice,
    about: "a network namespace appeared, and what is in it follows as `add`",
    keys: &[("name", Holds::Text, "the namespace's name")],
    always: true,
};

/// A network namespace's name is gone.
pub static NAMESPACE_REMOVED: Own = Own {
    name: "namespace",
    action: "removed",
    severity: Severity::Notice,
    about: "a network namespace's name is gone, and all that was in it with it",
    keys: &[("name", Holds::Text, "the namespace's name")],
    always: true,
};

/// Somebody does not get what he should.
pub static OUTPUT_DROPPED: Own = Own {
    name: "output",
    action: "dropped",
    severity: Severity::Err,
    about: "events that a webhook wanted and does not get, lines that an output does not get, or events that `[watch] \
            filter` failed on: how many, and why",
    keys: &[
        ("webhook", Holds::Text, "the webhook's name, where it is one that does not get them"),
        ("exec", Holds::Text, "the name of the command, where it is that"),
        ("path", Holds::Text, "the output, where it is one: its file, `-`, `journal`, `syslog at` an address"),
        ("lines", Holds::Number, "how many lines the output does not get"),
        ("events", Holds::Number, "how many events a webhook does not get, or were not judged"),
        ("reason", Holds::Text, "why"),
    ],
    always: true,
};

/// An output can be written again.
pub static OUTPUT_RECOVERED: Own = Own {
    name: "output",
    action: "recovered",
    severity: Severity::Notice,
    about: "an output can be written again, or a webhook's receiver, or a command, takes events again",
    keys: &[
        ("path", Holds::Text, "the output, as in `dropped`"),
        ("webhook", Holds::Text, "the webhook's name, where it is that"),
        ("exec", Holds::Text, "the name of the command, where it is that"),
        ("lasted", Holds::Duration, "for how long it was not so, in seconds"),
    ],
    always: true,
};

/// What linkhook counts of itself.
pub static METRICS: Own = Own {
    name: "metrics",
    action: "measured",
    severity: Severity::Info,
    about: "what linkhook counts of itself, since it started, as often as `[watch] metrics` says",
    keys: &[
        ("uptime_seconds", Holds::Number, "for how long linkhook has been running"),
        ("lines", Holds::Number, "how many lines were told before this one"),
        ("events", Holds::Objects(METRICS_EVENT), "the same by kind, action and severity; what never came is left out"),
        ("lost", Holds::Number, "how many notifications the kernel dropped, as far as it says how many"),
        ("overruns", Holds::Number, "how often notifications were lost"),
        ("resyncs", Holds::Number, "how often what was lost was made good"),
        ("namespaces", Holds::Number, "how many network namespaces are watched"),
        ("mirror_objects", Holds::Number, "how many objects are known"),
        ("mirror_bytes", Holds::Number, "bytes of them, as the kernel sent them"),
        ("backlog_bytes", Holds::Number, "bytes of notifications that were read and are not told yet"),
        ("output_queue_bytes", Holds::Number, "bytes of lines that wait for a slow reader of the output"),
        ("output_dropped_lines", Holds::Number, "how many lines are not in an output and will not be"),
        ("store_pending_bytes", Holds::Number, "with a state directory: bytes that wait to be committed"),
        ("webhooks", Holds::Objects(METRICS_WEBHOOK), "the webhooks"),
        ("obstacles", Holds::Texts, "why linkhook is not ready, as `/readyz` says it; none where it is"),
    ],
    always: false,
};

/// The keys of how often what was told.
pub const METRICS_EVENT: &[OwnKey] = &[
    ("kind", Holds::Text, "the `event` of the lines"),
    ("action", Holds::Text, "their `action`"),
    ("severity", Holds::Text, "their `severity`"),
    ("count", Holds::Number, "how many there were"),
];

/// The keys of a webhook's figures.
pub const METRICS_WEBHOOK: &[OwnKey] = &[
    ("name", Holds::Text, "its name"),
    ("sent", Holds::Number, "how many events the receiver took"),
    ("failed", Holds::Number, "after how many attempts the receiver had not taken the batch"),
    ("waiting", Holds::Number, "how many events wait to be sent, or are on their way"),
    (
        "oldest_seconds",
        Holds::Number,
        "how long ago the first of them was received from the kernel; only where one waits",
    ),
    ("dropped", Holds::Number, "how many events the receiver does not get, and stand nowhere"),
    ("dead", Holds::Number, "how many events were put into the dead letters"),
];

/// What `linkhook check --send` sends.
pub static OUTPUT_TEST: Own = Own {
    name: "output",
    action: "test",
    severity: Severity::Info,
    about: "a webhook was asked for a test: it goes to that webhook alone, and is in no other place",
    keys: &[("webhook", Holds::Text, "the webhook's name")],
    always: true,
};

/// All of them.
pub static OWN_EVENTS: &[&Own] = &[
    &HELLO,
    &READY,
    &BYE,
    &OVERRUN,
    &RESYNC,
    &UNDECODED,
    &NAMESPACE_ADDED,
    &NAMESPACE_REMOVED,
    &OUTPUT_DROPPED,
    &OUTPUT_RECOVERED,
    &OUTPUT_TEST,
    &METRICS,
];

/// The name of an event of linkhook's own, as it stands in its rows.
pub fn by_name(name: &str) -> Option<&'static str> {
    OWN_EVENTS.iter().find(|own| own.name == name).map(|own| own.name)
}

/// Whether an event of that name comes whatever kinds are named.
pub fn always_comes(name: &str) -> bool {
    OWN_EVENTS.iter().any(|own| own.name == name && own.always)
}

/// Every name once, in the order of the rows.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    let is_first =
        |&(place, own): &(usize, &&Own)| OWN_EVENTS.iter().position(|other| other.name == own.name) == Some(place);
    OWN_EVENTS.iter().enumerate().filter(is_first).map(|(_, own)| own.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_name_agree() {
        for own in OWN_EVENTS {
            assert_eq!(always_comes(own.name), own.always, "{}", own.name);
            let twins = OWN_EVENTS.iter().filter(|other| (other.name, other.action) == (own.name, own.action));
            assert_eq!(twins.count(), 1, "{} {}", own.name, own.action);
        }
        assert_eq!(
            names().collect::<Vec<_>>(),
            ["hello", "ready", "bye", "overrun", "resync", "undecoded", "namespace", "output", "metrics"]
        );
    }
}
