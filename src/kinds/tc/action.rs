//! Actions of filters: `TCA_ACT_*`, and the options of each kind. `pkt_cls.h`, `tc_act/`.

use super::names::CLOCKS;
use super::{filter, statistics};
use crate::decode::code::tc::{self, actions};
use crate::decode::schema::{Among, Choice, Field, Is, Level, Names, Scalar::*, Set, Structure, field, field_of, row};
use crate::kinds::rtnetlink::encap::{erspan_options, geneve_options_as_numbers};
use crate::kinds::rtnetlink::names::ETHER_TYPES;

/// `TCA_ACT_*`; the options of its kind stand among the other members.
pub static ACTION: Set = Set::new(
    "TCA_ACT",
    &[
        row(TCA_ACT_KIND, "kind", Is::Text),
        row(TCA_ACT_OPTIONS, "options", Is::Chosen(&OPTIONS)),
        row(TCA_ACT_INDEX, "index", Is::Members(actions::terse_index)),
        row(4, "stats", Is::Set(&statistics::STATISTICS)).volatile(),
        row(5, "pad", Is::Known),
        row(6, "cookie", Is::Hex),
        row(TCA_ACT_FLAGS, "flags", Is::Members(actions::flags)),
        row(8, "hw_stats", Is::Value(actions::hardware_statistics)),
        row(9, "used_hw_stats", Is::Value(actions::hardware_statistics)).volatile(),
        row(10, "in_hw_count", Is::Members(actions::in_hardware)),
    ],
);

/// `TCA_ACT_KIND`.
pub const TCA_ACT_KIND: u16 = 1;
/// `TCA_ACT_OPTIONS`.
pub const TCA_ACT_OPTIONS: u16 = 2;
/// `TCA_ACT_INDEX`.
pub const TCA_ACT_INDEX: u16 = 3;
/// `TCA_ACT_FLAGS`.
pub const TCA_ACT_FLAGS: u16 = 7;

/// `TCA_ACT_FLAGS_*`.
pub static FLAGS: &Names = &[(1, "no_percpu"), (2, "skip_hw"), (4, "skip_sw")];

/// By `TCA_ACT_KIND`.
static OPTIONS: Choice = Choice {
    level: Level::Here,
    by: TCA_ACT_KIND,
    among: Among::Text(&[
        ("bpf", Is::Inline(&BPF)),
        ("connmark", Is::Inline(&CONNMARK)),
        ("csum", Is::Inline(&CSUM)),
        ("ct", Is::Inline(&CT)),
        ("ctinfo", Is::Inline(&CTINFO)),
        ("gact", Is::Inline(&GACT)),
        ("gate", Is::Inline(&GATE)),
        ("ife", Is::Inline(&IFE)),
        ("mirred", Is::Inline(&MIRRED)),
        ("mpls", Is::Inline(&MPLS)),
        ("nat", Is::Inline(&NAT)),
        ("pedit", Is::Inline(&PEDIT)),
        ("police", Is::Inline(&POLICE)),
        ("sample", Is::Inline(&SAMPLE)),
        ("simple", Is::Inline(&SIMPLE)),
        ("skbedit", Is::Inline(&SKBEDIT)),
        ("skbmod", Is::Inline(&SKBMOD)),
        ("tunnel_key", Is::Inline(&TUNNEL_KEY)),
        ("vlan", Is::Inline(&VLAN)),
    ]),
};

/// The attribute of each kind's options that begins with the action's index.
pub static PARAMETERS: &[(&str, &[u16])] = &[
    ("bpf", &[2]),
    ("connmark", &[1]),
    ("csum", &[1]),
    ("ct", &[1]),
    ("ctinfo", &[3]),
    ("gact", &[2]),
    ("gate", &[2]),
    ("ife", &[1]),
    ("mirred", &[2]),
    ("mpls", &[2]),
    ("nat", &[1]),
    ("pedit", &[2, 4]),
    ("police", &[1]),
    ("sample", &[2]),
    ("simple", &[2]),
    ("skbedit", &[2]),
    ("skbmod", &[2]),
    ("tunnel_key", &[2]),
    ("vlan", &[2]),
];

