//! Tunnels (`linux/if_link.h`, `linux/if_tunnel.h`, and what is named at the sets).

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Row, Scalar, Set, Shape, Structure, TEXT, Wrong, field, row};
use crate::decode::value::{self, unsigned};
use crate::json::Json;
use crate::kinds::rtnetlink::names::ETHER_TYPES;
use crate::netlink::wire::u16_at;

/// `struct ifla_vxlan_port_range` and `struct ifla_geneve_port_range`.
static PORT_RANGE: Structure = Structure::new(
    "ifla_vxlan_port_range",
    4,
    &[field(0, "low", Is::Number(Scalar::U16Be)), field(2, "high", Is::Number(Scalar::U16Be))],
);

/// `VXLAN_DF_*` and `GENEVE_DF_*`.
static DONT_FRAGMENT: &Names = &[(0, "unset"), (1, "set"), (2, "inherit")];

/// `IFLA_VXLAN_*`.
pub static VXLAN: Set = Set::new(
    "IFLA_VXLAN",
    &[
        row(1, "id", Is::Number(Scalar::U32)),
        row(2, "group", Is::Members(group_or_remote, GROUP_OR_REMOTE_PARTS)),
        row(3, "link", Is::Members(bound_link, BOUND_LINK_PARTS)),
        row(4, "local", Is::Members(local, LOCAL_PARTS)),
        row(5, "ttl", Is::Number(Scalar::U8)),
        row(6, "tos", Is::Number(Scalar::U8)),
        row(7, "learning", Is::Bool(Scalar::U8)),
        row(8, "ageing", Is::Number(Scalar::U32)),
        row(9, "limit", Is::Number(Scalar::U32)),
        row(10, "port_range", Is::Structure(&PORT_RANGE)),
        row(11, "proxy", Is::Bool(Scalar::U8)),
        row(12, "rsc", Is::Bool(Scalar::U8)),
        row(13, "l2miss", Is::Bool(Scalar::U8)),
        row(14, "l3miss", Is::Bool(Scalar::U8)),
        row(15, "port", Is::Number(Scalar::U16Be)),
        row(16, "group6", Is::Members(group_or_remote, GROUP_OR_REMOTE_PARTS)),
        row(17, "local6", Is::Members(local, LOCAL_PARTS)),
        row(18, "udp_csum", Is::Bool(Scalar::U8)),
        row(19, "udp_zero_csum6_tx", Is::Bool(Scalar::U8)),
        row(20, "udp_zero_csum6_rx", Is::Bool(Scalar::U8)),
        row(21, "remcsum_tx", Is::Bool(Scalar::U8)),
        row(22, "remcsum_rx", Is::Bool(Scalar::U8)),
        row(23, "gbp", Is::Present),
        row(24, "remcsum_nopartial", Is::Present),
        row(25, "external", Is::Bool(Scalar::U8)),
        row(26, "label", Is::Number(Scalar::U32Be)),
        row(27, "gpe", Is::Present),
        row(28, "ttl_inherit", Is::Bool(Scalar::U8)),
        row(29, "df", Is::Named(Scalar::U8, DONT_FRAGMENT)),
        row(30, "vnifilter", Is::Bool(Scalar::U8)),
        row(31, "localbypass", Is::Bool(Scalar::U8)),
        row(32, "label_policy", Is::Named(Scalar::U32, &[(0, "fixed"), (1, "inherit")])),
        row(33, "reserved_bits", Is::Number(Scalar::U64Be)),
        row(34, "mcroute", Is::Bool(Scalar::U8)),
    ],
);

