//! Looks that wait to be taken, and what of them is worth taking.

use std::collections::BTreeMap;

use super::look::{Look, Routes, Scope};
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::route;
use crate::mirror::ask::{self, Asked};
use crate::mirror::repair::Difference;
use crate::mirror::{Mirror, silence};

/// Looks at more interfaces than this become one look at all objects of a kind.
const LINKS_MAX: usize = 8;
/// The kernel goes through so many routes, as it does for every dump of routes, in the time in which it answers for one.
const ROUTES_WALKED: usize = 200;
/// So many looks wait at most; then one at all objects stands for those of its kind.
const LOOKS_MAX: usize = 4096;

/// Looks that wait: of a kind either one at all objects, or one for each of some interfaces, and of routes for each family.
#[derive(Debug, Default)]
pub struct Looks {
    waiting: BTreeMap<At, Reason>,
}

/// A kind, an interface or all of them, and a family or all of them.
type At = (KindIndex, Option<u32>, Option<u8>);

#[derive(Clone, Copy, Debug)]
struct Reason {
    flags_alone: bool,
    may_be_new: bool,
    cause: Option<u64>,
}

impl Looks {
    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The number of the last line that led to any of them.
    pub fn cause(&self) -> Option<u64> {
        self.waiting.values().filter_map(|reason| reason.cause).max()
    }

    /// The number of the last line that led to a look which finds that.
    pub fn cause_of(&self, difference: &Difference) -> Option<u64> {
        let object = difference.new.as_deref().or(difference.old.as_deref())?;
        let links = difference.kind.table().interfaces_of(object);
        let there = |link: Option<u32>| link.is_none_or(|link| links.contains(&link));
        self.of(difference.kind).filter(|&((_, link, _), _)| there(link)).filter_map(|(_, reason)| reason.cause).max()
    }

    /// Adds one: a look at all objects stands for those at some.
    pub fn add(&mut self, look: Look) {
        if let Some(all) = self.waiting.get_mut(&(look.kind, None, None)) {
            all.cause = all.cause.max(look.cause);
            all.may_be_new |= look.may_be_new;
            return;
        }
        if look.link.is_none() || self.waiting.len() >= LOOKS_MAX {
            let cause = self.of(look.kind).filter_map(|(_, reason)| reason.cause).max().max(look.cause);
            let may_be_new = look.may_be_new || self.of(look.kind).any(|(_, reason)| reason.may_be_new);
            self.waiting.retain(|(kind, ..), _| *kind != look.kind);
            self.waiting.insert((look.kind, None, None), Reason { flags_alone: false, may_be_new, cause });
            return;
        }
        let Look { kind, link, family, flags_alone, may_be_new, cause } = look;
        let new = Reason { flags_alone, may_be_new, cause };
        let reason = self.waiting.entry((kind, link, family)).or_insert(new);
        reason.flags_alone &= new.flags_alone;
        reason.may_be_new |= new.may_be_new;
        reason.cause = reason.cause.max(new.cause);
    }

    fn of(&self, kind: KindIndex) -> impl Iterator<Item = (At, Reason)> {
        let last = (kind, Some(u32::MAX), Some(u8::MAX));
        self.waiting.range((kind, None, None)..=last).map(|(at, reason)| (*at, *reason))
    }

    /// What is worth looking at: watched kinds, and where there is anything that can have changed. Links first.
    pub fn scopes(&self, mirror: &Mirror, watched: &[KindIndex]) -> Vec<(KindIndex, Scope)> {
        watched.iter().filter_map(|&kind| self.scope(mirror, kind).map(|scope| (kind, scope))).collect()
    }

