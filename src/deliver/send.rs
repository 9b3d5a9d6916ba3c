//! One attempt: a signed POST, and what came of it; or a command, see [`run`].

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Error};

use super::formats::{Answer, LONG_ANSWER_BYTES_MAX, Meaning};
use super::jq::{Judge, Use};
use super::resolve::Lookup;
use super::retry::{Outcome, asked_pause};
use super::sign::Signature;
use super::{Address, CONTENT_TYPE, Hidden, Proxy, Target, Webhook, run, script, sign};

/// So much of what the receiver says is told.
pub(super) const SAID_CHARACTERS_MAX: usize = 300;

/// Sends a webhook's batches, and keeps its connection.
#[derive(Debug)]
pub struct Sender {
    /// Where it is an address.
    agent: Option<Agent>,
    /// What is left out of what the receiver says.
    secrets: Vec<Hidden>,
    /// Says what an answer means, before the format does.
    taken: Option<Judge>,
}

/// A batch as it is sent: fixed before its first attempt.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its number.
    pub number: u64,
    /// Its bytes.
    pub body: &'a [u8],
    /// The events in it, each a line without its newline.
    pub events: &'a [Arc<[u8]>],
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A whole head.
    Answer {
        /// Its status.
        status: u16,
        /// Its header `Retry-After`; where that is missing, what its body asks for.
        retry_after: Option<String>,
        /// What the format says that it means.
        meaning: Meaning,
        /// How its body begins, as far as it is text.
        said: String,
    },
    /// A command has ended.
    Ended {
        /// Its exit status; none where it was ended by a signal.
        code: Option<i32>,
        /// What it said last on stderr, or how it was ended.
        said: String,
    },
    /// No answer, and why.
    None(String),
}

/// What of a batch is to come again.
#[derive(Debug)]
pub enum StillOpen {
    /// All of it, and why, where the receiver says that in its body.
    All(Option<String>),
    /// Some of it, and why.
    Some(String),
}

impl Reply {
    /// What the judge looks at.
    pub fn outcome(&self) -> Outcome<'_> {
        match self {
            Reply::Answer { status, retry_after, meaning, .. } => {
                Outcome::Answer { status: *status, retry_after: retry_after.as_deref(), meaning }
            }
            Reply::Ended { code, .. } => Outcome::Ended { code: *code },
            Reply::None(_) => Outcome::None,
        }
    }

    /// The answer's status, where there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Reply::Answer { status, .. } => Some(*status),
            Reply::Ended { .. } | Reply::None(_) => None,
        }
    }

    /// What of a batch is to come again, where this says that it is.
    pub fn still_open(&self) -> StillOpen {
        match self {
            Reply::Answer { meaning: Meaning::Partly(_), .. } => StillOpen::Some(self.words()),
            Reply::Answer { meaning: Meaning::Again(Some(_)), .. } => StillOpen::All(Some(self.words())),
            _ => StillOpen::All(None),
        }
    }

    /// How the answer's body begins, where there is an answer.
    pub fn said(&self) -> Option<&str> {
        match self {
            Reply::Answer { said, .. } | Reply::Ended { said, .. } => Some(said),
            Reply::None(_) => None,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Reply::Answer {
                status,
                meaning: Meaning::Halve(Some(why)) | Meaning::Again(Some(why)) | Meaning::Partly(why),
                ..
            } => format!("status {status}: {why}"),
            Reply::Answer { status, said, .. } if *status >= 300 && !said.is_empty() => {
                format!("status {status}: {said}")
            }
            Reply::Answer { status, .. } => format!("status {status}"),
            Reply::Ended { code: Some(code), said } if *code == 0 || said.is_empty() => format!("exit status {code}"),
            Reply::Ended { code: Some(code), said } => format!("exit status {code}: {said}"),
            Reply::Ended { code: None, said } => said.clone(),
            Reply::None(why) => why.clone(),
        }
    }
}

/// Whether a body is compressed: it was fixed by the settings of then. No format's body begins as gzip does (RFC 1952, 2.3.1).
fn is_compressed(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b])
}

