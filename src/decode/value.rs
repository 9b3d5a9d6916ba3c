//! Scalars: numbers, names, bits, text, addresses.

use std::net::Ipv6Addr;

use super::context::Context;
use super::schema::{Decoded, Is, Names, Scalar, Wrong};
use crate::json::{Json, Key};

/// Reads a number; a negative one is sign-extended.
#[inline]
pub fn unsigned(scalar: Scalar, payload: &[u8]) -> Result<u64, Wrong> {
    let wrong = Wrong::Length(scalar.bytes());
    macro_rules! read {
        ($type:ty, $from:ident) => {
            <$type>::$from(payload.try_into().map_err(|_| wrong)?) as i64 as u64
        };
    }
    Ok(match scalar {
        Scalar::U8 => u64::from(u8::from_ne_bytes(payload.try_into().map_err(|_| wrong)?)),
        Scalar::U16 => read!(u16, from_ne_bytes),
        Scalar::U32 => read!(u32, from_ne_bytes),
        Scalar::U64 => read!(u64, from_ne_bytes),
        Scalar::I8 => read!(i8, from_ne_bytes),
        Scalar::I16 => read!(i16, from_ne_bytes),
        Scalar::I32 => read!(i32, from_ne_bytes),
        Scalar::I64 => read!(i64, from_ne_bytes),
        Scalar::U16Be => read!(u16, from_be_bytes),
        Scalar::U32Be => read!(u32, from_be_bytes),
        Scalar::U64Be => read!(u64, from_be_bytes),
        Scalar::I32Be => read!(i32, from_be_bytes),
    })
}

/// Reads a number without sign of 1, 2, 4 or 8 octets.
pub fn any_unsigned(payload: &[u8]) -> Result<u64, Wrong> {
    let scalar = match payload.len() {
        1 => Scalar::U8,
        2 => Scalar::U16,
        4 => Scalar::U32,
        8 => Scalar::U64,
        _ => return Err(Wrong::Because("1, 2, 4 or 8 octets expected")),
    };
    unsigned(scalar, payload)
}

/// Whether numbers of that width have a sign.
fn is_signed(scalar: Scalar) -> bool {
    matches!(scalar, Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 | Scalar::I32Be)
}

/// A number's name.
#[inline]
pub fn name_of(names: &Names, number: u64) -> Option<&'static str>
where
    Names: 'static,
{
    // Most tables begin with 0 and leave nothing out.
    let guess = names.get(number as usize).filter(|(value, _)| *value == number);
    guess.or_else(|| names.iter().find(|(value, _)| *value == number)).map(|(_, name)| *name)
}

/// Writes a number.
#[inline]
pub fn write_number(out: &mut Json, scalar: Scalar, payload: &[u8]) -> Decoded {
    let number = unsigned(scalar, payload)?;
    if is_signed(scalar) {
        out.signed(number as i64);
    } else {
        out.unsigned(number);
    }
    Ok(())
}

/// Writes a number's name, or its digits as text: one path has one type.
pub fn write_named(out: &mut Json, names: &'static Names, number: u64) {
    match name_of(names, number) {
        Some(name) => out.plain(name),
        None => out.display(number),
    }
}

/// Writes a number's name, or its digits as text, and the number beside it under the key with `_id` behind it.
#[inline]
pub fn write_named_id(out: &mut Json, key: &Key, names: &'static Names, number: u64) {
    out.member(key);
    match name_of(names, number) {
        Some(name) => out.named(name),
        None => out.display(number),
    }
    out.member_with(key, "_id");
    out.continue_unsigned(number);
}

/// Writes the names of the bits that are set, as a list; bits without a name together as `"0x…"`.
pub fn write_bits(out: &mut Json, names: &'static Names, bits: u64) {
    out.begin_list();
    let mut rest = bits;
    for &(mask, name) in names {
        if rest == 0 {
            break;
        }
        if mask != 0 && rest & mask == mask {
            rest &= !mask;
            out.plain(name);
        }
    }
    if rest != 0 {
        out.display(format_args!("0x{rest:x}"));
    }
    out.end_list();
}

