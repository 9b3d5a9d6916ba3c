//! `dcb`: Data Center Bridging. `struct dcbmsg`, `DCB_ATTR_*`: `include/uapi/linux/dcbnl.h`.

use libc::RTNLGRP_DCB;

use crate::decode::schema::{Is, Kind, Names, Scalar::*, Set, Structure, field, field_of, row};
use crate::decode::title::{detail, word};
use crate::kinds::rtnetlink::numbers::RTM_NEWDCB;

/// `RTM_GETDCB` and `RTM_SETDCB`, which are notifications too (`dcbnl_notify`): there is neither new nor delete. The
/// kernel shows one interface at a time, by its name.
pub static DCB: Kind = Kind {
    name: "dcb",
    about: "changes of Data Center Bridging",
    title: &[word("cmd"), word("ifname").after("of"), detail("ieee"), detail("state"), detail("dcbx")],
    groups: &[RTNLGRP_DCB],
    new: RTM_NEWDCB,
    header: &HEADER,
    set: &ATTRIBUTES,
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("dcbmsg", 4, &[field(1, "cmd", Is::Named(U8, COMMANDS))]);

/// `DCB_CMD_*`.
static COMMANDS: &Names = &[
    (1, "gstate"),
    (2, "sstate"),
    (3, "pgtx_gcfg"),
    (4, "pgtx_scfg"),
    (5, "pgrx_gcfg"),
    (6, "pgrx_scfg"),
    (7, "pfc_gcfg"),
    (8, "pfc_scfg"),
    (9, "set_all"),
    (10, "gperm_hwaddr"),
    (11, "gcap"),
    (12, "gnumtcs"),
    (13, "snumtcs"),
    (14, "pfc_gstate"),
    (15, "pfc_sstate"),
    (16, "bcn_gcfg"),
    (17, "bcn_scfg"),
    (18, "gapp"),
    (19, "sapp"),
    (20, "ieee_set"),
    (21, "ieee_get"),
    (22, "gdcbx"),
    (23, "sdcbx"),
    (24, "gfeatcfg"),
    (25, "sfeatcfg"),
    (26, "cee_get"),
    (27, "ieee_del"),
];

/// `DCB_ATTR_*`. Those that only answers to single questions have, and no notification, are kept as hex.
static ATTRIBUTES: Set = Set::new(
    "DCB_ATTR",
    &[
        row(1, "ifname", Is::Text),
        row(2, "state", Is::Number(U8)),
        row(3, "pfc_state", Is::Number(U8)),
        row(4, "pfc_cfg", Is::Hex),
        row(5, "num_tc", Is::Number(U8)),
        row(6, "pg_cfg", Is::Hex),
        row(7, "set_all", Is::Number(U8)),
        row(8, "perm_hwaddr", Is::Hardware),
        row(9, "cap", Is::Hex),
        row(10, "numtcs", Is::Hex),
        row(11, "bcn", Is::Hex),
        row(12, "app", Is::Hex),
        row(13, "ieee", Is::Set(&IEEE)),
        row(14, "dcbx", Is::Bits(U8, MODES)),
        row(15, "featcfg", Is::Hex),
        row(16, "cee", Is::Set(&CEE)),
    ],
);

/// `DCB_CAP_DCBX_*`.
static MODES: &Names = &[(0x01, "host"), (0x02, "lld_managed"), (0x04, "cee"), (0x08, "ieee"), (0x10, "static")];

static OCTET: Is = Is::Number(U8);
static NUMBER_32: Is = Is::Number(U32);
static NUMBER_64: Is = Is::Number(U64);
/// Eight numbers: one for each traffic class or priority.
const OCTETS: Is = Is::Array(&OCTET, 1);
const NUMBERS_32: Is = Is::Array(&NUMBER_32, 4);
const NUMBERS_64: Is = Is::Array(&NUMBER_64, 8);

/// `DCB_ATTR_IEEE_*`.
static IEEE: Set = Set::new(
    "DCB_ATTR_IEEE",
    &[
        row(1, "ets", Is::Structure(&ETS)),
        row(2, "pfc", Is::Structure(&PFC)),
        row(3, "app_table", Is::Each(&APPLICATION_ELEMENT)),
        row(4, "peer_ets", Is::Structure(&ETS)),
        row(5, "peer_pfc", Is::Structure(&PFC)),
        row(6, "peer_app", Is::Each(&APPLICATION_ELEMENT)),
        row(7, "maxrate", NUMBERS_64),
        row(8, "qcn", Is::Structure(&QCN)),
        row(9, "qcn_stats", Is::Structure(&QCN_STATISTICS)),
        row(10, "buffer", Is::Structure(&BUFFER)),
        row(11, "app_trust_table", Is::Each(&OCTET)),
        row(12, "rewr_table", Is::Each(&APPLICATION_ELEMENT)),
    ],
);

/// `struct ieee_ets`: Enhanced Transmission Selection.
static ETS: Structure = Structure::new(
    "ieee_ets",
    59,
    &[
        field(0, "willing", Is::Number(U8)),
        field(1, "ets_cap", Is::Number(U8)),
        field(2, "cbs", Is::Number(U8)),
        field_of(3, 8, "tc_tx_bw", OCTETS),
        field_of(11, 8, "tc_rx_bw", OCTETS),
        field_of(19, 8, "tc_tsa", OCTETS),
        field_of(27, 8, "prio_tc", OCTETS),
        field_of(35, 8, "tc_reco_bw", OCTETS),
        field_of(43, 8, "tc_reco_tsa", OCTETS),
        field_of(51, 8, "reco_prio_tc", OCTETS),
    ],
);

/// `struct ieee_pfc`: Priority-based Flow Control.
static PFC: Structure = Structure::new(
    "ieee_pfc",
    136,
    &[
        field(0, "pfc_cap", Is::Number(U8)),
        field(1, "pfc_en", Is::Number(U8)),
        field(2, "mbc", Is::Number(U8)),
        field(4, "delay", Is::Number(U16)),
        field_of(8, 64, "requests", NUMBERS_64),
        field_of(72, 64, "indications", NUMBERS_64),
    ],
);

static APPLICATION_ELEMENT: Is = Is::Structure(&APPLICATION);

/// `struct dcb_app`.
static APPLICATION: Structure = Structure::new(
    "dcb_app",
    4,
    &[
        field(0, "selector", Is::Named(U8, SELECTORS)),
        field(1, "priority", Is::Number(U8)),
        field(2, "protocol", Is::Number(U16)),
    ],
);

/// `IEEE_8021QAZ_APP_SEL_*` and `DCB_APP_SEL_PCP`.
static SELECTORS: &Names = &[(1, "ethertype"), (2, "stream"), (3, "dgram"), (4, "any"), (5, "dscp"), (255, "pcp")];

/// `struct ieee_qcn`: Quantized Congestion Notification.
static QCN: Structure = Structure::new(
    "ieee_qcn",
    360,
    &[
        field_of(0, 8, "rpg_enable", OCTETS),
        field_of(8, 32, "rppp_max_rps", NUMBERS_32),
        field_of(40, 32, "rpg_time_reset", NUMBERS_32),
        field_of(72, 32, "rpg_byte_reset", NUMBERS_32),
        field_of(104, 32, "rpg_threshold", NUMBERS_32),
        field_of(136, 32, "rpg_max_rate", NUMBERS_32),
        field_of(168, 32, "rpg_ai_rate", NUMBERS_32),
        field_of(200, 32, "rpg_hai_rate", NUMBERS_32),
        field_of(232, 32, "rpg_gd", NUMBERS_32),
        field_of(264, 32, "rpg_min_dec_fac", NUMBERS_32),
        field_of(296, 32, "rpg_min_rate", NUMBERS_32),
        field_of(328, 32, "cndd_state_machine", NUMBERS_32),
    ],
);

/// `struct ieee_qcn_stats`.
static QCN_STATISTICS: Structure = Structure::new(
    "ieee_qcn_stats",
    96,
    &[field_of(0, 64, "rppp_rp_centiseconds", NUMBERS_64), field_of(64, 32, "rppp_created_rps", NUMBERS_32)],
);

/// `struct dcbnl_buffer`.
static BUFFER: Structure = Structure::new(
    "dcbnl_buffer",
    44,
    &[
        field_of(0, 8, "prio2buffer", OCTETS),
        field_of(8, 32, "buffer_size", NUMBERS_32),
        field(40, "total_size", Is::Number(U32)),
    ],
);

/// `DCB_ATTR_CEE_*`: the standard before IEEE's.
static CEE: Set = Set::new(
    "DCB_ATTR_CEE",
    &[
        row(1, "peer_pg", Is::Structure(&PRIORITY_GROUPS)),
        row(2, "peer_pfc", Is::Structure(&CEE_PFC)),
        row(3, "peer_app_table", Is::Hex),
        row(4, "tx_pg", Is::Hex),
        row(5, "rx_pg", Is::Hex),
        row(6, "pfc", Is::Hex),
        row(7, "app_table", Is::Hex),
        row(8, "feat", Is::Hex),
    ],
);

/// `struct cee_pg`.
static PRIORITY_GROUPS: Structure = Structure::new(
    "cee_pg",
    20,
    &[
        field(0, "willing", Is::Number(U8)),
        field(1, "error", Is::Number(U8)),
        field(2, "pg_en", Is::Number(U8)),
        field(3, "tcs_supported", Is::Number(U8)),
        field_of(4, 8, "pg_bw", OCTETS),
        field_of(12, 8, "prio_pg", OCTETS),
    ],
);

/// `struct cee_pfc`.
static CEE_PFC: Structure = Structure::new(
    "cee_pfc",
    4,
    &[
        field(0, "willing", Is::Number(U8)),
        field(1, "error", Is::Number(U8)),
        field(2, "pfc_en", Is::Number(U8)),
        field(3, "tcs_supported", Is::Number(U8)),
    ],
);
