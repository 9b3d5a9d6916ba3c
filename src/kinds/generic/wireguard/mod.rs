//! WireGuard: devices and their peers. `WGDEVICE_A_*`, `WGPEER_A_*`, `WGALLOWEDIP_A_*`: `linux/wireguard.h`.
//!
//! The kernel tells nothing of them; it shows a device with its peers, in as many messages as that takes, to whoever asks for it by its
//! interface (`wg_get_device_dump`, `drivers/net/wireguard/netlink.c`). With the peers it shows the keys: see [`secrets`].

pub mod parts;
pub mod secrets;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{GENLMSGHDR, WIREGUARD, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, Part, PerLink, Polled, Set, SeverityRow, Sides, TEXT,
    Wrong, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::unsigned;
use crate::event::Clock;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::netlink::wire::{attribute, u16_at};

/// `WG_CMD_GET_DEVICE`.
pub(super) const GET_DEVICE: u8 = 0;
/// What a peer of a device's message becomes: the kernel has no such command.
const PEER_COMMAND: u8 = 0x80;
/// The kind of the interfaces (`IFLA_INFO_KIND`).
const LINKS: &str = "wireguard";

/// `WGDEVICE_A_IFINDEX`, `_IFNAME` and `_PEERS`.
const IFINDEX: u16 = 1;
const IFNAME: u16 = 2;
const PEERS: u16 = 8;
/// A peer's attributes have these numbers behind its device's.
const OF_PEER: u16 = 16;
/// `WGPEER_A_PUBLIC_KEY`, `_ENDPOINT`, `_LAST_HANDSHAKE_TIME` and `_ALLOWEDIPS`.
const PUBLIC_KEY: u16 = 1;
const ENDPOINT: u16 = 4;
const LAST_HANDSHAKE: u16 = 6;
const ALLOWED_IPS: u16 = 9;

/// What asks for the device of an interface; the row of [`PEER`] asks for the same.
static DUMPS: [DumpRequest; 1] = [DumpRequest {
    message: message(WIREGUARD, GET_DEVICE),
    header: &[GET_DEVICE, 1, 0, 0],
    attributes: &[],
    per_link: Some(PerLink::Attribute(IFINDEX)),
}];

const HOOKS: Hooks = Hooks {
    interface_name: Some(ifname),
    family: Some(|_| 0),
    of_links: Some(LINKS),
    polled: Polled::Only,
    needs: Some("CAP_NET_ADMIN"),
    ..Hooks::NONE
};

/// A device.
pub static DEVICE: Kind = Kind {
    name: "wireguard",
    about: "devices of WireGuard; the kernel tells nothing: --poll",
    title: &[named("listen_port"), detail("public_key"), detail("fwmark")],
    new: message(WIREGUARD, GET_DEVICE),
    header: &GENLMSGHDR,
    set: &DEVICE_SET,
    interface: Interface::Attribute(IFINDEX),
    identity: Some(Identity { header: &[], attributes: &[IFINDEX], members: &["ifindex"] }),
    dumps: &DUMPS,
    hooks: Hooks { severity: &[SeverityRow::all(Severity::Notice)], ..HOOKS },
    ..Kind::PLAIN
};

/// A peer of a device.
pub static PEER: Kind = Kind {
    name: "wireguard_peer",
    about: "peers of WireGuard's devices: endpoints, handshakes; --poll",
    title: &[word("public_key"), named("endpoint"), detail("allowed_ips")],
    new: message(WIREGUARD, PEER_COMMAND),
    header: &GENLMSGHDR,
    set: &PEER_SET,
    interface: Interface::Attribute(IFINDEX),
    identity: Some(Identity {
        header: &[],
        attributes: &[IFINDEX, OF_PEER + PUBLIC_KEY],
        members: &["ifindex", "public_key"],
    }),
    dumps: &DUMPS,
    hooks: Hooks { signals: Some(signals_of), ..HOOKS },
    ..Kind::PLAIN
};

static DEVICE_SET: Set = Set::new(
    "WGDEVICE_A",
    &[
        row(IFINDEX, "ifindex", Is::Number(U32)),
        row(IFNAME, "ifname", Is::Text),
        // Zeros by now.
        row(3, "private_key", Is::Known),
        row(4, "public_key", Is::Value(key, TEXT)),
        // A request's.
        row(5, "flags", Is::Known),
        row(6, "listen_port", Is::Number(U16)),
        row(7, "fwmark", Is::NumberUnless(U32, 0)),
        // Each is a message of its own by now.
        row(PEERS, "peers", Is::Known),
    ],
);

static PEER_SET: Set = Set::new(
    "wireguard_peer",
    &[
        row(IFINDEX, "ifindex", Is::Number(U32)),
        row(IFNAME, "ifname", Is::Text),
        row(OF_PEER + PUBLIC_KEY, "public_key", Is::Value(key, TEXT)),
        // Zeros by now, as it is without one.
        row(OF_PEER + 2, "preshared_key", Is::Known),
        row(OF_PEER + 3, "flags", Is::Known),
        row(OF_PEER + ENDPOINT, "endpoint", Is::Value(endpoint, TEXT)),
        row(OF_PEER + 5, "persistent_keepalive", Is::NumberUnless(U16, 0)),
        row(OF_PEER + LAST_HANDSHAKE, "last_handshake", Is::Members(handshake, HANDSHAKE_PARTS)),
        row(OF_PEER + 7, "rx_bytes", Is::Number(U64)).volatile(),
        row(OF_PEER + 8, "tx_bytes", Is::Number(U64)).volatile(),
        row(OF_PEER + ALLOWED_IPS, "allowed_ips", Is::Value(allowed_ip, TEXT)).repeated(),
        row(OF_PEER + 10, "protocol_version", Is::Number(U32)),
    ],
);

/// A public key, as wg(8) writes it.
fn key(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.plain(&STANDARD.encode(payload));
    Ok(())
}

/// `struct sockaddr_in` or `struct sockaddr_in6`: address and port.
fn endpoint(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const AF_INET: u16 = libc::AF_INET as u16;
    const AF_INET6: u16 = libc::AF_INET6 as u16;
    let port = u16::from_be(u16_at(payload, 2).ok_or(Wrong::Short(4))?);
    match u16_at(payload, 0) {
        Some(AF_INET) => {
            let address = payload.get(4..8).and_then(|octets| octets.first_chunk::<4>()).ok_or(Wrong::Short(8))?;
            out.display(format_args!("{}:{port}", Ipv4Addr::from(*address)));
        }
        Some(AF_INET6) => {
            let address = payload.get(8..24).and_then(|octets| octets.first_chunk::<16>()).ok_or(Wrong::Short(24))?;
            let (address, scope) =
                (Ipv6Addr::from(*address), unsigned(U32, payload.get(24..28).ok_or(Wrong::Short(28))?)?);
            match scope {
                0 => out.display(format_args!("[{address}]:{port}")),
                scope => out.display(format_args!("[{address}%{scope}]:{port}")),
            }
        }
        _ => return Err(Wrong::Because("an address of IPv4 or IPv6 expected")),
    }
    Ok(())
}

const HANDSHAKE_PARTS: &[Part] = &[Part::text("last_handshake")];

/// `struct __kernel_timespec`: when the last handshake was; zeros where there was none.
fn handshake(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(seconds), Some(nanoseconds)) = (payload.get(..8), payload.get(8..)) else {
        return Err(Wrong::Length(16));
    };
    let (seconds, nanoseconds) = (unsigned(I64, seconds)? as i64, unsigned(I64, nanoseconds)? as i64);
    if (seconds, nanoseconds) != (0, 0) {
        out.key("last_handshake");
        Clock::default().write(out, seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000));
    }
    Ok(())
}

