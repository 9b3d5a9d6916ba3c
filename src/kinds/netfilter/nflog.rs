//! `nflog`: a packet that a rule logs to a group (`log group 5` of nft, the target NFLOG of iptables). `NFULA_*`:
//! `linux/netfilter/nfnetlink_log.h`.
//!
//! The kernel hands a group's packets to the one program that has bound it, and to no other: there is nothing to join. So the kind has a
//! row of its own among the protocols, and a socket of its own: a flood of packets loses nothing of connections and rules.

use super::conntrack;
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, Field, Hooks, Interface, Interfaces, Is, Kind, Names, Part, Set, Structure, TEXT, Wrong, field, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::{unsigned, write_link};
use crate::event::{Action, Clock};
use crate::json::Json;
use crate::kinds::protocol::{Binding, Bound, Protocol};
use crate::netlink::dump::Request;
use crate::netlink::socket::NETLINK_NETFILTER;
use crate::netlink::wire::{append_attribute, attribute, u16_at};

/// The protocol: netfilter's, on a socket of its own.
pub static PROTOCOL: Protocol = Protocol {
    name: "nflog",
    number: NETLINK_NETFILTER,
    kinds: &[&NFLOG],
    needs: Some("CAP_NET_ADMIN"),
    binding: Some(Binding { requests, probe }),
    ..Protocol::PLAIN
};

/// `NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET`, and `NFULNL_MSG_CONFIG`.
pub(super) const NFULNL_MSG_PACKET: u16 = 0x400;
const NFULNL_MSG_CONFIG: u16 = 0x401;

const NFULA_PACKET_HDR: u16 = 1;
const NFULA_IFINDEX_INDEV: u16 = 4;
const NFULA_IFINDEX_OUTDEV: u16 = 5;
const NFULA_IFINDEX_PHYSINDEV: u16 = 6;
const NFULA_IFINDEX_PHYSOUTDEV: u16 = 7;

/// Of a packet so many octets are shown at most, whatever a recording has.
pub const SHOWN_BYTES_MAX: usize = 2048;

