//! devlink: what drivers of network hardware say of a device as a whole, its ports, parameters and health. `DEVLINK_ATTR_*`,
//! `DEVLINK_CMD_*`: `linux/devlink.h`. Keys are those of `devlink -j`, flat, with the device's `bus` and `dev` in each.

pub mod device;
pub mod health;
pub mod param;
pub mod port;
pub mod rate;
pub mod region;
pub mod trap;

use super::{DEVLINK, GENLMSGHDR, message};
use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, DumpRequest, Hooks, Identity, Is, Kind, ObjectKey, Part, Row, Set, Shape, row};
use crate::decode::title::Word;
use crate::decode::value::unsigned;
use crate::json::Json;
use crate::netlink::wire::attribute;

/// Its kinds.
pub static KINDS: &[&Kind] = &[
    &device::DEVICE,
    &port::PORT,
    &param::PARAMETER,
    &region::REGION,
    &trap::TRAP,
    &trap::GROUP_OF_TRAPS,
    &trap::TRAP_POLICER,
    &rate::RATE,
    &device::LINECARD,
    &health::HEALTH,
    &device::FLASH,
];

/// `DEVLINK_ATTR_BUS_NAME`, `_DEV_NAME` and `_PORT_INDEX`.
const BUS: u16 = 1;
const DEV: u16 = 2;
const PORT_INDEX: u16 = 3;

/// Which device a message is of.
const BUS_ROW: Row = row(BUS, "bus", Is::Text);
const DEV_ROW: Row = row(DEV, "dev", Is::Text);
/// Which of its ports, where it is one's.
const PORT_INDEX_ROW: Row = row(PORT_INDEX, "port_index", Is::Number(U32));
/// The device's number, since Linux 7.
const INDEX_ROW: Row = row(184, "index", Is::AnyNumber);

/// What all kinds have in common. `told` are the kernel's commands that an object is there and that it is gone, `also` others of the same
/// kind, such as its answers to a dump.
const fn kind(
    (name, about, title): (&'static str, &'static str, &'static [Word]),
    (new, delete, also): (u8, u8, &'static [(u16, bool)]),
    dumps: &'static [DumpRequest],
    set: &'static Set,
    identity: Identity,
) -> Kind {
    Kind {
        name,
        about,
        title,
        new: message(DEVLINK, new),
        delete: if delete == 0 { 0 } else { message(DEVLINK, delete) },
        header: &GENLMSGHDR,
        set,
        identity: Some(identity),
        dumps,
        hooks: Hooks { also, family: Some(|_| 0), ..Hooks::NONE },
        ..Kind::PLAIN
    }
}

/// A further command of a kind.
const fn also(command: u8) -> (u16, bool) {
    (message(DEVLINK, command), false)
}

/// A request for all objects of a kind; `header` is its `struct genlmsghdr`.
const fn dump(header: &'static [u8; 4]) -> DumpRequest {
    DumpRequest { message: message(DEVLINK, header[0]), header, attributes: &[], per_link: None }
}

/// `DEVLINK_CMD_NEW`, `_PORT_NEW`, `_REGION_NEW` and `_REGION_DEL`.
const NEW: u8 = 3;
const PORT_NEW: u8 = 7;
const REGION_NEW: u8 = 44;
const REGION_DEL: u8 = 45;

/// What a command says. Up to Linux 6.1 ports are dumped with the command of devices, and that a region has lost a snapshot is said by
/// the command that it is gone.
pub(super) fn command(command: u8, body: &[u8]) -> u8 {
    match command {
        NEW if attribute(body, PORT_INDEX).is_some() => PORT_NEW,
        REGION_DEL if attribute(body, region::SNAPSHOT_ID).is_some() => REGION_NEW,
        command => command,
    }
}

/// Adds whether an object is a port's, and which one's: port 0 is another thing than the device.
fn push_port(key: &mut ObjectKey, attributes: &[u8]) {
    let port = attribute(attributes, PORT_INDEX);
    key.push(port.is_some().into());
    push(key, port);
}

/// A device beside that of the message.
static ANOTHER: Set =
    Set::new("DEVLINK_ATTR", &[BUS_ROW, DEV_ROW, PORT_INDEX_ROW, row(140, "netns_id", Is::Number(I32)), INDEX_ROW]);

/// `DEVLINK_ATTR_STATS`: what was trapped or dropped.
const STATISTICS: Row = row(129, "stats", Is::Value(statistics, STATISTICS_SHAPE)).volatile();
const STATISTICS_SHAPE: &Shape = &Shape::Object(&[Part::Member(
    "rx",
    &Shape::Object(&[Part::number("packets"), Part::number("bytes"), Part::number("dropped")]),
)]);

/// `DEVLINK_ATTR_STATS_RX_PACKETS`, `_RX_BYTES` and `_RX_DROPPED`.
fn statistics(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_object();
    out.key("rx");
    out.begin_object();
    for (number, key) in [(0, "packets"), (1, "bytes"), (2, "dropped")] {
        if let Some(count) = attribute(payload, number) {
            out.key(key);
            out.unsigned(unsigned(U64, count)?);
        }
    }
    out.end_object();
    out.end_object();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::nest;
    use crate::kinds::of_message;

    fn kind_of(number: u8, body: &[u8]) -> (&'static str, bool) {
        let (kind, removes) = of_message(message(DEVLINK, command(number, body)), 0).unwrap();
        (kind.table().name, removes)
    }

    #[test]
    fn what_a_command_says_may_depend_on_attributes() {
        let (device, port) = (nest(&[(BUS, b"pci\0")]), nest(&[(BUS, b"pci\0"), (PORT_INDEX, &[0; 4])]));
        assert_eq!(kind_of(NEW, &device), ("devlink_dev", false));
        assert_eq!(kind_of(NEW, &port), ("devlink_port", false));
        assert_eq!(kind_of(REGION_DEL, &device), ("devlink_region", true));
        assert_eq!(kind_of(REGION_DEL, &nest(&[(region::SNAPSHOT_ID, &[0; 4])])), ("devlink_region", false));
    }

    #[test]
    fn port_0_is_not_the_device() {
        let key = |body: &[u8]| {
            let mut key = ObjectKey::new();
            push_port(&mut key, body);
            key
        };
        assert_ne!(key(&nest(&[(PORT_INDEX, &[0; 4])])), key(&[]));
    }
}
