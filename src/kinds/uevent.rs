//! The kernel's events of devices, protocol 15: no netlink messages but texts (`lib/kobject_uevent.c`), which are made messages
//! as soon as they are read.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Hooks, Interface, Is, Kind, Part, Set, Sides, Structure, TEXT, Wrong, row};
use crate::decode::title::{detail, word};
use crate::event::Action;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::kinds::protocol::{OfRoot, Protocol};
use crate::netlink::socket::NETLINK_KOBJECT_UEVENT;
use crate::netlink::wire::{Header, append_attribute, append_message, attribute, u32_at};

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "uevent",
    number: NETLINK_KOBJECT_UEVENT,
    kinds: &[&UEVENT],
    adapt: Some(adapt),
    // A process may have the kernel send what it likes from port 0 (`uevent_net_rcv`).
    needs_credentials: true,
    of_root: Some(OfRoot { group: UDEV_GROUP, is_one: is_udevs }),
    is_told_in: Some(is_told_in),
    ..Protocol::PLAIN
};

/// `UDEV_MONITOR_UDEV` (systemd's `device-monitor-private.h`): what udev tells once its rules are done.
const UDEV_GROUP: u32 = 2;

/// Types of the messages that are made of texts.
const ADD: u16 = 0x3200;
const REMOVE: u16 = 0x3201;
const CHANGE: u16 = 0x3202;
/// The whole text.
const TEXT_OF: u16 = 1;
/// The interface's index, where the text names one.
const IFINDEX: u16 = 2;
/// It is udev's.
const UDEV: u16 = 3;

/// What happens to a device.
pub static UEVENT: Kind = Kind {
    name: "uevent",
    about: "devices that come, go, move, and get or lose their driver",
    title: &[word("DEVPATH"), detail("DRIVER"), detail("DEVPATH_OLD")],
    groups: &[1],
    new: ADD,
    delete: REMOVE,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(IFINDEX),
    hooks: Hooks {
        action: Some(action_of),
        also: &[(CHANGE, false)],
        family: Some(|_| 0),
        interface_name: Some(interface_name),
        signals: Some(signals_of),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("uevent", 0, &[]);
static ATTRIBUTES: Set = Set::new(
    "uevent",
    &[
        row(TEXT_OF, "text", Is::Members(write, &[Part::Members("the event's own keys", TEXT)])),
        row(IFINDEX, "ifindex", Is::Known),
        row(UDEV, "udev", Is::Present),
    ],
);

/// Marks what comes anew, as the kernel does where it makes an object.
const CREATED: u16 = 0x400;

fn action_of(flags: u16, removes: bool) -> Action {
    match removes {
        true => Action::Remove,
        false if flags & CREATED != 0 => Action::Add,
        false => Action::Change,
    }
}

/// The keys and values of a text, behind its first line, which says the same.
fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = text.split(|octet| *octet == 0).skip(1);
    lines.filter_map(|line| {
        let at = line.iter().position(|octet| *octet == b'=')?;
        Some((&line[..at], &line[at + 1..]))
    })
}

/// The value of a key; of one that stands there twice, the last.
fn value<'t>(text: &'t [u8], wanted: &str) -> Option<&'t [u8]> {
    pairs(text).filter(|(key, _)| *key == wanted.as_bytes()).map(|(_, value)| value).last()
}

/// What stands before udev's keys: `struct monitor_netlink_header`, of octets `"libudev"` and NUL, a magic number in the network's order,
/// the header's length, and where the keys begin and how long they are.
const UDEV_MAGIC: &[u8] = b"libudev\0\xfe\xed\xca\xfe";
const UDEV_KEYS_AT: usize = 16;
const UDEV_KEYS_BYTES: usize = 20;

fn is_udevs(datagram: &[u8]) -> bool {
    datagram.starts_with(UDEV_MAGIC)
}

/// What udev tells, as a text like the kernel's.
fn text_of_udev(datagram: &[u8]) -> Option<Vec<u8>> {
    let at = u32_at(datagram, UDEV_KEYS_AT)? as usize;
    let bytes = u32_at(datagram, UDEV_KEYS_BYTES)? as usize;
    let keys = datagram.get(at..at.checked_add(bytes)?)?;
    let text = [&[0], keys].concat();
    let first = [value(&text, "ACTION")?, b"@", value(&text, "DEVPATH")?].concat();
    Some([&first, &*text].concat())
}

/// `action@devpath`, and then `KEY=value`, each with a NUL behind it. What is none of that gives no message.
fn adapt(datagram: &[u8], out: &mut Vec<u8>) {
    let udevs = is_udevs(datagram).then(|| text_of_udev(datagram).unwrap_or_default());
    let datagram = udevs.as_deref().unwrap_or(datagram);
    let first = datagram.split(|octet| *octet == 0).next().unwrap_or_default();
    let Some(at) = first.iter().position(|octet| *octet == b'@') else { return };
    let (kind, flags) = match &first[..at] {
        b"add" => (ADD, CREATED),
        b"remove" => (REMOVE, 0),
        _ => (CHANGE, 0),
    };
    let mut payload = Vec::with_capacity(datagram.len() + 16);
    // An attribute's length has 16 bits; the kernel's texts have 2 KiB at most (UEVENT_BUFFER_SIZE).
    append_attribute(&mut payload, TEXT_OF, &datagram[..datagram.len().min(TEXT_BYTES_MAX)]);
    let ifindex = value(datagram, "IFINDEX").and_then(|index| std::str::from_utf8(index).ok()?.parse::<u32>().ok());
    if let Some(ifindex) = ifindex {
        append_attribute(&mut payload, IFINDEX, &ifindex.to_ne_bytes());
    }
    if udevs.is_some() {
        append_attribute(&mut payload, UDEV, &[]);
    }
    append_message(out, Header { kind, flags, sequence: 0, port: 0 }, &payload);
}

