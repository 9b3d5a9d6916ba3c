//! OpenVPN in the kernel: peers of its interfaces. `OVPN_A_*`, `OVPN_A_PEER_*`: `linux/ovpn.h`.
//!
//! The kernel tells that a peer has gone, that it is heard from another address, and that a key is used up; a new one it does not tell.

use super::{GENLMSGHDR, OVPN, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, Names, PerLink, Polled, Set, SeverityRow, TEXT, row,
};
use crate::decode::title::{detail, named};
use crate::decode::value::write_ipv6;
use crate::event::Action;
use crate::event::severity::Severity;
use crate::json::Json;
use crate::netlink::wire::{Header, append_attribute, append_message, attribute, attributes};

/// `OVPN_CMD_PEER_GET`, `_PEER_DEL_NTF`, `_KEY_SWAP_NTF` and `_PEER_FLOAT_NTF`.
const PEER_GET: u8 = 3;
const PEER_GONE: u8 = 5;
const KEY_SWAP: u8 = 9;
const PEER_FLOAT: u8 = 11;
/// `OVPN_A_IFINDEX`, `_PEER` and `_KEYCONF`.
const IFINDEX: u16 = 1;
const PEER_NEST: u16 = 2;
const KEY_NEST: u16 = 3;
/// Attributes of the nest have these numbers behind the interface's.
const OF_NEST: u16 = 16;
/// `OVPN_A_PEER_ID`.
const PEER_ID: u16 = 1;

