//! Options of queueing disciplines, by their kind. `pkt_sched.h`.

use super::names::{CLOCKS, LINK_LAYERS, PREEMPTION, TCA_KIND};
use crate::decode::code::tc::disciplines;
use crate::decode::schema::{Among, Choice, Is, Level, Names, Scalar::*, Set, Structure, field, field_of, row};

/// By `TCA_KIND`. Those that are not here have none: `mq`, `noqueue`, `teql`, `plug`, …
pub static OPTIONS: Choice = Choice {
    level: Level::Here,
    by: TCA_KIND,
    among: Among::Text(&[
        ("bfifo", Is::Structure(&FIFO)),
        ("cake", Is::Value(disciplines::cake)),
        ("cbs", Is::Set(&CBS)),
        ("choke", Is::Set(&CHOKE)),
        ("clsact", Is::Set(&EMPTY)),
        ("codel", Is::Set(&CODEL)),
        ("drr", Is::Set(&EMPTY)),
        ("dualpi2", Is::Set(&DUALPI2)),
        ("etf", Is::Set(&ETF)),
        ("ets", Is::Set(&ETS)),
        ("fq", Is::Set(&FQ)),
        ("fq_codel", Is::Set(&FQ_CODEL)),
        ("fq_pie", Is::Set(&FQ_PIE)),
        ("gred", Is::Set(&GRED)),
        ("hfsc", Is::Structure(&HFSC)),
        ("hhf", Is::Set(&HHF)),
        ("htb", Is::Set(&HTB)),
        ("ingress", Is::Set(&EMPTY)),
        ("mqprio", Is::Value(disciplines::mqprio)),
        ("multiq", Is::Structure(&MULTIQ)),
        ("netem", Is::Value(disciplines::netem)),
        ("pfifo", Is::Structure(&FIFO)),
        ("pfifo_fast", Is::Value(disciplines::prio)),
        ("pfifo_head_drop", Is::Structure(&FIFO)),
        ("pie", Is::Set(&PIE)),
        ("plug", Is::Structure(&PLUG)),
        ("prio", Is::Value(disciplines::prio)),
        ("qfq", Is::Set(&EMPTY)),
        ("red", Is::Set(&RED)),
        ("sfb", Is::Set(&SFB)),
        ("sfq", Is::Value(disciplines::sfq)),
        ("skbprio", Is::Structure(&FIFO)),
        ("taprio", Is::Value(disciplines::taprio)),
        ("tbf", Is::Set(&TBF)),
    ]),
};

static EMPTY: Set = Set::new("none", &[]);

/// `TCA_STAB_*`.
pub static SIZE_TABLE: Set =
    Set::new("TCA_STAB", &[row(1, "base", Is::InlineStructure(&SIZES)), row(2, "data", Is::Array(&SIZE, 2))]);

static SIZE: Is = Is::Number(U16);

/// `struct tc_sizespec`.
static SIZES: Structure = Structure::new(
    "tc_sizespec",
    24,
    &[
        field(8, "linklayer", Is::Named(U32, LINK_LAYERS)),
        field(4, "overhead", Is::Number(I32)),
        field(12, "mpu", Is::Number(U32)),
        field(16, "mtu", Is::Number(U32)),
        field(20, "tsize", Is::Number(U32)),
        field(0, "cell_log", Is::Number(U8)),
        field(1, "size_log", Is::Number(U8)),
        field(2, "cell_align", Is::Number(I16)),
    ],
);

/// `struct tc_fifo_qopt` and `struct tc_skbprio_qopt`.
static FIFO: Structure = Structure::new("tc_fifo_qopt", 4, &[field(0, "limit", Is::Number(U32))]);

/// `struct tc_prio_qopt`.
pub static PRIO: Structure = Structure::new(
    "tc_prio_qopt",
    20,
    &[field(0, "bands", Is::Number(I32)), field_of(4, 16, "priomap", Is::Array(&BAND, 1))],
);

static BAND: Is = Is::Number(U8);

/// `struct tc_multiq_qopt`.
static MULTIQ: Structure =
    Structure::new("tc_multiq_qopt", 4, &[field(0, "bands", Is::Number(U16)), field(2, "max_bands", Is::Number(U16))]);

