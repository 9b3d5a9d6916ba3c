//! The journal: each line is a message of systemd's native protocol (systemd.io, "Native Journal Protocol"), with a field for each
//! of linkhook's keys.

use std::io::{self, ErrorKind, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::Sink;
use super::facts::Facts;
use super::text::Text;

/// Where systemd-journald listens; a namespace of the journal has another place.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// What it asks for, so that few messages need a file.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// The journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Messages are text, or the line itself where there is none.
    text: Option<Text>,
    socket: Option<UnixDatagram>,
    message: Vec<u8>,
}

impl Journal {
    /// The journal at that socket, which may come later.
    pub fn new(path: &Path, text: Option<Text>) -> Journal {
        Journal { path: path.to_owned(), text, socket: None, message: Vec::new() }
    }

    fn make_message(&mut self, line: &[u8]) {
        let Journal { text, message, .. } = self;
        let line = line.trim_ascii_end();
        let facts = Facts::of(line);
        message.clear();
        match text {
            Some(text) => put(message, "MESSAGE", text.line(line).trim().as_bytes()),
            None => put(message, "MESSAGE", line),
        }
        put(message, "PRIORITY", facts.severity().number().to_string().as_bytes());
        put(message, "SYSLOG_IDENTIFIER", b"linkhook");
        for (name, value) in facts.each() {
            put(message, &format!("LINKHOOK_{}", name.to_ascii_uppercase()), value.as_bytes());
        }
        put(message, "LINKHOOK_JSON", line);
    }

    fn send(&mut self) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(&self.path)?;
                // Without it more messages need a file.
                let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES);
                self.socket.insert(socket)
            }
        };
        loop {
            match socket.send(&self.message) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if [Errno::MSGSIZE, Errno::NOBUFS].iter().any(|large| is(&error, *large)) => {
                    return send_file(socket, &self.message);
                }
                result => return result.map(drop),
            }
        }
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// A field; one whose value has a newline has its length before it.
fn put(message: &mut Vec<u8>, name: &str, value: &[u8]) {
    message.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        message.push(b'\n');
        message.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        message.push(b'=');
    }
    message.extend_from_slice(value);
    message.push(b'\n');
}

/// A message that is too large for a datagram goes as a file in memory that nobody can change any more.
fn send_file(socket: &UnixDatagram, message: &[u8]) -> io::Result<()> {
    let file = memory_file()?;
    let mut file = std::fs::File::from(file);
    file.write_all(message)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(SendAncillaryMessage::ScmRights(&files));
    loop {
        match rustix::net::sendmsg(socket, &[], &mut beside, SendFlags::empty()) {
            Err(Errno::INTR) => {}
            result => return Ok(result.map(drop)?),
        }
    }
}

fn memory_file() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // A machine may refuse files that could be run (vm.memfd_noexec); kernels before 6.3 do not know the flag.
    match rustix::fs::memfd_create("journal", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => Ok(rustix::fs::memfd_create("journal", flags)?),
        made => Ok(made?),
    }
}

impl Sink for Journal {
    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        for line in lines.split_inclusive(|&octet| octet == b'\n') {
            self.make_message(line);
            if let Err(error) = self.send() {
                self.socket = None;
                let path = self.path.display();
                return (done, Err(io::Error::new(error.kind(), format!("{path}: {error}"))));
            }
            done += line.len();
        }
        (done, Ok(()))
    }

    /// It may only just be starting.
    fn may_recover(&self, _: &io::Error) -> bool {
        true
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.socket = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_field_for_each_key() {
        let mut journal = Journal::new(Path::new(SOCKET), None);
        let line = br#"{"seq":7,"event":"link","severity":"warning","signals":["down","carrier_lost"],"link":{"a":1}}"#;
        journal.make_message(&[line, &b"\n"[..]].concat());
        let told = String::from_utf8(journal.message).unwrap();
        let expected = format!(
            "MESSAGE={line}\nPRIORITY=4\nSYSLOG_IDENTIFIER=linkhook\nLINKHOOK_SEQ=7\nLINKHOOK_EVENT=link\n\
             LINKHOOK_SEVERITY=warning\nLINKHOOK_SIGNALS=down\nLINKHOOK_SIGNALS=carrier_lost\nLINKHOOK_JSON={line}\n",
            line = String::from_utf8_lossy(line)
        );
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_too_large_for_a_datagram_goes_as_a_sealed_file() {
        use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
        use std::io::{IoSliceMut, Read, Seek};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        let line = format!("{{\"event\":\"link\",\"host\":\"{}\"}}\n", "x".repeat(4 << 20));
        let mut journal = Journal::new(&path, None);
        let (done, result) = journal.write(line.as_bytes());
        assert!(result.is_ok() && done == line.len(), "{result:?}");
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut octets = [0; 64];
        let received =
            rustix::net::recvmsg(&server, &mut [IoSliceMut::new(&mut octets)], &mut beside, RecvFlags::empty())
                .unwrap();
        assert_eq!(received.bytes, 0);
        let Some(RecvAncillaryMessage::ScmRights(mut files)) = beside.drain().next() else { panic!("no file") };
        let mut file = std::fs::File::from(files.next().unwrap());
        let seals = rustix::fs::fcntl_get_seals(&file).unwrap();
        assert!(seals.contains(SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL));
        let mut message = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut message).unwrap();
        assert!(message == journal.message && message.len() > 8 << 20);
    }

    #[test]
    fn a_value_with_a_newline_has_its_length() {
        let mut message = Vec::new();
        put(&mut message, "A", b"b\nc");
        assert_eq!(message, b"A\n\x03\0\0\0\0\0\0\0b\nc\n");
    }
}
