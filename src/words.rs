//! The words by which events are chosen, on the command line and in the configuration.

pub mod tables;

use std::fmt::Write;

use crate::decode::schema::{Interface, Kind};
use crate::error::{Error, Result};
use crate::event::severity::Severity;
use crate::event::signals::{SIGNALS, Signal, Signals};
use crate::event::{Action, own};
use crate::filter::Filter;
use crate::filter::globs::Globs;
use crate::kinds::{KINDS, KindIndex};

/// What the kernel has and linkhook does not follow: the name, and why.
const REFUSED: &[(&str, &str)] = &[
    ("audit", "auditd reads it better, and all but a few of its records are not about networking"),
    ("proc", "the process connector tells of every process that is made, and nothing about networking"),
    ("iscsi", "it is about storage"),
    ("scsitransport", "it is about storage"),
    ("firewall", "the kernel has not had it since 3.5; nflog and conntrack took its place"),
];

/// `ip`'s words for kinds: the whole word, how many of its letters say already which one is meant, and the kind. As `ip`
/// has it, `a` is an address and `r` a route, although other words begin so, too.
const IP_WORDS: &[(&str, usize, &str)] = &[
    ("link", 1, "link"),
    ("address", 1, "addr"),
    ("addrlabel", 5, "addrlabel"),
    ("route", 1, "route"),
    ("rule", 2, "rule"),
    ("neighbour", 1, "neigh"),
    ("neighbor", 1, "neigh"),
    ("nexthop", 3, "nexthop"),
    ("netconf", 4, "netconf"),
    ("ntable", 2, "neightbl"),
    ("maddress", 1, "maddr"),
    ("mroute", 2, "mroute"),
];

/// The address families that can be chosen.
pub const FAMILIES: [&str; 4] = ["inet", "inet6", "mpls", "bridge"];

/// The numbers (`AF_*`) of families of [`FAMILIES`].
pub fn families(names: &[String]) -> Vec<u8> {
    let numbers = names.iter().flat_map(|name| match name.as_str() {
        // The others are the family's multicast routing, `RTNL_FAMILY_IPMR` and `RTNL_FAMILY_IP6MR`, and tables of nf_tables that are
        // for both families, `NFPROTO_INET`.
        "inet" => &[2, 128, 1][..],
        "inet6" => &[10, 129, 1],
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
    /// Which kinds are wanted; `None` where none is named.
    pub kinds: Option<Vec<bool>>,
    /// Linkhook's own events that are named.
    pub own: Vec<&'static str>,
}

/// Kinds and own events by their names. Where only own events are named, no object is wanted.
pub fn named(names: &[String]) -> Result<Named> {
    let mut kinds = vec![false; KINDS.len()];
    let mut named = Vec::new();
    for name in names {
        // A word for several kinds may be the name of one of them, too.
        if let together @ [_, _, ..] = &kinds_of_word(name)[..] {
            together.iter().for_each(|kind| kinds[kind.place()] = true);
        } else if let Some(kind) = kind_named(name) {
            kinds[kind.place()] = true;
        } else if let Some(event) = own::by_name(name) {
            named.push(event);
        } else if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| refused == name) {
            return Err(Error::usage(format_args!("'{name}' is not followed: {why}")));
        } else if name.is_empty() {
            return Err(Error::usage("a kind's name is empty; remove it, or the comma that is too many"));
        } else if name.contains(',') {
            let each: Vec<String> = name.split(',').map(|name| format!("\"{}\"", name.trim())).collect();
            return Err(Error::usage(format_args!("'{name}' is no kind; write each by itself: {}", each.join(", "))));
        } else {
            return Err(unknown("kind", name, all_names()));
        }
    }
    Ok(Named { kinds: (!names.is_empty()).then_some(kinds), own: named })
}

/// Which events are chosen, in words. What is empty leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Kinds, words for several of them, and events of linkhook's own.
    pub kinds: Vec<String>,
    /// Address families, of [`FAMILIES`].
    pub families: Vec<String>,
    /// Patterns for names of interfaces.
    pub interfaces: Vec<String>,
    /// Patterns for names of network namespaces.
    pub netns: Vec<String>,
    /// Actions.
    pub actions: Vec<String>,
    /// Signals.
    pub signals: Vec<String>,
    /// How much an event must matter at least.
    pub severity: Option<Severity>,
    /// Routing tables.
    pub tables: Vec<String>,
    /// A jq expression, which is not looked at here.
    pub jq: Option<String>,
}

