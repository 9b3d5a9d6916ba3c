//! The loop: what wakes it, and what each wake-up does. Nothing in it blocks.
//!
//! Each watched namespace is a [`Place`]. A place reads first, into its backlog, and decodes in slices. While a dump
//! runs, and until what it showed is told, the backlog waits: then the notifications that came meanwhile follow, and
//! the last word is the kernel's.

mod agenda;
mod ask;
mod feed;
mod figures;
mod filling;
pub mod job;
mod lines;
mod names;
mod namespaces;
mod overtaken;
mod pace;
mod place;
mod reload;
pub mod subscribe;
mod tell;

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::UnixStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::HttpSettings;
use crate::deliver::Webhook;
use crate::deliver::hub::{Durable, Hub, Loss};
use crate::error::{Error, Result};
use crate::event::own;
use crate::event::{Action, Origin};
use crate::json::Json;
use crate::kinds::KindIndex;
use crate::kinds::protocol::{Listening, Protocol};
use crate::manager::Manager;
use crate::mirror::silence;
use crate::netlink::socket::{Batch, Socket};
use crate::netns::{self, Discovery, NamespaceIdentity, Netns, Wanted};
use crate::output::outputs::{Output, Outputs};
use crate::signals;
use crate::spool;
use crate::store::{Append, Commits, Run, Store};
use crate::stream::judge::{Asker, UnjudgedEvents};
use crate::stream::{Stream, Telling};
use crate::threads;
use crate::units::{counted, counted_are, counted_were};
use figures::Measures;
use pace::Pace;
pub use place::Place;
use reload::Reloading;
pub use reload::{Reload, Reloaded};
use subscribe::Subscription;
pub use subscribe::denied;

/// Bytes of notifications that wait to be decoded at most, of all namespaces together.
pub const BACKLOG_BYTES_MAX: usize = 16 << 20;
/// So many of them are each namespace's, however many there are.
const BACKLOG_BYTES_MIN: usize = 128 << 10;
/// A receive buffer below this is said to be small.
const RECEIVE_BUFFER_SMALL_BYTES: usize = 1 << 20;
/// So many wake-ups are taken at once. Where a link moves, both namespaces must be read before either is told.
const WAKE_UPS_MAX: usize = 4096;
/// Lines are handed to the writer once so many bytes have gathered.
const LINES_BYTES: usize = 256 << 10;
/// How long the end waits for a reader that does not read, and for the store.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end waits for the jq filter.
const JUDGE_TIMEOUT: Duration = Duration::from_secs(2);
/// More than all of the end's waits together, but for the webhooks.
const END_TIMEOUT: Duration = Duration::from_secs(30);

const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);
const NAMESPACES: Token = Token(usize::MAX - 2);
const HANGUPS: Token = Token(usize::MAX - 3);
const READER: Token = Token(usize::MAX - 4);

/// What is watched, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Kinds whose objects are followed.
    pub kinds: Vec<KindIndex>,
    /// The actions that are told; all where there is none.
    pub actions: Vec<Action>,
    /// Bytes asked for each receive buffer; `None` for as much as is good.
    pub receive_buffer_bytes: Option<usize>,
    /// The end comes after that time.
    pub timeout: Option<Duration>,
    /// So often the mirror is held against the kernel.
    pub verify: Option<Duration>,
    /// So often kinds of which the kernel tells nothing are looked at.
    pub poll: Option<Duration>,
    /// So often linkhook tells what it counts of itself.
    pub metrics: Option<Duration>,
    /// Where that can be asked for, until another configuration is read.
    pub http: Option<HttpSettings>,
    /// Which network namespaces.
    pub namespaces: Wanted,
    /// Where what outlives linkhook is kept.
    pub state: Option<StateDirectory>,
    /// How long the end waits for a reader of the lines that does not read. After a signal it is 5 s at most.
    pub patience: Duration,
    /// Whether capabilities are given up once the sockets are open.
    pub confined: bool,
    /// What the kernel is asked to tell, where not all is wanted.
    pub listening: Listening,
}

impl Settings {
    /// Whether what was told is kept.
    pub fn keeps_history(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.commits.history.is_some())
    }
}

