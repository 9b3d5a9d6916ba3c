//! Malformed input: mutated copies of recorded messages never break anything.

use std::fs::File;
use std::path::Path;

use libtest_mimic::Failed;
use linkhook::event::Origin;
use linkhook::json::Json;
use linkhook::kinds;
use linkhook::kinds::adapter::Adapter;
use linkhook::mirror::Mirror;
use linkhook::netlink::wire::{self, Message};
use linkhook::recording::Reader;
use linkhook::stream::{Options, Source, Stream, Telling};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[("mutated_messages_are_decoded_or_kept", mutated_messages)];

const MUTATIONS: usize = 100_000;

/// Messages of every recording in tests/recordings, with their protocols.
fn messages() -> Vec<(u16, Vec<u8>)> {
    let mut messages = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            continue;
        }
        let mut reader = Reader::open(File::open(path).unwrap()).unwrap();
        while let Some(recorded) = reader.next().unwrap() {
            let each = wire::messages(recorded.datagram);
            messages.extend(each.map(|message| (recorded.protocol, message.bytes.to_vec())));
        }
    }
    messages.retain(|(_, message)| message.len() > 16);
    messages
}

/// xorshift64: the same mutations at each run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

fn mutated_messages() -> Result<(), Failed> {
    let messages = messages();
    let mut random = Random(0x5eed_1234_5678_9abc);
    let mut stream = Stream::new(Options { present: true, unchanged: true, ..Options::default() });
    let mut mirror = Mirror::new();
    let telling = Telling { origin: Origin::Replay, cause: None, time_microseconds: 0, netns: None, actor: None };
    let (mut lines, mut unknown) = (0, 0);
    for _ in 0..MUTATIONS {
        let (protocol, mut bytes) = messages[random.next(messages.len())].clone();
        for _ in 0..1 + random.next(4) {
            let at = 16 + random.next(bytes.len() - 16);
            match random.next(4) {
                0 => bytes[at] = random.next(256) as u8,
                1 => bytes[at] = [0, 1, 4, 0x7f, 0xff][random.next(5)],
                2 => bytes.truncate(at.max(17)),
                _ => bytes.insert(at, random.next(256) as u8),
            }
        }
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        let message = Message::parse(&bytes).ok_or("the length is right")?;
        let mut out = Json::new();
        let protocol = kinds::protocol(protocol).ok_or("the protocol is known")?;
        for message in wire::messages(Adapter::new(protocol).adapt(message.bytes)) {
            stream.message(&mut out, &mut mirror, &message, Source::RecordedDump, telling);
        }
        for line in out.bytes().split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
            let value: serde_json::Value = serde_json::from_slice(line)
                .map_err(|error| format!("{error}: {}: {bytes:02x?}", String::from_utf8_lossy(line)))?;
            lines += 1;
            unknown += usize::from(value["event"] == "undecoded" || value.to_string().contains("\"unknown\""));
        }
    }
    // Most mutations are told as what they are: neither nothing nor everything.
    if lines < MUTATIONS / 2 || unknown < MUTATIONS / 20 {
        return Err(format!("{lines} lines, {unknown} with something unknown").into());
    }
    Ok(())
}
