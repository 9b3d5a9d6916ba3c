//! `[output]` and `[[output]]`.

use std::path::{Path, PathBuf};

use super::read::{Table, Value};
use super::{Chosen, chosen, good, refuse_never, settings};
use crate::deliver::jq::Use;
use crate::event::severity::Severity;
use crate::filter::Filter;
use crate::filter::globs::Globs;
use crate::output::file::Rotation;
use crate::output::outputs::{OUTPUTS_MAX, Wants};
use crate::output::syslog::{Address, FACILITIES};
use crate::output::{journal, syslog};
use crate::words::{self, Named};

/// Old files that are kept, where nothing is said, and at most.
const KEEP: u64 = 5;
const KEEP_MAX: u64 = 1000;
/// What stands before the path of a socket in the file system, and before a host and a port.
const UNIX: &str = "unix:";
const TCP: &str = "tcp:";

/// `[output]`, or one of `[[output]]`: where lines go, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputSettings {
    /// The place.
    pub place: OutputPlace,
    /// `json` or `text`.
    pub format: Option<&'static str>,
    /// When a file is put aside for a new one.
    pub rotation: Option<Rotation>,
    /// Which lines.
    pub events: OutputEvents,
}

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OutputPlace {
    /// To stdout.
    #[default]
    Stdout,
    /// To a file, at its end.
    File(PathBuf),
    /// To the journal, at its socket.
    Journal(PathBuf),
    /// To a syslog server, with a facility's number.
    Syslog(Address, u8),
    /// Nowhere.
    None,
}

/// Which lines an output gets, of those that `[watch]` lets through. The words are known to be good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputEvents {
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
    /// How much an event must matter at least; whatever where it is not set.
    pub severity: Option<Severity>,
    /// Patterns of network namespaces.
    pub netns: Vec<String>,
    /// A jq expression.
    pub filter: Option<String>,
}

impl OutputEvents {
    /// Whether anything is chosen.
    pub fn is_narrowed(&self) -> bool {
        let lists = [&self.kinds, &self.families, &self.interfaces, &self.actions, &self.signals, &self.netns];
        self.filter.is_some() || self.severity.is_some() || lists.iter().any(|list| !list.is_empty())
    }

    /// What is wanted but for the jq expression, where what exists is shown at first or is not.
    pub fn wants(&self, shows_what_exists: bool) -> Wants {
        if !self.is_narrowed() {
            return Wants::All;
        }
        let Named { kinds, own } = words::named(&self.kinds).unwrap_or(Named { kinds: None, own: Vec::new() });
        let filter = Filter {
            kinds,
            families: words::families(&self.families),
            interfaces: Globs::new(&self.interfaces).unwrap_or_default(),
            netns: Globs::new(&self.netns).unwrap_or_default(),
            actions: words::actions(&self.actions).unwrap_or_default(),
            signals: words::signals(&self.signals).unwrap_or_default(),
            severity: self.severity.unwrap_or(Severity::Debug),
            ..Filter::default()
        };
        Wants::Some(Box::new(filter), words::own_events(own, true, shows_what_exists))
    }
}

impl OutputSettings {
    /// Whether it gets every line, in a place that takes any: then the command line may say another place or format.
    pub fn is_plain(&self) -> bool {
        !self.events.is_narrowed() && !matches!(self.place, OutputPlace::Journal(_) | OutputPlace::Syslog(..))
    }

    /// What it is called where it is told of.
    pub fn name(&self) -> String {
        match &self.place {
            OutputPlace::Stdout => "-".into(),
            OutputPlace::File(path) => path.display().to_string(),
            OutputPlace::Journal(path) if path == Path::new(journal::SOCKET) => "journal".into(),
            OutputPlace::Journal(path) => format!("journal at {}", path.display()),
            OutputPlace::Syslog(address, _) => format!("syslog at {address}"),
            OutputPlace::None => "none".into(),
        }
    }

    /// `json` or `text`: what is for eyes otherwise is text.
    pub fn format(&self) -> &'static str {
        let is_for_eyes = matches!(self.place, OutputPlace::Journal(_) | OutputPlace::Syslog(..));
        self.format.unwrap_or(if is_for_eyes { "text" } else { "json" })
    }
}