/// The state directory.
#[derive(Debug, Clone)]
pub struct StateDirectory {
    /// Its path.
    pub directory: PathBuf,
    /// How commits are made.
    pub commits: Commits,
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As many objects were told as were asked for.
    Count,
    /// The time is over.
    Timeout,
    /// SIGINT, SIGTERM, or a SIGHUP that it does not outlive.
    Signal,
    /// The reader of the lines has gone away.
    Closed,
}

/// The webhooks of a watch.
pub struct Delivery {
    /// Each gets what it wants.
    pub webhooks: Vec<Webhook>,
    /// The host's name for the receivers.
    pub host: String,
    /// How long the end waits for them.
    pub shutdown: Duration,
    /// Called on SIGHUP.
    pub reload: Reload,
}

/// Now, in microseconds since 1970.
pub fn now_microseconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// The telling of linkhook's own events.
pub fn own_telling(netns: Option<&str>) -> Telling<'_> {
    Telling { origin: Origin::Linkhook, cause: None, time_microseconds: now_microseconds(), netns, actor: None }
}

/// Follows events until the count is reached, the time is over, a signal comes or the reader has gone away, and says which
/// of them it was.
pub fn watch(
    settings: &Settings,
    mut stream: Stream,
    outputs: Vec<Output>,
    delivery: Option<Delivery>,
) -> Result<Ended> {
    let cannot = |error| Error::system("cannot wait for events", &error);
    let poll = Poll::new().map_err(cannot)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(cannot)?);
    let wake = || {
        let waker = waker.clone();
        // A loop that has ended needs no waking.
        move || drop(waker.wake())
    };
    let store = settings.state.as_ref().map(|state| Store::open(&state.directory, state.commits, wake()));
    let store = store.transpose()?;
    if let Some(store) = &store {
        stream.continue_after(store.sequence());
        if settings.keeps_history() {
            stream.keep_lines();
        }
    }
    let (mut shutdown, mut reloading, service) = (Duration::ZERO, None, delivery.is_some());
    let measures = Measures::new(settings, waker.clone(), &mut stream)?;
    if let Some(delivery) = delivery {
        shutdown = delivery.shutdown;
        reloading = Some(Reloading::new(delivery.reload.clone(), waker.clone()));
        stream.deliver_to(start_hub(delivery, store.as_ref().zip(settings.state.as_ref()), wake())?);
    }
    let roster = stream.hub().and_then(Hub::roster).cloned();
    let spool = settings.state.as_ref().zip(roster);
    let spool = spool.and_then(|(state, roster)| spool::server::Server::start(&state.directory, roster));
    let judge = stream.options().judge();
    let asker = judge.map(|judge| Asker::start(judge, service, wake())).transpose()?;
    let started = Outputs::start(outputs, wake);
    let (outputs, shares) = started.map_err(|error| Error::system("cannot start the output's thread", &error))?;
    stream.share(shares);
    let outlives_hangups = reloading.is_some() || outputs.have_sinks() || signals::ignores_hangups();
    // Until here they ended it at once.
    let (signals, hangups) = signals::take()?;
    let mut watch = WatchLoop {
        settings,
        stream,
        outputs,
        store,
        asker,
        service,
        measures,
        beside: None,
        unjudged: UnjudgedEvents::default(),
        told: Vec::new(),
        forgotten: Vec::new(),
        out: Json::new(),
        poll,
        signals,
        hangups,
        outlives_hangups,
        reloading,
        places: Vec::new(),
        next_place: 0,
        discovery: None,
        postponed: false,
        refused: Vec::new(),
        batch: Batch::new(),
        pace: Pace::new(Instant::now()),
        subscriptions: Vec::new(),
        receive_buffer_bytes: 0,
        greeted: false,
        is_ready: false,
        stop: false,
        manager: Manager::of_environment(),
        spool,
    };
    let started = match watch.start() {
        // Nothing was told, not even a greeting.
        Err(LoopEnd::Failed(error)) => return Err(error),
        started => started,
    };
    if settings.confined && settings.namespaces == Wanted::Own {
        let needs_network = watch.places.iter().any(|place| place.protocol().needs.is_some())
            || settings.kinds.iter().any(|kind| kind.table().hooks.needs.is_some());
        let kept = threads::keep_files(needs_network);
        kept.map_err(|error| Error::system("cannot give up capabilities", &error))?;
    }
    let ended = started.and_then(|()| watch.run());
    watch.end(ended, shutdown)
}

