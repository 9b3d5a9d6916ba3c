//! Classic BPF programs for sockets: the kernel throws away what nobody wants before it takes room in the receive buffer.
//!
//! A program is a row of clauses, and a datagram that one of them refuses is not received. Each looks at the first message alone:
//! of what is filtered here, the kernel sends one message a datagram. Instructions and the extensions that find attributes are
//! those of `linux/filter.h` (`SKF_AD_NLATTR`, `SKF_AD_NLATTR_NEST`).

use libc::sock_filter;

use super::wire;

const LOAD_WORD: u16 = 0x20;
const LOAD_OCTET: u16 = 0x30;
const LOAD_WORD_AT_X: u16 = 0x40;
const LOAD_HALF_AT_X: u16 = 0x48;
const LOAD_OCTET_AT_X: u16 = 0x50;
const LOAD_NUMBER: u16 = 0x00;
const LOAD_NUMBER_TO_X: u16 = 0x01;
const LOAD_KEPT: u16 = 0x60;
const KEEP: u16 = 0x02;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const MOVE_TO_X: u16 = 0x07;
const RETURN: u16 = 0x06;
/// What of a datagram is received: all of it.
const ALL: u32 = u32::MAX;
/// `SKF_AD_OFF` + `SKF_AD_NLATTR` and `SKF_AD_NLATTR_NEST`: A is where to look, X the attribute's number; A becomes where it stands,
/// or 0.
const FIND_ATTRIBUTE: u32 = 0xffff_f000 + 12;
const FIND_IN_NEST: u32 = 0xffff_f000 + 16;
/// Octets of an attribute's header.
const ATTRIBUTE_HEADER: u32 = wire::ATTRIBUTE_HEADER_BYTES as u32;
/// Instructions that go a step of a way, and those that load what was found.
const STEP_INSTRUCTIONS: usize = 3;
const FOUND_INSTRUCTIONS: usize = 3;

/// A program.
#[derive(Debug, Default)]
pub struct Program(Vec<sock_filter>);

/// A value of an attribute, in the network's byte order.
#[derive(Debug)]
pub struct AttributeValue {
    /// The ways to it, each the numbers of the nests and at last its own; the first that is there counts.
    pub ways: &'static [&'static [u16]],
    /// Where attributes begin behind the message's header, in octets.
    pub header_bytes: u32,
    /// Its width in octets: 1, 2 or 4.
    pub bytes: u32,
    /// What holds where there is none: that number, or, without one, the message is received.
    pub missing: Option<u32>,
}

impl Program {
    /// The instructions.
    pub fn instructions(&self) -> &[sock_filter] {
        &self.0
    }

    /// Receives each message whose type's upper octet, which is its subsystem, is another one.
    pub fn only_of_subsystem(&mut self, subsystem: u8) {
        // The type is in the machine's order.
        let upper = if cfg!(target_endian = "little") { 5 } else { 4 };
        self.push(LOAD_OCTET, upper);
        self.jump_if(subsystem.into(), 1, 0);
        self.push(RETURN, ALL);
    }

    /// Refuses a message whose header has none of these values in the octet at that offset.
    pub fn need_octet(&mut self, offset: u32, values: &[u8]) {
        self.push(LOAD_OCTET, wire::HEADER_BYTES as u32 + offset);
        let values: Vec<(u32, u32)> = values.iter().map(|&value| (value.into(), u32::MAX)).collect();
        self.need_one_of(&values);
    }

    /// Refuses a message whose attribute has none of these values, each with the mask under which it counts.
    pub fn need_attribute(&mut self, of: &AttributeValue, values: &[(u32, u32)]) {
        let load = match of.bytes {
            1 => LOAD_OCTET_AT_X,
            2 => LOAD_HALF_AT_X,
            _ => LOAD_WORD_AT_X,
        };
        for (place, way) in of.ways.iter().enumerate() {
            self.push(LOAD_NUMBER, wire::HEADER_BYTES as u32 + of.header_bytes);
            for (depth, &number) in way.iter().enumerate() {
                self.push(LOAD_NUMBER_TO_X, number.into());
                self.push(LOAD_WORD, if depth == 0 { FIND_ATTRIBUTE } else { FIND_IN_NEST });
                // Where there is none: to the next way.
                self.jump_if(0, (way.len() - depth - 1) * STEP_INSTRUCTIONS + FOUND_INSTRUCTIONS, 0);
            }
            self.push(MOVE_TO_X, 0);
            self.push(load, ATTRIBUTE_HEADER);
            // Over the other ways, and over what holds where there is none.
            let others = of.ways[place + 1..].iter().map(|way| 1 + way.len() * STEP_INSTRUCTIONS + FOUND_INSTRUCTIONS);
            self.push(JUMP, others.sum::<usize>() as u32 + 1);
        }
        match of.missing {
            Some(number) => self.push(LOAD_NUMBER, number),
            None => self.push(RETURN, ALL),
        }
        self.need_one_of(values);
    }

    /// Refuses a message unless the value at hand is one of these.
    fn need_one_of(&mut self, values: &[(u32, u32)]) {
        self.push(KEEP, 0);
        for (place, &(value, mask)) in values.iter().enumerate() {
            self.push(LOAD_KEPT, 0);
            self.push(AND, mask);
            // Behind the rest of them, and what refuses.
            self.jump_if(value & mask, (values.len() - place - 1) * 3 + 1, 0);
        }
        self.push(RETURN, 0);
    }

    /// Receives what has come so far.
    pub fn receive(mut self) -> Program {
        self.push(RETURN, ALL);
        self
    }

    fn push(&mut self, code: u16, k: u32) {
        self.0.push(sock_filter { code, jt: 0, jf: 0, k });
    }

    /// Skips so many instructions where the value at hand is that one, and so many where it is not.
    fn jump_if(&mut self, value: u32, equal: usize, not: usize) {
        let skip = |count: usize| u8::try_from(count).expect("no more values than VALUES_MAX");
        self.0.push(sock_filter { code: JUMP_IF_EQUAL, jt: skip(equal), jf: skip(not), k: value });
    }
}

/// So many values a clause takes: a jump goes over 255 instructions at most.
pub const VALUES_MAX: usize = 64;
