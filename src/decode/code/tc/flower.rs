//! Values of the filter flower: addresses and ports with their masks, flags with those that matter.

use super::{u32_of, write_class_id, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar, Wrong};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::flower::{CONNECTION_STATES, PACKET_FLAGS};

/// The class, or the traffic class of the hardware, which has numbers of its own (`TC_H_MIN_PRIORITY`).
pub fn class(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const HARDWARE: u32 = 0xffe0;
    const HARDWARE_CLASSES: u32 = 16;
    let class = u32_of(payload)?;
    let minor = class & 0xffff;
    if (HARDWARE..HARDWARE + HARDWARE_CLASSES).contains(&minor) {
        write_number(out, "hw_tc", (minor - HARDWARE).into());
    } else {
        out.key("classid");
        write_class_id(out, class);
    }
    Ok(())
}

/// So many bits at the front, where a mask is that.
fn prefix_length(mask: &[u8]) -> Option<usize> {
    let ones: usize = mask.iter().take_while(|&&octet| octet == 0xff).count();
    let rest = &mask[ones..];
    let Some((&first, after)) = rest.split_first() else { return Some(ones * 8) };
    let more = first.leading_ones() as usize;
    let whole = first.count_ones() as usize == more && after.iter().all(|&octet| octet == 0);
    whole.then_some(ones * 8 + more)
}

/// An address; behind a slash the length of its mask or the mask itself, unless it is whole. The mask is the attribute
/// that follows in number.
fn write_masked(out: &mut Json, context: &Context<'_>, payload: &[u8], write: fn(&mut Json, &[u8])) {
    out.begin_string();
    write(out, payload);
    if let Some(mask) = context.sibling(context.number() + 1).filter(|mask| mask.len() == payload.len()) {
        match prefix_length(mask) {
            Some(length) if length == mask.len() * 8 => {}
            Some(length) => out.continue_display(format_args!("/{length}")),
            None => {
                out.continue_string("/");
                write(out, mask);
            }
        }
    }
    out.end_string();
}

/// A link-layer address with its mask.
pub fn hardware(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_masked(out, context, payload, |out, address| {
        for (place, octet) in address.iter().enumerate() {
            out.continue_display(format_args!("{}{octet:02x}", if place > 0 { ":" } else { "" }));
        }
    });
    Ok(())
}

/// An IPv4 or IPv6 address with its mask.
pub fn prefix(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if !matches!(payload.len(), 4 | 16) {
        return Err(Wrong::Because("4 or 16 octets expected"));
    }
    write_masked(out, context, payload, |out, address| {
        match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
            (Ok(ipv4), _) => out.push_ipv4(ipv4),
            (_, Ok(ipv6)) => out.continue_display(std::net::Ipv6Addr::from(ipv6)),
            _ => {}
        }
    });
    Ok(())
}

/// The source, of either family.
pub fn source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("src_ip");
    prefix(out, context, payload)
}

/// The destination, of either family.
pub fn destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("dst_ip");
    prefix(out, context, payload)
}

/// The tunnel's source, of either family.
pub fn tunnel_source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("enc_src_ip");
    prefix(out, context, payload)
}

/// The tunnel's destination, of either family.
pub fn tunnel_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("enc_dst_ip");
    prefix(out, context, payload)
}

/// The type of the frame's payload; one without a name as four hexadecimal digits.
pub fn ether_type(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match unsigned(Scalar::U16Be, payload)? {
        0x0800 => out.string("ipv4"),
        0x86dd => out.string("ipv6"),
        0x0806 => out.string("arp"),
        0x8035 => out.string("rarp"),
        other => out.display(format_args!("{other:04x}")),
    }
    Ok(())
}

fn write_port(out: &mut Json, context: &Context<'_>, payload: &[u8], mask: u16, keys: [&str; 2]) -> Decoded {
    write_number(out, keys[0], unsigned(Scalar::U16Be, payload)?);
    if let Some(mask) = context.sibling(mask) {
        let mask = unsigned(Scalar::U16Be, mask)?;
        if mask != 0xffff {
            write_number(out, keys[1], mask);
        }
    }
    Ok(())
}

/// The source port of TCP, UDP or SCTP, with its mask, an attribute of that number.
pub fn source_port<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port(out, context, payload, MASK, ["src_port", "src_port_mask"])
}

/// The destination port of TCP, UDP or SCTP, with its mask, an attribute of that number.
pub fn destination_port<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port(out, context, payload, MASK, ["dst_port", "dst_port_mask"])
}

fn write_ports(out: &mut Json, context: &Context<'_>, payload: &[u8], end: u16, key: &str) -> Decoded {
    out.key(key);
    out.begin_object();
    write_number(out, "start", unsigned(Scalar::U16Be, payload)?);
    if let Some(end) = context.sibling(end) {
        write_number(out, "end", unsigned(Scalar::U16Be, end)?);
    }
    out.end_object();
    Ok(())
}

