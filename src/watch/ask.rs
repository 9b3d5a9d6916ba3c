//! Runs a job on the socket for dumps: sends its requests one after another, sorts the rows, and holds what they show
//! against the mirror.

use std::io;
use std::time::Instant;

use super::agenda::Purpose;
use super::denied;
use super::filling::Filling;
use super::job::{Job, Query, Running, gather};
use super::names::Sources;
use super::place::{Knowledge, READS_MAX, Watching, unsettled};
use super::tell::{Finding, Findings, tell_overrun};
use crate::dumps::{self, Next, Question};
use crate::error::{Error, Result};
use crate::event::Origin;
use crate::json::Json;
use crate::kinds::rtnetlink::{TYPES_MAX, tc};
use crate::mirror::Mirror;
use crate::mirror::moves::Moves;
use crate::mirror::repair::Difference;
use crate::mirror::silence::look::Look;
use crate::mirror::waiting::Moment;
use crate::netlink::dump::{Dump, Progress};
use crate::netlink::socket::{Batch, is_overrun};
use crate::netlink::wire::{self, Message};
use crate::stream::{Source, Stream, Telling};

impl Watching {
    /// Goes on with the job that runs, or begins the one that is due. `true` when the socket for dumps is a new one.
    pub fn work(
        &mut self,
        known: &mut Knowledge,
        stream: &mut Stream,
        out: &mut Json,
        batch: &mut Batch,
        room: bool,
    ) -> Result<bool> {
        // What was received before a loss is told before it.
        let is_told = known.pending.is_none() && known.backlog.is_empty() && !self.feed.readable;
        if self.job.is_none() && is_told {
            self.begin(known, stream, out);
        }
        let mut renewed = self.agenda.break_off();
        if renewed {
            self.job = None;
            self.renew_dump_socket(known)?;
        }
        let Some(mut job) = self.job.take() else { return Ok(renewed) };
        let blocked = job.purpose == Purpose::Start && !room;
        let mut reads = 0;
        while !blocked && known.pending.is_none() && reads < READS_MAX {
            reads += 1;
            if job.running.is_none() {
                let Some(next) = job.next_request(&known.mirror) else {
                    self.finish(known, job, batch, &mut stream.moves)?;
                    if !self.agenda.is_started() {
                        // Nothing is told between the parts of the start.
                        self.begin(known, stream, out);
                    }
                    return Ok(renewed);
                };
                self.send(known, &mut job, next, &mut stream.moves)?;
            }
            match self.read_dump(known, &mut job, stream, out, batch)? {
                Reading::Waits => break,
                // Its rows are lines already, and the next ones need room.
                Reading::Goes if job.purpose == Purpose::Start => break,
                Reading::Goes => {}
                Reading::Renew => {
                    self.renew_dump_socket(known)?;
                    renewed = true;
                }
            }
        }
        self.job = Some(job);
        Ok(renewed)
    }

    /// Begins what is due, if anything is.
    fn begin(&mut self, known: &mut Knowledge, stream: &mut Stream, out: &mut Json) {
        let Some(work) = self.agenda.next(Instant::now(), &known.mirror) else { return };
        let cause = match work.purpose {
            Purpose::Repair => {
                let overrun = self.feed.take_overrun();
                if self.feed.protocol().has_named_groups {
                    let learned = known.netns.inside(|| {
                        self.feed.learn_anew();
                        Ok(())
                    });
                    if let Err(error) = learned {
                        log::warn!("cannot ask which families there are now: {error}");
                    }
                }
                overrun.and_then(|overrun| tell_overrun(&overrun, &self.feed, known, stream, out))
            }
            _ => work.looks.cause(),
        };
        self.job = Some(Job::new(work, cause, self.feed.protocol(), &known.mirror));
    }

    fn renew_dump_socket(&mut self, known: &Knowledge) -> Result<()> {
        self.dump_socket = known.netns.inside(|| self.feed.adapter.open())?;
        Ok(())
    }

    /// Sends a request of a job.
    fn send(&mut self, known: &mut Knowledge, job: &mut Job, next: Next, moves: &mut Moves) -> Result<()> {
        if let Some(name) = dumps::of_links(&next) {
            match known.netns.inside(|| Ok(dumps::links_of_kind(name)?)) {
                Ok(links) => job.ask_next(dumps::requests_of_links(next.kind, &links)),
                Err(error) => log::warn!("cannot look for the interfaces of {name}: {error}"),
            }
            return Ok(());
        }
        let Next { kind, question, request } = next;
        // Of a dump that was given up nothing is left.
        self.feed.adapter.rest();
        let Some(request) = self.feed.adapter.request(request) else {
            // The kernel does not have it: the job goes on with the next one.
            known.mirror.note_missing(kind);
            return Ok(());
        };
        let family = request.body.first().copied().unwrap_or_default();
        let started = self.at_a_moment(known, moves, |watching| Dump::start(&watching.dump_socket, &request));
        let (moment, dump) = started?;
        let dump = dump.map_err(|error| Error::system("cannot ask the kernel for what exists", &error))?;
        if let Some(filling) = self.filling.as_mut().filter(|_| job.purpose == Purpose::Start) {
            filling.overtaking.ask(kind, moment.before);
        }
        job.running = Some(Running { query: Query { kind, family, question }, found: false, moment, dump });
        self.dump_readable = true;
        Ok(())
    }

