//! Values of queueing disciplines and their classes.

use super::{rate_of, sent_in, u32_of, u64_at, write_fraction, write_number, write_true};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Scalar, Wrong};
use crate::decode::value::{any_unsigned, unsigned, write_named, write_number as write_scalar};
use crate::decode::walk::{Leftovers, write_set, write_set_with, write_structure, write_value};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::{LINK_LAYERS, RED_FLAGS};
use crate::kinds::rtnetlink::tc::{class, qdisc, statistics};
use crate::netlink::wire::{align, attribute, attribute_u32, attributes, u16_at, u32_at};

// Numbers ------------------------------------------------------------------------------------------------------------

/// A share of `u32::MAX`.
pub fn share(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_share(out, u32_of(payload)?);
    Ok(())
}

fn write_share(out: &mut Json, share: u32) {
    write_fraction(out, f64::from(share) / f64::from(u32::MAX));
}

/// What a share of `u32::MAX` leaves.
pub fn rest_share(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_share(out, u32::MAX - u32_of(payload)?);
    Ok(())
}

/// A share of `u64::MAX`.
pub fn share_of_64_bits(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, unsigned(Scalar::U64, payload)? as f64 / u64::MAX as f64);
    Ok(())
}

/// A share of 0xffff, `SFB_MAX_PROB`.
pub fn share_of_16_bits(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, f64::from(u32_of(payload)?) / 65535.0);
    Ok(())
}

/// A probability in units of 2⁻³².
pub fn probability(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, f64::from(u32_of(payload)?) / 4_294_967_296.0);
    Ok(())
}

/// A number in units of 1/256.
pub fn in_256ths(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, f64::from(u32_of(payload)?) / 256.0);
    Ok(())
}

/// Milliseconds as microseconds.
pub fn thousandfold(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(u64::from(u32_of(payload)?) * 1000);
    Ok(())
}

/// A power of two, by its logarithm.
pub fn power_of_two(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(1u64.checked_shl(u32_of(payload)?).ok_or(Wrong::Because("a logarithm above 63"))?);
    Ok(())
}

// Rates --------------------------------------------------------------------------------------------------------------

/// Octets of `struct tc_ratespec`.
const RATE_BYTES: usize = 12;

fn cell(specification: &[u8]) -> u64 {
    1u64.checked_shl(specification[0].into()).unwrap_or_default()
}

fn write_link_layer(out: &mut Json, specification: &[u8]) {
    const LINK_LAYER: u8 = 0x0f;
    out.key("linklayer");
    write_named(out, LINK_LAYERS, (specification[1] & LINK_LAYER).into());
}

fn overhead(specification: &[u8]) -> u64 {
    u16_at(specification, 2).unwrap_or_default().into()
}

fn smallest(specification: &[u8]) -> u64 {
    u16_at(specification, 6).unwrap_or_default().into()
}

/// `struct tc_tbf_qopt`: rates, and buffers as octets. `tc` writes a buffer and its cell into one text.
pub fn tbf(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 4;
    const PEAK_RATE_64: u16 = 5;
    if payload.len() < 36 {
        return Err(Wrong::Short(36));
    }
    let (rate_bytes, peak_bytes) = (&payload[..RATE_BYTES], &payload[RATE_BYTES..2 * RATE_BYTES]);
    let at = |at| u64::from(u32_at(payload, at).unwrap_or_default());
    let (limit, buffer, peak_buffer) = (at(24), at(28), at(32));
    let (rate, peak) = (rate_of(context, RATE_64, rate_bytes), rate_of(context, PEAK_RATE_64, peak_bytes));
    write_number(out, "rate", rate);
    write_number(out, "burst", sent_in(rate, buffer));
    write_number(out, "burst_cell", cell(rate_bytes));
    write_number(out, "mpu", smallest(rate_bytes));
    if peak != 0 {
        write_number(out, "peakrate", peak);
        write_number(out, "mtu", sent_in(peak, peak_buffer));
        write_number(out, "mtu_cell", cell(peak_bytes));
        write_number(out, "mpu_peak", smallest(peak_bytes));
    }
    let latency = |rate: u64, ticks: u64| {
        (rate != 0).then(|| 1e6 * (limit as f64 / rate as f64) - ticks as f64 / super::TICKS_IN_MICROSECOND)
    };
    let longest = [latency(rate, buffer), latency(peak, peak_buffer)].into_iter().flatten().reduce(f64::max);
    if let Some(longest) = longest
        && longest >= 0.0
    {
        write_number(out, "lat", longest as u64);
    }
    write_number(out, "limit", limit);
    if overhead(rate_bytes) != 0 {
        write_number(out, "overhead", overhead(rate_bytes));
    }
    write_link_layer(out, rate_bytes);
    Ok(())
}

