//! Wireless networks: what becomes of stations, access points and the rules of a country. `NL80211_ATTR_*`: `linux/nl80211.h`.
//!
//! Each message is told as it comes, with its command by name. Of the attributes the common ones have tables; those that only a driver or
//! a supplicant reads are octets. Keys are left out.

mod commands;

use commands::COMMANDS;

use super::{ANY_COMMAND, NL80211, message};
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{
    Decoded, Field, Hooks, Interface, Is, Kind, Names, Part, Set, Shape, Sides, Structure, TEXT, field, row,
};
use crate::decode::title::{detail, named, word};
use crate::decode::value::{unsigned, write_named};
use crate::event::Action;
use crate::event::signals::Signals;
use crate::json::Json;
use crate::netlink::wire::{attribute, attributes};

/// `NL80211_CMD_REG_CHANGE`, `_CONNECT`, `_DISCONNECT`, `_FRAME_TX_STATUS` and `_WIPHY_REG_CHANGE`.
const REG_CHANGE: u8 = 36;
const CONNECT: u8 = 46;
const DISCONNECT: u8 = 48;
const FRAME_TX_STATUS: u8 = 60;
const WIPHY_REG_CHANGE: u8 = 113;
/// `NL80211_ATTR_IFINDEX`, `_IFNAME`, `_STATUS_CODE`, `_TIMED_OUT` and `_ACK`.
const IFINDEX: u16 = 3;
const IFNAME: u16 = 4;
const STATUS_CODE: u16 = 72;
const TIMED_OUT: u16 = 65;
const ACK: u16 = 92;