    fn scope(&self, mirror: &Mirror, kind: KindIndex) -> Option<Scope> {
        let ((_, first, _), _) = self.of(kind).next()?;
        let may_be_new = || self.of(kind).any(|(_, reason)| reason.may_be_new);
        if mirror.count(kind) == 0 && !silence::may_change_untold(&[kind], mirror) && !may_be_new() {
            return None;
        }
        if first.is_none() {
            return Some(Scope::All);
        }
        let links = self.of(kind).filter_map(|((_, link, family), reason)| Some((link?, family, reason)));
        let (count, scope) = if kind.table().is(&route::ROUTE) {
            let families = || kind.table().dumps.iter().filter_map(|dump| dump.header.first().copied());
            let mut routes = Routes::default();
            for (link, only, reason) in links {
                let wanted = families().filter(|family| only.is_none_or(|only| only == *family));
                for family in wanted.filter(|&family| mirror.routes_through(family, link) > 0) {
                    let known = if reason.flags_alone { mirror.routes_against_flags(family, link) } else { None };
                    match known {
                        Some(known) if may_be_asked(&known, family, mirror.count(kind)) => {
                            routes.asked.extend(known.into_iter().map(|hash| Asked { hash, ifindex: link }));
                        }
                        // Asked for already, of both families.
                        _ if routes.through.iter().rev().take_while(|of| of.1 == link).any(|of| of.0 == family) => {}
                        _ => routes.through.push((family, link)),
                    }
                }
            }
            (routes.through.len(), Scope::Routes(routes))
        } else {
            let links: Vec<u32> = links.map(|(link, ..)| link).collect();
            (links.len(), Scope::Links(links))
        };
        match (count, &scope) {
            (0, Scope::Routes(routes)) if !routes.asked.is_empty() => Some(scope),
            (0, _) => None,
            (1..=LINKS_MAX, _) => Some(scope),
            _ => Some(Scope::All),
        }
    }
}

