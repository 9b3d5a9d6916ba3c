//! Filling the mirror when watching begins, while notifications come that are told after it.

use super::Place;
use crate::error::Result;
use crate::mirror::moves::Moves;
use crate::mirror::silence;
use crate::mirror::waiting::{Moment, Overtaking};
use crate::netlink::socket::Batch;
use crate::watch::now_microseconds;

/// What is known of notifications while the first dumps fill the mirror.
#[derive(Debug, Default)]
pub(super) struct Filling {
    pub overtaking: Overtaking,
    /// Where in the backlog the messages begin that it does not know yet.
    place: usize,
    /// Not everything was read that the kernel had told: it is not known what the rows have overtaken.
    overflowed: bool,
    /// What is received passes through it while a dump's rows are in the loop's own.
    batch: Batch,
}

impl Place {
    /// Calls the kernel for rows, or to make them, and gives back the moment with the call's result; without a first dump
    /// under way it is no particular one.
    pub(super) fn at_a_moment<T>(
        &mut self,
        moves: &mut Moves,
        call: impl FnOnce(&mut Place) -> T,
    ) -> Result<(Moment, T)> {
        let Some(mut filling) = self.filling.take() else { return Ok((Moment::default(), call(self))) };
        let before = self.note_received(&mut filling);
        let time_microseconds = now_microseconds();
        let result = call(self);
        let read = self.read_what_was_told(&mut filling.batch, moves);
        let after = self.note_received(&mut filling);
        filling.overflowed |= self.readable;
        self.filling = Some(filling);
        read.map(|()| (Moment { before, after, time_microseconds }, result))
    }

    fn note_received(&mut self, filling: &mut Filling) -> usize {
        let place = std::mem::replace(&mut filling.place, self.backlog.end());
        filling.overtaking.receive(&mut self.mirror, self.backlog.messages_from(place))
    }

    /// The mirror is filled, as far as it will be. Drops what the dumps have overtaken, and looks at what follows from it.
    pub(super) fn drop_overtaken(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        let Some(mut filling) = self.filling.take() else { return Ok(()) };
        if filling.overflowed {
            return self.discard_what_waits(batch, moves);
        }
        if self.note_received(&mut filling) == 0 {
            return Ok(());
        }
        let overtaken = filling.overtaking.finish(&mut self.mirror, self.backlog.messages());
        let mut looks = overtaken.looks;
        let mut places = overtaken.places.iter().copied().peekable();
        for (place, message) in self.backlog.messages().enumerate() {
            if places.next_if_eq(&place).is_some() {
                let before = silence::before(&self.mirror, &message);
                silence::looks(&mut looks, &self.mirror, &message, before.as_ref(), None);
            }
        }
        self.backlog.drop_messages(&overtaken.places);
        self.look(looks);
        Ok(())
    }

    /// Throws away what was told while the mirror was filled, and has it repaired: more came than there was room for.
    fn discard_what_waits(&mut self, batch: &mut Batch, moves: &mut Moves) -> Result<()> {
        let (mut discarded, mut bytes) = (0, 0);
        loop {
            discarded += self.backlog.iter().count() as u32;
            bytes += self.backlog.bytes();
            self.backlog.clear();
            // The kernel has no more of that time than its buffer can hold.
            if !self.readable || bytes > self.backlog.limit() + 2 * self.receive_buffer_bytes {
                break;
            }
            self.read_once(batch, moves)?;
        }
        self.lost();
        self.loss.iter_mut().for_each(|loss| loss.discarded += discarded);
        Ok(())
    }
}
