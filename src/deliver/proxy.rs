//! Which proxy the environment names for an address. Pure: the environment is an argument.
//!
//! The variables mean what they mean to most programs: `HTTPS_PROXY` is for https addresses, `HTTP_PROXY` for http ones,
//! `ALL_PROXY` for both, each in small letters, too; `NO_PROXY` lists hosts that are reached without one.

use std::net::IpAddr;

use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

/// Looks up a variable.
pub type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// Whether it is a proxy's address that linkhook can use: http or https, a name and a password at most.
pub fn is_usable(address: &str) -> bool {
    let Ok(proxy) = Proxy::new(address) else { return false };
    matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) && has_good_port(proxy.uri())
}

/// Whether an address names no port, or one that there is.
pub fn has_good_port(uri: &Uri) -> bool {
    let Some(authority) = uri.authority() else { return true };
    let host = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
    // Colons in brackets are an address's own.
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    match behind.rsplit_once(':') {
        Some((_, port)) => port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0),
        None => true,
    }
}

/// The proxy's address for a webhook's address, and the variable that names it; whether it is usable is not checked.
pub fn of_environment(environment: &Environment<'_>, url: &Uri) -> Option<(&'static str, String)> {
    let own =
        if url.scheme_str() == Some("https") { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let names = own.into_iter().chain(["ALL_PROXY", "all_proxy"]);
    let found = names.into_iter().find_map(|name| Some((name, set(name)?)))?;
    let without = ["NO_PROXY", "no_proxy"].into_iter().find_map(set).unwrap_or_default();
    (!is_without(&without, url)).then_some(found)
}

/// Whether the host is in the list: by its name, that of a domain above it, its address or network, or `*`.
fn is_without(list: &str, url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((network, length)) = entry.split_once('/') {
            let network = network.parse().ok().zip(length.parse().ok());
            return address
                .zip(network)
                .is_some_and(|(address, (network, length))| is_inside(address, network, length));
        }
        let (name, only) = match entry.rsplit_once(':') {
            // Many colons make an address.
            Some((name, only)) if !name.contains(':') || name.ends_with(']') => (name, only.parse().ok()),
            _ => (entry.as_str(), None),
        };
        if only.is_some_and(|only: u16| only != port) {
            return false;
        }
        let name = name.trim_matches(['[', ']']);
        if address.is_some() {
            return name.parse().ok() == address;
        }
        let name = name.trim_start_matches('*').trim_start_matches('.');
        let above = host.strip_suffix(name).filter(|_| !name.is_empty());
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    })
}

fn is_inside(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (address, network, bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let (address, network): (u128, u128) = (address, network);
    length <= bits && (address ^ network).checked_shr(bits - length).unwrap_or_default() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], url: &str) -> Option<(&'static str, String)> {
        let environment =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        of_environment(&environment, &url.parse().unwrap())
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let all = [("HTTP_PROXY", "one"), ("HTTPS_PROXY", "two"), ("ALL_PROXY", "three")];
        assert_eq!(proxy(&all, "http://h/"), Some(("HTTP_PROXY", "one".into())));
        assert_eq!(proxy(&all, "https://h/"), Some(("HTTPS_PROXY", "two".into())));
        assert_eq!(proxy(&all[2..], "http://h/"), Some(("ALL_PROXY", "three".into())));
        assert_eq!(proxy(&[("http_proxy", "small")], "http://h/"), Some(("http_proxy", "small".into())));
        // What is for the other scheme, or is empty, says nothing.
        assert_eq!(proxy(&all[..1], "https://h/"), None);
        assert_eq!(proxy(&[("HTTP_PROXY", "")], "http://h/"), None);
    }

    #[test]
    fn no_proxy_lists_hosts_domains_and_networks() {
        for (list, url, without) in [
            ("*", "http://h/", true),
            ("", "http://h/", false),
            ("other, H", "http://h/", true),
            ("example.com", "https://noc.example.com/", true),
            (".example.com", "https://noc.example.com/", true),
            ("*.example.com", "https://noc.example.com/", true),
            ("example.com", "https://notexample.com/", false),
            ("noc.example.com", "https://example.com/", false),
            ("h:8080", "http://h:8080/", true),
            ("h:8080", "http://h/", false),
            ("h:443", "https://h/", true),
            ("127.0.0.1", "http://127.0.0.1:9/", true),
            ("7.0.0.1", "http://127.0.0.1/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("0.0.0.0/0", "http://11.1.2.3/", true),
            ("10.0.0.0/33", "http://10.0.0.0/", false),
            ("::1", "http://[::1]:9/", true),
            ("[::1]:9", "http://[::1]:9/", true),
            ("[::1]:8", "http://[::1]:9/", false),
            ("fd00::/8", "http://[fd00::7]/", true),
            ("::/0", "http://[fd00::7]/", true),
            ("0.0.0.0/0", "http://[fd00::7]/", false),
            (".", "http://h/", false),
        ] {
            let variables = [("ALL_PROXY", "p"), ("no_proxy", list)];
            assert_eq!(proxy(&variables, url).is_none(), without, "{list} {url}");
        }
    }

    #[test]
    fn only_http_and_https_are_usable() {
        for good in ["http://p:3128", "https://me:hush@p", "p:3128", "p"] {
            assert!(is_usable(good), "{good}");
        }
        for bad in ["socks5://p:1080", "socks4://p", "ftp://p", "", "http://", "http://p:65536", "p:0"] {
            assert!(!is_usable(bad), "{bad}");
        }
    }
}