/// The beginning of every kind's parameters but police's: `tc_gen`.
const INDEX: Field = field(0, "index", Is::Number(U32));
const CAPABILITIES: Field = field(4, "capab", Is::NumberUnless(U32, 0));
const VERDICT: Field = field_of(8, 4, "control_action", Is::Value(tc::verdict));
const REFERENCES: Field = field(12, "ref", Is::Number(I32)).volatile();
const BINDINGS: Field = field(16, "bind", Is::Number(I32)).volatile();

/// `tc_gen` and nothing more.
pub static GENERIC: Structure = Structure::new("tc_gen", 20, &[INDEX, CAPABILITIES, VERDICT, REFERENCES, BINDINGS]);

/// `TCA_GACT_*`. `tc` tells a chance of none where there is none.
static GACT: Set = Set::new(
    "TCA_GACT",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::Members(actions::generic)),
        row(3, "prob", Is::Structure(&GACT_CHANCE)),
        row(4, "pad", Is::Known),
    ],
);

/// `struct tc_gact_p`.
pub static GACT_CHANCE: Structure = Structure::new(
    "tc_gact_p",
    8,
    &[
        field(0, "random_type", Is::Named(U16, &[(0, "none"), (1, "netrand"), (2, "determ")])),
        field_of(4, 4, "control_action", Is::Value(tc::verdict)),
        field(2, "val", Is::Number(U16)),
    ],
);

/// `TCA_POLICE_*`. Rates are told by its parameters.
pub static POLICE: Set = Set::new(
    "TCA_POLICE",
    &[
        row(1, "tbf", Is::Members(actions::police)),
        row(2, "rtab", Is::Hex),
        row(3, "ptab", Is::Hex),
        row(4, "avrate", Is::Number(U32)),
        // What becomes of packets that do not exceed; `tc` repeats control_action for it.
        row(5, "conform_action", Is::Value(tc::verdict)),
        row(6, "tm", Is::Members(tc::times)).volatile(),
        row(7, "pad", Is::Known),
        row(8, "rate64", Is::Known),
        row(9, "peakrate64", Is::Known),
        row(10, "pktrate64", Is::Known),
        row(11, "pktburst64", Is::Known),
    ],
);

/// `TCA_MIRRED_*`.
static MIRRED: Set = Set::new(
    "TCA_MIRRED",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&MIRRED_PARAMETERS)),
        row(3, "pad", Is::Known),
        row(TCA_MIRRED_BLOCKID, "to_blockid", Is::Number(U32)),
    ],
);

/// `TCA_MIRRED_BLOCKID`.
pub const TCA_MIRRED_BLOCKID: u16 = 4;

/// `struct tc_mirred`.
static MIRRED_PARAMETERS: Structure = Structure::new(
    "tc_mirred",
    28,
    &[
        INDEX,
        CAPABILITIES,
        field(20, "mirred_action", Is::Named(U32, &[(1, "redirect"), (2, "mirror"), (3, "redirect"), (4, "mirror")])),
        field(20, "direction", Is::Named(U32, &[(1, "egress"), (2, "egress"), (3, "ingress"), (4, "ingress")])),
        field_of(24, 4, "to_dev", Is::Members(actions::mirred_device)),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_NAT_*`.
static NAT: Set = Set::new(
    "TCA_NAT",
    &[
        row(1, "parms", Is::InlineStructure(&NAT_PARAMETERS)),
        row(2, "tm", Is::Members(tc::times)).volatile(),
        row(3, "pad", Is::Known),
    ],
);

/// `struct tc_nat`.
static NAT_PARAMETERS: Structure = Structure::new(
    "tc_nat",
    36,
    &[
        INDEX,
        CAPABILITIES,
        field(32, "direction", Is::Named(U32, &[(0, "ingress"), (1, "egress")])),
        // With the mask at 28.
        field_of(20, 12, "old_addr", Is::Value(actions::nat_prefix)),
        field_of(24, 4, "new_addr", Is::Ip),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_PEDIT_*`.
static PEDIT: Set = Set::new(
    "TCA_PEDIT",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::Members(actions::pedit)),
        row(3, "pad", Is::Known),
        row(4, "parms_ex", Is::Members(actions::pedit)),
        // Told with the keys that they belong to.
        row(TCA_PEDIT_KEYS_EX, "keys_ex", Is::Known),
    ],
);

