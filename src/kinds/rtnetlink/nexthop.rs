//! `nexthop` and `nexthop_bucket`: nexthop objects, their groups, and the buckets of resilient groups.
//! `struct nhmsg`, `NHA_*`: `include/uapi/linux/nexthop.h`.

use libc::RTNLGRP_NEXTHOP;

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Field, Hooks, Identity, Interface, Is, Kind, NUMBER, Names, ObjectKey, Part, Row, Set, Shape,
    Structure, Wrong, field, field_of, row,
};
use crate::decode::title::{Word, detail, named, word};
use crate::decode::value::{any_unsigned, write_named};
use crate::json::Json;
use crate::kinds::rtnetlink::encap;
use crate::kinds::rtnetlink::names::{self, ROUTE_FLAGS, ROUTE_PROTOCOLS, SCOPES};
use crate::kinds::rtnetlink::numbers::{
    RTM_DELNEXTHOP, RTM_DELNEXTHOPBUCKET, RTM_GETNEXTHOP, RTM_GETNEXTHOPBUCKET, RTM_NEWNEXTHOP, RTM_NEWNEXTHOPBUCKET,
};
use crate::kinds::rtnetlink::shared;
use crate::netlink::wire::attribute;

/// `RTM_NEWNEXTHOP` and `RTM_DELNEXTHOP`.
pub static NEXTHOP: Kind = Kind {
    name: "nexthop",
    about: "nexthop objects and groups of them",
    title: &[
        named("id"),
        word("gateway").after("via"),
        word("blackhole"),
        named("group").each(MEMBER),
        word("type").unless(&["mpath"]),
        word("fdb"),
        word("master"),
        word("encap").after("encap").as_detail(),
        word("protocol").after("proto").unless(&["unspec"]).as_detail(),
        word("flags").as_detail(),
        detail("resilient_args"),
    ],
    groups: &[RTNLGRP_NEXTHOP],
    new: RTM_NEWNEXTHOP,
    delete: RTM_DELNEXTHOP,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(NHA_OIF),
    identity: Some(Identity { header: &[], attributes: &[NHA_ID], members: &["id"] }),
    dumps: &[DumpRequest { message: RTM_GETNEXTHOP, header: &[0; 8], attributes: &[], per_link: None }],
    ..Kind::PLAIN
};

/// A member of a group, in its title.
const MEMBER: &[Word] = &[word("id"), named("weight").unless(&["1"])];

