//! Messages of the smaller families, from the kernel's numbers to the object.

use serde_json::{Value, json};

use super::families::Families;
use super::unknown;
use crate::decode::{NoLinks, write_object};
use crate::json::Json;
use crate::kinds::{of_message, renumbered_by};
use crate::netlink::wire::{Header, append_attribute, append_message, messages};

/// The number that the family has here.
const ID: u16 = 900;

fn nest(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut nest = Vec::new();
    attributes.iter().for_each(|(number, value)| append_attribute(&mut nest, *number, value));
    nest
}

/// What becomes of a message: the kind, whether it says that the object is gone, and the object.
fn told(family: &str, command: u8, attributes: &[(u16, &[u8])]) -> Vec<(&'static str, bool, Value)> {
    let (mut datagram, mut adapted) = (Vec::new(), Vec::new());
    let name = format!("{family}\0");
    let new = [&[1, 2, 0, 0][..], &nest(&[(1, &ID.to_ne_bytes()), (2, name.as_bytes())])].concat();
    append_message(&mut datagram, Header { kind: 16, ..Header::default() }, &new);
    let body = [&[command, 1, 0, 0][..], &nest(attributes)].concat();
    append_message(&mut datagram, Header { kind: ID, ..Header::default() }, &body);
    Families::default().adapt(&datagram, &mut adapted);
    let read = |message: crate::netlink::wire::Message<'_>| {
        let (kind, gone) = of_message(message.header.kind, 0).expect("a kind");
        let mut json = Json::new();
        write_object(&mut json, kind.table(), &kind.table().context(message.payload, &NoLinks));
        (kind.table().name, gone, serde_json::from_slice(json.bytes()).unwrap())
    };
    messages(&adapted).skip(1).map(read).collect()
}

#[test]
fn ports_and_options_of_a_team_are_one_each() {
    let (three, four) = (3u32.to_ne_bytes(), 4u32.to_ne_bytes());
    let port = |index: &[u8], more: &[(u16, &[u8])]| nest(&[&[(1, index)][..], more].concat());
    let speed = 10_000u32.to_ne_bytes();
    let ports = nest(&[
        (1, &port(&three, &[(2, &[]), (3, &[]), (4, &speed), (5, &[1])])),
        (1, &port(&four, &[(2, &[]), (6, &[])])),
    ]);
    let found = told("team", 3, &[(1, &7u32.to_ne_bytes()), (3, &ports)]);
    let team = |id: u32, name: &str| json!({"team": "if7", "team_id": 7, "port": name, "port_id": id});
    let mut first = team(3, "if3");
    first["linkup"] = true.into();
    first["speed"] = 10_000.into();
    first["duplex"] = "full".into();
    assert_eq!(found, [("team_port", false, first), ("team_port", true, team(4, "if4"))]);
    // Each type's value is a text; a flag that is not there is false.
    let minus = (-3i32).to_ne_bytes();
    let options: [(u8, Option<&[u8]>, &str); 6] = [
        (3, Some(&three), "3"),
        (5, Some(b"activebackup\0"), "activebackup"),
        (6, Some(&[]), "true"),
        (6, None, "false"),
        (14, Some(&minus), "-3"),
        (11, Some(&[0xab, 0xcd]), "abcd"),
    ];
    for (kind, data, value) in options {
        let mut option = nest(&[(1, b"x\0"), (3, &[kind])]);
        if let Some(data) = data {
            append_attribute(&mut option, 4, data);
        }
        let found = told("team", 2, &[(1, &7u32.to_ne_bytes()), (2, &nest(&[(1, &option)]))]);
        let expected = json!({"team": "if7", "team_id": 7, "name": "x", "value": value});
        assert_eq!(found, [("team_option", false, expected)]);
    }
}

#[test]
fn events_of_rings_and_of_thermal_zones_have_names() {
    let found = told("HSR", 1, &[(1, &[2, 0, 0, 0, 0, 9]), (2, &4u32.to_ne_bytes())]);
    assert_eq!(found, [("hsr", false, json!({"cmd": "ring_error", "node_addr": "02:00:00:00:00:09", "dev": "if4"}))]);
    let (zone, degrees) = (2u32.to_ne_bytes(), (-5000i32).to_ne_bytes());
    let found = told("thermal", 5, &[(2, &zone), (3, &degrees), (5, &1u32.to_ne_bytes())]);
    assert_eq!(found, [("thermal", false, json!({"cmd": "tz_trip_up", "tz_id": 2, "tz_temp": -5000, "trip_id": 1}))]);
}

