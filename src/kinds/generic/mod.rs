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

use crate::decode::schema::{Field, Is, Scalar::U8, Structure, field};
use crate::kinds::protocol::Protocol;
use crate::netlink::socket::NETLINK_GENERIC;

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "generic",
    number: NETLINK_GENERIC,
    kinds: &[
        &nlctrl::GENL_FAMILY,
        &ethtool::link::LINKINFO,
        &ethtool::link::LINKMODES,
        &ethtool::link::DEBUG,
        &ethtool::link::WOL,
        &ethtool::link::EEE,
        &ethtool::link::FEC,
        &ethtool::link::MODULE,
        &ethtool::link::PLCA,
        &ethtool::link::MM,
        &ethtool::features::FEATURES,
        &ethtool::features::PRIVFLAGS,
        &ethtool::queues::RINGS,
        &ethtool::queues::CHANNELS,
        &ethtool::queues::COALESCE,
        &ethtool::queues::PAUSE,
        &ethtool::queues::RSS,
        &mptcp::ENDPOINT,
        &mptcp::EVENT,
        &netdev::DEVICE,
        &netdev::PAGE_POOL,
        &devlink::device::DEVICE,
        &devlink::port::PORT,
        &devlink::param::PARAMETER,
        &devlink::region::REGION,
        &devlink::trap::TRAP,
        &devlink::trap::GROUP_OF_TRAPS,
        &devlink::trap::TRAP_POLICER,
        &devlink::rate::RATE,
        &devlink::device::LINECARD,
        &devlink::health::HEALTH,
        &devlink::device::FLASH,
        &nl80211::WIRELESS,
        &wireguard::DEVICE,
        &wireguard::PEER,
        &dpll::DEVICE,
        &dpll::PIN,
        &team::OPTION,
        &team::PORT,
        &hsr::RING,
        &ovpn::PEER,
        &ovpn::KEY,
        &thermal::THERMAL_EVENT,
        &ovs::DATAPATH,
        &ovs::VPORT,
        &other::GENL,
    ],
    has_named_groups: true,
    redact: Some(wireguard::secrets::redact),
    ..Protocol::PLAIN
};

/// A family that has tables.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// The groups that tell of its kinds.
    pub groups: &'static [&'static str],
    /// The command in the tables, by the message's own and its attributes.
    command: fn(u8, &[u8]) -> u8,
}

/// A family whose commands the tables have as they are.
const fn family(name: &'static str, groups: &'static [&'static str]) -> Family {
    Family { name, groups, command: |command, _| command }
}

/// One of whose messages all are of one kind, whose header says which command it is.
const fn family_of_one_kind(name: &'static str, groups: &'static [&'static str]) -> Family {
    Family { name, groups, command: |_, _| ANY_COMMAND }
}

/// The number of all commands in the tables, of such a family.
const ANY_COMMAND: u8 = 1;

/// Families that have tables, each by its place.
pub static FAMILIES: &[Family] = &[
    family("nlctrl", &["notify"]),
    family("ethtool", &["monitor"]),
    Family { command: mptcp::command, ..family("mptcp_pm", &["mptcp_pm_events"]) },
    family("netdev", &["mgmt", "page-pool"]),
    Family { command: devlink::command, ..family("devlink", &["config"]) },
    family_of_one_kind("nl80211", &["config", "scan", "regulatory", "mlme", "vendor", "nan"]),
    family("wireguard", &[]),
    family("dpll", &["monitor"]),
    family("team", &["change_event"]),
    family_of_one_kind("HSR", &["hsr-network"]),
    family("ovpn", &["peers"]),
    family_of_one_kind("thermal", &["event"]),
    family("ovs_datapath", &["ovs_datapath"]),
    family("ovs_vport", &["ovs_vport"]),
];

/// nlctrl, whose number is fixed (`GENL_ID_CTRL`).
pub const NLCTRL: usize = 0;
/// ethtool's settings of interfaces.
pub const ETHTOOL: usize = 1;
/// Multipath TCP's path manager.
pub const MPTCP: usize = 2;
/// Network devices' queues and features.
pub const NETDEV: usize = 3;
/// Devices as their drivers have them.
pub const DEVLINK: usize = 4;
/// Wireless networks.
pub const NL80211: usize = 5;
/// WireGuard's devices and peers, of which nothing is told.
pub const WIREGUARD: usize = 6;
/// Clocks that lock to others.
pub const DPLL: usize = 7;
/// Teams of links.
pub const TEAM: usize = 8;
/// Rings of HSR and PRP.
pub const HSR: usize = 9;
/// OpenVPN's peers.
pub const OVPN: usize = 10;
/// Thermal zones.
pub const THERMAL: usize = 11;
/// Open vSwitch's datapaths.
pub const OVS_DATAPATH: usize = 12;
/// Their ports.
pub const OVS_VPORT: usize = 13;
/// The place of families without tables, which is none of [`FAMILIES`].
const OTHER: usize = 0x1f;

/// Families without tables that are not listened to: each packet that is sampled or dropped is told, and each flow of Open vSwitch.
const FLOODS: &[&str] = &["psample", "NET_DM", "ovs_flow"];

/// The type of a command's messages in the tables.
pub const fn message(family: usize, command: u8) -> u16 {
    0x4000 | ((family as u16) << 8) | command as u16
}

/// The place of a family among [`FAMILIES`] and the command of a type, if it is one of generic netlink's.
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
