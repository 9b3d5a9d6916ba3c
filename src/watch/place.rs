//! One protocol of a watched namespace: what is known of it, what waits to be told, and, while it is watched, how more becomes known.
//!
//! ```text
//!                 open()                      leave(): its name is gone
//!                   │                                    │
//!                   ▼                                    ▼
//!   ┌──────────────────────────────────────────┐  ┌──────────────┐  everything is told  ┌────────┐
//!   │ Watching                                 │─▶│ Leaving      │─────────────────────▶│ closed │
//!   └──────────────────────────────────────────┘  └──────────────┘                      └────────┘
//!     feed ──read──▶ backlog ──decode──▶ mirror     backlog ──decode──▶ mirror
//!                       ▲ waits            ▲        (no sockets: they would keep the namespace alive)
//!     agenda ──next──▶ job ──found──▶ pending
//! ```
//!
//! What a job has found (`pending`) is told first; then, while no job runs, what was read (`backlog`). The agenda begins the
//! next job once both are empty. So the last word on an object is the kernel's, and no dump overtakes the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Doubt, Purpose};
use super::feed::Feed;
use super::filling::Filling;
use super::job::Job;
use super::names::Sources;
use super::pace::Pace;
use super::subscribe::Subscription;
use super::tell::{Finding, Findings, may_have_consequences, tell_difference, tell_end};
use super::{BACKLOG_BYTES_MAX, Settings};
use crate::actor::Actors;
use crate::backlog::Backlog;
use crate::decode::key;
use crate::decode::schema::ObjectKey;
use crate::error::Result;
use crate::event::Origin;
use crate::json::Json;
use crate::kinds::netfilter::nft::generation;
use crate::kinds::protocol::Protocol;
use crate::kinds::{self, KindIndex};
use crate::mirror::moves::Moves;
use crate::mirror::silence::look::Look;
use crate::mirror::silence::{Occasion, ToldBy};
use crate::mirror::{Mirror, foretell, silence};
use crate::netlink::socket::{Batch, Socket};
use crate::netlink::wire;
use crate::netns::{NamespaceIdentity, Netns};
use crate::store::{Append, Covered, Store};
use crate::stream::{Source, Stream, Taken, Telling};

/// Calls to read in a turn at most, so that other places and decoding get theirs.
pub(super) const READS_MAX: usize = 16;
/// So long a removal is held back that the kernel may take back: it registers the settings of a link that is renamed anew.
const RENEWAL_PAUSE: Duration = Duration::from_millis(5);
/// Of what a look has found, so many objects may lead to further looks: more lead to the same ones.
const LOOKS_FOLLOWED_MAX: usize = 10_000;

/// A namespace of which a protocol's events are told.
#[derive(Debug)]
pub struct Place {
    /// Its number among all that are or were watched.
    pub number: usize,
    protocol: &'static Protocol,
    /// The kinds of its protocol that are followed.
    kinds: Vec<KindIndex>,
    known: Knowledge,
    stage: Stage,
}

/// What is known of a namespace, and what of it waits to be told.
#[derive(Debug)]
pub(super) struct Knowledge {
    pub netns: Netns,
    pub mirror: Mirror,
    pub actors: Actors,
    /// What was read and is not decoded yet.
    pub backlog: Backlog,
    /// What a job has found and is not told yet.
    pub pending: Option<Findings>,
}

/// How far a place is.
#[derive(Debug)]
enum Stage {
    /// More becomes known.
    Watching(Box<Watching>),
    /// Its name is gone: what was read is still told, and then it is closed.
    Leaving,
}

/// How more of a namespace becomes known.
#[derive(Debug)]
pub(super) struct Watching {
    pub feed: Feed,
    pub dump_socket: Socket,
    /// There may be something to read on the socket for dumps.
    pub dump_readable: bool,
    pub agenda: Agenda,
    /// The work that the agenda has begun.
    pub job: Option<Job>,
    /// While the first dumps fill the mirror.
    pub filling: Option<Box<Filling>>,
    /// How the rows of the first dumps are told, and the number of the line that led to them: the one that says that the
    /// namespace appeared while others were watched.
    pub first_rows: (Source, Option<u64>),
    /// Kinds to report to the store as complete when the first dumps are done.
    complete_kinds: Option<Vec<KindIndex>>,
    /// Looks that other protocols' places of the namespace are to take.
    looks_elsewhere: Vec<Look>,
    /// The kinds that other protocols' places of the namespace follow.
    others: Vec<&'static str>,
}