/// `struct tc_plug_qopt`. The kernel never shows it.
static PLUG: Structure = Structure::new(
    "tc_plug_qopt",
    8,
    &[
        field(
            0,
            "action",
            Is::Named(U32, &[(0, "buffer"), (1, "release_one"), (2, "release_indefinite"), (3, "limit")]),
        ),
        field(4, "limit", Is::Number(U32)),
    ],
);

/// `TCA_TBF_*`. Its 64-bit rates are told by its parameters.
static TBF: Set = Set::new(
    "TCA_TBF",
    &[
        row(1, "parms", Is::Members(disciplines::tbf)),
        row(2, "rtab", Is::Hex),
        row(3, "ptab", Is::Hex),
        row(4, "rate64", Is::Known),
        row(5, "prate64", Is::Known),
        row(6, "burst_bytes", Is::Number(U32)),
        row(7, "pburst_bytes", Is::Number(U32)),
        row(8, "pad", Is::Known),
    ],
);

/// `struct tc_sfq_qopt` and what `struct tc_sfq_qopt_v1` adds to it.
pub static SFQ: Structure = Structure::new(
    "tc_sfq_qopt",
    28,
    &[
        field(8, "limit", Is::Number(U32)),
        field(0, "quantum", Is::Number(U32)),
        field(20, "depth", Is::NumberUnless(U32, 0)),
        field(24, "headdrop", Is::Bool(U32)),
        field(16, "flows", Is::Number(U32)),
        field(12, "divisor", Is::Number(U32)),
        field(4, "perturb", Is::NumberUnless(I32, 0)),
    ],
);

/// The rest of `struct tc_sfq_qopt_v1`: early detection, where it is in use.
pub static SFQ_RED: Structure = Structure::new(
    "tc_sfq_qopt_v1",
    44,
    &[
        field(0, "redflowlimit", Is::Number(U32)),
        field(12, "ewma", Is::Number(U8)),
        field(4, "min", Is::Number(U32)),
        field(8, "max", Is::Number(U32)),
        field(13, "Plog", Is::Number(U8)),
        field(14, "Scell_log", Is::Number(U8)),
        field_of(16, 4, "probability", Is::Value(disciplines::probability)),
        field_of(15, 1, "flags", Is::Members(disciplines::old_red_flags)),
        field(28, "prob_mark", Is::Number(U32)).volatile(),
        field(36, "prob_mark_head", Is::Number(U32)).volatile(),
        field(20, "prob_drop", Is::Number(U32)).volatile(),
        field(32, "forced_mark", Is::Number(U32)).volatile(),
        field(40, "forced_mark_head", Is::Number(U32)).volatile(),
        field(24, "forced_drop", Is::Number(U32)).volatile(),
    ],
);

/// `TCA_RED_*`.
static RED: Set = Set::new(
    "TCA_RED",
    &[
        row(1, "parms", Is::InlineStructure(&RED_PARAMETERS)),
        row(2, "stab", Is::Hex),
        row(3, "probability", Is::Members(disciplines::red_probability)),
        // Its bits are told by the parameters.
        row(4, "flags", Is::Known),
        row(5, "early_drop_block", Is::Members(disciplines::red_events)),
        row(6, "mark_block", Is::Members(disciplines::red_events)),
    ],
);

/// `TCA_CHOKE_*`.
static CHOKE: Set = Set::new(
    "TCA_CHOKE",
    &[
        row(1, "parms", Is::InlineStructure(&RED_PARAMETERS)),
        row(2, "stab", Is::Hex),
        row(3, "probability", Is::Members(disciplines::red_probability)),
    ],
);

/// `struct tc_red_qopt` and `struct tc_choke_qopt`.
static RED_PARAMETERS: Structure = Structure::new(
    "tc_red_qopt",
    16,
    &[
        field(0, "limit", Is::Number(U32)),
        field(4, "min", Is::Number(U32)),
        field(8, "max", Is::Number(U32)),
        field_of(15, 1, "flags", Is::Members(disciplines::red_flags)),
        field(12, "ewma", Is::Number(U8)),
        field_of(13, 1, "Plog", Is::Members(disciplines::red_logarithm)),
        field(14, "Scell_log", Is::Number(U8)),
    ],
);

