//! What an object is called: its kind's words, with its values.

use super::painter::Painter;
use super::value::{Scratch, Value};
use crate::decode::title::Word;

/// Members that stand for a title where an object has none of its kind's words.
const MEMBERS_INSTEAD: usize = 3;

/// Writes what tells an object apart, with a space before each word. It is never empty where the object is not.
pub fn write(out: &mut Painter, words: &[Word], object: &Value<'_>, interface: &str, scratch: &mut Scratch) {
    let before = out.columns();
    for word in words.iter().filter(|word| !word.detail) {
        say(out, word, object, interface, scratch);
    }
    if out.columns() == before {
        let plain = |value: &&(_, Value<'_>)| !value.1.is_nested() && value.1 != Value::Null;
        for (key, value) in object.members().iter().filter(plain).take(MEMBERS_INSTEAD) {
            out.push(" ");
            out.push(key);
            out.push(" ");
            out.push(scratch.of(value));
        }
    }
}

/// Writes one word with its value, and a space before it, where there is something to say. Says whether there was.
pub fn say(out: &mut Painter, word: &Word, object: &Value<'_>, interface: &str, scratch: &mut Scratch) -> bool {
    let Some(value) = value_of(word, object) else { return false };
    if let Some((path, wanted)) = word.when
        && object.at(path).and_then(Value::text) != Some(wanted)
    {
        return false;
    }
    if let (false, Value::List(items)) = (word.each.is_empty(), value) {
        begin(out, word);
        for (place, item) in items.iter().enumerate() {
            out.push(if place > 0 { "," } else { "" });
            each(out, word, item, scratch);
        }
        return true;
    }
    if *value == Value::Bool(true) {
        out.push(" ");
        out.push(if word.before.is_empty() { last_key(word.path) } else { word.before });
        return true;
    }
    let text = scratch.of(value);
    if word.unless.contains(&text) || (word.elsewhere && text == interface) {
        return false;
    }
    begin(out, word);
    out.push(if word.joined { "" } else { " " });
    out.push(text);
    out.push(word.behind);
    true
}

/// Writes one element of a word's list, with a space before each of its words.
pub fn each(out: &mut Painter, word: &Word, item: &Value<'_>, scratch: &mut Scratch) {
    let before = out.columns();
    for inner in word.each {
        say(out, inner, item, "", scratch);
    }
    if out.columns() == before {
        out.push(" ");
        out.push(scratch.of(item));
    }
}

/// A word's value, where it says something.
pub fn value_of<'v, 'a>(word: &Word, object: &'v Value<'a>) -> Option<&'v Value<'a>> {
    let or = || if word.or.is_empty() { None } else { object.at(word.or) };
    let says_nothing = |value: &&Value<'_>| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    object.at(word.path).filter(|value| !says_nothing(value)).or_else(or).filter(|value| !says_nothing(value))
}

/// What stands before a word's value.
fn begin(out: &mut Painter, word: &Word) {
    if !word.joined && !word.before.is_empty() {
        out.push(" ");
    }
    out.push(word.before);
}

/// The last key of a path.
pub fn last_key(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}
