//! Counters: those that all have, and those of each queueing discipline (`TCA_STATS_APP`), with its classes'.
//! `gen_stats.h`, `pkt_sched.h`.

use super::names::{TCA_KIND, TCA_STATS2};
use super::value::{u64_at, write_number};
use crate::decode::code::tc::disciplines;
use crate::decode::context::Context;
use crate::decode::schema::{
    Among, Choice, Decoded, Is, Level, Scalar::*, Set, Structure, Wrong, field, field_of, row,
};
use crate::json::Json;
use crate::netlink::wire::{attributes, u32_at};

/// `TCA_STATS_*`.
pub static STATISTICS: Set = Set::new(
    "TCA_STATS",
    &[
        row(1, "basic", Is::Members(basic_counters)),
        row(2, "rate_est", Is::Members(estimated_rate)),
        row(3, "queue", Is::InlineStructure(&QUEUE)),
        row(4, "app", Is::Chosen(&BY_KIND)),
        row(5, "rate_est64", Is::InlineStructure(&RATE)),
        row(6, "pad", Is::Known),
        row(7, "basic_hw", Is::Members(hardware_counters)),
        // Packets in 64 bits: basic_counters and hardware_counters look for the one that follows theirs.
        row(8, "pkt64", Is::Known),
    ],
);

/// `struct gnet_stats_queue`.
static QUEUE: Structure = Structure::new(
    "gnet_stats_queue",
    20,
    &[
        field(8, "drops", Is::Number(U32)),
        field(16, "overlimits", Is::Number(U32)),
        field(12, "requeues", Is::Number(U32)),
        field(4, "backlog", Is::Number(U32)),
        field(0, "qlen", Is::Number(U32)),
    ],
);

/// `struct gnet_stats_rate_est64`.
static RATE: Structure =
    Structure::new("gnet_stats_rate_est64", 16, &[field(0, "rate", Is::Number(U64)), field(8, "pps", Is::Number(U64))]);

/// `struct gnet_estimator`.
pub static ESTIMATOR: Structure =
    Structure::new("gnet_estimator", 2, &[field(0, "interval", Is::Number(I8)), field(1, "ewma_log", Is::Number(U8))]);

/// By the queueing discipline; a class has the same kind.
static BY_KIND: Choice = Choice {
    level: Level::Message,
    by: TCA_KIND,
    among: Among::Text(&[
        ("cake", Is::Inline(&CAKE)),
        ("choke", Is::InlineStructure(&CHOKE)),
        ("codel", Is::InlineStructure(&CODEL)),
        ("drr", Is::InlineStructure(&DRR)),
        ("dualpi2", Is::InlineStructure(&DUALPI2)),
        ("fq", Is::InlineStructure(&FQ)),
        ("fq_codel", Is::Members(disciplines::fq_codel_counters)),
        ("fq_pie", Is::InlineStructure(&FQ_PIE)),
        ("hfsc", Is::InlineStructure(&HFSC)),
        ("hhf", Is::InlineStructure(&HHF)),
        ("htb", Is::InlineStructure(&HTB)),
        ("netem", Is::InlineStructure(&NETEM)),
        ("pie", Is::InlineStructure(&PIE)),
        ("qfq", Is::InlineStructure(&QFQ)),
        ("red", Is::InlineStructure(&RED)),
        ("sfb", Is::InlineStructure(&SFB)),
        ("sfq", Is::InlineStructure(&SFQ)),
        ("taprio", Is::Inline(&TAPRIO)),
    ]),
};

/// `struct tc_red_xstats`.
static RED: Structure = Structure::new(
    "tc_red_xstats",
    16,
    &[
        field(12, "marked", Is::Number(U32)),
        field(0, "early", Is::Number(U32)),
        field(4, "pdrop", Is::Number(U32)),
        field(8, "other", Is::Number(U32)),
    ],
);

/// `struct tc_choke_xstats`.
static CHOKE: Structure = Structure::new(
    "tc_choke_xstats",
    20,
    &[
        field(12, "marked", Is::Number(U32)),
        field(0, "early", Is::Number(U32)),
        field(4, "pdrop", Is::Number(U32)),
        field(8, "other", Is::Number(U32)),
        field(16, "matched", Is::Number(U32)),
    ],
);

/// `struct tc_sfq_xstats`.
static SFQ: Structure = Structure::new("tc_sfq_xstats", 4, &[field(0, "allot", Is::Number(I32))]);

