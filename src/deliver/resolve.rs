//! Where a receiver is. ureq's own resolver panics where there can be no more threads (`RLIMIT_NPROC`, `TasksMax`); here
//! that is an attempt that failed.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::threads;

/// Addresses of a host that are tried at most, which is what ureq has room for.
const ADDRESSES_MAX: usize = 16;

/// Looks a host's addresses up: with the system's functions, in a thread, since they know no bound of time.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// One that did not end in time: whoever asks for the same waits for it, so that there is one thread at most.
    late: Mutex<Option<PendingName>>,
}

#[derive(Debug)]
struct PendingName {
    host: String,
    port: u16,
    answer: Receiver<io::Result<Vec<SocketAddr>>>,
}

impl Lookup {
    fn ask(&self, host: &str, port: u16) -> io::Result<PendingName> {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(asked) = late.filter(|asked| asked.host == host && asked.port == port) {
            return Ok(asked);
        }
        let (sender, answer) = channel();
        let asked = PendingName { host: host.to_owned(), port, answer };
        let name = host.to_owned();
        threads::start("lookup", move || {
            let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Nobody may wait any more.
            let _ = sender.send(found);
        })?;
        Ok(asked)
    }
}

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (Some(host), Some(port)) = (uri.host(), port(uri)) else { return Err(Error::HostNotFound) };
        // An IPv6 address stands in brackets.
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let found = if let Ok(address) = literal.parse::<IpAddr>() {
            vec![SocketAddr::new(address, port)]
        } else {
            let asked = self.ask(host, port)?;
            match asked.answer.recv_timeout(*timeout.after) {
                Ok(found) => found?,
                Err(RecvTimeoutError::Timeout) => {
                    *self.late.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
                    return Err(Error::Timeout(timeout.reason));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Error::HostNotFound),
            }
        };
        let mut addresses = self.empty();
        config.ip_family().keep_wanted(found.into_iter()).take(ADDRESSES_MAX).for_each(|one| addresses.push(one));
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn resolve(lookup: &Lookup, uri: &str, after: Duration) -> Result<Vec<SocketAddr>, Error> {
        let timeout = NextTimeout { after: after.into(), reason: ureq::Timeout::Global, ..NextTimeout::default() };
        let found = lookup.resolve(&uri.parse().unwrap(), &Config::default(), timeout)?;
        Ok(found.iter().copied().collect())
    }

    #[test]
    fn an_address_needs_no_thread_and_a_name_is_looked_up() {
        let lookup = Lookup::default();
        for (uri, expected) in [
            ("http://127.0.0.1/hook", "127.0.0.1:80"),
            ("https://[::1]/hook", "[::1]:443"),
            ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
        ] {
            assert_eq!(resolve(&lookup, uri, Duration::ZERO).unwrap(), [expected.parse().unwrap()], "{uri}");
        }
        let found = resolve(&lookup, "http://localhost:8080/", Duration::from_secs(20)).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 8080) && !found.is_empty());
    }

    #[test]
    fn a_lookup_that_is_late_is_waited_for_by_the_next_attempt() {
        let lookup = Lookup::default();
        let (sender, answer) = channel();
        *lookup.late.lock().unwrap() = Some(PendingName { host: "slow.example".into(), port: 80, answer });
        let late = resolve(&lookup, "http://slow.example/", Duration::from_millis(1));
        assert!(matches!(late, Err(Error::Timeout(_))), "{late:?}");
        let address: SocketAddr = "192.0.2.7:80".parse().unwrap();
        sender.send(Ok(vec![address])).unwrap();
        assert_eq!(resolve(&lookup, "http://slow.example/", Duration::from_secs(20)).unwrap(), [address]);
        assert!(lookup.late.lock().unwrap().is_none());
    }
}