/// `TCA_GRED_*`. The virtual queues are told together, by the first.
static GRED: Set = Set::new(
    "TCA_GRED",
    &[
        row(1, "parms", Is::Members(disciplines::gred_queues)),
        row(2, "stab", Is::Hex),
        row(3, "dps", Is::InlineStructure(&GRED_SETUP)),
        row(4, "max_p", Is::Known),
        row(5, "limit", Is::Number(U32)),
        row(6, "vq_list", Is::Known),
    ],
);

/// `struct tc_gred_sopt`.
static GRED_SETUP: Structure = Structure::new(
    "tc_gred_sopt",
    12,
    &[
        field(0, "dp_cnt", Is::Number(U32)),
        field(4, "dp_default", Is::Number(U32)),
        field(8, "grio", Is::Bool(U8)),
        field_of(9, 1, "flags", Is::Members(disciplines::old_red_flags)),
    ],
);

/// `struct tc_gred_qopt`: one virtual queue.
pub static GRED_QUEUE: Structure = Structure::new(
    "tc_gred_qopt",
    52,
    &[
        field(12, "vq", Is::Number(U32)),
        field(43, "prio", Is::Number(U8)),
        field(0, "limit", Is::Number(U32)),
        field(4, "min", Is::Number(U32)),
        field(8, "max", Is::Number(U32)),
        field(40, "ewma", Is::Number(U8)),
        field(41, "Plog", Is::Number(U8)),
        field(42, "Scell_log", Is::Number(U8)),
        field(20, "qave", Is::Number(U32)).volatile(),
        field(16, "backlog", Is::Number(U32)).volatile(),
        field(32, "other", Is::Number(U32)).volatile(),
        field(44, "packets", Is::Number(U32)).volatile(),
    ],
);

/// The counters in it, for kernels that do not show `TCA_GRED_VQ_LIST`.
pub static GRED_OLD_COUNTERS: Structure = Structure::new(
    "tc_gred_qopt",
    52,
    &[
        field(24, "forced_drop", Is::Number(U32)).volatile(),
        field(28, "prob_drop", Is::Number(U32)).volatile(),
        field(36, "pdrop", Is::Number(U32)).volatile(),
        field(48, "bytes", Is::Number(U32)).volatile(),
    ],
);

/// `TCA_GRED_VQ_*`. The number, the backlog and some counters are told by [`GRED_QUEUE`].
pub static GRED_COUNTERS: Set = Set::new(
    "TCA_GRED_VQ",
    &[
        row(1, "pad", Is::Known),
        row(2, "dp", Is::Known),
        row(3, "bytes", Is::AnyNumber).volatile(),
        row(4, "packets", Is::Known),
        row(5, "backlog", Is::Known),
        row(6, "prob_drop", Is::AnyNumber).volatile(),
        row(7, "prob_mark", Is::AnyNumber).volatile(),
        row(8, "forced_drop", Is::AnyNumber).volatile(),
        row(9, "forced_mark", Is::AnyNumber).volatile(),
        row(10, "pdrop", Is::AnyNumber).volatile(),
        row(11, "other", Is::Known),
        row(12, "flags", Is::Members(disciplines::old_red_flags)),
    ],
);

/// `TCA_HTB_*`: of the whole and of a class. The 64-bit rates are told by the class's parameters.
pub static HTB: Set = Set::new(
    "TCA_HTB",
    &[
        row(1, "parms", Is::Members(disciplines::htb_class)),
        row(2, "init", Is::InlineStructure(&HTB_GLOBAL)),
        row(3, "ctab", Is::Hex),
        row(4, "rtab", Is::Hex),
        row(5, "direct_qlen", Is::Number(U32)),
        row(6, "rate64", Is::Known),
        row(7, "ceil64", Is::Known),
        row(8, "pad", Is::Known),
        row(9, "offload", Is::Present),
    ],
);

/// `struct tc_htb_glob`.
static HTB_GLOBAL: Structure = Structure::new(
    "tc_htb_glob",
    20,
    &[
        field(4, "r2q", Is::Number(U32)),
        field(8, "default", Is::Number(U32)),
        field(16, "direct_packets_stat", Is::Number(U32)).volatile(),
        field_of(0, 4, "ver", Is::Value(disciplines::htb_version)),
        field(12, "debug", Is::NumberUnless(U32, 0)),
    ],
);

