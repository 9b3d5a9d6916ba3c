//! How nft reads octets: the types of keys and data, by the numbers that nft gives them and the kernel merely keeps
//! (`include/datatype.h` of nftables). A concatenation is up to five of them, six bits each; its parts are padded to four octets.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::decode::context::Links;
use crate::decode::schema::Names;
use crate::decode::value::name_of;
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::octets;

/// A type.
pub struct Datatype {
    /// Its name.
    pub name: &'static str,
    /// Its length in octets; 0 where that varies.
    bytes: usize,
    form: Form,
}

/// How octets of a type are written.
#[derive(Clone, Copy)]
enum Form {
    /// A number in the network's byte order.
    Network(&'static Names),
    /// A number in the machine's byte order.
    Machine(&'static Names),
    /// A number in the byte order that the set says.
    Said,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A link-layer address.
    Hardware,
    /// Text up to its NUL.
    Text,
    /// The index of an interface.
    Link,
    Hex,
}

const NONE: &Names = &[];
const fn datatype(name: &'static str, bytes: usize, form: Form) -> Datatype {
    Datatype { name, bytes, form }
}

use Form::*;
/// By number.
static DATATYPES: &[Datatype] = &[
    datatype("invalid", 0, Hex),
    datatype("verdict", 0, Hex),
    datatype("nf_proto", 1, Network(&[(2, "ipv4"), (10, "ipv6")])),
    datatype("bitmask", 0, Said),
    datatype("integer", 0, Said),
    datatype("string", 0, Text),
    datatype("ll_addr", 0, Hardware),
    datatype("ipv4_addr", 4, Ip),
    datatype("ipv6_addr", 16, Ip),
    datatype("ether_addr", 6, Hardware),
    datatype("ether_type", 2, Network(ETHER_TYPES)),
    datatype("arp_op", 2, Network(ARP_OPERATIONS)),
    datatype("inet_proto", 1, Network(IP_PROTOCOLS)),
    datatype("inet_service", 2, Network(NONE)),
    datatype("icmp_type", 1, Network(ICMP_TYPES)),
    datatype("tcp_flag", 1, Network(TCP_FLAGS)),
    datatype("dccp_pkttype", 1, Network(NONE)),
    datatype("mh_type", 1, Network(NONE)),
    datatype("time", 8, Machine(NONE)),
    datatype("mark", 4, Machine(NONE)),
    datatype("iface_index", 4, Link),
    datatype("iface_type", 2, Machine(NONE)),
    datatype("realm", 4, Machine(NONE)),
    datatype("classid", 4, Machine(NONE)),
    datatype("uid", 4, Machine(NONE)),
    datatype("gid", 4, Machine(NONE)),
    datatype("ct_state", 4, Machine(CT_STATES)),
    datatype("ct_dir", 1, Machine(&[(0, "original"), (1, "reply")])),
    datatype("ct_status", 4, Machine(CT_STATUS)),
    datatype("icmpv6_type", 1, Network(ICMPV6_TYPES)),
    datatype("ct_label", 16, Hex),
    datatype("pkt_type", 1, Machine(&[(0, "host"), (1, "broadcast"), (2, "multicast"), (3, "other")])),
    datatype("icmp_code", 1, Network(NONE)),
    datatype("icmpv6_code", 1, Network(NONE)),
    datatype("icmpx_code", 1, Network(NONE)),
    datatype("devgroup", 4, Machine(NONE)),
    datatype("dscp", 1, Network(NONE)),
    datatype("ecn", 1, Network(NONE)),
    datatype("fib_addrtype", 4, Machine(ADDRESS_TYPES)),
    datatype("boolean", 1, Machine(NONE)),
    datatype("ct_event", 4, Machine(NONE)),
    datatype("ifname", 16, Text),
    datatype("igmp_type", 1, Network(NONE)),
    datatype("time", 8, Machine(NONE)),
    datatype("hour", 4, Machine(NONE)),
    datatype("day", 1, Machine(NONE)),
    datatype("cgroupsv2", 8, Machine(NONE)),
];

const ETHER_TYPES: &Names = &[(0x0800, "ip"), (0x0806, "arp"), (0x86dd, "ip6"), (0x8100, "8021q"), (0x88a8, "8021ad")];
const ARP_OPERATIONS: &Names = &[(1, "request"), (2, "reply"), (3, "rrequest"), (4, "rreply"), (8, "inrequest")];
const ICMP_TYPES: &Names = &[
    (0, "echo-reply"),
    (3, "destination-unreachable"),
    (4, "source-quench"),
    (5, "redirect"),
    (8, "echo-request"),
    (9, "router-advertisement"),
    (10, "router-solicitation"),
    (11, "time-exceeded"),
    (12, "parameter-problem"),
    (13, "timestamp-request"),
    (14, "timestamp-reply"),
    (17, "address-mask-request"),
    (18, "address-mask-reply"),
];
const ICMPV6_TYPES: &Names = &[
    (1, "destination-unreachable"),
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "mld-listener-query"),
    (131, "mld-listener-report"),
    (132, "mld-listener-done"),
    (133, "nd-router-solicit"),
    (134, "nd-router-advert"),
    (135, "nd-neighbor-solicit"),
    (136, "nd-neighbor-advert"),
    (137, "nd-redirect"),
    (143, "mld2-listener-report"),
];
const TCP_FLAGS: &Names =
    &[(1, "fin"), (2, "syn"), (4, "rst"), (8, "psh"), (16, "ack"), (32, "urg"), (64, "ecn"), (128, "cwr")];
const CT_STATES: &Names = &[(1, "invalid"), (2, "established"), (4, "related"), (8, "new"), (64, "untracked")];
const CT_STATUS: &Names = &[
    (0x1, "expected"),
    (0x2, "seen-reply"),
    (0x4, "assured"),
    (0x8, "confirmed"),
    (0x10, "snat"),
    (0x20, "dnat"),
    (0x200, "dying"),
];
const ADDRESS_TYPES: &Names = &[
    (0, "unspec"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
];

const TYPE_BITS: u32 = 6;
const PART_BYTES: usize = 4;

/// The types that a number stands for: several of a concatenation. None where one of them is not known.
pub fn types(number: u32) -> Vec<&'static Datatype> {
    let mut types = Vec::new();
    let mut left = number;
    while left != 0 {
        let one = (left & ((1 << TYPE_BITS) - 1)) as usize;
        let Some(known) = DATATYPES.get(one).filter(|_| one != 0) else { return Vec::new() };
        types.push(known);
        left >>= TYPE_BITS;
    }
    types.reverse();
    types
}

/// What a set says of its keys, or of its data.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The types' number.
    pub number: u32,
    /// The lengths of a concatenation's parts in octets, where they are told.
    pub lengths: Vec<usize>,
    /// Whether numbers without a byte order of their own are in the machine's.
    pub machine_order: bool,
    /// Whether each value is a range: a first value and a last one behind it.
    pub ranges: bool,
}

