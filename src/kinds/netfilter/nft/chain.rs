//! `nft_chain`: a chain of nf_tables. `NFTA_CHAIN_*`, `NFTA_HOOK_*`.

use super::devices::{self, Place};
use super::expressions::COUNTER;
use super::{GROUPS, HEADER, NF_ACCEPT, NF_DROP, POLICIES, SUBSYSTEM, dump_of, userdata};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Is, Kind, Names, Part, Set, SeverityRow, Sides, row};
use crate::decode::title::{detail, word};
use crate::decode::value::{unsigned, write_named};
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::netlink::wire::attribute;

const NFT_MSG_NEWCHAIN: u16 = 3;
const NFT_MSG_GETCHAIN: u16 = 4;
const NFT_MSG_DELCHAIN: u16 = 5;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_HANDLE: u16 = 2;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_HOOK_DEV: u16 = 3;
const NFTA_HOOK_DEVS: u16 = 4;

/// `NFT_MSG_NEWCHAIN` and `NFT_MSG_DELCHAIN`. The handle stays when a chain is renamed.
pub static CHAIN: Kind = Kind {
    name: "nft_chain",
    about: "chains of nf_tables",
    title: &[
        word("family"),
        word("table"),
        word("name"),
        detail("type"),
        detail("hook"),
        detail("prio"),
        detail("policy"),
        detail("comment"),
    ],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWCHAIN,
    delete: SUBSYSTEM | NFT_MSG_DELCHAIN,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity {
        header: &[(0, 1)],
        attributes: &[NFTA_CHAIN_TABLE, NFTA_CHAIN_HANDLE],
        members: &["family", "table", "handle"],
    }),
    dumps: &[dump_of(NFT_MSG_GETCHAIN)],
    hooks: Hooks {
        severity: &[SeverityRow::all(Severity::Notice)],
        signals: Some(signals_of),
        part: Some(part),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_CHAIN",
    &[
        row(NFTA_CHAIN_TABLE, "table", Is::Text),
        row(NFTA_CHAIN_HANDLE, "handle", Is::Number(U64Be)),
        row(NFTA_CHAIN_NAME, "name", Is::Text),
        row(NFTA_CHAIN_HOOK, "hook", Is::Inline(&HOOK)),
        row(NFTA_CHAIN_POLICY, "policy", Is::Named(U32Be, POLICIES)),
        row(6, "use", Is::Number(U32Be)).volatile(),
        row(7, "type", Is::Text),
        row(8, "counters", Is::Inline(&COUNTER)).volatile(),
        row(9, "pad", Is::Known),
        row(10, "flags", Is::Bits(U32Be, FLAGS)),
        row(11, "id", Is::Number(U32Be)),
        row(12, "userdata", Is::Members(userdata::comment, userdata::COMMENT_PARTS)),
    ],
);

/// `NFT_CHAIN_*`; nft calls the second one `offload`.
const FLAGS: &Names = &[(0x1, "base"), (0x2, "offload"), (0x4, "binding")];

static HOOK: Set = Set::new(
    "NFTA_HOOK",
    &[
        row(1, "hooknum", Is::Members(hook, &[Part::text("hook")])),
        row(2, "prio", Is::Number(I32Be)),
        row(NFTA_HOOK_DEV, "dev", Is::Members(devices::single, devices::SINGLE_PARTS)),
        row(NFTA_HOOK_DEVS, "dev", Is::Value(devices::names, devices::SHAPE)),
    ],
);

const NFPROTO_ARP: u8 = 3;
const NFPROTO_NETDEV: u8 = 5;
/// `enum nf_inet_hooks` (`linux/netfilter.h`), which bridges have, too (`linux/netfilter_bridge.h`).
const HOOKS: &Names =
    &[(0, "prerouting"), (1, "input"), (2, "forward"), (3, "output"), (4, "postrouting"), (5, "ingress")];
/// `NF_ARP_*` (`linux/netfilter_arp.h`).
const ARP_HOOKS: &Names = &[(0, "input"), (1, "output"), (2, "forward")];
/// `enum nf_dev_hooks`.
const NETDEV_HOOKS: &Names = &[(0, "ingress"), (1, "egress")];

/// The hook's name, which its family says.
fn hook(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let number = unsigned(U32Be, payload)?;
    let names = match context.family() {
        NFPROTO_ARP => ARP_HOOKS,
        NFPROTO_NETDEV => NETDEV_HOOKS,
        _ => HOOKS,
    };
    out.key("hook");
    write_named(out, names, number);
    Ok(())
}

/// The name of a chain, by its message.
pub fn name_of(payload: &[u8]) -> Option<&[u8]> {
    attribute(CHAIN.attributes(payload), NFTA_CHAIN_NAME)
}

/// The name of the table that anything is in: it stands first in chains, rules and elements.
pub fn table_of(payload: &[u8]) -> Option<&[u8]> {
    attribute(CHAIN.attributes(payload), NFTA_CHAIN_TABLE)
}

fn part(old: &[u8], message: &[u8], removes: bool) -> Option<Vec<u8>> {
    let place = Place { hook: NFTA_CHAIN_HOOK, devices: NFTA_HOOK_DEVS, device: NFTA_HOOK_DEV };
    devices::part(&CHAIN, place, old, message, removes)
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    let policy = |payload: &[u8]| {
        attribute(CHAIN.attributes(payload), NFTA_CHAIN_POLICY).and_then(|policy| unsigned(U32Be, policy).ok())
    };
    let mut signals = Signals::NONE;
    if let (Some(old), Some(new)) = (sides.old, sides.new) {
        let (old, new) = (policy(old), policy(new));
        signals.when(old != new && new == Some(NF_DROP), Signals::POLICY_DROP);
        signals.when(old != new && new == Some(NF_ACCEPT), Signals::POLICY_ACCEPT);
    }
    signals
}
