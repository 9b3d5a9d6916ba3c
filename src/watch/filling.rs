//! What is known while the mirror is filled, when watching begins, of the notifications that come meanwhile.

use crate::backlog::Backlog;
use crate::mirror::Mirror;
use crate::mirror::waiting::Overtaking;
use crate::netlink::socket::Batch;

/// What is known of notifications while the first dumps fill the mirror.
#[derive(Debug, Default)]
pub(super) struct Filling {
    pub overtaking: Overtaking,
    /// Where in the backlog the messages begin that it does not know yet.
    place: usize,
    /// Not everything was read that the kernel had told: it is not known what the rows have overtaken.
    pub overflowed: bool,
    /// What is received passes through it while a dump's rows are in the loop's own.
    pub batch: Batch,
}

impl Filling {
    /// Takes note of what was received since the last time, and gives back how many messages were received in all.
    pub fn note_received(&mut self, mirror: &mut Mirror, backlog: &Backlog) -> usize {
        let place = std::mem::replace(&mut self.place, backlog.end());
        self.overtaking.receive(mirror, backlog.messages_from(place))
    }
}
