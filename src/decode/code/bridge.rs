//! Values of bridges and their ports: identifiers, timers, options, ranges of VLANs.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar, Wrong};
use crate::decode::value::{self, unsigned};
use crate::decode::walk::Leftovers;
use crate::json::Json;
use crate::kinds::rtnetlink::value::seconds;
use crate::netlink::wire::{attribute, attribute_u32, attributes, u16_at};

/// A bridge's identifier, `struct ifla_bridge_id`: the priority as four digits, a dot, the address without leading
/// zeros in its octets, as `ip` prints it.
pub fn bridge_id(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let id: [u8; 8] = payload.try_into().map_err(|_| Wrong::Length(8))?;
    let [p, q, a, b, c, d, e, f] = id;
    out.display(format_args!("{p:02x}{q:02x}.{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}"));
    Ok(())
}

/// Options by the numbers of their bits, `BR_BOOLOPT_*`, with the keys of `ip -d link`.
const OPTIONS: &[&str] =
    &["no_linklocal_learn", "mcast_vlan_snooping", "mst_enabled", "mdb_offload_fail_notification", "fdb_local_vlan_0"];

/// `struct br_boolopt_multi`: a member with 0 or 1 for each option that the kernel knows.
pub fn options(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() != 8 {
        return Err(Wrong::Length(8));
    }
    let values = unsigned(Scalar::U32, &payload[..4])?;
    let mask = unsigned(Scalar::U32, &payload[4..])?;
    for (bit, &key) in OPTIONS.iter().enumerate() {
        if mask >> bit & 1 != 0 {
            out.key(key);
            out.unsigned(values >> bit & 1);
        }
    }
    let rest = mask >> OPTIONS.len();
    for bit in (0..32 - OPTIONS.len()).filter(|bit| rest >> bit & 1 != 0) {
        let bit = bit + OPTIONS.len();
        out.any_key(&format!("option_{bit}"));
        out.unsigned(values >> bit & 1);
    }
    Ok(())
}

/// Who asks about multicast on the bridge (`BRIDGE_QUERIER_*`): an object for IPv4 and one for IPv6.
pub fn querier_state(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    /// For a family: the object's key, then the numbers and keys of its address, port and timer.
    const FAMILIES: [(&str, [(u16, &str); 3]); 2] = [
        (
            "mcast_querier_state_ipv4",
            [(1, "mcast_querier_ipv4_addr"), (2, "mcast_querier_ipv4_port"), (3, "mcast_querier_ipv4_other_timer")],
        ),
        (
            "mcast_querier_state_ipv6",
            [(5, "mcast_querier_ipv6_addr"), (6, "mcast_querier_ipv6_port"), (7, "mcast_querier_ipv6_other_timer")],
        ),
    ];
    let leftovers = Leftovers::of(payload, |number| matches!(number, 1..=7));
    if !leftovers.is_empty() {
        out.key("mcast_querier_state");
        out.begin_object();
        leftovers.write(out);
        out.end_object();
    }
    for (key, [address, port, timer]) in FAMILIES {
        if [address, port, timer].iter().all(|(number, _)| attribute(payload, *number).is_none()) {
            continue;
        }
        out.key(key);
        out.begin_object();
        if let Some(found) = attribute(payload, address.0) {
            out.key(address.1);
            value::write_ip(out, found)?;
        }
        if let Some(found) = attribute_u32(payload, port.0) {
            out.key(port.1);
            out.unsigned(found.into());
        }
        if let Some(found) = attribute(payload, timer.0)
            && !context.comparing
        {
            out.key(timer.1);
            seconds(out, context, found)?;
        }
        out.end_object();
    }
    Ok(())
}

/// Names of the last octets of link-local addresses that a port may forward, as `ip` prints them.
const FORWARDED: &[(u32, &str)] = &[(0, "stp"), (2, "lacp"), (14, "lldp")];

/// `group_fwd_mask`, and the same in words as `group_fwd_mask_str`.
pub fn group_forward_mask(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let mask = unsigned(Scalar::U16, payload)?;
    out.key("group_fwd_mask");
    out.unsigned(mask);
    out.key("group_fwd_mask_str");
    let words: Vec<String> = (0..16)
        .filter(|bit| mask >> bit & 1 != 0)
        .map(|bit| match FORWARDED.iter().find(|(known, _)| *known == bit) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("0x{:x}", 1 << bit),
        })
        .collect();
    out.string(if words.is_empty() { "0x0".to_owned() } else { words.join(",") }.as_str());
    Ok(())
}

/// `BRIDGE_VLAN_INFO_*` (`linux/if_bridge.h`).
const RANGE_BEGIN: u16 = 1 << 3;
const RANGE_END: u16 = 1 << 4;
const FLAGS: &[(u16, &str)] =
    &[(1 << 1, "PVID"), (1 << 2, "Egress Untagged"), (1 << 0, "MASTER"), (1 << 5, "BRENTRY"), (1 << 6, "ONLY_OPTS")];

