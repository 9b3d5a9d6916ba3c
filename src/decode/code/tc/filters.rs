//! Values of filters and chains: where they are, and the options of each kind.

use super::{u32_of, u64_at, write_class_id, write_number, write_true};
use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar, Wrong};
use crate::decode::value::{name_of, unsigned, write_link};
use crate::decode::walk::{write_part, write_set, write_structure};
use crate::json::Json;
use crate::kinds::rtnetlink::names::ETHER_TYPES;
use crate::kinds::rtnetlink::tc::filter::{self, Handle};
use crate::kinds::rtnetlink::tc::{EGRESS, INGRESS, TCA_KIND, TCA_OPTIONS, flower};
use crate::netlink::wire::{attribute_u32, u16_at, u32_at};

/// `TCM_IFINDEX_MAGIC_BLOCK`: in place of an interface, for a block that several share. Its number stands in place of
/// the parent.
const BLOCK: u32 = 0xffff_ffff;
/// `TC_H_ROOT`.
const ROOT: u32 = 0xffff_ffff;

/// Offsets in `struct tcmsg`.
const INTERFACE_AT: usize = 4;
const HANDLE_AT: usize = 8;
const PARENT_AT: usize = 12;

fn header(context: &Context<'_>, at: usize) -> u32 {
    u32_at(context.header, at).unwrap_or_default()
}

/// The interface, or the block.
pub fn device(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match u32_of(payload)? {
        BLOCK => write_number(out, "block", header(context, PARENT_AT).into()),
        ifindex => {
            write_number(out, "ifindex", ifindex.into());
            out.key("dev");
            write_link(out, context, ifindex);
        }
    }
    Ok(())
}

/// Where the packets come by: `root`, `ingress`, `egress`, or a class; of a block nothing.
pub fn parent(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if header(context, INTERFACE_AT) == BLOCK {
        return Ok(());
    }
    match u32_of(payload)? {
        ROOT => write_true(out, "root"),
        INGRESS => write_true(out, "ingress"),
        EGRESS => write_true(out, "egress"),
        parent => {
            out.key("parent");
            write_class_id(out, parent);
        }
    }
    Ok(())
}

/// The handle, where there are no options in which it would be told.
pub fn bare_handle(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let handle = u32_of(payload)?;
    if handle != 0 && context.sibling(TCA_OPTIONS).is_none() {
        write_number(out, "handle", handle.into());
    }
    Ok(())
}

/// `tcm_info`: the protocol of the packets, in the network's byte order, and the preference above it.
pub fn protocol_and_priority(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let information = u32_of(payload)?;
    let (protocol, preference) = (u16::from_be(information as u16), information >> 16);
    if protocol != 0 {
        out.key("protocol");
        match name_of(ETHER_TYPES, protocol.into()) {
            Some(name) => out.string(name),
            None => out.unsigned(protocol.into()),
        }
    }
    if preference != 0 {
        write_number(out, "pref", preference.into());
    }
    Ok(())
}

/// `TCA_OPTIONS` of a filter, or of a chain's template, by the kind beside it; with the handle, as `tc` has it.
pub fn options(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let kind = context.sibling(TCA_KIND).ok_or(Wrong::Because("its kind is missing"))?;
    let kind = kind.split(|&octet| octet == 0).next().unwrap_or_default();
    let Some((_, style, set)) = filter::OPTIONS.iter().find(|(name, ..)| name.as_bytes() == kind) else {
        return Err(Wrong::Because("a kind that is not known"));
    };
    let inside = context.inside(payload);
    out.begin_object();
    write_handle(out, &inside, *style);
    if std::ptr::eq(*set, &flower::OUTER) {
        out.key("keys");
        out.begin_object();
        write_part(out, &inside, &flower::KEYS, payload);
        out.end_object();
    }
    write_set(out, &inside, set, payload);
    out.end_object();
    Ok(())
}

