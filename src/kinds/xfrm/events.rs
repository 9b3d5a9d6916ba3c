//! What happens to associations and policies, and is no state: each message is told.

use super::adapt::{POLICY_AT, PREFIX_BYTES, SELECTOR_BYTES};
use super::attributes::ATTRIBUTES;
use super::message::{self, renumbered};
use super::policy::{self, DIRECTIONS, POLICY_INFO_BYTES};
use super::shared::{FAMILIES, PROTOCOLS, SELECTOR, address_at};
use super::state::{self, SA_INFO_BYTES};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, Names, Part, SeverityRow, Sides, Structure,
    field, field_of,
};
use crate::decode::title::{Word, detail, named, word};
use crate::decode::walk::write_structure;
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;

/// A kind of which each message is told: its name, what it is, its title, group, type, header and hooks.
macro_rules! event {
    ($name:literal, $about:literal, $title:expr, $group:literal, $message:ident, $header:expr, $interface:expr, $hooks:expr) => {
        Kind {
            name: $name,
            about: $about,
            title: $title,
            groups: &[$group],
            new: renumbered(message::$message),
            header: $header,
            set: &ATTRIBUTES,
            interface: $interface,
            hooks: $hooks,
            ..Kind::PLAIN
        }
    };
}

/// An event that changes what is there.
const CHANGES: Hooks = Hooks { action: Some(|_, _| Action::Change), ..Hooks::NONE };

/// `XFRM_MSG_ACQUIRE`.
pub static ACQUIRE: Kind = event!(
    "xfrm_acquire",
    "traffic that wants a security association which is not there",
    &[
        word("src"),
        word("dst").after("to"),
        word("proto"),
        named("seq"),
        word("sel.src").as_detail(),
        word("sel.dst").after("to").as_detail()
    ],
    1,
    ACQUIRE,
    &ACQUIRE_HEADER,
    Interface::Header(PREFIX_BYTES + 40 + 48),
    Hooks { signals: Some(|_| Signals::SA_ACQUIRE), ..Hooks::NONE }
);

/// `struct xfrm_user_acquire`.
static ACQUIRE_HEADER: Structure = Structure::new("xfrm_user_acquire", PREFIX_BYTES + 280, ACQUIRE_FIELDS);
const ACQUIRE_FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    address_at(PREFIX_BYTES + 24, "src"),
    address_at(PREFIX_BYTES, "dst"),
    field(PREFIX_BYTES + 20, "proto", Is::NamedId(U8, PROTOCOLS)),
    field(PREFIX_BYTES + 16, "spi", Is::Number(U32Be)),
    field_of(PREFIX_BYTES + 40, SELECTOR_BYTES, "sel", SELECTOR),
    field(PREFIX_BYTES + 96, "policy", Is::Structure(&ACQUIRE_POLICY)),
    field(PREFIX_BYTES + 264, "auth_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    field(PREFIX_BYTES + 268, "enc_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    field(PREFIX_BYTES + 272, "comp_mask", Is::NumberUnless(U32, 0xffff_ffff)),
    field(PREFIX_BYTES + 276, "seq", Is::Number(U32)),
];
static ACQUIRE_POLICY: Structure = Structure::new("xfrm_userpolicy_info", POLICY_INFO_BYTES, &policy::fields(0));

/// `XFRM_MSG_EXPIRE` and `XFRM_MSG_POLEXPIRE`, whose object stands where an association does (`adapt.rs`).
pub static EXPIRE: Kind = event!(
    "xfrm_expire",
    "security associations, and policies, whose time or volume has run out",
    &[
        word("src"),
        word("dst").after("to"),
        word("proto"),
        named("spi"),
        named("mark"),
        named("coa"),
        word("dir"),
        named("index"),
        named("priority"),
        word("sel.src").as_detail(),
        word("sel.dst").after("to").as_detail(),
        detail("mode"),
        detail("reqid"),
        detail("if_id")
    ],
    2,
    EXPIRE,
    &EXPIRE_HEADER,
    Interface::Header(PREFIX_BYTES + 48),
    Hooks { signals: Some(expired), severity: OF_EXPIRY, ..CHANGES }
);

/// `struct xfrm_user_expire`; what says whether the limit was the last one has padding behind it.
static EXPIRE_HEADER: Structure = Structure::new("xfrm_user_expire", HARD_AT + 8, EXPIRE_FIELDS);
const EXPIRE_FIELDS: &[Field] =
    &[field_of(0, HARD_AT, "of", Is::Members(what_has_expired, WHAT_EXPIRES)), field(HARD_AT, "hard", Is::Bool(U8))];
