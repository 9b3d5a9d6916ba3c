//! Names and types of interfaces, by their index; and what sets of nf_tables are.

use std::collections::{HashMap, VecDeque};

use super::sets::SetTable;
use crate::decode::Links;
use crate::kinds::KindIndex;
use crate::kinds::netfilter::nft::set::SET;
use crate::kinds::rtnetlink::link::{self, LINK};
use crate::netlink::wire::{Message, attribute, attribute_u32, attributes, u16_at, u32_at};

/// So many interfaces that are gone keep their name, for events that come late.
const GONE_LINKS_MAX: usize = 4096;

/// What a link was, held against what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkBefore {
    /// Its flags (`IFF_*`), if it was there.
    pub flags: Option<u32>,
    /// Whether it had another name than it is said to have.
    pub is_renamed: bool,
    /// Whether it was there, and had another master (`IFLA_MASTER`) than it is said to have, or none, or has none now.
    pub has_other_master: bool,
}

impl LinkBefore {
    /// The same of a link of which both payloads are known; of one that was not there the flags are `None`.
    pub fn of(old: Option<&[u8]>, payload: &[u8]) -> LinkBefore {
        LinkBefore {
            flags: old.and_then(|old| u32_at(old, 8)),
            is_renamed: old.map(name_in).unwrap_or_default() != name_in(payload),
            has_other_master: old.is_some_and(|old| master_in(old) != master_in(payload)),
        }
    }
}

/// The index of the master in a link's message.
fn master_in(payload: &[u8]) -> Option<u32> {
    attribute_u32(link::LINK.attributes(payload), link::IFLA_MASTER)
}

/// The name in a link's message.
pub fn name_in(payload: &[u8]) -> &[u8] {
    before_nul(attribute(link::LINK.attributes(payload), link::IFLA_IFNAME).unwrap_or_default())
}

/// The alternative names in a link's message, by which it can be asked for as by its name.
pub fn alternative_names_in(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let properties = attribute(link::LINK.attributes(payload), link::IFLA_PROP_LIST).unwrap_or_default();
    let names = attributes(properties).filter(|property| property.number == link::IFLA_ALT_IFNAME);
    names.map(|property| before_nul(property.payload))
}

fn before_nul(name: &[u8]) -> &[u8] {
    name.split(|&octet| octet == 0).next().unwrap_or_default()
}

/// Whether a message tells of a link itself, and not of its bridge's or IPv6's view of it.
pub fn is_link(message: &Message<'_>) -> bool {
    [link::LINK.new, link::LINK.delete].contains(&message.header.kind) && message.payload.first() == Some(&0)
}

#[derive(Debug)]
struct Known {
    name: Box<[u8]>,
    alternative_names: Vec<Box<[u8]>>,
    hardware_type: Option<u16>,
    flags: u32,
    master: Option<u32>,
    gone: bool,
}

/// What is known of interfaces' names.
#[derive(Debug, Default)]
pub struct LinkTable {
    links: HashMap<u32, Known, foldhash::fast::RandomState>,
    gone: VecDeque<u32>,
    /// What sets of nf_tables say of their elements.
    pub sets: SetTable,
}

impl LinkTable {
    /// What a link is known to be, held against a message of it (`struct ifinfomsg` and `IFLA_*`); `None` where the message
    /// is too short.
    pub fn before(&self, payload: &[u8]) -> Option<LinkBefore> {
        let known = self.links.get(&u32_at(payload, 4)?);
        let name = known.map(|known| &*known.name).unwrap_or_default();
        let there = known.filter(|known| !known.gone);
        Some(LinkBefore {
            flags: there.map(|known| known.flags),
            is_renamed: name != name_in(payload),
            has_other_master: there.is_some_and(|known| known.master != master_in(payload)),
        })
    }

    /// Takes in an object, if it is of a kind that says how others are read. Gives back what a link was before it.
    pub fn learn(&mut self, kind: KindIndex, payload: &[u8], removed: bool) -> Option<LinkBefore> {
        if kind == const { KindIndex::of(&LINK) } {
            return self.note(payload, removed);
        }
        if kind == const { KindIndex::of(&SET) } {
            self.sets.note(payload, removed);
        }
        None
    }

