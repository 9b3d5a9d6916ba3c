//! What is written is what the tables declare: every object of every recording is held against them.

use std::collections::HashMap;

use libtest_mimic::Failed;
use linkhook::decode::schema::{Among, BOOL, Field, Is, Kind, NUMBER, Part, Set, Shape, TEXT};
use linkhook::kinds::KINDS;
use serde_json::{Map, Value};

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("what_is_written_has_the_shape_that_is_declared", recordings),
    ("a_path_has_one_type_in_every_event_of_a_kind", one_type_a_path),
];

/// What may stand behind a key: any of these.
type Members = HashMap<String, Vec<Expected>>;

#[derive(Clone, Copy)]
enum Expected {
    Is(&'static Is),
    Shape(&'static Shape),
}

fn recordings() -> Result<(), Failed> {
    let mut wrong: Vec<String> = Vec::new();
    let mut objects = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines() {
            let line: Map<String, Value> = serde_json::from_str(line)?;
            let event = line["event"].as_str().unwrap_or_default();
            let Some(kind) = KINDS.iter().find(|kind| kind.name == event) else { continue };
            objects += 1;
            hold_object(&members_of(kind), &line[event], event, &mut wrong);
        }
    }
    assert!(objects > 1000, "{objects} objects are too few");
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn members_of(kind: &'static Kind) -> Members {
    let mut members = Members::new();
    add_fields(&mut members, kind.header.fields);
    add_set(&mut members, kind.set);
    members
}

fn add(members: &mut Members, key: &str, expected: Expected) {
    members.entry(key.to_owned()).or_default().push(expected);
}

fn add_set(members: &mut Members, set: &'static Set) {
    for row in set.rows {
        add_row(members, row.key.name, &row.is, row.repeated);
    }
}

fn add_fields(members: &mut Members, fields: &'static [Field]) {
    for field in fields {
        add_row(members, field.key.name, &field.is, false);
    }
}

fn add_row(members: &mut Members, key: &str, is: &'static Is, repeated: bool) {
    match is {
        Is::Known | Is::Elsewhere => {}
        Is::Inline(set) => add_set(members, set),
        Is::InlineStructure(structure) => add_fields(members, structure.fields),
        Is::Members(_, parts) => add_parts(members, parts),
        Is::Flags(_, names) => {
            names.iter().for_each(|(_, name)| add(members, name, Expected::Shape(BOOL)));
            add(members, key, Expected::Shape(TEXT));
        }
        Is::NamedId(..) => {
            add(members, key, Expected::Shape(TEXT));
            add(members, &format!("{key}_id"), Expected::Shape(NUMBER));
        }
        Is::Chosen(choice) => {
            let choices: Vec<&'static Is> = match choice.among {
                Among::Text(choices) => choices.iter().map(|(_, is)| is).collect(),
                Among::Number(choices) => choices.iter().map(|(_, is)| is).collect(),
            };
            choices.into_iter().for_each(|is| add_row(members, key, is, repeated));
        }
        is if repeated => {
            // One row, several attributes: a list of what the row says.
            let list = Box::leak(Box::new(Shape::List(Box::leak(Box::new(Shape::As(is))))));
            add(members, key, Expected::Shape(list));
        }
        is => add(members, key, Expected::Is(is)),
    }
}

fn add_parts(members: &mut Members, parts: &'static [Part]) {
    for part in parts {
        match part {
            Part::Member(key, shape) | Part::Volatile(key, shape) => add(members, key, Expected::Shape(shape)),
            Part::Members(_, shape) => add(members, "*", Expected::Shape(shape)),
            Part::Flags(names) => names.iter().for_each(|(_, name)| add(members, name, Expected::Shape(BOOL))),
            Part::Set(set) => add_set(members, set),
            Part::Structure(structure) => add_fields(members, structure.fields),
            Part::Choice(choices) => {
                choices.iter().for_each(|(_, part)| add_parts(members, std::slice::from_ref(part)))
            }
        }
    }
}

fn hold_object(members: &Members, value: &Value, path: &str, wrong: &mut Vec<String>) {
    let Value::Object(object) = value else {
        wrong.push(format!("{path}: no object"));
        return;
    };
    for (key, value) in object {
        let path = format!("{path}.{key}");
        if key == "unknown" {
            continue;
        }
        let Some(expected) = members.get(key).or_else(|| members.get("*")) else {
            wrong.push(format!("{path}: no row declares it"));
            continue;
        };
        let tries: Vec<Vec<String>> = expected.iter().map(|expected| held(*expected, value, &path)).collect();
        if !tries.iter().any(Vec::is_empty) {
            wrong.extend(tries.into_iter().min_by_key(Vec::len).unwrap_or_default());
        }
    }
}

/// What is wrong with a value.
fn held(expected: Expected, value: &Value, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    match expected {
        Expected::Is(is) => hold(is, value, path, &mut wrong),
        Expected::Shape(shape) => hold_shape(shape, value, path, &mut wrong),
    }
    wrong
}

fn hold_list(expected: Expected, value: &Value, path: &str, wrong: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| wrong.extend(held(expected, value, &format!("{path}[]")))),
        _ => wrong.push(format!("{path}: no list: {value}")),
    }
}

