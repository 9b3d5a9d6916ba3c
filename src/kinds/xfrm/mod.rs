//! XFRM, protocol 6: what IPsec is made of (`linux/xfrm.h`). Each of its messages has a fixed header of its own; `adapt.rs` makes
//! of them headers that are the same for all messages of a kind, and `secrets.rs` blanks the keys of associations as soon as
//! a datagram is read.

pub mod adapt;
pub mod attributes;
pub mod events;
pub mod policy;
pub mod secrets;
pub mod shared;
pub mod state;
#[cfg(test)]
pub(crate) mod testing;

use crate::kinds::protocol::Protocol;
use crate::netlink::socket::NETLINK_XFRM;

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "xfrm",
    number: NETLINK_XFRM,
    kinds: &[
        &state::STATE,
        &policy::POLICY,
        &events::ACQUIRE,
        &events::EXPIRE,
        &events::AE,
        &events::MAPPING,
        &events::MIGRATE,
        &events::REPORT,
        &events::DEFAULT,
    ],
    needs: Some("CAP_NET_ADMIN"),
    adapt: Some(adapt::adapt),
    redact: Some(secrets::redact),
    is_secret: true,
    ..Protocol::PLAIN
};

/// The types of messages, `XFRM_MSG_*`.
pub mod message {
    #![allow(missing_docs)]

    pub const NEWSA: u16 = 16;
    pub const DELSA: u16 = 17;
    pub const GETSA: u16 = 18;
    pub const NEWPOLICY: u16 = 19;
    pub const DELPOLICY: u16 = 20;
    pub const GETPOLICY: u16 = 21;
    pub const ALLOCSPI: u16 = 22;
    pub const ACQUIRE: u16 = 23;
    pub const EXPIRE: u16 = 24;
    pub const UPDPOLICY: u16 = 25;
    pub const UPDSA: u16 = 26;
    pub const POLEXPIRE: u16 = 27;
    pub const FLUSHSA: u16 = 28;
    pub const FLUSHPOLICY: u16 = 29;
    pub const NEWAE: u16 = 30;
    pub const GETAE: u16 = 31;
    pub const REPORT: u16 = 32;
    pub const MIGRATE: u16 = 33;
    pub const NEWSADINFO: u16 = 34;
    pub const GETSADINFO: u16 = 35;
    pub const NEWSPDINFO: u16 = 36;
    pub const GETSPDINFO: u16 = 37;
    pub const MAPPING: u16 = 38;
    pub const SETDEFAULT: u16 = 39;
    pub const GETDEFAULT: u16 = 40;

    /// The upper octet of types as the tables know them.
    pub const TYPES: u8 = 0x20;

    /// A type as the tables know it.
    pub const fn renumbered(kind: u16) -> u16 {
        crate::kinds::renumber::renumbered(TYPES, kind)
    }
}