/// `struct tc_htb_xstats`.
static HTB: Structure = Structure::new(
    "tc_htb_xstats",
    20,
    &[
        field(0, "lended", Is::Number(U32)),
        field(4, "borrowed", Is::Number(U32)),
        field(8, "giants", Is::Number(U32)),
        field(12, "tokens", Is::Number(I32)),
        field(16, "ctokens", Is::Number(I32)),
    ],
);

/// `struct tc_hfsc_stats`.
static HFSC: Structure = Structure::new(
    "tc_hfsc_stats",
    24,
    &[
        field(16, "period", Is::Number(U32)),
        field(0, "work", Is::Number(U64)),
        field(8, "rtwork", Is::Number(U64)),
        field(20, "level", Is::Number(U32)),
    ],
);

/// `struct tc_netem_xstats`.
static NETEM: Structure = Structure::new(
    "tc_netem_xstats",
    56,
    &[
        field(0, "delayed", Is::Number(U64)),
        field(8, "dropped", Is::Number(U64)),
        field(16, "corrupted", Is::Number(U64)),
        field(24, "duplicated", Is::Number(U64)),
        field(32, "reordered", Is::Number(U64)),
        field(40, "ecn_marked", Is::Number(U64)),
        field(48, "alloc_errors", Is::Number(U64)),
    ],
);

/// `struct tc_drr_stats`.
static DRR: Structure = Structure::new("tc_drr_stats", 4, &[field(0, "deficit", Is::Number(U32))]);

/// `struct tc_qfq_stats`.
static QFQ: Structure =
    Structure::new("tc_qfq_stats", 8, &[field(0, "weight", Is::Number(U32)), field(4, "maxpkt", Is::Number(U32))]);

/// `struct tc_sfb_xstats`.
static SFB: Structure = Structure::new(
    "tc_sfb_xstats",
    36,
    &[
        field(0, "earlydrop", Is::Number(U32)),
        field(4, "penaltydrop", Is::Number(U32)),
        field(8, "bucketdrop", Is::Number(U32)),
        field(12, "queuedrop", Is::Number(U32)),
        field(16, "childdrop", Is::Number(U32)),
        field(20, "marked", Is::Number(U32)),
        field(24, "maxqlen", Is::Number(U32)),
        field_of(28, 4, "maxprob", Is::Value(disciplines::share_of_16_bits)),
        field_of(32, 4, "avgprob", Is::Value(disciplines::share_of_16_bits)),
    ],
);

/// `struct tc_codel_xstats`.
static CODEL: Structure = Structure::new(
    "tc_codel_xstats",
    36,
    &[
        field(4, "count", Is::Number(U32)),
        field(8, "lastcount", Is::Number(U32)),
        field(12, "ldelay", Is::Number(U32)),
        field(28, "dropping", Is::Bool(U32)),
        field(16, "drop_next", Is::Number(I32)),
        field(0, "maxpacket", Is::Number(U32)),
        field(24, "ecn_mark", Is::Number(U32)),
        field(20, "drop_overlimit", Is::Number(U32)),
        field(32, "ce_mark", Is::Number(U32)),
    ],
);

/// `struct tc_fq_codel_qd_stats`.
pub static FQ_CODEL: Structure = Structure::new(
    "tc_fq_codel_qd_stats",
    36,
    &[
        field(0, "maxpacket", Is::Number(U32)),
        field(4, "drop_overlimit", Is::Number(U32)),
        field(12, "new_flow_count", Is::Number(U32)),
        field(8, "ecn_mark", Is::Number(U32)),
        field(24, "ce_mark", Is::Number(U32)),
        field(28, "memory_used", Is::Number(U32)),
        field(32, "drop_overmemory", Is::Number(U32)),
        field(16, "new_flows_len", Is::Number(U32)),
        field(20, "old_flows_len", Is::Number(U32)),
    ],
);

/// `struct tc_fq_codel_cl_stats`.
pub static FQ_CODEL_CLASS: Structure = Structure::new(
    "tc_fq_codel_cl_stats",
    24,
    &[
        field(0, "deficit", Is::Number(I32)),
        field(8, "count", Is::Number(U32)),
        field(12, "lastcount", Is::Number(U32)),
        field(4, "ldelay", Is::Number(U32)),
        field(16, "dropping", Is::Bool(U32)),
        field(20, "drop_next", Is::Number(I32)),
    ],
);

