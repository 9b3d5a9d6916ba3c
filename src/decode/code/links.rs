//! Values of links: flags, addresses whose form depends on the link's type, counters, XDP.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar, Wrong};
use crate::decode::value::{self, unsigned};
use crate::decode::walk::Leftovers;
use crate::json::{Json, Key};
use crate::kinds::rtnetlink::link::{IFF_RUNNING, IFF_UP};
use crate::kinds::rtnetlink::names::LINK_FLAGS;
use crate::netlink::wire::{attribute, attribute_u32, u16_at, u32_at};

const IFF_POINTOPOINT: u32 = 0x10;

const ARPHRD_NETROM: u16 = 0;
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_AX25: u16 = 3;
const ARPHRD_ROSE: u16 = 270;
const ARPHRD_TUNNEL: u16 = 768;
const ARPHRD_TUNNEL6: u16 = 769;
const ARPHRD_SIT: u16 = 776;
const ARPHRD_IPGRE: u16 = 778;
const ARPHRD_IP6GRE: u16 = 823;

const IFLA_ADDRESS: u16 = 1;
const IFLA_CARRIER_CHANGES: u16 = 35;
const IFLA_LINK_NETNSID: u16 = 37;

/// Members for an attribute that another one's row writes too: nothing.
pub fn with_another(_out: &mut Json, _context: &Context<'_>, _payload: &[u8]) -> Decoded {
    Ok(())
}

/// `ifi_type` of `struct ifinfomsg`.
fn link_type(context: &Context<'_>) -> u16 {
    u16_at(context.header, 2).unwrap_or_default()
}

/// `ifi_flags` of `struct ifinfomsg`.
fn link_flags(context: &Context<'_>) -> u32 {
    u32_at(context.header, 8).unwrap_or_default()
}

/// The names of a link's flags: `NO-CARRIER` for one that is up without running, as `ip link` says.
pub fn flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U32, payload)? as u32;
    out.begin_list();
    if flags & IFF_UP != 0 && flags & IFF_RUNNING == 0 {
        out.string("NO-CARRIER");
    }
    let mut rest = u64::from(flags & !IFF_RUNNING);
    for &(mask, name) in LINK_FLAGS {
        if rest & mask != 0 {
            rest &= !mask;
            out.string(name);
        }
    }
    if rest != 0 {
        out.display(format_args!("0x{rest:x}"));
    }
    out.end_list();
    Ok(())
}

/// Writes a link-layer address in the form that links of that `ARPHRD_*` have: on a tunnel it is an IP address.
pub fn write_hardware(out: &mut Json, link_type: Option<u16>, address: &[u8]) {
    match (address.len(), link_type) {
        (4, Some(ARPHRD_TUNNEL | ARPHRD_SIT | ARPHRD_IPGRE)) | (16, Some(ARPHRD_TUNNEL6 | ARPHRD_IP6GRE)) => {
            // It has one of the lengths that an IP address can have.
            let _ = value::write_ip(out, address);
        }
        (7, Some(ARPHRD_AX25 | ARPHRD_NETROM)) => write_call_sign(out, address),
        (5, Some(ARPHRD_ROSE)) => out.hex(address),
        _ => out.hardware(address),
    }
}

/// An AX.25 address: six letters shifted left by one bit, then a number in four bits; `*` where there are no letters.
fn write_call_sign(out: &mut Json, address: &[u8]) {
    out.begin_string();
    let letters = address.iter().take(6).map(|octet| char::from(octet >> 1)).filter(|&letter| letter != ' ');
    let call: String = letters.take_while(|&letter| letter != '\0').collect();
    if call.is_empty() {
        out.continue_string("*");
    } else {
        out.continue_string(&call);
        out.continue_string("-");
        out.continue_unsigned(u64::from((address[6] >> 1) & 0x0f));
    }
    out.end_string();
}

/// A link-layer address of this link.
pub fn address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_hardware(out, Some(link_type(context)), payload);
    Ok(())
}

