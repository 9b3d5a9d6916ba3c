//! Actions that put headers around packets and take them off: `vlan`, `mpls`, `tunnel_key`, `ife`. `tc_act/`.

use super::generic::{BINDINGS, CAPABILITIES, INDEX, REFERENCES, VERDICT};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, Structure, Wrong, field, row};
use crate::decode::value::{any_unsigned, write_ip};
use crate::decode::walk::write_structure;
use crate::json::Json;
use crate::kinds::rtnetlink::encap::{
    ERSPAN_OPTIONS_SHAPE, GENEVE_AS_NUMBERS_SHAPE, erspan_options, geneve_options_as_numbers,
};
use crate::kinds::rtnetlink::names::ETHER_TYPES;
use crate::kinds::rtnetlink::shared::write_true;
use crate::kinds::rtnetlink::tc::shared::{TIMES, write_number};
use crate::netlink::wire::u32_at;

/// `TCA_VLAN_*`.
pub(super) static VLAN: Set = Set::new(
    "TCA_VLAN",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&VLAN_PARAMETERS)),
        row(3, "id", Is::Number(U16)),
        row(4, "protocol", Is::Named(U16Be, ETHER_TYPES)),
        row(5, "pad", Is::Known),
        row(6, "priority", Is::Number(U8)),
        row(7, "dst_mac", Is::Hardware),
        row(8, "src_mac", Is::Hardware),
    ],
);

/// `struct tc_vlan`.
static VLAN_PARAMETERS: Structure = Structure::new(
    "tc_vlan",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(
            20,
            "vlan_action",
            Is::Named(U32, &[(1, "pop"), (2, "push"), (3, "modify"), (4, "pop_eth"), (5, "push_eth")]),
        ),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_MPLS_*`.
pub(super) static MPLS: Set = Set::new(
    "TCA_MPLS",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&MPLS_PARAMETERS)),
        row(3, "pad", Is::Known),
        row(4, "protocol", Is::Named(U16Be, ETHER_TYPES)),
        row(5, "label", Is::Number(U32)),
        row(6, "tc", Is::Number(U8)),
        row(7, "ttl", Is::Number(U8)),
        row(8, "bos", Is::Number(U8)),
    ],
);

/// `struct tc_mpls`.
static MPLS_PARAMETERS: Structure = Structure::new(
    "tc_mpls",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(
            20,
            "mpls_action",
            Is::Named(U32, &[(1, "pop"), (2, "push"), (3, "modify"), (4, "dec_ttl"), (5, "mac_push")]),
        ),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_TUNNEL_KEY_*`.
pub(super) static TUNNEL_KEY: Set = Set::new(
    "TCA_TUNNEL_KEY",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::Members(tunnel_key, &[Part::Structure(&TUNNEL_KEY_PARAMETERS), Part::bool("nofrag")])),
        row(3, "src_ip", Is::Members(tunnel_source, &[Part::Member("src_ip", &Shape::As(&Is::Ip))])),
        row(4, "dst_ip", Is::Members(tunnel_destination, &[Part::Member("dst_ip", &Shape::As(&Is::Ip))])),
        row(5, "src_ip6", Is::Members(tunnel_source, &[Part::Member("src_ip", &Shape::As(&Is::Ip))])),
        row(6, "dst_ip6", Is::Members(tunnel_destination, &[Part::Member("dst_ip", &Shape::As(&Is::Ip))])),
        row(7, "key_id", Is::Number(U32Be)),
        row(8, "pad", Is::Known),
        row(9, "dst_port", Is::Number(U16Be)),
        row(10, "flag", Is::Named(U8, &[(0, "csum"), (1, "nocsum")])),
        row(11, "enc_opts", Is::Inline(&TUNNEL_OPTIONS)),
        row(12, "tos", Is::NumberUnless(U8, 0)),
        row(13, "ttl", Is::NumberUnless(U8, 0)),
        // That it is there says it, and is told by the parameters.
        row(TCA_TUNNEL_KEY_NO_FRAG, "nofrag", Is::Known),
    ],
);

/// `TCA_TUNNEL_KEY_NO_FRAG`.
const TCA_TUNNEL_KEY_NO_FRAG: u16 = 14;