/// The attribute of that number that follows the one whose payload is given, among those of one set.
fn next_of<'a>(context: &Context<'a>, payload: &[u8]) -> Option<&'a [u8]> {
    attributes(context.set)
        .filter(|found| found.number == context.number())
        .skip_while(|found| !std::ptr::eq(found.payload, payload))
        .nth(1)
        .map(|found| found.payload)
}

/// Writes `vlanEnd` and the like, where a range ends elsewhere than it begins.
pub fn write_range(out: &mut Json, keys: [&'static str; 2], from: u64, to: Option<u64>) {
    out.key(keys[0]);
    out.unsigned(from);
    if let Some(to) = to
        && to != from
    {
        out.key(keys[1]);
        out.unsigned(to);
    }
}

/// Flags and number of a VLAN (`struct bridge_vlan_info`).
pub fn vlan_info(payload: &[u8]) -> Result<(u16, u16), Wrong> {
    if payload.len() != 4 {
        return Err(Wrong::Length(4));
    }
    Ok((u16_at(payload, 0).unwrap_or_default(), u16_at(payload, 2).unwrap_or_default()))
}

/// Writes `flags`, where a VLAN has any.
pub fn write_vlan_flags(out: &mut Json, flags: u16) {
    if flags == 0 {
        return;
    }
    out.key("flags");
    let mut rest = flags;
    out.begin_list();
    for &(mask, name) in FLAGS {
        if rest & mask != 0 {
            rest &= !mask;
            out.string(name);
        }
    }
    if rest != 0 {
        out.display(format_args!("0x{rest:x}"));
    }
    out.end_list();
}

/// `flags` of `struct bridge_vlan_xstats`.
pub fn vlan_counters_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_vlan_flags(out, unsigned(Scalar::U16, payload)? as u16);
    Ok(())
}

/// A VLAN of a port. A range comes as two attributes: its first one writes the element, its last one nothing.
pub fn vlan(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (flags, vlan) = vlan_info(payload)?;
    if flags & RANGE_END != 0 {
        return Ok(());
    }
    let last = if flags & RANGE_BEGIN == 0 { None } else { next_of(context, payload) };
    let last = last.map(vlan_info).transpose()?.map(|(_, vlan)| vlan.into());
    out.begin_object();
    write_range(out, ["vlan", "vlanEnd"], vlan.into(), last);
    write_vlan_flags(out, flags & !RANGE_BEGIN);
    out.end_object();
    Ok(())
}

