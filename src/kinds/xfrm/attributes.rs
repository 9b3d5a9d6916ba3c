//! `XFRMA_*` (`enum xfrm_attr_type_t`): the same attributes stand in all messages.

use super::shared::{
    ADDRESS, KEY_MANAGER, MOVE, MOVE_BYTES, TEMPLATE, TEMPLATE_BYTES, USED, write_address, write_time,
};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, Field, Is, Names, Part, Set, Shape, Structure, TEXT, Wrong, field, field_of, row,
};
use crate::decode::value::{unsigned, write_named, write_number};
use crate::json::Json;
use crate::netlink::wire::{attribute, u32_at};

/// `struct xfrm_algo` of authentication, and the keys of associations' other algorithms.
pub const XFRMA_ALG_AUTH: u16 = 1;
/// Encryption.
pub const XFRMA_ALG_CRYPT: u16 = 2;
/// Compression, which has no key.
pub const XFRMA_ALG_COMP: u16 = 3;
/// The association that a removal names.
pub const XFRMA_SA: u16 = 6;
/// The policy that a removal names.
pub const XFRMA_POLICY: u16 = 7;
/// The care-of address of Mobile IPv6.
pub const XFRMA_COADDR: u16 = 14;
/// `struct xfrm_userpolicy_type`.
pub const XFRMA_POLICY_TYPE: u16 = 16;
/// Both, encryption and authentication.
pub const XFRMA_ALG_AEAD: u16 = 18;
/// Authentication with how much of it is sent.
pub const XFRMA_ALG_AUTH_TRUNC: u16 = 20;
/// `struct xfrm_mark`.
pub const XFRMA_MARK: u16 = 21;
/// The number of the interface of type `xfrm`.
pub const XFRMA_IF_ID: u16 = 31;
/// The last one that is known not to be a key, or is known as one.
pub const XFRMA_NEWEST: u16 = 41;

/// The attributes of all kinds.
pub static ATTRIBUTES: Set = Set::new(
    "XFRMA",
    &[
        row(XFRMA_ALG_AUTH, "auth", Is::Members(whole_authentication, &[Part::Member("auth", WITH_TRUNC)])),
        row(XFRMA_ALG_CRYPT, "enc", Is::Value(algorithm, ALGORITHM)),
        row(XFRMA_ALG_COMP, "comp", Is::Value(algorithm, ALGORITHM)),
        row(4, "encap", Is::Value(encapsulation, ENCAPSULATION)),
        row(5, "tmpl", Is::Array(&TEMPLATE, TEMPLATE_BYTES)),
        row(XFRMA_SA, "sa", Is::Known),
        row(XFRMA_POLICY, "policy", Is::Known),
        row(8, "sec_ctx", Is::Value(security_context, SECURITY_CONTEXT)),
        row(9, "curlft", USED).volatile(),
        row(10, "replay", Is::Structure(&REPLAY)).volatile(),
        row(11, "replay_thresh", Is::Number(U32)),
        row(12, "etimer_thresh", Is::Number(U32)),
        row(13, "srcaddr", ADDRESS),
        row(XFRMA_COADDR, "coa", ADDRESS),
        row(15, "lastused", Is::Value(time, TEXT)).volatile(),
        row(XFRMA_POLICY_TYPE, "ptype", Is::Value(policy_type, TEXT)),
        row(17, "migrate", Is::Array(&MOVE, MOVE_BYTES)),
        row(XFRMA_ALG_AEAD, "aead", Is::Value(algorithm_with_icv, WITH_ICV)),
        row(19, "kmaddress", KEY_MANAGER),
        row(XFRMA_ALG_AUTH_TRUNC, "auth", Is::Value(algorithm_with_trunc, WITH_TRUNC)),
        row(XFRMA_MARK, "mark", Is::Members(mark, &[Part::number("mark"), Part::number("mark_mask")])),
        row(22, "tfcpad", Is::Number(U32)),
        row(23, "replay_esn", Is::Value(replay_esn, REPLAY_ESN)).volatile(),
        row(24, "extra_flags", Is::Bits(U32, &[(1, "dont-encap-dscp"), (2, "oseq-may-wrap")])),
        row(25, "proto_filter", Is::Number(U8)),
        row(26, "address_filter", Is::Hex),
        row(27, "pad", Is::Known),
        row(28, "offload", Is::Structure(&OFFLOAD)),
        row(29, "output_mark", Is::Number(U32)),
        row(30, "output_mark_mask", Is::Number(U32)),
        row(XFRMA_IF_ID, "if_id", Is::Number(U32)),
        row(32, "mtimer_thresh", Is::Number(U32)),
        row(33, "dir", Is::Named(U8, &[(1, "in"), (2, "out")])),
        row(34, "nat_keepalive_interval", Is::Number(U32)),
        row(35, "pcpu_num", Is::Number(U32)),
        row(36, "iptfs_drop_time", Is::Number(U32)),
        row(37, "iptfs_reorder_window", Is::Number(U16)),
        row(38, "iptfs_dont_frag", Is::Present),
        row(39, "iptfs_init_delay", Is::Number(U32)),
        row(40, "iptfs_max_qsize", Is::Number(U32)),
        row(XFRMA_NEWEST, "iptfs_pkt_size", Is::Number(U32)),
    ],
);