fn hold(is: &'static Is, value: &Value, path: &str, wrong: &mut Vec<String>) {
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{path}: no {what}: {value}"));
        }
    };
    match is {
        Is::Number(_) | Is::AnyNumber | Is::NumberUnless(..) => expect(value.is_number(), "number"),
        Is::Bool(_) | Is::Present => expect(value.is_boolean(), "true or false"),
        Is::Named(..) | Is::NamedId(..) | Is::Text | Is::Hex | Is::Hardware | Is::Ip | Is::Link => {
            expect(value.is_string(), "text")
        }
        Is::Bits(..) | Is::Flags(..) => hold_list(Expected::Shape(TEXT), value, path, wrong),
        Is::Each(is) | Is::Array(is, _) => hold_list(Expected::Is(is), value, path, wrong),
        Is::Value(_, shape) => hold_shape(shape, value, path, wrong),
        Is::Set(_) | Is::Inline(_) | Is::Structure(_) | Is::InlineStructure(_) | Is::Members(..) => {
            let mut members = Members::new();
            match is {
                Is::Set(set) | Is::Inline(set) => add_set(&mut members, set),
                Is::Structure(structure) | Is::InlineStructure(structure) => {
                    add_fields(&mut members, structure.fields);
                }
                Is::Members(_, parts) => add_parts(&mut members, parts),
                _ => {}
            }
            hold_object(&members, value, path, wrong);
        }
        Is::Chosen(_) => {
            let mut members = Members::new();
            add_row(&mut members, "", is, false);
            let tries: Vec<Vec<String>> =
                members.remove("").unwrap_or_default().iter().map(|expected| held(*expected, value, path)).collect();
            if !tries.iter().any(Vec::is_empty) {
                wrong.extend(tries.into_iter().min_by_key(Vec::len).unwrap_or_default());
            }
        }
        Is::Known | Is::Elsewhere => wrong.push(format!("{path}: it is not to be written")),
    }
}

fn hold_shape(shape: &'static Shape, value: &Value, path: &str, wrong: &mut Vec<String>) {
    match shape {
        Shape::Text if !value.is_string() => wrong.push(format!("{path}: no text: {value}")),
        Shape::Number if !value.is_number() => wrong.push(format!("{path}: no number: {value}")),
        Shape::Bool if !value.is_boolean() => wrong.push(format!("{path}: not true or false: {value}")),
        Shape::Text | Shape::Number | Shape::Bool => {}
        Shape::As(is) => hold(is, value, path, wrong),
        Shape::List(inner) => hold_list(Expected::Shape(inner), value, path, wrong),
        Shape::Object(parts) => {
            let mut members = Members::new();
            add_parts(&mut members, parts);
            hold_object(&members, value, path, wrong);
        }
    }
}

/// Of each path its types, and a place where each was seen.
type Types = HashMap<String, HashMap<&'static str, String>>;

