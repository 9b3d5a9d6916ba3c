//! How much room a history takes: events of a made-up clock, each committed by itself, as a quiet machine has them. The first argument is
//! for how many seconds at 100 events a second, the second one where: `cargo bench --bench history -- 604800 /var/tmp`. What was made
//! stays there, to be looked at with `linkhook history --state-dir`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use linkhook::event::Clock;
use linkhook::store::database::{Database, encode};
use linkhook::store::event_log::chunk::Chunk;
use linkhook::store::snapshot::EVENTS;
use linkhook::store::{Covered, Directory, Keeping, Run, Synchronous};

const EVENTS_A_SECOND: u64 = 100;
/// Routes that are there all the time.
const ROUTES: u32 = 10_000;
/// When it begins, in microseconds since 1970.
const BEGIN: i64 = 1_795_000_000_000_000;
const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[allow(clippy::print_stdout, reason = "a figure is what it is for")]
fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let seconds: u64 = arguments.next().map_or(3600, |text| text.parse().expect("a number of seconds"));
    let state = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("linkhook-history");
    std::fs::create_dir_all(&state).expect("a place for it");
    let directory = Directory::open(&state).expect("a state directory");
    // What is measured is room, and not how sure it is.
    let (database, _) = Database::open(&directory, Synchronous::Normal, Duration::ZERO).expect("a database");
    database.keep_from(0);
    database
        .begin_run(&Run {
            began: BEGIN,
            after: 0,
            kinds: "neigh,route".into(),
            narrowed: String::new(),
            namespaces: ".".into(),
        })
        .expect("a run");
    let covered = Covered { kinds: vec!["neigh", "route"], ..Covered::default() };
    database.begin().expect("a transaction");
    database.cover(&covered).expect("kinds whose objects are known");
    for number in 0..ROUTES {
        let route = route(number);
        let objects = encode([&*route].into_iter());
        database.set_objects("", "route", &number.to_be_bytes(), Some(&objects)).expect("a route");
    }
    database.commit().expect("a commit");
    let keeping = Keeping { keep: WEEK, size_bytes: usize::MAX >> 1 };
    let (began, events) = (Instant::now(), seconds * EVENTS_A_SECOND);
    let mut random = 1_u64;
    for sequence in 1..=events {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let time = BEGIN + (sequence * 1_000_000 / EVENTS_A_SECOND) as i64 + (random >> 50) as i64 % 5_000;
        let mut line = Clock::default().beginning(time).to_owned();
        line += &rest_of_line(sequence, random);
        let mut chunk = Chunk::default();
        chunk.push(sequence, line.as_bytes());
        // One transaction for a second's worth is quicker here; the chunks are those of single commits.
        if sequence % EVENTS_A_SECOND == 1 {
            database.begin().expect("a transaction");
        }
        database.append(&chunk, time, &[]).expect("a chunk");
        if sequence % EVENTS_A_SECOND == 0 {
            database.commit().expect("a commit");
        }
        if sequence % EVENTS == 0 {
            database.take_snapshot().expect("a snapshot");
        }
        if sequence % (10 * EVENTS_A_SECOND) == 0 {
            database.begin().expect("a transaction");
            while database.merge().expect("chunks put together") {}
            database.forget_old(&keeping, time).expect("what is old forgotten");
            database.commit().expect("a commit");
            database.check_point().expect("the log taken over");
        }
    }
    database.empty_log().expect("the log emptied");
    let octets = std::fs::metadata(state.join("linkhook.db")).expect("the database").len() as f64;
    println!(
        "{events} events: {:.2} GiB, {:.1} octets each, {:.2} us each; it is in {}",
        octets / f64::from(1 << 30),
        octets / events as f64,
        began.elapsed().as_secs_f64() * 1e6 / events as f64,
        state.display()
    );
}

/// A route as the kernel tells it: `struct rtmsg`, and the attributes RTA_DST, RTA_OIF and RTA_GATEWAY (rtnetlink(7)).
fn route(number: u32) -> Vec<u8> {
    let mut route = vec![2, 24, 0, 0, 254, 12, 0, 1, 0, 0, 0, 0];
    for (attribute, value) in
        [(1_u16, (0x0a00_0000 + (number << 8)).to_be()), (4, 2 + number % 8), (5, 0xc000_0202_u32.to_be())]
    {
        route.extend_from_slice(&8_u16.to_ne_bytes());
        route.extend_from_slice(&attribute.to_ne_bytes());
        route.extend_from_slice(&value.to_ne_bytes());
    }
    route
}

/// The rest of a line as the kernel makes them: neighbours, routes and addresses that come, change and go.
fn rest_of_line(sequence: u64, random: u64) -> String {
    let (a, b, c) = (random >> 56, random >> 48 & 0xff, random >> 40 & 0xff);
    let ifindex = 2 + (random >> 36) % 8;
    let head = |event: &str, action: &str| {
        format!(
            "{sequence},\"event\":\"{event}\",\"action\":\"{action}\",\"origin\":\"kernel\",\"severity\":\"notice\",\"ifname\":\"eth{ifindex}\",\
             \"ifindex\":{ifindex},"
        )
    };
    match random >> 33 & 3 {
        0 => format!(
            "{}\"changed\":{{\"state\":{{\"old\":[\"REACHABLE\"],\"new\":[\"STALE\"]}}}},\"neigh\":{{\"family\":\"inet\",\"dst\":\"10.{a}.{b}.{c}\",\"dev\":\
             \"eth{ifindex}\",\"lladdr\":\"52:54:00:{a:02x}:{b:02x}:{c:02x}\",\"state\":[\"STALE\"],\"probes\":1}}}}",
            head("neigh", "change")
        ),
        1 => format!(
            "{}\"neigh\":{{\"family\":\"inet6\",\"dst\":\"fe80::{a:x}:{b:x}:{c:x}\",\"dev\":\"eth{ifindex}\",\"lladdr\":\"52:54:00:{a:02x}:{b:02x}:{c:02x}\",\
             \"state\":[\"REACHABLE\"]}}}}",
            head("neigh", "add")
        ),
        _ => format!(
            "{}\"actor\":{{\"port\":{},\"pid\":812,\"comm\":\"bird\"}},\"route\":{{\"family\":\"inet\",\"type\":\"unicast\",\"dst\":\"{a}.{b}.{c}.0/24\",\
             \"gateway\":\"192.0.2.{c}\",\"dev\":\"eth{ifindex}\",\"table\":\"main\",\"table_id\":254,\"protocol\":\"bird\",\"protocol_id\":12,\"scope\":\"global\",\
             \"metric\":{b},\"flags\":[]}}}}",
            head("route", if random >> 35 & 1 == 0 { "add" } else { "remove" }),
            random >> 44 & 0xffff
        ),
    }
}
