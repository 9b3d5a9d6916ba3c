//! Which events are told: cheap tests first, jq last.

pub mod globs;
pub mod jq;
pub mod plain;

use globs::Globs;

use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::kinds::KindIndex;

/// What patterns take linkhook's own network namespace for: no other one can have that name.
pub const OWN_NETNS: &str = ".";

/// What is asked for. The default accepts everything.
#[derive(Debug)]
pub struct Filter {
    /// Kinds to tell, by their place in `KINDS`; `None` for all.
    pub kinds: Option<Vec<bool>>,
    /// Address families (`AF_*`) that an object's header must have one of; empty for all. An object of a kind whose
    /// header has no family of its own is not left out by it.
    pub families: Vec<u8>,
    /// Names of interfaces.
    pub interfaces: Globs,
    /// Names of network namespaces; linkhook's own is [`OWN_NETNS`].
    pub netns: Globs,
    /// Actions; empty for all.
    pub actions: Vec<Action>,
    /// Signals of which one must be there; none for all.
    pub signals: Signals,
    /// How much an event must matter at least.
    pub severity: Severity,
    /// Routing tables that an object must be in or point to; empty for all. What has none is left out by it.
    pub tables: Vec<u32>,
    /// The last test: a jq expression, which a child runs (`deliver::jq`).
    pub jq: Option<String>,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            kinds: None,
            families: Vec::new(),
            interfaces: Globs::default(),
            netns: Globs::default(),
            actions: Vec::new(),
            signals: Signals::NONE,
            severity: Severity::Debug,
            tables: Vec::new(),
            jq: None,
        }
    }
}

/// What the cheap tests look at.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The kind, by its place in `KINDS`.
    pub kind: usize,
    /// The header's family.
    pub family: u8,
    /// What happened.
    pub action: Action,
    /// What it means.
    pub signals: Signals,
    /// How much it matters.
    pub severity: Severity,
    /// The routing table, where the object has one and it matters.
    pub table: Option<u32>,
    /// The network namespace's name, where it is not linkhook's own.
    pub netns: Option<&'a str>,
    /// All names of all interfaces that it concerns, an interface's beside each other.
    pub interfaces: &'a [Name<'a>],
}

/// A name by which an interface may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// Which of the event's interfaces has it: several may.
    pub interface: usize,
    /// The name, as the kernel's octets.
    pub name: &'a [u8],
}

impl Filter {
    /// Whether objects of that kind are followed: those that are named, and where none is, those that are by default.
    pub fn follows(&self, kind: KindIndex) -> bool {
        let is_wanted = |kind: KindIndex| {
            if self.kinds.is_some() { self.wants_kind(kind.place()) } else { kind.is_default() }
        };
        // What says how others are read is followed with them, and not told.
        let reads = |other: KindIndex| other.table().hooks.read_by.is_some_and(|by| kind.table().is(by));
        is_wanted(kind) || KindIndex::all().any(|other| reads(other) && is_wanted(other))
    }