impl Place {
    /// Subscribes to what these kinds of a protocol need, in that namespace, and asks for what exists. `present` says whether
    /// everything is shown.
    pub fn open(
        settings: &Settings,
        number: usize,
        mut netns: Netns,
        (protocol, kinds): (&'static Protocol, Vec<KindIndex>),
        store: Option<&mut Store>,
        present: bool,
    ) -> Result<Place> {
        netns.let_go_of_name()?;
        // In the sandbox other processes' descriptors are not to be had.
        let actors = || if settings.confined { Actors::nobody() } else { Actors::new(protocol.number) };
        let (feed, dump_socket, actors) = netns.inside(|| {
            let feed = Feed::open(settings, protocol, &kinds)?;
            let dump_socket = feed.adapter.open()?;
            Ok((feed, dump_socket, actors()))
        })?;
        let mut mirror = Mirror::new();
        mirror.set_unheard(silence::unheard(&kinds, &feed.subscription().groups));
        let of_others = settings.kinds.iter().filter(|kind| kind.protocol() != protocol);
        let others = of_others.map(|kind| kind.table().name).collect();
        for (kind, most) in settings.listening.kept() {
            mirror.keep_at_most(kind, most);
        }
        let complete_kinds = store.is_some().then(|| mirror.comparable(&kinds));
        let label = netns.label().unwrap_or_default();
        let resumed = store.map(|store| restore(&mut mirror, &kinds, store, label)).transpose()?.unwrap_or_default();
        if let Some(kinds) = &complete_kinds {
            mirror.keep_journal(kinds);
        }
        let now = Instant::now();
        let mut agenda = Agenda::new(&kinds, &mirror, settings.verify, now).poll(settings.poll);
        // Of what is neither shown nor kept nothing is asked: a router's connections are a million.
        let is_taken = |kind: KindIndex| kind.table().hooks.kept_max > 0 || mirror.keeps_any(kind);
        let is_asked_for = |kind: &KindIndex| present || (is_taken(*kind) && !resumed.contains(kind));
        let shown = kinds.iter().copied().filter(is_asked_for).collect();
        let source = if resumed.is_empty() { Source::Snapshot } else { Source::SnapshotOfKnown };
        if !resumed.is_empty() {
            agenda.add(Doubt::Offline(resumed), now);
        }
        agenda.add(Doubt::Start(shown), now);
        let job = agenda.next(now, &mirror).map(|work| Job::new(work, None, protocol, &mirror));
        let watching = Watching {
            feed,
            dump_socket,
            dump_readable: true,
            agenda,
            job,
            filling: Some(Box::default()),
            first_rows: (source, None),
            complete_kinds,
            looks_elsewhere: Vec::new(),
            others,
        };
        let known = Knowledge { netns, mirror, actors, backlog: Backlog::new(BACKLOG_BYTES_MAX), pending: None };
        Ok(Place { number, protocol, kinds, known, stage: Stage::Watching(Box::new(watching)) })
    }

    fn watching(&self) -> Option<&Watching> {
        match &self.stage {
            Stage::Watching(watching) => Some(watching),
            Stage::Leaving => None,
        }
    }

    fn watching_mut(&mut self) -> Option<&mut Watching> {
        self.stage.watching_mut()
    }

    /// Its protocol.
    pub fn protocol(&self) -> &'static Protocol {
        self.protocol
    }

    /// Its namespace's name, unless that is linkhook's own.
    pub fn label(&self) -> Option<&str> {
        self.known.netns.label()
    }

    /// Which namespace it is.
    pub fn identity(&self) -> NamespaceIdentity {
        self.known.netns.identity()
    }

    /// It appeared while others were watched, as that line said: what exists in it is new.
    pub fn appears(&mut self, line: Option<u64>) {
        if let Some(watching) = self.watching_mut() {
            watching.first_rows = (Source::Appeared, line);
        }
    }

