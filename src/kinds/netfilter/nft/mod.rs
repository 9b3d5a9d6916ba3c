//! nf_tables: tables, chains, rules, sets, elements, flowtables, objects, generations and traces
//! (`linux/netfilter/nf_tables.h`, `net/netfilter/nf_tables_api.c`).
//!
//! The kernel knows a rule as a list of expressions on registers, and so it is told; `nft` guesses from them what was meant.

pub mod chain;
pub mod datatypes;
pub mod devices;
pub mod element;
pub mod expressions;
pub mod flowtable;
pub mod generation;
pub mod object;
pub mod rule;
pub mod set;
pub mod table;
pub mod trace;
pub mod userdata;

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, DumpRequest, Field, Is, Names, Scalar::*, Structure, field};
use crate::decode::value::unsigned;
use crate::json::Json;

/// `NFNL_SUBSYS_NFTABLES`, the upper octet of a message's type.
const SUBSYSTEM: u16 = 10 << 8;
/// `NFNLGRP_NFTABLES`.
const GROUPS: &[u32] = &[7];
/// `NFNLGRP_NFTRACE`.
const TRACE_GROUPS: &[u32] = &[9];

/// `struct nfgenmsg` (`linux/netfilter/nfnetlink.h`), with the words of nft for its family.
pub static HEADER: Structure = Structure::new("nfgenmsg", 4, HEADER_FIELDS);
const HEADER_FIELDS: &[Field] = &[field(0, "family", Is::Named(U8, FAMILIES))];

/// `NFPROTO_*` (`linux/netfilter.h`).
pub const FAMILIES: &Names =
    &[(0, "unspec"), (1, "inet"), (2, "ip"), (3, "arp"), (5, "netdev"), (7, "bridge"), (10, "ip6")];

/// `NF_DROP` and `NF_ACCEPT` (`linux/netfilter.h`), what a base chain does with what no rule has judged.
const POLICIES: &Names = &[(NF_DROP, "drop"), (NF_ACCEPT, "accept")];
const NF_DROP: u64 = 0;
const NF_ACCEPT: u64 = 1;

/// A dump of all families' objects.
const fn dump_of(message: u16) -> DumpRequest {
    DumpRequest { message: SUBSYSTEM | message, header: &[0; 4], attributes: &[], per_link: None }
}

/// A time in milliseconds as seconds, with their fraction.
fn seconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let scalar = if payload.len() == 4 { U32Be } else { U64Be };
    let milliseconds = unsigned(scalar, payload)?;
    match milliseconds % 1000 {
        0 => out.unsigned(milliseconds / 1000),
        _ => out.float(milliseconds as f64 / 1000.0),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
