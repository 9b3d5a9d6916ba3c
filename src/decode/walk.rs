//! The one walker: reads attributes by their set, structures by their fields, and writes members.

use smallvec::SmallVec;

use super::context::Context;
use super::schema::{Among, Choice, Decoded, Field, Is, Kind, Level, Row, Set, Structure, Wrong};
use super::value;
use crate::json::{Json, Key, MemberKey};
use crate::netlink::wire::{self, Attribute, attributes};

/// Nests deeper than this are kept as hex: no table is that deep, so only a table that holds itself gets there.
const DEPTH_MAX: u8 = 24;

struct Unknown<'a> {
    number: u16,
    payload: &'a [u8],
    error: Option<Wrong>,
}

/// What could not be decoded in one set; written at its end.
#[derive(Default)]
pub struct Leftovers<'a> {
    list: SmallVec<[Unknown<'a>; 2]>,
    rest: &'a [u8],
}

impl<'a> Leftovers<'a> {
    /// What a function does not know of a set that it reads by itself. It writes the rest all the same, and this at the
    /// end of the set's object.
    pub fn of(bytes: &'a [u8], known: impl Fn(u16) -> bool) -> Leftovers<'a> {
        let mut leftovers = Leftovers::default();
        let mut iterator = attributes(bytes);
        for found in iterator.by_ref().filter(|found| !known(found.number)) {
            leftovers.keep(found);
        }
        leftovers.rest = iterator.rest();
        leftovers
    }

    /// Keeps an attribute that is not known.
    pub fn keep(&mut self, Attribute { number, payload }: Attribute<'a>) {
        self.list.push(Unknown { number, payload, error: None });
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.rest.is_empty()
    }

    /// Writes the member `unknown`, if there is anything to keep.
    #[inline]
    pub fn write(&self, out: &mut Json) {
        if !self.is_empty() {
            self.write_some(out);
        }
    }

    #[cold]
    fn write_some(&self, out: &mut Json) {
        out.key("unknown");
        out.begin_list();
        for unknown in &self.list {
            out.begin_object();
            out.key("attr");
            out.unsigned(unknown.number.into());
            out.key("hex");
            out.hex(unknown.payload);
            match unknown.error {
                None => {}
                Some(Wrong::Length(bytes)) => {
                    out.key("error");
                    out.display(format_args!("{bytes} octets expected, {} found", unknown.payload.len()));
                }
                Some(Wrong::Short(bytes)) => {
                    out.key("error");
                    out.display(format_args!("at least {bytes} octets expected, {} found", unknown.payload.len()));
                }
                Some(Wrong::Because(reason)) => {
                    out.key("error");
                    out.string(reason);
                }
            }
            out.end_object();
        }
        if !self.rest.is_empty() {
            out.begin_object();
            out.key("hex");
            out.hex(self.rest);
            out.key("error");
            out.string("not an attribute: its length is wrong");
            out.end_object();
        }
        out.end_list();
    }
}

/// Writes the object of a message: its header's fields, then its attributes.
///
/// The payload must be as long as the kind's header; the caller tells a shorter one as `undecoded`.
pub fn write_object(out: &mut Json, kind: &Kind, context: &Context<'_>) {
    out.begin_object();
    let mut leftovers = Leftovers::default();
    write_fields(out, context, kind.header, context.header, &mut leftovers);
    write_attributes(out, context, kind.set, context.message, &mut leftovers);
    leftovers.write(out);
    out.end_object();
}

/// Writes the members for the attributes in `bytes`, which are what `context.set` holds.
pub fn write_set<'a>(out: &mut Json, context: &Context<'a>, set: &'static Set, bytes: &'a [u8]) {
    write_set_with(out, context, set, bytes, Leftovers::default());
}

/// The same, where a function has found more that is to be kept in the set's object.
pub fn write_set_with<'a>(
    out: &mut Json,
    context: &Context<'a>,
    set: &'static Set,
    bytes: &'a [u8],
    mut leftovers: Leftovers<'a>,
) {
    write_attributes(out, context, set, bytes, &mut leftovers);
    leftovers.write(out);
}

