//! What the service manager is told, as systemd has it (sd_notify(3)): datagrams of `NAME=value` lines to the socket that
//! `NOTIFY_SOCKET` names. Where it names none, nobody is told anything.
//!
//! The socket never waits: a datagram that finds no room is sent again, so that a busy manager holds up no event.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A datagram that found no room is sent again so often.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Datagrams that wait at most; then the oldest is given up.
const UNSENT_MAX: usize = 32;

/// The service manager, for as long as linkhook runs.
#[derive(Debug, Default)]
pub struct Manager {
    socket: Option<UnixDatagram>,
    /// It takes linkhook for dead where it hears nothing for so long.
    watchdog: Option<Duration>,
    /// When it is told next that linkhook is alive.
    next_sign: Option<Instant>,
    /// In their order.
    unsent: VecDeque<String>,
    /// When the first of them is sent again.
    retry_at: Option<Instant>,
    /// It was told that the configuration is being read again, and not yet that this is done.
    is_reloading: bool,
}

impl Manager {
    /// The one that the environment names.
    pub fn of_environment() -> Manager {
        Manager::new(|name| std::env::var_os(name), std::process::id())
    }

    fn new(environment: impl Fn(&str) -> Option<OsString>, process: u32) -> Manager {
        let socket = environment("NOTIFY_SOCKET").and_then(|address| match connect(&address) {
            Ok(socket) => Some(socket),
            Err(error) => {
                log::warn!("the service manager cannot be told anything at {}: {error}", address.display());
                None
            }
        });
        let number = |name| environment(name)?.to_str()?.parse::<u64>().ok();
        // It may be meant for another process, from which this one has inherited it.
        let is_meant = environment("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(process.into());
        let watchdog = number("WATCHDOG_USEC").filter(|&microseconds| is_meant && microseconds > 0);
        Manager { socket, watchdog: watchdog.map(Duration::from_micros), ..Manager::default() }
    }

    /// Tells that linkhook is ready, and what it does, in words. From here on [`Manager::turn`] is to be called when it is
    /// [`Manager::due`].
    pub fn ready(&mut self, status: impl Display) {
        self.tell(format!("READY=1\nSTATUS={status}"));
        self.next_sign = self.watchdog.filter(|_| self.socket.is_some()).map(|_| Instant::now());
    }

    /// Tells that the configuration is being read again.
    pub fn reloading(&mut self) {
        if !std::mem::replace(&mut self.is_reloading, true) {
            let now = clock_gettime(ClockId::Monotonic);
            // By that time a manager tells which of its own requests is meant (systemd.service(5), Type=notify-reload).
            let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
            self.tell(format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
        }
    }

    /// Tells that this is done, if it was told that it began.
    pub fn reloaded(&mut self, status: impl Display) {
        if std::mem::take(&mut self.is_reloading) {
            self.tell(format!("READY=1\nSTATUS={status}"));
        }
    }

    /// Tells that the end has begun, and how long it may take.
    pub fn stopping(&mut self, within: Duration) {
        self.tell(format!("STOPPING=1\nSTATUS=ending\nEXTEND_TIMEOUT_USEC={}", within.as_micros()));
    }

    /// When [`Manager::turn`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        self.next_sign.into_iter().chain(self.retry_at).min()
    }

    /// Tells that linkhook is alive, if it is time, with what it has done, in words; and what found no room before.
    pub fn turn(&mut self, now: Instant, status: impl FnOnce() -> String) {
        if self.retry_at.is_some_and(|time| time <= now) {
            self.send(now);
        }
        if let Some(every) = self.watchdog.filter(|_| self.next_sign.is_some_and(|time| time <= now)) {
            // Half of its time is what sd_watchdog_enabled(3) asks for.
            self.next_sign = Some(now + every / 2);
            self.tell(format!("WATCHDOG=1\nSTATUS={}", status()));
        }
    }

    fn tell(&mut self, message: String) {
        if self.socket.is_none() {
            return;
        }
        if self.unsent.len() >= UNSENT_MAX {
            self.unsent.pop_front();
        }
        self.unsent.push_back(message);
        self.send(Instant::now());
    }

    fn send(&mut self, now: Instant) {
        self.retry_at = None;
        while let (Some(socket), Some(message)) = (&self.socket, self.unsent.front()) {
            match socket.send(message.as_bytes()) {
                Ok(_) => drop(self.unsent.pop_front()),
                Err(error) if error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.retry_at = Some(now + RETRY_PAUSE);
                    return;
                }
                Err(error) => {
                    log::warn!("the service manager is told nothing any more: {error}");
                    *self = Manager::default();
                }
            }
        }
    }
}

