//! Options of filters, by their kind, and extended matches. `pkt_cls.h`, `tc_ematch/`.

use super::action::police::old_police;
use super::names::FILTER_FLAGS;
use super::value::class_id;
use super::{action, bpf, flower};
use crate::decode::code::tc::{ematches, filters};
use crate::decode::schema::{Is, Names, Scalar::*, Set, Structure, field, field_of, row};
use crate::kinds::rtnetlink::names::REALMS;

/// By `TCA_KIND`: how the filter's handle is told, and its attributes.
pub static OPTIONS: &[(&str, Handle, &Set)] = &[
    ("basic", Handle::Number, &BASIC),
    ("bpf", Handle::Number, &BPF),
    ("cgroup", Handle::Number, &CGROUP),
    ("flow", Handle::Number, &FLOW),
    ("flower", Handle::Number, &flower::OUTER),
    ("fw", Handle::Mark, &FW),
    ("matchall", Handle::Number, &MATCHALL),
    ("route", Handle::Route, &ROUTE),
    ("u32", Handle::Tree, &U32_TREE),
];

/// What a filter's handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    /// A number: `handle`.
    Number,
    /// The mark that is looked for: `fw`.
    Mark,
    /// Realms: `fh`, and `order`.
    Route,
    /// Table, bucket and place, each in hexadecimal: `fh`, and `order`.
    Tree,
}

/// `TCA_BASIC_*`.
static BASIC: Set = Set::new(
    "TCA_BASIC",
    &[
        row(1, "flowid", Is::Value(class_id)),
        row(2, "ematch", Is::Value(ematches::tree)),
        row(3, "actions", action::LIST),
        row(4, "police", Is::Members(old_police)),
        row(5, "pcnt", Is::InlineStructure(&BASIC_COUNTERS)).volatile(),
        row(6, "pad", Is::Known),
    ],
);

/// `struct tc_basic_pcnt`.
static BASIC_COUNTERS: Structure =
    Structure::new("tc_basic_pcnt", 16, &[field(0, "rule_hit", Is::Number(U64)), field(8, "success", Is::Number(U64))]);

/// `TCA_BPF_*`.
static BPF: Set = Set::new(
    "TCA_BPF",
    &[
        row(1, "actions", action::LIST),
        row(2, "police", Is::Members(old_police)),
        row(3, "flowid", Is::Value(class_id)),
        row(4, "ops_len", Is::Known),
        row(5, "bytecode", bpf::INSTRUCTIONS),
        row(6, "fd", Is::Number(U32)),
        row(7, "bpf_name", Is::Text),
        row(8, "bpf_flags", Is::Flags(U32, &[(1, "direct-action")])),
        row(9, "flags", Is::Flags(U32, FILTER_FLAGS)),
        row(TCA_BPF_TAG, "tag", Is::Members(bpf::program_tag::<TCA_BPF_ID>)),
        row(TCA_BPF_ID, "prog", Is::Members(bpf::program::<TCA_BPF_TAG>)),
    ],
);

/// `TCA_BPF_TAG`.
const TCA_BPF_TAG: u16 = 10;
/// `TCA_BPF_ID`.
const TCA_BPF_ID: u16 = 11;

/// `TCA_CGROUP_*`.
static CGROUP: Set = Set::new(
    "TCA_CGROUP",
    &[
        row(1, "actions", action::LIST),
        row(2, "police", Is::Members(old_police)),
        row(3, "ematch", Is::Value(ematches::tree)),
    ],
);

/// `TCA_FLOW_*`.
static FLOW: Set = Set::new(
    "TCA_FLOW",
    &[
        row(1, "keys", Is::Bits(U32, FLOW_KEYS)),
        row(2, "mode", Is::Named(U32, &[(0, "map"), (1, "hash")])),
        row(3, "baseclass", Is::Value(class_id)),
        row(4, "rshift", Is::Number(U32)),
        row(5, "addend", Is::Number(U32)),
        row(6, "mask", Is::Members(filters::flow_arithmetic)),
        row(7, "xor", Is::Members(filters::flow_arithmetic)),
        row(8, "divisor", Is::Number(U32)),
        row(9, "actions", action::LIST),
        row(10, "police", Is::Members(old_police)),
        row(11, "ematch", Is::Value(ematches::tree)),
        row(12, "perturb", Is::Number(U32)),
    ],
);