const HARD_AT: usize = PREFIX_BYTES + SA_INFO_BYTES;
const WHAT_EXPIRES: &[Part] = &[Part::Structure(&state::HEADER), Part::Structure(&policy::HEADER)];

fn what_has_expired(out: &mut Json, context: &Context<'_>, octets: &[u8]) -> Decoded {
    let structure = if is_policys(octets) { &policy::HEADER } else { &state::HEADER };
    write_structure(out, context, structure, &octets[..structure.bytes.min(octets.len())]);
    Ok(())
}

/// Whether a message is of a policy.
fn is_policys(message: &[u8]) -> bool {
    message.get(POLICY_AT).is_some_and(|&is| is != 0)
}

const OF_EXPIRY: &[SeverityRow] = &[SeverityRow::all(Severity::Notice)];

fn expired(sides: &Sides<'_>) -> Signals {
    match sides.message.get(HARD_AT) {
        _ if is_policys(sides.message) => Signals::NONE,
        Some(0) | None => Signals::SA_EXPIRED_SOFT,
        Some(_) => Signals::SA_EXPIRED,
    }
}

/// `XFRM_MSG_NEWAE`.
pub static AE: Kind = event!(
    "xfrm_ae",
    "how far security associations are, told to who keeps them twice",
    OF_ONE,
    5,
    NEWAE,
    &AE_HEADER,
    Interface::None,
    Hooks { severity: &[SeverityRow::all(Severity::Debug)], ..CHANGES }
);

const OF_ONE: &[Word] =
    &[word("src"), word("dst").after("to"), word("proto"), named("spi"), named("mark"), detail("reqid")];

/// `struct xfrm_aevent_id`.
static AE_HEADER: Structure = Structure::new("xfrm_aevent_id", PREFIX_BYTES + 48, AE_FIELDS);
const AE_FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    address_at(PREFIX_BYTES + 24, "src"),
    address_at(PREFIX_BYTES, "dst"),
    field(PREFIX_BYTES + 22, "proto", Is::NamedId(U8, PROTOCOLS)),
    field(PREFIX_BYTES + 16, "spi", Is::Number(U32Be)),
    field(PREFIX_BYTES + 44, "reqid", Is::Number(U32)),
    field(PREFIX_BYTES + 40, "flags", Is::Bits(U32, AE_FLAGS)),
];
/// `XFRM_AE_*`: what it says, and why.
const AE_FLAGS: &Names = &[(1, "rthr"), (2, "rval"), (4, "lval"), (8, "ethr"), (16, "cr"), (32, "ce"), (64, "cu")];

/// `XFRM_MSG_MAPPING`.
pub static MAPPING: Kind = event!(
    "xfrm_mapping",
    "peers behind NAT whose address or port is another one now",
    &[
        word("old_src"),
        word("old_sport").joined(":"),
        word("new_src").after("is"),
        word("new_sport").joined(":"),
        word("dst").after("to"),
        word("proto"),
        named("spi"),
        detail("reqid")
    ],
    8,
    MAPPING,
    &MAPPING_HEADER,
    Interface::None,
    CHANGES
);

/// `struct xfrm_user_mapping`.
static MAPPING_HEADER: Structure = Structure::new("xfrm_user_mapping", PREFIX_BYTES + 64, MAPPING_FIELDS);
const MAPPING_FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    address_at(PREFIX_BYTES, "dst"),
    field(PREFIX_BYTES + 22, "proto", Is::NamedId(U8, PROTOCOLS)),
    field(PREFIX_BYTES + 16, "spi", Is::Number(U32Be)),
    field(PREFIX_BYTES + 24, "reqid", Is::Number(U32)),
    address_at(PREFIX_BYTES + 28, "old_src"),
    field(PREFIX_BYTES + 60, "old_sport", Is::Number(U16Be)),
    address_at(PREFIX_BYTES + 44, "new_src"),
    field(PREFIX_BYTES + 62, "new_sport", Is::Number(U16Be)),
];

/// `XFRM_MSG_MIGRATE`.
pub static MIGRATE: Kind = event!(
    "xfrm_migrate",
    "security associations that go over to other addresses",
    &[
        word("sel.src"),
        word("sel.dst").after("to"),
        word("dir"),
        word("migrate").each(&[
            word("old_src"),
            word("old_dst").after("to"),
            word("new_src").after("are now"),
            word("new_dst").after("to")
        ])
    ],
    7,
    MIGRATE,
    &MIGRATE_HEADER,
    Interface::Header(PREFIX_BYTES + 48),
    CHANGES
);

