//! Bonds (`linux/if_link.h`, `linux/if_bonding.h`) and the links in them. Teams tell nothing in `IFLA_INFO_DATA`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Scalar, Set, row};
use crate::decode::value::{self};
use crate::json::{Json, Key};

/// `IFLA_BOND_*`.
pub static BOND: Set = Set::new(
    "IFLA_BOND",
    &[
        row(1, "mode", Is::Named(Scalar::U8, MODES)),
        row(2, "active_slave", Is::Link),
        row(3, "miimon", Is::Number(Scalar::U32)),
        row(4, "updelay", Is::Number(Scalar::U32)),
        row(5, "downdelay", Is::Number(Scalar::U32)),
        row(6, "use_carrier", Is::Number(Scalar::U8)),
        row(7, "arp_interval", Is::Number(Scalar::U32)),
        row(8, "arp_ip_target", Is::Each(&Is::Ip)),
        row(9, "arp_validate", Is::Named(Scalar::U32, ARP_VALIDATE)),
        row(10, "arp_all_targets", Is::Named(Scalar::U32, &[(0, "any"), (1, "all")])),
        row(11, "primary", Is::Link),
        row(12, "primary_reselect", Is::Named(Scalar::U8, &[(0, "always"), (1, "better"), (2, "failure")])),
        row(13, "fail_over_mac", Is::Named(Scalar::U8, &[(0, "none"), (1, "active"), (2, "follow")])),
        row(14, "xmit_hash_policy", Is::Named(Scalar::U8, HASH_POLICIES)),
        row(15, "resend_igmp", Is::Number(Scalar::U32)),
        row(16, "num_peer_notif", Is::Number(Scalar::U8)),
        row(17, "all_slaves_active", Is::Number(Scalar::U8)),
        row(18, "min_links", Is::Number(Scalar::U32)),
        row(19, "lp_interval", Is::Number(Scalar::U32)),
        row(20, "packets_per_slave", Is::Number(Scalar::U32)),
        row(21, "ad_lacp_rate", Is::Named(Scalar::U8, &[(0, "slow"), (1, "fast")])),
        row(22, "ad_select", Is::Named(Scalar::U8, AGGREGATOR_SELECTIONS)),
        row(IFLA_BOND_AD_INFO, "ad_info", Is::Set(&AGGREGATION)),
        row(24, "ad_actor_sys_prio", Is::Number(Scalar::U16)),
        row(25, "ad_user_port_key", Is::Number(Scalar::U16)),
        row(26, "ad_actor_system", Is::Hardware),
        row(27, "tlb_dynamic_lb", Is::Number(Scalar::U8)),
        row(28, "peer_notify_delay", Is::Number(Scalar::U32)),
        row(29, "ad_lacp_active", Is::Named(Scalar::U8, &[(0, "off"), (1, "on")])),
        row(30, "arp_missed_max", Is::Number(Scalar::U8)),
        row(31, "ns_ip6_target", Is::Each(&Is::Ip)),
        row(32, "coupled_control", Is::Bool(Scalar::U8)),
        row(33, "broadcast_neighbor", Is::Bool(Scalar::U8)),
        row(34, "lacp_strict", Is::Named(Scalar::U8, &[(0, "off"), (1, "on")])),
    ],
);

/// `IFLA_BOND_AD_INFO`.
pub const IFLA_BOND_AD_INFO: u16 = 23;
/// `IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE`.
pub const IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE: u16 = 7;

/// `BOND_MODE_*`.
static MODES: &Names = &[
    (0, "balance-rr"),
    (1, "active-backup"),
    (2, "balance-xor"),
    (3, "broadcast"),
    (4, "802.3ad"),
    (5, "balance-tlb"),
    (6, "balance-alb"),
];

/// Which links' ARP replies count, as `ip -d link` names it.
static ARP_VALIDATE: &Names =
    &[(0, "none"), (1, "active"), (2, "backup"), (3, "all"), (4, "filter"), (5, "filter_active"), (6, "filter_backup")];

