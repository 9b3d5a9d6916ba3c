//! What to ask the kernel for a kind and a scope, and which rows answer: `watch`, `list` and `record` use the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use libc::{RTM_GETLINK, RTM_GETROUTE, RTM_GETTFILTER};

use crate::decode::schema::{AskedBy, DumpRequest, Kind, PerLink};
use crate::kinds::adapter::Adapter;
use crate::kinds::netfilter::nft::element;
use crate::kinds::rtnetlink::{link, tc};
use crate::kinds::{KindIndex, of_message};
use crate::mirror::Mirror;
use crate::mirror::ask::Asked;
use crate::mirror::silence::look::Scope;
use crate::netlink::dump::{self, DumpError, DumpFailure, DumpRow};
use crate::netlink::socket::{Batch, NETLINK_ROUTE, Socket};
use crate::netlink::wire::{self, Message, align, append_attribute, attribute, u32_at};

/// What a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which objects there are.
    Objects,
    /// Whether there is that single route.
    Route(Asked),
    /// Nothing: the kernel answers once whoever changes something now has told of it. See `Job::next_request` in
    /// `watch/job.rs`.
    Fence,
}

/// A request that waits.
#[derive(Debug)]
pub struct Next {
    /// What is asked for.
    pub kind: KindIndex,
    /// What is asked.
    pub question: Question,
    /// What the kernel is told.
    pub request: dump::Request,
}

/// The request for the first interface of the namespace, its loopback.
pub fn fence() -> Next {
    const LOOPBACK: u32 = 1;
    let mut body = vec![0; link::LINK.header.bytes];
    body[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    Next {
        kind: const { KindIndex::of(&link::LINK) },
        question: Question::Fence,
        request: dump::Request { message_type: RTM_GETLINK, body, one: true },
    }
}

/// The dumps that show those kinds.
pub fn requests(kinds: &[(KindIndex, Scope)], mirror: &Mirror) -> VecDeque<Next> {
    kinds.iter().flat_map(|kind| requests_of(kind, mirror, mirror)).collect()
}

/// The dumps that show that kind; `shadow` knows links that the mirror does not know yet.
pub fn requests_of((kind, scope): &(KindIndex, Scope), mirror: &Mirror, shadow: &Mirror) -> VecDeque<Next> {
    let next = |request| Next { kind: *kind, question: Question::Objects, request };
    let mut requests = VecDeque::new();
    if let Scope::Routes(routes) = scope {
        requests.extend(routes.asked.iter().filter_map(|&asked| {
            let request = dump::Request { message_type: RTM_GETROUTE, body: mirror.route_question(asked)?, one: true };
            Some(Next { kind: *kind, question: Question::Route(asked), request })
        }));
    }
    if let (Some(by), Some(asks)) = (kind.table().hooks.read_by, kind.table().hooks.asked_by) {
        requests.extend(requests_by(kind.table(), KindIndex::of(by), asks, [mirror, shadow]).into_iter().map(next));
        return requests;
    }
    if kind.table().hooks.read_by.is_some() {
        requests.extend(requests_of_sets(mirror, shadow).map(next));
        return requests;
    }
    for dump in kind.table().dumps {
        let links: BTreeSet<u32> = match (scope, dump.per_link) {
            (Scope::Routes(routes), _) => {
                let asked = routes.through.iter().filter(|(family, _)| dump.header.first() == Some(family));
                asked.map(|&(_, ifindex)| ifindex).collect()
            }
            (Scope::Links(links), Some(_)) => links.iter().copied().collect(),
            (Scope::All, Some(PerLink::Header(_))) => mirror.links.indices().chain(shadow.links.indices()).collect(),
            _ => {
                requests.push_back(next(dump::Request { one: kind.table().hooks.single, ..request(dump, None) }));
                continue;
            }
        };
        requests.extend(links.into_iter().map(|ifindex| next(request(dump, Some(ifindex)))));
    }
    requests.extend(requests_of_parents(*kind, scope, mirror).map(next));
    requests
}

/// Objects that are asked for by those of another kind, of which both mirrors know some.
fn requests_by(kind: &Kind, by: KindIndex, asks: AskedBy, known: [&Mirror; 2]) -> BTreeSet<dump::Request> {
    let message_type = kind.dumps.first().map(|dump| dump.message);
    let bodies = known.into_iter().flat_map(|mirror| mirror.objects(by)).filter_map(asks);
    bodies.filter_map(|body| Some(dump::Request { message_type: message_type?, body, one: false })).collect()
}

/// Whether this kernel is too old for a request that has nothing in it which could be invalid, beside its type (`xfrm_user_rcv_msg`).
pub fn is_unknown(kind: KindIndex, failure: &DumpFailure) -> bool {
    kind.table().hooks.single && failure.errno == libc::EINVAL
}

/// The requests for objects of these interfaces, where a request says that it is for those of a kind of interfaces ([`of_links`](crate::decode::schema::Hooks::of_links)).
pub fn requests_of_links(kind: KindIndex, links: &[u32]) -> VecDeque<Next> {
    let dumps = kind.table().dumps.iter();
    let one = kind.table().hooks.single;
    let of_link = |dump, link| dump::Request { one, ..request(dump, Some(link)) };
    let requests = dumps.flat_map(|dump| links.iter().map(move |&link| of_link(dump, link)));
    requests.map(|request| Next { kind, question: Question::Objects, request }).collect()
}

/// The kind of interfaces whose objects a request asks for, where it names none of them yet.
pub fn of_links(Next { kind, request, .. }: &Next) -> Option<&'static str> {
    let named = |dump: &&DumpRequest| request.body.len() > align(dump.header.len());
    kind.table().hooks.of_links.filter(|_| !kind.table().dumps.iter().any(|dump| named(&dump)))
}

