//! Sockets, protocol 4: those of TCP and UDP, when they are destroyed and as they are (`linux/inet_diag.h`). The kernel does the
//! work for each only while somebody listens.

pub mod tcp_info;

use std::net::Ipv6Addr;

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Interface, Is, Kind, Names, Part, Set, SeverityRow, Shape, Structure, Wrong,
    field, field_of, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::{write_ip, write_named_id};
use crate::event::Action;
use crate::event::severity::Severity;
use crate::json::{Json, Key};
use crate::kinds::protocol::Protocol;
use crate::kinds::renumber::{each_message, renumbered};
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::kinds::rtnetlink::numbers::{AF_INET, AF_INET6};
use crate::netlink::socket::NETLINK_SOCK_DIAG;
use crate::netlink::wire::{Header, append_message};

/// The protocol.
pub static PROTOCOL: Protocol =
    Protocol { name: "sock_diag", number: NETLINK_SOCK_DIAG, kinds: &[&SOCK], adapt: Some(adapt), ..Protocol::PLAIN };

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `SKNLGRP_INET_TCP_DESTROY`, `_UDP_`, `_INET6_TCP_`, `_INET6_UDP_`.
const GROUPS: &[u32] = &[1, 2, 3, 4];

/// The upper octet of types as the tables know them.
const TYPES: u8 = 0x30;

/// Octets before `struct inet_diag_msg`: the address family, and padding.
const PREFIX_BYTES: usize = 4;

/// Messages as the tables read them. Those of other families, which `ss` asks for, are no objects here.
fn adapt(datagram: &[u8], out: &mut Vec<u8>) {
    each_message(datagram, out, TYPES, |message, out| {
        let family = message.payload.first().copied().unwrap_or_default();
        if message.header.kind != BY_FAMILY || [AF_INET, AF_INET6].contains(&family) {
            let header = Header { kind: renumbered(TYPES, message.header.kind), ..message.header };
            append_message(out, header, &[&[family, 0, 0, 0], message.payload].concat());
        }
    });
}

/// `SOCK_DIAG_BY_FAMILY` of the internet's families.
pub static SOCK: Kind = Kind {
    name: "sock",
    about: "sockets of TCP and UDP that end, with how their connection went",
    title: &[
        word("protocol"),
        word("src"),
        word("sport").joined(":"),
        word("dst").after("to"),
        word("dport").joined(":"),
        word("state").as_detail(),
        detail("uid"),
        word("tcp_info.rtt").after("rtt").then("ms"),
        named("tcp_info.bytes_sent").after("sent"),
        named("tcp_info.bytes_received").after("received"),
    ],
    groups: GROUPS,
    new: renumbered(TYPES, BY_FAMILY),
    families: &[AF_INET, AF_INET6],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(PREFIX_BYTES + 40),
    dumps: &[
        DumpRequest { message: BY_FAMILY, header: &request(AF_INET, TCP), attributes: &[], per_link: None },
        DumpRequest { message: BY_FAMILY, header: &request(AF_INET6, TCP), attributes: &[], per_link: None },
        DumpRequest { message: BY_FAMILY, header: &request(AF_INET, UDP), attributes: &[], per_link: None },
        DumpRequest { message: BY_FAMILY, header: &request(AF_INET6, UDP), attributes: &[], per_link: None },
    ],
    hooks: Hooks { action: Some(|_, _| Action::Remove), severity: &[SeverityRow::all(Severity::Debug)], ..Hooks::NONE },
    ..Kind::PLAIN
};

const TCP: u8 = libc::IPPROTO_TCP as u8;
const UDP: u8 = libc::IPPROTO_UDP as u8;

/// `struct inet_diag_req_v2` for all sockets of a family and a protocol, with `INET_DIAG_INFO`.
const fn request(family: u8, protocol: u8) -> [u8; 56] {
    const INET_DIAG_INFO_BIT: u8 = 1 << 1;
    let mut request = [0; 56];
    (request[0], request[1], request[2]) = (family, protocol, INET_DIAG_INFO_BIT);
    // All states.
    (request[4], request[5], request[6], request[7]) = (0xff, 0xff, 0xff, 0xff);
    request
}

