//! Encapsulations of routes and nexthops, `RTA_ENCAP`: what `RTA_ENCAP_TYPE` says.
//! `include/uapi/linux/lwtunnel.h` and the header of each.

use crate::decode::context::Context;
use crate::decode::schema::Scalar::{self, *};
use crate::decode::schema::{Decoded, Is, Names, Part, Set, Shape, TEXT, Wrong, row};
use crate::decode::value::{any_unsigned, name_of, unsigned, write_bits, write_flags, write_ip};
use crate::decode::walk::{Leftovers, write_set};
use crate::json::Json;
use crate::kinds::rtnetlink::names::TABLES;
use crate::kinds::rtnetlink::shared;
use crate::netlink::wire::{attribute, attributes, u32_at};

/// By `LWTUNNEL_ENCAP_*`: the name, and the attributes.
pub static BY_TYPE: &[(u64, &str, &Set)] = &[
    (1, "mpls", &MPLS),
    (2, "ip", &IP),
    (3, "ila", &ILA),
    (4, "ip6", &IP6),
    (5, "seg6", &SEG6),
    (6, "bpf", &BPF),
    (7, "seg6local", &SEG6_LOCAL),
    (8, "rpl", &RPL),
    (9, "ioam6", &IOAM6),
    (10, "xfrm", &XFRM),
];

/// `MPLS_IPTUNNEL_*`: `include/uapi/linux/mpls_iptunnel.h`.
static MPLS: Set =
    Set::new("MPLS_IPTUNNEL", &[row(1, "dst", Is::Value(shared::label_stack, TEXT)), row(2, "ttl", Is::Number(U8))]);

/// `LWTUNNEL_IP_*`.
static IP: Set = Set::new(
    "LWTUNNEL_IP",
    &[
        row(1, "id", Is::Number(U64Be)),
        row(2, "dst", Is::Ip),
        row(3, "src", Is::Ip),
        row(4, "ttl", Is::Number(U8)),
        row(5, "tos", Is::Number(U8)),
        row(6, "flags", Is::Members(tunnel_flags, TUNNEL_FLAGS_PARTS)),
        row(7, "pad", Is::Known),
        row(8, "opts", Is::Inline(&OPTIONS)),
    ],
);

/// `LWTUNNEL_IP6_*`.
static IP6: Set = Set::new(
    "LWTUNNEL_IP6",
    &[
        row(1, "id", Is::Number(U64Be)),
        row(2, "dst", Is::Ip),
        row(3, "src", Is::Ip),
        row(4, "hoplimit", Is::Number(U8)),
        row(5, "tc", Is::Number(U8)),
        row(6, "flags", Is::Members(tunnel_flags, TUNNEL_FLAGS_PARTS)),
        row(7, "pad", Is::Known),
        row(8, "opts", Is::Inline(&OPTIONS)),
    ],
);

/// `LWTUNNEL_IP_OPTS_*`: what goes into the tunnel's header; lists, as `ip` has them.
static OPTIONS: Set = Set::new(
    "LWTUNNEL_IP_OPTS",
    &[
        row(1, "geneve_opts", Is::Value(geneve_options, GENEVE_OPTIONS_SHAPE)),
        row(2, "vxlan_opts", Is::Set(&VXLAN_OPTIONS)).repeated(),
        row(3, "erspan_opts", Is::Value(erspan_options, ERSPAN_OPTIONS_SHAPE)),
    ],
);

/// `LWTUNNEL_IP_OPT_VXLAN_*`.
static VXLAN_OPTIONS: Set = Set::new("LWTUNNEL_IP_OPT_VXLAN", &[row(1, "gbp", Is::Number(U32))]);

/// `LWTUNNEL_IP_OPT_ERSPAN_*`.
pub static ERSPAN_OPTIONS: Set = Set::new(
    "LWTUNNEL_IP_OPT_ERSPAN",
    &[
        row(1, "ver", Is::Number(U8)),
        row(2, "index", Is::Number(U32Be)),
        row(3, "dir", Is::Number(U8)),
        row(4, "hwid", Is::Number(U8)),
    ],
);

