//! Objects by their identity: a hash table of groups, a group nearly always of one.
//!
//! An identity is known by its 64-bit hash alone, with a seed of its own for each mirror: two objects are taken for one
//! by a chance of one in 2^64.

use hashbrown::HashTable;
use hashbrown::hash_table;

/// The objects that share one identity: one, but for routes, of which several may.
#[derive(Debug)]
pub enum Group {
    /// One object.
    One(Box<[u8]>),
    /// Several, in the kernel's order; never empty.
    Many(Vec<Box<[u8]>>),
}

impl Group {
    /// Its objects.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.as_slice().iter().map(|object| &**object)
    }

    fn bytes(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    /// Its objects.
    pub fn as_slice(&self) -> &[Box<[u8]>] {
        match self {
            Group::One(object) => std::slice::from_ref(object),
            Group::Many(objects) => objects,
        }
    }

    /// The object at that place.
    pub(super) fn at_mut(&mut self, at: usize) -> &mut Box<[u8]> {
        match self {
            Group::One(object) => object,
            Group::Many(objects) => &mut objects[at],
        }
    }

    /// Puts one more at that place.
    fn insert(&mut self, at: usize, payload: &[u8]) -> &mut Box<[u8]> {
        if let Group::One(object) = self {
            *self = Group::Many(vec![std::mem::take(object)]);
        }
        match self {
            Group::Many(objects) => {
                objects.insert(at, payload.into());
                &mut objects[at]
            }
            Group::One(object) => object,
        }
    }

    /// Takes the object at that place out, unless it is the last one.
    fn take(&mut self, at: usize) -> Option<Box<[u8]>> {
        match self {
            Group::Many(objects) if objects.len() > 1 => {
                let taken = objects.remove(at);
                if objects.len() == 1 {
                    *self = objects.pop().map_or(Group::Many(Vec::new()), Group::One);
                }
                Some(taken)
            }
            _ => None,
        }
    }

    /// Takes out the objects for which `inside` holds, and gives them to `each`, with whether it was the last one.
    /// Gives back whether any is left; where none is, the group is not to be used any more.
    fn take_each(&mut self, inside: impl Fn(&[u8]) -> bool, mut each: impl FnMut(Box<[u8]>, bool)) -> bool {
        let mut at = 0;
        while let Some(object) = self.as_slice().get(at) {
            if !inside(object) {
                at += 1;
            } else if let Some(object) = self.take(at) {
                each(object, false);
            } else {
                each(std::mem::take(self.at_mut(at)), true);
                return false;
            }
        }
        true
    }
}

/// The objects of one kind.
#[derive(Debug, Default)]
pub struct ObjectTable {
    /// With the hash of its identity, so that growing needs no reading.
    table: HashTable<(u64, Group)>,
    /// Objects beyond one in a group.
    extra: usize,
    /// Bytes of all objects.
    bytes: usize,
}

/// A place in the store.
pub enum Entry<'s> {
    /// Nothing has that identity.
    Vacant(Vacant<'s>),
    /// Something has.
    Occupied(Occupied<'s>),
}

/// A place where nothing is.
pub struct Vacant<'s> {
    entry: hash_table::VacantEntry<'s, (u64, Group)>,
    hash: u64,
    bytes: &'s mut usize,
}

impl<'s> Vacant<'s> {
    /// Puts an object there.
    pub fn insert(self, payload: &[u8]) -> &'s [u8] {
        *self.bytes += payload.len();
        match &self.entry.insert((self.hash, Group::One(payload.into()))).into_mut().1 {
            Group::One(object) => object,
            Group::Many(objects) => &objects[0],
        }
    }
}

/// A place where something is.
pub struct Occupied<'s> {
    entry: hash_table::OccupiedEntry<'s, (u64, Group)>,
    extra: &'s mut usize,
    bytes: &'s mut usize,
}

impl<'s> Occupied<'s> {
    /// What is there.
    pub fn group(&mut self) -> &mut Group {
        &mut self.entry.get_mut().1
    }

