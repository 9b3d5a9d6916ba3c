//! One watched namespace: its sockets, its mirror, and what is to be done there next.

mod filling;
mod jobs;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::agenda::{Agenda, Doubt, Purpose, comparable};
use super::found::{Found, Pending, may_have_consequences, tell_difference};
use super::job::Job;
use super::names::Sources;
use super::{BACKLOG_BYTES_MAX, Settings, now_microseconds, own_telling};
use crate::actor::Actors;
use crate::backlog::Backlog;
use crate::error::{Error, Result};
use crate::event::Origin;
use crate::json::Json;
use crate::kinds::{self, KINDS, KindIndex};
use crate::mirror::looks::Look;
use crate::mirror::moves::Moves;
use crate::mirror::{Mirror, foretell, silence};
use crate::netlink::socket::{BATCH_DATAGRAMS, Batch, NETLINK_ROUTE, Socket, is_loss};
use crate::netlink::wire;
use crate::netns::{Identity, Netns};
use crate::store::database::encode;
use crate::store::{Append, Objects, Store};
use crate::stream::{Source, Stream, Telling};
use filling::Filling;

/// Octets asked for a receive buffer where the user does not say; the kernel takes memory only as it fills.
const RECEIVE_BUFFER_BYTES: usize = 128 << 20;
/// Calls to read in a turn at most, so that other places and decoding get theirs.
const READS_MAX: usize = 16;
/// Of what a look has found, so many objects may lead to further looks: more lead to the same ones.
const LOOKS_FOLLOWED_MAX: usize = 10_000;

/// A watched namespace.
#[derive(Debug)]
pub struct Place {
    /// Its number among all that are or were watched.
    pub number: usize,
    netns: Netns,
    /// It appeared while others were watched; the number of the line that said so.
    appeared: Option<Option<u64>>,
    /// Its name is gone: what was read is still told, and then it is closed.
    leaves: bool,
    socket: Socket,
    dump_socket: Socket,
    groups: Vec<u32>,
    receive_buffer_bytes: usize,
    mirror: Mirror,
    actors: Actors,
    backlog: Backlog,
    readable: bool,
    dump_readable: bool,
    /// The kernel's count of drops that was told last.
    drops_told: u32,
    loss: Option<Loss>,
    /// The kinds of which it hears.
    kinds: Vec<KindIndex>,
    agenda: Agenda,
    /// The work that the agenda has begun.
    job: Option<Job>,
    /// While the first dumps fill the mirror.
    filling: Option<Box<Filling>>,
    /// What existed when linkhook last ran was known at the start.
    resumed: bool,
    /// Kinds all of whose objects the mirror has, once the start is done, and which the store is not told of yet.
    covers: Option<Vec<KindIndex>>,
    pending: Option<Pending>,
    last_received_microseconds: i64,
    received_at: Instant,
}

/// Notifications were lost.
#[derive(Debug)]
struct Loss {
    since_microseconds: i64,
    /// Datagrams that were received and thrown away, which the kernel does not count.
    discarded: u32,
}

impl Place {
    /// Subscribes to what the kinds need, in that namespace, and asks for what exists. `present` says whether
    /// everything is shown.
    pub fn open(
        settings: &Settings,
        number: usize,
        mut netns: Netns,
        store: Option<&mut Store>,
        present: bool,
    ) -> Result<Place> {
        netns.let_go_of_name()?;
        let (socket, dump_socket, actors, groups, receive_buffer_bytes) = netns.inside(|| Place::sockets(settings))?;
        let mut mirror = Mirror::new();
        let covers = store.is_some().then(|| comparable(&settings.kinds));
        let label = netns.label().unwrap_or_default();
        let resumed = store.map(|store| restore(&mut mirror, settings, store, label)).transpose()?.unwrap_or_default();
        if let Some(covers) = &covers {
            mirror.keep_journal(covers);
        }
        let now = Instant::now();
        let mut agenda = Agenda::new(&settings.kinds, settings.verify, now);
        let shown = settings.kinds.iter().copied().filter(|kind| present || !resumed.contains(kind)).collect();
        let is_resumed = !resumed.is_empty();
        if is_resumed {
            agenda.add(Doubt::Offline(resumed), now);
        }
        agenda.add(Doubt::Start(shown), now);
        let job = agenda.next(now, &mirror).map(|work| Job::new(work, None, &mirror));
        Ok(Place {
            number,
            netns,
            appeared: None,
            leaves: false,
            drops_told: socket.drops().unwrap_or_default(),
            socket,
            dump_socket,
            groups,
            receive_buffer_bytes,
            mirror,
            actors,
            backlog: Backlog::new(BACKLOG_BYTES_MAX),
            readable: true,
            dump_readable: true,
            loss: None,
            kinds: settings.kinds.clone(),
            agenda,
            job,
            filling: Some(Box::default()),
            resumed: is_resumed,
            covers,
            pending: None,
            last_received_microseconds: now_microseconds(),
            received_at: now,
        })
    }

