//! Early detection: `red`, `choke`, `gred`, and `sfb`, which is in their spirit. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, NUMBER, Part, Scalar::*, Set, Shape, Structure, field, field_of, row};
use crate::decode::value::any_unsigned;
use crate::decode::walk::{write_set, write_structure};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::RED_FLAGS;
use crate::kinds::rtnetlink::tc::shared::{u32_of, write_fraction, write_number};
use crate::netlink::wire::{attribute_u32, attributes, u32_at};

/// `TCA_RED_*`.
pub(super) static RED: Set = Set::new(
    "TCA_RED",
    &[
        row(1, "parms", Is::InlineStructure(&RED_PARAMETERS)),
        row(2, "stab", Is::Hex),
        row(3, "probability", Is::Members(red_probability, &[Part::number("probability")])),
        // Its bits are told by the parameters.
        row(4, "flags", Is::Known),
        row(5, "early_drop_block", Is::Members(red_events, RED_EVENTS_PARTS)),
        row(6, "mark_block", Is::Members(red_events, RED_EVENTS_PARTS)),
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
        field_of(15, 1, "flags", Is::Members(red_flags, RED_FLAGS_PARTS)),
        field(12, "ewma", Is::Number(U8)),
        field_of(13, 1, "Plog", Is::Members(red_logarithm, &[Part::number("Plog")])),
        field(14, "Scell_log", Is::Number(U8)),
    ],
);

/// A probability in units of 2⁻³².
pub(super) fn probability(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, f64::from(u32_of(payload)?) / 4_294_967_296.0);
    Ok(())
}

/// The members that [`red_flags`] writes.
pub(super) const RED_FLAGS_PARTS: &[Part] =
    &[Part::bool("ecn"), Part::bool("harddrop"), Part::bool("adaptive"), Part::bool("nodrop")];

/// Whether the probability adapts itself to the queue (`TC_RED_ADAPTATIVE`).
fn is_adaptive(context: &Context<'_>) -> bool {
    const PARAMETERS: u16 = 1;
    const FLAGS_AT: usize = 15;
    const TC_RED_ADAPTATIVE: u8 = 4;
    let flags = context.sibling(PARAMETERS).and_then(|parameters| parameters.get(FLAGS_AT));
    flags.is_some_and(|flags| flags & TC_RED_ADAPTATIVE != 0)
}

/// `TC_RED_*`: all of them in `TCA_RED_FLAGS`, where that is there, else those that one octet holds.
fn red_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const FLAGS: u16 = 4;
    let all = context.sibling(FLAGS).and_then(|flags| u32_at(flags, 0));
    write_red_flags(out, all.map_or(any_unsigned(payload)?, u64::from));
    Ok(())
}

/// `TC_RED_*` in one octet: each a member.
pub(super) fn old_red_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_red_flags(out, any_unsigned(payload)?);
    Ok(())
}

fn write_red_flags(out: &mut Json, flags: u64) {
    for &(mask, key) in RED_FLAGS {
        out.key(key);
        out.bool(flags & mask != 0);
    }
}

/// The probability of a drop, where it is given as such. One that adapts itself to the queue changes twice a second
/// (`red_adaptative_timer`): it counts no more than the queue's length.
fn red_probability(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if u32_of(payload)? != 0 && !(context.comparing && is_adaptive(context)) {
        out.key("probability");
        probability(out, context, payload)?;
    }
    Ok(())
}

/// `TCA_RED_MAX_P` and `TCA_CHOKE_MAX_P`.
const MAX_PROBABILITY: u16 = 3;

/// The probability of a drop as a logarithm, where it is not given otherwise.
fn red_logarithm(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if attribute_u32(context.set, MAX_PROBABILITY).unwrap_or_default() == 0 {
        write_number(out, "Plog", any_unsigned(payload)?);
    }
    Ok(())
}

/// The members that [`red_events`] writes.
const RED_EVENTS_PARTS: &[Part] =
    &[Part::Member("qevents", &Shape::List(&Shape::Object(&[Part::text("kind"), Part::number("block")])))];