impl Choice {
    /// Checks the words. Gives back what they mean, and the events of linkhook's own that are named.
    pub fn filter(self) -> Result<(Filter, Vec<&'static str>)> {
        let Named { kinds, own } = named(&self.kinds)?;
        let filter = Filter {
            kinds,
            families: families(&self.families),
            interfaces: Globs::new(&self.interfaces)?,
            netns: Globs::new(&self.netns)?,
            actions: actions(&self.actions)?,
            signals: signals(&self.signals)?,
            severity: self.severity.unwrap_or(Severity::Debug),
            tables: self.tables.iter().map(|name| tables::by_name(name)).collect::<Result<_>>()?,
            jq: self.jq,
        };
        match never(&filter) {
            Some(why) => Err(Error::usage(format_args!("nothing would ever be told: {why}"))),
            None => Ok((filter, own)),
        }
    }
}

/// Of linkhook's own events that do not always come, those that a watch tells: those that are named; `hello` and `bye` where
/// nothing is narrowed, neither by kinds nor by a filter; `ready` behind what exists, where that is shown.
pub fn own_events(mut named: Vec<&'static str>, is_narrowed: bool, shows_what_exists: bool) -> Vec<&'static str> {
    if !is_narrowed {
        named.extend([own::HELLO.name, own::BYE.name]);
    }
    if shows_what_exists {
        named.push(own::READY.name);
    }
    named
}

/// Every name of a kind or of an event of linkhook's own.
pub fn all_names() -> impl Iterator<Item = &'static str> + Clone {
    KINDS.iter().map(|kind| kind.name).chain(own::names())
}

/// The kind of a name: its own, or `ip`'s word for it, which may be short.
fn kind_named(name: &str) -> Option<KindIndex> {
    KindIndex::named(name).or_else(|| {
        let means = |&&(word, least, _): &&(&str, usize, &str)| name.len() >= least && word.starts_with(name);
        IP_WORDS.iter().find(means).and_then(|&(_, _, kind)| KindIndex::named(kind))
    })
}

/// The keys that a line begins with, before its object.
const HEAD_KEYS: [&str; 15] = [
    "v", "ts", "seq", "host", "netns", "event", "action", "origin", "severity", "cause", "ifname", "ifindex",
    "signals", "changed", "actor",
];

/// Checks a key that lines are to show, a dotted path: whether any line may have it. `paths` gives those of a kind's object.
pub fn field(path: &str, paths: impl Fn(&'static Kind) -> Vec<String>) -> Result<()> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    if HEAD_KEYS.contains(&first) || own::by_name(first).is_some() {
        return Ok(());
    }
    let Some(kind) = KINDS.iter().find(|kind| kind.name == first) else {
        let known = HEAD_KEYS.into_iter().chain(KINDS.iter().map(|kind| kind.name)).chain(own::names());
        let Some(near) = nearest(first, known) else {
            return Err(Error::usage(format_args!(
                "no line has the key '{first}'; there are {}, and the object under its kind's name, such as link.mtu",
                HEAD_KEYS.join(", ")
            )));
        };
        let dot = if rest.is_empty() { "" } else { "." };
        return Err(Error::usage(format_args!("no line has the key '{first}'; did you mean '{near}{dot}{rest}'?")));
    };
    let known = paths(kind);
    let begins =
        |whole: &str, part: &str| whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let without_places = rest.split('.').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join(".");
    let rest = without_places.as_str();
    // A name from a file of iproute2 has its number beside it.
    let rest = rest.strip_suffix("_id").filter(|named| known.iter().any(|path| path == named)).unwrap_or(rest);
    // What a class's or an action's options say stands in the object itself, by its kind: any key may.
    let has_options_of_its_own = known.iter().filter(|path| begins(path, "options")).count() == 1;
    // Of a device's event, or of features, the kernel says what there is.
    let has_any_key = known.iter().any(|path| path == "*");
    if has_options_of_its_own || has_any_key {
        return Ok(());
    }
    if rest.is_empty() || known.iter().any(|path| begins(path, rest) || begins(rest, path)) {
        return Ok(());
    }
    let tip = match nearest(rest, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean '{first}.{near}'?"),
        None => format!("docs/events.md lists those of {first}"),
    };
    Err(Error::usage(format_args!("no {first} has the key '{rest}'; {tip}")))
}