/// Whatever it says.
pub static WIRELESS: Kind = Kind {
    name: "nl80211",
    about: "wireless networks: interfaces, stations, connections, scans",
    title: &[word("cmd"), word("ifname").elsewhere(), named("wiphy"), word("mac"), detail("ssid")],
    new: message(NL80211, ANY_COMMAND),
    header: &HEADER,
    set: &ATTRIBUTES,
    interface: Interface::Attribute(IFINDEX),
    hooks: Hooks {
        action: Some(|_, _| Action::Change),
        family: Some(|_| 0),
        interface_name: Some(interface_name),
        signals: Some(signals_of),
        ..Hooks::NONE
    },
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("genlmsghdr", 4, FIELDS);
const FIELDS: &[Field] = &[field(0, "cmd", Is::Named(U8, COMMANDS))];

fn interface_name(payload: &[u8]) -> Option<&[u8]> {
    let name = attribute(WIRELESS.attributes(payload), IFNAME)?;
    Some(name.strip_suffix(b"\0").unwrap_or(name))
}

/// A connection is one where the status code is 0 (IEEE 802.11) and no time has run out.
fn signals_of(sides: &Sides<'_>) -> Signals {
    let set = WIRELESS.attributes(sides.message);
    let has_failed = || {
        let code = attribute(set, STATUS_CODE).map_or(Ok(0), |code| unsigned(U16, code));
        code != Ok(0) || attribute(set, TIMED_OUT).is_some()
    };
    match sides.message.first().copied() {
        Some(CONNECT) if !has_failed() => Signals::WIFI_CONNECTED,
        Some(DISCONNECT) => Signals::WIFI_DISCONNECTED,
        Some(REG_CHANGE | WIPHY_REG_CHANGE) => Signals::REGDOM_CHANGED,
        _ => Signals::NONE,
    }
}

static ATTRIBUTES: Set = Set::new(
    "NL80211_ATTR",
    &[
        row(1, "wiphy", Is::Number(U32)),
        row(2, "wiphy_name", Is::Text),
        row(IFINDEX, "ifindex", Is::Number(U32)),
        row(IFNAME, "ifname", Is::Text),
        row(5, "iftype", Is::Named(U32, IFTYPES)),
        row(6, "mac", Is::Hardware),
        row(7, "key_data", Is::Known),
        row(8, "key_idx", Is::Number(U8)),
        row(9, "key_cipher", Is::Number(U32)),
        row(10, "key_seq", Is::Hex),
        row(12, "beacon_interval", Is::Number(U32)),
        row(13, "dtim_period", Is::Number(U32)),
        row(16, "sta_aid", Is::Number(U16)),
        row(21, "sta_info", Is::Set(&STATION)).volatile(),
        row(22, "wiphy_bands", Is::Hex),
        row(32, "supported_iftypes", IFTYPES_LIST),
        row(33, "reg_alpha2", Is::Text),
        row(34, "reg_rules", Is::Hex),
        row(38, "wiphy_freq", Is::Number(U32)),
        row(39, "wiphy_channel_type", Is::Named(U32, CHANNEL_TYPES)),
        row(42, "ie", Is::Hex),
        row(43, "max_num_scan_ssids", Is::Number(U8)),
        row(44, "scan_frequencies", Is::Each(&Is::Number(U32))),
        row(45, "scan_ssids", Is::Each(&Is::Text)),
        row(46, "generation", Is::Number(U32)).volatile(),
        row(47, "bss", Is::Hex),
        row(48, "reg_initiator", Is::Named(U8, REGULATORY_INITIATORS)),
        row(49, "reg_type", Is::Named(U8, REGULATORY_TYPES)),
        row(50, "supported_commands", Is::Each(&Is::Named(U32, COMMANDS))),
        row(51, "frame", Is::Hex),
        row(52, "ssid", Is::Text),
        row(54, "reason_code", Is::Number(U16)),
        row(56, "max_scan_ie_len", Is::Number(U16)),
        row(57, "cipher_suites", Is::Hex),
        row(61, "wiphy_retry_short", Is::Number(U8)),
        row(62, "wiphy_retry_long", Is::Number(U8)),
        row(63, "wiphy_frag_threshold", Is::Number(U32)),
        row(64, "wiphy_rts_threshold", Is::Number(U32)),
        row(TIMED_OUT, "timed_out", Is::Present),
        row(67, "sta_flags2", Is::Hex),
        row(71, "disconnected_by_ap", Is::Present),
        row(STATUS_CODE, "status_code", Is::Number(U16)),
        row(77, "req_ie", Is::Hex),
        row(78, "resp_ie", Is::Hex),
        row(80, "key", Is::Known),
        row(81, "keys", Is::Known),
        row(83, "4addr", Is::Bool(U8)),
        row(84, "survey_info", Is::Hex),
        row(85, "pmkid", Is::Known),
        row(86, "max_num_pmkids", Is::Number(U8)),
        row(87, "duration", Is::Number(U32)),
        row(88, "cookie", Is::Members(cookie, COOKIE)),
        row(89, "wiphy_coverage_class", Is::Number(U8)),
        row(ACK, "ack", Is::Elsewhere),
        row(94, "cqm", Is::Set(&CONNECTION_QUALITY)),
        row(98, "wiphy_tx_power_level", Is::Number(U32)),
        row(99, "tx_frame_types", Is::Hex),
        row(100, "rx_frame_types", Is::Hex),
        // In a request it is a number.
        row(102, "control_port_ethertype", Is::Present),
        row(104, "support_ibss_rsn", Is::Present),
        row(108, "offchannel_tx_ok", Is::Present),
        row(111, "max_remain_on_channel_duration", Is::Number(U32)),
        row(113, "wiphy_antenna_avail_tx", Is::Number(U32)),
        row(114, "wiphy_antenna_avail_rx", Is::Number(U32)),
        row(115, "support_mesh_auth", Is::Present),
        row(120, "interface_combinations", Is::Hex),
        row(121, "software_iftypes", IFTYPES_LIST),
        row(122, "rekey_data", Is::Known),
        row(123, "max_num_sched_scan_ssids", Is::Number(U8)),
        row(124, "max_sched_scan_ie_len", Is::Number(U16)),
        row(129, "sta_wme", Is::Hex),
        row(130, "support_ap_uapsd", Is::Present),
        row(133, "max_match_sets", Is::Number(U8)),
        row(139, "tdls_support", Is::Present),
        row(140, "tdls_external_setup", Is::Present),
        row(143, "feature_flags", Is::Number(U32)),
        row(146, "dfs_region", Is::Named(U8, &[(0, "unset"), (1, "fcc"), (2, "etsi"), (3, "jp")])),
        row(148, "ht_capability_mask", Is::Hex),
        row(151, "rx_signal_dbm", Is::Number(I32)),
        row(153, "wdev", Is::Number(U64)),
        row(158, "scan_flags", Is::Number(U32)),
        row(159, "channel_width", Is::Named(U32, CHANNEL_WIDTHS)),
        row(160, "center_freq1", Is::Number(U32)),
        row(161, "center_freq2", Is::Number(U32)),
        row(166, "mac_addrs", Is::Each(&Is::Hardware)),
        row(169, "ext_capa", Is::Hex),
        row(170, "ext_capa_mask", Is::Hex),
        row(173, "protocol_features", Is::Number(U32)),
        row(176, "vht_capability_mask", Is::Hex),
        row(192, "support_5_mhz", Is::Present),
        row(193, "support_10_mhz", Is::Present),
        row(195, "vendor_id", Is::Number(U32)),
        row(196, "vendor_subcmd", Is::Number(U32)),
        row(197, "vendor_data", Is::Hex),
        row(198, "vendor_events", Is::Hex),
        row(206, "max_csa_counters", Is::Number(U8)),
        row(216, "wiphy_self_managed_reg", Is::Present),
        row(217, "ext_features", Is::Hex),
        row(222, "max_num_sched_scan_plans", Is::Number(U32)),
        row(223, "max_scan_plan_interval", Is::Number(U32)),
        row(224, "max_scan_plan_iterations", Is::Number(U32)),
        row(239, "bands", Is::Number(U32)),
        row(242, "fils_kek", Is::Known),
        row(243, "fils_nonces", Is::Known),
        row(248, "timeout_reason", Is::Number(U32)),
        row(254, "pmk", Is::Known),
        row(265, "txq_stats", Is::Set(&QUEUE)).volatile(),
        row(266, "txq_limit", Is::Number(U32)),
        row(267, "txq_memory_limit", Is::Number(U32)),
        row(268, "txq_quantum", Is::Number(U32)),
        row(277, "sae_password", Is::Known),
        row(290, "wiphy_freq_offset", Is::Number(U32)),
        row(306, "mbssid_config", Is::Hex),
        row(313, "mlo_link_id", Is::Number(U8)),
        row(314, "mld_addr", Is::Hardware),
        row(316, "max_num_akm_suites", Is::Number(U16)),
    ],
);
/// `NL80211_IFTYPE_*`.
const IFTYPES: &Names = &[
    (0, "unspecified"),
    (1, "adhoc"),
    (2, "station"),
    (3, "ap"),
    (4, "ap_vlan"),
    (5, "wds"),
    (6, "monitor"),
    (7, "mesh_point"),
    (8, "p2p_client"),
    (9, "p2p_go"),
    (10, "p2p_device"),
    (11, "ocb"),
    (12, "nan"),
    (13, "nan_data"),
    (14, "pd"),
];
/// `NL80211_CHAN_*`.
const CHANNEL_TYPES: &Names = &[(0, "no_ht"), (1, "ht20"), (2, "ht40minus"), (3, "ht40plus")];
/// `NL80211_CHAN_WIDTH_*`.
const CHANNEL_WIDTHS: &Names = &[
    (0, "20_noht"),
    (1, "20"),
    (2, "40"),
    (3, "80"),
    (4, "80p80"),
    (5, "160"),
    (6, "5"),
    (7, "10"),
    (8, "1"),
    (9, "2"),
    (10, "4"),
    (11, "8"),
    (12, "16"),
    (13, "320"),
];
/// `NL80211_REGDOM_SET_BY_*`: who has set the rules.
const REGULATORY_INITIATORS: &Names = &[(0, "core"), (1, "user"), (2, "driver"), (3, "country_ie")];
/// `NL80211_REGDOM_TYPE_*`.
const REGULATORY_TYPES: &Names = &[(0, "country"), (1, "world"), (2, "custom_world"), (3, "intersection")];

/// A nest with an attribute for each type of interface, whose number it is.
const IFTYPES_LIST: Is = Is::Value(iftypes, &Shape::List(TEXT));

fn iftypes(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    out.begin_list();
    attributes(payload).for_each(|found| write_named(out, IFTYPES, found.number.into()));
    out.end_list();
    Ok(())
}

const COOKIE: &[Part] = &[Part::number("cookie"), Part::bool("ack")];

/// What the frame is known by, and whether it was acknowledged, where the message is about that.
fn cookie(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("cookie");
    out.unsigned(unsigned(U64, payload)?);
    let is_acknowledged = context.sibling(ACK).is_some();
    if is_acknowledged || context.header.first() == Some(&FRAME_TX_STATUS) {
        out.key("ack");
        out.bool(is_acknowledged);
    }
    Ok(())
}

/// Of a station: counters, signals in dBm, and how long it is there, in seconds.
static STATION: Set = Set::new(
    "NL80211_STA_INFO",
    &[
        row(1, "inactive_time", Is::Number(U32)),
        row(2, "rx_bytes", Is::Number(U32)),
        row(3, "tx_bytes", Is::Number(U32)),
        row(4, "llid", Is::Number(U16)),
        row(5, "plid", Is::Number(U16)),
        row(6, "plink_state", Is::Number(U8)),
        row(7, "signal", Is::Number(I8)),
        row(8, "tx_bitrate", Is::Hex),
        row(9, "rx_packets", Is::Number(U32)),
        row(10, "tx_packets", Is::Number(U32)),
        row(11, "tx_retries", Is::Number(U32)),
        row(12, "tx_failed", Is::Number(U32)),
        row(13, "signal_avg", Is::Number(I8)),
        row(14, "rx_bitrate", Is::Hex),
        row(15, "bss_param", Is::Hex),
        row(16, "connected_time", Is::Number(U32)),
        row(17, "sta_flags", Is::Hex),
        row(18, "beacon_loss", Is::Number(U32)),
        row(19, "t_offset", Is::Number(I64)),
        row(20, "local_pm", Is::Number(U32)),
        row(21, "peer_pm", Is::Number(U32)),
        row(22, "nonpeer_pm", Is::Number(U32)),
        row(23, "rx_bytes64", Is::Number(U64)),
        row(24, "tx_bytes64", Is::Number(U64)),
        row(25, "chain_signal", Is::Each(&Is::Number(I8))),
        row(26, "chain_signal_avg", Is::Each(&Is::Number(I8))),
        row(27, "expected_throughput", Is::Number(U32)),
        row(28, "rx_drop_misc", Is::Number(U64)),
        row(29, "beacon_rx", Is::Number(U64)),
        row(30, "beacon_signal_avg", Is::Number(I8)),
        row(31, "tid_stats", Is::Hex),
        row(32, "rx_duration", Is::Number(U64)),
        row(33, "pad", Is::Known),
        row(34, "ack_signal", Is::Number(I8)),
        row(35, "ack_signal_avg", Is::Number(I8)),
        row(36, "rx_mpdus", Is::Number(U32)),
        row(37, "fcs_error_count", Is::Number(U32)),
        row(38, "connected_to_gate", Is::Bool(U8)),
        row(39, "tx_duration", Is::Number(U64)),
        row(40, "airtime_weight", Is::Number(U16)),
        row(41, "airtime_link_metric", Is::Number(U32)),
        row(42, "assoc_at_boottime", Is::Number(U64)),
        row(43, "connected_to_as", Is::Bool(U8)),
    ],
);

/// How good a connection is.
static CONNECTION_QUALITY: Set = Set::new(
    "NL80211_ATTR_CQM",
    &[
        row(1, "rssi_thold", Is::Hex),
        row(2, "rssi_hyst", Is::Number(U32)),
        row(3, "rssi_threshold_event", Is::Named(U32, &[(0, "low"), (1, "high"), (2, "beacon_loss")])),
        row(4, "pkt_loss_event", Is::Number(U32)),
        row(5, "txe_rate", Is::Number(U32)),
        row(6, "txe_pkts", Is::Number(U32)),
        row(7, "txe_intvl", Is::Number(U32)),
        row(8, "beacon_loss_event", Is::Present),
        row(9, "rssi_level", Is::Number(I32)),
    ],
);

/// Of an interface's queue.
static QUEUE: Set = Set::new(
    "NL80211_TXQ_STATS",
    &[
        row(1, "backlog_bytes", Is::Number(U32)),
        row(2, "backlog_packets", Is::Number(U32)),
        row(3, "flows", Is::Number(U32)),
        row(4, "drops", Is::Number(U32)),
        row(5, "ecn_marks", Is::Number(U32)),
        row(6, "overlimit", Is::Number(U32)),
        row(7, "overmemory", Is::Number(U32)),
        row(8, "collisions", Is::Number(U32)),
        row(9, "tx_bytes", Is::Number(U32)),
        row(10, "tx_packets", Is::Number(U32)),
        row(11, "max_flows", Is::Number(U32)),
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::nest;

    #[test]
    fn connections_that_fail_are_none() {
        let of = |command: u8, set: &[(u16, &[u8])]| {
            let message = [&[command, 1, 0, 0][..], &nest(set)].concat();
            signals_of(&Sides { old: None, new: Some(&message), message: &message })
        };
        assert_eq!(of(CONNECT, &[(STATUS_CODE, &[0, 0])]), Signals::WIFI_CONNECTED);
        assert_eq!(of(CONNECT, &[(STATUS_CODE, &1_u16.to_ne_bytes())]), Signals::NONE);
        assert_eq!(of(CONNECT, &[(TIMED_OUT, &[])]), Signals::NONE);
        assert_eq!(of(DISCONNECT, &[]), Signals::WIFI_DISCONNECTED);
        assert_eq!(of(REG_CHANGE, &[]), Signals::REGDOM_CHANGED);
        assert_eq!(of(FRAME_TX_STATUS, &[]), Signals::NONE);
    }
}
