//! Syslog: each line is a message of RFC 5424 with structured data, over a socket in the file system, or over TCP with RFC 6587's
//! octet counting.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::Sink;
use super::facts::Facts;
use super::text::Text;

/// Where it goes if nothing is said.
pub const SOCKET: &str = "/dev/log";

/// The facilities that may be chosen, with their numbers (RFC 5424, table 1).
pub const FACILITIES: [(&str, u8); 10] = [
    ("daemon", 3),
    ("user", 1),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// The name of the structured data. linkhook has no number of its own among enterprises; this one is everybody's for examples
/// (RFC 5612).
const DATA_NAME: &str = "linkhook@32473";
/// What stands in a message's head, and not among the structured data once more.
const IN_HEAD: [&str; 4] = ["v", "ts", "host", "severity"];
/// The longest HOSTNAME and MSGID (RFC 5424, section 6).
const HOST_OCTETS_MAX: usize = 255;
const MESSAGE_ID_OCTETS_MAX: usize = 32;
/// A connection over TCP has so long to come about; a server that takes nothing for so long is taken for dead.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// What it asks for, so that a datagram may be long.
const SEND_BUFFER_BYTES: usize = 1 << 20;
/// Bytes of messages that are given to a stream at once, one message beyond it apart.
const RUN_BYTES: usize = 64 << 10;

/// Where a syslog server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// At a socket in the file system.
    Unix(PathBuf),
    /// At a host and a port.
    Tcp(String),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Address::Tcp(address) => write!(formatter, "tcp:{address}"),
        }
    }
}

#[derive(Debug)]
enum Connection {
    /// A message each datagram.
    Datagrams(UnixDatagram),
    /// With octet counting.
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A syslog server.
#[derive(Debug)]
pub struct Syslog {
    address: Address,
    facility: u8,
    /// The host's name, where a line does not say it.
    host: String,
    /// Messages are text, or the line itself where there is none.
    text: Option<Text>,
    connection: Option<Connection>,
    /// Messages that are longer than a datagram may be.
    too_long: u64,
}

impl Syslog {
    /// The server there, which may come later.
    pub fn new(address: Address, facility: u8, host: &str, text: Option<Text>) -> Syslog {
        Syslog { address, facility, host: host.to_owned(), text, connection: None, too_long: 0 }
    }

    /// `<PRI>1 TIMESTAMP HOSTNAME linkhook PROCID MSGID [STRUCTURED-DATA] MSG`.
    fn message(&mut self, line: &[u8]) -> Vec<u8> {
        let line = line.trim_ascii_end();
        let facts = Facts::of(line);
        let or_nil = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let host = Some(facts.text("host")).filter(|host| !host.is_empty()).unwrap_or(&self.host);
        let event = format!("{}.{}", facts.text("event"), facts.text("action"));
        let mut message = format!(
            "<{}>1 {} {} linkhook {} {} [{DATA_NAME}",
            self.facility * 8 + facts.severity().number(),
            or_nil(facts.text("ts").to_owned()),
            or_nil(printable(host, HOST_OCTETS_MAX)),
            std::process::id(),
            or_nil(printable(&event, MESSAGE_ID_OCTETS_MAX)),
        );
        for (name, value) in facts.each() {
            if !IN_HEAD.contains(&name.as_ref()) {
                message += &format!(" {}=\"{}\"", printable(&name, MESSAGE_ID_OCTETS_MAX), escaped(&value));
            }
        }
        message += "] ";
        let line = String::from_utf8_lossy(line);
        let words = match &mut self.text {
            Some(text) => text.line(line.as_bytes()).trim(),
            None => &line,
        };
        if !words.is_ascii() {
            // By this a receiver knows that it is UTF-8 (section 6.4).
            message.push('\u{feff}');
        }
        message += words;
        message.into_bytes()
    }

    fn connect(&mut self) -> io::Result<&mut Connection> {
        if self.connection.as_ref().is_some_and(Connection::is_closed) {
            self.connection = None;
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(Connection::to(&self.address)?)),
        }
    }