    /// Bytes that may wait to be decoded.
    pub fn set_backlog_limit(&mut self, bytes_max: usize) {
        self.known.backlog.set_limit(bytes_max);
    }

    /// Its name is gone: it takes what the kernel still has, and lets go of the namespace, which its sockets would keep
    /// alive.
    pub fn leave(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        let Stage::Watching(watching) = &mut self.stage else { return Ok(()) };
        watching.feed.readable = true;
        while watching.feed.readable && !self.known.backlog.is_full() {
            watching.read(&mut self.known, batch, moves)?;
        }
        // What it has told of what was there is newer than some of that.
        watching.drop_overtaken(&mut self.known, batch, moves)?;
        self.stage = Stage::Leaving;
        self.known.actors.leave();
        self.known.netns.release();
        Ok(())
    }

    /// Whether its name is gone.
    pub fn leaves(&self) -> bool {
        matches!(self.stage, Stage::Leaving)
    }

    /// Whether its name is gone and everything is told.
    pub fn is_left(&self) -> bool {
        self.leaves() && self.known.pending.is_none() && self.known.backlog.is_empty()
    }

    /// The socket for notifications and the one for dumps, while it is watched.
    pub fn sockets(&self) -> Option<(&Socket, &Socket)> {
        self.watching().map(|watching| (watching.feed.socket(), &watching.dump_socket))
    }

    /// What its feed is subscribed to.
    pub(super) fn subscription(&self) -> Option<Subscription> {
        self.watching().map(|watching| watching.feed.subscription().clone())
    }

    /// Whether what exists is known.
    pub fn is_started(&self) -> bool {
        self.watching().is_none_or(|watching| watching.agenda.is_started())
    }

    /// Whether that is told, too, with what changed while linkhook was not running.
    pub fn has_told_what_existed(&self) -> bool {
        self.is_started() && self.known.pending.is_none()
    }

    /// Whether notifications were lost, and what they told is not told yet.
    pub fn is_repairing(&self) -> bool {
        let pending = self.known.pending.as_ref().is_some_and(|findings| findings.purpose == Purpose::Repair);
        let works = |watching: &Watching| {
            watching.feed.has_lost() || watching.job.as_ref().is_some_and(|job| job.purpose == Purpose::Repair)
        };
        pending || self.watching().is_some_and(works)
    }

    /// What is known of it.
    pub fn mirror(&self) -> &Mirror {
        &self.known.mirror
    }

    /// Bytes that were read and are not told yet.
    pub fn backlog_bytes(&self) -> usize {
        self.known.backlog.bytes()
    }

    /// Whether what existed when linkhook last ran was known at the start.
    pub fn is_resumed(&self) -> bool {
        self.watching().is_some_and(|watching| watching.first_rows.0 == Source::SnapshotOfKnown)
    }

    /// Whether there is something that the store is to be told.
    pub fn has_changes(&self) -> bool {
        let completes = |watching: &Watching| watching.complete_kinds.is_some() && watching.agenda.is_started();
        self.known.mirror.changes() > 0 || (self.known.pending.is_none() && self.watching().is_some_and(completes))
    }

    /// Takes what the store is to be told.
    pub fn take_changes(&mut self, append: &mut Append) {
        let netns: Arc<str> = self.label().unwrap_or_default().into();
        self.known.mirror.take_changes(|kind, key, objects| {
            append.changes.push((&netns, kind.table().name), &key, objects.iter().map(|object| &**object));
        });
        let is_told = self.known.pending.is_none();
        if let Some(watching) = self.watching_mut()
            && is_told
            && watching.agenda.is_started()
            && let Some(kinds) = watching.complete_kinds.take()
        {
            let kinds = kinds.into_iter().map(|kind| kind.table().name).collect();
            append.covered.push(Covered { netns, kinds, others: watching.others.clone() });
        }
    }

    /// The store began anew: it is to be told everything.
    pub fn tell_store_all(&mut self) {
        self.known.mirror.mark_all();
        let comparable = self.known.mirror.comparable(&self.kinds);
        if let Some(watching) = self.watching_mut() {
            watching.complete_kinds = Some(comparable);
        }
    }

