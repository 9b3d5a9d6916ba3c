//! `cake`: `TCA_CAKE_*`. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Scalar::*, Set, Shape, row};
use crate::decode::value::{any_unsigned, write_named};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::shared::write_true;
use crate::kinds::rtnetlink::tc::shared::{u32_of, write_number};
use crate::netlink::wire::attribute;

/// `TCA_CAKE_*`; times in microseconds.
static CAKE: Set = Set::new(
    "TCA_CAKE",
    &[
        row(1, "pad", Is::Known),
        row(2, "bandwidth", Is::Members(cake_bandwidth, &[Part::number("bandwidth"), Part::bool("unlimited")])),
        row(3, "diffserv", Is::Named(U32, CAKE_DIFFERENTIATION)),
        row(4, "atm", Is::Named(U32, &[(0, "noatm"), (1, "atm"), (2, "ptm")])),
        row(5, "flowmode", Is::Named(U32, CAKE_FLOWS)),
        row(6, "overhead", Is::Number(I32)),
        row(7, "rtt", Is::Number(U32)),
        row(8, "target", Is::Number(U32)),
        row(
            9,
            "autorate",
            Is::Members(
                cake_automatic_rate,
                &[Part::Member("autorate", &Shape::As(&Is::Named(U32, CAKE_AUTOMATIC_RATES)))],
            ),
        ),
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
const TCA_CAKE_RAW: u16 = 12;

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

/// The options.
pub(super) const CAKE_OPTIONS: Is = Is::Value(cake, &Shape::Object(&[Part::Set(&CAKE), Part::bool("raw")]));

/// `TCA_CAKE_*`; `raw` is told also where it is not there.
fn cake(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_set(out, &context.inside(payload), &CAKE, payload);
    out.key("raw");
    out.bool(attribute(payload, TCA_CAKE_RAW).is_some());
    out.end_object();
    Ok(())
}

/// Octets a second, or `unlimited`.
fn cake_bandwidth(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match any_unsigned(payload)? {
        0 => write_true(out, "unlimited"),
        rate => write_number(out, "bandwidth", rate),
    }
    Ok(())
}

/// How the bandwidth is found out.
static CAKE_AUTOMATIC_RATES: &Names = &[(1, "autorate-ingress")];

/// How the bandwidth is found out, where it is.
fn cake_automatic_rate(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mode = u32_of(payload)?;
    if mode != 0 {
        out.key("autorate");
        write_named(out, CAKE_AUTOMATIC_RATES, mode.into());
    }
    Ok(())
}

/// `TCA_CAKE_STATS_*`.
pub(super) static CAKE_COUNTERS: Set = Set::new(
    "TCA_CAKE_STATS",
    &[
        row(1, "pad", Is::Known),
        row(2, "capacity_estimate", Is::AnyNumber),
        row(3, "memory_limit", Is::AnyNumber),
        row(4, "memory_used", Is::AnyNumber),
        row(5, "avg_hdr_offset", Is::AnyNumber),
        row(6, "min_network_size", Is::AnyNumber),
        row(7, "max_network_size", Is::AnyNumber),
        row(8, "min_adj_size", Is::AnyNumber),
        row(9, "max_adj_size", Is::AnyNumber),
        row(10, "tins", Is::Each(&CAKE_TIN)),
        row(11, "deficit", Is::Number(I32)),
        row(12, "count", Is::AnyNumber),
        row(13, "dropping", Is::Bool(U32)),
        row(14, "drop_next", Is::Number(I32)),
        row(15, "blue_prob", Is::AnyNumber),
        row(16, "blue_timer", Is::Number(I32)),
        row(17, "active_queues", Is::AnyNumber),
    ],
);

static CAKE_TIN: Is = Is::Set(&CAKE_TIN_COUNTERS);

/// `TCA_CAKE_TIN_STATS_*`.
static CAKE_TIN_COUNTERS: Set = Set::new(
    "TCA_CAKE_TIN_STATS",
    &[
        row(1, "pad", Is::Known),
        row(2, "sent_packets", Is::AnyNumber),
        row(3, "sent_bytes", Is::AnyNumber),
        row(4, "drops", Is::AnyNumber),
        row(5, "dropped_bytes", Is::AnyNumber),
        row(6, "ack_drops", Is::AnyNumber),
        row(7, "ack_dropped_bytes", Is::AnyNumber),
        row(8, "ecn_mark", Is::AnyNumber),
        row(9, "ecn_marked_bytes", Is::AnyNumber),
        row(10, "backlog_packets", Is::AnyNumber),
        row(11, "backlog_bytes", Is::AnyNumber),
        row(12, "threshold_rate", Is::AnyNumber),
        row(13, "target_us", Is::AnyNumber),
        row(14, "interval_us", Is::AnyNumber),
        row(15, "way_indirect_hits", Is::AnyNumber),
        row(16, "way_misses", Is::AnyNumber),
        row(17, "way_collisions", Is::AnyNumber),
        row(18, "peak_delay_us", Is::AnyNumber),
        row(19, "avg_delay_us", Is::AnyNumber),
        row(20, "base_delay_us", Is::AnyNumber),
        row(21, "sparse_flows", Is::AnyNumber),
        row(22, "bulk_flows", Is::AnyNumber),
        row(23, "unresponsive_flows", Is::AnyNumber),
        row(24, "max_pkt_len", Is::AnyNumber),
        row(25, "flow_quantum", Is::AnyNumber),
    ],
);
