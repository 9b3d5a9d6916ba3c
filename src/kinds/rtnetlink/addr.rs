//! `addr`: an address of an interface. `struct ifaddrmsg`, `IFA_*`: `include/uapi/linux/if_addr.h`.

use libc::{RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, NUMBER, Names, ObjectKey, Part, Set,
    SeverityRow, Sides, Structure, Untold, Wrong, field, field_of, row,
};
use crate::decode::title::word;
use crate::decode::value::{any_unsigned, write_flags, write_ip};
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::rtnetlink::names::{ADDRESS_PROTOCOLS, FAMILIES, SCOPES};
use crate::kinds::rtnetlink::numbers::AF_INET6;
use crate::kinds::rtnetlink::shared::write_true;
use crate::netlink::wire::attribute;
use crate::netlink::wire::attribute_u32;
use crate::netlink::wire::u32_at;

/// `RTM_NEWADDR` and `RTM_DELADDR`.
pub static ADDR: Kind = Kind {
    name: "addr",
    about: "addresses of interfaces",
    title: &[
        word("local").or("address"),
        word("prefixlen").joined("/"),
        word("address").after("peer"),
        word("label").elsewhere().as_detail(),
        word("scope").unless(&["global"]).after("scope").as_detail(),
        word("tentative").as_detail(),
        word("dadfailed").as_detail(),
        word("deprecated").as_detail(),
        word("dynamic").as_detail(),
        word("secondary").as_detail(),
        word("temporary").as_detail(),
        word("protocol").after("proto").as_detail(),
    ],
    groups: &[RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
    new: RTM_NEWADDR,
    delete: RTM_DELADDR,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    // More in `write_key`: IPv4 and IPv6 differ.
    identity: Some(Identity {
        header: &[(0, 1), (4, 4)],
        attributes: &[],
        members: &["family", "ifindex", "local", "address", "prefixlen"],
    }),
    dumps: &[DumpRequest { message: RTM_GETADDR, header: &[0; 8], attributes: &[], per_link: None }],
    hooks: Hooks {
        key: Some(write_key),
        signals: Some(signals_of),
        untold: Untold::Of(is_tentative),
        severity: &[SeverityRow::all(Severity::Notice)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// Whether an address is still tentative: what happens to it is not told (`addrconf_dad_completed` tells it then).
fn is_tentative(payload: &[u8]) -> bool {
    const IFA_F_TENTATIVE: u32 = 0x40;
    let flags = attribute_u32(ADDR.attributes(payload), IFA_FLAGS).unwrap_or_default();
    flags & IFA_F_TENTATIVE != 0
}

/// `IFA_ADDRESS`: the address, of a point-to-point interface the peer's.
pub const IFA_ADDRESS: u16 = 1;
/// `IFA_LOCAL`: of a point-to-point interface the own address; of IPv4 always there.
pub const IFA_LOCAL: u16 = 2;
/// `IFA_FLAGS`: the flags in 32 bits.
pub const IFA_FLAGS: u16 = 8;

static HEADER: Structure = Structure::new("ifaddrmsg", 8, FIELDS);
const FIELDS: &[Field] = &[
    field(0, "family", Is::Named(U8, FAMILIES)),
    field(1, "prefixlen", Is::Number(U8)),
    // The header's eight flag bits: IFA_FLAGS has them all.
    field_of(2, 1, "flags", Is::Members(header_flags, FLAGS_PARTS)),
    field(3, "scope", Is::NamedId(U8, SCOPES)),
    field(4, "ifindex", Is::Number(U32)),
];

static ATTRIBUTES: Set = Set::new(
    "IFA",
    &[
        row(IFA_ADDRESS, "address", Is::Members(address, ADDRESS_PARTS)),
        row(IFA_LOCAL, "local", Is::Ip),
        row(3, "label", Is::Text),
        row(4, "broadcast", Is::Ip),
        row(5, "anycast", Is::Ip),
        row(6, "cacheinfo", Is::Members(cache_info, CACHE_INFO_PARTS)),
        row(7, "multicast", Is::Ip),
        row(IFA_FLAGS, "flags", Is::Members(flags, FLAGS_PARTS)),
        row(9, "metric", Is::Number(U32)),
        row(10, "target_netnsid", Is::Number(I32)),
        row(11, "protocol", Is::NamedId(U8, ADDRESS_PROTOCOLS)),
    ],
);

/// `IFA_F_*`, but for the first bit (`secondary` or `temporary`, by the family) and `IFA_F_PERMANENT` (its absence is
/// `dynamic`).
pub static ADDRESS_FLAGS: &Names = &[
    (0x02, "nodad"),
    (0x04, "optimistic"),
    (0x08, "dadfailed"),
    (0x10, "home"),
    (0x20, "deprecated"),
    (0x40, "tentative"),
    (0x100, "mngtmpaddr"),
    (0x200, "noprefixroute"),
    (0x400, "autojoin"),
    (0x800, "stable-privacy"),
];

/// A lifetime that never ends, `INFINITY_LIFE_TIME`.
const FOR_EVER: u32 = u32::MAX;

/// The members that [`address`] writes.
const ADDRESS_PARTS: &[Part] = &[Part::text("address"), Part::text("local")];

/// `IFA_ADDRESS`: the address itself, unless `IFA_LOCAL` is that; then the peer's, where it differs.
pub fn address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match context.sibling(IFA_LOCAL) {
        Some(local) if local == payload => return Ok(()),
        Some(_) => out.key("address"),
        None => out.key("local"),
    }
    write_ip(out, payload)
}

/// The header's flags, where the kernel is too old for `IFA_FLAGS`.
pub fn header_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(IFA_FLAGS).is_some() { Ok(()) } else { flags(out, context, payload) }
}

/// The members that [`flags`] writes.
const FLAGS_PARTS: &[Part] = &[
    Part::bool("temporary"),
    Part::bool("secondary"),
    Part::bool("dynamic"),
    Part::Flags(ADDRESS_FLAGS),
    Part::text("other_flags"),
];

/// `IFA_FLAGS`: each a member that is true, as `ip` has them.
pub fn flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = any_unsigned(payload)?;
    if flags & 1 != 0 {
        let ipv6 = context.family() == AF_INET6;
        write_true(out, if ipv6 { "temporary" } else { "secondary" });
    }
    write_flags(out, "other_flags", ADDRESS_FLAGS, flags & !0x81);
    if flags & 0x80 == 0 {
        write_true(out, "dynamic");
    }
    Ok(())
}

/// The members that [`cache_info`] writes.
pub const CACHE_INFO_PARTS: &[Part] = &[
    Part::number("valid_life_time"),
    Part::number("preferred_life_time"),
    Part::Volatile("cstamp", NUMBER),
    Part::Volatile("tstamp", NUMBER),
];

/// `struct ifa_cacheinfo`: lifetimes in seconds; when it was made and changed, in 1/100 s since the machine started.
pub fn cache_info(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let at = |offset| u32_at(payload, offset).ok_or(Wrong::Length(16));
    for (key, offset) in [("valid_life_time", 4), ("preferred_life_time", 0)] {
        let lifetime = at(offset)?;
        out.key(key);
        // Only whether it ends at all counts as a change.
        let counts = if context.comparing && lifetime != FOR_EVER { 0 } else { lifetime };
        out.unsigned(counts.into());
    }
    if !context.comparing {
        for (key, offset) in [("cstamp", 8), ("tstamp", 12)] {
            out.key(key);
            out.unsigned(at(offset)?.into());
        }
    }
    Ok(())
}

/// IPv4 knows an address by itself, its peer and the length of its prefix; IPv6 by itself alone.
fn write_key(key: &mut ObjectKey, payload: &[u8], set: &[u8]) {
    let (local, peer) = (attribute(set, IFA_LOCAL), attribute(set, IFA_ADDRESS));
    push(key, local.or(peer));
    if payload.first() != Some(&10) {
        key.extend_from_slice(payload.get(1..2).unwrap_or_default());
        push(key, peer);
    }
}

/// The signals of an address.
fn signals_of(&Sides { old, new, .. }: &Sides<'_>) -> Signals {
    let mut signals = Signals::NONE;
    const TENTATIVE: u32 = 0x40;
    const OPTIMISTIC: u32 = 0x04;
    const DAD_FAILED_FLAG: u32 = 0x08;
    const DEPRECATED_FLAG: u32 = 0x20;
    let flags = |payload: &[u8]| {
        let header = payload.get(2).copied().unwrap_or_default().into();
        attribute_u32(ADDR.attributes(payload), IFA_FLAGS).unwrap_or(header)
    };
    let ready =
        |flags: u32| flags & (TENTATIVE | DAD_FAILED_FLAG) == 0 || flags & (OPTIMISTIC | DAD_FAILED_FLAG) == OPTIMISTIC;
    let Some(after) = new.map(flags) else { return signals };
    let before = old.map(flags);
    signals.when(ready(after) && !before.is_some_and(ready), Signals::ADDR_READY);
    let newly = |flag: u32| after & flag != 0 && before.unwrap_or_default() & flag == 0;
    signals.when(newly(DAD_FAILED_FLAG), Signals::DAD_FAILED);
    signals.when(newly(DEPRECATED_FLAG), Signals::DEPRECATED);
    signals
}
