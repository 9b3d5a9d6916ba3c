//! Actions that change packets and what the kernel keeps beside them: `csum`, `nat`, `pedit`, `skbedit`, `skbmod`.
//! `tc_act/`.

use super::generic::{BINDINGS, CAPABILITIES, GENERIC, INDEX, REFERENCES, VERDICT};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, Names, Part,
    Scalar::{self, *},
    Set, Shape, Structure, TEXT, Wrong, field, field_of, row,
};
use crate::decode::value::{any_unsigned, unsigned, write_flags, write_named};
use crate::decode::walk::write_structure;
use crate::json::Json;
use crate::kinds::rtnetlink::tc::shared::{TIMES, class_id, u32_of};
use crate::netlink::wire::{attribute, attributes};

/// `TCA_CSUM_*`.
pub(super) static CSUM: Set = Set::new(
    "TCA_CSUM",
    &[row(1, "parms", Is::InlineStructure(&CSUM_PARAMETERS)), row(2, "tm", TIMES).volatile(), row(3, "pad", Is::Known)],
);

/// `struct tc_csum`.
static CSUM_PARAMETERS: Structure = Structure::new(
    "tc_csum",
    24,
    &[INDEX, CAPABILITIES, field_of(20, 4, "csum", Is::Value(checksums, TEXT)), VERDICT, REFERENCES, BINDINGS],
);

/// `TCA_CSUM_UPDATE_FLAG_*`.
static CHECKSUMS: &Names =
    &[(1, "iph"), (2, "icmp"), (4, "igmp"), (8, "tcp"), (16, "udp"), (32, "udplite"), (64, "sctp")];

/// `TCA_CSUM_UPDATE_FLAG_*`: one text, as `tc` has it: `iph, tcp`.
fn checksums(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut rest = u64::from(u32_of(payload)?);
    let mut separator = "";
    out.begin_string();
    for &(mask, name) in CHECKSUMS {
        if rest & mask != 0 {
            rest &= !mask;
            out.continue_string(separator);
            out.continue_string(name);
            separator = ", ";
        }
    }
    if rest != 0 {
        out.continue_display(format_args!("{separator}0x{rest:x}"));
    }
    out.end_string();
    Ok(())
}

/// `TCA_NAT_*`.
pub(super) static NAT: Set = Set::new(
    "TCA_NAT",
    &[row(1, "parms", Is::InlineStructure(&NAT_PARAMETERS)), row(2, "tm", TIMES).volatile(), row(3, "pad", Is::Known)],
);

/// `struct tc_nat`.
static NAT_PARAMETERS: Structure = Structure::new(
    "tc_nat",
    36,
    &[
        INDEX,
        CAPABILITIES,
        field(32, "direction", Is::Named(U32, &[(0, "ingress"), (1, "egress")])),
        // With the mask at 28.
        field_of(20, 12, "old_addr", Is::Value(nat_prefix, TEXT)),
        field_of(24, 4, "new_addr", Is::Ip),
        VERDICT,
        REFERENCES,
        BINDINGS,
    ],
);

/// The old address and, eight octets behind it, its mask.
fn nat_prefix(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let address: [u8; 4] = payload.get(..4).and_then(|octets| octets.try_into().ok()).ok_or(Wrong::Short(12))?;
    let mask = unsigned(Scalar::U32Be, payload.get(8..12).ok_or(Wrong::Short(12))?)? as u32;
    out.begin_string();
    out.push_ipv4(address);
    let length = if mask == 0 { 0 } else { 32 - mask.trailing_zeros() };
    out.continue_display(format_args!("/{length}"));
    out.end_string();
    Ok(())
}

/// `TCA_PEDIT_*`.
pub(super) static PEDIT: Set = Set::new(
    "TCA_PEDIT",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::Members(pedit, PEDIT_PARTS)),
        row(3, "pad", Is::Known),
        row(4, "parms_ex", Is::Members(pedit, PEDIT_PARTS)),
        // Told with the keys that they belong to.
        row(TCA_PEDIT_KEYS_EX, "keys_ex", Is::Known),
    ],
);

/// `TCA_PEDIT_KEYS_EX`.
const TCA_PEDIT_KEYS_EX: u16 = 5;

/// `struct tc_pedit_sel`, before its keys.
static PEDIT_PARAMETERS: Structure = Structure::new(
    "tc_pedit_sel",
    24,
    &[
        INDEX,
        CAPABILITIES,
        VERDICT,
        field(20, "nkeys", Is::Number(U8)),
        field(21, "flags", Is::NumberUnless(U8, 0)),
        REFERENCES,
        BINDINGS,
    ],
);

/// `struct tc_pedit_key`.
static PEDIT_KEY: Structure = Structure::new(
    "tc_pedit_key",
    24,
    &[
        field(8, "offset", Is::Number(I32)),
        field(4, "val", Is::Number(U32Be)),
        field(0, "mask", Is::Number(U32Be)),
        field(12, "at", Is::NumberUnless(U32, 0)),
        field(16, "offmask", Is::NumberUnless(U32, 0)),
        field(20, "shift", Is::NumberUnless(U32, 0)),
    ],
);

/// `TCA_PEDIT_KEY_EX_HDR_TYPE_*`.
static PEDIT_HEADERS: &Names = &[(0, "network"), (1, "eth"), (2, "ipv4"), (3, "ipv6"), (4, "tcp"), (5, "udp")];