/// Bits of `LWTUNNEL_IP_FLAGS`, `IP_TUNNEL_*_BIT`: `include/uapi/linux/if_tunnel.h`. Those that say which options
/// there are stand there: 0x800 geneve, 0x1000 vxlan, 0x4000 erspan, 0x8000 gtp.
pub static TUNNEL_FLAGS: &Names = &[
    (0x4, "key"),
    (0x1, "csum"),
    (0x8, "seq"),
    (0x2, "routing"),
    (0x10, "strict"),
    (0x20, "recursion"),
    (0x40, "version"),
    (0x80, "nokey"),
    (0x100, "dont_fragment"),
    (0x200, "oam"),
    (0x400, "crit_opt"),
    (0x2000, "nocache"),
];

/// `ILA_ATTR_*`: `include/uapi/linux/ila.h`.
static ILA: Set = Set::new(
    "ILA_ATTR",
    &[
        row(1, "locator", Is::Value(locator, TEXT)),
        row(2, "identifier", Is::Value(locator, TEXT)),
        row(3, "locator_match", Is::Value(locator, TEXT)),
        row(4, "ifindex", Is::Number(I32)),
        row(5, "dir", Is::Bits(U32, &[(1, "in"), (2, "out")])),
        row(6, "pad", Is::Known),
        row(7, "csum_mode", Is::Named(U8, ILA_CHECKSUM_MODES)),
        row(8, "ident_type", Is::Named(U8, ILA_IDENTIFIER_TYPES)),
        row(9, "hook_type", Is::Named(U8, &[(0, "output"), (1, "input")])),
    ],
);

/// `ILA_CSUM_*`.
static ILA_CHECKSUM_MODES: &Names =
    &[(0, "adj-transport"), (1, "neutral-map"), (2, "no-action"), (3, "neutral-map-auto")];

/// `ILA_ATYPE_*`.
static ILA_IDENTIFIER_TYPES: &Names = &[
    (0, "iid"),
    (1, "luid"),
    (2, "virt-v4"),
    (3, "virt-uni-v6"),
    (4, "virt-multi-v6"),
    (5, "nonlocal-addr"),
    (32, "use-format"),
];

/// `SEG6_IPTUNNEL_*`: `include/uapi/linux/seg6_iptunnel.h`.
static SEG6: Set = Set::new(
    "SEG6_IPTUNNEL",
    &[
        row(1, "srh", Is::Members(segments, SEGMENTS_PARTS)),
        row(2, "tunsrc", Is::Ip),
        row(3, "table", Is::NamedId(U32, TABLES)),
    ],
);

/// `SEG6_IPTUN_MODE_*`.
pub static SEG6_MODES: &Names = &[(0, "inline"), (1, "encap"), (2, "l2encap"), (3, "encap.red"), (4, "l2encap.red")];

/// `SEG6_LOCAL_*`: `include/uapi/linux/seg6_local.h`.
static SEG6_LOCAL: Set = Set::new(
    "SEG6_LOCAL",
    &[
        row(1, "action", Is::Named(U32, SEG6_LOCAL_ACTIONS)),
        row(2, "srh", Is::Value(routing_header, ROUTING_HEADER_SHAPE)),
        row(3, "table", Is::NamedId(U32, TABLES)),
        row(4, "nh4", Is::Ip),
        row(5, "nh6", Is::Ip),
        row(6, "iif", Is::Link),
        row(7, "oif", Is::Link),
        row(8, "bpf", Is::Inline(&SEG6_LOCAL_BPF)),
        row(9, "vrftable", Is::NamedId(U32, TABLES)),
        row(10, "stats64", Is::Set(&SEG6_LOCAL_COUNTERS)).volatile(),
        row(11, "flavors", Is::Inline(&SEG6_LOCAL_FLAVORS)),
    ],
);

