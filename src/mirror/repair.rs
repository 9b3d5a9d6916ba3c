//! One repair for every loss: a dump gathers in a shadow of the mirror, and what differs is given back, to be told.

use std::cell::RefCell;

use hashbrown::HashTable;

use super::Mirror;
use super::compare::same;
use super::object_table::Group;
use super::silence::look::{Scope, route_family};
use super::waiting::Spoken;
use crate::decode::schema::Kind;
use crate::kinds::{self, KindIndex, PerKind};

/// An object that is not as the mirror had it.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its kind.
    pub kind: KindIndex,
    /// What the mirror had; `None` for a new one.
    pub old: Option<Box<[u8]>>,
    /// What there is; `None` for one that is gone.
    pub new: Option<Box<[u8]>>,
}

/// What a dump has shown. Of an object that the mirror has octet for octet nothing is kept but that it was shown: of a million routes
/// nearly all are such.
#[derive(Debug)]
pub struct Shadow {
    /// The others.
    objects: Mirror,
    /// The identities of those that are as the mirror has them.
    same: PerKind<HashTable<u64>>,
}

impl std::ops::Deref for Shadow {
    type Target = Mirror;

    fn deref(&self) -> &Mirror {
        &self.objects
    }
}

impl Shadow {
    /// Takes a row in, held against the mirror that the shadow is of, which does not change while rows gather.
    pub fn apply(&mut self, mirror: &Mirror, kind: KindIndex, removes: bool, flags: u16, payload: &[u8]) {
        let table = kind.table();
        if self.objects.count(kind) >= mirror.kept_max[kind] {
            // What is not known need not gather more often than it is kept.
            let hash = self.objects.identity_hash(kind, payload);
            if !mirror.tables[kind].contains(hash) {
                return;
            }
        }
        // Names are learned from links, and what a filter shares a priority with is asked for.
        let may_be_left_out = !table.is(&kinds::rtnetlink::link::LINK) && table.hooks.parent_at.is_none();
        if may_be_left_out {
            let hash = self.objects.identity_hash(kind, payload);
            let known = mirror.tables[kind].find(hash);
            if let Ok(entry) = self.same[kind].find_entry(hash, |other| *other == hash) {
                // One more of that identity, or the word that it is gone: both are looked at.
                entry.remove();
                for object in known.into_iter().flat_map(Group::iter) {
                    self.objects.apply(kind, false, flags, object);
                }
            } else if !removes
                && !self.objects.tables[kind].contains(hash)
                && matches!(known, Some(Group::One(object)) if **object == *payload)
            {
                self.same[kind].insert_unique(hash, hash, |hash| *hash);
                return;
            }
        }
        self.objects.apply(kind, removes, flags, payload);
    }

    /// How many objects of a kind were shown.
    pub fn shown(&self, kind: KindIndex) -> usize {
        self.objects.count(kind) + self.same[kind].len()
    }

    /// Whether an object of that identity is there as the mirror has it.
    pub(super) fn shows_same(&self, kind: KindIndex, hash: u64) -> bool {
        self.same[kind].find(hash, |other| *other == hash).is_some()
    }

    /// Whether anything of that identity was shown.
    fn shows(&self, kind: KindIndex, hash: u64) -> bool {
        self.objects.tables[kind].contains(hash) || self.shows_same(kind, hash)
    }
}

impl Mirror {
    /// Where the rows of a dump can gather.
    pub fn shadow(&self) -> Shadow {
        let objects = Mirror { hasher: self.hasher.clone(), ..Mirror::new() };
        Shadow { objects, same: PerKind::default() }
    }