/// A packet.
pub static NFLOG: Kind = Kind {
    name: "nflog",
    about: "packets that rules log to a group: --nflog-group N",
    title: &[
        word("prefix"),
        named("indev").elsewhere(),
        named("outdev").elsewhere(),
        named("group"),
        detail("mark"),
        detail("uid"),
        detail("payload_bytes"),
    ],
    new: NFULNL_MSG_PACKET,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Only,
    hooks: Hooks { action: Some(|_, _| Action::Add), interfaces: Some(interfaces), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `struct nfgenmsg`, whose last field is the group (`__build_packet_message`, `net/netfilter/nfnetlink_log.c`).
static HEADER: Structure = Structure::new("nfgenmsg", 4, FIELDS);
const FIELDS: &[Field] = &[field(0, "family", Is::Named(U8, FAMILIES)), field(2, "group", Is::Number(U16Be))];
/// `NFPROTO_*` (`linux/netfilter.h`): the family of the chain whose rule logs.
const FAMILIES: &Names = &[(0, "unspec"), (2, "inet"), (3, "arp"), (5, "netdev"), (7, "bridge"), (10, "inet6")];

static ATTRIBUTES: Set = Set::new(
    "NFULA",
    &[
        row(NFULA_PACKET_HDR, "packet_hdr", Is::InlineStructure(&PACKET_HEADER)),
        row(2, "mark", Is::Number(U32Be)),
        row(3, "timestamp", Is::Value(timestamp, TEXT)),
        row(NFULA_IFINDEX_INDEV, "indev", Is::Members(device, DEVICE_PARTS)),
        row(NFULA_IFINDEX_OUTDEV, "outdev", Is::Members(device, DEVICE_PARTS)),
        row(NFULA_IFINDEX_PHYSINDEV, "physindev", Is::Members(device, DEVICE_PARTS)),
        row(NFULA_IFINDEX_PHYSOUTDEV, "physoutdev", Is::Members(device, DEVICE_PARTS)),
        row(8, "hwaddr", Is::Value(hardware_address, TEXT)),
        row(9, "payload", Is::Members(payload, PAYLOAD_PARTS)),
        row(10, "prefix", Is::Text),
        row(11, "uid", Is::Number(U32Be)),
        row(12, "seq", Is::Number(U32Be)),
        row(13, "seq_global", Is::Number(U32Be)),
        row(14, "gid", Is::Number(U32Be)),
        row(15, "hwtype", Is::Number(U16Be)),
        row(16, "hwheader", Is::Hex),
        // The header's own length says it.
        row(17, "hwlen", Is::Known),
        row(18, "ct", Is::Set(&conntrack::ATTRIBUTES)),
        row(19, "ct_info", Is::Named(U32Be, CONNECTION_STATES)),
        row(20, "vlan", Is::Set(&VLAN)),
        row(21, "l2hdr", Is::Hex),
    ],
);

/// `struct nfulnl_msg_packet_hdr`.
static PACKET_HEADER: Structure = Structure::new(
    "nfulnl_msg_packet_hdr",
    4,
    &[field(0, "hw_protocol", Is::Number(U16Be)), field(2, "hook", Is::Number(U8))],
);
static VLAN: Set = Set::new("NFULA_VLAN", &[row(1, "proto", Is::Number(U16Be)), row(2, "tci", Is::Number(U16Be))]);
/// `enum ip_conntrack_info` (`linux/netfilter/nf_conntrack_common.h`).
const CONNECTION_STATES: &Names =
    &[(0, "established"), (1, "related"), (2, "new"), (3, "established_reply"), (4, "related_reply"), (7, "untracked")];

/// Interfaces by their attributes: name and number.
const DEVICES: [(u16, &str, &str); 4] = [
    (NFULA_IFINDEX_INDEV, "indev", "indev_id"),
    (NFULA_IFINDEX_OUTDEV, "outdev", "outdev_id"),
    (NFULA_IFINDEX_PHYSINDEV, "physindev", "physindev_id"),
    (NFULA_IFINDEX_PHYSOUTDEV, "physoutdev", "physoutdev_id"),
];
const DEVICE_PARTS: &[Part] = &[
    Part::link("indev"),
    Part::number("indev_id"),
    Part::link("outdev"),
    Part::number("outdev_id"),
    Part::link("physindev"),
    Part::number("physindev_id"),
    Part::link("physoutdev"),
    Part::number("physoutdev_id"),
];

fn device(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let index = unsigned(U32Be, payload)?;
    let number = context.number();
    if let Some((_, name, id)) = DEVICES.iter().find(|(of, ..)| *of == number) {
        out.key(name);
        write_link(out, context, index as u32);
        out.key(id);
        out.unsigned(index);
    }
    Ok(())
}

fn interfaces(payload: &[u8]) -> Interfaces {
    let set = NFLOG.attributes(payload);
    let index =
        |&(number, ..): &(u16, &str, &str)| unsigned(U32Be, attribute(set, number)?).ok().map(|index| index as u32);
    let mut interfaces: Interfaces = DEVICES.iter().filter_map(index).filter(|&index| index != 0).collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    interfaces
}

/// `struct nfulnl_msg_packet_timestamp`: when the packet came, where that was noted.
fn timestamp(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(seconds), Some(microseconds)) = (payload.get(..8), payload.get(8..)) else {
        return Err(Wrong::Length(16));
    };
    let microseconds =
        unsigned(U64Be, seconds)?.saturating_mul(1_000_000).saturating_add(unsigned(U64Be, microseconds)?);
    Clock::default().write(out, i64::try_from(microseconds).unwrap_or(i64::MAX));
    Ok(())
}

/// `struct nfulnl_msg_packet_hw`: how many octets there are of an address, and room for eight.
fn hardware_address(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let length = unsigned(U16Be, payload.get(..2).ok_or(Wrong::Short(4))?)?;
    let address = payload.get(4..).unwrap_or_default();
    out.hardware(&address[..address.len().min(length as usize)]);
    Ok(())
}

const PAYLOAD_PARTS: &[Part] = &[Part::number("payload_bytes"), Part::text("payload")];

/// How long the packet was, and its beginning.
fn payload(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let protocol = context.sibling(NFULA_PACKET_HDR).and_then(|header| unsigned(U16Be, header.get(..2)?).ok());
    out.key("payload_bytes");
    out.unsigned(packet_bytes(protocol.unwrap_or_default(), payload).max(payload.len()) as u64);
    out.key("payload");
    out.hex(&payload[..payload.len().min(SHOWN_BYTES_MAX)]);
    Ok(())
}

/// How long a packet is by its own word. The kernel copies no more than it was asked for, and does not say of how much.
fn packet_bytes(protocol: u64, packet: &[u8]) -> usize {
    const ETH_P_IP: u64 = 0x0800;
    const ETH_P_IPV6: u64 = 0x86dd;
    const IPV6_HEADER_BYTES: usize = 40;
    let (at, more) = match protocol {
        ETH_P_IP => (2, 0),
        ETH_P_IPV6 => (4, IPV6_HEADER_BYTES),
        _ => return 0,
    };
    u16_at(packet, at).map_or(0, |length| usize::from(u16::from_be(length)) + more)
}

const NFULA_CFG_CMD: u16 = 1;
const NFULA_CFG_MODE: u16 = 2;
const NFULA_CFG_NLBUFSIZ: u16 = 3;
const NFULA_CFG_QTHRESH: u16 = 5;
const NFULA_CFG_FLAGS: u16 = 6;
const NFULNL_CFG_CMD_BIND: u8 = 1;
const NFULNL_COPY_META: u8 = 1;
const NFULNL_COPY_PACKET: u8 = 2;
/// `NFULNL_CFG_F_SEQ | NFULNL_CFG_F_SEQ_GLOBAL`.
const NUMBERED: u16 = 3;

/// The requests that bind the groups (`nfulnl_recv_config`).
///
/// A packet is a datagram: it comes at once, without the kernel's pause of a second in which others gather, and what the kernel counts as
/// lost is a number of packets. Its buffer is no longer than it needs, so that the receive buffer holds as many as can be.
///
/// The kernel's logger of a family (`NFULNL_CFG_CMD_PF_BIND`) stays as it is: rules that name a group have needed no such since Linux
/// 3.17, and it would send what the kernel itself logs to whoever has bound group 0.
fn requests(bound: &Bound) -> Vec<(u16, Request)> {
    let of_group = |&group: &u16| {
        let mut body = header(group);
        append_attribute(&mut body, NFULA_CFG_CMD, &[NFULNL_CFG_CMD_BIND]);
        let [a, b, c, d] = bound.packet_bytes.to_be_bytes();
        // A range of 0 would mean all of it.
        let mode = if bound.packet_bytes == 0 { NFULNL_COPY_META } else { NFULNL_COPY_PACKET };
        append_attribute(&mut body, NFULA_CFG_MODE, &[a, b, c, d, mode, 0]);
        append_attribute(&mut body, NFULA_CFG_NLBUFSIZ, &1u32.to_be_bytes());
        append_attribute(&mut body, NFULA_CFG_QTHRESH, &1u32.to_be_bytes());
        append_attribute(&mut body, NFULA_CFG_FLAGS, &NUMBERED.to_be_bytes());
        (group, Request { message_type: NFULNL_MSG_CONFIG, body, one: true })
    };
    bound.groups.iter().map(of_group).collect()
}

/// A request of a group that nobody has, which says nothing.
fn probe() -> Request {
    Request { message_type: NFULNL_MSG_CONFIG, body: header(u16::MAX), one: true }
}

fn header(group: u16) -> Vec<u8> {
    let [upper, lower] = group.to_be_bytes();
    vec![0, 0, upper, lower]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{NoLinks, write_object};

    fn told(family: u8, attributes: &[(u16, &[u8])]) -> serde_json::Value {
        let mut message = vec![family, 0, 0, 5];
        attributes.iter().for_each(|(number, payload)| append_attribute(&mut message, *number, payload));
        let mut json = Json::new();
        write_object(&mut json, &NFLOG, &NFLOG.context(&message, &NoLinks));
        serde_json::from_slice(json.bytes()).unwrap()
    }

    #[test]
    fn a_packet_that_was_cut_says_how_long_it_was() {
        let (ip, ipv6, other) = ([8, 0, 3, 0], [0x86, 0xdd, 1, 0], [8, 6, 1, 0]);
        let whole = [0x45, 0, 0, 20, 0, 0, 0, 0];
        let mut long = whole.repeat(1000);
        long[2..4].copy_from_slice(&[0xff, 0xff]);
        for (header, packet, bytes) in [
            (ip, &whole[..], 20),
            (ipv6, &[0x60, 0, 0, 0, 0, 24, 0, 0], 64),
            (other, &whole, 8),
            // Padding behind it, and what is no packet.
            (ip, &[0x45, 0, 0, 2, 0, 0, 0, 0], 8),
            (ip, &[0x45], 1),
            (ip, &long, 65535),
        ] {
            let told = told(2, &[(NFULA_PACKET_HDR, &header), (9, packet)]);
            assert_eq!(told["payload_bytes"], bytes, "{told}");
            let shown = told["payload"].as_str().unwrap().len() / 2;
            assert_eq!(shown, packet.len().min(SHOWN_BYTES_MAX));
        }
        assert!(told(2, &[(NFULA_PACKET_HDR, &ip)]).get("payload_bytes").is_none());
    }

    #[test]
    fn values_are_read_as_the_kernel_has_them() {
        let time = [0, 0, 0, 0, 0x6a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        let hardware = [0, 6, 0, 0, 2, 0, 0, 0, 0, 0x1f, 0, 0];
        let told = told(10, &[(3, &time), (4, &[0, 0, 0, 9]), (8, &hardware), (10, b"in \0"), (19, &[0, 0, 0, 3])]);
        let expected = serde_json::json!({
            "family": "inet6", "group": 5, "timestamp": "2026-05-10T03:48:16.000007Z", "indev": "if9", "indev_id": 9,
            "hwaddr": "02:00:00:00:00:1f", "prefix": "in ", "ct_info": "established_reply",
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn a_group_is_bound_by_one_request_and_a_range_of_none_is_no_packet() {
        for (packet_bytes, mode) in
            [(128, [0, 0, 0, 128, NFULNL_COPY_PACKET, 0]), (0, [0, 0, 0, 0, NFULNL_COPY_META, 0])]
        {
            let asked = requests(&Bound { groups: vec![5, 300], packet_bytes });
            assert_eq!(asked.iter().map(|(group, _)| *group).collect::<Vec<_>>(), [5, 300]);
            let (_, Request { message_type, body, one }) = &asked[1];
            assert_eq!((*message_type, &body[..4], *one), (0x401, &[0, 0, 1, 44][..], true));
            assert_eq!(attribute(&body[4..], NFULA_CFG_CMD), Some(&[1][..]));
            assert_eq!(attribute(&body[4..], NFULA_CFG_MODE), Some(&mode[..]));
        }
    }
}
