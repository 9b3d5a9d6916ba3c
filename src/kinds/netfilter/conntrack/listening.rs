//! Which connections the kernel is asked to tell of: on a router there may be a hundred thousand a second, and what is thrown away
//! in the kernel costs neither a copy nor room in the receive buffer.

use std::io;

use super::CONNTRACK;
use crate::kinds::KindIndex;
use crate::kinds::protocol::Listening;
use crate::netlink::filter::{AttributeValue, Program};
use crate::netlink::socket::Socket;

/// `conntrack` of `[watch]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Whether the kernel keeps an ended connection until that is told (`ctnetlink_conntrack_event`,
    /// `nf_ct_deliver_cached_events`).
    pub reliable: bool,
    /// Numbers of protocols above IP; all where there is none.
    pub protocols: Vec<u8>,
    /// Marks, each with the mask under which it counts; all where there is none.
    pub marks: Vec<Mark>,
    /// Zones, of which one without is 0; all where there is none.
    pub zones: Vec<u16>,
    /// Whether they are remembered, so that changes are told with what was before.
    pub mirror: bool,
    /// So many are remembered at most.
    pub entries_max: usize,
}

impl Default for Connections {
    fn default() -> Connections {
        let (protocols, marks, zones) = Default::default();
        // They take some 30 MB.
        Connections { reliable: false, protocols, marks, zones, mirror: false, entries_max: 65_536 }
    }
}

/// A mark, and the mask under which it counts.
pub type Mark = (u32, u32);

const NFNL_SUBSYS_CTNETLINK: u8 = 1;
/// `CTA_TUPLE_ORIG`, `CTA_TUPLE_PROTO`, `CTA_PROTO_NUM`.
static PROTOCOL: AttributeValue = AttributeValue { ways: &[&[1, 2, 1]], header_bytes: 4, bytes: 1, missing: None };
/// `CTA_MARK`.
static MARK: AttributeValue = AttributeValue { ways: &[&[8]], header_bytes: 4, bytes: 4, missing: Some(0) };
/// `CTA_ZONE`; of a zone that counts in one direction, `CTA_TUPLE_ZONE` of `CTA_TUPLE_ORIG` or `CTA_TUPLE_REPLY`.
static ZONE: AttributeValue =
    AttributeValue { ways: &[&[18], &[1, 3], &[2, 3]], header_bytes: 4, bytes: 2, missing: Some(0) };

/// Asks for no other connections than those that are wanted.
pub fn prepare(socket: &Socket, kinds: &[KindIndex], listening: &Listening) -> io::Result<()> {
    if !kinds.contains(&const { KindIndex::of(&CONNTRACK) }) {
        return Ok(());
    }
    if listening.conntrack.reliable {
        socket.tell_senders_of_losses()?;
    }
    // What is remembered must be all that there is.
    program(listening).filter(|_| !listening.conntrack.mirror).map_or(Ok(()), |program| socket.attach(&program))
}

