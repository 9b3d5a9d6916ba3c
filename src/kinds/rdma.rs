//! RDMA, protocol 20 (`rdma/rdma_netlink.h`): devices of InfiniBand, RoCE and iWARP, and the interfaces behind their ports.
//!
//! The kernel tells that a device has come, has gone or has another name, and that an interface has come to a port or has left it
//! (`RDMA_NLDEV_CMD_MONITOR`, since Linux 6.12). An attribute says which of it: here it becomes the message's type.

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, Names, Set, SeverityRow, Structure, TEXT, Untold, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::unsigned;
use crate::event::severity::Severity;
use crate::json::Json;
use crate::kinds::protocol::Protocol;
use crate::netlink::socket::NETLINK_RDMA;
use crate::netlink::wire::{Header, append_attribute, append_message, attribute, messages};

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "rdma",
    number: NETLINK_RDMA,
    kinds: &[&DEVICE, &LINK],
    needs: Some("CAP_NET_ADMIN"),
    adapt: Some(adapt),
    ..Protocol::PLAIN
};

/// `RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, …)` of `RDMA_NLDEV_CMD_GET`, `_PORT_GET` and `_MONITOR`.
const GET: u16 = 0x1401;
const PORT_GET: u16 = 0x1405;
const MONITOR: u16 = 0x141c;
/// What of it says that something is gone becomes one of these, which the kernel does not have.
const GONE: u16 = 0x14f1;
const DETACHED: u16 = 0x14f5;
/// `RDMA_NL_GROUP_NOTIFY`.
const GROUPS: &[u32] = &[4];

const DEV_INDEX: u16 = 1;
const DEV_NAME: u16 = 2;
const PORT_INDEX: u16 = 3;
const NDEV_INDEX: u16 = 50;
const NDEV_NAME: u16 = 51;
const EVENT_TYPE: u16 = 102;

/// The message's type by `enum rdma_nl_notify_event_type`, in its order: a device is registered, unregistered; an interface attached,
/// detached; a device renamed, an interface renamed.
const BY_EVENT: [u16; 6] = [GET, GONE, PORT_GET, DETACHED, GET, PORT_GET];

