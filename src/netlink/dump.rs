//! Dumps: asking the kernel for all objects of a kind, and knowing whether the answer is whole.
//!
//! [`Dump`] is the state of one dump: the caller owns the socket, reads it when it may, and hands over what came. A
//! dump has a socket of its own, apart from the one that receives notifications. [`dump_all`] does all of it, and
//! blocks.
//!
//! A dump is not whole when the kernel says that its state changed meanwhile (`NLM_F_DUMP_INTR`, which may stand on
//! any message, the last included), or when it ends with an error. See `net/netlink/af_netlink.c`, `netlink_dump`.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use log::debug;

use super::socket::{self, Batch, Datagram, Socket};
use super::wire::{self, HEADER_BYTES, Header, Message};
use crate::error::{Error, Result as Outcome};
use crate::octets;

/// How often [`dump_all`] begins a dump that was interrupted or overrun, the first time included.
pub const ATTEMPTS_MAX: u32 = 10;

/// The longest time that [`dump_all`] waits, whatever it is told.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// `NLMSG_NOOP`: to be ignored.
const NLMSG_NOOP: u16 = 1;
/// `NLM_F_CAPPED`, on `NLMSG_ERROR`: only the header of the request is repeated.
const NLM_F_CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`, on `NLMSG_ERROR` and `NLMSG_DONE`: attributes of an extended acknowledgement follow.
const NLM_F_ACK_TLVS: u16 = 0x200;
/// `NLMSGERR_ATTR_MSG`: the reason in words.
const NLMSGERR_ATTR_MSG: u16 = 1;
/// `NLMSGERR_ATTR_OFFS`: where in the request the fault lies.
const NLMSGERR_ATTR_OFFS: u16 = 2;
/// Octets of the error number that `NLMSG_ERROR` and `NLMSG_DONE` begin with.
const ERROR_BYTES: usize = 4;

/// Sequence numbers of this process's dumps; 0 is left to notifications.
static SEQUENCE: AtomicU32 = AtomicU32::new(1);

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Such as `RTM_GETLINK`.
    pub message_type: u16,
    /// The family's header, whole, since the kernel checks strictly, and attributes that narrow the dump.
    pub body: Vec<u8>,
    /// For the one object that the body says, and not for all.
    pub one: bool,
}

/// Why the kernel refused a dump, or broke it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpFailure {
    /// The error's number, positive.
    pub errno: i32,
    /// The kernel's reason, where it gave one.
    pub message: Option<String>,
    /// Octets from the request's beginning to the fault, where the kernel told.
    pub offset: Option<u32>,
}

impl DumpFailure {
    /// Whether it says that this kernel has no such dump: a module is not loaded, or the kernel is older.
    pub fn unsupported(&self) -> bool {
        matches!(
            self.errno,
            libc::EOPNOTSUPP | libc::ENOENT | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ENOSYS
        )
    }
}

impl fmt::Display for DumpFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", io::Error::from_raw_os_error(self.errno))?;
        if let Some(message) = &self.message {
            write!(formatter, ": {message}")?;
        }
        if let Some(offset) = self.offset {
            write!(formatter, " (at octet {offset} of the request)")?;
        }
        Ok(())
    }
}

/// How far a dump is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to come: go on reading.
    More,
    /// It is whole.
    Done,
    /// It ended, but the kernel's state changed meanwhile, or it could not be read whole: it is of no use. Ask again.
    Interrupted,
    /// The kernel refused it or broke it off.
    Failed(DumpFailure),
}

/// A dump under way.
#[derive(Debug)]
pub struct Dump {
    sequence: u32,
    port: u32,
    one: bool,
    interrupted: bool,
}

impl Dump {
    /// Sends the request. The socket must have no other dump under way: the kernel refuses a second with `EBUSY`. When
    /// reading gives `ENOBUFS`, or a dump is given up, go on with a new socket.
    pub fn start(socket: &Socket, request: &Request) -> io::Result<Dump> {
        let sequence = loop {
            match SEQUENCE.fetch_add(1, Ordering::Relaxed) {
                0 => {}
                sequence => break sequence,
            }
        };
        // An acknowledgement ends what is said of one object.
        let flags = wire::NLM_F_REQUEST | if request.one { wire::NLM_F_ACK } else { wire::NLM_F_DUMP };
        let header = Header { kind: request.message_type, flags, sequence, port: 0 };
        let mut message = Vec::with_capacity(HEADER_BYTES + request.body.len() + 3);
        wire::append_message(&mut message, header, &request.body);
        socket.send(&message)?;
        Ok(Dump { sequence, port: socket.port(), one: request.one, interrupted: false })
    }

    /// Whether a datagram is an answer to the request, by its first message.
    pub fn is_answered_by(&self, datagram: Datagram<'_>) -> bool {
        let first = wire::messages(datagram.bytes).next().map(|message| message.header);
        first.is_some_and(|header| (header.sequence, header.port) == (self.sequence, self.port))
    }

    /// Takes a datagram from the dump's socket, and calls `each` with every row in it. Messages of earlier dumps and
    /// whatever does not come from the kernel are passed over. After any answer but `More` the dump is at its end.
    pub fn take(&mut self, datagram: Datagram<'_>, mut each: impl FnMut(Message<'_>)) -> Progress {
        if datagram.port != 0 {
            return Progress::More;
        }
        let mut messages = wire::messages(datagram.bytes);
        for message in messages.by_ref() {
            if message.header.sequence != self.sequence || message.header.port != self.port {
                continue;
            }
            self.interrupted |= message.header.flags & wire::NLM_F_DUMP_INTR != 0;
            match message.header.kind {
                NLMSG_NOOP => {}
                wire::NLMSG_DONE => {
                    return match failure(message) {
                        Some(failure) => Progress::Failed(failure),
                        None if self.interrupted => Progress::Interrupted,
                        None => Progress::Done,
                    };
                }
                wire::NLMSG_ERROR => match failure(message) {
                    Some(failure) => return Progress::Failed(failure),
                    None if self.one && self.interrupted => return Progress::Interrupted,
                    None if self.one => return Progress::Done,
                    // Number 0 would acknowledge what we did not ask to be acknowledged.
                    None => {}
                },
                _ => each(message),
            }
        }
        // Rows are missing: what comes later cannot make it whole.
        if datagram.truncated() || !messages.rest().is_empty() {
            debug!(
                "{} octets of a dump's datagram cannot be read",
                datagram.length - datagram.bytes.len() + messages.rest().len()
            );
            self.interrupted = true;
        }
        Progress::More
    }
}

/// The error that `NLMSG_ERROR` or `NLMSG_DONE` carries, `None` for number 0 and for a number that is none.
fn failure(message: Message<'_>) -> Option<DumpFailure> {
    let errno = (wire::u32_at(message.payload, 0)? as i32).checked_neg().filter(|errno| *errno > 0)?;
    let attributes = attributes_of_acknowledgement(message).unwrap_or_default();
    let text = wire::attribute(attributes, NLMSGERR_ATTR_MSG)
        .map(|text| octets::shown(text.split(|octet| *octet == 0).next().unwrap_or_default()).into_owned());
    let offset = wire::attribute_u32(attributes, NLMSGERR_ATTR_OFFS);
    Some(DumpFailure { errno, message: text.filter(|text| !text.is_empty()), offset })
}

fn attributes_of_acknowledgement(message: Message<'_>) -> Option<&[u8]> {
    let flags = message.header.flags;
    if flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let repeated = match message.header.kind {
        wire::NLMSG_DONE => 0,
        _ if flags & NLM_F_CAPPED != 0 => HEADER_BYTES,
        _ => wire::align(wire::u32_at(message.payload, ERROR_BYTES)? as usize),
    };
    message.payload.get(ERROR_BYTES.checked_add(repeated)?..)
}

/// What [`dump_all`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpRow<'a> {
    /// A row of the dump.
    Message(Message<'a>),
    /// The dump was interrupted and begins again: forget its rows.
    Again,
}

/// Why [`dump_all`] gave no whole dump.
#[derive(Debug)]
pub enum DumpError {
    /// This kernel has no such dump.
    Unsupported(DumpFailure),
    /// The kernel refused it, or broke it off.
    Refused(DumpFailure),
    /// The socket failed, time ran out, or it was interrupted too often.
    Failed(Error),
}

impl fmt::Display for DumpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DumpError::Unsupported(failure) => write!(formatter, "this kernel has no such dump: {failure}"),
            DumpError::Refused(failure) => write!(formatter, "the kernel refuses to dump: {failure}"),
            DumpError::Failed(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for DumpError {}

impl From<DumpError> for Error {
    fn from(error: DumpError) -> Error {
        match error {
            DumpError::Failed(error) => error,
            _ => Error::failed(error),
        }
    }
}

/// Dumps, on sockets that `open` gives, and blocks until the dump is whole. An interrupted or overrun one is begun again, [`ATTEMPTS_MAX`] times at
/// most, all within `timeout`. `batch` is the room for what is read: whoever asks for much makes it once, since a new one is megabytes that may
/// have to be filled with zeros.
pub fn dump_all(
    open: impl Fn() -> Outcome<Socket>,
    request: &Request,
    timeout: Duration,
    batch: &mut Batch,
    mut each: impl FnMut(DumpRow<'_>),
) -> Result<(), DumpError> {
    dump_until(open, request, timeout, batch, |row| {
        each(row);
        ControlFlow::Continue(())
    })
}

/// The same, until `each` has enough: then it is done.
pub fn dump_until(
    open: impl Fn() -> Outcome<Socket>,
    request: &Request,
    timeout: Duration,
    batch: &mut Batch,
    mut each: impl FnMut(DumpRow<'_>) -> ControlFlow<()>,
) -> Result<(), DumpError> {
    let now = Instant::now();
    let deadline = now.checked_add(timeout.min(TIMEOUT_MAX)).unwrap_or(now);
    repeat(&mut each, |each| {
        let socket = open().map_err(DumpError::Failed)?;
        attempt(&socket, request, deadline, batch, each)
    })
}

/// Calls `attempt` until it says that the dump was whole.
fn repeat<Each: FnMut(DumpRow<'_>) -> ControlFlow<()>>(
    each: &mut Each,
    mut attempt: impl FnMut(&mut Each) -> Result<bool, DumpError>,
) -> Result<(), DumpError> {
    for number in 0..ATTEMPTS_MAX {
        if number > 0 {
            debug!("a dump was not whole; it begins again");
            if each(DumpRow::Again).is_break() {
                return Ok(());
            }
        }
        if attempt(each)? {
            return Ok(());
        }
    }
    Err(DumpError::Failed(Error::failed(format_args!(
        "none of {ATTEMPTS_MAX} dumps was whole, since the kernel's state changed meanwhile; try again when less changes"
    ))))
}

/// Dumps once, on a socket that has no other dump under way. `false` for a dump that is to be begun again.
fn attempt(
    socket: &Socket,
    request: &Request,
    deadline: Instant,
    batch: &mut Batch,
    each: &mut impl FnMut(DumpRow<'_>) -> ControlFlow<()>,
) -> Result<bool, DumpError> {
    let system = |doing: &str, error: io::Error| DumpError::Failed(Error::system(doing, &error));
    let mut dump = Dump::start(socket, request).map_err(|error| system("cannot ask for a dump", error))?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DumpError::Failed(Error::failed("the kernel's dump did not end in time")));
        }
        match socket.receive(batch) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.wait(left).map_err(|error| system("cannot wait for a dump", error))?;
                continue;
            }
            Err(error) if socket::is_overrun(&error) => return Ok(false),
            Err(error) => return Err(system("cannot read a dump", error)),
        }
        if batch.cut_off().is_some() {
            return Ok(false);
        }
        for datagram in batch.datagrams() {
            let mut enough = ControlFlow::Continue(());
            let progress = dump.take(datagram, |message| {
                if enough.is_continue() {
                    enough = each(DumpRow::Message(message));
                }
            });
            if enough.is_break() {
                return Ok(true);
            }
            if let Some(whole) = progress.ended()? {
                return Ok(whole);
            }
        }
    }
}

impl Progress {
    /// Whether a dump that ended was whole; `None` for one that goes on.
    fn ended(self) -> Result<Option<bool>, DumpError> {
        match self {
            Progress::More => Ok(None),
            Progress::Done => Ok(Some(true)),
            Progress::Interrupted => Ok(Some(false)),
            Progress::Failed(failure) if failure.unsupported() => Err(DumpError::Unsupported(failure)),
            Progress::Failed(failure) => Err(DumpError::Refused(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use libc::{RTM_GETADDR, RTM_GETLINK, RTM_GETRULE, RTM_GETTCLASS, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWRULE};
    use proptest::prelude::*;
    use proptest::{collection, sample};

    use super::*;
    use crate::netlink::socket::NETLINK_ROUTE;

    const TIMEOUT: Duration = Duration::from_secs(20);
    /// The sequence number and port of [`dump`].
    const OURS: (u32, u32) = (7, 1000);

    fn dump() -> Dump {
        Dump { sequence: OURS.0, port: OURS.1, one: false, interrupted: false }
    }

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::append_message(&mut bytes, Header { kind, flags, sequence: OURS.0, port: OURS.1 }, payload);
        bytes
    }

    fn row() -> Vec<u8> {
        message(RTM_NEWLINK, wire::NLM_F_MULTI, b"row.")
    }

    fn done(flags: u16, errno: i32) -> Vec<u8> {
        message(wire::NLMSG_DONE, wire::NLM_F_MULTI | flags, &(-errno).to_ne_bytes())
    }

    fn datagram(bytes: &[u8]) -> Datagram<'_> {
        Datagram { port: 0, group: 0, sender: None, bytes, length: bytes.len() }
    }

    /// Hands the messages over in one datagram: the rows and the progress.
    fn take(dump: &mut Dump, messages: &[Vec<u8>]) -> (usize, Progress) {
        let mut rows = 0;
        let progress = dump.take(datagram(&messages.concat()), |_| rows += 1);
        (rows, progress)
    }

    fn acknowledgement(text: &[u8], offset: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        wire::append_attribute(&mut bytes, NLMSGERR_ATTR_OFFS, &offset.to_ne_bytes());
        wire::append_attribute(&mut bytes, NLMSGERR_ATTR_MSG, text);
        bytes
    }

    fn failed(errno: i32, message: Option<&str>, offset: Option<u32>) -> Progress {
        Progress::Failed(DumpFailure { errno, message: message.map(String::from), offset })
    }

    #[test]
    fn who_has_enough_gets_no_more() {
        let request = Request { message_type: RTM_GETLINK, body: vec![0; 16], one: false };
        let mut rows = 0;
        let each = |_: DumpRow<'_>| {
            rows += 1;
            ControlFlow::Break(())
        };
        dump_until(|| Socket::open(NETLINK_ROUTE), &request, TIMEOUT, &mut Batch::of_dump(), each).unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_whole_dump() {
        let mut dump = dump();
        assert_eq!(take(&mut dump, &[row(), row()]), (2, Progress::More));
        assert_eq!(take(&mut dump, &[]), (0, Progress::More));
        assert_eq!(take(&mut dump, &[row(), done(0, 0), row()]), (1, Progress::Done));
    }

    #[test]
    fn an_interruption_on_any_message_is_seen() {
        let interrupted = message(RTM_NEWLINK, wire::NLM_F_MULTI | wire::NLM_F_DUMP_INTR, b"row.");
        for messages in [
            [interrupted.clone(), row(), done(0, 0)],
            [row(), interrupted, done(0, 0)],
            [row(), row(), done(wire::NLM_F_DUMP_INTR, 0)],
        ] {
            assert_eq!(take(&mut dump(), &messages), (2, Progress::Interrupted));
            // Over several datagrams too.
            let mut dump = dump();
            assert_eq!(take(&mut dump, &messages[..1]).1, Progress::More);
            assert_eq!(take(&mut dump, &messages[1..]).1, Progress::Interrupted);
        }
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        let mut stale = Vec::new();
        for (kind, sequence, port) in
            [(RTM_NEWLINK, 6, 1000), (RTM_NEWLINK, 7, 1001), (RTM_NEWLINK, 0, 0), (wire::NLMSG_DONE, 6, 1000)]
        {
            let flags = wire::NLM_F_DUMP_INTR;
            wire::append_message(&mut stale, Header { kind, flags, sequence, port }, &[0; 4]);
        }
        let mut dump = dump();
        assert_eq!(take(&mut dump, &[stale.clone(), row(), stale]), (1, Progress::More));
        let forged = done(0, 0);
        assert_eq!(dump.take(Datagram { port: 4, ..datagram(&forged) }, |_| panic!()), Progress::More);
        assert_eq!(take(&mut dump, &[message(NLMSG_NOOP, 0, b""), done(0, 0)]), (0, Progress::Done));
    }

    #[test]
    fn an_error_is_told_with_the_kernels_words() {
        let request = message(RTM_GETLINK, 0, &[1, 2, 3, 4, 5]);
        let words = acknowledgement(b"no such thing\0", 20);
        let error = |flags, parts: &[&[u8]]| {
            let payload = [&(-libc::EINVAL).to_ne_bytes()[..], &parts.concat()].concat();
            take(&mut dump(), &[row(), message(wire::NLMSG_ERROR, flags, &payload)])
        };
        let told = (1, failed(libc::EINVAL, Some("no such thing"), Some(20)));
        assert_eq!(error(NLM_F_ACK_TLVS, &[&request, &words]), told);
        assert_eq!(error(NLM_F_ACK_TLVS | NLM_F_CAPPED, &[&request[..HEADER_BYTES], &words]), told);
        // Without the flag, whatever follows is no acknowledgement.
        let untold = (1, failed(libc::EINVAL, None, None));
        assert_eq!(error(0, &[&request, &words]), untold);
        assert_eq!(error(NLM_F_ACK_TLVS, &[]), untold);
        assert_eq!(error(NLM_F_ACK_TLVS, &[&u32::MAX.to_ne_bytes()]), untold);
        assert_eq!(error(NLM_F_ACK_TLVS, &[&request]), untold);
    }

    #[test]
    fn the_last_message_may_carry_an_error() {
        assert_eq!(take(&mut dump(), &[row(), done(0, libc::ENODEV)]), (1, failed(libc::ENODEV, None, None)));
        // It counts more than an interruption.
        let progress = take(&mut dump(), &[done(wire::NLM_F_DUMP_INTR, libc::EMSGSIZE)]).1;
        assert_eq!(progress, failed(libc::EMSGSIZE, None, None));
        let payload = [&(-libc::EPERM).to_ne_bytes()[..], &acknowledgement(b"not you\0", 0)].concat();
        let progress = take(&mut dump(), &[message(wire::NLMSG_DONE, NLM_F_ACK_TLVS, &payload)]).1;
        assert_eq!(progress, failed(libc::EPERM, Some("not you"), Some(0)));
        // Some dumps end with a positive number: how many rows there were.
        assert_eq!(take(&mut dump(), &[done(0, -36)]), (0, Progress::Done));
        assert_eq!(take(&mut dump(), &[message(wire::NLMSG_DONE, 0, b"")]), (0, Progress::Done));
        assert_eq!(take(&mut dump(), &[message(wire::NLMSG_DONE, 0, &i32::MIN.to_ne_bytes())]), (0, Progress::Done));
    }

    #[test]
    fn an_acknowledgement_is_no_row_and_no_end() {
        let acknowledged = message(wire::NLMSG_ERROR, 0, &[0; 20]);
        assert_eq!(take(&mut dump(), &[acknowledged, row()]), (1, Progress::More));
    }

    #[test]
    fn a_dump_that_cannot_be_read_whole_is_of_no_use() {
        let mut dump_with_rest = dump();
        assert_eq!(take(&mut dump_with_rest, &[row(), vec![0xff; 20]]), (1, Progress::More));
        assert_eq!(take(&mut dump_with_rest, &[done(0, 0)]), (0, Progress::Interrupted));
        let mut dump_truncated = dump();
        let bytes = row();
        assert_eq!(
            dump_truncated.take(Datagram { port: 0, group: 0, sender: None, bytes: &bytes, length: 1000 }, |_| ()),
            Progress::More
        );
        assert_eq!(take(&mut dump_truncated, &[done(0, 0)]), (0, Progress::Interrupted));
    }

    #[test]
    fn failures_in_words() {
        let failure =
            |errno, message: Option<&str>, offset| DumpFailure { errno, message: message.map(String::from), offset };
        let text = failure(libc::EINVAL, Some("bad header"), Some(16)).to_string();
        assert_eq!(text, "Invalid argument (os error 22): bad header (at octet 16 of the request)");
        for errno in [libc::EOPNOTSUPP, libc::ENOENT, libc::EAFNOSUPPORT] {
            assert!(failure(errno, None, None).unsupported());
        }
        for errno in [libc::EINVAL, libc::EPERM, libc::EBUSY, libc::ENODEV] {
            assert!(!failure(errno, None, None).unsupported());
        }
    }

    /// Dumps into one buffer.
    fn rows(request: &Request) -> Result<Vec<u8>, DumpError> {
        let mut rows = Vec::new();
        dump_all(
            || Socket::open(NETLINK_ROUTE),
            request,
            TIMEOUT,
            &mut Batch::new(),
            |row| match row {
                DumpRow::Message(message) => {
                    rows.extend_from_slice(message.bytes);
                    rows.resize(wire::align(rows.len()), 0);
                }
                DumpRow::Again => rows.clear(),
            },
        )?;
        Ok(rows)
    }

    #[test]
    fn the_kernels_links() {
        let rows = rows(&Request { message_type: RTM_GETLINK, body: vec![0; 16], one: false }).unwrap();
        let names: Vec<_> = wire::messages(&rows)
            .inspect(|message| assert_eq!(message.header.kind, RTM_NEWLINK))
            .filter_map(|message| wire::attribute(&message.payload[16..], 3))
            .collect();
        assert!(names.contains(&&b"lo\0"[..]));
    }

    #[test]
    fn what_an_earlier_dump_left_in_the_room_is_not_read_again() {
        let request = |message_type, octets| Request { message_type, body: vec![0; octets], one: false };
        let mut batch = Batch::new();
        // The longest answer first, then one without a row (there is no link of this number), then short ones.
        let mut nowhere = request(RTM_GETTCLASS, 20);
        nowhere.body[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let asked = [
            (request(RTM_GETLINK, 16), Some(RTM_NEWLINK)),
            (nowhere, None),
            (request(RTM_GETADDR, 8), Some(RTM_NEWADDR)),
            (request(RTM_GETLINK, 16), Some(RTM_NEWLINK)),
            (request(RTM_GETRULE, 12), Some(RTM_NEWRULE)),
        ];
        for (request, answer) in asked {
            let mut rows = 0;
            let _ = dump_all(
                || Socket::open(NETLINK_ROUTE),
                &request,
                TIMEOUT,
                &mut batch,
                |row| {
                    let DumpRow::Message(message) = row else { return };
                    assert_eq!(Some(message.header.kind), answer);
                    rows += 1;
                },
            );
            // Whether there are addresses and rules depends on where the test runs; there is a link everywhere.
            assert!(rows > 0 || answer != Some(RTM_NEWLINK));
        }
    }

    #[test]
    fn the_kernels_own_refusal() {
        let refused = rows(&Request { message_type: RTM_GETLINK, body: vec![0xff; 16], one: false });
        let Err(DumpError::Refused(failure)) = refused else { panic!("{refused:?}") };
        assert_eq!(failure.errno, libc::EINVAL);
        // This comes by the strict checks and the extended acknowledgement that the socket asks for.
        assert!(failure.message.is_some(), "{failure}");
        let error = rows(&Request { message_type: 0xfffe, body: vec![0; 16], one: false }).unwrap_err();
        assert!(matches!(&error, DumpError::Unsupported(failure) if failure.errno == libc::EOPNOTSUPP), "{error}");
        assert!(Error::from(error).to_string().starts_with("this kernel has no such dump: "));
    }

    #[test]
    fn what_was_not_whole_is_repeated_within_bounds() {
        for bad in [0, 1, 2, ATTEMPTS_MAX - 1, ATTEMPTS_MAX, 1000] {
            let (mut attempts, mut again) = (0, 0);
            let mut each = |row: DumpRow<'_>| {
                assert_eq!(row, DumpRow::Again);
                again += 1;
                ControlFlow::Continue(())
            };
            let result = repeat(&mut each, |_| {
                attempts += 1;
                Ok(attempts > bad)
            });
            assert_eq!(result.is_ok(), bad < ATTEMPTS_MAX);
            assert_eq!(attempts, (bad + 1).min(ATTEMPTS_MAX));
            assert_eq!(again, attempts - 1);
        }
        let result =
            repeat(&mut |_: DumpRow<'_>| ControlFlow::Continue(()), |_| Err(DumpError::Failed(Error::failed("gone"))));
        assert_eq!(result.unwrap_err().to_string(), "gone");
        assert_eq!(Progress::More.ended().unwrap(), None);
        assert_eq!(Progress::Done.ended().unwrap(), Some(true));
        assert_eq!(Progress::Interrupted.ended().unwrap(), Some(false));
    }

    #[test]
    fn a_row_longer_than_its_room_finds_room_the_next_time() {
        let request = Request { message_type: RTM_GETLINK, body: vec![0; 16], one: false };
        let mut batch = Batch::with_room(64);
        let deadline = Instant::now() + TIMEOUT;
        let mut rows = 0;
        let mut each = |_: DumpRow<'_>| {
            rows += 1;
            ControlFlow::Continue(())
        };
        assert!(!attempt(&Socket::open(NETLINK_ROUTE).unwrap(), &request, deadline, &mut batch, &mut each).unwrap());
        assert!(batch.cut_off().is_some_and(|octets| octets > 64));
        repeat(&mut each, |each| attempt(&Socket::open(NETLINK_ROUTE).unwrap(), &request, deadline, &mut batch, each))
            .unwrap();
        assert!(rows > 0);
    }

    #[test]
    fn time_runs_out() {
        let request = Request { message_type: RTM_GETLINK, body: vec![0; 16], one: false };
        let error =
            dump_all(|| Socket::open(NETLINK_ROUTE), &request, Duration::ZERO, &mut Batch::new(), |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "the kernel's dump did not end in time");
    }

    #[test]
    fn a_second_dump_on_the_same_socket() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        let request = Request { message_type: RTM_GETLINK, body: vec![0; 16], one: false };
        let mut batch = Batch::new();
        for _ in 0..3 {
            let mut dump = Dump::start(&socket, &request).unwrap();
            let mut progress = Progress::More;
            while progress == Progress::More {
                assert!(socket.wait(TIMEOUT).unwrap());
                socket.receive(&mut batch).unwrap();
                for datagram in batch.datagrams() {
                    assert_eq!(progress, Progress::More);
                    progress = dump.take(datagram, |_| ());
                }
            }
            assert!(matches!(progress, Progress::Done | Progress::Interrupted));
        }
    }

    /// One message of a dump, as the kernel or a fault may make it.
    fn any_message() -> impl Strategy<Value = Vec<u8>> {
        let kind = prop_oneof![Just(wire::NLMSG_ERROR), Just(wire::NLMSG_DONE), Just(RTM_NEWLINK), any::<u16>()];
        let flags = prop_oneof![Just(0), Just(NLM_F_ACK_TLVS), Just(NLM_F_ACK_TLVS | NLM_F_CAPPED), any::<u16>()];
        let payload = collection::vec(prop_oneof![Just(0u8), Just(0xff), 0..40u8], 0..60);
        (kind, flags, payload).prop_map(|(kind, flags, payload)| message(kind, flags, &payload))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_octets_panic(messages in collection::vec(any_message(), 0..6), cut in 0..40usize) {
            let mut bytes = messages.concat();
            bytes.truncate(bytes.len().saturating_sub(cut));
            let mut rows = 0;
            let mut dump = dump();
            let progress = dump.take(datagram(&bytes), |_| rows += 1);
            prop_assert!(rows <= messages.len());
            if let Progress::Failed(failure) = progress {
                prop_assert!(failure.errno > 0);
                prop_assert!(!failure.to_string().is_empty());
            }
        }

        /// However the kernel spreads a dump over datagrams, the answer is the same.
        #[test]
        fn datagrams_are_no_borders(messages in collection::vec(any_message(), 1..8), at in any::<sample::Index>()) {
            let (first, second) = messages.split_at(at.index(messages.len()));
            let mut whole = dump();
            let expected = take(&mut whole, &messages);
            let mut parts = dump();
            let (mut rows, mut progress) = take(&mut parts, first);
            if progress == Progress::More {
                let (more, last) = take(&mut parts, second);
                (rows, progress) = (rows + more, last);
            }
            prop_assert_eq!((rows, progress), expected);
        }
    }
}
