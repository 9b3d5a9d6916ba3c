//! Generic netlink, protocol 16: families that modules bring, each with a number and groups that it is given when it is loaded
//! (`net/netlink/genetlink.c`).
//!
//! What a message is of is known from nlctrl's messages alone. As soon as one is read, its type becomes that of a family's place in
//! [`FAMILIES`] and its command, so that the tables need not know any number.

mod bits;
pub mod devlink;
pub mod dpll;
pub mod ethtool;
pub mod families;
pub mod hsr;
pub mod l2tp;
pub mod mptcp;
pub mod netdev;
pub mod nl80211;
pub mod nlctrl;
pub mod other;
pub mod ovpn;
pub mod ovs;
pub mod team;
#[cfg(test)]
mod tests;
pub mod thermal;
pub mod types;
pub mod wireguard;

use crate::decode::schema::{Field, Is, Kind, Scalar::U8, Structure, field};
use crate::kinds::protocol::Protocol;
use crate::netlink::socket::NETLINK_GENERIC;
use crate::netlink::wire::Header;

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "generic",
    number: NETLINK_GENERIC,
    kinds: &kinds::<KINDS_COUNT>(),
    has_named_groups: true,
    redact: Some(wireguard::secrets::redact),
    ..Protocol::PLAIN
};

/// A family that has tables.
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// The groups that tell of its kinds.
    pub groups: &'static [&'static str],
    /// Its kinds, in the order in which they are asked for.
    kinds: &'static [&'static Kind],
    /// The command in the tables, by the message's own and its attributes.
    command: fn(u8, &[u8]) -> u8,
    /// Writes a message as the tables read it, where it is not one object as it stands: the header, the command, the payload and where to
    /// write. Says whether it has.
    take_apart: fn(Header, u8, &[u8], &mut Vec<u8>) -> bool,
}

/// A family whose messages the tables have as they are.
const fn family(name: &'static str, groups: &'static [&'static str], kinds: &'static [&'static Kind]) -> Family {
    Family { name, groups, kinds, command: |command, _| command, take_apart: |_, _, _, _| false }
}

/// One of whose messages all are of one kind, whose header says which command it is.
const fn family_of_one_kind(
    name: &'static str,
    groups: &'static [&'static str],
    kinds: &'static [&'static Kind],
) -> Family {
    Family { command: |_, _| ANY_COMMAND, ..family(name, groups, kinds) }
}

/// The number of all commands in the tables, of such a family.
const ANY_COMMAND: u8 = 1;

