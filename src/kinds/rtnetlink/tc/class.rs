//! Options of classes, by the kind of their queueing discipline; the other kinds' classes have none. `pkt_sched.h`.

use super::names::TCA_KIND;
use super::qdisc;
use crate::decode::code::tc::disciplines;
use crate::decode::schema::{Among, Choice, Is, Level, Scalar::*, Set, Structure, field, row};

/// By `TCA_KIND`.
pub static OPTIONS: Choice = Choice {
    level: Level::Here,
    by: TCA_KIND,
    among: Among::Text(&[
        ("drr", Is::Inline(&DRR)),
        ("ets", Is::Inline(&qdisc::ETS)),
        ("hfsc", Is::Inline(&HFSC)),
        ("htb", Is::Inline(&qdisc::HTB)),
        ("qfq", Is::Inline(&QFQ)),
    ]),
};

/// `TCA_DRR_*`.
static DRR: Set = Set::new("TCA_DRR", &[row(1, "quantum", Is::Number(U32))]);

/// `TCA_QFQ_*`.
static QFQ: Set = Set::new("TCA_QFQ", &[row(1, "weight", Is::Number(U32)), row(2, "maxpkt", Is::Number(U32))]);

/// `TCA_HFSC_*`: the curves for real time, for sharing the link (both as `sc` where they are the same), and for the
/// upper limit.
static HFSC: Set = Set::new(
    "TCA_HFSC",
    &[
        row(1, "rt", Is::Members(disciplines::real_time_curve)),
        row(2, "ls", Is::Members(disciplines::link_share_curve)),
        row(3, "ul", Is::Structure(&CURVE)),
    ],
);

/// `struct tc_service_curve`: octets a second, microseconds, octets a second.
pub static CURVE: Structure = Structure::new(
    "tc_service_curve",
    12,
    &[field(0, "m1", Is::Number(U32)), field(4, "d", Is::Number(U32)), field(8, "m2", Is::Number(U32))],
);
