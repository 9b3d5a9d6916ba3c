//! Clocks that are locked to others: devices and pins of the family `dpll`. `DPLL_A_*`, `DPLL_A_PIN_*`: `linux/dpll.h`.

use super::{DPLL, GENLMSGHDR, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, DumpRequest, Hooks, Identity, Is, Kind, NUMBER, Names, Set, SeverityRow, Sides, Wrong, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::unsigned;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::netlink::wire::attribute_u32;

const LOCK_STATUS: u16 = 7;

/// `DPLL_CMD_DEVICE_CREATE_NTF`, `_DELETE_NTF` and `_CHANGE_NTF`, and `DPLL_CMD_DEVICE_GET`.
pub static DEVICE: Kind = Kind {
    name: "dpll_device",
    about: "clocks that lock to others (DPLL): their mode and whether they are locked",
    title: &[named("id"), word("module-name"), word("type"), detail("mode"), detail("lock-status")],
    new: message(DPLL, 4),
    delete: message(DPLL, 5),
    header: &GENLMSGHDR,
    set: &DEVICE_SET,
    identity: Some(Identity { header: &[], attributes: &[1], members: &["id"] }),
    dumps: &[DumpRequest { message: message(DPLL, 2), header: &[2, 1, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks {
        also: &[(message(DPLL, 2), false), (message(DPLL, 6), false)],
        family: Some(|_| 0),
        signals: Some(signals_of),
        severity: &[SeverityRow::all(Severity::Notice)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

/// `DPLL_CMD_PIN_CREATE_NTF`, `_DELETE_NTF` and `_CHANGE_NTF`, and `DPLL_CMD_PIN_GET`.
pub static PIN: Kind = Kind {
    name: "dpll_pin",
    about: "inputs and outputs of such clocks",
    title: &[named("id"), word("board-label").or("package-label"), word("type"), detail("frequency")],
    new: message(DPLL, 10),
    delete: message(DPLL, 11),
    header: &GENLMSGHDR,
    set: &PIN_SET,
    identity: Some(Identity { header: &[], attributes: &[1], members: &["id"] }),
    dumps: &[DumpRequest { message: message(DPLL, 8), header: &[8, 1, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks { also: &[(message(DPLL, 8), false), (message(DPLL, 12), false)], family: Some(|_| 0), ..Hooks::NONE },
    ..Kind::PLAIN
};

static DEVICE_SET: Set = Set::new(
    "DPLL_A",
    &[
        row(1, "id", Is::Number(U32)),
        row(2, "module-name", Is::Text),
        row(3, "pad", Is::Known),
        row(4, "clock-id", Is::Number(U64)),
        row(5, "mode", Is::Named(U32, MODES)),
        row(6, "mode-supported", Is::Named(U32, MODES)).repeated(),
        row(LOCK_STATUS, "lock-status", Is::Named(U32, LOCKS)),
        row(8, "temp", Is::Number(I32)).volatile(),
        row(9, "type", Is::Named(U32, &[(1, "pps"), (2, "eec"), (3, "generic")])),
        row(10, "lock-status-error", Is::Named(U32, LOCK_ERRORS)),
        row(11, "clock-quality-level", Is::Named(U32, QUALITIES)).repeated(),
        row(12, "phase-offset-monitor", Is::Bool(U32)),
        row(13, "phase-offset-avg-factor", Is::Number(U32)),
        row(14, "frequency-monitor", Is::Bool(U32)),
    ],
);
/// `DPLL_MODE_*`.
const MODES: &Names = &[(1, "manual"), (2, "automatic")];
/// `DPLL_LOCK_STATUS_*`.
const LOCKS: &Names =
    &[(UNLOCKED as u64, "unlocked"), (2, "locked"), (3, "locked-ho-acq"), (HOLDOVER as u64, "holdover")];
const UNLOCKED: u32 = 1;
const HOLDOVER: u32 = 4;
/// `DPLL_LOCK_STATUS_ERROR_*`.
const LOCK_ERRORS: &Names =
    &[(1, "none"), (2, "undefined"), (3, "media-down"), (4, "fractional-frequency-offset-too-high")];
/// `DPLL_CLOCK_QUALITY_LEVEL_*`.
const QUALITIES: &Names = &[
    (1, "itu-opt1-prc"),
    (2, "itu-opt1-ssu-a"),
    (3, "itu-opt1-ssu-b"),
    (4, "itu-opt1-eec1"),
    (5, "itu-opt1-prtc"),
    (6, "itu-opt1-eprtc"),
    (7, "itu-opt1-eeec"),
    (8, "itu-opt1-eprc"),
];

static PIN_SET: Set = Set::new(
    "DPLL_A_PIN",
    &[
        row(1, "id", Is::Number(U32)),
        row(2, "parent-id", Is::Number(U32)),
        row(3, "module-name", Is::Text),
        row(4, "pad", Is::Known),
        row(5, "clock-id", Is::Number(U64)),
        row(6, "board-label", Is::Text),
        row(7, "panel-label", Is::Text),
        row(8, "package-label", Is::Text),
        row(9, "type", Is::Named(U32, PIN_TYPES)),
        row(10, "direction", Is::Named(U32, DIRECTIONS)),
        row(11, "frequency", Is::Number(U64)),
        row(12, "frequency-supported", Is::Set(&FREQUENCIES)).repeated(),
        row(15, "prio", Is::Number(U32)),
        row(16, "state", Is::Named(U32, STATES)),
        row(17, "capabilities", Is::Bits(U32, CAPABILITIES)),
        row(18, "parent-device", Is::Set(&PARENT)).repeated(),
        row(19, "parent-pin", Is::Set(&PARENT)).repeated(),
        row(20, "phase-adjust-min", Is::Number(I32)),
        row(21, "phase-adjust-max", Is::Number(I32)),
        row(22, "phase-adjust", Is::Number(I32)),
        row(24, "fractional-frequency-offset", Is::Value(any_signed, NUMBER)).volatile(),
        row(25, "esync-frequency", Is::Number(U64)),
        row(26, "esync-frequency-supported", Is::Set(&FREQUENCIES)).repeated(),
        row(27, "esync-pulse", Is::Number(U32)),
        row(28, "reference-sync", Is::Set(&REFERENCE)).repeated(),
        row(29, "phase-adjust-gran", Is::Number(U32)),
        row(30, "fractional-frequency-offset-ppt", Is::Value(any_signed, NUMBER)).volatile(),
        row(31, "measured-frequency", Is::Number(U64)).volatile(),
        row(32, "operstate", Is::Named(U32, OPERATING)),
    ],
);
/// `DPLL_PIN_TYPE_*`.
const PIN_TYPES: &Names =
    &[(1, "mux"), (2, "ext"), (3, "synce-eth-port"), (4, "int-oscillator"), (5, "gnss"), (6, "int-nco")];
/// `DPLL_PIN_DIRECTION_*`.
const DIRECTIONS: &Names = &[(1, "input"), (2, "output")];
/// `DPLL_PIN_STATE_*`.
const STATES: &Names = &[(1, "connected"), (2, "disconnected"), (3, "selectable")];
/// `DPLL_PIN_OPERSTATE_*`.
const OPERATING: &Names = &[(1, "active"), (2, "standby"), (3, "no-signal"), (4, "qual-failed")];
/// `DPLL_PIN_CAPABILITIES_*`.
const CAPABILITIES: &Names = &[
    (0x1, "direction-can-change"),
    (0x2, "priority-can-change"),
    (0x4, "state-can-change"),
    (0x8, "state-connected-override"),
];

/// A range.
static FREQUENCIES: Set =
    Set::new("DPLL_A_PIN", &[row(13, "frequency-min", Is::Number(U64)), row(14, "frequency-max", Is::Number(U64))]);
/// A device or a pin that this one leads to, and how.
static PARENT: Set = Set::new(
    "DPLL_A_PIN",
    &[
        row(2, "parent-id", Is::Number(U32)),
        row(10, "direction", Is::Named(U32, DIRECTIONS)),
        row(15, "prio", Is::Number(U32)),
        row(16, "state", Is::Named(U32, STATES)),
        row(23, "phase-offset", Is::Number(I64)).volatile(),
        row(24, "fractional-frequency-offset", Is::Value(any_signed, NUMBER)).volatile(),
        row(30, "fractional-frequency-offset-ppt", Is::Value(any_signed, NUMBER)).volatile(),
        row(32, "operstate", Is::Named(U32, OPERATING)),
    ],
);
static REFERENCE: Set =
    Set::new("DPLL_A_PIN", &[row(1, "id", Is::Number(U32)), row(16, "state", Is::Named(U32, STATES))]);

/// A number with a sign, of four octets where it fits into them (`nla_put_sint`).
fn any_signed(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let scalar = match payload.len() {
        4 => I32,
        8 => I64,
        _ => return Err(Wrong::Because("4 or 8 octets expected")),
    };
    out.signed(unsigned(scalar, payload)? as i64);
    Ok(())
}

fn signals_of(sides: &Sides<'_>) -> Signals {
    let locked = |payload: &[u8]| {
        let status = attribute_u32(DEVICE.attributes(payload), LOCK_STATUS)?;
        Some(!matches!(status, UNLOCKED | HOLDOVER))
    };
    match (sides.old.and_then(locked), sides.new.and_then(locked)) {
        (Some(true), Some(false)) => Signals::CLOCK_UNLOCKED,
        (Some(false), Some(true)) => Signals::CLOCK_LOCKED,
        _ => Signals::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{NoLinks, write_object};
    use crate::netlink::wire::append_attribute;

    fn device(status: u32) -> Vec<u8> {
        let mut payload = vec![6, 1, 0, 0];
        append_attribute(&mut payload, 1, &7u32.to_ne_bytes());
        append_attribute(&mut payload, 6, &1u32.to_ne_bytes());
        append_attribute(&mut payload, 6, &2u32.to_ne_bytes());
        append_attribute(&mut payload, LOCK_STATUS, &status.to_ne_bytes());
        payload
    }

    #[test]
    fn a_clock_that_loses_its_lock_is_a_signal() {
        let signals = |old: u32, new: u32| {
            let (old, new) = (device(old), device(new));
            signals_of(&Sides { old: Some(&old), new: Some(&new), message: &new })
        };
        assert_eq!((signals(2, 4), signals(3, 1)), (Signals::CLOCK_UNLOCKED, Signals::CLOCK_UNLOCKED));
        assert_eq!((signals(4, 3), signals(1, 2)), (Signals::CLOCK_LOCKED, Signals::CLOCK_LOCKED));
        assert_eq!((signals(2, 3), signals(4, 1)), (Signals::NONE, Signals::NONE));
    }

    #[test]
    fn devices_and_pins_are_read() {
        let told = |kind: &'static Kind, payload: &[u8]| -> serde_json::Value {
            let mut json = Json::new();
            write_object(&mut json, kind, &kind.context(payload, &NoLinks));
            serde_json::from_slice(json.bytes()).unwrap()
        };
        let expected =
            serde_json::json!({"id": 7, "mode-supported": ["manual", "automatic"], "lock-status": "holdover"});
        assert_eq!(told(&DEVICE, &device(4)), expected);
        let (mut pin, mut parent) = (vec![12, 1, 0, 0], Vec::new());
        append_attribute(&mut parent, 2, &7u32.to_ne_bytes());
        append_attribute(&mut parent, 16, &1u32.to_ne_bytes());
        append_attribute(&mut parent, 23, &(-5i64).to_ne_bytes());
        append_attribute(&mut pin, 1, &3u32.to_ne_bytes());
        append_attribute(&mut pin, 6, b"SMA1\0");
        append_attribute(&mut pin, 18, &parent);
        append_attribute(&mut pin, 24, &(-2i32).to_ne_bytes());
        let expected = serde_json::json!({
            "id": 3, "board-label": "SMA1", "fractional-frequency-offset": -2,
            "parent-device": [{"parent-id": 7, "state": "connected", "phase-offset": -5}],
        });
        assert_eq!(told(&PIN, &pin), expected);
    }
}