    /// One of its sockets can be read.
    pub fn woken(&mut self, dump: bool) {
        if let Some(watching) = self.watching_mut() {
            *(if dump { &mut watching.dump_readable } else { &mut watching.feed.readable }) = true;
        }
    }

    /// Whether there is something to do now. `room` says whether lines are taken.
    pub fn has_work(&self, room: bool) -> bool {
        let Knowledge { backlog, pending, .. } = &self.known;
        let Stage::Watching(watching) = &self.stage else { return room };
        let reads = watching.feed.readable && !backlog.is_full();
        let decodes = room
            && (pending.is_some() || (watching.job.is_none() && !backlog.is_empty() && self.held_until().is_none()));
        // A repair tells its end; a dump fills the mirror, or a shadow of it, and waits for room at the start alone.
        let dumps = watching.job.as_ref().is_some_and(|job| {
            pending.is_none()
                && (job.running.is_none() || watching.dump_readable)
                && (room || job.purpose != Purpose::Start)
        });
        reads || decodes || dumps
    }

    /// When something is to be done, if nothing happens before.
    pub fn due(&self) -> Option<Instant> {
        let Knowledge { backlog, pending, .. } = &self.known;
        // As in `Watching::work`: nothing begins before these are told.
        let watching = self.watching().filter(|watching| !watching.feed.readable)?;
        if let Some(until) = self.held_until().filter(|_| pending.is_none() && watching.job.is_none()) {
            return Some(until);
        }
        watching.agenda.due().filter(|_| pending.is_none() && backlog.is_empty())
    }

    /// Takes from the kernel what it has, into the backlog; notes links that move, and how much it was.
    pub(super) fn read(&mut self, batch: &mut Batch, moves: &mut Moves, pace: &mut Pace) -> Result<()> {
        let Stage::Watching(watching) = &mut self.stage else { return Ok(()) };
        let mut datagrams = 0;
        for _ in 0..READS_MAX {
            if !watching.feed.readable || self.known.backlog.is_full() {
                break;
            }
            watching.read(&mut self.known, batch, moves)?;
            datagrams += batch.datagrams().len();
        }
        pace.took(datagrams, watching.feed.subscription().receive_buffer_bytes);
        Ok(())
    }

    /// Goes on with the job that runs, or begins the one that is due. `true` when the socket for dumps is a new one.
    pub fn work(&mut self, stream: &mut Stream, out: &mut Json, batch: &mut Batch, room: bool) -> Result<bool> {
        match &mut self.stage {
            Stage::Watching(watching) => watching.work(&mut self.known, stream, out, batch, room),
            Stage::Leaving => Ok(false),
        }
    }

    /// Takes the looks that other protocols' places of the namespace are to take.
    pub fn take_looks_elsewhere(&mut self) -> Vec<Look> {
        self.watching_mut().map(|watching| std::mem::take(&mut watching.looks_elsewhere)).unwrap_or_default()
    }

    /// Takes the looks at what it follows.
    pub fn look(&mut self, looks: &[Look]) {
        let kinds = &self.kinds;
        let looks: Vec<Look> = looks.iter().filter(|look| kinds.contains(&look.kind)).copied().collect();
        if let Some(watching) = self.watching_mut() {
            watching.look(looks);
        }
    }

    /// Tells what waits: first what a job has found, then what is in the backlog, until so many bytes have gathered.
    pub fn tell(&mut self, stream: &mut Stream, out: &mut Json, bytes_max: usize) {
        while !stream.is_done() && out.bytes().len() < bytes_max {
            let Knowledge { netns, mirror, backlog, pending, .. } = &mut self.known;
            if let Some(told) = pending {
                let Some(found) = told.differences.pop_front() else {
                    tell_end(told, netns.label(), stream, out);
                    *pending = None;
                    continue;
                };
                tell_difference(told, &found, netns.label(), mirror, stream, out);
                let Finding { difference, .. } = found;
                let object = difference.new.as_deref().or(difference.old.as_deref()).unwrap_or_default();
                mirror.mark(difference.kind, object);
            } else if !backlog.is_empty()
                && self.watching().is_none_or(|watching| watching.job.is_none())
                && self.held_until().is_none()
            {
                self.decode_one(stream, out);
            } else {
                return;
            }
        }
    }

