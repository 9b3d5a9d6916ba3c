//! What the kernel's objects look like: tables and nothing but tables, a folder a protocol, a file a kind.
//!
//! A new attribute is a new row in its kind's file; a new kind is a new file and a line in its protocol's list of kinds; a new
//! protocol is a folder and a line in [`PROTOCOLS`].

use std::ops::{Index, IndexMut};
use std::sync::{LazyLock, OnceLock};

use crate::decode::paths::Paths;
use crate::decode::schema::{Flush, Kind};
use crate::kinds::protocol::Protocol;

pub mod adapter;
pub mod generic;
pub mod netfilter;
pub mod protocol;
pub mod rdma;
pub mod renumber;
pub mod rtnetlink;
pub mod selinux;
pub mod sock_diag;
pub mod split;
pub mod uevent;
pub mod usersock;
pub mod xfrm;

/// Every netlink protocol; the first has the names of links. One may stand there twice, where some of its kinds have a socket of their
/// own.
pub static PROTOCOLS: &[&Protocol] = &[
    &rtnetlink::PROTOCOL,
    &netfilter::PROTOCOL,
    &netfilter::nflog::PROTOCOL,
    &xfrm::PROTOCOL,
    &generic::PROTOCOL,
    &sock_diag::PROTOCOL,
    &selinux::PROTOCOL,
    &uevent::PROTOCOL,
    &usersock::PROTOCOL,
    &rdma::PROTOCOL,
];

const KINDS_COUNT: usize = {
    let (mut count, mut protocol) = (0, 0);
    while protocol < PROTOCOLS.len() {
        count += PROTOCOLS[protocol].kinds.len();
        protocol += 1;
    }
    count
};

/// Each kind, and the place of its protocol.
const ALL: [(&Kind, usize); KINDS_COUNT] = {
    let mut all = [(PROTOCOLS[0].kinds[0], 0); KINDS_COUNT];
    let (mut place, mut protocol) = (0, 0);
    while protocol < PROTOCOLS.len() {
        let mut kind = 0;
        while kind < PROTOCOLS[protocol].kinds.len() {
            all[place] = (PROTOCOLS[protocol].kinds[kind], protocol);
            place += 1;
            kind += 1;
        }
        protocol += 1;
    }
    all
};

/// Every kind of kernel object, in the order of the reference and of the first dump: links first, for their names.
pub static KINDS: &[&Kind] = &{
    let mut kinds = [ALL[0].0; KINDS_COUNT];
    let mut place = 0;
    while place < KINDS_COUNT {
        kinds[place] = ALL[place].0;
        place += 1;
    }
    kinds
};

/// The protocol of each, by its place.
static PROTOCOL_OF: [usize; KINDS_COUNT] = {
    let mut protocols = [0; KINDS_COUNT];
    let mut place = 0;
    while place < KINDS_COUNT {
        protocols[place] = ALL[place].1;
        place += 1;
    }
    protocols
};

/// The protocol of that number (`NETLINK_*`); of several that have sockets of their own, the first.
pub fn protocol(number: u16) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.number == number).copied()
}

/// Whose a type is that is not as the kernel numbers it, where it is any protocol's, and the kernel's number.
pub fn renumbered_by(message_type: u16) -> Option<(&'static Protocol, u16)> {
    if let Some(id) = generic::unknown_family(message_type) {
        return Some((&generic::PROTOCOL, id));
    }
    // The upper octet says it.
    let is_of = |kind: &KindIndex| kind.table().new >> 8 == message_type >> 8;
    let protocol = KindIndex::all().find(is_of)?.protocol();
    protocol.adapt.map(|_| (protocol, message_type & 0xff))
}

/// The kind of a message that says that all those objects of it are gone which it means.
pub fn of_flush(message_type: u16) -> Option<(KindIndex, Flush)> {
    let flush = |kind: KindIndex| Some((kind, kind.table().hooks.flush?));
    KindIndex::all().filter_map(flush).find(|(_, flush)| flush.message == message_type)
}

/// The protocols of some kinds, and those of these kinds that each has; rtnetlink's where there is no kind.
pub fn by_protocol(kinds: &[KindIndex]) -> Vec<(&'static Protocol, Vec<KindIndex>)> {
    let of = |protocol: &'static Protocol| {
        let is_of = |kind: &KindIndex| std::ptr::eq(kind.protocol(), protocol);
        (protocol, kinds.iter().copied().filter(is_of).collect::<Vec<KindIndex>>())
    };
    let all = PROTOCOLS.iter().map(|protocol| of(protocol));
    let found: Vec<_> = all.filter(|(_, kinds)| !kinds.is_empty()).collect();
    if found.is_empty() { vec![(&rtnetlink::PROTOCOL, Vec::new())] } else { found }
}

