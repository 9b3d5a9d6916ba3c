//! Tunnels of L2TP and the sessions in them, as the family `l2tp` has them, with the keys of `ip -j l2tp`. `L2TP_ATTR_*`, `L2TP_CMD_*`:
//! `linux/l2tp.h`.

use super::{GENLMSGHDR, L2TP, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, DumpRequest, Hooks, Identity, Is, Kind, Names, Part, Row, Set, Shape, row};
use crate::decode::title::{detail, word};
use crate::decode::value::write;
use crate::json::Json;
use crate::netlink::wire::attribute;

/// `L2TP_CMD_TUNNEL_*`, and `L2TP_CMD_SESSION_*` so many behind them.
const CREATE: u8 = 1;
const DELETE: u8 = 2;
const MODIFY: u8 = 3;
const GET: u8 = 4;
const OF_SESSIONS: u8 = 4;

/// `L2TP_ATTR_IFNAME`, `_CONN_ID` and `_SESSION_ID`.
const IFNAME: u16 = 8;
const CONN_ID: u16 = 9;
const SESSION_ID: u16 = 11;

/// A tunnel between two hosts.
pub static TUNNEL: Kind = Kind {
    name: "l2tp_tunnel",
    about: "tunnels of L2TP",
    title: &[
        word("tunnel_id"),
        word("encap").as_detail(),
        word("local").after("from").as_detail(),
        word("peer").after("to").as_detail(),
        detail("peer_tunnel"),
    ],
    new: message(L2TP, CREATE),
    delete: message(L2TP, DELETE),
    header: &GENLMSGHDR,
    set: &ATTRIBUTES_OF_TUNNELS,
    identity: Some(Identity { header: &[], attributes: &[CONN_ID], members: &["tunnel_id"] }),
    dumps: &[DumpRequest { message: message(L2TP, GET), header: &[GET, 1, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks {
        family: Some(|_| 0),
        also: &[(message(L2TP, MODIFY), false), (message(L2TP, GET), false)],
        needs: Some("CAP_NET_ADMIN"),
        // Its sessions go with it without a word (`l2tp_tunnel_delete`).
        holds: Some((&SESSION, |tunnel, session| {
            attribute(TUNNEL.attributes(tunnel), CONN_ID) == attribute(SESSION.attributes(session), CONN_ID)
        })),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// A session in a tunnel.
pub static SESSION: Kind = Kind {
    name: "l2tp_session",
    about: "sessions of L2TP, each an interface or a pseudowire in a tunnel",
    title: &[word("session_id"), word("tunnel_id").after("in"), detail("pseudowire"), detail("peer_session_id")],
    new: message(L2TP, OF_SESSIONS + CREATE),
    delete: message(L2TP, OF_SESSIONS + DELETE),
    header: &GENLMSGHDR,
    set: &ATTRIBUTES_OF_SESSIONS,
    identity: Some(Identity { header: &[], attributes: &[CONN_ID, SESSION_ID], members: &["tunnel_id", "session_id"] }),
    dumps: &[DumpRequest {
        message: message(L2TP, OF_SESSIONS + GET),
        header: &[OF_SESSIONS + GET, 1, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    hooks: Hooks {
        family: Some(|_| 0),
        also: &[(message(L2TP, OF_SESSIONS + MODIFY), false), (message(L2TP, OF_SESSIONS + GET), false)],
        interface_name: Some(|session| attribute(SESSION.attributes(session), IFNAME)?.strip_suffix(&[0])),
        needs: Some("CAP_NET_ADMIN"),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

const TUNNEL_ID_ROW: Row = row(CONN_ID, "tunnel_id", Is::Number(U32));
const DEBUG_ROW: Row = row(17, "debug", Is::NumberUnless(U32, 0));
const STATISTICS_ROW: Row = row(30, "stats", Is::Set(&STATISTICS)).volatile();
const USING_IPSEC_ROW: Row = row(21, "using_ipsec", Is::Bool(U8));

static ATTRIBUTES_OF_TUNNELS: Set = Set::new(
    "L2TP_ATTR",
    &[
        row(2, "encap", Is::Named(U16, &[(0, "UDP"), (1, "IP")])),
        row(7, "version", Is::Number(U8)),
        TUNNEL_ID_ROW,
        row(10, "peer_tunnel", Is::Number(U32)),
        row(13, "checksum", Is::Bool(U8)),
        DEBUG_ROW,
        USING_IPSEC_ROW,
        row(24, "local", Is::Ip),
        row(25, "peer", Is::Ip),
        row(26, "local_port", Is::Number(U16)),
        row(27, "peer_port", Is::Number(U16)),
        STATISTICS_ROW,
        row(31, "local6", Is::Members(local, &[Part::Member("local", ADDRESS)])),
        row(32, "peer6", Is::Members(peer, &[Part::Member("peer", ADDRESS)])),
        row(33, "checksum6_tx", Is::Present),
        row(34, "checksum6_rx", Is::Present),
        row(35, "pad", Is::Known),
    ],
);

const ADDRESS: &Shape = &Shape::As(&Is::Ip);

/// An address of IPv6 has the key of one of IPv4.
fn local(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("local");
    write(out, context, &Is::Ip, payload)
}

fn peer(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("peer");
    write(out, context, &Is::Ip, payload)
}

static ATTRIBUTES_OF_SESSIONS: Set = Set::new(
    "L2TP_ATTR",
    &[
        row(1, "pseudowire", Is::Named(U16, PSEUDOWIRES)),
        // Those that are left out stand in requests alone, or in none any more.
        row(3, "offset", Is::Known),
        row(4, "data_seq", Is::Known),
        row(5, "l2spec_type", Is::Known),
        row(6, "l2spec_len", Is::Known),
        row(IFNAME, "interface", Is::Text),
        TUNNEL_ID_ROW,
        row(10, "peer_tunnel_id", Is::Number(U32)),
        row(SESSION_ID, "session_id", Is::Number(U32)),
        row(12, "peer_session_id", Is::Number(U32)),
        row(14, "vlan_id", Is::Known),
        row(15, "cookie", Is::Hex),
        row(16, "peer_cookie", Is::Hex),
        DEBUG_ROW,
        row(18, "recv_seq", Is::Bool(U8)),
        row(19, "send_seq", Is::Bool(U8)),
        row(20, "lns_mode", Is::Bool(U8)),
        USING_IPSEC_ROW,
        row(22, "reorder_timeout", Is::Number(U64)),
        row(23, "fd", Is::Known),
        row(28, "mtu", Is::Known),
        row(29, "mru", Is::Known),
        STATISTICS_ROW,
        row(35, "pad", Is::Known),
    ],
);
/// `L2TP_PWTYPE_*`.
const PSEUDOWIRES: &Names = &[(4, "eth_vlan"), (5, "eth"), (7, "ppp"), (8, "ppp_ac"), (11, "ip")];

static STATISTICS: Set = Set::new(
    "L2TP_ATTR_STATS",
    &[
        row(1, "tx_packets", Is::Number(U64)),
        row(2, "tx_bytes", Is::Number(U64)),
        row(3, "tx_errors", Is::Number(U64)),
        row(4, "rx_packets", Is::Number(U64)),
        row(5, "rx_bytes", Is::Number(U64)),
        row(6, "rx_seq_discards", Is::Number(U64)),
        row(7, "rx_oos_packets", Is::Number(U64)),
        row(8, "rx_errors", Is::Number(U64)),
        row(9, "pad", Is::Known),
        row(10, "rx_cookie_discards", Is::Number(U64)),
        row(11, "rx_invalid", Is::Number(U64)),
    ],
);
