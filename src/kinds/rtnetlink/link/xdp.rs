//! Programs of XDP at a link: `IFLA_XDP` (`linux/if_link.h`).

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Part, Scalar, Shape, Wrong};
use crate::decode::value::unsigned;
use crate::decode::walk::Leftovers;
use crate::json::Json;
use crate::netlink::wire::{attribute, attribute_u32};

/// A program of XDP.
const PROGRAM: Part = Part::Member("prog", &Shape::Object(&[Part::number("id")]));

/// The members that [`xdp`] writes.
pub(super) const XDP_PARTS: &[Part] = &[Part::Member(
    "xdp",
    &Shape::Object(&[
        Part::number("mode"),
        Part::number("flags"),
        PROGRAM,
        Part::Member("attached", &Shape::List(&Shape::Object(&[Part::number("mode"), PROGRAM]))),
    ]),
)];

/// `xdp`: how its programs are attached, and which; nothing where there is none (`IFLA_XDP_*`).
pub(super) fn xdp(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const ATTACHED: u16 = 2;
    const FLAGS: u16 = 3;
    const PROGRAM: u16 = 4;
    /// The attributes for each way to attach a program, in `ip`'s order, with the mode of each.
    const BY_MODE: [(u16, u64); 3] = [(6, 2), (5, 1), (7, 3)];

    let leftovers = Leftovers::of(payload, |number| matches!(number, ATTACHED..=7));
    let mode = attribute(payload, ATTACHED).ok_or(Wrong::Because("how it is attached is missing"))?;
    let mode = unsigned(Scalar::U8, mode)?;
    if mode == 0 && leftovers.is_empty() {
        return Ok(());
    }
    out.key("xdp");
    out.begin_object();
    if mode == 0 {
        leftovers.write(out);
        out.end_object();
        return Ok(());
    }
    out.key("mode");
    out.unsigned(mode);
    if let Some(flags) = attribute_u32(payload, FLAGS) {
        out.key("flags");
        out.unsigned(flags.into());
    }
    let program = attribute_u32(payload, PROGRAM).filter(|&id| id != 0);
    if let Some(id) = program {
        write_program(out, id);
    }
    out.key("attached");
    out.begin_list();
    let mut write_attached = |mode: u64, id: u32| {
        out.begin_object();
        out.key("mode");
        out.unsigned(mode);
        write_program(out, id);
        out.end_object();
    };
    if BY_MODE.iter().any(|&(number, _)| attribute(payload, number).is_some()) {
        for (number, mode) in BY_MODE {
            if let Some(id) = attribute_u32(payload, number) {
                write_attached(mode, id);
            }
        }
    } else if let Some(id) = program {
        write_attached(mode, id);
    }
    out.end_list();
    leftovers.write(out);
    out.end_object();
    Ok(())
}

fn write_program(out: &mut Json, id: u32) {
    out.key("prog");
    out.begin_object();
    out.key("id");
    out.unsigned(id.into());
    out.end_object();
}

#[cfg(test)]
mod tests {
    use crate::decode::testing::nest;
    use crate::kinds::rtnetlink::link::tests::link;

    #[test]
    fn programs_of_xdp() {
        let none = nest(&[(2, &[0])]);
        assert!(!link(1, 0, &[(43, &none)]).0.contains("xdp"));
        let one = nest(&[(2, &[2]), (4, &9u32.to_ne_bytes())]);
        let attached = r#""xdp":{"mode":2,"prog":{"id":9},"attached":[{"mode":2,"prog":{"id":9}}]}"#;
        assert!(link(1, 0, &[(43, &one)]).0.contains(attached));
        let several = nest(&[(2, &[4]), (5, &8u32.to_ne_bytes()), (6, &9u32.to_ne_bytes())]);
        let attached = r#""xdp":{"mode":4,"attached":[{"mode":2,"prog":{"id":9}},{"mode":1,"prog":{"id":8}}]}"#;
        assert!(link(1, 0, &[(43, &several)]).0.contains(attached));
        // An attribute of a later kernel hides nothing.
        let later = nest(&[(2, &[2]), (4, &9u32.to_ne_bytes()), (9, &[1])]);
        let attached = r#""attached":[{"mode":2,"prog":{"id":9}}],"unknown":[{"attr":9,"hex":"01"}]}"#;
        assert!(link(1, 0, &[(43, &later)]).0.contains(attached));
        let none = nest(&[(2, &[0]), (9, &[1])]);
        assert!(link(1, 0, &[(43, &none)]).0.contains(r#""xdp":{"unknown":[{"attr":9,"hex":"01"}]}"#));
    }
}
