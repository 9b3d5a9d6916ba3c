//! The virtual functions of a network card (SR-IOV): `IFLA_VFINFO_LIST` (`linux/if_link.h`).

use libc::ARPHRD_ETHER;

use crate::decode::context::Context;
use crate::decode::schema::{Decoded, Is, Part, Scalar, Set, Shape, Structure, TEXT, Wrong, field, field_of, row};
use crate::decode::value::{self, unsigned};
use crate::decode::walk::Leftovers;
use crate::json::Json;
use crate::kinds::rtnetlink::names::{ETHER_TYPES, LINK_TYPES};
use crate::kinds::rtnetlink::shared::{link_type, write_hardware};
use crate::netlink::wire::attribute;

pub(super) static ONE_FUNCTION: Is = Is::Set(&VIRTUAL_FUNCTION);

/// `IFLA_VF_*`: a virtual function of SR-IOV.
static VIRTUAL_FUNCTION: Set = Set::new(
    "IFLA_VF",
    &[
        row(1, "mac", Is::Members(function, FUNCTION_PARTS)),
        row(2, "vlan_and_qos", Is::InlineStructure(&FUNCTION_VLAN)),
        row(3, "tx_rate_limit", Is::InlineStructure(&FUNCTION_SENDING_RATE)),
        row(4, "spoofchk", Is::Members(function_spoof_check, FUNCTION_SPOOF_CHECK_PARTS)),
        row(5, "link_state_setting", Is::InlineStructure(&FUNCTION_LINK_STATE)),
        row(6, "rate", Is::Structure(&FUNCTION_RATE)),
        row(7, "query_rss_en", Is::Members(function_rss_query, FUNCTION_RSS_QUERY_PARTS)),
        row(8, "stats", Is::Value(function_statistics, FUNCTION_STATISTICS_SHAPE)).volatile(),
        row(9, "trust", Is::Members(function_trust, FUNCTION_TRUST_PARTS)),
        row(10, "node", Is::InlineStructure(&FUNCTION_NODE)),
        row(11, "port", Is::InlineStructure(&FUNCTION_PORT)),
        row(12, "vlan_list", Is::Each(&Is::Structure(&FUNCTION_VLAN_INFO))),
        row(13, "broadcast", Is::Value(function_address, TEXT)),
    ],
);

static FUNCTION_VLAN: Structure = Structure::new(
    "ifla_vf_vlan",
    12,
    &[field(4, "vlan", Is::Number(Scalar::U32)), field(8, "qos", Is::Number(Scalar::U32))],
);

static FUNCTION_SENDING_RATE: Structure =
    Structure::new("ifla_vf_tx_rate", 8, &[field(4, "tx_rate", Is::Number(Scalar::U32))]);

static FUNCTION_LINK_STATE: Structure = Structure::new(
    "ifla_vf_link_state",
    8,
    &[field(4, "link_state", Is::Named(Scalar::U32, &[(0, "auto"), (1, "enable"), (2, "disable")]))],
);

static FUNCTION_RATE: Structure = Structure::new(
    "ifla_vf_rate",
    12,
    &[field(4, "min_tx", Is::Number(Scalar::U32)), field(8, "max_tx", Is::Number(Scalar::U32))],
);

static FUNCTION_NODE: Structure =
    Structure::new("ifla_vf_guid", 16, &[field_of(8, 8, "node_guid", Is::Value(guid, TEXT))]);

static FUNCTION_PORT: Structure =
    Structure::new("ifla_vf_guid", 16, &[field_of(8, 8, "port_guid", Is::Value(guid, TEXT))]);

static FUNCTION_VLAN_INFO: Structure = Structure::new(
    "ifla_vf_vlan_info",
    16,
    &[
        field(4, "vlan", Is::Number(Scalar::U32)),
        field(8, "qos", Is::Number(Scalar::U32)),
        field(12, "protocol", Is::Named(Scalar::U16Be, ETHER_TYPES)),
    ],
);

/// The address of a virtual function, out of the 32 octets that the kernel keeps for it.
fn function_address(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let octets = if link_type(context) == ARPHRD_ETHER { 6 } else { 20 };
    let address = payload.get(..octets).ok_or(Wrong::Short(octets))?;
    write_hardware(out, Some(link_type(context)), address);
    Ok(())
}

/// The members that [`function`] writes.
const FUNCTION_PARTS: &[Part] = &[Part::number("vf"), Part::text("link_type"), Part::text("address")];

