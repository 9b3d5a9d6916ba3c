//! Values of tunnels: keys, flags, labels and what they are wrapped in, each said by several attributes together.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar, Wrong};
use crate::decode::value::{self, unsigned};
use crate::json::Json;
use crate::netlink::wire::u16_at;

/// A number in an attribute beside the value; 0 where there is none.
fn beside(context: &Context<'_>, number: u16, scalar: Scalar) -> Result<u64, Wrong> {
    context.sibling(number).map_or(Ok(0), |payload| unsigned(scalar, payload))
}

fn is_unspecified(address: &[u8]) -> bool {
    address.iter().all(|&octet| octet == 0)
}

fn is_multicast(address: &[u8]) -> bool {
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
fn write_address(out: &mut Json, [key, key6]: [&'static str; 2], payload: &[u8]) -> Decoded {
    if !matches!(payload.len(), 4 | 16) {
        return Err(Wrong::Because("4 or 16 octets expected"));
    }
    if is_unspecified(payload) {
        return Ok(());
    }
    out.key(if payload.len() == 4 { key } else { key6 });
    value::write_ip(out, payload)
}

/// `local` or `local6`.
pub fn local(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, ["local", "local6"], payload)
}

/// `remote` or `remote6`.
pub fn remote(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_address(out, ["remote", "remote6"], payload)
}

/// `group` or `group6` for a multicast address, else `remote` or `remote6`.
pub fn group_or_remote(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if is_multicast(payload) { write_address(out, ["group", "group6"], payload) } else { remote(out, context, payload) }
}

/// The same of a network identifier that vxlan accepts: `group` or `remote`, of either family.
pub fn vni_group(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let key = if is_multicast(payload) { "group" } else { "remote" };
    write_address(out, [key, key], payload)
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

/// `iseq` and `icsum`.
pub fn gre_input_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_gre_flags(out, payload, ["iseq", "icsum"])
}

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

/// `ikey`, where the flags say that it is used.
pub fn gre_input_key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "ikey", payload, beside(context, GRE_INPUT_FLAGS, Scalar::U16Be)? & GRE_KEY != 0)
}

/// `okey`, where the flags say that it is used.
pub fn gre_output_key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "okey", payload, beside(context, GRE_OUTPUT_FLAGS, Scalar::U16Be)? & GRE_KEY != 0)
}

/// `ikey` of a VTI, unless it is 0.
pub fn vti_input_key(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_key(out, "ikey", payload, !is_unspecified(payload))
}

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
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::link::LINK;
    use crate::netlink::wire::append_attribute;

    fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut bytes, *number, value));
        bytes
    }

    /// What a tunnel of that kind with those attributes says of itself.
    fn tunnel(kind: &str, attributes: &[(u16, &[u8])]) -> String {
        let mut payload = vec![0; 16];
        append_attribute(&mut payload, 18, &nest(&[(1, kind.as_bytes()), (2, &nest(attributes))]));
        let mut out = Json::new();
        write_object(&mut out, &LINK, &LINK.context(&payload, &NoLinks));
        let text = String::from_utf8(out.take()).unwrap();
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
