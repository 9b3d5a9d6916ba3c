//! Each rule of the agenda by itself, then random sequences. No kernel and no sleep: time is a number here.

use proptest::collection;
use proptest::prelude::*;

use super::*;
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::{addr, link, neigh, route, tc};
use crate::netlink::wire::{NLM_F_APPEND, NLM_F_CREATE, append_attribute};

fn kind(table: &'static crate::decode::schema::Kind) -> KindIndex {
    KindIndex::of(table)
}

fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is watched: kinds that may always have something to look at, and routes.
fn watched() -> Vec<KindIndex> {
    [&link::LINK, &addr::ADDR, &route::ROUTE, &neigh::NEIGH, &tc::QDISC].map(kind).to_vec()
}

/// A mirror with a route of each family through each of the interfaces 1 to 3, so that all looks at these are worth it.
fn mirror() -> Mirror {
    let mut mirror = Mirror::new();
    for (family, ifindex) in [2, 10].into_iter().flat_map(|family| (1..=3u32).map(move |ifindex| (family, ifindex))) {
        let mut payload = vec![family, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        append_attribute(&mut payload, route::RTA_DST, &ifindex.to_be_bytes());
        append_attribute(&mut payload, route::RTA_OIF, &ifindex.to_ne_bytes());
        mirror.apply(kind(&route::ROUTE), false, NLM_F_CREATE | NLM_F_APPEND, &payload);
    }
    mirror
}

fn routes_of(ifindex: u32) -> Look {
    Look { link: Some(ifindex), ..Look::at(kind(&route::ROUTE)) }
}

fn agenda(verify_every: Option<Duration>) -> (Agenda, Instant, Mirror) {
    let now = Instant::now();
    (Agenda::new(&watched(), &mirror(), verify_every, now), now, mirror())
}

/// Begins what is due at that time, which is to be for that purpose.
fn begin(agenda: &mut Agenda, at: Instant, mirror: &Mirror, purpose: Purpose) -> Work {
    assert_eq!(agenda.due().map(|due| due <= at), Some(true));
    let work = agenda.next(at, mirror).unwrap();
    assert_eq!((work.purpose, agenda.due()), (purpose, None));
    work
}

#[test]
fn a_storm_costs_one_look() {
    let (mut agenda, start, mirror) = agenda(None);
    for number in 0..1000u32 {
        let look = Look { cause: Some(number.into()), ..routes_of(1 + number % 3) };
        agenda.add(Doubt::Silent(look), start + Duration::from_micros((9 * number).into()));
        assert_eq!(agenda.due(), Some(start + LOOK_PAUSE), "it waits from the first one");
    }
    assert!(agenda.next(start + LOOK_PAUSE - milliseconds(1), &mirror).is_none());
    let work = begin(&mut agenda, start + LOOK_PAUSE, &mirror, Purpose::Look);
    let [(_, Scope::Routes(routes))] = &work.scopes[..] else { panic!("{:?}", work.scopes) };
    assert_eq!((routes.through.len(), work.looks.cause()), (6, Some(999)));
    assert!(agenda.done(start + milliseconds(11), true));
    assert_eq!(agenda.due(), None);
}

#[test]
fn a_look_that_is_worth_nothing_is_not_taken() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Silent(routes_of(9)), start);
    assert!(agenda.next(start + LOOK_PAUSE, &mirror).is_none());
    assert_eq!(agenda.due(), None);
}

#[test]
fn a_loss_swallows_looks() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Silent(routes_of(1)), start);
    agenda.add(Doubt::Loss, start + milliseconds(1));
    // Once more while it waits: the repair does not move.
    agenda.add(Doubt::Loss, start + milliseconds(2));
    assert_eq!(agenda.due(), Some(start + milliseconds(3)));
    assert!(agenda.next(start + milliseconds(2), &mirror).is_none());
    let work = begin(&mut agenda, start + milliseconds(20), &mirror, Purpose::Repair);
    let all: Vec<_> = Mirror::new().comparable(&watched()).into_iter().map(|kind| (kind, Scope::All)).collect();
    assert_eq!(work.scopes, all);
    assert!(agenda.done(start + milliseconds(21), false));
    assert_eq!(agenda.due(), None, "the look is taken with it");
}