#[test]
fn a_clock_comes_changes_and_goes() {
    let id = 7u32.to_ne_bytes();
    for (command, kind, gone) in [
        (4, "dpll_device", false),
        (5, "dpll_device", true),
        (6, "dpll_device", false),
        (10, "dpll_pin", false),
        (11, "dpll_pin", true),
        (12, "dpll_pin", false),
    ] {
        assert_eq!(told("dpll", command, &[(1, &id)]), [(kind, gone, json!({"id": 7}))]);
    }
}

/// A recorder may cut a datagram off. Found by reading: nothing was told of it.
#[test]
fn what_is_cut_off_is_left_to_be_told() {
    let mut datagram = Vec::new();
    append_message(&mut datagram, Header { kind: ID, ..Header::default() }, &[1, 1, 0, 0, 9, 9, 9, 9]);
    let whole = datagram.clone();
    append_message(&mut datagram, Header { kind: ID, ..Header::default() }, &[1, 1, 0, 0, 9, 9, 9, 9]);
    let mut adapted = Vec::new();
    Families::default().adapt(&datagram[..datagram.len() - 4], &mut adapted);
    let mut told = messages(&adapted);
    assert_eq!(told.by_ref().count(), 1);
    let (rest, cut) = (told.rest(), &datagram[whole.len()..datagram.len() - 4]);
    assert_eq!((&rest[..4], &rest[6..]), (&cut[..4], &cut[6..]));
    // No kind has its type, from which the family's number comes again.
    for id in [17, ID, 1023] {
        assert!(of_message(unknown(id), 0).is_none());
        let (protocol, kernels) = renumbered_by(unknown(id)).unwrap();
        assert_eq!((protocol.name, kernels), ("generic", id));
    }
    assert_eq!(rest[4..6], unknown(ID).to_ne_bytes());
}

/// What was told while messages were lost is asked for.
#[test]
fn families_that_are_forgotten_are_none_and_may_be_learned_anew() {
    let new = [&[1, 2, 0, 0][..], &nest(&[(1, &ID.to_ne_bytes()), (2, b"team\0")])].concat();
    let mut datagram = Vec::new();
    append_message(&mut datagram, Header { kind: 16, ..Header::default() }, &new);
    let mut families = Families::default();
    families.adapt(&datagram, &mut Vec::new());
    assert!(families.take_changed() && !families.is_empty() && !families.take_changed());
    let before = families.forget();
    assert!(families.take_changed() && families.is_empty());
    families.adapt(&datagram, &mut Vec::new());
    assert!(!families.is_empty());
    families.forget();
    families.remember(before);
    assert!(!families.is_empty());
}

#[test]
fn ports_of_a_datapath_of_open_vswitch_are_asked_for_by_it() {
    let header = |body: &[u8]| [&7u32.to_ne_bytes()[..], body].concat();
    let adapted = |family: &str, command: u8, attributes: &[(u16, &[u8])]| {
        let (mut datagram, mut adapted) = (Vec::new(), Vec::new());
        let name = format!("{family}\0");
        let new = [&[1, 2, 0, 0][..], &nest(&[(1, &ID.to_ne_bytes()), (2, name.as_bytes())])].concat();
        append_message(&mut datagram, Header { kind: 16, ..Header::default() }, &new);
        let body = [&[command, 1, 0, 0][..], &header(&nest(attributes))].concat();
        append_message(&mut datagram, Header { kind: ID, ..Header::default() }, &body);
        Families::default().adapt(&datagram, &mut adapted);
        let message = messages(&adapted).nth(1).unwrap();
        (message.header.kind, message.payload.to_vec())
    };
    let read = |(message_type, payload): &(u16, Vec<u8>)| {
        let (kind, gone) = of_message(*message_type, 0).expect("a kind");
        let mut json = Json::new();
        write_object(&mut json, kind.table(), &kind.table().context(payload, &NoLinks));
        (kind.table().name, gone, serde_json::from_slice::<Value>(json.bytes()).unwrap())
    };
    let datapath = adapted("ovs_datapath", 1, &[(1, b"br0\0"), (5, &0xau32.to_ne_bytes())]);
    assert_eq!(
        read(&datapath),
        (
            "ovs_datapath",
            false,
            json!({"dp-ifindex": 7, "name": "br0", "user-features": ["vport-pids", "dispatch-upcall-per-cpu"]})
        )
    );
    let tunnel = nest(&[(1, &4789u16.to_ne_bytes())]);
    let attributes: [(u16, &[u8]); 5] = [
        (1, &2u32.to_ne_bytes()),
        (2, &4u32.to_ne_bytes()),
        (3, b"vx0\0"),
        (4, &tunnel),
        (5, &[1, 0, 0, 0, 2, 0, 0, 0]),
    ];
    let object = json!({
        "dp-ifindex": 7, "port-no": 2, "type": "vxlan", "name": "vx0", "options": {"dst-port": 4789}, "upcall-pid": [1, 2]
    });
    // What is new, told once more, and gone.
    for (command, gone) in [(1, false), (4, false), (2, true)] {
        assert_eq!(read(&adapted("ovs_vport", command, &attributes)), ("ovs_vport", gone, object.clone()));
    }
    let asked_by = super::ovs::VPORT.hooks.asked_by.unwrap();
    assert_eq!(asked_by(&datapath.1), Some([&[3, 1, 0, 0], &*header(&[])].concat()));
    let (held, is_inside) = super::ovs::DATAPATH.hooks.holds.unwrap();
    assert!(held.is(&super::ovs::VPORT) && is_inside(&datapath.1, &adapted("ovs_vport", 1, &attributes).1));
    assert!(!is_inside(&[0; 8], &adapted("ovs_vport", 1, &attributes).1));
}