/// What the history is to know of this run.
fn run_of(settings: &Settings, stream: &Stream, places: &[Place]) -> Run {
    let mut namespaces: Vec<&str> = places.iter().map(|place| place.label().unwrap_or(".")).collect();
    namespaces.dedup();
    let filter = &stream.options().filter;
    let told = settings.kinds.iter().filter(|kind| filter.wants_kind(kind.place()));
    let kinds: Vec<&str> = told.map(|kind| kind.table().name).collect();
    let narrowed = filter.narrowed_by();
    Run {
        began: now_microseconds(),
        after: stream.sequence(),
        kinds: kinds.join(","),
        narrowed: narrowed.join(","),
        namespaces: namespaces.join("/"),
    }
}

/// Starts the webhooks. Of those that the store knows and that are configured no more, what waits is dismissed.
fn start_hub(
    delivery: Delivery,
    store: Option<(&Store, &StateDirectory)>,
    wake: impl Fn() + Send + Sync + 'static,
) -> Result<Hub> {
    let durable = store.map(|(store, state)| Durable { handle: store.handle(), directory: state.directory.clone() });
    let mut hub = Hub::start(delivery.webhooks, &delivery.host, durable, wake)?;
    for name in store.iter().flat_map(|(store, _)| store.webhooks()) {
        if !hub.has(name) {
            hub.dismiss(Webhook::gone(name))?;
        }
    }
    Ok(hub)
}

/// SIGINT and SIGTERM as bytes on a socket.
pub fn signals() -> Result<UnixStream> {
    signals::take_ends()
}

/// Why the loop ended before its time.
#[derive(Debug)]
enum LoopEnd {
    /// The reader has gone away.
    Closed,
    /// Something failed.
    Failed(Error),
}

impl From<Error> for LoopEnd {
    fn from(error: Error) -> LoopEnd {
        LoopEnd::Failed(error)
    }
}

struct WatchLoop<'s> {
    settings: &'s Settings,
    stream: Stream,
    outputs: Outputs,
    store: Option<Store>,
    /// Asks the jq expression, where there is one.
    asker: Option<Asker>,
    /// Something that fails for one event does not end it.
    service: bool,
    measures: Measures,
    /// What goes to the store with the lines that are judged now.
    beside: Option<Append>,
    /// Events on which the expression has failed.
    unjudged: UnjudgedEvents,
    /// Losses that are told in lines which the store does not have yet.
    told: Vec<Loss>,
    /// Namespaces that are gone, which the store is not told yet.
    forgotten: Vec<Arc<str>>,
    out: Json,
    poll: Poll,
    signals: UnixStream,
    hangups: UnixStream,
    /// Where there is neither a configuration to read nor a file to open anew, SIGHUP is the end: a terminal closes.
    outlives_hangups: bool,
    reloading: Option<Reloading>,
    /// In the order of their numbers.
    places: Vec<Place>,
    next_place: usize,
    discovery: Option<Discovery>,
    /// Namespaces may have appeared while lines were not taken.
    postponed: bool,
    /// Namespaces that cannot be watched, which was said.
    refused: Vec<NamespaceIdentity>,
    /// What is read passes through it at once, so that one serves all.
    batch: Batch,
    pace: Pace,
    /// Of the first namespace, by protocol.
    subscriptions: Vec<(&'static Protocol, Subscription)>,
    /// The smallest of its receive buffers.
    receive_buffer_bytes: usize,
    /// `hello` was told.
    greeted: bool,
    /// What existed is told, and `ready` behind it.
    is_ready: bool,
    stop: bool,
    /// Who started linkhook, if it wants to hear of it.
    manager: Manager,
    /// Whoever runs `linkhook spool` asks there.
    spool: Option<spool::server::Server>,
}

/// "watching 2 network namespaces; 17 lines were told".
fn status(lines: u64, places: usize) -> String {
    format!("watching {}; {} told", counted(places as u64, "network namespace"), counted_were(lines, "line"))
}

