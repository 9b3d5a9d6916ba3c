//! `etf`: packets say when they want to be sent. `pkt_sched.h`.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Names, Part, Scalar::*, Set, Structure, field, field_of, row};
use crate::json::Json;
use crate::kinds::rtnetlink::tc::names::CLOCKS;
use crate::kinds::rtnetlink::tc::shared::u32_of;

/// `TCA_ETF_*`.
pub(super) static ETF: Set = Set::new("TCA_ETF", &[row(1, "parms", Is::InlineStructure(&ETF_PARAMETERS))]);

/// `struct tc_etf_qopt`.
static ETF_PARAMETERS: Structure = Structure::new(
    "tc_etf_qopt",
    12,
    &[
        field(4, "clockid", Is::Named(I32, CLOCKS)),
        field(0, "delta", Is::Number(I32)),
        field_of(
            8,
            4,
            "flags",
            Is::Members(
                etf_flags,
                &[Part::bool("offload"), Part::bool("deadline_mode"), Part::bool("skip_sock_check")],
            ),
        ),
    ],
);

/// `TC_ETF_*`: each a member that is true or false.
static ETF_FLAGS: &Names = &[(2, "offload"), (1, "deadline_mode"), (4, "skip_sock_check")];

/// `TC_ETF_*`: each a member that is true or false.
fn etf_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = u64::from(u32_of(payload)?);
    for &(mask, key) in ETF_FLAGS {
        out.key(key);
        out.bool(flags & mask != 0);
    }
    Ok(())
}
