//! Signals: what a change means, in short names, each by an exact condition on the bytes before and after.

use super::attributes_of;
use crate::decode::schema::Kind;
use crate::kinds::rtnetlink::link::{IFF_LOWER_UP, IFF_UP};
use crate::kinds::rtnetlink::{addr, link, neigh, route};
use crate::netlink::wire::{attribute, attribute_u32, u16_at, u32_at};

/// A set of signals, a bit each, by their place in [`SIGNALS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(u32);

/// Every signal: its name, the kind that has it, and when it comes.
pub static SIGNALS: &[(&str, &str, &str)] = &[
    ("up", "link", "the flag UP (IFF_UP) was not set and is now"),
    ("down", "link", "the flag UP (IFF_UP) was set and is not now, or the link was removed while it was set"),
    ("carrier_up", "link", "the flag LOWER_UP (IFF_LOWER_UP) was not set and is now"),
    (
        "carrier_lost",
        "link",
        "the flag LOWER_UP (IFF_LOWER_UP) was set and is not now, or the link was removed while it was set",
    ),
    ("renamed", "link", "its name (IFLA_IFNAME) differs"),
    ("enslaved", "link", "it has a master (IFLA_MASTER) and had none, or another"),
    ("released", "link", "it had a master (IFLA_MASTER) and has none, or another"),
    (
        "moved_netns",
        "link",
        "it was removed because it moved to another network namespace (IFLA_NEW_NETNSID or IFLA_NEW_IFINDEX), or came from another watched one",
    ),
    ("mtu_changed", "link", "its MTU (IFLA_MTU) differs"),
    ("address_changed", "link", "its link-layer address (IFLA_ADDRESS) differs"),
    ("promisc_on", "link", "its count of promiscuous users (IFLA_PROMISCUITY) was 0 and is not now"),
    ("promisc_off", "link", "its count of promiscuous users (IFLA_PROMISCUITY) was not 0 and is now"),
    (
        "addr_ready",
        "addr",
        "it is not tentative (IFA_F_TENTATIVE, or optimistic) and has not failed, and before it was, or was not there",
    ),
    ("dad_failed", "addr", "duplicate address detection has failed (IFA_F_DADFAILED) and had not before"),
    ("deprecated", "addr", "it is deprecated (IFA_F_DEPRECATED) and was not before"),
    ("default_route", "route", "a unicast default route of the main table was added, changed or removed"),
    ("neigh_failed", "neigh", "its state is FAILED (NUD_FAILED) and was not before"),
    (
        "neigh_reachable",
        "neigh",
        "its state is REACHABLE (NUD_REACHABLE), and before it was FAILED or INCOMPLETE, or was not there",
    ),
    ("neigh_moved", "neigh, fdb", "its link-layer address differs (neigh), or its interface or remote (fdb)"),
];

macro_rules! signals {
    ($($place:literal $name:ident),*) => { $( const $name: Signals = Signals(1 << $place); )* };
}
signals!(
    0 UP, 1 DOWN, 2 CARRIER_UP, 3 CARRIER_LOST, 4 RENAMED, 5 ENSLAVED, 6 RELEASED, 7 MOVED, 8 MTU, 9 ADDRESS,
    10 PROMISC_ON, 11 PROMISC_OFF, 12 ADDR_READY, 13 DAD_FAILED, 14 DEPRECATED, 15 DEFAULT_ROUTE, 16 NEIGH_FAILED,
    17 NEIGH_REACHABLE, 18 NEIGH_MOVED
);

impl Signals {
    /// None.
    pub const NONE: Signals = Signals(0);
    /// The link came from another namespace, or went there.
    pub const MOVED_NETNS: Signals = MOVED;

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any signal is in both.
    pub fn meets(self, other: Signals) -> bool {
        self.0 & other.0 != 0
    }

    /// The signal of that name.
    pub fn by_name(name: &str) -> Option<Signals> {
        SIGNALS.iter().position(|(known, ..)| *known == name).map(|place| Signals(1 << place))
    }

    /// The names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        SIGNALS.iter().enumerate().filter(move |(place, _)| self.0 & (1 << place) != 0).map(|(_, (name, ..))| *name)
    }

    /// Both sets together.
    pub fn with(self, other: Signals) -> Signals {
        Signals(self.0 | other.0)
    }

    fn when(&mut self, holds: bool, signal: Signals) {
        if holds {
            self.0 |= signal.0;
        }
    }
}

/// The signals of a change: `old` where it was known, `new` where it is there now. `message` is what the kernel sent.
pub fn of(kind: &'static Kind, old: Option<&[u8]>, new: Option<&[u8]>, message: &[u8]) -> Signals {
    let mut signals = Signals::default();
    if std::ptr::eq(kind, &link::LINK) {
        of_link(&mut signals, kind, old, new, message);
    } else if std::ptr::eq(kind, &addr::ADDR) {
        of_address(&mut signals, kind, old, new);
    } else if std::ptr::eq(kind, &route::ROUTE) {
        let either = [old, new].into_iter().flatten().any(|payload| is_default_route(kind, payload));
        signals.when(either, DEFAULT_ROUTE);
    } else if std::ptr::eq(kind, &neigh::NEIGH) {
        of_neighbour(&mut signals, kind, old, new);
    } else if std::ptr::eq(kind, &neigh::FDB)
        && let (Some(old), Some(new)) = (old, new)
    {
        let way = |payload| {
            let set = attributes_of(kind, payload);
            (u32_at(payload, 4), attribute(set, neigh::NDA_DST))
        };
        signals.when(way(old) != way(new), NEIGH_MOVED);
    }
    signals
}