/// `RTM_NEWNEXTHOPBUCKET` and `RTM_DELNEXTHOPBUCKET`.
pub static NEXTHOP_BUCKET: Kind = Kind {
    name: "nexthop_bucket",
    about: "buckets of resilient nexthop groups",
    title: &[named("id"), word("bucket.index").after("index"), word("bucket.nhid").after("nhid").as_detail()],
    groups: &[RTNLGRP_NEXTHOP],
    new: RTM_NEWNEXTHOPBUCKET,
    delete: RTM_DELNEXTHOPBUCKET,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(NHA_OIF),
    // And the index, which is inside NHA_RES_BUCKET.
    identity: Some(Identity { header: &[], attributes: &[NHA_ID], members: &["id", "bucket.index"] }),
    dumps: &[DumpRequest { message: RTM_GETNEXTHOPBUCKET, header: &[0; 8], attributes: &[], per_link: None }],
    hooks: Hooks { key: Some(write_bucket_key), ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `NHA_ID`.
pub const NHA_ID: u16 = 1;
/// `NHA_GROUP`: an array of `struct nexthop_grp`.
pub const NHA_GROUP: u16 = 2;
/// `NHA_OIF`.
pub const NHA_OIF: u16 = 5;
/// `NHA_GATEWAY`.
pub const NHA_GATEWAY: u16 = 6;
/// `NHA_ENCAP_TYPE`.
pub const NHA_ENCAP_TYPE: u16 = 7;
/// `NHA_RES_GROUP`.
pub const NHA_RES_GROUP: u16 = 12;
/// `NHA_RES_BUCKET`.
pub const NHA_RES_BUCKET: u16 = 13;
/// `NHA_OP_FLAGS`: what the requester asked for and, since Linux 6.12, what the answer is like.
pub const NHA_OP_FLAGS: u16 = 14;
/// `NHA_OP_FLAG_RESP_GRP_RESVD_0`: `struct nexthop_grp` has nothing in it that nobody has written.
const NHA_OP_FLAG_RESP_GRP_RESVD_0: u64 = 1 << 31;

static HEADER: Structure = Structure::new("nhmsg", 8, FIELDS);
const FIELDS: &[Field] = &[
    // A group has no family.
    field_of(0, 1, "family", Is::Members(family_unless_unspecified, FAMILY_UNLESS_UNSPECIFIED_PARTS)),
    field(1, "scope", Is::NamedId(U8, SCOPES)),
    field(2, "protocol", Is::NamedId(U8, ROUTE_PROTOCOLS)),
    field(4, "flags", Is::Bits(U32, ROUTE_FLAGS)),
];

static ATTRIBUTES: Set = Set::new("NHA", ROWS);
const ROWS: &[Row] = &[
    row(0, "pad", Is::Known),
    row(NHA_ID, "id", Is::Number(U32)),
    row(NHA_GROUP, "group", Is::Array(&GROUP_ELEMENT, 8)),
    row(3, "type", Is::Named(U16, GROUP_TYPES)),
    row(4, "blackhole", Is::Present),
    row(NHA_OIF, "dev", Is::Link),
    row(NHA_GATEWAY, "gateway", Is::Ip),
    row(NHA_ENCAP_TYPE, "encap_type", Is::Known),
    row(8, "encap", Is::Value(encapsulation, encap::ENCAP_SHAPE)),
    row(9, "groups", Is::Present),
    row(10, "master", Is::Link),
    row(11, "fdb", Is::Present),
    row(NHA_RES_GROUP, "resilient_args", Is::Set(&RESILIENT)),
    row(NHA_RES_BUCKET, "bucket", Is::Set(&BUCKET)),
    // What the requester asked for and the answer is like, and no state.
    row(NHA_OP_FLAGS, "op_flags", Is::Known),
    row(15, "group_stats", Is::Each(&GROUP_STATISTICS_ELEMENT)).volatile(),
    row(16, "hw_stats", Is::Members(hardware_statistics, HARDWARE_STATISTICS_PARTS)),
    row(17, "hw_stats_used", Is::Elsewhere),
    row(18, "dst_port", Is::Number(U16Be)),
];

static GROUP_ELEMENT: Is = Is::Structure(&GROUP_ENTRY);
static GROUP_STATISTICS_ELEMENT: Is = Is::Set(&GROUP_STATISTICS);

/// `struct nexthop_grp`.
static GROUP_ENTRY: Structure = Structure::new(
    "nexthop_grp",
    8,
    &[field(0, "id", Is::Number(U32)), field_of(4, 2, "weight", Is::Value(group_weight, NUMBER))],
);

/// `NEXTHOP_GRP_TYPE_*`.
static GROUP_TYPES: &Names = &[(0, "mpath"), (1, "resilient")];

/// `NHA_RES_GROUP_*`; times in 1/100 s, printed in seconds.
static RESILIENT: Set = Set::new(
    "NHA_RES_GROUP",
    &[
        row(0, "pad", Is::Known),
        row(1, "buckets", Is::Number(U16)),
        row(2, "idle_timer", Is::Value(shared::seconds, NUMBER)),
        row(3, "unbalanced_timer", Is::Value(shared::seconds, NUMBER)),
        row(4, "unbalanced_time", Is::Value(shared::seconds, NUMBER)).volatile(),
    ],
);

/// `NHA_RES_BUCKET_*`; times in 1/100 s, printed in seconds.
static BUCKET: Set = Set::new(
    "NHA_RES_BUCKET",
    &[
        row(0, "pad", Is::Known),
        row(1, "index", Is::Number(U16)),
        row(2, "idle_time", Is::Value(shared::seconds, NUMBER)).volatile(),
        row(3, "nhid", Is::Number(U32)),
    ],
);

/// `NHA_GROUP_STATS_ENTRY_*`.
static GROUP_STATISTICS: Set = Set::new(
    "NHA_GROUP_STATS_ENTRY",
    &[row(1, "id", Is::Number(U32)), row(2, "packets", Is::AnyNumber), row(3, "packets_hw", Is::AnyNumber)],
);

/// The members that [`family_unless_unspecified`] writes.
const FAMILY_UNLESS_UNSPECIFIED_PARTS: &[Part] = &[Part::text("family")];

/// The family, where there is one.
pub fn family_unless_unspecified(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let family = any_unsigned(payload)?;
    if family != 0 {
        out.key("family");
        write_named(out, names::FAMILIES, family);
    }
    Ok(())
}

/// The weight of a group's entry: two octets, low and high, of the weight less one. The high one counts where the kernel says that it has cleared what
/// it does not use (since Linux 6.12): older ones leave there what was in their memory (`nla_put_nh_group`), another value each time.
pub fn group_weight(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let [low, high] = <[u8; 2]>::try_from(payload).map_err(|_| Wrong::Length(2))?;
    let flags = context.sibling(NHA_OP_FLAGS).map(any_unsigned).transpose()?.unwrap_or_default();
    let high = if flags & NHA_OP_FLAG_RESP_GRP_RESVD_0 == 0 { 0 } else { high };
    out.unsigned(u64::from(u16::from_le_bytes([low, high])) + 1);
    Ok(())
}

/// The members that [`hardware_statistics`] writes.
const HARDWARE_STATISTICS_PARTS: &[Part] =
    &[Part::Member("hw_stats", &Shape::Object(&[Part::bool("enabled"), Part::bool("used")]))];

/// `NHA_HW_STATS_ENABLE`, and the `NHA_HW_STATS_USED` beside it.
pub fn hardware_statistics(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("hw_stats");
    out.begin_object();
    out.key("enabled");
    out.bool(any_unsigned(payload)? != 0);
    out.key("used");
    out.bool(context.sibling(17).map(any_unsigned).transpose()?.unwrap_or_default() != 0);
    out.end_object();
    Ok(())
}

/// A bucket is known by its number within its group.
fn write_bucket_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    let bucket = attribute(set, NHA_RES_BUCKET).unwrap_or_default();
    push(key, attribute(bucket, 1));
}

/// `NHA_ENCAP`, by the `NHA_ENCAP_TYPE` beside it.
fn encapsulation(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    encap::write_encapsulation(out, context, payload, NHA_ENCAP_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::{compared, message, text};

    /// A group of one member, whose entry ends with these four octets, of which the kernel says that.
    fn group(rest: [u8; 4], answer: Option<u32>) -> Vec<u8> {
        let entry = [[7, 0, 0, 0], rest].concat();
        let mut payload = message(&[0; 8], &[(NHA_ID, &[10, 0, 0, 0]), (NHA_GROUP, &entry)]);
        if let Some(flags) = answer {
            payload.extend(message(&[], &[(NHA_OP_FLAGS, &flags.to_ne_bytes())]));
        }
        payload
    }

    #[test]
    fn what_an_older_kernel_leaves_in_a_groups_entry_is_no_weight() {
        let cleared = Some(1 << 31);
        for (rest, answer, weight) in [
            ([2, 0, 0, 0], None, 3),
            // Seen on 5.10, which does not initialize what it does not use.
            ([2, 0x80, 0xff, 0xff], None, 3),
            ([0, 0x75, 0x12, 0x88], Some(1), 1),
            ([2, 0x80, 0, 0], cleared, 32_771),
            ([0xff, 0xff, 0, 0], cleared, 65_536),
        ] {
            let found = text(&NEXTHOP, &group(rest, answer));
            assert!(
                found.contains(&format!(r#""group":[{{"id":7,"weight":{weight}}}]"#)),
                "{rest:?} {answer:?}: {found}"
            );
        }
        // So that it is no change either.
        assert_eq!(
            compared(&NEXTHOP, &group([2, 0x80, 0xff, 0xff], None)),
            compared(&NEXTHOP, &group([2, 0, 0, 0], None))
        );
    }
}