/// `struct tc_hfsc_qopt`.
static HFSC: Structure = Structure::new("tc_hfsc_qopt", 2, &[field(0, "default", Is::Number(U16))]);

/// `struct tc_netem_rate`; the rate itself may be in `TCA_NETEM_RATE64`.
pub static NETEM_RATE: Structure = Structure::new(
    "tc_netem_rate",
    16,
    &[
        field(4, "packetoverhead", Is::Number(I32)),
        field(8, "cellsize", Is::Number(U32)),
        field(12, "celloverhead", Is::Number(I32)),
    ],
);

/// `TCA_NETEM_*`, behind `struct tc_netem_qopt`. The known ones are told with what they belong to.
pub static NETEM: Set = Set::new(
    "TCA_NETEM",
    &[
        row(1, "corr", Is::Known),
        row(2, "delay_dist", Is::Hex),
        row(3, "reorder", Is::Members(disciplines::netem_reorder)),
        row(4, "corrupt", Is::Members(disciplines::netem_corrupt)),
        row(5, "loss", Is::Inline(&NETEM_LOSS)),
        row(6, "rate", Is::Members(disciplines::netem_rate)),
        row(7, "ecn_marks", Is::Known),
        row(8, "rate64", Is::Known),
        row(9, "pad", Is::Known),
        row(10, "latency64", Is::Known),
        row(11, "jitter64", Is::Known),
        row(12, "slot", Is::Value(disciplines::netem_slot)),
        row(13, "slot_dist", Is::Hex),
        row(14, "seed", Is::Number(U64)),
    ],
);

/// `NETEM_LOSS_*`.
static NETEM_LOSS: Set = Set::new(
    "NETEM_LOSS",
    &[
        row(1, "loss-state", Is::Structure(&NETEM_LOSS_STATES)),
        row(2, "loss-gemodel", Is::Structure(&NETEM_LOSS_GILBERT_ELLIOT)),
    ],
);

/// `struct tc_netem_gimodel`: shares of `u32::MAX`.
static NETEM_LOSS_STATES: Structure = Structure::new(
    "tc_netem_gimodel",
    20,
    &[
        field_of(0, 4, "p13", Is::Value(disciplines::share)),
        field_of(4, 4, "p31", Is::Value(disciplines::share)),
        field_of(8, 4, "p32", Is::Value(disciplines::share)),
        field_of(16, 4, "p23", Is::Value(disciplines::share)),
        field_of(12, 4, "p14", Is::Value(disciplines::share)),
    ],
);

/// `struct tc_netem_gemodel`: shares of `u32::MAX`; of `h` the rest is told.
static NETEM_LOSS_GILBERT_ELLIOT: Structure = Structure::new(
    "tc_netem_gemodel",
    16,
    &[
        field_of(0, 4, "p", Is::Value(disciplines::share)),
        field_of(4, 4, "r", Is::Value(disciplines::share)),
        field_of(8, 4, "1-h", Is::Value(disciplines::rest_share)),
        field_of(12, 4, "1-k", Is::Value(disciplines::share)),
    ],
);

/// `TCA_MQPRIO_*`, behind `struct tc_mqprio_qopt`. Traffic classes are told together.
pub static MQPRIO: Set = Set::new(
    "TCA_MQPRIO",
    &[
        row(1, "mode", Is::Named(U16, &[(0, "dcb"), (1, "channel")])),
        row(2, "shaper", Is::Named(U16, &[(0, "dcb"), (1, "bw_rlimit")])),
        row(3, "min_rate", Is::Each(&RATE)),
        row(4, "max_rate", Is::Each(&RATE)),
        row(5, "tc_entry", Is::Known),
    ],
);

static RATE: Is = Is::Number(U64);