/// A range of source ports; its end is the attribute of that number.
pub fn source_ports<const END: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_ports(out, context, payload, END, "src_port")
}

/// A range of destination ports; its end is the attribute of that number.
pub fn destination_ports<const END: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_ports(out, context, payload, END, "dst_port")
}

fn write_icmp(out: &mut Json, context: &Context<'_>, payload: &[u8], keys: [&str; 2]) -> Decoded {
    write_number(out, keys[0], unsigned(Scalar::U8, payload)?);
    if let Some(mask) = context.sibling(context.number() + 1) {
        let mask = unsigned(Scalar::U8, mask)?;
        if mask != 0xff {
            write_number(out, keys[1], mask);
        }
    }
    Ok(())
}

/// The type of an ICMP message, of either family.
pub fn icmp_type(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_icmp(out, context, payload, ["icmp_type", "icmp_type_mask"])
}

/// The code of an ICMP message, of either family.
pub fn icmp_code(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_icmp(out, context, payload, ["icmp_code", "icmp_code_mask"])
}

/// Flags of TCP and those that matter, as one text: `0x12/3f`.
pub fn tcp_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U16Be, payload)?;
    match context.sibling(context.number() + 1) {
        Some(mask) => out.display(format_args!("0x{flags:x}/{:x}", unsigned(Scalar::U16Be, mask)?)),
        None => out.display(format_args!("0x{flags:x}")),
    }
    Ok(())
}

/// `TCA_FLOWER_KEY_FLAGS_*`: those that matter, each a member; the mask is the attribute of that number.
pub fn packet_flags<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U32Be, payload)?;
    let mut mask = context.sibling(MASK).map_or(Ok(u64::from(u32::MAX)), |mask| unsigned(Scalar::U32Be, mask))?;
    out.begin_object();
    for &(bit, key) in PACKET_FLAGS {
        if mask & bit != 0 {
            mask &= !bit;
            out.key(key);
            out.bool(flags & bit != 0);
        }
    }
    if context.sibling(MASK).is_some() && mask != 0 {
        out.key("other");
        out.display(format_args!("0x{:x}/{mask:x}", flags & mask));
    }
    out.end_object();
    Ok(())
}

/// `TCA_FLOWER_KEY_CT_FLAGS_*`: those that matter, as one text: `+trk-new`.
pub fn connection_state(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let state = unsigned(Scalar::U16, payload)?;
    let mask = context.sibling(context.number() + 1).map_or(Ok(0xffff), |mask| unsigned(Scalar::U16, mask))?;
    out.begin_string();
    for &(bit, name) in CONNECTION_STATES {
        if mask & bit != 0 {
            out.continue_string(if state & bit != 0 { "+" } else { "-" });
            out.continue_string(name);
        }
    }
    out.end_string();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::members;
    use super::*;
    use crate::kinds::rtnetlink::tc::FILTER;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn masks_become_lengths_where_they_can() {
        assert_eq!(prefix_length(&[0xff, 0xff]), Some(16));
        assert_eq!(prefix_length(&[0xff, 0x80]), Some(9));
        assert_eq!(prefix_length(&[0, 0]), Some(0));
        assert_eq!(prefix_length(&[0xff, 0x81]), None);
        assert_eq!(prefix_length(&[0x80, 1]), None);
    }

    fn with_mask(number: u16, mask: &[u8]) -> Vec<u8> {
        let mut set = Vec::new();
        append_attribute(&mut set, number, mask);
        set
    }

    #[test]
    fn addresses_carry_their_masks() {
        let address = [10, 0, 0, 0];
        assert_eq!(
            members(&FILTER, &with_mask(11, &[0xff, 0, 0, 0]), 10, source, &address),
            r#"{"src_ip":"10.0.0.0/8"}"#
        );
        assert_eq!(
            members(&FILTER, &with_mask(11, &[0xff, 0, 0, 0xff]), 10, source, &address),
            r#"{"src_ip":"10.0.0.0/255.0.0.255"}"#
        );
        assert_eq!(members(&FILTER, &with_mask(11, &[0xff; 4]), 10, source, &address), r#"{"src_ip":"10.0.0.0"}"#);
        assert_eq!(members(&FILTER, &[], 10, source, &[1, 2]), r#"Because("4 or 16 octets expected")"#);
    }

    #[test]
    fn only_flags_that_matter_are_told() {
        assert_eq!(
            members(&FILTER, &with_mask(48, &[0, 0, 0, 3]), 47, named::<48>, &[0, 0, 0, 2]),
            r#"{"flags":{"frag":false,"firstfrag":true}}"#
        );
        assert_eq!(
            members(&FILTER, &with_mask(92, &0x0bu16.to_ne_bytes()), 91, state, &0x0au16.to_ne_bytes()),
            r#"{"state":"+trk-new+est"}"#
        );
    }

    fn named<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("flags");
        packet_flags::<MASK>(out, context, payload)
    }

    fn state(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("state");
        connection_state(out, context, payload)
    }
}