    /// Reads datagrams of the dump that runs.
    fn read_dump(
        &mut self,
        known: &mut Knowledge,
        job: &mut Job,
        stream: &mut Stream,
        out: &mut Json,
        batch: &mut Batch,
    ) -> Result<Reading> {
        if !self.dump_readable {
            return Ok(Reading::Waits);
        }
        let Some(mut running) = job.running.take() else { return Ok(Reading::Goes) };
        let called = self.at_a_moment(known, &mut stream.moves, |watching| watching.dump_socket.receive(batch));
        let (moment, received) = called?;
        match received {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.dump_readable = false;
                job.running = Some(running);
                return Ok(Reading::Waits);
            }
            Err(error) if is_overrun(&error) => {
                self.restart(known, job);
                return Ok(Reading::Renew);
            }
            Err(error) => return Err(Error::system("cannot read a dump", &error)),
        }
        let (source, cause) = self.first_rows;
        let netns = known.netns.label();
        let telling = Telling { origin: Origin::Snapshot, cause, time_microseconds: 0, netns, actor: None };
        let (mirror, filling, query) = (&mut known.mirror, &mut self.filling, running.query);
        let (socket, adapter) = self.feed.parts();
        let names = Sources { backlog: &known.backlog, socket: Some(socket) };
        let (is_found, is_foreign) = (false, false);
        let mut rows = Rows { query, job, mirror, filling, names, stream, out, source, telling, is_found, is_foreign };
        // The first datagram was made when the kernel was called before, the others when it was called now.
        let mut made = std::mem::replace(&mut running.moment, moment);
        let mut ended = None;
        for datagram in batch.datagrams() {
            let progress = running.dump.take(datagram, |row| {
                wire::messages(adapter.adapt(row.bytes)).for_each(|message| rows.take(&message, made));
            });
            made = moment;
            if progress != Progress::More {
                ended = Some(progress);
                break;
            }
        }
        if ended.is_some() {
            wire::messages(adapter.rest()).for_each(|message| rows.take(&message, made));
        }
        let is_foreign = rows.is_foreign;
        running.found |= rows.is_found;
        if is_foreign {
            known.mirror.note_missing(running.query.kind);
        }
        match ended {
            Some(Progress::Failed(failure))
                if failure.errno == libc::EPERM
                    && job.purpose.is_of_start()
                    && let Some(capability) = running.query.kind.table().hooks.needs =>
            {
                return Err(denied(&[running.query.kind], "followed", capability));
            }
            Some(ended) => self.end_dump(known, job, &running, ended),
            None if is_foreign => return Ok(Reading::Renew),
            None => job.running = Some(running),
        }
        Ok(Reading::Goes)
    }

    /// A dump is at its end: the job goes on with its next request, or restarts.
    fn end_dump(&mut self, known: &mut Knowledge, job: &mut Job, running: &Running, ended: Progress) {
        let Query { kind, question, .. } = running.query;
        job.learns_names = false;
        if question == Question::Fence {
            return;
        }
        match ended {
            Progress::Done | Progress::Failed(_) if matches!(question, Question::Route(_)) && !running.found => {
                self.agenda.restarted();
                job.ask_no_more(&known.mirror);
            }
            Progress::Done | Progress::More => {}
            Progress::Interrupted => {
                if self.agenda.interrupted(kind, Instant::now()) {
                    self.restart(known, job);
                } else {
                    log::debug!("dumps of {} are interrupted again and again", kind.table().name);
                }
            }
            // Asked for what concerns a link that has gone meanwhile: nothing does.
            Progress::Failed(failure) if failure.errno == libc::ENODEV => {}
            Progress::Failed(failure) if failure.unsupported() || dumps::is_unknown(kind, &failure) => {
                known.mirror.note_missing(kind);
            }
            Progress::Failed(_) if job.purpose != Purpose::Start && self.agenda.may_restart() => {
                self.restart(known, job);
            }
            Progress::Failed(failure) => {
                log::warn!("the kernel does not show its {} objects: {failure}", kind.table().name);
                // What was not shown is not taken for gone.
                job.kinds.retain(|(other, _)| *other != kind);
                if job.purpose.is_of_start() {
                    self.look([Look::at(kind)]);
                }
            }
        }
    }

    /// A job restarts. At the start the mirror has taken rows in already, of which some may be out of date.
    fn restart(&mut self, known: &Knowledge, job: &mut Job) {
        self.agenda.restarted();
        job.restart(&known.mirror);
        if job.purpose == Purpose::Start {
            let comparable = job.kinds.iter().filter(|(kind, _)| known.mirror.can_compare(*kind));
            self.look(comparable.map(|(kind, _)| Look::at(*kind)));
        }
    }

    /// What the dumps have shown is held against the mirror, once everything is read that the kernel told before it.
    fn finish(&mut self, known: &mut Knowledge, job: Job, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        self.read_what_was_told(known, batch, moves)?;
        let is_to_be_compared = self.agenda.done(Instant::now(), known.backlog.is_empty());
        if job.purpose == Purpose::Start {
            return self.drop_overtaken(known, batch, moves);
        }
        if !is_to_be_compared || (job.purpose == Purpose::Repair && job.kinds.is_empty()) {
            return Ok(());
        }
        let time_microseconds = job.began_microseconds;
        let Knowledge { mirror, backlog, .. } = known;
        let spoken = mirror.spoken_of(backlog.messages());
        let doubts = mirror.doubts(&job.shadow, &job.kinds, &spoken);
        self.look(doubts.into_iter().map(|look| Look { cause: job.cause, ..look }));
        let differences = mirror.repair(job.shadow, &job.kinds, &spoken);
        self.look(unsettled(mirror, job.cause));
        let cause = |difference: &Difference| job.looks.cause_of(difference).or(job.cause);
        let differences: Vec<Finding> = differences
            .into_iter()
            .map(|difference| Finding { cause: cause(&difference), difference, time_microseconds })
            .collect();
        let names = Sources { backlog, socket: Some(self.feed.socket()) };
        names.learn_for_differences(&mut mirror.links, differences.iter().map(|found| &found.difference));
        let consequences = known.take_in(Findings::new(job.purpose, job.cause, job.began, differences));
        self.look(consequences);
        Ok(())
    }

    /// Reads what the kernel had told by now, also where the backlog is full: that is no more than what the receive buffer
    /// can hold. While the first dumps are told to somebody who reads slowly, it may be called often; the feed stays
    /// readable where there is no room for that much.
    pub(super) fn read_what_was_told(
        &mut self,
        known: &mut Knowledge,
        batch: &mut Batch,
        moves: &mut Moves,
    ) -> Result<()> {
        let bytes_max = known.backlog.limit() + self.feed.subscription().receive_buffer_bytes;
        self.feed.readable = true;
        while self.feed.readable && known.backlog.bytes() < bytes_max {
            self.read(known, batch, moves)?;
        }
        Ok(())
    }
}

