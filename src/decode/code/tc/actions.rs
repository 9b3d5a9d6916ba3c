//! Values of actions.

use super::{rate_of, sent_in, u32_of, u64_at, verdict, write_number, write_true};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Scalar, Wrong};
use crate::decode::value::{any_unsigned, name_of, unsigned, write_flags, write_ip, write_link, write_named};
use crate::decode::walk::{write_set, write_structure, write_value};
use crate::json::Json;
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::kinds::rtnetlink::tc::action;
use crate::kinds::rtnetlink::tc::names::LINK_LAYERS;
use crate::netlink::wire::{attribute, attributes, u16_at, u32_at};

// Any kind -----------------------------------------------------------------------------------------------------------

/// One of a filter's actions. Its number is its place among them.
pub fn one(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_number(out, "order", context.number().into());
    write_set(out, &context.inside(payload), &action::ACTION, payload);
    out.end_object();
    Ok(())
}

/// The one action in a message that was taken apart. Its place in that message says nothing of the action itself.
pub fn single(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let found = attributes(payload).next().ok_or(Wrong::Because("no action"))?;
    if !context.comparing {
        write_number(out, "order", found.number.into());
    }
    write_set(out, &context.inside(found.payload), &action::ACTION, found.payload);
    Ok(())
}

/// The index, where there are no options in which it would be told.
pub fn terse_index(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(action::TCA_ACT_OPTIONS).is_none() {
        write_number(out, "index", u32_of(payload)?.into());
    }
    Ok(())
}

/// The index of an action, by its attributes; `None` where they do not say it.
pub fn index(set: &[u8]) -> Option<&[u8]> {
    if let Some(index) = attribute(set, action::TCA_ACT_INDEX) {
        return Some(index);
    }
    let kind = attribute(set, action::TCA_ACT_KIND)?.split(|&octet| octet == 0).next()?;
    let (_, parameters) = action::PARAMETERS.iter().find(|(name, _)| name.as_bytes() == kind)?;
    let options = attribute(set, action::TCA_ACT_OPTIONS)?;
    parameters.iter().find_map(|&number| attribute(options, number))?.get(..4)
}

/// `TCA_ACT_FLAGS_*`: those that were asked for, each a member.
pub fn flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (value, selector) = bit_field(payload)?;
    for &(mask, key) in action::FLAGS {
        if selector & mask != 0 {
            out.key(key);
            out.bool(value & mask != 0);
        }
    }
    Ok(())
}

/// `struct nla_bitfield32`: bits, and which of them are meant.
fn bit_field(payload: &[u8]) -> Result<(u64, u64), Wrong> {
    let at = |at| u32_at(payload, at).map(u64::from).ok_or(Wrong::Length(8));
    Ok((at(0)?, at(4)?))
}

/// `TCA_ACT_HW_STATS_*`: how the hardware's counters are had; `disabled` where no way is.
pub fn hardware_statistics(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (value, selector) = bit_field(payload)?;
    let ways = value & selector;
    out.begin_list();
    for (mask, name) in [(1, "immediate"), (2, "delayed")] {
        if ways & mask != 0 {
            out.string(name);
        }
    }
    if ways == 0 {
        out.string("disabled");
    }
    out.end_list();
    Ok(())
}

/// In how many devices' hardware it is; nothing where it was not meant for any.
pub fn in_hardware(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SKIP_HARDWARE: u64 = 2;
    let flags = context.sibling(action::TCA_ACT_FLAGS).map(bit_field).transpose()?;
    if flags.is_some_and(|(value, selector)| value & selector & SKIP_HARDWARE != 0) {
        return Ok(());
    }
    match u32_of(payload)? {
        0 => write_true(out, "not_in_hw"),
        count => {
            write_true(out, "in_hw");
            write_number(out, "in_hw_count", count.into());
        }
    }
    Ok(())
}

/// `tc_gen` of `gact`, and the chance of another verdict, which `tc` tells also where there is none.
pub fn generic(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const CHANCE: u16 = 3;
    if payload.len() < action::GENERIC.bytes {
        return Err(Wrong::Length(action::GENERIC.bytes));
    }
    write_structure(out, context, &action::GENERIC, payload);
    if context.sibling(CHANCE).is_none() {
        out.key("prob");
        write_value(out, context, &NO_CHANCE, &[0; 8])?;
    }
    Ok(())
}