    /// Takes over what the shadow holds of those kinds, and gives back what differs, in the order in which it is to be
    /// told: first what is gone, what stands on others before them; then what is new or changed, links first. Objects that
    /// notifications speak of stay as they are: what these say comes first.
    pub fn repair(&mut self, mut shadow: Shadow, kinds: &[(KindIndex, Scope)], spoken: &Spoken) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (kind, scope) in kinds.iter().rev() {
            self.remove_missing(&shadow, *kind, scope, spoken, &mut differences);
        }
        for (kind, scope) in kinds {
            self.take_over(&mut shadow, *kind, scope, spoken, &mut differences);
        }
        self.note_tables();
        differences.retain(|difference| {
            let object = difference.new.as_deref().or(difference.old.as_deref()).unwrap_or_default();
            difference.kind.table().is_object(object)
        });
        differences
    }

    /// The families and interfaces whose routes are to be dumped next. They are those of a route with several legs that a dump
    /// of some interfaces did not show, while it also leads through others; of an IPv6 route that lost its first leg; and of
    /// routes that another one may have replaced.
    pub fn take_unsettled(&mut self) -> Vec<(u8, u32)> {
        // As nearly always.
        if self.unsettled.is_empty() {
            return Vec::new();
        }
        let mut unsettled = std::mem::take(&mut self.unsettled);
        unsettled.sort_unstable();
        unsettled.dedup();
        unsettled
    }

    fn remove_missing(
        &mut self,
        shadow: &Shadow,
        kind: KindIndex,
        scope: &Scope,
        spoken: &Spoken,
        differences: &mut Vec<Difference>,
    ) {
        let table: &'static Kind = kind.table();
        let (links, uses) = (&mut self.links, &mut self.uses);
        // Of the routes, which may be a million, those through a few interfaces are known.
        let hashes = match scope {
            // Each of those that were asked for by themselves was found, or there would be none.
            Scope::Routes(routes) => uses.hashes(&routes.through),
            Scope::All | Scope::Links(_) => None,
        };
        let unsettled = RefCell::new(&mut self.unsettled);
        self.tables[kind].extract(
            hashes.as_deref(),
            |hash| !shadow.shows(kind, hash) && !spoken.contains(kind, hash),
            |object| {
                if !scope.shows(table, None, object) {
                    return false;
                }
                // It has left these interfaces; through others that were not asked for it may still lead.
                let Scope::Routes(routes) = scope else { return true };
                let interfaces = table.interfaces_of(object);
                let settled =
                    interfaces.iter().all(|&ifindex| routes.through.contains(&(route_family(object), ifindex)));
                if !settled {
                    unsettled.borrow_mut().extend(interfaces.iter().map(|&ifindex| (route_family(object), ifindex)));
                }
                settled
            },
            |hash, object| {
                links.learn(kind, &object, true);
                if is_route(table) {
                    uses.discount(hash, &object);
                }
                differences.push(Difference { kind, old: Some(object), new: None });
            },
        );
    }

    fn take_over(
        &mut self,
        shadow: &mut Shadow,
        kind: KindIndex,
        scope: &Scope,
        spoken: &Spoken,
        differences: &mut Vec<Difference>,
    ) {
        let table: &'static Kind = kind.table();
        for (hash, mut found) in shadow.objects.tables[kind].drain() {
            if spoken.contains(kind, hash) {
                // Other links may name it before it is told.
                if table.is(&kinds::rtnetlink::link::LINK) {
                    found.iter().for_each(|object| self.links.note_name_of(object));
                }
                continue;
            }
            for object in found.iter() {
                self.links.learn(kind, object, false);
            }
            let links = &self.links;
            // A dump of one interface's filters shows those of blocks that it shares, too.
            let is_inside = |object: &[u8]| scope.shows(table, Some(hash), object);
            let is_known = self.tables[kind].contains(hash);
            let is_taken = |object: &[u8]| {
                is_inside(object)
                    && table.is_object(object)
                    && (is_known || !table.is_kernels_own(object))
                    && table.hooks.passes.is_none_or(|passes| !passes(object, links))
            };
            let has_room = is_known || self.tables[kind].len() < self.kept_max[kind];
            if !has_room || !found.iter().any(is_taken) {
                continue;
            }
            let told = differences.len();
            self.tables[kind].put(hash, |old| {
                let old = old.map(Group::as_slice).unwrap_or_default();
                let fates = compare_groups(kind, is_inside, old, found.as_slice(), differences);
                keep_as_told(old, &fates, &mut found);
                merge(old, &fates, found)
            });
            if is_route(table) {
                for difference in &differences[told..] {
                    difference.old.iter().for_each(|old| self.uses.discount(hash, old));
                    difference.new.iter().for_each(|new| self.uses.count(hash, new));
                }
            }
        }
    }
}

