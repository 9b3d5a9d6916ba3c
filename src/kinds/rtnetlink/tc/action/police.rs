//! The action `police`: packets beyond a rate. `pkt_cls.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, NUMBER, Part, Scalar::*, Set, Shape, Wrong, row};
use crate::decode::walk::write_set;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::LINK_LAYERS;
use crate::kinds::rtnetlink::tc::shared::{
    TIMES, VERDICT, overhead, rate_of, sent_in, u64_at, verdict, write_link_layer, write_number,
};
use crate::netlink::wire::u32_at;

/// `TCA_POLICE_*`. Rates are told by its parameters.
pub(super) static POLICE: Set = Set::new(
    "TCA_POLICE",
    &[
        row(1, "tbf", Is::Members(police, POLICE_PARTS)),
        row(2, "rtab", Is::Hex),
        row(3, "ptab", Is::Hex),
        row(4, "avrate", Is::Number(U32)),
        // What becomes of packets that do not exceed; `tc` repeats control_action for it.
        row(5, "conform_action", VERDICT),
        row(6, "tm", TIMES).volatile(),
        row(7, "pad", Is::Known),
        row(8, "rate64", Is::Known),
        row(9, "peakrate64", Is::Known),
        row(10, "pktrate64", Is::Known),
        row(11, "pktburst64", Is::Known),
    ],
);

/// The members that [`police`] writes.
const POLICE_PARTS: &[Part] = &[
    Part::number("index"),
    Part::number("rate"),
    Part::number("burst"),
    Part::number("mtu"),
    Part::number("peakrate"),
    Part::number("pkts_rate"),
    Part::number("pkts_burst"),
    Part::Member("control_action", &Shape::As(&VERDICT)),
    Part::number("overhead"),
    Part::Member("linklayer", &Shape::As(&Is::Named(U8, LINK_LAYERS))),
    Part::Volatile("ref", NUMBER),
    Part::Volatile("bind", NUMBER),
];

/// `struct tc_police`: rates, and buffers as octets and packets.
fn police(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RATE_64: u16 = 8;
    const PEAK_RATE_64: u16 = 9;
    const PACKET_RATE: u16 = 10;
    const PACKET_BURST: u16 = 11;
    if payload.len() < 56 {
        return Err(Wrong::Short(56));
    }
    let at = |at| u64::from(u32_at(payload, at).unwrap_or_default());
    let (rate, peak) = (&payload[20..32], &payload[32..44]);
    write_number(out, "index", at(0));
    let octets = rate_of(context, RATE_64, rate);
    if octets != 0 {
        write_number(out, "rate", octets);
        write_number(out, "burst", sent_in(octets, at(12)));
    }
    if at(16) != 0 {
        write_number(out, "mtu", at(16));
    }
    let peak = rate_of(context, PEAK_RATE_64, peak);
    if peak != 0 {
        write_number(out, "peakrate", peak);
    }
    let packets = |number| context.sibling(number).and_then(|value| u64_at(value, 0));
    if let Some((packet_rate, burst)) = packets(PACKET_RATE).zip(packets(PACKET_BURST)) {
        write_number(out, "pkts_rate", packet_rate);
        write_number(out, "pkts_burst", sent_in(packet_rate, burst));
    }
    out.key("control_action");
    verdict(out, context, &payload[4..8])?;
    write_number(out, "overhead", overhead(rate));
    write_link_layer(out, rate);
    if !context.comparing {
        write_number(out, "ref", at(44));
        write_number(out, "bind", at(48));
    }
    Ok(())
}

/// The police of a filter that has no actions.
pub(in crate::kinds::rtnetlink::tc) const OLD_POLICE: Is =
    Is::Members(old_police, &[Part::text("kind"), Part::Set(&POLICE)]);

/// The police of a filter that has no actions, among the filter's members, as `tc` has it.
fn old_police(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("kind");
    out.string("police");
    write_set(out, &context.inside(payload), &POLICE, payload);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::TC_ACTION;
    use crate::kinds::rtnetlink::tc::testing::members;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn a_police_of_packets_has_no_rate_of_octets() {
        let mut set = Vec::new();
        append_attribute(&mut set, 10, &1000u64.to_ne_bytes());
        append_attribute(&mut set, 11, &3_125_000u64.to_ne_bytes());
        let mut payload = vec![0; 56];
        payload[0] = 1;
        payload[4] = 2;
        assert_eq!(
            members(&TC_ACTION, &set, 1, police, &payload),
            concat!(
                r#"{"index":1,"pkts_rate":1000,"pkts_burst":200,"control_action":{"type":"drop"},"#,
                r#""overhead":0,"linklayer":"unspec","ref":0,"bind":0}"#
            )
        );
    }
}
