//! Answers that take a while are made by a thread each, whose bytes a pipe takes to the connection: whatever it waits for, it waits
//! alone.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;

use super::feed::Feed;
use super::pipe::{Begun, Pipe};
use super::query::Query;
use crate::deliver::jq;
use crate::error::{Error, Result};
use crate::kinds::KindIndex;
use crate::output::LineFormat;
use crate::store::look::Look;
use crate::store::snapshot::KnownObjects;
use crate::stream::Options;
use crate::threads;
use crate::words;

/// Answers that are made at once at most.
const MAKING_MAX: usize = 64;
/// Of these, so many at most tell what existed, each of which may take as much memory as all that exists.
const STATES_MAX: usize = 4;
/// How long the loop has to say what is known to exist.
const OBJECTS_TIMEOUT: Duration = Duration::from_secs(5);

/// What answers are made of.
#[derive(Debug)]
pub struct Sources {
    /// The latest lines.
    pub feed: Feed,
    /// The number of the last line before this run.
    pub beginning: u64,
    /// The state directory, where there is one.
    pub state: Option<PathBuf>,
    /// Whether what was told is kept there.
    pub keeps_history: bool,
    /// The host's name.
    pub host: String,
    /// Whether every line has it.
    pub names_host: bool,
}

impl Sources {
    /// The log, where what was told is kept.
    pub(super) fn log(&self) -> Result<Option<Look>> {
        self.state.as_deref().filter(|_| self.keeps_history).map(Look::open).transpose()
    }

    /// The host's name, where every line has it.
    pub(super) fn line_host(&self) -> Option<String> {
        self.names_host.then(|| self.host.clone())
    }
}

/// Counts the answers that are being made.
#[derive(Clone, Debug)]
pub(super) struct Makers {
    count: Arc<AtomicUsize>,
    most: usize,
}

/// One of them.
pub(super) struct Making(Arc<AtomicUsize>);

impl Drop for Making {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Makers {
    /// Of all answers.
    pub fn of_answers() -> Makers {
        Makers { count: Arc::default(), most: MAKING_MAX }
    }

    /// Of those that tell what existed.
    pub fn of_states() -> Makers {
        Makers { most: STATES_MAX, ..Makers::of_answers() }
    }

    /// Room for one more; the error says that there are as many as there may be.
    pub fn room(&self) -> Result<Making> {
        let before = self.count.fetch_add(1, Ordering::AcqRel);
        let making = Making(self.count.clone());
        if before < self.most {
            return Ok(making);
        }
        Err(Error::failed(format_args!("{} readers are served already: try again later", self.most)))
    }
}

/// Has a thread make an answer. `make` says how it begins, or gives the error that is told in its place.
pub(super) fn start(pipe: &Arc<Pipe>, make: impl FnOnce(&Arc<Pipe>) -> Result<()> + Send + 'static) {
    let started = threads::start("http answer", {
        let pipe = pipe.clone();
        move || {
            // Whatever breaks in it, the reader sees the end.
            let ends = Ends(pipe.clone());
            match make(&pipe) {
                Ok(()) => pipe.end(true),
                Err(error) => refuse(&pipe, &error),
            }
            drop(ends);
        }
    });
    if let Err(error) = started {
        refuse(pipe, &Error::system("cannot start a thread", &error));
    }
}

/// The error, where nothing was told yet; the body's end before its time, where something was.
fn refuse(pipe: &Pipe, error: &Error) {
    let status = if error.status() == 2 { StatusCode::BAD_REQUEST } else { StatusCode::SERVICE_UNAVAILABLE };
    if pipe.begin(Begun::Refused(status, format!("{error}\n"))) {
        log::debug!("http: {error}");
    } else {
        log::warn!("http: an answer breaks off, which its reader sees: {error}");
    }
    pipe.end(false);
}

/// Ends a pipe, if it has not ended.
struct Ends(Arc<Pipe>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.begin(Begun::Refused(StatusCode::INTERNAL_SERVER_ERROR, "a defect of linkhook's\n".into()));
        self.0.end(false);
    }
}

/// What a query chooses; of linkhook's own events those that are named, and `own` where nothing is chosen.
pub(super) fn options(query: &Query, own: &[&'static str], sources: &Sources) -> Result<Options> {
    if let Some(filter) = &query.choice.jq {
        jq::check(jq::Use::Filter, filter)?;
    }
    let narrowed = query.is_narrowed();
    let (filter, named) = query.choice.clone().filter()?;
    let mut own_events = words::own_events(named.clone(), narrowed, !narrowed);
    if !narrowed {
        own_events.extend(own);
    }
    let host = sources.line_host();
    Ok(Options { filter, format: LineFormat::Json, named, own: own_events, present: true, host, ..Options::default() })
}

/// Asks the loop what is known to exist.
pub(super) struct Inquiry {
    kinds: Vec<KindIndex>,
    answer: Mutex<Option<Option<KnownObjects>>>,
    given: Condvar,
}

impl Inquiry {
    pub fn new(kinds: Vec<KindIndex>) -> Arc<Inquiry> {
        Arc::new(Inquiry { kinds, answer: Mutex::new(None), given: Condvar::new() })
    }

    /// Waits for the answer: the objects, or `None` where there are too many.
    pub fn wait(&self) -> Result<Option<KnownObjects>> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.given.wait_timeout_while(answer, OBJECTS_TIMEOUT, |answer| answer.is_none());
        let (mut answer, _) = waited.unwrap_or_else(PoisonError::into_inner);
        answer
            .take()
            .ok_or_else(|| Error::failed(format_args!("the loop has not answered for {} s", OBJECTS_TIMEOUT.as_secs())))
    }
}

/// The same, as the loop sees it.
pub struct Question(pub(super) Arc<Inquiry>);

impl Question {
    /// The kinds that are meant.
    pub fn kinds(&self) -> &[KindIndex] {
        &self.0.kinds
    }

    /// The objects, or `None` where there are too many of them.
    pub fn answer(self, known: Option<KnownObjects>) {
        *self.0.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        self.0.given.notify_all();
    }
}
