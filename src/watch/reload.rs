//! Reading the configuration again on SIGHUP, beside the loop: a file system may be slow.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;
use mio::net::UnixStream;

use super::caught;
use crate::deliver::Webhook;
use crate::error::Result;

/// Reads the configuration again.
pub type Reload = Arc<dyn Fn() -> Result<Vec<Webhook>> + Send + Sync>;

/// The webhooks that the configuration names, whenever it is to be read again.
pub(super) struct Reloading {
    read: Reload,
    hangups: UnixStream,
    waker: Arc<Waker>,
    result: Arc<Mutex<Option<Result<Vec<Webhook>>>>>,
    running: bool,
    /// It is to be read once more when that is done: the last one must be the last word.
    again: bool,
}

impl Reloading {
    /// Catches SIGHUP. `waker` is woken when something was read.
    pub fn new(read: Reload, waker: Arc<Waker>) -> Result<Reloading> {
        let hangups = caught(&[signal_hook::consts::SIGHUP])?;
        Ok(Reloading { read, hangups, waker, result: Arc::default(), running: false, again: false })
    }

    /// Readable after SIGHUP.
    pub fn hangups(&mut self) -> &mut UnixStream {
        &mut self.hangups
    }

    /// SIGHUP came.
    pub fn hung_up(&mut self) {
        while self.hangups.read(&mut [0; 64]).is_ok_and(|octets| octets > 0) {}
        self.start();
    }

    fn start(&mut self) {
        if self.running {
            self.again = true;
            return;
        }
        let (read, result, waker) = (self.read.clone(), self.result.clone(), self.waker.clone());
        let started = std::thread::Builder::new().name("configuration".into()).spawn(move || {
            let webhooks = read();
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(webhooks);
            let _ = waker.wake();
        });
        match started {
            Ok(_) => self.running = true,
            Err(error) => log::error!("cannot read the configuration again: {error}"),
        }
    }

    /// What was read, once.
    pub fn take(&mut self) -> Option<Result<Vec<Webhook>>> {
        let webhooks = self.result.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.running = false;
        if std::mem::take(&mut self.again) {
            self.start();
        }
        Some(webhooks)
    }
}
