//! What may stand in an object, and behind a key: gathered from the tables and from the shapes of what functions write.

use serde_json::{Map, Value, json};

use super::{hex, integer};
use crate::decode::schema::{Among, BOOL, Field, Is, NUMBER, Names, Part, Set, Shape, TEXT};

/// The key of members whose own keys come from the kernel.
pub const ANY: &str = "*";

/// What stands behind a key: any of these.
#[derive(Clone, Copy)]
pub enum Of {
    Is(&'static Is),
    Shape(&'static Shape),
    /// A list of such values.
    List(&'static Is),
    /// One of these names, or a number as text.
    Names(&'static Names),
}

/// What an object's members are from.
#[derive(Clone, Copy)]
pub enum Source {
    Set(&'static Set),
    Fields(&'static [Field]),
    Parts(&'static [Part]),
}

impl Source {
    /// What tells the tables of an object from those of any other: where they stand, in no order.
    pub fn key(sources: &[Source]) -> Vec<(usize, usize)> {
        let place = |source: &Source| match source {
            Source::Set(set) => (set.rows.as_ptr() as usize, set.rows.len()),
            Source::Fields(fields) => (fields.as_ptr() as usize, fields.len()),
            Source::Parts(parts) => (parts.as_ptr() as usize, parts.len()),
        };
        let mut places: Vec<(usize, usize)> = sources.iter().map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// The members of an object, in the order of the tables.
#[derive(Default)]
pub struct Members(Vec<(String, Vec<Of>)>);

/// The members of an object that is made of these.
pub fn members_of(sources: &[Source]) -> Members {
    let mut members = Members::default();
    for source in sources {
        match source {
            Source::Set(set) => members.set(set),
            Source::Fields(fields) => members.fields(fields),
            Source::Parts(parts) => members.parts(parts),
        }
    }
    members
}

impl Members {
    pub fn iter(&self) -> impl Iterator<Item = (&String, &[Of])> {
        self.0.iter().map(|(key, of)| (key, &**of))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    fn add(&mut self, key: &str, of: Of) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, all)) => all.push(of),
            None => self.0.push((key.to_owned(), vec![of])),
        }
    }

    fn set(&mut self, set: &'static Set) {
        set.rows.iter().for_each(|row| self.row(row.key.name, &row.is, row.repeated));
    }

    fn fields(&mut self, fields: &'static [Field]) {
        fields.iter().for_each(|field| self.row(field.key.name, &field.is, false));
    }

    fn row(&mut self, key: &str, is: &'static Is, repeated: bool) {
        match is {
            Is::Known | Is::Elsewhere => {}
            Is::Inline(set) => self.set(set),
            Is::InlineStructure(structure) => self.fields(structure.fields),
            Is::Members(_, parts) => self.parts(parts),
            Is::Flags(_, names) => {
                names.iter().for_each(|(_, name)| self.add(name, Of::Shape(BOOL)));
                self.add(key, Of::Shape(TEXT));
            }
            Is::NamedId(..) => {
                self.add(key, Of::Is(is));
                self.add(&format!("{key}_id"), Of::Shape(NUMBER));
            }
            Is::Chosen(choice) => choices(&choice.among).for_each(|is| self.row(key, is, repeated)),
            // One row, several attributes: a list of what the row says.
            is if repeated => self.add(key, Of::List(is)),
            is => self.add(key, Of::Is(is)),
        }
    }

    fn parts(&mut self, parts: &'static [Part]) {
        for part in parts {
            match part {
                Part::Member(key, shape) | Part::Volatile(key, shape) => self.add(key, Of::Shape(shape)),
                Part::Members(_, shape) => self.add(ANY, Of::Shape(shape)),
                Part::Flags(names) => names.iter().for_each(|(_, name)| self.add(name, Of::Shape(BOOL))),
                Part::Set(set) => self.set(set),
                Part::Structure(structure) => self.fields(structure.fields),
                Part::Choice(choices) => choices.iter().for_each(|(_, part)| self.parts(std::slice::from_ref(part))),
            }
        }
    }
}

/// Every choice.
fn choices(among: &'static Among) -> Box<dyn Iterator<Item = &'static Is>> {
    match among {
        Among::Text(choices) => Box::new(choices.iter().map(|(_, is)| is)),
        Among::Number(choices) => Box::new(choices.iter().map(|(_, is)| is)),
    }
}

/// What stands behind a key, sorted: values that hold no others, the tables of objects, and the elements of lists.
#[derive(Default)]
pub struct Values {
    /// Schemas, each once.
    pub plain: Vec<Value>,
    pub objects: Vec<Source>,
    pub lists: Option<Vec<Of>>,
}

impl Values {
    pub fn of(all: &[Of]) -> Values {
        let mut values = Values::default();
        for of in all {
            match of {
                Of::Is(is) => values.is(is),
                Of::Shape(shape) => values.shape(shape),
                Of::List(is) => values.list(Of::Is(is)),
                Of::Names(names) => values.plain(named(names)),
            }
        }
        values
    }

    fn plain(&mut self, schema: Value) {
        if !self.plain.contains(&schema) {
            self.plain.push(schema);
        }
    }

    fn list(&mut self, element: Of) {
        self.lists.get_or_insert_default().push(element);
    }

    fn is(&mut self, is: &'static Is) {
        match is {
            Is::Known | Is::Elsewhere => {}
            Is::Number(scalar) | Is::NumberUnless(scalar, _) => self.plain(integer(*scalar)),
            Is::AnyNumber => self.plain(json!({ "type": "integer", "minimum": 0 })),
            Is::Bool(_) | Is::Present => self.plain(json!({ "type": "boolean" })),
            Is::Named(_, names) | Is::NamedId(_, names) => self.plain(named(names)),
            Is::Bits(_, names) | Is::Flags(_, names) => self.list(Of::Names(names)),
            Is::Text | Is::Link => self.plain(json!({ "type": "string" })),
            Is::Hex => self.plain(hex()),
            Is::Hardware => self.plain(json!({ "type": "string", "pattern": "^([0-9a-f]{2}(:[0-9a-f]{2})*)?$" })),
            Is::Ip => self.plain(json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })),
            Is::Set(set) | Is::Inline(set) => self.objects.push(Source::Set(set)),
            Is::Structure(structure) | Is::InlineStructure(structure) => {
                self.objects.push(Source::Fields(structure.fields));
            }
            Is::Members(_, parts) => self.objects.push(Source::Parts(parts)),
            Is::Each(is) | Is::Array(is, _) => self.list(Of::Is(is)),
            Is::Value(_, shape) => self.shape(shape),
            Is::Chosen(choice) => choices(&choice.among).for_each(|is| self.is(is)),
        }
    }

    fn shape(&mut self, shape: &'static Shape) {
        match shape {
            Shape::Text => self.plain(json!({ "type": "string" })),
            Shape::Number => self.plain(json!({ "type": "number" })),
            Shape::Bool => self.plain(json!({ "type": "boolean" })),
            Shape::As(is) => self.is(is),
            Shape::List(inner) => self.list(Of::Shape(inner)),
            Shape::Object(parts) => self.objects.push(Source::Parts(parts)),
        }
    }
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