/// Within one kind of event one path has one type, in the object as in `changed`: what the tables declare, and what stands in
/// every recording.
fn one_type_a_path() -> Result<(), Failed> {
    let mut types = Types::new();
    for kind in KINDS {
        declared_members(&members_of(kind), kind.name, &mut types);
    }
    assert!(types.len() > 2000, "{} paths are too few", types.len());
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&path)?.lines() {
            let line: Map<String, Value> = serde_json::from_str(line)?;
            let event = line["event"].as_str().unwrap_or_default();
            written(&line[event], event, &file, &mut types);
            for (path, sides) in line.get("changed").and_then(Value::as_object).into_iter().flatten() {
                for side in ["old", "new"].iter().filter_map(|side| sides.get(side)) {
                    written(side, &format!("{event}.{path}"), &file, &mut types);
                }
            }
        }
    }
    // What an expression of nf_tables has is said by its name, and two of them have the same word for other things.
    let is_of_expression = |path: &str| {
        path.starts_with("nft_")
            && path.contains("expressions[].data")
            && ["set", "type"].iter().any(|key| path.ends_with(key))
    };
    let several = types.iter().filter(|(path, types)| types.len() > 1 && !is_of_expression(path));
    let mut several: Vec<String> = several.map(|(path, types)| format!("{path}: {types:?}")).collect();
    several.sort();
    if several.is_empty() { Ok(()) } else { Err(several.join("\n").into()) }
}

fn note(types: &mut Types, path: &str, found: &'static str, place: &str) -> bool {
    let of_path = types.entry(path.to_owned()).or_default();
    if of_path.contains_key(found) {
        return false;
    }
    of_path.insert(found, place.to_owned());
    true
}

fn written(value: &Value, path: &str, place: &str, types: &mut Types) {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    note(types, path, found, place);
    match value {
        Value::Array(items) => items.iter().for_each(|item| written(item, &format!("{path}[]"), place, types)),
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| written(value, &format!("{path}.{key}"), place, types));
        }
        _ => {}
    }
}

fn declared_members(members: &Members, path: &str, types: &mut Types) {
    for (key, expected) in members {
        for expected in expected {
            declared(*expected, &format!("{path}.{key}"), types);
        }
    }
}

/// What is declared of a path; a path that has that type already is not gone into once more, so that sets which contain each
/// other end.
fn declared(expected: Expected, path: &str, types: &mut Types) {
    const PLACE: &str = "declared";
    const DEPTH_MAX: usize = 12;
    if path.matches('.').count() > DEPTH_MAX {
        return;
    }
    let mut within = |members: Members| {
        note(types, path, "object", PLACE);
        declared_members(&members, path, types);
    };
    match expected {
        Expected::Shape(Shape::As(is)) => declared(Expected::Is(is), path, types),
        Expected::Shape(Shape::Object(parts)) => {
            let mut members = Members::new();
            add_parts(&mut members, parts);
            within(members);
        }
        Expected::Is(Is::Set(set)) => {
            let mut members = Members::new();
            add_set(&mut members, set);
            within(members);
        }
        Expected::Is(Is::Structure(structure)) => {
            let mut members = Members::new();
            add_fields(&mut members, structure.fields);
            within(members);
        }
        Expected::Shape(Shape::List(inner)) => {
            note(types, path, "list", PLACE);
            declared(Expected::Shape(inner), &format!("{path}[]"), types);
        }
        Expected::Is(Is::Each(inner) | Is::Array(inner, _)) => {
            note(types, path, "list", PLACE);
            declared(Expected::Is(inner), &format!("{path}[]"), types);
        }
        Expected::Is(Is::Value(_, shape)) => declared(Expected::Shape(shape), path, types),
        Expected::Is(Is::Bits(..)) => {
            note(types, path, "list", PLACE);
        }
        Expected::Shape(Shape::Bool) | Expected::Is(Is::Bool(_) | Is::Present) => {
            note(types, path, "true or false", PLACE);
        }
        Expected::Shape(Shape::Number) | Expected::Is(Is::Number(_) | Is::NumberUnless(..) | Is::AnyNumber) => {
            note(types, path, "number", PLACE);
        }
        Expected::Shape(Shape::Text)
        | Expected::Is(Is::Named(..) | Is::NamedId(..) | Is::Text | Is::Hex | Is::Hardware | Is::Ip | Is::Link) => {
            note(types, path, "text", PLACE);
        }
        Expected::Is(_) => {}
    }
}
