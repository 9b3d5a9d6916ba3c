//! Thermal zones and what cools them, as the family `thermal` tells of them. `THERMAL_GENL_ATTR_*`: `linux/thermal.h`.
//!
//! Samples of temperatures come on a group of their own, which is not joined: each reading of each zone would be told.

use super::{ANY_COMMAND, THERMAL, message};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Field, Hooks, Is, Kind, Names, Set, SeverityRow, Structure, field, row};
use crate::decode::title::{named, word};
use crate::event::Action;
use crate::event::severity::Severity;

/// `THERMAL_GENL_EVENT_*`.
pub static THERMAL_EVENT: Kind = Kind {
    name: "thermal",
    about: "thermal zones: trip points that are crossed, cooling",
    title: &[word("cmd"), named("tz_id"), word("tz_name"), named("trip_id"), named("cdev_id"), named("tz_temp")],
    new: message(THERMAL, ANY_COMMAND),
    header: &HEADER,
    set: &ATTRIBUTES,
    hooks: Hooks {
        action: Some(|_, _| Action::Change),
        family: Some(|_| 0),
        severity: &[SeverityRow::all(Severity::Notice)],
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("genlmsghdr", 4, FIELDS);
const FIELDS: &[Field] = &[field(0, "cmd", Is::Named(U8, EVENTS))];
/// `THERMAL_GENL_EVENT_*`.
const EVENTS: &Names = &[
    (1, "tz_create"),
    (2, "tz_delete"),
    (3, "tz_disable"),
    (4, "tz_enable"),
    (5, "tz_trip_up"),
    (6, "tz_trip_down"),
    (7, "tz_trip_change"),
    (8, "tz_trip_add"),
    (9, "tz_trip_delete"),
    (10, "cdev_add"),
    (11, "cdev_delete"),
    (12, "cdev_state_update"),
    (13, "tz_gov_change"),
    (14, "cpu_capability_change"),
    (15, "threshold_add"),
    (16, "threshold_delete"),
    (17, "threshold_flush"),
    (18, "threshold_up"),
    (19, "threshold_down"),
];

/// Temperatures are thousandths of a degree Celsius.
static ATTRIBUTES: Set = Set::new(
    "THERMAL_GENL_ATTR",
    &[
        row(2, "tz_id", Is::Number(U32)),
        row(3, "tz_temp", Is::Number(I32)),
        row(5, "trip_id", Is::Number(U32)),
        row(6, "trip_type", Is::Named(U32, &[(0, "active"), (1, "passive"), (2, "hot"), (3, "critical")])),
        row(7, "trip_temp", Is::Number(I32)),
        row(8, "trip_hyst", Is::Number(I32)),
        row(9, "tz_mode", Is::Number(U32)),
        row(10, "tz_name", Is::Text),
        row(11, "tz_cdev_weight", Is::Number(U32)),
        row(13, "tz_gov_name", Is::Text),
        row(15, "cdev_id", Is::Number(U32)),
        row(16, "cdev_cur_state", Is::Number(U32)),
        row(17, "cdev_max_state", Is::Number(U32)),
        row(18, "cdev_name", Is::Text),
        row(19, "gov_name", Is::Text),
        // A row of three attributes for each processor: as octets.
        row(20, "cpu_capability", Is::Hex),
        row(25, "threshold_temp", Is::Number(I32)),
        row(26, "threshold_direction", Is::Bits(U32, &[(0x1, "up"), (0x2, "down")])),
        row(27, "tz_prev_temp", Is::Number(I32)),
    ],
);