/// What is wanted together and never comes together: why, or `None` where something may come. Linkhook's own events are not
/// chosen by any of it.
pub fn never(filter: &Filter) -> Option<String> {
    let Filter { families, signals, actions, tables, .. } = filter;
    let (kinds, signals) = (filter.kinds.as_deref(), *signals);
    let wanted = |kind: &KindIndex| kinds.is_none_or(|kinds| kinds[kind.place()]);
    let named: Vec<&str> = KindIndex::all().filter(wanted).map(|kind| kind.table().name).collect();
    if named.is_empty() {
        return None;
    }
    let fits = |kind: &KindIndex| {
        let of_kind = kind.table().families;
        families.is_empty() || of_kind.is_empty() || of_kind.iter().any(|family| families.contains(family))
    };
    if !KindIndex::all().filter(wanted).any(|kind| fits(&kind)) {
        return Some(format!("no object of {} is of that address family", named.join(", ")));
    }
    let has_interface =
        |kind: KindIndex| kind.table().hooks.interfaces.is_some() || !matches!(kind.table().interface, Interface::None);
    let interfaces = &filter.interfaces;
    if !interfaces.is_empty() && !KindIndex::all().filter(wanted).any(has_interface) {
        return Some(format!("{} concerns no interface", named.join(", ")));
    }
    let has_table = |kind: KindIndex| kind.table().hooks.route_table.is_some();
    if !tables.is_empty() && !KindIndex::all().filter(wanted).any(has_table) {
        let told: Vec<&str> = KindIndex::all().filter(|&kind| has_table(kind)).map(|kind| kind.table().name).collect();
        return Some(format!("{} has no routing table, which {} have", named.join(", "), told.join(", ")));
    }
    let most = most_severe(KindIndex::all().filter(wanted));
    if kinds.is_some() && filter.severity > most {
        let (named, least) = (named.join(", "), filter.severity.name());
        return Some(format!("no event of {named} matters so much as {least}: {} at most", most.name()));
    }
    if signals.is_empty() {
        return None;
    }
    let of = |kinds: &str| kinds.split(", ").any(|kind| named.contains(&kind));
    let asked = || SIGNALS.iter().filter(|signal| signals.meets(Signals::by_name(signal.name).unwrap_or_default()));
    if !asked().any(|signal| of(signal.kinds)) {
        let told: Vec<String> =
            asked().map(|signal| format!("{} is a signal of {}", signal.name, signal.kinds)).collect();
        return Some(format!("{} has no such signal: {}", named.join(", "), told.join("; ")));
    }
    if !actions.is_empty() && actions.iter().all(|&action| action == Action::Present) {
        return Some("what was present before has no signals: they tell of changes".into());
    }
    None
}

/// How much an event of some of these kinds may matter, by itself or by its signals.
pub fn most_severe(kinds: impl Iterator<Item = KindIndex>) -> Severity {
    let of = |kind: KindIndex| {
        let rows = kind.table().hooks.severity;
        // Where no row holds, it is what is worth keeping.
        let rest = if rows.iter().any(|row| row.holds.is_none()) { None } else { Some(Severity::Info) };
        let has = |signal: &&Signal| signal.kinds.split(", ").any(|name| name == kind.table().name);
        let signals = SIGNALS.iter().filter(has).map(|signal| signal.severity);
        rows.iter().map(|row| row.severity).chain(rest).chain(signals).max()
    };
    kinds.filter_map(of).max().unwrap_or_default()
}

/// The widest line of the help's lists.
const LISTED_COLUMNS: usize = 78;
/// Where the words behind a name begin in them.
const LISTED_NAME_COLUMNS: usize = 19;

/// Every kind, own event and signal with its few words, for the help.
pub fn listed() -> String {
    let mut out = String::from("Kinds:\n");
    KINDS.iter().for_each(|kind| row(&mut out, kind.name, kind.about));
    let words = IP_WORDS.iter().map(|(word, least, _)| format!("{}[{}]", &word[..*least], &word[*least..]));
    row(&mut out, "as 'ip' has them", &words.collect::<Vec<_>>().join(" "));
    out.push_str("\nlinkhook's own events:\n");
    own::OWN_EVENTS.iter().for_each(|own| row(&mut out, &format!("{} {}", own.name, own.action), own.about));
    out.push_str("\nSignals, the kinds that have them, and when they come:\n");
    SIGNALS.iter().for_each(|signal| row(&mut out, signal.name, &format!("{}: {}", signal.kinds, signal.condition)));
    out.pop();
    out
}