/// `struct xfrm_userpolicy_id`.
static MIGRATE_HEADER: Structure = Structure::new("xfrm_userpolicy_id", PREFIX_BYTES + 64, MIGRATE_FIELDS);
const MIGRATE_FIELDS: &[Field] = &[
    field_of(PREFIX_BYTES, SELECTOR_BYTES, "sel", SELECTOR),
    field(PREFIX_BYTES + 60, "dir", Is::Named(U8, DIRECTIONS)),
    field(PREFIX_BYTES + 56, "index", Is::Number(U32)),
];

/// `XFRM_MSG_REPORT`.
pub static REPORT: Kind = event!(
    "xfrm_report",
    "packets of Mobile IPv6 that no policy allows",
    &[word("sel.src"), word("sel.dst").after("to"), word("proto")],
    6,
    REPORT,
    &REPORT_HEADER,
    Interface::Header(PREFIX_BYTES + 4 + 48),
    Hooks::NONE
);

/// `struct xfrm_user_report`.
static REPORT_HEADER: Structure = Structure::new("xfrm_user_report", PREFIX_BYTES + 60, REPORT_FIELDS);
const REPORT_FIELDS: &[Field] = &[
    field(PREFIX_BYTES, "proto", Is::NamedId(U8, PROTOCOLS)),
    field_of(PREFIX_BYTES + 4, SELECTOR_BYTES, "sel", SELECTOR),
];

/// `XFRM_MSG_GETDEFAULT`, of which the kernel also tells what was set. There is one, since Linux 5.14.
pub static DEFAULT: Kind = Kind {
    identity: Some(Identity { header: &[], attributes: &[], members: &[] }),
    dumps: &[DumpRequest { message: message::GETDEFAULT, header: &[0; 3], attributes: &[], per_link: None }],
    ..event!(
        "xfrm_default",
        "what happens to packets that no policy is about",
        &[word("in").after("in"), word("fwd").after("fwd"), word("out").after("out")],
        4,
        GETDEFAULT,
        &DEFAULT_HEADER,
        Interface::None,
        Hooks { single: true, ..CHANGES }
    )
};

/// `struct xfrm_userpolicy_default`.
static DEFAULT_HEADER: Structure = Structure::new("xfrm_userpolicy_default", PREFIX_BYTES + 3, DEFAULT_FIELDS);
const DEFAULT_FIELDS: &[Field] = &[
    field(PREFIX_BYTES, "in", Is::Named(U8, DEFAULTS)),
    field(PREFIX_BYTES + 1, "fwd", Is::Named(U8, DEFAULTS)),
    field(PREFIX_BYTES + 2, "out", Is::Named(U8, DEFAULTS)),
];
/// `XFRM_USERPOLICY_*`.
const DEFAULTS: &Names = &[(0, "unspec"), (1, "block"), (2, "accept")];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{NoLinks, write_object};
    use crate::kinds::xfrm::policy::POLICY_INFO_BYTES;
    use crate::kinds::xfrm::testing::{association, message_of};
    use crate::kinds::xfrm::{PROTOCOL, adapt::adapt};
    use crate::netlink::wire::messages;

    #[test]
    fn what_expires_is_an_association_or_a_policy() {
        let mut policy = vec![0; POLICY_INFO_BYTES];
        policy[156..160].copy_from_slice(&33u32.to_ne_bytes());
        policy[160] = 1;
        for (kind, object, has, signals) in [
            (message::EXPIRE, association(4097, &[]), "\"spi\":4097,", Signals::SA_EXPIRED_SOFT),
            (message::POLEXPIRE, policy, "\"dir\":\"out\",\"action\":\"allow\",\"index\":33,", Signals::NONE),
        ] {
            let mut out = Vec::new();
            adapt(&message_of(kind, 0, &[&object[..], &[0; 8]].concat()), &mut out);
            let message = messages(&out).next().unwrap();
            assert!(PROTOCOL.kinds.iter().any(|kind| kind.is(&EXPIRE)) && message.header.kind == EXPIRE.new);
            let mut json = Json::new();
            write_object(&mut json, &EXPIRE, &EXPIRE.context(message.payload, &NoLinks));
            let text = String::from_utf8(json.bytes().to_vec()).unwrap();
            assert!(text.contains(has) && text.contains("\"hard\":false"), "{text}");
            assert_eq!(text.contains("\"index\""), kind == message::POLEXPIRE, "{text}");
            assert!(!text.contains("unknown"), "{text}");
            let sides = Sides { old: None, new: None, message: message.payload };
            assert_eq!(expired(&sides), signals);
        }
    }
}
