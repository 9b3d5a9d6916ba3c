//! ethtool's settings of interfaces: `ETHTOOL_A_*`, `linux/ethtool_netlink_generated.h`. The kernel tells of each setting that a program
//! has changed, and of features also where it has changed them itself.

pub mod features;
pub mod link;
pub mod queues;

use super::{ETHTOOL, GENLMSGHDR, message};
use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::U32;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, Names, ObjectKey, Set, Shape, TEXT, row,
};
use crate::decode::title::{Word, word};
use crate::decode::value::write;
use crate::json::Json;
use crate::kinds::generic::bits;
use crate::netlink::wire::attribute;

/// All kinds of settings.
pub static SETTINGS: &[&Kind] = &[
    &link::LINKINFO,
    &link::LINKMODES,
    &link::DEBUG,
    &link::WOL,
    &link::EEE,
    &link::FEC,
    &link::MODULE,
    &link::PLCA,
    &link::MM,
    &features::FEATURES,
    &features::PRIVFLAGS,
    &queues::RINGS,
    &queues::CHANNELS,
    &queues::COALESCE,
    &queues::PAUSE,
    &queues::RSS,
];

/// The nest in which every message says of which interface it is.
const HEADER: u16 = 1;
const HEADER_IFINDEX: u16 = 1;
const HEADER_NAME: u16 = 2;

static HEADER_SET: Set = Set::new(
    "ETHTOOL_A_HEADER",
    &[
        row(HEADER_IFINDEX, "ifindex", Is::Number(U32)),
        row(HEADER_NAME, "ifname", Is::Text),
        // Of requests.
        row(3, "header_flags", Is::Known),
        row(4, "phy_index", Is::Number(U32)),
    ],
);

/// The header of each message: its interface.
const INTERFACE: Is = Is::Inline(&HEADER_SET);

/// A kind of settings: `told` are the kernel's notification and its answer to a request, `dump` is that request.
const fn kind(
    (name, about): (&'static str, &'static str),
    (notification, also): (u8, &'static [(u16, bool)]),
    dumps: &'static [DumpRequest],
    set: &'static Set,
) -> Kind {
    Kind {
        name,
        about,
        title: TITLE,
        new: message(ETHTOOL, notification),
        header: &GENLMSGHDR,
        set,
        interface: Interface::Nested(HEADER, HEADER_IFINDEX),
        identity: Some(Identity { header: &[], attributes: &[], members: &["ifindex"] }),
        dumps,
        hooks: Hooks {
            key: Some(write_key),
            also,
            family: Some(|_| 0),
            interface_name: Some(interface_name),
            ..Hooks::NONE
        },
        ..Kind::PLAIN
    }
}

const TITLE: &[Word] = &[word("ifname").elsewhere()];

/// The kernel's answer to a request is of the same kind.
const fn answer(command: u8) -> (u16, bool) {
    (message(ETHTOOL, command), false)
}

/// A request for all interfaces' settings; `header` is its `struct genlmsghdr`.
const fn dump(command: u8, header: &'static [u8; 4]) -> DumpRequest {
    DumpRequest { message: message(ETHTOOL, command), header, attributes: &[], per_link: None }
}

fn write_key(key: &mut ObjectKey, _: &[u8], attributes: &[u8]) {
    push(key, attribute(attributes, HEADER).and_then(|header| attribute(header, HEADER_IFINDEX)));
}

fn interface_name(payload: &[u8]) -> Option<&[u8]> {
    let name = attribute(attribute(payload.get(4..)?, HEADER)?, HEADER_NAME)?;
    Some(name.strip_suffix(b"\0").unwrap_or(name))
}

/// The names of the bits that are set; the octets of a compact set whose names are not known.
fn names(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if !bits::has_names(payload) {
        return write(out, context, &WITHOUT_NAMES, payload);
    }
    out.begin_list();
    bits::each(payload).filter(|(_, is_set)| *is_set).for_each(|(name, _)| out.string(&name));
    out.end_list();
    Ok(())
}

/// A set of bits, by the names of those that are set.
const NAMES: Is = Is::Value(names, &Shape::List(TEXT));

static WITHOUT_NAMES: Is = Is::Set(&COMPACT);
static COMPACT: Set = Set::new(
    "ETHTOOL_A_BITSET",
    &[
        row(1, "nomask", Is::Present),
        row(2, "size", Is::Number(U32)),
        row(4, "value", Is::Hex),
        row(5, "mask", Is::Hex),
    ],
);

/// `false` and `true` as one octet.
const BOOL: Is = Is::Bool(crate::decode::schema::Scalar::U8);

/// `enum` values of one octet that have names.
const fn named(names: &'static Names) -> Is {
    Is::Named(crate::decode::schema::Scalar::U8, names)
}
