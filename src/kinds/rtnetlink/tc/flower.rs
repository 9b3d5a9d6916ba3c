//! The filter `flower`, `TCA_FLOWER_*`: `pkt_cls.h`. What it matches stands in an object of its own, `keys`, though the
//! attributes are all in one nest: hence two sets over the same attributes.

use super::action;
use super::names::FILTER_FLAGS;
use super::shared::{masked_octets, u32_of, write_class_id, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, Names, Part, Row,
    Scalar::{self, *},
    Set, Shape, TEXT, Wrong, row,
};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::kinds::rtnetlink::encap::{
    ERSPAN_OPTIONS_SHAPE, GENEVE_AS_NUMBERS_SHAPE, erspan_options, geneve_options_as_numbers,
};
use crate::kinds::rtnetlink::names::ETHER_TYPES;

/// All attributes, but for the keys.
pub(super) static OUTER: Set = Set::new(
    "TCA_FLOWER",
    &const {
        let mut rows = ROWS;
        let mut at = 0;
        while at < rows.len() {
            if !matches!(rows[at].number, 1 | 2 | 3 | 22 | 86) {
                rows[at].is = Is::Known;
            }
            at += 1;
        }
        rows
    },
);

/// The keys, as an object.
pub(super) const KEYS_SHAPE: &Shape = &Shape::As(&Is::Set(&KEYS));

/// The keys; the others are told beside them.
static KEYS: Set = Set::new(
    "TCA_FLOWER_KEY",
    &const {
        let mut rows = ROWS;
        let mut at = 0;
        while at < rows.len() {
            if matches!(rows[at].number, 1 | 2 | 3 | 22 | 86) {
                rows[at].is = Is::Known;
            }
            at += 1;
        }
        rows
    },
);

/// An attribute that is told with another: a mask, or the end of a range.
const fn with_another(number: u16, key: &'static str) -> Row {
    row(number, key, Is::Known)
}

