//! Reading the configuration again on SIGHUP, beside the loop: a file system may be slow.

use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

use crate::config::HttpSettings;
use crate::deliver::Webhook;
use crate::error::Result;
use crate::threads;

/// What of a configuration can be changed while linkhook runs.
#[derive(Debug)]
pub struct Reloaded {
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
    /// Where the figures can be asked for.
    pub http: Option<HttpSettings>,
}

/// Reads the configuration again.
pub type Reload = Arc<dyn Fn() -> Result<Reloaded> + Send + Sync>;

/// What the configuration says, whenever it is to be read again.
pub(super) struct Reloading {
    read: Reload,
    waker: Arc<Waker>,
    result: Arc<Mutex<Option<Result<Reloaded>>>>,
    running: bool,
    /// It is to be read once more when that is done: the last one must be the last word.
    again: bool,
}

impl Reloading {
    /// `waker` is woken when something was read.
    pub fn new(read: Reload, waker: Arc<Waker>) -> Reloading {
        Reloading { read, waker, result: Arc::default(), running: false, again: false }
    }

    /// Reads it, beside the loop.
    pub fn start(&mut self) {
        if self.running {
            self.again = true;
            return;
        }
        let (read, result, waker) = (self.read.clone(), self.result.clone(), self.waker.clone());
        let started = threads::start("configuration", move || {
            let reloaded = read();
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(reloaded);
            let _ = waker.wake();
        });
        match started {
            Ok(_) => self.running = true,
            Err(error) => log::error!("cannot read the configuration again: {error}"),
        }
    }

    /// Whether something is read, or was and is not taken yet.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// What was read, once.
    pub fn take(&mut self) -> Option<Result<Reloaded>> {
        let reloaded = self.result.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.running = false;
        if std::mem::take(&mut self.again) {
            self.start();
        }
        Some(reloaded)
    }
}
