//! What programs tell each other, protocol 2 (`NETLINK_USERSOCK`): whatever they agree on, so that it is shown as it is. It comes
//! from processes, never from the kernel.

use crate::decode::context::Context;
use crate::decode::schema::Scalar::U32;
use crate::decode::schema::{Decoded, Field, Hooks, Is, Kind, Part, Set, SeverityRow, Structure, field, row};
use crate::decode::title::word;
use crate::event::severity::Severity;
use crate::json::Json;
use crate::kinds::protocol::Protocol;
use crate::netlink::socket::{Datagram, NETLINK_USERSOCK};
use crate::netlink::wire::{HEADER_BYTES, Header, append_attribute, append_message};

/// The protocol.
pub static PROTOCOL: Protocol = Protocol {
    name: "usersock",
    number: NETLINK_USERSOCK,
    kinds: &[&USERSOCK],
    needs: Some("CAP_NET_ADMIN"),
    adapt: Some(adapt),
    said_by: Some(said_by),
    ..Protocol::PLAIN
};

/// The type of the messages that datagrams become.
const SAID: u16 = 0x3410;
/// The attribute that holds a datagram.
const DATAGRAM: u16 = 1;
/// Of a datagram so many octets are shown at most: an attribute's length has 16 bits.
const SHOWN_BYTES_MAX: usize = 32 << 10;
/// All that there are.
const GROUPS: &[u32] = &{
    let mut groups = [0; 32];
    let mut place = 0;
    while place < groups.len() {
        groups[place] = place as u32 + 1;
        place += 1;
    }
    groups
};

/// A datagram to any group.
pub static USERSOCK: Kind = Kind {
    name: "usersock",
    about: "what programs tell each other by netlink",
    title: &[word("text").or("hex")],
    groups: GROUPS,
    new: SAID,
    header: &HEADER,
    set: &ATTRIBUTES,
    hooks: Hooks { family: Some(|_| 0), severity: &[SeverityRow::all(Severity::Debug)], ..Hooks::NONE },
    ..Kind::PLAIN
};

/// What is known of a datagram beside what it says; a recording says nothing of it.
static HEADER: Structure = Structure::new("usersock", 12, HEADER_FIELDS);
const HEADER_FIELDS: &[Field] = &[
    field(0, "port", Is::NumberUnless(U32, 0)),
    field(4, "group", Is::NumberUnless(U32, 0)),
    field(8, "bytes", Is::NumberUnless(U32, 0)),
];
static ATTRIBUTES: Set =
    Set::new("usersock", &[row(DATAGRAM, "said", Is::Members(write, &[Part::text("text"), Part::text("hex")]))]);

fn adapt(datagram: &[u8], out: &mut Vec<u8>) {
    let mut payload = [&[0; 8][..], &bytes_of(datagram.len()).to_ne_bytes()].concat();
    append_attribute(&mut payload, DATAGRAM, &datagram[..datagram.len().min(SHOWN_BYTES_MAX)]);
    append_message(out, Header { kind: SAID, ..Header::default() }, &payload);
}

/// How long a datagram was, where not all of it is shown.
fn bytes_of(length: usize) -> u32 {
    if length > SHOWN_BYTES_MAX { length as u32 } else { 0 }
}

fn said_by(message: &mut [u8], datagram: &Datagram<'_>) {
    const PORT_AT: usize = 12;
    let bytes = bytes_of(datagram.length);
    for (at, number) in [
        (PORT_AT, datagram.port),
        (HEADER_BYTES, datagram.port),
        (HEADER_BYTES + 4, datagram.group),
        (HEADER_BYTES + 8, bytes),
    ] {
        message[at..at + 4].copy_from_slice(&number.to_ne_bytes());
    }
}

/// As text where it is one, which may end with a NUL; else as hexadecimal digits.
fn write(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let text = std::str::from_utf8(payload.strip_suffix(&[0]).unwrap_or(payload)).ok();
    match text.filter(|text| text.chars().all(|letter| !letter.is_control() || letter.is_whitespace())) {
        Some(text) => {
            out.key("text");
            out.string(text);
        }
        None => {
            out.key("hex");
            out.hex(payload);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{NoLinks, write_object};
    use crate::netlink::wire::messages;

    #[test]
    fn what_is_no_text_is_shown_as_digits() {
        let long = vec![b'x'; SHOWN_BYTES_MAX + 1];
        let cut = format!(r#"{{"bytes":{},"text":"{}"}}"#, long.len(), "x".repeat(SHOWN_BYTES_MAX));
        for (said, shown) in [
            (&b"hello, world\n\0"[..], r#"{"text":"hello, world\n"}"#),
            (b"\x01\x02", r#"{"hex":"0102"}"#),
            (b"a\0b", r#"{"hex":"610062"}"#),
            (b"\xff", r#"{"hex":"ff"}"#),
            (&long, &cut),
        ] {
            let mut adapted = Vec::new();
            adapt(said, &mut adapted);
            let message = messages(&adapted).next().unwrap();
            let mut json = Json::new();
            write_object(&mut json, &USERSOCK, &USERSOCK.context(message.payload, &NoLinks));
            assert_eq!(String::from_utf8_lossy(json.bytes()), shown);
        }
    }
}
