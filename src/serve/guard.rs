//! Who is served. A page in a browser may reach a loopback address by a name of its own that leads there (DNS rebinding):
//! so where no token is asked for, the name by which a request comes must be one that leads to this machine by itself.
//! Pure.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::config::{HttpSettings, Listen};

/// Who is served at a listening socket.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// The address it listens at; `None` for a socket in the file system, which no browser reaches.
    address: Option<IpAddr>,
    /// The digest of what a client must say.
    token: Option<[u8; 32]>,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name it came by is not one of this machine's own.
    Host,
    /// It comes from a page of another site.
    Site,
    /// It does not say what it must.
    Token,
}

impl Guard {
    pub fn new(settings: &HttpSettings) -> Guard {
        let address = match &settings.listen {
            Listen::Address(address) => Some(address.ip().to_canonical()),
            Listen::Path(_) => None,
        };
        Guard { address, token: settings.token.as_ref().map(|token| Sha256::digest(token.0.as_bytes()).into()) }
    }

    /// Whether a token is asked for.
    pub fn asks_for_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request is served: `hosts` are the names that it came by, one of them where all is as it should be;
    /// `authorization` is the header of that name.
    pub fn check(&self, hosts: &[&str], authorization: Option<&[u8]>) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return if self.is_own(hosts) { Ok(()) } else { Err(Refusal::Host) };
        };
        // No page in a browser knows it, whatever name it came by. Digests are compared, which tells nothing by its time.
        let said = authorization.and_then(bearer).map(Sha256::digest);
        if said.is_some_and(|said| said[..] == token[..]) { Ok(()) } else { Err(Refusal::Token) }
    }

    fn is_own(&self, hosts: &[&str]) -> bool {
        let Some(address) = self.address else { return true };
        !hosts.is_empty() && hosts.iter().all(|host| is_own(host, address))
    }
}

/// The token in `Bearer TOKEN`.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Whether a `Host` is a loopback name or address, or the address that is listened at. Its port may be any: it may have been
/// forwarded.
fn is_own(host: &str, address: IpAddr) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    match name.parse::<IpAddr>() {
        Ok(named) => named.to_canonical().is_loopback() || named.to_canonical() == address,
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::Hidden;

    fn guard(listen: &str, token: Option<&str>) -> Guard {
        let listen = match listen.strip_prefix("unix:") {
            Some(path) => Listen::Path(path.into()),
            None => Listen::Address(listen.parse().unwrap()),
        };
        Guard::new(&HttpSettings { listen, token: token.map(|token| Hidden(token.into())) })
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        let guard = guard("127.0.0.1:9473", None);
        for host in [
            "127.0.0.1:9473",
            "127.0.0.1",
            "localhost",
            "LocalHost.:80",
            "a.localhost",
            "[::1]:9473",
            "127.9.9.9",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(guard.check(&[host], None), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9473",
            "localhost.evil.example",
            "notlocalhost",
            "192.0.2.1",
            "[2001:db8::1]",
            "",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "[::]",
        ] {
            assert_eq!(guard.check(&[host], None), Err(Refusal::Host), "{host}");
        }
        // None at all, and one good one beside another.
        assert_eq!(guard.check(&[], None), Err(Refusal::Host));
        assert_eq!(guard.check(&["localhost", "evil.example"], None), Err(Refusal::Host));
    }

    #[test]
    fn a_socket_in_the_file_system_has_any_name() {
        assert_eq!(guard("unix:/run/x", None).check(&["whatever"], None), Ok(()));
    }

    #[test]
    fn a_token_is_asked_for_and_proves_enough() {
        let guard = guard("192.0.2.1:9473", Some("hush hush"));
        for said in ["Bearer hush hush", "bearer hush hush", "BEARER  hush hush"] {
            assert_eq!(guard.check(&["router.example"], Some(said.as_bytes())), Ok(()), "{said}");
        }
        for said in ["Bearer hush", "Bearer hush hush!", "Basic hush hush", "Bearer", "Bearer ", "hush hush", ""] {
            assert_eq!(guard.check(&["192.0.2.1"], Some(said.as_bytes())), Err(Refusal::Token), "{said}");
        }
        assert_eq!(guard.check(&["localhost"], None), Err(Refusal::Token));
        assert!(!format!("{guard:?}").contains("hush"));
    }
}
