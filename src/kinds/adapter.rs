//! What of a protocol's datagrams is not as the tables read it, and becomes so at the edge: where notifications, dumps and recordings
//! are read.

use super::KindIndex;
use super::generic::families::Families;
use super::generic::other::GENL;
use crate::error::{Error, Result};
use crate::kinds::protocol::Protocol;
use crate::netlink::dump::{self, DumpRow, Request};
use crate::netlink::socket::{Batch, NETLINK_GENERIC, Redact, Socket};

/// One for each place, or recording, and protocol.
#[derive(Debug)]
pub struct Adapter {
    protocol: &'static Protocol,
    /// Of generic netlink: which number is which family.
    families: Families,
    /// What overwrites what nobody may see, as soon as it is read.
    redact: Option<Redact>,
    room: Vec<u8>,
}

impl Adapter {
    /// Nothing is known of its messages yet.
    pub fn new(protocol: &'static Protocol) -> Adapter {
        Adapter { protocol, families: Families::default(), redact: protocol.redact, room: Vec::new() }
    }

    /// The same, and what nobody may see stays as it is.
    pub fn with_secrets(protocol: &'static Protocol) -> Adapter {
        Adapter { redact: None, ..Adapter::new(protocol) }
    }

    /// Opens sockets of its protocol, which show nobody what nobody may see.
    pub fn opener(&self) -> impl Fn() -> Result<Socket> + use<> {
        let (protocol, redact) = (self.protocol, self.redact);
        move || match Socket::try_open(protocol.number) {
            Ok(socket) => Ok(socket.redacting(redact)),
            Err(error) if error.raw_os_error() == Some(libc::EPROTONOSUPPORT) => Err(Error::usage(format_args!(
                "this kernel does not have netlink's protocol {number} ({name}): the module that brings it is not loaded",
                number = protocol.number,
                name = protocol.name
            ))),
            Err(error) => Err(Error::system(format_args!("cannot open a netlink socket of {}", protocol.name), &error)),
        }
    }

    /// Opens such a socket.
    pub fn open(&self) -> Result<Socket> {
        self.opener()()
    }

    /// Its protocol.
    pub fn protocol(&self) -> &'static Protocol {
        self.protocol
    }

    fn is_generic(&self) -> bool {
        self.protocol.number == NETLINK_GENERIC
    }

    /// A datagram as the tables read it.
    pub fn adapt<'d>(&'d mut self, datagram: &'d [u8]) -> &'d [u8] {
        self.room.clear();
        if self.is_generic() {
            self.families.adapt(datagram, &mut self.room);
            return &self.room;
        }
        let Some(adapt) = self.protocol.adapt else { return datagram };
        adapt(datagram, &mut self.room);
        &self.room
    }

    /// What of a dump that has ended could have gone on, as the tables read it.
    pub fn rest(&mut self) -> &[u8] {
        self.room.clear();
        self.families.rest(&mut self.room);
        &self.room
    }

    /// A request as the kernel wants it; none where it does not have what is asked for.
    pub fn request(&self, request: Request) -> Option<Request> {
        if self.is_generic() { self.families.request(request) } else { Some(request) }
    }

    /// Learns what must be known before anything of these kinds can be read, in the network namespace of the calling thread. What the
    /// kernel does not tell is learned later, or left as it is.
    pub fn learn(&mut self, kinds: &[KindIndex]) {
        self.learn_from(kinds, |_| ());
    }

    /// The same, and calls `each` with the kernel's answers, as they are: who reads a recording learns from them, too.
    pub fn learn_from(&mut self, kinds: &[KindIndex], mut each: impl FnMut(&[u8])) {
        if !self.is_generic() || !self.families.is_empty() {
            return;
        }
        let [families, strings] = Families::questions();
        self.ask(families, &mut each);
        if let Some(strings) = self.request(strings) {
            self.ask(strings, &mut each);
        }
        if kinds.contains(&const { KindIndex::of(&GENL) }) {
            self.families.questions_of_types().into_iter().for_each(|question| self.ask(question, &mut each));
        }
    }

    /// Learns from the answer to a question.
    fn ask(&mut self, request: Request, each: &mut impl FnMut(&[u8])) {
        let learned = dump::dump_all(self.opener(), &request, LEARNING_TIME_MAX, &mut Batch::of_dump(), |row| {
            if let DumpRow::Message(message) = row {
                let mut room = Vec::new();
                self.families.adapt(message.bytes, &mut room);
                each(message.bytes);
            }
        });
        if let Err(error) = learned {
            log::debug!("cannot ask for generic netlink's families and strings: {error}");
        }
    }

    /// The same, anew: what came and went meanwhile was not told.
    pub fn learn_anew(&mut self, kinds: &[KindIndex]) {
        let before = self.families.forget();
        self.learn(kinds);
        if self.families.is_empty() {
            self.families.remember(before);
        }
    }

    /// Further groups that tell of these kinds, as far as that is known.
    pub fn groups(&self, kinds: &[KindIndex]) -> Vec<u32> {
        if self.is_generic() { self.families.groups(kinds).into_iter().collect() } else { Vec::new() }
    }

    /// The name of a group, where it is known by that.
    pub fn group_name(&self, group: u32) -> Option<String> {
        self.families.group_name(group)
    }

    /// Those of some kinds that such a group tells of.
    pub fn told_by(&self, group: u32, kinds: &[KindIndex]) -> Vec<KindIndex> {
        self.families.told_by(group, kinds)
    }

    /// Whether there may be further groups since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        self.families.take_changed()
    }
}

/// So long the kernel may take to answer.
const LEARNING_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(10);