/// `struct tc_htb_opt`: rates, and buffers as octets.
pub fn htb_class(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 6;
    const CEIL_64: u16 = 7;
    if payload.len() < 44 {
        return Err(Wrong::Short(44));
    }
    let (rate_bytes, ceil_bytes) = (&payload[..RATE_BYTES], &payload[RATE_BYTES..2 * RATE_BYTES]);
    let at = |at| u64::from(u32_at(payload, at).unwrap_or_default());
    let (buffer, ceil_buffer, quantum, level, priority) = (at(24), at(28), at(32), at(36), at(40));
    if level == 0 {
        write_number(out, "prio", priority);
        write_number(out, "quantum", quantum);
    }
    let (rate, ceil) = (rate_of(context, RATE_64, rate_bytes), rate_of(context, CEIL_64, ceil_bytes));
    write_number(out, "rate", rate);
    if overhead(rate_bytes) != 0 {
        write_number(out, "overhead", overhead(rate_bytes));
    }
    write_number(out, "ceil", ceil);
    write_link_layer(out, rate_bytes);
    write_number(out, "burst", sent_in(rate, buffer));
    write_number(out, "burst_cell", cell(rate_bytes));
    write_number(out, "mpu_rate", smallest(rate_bytes));
    write_number(out, "cburst", sent_in(ceil, ceil_buffer));
    write_number(out, "cburst_cell", cell(ceil_bytes));
    write_number(out, "mpu_ceil", smallest(ceil_bytes));
    write_number(out, "level", level);
    Ok(())
}

/// The version of HTB: `3.17`.
pub fn htb_version(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let version = u32_of(payload)?;
    out.display(format_args!("{}.{}", version >> 16, version & 0xffff));
    Ok(())
}

const HFSC_REAL_TIME: u16 = 1;
const HFSC_LINK_SHARE: u16 = 2;

/// `TCA_HFSC_RSC`: `sc` where the curve for sharing the link is the same.
pub fn real_time_curve(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let both = context.sibling(HFSC_LINK_SHARE) == Some(payload);
    out.key(if both { "sc" } else { "rt" });
    write_value(out, context, &CURVE, payload)
}

/// `TCA_HFSC_FSC`, where it is not told by the other.
pub fn link_share_curve(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(HFSC_REAL_TIME) == Some(payload) {
        return Ok(());
    }
    out.key("ls");
    write_value(out, context, &CURVE, payload)
}

static CURVE: Is = Is::Structure(&class::CURVE);

// Bands and queues ---------------------------------------------------------------------------------------------------

/// `struct tc_prio_qopt`, and behind it, from old kernels, whether a band is a queue of the device.
pub fn prio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const MULTI_QUEUE: u16 = 1;
    let (bands, behind) = payload.split_at_checked(qdisc::PRIO.bytes).ok_or(Wrong::Short(qdisc::PRIO.bytes))?;
    out.begin_object();
    write_structure(out, context, &qdisc::PRIO, bands);
    out.key("multiqueue");
    out.bool(attribute(behind, MULTI_QUEUE).is_some_and(|queues| queues.first().is_some_and(|&first| first != 0)));
    out.end_object();
    Ok(())
}

/// `struct tc_mqprio_qopt`.
struct QueueMap {
    classes: usize,
    map: [u8; 16],
    hardware: u8,
    counts: [u16; 16],
    offsets: [u16; 16],
}