static NO_CHANCE: Is = Is::Structure(&action::GACT_CHANCE);

// police -------------------------------------------------------------------------------------------------------------

/// The police of a filter that has no actions, among the filter's members, as `tc` has it.
pub fn old_police(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("kind");
    out.string("police");
    write_set(out, &context.inside(payload), &action::POLICE, payload);
    Ok(())
}

/// `struct tc_police`: rates, and buffers as octets and packets.
pub fn police(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 8;
    const PEAK_RATE_64: u16 = 9;
    const PACKET_RATE: u16 = 10;
    const PACKET_BURST: u16 = 11;
    const LINK_LAYER: u8 = 0x0f;
    if payload.len() < 56 {
        return Err(Wrong::Short(56));
    }
    let at = |at| u64::from(u32_at(payload, at).unwrap_or_default());
    let (rate, peak) = (&payload[20..32], &payload[32..44]);
    write_number(out, "index", at(0));
    let octets = rate_of(context, RATE_64, rate);
    if octets != 0 {
        write_number(out, "rate", octets);
        write_number(out, "burst", sent_in(octets, at(12)));
    }
    if at(16) != 0 {
        write_number(out, "mtu", at(16));
    }
    let peak = rate_of(context, PEAK_RATE_64, peak);
    if peak != 0 {
        write_number(out, "peakrate", peak);
    }
    let packets = |number| context.sibling(number).and_then(|value| u64_at(value, 0));
    if let Some((packet_rate, burst)) = packets(PACKET_RATE).zip(packets(PACKET_BURST)) {
        write_number(out, "pkts_rate", packet_rate);
        write_number(out, "pkts_burst", sent_in(packet_rate, burst));
    }
    out.key("control_action");
    verdict(out, context, &payload[4..8])?;
    write_number(out, "overhead", u16_at(rate, 2).unwrap_or_default().into());
    out.key("linklayer");
    write_named(out, LINK_LAYERS, (rate[1] & LINK_LAYER).into());
    if !context.comparing {
        write_number(out, "ref", at(44));
        write_number(out, "bind", at(48));
    }
    Ok(())
}

// Others, by name ----------------------------------------------------------------------------------------------------

/// The interface that packets are sent to; another attribute may name a block in its place.
pub fn mirred_device(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(action::TCA_MIRRED_BLOCKID).is_none() {
        out.key("to_dev");
        write_link(out, context, u32_of(payload)?);
    }
    Ok(())
}

/// The old address and, eight octets behind it, its mask.
pub fn nat_prefix(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let address: [u8; 4] = payload.get(..4).and_then(|octets| octets.try_into().ok()).ok_or(Wrong::Short(12))?;
    let mask = unsigned(Scalar::U32Be, payload.get(8..12).ok_or(Wrong::Short(12))?)? as u32;
    out.begin_string();
    out.push_ipv4(address);
    let length = if mask == 0 { 0 } else { 32 - mask.trailing_zeros() };
    out.continue_display(format_args!("/{length}"));
    out.end_string();
    Ok(())
}

/// `struct tc_pedit_sel`: the changes to a packet; where each is meant to be stands in a list beside it.
pub fn pedit(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const HEADER: u16 = 1;
    const COMMAND: u16 = 2;
    let bytes = action::PEDIT_PARAMETERS.bytes;
    let (parameters, keys) = payload.split_at_checked(bytes).ok_or(Wrong::Short(bytes))?;
    let count = usize::from(parameters[20]);
    write_structure(out, context, &action::PEDIT_PARAMETERS, parameters);
    let mut extended = attributes(context.sibling(action::TCA_PEDIT_KEYS_EX).unwrap_or_default());
    out.key("keys");
    out.begin_list();
    for key in keys.chunks_exact(action::PEDIT_KEY.bytes).take(count) {
        let extended = extended.next().map(|found| found.payload).unwrap_or_default();
        let number = |number| attribute(extended, number).map_or(Ok(0), any_unsigned);
        out.begin_object();
        out.key("htype");
        write_named(out, action::PEDIT_HEADERS, number(HEADER)?);
        out.key("cmd");
        write_named(out, action::PEDIT_COMMANDS, number(COMMAND)?);
        write_structure(out, context, &action::PEDIT_KEY, key);
        out.end_object();
    }
    out.end_list();
    Ok(())
}