    /// Sends the first lines, and gives back how many bytes of them are done; with the error that ended it.
    fn send_some(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut each = lines.split_inclusive(|&octet| octet == b'\n');
        if let Err(error) = self.connect() {
            return (0, Err(error));
        }
        if let Some(Connection::Datagrams(_)) = &self.connection {
            let line = each.next().unwrap_or_default();
            let message = self.message(line);
            let Some(Connection::Datagrams(socket)) = &self.connection else { return (0, Ok(())) };
            return match send(socket, &message) {
                Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                    self.too_long += 1;
                    (line.len(), Ok(()))
                }
                Err(error) => (0, Err(error)),
                Ok(()) => (line.len(), Ok(())),
            };
        }
        let (mut run, mut ends, mut end) = (Vec::new(), Vec::new(), 0);
        for line in each {
            let message = self.message(line);
            run.extend_from_slice(format!("{} ", message.len()).as_bytes());
            run.extend_from_slice(&message);
            end += line.len();
            ends.push((end, run.len()));
            if run.len() > RUN_BYTES {
                break;
            }
        }
        let (mut sent, mut result) = (0, Ok(()));
        while sent < run.len() && result.is_ok() {
            let written = match &mut self.connection {
                Some(Connection::Unix(stream)) => stream.write(&run[sent..]),
                Some(Connection::Tcp(stream)) => stream.write(&run[sent..]),
                Some(Connection::Datagrams(_)) | None => break,
            };
            match written {
                Ok(0) => result = Err(ErrorKind::WriteZero.into()),
                Ok(octets) => sent += octets,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // That is how SO_SNDTIMEO says it.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    result = Err(io::Error::new(ErrorKind::TimedOut, "the server takes nothing"));
                }
                Err(error) => result = Err(error),
            }
        }
        let done = ends.iter().rev().find(|(_, end)| *end <= sent).map_or(0, |(end, _)| *end);
        (done, result)
    }
}

impl Connection {
    fn to(address: &Address) -> io::Result<Connection> {
        match address {
            Address::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                match socket.connect(path) {
                    // It takes streams.
                    Err(error) if error.raw_os_error() == Some(Errno::PROTOTYPE.raw_os_error()) => {
                        let stream = UnixStream::connect(path)?;
                        stream.set_write_timeout(Some(SEND_TIMEOUT))?;
                        Ok(Connection::Unix(stream))
                    }
                    connected => {
                        connected?;
                        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES);
                        Ok(Connection::Datagrams(socket))
                    }
                }
            }
            Address::Tcp(address) => {
                let mut result = Err(io::Error::other("the name has no address"));
                for address in address.to_socket_addrs()? {
                    result = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
                    if result.is_ok() {
                        break;
                    }
                }
                let stream = result?;
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(SEND_TIMEOUT))?;
                // A server that has vanished is noticed where nothing is sent, too.
                rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
                rustix::net::sockopt::set_tcp_user_timeout(&stream, SEND_TIMEOUT.as_millis() as u32)?;
                Ok(Connection::Tcp(stream))
            }
        }
    }

    /// Whether the server has ended it: what is sent then is lost without a word. Servers send nothing.
    fn is_closed(&self) -> bool {
        let descriptor = match self {
            Connection::Datagrams(_) => return false,
            Connection::Unix(stream) => stream.as_fd(),
            Connection::Tcp(stream) => stream.as_fd(),
        };
        match rustix::net::recv(descriptor, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((octets, _)) => octets == 0,
            Err(error) => !matches!(error, Errno::WOULDBLOCK | Errno::INTR),
        }
    }
}

fn send(socket: &UnixDatagram, message: &[u8]) -> io::Result<()> {
    loop {
        match socket.send(message) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(drop),
        }
    }
}

/// What may stand in a message's head: visible ASCII characters, so many at most.
fn printable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|letter| if letter.is_ascii_graphic() { letter } else { '?' }).collect()
}

