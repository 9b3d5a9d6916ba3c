//! Any octets as messages of a stream: no panic, and every line is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkhook::json::Json;
use linkhook::event::Origin;
use linkhook::mirror::Mirror;
use linkhook::netlink::wire;
use linkhook::stream::{Options, Source, Stream, Telling};

fuzz_target!(|data: &[u8]| {
    let mut stream = Stream::new(Options { present: true, unchanged: true, ..Options::default() });
    let mut mirror = Mirror::new();
    let mut out = Json::new();
    let telling = Telling { origin: Origin::Replay, cause: None, time_microseconds: 0, netns: None, actor: None };
    for message in wire::messages(data) {
        stream.message(&mut out, &mut mirror, &message, Source::Recorded, telling);
        stream.message(&mut out, &mut mirror, &message, Source::RecordedDump, telling);
    }
    for line in out.bytes().split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).expect("JSON");
    }
});
