//! What may stand in an object, and behind a key: gathered from the tables and from the shapes of what functions write.

use super::schema::{Among, BOOL, Field, Is, NUMBER, Names, Part, Set, Shape, TEXT};

/// The key of members whose own keys come from the kernel.
pub const ANY: &str = "*";

/// What stands behind a key: any of these.
#[derive(Clone, Copy)]
pub enum Of {
    /// A value as a table says it.
    Is(&'static Is),
    /// A value as a function writes it.
    Shape(&'static Shape),
    /// A list of such values.
    List(&'static Is),
    /// One of these names, or a number as text.
    Names(&'static Names),
}

/// What an object's members are from.
#[derive(Clone, Copy)]
pub enum Source {
    /// Attributes.
    Set(&'static Set),
    /// A structure's fields.
    Fields(&'static [Field]),
    /// What a function writes.
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

/// A member of an object.
pub struct Member {
    /// Its key.
    pub key: String,
    /// What may stand behind it.
    pub of: Vec<Of>,
    /// It never counts as a change, whatever stands there.
    pub is_volatile: bool,
}

/// The members of an object, in the order of the tables.
#[derive(Default)]
pub struct Members(Vec<Member>);

/// The members of an object that is made of these.
pub fn members_of(sources: &[Source]) -> Members {
    let mut members = Members::default();
    for source in sources {
        match source {
            Source::Set(set) => members.set(set, false),
            Source::Fields(fields) => members.fields(fields, false),
            Source::Parts(parts) => members.parts(parts, false),
        }
    }
    members
}

impl Members {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.0.iter()
    }

    fn add(&mut self, key: &str, of: Of, is_volatile: bool) {
        match self.0.iter_mut().find(|known| known.key == key) {
            Some(known) => {
                known.of.push(of);
                known.is_volatile &= is_volatile;
            }
            None => self.0.push(Member { key: key.to_owned(), of: vec![of], is_volatile }),
        }
    }

    fn set(&mut self, set: &'static Set, is_volatile: bool) {
        set.rows.iter().for_each(|row| self.row(row.key.name, &row.is, row.repeated, is_volatile || row.volatile));
    }

    fn fields(&mut self, fields: &'static [Field], is_volatile: bool) {
        fields.iter().for_each(|field| self.row(field.key.name, &field.is, false, is_volatile || field.volatile));
    }

    fn row(&mut self, key: &str, is: &'static Is, repeated: bool, is_volatile: bool) {
        match is {
            Is::Known | Is::Elsewhere => {}
            Is::Inline(set) => self.set(set, is_volatile),
            Is::InlineStructure(structure) => self.fields(structure.fields, is_volatile),
            Is::Members(_, parts) => self.parts(parts, is_volatile),
            Is::Flags(_, names) => {
                names.iter().for_each(|(_, name)| self.add(name, Of::Shape(BOOL), is_volatile));
                self.add(key, Of::Shape(TEXT), is_volatile);
            }
            Is::NamedId(..) => {
                self.add(key, Of::Is(is), is_volatile);
                self.add(&format!("{key}_id"), Of::Shape(NUMBER), is_volatile);
            }
            Is::Chosen(choice) => choices(&choice.among).for_each(|is| self.row(key, is, repeated, is_volatile)),
            // One row, several attributes: a list of what the row says.
            is if repeated => self.add(key, Of::List(is), is_volatile),
            is => self.add(key, Of::Is(is), is_volatile),
        }
    }

    fn parts(&mut self, parts: &'static [Part], is_volatile: bool) {
        for part in parts {
            match part {
                Part::Member(key, shape) => self.add(key, Of::Shape(shape), is_volatile),
                Part::Volatile(key, shape) => self.add(key, Of::Shape(shape), true),
                Part::Members(_, shape) => self.add(ANY, Of::Shape(shape), is_volatile),
                Part::Flags(names) => {
                    names.iter().for_each(|(_, name)| self.add(name, Of::Shape(BOOL), is_volatile));
                }
                Part::Set(set) => self.set(set, is_volatile),
                Part::Structure(structure) => self.fields(structure.fields, is_volatile),
                Part::Choice(choices) => {
                    choices.iter().for_each(|(_, part)| self.parts(std::slice::from_ref(part), is_volatile));
                }
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
    /// Values that hold no others.
    pub plain: Vec<Of>,
    /// What objects are made of.
    pub objects: Vec<Source>,
    /// What lists hold.
    pub lists: Option<Vec<Of>>,
}

impl Values {
    /// Sorts them.
    pub fn of(all: &[Of]) -> Values {
        let mut values = Values::default();
        for of in all {
            match of {
                Of::Is(is) => values.is(is),
                Of::Shape(shape) => values.shape(shape),
                Of::List(is) => values.list(Of::Is(is)),
                Of::Names(_) => values.plain.push(*of),
            }
        }
        values
    }

    fn list(&mut self, element: Of) {
        self.lists.get_or_insert_default().push(element);
    }

    fn is(&mut self, is: &'static Is) {
        match is {
            Is::Known | Is::Elsewhere => {}
            Is::Bits(_, names) | Is::Flags(_, names) => self.list(Of::Names(names)),
            Is::Set(set) | Is::Inline(set) => self.objects.push(Source::Set(set)),
            Is::Structure(structure) | Is::InlineStructure(structure) => {
                self.objects.push(Source::Fields(structure.fields));
            }
            Is::Members(_, parts) => self.objects.push(Source::Parts(parts)),
            Is::Each(is) | Is::Array(is, _) => self.list(Of::Is(is)),
            Is::Value(_, shape) => self.shape(shape),
            Is::Chosen(choice) => choices(&choice.among).for_each(|is| self.is(is)),
            is => self.plain.push(Of::Is(is)),
        }
    }

    fn shape(&mut self, shape: &'static Shape) {
        match shape {
            Shape::As(is) => self.is(is),
            Shape::List(inner) => self.list(Of::Shape(inner)),
            Shape::Object(parts) => self.objects.push(Source::Parts(parts)),
            plain => self.plain.push(Of::Shape(plain)),
        }
    }
}
