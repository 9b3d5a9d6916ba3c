//! The mirror against a model of the kernel: random changes, told, silent or lost, and dumps between them. What the
//! events add up to must be what the kernel holds, and no event may say what cannot be.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::foretell::Leaving;
use super::silence::look::{Routes, Scope};
use super::waiting::{Moment, Overtaking, Spoken};
use super::{Change, Mirror};
use crate::kinds::rtnetlink::{addr, link, route};
use crate::kinds::{KindIndex, of_message};
use crate::netlink::wire::{
    Header, Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_MULTI, NLM_F_REPLACE, append_attribute, append_message,
};

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
    /// The kernel is asked for everything, or for the routes of one interface. So many of the next acts happen before the
    /// dump's rows are made, and so many after it: their notifications wait until the dump is done.
    Dump { link: Option<u8>, unread: u8, meanwhile: u8 },
}

impl Act {
    /// The same, told.
    fn told(mut self) -> Act {
        match &mut self {
            Act::Address { told, .. } | Act::Gone { told, .. } => *told = true,
            Act::Route { told, .. } | Act::Withdrawn { told, .. } => *told = true,
            Act::Down { .. } | Act::Again | Act::Dump { .. } => {}
        }
        self
    }
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
        2 => (prop::option::of(1u8..3), 0u8..4, 0u8..4)
            .prop_map(|(link, unread, meanwhile)| Act::Dump { link, unread, meanwhile }),
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
type Notification = (KindIndex, bool, u16, Vec<u8>);

/// What the kernel holds.
#[derive(Default)]
struct Kernel {
    addresses: BTreeMap<u8, u8>,
    routes: BTreeMap<u8, Vec<u8>>,
}

impl Kernel {
    /// Changes it; the notification where the change is told.
    fn act(&mut self, act: Act) -> Option<Notification> {
        let (addr, route_kind) = (KindIndex::of(&addr::ADDR), KindIndex::of(&route::ROUTE));
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
                (true, (KindIndex::of(&link::LINK), gone, 0, vec![link]))
            }
            Act::Again | Act::Dump { .. } => return None,
        };
        told.then_some(notification)
    }

    /// Everything, in the order of a dump.
    fn objects(&self) -> Vec<(KindIndex, Vec<u8>)> {
        let (addr, route_kind) = (KindIndex::of(&addr::ADDR), KindIndex::of(&route::ROUTE));
        let addresses = self.addresses.iter().map(|(&key, &value)| (addr, address(key, value)));
        let routes =
            self.routes.iter().flat_map(|(&prefix, list)| list.iter().map(move |&gateway| route(prefix, gateway)));
        addresses.chain(routes.map(|payload| (route_kind, payload))).collect()
    }

    fn sorted(&self) -> Vec<(KindIndex, Vec<u8>)> {
        let mut objects = self.objects();
        objects.sort();
        objects
    }
}

/// An object's payload, or `None` while it was not there.
type ObjectState = Option<Vec<u8>>;

/// Every state that each object had in the kernel, in order.
#[derive(Default)]
struct History {
    states: BTreeMap<(KindIndex, Vec<u8>), Vec<ObjectState>>,
}

/// What an object is known by: an address by its key, a route by its prefix and its gateway.
fn identity(kind: KindIndex, payload: &[u8]) -> (KindIndex, Vec<u8>) {
    let length = if kind == KindIndex::of(&addr::ADDR) { payload.len() - 8 } else { payload.len() };
    (kind, payload[..length].to_vec())
}

impl History {
    /// The kernel holds this now.
    fn note(&mut self, kernel: &Kernel) {
        let now: BTreeMap<_, _> =
            kernel.objects().into_iter().map(|(kind, payload)| (identity(kind, &payload), payload)).collect();
        for identity in now.keys() {
            self.states.entry(identity.clone()).or_insert_with(|| vec![None]);
        }
        for (identity, states) in &mut self.states {
            let state = now.get(identity).cloned();
            if states.last() != Some(&state) {
                states.push(state);
            }
        }
    }
}

