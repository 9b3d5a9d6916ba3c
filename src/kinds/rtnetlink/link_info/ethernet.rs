//! Links on top of others at the Ethernet level: VLANs, MACVLAN, IPVLAN, MACsec, HSR, DSA and the like, and the ends
//! of pairs (`linux/if_link.h` where nothing else is named).

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Scalar, Set, Structure, field, row};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::kinds::rtnetlink::names::ETHER_TYPES;

/// `VETH_INFO_*` (`linux/veth.h`); the peer is only in requests.
pub static VETH: Set = Set::new("VETH_INFO", &[row(1, "peer", Is::Hex)]);

/// `VXCAN_INFO_*` (`linux/can/vxcan.h`); the peer is only in requests.
pub static VXCAN: Set = Set::new("VXCAN_INFO", &[row(1, "peer", Is::Hex)]);

/// `IFLA_VLAN_*`.
pub static VLAN: Set = Set::new(
    "IFLA_VLAN",
    &[
        row(1, "id", Is::Number(Scalar::U16)),
        row(2, "flags_and_mask", Is::InlineStructure(&VLAN_FLAGS)),
        row(3, "egress_qos", Is::Each(&Is::Structure(&VLAN_QOS))),
        row(4, "ingress_qos", Is::Each(&Is::Structure(&VLAN_QOS))),
        row(5, "protocol", Is::Named(Scalar::U16Be, ETHER_TYPES)),
    ],
);

static VLAN_FLAGS: Structure = Structure::new(
    "ifla_vlan_flags",
    8,
    &[field(
        0,
        "flags",
        Is::Bits(
            Scalar::U32,
            &[(0x1, "REORDER_HDR"), (0x2, "GVRP"), (0x8, "MVRP"), (0x4, "LOOSE_BINDING"), (0x10, "BRIDGE_BINDING")],
        ),
    )],
);

static VLAN_QOS: Structure = Structure::new(
    "ifla_vlan_qos_mapping",
    8,
    &[field(0, "from", Is::Number(Scalar::U32)), field(4, "to", Is::Number(Scalar::U32))],
);

/// `IFLA_MACVLAN_*`: MACVLAN and MACVTAP.
pub static MACVLAN: Set = Set::new(
    "IFLA_MACVLAN",
    &[
        row(1, "mode", Is::Named(Scalar::U32, MACVLAN_MODES)),
        row(2, "flags", Is::Members(macvlan_flags, MACVLAN_FLAGS_PARTS)),
        row(3, "macaddr_mode", Is::Number(Scalar::U32)),
        row(4, "macaddr", Is::Hardware),
        row(5, "macaddr_data", Is::Each(&Is::Hardware)),
        row(6, "macaddr_count", Is::Number(Scalar::U32)),
        row(7, "bcqueuelen", Is::Number(Scalar::U32)),
        row(8, "usedbcqueuelen", Is::Number(Scalar::U32)),
        row(9, "bclim", Is::Number(Scalar::I32)),
    ],
);

/// `MACVLAN_MODE_*`.
static MACVLAN_MODES: &Names = &[(1, "private"), (2, "vepa"), (4, "bridge"), (8, "passthru"), (16, "source")];

/// `IFLA_IPVLAN_*`: IPVLAN and IPVTAP.
pub static IPVLAN: Set = Set::new(
    "IFLA_IPVLAN",
    &[
        row(1, "mode", Is::Named(Scalar::U16, &[(0, "l2"), (1, "l3"), (2, "l3s")])),
        row(2, "flags", Is::Members(ipvlan_flags, IPVLAN_FLAGS_PARTS)),
    ],
);

/// `IFLA_NETKIT_*`.
pub static NETKIT: Set = Set::new(
    "IFLA_NETKIT",
    &[
        row(1, "peer_info", Is::Hex),
        row(2, "type", Is::Named(Scalar::U8, &[(0, "peer"), (1, "primary")])),
        row(3, "policy", Is::Named(Scalar::U32, NETKIT_POLICIES)),
        row(4, "peer_policy", Is::Named(Scalar::U32, NETKIT_POLICIES)),
        row(5, "mode", Is::Named(Scalar::U32, &[(0, "l2"), (1, "l3")])),
        row(6, "scrub", Is::Named(Scalar::U32, &[(0, "none"), (1, "default")])),
        row(7, "peer_scrub", Is::Named(Scalar::U32, &[(0, "none"), (1, "default")])),
        row(8, "headroom", Is::Number(Scalar::U16)),
        row(9, "tailroom", Is::Number(Scalar::U16)),
        row(10, "pairing", Is::Named(Scalar::U32, &[(0, "pair"), (1, "single")])),
    ],
);