/// `broadcast`; for a link with a peer that is the peer's address, which `link_pointtopoint` says.
pub fn broadcast(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if link_flags(context) & IFF_POINTOPOINT != 0 {
        out.key("link_pointtopoint");
        out.bool(true);
    }
    out.key("broadcast");
    address(out, context, payload)
}

/// `permaddr`, where it is not the address in use.
pub fn permanent_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(IFLA_ADDRESS) == Some(payload) {
        return Ok(());
    }
    out.key("permaddr");
    address(out, context, payload)
}

/// The link beneath or the peer: `link`, its name, or `link_index` where it is in another namespace. 0 is none.
pub fn lower_link(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)? as u32;
    if ifindex == 0 {
        return Ok(());
    }
    if context.sibling(IFLA_LINK_NETNSID).is_some() {
        out.key("link_index");
        out.unsigned(ifindex.into());
    } else {
        out.key("link");
        value::write_link(out, context, ifindex);
    }
    Ok(())
}

/// `link`, the name of the link that a tunnel is bound to; nothing where it is bound to none.
pub fn bound_link(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)? as u32;
    if ifindex != 0 {
        out.key("link");
        value::write_link(out, context, ifindex);
    }
    Ok(())
}

/// `map`, the link's memory, interrupt and DMA channel (`struct rtnl_link_ifmap`), where it has any.
pub fn map(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 28 {
        return Err(Wrong::Short(28));
    }
    if payload[..28].iter().all(|&octet| octet == 0) {
        return Ok(());
    }
    out.key("map");
    out.begin_object();
    for (at, key) in [(0, "mem_start"), (8, "mem_end"), (16, "base_addr")] {
        out.key(key);
        out.unsigned(unsigned(Scalar::U64, &payload[at..at + 8])?);
    }
    out.key("irq");
    out.unsigned(unsigned(Scalar::U16, &payload[24..26])?);
    for (at, key) in [(26, "dma"), (27, "port")] {
        out.key(key);
        out.unsigned(payload[at].into());
    }
    out.end_object();
    Ok(())
}

/// Members of `rx` and of `tx`, with their places in `struct rtnl_link_stats64` (`linux/if_link.h`).
const RECEIVED: &[(usize, &str)] = &[
    (2, "bytes"),
    (0, "packets"),
    (4, "errors"),
    (6, "dropped"),
    (11, "over_errors"),
    (8, "multicast"),
    (21, "compressed"),
    (10, "length_errors"),
    (12, "crc_errors"),
    (13, "frame_errors"),
    (14, "fifo_errors"),
    (15, "missed_errors"),
    (23, "nohandler"),
    (24, "otherhost"),
];
const SENT: &[(usize, &str)] = &[
    (3, "bytes"),
    (1, "packets"),
    (5, "errors"),
    (7, "dropped"),
    (17, "carrier_errors"),
    (9, "collisions"),
    (22, "compressed"),
    (16, "aborted_errors"),
    (18, "fifo_errors"),
    (20, "window_errors"),
    (19, "heartbeat_errors"),
];