fn write_handle(out: &mut Json, context: &Context<'_>, style: Handle) {
    let handle = header(context, HANDLE_AT);
    match style {
        Handle::Number if handle != 0 => write_number(out, "handle", handle.into()),
        Handle::Mark => {
            let mask = attribute_u32(context.set, filter::TCA_FW_MASK);
            if handle != 0 || mask.is_some() {
                out.key("fw");
                out.begin_object();
                write_number(out, "mark", handle.into());
                write_number(out, "mask", mask.unwrap_or(u32::MAX).into());
                out.end_object();
            }
        }
        Handle::Route if handle != 0 => {
            write_number(out, "fh", handle.into());
            let order = handle >> 8 & 0x7f;
            if order != 0 {
                write_number(out, "order", order.into());
            }
        }
        Handle::Tree if handle != 0 => {
            out.key("fh");
            write_tree_handle(out, handle);
            let node = handle & 0xfff;
            if node != 0 {
                write_number(out, "order", node.into());
            }
        }
        _ => {}
    }
}

// flow ---------------------------------------------------------------------------------------------------------------

/// `TCA_FLOW_MASK` and `TCA_FLOW_XOR`, as `and`, `xor` and `or`, written by the first that is there.
pub fn flow_arithmetic(out: &mut Json, context: &Context<'_>, _: &[u8]) -> Decoded {
    const MASK: u16 = 6;
    const XOR: u16 = 7;
    let mask = context.sibling(MASK).map(u32_of).transpose()?;
    if context.number() == XOR && mask.is_some() {
        return Ok(());
    }
    let value = context.sibling(XOR).map(u32_of).transpose()?.unwrap_or_default();
    let mask = mask.unwrap_or(u32::MAX);
    if mask != u32::MAX {
        write_number(out, "and", mask.into());
    }
    for (key, bits) in [("xor", mask & value), ("or", !mask & value)] {
        if bits != 0 {
            write_number(out, key, bits.into());
        }
    }
    Ok(())
}

// u32 ----------------------------------------------------------------------------------------------------------------

/// Table, bucket and place: `800:1:2`.
fn write_tree_handle(out: &mut Json, handle: u32) {
    let (table, bucket, node) = (handle >> 20, handle >> 12 & 0xff, handle & 0xfff);
    if handle == 0 {
        return out.string("none");
    }
    out.begin_string();
    if table != 0 {
        out.continue_display(format_args!("{table:x}:"));
    }
    if bucket != 0 {
        out.continue_display(format_args!("{bucket:x}"));
    }
    if node != 0 {
        out.continue_display(format_args!(":{node:x}"));
    }
    out.end_string();
}

/// The handle of a table.
pub fn tree_handle(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_tree_handle(out, u32_of(payload)?);
    Ok(())
}

/// The table and the bucket that a filter is in; a table itself says how many it has.
pub fn tree_bucket(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const DIVISOR: u16 = 4;
    let handle = u32_of(payload)?;
    if context.sibling(DIVISOR).is_none() {
        write_number(out, "key_ht", (handle >> 20).into());
        write_number(out, "bkt", (handle >> 12 & 0xff).into());
    }
    Ok(())
}

/// How often a filter was tried and matched, `struct tc_u32_pcnt`; the counters of its matches are told with them.
pub fn tree_counters(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    write_number(out, "rule_hit", u64_at(payload, 0).ok_or(Wrong::Short(16))?);
    write_number(out, "success", u64_at(payload, 8).ok_or(Wrong::Short(16))?);
    Ok(())
}

/// Whether a match's offset is added to that of the next header.
pub fn tree_offset_mask(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.string(if u32_of(payload)? != 0 { "nexthdr+" } else { "" });
    Ok(())
}