/// `NETKIT_PASS` and `NETKIT_DROP`, as `ip -d link` names them.
static NETKIT_POLICIES: &Names = &[(0, "forward"), (2, "blackhole")];

/// `IFLA_MACSEC_*` (`linux/if_link.h`, `linux/if_macsec.h`).
pub static MACSEC: Set = Set::new(
    "IFLA_MACSEC",
    &[
        row(1, "sci", Is::Hex),
        row(2, "port", Is::Number(Scalar::U16Be)),
        row(3, "icv_len", Is::Number(Scalar::U8)),
        row(4, "cipher_suite", Is::Named(Scalar::U64, MACSEC_CIPHERS)),
        row(5, "window", Is::Number(Scalar::U32)),
        row(6, "encoding_sa", Is::Number(Scalar::U8)),
        row(7, "encrypt", Is::Bool(Scalar::U8)),
        row(8, "protect", Is::Bool(Scalar::U8)),
        row(9, "inc_sci", Is::Bool(Scalar::U8)),
        row(10, "es", Is::Bool(Scalar::U8)),
        row(11, "scb", Is::Bool(Scalar::U8)),
        row(12, "replay_protect", Is::Bool(Scalar::U8)),
        row(13, "validation", Is::Named(Scalar::U8, &[(0, "disabled"), (1, "check"), (2, "strict")])),
        row(14, "padding", Is::Known),
        row(15, "offload", Is::Named(Scalar::U8, &[(0, "off"), (1, "phy"), (2, "mac")])),
    ],
);

/// `MACSEC_CIPHER_ID_*`; the first is the old number of GCM-AES-128.
static MACSEC_CIPHERS: &Names = &[
    (0x0080_0200_0100_0001, "GCM-AES-128"),
    (0x0080_c200_0100_0001, "GCM-AES-128"),
    (0x0080_c200_0100_0002, "GCM-AES-256"),
    (0x0080_c200_0100_0003, "GCM-AES-XPN-128"),
    (0x0080_c200_0100_0004, "GCM-AES-XPN-256"),
];

/// `IFLA_HSR_*`: HSR and PRP.
pub static HSR: Set = Set::new(
    "IFLA_HSR",
    &[
        row(1, "slave1", Is::Link),
        row(2, "slave2", Is::Link),
        row(3, "multicast_spec", Is::Number(Scalar::U8)),
        row(4, "supervision_addr", Is::Hardware),
        row(5, "seq_nr", Is::Number(Scalar::U16)).volatile(),
        row(6, "version", Is::Number(Scalar::U8)),
        row(7, "proto", Is::Named(Scalar::U8, &[(0, "hsr"), (1, "prp")])),
        row(8, "interlink", Is::Link),
    ],
);

/// `IFLA_DSA_*`.
pub static DSA: Set = Set::new("IFLA_DSA", &[row(1, "conduit", Is::Link)]);

/// `IFLA_VRF_*`.
pub static VRF: Set = Set::new("IFLA_VRF", &[row(1, "table", Is::Number(Scalar::U32))]);

/// `IFLA_VRF_PORT_*`: a link in a VRF.
pub static VRF_PORT: Set = Set::new("IFLA_VRF_PORT", &[row(1, "table", Is::Number(Scalar::U32))]);

/// `IFLA_RMNET_*`.
pub static RMNET: Set = Set::new(
    "IFLA_RMNET",
    &[row(1, "mux_id", Is::Number(Scalar::U16)), row(2, "flags_and_mask", Is::InlineStructure(&RMNET_FLAGS))],
);

