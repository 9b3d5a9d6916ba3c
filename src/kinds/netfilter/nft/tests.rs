//! Tests of several kinds of nf_tables together.

use super::*;
use crate::decode::schema::Kind;
use crate::decode::testing::{compared, message, nest, text};
use crate::kinds::KindIndex;
use crate::mirror::{Change, Mirror};
use crate::netlink::wire::attribute;

const INET: [u8; 4] = [1, 0, 0, 0];

fn be(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn set(name: &[u8], kind: u32, flags: u32) -> Vec<u8> {
    message(&INET, &[(1, b"t\0"), (2, name), (3, &be(flags)), (4, &be(kind))])
}

fn element(name: &[u8], key: &[u8], flags: u32) -> Vec<u8> {
    let one = nest(&[(1, &nest(&[(1, key)])), (3, &be(flags))]);
    message(&INET, &[(1, b"t\0"), (2, name), (3, &nest(&[(1, &one)]))])
}

fn written(kind: &Kind, payload: &[u8], mirror: &Mirror) -> String {
    let mut out = Json::new();
    crate::decode::write_object(&mut out, kind, &kind.context(payload, &mirror.links));
    String::from_utf8(out.take()).unwrap()
}

const NFTA_DEVICE_NAME: u16 = 1;
const SET: KindIndex = KindIndex::of(&set::SET);
const ELEMENT: KindIndex = KindIndex::of(&element::ELEMENT);

#[test]
fn an_element_is_read_as_its_set_says_and_goes_with_it() {
    let mut mirror = Mirror::new();
    let one = element(b"s\0", &[10, 0, 0, 1], 0);
    assert!(written(&element::ELEMENT, &one, &mirror).contains(r#""key":["0a000001"]"#));
    mirror.apply(SET, false, 0, &set(b"s\0", 7, 0));
    mirror.apply(SET, false, 0, &set(b"s2\0", 7, 0));
    assert!(written(&element::ELEMENT, &one, &mirror).contains(r#""key":["10.0.0.1"]"#));
    // The end of an interval is another element than its beginning, and another set's is another one.
    for other in [one.clone(), element(b"s\0", &[10, 0, 0, 1], 1), element(b"s2\0", &[10, 0, 0, 1], 0)] {
        assert!(matches!(mirror.apply(ELEMENT, false, 0, &other).change, Change::Added(_)));
    }
    let gone = set(b"s\0", 7, 0);
    mirror.apply(SET, true, 0, &gone);
    assert_eq!(mirror.take_held(SET, &gone).len(), 2);
    assert_eq!(mirror.count(ELEMENT), 1);
    // The set is made again with another type.
    mirror.apply(SET, false, 0, &set(b"s\0", 19, 0));
    let mark = element(b"s\0", &5u32.to_ne_bytes(), 0);
    assert!(written(&element::ELEMENT, &mark, &mirror).contains(r#""key":["5"]"#));
}

#[test]
fn elements_that_come_and_go_by_themselves_are_not_kept() {
    let mut mirror = Mirror::new();
    mirror.apply(SET, false, 0, &set(b"s\0", 7, 0));
    mirror.apply(SET, false, 0, &set(b"timed\0", 7, 0x10));
    mirror.apply(SET, false, 0, &set(b"dynamic\0", 7, 0x20));
    let passes = element::ELEMENT.hooks.passes.unwrap();
    let passing = [&b"s\0"[..], b"timed\0", b"dynamic\0", b"unknown\0"]
        .map(|name| passes(&element(name, &[10, 0, 0, 1], 0), &mirror.links));
    assert_eq!(passing, [false, true, true, false]);
}

fn flowtable(devices: &[&[u8]]) -> Vec<u8> {
    let devices: Vec<(u16, &[u8])> = devices.iter().map(|&name| (NFTA_DEVICE_NAME, name)).collect();
    let hook = nest(&[(1, &be(0)), (2, &be(0)), (3, &nest(&devices))]);
    message(&INET, &[(1, b"t\0"), (2, b"f\0"), (3, &hook)])
}

#[test]
fn devices_may_come_and_go_one_by_one() {
    let kind = KindIndex::of(&flowtable::FLOWTABLE);
    let mut mirror = Mirror::new();
    mirror.apply(kind, false, 0, &flowtable(&[b"a\0"]));
    let (more, less) = (flowtable(&[b"b\0", b"c\0"]), flowtable(&[b"a\0", b"c\0"]));
    let Change::Changed { new, .. } = mirror.apply(kind, false, 0, &more).change else { panic!("not changed") };
    assert_eq!(new, flowtable(&[b"a\0", b"b\0", b"c\0"]));
    let Change::Changed { new, .. } = mirror.apply(kind, true, 0, &less).change else { panic!("not changed") };
    assert_eq!(new, flowtable(&[b"b\0"]));
    // Older kernels tell of all devices of one that goes, newer ones of none.
    let mut again = Mirror::new();
    again.apply(kind, false, 0, &flowtable(&[b"b\0"]));
    assert!(matches!(again.apply(kind, true, 0, &flowtable(&[b"b\0"])).change, Change::Removed(_)));
    let name = message(&INET, &[(1, b"t\0"), (2, b"f\0")]);
    assert!(matches!(mirror.apply(kind, true, 0, &name).change, Change::Removed(_)));
}

#[test]
fn counters_inside_a_rule_are_no_change() {
    let rule = |packets: u64, verdict: i32| {
        let counter = nest(&[(1, b"counter\0"), (2, &nest(&[(1, &[0; 8]), (2, &packets.to_be_bytes())]))]);
        let code = nest(&[(1, &verdict.to_be_bytes())]);
        let immediate = nest(&[(1, b"immediate\0"), (2, &nest(&[(1, &be(0)), (2, &nest(&[(2, &code)]))]))]);
        message(
            &INET,
            &[(1, b"t\0"), (2, b"c\0"), (3, &7u64.to_be_bytes()), (4, &nest(&[(1, &counter), (1, &immediate)]))],
        )
    };
    let whole = text(&rule::RULE, &rule(5, -5));
    assert!(whole.contains(r#"{"name":"counter","data":{"bytes":0,"packets":5}}"#), "{whole}");
    assert!(whole.contains(r#"{"dreg":0,"data":{"verdict":"return"}}"#), "{whole}");
    assert_eq!(compared(&rule::RULE, &rule(5, 1)), compared(&rule::RULE, &rule(6, 1)));
    assert_ne!(compared(&rule::RULE, &rule(5, 1)), compared(&rule::RULE, &rule(5, 0)));
}

#[test]
fn user_data_of_others_is_kept_whole() {
    let table = |userdata: &[u8]| text(&table::TABLE, &message(&INET, &[(1, b"t\0"), (6, userdata)]));
    assert!(table(b"\0\x05main\0").contains(r#""comment":"main""#));
    assert!(table(b"\x01\x01\x07\0\x02x\0").contains(r#""comment":"x","userdata":"010107""#));
    for other in [&b"text"[..], b"\0\x05main", b"\0\x02ab", b"\x07"] {
        let written = table(other);
        assert!(written.contains(r#""userdata":""#) && !written.contains("comment"), "{written}");
    }
    assert!(attribute(&[], 1).is_none());
}

#[test]
fn the_last_table_that_goes_is_a_flush_with_its_commit() {
    let kind = KindIndex::of(&table::TABLE);
    let generation = KindIndex::of(&generation::GENERATION);
    let table = message(&INET, &[(1, b"t\0")]);
    let mut mirror = Mirror::new();
    assert!(mirror.commit(generation).is_empty());
    mirror.apply(kind, false, 0, &table);
    assert!(mirror.commit(generation).is_empty());
    mirror.apply(kind, true, 0, &table);
    // Another one of the same commit.
    mirror.apply(kind, false, 0, &message(&INET, &[(1, b"t2\0")]));
    assert!(mirror.commit(generation).is_empty());
    mirror.apply(kind, true, 0, &message(&INET, &[(1, b"t2\0")]));
    assert_eq!(mirror.commit(generation).names().collect::<Vec<_>>(), ["ruleset_flushed"]);
    assert!(mirror.commit(generation).is_empty());
}
