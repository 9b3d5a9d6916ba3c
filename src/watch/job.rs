//! A job: dumps of several kinds, one after another, and what they are for.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use crate::decode::schema::Dump as Request;
use crate::kinds::rtnetlink::{link, route, tc};
use crate::kinds::{KINDS, KindIndex, index_of, split};
use crate::mirror::Mirror;
use crate::mirror::ask::{self, Asked};
use crate::mirror::repair::Scope;
use crate::mirror::silence::looks::Looks;
use crate::mirror::waiting::Moment;
use crate::netlink::dump;
use crate::netlink::wire::{self, align, append_attribute, u32_at};
use crate::watch::agenda::{Purpose, Work};
use crate::watch::now_microseconds;

/// What a request was sent for.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// What was asked for.
    pub kind: KindIndex,
    /// The family that was asked for.
    pub family: u8,
    /// What is asked.
    pub question: Question,
}

/// A request whose answer is read.
#[derive(Debug)]
pub struct Running {
    /// What it was sent for.
    pub query: Query,
    /// Whether the answer was of the single route that was asked for.
    pub found: bool,
    /// When the rows that are read next were made; of the job at the start alone.
    pub moment: Moment,
    /// Its state.
    pub dump: dump::Dump,
}

/// What a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which objects there are.
    Objects,
    /// Whether there is that single route.
    Route(Asked),
    /// Nothing: the kernel answers once whoever changes something now has told of it. See [`Job::next_request`].
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

/// Dumps that run or wait.
#[derive(Debug)]
pub struct Job {
    /// What it is for.
    pub purpose: Purpose,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
    /// The looks that it takes.
    pub looks: Looks,
    /// What it shows, links first.
    pub kinds: Vec<(KindIndex, Scope)>,
    /// Where the rows gather, but at the start.
    pub shadow: Mirror,
    /// When it began.
    pub began: Instant,
    /// The same in microseconds since 1970. What it has found is told with this time: everything that was told before was
    /// received before, and everything that waits now after.
    pub began_microseconds: i64,
    /// The request that runs.
    pub running: Option<Running>,
    /// The dump of links for their names alone is not done yet.
    pub learns_names: bool,
    /// Kinds that are not asked for yet.
    left: VecDeque<(KindIndex, Scope)>,
    /// Requests for the current kind that are not sent yet.
    waiting: VecDeque<Next>,
    /// The fence is not asked for yet.
    fence: bool,
}

impl Job {
    /// A job that has not asked for anything yet; `cause` is the number of the line that led to it.
    pub fn new(work: Work, cause: Option<u64>, mirror: &Mirror) -> Job {
        let Work { purpose, scopes, looks } = work;
        let mut job = Job {
            purpose,
            cause,
            looks,
            kinds: scopes,
            shadow: mirror.shadow(),
            began: Instant::now(),
            began_microseconds: now_microseconds(),
            running: None,
            learns_names: false,
            left: VecDeque::new(),
            waiting: VecDeque::new(),
            fence: true,
        };
        job.begin(mirror);
        job
    }

    fn begin(&mut self, mirror: &Mirror) {
        // A link may name another one that comes later, so that the names are learned first.
        // When links are compared with what was known, those that are gone keep the names that they had.
        let link = index_of(&link::LINK);
        self.learns_names = match self.purpose {
            Purpose::Start => true,
            Purpose::Offline | Purpose::Repair | Purpose::Verify => {
                !self.kinds.iter().any(|(kind, _)| Some(*kind) == link)
            }
            Purpose::Look => false,
        };
        self.left = self.kinds.iter().cloned().collect();
        self.fence = true;
        self.waiting =
            link.filter(|_| self.learns_names).map(|link| requests(&[(link, Scope::All)], mirror)).unwrap_or_default();
    }

    /// The next dump to ask for. What is asked link by link is asked of those that the dumps before have shown, too.
    ///
    /// The last request is the fence. Some dumps show what another process is just changing, before the kernel tells of
    /// it: they do not wait for its lock of routing and links (RTNL), under which it changes and tells. One link is asked
    /// for under that lock (`rtnetlink_rcv_msg`), so that when the answer comes, what the dumps have shown is told.
    pub fn next_request(&mut self, mirror: &Mirror) -> Option<Next> {
        while self.waiting.is_empty() {
            match self.left.pop_front() {
                Some(next) => self.waiting = requests_of(&next, mirror, &self.shadow),
                None if std::mem::take(&mut self.fence) => return fence(),
                None => return None,
            }
        }
        self.waiting.pop_front()
    }

    /// Asks for everything once more: the kernel's state changed meanwhile.
    pub fn restart(&mut self, mirror: &Mirror) {
        self.shadow = mirror.shadow();
        self.running = None;
        self.begin(mirror);
    }