/// `struct tc_u32_sel`: what is matched, each with its counter, and where the search goes on.
pub fn tree_selector(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const BYTES: usize = 16;
    const TERMINAL: u8 = 1;
    const OFFSET: u8 = 2;
    const VARIABLE_OFFSET: u8 = 4;
    const EAT: u8 = 8;
    let (selector, keys) = payload.split_at_checked(BYTES).ok_or(Wrong::Short(BYTES))?;
    let (flags, shift, count) = (selector[0], selector[1], usize::from(selector[2]));
    let counters = context.sibling(filter::TCA_U32_PCNT).filter(|_| !context.comparing);
    if flags & TERMINAL != 0 {
        write_true(out, "terminal");
    }
    if count > 0 {
        out.key("match");
        out.begin_list();
        for (place, key) in keys.chunks_exact(filter::U32_KEY.bytes).take(count).enumerate() {
            out.begin_object();
            write_structure(out, context, &filter::U32_KEY, key);
            if let Some(counter) = counters.and_then(|counters| u64_at(counters, 16 + place * 8)) {
                write_number(out, "success", counter);
            }
            out.end_object();
        }
        out.end_list();
    }
    let signed = |at: usize| i64::from(u16_at(selector, at).unwrap_or_default() as i16);
    if flags & VARIABLE_OFFSET != 0 {
        write_number(out, "offset_mask", unsigned(Scalar::U16Be, &selector[4..6])?);
        write_number(out, "offset_shift", shift.into());
        out.key("offset_off");
        out.signed(signed(8));
    }
    let plus = u16_at(selector, 6).unwrap_or_default();
    if flags & (OFFSET | VARIABLE_OFFSET) != 0 && plus != 0 {
        write_number(out, "plus", plus.into());
    }
    if flags & EAT != 0 {
        write_true(out, "eat");
    }
    let mask = unsigned(Scalar::U32Be, &selector[12..16])?;
    if mask != 0 {
        write_number(out, "hash_mask", mask);
        out.key("hash_off");
        out.signed(signed(10));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::members;
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::tc::FILTER;
    use crate::netlink::wire::append_attribute;

    fn written(header: [u32; 4], kind: &str, options: &[u8]) -> String {
        let mut payload = vec![0; 4];
        header.iter().for_each(|number| payload.extend_from_slice(&number.to_ne_bytes()));
        append_attribute(&mut payload, TCA_KIND, kind.as_bytes());
        append_attribute(&mut payload, TCA_OPTIONS, options);
        let mut out = Json::new();
        write_object(&mut out, &FILTER, &FILTER.context(&payload, &NoLinks));
        String::from_utf8_lossy(out.bytes()).into_owned()
    }

    #[test]
    fn a_block_has_no_interface() {
        let information = 77 << 16 | u32::from(0x0800u16.to_be());
        assert_eq!(
            written([BLOCK, 0, 7, information], "matchall", &[]),
            r#"{"block":7,"protocol":"ip","pref":77,"kind":"matchall","options":{}}"#
        );
        assert!(written([3, 0, INGRESS, 0], "matchall", &[]).starts_with(r#"{"ifindex":3,"dev":"if3","ingress":true"#));
    }

    #[test]
    fn handles_have_the_form_of_their_kind() {
        let options = |kind, handle| written([3, handle, 0x1_0000, 0], kind, &[]);
        assert!(options("flower", 1).contains(r#""options":{"handle":1,"keys":{}}"#));
        assert!(options("fw", 16).contains(r#""options":{"fw":{"mark":16,"mask":4294967295}}"#));
        assert!(options("u32", 0x8000_0800).contains(r#""options":{"fh":"800::800","order":2048}"#));
        assert!(options("u32", 0x0010_7800).contains(r#""options":{"fh":"1:7:800","order":2048}"#));
        assert!(options("route", 0x0005_8000).contains(r#""options":{"fh":360448}"#));
        assert!(options("other", 1).contains(r#""error":"a kind that is not known""#));
    }

    #[test]
    fn an_attribute_of_flower_that_is_not_known_is_told_once() {
        let mut options = Vec::new();
        append_attribute(&mut options, 102, &[2]);
        append_attribute(&mut options, 999, &[1]);
        let line = written([3, 1, 0x1_0000, 0], "flower", &options);
        assert!(line.contains(r#""keys":{"num_of_vlans":2},"unknown":[{"attr":999,"hex":"01"}]}"#), "{line}");
    }

    #[test]
    fn the_arithmetic_of_flow_is_told_once() {
        let mut set = Vec::new();
        append_attribute(&mut set, 6, &0xff00u32.to_ne_bytes());
        append_attribute(&mut set, 7, &0x0ff0u32.to_ne_bytes());
        assert_eq!(members(&FILTER, &set, 6, flow_arithmetic, &[]), r#"{"and":65280,"xor":3840,"or":240}"#);
        assert_eq!(members(&FILTER, &set, 7, flow_arithmetic, &[]), "{}");
    }

    #[test]
    fn a_selector_may_say_more_matches_than_it_has() {
        let mut payload = vec![1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0xff];
        payload.extend_from_slice(&[0xff, 0, 0, 0, 10, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            members(&FILTER, &[], 5, tree_selector, &payload),
            r#"{"terminal":true,"match":[{"value":167772160,"mask":4278190080,"offmask":"","off":12}],"hash_mask":255,"hash_off":12}"#
        );
    }
}
