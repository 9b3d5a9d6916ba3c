//! The mirror against a model of the kernel: random changes, told, silent or lost, and dumps between them. What the
//! events add up to must be what the kernel holds, and no event may say what cannot be.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::foretell::Leaving;
use super::repair::{Routes, Scope};
use super::{Change, Mirror, interfaces_of};
use crate::kinds::{addr, index_of, link, route};
use crate::netlink::wire::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_MULTI, NLM_F_REPLACE, append_attribute};

/// What happens to an object of few keys and values.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// An address is set, `told` or not.
    Address { key: u8, value: u8, told: bool },
    /// An address is deleted.
    Gone { key: u8, told: bool },
    /// A route is added before or behind others of its prefix, or takes the first one's place.
    Route { prefix: u8, gateway: u8, flags: u16, told: bool },
    /// The route at that place of its prefix is deleted.
    Withdrawn { prefix: u8, place: u8, told: bool },
    /// A link goes down, or for good: that is told, and not that its routes leave with it.
    Down { link: u8, gone: bool },
    /// A notification comes twice.
    Again,
    /// The kernel is asked for everything; so many of the next acts happen during the dump: their notifications wait.
    Repair { meanwhile: u8 },
    /// The kernel is asked for the routes of one interface.
    Look { link: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    let told = || prop::bool::weighted(0.7);
    let flags = prop_oneof![
        Just(NLM_F_CREATE),
        Just(NLM_F_CREATE | NLM_F_APPEND),
        Just(NLM_F_CREATE | NLM_F_REPLACE),
        Just(NLM_F_REPLACE)
    ];
    prop_oneof![
        4 => (0u8..6, 0u8..3, told()).prop_map(|(key, value, told)| Act::Address { key, value, told }),
        2 => (0u8..6, told()).prop_map(|(key, told)| Act::Gone { key, told }),
        5 => (0u8..3, 0u8..4, flags, told()).prop_map(|(prefix, gateway, flags, told)| Act::Route {
            prefix, gateway, flags, told
        }),
        3 => (0u8..3, 0u8..3, told()).prop_map(|(prefix, place, told)| Act::Withdrawn { prefix, place, told }),
        1 => (1u8..3, prop::bool::ANY).prop_map(|(link, gone)| Act::Down { link, gone }),
        1 => Just(Act::Again),
        1 => (0u8..4).prop_map(|meanwhile| Act::Repair { meanwhile }),
        1 => (1u8..3).prop_map(|link| Act::Look { link }),
    ]
}

fn address(key: u8, value: u8) -> Vec<u8> {
    let mut payload = vec![2, 24, 0x80, 0, u8::from(key > 2) + 1, 0, 0, 0];
    append_attribute(&mut payload, addr::IFA_ADDRESS, &[10, 0, 0, key]);
    append_attribute(&mut payload, addr::IFA_LOCAL, &[10, 0, 0, key]);
    append_attribute(&mut payload, addr::IFA_FLAGS, &[0x80 | value, 0, 0, 0]);
    payload
}

/// The interface behind which a gateway is.
fn link_of(gateway: u8) -> u32 {
    u32::from(gateway % 2 + 1)
}

