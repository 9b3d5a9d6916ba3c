//! What reports errors of a device, and whether it has recovered.

use super::{BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, PORT_INDEX_ROW, also, dump, kind, push_port};
use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Is, Kind, ObjectKey, Set, Sides, TEXT, row};
use crate::decode::title::{detail, word};
use crate::decode::value::unsigned;
use crate::event::Clock;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::netlink::wire::attribute;

/// `DEVLINK_ATTR_HEALTH_REPORTER`, and inside it `_NAME` and `_STATE`.
const REPORTER: u16 = 114;
const NAME: u16 = 115;
const STATE: u16 = 116;

/// `DEVLINK_CMD_HEALTH_REPORTER_RECOVER`, by which the kernel tells, and `DEVLINK_CMD_HEALTH_REPORTER_GET`, its answer to a dump.
pub static HEALTH: Kind = {
    let kind = kind(
        (
            "devlink_health",
            "what reports a device's errors, and whether it is well",
            &[word("bus"), word("dev").joined("/"), word("port_index").joined("/"), word("reporter"), detail("state")],
        ),
        (54, 0, &[also(52)]),
        &[dump(&[52, 1, 0, 0])],
        &HEALTH_SET,
        Identity { header: &[], attributes: &[BUS, DEV], members: &["bus", "dev", "port_index", "reporter"] },
    );
    // Whether it recovers by itself, and when, is set without a word.
    let hooks = Hooks { key: Some(write_key), signals: Some(signals_of), untold_attributes: &[REPORTER], ..kind.hooks };
    Kind { hooks, ..kind }
};

static HEALTH_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[BUS_ROW, DEV_ROW, PORT_INDEX_ROW, row(REPORTER, "reporter", Is::Inline(&REPORTER_SET)), INDEX_ROW],
);
static REPORTER_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        row(NAME, "reporter", Is::Text),
        row(STATE, "state", Is::Named(U8, &[(0, "healthy"), (ERROR, "error")])),
        row(117, "error", Is::AnyNumber),
        row(118, "recover", Is::AnyNumber),
        // The same in units that depend on the kernel's configuration.
        row(119, "dump_ts", Is::Known),
        row(120, "grace_period", Is::AnyNumber),
        row(121, "auto_recover", Is::Bool(U8)),
        row(137, "last_dump", Is::Value(time, TEXT)),
        row(141, "auto_dump", Is::Bool(U8)),
        row(181, "burst_period", Is::AnyNumber),
    ],
);
/// `DEVLINK_HEALTH_REPORTER_STATE_ERROR`, of the kernel's own headers.
const ERROR: u64 = 1;

/// Nanoseconds since 1970.
fn time(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let microseconds = unsigned(U64, payload)? / 1000;
    Clock::default().write(out, i64::try_from(microseconds).unwrap_or(i64::MAX));
    Ok(())
}

fn write_key(key: &mut ObjectKey, _: &[u8], attributes: &[u8]) {
    push_port(key, attributes);
    push(key, attribute(attributes, REPORTER).and_then(|reporter| attribute(reporter, NAME)));
}

/// Whether a payload says that there is an error.
fn is_error(payload: &[u8]) -> bool {
    let reporter = attribute(HEALTH.attributes(payload), REPORTER);
    let state = reporter.and_then(|reporter| attribute(reporter, STATE));
    state.is_some_and(|state| unsigned(U8, state) == Ok(ERROR))
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    match (sides.old.map(is_error), sides.new.map(is_error)) {
        (None | Some(false), Some(true)) => Signals::HEALTH_ERROR,
        (Some(true), Some(false)) => Signals::HEALTH_RECOVERED,
        _ => Signals::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::nest;

    #[test]
    fn errors_and_recoveries_are_told() {
        let payload = |state: u8| [&[54, 1, 0, 0][..], &nest(&[(REPORTER, &nest(&[(STATE, &[state])]))])].concat();
        let (healthy, error) = (payload(0), payload(1));
        let signals = |old, new| signals_of(&Sides { old, new, message: &[] });
        assert_eq!(signals(Some(&healthy[..]), Some(&error[..])), Signals::HEALTH_ERROR);
        assert_eq!(signals(None, Some(&error[..])), Signals::HEALTH_ERROR);
        assert_eq!(signals(Some(&error[..]), Some(&healthy[..])), Signals::HEALTH_RECOVERED);
        assert_eq!(signals(None, Some(&healthy[..])), Signals::NONE);
        assert_eq!(signals(Some(&error[..]), Some(&error[..])), Signals::NONE);
    }
}
