//! Any octets as a recording's file: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkhook::recording::Reader;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = Reader::open(data) else { return };
    while let Ok(Some(recorded)) = reader.next() {
        std::hint::black_box(recorded.datagram);
    }
});
