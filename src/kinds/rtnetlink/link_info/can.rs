//! CAN controllers (`linux/can/netlink.h`).

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, NUMBER, Names, Part, Scalar, Set, Shape, Structure, field, field_of, row};
use crate::decode::value::unsigned;
use crate::json::Json;

/// `IFLA_CAN_*`.
pub static CAN: Set = Set::new(
    "IFLA_CAN",
    &[
        row(1, "bittiming", Is::Structure(&TIMING)),
        row(2, "bittiming_const", Is::Structure(&TIMING_LIMITS)),
        row(3, "clock", Is::InlineStructure(&CLOCK)),
        row(4, "state", Is::Named(Scalar::U32, STATES)),
        row(5, "ctrlmode_and_mask", Is::InlineStructure(&MODE)),
        row(6, "restart_ms", Is::Number(Scalar::U32)),
        row(7, "restart", Is::Present),
        row(8, "berr_counter", Is::Structure(&ERRORS)).volatile(),
        row(9, "data_bittiming", Is::Structure(&TIMING)),
        row(10, "data_bittiming_const", Is::Structure(&TIMING_LIMITS)),
        row(11, "termination", Is::Number(Scalar::U16)),
        row(12, "termination_const", Is::Array(&Is::Number(Scalar::U16), 2)),
        row(13, "bitrate_const", Is::Array(&Is::Number(Scalar::U32), 4)),
        row(14, "data_bitrate_const", Is::Array(&Is::Number(Scalar::U32), 4)),
        row(15, "bitrate_max", Is::Number(Scalar::U32)),
        row(16, "tdc", Is::Set(&DELAY)),
        row(17, "ctrlmode_ext", Is::Inline(&MODE_EXTENSION)),
        row(18, "xl_data_bittiming", Is::Structure(&TIMING)),
        row(19, "xl_data_bittiming_const", Is::Structure(&TIMING_LIMITS)),
        row(20, "xl_data_bitrate_const", Is::Array(&Is::Number(Scalar::U32), 4)),
        row(21, "xl_tdc", Is::Set(&DELAY)),
        row(22, "xl_pwm", Is::Set(&PULSES)),
    ],
);

/// `enum can_state`.
static STATES: &Names =
    &[(0, "ERROR-ACTIVE"), (1, "ERROR-WARNING"), (2, "ERROR-PASSIVE"), (3, "BUS-OFF"), (4, "STOPPED"), (5, "SLEEPING")];

/// `CAN_CTRLMODE_*`.
static MODES: &Names = &[
    (0x1, "LOOPBACK"),
    (0x2, "LISTEN-ONLY"),
    (0x4, "TRIPLE-SAMPLING"),
    (0x8, "ONE-SHOT"),
    (0x10, "BERR-REPORTING"),
    (0x20, "FD"),
    (0x80, "FD-NON-ISO"),
    (0x40, "PRESUME-ACK"),
    (0x100, "CC-LEN8-DLC"),
    (0x200, "TDC-AUTO"),
    (0x400, "TDC-MANUAL"),
    (0x800, "RESTRICTED"),
    (0x1000, "XL"),
    (0x2000, "XL-TDC-AUTO"),
    (0x4000, "XL-TDC-MANUAL"),
    (0x8000, "TMS"),
];

static TIMING: Structure = Structure::new(
    "can_bittiming",
    32,
    &[
        field(0, "bitrate", Is::Number(Scalar::U32)),
        field_of(4, 4, "sample_point", Is::Value(thousandths, NUMBER)),
        field(8, "tq", Is::Number(Scalar::U32)),
        field(12, "prop_seg", Is::Number(Scalar::U32)),
        field(16, "phase_seg1", Is::Number(Scalar::U32)),
        field(20, "phase_seg2", Is::Number(Scalar::U32)),
        field(24, "sjw", Is::Number(Scalar::U32)),
        field(28, "brp", Is::Number(Scalar::U32)),
    ],
);

