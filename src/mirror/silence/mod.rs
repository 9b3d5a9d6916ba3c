//! What the kernel changes without a word, and which look at it finds out: a row each, in [`SILENT`].
//!
//! A message leads to looks at kinds of objects that it may have changed, limited to an interface where the kernel can
//! limit its dump. The table in `docs/truth.md` is made from the rows. What needs no look, since it is certain, stands in
//! `foretell.rs`; what a look itself leaves in doubt, in [`Mirror::take_unsettled`].

pub mod look;
pub mod looks;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use self::look::Look;
pub use self::rows::SILENT;
use super::repair::Difference;
use super::{LinkBefore, Mirror, is_link, same};
use crate::decode::schema::{Kind, Untold};
use crate::event::Action;
use crate::kinds::protocol::Protocol;
use crate::kinds::rtnetlink::numbers::AF_INET6;
use crate::kinds::rtnetlink::{self, link, netconf, nexthop, route, tc};
use crate::kinds::{self, KindIndex, PerKind};
use crate::netlink::socket::NETLINK_ROUTE;
use crate::netlink::wire::{Attribute, Message, append_attribute, attribute, attributes, u32_at};

/// A change that the kernel makes without telling.
#[derive(Clone, Copy)]
pub struct Silent {
    /// What changes, in words.
    pub what: &'static str,
    /// The kernel's functions that make the change, or that would have to tell it.
    pub kernel: &'static [&'static str],
    /// How it is found.
    pub found: FoundBy,
}

/// How a silent change is found.
#[derive(Clone, Copy)]
pub enum FoundBy {
    /// By looks.
    Look {
        /// After an event of that kind,
        after: &'static Kind,
        /// if that holds,
        when: When,
        /// at objects of these kinds,
        look: &'static [&'static Kind],
        /// of all interfaces or of the event's.
        at: At,
        /// The groups (`RTNLGRP_*`) to listen to where these kinds are watched, and that kind may not be.
        joins: &'static [u32],
    },
    /// Otherwise: by what, and after which event, in words.
    Otherwise(&'static str, &'static str),
}

/// When an event leads to a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// The kernel has told it, and not a look.
    KernelTells,
    /// The object is gone.
    Gone,
    /// Of a link: it came or is gone, or a flag differs with which routes leave, legs die and recover, nexthops leave.
    FlagsDiffer,
    /// The same, or the kernel has told it for whatever other reason. A link's flags may be told before its routes and
    /// nexthops follow them: these do whenever anything of it is told again (`NETDEV_CHANGE`, of which `linkwatch_do_dev`
    /// and `netdev_state_change` tell).
    FlagsDifferOrKernelTells,
    /// Of a link: it came, is gone, or has another name.
    ComesGoesOrIsRenamed,
    /// Of a link: it has another master than before.
    HasOtherMaster,
    /// Of a link: it is a bridge or a bridge's port. A bridge's timer differs in every look: what a look has found of it
    /// counts only where its flags differ.
    IsOfBridge,
    /// Of a link: it is a bridge, and the kernel has told it.
    IsBridge,
    /// Of an address: it is one of IPv4.
    IsIpv4,
    /// Of an address: it is one of IPv4, and is there.
    Ipv4Comes,
    /// Of an address: it is one of IPv4, and is gone.
    Ipv4Goes,
    /// Any route uses a nexthop object.
    RoutesUseNexthops,
    /// Of a nexthop object: it is a resilient group.
    IsResilientGroup,
    /// Of a route: a router advertisement made it.
    IsFromRouter,
    /// Of an interface's settings: a multicast routing daemon has taken it or given it up.
    HasMulticastForwarding,
    /// Of an interface's settings: whether routes without carrier are ignored was set.
    SetsLinkdown,
    /// The kernel here tells nothing of the kind that is looked at.
    Unheard,
    /// Of a filter: it is told before it has its handle.
    HasNoHandle,
    /// Of a filter: it is one of `fw`, and is there.
    IsFw,
    /// Of a filter: it has no handle and is gone, and so is all of its priority (`tfilter_notify_chain`).
    PriorityGone,
}

/// At which objects of a kind a look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At all.
    All,
    /// At all, even if none is known: one may come.
    AllAndNew,
    /// At those of the event's interface.
    ItsLink,
    /// The same, even if none is known: one may come.
    ItsLinkAndNew,
    /// At those of IPv6 of the event's interface.
    ItsLinkOfIpv6,
    /// At those of the event's interface, if any of them is not as the interface's flags leave it.
    ItsLinkByFlags,
}

/// What has happened to an object, from which silent changes may follow.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Its kind.
    pub kind: KindIndex,
    /// Whether it is gone.
    pub gone: bool,
    /// What is said of it.
    pub payload: &'a [u8],
    /// If it is a link: what it was.
    pub link: Option<LinkBefore>,
    /// Whose word it is.
    pub word: ToldBy,
}

