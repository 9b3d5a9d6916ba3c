//! A netlink socket: opened, joined to groups, read many datagrams a call.
//!
//! Nothing here blocks, but for [`Socket::wait`], which says so.

#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use libc::{c_int, c_void, iovec, mmsghdr, sockaddr_nl, socklen_t};
use log::debug;

use super::filter::Program;
use super::wire;
use crate::error::{Error, Result};

/// `NETLINK_ROUTE`: links, addresses, routes and their like.
pub const NETLINK_ROUTE: u16 = 0;
/// `NETLINK_USERSOCK`: what programs tell each other.
pub const NETLINK_USERSOCK: u16 = 2;
/// `NETLINK_SOCK_DIAG`: sockets.
pub const NETLINK_SOCK_DIAG: u16 = 4;
/// `NETLINK_SELINUX`: whether it enforces.
pub const NETLINK_SELINUX: u16 = 7;
/// `NETLINK_XFRM`: IPsec.
pub const NETLINK_XFRM: u16 = 6;
/// `NETLINK_NETFILTER`: connections that are tracked, nf_tables, logged packets.
pub const NETLINK_NETFILTER: u16 = 12;
/// `NETLINK_GENERIC`: families that modules bring.
pub const NETLINK_GENERIC: u16 = 16;
/// `NETLINK_KOBJECT_UEVENT`: devices.
pub const NETLINK_KOBJECT_UEVENT: u16 = 15;
/// `NETLINK_RDMA`: InfiniBand and its like.
pub const NETLINK_RDMA: u16 = 20;
/// Datagrams that one call reads at most.
pub const BATCH_DATAGRAMS: usize = 64;
/// Those of a batch for a dump.
const DUMP_DATAGRAMS: usize = 4;
/// Octets of a datagram for which there is room at first: the kernel fills a dump's datagrams to 32 KiB at most, unless
/// a single object is longer, and its notifications are far shorter.
pub const DATAGRAM_BYTES: usize = 32 << 10;
/// Octets of a datagram for which room is made when one was longer.
pub const DATAGRAM_BYTES_MAX: usize = 1 << 20;

/// Octets between two rooms: were they a power of two apart, their beginnings, which are all that most datagrams fill,
/// would contend for the same lines of the processor's cache.
const GAP_BYTES: usize = 192;

/// Octets of a socket address.
const ADDRESS_BYTES: socklen_t = size_of::<sockaddr_nl>() as socklen_t;

/// Whether a group was joined. The kernel rounds up how many groups a protocol has, so that it may say so of one that it does not
/// have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It was.
    Yes,
    /// This kernel does not have it.
    Unknown,
    /// This user may not.
    Denied,
}

/// A non-blocking netlink socket in the namespace of the thread that opened it.
#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    port: u32,
    redact: Option<Redact>,
    passes_credentials: bool,
}

/// Overwrites with zeros what nobody may see of a datagram, in its place.
pub type Redact = fn(&mut [u8]);

impl Socket {
    /// Opens a socket of that protocol (`NETLINK_ROUTE` is 0). The kernel assigns its port id, so that a process may
    /// have several. Extended acknowledgements and strict checks of requests are on where the kernel knows them.
    pub fn open(protocol: u16) -> Result<Socket> {
        Socket::try_open(protocol)
            .map_err(|error| Error::system(format_args!("cannot open a netlink socket of protocol {protocol}"), &error))
    }

