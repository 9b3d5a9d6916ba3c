//! Values of CAN controllers.

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Scalar};
use crate::decode::value::unsigned;
use crate::json::Json;

/// A fraction in thousandths: where in a bit it is sampled.
pub fn thousandths(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.float(unsigned(Scalar::U32, payload)? as f64 / 1000.0);
    Ok(())
}

/// The limits of a number of which only the upper one is told: the lower one is 1.
pub fn up_to(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let most = unsigned(Scalar::U32, payload)?;
    out.begin_object();
    out.key("min");
    out.unsigned(1);
    out.key("max");
    out.unsigned(most);
    out.end_object();
    Ok(())
}