#[test]
fn a_loss_makes_what_runs_worthless_but_for_the_start() {
    let (mut agenda, start, mirror) = agenda(Some(seconds(60)));
    agenda.add(Doubt::Silent(routes_of(1)), start);
    begin(&mut agenda, start + milliseconds(10), &mirror, Purpose::Look);
    assert!(!agenda.break_off());
    agenda.add(Doubt::Loss, start + milliseconds(11));
    // At its end, or before that.
    assert!(!agenda.done(start + milliseconds(12), true));
    begin(&mut agenda, start + milliseconds(13), &mirror, Purpose::Repair);
    agenda.add(Doubt::Loss, start + milliseconds(14));
    assert!(agenda.break_off() && !agenda.break_off());
    begin(&mut agenda, start + milliseconds(18), &mirror, Purpose::Repair);
    assert!(agenda.done(start + milliseconds(19), true));

    let (mut agenda, start, mirror) = self::agenda(None);
    agenda.add(Doubt::Offline(watched()), start);
    agenda.add(Doubt::Start(watched()), start);
    agenda.add(Doubt::Loss, start);
    begin(&mut agenda, start, &mirror, Purpose::Offline);
    assert!(!agenda.break_off() && agenda.done(start, false));
    begin(&mut agenda, start, &mirror, Purpose::Start);
    assert!(!agenda.break_off() && !agenda.done(start, false));
    begin(&mut agenda, start + milliseconds(2), &mirror, Purpose::Repair);
}

#[test]
fn pauses_before_repairs_double_while_losses_follow_each_other() {
    let (mut agenda, start, mirror) = agenda(None);
    let mut now = start;
    let mut pauses = Vec::new();
    for _ in 0..14 {
        agenda.add(Doubt::Loss, now);
        let due = agenda.due().unwrap();
        pauses.push((due - now).as_millis());
        begin(&mut agenda, due, &mirror, Purpose::Repair);
        now = due + milliseconds(1);
        assert!(agenda.done(now, true));
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2000, 2000, 2000, 2000]);
    // A quiet while later it is as if there had been none.
    agenda.add(Doubt::Loss, now + REPAIR_PAUSE.1);
    assert_eq!(agenda.due(), Some(now + REPAIR_PAUSE.1 + milliseconds(2)));
}

#[test]
fn a_repair_that_a_loss_breaks_off_lengthens_the_pause_too() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Loss, start);
    let due = agenda.due().unwrap();
    begin(&mut agenda, due, &mirror, Purpose::Repair);
    let lost = due + seconds(60);
    agenda.add(Doubt::Loss, lost);
    assert!(agenda.break_off());
    assert_eq!(agenda.due(), Some(lost + milliseconds(4)));
}

#[test]
fn after_work_looks_rest_nine_times_as_long_as_it_took_and_two_seconds_at_most() {
    for (took, rest) in [(0, 0), (3, 27), (222, 1998), (223, 2000), (60_000, 2000)] {
        let (mut agenda, start, mirror) = agenda(None);
        agenda.add(Doubt::Silent(routes_of(1)), start);
        begin(&mut agenda, start + LOOK_PAUSE, &mirror, Purpose::Look);
        let done = start + LOOK_PAUSE + milliseconds(took);
        assert!(agenda.done(done, true));
        agenda.add(Doubt::Silent(routes_of(1)), done);
        assert_eq!(agenda.due(), Some(done + milliseconds(rest).max(LOOK_PAUSE)));
        let due = agenda.due().unwrap();
        assert!(agenda.next(due - milliseconds(1), &mirror).is_none());
        begin(&mut agenda, due, &mirror, Purpose::Look);
    }
}

#[test]
fn a_loss_does_not_wait_until_looks_have_rested() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Silent(routes_of(1)), start);
    begin(&mut agenda, start + LOOK_PAUSE, &mirror, Purpose::Look);
    let done = start + seconds(10);
    assert!(agenda.done(done, true));
    agenda.add(Doubt::Loss, done);
    begin(&mut agenda, done + REPAIR_PAUSE.0, &mirror, Purpose::Repair);
}