/// `SEG6_LOCAL_ACTION_*`.
static SEG6_LOCAL_ACTIONS: &Names = &[
    (1, "End"),
    (2, "End.X"),
    (3, "End.T"),
    (4, "End.DX2"),
    (5, "End.DX6"),
    (6, "End.DX4"),
    (7, "End.DT6"),
    (8, "End.DT4"),
    (9, "End.B6"),
    (10, "End.B6.Encaps"),
    (11, "End.BM"),
    (12, "End.S"),
    (13, "End.AS"),
    (14, "End.AM"),
    (15, "End.BPF"),
    (16, "End.DT46"),
];

/// `SEG6_LOCAL_BPF_PROG*`.
static SEG6_LOCAL_BPF: Set =
    Set::new("SEG6_LOCAL_BPF", &[row(1, "endpoint_id", Is::Number(U32)), row(2, "endpoint", Is::Text)]);

/// `SEG6_LOCAL_CNT_*`.
static SEG6_LOCAL_COUNTERS: Set = Set::new(
    "SEG6_LOCAL_CNT",
    &[
        row(1, "pad", Is::Known),
        row(2, "packets", Is::AnyNumber),
        row(3, "bytes", Is::AnyNumber),
        row(4, "errors", Is::AnyNumber),
    ],
);

/// `SEG6_LOCAL_FLV_*`.
static SEG6_LOCAL_FLAVORS: Set = Set::new(
    "SEG6_LOCAL_FLV",
    &[
        row(1, "flavors", Is::Bits(U32, SEG6_LOCAL_FLAVOR_NAMES)),
        row(2, "lblen", Is::Number(U8)),
        row(3, "nflen", Is::Number(U8)),
    ],
);

/// `1 << SEG6_LOCAL_FLV_OP_*`.
static SEG6_LOCAL_FLAVOR_NAMES: &Names = &[(1 << 1, "psp"), (1 << 2, "usp"), (1 << 3, "usd"), (1 << 4, "next-csid")];

/// Bits of `flags` in `struct ipv6_sr_hdr`, `SR6_FLAG1_*`: `include/uapi/linux/seg6.h`. That there is an HMAC is told
/// by its key.
pub static SEG6_FLAGS: &Names = &[(1 << 6, "protected"), (1 << 5, "oam"), (1 << 4, "alert")];

/// `RPL_IPTUNNEL_*`: `include/uapi/linux/rpl_iptunnel.h`.
static RPL: Set = Set::new("RPL_IPTUNNEL", &[row(1, "srh", Is::Members(rpl_segments, RPL_SEGMENTS_PARTS))]);

/// `IOAM6_IPTUNNEL_*`: `include/uapi/linux/ioam6_iptunnel.h`.
static IOAM6: Set = Set::new(
    "IOAM6_IPTUNNEL",
    &[
        row(1, "mode", Is::Named(U8, &[(1, "inline"), (2, "encap"), (3, "auto")])),
        row(2, "tundst", Is::Ip),
        row(3, "trace", Is::Members(ioam_trace, IOAM_TRACE_PARTS)),
        row(4, "freqk", Is::Number(U32)),
        row(5, "freqn", Is::Number(U32)),
        row(6, "tunsrc", Is::Ip),
    ],
);

/// `LWT_BPF_*`.
static BPF: Set = Set::new(
    "LWT_BPF",
    &[
        row(1, "in", Is::Value(program, TEXT)),
        row(2, "out", Is::Value(program, TEXT)),
        row(3, "xmit", Is::Value(program, TEXT)),
        row(4, "headroom", Is::Number(U32)),
    ],
);

/// `LWT_XFRM_*`.
static XFRM: Set = Set::new("LWT_XFRM", &[row(1, "if_id", Is::Number(U32)), row(2, "link_dev", Is::Link)]);

/// What [`write_encapsulation`] writes.
pub const ENCAP_SHAPE: &Shape = &Shape::Object(&[
    Part::text("encap_type"),
    Part::Choice(&[
        ("mpls", Part::Set(&MPLS)),
        ("ip", Part::Set(&IP)),
        ("ila", Part::Set(&ILA)),
        ("ip6", Part::Set(&IP6)),
        ("seg6", Part::Set(&SEG6)),
        ("bpf", Part::Set(&BPF)),
        ("seg6local", Part::Set(&SEG6_LOCAL)),
        ("rpl", Part::Set(&RPL)),
        ("ioam6", Part::Set(&IOAM6)),
        ("xfrm", Part::Set(&XFRM)),
    ]),
]);

