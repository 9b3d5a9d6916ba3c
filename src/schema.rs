//! The JSON Schema of a line (draft 2020-12), made from the tables that lines are written by: a definition for each kind of
//! event, chosen by `event`, and one for each object that stands in several places or in itself.
//!
//! Of a value that is chosen by another attribute, such as `linkinfo.info_data`, the choices are one object with the keys of
//! all: within one kind of event a path has one type, whatever was chosen.

mod plain;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::decode::members::{ANY, Member, Members, Of, Source, Values, members_of};
use crate::decode::schema::{Kind, Scalar};
use crate::event::own::{Holds, OWN_EVENTS, Own, OwnKey};
use crate::event::severity::Severity;
use crate::event::signals::SIGNALS;
use crate::event::{Action, KEYS, Origin, VERSION};
use crate::kinds::KindIndex;
use crate::settle::SETTLED;
use plain::schemas;

/// A definition's name: letters, digits, `_`, `-` and dots, so that it stands in a reference as it is.
type Name = String;

/// The schema of lines of these kinds and of these events of linkhook's own.
pub fn schema(kinds: &[KindIndex], own: &[&'static str]) -> Value {
    let mut definitions = Definitions::default();
    for (name, value) in shared() {
        definitions.all.insert(name.to_owned(), value);
    }
    let events: Vec<&str> = kinds.iter().map(|kind| kind.table().name).chain(own.iter().copied()).collect();
    // Their places come first, before what is in them.
    events.iter().for_each(|event| drop(definitions.all.insert((*event).to_owned(), Value::Null)));
    for kind in kinds {
        let line = definitions.line(kind.table());
        definitions.all.insert(kind.table().name.to_owned(), line);
    }
    for name in own {
        definitions.all.insert((*name).to_owned(), own_line(name));
    }
    let chosen: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "if": { "properties": { "event": { "const": event } }, "required": ["event"] },
                "then": reference(event),
            })
        })
        .collect();
    // Who has settled lines writes a further key.
    let keys: Map<String, Value> =
        KEYS.iter().chain(&[SETTLED]).map(|key| ((*key).to_owned(), head_key(key, &events))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of linkhook",
        "description": format!(
            "An event as linkhook {} writes it, format version {VERSION}. The format grows by adding: a later linkhook may have \
             more keys, here and in every object, so that keys which are not described are allowed; and more kinds of events, \
             actions, origins and signals, which this schema refuses: `linkhook schema` of the linkhook that writes has them.",
            env!("CARGO_PKG_VERSION")
        ),
        "type": "object",
        "required": ["v", "ts", "seq", "event", "action", "origin", "severity"],
        "properties": keys,
        "dependentRequired": { "ifname": ["ifindex"], "ifindex": ["ifname"] },
        "dependentSchemas": { "changed": { "properties": { "action": { "const": Action::Change.name() } } } },
        "allOf": chosen,
        "$defs": definitions.all,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn time() -> Value {
    json!({
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
    })
}

/// A key of a line before its object; docs/events.md says more of each.
fn head_key(key: &str, events: &[&str]) -> Value {
    let described = |description: &str, mut schema: Value| {
        schema["description"] = description.into();
        schema
    };
    let positive = || json!({ "type": "integer", "minimum": 1 });
    match key {
        "v" => described("The format's version.", json!({ "const": VERSION })),
        "ts" => described("When linkhook received it.", time()),
        "seq" => described("The line's number.", json!({ "type": "integer", "minimum": 0 })),
        "host" => described("The host where linkhook runs.", json!({ "type": "string" })),
        "netns" => described("The network namespace, unless it is linkhook's own.", json!({ "type": "string" })),
        "event" => described("The kind of object, or an own event, and the object's key.", json!({ "enum": events })),
        "action" => described("What happened.", json!({ "type": "string" })),
        "origin" => described("How linkhook came to know.", json!({ "enum": Origin::ALL.map(Origin::name) })),
        "severity" => described("How much it matters, in syslog's words.", json!({ "enum": Severity::NAMES })),
        "cause" => described("The number of the line that led to it.", positive()),
        "ifname" => described("The one interface that it concerns.", json!({ "type": "string" })),
        "ifindex" => described("That interface's index.", positive()),
        "signals" => described(
            "What the change means, the most telling first.",
            json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } }),
        ),
        "changed" => described(
            "Each field that differs, by its dotted path within the object.",
            json!({ "type": "object", "minProperties": 1, "additionalProperties": reference(DIFFERENCE) }),
        ),
        SETTLED => described(
            "For how many changes, in what time, the line stands.",
            json!({
                "type": "object",
                "required": ["count", "for"],
                "properties": {
                    "count": positive(),
                    "for": { "type": "string", "pattern": r"^[0-9]+\.[0-9]s$" },
                },
            }),
        ),
        "actor" => described(
            "Who made the change.",
            json!({
                "type": "object",
                "required": ["port"],
                "properties": {
                    "port": { "type": "integer", "minimum": 0 },
                    "pid": { "type": "integer", "minimum": 0 },
                    "comm": { "type": "string" },
                },
                "dependentRequired": { "pid": ["comm"], "comm": ["pid"] },
            }),
        ),
        _ => json!({}),
    }
}

