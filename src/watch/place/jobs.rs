//! What a place asks the kernel: which job is due, its dumps, and what becomes of what they found.

use std::io;
use std::time::Instant;

use super::{Loss, Place, READS_MAX};
use crate::error::{Error, Result};
use crate::event::{Clock, Origin};
use crate::json::Json;
use crate::kinds::{self, KINDS};
use crate::mirror::looks::Look;
use crate::mirror::moves::Moves;
use crate::mirror::repair::Difference;
use crate::mirror::silence;
use crate::netlink::dump::{Dump, Progress};
use crate::netlink::socket::{Batch, NETLINK_ROUTE, Socket, is_overrun};
use crate::stream::{Source, Stream, Telling};
use crate::watch::agenda::Purpose;
use crate::watch::found::{Found, Pending};
use crate::watch::job::{Job, Next, Question, Running, gather};
use crate::watch::names::Sources;
use crate::watch::own_telling;

impl Place {
    /// Goes on with the job that runs, or begins the one that is due. `true` when the socket for dumps is a new one.
    pub fn work(&mut self, stream: &mut Stream, out: &mut Json, batch: &mut Batch, room: bool) -> Result<bool> {
        let mut renewed = false;
        if self.leaves {
            return Ok(false);
        }
        if self.job.is_none() && self.pending.is_none() {
            self.begin_what_is_due(stream, out);
        }
        // A loss makes every job but the first one worthless; the next one finds what both would have.
        if self.agenda.break_off() {
            self.job = None;
            self.dump_socket = self.netns.inside(|| Socket::open(NETLINK_ROUTE))?;
            renewed = true;
        }
        let Some(mut job) = self.job.take() else { return Ok(renewed) };
        let blocked = job.purpose == Purpose::Start && !room;
        let mut reads = 0;
        while !blocked && self.pending.is_none() && reads < READS_MAX {
            reads += 1;
            if job.running.is_none() {
                let Some(Next { kind, question, request }) = job.next_request(&self.mirror) else {
                    self.finish(job, batch, &mut stream.moves)?;
                    if !self.agenda.is_started() {
                        // Nothing is told between both parts of the start.
                        self.begin(stream, out);
                    }
                    return Ok(renewed);
                };
                let family = request.body.first().copied().unwrap_or_default();
                let started = self.at_a_moment(&mut stream.moves, |place| Dump::start(&place.dump_socket, &request));
                let (moment, dump) = started?;
                let dump = dump.map_err(|error| Error::system("cannot ask the kernel for what exists", &error))?;
                if let Some(filling) = self.filling.as_mut().filter(|_| job.purpose == Purpose::Start) {
                    filling.overtaking.ask(kind, moment.before);
                }
                job.running = Some(Running { kind, family, question, found: false, moment, dump });
                self.dump_readable = true;
            }
            match self.read_dump(&mut job, stream, out, batch)? {
                Step::Waits => break,
                Step::Goes => {
                    if job.purpose == Purpose::Start {
                        break;
                    }
                }
                Step::Renew => {
                    self.dump_socket = self.netns.inside(|| Socket::open(NETLINK_ROUTE))?;
                    renewed = true;
                }
            }
        }
        self.job = Some(job);
        Ok(renewed)
    }

