//! Signals, caught before anything else is done: what comes while linkhook starts is not lost, and kills nothing.
//!
//! SIGINT and SIGTERM end it: at once and with status 0 while it starts, however long that takes; later as bytes on a
//! socket, for a loop that ends in order. SIGHUP always comes as a byte. A command that ends by itself leaves all of them
//! to the kernel again.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::error::{Error, Result};

/// What was caught first: signals are the process's own, and so is this.
static CAUGHT: Mutex<Option<Caught>> = Mutex::new(None);

struct Caught {
    /// SIGINT and SIGTERM, until somebody takes them.
    ends: Option<UnixStream>,
    /// SIGHUP, likewise.
    hangups: Option<UnixStream>,
    /// While it is set, SIGINT and SIGTERM end the process at once.
    starting: Arc<AtomicBool>,
    /// Once it is set, each signal that is not ignored does what it does by default.
    usual: Vec<(i32, Arc<AtomicBool>)>,
    ignored: u64,
}

/// The signals that whoever started this process has it ignore, as `nohup` does with SIGHUP: a bit each, from SIGHUP on.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn is_ignored(ignored: u64, signal: i32) -> bool {
    ignored & (1 << (signal - 1)) != 0
}

/// Catches them. Called first thing.
pub fn catch() -> Result<()> {
    let caught = try_catch(true).map_err(|error| Error::system("cannot catch signals", &error))?;
    *CAUGHT.lock().unwrap_or_else(PoisonError::into_inner) = Some(caught);
    Ok(())
}

/// While `is_starting`, SIGINT and SIGTERM end the process. What a signal does first is to be a byte, so that none is lost in between.
fn try_catch(is_starting: bool) -> io::Result<Caught> {
    let ignored = ignored();
    let starting = Arc::new(AtomicBool::new(is_starting));
    let [ends, hangups] = [&[SIGINT, SIGTERM][..], &[SIGHUP]].map(socket);
    let mut usual = Vec::new();
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let flag = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(signal, flag.clone())?;
        if !is_ignored(ignored, signal) {
            usual.push((signal, flag));
        }
    }
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 0, starting.clone())?;
    }
    // A file that reaches its bound (RLIMIT_FSIZE) is then an error of the write, and no death.
    flag::register(libc::SIGXFSZ, Arc::default())?;
    Ok(Caught { ends: Some(ends?), hangups: Some(hangups?), starting, usual, ignored })
}

/// Those signals as bytes.
fn socket(signals: &[i32]) -> io::Result<UnixStream> {
    let (receiver, sender) = UnixStream::pair()?;
    receiver.set_nonblocking(true)?;
    for &signal in signals {
        low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    Ok(receiver)
}

/// From here on signals do what they do by default: for a command that ends by itself.
pub fn leave_to_default() {
    let mut caught = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(caught) = caught.as_mut() else { return };
    caught.usual.iter().for_each(|(_, flag)| flag.store(true, Ordering::SeqCst));
    caught.starting.store(false, Ordering::SeqCst);
    let came = caught.hangups.as_mut().is_some_and(|hangups| hangups.read(&mut [0; 1]).is_ok_and(|octets| octets > 0));
    if came && !is_ignored(caught.ignored, SIGHUP) {
        let _ = low_level::emulate_default_handler(SIGHUP);
    }
}

/// For a loop that ends in order: SIGINT and SIGTERM, then SIGHUP, each readable once it has come. From here on none of them
/// ends the process by itself.
pub fn take() -> Result<(mio::net::UnixStream, mio::net::UnixStream)> {
    let mut known = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(caught) = known.as_mut()
            && let Some((ends, hangups)) = caught.ends.take().zip(caught.hangups.take())
        {
            caught.starting.store(false, Ordering::SeqCst);
            return Ok((mio::net::UnixStream::from_std(ends), mio::net::UnixStream::from_std(hangups)));
        }
        *known = Some(try_catch(false).map_err(|error| Error::system("cannot catch signals", &error))?);
    }
}

/// The same for a command that has nothing to do with SIGHUP.
pub fn take_ends() -> Result<mio::net::UnixStream> {
    let usual = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|caught| caught.usual.clone());
    let hangup = usual.into_iter().flatten().find(|(signal, _)| *signal == SIGHUP);
    hangup.iter().for_each(|(_, flag)| flag.store(true, Ordering::SeqCst));
    Ok(take()?.0)
}

/// Whether whoever started this process has it ignore SIGHUP.
pub fn ignores_hangups() -> bool {
    CAUGHT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .is_some_and(|caught| is_ignored(caught.ignored, SIGHUP))
}