/// A path, or a name in the abstract namespace, which begins with `@` (unix(7)).
fn connect(address: &OsString) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(address)?,
        _ => return Err(io::Error::other("it is neither a path nor an abstract name")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// Whether what is written there goes to systemd's journal, which takes levels at the beginning of lines (sd-daemon(3)):
/// `JOURNAL_STREAM` has the device and the inode of the journal's socket (systemd.exec(5)).
pub fn is_journal(stream: impl AsFd) -> bool {
    is_stream(stream, std::env::var("JOURNAL_STREAM").unwrap_or_default().as_str())
}

fn is_stream(stream: impl AsFd, named: &str) -> bool {
    rustix::fs::fstat(stream).is_ok_and(|status| named == format!("{}:{}", status.st_dev, status.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service manager that hears what it is told.
    fn manager(name: &str, watchdog: &[(&'static str, &'static str)]) -> (UnixDatagram, Manager) {
        let name = format!("linkhook-test-{}-{name}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let heard = UnixDatagram::bind_addr(&address).unwrap();
        heard.set_nonblocking(true).unwrap();
        let environment = |wanted: &str| match wanted {
            "NOTIFY_SOCKET" => Some(format!("@{name}").into()),
            _ => watchdog.iter().find(|(known, _)| *known == wanted).map(|(_, value)| value.into()),
        };
        (heard, Manager::new(environment, 7))
    }

    fn hear(socket: &UnixDatagram) -> Option<String> {
        let mut octets = [0; 4096];
        let length = socket.recv(&mut octets).ok()?;
        Some(String::from_utf8(octets[..length].to_vec()).unwrap())
    }

    #[test]
    fn ready_then_signs_of_life_twice_in_the_watchdogs_time() {
        let (heard, mut manager) = manager("signs", &[("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "7")]);
        assert_eq!(manager.due(), None);
        manager.ready("watching");
        assert_eq!(hear(&heard).unwrap(), "READY=1\nSTATUS=watching");
        let first = manager.due().unwrap();
        manager.turn(first, || "5 lines".into());
        assert_eq!(hear(&heard).unwrap(), "WATCHDOG=1\nSTATUS=5 lines");
        assert_eq!(manager.due(), Some(first + Duration::from_secs(1)));
        manager.turn(first + Duration::from_millis(999), || unreachable!());
        assert_eq!(hear(&heard), None);
    }

    #[test]
    fn another_process_s_watchdog_is_not_fed() {
        for foreign in [&[("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "8")][..], &[("WATCHDOG_USEC", "0")], &[]] {
            let (_heard, mut manager) = manager("foreign", foreign);
            manager.ready("");
            assert_eq!(manager.due(), None);
        }
    }

    #[test]
    fn a_reload_is_told_once_and_ends() {
        let (heard, mut manager) = manager("reload", &[]);
        manager.reloaded("nobody asked");
        assert_eq!(hear(&heard), None);
        manager.reloading();
        manager.reloading();
        assert!(hear(&heard).unwrap().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        manager.reloaded("read");
        assert_eq!(hear(&heard).unwrap(), "READY=1\nSTATUS=read");
        manager.stopping(Duration::from_secs(5));
        assert_eq!(hear(&heard).unwrap(), "STOPPING=1\nSTATUS=ending\nEXTEND_TIMEOUT_USEC=5000000");
        assert_eq!(hear(&heard), None);
    }

    #[test]
    fn a_manager_that_does_not_read_is_told_later_in_order() {
        let (heard, mut manager) = manager("busy", &[]);
        let mut told = 0;
        // Until the kernel takes no more (net.unix.max_dgram_qlen).
        while manager.due().is_none() {
            manager.ready(told);
            told += 1;
            assert!(told < 100_000, "the socket takes everything");
        }
        manager.ready("last");
        let mut last = None;
        for _ in 0..told + 1 {
            last = hear(&heard).or(last);
            if let Some(due) = manager.due() {
                manager.turn(due, String::new);
            }
        }
        assert_eq!(last.unwrap(), "READY=1\nSTATUS=last");
        assert_eq!(manager.due(), None);
    }

    #[test]
    fn nobody_is_told_where_nobody_listens() {
        let mut manager = Manager::new(|_| None, 7);
        manager.ready("");
        assert_eq!(manager.due(), None);
        for wrong in ["vsock:2:1", "/nowhere/notify", ""] {
            assert!(Manager::new(|name| (name == "NOTIFY_SOCKET").then(|| wrong.into()), 7).socket.is_none());
        }
    }

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let status = rustix::fs::fstat(&file).unwrap();
        assert!(is_stream(&file, &format!("{}:{}", status.st_dev, status.st_ino)));
        assert!(!is_stream(&file, &format!("{}:{}", status.st_dev, status.st_ino + 1)) && !is_stream(&file, ""));
    }
}
