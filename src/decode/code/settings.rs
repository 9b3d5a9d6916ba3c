//! Values of the smaller kinds: settings, labels, endpoints.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar};
use crate::decode::value::{any_unsigned, unsigned, write_link};
use crate::json::Json;

/// `NETCONFA_IFINDEX_ALL` and `NETCONFA_IFINDEX_DEFAULT`.
const ALL: u32 = -1i32 as u32;
const DEFAULT: u32 = -2i32 as u32;

/// `NETCONFA_IFINDEX`: an interface's name, `all`, or `default` for those to come.
pub fn netconf_interface(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match unsigned(Scalar::U32, payload)? as u32 {
        ALL => out.string("all"),
        DEFAULT => out.string("default"),
        ifindex => write_link(out, context, ifindex),
    }
    Ok(())
}

/// `NDTPA_IFINDEX`: an interface's name; `*` for 0, which the kernel's black hole (`blackhole_netdev`) has.
pub fn table_interface(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    match unsigned(Scalar::U32, payload)? as u32 {
        0 => out.string("*"),
        ifindex => write_link(out, context, ifindex),
    }
    Ok(())
}

/// An interface, where it is not 0: `ifindex` and `ifname`.
pub fn link_if_any(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let ifindex = unsigned(Scalar::U32, payload)?;
    if ifindex != 0 {
        out.key("ifindex");
        out.unsigned(ifindex);
        out.key("ifname");
        write_link(out, context, ifindex as u32);
    }
    Ok(())
}

/// The endpoints that an MCTP route leads to: the first, and the last where there are several. The header's length is
/// the number of endpoints after the first.
pub fn mctp_destination(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RTA_DST: u16 = 1;
    let more = any_unsigned(payload)?;
    let first = context.sibling(RTA_DST).map(any_unsigned).transpose()?.unwrap_or_default();
    out.key("dst");
    out.unsigned(first);
    if more != 0 {
        out.key("dst_end");
        out.unsigned(first + more);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::schema::Kind;
    use crate::decode::walk::write_object;
    use crate::kinds::rtnetlink::addrlabel::ADDRLABEL;
    use crate::kinds::rtnetlink::mctp::MCTP_ROUTE;
    use crate::kinds::rtnetlink::netconf::NETCONF;
    use crate::netlink::wire::append_attribute;

    fn text(kind: &Kind, header: &[u8], attributes: &[(u16, &[u8])]) -> String {
        let mut payload = header.to_vec();
        attributes.iter().for_each(|(number, value)| append_attribute(&mut payload, *number, value));
        let mut out = Json::new();
        write_object(&mut out, kind, &kind.context(&payload, &NoLinks));
        String::from_utf8(out.take()).unwrap()
    }

    #[test]
    fn settings_are_of_one_interface_or_of_all() {
        for (index, name) in [(-1, "all"), (-2, "default"), (3, "if3")] {
            let text = text(&NETCONF, &[2, 0, 0, 0], &[(1, &i32::to_ne_bytes(index)), (3, &[1, 0, 0, 0])]);
            assert_eq!(text, format!(r#"{{"family":"inet","interface":"{name}","rp_filter":"strict"}}"#));
        }
    }

    #[test]
    fn an_interface_that_is_none_is_left_out() {
        let header = |ifindex| [10, 0, 64, 0, ifindex, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(text(&ADDRLABEL, &header(0), &[]), r#"{"family":"inet6","prefixlen":64,"seq":1}"#);
        assert!(text(&ADDRLABEL, &header(3), &[]).contains(r#""ifindex":3,"ifname":"if3""#));
    }

    #[test]
    fn endpoints_are_a_range() {
        let header = |more| [45, more, 0, 0, 253, 4, 253, 1, 0, 0, 0, 0];
        assert!(text(&MCTP_ROUTE, &header(0), &[(1, &[8])]).contains(r#""dst":8,"table""#));
        assert!(text(&MCTP_ROUTE, &header(2), &[(1, &[8])]).contains(r#""dst":8,"dst_end":10,"#));
    }
}
