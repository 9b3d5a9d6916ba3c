//! One connection: hyper reads and writes what a socket has and takes without waiting, within a bounded time.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

use hyper::rt::ReadBufCursor;
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl};

use super::pipe::Pipe;

/// A client that says nothing is asked so often whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A socket of a client; it never waits.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        };
        source.register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(octets),
            Stream::Unix(stream) => stream.read(octets),
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(octets),
            Stream::Unix(stream) => stream.write(octets),
        }
    }

    /// Whoever is gone without a word is noticed, in some minutes.
    pub fn keep_alive(&self) {
        if let Stream::Tcp(stream) = self {
            let kept = set_socket_keepalive(stream, true)
                .and_then(|()| set_tcp_keepidle(stream, KEEP_ALIVE))
                .and_then(|()| set_tcp_keepintvl(stream, KEEP_ALIVE));
            if let Err(error) = kept {
                log::debug!("http: a connection that breaks is not noticed soon: {error}");
            }
        }
    }

    fn end_writing(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
        }
    }
}

/// What a call that never waits gives: the thread is woken once the socket can go on.
fn polled<T>(mut call: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            result => return Poll::Ready(result),
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, mut room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut octets = [0; 4096];
        let most = octets.len().min(room.remaining());
        polled(|| self.read(&mut octets[..most])).map_ok(|count| room.put_slice(&octets[..count]))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        polled(|| self.write(octets))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.end_writing())
    }
}

/// What is served, until it is done.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()>>>;

/// What the answer of a connection waits for, as whoever answers knows it.
#[derive(Default)]
pub(super) struct Waiting {
    /// Until when the loop's answer is waited for, once it is.
    pub answer_due: Cell<Option<Instant>>,
    /// What a thread makes: it takes as long as it takes.
    pub made: RefCell<Option<Arc<Pipe>>>,
}

/// A client that is being served.
pub(super) struct Connection {
    serving: Serving,
    /// It is cut off then.
    deadline: Instant,
    waiting: Rc<Waiting>,
}

impl Connection {
    pub fn new(serving: Serving, deadline: Instant, waiting: Rc<Waiting>) -> Connection {
        Connection { serving, deadline, waiting }
    }

    /// Whether a thread makes the answer.
    pub fn is_made(&self) -> bool {
        self.waiting.made.borrow().is_some()
    }

    /// When it is to go on, whatever comes.
    pub fn due(&self) -> Option<Instant> {
        if let Some(made) = &*self.waiting.made.borrow() {
            return made.due();
        }
        Some(self.waiting.answer_due.get().map_or(self.deadline, |due| due.min(self.deadline)))
    }

    /// Goes on as far as it can without waiting. Gives back whether there is more to do later.
    pub fn go_on(&mut self, now: Instant) -> bool {
        let is_over = match &*self.waiting.made.borrow() {
            Some(made) => made.is_cut(now),
            None => self.deadline <= now,
        };
        if is_over {
            return false;
        }
        let again = Arc::new(Again(AtomicBool::new(true)));
        let waker = again.clone().into();
        let mut context = Context::from_waker(&waker);
        // hyper lets others have their turn now and then, and asks to be called once more.
        while again.0.swap(false, Ordering::AcqRel) {
            if self.serving.as_mut().poll(&mut context).is_ready() {
                return false;
            }
        }
        true
    }
}

/// It is to be called once more.
struct Again(AtomicBool);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