    /// The same; `EPROTONOSUPPORT` says that the kernel does not have the protocol.
    pub fn try_open(protocol: u16) -> io::Result<Socket> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket(2) takes numbers alone.
        let descriptor = check(unsafe { libc::socket(libc::AF_NETLINK, kind, protocol.into()) })?;
        // SAFETY: socket(2) has just returned it, and nobody else knows it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let mut socket = Socket { descriptor, port: 0, redact: None, passes_credentials: false };
        for (option, name) in
            [(libc::NETLINK_EXT_ACK, "NETLINK_EXT_ACK"), (libc::NETLINK_GET_STRICT_CHK, "NETLINK_GET_STRICT_CHK")]
        {
            if let Err(error) = socket.set_option(libc::SOL_NETLINK, option, 1) {
                debug!("the kernel refuses {name}: {error}");
            }
        }
        let mut address = new_address();
        // SAFETY: bind(2) reads `ADDRESS_BYTES` octets of the address, which has as many.
        check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), ADDRESS_BYTES) })?;
        let mut bytes = ADDRESS_BYTES;
        // SAFETY: getsockname(2) writes at most `bytes` octets of the address, which has as many.
        check(unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &mut bytes) })?;
        socket.port = address.nl_pid;
        Ok(socket)
    }

    /// The same, and what nobody may see is overwritten in each datagram as soon as it is read.
    pub fn redacting(self, redact: Option<Redact>) -> Socket {
        Socket { redact, ..self }
    }

    /// The port id that the kernel assigned, by which its answers are addressed.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Joins a multicast group by its number (`RTNLGRP_LINK` is 1), beyond 32 too.
    pub fn join(&self, group: u32) -> io::Result<Joined> {
        let Err(error) = self.set_option(libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group as c_int) else {
            return Ok(Joined::Yes);
        };
        debug!("cannot join group {group}: {error}");
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Ok(Joined::Denied),
            Some(libc::EINVAL | libc::ENOENT | libc::EOPNOTSUPP) => Ok(Joined::Unknown),
            _ => Err(error),
        }
    }

    /// From here on datagrams come with their senders' credentials.
    pub fn pass_credentials(&mut self) -> io::Result<()> {
        self.set_option(libc::SOL_SOCKET, libc::SO_PASSCRED, 1)?;
        self.passes_credentials = true;
        Ok(())
    }

    /// Asks for a receive buffer of that many octets, beyond `net.core.rmem_max` where the user may, and returns what
    /// the kernel says it is now. The kernel doubles what it grants, since it counts its own overhead too (socket(7)).
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<usize> {
        let wanted = c_int::try_from(bytes).unwrap_or(c_int::MAX);
        if self.set_option(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, wanted).is_err() {
            self.set_option(libc::SOL_SOCKET, libc::SO_RCVBUF, wanted)?;
        }
        let mut granted = [0u32];
        self.option(libc::SOL_SOCKET, libc::SO_RCVBUF, &mut granted)?;
        Ok(granted[0] as usize)
    }

    /// From here on only datagrams are received that the program receives. What it refuses is not counted as dropped.
    pub fn attach(&self, program: &Program) -> io::Result<()> {
        attach(self.as_fd(), program)
    }

    /// From here on the sender is told when something could not be received: what makes the kernel keep it, and tell it again, is
    /// the sender's own affair (`NETLINK_BROADCAST_ERROR`, netlink(7)).
    pub fn tell_senders_of_losses(&self) -> io::Result<()> {
        self.set_option(libc::SOL_NETLINK, libc::NETLINK_BROADCAST_ERROR, 1)
    }

    /// Datagrams that the kernel has dropped so far since the buffer was full; it wraps. `None` where the kernel does
    /// not tell (before Linux 4.12).
    pub fn drops(&self) -> Option<u32> {
        // `SO_MEMINFO`, `include/uapi/linux/sock_diag.h`.
        let mut figures = [0u32; libc::SK_MEMINFO_DROPS as usize + 1];
        let told = self.option(libc::SOL_SOCKET, libc::SO_MEMINFO, &mut figures).ok()?;
        if told == figures.len() { figures.last().copied() } else { None }
    }

    /// Sends a request to the kernel.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        // SAFETY: send(2) reads as many octets of the message as it has.
        let sent = unsafe { libc::send(self.as_raw_fd(), message.as_ptr().cast(), message.len(), libc::MSG_NOSIGNAL) };
        check_length(sent).map(drop)
    }

    /// Reads what has come, as far as the batch has room, in one system call, and returns how many datagrams the batch
    /// holds now. `WouldBlock` says that there is none. [`is_overrun`] says that the kernel has dropped some; they would
    /// have come after those that are still queued, so go on reading until there is none, then dump. Less than a full
    /// batch says that there was no more, or that an error came, which the next call gives back: both what comes later
    /// and the error wake who waits for the socket, even if only for edges.
    pub fn receive(&self, batch: &mut Batch) -> io::Result<usize> {
        batch.prepare(self.passes_credentials);
        let count = batch.headers.len() as u32;
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let found = loop {
            // SAFETY: each of the `count` headers points into memory of the batch, of the size it says (`Batch::with_room`).
            let found = unsafe {
                libc::recvmmsg(self.as_raw_fd(), batch.headers.as_mut_ptr(), count, flags as _, ptr::null_mut())
            };
            match check(found) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        batch.filled = found as usize;
        if let Some(redact) = self.redact {
            batch.for_each_mut(redact);
        }
        Ok(batch.filled)
    }

    /// Blocks until there is something to read or to be told, at most that long. `false` where there is nothing.
    pub fn wait(&self, most: Duration) -> io::Result<bool> {
        let milliseconds = c_int::try_from(most.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
        let mut wanted = libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: poll(2) reads and writes the one structure that it is told of.
        match check(unsafe { libc::poll(&mut wanted, 1, milliseconds) }) {
            Ok(ready) => Ok(ready > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn set_option(&self, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
        let bytes = size_of::<c_int>() as socklen_t;
        // SAFETY: setsockopt(2) reads `bytes` octets of the value, which has as many.
        let status =
            unsafe { libc::setsockopt(self.as_raw_fd(), level, option, (&raw const value).cast::<c_void>(), bytes) };
        check(status).map(drop)
    }

    /// Reads an option of 32-bit numbers and says how many there were.
    fn option(&self, level: c_int, option: c_int, values: &mut [u32]) -> io::Result<usize> {
        let mut bytes = size_of_val(values) as socklen_t;
        // SAFETY: getsockopt(2) writes at most `bytes` octets of the values, which have as many, and any bits are a u32.
        check(unsafe {
            libc::getsockopt(self.as_raw_fd(), level, option, values.as_mut_ptr().cast::<c_void>(), &mut bytes)
        })?;
        Ok(bytes as usize / size_of::<u32>())
    }
}

/// From here on the socket, of whatever sort, receives only datagrams that the program receives.
pub fn attach(socket: BorrowedFd<'_>, program: &Program) -> io::Result<()> {
    let instructions = program.instructions();
    let program = libc::sock_fprog {
        len: u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: instructions.as_ptr().cast_mut(),
    };
    let bytes = size_of::<libc::sock_fprog>() as socklen_t;
    let (program, descriptor) = ((&raw const program).cast::<c_void>(), socket.as_raw_fd());
    // SAFETY: setsockopt(2) reads the structure of `bytes` octets and the `len` instructions at `filter`, and writes neither (socket(7)).
    let status = unsafe { libc::setsockopt(descriptor, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program, bytes) };
    check(status).map(drop)
}

/// Whether an error of [`Socket::receive`] says that the kernel has dropped datagrams.
pub fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Whether an error of [`Socket::receive`] says that notifications are lost: an overrun, or any error that the kernel met
/// while it made one (`rtnl_set_sk_err`), which reading it clears. What is left are errors of the call itself.
pub fn is_loss(error: &io::Error) -> bool {
    const OF_THE_CALL: [i32; 4] = [libc::EAGAIN, libc::EBADF, libc::ENOTSOCK, libc::EFAULT];
    error.raw_os_error().is_some_and(|number| !OF_THE_CALL.contains(&number))
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A datagram of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The source's port id. Whatever is not from the kernel (0) must not be believed.
    pub port: u32,
    /// The group that it was sent to, as far as 32; 0 where it came to this socket alone.
    pub group: u32,
    /// Who sent it, where credentials are passed.
    pub sender: Option<Sender>,
    /// Netlink messages; the beginning alone where it was truncated.
    pub bytes: &'a [u8],
    /// Octets that the datagram had.
    pub length: usize,
}

/// Who sent a datagram, as the kernel says (`struct ucred`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The process; 0 is the kernel.
    pub process: u32,
    /// Its user, as the reader's user namespace numbers it.
    pub user: u32,
}

impl Datagram<'_> {
    /// Whether it was longer than the room for it; there is room for the next one ([`Batch::cut_off`]).
    pub fn truncated(&self) -> bool {
        self.length > self.bytes.len()
    }
}

/// Room for one control message with `struct ucred`: its head of 16 octets, and 12.
type Control = [u64; CONTROL_WORDS];
const CONTROL_WORDS: usize = 4;

/// The sender in a control message, where it holds credentials (`struct cmsghdr`, `struct ucred`).
fn sender_of(control: &Control) -> Option<Sender> {
    let [_, kind, both, _] = control.map(u64::to_ne_bytes);
    let halves = |octets: &[u8; 8]| wire::u32_at(octets, 0).zip(wire::u32_at(octets, 4));
    let is_credentials = halves(&kind) == Some((libc::SOL_SOCKET as u32, libc::SCM_CREDENTIALS as u32));
    halves(&both).filter(|_| is_credentials).map(|(process, user)| Sender { process, user })
}

/// The buffers that [`Socket::receive`] fills, and what it read last. Pages that no datagram reaches cost no memory.
pub struct Batch {
    // All five are laid out once, and never grow, so that the pointers between them stay good.
    headers: Vec<mmsghdr>,
    // Read by the kernel alone.
    _vectors: Vec<iovec>,
    addresses: Vec<sockaddr_nl>,
    /// Rooms for credentials.
    controls: Vec<Control>,
    /// Whether they are among what is read.
    has_credentials: bool,
    /// Rooms for datagrams, with a gap behind each.
    bytes: Vec<u8>,
    datagram_bytes: usize,
    filled: usize,
}

// SAFETY: its pointers lead into its own heap memory alone, which moves to another thread with it.
unsafe impl Send for Batch {}

impl Default for Batch {
    fn default() -> Batch {
        Batch::new()
    }
}

impl Batch {
    /// A batch with room for 64 datagrams of 32 KiB.
    pub fn new() -> Batch {
        Batch::with_room(DATAGRAM_BYTES)
    }

    /// A batch for the datagrams of a dump, which the kernel makes as they are read: few, so that what is read is still near the processor when
    /// it is taken apart.
    pub fn of_dump() -> Batch {
        Batch::with_rooms(DUMP_DATAGRAMS, DATAGRAM_BYTES)
    }

    /// A batch with room for 64 datagrams of that length, at least 16 octets and at most [`DATAGRAM_BYTES_MAX`].
    pub fn with_room(datagram_bytes: usize) -> Batch {
        Batch::with_rooms(BATCH_DATAGRAMS, datagram_bytes)
    }

    fn with_rooms(datagrams: usize, datagram_bytes: usize) -> Batch {
        let datagram_bytes = datagram_bytes.clamp(wire::HEADER_BYTES, DATAGRAM_BYTES_MAX);
        // Fresh zero pages from the kernel, not written before they are used.
        let mut bytes = vec![0; datagrams * (datagram_bytes + GAP_BYTES)];
        let mut addresses = vec![new_address(); datagrams];
        let mut controls: Vec<Control> = vec![[0; CONTROL_WORDS]; datagrams];
        let mut vectors: Vec<_> = bytes
            .chunks_exact_mut(datagram_bytes + GAP_BYTES)
            .map(|room| iovec { iov_base: room.as_mut_ptr().cast(), iov_len: datagram_bytes })
            .collect();
        let headers = vectors
            .iter_mut()
            .zip(&mut addresses)
            .zip(&mut controls)
            .map(|((vector, address), control)| {
                // SAFETY: zeros are a value of this structure of numbers and pointers.
                let mut header: mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_name = ptr::from_mut(address).cast();
                header.msg_hdr.msg_namelen = ADDRESS_BYTES;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_control = ptr::from_mut(control).cast();
                header
            })
            .collect();
        Batch {
            headers,
            _vectors: vectors,
            addresses,
            controls,
            has_credentials: false,
            bytes,
            datagram_bytes,
            filled: 0,
        }
    }

    /// Octets of the longest datagram that it takes whole.
    pub fn datagram_bytes(&self) -> usize {
        self.datagram_bytes
    }

    /// Octets of the longest datagram that was cut off, if any was: at the next call there is room for such a one.
    pub fn cut_off(&self) -> Option<usize> {
        self.datagrams().filter(Datagram::truncated).map(|datagram| datagram.length).max()
    }

    /// Makes room for datagrams of that length, at most [`DATAGRAM_BYTES_MAX`], and forgets what was read.
    fn make_room(&mut self, datagram_bytes: usize) {
        let wanted = datagram_bytes.min(DATAGRAM_BYTES_MAX).next_power_of_two();
        if wanted > self.datagram_bytes {
            *self = Batch::with_room(wanted);
        }
    }

    /// The datagrams that were read last.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        let rooms = self.bytes.chunks_exact(self.datagram_bytes + GAP_BYTES);
        let described = self.headers[..self.filled].iter().zip(&self.addresses).zip(&self.controls);
        described.zip(rooms).map(|(((header, address), control), room)| {
            let length = header.msg_len as usize;
            let is_filled = self.has_credentials && header.msg_hdr.msg_controllen > 0;
            let sender = if is_filled { sender_of(control) } else { None };
            // The kernel names one, as a mask.
            let group = u32::BITS - address.nl_groups.leading_zeros();
            let bytes = &room[..length.min(self.datagram_bytes)];
            Datagram { port: address.nl_pid, group, sender, bytes, length }
        })
    }

    /// Calls that with what was read of each datagram.
    fn for_each_mut(&mut self, each: fn(&mut [u8])) {
        let rooms = self.bytes.chunks_exact_mut(self.datagram_bytes + GAP_BYTES);
        for (header, room) in self.headers[..self.filled].iter().zip(rooms) {
            let length = (header.msg_len as usize).min(self.datagram_bytes);
            each(&mut room[..length]);
        }
    }

    /// Gives back what the kernel overwrote in the headers that it filled, and makes room for what was cut off.
    fn prepare(&mut self, with_credentials: bool) {
        if let Some(longest) = self.cut_off() {
            self.make_room(longest);
        }
        for header in &mut self.headers[..self.filled] {
            header.msg_hdr.msg_namelen = ADDRESS_BYTES;
        }
        // Room that nobody fills costs the kernel time.
        if with_credentials || self.has_credentials {
            let room = if with_credentials { size_of::<Control>() } else { 0 };
            self.headers.iter_mut().for_each(|header| header.msg_hdr.msg_controllen = room as _);
        }
        self.has_credentials = with_credentials;
        self.filled = 0;
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.datagrams()).finish()
    }
}