fn route(prefix: u8, gateway: u8) -> Vec<u8> {
    let mut payload = vec![2, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    append_attribute(&mut payload, route::RTA_TABLE, &254u32.to_ne_bytes());
    append_attribute(&mut payload, route::RTA_DST, &[10, prefix, 0, 0]);
    append_attribute(&mut payload, route::RTA_GATEWAY, &[10, 0, 0, gateway]);
    append_attribute(&mut payload, route::RTA_OIF, &link_of(gateway).to_ne_bytes());
    payload
}

/// A notification: its kind, whether it removes, its flags, its payload.
type Notification = (usize, bool, u16, Vec<u8>);

/// What the kernel holds.
#[derive(Default)]
struct Kernel {
    addresses: BTreeMap<u8, u8>,
    routes: BTreeMap<u8, Vec<u8>>,
}

impl Kernel {
    /// Changes it; the notification where the change is told.
    fn act(&mut self, act: Act) -> Option<Notification> {
        let (addr, route_kind) = (index_of(&addr::ADDR).unwrap(), index_of(&route::ROUTE).unwrap());
        let (told, notification) = match act {
            Act::Address { key, value, told } => {
                self.addresses.insert(key, value);
                (told, (addr, false, 0, address(key, value)))
            }
            Act::Gone { key, told } => {
                let value = self.addresses.remove(&key)?;
                (told, (addr, true, 0, address(key, value)))
            }
            Act::Route { prefix, gateway, flags, told } => {
                let list = self.routes.entry(prefix).or_default();
                let there = list.iter().position(|&other| other == gateway);
                if flags & NLM_F_REPLACE != 0 && !list.is_empty() {
                    // A copy of another one is refused (`fib_table_insert`).
                    if there.is_some_and(|place| place > 0) {
                        return None;
                    }
                    list[0] = gateway;
                    return Some((route_kind, false, NLM_F_REPLACE, route(prefix, gateway))).filter(|_| told);
                }
                if there.is_some() || flags & NLM_F_CREATE == 0 {
                    return None;
                }
                let behind = flags & NLM_F_APPEND != 0;
                list.insert(if behind { list.len() } else { 0 }, gateway);
                (told, (route_kind, false, flags & !NLM_F_REPLACE, route(prefix, gateway)))
            }
            Act::Withdrawn { prefix, place, told } => {
                let list = self.routes.get_mut(&prefix)?;
                if usize::from(place) >= list.len() {
                    return None;
                }
                let gateway = list.remove(place.into());
                (told, (route_kind, true, 0, route(prefix, gateway)))
            }
            Act::Down { link, gone } => {
                for list in self.routes.values_mut() {
                    list.retain(|&gateway| link_of(gateway) != u32::from(link));
                }
                (true, (index_of(&link::LINK).unwrap(), gone, 0, vec![link]))
            }
            Act::Again | Act::Repair { .. } | Act::Look { .. } => return None,
        };
        told.then_some(notification)
    }

    /// Everything, in the order of a dump.
    fn objects(&self) -> Vec<(usize, Vec<u8>)> {
        let (addr, route_kind) = (index_of(&addr::ADDR).unwrap(), index_of(&route::ROUTE).unwrap());
        let addresses = self.addresses.iter().map(|(&key, &value)| (addr, address(key, value)));
        let routes =
            self.routes.iter().flat_map(|(&prefix, list)| list.iter().map(move |&gateway| route(prefix, gateway)));
        addresses.chain(routes.map(|payload| (route_kind, payload))).collect()
    }

    fn sorted(&self) -> Vec<(usize, Vec<u8>)> {
        let mut objects = self.objects();
        objects.sort();
        objects
    }
}

/// What the events add up to.
#[derive(Default)]
struct Fold {
    objects: Vec<(usize, Vec<u8>)>,
}

impl Fold {
    fn add(&mut self, kind: usize, new: &[u8]) {
        assert!(!self.objects.contains(&(kind, new.to_vec())), "added twice: {new:?}");
        self.objects.push((kind, new.to_vec()));
    }

    fn remove(&mut self, kind: usize, old: &[u8]) {
        let place = self.objects.iter().position(|(other, object)| *other == kind && object == old);
        self.objects.remove(place.expect("what is removed or changed is there"));
    }

    fn sorted(&self) -> Vec<(usize, Vec<u8>)> {
        let mut objects = self.objects.clone();
        objects.sort();
        objects
    }
}

/// linkhook, as far as it matters here.
struct Watcher {
    mirror: Mirror,
    fold: Fold,
}

impl Watcher {
    fn take(&mut self, (kind, removes, flags, payload): &Notification) {
        if *kind == index_of(&link::LINK).unwrap() {
            let leaving = Leaving { ifindex: payload[0].into(), gone: *removes };
            let differences = self.mirror.take_leaving(leaving);
            differences.iter().for_each(|gone| self.fold.remove(gone.kind, gone.old.as_ref().unwrap()));
            return;
        }
        match self.mirror.apply(*kind, *removes, *flags, payload).1 {
            Change::Added(new) => self.fold.add(*kind, new),
            Change::Changed { old, new } => {
                self.fold.remove(*kind, &old);
                self.fold.add(*kind, new);
            }
            Change::Removed(old) => self.fold.remove(*kind, &old),
            Change::RemovedUnknown | Change::Same(_) => {}
        }
    }

    fn repair(&mut self, rows: &[(usize, Vec<u8>)]) {
        let kinds = [index_of(&addr::ADDR).unwrap(), index_of(&route::ROUTE).unwrap()];
        self.repair_within(rows, &kinds.map(|kind| (kind, Scope::All)));
    }

    /// Of the rows, those that a dump of an interface's routes shows.
    fn look(&mut self, rows: &[(usize, Vec<u8>)], link: u32) {
        let kind = index_of(&route::ROUTE).unwrap();
        let mut rows = rows.to_vec();
        rows.retain(|(other, payload)| *other == kind && interfaces_of(&route::ROUTE, payload).contains(&link));
        self.repair_within(&rows, &[(kind, Scope::Routes(Routes { through: vec![(2, link)], asked: Vec::new() }))]);
    }

    fn repair_within(&mut self, rows: &[(usize, Vec<u8>)], scopes: &[(usize, Scope)]) {
        let mut shadow = self.mirror.shadow();
        for (kind, payload) in rows {
            shadow.apply(*kind, false, NLM_F_MULTI, payload);
        }
        for difference in self.mirror.repair(shadow, scopes) {
            if let Some(old) = &difference.old {
                self.fold.remove(difference.kind, old);
            }
            if let Some(new) = &difference.new {
                self.fold.add(difference.kind, new);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_add_up_to_what_the_kernel_holds(acts in vec(act(), 0..40)) {
        let mut kernel = Kernel::default();
        let mut watcher = Watcher { mirror: Mirror::new(), fold: Fold::default() };
        let mut last = None;
        let mut waiting: Vec<Notification> = Vec::new();
        let mut dump = None;
        // Since the kernel was last asked for everything, nothing happened untold.
        let mut honest = true;
        for act in acts {
            match act {
                Act::Again => {
                    if let Some(notification) = &last {
                        watcher.take(notification);
                    }
                }
                Act::Repair { meanwhile } if dump.is_none() => {
                    dump = Some((kernel.objects(), meanwhile));
                    honest = true;
                }
                Act::Look { link } if dump.is_none() => {
                    watcher.look(&kernel.objects(), link.into());
                    // What was told before the look does not come after it.
                    last = None;
                }
                _ => {
                    let before = kernel.objects();
                    if let Some(notification) = kernel.act(act) {
                        if dump.is_some() {
                            waiting.push(notification.clone());
                        } else {
                            watcher.take(&notification);
                        }
                        // A change of one identity told again much later would be a lie, and does not come.
                        last = Some(notification);
                    } else {
                        last = None;
                        honest &= kernel.objects() == before;
                    }
                }
            }
            if let Some((rows, meanwhile)) = dump.take() {
                if meanwhile > 0 {
                    dump = Some((rows, meanwhile - 1));
                } else {
                    watcher.repair(&rows);
                    waiting.drain(..).for_each(|notification| watcher.take(&notification));
                }
            }
            if honest && dump.is_none() {
                prop_assert_eq!(watcher.fold.sorted(), kernel.sorted());
            }
            prop_assert!(watcher.mirror.uses_are_right());
        }
        watcher.repair(&kernel.objects());
        prop_assert_eq!(watcher.fold.sorted(), kernel.sorted());
        prop_assert!(watcher.mirror.uses_are_right());
        prop_assert_eq!(watcher.mirror.routes_through(2, 1) + watcher.mirror.routes_through(2, 2),
            kernel.routes.values().map(Vec::len).sum::<usize>());
    }
}