#[test]
fn verify_comes_again_and_again_and_waits_for_quiet() {
    let (mut agenda, start, mirror) = agenda(Some(seconds(60)));
    assert_eq!(agenda.due(), Some(start + seconds(60)));
    let work = begin(&mut agenda, start + seconds(60), &mirror, Purpose::Verify);
    assert_eq!(work.scopes.len(), Mirror::new().comparable(&watched()).len());
    let done = start + seconds(61);
    assert!(agenda.done(done, true));
    assert_eq!(agenda.due(), Some(done + seconds(60)));

    // Something is to be looked at, which has not rested yet: that comes first.
    let now = done + seconds(60);
    agenda.rested_at = now + milliseconds(25);
    agenda.add(Doubt::Silent(routes_of(1)), now);
    for retry in 0..3 {
        assert!(agenda.next(now + milliseconds(10 * retry), &mirror).is_none());
        assert_eq!(agenda.due(), Some(now + milliseconds((10 * retry + 10).min(25))));
    }
    begin(&mut agenda, now + milliseconds(25), &mirror, Purpose::Look);
    assert!(agenda.done(now + milliseconds(25), true));
    begin(&mut agenda, now + milliseconds(30), &mirror, Purpose::Verify);

    // Something was told meanwhile, or is to be looked at: what was shown proves nothing.
    assert!(!agenda.done(now + milliseconds(31), false));
    let again = now + milliseconds(31) + LOOK_PAUSE;
    assert_eq!(agenda.due(), Some(again));
    begin(&mut agenda, again, &mirror, Purpose::Verify);
    agenda.add(Doubt::Silent(routes_of(1)), again);
    assert!(!agenda.done(again + milliseconds(100), true));
    begin(&mut agenda, again + milliseconds(1000), &mirror, Purpose::Look);
    assert!(agenda.done(again + milliseconds(1000), true));
    // It has rested, too, before it tries again.
    begin(&mut agenda, again + milliseconds(1000), &mirror, Purpose::Verify);
}

#[test]
fn a_poll_comes_again_and_takes_along_what_waits() {
    let watched = [&crate::kinds::generic::wireguard::PEER, &link::LINK].map(kind);
    let (now, mirror) = (Instant::now(), mirror());
    let mut agenda = Agenda::new(&watched, &mirror, None, now).poll(Some(seconds(10)));
    assert_eq!(agenda.due(), Some(now + seconds(10)));
    assert!(agenda.next(now + seconds(9), &mirror).is_none());
    for round in 1..4 {
        let at = now + seconds(10 * round);
        let work = begin(&mut agenda, at, &mirror, Purpose::Look);
        assert_eq!(work.scopes.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [watched[0]]);
        assert!(agenda.done(at, true));
        assert_eq!(agenda.due(), Some(at + seconds(10)));
    }
    // What waits is looked at with it, and it rests as any look does.
    agenda.add(Doubt::Silent(Look::at(watched[1])), now + seconds(40));
    let work = begin(&mut agenda, now + seconds(40), &mirror, Purpose::Look);
    assert_eq!(work.scopes.len(), 2);
    assert!(agenda.done(now + seconds(50), true));
    assert_eq!(agenda.due(), Some(now + seconds(52)), "not before it has rested");
    // Where nothing is polled, nothing comes.
    assert_eq!(Agenda::new(&[kind(&link::LINK)], &mirror, None, now).poll(Some(seconds(1))).due(), None);
    assert_eq!(Agenda::new(&watched, &mirror, None, now).poll(None).due(), None);
}

#[test]
fn the_start_runs_first_in_its_order_and_verify_counts_from_its_end() {
    let (mut agenda, start, mirror) = agenda(Some(seconds(60)));
    assert!(agenda.is_started());
    agenda.add(Doubt::Offline(vec![kind(&link::LINK)]), start);
    agenda.add(Doubt::Start(vec![kind(&addr::ADDR)]), start);
    agenda.add(Doubt::Silent(routes_of(1)), start);
    assert!(!agenda.is_started());
    let work = begin(&mut agenda, start, &mirror, Purpose::Offline);
    assert_eq!(work.scopes, [(kind(&link::LINK), Scope::All)]);
    assert!(agenda.done(start + milliseconds(50), false), "its differences are told");
    assert!(!agenda.is_started());
    let work = begin(&mut agenda, start + milliseconds(50), &mirror, Purpose::Start);
    assert_eq!(work.scopes, [(kind(&addr::ADDR), Scope::All)]);
    assert!(!agenda.is_started());
    let done = start + milliseconds(100);
    assert!(!agenda.done(done, false), "its rows are in the mirror already");
    assert!(agenda.is_started());
    // The rest counts both parts.
    assert_eq!(agenda.due(), Some(done + milliseconds(900)));
    begin(&mut agenda, done + milliseconds(900), &mirror, Purpose::Look);
    assert!(agenda.done(done + milliseconds(900), true));
    assert_eq!(agenda.due(), Some(done + seconds(60)));
}