fn write_counters(out: &mut Json, counters: &[(usize, &'static str)], payload: &[u8]) -> Decoded {
    for &(place, key) in counters {
        // A structure of an older kernel ends earlier.
        if let Some(counter) = payload.get(place * 8..place * 8 + 8) {
            out.key(key);
            out.unsigned(unsigned(Scalar::U64, counter)?);
        }
    }
    Ok(())
}

/// A link's counters, `struct rtnl_link_stats64`, as `ip -s -s link` groups them.
pub fn statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 8 {
        return Err(Wrong::Short(8));
    }
    out.begin_object();
    out.key("rx");
    out.begin_object();
    write_counters(out, RECEIVED, payload)?;
    out.end_object();
    out.key("tx");
    out.begin_object();
    write_counters(out, SENT, payload)?;
    if let Some(changes) = attribute_u32(context.set, IFLA_CARRIER_CHANGES) {
        out.key("carrier_changes");
        out.unsigned(changes.into());
    }
    out.end_object();
    out.end_object();
    Ok(())
}

/// The numbers of the bits that are set.
pub fn bit_numbers(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let bits = unsigned(Scalar::U32, payload)?;
    out.begin_list();
    for bit in (0..32).filter(|bit| bits >> bit & 1 != 0) {
        out.unsigned(bit);
    }
    out.end_list();
    Ok(())
}

/// `xdp`: how its programs are attached, and which; nothing where there is none (`IFLA_XDP_*`).
pub fn xdp(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const ATTACHED: u16 = 2;
    const FLAGS: u16 = 3;
    const PROGRAM: u16 = 4;
    /// The attributes for each way to attach a program, in `ip`'s order, with the mode of each.
    const BY_MODE: [(u16, u64); 3] = [(6, 2), (5, 1), (7, 3)];

    let leftovers = Leftovers::of(payload, |number| matches!(number, ATTACHED..=7));
    let mode = attribute(payload, ATTACHED).ok_or(Wrong::Because("how it is attached is missing"))?;
    let mode = unsigned(Scalar::U8, mode)?;
    if mode == 0 && leftovers.is_empty() {
        return Ok(());
    }
    out.key("xdp");
    out.begin_object();
    if mode == 0 {
        leftovers.write(out);
        out.end_object();
        return Ok(());
    }
    out.key("mode");
    out.unsigned(mode);
    if let Some(flags) = attribute_u32(payload, FLAGS) {
        out.key("flags");
        out.unsigned(flags.into());
    }
    let program = attribute_u32(payload, PROGRAM).filter(|&id| id != 0);
    if let Some(id) = program {
        write_program(out, id);
    }
    out.key("attached");
    out.begin_list();
    let mut write_attached = |mode: u64, id: u32| {
        out.begin_object();
        out.key("mode");
        out.unsigned(mode);
        write_program(out, id);
        out.end_object();
    };
    if BY_MODE.iter().any(|&(number, _)| attribute(payload, number).is_some()) {
        for (number, mode) in BY_MODE {
            if let Some(id) = attribute_u32(payload, number) {
                write_attached(mode, id);
            }
        }
    } else if let Some(id) = program {
        write_attached(mode, id);
    }
    out.end_list();
    leftovers.write(out);
    out.end_object();
    Ok(())
}

fn write_program(out: &mut Json, id: u32) {
    out.key("prog");
    out.begin_object();
    out.key("id");
    out.unsigned(id.into());
    out.end_object();
}

/// The address of a virtual function, out of the 32 octets that the kernel keeps for it.
pub fn function_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let octets = if link_type(context) == ARPHRD_ETHER { 6 } else { 20 };
    let address = payload.get(..octets).ok_or(Wrong::Short(octets))?;
    write_hardware(out, Some(link_type(context)), address);
    Ok(())
}

/// `vf`, `link_type` and `address` of a virtual function (`struct ifla_vf_mac`).
pub fn function(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 36 {
        return Err(Wrong::Short(36));
    }
    out.key("vf");
    out.unsigned(unsigned(Scalar::U32, &payload[..4])?);
    out.key("link_type");
    value::write_named(out, crate::kinds::rtnetlink::names::LINK_TYPES, link_type(context).into());
    out.key("address");
    function_address(out, context, &payload[4..])
}

/// A setting of a virtual function under that key, unless the driver does not know it (`-1`).
fn write_setting(out: &mut Json, key: &'static str, payload: &[u8]) -> Decoded {
    let setting = payload.get(4..8).ok_or(Wrong::Short(8))?;
    let setting = unsigned(Scalar::U32, setting)? as u32;
    if setting != u32::MAX {
        out.key(key);
        out.bool(setting != 0);
    }
    Ok(())
}

/// `spoofchk` (`struct ifla_vf_spoofchk`).
pub fn function_spoof_check(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "spoofchk", payload)
}

/// `trust` (`struct ifla_vf_trust`).
pub fn function_trust(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "trust", payload)
}