/// A device. A notification has its number and its name alone.
pub static DEVICE: Kind = Kind {
    name: "rdma",
    about: "devices of RDMA: InfiniBand, RoCE, iWARP",
    title: &[word("dev"), detail("node_type"), detail("protocol")],
    groups: GROUPS,
    new: GET,
    delete: GONE,
    header: &HEADER,
    set: &DEVICE_SET,
    identity: Some(Identity { header: &[], attributes: &[DEV_INDEX], members: &["dev_index"] }),
    partial: true,
    dumps: &[DumpRequest { message: GET, header: &[], attributes: &[], per_link: None }],
    hooks: Hooks {
        family: Some(|_| 0),
        severity: &[SeverityRow::all(Severity::Notice)],
        untold: Untold::Everything,
        holds: Some((&LINK, is_of_device)),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// A port of a device. A notification has the interface behind it.
pub static LINK: Kind = Kind {
    name: "rdma_link",
    about: "ports of RDMA devices, and the interfaces behind them",
    title: &[word("dev"), named("port"), named("netdev").elsewhere(), detail("state")],
    groups: GROUPS,
    new: PORT_GET,
    delete: DETACHED,
    header: &HEADER,
    set: &LINK_SET,
    interface: Interface::Attribute(NDEV_INDEX),
    identity: Some(Identity { header: &[], attributes: &[DEV_INDEX, PORT_INDEX], members: &["dev_index", "port"] }),
    partial: true,
    dumps: &[DumpRequest { message: PORT_GET, header: &[], attributes: &[], per_link: None }],
    hooks: Hooks {
        family: Some(|_| 0),
        severity: &[SeverityRow::all(Severity::Notice)],
        untold: Untold::Everything,
        // Of one that has gone nobody else knows it.
        interface_name: Some(|link| attribute(link, NDEV_NAME).map(until_nul)),
        read_by: Some(&DEVICE),
        asked_by: Some(ports_of),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("", 0, &[]);

/// `fill_nldev_handle`, `fill_dev_info` (`drivers/infiniband/core/nldev.c`).
static DEVICE_SET: Set = Set::new(
    "RDMA_NLDEV_ATTR",
    &[
        row(DEV_INDEX, "dev_index", Is::Number(U32)),
        row(DEV_NAME, "dev", Is::Text),
        row(PORT_INDEX, "ports", Is::Number(U32)),
        row(4, "caps", Is::Bits(U64, CAPABILITIES)),
        row(5, "fw", Is::Text),
        row(6, "node_guid", Is::Value(guid, TEXT)),
        row(7, "sys_image_guid", Is::Value(guid, TEXT)),
        row(14, "node_type", Is::Named(U8, NODE_TYPES)),
        row(67, "protocol", Is::Text),
        row(84, "adaptive-moderation", Is::Bool(U8)),
        row(99, "type", Is::Named(U8, &[(1, "smi")])),
        row(100, "parent", Is::Text),
        row(101, "name_assign_type", Is::Named(U8, &[(0, "unknown"), (1, "user")])),
        row(EVENT_TYPE, "event_type", Is::Known),
    ],
);

/// `fill_port_info`, `fill_mon_netdev_association`.
static LINK_SET: Set = Set::new(
    "RDMA_NLDEV_ATTR",
    &[
        row(DEV_INDEX, "dev_index", Is::Number(U32)),
        row(DEV_NAME, "dev", Is::Text),
        row(PORT_INDEX, "port", Is::Number(U32)),
        row(4, "caps", Is::Number(U64)),
        row(8, "subnet_prefix", Is::Value(guid, TEXT)),
        row(9, "lid", Is::Number(U32)),
        row(10, "sm_lid", Is::Number(U32)),
        row(11, "lmc", Is::Number(U8)),
        row(12, "state", Is::Named(U8, STATES)),
        row(13, "physical_state", Is::Named(U8, PHYSICAL_STATES)),
        row(NDEV_INDEX, "netdev_index", Is::Number(U32)),
        row(NDEV_NAME, "netdev", Is::Text),
        row(EVENT_TYPE, "event_type", Is::Known),
    ],
);

/// `RDMA_NODE_*` (`rdma/ib_verbs.h`), in the words of rdma(8).
const NODE_TYPES: &Names =
    &[(1, "ca"), (2, "switch"), (3, "router"), (4, "rnic"), (5, "usnic"), (6, "usnic_udp"), (7, "unspecified")];
/// `IB_PORT_*`, `enum ib_port_state`.
const STATES: &Names = &[(0, "NOP"), (1, "DOWN"), (2, "INIT"), (3, "ARMED"), (4, "ACTIVE"), (5, "ACTIVE_DEFER")];
/// `IB_PORT_PHYS_STATE_*`, in the words of rdma(8).
const PHYSICAL_STATES: &Names = &[
    (0, "NOP"),
    (1, "SLEEP"),
    (2, "POLLING"),
    (3, "DISABLED"),
    (4, "ARMED"),
    (5, "LINK_UP"),
    (6, "LINK_ERROR_RECOVER"),
    (7, "PHY_TEST"),
];
/// `IB_UVERBS_DEVICE_*` (`rdma/ib_user_verbs.h`).
const CAPABILITIES: &Names = &[
    (1 << 0, "RESIZE_MAX_WR"),
    (1 << 1, "BAD_PKEY_CNTR"),
    (1 << 2, "BAD_QKEY_CNTR"),
    (1 << 3, "RAW_MULTI"),
    (1 << 4, "AUTO_PATH_MIG"),
    (1 << 5, "CHANGE_PHY_PORT"),
    (1 << 6, "UD_AV_PORT_ENFORCE"),
    (1 << 7, "CURR_QP_STATE_MOD"),
    (1 << 8, "SHUTDOWN_PORT"),
    (1 << 9, "INIT_TYPE"),
    (1 << 10, "PORT_ACTIVE_EVENT"),
    (1 << 11, "SYS_IMAGE_GUID"),
    (1 << 12, "RC_RNR_NAK_GEN"),
    (1 << 13, "SRQ_RESIZE"),
    (1 << 14, "N_NOTIFY_CQ"),
    (1 << 17, "MEM_WINDOW"),
    (1 << 18, "UD_IP_CSUM"),
    (1 << 20, "XRC"),
    (1 << 21, "MEM_MGT_EXTENSIONS"),
    (1 << 23, "MEM_WINDOW_TYPE_2A"),
    (1 << 24, "MEM_WINDOW_TYPE_2B"),
    (1 << 25, "RC_IP_CSUM"),
    (1 << 26, "RAW_IP_CSUM"),
    (1 << 29, "MANAGED_FLOW_STEERING"),
    (1 << 34, "RAW_SCATTER_FCS"),
    (1 << 36, "PCI_WRITE_END_PADDING"),
    (1 << 38, "FLUSH_GLOBAL"),
    (1 << 39, "FLUSH_PERSISTENT"),
    (1 << 40, "ATOMIC_WRITE"),
    (1 << 41, "CC_DMA_BOUNCE"),
];

/// Four groups of sixteen bits, as rdma(8) writes it.
fn guid(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let guid = unsigned(U64, payload)?;
    let [a, b, c, d] = [48, 32, 16, 0].map(|shift| (guid >> shift) as u16);
    out.display(format_args!("{a:04x}:{b:04x}:{c:04x}:{d:04x}"));
    Ok(())
}

fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|octet| *octet == 0).next().unwrap_or_default()
}

fn adapt(datagram: &[u8], out: &mut Vec<u8>) {
    let mut all = messages(datagram);
    for message in all.by_ref() {
        let event = (message.header.kind == MONITOR).then(|| attribute(message.payload, EVENT_TYPE)).flatten();
        let event = event.and_then(|event| BY_EVENT.get(usize::from(*event.first()?)));
        let kind = event.copied().unwrap_or(message.header.kind);
        append_message(out, Header { kind, ..message.header }, message.payload);
    }
    out.extend_from_slice(all.rest());
}

/// Whether a port is of the device.
fn is_of_device(device: &[u8], link: &[u8]) -> bool {
    attribute(device, DEV_INDEX).is_some_and(|index| attribute(link, DEV_INDEX) == Some(index))
}

/// What asks for the ports of a device: there is no dump of those of all (`nldev_port_get_dumpit`).
fn ports_of(device: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    append_attribute(&mut body, DEV_INDEX, attribute(device, DEV_INDEX)?);
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::of_message;

    #[test]
    fn an_event_says_what_its_message_means() {
        for (event, kind) in (0..).zip(BY_EVENT) {
            let mut payload = Vec::new();
            append_attribute(&mut payload, DEV_INDEX, &[0; 4]);
            append_attribute(&mut payload, EVENT_TYPE, &[event]);
            let mut datagram = Vec::new();
            append_message(&mut datagram, Header { kind: MONITOR, ..Header::default() }, &payload);
            let mut adapted = Vec::new();
            adapt(&datagram, &mut adapted);
            let found = messages(&adapted).next().unwrap().header.kind;
            assert_eq!(found, kind);
            let (kind, gone) = of_message(found, 0).unwrap();
            let is_of_port = matches!(event, 2 | 3 | 5);
            assert_eq!(
                (kind.table().name, gone),
                (if is_of_port { "rdma_link" } else { "rdma" }, matches!(event, 1 | 3))
            );
        }
        // What a newer kernel says stays what it is, and so does what is cut off.
        let mut datagram = Vec::new();
        let mut payload = Vec::new();
        append_attribute(&mut payload, EVENT_TYPE, &[6]);
        append_message(&mut datagram, Header { kind: MONITOR, ..Header::default() }, &payload);
        datagram.extend_from_slice(&[9, 0, 0]);
        let mut adapted = Vec::new();
        adapt(&datagram, &mut adapted);
        assert_eq!(adapted, datagram);
    }
}