/// `struct inet_diag_msg`, behind the prefix.
static HEADER: Structure = Structure::new("inet_diag_msg", PREFIX_BYTES + 72, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, &[(2, "inet"), (10, "inet6")])),
    field_of(0, 1, "protocol", Is::Members(protocol, &[Part::text("protocol"), Part::number("protocol_id")])),
    field_of(PREFIX_BYTES + 8, 16, "src", ADDRESS),
    field(PREFIX_BYTES + 4, "sport", Is::Number(U16Be)),
    field_of(PREFIX_BYTES + 24, 16, "dst", ADDRESS),
    field(PREFIX_BYTES + 6, "dport", Is::Number(U16Be)),
    field(PREFIX_BYTES + 1, "state", Is::Named(U8, STATES)),
    field(PREFIX_BYTES + 2, "timer", Is::NumberUnless(U8, 0)),
    field(PREFIX_BYTES + 3, "retrans", Is::NumberUnless(U8, 0)),
    field(PREFIX_BYTES + 52, "expires", Is::NumberUnless(U32, 0)),
    field(PREFIX_BYTES + 40, "ifindex", Is::NumberUnless(U32, 0)),
    field(PREFIX_BYTES + 44, "cookie", Is::Number(U64)),
    field(PREFIX_BYTES + 64, "uid", Is::Number(U32)),
    field(PREFIX_BYTES + 68, "inode", Is::Number(U32)),
    field(PREFIX_BYTES + 56, "rqueue", Is::Number(U32)),
    field(PREFIX_BYTES + 60, "wqueue", Is::Number(U32)),
];

/// `TCP_ESTABLISHED` and the others, by `ss`'s names.
const STATES: &Names = &[
    (1, "ESTAB"),
    (2, "SYN-SENT"),
    (3, "SYN-RECV"),
    (4, "FIN-WAIT-1"),
    (5, "FIN-WAIT-2"),
    (6, "TIME-WAIT"),
    (7, "UNCONN"),
    (8, "CLOSE-WAIT"),
    (9, "LAST-ACK"),
    (10, "LISTEN"),
    (11, "CLOSING"),
    (12, "NEW-SYN-RECV"),
    (13, "BOUND-INACTIVE"),
];

const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_PROTOCOL: u16 = 10;

/// The protocol, which a socket that ends is told with. Rows of a dump lack it: those of TCP alone have `INET_DIAG_INFO`, or else
/// the state of a connection.
fn protocol(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    const UDP_STATES: [u8; 2] = [1, 7];
    let state = context.header.get(PREFIX_BYTES + 1).copied().unwrap_or_default();
    let number = match context.sibling(INET_DIAG_PROTOCOL) {
        Some(&[number]) => number,
        Some(_) => return Ok(()),
        None if context.sibling(INET_DIAG_INFO).is_some() || !UDP_STATES.contains(&state) => TCP,
        None => UDP,
    };
    write_named_id(out, &Key::new("protocol"), IP_PROTOCOLS, number.into());
    Ok(())
}

/// An address of the message's family; an IPv4 address that a socket of IPv6 uses, as that.
const ADDRESS: Is = Is::Value(address, &Shape::As(&Is::Ip));

fn address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let octets = <[u8; 16]>::try_from(payload).map_err(|_| Wrong::Length(16))?;
    match Ipv6Addr::from(octets).to_ipv4_mapped() {
        Some(mapped) if context.family() == AF_INET6 => write_ip(out, &mapped.octets()),
        _ if context.family() == AF_INET => write_ip(out, &payload[..4]),
        _ => write_ip(out, payload),
    }
}

