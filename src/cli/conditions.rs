//! What `linkhook wait` waits for: words for what is so, held against lines as they come. Pure.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::filter::globs::Globs;
use crate::line::texts;
use crate::words;

/// A word for something that is so or is not.
#[derive(Debug)]
pub struct Word {
    /// As it is typed.
    pub name: &'static str,
    /// What stands behind it.
    pub object: Object,
    /// The kinds that tell of it.
    kinds: &'static [&'static str],
    /// What is so then.
    pub about: &'static str,
    holds: Holds,
}

/// What stands behind a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// An interface's name, or a pattern.
    Interface,
    /// An IP address.
    Address,
    /// Nothing.
    None,
}

/// How a word is held against objects.
#[derive(Clone, Copy, Debug)]
enum Holds {
    /// While there is an object of which the function says so.
    Any(fn(&Value) -> bool),
    /// While there is none, once everything that existed is known.
    NoLink,
}

/// All words.
pub static WORDS: &[Word] = &[
    Word {
        name: "link-up",
        object: Object::Interface,
        kinds: &["link"],
        about: "the interface is up and running: it has a carrier",
        holds: Holds::Any(is_running),
    },
    Word {
        name: "addr",
        object: Object::Interface,
        kinds: &["link", "addr"],
        about: "it has a global address, not tentative",
        holds: Holds::Any(is_global),
    },
    Word {
        name: "addr4",
        object: Object::Interface,
        kinds: &["link", "addr"],
        about: "it has a global IPv4 address",
        holds: Holds::Any(|address| is_global(address) && address["family"] == "inet"),
    },
    Word {
        name: "addr6",
        object: Object::Interface,
        kinds: &["link", "addr"],
        about: "it has a global IPv6 address, not tentative",
        holds: Holds::Any(|address| is_global(address) && address["family"] == "inet6"),
    },
    Word {
        name: "default-route",
        object: Object::None,
        kinds: &["route"],
        about: "there is a default route in the table main (-4, -6: of that family), with a leg that works",
        holds: Holds::Any(is_default_route),
    },
    Word {
        name: "gone",
        object: Object::Interface,
        kinds: &["link"],
        about: "there is no such interface",
        holds: Holds::NoLink,
    },
    Word {
        name: "neigh",
        object: Object::Address,
        kinds: &["neigh"],
        about: "the neighbour's link-layer address is known",
        holds: Holds::Any(is_resolved),
    },
];

fn has(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|found| found == word))
}

/// `ip` prints NO-CARRIER for what is up and not running (IFF_RUNNING).
fn is_running(link: &Value) -> bool {
    has(&link["flags"], "UP") && !has(&link["flags"], "NO-CARRIER")
}

fn is_global(address: &Value) -> bool {
    address["scope_id"] == 0 && !["tentative", "dadfailed"].iter().any(|flag| address[flag] == true)
}

fn is_default_route(route: &Value) -> bool {
    let works = |way: &Value| !has(&way["flags"], "dead") && !has(&way["flags"], "linkdown");
    let legs = route["nexthops"].as_array().filter(|legs| !legs.is_empty());
    route["dst"] == "default"
        && route["type"] == "unicast"
        && route["table_id"] == 254
        && legs.map_or_else(|| works(route), |legs| legs.iter().any(works))
}

fn is_resolved(neighbour: &Value) -> bool {
    const USELESS: [&str; 2] = ["INCOMPLETE", "FAILED"];
    neighbour.get("lladdr").is_some() && !USELESS.iter().any(|state| has(&neighbour["state"], state))
}

/// A word with what stands behind it, and what is known of it so far.
#[derive(Debug)]
pub struct Condition {
    word: &'static Word,
    /// As it was typed.
    typed: String,
    interfaces: Globs,
    address: Option<IpAddr>,
    /// The objects for which it is so; of [`Holds::NoLink`] those that are there.
    holding: HashSet<String>,
}

impl Condition {
    fn new(word: &'static Word, object: Option<&str>) -> Result<Condition> {
        let mut typed = word.name.to_owned();
        object.iter().for_each(|object| typed += &format!(" {object}"));
        let wrong =
            |what: &str| Error::usage(format_args!("'{}' wants {what} behind it: {}", word.name, example(word)));
        let mut condition =
            Condition { word, typed, interfaces: Globs::default(), address: None, holding: HashSet::new() };
        match (word.object, object) {
            (Object::None, _) => {}
            (Object::Interface, Some(name)) => condition.interfaces = Globs::new(&[name.to_owned()])?,
            (Object::Interface, None) => return Err(wrong("an interface's name")),
            (Object::Address, object) => {
                condition.address =
                    Some(object.and_then(|address| address.parse().ok()).ok_or_else(|| wrong("an IP address"))?);
            }
        }
        Ok(condition)
    }