#[test]
fn looks_at_what_is_never_told_become_rarer_and_end() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Quiet { cause: Some(7) }, start);
    let mut looks = Vec::new();
    while let Some(due) = agenda.due() {
        looks.push((due - start).as_secs());
        let work = begin(&mut agenda, due, &mirror, Purpose::Look);
        assert_eq!((&work.scopes[..], work.looks.cause()), (&[(kind(&neigh::NEIGH), Scope::All)][..], Some(7)));
        assert!(agenda.done(due, true));
    }
    assert_eq!(looks, [1, 3, 7, 15, 31, 63, 127]);
}

#[test]
fn what_is_told_puts_the_first_look_off_for_a_while() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Quiet { cause: Some(1) }, start);
    for second in 1..10 {
        agenda.add(Doubt::Quiet { cause: None }, start + seconds(second));
        assert_eq!(agenda.due(), Some(start + seconds((second + 1).min(5))));
    }
    let now = start + seconds(10);
    let work = begin(&mut agenda, now, &mirror, Purpose::Look);
    assert_eq!(work.looks.cause(), Some(1));
    assert!(agenda.done(now, true));
    // After a look it begins anew.
    agenda.add(Doubt::Quiet { cause: Some(2) }, now + seconds(1));
    assert_eq!(agenda.due(), Some(now + seconds(2)));
    assert_eq!(begin(&mut agenda, now + seconds(2), &mirror, Purpose::Look).looks.cause(), Some(2));
}

#[test]
fn nothing_follows_where_every_watched_kind_is_told() {
    let now = Instant::now();
    let mut agenda = Agenda::new(&[kind(&route::ROUTE)], &Mirror::new(), None, now);
    agenda.add(Doubt::Quiet { cause: Some(1) }, now);
    assert_eq!(agenda.due(), None);
}

#[test]
fn what_is_interrupted_too_often_comes_again() {
    let (mut agenda, start, mirror) = agenda(None);
    agenda.add(Doubt::Silent(routes_of(1)), start);
    begin(&mut agenda, start + LOOK_PAUSE, &mirror, Purpose::Look);
    let now = start + milliseconds(20);
    for _ in 0..RESTARTS_MAX {
        assert!(agenda.may_restart() && agenda.interrupted(kind(&route::ROUTE), now));
        agenda.restarted();
    }
    assert!(!agenda.may_restart() && !agenda.interrupted(kind(&route::ROUTE), now));
    assert!(agenda.done(now, true), "what was shown is taken");
    let due = now + 10 * REST_FACTOR * milliseconds(1);
    assert_eq!(agenda.due(), Some(due));
    let work = begin(&mut agenda, due, &mirror, Purpose::Look);
    assert_eq!(work.scopes, [(kind(&route::ROUTE), Scope::All)]);
    assert!(agenda.may_restart(), "each work has restarts of its own");
}

/// So many turns of a millisecond, in each of which something is doubted and everything takes no time; gives back when each
/// purpose first had its turn, and how many looks at neighbours there were.
fn turns(count: u64, verify_every: Option<Duration>, doubt: impl Fn(u64) -> Option<Doubt>) -> (Vec<Purpose>, usize) {
    let (mut agenda, start, mirror) = agenda(verify_every);
    let (mut first, mut neighbours) = (Vec::new(), 0);
    for turn in 0..count {
        let now = start + milliseconds(turn);
        doubt(turn).into_iter().for_each(|doubt| agenda.add(doubt, now));
        let Some(work) = agenda.next(now, &mirror) else { continue };
        if !first.contains(&work.purpose) {
            first.push(work.purpose);
        }
        neighbours +=
            usize::from(work.purpose == Purpose::Look && work.scopes.contains(&(kind(&neigh::NEIGH), Scope::All)));
        let _ = agenda.done(now, true);
    }
    (first, neighbours)
}

#[test]
fn no_steady_stream_of_doubts_starves_others() {
    let silent = || Some(Doubt::Silent(routes_of(1)));
    // Looks do not keep the look after a quiet while from its turn, nor a repair.
    let (_, neighbours) =
        turns(2_000, None, |turn| if turn == 0 { Some(Doubt::Quiet { cause: None }) } else { silent() });
    assert_eq!(neighbours, 1);
    let (first, _) = turns(2_000, None, |turn| if turn == 500 { Some(Doubt::Loss) } else { silent() });
    assert_eq!(first, [Purpose::Look, Purpose::Repair]);
    // Neither does what is told all the time keep it: it comes every five seconds.
    let (_, neighbours) = turns(20_003, None, |_| Some(Doubt::Quiet { cause: None }));
    assert_eq!(neighbours, 3);
    // Losses leave room for looks between their repairs, or their repairs look at the same.
    let (first, _) = turns(10_000, None, |turn| if turn % 20 == 0 { Some(Doubt::Loss) } else { silent() });
    assert!(first.contains(&Purpose::Look) && first.contains(&Purpose::Repair));
    // Verifying all the time keeps nothing from its turn, and gets one where looks leave a moment.
    let verify_every = Some(milliseconds(1));
    let (first, neighbours) =
        turns(2_000, verify_every, |turn| if turn == 500 { Some(Doubt::Quiet { cause: None }) } else { None });
    assert_eq!((first, neighbours), (vec![Purpose::Verify, Purpose::Look], 1));
    let (first, _) = turns(2_000, verify_every, |turn| if turn % 20 == 0 { silent() } else { None });
    assert_eq!(first, [Purpose::Look, Purpose::Verify]);
}