const ROWS: [Row; 111] = [
    row(1, "classid", Is::Members(class, &[Part::number("hw_tc"), Part::text("classid")])),
    row(2, "indev", Is::Text),
    row(3, "actions", action::LIST),
    row(4, "dst_mac", Is::Value(hardware, TEXT)),
    with_another(5, "dst_mac_mask"),
    row(6, "src_mac", Is::Value(hardware, TEXT)),
    with_another(7, "src_mac_mask"),
    row(8, "eth_type", Is::Value(ether_type, TEXT)),
    row(9, "ip_proto", Is::Named(U8, IP_PROTOCOLS)),
    row(10, "src_ip", Is::Members(source, &[Part::text("src_ip")])),
    with_another(11, "src_ip_mask"),
    row(12, "dst_ip", Is::Members(destination, &[Part::text("dst_ip")])),
    with_another(13, "dst_ip_mask"),
    row(14, "src_ip6", Is::Members(source, &[Part::text("src_ip")])),
    with_another(15, "src_ip6_mask"),
    row(16, "dst_ip6", Is::Members(destination, &[Part::text("dst_ip")])),
    with_another(17, "dst_ip6_mask"),
    row(18, "tcp_src", Is::Members(source_port::<35>, SOURCE_PORT_PARTS)),
    row(19, "tcp_dst", Is::Members(destination_port::<36>, DESTINATION_PORT_PARTS)),
    row(20, "udp_src", Is::Members(source_port::<37>, SOURCE_PORT_PARTS)),
    row(21, "udp_dst", Is::Members(destination_port::<38>, DESTINATION_PORT_PARTS)),
    row(22, "flags", Is::Flags(U32, FILTER_FLAGS)),
    row(23, "vlan_id", Is::Number(U16)),
    row(24, "vlan_prio", Is::Number(U8)),
    row(25, "vlan_ethtype", Is::Named(U16Be, ETHER_TYPES)),
    row(26, "enc_key_id", Is::Number(U32Be)),
    row(27, "enc_src_ip", Is::Members(tunnel_source, &[Part::text("enc_src_ip")])),
    with_another(28, "enc_src_ip_mask"),
    row(29, "enc_dst_ip", Is::Members(tunnel_destination, &[Part::text("enc_dst_ip")])),
    with_another(30, "enc_dst_ip_mask"),
    row(31, "enc_src_ip6", Is::Members(tunnel_source, &[Part::text("enc_src_ip")])),
    with_another(32, "enc_src_ip6_mask"),
    row(33, "enc_dst_ip6", Is::Members(tunnel_destination, &[Part::text("enc_dst_ip")])),
    with_another(34, "enc_dst_ip6_mask"),
    with_another(35, "tcp_src_mask"),
    with_another(36, "tcp_dst_mask"),
    with_another(37, "udp_src_mask"),
    with_another(38, "udp_dst_mask"),
    with_another(39, "sctp_src_mask"),
    with_another(40, "sctp_dst_mask"),
    row(41, "sctp_src", Is::Members(source_port::<39>, SOURCE_PORT_PARTS)),
    row(42, "sctp_dst", Is::Members(destination_port::<40>, DESTINATION_PORT_PARTS)),
    row(43, "enc_src_port", Is::Number(U16Be)),
    row(44, "enc_src_port_mask", Is::NumberUnless(U16Be, 0xffff)),
    row(45, "enc_dst_port", Is::Number(U16Be)),
    row(46, "enc_dst_port_mask", Is::NumberUnless(U16Be, 0xffff)),
    row(47, "ip_flags", Is::Value(packet_flags::<48>, PACKET_FLAGS_SHAPE)),
    with_another(48, "ip_flags_mask"),
    row(49, "icmpv4_code", Is::Members(icmp_code, ICMP_CODE_PARTS)),
    with_another(50, "icmpv4_code_mask"),
    row(51, "icmpv4_type", Is::Members(icmp_type, ICMP_TYPE_PARTS)),
    with_another(52, "icmpv4_type_mask"),
    row(53, "icmpv6_code", Is::Members(icmp_code, ICMP_CODE_PARTS)),
    with_another(54, "icmpv6_code_mask"),
    row(55, "icmpv6_type", Is::Members(icmp_type, ICMP_TYPE_PARTS)),
    with_another(56, "icmpv6_type_mask"),
    row(57, "arp_sip", Is::Value(prefix, TEXT)),
    with_another(58, "arp_sip_mask"),
    row(59, "arp_tip", Is::Value(prefix, TEXT)),
    with_another(60, "arp_tip_mask"),
    row(61, "arp_op", Is::Named(U8, &[(1, "request"), (2, "reply")])),
    row(62, "arp_op_mask", Is::NumberUnless(U8, 0xff)),
    row(63, "arp_sha", Is::Value(hardware, TEXT)),
    with_another(64, "arp_sha_mask"),
    row(65, "arp_tha", Is::Value(hardware, TEXT)),
    with_another(66, "arp_tha_mask"),
    row(67, "mpls_ttl", Is::Number(U8)),
    row(68, "mpls_bos", Is::Number(U8)),
    row(69, "mpls_tc", Is::Number(U8)),
    row(70, "mpls_label", Is::Number(U32)),
    row(71, "tcp_flags", Is::Value(tcp_flags, TEXT)),
    with_another(72, "tcp_flags_mask"),
    row(73, "ip_tos", Is::Number(U8)),
    row(74, "ip_tos_mask", Is::NumberUnless(U8, 0xff)),
    row(75, "ip_ttl", Is::Number(U8)),
    row(76, "ip_ttl_mask", Is::NumberUnless(U8, 0xff)),
    row(77, "cvlan_id", Is::Number(U16)),
    row(78, "cvlan_prio", Is::Number(U8)),
    row(79, "cvlan_ethtype", Is::Named(U16Be, ETHER_TYPES)),
    row(80, "enc_tos", Is::Number(U8)),
    row(81, "enc_tos_mask", Is::NumberUnless(U8, 0xff)),
    row(82, "enc_ttl", Is::Number(U8)),
    row(83, "enc_ttl_mask", Is::NumberUnless(U8, 0xff)),
    row(84, "enc_opts", Is::Inline(&OPTION_KEYS)),
    row(85, "enc_opts_mask", Is::Inline(&OPTION_MASKS)),
    row(86, "in_hw_count", Is::NumberUnless(U32, 0)),
    row(87, "src_port_range", Is::Members(source_ports::<88>, &[Part::Member("src_port_range", PORTS_SHAPE)])),
    with_another(88, "src_port_max"),
    row(89, "dst_port_range", Is::Members(destination_ports::<90>, &[Part::Member("dst_port_range", PORTS_SHAPE)])),
    with_another(90, "dst_port_max"),
    row(91, "ct_state", Is::Value(connection_state, TEXT)),
    with_another(92, "ct_state_mask"),
    row(93, "ct_zone", Is::Number(U16)),
    row(94, "ct_zone_mask", Is::NumberUnless(U16, 0xffff)),
    row(95, "ct_mark", Is::Number(U32)),
    row(96, "ct_mark_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    row(97, "ct_label", Is::Value(masked_octets, TEXT)),
    with_another(98, "ct_label_mask"),
    row(99, "mpls", Is::Each(&LABEL_STACK_ENTRY)),
    row(100, "hash", Is::Number(U32)),
    row(101, "hash_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    row(102, "num_of_vlans", Is::Number(U8)),
    row(103, "pppoe_sid", Is::Number(U16Be)),
    row(104, "ppp_proto", Is::Named(U16Be, PPP_PROTOCOLS)),
    row(105, "l2tpv3_sid", Is::Number(U32Be)),
    row(106, "l2_miss", Is::Number(U8)),
    row(107, "cfm", Is::Set(&CONNECTIVITY)),
    row(108, "spi", Is::Number(U32Be)),
    row(109, "spi_mask", Is::NumberUnless(U32Be, 0xffff_ffff)),
    row(110, "enc_flags", Is::Value(packet_flags::<111>, PACKET_FLAGS_SHAPE)),
    with_another(111, "enc_flags_mask"),
];

/// `TCA_FLOWER_KEY_FLAGS_*`.
static PACKET_FLAGS: &Names =
    &[(1, "frag"), (2, "firstfrag"), (4, "tuncsum"), (8, "tundf"), (0x10, "tunoam"), (0x20, "tuncrit")];

/// `TCA_FLOWER_KEY_CT_FLAGS_*`, in the order in which `tc` has them.
static CONNECTION_STATES: &Names = &[(8, "trk"), (1, "new"), (2, "est"), (4, "rel"), (0x10, "inv"), (0x20, "rpl")];

/// `IPPROTO_*`, with the names that `tc` has for flower.
static IP_PROTOCOLS: &Names =
    &[(1, "icmp"), (6, "tcp"), (17, "udp"), (50, "esp"), (51, "ah"), (58, "icmpv6"), (115, "l2tp"), (132, "sctp")];

/// `PPP_*`: `include/uapi/linux/ppp_defs.h`.
static PPP_PROTOCOLS: &Names = &[
    (0x21, "ip"),
    (0x29, "at"),
    (0x2b, "ipx"),
    (0x2d, "vjc_comp"),
    (0x2f, "vjc_uncomp"),
    (0x3d, "mp"),
    (0x57, "ipv6"),
    (0xfb, "compfrag"),
    (0xfd, "comp"),
    (0x281, "mpls_uc"),
    (0x283, "mpls_mc"),
    (0x8021, "ipcp"),
    (0x8029, "atcp"),
    (0x802b, "ipxcp"),
    (0x8057, "ipv6cp"),
    (0x80fb, "ccpfrag"),
    (0x80fd, "ccp"),
    (0x8281, "mplscp"),
    (0xc021, "lcp"),
    (0xc023, "pap"),
    (0xc025, "lqr"),
    (0xc223, "chap"),
    (0xc029, "cbcp"),
];

/// `TCA_FLOWER_KEY_ENC_OPTS_*`.
static OPTION_KEYS: Set = Set::new(
    "TCA_FLOWER_KEY_ENC_OPTS",
    &[
        row(1, "geneve_opt_key", Is::Value(geneve_options_as_numbers, GENEVE_AS_NUMBERS_SHAPE)),
        row(2, "vxlan_opt_key", Is::Set(&VXLAN)).repeated(),
        row(3, "erspan_opt_key", Is::Value(erspan_options, ERSPAN_OPTIONS_SHAPE)),
        row(4, "gtp_opt_key", Is::Set(&GTP)).repeated(),
        row(5, "pfcp_opt_key", Is::Set(&PFCP)).repeated(),
    ],
);

/// The same, of the masks.
static OPTION_MASKS: Set = Set::new(
    "TCA_FLOWER_KEY_ENC_OPTS",
    &[
        row(1, "geneve_opt_mask", Is::Value(geneve_options_as_numbers, GENEVE_AS_NUMBERS_SHAPE)),
        row(2, "vxlan_opt_mask", Is::Set(&VXLAN)).repeated(),
        row(3, "erspan_opt_mask", Is::Value(erspan_options, ERSPAN_OPTIONS_SHAPE)),
        row(4, "gtp_opt_mask", Is::Set(&GTP)).repeated(),
        row(5, "pfcp_opt_mask", Is::Set(&PFCP)).repeated(),
    ],
);

/// `TCA_FLOWER_KEY_ENC_OPT_VXLAN_*`.
static VXLAN: Set = Set::new("TCA_FLOWER_KEY_ENC_OPT_VXLAN", &[row(1, "gbp", Is::Number(U32))]);

/// `TCA_FLOWER_KEY_ENC_OPT_GTP_*`.
static GTP: Set =
    Set::new("TCA_FLOWER_KEY_ENC_OPT_GTP", &[row(1, "pdu_type", Is::Number(U8)), row(2, "qfi", Is::Number(U8))]);

/// `TCA_FLOWER_KEY_ENC_OPT_PFCP_*`.
static PFCP: Set =
    Set::new("TCA_FLOWER_KEY_ENC_OPT_PFCP", &[row(1, "type", Is::Number(U8)), row(2, "seid", Is::Number(U64Be))]);

static LABEL_STACK_ENTRY: Is = Is::Set(&LABEL_STACK);

/// `TCA_FLOWER_KEY_MPLS_OPT_LSE_*`.
static LABEL_STACK: Set = Set::new(
    "TCA_FLOWER_KEY_MPLS_OPT_LSE",
    &[
        row(1, "depth", Is::Number(U8)),
        row(2, "ttl", Is::Number(U8)),
        row(3, "bos", Is::Number(U8)),
        row(4, "tc", Is::Number(U8)),
        row(5, "label", Is::Number(U32)),
    ],
);

/// `TCA_FLOWER_KEY_CFM_*`.
static CONNECTIVITY: Set =
    Set::new("TCA_FLOWER_KEY_CFM", &[row(1, "mdl", Is::Number(U8)), row(2, "op", Is::Number(U8))]);

/// The class, or the traffic class of the hardware, which has numbers of its own (`TC_H_MIN_PRIORITY`).
fn class(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
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
fn hardware(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_masked(out, context, payload, |out, address| {
        for (place, octet) in address.iter().enumerate() {
            out.continue_display(format_args!("{}{octet:02x}", if place > 0 { ":" } else { "" }));
        }
    });
    Ok(())
}

/// An IPv4 or IPv6 address with its mask.
fn prefix(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
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
fn source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("src_ip");
    prefix(out, context, payload)
}

/// The destination, of either family.
fn destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("dst_ip");
    prefix(out, context, payload)
}

/// The tunnel's source, of either family.
fn tunnel_source(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("enc_src_ip");
    prefix(out, context, payload)
}

/// The tunnel's destination, of either family.
fn tunnel_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("enc_dst_ip");
    prefix(out, context, payload)
}

/// The type of the frame's payload; one without a name as four hexadecimal digits.
fn ether_type(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
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

/// The members that [`source_port`] writes.
const SOURCE_PORT_PARTS: &[Part] = &[Part::number("src_port"), Part::number("src_port_mask")];
/// The members that [`destination_port`] writes.
const DESTINATION_PORT_PARTS: &[Part] = &[Part::number("dst_port"), Part::number("dst_port_mask")];

/// The source port of TCP, UDP or SCTP, with its mask, an attribute of that number.
fn source_port<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port(out, context, payload, MASK, ["src_port", "src_port_mask"])
}

/// The destination port of TCP, UDP or SCTP, with its mask, an attribute of that number.
fn destination_port<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port(out, context, payload, MASK, ["dst_port", "dst_port_mask"])
}

