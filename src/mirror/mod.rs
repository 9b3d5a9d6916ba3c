//! The mirror: what the kernel was last seen to hold, in the kernel's own bytes.
//!
//! It tells an object that is new from one that changed and from one that is as it was. It knows no JSON, no clock and
//! no socket.

pub mod ask;
mod chains;
mod compare;
pub mod foretell;
mod journal;
mod kept;
mod last;
mod links;
#[cfg(test)]
mod model;
pub mod moves;
mod object_table;
pub mod repair;
mod route;
mod seen;
mod sets;
pub mod silence;
mod uses;
pub mod waiting;

use std::hash::BuildHasher;

pub use compare::{merge, same};
pub use links::{LinkBefore, LinkTable, alternative_names_in, is_link, name_in};

use crate::decode::key;
use crate::decode::schema::Kind;
use crate::decode::schema::ObjectKey;
use crate::event::signals::Signals;
use crate::kinds::{self, KindIndex, PerKind};
use crate::netlink::wire;
use object_table::{Group, ObjectTable};

/// What a message means, held against what was known.
#[derive(Debug)]
pub enum Change<'m> {
    /// It was not there before.
    Added(&'m [u8]),
    /// It was there, and other octets than those that never count differ.
    Changed {
        /// What it was.
        old: Box<[u8]>,
        /// What it is.
        new: &'m [u8],
    },
    /// It is gone; what was last known of it.
    Removed(Box<[u8]>),
    /// It is said to be gone, and was not known.
    RemovedUnknown,
    /// It is as it was.
    Same(&'m [u8]),
}

/// What became of a message that was taken in.
#[derive(Debug)]
pub struct Applied<'m> {
    /// Names of interfaces, to be looked up beside the change, which borrows the mirror.
    pub links: &'m LinkTable,
    /// What it means.
    pub change: Change<'m>,
    /// What it means for the groups of objects of which one at least should be there.
    pub signals: Signals,
    /// Of a link's message: what the link was before.
    pub link: Option<LinkBefore>,
}

/// What the kernel holds in one namespace.
#[derive(Debug)]
pub struct Mirror {
    tables: PerKind<ObjectTable>,
    /// Names and types of interfaces.
    pub links: LinkTable,
    hasher: foldhash::fast::RandomState,
    key: ObjectKey,
    uses: uses::Uses,
    counts: last::Counts,
    /// Families and interfaces whose routes are to be looked at again; see [`Mirror::take_unsettled`].
    unsettled: Vec<(u8, u32)>,
    /// Where someone else keeps the mirror, too: what changed.
    journal: Option<journal::Journal>,
    /// Kinds of which the kernel here tells nothing.
    unheard: Vec<KindIndex>,
    /// Kinds of which an object was said to be gone in part; see [`Mirror::take_doubted`].
    doubted: Vec<KindIndex>,
    /// Whether there were tables of nf_tables after the last commit.
    had_tables: bool,
    /// What a list has shown, which keeps no objects.
    seen: seen::Seen,
    /// How many objects of each kind are kept at most.
    kept_max: PerKind<usize>,
    /// Kinds of which there were more.
    overfull: Vec<KindIndex>,
}

impl Default for Mirror {
    fn default() -> Mirror {
        Mirror::new()
    }
}

impl Mirror {
    /// Nothing is known yet.
    pub fn new() -> Mirror {
        Mirror {
            tables: PerKind::default(),
            links: LinkTable::default(),
            hasher: foldhash::fast::RandomState::default(),
            key: ObjectKey::new(),
            uses: uses::Uses::default(),
            counts: last::Counts::default(),
            unsettled: Vec::new(),
            journal: None,
            unheard: Vec::new(),
            doubted: Vec::new(),
            had_tables: false,
            seen: seen::Seen::default(),
            kept_max: PerKind::of(|table| table.hooks.kept_max),
            overfull: Vec::new(),
        }
    }

    /// Notes of which kinds the kernel here tells nothing: [`silence::unheard`].
    pub fn set_unheard(&mut self, kinds: Vec<KindIndex>) {
        self.unheard = kinds;
    }

    /// Those kinds, without what the kernel does not have at all, as far as that is known.
    pub fn unheard(&self) -> &[KindIndex] {
        &self.unheard
    }

    /// The kernel does not have a kind that it was asked for: it need not be looked at. Where a kind is asked for by family, it
    /// may have another one (before 6.14, multicast groups of IPv6 alone).
    pub fn note_missing(&mut self, kind: KindIndex) {
        self.unheard.retain(|&unheard| unheard != kind || unheard.table().dumps.len() > 1);
    }

    /// How many routes of a family leave through an interface.
    pub fn routes_through(&self, family: u8, ifindex: u32) -> usize {
        self.uses.of_link(family, ifindex)
    }

    /// How many routes use a nexthop object.
    pub fn routes_by_nexthop(&self) -> usize {
        self.uses.of_nexthops()
    }

