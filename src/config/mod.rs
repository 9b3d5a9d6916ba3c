//! The configuration: TOML as it is written becomes checked settings, or every mistake at once. See
//! `config/linkhook.toml`, which has every key.

mod conntrack;
mod exec;
mod files;
mod history;
mod http;
mod output;
mod read;
pub mod settings;
mod webhook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;

use crate::decode::schema::Polled;
use crate::deliver::jq::{self, Use};
use crate::deliver::{EXEC, Target, WEBHOOK, Webhook};
use crate::error::{Error, Result};
use crate::event::severity::Severity;
use crate::event::{Action, own};
use crate::filter::globs::Globs;
use crate::filter::{Filter, OWN_NETNS};
use crate::kinds::KindIndex;
use crate::kinds::netfilter::conntrack::listening::Connections;
use crate::kinds::netfilter::nflog::SHOWN_BYTES_MAX;
use crate::kinds::protocol::Bound;
use crate::netns::{Name, Wanted};
use crate::output::outputs::Wants;
use crate::sandbox::{NOT_WITH_COMMANDS, Sandbox};
use crate::store::{Commits, Synchronous};
use crate::words::{self, Named};
pub use http::{HttpSettings, Listen};
pub use output::{OutputEvents, OutputPlace, OutputSettings};
use read::{Environment, SettingsFile, SettingsSource, Table, Value};

/// The longest pause between two commits.
const COMMIT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long the end waits for webhooks.
pub const SHUTDOWN: Duration = Duration::from_secs(5);

/// Checked settings.
#[derive(Debug)]
pub struct Configuration {
    /// `[watch]`.
    pub watch: Watch,
    /// `[output]`, or all `[[output]]`.
    pub outputs: Vec<OutputSettings>,
    /// `[http]`.
    pub http: Option<HttpSettings>,
    /// `[log] level`.
    pub level: Option<LevelFilter>,
    /// `[[webhook]]` and `[[exec]]`.
    pub webhooks: Vec<Webhook>,
    /// `[security] sandbox`.
    pub sandbox: Sandbox,
    /// The files beside it that it names and that were read: secrets, certificates.
    pub files: Vec<PathBuf>,
    /// What is no mistake, but should be known.
    pub warnings: Vec<String>,
}

/// `[watch]`: what is watched. The words are known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Kinds and own events; all where none is named.
    pub kinds: Vec<String>,
    /// Address families.
    pub families: Vec<String>,
    /// Patterns of interfaces.
    pub interfaces: Vec<String>,
    /// Actions.
    pub actions: Vec<String>,
    /// Signals.
    pub signals: Vec<String>,
    /// How much an event must matter at least.
    pub severity: Severity,
    /// Network namespaces.
    pub namespaces: Wanted,
    /// A jq expression.
    pub filter: Option<String>,
    /// Whether what exists is told first.
    pub initial: bool,
    /// Bytes asked for the receive buffer.
    pub receive_buffer_bytes: Option<usize>,
    /// How often the mirror is held against the kernel.
    pub verify: Option<Duration>,
    /// How often it is looked at what the kernel does not tell.
    pub poll: Option<Duration>,
    /// Groups of logged packets.
    pub bound: Bound,
    /// The host's name for every line.
    pub host: Option<String>,
    /// How long the end waits for webhooks.
    pub shutdown: Duration,
    /// Where what outlives linkhook is kept.
    pub state_dir: Option<PathBuf>,
    /// How commits are made.
    pub commits: Commits,
    /// How often linkhook tells what it counts of itself.
    pub metrics: Option<Duration>,
    /// Which connections, and how.
    pub conntrack: Connections,
    /// Whether udev's events are followed, too.
    pub udev: bool,
}

/// Reads a file, and its parts in `conf.d` where it may have some. Every mistake is in the one error.
pub fn load(path: &Path) -> Result<Configuration> {
    parse(&files::read_all(path)?, &|name| std::env::var(name).ok(), &jq::check)
}

/// The same where settings hold already. An empty file is refused: valid as it is, it would take webhooks away, and an editor
/// that writes in place empties the file first.
pub fn load_again(path: &Path) -> Result<Configuration> {
    let files = files::read_all(path)?;
    if let Some(empty) = files.iter().find(|file| file.text.trim().is_empty()) {
        return Err(Error::usage(format_args!(
            "{}: it is empty; write a comment into it if that is meant",
            empty.path.display()
        )));
    }
    parse(&files, &|name| std::env::var(name).ok(), &jq::check)
}

