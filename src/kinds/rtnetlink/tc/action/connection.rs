//! Actions that know the connection that a packet belongs to: `ct`, `connmark`, `ctinfo`. `tc_act/`.

use libc::AF_INET;

use super::generic::{BINDINGS, CAPABILITIES, GENERIC, INDEX, REFERENCES, VERDICT};
use crate::decode::context::Context;
use crate::decode::schema::{
    Decoded, Is, Part,
    Scalar::{self, *},
    Set, Structure, TEXT, Wrong, field, row,
};
use crate::decode::value::{any_unsigned, name_of, unsigned};
use crate::json::Json;
use crate::kinds::rtnetlink::names::IP_PROTOCOLS;
use crate::kinds::rtnetlink::tc::shared::{TIMES, masked_octets};
use crate::octets;

/// `TCA_CT_*`. Addresses and ports are told by `nat`, the helper's family and protocol by `helper`.
pub(super) static CT: Set = Set::new(
    "TCA_CT",
    &[
        row(1, "parms", Is::InlineStructure(&GENERIC)),
        row(2, "tm", TIMES).volatile(),
        row(3, "action", Is::Members(connection, &[Part::text("action"), Part::text("nat")])),
        row(4, "zone", Is::Number(U16)),
        row(5, "mark", Is::Number(U32)),
        row(6, "mark_mask", Is::NumberUnless(U32, 0xffff_ffff)),
        row(7, "ct_label", Is::Value(masked_octets, TEXT)),
        row(8, "label_mask", Is::Known),
        row(9, "nat_ipv4_min", Is::Known),
        row(10, "nat_ipv4_max", Is::Known),
        row(11, "nat_ipv6_min", Is::Known),
        row(12, "nat_ipv6_max", Is::Known),
        row(13, "nat_port_min", Is::Known),
        row(14, "nat_port_max", Is::Known),
        row(15, "pad", Is::Known),
        row(16, "helper", Is::Value(connection_helper, TEXT)),
        row(17, "helper_family", Is::Known),
        row(18, "helper_proto", Is::Known),
    ],
);

/// `TCA_CT_ACT_*`: `action`, and `nat` as one text, both as `tc` has them.
fn connection(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const COMMIT: u64 = 1;
    const FORCE: u64 = 2;
    const CLEAR: u64 = 4;
    const NAT: u64 = 8;
    const SOURCE: u64 = 16;
    const DESTINATION: u64 = 32;
    let flags = unsigned(Scalar::U16, payload)?;
    let action = match (flags & COMMIT != 0, flags & FORCE != 0, flags & CLEAR != 0) {
        (true, false, _) => Some("commit"),
        (true, true, _) => Some("commit force"),
        (false, _, true) => Some("clear"),
        _ => None,
    };
    if let Some(action) = action {
        out.key("action");
        out.string(action);
    }
    if flags & NAT != 0 {
        out.key("nat");
        out.begin_string();
        if flags & (SOURCE | DESTINATION) != 0 {
            out.continue_string(if flags & SOURCE != 0 { "src" } else { "dst" });
            write_translation(out, context)?;
        }
        out.end_string();
    }
    Ok(())
}

fn write_translation(out: &mut Json, context: &Context<'_>) -> Decoded {
    for (number, name) in [(9, " addr "), (11, " addr "), (13, " port ")] {
        let Some(first) = context.sibling(number) else { continue };
        out.continue_string(name);
        continue_endpoint(out, first)?;
        if let Some(last) = context.sibling(number + 1).filter(|&last| last != first) {
            out.continue_string("-");
            continue_endpoint(out, last)?;
        }
    }
    Ok(())
}

/// An address or a port, in a text.
fn continue_endpoint(out: &mut Json, payload: &[u8]) -> Decoded {
    match payload.len() {
        2 => out.continue_unsigned(unsigned(Scalar::U16Be, payload)?),
        4 => out.continue_display(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(payload).unwrap_or_default())),
        16 => out.continue_display(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(payload).unwrap_or_default())),
        _ => return Err(Wrong::Because("neither an address nor a port")),
    }
    Ok(())
}

/// The helper of a connection, with its family and protocol: `ipv4-tcp-ftp`.
fn connection_helper(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const FAMILY: u16 = 17;
    const PROTOCOL: u16 = 18;
    out.begin_string();
    if let Some(family) = context.sibling(FAMILY) {
        out.continue_string(if any_unsigned(family)? == AF_INET as u64 { "ipv4-" } else { "ipv6-" });
    }
    if let Some(protocol) = context.sibling(PROTOCOL) {
        match any_unsigned(protocol)? {
            number if let Some(name) = name_of(IP_PROTOCOLS, number) => out.continue_string(name),
            number => out.continue_unsigned(number),
        }
        out.continue_string("-");
    }
    let name = payload.split(|&octet| octet == 0).next().unwrap_or_default();
    out.continue_string(&octets::shown(name));
    out.end_string();
    Ok(())
}

/// `TCA_CONNMARK_*`.
pub(super) static CONNMARK: Set = Set::new(
    "TCA_CONNMARK",
    &[
        row(1, "parms", Is::InlineStructure(&CONNMARK_PARAMETERS)),
        row(2, "tm", TIMES).volatile(),
        row(3, "pad", Is::Known),
    ],
);

/// `struct tc_connmark`.
static CONNMARK_PARAMETERS: Structure = Structure::new(
    "tc_connmark",
    24,
    &[INDEX, CAPABILITIES, field(20, "zone", Is::Number(U16)), VERDICT, REFERENCES, BINDINGS],
);

/// `TCA_CTINFO_*`.
pub(super) static CTINFO: Set = Set::new(
    "TCA_CTINFO",
    &[
        row(1, "pad", Is::Known),
        row(2, "tm", TIMES).volatile(),
        row(3, "act", Is::InlineStructure(&GENERIC)),
        row(4, "zone", Is::Number(U16)),
        row(5, "dscpmask", Is::Number(U32)),
        row(6, "dscpstatemask", Is::Number(U32)),
        row(7, "cpmark", Is::Number(U32)),
        row(8, "dscpset", Is::Number(U64)).volatile(),
        row(9, "dscperror", Is::Number(U64)).volatile(),
        row(10, "cpmarkset", Is::Number(U64)).volatile(),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::rtnetlink::tc::TC_ACTION;
    use crate::kinds::rtnetlink::tc::testing::members;
    use crate::netlink::wire::append_attribute;

    #[test]
    fn translations_are_one_text() {
        let mut set = Vec::new();
        for (number, value) in [(9, &[10, 0, 0, 5][..]), (10, &[10, 0, 0, 9]), (13, &[3, 232]), (14, &[3, 232])] {
            append_attribute(&mut set, number, value);
        }
        let flags = (1u16 | 8 | 16).to_ne_bytes();
        assert_eq!(
            members(&TC_ACTION, &set, 3, connection, &flags),
            r#"{"action":"commit","nat":"src addr 10.0.0.5-10.0.0.9 port 1000"}"#
        );
        assert_eq!(members(&TC_ACTION, &[], 3, connection, &4u16.to_ne_bytes()), r#"{"action":"clear"}"#);
    }
}
