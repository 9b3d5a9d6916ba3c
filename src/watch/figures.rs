//! What linkhook counts of itself: gathered when somebody asks for it, or when it is time to tell it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Waker;

use super::{LoopEnd, Place, Settings, WatchLoop, now_microseconds, own_telling};
use crate::config::{self, HttpSettings};
use crate::deliver::hub::Hub;
use crate::error::{Error, Result};
use crate::event::own;
use crate::figures::Figures;
use crate::kinds::KindIndex;
use crate::serve::feed::Feed;
use crate::serve::{Server, Sources};
use crate::store::Store;
use crate::store::snapshot::KnownObjects;
use crate::stream::Stream;
use crate::threads;

/// Objects that are shown at once at most: to copy them takes some milliseconds, in which nothing else is done.
const KNOWN_OBJECTS_MAX: usize = 65_536;

/// What only the loop counts, when the figures are told, and where they can be asked for.
pub(super) struct Measures {
    began: Instant,
    every: Option<Duration>,
    due: Option<Instant>,
    waker: Arc<Waker>,
    pub server: Option<Server>,
    /// Lines that an output did not get and will not.
    pub output_dropped_lines: u64,
}

impl Measures {
    /// From now on they are told and can be asked for as the settings say. `waker` is woken when somebody asks.
    pub fn new(settings: &Settings, waker: Arc<Waker>, stream: &mut Stream) -> Result<Measures> {
        let (every, began) = (settings.metrics, Instant::now());
        let due = every.and_then(|every| began.checked_add(every));
        let mut measures = Measures { began, every, due, waker, server: None, output_dropped_lines: 0 };
        measures.server =
            settings.http.clone().map(|http| measures.start(http, settings, stream, stream.sequence())).transpose()?;
        Ok(measures)
    }

    fn start(&self, http: HttpSettings, settings: &Settings, stream: &mut Stream, released: u64) -> Result<Server> {
        let waker = self.waker.clone();
        // Those that were told before are in the log, or nowhere.
        stream.keep_lines();
        let sources = Sources {
            feed: Feed::after(stream.sequence(), released),
            beginning: stream.beginning(),
            state: settings.state.as_ref().map(|state| state.directory.clone()),
            keeps_history: settings.keeps_history(),
            host: stream.options().host.clone().unwrap_or_else(config::own_host),
            names_host: stream.options().host.is_some(),
        };
        // A loop that has ended needs no waking.
        Server::start(http, sources, stream.counts(), move || drop(waker.wake()))
    }

    /// From here on the figures can be asked for there, or nowhere. Where that cannot be, everything stays as it was.
    /// Lines up to `released` are committed, or need not be.
    pub fn serve_by(&mut self, http: Option<HttpSettings>, settings: &Settings, stream: &mut Stream, released: u64) {
        let served = match (http, &mut self.server) {
            (None, server) => {
                // A reader that does not read may hold it up, and not the loop.
                let ending = server.take();
                let ended = threads::start("http end", move || drop(ending));
                ended.map(drop).map_err(|error| Error::system("cannot start a thread", &error))
            }
            (Some(http), Some(server)) => server.replace(http),
            (Some(http), None) => self.start(http, settings, stream, released).map(|server| self.server = Some(server)),
        };
        if let Err(error) = served {
            log::error!("{error}; what was served before is served as it was");
        }
    }

    /// When they are told next.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is time. The next time is reckoned from then on: nothing is made up for.
    fn is_time(&mut self, now: Instant) -> bool {
        let is_time = self.due.is_some_and(|due| due <= now);
        if is_time {
            self.due = self.every.and_then(|every| now.checked_add(every));
        }
        is_time
    }
}

impl WatchLoop<'_> {
    /// Tells the figures, if it is time and lines are taken.
    pub(super) fn tell_metrics(&mut self) -> std::result::Result<(), LoopEnd> {
        if !self.has_room() || !self.measures.is_time(Instant::now()) {
            return Ok(());
        }
        let figures = self.figures();
        self.stream.own(&mut self.out, &own::METRICS, own_telling(None), |out| figures.write(out));
        self.flush()
    }

    /// Gives the figures to whoever has asked for them.
    pub(super) fn answer(&self) {
        let Some(server) = self.measures.server.as_ref().filter(|server| server.is_asked()) else { return };
        server.put(self.figures());
        for question in server.take_questions() {
            let known = self.known(question.kinds());
            question.answer(known);
        }
    }

    /// What is known to exist of these kinds; `None` where it is so much that others would wait for it.
    fn known(&self, kinds: &[KindIndex]) -> Option<KnownObjects> {
        let mirrors = || self.places.iter().map(Place::mirror);
        let count: usize = mirrors().map(|mirror| kinds.iter().map(|&kind| mirror.count(kind)).sum::<usize>()).sum();
        if count > KNOWN_OBJECTS_MAX {
            return None;
        }
        let mut known = KnownObjects::new();
        for place in &self.places {
            let netns = place.label().unwrap_or_default();
            for &kind in kinds {
                let objects = known.entry((netns.to_owned(), kind.table().name.to_owned())).or_default();
                objects.extend(place.mirror().objects(kind).map(Box::from));
            }
        }
        Some(known)
    }

    fn figures(&self) -> Figures {
        let mirrors = || self.places.iter().map(Place::mirror);
        let count = |kind: KindIndex| mirrors().map(|mirror| mirror.count(kind) as u64).sum();
        Figures {
            time_microseconds: now_microseconds(),
            uptime: self.measures.began.elapsed(),
            lines: self.stream.lines(),
            events: self.stream.counts().clone(),
            namespaces: self.places.len() as u64,
            objects: self.settings.kinds.iter().map(|&kind| (kind.table().name, count(kind))).collect(),
            mirror_bytes: mirrors().map(|mirror| mirror.bytes() as u64).sum(),
            backlog_bytes: self.places.iter().map(|place| place.backlog_bytes() as u64).sum(),
            output_queue_bytes: self.outputs.queued_bytes() as u64,
            output_dropped_lines: self.measures.output_dropped_lines,
            store_pending_bytes: self.store.as_ref().map(|store| store.pending_bytes() as u64),
            webhooks: self.stream.hub().map(Hub::figures).unwrap_or_default(),
            obstacles: self.obstacles(),
        }
    }

    /// Why linkhook is not ready: what it tells is behind, or is not kept.
    fn obstacles(&self) -> Vec<String> {
        let starting = || !self.places.iter().all(Place::has_told_what_existed);
        let repairing = self.places.iter().any(Place::is_repairing);
        let output = self.outputs.obstacle();
        let store = self.store.as_ref().and_then(Store::obstacle);
        let store = store.map(|why| format!("the state directory cannot be written: {why}"));
        let told = [
            (!self.is_ready && starting()).then(|| "what exists is not known yet".to_owned()),
            repairing.then(|| "notifications were lost, and what they told is looked up".to_owned()),
            output,
            store,
        ];
        told.into_iter().flatten().collect()
    }
}