/// `struct tc_fq_qd_stats`. `tc` has `throttled` twice: flows that are throttled now, and how often one was.
static FQ: Structure = Structure::new(
    "tc_fq_qd_stats",
    152,
    &[
        field(64, "flows", Is::Number(U32)),
        field(68, "inactive", Is::Number(U32)),
        field(72, "throttled", Is::Number(U32)),
        field(136, "band0_pkts", Is::Number(U32)),
        field(140, "band1_pkts", Is::Number(U32)),
        field(144, "band2_pkts", Is::Number(U32)),
        field(56, "next_packet_delay", Is::Number(I64)),
        field(0, "gc", Is::Number(U64)),
        field(8, "highprio", Is::Number(U64)),
        field(104, "fastpath", Is::Number(U64)),
        field(16, "retrans", Is::Number(U64)),
        field(24, "throttled_times", Is::Number(U64)),
        field(76, "latency", Is::Number(U32)),
        field(80, "ce_mark", Is::Number(U64)),
        field(32, "flows_plimit", Is::Number(U64)),
        field(40, "pkts_too_long", Is::Number(U64)),
        field(48, "alloc_errors", Is::Number(U64)),
        field(88, "horizon_drops", Is::Number(U64)),
        field(96, "horizon_caps", Is::Number(U64)),
        field(112, "band0_drops", Is::Number(U64)),
        field(120, "band1_drops", Is::Number(U64)),
        field(128, "band2_drops", Is::Number(U64)),
    ],
);

/// `struct tc_hhf_xstats`.
static HHF: Structure = Structure::new(
    "tc_hhf_xstats",
    16,
    &[
        field(0, "drop_overlimit", Is::Number(U32)),
        field(4, "hh_overlimit", Is::Number(U32)),
        field(8, "tot_hh", Is::Number(U32)),
        field(12, "cur_hh", Is::Number(U32)),
    ],
);

/// `struct tc_pie_xstats`.
static PIE: Structure = Structure::new(
    "tc_pie_xstats",
    40,
    &[
        field_of(0, 8, "prob", Is::Value(disciplines::share_of_64_bits)),
        field(8, "delay", Is::Number(U32)),
        field(12, "avg_dq_rate", Is::Number(U32)),
        field(16, "dq_rate_estimating", Is::Bool(U32)),
        field(20, "pkts_in", Is::Number(U32)),
        field(28, "overlimit", Is::Number(U32)),
        field(24, "dropped", Is::Number(U32)),
        field(32, "maxq", Is::Number(U32)),
        field(36, "ecn_mark", Is::Number(U32)),
    ],
);

/// `struct tc_fq_pie_xstats`.
static FQ_PIE: Structure = Structure::new(
    "tc_fq_pie_xstats",
    36,
    &[
        field(0, "pkts_in", Is::Number(U32)),
        field(8, "overlimit", Is::Number(U32)),
        field(12, "overmemory", Is::Number(U32)),
        field(4, "dropped", Is::Number(U32)),
        field(16, "ecn_mark", Is::Number(U32)),
        field(20, "new_flow_count", Is::Number(U32)),
        field(24, "new_flows_len", Is::Number(U32)),
        field(28, "old_flows_len", Is::Number(U32)),
        field(32, "memory_used", Is::Number(U32)),
    ],
);

/// `struct tc_dualpi2_xstats`.
static DUALPI2: Structure = Structure::new(
    "tc_dualpi2_xstats",
    48,
    &[
        field_of(0, 4, "prob", Is::Value(disciplines::share)),
        field(4, "delay-c", Is::Number(U32)),
        field(8, "delay-l", Is::Number(U32)),
        field(12, "pkts-in-c", Is::Number(U32)),
        field(16, "pkts-in-l", Is::Number(U32)),
        field(20, "maxq", Is::Number(U32)),
        field(24, "ecn-mark", Is::Number(U32)),
        field(28, "step-mark", Is::Number(U32)),
        field(32, "credit", Is::Number(I32)),
        field(36, "memory-used", Is::Number(U32)),
        field(40, "max-memory-used", Is::Number(U32)),
        field(44, "memory-limit", Is::Number(U32)),
    ],
);

/// `TCA_CAKE_STATS_*`.
static CAKE: Set = Set::new(
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
        row(10, "tins", Is::Each(&CAKE_TIN_ELEMENT)),
        row(11, "deficit", Is::Number(I32)),
        row(12, "count", Is::AnyNumber),
        row(13, "dropping", Is::Bool(U32)),
        row(14, "drop_next", Is::Number(I32)),
        row(15, "blue_prob", Is::AnyNumber),
        row(16, "blue_timer", Is::Number(I32)),
        row(17, "active_queues", Is::AnyNumber),
    ],
);

static CAKE_TIN_ELEMENT: Is = Is::Set(&CAKE_TIN);

