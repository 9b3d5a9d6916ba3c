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
    /// The keys of its object, in their order, and what each holds.
    pub keys: &'static [(&'static str, &'static str)],
    /// Whether it comes whatever kinds are named.
    pub always: bool,
}

/// The watch has begun.
pub static HELLO: Own = Own {
    name: "hello",
    action: "started",
    severity: Severity::Info,
    about: "what is watched; from here on every change is told",
    keys: &[
        ("version", "linkhook's version"),
        ("kernel", "the kernel's release"),
        ("kinds", "the kinds that are watched: a list of names"),
        ("groups", "the netlink groups (`RTNLGRP_*`) that are listened to: a list of numbers"),
        ("receive_buffer", "bytes of the socket's receive buffer"),
        ("namespaces", "with several network namespaces: those that are watched at first, a list of names"),
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
    keys: &[("lines", "how many lines were told before this one")],
    always: false,
};

/// The kernel has dropped notifications.
pub static OVERRUN: Own = Own {
    name: "overrun",
    action: "lost",
    severity: Severity::Err,
    about: "notifications were lost: how many, since when, of which kinds",
    keys: &[
        ("lost", "how many notifications were lost; null where the kernel does not say"),
        ("since", "the time from which on they may be missing"),
        ("kinds", "the kinds that they may be of: a list of names"),
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
        ("added", "how many objects were there that had not been known"),
        ("changed", "how many objects differed from what was known"),
        ("removed", "how many objects were gone"),
        ("took", "how long it took, in seconds"),
        ("reason", "`verify`, where it was the self-check that found something"),
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
        ("type", "the message's type (`RTM_*`), where it is long enough to have one"),
        ("error", "why it could not be decoded"),
        ("hex", "the message's bytes in hexadecimal digits"),
    ],
    always: true,
};

/// A network namespace has appeared.
pub static NAMESPACE_ADDED: Own = Own {
    name: "namespace",
    action: "added",
    severity: Severity::Notice,
    about: "a network namespace appeared, and what is in it follows as `add`",
    keys: &[("name", "the namespace's name")],
    always: true,
};

/// A network namespace's name is gone.
pub static NAMESPACE_REMOVED: Own = Own {
    name: "namespace",
    action: "removed",
    severity: Severity::Notice,
    about: "a network namespace's name is gone, and all that was in it with it",
    keys: &[("name", "the namespace's name")],
    always: true,
};

/// Somebody does not get what he should.
pub static OUTPUT_DROPPED: Own = Own {
    name: "output",
    action: "dropped",
    severity: Severity::Err,
    about: "events that a webhook wanted and does not get, lines that are not in the output file, or events that `[watch] \
            filter` failed on: how many, and why",
    keys: &[
        ("webhook", "the webhook's name, where it is one that does not get them"),
        ("path", "the output file, where it is that"),
        ("lines", "how many lines are not in the output file"),
        ("events", "how many events a webhook does not get, or were not judged"),
        ("reason", "why"),
    ],
    always: true,
};

/// The output file can be written again.
pub static OUTPUT_RECOVERED: Own = Own {
    name: "output",
    action: "recovered",
    severity: Severity::Notice,
    about: "the output file can be written again",
    keys: &[("path", "the output file"), ("lasted", "for how long it could not be written, in seconds")],
    always: true,
};

/// What `linkhook check --send` sends.
pub static OUTPUT_TEST: Own = Own {
    name: "output",
    action: "test",
    severity: Severity::Info,
    about: "a webhook was asked for a test: it goes to that webhook alone, and is in no other place",
    keys: &[("webhook", "the webhook's name")],
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
            ["hello", "ready", "bye", "overrun", "resync", "undecoded", "namespace", "output"]
        );
    }
}