    /// Whether what is said of the uses of links and nexthop objects is what a walk through all routes finds.
    #[cfg(test)]
    fn uses_are_right(&mut self) -> bool {
        let route = const { KindIndex::of(&kinds::rtnetlink::route::ROUTE) };
        let routes: Vec<Box<[u8]>> = self.objects(route).map(Into::into).collect();
        let hashed: Vec<(u64, &[u8])> =
            routes.iter().map(|payload| (self.identity_hash(route, payload), &**payload)).collect();
        self.uses.is_of(&hashed)
    }

    /// How many objects of a kind are known.
    pub fn count(&self, kind: KindIndex) -> usize {
        self.tables[kind].len()
    }

    /// Bytes of all objects, as the kernel sent them.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(ObjectTable::bytes).sum()
    }

    /// Whether that is what a walk through all objects finds.
    #[cfg(test)]
    fn bytes_are_right(&self) -> bool {
        self.bytes() == KindIndex::all().flat_map(|kind| self.objects(kind)).map(<[u8]>::len).sum::<usize>()
    }

    /// All objects of a kind, as payloads.
    pub fn objects(&self, kind: KindIndex) -> impl Iterator<Item = &[u8]> {
        self.tables[kind].groups().flat_map(Group::iter)
    }

    /// The hash of an object's identity, the same for as long as this mirror lives; two objects share one only by a
    /// chance of one in 2^64.
    fn identity_hash(&mut self, kind: KindIndex, payload: &[u8]) -> u64 {
        key::write(&mut self.key, kind.table(), payload);
        self.hasher.hash_one(self.key.as_slice())
    }

    /// What a commit of nf_tables means for the tables that are known: that none is left.
    pub fn commit(&mut self, kind: KindIndex) -> Signals {
        if !kind.table().is(&kinds::netfilter::nft::generation::GENERATION) {
            return Signals::NONE;
        }
        let has_tables = self.count(const { KindIndex::of(&kinds::netfilter::nft::table::TABLE) }) > 0;
        let had_tables = std::mem::replace(&mut self.had_tables, has_tables);
        if had_tables && !has_tables { Signals::RULESET_FLUSHED } else { Signals::NONE }
    }

    /// Kinds that are to be dumped next: all of an object may have gone, of which a part was said to be.
    pub fn take_doubted(&mut self) -> Vec<KindIndex> {
        std::mem::take(&mut self.doubted)
    }

    /// Whether there are tables of nf_tables is known anew.
    fn note_tables(&mut self) {
        self.had_tables |= self.count(const { KindIndex::of(&kinds::netfilter::nft::table::TABLE) }) > 0;
    }

    /// Takes out what goes with an object without a word, such as a set's elements.
    pub fn take_held(&mut self, kind: KindIndex, payload: &[u8]) -> Vec<repair::Difference> {
        let Some((held, is_inside)) = kind.table().hooks.holds else { return Vec::new() };
        let held = KindIndex::of(held);
        let mut differences = Vec::new();
        self.tables[held].extract(
            None,
            |_| true,
            |object| is_inside(payload, object),
            |_, object| differences.push(repair::Difference { kind: held, old: Some(object), new: None }),
        );
        // Objects lie in no order; lines come in one.
        differences.sort_unstable_by(|one, other| one.old.cmp(&other.old));
        for difference in &differences {
            self.mark(held, difference.old.as_deref().unwrap_or_default());
        }
        differences
    }

    /// Whether a list shows an object for the first time, of which it keeps only what others are read by: names, and what sets are.
    pub fn shows_first(&mut self, kind: KindIndex, payload: &[u8]) -> bool {
        self.links.learn(kind, payload, false);
        self.seen.is_first(kind.table(), payload)
    }

    /// A dump of which the rows are listed begins again.
    pub fn list_again(&mut self) {
        self.seen.begin_again();
    }

    /// Takes in what a message says. `flags` are those of its header, `removes` whether it says that the object is gone.
    ///
    /// The payload must hold the kind's whole header; the kind must have an identity.
    pub fn apply<'m>(&'m mut self, kind: KindIndex, removes: bool, flags: u16, payload: &'m [u8]) -> Applied<'m> {
        let table: &'static Kind = kind.table();
        let link = self.links.learn(kind, payload, removes);
        if table.is(&kinds::rtnetlink::link::LINK) && !removes && is_wireless_event(payload) {
            return Applied { links: &self.links, change: Change::Same(payload), signals: Signals::NONE, link };
        }
        let hash = self.identity_hash(kind, payload);
        let part = table.hooks.part.and_then(|part| {
            let known = self.tables[kind].find(hash)?;
            part(known.as_slice().first()?, payload, removes)
        });
        if removes && part.is_some() {
            self.doubted.push(kind);
        }
        let removes = removes && part.is_none();
        let change = match self.tables[kind].entry(hash) {
            object_table::Entry::Vacant(_) if removes => Change::RemovedUnknown,
            object_table::Entry::Vacant(vacant) => Change::Added(vacant.insert(payload)),
            object_table::Entry::Occupied(occupied) if removes => route::remove(occupied, table, payload),
            object_table::Entry::Occupied(mut occupied) if table.is(&kinds::rtnetlink::route::ROUTE) => {
                if route::may_have_replaced_another(flags, occupied.group().as_slice()) {
                    let family = payload.first().copied().unwrap_or_default();
                    let there = occupied.group().iter().flat_map(|object| table.interfaces_of(object));
                    self.unsettled.extend(there.map(|ifindex| (family, ifindex)));
                }
                route::replace(occupied, table, flags, payload)
            }
            object_table::Entry::Occupied(occupied) => {
                // Of a kind that has no groups it is the only one.
                let mut object = occupied.into_object(0);
                let merged = if table.partial { compare::merge(table, object.octets(), payload) } else { part };
                let payload = merged.as_deref().unwrap_or(payload);
                if same(table, object.octets(), payload) {
                    // What never counts is kept fresh all the same.
                    if object.octets().len() == payload.len() {
                        object.overwrite(payload);
                    } else {
                        object.replace(payload.into());
                    }
                    Change::Same(object.into_octets())
                } else {
                    let old = object.replace(payload.into());
                    Change::Changed { old, new: object.into_octets() }
                }
            }
        };
        if table.is(&kinds::rtnetlink::route::ROUTE) {
            match &change {
                Change::Added(new) => self.uses.count(hash, new),
                Change::Changed { old, new } => {
                    self.uses.discount(hash, old);
                    self.uses.count(hash, new);
                    if removes && route::first_leg_changed(old, new) {
                        let family = new.first().copied().unwrap_or_default();
                        self.unsettled.extend(table.interfaces_of(new).iter().map(|&ifindex| (family, ifindex)));
                    }
                }
                Change::Removed(old) => self.uses.discount(hash, old),
                Change::RemovedUnknown | Change::Same(_) => {}
            }
        }
        if let Some(journal) = &mut self.journal
            && !matches!(change, Change::RemovedUnknown | Change::Same(_))
        {
            journal.mark(kind, &self.key);
        }
        self.had_tables |= table.is(&kinds::netfilter::nft::table::TABLE) && !removes;
        let signals = match &change {
            Change::Added(new) => self.counts.change(kind, None, Some(new)),
            Change::Changed { old, new } => self.counts.change(kind, Some(old), Some(new)),
            Change::Removed(old) => self.counts.change(kind, Some(old), None),
            Change::RemovedUnknown | Change::Same(_) => Signals::NONE,
        };
        Applied { links: &self.links, change, signals, link }
    }
}