/// Octets of `struct tc_mqprio_qopt`.
const QUEUE_MAP_BYTES: usize = 82;

impl QueueMap {
    fn read(payload: &[u8]) -> Result<QueueMap, Wrong> {
        let bytes = payload.get(..QUEUE_MAP_BYTES).ok_or(Wrong::Short(QUEUE_MAP_BYTES))?;
        let queues = |from: usize| std::array::from_fn(|at| u16_at(bytes, from + at * 2).unwrap_or_default());
        Ok(QueueMap {
            classes: usize::from(bytes[0]).min(16),
            map: std::array::from_fn(|at| bytes[1 + at]),
            hardware: bytes[17],
            counts: queues(18),
            offsets: queues(50),
        })
    }

    fn write(&self, out: &mut Json) {
        write_number(out, "tc", self.classes as u64);
        out.key("map");
        out.begin_list();
        self.map.iter().for_each(|&class| out.unsigned(class.into()));
        out.end_list();
    }

    fn queues(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        self.offsets.iter().copied().zip(self.counts.iter().copied()).take(self.classes)
    }
}

/// The attribute of a traffic class's number, in each of the nests.
const CLASS_INDEX: u16 = 1;

/// What is not known of the nests of traffic classes: it stands beside their lists.
fn leftovers_of_classes<'a>(set: &'a [u8], number: u16, lists: &'static [(u16, &'static str, Is)]) -> Leftovers<'a> {
    let mut leftovers = Leftovers::default();
    for entry in attributes(set).filter(|entry| entry.number == number) {
        let is_known = |number| number == CLASS_INDEX || lists.iter().any(|(known, ..)| *known == number);
        attributes(entry.payload).filter(|found| !is_known(found.number)).for_each(|found| leftovers.keep(found));
    }
    leftovers
}

/// Lists with a place for each traffic class, gathered from nests that hold a class's number and its values.
fn write_class_lists(
    out: &mut Json,
    context: &Context<'_>,
    set: &[u8],
    number: u16,
    lists: &'static [(u16, &'static str, Is)],
) -> Decoded {
    const CLASSES_MAX: usize = 16;
    for (value, key, is) in lists {
        let mut values: [Option<&[u8]>; CLASSES_MAX] = [None; CLASSES_MAX];
        for entry in attributes(set).filter(|entry| entry.number == number) {
            let class = attribute_u32(entry.payload, CLASS_INDEX)
                .ok_or(Wrong::Because("a traffic class's number is missing"))?;
            let place = values.get_mut(class as usize).ok_or(Wrong::Because("a traffic class above 15"))?;
            *place = attribute(entry.payload, *value);
        }
        let Some(last) = values.iter().rposition(Option::is_some) else { continue };
        out.key(key);
        out.begin_list();
        for value in &values[..=last] {
            write_value(out, context, is, value.unwrap_or(&[0; 4]))?;
        }
        out.end_list();
    }
    Ok(())
}

/// `struct tc_mqprio_qopt`, and `TCA_MQPRIO_*` behind it.
pub fn mqprio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const MODE: u16 = 1;
    const SHAPER: u16 = 2;
    const CLASS_ENTRY: u16 = 5;
    let map = QueueMap::read(payload)?;
    let set = payload.get(align(QUEUE_MAP_BYTES)..).unwrap_or_default();
    out.begin_object();
    map.write(out);
    out.key("queues");
    out.begin_list();
    for (offset, count) in map.queues() {
        out.begin_list();
        out.unsigned(offset.into());
        out.unsigned((u64::from(offset) + u64::from(count)).saturating_sub(1));
        out.end_list();
    }
    out.end_list();
    write_number(out, "hw", map.hardware.into());
    for (number, key) in [(MODE, "mode"), (SHAPER, "shaper")] {
        if attribute(set, number).is_none() {
            out.key(key);
            out.string("dcb");
        }
    }
    let leftovers = leftovers_of_classes(set, CLASS_ENTRY, qdisc::MQPRIO_CLASS_LISTS);
    write_set_with(out, &context.inside(set), &qdisc::MQPRIO, set, leftovers);
    write_class_lists(out, context, set, CLASS_ENTRY, qdisc::MQPRIO_CLASS_LISTS)?;
    out.end_object();
    Ok(())
}