static ATTRIBUTES: Set = Set::new(
    "INET_DIAG",
    &[
        row(1, "meminfo", Is::Structure(&MEMORY)),
        row(INET_DIAG_INFO, "tcp_info", Is::Structure(&tcp_info::TCP_INFO)),
        row(3, "vegasinfo", Is::Structure(&VEGAS)),
        row(4, "cong", Is::Text),
        row(5, "tos", Is::Number(U8)),
        row(6, "tclass", Is::Number(U8)),
        row(7, "skmeminfo", Is::Structure(&SOCKET_MEMORY)),
        row(8, "shutdown", Is::Bits(U8, &[(1, "receive"), (2, "send")])),
        row(9, "dctcpinfo", Is::Structure(&DCTCP)),
        row(INET_DIAG_PROTOCOL, "protocol", Is::Elsewhere),
        row(11, "v6only", Is::Bool(U8)),
        row(12, "locals", Is::Hex),
        row(13, "peers", Is::Hex),
        row(14, "pad", Is::Known),
        row(15, "mark", Is::Number(U32)),
        row(16, "bbrinfo", Is::Structure(&BBR)),
        row(17, "class_id", Is::Number(U32)),
        // The keys of TCP's signatures: never shown.
        row(18, "md5sig", Is::Known),
        row(19, "ulp_info", Is::Hex),
        row(20, "sk_bpf_storages", Is::Hex),
        row(21, "cgroup_id", Is::Number(U64)),
        row(22, "sockopt", Is::Value(options, OPTIONS)),
    ],
);

/// `struct inet_diag_meminfo`.
static MEMORY: Structure = Structure::new(
    "inet_diag_meminfo",
    16,
    &[
        field(0, "rmem", Is::Number(U32)),
        field(4, "wmem", Is::Number(U32)),
        field(8, "fmem", Is::Number(U32)),
        field(12, "tmem", Is::Number(U32)),
    ],
);

/// `SK_MEMINFO_*` (`linux/sock_diag.h`), by `ss`'s names.
static SOCKET_MEMORY: Structure = Structure::new(
    "sk_meminfo",
    36,
    &[
        field(0, "rmem_alloc", Is::Number(U32)),
        field(4, "rcvbuf", Is::Number(U32)),
        field(8, "wmem_alloc", Is::Number(U32)),
        field(12, "sndbuf", Is::Number(U32)),
        field(16, "fwd_alloc", Is::Number(U32)),
        field(20, "wmem_queued", Is::Number(U32)),
        field(24, "optmem", Is::Number(U32)),
        field(28, "backlog", Is::Number(U32)),
        field(32, "drops", Is::Number(U32)),
    ],
);

/// `struct tcpvegas_info`.
static VEGAS: Structure = Structure::new(
    "tcpvegas_info",
    16,
    &[
        field(0, "enabled", Is::Bool(U32)),
        field(4, "rttcnt", Is::Number(U32)),
        field(8, "rtt", Is::Number(U32)),
        field(12, "minrtt", Is::Number(U32)),
    ],
);

/// `struct tcp_dctcp_info`.
static DCTCP: Structure = Structure::new(
    "tcp_dctcp_info",
    16,
    &[
        field(0, "enabled", Is::Bool(U16)),
        field(2, "ce_state", Is::Number(U16)),
        field(4, "alpha", Is::Number(U32)),
        field(8, "ab_ecn", Is::Number(U32)),
        field(12, "ab_tot", Is::Number(U32)),
    ],
);

/// `struct tcp_bbr_info`.
static BBR: Structure = Structure::new(
    "tcp_bbr_info",
    20,
    &[
        field(0, "bw_lo", Is::Number(U32)),
        field(4, "bw_hi", Is::Number(U32)),
        field(8, "min_rtt", Is::Number(U32)),
        field(12, "pacing_gain", Is::Number(U32)),
        field(16, "cwnd_gain", Is::Number(U32)),
    ],
);

/// `struct inet_diag_sockopt`, whose bits stand in the order in which it names them.
const SOCKET_OPTIONS: [&str; 13] = [
    "recverr",
    "is_icsk",
    "freebind",
    "hdrincl",
    "mc_loop",
    "transparent",
    "mc_all",
    "nodefrag",
    "bind_address_no_port",
    "recverr_rfc4884",
    "defer_connect",
    "unused1",
    "unused2",
];
const OPTIONS: &Shape = &Shape::List(&Shape::Text);

fn options(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    // Bit fields begin with the lowest bit of an octet on a machine of that order, and with its highest on the others.
    let is_set = |place: usize| {
        let bit = if cfg!(target_endian = "little") { place % 8 } else { 7 - place % 8 };
        payload.get(place / 8).is_some_and(|octet| octet & (1 << bit) != 0)
    };
    out.begin_list();
    SOCKET_OPTIONS.iter().enumerate().filter(|(place, _)| is_set(*place)).for_each(|(_, name)| out.plain(name));
    out.end_list();
    Ok(())
}
