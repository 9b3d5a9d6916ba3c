//! What a link says of its kind: `IFLA_LINKINFO` (`linux/if_link.h`), with a set for each kind.

pub mod aggregates;
pub mod bridge;
pub mod can;
pub mod ethernet;
pub mod tunnels;

use crate::decode::schema::{Among, Choice, Is, Level, Set, row};

/// `IFLA_INFO_*`.
pub static INFO: Set = Set::new(
    "IFLA_INFO",
    &[
        row(1, "info_kind", Is::Text),
        row(2, "info_data", Is::Chosen(&DATA)),
        row(3, "info_xstats", Is::Chosen(&COUNTERS)).volatile(),
        row(4, "info_slave_kind", Is::Text),
        row(5, "info_slave_data", Is::Chosen(&PORT_DATA)),
    ],
);

/// By a link's kind. Kinds without a set here (`dummy`, `ifb`, `nlmon`, `team`, `wireguard`, …) tell nothing.
static DATA: Choice = Choice {
    level: Level::Here,
    by: 1,
    among: Among::Text(&[
        ("amt", Is::Set(&tunnels::AMT)),
        ("bareudp", Is::Set(&tunnels::BAREUDP)),
        ("batadv", Is::Set(&ethernet::BATADV)),
        ("bond", Is::Set(&aggregates::BOND)),
        ("bridge", Is::Set(&bridge::BRIDGE)),
        ("caif", Is::Set(&ethernet::CAIF)),
        ("can", Is::Set(&can::CAN)),
        ("dsa", Is::Set(&ethernet::DSA)),
        ("erspan", Is::Set(&tunnels::GRE)),
        ("geneve", Is::Set(&tunnels::GENEVE)),
        ("gre", Is::Set(&tunnels::GRE)),
        ("gretap", Is::Set(&tunnels::GRE)),
        ("gtp", Is::Set(&tunnels::GTP)),
        ("hsr", Is::Set(&ethernet::HSR)),
        ("ip6erspan", Is::Set(&tunnels::GRE)),
        ("ip6gre", Is::Set(&tunnels::GRE)),
        ("ip6gretap", Is::Set(&tunnels::GRE)),
        ("ip6tnl", Is::Set(&tunnels::IP6TNL)),
        ("ipip", Is::Set(&tunnels::IPTUN)),
        ("ipoib", Is::Set(&ethernet::IPOIB)),
        ("ipvlan", Is::Set(&ethernet::IPVLAN)),
        ("ipvtap", Is::Set(&ethernet::IPVLAN)),
        ("macsec", Is::Set(&ethernet::MACSEC)),
        ("macvlan", Is::Set(&ethernet::MACVLAN)),
        ("macvtap", Is::Set(&ethernet::MACVLAN)),
        ("netkit", Is::Set(&ethernet::NETKIT)),
        ("ovpn", Is::Set(&ethernet::OVPN)),
        ("ppp", Is::Set(&ethernet::PPP)),
        ("rmnet", Is::Set(&ethernet::RMNET)),
        ("sit", Is::Set(&tunnels::IPTUN)),
        ("tun", Is::Set(&ethernet::TUN)),
        ("veth", Is::Set(&ethernet::VETH)),
        ("vlan", Is::Set(&ethernet::VLAN)),
        ("vrf", Is::Set(&ethernet::VRF)),
        ("vti", Is::Set(&tunnels::VTI)),
        ("vti6", Is::Set(&tunnels::VTI)),
        ("vxcan", Is::Set(&ethernet::VXCAN)),
        ("vxlan", Is::Set(&tunnels::VXLAN)),
        ("wwan", Is::Set(&ethernet::WWAN)),
        ("xfrm", Is::Set(&tunnels::XFRM)),
    ]),
};

/// `IFLA_INFO_XSTATS`, by a link's kind.
static COUNTERS: Choice =
    Choice { level: Level::Here, by: 1, among: Among::Text(&[("can", Is::Structure(&can::COUNTERS))]) };

/// By the kind of the link that it is a port of.
static PORT_DATA: Choice = Choice {
    level: Level::Here,
    by: 4,
    among: Among::Text(&[
        ("bond", Is::Set(&aggregates::BOND_PORT)),
        ("bridge", Is::Set(&bridge::PORT)),
        ("vrf", Is::Set(&ethernet::VRF_PORT)),
    ]),
};
