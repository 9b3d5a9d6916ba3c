//! `addrlabel`: labels of IPv6 prefixes, by which source addresses are chosen (RFC 6724). `struct ifaddrlblmsg`,
//! `IFAL_*`: `include/uapi/linux/if_addrlabel.h`.

use libc::{RTM_DELADDRLABEL, RTM_GETADDRLABEL, RTM_NEWADDRLABEL};

use crate::decode::context::Context;
use crate::decode::schema::Scalar::{self, *};
use crate::decode::schema::{
    Decoded, DumpRequest, Identity, Interface, Is, Kind, Part, Set, Structure, field, field_of, row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::{unsigned, write_link};
use crate::json::Json;
use crate::kinds::rtnetlink::names::FAMILIES;
use crate::kinds::rtnetlink::numbers::AF_INET6;

/// `RTM_NEWADDRLABEL` and `RTM_DELADDRLABEL`. No group tells of them (`net/ipv6/addrlabel.c`).
pub static ADDRLABEL: Kind = Kind {
    name: "addrlabel",
    about: "labels of IPv6 prefixes for the choice of source addresses, which can only be listed",
    title: &[word("address").or("family"), word("prefixlen").joined("/"), word("ifname").elsewhere(), detail("label")],
    new: RTM_NEWADDRLABEL,
    delete: RTM_DELADDRLABEL,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity {
        header: &[(0, 1), (2, 1), (4, 4)],
        attributes: &[1],
        members: &["family", "prefixlen", "ifindex", "address"],
    }),
    dumps: &[DumpRequest {
        message: RTM_GETADDRLABEL,
        header: &[AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        attributes: &[],
        per_link: None,
    }],
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new(
    "ifaddrlblmsg",
    12,
    &[
        field(0, "family", Is::Named(U8, FAMILIES)),
        field(2, "prefixlen", Is::Number(U8)),
        field_of(4, 4, "ifname", Is::Members(link_if_any, LINK_IF_ANY_PARTS)),
        // The number of changes to the whole table.
        field(8, "seq", Is::Number(U32)).volatile(),
    ],
);

static ATTRIBUTES: Set = Set::new("IFAL", &[row(1, "address", Is::Ip), row(2, "label", Is::Number(U32))]);

/// The members that [`link_if_any`] writes.
const LINK_IF_ANY_PARTS: &[Part] = &[Part::number("ifindex"), Part::link("ifname")];

/// An interface, where it is not 0: `ifindex` and `ifname`.
pub fn link_if_any(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)?;
    if ifindex != 0 {
        out.key("ifindex");
        out.unsigned(ifindex);
        out.key("ifname");
        write_link(out, context, ifindex as u32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{message, text};

    #[test]
    fn an_interface_that_is_none_is_left_out() {
        let header = |ifindex| [10, 0, 64, 0, ifindex, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(text(&ADDRLABEL, &message(&header(0), &[])), r#"{"family":"inet6","prefixlen":64,"seq":1}"#);
        assert!(text(&ADDRLABEL, &message(&header(3), &[])).contains(r#""ifindex":3,"ifname":"if3""#));
    }
}
