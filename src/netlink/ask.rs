//! A request on a socket that receives notifications: what comes beside the answer is not lost.

use std::io;
use std::time::{Duration, Instant};

use super::dump::{Dump, DumpFailure, Progress, Request};
use super::socket::{Batch, Socket, is_overrun};
use crate::error::{Error, Result};

/// So long the kernel may take to answer.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Room for a datagram; of a longer one the rest is missing.
const DATAGRAM_BYTES: usize = 16 << 10;

/// Sends a request for one object, and blocks until the kernel has answered: the error says what it refuses. Calls `beside` with each
/// datagram of the kernel's that is no answer. What a full buffer has cost meanwhile the kernel counts ([`Socket::drops`]).
pub fn ask(
    socket: &Socket,
    request: &Request,
    mut beside: impl FnMut(&[u8]),
) -> Result<std::result::Result<(), DumpFailure>> {
    let cannot = |error: io::Error| Error::system("cannot ask the kernel", &error);
    let mut batch = Batch::with_room(DATAGRAM_BYTES);
    let deadline = Instant::now() + TIME_MAX;
    let mut asked = Dump::start(socket, request).map_err(cannot)?;
    let mut answer = None;
    while answer.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::failed("the kernel does not answer"));
        }
        match socket.receive(&mut batch) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.wait(left).map_err(cannot)?;
                continue;
            }
            Err(error) if is_overrun(&error) => continue,
            Err(error) => return Err(cannot(error)),
        }
        // What was read with the answer is not lost either.
        for datagram in batch.datagrams().filter(|datagram| datagram.port == 0) {
            if !asked.is_answered_by(datagram) {
                beside(datagram.bytes);
                continue;
            }
            match asked.take(datagram, |_| ()) {
                Progress::More => {}
                Progress::Failed(failure) => answer = Some(Err(failure)),
                Progress::Done | Progress::Interrupted => answer = Some(Ok(())),
            }
        }
    }
    Ok(answer.unwrap_or(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::socket::{Joined, NETLINK_ROUTE};

    fn link(index: u32) -> Request {
        let mut body = vec![0; 16];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        Request { message_type: libc::RTM_GETLINK, body, one: true }
    }

    #[test]
    fn the_kernel_answers_or_refuses() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        assert_eq!(socket.join(1).unwrap(), Joined::Yes);
        assert_eq!(ask(&socket, &link(1), |_| ()).unwrap(), Ok(()));
        let refused = ask(&socket, &link(u32::MAX >> 1), |_| ()).unwrap().unwrap_err();
        assert_eq!(refused.errno, libc::ENODEV);
    }
}