/// The state directory that a configuration names, whatever else stands in it: who looks into it needs no secrets.
pub fn state_directory(path: &Path) -> Result<Option<PathBuf>> {
    let files = files::read_all(path)?;
    let (mistakes, warnings, named) = Default::default();
    let (environment, expression) = (|_: &str| None, |_: Use, _: &str| Ok(()));
    let source =
        SettingsSource { files: &files, environment: &environment, expression: &expression, mistakes, warnings, named };
    let texts = files::behind_blanks(&files);
    let whole = files::merged(&source, &texts);
    let found = whole.as_ref().map(|table| {
        let watch = Table::new(&source, table, 0, "").get("watch");
        watch.and_then(|value| value.any_table("watch.", |table| table.get("state_dir").and_then(|value| value.path())))
    });
    match found {
        Some(found) => Ok(found.flatten()),
        None => {
            let mistakes: Vec<String> = source.mistakes.take().into_iter().map(|(_, mistake)| mistake).collect();
            Err(Error::usage(mistakes.join("\n")))
        }
    }
}

/// Reads a text as if it stood in a file.
#[cfg(test)]
pub(crate) fn read_text(text: &str) -> Result<Configuration> {
    let file = SettingsFile { path: "linkhook.toml".into(), text: text.into() };
    parse(&[file], &|_| None, &|_, _| Ok(()))
}

/// The same for a file at that place.
#[cfg(test)]
pub(crate) fn read_at(path: &Path, text: &str) -> Result<Configuration> {
    let file = SettingsFile { path: path.into(), text: text.into() };
    parse(&[file], &|_| None, &|_, code| crate::filter::jq::Jq::new(code).map(drop))
}

/// The host's own name.
pub fn own_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn parse(
    files: &[SettingsFile],
    environment: &Environment<'_>,
    expression: &dyn Fn(Use, &str) -> Result<()>,
) -> Result<Configuration> {
    let (mistakes, warnings, named) = Default::default();
    let source = SettingsSource { files, environment, expression, mistakes, warnings, named };
    let texts = files::behind_blanks(files);
    // What a broken file seems to say leads to mistakes that are none.
    let whole = files::merged(&source, &texts);
    let configuration = whole.as_ref().map(|table| root(&Table::new(&source, table, 0, "")));
    let mut mistakes = source.mistakes.take();
    mistakes.sort_by_key(|(offset, _)| *offset);
    match configuration {
        Some(configuration) if mistakes.is_empty() => {
            Ok(Configuration { warnings: source.warnings.take(), files: source.named.take(), ..configuration })
        }
        _ => {
            let mistakes: Vec<String> = mistakes.into_iter().map(|(_, mistake)| mistake).collect();
            Err(Error::usage(mistakes.join("\n")))
        }
    }
}

/// The tables of an array of tables.
fn list<'t>(table: &Table<'t>, word: &str) -> Vec<Value<'t>> {
    let list = table.get(word).and_then(|value| {
        if value.is_list() {
            return value.list();
        }
        value.refused(format_args!("there may be several: write [[{word}]] in double brackets, once for each"));
        None
    });
    list.unwrap_or_default()
}