/// `WGALLOWEDIP_A_*`: address and length of the prefix.
fn allowed_ip(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const IPADDR: u16 = 2;
    const CIDR_MASK: u16 = 3;
    let length = attribute(payload, CIDR_MASK).and_then(|length| length.first()).copied().unwrap_or_default();
    let address = attribute(payload, IPADDR).unwrap_or_default();
    if let Ok(address) = <[u8; 4]>::try_from(address) {
        out.display(format_args!("{}/{length}", Ipv4Addr::from(address)));
    } else if let Ok(address) = <[u8; 16]>::try_from(address) {
        out.display(format_args!("{}/{length}", Ipv6Addr::from(address)));
    } else {
        return Err(Wrong::Because("an address of IPv4 or IPv6 expected"));
    }
    Ok(())
}

fn ifname(payload: &[u8]) -> Option<&[u8]> {
    let name = attribute(DEVICE.attributes(payload), IFNAME)?;
    name.split(|octet| *octet == 0).next()
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    let (Some(old), Some(new)) = (sides.old, sides.new) else { return Signals::NONE };
    let of = |payload, number| attribute(PEER.attributes(payload), OF_PEER + number);
    let differs = |number| of(old, number) != of(new, number);
    let mut signals = Signals::NONE;
    if differs(ENDPOINT) && of(old, ENDPOINT).is_some() && of(new, ENDPOINT).is_some() {
        signals = signals.with(Signals::ENDPOINT_MOVED);
    }
    if differs(LAST_HANDSHAKE) && of(new, LAST_HANDSHAKE).is_some_and(|time| time.iter().any(|&octet| octet != 0)) {
        signals = signals.with(Signals::HANDSHAKE);
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{NoLinks, write_object};
    use crate::netlink::wire::append_attribute;

    fn peer(members: &[(u16, &[u8])]) -> Vec<u8> {
        let mut payload = vec![GET_DEVICE, 1, 0, 0];
        members.iter().for_each(|(number, value)| append_attribute(&mut payload, OF_PEER + number, value));
        payload
    }

    fn told(payload: &[u8]) -> serde_json::Value {
        let mut json = Json::new();
        write_object(&mut json, &PEER, &PEER.context(payload, &NoLinks));
        serde_json::from_slice(json.bytes()).unwrap()
    }

    #[test]
    fn a_peer_is_read_as_wg_shows_it() {
        let four = [2, 0, 0xca, 0x6c, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut six = vec![10, 0, 0xca, 0x6c, 0, 0, 0, 0];
        six.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let (mut scoped, mut plain) = (six.clone(), six);
        scoped.extend(3u32.to_ne_bytes());
        plain.extend(0u32.to_ne_bytes());
        let told_of = |endpoint: &[u8]| told(&peer(&[(ENDPOINT, endpoint)]))["endpoint"].clone();
        assert_eq!(told_of(&four), "10.0.0.1:51820");
        assert_eq!((told_of(&plain), told_of(&scoped)), ("[fe80::1]:51820".into(), "[fe80::1%3]:51820".into()));
        assert!(told(&peer(&[(ENDPOINT, &[1, 0, 0, 0])]))["unknown"][0]["error"].is_string());
        let allowed = [(&[10, 1, 0, 0][..], 16), (&[0; 16], 0)].map(|(address, length)| {
            let mut one = Vec::new();
            append_attribute(&mut one, 2, address);
            append_attribute(&mut one, 3, &[length]);
            one
        });
        let [one, other] = allowed.each_ref().map(|allowed| (ALLOWED_IPS, allowed.as_slice()));
        let never = told(&peer(&[(PUBLIC_KEY, &[1; 32]), (LAST_HANDSHAKE, &[0; 16]), one, other]));
        assert_eq!(never["allowed_ips"], serde_json::json!(["10.1.0.0/16", "::/0"]));
        assert_eq!(never["public_key"], "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        assert!(never.get("last_handshake").is_none());
        let time = [1_780_000_000i64.to_ne_bytes(), 5000i64.to_ne_bytes()].concat();
        assert_eq!(told(&peer(&[(LAST_HANDSHAKE, &time)]))["last_handshake"], "2026-05-28T20:26:40.000005Z");
    }

    #[test]
    fn a_handshake_and_another_endpoint_are_signals() {
        let (one, other) = ([2, 0, 0, 1, 10, 0, 0, 1], [2, 0, 0, 1, 10, 0, 0, 2]);
        let signals = |old: &[(u16, &[u8])], new: &[(u16, &[u8])]| {
            let (old, new) = (peer(old), peer(new));
            signals_of(&Sides { old: Some(&old), new: Some(&new), message: &new })
        };
        let (never, once, twice) = ([0; 16], [1; 16], [2; 16]);
        let handshake = |old: &[u8; 16], new: &[u8; 16]| signals(&[(LAST_HANDSHAKE, old)], &[(LAST_HANDSHAKE, new)]);
        assert_eq!(handshake(&never, &once), Signals::HANDSHAKE);
        assert_eq!(handshake(&once, &twice), Signals::HANDSHAKE);
        assert_eq!((handshake(&once, &once), handshake(&once, &never)), (Signals::NONE, Signals::NONE));
        assert_eq!(signals(&[(ENDPOINT, &one)], &[(ENDPOINT, &other)]), Signals::ENDPOINT_MOVED);
        // The first one that is known is no other one.
        assert_eq!(signals(&[], &[(ENDPOINT, &other)]), Signals::NONE);
    }
}