/// `TCA_TAPRIO_ATTR_*`; those of the schedule to come are the same, in a nest. Traffic classes are told together.
pub static TAPRIO: Set = Set::new(
    "TCA_TAPRIO_ATTR",
    &[
        row(1, "priomap", Is::Members(disciplines::taprio_map)),
        row(2, "schedule", Is::Each(&TAPRIO_ENTRY_ELEMENT)),
        row(3, "base_time", Is::Number(I64)),
        row(4, "single_entry", Is::Set(&TAPRIO_ENTRY)),
        row(5, "clockid", Is::Named(I32, CLOCKS)),
        row(6, "pad", Is::Known),
        row(7, "admin", Is::Set(&TAPRIO)),
        row(8, "cycle_time", Is::Number(I64)),
        row(9, "cycle_time_extension", Is::Number(I64)),
        row(10, "flags", Is::Number(U32)),
        row(11, "txtime_delay", Is::Number(U32)),
        row(12, "tc_entry", Is::Known),
    ],
);

static TAPRIO_ENTRY_ELEMENT: Is = Is::Set(&TAPRIO_ENTRY);

/// `TCA_TAPRIO_SCHED_ENTRY_*`.
static TAPRIO_ENTRY: Set = Set::new(
    "TCA_TAPRIO_SCHED_ENTRY",
    &[
        row(1, "index", Is::Number(U32)),
        row(2, "cmd", Is::Named(U8, &[(0, "S"), (1, "H"), (2, "R")])),
        row(3, "gatemask", Is::Number(U32)),
        row(4, "interval", Is::Number(U32)),
    ],
);

/// `TCA_TAPRIO_TC_ENTRY_*`: the number that leads to the index, and what there is a list of.
pub static TAPRIO_CLASS_LISTS: &[(u16, &str, Is)] =
    &[(2, "max-sdu", Is::Number(U32)), (3, "fp", Is::Named(U32, PREEMPTION))];

/// `TCA_MQPRIO_TC_ENTRY_*`.
pub static MQPRIO_CLASS_LISTS: &[(u16, &str, Is)] = &[(2, "fp", Is::Named(U32, PREEMPTION))];

/// `TCA_ETS_*`: of the whole, and of a class (4).
pub static ETS: Set = Set::new(
    "TCA_ETS",
    &[
        row(1, "bands", Is::Number(U8)),
        row(2, "strict", Is::Number(U8)),
        row(3, "quanta", Is::Each(&QUANTUM)),
        row(4, "quantum", Is::Number(U32)),
        row(5, "priomap", Is::Each(&BAND)),
        row(6, "priomap_band", Is::Number(U8)),
    ],
);

static QUANTUM: Is = Is::Number(U32);

/// `TCA_CODEL_*`; times in microseconds.
static CODEL: Set = Set::new(
    "TCA_CODEL",
    &[
        row(1, "target", Is::Number(U32)),
        row(2, "limit", Is::Number(U32)),
        row(3, "interval", Is::Number(U32)),
        row(4, "ecn", Is::Bool(U32)),
        row(5, "ce_threshold", Is::Number(U32)),
    ],
);

/// `TCA_FQ_CODEL_*`; times in microseconds.
static FQ_CODEL: Set = Set::new(
    "TCA_FQ_CODEL",
    &[
        row(1, "target", Is::Number(U32)),
        row(2, "limit", Is::Number(U32)),
        row(3, "interval", Is::Number(U32)),
        row(4, "ecn", Is::Bool(U32)),
        row(5, "flows", Is::Number(U32)),
        row(6, "quantum", Is::Number(U32)),
        row(7, "ce_threshold", Is::Number(U32)),
        row(8, "drop_batch", Is::NumberUnless(U32, 0)),
        row(9, "memory_limit", Is::Number(U32)),
        row(10, "ce_threshold_selector", Is::NumberUnless(U8, 0)),
        row(11, "ce_threshold_mask", Is::NumberUnless(U8, 0)),
    ],
);

