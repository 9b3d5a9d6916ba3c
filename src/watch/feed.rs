//! One socket for notifications: what it has joined, what there is to read, and what the kernel has dropped there.
//!
//! A place has one feed, of its protocol: a flood there overruns its own socket, and only its own kinds are to be repaired.

use std::io;
use std::time::Instant;

use super::subscribe::{Subscription, Wanted, subscribe};
use super::{Settings, now_microseconds};
use crate::actor::Actors;
use crate::backlog::Backlog;
use crate::error::{Error, Result};
use crate::kinds::KindIndex;
use crate::kinds::adapter::Adapter;
use crate::kinds::protocol::{OfRoot, Protocol};
use crate::mirror::moves::Moves;
use crate::netlink::socket::{BATCH_DATAGRAMS, Batch, Joined, Socket, is_loss};
use crate::netlink::wire;

/// A subscription to notifications.
#[derive(Debug)]
pub(super) struct Feed {
    socket: Socket,
    pub adapter: Adapter,
    /// The kinds whose notifications come here.
    kinds: Vec<KindIndex>,
    subscription: Subscription,
    /// Whose word is believed beside the kernel's.
    of_root: Option<OfRoot>,
    /// What came while groups were bound, as the tables read it, with its time in microseconds since 1970.
    early: Vec<(i64, Vec<u8>)>,
    /// There was no room for some of it.
    early_loss: bool,
    /// There may be something to read.
    pub readable: bool,
    /// When something was received last, in microseconds since 1970.
    received_microseconds: i64,
    received_at: Instant,
    /// The kernel's count of drops that was told last.
    drops_told: u32,
    lost: Option<Lost>,
    /// The number of the last commit of nf_tables, unless something was lost since.
    generation: Option<u32>,
}

/// Notifications were lost, which is not told yet.
#[derive(Debug)]
struct Lost {
    since_microseconds: i64,
    /// Datagrams that were received and thrown away, which the kernel does not count.
    discarded: u32,
}

/// What is told of a loss.
#[derive(Debug)]
pub(super) struct Overrun {
    /// When something was received last before it, in microseconds since 1970.
    pub since_microseconds: i64,
    /// How many notifications were lost; `None` where the kernel could not even make them, and counted nothing.
    pub lost: Option<u32>,
}

impl Feed {
    /// Subscribes to what these kinds of a protocol need, in the namespace of the calling thread.
    pub fn open(settings: &Settings, protocol: &'static Protocol, kinds: &[KindIndex]) -> Result<Feed> {
        let mut adapter = Adapter::new(protocol);
        // What is remembered needs to know whatever happens to it.
        let remembers = settings.listening.kept().any(|(kind, _)| kinds.contains(&kind));
        let wanted = Wanted {
            kinds,
            actions: if remembers { &[] } else { &settings.actions },
            listening: &settings.listening,
            receive_buffer_bytes: settings.receive_buffer_bytes,
            done: "followed",
        };
        let mut early = Vec::new();
        let (socket, subscription) = subscribe(
            &mut adapter,
            &wanted,
            |_| (),
            |adapter, datagram| early.push((now_microseconds(), adapter.adapt(datagram).to_vec())),
        )?;
        let of_root = protocol.of_root.filter(|_| settings.listening.of_root);
        let drops_told = subscription.drops;
        Ok(Feed {
            early_loss: socket.drops().unwrap_or_default() != drops_told,
            drops_told,
            socket,
            adapter,
            kinds: kinds.to_vec(),
            subscription,
            of_root,
            early,
            readable: true,
            received_microseconds: now_microseconds(),
            received_at: Instant::now(),
            lost: None,
            generation: None,
        })
    }

    /// Its socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The same, and what turns datagrams into what the tables read.
    pub fn parts(&mut self) -> (&Socket, &mut Adapter) {
        (&self.socket, &mut self.adapter)
    }