/// `TCA_CSUM_UPDATE_FLAG_*`: one text, as `tc` has it: `iph, tcp`.
pub fn checksums(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut rest = u64::from(u32_of(payload)?);
    let mut separator = "";
    out.begin_string();
    for &(mask, name) in action::CHECKSUMS {
        if rest & mask != 0 {
            rest &= !mask;
            out.continue_string(separator);
            out.continue_string(name);
            separator = ", ";
        }
    }
    if rest != 0 {
        out.continue_display(format_args!("{separator}0x{rest:x}"));
    }
    out.end_string();
    Ok(())
}

/// `SKBEDIT_F_*`, but for those that other attributes tell.
pub fn skbedit_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const TOLD: u64 = 0x1f;
    write_flags(out, "flags", action::SKBEDIT_FLAGS, unsigned(Scalar::U64, payload)? & !TOLD);
    Ok(())
}

/// `SKBMOD_F_*`, but for those that other attributes tell.
pub fn skbmod_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const TOLD: u64 = 0x07;
    write_flags(out, "flags", action::SKBMOD_FLAGS, unsigned(Scalar::U64, payload)? & !TOLD);
    Ok(())
}

/// `struct tc_tunnel_key`, and whether fragments are forbidden, which `tc` tells of every tunnel that is set.
pub fn tunnel_key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SET: u32 = 1;
    let mode = u32_at(payload, 20).ok_or(Wrong::Length(24))?;
    write_structure(out, context, &action::TUNNEL_KEY_PARAMETERS, payload);
    if mode == SET {
        out.key("nofrag");
        out.bool(context.sibling(action::TCA_TUNNEL_KEY_NO_FRAG).is_some());
    }
    Ok(())
}

/// The tunnel's source, of either family.
pub fn tunnel_source(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("src_ip");
    write_ip(out, payload)
}

/// The tunnel's destination, of either family.
pub fn tunnel_destination(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("dst_ip");
    write_ip(out, payload)
}

/// Something about a packet that goes along: its value, or `allow` where the packet's own is taken.
pub fn ife_metadata(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match payload {
        [] => out.string("allow"),
        _ => out.unsigned(any_unsigned(payload)?),
    }
    Ok(())
}

/// `TCA_CT_ACT_*`: `action`, and `nat` as one text, both as `tc` has them.
pub fn connection(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const COMMIT: u64 = 1;
    const FORCE: u64 = 2;
    const CLEAR: u64 = 4;
    const NAT: u64 = 8;
    const SOURCE: u64 = 16;
    const DESTINATION: u64 = 32;
    let flags = unsigned(Scalar::U16, payload)?;
    let action = match (flags & COMMIT != 0, flags & FORCE != 0, flags & CLEAR != 0) {
        (true, false, _) => Some("commit"),
        (true, true, _) => Some("commit force"),
        (false, _, true) => Some("clear"),
        _ => None,
    };
    if let Some(action) = action {
        out.key("action");
        out.string(action);
    }
    if flags & NAT != 0 {
        out.key("nat");
        out.begin_string();
        if flags & (SOURCE | DESTINATION) != 0 {
            out.continue_string(if flags & SOURCE != 0 { "src" } else { "dst" });
            write_translation(out, context)?;
        }
        out.end_string();
    }
    Ok(())
}

fn write_translation(out: &mut Json, context: &Context<'_>) -> Decoded {
    for (number, name) in [(9, " addr "), (11, " addr "), (13, " port ")] {
        let Some(first) = context.sibling(number) else { continue };
        out.continue_string(name);
        continue_endpoint(out, first)?;
        if let Some(last) = context.sibling(number + 1).filter(|&last| last != first) {
            out.continue_string("-");
            continue_endpoint(out, last)?;
        }
    }
    Ok(())
}

/// An address or a port, in a text.
fn continue_endpoint(out: &mut Json, payload: &[u8]) -> Decoded {
    match payload.len() {
        2 => out.continue_unsigned(unsigned(Scalar::U16Be, payload)?),
        4 => out.continue_display(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(payload).unwrap_or_default())),
        16 => out.continue_display(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(payload).unwrap_or_default())),
        _ => return Err(Wrong::Because("neither an address nor a port")),
    }
    Ok(())
}