/// Whose word of an object it is.
#[derive(Clone, Copy, Debug)]
pub enum ToldBy {
    /// The kernel's, and the number of its line, where it has one.
    Kernel(Option<u64>),
    /// A look's, which has seen all others of its kind, too, and the number of the line that led to it.
    Look(Option<u64>),
}

impl Occasion<'_> {
    fn is_told_by_kernel(&self) -> bool {
        matches!(self.word, ToldBy::Kernel(_))
    }

    /// Whether a link's flags differ in what matters to routes and nexthops.
    fn flags_differ(&self) -> bool {
        const MATTERS: u32 = link::IFF_UP | link::IFF_RUNNING | link::IFF_LOWER_UP;
        let flags = u32_at(self.payload, 8).unwrap_or_default();
        self.gone || self.flags_before().is_none_or(|old| (old ^ flags) & MATTERS != 0)
    }

    fn flags_before(&self) -> Option<u32> {
        self.link.and_then(|link| link.flags)
    }

    fn is_ipv4(&self) -> bool {
        self.payload.first() == Some(&2)
    }
}

impl When {
    /// Whether it holds.
    fn holds(self, occasion: &Occasion<'_>, mirror: &Mirror, look: KindIndex) -> bool {
        let &Occasion { kind, gone, payload, link, .. } = occasion;
        match self {
            When::Always => true,
            When::KernelTells => occasion.is_told_by_kernel(),
            When::Gone => gone,
            When::FlagsDiffer => occasion.flags_differ(),
            When::FlagsDifferOrKernelTells => occasion.is_told_by_kernel() || occasion.flags_differ(),
            When::ComesGoesOrIsRenamed => {
                gone || occasion.flags_before().is_none() || link.is_some_and(|link| link.is_renamed)
            }
            When::HasOtherMaster => link.is_some_and(|link| link.has_other_master),
            When::IsOfBridge => {
                link::is_of_bridge(payload) && (occasion.is_told_by_kernel() || occasion.flags_differ())
            }
            When::IsBridge => link::is_bridge(payload) && occasion.is_told_by_kernel(),
            When::IsIpv4 => occasion.is_ipv4(),
            When::Ipv4Comes => occasion.is_ipv4() && !gone,
            When::Ipv4Goes => occasion.is_ipv4() && gone,
            When::RoutesUseNexthops => mirror.routes_by_nexthop() > 0,
            When::IsResilientGroup => {
                attribute(kind.table().attributes(payload), nexthop::NHA_RES_GROUP).is_some() && !gone
            }
            When::IsFromRouter => payload.get(route::PROTOCOL_AT) == Some(&route::RTPROT_RA) && !gone,
            When::HasMulticastForwarding => {
                attribute(kind.table().attributes(payload), netconf::NETCONFA_MC_FORWARDING).is_some()
            }
            When::SetsLinkdown => netconf::sets_linkdown(payload),
            When::Unheard => mirror.unheard.contains(&look),
            When::HasNoHandle => !gone && tc::is_without_handle(payload),
            When::IsFw => !gone && tc::is_fw(payload) && occasion.is_told_by_kernel(),
            When::PriorityGone => gone && tc::is_without_handle(payload),
        }
    }

    /// What the event is, in words behind its kind.
    pub fn words(self) -> &'static str {
        match self {
            When::Always => "",
            When::KernelTells => " that the kernel tells",
            When::Gone => " that goes",
            When::FlagsDiffer => " that comes, goes or changes its flags",
            When::FlagsDifferOrKernelTells => " that comes, goes, changes its flags or is told once more",
            When::ComesGoesOrIsRenamed => " that comes, goes or is renamed",
            When::HasOtherMaster => " that has another master",
            When::IsOfBridge => " that is a bridge or its port",
            When::IsBridge => " that is a bridge and that the kernel tells",
            When::IsIpv4 => " of IPv4",
            When::Ipv4Comes => " of IPv4 that comes",
            When::Ipv4Goes => " of IPv4 that goes",
            When::RoutesUseNexthops => ", while any route uses one",
            When::IsResilientGroup => " that is a resilient group",
            When::IsFromRouter => " that a router advertisement made",
            When::HasMulticastForwarding => " with `mc_forwarding`",
            When::SetsLinkdown => " that sets `ignore_routes_with_linkdown`",
            When::Unheard => ", where the kernel does not tell of these",
            When::HasNoHandle => " that is told without its handle",
            When::IsFw => " of `fw`",
            When::PriorityGone => " that goes with all of its priority",
        }
    }
}