    fn read_dump(&mut self, job: &mut Job, stream: &mut Stream, out: &mut Json, batch: &mut Batch) -> Result<Step> {
        if !self.dump_readable {
            return Ok(Step::Waits);
        }
        let Some(mut running) = job.running.take() else { return Ok(Step::Goes) };
        let (kind, family, question) = (running.kind, running.family, running.question);
        let (moment, received) = self.at_a_moment(&mut stream.moves, |place| place.dump_socket.receive(batch))?;
        match received {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.dump_readable = false;
                job.running = Some(running);
                return Ok(Step::Waits);
            }
            Err(error) if is_overrun(&error) => {
                self.restart(job);
                return Ok(Step::Renew);
            }
            Err(error) => return Err(Error::system("cannot read a dump", &error)),
        }
        let netns = self.netns.label();
        let cause = self.appeared.flatten();
        let source = match (self.appeared.is_some(), self.resumed) {
            (true, _) => Source::Appeared,
            (false, true) => Source::Again,
            (false, false) => Source::Snapshot,
        };
        // The first datagram was made when the kernel was called before, the others when it was called now.
        let mut made = std::mem::replace(&mut running.moment, moment);
        let mut foreign = false;
        let mut longest = 0;
        let mut ended = None;
        for datagram in batch.datagrams() {
            if datagram.truncated() {
                longest = longest.max(datagram.length);
            }
            let (mirror, shadow) = (&mut self.mirror, &mut job.shadow);
            let (purpose, names) = (job.purpose, job.names);
            let (found, filling) = (&mut running.found, &mut self.filling);
            // What is received later is newer.
            let time_microseconds = made.time_microseconds;
            let telling = Telling { origin: Origin::Snapshot, cause, time_microseconds, netns, actor: None };
            let progress = running.dump.take(datagram, |message| {
                match question {
                    Question::Fence => {}
                    // A kernel without that family answers with all families.
                    _ if kinds::is_foreign(kind, family, &message) => foreign = true,
                    _ if names => mirror.links.note(message.payload, false),
                    _ if purpose == Purpose::Start => {
                        if let Some(filling) = filling {
                            filling.overtaking.row(mirror, &message, made);
                        }
                        stream.message(out, mirror, &message, source, telling);
                    }
                    Question::Route(asked) => {
                        if let Some(answer) = mirror.route_answered(asked, &message) {
                            *found = true;
                            shadow.apply(kind, false, message.header.flags, &answer);
                        }
                    }
                    Question::Objects => gather(shadow, &message),
                }
            });
            made = moment;
            if progress != Progress::More {
                ended = Some(progress);
                break;
            }
        }
        if longest > 0 {
            batch.make_room(longest);
        }
        job.names &= ended.is_none();
        match ended {
            None | Some(Progress::More) => {}
            Some(_) if question == Question::Fence => return Ok(Step::Goes),
            Some(Progress::Done | Progress::Failed(_)) if matches!(question, Question::Route(_)) && !running.found => {
                self.agenda.restarted();
                job.ask_no_more(&self.mirror);
                return Ok(Step::Goes);
            }
            Some(Progress::Done) => return Ok(Step::Goes),
            Some(Progress::Interrupted) => {
                if self.agenda.interrupted(kind, Instant::now()) {
                    self.restart(job);
                } else {
                    log::debug!("dumps of {} are interrupted again and again", KINDS[kind].name);
                }
                return Ok(Step::Goes);
            }
            Some(Progress::Failed(failure)) if failure.unsupported() => return Ok(Step::Goes),
            // Asked for what concerns a link that has gone meanwhile: nothing does.
            Some(Progress::Failed(failure)) if failure.errno == libc::ENODEV => return Ok(Step::Goes),
            Some(Progress::Failed(_)) if job.purpose != Purpose::Start && self.agenda.may_restart() => {
                self.restart(job);
                return Ok(Step::Goes);
            }
            Some(Progress::Failed(failure)) => {
                log::warn!("the kernel does not show its {} objects: {failure}", KINDS[kind].name);
                // What was not shown is not taken for gone.
                job.kinds.retain(|(other, _)| *other != kind);
                if job.purpose.is_of_start() {
                    self.look([Look::at(kind)]);
                }
                return Ok(Step::Goes);
            }
        }
        if foreign {
            return Ok(Step::Renew);
        }
        job.running = Some(running);
        Ok(Step::Goes)
    }

    /// A job restarts. At the start the mirror has taken rows in already, of which some may be out of date.
    fn restart(&mut self, job: &mut Job) {
        self.agenda.restarted();
        job.restart(&self.mirror);
        if job.purpose == Purpose::Start {
            let comparable = job.kinds.iter().filter(|(kind, _)| silence::can_be_compared(*kind));
            self.look(comparable.map(|(kind, _)| Look::at(*kind)));
        }
    }

    /// What the dumps have shown is held against the mirror, once everything is read that the kernel told before it.
    fn finish(&mut self, job: Job, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        self.read_what_was_told(batch, moves)?;
        let is_to_be_compared = self.agenda.done(Instant::now(), self.backlog.is_empty());
        if job.purpose == Purpose::Start {
            return self.drop_overtaken(batch, moves);
        }
        if !is_to_be_compared {
            return Ok(());
        }
        let time_microseconds = job.began_microseconds;
        let spoken = self.mirror.spoken_of(self.backlog.messages());
        let doubts = self.mirror.doubts(&job.shadow, &job.kinds, &spoken);
        self.look(doubts.into_iter().map(|look| Look { cause: job.cause, ..look }));
        let differences = self.mirror.repair(job.shadow, &job.kinds, &spoken);
        self.look_at_unsettled(job.cause);
        let cause = |difference: &Difference| job.looks.cause_of(difference).or(job.cause);
        let differences: Vec<Found> = differences
            .into_iter()
            .map(|difference| Found { cause: cause(&difference), difference, time_microseconds })
            .collect();
        let names = Sources { backlog: &self.backlog, socket: (!self.leaves).then_some(&self.socket) };
        names.learn_for_differences(&mut self.mirror.links, differences.iter().map(|found| &found.difference));
        self.found(Pending::new(job.purpose, job.cause, job.began, differences));
        Ok(())
    }

    /// Reads what the kernel had told by now, also where the backlog is full: that is no more than what the receive buffer
    /// can hold. While the first dumps are told to somebody who reads slowly, it may be called often; `readable` stays set
    /// where there is no room for that much.
    pub(super) fn read_what_was_told(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        let bytes_max = self.backlog.limit() + self.receive_buffer_bytes;
        self.readable = true;
        while self.readable && self.backlog.bytes() < bytes_max {
            self.read_once(batch, moves)?;
        }
        Ok(())
    }

    fn begin_what_is_due(&mut self, stream: &mut Stream, out: &mut Json) {
        // What was received before the loss is told before it.
        if self.backlog.is_empty() && !self.readable {
            self.begin(stream, out);
        }
    }

    fn begin(&mut self, stream: &mut Stream, out: &mut Json) {
        let Some(work) = self.agenda.next(Instant::now(), &self.mirror) else { return };
        let cause = match work.purpose {
            Purpose::Repair => self.tell_overrun(stream, out),
            _ => work.looks.cause(),
        };
        self.job = Some(Job::new(work, cause, &self.mirror));
    }

    /// Tells what the kernel has dropped, and gives back the number of that line.
    fn tell_overrun(&mut self, stream: &mut Stream, out: &mut Json) -> Option<u64> {
        let Loss { since_microseconds, discarded } = self.loss.take()?;
        let drops = self.socket.drops();
        let lost = drops.map(|drops| drops.wrapping_sub(self.drops_told) + discarded).filter(|&lost| lost > 0);
        self.drops_told = drops.unwrap_or_default();
        stream.own(out, "overrun", "lost", own_telling(self.netns.label()), |out| {
            out.key("lost");
            match lost {
                Some(lost) => out.unsigned(lost.into()),
                None => out.null(),
            }
            out.key("since");
            Clock::default().write(out, since_microseconds);
            out.key("kinds");
            out.begin_list();
            self.kinds.iter().for_each(|&kind| out.string(KINDS[kind].name));
            out.end_list();
        })
    }
}

/// What became of a dump.
enum Step {
    /// Nothing to read.
    Waits,
    /// It went on.
    Goes,
    /// Its socket cannot be used again.
    Renew,
}