const ALGORITHM: &Shape = &Shape::Object(&[Part::text("name"), Part::number("key_bits")]);
const WITH_TRUNC: &Shape = &Shape::Object(&[Part::text("name"), Part::number("key_bits"), Part::number("trunc")]);
const WITH_ICV: &Shape = &Shape::Object(&[Part::text("name"), Part::number("key_bits"), Part::number("icv")]);

/// An algorithm: its name and its key's length, and never the key.
fn algorithm(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_algorithm(out, payload, None)
}

fn algorithm_with_trunc(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_algorithm(out, payload, Some("trunc"))
}

fn algorithm_with_icv(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_algorithm(out, payload, Some("icv"))
}

/// The kernel sends it beside [`XFRMA_ALG_AUTH_TRUNC`], which says more.
fn whole_authentication(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(XFRMA_ALG_AUTH_TRUNC).is_some() {
        return Ok(());
    }
    out.key("auth");
    write_algorithm(out, payload, None)
}

fn write_algorithm(out: &mut Json, payload: &[u8], length_key: Option<&str>) -> Decoded {
    const NAME_BYTES: usize = 64;
    let (Some(name), Some(bits)) = (payload.get(..NAME_BYTES), u32_at(payload, NAME_BYTES)) else {
        return Err(Wrong::Short(NAME_BYTES + 4));
    };
    out.begin_object();
    out.key("name");
    out.text(name);
    out.key("key_bits");
    out.unsigned(bits.into());
    if let Some(key) = length_key {
        let length = u32_at(payload, NAME_BYTES + 4).ok_or(Wrong::Short(NAME_BYTES + 8))?;
        out.key(key);
        out.unsigned(length.into());
    }
    out.end_object();
    Ok(())
}

/// `UDP_ENCAP_*` and `TCP_ENCAP_*`, by `ip`'s names.
const ENCAPSULATIONS: &Names = &[(1, "espinudp-nonike"), (2, "espinudp"), (7, "espintcp")];
const ENCAPSULATION: &Shape = &Shape::Object(&[
    Part::text("type"),
    Part::number("sport"),
    Part::number("dport"),
    Part::Member("addr", &Shape::As(&Is::Ip)),
]);

/// `struct xfrm_encap_tmpl`.
fn encapsulation(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 24;
    let Some(&octets) = payload.first_chunk::<BYTES>() else { return Err(Wrong::Length(BYTES)) };
    out.begin_object();
    out.key("type");
    write_named(out, ENCAPSULATIONS, unsigned(U16, &octets[..2])?);
    out.key("sport");
    write_number(out, U16Be, &octets[2..4])?;
    out.key("dport");
    write_number(out, U16Be, &octets[4..6])?;
    out.key("addr");
    write_address(out, context.family(), &octets[8..])?;
    out.end_object();
    Ok(())
}