/// Writes only the attributes that this set knows, where several sets share one nest: a sibling set writes the others.
pub fn write_part<'a>(out: &mut Json, context: &Context<'a>, set: &'static Set, bytes: &'a [u8]) {
    let mut leftovers = Leftovers::default();
    write_attributes(out, context, set, bytes, &mut leftovers);
    leftovers.rest = &[];
    leftovers.list.retain(|unknown| set.row(unknown.number).is_some());
    leftovers.write(out);
}

/// Writes a member, as a row with that key and value would.
pub fn write_row<'a>(
    out: &mut Json,
    context: &Context<'a>,
    key: &'static str,
    is: &'static Is,
    payload: &'a [u8],
) -> Decoded {
    let mut leftovers = Leftovers::default();
    write_keyed(out, context, &Key::new(key), is, payload, &mut leftovers)?;
    leftovers.write(out);
    Ok(())
}

/// Writes the members for a structure's fields, for a function whose value begins with it.
pub fn write_structure<'a>(out: &mut Json, context: &Context<'a>, structure: &'static Structure, bytes: &'a [u8]) {
    let mut leftovers = Leftovers::default();
    write_fields(out, context, structure, bytes, &mut leftovers);
    leftovers.write(out);
}

fn write_attributes<'a>(
    out: &mut Json,
    context: &Context<'a>,
    set: &'static Set,
    bytes: &'a [u8],
    leftovers: &mut Leftovers<'a>,
) {
    let mut seen = [0u64; 4];
    let mut iterator = attributes(bytes);
    for Attribute { number, payload } in iterator.by_ref() {
        let Some((at, row)) = set.row(number) else {
            leftovers.list.push(Unknown { number, payload, error: None });
            continue;
        };
        if (context.comparing && row.volatile) || matches!(row.is, Is::Known) {
            continue;
        }
        let bit = 1u64 << (at % 64);
        let word = &mut seen[(at / 64) % 4];
        if *word & bit != 0 {
            if !row.repeated {
                let error = Some(Wrong::Because("this attribute came before"));
                leftovers.list.push(Unknown { number, payload, error });
            }
            continue;
        }
        *word |= bit;
        context.set_number(number);
        if row.repeated {
            write_list(out, context, row, attributes_from(bytes, payload), leftovers);
        } else {
            write_member(out, context, &row.key, &row.is, number, payload, leftovers);
        }
    }
    if !iterator.rest().is_empty() {
        leftovers.rest = iterator.rest();
    }
}

/// The attributes of a set from that payload's attribute on.
fn attributes_from<'a>(bytes: &'a [u8], payload: &'a [u8]) -> wire::Attributes<'a> {
    let offset = payload.as_ptr() as usize - bytes.as_ptr() as usize - wire::ATTRIBUTE_HEADER_BYTES;
    attributes(&bytes[offset..])
}

fn write_list<'a>(
    out: &mut Json,
    context: &Context<'a>,
    row: &'static Row,
    all: wire::Attributes<'a>,
    leftovers: &mut Leftovers<'a>,
) {
    out.member(&row.key);
    out.begin_list();
    for Attribute { number, payload } in all.filter(|found| found.number == row.number) {
        let mark = out.mark();
        if let Err(wrong) = write_value(out, context, &row.is, payload) {
            out.back_to(mark);
            leftovers.list.push(Unknown { number, payload, error: Some(wrong) });
        }
    }
    out.end_list();
}

/// Writes a member; what goes wrong is taken back and kept.
#[inline(always)]
fn write_member<'a>(
    out: &mut Json,
    context: &Context<'a>,
    key: &Key,
    is: &'static Is,
    number: u16,
    payload: &'a [u8],
    leftovers: &mut Leftovers<'a>,
) {
    let mark = out.mark();
    if let Err(wrong) = write_keyed(out, context, key, is, payload, leftovers) {
        out.back_to(mark);
        let error = (wrong != UNKNOWN).then_some(wrong);
        leftovers.list.push(Unknown { number, payload, error });
    }
}

/// A choice that the tables do not have: kept as hex, without an error.
const UNKNOWN: Wrong = Wrong::Because("unknown");