/// `TCA_TAPRIO_ATTR_*`.
pub fn taprio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const CLASS_ENTRY: u16 = 12;
    out.begin_object();
    let leftovers = leftovers_of_classes(payload, CLASS_ENTRY, qdisc::TAPRIO_CLASS_LISTS);
    write_set_with(out, &context.inside(payload), &qdisc::TAPRIO, payload, leftovers);
    write_class_lists(out, context, payload, CLASS_ENTRY, qdisc::TAPRIO_CLASS_LISTS)?;
    out.end_object();
    Ok(())
}

/// `struct tc_mqprio_qopt` of `taprio`, which tells of queues otherwise.
pub fn taprio_map(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let map = QueueMap::read(payload)?;
    map.write(out);
    out.key("queues");
    out.begin_list();
    for (offset, count) in map.queues() {
        out.begin_object();
        write_number(out, "offset", offset.into());
        write_number(out, "count", count.into());
        out.end_object();
    }
    out.end_list();
    Ok(())
}

/// `TCA_FQ_HORIZON_DROP`: what becomes of packets beyond the horizon.
pub fn fq_horizon(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let drops = unsigned(Scalar::U8, payload)? != 0;
    write_true(out, if drops { "horizon_drop" } else { "horizon_cap" });
    Ok(())
}

// Early detection ----------------------------------------------------------------------------------------------------

fn write_red_flags(out: &mut Json, flags: u64) {
    for &(mask, key) in RED_FLAGS {
        out.key(key);
        out.bool(flags & mask != 0);
    }
}

/// `TC_RED_*` in one octet: each a member.
pub fn old_red_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_red_flags(out, any_unsigned(payload)?);
    Ok(())
}

/// `TC_RED_*`: all of them in `TCA_RED_FLAGS`, where that is there, else those that one octet holds.
pub fn red_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const FLAGS: u16 = 4;
    let all = context.sibling(FLAGS).and_then(|flags| u32_at(flags, 0));
    write_red_flags(out, all.map_or(any_unsigned(payload)?, u64::from));
    Ok(())
}

/// `TCA_RED_MAX_P` and `TCA_CHOKE_MAX_P`.
const MAX_PROBABILITY: u16 = 3;

/// The probability of a drop, where it is given as such.
pub fn red_probability(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if u32_of(payload)? != 0 {
        out.key("probability");
        probability(out, context, payload)?;
    }
    Ok(())
}

/// The probability of a drop as a logarithm, where it is not given otherwise.
pub fn red_logarithm(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if attribute_u32(context.set, MAX_PROBABILITY).unwrap_or_default() == 0 {
        write_number(out, "Plog", any_unsigned(payload)?);
    }
    Ok(())
}

/// Blocks of filters that look at dropped and marked packets: one list, written by the first attribute of the two.
pub fn red_events(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    const EVENTS: [(u16, &str); 2] = [(5, "early_drop"), (6, "mark")];
    let block = |number| attribute_u32(context.set, number).filter(|&block| block != 0);
    if EVENTS
        .iter()
        .find(|(number, _)| context.sibling(*number).is_some())
        .is_none_or(|(at, _)| *at != context.number())
    {
        return Ok(());
    }
    if EVENTS.iter().all(|(number, _)| block(*number).is_none()) {
        return Ok(());
    }
    out.key("qevents");
    out.begin_list();
    for (number, kind) in EVENTS {
        if let Some(block) = block(number) {
            out.begin_object();
            out.key("kind");
            out.string(kind);
            write_number(out, "block", block.into());
            out.end_object();
        }
    }
    out.end_list();
    Ok(())
}