    /// Takes in a line's object.
    fn observe(&mut self, event: &Value, object: &Value, names: &[&[u8]]) {
        let kind = event["event"].as_str().unwrap_or_default();
        if !self.word.kinds.contains(&kind) {
            return;
        }
        let fits = match self.address {
            Some(address) => object["dst"].as_str().and_then(|dst| dst.parse().ok()) == Some(address),
            None => self.interfaces.is_empty() || self.interfaces.accept_any(names.iter().copied()),
        };
        let is_there = event["action"] != "remove";
        let netns = event["netns"].as_str().unwrap_or_default();
        match (kind, self.word.holds) {
            // One default route may take another's place: what counts is the last one of the family that goes.
            ("route", Holds::Any(holds)) => {
                let family = format!("{netns} {}", object["family"]);
                if has(&event["signals"], "default_lost") {
                    self.holding.remove(&family);
                } else if is_there && holds(object) {
                    self.holding.insert(family);
                }
            }
            // Of an interface's addresses: their link is there for its names alone, and takes them with it.
            ("link", Holds::Any(_)) if self.word.kinds.len() > 1 => {
                if !is_there {
                    let prefix = format!("{netns} {} ", event["ifindex"]);
                    self.holding.retain(|key| !key.starts_with(&prefix));
                }
            }
            (_, holds) => {
                // A link by its index, an address or a neighbour by its own words behind it.
                let words = ["local", "prefixlen", "dst"].map(|key| object[key].to_string()).join(" ");
                let key = format!("{netns} {} {words}", event["ifindex"]);
                let holds = is_there
                    && fits
                    && match holds {
                        Holds::Any(holds) => holds(object),
                        Holds::NoLink => true,
                    };
                if holds {
                    self.holding.insert(key);
                } else {
                    self.holding.remove(&key);
                }
            }
        }
    }

    fn holds(&self, is_complete: bool) -> bool {
        match self.word.holds {
            Holds::Any(_) => !self.holding.is_empty(),
            Holds::NoLink => is_complete && self.holding.is_empty(),
        }
    }
}

fn example(word: &Word) -> &'static str {
    match word.object {
        Object::Interface => "linkhook wait link-up eth0",
        Object::Address => "linkhook wait neigh 192.0.2.1",
        Object::None => "linkhook wait default-route",
    }
}

/// Whether one is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enough {
    /// One of them.
    Any,
    /// All of them at one moment.
    All,
}

/// What is waited for.
#[derive(Debug)]
pub struct Conditions {
    all: Vec<Condition>,
    enough: Enough,
    /// Everything that existed is known.
    is_complete: bool,
    /// The names of interfaces by namespace and index.
    names: HashMap<String, Vec<String>>,
}

impl Conditions {
    /// Reads words with their objects. `None` where what is typed is not of words: kinds.
    pub fn read(typed: &[String], enough: Enough) -> Result<Option<Conditions>> {
        let mut all = Vec::new();
        let mut rest = typed.iter().peekable();
        while let Some(name) = rest.next() {
            let word = WORDS.iter().find(|word| word.name == name);
            let kind = words::named(std::slice::from_ref(name)).is_ok();
            let object = rest.peek().filter(|next| !(kind && is_word_or_kind(next))).map(|next| next.as_str());
            match word {
                // A kind's name is a word where something else stands behind it.
                Some(word) if !kind || object.is_some() => {
                    let object = object.filter(|_| word.object != Object::None);
                    all.push(Condition::new(word, object)?);
                    if object.is_some() {
                        rest.next();
                    }
                }
                _ if all.is_empty() => return Ok(None),
                _ => {
                    let names: Vec<&str> = WORDS.iter().map(|word| word.name).collect();
                    return Err(Error::usage(format_args!(
                        "'{name}' does not go with '{}': beside words for what is so, only such words may stand: {}; \
                         wait for kinds or a jq expression by themselves",
                        all[0].typed,
                        names.join(", ")
                    )));
                }
            }
        }
        if all.is_empty() {
            return Ok(None);
        }
        Ok(Some(Conditions { all, enough, is_complete: false, names: HashMap::new() }))
    }

