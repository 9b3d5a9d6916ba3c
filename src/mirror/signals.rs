//! The conditions of signals, each exact, on the bytes before and after.

use super::attributes_of;
use crate::decode::schema::Kind;
use crate::event::signals::Signals;
use crate::kinds::rtnetlink::link::{IFF_LOWER_UP, IFF_UP};
use crate::kinds::rtnetlink::{addr, link, neigh, route};
use crate::netlink::wire::{attribute, attribute_u32, u16_at, u32_at};

/// The signals of a change: `old` where it was known, `new` where it is there now. `message` is what the kernel sent.
pub fn of(kind: &'static Kind, old: Option<&[u8]>, new: Option<&[u8]>, message: &[u8]) -> Signals {
    let mut signals = Signals::default();
    if std::ptr::eq(kind, &link::LINK) {
        of_link(&mut signals, kind, old, new, message);
    } else if std::ptr::eq(kind, &addr::ADDR) {
        of_address(&mut signals, kind, old, new);
    } else if std::ptr::eq(kind, &route::ROUTE) {
        let either = [old, new].into_iter().flatten().any(|payload| is_default_route(kind, payload));
        signals.when(either, Signals::DEFAULT_ROUTE);
    } else if std::ptr::eq(kind, &neigh::NEIGH) {
        of_neighbour(&mut signals, kind, old, new);
    } else if std::ptr::eq(kind, &neigh::FDB)
        && let (Some(old), Some(new)) = (old, new)
    {
        let way = |payload| {
            let set = attributes_of(kind, payload);
            (u32_at(payload, 4), attribute(set, neigh::NDA_DST))
        };
        signals.when(way(old) != way(new), Signals::NEIGH_MOVED);
    }
    signals
}

fn of_link(signals: &mut Signals, kind: &Kind, old: Option<&[u8]>, new: Option<&[u8]>, message: &[u8]) {
    let flags = |payload: Option<&[u8]>| payload.and_then(|payload| u32_at(payload, 8)).unwrap_or_default();
    let (before, after) = (flags(old), flags(new));
    let (set, unset) = (after & !before, before & !after);
    signals.when(set & IFF_UP != 0, Signals::UP);
    signals.when(unset & IFF_UP != 0, Signals::DOWN);
    signals.when(set & IFF_LOWER_UP != 0, Signals::CARRIER_UP);
    signals.when(unset & IFF_LOWER_UP != 0, Signals::CARRIER_LOST);
    let master = |payload: Option<&[u8]>| {
        payload.and_then(|payload| attribute_u32(attributes_of(kind, payload), link::IFLA_MASTER)).unwrap_or_default()
    };
    let (old_master, new_master) = (master(old), master(new));
    signals.when(new_master != old_master && new_master != 0, Signals::ENSLAVED);
    signals.when(new_master != old_master && old_master != 0 && new.is_some(), Signals::RELEASED);
    if let (Some(old), Some(new)) = (old, new) {
        let (old, new) = (attributes_of(kind, old), attributes_of(kind, new));
        let differs = |number| attribute(new, number).is_some() && attribute(old, number) != attribute(new, number);
        signals.when(differs(link::IFLA_IFNAME), Signals::RENAMED);
        signals.when(differs(link::IFLA_MTU), Signals::MTU_CHANGED);
        signals.when(differs(link::IFLA_ADDRESS), Signals::ADDRESS_CHANGED);
        let promiscuous = |set| attribute_u32(set, link::IFLA_PROMISCUITY).unwrap_or_default() != 0;
        signals.when(!promiscuous(old) && promiscuous(new), Signals::PROMISC_ON);
        signals.when(promiscuous(old) && !promiscuous(new), Signals::PROMISC_OFF);
    }
    if new.is_none() {
        let set = attributes_of(kind, message);
        let moved =
            attribute(set, link::IFLA_NEW_NETNSID).is_some() || attribute(set, link::IFLA_NEW_IFINDEX).is_some();
        signals.when(moved, Signals::MOVED_NETNS);
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
    signals.when(ready(after) && !before.is_some_and(ready), Signals::ADDR_READY);
    let newly = |flag: u32| after & flag != 0 && before.unwrap_or_default() & flag == 0;
    signals.when(newly(DAD_FAILED_FLAG), Signals::DAD_FAILED);
    signals.when(newly(DEPRECATED_FLAG), Signals::DEPRECATED);
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
    signals.when(after & FAILED != 0 && before.is_none_or(|before| before & FAILED == 0), Signals::NEIGH_FAILED);
    let unreachable = before.is_none_or(|before| before & (FAILED | INCOMPLETE) != 0);
    signals.when(after & REACHABLE != 0 && unreachable, Signals::NEIGH_REACHABLE);
    if let Some(old) = old {
        let hardware = |payload| attribute(attributes_of(kind, payload), neigh::NDA_LLADDR);
        if let (Some(old), Some(new)) = (hardware(old), hardware(new)) {
            signals.when(old != new, Signals::NEIGH_MOVED);
        }
    }
}