/// `TCA_PEDIT_KEYS_EX`.
pub const TCA_PEDIT_KEYS_EX: u16 = 5;

/// `struct tc_pedit_sel`, before its keys.
pub static PEDIT_PARAMETERS: Structure = Structure::new(
    "tc_pedit_sel",
    24,
    &[
        INDEX,
        CAPABILITIES,
        VERDICT,
        field(20, "nkeys", Is::Number(U8)),
        field(21, "flags", Is::NumberUnless(U8, 0)),
        REFERENCES,
        BINDINGS,
    ],
);

/// `struct tc_pedit_key`.
pub static PEDIT_KEY: Structure = Structure::new(
    "tc_pedit_key",
    24,
    &[
        field(8, "offset", Is::Number(I32)),
        field(4, "val", Is::Number(U32Be)),
        field(0, "mask", Is::Number(U32Be)),
        field(12, "at", Is::NumberUnless(U32, 0)),
        field(16, "offmask", Is::NumberUnless(U32, 0)),
        field(20, "shift", Is::NumberUnless(U32, 0)),
    ],
);

/// `TCA_PEDIT_KEY_EX_HDR_TYPE_*`.
pub static PEDIT_HEADERS: &Names = &[(0, "network"), (1, "eth"), (2, "ipv4"), (3, "ipv6"), (4, "tcp"), (5, "udp")];

/// `TCA_PEDIT_KEY_EX_CMD_*`.
pub static PEDIT_COMMANDS: &Names = &[(0, "set"), (1, "add")];

/// `TCA_CSUM_*`.
static CSUM: Set = Set::new(
    "TCA_CSUM",
    &[
        row(1, "parms", Is::InlineStructure(&CSUM_PARAMETERS)),
        row(2, "tm", Is::Members(tc::times)).volatile(),
        row(3, "pad", Is::Known),
    ],
);

/// `struct tc_csum`.
static CSUM_PARAMETERS: Structure = Structure::new(
    "tc_csum",
    24,
    &[INDEX, CAPABILITIES, field_of(20, 4, "csum", Is::Value(actions::checksums)), VERDICT, REFERENCES, BINDINGS],
);

/// `TCA_CSUM_UPDATE_FLAG_*`.
pub static CHECKSUMS: &Names =
    &[(1, "iph"), (2, "icmp"), (4, "igmp"), (8, "tcp"), (16, "udp"), (32, "udplite"), (64, "sctp")];

/// `TCA_SKBEDIT_*`.
static SKBEDIT: Set = Set::new(
    "TCA_SKBEDIT",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "priority", Is::Value(tc::class_id)),
        row(4, "queue_mapping", Is::Number(U16)),
        row(5, "mark", Is::Number(U32)),
        row(6, "pad", Is::Known),
        row(7, "ptype", Is::Named(U16, PACKET_TYPES)),
        row(8, "mask", Is::Number(U32)),
        row(9, "flags", Is::Members(actions::skbedit_flags)),
        row(10, "queue_mapping_max", Is::Number(U16)),
    ],
);

/// `SKBEDIT_F_*` that no other attribute tells.
pub static SKBEDIT_FLAGS: &Names = &[(0x20, "inheritdsfield"), (0x40, "txq_skbhash")];

