//! A line of linkhook's own that is read again: what filters look at.

use serde_json::Value;

use crate::decode::schema::Is;
use crate::event::Action;
use crate::event::severity::Severity;
use crate::event::signals::Signals;
use crate::filter::{Candidate, Name};
use crate::kinds::KindIndex;
use crate::kinds::rtnetlink::numbers::{RTNL_FAMILY_IP6MR, RTNL_FAMILY_IPMR};
use crate::words;

/// A line's event, as far as filters look at it.
#[derive(Debug)]
pub struct Line {
    event: Value,
    name: String,
    action: Option<Action>,
    signals: Signals,
    /// The names of each interface that it concerns.
    interfaces: Vec<Vec<String>>,
}

impl Line {
    /// Reads it, and ends it with a newline. The error says why it is none.
    pub fn parse(line: &mut Vec<u8>) -> Result<Line, String> {
        let event: Value = serde_json::from_slice(line).map_err(|error| format!("no line of JSON: {error}"))?;
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let (Some(name), Some(action)) = (text("event"), text("action")) else {
            return Err("not a line of linkhook's: it has no event or no action".into());
        };
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        let signals = event.get("signals").and_then(Value::as_array).into_iter().flatten();
        let signals = signals.filter_map(|signal| Signals::by_name(signal.as_str()?));
        Ok(Line {
            action: Action::ALL.into_iter().find(|known| known.name() == action),
            signals: signals.fold(Signals::NONE, Signals::with),
            interfaces: interfaces(&event, name),
            name: name.to_owned(),
            event,
        })
    }

    /// Its name, where it is an event of linkhook's own.
    pub fn own(&self) -> Option<&'static str> {
        crate::event::own::by_name(&self.name)
    }

    /// The names of all interfaces that it concerns.
    pub fn names(&self) -> Vec<Name<'_>> {
        let each = self.interfaces.iter().enumerate();
        each.flat_map(|(interface, names)| names.iter().map(move |name| Name { interface, name: name.as_bytes() }))
            .collect()
    }

    /// What the cheap tests of a filter look at; `interfaces` are its names.
    pub fn candidate<'l>(&'l self, interfaces: &'l [Name<'l>]) -> Candidate<'l> {
        let object = &self.event[&self.name];
        let kind = KindIndex::named(&self.name);
        let of_kind = || kind.and_then(|kind| kind.table().families.first().copied());
        // The same word is another number elsewhere: nf_tables calls both of IP's families inet.
        let of_header = |family: &str| {
            let Is::Named(_, names) = kind?.table().header.fields.first()?.is else { return None };
            names.iter().find(|(_, name)| *name == family).map(|(number, _)| *number as u8)
        };
        let family = object["family"].as_str().and_then(|family| match family {
            "ipmr" => Some(RTNL_FAMILY_IPMR),
            "ip6mr" => Some(RTNL_FAMILY_IP6MR),
            _ if words::FAMILIES.contains(&family) => {
                of_header(family).or_else(|| words::families(&[family.to_owned()]).first().copied())
            }
            _ => of_header(family),
        });
        Candidate {
            // One that this build does not know is told where no kind is named.
            kind: kind.map_or(usize::MAX, KindIndex::place),
            family: family.or_else(of_kind).unwrap_or_default(),
            action: self.action.unwrap_or(Action::Change),
            signals: self.signals,
            severity: self.event["severity"].as_str().and_then(Severity::by_name).unwrap_or_default(),
            table: object["table_id"].as_u64().and_then(|table| u32::try_from(table).ok()),
            netns: self.event["netns"].as_str(),
            interfaces,
        }
    }
}

/// The names of each interface that an event concerns: its own, those that its object names, those of a route's legs; of a
/// link its alternative names, too, and what it was called before.
fn interfaces(event: &Value, name: &str) -> Vec<Vec<String>> {
    let object = &event[name];
    let mut interfaces: Vec<Vec<String>> = if name == "link" {
        let now = ["ifname", "altnames"].map(|key| &object[key]);
        // A side is left out where the key was absent.
        let old = |key| event["changed"].get(key).map(|sides| &sides["old"]);
        let before = [old("ifname").unwrap_or(now[0]), old("altnames").unwrap_or(now[1])];
        [now, before].map(|values| values.into_iter().flat_map(texts).collect()).into()
    } else {
        let legs = object["nexthops"].as_array().into_iter().flatten().map(|leg| &leg["dev"]);
        let named = [&event["ifname"], &object["ifname"], &object["dev"]].into_iter().chain(legs);
        named.map(|name| texts(name).collect()).collect()
    };
    interfaces.retain(|names| !names.is_empty());
    interfaces
}

/// A text, or those of a list.
pub fn texts(value: &Value) -> impl Iterator<Item = String> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_filters_look_at() {
        let mut line = br#"{"event":"route","action":"change","netns":"blue","signals":["default_route"],
            "route":{"family":"inet6","table_id":77,"nexthops":[{"dev":"a"},{"dev":"b"}]}}"#
            .to_vec();
        let parsed = Line::parse(&mut line).unwrap();
        assert_eq!((line.last(), parsed.own()), (Some(&b'\n'), None));
        let names = parsed.names();
        let candidate = parsed.candidate(&names);
        assert_eq!((candidate.family, candidate.table, candidate.netns), (10, Some(77), Some("blue")));
        assert_eq!(candidate.action, Action::Change);
        assert_eq!(parsed.interfaces, [["a"], ["b"]]);
        assert_eq!(candidate.signals.names().collect::<Vec<_>>(), ["default_route"]);
        let renamed =
            br#"{"event":"link","action":"change","ifname":"wan0","changed":{"ifname":{"old":"eth0","new":"wan0"}},
            "link":{"ifname":"wan0","altnames":["enp3s0"]}}"#;
        let renamed = Line::parse(&mut renamed.to_vec()).unwrap();
        assert_eq!(renamed.interfaces, [["wan0", "enp3s0"], ["eth0", "enp3s0"]]);
        let own = Line::parse(&mut br#"{"event":"hello","action":"started"}"#.to_vec()).unwrap();
        assert_eq!(own.own(), Some("hello"));
        assert!(
            Line::parse(&mut br#"{"a":1}"#.to_vec()).is_err() && Line::parse(&mut b"{\"event\":".to_vec()).is_err()
        );
    }
}
