//! Values of a bridge's table of VLANs, and its ranges taken apart.

use super::bridge::{vlan_info, write_range, write_vlan_flags};
use crate::decode::json::Json;
use crate::decode::schema::{Decoded, Scalar};
use crate::decode::value::unsigned;
use crate::decode::walk::Context;
use crate::netlink::wire::{append_attribute, attribute, attribute_u32, attributes, u16_at};

/// `BRIDGE_VLANDB_ENTRY`: a VLAN of a port, or of the bridge itself.
pub const ENTRY: u16 = 1;
/// `BRIDGE_VLANDB_GLOBAL_OPTIONS`: what holds for a VLAN in the whole bridge.
pub const GLOBAL_OPTIONS: u16 = 2;

/// `BRIDGE_VLANDB_ENTRY_INFO`, and `BRIDGE_VLANDB_GOPTS_ID`.
const NUMBER: u16 = 1;
/// `BRIDGE_VLANDB_ENTRY_RANGE`, and `BRIDGE_VLANDB_GOPTS_RANGE`: the last VLAN of a range.
const RANGE_END: u16 = 2;
/// `BRIDGE_VLANDB_ENTRY_TUNNEL_INFO`, and its `BRIDGE_VLANDB_TINFO_ID`.
const TUNNEL: u16 = 4;
const TUNNEL_ID: u16 = 1;

/// The highest number that a VLAN can have (`VLAN_N_VID`, less the reserved one).
const VLAN_MAX: u16 = 4094;

fn write_vlans(out: &mut Json, context: &Context<'_>, first: u64) -> Decoded {
    let last = context.sibling(RANGE_END).map(|payload| unsigned(Scalar::U16, payload)).transpose()?;
    write_range(out, ["vlan", "vlanEnd"], first, last);
    Ok(())
}

/// `BRIDGE_VLANDB_ENTRY_INFO`, `struct bridge_vlan_info`: the VLAN and its flags.
pub fn entry(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let (flags, vlan) = vlan_info(payload)?;
    write_vlans(out, context, vlan.into())?;
    write_vlan_flags(out, flags);
    Ok(())
}

/// `BRIDGE_VLANDB_GOPTS_ID`: the VLAN, and that these are the options of the whole bridge.
pub fn global(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let vlan = unsigned(Scalar::U16, payload)?;
    out.key("global");
    out.bool(true);
    write_vlans(out, context, vlan)
}

/// Which of the two an object is, and its VLAN: what makes it the same, beside the interface.
pub fn identity(set: &[u8]) -> Option<(u16, u16)> {
    let number = |nest: u16| attribute(set, nest).and_then(|nest| attribute(nest, NUMBER));
    if let Some(info) = number(ENTRY) {
        return Some((ENTRY, u16_at(info, 2)?));
    }
    Some((GLOBAL_OPTIONS, u16_at(number(GLOBAL_OPTIONS)?, 0)?))
}

/// The objects of a row, one for each VLAN of its range. The kernel puts as many VLANs in a range as are alike, and not
/// always the same ones: only single ones can be held against each other. The numbers of tunnels grow with the VLANs'.
///
/// `set` are the row's attributes, behind the eight octets of `struct br_vlan_msg`.
pub fn singles(row: &[u8], header_bytes: usize) -> Vec<Vec<u8>> {
    let (header, set) = row.split_at(header_bytes.min(row.len()));
    let Some((kind, first)) = identity(set) else { return vec![row.to_vec()] };
    let nest = attribute(set, kind).unwrap_or_default();
    let last = attribute(nest, RANGE_END).and_then(|last| u16_at(last, 0)).unwrap_or(first);
    if last <= first || last > VLAN_MAX {
        return vec![row.to_vec()];
    }
    (first..=last).map(|vlan| single(header, set, kind, (first, vlan))).collect()
}

fn single(header: &[u8], set: &[u8], kind: u16, (first, vlan): (u16, u16)) -> Vec<u8> {
    let mut object = header.to_vec();
    for found in attributes(set) {
        if found.number != kind {
            append_attribute(&mut object, found.number, found.payload);
            continue;
        }
        let mut nest = Vec::with_capacity(found.payload.len());
        for inner in attributes(found.payload) {
            match inner.number {
                NUMBER => {
                    let mut number = inner.payload.to_vec();
                    // In an entry two octets of flags come before it.
                    let at = if kind == ENTRY { 2 } else { 0 };
                    if let Some(place) = number.get_mut(at..at + 2) {
                        place.copy_from_slice(&vlan.to_ne_bytes());
                    }
                    append_attribute(&mut nest, NUMBER, &number);
                }
                RANGE_END => {}
                TUNNEL if kind == ENTRY => {
                    append_attribute(&mut nest, TUNNEL, &moved_tunnel(inner.payload, vlan - first));
                }
                _ => append_attribute(&mut nest, inner.number, inner.payload),
            }
        }
        append_attribute(&mut object, kind, &nest);
    }
    object
}

fn moved_tunnel(payload: &[u8], by: u16) -> Vec<u8> {
    let mut tunnel = Vec::with_capacity(payload.len());
    for found in attributes(payload) {
        match attribute_u32(payload, TUNNEL_ID) {
            Some(number) if found.number == TUNNEL_ID && number != 0 => {
                append_attribute(&mut tunnel, TUNNEL_ID, &number.wrapping_add(by.into()).to_ne_bytes());
            }
            _ => append_attribute(&mut tunnel, found.number, found.payload),
        }
    }
    tunnel
}