/// `PACKET_*`: `include/uapi/linux/if_packet.h`.
static PACKET_TYPES: &Names = &[(0, "host"), (1, "broadcast"), (2, "multicast"), (3, "otherhost")];

/// `TCA_SKBMOD_*`.
static SKBMOD: Set = Set::new(
    "TCA_SKBMOD",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&SKBMOD_PARAMETERS)),
        row(3, "dmac", Is::Hardware),
        row(4, "smac", Is::Hardware),
        row(5, "etype", Is::Number(U16)),
        row(6, "pad", Is::Known),
    ],
);

/// `struct tc_skbmod`.
static SKBMOD_PARAMETERS: Structure = Structure::new(
    "tc_skbmod",
    32,
    &[INDEX, CAPABILITIES, VERDICT, field_of(24, 8, "flags", Is::Members(actions::skbmod_flags)), REFERENCES, BINDINGS],
);

/// `SKBMOD_F_*` that no other attribute tells.
pub static SKBMOD_FLAGS: &Names = &[(0x8, "swapmac"), (0x10, "ecn")];

/// `TCA_VLAN_*`.
static VLAN: Set = Set::new(
    "TCA_VLAN",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&VLAN_PARAMETERS)),
        row(3, "id", Is::Number(U16)),
        row(4, "protocol", Is::Named(U16Be, ETHER_TYPES)),
        row(5, "pad", Is::Known),
        row(6, "priority", Is::Number(U8)),
        row(7, "dst_mac", Is::Hardware),
        row(8, "src_mac", Is::Hardware),
    ],
);

/// `struct tc_vlan`.
static VLAN_PARAMETERS: Structure = Structure::new(
    "tc_vlan",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(
            20,
            "vlan_action",
            Is::Named(U32, &[(1, "pop"), (2, "push"), (3, "modify"), (4, "pop_eth"), (5, "push_eth")]),
        ),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_ACT_BPF_*`.
static BPF: Set = Set::new(
    "TCA_ACT_BPF",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "ops_len", Is::Known),
        row(4, "bytecode", filter::INSTRUCTIONS),
        row(5, "fd", Is::Number(U32)),
        row(6, "bpf_name", Is::Text),
        row(7, "pad", Is::Known),
        row(TCA_ACT_BPF_TAG, "tag", Is::Members(tc::program_tag::<TCA_ACT_BPF_ID>)),
        row(TCA_ACT_BPF_ID, "prog", Is::Members(tc::program::<TCA_ACT_BPF_TAG>)),
    ],
);

/// `TCA_ACT_BPF_TAG`.
const TCA_ACT_BPF_TAG: u16 = 8;
/// `TCA_ACT_BPF_ID`.
const TCA_ACT_BPF_ID: u16 = 9;

/// `TCA_CONNMARK_*`.
static CONNMARK: Set = Set::new(
    "TCA_CONNMARK",
    &[
        row(1, "parms", Is::InlineStructure(&CONNMARK_PARAMETERS)),
        row(2, "tm", Is::Members(tc::times)).volatile(),
        row(3, "pad", Is::Known),
    ],
);

/// `struct tc_connmark`.
static CONNMARK_PARAMETERS: Structure = Structure::new(
    "tc_connmark",
    24,
    &[INDEX, CAPABILITIES, field(20, "zone", Is::Number(U16)), VERDICT, REFERENCES, BINDINGS],
);

/// `TCA_TUNNEL_KEY_*`.
static TUNNEL_KEY: Set = Set::new(
    "TCA_TUNNEL_KEY",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::Members(actions::tunnel_key)),
        row(3, "src_ip", Is::Members(actions::tunnel_source)),
        row(4, "dst_ip", Is::Members(actions::tunnel_destination)),
        row(5, "src_ip6", Is::Members(actions::tunnel_source)),
        row(6, "dst_ip6", Is::Members(actions::tunnel_destination)),
        row(7, "key_id", Is::Number(U32Be)),
        row(8, "pad", Is::Known),
        row(9, "dst_port", Is::Number(U16Be)),
        row(10, "flag", Is::Named(U8, &[(0, "csum"), (1, "nocsum")])),
        row(11, "enc_opts", Is::Inline(&TUNNEL_OPTIONS)),
        row(12, "tos", Is::NumberUnless(U8, 0)),
        row(13, "ttl", Is::NumberUnless(U8, 0)),
        // That it is there says it, and is told by the parameters.
        row(TCA_TUNNEL_KEY_NO_FRAG, "nofrag", Is::Known),
    ],
);

/// `TCA_TUNNEL_KEY_NO_FRAG`.
pub const TCA_TUNNEL_KEY_NO_FRAG: u16 = 14;

/// `struct tc_tunnel_key`.
pub static TUNNEL_KEY_PARAMETERS: Structure = Structure::new(
    "tc_tunnel_key",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(20, "mode", Is::Named(U32, &[(1, "set"), (2, "unset")])),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_TUNNEL_KEY_ENC_OPTS_*`.
static TUNNEL_OPTIONS: Set = Set::new(
    "TCA_TUNNEL_KEY_ENC_OPTS",
    &[
        row(1, "geneve_opts", Is::Value(geneve_options_as_numbers)),
        row(2, "vxlan_opts", Is::Set(&VXLAN_OPTIONS)).repeated(),
        row(3, "erspan_opts", Is::Value(erspan_options)),
    ],
);

/// `TCA_TUNNEL_KEY_ENC_OPT_VXLAN_*`.
static VXLAN_OPTIONS: Set = Set::new("TCA_TUNNEL_KEY_ENC_OPT_VXLAN", &[row(1, "gbp", Is::Number(U32))]);

/// `TCA_SAMPLE_*`.
static SAMPLE: Set = Set::new(
    "TCA_SAMPLE",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "rate", Is::Number(U32)),
        row(4, "trunc_size", Is::Number(U32)),
        row(5, "group", Is::Number(U32)),
        row(6, "pad", Is::Known),
    ],
);