/// The helper of a connection, with its family and protocol: `ipv4-tcp-ftp`.
pub fn connection_helper(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const FAMILY: u16 = 17;
    const PROTOCOL: u16 = 18;
    const AF_INET: u64 = 2;
    out.begin_string();
    if let Some(family) = context.sibling(FAMILY) {
        out.continue_string(if any_unsigned(family)? == AF_INET { "ipv4-" } else { "ipv6-" });
    }
    if let Some(protocol) = context.sibling(PROTOCOL) {
        match any_unsigned(protocol)? {
            number if let Some(name) = name_of(IP_PROTOCOLS, number) => out.continue_string(name),
            number => out.continue_unsigned(number),
        }
        out.continue_string("-");
    }
    let name = payload.split(|&octet| octet == 0).next().unwrap_or_default();
    out.continue_string(&String::from_utf8_lossy(name));
    out.end_string();
    Ok(())
}

/// `TCA_GATE_ENTRY_*`: one entry of the schedule.
pub fn gate_entry(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_set(out, &context.inside(payload), &action::GATE_ENTRY_ATTRIBUTES, payload);
    out.key("gate_state");
    out.string(if attribute(payload, action::TCA_GATE_ENTRY_GATE).is_some() { "open" } else { "close" });
    out.end_object();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::members;
    use super::*;
    use crate::kinds::rtnetlink::tc::TC_ACTION;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn an_action_is_known_by_its_index_wherever_that_is() {
        let mut options = Vec::new();
        append_attribute(&mut options, 4, &[7, 0, 0, 0, 1]);
        let mut set = Vec::new();
        append_attribute(&mut set, 1, b"pedit\0");
        append_attribute(&mut set, 2, &options);
        assert_eq!(index(&set), Some(&[7, 0, 0, 0][..]));
        append_attribute(&mut set, 3, &[9, 0, 0, 0]);
        assert_eq!(index(&set), Some(&[9, 0, 0, 0][..]));
        let mut other = Vec::new();
        append_attribute(&mut other, 1, b"other\0");
        assert_eq!(index(&other), None);
    }

    #[test]
    fn translations_are_one_text() {
        let mut set = Vec::new();
        for (number, value) in [(9, &[10, 0, 0, 5][..]), (10, &[10, 0, 0, 9]), (13, &[3, 232]), (14, &[3, 232])] {
            append_attribute(&mut set, number, value);
        }
        let flags = (1u16 | 8 | 16).to_ne_bytes();
        assert_eq!(
            members(&TC_ACTION, &set, 3, connection, &flags),
            r#"{"action":"commit","nat":"src addr 10.0.0.5-10.0.0.9 port 1000"}"#
        );
        assert_eq!(members(&TC_ACTION, &[], 3, connection, &4u16.to_ne_bytes()), r#"{"action":"clear"}"#);
    }

    #[test]
    fn a_police_of_packets_has_no_rate_of_octets() {
        let mut set = Vec::new();
        append_attribute(&mut set, 10, &1000u64.to_ne_bytes());
        append_attribute(&mut set, 11, &3_125_000u64.to_ne_bytes());
        let mut payload = vec![0; 56];
        payload[0] = 1;
        payload[4] = 2;
        assert_eq!(
            members(&TC_ACTION, &set, 1, police, &payload),
            concat!(
                r#"{"index":1,"pkts_rate":1000,"pkts_burst":200,"control_action":{"type":"drop"},"#,
                r#""overhead":0,"linklayer":"unspec","ref":0,"bind":0}"#
            )
        );
    }

    #[test]
    fn prefixes_and_checksums_are_texts() {
        let payload = [10, 0, 0, 0, 192, 168, 0, 1, 255, 255, 255, 0];
        assert_eq!(members(&TC_ACTION, &[], 1, old_address, &payload), r#"{"old":"10.0.0.0/24"}"#);
        assert_eq!(members(&TC_ACTION, &[], 1, sums, &0x89u32.to_ne_bytes()), r#"{"csum":"iph, tcp, 0x80"}"#);
    }

    fn old_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("old");
        nat_prefix(out, context, payload)
    }

    fn sums(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("csum");
        checksums(out, context, payload)
    }
}