/// `struct tc_sfq_qopt`, and from newer kernels the rest of `struct tc_sfq_qopt_v1`.
pub fn sfq(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const SHORTEST: usize = 20;
    const MIN_AT: usize = 4;
    if payload.len() < SHORTEST {
        return Err(Wrong::Short(SHORTEST));
    }
    let (queues, detection) = payload.split_at(qdisc::SFQ.bytes.min(payload.len()));
    out.begin_object();
    write_structure(out, context, &qdisc::SFQ, queues);
    if u32_at(detection, MIN_AT).is_some_and(|min| min != 0) {
        write_structure(out, context, &qdisc::SFQ_RED, detection);
    }
    out.end_object();
    Ok(())
}

/// `TCA_GRED_PARMS`: the virtual queues, with the probability and the counters that stand in attributes beside it.
pub fn gred_queues(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const PROBABILITIES: u16 = 4;
    const COUNTERS: u16 = 6;
    const QUEUES_MAX: u32 = 16;
    let probabilities = context.sibling(PROBABILITIES);
    let counters = context.sibling(COUNTERS);
    out.key("vqs");
    out.begin_list();
    for (place, queue) in payload.chunks_exact(qdisc::GRED_QUEUE.bytes).enumerate() {
        let number = u32_at(queue, 12).unwrap_or(QUEUES_MAX);
        // One that is not in use.
        if number >= QUEUES_MAX {
            continue;
        }
        out.begin_object();
        write_structure(out, context, &qdisc::GRED_QUEUE, queue);
        if let Some(share) = probabilities.and_then(|all| all.get(place * 4..place * 4 + 4)) {
            out.key("probability");
            probability(out, context, share)?;
        }
        match counters.and_then(|list| gred_counters(list, number)) {
            Some(set) => write_set(out, &context.inside(set), &qdisc::GRED_COUNTERS, set),
            None => write_structure(out, context, &qdisc::GRED_OLD_COUNTERS, queue),
        }
        out.end_object();
    }
    out.end_list();
    Ok(())
}

/// The counters of a virtual queue in `TCA_GRED_VQ_LIST`.
fn gred_counters(list: &[u8], queue: u32) -> Option<&[u8]> {
    const NUMBER: u16 = 2;
    attributes(list).map(|entry| entry.payload).find(|set| attribute_u32(set, NUMBER) == Some(queue))
}

// Emulation ----------------------------------------------------------------------------------------------------------

/// Writes nanoseconds as seconds.
fn write_seconds(out: &mut Json, key: &str, nanoseconds: u64) {
    out.key(key);
    write_fraction(out, nanoseconds as f64 / 1e9);
}

fn write_chance(out: &mut Json, key: &str, inner: &str, chance: u32, correlation: u32) {
    if chance == 0 {
        return;
    }
    out.key(key);
    out.begin_object();
    out.key(inner);
    write_share(out, chance);
    out.key("correlation");
    write_share(out, correlation);
    out.end_object();
}

/// `struct tc_netem_qopt`, and `TCA_NETEM_*` behind it: times in ticks of the packet scheduler, or in nanoseconds.
pub fn netem(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 24;
    const CORRELATIONS: u16 = 1;
    const MARKS: u16 = 7;
    const LATENCY_64: u16 = 10;
    const JITTER_64: u16 = 11;
    const TICK_NANOSECONDS: u64 = 64;
    let (options, set) = payload.split_at_checked(BYTES).ok_or(Wrong::Short(BYTES))?;
    let at = |at| u32_at(options, at).unwrap_or_default();
    let time = |number, ticks: u32| {
        let wide = attribute(set, number).and_then(|time| u64_at(time, 0));
        wide.unwrap_or(u64::from(ticks) * TICK_NANOSECONDS)
    };
    let correlations = attribute(set, CORRELATIONS).unwrap_or_default();
    let correlation = |place: usize| u32_at(correlations, place * 4).unwrap_or_default();
    out.begin_object();
    write_number(out, "limit", at(4).into());
    let latency = time(LATENCY_64, at(0));
    if latency != 0 {
        out.key("delay");
        out.begin_object();
        write_seconds(out, "delay", latency);
        write_seconds(out, "jitter", time(JITTER_64, at(20)));
        out.key("correlation");
        write_share(out, correlation(0));
        out.end_object();
    }
    write_chance(out, "loss-random", "loss", at(8), correlation(1));
    write_chance(out, "duplicate", "duplicate", at(16), correlation(2));
    write_set(out, &context.inside(set), &qdisc::NETEM, set);
    out.key("ecn");
    out.bool(attribute(set, MARKS).is_some());
    write_number(out, "gap", at(12).into());
    out.end_object();
    Ok(())
}