impl At {
    /// At which objects, in words behind their kind.
    pub fn words(self) -> &'static str {
        match self {
            At::All | At::AllAndNew => "",
            At::ItsLink | At::ItsLinkAndNew => " of the link",
            At::ItsLinkOfIpv6 => " of IPv6 and the link",
            At::ItsLinkByFlags => " of the link, where any is not as its flags leave it",
        }
    }
}

/// A look that a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cue {
    when: When,
    look: KindIndex,
    at: At,
}

/// By the kind of the event: the looks that the rows ask for after it, each once.
static CUES: LazyLock<PerKind<Vec<Cue>>> = LazyLock::new(|| {
    let mut cues: PerKind<Vec<Cue>> = PerKind::default();
    for (after, when, look, at, _) in looked_for() {
        let cues = &mut cues[KindIndex::of(after)];
        let cue = Cue { when, look: KindIndex::of(look), at };
        if !cues.contains(&cue) {
            cues.push(cue);
        }
    }
    cues
});

/// The rows that are found by looks, one for each kind that is looked at: after which kind, when, at which kind, where, and
/// the groups to listen to.
fn looked_for() -> impl Iterator<Item = (&'static Kind, When, &'static Kind, At, &'static [u32])> {
    SILENT.iter().flat_map(|row| match row.found {
        FoundBy::Look { after, when, look, at, joins } => {
            look.iter().map(|&look| (after, when, look, at, joins)).collect()
        }
        FoundBy::Otherwise(..) => Vec::new(),
    })
}

/// `RTNLGRP_LINK`: links tell of silent changes of everything, and have the names.
const LINK_GROUP: u32 = 1;

