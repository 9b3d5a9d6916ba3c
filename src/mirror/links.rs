//! Names and types of interfaces, by their index.

use std::collections::{HashMap, VecDeque};

use crate::decode::Links;
use crate::kinds::rtnetlink::link;
use crate::netlink::wire::{attribute, u16_at, u32_at};

/// So many interfaces that are gone keep their name, for events that come late.
const GONE_LINKS_MAX: usize = 4096;

#[derive(Debug)]
struct Known {
    name: Box<[u8]>,
    hardware_type: Option<u16>,
    flags: u32,
    gone: bool,
}

/// What is known of interfaces' names.
#[derive(Debug, Default)]
pub struct LinkTable {
    links: HashMap<u32, Known, foldhash::fast::RandomState>,
    gone: VecDeque<u32>,
}

impl LinkTable {
    /// Takes in a link's message (`struct ifinfomsg` and `IFLA_*`).
    pub fn note(&mut self, payload: &[u8], removed: bool) {
        let (Some(hardware_type), Some(ifindex), Some(flags)) =
            (u16_at(payload, 2), u32_at(payload, 4), u32_at(payload, 8))
        else {
            return;
        };
        let set = payload.get(16..).unwrap_or_default();
        let Some(name) = attribute(set, link::IFLA_IFNAME) else { return };
        let name = name.split(|&octet| octet == 0).next().unwrap_or_default();
        match self.links.get_mut(&ifindex) {
            Some(known) => {
                if *known.name != *name {
                    known.name = name.into();
                }
                known.hardware_type = Some(hardware_type);
                known.flags = flags;
                if removed && !known.gone {
                    self.gone.push_back(ifindex);
                }
                known.gone = removed;
            }
            None => {
                self.links.insert(
                    ifindex,
                    Known { name: name.into(), hardware_type: Some(hardware_type), flags, gone: removed },
                );
                if removed {
                    self.gone.push_back(ifindex);
                }
            }
        }
        self.forget_oldest();
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

    /// Takes in no more than the name of an interface that is not told yet, and not as one that is there.
    pub fn note_name(&mut self, ifindex: u32, name: &[u8]) {
        self.links.entry(ifindex).or_insert_with(|| {
            self.gone.push_back(ifindex);
            Known { name: name.into(), hardware_type: None, flags: 0, gone: true }
        });
        self.forget_oldest();
    }

    /// The same, of a link's message.
    pub fn note_name_of(&mut self, payload: &[u8]) {
        let name = attribute(payload.get(16..).unwrap_or_default(), link::IFLA_IFNAME);
        if let Some((ifindex, name)) = u32_at(payload, 4).zip(name) {
            self.note_name(ifindex, name.split(|&octet| octet == 0).next().unwrap_or_default());
        }
    }

    /// Takes in a name, unless one is known: what a recording says of an interface further on.
    pub fn note_if_unknown(&mut self, payload: &[u8]) {
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

    fn hardware_type(&self, ifindex: u32) -> Option<u16> {
        self.links.get(&ifindex).and_then(|known| known.hardware_type)
    }
}