/// An encapsulation, by the attribute beside it that has its type.
pub fn write_encapsulation(out: &mut Json, context: &Context<'_>, payload: &[u8], by: u16) -> Decoded {
    let by = any_unsigned(context.sibling(by).ok_or(Wrong::Because("its type is missing"))?)?;
    let Some((_, name, set)) = BY_TYPE.iter().find(|(number, ..)| *number == by) else {
        return Err(Wrong::Because("a type that is not known"));
    };
    out.begin_object();
    out.key("encap_type");
    out.string(name);
    write_set(out, &context.inside(payload), set, payload);
    out.end_object();
    Ok(())
}

/// The members that [`tunnel_flags`] writes.
const TUNNEL_FLAGS_PARTS: &[Part] = &[Part::Flags(TUNNEL_FLAGS), Part::text("other_flags")];

/// `LWTUNNEL_IP_FLAGS`: each a member that is true, but for those that its options tell.
pub fn tunnel_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const OPTIONS: u64 = 0xd800;
    write_flags(out, "other_flags", TUNNEL_FLAGS, unsigned(Scalar::U16Be, payload)? & !OPTIONS);
    Ok(())
}

/// What [`geneve_options`] writes.
const GENEVE_OPTIONS_SHAPE: &Shape =
    &Shape::List(&Shape::Object(&[Part::number("class"), Part::number("type"), Part::text("data")]));

/// Options of geneve, as `ip` has them: the data in hexadecimal.
pub fn geneve_options(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_geneve_options(out, payload, Json::hex)
}

/// What [`geneve_options_as_numbers`] writes.
pub const GENEVE_AS_NUMBERS_SHAPE: &Shape = &Shape::List(&Shape::Object(&[
    Part::number("class"),
    Part::number("type"),
    Part::Member("data", &Shape::List(&Shape::Number)),
]));

/// Options of geneve, as `tc` has them: the data as a list of numbers.
pub fn geneve_options_as_numbers(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_geneve_options(out, payload, |out, data| {
        out.begin_list();
        data.iter().for_each(|&octet| out.unsigned(octet.into()));
        out.end_list();
    })
}

/// Class, type and data of one option after the other, all in one nest. The numbers of the three are the same in the
/// sets of routes, of the tunnel_key action and of flower.
fn write_geneve_options(out: &mut Json, payload: &[u8], write_data: fn(&mut Json, &[u8])) -> Decoded {
    let mut open: Option<Leftovers<'_>> = None;
    out.begin_list();
    for found in attributes(payload) {
        // The class begins an option.
        if found.number == 1
            && let Some(leftovers) = open.take()
        {
            leftovers.write(out);
            out.end_object();
        }
        let leftovers = open.get_or_insert_with(|| {
            out.begin_object();
            Leftovers::default()
        });
        match found.number {
            1 => {
                out.key("class");
                out.unsigned(unsigned(Scalar::U16Be, found.payload)?);
            }
            2 => {
                out.key("type");
                out.unsigned(unsigned(Scalar::U8, found.payload)?);
            }
            3 => {
                out.key("data");
                write_data(out, found.payload);
            }
            _ => leftovers.keep(found),
        }
    }
    if let Some(leftovers) = open {
        leftovers.write(out);
        out.end_object();
    }
    out.end_list();
    Ok(())
}

/// What [`erspan_options`] writes.
pub const ERSPAN_OPTIONS_SHAPE: &Shape = &Shape::List(&Shape::Object(&[Part::Set(&ERSPAN_OPTIONS)]));

/// Options of ERSPAN: a list of one, in which `ip` and `tc` have all members, also those that its version has not. The
/// numbers are the same in the sets of routes, of the tunnel_key action and of flower.
pub fn erspan_options(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    out.begin_object();
    write_set(out, &context.inside(payload), &ERSPAN_OPTIONS, payload);
    for (number, key) in [(2, "index"), (3, "dir"), (4, "hwid")] {
        if attribute(payload, number).is_none() {
            out.key(key);
            out.unsigned(0);
        }
    }
    out.end_object();
    out.end_list();
    Ok(())
}

