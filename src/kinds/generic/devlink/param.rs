//! Parameters of devices and of their ports.

use super::{BUS, BUS_ROW, DEV, DEV_ROW, INDEX_ROW, PORT_INDEX_ROW, also, dump, kind, push_port};
use crate::decode::context::Context;
use crate::decode::key::push;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Decoded, Hooks, Identity, Is, Kind, Names, ObjectKey, Part, Set, Shape, row};
use crate::decode::title::{detail, word};
use crate::decode::value::{any_unsigned, write_named};
use crate::json::Json;
use crate::kinds::generic::{DEVLINK, message};
use crate::netlink::wire::{attribute, attributes};

/// `DEVLINK_ATTR_PARAM`, and inside it `_NAME`, `_GENERIC` and `_TYPE`.
const PARAM: u16 = 80;
const NAME: u16 = 81;
const GENERIC: u16 = 82;
const TYPE: u16 = 83;
/// `DEVLINK_ATTR_PARAM_VALUE_DATA`, `_VALUE_CMODE` and `_VALUE_DEFAULT`.
const VALUE: u16 = 86;
const CONFIGURATION_MODE: u16 = 87;
const DEFAULT: u16 = 182;

/// `DEVLINK_CMD_PARAM_NEW` and `_DEL`, `DEVLINK_CMD_PORT_PARAM_NEW` and `_DEL`, and the kernel's answers to a dump of each.
pub static PARAMETER: Kind = {
    let kind = kind(
        (
            "devlink_param",
            "parameters of devices and of their ports",
            &[word("bus"), word("dev").joined("/"), word("port_index").joined("/"), word("name"), detail("type")],
        ),
        (40, 41, &[also(38), also(47), also(49), (message(DEVLINK, 50), true)]),
        &[dump(&[38, 1, 0, 0]), dump(&[47, 1, 0, 0])],
        &MESSAGE_SET,
        Identity { header: &[], attributes: &[BUS, DEV], members: &["bus", "dev", "port_index", "name"] },
    );
    Kind { hooks: Hooks { key: Some(write_key), ..kind.hooks }, ..kind }
};

fn write_key(key: &mut ObjectKey, _: &[u8], attributes: &[u8]) {
    push_port(key, attributes);
    push(key, attribute(attributes, PARAM).and_then(|param| attribute(param, NAME)));
}

static MESSAGE_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[BUS_ROW, DEV_ROW, PORT_INDEX_ROW, row(PARAM, "param", Is::Inline(&PARAM_SET)), INDEX_ROW],
);
static PARAM_SET: Set = Set::new(
    "DEVLINK_ATTR",
    &[
        row(NAME, "name", Is::Members(name, &[Part::text("name"), Part::text("type")])),
        row(GENERIC, "param_generic", Is::Elsewhere),
        row(TYPE, "param_type", Is::Named(U8, TYPES)),
        row(84, "values", Is::Value(values, VALUES)),
    ],
);

/// The name, and whether it is one that several drivers have.
fn name(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("name");
    out.text(payload);
    out.key("type");
    out.plain(if context.sibling(GENERIC).is_some() { "generic" } else { "driver-specific" });
    Ok(())
}

const VALUES: &Shape = &Shape::List(&Shape::Object(&[Part::text("cmode"), Part::text("value"), Part::text("default")]));

/// `DEVLINK_VAR_ATTR_TYPE_*`.
const TYPES: &Names =
    &[(1, "u8"), (2, "u16"), (3, "u32"), (4, "u64"), (STRING, "string"), (FLAG, "flag"), (NUL_STRING, "string")];
const U8_TO_U64: std::ops::RangeInclusive<u64> = 1..=4;
const STRING: u64 = 5;
/// Of this type a value is true where there is an attribute, and false where there is none.
const FLAG: u64 = 6;
const NUL_STRING: u64 = 10;