fn root(table: &Table<'_>) -> Configuration {
    table.only(&settings::tables());
    let section = |key: &str, keys| table.get(key).and_then(|value| value.table(keys, |_| value.clone()));
    let watch = section("watch", settings::WATCH).and_then(|value| value.any_table("watch.", watch));
    let http = section("http", settings::HTTP).and_then(|value| value.any_table("http.", http::http)).flatten();
    let level = section("log", settings::LOG).and_then(|value| value.any_table("log.", level)).flatten();
    let security = section("security", settings::SECURITY);
    let sandbox = security.as_ref().and_then(|value| value.clone().any_table("security.", sandbox)).flatten();
    let mut watch = watch.unwrap_or_default();
    if let Some(value) = section("history", settings::HISTORY) {
        if watch.state_dir.is_none() {
            value.refused("it is kept in the state directory: write state_dir = \"/var/lib/linkhook\" in [watch]");
        }
        watch.commits.history = value.any_table("history.", history::history);
    }
    let outputs = output::outputs(table.get("output"), |value, called, output| {
        if let Wants::Some(filter, own) = output.events.wants(watch.initial) {
            warn_of_unwatched(&watch, value, called, &filter, &own);
        }
    });
    let (mut webhooks, mut places): (Vec<Webhook>, Vec<String>) = Default::default();
    // Both have their names in one database.
    let tables = [(WEBHOOK, webhook::webhook as fn(&Value<'_>) -> Option<Webhook>), (EXEC, exec::exec)];
    let tables =
        tables.into_iter().flat_map(|(word, read)| list(table, word).into_iter().map(move |value| (value, read)));
    for (value, read) in tables {
        if let Some(webhook) = read(&value) {
            if let Some(first) = webhooks.iter().position(|other| other.name == webhook.name) {
                value.refused(format_args!(
                    "a second {} has the name \"{}\", the first stands at {}; give each its own",
                    webhook.word(),
                    webhook.name,
                    places[first]
                ));
            }
            places.push(value.source.place(value.offset()));
            let called = format!("{}[{}]", webhook.word(), webhook.name);
            warn_of_unwatched(&watch, &value, &called, &webhook.filter, &webhook.own);
            webhooks.push(webhook);
        }
    }
    let runs_commands = webhooks.iter().any(|webhook| matches!(webhook.target, Target::Command(_)));
    if let Some(value) = security.filter(|_| sandbox == Some(Sandbox::Required) && runs_commands) {
        value.any_table("security.", |table| {
            table.get("sandbox").into_iter().for_each(|value| value.refused(NOT_WITH_COMMANDS));
        });
    }
    Configuration {
        watch,
        outputs,
        http,
        level,
        webhooks,
        sandbox: sandbox.unwrap_or_default(),
        files: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Warns of what is wanted there and the watch does not tell.
fn warn_of_unwatched(watch: &Watch, value: &Value<'_>, called: &str, filter: &Filter, own: &[&'static str]) {
    let warn = |what: std::fmt::Arguments<'_>| {
        let place = value.source.place(value.offset());
        value.source.warnings.borrow_mut().push(format!("{place}: {called}.{what}"));
    };
    let unwatched = unwatched(watch, filter, own);
    if !unwatched.is_empty() {
        warn(format_args!("kinds: [watch] kinds does not name {}, which therefore do not come", unwatched.join(", ")));
    }
    if own.contains(&own::METRICS.name) && watch.metrics.is_none() {
        warn(format_args!("kinds: metrics do not come: [watch] metrics does not say how often"));
    }
    let netns = &filter.netns;
    let accepts = |name: Option<&str>| netns.accept(name.unwrap_or(OWN_NETNS).as_bytes());
    if !netns.is_empty() && !watch.namespaces.may_have(accepts) {
        warn(format_args!(
            "netns: it fits no network namespace that [watch] watches; name them there with netns or all_netns"
        ));
    }
}

/// What is named and the watch does not tell.
fn unwatched(watch: &Watch, filter: &Filter, own: &[&'static str]) -> Vec<&'static str> {
    let Ok(named) = words::named(&watch.kinds) else { return Vec::new() };
    let watched = |kind: KindIndex| named.kinds.as_ref().map_or(kind.is_default(), |kinds| kinds[kind.place()]);
    let wanted = |kind: KindIndex| filter.kinds.as_ref().is_some_and(|kinds| kinds[kind.place()]);
    let kinds = KindIndex::all().filter(|&kind| wanted(kind) && !watched(kind)).map(|kind| kind.table().name);
    let own_events = words::own_events(named.own, watch.is_narrowed(), watch.initial);
    // Whether figures come does not depend on what is named.
    let told = |event: &&str| own::always_comes(event) || own_events.contains(event) || *event == own::METRICS.name;
    kinds.chain(own.iter().copied().filter(|event| !told(event))).collect()
}

impl Watch {
    /// Whether anything is chosen: kinds, or what of them.
    fn is_narrowed(&self) -> bool {
        let lists = [&self.kinds, &self.families, &self.interfaces, &self.actions, &self.signals];
        self.filter.is_some() || self.severity > Severity::Debug || lists.iter().any(|list| !list.is_empty())
    }
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            kinds: Vec::new(),
            families: Vec::new(),
            interfaces: Vec::new(),
            actions: Vec::new(),
            signals: Vec::new(),
            severity: Severity::Debug,
            namespaces: Wanted::Own,
            filter: None,
            initial: false,
            receive_buffer_bytes: None,
            verify: None,
            poll: None,
            bound: Bound::default(),
            host: None,
            shutdown: SHUTDOWN,
            state_dir: None,
            commits: Commits::default(),
            metrics: None,
            conntrack: Connections::default(),
            udev: false,
        }
    }
}

/// The words that choose events, as `[watch]`, `[[output]]` and `[[webhook]]` write them.
struct Chosen {
    named: Option<Named>,
    kinds: Vec<String>,
    families: Vec<String>,
    interfaces: Vec<String>,
    globs: Globs,
    actions: Vec<String>,
    signals: Vec<String>,
    severity: Severity,
}

impl Chosen {
    /// The filter that they make. Each word was good by itself.
    fn filter(&self) -> Filter {
        Filter {
            kinds: self.named.as_ref().and_then(|named| named.kinds.clone()),
            families: words::families(&self.families),
            interfaces: self.globs.clone(),
            actions: words::actions(&self.actions).unwrap_or_default(),
            signals: words::signals(&self.signals).unwrap_or_default(),
            severity: self.severity,
            ..Filter::default()
        }
    }
}

/// Refuses what is wanted together and never comes together.
fn refuse_never(table: &Table<'_>, filter: &Filter) {
    if let Some(why) = words::never(filter) {
        let key = ["signals", "families", "severity", "actions"]
            .into_iter()
            .find(|key| table.get(key).is_some())
            .unwrap_or("kinds");
        match table.get(key) {
            Some(value) => value.refused(format_args!("nothing would ever come: {why}")),
            None => table.refused(key, format_args!("nothing would ever come: {why}")),
        }
    }
}

/// The words of a list for which the check holds.
fn good<R>(value: Option<Value<'_>>, check: impl Fn(&[String]) -> Result<R>) -> Vec<String> {
    let values = value.and_then(|value| value.list()).unwrap_or_default();
    let words = values.into_iter().filter_map(|value| {
        let word = value.text()?.to_owned();
        match check(std::slice::from_ref(&word)) {
            Ok(_) => Some(word),
            Err(error) => {
                value.refused(error);
                None
            }
        }
    });
    words.collect()
}

/// Reads them; each wrong word is told at its place.
fn chosen(table: &Table<'_>) -> Chosen {
    let kinds = good(table.get("kinds"), words::named);
    let families = table.get("families").and_then(|value| value.list()).unwrap_or_default();
    let interfaces = good(table.get("interfaces"), Globs::new);
    let severity = table.get("severity").and_then(|value| value.one_of(&Severity::NAMES));
    Chosen {
        // Each word was good by itself.
        named: words::named(&kinds).ok(),
        kinds,
        families: families.iter().filter_map(|value| value.one_of(&words::FAMILIES)).map(str::to_owned).collect(),
        globs: Globs::new(&interfaces).unwrap_or_default(),
        interfaces,
        actions: good(table.get("actions"), words::actions),
        signals: good(table.get("signals"), words::signals),
        severity: severity.and_then(Severity::by_name).unwrap_or(Severity::Debug),
    }
}

fn watch(table: &Table<'_>) -> Watch {
    let chosen = chosen(table);
    refuse_never(table, &chosen.filter());
    let Chosen { kinds, families, interfaces, actions, signals, severity, .. } = chosen;
    let filter = table.get("filter").and_then(|value| value.expression(Use::Filter));
    // true is the host's own name.
    let host = table.get("host").and_then(|value| {
        if value.is_boolean() {
            return value.boolean()?.then(own_host);
        }
        if !value.is_text() || value.text() == Some("") {
            value.wrong("a name in quotes is needed, or true for the machine's own name");
            return None;
        }
        value.text().map(str::to_owned)
    });
    let initial = table.get("initial").and_then(|value| value.boolean()).unwrap_or_default();
    let is_present = !actions.is_empty() && actions.iter().all(|action| action == Action::Present.name());
    if let Some(value) = table.get("actions").filter(|_| is_present && !initial) {
        value.refused("nothing would ever come: 'present' is what exists, which is told where initial = true");
    }
    let poll = table.get("poll").and_then(|value| value.some_duration());
    if let (Some(value), Some(kind)) = (table.get("kinds").filter(|_| table.get("poll").is_none()), only_polled(&kinds))
    {
        value.refused(format_args!(
            "the kernel tells nothing of {}: write poll = \"10s\" beside it, which says how often it is to be looked at",
            kind.table().name
        ));
    }
    let bound = table.get("nflog").and_then(|value| value.table(settings::NFLOG, nflog));
    let needs_groups = |kinds: &[String]| {
        let named = words::named(kinds).ok().and_then(|named| named.kinds);
        named.is_some_and(|named| KindIndex::all().any(|kind| named[kind.place()] && kind.protocol().binding.is_some()))
    };
    match (table.get("kinds"), table.get("nflog")) {
        (Some(value), None) if needs_groups(&kinds) => {
            value.refused("nflog needs the groups that the rules log to: write nflog = { groups = [5] } beside it");
        }
        (_, Some(value)) if !needs_groups(&kinds) => value.warn("kinds does not name nflog, so no packet comes"),
        _ => {}
    }
    Watch {
        kinds,
        families,
        interfaces,
        actions,
        signals,
        severity,
        namespaces: namespaces(table),
        filter,
        initial,
        receive_buffer_bytes: table.get("receive_buffer").and_then(|value| value.bytes()),
        verify: table.get("verify").and_then(|value| value.some_duration()),
        poll,
        bound: bound.unwrap_or_default(),
        host,
        shutdown: table.get("shutdown").and_then(|value| value.duration()).unwrap_or(SHUTDOWN),
        state_dir: table.get("state_dir").and_then(|value| value.path()),
        commits: Commits {
            synchronous: table.get("synchronous").and_then(|value| synchronous(&value)).unwrap_or_default(),
            pause: table.get("commit").and_then(|value| commit(&value)).unwrap_or_default(),
            // A table of its own.
            history: None,
        },
        metrics: table.get("metrics").and_then(|value| value.some_duration()),
        conntrack: table
            .get("conntrack")
            .and_then(|value| value.table(settings::CONNTRACK, conntrack::conntrack))
            .unwrap_or_default(),
        udev: table.get("udev").and_then(|value| value.boolean()).unwrap_or_default(),
    }
}

/// The pause between two commits; a line waits for its commit.
fn commit(value: &Value<'_>) -> Option<Duration> {
    let pause = value.duration()?;
    if pause > COMMIT_PAUSE_MAX {
        value.wrong("at most \"1s\" is allowed: a line waits for its commit");
        return None;
    }
    Some(pause)
}

/// Of kinds that are named, the first that is followed by looks alone.
fn only_polled(kinds: &[String]) -> Option<KindIndex> {
    let named = words::named(kinds).ok().and_then(|named| named.kinds)?;
    KindIndex::all().find(|kind| named[kind.place()] && kind.table().hooks.polled == Polled::Only)
}

/// `nflog`: which groups, and how much of each packet.
fn nflog(table: &Table<'_>) -> Bound {
    let groups = table.need("groups", "a list of numbers, such as [5]").and_then(|value| {
        let groups = value.list()?;
        if groups.is_empty() {
            value.refused("there is no group in it; write those that the rules log to, such as [5]");
        }
        Some(groups.iter().filter_map(|group| group.number(0, u16::MAX.into())?.try_into().ok()).collect())
    });
    let bytes = table.get("bytes").and_then(|value| value.number(0, SHOWN_BYTES_MAX as u64));
    let packet_bytes = bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(Bound::PACKET_BYTES);
    Bound { groups: groups.unwrap_or_default(), packet_bytes }
}

fn synchronous(value: &Value<'_>) -> Option<Synchronous> {
    let word = value.one_of(&Synchronous::ALL.map(|(name, _)| name))?;
    Synchronous::ALL.iter().find(|(name, _)| *name == word).map(|(_, synchronous)| *synchronous)
}

/// `netns`, `all_netns` and `netns_dirs`, which means all, too.
fn namespaces(table: &Table<'_>) -> Wanted {
    let all = table.get("all_netns").filter(|value| value.boolean() == Some(true));
    let directories = table.get("netns_dirs");
    let others = directories.as_ref().and_then(|value| value.list()).unwrap_or_default();
    let others: Vec<PathBuf> = others.iter().filter_map(Value::path).collect();
    let all = all.or_else(|| directories.filter(|_| !others.is_empty()));
    let names = table.get("netns").and_then(|value| value.list()).unwrap_or_default();
    let names = names.iter().filter_map(|value| {
        let name = Name::new(value.text()?);
        name.map_err(|error| value.refused(error)).ok()
    });
    let names: Vec<Name> = names.collect();
    match all {
        Some(all) if !names.is_empty() => {
            all.refused("netns names those that are watched; remove one of both");
            Wanted::All(others)
        }
        Some(_) => Wanted::All(others),
        None if names.is_empty() => Wanted::Own,
        None => Wanted::Named(names),
    }
}

fn sandbox(table: &Table<'_>) -> Option<Sandbox> {
    let value = table.get("sandbox")?;
    if value.is_boolean() {
        return value.boolean().map(|required| if required { Sandbox::Required } else { Sandbox::Off });
    }
    if !value.is_text() || value.text() != Some("auto") {
        value.wrong(
            "\"auto\" (what the kernel has of it), true (all of it, or linkhook does not start) or false is needed",
        );
        return None;
    }
    Some(Sandbox::Auto)
}

fn level(table: &Table<'_>) -> Option<LevelFilter> {
    let word = table.get("level")?.one_of(&["error", "warning", "info", "debug", "trace"])?;
    Some(match word {
        "error" => LevelFilter::Error,
        "warning" => LevelFilter::Warn,
        "info" => LevelFilter::Info,
        "debug" => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    })
}

#[cfg(test)]
mod tests;