/// Half of an IPv6 address, as four groups: `1:2:3:4`.
pub fn locator(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let half = unsigned(Scalar::U64Be, payload)?;
    let group = |shift: u32| half >> shift & 0xffff;
    out.display(format_args!("{:x}:{:x}:{:x}:{:x}", group(48), group(32), group(16), group(0)));
    Ok(())
}

/// The members that [`segments`] writes.
const SEGMENTS_PARTS: &[Part] =
    &[Part::text("mode"), Part::texts("segs"), Part::number("hmac"), Part::texts("flags"), Part::number("tag")];

/// `struct seg6_iptunnel_encap`: how the header is added, and the header.
pub fn segments(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mode = u32_at(payload, 0).ok_or(Wrong::Short(12))?;
    out.key("mode");
    match name_of(SEG6_MODES, mode.into()) {
        Some(name) => out.string(name),
        None => out.display(mode as i32),
    }
    write_routing_header(out, &payload[4..])
}

/// What [`routing_header`] writes.
const ROUTING_HEADER_SHAPE: &Shape =
    &Shape::Object(&[Part::texts("segs"), Part::number("hmac"), Part::texts("flags"), Part::number("tag")]);

/// `struct ipv6_sr_hdr`: an object.
pub fn routing_header(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_routing_header(out, payload)?;
    out.end_object();
    Ok(())
}

/// Octets of `struct ipv6_sr_hdr` and of `struct ipv6_rpl_sr_hdr` before the segments.
const ROUTING_HEADER_BYTES: usize = 8;

/// Octets of `struct sr6_tlv_hmac`, the last thing in a header that has one.
const HMAC_BYTES: usize = 40;

/// `struct ipv6_sr_hdr`: its segments, the first to be visited first; they are stored the other way round.
fn write_routing_header(out: &mut Json, header: &[u8]) -> Decoded {
    if header.len() < ROUTING_HEADER_BYTES {
        return Err(Wrong::Because("too short for a routing header"));
    }
    let (last, flags, tag) = (usize::from(header[4]), header[5], u16::from_be_bytes([header[6], header[7]]));
    let all = header.get(ROUTING_HEADER_BYTES..ROUTING_HEADER_BYTES + (last + 1) * 16);
    out.key("segs");
    out.begin_list();
    for segment in all.ok_or(Wrong::Because("fewer segments than it says"))?.chunks_exact(16).rev() {
        write_ip(out, segment)?;
    }
    out.end_list();
    if flags & 0x08 != 0 {
        let end = (usize::from(header[1]) + 1) * 8;
        let hmac = end.checked_sub(HMAC_BYTES).and_then(|at| header.get(at..end));
        // Type, length and two octets of flags come before the key's number.
        let key = hmac.ok_or(Wrong::Because("too short for its HMAC"))?;
        out.key("hmac");
        out.unsigned(unsigned(Scalar::U32Be, &key[4..8])?);
    }
    if flags & !0x08 != 0 {
        out.key("flags");
        write_bits(out, SEG6_FLAGS, (flags & !0x08).into());
    }
    if tag != 0 {
        out.key("tag");
        out.unsigned(tag.into());
    }
    Ok(())
}

/// The members that [`rpl_segments`] writes.
const RPL_SEGMENTS_PARTS: &[Part] = &[Part::texts("segs")];

/// `struct ipv6_rpl_sr_hdr`: its segments, the first to be visited first.
pub fn rpl_segments(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < ROUTING_HEADER_BYTES {
        return Err(Wrong::Short(ROUTING_HEADER_BYTES));
    }
    let all = payload.get(ROUTING_HEADER_BYTES..ROUTING_HEADER_BYTES + usize::from(payload[3]) * 16);
    out.key("segs");
    out.begin_list();
    for segment in all.ok_or(Wrong::Because("fewer segments than it says"))?.chunks_exact(16).rev() {
        write_ip(out, segment)?;
    }
    out.end_list();
    Ok(())
}

