//! Values of a bridge's table of VLANs, and its ranges taken apart.

use super::bridge::{vlan_info, write_range, write_vlan_flags};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar};
use crate::decode::value::unsigned;
use crate::json::Json;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::vlan::VLAN;
    use crate::kinds::split::{rows, split};

    fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut bytes, *number, value));
        bytes
    }

    fn message(number: u16, inside: &[(u16, &[u8])]) -> Vec<u8> {
        let mut payload = vec![7, 0, 0, 0, 3, 0, 0, 0];
        append_attribute(&mut payload, number, &nest(inside));
        payload
    }

    fn text(payload: &[u8]) -> String {
        let mut out = Json::new();
        write_object(&mut out, &VLAN, &VLAN.context(payload, &NoLinks));
        String::from_utf8(out.take()).unwrap()
    }

    #[test]
    fn a_range_is_one_row_and_several_objects() {
        let tunnel = nest(&[(TUNNEL_ID, &500u32.to_ne_bytes()), (2, &1u32.to_ne_bytes())]);
        let info = [2u16.to_ne_bytes(), 20u16.to_ne_bytes()].concat();
        let payload =
            message(ENTRY, &[(NUMBER, &info), (RANGE_END, &22u16.to_ne_bytes()), (3, &[3]), (TUNNEL, &tunnel)]);
        let row = rows(&VLAN, &payload);
        assert_eq!(row.len(), 1);
        let head = r#"{"ifindex":3,"ifname":"if3","#;
        let untagged = r#""flags":["PVID"],"state":"forwarding""#;
        let whole = format!(r#"{head}"vlan":20,"vlanEnd":22,{untagged},"tunnel":{{"tunid":500,"cmd":1}}}}"#);
        assert_eq!(text(&row[0]), whole);
        let single = split(&VLAN, &payload);
        let expected = [20, 21, 22].map(|vlan| {
            let tunnel = vlan + 480;
            format!(r#"{head}"vlan":{vlan},{untagged},"tunnel":{{"tunid":{tunnel},"cmd":1}}}}"#)
        });
        assert_eq!(single.iter().map(|object| text(object)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn options_of_the_whole_bridge_are_another_object() {
        let last = 5u16.to_ne_bytes();
        let payload = message(GLOBAL_OPTIONS, &[(NUMBER, &4u16.to_ne_bytes()), (RANGE_END, &last), (18, &[9, 0])]);
        let objects = split(&VLAN, &payload);
        assert_eq!(objects.len(), 2);
        let expected = r#"{"ifindex":3,"ifname":"if3","global":true,"vlan":5,"msti":9}"#;
        assert_eq!(text(&objects[1]), expected);
        assert_eq!(identity(&objects[1][8..]), Some((GLOBAL_OPTIONS, 5)));
    }

    #[test]
    fn a_range_that_cannot_be_stays_whole() {
        for last in [3, 4, 4095, 0xffff_u16] {
            let payload = message(GLOBAL_OPTIONS, &[(NUMBER, &4u16.to_ne_bytes()), (RANGE_END, &last.to_ne_bytes())]);
            assert_eq!(singles(&payload, 8), vec![payload]);
        }
        assert_eq!(singles(&[7, 0, 0], 8), vec![vec![7, 0, 0]]);
    }
}