/// `TCA_PEDIT_KEY_EX_CMD_*`.
static PEDIT_COMMANDS: &Names = &[(0, "set"), (1, "add")];

/// The members that [`pedit`] writes.
const PEDIT_PARTS: &[Part] = &[
    Part::Structure(&PEDIT_PARAMETERS),
    Part::Member(
        "keys",
        &Shape::List(&Shape::Object(&[
            Part::Member("htype", &Shape::As(&Is::Named(U16, PEDIT_HEADERS))),
            Part::Member("cmd", &Shape::As(&Is::Named(U16, PEDIT_COMMANDS))),
            Part::Structure(&PEDIT_KEY),
        ])),
    ),
];

/// `struct tc_pedit_sel`: the changes to a packet; where each is meant to be stands in a list beside it.
fn pedit(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const HEADER: u16 = 1;
    const COMMAND: u16 = 2;
    let bytes = PEDIT_PARAMETERS.bytes;
    let (parameters, keys) = payload.split_at_checked(bytes).ok_or(Wrong::Short(bytes))?;
    let count = usize::from(parameters[20]);
    write_structure(out, context, &PEDIT_PARAMETERS, parameters);
    let mut extended = attributes(context.sibling(TCA_PEDIT_KEYS_EX).unwrap_or_default());
    out.key("keys");
    out.begin_list();
    for key in keys.chunks_exact(PEDIT_KEY.bytes).take(count) {
        let extended = extended.next().map(|found| found.payload).unwrap_or_default();
        let number = |number| attribute(extended, number).map_or(Ok(0), any_unsigned);
        out.begin_object();
        out.key("htype");
        write_named(out, PEDIT_HEADERS, number(HEADER)?);
        out.key("cmd");
        write_named(out, PEDIT_COMMANDS, number(COMMAND)?);
        write_structure(out, context, &PEDIT_KEY, key);
        out.end_object();
    }
    out.end_list();
    Ok(())
}

/// `TCA_SKBEDIT_*`.
pub(super) static SKBEDIT: Set = Set::new(
    "TCA_SKBEDIT",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&GENERIC)),
        row(3, "class_priority", Is::Value(class_id, TEXT)),
        row(4, "queue_mapping", Is::Number(U16)),
        row(5, "mark", Is::Number(U32)),
        row(6, "pad", Is::Known),
        row(7, "ptype", Is::Named(U16, PACKET_TYPES)),
        row(8, "mask", Is::Number(U32)),
        row(9, "flags", Is::Members(skbedit_flags, &[Part::Flags(SKBEDIT_FLAGS), Part::text("other_flags")])),
        row(10, "queue_mapping_max", Is::Number(U16)),
    ],
);

/// `SKBEDIT_F_*` that no other attribute tells.
static SKBEDIT_FLAGS: &Names = &[(0x20, "inheritdsfield"), (0x40, "txq_skbhash")];

/// `PACKET_*`: `include/uapi/linux/if_packet.h`.
static PACKET_TYPES: &Names = &[(0, "host"), (1, "broadcast"), (2, "multicast"), (3, "otherhost")];

/// `SKBEDIT_F_*`, but for those that other attributes tell.
fn skbedit_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const TOLD: u64 = 0x1f;
    write_flags(out, "other_flags", SKBEDIT_FLAGS, unsigned(Scalar::U64, payload)? & !TOLD);
    Ok(())
}

/// `TCA_SKBMOD_*`.
pub(super) static SKBMOD: Set = Set::new(
    "TCA_SKBMOD",
    &[
        row(1, "tm", TIMES).volatile(),
        row(2, "parms", Is::InlineStructure(&SKBMOD_PARAMETERS)),
        row(3, "dmac", Is::Hardware),
        row(4, "smac", Is::Hardware),
        row(5, "etype", Is::Number(U16)),
        row(6, "pad", Is::Known),
    ],
);

/// `struct tc_skbmod`.
static SKBMOD_PARAMETERS: Structure = Structure::new(
    "tc_skbmod",
    32,
    &[
        INDEX,
        CAPABILITIES,
        VERDICT,
        field_of(24, 8, "flags", Is::Members(skbmod_flags, &[Part::Flags(SKBMOD_FLAGS), Part::text("other_flags")])),
        REFERENCES,
        BINDINGS,
    ],
);

/// `SKBMOD_F_*` that no other attribute tells.
static SKBMOD_FLAGS: &Names = &[(0x8, "swapmac"), (0x10, "ecn")];

/// `SKBMOD_F_*`, but for those that other attributes tell.
fn skbmod_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    const TOLD: u64 = 0x07;
    write_flags(out, "other_flags", SKBMOD_FLAGS, unsigned(Scalar::U64, payload)? & !TOLD);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::TC_ACTION;
    use crate::kinds::rtnetlink::tc::testing::members;

    #[test]
    fn prefixes_and_checksums_are_texts() {
        let payload = [10, 0, 0, 0, 192, 168, 0, 1, 255, 255, 255, 0];
        assert_eq!(members(&TC_ACTION, &[], 1, old_address, &payload), r#"{"old":"10.0.0.0/24"}"#);
        assert_eq!(members(&TC_ACTION, &[], 1, sums, &0x89u32.to_ne_bytes()), r#"{"csum":"iph, tcp, 0x80"}"#);
    }

    fn old_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("old");
        nat_prefix(out, context, payload)
    }

    fn sums(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
        out.key("csum");
        checksums(out, context, payload)
    }
}