/// What became of a dump.
enum Reading {
    /// Nothing to read.
    Waits,
    /// It went on.
    Goes,
    /// Its socket cannot be used again.
    Renew,
}

/// Where the rows of a dump go.
struct Rows<'r> {
    query: Query,
    job: &'r mut Job,
    mirror: &'r mut Mirror,
    filling: &'r mut Option<Box<Filling>>,
    names: Sources<'r>,
    stream: &'r mut Stream,
    out: &'r mut Json,
    /// How rows of the first dumps are told.
    source: Source,
    telling: Telling<'r>,
    /// The single route that was asked for was among them.
    is_found: bool,
    /// There was one of another family: a kernel that does not have the family answers with all families.
    is_foreign: bool,
}

impl Rows<'_> {
    /// Takes a row, made at that moment.
    fn take(&mut self, row: &Message<'_>, made: Moment) {
        let Query { kind, family, question } = self.query;
        match question {
            Question::Fence => {}
            _ if !dumps::is_asked_for(kind, row) => {}
            _ if dumps::is_foreign(kind, family, row) => self.is_foreign = true,
            _ if self.job.learns_names => {
                self.mirror.links.note(row.payload, false);
            }
            _ if self.job.purpose == Purpose::Start && kind.table().is_kernels_own(row.payload) => {}
            _ if self.job.purpose == Purpose::Start => {
                if let Some(filling) = self.filling {
                    filling.overtaking.row(self.mirror, row, made);
                }
                if kind.table().is(&tc::FILTER) && tc::alone_in_priority(row.payload).is_some() {
                    // The job asks for what the kernel has left out.
                    gather(&mut self.job.shadow, self.mirror, row);
                }
                if row.header.kind >= TYPES_MAX {
                    self.names.learn_for_message(&mut self.mirror.links, row, false);
                }
                // What is received later is newer.
                let telling = Telling { time_microseconds: made.time_microseconds, ..self.telling };
                self.stream.message(self.out, self.mirror, row, self.source, telling);
            }
            Question::Route(asked) => {
                if let Some(answer) = self.mirror.route_answered(asked, row) {
                    self.is_found = true;
                    self.job.shadow.apply(self.mirror, kind, false, row.header.flags, &answer);
                }
            }
            Question::Objects => gather(&mut self.job.shadow, self.mirror, row),
        }
    }
}