/// One act of a random sequence.
#[derive(Clone, Debug)]
enum Act {
    /// Time passes.
    Wait(Duration),
    Add(Doubt),
    /// What is due begins.
    Next,
    /// The work that runs is done; whether nothing waits to be told then.
    Done(bool),
    /// A dump of the kind is interrupted, so often.
    Interrupted(KindIndex, u32),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let kinds = watched();
    let looks = (0..kinds.len(), proptest::option::of(1u32..=3), proptest::option::of(0u64..100))
        .prop_map(move |(kind, link, cause)| Look { link, cause, ..Look::at(watched()[kind]) });
    let act = prop_oneof![
        3 => (0u64..40_000).prop_map(|microseconds| Act::Wait(Duration::from_micros(microseconds))),
        1 => (0u64..3_000).prop_map(|millis| Act::Wait(milliseconds(millis))),
        4 => looks.prop_map(|look| Act::Add(Doubt::Silent(look))),
        1 => Just(Act::Add(Doubt::Quiet { cause: Some(1) })),
        1 => Just(Act::Add(Doubt::Loss)),
        4 => Just(Act::Next),
        4 => any::<bool>().prop_map(Act::Done),
        1 => (0..kinds.len(), 1..15u32).prop_map(move |(kind, times)| Act::Interrupted(kinds[kind], times)),
    ];
    collection::vec(act, 1..200)
}

/// What the agenda should know, kept as simply as can be: each doubt by itself.
struct Model {
    agenda: Agenda,
    mirror: Mirror,
    now: Instant,
    /// Objects in doubt, each with when that began.
    waiting: Vec<(KindIndex, Option<u32>, Instant)>,
    /// The first and the last thing told after the last look at what is never told that came of it.
    told_at: Option<(Instant, Instant)>,

    lost_at: Option<Instant>,
    running: Option<Purpose>,
    /// Those of `waiting` that the work which runs was begun for.
    taken: Vec<(KindIndex, Option<u32>, Instant)>,
    done_at: Instant,
}