    /// Both sockets, who makes changes, the groups, and the receive buffer's size.
    fn sockets(settings: &Settings) -> Result<(Socket, Socket, Actors, Vec<u32>, usize)> {
        let socket = Socket::open(NETLINK_ROUTE)?;
        let wanted = settings.receive_buffer_bytes.unwrap_or(RECEIVE_BUFFER_BYTES);
        let granted = socket
            .set_receive_buffer(wanted)
            .map_err(|error| Error::system("cannot set the receive buffer's size", &error))?;
        let mut groups = Vec::new();
        for group in silence::groups(&settings.kinds) {
            match socket.join(group) {
                Ok(true) => groups.push(group),
                Ok(false) => log::debug!("this kernel does not have the group {group}"),
                Err(error) => return Err(Error::system(format_args!("cannot join the group {group}"), &error)),
            }
        }
        Ok((socket, Socket::open(NETLINK_ROUTE)?, Actors::new(), groups, granted))
    }

    /// Its name, unless it is linkhook's own.
    pub fn label(&self) -> Option<&str> {
        self.netns.label()
    }

    /// Which namespace it is.
    pub fn identity(&self) -> Identity {
        self.netns.identity()
    }

    /// It appeared while others were watched, as that line said: what exists in it is new.
    pub fn appears(&mut self, line: Option<u64>) {
        self.appeared = Some(line);
    }

    /// Octets that may wait to be decoded.
    pub fn set_backlog_limit(&mut self, bytes_max: usize) {
        self.backlog.set_limit(bytes_max);
    }

    /// Its name is gone: it takes what the kernel still has, and lets go of the namespace, which its sockets would keep
    /// alive.
    pub fn leave(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        self.readable = true;
        while self.readable && !self.backlog.is_full() {
            self.read(batch, moves)?;
        }
        // What it has told of what was there is newer than some of that.
        self.drop_overtaken(batch, moves)?;
        self.leaves = true;
        self.readable = false;
        // Of no group, in linkhook's own namespace: they stay silent.
        self.socket = Socket::open(NETLINK_ROUTE)?;
        self.dump_socket = Socket::open(NETLINK_ROUTE)?;
        self.actors = Actors::nobody();
        self.netns.release();
        self.agenda = Agenda::new(&[], None, Instant::now());
        self.job = None;
        self.loss = None;
        Ok(())
    }

    /// Whether its name is gone.
    pub fn leaves(&self) -> bool {
        self.leaves
    }

    /// Whether its name is gone and everything is told.
    pub fn is_left(&self) -> bool {
        self.leaves && self.pending.is_none() && self.backlog.is_empty()
    }

    /// The socket for notifications.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The socket for dumps.
    pub fn dump_socket(&self) -> &Socket {
        &self.dump_socket
    }