/// The families, each a row: its number in the tables, what its kinds' types are made of, and what it is.
macro_rules! families {
    ($($(#[$about:meta])* $number:ident: $family:expr;)*) => {
        /// Families that have tables, each by its number.
        pub static FAMILIES: &[Family] = &[$($family),*];

        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $($number),* }

        $($(#[$about])* pub const $number: usize = Number::$number as usize;)*
    };
}

families! {
    /// nlctrl, whose number is fixed (`GENL_ID_CTRL`).
    NLCTRL: family("nlctrl", &["notify"], &[&nlctrl::GENL_FAMILY]);
    /// ethtool's settings of interfaces.
    ETHTOOL: family("ethtool", &["monitor"], ethtool::SETTINGS);
    /// Multipath TCP's path manager.
    MPTCP: Family {
        command: mptcp::command,
        ..family("mptcp_pm", &["mptcp_pm_events"], &[&mptcp::ENDPOINT, &mptcp::EVENT])
    };
    /// Network devices' queues and features.
    NETDEV: family("netdev", &["mgmt", "page-pool"], &[&netdev::DEVICE, &netdev::PAGE_POOL]);
    /// Devices as their drivers have them.
    DEVLINK: Family { command: devlink::command, ..family("devlink", &["config"], devlink::KINDS) };
    /// Wireless networks.
    NL80211: family_of_one_kind("nl80211", &["config", "scan", "regulatory", "mlme", "vendor", "nan"], &[&nl80211::WIRELESS]);
    /// WireGuard's devices and peers, of which nothing is told.
    WIREGUARD: family("wireguard", &[], &[&wireguard::DEVICE, &wireguard::PEER]);
    /// Clocks that lock to others.
    DPLL: family("dpll", &["monitor"], &[&dpll::DEVICE, &dpll::PIN]);
    /// Teams of links.
    TEAM: Family {
        take_apart: team::take_apart,
        ..family("team", &["change_event"], &[&team::OPTION, &team::PORT])
    };
    /// Rings of HSR and PRP.
    HSR: family_of_one_kind("HSR", &["hsr-network"], &[&hsr::RING]);
    /// OpenVPN's peers.
    OVPN: Family { take_apart: ovpn::flatten, ..family("ovpn", &["peers"], &[&ovpn::PEER, &ovpn::KEY]) };
    /// Thermal zones.
    THERMAL: family_of_one_kind("thermal", &["event"], &[&thermal::THERMAL_EVENT]);
    /// Open vSwitch's datapaths.
    OVS_DATAPATH: family("ovs_datapath", &["ovs_datapath"], &[&ovs::DATAPATH]);
    /// Their ports.
    OVS_VPORT: family("ovs_vport", &["ovs_vport"], &[&ovs::VPORT]);
    /// Tunnels of L2TP, and sessions in them.
    L2TP: family("l2tp", &["l2tp"], &[&l2tp::TUNNEL, &l2tp::SESSION]);
}

/// The number of families without tables, which is none of [`FAMILIES`].
const OTHER: usize = 0x1f;

const KINDS_COUNT: usize = {
    let (mut count, mut family) = (1, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].kinds.len();
        family += 1;
    }
    count
};

/// The kinds of all families, and at last that of those without tables.
const fn kinds<const COUNT: usize>() -> [&'static Kind; COUNT] {
    let mut kinds: [&Kind; COUNT] = [&other::GENL; COUNT];
    let (mut place, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut kind = 0;
        while kind < FAMILIES[family].kinds.len() {
            kinds[place] = FAMILIES[family].kinds[kind];
            place += 1;
            kind += 1;
        }
        family += 1;
    }
    kinds
}

/// Families without tables that are not listened to: each packet that is sampled or dropped is told, and each flow of Open vSwitch.
const FLOODS: &[&str] = &["psample", "NET_DM", "ovs_flow"];

/// The type of a command's messages in the tables.
pub const fn message(family: usize, command: u8) -> u16 {
    0x4000 | ((family as u16) << 8) | command as u16
}

/// The number of a family among [`FAMILIES`] and the command of a type, if it is one of generic netlink's.
pub const fn family_and_command(message: u16) -> (usize, u8) {
    ((message >> 8) as usize & 0x3f, message as u8)
}

/// The types of messages of families that are not known: the families' numbers are up to `GENL_MAX_ID`, 1023.
const UNKNOWN: u16 = 0x7c00;
const UNKNOWN_MAX: u16 = 0x7fff;

/// The type of a message of a family that is not known, by the family's number.
const fn unknown(id: u16) -> u16 {
    UNKNOWN | id & (UNKNOWN_MAX - UNKNOWN)
}

/// The family's number from such a type.
pub fn unknown_family(message_type: u16) -> Option<u16> {
    (UNKNOWN..=UNKNOWN_MAX).contains(&message_type).then(|| message_type - UNKNOWN)
}

/// `struct genlmsghdr` (`linux/genetlink.h`).
pub static GENLMSGHDR: Structure = Structure::new("genlmsghdr", 4, FIELDS);
const FIELDS: &[Field] = &[];

/// The same where the command is told.
pub static GENLMSGHDR_TOLD: Structure = Structure::new("genlmsghdr", 4, TOLD_FIELDS);
const TOLD_FIELDS: &[Field] = &[field(0, "cmd", Is::Number(U8)), field(1, "version", Is::Number(U8))];