/// `1 << FLOW_KEY_*`.
static FLOW_KEYS: &Names = &[
    (1 << 0, "src"),
    (1 << 1, "dst"),
    (1 << 2, "proto"),
    (1 << 3, "proto-src"),
    (1 << 4, "proto-dst"),
    (1 << 5, "iif"),
    (1 << 6, "priority"),
    (1 << 7, "mark"),
    (1 << 8, "nfct"),
    (1 << 9, "nfct-src"),
    (1 << 10, "nfct-dst"),
    (1 << 11, "nfct-proto-src"),
    (1 << 12, "nfct-proto-dst"),
    (1 << 13, "rt-classid"),
    (1 << 14, "sk-uid"),
    (1 << 15, "sk-gid"),
    (1 << 16, "vlan-tag"),
    (1 << 17, "rxhash"),
];

/// `TCA_FW_*`. The mask is told with the mark.
static FW: Set = Set::new(
    "TCA_FW",
    &[
        row(1, "classid", Is::Value(class_id)),
        row(2, "police", Is::Members(old_police)),
        row(3, "indev", Is::Text),
        row(4, "actions", action::LIST),
        row(TCA_FW_MASK, "mask", Is::Known),
    ],
);

/// `TCA_FW_MASK`.
pub const TCA_FW_MASK: u16 = 5;

/// `TCA_MATCHALL_*`.
static MATCHALL: Set = Set::new(
    "TCA_MATCHALL",
    &[
        row(1, "flowid", Is::Value(class_id)),
        row(2, "actions", action::LIST),
        row(3, "flags", Is::Flags(U32, FILTER_FLAGS)),
        // struct tc_matchall_pcnt.
        row(4, "rule_hit", Is::Number(U64)).volatile(),
        row(5, "pad", Is::Known),
    ],
);

/// `TCA_ROUTE4_*`. `tc` calls both realms `name`.
static ROUTE: Set = Set::new(
    "TCA_ROUTE4",
    &[
        row(1, "flowid", Is::Value(class_id)),
        row(2, "to", Is::NamedId(U32, REALMS)),
        row(3, "from", Is::NamedId(U32, REALMS)),
        row(4, "fromif", Is::Link),
        row(5, "police", Is::Members(old_police)),
        row(6, "actions", action::LIST),
    ],
);

/// `TCA_U32_*`.
static U32_TREE: Set = Set::new(
    "TCA_U32",
    &[
        row(1, "flowid", Is::Value(class_id)),
        row(2, "hash", Is::Members(filters::tree_bucket)),
        row(3, "link", Is::Value(filters::tree_handle)),
        row(4, "ht_divisor", Is::Number(U32)),
        row(5, "sel", Is::Members(filters::tree_selector)),
        row(6, "police", Is::Members(old_police)),
        row(7, "actions", action::LIST),
        row(8, "input_dev", Is::Text),
        row(TCA_U32_PCNT, "pcnt", Is::Members(filters::tree_counters)).volatile(),
        row(10, "mark", Is::InlineStructure(&U32_MARK)),
        row(11, "flags", Is::Flags(U32, FILTER_FLAGS)),
        row(12, "pad", Is::Known),
    ],
);

/// `TCA_U32_PCNT`.
pub const TCA_U32_PCNT: u16 = 9;

/// `struct tc_u32_mark`.
static U32_MARK: Structure = Structure::new(
    "tc_u32_mark",
    12,
    &[
        field(0, "fwmark_value", Is::Number(U32)),
        field(4, "fwmark_mask", Is::Number(U32)),
        field(8, "fwmark_success", Is::Number(U32)).volatile(),
    ],
);

/// `struct tc_u32_key`.
pub static U32_KEY: Structure = Structure::new(
    "tc_u32_key",
    16,
    &[
        field(4, "value", Is::Number(U32Be)),
        field(0, "mask", Is::Number(U32Be)),
        field_of(12, 4, "offmask", Is::Value(filters::tree_offset_mask)),
        field(8, "off", Is::Number(I32)),
    ],
);