/// A peer of an interface.
pub static PEER: Kind = Kind {
    name: "ovpn_peer",
    about: "peers of OpenVPN's interfaces in the kernel",
    title: &[named("id"), detail("remote-ipv4"), detail("remote-ipv6"), detail("vpn-ipv4")],
    new: message(OVPN, PEER_GET),
    delete: message(OVPN, PEER_GONE),
    header: &GENLMSGHDR,
    set: &PEER_SET,
    interface: Interface::Attribute(IFINDEX),
    identity: Some(Identity { header: &[], attributes: &[IFINDEX, OF_NEST + PEER_ID], members: &["ifindex", "id"] }),
    // A peer that is heard from another address is told with that alone.
    partial: true,
    dumps: &[DumpRequest {
        message: message(OVPN, PEER_GET),
        header: &[PEER_GET, 1, 0, 0],
        attributes: &[],
        per_link: Some(PerLink::Attribute(IFINDEX)),
    }],
    hooks: Hooks {
        also: &[(message(OVPN, PEER_FLOAT), false)],
        family: Some(|_| 0),
        of_links: Some("ovpn"),
        polled: Polled::Too,
        needs: Some("CAP_NET_ADMIN"),
        severity: &[SeverityRow::all(Severity::Notice)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// A peer's key has encrypted as many packets as it may: a program puts another one in its place.
pub static KEY: Kind = Kind {
    name: "ovpn_key",
    about: "keys of OpenVPN's peers that are used up",
    title: &[named("peer-id"), named("key-id")],
    new: message(OVPN, KEY_SWAP),
    header: &GENLMSGHDR,
    set: &KEY_SET,
    interface: Interface::Attribute(IFINDEX),
    hooks: Hooks { action: Some(|_, _| Action::Change), family: Some(|_| 0), ..Hooks::NONE },
    ..Kind::PLAIN
};

static PEER_SET: Set = Set::new(
    "ovpn_peer",
    &[
        row(IFINDEX, "ifindex", Is::Number(U32)),
        row(OF_NEST + PEER_ID, "id", Is::Number(U32)),
        row(OF_NEST + 2, "remote-ipv4", Is::Ip),
        row(OF_NEST + 3, "remote-ipv6", Is::Value(ipv6, TEXT)),
        row(OF_NEST + 4, "remote-ipv6-scope-id", Is::Number(U32)),
        row(OF_NEST + 5, "remote-port", Is::Number(U16Be)),
        row(OF_NEST + 6, "socket", Is::Number(U32)),
        row(OF_NEST + 7, "socket-netnsid", Is::Number(I32)),
        row(OF_NEST + 8, "vpn-ipv4", Is::Ip),
        row(OF_NEST + 9, "vpn-ipv6", Is::Value(ipv6, TEXT)),
        row(OF_NEST + 10, "local-ipv4", Is::Ip),
        row(OF_NEST + 11, "local-ipv6", Is::Value(ipv6, TEXT)),
        row(OF_NEST + 12, "local-port", Is::Number(U16Be)),
        row(OF_NEST + 13, "keepalive-interval", Is::Number(U32)),
        row(OF_NEST + 14, "keepalive-timeout", Is::Number(U32)),
        row(OF_NEST + 15, "del-reason", Is::Named(U32, REASONS)),
        row(OF_NEST + 16, "vpn-rx-bytes", Is::AnyNumber).volatile(),
        row(OF_NEST + 17, "vpn-tx-bytes", Is::AnyNumber).volatile(),
        row(OF_NEST + 18, "vpn-rx-packets", Is::AnyNumber).volatile(),
        row(OF_NEST + 19, "vpn-tx-packets", Is::AnyNumber).volatile(),
        row(OF_NEST + 20, "link-rx-bytes", Is::AnyNumber).volatile(),
        row(OF_NEST + 21, "link-tx-bytes", Is::AnyNumber).volatile(),
        row(OF_NEST + 22, "link-rx-packets", Is::AnyNumber).volatile(),
        row(OF_NEST + 23, "link-tx-packets", Is::AnyNumber).volatile(),
        row(OF_NEST + 24, "tx-id", Is::Number(U32)),
    ],
);
/// `OVPN_DEL_PEER_REASON_*`.
const REASONS: &Names =
    &[(0, "teardown"), (1, "userspace"), (2, "expired"), (3, "transport-error"), (4, "transport-disconnect")];

static KEY_SET: Set = Set::new(
    "ovpn_key",
    &[
        row(IFINDEX, "ifindex", Is::Number(U32)),
        row(OF_NEST + 1, "peer-id", Is::Number(U32)),
        row(OF_NEST + 2, "slot", Is::Named(U32, &[(0, "primary"), (1, "secondary")])),
        row(OF_NEST + 3, "key-id", Is::Number(U32)),
        row(OF_NEST + 4, "cipher-alg", Is::Named(U32, CIPHERS)),
    ],
);
/// `OVPN_CIPHER_ALG_*`.
const CIPHERS: &Names = &[(0, "none"), (1, "aes-gcm"), (2, "chacha20-poly1305")];

fn ipv6(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let address = payload.try_into().map_err(|_| crate::decode::schema::Wrong::Length(16))?;
    write_ipv6(out, address);
    Ok(())
}

/// Appends a message of a kind with what its nest has beside its interface. Of keys only which they are: a request alone has more.
pub(super) fn flatten(header: Header, command: u8, payload: &[u8], out: &mut Vec<u8>) -> bool {
    /// `OVPN_A_KEYCONF_CIPHER_ALG`.
    const CIPHER_ALG: u16 = 4;
    if !matches!(command, PEER_GET | PEER_GONE | KEY_SWAP | PEER_FLOAT) {
        return false;
    }
    let (head, set) = payload.split_at(payload.len().min(4));
    let mut flat = head.to_vec();
    append_attribute(&mut flat, IFINDEX, attribute(set, IFINDEX).unwrap_or_default());
    let is_of_key = command == KEY_SWAP;
    let nest = attribute(set, if is_of_key { KEY_NEST } else { PEER_NEST }).unwrap_or_default();
    attributes(nest)
        .filter(|found| !is_of_key || found.number <= CIPHER_ALG)
        .for_each(|found| append_attribute(&mut flat, OF_NEST + found.number, found.payload));
    append_message(out, Header { kind: message(OVPN, command), ..header }, &flat);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{NoLinks, write_object};
    use crate::kinds::of_message;
    use crate::netlink::wire::messages;

    fn told(command: u8, number: u16, nest: &[(u16, &[u8])]) -> (&'static str, bool, serde_json::Value) {
        let (mut payload, mut inner) = (vec![command, 1, 0, 0], Vec::new());
        nest.iter().for_each(|(number, value)| append_attribute(&mut inner, *number, value));
        append_attribute(&mut payload, IFINDEX, &4u32.to_ne_bytes());
        append_attribute(&mut payload, number, &inner);
        let mut out = Vec::new();
        flatten(Header::default(), command, &payload, &mut out);
        let message = messages(&out).next().unwrap();
        let (kind, gone) = of_message(message.header.kind, 0).unwrap();
        let mut json = Json::new();
        write_object(&mut json, kind.table(), &kind.table().context(message.payload, &NoLinks));
        (kind.table().name, gone, serde_json::from_slice(json.bytes()).unwrap())
    }

    #[test]
    fn what_becomes_of_a_peer_is_read() {
        let id = (PEER_ID, &9u32.to_ne_bytes()[..]);
        let (kind, gone, object) = told(PEER_GONE, PEER_NEST, &[id, (15, &2u32.to_ne_bytes())]);
        assert_eq!((kind, gone), ("ovpn_peer", true));
        assert_eq!(object, serde_json::json!({"ifindex": 4, "id": 9, "del-reason": "expired"}));
        let (kind, gone, object) = told(PEER_FLOAT, PEER_NEST, &[id, (2, &[10, 0, 0, 1]), (5, &[4, 170])]);
        assert_eq!((kind, gone), ("ovpn_peer", false));
        assert_eq!(object, serde_json::json!({"ifindex": 4, "id": 9, "remote-ipv4": "10.0.0.1", "remote-port": 1194}));
    }

    #[test]
    fn of_a_key_nothing_secret_is_told() {
        let secret = [0xa7; 32];
        let (kind, _, object) =
            told(KEY_SWAP, KEY_NEST, &[(1, &9u32.to_ne_bytes()), (3, &1u32.to_ne_bytes()), (5, &secret)]);
        assert_eq!(kind, "ovpn_key");
        assert_eq!(object, serde_json::json!({"ifindex": 4, "peer-id": 9, "key-id": 1}));
    }
}