/// What the kernel says of a family's attributes is how they are shown, as far as it can be.
#[test]
fn a_family_without_tables_is_shown_by_its_policy() {
    let number = |number: u32| number.to_ne_bytes();
    let typed = |kind: u32| nest(&[(1, &number(kind))]);
    let first = nest(&[
        (1, &typed(6)),
        (2, &typed(12)),
        (3, &nest(&[(1, &number(13)), (8, &number(1))])),
        (4, &typed(4)),
        (5, &typed(10)),
    ]);
    let second = nest(&[(1, &typed(17))]);
    let policy = nest(&[(1, &ID.to_ne_bytes()), (8, &nest(&[(0, &first), (1, &second)]))]);
    let policy = [&[10, 2, 0, 0][..], &policy].concat();
    let new = [&[1, 2, 0, 0][..], &nest(&[(1, &ID.to_ne_bytes()), (2, b"other\0")])].concat();
    let inside = nest(&[(1, &number(70_000)), (2, &[1])]);
    let told: &[(u16, &[u8])] = &[(1, &[0xfe]), (2, b"eth0\0"), (3, &inside), (4, &[1, 2]), (5, &[7]), (6, &[8])];
    let told = [&[9, 1, 0, 0][..], &nest(told)].concat();
    let (mut datagram, mut adapted) = (Vec::new(), Vec::new());
    for (kind, payload) in [(16, new), (16, policy), (ID, told)] {
        append_message(&mut datagram, Header { kind, ..Header::default() }, &payload);
    }
    Families::default().adapt(&datagram, &mut adapted);
    // The answer is no event.
    let message = messages(&adapted).nth(1).unwrap();
    let (kind, _) = of_message(message.header.kind, 0).unwrap();
    let mut json = Json::new();
    write_object(&mut json, kind.table(), &kind.table().context(message.payload, &NoLinks));
    let object: Value = serde_json::from_slice(json.bytes()).unwrap();
    let seventy_thousand = number(70_000).iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    assert_eq!((&object["family"], messages(&adapted).count()), (&"other".into(), 2));
    assert_eq!(object["attributes"][0], json!({"attr": 1, "hex": "fe", "number": -2}));
    assert_eq!(object["attributes"][1], json!({"attr": 2, "hex": "6574683000", "text": "eth0"}));
    assert_eq!(
        object["attributes"][2]["attributes"],
        json!([{"attr": 1, "hex": seventy_thousand, "number": 70_000}, {"attr": 2, "hex": "01"}])
    );
    // Its length is another one; octets; and what nobody speaks of.
    assert_eq!(object["attributes"][3], json!({"attr": 4, "hex": "0102"}));
    assert_eq!(object["attributes"][4], json!({"attr": 5, "hex": "07"}));
    assert_eq!(object["attributes"][5], json!({"attr": 6, "hex": "08"}));
}
