//! How an interface queues: rings, channels, when it interrupts, flow control, receive-side scaling.

use super::{BOOL, INTERFACE, answer, dump, kind, named};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Is, Kind, Set, row};

const NUMBER: Is = Is::Number(U32);

/// `ETHTOOL_MSG_RINGS_NTF`.
pub static RINGS: Kind = kind(
    ("ethtool_rings", "ring sizes of an interface"),
    (17, &[answer(16)]),
    &[dump(15, &[15, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_RINGS",
        &[
            row(1, "header", INTERFACE),
            row(2, "rx-max", NUMBER),
            row(3, "rx-mini-max", NUMBER),
            row(4, "rx-jumbo-max", NUMBER),
            row(5, "tx-max", NUMBER),
            row(6, "rx", NUMBER),
            row(7, "rx-mini", NUMBER),
            row(8, "rx-jumbo", NUMBER),
            row(9, "tx", NUMBER),
            row(10, "rx-buf-len", NUMBER),
            row(11, "tcp-data-split", named(&[(0, "unknown"), (1, "disabled"), (2, "enabled")])),
            row(12, "cqe-size", NUMBER),
            row(13, "tx-push", BOOL),
            row(14, "rx-push", BOOL),
            row(15, "tx-push-buf-len", NUMBER),
            row(16, "tx-push-buf-len-max", NUMBER),
            row(17, "hds-thresh", NUMBER),
            row(18, "hds-thresh-max", NUMBER),
        ],
    ),
);

/// `ETHTOOL_MSG_CHANNELS_NTF`.
pub static CHANNELS: Kind = kind(
    ("ethtool_channels", "numbers of queues of an interface"),
    (19, &[answer(18)]),
    &[dump(17, &[17, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_CHANNELS",
        &[
            row(1, "header", INTERFACE),
            row(2, "rx-max", NUMBER),
            row(3, "tx-max", NUMBER),
            row(4, "other-max", NUMBER),
            row(5, "combined-max", NUMBER),
            row(6, "rx", NUMBER),
            row(7, "tx", NUMBER),
            row(8, "other", NUMBER),
            row(9, "combined", NUMBER),
        ],
    ),
);

/// `ETHTOOL_MSG_COALESCE_NTF`.
pub static COALESCE: Kind = kind(
    ("ethtool_coalesce", "when an interface interrupts"),
    (21, &[answer(20)]),
    &[dump(19, &[19, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_COALESCE",
        &[
            row(1, "header", INTERFACE),
            row(2, "rx-usecs", NUMBER),
            row(3, "rx-frames", NUMBER),
            row(4, "rx-usecs-irq", NUMBER),
            row(5, "rx-frames-irq", NUMBER),
            row(6, "tx-usecs", NUMBER),
            row(7, "tx-frames", NUMBER),
            row(8, "tx-usecs-irq", NUMBER),
            row(9, "tx-frames-irq", NUMBER),
            row(10, "stats-block-usecs", NUMBER),
            row(11, "adaptive-rx", BOOL),
            row(12, "adaptive-tx", BOOL),
            row(13, "pkt-rate-low", NUMBER),
            row(14, "rx-usecs-low", NUMBER),
            row(15, "rx-frame-low", NUMBER),
            row(16, "tx-usecs-low", NUMBER),
            row(17, "tx-frame-low", NUMBER),
            row(18, "pkt-rate-high", NUMBER),
            row(19, "rx-usecs-high", NUMBER),
            row(20, "rx-frame-high", NUMBER),
            row(21, "tx-usecs-high", NUMBER),
            row(22, "tx-frame-high", NUMBER),
            row(23, "sample-interval", NUMBER),
            row(24, "cqe-mode-tx", BOOL),
            row(25, "cqe-mode-rx", BOOL),
            row(26, "tx-aggr-max-bytes", NUMBER),
            row(27, "tx-aggr-max-frames", NUMBER),
            row(28, "tx-aggr-time-usecs", NUMBER),
            row(29, "rx-profile", Is::Each(&Is::Set(&MODERATION))),
            row(30, "tx-profile", Is::Each(&Is::Set(&MODERATION))),
            row(31, "rx-cqe-frames", NUMBER),
            row(32, "rx-cqe-nsecs", NUMBER),
        ],
    ),
);
static MODERATION: Set =
    Set::new("ETHTOOL_A_IRQ_MODERATION", &[row(1, "usec", NUMBER), row(2, "pkts", NUMBER), row(3, "comps", NUMBER)]);

/// `ETHTOOL_MSG_PAUSE_NTF`.
pub static PAUSE: Kind = kind(
    ("ethtool_pause", "flow control of an interface"),
    (23, &[answer(22)]),
    &[dump(21, &[21, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_PAUSE",
        &[
            row(1, "header", INTERFACE),
            row(2, "autonegotiate", BOOL),
            row(3, "rx", BOOL),
            row(4, "tx", BOOL),
            row(5, "statistics", Is::Set(&PAUSE_STATISTICS)).volatile(),
            row(6, "stats-src", NUMBER),
        ],
    ),
);
static PAUSE_STATISTICS: Set = Set::new(
    "ETHTOOL_A_PAUSE_STAT",
    &[
        row(1, "pad", Is::Known),
        row(2, "tx_pause_frames", Is::Number(U64)),
        row(3, "rx_pause_frames", Is::Number(U64)),
        row(4, "tx_pause_storm_events", Is::Number(U64)),
    ],
);

/// `ETHTOOL_MSG_RSS_NTF`, since Linux 6.17; before, a change is not told.
pub static RSS: Kind = kind(
    ("ethtool_rss", "receive-side scaling of an interface"),
    (50, &[answer(38)]),
    &[dump(38, &[38, 1, 0, 0])],
    &Set::new(
        "ETHTOOL_A_RSS",
        &[
            row(1, "header", INTERFACE),
            row(2, "context", NUMBER),
            row(3, "hfunc", NUMBER),
            row(4, "indir", Is::Array(&NUMBER, 4)),
            row(5, "hkey", Is::Hex),
            row(6, "input-xfrm", NUMBER),
            row(7, "start-context", Is::Known),
            row(8, "flow-hash", Is::Hex),
        ],
    ),
);
