//! What differs: a flag that came or went, a value before and after.

use super::painter::{Ink, Painter, Place};
use super::title::{self, last_key};
use super::value::{Scratch, Value};
use crate::decode::title::Word;

/// What goes without saying before a key's name.
const LONG_WAYS: &[&str] = &["linkinfo.info_data.", "linkinfo.info_slave_data.", "options."];

/// The place of the word that says a path's value; beyond the last one where none does, and it matters less.
pub fn rank(words: &[Word], path: &str) -> usize {
    let is_at = |place: &str| {
        !place.is_empty() && path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    words.iter().position(|word| is_at(word.path) || is_at(word.or)).unwrap_or(words.len())
}

/// Whether it is the number that stands beside a name that differs, too.
pub fn is_number_beside(changed: &Value<'_>, path: &str) -> bool {
    path.strip_suffix("_id").is_some_and(|name| changed.members().iter().any(|(other, _)| other == name))
}

/// Writes how one field differs, with a space before it. Values are cut at so many columns. Each flag is a part of its own:
/// where each part ends is added to `ends`.
pub fn write(
    out: &mut Painter,
    words: &[Word],
    (path, sides): (&str, &Value<'_>),
    most: Option<usize>,
    scratch: &mut Scratch,
    ends: &mut Vec<Place>,
) {
    let key = LONG_WAYS.iter().find_map(|way| path.strip_prefix(way)).unwrap_or(path);
    let (old, new) = (sides.get("old"), sides.get("new"));
    let lists = (old.map_or(Some(&[][..]), Value::list), new.map_or(Some(&[][..]), Value::list));
    if let (Some(old), Some(new)) = lists
        && !old.iter().eq(new)
        && is_set(key, old, new)
    {
        let word = words.iter().find(|word| word.path == path && !word.each.is_empty());
        return set(out, key, word, (old, new), most, scratch, ends);
    }
    let mut side = |out: &mut Painter, value| cut(out, scratch.of(value), most);
    match (old, new) {
        (Some(old), Some(new)) => {
            out.push(" ");
            out.push(key);
            out.push(" ");
            side(out, old);
            out.paint(Ink::Dim, " → ");
            side(out, new);
        }
        (None, Some(value)) | (Some(value), None) => {
            let (ink, sign) = if new.is_some() { CAME } else { WENT };
            out.push(" ");
            out.within(ink, |out| {
                out.push(sign);
                out.push(key);
                if *value != Value::Bool(true) {
                    out.push(" ");
                    side(out, value);
                }
            });
        }
        (None, None) => {}
    }
    ends.push(out.place());
}

const CAME: (Ink, &str) = (Ink::Came, "+");
const WENT: (Ink, &str) = (Ink::Went, "-");

/// Whether two lists are told by what came and what went: flags, names, and objects. One name that takes the place of
/// another is a value like any, and numbers are: their places count.
fn is_set(key: &str, old: &[Value<'_>], new: &[Value<'_>]) -> bool {
    let all = |is: fn(&Value<'_>) -> bool| old.iter().chain(new).all(is);
    let differ = old.iter().any(|item| !new.contains(item)) || new.iter().any(|item| !old.contains(item));
    let flags = is_flags(key) || old.len() != 1 || new.len() != 1;
    differ && (all(|item| matches!(item, Value::Object(_))) || (flags && all(|item| item.text().is_some())))
}

/// Flags have names that say what they are.
fn is_flags(key: &str) -> bool {
    last_key(key) == "flags"
}

fn set(
    out: &mut Painter,
    key: &str,
    word: Option<&Word>,
    (old, new): (&[Value<'_>], &[Value<'_>]),
    most: Option<usize>,
    scratch: &mut Scratch,
    ends: &mut Vec<Place>,
) {
    if !is_flags(key) {
        out.push(" ");
        out.push(key);
    }
    for ((ink, sign), these, those) in [(CAME, new, old), (WENT, old, new)] {
        for item in these.iter().filter(|item| !those.contains(item)) {
            out.push(" ");
            out.within(ink, |out| {
                out.push(sign);
                match word {
                    Some(word) => {
                        out.push("(");
                        out.glue();
                        title::each(out, word, item, scratch);
                        out.push(")");
                    }
                    None => cut(out, scratch.of(item), most),
                }
            });
            if is_flags(key) {
                ends.push(out.place());
            }
        }
    }
    if !is_flags(key) {
        ends.push(out.place());
    }
}

/// Adds text, of which no more than so many columns.
fn cut(out: &mut Painter, text: &str, most: Option<usize>) {
    let Some(most) = most else { return out.push(text) };
    match text.char_indices().nth(most) {
        None => out.push(text),
        Some(_) => {
            let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
            out.push(text.get(..end).unwrap_or_default());
            out.push("…");
        }
    }
}