const TEXT_BYTES_MAX: usize = 32 << 10;

/// A network device's event goes to its own namespace, every other device's to each: in others than linkhook's own that is no
/// news (`uevent_net_broadcast`).
fn is_told_in(datagram: &[u8], is_own: bool) -> bool {
    let is_of_network = |text: &[u8]| matches!(value(text, "SUBSYSTEM"), Some(b"net" | b"queues"));
    is_own || is_of_network(text_of_udev(datagram).as_deref().unwrap_or(datagram))
}

fn text_of(payload: &[u8]) -> &[u8] {
    attribute(payload, TEXT_OF).unwrap_or_default()
}

fn write(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let mut written: Vec<&[u8]> = Vec::new();
    for (key, _) in pairs(payload) {
        if written.contains(&key) {
            continue;
        }
        written.push(key);
        let name = std::str::from_utf8(key).map_err(|_| Wrong::Because("a key is no text"))?;
        out.any_key(name);
        out.text(value(payload, name).unwrap_or_default());
    }
    Ok(())
}

fn interface_name(payload: &[u8]) -> Option<&[u8]> {
    value(text_of(payload), "INTERFACE")
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    let text = text_of(sides.message);
    match text.split(|octet| *octet == b'@').next().unwrap_or_default() {
        b"add" => Signals::DEVICE_ADDED,
        b"remove" => Signals::DEVICE_REMOVED,
        b"move" => Signals::DEVICE_MOVED,
        b"bind" => Signals::DRIVER_BOUND,
        b"unbind" => Signals::DRIVER_UNBOUND,
        _ => Signals::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::text;
    use crate::netlink::wire;

    const ADDED: &[u8] = b"add@/devices/virtual/net/d0\0ACTION=add\0DEVPATH=/devices/virtual/net/d0\0SUBSYSTEM=net\0\
INTERFACE=d0\0IFINDEX=3\0SEQNUM=795\0";

    fn adapted(datagram: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        adapt(datagram, &mut out);
        out
    }

    #[test]
    fn a_text_is_a_message_with_its_keys() {
        let datagram = adapted(ADDED);
        let message = wire::messages(&datagram).next().unwrap();
        assert_eq!((message.header.kind, message.header.flags & CREATED), (ADD, CREATED));
        assert_eq!(
            text(&UEVENT, message.payload),
            r#"{"ACTION":"add","DEVPATH":"/devices/virtual/net/d0","SUBSYSTEM":"net","INTERFACE":"d0","IFINDEX":"3","SEQNUM":"795"}"#
        );
        assert_eq!(UEVENT.interface_of(message.payload), Some(3));
        assert_eq!(interface_name(message.payload), Some(&b"d0"[..]));
        let sides = Sides { old: None, new: Some(message.payload), message: message.payload };
        assert_eq!(signals_of(&sides), Signals::DEVICE_ADDED);
    }

    #[test]
    fn what_is_no_text_of_the_kernels_is_none() {
        assert!(adapted(b"").is_empty());
        assert!(adapted(b"libudev\0\xfe\xed\xca\xfe").is_empty());
        assert_eq!(wire::messages(&adapted(b"remove@/x\0A\0=\0K=a=b")).next().unwrap().header.kind, REMOVE);
    }

    #[test]
    fn what_udev_tells_is_of_the_same_kind() {
        let keys = b"ACTION=bind\0DEVPATH=/devices/x\0SUBSYSTEM=net\0ID_NET_NAME=en0\0";
        let mut datagram = UDEV_MAGIC.to_vec();
        [40, 40, keys.len() as u32, 0, 0, 0, 0].iter().for_each(|number| datagram.extend(number.to_ne_bytes()));
        let header = datagram.clone();
        datagram.extend_from_slice(keys);
        assert!(is_udevs(&datagram) && !is_udevs(ADDED) && is_told_in(&datagram, false));
        let messages = adapted(&datagram);
        let message = wire::messages(&messages).next().unwrap();
        assert_eq!(message.header.kind, CHANGE);
        assert_eq!(
            text(&UEVENT, message.payload),
            r#"{"ACTION":"bind","DEVPATH":"/devices/x","SUBSYSTEM":"net","ID_NET_NAME":"en0","udev":true}"#
        );
        let sides = Sides { old: None, new: Some(message.payload), message: message.payload };
        assert_eq!(signals_of(&sides), Signals::DRIVER_BOUND);
        // Its keys would be behind its end.
        assert!(adapted(&header).is_empty());
    }

    #[test]
    fn a_device_of_all_is_told_once() {
        assert!(is_told_in(ADDED, false) && is_told_in(b"add@/x\0SUBSYSTEM=usb\0", true));
        assert!(!is_told_in(b"add@/x\0SUBSYSTEM=usb\0", false));
    }
}
