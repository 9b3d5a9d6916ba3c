//! What a transaction of the thread that writes is made of, and what follows from it.

use std::sync::Arc;

use super::database::{Database, SqlError};
use super::event_log::chunk::{Chunk, Share};
use super::{Admission, Append, Command, Promise, Queue, REMOVED, SPOOL_FULL, Staged};
use crate::event;
use crate::fault;

/// An event that was let in: by whom, its number, its line.
type Admitted = (Arc<dyn Queue>, u64, Arc<[u8]>);

/// What follows from a transaction once it is committed.
#[derive(Default)]
pub(super) struct Effects {
    pub admitted: Vec<Admitted>,
    pub losses: Vec<(Arc<dyn Queue>, &'static str, u64)>,
    pub replies: Vec<Box<dyn FnOnce()>>,
}

impl Effects {
    fn reply(&mut self, reply: &Promise<()>) {
        self.answer(reply, ());
    }

    fn answer<T: 'static>(&mut self, reply: &Promise<T>, answer: T) {
        let reply = reply.clone();
        self.replies.push(Box::new(move || reply.give(answer)));
    }

    fn lose(&mut self, queue: &Arc<dyn Queue>, reason: &'static str, count: u64) {
        match self.losses.iter_mut().find(|(known, why, _)| Arc::ptr_eq(known, queue) && *why == reason) {
            Some((_, _, events)) => *events += count,
            None if count > 0 => self.losses.push((queue.clone(), reason, count)),
            None => {}
        }
    }
}

/// Does what a command says.
pub(super) fn execute(database: &Database, command: &Command, effects: &mut Effects) -> Result<(), SqlError> {
    match command {
        Command::Attend(queue) => {
            let enrolled = database.enroll(queue.name())?;
            // What it has counts for the events that follow.
            queue.enroll(&enrolled);
            let queue = queue.clone();
            effects.replies.push(Box::new(move || queue.enrolled(enrolled)));
        }
        Command::Fix(queue, batch, reply) => {
            database.fix(queue.webhook(), batch)?;
            effects.reply(reply);
        }
        Command::Tried(queue, milliseconds, keep) => {
            let body = keep.as_ref().map(|batch| batch.body.as_slice());
            database.tried(queue.webhook(), *milliseconds, body)?;
        }
        Command::Done(queue, last, lost) => {
            database.delivered(queue.webhook(), *last)?;
            if let Some((reason, events)) = lost {
                database.lose(queue.webhook(), reason, *events)?;
            }
        }
        Command::Drop(queue, gone, losses, reply) => {
            for &sequence in gone {
                database.drop_wanted(queue.webhook(), sequence)?;
            }
            for (reason, events) in losses {
                database.lose(queue.webhook(), reason, *events)?;
            }
            effects.reply(reply);
        }
        Command::Unfix(queue, batches) => database.unfix(queue.webhook(), *batches)?,
        Command::Remove(queue, ranges, most, reply) => {
            let mut gone = Vec::new();
            for range in ranges {
                gone.append(&mut database.remove(queue.webhook(), *range, *most - gone.len())?);
            }
            fault::point("in removal");
            // What follows in this transaction is let in by what waits now.
            queue.removed(&gone);
            effects.lose(queue, REMOVED, gone.len() as u64);
            effects.answer(reply, gone.into_iter().map(|(sequence, _)| sequence).collect());
        }
        Command::Return(queue, events, reply) => give_back(database, queue, events, reply, effects)?,
        Command::Pause(queue, until, reply) => {
            database.set_paused(queue.webhook(), *until)?;
            effects.reply(reply);
        }
        Command::KeepPart(part, reply) => {
            database.keep_part(part)?;
            effects.answer(reply, true);
        }
        Command::KeepSnapshot(whole, reply) => {
            let is_kept = database.keep_snapshot(whole)?;
            effects.answer(reply, is_kept);
        }
        Command::Reach(reply) => effects.reply(reply),
        Command::Strike(queue) => database.strike(queue.webhook())?,
        Command::Begin(run) => database.begin_run(run)?,
        Command::Append(_) | Command::Suspect(_) => {}
    }
    Ok(())
}

/// A webhook waits again for events. One that it waits for already is the same.
fn give_back(
    database: &Database,
    queue: &Arc<dyn Queue>,
    events: &[(u64, Arc<[u8]>)],
    reply: &Promise<bool>,
    effects: &mut Effects,
) -> Result<(), SqlError> {
    let webhook = queue.webhook();
    let (mut count, mut octets) = (0, 0);
    // An event has one line, whoever waits for it: one that had settled to another one must wait until it is delivered.
    for (sequence, line) in events {
        if database.line(*sequence)?.is_some_and(|known| known != **line) {
            effects.answer(reply, false);
            return Ok(());
        }
    }
    for (sequence, line) in events {
        if !database.wants(webhook, *sequence)? {
            database.insert_apart(webhook, *sequence, line)?;
            count += 1;
            octets += line.len();
        }
    }
    let (queue, reply) = (queue.clone(), reply.clone());
    let ends = events.first().zip(events.last()).map(|((first, _), (last, _))| (*first, *last));
    effects.replies.push(Box::new(move || {
        if let Some((first, last)) = ends {
            queue.returned(first, last, count, octets);
        }
        reply.give(true);
    }));
    Ok(())
}

