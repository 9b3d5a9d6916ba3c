//! `mqprio`: traffic classes on the queues of a device. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, NUMBER, Part, Scalar::*, Set, Shape, Wrong, row};
use crate::decode::walk::{Leftovers, write_set_with, write_value};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::PREEMPTION;
use crate::kinds::rtnetlink::tc::shared::write_number;
use crate::netlink::wire::{align, attribute, attribute_u32, attributes, u16_at};

/// `TCA_MQPRIO_*`, behind `struct tc_mqprio_qopt`. Traffic classes are told together.
static MQPRIO: Set = Set::new(
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

/// The options.
pub(super) const MQPRIO_OPTIONS: Is = Is::Value(
    mqprio,
    &Shape::Object(&[
        Part::number("tc"),
        Part::Member("map", &Shape::List(NUMBER)),
        Part::Member("queues", QUEUES_SHAPE),
        Part::number("hw"),
        Part::Set(&MQPRIO),
        Part::Member("fp", &Shape::List(&Shape::As(&Is::Named(U32, PREEMPTION)))),
    ]),
);

/// `struct tc_mqprio_qopt`, and `TCA_MQPRIO_*` behind it.
fn mqprio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const MODE: u16 = 1;
    const SHAPER: u16 = 2;
    const CLASS_ENTRY: u16 = 5;
    let map = QueueMap::read(payload)?;
    let set = payload.get(align(QUEUE_MAP_BYTES)..).unwrap_or_default();
    out.begin_object();
    map.write(out);
    write_number(out, "hw", map.hardware.into());
    for (number, key) in [(MODE, "mode"), (SHAPER, "shaper")] {
        if attribute(set, number).is_none() {
            out.key(key);
            out.string("dcb");
        }
    }
    let leftovers = leftovers_of_classes(set, CLASS_ENTRY, MQPRIO_CLASS_LISTS);
    write_set_with(out, &context.inside(set), &MQPRIO, set, leftovers);
    write_class_lists(out, context, set, CLASS_ENTRY, MQPRIO_CLASS_LISTS)?;
    out.end_object();
    Ok(())
}

/// `TCA_MQPRIO_TC_ENTRY_*`.
static MQPRIO_CLASS_LISTS: &[(u16, &str, Is)] = &[(2, "fp", Is::Named(U32, PREEMPTION))];

/// The attribute of a traffic class's number, in each of the nests.
const CLASS_INDEX: u16 = 1;

/// What is not known of the nests of traffic classes: it stands beside their lists.
pub(super) fn leftovers_of_classes<'a>(
    set: &'a [u8],
    number: u16,
    lists: &'static [(u16, &'static str, Is)],
) -> Leftovers<'a> {
    let mut leftovers = Leftovers::default();
    for entry in attributes(set).filter(|entry| entry.number == number) {
        let is_known = |number| number == CLASS_INDEX || lists.iter().any(|(known, ..)| *known == number);
        attributes(entry.payload).filter(|found| !is_known(found.number)).for_each(|found| leftovers.keep(found));
    }
    leftovers
}

/// Lists with a place for each traffic class, gathered from nests that hold a class's number and its values.
pub(super) fn write_class_lists(
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

/// `struct tc_mqprio_qopt`.
pub(super) struct QueueMap {
    classes: usize,
    map: [u8; 16],
    hardware: u8,
    counts: [u16; 16],
    offsets: [u16; 16],
}

/// Octets of `struct tc_mqprio_qopt`.
const QUEUE_MAP_BYTES: usize = 82;

/// The first queue of each class, and how many it has.
pub(super) const QUEUES_SHAPE: &Shape = &Shape::List(&Shape::Object(&[Part::number("offset"), Part::number("count")]));

impl QueueMap {
    /// Reads it; a map of more than 16 classes is one of 16.
    pub(super) fn read(payload: &[u8]) -> Result<QueueMap, Wrong> {
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

    /// Writes how many classes there are, the class of each priority, and each class's queues.
    pub(super) fn write(&self, out: &mut Json) {
        write_number(out, "tc", self.classes as u64);
        out.key("map");
        out.begin_list();
        self.map.iter().for_each(|&class| out.unsigned(class.into()));
        out.end_list();
        out.key("queues");
        out.begin_list();
        for (&offset, &count) in self.offsets.iter().zip(&self.counts).take(self.classes) {
            out.begin_object();
            write_number(out, "offset", offset.into());
            write_number(out, "count", count.into());
            out.end_object();
        }
        out.end_list();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::QDISC;
    use crate::kinds::rtnetlink::tc::testing::members;
    use crate::netlink::wire::append_attribute;

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
            written.contains(r#""queues":[{"offset":0,"count":1},{"offset":1,"count":3}],"hw":0,"mode":"dcb","shaper":"dcb","fp":["E","0","P"]"#),
            "{written}"
        );
    }

    fn value_of_mqprio(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("options");
        mqprio(out, context, payload)
    }
}