/// `query_rss_en` (`struct ifla_vf_rss_query_en`).
pub fn function_rss_query(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "query_rss_en", payload)
}

/// `stats` of a virtual function (`IFLA_VF_STATS_*`), as `ip -s link` groups them.
pub fn function_statistics(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RECEIVED: &[(u16, &str)] =
        &[(2, "bytes"), (0, "packets"), (5, "multicast"), (4, "broadcast"), (7, "dropped")];
    const SENT: &[(u16, &str)] = &[(3, "tx_bytes"), (1, "tx_packets"), (8, "dropped")];
    /// `IFLA_VF_STATS_PAD`.
    const PADDING: u16 = 6;
    let is_counter = |number: u16| [RECEIVED, SENT].concat().iter().any(|&(known, _)| known == number);
    out.begin_object();
    for (direction, counters) in [("rx", RECEIVED), ("tx", SENT)] {
        out.key(direction);
        out.begin_object();
        for &(number, key) in counters {
            if let Some(counter) = attribute(payload, number) {
                out.key(key);
                out.unsigned(unsigned(Scalar::U64, counter)?);
            }
        }
        out.end_object();
    }
    Leftovers::of(payload, |number| number == PADDING || is_counter(number)).write(out);
    out.end_object();
    Ok(())
}

/// An InfiniBand GUID, eight octets of a number: `00:11:…`, the highest first.
pub fn guid(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let guid = unsigned(Scalar::U64, payload)?;
    out.hardware(&guid.to_be_bytes());
    Ok(())
}

/// Writes `true` for each of the bits that are set; bits without a key together as `flags`.
fn write_set_bits(out: &mut Json, keys: &[(u64, &'static str)], bits: u64) {
    let mut rest = bits;
    for &(mask, key) in keys {
        if rest & mask != 0 {
            rest &= !mask;
            out.key(key);
            out.bool(true);
        }
    }
    if rest != 0 {
        out.key("flags");
        out.unsigned(rest);
    }
}

/// `nopromisc` and `nodst` of a MACVLAN (`MACVLAN_FLAG_*`).
pub fn macvlan_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_set_bits(out, &[(1, "nopromisc"), (2, "nodst")], unsigned(Scalar::U16, payload)?);
    Ok(())
}

/// `private` or `vepa` of an IPVLAN (`IPVLAN_F_*`), else `bridge`.
pub fn ipvlan_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U16, payload)?;
    if flags & 3 == 0 {
        out.key("bridge");
        out.bool(true);
    }
    write_set_bits(out, &[(1, "private"), (2, "vepa")], flags);
    Ok(())
}

/// `LACP_STATE_*` (`linux/if_bonding.h`), as `ip -d link` names them.
const PORT_STATES: &[(u64, &str)] = &[
    (0x1, "active"),
    (0x2, "short_timeout"),
    (0x4, "aggregating"),
    (0x8, "in_sync"),
    (0x10, "collecting"),
    (0x20, "distributing"),
    (0x40, "defaulted"),
    (0x80, "expired"),
];

/// The state of a port in 802.3ad: its number under that key, and its bits' names with `_str` behind it. The
/// partner's is 16 bits wide.
fn write_port_state(out: &mut Json, key: &Key, payload: &[u8]) -> Decoded {
    let state = value::any_unsigned(payload)?;
    out.member(key);
    out.unsigned(state);
    out.member_with(key, "_str");
    value::write_bits(out, PORT_STATES, state);
    Ok(())
}

/// `ad_actor_oper_port_state`.
pub fn actor_port_state(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port_state(out, const { &Key::new("ad_actor_oper_port_state") }, payload)
}