    /// A single route was not the answer: the interfaces' routes are dumped instead.
    pub fn ask_no_more(&mut self, mirror: &Mirror) {
        for (_, scope) in &mut self.kinds {
            if let Scope::Routes(routes) = scope {
                let asked: BTreeSet<u32> = routes.asked.drain(..).map(|asked| asked.ifindex).collect();
                routes.through.extend(asked.into_iter().map(|ifindex| (ask::FAMILY, ifindex)));
            }
        }
        self.restart(mirror);
    }
}

/// The request for the first interface of the namespace, its loopback.
fn fence() -> Option<Next> {
    const LOOPBACK: u32 = 1;
    let kind = index_of(&link::LINK)?;
    let mut body = vec![0; link::LINK.header.bytes];
    body.get_mut(4..8)?.copy_from_slice(&LOOPBACK.to_ne_bytes());
    Some(Next {
        kind,
        question: Question::Fence,
        request: dump::Request { message_type: RTM_GETLINK, body, one: true },
    })
}

/// The dumps that show those kinds.
pub fn requests(kinds: &[(KindIndex, Scope)], mirror: &Mirror) -> VecDeque<Next> {
    kinds.iter().flat_map(|kind| requests_of(kind, mirror, mirror)).collect()
}

fn requests_of((kind, scope): &(KindIndex, Scope), mirror: &Mirror, shadow: &Mirror) -> VecDeque<Next> {
    let next = |request| Next { kind: *kind, question: Question::Objects, request };
    let mut requests = VecDeque::new();
    if let Scope::Routes(routes) = scope {
        requests.extend(routes.asked.iter().filter_map(|&asked| {
            let request = dump::Request { message_type: RTM_GETROUTE, body: mirror.route_question(asked)?, one: true };
            Some(Next { kind: *kind, question: Question::Route(asked), request })
        }));
    }
    for dump in KINDS[*kind].dumps {
        let links: BTreeSet<u32> = match (scope, dump.per_link) {
            (Scope::Routes(routes), _) => {
                let asked = routes.through.iter().filter(|(family, _)| dump.header.first() == Some(family));
                asked.map(|&(_, ifindex)| ifindex).collect()
            }
            (Scope::Links(links), _) if limits(dump) => links.iter().copied().collect(),
            (Scope::All, Some(_)) => mirror.links.indices().chain(shadow.links.indices()).collect(),
            _ => {
                requests.push_back(next(request(dump, None)));
                continue;
            }
        };
        requests.extend(links.into_iter().map(|ifindex| next(request(dump, Some(ifindex)))));
    }
    requests.extend(requests_of_parents(*kind, scope, mirror).map(next));
    requests
}

/// Filters are asked for by what they are attached to: the root and both directions in general, and the classes of
/// which any are known.
fn requests_of_parents<'m>(
    kind: KindIndex,
    scope: &'m Scope,
    mirror: &'m Mirror,
) -> impl Iterator<Item = dump::Request> + use<'m> {
    const INTERFACE_AT: usize = 4;
    const PARENT_AT: usize = 12;
    let dump = [&tc::FILTER, &tc::CHAIN].into_iter().find(|table| std::ptr::eq(KINDS[kind], *table));
    let dump = dump.and_then(|table| table.dumps.first());
    let filters = index_of(&tc::FILTER).filter(|_| dump.is_some());
    let known = filters.into_iter().flat_map(|filters| mirror.objects(filters));
    let parents: BTreeSet<(u32, u32)> =
        known.filter_map(|filter| u32_at(filter, INTERFACE_AT).zip(u32_at(filter, PARENT_AT))).collect();
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
        request.body.get_mut(PARENT_AT..PARENT_AT + 4)?.copy_from_slice(&parent.to_ne_bytes());
        Some(request)
    })
}

/// Whether the kernel can limit the dump to an interface.
fn limits(dump: &Request) -> bool {
    dump.per_link.is_some() || dump.message == RTM_GETROUTE
}

/// `RTM_GETLINK`.
const RTM_GETLINK: u16 = 18;
/// `RTM_GETROUTE`: the kernel leaves out routes that do not leave through `RTA_OIF`, in a strict dump.
const RTM_GETROUTE: u16 = 26;

fn request(dump: &Request, link: Option<u32>) -> dump::Request {
    let mut body = dump.header.to_vec();
    if let (Some(ifindex), Some(at)) = (link, dump.per_link)
        && let Some(place) = body.get_mut(at..at + 4)
    {
        place.copy_from_slice(&ifindex.to_ne_bytes());
    }
    body.resize(align(body.len()), 0);
    for (number, payload) in dump.attributes {
        append_attribute(&mut body, *number, payload);
    }
    if let Some(ifindex) = link
        && dump.message == RTM_GETROUTE
    {
        append_attribute(&mut body, route::RTA_OIF, &ifindex.to_ne_bytes());
    }
    dump::Request { message_type: dump.message, body, one: false }
}

/// Puts a row into the shadow.
pub(super) fn gather(shadow: &mut Mirror, message: &wire::Message<'_>) {
    split::objects(message, |kind, removes, payload| {
        shadow.apply(kind, removes, message.header.flags, payload);
    });
}