    /// Whether objects of that kind are told at all.
    pub fn wants_kind(&self, kind: usize) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.get(kind).copied().unwrap_or_default())
    }

    /// Whether any of the interfaces is accepted, by whichever of its names.
    pub fn accepts_interfaces(&self, names: &[Name<'_>]) -> bool {
        let mut interfaces = names.chunk_by(|one, next| one.interface == next.interface);
        interfaces.any(|names| self.interfaces.accept_any(names.iter().map(|name| name.name)))
    }

    /// By what it leaves objects out, beside their kinds: the words of the settings.
    pub fn narrowed_by(&self) -> Vec<&'static str> {
        let tests = [
            (!self.families.is_empty(), "families"),
            (!self.interfaces.is_empty(), "interfaces"),
            (!self.netns.is_empty(), "netns"),
            (!self.actions.is_empty(), "actions"),
            (!self.signals.is_empty(), "signals"),
            (self.severity > Severity::Debug, "severity"),
            (!self.tables.is_empty(), "table"),
            (self.jq.is_some(), "filter"),
        ];
        tests.into_iter().filter_map(|(narrows, word)| narrows.then_some(word)).collect()
    }

    /// Whether nothing is left out.
    pub fn accepts_all(&self) -> bool {
        self.kinds.is_none() && self.narrowed_by().is_empty()
    }

    /// Whether what is told of a network namespace is wanted; linkhook's own has no name.
    pub fn accepts_netns(&self, name: Option<&str>) -> bool {
        self.netns.is_empty() || self.netns.accept(name.unwrap_or(OWN_NETNS).as_bytes())
    }

    /// Whether names of interfaces matter.
    pub fn wants_interfaces(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// The cheap tests.
    #[inline(always)]
    pub fn accepts(&self, candidate: &Candidate<'_>) -> bool {
        self.wants_kind(candidate.kind)
            && (self.actions.is_empty() || self.actions.contains(&candidate.action))
            && (self.signals.is_empty() || self.signals.meets(candidate.signals))
            && self.severity <= candidate.severity
            && (self.families.is_empty() || self.families.contains(&candidate.family))
            && (self.tables.is_empty() || candidate.table.is_some_and(|table| self.tables.contains(&table)))
            && self.accepts_netns(candidate.netns)
            && (self.interfaces.is_empty() || self.accepts_interfaces(candidate.interfaces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate<'a>(interfaces: &'a [Name<'a>]) -> Candidate<'a> {
        Candidate {
            kind: 1,
            family: 2,
            action: Action::Add,
            signals: Signals::NONE,
            severity: Severity::Info,
            table: None,
            netns: None,
            interfaces,
        }
    }

    #[test]
    fn every_test_must_hold() {
        let all = Filter::default();
        assert!(all.accepts(&candidate(&[])));
        let actions = Filter { actions: vec![Action::Remove], ..Filter::default() };
        assert!(!actions.accepts(&candidate(&[])));
        let kinds = Filter { kinds: Some(vec![true, false]), ..Filter::default() };
        assert!(!kinds.accepts(&candidate(&[])));
        let families = Filter { families: vec![10], ..Filter::default() };
        assert!(!families.accepts(&candidate(&[])));
        let signals = Filter { signals: Signals::by_name("up").unwrap(), ..Filter::default() };
        assert!(!signals.accepts(&candidate(&[])));
        let severe = |severity| Filter { severity, ..Filter::default() }.accepts(&candidate(&[]));
        assert!(severe(Severity::Debug) && severe(Severity::Info) && !severe(Severity::Notice));
    }

    #[test]
    fn what_has_no_table_is_in_none() {
        let tables = Filter { tables: vec![254, 77], ..Filter::default() };
        let in_table = |table| Candidate { table, ..candidate(&[]) };
        assert!(tables.accepts(&in_table(Some(77))) && !tables.accepts(&in_table(Some(255))));
        assert!(!tables.accepts(&in_table(None)));
    }

    #[test]
    fn the_own_namespace_is_a_dot() {
        let accepts = |pattern: &str, netns| {
            let filter = Filter { netns: Globs::new(&[pattern.into()]).unwrap(), ..Filter::default() };
            filter.accepts(&Candidate { netns, ..candidate(&[]) })
        };
        assert!(accepts("host*", Some("host1")) && !accepts("host*", Some("blue")) && !accepts("host*", None));
        assert!(accepts(".", None) && !accepts(".", Some("blue")));
        assert!(accepts("!blue", None) && !accepts("!blue", Some("blue")) && accepts("!.", Some("blue")));
        assert!(accepts("*", None) && accepts("*", Some("/proc/7/ns/net")));
    }

    fn names<'a>(interfaces: &[&[&'a str]]) -> Vec<Name<'a>> {
        let each = interfaces.iter().enumerate();
        each.flat_map(|(interface, names)| names.iter().map(move |name| Name { interface, name: name.as_bytes() }))
            .collect()
    }

    #[test]
    fn any_interface_of_a_route_is_enough() {
        let filter = Filter { interfaces: Globs::new(&["eth*".into()]).unwrap(), ..Filter::default() };
        assert!(filter.accepts(&candidate(&names(&[&["wlan0"], &["eth1"]]))));
        assert!(!filter.accepts(&candidate(&names(&[&["wlan0"]]))));
        assert!(!filter.accepts(&candidate(&[])));
    }

    #[test]
    fn an_interface_is_one_whatever_its_names() {
        let accepts = |pattern: &str, interfaces: &[&[&str]]| {
            let filter = Filter { interfaces: Globs::new(&[pattern.into()]).unwrap(), ..Filter::default() };
            filter.accepts(&candidate(&names(interfaces)))
        };
        assert!(accepts("enp*", &[&["eth0", "enp3s0"]]) && accepts("eth0", &[&["eth0", "enp3s0"]]));
        // What is left out by one name is not let in by another.
        assert!(!accepts("!eth0", &[&["eth0", "enp3s0"]]) && !accepts("!enp*", &[&["eth0", "enp3s0"]]));
        assert!(accepts("!eth0", &[&["eth0", "enp3s0"], &["eth1"]]));
    }
}