/// `vf`, `link_type` and `address` of a virtual function (`struct ifla_vf_mac`).
fn function(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    if payload.len() < 36 {
        return Err(Wrong::Short(36));
    }
    out.key("vf");
    out.unsigned(unsigned(Scalar::U32, &payload[..4])?);
    out.key("link_type");
    value::write_named(out, LINK_TYPES, link_type(context).into());
    out.key("address");
    function_address(out, context, &payload[4..])
}

/// A setting of a virtual function under that key, unless the driver does not know it (`-1`).
fn write_setting(out: &mut Json, key: &'static str, payload: &[u8]) -> Decoded {
    let setting = payload.get(4..8).ok_or(Wrong::Short(8))?;
    let setting = unsigned(Scalar::U32, setting)? as u32;
    if setting != u32::MAX {
        out.key(key);
        out.bool(setting != 0);
    }
    Ok(())
}

/// The members that [`function_spoof_check`] writes.
const FUNCTION_SPOOF_CHECK_PARTS: &[Part] = &[Part::bool("spoofchk")];

/// `spoofchk` (`struct ifla_vf_spoofchk`).
fn function_spoof_check(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "spoofchk", payload)
}

/// The members that [`function_trust`] writes.
const FUNCTION_TRUST_PARTS: &[Part] = &[Part::bool("trust")];

/// `trust` (`struct ifla_vf_trust`).
fn function_trust(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "trust", payload)
}

/// The members that [`function_rss_query`] writes.
const FUNCTION_RSS_QUERY_PARTS: &[Part] = &[Part::bool("query_rss_en")];

/// `query_rss_en` (`struct ifla_vf_rss_query_en`).
fn function_rss_query(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    write_setting(out, "query_rss_en", payload)
}

/// What [`function_statistics`] writes.
const FUNCTION_STATISTICS_SHAPE: &Shape = &Shape::Object(&[
    Part::Member(
        "rx",
        &Shape::Object(&[
            Part::number("bytes"),
            Part::number("packets"),
            Part::number("multicast"),
            Part::number("broadcast"),
            Part::number("dropped"),
        ]),
    ),
    Part::Member(
        "tx",
        &Shape::Object(&[Part::number("tx_bytes"), Part::number("tx_packets"), Part::number("dropped")]),
    ),
]);

/// `stats` of a virtual function (`IFLA_VF_STATS_*`), as `ip -s link` groups them.
fn function_statistics(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    const RECEIVED: &[(u16, &str)] =
        &[(2, "bytes"), (0, "packets"), (5, "multicast"), (4, "broadcast"), (7, "dropped")];
    const SENT: &[(u16, &str)] = &[(3, "tx_bytes"), (1, "tx_packets"), (8, "dropped")];
    /// `IFLA_VF_STATS_PAD`.
    const PADDING: u16 = 6;
    let is_counter = |number: u16| [RECEIVED, SENT].concat().iter().any(|&(known, _)| known == number);
    out.begin_object();
    for (direction, counters) in [("rx", RECEIVED), ("tx", SENT)] {
        out.key(direction);
        out.begin_object();
        for &(number, key) in counters {
            if let Some(counter) = attribute(payload, number) {
                out.key(key);
                out.unsigned(unsigned(Scalar::U64, counter)?);
            }
        }
        out.end_object();
    }
    Leftovers::of(payload, |number| number == PADDING || is_counter(number)).write(out);
    out.end_object();
    Ok(())
}

/// An InfiniBand GUID, eight octets of a number: `00:11:…`, the highest first.
fn guid(out: &mut Json, _context: &Context<'_>, payload: &[u8]) -> Decoded {
    let guid = unsigned(Scalar::U64, payload)?;
    out.hardware(&guid.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::decode::testing::nest;
    use crate::kinds::rtnetlink::link::tests::link;

    #[test]
    fn a_virtual_function() {
        let mut mac = vec![1, 0, 0, 0, 2, 0, 0, 0, 0, 9];
        mac.resize(36, 0);
        let function = nest(&[
            (1, &mac),
            (4, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            (9, &[1, 0, 0, 0, 1, 0, 0, 0]),
            (8, &nest(&[(2, &7u64.to_ne_bytes()), (6, &[]), (9, &[1])])),
        ]);
        let text = link(1, 0, &[(22, &nest(&[(1, &function)]))]).0;
        let head = r#""vfinfo_list":[{"vf":1,"link_type":"ether","address":"02:00:00:00:00:09","trust":true"#;
        let unknown = r#""unknown":[{"attr":9,"hex":"01"}]"#;
        assert!(text.contains(&format!(r#"{head},"stats":{{"rx":{{"bytes":7}},"tx":{{}},{unknown}}}}}]"#)), "{text}");
    }
}
