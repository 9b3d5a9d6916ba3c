//! Values that several kinds of rtnetlink have: times, realms, addresses of a family.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Names, Scalar, Wrong};
use crate::decode::value::{any_unsigned, unsigned, write_ip, write_named_id};
use crate::json::{Json, Key};
use crate::kinds::rtnetlink::names;

/// The address family of MPLS: a label stack.
pub const AF_MPLS: u8 = 28;

/// The address family of link-layer addresses.
pub const AF_PACKET: u8 = 17;

/// The kernel's time unit towards users, `USER_HZ`: so many in a second.
pub const USER_HZ: u64 = 100;

/// Writes a member of a number, where it is not 0.
pub fn write_nonzero(out: &mut Json, key: &str, value: u64) {
    if value != 0 {
        out.key(key);
        out.unsigned(value);
    }
}

/// A time in 1/100 s as whole seconds.
pub fn centiseconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.unsigned(any_unsigned(payload)? / USER_HZ);
    Ok(())
}

/// A time in 1/100 s as seconds with their fraction.
pub fn seconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let time = any_unsigned(payload)?;
    if time % USER_HZ == 0 {
        out.unsigned(time / USER_HZ);
    } else {
        out.float(time as f64 / USER_HZ as f64);
    }
    Ok(())
}

/// Realms of a route: the upper half is the source's.
pub fn realms(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let realms = any_unsigned(payload)?;
    out.begin_object();
    if realms >> 16 != 0 {
        realm(out, const { &Key::new("from") }, realms >> 16);
    }
    realm(out, const { &Key::new("to") }, realms & 0xffff);
    out.end_object();
    Ok(())
}

/// Writes a realm: its name of iproute2's file `rt_realms`, and its number.
pub fn realm(out: &mut Json, key: &Key, number: u64) {
    write_named_id(out, key, names::REALMS, number);
}

/// An MPLS label stack: `100/200`.
pub fn label_stack(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.is_empty() || !payload.len().is_multiple_of(4) {
        return Err(Wrong::Because("not a whole number of labels"));
    }
    out.begin_string();
    for (index, entry) in payload.chunks_exact(4).enumerate() {
        if index > 0 {
            out.continue_string("/");
        }
        out.continue_unsigned(unsigned(Scalar::U32Be, entry)? >> 12);
    }
    out.end_string();
    Ok(())
}

/// An address of a family.
pub fn write_address(out: &mut Json, context: &Context<'_>, family: u8, payload: &[u8]) -> Decoded {
    match (family, payload.len()) {
        (AF_MPLS, _) => label_stack(out, context, payload),
        (AF_PACKET, _) => {
            out.hardware(payload);
            Ok(())
        }
        (_, 4 | 16) => write_ip(out, payload),
        _ => Err(Wrong::Because("not an address of its family")),
    }
}

/// A prefix: the address, and the length where it is not the address's own.
pub fn write_prefix(out: &mut Json, context: &Context<'_>, address: &[u8], length: u8) -> Decoded {
    let bits = match context.family() {
        AF_MPLS => 20,
        _ => address.len() * 8,
    };
    if usize::from(length) == bits {
        return write_address(out, context, context.family(), address);
    }
    out.begin_string();
    match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
        (Ok(ipv4), _) => out.push_ipv4(ipv4),
        (_, Ok(ipv6)) => out.continue_display(std::net::Ipv6Addr::from(ipv6)),
        _ => return Err(Wrong::Because("not an address of its family")),
    }
    out.continue_string("/");
    out.continue_unsigned(length.into());
    out.end_string();
    Ok(())
}

/// Writes a member that is `true`.
pub fn write_true(out: &mut Json, key: &str) {
    out.key(key);
    out.bool(true);
}

/// A member that is true for each bit; bits without a name in `other_flags`.
pub fn write_true_members(out: &mut Json, names: &'static Names, bits: u64) {
    let mut rest = bits;
    for (mask, name) in names {
        if rest & mask != 0 {
            rest &= !mask;
            write_true(out, name);
        }
    }
    if rest != 0 {
        out.key("other_flags");
        out.display(format_args!("0x{rest:x}"));
    }
}
