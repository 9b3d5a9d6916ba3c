//! What is generated of the documentation: half of docs/events.md, what the tables say of every kind; and in docs/truth.md
//! the table of silent changes; in docs/metrics.md that of metrics; in docs/config.md
//! the tables of keys.

use std::collections::HashSet;
use std::fmt::Write;

use crate::config::settings::{SETTINGS, Setting, Settings};
use crate::decode::schema::{Among, Field, Interface, Is, Kind, Part, Scalar, Set, Shape};
use crate::event::own::{Holds, OWN_EVENTS, Own, OwnKey};
use crate::event::signals::{SIGNALS, Signal};
use crate::kinds::KINDS;
use crate::mirror::silence::{FoundBy, SILENT};
use crate::serve::exposition::{METRICS, Metric};

/// The whole generated half, as Markdown.
pub fn markdown() -> String {
    let mut out = String::new();
    signals(&mut out);
    severities(&mut out);
    own_events(&mut out);
    let _ = writeln!(out, "\n## Kinds of objects\n");
    let _ = writeln!(out, "| kind | what it is | groups | state |\n| --- | --- | --- | --- |");
    for kind in KINDS {
        let groups: Vec<String> = kind.groups.iter().map(ToString::to_string).collect();
        let state = match (&kind.identity, kind.dumps.is_empty()) {
            (None, _) => "an event without state",
            (Some(_), _) if kind.hooks.kept_max == 0 => {
                "an event without state, unless the configuration says otherwise; shown by `list`"
            }
            (Some(_), true) => "followed; what existed before is not shown",
            (Some(_), false) => "followed, and shown by `--initial` and `list`",
        };
        let groups = if groups.is_empty() { "none".into() } else { groups.join(", ") };
        let _ = writeln!(out, "| [`{0}`](#{0}) | {1} | {groups} | {state} |", kind.name, kind.about);
    }
    for kind in KINDS {
        describe(&mut out, kind);
    }
    out
}

/// The keys of a kind's object, as dotted paths; those of lists and of choices are those of what is in them.
pub fn paths(kind: &Kind) -> Vec<String> {
    let mut described = String::new();
    describe(&mut described, kind);
    let keys = described.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key));
    keys.map(|key| {
        let mut path = String::new();
        let mut depth = 0;
        for character in key.chars() {
            depth += i32::from(character == '<') - i32::from(character == '>');
            if depth == 0 && !matches!(character, '>' | '[' | ']') {
                path.push(character);
            }
        }
        // Members that a choice puts into the object itself.
        path.trim_start_matches('.').to_owned()
    })
    .collect()
}

/// The table of silent changes in docs/truth.md, as Markdown.
pub fn silent_changes() -> String {
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut out = "| silent change | kernel | found by a look at | after |\n| --- | --- | --- | --- |\n".to_string();
    for row in SILENT {
        let (found, after) = match row.found {
            FoundBy::Look { after, when, look, at, .. } => {
                let kinds: Vec<&str> = look.iter().map(|kind| kind.name).collect();
                (format!("{}{}", code(&kinds), at.words()), format!("`{}`{}", after.name, when.words()))
            }
            FoundBy::Otherwise(found, after) => (found.to_string(), after.to_string()),
        };
        let _ = writeln!(out, "| {} | {} | {found} | {after} |", row.what, code(row.kernel));
    }
    out
}