impl Meaning {
    /// The parts of a value as texts; as hexadecimal digits where its types are not known, or do not fit.
    pub fn parts(&self, octets: &[u8], links: &dyn Links) -> Vec<String> {
        if self.ranges && octets.len().is_multiple_of(2) {
            let (first, last) = octets.split_at(octets.len() / 2);
            let one = Meaning { ranges: false, ..self.clone() };
            let pairs = one.parts(first, links).into_iter().zip(one.parts(last, links));
            return pairs.map(|(first, last)| format!("{first}-{last}")).collect();
        }
        let types = types(self.number);
        match (types.as_slice(), self.split(&types, octets)) {
            (types, Some(parts)) if !types.is_empty() => {
                types.iter().zip(parts).map(|(kind, part)| self.text(kind, part, links)).collect()
            }
            _ => vec![hex(octets)],
        }
    }

    /// Each type's octets, where there are as many as they need.
    fn split<'o>(&self, types: &[&Datatype], octets: &'o [u8]) -> Option<Vec<&'o [u8]>> {
        if types.len() == 1 {
            return Some(vec![octets]);
        }
        let mut parts = Vec::new();
        let mut rest = octets;
        for (place, kind) in types.iter().enumerate() {
            let told = self.lengths.get(place).copied().filter(|_| self.lengths.len() == types.len());
            let bytes = match (kind.bytes, told) {
                (0, Some(told)) => told,
                (0, None) => PART_BYTES,
                (bytes, _) => bytes,
            };
            let (padded, behind) = rest.split_at_checked(bytes.next_multiple_of(PART_BYTES))?;
            parts.push(padded.get(..bytes)?);
            rest = behind;
        }
        rest.is_empty().then_some(parts)
    }

    fn text(&self, kind: &Datatype, octets: &[u8], links: &dyn Links) -> String {
        let named = |number: Option<u64>, names: &'static Names| match number {
            Some(number) => name_of(names, number).map_or_else(|| number.to_string(), str::to_owned),
            None => hex(octets),
        };
        match kind.form {
            Network(names) => named(network(octets), names),
            Machine(names) => named(machine(octets), names),
            Said if self.machine_order => named(machine(octets), NONE),
            Said => named(network(octets), NONE),
            Ip => match (<[u8; 4]>::try_from(octets), <[u8; 16]>::try_from(octets)) {
                (Ok(address), _) => Ipv4Addr::from(address).to_string(),
                (_, Ok(address)) => Ipv6Addr::from(address).to_string(),
                _ => hex(octets),
            },
            Hardware => octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":"),
            Text => octets::shown(octets.split(|&octet| octet == 0).next().unwrap_or_default()).into_owned(),
            Link => match machine(octets).and_then(|index| u32::try_from(index).ok()) {
                Some(index) => match links.name(index) {
                    Some(name) => octets::shown(name).into_owned(),
                    None => format!("if{index}"),
                },
                None => hex(octets),
            },
            Hex => hex(octets),
        }
    }
}

