//! placeholder until the link tables are merged

use crate::decode::schema::{Dump, Identity, Interface, Is, Kind, Scalar::*, Set, Structure, field, row};

/// link
pub static LINK: Kind = Kind {
    name: "link",
    about: "network interfaces",
    groups: &[1],
    new: 16,
    delete: 17,
    families: &[0],
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Header(4),
    identity: Some(Identity { header: &[(4, 4)], attributes: &[] }),
    partial: false,
    dumps: &[Dump { message: 18, header: &[0; 16], attributes: &[], per_link: None }],
};
static HEADER: Structure = Structure::new("ifinfomsg", 16, &[field(4, "ifindex", Is::Number(U32))]);
static ATTRIBUTES: Set = Set::new("IFLA", &[row(3, "ifname", Is::Text)]);
/// `IFLA_ADDRESS`.
pub const IFLA_ADDRESS: u16 = 1;
/// `IFLA_IFNAME`.
pub const IFLA_IFNAME: u16 = 3;
/// `IFLA_MTU`.
pub const IFLA_MTU: u16 = 4;
/// `IFLA_MASTER`.
pub const IFLA_MASTER: u16 = 10;
/// `IFLA_PROMISCUITY`.
pub const IFLA_PROMISCUITY: u16 = 30;
/// `IFLA_NEW_NETNSID`.
pub const IFLA_NEW_NETNSID: u16 = 45;
/// `IFLA_NEW_IFINDEX`.
pub const IFLA_NEW_IFINDEX: u16 = 49;
