//! Who made a change: the port id that the kernel tells, and the process, where it is proven to hold that port.
//!
//! A port id is the process id only of a process's first socket, and only in its own pid namespace. The proof: the
//! port's inode in the namespace's table of netlink sockets (`/proc/net/netlink`), found among a process's descriptors.
//! A process that has ended meanwhile, as a short `ip` command often has, is not found.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::octets;

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The netlink port id of the request that led to it; the kernel's word.
    pub port: u32,
    /// The process that was found and is proven to hold that port, and its name.
    pub process: Option<(u32, Rc<str>)>,
}

/// A proof holds so long: then the port may be another's.
const PROOF_LIFETIME: Duration = Duration::from_millis(100);
/// In that time look-ups take so long together at most; the events of other ports carry the port alone.
const LOOK_UPS_TIME_MAX: Duration = Duration::from_millis(20);
/// A look-up ends after that time, found or not: no event waits longer.
const LOOK_UP_TIME_MAX: Duration = Duration::from_micros(500);
/// The greatest process id that Linux gives, `PID_MAX_LIMIT`; port ids of a process's further sockets are greater.
const PROCESS_ID_MAX: u32 = 4 << 20;
/// So many ports are remembered at most.
const PORTS_MAX: usize = 256;
/// So many answers wait at most until what they are about is told.
const ANSWERS_MAX: usize = 4096;

/// Finds processes by their port ids, in one namespace: as soon as a message is read, since most commands end at once, and
/// keeps the answer until it is told.
#[derive(Debug)]
pub struct Actors {
    /// Of which protocol's sockets the ports are.
    protocol: u16,
    /// The namespace's table of netlink sockets; `None` without /proc.
    table: Option<File>,
    known: HashMap<u32, Option<(u32, Rc<str>)>, foldhash::fast::RandomState>,
    /// When the memory was emptied last, and how long look-ups took since.
    since: Instant,
    took: Duration,
    /// The answers in the order in which messages were read, with the time of that reading, in microseconds since 1970.
    answers: VecDeque<(i64, Actor)>,
    /// One of whom nothing is known but the port.
    stranger: Actor,
}

impl Actors {
    /// For a protocol's sockets in the network namespace of the calling thread.
    pub fn new(protocol: u16) -> Actors {
        // Opened once: it goes on to show this namespace, wherever it is read.
        let table = File::open("/proc/thread-self/net/netlink").ok();
        Actors { protocol, table, ..Actors::nobody() }
    }

    /// Nobody can be proven any more: the namespace is left. What was found before stays.
    pub fn leave(&mut self) {
        self.table = None;
    }

    /// For whoever may not look at other processes: the ports alone.
    pub fn nobody() -> Actors {
        Actors {
            protocol: 0,
            table: None,
            known: HashMap::default(),
            since: Instant::now(),
            took: Duration::ZERO,
            answers: VecDeque::new(),
            stranger: Actor { port: 0, process: None },
        }
    }

    /// A message of that port is read, at that time: looks who it is.
    #[inline]
    pub fn see(&mut self, port: u32, time_microseconds: i64, now: Instant) {
        let is_same = |(time, actor): &(i64, Actor)| *time == time_microseconds && actor.port == port;
        if self.answers.back().is_none_or(|last| !is_same(last)) && self.answers.len() < ANSWERS_MAX {
            let actor = self.find(port, now);
            self.answers.push_back((time_microseconds, actor));
        }
    }

    /// Who had that port when what was read at that time was read. Times must not go back from call to call, but when the
    /// clock does.
    #[inline]
    pub fn of(&mut self, port: u32, time_microseconds: i64) -> &Actor {
        while self.answers.front().is_some_and(|(time, _)| *time < time_microseconds) {
            self.answers.pop_front();
        }
        let of_then = self.answers.iter().take_while(|(time, _)| *time == time_microseconds);
        match of_then.map(|(_, actor)| actor).find(|actor| actor.port == port) {
            Some(actor) => actor,
            None => {
                self.stranger.port = port;
                &self.stranger
            }
        }
    }

    /// The kernel says itself which process has that port, behind what that process has done.
    pub fn prove(&mut self, port: u32, process: (u32, &[u8])) {
        let process: (u32, Rc<str>) = (process.0, octets::shown(process.1).into());
        for (_, actor) in self.answers.iter_mut().filter(|(_, actor)| actor.port == port) {
            actor.process.get_or_insert_with(|| process.clone());
        }
    }

    /// Everything that was read is told.
    pub fn forget_answers(&mut self) {
        self.answers.clear();
    }

    #[inline(never)]
    fn find(&mut self, port: u32, now: Instant) -> Actor {
        if now.saturating_duration_since(self.since) > PROOF_LIFETIME || self.known.len() >= PORTS_MAX {
            self.known.clear();
            self.since = now;
            self.took = Duration::ZERO;
        }
        if let Some(process) = self.known.get(&port) {
            return Actor { port, process: process.clone() };
        }
        // Most often it is the process id of a command that has ended by now: then nothing needs to be looked through.
        if has_ended(port) || self.took >= LOOK_UPS_TIME_MAX {
            self.known.insert(port, None);
            return Actor { port, process: None };
        }
        let began = Instant::now();
        let process = self.look_up(port, began + LOOK_UP_TIME_MAX);
        self.took += began.elapsed();
        self.known.insert(port, process.clone());
        Actor { port, process }
    }

