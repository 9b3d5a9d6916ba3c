//! A line's JSON, read for eyes: what is borrowed from it is not copied, and nothing in it can steer a terminal.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::json::steers;

/// A value of a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// Text that steers no terminal.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
    /// An object, in its order.
    Object(Members<'a>),
}

/// The members of an object, in its order.
pub type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

impl<'a> Value<'a> {
    /// The members, where it is an object.
    pub fn members(&self) -> &[(Cow<'a, str>, Value<'a>)] {
        match self {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The member of that key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at a path: keys with dots between them.
    pub fn at(&self, path: &str) -> Option<&Value<'a>> {
        if let Some(found) = self.get(path) {
            return Some(found);
        }
        let (first, rest) = path.split_once('.')?;
        self.get(first)?.at(rest)
    }

    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a member, or nothing.
    pub fn text_of(&self, key: &str) -> &str {
        self.get(key).and_then(Value::text).unwrap_or_default()
    }

    /// The elements, where it is a list.
    pub fn list(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it is a list or an object.
    pub fn is_nested(&self) -> bool {
        matches!(self, Value::List(_) | Value::Object(_))
    }
}

/// As people read it: a text bare, a list with commas, an object's members with a space between key and value.
impl fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => out.write_str("none"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::Number(number) => write!(out, "{number}"),
            Value::Text(text) if text.is_empty() => out.write_str("\"\""),
            Value::Text(text) => out.write_str(text),
            Value::List(items) if items.is_empty() => out.write_str("none"),
            Value::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    out.write_str(if place > 0 { "," } else { "" })?;
                    braced(out, item)?;
                }
                Ok(())
            }
            Value::Object(members) => {
                for (place, (key, value)) in members.iter().enumerate() {
                    out.write_str(if place > 0 { " " } else { "" })?;
                    write!(out, "{key} ")?;
                    braced(out, value)?;
                }
                Ok(())
            }
        }
    }
}

/// An object within another value, with braces around it.
fn braced(out: &mut fmt::Formatter<'_>, value: &Value<'_>) -> fmt::Result {
    match value {
        Value::Object(_) => write!(out, "{{{value}}}"),
        _ => write!(out, "{value}"),
    }
}

/// Text without what steers a terminal.
pub fn shown(text: &str) -> String {
    text.chars().map(|character| if steers(character) { '?' } else { character }).collect()
}

/// The same, copied only where it must be.
fn clean(text: Cow<'_, str>) -> Cow<'_, str> {
    let plain = text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    if plain || !text.contains(steers) { text } else { Cow::Owned(shown(&text)) }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// A key, borrowed where it can be.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        match deserializer.deserialize_str(Reader)? {
            Value::Text(text) => Ok(Key(text)),
            _ => Ok(Key(Cow::Borrowed(""))),
        }
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(clean(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(clean(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut object = Vec::with_capacity(OBJECT_MEMBERS);
        while let Some(Key(key)) = members.next_key()? {
            object.push((key, members.next_value()?));
        }
        Ok(Value::Object(object))
    }
}

/// Room for so many members at first.
const OBJECT_MEMBERS: usize = 16;

/// A value's text that was written before is used again.
#[derive(Debug, Default)]
pub struct Scratch(String);

impl Scratch {
    /// The value as people read it.
    pub fn of<'s>(&'s mut self, value: &'s Value<'_>) -> &'s str {
        match value {
            Value::Text(text) if !text.is_empty() => text,
            _ => {
                self.0.clear();
                let _ = write!(self.0, "{value}");
                &self.0
            }
        }
    }
}