fn of_link(signals: &mut Signals, kind: &Kind, old: Option<&[u8]>, new: Option<&[u8]>, message: &[u8]) {
    let flags = |payload: Option<&[u8]>| payload.and_then(|payload| u32_at(payload, 8)).unwrap_or_default();
    let (before, after) = (flags(old), flags(new));
    let (set, unset) = (after & !before, before & !after);
    signals.when(set & IFF_UP != 0, UP);
    signals.when(unset & IFF_UP != 0, DOWN);
    signals.when(set & IFF_LOWER_UP != 0, CARRIER_UP);
    signals.when(unset & IFF_LOWER_UP != 0, CARRIER_LOST);
    let master = |payload: Option<&[u8]>| {
        payload.and_then(|payload| attribute_u32(attributes_of(kind, payload), link::IFLA_MASTER)).unwrap_or_default()
    };
    let (old_master, new_master) = (master(old), master(new));
    signals.when(new_master != old_master && new_master != 0, ENSLAVED);
    signals.when(new_master != old_master && old_master != 0 && new.is_some(), RELEASED);
    if let (Some(old), Some(new)) = (old, new) {
        let (old, new) = (attributes_of(kind, old), attributes_of(kind, new));
        let differs = |number| attribute(new, number).is_some() && attribute(old, number) != attribute(new, number);
        signals.when(differs(link::IFLA_IFNAME), RENAMED);
        signals.when(differs(link::IFLA_MTU), MTU);
        signals.when(differs(link::IFLA_ADDRESS), ADDRESS);
        let promiscuous = |set| attribute_u32(set, link::IFLA_PROMISCUITY).unwrap_or_default() != 0;
        signals.when(!promiscuous(old) && promiscuous(new), PROMISC_ON);
        signals.when(promiscuous(old) && !promiscuous(new), PROMISC_OFF);
    }
    if new.is_none() {
        let set = attributes_of(kind, message);
        let moved =
            attribute(set, link::IFLA_NEW_NETNSID).is_some() || attribute(set, link::IFLA_NEW_IFINDEX).is_some();
        signals.when(moved, MOVED);
    }
}

fn of_address(signals: &mut Signals, kind: &Kind, old: Option<&[u8]>, new: Option<&[u8]>) {
    const TENTATIVE: u32 = 0x40;
    const OPTIMISTIC: u32 = 0x04;
    const DAD_FAILED_FLAG: u32 = 0x08;
    const DEPRECATED_FLAG: u32 = 0x20;
    let flags = |payload: &[u8]| {
        let header = payload.get(2).copied().unwrap_or_default().into();
        attribute_u32(attributes_of(kind, payload), addr::IFA_FLAGS).unwrap_or(header)
    };
    let ready =
        |flags: u32| flags & (TENTATIVE | DAD_FAILED_FLAG) == 0 || flags & (OPTIMISTIC | DAD_FAILED_FLAG) == OPTIMISTIC;
    let Some(after) = new.map(flags) else { return };
    let before = old.map(flags);
    signals.when(ready(after) && !before.is_some_and(ready), ADDR_READY);
    let newly = |flag: u32| after & flag != 0 && before.unwrap_or_default() & flag == 0;
    signals.when(newly(DAD_FAILED_FLAG), DAD_FAILED);
    signals.when(newly(DEPRECATED_FLAG), DEPRECATED);
}

fn is_default_route(kind: &Kind, payload: &[u8]) -> bool {
    const RTN_UNICAST: u8 = 1;
    const RT_TABLE_MAIN: u32 = 254;
    let ip = matches!(payload.first(), Some(2 | 10));
    ip && payload.get(1) == Some(&0)
        && payload.get(7) == Some(&RTN_UNICAST)
        && attribute_u32(attributes_of(kind, payload), route::RTA_TABLE)
            .unwrap_or_else(|| payload.get(4).copied().unwrap_or_default().into())
            == RT_TABLE_MAIN
}

fn of_neighbour(signals: &mut Signals, kind: &Kind, old: Option<&[u8]>, new: Option<&[u8]>) {
    const INCOMPLETE: u16 = 0x01;
    const REACHABLE: u16 = 0x02;
    const FAILED: u16 = 0x20;
    let Some(new) = new else { return };
    let state = |payload: &[u8]| u16_at(payload, 8).unwrap_or_default();
    let (before, after) = (old.map(state), state(new));
    signals.when(after & FAILED != 0 && before.is_none_or(|before| before & FAILED == 0), NEIGH_FAILED);
    let unreachable = before.is_none_or(|before| before & (FAILED | INCOMPLETE) != 0);
    signals.when(after & REACHABLE != 0 && unreachable, NEIGH_REACHABLE);
    if let Some(old) = old {
        let hardware = |payload| attribute(attributes_of(kind, payload), neigh::NDA_LLADDR);
        if let (Some(old), Some(new)) = (hardware(old), hardware(new)) {
            signals.when(old != new, NEIGH_MOVED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_constant_is_the_place_of_its_name() {
        for (signal, name) in [
            (UP, "up"),
            (CARRIER_LOST, "carrier_lost"),
            (MOVED, "moved_netns"),
            (NEIGH_MOVED, "neigh_moved"),
            (DEFAULT_ROUTE, "default_route"),
        ] {
            assert_eq!(Signals::by_name(name), Some(signal), "{name}");
        }
        assert!(SIGNALS.len() <= 32);
    }
}
