//! Numbers that several tables of traffic control name, and names of numbers that they share.

use crate::decode::schema::Names;

/// `TCA_KIND`.
pub const TCA_KIND: u16 = 1;
/// `TCA_OPTIONS`.
pub(super) const TCA_OPTIONS: u16 = 2;
/// `TCA_STATS2`.
pub(super) const TCA_STATS2: u16 = 7;
/// `TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)`.
pub const INGRESS: u32 = 0xffff_fff2;
/// The handle of `ingress` and `clsact`, which stands for [`INGRESS`] where somebody asked so.
pub const INGRESS_QDISC: u32 = 0xffff_0000;
/// `TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)`.
pub const EGRESS: u32 = 0xffff_fff3;

/// `TC_LINKLAYER_*`: `pkt_sched.h`.
pub(super) static LINK_LAYERS: &Names = &[(0, "unspec"), (1, "ethernet"), (2, "atm")];

/// `CLOCK_*` that the kernel's schedulers can use: `include/uapi/linux/time.h`.
pub(super) static CLOCKS: &Names = &[(0, "REALTIME"), (1, "MONOTONIC"), (7, "BOOTTIME"), (11, "TAI")];

/// `TC_ACT_*`: what becomes of a packet; `pkt_cls.h`.
pub(super) static VERDICTS: &Names = &[
    (0, "pass"),
    (1, "reclassify"),
    (2, "drop"),
    (3, "pipe"),
    (4, "stolen"),
    (5, "queued"),
    (6, "repeat"),
    (7, "redirect"),
    (8, "trap"),
    (0xffff_ffff, "continue"),
];

/// `TC_RED_*`: `pkt_sched.h`.
pub(super) static RED_FLAGS: &Names = &[(1, "ecn"), (2, "harddrop"), (4, "adaptive"), (8, "nodrop")];

/// `TCA_CLS_FLAGS_*`: `pkt_cls.h`.
pub(super) static FILTER_FLAGS: &Names =
    &[(1, "skip_hw"), (2, "skip_sw"), (4, "in_hw"), (8, "not_in_hw"), (0x10, "verbose")];

/// `TC_FP_*`: how frames of a traffic class are sent.
pub(super) static PREEMPTION: &Names = &[(1, "E"), (2, "P")];