    /// Until when what waits is not told: it is a removal that the kernel may take back with its next word.
    fn held_until(&self) -> Option<Instant> {
        let mut waiting = self.known.backlog.iter();
        let (Some((_, only)), None) = (waiting.next(), waiting.next()) else { return None };
        let until = self.watching()?.feed.received_at() + RENEWAL_PAUSE;
        (is_renewed(only) && Instant::now() < until).then_some(until)
    }

    fn decode_one(&mut self, stream: &mut Stream, out: &mut Json) {
        let Knowledge { netns, mirror, actors, backlog, .. } = &mut self.known;
        let Some((time_microseconds, datagram)) = backlog.first() else { return };
        let telling =
            Telling { origin: Origin::Kernel, cause: None, time_microseconds, netns: netns.label(), actor: None };
        let watching = self.stage.watching_mut();
        let feed = watching.as_ref().map(|watching| &watching.feed);
        let names = Sources { backlog, socket: feed.map(Feed::socket) };
        let is_lossy = feed.is_some_and(Feed::has_lost);
        let now = feed.map_or_else(Instant::now, Feed::received_at);
        if is_renewed(datagram) && backlog.iter().nth(1).is_some_and(|(_, next)| is_taken_back(datagram, next)) {
            backlog.pop();
            return;
        }
        let mut messages = wire::messages(datagram);
        let mut looks = Vec::new();
        let mut foretold = Vec::new();
        let mut told = None;
        let mut generation = None;
        for message in messages.by_ref() {
            if message.header.kind < wire::NLMSG_MIN_TYPE {
                continue;
            }
            names.learn_for_message(&mut mirror.links, &message, is_lossy);
            let actor = (message.header.port != 0).then(|| actors.of(message.header.port, time_microseconds));
            let telling_by = Telling { actor, ..telling };
            let Taken { line, kind, link, flushed } = stream.message(out, mirror, &message, Source::Kernel, telling_by);
            told = line.or(told);
            looks.extend(flushed.map(|kind| Look { cause: line, ..Look::at(kind) }));
            let Some((kind, gone)) = kind else { continue };
            let occasion = Occasion { kind, gone, payload: message.payload, link, word: ToldBy::Kernel(line) };
            silence::looks(&mut looks, mirror, &occasion);
            foretold.extend(foretell::leaving(&occasion).map(|leaving| (line, mirror.take_leaving(leaving))));
            foretold.extend(foretell::left_bridge(&occasion).map(|port| (line, mirror.take_routers_of_vlans(port))));
            generation = generation::number(message.header.kind, message.payload).or(generation);
        }
        if !messages.rest().is_empty() {
            stream.undecoded(out, messages.rest(), "its length is wrong", telling);
        }
        backlog.pop();
        if backlog.is_empty() {
            actors.forget_answers();
        }
        let doubted = mirror.take_doubted();
        let unsettled = unsettled(mirror, told);
        if let Some(watching) = watching {
            if generation.is_some_and(|generation| !watching.feed.follows(generation) && !is_lossy) {
                log::debug!("a commit of nf_tables was not told");
                watching.feed.lose(0);
                watching.agenda.add(Doubt::Loss, now);
            }
            watching.agenda.add(Doubt::Quiet { cause: told }, now);
            let doubted = doubted.into_iter().map(|kind| Look { cause: told, ..Look::at(kind) });
            watching.look(looks.into_iter().chain(unsettled).chain(doubted));
        }
        for (cause, differences) in foretold {
            let found = |difference| Finding { difference, cause, time_microseconds };
            let differences = differences.into_iter().map(found).collect();
            let consequences = self.known.take_in(Findings::new(Purpose::Look, cause, now, differences));
            if let Some(watching) = self.watching_mut() {
                watching.look(consequences);
            }
        }
    }
}

impl Stage {
    fn watching_mut(&mut self) -> Option<&mut Watching> {
        match self {
            Stage::Watching(watching) => Some(watching),
            Stage::Leaving => None,
        }
    }
}