/// The interfaces of a kind in the network namespace of the calling thread.
pub fn links_of_kind(name: &str) -> Result<Vec<u32>, DumpError> {
    let (mut body, mut information) = (vec![0; link::LINK.header.bytes], Vec::new());
    append_attribute(&mut information, link::IFLA_INFO_KIND, name.as_bytes());
    append_attribute(&mut body, link::IFLA_LINKINFO, &information);
    let request = dump::Request { message_type: RTM_GETLINK, body, one: false };
    let mut links = Vec::new();
    dump::dump_all(
        || Socket::open(NETLINK_ROUTE),
        &request,
        LINKS_TIME_MAX,
        &mut Batch::of_dump(),
        |row| match row {
            DumpRow::Message(row) => {
                // A kernel that does not know the kind shows all.
                let set = link::LINK.attributes(row.payload);
                let kind = attribute(set, link::IFLA_LINKINFO).and_then(|set| attribute(set, link::IFLA_INFO_KIND));
                let is_of_kind = kind.is_some_and(|kind| kind.strip_suffix(&[0]).unwrap_or(kind) == name.as_bytes());
                links.extend(u32_at(row.payload, 4).filter(|_| is_of_kind));
            }
            DumpRow::Again => links.clear(),
        },
    )?;
    Ok(links)
}

/// So long the kernel may take to show them.
const LINKS_TIME_MAX: Duration = Duration::from_secs(10);

/// Elements are asked for by their sets, of which both mirrors know some.
fn requests_of_sets<'m>(mirror: &'m Mirror, shadow: &'m Mirror) -> impl Iterator<Item = dump::Request> + use<'m> {
    let sets = mirror.links.sets.there().chain(shadow.links.sets.there());
    let places: BTreeSet<(u8, &[u8], &[u8])> = sets.filter_map(element::place_of).collect();
    let message_type = element::ELEMENT.dumps.first().map(|dump| dump.message);
    places.into_iter().filter_map(move |(family, table, set)| {
        let body = element::request(family, table, set);
        Some(dump::Request { message_type: message_type?, body, one: false })
    })
}

