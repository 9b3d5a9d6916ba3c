//! Regions of a device's memory, of which snapshots are taken. A snapshot that comes or goes is told of the region, with nothing but its
//! number: `devlink_region_notify` in `net/devlink/region.c`.

use super::{BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, PORT_INDEX_ROW, REGION_DEL, also, dump, kind, push_port};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Is, Kind, NUMBER, ObjectKey, Part, Set, Shape, row};
use crate::decode::title::{detail, word};
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::netlink::wire::{append_attribute, attribute, attributes};

/// `DEVLINK_ATTR_REGION_NAME`, `_SNAPSHOTS`, `_SNAPSHOT` and `_SNAPSHOT_ID`.
const NAME: u16 = 88;
const SNAPSHOTS: u16 = 90;
const SNAPSHOT: u16 = 91;
pub(super) const SNAPSHOT_ID: u16 = 92;

/// `DEVLINK_CMD_REGION_NEW` and `_DEL`, and the kernel's answer to a dump.
pub static REGION: Kind = {
    let kind = kind(
        (
            "devlink_region",
            "regions of a device's memory, and snapshots of them",
            &[word("bus"), word("dev").joined("/"), word("port_index").joined("/"), word("name"), detail("size")],
        ),
        (44, 45, &[also(42)]),
        &[dump(&[42, 1, 0, 0])],
        &REGION_SET,
        Identity { header: &[], attributes: &[BUS, DEV, NAME], members: &["bus", "dev", "port_index", "name"] },
    );
    Kind { hooks: Hooks { key: Some(write_key), part: Some(part), ..kind.hooks }, ..kind }
};

fn write_key(key: &mut ObjectKey, _: &[u8], attributes: &[u8]) {
    push_port(key, attributes);
}

static REGION_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        BUS_ROW,
        DEV_ROW,
        PORT_INDEX_ROW,
        row(NAME, "name", Is::Text),
        row(89, "size", Is::Number(U64)),
        row(SNAPSHOTS, "snapshots", Is::Members(snapshots, SNAPSHOT_PARTS)),
        row(SNAPSHOT_ID, "snapshot_id", Is::Members(snapshot, SNAPSHOT_PARTS)),
        // It stays what it is, and notifications lack it.
        row(170, "max", Is::Number(U32)).volatile(),
        INDEX_ROW,
    ],
);
const SNAPSHOT_PARTS: &[Part] = &[Part::Member("snapshot", &Shape::List(NUMBER))];

/// The numbers of all snapshots.
fn snapshots(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("snapshot");
    out.begin_list();
    for id in attributes(payload).filter_map(|snapshot| attribute(snapshot.payload, SNAPSHOT_ID)) {
        out.unsigned(unsigned(U32, id)?);
    }
    out.end_list();
    Ok(())
}

/// The number of the one that the message is about.
fn snapshot(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("snapshot");
    out.begin_list();
    out.unsigned(unsigned(U32, payload)?);
    out.end_list();
    Ok(())
}

/// What a region is with one snapshot more or less: the command in the message's header says which.
fn part(old: &[u8], message: &[u8], _: bool) -> Option<Vec<u8>> {
    let id = attribute(REGION.attributes(message), SNAPSHOT_ID)?;
    let list = attribute(REGION.attributes(old), SNAPSHOTS).unwrap_or_default();
    let mut snapshots = Vec::new();
    for snapshot in attributes(list).filter(|snapshot| attribute(snapshot.payload, SNAPSHOT_ID) != Some(id)) {
        append_attribute(&mut snapshots, SNAPSHOT, snapshot.payload);
    }
    if message.first() != Some(&REGION_DEL) {
        let mut one = Vec::new();
        append_attribute(&mut one, SNAPSHOT_ID, id);
        append_attribute(&mut snapshots, SNAPSHOT, &one);
    }
    let mut whole = old.get(..REGION.header.bytes)?.to_vec();
    for found in attributes(REGION.attributes(old)).filter(|found| found.number != SNAPSHOTS) {
        append_attribute(&mut whole, found.number, found.payload);
    }
    append_attribute(&mut whole, SNAPSHOTS, &snapshots);
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::nest;
    use crate::kinds::generic::devlink::REGION_NEW;

    #[test]
    fn a_region_keeps_its_other_snapshots() {
        let payload = |command: u8, set: &[(u16, &[u8])]| [&[command, 1, 0, 0][..], &nest(set)].concat();
        let one = |id: u32| nest(&[(SNAPSHOT, &nest(&[(SNAPSHOT_ID, &id.to_ne_bytes())]))]);
        let old = payload(REGION_NEW, &[(NAME, b"r\0"), (SNAPSHOTS, &one(3))]);
        let list = |payload: &[u8]| attribute(REGION.attributes(payload), SNAPSHOTS).unwrap().to_vec();
        let told = |command| payload(command, &[(NAME, b"r\0"), (SNAPSHOT_ID, &5_u32.to_ne_bytes())]);
        let more = part(&old, &told(REGION_NEW), false).unwrap();
        assert_eq!(list(&more), [one(3), one(5)].concat());
        assert_eq!(list(&part(&more, &told(REGION_DEL), false).unwrap()), one(3));
        assert_eq!(part(&old, &old, false), None);
    }
}