/// `TCA_IFE_*`.
static IFE: Set = Set::new(
    "TCA_IFE",
    &[
        row(1, "parms", Is::InlineStructure(&IFE_PARAMETERS)),
        row(2, "tm", Is::Members(tc::times)).volatile(),
        row(3, "dst", Is::Hardware),
        row(4, "src", Is::Hardware),
        row(5, "type", Is::Number(U16)),
        row(6, "metalst", Is::Inline(&IFE_METADATA)),
        row(7, "pad", Is::Known),
    ],
);

/// `struct tc_ife`.
static IFE_PARAMETERS: Structure = Structure::new(
    "tc_ife",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(20, "mode", Is::Named(U16, &[(0, "decode"), (1, "encode")])),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `IFE_META_*`: `include/uapi/linux/ife.h`.
static IFE_METADATA: Set = Set::new(
    "IFE_META",
    &[
        row(1, "mark", Is::Value(actions::ife_metadata)),
        row(2, "hashid", Is::Value(actions::ife_metadata)),
        row(3, "prio", Is::Value(actions::ife_metadata)),
        row(4, "qmap", Is::Value(actions::ife_metadata)),
        row(5, "tcindex", Is::Value(actions::ife_metadata)),
    ],
);

/// `TCA_DEF_*`.
static SIMPLE: Set = Set::new(
    "TCA_DEF",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "simple", Is::Text),
        row(4, "pad", Is::Known),
    ],
);

