//! Notifications that wait to be told while a dump shows what came of them: a dump never overtakes the queue.
//!
//! What a dump shows is newer than the notifications that wait. Were both told, the first one would be undone by the second
//! ones and then done again: an `up` and a `down` that never happened. So where the mirror is held against a dump, the
//! objects that notifications speak of are left to them ([`Mirror::spoken_of`]); and where a dump has filled the mirror, the
//! notifications that it has overtaken are dropped ([`Mirror::overtaken`]).

use std::collections::{HashMap, HashSet};

use super::looks::Look;
use super::repair::{Scope, is_inside};
use super::store::Group;
use super::{Mirror, compare, interfaces_of, same};
use crate::kinds::{KINDS, KindIndex, split};
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

/// What a dump at the start has overtaken.
#[derive(Debug, Default)]
pub struct Overtaken {
    /// The places of the messages to drop among those that wait, growing.
    pub places: Vec<usize>,
    /// What is to be looked at: objects of which it is not certain which messages are newer than the dump.
    pub looks: Vec<Look>,
}

/// Up to which message a dump has overtaken those that speak of an object.
#[derive(Debug, Default)]
struct Cut {
    /// The place of the last one that is overtaken.
    last: Option<usize>,
    /// That one says that the object is gone.
    removes: bool,
    /// What the row says decided, and not the time alone; of an object that comes and goes several times, or that shares
    /// its identity with others, that may be wrong.
    is_guess: bool,
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
    pub fn doubts(&self, shadow: &Mirror, scopes: &[(KindIndex, Scope)], spoken: &Spoken) -> Vec<Look> {
        let mut looks = Vec::new();
        for &(kind, hash) in &spoken.objects {
            let Some((_, scope)) = scopes.iter().find(|(other, _)| *other == kind) else { continue };
            let table = KINDS[kind];
            let of = |mirror: &Mirror| -> Vec<Box<[u8]>> {
                let objects = mirror.stores[kind].find(hash).map(Group::as_slice).unwrap_or_default();
                objects.iter().filter(|object| is_inside(scope, table, Some(hash), object)).cloned().collect()
            };
            let (known, shown) = (of(self), of(shadow));
            let agree = known.len() == shown.len() && known.iter().zip(&shown).all(|(old, new)| same(table, old, new));
            if !agree {
                let interfaces = known.iter().chain(&shown).flat_map(|object| interfaces_of(table, object));
                add_looks(&mut looks, kind, interfaces);
            }
        }
        looks
    }

    /// What the dumps that have filled the mirror have overtaken of the messages that wait, each with the time at which it
    /// was received. `asked` is the time at which a kind's dump was asked for, `None` where it was not.
    ///
    /// A message is older than an object's row if it was received before the dump was asked for, or if it or a later one
    /// says what the row says. The one exception is the last of these where it says that the object is gone: then there
    /// was no row.
    pub fn overtaken<'m>(
        &mut self,
        messages: impl Iterator<Item = (i64, Message<'m>)> + Clone,
        asked: impl Fn(KindIndex) -> Option<i64>,
    ) -> Overtaken {
        let mut cuts: HashMap<(KindIndex, u64), Cut, Hasher> = HashMap::default();
        for (place, (time, message)) in messages.clone().enumerate() {
            split::objects(&message, |kind, removes, payload| {
                let Some(asked) = asked(kind) else { return };
                let hash = self.identity_hash(kind, payload);
                let is_shown = !removes && self.holds(kind, hash, payload);
                let is_known = self.stores[kind].contains(hash);
                let cut = cuts.entry((kind, hash)).or_default();
                if time < asked {
                    *cut = Cut { last: Some(place), removes, is_guess: false };
                } else if is_shown {
                    *cut = Cut { last: Some(place), removes, is_guess: true };
                } else {
                    cut.is_guess |= is_known;
                }
            });
        }
        let mut overtaken = Overtaken::default();
        for (place, (_, message)) in messages.enumerate() {
            let (mut objects, mut old) = (0, 0);
            split::objects(&message, |kind, removes, payload| {
                let hash = self.identity_hash(kind, payload);
                let cut = cuts.get(&(kind, hash)).and_then(|cut| Some((cut.last?, cut.removes)));
                objects += 1;
                old +=
                    usize::from(cut.is_some_and(|(last, last_removes)| {
                        place < last || (place == last && !(removes && last_removes))
                    }));
            });
            if objects > 0 && objects == old {
                overtaken.places.push(place);
            }
        }
        for ((kind, hash), _) in cuts.into_iter().filter(|(_, cut)| cut.is_guess) {
            let objects = self.stores[kind].find(hash).map(Group::as_slice).unwrap_or_default();
            let interfaces = objects.iter().flat_map(|object| interfaces_of(KINDS[kind], object));
            add_looks(&mut overtaken.looks, kind, interfaces);
        }
        overtaken
    }

    /// Whether there is an object as a message says.
    fn holds(&self, kind: KindIndex, hash: u64, payload: &[u8]) -> bool {
        let table = KINDS[kind];
        let objects = self.stores[kind].find(hash).map(Group::as_slice).unwrap_or_default();
        objects.iter().any(|object| {
            let merged = if table.partial { compare::merge(table, object, payload) } else { None };
            same(table, object, merged.as_deref().unwrap_or(payload))
        })
    }
}

/// Adds looks at a kind's objects of some interfaces; at all of them where there is none.
fn add_looks(looks: &mut Vec<Look>, kind: KindIndex, interfaces: impl Iterator<Item = u32>) {
    let before = looks.len();
    looks.extend(interfaces.map(|ifindex| Look { link: Some(ifindex), ..Look::at(kind) }));
    if looks.len() == before {
        looks.push(Look::at(kind));
    }
}