/// `struct tc_tunnel_key`.
static TUNNEL_KEY_PARAMETERS: Structure = Structure::new(
    "tc_tunnel_key",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(20, "mode", Is::Named(U32, &[(1, "set"), (2, "unset")])),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_TUNNEL_KEY_ENC_OPTS_*`.
static TUNNEL_OPTIONS: Set = Set::new(
    "TCA_TUNNEL_KEY_ENC_OPTS",
    &[
        row(1, "geneve_opts", Is::Value(geneve_options_as_numbers, GENEVE_AS_NUMBERS_SHAPE)),
        row(2, "vxlan_opts", Is::Set(&VXLAN_OPTIONS)).repeated(),
        row(3, "erspan_opts", Is::Value(erspan_options, ERSPAN_OPTIONS_SHAPE)),
    ],
);

/// `TCA_TUNNEL_KEY_ENC_OPT_VXLAN_*`.
static VXLAN_OPTIONS: Set = Set::new("TCA_TUNNEL_KEY_ENC_OPT_VXLAN", &[row(1, "gbp", Is::Number(U32))]);

/// `struct tc_tunnel_key`, and whether fragments are forbidden, which `tc` tells of every tunnel that is set.
fn tunnel_key(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SET: u32 = 1;
    let mode = u32_at(payload, 20).ok_or(Wrong::Length(24))?;
    write_structure(out, context, &TUNNEL_KEY_PARAMETERS, payload);
    if mode == SET {
        out.key("nofrag");
        out.bool(context.sibling(TCA_TUNNEL_KEY_NO_FRAG).is_some());
    }
    Ok(())
}

/// The tunnel's source, of either family.
fn tunnel_source(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("src_ip");
    write_ip(out, payload)
}

/// The tunnel's destination, of either family.
fn tunnel_destination(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("dst_ip");
    write_ip(out, payload)
}

/// `TCA_IFE_*`.
pub(super) static IFE: Set = Set::new(
    "TCA_IFE",
    &[
        row(1, "parms", Is::InlineStructure(&IFE_PARAMETERS)),
        row(2, "tm", TIMES).volatile(),
        row(3, "dst", Is::Hardware),
        row(4, "src", Is::Hardware),
        row(5, "type", Is::Number(U16)),
        row(6, "metalst", Is::Inline(&IFE_METADATA)),
        row(7, "pad", Is::Known),
    ],
);

/// `struct tc_ife`.
static IFE_PARAMETERS: Structure = Structure::new(
    "tc_ife",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(20, "mode", Is::Named(U16, &[(0, "decode"), (1, "encode")])),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `IFE_META_*`: `include/uapi/linux/ife.h`.
static IFE_METADATA: Set = Set::new(
    "IFE_META",
    &[
        row(1, "mark", Is::Members(ife_metadata, &[Part::number("mark"), Part::bool("allow_mark")])),
        row(2, "hashid", Is::Members(ife_metadata, &[Part::number("hashid"), Part::bool("allow_hashid")])),
        row(3, "prio", Is::Members(ife_metadata, &[Part::number("prio"), Part::bool("allow_prio")])),
        row(4, "qmap", Is::Members(ife_metadata, &[Part::number("qmap"), Part::bool("allow_qmap")])),
        row(5, "tcindex", Is::Members(ife_metadata, &[Part::number("tcindex"), Part::bool("allow_tcindex")])),
    ],
);

/// Something about a packet that goes along: its value, or that the packet's own is taken.
fn ife_metadata(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const KEYS: [(&str, &str); 5] = [
        ("mark", "allow_mark"),
        ("hashid", "allow_hashid"),
        ("prio", "allow_prio"),
        ("qmap", "allow_qmap"),
        ("tcindex", "allow_tcindex"),
    ];
    let at = usize::from(context.number()).checked_sub(1);
    let (value, allow) = at.and_then(|at| KEYS.get(at)).copied().ok_or(Wrong::Because("no such metadata"))?;
    match payload {
        [] => write_true(out, allow),
        _ => write_number(out, value, any_unsigned(payload)?),
    }
    Ok(())
}