/// The token of a place's notifications, by its number; that of its dumps is one more.
fn token(place: usize) -> Token {
    Token(place * 2)
}

/// The place of that number.
fn place_of(places: &mut [Place], number: usize) -> Option<&mut Place> {
    let index = places.binary_search_by_key(&number, |place| place.number).ok()?;
    places.get_mut(index)
}

/// The places of the first namespace, one for each protocol.
fn of_first(places: &[Place]) -> impl Iterator<Item = &Place> {
    places.iter().take_while(|place| place.identity() == places[0].identity())
}

impl WatchLoop<'_> {
    fn start(&mut self) -> std::result::Result<(), LoopEnd> {
        let failed = |error| Error::system("cannot wait for events", &error);
        self.poll.registry().register(&mut self.signals, SIGNALS, Interest::READABLE).map_err(failed)?;
        self.poll.registry().register(&mut self.hangups, HANGUPS, Interest::READABLE).map_err(failed)?;
        if let Some(descriptor) = self.outputs.descriptor() {
            // Nothing ever comes from there but that the reader has gone away, which is always told. A file cannot be waited
            // for, nor need be.
            let mut reader = SourceFd(&descriptor.as_raw_fd());
            let _ = self.poll.registry().register(&mut reader, READER, Interest::PRIORITY);
        }
        // First it listens, then it looks what is there.
        self.discovery = Discovery::new(&self.settings.namespaces)?;
        if let Some(discovery) = &self.discovery {
            let descriptor = discovery.descriptor();
            let registered = self.poll.registry().register(&mut SourceFd(&descriptor), NAMESPACES, Interest::READABLE);
            registered.map_err(failed)?;
        }
        for netns in netns::open_all(&self.settings.namespaces)? {
            // Of all that are there, those that may be entered are watched.
            match netns.try_entering() {
                Err(error) if matches!(self.settings.namespaces, Wanted::All(_)) => {
                    self.refuse(netns.identity(), &error)
                }
                _ => self.add(netns)?,
            }
        }
        self.share_backlog();
        self.subscriptions =
            of_first(&self.places).filter_map(|place| Some((place.protocol(), place.subscription()?))).collect();
        self.receive_buffer_bytes = self.subscriptions.iter().map(|(_, of)| of.receive_buffer_bytes).min().unwrap_or(0);
        let granted = self.receive_buffer_bytes;
        if self.settings.receive_buffer_bytes.is_none() && granted < RECEIVE_BUFFER_SMALL_BYTES {
            log::warn!(
                "the receive buffer has only {granted} octets: a burst of changes may be lost, which is then told and \
                 repaired; run as root or raise net.core.rmem_max"
            );
        }
        if let Some(store) = self.store.as_ref().filter(|_| self.settings.keeps_history()) {
            store.begin_run(run_of(self.settings, &self.stream, &self.places));
        }
        // Where what exists is shown, or what changed since the last run, it is the first line. Else it waits until what
        // exists is known: a change after it is told as a change.
        if self.stream.options().present || self.places.iter().any(Place::is_resumed) {
            self.hello()?;
        }
        self.forget_gone()
    }

    fn hello(&mut self) -> std::result::Result<(), LoopEnd> {
        self.greeted = true;
        let (subscriptions, buffer, places) = (&self.subscriptions, self.receive_buffer_bytes, &self.places);
        let kinds = &self.settings.kinds;
        let namespaces = &self.settings.namespaces;
        let unheard: Vec<KindIndex> = of_first(places).flat_map(|place| place.mirror().unheard()).copied().collect();
        self.stream.own(&mut self.out, &own::HELLO, own_telling(None), |out| {
            out.key("version");
            out.string(env!("CARGO_PKG_VERSION"));
            out.key("kernel");
            out.string(&rustix::system::uname().release().to_string_lossy());
            out.key("kinds");
            out.begin_list();
            kinds.iter().for_each(|&kind| out.string(kind.table().name));
            out.end_list();
            out.key("groups");
            out.begin_list();
            let of_first = subscriptions.first().map(|(_, of)| of.groups.as_slice()).unwrap_or_default();
            of_first.iter().for_each(|&group| out.unsigned(group.into()));
            out.end_list();
            out.key("protocols");
            out.begin_list();
            for (protocol, Subscription { groups, receive_buffer_bytes, .. }) in subscriptions {
                out.begin_object();
                out.key("protocol");
                out.string(protocol.name);
                out.key("groups");
                out.begin_list();
                groups.iter().for_each(|&group| out.unsigned(group.into()));
                out.end_list();
                out.key("receive_buffer");
                out.unsigned(*receive_buffer_bytes as u64);
                out.end_object();
            }
            out.end_list();
            let (near, mut alone): (Vec<KindIndex>, Vec<KindIndex>) =
                unheard.iter().partition(|&&kind| silence::has_something_near(kind));
            let is_polled = self.settings.poll.is_some();
            alone.extend(kinds.iter().filter(|&&kind| !is_polled && kind.table().is_only_looked_at()));
            for (key, kinds) in [("looked_at", near), ("listed_only", alone)] {
                if !kinds.is_empty() {
                    out.key(key);
                    out.begin_list();
                    kinds.iter().for_each(|&kind| out.string(kind.table().name));
                    out.end_list();
                }
            }
            for (kind, sysctls) in subscriptions.iter().flat_map(|(_, of)| &of.sysctls) {
                out.key(kind.table().name);
                out.begin_object();
                for (sysctl, value) in sysctls {
                    out.key(sysctl.key);
                    if sysctl.is_switch { out.bool(*value != 0) } else { out.unsigned(*value) }
                }
                out.end_object();
            }
            out.key("receive_buffer");
            out.unsigned(buffer as u64);
            if *namespaces != Wanted::Own {
                out.key("namespaces");
                out.begin_list();
                places.iter().filter_map(Place::label).for_each(|label| out.string(label));
                out.end_list();
            }
        });
        self.flush()?;
        // From here on nothing that changes is missed: before, it may be taken for what existed.
        let status = self.status();
        self.manager.ready(status);
        Ok(())
    }

    fn add(&mut self, netns: Netns) -> Result<()> {
        let present = self.stream.options().present;
        let mut places = Vec::new();
        for followed in silence::followed(&self.settings.kinds) {
            let number = self.next_place + places.len();
            let netns = netns.again()?;
            places.push(Place::open(self.settings, number, netns, followed, self.store.as_mut(), present)?);
        }
        places.iter().try_for_each(|place| self.register(place))?;
        self.next_place += places.len();
        self.places.append(&mut places);
        Ok(())
    }

    /// Memory is bounded for all together.
    fn share_backlog(&mut self) {
        let share = BACKLOG_BYTES_MAX / self.places.len().max(1);
        self.places.iter_mut().for_each(|place| place.set_backlog_limit(share.max(BACKLOG_BYTES_MIN)));
    }

    fn register(&self, place: &Place) -> Result<()> {
        let Some((notifications, dumps)) = place.sockets() else { return Ok(()) };
        let token = token(place.number);
        self.listen(notifications, token)?;
        self.listen(dumps, Token(token.0 + 1))
    }

    fn listen(&self, socket: &Socket, token: Token) -> Result<()> {
        let registered = self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE);
        registered.map_err(|error| Error::system("cannot wait for a netlink socket", &error))
    }

    fn run(&mut self) -> std::result::Result<Ended, LoopEnd> {
        let mut events = Events::with_capacity(WAKE_UPS_MAX);
        let deadline = self.settings.timeout.map(|timeout| Instant::now() + timeout);
        while !self.stop && (!self.stream.is_done() || self.stream.is_judging()) {
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(Ended::Timeout);
            }
            let timeout = self.wait(now, deadline);
            if timeout != Some(Duration::ZERO)
                && let Some(pause) = self.pace.pause(now)
            {
                thread::sleep(timeout.map_or(pause, |timeout| pause.min(timeout)));
                continue;
            }
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(Error::system("cannot wait for events", &error).into());
                }
                _ => {}
            }
            for event in &events {
                match event.token() {
                    WAKER => {}
                    SIGNALS => self.stop = true,
                    HANGUPS => self.hung_up(),
                    READER if event.is_error() || event.is_write_closed() => return Err(LoopEnd::Closed),
                    READER => {}
                    NAMESPACES => {
                        if let Some(discovery) = &mut self.discovery {
                            discovery.woken();
                        }
                    }
                    Token(number) => {
                        if let Some(place) = place_of(&mut self.places, number / 2) {
                            place.woken(number % 2 == 1);
                        }
                    }
                }
            }
            // What had come before the signal is told.
            self.turn()?;
            let (lines, places) = (self.stream.lines(), self.places.len());
            self.manager.turn(Instant::now(), || status(lines, places));
        }
        Ok(if self.stop { Ended::Signal } else { Ended::Count })
    }

    /// SIGHUP came.
    fn hung_up(&mut self) {
        while self.hangups.read(&mut [0; 64]).is_ok_and(|octets| octets > 0) {}
        self.stop |= !self.outlives_hangups;
        self.reloading.iter_mut().for_each(Reloading::start);
        self.outputs.reopen();
        if !self.stop {
            self.manager.reloading();
            self.tell_reloaded();
        }
    }

    /// Tells the service manager that everything is read again, once it is.
    fn tell_reloaded(&mut self) {
        if !self.reloading.as_ref().is_some_and(Reloading::is_running) {
            self.manager.reloaded(self.status());
        }
    }

    /// What linkhook does, in words for the service manager.
    fn status(&self) -> String {
        status(self.stream.lines(), self.places.len())
    }

    /// How long nothing needs to be done, if nothing happens.
    fn wait(&mut self, now: Instant, deadline: Option<Instant>) -> Option<Duration> {
        let room = self.has_room();
        if self.places.iter().any(|place| place.has_work(room)) {
            return Some(Duration::ZERO);
        }
        let dues = self.places.iter().filter_map(Place::due);
        let losses = self.stream.hub().and_then(|hub| hub.due(now));
        let discovery = self.discovery.as_ref().filter(|_| self.greeted).and_then(Discovery::due);
        dues.chain(deadline)
            .chain(discovery)
            .chain(losses)
            .chain(self.unjudged.due(now))
            .chain(self.outputs.due())
            .chain(self.manager.due())
            .chain(self.measures.due().filter(|_| room))
            .min()
            .map(|next| next.saturating_duration_since(now))
    }

    /// Whether lines are taken; where not, the loop is woken once they are.
    fn has_room(&self) -> bool {
        // Each is asked, so that each wakes the loop.
        let store = self.store.as_ref().is_none_or(Store::has_room);
        let hub = self.stream.hub().is_none_or(Hub::has_room);
        let judge = !self.asker.as_ref().is_some_and(Asker::is_busy);
        self.outputs.has_room() && store && hub && judge
    }

    /// One turn for each place: read, then decode a slice, then go on with its dump.
    fn turn(&mut self) -> std::result::Result<(), LoopEnd> {
        self.outputs.start_again();
        self.take_verdicts()?;
        self.print_committed()?;
        // Before anything new is asked: on a steady flow something waits at any other time. What linkhook tells itself and
        // has gathered meanwhile is for the webhooks there were.
        if self.stream.is_judging() {
            self.flush()?;
        }
        self.take_reloaded();
        self.tell_outages();
        self.tell_unjudged(false);
        // All are read before any is told: a link that moved is gone here before it is new there.
        for place in &mut self.places {
            place.read(&mut self.batch, &mut self.stream.moves, &mut self.pace)?;
        }
        for index in 0..self.places.len() {
            let room = self.has_room();
            let place = &mut self.places[index];
            if room {
                place.tell(&mut self.stream, &mut self.out, LINES_BYTES);
            }
            // A dump that was broken off has a new socket.
            if place.work(&mut self.stream, &mut self.out, &mut self.batch, room)?
                && let place = &self.places[index]
                && let Some((_, dumps)) = place.sockets()
            {
                self.listen(dumps, Token(token(place.number).0 + 1))?;
            }
            self.look_elsewhere(index);
            self.flush()?;
        }
        if self.stream.hub().is_some() {
            self.tell_losses(false);
            self.flush()?;
        }
        if !self.greeted && self.places.iter().all(Place::is_started) {
            self.hello()?;
        }
        if !self.is_ready && self.places.iter().all(Place::has_told_what_existed) {
            self.is_ready = true;
            self.stream.own(&mut self.out, &own::READY, own_telling(None), |_| {});
            self.flush()?;
        }
        self.close()?;
        // hello is the first line.
        if self.greeted {
            self.discover()?;
            self.tell_metrics()?;
        }
        self.answer();
        // It may have waited for a verdict that came in this turn.
        self.take_reloaded();
        Ok(())
    }

    /// What was told there may have changed, without a word, what other protocols of the namespace tell of.
    fn look_elsewhere(&mut self, index: usize) {
        let looks = self.places[index].take_looks_elsewhere();
        if looks.is_empty() {
            return;
        }
        let identity = self.places[index].identity();
        let others = self.places.iter_mut().filter(|place| place.identity() == identity);
        others.for_each(|place| place.look(&looks));
    }

    /// Tells the end, and waits for a bounded time until what was told is written and delivered.
    fn end(mut self, ended: std::result::Result<Ended, LoopEnd>, shutdown: Duration) -> Result<Ended> {
        self.manager.stopping(shutdown + END_TIMEOUT);
        let patience = match ended {
            Ok(Ended::Signal) => self.settings.patience.min(FINISH_TIMEOUT),
            _ => self.settings.patience,
        };
        let ended = match ended {
            // Nobody reads any more; webhooks still get what they wait for.
            Err(LoopEnd::Closed) => {
                self.measures.server = None;
                // What is being judged is for them, too.
                while self.stream.is_judging() {
                    let _ = self.judge_last();
                }
                self.end_delivery(shutdown);
                return Ok(Ended::Closed);
            }
            Err(LoopEnd::Failed(error)) => Err(error),
            Ok(ended) => Ok(ended),
        };
        self.tell_losses(true);
        let judged = self.judge_last();
        self.tell_unjudged(true);
        let lines = self.stream.lines();
        self.stream.own(&mut self.out, &own::BYE, own_telling(None), |out| {
            out.key("lines");
            out.unsigned(lines);
        });
        let flushed = judged.and_then(|()| self.flush()).and_then(|()| self.print_settled());
        // Readers over HTTP had that line, too.
        self.measures.server = None;
        self.end_delivery(shutdown);
        let written = flushed.map(|()| self.outputs.finish(patience));
        match written {
            Err(LoopEnd::Failed(error)) => ended.and(Err(error)),
            Err(LoopEnd::Closed) => ended,
            Ok(Ok(0)) => ended,
            Ok(Ok(octets)) => {
                let octets = counted_were(octets as u64, "byte");
                log::warn!("the reader does not read: {octets} not written");
                ended
            }
            Ok(Err(error)) => ended.and_then(|ended| crate::output::written(Err(error)).map(|()| ended)),
        }
    }

    /// Ends the webhooks, says what they did not get, and closes the store. The last line is written already.
    fn end_delivery(&mut self, within: Duration) {
        self.spool = None;
        let losses = self.stream.take_hub().map(|hub| hub.finish(within)).unwrap_or_default();
        for loss in losses {
            let events = counted_are(loss.events, "event");
            log::warn!("{} {}: {events} lost: {}", loss.word, loss.queue.name(), loss.reason);
        }
        if let Some(store) = self.store.take() {
            store.finish(FINISH_TIMEOUT);
        }
    }

    /// Takes over what the configuration says now. Lines that wait for a verdict are for the webhooks there were.
    fn take_reloaded(&mut self) {
        if self.stream.is_judging() {
            return;
        }
        let reloaded = self.reloading.as_mut().and_then(Reloading::take);
        let Some((reloaded, hub)) = reloaded.zip(self.stream.hub_mut()) else { return };
        let taken = reloaded.and_then(|Reloaded { webhooks, http }| {
            let count = webhooks.len();
            hub.set(webhooks).map(|()| (count, http))
        });
        match taken {
            Ok((count, http)) => {
                let released = match &self.store {
                    Some(store) => store.committed().max(self.stream.beginning()),
                    None => self.stream.sequence(),
                };
                self.measures.serve_by(http, self.settings, &mut self.stream, released);
                log::info!("the configuration was read again: {}", counted(count as u64, "webhook"));
            }
            Err(error) => log::error!("the configuration was read again and is refused; the old one stays:\n{error}"),
        }
        self.tell_reloaded();
    }
}
