//! What the kernel changes without a word, and which look at it finds out. See docs/truth.md.
//!
//! A message leads to looks: kinds that it may have changed, limited to an interface where the kernel can limit its
//! dump. Facts: `/docs/truth.md` lists each silent change with the kernel's function that makes it.

use std::ptr;

use super::repair::Scope;
use super::{Mirror, attributes_of};
use crate::kinds::{self, KINDS, KindIndex, addr, link, nexthop, route, rule};
use crate::netlink::wire::{Message, attribute, u32_at};

/// A look that is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// At objects of that kind.
    pub kind: KindIndex,
    /// At those.
    pub scope: Scope,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
}

/// More scopes than this of one kind become one look at all of it.
const SCOPES_MAX: usize = 8;
/// The groups that tell of what changes other kinds silently: links for everything; IPv4 addresses and nexthops for
/// routes.
const LINK_GROUP: u32 = 1;
const IPV4_ADDRESS_GROUP: u32 = 5;
const NEXTHOP_GROUP: u32 = 32;

/// The groups that the kinds need: their own, links for the names, and those that tell of silent changes.
pub fn groups(kinds: &[KindIndex]) -> Vec<u32> {
    let mut groups: Vec<u32> = kinds.iter().flat_map(|&kind| KINDS[kind].groups.iter().copied()).collect();
    groups.push(LINK_GROUP);
    if kinds.iter().any(|&kind| ptr::eq(KINDS[kind], &route::ROUTE)) {
        groups.extend([IPV4_ADDRESS_GROUP, NEXTHOP_GROUP]);
    }
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Whether a dump shows all objects of a kind, so that what it does not show is gone.
pub fn can_be_compared(kind: KindIndex) -> bool {
    let table = KINDS[kind];
    table.identity.is_some() && !table.dumps.is_empty()
}

/// What a link was before a message: its flags and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    flags: Option<u32>,
    name: Vec<u8>,
}

/// What is to be remembered of the mirror before a message is taken in.
pub fn before(mirror: &Mirror, message: &Message<'_>) -> Option<Before> {
    if !is_link(message) {
        return None;
    }
    let ifindex = u32_at(message.payload, 4)?;
    let name = crate::decode::Links::name(&mirror.links, ifindex).unwrap_or_default().to_vec();
    Some(Before { flags: mirror.links.flags(ifindex), name })
}

fn is_link(message: &Message<'_>) -> bool {
    matches!(message.header.kind, 16 | 17) && message.payload.first() == Some(&0)
}

fn index(kind: &'static crate::decode::schema::Kind) -> KindIndex {
    kinds::index_of(kind).unwrap_or_default()
}

/// The looks that a message asks for. `line` is the number of its line, where it has one.
pub fn looks(looks: &mut Vec<Look>, mirror: &Mirror, message: &Message<'_>, before: Option<Before>, line: Option<u64>) {
    let mut look = |kind: &'static crate::decode::schema::Kind, scope| {
        looks.push(Look { kind: index(kind), scope, cause: line });
    };
    let family = message.payload.first().copied().unwrap_or_default();
    match message.header.kind {
        16 | 17 if is_link(message) => {
            let (Some(before), Some(ifindex), Some(flags)) =
                (before, u32_at(message.payload, 4), u32_at(message.payload, 8))
            else {
                return;
            };
            let gone = message.header.kind == 17;
            // IFF_UP, IFF_RUNNING, IFF_LOWER_UP: routes leave, legs die and recover, nexthops leave.
            const MATTERS: u32 = 0x1_0041;
            let flags_differ = gone || before.flags.is_some_and(|old| (old ^ flags) & MATTERS != 0);
            if flags_differ {
                look(&route::ROUTE, Scope::Link(ifindex));
                look(&nexthop::NEXTHOP, Scope::All);
                look(&nexthop::NEXTHOP_BUCKET, Scope::All);
            }
            let set = attributes_of(&link::LINK, message.payload);
            let name = attribute(set, link::IFLA_IFNAME).unwrap_or_default();
            let name = name.split(|&octet| octet == 0).next().unwrap_or_default();
            let come = before.flags.is_none() && !gone;
            if gone || come || before.name != name {
                // A rule names interfaces that may be there or not.
                look(&rule::RULE, Scope::All);
            }
            if gone || come || flags_differ {
                // The other end of a pair, or whatever stands on it.
                look(&link::LINK, Scope::All);
            }
        }
        // The last IPv4 address takes routes with it.
        21 if family == 2 => {
            if let Some(ifindex) = u32_at(message.payload, 4) {
                look(&route::ROUTE, Scope::Link(ifindex));
                look(&nexthop::NEXTHOP, Scope::All);
            }
        }
        // Routes that use a nexthop object leave with it, and so do the groups that it leaves empty.
        104 | 105 => {
            look(&nexthop::NEXTHOP, Scope::All);
            look(&nexthop::NEXTHOP_BUCKET, Scope::All);
            if mirror.routes_by_nexthop() > 0 {
                look(&route::ROUTE, Scope::All);
            }
        }
        // A rule may be another one's goal.
        32 | 33 => look(&rule::RULE, Scope::All),
        _ => {}
    }
    let _ = addr::IFA_LOCAL;
}

/// Adds a look to those that wait: one at all objects stands for those at some.
pub fn gather(looks: &mut Vec<Look>, look: Look) {
    let same_kind = |other: &&mut Look| other.kind == look.kind;
    if let Some(other) =
        looks.iter_mut().filter(same_kind).find(|other| other.scope == Scope::All || other.scope == look.scope)
    {
        other.cause = other.cause.max(look.cause);
        return;
    }
    if look.scope == Scope::All || looks.iter().filter(|other| other.kind == look.kind).count() >= SCOPES_MAX {
        let cause = looks.iter().filter(|other| other.kind == look.kind).filter_map(|other| other.cause).max();
        looks.retain(|other| other.kind != look.kind);
        looks.push(Look { scope: Scope::All, cause: cause.max(look.cause), ..look });
    } else {
        looks.push(look);
    }
}

/// The looks that are worth taking: of watched kinds, and where there is anything that can have changed. Links first.
pub fn limited(mut looks: Vec<Look>, mirror: &Mirror, watched: &[KindIndex]) -> Vec<(KindIndex, Scope)> {
    looks.retain(|look| {
        watched.contains(&look.kind)
            && match look.scope {
                Scope::All => mirror.count(look.kind) > 0,
                Scope::Link(ifindex) => !ptr::eq(KINDS[look.kind], &route::ROUTE) || mirror.routes_through(ifindex) > 0,
            }
    });
    looks.sort_by_key(|look| look.kind);
    looks.into_iter().map(|look| (look.kind, look.scope)).collect()
}
