//! C structures, as tables have them: fixed headers and values without attributes.

use super::schema::Is;
use crate::json::Key;
use crate::netlink::wire;

/// A C structure.
pub struct Structure {
    /// Its name in the kernel's headers.
    pub name: &'static str,
    /// Its length in octets. A shorter one is decoded as far as it goes; of a longer one the rest is kept as hex.
    pub bytes: usize,
    /// Its fields.
    pub fields: &'static [Field],
    /// Of a header: the offset of two octets that say how many more octets follow it, before the attributes.
    pub tail: Option<usize>,
    /// By its first field: the run that begins there.
    runs: [Run; RUNS_WITHIN],
}

/// Fields that follow each other, each a number with names: one number stands for them all, and their text for it.
#[derive(Clone, Copy)]
pub struct Run {
    /// How many fields there are; 0 where there is no run.
    fields: u8,
    /// The offset of the eight octets in which they stand.
    at: u16,
    /// The bits that are theirs, of these octets as a little-endian number.
    mask: u64,
}

/// Runs begin among so many first fields of a structure.
const RUNS_WITHIN: usize = 8;
/// A run stands in so many octets.
const RUN_BYTES: usize = 8;

impl Run {
    const NONE: Run = Run { fields: 0, at: 0, mask: 0 };

    /// The run that begins with the first of these fields of a structure of so many octets.
    const fn of(bytes: usize, fields: &[Field]) -> Run {
        let begins_at = fields[0].at;
        if bytes < RUN_BYTES {
            return Run::NONE;
        }
        let last_at = bytes - RUN_BYTES;
        let at = if begins_at < last_at { begins_at } else { last_at };
        let mut run = Run { at: at as u16, ..Run::NONE };
        while run.length() < fields.len() && is_named(&fields[run.length()]) {
            let field = &fields[run.length()];
            if field.at < at || field.at + field.bytes > at + RUN_BYTES {
                break;
            }
            run.mask |= (u64::MAX >> (64 - 8 * field.bytes)) << (8 * (field.at - at));
            run.fields += 1;
        }
        if run.fields > 1 { run } else { Run::NONE }
    }

    /// How many fields there are.
    #[inline]
    pub const fn length(&self) -> usize {
        self.fields as usize
    }

    /// The number that stands for its fields in a structure; `None` where the structure is too short.
    #[inline]
    pub fn number(&self, structure: &[u8]) -> Option<u64> {
        let octets = structure.get(self.at.into()..)?.first_chunk::<RUN_BYTES>()?;
        Some(u64::from_le_bytes(*octets) & self.mask)
    }
}

/// Whether a field is a number whose text follows from it alone.
const fn is_named(field: &Field) -> bool {
    match field.is {
        Is::Named(scalar, _) | Is::NamedId(scalar, _) | Is::Bits(scalar, _) => {
            scalar.bytes() == field.bytes && !field.volatile
        }
        _ => false,
    }
}

impl Structure {
    /// A table of fields.
    pub const fn new(name: &'static str, bytes: usize, fields: &'static [Field]) -> Structure {
        let mut runs = [Run::NONE; RUNS_WITHIN];
        let mut first = 0;
        while first < fields.len() && first < RUNS_WITHIN {
            let run = Run::of(bytes, fields.split_at(first).1);
            runs[first] = run;
            first += if run.fields > 0 { run.length() } else { 1 };
        }
        Structure { name, bytes, fields, tail: None, runs }
    }

    /// The run that begins with the field of that place.
    #[inline]
    pub fn run_at(&self, first: usize) -> Option<&Run> {
        self.runs.get(first).filter(|run| run.fields > 0)
    }

    /// A header that is followed by as many more octets as its two octets at that offset say.
    pub const fn with_tail(self, at: usize) -> Structure {
        Structure { tail: Some(at), ..self }
    }

    /// Where the attributes begin in a payload that this is the header of.
    #[inline]
    pub fn attributes_at(&self, payload: &[u8]) -> usize {
        let tail = self.tail.and_then(|at| wire::u16_at(payload, at)).unwrap_or_default();
        wire::align(self.bytes + usize::from(tail))
    }
}

/// One field of a structure.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its offset in octets.
    pub at: usize,
    /// Its length in octets.
    pub bytes: usize,
    /// Its key in the JSON object.
    pub key: Key,
    /// What its value is.
    pub is: Is,
    /// Counters, ages and timers: it never counts as a change.
    pub volatile: bool,
}

/// A field whose length is that of its number (`Number`, `Bool`, `Named`, `Bits` and the like; `Link` has 4 octets).
pub const fn field(at: usize, key: &'static str, is: Is) -> Field {
    let bytes = match is {
        Is::Number(scalar) | Is::NumberUnless(scalar, _) | Is::Bool(scalar) => scalar.bytes(),
        Is::Named(scalar, _) | Is::NamedId(scalar, _) | Is::Bits(scalar, _) | Is::Flags(scalar, _) => scalar.bytes(),
        Is::Link => 4,
        Is::Structure(inner) | Is::InlineStructure(inner) => inner.bytes,
        _ => panic!("give the field's length: field_of"),
    };
    Field { at, bytes, key: Key::new(key), is, volatile: false }
}

/// A field with its length in octets; 0 for a `Members` that looks at the message and not at the field.
pub const fn field_of(at: usize, bytes: usize, key: &'static str, is: Is) -> Field {
    Field { at, bytes, key: Key::new(key), is, volatile: false }
}

impl Field {
    /// Marks a counter, age or timer: it never counts as a change.
    pub const fn volatile(self) -> Field {
        Field { volatile: true, ..self }
    }
}
