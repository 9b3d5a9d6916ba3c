//! Encapsulations of routes and nexthops.

use crate::decode::json::Json;
use crate::decode::schema::{Decoded, Wrong};
use crate::decode::value::any_unsigned;
use crate::decode::walk::{Context, write_set};
use crate::kinds::{encap, nexthop, route};

/// `RTA_ENCAP`, by the `RTA_ENCAP_TYPE` beside it.
pub fn route(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write(out, context, payload, route::RTA_ENCAP_TYPE)
}

/// `NHA_ENCAP`, by the `NHA_ENCAP_TYPE` beside it.
pub fn nexthop(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    write(out, context, payload, nexthop::NHA_ENCAP_TYPE)
}

fn write(out: &mut Json, context: &Context<'_>, payload: &[u8], by: u16) -> Decoded {
    let by = any_unsigned(context.sibling(by).ok_or(Wrong::Because("its type is missing"))?)?;
    let Some((_, name, set)) = encap::BY_TYPE.iter().find(|(number, ..)| *number == by) else {
        return Err(Wrong::Because("a type that is not known"));
    };
    out.begin_object();
    out.key("encap_type");
    out.string(name);
    write_set(out, &context.inside(payload), set, payload);
    out.end_object();
    Ok(())
}
