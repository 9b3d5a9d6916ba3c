//! HTTP for people and programs: a page, `/events` and `/state`, `/metrics` in the text format of Prometheus, `/healthz` and
//! `/readyz`. Everything is read, and nothing is changed.
//!
//! One thread serves all connections. It asks the loop for its figures when they are wanted (`board.rs`), so that nothing is
//! copied for nobody. What takes long is made by a thread of its own, which a slow reader makes wait, and nobody else.
//!
//! ```text
//!   client ──▶ connection (hyper) ──ask()──▶ ┌───────┐ ──wakes──▶ loop
//!          ◀── exposition, health ◀─answer── │ board │ ◀──put()── one turn later
//!                                            └───────┘
//!   client ◀── connection ◀─ pipe ◀─ thread (events.rs, state.rs) ◀─ feed ◀─ loop: the latest lines, once they are committed
//!                                                                 ◀─ log: those before
//! ```

mod board;
mod connection;
mod events;
pub mod exposition;
pub mod feed;
mod guard;
mod listener;
mod making;
mod page;
mod pipe;
mod query;
mod respond;
mod state;
mod status;
mod thread;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use mio::{Poll, Waker};

use crate::config::HttpSettings;
use crate::error::{Error, Result};
use crate::figures::{EventCounts, Figures};
use crate::threads;
use board::Board;
use feed::Feed;
use guard::Guard;
use listener::Listener;
pub use listener::{SocketFile, bind_path};
use making::Inquiry;
use making::Makers;
pub use making::{Question, Sources};
use status::Timeline;
use thread::ServerThread;

/// The server, for the loop.
#[derive(Debug)]
pub struct Server {
    settings: HttpSettings,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What is between the loop and the server's thread.
struct Shared {
    sources: Sources,
    makers: Makers,
    state_makers: Makers,
    timeline: Arc<Timeline>,
    board: Board,
    /// What the loop is asked, beside the figures.
    questions: Mutex<Vec<Question>>,
    /// What the thread is to do.
    orders: Mutex<Vec<Order>>,
    waker: Waker,
}

enum Order {
    /// New connections come from there, or from where they came, and are served so.
    Serve(Option<Listener>, Guard),
    End,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shared")
    }
}

impl Shared {
    fn order(&self, order: Order) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        self.wake();
    }

    /// Asks the loop what exists.
    fn ask(&self, inquiry: Arc<Inquiry>) -> Arc<Inquiry> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).push(Question(inquiry.clone()));
        self.board.call();
        inquiry
    }

    fn take_orders(&self) -> Vec<Order> {
        std::mem::take(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("[http]: its thread cannot be woken: {error}");
        }
    }
}

impl Server {
    /// Listens, and starts the thread. So many lines were told before. `wake` is called from it when the figures are wanted.
    pub fn start(
        settings: HttpSettings,
        sources: Sources,
        told: &EventCounts,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Server> {
        let mut listener = Listener::bind(&settings.listen)?;
        let cannot = |error: std::io::Error| Error::system("cannot start the thread of [http]", &error);
        let poll = Poll::new().map_err(cannot)?;
        let waker = Waker::new(poll.registry(), thread::WAKER).map_err(cannot)?;
        let (board, questions, orders) = (Board::new(wake), Mutex::default(), Mutex::default());
        let (makers, timeline) = (Makers::of_answers(), Arc::new(Timeline::after(told)));
        timeline.clone().look_back(&sources);
        let state_makers = Makers::of_states();
        let shared = Arc::new(Shared { sources, makers, state_makers, timeline, board, questions, orders, waker });
        listener.register(poll.registry(), thread::LISTENER).map_err(cannot)?;
        let (guard, of) = (Guard::new(&settings), shared.clone());
        // What is served stays in its thread.
        let serve = move || ServerThread::new(poll, listener, guard, of).run();
        let thread = threads::start("http", serve).map_err(cannot)?;
        Ok(Server { settings, shared, thread: Some(thread) })
    }

    /// From here on it serves by these settings. The error is that it cannot listen there: then everything is as it was.
    pub fn replace(&mut self, settings: HttpSettings) -> Result<()> {
        if settings == self.settings {
            return Ok(());
        }
        let moves = settings.listen != self.settings.listen;
        let listener = moves.then(|| Listener::bind(&settings.listen)).transpose()?;
        self.shared.order(Order::Serve(listener, Guard::new(&settings)));
        self.settings = settings;
        Ok(())
    }

    /// Whether somebody wants the figures, or has questions; asked once, it is forgotten. Whoever is told so puts them there, and answers.
    pub fn is_asked(&self) -> bool {
        self.shared.board.is_asked()
    }

    /// What somebody wants to know beside the figures.
    pub fn take_questions(&self) -> Vec<Question> {
        std::mem::take(&mut self.shared.questions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where lines are put for whoever reads them.
    pub fn feed(&self) -> &Feed {
        &self.shared.sources.feed
    }

    /// The figures that somebody wants.
    pub fn put(&self, figures: Figures) {
        self.shared.board.put(figures);
        self.shared.wake();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.sources.feed.end();
        self.shared.order(Order::End);
        if let Some(thread) = self.thread.take() {
            // It ends soon: nothing in it waits for long.
            let _ = thread.join();
        }
    }
}
