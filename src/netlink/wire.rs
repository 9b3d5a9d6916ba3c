//! Netlink's framing: messages in a datagram, attributes in a message.
//!
//! Pure: bytes in, slices out. Nothing here reads outside its input, allocates or fails on any input; what does not
//! hold together ends the iteration, and the iterator says so. Layout: `include/uapi/linux/netlink.h`.

/// Octets of a message's header, `struct nlmsghdr`.
pub const HEADER_BYTES: usize = 16;
/// Octets of an attribute's header, `struct nlattr`.
pub const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// The bits of an attribute's type that are its number; the others are `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
pub const ATTRIBUTE_NUMBER_MASK: u16 = 0x3fff;

/// `NLMSG_ERROR`: the answer to a request, an error or an acknowledgement.
pub const NLMSG_ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub const NLMSG_DONE: u16 = 3;
/// Messages below this number are netlink's own.
pub const NLMSG_MIN_TYPE: u16 = 16;
/// `NLM_F_REQUEST`.
pub const NLM_F_REQUEST: u16 = 0x1;
/// `NLM_F_MULTI`: one of several messages, as the rows of a dump.
pub const NLM_F_MULTI: u16 = 0x2;
/// `NLM_F_ACK`, on a request: an acknowledgement follows the answer.
pub const NLM_F_ACK: u16 = 0x4;
/// `NLM_F_DUMP_INTR`: the kernel's state changed during the dump.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// `NLM_F_REPLACE`, on a notification: an existing object was replaced.
pub const NLM_F_REPLACE: u16 = 0x100;
/// `NLM_F_DUMP`, on a request: all objects.
pub const NLM_F_DUMP: u16 = 0x300;
/// `NLM_F_CREATE`, on a notification: the requester allowed a new object.
pub const NLM_F_CREATE: u16 = 0x400;
/// `NLM_F_APPEND`, on a notification: added behind others of the same identity.
pub const NLM_F_APPEND: u16 = 0x800;

/// Rounds up to the four octets that netlink aligns everything to.
pub const fn align(bytes: usize) -> usize {
    (bytes + 3) & !3
}

/// The fields of `struct nlmsghdr`, but for the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`.
    pub sequence: u32,
    /// `nlmsg_pid`: the port id of who caused it, 0 for the kernel.
    pub port: u32,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub payload: &'a [u8],
    /// The whole message, header included, without padding.
    pub bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads the message that `bytes` begin with, or `None` where its length is wrong.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Option<Message<'a>> {
        let length = u32_at(bytes, 0)? as usize;
        if length < HEADER_BYTES || length > bytes.len() {
            return None;
        }
        let header = Header {
            kind: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            sequence: u32_at(bytes, 8)?,
            port: u32_at(bytes, 12)?,
        };
        Some(Message { header, payload: &bytes[HEADER_BYTES..length], bytes: &bytes[..length] })
    }
}

/// The messages of a datagram, in order.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

/// Iterates over the messages of a datagram.
pub fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

impl<'a> Messages<'a> {
    /// What could not be read: empty, unless a length was wrong.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    #[inline]
    fn next(&mut self) -> Option<Message<'a>> {
        let message = Message::parse(self.rest)?;
        self.rest = &self.rest[align(message.bytes.len()).min(self.rest.len())..];
        Some(message)
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// `nla_type` without its flags.
    pub number: u16,
    /// What it holds.
    pub payload: &'a [u8],
}

/// The attributes of a set, in order.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

/// Iterates over the attributes in `bytes`.
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

impl<'a> Attributes<'a> {
    /// What could not be read: empty, unless a length was wrong.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        let header = self.rest.first_chunk::<ATTRIBUTE_HEADER_BYTES>()?;
        let length = usize::from(u16_at(header, 0)?);
        let number = u16_at(header, 2)? & ATTRIBUTE_NUMBER_MASK;
        let payload = self.rest.get(ATTRIBUTE_HEADER_BYTES..length)?;
        self.rest = &self.rest[align(length).min(self.rest.len())..];
        Some(Attribute { number, payload })
    }
}

/// The payload of the first attribute of that number.
#[inline]
pub fn attribute(set: &[u8], number: u16) -> Option<&[u8]> {
    attributes(set).find(|found| found.number == number).map(|found| found.payload)
}

/// An attribute's payload as a number of the machine's byte order, where it is four octets.
#[inline]
pub fn attribute_u32(set: &[u8], number: u16) -> Option<u32> {
    attribute(set, number).filter(|payload| payload.len() == 4).and_then(|payload| u32_at(payload, 0))
}

/// Appends an attribute, padded.
pub fn append_attribute(buffer: &mut Vec<u8>, number: u16, payload: &[u8]) {
    let length = (ATTRIBUTE_HEADER_BYTES + payload.len()) as u16;
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&number.to_ne_bytes());
    buffer.extend_from_slice(payload);
    buffer.resize(align(buffer.len()), 0);
}

/// Appends a message, padded.
pub fn append_message(buffer: &mut Vec<u8>, header: Header, payload: &[u8]) {
    let length = (HEADER_BYTES + payload.len()) as u32;
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&header.kind.to_ne_bytes());
    buffer.extend_from_slice(&header.flags.to_ne_bytes());
    buffer.extend_from_slice(&header.sequence.to_ne_bytes());
    buffer.extend_from_slice(&header.port.to_ne_bytes());
    buffer.extend_from_slice(payload);
    buffer.resize(align(buffer.len()), 0);
}

/// Two octets at an offset, in the machine's byte order.
#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Four octets at an offset, in the machine's byte order.
#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute_bytes(number: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_attribute(&mut bytes, number, payload);
        bytes
    }

    #[test]
    fn reads_what_it_appended() {
        let header = Header { kind: 16, flags: 2, sequence: 3, port: 4 };
        let mut datagram = Vec::new();
        append_message(&mut datagram, header, &attribute_bytes(3, b"eth0\0"));
        append_message(&mut datagram, header, b"");
        let found: Vec<_> = messages(&datagram).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].header, header);
        assert_eq!(attribute(found[0].payload, 3), Some(&b"eth0\0"[..]));
        assert_eq!(found[1].payload, b"");
    }

    #[test]
    fn a_last_attribute_needs_no_padding() {
        let bytes = [5, 0, 1, 0, 0xaa];
        let mut iterator = attributes(&bytes);
        assert_eq!(iterator.next(), Some(Attribute { number: 1, payload: &[0xaa] }));
        assert_eq!(iterator.next(), None);
        assert_eq!(iterator.rest(), b"");
    }

    #[test]
    fn a_wrong_length_ends_the_iteration_and_is_seen() {
        for length in [0u8, 3, 200] {
            let mut bytes = attribute_bytes(1, &[1]);
            bytes.extend([length, 0, 2, 0]);
            let mut iterator = attributes(&bytes);
            assert_eq!(iterator.by_ref().count(), 1);
            assert_eq!(iterator.rest().len(), 4);
        }
    }

    #[test]
    fn flags_of_the_type_are_no_part_of_the_number() {
        let bytes = attribute_bytes(0x8000 | 18, &[]);
        assert_eq!(attributes(&bytes).next().map(|found| found.number), Some(18));
    }
}