const SECURITY_CONTEXT: &Shape = &Shape::Object(&[Part::number("alg"), Part::number("doi"), Part::text("ctx")]);

/// `struct xfrm_user_sec_ctx`, and the context behind it.
fn security_context(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(&[algorithm, interpretation]), Some(text)) =
        (payload.get(4..6).and_then(|octets| octets.first_chunk::<2>()), payload.get(8..))
    else {
        return Err(Wrong::Short(8));
    };
    out.begin_object();
    out.key("alg");
    out.unsigned(algorithm.into());
    out.key("doi");
    out.unsigned(interpretation.into());
    out.key("ctx");
    out.text(text);
    out.end_object();
    Ok(())
}

/// `struct xfrm_replay_state`.
static REPLAY: Structure = Structure::new("xfrm_replay_state", 12, REPLAY_FIELDS);
const REPLAY_FIELDS: &[Field] = &[
    field(0, "oseq", Is::Number(U32)),
    field(4, "seq", Is::Number(U32)),
    field_of(8, 4, "bitmap", Is::Value(bitmap, TEXT)),
];

fn bitmap(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.display(format_args!("0x{:08x}", unsigned(U32, payload)?));
    Ok(())
}

const REPLAY_ESN: &Shape = &Shape::Object(&[
    Part::number("seq_hi"),
    Part::number("seq"),
    Part::number("oseq_hi"),
    Part::number("oseq"),
    Part::number("replay_window"),
    Part::Member("bitmap", &Shape::List(TEXT)),
]);

/// `struct xfrm_replay_state_esn`: the words of the bitmap follow it.
fn replay_esn(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 24;
    let words = payload.get(BYTES..).ok_or(Wrong::Short(BYTES))?;
    out.begin_object();
    for (key, at) in [("seq_hi", 16), ("seq", 8), ("oseq_hi", 12), ("oseq", 4), ("replay_window", 20)] {
        out.key(key);
        write_number(out, U32, &payload[at..at + 4])?;
    }
    out.key("bitmap");
    out.begin_list();
    for word in words.chunks_exact(4) {
        out.display(format_args!("0x{:08x}", unsigned(U32, word)?));
    }
    out.end_list();
    out.end_object();
    Ok(())
}

fn time(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_time(out, unsigned(U64, payload)?);
    Ok(())
}

/// `struct xfrm_userpolicy_type`: its first octet.
fn policy_type(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let kind = payload.first().ok_or(Wrong::Short(1))?;
    write_named(out, &[(0, "main"), (1, "sub"), (255, "any")], (*kind).into());
    Ok(())
}

/// `struct xfrm_mark`.
fn mark(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let (Some(mark), Some(mask), 8) = (u32_at(payload, 0), u32_at(payload, 4), payload.len()) else {
        return Err(Wrong::Length(8));
    };
    for (key, number) in [("mark", mark), ("mark_mask", mask)] {
        out.key(key);
        out.unsigned(number.into());
    }
    Ok(())
}

/// `struct xfrm_user_offload`.
static OFFLOAD: Structure = Structure::new(
    "xfrm_user_offload",
    8,
    &[field(0, "dev", Is::Link), field(4, "flags", Is::Bits(U8, &[(1, "ipv6"), (2, "inbound"), (4, "packet")]))],
);

/// The type of a policy, from its attributes; 0 (`XFRM_POLICY_TYPE_MAIN`) where the kernel has but one.
pub fn policy_type_of(set: &[u8]) -> u8 {
    attribute(set, XFRMA_POLICY_TYPE).and_then(|kind| kind.first().copied()).unwrap_or_default()
}
