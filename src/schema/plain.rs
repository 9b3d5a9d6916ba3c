//! The schemas of values that hold no others.

use serde_json::{Map, Value, json};

use super::{hex, integer};
use crate::decode::members::Of;
use crate::decode::schema::{Is, Names, Shape};

/// The schemas of these, each once.
pub fn schemas(values: &[Of]) -> Vec<Value> {
    let mut schemas = Vec::new();
    for schema in values.iter().map(schema) {
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    schemas
}

fn schema(of: &Of) -> Value {
    match of {
        Of::Is(is) => schema_of(is),
        Of::Shape(Shape::Text) => text(),
        Of::Shape(Shape::Number) => json!({ "type": "number" }),
        Of::Shape(Shape::Bool) => boolean(),
        Of::Names(names) => named(names),
        // They hold others.
        Of::Shape(_) | Of::List(_) => json!({}),
    }
}

fn schema_of(is: &Is) -> Value {
    match is {
        Is::Number(scalar) | Is::NumberUnless(scalar, _) => integer(*scalar),
        Is::AnyNumber => json!({ "type": "integer", "minimum": 0 }),
        Is::Bool(_) | Is::Present => boolean(),
        Is::Named(_, names) | Is::NamedId(_, names) => named(names),
        Is::Text | Is::Link => text(),
        Is::Hex => hex(),
        Is::Hardware => json!({ "type": "string", "pattern": "^([0-9a-f]{2}(:[0-9a-f]{2})*)?$" }),
        Is::Ip => json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
        _ => json!({}),
    }
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A text that is most often one of these names: a later kernel may have more, and a number without a name is its digits.
fn named(names: &'static Names) -> Value {
    let known: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
    let mut named = Map::new();
    named.insert("type".to_owned(), "string".into());
    if !known.is_empty() {
        named.insert("examples".to_owned(), known.into());
    }
    Value::Object(named)
}