/// `IFLA_GENEVE_*`.
pub static GENEVE: Set = Set::new(
    "IFLA_GENEVE",
    &[
        row(1, "id", Is::Number(Scalar::U32)),
        row(2, "remote", Is::Members(remote, REMOTE_PARTS)),
        row(3, "ttl", Is::Number(Scalar::U8)),
        row(4, "tos", Is::Number(Scalar::U8)),
        row(5, "port", Is::Number(Scalar::U16Be)),
        row(6, "external", Is::Present),
        row(7, "remote6", Is::Members(remote, REMOTE_PARTS)),
        row(8, "udp_csum", Is::Bool(Scalar::U8)),
        row(9, "udp_zero_csum6_tx", Is::Bool(Scalar::U8)),
        row(10, "udp_zero_csum6_rx", Is::Bool(Scalar::U8)),
        row(11, "label", Is::Number(Scalar::U32Be)),
        row(12, "ttl_inherit", Is::Bool(Scalar::U8)),
        row(13, "df", Is::Named(Scalar::U8, DONT_FRAGMENT)),
        row(14, "inner_proto_inherit", Is::Present),
        row(15, "port_range", Is::Structure(&PORT_RANGE)),
        row(16, "gro_hint", Is::Present),
        row(17, "local", Is::Members(local, LOCAL_PARTS)),
        row(18, "local6", Is::Members(local, LOCAL_PARTS)),
    ],
);

/// `IFLA_BAREUDP_*`.
pub static BAREUDP: Set = Set::new(
    "IFLA_BAREUDP",
    &[
        row(1, "dstport", Is::Number(Scalar::U16Be)),
        row(2, "ethertype", Is::Named(Scalar::U16Be, ETHER_TYPES)),
        row(3, "srcportmin", Is::Number(Scalar::U16)),
        row(4, "multiproto", Is::Present),
    ],
);

/// `IFLA_GTP_*`.
pub static GTP: Set = Set::new(
    "IFLA_GTP",
    &[
        row(1, "fd0", Is::Number(Scalar::I32)),
        row(2, "fd1", Is::Number(Scalar::I32)),
        row(3, "hsize", Is::Number(Scalar::U32)),
        row(4, "role", Is::Named(Scalar::U32, &[(0, "ggsn"), (1, "sgsn")])),
        row(5, "create_sockets", Is::Number(Scalar::U8)),
        row(6, "restart_count", Is::Number(Scalar::U8)),
        row(7, "local", Is::Ip),
        row(8, "local6", Is::Ip),
    ],
);

/// `IFLA_AMT_*` (`linux/amt.h`).
pub static AMT: Set = Set::new(
    "IFLA_AMT",
    &[
        row(1, "mode", Is::Named(Scalar::U32, &[(0, "gateway"), (1, "relay")])),
        row(2, "relay_port", Is::Number(Scalar::U16Be)),
        row(3, "gateway_port", Is::Number(Scalar::U16Be)),
        row(4, "link", Is::Link),
        row(5, "local", Is::Ip),
        row(6, "remote", Is::Ip),
        row(7, "discovery", Is::Ip),
        row(8, "max_tunnels", Is::Number(Scalar::U32)),
    ],
);

/// The place in [`IPTUN_ROWS`] of the attributes that tunnels over IPv6 fill differently.
const TUNNEL_FLAGS: usize = 7;
const TUNNEL_PROTOCOL: usize = 8;

/// `IFLA_IPTUN_*`.
const IPTUN_ROWS: [Row; 20] = [
    row(1, "link", Is::Members(bound_link, BOUND_LINK_PARTS)),
    row(2, "local", Is::Value(endpoint, TEXT)),
    row(3, "remote", Is::Value(endpoint, TEXT)),
    row(4, "ttl", Is::Number(Scalar::U8)),
    row(5, "tos", Is::Number(Scalar::U8)),
    row(6, "encap_limit", Is::Number(Scalar::U8)),
    row(7, "flow_information", Is::Members(flow_information::<8>, FLOW_INFORMATION_PARTS)),
    row(8, "flags", Is::Members(sit_flags, SIT_FLAGS_PARTS)),
    row(9, "proto", Is::Named(Scalar::U8, &[(0, "any"), (4, "ipip"), (41, "ip6ip"), (137, "mplsip")])),
    row(10, "pmtudisc", Is::Bool(Scalar::U8)),
    row(11, "6rd_prefix", Is::Elsewhere),
    row(12, "6rd_relay_prefix", Is::Elsewhere),
    row(13, "6rd", Is::Members(rapid_deployment, RAPID_DEPLOYMENT_PARTS)),
    row(14, "6rd_relay_prefixlen", Is::Elsewhere),
    row(15, "encap", Is::Members(encapsulation, ENCAPSULATION_PARTS)),
    row(16, "encap_flags", Is::Elsewhere),
    row(17, "encap_sport", Is::Elsewhere),
    row(18, "encap_dport", Is::Elsewhere),
    row(19, "external", Is::Present),
    row(20, "fwmark", Is::Number(Scalar::U32)),
];