/// The place of a kind in [`KINDS`]: it is got from a kind that stands there, and from nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindIndex(u8);

impl KindIndex {
    /// The place of a table, by its name. In a constant, a table that is not in [`KINDS`] does not compile; elsewhere it is a
    /// panic, so that only what a test runs through calls it there.
    pub const fn of(kind: &Kind) -> KindIndex {
        let mut place = 0;
        while place < KINDS.len() {
            if is_same(KINDS[place].name, kind.name) {
                return KindIndex(place as u8);
            }
            place += 1;
        }
        panic!("the kind is not in KINDS")
    }

    /// Every kind, in the order of [`KINDS`].
    pub fn all() -> impl Iterator<Item = KindIndex> + Clone {
        (0..KINDS.len()).map(|place| KindIndex(place as u8))
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<KindIndex> {
        KindIndex::all().find(|kind| kind.table().name == name)
    }

    /// The kind itself.
    pub fn table(self) -> &'static Kind {
        KINDS[self.place()]
    }

    /// Where in its objects interfaces are named, and what never counts as a change.
    pub fn paths(self) -> &'static Paths {
        static PATHS: LazyLock<PerKind<OnceLock<Paths>>> = LazyLock::new(PerKind::default);
        PATHS[self].get_or_init(|| Paths::of(self.table()))
    }

    /// Its protocol.
    pub fn protocol(self) -> &'static Protocol {
        PROTOCOLS[PROTOCOL_OF[self.place()]]
    }

    /// Whether it is followed where no kind is named.
    pub fn is_default(self) -> bool {
        self.protocol().is_default
    }

    /// The number of its line in [`KINDS`].
    pub fn place(self) -> usize {
        usize::from(self.0)
    }
}

/// Whether two texts are the same, in a constant, where `==` cannot be had.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// What there is once for each kind.
#[derive(Clone, Debug)]
pub struct PerKind<T>(Box<[T]>);

impl<T: Default> Default for PerKind<T> {
    fn default() -> PerKind<T> {
        PerKind(KINDS.iter().map(|_| T::default()).collect())
    }
}