/// What [`write_ports`] writes.
const PORTS_SHAPE: &Shape = &Shape::Object(&[Part::number("start"), Part::number("end")]);

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
fn source_ports<const END: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_ports(out, context, payload, END, "src_port_range")
}

/// A range of destination ports; its end is the attribute of that number.
fn destination_ports<const END: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_ports(out, context, payload, END, "dst_port_range")
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

/// The members that [`icmp_type`] writes.
const ICMP_TYPE_PARTS: &[Part] = &[Part::number("icmp_type"), Part::number("icmp_type_mask")];
/// The members that [`icmp_code`] writes.
const ICMP_CODE_PARTS: &[Part] = &[Part::number("icmp_code"), Part::number("icmp_code_mask")];

/// The type of an ICMP message, of either family.
fn icmp_type(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_icmp(out, context, payload, ["icmp_type", "icmp_type_mask"])
}

/// The code of an ICMP message, of either family.
fn icmp_code(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_icmp(out, context, payload, ["icmp_code", "icmp_code_mask"])
}

/// Flags of TCP and those that matter, as one text: `0x12/3f`.
fn tcp_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U16Be, payload)?;
    match context.sibling(context.number() + 1) {
        Some(mask) => out.display(format_args!("0x{flags:x}/{:x}", unsigned(Scalar::U16Be, mask)?)),
        None => out.display(format_args!("0x{flags:x}")),
    }
    Ok(())
}

/// What [`packet_flags`] writes.
const PACKET_FLAGS_SHAPE: &Shape = &Shape::Object(&[
    Part::bool("frag"),
    Part::bool("firstfrag"),
    Part::bool("tuncsum"),
    Part::bool("tundf"),
    Part::bool("tunoam"),
    Part::bool("tuncrit"),
    Part::text("other"),
]);

/// `TCA_FLOWER_KEY_FLAGS_*`: those that matter, each a member; the mask is the attribute of that number.
fn packet_flags<const MASK: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
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
fn connection_state(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
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
    use super::*;
    use crate::kinds::rtnetlink::tc::FILTER;
    use crate::kinds::rtnetlink::tc::testing::members;
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