/// Reads one table or a list of them; one that goes to stdout where nothing is written. The checks of each are given it and what it
/// is called.
pub(super) fn outputs(
    value: Option<Value<'_>>,
    check: impl Fn(&Value<'_>, &str, &OutputSettings),
) -> Vec<OutputSettings> {
    let Some(value) = value else { return vec![OutputSettings::default()] };
    let values = if value.is_list() { value.list().unwrap_or_default() } else { vec![value.clone()] };
    if values.is_empty() {
        value.refused("the list is empty; write [[output]] tables, or path = \"none\" for no output");
    }
    if values.len() > OUTPUTS_MAX {
        value.refused(format_args!("there are {} of them; {OUTPUTS_MAX} are allowed", values.len()));
    }
    let mut read: Vec<(OutputSettings, String)> = Vec::new();
    for value in values {
        let Some(settings) = value.table(settings::OUTPUT, output) else { continue };
        check(&value, &value.key, &settings);
        let is_same = |(other, _): &&(OutputSettings, String)| other.place == settings.place;
        if let Some((_, first)) = read.iter().find(is_same).filter(|_| settings.place != OutputPlace::None) {
            value.refused(format_args!(
                "{} has the same path, and their lines would be mixed; give each a path of its own, or make one of both",
                first
            ));
        }
        let place = value.source.place(value.offset());
        read.push((settings, format!("the output at {place}")));
    }
    read.into_iter().map(|(settings, _)| settings).collect()
}

fn output(table: &Table<'_>) -> OutputSettings {
    let word = table.get("path").and_then(|value| value.text());
    let address = table.get("address");
    let facility = table.get("facility");
    let place = match word {
        Some("journal") => address.as_ref().map_or(Some(journal::SOCKET.into()), unix).map(OutputPlace::Journal),
        Some("syslog") => {
            let number = facility.as_ref().map_or(Some(FACILITIES[0].1), self::facility);
            let address = address.as_ref().map_or(Some(Address::Unix(syslog::SOCKET.into())), self::address);
            address.zip(number).map(|(address, number)| OutputPlace::Syslog(address, number))
        }
        Some("-") | None => Some(OutputPlace::Stdout),
        Some("none") => Some(OutputPlace::None),
        Some(_) => table.get("path").and_then(|value| value.path()).map(OutputPlace::File),
    };
    let takes_address = matches!(word, Some("journal" | "syslog"));
    if let Some(address) = address.filter(|_| !takes_address) {
        address.refused("only the journal and syslog have one; write path = \"syslog\", or remove it");
    }
    if let Some(facility) = facility.filter(|_| word != Some("syslog")) {
        facility.refused("only syslog has one; write path = \"syslog\", or remove it");
    }
    let rotate = table.get("rotate");
    let rotation = rotate.as_ref().and_then(|value| value.table(settings::ROTATE, rotation).flatten());
    let is_file = !takes_address && !matches!(word, Some("-" | "none") | None);
    if let Some(rotate) = rotate.filter(|_| !is_file) {
        rotate.refused("there is no file to rotate; write path = \"/var/log/linkhook/events.jsonl\", or remove it");
    }
    OutputSettings {
        rotation,
        place: place.unwrap_or_default(),
        format: table.get("format").and_then(|value| value.one_of(&["json", "text"])),
        events: events(table),
    }
}

fn events(table: &Table<'_>) -> OutputEvents {
    let chosen = chosen(table);
    refuse_never(table, &chosen.filter());
    let Chosen { kinds, families, interfaces, actions, signals, .. } = chosen;
    OutputEvents {
        kinds,
        families,
        interfaces,
        actions,
        signals,
        severity: Some(chosen.severity).filter(|severity| *severity > Severity::Debug),
        netns: good(table.get("netns"), Globs::new),
        filter: table.get("filter").and_then(|value| value.expression(Use::Filter)),
    }
}

/// A socket's path behind `unix:`; one that is not absolute begins at the file's directory.
fn unix(value: &Value<'_>) -> Option<PathBuf> {
    let path = value.text()?.strip_prefix(UNIX).filter(|path| !path.is_empty());
    if path.is_none() {
        value.wrong("\"unix:\" and the path of a socket are needed, such as \"unix:/run/systemd/journal/socket\"");
    }
    Some(value.source.path(value.offset()).parent().unwrap_or(Path::new("")).join(path?))
}

fn address(value: &Value<'_>) -> Option<Address> {
    let text = value.text()?;
    if text.starts_with(UNIX) {
        return unix(value).map(Address::Unix);
    }
    let host_and_port = text.strip_prefix(TCP).filter(|rest| {
        let (host, port) = rest.rsplit_once(':').unwrap_or_default();
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_name = !host.is_empty() && (is_bracketed || !host.contains(':'));
        is_name && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if host_and_port.is_none() {
        value.wrong("\"unix:/dev/log\" or \"tcp:loghost.example:601\" is needed: a socket, or a host and a port");
    }
    host_and_port.map(|address| Address::Tcp(address.to_owned()))
}

fn facility(value: &Value<'_>) -> Option<u8> {
    let word = value.one_of(&FACILITIES.map(|(name, _)| name))?;
    FACILITIES.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

fn rotation(table: &Table<'_>) -> Option<Rotation> {
    let size = table.need("size", "the bytes that a file has at most, such as \"100MiB\"")?.bytes();
    let keep = table.get("keep").map_or(Some(KEEP), |value| value.number(1, KEEP_MAX));
    let gzip =
        table.get("compress").map_or(Some(false), |value| value.one_of(&["gzip", "none"]).map(|word| word == "gzip"));
    Some(Rotation { size_bytes: size? as u64, keep: u32::try_from(keep?).ok()?, gzip: gzip? })
}