/// Whether routes of which there are so many in all are better asked for one by one.
fn may_be_asked(routes: &[u64], family: u8, all: usize) -> bool {
    routes.is_empty() || (family == ask::FAMILY && all >= routes.len() * ROUTES_WALKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::kinds::rtnetlink::link;
    use crate::netlink::wire::{NLM_F_APPEND, NLM_F_CREATE, append_attribute};

    const UP_AND_RUNNING: u32 = 0x1_0041;

    fn kind() -> KindIndex {
        KindIndex::of(&route::ROUTE)
    }

    fn flags_of(link: u32) -> Look {
        Look { link: Some(link), flags_alone: true, ..Look::at(kind()) }
    }

    fn link(ifindex: u32, flags: u32) -> Vec<u8> {
        let mut payload = [[0; 4], ifindex.to_ne_bytes(), flags.to_ne_bytes(), [0; 4]].concat();
        append_attribute(&mut payload, link::IFLA_IFNAME, b"x\0");
        payload
    }

    /// Routes, each of a family, through an interface, with its flags.
    fn mirror(routes: &[(u8, u32, u8)]) -> Mirror {
        let mut mirror = Mirror::new();
        for (number, &(family, ifindex, flags)) in (0u32..).zip(routes) {
            let mut payload = vec![family, 32, 0, 0, 254, 3, 0, 1, flags, 0, 0, 0];
            append_attribute(&mut payload, route::RTA_DST, &number.to_be_bytes());
            append_attribute(&mut payload, route::RTA_OIF, &ifindex.to_ne_bytes());
            mirror.apply(kind(), false, NLM_F_CREATE | NLM_F_APPEND, &payload);
            mirror.links.note(&link(ifindex, UP_AND_RUNNING), false);
        }
        mirror
    }

    fn scope(mirror: &Mirror, looks: impl IntoIterator<Item = Look>) -> Option<Scope> {
        let mut waiting = Looks::default();
        looks.into_iter().for_each(|look| waiting.add(look));
        waiting.scopes(mirror, &[kind()]).pop().map(|(_, scope)| scope)
    }

    fn through(through: &[(u8, u32)]) -> Option<Scope> {
        Some(Scope::Routes(Routes { through: through.to_vec(), asked: Vec::new() }))
    }

    #[test]
    fn routes_of_a_family_that_has_none_there_are_not_looked_at() {
        let mirror = mirror(&[(2, 8, 0), (10, 7, 0), (10, 8, 0)]);
        let at = |link| Look { flags_alone: false, ..flags_of(link) };
        assert_eq!(scope(&mirror, [at(9)]), None);
        assert_eq!(scope(&mirror, [at(7)]), through(&[(10, 7)]));
        assert_eq!(scope(&mirror, [at(8), at(7)]), through(&[(10, 7), (2, 8), (10, 8)]));
    }

    #[test]
    fn routes_that_are_as_their_links_flags_leave_them_are_not_looked_at() {
        const LINKDOWN: u8 = 16;
        let mut mirror = mirror(&[(2, 7, 0), (2, 8, LINKDOWN)]);
        assert_eq!(scope(&mirror, [flags_of(7), flags_of(8)]), through(&[(2, 8)]));
        // Up without a carrier.
        for ifindex in [7, 8] {
            mirror.links.note(&link(ifindex, 1), false);
        }
        assert_eq!(scope(&mirror, [flags_of(7), flags_of(8)]), through(&[(2, 7)]));
        // Down, or gone: they should have left.
        for ifindex in [7, 8] {
            mirror.links.note(&link(ifindex, 0), ifindex == 8);
        }
        assert_eq!(scope(&mirror, [flags_of(7), flags_of(8)]), through(&[(2, 7), (2, 8)]));
        // Another reason is reason enough.
        mirror.links.note(&link(7, UP_AND_RUNNING), false);
        assert_eq!(scope(&mirror, [flags_of(7)]), None);
        assert!(scope(&mirror, [flags_of(7), Look { flags_alone: false, ..flags_of(7) }]).is_some());
    }

    #[test]
    fn another_reason_of_one_family_is_none_of_the_other() {
        let mirror = mirror(&[(2, 7, 0), (10, 7, 0)]);
        let of_ipv6 = Look { family: Some(10), flags_alone: false, ..flags_of(7) };
        assert_eq!(scope(&mirror, [flags_of(7), of_ipv6]), through(&[(10, 7)]));
        let of_both = Look { flags_alone: false, ..flags_of(7) };
        assert_eq!(scope(&mirror, [of_both, of_ipv6]), through(&[(2, 7), (10, 7)]));
    }

    #[test]
    fn few_routes_among_many_are_asked_for_one_by_one() {
        const LINKDOWN: u8 = 16;
        let routes = |few: usize, others: usize| -> Vec<(u8, u32, u8)> {
            let elsewhere = (0..others).map(|_| (2, 7, 0));
            (0..few).map(|_| (2, 8, LINKDOWN)).chain([(2, 8, 0), (10, 8, LINKDOWN)]).chain(elsewhere).collect()
        };
        let mirror = |few, others| mirror(&routes(few, others));
        let asked = |mirror: &Mirror, look: Look| match scope(mirror, [look]) {
            Some(Scope::Routes(Routes { through, asked })) => {
                assert!(asked.iter().all(|asked| asked.ifindex == 8));
                (through, asked.len())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(asked(&mirror(2, 2 * ROUTES_WALKED), flags_of(8)), (vec![(10, 8)], 2));
        assert_eq!(asked(&mirror(3, 2 * ROUTES_WALKED), flags_of(8)), (vec![(2, 8), (10, 8)], 0));
        let other_reason = Look { flags_alone: false, ..flags_of(8) };
        assert_eq!(asked(&mirror(2, 2 * ROUTES_WALKED), other_reason), (vec![(2, 8), (10, 8)], 0));
    }

    #[test]
    fn each_difference_has_the_cause_of_its_own_look() {
        let mut looks = Looks::default();
        for (link, line) in [(7, 10), (8, 11), (7, 9)] {
            looks.add(Look { cause: Some(line), ..flags_of(link) });
        }
        let cause = |looks: &Looks, ifindex| {
            let removed = mirror(&[(2, ifindex, 0)]).objects(kind()).next().map(Into::into);
            looks.cause_of(&Difference { kind: kind(), old: removed, new: None })
        };
        assert_eq!([7, 8, 9].map(|ifindex| cause(&looks, ifindex)), [Some(10), Some(11), None]);
        looks.add(Look { cause: Some(12), ..Look::at(kind()) });
        assert_eq!(cause(&looks, 9), Some(12));
    }

    #[test]
    fn many_looks_become_one() {
        let routes: Vec<(u8, u32, u8)> = (1..20).map(|ifindex| (2, ifindex, 0)).collect();
        let mirror = mirror(&routes);
        assert_eq!(scope(&mirror, (1..20).map(flags_of)), None);
        let at = |link| Look { flags_alone: false, ..flags_of(link) };
        assert!(matches!(scope(&mirror, (1..9).map(at)), Some(Scope::Routes(routes)) if routes.through.len() == 8));
        assert_eq!(scope(&mirror, (1..10).map(at)), Some(Scope::All));
        assert_eq!(scope(&mirror, [at(1), Look::at(kind()), at(2)]), Some(Scope::All));
        let mut looks = Looks::default();
        for link in 0..2 * LOOKS_MAX as u32 {
            looks.add(Look { cause: Some(link.into()), ..at(link) });
        }
        assert_eq!(looks.waiting.len(), 1);
        assert_eq!(looks.cause(), Some(2 * LOOKS_MAX as u64 - 1));
    }
}