/// The filter, where not all connections are wanted.
fn program(listening: &Listening) -> Option<Program> {
    let Listening { families, conntrack: Connections { protocols, marks, zones, .. }, .. } = listening;
    if families.is_empty() && protocols.is_empty() && marks.is_empty() && zones.is_empty() {
        return None;
    }
    let mut program = Program::default();
    program.only_of_subsystem(NFNL_SUBSYS_CTNETLINK);
    if !families.is_empty() {
        program.need_octet(0, families);
    }
    let whole = |number: u32| (number, u32::MAX);
    if !protocols.is_empty() {
        program.need_attribute(&PROTOCOL, &protocols.iter().map(|&number| whole(number.into())).collect::<Vec<_>>());
    }
    if !marks.is_empty() {
        program.need_attribute(&MARK, marks);
    }
    if !zones.is_empty() {
        program.need_attribute(&ZONE, &zones.iter().map(|&zone| whole(zone.into())).collect::<Vec<_>>());
    }
    Some(program.receive())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::netlink::wire;

    /// A message of a connection, as the kernel sends it: family, protocol, mark, and the zone with the attributes that lead to it.
    struct Told {
        subsystem: u8,
        family: u8,
        protocol: u8,
        mark: Option<u32>,
        zone: Option<(u16, &'static [u16])>,
    }

    impl Told {
        fn octets(&self) -> Vec<u8> {
            let mut payload = vec![self.family, 0, 0, 0];
            let zone = |way: u16| {
                let mut nest = Vec::new();
                if let Some((zone, &[first, number])) = self.zone
                    && first == way
                {
                    wire::append_attribute(&mut nest, number, &zone.to_be_bytes());
                }
                nest
            };
            let mut tuple = Vec::new();
            wire::append_attribute(&mut tuple, 1, &[0; 8]);
            let mut above = Vec::new();
            wire::append_attribute(&mut above, 1, &[self.protocol]);
            wire::append_attribute(&mut above, 2, &[0, 80]);
            wire::append_attribute(&mut tuple, 2 | 0x8000, &above);
            for way in [1, 2] {
                let tuple = [tuple.clone(), zone(way)].concat();
                wire::append_attribute(&mut payload, way | 0x8000, &tuple);
            }
            if let Some(mark) = self.mark {
                wire::append_attribute(&mut payload, 8, &mark.to_be_bytes());
            }
            if let Some((zone, &[number])) = self.zone {
                wire::append_attribute(&mut payload, number, &zone.to_be_bytes());
            }
            let mut message = Vec::new();
            message.extend_from_slice(&(16 + payload.len() as u32).to_ne_bytes());
            message.extend_from_slice(&(u16::from(self.subsystem) << 8).to_ne_bytes());
            message.extend_from_slice(&[0; 10]);
            message.extend_from_slice(&payload);
            message
        }

        fn is_wanted(&self, listening: &Listening) -> bool {
            let Connections { protocols, marks, zones, .. } = &listening.conntrack;
            let mark = self.mark.unwrap_or(0);
            let zone = self.zone.map_or(0, |(zone, _)| zone);
            self.subsystem != NFNL_SUBSYS_CTNETLINK
                || ((listening.families.is_empty() || listening.families.contains(&self.family))
                    && (protocols.is_empty() || protocols.contains(&self.protocol))
                    && (marks.is_empty() || marks.iter().any(|&(value, mask)| mark & mask == value & mask))
                    && (zones.is_empty() || zones.contains(&zone)))
        }
    }

    /// The kernel runs the program: any socket takes one.
    #[test]
    fn the_kernel_lets_through_what_is_wanted_and_nothing_else() {
        let mut all = Vec::new();
        for subsystem in [1, 2, 10] {
            for family in [2, 10] {
                for protocol in [1, 6, 17, 47] {
                    for mark in [None, Some(0), Some(0x15), Some(0xffff_ffff)] {
                        for zone in
                            [None, Some((5, &[18][..])), Some((5, &[1, 3])), Some((7, &[2, 3])), Some((0, &[18]))]
                        {
                            all.push(Told { subsystem, family, protocol, mark, zone });
                        }
                    }
                }
            }
        }
        let whole = |protocols: &[u8], marks: &[Mark], zones: &[u16]| Connections {
            protocols: protocols.to_vec(),
            marks: marks.to_vec(),
            zones: zones.to_vec(),
            ..Connections::default()
        };
        let many: Vec<Mark> = (0..63).map(|bit| (bit * 3 + 1, u32::MAX)).chain([(0x10, 0x10)]).collect();
        let wanted = [
            (&[2][..], whole(&[], &[], &[])),
            (&[], whole(&[6, 17], &[], &[])),
            (&[], whole(&[], &[(0x10, 0xf0)], &[])),
            (&[], whole(&[], &[(0, u32::MAX)], &[])),
            (&[], whole(&[], &[], &[5])),
            (&[], whole(&[], &[], &[0, 7])),
            (&[], whole(&[], &many, &[])),
            (&[2, 10], whole(&[17, 47], &[(0x15, u32::MAX), (0x80, 0x80)], &[0, 5])),
        ];
        for (families, conntrack) in wanted {
            let listening = Listening { families: families.to_vec(), conntrack, ..Listening::default() };
            let (sender, receiver) = UnixDatagram::pair().unwrap();
            receiver.set_nonblocking(true).unwrap();
            attach(&receiver, &program(&listening).unwrap());
            for told in &all {
                let octets = told.octets();
                // A datagram that is refused is refused to the sender as well, on this kind of socket.
                let _ = sender.send(&octets);
                let received = receiver.recv(&mut [0; 1024]).ok();
                let wanted = told.is_wanted(&listening).then_some(octets.len());
                assert_eq!(received, wanted, "{listening:?} {octets:x?}");
            }
        }
    }

    fn attach(socket: &UnixDatagram, program: &Program) {
        use std::os::fd::AsFd;
        crate::netlink::socket::attach(socket.as_fd(), program).unwrap();
    }
}