/// A PARAM-VALUE (section 6.3.3).
fn escaped(value: &str) -> String {
    let mut told = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '"' | '\\' | ']') {
            told.push('\\');
        }
        told.push(letter);
    }
    told
}

impl Sink for Syslog {
    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while done < lines.len() {
            let (some, result) = self.send_some(&lines[done..]);
            done += some;
            if result.is_err() {
                self.connection = None;
                return (done, result);
            }
        }
        (done, Ok(()))
    }

    /// It may only just be starting.
    fn may_recover(&self, _: &io::Error) -> bool {
        true
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.connection = None;
        Ok(())
    }

    fn take_refused(&mut self) -> Option<(u64, String)> {
        let refused = std::mem::take(&mut self.too_long);
        (refused > 0).then(|| (refused, "longer than a datagram of its socket may be".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syslog(address: Address) -> Syslog {
        Syslog::new(address, 3, "rtr 1", None)
    }

    #[test]
    fn a_message_is_as_the_rfc_has_it() {
        let line = r#"{"v":1,"ts":"2026-11-24T00:13:05.424828Z","seq":7,"event":"link","action":"change","severity":"warning","ifname":"a\"b]c\\","signals":["down","x"],"link":{}}"#;
        let mut syslog = syslog(Address::Unix(SOCKET.into()));
        let expected = format!(
            "<28>1 2026-11-24T00:13:05.424828Z rtr?1 linkhook {} link.change [linkhook@32473 seq=\"7\" event=\"link\" \
             action=\"change\" ifname=\"a\\\"b\\]c\\\\\" signals=\"down\" signals=\"x\"] {line}",
            std::process::id()
        );
        assert_eq!(String::from_utf8(syslog.message(line.as_bytes())).unwrap(), expected);
        // What is no line is a message all the same.
        let told = String::from_utf8(syslog.message("ö\n".as_bytes())).unwrap();
        assert!(
            told.starts_with("<30>1 - rtr?1 linkhook ") && told.ends_with(" . [linkhook@32473] \u{feff}ö"),
            "{told}"
        );
    }

    #[test]
    fn a_message_too_long_for_a_datagram_is_told_and_the_next_one_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let server = UnixDatagram::bind(&path).unwrap();
        let mut syslog = syslog(Address::Unix(path));
        let lines = format!("\"{}\"\n\"short\"\n", "x".repeat(8 << 20));
        let (done, result) = syslog.write(lines.as_bytes());
        assert!(result.is_ok() && done == lines.len(), "{result:?}");
        assert!(syslog.take_refused().is_some_and(|(lines, _)| lines == 1) && syslog.take_refused().is_none());
        let mut found = [0; 4096];
        let octets = server.recv(&mut found).unwrap();
        assert!(found[..octets].ends_with(b"] \"short\""));
    }

    #[test]
    fn a_server_that_closes_is_connected_to_again_and_nothing_is_cut() {
        use std::io::Read;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut syslog = syslog(Address::Tcp(listener.local_addr().unwrap().to_string()));
        for word in ["\"one\"\n", "\"two\"\n"] {
            let (done, result) = syslog.write(word.as_bytes());
            assert!(result.is_ok() && done == word.len(), "{result:?}");
            let (mut stream, _) = listener.accept().unwrap();
            let mut found = [0; 4096];
            let octets = stream.read(&mut found).unwrap();
            let told = String::from_utf8_lossy(&found[..octets]).into_owned();
            let (length, message) = told.split_once(' ').unwrap();
            assert_eq!(length.parse(), Ok(message.len()), "{told}");
            assert!(message.ends_with(word.trim()));
            drop(stream);
            // The end has come once it can be seen.
            let began = std::time::Instant::now();
            while !syslog.connection.as_ref().is_some_and(Connection::is_closed) {
                assert!(began.elapsed() < Duration::from_secs(10));
                std::thread::yield_now();
            }
        }
    }
}
