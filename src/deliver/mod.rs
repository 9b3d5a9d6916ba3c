//! Webhooks: events in batches, signed, in order, again until they are taken. No room here knows netlink.
//!
//! [`batch`], [`retry`], [`sign`] and [`formats`] are pure: clock, random numbers and answers come in as arguments. The
//! [`hub`] gives each event to the webhooks that want it; each has a lane, where events wait, a thread and an agent, and
//! one more where jq judges them first, so that none can delay another, nor the loop. With a state directory events wait in
//! the store, and a batch is fixed there before its first attempt.

pub mod batch;
pub mod dead;
pub mod formats;
pub mod hub;
pub mod jq;
mod lane;
#[cfg(test)]
mod model;
pub mod proxy;
mod resolve;
pub mod retry;
pub mod run;
mod script;
pub mod send;
mod sieve;
pub mod sign;
pub mod spool;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, ClientCert};

use crate::filter::Filter;
use crate::settle::rate::Rate;

/// What a webhook is called in the configuration.
pub const WEBHOOK: &str = "webhook";
/// What a command is called there.
pub const EXEC: &str = "exec";

/// The header that says what type a body has.
pub const CONTENT_TYPE: &str = "content-type";

/// Text that is never shown: an address with a token in it, the value of a header.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// What is dropped when there is no room for another event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// What has waited longest.
    DropOldest,
    /// What comes.
    DropNewest,
    /// Nothing: the loop stops reading until there is room, and the repair tells what changed meanwhile.
    Block,
}

/// Whom a webhook believes, and how it proves itself.
#[derive(Default)]
pub struct Tls {
    /// The authorities that are believed, instead of the platform's.
    pub authorities: Option<Vec<Certificate<'static>>>,
    /// The own certificate, its chain, and its key.
    pub client: Option<ClientCert>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorities = self.authorities.as_ref().map(Vec::len);
        write!(formatter, "Tls {{ authorities: {authorities:?}, client: {} }}", self.client.is_some())
    }
}

/// Through which proxy requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// None.
    #[default]
    None,
    /// The one that the environment names.
    Environment(Hidden),
    /// The proxy at that address.
    Address(Hidden),
}

/// How a webhook's events settle: those of one object are delivered as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// Once none has come for so long.
    pub quiet: Duration,
    /// Whether an object that is as it was before them is left out.
    pub skips_same: bool,
}

/// Where a webhook's events are posted, and how.
#[derive(Debug, Default)]
pub struct Address {
    /// The address.
    pub url: Hidden,
    /// The same without what may be secret: scheme, host and port.
    pub place: String,
    /// Headers of each request, beside linkhook's own.
    pub headers: Vec<(String, Hidden)>,
    /// Each signs; where there is none, nothing is signed.
    pub secrets: Vec<sign::Secret>,
    /// How they sign.
    pub signature: sign::Signature,
    /// TLS.
    pub tls: Tls,
    /// Its proxy.
    pub proxy: Proxy,
}

/// Where events go.
#[derive(Debug)]
pub enum Target {
    /// To an address, by HTTP: a webhook.
    Address(Box<Address>),
    /// To a command that is run for them.
    Command(run::Command),
}

/// A webhook, or a command in its place, checked.
#[derive(Debug)]
pub struct Webhook {
    /// Its name: letters, digits, `.`, `_`, `-`; no two have the same.
    pub name: String,
    /// Where events go.
    pub target: Target,
    /// Which objects' events; its jq test is not used.
    pub filter: Filter,
    /// The jq expression for which they must give something else than null and false. It is known to compile.
    pub jq: Option<String>,
    /// Which of linkhook's own events.
    pub own: Vec<&'static str>,
    /// What a body looks like.
    pub format: &'static formats::Format,
    /// The jq expression that makes a body of what [`formats::FORMATS`]' first one makes. It is known to compile.
    pub body: Option<String>,
    /// The jq expression that says what an answer means, before the format does. It is known to compile.
    pub taken: Option<String>,
    /// Text that goes with each event: names and values.
    pub fields: Vec<(String, String)>,
    /// Whether the receiver takes values beside an event's labels, where the format has them.
    pub metadata: bool,
    /// Whether bodies are compressed (gzip).
    pub compresses: bool,
    /// How its events settle, where they do.
    pub settle: Option<Settle>,
    /// How often something must come to be delivered, where that is more than once.
    pub rate: Option<Rate>,
    /// The bounds of a batch.
    pub limits: batch::Limits,
    /// When a batch is sent again.
    pub retry: retry::Policy,
    /// Bytes of events that wait at most; a batch on its way is not among them, nor, where it blocks, a slice of lines.
    pub spool_bytes: usize,
    /// What is dropped beyond that.
    pub when_full: WhenFull,
    /// The longest attempt, from connecting to the end of the answer.
    pub timeout: Duration,
}

impl Webhook {
    /// One that the configuration does not name any more, and that wants nothing.
    pub fn gone(name: &str) -> Webhook {
        Webhook {
            name: name.to_owned(),
            // The store does not know whether it was a command.
            target: Target::Address(Box::default()),
            filter: Filter::default(),
            jq: None,
            own: Vec::new(),
            format: formats::FORMATS[0],
            body: None,
            taken: None,
            fields: Vec::new(),
            metadata: true,
            compresses: false,
            settle: None,
            rate: None,
            limits: batch::Limits { events: 1, bytes: 0, wait: Duration::ZERO },
            retry: retry::Policy::default(),
            spool_bytes: 0,
            when_full: WhenFull::DropNewest,
            timeout: Duration::ZERO,
        }
    }

    /// A batch of it, from that host.
    pub fn batch<'b>(&'b self, id: &'b str, number: u64, host: &'b str, events: &'b [Arc<[u8]>]) -> formats::Batch<'b> {
        let Webhook { name, fields, metadata, .. } = self;
        formats::Batch { id, webhook: name, number, host, fields, metadata: *metadata, events }
    }

    /// What it is called in the configuration, and in linkhook's own events: `webhook` or `exec`.
    pub fn word(&self) -> &'static str {
        match self.target {
            Target::Address(_) => WEBHOOK,
            Target::Command(_) => EXEC,
        }
    }

    /// The address, where it is one.
    pub fn address(&self) -> Option<&Address> {
        match &self.target {
            Target::Address(address) => Some(address),
            Target::Command(_) => None,
        }
    }

    /// The same with its name, for messages.
    pub fn title(&self) -> String {
        format!("{} {}", self.word(), self.name)
    }
}