    fn look_up(&mut self, port: u32, deadline: Instant) -> Option<(u32, Rc<str>)> {
        let table = self.table.as_mut()?;
        table.seek(SeekFrom::Start(0)).ok()?;
        let mut text = String::new();
        table.read_to_string(&mut text).ok()?;
        let socket = format!("socket:[{}]", inode(&text, self.protocol, port)?);
        // Most often the port id is the process id. Its name can be read for a little longer than its descriptors.
        if holds(port, &socket) {
            return named(port);
        }
        for entry in fs::read_dir("/proc").ok()? {
            if Instant::now() > deadline {
                return None;
            }
            let process = entry.ok()?.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(process) = process.filter(|&process| process != port && holds(process, &socket)) {
                return named(process);
            }
        }
        None
    }
}

/// Whether a port id could be a process's, and there is none.
fn has_ended(port: u32) -> bool {
    let process = i32::try_from(port).ok().filter(|_| port <= PROCESS_ID_MAX).and_then(Pid::from_raw);
    process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// The inode of that protocol's socket of that port, in the text of /proc/net/netlink.
fn inode(table: &str, protocol: u16, port: u32) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
        let mut columns = line.split_whitespace();
        let of: u16 = columns.nth(1)?.parse().ok()?;
        let found: i64 = columns.next()?.parse().ok()?;
        let inode = columns.nth(6)?;
        // The kernel prints a port id above 2^31 as it is, older ones as a negative number.
        (of == protocol && found as u32 == port).then(|| inode.parse().ok())?
    })
}

/// Whether a process has that socket open, as far as this user may see.
fn holds(process: u32, socket: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).any(|target| target.as_os_str() == socket)
}

fn named(process: u32) -> Option<(u32, Rc<str>)> {
    let name = fs::read(format!("/proc/{process}/comm")).ok()?;
    Some((process, octets::shown(&name).trim_end().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::socket::{NETLINK_ROUTE, Socket};

    #[test]
    fn our_own_socket_is_ours() {
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        let mut actors = Actors::new(NETLINK_ROUTE);
        // Other tests' sockets make the scan of /proc slow at times: the proof itself is what counts here.
        let found = actors.look_up(socket.port(), Instant::now() + Duration::from_secs(10));
        assert_eq!(found.map(|(process, _)| process), Some(std::process::id()));
    }

    #[test]
    fn a_process_that_does_not_hold_the_port_is_not_blamed() {
        let mut actors = Actors::new(NETLINK_ROUTE);
        // Process 1 exists, and no socket has its number here, or it is its own.
        let table = fs::read_to_string("/proc/thread-self/net/netlink").unwrap();
        let unused = (1..).find(|&port| inode(&table, NETLINK_ROUTE, port).is_none()).unwrap();
        actors.see(unused, 7, Instant::now());
        assert_eq!(*actors.of(unused, 7), Actor { port: unused, process: None });
    }

    #[test]
    fn a_process_has_ended_once_it_is_waited_for() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        assert!(!has_ended(child.id()));
        child.wait().unwrap();
        assert!(has_ended(child.id()));
        // Another user's, and what is no process id.
        assert!(!has_ended(1) && !has_ended(u32::MAX) && !has_ended(0));
    }

    #[test]
    fn look_ups_and_answers_are_bounded() {
        let mut actors = Actors::new(NETLINK_ROUTE);
        let now = Instant::now();
        for port in 0..10_000 {
            actors.see(port | 0x4000_0000, i64::from(port), now);
        }
        assert!(actors.known.len() <= PORTS_MAX && actors.answers.len() <= ANSWERS_MAX);
        // Whoever has had all the time gets no more of it until later.
        let (now, own) = (Instant::now(), std::process::id());
        actors.forget_answers();
        (actors.since, actors.took) = (now, LOOK_UPS_TIME_MAX);
        actors.known.clear();
        actors.see(own, 1, now);
        assert_eq!((actors.of(own, 1).process.clone(), actors.took), (None, LOOK_UPS_TIME_MAX));
        actors.see(own, 2, now + PROOF_LIFETIME * 2);
        assert!(actors.took < LOOK_UPS_TIME_MAX);
    }

    #[test]
    fn an_answer_is_that_of_the_time_at_which_the_message_was_read() {
        let mut actors = Actors::nobody();
        let known = |process: u32| Some((process, "ip".into()));
        let answers = [(1, 5, known(5)), (1, 6, None), (2, 5, known(70))];
        actors.answers.extend(answers.map(|(time, port, process)| (time, Actor { port, process })));
        assert_eq!(actors.of(5, 1).process, known(5));
        assert_eq!(actors.of(6, 1).process, None);
        assert_eq!(actors.of(5, 1).process, known(5));
        assert_eq!(actors.of(5, 2).process, known(70));
        assert_eq!(*actors.of(6, 3), Actor { port: 6, process: None });
        assert!(actors.answers.is_empty());
    }

    #[test]
    fn the_table_is_read_by_its_columns() {
        let table = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                     00000000 15  42         00000002 0        0        0     2        0        7\n\
                     00000000 0   42         00000000 0        0        0     2        0        8\n\
                     00000000 0   -5         00000000 0        0        0     2        0        9\n";
        assert_eq!(inode(table, NETLINK_ROUTE, 42), Some(8));
        assert_eq!(inode(table, NETLINK_ROUTE, -5i32 as u32), Some(9));
        assert_eq!(inode(table, NETLINK_ROUTE, 43), None);
    }
}
