//! What a row of a netlink protocol says: `PROTOCOLS` has them all.

use std::fmt;
use std::io;

use super::KindIndex;
use super::netfilter::conntrack::CONNTRACK;
use super::netfilter::conntrack::listening::Connections;
use crate::decode::schema::Kind;
use crate::netlink::dump::Request;
use crate::netlink::socket::{Datagram, Socket};

/// A netlink protocol: which objects it tells of, and what of its datagrams is not as the tables read it.
pub struct Protocol {
    /// Its name, as it stands in lines and messages.
    pub name: &'static str,
    /// `NETLINK_*` (`linux/netlink.h`).
    pub number: u16,
    /// Its kinds, in the order in which they are asked for.
    pub kinds: &'static [&'static Kind],
    /// Whether its kinds are followed where none is named.
    pub is_default: bool,
    /// Whether the kernel gives its groups their numbers as modules are loaded, so that they are known by name alone.
    pub has_named_groups: bool,
    /// How groups are bound that are not joined: the kernel hands what is of such a one to one program alone.
    pub binding: Option<Binding>,
    /// The capability without which its groups cannot be joined, where there is one.
    pub needs: Option<&'static str>,
    /// Asks for no more than what is wanted, on a socket that follows these kinds, before it joins a group.
    pub prepare: Option<Prepare>,
    /// Turns a datagram into messages as the tables read them: their types are no other protocol's. None where they are so
    /// already. It is given the datagram and where to write.
    pub adapt: Option<Adapt>,
    /// Overwrites with zeros what nobody may see of a datagram, in its place, as soon as it is read.
    pub redact: Option<fn(&mut [u8])>,
    /// Whether what of it cannot be decoded may hold what nobody may see.
    pub is_secret: bool,
    /// Whether messages of a type are meant for one program that has asked for them, and tell nothing: captures have them.
    pub is_answer: Option<fn(u16) -> bool>,
    /// The process id and the name of whoever made a change, where a message says it.
    pub actor: Option<ActorIn>,
    /// Whether the sender's port proves nothing: then its credentials must prove that it is the kernel (`SO_PASSCRED`).
    pub needs_credentials: bool,
    /// A group by which root's processes tell something that the kernel does not, and whether a datagram is of that sort: it is joined
    /// where the user asks for it.
    pub of_root: Option<OfRoot>,
    /// Whether a datagram is told in the namespace where it has come, by whether that is linkhook's own: the same may come in all
    /// of them.
    pub is_told_in: Option<fn(&[u8], bool) -> bool>,
    /// Where it is processes that tell: what the kernel alone may say elsewhere, anybody may say here. It notes in a message, as the tables
    /// read it, what is known of the datagram: from which port it came, to which group it was sent, and how long it was where its beginning
    /// alone was read.
    pub said_by: Option<SaidBy>,
}

impl Protocol {
    /// One of which nothing is special.
    pub const PLAIN: Protocol = Protocol {
        name: "",
        number: 0,
        kinds: &[],
        is_default: false,
        has_named_groups: false,
        binding: None,
        needs: None,
        prepare: None,
        adapt: None,
        redact: None,
        is_secret: false,
        is_answer: None,
        actor: None,
        needs_credentials: false,
        of_root: None,
        is_told_in: None,
        said_by: None,
    };
}

/// What is wanted of what a protocol tells of its kinds, as far as the kernel can be asked to tell no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    /// Address families (`AF_*`); all where there is none.
    pub families: Vec<u8>,
    /// Connections.
    pub conntrack: Connections,
    /// Whether what root's processes tell is followed, too ([`Protocol::of_root`]).
    pub of_root: bool,
    /// Groups that are bound ([`Protocol::binding`]).
    pub bound: Bound,
}

/// A group of root's processes: its number, and whether a datagram is one of theirs.
#[derive(Clone, Copy, Debug)]
pub struct OfRoot {
    /// Its number.
    pub group: u32,
    /// Whether a datagram is one of theirs, and not one of the kernel's.
    pub is_one: fn(&[u8]) -> bool,
}

impl Listening {
    /// How many objects of some kinds are kept at most, where that is not as their tables say.
    pub fn kept(&self) -> impl Iterator<Item = (KindIndex, usize)> + use<> {
        let Connections { mirror, entries_max, .. } = self.conntrack;
        mirror.then_some((const { KindIndex::of(&CONNTRACK) }, entries_max)).into_iter()
    }
}

/// A function that notes whose a message is.
pub type SaidBy = fn(&mut [u8], &Datagram<'_>);

/// A function that asks for what is wanted alone.
pub type Prepare = fn(&Socket, &[KindIndex], &Listening) -> io::Result<()>;

/// How groups are bound.
#[derive(Clone, Copy)]
pub struct Binding {
    /// The requests that bind those that are wanted, each with its group.
    pub requests: fn(&Bound) -> Vec<(u16, Request)>,
    /// A request that changes nothing and that the kernel refuses (`EPERM`) to nobody but who may bind none: it refuses a group that
    /// another program has in the same way.
    pub probe: fn() -> Request,
}

/// Which groups are to be bound, and what of them is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Their numbers.
    pub groups: Vec<u16>,
    /// So many octets of each packet.
    pub packet_bytes: u32,
}

impl Bound {
    /// What is wanted of packets where nothing is said: their headers, and a little of what they carry.
    pub const PACKET_BYTES: u32 = 128;
}

impl Default for Bound {
    fn default() -> Bound {
        Bound { groups: Vec::new(), packet_bytes: Bound::PACKET_BYTES }
    }
}

/// A function that finds a process's number and name, in a message's type and payload.
pub type ActorIn = fn(u16, &[u8]) -> Option<(u32, &[u8])>;

/// A function that turns a datagram into messages, which it writes behind what is there.
pub type Adapt = fn(&[u8], &mut Vec<u8>);

impl PartialEq for Protocol {
    fn eq(&self, other: &Protocol) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