/// A name and what it is, in as many lines as that takes.
fn row(out: &mut String, name: &str, about: &str) {
    let _ = write!(out, "  {name:<width$}", width = LISTED_NAME_COLUMNS - 3);
    let mut column = LISTED_NAME_COLUMNS - 1;
    for word in about.split(' ') {
        if column + 1 + word.len() > LISTED_COLUMNS {
            let _ = write!(out, "\n{:width$}", "", width = LISTED_NAME_COLUMNS - 1);
            column = LISTED_NAME_COLUMNS - 1;
        }
        let _ = write!(out, " {word}");
        column += 1 + word.len();
    }
    out.push('\n');
}

/// The kinds of those names; where none is named, those that are followed then.
pub fn kinds_named(names: &[String]) -> Result<Vec<KindIndex>> {
    let Named { kinds, own } = named(names)?;
    if let Some(event) = own.first() {
        return Err(Error::usage(format_args!(
            "'{event}' is an event of linkhook's own, which no recording has; name kinds, or none for all"
        )));
    }
    let is_named = |kind: &KindIndex| kinds.as_ref().map_or(kind.is_default(), |kinds| kinds[kind.place()]);
    // What says how others are read is needed with them.
    let reads = |kind: &KindIndex| {
        KindIndex::all()
            .any(|other| is_named(&other) && other.table().hooks.read_by.is_some_and(|by| kind.table().is(by)))
    };
    Ok(KindIndex::all().filter(|kind| is_named(kind) || reads(kind)).collect())
}

/// The word that means a kind together with others: what its name begins with. Kinds that are followed where none is named, and those that
/// come only when they are named, have none.
fn word_of(kind: KindIndex) -> Option<&'static str> {
    let table = kind.table();
    let is_by_itself = kind.is_default() || table.hooks.named_alone;
    table.name.split('_').next().filter(|_| !is_by_itself)
}

/// The kinds that a word means together.
fn kinds_of_word(word: &str) -> Vec<KindIndex> {
    KindIndex::all().filter(|&kind| word_of(kind) == Some(word)).collect()
}