    /// Its protocol.
    pub fn protocol(&self) -> &'static Protocol {
        self.adapter.protocol()
    }

    /// The kinds whose notifications come here.
    pub fn kinds(&self) -> &[KindIndex] {
        &self.kinds
    }

    /// What it is subscribed to.
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// When something was received last.
    pub fn received_at(&self) -> Instant {
        self.received_at
    }

    /// Takes from the kernel what one call gives, into the backlog, whatever waits there already; notes links that move.
    /// `netns` is the namespace's label. Says whether notifications were lost.
    pub fn read(
        &mut self,
        batch: &mut Batch,
        backlog: &mut Backlog,
        actors: &mut Actors,
        netns: Option<&str>,
        moves: &mut Moves,
    ) -> Result<bool> {
        self.early.drain(..).for_each(|(time, octets)| backlog.push(time, &octets));
        if std::mem::take(&mut self.early_loss) {
            self.lose(0);
            return Ok(true);
        }
        match self.socket.receive(batch) {
            // With room left it was all. What comes after wakes the loop once more, and so does an error.
            Ok(count) => self.readable = count == BATCH_DATAGRAMS,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(error) if is_loss(&error) => {
                log::debug!("the kernel has lost notifications: {error}");
                self.lose(0);
                return Ok(true);
            }
            Err(error) => return Err(Error::system("cannot read from the kernel", &error)),
        }
        let time = now_microseconds();
        self.received_microseconds = time;
        self.received_at = Instant::now();
        let mut is_cut_off = false;
        let Protocol { needs_credentials, is_told_in, said_by, actor, .. } = self.protocol();
        for datagram in batch.datagrams() {
            let is_kernels = !needs_credentials || datagram.sender.is_some_and(|sender| sender.process == 0);
            let is_roots = self.of_root.is_some_and(|of_root| (of_root.is_one)(datagram.bytes))
                && datagram.sender.is_some_and(|sender| sender.user == 0);
            let is_believed = (datagram.port == 0 && is_kernels) || is_roots;
            if !is_believed && said_by.is_none() {
                log::debug!("a datagram of port {} is not the kernel's, and not believed", datagram.port);
            } else if is_told_in.is_some_and(|is_told_in| !is_told_in(datagram.bytes, netns.is_none())) {
                log::trace!("a datagram is told in another network namespace");
            } else if datagram.truncated() && said_by.is_none() {
                log::debug!("a datagram of {} bytes was cut off; there is room for the next one", datagram.length);
                is_cut_off = true;
            } else {
                let octets = self.adapter.adapt(datagram.bytes);
                let said = said_by.map(|said_by| {
                    let mut octets = octets.to_vec();
                    said_by(&mut octets, &datagram);
                    octets
                });
                let octets = said.as_deref().unwrap_or(octets);
                // A command ends as soon as it has its answer.
                let port = wire::messages(octets).next().map_or(0, |message| message.header.port);
                if port != 0 {
                    actors.see(port, time, self.received_at);
                }
                if let Some(process_in) = actor {
                    for message in wire::messages(octets) {
                        if let Some(process) = process_in(message.header.kind, message.payload) {
                            actors.prove(message.header.port, process);
                        }
                    }
                }
                moves.note(netns, time, octets);
                backlog.push(time, octets);
            }
        }
        if self.adapter.take_changed() {
            self.join_further();
        }
        if is_cut_off {
            self.lose(0);
        }
        Ok(is_cut_off)
    }

    /// Learns anew, in the network namespace of the calling thread, what was told while something was lost.
    pub fn learn_anew(&mut self) {
        self.adapter.learn_anew(&self.kinds);
        if self.adapter.take_changed() {
            self.join_further();
        }
    }

    /// Joins groups that a module has brought since.
    fn join_further(&mut self) {
        for group in self.adapter.groups(&self.kinds) {
            if !self.subscription.groups.contains(&group) && matches!(self.socket.join(group), Ok(Joined::Yes)) {
                self.subscription.groups.push(group);
            }
        }
    }

    /// Notifications are lost; so many datagrams of them were received and thrown away.
    pub fn lose(&mut self, discarded: u32) {
        let since_microseconds = self.received_microseconds;
        self.generation = None;
        self.lost.get_or_insert(Lost { since_microseconds, discarded: 0 }).discarded += discarded;
    }

    /// A commit of that number is told. Gives back whether the ones before it were told, too: each counts up by one.
    pub fn follows(&mut self, generation: u32) -> bool {
        let before = self.generation.replace(generation);
        before.is_none_or(|before| generation == before || generation == before.wrapping_add(1))
    }

    /// Whether notifications were lost, which is not told yet.
    pub fn has_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// What is to be told of a loss, once.
    pub fn take_overrun(&mut self) -> Option<Overrun> {
        let Lost { since_microseconds, discarded } = self.lost.take()?;
        self.generation = None;
        let drops = self.socket.drops();
        let lost = drops.map(|drops| drops.wrapping_sub(self.drops_told) + discarded).filter(|&lost| lost > 0);
        self.drops_told = drops.unwrap_or_default();
        Some(Overrun { since_microseconds, lost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;
    use crate::kinds::protocol::Listening;
    use crate::netns::Wanted;

    #[test]
    fn a_loss_is_told_once_with_what_was_thrown_away() {
        let settings = Settings {
            kinds: Vec::new(),
            actions: Vec::new(),
            receive_buffer_bytes: None,
            timeout: None,
            verify: None,
            poll: None,
            metrics: None,
            http: None,
            namespaces: Wanted::Own,
            state: None,
            patience: std::time::Duration::ZERO,
            confined: false,
            listening: Listening::default(),
        };
        let mut feed = Feed::open(&settings, &kinds::rtnetlink::PROTOCOL, &[]).unwrap();
        assert!(!feed.has_lost() && feed.take_overrun().is_none());
        let since = feed.received_microseconds;
        [0, 3, 4].iter().for_each(|&discarded| feed.lose(discarded));
        assert!(feed.has_lost());
        let Overrun { since_microseconds, lost } = feed.take_overrun().unwrap();
        assert_eq!((since_microseconds, lost), (since, Some(7)));
        assert!(!feed.has_lost() && feed.take_overrun().is_none());
        // Nothing was counted.
        feed.lose(0);
        assert_eq!(feed.take_overrun().unwrap().lost, None);
    }
}
