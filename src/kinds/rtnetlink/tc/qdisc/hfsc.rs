//! `hfsc`: a tree of classes with service curves. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar::*, Set, Shape, Structure, field, row};
use crate::decode::walk::write_value;
use crate::json::Json;

/// `struct tc_hfsc_qopt`.
pub(super) static HFSC: Structure = Structure::new("tc_hfsc_qopt", 2, &[field(0, "default", Is::Number(U16))]);

/// `TCA_HFSC_*`: the curves for real time, for sharing the link (both as `sc` where they are the same), and for the
/// upper limit.
pub(super) static HFSC_CLASS: Set = Set::new(
    "TCA_HFSC",
    &[
        row(
            1,
            "rt",
            Is::Members(
                real_time_curve,
                &[Part::Member("sc", &Shape::As(&CURVE)), Part::Member("rt", &Shape::As(&CURVE))],
            ),
        ),
        row(2, "ls", Is::Members(link_share_curve, &[Part::Member("ls", &Shape::As(&CURVE))])),
        row(3, "ul", Is::Structure(&SERVICE_CURVE)),
    ],
);

/// `struct tc_service_curve`: octets a second, microseconds, octets a second.
static SERVICE_CURVE: Structure = Structure::new(
    "tc_service_curve",
    12,
    &[field(0, "m1", Is::Number(U32)), field(4, "d", Is::Number(U32)), field(8, "m2", Is::Number(U32))],
);

static CURVE: Is = Is::Structure(&SERVICE_CURVE);

const HFSC_REAL_TIME: u16 = 1;
const HFSC_LINK_SHARE: u16 = 2;

/// `TCA_HFSC_RSC`: `sc` where the curve for sharing the link is the same.
fn real_time_curve(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let both = context.sibling(HFSC_LINK_SHARE) == Some(payload);
    out.key(if both { "sc" } else { "rt" });
    write_value(out, context, &CURVE, payload)
}

/// `TCA_HFSC_FSC`, where it is not told by the other.
fn link_share_curve(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if context.sibling(HFSC_REAL_TIME) == Some(payload) {
        return Ok(());
    }
    out.key("ls");
    write_value(out, context, &CURVE, payload)
}

/// `struct tc_hfsc_stats`.
pub(super) static HFSC_COUNTERS: Structure = Structure::new(
    "tc_hfsc_stats",
    24,
    &[
        field(16, "period", Is::Number(U32)),
        field(0, "work", Is::Number(U64)),
        field(8, "rtwork", Is::Number(U64)),
        field(20, "level", Is::Number(U32)),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::CLASS;
    use crate::kinds::rtnetlink::tc::testing::members;
    use crate::netlink::wire::append_attribute;

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