/// The chunk of the log that a transaction fills, and the webhooks' shares of it.
#[derive(Default)]
pub(super) struct Filling {
    chunk: Chunk,
    shares: Vec<(Arc<dyn Queue>, Share)>,
}

impl Filling {
    /// Stores what was handed over at once: events for the webhooks that want them and have room, and all lines that are kept.
    pub fn take(&mut self, database: &Database, append: &Append, effects: &mut Effects) -> Result<(), SqlError> {
        let mut events = append.events.iter().peekable();
        for line in append.history.split_inclusive(|&octet| octet == b'\n') {
            let line = line.trim_ascii_end();
            let Some(sequence) = event::sequence_of(line) else { continue };
            // Those that are not kept: none, while there is a history.
            while let Some(event) = events.next_if(|event| event.sequence < sequence) {
                self.insert(database, event, effects)?;
            }
            if self.chunk.is_full() {
                self.finish(database)?;
            }
            self.chunk.push(sequence, line);
            if let Some(event) = events.next_if(|event| event.sequence == sequence) {
                self.insert(database, event, effects)?;
            }
        }
        events.try_for_each(|event| self.insert(database, event, effects))
    }

    /// Stores an event for the webhooks that want it and have room.
    fn insert(&mut self, database: &Database, event: &Staged, effects: &mut Effects) -> Result<(), SqlError> {
        let octets = event.line.len();
        // Where it is kept, it is the last one.
        let mut stored = self.chunk.ends().is_some_and(|(_, last)| last == event.sequence);
        if !stored && self.chunk.is_full() {
            self.finish(database)?;
        }
        let place = self.chunk.entries().len() - usize::from(stored);
        for queue in &event.wanted_by {
            if let Some(why) = self.admit(database, queue, octets, effects)? {
                effects.lose(queue, why, 1);
                continue;
            }
            if !std::mem::replace(&mut stored, true) {
                self.chunk.push(event.sequence, &event.line);
            }
            self.share(queue).add(place, octets);
            effects.admitted.push((queue.clone(), event.sequence, event.line.clone()));
        }
        Ok(())
    }

    fn share(&mut self, queue: &Arc<dyn Queue>) -> &mut Share {
        let known = self.shares.iter().position(|(of, _)| Arc::ptr_eq(of, queue));
        let place = known.unwrap_or_else(|| {
            self.shares.push((queue.clone(), Share::default()));
            self.shares.len() - 1
        });
        &mut self.shares[place].1
    }

    /// Lets a webhook's event in, and gives up older ones for it where that is wanted. Gives back why there is no room.
    fn admit(
        &mut self,
        database: &Database,
        queue: &Arc<dyn Queue>,
        octets: usize,
        effects: &mut Effects,
    ) -> Result<Option<&'static str>, SqlError> {
        let webhook = queue.webhook();
        loop {
            match queue.admit(octets) {
                Admission::Taken => return Ok(None),
                Admission::Refused(why) => return Ok(Some(why)),
                Admission::AfterOldest => {}
            }
            let mut failed = None;
            let oldest = queue.drop_oldest(&mut |after| {
                let stored = database.first_wanted(webhook, after).unwrap_or_else(|failure| {
                    failed = Some(failure);
                    None
                });
                stored.or_else(|| self.first_wanted(queue, after))
            });
            if let Some(failure) = failed {
                return Err(failure);
            }
            let Some(oldest) = oldest else { return Ok(Some(SPOOL_FULL)) };
            if !self.remove(queue, oldest) {
                database.drop_wanted(webhook, oldest)?;
            }
            effects.lose(queue, SPOOL_FULL, 1);
        }
    }

    /// The first event after one for which a webhook waits, and its line's bytes.
    fn first_wanted(&self, queue: &Arc<dyn Queue>, after: u64) -> Option<(u64, usize)> {
        let (_, share) = self.shares.iter().find(|(of, _)| Arc::ptr_eq(of, queue))?;
        let mut wanted = share.wanted(self.chunk.entries());
        wanted.find(|entry| entry.sequence > after).map(|entry| (entry.sequence, entry.octets))
    }

    /// A webhook does not wait any more for an event. Says whether it is one of these.
    fn remove(&mut self, queue: &Arc<dyn Queue>, sequence: u64) -> bool {
        let entries = self.chunk.entries();
        let Ok(place) = entries.binary_search_by_key(&sequence, |entry| entry.sequence) else { return false };
        let octets = entries[place].octets;
        self.share(queue).remove(place, octets)
    }

    /// Stores what has gathered.
    pub fn finish(&mut self, database: &Database) -> Result<(), SqlError> {
        let Filling { chunk, shares } = std::mem::take(self);
        let shares: Vec<(i64, &Share)> = shares.iter().map(|(queue, share)| (queue.webhook(), share)).collect();
        // What nobody waits for is history, or else it is nothing.
        if !database.has_history() && shares.iter().all(|(_, share)| share.events == 0) {
            return Ok(());
        }
        fault::point("before chunk");
        database.append(&chunk, jiff::Timestamp::now().as_microsecond(), &shares)?;
        fault::point("after chunk");
        Ok(())
    }
}