/// A number in the network's byte order; `None` where it has more than eight octets.
fn network(octets: &[u8]) -> Option<u64> {
    (octets.len() <= 8).then(|| octets.iter().fold(0, |number, &octet| number << 8 | u64::from(octet)))
}

/// A number in the machine's byte order.
fn machine(octets: &[u8]) -> Option<u64> {
    if cfg!(target_endian = "big") {
        return network(octets);
    }
    (octets.len() <= 8).then(|| octets.iter().rev().fold(0, |number, &octet| number << 8 | u64::from(octet)))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::NoLinks;

    fn parts(types: &[u32], octets: &[u8]) -> Vec<String> {
        let number = types.iter().fold(0, |number, kind| number << TYPE_BITS | kind);
        Meaning { number, ..Meaning::default() }.parts(octets, &NoLinks)
    }

    #[test]
    fn a_value_is_read_by_its_types() {
        assert_eq!(parts(&[7], &[10, 5, 0, 1]), ["10.5.0.1"]);
        assert_eq!(parts(&[7, 13], &[10, 5, 0, 1, 0x1f, 0x90, 0, 0]), ["10.5.0.1", "8080"]);
        assert_eq!(parts(&[41], b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"), ["eth0"]);
        assert_eq!(parts(&[26], &2u32.to_ne_bytes()), ["established"]);
        assert_eq!(parts(&[19], &0x105u32.to_ne_bytes()), ["261"]);
        assert_eq!(parts(&[9], &[2, 0, 0, 0, 0, 0xff]), ["02:00:00:00:00:ff"]);
        assert_eq!(parts(&[12, 14], &[1, 0, 0, 0, 8, 0, 0, 0]), ["icmp", "echo-request"]);
        assert_eq!(parts(&[20], &7u32.to_ne_bytes()), ["if7"]);
    }

    #[test]
    fn what_does_not_fit_its_types_is_kept_as_octets() {
        // No type; one that nft does not have; too few octets, and too many.
        assert_eq!(parts(&[], &[1, 2]), ["0102"]);
        assert_eq!(parts(&[60], &[1, 2]), ["0102"]);
        assert_eq!(parts(&[7, 13], &[10, 5, 0, 1]), ["0a050001"]);
        assert_eq!(parts(&[7, 13], &[0; 12]), ["000000000000000000000000"]);
        assert_eq!(parts(&[7], &[10, 5]), ["0a05"]);
    }

    #[test]
    fn ranges_and_byte_orders_are_as_the_set_says() {
        let ranges = Meaning { number: 7, ranges: true, ..Meaning::default() };
        assert_eq!(ranges.parts(&[10, 0, 0, 0, 10, 0, 0, 9], &NoLinks), ["10.0.0.0-10.0.0.9"]);
        let number = |machine_order| Meaning { number: 4, machine_order, ..Meaning::default() };
        assert_eq!(number(false).parts(&[0, 5], &NoLinks), ["5"]);
        assert_eq!(number(true).parts(&5u16.to_ne_bytes(), &NoLinks), ["5"]);
        // The third part is as long as the set says.
        let lengths = Meaning { number: (7 << 12) | (19 << 6) | 4, lengths: vec![4, 4, 2], ..Meaning::default() };
        let octets = [&[1, 2, 3, 4][..], &9u32.to_ne_bytes(), &[0, 5, 0, 0]].concat();
        assert_eq!(lengths.parts(&octets, &NoLinks), ["1.2.3.4", "9", "5"]);
    }
}