static TIMING_LIMITS: Structure = Structure::new(
    "can_bittiming_const",
    48,
    &[
        field_of(0, 16, "name", Is::Text),
        field_of(16, 8, "tseg1", Is::Structure(&LIMITS)),
        field_of(24, 8, "tseg2", Is::Structure(&LIMITS)),
        field_of(32, 4, "sjw", Is::Value(up_to, UP_TO_SHAPE)),
        field_of(36, 8, "brp", Is::Structure(&LIMITS)),
        field(44, "brp_inc", Is::Number(Scalar::U32)),
    ],
);

static LIMITS: Structure = Structure::new(
    "can_bittiming_const",
    8,
    &[field(0, "min", Is::Number(Scalar::U32)), field(4, "max", Is::Number(Scalar::U32))],
);

static CLOCK: Structure = Structure::new("can_clock", 4, &[field(0, "clock", Is::Number(Scalar::U32))]);

static MODE: Structure = Structure::new("can_ctrlmode", 8, &[field(4, "ctrlmode", Is::Bits(Scalar::U32, MODES))]);

static ERRORS: Structure = Structure::new(
    "can_berr_counter",
    4,
    &[field(0, "tx", Is::Number(Scalar::U16)), field(2, "rx", Is::Number(Scalar::U16))],
);

/// `IFLA_CAN_CTRLMODE_*`.
static MODE_EXTENSION: Set =
    Set::new("IFLA_CAN_CTRLMODE", &[row(1, "ctrlmode_supported", Is::Bits(Scalar::U32, MODES))]);

/// `IFLA_CAN_TDC_*`: compensation of the transmitter's delay.
static DELAY: Set = Set::new(
    "IFLA_CAN_TDC",
    &[
        row(1, "tdcv_min", Is::Number(Scalar::U32)),
        row(2, "tdcv_max", Is::Number(Scalar::U32)),
        row(3, "tdco_min", Is::Number(Scalar::U32)),
        row(4, "tdco_max", Is::Number(Scalar::U32)),
        row(5, "tdcf_min", Is::Number(Scalar::U32)),
        row(6, "tdcf_max", Is::Number(Scalar::U32)),
        row(7, "tdcv", Is::Number(Scalar::U32)),
        row(8, "tdco", Is::Number(Scalar::U32)),
        row(9, "tdcf", Is::Number(Scalar::U32)),
    ],
);

/// `IFLA_CAN_PWM_*`: pulse widths of CAN XL.
static PULSES: Set = Set::new(
    "IFLA_CAN_PWM",
    &[
        row(1, "pwms_min", Is::Number(Scalar::U32)),
        row(2, "pwms_max", Is::Number(Scalar::U32)),
        row(3, "pwml_min", Is::Number(Scalar::U32)),
        row(4, "pwml_max", Is::Number(Scalar::U32)),
        row(5, "pwmo_min", Is::Number(Scalar::U32)),
        row(6, "pwmo_max", Is::Number(Scalar::U32)),
        row(7, "pwms", Is::Number(Scalar::U32)),
        row(8, "pwml", Is::Number(Scalar::U32)),
        row(9, "pwmo", Is::Number(Scalar::U32)),
    ],
);

/// `struct can_device_stats`, in `IFLA_INFO_XSTATS`.
pub static COUNTERS: Structure = Structure::new(
    "can_device_stats",
    24,
    &[
        field(0, "bus_error", Is::Number(Scalar::U32)),
        field(4, "error_warning", Is::Number(Scalar::U32)),
        field(8, "error_passive", Is::Number(Scalar::U32)),
        field(12, "bus_off", Is::Number(Scalar::U32)),
        field(16, "arbitration_lost", Is::Number(Scalar::U32)),
        field(20, "restarts", Is::Number(Scalar::U32)),
    ],
);

/// A fraction in thousandths: where in a bit it is sampled.
pub fn thousandths(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.float(unsigned(Scalar::U32, payload)? as f64 / 1000.0);
    Ok(())
}

/// What [`up_to`] writes.
const UP_TO_SHAPE: &Shape = &Shape::Object(&[Part::number("min"), Part::number("max")]);

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