// Into the loops over attributes and fields: most values are simple, and a call costs as much as they do.
#[inline(always)]
fn write_keyed<'a>(
    out: &mut Json,
    context: &Context<'a>,
    key: &Key,
    is: &'static Is,
    payload: &'a [u8],
    leftovers: &mut Leftovers<'a>,
) -> Decoded {
    match is {
        Is::Known | Is::Elsewhere => Ok(()),
        Is::Inline(set) => {
            let inside = enter(context, payload)?;
            write_set(out, &inside, set, payload);
            Ok(())
        }
        Is::InlineStructure(structure) => {
            if payload.is_empty() && structure.bytes > 0 {
                return Err(Wrong::Length(structure.bytes));
            }
            write_fields(out, context, structure, payload, leftovers);
            Ok(())
        }
        Is::Members(write, _) => write(out, context, payload),
        Is::NumberUnless(scalar, none) => {
            if value::unsigned(*scalar, payload)? != *none {
                out.member(key);
                value::write_number(out, *scalar, payload)?;
            }
            Ok(())
        }
        Is::Flags(scalar, names) => {
            value::write_flags(out, key.name, names, value::unsigned(*scalar, payload)?);
            Ok(())
        }
        // What a number's name is never changes.
        Is::Named(scalar, _) | Is::NamedId(scalar, _) | Is::Bits(scalar, _) => {
            let member = MemberKey::new(is, key, value::unsigned(*scalar, payload)?);
            if out.write_again(member) {
                return Ok(());
            }
            write_named(out, context, key, is, payload, member)
        }
        Is::Chosen(choice) => write_chosen(out, context, key, choice, payload, leftovers),
        Is::Set(_) | Is::Structure(_) | Is::Each(_) | Is::Array(..) | Is::Value(..) => {
            out.member(key);
            write_value(out, context, is, payload)
        }
        simple => {
            out.member(key);
            value::write(out, context, simple, payload)
        }
    }
}

/// Writes a member of a number with a name for the first time.
#[inline(never)]
fn write_named(
    out: &mut Json,
    context: &Context<'_>,
    key: &Key,
    is: &'static Is,
    payload: &[u8],
    member: MemberKey,
) -> Decoded {
    let mark = out.mark();
    if let Is::NamedId(scalar, names) = is {
        value::write_named_id(out, key, names, value::unsigned(*scalar, payload)?);
    } else {
        out.member(key);
        value::write(out, context, is, payload)?;
    }
    out.remember(member, mark);
    Ok(())
}

fn write_chosen<'a>(
    out: &mut Json,
    context: &Context<'a>,
    key: &Key,
    choice: &'static Choice,
    payload: &'a [u8],
    leftovers: &mut Leftovers<'a>,
) -> Decoded {
    match chosen(context, choice)? {
        Some(is) => write_keyed(out, context, key, is, payload, leftovers),
        None if payload.is_empty() => Ok(()),
        None => Err(UNKNOWN),
    }
}

/// Writes one value, without a key: an element of a list, or what stands behind a key.
pub fn write_value<'a>(out: &mut Json, context: &Context<'a>, is: &'static Is, payload: &'a [u8]) -> Decoded {
    match is {
        Is::Set(set) | Is::Inline(set) => {
            let inside = enter(context, payload)?;
            out.begin_object();
            write_set(out, &inside, set, payload);
            out.end_object();
            Ok(())
        }
        Is::Structure(structure) | Is::InlineStructure(structure) => {
            if payload.is_empty() && structure.bytes > 0 {
                return Err(Wrong::Length(structure.bytes));
            }
            out.begin_object();
            let mut leftovers = Leftovers::default();
            write_fields(out, context, structure, payload, &mut leftovers);
            leftovers.write(out);
            out.end_object();
            Ok(())
        }
        Is::Each(is) => {
            let inside = enter(context, payload)?;
            out.begin_list();
            let mut iterator = attributes(payload);
            for Attribute { number, payload } in iterator.by_ref() {
                inside.set_number(number);
                write_value(out, &inside, is, payload)?;
            }
            if !iterator.rest().is_empty() {
                return Err(Wrong::Because("an element's length is wrong"));
            }
            out.end_list();
            Ok(())
        }
        Is::Array(is, bytes) => {
            if !payload.len().is_multiple_of(*bytes) {
                return Err(Wrong::Because("not a whole number of elements"));
            }
            out.begin_list();
            for element in payload.chunks_exact(*bytes) {
                write_value(out, context, is, element)?;
            }
            out.end_list();
            Ok(())
        }
        Is::Chosen(choice) => match chosen(context, choice)? {
            Some(is) => write_value(out, context, is, payload),
            None => Err(UNKNOWN),
        },
        Is::Members(write, _) => {
            out.begin_object();
            write(out, context, payload)?;
            out.end_object();
            Ok(())
        }
        Is::Value(write, _) => write(out, context, payload),
        simple => value::write(out, context, simple, payload),
    }
}