/// The members that [`ioam_trace`] writes.
const IOAM_TRACE_PARTS: &[Part] =
    &[Part::bool("trace"), Part::bool("prealloc"), Part::number("type"), Part::number("ns"), Part::number("size")];

/// `struct ioam6_trace_hdr`: what is traced, for which namespace, in how many octets.
pub fn ioam_trace(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 8 {
        return Err(Wrong::Short(8));
    }
    for key in ["trace", "prealloc"] {
        out.key(key);
        out.bool(true);
    }
    out.key("type");
    out.unsigned(unsigned(Scalar::U32Be, &payload[4..8])? >> 8);
    out.key("ns");
    out.unsigned(unsigned(Scalar::U16Be, &payload[..2])?);
    out.key("size");
    // In units of four octets; the highest bit is not its.
    out.unsigned(u64::from(payload[3] & 0x7f) * 4);
    Ok(())
}

/// `LWT_BPF_PROG_*`: the program's name; empty where it has none.
pub fn program(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.text(attribute(payload, 2).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::walk::write_value;
    use crate::kinds::rtnetlink::route::ROUTE;
    use crate::netlink::wire::append_attribute;

    fn written(write: crate::decode::schema::WriteValue, payload: &[u8]) -> String {
        let mut out = Json::new();
        let context = ROUTE.context(payload, &NoLinks);
        let is: &'static crate::decode::schema::Is =
            Box::leak(Box::new(crate::decode::schema::Is::Members(write, &[])));
        match write_value(&mut out, &context, is, payload) {
            Ok(()) => String::from_utf8_lossy(out.bytes()).into_owned(),
            Err(wrong) => format!("{wrong:?}"),
        }
    }

    #[test]
    fn segments_are_told_in_the_order_of_the_way() {
        let mut header = vec![0, 4, 4, 1, 1, 0, 0, 7];
        header.extend_from_slice(&[0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        header.extend_from_slice(&[0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let mut payload = 1u32.to_ne_bytes().to_vec();
        payload.extend_from_slice(&header);
        assert_eq!(written(segments, &payload), r#"{"mode":"encap","segs":["fc00::1","fc00::2"],"tag":7}"#);
        assert!(written(segments, &payload[..30]).contains("fewer segments"));
        // Says that it has an HMAC, and is too short for it.
        payload[9] = 0x08;
        payload[5] = 1;
        assert!(written(segments, &payload).contains("HMAC"));
    }

    #[test]
    fn options_of_geneve_are_told_one_by_one() {
        let mut payload = Vec::new();
        for (class, data) in [(258u16, &b"ab"[..]), (259, b"cd")] {
            append_attribute(&mut payload, 1, &class.to_be_bytes());
            append_attribute(&mut payload, 2, &[128]);
            append_attribute(&mut payload, 3, data);
            append_attribute(&mut payload, 4, &[7]);
        }
        let mut out = Json::new();
        geneve_options(&mut out, &ROUTE.context(&payload, &NoLinks), &payload).unwrap();
        assert_eq!(
            String::from_utf8_lossy(out.bytes()),
            r#"[{"class":258,"type":128,"data":"6162","unknown":[{"attr":4,"hex":"07"}]},{"class":259,"type":128,"data":"6364","unknown":[{"attr":4,"hex":"07"}]}]"#
        );
    }

    #[test]
    fn traces_and_locators() {
        assert_eq!(
            written(ioam_trace, &[0, 1, 0x08, 3, 0x80, 0, 0, 0]),
            r#"{"trace":true,"prealloc":true,"type":8388608,"ns":1,"size":12}"#
        );
        let mut out = Json::new();
        let half = [0, 1, 0, 2, 0, 3, 0, 0xa4];
        locator(&mut out, &ROUTE.context(&half, &NoLinks), &half).unwrap();
        assert_eq!(out.bytes(), br#""1:2:3:a4""#);
    }

    #[test]
    fn flags_that_options_tell_are_not_told_twice() {
        assert_eq!(written(tunnel_flags, &[0x08, 0x0d]), r#"{"key":true,"csum":true,"seq":true}"#);
    }
}