/// The address of the kernel, or of a socket whose port id the kernel is to assign.
fn new_address() -> sockaddr_nl {
    // SAFETY: zeros are a value of this structure of numbers.
    let mut address: sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address
}

fn check(status: c_int) -> io::Result<c_int> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(status) }
}

fn check_length(length: isize) -> io::Result<usize> {
    usize::try_from(length).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use libc::RTM_GETLINK;
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    /// Sends from one socket to another's port or to a group's number.
    fn send_to(socket: &Socket, port: u32, group: u32, message: &[u8]) -> io::Result<()> {
        let mut address = new_address();
        address.nl_pid = port;
        address.nl_groups = if group == 0 { 0 } else { 1 << (group - 1) };
        // SAFETY: sendto(2) reads as many octets of the message and of the address as they have.
        check_length(unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                message.as_ptr().cast(),
                message.len(),
                0,
                (&raw const address).cast(),
                ADDRESS_BYTES,
            )
        })
        .map(drop)
    }

    fn is_empty(result: io::Result<usize>) -> bool {
        matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    #[test]
    fn every_socket_has_a_port_of_its_own() {
        let [first, second] = [0, 0].map(|protocol| Socket::open(protocol).unwrap());
        assert_ne!(first.port(), 0);
        assert_ne!(first.port(), second.port());
        // SAFETY: fcntl(2) takes numbers alone.
        let flags = unsafe { [libc::F_GETFD, libc::F_GETFL].map(|what| libc::fcntl(first.as_raw_fd(), what)) };
        assert_ne!(flags[0] & libc::FD_CLOEXEC, 0);
        assert_ne!(flags[1] & libc::O_NONBLOCK, 0);
    }

    #[test]
    fn extended_acknowledgements_and_strict_checks_are_on() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_GET_STRICT_CHK] {
            let mut value = [0];
            socket.option(libc::SOL_NETLINK, option, &mut value).unwrap();
            assert_eq!(value, [1]);
        }
    }

    #[test]
    fn a_protocol_that_is_none_is_told() {
        let error = Socket::open(31).unwrap_err().to_string();
        assert!(error.starts_with("cannot open a netlink socket of protocol 31: "), "{error}");
    }

    #[test]
    fn groups_that_this_kernel_does_not_know_are_no_failure() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        assert_eq!(socket.join(1).unwrap(), Joined::Yes);
        assert_eq!(socket.join(33).unwrap(), Joined::Yes, "a group above 32");
        assert_eq!(socket.join(0).unwrap(), Joined::Unknown);
        assert_eq!(socket.join(100_000).unwrap(), Joined::Unknown);
    }

    #[test]
    fn the_receive_buffer_is_what_the_kernel_says() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        assert_eq!(socket.set_receive_buffer(65_536).unwrap(), 131_072);
        let most = socket.set_receive_buffer(usize::MAX).unwrap();
        assert!(most > 131_072);
        assert_eq!(socket.drops(), Some(0));
    }

    #[test]
    fn an_error_of_the_kernels_own_is_a_loss() {
        let is_loss = |number| is_loss(&io::Error::from_raw_os_error(number));
        assert!([libc::ENOBUFS, libc::EMSGSIZE, libc::EOPNOTSUPP].iter().all(|&number| is_loss(number)));
        assert!([libc::EAGAIN, libc::EBADF].iter().all(|&number| !is_loss(number)));
    }

    #[test]
    fn a_request_is_answered() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        let mut batch = Batch::default();
        assert!(is_empty(socket.receive(&mut batch)));
        assert!(!socket.wait(Duration::ZERO).unwrap());
        let now = std::time::Instant::now();
        assert!(!socket.wait(Duration::from_millis(5)).unwrap());
        assert!((Duration::from_millis(5)..Duration::from_secs(4)).contains(&now.elapsed()));
        let mut request = Vec::new();
        let flags = wire::NLM_F_REQUEST | wire::NLM_F_DUMP;
        let header = wire::Header { kind: RTM_GETLINK, flags, sequence: 7, port: 0 };
        wire::append_message(&mut request, header, &[0; 16]);
        socket.send(&request).unwrap();
        assert!(socket.wait(Duration::from_secs(5)).unwrap());
        assert!(socket.receive(&mut batch).unwrap() >= 1);
        let datagram = batch.datagrams().next().unwrap();
        assert_eq!(datagram.port, 0);
        assert!(!datagram.truncated());
        let message = wire::messages(datagram.bytes).next().unwrap();
        assert_eq!(message.header.kind, 16);
        assert_eq!(message.header.sequence, 7);
        assert_eq!(message.header.port, socket.port());
    }

    #[test]
    fn many_datagrams_a_call_each_with_its_source() {
        let [receiver, first, second] = [(); 3].map(|()| Socket::open(NETLINK_USERSOCK).unwrap());
        receiver.set_receive_buffer(1 << 20).unwrap();
        let mut batch = Batch::new();
        // Twice, so that what the kernel overwrote is seen.
        for round in 0..2u8 {
            for at in 0..100u8 {
                let sender = if at % 2 == 0 { &first } else { &second };
                send_to(sender, receiver.port(), 0, &vec![at ^ round; at as usize + 1]).unwrap();
            }
            let mut expected = 0..100u8;
            for count in [64, 36] {
                assert_eq!(receiver.receive(&mut batch).unwrap(), count);
                assert_eq!(batch.datagrams().len(), count);
                for datagram in batch.datagrams() {
                    let at = expected.next().unwrap();
                    assert_eq!(datagram.bytes, vec![at ^ round; at as usize + 1]);
                    assert_eq!(datagram.port, if at % 2 == 0 { first.port() } else { second.port() });
                }
            }
            assert!(is_empty(receiver.receive(&mut batch)));
            assert_eq!(batch.datagrams().len(), 0);
        }
    }

    #[test]
    fn what_nobody_may_see_is_overwritten_as_soon_as_it_is_read() {
        let redact: Redact = |octets| octets.iter_mut().skip(2).for_each(|octet| *octet = 0);
        let receiver = Socket::open(NETLINK_USERSOCK).unwrap().redacting(Some(redact));
        let sender = Socket::open(NETLINK_USERSOCK).unwrap();
        let mut batch = Batch::new();
        for length in [4, DATAGRAM_BYTES + 1, 5] {
            send_to(&sender, receiver.port(), 0, &vec![7; length]).unwrap();
        }
        assert_eq!(receiver.receive(&mut batch).unwrap(), 3);
        for datagram in batch.datagrams() {
            let (seen, blank) = datagram.bytes.split_at(2);
            assert!(seen == [7, 7] && !blank.is_empty() && blank.iter().all(|&octet| octet == 0));
        }
        // Behind what was received nothing is touched.
        assert_eq!(batch.datagrams().map(|datagram| datagram.length).max(), Some(DATAGRAM_BYTES + 1));
    }

    #[test]
    fn a_datagram_longer_than_its_room_is_noticed() {
        let [receiver, sender] = [(); 2].map(|()| Socket::open(NETLINK_USERSOCK).unwrap());
        let mut batch = Batch::new();
        for length in [DATAGRAM_BYTES, DATAGRAM_BYTES + 1, 50_000, 3] {
            send_to(&sender, receiver.port(), 0, &vec![length as u8; length]).unwrap();
        }
        receiver.receive(&mut batch).unwrap();
        let found: Vec<_> =
            batch.datagrams().map(|found| (found.length, found.bytes.len(), found.truncated())).collect();
        assert_eq!(
            found,
            [
                (DATAGRAM_BYTES, DATAGRAM_BYTES, false),
                (DATAGRAM_BYTES + 1, DATAGRAM_BYTES, true),
                (50_000, DATAGRAM_BYTES, true),
                (3, 3, false)
            ]
        );
        assert_eq!(batch.cut_off(), Some(50_000));
        send_to(&sender, receiver.port(), 0, &[5; 50_000]).unwrap();
        let mut batch = std::thread::spawn(move || batch).join().unwrap();
        receiver.receive(&mut batch).unwrap();
        assert_eq!(batch.datagram_bytes(), 65_536);
        assert_eq!(batch.cut_off(), None);
        assert_eq!(batch.datagrams().next().unwrap().bytes, [5; 50_000]);
        batch.make_room(usize::MAX);
        assert_eq!(batch.datagram_bytes(), DATAGRAM_BYTES_MAX);
    }

    #[test]
    fn an_overrun_is_told_once_and_counted() {
        let [receiver, sender] = [(); 2].map(|()| Socket::open(NETLINK_USERSOCK).unwrap());
        receiver.set_receive_buffer(4096).unwrap();
        // Joining a group of this protocol needs CAP_NET_ADMIN; without it there is nothing to see here.
        if receiver.join(1).unwrap() != Joined::Yes {
            return;
        }
        const SENT: u32 = 200;
        for _ in 0..SENT {
            // Refused by the kernel, to which port 0 belongs, but only after the group has it.
            let error = send_to(&sender, 0, 1, &[0; 100]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
        let mut batch = Batch::new();
        let error = receiver.receive(&mut batch).unwrap_err();
        assert!(is_overrun(&error), "{error}");
        let mut received = 0;
        while let Ok(count) = receiver.receive(&mut batch) {
            received += count as u32;
        }
        assert!(received > 0);
        assert_eq!(receiver.drops(), Some(SENT - received));
        assert!(is_empty(receiver.receive(&mut batch)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_sent_is_received(lengths in collection::vec(prop_oneof![1..200usize, 1..70_000usize], 0..150)) {
            let [receiver, sender] = [(); 2].map(|()| Socket::open(NETLINK_USERSOCK).unwrap());
            let mut batch = Batch::new();
            let mut sent = lengths.iter().enumerate().peekable();
            let mut expected = lengths.iter().enumerate();
            while expected.len() > 0 {
                // Until the receive buffer is full.
                while let Some((at, length)) = sent.peek().copied() {
                    let bytes = vec![at as u8; *length];
                    match send_to(&sender, receiver.port(), 0, &bytes) {
                        Ok(()) => drop(sent.next()),
                        Err(error) => {
                            prop_assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
                            break;
                        }
                    }
                }
                receiver.receive(&mut batch).unwrap();
                let room = batch.datagram_bytes();
                for found in batch.datagrams() {
                    let (at, length) = expected.next().unwrap();
                    prop_assert_eq!(found.length, *length);
                    prop_assert_eq!(found.bytes, &vec![at as u8; *length.min(&room)][..]);
                    prop_assert_eq!(found.port, sender.port());
                }
            }
            prop_assert!(is_empty(receiver.receive(&mut batch)));
        }
    }
}
