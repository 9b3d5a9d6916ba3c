//! `genl`: what a family says that has no tables. Its attributes are kept as they are.

use super::{GENLMSGHDR_TOLD, OTHER, message};
use crate::decode::schema::Scalar::U16;
use crate::decode::schema::{Hooks, Interface, Is, Kind, Set, row};
use crate::decode::title::{named, word};
use crate::event::Action;

/// The family's name and number, which are added when a message is read: an attribute's number has 14 bits, and no family has so
/// many.
pub(super) const FAMILY_NAME: u16 = 0x3ffe;
pub(super) const FAMILY_ID: u16 = 0x3fff;

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

static ATTRIBUTES: Set =
    Set::new("genl", &[row(FAMILY_NAME, "family", Is::Text), row(FAMILY_ID, "family_id", Is::Number(U16))]);