/// Tunnels over IPv4: IPIP and SIT.
pub static IPTUN: Set = Set::new("IFLA_IPTUN", &IPTUN_ROWS);

/// Tunnels over IPv6.
pub static IP6TNL: Set = Set::new(
    "IFLA_IPTUN",
    &const {
        let mut rows = IPTUN_ROWS;
        rows[TUNNEL_FLAGS] = row(8, "flags", Is::Members(ipv6_flags, IPV6_FLAGS_PARTS));
        rows[TUNNEL_PROTOCOL] =
            row(9, "proto", Is::Named(Scalar::U8, &[(0, "any"), (4, "ipip6"), (41, "ip6ip6"), (137, "mplsip6")]));
        rows
    },
);

/// `IFLA_GRE_*`: GRE and ERSPAN over IPv4 and IPv6.
pub static GRE: Set = Set::new(
    "IFLA_GRE",
    &[
        row(1, "link", Is::Members(bound_link, BOUND_LINK_PARTS)),
        row(2, "iflags", Is::Members(gre_input_flags, GRE_INPUT_FLAGS_PARTS)),
        row(3, "oflags", Is::Members(gre_output_flags, GRE_OUTPUT_FLAGS_PARTS)),
        row(4, "ikey", Is::Members(gre_input_key, GRE_INPUT_KEY_PARTS)),
        row(5, "okey", Is::Members(gre_output_key, GRE_OUTPUT_KEY_PARTS)),
        row(6, "local", Is::Value(endpoint, TEXT)),
        row(7, "remote", Is::Value(endpoint, TEXT)),
        row(8, "ttl", Is::Number(Scalar::U8)),
        row(9, "tos", Is::Number(Scalar::U8)),
        row(10, "pmtudisc", Is::Bool(Scalar::U8)),
        row(11, "encap_limit", Is::Number(Scalar::U8)),
        row(12, "flow_information", Is::Members(flow_information::<13>, FLOW_INFORMATION_PARTS)),
        row(13, "flags", Is::Members(ipv6_flags, IPV6_FLAGS_PARTS)),
        row(14, "encap", Is::Members(encapsulation, ENCAPSULATION_PARTS)),
        row(15, "encap_flags", Is::Elsewhere),
        row(16, "encap_sport", Is::Elsewhere),
        row(17, "encap_dport", Is::Elsewhere),
        row(18, "external", Is::Present),
        row(19, "ignore_df", Is::Bool(Scalar::U8)),
        row(20, "fwmark", Is::Number(Scalar::U32)),
        row(21, "erspan_index", Is::Number(Scalar::U32)),
        row(22, "erspan_ver", Is::Number(Scalar::U8)),
        row(23, "erspan_dir", Is::Named(Scalar::U8, &[(0, "ingress"), (1, "egress")])),
        row(24, "erspan_hwid", Is::Number(Scalar::U16)),
    ],
);