impl<T> PerKind<T> {
    /// What a function makes of each kind.
    pub fn of(each: impl FnMut(&'static Kind) -> T) -> PerKind<T> {
        PerKind(KINDS.iter().copied().map(each).collect())
    }

    /// That of every kind, in the order of [`KINDS`].
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl<T> Index<KindIndex> for PerKind<T> {
    type Output = T;

    fn index(&self, kind: KindIndex) -> &T {
        &self.0[kind.place()]
    }
}

impl<T> IndexMut<KindIndex> for PerKind<T> {
    fn index_mut(&mut self, kind: KindIndex) -> &mut T {
        &mut self.0[kind.place()]
    }
}

/// The kind of a message and whether it says that the object is gone, by the message's type and its header's family.
///
/// Some dumps of rtnetlink answer with the request's type (`RTM_GETMDB`, `RTM_GETMULTICAST`), and `RTM_GETDCB` and `RTM_SETDCB`
/// are notifications: where no kind has such a type, it is what there is.
pub fn of_message(message_type: u16, family: u8) -> Option<(KindIndex, bool)> {
    let found = of_exact_message(message_type, family);
    let is_of_fours = message_type < rtnetlink::TYPES_MAX && message_type & 2 != 0;
    if found.is_none() && is_of_fours { of_exact_message(message_type & !3, family) } else { found }
}

/// Kinds by the message's type: by its upper octet, and then by its lower one.
static BY_TYPE: LazyLock<Vec<Option<Box<[OfType]>>>> = LazyLock::new(|| {
    let mut by_type: Vec<Option<Box<[OfType]>>> = vec![None; OCTETS];
    for kind in KindIndex::all() {
        let Kind { new, delete, families, hooks, .. } = kind.table();
        let types = [(*new, false), (*delete, true)].into_iter().chain(hooks.also.iter().copied());
        for (message_type, removes) in types.filter(|&(message_type, _)| message_type != 0) {
            let [upper, lower] = message_type.to_be_bytes().map(usize::from);
            let page = by_type[upper].get_or_insert_with(|| vec![OfType::default(); OCTETS].into());
            let of_type = &mut page[lower];
            match families {
                [] => of_type.any_family = of_type.any_family.or(Some((kind, removes))),
                families => {
                    of_type.families.resize(OCTETS, None);
                    families.iter().for_each(|&family| of_type.families[usize::from(family)] = Some((kind, removes)));
                }
            }
        }
    }
    by_type
});

/// The kinds that messages of one type are of.
#[derive(Clone, Default)]
struct OfType {
    /// By the header's family; empty where none has a kind of its own.
    families: Vec<Option<(KindIndex, bool)>>,
    /// Of whatever other family.
    any_family: Option<(KindIndex, bool)>,
}

/// Half a type is an octet, and so is a family.
const OCTETS: usize = 256;

fn of_exact_message(message_type: u16, family: u8) -> Option<(KindIndex, bool)> {
    let [upper, lower] = message_type.to_be_bytes().map(usize::from);
    let of_type = &BY_TYPE[upper].as_ref()?[lower];
    of_type.families.get(usize::from(family)).copied().flatten().or(of_type.any_family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::schema::{Among, Is, PerLink, Set, Structure};
    use std::collections::HashSet;

    /// Visits every set and structure that can be reached from a value.
    fn visit(is: &Is, seen: &mut HashSet<usize>) {
        match is {
            Is::Set(set) | Is::Inline(set) => check_set(set, seen),
            Is::Structure(structure) | Is::InlineStructure(structure) => check_structure(structure, seen),
            Is::Each(is) | Is::Array(is, _) => visit(is, seen),
            Is::Chosen(choice) => match choice.among {
                Among::Text(choices) => choices.iter().for_each(|(_, is)| visit(is, seen)),
                Among::Number(choices) => choices.iter().for_each(|(_, is)| visit(is, seen)),
            },
            _ => {}
        }
    }

    fn keys<'a>(members: impl Iterator<Item = (&'a str, &'a Is)>, name: &str) {
        let mut keys = HashSet::new();
        for (key, is) in members {
            if matches!(is, Is::Inline(_) | Is::InlineStructure(_) | Is::Members(..) | Is::Elsewhere | Is::Known) {
                continue;
            }
            assert!(!key.is_empty() && key != "unknown", "{name}: a row without a key");
            assert!(keys.insert(key), "{name}: the key {key} stands twice");
        }
    }

    fn check_set(set: &'static Set, seen: &mut HashSet<usize>) {
        if !seen.insert(set as *const Set as usize) {
            return;
        }
        assert!(set.rows.is_sorted_by(|a, b| a.number < b.number), "{}: numbers must grow", set.name);
        assert!(set.rows.len() <= 256, "{}: the walker remembers 256 rows", set.name);
        keys(set.rows.iter().map(|row| (row.key.name, &row.is)), set.name);
        set.rows.iter().for_each(|row| visit(&row.is, seen));
    }

    fn check_structure(structure: &'static Structure, seen: &mut HashSet<usize>) {
        if !seen.insert(structure as *const Structure as usize) {
            return;
        }
        let name = structure.name;
        for field in structure.fields {
            assert!(field.at + field.bytes <= structure.bytes, "{name}.{}: outside", field.key.name);
        }
        keys(structure.fields.iter().map(|field| (field.key.name, &field.is)), name);
        structure.fields.iter().for_each(|field| visit(&field.is, seen));
    }

    #[test]
    fn no_kind_has_the_name_of_an_own_event() {
        crate::event::own::names().for_each(|name| assert_eq!(KindIndex::named(name), None, "{name}"));
    }

    #[test]
    fn tables_hold_together() {
        let mut seen = HashSet::new();
        let mut names = HashSet::new();
        for kind in KINDS {
            assert!(names.insert(kind.name), "{} stands twice", kind.name);
            check_structure(kind.header, &mut seen);
            check_set(kind.set, &mut seen);
            for dump in kind.dumps {
                let inside = match dump.per_link {
                    Some(PerLink::Header(at)) => at + 4 <= dump.header.len(),
                    Some(PerLink::Attribute(_)) | None => true,
                };
                // Only rtnetlink's headers are all there are.
                let is_whole = !dump.header.is_empty() || !KindIndex::of(kind).is_default();
                assert!(inside && is_whole, "{}: its dump's header", kind.name);
            }
            if let Some(identity) = &kind.identity {
                assert!(identity.header.iter().all(|(at, bytes)| at + bytes <= kind.header.bytes), "{}", kind.name);
            }
        }
        assert!(seen.len() > 2);
    }

    #[test]
    fn every_kind_is_found_by_its_table_its_name_and_its_messages() {
        for kind in KindIndex::all() {
            let table = kind.table();
            let family = table.families.first().copied().unwrap_or(2);
            assert_eq!(KindIndex::of(table), kind, "{}", table.name);
            assert_eq!(KindIndex::named(table.name), Some(kind), "{}", table.name);
            assert_eq!(of_message(table.new, family), Some((kind, false)), "{}", table.name);
            assert!(kind.protocol().kinds.iter().any(|other| table.is(other)), "{}", table.name);
            // What `Kind::PLAIN` leaves open.
            let has_object = !table.header.fields.is_empty() || !table.set.rows.is_empty();
            assert!(!table.about.is_empty() && table.new != 0 && has_object, "{}", table.name);
            if table.delete != 0 {
                assert_eq!(of_message(table.delete, family), Some((kind, true)), "{}", table.name);
            }
        }
    }
}
