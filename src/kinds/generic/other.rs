//! `genl`: what a family says that has no tables. Its attributes are kept as they are.

use super::{GENLMSGHDR_TOLD, OTHER, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::U16;
use crate::decode::schema::{Decoded, Hooks, Interface, Is, Kind, Part, Set, Shape, row};
use crate::decode::title::{named, word};
use crate::event::Action;
use crate::json::Json;
use crate::netlink::wire::attributes;

/// The attributes, and the family's name and number, as they are put together when a message is read.
pub(super) const FAMILY_NAME: u16 = 1;
pub(super) const FAMILY_ID: u16 = 2;
pub(super) const BODY: u16 = 3;

/// Whatever it is.
pub static GENL: Kind = Kind {
    name: "genl",
    about: "what other families of generic netlink say, as octets",
    title: &[word("family"), named("cmd")],
    groups: &[],
    new: message(OTHER, 0),
    delete: 0,
    families: &[],
    header: &GENLMSGHDR_TOLD,
    set: &ATTRIBUTES,
    interface: Interface::None,
    identity: None,
    split: &[],
    partial: false,
    dumps: &[],
    hooks: Hooks { action: Some(|_, _| Action::Change), family: Some(|_| 0), ..Hooks::NONE },
};

static ATTRIBUTES: Set = Set::new(
    "genl",
    &[
        row(FAMILY_NAME, "family", Is::Text),
        row(FAMILY_ID, "family_id", Is::Number(U16)),
        row(BODY, "attributes", Is::Value(body, &Shape::List(&ATTRIBUTE))),
    ],
);
static ATTRIBUTE: Shape = Shape::Object(&[Part::number("attr"), Part::text("hex")]);

/// Each attribute by its number, with its octets; what is behind the last whole one has none.
fn body(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut attributes = attributes(payload);
    out.begin_list();
    for found in attributes.by_ref() {
        out.begin_object();
        out.key("attr");
        out.unsigned(found.number.into());
        out.key("hex");
        out.hex(found.payload);
        out.end_object();
    }
    if !attributes.rest().is_empty() {
        out.begin_object();
        out.key("hex");
        out.hex(attributes.rest());
        out.end_object();
    }
    out.end_list();
    Ok(())
}