/// Blocks of filters that look at dropped and marked packets: one list, written by the first attribute of the two.
fn red_events(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    const KINDS: [(u16, &str); 2] = [(5, "early_drop"), (6, "mark")];
    let block = |number| attribute_u32(context.set, number).filter(|&block| block != 0);
    if KINDS.iter().find(|(number, _)| context.sibling(*number).is_some()).is_none_or(|(at, _)| *at != context.number())
    {
        return Ok(());
    }
    if KINDS.iter().all(|(number, _)| block(*number).is_none()) {
        return Ok(());
    }
    out.key("qevents");
    out.begin_list();
    for (number, kind) in KINDS {
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

/// `struct tc_red_xstats`.
pub(super) static RED_COUNTERS: Structure = Structure::new(
    "tc_red_xstats",
    16,
    &[
        field(12, "marked", Is::Number(U32)),
        field(0, "early", Is::Number(U32)),
        field(4, "pdrop", Is::Number(U32)),
        field(8, "other", Is::Number(U32)),
    ],
);

/// `TCA_CHOKE_*`.
pub(super) static CHOKE: Set = Set::new(
    "TCA_CHOKE",
    &[
        row(1, "parms", Is::InlineStructure(&RED_PARAMETERS)),
        row(2, "stab", Is::Hex),
        row(3, "probability", Is::Members(red_probability, &[Part::number("probability")])),
    ],
);

/// `struct tc_choke_xstats`.
pub(super) static CHOKE_COUNTERS: Structure = Structure::new(
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

/// `TCA_GRED_*`. The virtual queues are told together, by the first.
pub(super) static GRED: Set = Set::new(
    "TCA_GRED",
    &[
        row(1, "parms", Is::Members(gred_queues, GRED_QUEUES_PARTS)),
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
        field_of(9, 1, "flags", Is::Members(old_red_flags, RED_FLAGS_PARTS)),
    ],
);

/// `struct tc_gred_qopt`: one virtual queue.
static GRED_QUEUE: Structure = Structure::new(
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
static GRED_OLD_COUNTERS: Structure = Structure::new(
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
static GRED_COUNTERS: Set = Set::new(
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
        row(12, "flags", Is::Members(old_red_flags, RED_FLAGS_PARTS)),
    ],
);

/// The members that [`gred_queues`] writes.
const GRED_QUEUES_PARTS: &[Part] = &[Part::Member(
    "vqs",
    &Shape::List(&Shape::Object(&[
        Part::Structure(&GRED_QUEUE),
        Part::number("probability"),
        Part::Set(&GRED_COUNTERS),
        Part::Structure(&GRED_OLD_COUNTERS),
    ])),
)];

/// `TCA_GRED_PARMS`: the virtual queues, with the probability and the counters that stand in attributes beside it.
fn gred_queues(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const PROBABILITIES: u16 = 4;
    const COUNTERS: u16 = 6;
    const QUEUES_MAX: u32 = 16;
    let probabilities = context.sibling(PROBABILITIES);
    let counters = context.sibling(COUNTERS);
    out.key("vqs");
    out.begin_list();
    for (place, queue) in payload.chunks_exact(GRED_QUEUE.bytes).enumerate() {
        let number = u32_at(queue, 12).unwrap_or(QUEUES_MAX);
        // One that is not in use.
        if number >= QUEUES_MAX {
            continue;
        }
        out.begin_object();
        write_structure(out, context, &GRED_QUEUE, queue);
        if let Some(share) = probabilities.and_then(|all| all.get(place * 4..place * 4 + 4)) {
            out.key("probability");
            probability(out, context, share)?;
        }
        match counters.and_then(|list| gred_counters(list, number)) {
            Some(set) => write_set(out, &context.inside(set), &GRED_COUNTERS, set),
            None => write_structure(out, context, &GRED_OLD_COUNTERS, queue),
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

/// `TCA_SFB_*`.
pub(super) static SFB: Set = Set::new("TCA_SFB", &[row(1, "parms", Is::InlineStructure(&SFB_PARAMETERS))]);

/// `struct tc_sfb_qopt`; times in milliseconds, told in microseconds.
static SFB_PARAMETERS: Structure = Structure::new(
    "tc_sfb_qopt",
    36,
    &[
        field_of(0, 4, "rehash", Is::Value(thousandfold, NUMBER)),
        field_of(4, 4, "db", Is::Value(thousandfold, NUMBER)),
        field(24, "limit", Is::Number(U32)),
        field(8, "max", Is::Number(U32)),
        field(12, "target", Is::Number(U32)),
        field_of(16, 4, "increment", Is::Value(share_of_16_bits, NUMBER)),
        field_of(20, 4, "decrement", Is::Value(share_of_16_bits, NUMBER)),
        field(28, "penalty_rate", Is::Number(U32)),
        field(32, "penalty_burst", Is::Number(U32)),
    ],
);

/// A share of 0xffff, `SFB_MAX_PROB`.
fn share_of_16_bits(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_fraction(out, f64::from(u32_of(payload)?) / 65535.0);
    Ok(())
}

/// Milliseconds as microseconds.
fn thousandfold(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(u64::from(u32_of(payload)?) * 1000);
    Ok(())
}

/// `struct tc_sfb_xstats`.
pub(super) static SFB_COUNTERS: Structure = Structure::new(
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
        field_of(28, 4, "maxprob", Is::Value(share_of_16_bits, NUMBER)),
        field_of(32, 4, "avgprob", Is::Value(share_of_16_bits, NUMBER)),
    ],
);

#[cfg(test)]
mod tests {
    use crate::decode::testing::{compared, message, nest, text};
    use crate::kinds::rtnetlink::tc::{QDISC, TCA_KIND, TCA_OPTIONS};

    #[test]
    fn a_probability_that_adapts_itself_counts_for_nothing() {
        const HALF: [u8; 4] = (1u32 << 31).to_ne_bytes();
        let discipline = |flags: u8| {
            let parameters: Vec<u8> = [[0; 15].as_slice(), &[flags]].concat();
            message(&[0; 20], &[(TCA_KIND, b"red\0"), (TCA_OPTIONS, &nest(&[(1, &parameters), (3, &HALF)]))])
        };
        let probability = r#""probability":0.5"#;
        let (set, adaptive) = (discipline(1), discipline(4));
        assert!(text(&QDISC, &adaptive).contains(probability), "{}", text(&QDISC, &adaptive));
        assert!(!compared(&QDISC, &adaptive).contains(probability));
        assert!(compared(&QDISC, &set).contains(probability), "{}", compared(&QDISC, &set));
    }
}
