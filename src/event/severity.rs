//! How much an event matters, in syslog's words (RFC 5424, section 6.2.1). The rows by which a kind's events have theirs
//! stand in the kind's table, a signal's in the table of signals, an own event's in its row.

/// How much an event matters; what matters more is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What only repeats another event, and the kernel's own bookkeeping.
    Debug,
    /// What is worth keeping.
    #[default]
    Info,
    /// What an operator would want to read.
    Notice,
    /// Something is lost, or not as it should be.
    Warning,
    /// Events are lost.
    Err,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Severity; 5] =
        [Severity::Debug, Severity::Info, Severity::Notice, Severity::Warning, Severity::Err];

    /// The name of each in the line.
    pub const NAMES: [&'static str; 5] = ["debug", "info", "notice", "warning", "err"];

    /// Its name in the line.
    pub const fn name(self) -> &'static str {
        Severity::NAMES[self as usize]
    }

    /// Its number in syslog and in the journal: the more it matters, the smaller.
    pub const fn number(self) -> u8 {
        7 - self as u8
    }

    /// That of a name.
    pub fn by_name(name: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.name() == name)
    }
}
