//! What happens to associations and policies, and is no state: each message is told.

use super::adapt::{PREFIX_BYTES, SELECTOR_BYTES};
use super::attributes::ATTRIBUTES;
use super::message::{self, renumbered};
use super::policy::{self, DIRECTIONS, POLICY_INFO_BYTES};
use super::shared::{FAMILIES, PROTOCOLS, SELECTOR, address_at};
use super::state::{self, SA_INFO_BYTES};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, Names, SeverityRow, Sides, Structure, field, field_of,
};
use crate::decode::title::{Word, detail, named, word};
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;

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

/// Octets of what says whether a limit was the last one (`hard`), with its padding.
const HARD_BYTES: usize = 8;

/// `XFRM_MSG_EXPIRE`.
pub static EXPIRE: Kind = event!(
    "xfrm_expire",
    "security associations whose time or volume has run out",
    state::TITLE,
    2,
    EXPIRE,
    &EXPIRE_HEADER,
    Interface::Header(PREFIX_BYTES + 48),
    Hooks { signals: Some(expired), severity: OF_EXPIRY, ..CHANGES }
);

/// `struct xfrm_user_expire`.
static EXPIRE_HEADER: Structure =
    Structure::new("xfrm_user_expire", PREFIX_BYTES + SA_INFO_BYTES + HARD_BYTES, EXPIRE_FIELDS);
const EXPIRE_FIELDS: &[Field] = &with_hard::<{ state::FIELDS.len() + 1 }>(state::FIELDS, PREFIX_BYTES + SA_INFO_BYTES);

/// `XFRM_MSG_POLEXPIRE`.
pub static POLICY_EXPIRE: Kind = event!(
    "xfrm_policy_expire",
    "policies of IPsec whose time has run out",
    policy::TITLE,
    2,
    POLEXPIRE,
    &POLICY_EXPIRE_HEADER,
    Interface::Header(PREFIX_BYTES + 48),
    Hooks { severity: OF_EXPIRY, ..CHANGES }
);

/// `struct xfrm_user_polexpire`.
static POLICY_EXPIRE_HEADER: Structure =
    Structure::new("xfrm_user_polexpire", PREFIX_BYTES + POLICY_INFO_BYTES + HARD_BYTES, POLICY_EXPIRE_FIELDS);
const POLICY_EXPIRE_FIELDS: &[Field] =
    &with_hard::<{ policy::FIELDS.len() + 1 }>(policy::FIELDS, PREFIX_BYTES + POLICY_INFO_BYTES);

/// Some fields, and whether a limit was the last one.
const fn with_hard<const COUNT: usize>(fields: &[Field], at: usize) -> [Field; COUNT] {
    let mut all = [field(at, "hard", Is::Bool(U8)); COUNT];
    let mut place = 0;
    while place < fields.len() {
        all[place] = fields[place];
        place += 1;
    }
    all
}

const OF_EXPIRY: &[SeverityRow] = &[SeverityRow::all(Severity::Notice)];

fn expired(sides: &Sides<'_>) -> Signals {
    match sides.message.get(PREFIX_BYTES + SA_INFO_BYTES) {
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
