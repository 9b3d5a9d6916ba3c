//! `struct tcp_info` (`linux/tcp.h`), by the names that `ss -i` gives its members; what is 0 is left out, as there. Kernels differ in
//! how much of it they have.

use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Field, Is, NUMBER, Names, Part, Structure, Wrong, field, field_of};
use crate::decode::value::unsigned;
use crate::json::Json;

/// The structure.
pub static TCP_INFO: Structure = Structure::new("tcp_info", 280, FIELDS);

const FIELDS: &[Field] = &[
    field(5, "options", Is::Bits(U8, OPTIONS)),
    field_of(6, 1, "wscale", Is::Members(scales, &[Part::number("snd_wscale"), Part::number("rcv_wscale")])),
    field_of(7, 1, "app_limited", Is::Members(limited, &[Part::bool("app_limited")])),
    field(1, "ca_state", Is::Named(U8, CONGESTION_STATES)),
    field(4, "backoff", Is::NumberUnless(U8, 0)),
    field_of(8, 4, "rto", MILLISECONDS),
    field_of(68, 4, "rtt", MILLISECONDS),
    field_of(72, 4, "rttvar", MILLISECONDS),
    field_of(148, 4, "minrtt", MILLISECONDS),
    field_of(12, 4, "ato", MILLISECONDS),
    field(16, "mss", Is::NumberUnless(U32, 0)),
    field(60, "pmtu", Is::NumberUnless(U32, 0)),
    field(20, "rcvmss", Is::NumberUnless(U32, 0)),
    field(84, "advmss", Is::NumberUnless(U32, 0)),
    field(80, "cwnd", Is::NumberUnless(U32, 0)),
    field(76, "ssthresh", Is::NumberUnless(U32, 0x7fff_ffff)),
    field(200, "bytes_sent", Is::NumberUnless(U64, 0)),
    field(208, "bytes_retrans", Is::NumberUnless(U64, 0)),
    field(120, "bytes_acked", Is::NumberUnless(U64, 0)),
    field(128, "bytes_received", Is::NumberUnless(U64, 0)),
    field(136, "segs_out", Is::NumberUnless(U32, 0)),
    field(140, "segs_in", Is::NumberUnless(U32, 0)),
    field(156, "data_segs_out", Is::NumberUnless(U32, 0)),
    field(152, "data_segs_in", Is::NumberUnless(U32, 0)),
    field(44, "lastsnd", Is::NumberUnless(U32, 0)),
    field(52, "lastrcv", Is::NumberUnless(U32, 0)),
    field(56, "lastack", Is::NumberUnless(U32, 0)),
    field(104, "pacing_rate", Is::NumberUnless(U64, u64::MAX)),
    field(112, "max_pacing_rate", Is::NumberUnless(U64, u64::MAX)),
    field(160, "delivery_rate", Is::NumberUnless(U64, 0)),
    field(192, "delivered", Is::NumberUnless(U32, 0)),
    field(196, "delivered_ce", Is::NumberUnless(U32, 0)),
    field_of(168, 8, "busy", MILLISECONDS),
    field_of(176, 8, "rwnd_limited", MILLISECONDS),
    field_of(184, 8, "sndbuf_limited", MILLISECONDS),
    field(24, "unacked", Is::NumberUnless(U32, 0)),
    field(2, "retransmits", Is::NumberUnless(U8, 0)),
    field(3, "probes", Is::NumberUnless(U8, 0)),
    field(36, "retrans", Is::NumberUnless(U32, 0)),
    field(100, "total_retrans", Is::NumberUnless(U32, 0)),
    field(32, "lost", Is::NumberUnless(U32, 0)),
    field(28, "sacked", Is::NumberUnless(U32, 0)),
    field(216, "dsack_dups", Is::NumberUnless(U32, 0)),
    field(40, "fackets", Is::NumberUnless(U32, 0)),
    field(88, "reordering", Is::NumberUnless(U32, 0)),
    field(220, "reord_seen", Is::NumberUnless(U32, 0)),
    field_of(92, 4, "rcv_rtt", MILLISECONDS),
    field(96, "rcv_space", Is::NumberUnless(U32, 0)),
    field(64, "rcv_ssthresh", Is::NumberUnless(U32, 0)),
    field(144, "notsent", Is::NumberUnless(U32, 0)),
    field(224, "rcv_ooopack", Is::NumberUnless(U32, 0)),
    field(228, "snd_wnd", Is::NumberUnless(U32, 0)),
    field(232, "rcv_wnd", Is::NumberUnless(U32, 0)),
    field(236, "rehash", Is::NumberUnless(U32, 0)),
    field(240, "total_rto", Is::NumberUnless(U16, 0)),
    field(242, "total_rto_recoveries", Is::NumberUnless(U16, 0)),
    field(244, "total_rto_time", Is::NumberUnless(U32, 0)),
    field(248, "received_ce", Is::NumberUnless(U32, 0)),
    field(252, "delivered_e1_bytes", Is::NumberUnless(U32, 0)),
    field(256, "delivered_e0_bytes", Is::NumberUnless(U32, 0)),
    field(260, "delivered_ce_bytes", Is::NumberUnless(U32, 0)),
    field(264, "received_e1_bytes", Is::NumberUnless(U32, 0)),
    field(268, "received_e0_bytes", Is::NumberUnless(U32, 0)),
    field(272, "received_ce_bytes", Is::NumberUnless(U32, 0)),
    field(276, "accecn_fail_mode", Is::NumberUnless(U16, 0)),
    field(278, "accecn_opt_seen", Is::NumberUnless(U16, 0)),
];

/// `TCPI_OPT_*`.
const OPTIONS: &Names = &[
    (0x1, "ts"),
    (0x2, "sack"),
    (0x4, "wscale"),
    (0x8, "ecn"),
    (0x10, "ecnseen"),
    (0x20, "fastopen"),
    (0x40, "usec_ts"),
    (0x80, "tfo_child"),
];

/// `enum tcp_ca_state`.
const CONGESTION_STATES: &Names = &[(0, "open"), (1, "disorder"), (2, "cwr"), (3, "recovery"), (4, "loss")];

/// Microseconds as milliseconds.
const MILLISECONDS: Is = Is::Value(milliseconds, NUMBER);

fn milliseconds(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let microseconds = unsigned(if payload.len() == 8 { U64 } else { U32 }, payload)?;
    if microseconds.is_multiple_of(1000) {
        out.unsigned(microseconds / 1000);
    } else {
        out.float(microseconds as f64 / 1000.0);
    }
    Ok(())
}

/// The windows' scales: half an octet each, the first in the lower half where bit fields begin there.
fn scales(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let &[octet] = payload else { return Err(Wrong::Length(1)) };
    let halves = [octet & 15, octet >> 4];
    let [sent, received] = if cfg!(target_endian = "little") { halves } else { [halves[1], halves[0]] };
    for (key, scale) in [("snd_wscale", sent), ("rcv_wscale", received)] {
        if octet != 0 {
            out.key(key);
            out.unsigned(scale.into());
        }
    }
    Ok(())
}

/// Whether the rate of delivery was what the program gave, and not what the network could.
fn limited(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let &[octet] = payload else { return Err(Wrong::Length(1)) };
    let bit = if cfg!(target_endian = "little") { 1 } else { 0x80 };
    if octet & bit != 0 {
        out.key("app_limited");
        out.bool(true);
    }
    Ok(())
}
