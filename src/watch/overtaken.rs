//! What the first dumps have overtaken: the notifications that were received before a row was made are older than it, and
//! are dropped.

use std::time::Instant;

use super::agenda::Doubt;
use super::now_microseconds;
use super::place::{Knowledge, Watching};
use crate::error::Result;
use crate::mirror::moves::Moves;
use crate::mirror::silence;
use crate::mirror::waiting::Moment;
use crate::netlink::socket::Batch;

impl Watching {
    /// Calls the kernel for rows, or to make them, and gives back the moment with the call's result; without a first dump
    /// under way it is no particular one.
    pub(super) fn at_a_moment<T>(
        &mut self,
        known: &mut Knowledge,
        moves: &mut Moves,
        call: impl FnOnce(&mut Watching) -> T,
    ) -> Result<(Moment, T)> {
        let Some(mut filling) = self.filling.take() else { return Ok((Moment::default(), call(self))) };
        let before = filling.note_received(&mut known.mirror, &known.backlog);
        let time_microseconds = now_microseconds();
        let result = call(self);
        let read = self.read_what_was_told(known, &mut filling.batch, moves);
        let after = filling.note_received(&mut known.mirror, &known.backlog);
        filling.overflowed |= self.feed.readable;
        self.filling = Some(filling);
        read.map(|()| (Moment { before, after, time_microseconds }, result))
    }

    /// The mirror is filled, as far as it will be. Drops what the dumps have overtaken, and looks at what follows from it.
    pub(super) fn drop_overtaken(&mut self, known: &mut Knowledge, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        let Some(mut filling) = self.filling.take() else { return Ok(()) };
        if filling.overflowed {
            return self.discard_what_waits(known, batch, moves);
        }
        let Knowledge { mirror, backlog, .. } = known;
        if filling.note_received(mirror, backlog) == 0 {
            return Ok(());
        }
        let overtaken = filling.overtaking.finish(mirror, backlog.messages());
        let mut looks = overtaken.looks;
        let mut places = overtaken.places.iter().copied().peekable();
        for (place, message) in backlog.messages().enumerate() {
            if places.next_if_eq(&place).is_some() {
                silence::looks_of_dropped(&mut looks, mirror, &message);
            }
        }
        backlog.drop_messages(&overtaken.places);
        self.look(looks);
        Ok(())
    }

    /// Throws away what was told while the mirror was filled, and has it repaired: more came than there was room for.
    fn discard_what_waits(&mut self, known: &mut Knowledge, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        let (mut discarded, mut bytes) = (0, 0);
        loop {
            discarded += known.backlog.iter().count() as u32;
            bytes += known.backlog.bytes();
            known.backlog.clear();
            // The kernel has no more of that time than its buffer can hold.
            if !self.feed.readable || bytes > known.backlog.limit() + 2 * self.feed.subscription().receive_buffer_bytes
            {
                break;
            }
            self.read(known, batch, moves)?;
        }
        self.feed.lose(discarded);
        self.agenda.add(Doubt::Loss, Instant::now());
        Ok(())
    }
}