/// `TCA_CTINFO_*`.
static CTINFO: Set = Set::new(
    "TCA_CTINFO",
    &[
        row(1, "pad", Is::Known),
        row(2, "tm", Is::Members(tc::times)).volatile(),
        row(3, "act", Is::InlineStructure(&GENERIC)),
        row(4, "zone", Is::Number(U16)),
        row(5, "dscpmask", Is::Number(U32)),
        row(6, "dscpstatemask", Is::Number(U32)),
        row(7, "cpmark", Is::Number(U32)),
        row(8, "dscpset", Is::Number(U64)).volatile(),
        row(9, "dscperror", Is::Number(U64)).volatile(),
        row(10, "cpmarkset", Is::Number(U64)).volatile(),
    ],
);

/// `TCA_MPLS_*`.
static MPLS: Set = Set::new(
    "TCA_MPLS",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&MPLS_PARAMETERS)),
        row(3, "pad", Is::Known),
        row(4, "protocol", Is::Named(U16Be, ETHER_TYPES)),
        row(5, "label", Is::Number(U32)),
        row(6, "tc", Is::Number(U8)),
        row(7, "ttl", Is::Number(U8)),
        row(8, "bos", Is::Number(U8)),
    ],
);

/// `struct tc_mpls`.
static MPLS_PARAMETERS: Structure = Structure::new(
    "tc_mpls",
    24,
    &[
        INDEX,
        CAPABILITIES,
        field(
            20,
            "mpls_action",
            Is::Named(U32, &[(1, "pop"), (2, "push"), (3, "modify"), (4, "dec_ttl"), (5, "mac_push")]),
        ),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// `TCA_CT_*`. Addresses and ports are told by `nat`, the helper's family and protocol by `helper`.
static CT: Set = Set::new(
    "TCA_CT",
    &[
        row(1, "parms", Is::InlineStructure(&GENERIC)),
        row(2, "tm", Is::Members(tc::times)).volatile(),
        row(3, "action", Is::Members(actions::connection)),
        row(4, "zone", Is::Number(U16)),
        row(5, "mark", Is::Number(U32)),
        row(6, "mark_mask", Is::NumberUnless(U32, 0xffff_ffff)),
        row(7, "label", Is::Value(tc::masked_octets)),
        row(8, "label_mask", Is::Known),
        row(9, "nat_ipv4_min", Is::Known),
        row(10, "nat_ipv4_max", Is::Known),
        row(11, "nat_ipv6_min", Is::Known),
        row(12, "nat_ipv6_max", Is::Known),
        row(13, "nat_port_min", Is::Known),
        row(14, "nat_port_max", Is::Known),
        row(15, "pad", Is::Known),
        row(16, "helper", Is::Value(actions::connection_helper)),
        row(17, "helper_family", Is::Known),
        row(18, "helper_proto", Is::Known),
    ],
);

/// `TCA_GATE_*`; times in nanoseconds.
static GATE: Set = Set::new(
    "TCA_GATE",
    &[
        row(1, "tm", Is::Members(tc::times)).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "pad", Is::Known),
        row(4, "priority", Is::Number(I32)),
        row(5, "schedule", Is::Each(&GATE_ENTRY)),
        row(6, "base_time", Is::Number(I64)),
        row(7, "cycle_time", Is::Number(I64)),
        row(8, "cycle_time_ext", Is::Number(I64)),
        row(9, "flags", Is::Number(U32)),
        row(10, "clockid", Is::Named(I32, CLOCKS)),
    ],
);

static GATE_ENTRY: Is = Is::Value(actions::gate_entry);

/// `TCA_GATE_ENTRY_*`.
pub static GATE_ENTRY_ATTRIBUTES: Set = Set::new(
    "TCA_GATE_ENTRY",
    &[
        row(1, "number", Is::Number(U32)),
        // That it is there says it.
        row(TCA_GATE_ENTRY_GATE, "gate", Is::Known),
        row(3, "interval", Is::Number(U32)),
        row(4, "ipv", Is::Number(I32)),
        row(5, "max_octets", Is::Number(I32)),
    ],
);

/// `TCA_GATE_ENTRY_GATE`.
pub const TCA_GATE_ENTRY_GATE: u16 = 2;