fn write_two_shares(out: &mut Json, key: &str, payload: &[u8]) -> Decoded {
    let at = |at| u32_at(payload, at).ok_or(Wrong::Length(8));
    write_chance(out, key, key, at(0)?, at(4)?);
    Ok(())
}

/// `struct tc_netem_reorder`, unless it never happens.
pub fn netem_reorder(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_two_shares(out, "reorder", payload)
}

/// `struct tc_netem_corrupt`, unless it never happens.
pub fn netem_corrupt(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_two_shares(out, "corrupt", payload)
}

/// `struct tc_netem_rate`, where there is a limit.
pub fn netem_rate(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 8;
    let rate = u32_at(payload, 0).ok_or(Wrong::Length(16))?;
    if rate != 0 {
        let wide = context.sibling(RATE_64).and_then(|rate| u64_at(rate, 0)).filter(|&rate| rate != 0);
        out.key("rate");
        out.begin_object();
        write_number(out, "rate", wide.unwrap_or(rate.into()));
        write_structure(out, context, &qdisc::NETEM_RATE, payload);
        out.end_object();
    }
    Ok(())
}

/// `struct tc_netem_slot`: times in nanoseconds, told in seconds.
pub fn netem_slot(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let at = |at| u64_at(payload, at).ok_or(Wrong::Length(40));
    let distributed = (at(32)? as i64) > 0;
    let (first, second) = if distributed { (24, 32) } else { (0, 8) };
    let keys = if distributed { ["distribution", "jitter"] } else { ["min-delay", "max-delay"] };
    out.begin_object();
    write_seconds(out, keys[0], at(first)?);
    write_seconds(out, keys[1], at(second)?);
    for (at, key) in [(16, "packets"), (20, "bytes")] {
        out.key(key);
        write_scalar(out, Scalar::I32, &payload[at..at + 4])?;
    }
    out.end_object();
    Ok(())
}

// Others -------------------------------------------------------------------------------------------------------------

/// `TC_ETF_*`: each `on` or `off`.
pub fn etf_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = u64::from(u32_of(payload)?);
    for &(mask, key) in qdisc::ETF_FLAGS {
        out.key(key);
        out.string(if flags & mask != 0 { "on" } else { "off" });
    }
    Ok(())
}

/// `TCA_CAKE_*`; `raw` is told also where it is not there.
pub fn cake(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    write_set(out, &context.inside(payload), &qdisc::CAKE, payload);
    out.key("raw");
    out.bool(attribute(payload, qdisc::TCA_CAKE_RAW).is_some());
    out.end_object();
    Ok(())
}

/// Octets a second, or `unlimited`.
pub fn cake_bandwidth(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    match any_unsigned(payload)? {
        0 => out.string("unlimited"),
        rate => out.unsigned(rate),
    }
    Ok(())
}

/// How the bandwidth is found out, where it is.
pub fn cake_automatic_rate(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mode = u32_of(payload)?;
    if mode != 0 {
        out.key("autorate");
        write_named(out, &[(1, "autorate-ingress")], mode.into());
    }
    Ok(())
}

