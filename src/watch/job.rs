//! A job: dumps of several kinds, one after another, and what they are for.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use crate::dumps::{Next, Question, fence, requests, requests_of, requests_of_left_out};
use crate::kinds::protocol::Protocol;
use crate::kinds::rtnetlink::link;
use crate::kinds::{KindIndex, split};
use crate::mirror::Mirror;
use crate::mirror::ask;
use crate::mirror::repair::Shadow;
use crate::mirror::silence::look::Scope;
use crate::mirror::silence::looks::Looks;
use crate::mirror::waiting::Moment;
use crate::netlink::dump;
use crate::netlink::socket::NETLINK_ROUTE;
use crate::netlink::wire;
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

/// Dumps that run or wait.
#[derive(Debug)]
pub struct Job {
    /// What it is for.
    pub purpose: Purpose,
    /// Of which protocol's place it is.
    protocol: &'static Protocol,
    /// The number of the line that led to it.
    pub cause: Option<u64>,
    /// The looks that it takes.
    pub looks: Looks,
    /// What it shows, links first.
    pub kinds: Vec<(KindIndex, Scope)>,
    /// Where the rows gather, but at the start.
    pub shadow: Shadow,
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
    /// What the kernel has left out is not asked for yet.
    left_out: bool,
    /// The fence is not asked for yet.
    fence: bool,
}

impl Job {
    /// A job that has not asked for anything yet; `cause` is the number of the line that led to it.
    pub fn new(work: Work, cause: Option<u64>, protocol: &'static Protocol, mirror: &Mirror) -> Job {
        let Work { purpose, scopes, looks } = work;
        let mut job = Job {
            purpose,
            protocol,
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
            left_out: true,
            fence: true,
        };
        job.begin(mirror);
        job
    }

    fn begin(&mut self, mirror: &Mirror) {
        // A link may name another one that comes later, so that the names are learned first.
        // When links are compared with what was known, those that are gone keep the names that they had.
        const LINK: KindIndex = KindIndex::of(&link::LINK);
        // Names of links, and the lock that the fence waits for, are rtnetlink's: elsewhere its message would be another one.
        let is_rtnetlink = self.protocol.number == NETLINK_ROUTE;
        self.learns_names = match self.purpose {
            _ if !is_rtnetlink => false,
            Purpose::Start => true,
            Purpose::Offline | Purpose::Repair | Purpose::Verify => !self.kinds.iter().any(|(kind, _)| *kind == LINK),
            Purpose::Look => false,
        };
        self.left = self.kinds.iter().cloned().collect();
        self.left_out = true;
        self.fence = is_rtnetlink;
        self.waiting = if self.learns_names { requests(&[(LINK, Scope::All)], mirror) } else { VecDeque::new() };
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
                None if std::mem::take(&mut self.left_out) => self.waiting = requests_of_left_out(&self.shadow),
                None if std::mem::take(&mut self.fence) => return Some(fence()),
                None => return None,
            }
        }
        self.waiting.pop_front()
    }

    /// Asks for this next.
    pub fn ask_next(&mut self, requests: VecDeque<Next>) {
        requests.into_iter().rev().for_each(|next| self.waiting.push_front(next));
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

/// Puts a row into the shadow.
pub(super) fn gather(shadow: &mut Shadow, mirror: &Mirror, message: &wire::Message<'_>) {
    split::objects(message, |kind, removes, payload| {
        shadow.apply(mirror, kind, removes, message.header.flags, payload);
    });
}