const DIFFERENCE: &str = "difference";
const UNKNOWN: &str = "unknown";

/// What every kind uses.
fn shared() -> [(&'static str, Value); 2] {
    let hex = hex();
    [
        (
            DIFFERENCE,
            json!({
                "description": "An old and a new value; a side is left out where the field was or is absent.",
                "type": "object",
                "anyOf": [{ "required": ["old"] }, { "required": ["new"] }],
            }),
        ),
        (
            UNKNOWN,
            json!({
                "description": "What linkhook does not know of the object, or could not decode, as it came.",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["hex"],
                    "properties": {
                        "attr": { "type": "integer", "minimum": 0, "maximum": u16::MAX },
                        "hex": hex,
                        "error": { "type": "string" },
                    },
                },
            }),
        ),
    ]
}

fn hex() -> Value {
    json!({ "type": "string", "pattern": "^([0-9a-f]{2})*$" })
}

fn integer(scalar: Scalar) -> Value {
    let (least, most) = match scalar {
        Scalar::U8 => (0, u64::from(u8::MAX)),
        Scalar::U16 | Scalar::U16Be => (0, u64::from(u16::MAX)),
        Scalar::U32 | Scalar::U32Be => (0, u64::from(u32::MAX)),
        Scalar::U64 | Scalar::U64Be => (0, u64::MAX),
        Scalar::I8 => (i8::MIN.into(), i8::MAX as u64),
        Scalar::I16 => (i16::MIN.into(), i16::MAX as u64),
        Scalar::I32 | Scalar::I32Be => (i32::MIN.into(), i32::MAX as u64),
        Scalar::I64 => (i64::MIN, i64::MAX as u64),
    };
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

/// The line of an event of linkhook's own; an event of several actions has keys by its action.
fn own_line(name: &str) -> Value {
    let rows: Vec<&&Own> = OWN_EVENTS.iter().filter(|own| own.name == name).collect();
    let row = |own: &Own| {
        json!({
            "description": own.about,
            "properties": {
                "action": { "const": own.action },
                "severity": { "const": own.severity.name() },
                name: own_object(own.keys),
            },
            "required": [name],
        })
    };
    if let [own] = rows[..] {
        return row(own);
    }
    let of_action =
        |own: &&&Own| json!({ "if": { "properties": { "action": { "const": own.action } } }, "then": row(own) });
    let actions: Vec<&str> = rows.iter().map(|own| own.action).collect();
    json!({
        "properties": { "action": { "enum": actions } },
        "allOf": rows.iter().map(of_action).collect::<Vec<Value>>(),
    })
}

fn own_object(keys: &[OwnKey]) -> Value {
    let properties = keys.iter().map(|(key, holds, about)| {
        let mut value = own_value(*holds);
        value["description"] = (*about).into();
        ((*key).to_owned(), value)
    });
    json!({ "type": "object", "properties": properties.collect::<Map<String, Value>>() })
}

fn own_value(holds: Holds) -> Value {
    match holds {
        Holds::Text => json!({ "type": "string" }),
        Holds::Time => time(),
        Holds::Duration => json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?s$" }),
        Holds::Number => json!({ "type": "number" }),
        Holds::NumberOrNull => json!({ "type": ["number", "null"] }),
        Holds::Bool => json!({ "type": "boolean" }),
        Holds::Null => json!({ "type": "null" }),
        Holds::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Holds::Numbers => json!({ "type": "array", "items": { "type": "number" } }),
        Holds::Object(keys) => own_object(keys),
        Holds::Objects(keys) => json!({ "type": "array", "items": own_object(keys) }),
    }
}

/// The definitions, and the objects that have one by the tables that they are made of.
#[derive(Default)]
struct Definitions {
    all: Map<Name, Value>,
    objects: HashMap<Vec<(usize, usize)>, Name>,
}

impl Definitions {
    /// A kind's line, with its object.
    fn line(&mut self, kind: &'static Kind) -> Value {
        let sources = [Source::Fields(kind.header.fields), Source::Set(kind.set)];
        let members = members_of(&sources);
        let object = self.object_of(&members, kind.name);
        let mut differences = Map::new();
        self.differences(&members, "", kind.name, &mut vec![Source::key(&sources)], &mut differences);
        let signals: Vec<&str> = SIGNALS
            .iter()
            .filter(|signal| signal.kinds.split(", ").any(|of| of == kind.name))
            .map(|signal| signal.name)
            .collect();
        let signals = if signals.is_empty() { Value::Bool(false) } else { json!({ "items": { "enum": signals } }) };
        // Of an event without state there is nothing that it could differ from, unless the kernel says so.
        let has_change = kind.identity.is_some() || kind.hooks.action.is_some();
        let actions = Action::ALL.into_iter().filter(|action| has_change || *action != Action::Change);
        let origins = Origin::ALL.into_iter().filter(|origin| *origin != Origin::Linkhook);
        json!({
            "description": format!("An event of the kind {}: {}.", kind.name, kind.about),
            "properties": {
                "action": { "enum": actions.map(Action::name).collect::<Vec<&str>>() },
                "origin": { "enum": origins.map(Origin::name).collect::<Vec<&str>>() },
                "signals": signals,
                "changed": { "properties": differences },
                kind.name: object,
            },
            "required": [kind.name],
        })
    }

    /// An object with these members.
    fn object_of(&mut self, members: &Members, path: &str) -> Value {
        // Beside others it could bind a key that comes later.
        let is_open = members.iter().all(|member| member.key == ANY);
        let mut properties = Map::new();
        let mut others = None;
        for Member { key, of, .. } in members.iter() {
            if key != ANY {
                properties.insert(key.clone(), self.value(of, &format!("{path}.{key}")));
            } else if is_open {
                others = Some(self.value(of, path));
            }
        }
        properties.entry(UNKNOWN).or_insert_with(|| reference(UNKNOWN));
        match others {
            None => json!({ "type": "object", "properties": properties }),
            Some(others) => json!({ "type": "object", "properties": properties, "additionalProperties": others }),
        }
    }

    /// A reference to the object that is made of these tables; `path` is where it stands.
    fn object(&mut self, sources: &[Source], path: &str) -> Value {
        let key = Source::key(sources);
        if let Some(name) = self.objects.get(&key) {
            return reference(name);
        }
        let name = self.free_name(path);
        self.objects.insert(key, name.clone());
        // Its place is taken before what is in it: that may be it again.
        self.all.insert(name.clone(), Value::Null);
        let object = self.object_of(&members_of(sources), path);
        self.all.insert(name.clone(), object);
        reference(&name)
    }

    fn free_name(&self, path: &str) -> Name {
        let good = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
        let path: Name = path.chars().map(good).collect();
        let mut name = path.clone();
        for number in 2.. {
            if !self.all.contains_key(&name) {
                break;
            }
            name = format!("{path}-{number}");
        }
        name
    }

    /// What may stand behind a key.
    fn value(&mut self, of: &[Of], path: &str) -> Value {
        let Values { plain, objects, lists } = Values::of(of);
        let mut plain = schemas(&plain);
        if let Some(items) = lists {
            let items = self.value(&items, path);
            plain.push(json!({ "type": "array", "items": items }));
        }
        if !objects.is_empty() {
            plain.push(self.object(&objects, path));
        }
        match plain.len() {
            1 => plain.remove(0),
            0 => json!({}),
            _ => json!({ "anyOf": plain }),
        }
    }

    /// What `changed` may hold of an object: each of its fields by its dotted path, and each object as a whole, which comes
    /// or goes. `within` are the objects around it: one that holds itself is gone into once.
    fn differences(
        &mut self,
        members: &Members,
        prefix: &str,
        kind: &str,
        within: &mut Vec<Vec<(usize, usize)>>,
        out: &mut Map<String, Value>,
    ) {
        for Member { key, of, .. } in members.iter().filter(|member| member.key != ANY) {
            let path = format!("{prefix}{key}");
            let Values { plain, objects, lists } = Values::of(of);
            let mut sides: Vec<Value> = types_of(&schemas(&plain), lists.is_some());
            if !objects.is_empty() {
                sides.push(self.object(&objects, &format!("{kind}.{path}")));
            }
            out.insert(path.clone(), self.difference(sides));
            let key = Source::key(&objects);
            if !objects.is_empty() && !within.contains(&key) {
                within.push(key);
                self.differences(&members_of(&objects), &format!("{path}."), kind, within, out);
                within.pop();
            }
        }
    }

    /// A difference of which each side is one of these; one definition serves all of the same type.
    fn difference(&mut self, mut sides: Vec<Value>) -> Value {
        if sides.is_empty() {
            return reference(DIFFERENCE);
        }
        let named = match &sides[..] {
            [one] => one["type"].as_str().map(|name| format!("{DIFFERENCE}_of_{name}")),
            _ => None,
        };
        let side = if sides.len() == 1 { sides.remove(0) } else { json!({ "anyOf": sides }) };
        let difference = json!({ "$ref": format!("#/$defs/{DIFFERENCE}"), "properties": { "old": side, "new": side } });
        let Some(name) = named else { return difference };
        self.all.entry(name.clone()).or_insert(difference);
        reference(&name)
    }
}

/// The types alone, each once. A whole number is a number here.
fn types_of(plain: &[Value], lists: bool) -> Vec<Value> {
    let name = |value: &Value| match value["type"].as_str() {
        Some("integer") => "number",
        Some("boolean") => "boolean",
        Some("number") => "number",
        _ => "string",
    };
    let mut names: Vec<&str> = plain.iter().map(name).chain(lists.then_some("array")).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| json!({ "type": name })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::own;

    fn whole() -> Value {
        schema(&KindIndex::all().collect::<Vec<_>>(), &own::names().collect::<Vec<_>>())
    }

    /// Every reference within a schema.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn each_reference_leads_to_a_definition_and_each_is_used() {
        let schema = whole();
        let definitions = schema["$defs"].as_object().unwrap();
        let mut used = Vec::new();
        references(&schema, &mut used);
        used.sort();
        used.dedup();
        let names: Vec<&str> = used.iter().map(|used| used.strip_prefix("#/$defs/").unwrap()).collect();
        assert!(names.iter().all(|name| definitions.contains_key(*name)), "{names:?}");
        let unused: Vec<&String> = definitions.keys().filter(|name| !names.contains(&name.as_str())).collect();
        assert!(unused.is_empty(), "{unused:?}");
        assert!(definitions.values().all(Value::is_object));
    }

    #[test]
    fn each_key_of_a_line_is_described() {
        let schema = whole();
        for key in KEYS {
            assert!(schema["properties"][key]["description"].is_string(), "{key}");
        }
    }

    #[test]
    fn only_what_is_named_is_in_it() {
        let link = KindIndex::named("link").unwrap();
        let schema = schema(&[link], &["output"]);
        assert_eq!(schema["properties"]["event"]["enum"], json!(["link", "output"]));
        assert!(schema["$defs"]["route"].is_null() && schema["$defs"]["link"].is_object());
        assert_eq!(schema["$defs"]["output"]["properties"]["action"]["enum"], json!(["dropped", "recovered", "test"]));
    }

    #[test]
    fn a_value_that_is_chosen_has_the_keys_of_all_choices() {
        let schema = whole();
        let at = |value: &Value, key: &str| {
            let value = &value["properties"][key];
            match value["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
                Some(name) => schema["$defs"][name].clone(),
                None => value.clone(),
            }
        };
        let data = at(&at(&at(&schema["$defs"]["link"], "link"), "linkinfo"), "info_data");
        // A bridge's, a TUN device's, and the number of a VLAN or a VXLAN.
        assert_eq!(
            (&at(&data, "ageing_time")["type"], &at(&data, "pi")["type"]),
            (&json!("integer"), &json!("boolean"))
        );
        assert_eq!(at(&data, "id")["anyOf"].as_array().map(Vec::len), Some(2));
        let changed = &schema["$defs"]["link"]["properties"]["changed"]["properties"];
        assert_eq!(changed["mtu"], reference("difference_of_number"));
        assert_eq!(changed["linkinfo.info_kind"], reference("difference_of_string"));
        assert_eq!(changed["flags"], reference("difference_of_array"));
    }
}
