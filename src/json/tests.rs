use super::*;

#[test]
fn commas_come_by_themselves() {
    let mut json = Json::new();
    json.begin_object();
    json.key("a");
    json.unsigned(1);
    json.key("b");
    json.begin_list();
    json.string("x\"\n\u{1}");
    json.bool(true);
    json.begin_object();
    json.end_object();
    json.end_list();
    json.member_with(&Key::new("table"), "_id");
    json.signed(-4);
    json.end_object();
    assert_eq!(String::from_utf8_lossy(json.bytes()), r#"{"a":1,"b":["x\"\n\u0001",true,{}],"table_id":-4}"#);
}

#[test]
fn text_that_ends_in_a_separator_does_not_confuse_the_commas() {
    let mut json = Json::new();
    json.begin_list();
    for part in ["[", "{", ":", ""] {
        json.string(part);
    }
    json.end_list();
    assert_eq!(json.bytes(), br#"["[","{",":",""]"#);
}

#[test]
fn text_ends_at_its_nul_and_stays_utf8() {
    let mut json = Json::new();
    json.text(b"et\xffh0\0rest");
    assert_eq!(String::from_utf8_lossy(json.bytes()), r#""et\\xffh0""#);
}

#[test]
fn what_steers_a_terminal_is_escaped_wherever_it_is_written() {
    let bidirectional = [0x61c, 0x200e, 0x200f].into_iter().chain(0x202a..=0x202e).chain(0x2066..=0x2069);
    for number in (0..=0x1f).chain(0x7f..=0x9f).chain(bidirectional) {
        let character = char::from_u32(number).unwrap();
        let text = format!("é{character}ü");
        let mut json = Json::new();
        json.begin_list();
        json.string(&text);
        json.display(&text);
        if number != 0 {
            json.text(text.as_bytes());
            json.text(format!("a{character}").as_bytes());
        }
        json.end_list();
        let written = String::from_utf8(json.take()).unwrap();
        assert!(!written.contains(character) && written.starts_with("[\"é\\"), "U+{number:04X}: {written}");
        let read: Vec<String> = serde_json::from_str(&written).unwrap();
        assert!(read.iter().take(3).all(|read| *read == text), "U+{number:04X}: {written}");
    }
    // What stands beside them is shown.
    let mut json = Json::new();
    json.string("ä~\u{a0}\u{200d}\u{2065}\u{206a}😀");
    assert_eq!(String::from_utf8_lossy(json.bytes()), "\"ä~\u{a0}\u{200d}\u{2065}\u{206a}😀\"");
}

#[test]
fn a_member_is_written_again_as_it_was_wherever_it_stands() {
    static MEANING: u8 = 0;
    let key = Key::new("scope");
    let [one, two] = [1, 2].map(|number| MemberKey::new(&MEANING, &key, number));
    let mut json = Json::new();
    json.begin_object();
    assert!(!json.write_again(one));
    let mark = json.mark();
    json.member(&key);
    json.named("link");
    json.remember(one, mark);
    assert!(json.write_again(one) && !json.write_again(two));
    json.end_object();
    json.begin_object();
    assert!(json.write_again(one));
    json.end_object();
    assert_eq!(json.bytes(), br#"{"scope":"link","scope":"link"},{"scope":"link"}"#);
    // Another member that has the same place is another one.
    let far = (3..).map(|number| MemberKey::new(&MEANING, &key, number)).find(|far| far.place() == one.place());
    assert!(far.is_some_and(|far| !json.write_again(far)));
    // What is long is not remembered.
    let mark = json.mark();
    json.member(&key);
    json.named(&"x".repeat(REMEMBERED_BYTES));
    json.remember(two, mark);
    assert!(!json.write_again(two));
}

#[test]
fn text_of_every_length_is_whole() {
    for length in 0..40 {
        let text = "abcdefghijklmnopqrstuvwxyz0123456789ABCD".split_at(length).0;
        let mut json = Json::new();
        json.plain(text);
        json.key(text);
        json.member(&Key::new(Box::leak(text.to_string().into_boxed_str())));
        json.text(text.as_bytes());
        assert_eq!(
            String::from_utf8_lossy(json.bytes()),
            format!("\"{text}\",\"{text}\":,\"{text}\":\"{text}\"").replace(":,", ":")
        );
    }
}

#[test]
fn numbers_and_addresses_are_whole() {
    let mut json = Json::new();
    json.begin_list();
    for number in [0, 9, 10, 99, 100, 999, 1000, u64::MAX] {
        json.unsigned(number);
    }
    json.ipv4([0, 10, 100, 255]);
    json.end_list();
    assert_eq!(json.bytes(), br#"[0,9,10,99,100,999,1000,18446744073709551615,"0.10.100.255"]"#);
}

#[test]
fn a_displayed_value_is_escaped() {
    let mut json = Json::new();
    json.display("a\"b");
    assert_eq!(json.bytes(), br#""a\"b""#);
}