/// The tunnel of a VLAN of a port (`IFLA_BRIDGE_VLAN_TUNNEL_*`); ranges are told as for [`vlan`].
pub fn vlan_tunnel(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const ID: u16 = 1;
    const VLAN: u16 = 2;
    const FLAGS: u16 = 3;
    let read = |set: &[u8]| -> Result<(u64, u64, u16), Wrong> {
        let id = unsigned(Scalar::U32, attribute(set, ID).ok_or(Wrong::Because("the tunnel's number is missing"))?)?;
        let vlan = unsigned(Scalar::U16, attribute(set, VLAN).ok_or(Wrong::Because("the VLAN is missing"))?)?;
        let flags = attribute(set, FLAGS).map(|flags| unsigned(Scalar::U16, flags)).transpose()?;
        Ok((id, vlan, flags.unwrap_or_default() as u16))
    };
    let (id, vlan, flags) = read(payload)?;
    if flags & RANGE_END != 0 {
        return Ok(());
    }
    let last = if flags & RANGE_BEGIN == 0 { None } else { next_of(context, payload) };
    let last = last.map(read).transpose()?;
    out.begin_object();
    write_range(out, ["vlan", "vlanEnd"], vlan, last.map(|(_, vlan, _)| vlan));
    write_range(out, ["tunid", "tunidEnd"], id, last.map(|(id, _, _)| id));
    Leftovers::of(payload, |number| matches!(number, ID..=FLAGS)).write(out);
    out.end_object();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::link::{BRIDGE_PORT, LINK};
    use crate::netlink::wire::append_attribute;

    fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut bytes, *number, value));
        bytes
    }

    /// What a bridge with those attributes says of itself; whole, and as it is compared.
    fn bridge(attributes: &[(u16, &[u8])]) -> (String, String) {
        let mut payload = vec![0; 16];
        append_attribute(&mut payload, 18, &nest(&[(1, b"bridge\0"), (2, &nest(attributes))]));
        let context = LINK.context(&payload, &NoLinks);
        let text = |context: Context<'_>| {
            let mut out = Json::new();
            write_object(&mut out, &LINK, &context);
            let text = String::from_utf8(out.take()).unwrap();
            let (_, text) = text.split_once(r#""info_data":"#).unwrap();
            text[..text.len() - 2].to_owned()
        };
        (text(context.clone()), text(context.comparing()))
    }

    fn port(attributes: &[(u16, &[u8])]) -> String {
        let mut payload = vec![0; 16];
        append_attribute(&mut payload, 26, &nest(attributes));
        let mut out = Json::new();
        write_object(&mut out, &BRIDGE_PORT, &BRIDGE_PORT.context(&payload, &NoLinks));
        String::from_utf8(out.take()).unwrap()
    }

    #[test]
    fn an_identifier_is_written_as_ip_does() {
        let id = bridge(&[(11, &[0x80, 0, 0x9a, 0xbf, 0, 0xe2, 0xa3, 0x69])]).0;
        assert_eq!(id, r#"{"bridge_id":"8000.9a:bf:0:e2:a3:69"}"#);
        assert!(bridge(&[(11, &[1])]).0.contains("8 octets expected"));
    }

    #[test]
    fn options_that_the_kernel_knows_are_told() {
        let (text, _) = bridge(&[(46, &[1, 0, 0, 0, 0x23, 0, 0, 0])]);
        assert_eq!(text, r#"{"no_linklocal_learn":1,"mcast_vlan_snooping":0,"option_5":0}"#);
    }

    #[test]
    fn who_asks_is_told_for_each_family_and_when_is_not_compared() {
        let state = nest(&[(1, &[10, 0, 0, 1]), (2, &3u32.to_ne_bytes()), (3, &150u64.to_ne_bytes())]);
        let (text, compared) = bridge(&[(47, &state)]);
        let head = r#"{"mcast_querier_state_ipv4":{"mcast_querier_ipv4_addr":"10.0.0.1","mcast_querier_ipv4_port":3"#;
        assert_eq!(text, format!(r#"{head},"mcast_querier_ipv4_other_timer":1.5}}}}"#));
        assert_eq!(compared, format!("{head}}}}}"));
        let later = nest(&[(1, &[10, 0, 0, 1]), (8, &[1])]);
        let known = r#""mcast_querier_state_ipv4":{"mcast_querier_ipv4_addr":"10.0.0.1"}"#;
        let unknown = r#""mcast_querier_state":{"unknown":[{"attr":8,"hex":"01"}]}"#;
        assert_eq!(bridge(&[(47, &later)]).0, format!("{{{unknown},{known}}}"));
    }

    #[test]
    fn a_forwarding_mask_in_words() {
        let mut out = Json::new();
        let context = LINK.context(&[], &NoLinks);
        group_forward_mask(&mut out, &context, &0x4009u16.to_ne_bytes()).unwrap();
        assert_eq!(out.bytes(), br#""group_fwd_mask":16393,"group_fwd_mask_str":"stp,0x8,lldp""#);
        out.clear();
        group_forward_mask(&mut out, &context, &[0, 0]).unwrap();
        assert_eq!(out.bytes(), br#""group_fwd_mask":0,"group_fwd_mask_str":"0x0""#);
    }

    #[test]
    fn ranges_of_vlans_are_one_element() {
        let vlan = |flags: u16, vlan: u16| [flags.to_ne_bytes(), vlan.to_ne_bytes()].concat();
        let text = port(&[(2, &vlan(6, 1)), (2, &vlan(8, 10)), (2, &vlan(16, 20)), (2, &vlan(0, 30))]);
        let vlans = r#"[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10,"vlanEnd":20},{"vlan":30}]"#;
        assert!(text.contains(&format!(r#""vlans":{vlans}"#)), "{text}");
        let lone = port(&[(2, &vlan(8, 10))]);
        assert!(lone.contains(r#""vlans":[{"vlan":10}]"#));
    }

    #[test]
    fn ranges_of_tunnels_are_one_element() {
        let tunnel = |id: u32, vlan: u16, flags: u16| {
            nest(&[(1, &id.to_ne_bytes()), (2, &vlan.to_ne_bytes()), (3, &flags.to_ne_bytes())])
        };
        let later = [tunnel(2000, 200, 0), nest(&[(4, &[1])])].concat();
        let text = port(&[(3, &later), (3, &tunnel(20, 2, 8)), (3, &tunnel(24, 6, 16))]);
        let first = r#"{"vlan":200,"tunid":2000,"unknown":[{"attr":4,"hex":"01"}]}"#;
        let tunnels = format!(r#"[{first},{{"vlan":2,"vlanEnd":6,"tunid":20,"tunidEnd":24}}]"#);
        assert!(text.contains(&format!(r#""tunnels":{tunnels}"#)), "{text}");
    }
}
