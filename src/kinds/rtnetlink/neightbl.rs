//! `neightbl`: the tables of neighbours, and their settings for each interface. `struct ndtmsg`, `NDTA_*`:
//! `include/uapi/linux/neighbour.h`.

use libc::{RTM_GETNEIGHTBL, RTM_NEWNEIGHTBL};

use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::{self, *};
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Interface, Is, Kind, LINK_NAME, ObjectKey, Set, SeverityRow, Structure,
    field, row,
};
use crate::decode::title::{detail, word};
use crate::decode::value::{unsigned, write_link};
use crate::event::severity::Severity;
use crate::json::Json;
use crate::kinds::rtnetlink::names::FAMILIES;
use crate::kinds::rtnetlink::numbers::{AF_INET, AF_INET6};
use crate::netlink::wire::attribute;

/// `RTM_NEWNEIGHTBL`. The kernel never tells that one has changed (`neightbl_set`): it can only be asked for.
pub static NEIGHTBL: Kind = Kind {
    name: "neightbl",
    about: "tables of neighbours and their settings, which can only be listed",
    title: &[
        word("name"),
        word("dev").elsewhere(),
        detail("thresh1"),
        detail("thresh2"),
        detail("thresh3"),
        detail("base_reachable"),
    ],
    new: RTM_NEWNEIGHTBL,
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Nested(NDTA_PARMS, NDTPA_IFINDEX),
    // And the interface, which is inside NDTA_PARMS.
    identity: Some(Identity { header: &[(0, 1)], attributes: &[1], members: &["family", "name", "dev"] }),
    // Each family by itself: where the first table fills a datagram, a dump of all of them leaves out as many rows of the second
    // one as the first one had (`neightbl_dump_info`).
    dumps: &[
        DumpRequest { message: RTM_GETNEIGHTBL, header: &[AF_INET, 0, 0, 0], attributes: &[], per_link: None },
        DumpRequest { message: RTM_GETNEIGHTBL, header: &[AF_INET6, 0, 0, 0], attributes: &[], per_link: None },
    ],
    hooks: Hooks { key: Some(write_key), severity: &[SeverityRow::all(Severity::Debug)], ..Hooks::NONE },
    ..Kind::PLAIN
};

/// `NDTA_PARMS`.
pub const NDTA_PARMS: u16 = 6;
/// `NDTPA_IFINDEX`.
pub const NDTPA_IFINDEX: u16 = 1;

static HEADER: Structure = Structure::new("ndtmsg", 4, &[field(0, "family", Is::Named(U8, FAMILIES))]);

static ATTRIBUTES: Set = Set::new(
    "NDTA",
    &[
        row(1, "name", Is::Text),
        row(2, "thresh1", Is::Number(U32)),
        row(3, "thresh2", Is::Number(U32)),
        row(4, "thresh3", Is::Number(U32)),
        row(5, "config", Is::InlineStructure(&CONFIG)).volatile(),
        row(NDTA_PARMS, "parms", Is::Inline(&PARAMETERS)),
        row(7, "stats", Is::InlineStructure(&STATISTICS)).volatile(),
        row(8, "gc_interval", Is::Number(U64)),
        row(9, "pad", Is::Known),
    ],
);

/// `NDTPA_*`; times in milliseconds.
static PARAMETERS: Set = Set::new(
    "NDTPA",
    &[
        row(NDTPA_IFINDEX, "dev", Is::Value(interface, LINK_NAME)),
        row(2, "refcnt", Is::Number(U32)).volatile(),
        // The kernel draws it anew every few minutes, around the next one.
        row(3, "reachable", Is::Number(U64)).volatile(),
        row(4, "base_reachable", Is::Number(U64)),
        row(5, "retrans", Is::Number(U64)),
        row(6, "gc_stale", Is::Number(U64)),
        row(7, "delay_probe", Is::Number(U64)),
        row(8, "queue", Is::Number(U32)),
        row(9, "app_probes", Is::Number(U32)),
        row(10, "ucast_probes", Is::Number(U32)),
        row(11, "mcast_probes", Is::Number(U32)),
        row(12, "anycast_delay", Is::Number(U64)),
        row(13, "proxy_delay", Is::Number(U64)),
        row(14, "proxy_queue", Is::Number(U32)),
        row(15, "locktime", Is::Number(U64)),
        row(16, "queue_bytes", Is::Number(U32)),
        row(17, "mcast_reprobes", Is::Number(U32)),
        row(18, "pad", Is::Known),
        row(19, "interval_probe", Is::Number(U64)),
    ],
);

/// `struct ndt_config`.
static CONFIG: Structure = Structure::new(
    "ndt_config",
    32,
    &[
        field(0, "key_length", Is::Number(U16)),
        field(2, "entry_size", Is::Number(U16)),
        field(4, "entries", Is::Number(U32)),
        field(8, "last_flush", Is::Number(U32)),
        field(12, "last_rand", Is::Number(U32)),
        field(16, "hash_rnd", Is::Number(U32)),
        field(20, "hash_mask", Is::Number(U32)),
        field(24, "hash_chain_gc", Is::Number(U32)),
        field(28, "proxy_qlen", Is::Number(U32)),
    ],
);

/// `struct ndt_stats`.
static STATISTICS: Structure = Structure::new(
    "ndt_stats",
    88,
    &[
        field(0, "allocs", Is::Number(U64)),
        field(8, "destroys", Is::Number(U64)),
        field(16, "hash_grows", Is::Number(U64)),
        field(24, "res_failed", Is::Number(U64)),
        field(32, "lookups", Is::Number(U64)),
        field(40, "hits", Is::Number(U64)),
        field(48, "rcv_probes_mcast", Is::Number(U64)),
        field(56, "rcv_probes_ucast", Is::Number(U64)),
        field(64, "periodic_gc_runs", Is::Number(U64)),
        field(72, "forced_gc_runs", Is::Number(U64)),
        field(80, "table_fulls", Is::Number(U64)),
    ],
);

/// `NDTPA_IFINDEX`: an interface's name; `*` for 0, which the kernel's black hole (`blackhole_netdev`) has.
pub fn interface(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match unsigned(Scalar::U32, payload)? as u32 {
        0 => out.string("*"),
        ifindex => write_link(out, context, ifindex),
    }
    Ok(())
}

/// The settings for all have no interface; those of the kernel's black hole have 0.
fn write_key(key: &mut ObjectKey, _: &[u8], set: &[u8]) {
    let settings = attribute(set, NDTA_PARMS).unwrap_or_default();
    let ifindex = attribute(settings, NDTPA_IFINDEX);
    key.push(ifindex.is_some().into());
    push(key, ifindex);
}