    /// The groups that were joined.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Octets of the receive buffer, as the kernel counts them.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.receive_buffer_bytes
    }

    /// Whether what exists is known.
    pub fn is_started(&self) -> bool {
        self.agenda.is_started()
    }

    /// Whether what existed when linkhook last ran was known at the start.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Whether there is something that the store is to be told.
    pub fn has_changes(&self) -> bool {
        self.mirror.changes() > 0 || (self.covers.is_some() && self.is_quiet_start())
    }

    fn is_quiet_start(&self) -> bool {
        !self.leaves && self.is_started() && self.pending.is_none()
    }

    /// Takes what the store is to be told.
    pub fn take_changes(&mut self, append: &mut Append) {
        let netns: Arc<str> = self.label().unwrap_or_default().into();
        self.mirror.take_changes(|kind, key, objects| {
            let objects = (!objects.is_empty()).then(|| encode(objects.iter().map(|object| &**object)));
            let (netns, kind, key) = (netns.clone(), KINDS[kind].name, key.into());
            append.objects.push(Objects { netns, kind, key, objects });
        });
        if self.is_quiet_start()
            && let Some(kinds) = self.covers.take()
        {
            append.covered.push((netns, kinds.into_iter().map(|kind| KINDS[kind].name).collect()));
        }
    }

    /// The store began anew: it is to be told everything.
    pub fn tell_store_all(&mut self, settings: &Settings) {
        self.mirror.mark_all();
        self.covers = Some(comparable(&settings.kinds));
    }

    /// One of its sockets can be read.
    pub fn woken(&mut self, dump: bool) {
        *(if dump { &mut self.dump_readable } else { &mut self.readable }) = true;
    }

    /// Whether there is something to do now. `room` says whether lines are taken.
    pub fn has_work(&self, room: bool) -> bool {
        if self.leaves {
            return room;
        }
        let reads = self.readable && !self.backlog.is_full();
        let decodes = room && (self.pending.is_some() || (self.job.is_none() && !self.backlog.is_empty()));
        // A repair tells its end; a dump fills the mirror, or a shadow of it, and waits for room at the start alone.
        let dumps = self.job.as_ref().is_some_and(|job| {
            self.pending.is_none()
                && (job.running.is_none() || self.dump_readable)
                && (room || job.purpose != Purpose::Start)
        });
        reads || decodes || dumps
    }

    /// When something is to be done, if nothing happens before.
    pub fn due(&self) -> Option<Instant> {
        // As in `begin_what_is_due`: nothing begins before these are told.
        let waits = self.leaves || self.pending.is_some() || !self.backlog.is_empty() || self.readable;
        self.agenda.due().filter(|_| !waits)
    }

    /// Takes from the kernel what it has, into the backlog; notes links that move.
    pub fn read(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        for _ in 0..READS_MAX {
            if !self.readable || self.backlog.is_full() {
                break;
            }
            self.read_once(batch, moves)?;
        }
        Ok(())
    }

    /// The same in one call, whatever waits already.
    fn read_once(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        match self.socket.receive(batch) {
            // With room left it was all. What comes after wakes the loop once more, and so does an error.
            Ok(count) => self.readable = count == BATCH_DATAGRAMS,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(());
            }
            Err(error) if is_loss(&error) => {
                log::debug!("the kernel has lost notifications: {error}");
                self.lost();
                return Ok(());
            }
            Err(error) => return Err(Error::system("cannot read from the kernel", &error)),
        }
        let time = now_microseconds();
        self.last_received_microseconds = time;
        self.received_at = Instant::now();
        let mut longest = 0;
        for datagram in batch.datagrams() {
            if datagram.port != 0 {
                log::debug!("a datagram of port {} is not the kernel's, and not believed", datagram.port);
            } else if datagram.truncated() {
                longest = longest.max(datagram.length);
            } else {
                moves.note(self.netns.label(), time, datagram.bytes);
                self.backlog.push(time, datagram.bytes);
            }
        }
        if longest > 0 {
            log::debug!("a datagram of {longest} octets was cut off; there is room for the next one");
            batch.make_room(longest);
            self.lost();
        }
        Ok(())
    }

    fn lost(&mut self) {
        let since_microseconds = self.last_received_microseconds;
        self.loss.get_or_insert(Loss { since_microseconds, discarded: 0 });
        self.agenda.add(Doubt::Loss, Instant::now());
    }

    /// Tells what waits: first what a job has found, then what is in the backlog, until so many octets have gathered.
    pub fn tell(&mut self, stream: &mut Stream, out: &mut Json, bytes_max: usize) {
        while !stream.is_done() && out.bytes().len() < bytes_max {
            if let Some(pending) = &mut self.pending {
                let Some(found) = pending.differences.pop_front() else {
                    self.told(stream, out);
                    continue;
                };
                tell_difference(pending, &found, self.netns.label(), &self.mirror, stream, out);
                let Found { difference, .. } = found;
                let object = difference.new.as_deref().or(difference.old.as_deref()).unwrap_or_default();
                self.mirror.mark(difference.kind, object);
            } else if self.job.is_none() && !self.backlog.is_empty() {
                self.decode_one(stream, out);
            } else {
                return;
            }
        }
    }

    /// Everything that a job has found is told.
    fn told(&mut self, stream: &mut Stream, out: &mut Json) {
        let Some(pending) = self.pending.take() else { return };
        let found = pending.added + pending.changed + pending.removed;
        if pending.purpose == Purpose::Verify && found == 0 {
            log::debug!("the mirror is as the kernel is");
        } else if pending.purpose == Purpose::Verify {
            log::warn!(
                "the mirror was not as the kernel is: {} objects were missing, {} other, {} gone; please report it",
                pending.added,
                pending.changed,
                pending.removed
            );
        }
        if pending.purpose == Purpose::Repair || (pending.purpose == Purpose::Verify && found > 0) {
            let telling = Telling { cause: pending.cause, ..own_telling(self.netns.label()) };
            stream.own(out, "resync", "done", telling, |out| {
                for (key, number) in
                    [("added", pending.added), ("changed", pending.changed), ("removed", pending.removed)]
                {
                    out.key(key);
                    out.unsigned(number);
                }
                out.key("took");
                out.display(format_args!("{:.6}s", pending.began.elapsed().as_secs_f64()));
                if pending.purpose == Purpose::Verify {
                    out.key("reason");
                    out.string("verify");
                }
            });
        }
    }

    fn decode_one(&mut self, stream: &mut Stream, out: &mut Json) {
        let Some((time_microseconds, datagram)) = self.backlog.first() else { return };
        let telling =
            Telling { origin: Origin::Kernel, cause: None, time_microseconds, netns: self.netns.label(), actor: None };
        let names = Sources { backlog: &self.backlog, socket: (!self.leaves).then_some(&self.socket) };
        let mut messages = wire::messages(datagram);
        let mut looks = Vec::new();
        let mut foretold = Vec::new();
        let mut told = None;
        let now = self.received_at;
        for message in messages.by_ref() {
            if message.header.kind < wire::NLMSG_MIN_TYPE {
                continue;
            }
            names.learn_for_message(&mut self.mirror.links, &message, self.loss.is_some());
            let before = silence::before(&self.mirror, &message);
            let actor = (message.header.port != 0).then(|| self.actors.of(message.header.port, now));
            let telling_by = Telling { actor, ..telling };
            let line = stream.message(out, &mut self.mirror, &message, Source::Kernel, telling_by);
            told = line.or(told);
            silence::looks(&mut looks, &self.mirror, &message, before.as_ref(), line);
            let leaving = before.and_then(|before| foretell::leaving(&message, &before));
            foretold.extend(leaving.map(|leaving| (line, self.mirror.take_leaving(leaving))));
        }
        if !messages.rest().is_empty() {
            stream.undecoded(out, messages.rest(), "its length is wrong", telling);
        }
        self.backlog.pop();
        self.agenda.add(Doubt::Quiet { cause: told }, now);
        self.look(looks);
        self.look_at_unsettled(told);
        for (cause, differences) in foretold {
            let found = |difference| Found { difference, cause, time_microseconds };
            let differences = differences.into_iter().map(found).collect();
            self.found(Pending::new(Purpose::Look, cause, now, differences));
        }
    }

    /// Looks soon at what the mirror could not be sure of.
    fn look_at_unsettled(&mut self, cause: Option<u64>) {
        let unsettled = self.mirror.take_unsettled();
        if unsettled.is_empty() {
            return;
        }
        let route = kinds::index_of(&kinds::route::ROUTE).unwrap_or_default();
        self.look(unsettled.into_iter().map(|(family, ifindex)| Look {
            link: Some(ifindex),
            family: Some(family),
            cause,
            ..Look::at(route)
        }));
    }

    /// Looks soon.
    fn look(&mut self, looks: impl IntoIterator<Item = Look>) {
        let mut looks = looks.into_iter().peekable();
        if looks.peek().is_none() {
            // Nothing follows from routes, which come in great numbers: the clock is not asked for them.
            return;
        }
        let now = Instant::now();
        looks.for_each(|look| self.agenda.add(Doubt::Silent(look), now));
    }

    /// Takes in what is to be told next. What a look has found may have led to more.
    fn found(&mut self, pending: Pending) {
        let mut looks = Vec::new();
        if pending.purpose == Purpose::Look {
            for Found { difference, cause, .. } in
                pending.differences.iter().filter(|found| may_have_consequences(&found.difference))
            {
                if looks.len() > LOOKS_FOLLOWED_MAX {
                    break;
                }
                silence::looks_of_difference(&mut looks, &self.mirror, difference, *cause);
            }
        }
        self.look(looks);
        match &mut self.pending {
            Some(before) => before.differences.extend(pending.differences),
            None => self.pending = Some(pending),
        }
    }
}

/// Fills the mirror with what the store knows, and gives back the watched kinds all of whose objects that are.
fn restore(mirror: &mut Mirror, settings: &Settings, store: &mut Store, netns: &str) -> Result<Vec<KindIndex>> {
    let mut comparable = comparable(&settings.kinds);
    let known = store.known(netns, |name, payload| {
        let kind = comparable.iter().copied().find(|&kind| KINDS[kind].name == name);
        if let Some(kind) = kind.filter(|&kind| payload.len() >= KINDS[kind].header.bytes) {
            // As a dump shows it: behind those of its identity that are there.
            mirror.apply(kind, false, wire::NLM_F_MULTI, payload);
        }
    })?;
    // In the order in which they are asked for: links first.
    comparable.retain(|&kind| known.iter().any(|name| KINDS[kind].name == name));
    Ok(comparable)
}
