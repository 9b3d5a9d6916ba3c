//! `xfrm_state`: a security association, which says how the packets between two hosts are protected, one way.

use super::adapt::PREFIX_BYTES;
use super::attributes::{
    ATTRIBUTES, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_COMP, XFRMA_ALG_CRYPT, XFRMA_COADDR,
    XFRMA_MARK,
};
use super::message::{self, renumbered};
use super::shared::{
    FAMILIES, IPPROTO_DSTOPTS, IPPROTO_ROUTING, LIMITS, LIMITS_BYTES, MODES, PROTOCOLS, SELECTOR, STATS, USED,
    USED_BYTES, address_at,
};
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    DumpRequest, Field, Flush, Hooks, Identity, Interface, Is, Kind, Names, ObjectKey, Structure, Untold, field,
    field_of,
};
use crate::decode::title::{Word, detail, named, word};
use crate::netlink::wire::{attribute, attributes};

/// Octets of `struct xfrm_usersa_info`.
pub const SA_INFO_BYTES: usize = 224;
/// Where its parts stand, behind the prefix.
const TO_AT: usize = PREFIX_BYTES + 56;
const SPI_AT: usize = PREFIX_BYTES + 72;
const PROTOCOL_AT: usize = PREFIX_BYTES + 76;
const FROM_AT: usize = PREFIX_BYTES + 80;
const SEQUENCE_AT: usize = PREFIX_BYTES + 204;

/// `XFRMNLGRP_SA`, and `XFRMNLGRP_EXPIRE`: of one that has expired nothing else tells that it is gone.
const GROUPS: &[u32] = &[2, 3];

/// `XFRM_MSG_NEWSA`, `XFRM_MSG_UPDSA` and `XFRM_MSG_DELSA`.
pub static STATE: Kind = Kind {
    name: "xfrm_state",
    about: "security associations of IPsec, without their keys",
    title: TITLE,
    groups: GROUPS,
    new: renumbered(message::NEWSA),
    delete: renumbered(message::DELSA),
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(PREFIX_BYTES + 48),
    // As the kernel looks one up: by what packets carry, and the mark (`xfrm_state_lookup`).
    identity: Some(Identity {
        header: &[(0, 1), (TO_AT, 16), (SPI_AT, 4), (PROTOCOL_AT, 1)],
        attributes: &[XFRMA_MARK],
        members: &["family", "proto_id", "spi", "dst", "src", "mark", "mark_mask", "coa", "seq"],
    }),
    // The kernel reads attributes at once.
    dumps: &[DumpRequest { message: message::GETSA, header: &[], attributes: &[], per_link: None }],
    hooks: Hooks {
        also: &[(renumbered(message::UPDSA), false)],
        key: Some(write_key),
        flush: Some(Flush { message: renumbered(message::FLUSHSA), means: is_flushed }),
        untold: Untold::Of(is_larval),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// What one is called.
pub const TITLE: &[Word] = &[
    word("src"),
    word("dst").after("to"),
    word("proto"),
    named("spi"),
    named("mark"),
    named("coa"),
    detail("mode"),
    detail("reqid"),
    detail("if_id"),
    word("enc.name").as_detail(),
    word("auth.name").as_detail(),
    word("aead.name").as_detail(),
];

/// `struct xfrm_usersa_info`, behind the prefix.
pub static HEADER: Structure = Structure::new("xfrm_usersa_info", PREFIX_BYTES + SA_INFO_BYTES, FIELDS);
/// Its fields.
pub const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    address_at(FROM_AT, "src"),
    address_at(TO_AT, "dst"),
    field(PROTOCOL_AT, "proto", Is::NamedId(U8, PROTOCOLS)),
    field(SPI_AT, "spi", Is::Number(U32Be)),
    field(PREFIX_BYTES + 208, "reqid", Is::Number(U32)),
    field(PREFIX_BYTES + 214, "mode", Is::Named(U8, MODES)),
    field(PREFIX_BYTES + 215, "replay_window", Is::Number(U8)),
    field(SEQUENCE_AT, "seq", Is::Number(U32)),
    field(PREFIX_BYTES + 216, "flags", Is::Bits(U8, FLAGS)),
    field_of(PREFIX_BYTES, 56, "sel", SELECTOR),
    field_of(PREFIX_BYTES + 96, LIMITS_BYTES, "lft", LIMITS),
    field_of(PREFIX_BYTES + 160, USED_BYTES, "curlft", USED).volatile(),
    field(PREFIX_BYTES + 192, "stats", Is::Structure(&STATS)).volatile(),
];

/// `XFRM_STATE_*`, by `ip`'s names.
const FLAGS: &Names = &[
    (0x1, "noecn"),
    (0x2, "decap-dscp"),
    (0x4, "nopmtudisc"),
    (0x8, "wildrecv"),
    (0x10, "icmp"),
    (0x20, "af-unspec"),
    (0x40, "align4"),
    (0x80, "esn"),
];

/// The source, and the care-of address, of Mobile IPv6's associations, which have no SPI; of one that has none yet, the number of
/// the acquiring that it is for.
fn write_key(key: &mut ObjectKey, payload: &[u8], set: &[u8]) {
    let protocol = payload.get(PROTOCOL_AT).copied().unwrap_or_default();
    if is_of_mobile_ip(protocol) {
        push(key, payload.get(FROM_AT..FROM_AT + 16));
        push(key, attribute(set, XFRMA_COADDR));
    } else if payload.get(SPI_AT..SPI_AT + 4) == Some(&[0; 4]) {
        push(key, payload.get(SEQUENCE_AT..SEQUENCE_AT + 4));
    }
}

fn is_of_mobile_ip(protocol: u8) -> bool {
    [IPPROTO_ROUTING, IPPROTO_DSTOPTS].contains(&protocol.into())
}

/// Whether it waits for its keys. The kernel tells neither that it comes nor that the one with keys has replaced it.
fn is_larval(payload: &[u8]) -> bool {
    const ALGORITHMS: [u16; 5] =
        [XFRMA_ALG_AUTH, XFRMA_ALG_CRYPT, XFRMA_ALG_COMP, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC];
    let protocol = payload.get(PROTOCOL_AT).copied().unwrap_or_default();
    !is_of_mobile_ip(protocol) && !attributes(STATE.attributes(payload)).any(|found| ALGORITHMS.contains(&found.number))
}

/// Whether a flush means an association: those of one protocol, of IPsec's three, or all (`xfrm_id_proto_match`).
fn is_flushed(flush: &[u8], object: &[u8]) -> bool {
    const ANY: u8 = 255;
    const OF_IPSEC: [u8; 3] = [50, 51, 108];
    let protocol = object.get(PROTOCOL_AT).copied().unwrap_or_default();
    match flush.get(PREFIX_BYTES).copied().unwrap_or_default() {
        0 => true,
        ANY => OF_IPSEC.contains(&protocol),
        meant => protocol == meant,
    }
}
