//! `xfrm_policy`: which packets are protected, how, or let through, or dropped.

use super::adapt::PREFIX_BYTES;
use super::attributes::{ATTRIBUTES, policy_type_of};
use super::message::{self, renumbered};
use super::shared::{LIMITS, LIMITS_BYTES, SELECTOR, SHARES, USED, USED_BYTES};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    DumpRequest, Field, Flush, Hooks, Identity, Interface, Is, Kind, Names, ObjectKey, Structure, Untold, field,
    field_of,
};
use crate::decode::title::{Word, detail, named, word};
use crate::netlink::wire::u32_at;

/// Octets of `struct xfrm_userpolicy_info`.
pub const POLICY_INFO_BYTES: usize = 168;
const INDEX_AT: usize = PREFIX_BYTES + 156;

/// `XFRMNLGRP_POLICY`, and `XFRMNLGRP_EXPIRE`: of one that has expired nothing else tells that it is gone.
const GROUPS: &[u32] = &[2, 4];

/// `XFRM_MSG_NEWPOLICY`, `XFRM_MSG_UPDPOLICY` and `XFRM_MSG_DELPOLICY`.
pub static POLICY: Kind = Kind {
    name: "xfrm_policy",
    about: "policies of IPsec: which packets are protected, and how",
    title: TITLE,
    groups: GROUPS,
    new: renumbered(message::NEWPOLICY),
    delete: renumbered(message::DELPOLICY),
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(PREFIX_BYTES + 48),
    // An update keeps the index.
    identity: Some(Identity { header: &[(INDEX_AT, 4)], attributes: &[], members: &["index", "ptype"] }),
    dumps: &[DumpRequest { message: message::GETPOLICY, header: &[0; 64], attributes: &[], per_link: None }],
    hooks: Hooks {
        also: &[(renumbered(message::UPDPOLICY), false)],
        key: Some(write_key),
        flush: Some(Flush { message: renumbered(message::FLUSHPOLICY), means: is_flushed }),
        untold: Untold::Of(is_of_socket),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// What one is called.
pub const TITLE: &[Word] = &[
    word("sel.src"),
    word("sel.dst").after("to"),
    word("sel.proto"),
    word("dir"),
    named("index"),
    named("priority"),
    word("action").as_detail(),
    detail("if_id"),
    word("tmpl").each(&[word("proto"), word("mode"), word("src").after("from"), word("dst").after("to")]).as_detail(),
];

/// `struct xfrm_userpolicy_info`, behind the prefix.
pub static HEADER: Structure = Structure::new("xfrm_userpolicy_info", PREFIX_BYTES + POLICY_INFO_BYTES, FIELDS);
/// Its fields there.
pub const FIELDS: &[Field] = &fields(PREFIX_BYTES);

/// The fields of the structure that begins there.
pub const fn fields(at: usize) -> [Field; 9] {
    [
        field_of(at, 56, "sel", SELECTOR),
        field(at + 160, "dir", Is::Named(U8, DIRECTIONS)),
        field(at + 161, "action", Is::Named(U8, &[(0, "allow"), (1, "block")])),
        field(at + 156, "index", Is::Number(U32)),
        field(at + 152, "priority", Is::Number(U32)),
        field(at + 163, "share", Is::Named(U8, SHARES)),
        field(at + 162, "flags", Is::Bits(U8, &[(1, "localok"), (2, "icmp")])),
        field_of(at + 56, LIMITS_BYTES, "lft", LIMITS),
        field_of(at + 120, USED_BYTES, "curlft", USED).volatile(),
    ]
}

/// `XFRM_POLICY_IN`, `_OUT` and `_FWD`; of a socket's own policies (`IP_XFRM_POLICY`), the same behind `XFRM_POLICY_MAX`.
pub const DIRECTIONS: &Names = &[(0, "in"), (1, "out"), (2, "fwd"), (3, "socket-in"), (4, "socket-out")];

/// Its type, whose attribute has padding that differs.
fn write_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    key.push(policy_type_of(set));
}

/// Whether it is a socket's own, which nothing tells of (`xfrm_sk_policy_insert`).
fn is_of_socket(payload: &[u8]) -> bool {
    // `xfrm_policy_id2dir`.
    u32_at(payload, INDEX_AT).unwrap_or_default() & 7 >= 3
}

/// Whether a flush means a policy: those of its type that are no socket's (`xfrm_policy_flush`).
fn is_flushed(flush: &[u8], object: &[u8]) -> bool {
    let of_flush = policy_type_of(flush.get(PREFIX_BYTES..).unwrap_or_default());
    policy_type_of(POLICY.attributes(object)) == of_flush && !is_of_socket(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::xfrm::attributes::XFRMA_POLICY_TYPE;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn a_flush_means_those_of_its_type_that_are_no_sockets() {
        let policy = |index: u32, kind: Option<u8>| {
            let mut payload = vec![0; HEADER.bytes];
            payload[INDEX_AT..INDEX_AT + 4].copy_from_slice(&index.to_ne_bytes());
            kind.iter().for_each(|&kind| append_attribute(&mut payload, XFRMA_POLICY_TYPE, &[kind, 0, 0, 0, 0, 0]));
            payload
        };
        let flush = |kind: Option<u8>| {
            let mut payload = vec![0; PREFIX_BYTES];
            kind.iter().for_each(|&kind| append_attribute(&mut payload, XFRMA_POLICY_TYPE, &[kind, 0, 0, 0, 0, 0]));
            payload
        };
        for (asked, index, kind, meant) in [
            (Some(0), 9, Some(0), true),
            (None, 9, None, true),
            (Some(1), 9, Some(0), false),
            (Some(1), 9, Some(1), true),
            (Some(0), 11, Some(0), false),
        ] {
            assert_eq!(is_flushed(&flush(asked), &policy(index, kind)), meant, "{asked:?} {index} {kind:?}");
        }
    }
}