impl Model {
    fn new(verify_every: Option<Duration>) -> Model {
        let (agenda, now, mirror) = agenda(verify_every);
        let (waiting, taken) = (Vec::new(), Vec::new());
        Model { agenda, mirror, now, waiting, told_at: None, lost_at: None, running: None, taken, done_at: now }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Wait(pause) => self.now += pause,
            Act::Add(doubt) => self.add(doubt),
            Act::Next => drop(self.next()),
            Act::Done(queue_is_empty) => self.done(queue_is_empty),
            Act::Interrupted(kind, times) => {
                for _ in 0..times {
                    if self.running.is_some() && self.agenda.interrupted(kind, self.now) {
                        self.agenda.restarted();
                    } else if self.running.is_some() {
                        self.waiting.push((kind, None, self.now));
                    }
                }
            }
        }
        self.waits_no_longer_than_it_may();
    }

    fn add(&mut self, doubt: Doubt) {
        match &doubt {
            Doubt::Silent(look) => self.waiting.push((look.kind, look.link, self.now)),
            Doubt::Quiet { .. } => {
                self.told_at = Some((self.told_at.map_or(self.now, |(first, _)| first), self.now));
            }
            _ => {
                self.lost_at.get_or_insert(self.now);
            }
        }
        self.agenda.add(doubt, self.now);
        if self.agenda.break_off() {
            assert!(self.lost_at.is_some() && self.running.take().is_some());
            self.waiting.append(&mut self.taken);
        }
    }

    fn next(&mut self) -> Option<Purpose> {
        let due = self.agenda.due();
        let Some(work) = self.agenda.next(self.now, &self.mirror) else {
            // The loop would spin.
            assert!(self.agenda.due().is_none_or(|due| due > self.now));
            return None;
        };
        assert!(self.running.is_none() && due.is_some_and(|due| due <= self.now), "not before its time");
        self.running = Some(work.purpose);
        match work.purpose {
            Purpose::Repair => assert!(self.lost_at.take().is_some()),
            Purpose::Look => {
                if work.scopes.contains(&(kind(&neigh::NEIGH), Scope::All)) {
                    // One that comes sooner has another reason, and what is told now may be followed by more.
                    self.told_at =
                        self.told_at.filter(|(first, last)| (*last + QUIET).min(*first + QUIET_MAX) > self.now);
                }
                assert!(self.lost_at.is_none());
            }
            Purpose::Verify => assert!(self.waiting.is_empty() && self.lost_at.is_none()),
            Purpose::Start | Purpose::Offline => panic!("nobody has asked for it"),
        }
        for (kind, link, _) in &self.waiting {
            assert!(
                work.scopes.iter().any(|scope| covers(scope, *kind, *link)),
                "{kind:?} {link:?}: {:?}",
                work.scopes
            );
        }
        self.taken = std::mem::take(&mut self.waiting);
        Some(work.purpose)
    }

    fn done(&mut self, queue_is_empty: bool) {
        let is_compared = self.agenda.done(self.now, queue_is_empty);
        let Some(purpose) = self.running.take() else { return assert!(!is_compared) };
        self.done_at = self.now;
        if is_compared {
            assert!(self.lost_at.is_none());
            self.taken.clear();
        } else {
            // What was taken is in doubt still, and a repair comes for it; a proof takes nothing.
            assert!(self.lost_at.is_some() || purpose == Purpose::Verify);
            self.waiting.append(&mut self.taken);
        }
    }

    fn waits_no_longer_than_it_may(&self) {
        let due = self.agenda.due();
        if self.running.is_some() {
            return assert_eq!(due, None);
        }
        if let Some(lost) = self.lost_at {
            return assert!(due.is_some_and(|due| due <= lost + REPAIR_PAUSE.1));
        }
        let rested = self.done_at + REST_MAX;
        if let Some(first) = self.waiting.iter().map(|(_, _, added)| *added).min() {
            assert!(due.is_some_and(|due| due <= (first + LOOK_PAUSE).max(rested)));
        }
        if let Some((first, _)) = self.told_at {
            assert!(due.is_some_and(|due| due <= (first + QUIET_MAX).max(rested)));
        }
    }

    /// From now on nothing is added: whatever is in doubt is looked at, and then the agenda is empty.
    fn ends(&mut self) {
        self.done(true);
        for _ in 0..10 + QUIET_LOOKS {
            let Some(due) = self.agenda.due() else { break };
            self.now = due.max(self.now);
            self.next();
            self.now += milliseconds(1);
            self.done(true);
        }
        assert_eq!((self.agenda.due(), self.waiting.len(), self.told_at), (None, 0, None));
    }
}

/// Whether objects of a kind that concern an interface are shown, or all, where there is none.
fn covers((shown, scope): &(KindIndex, Scope), kind: KindIndex, link: Option<u32>) -> bool {
    let is_through = |link: u32| match scope {
        Scope::All => true,
        Scope::Links(links) => links.contains(&link),
        Scope::Routes(routes) => kind.table().dumps.iter().all(|dump| {
            let family = dump.header.first().copied().unwrap_or_default();
            routes.through.contains(&(family, link)) || ![2, 10].contains(&family)
        }),
    };
    *shown == kind && link.map_or(*scope == Scope::All, is_through)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_doubt_is_lost_and_none_waits_longer_than_it_may(acts in acts()) {
        let mut model = Model::new(None);
        acts.into_iter().for_each(|act| model.act(act));
        model.ends();
    }

    #[test]
    fn verifying_loses_no_doubt_either(acts in acts(), verify_every in 5u64..3_000) {
        let mut model = Model::new(Some(milliseconds(verify_every)));
        acts.into_iter().for_each(|act| model.act(act));
        // It goes on for ever; whatever waits is looked at within the longest quiet, rest and pause.
        model.done(true);
        let end = model.now + QUIET_MAX + REST_MAX + REPAIR_PAUSE.1;
        while model.now < end {
            model.now = model.agenda.due().unwrap().max(model.now);
            model.next();
            model.done(true);
        }
        prop_assert!(model.waiting.is_empty() && model.lost_at.is_none() && model.told_at.is_none());
    }
}