/// Whether a link's message tells nothing of the link itself: an event of a wireless driver comes with the name and
/// the event alone (`rtnetlink_ifinfo_prep` in `net/wireless/wext-core.c`).
fn is_wireless_event(payload: &[u8]) -> bool {
    wire::attribute(kinds::rtnetlink::link::LINK.attributes(payload), kinds::rtnetlink::link::IFLA_WIRELESS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut payload = vec![0; 16];
        payload[4] = 7;
        attributes.iter().for_each(|(number, value)| wire::append_attribute(&mut payload, *number, value));
        payload
    }

    #[test]
    fn a_wireless_event_leaves_the_link_as_it_was() {
        let kind = KindIndex::of(&kinds::rtnetlink::link::LINK);
        let whole = link(&[(3, b"wlan0\0"), (4, &1500u32.to_ne_bytes())]);
        let event = link(&[(3, b"wlan0\0"), (11, b"event")]);
        let mut mirror = Mirror::new();
        // Of a link that is not known it tells too little to make one.
        assert!(matches!(mirror.apply(kind, false, 0, &event).change, Change::Same(_)));
        assert_eq!(mirror.count(kind), 0);
        assert!(matches!(mirror.apply(kind, false, 0, &whole).change, Change::Added(_)));
        assert!(matches!(mirror.apply(kind, false, 0, &event).change, Change::Same(_)));
        assert_eq!(mirror.objects(kind).next(), Some(&whole[..]));
    }

    #[test]
    fn settings_that_a_notification_lacks_stay() {
        let kind = KindIndex::of(&kinds::rtnetlink::netconf::NETCONF);
        let settings = |attributes: &[(u16, u32)]| {
            let mut payload = vec![2, 0, 0, 0];
            attributes.iter().for_each(|(number, value)| {
                wire::append_attribute(&mut payload, *number, &value.to_ne_bytes());
            });
            payload
        };
        let mut mirror = Mirror::new();
        mirror.apply(kind, false, 0, &settings(&[(1, 3), (2, 0), (4, 1)]));
        let change = settings(&[(1, 3), (2, 1)]);
        let Change::Changed { new, .. } = mirror.apply(kind, false, 0, &change).change else { panic!("no change") };
        assert_eq!(new, settings(&[(1, 3), (2, 1), (4, 1)]));
        // Another interface's are others.
        assert!(matches!(mirror.apply(kind, false, 0, &settings(&[(1, u32::MAX), (2, 1)])).change, Change::Added(_)));
        assert!(matches!(mirror.apply(kind, true, 0, &settings(&[(1, 3)])).change, Change::Removed(_)));
    }
}