    /// The same, unless it is known: what a recording says of it further on.
    pub fn learn_if_unknown(&mut self, kind: KindIndex, payload: &[u8], removed: bool) {
        if kind == const { KindIndex::of(&LINK) } {
            self.note_if_unknown(payload);
        } else if kind == const { KindIndex::of(&SET) } && !removed {
            self.sets.note_if_unknown(payload);
        }
    }

    /// Takes in a link's message, and gives back what the link was before it.
    pub fn note(&mut self, payload: &[u8], removed: bool) -> Option<LinkBefore> {
        let before = self.before(payload);
        let (Some(hardware_type), Some(ifindex), Some(flags)) =
            (u16_at(payload, 2), u32_at(payload, 4), u32_at(payload, 8))
        else {
            return before;
        };
        let name = name_in(payload);
        if name.is_empty() {
            return before;
        }
        match self.links.get_mut(&ifindex) {
            Some(known) => {
                if *known.name != *name {
                    known.name = name.into();
                }
                // Of one that is gone, what it was last called.
                if !removed && !alternative_names_in(payload).eq(known.alternative_names.iter().map(|name| &**name)) {
                    known.alternative_names = alternative_names_in(payload).map(Box::from).collect();
                }
                known.hardware_type = Some(hardware_type);
                known.flags = flags;
                known.master = master_in(payload);
                if removed && !known.gone {
                    self.gone.push_back(ifindex);
                }
                known.gone = removed;
            }
            None => {
                let alternative_names = alternative_names_in(payload).map(Box::from).collect();
                let hardware_type = Some(hardware_type);
                let known = Known {
                    name: name.into(),
                    alternative_names,
                    hardware_type,
                    flags,
                    master: master_in(payload),
                    gone: removed,
                };
                self.links.insert(ifindex, known);
                if removed {
                    self.gone.push_back(ifindex);
                }
            }
        }
        self.forget_oldest();
        before
    }

    fn forget_oldest(&mut self) {
        while self.gone.len() > GONE_LINKS_MAX {
            if let Some(oldest) = self.gone.pop_front()
                && self.links.get(&oldest).is_some_and(|known| known.gone)
            {
                self.links.remove(&oldest);
            }
        }
    }

    /// Forgets all interfaces, and no sets.
    pub fn forget(&mut self) {
        self.links.clear();
        self.gone.clear();
    }

    /// Takes in no more than the name of an interface that is not told yet, and not as one that is there.
    pub fn note_name(&mut self, ifindex: u32, name: &[u8]) {
        self.links.entry(ifindex).or_insert_with(|| {
            self.gone.push_back(ifindex);
            Known {
                name: name.into(),
                alternative_names: Vec::new(),
                hardware_type: None,
                flags: 0,
                master: None,
                gone: true,
            }
        });
        self.forget_oldest();
    }

    /// The same, of a link's message.
    pub fn note_name_of(&mut self, payload: &[u8]) {
        let name = name_in(payload);
        if let Some(ifindex) = u32_at(payload, 4).filter(|_| !name.is_empty()) {
            self.note_name(ifindex, name);
        }
    }

    fn note_if_unknown(&mut self, payload: &[u8]) {
        if u32_at(payload, 4).is_some_and(|ifindex| !self.links.contains_key(&ifindex)) {
            self.note(payload, false);
        }
    }

    /// The flags (`IFF_*`) of an interface that is there.
    pub fn flags(&self, ifindex: u32) -> Option<u32> {
        self.links.get(&ifindex).filter(|known| !known.gone).map(|known| known.flags)
    }

    /// The indices of all interfaces that are there.
    pub fn indices(&self) -> impl Iterator<Item = u32> {
        self.links.iter().filter(|(_, known)| !known.gone).map(|(&ifindex, _)| ifindex)
    }
}

impl Links for LinkTable {
    fn name(&self, ifindex: u32) -> Option<&[u8]> {
        self.links.get(&ifindex).map(|known| &*known.name)
    }

    fn alternative_names(&self, ifindex: u32) -> &[Box<[u8]>] {
        self.links.get(&ifindex).map_or(&[], |known| &known.alternative_names)
    }

    fn hardware_type(&self, ifindex: u32) -> Option<u16> {
        self.links.get(&ifindex).and_then(|known| known.hardware_type)
    }

    fn set(&self, family: u8, table: &[u8], name: &[u8]) -> Option<&[u8]> {
        self.sets.get(family, table, name)
    }
}
