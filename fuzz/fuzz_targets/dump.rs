//! Any octets as a dump that is held against a mirror: no panic, and the mirror is then what the dump showed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkhook::kinds::{self, KindIndex};
use linkhook::mirror::Mirror;
use linkhook::mirror::silence::look::Scope;
use linkhook::mirror::waiting::Spoken;
use linkhook::netlink::wire;

fuzz_target!(|data: &[u8]| {
    let (first, second) = data.split_at(data.len() / 2 & !3);
    let mut mirror = Mirror::new();
    let each = |octets, take: &mut dyn FnMut(KindIndex, bool, u16, &[u8])| {
        for message in wire::messages(octets) {
            let family = message.payload.first().copied().unwrap_or_default();
            let Some((kind, removes)) = kinds::of_message(message.header.kind, family) else { continue };
            if kind.table().identity.is_some() && message.payload.len() >= kind.table().header.bytes {
                take(kind, removes, message.header.flags, message.payload);
            }
        }
    };
    each(first, &mut |kind, removes, flags, payload| {
        mirror.apply(kind, removes, flags, payload);
    });
    let mut shadow = mirror.shadow();
    each(second, &mut |kind, removes, flags, payload| shadow.apply(&mirror, kind, removes, flags, payload));
    let counts: Vec<(KindIndex, usize)> = KindIndex::all().map(|kind| (kind, shadow.shown(kind))).collect();
    let all: Vec<_> = KindIndex::all().map(|kind| (kind, Scope::All)).collect();
    mirror.repair(shadow, &all, &Spoken::default());
    for (kind, count) in counts {
        // Of these, dumps have rows that are no objects of their own, and lack others.
        if ["filter", "mdb"].contains(&kind.table().name) {
            continue;
        }
        assert_eq!(mirror.count(kind), count, "{}", kind.table().name);
    }
});
