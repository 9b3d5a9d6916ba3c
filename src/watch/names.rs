//! Names of interfaces that were not told yet: what stands on a link may be heard of before the link itself.

use rustix::net::netdevice::index_to_name;

use crate::backlog::Backlog;
use crate::decode::Links;
use crate::kinds;
use crate::mirror::repair::Difference;
use crate::mirror::{LinkTable, is_link};
use crate::netlink::socket::Socket;
use crate::netlink::wire::{self, Message, u32_at};

/// Among so many datagrams a new link's name is looked for.
const LOOK_AHEAD: usize = 32;
/// Kinds that the kernel tells a moment before the new link that they belong to.
const EARLY: [u16; 3] =
    [kinds::rtnetlink::netconf::NETCONF.new, kinds::rtnetlink::maddr::MADDR.new, kinds::rtnetlink::neigh::FDB.new];

/// Where names are looked for: among what waits, and else in the namespace of a socket, where there is one.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub backlog: &'a Backlog,
    pub socket: Option<&'a Socket>,
}

impl Sources<'_> {
    /// Learns the names that a message needs, which is the first datagram's. `lost` says whether a link's own message may
    /// be lost.
    pub fn learn_for_message(self, links: &mut LinkTable, message: &Message<'_>, lost: bool) {
        let is_other = message.header.kind >= kinds::rtnetlink::TYPES_MAX;
        if !lost && !is_other && !EARLY.contains(&message.header.kind) {
            return;
        }
        let family = message.payload.first().copied().unwrap_or_default();
        let Some((kind, _)) = kinds::of_message(message.header.kind, family) else { return };
        if is_other {
            // No link is told there: a name holds for this message alone.
            links.forget();
            self.learn(links, kind.table().interfaces_of(message.payload), usize::MAX, 0);
        } else if lost && !is_link(message) {
            self.learn(links, kind.table().interfaces_of(message.payload), 1, LOOK_AHEAD);
        } else {
            self.learn(links, kind.table().interface_of(message.payload), 1, LOOK_AHEAD);
        }
    }

    /// Learns the names that differences need: a dump may show what stands on a link that came meanwhile.
    pub fn learn_for_differences<'d>(self, links: &mut LinkTable, differences: impl Iterator<Item = &'d Difference>) {
        let new = differences.filter_map(|difference| Some((difference.kind, difference.new.as_deref()?)));
        self.learn(links, new.flat_map(|(kind, object)| kind.table().interfaces_of(object)), 0, usize::MAX);
    }

    /// Looks among so many of the datagrams that wait, but for the first ones.
    fn learn(self, links: &mut LinkTable, needed: impl IntoIterator<Item = u32>, first: usize, datagrams: usize) {
        let mut unknown: Vec<u32> = needed.into_iter().filter(|&ifindex| links.name(ifindex).is_none()).collect();
        if unknown.is_empty() {
            return;
        }
        let waiting = self.backlog.iter().skip(first).take(datagrams);
        for link in waiting.flat_map(|(_, datagram)| wire::messages(datagram)).filter(is_link) {
            let place = u32_at(link.payload, 4).and_then(|ifindex| unknown.iter().position(|&other| other == ifindex));
            if let Some(place) = place {
                unknown.swap_remove(place);
                // Not as a link that is there: that is for its own message to say.
                links.note(link.payload, true);
            }
        }
        for ifindex in unknown {
            if let Some(name) = self.socket.and_then(|socket| index_to_name(socket, ifindex).ok()) {
                links.note_name(ifindex, name.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KindIndex;
    use crate::kinds::rtnetlink::{addr, link, netconf};
    use crate::netlink::socket::NETLINK_ROUTE;
    use crate::netlink::wire::{Header, append_attribute, append_message};

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_message(&mut bytes, Header { kind, flags: 0, sequence: 0, port: 0 }, payload);
        bytes
    }

    fn address(ifindex: u8) -> Vec<u8> {
        message(addr::ADDR.new, &[2, 24, 0, 0, ifindex, 0, 0, 0])
    }

    fn learned(waiting: &[Vec<u8>], socket: Option<&Socket>, lost: bool) -> LinkTable {
        let mut backlog = Backlog::new(1 << 20);
        waiting.iter().for_each(|datagram| backlog.push(0, datagram));
        let mut links = LinkTable::default();
        let message = Message::parse(&waiting[0]).unwrap();
        Sources { backlog: &backlog, socket }.learn_for_message(&mut links, &message, lost);
        links
    }

    #[test]
    fn a_name_is_learned_from_what_waits_or_asked_for() {
        let mut link = vec![0; 16];
        link[4] = 7;
        append_attribute(&mut link, link::IFLA_IFNAME, b"v0\0");
        let link = message(16, &link);
        let mut settings = vec![2, 0, 0, 0];
        append_attribute(&mut settings, netconf::NETCONFA_IFINDEX, &7u32.to_ne_bytes());
        let early = message(netconf::NETCONF.new, &settings);
        assert_eq!(learned(&[early.clone(), link.clone()], None, false).name(7), Some(&b"v0"[..]));
        assert_eq!(learned(&[early], None, false).name(7), None);
        // Other kinds come behind their link, unless that was lost.
        assert_eq!(learned(&[address(7), link.clone()], None, false).name(7), None);
        let links = learned(&[address(7), link], None, true);
        assert_eq!((links.name(7), links.flags(7)), (Some(&b"v0"[..]), None), "a name, but no link yet");
        // `lo` is the first interface of every namespace.
        let socket = Socket::open(NETLINK_ROUTE).unwrap();
        assert_eq!(learned(&[address(1)], Some(&socket), true).name(1), Some(&b"lo"[..]));
    }

    #[test]
    fn a_difference_names_links_that_wait() {
        let mut link = vec![0; 16];
        link[4] = 7;
        append_attribute(&mut link, link::IFLA_IFNAME, b"v0\0");
        let mut backlog = Backlog::new(1 << 20);
        backlog.push(0, &message(16, &link));
        let new = Some(address(7)[16..].into());
        let differences = [Difference { kind: KindIndex::of(&addr::ADDR), old: None, new }];
        let mut links = LinkTable::default();
        Sources { backlog: &backlog, socket: None }.learn_for_differences(&mut links, differences.iter());
        assert_eq!(links.name(7), Some(&b"v0"[..]));
    }
}