/// Writes a member that is true for each bit that is set; bits without a name together as `"0x…"` under that key.
pub fn write_flags(out: &mut Json, key: &str, names: &'static Names, bits: u64) {
    let mut rest = bits;
    for &(mask, name) in names {
        if rest & mask != 0 {
            rest &= !mask;
            out.key(name);
            out.bool(true);
        }
    }
    if rest != 0 {
        out.key(key);
        out.display(format_args!("0x{rest:x}"));
    }
}

/// Writes an IPv4 or IPv6 address, by its length.
#[inline]
pub fn write_ip(out: &mut Json, payload: &[u8]) -> Decoded {
    if let Ok(address) = <[u8; 4]>::try_from(payload) {
        out.ipv4(address);
        Ok(())
    } else if let Ok(address) = <[u8; 16]>::try_from(payload) {
        write_ipv6(out, address);
        Ok(())
    } else {
        Err(Wrong::Because("4 or 16 octets expected"))
    }
}

/// Writes an IPv6 address.
pub fn write_ipv6(out: &mut Json, address: [u8; 16]) {
    out.display(Ipv6Addr::from(address));
}

/// Writes an interface's name; `if4` where it is not known.
#[inline]
pub fn write_link(out: &mut Json, context: &Context<'_>, ifindex: u32) {
    match context.links.name(ifindex) {
        Some(name) => out.text(name),
        None => out.display(format_args!("if{ifindex}")),
    }
}

/// Writes a value that is no nest and no structure.
#[inline(always)]
pub fn write(out: &mut Json, context: &Context<'_>, is: &'static Is, payload: &[u8]) -> Decoded {
    match *is {
        Is::Number(scalar) | Is::NumberUnless(scalar, _) => write_number(out, scalar, payload)?,
        Is::AnyNumber => out.unsigned(any_unsigned(payload)?),
        Is::Bool(scalar) => out.bool(unsigned(scalar, payload)? != 0),
        Is::Present => out.bool(true),
        // Without a key there is no place for the number beside it.
        Is::Named(scalar, names) | Is::NamedId(scalar, names) => {
            let number = unsigned(scalar, payload)?;
            match name_of(names, number) {
                Some(name) => out.plain(name),
                None if is_signed(scalar) => out.display(number as i64),
                None => out.display(number),
            }
        }
        Is::Bits(scalar, names) | Is::Flags(scalar, names) => write_bits(out, names, unsigned(scalar, payload)?),
        Is::Text => out.text(payload),
        Is::Hex => out.hex(payload),
        Is::Hardware => out.hardware(payload),
        Is::Ip => write_ip(out, payload)?,
        Is::Link => write_link(out, context, unsigned(Scalar::U32, payload)? as u32),
        _ => return Err(Wrong::Because("no simple value")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_sign_and_byte_order() {
        assert_eq!(unsigned(Scalar::U16Be, &[1, 2]), Ok(0x0102));
        assert_eq!(unsigned(Scalar::I32, &(-1i32).to_ne_bytes()), Ok(u64::MAX));
        assert_eq!(unsigned(Scalar::U32, &u32::MAX.to_ne_bytes()), Ok(0xffff_ffff));
        assert_eq!(unsigned(Scalar::U64Be, &u64::MAX.to_be_bytes()), Ok(u64::MAX));
        assert_eq!(unsigned(Scalar::I32Be, &(-3i32).to_be_bytes()), Ok(-3i64 as u64));
        assert_eq!(unsigned(Scalar::U32, &[0; 8]), Err(Wrong::Length(4)));
    }

    #[test]
    fn bits_without_a_name_are_kept() {
        let mut json = Json::new();
        write_bits(&mut json, &[(1, "UP"), (6, "BOTH")], 0x4f);
        assert_eq!(String::from_utf8_lossy(json.bytes()), r#"["UP","BOTH","0x48"]"#);
    }
}
