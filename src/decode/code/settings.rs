//! Values of the smaller kinds: settings, labels, endpoints.

use crate::decode::json::Json;
use crate::decode::schema::{Decoded, Scalar};
use crate::decode::value::{any_unsigned, unsigned, write_link};
use crate::decode::walk::Context;

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