fn is_route(table: &Kind) -> bool {
    table.is(&kinds::rtnetlink::route::ROUTE)
}

/// What became of an object that the mirror had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was not asked for.
    Outside,
    /// It is shown at that place as it was.
    Same(usize),
    /// It is shown at that place, and differs.
    Changed(usize),
    /// It is not shown.
    Gone,
}

/// What differs between the objects of one identity, and what became of each old one.
fn compare_groups(
    kind: KindIndex,
    is_inside: impl Fn(&[u8]) -> bool,
    old: &[Box<[u8]>],
    new: &[Box<[u8]>],
    differences: &mut Vec<Difference>,
) -> Vec<Fate> {
    let table = kind.table();
    let mut fates: Vec<Fate> =
        old.iter().map(|object| if is_inside(object) { Fate::Gone } else { Fate::Outside }).collect();
    let mut come: Vec<usize> = (0..new.len()).collect();
    let mut pair = |fate: fn(usize) -> Fate, are_a_pair: &dyn Fn(&[u8], &[u8]) -> bool| {
        for (object, its) in old.iter().zip(&mut fates).filter(|(_, its)| **its == Fate::Gone) {
            if let Some(place) = come.iter().position(|&place| are_a_pair(object, &new[place])) {
                *its = fate(come.remove(place));
            }
        }
    };
    let has_aged = |old: &[u8], new: &[u8]| {
        let aged = table.hooks.aged.and_then(|aged| aged(old, new));
        aged.is_some_and(|aged| same(table, old, &aged))
    };
    pair(Fate::Same, &|old, new| same(table, old, new) || has_aged(old, new));
    // Then those of the same interfaces are pairs, so that what changed is told, and not which is which.
    pair(Fate::Changed, &|old, new| table.interfaces_of(old) == table.interfaces_of(new));
    pair(Fate::Changed, &|_, _| true);
    let gone = fates.iter().zip(old).filter(|(fate, _)| **fate == Fate::Gone);
    differences.extend(gone.map(|(_, object)| Difference { kind, old: Some(object.clone()), new: None }));
    for (fate, object) in fates.iter().zip(old) {
        if let Fate::Changed(place) = *fate {
            differences.push(Difference { kind, old: Some(object.clone()), new: Some(new[place].clone()) });
        }
    }
    differences.extend(come.into_iter().map(|place| Difference { kind, old: None, new: Some(new[place].clone()) }));
    fates
}

/// What is as it was, but for counters and what goes on by itself, stays as it was told last: the next change of it is one from
/// there, and its removal shows it.
fn keep_as_told(old: &[Box<[u8]>], fates: &[Fate], shown: &mut Group) {
    for (object, fate) in old.iter().zip(fates) {
        if let Fate::Same(place) = *fate {
            shown.at_mut(place).clone_from(object);
        }
    }
}

