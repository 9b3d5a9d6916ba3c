//! `nft_flowtable`: a flowtable of nf_tables, through which connections take a shortcut. `NFTA_FLOWTABLE_*`.

use super::devices::{self, Place};
use super::{GROUPS, HEADER, SUBSYSTEM, dump_of};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Hooks, Identity, Is, Kind, Names, Set, row};
use crate::decode::title::{detail, word};

const NFT_MSG_NEWFLOWTABLE: u16 = 22;
const NFT_MSG_GETFLOWTABLE: u16 = 23;
const NFT_MSG_DELFLOWTABLE: u16 = 24;
const NFTA_FLOWTABLE_TABLE: u16 = 1;
const NFTA_FLOWTABLE_NAME: u16 = 2;
const NFTA_FLOWTABLE_HOOK: u16 = 3;
const NFTA_FLOWTABLE_HOOK_DEVS: u16 = 3;

/// `NFT_MSG_NEWFLOWTABLE` and `NFT_MSG_DELFLOWTABLE`.
pub static FLOWTABLE: Kind = Kind {
    name: "nft_flowtable",
    about: "flowtables of nf_tables",
    title: &[word("family"), word("table"), word("name"), detail("hook"), detail("prio")],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWFLOWTABLE,
    delete: SUBSYSTEM | NFT_MSG_DELFLOWTABLE,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME],
        members: &["family", "table", "name"],
    }),
    dumps: &[dump_of(NFT_MSG_GETFLOWTABLE)],
    hooks: Hooks { part: Some(part), ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_FLOWTABLE",
    &[
        row(NFTA_FLOWTABLE_TABLE, "table", Is::Text),
        row(NFTA_FLOWTABLE_NAME, "name", Is::Text),
        row(NFTA_FLOWTABLE_HOOK, "hook", Is::Inline(&HOOK)),
        row(4, "use", Is::Number(U32Be)).volatile(),
        row(5, "handle", Is::Number(U64Be)),
        row(6, "pad", Is::Known),
        row(7, "flags", Is::Bits(U32Be, FLAGS)),
    ],
);

/// `NFT_FLOWTABLE_*`; nft calls the first one `offload`.
const FLAGS: &Names = &[(0x1, "offload"), (0x2, "counter")];

static HOOK: Set = Set::new(
    "NFTA_FLOWTABLE_HOOK",
    &[
        row(1, "hook", Is::Named(U32Be, &[(0, "ingress")])),
        row(2, "prio", Is::Number(I32Be)),
        row(NFTA_FLOWTABLE_HOOK_DEVS, "dev", Is::Value(devices::names, devices::SHAPE)),
    ],
);

fn part(old: &[u8], message: &[u8], removes: bool) -> Option<Vec<u8>> {
    // There is no single device.
    let place = Place { hook: NFTA_FLOWTABLE_HOOK, devices: NFTA_FLOWTABLE_HOOK_DEVS, device: u16::MAX };
    devices::part(&FLOWTABLE, place, old, message, removes)
}