/// `ad_partner_oper_port_state`.
pub fn partner_port_state(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port_state(out, const { &Key::new("ad_partner_oper_port_state") }, payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::link::LINK;
    use crate::netlink::wire::append_attribute;

    /// The JSON of a link with that type, those flags and those attributes; whole, and as it is compared.
    fn link(link_type: u16, flags: u32, attributes: &[(u16, &[u8])]) -> (String, String) {
        let mut payload = vec![0; 16];
        payload[2..4].copy_from_slice(&link_type.to_ne_bytes());
        payload[4] = 7;
        payload[8..12].copy_from_slice(&flags.to_ne_bytes());
        for (number, value) in attributes {
            append_attribute(&mut payload, *number, value);
        }
        let context = LINK.context(&payload, &NoLinks);
        let text = |context: Context<'_>| {
            let mut out = Json::new();
            write_object(&mut out, &LINK, &context);
            String::from_utf8(out.take()).unwrap()
        };
        (text(context.clone()), text(context.comparing()))
    }

    fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut bytes, *number, value));
        bytes
    }

    #[test]
    fn flags_are_listed_as_ip_does() {
        assert!(link(1, 0x1003, &[]).0.contains(r#""flags":["NO-CARRIER","BROADCAST","MULTICAST","UP"]"#));
        assert!(link(1, 0x1_1043, &[]).0.contains(r#""flags":["BROADCAST","MULTICAST","UP","LOWER_UP"]"#));
        assert!(link(1, 0x8000_0000, &[]).0.contains(r#""flags":["0x80000000"]"#));
    }

    #[test]
    fn addresses_have_the_form_of_the_links_type() {
        let address = |link_type, address: &[u8]| link(link_type, 0, &[(1, address)]).0;
        assert!(address(ARPHRD_ETHER, &[2, 0, 0, 0, 0, 1]).contains(r#""address":"02:00:00:00:00:01""#));
        assert!(address(ARPHRD_SIT, &[10, 0, 0, 1]).contains(r#""address":"10.0.0.1""#));
        assert!(address(ARPHRD_ETHER, &[10, 0, 0, 1]).contains(r#""address":"0a:00:00:01""#));
        let mut end = [0; 16];
        end[15] = 1;
        assert!(address(ARPHRD_TUNNEL6, &end).contains(r#""address":"::1""#));
        let call = [b'L' << 1, b'H' << 1, b'1' << 1, b' ' << 1, b' ' << 1, b' ' << 1, 12 << 1];
        assert!(address(ARPHRD_AX25, &call).contains(r#""address":"LH1-12""#));
        assert!(address(ARPHRD_NETROM, &[0; 7]).contains(r#""address":"*""#));
        assert!(address(ARPHRD_ROSE, &[1, 2, 3, 4, 0x56]).contains(r#""address":"0102030456""#));
    }

    #[test]
    fn a_peer_and_a_second_address_are_told() {
        let (text, _) = link(ARPHRD_SIT, IFF_POINTOPOINT, &[(2, &[10, 0, 0, 2])]);
        assert!(text.contains(r#""link_pointtopoint":true,"broadcast":"10.0.0.2""#));
        let same = link(1, 0, &[(1, &[2, 0, 0, 0, 0, 1]), (54, &[2, 0, 0, 0, 0, 1])]).0;
        assert!(!same.contains("permaddr"));
        let other = link(1, 0, &[(1, &[2, 0, 0, 0, 0, 1]), (54, &[2, 0, 0, 0, 0, 2])]).0;
        assert!(other.contains(r#""permaddr":"02:00:00:00:00:02""#));
    }

    #[test]
    fn the_lower_link_is_a_name_or_an_index_over_there() {
        assert!(link(1, 0, &[(5, &3u32.to_ne_bytes())]).0.contains(r#""link":"if3""#));
        let over_there = link(1, 0, &[(5, &3u32.to_ne_bytes()), (37, &(-1i32).to_ne_bytes())]).0;
        assert!(over_there.contains(r#""link_index":3,"link_netnsid":-1"#));
        assert!(!link(1, 0, &[(5, &0u32.to_ne_bytes())]).0.contains(r#""link":"#));
    }

    #[test]
    fn counters_are_told_and_never_compared() {
        let mut counters = Vec::new();
        (0..24u64).for_each(|counter| counters.extend(counter.to_ne_bytes()));
        let (text, compared) = link(1, 0, &[(23, &counters), (35, &5u32.to_ne_bytes())]);
        assert!(text.contains(r#""rx":{"bytes":2,"packets":0,"errors":4,"dropped":6,"over_errors":11,"multicast":8"#));
        assert!(text.contains(r#""nohandler":23},"tx":{"bytes":3,"packets":1"#));
        assert!(text.contains(r#""carrier_changes":5}}"#));
        assert!(!compared.contains("stats64") && !compared.contains("carrier_changes"));
    }

    #[test]
    fn a_map_of_zeros_is_left_out() {
        assert!(!link(1, 0, &[(14, &[0; 32])]).0.contains("map"));
        let mut map = [0; 32];
        map[26] = 3;
        assert!(link(1, 0, &[(14, &map)]).0.contains(r#""irq":0,"dma":3,"port":0}"#));
        assert!(link(1, 0, &[(14, &[1; 8])]).0.contains("at least 28 octets expected"));
    }

    #[test]
    fn programs_of_xdp() {
        let none = nest(&[(2, &[0])]);
        assert!(!link(1, 0, &[(43, &none)]).0.contains("xdp"));
        let one = nest(&[(2, &[2]), (4, &9u32.to_ne_bytes())]);
        let attached = r#""xdp":{"mode":2,"prog":{"id":9},"attached":[{"mode":2,"prog":{"id":9}}]}"#;
        assert!(link(1, 0, &[(43, &one)]).0.contains(attached));
        let several = nest(&[(2, &[4]), (5, &8u32.to_ne_bytes()), (6, &9u32.to_ne_bytes())]);
        let attached = r#""xdp":{"mode":4,"attached":[{"mode":2,"prog":{"id":9}},{"mode":1,"prog":{"id":8}}]}"#;
        assert!(link(1, 0, &[(43, &several)]).0.contains(attached));
        // An attribute of a later kernel hides nothing.
        let later = nest(&[(2, &[2]), (4, &9u32.to_ne_bytes()), (9, &[1])]);
        let attached = r#""attached":[{"mode":2,"prog":{"id":9}}],"unknown":[{"attr":9,"hex":"01"}]}"#;
        assert!(link(1, 0, &[(43, &later)]).0.contains(attached));
        let none = nest(&[(2, &[0]), (9, &[1])]);
        assert!(link(1, 0, &[(43, &none)]).0.contains(r#""xdp":{"unknown":[{"attr":9,"hex":"01"}]}"#));
    }

    #[test]
    fn a_virtual_function() {
        let mut mac = vec![1, 0, 0, 0, 2, 0, 0, 0, 0, 9];
        mac.resize(36, 0);
        let function = nest(&[
            (1, &mac),
            (4, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            (9, &[1, 0, 0, 0, 1, 0, 0, 0]),
            (8, &nest(&[(2, &7u64.to_ne_bytes()), (6, &[]), (9, &[1])])),
        ]);
        let text = link(1, 0, &[(22, &nest(&[(1, &function)]))]).0;
        let head = r#""vfinfo_list":[{"vf":1,"link_type":"ether","address":"02:00:00:00:00:09","trust":true"#;
        let unknown = r#""unknown":[{"attr":9,"hex":"01"}]"#;
        assert!(text.contains(&format!(r#"{head},"stats":{{"rx":{{"bytes":7}},"tx":{{}},{unknown}}}}}]"#)), "{text}");
    }

    #[test]
    fn names_and_reasons() {
        let names = nest(&[(53, b"one\0"), (53, b"two\0")]);
        assert!(link(1, 0, &[(52, &names)]).0.contains(r#""altnames":["one","two"]"#));
        let reasons = nest(&[(2, &0x28u32.to_ne_bytes())]);
        assert!(link(1, 0, &[(55, &reasons)]).0.contains(r#""proto_down_reason":[3,5]"#));
    }
}
