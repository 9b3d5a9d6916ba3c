//! Network devices as the family `netdev` has them: what of XDP they can do, and their page pools. `NETDEV_A_*`:
//! `linux/netdev.h`.

use super::{GENLMSGHDR, NETDEV, message};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{DumpRequest, Hooks, Identity, Interface, Is, Kind, Names, Set, row};
use crate::decode::title::{detail, named};

/// `NETDEV_CMD_DEV_ADD_NTF`, `_DEL_NTF` and `_CHANGE_NTF`.
pub static DEVICE: Kind = Kind {
    name: "netdev",
    about: "what of XDP an interface can do",
    title: &[named("ifindex"), detail("xdp-features")],
    new: message(NETDEV, 2),
    delete: message(NETDEV, 3),
    header: &GENLMSGHDR,
    set: &DEVICE_SET,
    interface: Interface::Attribute(1),
    identity: Some(Identity { header: &[], attributes: &[1], members: &["ifindex"] }),
    dumps: &[DumpRequest { message: message(NETDEV, 1), header: &[1, 1, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks {
        also: &[(message(NETDEV, 1), false), (message(NETDEV, 4), false)],
        family: Some(|_| 0),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static DEVICE_SET: Set = Set::new(
    "NETDEV_A_DEV",
    &[
        row(1, "ifindex", Is::Number(U32)),
        row(2, "pad", Is::Known),
        row(3, "xdp-features", Is::Bits(U64, XDP)),
        row(4, "xdp-zc-max-segs", Is::Number(U32)),
        row(5, "xdp-rx-metadata-features", Is::Bits(U64, METADATA)),
        row(6, "xsk-features", Is::Bits(U64, XSK)),
    ],
);
/// `NETDEV_XDP_ACT_*`.
const XDP: &Names = &[
    (0x1, "basic"),
    (0x2, "redirect"),
    (0x4, "ndo-xmit"),
    (0x8, "xsk-zerocopy"),
    (0x10, "hw-offload"),
    (0x20, "rx-sg"),
    (0x40, "ndo-xmit-sg"),
];
/// `NETDEV_XDP_RX_METADATA_*`.
const METADATA: &Names = &[(0x1, "timestamp"), (0x2, "hash"), (0x4, "vlan-tag")];
/// `NETDEV_XSK_FLAGS_*`.
const XSK: &Names = &[(0x1, "tx-timestamp"), (0x2, "tx-checksum"), (0x4, "tx-launch-time-fifo")];

/// `NETDEV_CMD_PAGE_POOL_ADD_NTF`, `_DEL_NTF` and `_CHANGE_NTF`.
pub static PAGE_POOL: Kind = Kind {
    name: "page_pool",
    about: "pools of pages that interfaces receive into",
    title: &[named("id"), detail("napi-id")],
    new: message(NETDEV, 6),
    delete: message(NETDEV, 7),
    header: &GENLMSGHDR,
    set: &PAGE_POOL_SET,
    interface: Interface::Attribute(2),
    identity: Some(Identity { header: &[], attributes: &[1], members: &["id"] }),
    dumps: &[DumpRequest { message: message(NETDEV, 5), header: &[5, 1, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks {
        also: &[(message(NETDEV, 5), false), (message(NETDEV, 8), false)],
        family: Some(|_| 0),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static PAGE_POOL_SET: Set = Set::new(
    "NETDEV_A_PAGE_POOL",
    &[
        row(1, "id", Is::AnyNumber),
        row(2, "ifindex", Is::Number(U32)),
        row(3, "napi-id", Is::AnyNumber),
        row(4, "inflight", Is::AnyNumber).volatile(),
        row(5, "inflight-mem", Is::AnyNumber).volatile(),
        row(6, "detach-time", Is::AnyNumber),
        row(7, "dmabuf", Is::Number(U32)),
        row(8, "io-uring", Is::Hex),
    ],
);