/// The table of metrics in docs/metrics.md, as Markdown.
pub fn metrics() -> String {
    let mut out = "| metric | type | labels | what it counts |\n| --- | --- | --- | --- |\n".to_string();
    for Metric { name, kind, help, labels, .. } in METRICS {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(out, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    out
}

/// The tables of keys in docs/config.md, as Markdown.
pub fn settings() -> String {
    // A pipe would end the cell.
    let code = |value: &str| if value.is_empty() { String::new() } else { format!("`{}`", value.replace('|', "\\|")) };
    let mut out = String::new();
    for Settings { title, keys } in SETTINGS {
        let title = match title.split_once(" of ") {
            Some((key, table)) => format!("`{key}` of `{table}`"),
            None => format!("`{title}`"),
        };
        let _ = writeln!(out, "\n## {title}\n\n| key | type | without it | bound | example | what it does |");
        let _ = writeln!(out, "| --- | --- | --- | --- | --- | --- |");
        for Setting { key, holds, default, bound, example, about, .. } in *keys {
            let _ = writeln!(out, "| `{key}` | {holds} | {} | {bound} | {} | {about} |", code(default), code(example));
        }
    }
    out
}

fn signals(out: &mut String) {
    let _ = writeln!(out, "\n## Signals\n\nThe most telling one is the first, here as in a line.\n");
    let _ = writeln!(out, "| signal | of | severity | it comes when |\n| --- | --- | --- | --- |");
    for Signal { name, kinds, severity, condition, .. } in SIGNALS {
        let _ = writeln!(out, "| `{name}` | {kinds} | {} | {condition} |", severity.name());
    }
}

fn severities(out: &mut String) {
    let _ = writeln!(
        out,
        "\n## Severity\n\nAn event matters as much as its signals say, or as the first row of its kind that holds, \
         whichever is more. A kind that is not here has `info`.\n"
    );
    let _ = writeln!(out, "| kind | which events | severity |\n| --- | --- | --- |");
    for kind in KINDS {
        let rows = kind.hooks.severity;
        for (place, row) in rows.iter().enumerate() {
            let all = if place == 0 { "all" } else { "the others" };
            let of = if row.of.is_empty() { all } else { row.of };
            let _ = writeln!(out, "| {} | {of} | {} |", kind.name, row.severity.name());
        }
        if rows.last().is_some_and(|row| row.holds.is_some()) {
            let _ = writeln!(out, "| {} | the others | info |", kind.name);
        }
    }
}

fn own_events(out: &mut String) {
    let _ = writeln!(
        out,
        "\n## linkhook's own events\n\n| event | action | severity | what it tells |\n| --- | --- | --- | --- |"
    );
    for own in OWN_EVENTS {
        let _ = writeln!(out, "| `{}` | {} | {} | {} |", own.name, own.action, own.severity.name(), own.about);
    }
    let _ = writeln!(out, "\n| event | action | key | what it is | what it tells |\n| --- | --- | --- | --- | --- |");
    OWN_EVENTS.iter().for_each(|own| own_keys(out, own, "", own.keys));
}

fn own_keys(out: &mut String, own: &Own, prefix: &str, keys: &[OwnKey]) {
    for (key, holds, about) in keys {
        let _ = writeln!(out, "| `{}` | {} | `{prefix}{key}` | {} | {about} |", own.name, own.action, holds.words());
        match holds {
            Holds::Object(inner) => own_keys(out, own, &format!("{prefix}{key}."), inner),
            Holds::Objects(inner) => own_keys(out, own, &format!("{prefix}{key}[]."), inner),
            _ => {}
        }
    }
}

fn describe(out: &mut String, kind: &Kind) {
    let _ = writeln!(
        out,
        "\n### {}\n\nWhat it is: {}. Source: `struct {}` and `{}_*`.",
        kind.name, kind.about, kind.header.name, kind.set.name
    );
    let interface = match kind.interface {
        Interface::None => "none".to_string(),
        Interface::Only => "where there is one alone".to_string(),
        Interface::Header(at) => format!("at octet {at} of the header"),
        Interface::Attribute(number) => attribute(kind.set, number),
        Interface::Nested(nest, number) => format!("{} in {}", number, attribute(kind.set, nest)),
    };
    let _ = writeln!(out, "Its interface: {interface}.");
    if let Some(identity) = &kind.identity {
        let mut parts: Vec<String> = identity
            .header
            .iter()
            .flat_map(|&(at, bytes)| {
                let inside = |field: &&Field| field.bytes > 0 && field.at >= at && field.at + field.bytes <= at + bytes;
                let mut fields: Vec<&Field> = kind.header.fields.iter().filter(inside).collect();
                // The same octets may be told twice: as an index and as a name.
                fields.dedup_by_key(|field| field.at);
                if fields.is_empty() {
                    return vec![format!("octets {at} to {} of the header", at + bytes - 1)];
                }
                fields.into_iter().map(|field| format!("`{}`", field.key.name)).collect()
            })
            .collect();
        parts.extend(identity.attributes.iter().map(|&number| attribute(kind.set, number)));
        let more = match parts.as_slice() {
            [] if kind.hooks.single => "nothing, since there is one".to_string(),
            [] => "what lies inside its nests".to_string(),
            parts => parts.join(", "),
        };
        let _ = writeln!(out, "The same object by: {more}.");
    }
    let _ = writeln!(out, "\n| key | what it is | from |\n| --- | --- | --- |");
    let mut seen = HashSet::new();
    fields(out, "", (kind.header.name, kind.header.fields), false, &mut seen);
    rows(out, "", kind.set, false, &mut seen);
}

fn attribute(set: &Set, number: u16) -> String {
    match set.row(number) {
        Some((_, row)) => format!("`{}` ({}:{number})", row.key.name, set.name),
        None => format!("{}:{number}", set.name),
    }
}

fn fields(
    out: &mut String,
    prefix: &str,
    structure: (&str, &'static [Field]),
    volatile: bool,
    seen: &mut HashSet<usize>,
) {
    let (name, fields) = structure;
    for field in fields {
        let from = format!("`{name}` octet {}", field.at);
        line(out, prefix, (field.key.name, &field.is), volatile || field.volatile, &from, seen);
    }
}

/// `volatile` says of all of it that it never counts.
fn rows(out: &mut String, prefix: &str, set: &'static Set, volatile: bool, seen: &mut HashSet<usize>) {
    // A set is described once for a kind: it may stand in several places, or in itself.
    if !seen.insert(std::ptr::from_ref(set) as usize) {
        return;
    }
    for row in set.rows {
        let from =
            format!("`{}` {}{}", set.name, row.number, if row.repeated { ", several make the list" } else { "" });
        line(out, prefix, (row.key.name, &row.is), volatile || row.volatile, &from, seen);
    }
}

fn line(
    out: &mut String,
    prefix: &str,
    (key, is): (&str, &'static Is),
    volatile: bool,
    from: &str,
    seen: &mut HashSet<usize>,
) {
    match is {
        Is::Known | Is::Elsewhere => {}
        Is::Members(_, parts) => members(out, prefix, parts, volatile, from, seen),
        Is::Inline(set) => rows(out, prefix, set, volatile, seen),
        Is::InlineStructure(structure) => fields(out, prefix, (structure.name, structure.fields), volatile, seen),
        _ => {
            let _ = writeln!(out, "| `{prefix}{key}` | {}{} | {from} |", name_of(is), never(volatile));
            nested(out, &format!("{prefix}{key}"), is, volatile, seen);
        }
    }
}

fn never(volatile: bool) -> &'static str {
    if volatile { "; never counts as a change" } else { "" }
}

fn nested(out: &mut String, path: &str, is: &'static Is, volatile: bool, seen: &mut HashSet<usize>) {
    match is {
        Is::Set(set) => rows(out, &format!("{path}."), set, volatile, seen),
        Is::Structure(structure) => {
            fields(out, &format!("{path}."), (structure.name, structure.fields), volatile, seen);
        }
        Is::Each(is) | Is::Array(is, _) => nested(out, &format!("{path}[]"), is, volatile, seen),
        Is::Value(_, shape) => nested_shape(out, path, shape, volatile, seen),
        Is::Members(_, parts) => members(out, &format!("{path}."), parts, volatile, "the same", seen),
        Is::Chosen(choice) => match choice.among {
            Among::Text(choices) => {
                for (name, is) in choices {
                    nested(out, &format!("{path}<{name}>"), is, volatile, seen);
                }
            }
            Among::Number(choices) => {
                for (number, is) in choices {
                    nested(out, &format!("{path}<{number}>"), is, volatile, seen);
                }
            }
        },
        _ => {}
    }
}

/// The members that a function writes.
fn members(
    out: &mut String,
    prefix: &str,
    parts: &'static [Part],
    volatile: bool,
    from: &str,
    seen: &mut HashSet<usize>,
) {
    let never = never(volatile);
    for part in parts {
        match part {
            Part::Member(key, shape) | Part::Volatile(key, shape) => {
                let volatile = volatile || matches!(part, Part::Volatile(..));
                let never = self::never(volatile);
                let _ = writeln!(out, "| `{prefix}{key}` | {}{never} | {from} |", name_of_shape(shape));
                nested_shape(out, &format!("{prefix}{key}"), shape, volatile, seen);
            }
            Part::Members(which, shape) => {
                let _ = writeln!(out, "| `{prefix}*` | {which}: {}{never} | {from} |", name_of_shape(shape));
            }
            Part::Flags(names) => {
                for (_, name) in *names {
                    let _ = writeln!(out, "| `{prefix}{name}` | true, where it is set{never} | {from} |");
                }
            }
            Part::Set(set) => rows(out, prefix, set, volatile, seen),
            Part::Structure(structure) => fields(out, prefix, (structure.name, structure.fields), volatile, seen),
            Part::Choice(choices) => {
                let path = prefix.trim_end_matches('.');
                for (name, part) in *choices {
                    members(out, &format!("{path}<{name}>."), std::slice::from_ref(part), volatile, from, seen);
                }
            }
        }
    }
}

fn nested_shape(out: &mut String, path: &str, shape: &'static Shape, volatile: bool, seen: &mut HashSet<usize>) {
    match shape {
        Shape::As(is) => nested(out, path, is, volatile, seen),
        Shape::List(inner) => nested_shape(out, &format!("{path}[]"), inner, volatile, seen),
        Shape::Object(parts) => members(out, &format!("{path}."), parts, volatile, "the same", seen),
        _ => {}
    }
}

fn name_of(is: &Is) -> String {
    let width = |scalar: &Scalar| format!("{}-bit", scalar.bytes() * 8);
    match is {
        Is::Number(scalar) => format!("{} number", width(scalar)),
        Is::NumberUnless(scalar, unless) => format!("{} number; left out where it is {unless}", width(scalar)),
        Is::Flags(..) => "a member for each bit that is set, true".into(),
        Is::AnyNumber => "number".into(),
        Is::Bool(_) | Is::Present => "true or false".into(),
        Is::Named(..) => "name, or the number as text where it has none".into(),
        Is::NamedId(..) => "name as text, with the number beside it under `…_id`".into(),
        Is::Bits(..) => "list of the bits' names".into(),
        Is::Text => "text".into(),
        Is::Hex => "octets in hexadecimal digits".into(),
        Is::Hardware => "link-layer address".into(),
        Is::Ip => "IP address".into(),
        Is::Link => "interface's name".into(),
        Is::Set(_) | Is::Structure(_) | Is::Inline(_) | Is::InlineStructure(_) => "object".into(),
        Is::Chosen(_) => "object by another attribute".into(),
        Is::Each(_) | Is::Array(..) => "list".into(),
        Is::Value(_, shape) => name_of_shape(shape),
        Is::Members(..) | Is::Elsewhere | Is::Known => String::new(),
    }
}

fn name_of_shape(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".into(),
        Shape::Number => "number".into(),
        Shape::Bool => "true or false".into(),
        Shape::As(is) => name_of(is),
        Shape::List(inner) => format!("list of: {}", name_of_shape(inner)),
        Shape::Object(_) => "object".into(),
    }
}