/// `TCA_FQ_*`; times in microseconds, the timer's slack in nanoseconds.
static FQ: Set = Set::new(
    "TCA_FQ",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "flow_limit", Is::Number(U32)),
        row(3, "quantum", Is::Number(U32)),
        row(4, "initial_quantum", Is::Number(U32)),
        row(5, "pacing", Is::Bool(U32)),
        row(6, "defrate", Is::NumberUnless(U32, 0)),
        row(7, "maxrate", Is::NumberUnless(U32, 0xffff_ffff)),
        row(8, "buckets", Is::Value(disciplines::power_of_two)),
        row(9, "refill_delay", Is::Number(U32)),
        row(10, "orphan_mask", Is::Number(U32)),
        row(11, "low_rate_threshold", Is::NumberUnless(U32, 0)),
        row(12, "ce_threshold", Is::NumberUnless(U32, 0xffff_ffff)),
        row(13, "timer_slack", Is::Number(U32)),
        row(14, "horizon", Is::Number(U32)),
        row(15, "horizon_drop", Is::Members(disciplines::fq_horizon)),
        row(16, "priomap", Is::InlineStructure(&PRIO)),
        row(17, "weights", Is::Array(&WEIGHT, 4)),
        row(18, "offload_horizon", Is::Number(U32)),
    ],
);

static WEIGHT: Is = Is::Number(I32);

/// `TCA_HHF_*`; times in microseconds.
static HHF: Set = Set::new(
    "TCA_HHF",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "quantum", Is::Number(U32)),
        row(3, "hh_limit", Is::Number(U32)),
        row(4, "reset_timeout", Is::Number(U32)),
        row(5, "admit_bytes", Is::Number(U32)),
        row(6, "evict_timeout", Is::Number(U32)),
        row(7, "non_hh_weight", Is::Number(U32)),
    ],
);

/// `TCA_PIE_*`; times in microseconds.
static PIE: Set = Set::new(
    "TCA_PIE",
    &[
        row(1, "target", Is::Number(U32)),
        row(2, "limit", Is::Number(U32)),
        row(3, "tupdate", Is::Number(U32)),
        row(4, "alpha", Is::Number(U32)),
        row(5, "beta", Is::Number(U32)),
        row(6, "ecn", Is::Bool(U32)),
        row(7, "bytemode", Is::Bool(U32)),
        row(8, "dq_rate_estimator", Is::Bool(U32)),
    ],
);

/// `TCA_FQ_PIE_*`; times in microseconds.
static FQ_PIE: Set = Set::new(
    "TCA_FQ_PIE",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "flows", Is::Number(U32)),
        row(3, "target", Is::Number(U32)),
        row(4, "tupdate", Is::Number(U32)),
        row(5, "alpha", Is::Number(U32)),
        row(6, "beta", Is::Number(U32)),
        row(7, "quantum", Is::Number(U32)),
        row(8, "memory_limit", Is::Number(U32)),
        row(9, "ecn_prob", Is::Number(U32)),
        row(10, "ecn", Is::Bool(U32)),
        row(11, "bytemode", Is::Bool(U32)),
        row(12, "dq_rate_estimator", Is::Bool(U32)),
    ],
);

/// `TCA_CBS_*`.
static CBS: Set = Set::new("TCA_CBS", &[row(1, "parms", Is::InlineStructure(&CBS_PARAMETERS))]);

/// `struct tc_cbs_qopt`.
static CBS_PARAMETERS: Structure = Structure::new(
    "tc_cbs_qopt",
    20,
    &[
        field(4, "hicredit", Is::Number(I32)),
        field(8, "locredit", Is::Number(I32)),
        field(16, "sendslope", Is::Number(I32)),
        field(12, "idleslope", Is::Number(I32)),
        field(0, "offload", Is::Number(U8)),
    ],
);

/// `TCA_ETF_*`.
static ETF: Set = Set::new("TCA_ETF", &[row(1, "parms", Is::InlineStructure(&ETF_PARAMETERS))]);

/// `struct tc_etf_qopt`.
static ETF_PARAMETERS: Structure = Structure::new(
    "tc_etf_qopt",
    12,
    &[
        field(4, "clockid", Is::Named(I32, CLOCKS)),
        field(0, "delta", Is::Number(I32)),
        field_of(8, 4, "flags", Is::Members(disciplines::etf_flags)),
    ],
);

/// `TC_ETF_*`: each `on` or `off`.
pub static ETF_FLAGS: &Names = &[(2, "offload"), (1, "deadline_mode"), (4, "skip_sock_check")];

/// `TCA_SFB_*`.
static SFB: Set = Set::new("TCA_SFB", &[row(1, "parms", Is::InlineStructure(&SFB_PARAMETERS))]);

