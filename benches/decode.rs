//! What an event costs: recorded messages through the mirror and into lines. `cargo bench`.

use std::fs::File;
use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use linkhook::event::Origin;
use linkhook::json::Json;
use linkhook::mirror::Mirror;
use linkhook::netlink::wire::{self, Message};
use linkhook::recording::Reader;
use linkhook::stream::{Options, Source, Stream, Telling};

fn main() {
    divan::main();
}

const TELLING: Telling<'_> =
    Telling { origin: Origin::Kernel, cause: None, time_microseconds: 0, netns: None, actor: None };

/// The messages of a recording.
fn messages(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(name);
    let mut reader = Reader::open(File::open(path).expect("a recording")).expect("a recording");
    let mut messages = Vec::new();
    while let Some(recorded) = reader.next().expect("a whole recording") {
        messages.extend(wire::messages(recorded.datagram).map(|message| message.bytes.to_vec()));
    }
    messages.retain(|message| message.len() > 16 && message[4] >= 16);
    messages
}

/// Notifications of so many IPv4 routes, each added and removed.
fn routes(count: u32) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for kind in [24u16, 25] {
        for number in 0..count {
            let mut payload = vec![2, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
            wire::append_attribute(&mut payload, 15, &254u32.to_ne_bytes());
            wire::append_attribute(&mut payload, 1, &(0x0a00_0000 + number).to_be_bytes());
            wire::append_attribute(&mut payload, 5, &[192, 168, 0, 1]);
            wire::append_attribute(&mut payload, 4, &2u32.to_ne_bytes());
            let mut message = Vec::new();
            let flags = if kind == 24 { 0x600 } else { 0 };
            wire::append_message(&mut message, wire::Header { kind, flags, sequence: 1, port: 1 }, &payload);
            messages.push(message);
        }
    }
    messages
}

fn run(bencher: Bencher<'_, '_>, messages: &[Vec<u8>], source: Source) {
    bencher.counter(ItemsCount::new(messages.len())).bench(|| {
        let mut stream = Stream::new(Options { present: true, unchanged: true, ..Options::default() });
        let mut mirror = Mirror::new();
        let mut out = Json::new();
        for bytes in messages {
            let message = Message::parse(bytes).expect("a message");
            stream.message(&mut out, &mut mirror, &message, source, TELLING);
            out.clear();
        }
    });
}

#[divan::bench]
fn route_notifications(bencher: Bencher<'_, '_>) {
    run(bencher, &routes(10_000), Source::Kernel);
}

#[divan::bench(args = ["link-l2.pcap", "link-tun.pcap", "route.rtmon", "tcf.rtmon"])]
fn recorded(bencher: Bencher<'_, '_>, name: &str) {
    run(bencher, &messages(name), Source::RecordedDump);
}