/// The groups that these kinds of a protocol need: their own, those of the wanted actions alone where a kind has one for each, and of
/// all actions where none is named; of rtnetlink links for the names, too, and those that tell of silent changes.
pub fn groups(protocol: &Protocol, kinds: &[KindIndex], actions: &[Action]) -> Vec<u32> {
    let of = |kind: &KindIndex| match kind.table().hooks.group_of {
        Some(group_of) if !actions.is_empty() => actions.iter().filter_map(|&action| group_of(action)).collect(),
        _ => kind.table().groups.to_vec(),
    };
    let mut groups: Vec<u32> = kinds.iter().flat_map(of).collect();
    if protocol.number == NETLINK_ROUTE {
        groups.push(LINK_GROUP);
    }
    let is_watched = |look| kinds.contains(&KindIndex::of(look));
    groups.extend(looked_for().filter(|&(_, _, look, _, _)| is_watched(look)).flat_map(|(_, _, _, _, joins)| joins));
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// The protocols to listen to for some kinds, and those of these kinds that each has: theirs, and rtnetlink where links lead to looks
/// at them.
pub fn followed(kinds: &[KindIndex]) -> Vec<(&'static Protocol, Vec<KindIndex>)> {
    let mut followed = kinds::by_protocol(kinds);
    let follows_links = |after: &Kind, look| after.is(&link::LINK) && kinds.contains(&KindIndex::of(look));
    let is_first = |of: &(&Protocol, _)| of.0.number == NETLINK_ROUTE;
    if !followed.first().is_some_and(is_first) && looked_for().any(|(after, _, look, _, _)| follows_links(after, look))
    {
        followed.insert(0, (&rtnetlink::PROTOCOL, Vec::new()));
    }
    followed
}

/// Whether a dump shows all objects of a kind, so that what it does not show is gone.
pub fn can_be_compared(kind: KindIndex) -> bool {
    let table = kind.table();
    table.identity.is_some() && !table.dumps.is_empty()
}

/// Those of some kinds of which a kernel tells nothing that has these groups: it has none for them, or came before they did.
/// They can only be looked at. A kind whose groups are as old as its messages is not among them: without them there is nothing
/// to be seen of it.
pub fn unheard(kinds: &[KindIndex], groups: &[u32]) -> Vec<KindIndex> {
    let is_unheard = |table: &Kind| {
        let is_missing = table.groups.iter().any(|group| !groups.contains(group));
        let kind = KindIndex::of(table);
        can_be_compared(kind)
            && !kind.protocol().has_named_groups
            && (table.groups.is_empty() || (table.hooks.older_than_groups && is_missing))
    };
    kinds.iter().copied().filter(|kind| is_unheard(kind.table())).collect()
}

/// Whether a look at a kind can be due to something near it that is told, and not only to quiet after whatever it was.
pub fn has_something_near(kind: KindIndex) -> bool {
    CUES.iter().flatten().any(|cue| cue.look == kind)
}

/// Whether any of some kinds can change with nothing near it that is told.
pub fn may_change_untold(kinds: &[KindIndex], mirror: &Mirror) -> bool {
    kinds.iter().any(|kind| {
        let hooks = &kind.table().hooks;
        mirror.unheard.contains(kind) || !matches!(hooks.untold, Untold::Nothing) || has_untold_attributes(kind.table())
    })
}

/// Whether a difference is one that comes with nothing near it that is told.
pub fn is_untold(difference: &Difference, mirror: &Mirror) -> bool {
    let &Difference { kind, ref old, ref new } = difference;
    let table = kind.table();
    mirror.unheard.contains(&kind)
        || new.as_deref().or(old.as_deref()).is_some_and(|payload| table.changes_untold(payload))
        || matches!((old, new), (Some(old), Some(new))
            if has_untold_attributes(table) && same(table, &told(old, table), &told(new, table)))
}

/// Whether some attributes of a kind's objects change untold, and others do not.
fn has_untold_attributes(table: &Kind) -> bool {
    !table.hooks.untold_attributes.is_empty() || !table.hooks.untold_inside.is_empty()
}

/// An object without the attributes that change untold.
fn told(payload: &[u8], table: &Kind) -> Vec<u8> {
    let mut rest = payload.get(..table.header.attributes_at(payload)).unwrap_or(payload).to_vec();
    for Attribute { number, payload } in attributes(table.attributes(payload)) {
        if table.hooks.untold_attributes.contains(&number) {
            continue;
        }
        match table.hooks.untold_inside.iter().find(|(nest, _)| *nest == number) {
            Some((_, left_out)) => {
                let mut inside = Vec::with_capacity(payload.len());
                for inner in attributes(payload).filter(|inner| !left_out.contains(&inner.number)) {
                    append_attribute(&mut inside, inner.number, inner.payload);
                }
                append_attribute(&mut rest, number, &inside);
            }
            None => append_attribute(&mut rest, number, payload),
        }
    }
    rest
}

/// Those of some kinds that change with nothing near it that is told: they are looked at once it is quiet after a change.
/// Kinds of which some objects do are, while there is such an object.
pub fn untold(kinds: &[KindIndex], mirror: &Mirror) -> Vec<KindIndex> {
    let is_untold = |kind: KindIndex| match kind.table().hooks.untold {
        _ if mirror.unheard.contains(&kind) => true,
        _ if has_untold_attributes(kind.table()) => mirror.count(kind) > 0,
        Untold::Nothing => false,
        Untold::Of(changes) => mirror.objects(kind).any(changes),
        Untold::Everything => true,
    };
    kinds.iter().copied().filter(|&kind| is_untold(kind)).collect()
}

/// The looks that something asks for which has happened to an object. Routes come in great numbers: what their rows ask of them
/// is an octet.
pub fn looks(looks: &mut Vec<Look>, mirror: &Mirror, occasion: &Occasion<'_>) {
    let (ToldBy::Kernel(cause) | ToldBy::Look(cause)) = occasion.word;
    let cues = &CUES[occasion.kind];
    let table = occasion.kind.table();
    // A link's message that is too short says nothing.
    if cues.is_empty() || (table.is(&link::LINK) && (occasion.link.is_none() || u32_at(occasion.payload, 8).is_none()))
    {
        return;
    }
    for cue in cues.iter().filter(|cue| cue.when.holds(occasion, mirror, cue.look)) {
        let interface = table.interface_of(occasion.payload);
        let look = Look { cause, may_be_new: false, ..Look::at(cue.look) };
        looks.push(match cue.at {
            At::All => look,
            At::AllAndNew => Look { may_be_new: true, ..look },
            At::ItsLink => Look { link: interface, ..look },
            At::ItsLinkAndNew => Look { link: interface, may_be_new: true, ..look },
            At::ItsLinkOfIpv6 => Look { link: interface, family: Some(AF_INET6), ..look },
            At::ItsLinkByFlags => Look { link: interface, flags_alone: true, ..look },
        });
    }
}

/// The looks that a message asks for which is not taken in, since a dump has shown what came of it.
pub fn looks_of_dropped(looks: &mut Vec<Look>, mirror: &Mirror, message: &Message<'_>) {
    let family = message.payload.first().copied().unwrap_or_default();
    let Some((kind, gone)) = kinds::of_message(message.header.kind, family) else { return };
    let link = is_link(message).then(|| mirror.links.before(message.payload)).flatten();
    self::looks(looks, mirror, &Occasion { kind, gone, payload: message.payload, link, word: ToldBy::Kernel(None) });
}

/// The looks that a difference asks for, which another look has found. `cause` is the number of the line that led to
/// that.
pub fn looks_of_difference(looks: &mut Vec<Look>, mirror: &Mirror, difference: &Difference, cause: Option<u64>) {
    let &Difference { kind, ref old, ref new } = difference;
    let Some(payload) = new.as_deref().or(old.as_deref()) else { return };
    let link = kind.table().is(&link::LINK).then(|| LinkBefore::of(old.as_deref(), payload));
    self::looks(looks, mirror, &Occasion { kind, gone: new.is_none(), payload, link, word: ToldBy::Look(cause) });
}