/// `TCF_EM_*`: kinds of extended matches, with what each holds and under which key, where it needs one.
pub static EMATCHES: &[(u16, &str, &str, Is)] = &[
    // The place of the first of the matches in parentheses.
    (0, "container", "first", Is::Number(U32)),
    (1, "cmp", "", Is::Members(ematches::compare)),
    (2, "nbyte", "", Is::Members(ematches::octets)),
    (3, "u32", "", Is::InlineStructure(&U32_KEY)),
    (4, "meta", "", Is::Members(ematches::meta)),
    (5, "text", "", Is::Members(ematches::text)),
    (6, "vlan", "data", Is::Hex),
    (7, "canid", "rules", Is::Array(&CAN_FILTER, 8)),
    (8, "ipset", "", Is::InlineStructure(&IP_SET)),
    (9, "ipt", "", Is::Inline(&IPT)),
];

static CAN_FILTER: Is = Is::Structure(&CAN_FILTER_RULE);

/// `struct can_filter`: `include/uapi/linux/can.h`.
static CAN_FILTER_RULE: Structure =
    Structure::new("can_filter", 8, &[field(0, "id", Is::Number(U32)), field(4, "mask", Is::Number(U32))]);

/// `struct xt_set_info`: `include/uapi/linux/netfilter/xt_set.h`.
static IP_SET: Structure = Structure::new(
    "xt_set_info",
    4,
    &[field(0, "index", Is::Number(U16)), field(2, "dim", Is::Number(U8)), field(3, "flags", Is::Number(U8))],
);

/// `TCA_EM_IPT_*`.
static IPT: Set = Set::new(
    "TCA_EM_IPT",
    &[
        row(1, "hook", Is::Number(U32)),
        row(2, "name", Is::Text),
        row(3, "revision", Is::Number(U8)),
        row(4, "nfproto", Is::Number(U8)),
        row(5, "data", Is::Hex),
    ],
);

/// `TCF_LAYER_*`.
pub static LAYERS: &Names = &[(0, "link"), (1, "network"), (2, "transport")];

/// `TCF_EM_OPND_*`.
pub static OPERATORS: &Names = &[(0, "eq"), (1, "gt"), (2, "lt")];

/// `TCF_META_ID_*`: `tc_ematch/tc_em_meta.h`.
pub static META_IDS: &Names = &[
    (1, "random"),
    (2, "loadavg_1"),
    (3, "loadavg_5"),
    (4, "loadavg_15"),
    (5, "dev"),
    (6, "priority"),
    (7, "protocol"),
    (8, "pkt_type"),
    (9, "pkt_len"),
    (10, "data_len"),
    (11, "mac_len"),
    (12, "nf_mark"),
    (13, "tc_index"),
    (14, "rt_classid"),
    (15, "rt_iif"),
    (16, "sk_family"),
    (17, "sk_state"),
    (18, "sk_reuse"),
    (19, "sk_bind_if"),
    (20, "sk_refcnt"),
    (21, "sk_shutdown"),
    (22, "sk_proto"),
    (23, "sk_type"),
    (24, "sk_rcvbuf"),
    (25, "sk_rmem"),
    (26, "sk_wmem"),
    (27, "sk_omem"),
    (28, "sk_wmem_queue"),
    (29, "sk_rcv_queue"),
    (30, "sk_snd_queue"),
    (31, "sk_err_queue"),
    (32, "sk_fwd_alloc"),
    (33, "sk_sndbuf"),
    (34, "sk_allocs"),
    (35, "sk_route_caps"),
    (36, "sk_hash"),
    (37, "sk_lingertime"),
    (38, "sk_ack_backlog"),
    (39, "sk_max_ack_backlog"),
    (40, "sk_prio"),
    (41, "sk_rcvlowat"),
    (42, "sk_rcvtimeo"),
    (43, "sk_sndtimeo"),
    (44, "sk_sendmsg_off"),
    (45, "sk_write_pending"),
    (46, "vlan"),
    (47, "rxhash"),
];
