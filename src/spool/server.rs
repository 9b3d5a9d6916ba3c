//! The side of the linkhook that runs: who comes is served by a thread of its own, so that the loop never waits.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Answer, REQUEST_BYTES_MAX, Request, SOCKET};
use crate::deliver::spool::Roster;
use crate::serve::{SocketFile, bind_path};
use crate::threads;

/// Who may connect: linkhook's own user, and root.
const SOCKET_MODE: u32 = 0o600;
/// Clients at once at most.
const CLIENTS_MAX: usize = 8;
/// A client says what it wants within that time, and takes the answer within it.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// So often it is looked whether the socket is where it was: the state directory may have been replaced.
const LOOK_PAUSE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// The socket, for as long as this is kept.
#[derive(Debug)]
pub struct Server {
    // The thread ends when the other end is gone.
    end: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens in a state directory. Where that cannot be, it is said, and nobody can ask.
    pub fn start(state_directory: &Path, roster: Roster) -> Option<Server> {
        let path = state_directory.join(SOCKET);
        let cannot = |error: io::Error| {
            log::warn!("'linkhook spool' can change nothing here: cannot listen at {}: {error}", path.display());
        };
        let (end, other) = UnixStream::pair().map_err(cannot).ok()?;
        let bound = bind(&path).map_err(cannot).ok()?;
        let listening = path.clone();
        let thread = threads::start("spool", move || listen(bound, &listening, &other, &roster));
        Some(Server { end: Some(end), thread: Some(thread.map_err(cannot).ok()?) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // With the socket's name. Those that are being served end with linkhook.
            let _ = thread.join();
        }
    }
}

type Bound = (UnixListener, SocketFile);

fn bind(path: &Path) -> io::Result<Bound> {
    let (listener, file) = bind_path(path, SOCKET_MODE)?;
    listener.set_nonblocking(true)?;
    Ok((listener, file))
}

/// Serves until the end.
fn listen(mut bound: Bound, path: &Path, end: &UnixStream, roster: &Roster) {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let mut ready = [PollFd::new(&bound.0, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
        // What interrupts it is as good as a look.
        let _ = poll(&mut ready, Some(&LOOK_PAUSE));
        if !ready[1].revents().is_empty() {
            return;
        }
        while let Ok((stream, _)) = bound.0.accept() {
            begin(stream, &clients, roster);
        }
        if !bound.1.is_in_place()
            && let Ok(anew) = bind(path)
        {
            bound = anew;
        }
    }
}

fn begin(stream: UnixStream, clients: &Arc<AtomicUsize>, roster: &Roster) {
    if clients.fetch_add(1, Ordering::AcqRel) >= CLIENTS_MAX {
        clients.fetch_sub(1, Ordering::AcqRel);
        answer(&stream, &Answer::Refused("too many ask at once; ask again".into()));
        return;
    }
    let (count, roster) = (clients.clone(), roster.clone());
    let started = threads::start("spool", move || {
        if let Err(error) = serve(&stream, &roster) {
            log::debug!("a client of 'linkhook spool' is gone: {error}");
        }
        count.fetch_sub(1, Ordering::AcqRel);
    });
    if started.is_err() {
        clients.fetch_sub(1, Ordering::AcqRel);
    }
}

fn serve(stream: &UnixStream, roster: &Roster) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(CLIENT_TIMEOUT))?;
    stream.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let mut line = Vec::new();
    BufReader::new(stream.take(REQUEST_BYTES_MAX)).read_until(b'\n', &mut line)?;
    let told = match serde_json::from_slice(&line) {
        Ok(request) => obey(request, roster),
        Err(error) => Answer::Refused(format!("this linkhook does not understand the request: {error}")),
    };
    answer(stream, &told);
    Ok(())
}

fn answer(mut stream: &UnixStream, answer: &Answer) {
    if let Ok(mut line) = serde_json::to_vec(answer) {
        line.push(b'\n');
        let _ = stream.write_all(&line);
    }
}

fn obey(request: Request, roster: &Roster) -> Answer {
    let letters = |(events, letters)| Answer::Letters(events, letters);
    let done = match request {
        Request::Status => Ok(Answer::Status(roster.status())),
        Request::Retry(name) => roster.retry(&name).map(|(events, tried)| Answer::Waiting(events, tried)),
        Request::Drop(name, ranges) => roster.drop_events(&name, &ranges).map(Answer::Dropped),
        Request::Pause(name, until) => roster.pause(&name, until).map(|()| Answer::Paused),
        Request::Resume(name) => roster.resume(&name).map(Answer::Resumed),
        Request::RetryDead(name, chosen) => roster.retry_dead(&name, &chosen).map(letters),
        Request::DropDead(name, chosen) => roster.drop_dead(&name, &chosen).map(letters),
    };
    done.unwrap_or_else(Answer::Refused)
}