    /// The kinds that tell of them.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<&str> = self.all.iter().flat_map(|condition| condition.word.kinds).copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.into_iter().map(str::to_owned).collect()
    }

    /// Takes in a line, and says whether it is so now.
    pub fn observe(&mut self, event: &Value) -> bool {
        let name = event["event"].as_str().unwrap_or_default();
        if name == "ready" {
            self.is_complete = true;
            return self.hold();
        }
        let object = &event[name];
        let key = format!("{} {}", event["netns"], event["ifindex"]);
        if name == "link" {
            let names = ["ifname", "altnames"].iter().flat_map(|key| texts(&object[key])).collect();
            self.names.insert(key.clone(), names);
        }
        let own = event["ifname"].as_str().into_iter();
        let names: Vec<&[u8]> = match self.names.get(&key) {
            Some(names) => names.iter().map(String::as_bytes).collect(),
            None => own.map(str::as_bytes).collect(),
        };
        self.all.iter_mut().for_each(|condition| condition.observe(event, object, &names));
        self.hold()
    }

    fn hold(&self) -> bool {
        let mut each = self.all.iter().map(|condition| condition.holds(self.is_complete));
        match self.enough {
            Enough::Any => each.any(|holds| holds),
            Enough::All => each.all(|holds| holds),
        }
    }

    /// Those that are not so, in words: "link-up eth0, addr6 eth0".
    pub fn missing(&self) -> String {
        let missing = self.all.iter().filter(|condition| !condition.holds(self.is_complete));
        missing.map(|condition| condition.typed.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn is_word_or_kind(text: &str) -> bool {
    WORDS.iter().any(|word| word.name == text)
        || words::all_names().any(|name| name == text)
        || words::named(&text.split(',').map(str::to_owned).collect::<Vec<_>>()).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conditions(typed: &[&str], enough: Enough) -> Conditions {
        let typed: Vec<String> = typed.iter().map(ToString::to_string).collect();
        Conditions::read(&typed, enough).unwrap().unwrap()
    }

    fn link(action: &str, ifindex: u32, name: &str, flags: &[&str]) -> Value {
        json!({"event": "link", "action": action, "ifname": name, "ifindex": ifindex,
            "link": {"ifname": name, "flags": flags, "altnames": [format!("alt-{name}")]}})
    }

    fn address(action: &str, ifindex: u32, local: &str, flags: Value) -> Value {
        let family = if local.contains(':') { "inet6" } else { "inet" };
        let scope = if local.starts_with("fe80") { 253 } else { 0 };
        let mut object = json!({"family": family, "local": local, "prefixlen": 64, "scope_id": scope});
        object.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
        json!({"event": "addr", "action": action, "ifname": "eth0", "ifindex": ifindex, "addr": object})
    }

    #[test]
    fn a_kinds_name_is_a_word_where_an_object_stands_behind_it() {
        let read = |typed: &[&str]| {
            let typed: Vec<String> = typed.iter().map(ToString::to_string).collect();
            Conditions::read(&typed, Enough::All).map(|read| read.map(|read| read.all.len()))
        };
        assert_eq!(read(&["addr", "eth0"]).unwrap(), Some(1));
        assert_eq!(read(&["addr"]).unwrap(), None);
        assert_eq!(read(&["addr", "route"]).unwrap(), None);
        assert_eq!(read(&["neigh", "192.0.2.1", "default-route", "link-up", "eth0"]).unwrap(), Some(3));
        for (wrong, words) in [
            (&["link-up"][..], "wants an interface's name"),
            (&["neigh", "eth0"], "wants an IP address"),
            (&["link-up", "eth0", "route"], "'route' does not go with 'link-up eth0'"),
            (&["gone", "eth["], "'eth['"),
        ] {
            let told = read(wrong).unwrap_err();
            assert!(told.status() == 2 && told.to_string().contains(words), "{told}");
        }
    }

    #[test]
    fn a_link_is_up_once_it_runs() {
        let mut up = conditions(&["link-up", "eth*"], Enough::All);
        assert!(!up.observe(&link("present", 3, "eth0", &["BROADCAST"])));
        assert!(!up.observe(&link("change", 3, "eth0", &["UP", "NO-CARRIER"])));
        assert!(!up.observe(&link("present", 4, "wlan0", &["UP", "LOWER_UP"])));
        assert!(!up.observe(&link("remove", 5, "eth1", &["UP", "LOWER_UP"])));
        assert_eq!(up.missing(), "link-up eth*");
        assert!(up.observe(&link("change", 3, "eth0", &["UP", "LOWER_UP"])));
        assert!(!up.observe(&link("change", 3, "wan0", &["UP", "LOWER_UP"])), "it has another name now");
        assert!(conditions(&["link-up", "alt-eth0"], Enough::All).observe(&link("add", 3, "eth0", &["UP"])));
    }

    #[test]
    fn an_address_counts_once_it_can_be_used() {
        let mut six = conditions(&["addr6", "alt-eth0"], Enough::All);
        assert!(!six.observe(&link("present", 3, "eth0", &["UP"])));
        assert!(!six.observe(&address("add", 3, "192.0.2.1", json!({}))));
        assert!(!six.observe(&address("add", 3, "fe80::1", json!({}))));
        assert!(!six.observe(&address("add", 3, "2001:db8::1", json!({"tentative": true}))));
        assert!(!six.observe(&address("add", 4, "2001:db8::1", json!({}))), "another interface's");
        assert!(six.observe(&address("change", 3, "2001:db8::1", json!({}))));
        assert!(!six.observe(&link("remove", 3, "eth0", &[])), "its link has gone");
        assert!(conditions(&["addr", "eth0"], Enough::All).observe(&address("present", 3, "192.0.2.1", json!({}))));
        assert!(!conditions(&["addr", "eth0"], Enough::All).observe(&address("remove", 3, "192.0.2.1", json!({}))));
    }

    #[test]
    fn a_default_route_must_have_a_leg_that_works() {
        let route = |action: &str, signals: &[&str], route: Value| {
            let mut object =
                json!({"family": "inet", "type": "unicast", "dst": "default", "table_id": 254, "flags": []});
            object.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
            json!({"event": "route", "action": action, "signals": signals, "route": object})
        };
        let holds = |event: &Value| conditions(&["default-route"], Enough::All).observe(event);
        assert!(holds(&route("present", &[], json!({}))));
        assert!(!holds(&route("present", &[], json!({"flags": ["linkdown"]}))));
        assert!(!holds(&route("present", &[], json!({"table_id": 7}))));
        assert!(!holds(&route("present", &[], json!({"type": "unreachable"}))));
        let legs = |flags: [&str; 2]| json!({"nexthops": flags.map(|flag| json!({"flags": [flag]}))});
        assert!(
            holds(&route("add", &[], legs(["dead", ""]))) && !holds(&route("add", &[], legs(["dead", "linkdown"])))
        );
        let mut both = conditions(&["default-route", "link-up", "eth0"], Enough::All);
        assert!(!both.observe(&route("add", &["default_route", "default_back"], json!({}))));
        assert!(!both.observe(&route("remove", &["default_lost"], json!({}))));
        assert!(!both.observe(&link("add", 3, "eth0", &["UP"])), "the route has gone again");
        assert!(both.observe(&route("add", &[], json!({}))));
    }

    #[test]
    fn what_is_gone_is_known_once_all_is_known() {
        let ready = json!({"event": "ready", "action": "synced"});
        assert!(conditions(&["gone", "eth0"], Enough::All).observe(&ready));
        let mut gone = conditions(&["gone", "eth0"], Enough::All);
        assert!(!gone.observe(&link("present", 3, "eth0", &[])) && !gone.observe(&ready));
        assert!(!gone.observe(&link("change", 3, "eth0", &["UP"])));
        assert!(gone.observe(&link("change", 3, "wan0", &["UP"])), "it has another name now");
        assert!(!gone.observe(&link("change", 3, "eth0", &["UP"])) && gone.observe(&link("remove", 3, "eth0", &[])));
        let mut any = conditions(&["gone", "eth0", "gone", "eth1"], Enough::Any);
        assert!(!any.observe(&link("present", 3, "eth0", &[])) && any.observe(&ready));
        assert_eq!(any.missing(), "gone eth0");
    }

    #[test]
    fn a_neighbour_counts_once_it_is_resolved() {
        let neighbour = |state: &str, lladdr: Value| json!({"event": "neigh", "action": "change", "ifindex": 3, "neigh": {"dst": "2001:db8::1", "state": [state], "lladdr": lladdr}});
        let holds = |event: &Value| conditions(&["neigh", "2001:DB8:0::1"], Enough::All).observe(event);
        assert!(holds(&neighbour("REACHABLE", json!("02:00:00:00:00:01"))));
        assert!(!holds(&neighbour("FAILED", json!("02:00:00:00:00:01"))));
        let mut unresolved = neighbour("INCOMPLETE", Value::Null);
        unresolved["neigh"].as_object_mut().unwrap().remove("lladdr");
        assert!(!holds(&unresolved));
        let other = json!({"event": "neigh", "action": "add", "neigh": {"dst": "2001:db8::2", "state": ["STALE"], "lladdr": "02:00:00:00:00:01"}});
        assert!(!holds(&other));
        // Another one on the same interface says nothing of it.
        let mut both = conditions(&["neigh", "2001:db8::1", "link-up", "eth0"], Enough::All);
        assert!(!both.observe(&neighbour("REACHABLE", json!("02:00:00:00:00:01"))));
        let mut beside = neighbour("STALE", json!("02:00:00:00:00:09"));
        beside["neigh"]["dst"] = "2001:db8::9".into();
        assert!(!both.observe(&beside) && both.observe(&link("add", 3, "eth0", &["UP"])));
    }
}