impl Knowledge {
    /// Takes in what is to be told next, and gives back the looks that may find what follows from it: what a look has found
    /// may have led to more.
    pub fn take_in(&mut self, findings: Findings) -> Vec<Look> {
        let mut looks = Vec::new();
        if findings.purpose == Purpose::Look {
            for Finding { difference, cause, .. } in
                findings.differences.iter().filter(|found| may_have_consequences(&found.difference))
            {
                if looks.len() > LOOKS_FOLLOWED_MAX {
                    break;
                }
                silence::looks_of_difference(&mut looks, &self.mirror, difference, *cause);
            }
        }
        match &mut self.pending {
            Some(before) => before.differences.extend(findings.differences),
            None => self.pending = Some(findings),
        }
        looks
    }
}

impl Watching {
    /// Takes from the kernel what one call gives, into the backlog; notes links that move.
    pub fn read(&mut self, known: &mut Knowledge, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        if self.feed.read(batch, &mut known.backlog, &mut known.actors, known.netns.label(), moves)? {
            self.agenda.add(Doubt::Loss, Instant::now());
        }
        Ok(())
    }

    /// Looks soon.
    pub fn look(&mut self, looks: impl IntoIterator<Item = Look>) {
        let mut looks = looks.into_iter().peekable();
        if looks.peek().is_none() {
            // Nothing follows from routes, which come in great numbers: the clock is not asked for them.
            return;
        }
        let now = Instant::now();
        let protocol = self.feed.protocol();
        let (here, elsewhere): (Vec<Look>, Vec<Look>) = looks.partition(|look| look.kind.protocol() == protocol);
        here.into_iter().for_each(|look| self.agenda.add(Doubt::Silent(look), now));
        self.looks_elsewhere.extend(elsewhere);
    }
}

/// Whether a datagram says that an object is gone of a kind whose objects the kernel removes and adds again at once.
fn is_renewed(datagram: &[u8]) -> bool {
    object_of(datagram).is_some_and(|(kind, removes, _)| removes && kind.table().hooks.renewed)
}

/// Whether the next datagram adds what this one has removed.
fn is_taken_back(datagram: &[u8], next: &[u8]) -> bool {
    let key = |(kind, _, payload): (KindIndex, bool, &[u8])| {
        let mut key = ObjectKey::new();
        key::write(&mut key, kind.table(), payload);
        (kind, key)
    };
    let (gone, come) = (object_of(datagram), object_of(next));
    come.is_some_and(|(_, removes, _)| !removes) && gone.map(key) == come.map(key)
}

/// The kind of the object that a datagram's first message speaks of, whether it is gone, and the payload.
fn object_of(datagram: &[u8]) -> Option<(KindIndex, bool, &[u8])> {
    let message = wire::messages(datagram).next()?;
    let (kind, removes) = kinds::of_message(message.header.kind, *message.payload.first()?)?;
    (message.payload.len() >= kind.table().header.bytes).then_some((kind, removes, message.payload))
}

/// Looks at what the mirror could not be sure of when it took something in; `cause` is the number of the line that told it.
pub(super) fn unsettled(mirror: &mut Mirror, cause: Option<u64>) -> impl Iterator<Item = Look> + use<> {
    mirror.take_unsettled().into_iter().map(move |(family, ifindex)| {
        let route = const { KindIndex::of(&kinds::rtnetlink::route::ROUTE) };
        Look { link: Some(ifindex), family: Some(family), cause, ..Look::at(route) }
    })
}

/// Fills the mirror with what the store knows, and gives back the watched kinds all of whose objects that are.
fn restore(mirror: &mut Mirror, kinds: &[KindIndex], store: &mut Store, netns: &str) -> Result<Vec<KindIndex>> {
    let mut comparable = mirror.comparable(kinds);
    let known = store.known(netns, |name, payload| {
        let kind = comparable.iter().copied().find(|&kind| kind.table().name == name);
        if let Some(kind) = kind.filter(|&kind| payload.len() >= kind.table().header.bytes)
            && mirror.keeps(kind, payload)
        {
            // As a dump shows it: behind those of its identity that are there.
            mirror.apply(kind, false, wire::NLM_F_MULTI, payload);
        }
    })?;
    // In the order in which they are asked for: links first.
    comparable.retain(|&kind| known.iter().any(|name| kind.table().name == name));
    Ok(comparable)
}