/// What a receiver may repeat in its answer and nobody else may see: of an address what is behind the host, or before it, and the
/// values of headers. What is short could be anything.
fn secrets_of(address: &Address) -> Vec<Hidden> {
    const SHORT_OCTETS: usize = 8;
    let (_, behind) = address.url.0.split_once("://").unwrap_or_default();
    let (authority, path) = behind.split_at(behind.find(['/', '?']).unwrap_or(behind.len()));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    let values = address.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_TYPE));
    // Of "Bearer …" the word says nothing.
    let values = values.flat_map(|(_, value)| [&*value.0, value.0.rsplit(' ').next().unwrap_or_default()]);
    let mut secrets: Vec<String> = [path, bare, query, user].into_iter().chain(values).map(str::to_owned).collect();
    secrets.retain(|secret| secret.len() >= SHORT_OCTETS);
    // What holds another one goes first.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().map(Hidden).collect()
}

/// An answer without what nobody may see.
fn hide(answer: Vec<u8>, secrets: &[Hidden]) -> Vec<u8> {
    let text = String::from_utf8_lossy(&answer);
    if !secrets.iter().any(|secret| text.contains(&*secret.0)) {
        return answer;
    }
    secrets.iter().fold(text.into_owned(), |text, secret| text.replace(&*secret.0, "…")).into_bytes()
}

/// How a body begins, in one line.
pub(super) fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SAID_CHARACTERS_MAX)]);
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    text.trim().chars().take(SAID_CHARACTERS_MAX).collect()
}

impl Sender {
    /// An agent with the webhook's settings. It follows no redirect.
    pub fn new(webhook: &Webhook) -> Sender {
        let agent = match &webhook.target {
            Target::Address(address) => Some(Sender::agent(address, webhook.timeout)),
            Target::Command(_) => None,
        };
        let secrets = match &webhook.target {
            Target::Address(address) => secrets_of(address),
            Target::Command(_) => Vec::new(),
        };
        Sender { agent, secrets, taken: script::judge(Use::Taken, webhook.taken.as_ref()) }
    }

    fn agent(address: &Address, timeout: Duration) -> Agent {
        let mut tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(match &address.tls.authorities {
                Some(authorities) => RootCerts::new_with_certs(authorities),
                None => RootCerts::PlatformVerifier,
            });
        if let Some(client) = &address.tls.client {
            tls = tls.client_cert(Some(client.clone()));
        }
        let mut config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .user_agent(concat!("linkhook/", env!("CARGO_PKG_VERSION")));
        // Never by ureq's own look at the environment, which knows one proxy for all addresses.
        config = config.proxy(match &address.proxy {
            Proxy::None => None,
            // It was read already when the configuration was.
            Proxy::Environment(address) | Proxy::Address(address) => ureq::Proxy::new(&address.0).ok(),
        });
        Agent::with_parts(config.build(), DefaultConnector::default(), Lookup::default())
    }

    /// Makes one attempt. `seconds` is the time since 1970, which is signed. A defect that ends it is an attempt that
    /// failed.
    pub fn send(&mut self, webhook: &Webhook, parcel: Parcel<'_>, seconds: i64) -> Reply {
        match catch_unwind(AssertUnwindSafe(|| self.try_send(webhook, parcel, seconds))) {
            Ok(reply) => reply,
            Err(_) => {
                // What it was doing is left as it was.
                *self = Sender::new(webhook);
                Reply::None("a defect in linkhook; please report it".into())
            }
        }
    }