/// The kinds that one word means together with this one.
pub fn together(kind: KindIndex) -> Vec<KindIndex> {
    word_of(kind).map(kinds_of_word).unwrap_or_default()
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

/// The known name that was probably meant: at most two letters are other, missing, too many or exchanged with their
/// neighbour, and most of it is right.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const DISTANCE_MAX: usize = 2;
    let name = name.to_lowercase();
    known
        .map(|known| (strsim::osa_distance(&name, known), known))
        .filter(|&(distance, known)| {
            distance <= DISTANCE_MAX && 2 * distance <= known.chars().count().min(name.chars().count())
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(names: &[&str]) -> Vec<&'static str> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        kinds_named(&names).unwrap().into_iter().map(|kind| kind.table().name).collect()
    }

    #[test]
    fn the_words_of_ip_are_kinds() {
        for (words, kind) in [
            ("l li lin", "link"),
            ("a ad add addr addre address", "addr"),
            ("r ro rou rout route", "route"),
            ("ru rul", "rule"),
            ("n ne nei neigh neighb neighbor neighbour", "neigh"),
            ("nex", "nexthop"),
            ("nt", "neightbl"),
            ("m maddress", "maddr"),
            ("mr", "mroute"),
            ("addrl", "addrlabel"),
            ("netc", "netconf"),
        ] {
            words.split(' ').for_each(|word| assert_eq!(kinds(&[word]), [kind], "{word}"));
        }
        // Of a network namespace there is no kind, and what goes on behind the word is none of it.
        assert!(named(&["net".into()]).is_err() && named(&["linkx".into()]).is_err());
        IP_WORDS.iter().for_each(|(word, _, kind)| assert!(KindIndex::named(kind).is_some(), "{word}"));
    }

    #[test]
    fn a_word_means_all_kinds_whose_names_begin_so_but_those_that_are_named_alone() {
        let begin_so = |word: &str, but: &[&str]| -> Vec<&str> {
            let of = |name: &&str| name.split('_').next() == Some(word) && !but.contains(name);
            KINDS.iter().map(|kind| kind.name).filter(of).collect()
        };
        for word in ["genl", "ethtool", "mptcp", "devlink", "xfrm", "dpll", "ovpn", "ovs", "team", "rdma", "wireguard"]
        {
            let meant = begin_so(word, &[]);
            assert!(meant.len() > 1 && kinds(&[word]) == meant, "{word}");
        }
        assert_eq!(kinds(&["nft"]), begin_so("nft", &["nft_trace"]));
        assert_eq!(kinds(&["nft_trace"]), ["nft_trace"]);
        // Kinds that are followed anyway have their names alone.
        assert_eq!(kinds(&["nexthop"]), ["nexthop"]);
        ["page", "mctp", ""].iter().for_each(|&word| assert!(named(&[word.into()]).is_err(), "{word}"));
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["link", "route", "rule", "add", "change", "carrier_lost"];
        for (name, near) in [
            ("lnik", Some("link")),
            ("rote", Some("route")),
            ("Route", Some("route")),
            ("ad", Some("add")),
            ("carrier_lots", Some("carrier_lost")),
            ("carrier", None),
            ("xy", None),
            ("r", None),
            ("changing", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), near, "{name}");
        }
    }

    #[test]
    fn a_key_that_no_line_has_is_refused() {
        let paths = |kind: &'static Kind| match kind.name {
            "link" => ["mtu", "linkinfo", "linkinfo.info_data", "linkinfo.info_data.id"].map(String::from).into(),
            _ => vec![],
        };
        for good in
            ["ts", "changed.mtu", "link", "link.mtu", "link.linkinfo.info_data.id", "hello.version", "link.linkinfo"]
        {
            assert_eq!(field(good, paths).map_err(|error| error.to_string()), Ok(()), "{good}");
        }
        for (wrong, tip) in [
            ("tss", "did you mean 'ts'?"),
            ("lnik.mtu", "did you mean 'link.mtu'?"),
            ("link.mut", "did you mean 'link.mtu'?"),
            ("interface", "there are v, ts"),
            ("link.nothing", "docs/events.md"),
            ("", "there are v, ts"),
        ] {
            let told = field(wrong, paths).unwrap_err().to_string();
            assert!(told.contains(tip), "{wrong}: {told}");
        }
    }

    #[test]
    fn what_never_comes_is_known() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            named(&names).unwrap().kinds
        };
        let carrier = Signals::by_name("carrier_lost").unwrap();
        let never = |names: &[&str], families: &[u8], signals, actions: &[Action]| {
            let filter = Filter {
                kinds: of(names),
                families: families.into(),
                signals,
                actions: actions.into(),
                ..Filter::default()
            };
            super::never(&filter)
        };
        assert!(never(&["addr"], &[], carrier, &[]).unwrap().contains("carrier_lost is a signal of link"));
        assert_eq!(never(&["addr", "link"], &[], carrier, &[]), None);
        assert_eq!(never(&[], &[], carrier, &[]), None);
        assert!(never(&["fdb"], &[2, 128], Signals::NONE, &[]).is_some());
        assert_eq!(never(&["addr"], &[2, 128], Signals::NONE, &[]), None);
        assert!(never(&["link"], &[], carrier, &[Action::Present]).is_some());
        let in_main =
            |names: &[&str]| super::never(&Filter { kinds: of(names), tables: vec![254], ..Filter::default() });
        let interfaces = crate::filter::globs::Globs::new(&["eth*".into()]).unwrap();
        let at = |names: &[&str]| {
            super::never(&Filter { kinds: of(names), interfaces: interfaces.clone(), ..Filter::default() })
        };
        assert!(at(&["nsid"]).unwrap().contains("nsid concerns no interface"));
        assert_eq!((at(&["nsid", "link"]), at(&["route"]), at(&[])), (None, None, None));
        assert!(in_main(&["addr"]).unwrap().contains("route, rule, mroute have"));
        assert_eq!(in_main(&["addr", "rule"]), None);
        // Own events come whatever is chosen.
        assert_eq!(never(&["hello"], &[], carrier, &[]), None);
    }
}
