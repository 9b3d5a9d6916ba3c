//! The words by which events are chosen, on the command line and in the configuration.

use crate::error::{Error, Result};
use crate::event::severity::Severity;
use crate::event::signals::{SIGNALS, Signals};
use crate::event::{Action, own};
use crate::kinds::{KINDS, KindIndex};

/// Families that product.md names and this build does not have.
const OTHER_FAMILIES: &[&str] = &["uevent", "conntrack", "nft", "xfrm", "genl"];

/// The address families that can be chosen.
pub const FAMILIES: [&str; 4] = ["inet", "inet6", "mpls", "bridge"];

/// The numbers (`AF_*`) of families of [`FAMILIES`].
pub fn families(names: &[String]) -> Vec<u8> {
    let numbers = names.iter().flat_map(|name| match name.as_str() {
        // The other number is the family's multicast routing, `RTNL_FAMILY_IPMR` and `RTNL_FAMILY_IP6MR`.
        "inet" => &[2, 128][..],
        "inet6" => &[10, 129],
        "mpls" => &[28],
        _ => &[7],
    });
    numbers.copied().collect()
}

/// The actions of those names.
pub fn actions(names: &[String]) -> Result<Vec<Action>> {
    let known = |name: &String| {
        let known = Action::ALL.iter().find(|action| action.name() == name).copied();
        known.ok_or_else(|| unknown("action", name, Action::ALL.iter().map(|action| action.name())))
    };
    names.iter().map(known).collect()
}

/// The signals of those names, together.
pub fn signals(names: &[String]) -> Result<Signals> {
    names.iter().try_fold(Signals::NONE, |signals, name| {
        let known = Signals::by_name(name);
        let signal = known.ok_or_else(|| unknown("signal", name, SIGNALS.iter().map(|signal| signal.name)))?;
        Ok(signals.with(signal))
    })
}

/// The severity of that name.
pub fn severity(name: &str) -> std::result::Result<Severity, String> {
    Severity::by_name(name).ok_or_else(|| unknown("severity", name, Severity::NAMES.into_iter()).to_string())
}

/// Kinds and own events that were named.
#[derive(Debug)]
pub struct Named {
    /// Which kinds are wanted; `None` for all.
    pub kinds: Option<Vec<bool>>,
    /// Of linkhook's own events those that are named; where nothing is, `hello` and `bye`.
    pub own: Vec<&'static str>,
}

/// Kinds and own events by their names. Where only own events are named that do not come anyway, no object is wanted.
pub fn named(names: &[String]) -> Result<Named> {
    let mut kinds = vec![false; KINDS.len()];
    let mut named = Vec::new();
    for name in names {
        if let Some(kind) = KindIndex::named(name) {
            kinds[kind.place()] = true;
        } else if let Some(event) = own::by_name(name) {
            named.push(event);
        } else if OTHER_FAMILIES.contains(&name.as_str()) {
            let told = format_args!("the kind '{name}' is of a netlink family that this build does not know");
            return Err(Error::usage(told));
        } else {
            let known = KINDS.iter().map(|kind| kind.name).chain(own::names());
            return Err(unknown("kind", name, known));
        }
    }
    let all = names.is_empty() || names.iter().all(|name| own::always_comes(name));
    if names.is_empty() {
        named = own::OWN_EVENTS.iter().filter(|own| !own.always).map(|own| own.name).collect();
    }
    Ok(Named { kinds: (!all).then_some(kinds), own: named })
}

/// The kinds of those names; all where none is named.
pub fn kinds_named(names: &[String]) -> Result<Vec<KindIndex>> {
    let kinds = named(names)?.kinds;
    Ok(KindIndex::all().filter(|kind| kinds.as_ref().is_none_or(|kinds| kinds[kind.place()])).collect())
}

/// "unknown kind 'rote'; did you mean 'route'?", or the list where nothing is near.
pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    match nearest(name, known.clone()) {
        Some(near) => Error::usage(format_args!("unknown {what} '{name}'; did you mean '{near}'?")),
        None => {
            let known: Vec<&str> = known.collect();
            Error::usage(format_args!("unknown {what} '{name}'; there are {}", known.join(", ")))
        }
    }
}

/// The known name that was probably meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const SIMILAR_ENOUGH: f64 = 0.7;
    known
        .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), known), known))
        .filter(|(similarity, _)| *similarity > SIMILAR_ENOUGH)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