/// `IFLA_VTI_*`: VTI over IPv4 and IPv6.
pub static VTI: Set = Set::new(
    "IFLA_VTI",
    &[
        row(1, "link", Is::Members(bound_link, BOUND_LINK_PARTS)),
        row(2, "ikey", Is::Members(vti_input_key, VTI_INPUT_KEY_PARTS)),
        row(3, "okey", Is::Members(vti_output_key, VTI_OUTPUT_KEY_PARTS)),
        row(4, "local", Is::Value(endpoint, TEXT)),
        row(5, "remote", Is::Value(endpoint, TEXT)),
        row(6, "fwmark", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_XFRM_*`: XFRM interfaces.
pub static XFRM: Set = Set::new(
    "IFLA_XFRM",
    &[
        row(1, "link", Is::Members(bound_link, BOUND_LINK_PARTS)),
        row(2, "if_id", Is::Number(Scalar::U32)),
        row(3, "external", Is::Present),
    ],
);

/// The members that [`bound_link`] writes.
const BOUND_LINK_PARTS: &[Part] = &[Part::link("link")];

/// `link`, the name of the link that a tunnel is bound to; nothing where it is bound to none.
pub fn bound_link(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)? as u32;
    if ifindex != 0 {
        out.key("link");
        value::write_link(out, context, ifindex);
    }
    Ok(())
}

/// A number in an attribute beside the value; 0 where there is none.
fn beside(context: &Context<'_>, number: u16, scalar: Scalar) -> Result<u64, Wrong> {
    context.sibling(number).map_or(Ok(0), |payload| unsigned(scalar, payload))
}

fn is_unspecified(address: &[u8]) -> bool {
    address.iter().all(|&octet| octet == 0)
}

/// Whether an IPv4 or IPv6 address is of a group.
pub fn is_multicast(address: &[u8]) -> bool {
    match address.len() {
        4 => address[0] >> 4 == 0xe,
        _ => address.first() == Some(&0xff),
    }
}

/// An end of a tunnel: its address, or `any`.
pub fn endpoint(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    if matches!(payload.len(), 4 | 16) && is_unspecified(payload) {
        out.string("any");
        return Ok(());
    }
    value::write_ip(out, payload)
}

/// Writes an address under the key for its family, unless it is unspecified.
pub fn write_address(out: &mut Json, [key, key6]: [&'static str; 2], payload: &[u8]) -> Decoded {
    if !matches!(payload.len(), 4 | 16) {
        return Err(Wrong::Because("4 or 16 octets expected"));
    }
    if is_unspecified(payload) {
        return Ok(());
    }
    out.key(if payload.len() == 4 { key } else { key6 });
    value::write_ip(out, payload)
}

/// The members that [`local`] writes.
const LOCAL_PARTS: &[Part] = &[Part::text("local"), Part::text("local6")];

/// `local` or `local6`.
pub fn local(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, ["local", "local6"], payload)
}

/// The members that [`remote`] writes.
const REMOTE_PARTS: &[Part] = &[Part::text("remote"), Part::text("remote6")];

/// `remote` or `remote6`.
pub fn remote(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, ["remote", "remote6"], payload)
}

/// The members that [`group_or_remote`] writes.
const GROUP_OR_REMOTE_PARTS: &[Part] =
    &[Part::text("group"), Part::text("group6"), Part::text("remote"), Part::text("remote6")];

/// `group` or `group6` for a multicast address, else `remote` or `remote6`.
pub fn group_or_remote(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if is_multicast(payload) { write_address(out, ["group", "group6"], payload) } else { remote(out, context, payload) }
}

/// `IFLA_GRE_IFLAGS` and `IFLA_GRE_OFLAGS`.
const GRE_INPUT_FLAGS: u16 = 2;
const GRE_OUTPUT_FLAGS: u16 = 3;

/// `GRE_*` (`linux/if_tunnel.h`), as numbers of the network's byte order.
const GRE_CSUM: u64 = 0x8000;
const GRE_KEY: u64 = 0x2000;
const GRE_SEQ: u64 = 0x1000;

fn write_gre_flags(out: &mut Json, payload: &[u8], [sequence, checksum]: [&'static str; 2]) -> Decoded {
    let flags = unsigned(Scalar::U16Be, payload)?;
    for (mask, key) in [(GRE_SEQ, sequence), (GRE_CSUM, checksum)] {
        if flags & mask != 0 {
            out.key(key);
            out.bool(true);
        }
    }
    Ok(())
}

/// The members that [`gre_input_flags`] writes.
const GRE_INPUT_FLAGS_PARTS: &[Part] = &[Part::bool("iseq"), Part::bool("icsum")];

/// `iseq` and `icsum`.
pub fn gre_input_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_gre_flags(out, payload, ["iseq", "icsum"])
}

/// The members that [`gre_output_flags`] writes.
const GRE_OUTPUT_FLAGS_PARTS: &[Part] = &[Part::bool("oseq"), Part::bool("ocsum")];

/// `oseq` and `ocsum`.
pub fn gre_output_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_gre_flags(out, payload, ["oseq", "ocsum"])
}

fn write_key(out: &mut Json, key: &'static str, payload: &[u8], used: bool) -> Decoded {
    let number = unsigned(Scalar::U32Be, payload)?;
    if used {
        out.key(key);
        out.unsigned(number);
    }
    Ok(())
}

/// The members that [`gre_input_key`] writes.
const GRE_INPUT_KEY_PARTS: &[Part] = &[Part::number("ikey")];

/// `ikey`, where the flags say that it is used.
pub fn gre_input_key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "ikey", payload, beside(context, GRE_INPUT_FLAGS, Scalar::U16Be)? & GRE_KEY != 0)
}

/// The members that [`gre_output_key`] writes.
const GRE_OUTPUT_KEY_PARTS: &[Part] = &[Part::number("okey")];

/// `okey`, where the flags say that it is used.
pub fn gre_output_key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "okey", payload, beside(context, GRE_OUTPUT_FLAGS, Scalar::U16Be)? & GRE_KEY != 0)
}

/// The members that [`vti_input_key`] writes.
const VTI_INPUT_KEY_PARTS: &[Part] = &[Part::number("ikey")];

/// `ikey` of a VTI, unless it is 0.
pub fn vti_input_key(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "ikey", payload, !is_unspecified(payload))
}

/// The members that [`vti_output_key`] writes.
const VTI_OUTPUT_KEY_PARTS: &[Part] = &[Part::number("okey")];

/// `okey` of a VTI, unless it is 0.
pub fn vti_output_key(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "okey", payload, !is_unspecified(payload))
}

/// `IP6_TNL_F_*` (`linux/ip6_tunnel.h`), with the keys of `ip -d link`.
const IPV6_FLAGS: &[(u64, &str)] = &[
    (0x1, "ip6_tnl_f_ign_encap_limit"),
    (0x2, "ip6_tnl_f_use_orig_tclass"),
    (0x4, "ip6_tnl_f_use_orig_flowlabel"),
    (0x8, "ip6_tnl_f_mip6_dev"),
    (0x10, "ip6_tnl_f_rcv_dscp_copy"),
    (0x20, "ip6_tnl_f_use_orig_fwmark"),
    (0x40, "ip6_tnl_f_allow_local_remote"),
];

const USE_ORIGINAL_CLASS: u64 = 0x2;
const USE_ORIGINAL_LABEL: u64 = 0x4;

/// The members that [`ipv6_flags`] writes.
const IPV6_FLAGS_PARTS: &[Part] = &[Part::Flags(IPV6_FLAGS)];

/// The flags of a tunnel over IPv6 that are set, each a member. The kernel's own bits above them are left out: they
/// repeat what other attributes say.
pub fn ipv6_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U32, payload)?;
    for &(mask, key) in IPV6_FLAGS {
        if flags & mask != 0 {
            out.key(key);
            out.bool(true);
        }
    }
    Ok(())
}

/// The members that [`flow_information`] writes.
const FLOW_INFORMATION_PARTS: &[Part] = &[Part::number("tclass"), Part::number("flowlabel")];

/// `tclass` and `flowlabel`, where they are not the wrapped packet's own; `FLAGS` is the attribute with the flags.
pub fn flow_information<const FLAGS: u16>(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let information = unsigned(Scalar::U32Be, payload)?;
    let flags = beside(context, FLAGS, Scalar::U32)?;
    if flags & USE_ORIGINAL_CLASS == 0 {
        out.key("tclass");
        out.unsigned(information >> 20 & 0xff);
    }
    if flags & USE_ORIGINAL_LABEL == 0 {
        out.key("flowlabel");
        out.unsigned(information & 0xf_ffff);
    }
    Ok(())
}

/// The members that [`sit_flags`] writes.
const SIT_FLAGS_PARTS: &[Part] = &[Part::bool("isatap")];

/// `isatap`, one bit of a SIT tunnel's flags.
pub fn sit_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SIT_ISATAP: u16 = 1;
    let flags = u16_at(payload, 0).ok_or(Wrong::Length(2))?;
    if flags & SIT_ISATAP != 0 {
        out.key("isatap");
        out.bool(true);
    }
    Ok(())
}

/// The members that [`rapid_deployment`] writes.
const RAPID_DEPLOYMENT_PARTS: &[Part] =
    &[Part::text("prefix"), Part::number("prefixlen"), Part::text("relay_prefix"), Part::number("relay_prefixlen")];

/// The prefix of a 6rd tunnel and that of its relay, written by the attribute with the prefix's length
/// (`IFLA_IPTUN_6RD_*`); nothing where it has none.
pub fn rapid_deployment(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const PREFIX: u16 = 11;
    const RELAY_PREFIX: u16 = 12;
    const RELAY_PREFIX_LENGTH: u16 = 14;
    let length = unsigned(Scalar::U16, payload)?;
    if length == 0 {
        return Ok(());
    }
    if let Some(prefix) = context.sibling(PREFIX) {
        out.key("prefix");
        value::write_ip(out, prefix)?;
    }
    out.key("prefixlen");
    out.unsigned(length);
    if let Some(relay) = context.sibling(RELAY_PREFIX).filter(|relay| !is_unspecified(relay)) {
        out.key("relay_prefix");
        value::write_ip(out, relay)?;
        out.key("relay_prefixlen");
        out.unsigned(beside(context, RELAY_PREFIX_LENGTH, Scalar::U16)?);
    }
    Ok(())
}

/// The members that [`encapsulation`] writes.
const ENCAPSULATION_PARTS: &[Part] = &[Part::Member(
    "encap",
    &Shape::Object(&[
        Part::text("type"),
        Part::number("sport"),
        Part::number("dport"),
        Part::bool("csum"),
        Part::bool("csum6"),
        Part::bool("remcsum"),
    ]),
)];

/// `encap`: UDP around the tunnel, written by the attribute with its type. The three that follow it in number are
/// its flags and ports.
pub fn encapsulation(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const TYPES: &[(u64, &str)] = &[(1, "fou"), (2, "gue"), (3, "mpls")];
    const FLAGS: [(u64, &str); 3] = [(1, "csum"), (2, "csum6"), (4, "remcsum")];
    let kind = unsigned(Scalar::U16, payload)?;
    if kind == 0 {
        return Ok(());
    }
    out.key("encap");
    out.begin_object();
    out.key("type");
    value::write_named(out, TYPES, kind);
    out.key("sport");
    out.unsigned(beside(context, context.number() + 2, Scalar::U16Be)?);
    out.key("dport");
    out.unsigned(beside(context, context.number() + 3, Scalar::U16Be)?);
    let flags = beside(context, context.number() + 1, Scalar::U16)?;
    for (mask, key) in FLAGS {
        out.key(key);
        out.bool(flags & mask != 0);
    }
    out.end_object();
    Ok(())
}

#[cfg(test)]
mod tests {

    use crate::decode::testing::{nest, text};
    use crate::kinds::rtnetlink::link::LINK;
    use crate::netlink::wire::append_attribute;

    /// What a tunnel of that kind with those attributes says of itself.
    fn tunnel(kind: &str, attributes: &[(u16, &[u8])]) -> String {
        let mut payload = vec![0; 16];
        append_attribute(&mut payload, 18, &nest(&[(1, kind.as_bytes()), (2, &nest(attributes))]));
        let text = text(&LINK, &payload);
        let (_, text) = text.split_once(r#""info_data":"#).unwrap();
        text[..text.len() - 2].to_owned()
    }

    #[test]
    fn ends_of_tunnels() {
        let ends: &[(u16, &[u8])] = &[(2, &[0; 4]), (3, &[10, 0, 0, 1])];
        assert_eq!(tunnel("ipip", ends), r#"{"local":"any","remote":"10.0.0.1"}"#);
        let mut group = [0; 16];
        group[0] = 0xff;
        assert_eq!(tunnel("vxlan", &[(16, &group)]), r#"{"group6":"ff00::"}"#);
        assert_eq!(tunnel("vxlan", &[(2, &[239, 1, 1, 1])]), r#"{"group":"239.1.1.1"}"#);
        assert_eq!(tunnel("vxlan", &[(2, &[10, 1, 1, 1]), (4, &[0; 4])]), r#"{"remote":"10.1.1.1"}"#);
    }

    #[test]
    fn keys_are_told_where_they_are_used() {
        let keyed: &[(u16, &[u8])] = &[(2, &[0x30, 0]), (3, &[0x80, 0]), (4, &[0, 0, 0, 9]), (5, &[0, 0, 0, 8])];
        assert_eq!(tunnel("gre", keyed), r#"{"iseq":true,"ocsum":true,"ikey":9}"#);
        assert_eq!(tunnel("vti", &[(2, &[0, 0, 1, 0]), (3, &[0; 4])]), r#"{"ikey":256}"#);
    }

    #[test]
    fn class_and_label_are_told_where_they_are_not_inherited() {
        let information: (u16, &[u8]) = (7, &[0x01, 0x05, 0x43, 0x21]);
        assert_eq!(tunnel("ip6tnl", &[information]), r#"{"tclass":16,"flowlabel":344865}"#);
        let inherited = tunnel("ip6tnl", &[information, (8, &6u32.to_ne_bytes())]);
        assert_eq!(inherited, r#"{"ip6_tnl_f_use_orig_tclass":true,"ip6_tnl_f_use_orig_flowlabel":true}"#);
    }

    #[test]
    fn what_a_tunnel_is_wrapped_in() {
        let rest: [(u16, &[u8]); 3] = [(15, &[1, 0]), (16, &[0x1b, 0x58]), (17, &[0, 80])];
        let encap = tunnel("gre", &[&[(14, &[2u8, 0][..])], &rest[..]].concat());
        let expected = r#"{"encap":{"type":"gue","sport":7000,"dport":80,"csum":true,"csum6":false,"remcsum":false}}"#;
        assert_eq!(encap, expected);
        assert_eq!(tunnel("gre", &[(14, &[0, 0]), (15, &[0, 0])]), "{}");
    }

    #[test]
    fn prefixes_of_6rd() {
        let mut prefix = [0; 16];
        prefix[..2].copy_from_slice(&[0x20, 0x02]);
        let set: &[(u16, &[u8])] = &[(11, &prefix), (12, &[10, 0, 0, 0]), (13, &[16, 0]), (14, &[8, 0]), (8, &[1, 0])];
        let expected =
            r#"{"prefix":"2002::","prefixlen":16,"relay_prefix":"10.0.0.0","relay_prefixlen":8,"isatap":true}"#;
        assert_eq!(tunnel("sit", set), expected);
        assert_eq!(tunnel("sit", &[(11, &prefix), (13, &[0, 0])]), "{}");
    }
}
