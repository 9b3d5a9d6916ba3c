//! What is told, and how: the arguments that several commands share.

use std::io::IsTerminal;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::event::{Action, OWN_EVENTS};
use crate::filter::Filter;
use crate::filter::globs::Globs;
use crate::filter::jq::Jq;
use crate::kinds::{KINDS, KindIndex};
use crate::mirror::signals::{SIGNALS, Signals};
use crate::netns::{Name, Wanted};
use crate::output::Format;
use crate::stream::Options;

/// Families that product.md names and this build does not have.
const OTHER_FAMILIES: &[&str] = &["uevent", "conntrack", "nft", "xfrm", "genl"];
/// Own events that come whatever is named.
const ALWAYS_TOLD: &[&str] = &["overrun", "resync", "undecoded", "output", "netns"];

/// Which events, and how they are written.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Kinds of objects, such as link, addr or route; all when none is named
    #[arg(value_name = "KIND")]
    kinds: Vec<String>,
    /// Only objects of an address family
    #[arg(long, value_name = "FAMILY", value_parser = ["inet", "inet6", "mpls", "bridge"])]
    family: Vec<String>,
    /// The same as --family inet
    #[arg(short = '4')]
    ipv4: bool,
    /// The same as --family inet6
    #[arg(short = '6')]
    ipv6: bool,
    /// Only what concerns an interface: a name or a pattern such as 'eth*'; '!veth*' leaves out
    #[arg(short, long, value_name = "PATTERN", value_delimiter = ',')]
    interface: Vec<String>,
    /// Only these actions: add, change, remove, present
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// Only events with one of these signals, such as carrier_lost
    #[arg(long, value_name = "SIGNAL", value_delimiter = ',')]
    signal: Vec<String>,
    /// Only events for which a jq expression gives something else than null and false
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Stop after so many objects
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// How lines are written: json for programs, text for eyes
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = ["json", "text"])]
    format: String,
    /// Write to a file, at its end, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which network namespaces.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Namespaces {
    /// Another network namespace: a name in /run/netns or a path; several by repeating it
    #[arg(long, value_name = "NAME|PATH")]
    netns: Vec<String>,
    /// The own network namespace and all those in /run/netns, now and later
    #[arg(long, conflicts_with = "netns")]
    all_netns: bool,
}

impl Namespaces {
    /// What is wanted; linkhook's own where none is named.
    pub fn wanted(&self) -> Result<Wanted> {
        if self.all_netns {
            return Ok(Wanted::All);
        }
        if self.netns.is_empty() {
            return Ok(Wanted::Own);
        }
        self.netns.iter().map(|name| Name::new(name)).collect::<Result<_>>().map(Wanted::Named)
    }
}

impl Arguments {
    /// Checks them all: what is to be told. `hello` and `bye` come when no kind is named, or when they are.
    pub fn options(&self) -> Result<Options> {
        let Named { kinds, own } = named(&self.kinds)?;
        let actions = self.action.iter().map(|name| {
            let known = Action::ALL.iter().find(|action| action.name() == name).copied();
            known.ok_or_else(|| unknown("action", name, Action::ALL.iter().map(|action| action.name())))
        });
        let mut signals = Signals::NONE;
        for name in &self.signal {
            let known = Signals::by_name(name);
            let signal = known.ok_or_else(|| unknown("signal", name, SIGNALS.iter().map(|(name, ..)| *name)))?;
            signals = signals.with(signal);
        }
        let filter = Filter {
            kinds,
            families: self.families(),
            interfaces: Globs::new(&self.interface)?,
            actions: actions.collect::<Result<_>>()?,
            signals,
            jq: self.filter.as_deref().map(Jq::new).transpose()?,
        };
        let format = if self.format == "text" { Format::Text(self.colours()) } else { Format::Json };
        Ok(Options { filter, format, own, count: self.count, ..Options::default() })
    }

    fn families(&self) -> Vec<u8> {
        let mut families: Vec<u8> = self
            .family
            .iter()
            .flat_map(|name| match name.as_str() {
                // The other number is the family's multicast routing, `RTNL_FAMILY_IPMR` and `RTNL_FAMILY_IP6MR`.
                "inet" => &[2, 128][..],
                "inet6" => &[10, 129],
                "mpls" => &[28],
                _ => &[7],
            })
            .copied()
            .collect();
        if self.ipv4 {
            families.extend([2, 128]);
        }
        if self.ipv6 {
            families.extend([10, 129]);
        }
        families
    }

    fn colours(&self) -> bool {
        self.output.is_none()
            && std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
    }
}

struct Named {
    /// Which kinds are wanted; `None` for all.
    kinds: Option<Vec<bool>>,
    own: Vec<&'static str>,
}

/// Kinds and own events by their names. Where only own events are named that do not come anyway, no object is wanted.
fn named(names: &[String]) -> Result<Named> {
    let mut kinds = vec![false; KINDS.len()];
    let mut own = Vec::new();
    for name in names {
        if let Some(kind) = crate::kinds::by_name(name) {
            kinds[kind] = true;
        } else if let Some((event, ..)) = OWN_EVENTS.iter().find(|(event, ..)| event == name) {
            own.push(*event);
        } else if OTHER_FAMILIES.contains(&name.as_str()) {
            let told = format_args!("the kind '{name}' is of a netlink family that this build does not know");
            return Err(Error::usage(told));
        } else {
            let known = KINDS.iter().map(|kind| kind.name).chain(OWN_EVENTS.iter().map(|(event, ..)| *event));
            return Err(unknown("kind", name, known));
        }
    }
    let all = names.is_empty() || names.iter().all(|name| ALWAYS_TOLD.contains(&name.as_str()));
    if names.is_empty() {
        own = vec!["hello", "bye"];
    }
    Ok(Named { kinds: (!all).then_some(kinds), own })
}

/// The kinds of those names; all where none is named.
pub fn kinds_named(names: &[String]) -> Result<Vec<KindIndex>> {
    let kinds = named(names)?.kinds;
    Ok((0..KINDS.len()).filter(|&kind| kinds.as_ref().is_none_or(|kinds| kinds[kind])).collect())
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