/// `TCA_CAKE_TIN_STATS_*`.
static CAKE_TIN: Set = Set::new(
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

/// `TCA_TAPRIO_OFFLOAD_STATS_*`.
static TAPRIO: Set = Set::new(
    "TCA_TAPRIO_OFFLOAD_STATS",
    &[row(1, "pad", Is::Known), row(2, "window_drops", Is::AnyNumber), row(3, "tx_overruns", Is::AnyNumber)],
);

/// `TCA_STATS_BASIC`.
pub fn basic_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (bytes, packets) = basic(context, payload)?;
    write_number(out, "bytes", bytes);
    write_number(out, "packets", packets);
    Ok(())
}

/// `TCA_STATS_BASIC_HW`: what the hardware counted, and, as the rest, the software; nothing where it counted nothing.
pub fn hardware_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BASIC: u16 = 1;
    let (bytes, packets) = basic(context, payload)?;
    if bytes == 0 && packets == 0 {
        return Ok(());
    }
    if let Some(all) = context.sibling(BASIC) {
        let (all_bytes, all_packets) = basic(&context.clone().numbered(BASIC), all)?;
        if all_bytes >= bytes && all_packets >= packets {
            write_number(out, "sw_bytes", all_bytes - bytes);
            write_number(out, "sw_packets", all_packets - packets);
        }
    }
    write_number(out, "hw_bytes", bytes);
    write_number(out, "hw_packets", packets);
    Ok(())
}

/// `struct gnet_stats_basic`: octets and packets.
fn basic(context: &Context<'_>, payload: &[u8]) -> Result<(u64, u64), Wrong> {
    let bytes = u64_at(payload, 0).ok_or(Wrong::Short(12))?;
    let packets = u32_at(payload, 8).ok_or(Wrong::Short(12))?;
    Ok((bytes, packets_behind(context).unwrap_or(packets.into())))
}

/// The number of packets in 64 bits that follows an attribute: of its own counters.
fn packets_behind(context: &Context<'_>) -> Option<u64> {
    const PACKETS_64: u16 = 8;
    let mut following = attributes(context.set).skip_while(|found| found.number != context.number()).skip(1);
    let next = following.find(|found| !matches!(found.number, 6))?;
    (next.number == PACKETS_64).then(|| u64_at(next.payload, 0)).flatten()
}

/// `struct gnet_stats_rate_est`, where there is none in 64 bits.
pub fn estimated_rate(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 5;
    if context.sibling(RATE_64).is_none() {
        write_number(out, "rate", u32_at(payload, 0).ok_or(Wrong::Length(8))?.into());
        write_number(out, "pps", u32_at(payload, 4).ok_or(Wrong::Length(8))?.into());
    }
    Ok(())
}

/// `struct tc_stats`, which says less than `TCA_STATS2` and is told only where that is missing.
pub fn old_statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(TCA_STATS2).is_some() {
        return Ok(());
    }
    write_number(out, "bytes", u64_at(payload, 0).ok_or(Wrong::Short(36))?);
    for (at, key) in [(8, "packets"), (12, "dropped"), (16, "overlimits")] {
        write_number(out, key, u32_at(payload, at).ok_or(Wrong::Short(36))?.into());
    }
    for (at, key) in [(20, "rate"), (24, "pps"), (32, "backlog"), (28, "qlen")] {
        let counter = u32_at(payload, at).ok_or(Wrong::Short(36))?;
        if counter != 0 {
            write_number(out, key, counter.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::QDISC;
    use crate::kinds::rtnetlink::tc::testing::members;

    #[test]
    fn packets_in_64_bits_belong_to_what_they_follow() {
        use crate::netlink::wire::append_attribute;
        let counters = |bytes: u64, packets: u32| {
            let mut counters = bytes.to_ne_bytes().to_vec();
            counters.extend_from_slice(&packets.to_ne_bytes());
            counters
        };
        let mut set = Vec::new();
        append_attribute(&mut set, 1, &counters(9000, 7));
        append_attribute(&mut set, 8, &(1u64 << 33).to_ne_bytes());
        append_attribute(&mut set, 7, &counters(4000, 5));
        assert_eq!(
            members(&QDISC, &set, 1, basic_counters, &counters(9000, 7)),
            r#"{"bytes":9000,"packets":8589934592}"#
        );
        assert_eq!(
            members(&QDISC, &set, 7, hardware_counters, &counters(4000, 5)),
            r#"{"sw_bytes":5000,"sw_packets":8589934587,"hw_bytes":4000,"hw_packets":5}"#
        );
    }
}
