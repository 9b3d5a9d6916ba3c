//! What an interface's hardware does on the line: port, speed, duplex, forward error correction, energy, wake-up.

use super::{BOOL, INTERFACE, NAMES, answer, dump, kind, named};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Is, Kind, Names, Part, Set, Sides, row};
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::generic::bits;
use crate::netlink::wire::attribute;

/// `ETHTOOL_MSG_LINKINFO_NTF`.
pub static LINKINFO: Kind = kind(
    ("ethtool_linkinfo", "the port and transceiver of an interface"),
    (3, &[answer(2)]),
    &[dump(2, &[2, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_LINKINFO",
        &[
            row(1, "header", INTERFACE),
            row(2, "port", named(PORTS)),
            row(3, "phyaddr", Is::Number(U8)),
            row(4, "tp_mdix", named(MDIX)),
            row(5, "tp_mdix_ctrl", named(MDIX)),
            row(6, "transceiver", named(&[(0, "internal"), (1, "external")])),
        ],
    ),
);

/// `PORT_*` (`linux/ethtool.h`).
const PORTS: &Names =
    &[(0, "tp"), (1, "aui"), (2, "mii"), (3, "fibre"), (4, "bnc"), (5, "da"), (0xef, "none"), (0xff, "other")];
/// `ETH_TP_MDI_*`.
const MDIX: &Names = &[(0, "invalid"), (1, "mdi"), (2, "mdi-x"), (3, "auto")];

const LINKMODES_SPEED: u16 = 5;
const LINKMODES_DUPLEX: u16 = 6;
const LINKMODES_AUTONEG: u16 = 2;

/// `ETHTOOL_MSG_LINKMODES_NTF`.
pub static LINKMODES: Kind = {
    let kind = kind(
        ("ethtool_linkmodes", "speed, duplex and link modes of an interface"),
        (5, &[answer(4)]),
        &[dump(4, &[4, 1, 0, 0])],
        &LINKMODES_SET,
    );
    Kind { hooks: Hooks { signals: Some(link_settings), ..kind.hooks }, ..kind }
};
static LINKMODES_SET: Set = Set::new(
    "ETHTOOL_A_LINKMODES",
    &[
        row(1, "header", INTERFACE),
        row(LINKMODES_AUTONEG, "auto-negotiation", BOOL),
        row(3, "ours", Is::Members(ours, OURS)),
        row(4, "peer", NAMES),
        row(LINKMODES_SPEED, "speed", Is::NumberUnless(U32, u32::MAX as u64)),
        row(LINKMODES_DUPLEX, "duplex", named(&[(0, "half"), (1, "full"), (0xff, "unknown")])),
        row(7, "master_slave_cfg", named(MASTER)),
        row(8, "master_slave_state", named(MASTER)),
        row(9, "lanes", Is::Number(U32)),
        row(10, "rate_matching", named(&[(0, "none"), (1, "pause"), (2, "crs"), (3, "open_loop")])),
    ],
);
/// `MASTER_SLAVE_CFG_*` and `MASTER_SLAVE_STATE_*`.
const MASTER: &Names = &[
    (0, "unsupported"),
    (1, "unknown"),
    (2, "master_preferred"),
    (3, "slave_preferred"),
    (4, "master_force"),
    (5, "slave_force"),
];

const OURS: &[Part] = &[Part::texts("supported"), Part::texts("advertised")];

/// What the interface can do is the mask of what it says to the other side.
fn ours(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    for (key, all) in [("supported", true), ("advertised", false)] {
        out.key(key);
        out.begin_list();
        bits::each(payload).filter(|(_, is_set)| all || *is_set).for_each(|(name, _)| out.string(&name));
        out.end_list();
    }
    Ok(())
}

fn link_settings(sides: &Sides<'_>) -> Signals {
    let (Some(old), Some(new)) = (sides.old, sides.new) else { return Signals::NONE };
    let of = |payload: &[u8], number| attribute(LINKMODES.attributes(payload), number).map(<[u8]>::to_vec);
    let differs = |number: &u16| of(old, *number) != of(new, *number);
    let differ = [LINKMODES_AUTONEG, LINKMODES_SPEED, LINKMODES_DUPLEX].iter().any(differs);
    if differ { Signals::LINK_SETTINGS_CHANGED } else { Signals::NONE }
}

/// `ETHTOOL_MSG_DEBUG_NTF`.
pub static DEBUG: Kind = kind(
    ("ethtool_debug", "which messages a driver logs"),
    (8, &[answer(7)]),
    &[dump(7, &[7, 1, 0, 0])],
    &Set::new("ETHTOOL_A_DEBUG", &[row(1, "header", INTERFACE), row(2, "msgmask", NAMES)]),
);

/// `ETHTOOL_MSG_WOL_NTF`. The password of a wake-up is left out.
pub static WOL: Kind = kind(
    ("ethtool_wol", "what wakes a machine up"),
    (10, &[answer(9)]),
    &[dump(9, &[9, 1, 0, 0])],
    &Set::new("ETHTOOL_A_WOL", &[row(1, "header", INTERFACE), row(2, "modes", NAMES), row(3, "sopass", Is::Known)]),
);

/// `ETHTOOL_MSG_EEE_NTF`.
pub static EEE: Kind = kind(
    ("ethtool_eee", "energy-efficient Ethernet"),
    (25, &[answer(24)]),
    &[dump(23, &[23, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_EEE",
        &[
            row(1, "header", INTERFACE),
            row(2, "ours", Is::Members(ours, OURS)),
            row(3, "peer", NAMES),
            row(4, "active", BOOL),
            row(5, "enabled", BOOL),
            row(6, "tx-lpi-enabled", BOOL),
            row(7, "tx-lpi-timer", Is::Number(U32)),
        ],
    ),
);

/// `ETHTOOL_MSG_FEC_NTF`.
pub static FEC: Kind = kind(
    ("ethtool_fec", "forward error correction"),
    (31, &[answer(30)]),
    &[dump(29, &[29, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_FEC",
        &[
            row(1, "header", INTERFACE),
            row(2, "modes", NAMES),
            row(3, "auto", BOOL),
            row(4, "active", Is::Number(U32)),
            row(5, "stats", Is::Hex).volatile(),
        ],
    ),
);

/// `ETHTOOL_MSG_MODULE_NTF`.
pub static MODULE: Kind = kind(
    ("ethtool_module", "the power of a plugged module"),
    (36, &[answer(35)]),
    &[dump(34, &[34, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_MODULE",
        &[
            row(1, "header", INTERFACE),
            row(2, "power-mode-policy", named(&[(1, "high"), (2, "auto")])),
            row(3, "power-mode", named(&[(1, "low"), (2, "high")])),
        ],
    ),
);

/// `ETHTOOL_MSG_PLCA_NTF`.
pub static PLCA: Kind = kind(
    ("ethtool_plca", "collision avoidance of a shared line"),
    (41, &[answer(39)]),
    &[dump(39, &[39, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_PLCA",
        &[
            row(1, "header", INTERFACE),
            row(2, "version", Is::Number(U16)),
            row(3, "enabled", BOOL),
            row(4, "status", BOOL),
            row(5, "node-cnt", Is::Number(U32)),
            row(6, "node-id", Is::Number(U32)),
            row(7, "to-tmr", Is::Number(U32)),
            row(8, "burst-cnt", Is::Number(U32)),
            row(9, "burst-tmr", Is::Number(U32)),
        ],
    ),
);

/// `ETHTOOL_MSG_MM_NTF`.
pub static MM: Kind = kind(
    ("ethtool_mm", "frame preemption"),
    (43, &[answer(42)]),
    &[dump(42, &[42, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_MM",
        &[
            row(1, "header", INTERFACE),
            row(2, "pmac-enabled", BOOL),
            row(3, "tx-enabled", BOOL),
            row(4, "tx-active", BOOL),
            row(5, "tx-min-frag-size", Is::Number(U32)),
            row(6, "rx-min-frag-size", Is::Number(U32)),
            row(7, "verify-enabled", BOOL),
            row(8, "verify-status", named(VERIFY)),
            row(9, "verify-time", Is::Number(U32)),
            row(10, "max-verify-time", Is::Number(U32)),
            row(11, "stats", Is::Hex).volatile(),
        ],
    ),
);
/// `ETHTOOL_MM_VERIFY_STATUS_*`.
const VERIFY: &Names =
    &[(0, "unknown"), (1, "initial"), (2, "verifying"), (3, "succeeded"), (4, "failed"), (5, "disabled")];