    /// The object at that place of the group, to change it.
    pub fn into_object(self, at: usize) -> Object<'s> {
        Object { place: self.entry.into_mut().1.at_mut(at), bytes: self.bytes }
    }

    /// Puts one more at that place of the group.
    pub fn insert(self, at: usize, payload: &[u8]) -> &'s [u8] {
        *self.extra += 1;
        *self.bytes += payload.len();
        self.entry.into_mut().1.insert(at, payload)
    }

    /// Takes the object at that place out, and the place with it where it was the only one.
    pub fn remove(mut self, at: usize) -> Box<[u8]> {
        let taken = match self.group().take(at) {
            Some(taken) => {
                *self.extra -= 1;
                taken
            }
            None => match self.entry.remove().0.1 {
                Group::One(object) => object,
                Group::Many(mut objects) => objects.pop().unwrap_or_default(),
            },
        };
        *self.bytes -= taken.len();
        taken
    }
}

/// An object in its place.
pub struct Object<'s> {
    place: &'s mut Box<[u8]>,
    bytes: &'s mut usize,
}

impl<'s> Object<'s> {
    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        self.place
    }

    /// The same for as long as the store is borrowed.
    pub fn into_octets(self) -> &'s [u8] {
        self.place
    }

    /// Another one of the same length in its place.
    pub fn overwrite(&mut self, payload: &[u8]) {
        self.place.copy_from_slice(payload);
    }

    /// Another one in its place. Gives back what it was.
    pub fn replace(&mut self, payload: Box<[u8]>) -> Box<[u8]> {
        *self.bytes += payload.len();
        *self.bytes -= self.place.len();
        std::mem::replace(self.place, payload)
    }
}

impl ObjectTable {
    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.table.len() + self.extra
    }

    /// Bytes of all objects.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All groups, in no order.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.iter().map(|(_, group)| group)
    }

    /// All groups with the hash of their identity, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Group)> {
        self.table.iter().map(|(hash, group)| (*hash, group))
    }

    /// What has an identity of that hash.
    pub fn find(&self, hash: u64) -> Option<&Group> {
        self.table.find(hash, |(other, _)| *other == hash).map(|(_, group)| group)
    }

    /// Whether something has an identity of that hash.
    pub fn contains(&self, hash: u64) -> bool {
        self.table.find(hash, |(other, _)| *other == hash).is_some()
    }

    /// Takes out, of the groups whose hash is gone, the objects for which `inside` holds, and gives each of them to
    /// `each`, with the hash. Where it is known which groups have such objects, `hashes` are theirs, each once.
    pub fn extract(
        &mut self,
        hashes: Option<&[u64]>,
        gone: impl Fn(u64) -> bool,
        inside: impl Fn(&[u8]) -> bool,
        mut each: impl FnMut(u64, Box<[u8]>),
    ) {
        let ObjectTable { table, extra, bytes } = self;
        let mut stays = |(hash, group): &mut (u64, Group)| {
            !gone(*hash)
                || !group.iter().any(&inside)
                || group.take_each(&inside, |object, last| {
                    *extra -= usize::from(!last);
                    *bytes -= object.len();
                    each(*hash, object);
                })
        };
        let Some(hashes) = hashes else {
            table.retain(stays);
            return;
        };
        for &hash in hashes {
            if let Ok(mut entry) = table.find_entry(hash, |(other, _)| *other == hash)
                && !stays(entry.get_mut())
            {
                entry.remove();
            }
        }
    }

    /// Takes out everything, with the hashes.
    pub fn drain(&mut self) -> impl Iterator<Item = (u64, Group)> {
        (self.extra, self.bytes) = (0, 0);
        self.table.drain()
    }

    /// Puts what `merge` makes of the group that is there in its place.
    pub fn put(&mut self, hash: u64, merge: impl FnOnce(Option<&Group>) -> Group) {
        match self.table.find_mut(hash, |(other, _)| *other == hash) {
            Some((_, old)) => {
                let group = merge(Some(old));
                self.extra -= old.as_slice().len() - 1;
                self.extra += group.as_slice().len() - 1;
                self.bytes -= old.bytes();
                self.bytes += group.bytes();
                *old = group;
            }
            None => {
                let group = merge(None);
                self.extra += group.as_slice().len() - 1;
                self.bytes += group.bytes();
                self.table.insert_unique(hash, (hash, group), |(hash, _)| *hash);
            }
        }
    }

    /// The place of an identity.
    pub fn entry(&mut self, hash: u64) -> Entry<'_> {
        let ObjectTable { table, extra, bytes } = self;
        match table.entry(hash, |(other, _)| *other == hash, |(hash, _)| *hash) {
            hash_table::Entry::Vacant(entry) => Entry::Vacant(Vacant { entry, hash, bytes }),
            hash_table::Entry::Occupied(entry) => Entry::Occupied(Occupied { entry, extra, bytes }),
        }
    }
}