/// `BOND_XMIT_POLICY_*`.
static HASH_POLICIES: &Names =
    &[(0, "layer2"), (1, "layer3+4"), (2, "layer2+3"), (3, "encap2+3"), (4, "encap3+4"), (5, "vlan+srcmac")];

/// How 802.3ad chooses an aggregator.
static AGGREGATOR_SELECTIONS: &Names = &[(0, "stable"), (1, "bandwidth"), (2, "count"), (3, "actor_port_prio")];

/// `IFLA_BOND_AD_INFO_*`.
static AGGREGATION: Set = Set::new(
    "IFLA_BOND_AD_INFO",
    &[
        row(1, "aggregator", Is::Number(Scalar::U16)),
        row(2, "num_ports", Is::Number(Scalar::U16)),
        row(3, "actor_key", Is::Number(Scalar::U16)),
        row(4, "partner_key", Is::Number(Scalar::U16)),
        row(5, "partner_mac", Is::Hardware),
    ],
);

/// `IFLA_BOND_SLAVE_*`: a link in a bond.
pub static BOND_PORT: Set = Set::new(
    "IFLA_BOND_SLAVE",
    &[
        row(1, "state", Is::Named(Scalar::U8, &[(0, "ACTIVE"), (1, "BACKUP")])),
        row(2, "mii_status", Is::Named(Scalar::U8, &[(0, "UP"), (1, "GOING_DOWN"), (2, "DOWN"), (3, "GOING_BACK")])),
        row(3, "link_failure_count", Is::Number(Scalar::U32)).volatile(),
        row(4, "perm_hwaddr", Is::Hardware),
        row(5, "queue_id", Is::Number(Scalar::U16)),
        row(6, "ad_aggregator_id", Is::Number(Scalar::U16)),
        row(
            IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE,
            "ad_actor_oper_port_state",
            Is::Members(actor_port_state, ACTOR_PORT_STATE_PARTS),
        ),
        row(8, "ad_partner_oper_port_state", Is::Members(partner_port_state, PARTNER_PORT_STATE_PARTS)),
        row(9, "prio", Is::Number(Scalar::I32)),
        row(10, "actor_port_prio", Is::Number(Scalar::U16)),
        row(11, "churn_actor_state", Is::Named(Scalar::U8, CHURN_STATES)),
        row(12, "churn_partner_state", Is::Named(Scalar::U8, CHURN_STATES)),
    ],
);

/// States of the churn machines of 802.3ad, as `ip -d link` names them.
static CHURN_STATES: &Names = &[(0, "MONITOR"), (1, "CHURN"), (2, "NO_CHURN")];

/// `LACP_STATE_*` (`linux/if_bonding.h`), as `ip -d link` names them.
const PORT_STATES: &[(u64, &str)] = &[
    (0x1, "active"),
    (0x2, "short_timeout"),
    (0x4, "aggregating"),
    (0x8, "in_sync"),
    (0x10, "collecting"),
    (0x20, "distributing"),
    (0x40, "defaulted"),
    (0x80, "expired"),
];

/// The state of a port in 802.3ad: its number under that key, and its bits' names with `_str` behind it. The
/// partner's is 16 bits wide.
fn write_port_state(out: &mut Json, key: &Key, payload: &[u8]) -> Decoded {
    let state = value::any_unsigned(payload)?;
    out.member(key);
    out.unsigned(state);
    out.member_with(key, "_str");
    value::write_bits(out, PORT_STATES, state);
    Ok(())
}

/// The members that [`actor_port_state`] writes.
const ACTOR_PORT_STATE_PARTS: &[Part] =
    &[Part::number("ad_actor_oper_port_state"), Part::texts("ad_actor_oper_port_state_str")];

/// `ad_actor_oper_port_state`.
pub fn actor_port_state(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port_state(out, const { &Key::new("ad_actor_oper_port_state") }, payload)
}

/// The members that [`partner_port_state`] writes.
const PARTNER_PORT_STATE_PARTS: &[Part] =
    &[Part::number("ad_partner_oper_port_state"), Part::texts("ad_partner_oper_port_state_str")];

/// `ad_partner_oper_port_state`.
pub fn partner_port_state(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_port_state(out, const { &Key::new("ad_partner_oper_port_state") }, payload)
}