/// `struct tc_fq_codel_xstats`: of the whole, or of a class.
pub fn fq_codel_counters(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (kind, counters) = payload.split_at_checked(4).ok_or(Wrong::Short(4))?;
    // The structure is a union: it is as long as the longer of the two.
    match u32_of(kind)? {
        0 => write_structure(out, context, &statistics::FQ_CODEL, counters),
        1 => {
            let end = statistics::FQ_CODEL_CLASS.bytes.min(counters.len());
            write_structure(out, context, &statistics::FQ_CODEL_CLASS, &counters[..end]);
        }
        _ => return Err(Wrong::Because("neither of a queueing discipline nor of a class")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::members;
    use super::*;
    use crate::kinds::rtnetlink::tc::{CLASS, QDISC};
    use crate::netlink::wire::append_attribute;

    fn rate_specification(cell: u8, overhead: u16, mpu: u16, rate: u32) -> Vec<u8> {
        let mut bytes = vec![cell, 1];
        bytes.extend_from_slice(&overhead.to_ne_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&mpu.to_ne_bytes());
        bytes.extend_from_slice(&rate.to_ne_bytes());
        bytes
    }

    #[test]
    fn buffers_are_told_in_octets() {
        let mut payload = rate_specification(0, 0, 0, 125_000);
        payload.extend_from_slice(&rate_specification(0, 0, 0, 0));
        // 10 KiB more than is sent in 70 ms.
        for number in [18_990u32, 1_280_000, 0] {
            payload.extend_from_slice(&number.to_ne_bytes());
        }
        assert_eq!(
            members(&QDISC, &[], 1, tbf, &payload),
            r#"{"rate":125000,"burst":10240,"burst_cell":1,"mpu":0,"lat":70000,"limit":18990,"linklayer":"ethernet"}"#
        );
        assert!(members(&QDISC, &[], 1, tbf, &payload[..30]).contains("Short"));
    }

    #[test]
    fn a_rate_in_64_bits_is_the_true_one() {
        let mut payload = rate_specification(3, 4, 64, u32::MAX);
        payload.extend_from_slice(&rate_specification(3, 0, 0, 1000));
        for number in [0u32, 0, 1500, 0, 3] {
            payload.extend_from_slice(&number.to_ne_bytes());
        }
        let mut set = Vec::new();
        append_attribute(&mut set, 6, &12_500_000_000u64.to_ne_bytes());
        let written = members(&CLASS, &set, 1, htb_class, &payload);
        assert!(
            written.starts_with(r#"{"prio":3,"quantum":1500,"rate":12500000000,"overhead":4,"ceil":1000,"#),
            "{written}"
        );
        assert!(written.contains(r#""burst_cell":8,"mpu_rate":64"#), "{written}");
    }

    #[test]
    fn traffic_classes_are_gathered_from_their_nests() {
        let mut set = Vec::new();
        for (class, express) in [(0u32, 1u32), (2, 2)] {
            let mut entry = Vec::new();
            append_attribute(&mut entry, 1, &class.to_ne_bytes());
            append_attribute(&mut entry, 2, &express.to_ne_bytes());
            append_attribute(&mut set, 5, &entry);
        }
        let mut payload = vec![0; align(QUEUE_MAP_BYTES)];
        payload[0] = 2;
        payload[18..20].copy_from_slice(&1u16.to_ne_bytes());
        payload[20..22].copy_from_slice(&3u16.to_ne_bytes());
        payload[52..54].copy_from_slice(&1u16.to_ne_bytes());
        payload.extend_from_slice(&set);
        let written = members(&QDISC, &[], 2, value_of_mqprio, &payload);
        assert!(
            written.contains(r#""queues":[[0,0],[1,3]],"hw":0,"mode":"dcb","shaper":"dcb","fp":["E",0,"P"]"#),
            "{written}"
        );
    }

    fn value_of_mqprio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("options");
        mqprio(out, context, payload)
    }

    #[test]
    fn curves_that_are_the_same_are_told_once() {
        let curve = [1u32, 2, 3].map(u32::to_ne_bytes).concat();
        let other = [1u32, 2, 4].map(u32::to_ne_bytes).concat();
        let mut set = Vec::new();
        append_attribute(&mut set, 1, &curve);
        append_attribute(&mut set, 2, &curve);
        assert_eq!(members(&CLASS, &set, 1, real_time_curve, &curve), r#"{"sc":{"m1":1,"d":2,"m2":3}}"#);
        assert_eq!(members(&CLASS, &set, 2, link_share_curve, &curve), "{}");
        assert_eq!(members(&CLASS, &set, 2, link_share_curve, &other), r#"{"ls":{"m1":1,"d":2,"m2":4}}"#);
    }
}