    fn try_send(&mut self, webhook: &Webhook, parcel: Parcel<'_>, seconds: i64) -> Reply {
        let (agent, address) = match (&self.agent, &webhook.target) {
            (Some(agent), Target::Address(address)) => (agent, address),
            (_, Target::Command(command)) => return run::run(command, webhook, parcel),
            (None, Target::Address(_)) => return Reply::None("its settings are read".into()),
        };
        let mut request = agent
            .post(&address.url.0)
            .header("webhook-id", parcel.id)
            .header("webhook-timestamp", seconds.to_string())
            .header("linkhook-webhook", &webhook.name)
            .header("linkhook-batch", parcel.number.to_string());
        if !address.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE)) {
            request = request.header(CONTENT_TYPE, webhook.format.content_type);
        }
        if is_compressed(parcel.body) {
            request = request.header("content-encoding", "gzip");
        }
        match address.signature {
            _ if address.secrets.is_empty() => {}
            Signature::Standard => {
                let signature = sign::sign(&address.secrets, parcel.id, seconds, parcel.body);
                request = request.header("webhook-signature", signature);
            }
            Signature::Github => {
                let signature = sign::sign_as_github(&address.secrets, parcel.body).unwrap_or_default();
                request = request.header("x-hub-signature-256", signature);
            }
        }
        for (name, value) in &address.headers {
            request = request.header(name, &value.0);
        }
        match request.send(parcel.body) {
            Ok(response) => {
                let status = response.status().as_u16();
                let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let retry_after = retry_after.map(str::to_owned);
                let mut body = Vec::new();
                let is_judged = self.taken.is_some() || webhook.format.judges_body;
                let most = if self.taken.is_some() { LONG_ANSWER_BYTES_MAX } else { webhook.format.answer_bytes_max };
                let whole = response.into_body().into_reader().take(most).read_to_end(&mut body);
                // Where the head says all, a body that breaks off says what it has said.
                if is_judged && (200..300).contains(&status) && whole.is_err() {
                    return Reply::None("the answer has broken off".into());
                }
                let body = hide(body, &self.secrets);
                let answer = Answer { status, body: &body };
                let by_script = self.taken.as_mut().and_then(|taken| script::meaning(taken, &answer, &webhook.title()));
                let meaning = by_script.unwrap_or_else(|| (webhook.format.meaning)(&answer));
                let retry_after = retry_after.or_else(|| asked_pause(&answer));
                Reply::Answer { status, retry_after, meaning, said: beginning(&body) }
            }
            Err(error) => Reply::None(words(&error)),
        }
    }
}

/// An error in words without the address, which may hold a token.
fn words(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "no answer in time".into(),
        Error::HostNotFound => "the host has no address".into(),
        Error::ConnectionFailed => "no connection".into(),
        Error::Io(error) => error.to_string(),
        Error::Rustls(error) => format!("TLS: {error}"),
        Error::Tls(why) => format!("TLS: {why}"),
        Error::ConnectProxyFailed(why) => format!("no connection through the proxy: {why}"),
        Error::Protocol(_) => "the answer is not HTTP".into(),
        Error::LargeResponseHeader(..) => "the answer's head is too large".into(),
        _ => "the request failed".into(),
    }
}

#[cfg(test)]
mod tests {
    use ureq::config::Config;
    use ureq::http::Uri;
    use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
    use ureq::unversioned::transport::NextTimeout;

    use super::super::lane::tests::webhook;
    use super::*;

    #[test]
    fn what_a_receiver_repeats_of_an_address_is_left_out() {
        let hidden = |text: &str| Hidden(text.into());
        let secrets =
            [hidden("/bot123:TOKEN/send?chat=12345678"), hidden("/bot123:TOKEN/send"), hidden("chat=12345678")];
        let told = |answer: &str| String::from_utf8(hide(answer.into(), &secrets)).unwrap();
        assert_eq!(told("Cannot POST /bot123:TOKEN/send"), "Cannot POST …");
        assert_eq!(told("{\"a\":\"/bot123:TOKEN/send?chat=12345678\"}"), "{\"a\":\"…\"}");
        assert_eq!(told("taken"), "taken");
        let webhook = webhook("");
        let Target::Address(address) = &webhook.target else { panic!("no address") };
        assert!(secrets_of(address).iter().all(|secret| secret.0.len() >= 8 && !secret.0.contains("://")));
    }

    #[derive(Debug)]
    struct Panics;

    impl Resolver for Panics {
        fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
            panic!("no more threads")
        }
    }

    #[test]
    fn a_panic_is_an_attempt_that_failed() {
        let webhook = webhook("timeout = \"1s\"");
        let agent = Agent::with_parts(Agent::config_builder().build(), DefaultConnector::default(), Panics);
        let mut sender = Sender { agent: Some(agent), secrets: Vec::new(), taken: None };
        let parcel = Parcel { id: "id", number: 1, body: b"{}", events: &[] };
        let Reply::None(why) = sender.send(&webhook, parcel, 0) else { panic!("an answer") };
        assert!(why.contains("defect"), "{why}");
        // The next one is made by a whole agent: nothing listens there.
        let Reply::None(why) = sender.send(&webhook, parcel, 0) else { panic!("an answer") };
        assert!(!why.contains("defect"), "{why}");
    }
}
