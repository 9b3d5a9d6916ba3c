//! The thread that serves: whatever wakes it, every connection goes on as far as it can.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::board::Ticket;
use super::connection::{Connection, Stream, Waiting};
use super::guard::Guard;
use super::listener::Listener;
use super::respond::serve;
use super::{Order, Shared};

pub(super) const WAKER: Token = Token(0);
pub(super) const LISTENER: Token = Token(1);
const CONNECTIONS: Token = Token(2);

/// Clients at once at most; one more takes the place of the one that has been there longest, so that clients who say nothing
/// keep nobody out.
const CONNECTIONS_MAX: usize = 32;
/// A client is served within that time, or cut off.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// The millisecond of each minute at which lines are counted.
const COUNT_MILLISECOND: u64 = 59_900;
/// At the end readers are given what was told last for so long.
const END_TIMEOUT: Duration = Duration::from_secs(1);
/// Where a client cannot be let in, as where there are no more descriptors, it is tried again after that time.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What the thread knows.
pub(super) struct ServerThread {
    poll: Poll,
    listener: Listener,
    guard: Guard,
    shared: Arc<Shared>,
    /// Those that came first are the first.
    connections: Vec<Connection>,
    /// Letting clients in has failed: when it is tried again.
    accept_at: Option<Instant>,
    /// When lines are counted next, and the figures that were asked for to do so.
    count_at: Instant,
    counted: Option<Ticket>,
    /// It is to end, then at the latest.
    ends_at: Option<Instant>,
}

impl ServerThread {
    /// The listener is registered already.
    pub fn new(poll: Poll, listener: Listener, guard: Guard, shared: Arc<Shared>) -> ServerThread {
        ServerThread {
            poll,
            listener,
            guard,
            shared,
            connections: Vec::new(),
            accept_at: None,
            count_at: Instant::now(),
            counted: None,
            ends_at: None,
        }
    }

    /// Serves until the end.
    pub fn run(&mut self) {
        let mut events = Events::with_capacity(CONNECTIONS_MAX + 2);
        loop {
            let timeout = self.due().map(|due| due.saturating_duration_since(Instant::now()));
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!("[http] serves nobody any more: cannot wait for clients: {error}");
                return;
            }
            for order in self.shared.take_orders() {
                match order {
                    // What was told last is on its way.
                    Order::End => self.ends_at = Some(Instant::now() + END_TIMEOUT),
                    Order::Serve(listener, guard) => self.serve_by(listener, guard),
                }
            }
            let now = Instant::now();
            if self.ends_at.is_some_and(|at| at <= now || self.connections.is_empty()) {
                return;
            }
            let comes = events.iter().any(|event| event.token() == LISTENER);
            if comes || self.accept_at.is_some_and(|at| at <= now) {
                self.accept(now);
            }
            self.count(now);
            // What a client can break, it breaks for itself alone; a defect is said by whoever notes panics.
            let is_ending = self.ends_at.is_some();
            self.connections.retain(|connection| !is_ending || connection.is_made());
            self.connections
                .retain_mut(|connection| catch_unwind(AssertUnwindSafe(|| connection.go_on(now))).unwrap_or_default());
        }
    }

    /// Counts the lines of each minute.
    fn count(&mut self, now: Instant) {
        if self.count_at <= now {
            self.counted = Some(self.shared.board.ask());
            let millisecond = jiff::Timestamp::now().as_millisecond().rem_euclid(60_000).unsigned_abs();
            // A little before its end, so that a minute has what was told in it.
            let left = (60_000 + COUNT_MILLISECOND - millisecond) % 60_000;
            self.count_at = now + Duration::from_millis(if left == 0 { 60_000 } else { left });
        }
        if let Some(figures) = self.counted.and_then(|ticket| self.shared.board.answer(ticket)) {
            self.shared.timeline.note(&figures);
            self.counted = None;
        }
    }

    /// When it has something to do, if nothing happens before.
    fn due(&self) -> Option<Instant> {
        let connections = self.connections.iter().filter_map(Connection::due);
        connections.chain(self.accept_at).chain(self.ends_at).chain([self.count_at]).min()
    }

    /// New clients come from there, and are served so. Those that are here already are served as they were.
    fn serve_by(&mut self, listener: Option<Listener>, guard: Guard) {
        self.guard = guard;
        let Some(mut listener) = listener else { return };
        if let Err(error) = listener.register(self.poll.registry(), LISTENER) {
            log::error!("[http]: cannot wait for clients at the new address, the old one stays: {error}");
            return;
        }
        let _ = self.listener.deregister(self.poll.registry());
        self.listener = listener;
        // Some may have come before it was registered.
        self.accept(Instant::now());
    }

    /// Lets clients in.
    fn accept(&mut self, now: Instant) {
        self.accept_at = None;
        loop {
            match self.listener.accept().and_then(|stream| self.begin(stream, now)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It has gone again.
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(error) => {
                    log::debug!("http: cannot let a client in: {error}");
                    self.accept_at = Some(now + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn begin(&mut self, mut stream: Stream, now: Instant) -> io::Result<()> {
        // Those whose answers are made have a bound of their own.
        let is_short = |connection: &Connection| !connection.is_made();
        if self.connections.iter().filter(|connection| is_short(connection)).count() >= CONNECTIONS_MAX
            && let Some(first) = self.connections.iter().position(is_short)
        {
            self.connections.remove(first);
        }
        stream.register(self.poll.registry(), CONNECTIONS)?;
        stream.keep_alive();
        let waiting = Rc::<Waiting>::default();
        let serving = serve(stream, self.guard.clone(), self.shared.clone(), waiting.clone());
        self.connections.push(Connection::new(serving, now + CONNECTION_TIMEOUT, waiting));
        Ok(())
    }
}