/// What the events add up to.
#[derive(Default)]
struct Fold {
    objects: Vec<(KindIndex, Vec<u8>)>,
    history: History,
    /// Which of its states each object was last said to have.
    told: BTreeMap<(KindIndex, Vec<u8>), usize>,
    /// Something happened to routes untold: which one of its prefix another one replaces is then a guess.
    guesses: bool,
}

impl Fold {
    fn tell(&mut self, kind: KindIndex, old: Option<&[u8]>, new: Option<&[u8]>) {
        if let Some(old) = old {
            let place = self.objects.iter().position(|(other, object)| *other == kind && object == old);
            self.objects.remove(place.expect("what is removed or changed is there"));
            if new.is_none_or(|new| identity(kind, new) != identity(kind, old)) {
                self.happened(identity(kind, old), None);
            }
        }
        if let Some(new) = new {
            assert!(!self.objects.contains(&(kind, new.to_vec())), "added twice: {new:?}");
            self.objects.push((kind, new.to_vec()));
            self.happened(identity(kind, new), Some(new));
        }
    }

    /// The object is now as the kernel has it at this moment.
    fn at_present(&mut self, kind: KindIndex, row: &[u8]) {
        let identity = identity(kind, row);
        let now = self.history.states[&identity].len() - 1;
        self.told.insert(identity, now);
    }

    /// The object was in that state after the one that was told last, or the event is a lie.
    fn happened(&mut self, identity: (KindIndex, Vec<u8>), state: Option<&[u8]>) {
        if self.guesses && identity.0 == KindIndex::of(&route::ROUTE) {
            return;
        }
        let states = self.history.states.get(&identity).expect("what is told was there at some time");
        let told = self.told.entry(identity).or_default();
        let later = states[*told..].iter().position(|other| other.as_deref() == state);
        *told += later.unwrap_or_else(|| panic!("{state:?} did not follow {:?} in {states:?}", states[*told]));
    }