/// The objects of one identity after a repair, in the kernel's order: those that were not asked for stay behind what they
/// were behind of.
fn merge(old: &[Box<[u8]>], fates: &[Fate], shown: Group) -> Group {
    if !fates.contains(&Fate::Outside) {
        return shown;
    }
    let mut merged: Vec<Box<[u8]>> = Vec::new();
    let mut taken = 0;
    for (object, fate) in old.iter().zip(fates) {
        match *fate {
            Fate::Outside => merged.push(object.clone()),
            Fate::Same(place) | Fate::Changed(place) => {
                let end = taken.max(place + 1);
                merged.extend_from_slice(&shown.as_slice()[taken..end]);
                taken = end;
            }
            Fate::Gone => {}
        }
    }
    merged.extend_from_slice(&shown.as_slice()[taken..]);
    Group::Many(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc;
    use crate::mirror::silence::look::Routes;
    use crate::netlink::wire::{Header, NLM_F_MULTI, append_attribute, append_message};

    fn filter(ifindex: u32, handle: u32, kind: &[u8]) -> Vec<u8> {
        let mut payload = vec![0; 4];
        [ifindex, handle, tc::INGRESS, 7].iter().for_each(|number| payload.extend_from_slice(&number.to_ne_bytes()));
        append_attribute(&mut payload, tc::TCA_KIND, kind);
        payload
    }

    #[test]
    fn rows_that_only_dumps_have_are_no_filters() {
        assert!(!tc::FILTER.is_object(&filter(3, 0, b"flower\0")));
        assert!(!tc::FILTER.is_object(&filter(3, 0x8000_0000, b"u32\0")));
        assert!(tc::FILTER.is_object(&filter(3, 0x8000_0800, b"u32\0")));
        assert!(tc::FILTER.is_object(&filter(3, 0x0010_0000, b"u32\0")));
        assert!(tc::FILTER.is_object(&filter(3, 1, b"flower\0")));
        assert!(tc::FILTER.is_object(&filter(3, 0, b"fw\0")));
        assert!(tc::QDISC.is_object(&filter(3, 0, b"flower\0")));
        assert!(!tc::CLASS.is_object(&filter(3, 0x8001_0001, b"fq_codel\0")));
        assert!(tc::CLASS.is_object(&filter(3, 0x8001_0001, b"htb\0")));
    }

    #[test]
    fn what_has_gone_on_by_itself_stays_as_it_was_told() {
        let kind = KindIndex::of(&kinds::rtnetlink::neigh::NEIGH);
        let neighbour = |state: u8| {
            let mut payload = vec![2, 0, 0, 0, 7, 0, 0, 0, state, 0, 0, 0];
            append_attribute(&mut payload, 1, &[10, 0, 0, 2]);
            payload
        };
        let (stale, delay) = (neighbour(4), neighbour(8));
        let mut mirror = Mirror::new();
        mirror.apply(kind, false, 0, &stale);
        let mut shadow = mirror.shadow();
        shadow.apply(&mirror, kind, false, 0, &delay);
        assert_eq!(mirror.repair(shadow, &[(kind, Scope::All)], &Spoken::default()).len(), 0);
        assert_eq!(mirror.objects(kind).collect::<Vec<&[u8]>>(), [&stale[..]]);
    }

    /// Found by the scene `neigh`: the kernel tells of a port with a router without its timers, and a dump shows them.
    #[test]
    fn what_does_not_count_stays_as_it_was_told() {
        let kind = KindIndex::of(&kinds::rtnetlink::mdb::MDB);
        let router = |port: u8, with_type: bool| {
            let mut payload = vec![7, 0, 0, 0, 9, 0, 0, 0];
            let mut its = vec![port, 0, 0, 0];
            if with_type {
                append_attribute(&mut its, 2, &[2]);
            }
            let mut routers = Vec::new();
            append_attribute(&mut routers, 1, &its);
            append_attribute(&mut payload, 2, &routers);
            payload
        };
        let mut mirror = Mirror::new();
        [3, 4].iter().for_each(|&port| drop(mirror.apply(kind, false, 0, &router(port, false))));
        let mut shadow = mirror.shadow();
        [4, 5].iter().for_each(|&port| shadow.apply(&mirror, kind, false, 0, &router(port, true)));
        assert_eq!(mirror.repair(shadow, &[(kind, Scope::All)], &Spoken::default()).len(), 2);
        let mut known: Vec<&[u8]> = mirror.objects(kind).collect();
        known.sort_unstable_by_key(|object| object.len());
        assert_eq!(known, [&router(4, false)[..], &router(5, true)[..]]);
    }

    #[test]
    fn a_route_that_has_left_one_interface_is_asked_for_at_the_others() {
        let kind = KindIndex::of(&kinds::rtnetlink::route::ROUTE);
        let route = |legs: &[u32]| {
            let mut payload = vec![10, 64, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
            let mut attribute = Vec::new();
            for leg in legs {
                attribute.extend_from_slice(&[8, 0, 0, 0]);
                attribute.extend_from_slice(&leg.to_ne_bytes());
            }
            match legs {
                [one] => append_attribute(&mut payload, kinds::rtnetlink::route::RTA_OIF, &one.to_ne_bytes()),
                _ => append_attribute(&mut payload, kinds::rtnetlink::route::RTA_MULTIPATH, &attribute),
            }
            payload
        };
        let mut mirror = Mirror::new();
        mirror.apply(kind, false, 0, &route(&[3, 4]));
        // The dump of what leaves through 3 shows nothing.
        let shadow = mirror.shadow();
        assert!(
            mirror
                .repair(
                    shadow,
                    &[(kind, Scope::Routes(Routes { through: vec![(10, 3)], ..Routes::default() }))],
                    &Spoken::default()
                )
                .is_empty()
        );
        assert_eq!(mirror.take_unsettled(), [(10, 3), (10, 4)]);
        let mut shadow = mirror.shadow();
        shadow.apply(&mirror, kind, false, 0, &route(&[4]));
        let differences = mirror.repair(
            shadow,
            &[(kind, Scope::Routes(Routes { through: vec![(10, 3), (10, 4)], ..Routes::default() }))],
            &Spoken::default(),
        );
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].new.as_deref(), Some(&route(&[4])[..]));
        assert!(mirror.take_unsettled().is_empty());
    }

    #[test]
    fn what_notifications_speak_of_is_left_to_them_and_its_name_is_known() {
        let kind = KindIndex::of(&kinds::rtnetlink::link::LINK);
        let link = |ifindex: u8, flags: u8| {
            let mut payload = vec![0, 0, 1, 0, ifindex, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0];
            append_attribute(&mut payload, kinds::rtnetlink::link::IFLA_IFNAME, &[b'v', b'0' + ifindex, 0]);
            payload
        };
        let mut bytes = Vec::new();
        let header = |kind| Header { kind, flags: 0, sequence: 0, port: 0 };
        append_message(&mut bytes, header(kinds::rtnetlink::link::LINK.new), &link(8, 0));
        append_message(&mut bytes, header(kinds::rtnetlink::link::LINK.delete), &link(3, 0));
        let mut mirror = Mirror::new();
        [3, 4].iter().for_each(|&ifindex| drop(mirror.apply(kind, false, 0, &link(ifindex, 0))));
        let spoken = mirror.spoken_of(crate::netlink::wire::messages(&bytes));
        let mut shadow = mirror.shadow();
        [4, 8].iter().for_each(|&ifindex| shadow.apply(&mirror, kind, false, 0, &link(ifindex, 1)));
        // Of 3, which is gone, and of 8, which has come, notifications wait.
        let scopes = [(kind, Scope::All)];
        assert_eq!(mirror.doubts(&shadow, &scopes, &spoken).len(), 2);
        let differences = mirror.repair(shadow, &scopes, &spoken);
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].new.as_deref(), Some(&link(4, 1)[..]));
        assert_eq!((crate::decode::Links::name(&mirror.links, 8), mirror.links.flags(8)), (Some(&b"v8"[..]), None));
        assert_eq!(mirror.links.flags(3), Some(0));
    }

    /// Found by `benches/flap.sh`: an interface with an address went down, its IPv6 routes were told while a look at them ran, and the next
    /// one had the kernel go through a million routes of IPv4.
    #[test]
    fn a_doubt_about_a_route_is_none_about_the_other_family() {
        let kind = KindIndex::of(&kinds::rtnetlink::route::ROUTE);
        let mut route = vec![10, 64, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        append_attribute(&mut route, kinds::rtnetlink::route::RTA_OIF, &3u32.to_ne_bytes());
        let mut bytes = Vec::new();
        let header = Header { kind: kinds::rtnetlink::route::ROUTE.delete, flags: 0, sequence: 0, port: 0 };
        append_message(&mut bytes, header, &route);
        let mut mirror = Mirror::new();
        mirror.apply(kind, false, 0, &route);
        let spoken = mirror.spoken_of(crate::netlink::wire::messages(&bytes));
        let doubts = mirror.doubts(&mirror.shadow(), &[(kind, Scope::All)], &spoken);
        assert_eq!(doubts.iter().map(|look| (look.link, look.family)).collect::<Vec<_>>(), [(Some(3), Some(10))]);
    }

    #[test]
    fn of_what_is_as_it_was_nothing_is_kept() {
        let kind = KindIndex::of(&kinds::rtnetlink::route::ROUTE);
        let route = |last: u8, leg: u32| {
            let mut payload = vec![2, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
            append_attribute(&mut payload, kinds::rtnetlink::route::RTA_DST, &[10, 0, 0, last]);
            append_attribute(&mut payload, kinds::rtnetlink::route::RTA_OIF, &leg.to_ne_bytes());
            payload
        };
        let mut mirror = Mirror::new();
        (0..9).for_each(|last| drop(mirror.apply(kind, false, 0, &route(last, 3))));
        let mut shadow = mirror.shadow();
        (0..8).for_each(|last| shadow.apply(&mirror, kind, false, NLM_F_MULTI, &route(last, 3)));
        assert_eq!((shadow.count(kind), shadow.shown(kind)), (0, 8));
        // A second one of the same destination: both count.
        shadow.apply(&mirror, kind, false, NLM_F_MULTI, &route(7, 4));
        assert_eq!((shadow.count(kind), shadow.shown(kind)), (2, 9));
        shadow.apply(&mirror, kind, true, 0, &route(6, 3));
        assert_eq!((shadow.count(kind), shadow.shown(kind)), (2, 8));
        shadow.apply(&mirror, kind, false, NLM_F_MULTI, &route(6, 3));
        let differences = mirror.repair(shadow, &[(kind, Scope::All)], &Spoken::default());
        let shown: Vec<_> =
            differences.iter().map(|difference| (difference.old.as_deref(), difference.new.as_deref())).collect();
        assert_eq!(shown, [(Some(&route(8, 3)[..]), None), (None, Some(&route(7, 4)[..]))]);
        assert_eq!(mirror.count(kind), 9);
    }

    #[test]
    fn a_shared_block_is_no_news_of_an_interface() {
        let kind = KindIndex::of(&tc::FILTER);
        let mut mirror = Mirror::new();
        for payload in [filter(3, 1, b"flower\0"), filter(u32::MAX, 1, b"flower\0")] {
            mirror.apply(kind, false, 0, &payload);
        }
        let mut shadow = mirror.shadow();
        shadow.apply(&mirror, kind, false, 0, &filter(u32::MAX, 2, b"flower\0"));
        shadow.apply(&mirror, kind, false, 0, &filter(3, 0, b"flower\0"));
        let differences = mirror.repair(shadow, &[(kind, Scope::Links(vec![3]))], &Spoken::default());
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].old.as_deref(), Some(&filter(3, 1, b"flower\0")[..]));
        assert_eq!(mirror.count(kind), 1);
    }
}