/// Filters are asked for by what they are attached to: the root and both directions in general, queueing disciplines below the
/// root, and the classes of which any are known.
fn requests_of_parents<'m>(
    kind: KindIndex,
    scope: &'m Scope,
    mirror: &'m Mirror,
) -> impl Iterator<Item = dump::Request> + use<'m> {
    const INTERFACE_AT: usize = 4;
    const HANDLE_AT: usize = 8;
    const PARENT_AT: usize = 12;
    let at = kind.table().hooks.parent_at;
    let dump = at.and_then(|_| kind.table().dumps.first());
    let filters = dump.map(|_| const { KindIndex::of(&tc::FILTER) });
    let known = filters.into_iter().flat_map(|filters| mirror.objects(filters));
    let inner = dump.map(|_| const { KindIndex::of(&tc::QDISC) });
    let inner = inner.into_iter().flat_map(|qdiscs| mirror.objects(qdiscs)).filter(|qdisc| tc::is_inner(qdisc));
    let inner = inner.filter_map(|qdisc| u32_at(qdisc, INTERFACE_AT).zip(u32_at(qdisc, HANDLE_AT)));
    let known = known.filter_map(|filter| u32_at(filter, INTERFACE_AT).zip(u32_at(filter, PARENT_AT)));
    let parents: BTreeSet<(u32, u32)> = known.chain(inner).collect();
    parents.into_iter().filter_map(move |(ifindex, parent)| {
        let asked = match scope {
            Scope::All => ifindex != u32::MAX,
            Scope::Links(links) => links.contains(&ifindex),
            Scope::Routes(_) => false,
        };
        if !asked || matches!(parent, tc::INGRESS | tc::EGRESS | tc::INGRESS_QDISC) {
            return None;
        }
        let mut request = request(dump?, Some(ifindex));
        request.body.get_mut(at?..at? + 4)?.copy_from_slice(&parent.to_ne_bytes());
        Some(request)
    })
}

/// Requests for filters of which a dump has shown no more than the row of their priority: each by its priority.
pub fn requests_of_left_out(shown: &Mirror) -> VecDeque<Next> {
    const FILTER: KindIndex = KindIndex::of(&tc::FILTER);
    let mut is_shown: BTreeMap<tc::Priority, bool> = BTreeMap::new();
    for (priority, is_filter) in shown.objects(FILTER).filter_map(tc::alone_in_priority) {
        *is_shown.entry(priority).or_default() |= is_filter;
    }
    let left_out = is_shown.into_iter().filter(|(_, is_shown)| !is_shown);
    left_out
        .map(|((ifindex, parent, information, _), _)| {
            let places = [(4, ifindex), (12, parent), (16, information)];
            let mut body = vec![0; tc::FILTER.header.bytes];
            for (at, number) in places {
                body[at..at + 4].copy_from_slice(&number.to_ne_bytes());
            }
            let request = dump::Request { message_type: RTM_GETTFILTER, body, one: false };
            Next { kind: FILTER, question: Question::Objects, request }
        })
        .collect()
}

/// A dump as the kernel is asked for it, of one interface's objects alone where one is given.
fn request(dump: &DumpRequest, link: Option<u32>) -> dump::Request {
    let mut body = dump.header.to_vec();
    if let (Some(ifindex), Some(PerLink::Header(at))) = (link, dump.per_link)
        && let Some(place) = body.get_mut(at..at + 4)
    {
        place.copy_from_slice(&ifindex.to_ne_bytes());
    }
    body.resize(align(body.len()), 0);
    for (number, payload) in dump.attributes {
        append_attribute(&mut body, *number, payload);
    }
    if let (Some(ifindex), Some(PerLink::Attribute(number))) = (link, dump.per_link) {
        append_attribute(&mut body, number, &ifindex.to_ne_bytes());
    }
    dump::Request { message_type: dump.message, body, one: false }
}

/// Whether a row answers a dump with another family than was asked for, as a kernel without that family does: it answers
/// with all. A bridge's multicast entries come without a family, and are what was asked for.
pub fn is_foreign(kind: KindIndex, family: u8, row: &Message<'_>) -> bool {
    // A family stands first in rtnetlink's and netfilter's headers alone.
    if kind.table().hooks.family.is_some() {
        return false;
    }
    match row.payload.first() {
        Some(0) if family != 0 => of_message(row.header.kind, 0).is_none_or(|(found, _)| found != kind),
        Some(&found) => family != 0 && found != family,
        None => false,
    }
}

/// Whether a row is of the kind that was asked for: some answers have objects of several kinds.
pub fn is_asked_for(kind: KindIndex, row: &Message<'_>) -> bool {
    kind.table().hooks.of_links.is_none() || of_message(row.header.kind, 0).is_some_and(|(found, _)| found == kind)
}

/// What [`each_row`] shows.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// A row as the kernel has it.
    Row(&'a Message<'a>),
    /// An object of the kind, as the tables read it: behind the row that completes it.
    Object(&'a Message<'a>),
    /// A dump was not whole and begins again: its rows come once more.
    Again,
}