fn enter<'a>(context: &Context<'a>, payload: &'a [u8]) -> Result<Context<'a>, Wrong> {
    let inside = context.inside(payload);
    if inside.depth() > DEPTH_MAX { Err(Wrong::Because("nested too deeply")) } else { Ok(inside) }
}

fn chosen(context: &Context<'_>, choice: &'static Choice) -> Result<Option<&'static Is>, Wrong> {
    let set = match choice.level {
        Level::Here => context.set,
        Level::Above => context.above,
        Level::Message => context.message,
    };
    let Some(by) = wire::attribute(set, choice.by) else { return Ok(None) };
    Ok(match choice.among {
        Among::Text(choices) => {
            let by = by.split(|&octet| octet == 0).next().unwrap_or_default();
            choices.iter().find(|(name, _)| name.as_bytes() == by).map(|(_, is)| is)
        }
        Among::Number(choices) => {
            let by = value::any_unsigned(by)?;
            choices.iter().find(|(number, _)| *number == by).map(|(_, is)| is)
        }
    })
}

/// Writes the members for a run of fields for the first time.
#[inline(never)]
fn write_run<'a>(
    out: &mut Json,
    context: &Context<'a>,
    fields: &'static [Field],
    bytes: &'a [u8],
    leftovers: &mut Leftovers<'a>,
    member: MemberKey,
) {
    let mark = out.mark();
    fields.iter().for_each(|field| write_field(out, context, field, bytes, leftovers));
    out.remember(member, mark);
}

#[inline(always)]
fn write_field<'a>(
    out: &mut Json,
    context: &Context<'a>,
    field: &'static Field,
    bytes: &'a [u8],
    leftovers: &mut Leftovers<'a>,
) {
    if context.comparing && field.volatile {
        return;
    }
    // A field that a shorter structure does not have is left out.
    if let Some(payload) = bytes.get(field.at..field.at + field.bytes) {
        write_member(out, context, &field.key, &field.is, context.number(), payload, leftovers);
    }
}

/// Writes the members for a structure's fields, as far as the bytes go; octets beyond the structure are kept.
fn write_fields<'a>(
    out: &mut Json,
    context: &Context<'a>,
    structure: &'static Structure,
    bytes: &'a [u8],
    leftovers: &mut Leftovers<'a>,
) {
    let mut place = 0;
    while let Some(field) = structure.fields.get(place) {
        if let Some(run) = structure.run_at(place)
            && let Some(number) = run.number(bytes)
        {
            // What these numbers' names are never changes.
            let member = MemberKey::new(run, &field.key, number);
            if !out.write_again(member) {
                write_run(out, context, &structure.fields[place..place + run.length()], bytes, leftovers, member);
            }
            place += run.length();
        } else {
            write_field(out, context, field, bytes, leftovers);
            place += 1;
        }
    }
    if structure.tail.is_none() && bytes.len() > wire::align(structure.bytes) {
        let error = Some(Wrong::Because("octets behind the known end of the structure"));
        leftovers.list.push(Unknown { number: context.number(), payload: &bytes[structure.bytes..], error });
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::NoLinks;
    use crate::kinds::KINDS;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_remembered_reads_as_what_was_written(headers in vec(vec(0u8..4, 0..32), 1..20)) {
            let mut remembering = Json::new();
            for header in headers.iter().chain(&headers) {
                for kind in KINDS {
                    let context = kind.context(header, &NoLinks);
                    let mut forgetful = Json::new();
                    write_object(&mut forgetful, kind, &context);
                    remembering.clear();
                    write_object(&mut remembering, kind, &context);
                    prop_assert_eq!(
                        String::from_utf8_lossy(remembering.bytes()),
                        String::from_utf8_lossy(forgetful.bytes())
                    );
                }
            }
        }
    }
}