    fn sorted(&self) -> Vec<(KindIndex, Vec<u8>)> {
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

/// A dump under way.
struct Dump {
    link: Option<u8>,
    unread: u8,
    meanwhile: u8,
    /// Once they are made.
    rows: Option<Vec<(KindIndex, Vec<u8>)>>,
}

impl Dump {
    /// One more thing has happened: whether its rows are made, and read.
    fn is_done(&mut self, kernel: &Kernel, honest_since_rows: &mut bool) -> bool {
        if self.unread > 0 {
            self.unread -= 1;
        } else if self.rows.is_none() {
            self.rows = Some(kernel.objects());
            *honest_since_rows = true;
        } else if self.meanwhile > 0 {
            self.meanwhile -= 1;
        } else {
            return true;
        }
        false
    }
}

fn message((kind, removes, flags, payload): &Notification) -> Vec<u8> {
    let table = kind.table();
    let mut bytes = Vec::new();
    let header = Header { kind: if *removes { table.delete } else { table.new }, flags: *flags, sequence: 0, port: 0 };
    append_message(&mut bytes, header, payload);
    bytes
}

impl Watcher {
    fn new() -> Watcher {
        Watcher { mirror: Mirror::new(), fold: Fold::default() }
    }

    fn take(&mut self, (kind, removes, flags, payload): &Notification) {
        if *kind == KindIndex::of(&link::LINK) {
            let leaving = Leaving { ifindex: payload[0].into(), gone: *removes };
            let differences = self.mirror.take_leaving(leaving);
            differences.iter().for_each(|gone| self.fold.tell(gone.kind, gone.old.as_deref(), None));
            return;
        }
        match self.mirror.apply(*kind, *removes, *flags, payload).change {
            Change::Added(new) => self.fold.tell(*kind, None, Some(new)),
            Change::Changed { old, new } => self.fold.tell(*kind, Some(&old), Some(new)),
            Change::Removed(old) => self.fold.tell(*kind, Some(&old), None),
            Change::RemovedUnknown | Change::Same(_) => {}
        }
    }

    /// A dump is done, while those notifications wait.
    fn finish(&mut self, dump: Dump, waiting: &[Notification]) {
        let route = KindIndex::of(&route::ROUTE);
        let mut rows = dump.rows.unwrap_or_default();
        let scopes = match dump.link {
            None => vec![(KindIndex::of(&addr::ADDR), Scope::All), (route, Scope::All)],
            // Of the rows, those that a dump of an interface's routes shows.
            Some(link) => {
                rows.retain(|(kind, row)| *kind == route && route::ROUTE.interfaces_of(row).contains(&link.into()));
                let through = vec![(2, link.into())];
                vec![(route, Scope::Routes(Routes { through, asked: Vec::new() }))]
            }
        };
        let waiting: Vec<Vec<u8>> = waiting.iter().map(message).collect();
        let spoken = self.mirror.spoken_of(waiting.iter().filter_map(|bytes| Message::parse(bytes)));
        self.repair_within(&rows, &scopes, &spoken);
    }

    fn repair(&mut self, rows: &[(KindIndex, Vec<u8>)]) {
        let kinds = [KindIndex::of(&addr::ADDR), KindIndex::of(&route::ROUTE)];
        self.repair_within(rows, &kinds.map(|kind| (kind, Scope::All)), &Spoken::default());
    }

    fn repair_within(&mut self, rows: &[(KindIndex, Vec<u8>)], scopes: &[(KindIndex, Scope)], spoken: &Spoken) {
        let mut shadow = self.mirror.shadow();
        for (kind, payload) in rows {
            shadow.apply(&self.mirror, *kind, false, NLM_F_MULTI, payload);
        }
        for difference in self.mirror.repair(shadow, scopes, spoken) {
            self.fold.tell(difference.kind, difference.old.as_deref(), difference.new.as_deref());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_add_up_to_what_the_kernel_holds(acts in vec(act(), 0..40), tells_all in prop::bool::ANY) {
        let mut kernel = Kernel::default();
        let mut watcher = Watcher::new();
        let mut last: Option<Notification> = None;
        let mut waiting: Vec<Notification> = Vec::new();
        let mut dump: Option<Dump> = None;
        // Since the kernel was last asked for everything, nothing happened untold.
        let mut honest = true;
        // The same since the last dump's rows were made.
        let mut honest_since_rows = true;
        for act in acts {
            let act = if tells_all { act.told() } else { act };
            match act {
                Act::Again => {
                    if let Some(notification) = &last {
                        if dump.is_some() { waiting.push(notification.clone()) } else { watcher.take(notification) }
                    }
                }
                Act::Dump { link, unread, meanwhile } if dump.is_none() => {
                    dump = Some(Dump { link, unread, meanwhile, rows: None });
                    // What was told before a dump does not come after it.
                    last = None;
                }
                _ => {
                    let before = kernel.objects();
                    let notification = kernel.act(act);
                    watcher.fold.history.note(&kernel);
                    watcher.fold.guesses |= notification.is_none() && kernel.objects() != before;
                    if let Some(notification) = notification {
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
                        honest_since_rows &= kernel.objects() == before;
                    }
                }
            }
            if let Some(mut under_way) = dump.take() {
                if under_way.is_done(&kernel, &mut honest_since_rows) {
                    // Objects that notifications speak of are not compared.
                    if under_way.link.is_none() && waiting.is_empty() {
                        honest = honest_since_rows;
                    }
                    watcher.finish(under_way, &waiting);
                    waiting.drain(..).for_each(|notification| watcher.take(&notification));
                } else {
                    dump = Some(under_way);
                }
            }
            if honest && dump.is_none() {
                prop_assert_eq!(watcher.fold.sorted(), kernel.sorted());
            }
            prop_assert!(watcher.mirror.uses_are_right() && watcher.mirror.bytes_are_right());
        }
        waiting.drain(..).for_each(|notification| watcher.take(&notification));
        watcher.repair(&kernel.objects());
        prop_assert_eq!(watcher.fold.sorted(), kernel.sorted());
        prop_assert!(watcher.mirror.uses_are_right() && watcher.mirror.bytes_are_right());
        prop_assert_eq!(watcher.mirror.routes_through(2, 1) + watcher.mirror.routes_through(2, 2),
            kernel.routes.values().map(Vec::len).sum::<usize>());
    }

    /// At the start, the rows fill the mirror. Of each kind they are made at some time, and what is told before is received
    /// before it, right after it, or later: it must not be told as if it came after the row.
    #[test]
    fn what_the_first_dump_has_overtaken_is_not_told(
        acts in vec(act(), 0..30),
        asked in (0usize..30, 0usize..30),
        unread in 0usize..4,
        meanwhile in 0usize..3,
    ) {
        let (addr, route) = (KindIndex::of(&addr::ADDR), KindIndex::of(&route::ROUTE));
        let mut kernel = Kernel::default();
        let mut watcher = Watcher::new();
        // What existed before anything was listened to.
        for act in [Act::Address { key: 0, value: 0, told: true }, Act::Address { key: 1, value: 1, told: true }] {
            kernel.act(act);
        }
        watcher.fold.history.note(&kernel);
        let acts: Vec<Act> = acts.into_iter().map(Act::told).filter(|act| !matches!(act, Act::Down { .. })).collect();
        let asked = [(addr, asked.0), (route, asked.1.max(asked.0))].map(|(kind, at)| (kind, at.min(acts.len())));
        let mut told: Vec<Vec<u8>> = Vec::new();
        let mut overtaking = Overtaking::default();
        let mut received = 0;
        let mut rows: Vec<(Vec<u8>, Moment)> = Vec::new();
        // Until when everything is read after rows were made, how many messages had been received before, and the rows.
        let mut under_way: Vec<(usize, usize, Vec<Vec<u8>>)> = Vec::new();
        for now in 0..=acts.len() + meanwhile {
            for (kind, _) in asked.iter().filter(|(_, at)| *at == now) {
                let read = told.len().saturating_sub(unread).max(received);
                let new = told[received..read].iter().filter_map(|bytes| Message::parse(bytes));
                received = overtaking.receive(&mut watcher.mirror, new);
                overtaking.ask(*kind, received);
                let mut made = Vec::new();
                for (_, row) in kernel.objects().into_iter().filter(|(other, _)| other == kind) {
                    watcher.fold.tell(*kind, None, Some(&row));
                    watcher.fold.at_present(*kind, &row);
                    made.push(message(&(*kind, false, NLM_F_MULTI, row)));
                }
                under_way.push((now + meanwhile, received, made));
            }
            if let Some(&act) = acts.get(now) {
                told.extend(kernel.act(act).iter().map(message));
                watcher.fold.history.note(&kernel);
            }
            for (_, before, made) in under_way.extract_if(.., |(until, ..)| *until == now) {
                let new = told[received..].iter().filter_map(|bytes| Message::parse(bytes));
                received = overtaking.receive(&mut watcher.mirror, new);
                let moment = Moment { before, after: received, time_microseconds: 0 };
                rows.extend(made.into_iter().map(|row| (row, moment)));
            }
        }
        for (row, moment) in &rows {
            let row = Message::parse(row).unwrap();
            overtaking.row(&mut watcher.mirror, &row, *moment);
            let (kind, _) = of_message(row.header.kind, 2).unwrap();
            watcher.mirror.apply(kind, false, NLM_F_MULTI, row.payload);
        }
        let messages = || told.iter().filter_map(|bytes| Message::parse(bytes));
        overtaking.receive(&mut watcher.mirror, messages().skip(received));
        let overtaken = overtaking.finish(&mut watcher.mirror, messages());
        // Of routes that share a prefix it may be wrong what is dropped; that is looked at.
        watcher.fold.guesses = !overtaken.looks.is_empty();
        for (place, message) in messages().enumerate() {
            if !overtaken.places.contains(&place) {
                let (kind, removes) = of_message(message.header.kind, 2).unwrap();
                watcher.take(&(kind, removes, message.header.flags, message.payload.to_vec()));
            }
        }
        if overtaken.looks.is_empty() {
            prop_assert_eq!(watcher.fold.sorted(), kernel.sorted());
        }
        watcher.repair(&kernel.objects());
        prop_assert_eq!(watcher.fold.sorted(), kernel.sorted());
    }
}