/// `DEVLINK_PARAM_CMODE_*`: when a value counts.
const CONFIGURATION_MODES: &Names = &[(0, "runtime"), (1, "driverinit"), (2, "permanent")];
/// Parameters that all drivers have whose numbers have names.
const NAMED: &[(&str, &Names)] = &[
    ("fw_load_policy", &[(0, "driver"), (1, "flash"), (2, "disk"), (3, "unknown")]),
    ("reset_dev_on_drv_probe", &[(0, "unknown"), (1, "always"), (2, "never"), (3, "disk")]),
];

/// The values, one for each time at which it may count. They are texts, and `param_type` says of what: a path has one type.
fn values(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let kind = context.sibling(TYPE).map(any_unsigned).transpose()?.unwrap_or_default();
    out.begin_list();
    for value in attributes(payload) {
        out.begin_object();
        if let Some(mode) = attribute(value.payload, CONFIGURATION_MODE) {
            out.key("cmode");
            write_named(out, CONFIGURATION_MODES, any_unsigned(mode)?);
        }
        for (key, number) in [("value", VALUE), ("default", DEFAULT)] {
            let data = attribute(value.payload, number);
            if kind == FLAG && number == VALUE {
                out.key(key);
                out.display(data.is_some());
            } else if let Some(data) = data {
                out.key(key);
                write_data(out, context, kind, data)?;
            }
        }
        out.end_object();
    }
    out.end_list();
    Ok(())
}

fn write_data(out: &mut Json, context: &Context<'_>, kind: u64, data: &[u8]) -> Decoded {
    let name = context.sibling(NAME).map(|name| name.strip_suffix(b"\0").unwrap_or(name));
    let is_named = |entry: &&(&str, &Names)| context.sibling(GENERIC).is_some() && Some(entry.0.as_bytes()) == name;
    let names = NAMED.iter().find(is_named).map_or(&[][..], |(_, names)| *names);
    match kind {
        STRING | NUL_STRING => out.text(data),
        FLAG => out.display(true),
        kind if U8_TO_U64.contains(&kind) => write_named(out, names, any_unsigned(data)?),
        _ => out.hex(data),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::context::NoLinks;
    use crate::decode::testing::nest;

    fn written(param: &[(u16, &[u8])]) -> String {
        let message = nest(&[(PARAM, &nest(param))]);
        let context = Context::new(&[], &message, &NoLinks);
        let (mut out, inside) = (Json::new(), nest(param));
        let values_of_it = attribute(&inside, 84).unwrap_or_default();
        values(&mut out, &context.inside(&inside), values_of_it).unwrap();
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_value_is_read_by_its_type() {
        let value = |data: &[(u16, &[u8])]| nest(&[(85, &nest(&[data, &[(CONFIGURATION_MODE, &[1])]].concat()))]);
        let flag = [FLAG as u8];
        assert_eq!(
            written(&[(TYPE, &flag), (84, &value(&[(VALUE, &[])]))]),
            r#"[{"cmode":"driverinit","value":"true"}]"#
        );
        assert_eq!(written(&[(TYPE, &flag), (84, &value(&[]))]), r#"[{"cmode":"driverinit","value":"false"}]"#);
        let text = value(&[(VALUE, b"abc\0"), (DEFAULT, b"d\0")]);
        assert_eq!(written(&[(TYPE, &[5]), (84, &text)]), r#"[{"cmode":"driverinit","value":"abc","default":"d"}]"#);
        let policy: &[(u16, &[u8])] =
            &[(NAME, b"fw_load_policy\0"), (GENERIC, &[]), (TYPE, &[1]), (84, &value(&[(VALUE, &[2])]))];
        assert_eq!(written(policy), r#"[{"cmode":"driverinit","value":"disk"}]"#);
        let number = value(&[(VALUE, &32_u32.to_ne_bytes())]);
        assert_eq!(written(&[(TYPE, &[3]), (84, &number)]), r#"[{"cmode":"driverinit","value":"32"}]"#);
    }
}