/// `struct tc_sfb_qopt`; times in milliseconds, told in microseconds.
static SFB_PARAMETERS: Structure = Structure::new(
    "tc_sfb_qopt",
    36,
    &[
        field_of(0, 4, "rehash", Is::Value(disciplines::thousandfold)),
        field_of(4, 4, "db", Is::Value(disciplines::thousandfold)),
        field(24, "limit", Is::Number(U32)),
        field(8, "max", Is::Number(U32)),
        field(12, "target", Is::Number(U32)),
        field_of(16, 4, "increment", Is::Value(disciplines::share_of_16_bits)),
        field_of(20, 4, "decrement", Is::Value(disciplines::share_of_16_bits)),
        field(28, "penalty_rate", Is::Number(U32)),
        field(32, "penalty_burst", Is::Number(U32)),
    ],
);

/// `TCA_CAKE_*`; times in microseconds.
pub static CAKE: Set = Set::new(
    "TCA_CAKE",
    &[
        row(1, "pad", Is::Known),
        row(2, "bandwidth", Is::Value(disciplines::cake_bandwidth)),
        row(3, "diffserv", Is::Named(U32, CAKE_DIFFERENTIATION)),
        row(4, "atm", Is::Named(U32, &[(0, "noatm"), (1, "atm"), (2, "ptm")])),
        row(5, "flowmode", Is::Named(U32, CAKE_FLOWS)),
        row(6, "overhead", Is::Number(I32)),
        row(7, "rtt", Is::Number(U32)),
        row(8, "target", Is::Number(U32)),
        row(9, "autorate", Is::Members(disciplines::cake_automatic_rate)),
        row(10, "memlimit", Is::NumberUnless(U32, 0)),
        row(11, "nat", Is::Bool(U32)),
        // That it is there says it.
        row(12, "raw", Is::Known),
        row(13, "wash", Is::Bool(U32)),
        row(14, "mpu", Is::NumberUnless(U32, 0)),
        row(15, "ingress", Is::Bool(U32)),
        row(16, "ack-filter", Is::Named(U32, &[(0, "disabled"), (1, "enabled"), (2, "aggressive")])),
        row(17, "split_gso", Is::Bool(U32)),
        row(18, "fwmark", Is::Number(U32)),
    ],
);

/// `TCA_CAKE_RAW`.
pub const TCA_CAKE_RAW: u16 = 12;

/// `CAKE_DIFFSERV_*`.
static CAKE_DIFFERENTIATION: &Names =
    &[(0, "diffserv3"), (1, "diffserv4"), (2, "diffserv8"), (3, "besteffort"), (4, "precedence")];

/// `CAKE_FLOW_*`.
static CAKE_FLOWS: &Names = &[
    (0, "flowblind"),
    (1, "srchost"),
    (2, "dsthost"),
    (3, "hosts"),
    (4, "flows"),
    (5, "dual-srchost"),
    (6, "dual-dsthost"),
    (7, "triple-isolate"),
];

/// `TCA_DUALPI2_*`; times in microseconds.
static DUALPI2: Set = Set::new(
    "TCA_DUALPI2",
    &[
        row(1, "limit", Is::Number(U32)),
        row(2, "memory-limit", Is::Number(U32)),
        row(3, "target", Is::Number(U32)),
        row(4, "tupdate", Is::Number(U32)),
        row(5, "alpha", Is::Value(disciplines::in_256ths)),
        row(6, "beta", Is::Value(disciplines::in_256ths)),
        row(7, "step-thresh-pkts", Is::Number(U32)),
        row(8, "step-thresh-us", Is::Number(U32)),
        row(9, "min-qlen-step", Is::Number(U32)),
        row(10, "coupling", Is::Number(U8)),
        row(11, "drop-overload", Is::Named(U8, &[(0, "overflow"), (1, "drop")])),
        row(12, "drop-early", Is::Named(U8, &[(0, "drop-dequeue"), (1, "drop-enqueue")])),
        row(13, "c-protection", Is::Number(U8)),
        row(14, "ecn-mask", Is::Named(U8, &[(1, "l4s-ect"), (2, "any-ect"), (3, "any-ect")])),
        row(15, "split-gso", Is::Bool(U8)),
        row(16, "pad", Is::Known),
    ],
);
