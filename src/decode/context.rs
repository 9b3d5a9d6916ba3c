//! What a value's meaning may depend on: the message around it, and the names of interfaces.

use std::cell::Cell;

use crate::netlink::wire;

/// Names of interfaces and descriptions of sets, in the namespace where the message comes from.
pub trait Links {
    /// The interface's name, as the kernel's octets.
    fn name(&self, ifindex: u32) -> Option<&[u8]>;
    /// The interface's alternative names, likewise.
    fn alternative_names(&self, _ifindex: u32) -> &[Box<[u8]>] {
        &[]
    }
    /// The interface's `ARPHRD_*`, which says how its addresses are written.
    fn hardware_type(&self, ifindex: u32) -> Option<u16>;
    /// The attributes of a set of nf_tables, by its family, its table's name and its own: they say what its elements are.
    fn set(&self, _family: u8, _table: &[u8], _name: &[u8]) -> Option<&[u8]> {
        None
    }
}

/// No name is known: `if4`.
pub struct NoLinks;

impl Links for NoLinks {
    fn name(&self, _ifindex: u32) -> Option<&[u8]> {
        None
    }
    fn hardware_type(&self, _ifindex: u32) -> Option<u16> {
        None
    }
}

/// What a value's meaning may depend on.
#[derive(Clone)]
pub struct Context<'a> {
    /// Names of interfaces.
    pub links: &'a dyn Links,
    /// Leave out what never counts as a change, so that two objects can be compared.
    pub comparing: bool,
    /// When it was told, in microseconds since 1970; 0 where that is not known.
    pub time_microseconds: i64,
    /// The message's family header.
    pub header: &'a [u8],
    /// The message's attributes.
    pub message: &'a [u8],
    /// The attributes of the set in which the value stands.
    pub set: &'a [u8],
    /// The attributes of the set around that one.
    pub above: &'a [u8],
    /// The number of the attribute whose value is read; 0 in a structure of the header.
    number: Cell<u16>,
    depth: u8,
}

impl<'a> Context<'a> {
    /// The context of a message: its family header and its attributes ([`Kind::context`](super::schema::Kind::context)
    /// parts them).
    pub fn new(header: &'a [u8], message: &'a [u8], links: &'a dyn Links) -> Context<'a> {
        Context {
            links,
            comparing: false,
            time_microseconds: 0,
            header,
            message,
            set: message,
            above: message,
            number: Cell::new(0),
            depth: 0,
        }
    }

    /// The same, for comparing.
    pub fn comparing(self) -> Context<'a> {
        Context { comparing: true, ..self }
    }

    /// The same, told at that time, in microseconds since 1970.
    pub fn at(self, time_microseconds: i64) -> Context<'a> {
        Context { time_microseconds, ..self }
    }

    /// The same, for another attribute of the same set.
    pub fn numbered(self, number: u16) -> Context<'a> {
        self.number.set(number);
        self
    }

    /// The family: the first octet of every rtnetlink header.
    pub fn family(&self) -> u8 {
        self.header.first().copied().unwrap_or_default()
    }

    /// The number of the attribute whose value is read; 0 in a structure of the header.
    #[inline(always)]
    pub fn number(&self) -> u16 {
        self.number.get()
    }

    /// Says whose value is read now.
    #[inline(always)]
    pub(super) fn set_number(&self, number: u16) {
        self.number.set(number);
    }

    /// How many nests are around the set.
    #[inline(always)]
    pub(super) fn depth(&self) -> u8 {
        self.depth
    }

    /// An attribute beside the value.
    pub fn sibling(&self, number: u16) -> Option<&'a [u8]> {
        wire::attribute(self.set, number)
    }

    /// The context of a nest's attributes.
    pub fn inside(&self, set: &'a [u8]) -> Context<'a> {
        Context { set, above: self.set, depth: self.depth + 1, ..self.clone() }
    }
}