/// Asks for all objects of a kind in the network namespace of the calling thread, and calls `each` with every row that
/// answers, and with every object in it. No request is waited for longer than `left` says. A kind that the kernel does not
/// have has no rows.
pub fn each_row(
    requests: VecDeque<Next>,
    adapter: &mut Adapter,
    left: impl Fn() -> Duration,
    mut each: impl FnMut(Shown<'_>),
) -> Result<(), DumpError> {
    adapter.learn(&[]);
    let (mut requests, mut batch) = (requests, Batch::of_dump());
    while let Some(next) = requests.pop_front() {
        if let Some(name) = of_links(&next) {
            let named = requests_of_links(next.kind, &links_of_kind(name)?);
            named.into_iter().rev().for_each(|next| requests.push_front(next));
            continue;
        }
        let Next { kind, request, .. } = next;
        let Some(request) = adapter.request(request) else { continue };
        let family = request.body.first().copied().unwrap_or_default();
        let opener = adapter.opener();
        let dumped = dump::dump_until(opener, &request, left(), &mut batch, |row| {
            let DumpRow::Message(row) = row else {
                each(Shown::Again);
                return ControlFlow::Continue(());
            };
            let adapted = adapter.adapt(row.bytes);
            if wire::messages(adapted).any(|message| is_foreign(kind, family, &message)) {
                // The kernel does not have the family, and goes through all others.
                return ControlFlow::Break(());
            }
            each(Shown::Row(&row));
            wire::messages(adapted)
                .filter(|message| is_asked_for(kind, message))
                .for_each(|message| each(Shown::Object(&message)));
            ControlFlow::Continue(())
        });
        wire::messages(adapter.rest())
            .filter(|message| is_asked_for(kind, message))
            .for_each(|message| each(Shown::Object(&message)));
        match dumped {
            Ok(()) | Err(DumpError::Unsupported(_)) => {}
            Err(DumpError::Refused(failure)) if is_unknown(kind, &failure) => {}
            // The interface has gone meanwhile.
            Err(DumpError::Refused(failure))
                if failure.errno == libc::ENODEV && kind.table().hooks.of_links.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(handle: u32, parent: u32, information: u32, kind: &[u8]) -> Vec<u8> {
        let mut payload = vec![0; 4];
        [7, handle, parent, information].iter().for_each(|number: &u32| payload.extend(number.to_ne_bytes()));
        append_attribute(&mut payload, tc::TCA_KIND, kind);
        payload
    }

    #[test]
    fn a_filter_that_was_left_out_is_asked_for_by_its_priority() {
        const FIRST: u32 = (1 << 16) | 3;
        const SECOND: u32 = (2 << 16) | 3;
        let mut shown = Mirror::new();
        let rows = [
            row(0, tc::INGRESS, FIRST, b"matchall\0"),
            row(1, tc::INGRESS, FIRST, b"matchall\0"),
            row(0, tc::INGRESS, SECOND, b"matchall\0"),
            // The same priority, but of the other direction; and a kind of which there may be none.
            row(1, tc::EGRESS, SECOND, b"matchall\0"),
            row(0, tc::EGRESS, FIRST, b"flower\0"),
        ];
        for row in &rows {
            shown.apply(const { KindIndex::of(&tc::FILTER) }, false, 0, row);
        }
        let asked: Vec<Vec<u8>> = requests_of_left_out(&shown).into_iter().map(|next| next.request.body).collect();
        assert_eq!(asked, [&row(0, tc::INGRESS, SECOND, b"")[..20]]);
    }

    #[test]
    fn filters_are_asked_for_at_disciplines_below_the_root() {
        let mut mirror = Mirror::new();
        for (handle, parent) in [(0x0001_0000, u32::MAX), (0x0002_0000, 0x0001_0001), (0, 0x0001_0002)] {
            let kind = const { KindIndex::of(&tc::QDISC) };
            mirror.apply(kind, false, 0, &row(handle, parent, 0, b"prio\0"));
        }
        let filters = (const { KindIndex::of(&tc::FILTER) }, Scope::All);
        let asked: Vec<Option<u32>> =
            requests(&[filters], &mirror).iter().map(|next| u32_at(&next.request.body, 12)).collect();
        assert_eq!(asked.iter().filter(|parent| **parent == Some(0x0002_0000)).count(), 1);
        assert!(!asked.contains(&Some(0x0001_0000)), "the root is asked in general");
    }
}
