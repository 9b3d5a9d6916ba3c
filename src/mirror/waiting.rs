//! Notifications that wait to be told while a dump shows what came of them: a dump never overtakes the queue.
//!
//! What a dump shows is newer than the notifications that wait. Were both told, the first one would be undone by the second
//! ones and then done again: an `up` and a `down` that never happened. So where the mirror is held against a dump, the
//! objects that notifications speak of are left to them ([`Mirror::spoken_of`]); and where a dump fills the mirror, the
//! notifications that it has overtaken are dropped ([`Overtaking`]).

use std::collections::{HashMap, HashSet};

use super::object_table::Group;
use super::repair::Shadow;
use super::silence::look::{Look, Scope, route_family};
use super::{Mirror, same};
use crate::kinds::rtnetlink::route;
use crate::kinds::{KindIndex, split};
use crate::netlink::wire::Message;

type Hasher = foldhash::fast::RandomState;

/// Objects that notifications speak of: of each its kind and the hash of its identity.
#[derive(Debug, Default)]
pub struct Spoken {
    objects: HashSet<(KindIndex, u64), Hasher>,
}

impl Spoken {
    pub(super) fn contains(&self, kind: KindIndex, hash: u64) -> bool {
        self.objects.contains(&(kind, hash))
    }
}

/// What the first dumps have overtaken.
#[derive(Debug, Default)]
pub struct Overtaken {
    /// The places of the messages to drop among those that wait, growing.
    pub places: Vec<usize>,
    /// What is to be looked at: objects of which it is not certain that what is dropped is older than the row.
    pub looks: Vec<Look>,
}

/// The moment at which rows were made: the kernel makes them while it is asked for a dump, or for the next part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// So many messages had been received before: they are older than the rows.
    pub before: usize,
    /// So many had been received once everything was read after it: what comes later is newer.
    pub after: usize,
    /// When it began, in microseconds since 1970.
    pub time_microseconds: i64,
}

/// Sets the rows of the first dumps against the notifications that come meanwhile, which are told after them.
#[derive(Debug, Default)]
pub struct Overtaking {
    /// So many messages were received so far.
    received: usize,
    /// The places of the messages that speak of an object.
    places: HashMap<(KindIndex, u64), Vec<usize>, Hasher>,
    /// Objects that rows show: the messages before that place are dropped.
    cuts: HashMap<(KindIndex, u64), usize, Hasher>,
    /// How many messages had been received when a kind was first asked for.
    asked: HashMap<KindIndex, usize>,
    looks: Vec<Look>,
}

impl Overtaking {
    /// Takes in the messages that were received since the last time, and gives back how many there are.
    pub fn receive<'m>(&mut self, mirror: &mut Mirror, messages: impl Iterator<Item = Message<'m>>) -> usize {
        for message in messages {
            split::objects(&message, |kind, _, payload| {
                if !mirror.keeps_any(kind) {
                    return;
                }
                let places = self.places.entry((kind, mirror.identity_hash(kind, payload))).or_default();
                places.push(self.received);
            });
            self.received += 1;
        }
        self.received
    }

    /// A kind is asked for, after so many messages.
    pub fn ask(&mut self, kind: KindIndex, received: usize) {
        self.asked.entry(kind).or_insert(received);
    }

    /// Takes in a row.
    pub fn row(&mut self, mirror: &mut Mirror, row: &Message<'_>, moment: Moment) {
        if self.places.is_empty() {
            return;
        }
        split::objects(row, |kind, _, payload| {
            let object = (kind, mirror.identity_hash(kind, payload));
            let Some(places) = self.places.get(&object).filter(|places| places[0] < moment.after) else { return };
            self.cuts.insert(object, moment.after);
            if places.iter().any(|place| (moment.before..moment.after).contains(place)) {
                add_looks(&mut self.looks, kind, [payload].into_iter());
            }
        });
    }

    /// The dumps are done, and these messages wait.
    ///
    /// Of an object without a row, what was received before its kind was asked for is older than that, too. If the last
    /// one of these says that it is gone, that is told: it may have been known before.
    pub fn finish<'m>(self, mirror: &mut Mirror, messages: impl Iterator<Item = Message<'m>>) -> Overtaken {
        let mut overtaken = Overtaken { places: Vec::new(), looks: self.looks };
        for (place, message) in messages.enumerate() {
            let (mut objects, mut dropped) = (0, 0);
            split::objects(&message, |kind, removes, payload| {
                // Each of its messages is told.
                if !mirror.keeps_any(kind) {
                    return;
                }
                let object = (kind, mirror.identity_hash(kind, payload));
                let is_older = match (self.cuts.get(&object), self.asked.get(&kind)) {
                    (Some(cut), _) => place < *cut,
                    (None, Some(asked)) => {
                        let places = self.places.get(&object).map(Vec::as_slice).unwrap_or_default();
                        let is_last = places.iter().rfind(|place| *place < asked) == Some(&place);
                        place < *asked && !(removes && is_last)
                    }
                    (None, None) => false,
                };
                objects += 1;
                dropped += usize::from(is_older);
            });
            if objects > 0 && objects == dropped {
                overtaken.places.push(place);
            }
        }
        overtaken
    }
}

impl Mirror {
    /// The objects that some messages speak of.
    pub fn spoken_of<'m>(&mut self, messages: impl Iterator<Item = Message<'m>>) -> Spoken {
        let mut spoken = Spoken::default();
        for message in messages {
            split::objects(&message, |kind, _, payload| {
                spoken.objects.insert((kind, self.identity_hash(kind, payload)));
            });
        }
        spoken
    }

    /// The looks at those objects which a dump, gathered in the shadow, shows otherwise than the mirror has them, and of
    /// which notifications speak: once these are told, there may be something that the kernel never tells.
    pub fn doubts(&self, shadow: &Shadow, scopes: &[(KindIndex, Scope)], spoken: &Spoken) -> Vec<Look> {
        let mut looks = Vec::new();
        for &(kind, hash) in &spoken.objects {
            let Some((_, scope)) = scopes.iter().find(|(other, _)| *other == kind) else { continue };
            if shadow.shows_same(kind, hash) {
                continue;
            }
            let table = kind.table();
            let of = |mirror: &Mirror| -> Vec<Box<[u8]>> {
                let objects = mirror.tables[kind].find(hash).map(Group::as_slice).unwrap_or_default();
                objects.iter().filter(|object| scope.shows(table, Some(hash), object)).cloned().collect()
            };
            let (known, shown) = (of(self), of(shadow));
            let agree = known.len() == shown.len() && known.iter().zip(&shown).all(|(old, new)| same(table, old, new));
            if !agree {
                add_looks(&mut looks, kind, known.iter().chain(&shown).map(AsRef::as_ref));
            }
        }
        looks
    }
}

/// Adds looks at a kind's objects of the interfaces of these; at all of them where there is none. Routes of the other family are in no
/// doubt, and the kernel would go through a million of them.
fn add_looks<'o>(looks: &mut Vec<Look>, kind: KindIndex, objects: impl Iterator<Item = &'o [u8]>) {
    let (before, table) = (looks.len(), kind.table());
    for object in objects {
        let family = table.is(&route::ROUTE).then(|| route_family(object));
        let at = |ifindex| Look { link: Some(ifindex), family, ..Look::at(kind) };
        looks.extend(table.interfaces_of(object).into_iter().map(at));
    }
    if looks.len() == before {
        looks.push(Look::at(kind));
    }
}