static RMNET_FLAGS: Structure = Structure::new(
    "ifla_rmnet_flags",
    8,
    &[field(
        0,
        "flags",
        Is::Bits(
            Scalar::U32,
            &[
                (0x1, "INGRESS_DEAGGREGATION"),
                (0x2, "INGRESS_MAP_COMMANDS"),
                (0x4, "INGRESS_MAP_CKSUMV4"),
                (0x8, "EGRESS_MAP_CKSUMV4"),
                (0x10, "INGRESS_MAP_CKSUMV5"),
                (0x20, "EGRESS_MAP_CKSUMV5"),
            ],
        ),
    )],
);

/// `IFLA_IPOIB_*`.
pub static IPOIB: Set = Set::new(
    "IFLA_IPOIB",
    &[
        row(1, "key", Is::Number(Scalar::U16)),
        row(2, "mode", Is::Named(Scalar::U16, &[(0, "datagram"), (1, "connected")])),
        row(3, "umcast", Is::Number(Scalar::U16)),
    ],
);

/// `IFLA_WWAN_*` (`linux/wwan.h`).
pub static WWAN: Set = Set::new("IFLA_WWAN", &[row(1, "linkid", Is::Number(Scalar::U32))]);

/// `IFLA_BATADV_*` (`linux/batman_adv.h`).
pub static BATADV: Set = Set::new("IFLA_BATADV", &[row(1, "ra", Is::Text)]);

/// `IFLA_TUN_*`: TUN and TAP.
pub static TUN: Set = Set::new(
    "IFLA_TUN",
    &[
        row(1, "user", Is::Number(Scalar::U32)),
        row(2, "group_id", Is::Number(Scalar::U32)),
        row(3, "type", Is::Named(Scalar::U8, &[(1, "tun"), (2, "tap")])),
        row(4, "pi", Is::Bool(Scalar::U8)),
        row(5, "vnet_hdr", Is::Bool(Scalar::U8)),
        row(6, "persist", Is::Bool(Scalar::U8)),
        row(7, "multi_queue", Is::Bool(Scalar::U8)),
        row(8, "numqueues", Is::Number(Scalar::U32)),
        row(9, "numdisabled", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_PPP_*`; only in requests.
pub static PPP: Set = Set::new("IFLA_PPP", &[row(1, "dev_fd", Is::Number(Scalar::I32))]);

/// `IFLA_OVPN_*`.
pub static OVPN: Set = Set::new("IFLA_OVPN", &[row(1, "mode", Is::Named(Scalar::U8, &[(0, "p2p"), (1, "mp")]))]);

/// `IFLA_CAIF_*` (`linux/caif/if_caif.h`).
pub static CAIF: Set = Set::new(
    "IFLA_CAIF",
    &[
        row(1, "ipv4_connid", Is::Number(Scalar::U32)),
        row(2, "ipv6_connid", Is::Number(Scalar::U32)),
        row(3, "loopback", Is::Bool(Scalar::U8)),
    ],
);

/// Writes `true` for each of the bits that are set; bits without a key together as `flags`.
fn write_set_bits(out: &mut Json, keys: &[(u64, &'static str)], bits: u64) {
    let mut rest = bits;
    for &(mask, key) in keys {
        if rest & mask != 0 {
            rest &= !mask;
            out.key(key);
            out.bool(true);
        }
    }
    if rest != 0 {
        out.key("other_flags");
        out.display(format_args!("0x{rest:x}"));
    }
}

/// The members that [`macvlan_flags`] writes.
const MACVLAN_FLAGS_PARTS: &[Part] = &[Part::bool("nopromisc"), Part::bool("nodst"), Part::text("other_flags")];

/// `nopromisc` and `nodst` of a MACVLAN (`MACVLAN_FLAG_*`).
pub fn macvlan_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_set_bits(out, &[(1, "nopromisc"), (2, "nodst")], unsigned(Scalar::U16, payload)?);
    Ok(())
}

/// The members that [`ipvlan_flags`] writes.
const IPVLAN_FLAGS_PARTS: &[Part] =
    &[Part::bool("bridge"), Part::bool("private"), Part::bool("vepa"), Part::text("other_flags")];

/// `private` or `vepa` of an IPVLAN (`IPVLAN_F_*`), else `bridge`.
pub fn ipvlan_flags(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(Scalar::U16, payload)?;
    if flags & 3 == 0 {
        out.key("bridge");
        out.bool(true);
    }
    write_set_bits(out, &[(1, "private"), (2, "vepa")], flags);
    Ok(())
}
