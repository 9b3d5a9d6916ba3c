//! Counters that all have; those of each queueing discipline (`TCA_STATS_APP`) stand with it in `qdisc/`. `gen_stats.h`.

use super::names::TCA_STATS2;
use super::qdisc;
use super::shared::{u64_at, write_number};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Structure, Wrong, field, row};
use crate::json::Json;
use crate::netlink::wire::{attributes, u32_at};

/// `TCA_STATS_*`.
pub(super) static STATISTICS: Set = Set::new(
    "TCA_STATS",
    &[
        row(1, "basic", Is::Members(basic_counters, &[Part::number("bytes"), Part::number("packets")])),
        row(2, "rate_est", Is::Members(estimated_rate, &[Part::number("rate"), Part::number("pps")])),
        row(3, "queue", Is::InlineStructure(&QUEUE)),
        row(4, "app", Is::Chosen(&qdisc::COUNTERS)),
        row(5, "rate_est64", Is::InlineStructure(&RATE)),
        row(6, "pad", Is::Known),
        row(
            7,
            "basic_hw",
            Is::Members(
                hardware_counters,
                &[
                    Part::number("sw_bytes"),
                    Part::number("sw_packets"),
                    Part::number("hw_bytes"),
                    Part::number("hw_packets"),
                ],
            ),
        ),
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
pub(super) static ESTIMATOR: Structure =
    Structure::new("gnet_estimator", 2, &[field(0, "interval", Is::Number(I8)), field(1, "ewma_log", Is::Number(U8))]);

/// `TCA_STATS_BASIC`.
fn basic_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (bytes, packets) = basic(context, payload)?;
    write_number(out, "bytes", bytes);
    write_number(out, "packets", packets);
    Ok(())
}

/// `TCA_STATS_BASIC_HW`: what the hardware counted, and, as the rest, the software; nothing where it counted nothing.
fn hardware_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
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
fn estimated_rate(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 5;
    if context.sibling(RATE_64).is_none() {
        write_number(out, "rate", u32_at(payload, 0).ok_or(Wrong::Length(8))?.into());
        write_number(out, "pps", u32_at(payload, 4).ok_or(Wrong::Length(8))?.into());
    }
    Ok(())
}

/// Counters of old.
pub(super) const OLD_STATISTICS: Is = Is::Members(
    old_statistics,
    &[
        Part::number("bytes"),
        Part::number("packets"),
        Part::number("dropped"),
        Part::number("overlimits"),
        Part::number("rate"),
        Part::number("pps"),
        Part::number("backlog"),
        Part::number("qlen"),
    ],
);

/// `struct tc_stats`, which says less than `TCA_STATS2` and is told only where that is missing.
fn old_statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
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
