//! What is told, and how: the arguments that several commands share.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Configuration, OutputPlace, OutputSettings};
use crate::decode::schema::Polled;
use crate::deliver::jq;
use crate::error::{Error, Result};
use crate::event::Action;
use crate::event::severity::Severity;
use crate::kinds::KindIndex;
use crate::kinds::protocol::Bound;
use crate::netns::{Name, Wanted};
use crate::output::LineFormat;
use crate::output::fields::Fields;
use crate::output::text::Style;
use crate::output::text::terminal::{Width, is_utf8};
use crate::reference;
use crate::stream::Options;
use crate::words::{self, Choice, Named};

/// Which events, and how they are written.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Kinds of objects, such as link, addr or route, apart or with commas; all when none is named
    #[arg(value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// Print what a jq expression gives for each event, as jq -r does; own events that are not named go to stderr
    #[arg(long, value_name = "EXPRESSION", conflicts_with_all = ["fields", "format", "json", "text"])]
    print: Option<String>,
    /// Only these keys of each line, in this order, such as ts,ifname,link.mtu; own events as with --print
    #[arg(long, value_name = "KEY", value_delimiter = ',', conflicts_with_all = ["format", "text"])]
    fields: Vec<String>,
    /// Stop after so many objects
    #[arg(long, value_name = "N", value_parser = super::values::count, allow_hyphen_values = true)]
    count: Option<u64>,
    #[command(flatten)]
    form: Form,
    /// Write to a file, at its end, instead of stdout; a watch opens it anew on SIGHUP
    #[arg(short, long, value_name = "FILE", value_parser = super::values::output)]
    pub output: Option<PathBuf>,
}

/// Which events of the kinds that are wanted.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Filters {
    /// Only objects of these address families
    #[arg(long, value_name = "FAMILY", value_delimiter = ',', value_parser = words::FAMILIES)]
    family: Vec<String>,
    /// The same as --family inet
    #[arg(short = '4')]
    ipv4: bool,
    /// The same as --family inet6
    #[arg(short = '6')]
    ipv6: bool,
    /// Only what concerns an interface: a name, alternative or former ones too, or a pattern such as 'eth*'; '!veth*' leaves
    /// out
    #[arg(short, long, value_name = "PATTERN", value_delimiter = ',')]
    interface: Vec<String>,
    /// Only these actions: add, change, remove, present
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// Only events with one of these signals, such as carrier_lost
    #[arg(long, value_name = "SIGNAL", value_delimiter = ',')]
    signal: Vec<String>,
    /// Only events that matter so much at least: debug, info, notice, warning, err; text at a terminal begins with info
    #[arg(long, value_name = "SEVERITY", value_parser = words::severity)]
    severity: Option<Severity>,
    /// Only routes and rules of these routing tables: names such as main, or numbers
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    table: Vec<String>,
    /// Only events for which a jq expression gives something else than null and false; it runs in a process of its own
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
}

/// How a line is written, for programs or for eyes.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Form {
    /// How lines are written: json for programs (the default), text for eyes
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "text"])]
    format: Option<String>,
    /// Text has times in UTC, not local ones
    #[arg(long)]
    utc: bool,
    /// The same as --format json
    #[arg(long, conflicts_with_all = ["format", "text"])]
    json: bool,
    /// The same as --format text
    #[arg(long, conflicts_with = "format")]
    text: bool,
    /// Whether text has colours; auto: at a terminal, unless NO_COLOR is set
    #[arg(long, visible_alias = "colour", value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    color: Option<String>,
}

/// Which groups of logged packets.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Groups {
    /// Of 'nflog': a group that rules log packets to, such as 5; several by repeating it
    #[arg(long, value_name = "N", value_delimiter = ',')]
    nflog_group: Vec<u16>,
}

impl Groups {
    /// What is to be bound for these kinds, here or else by the configuration.
    pub fn bound(&self, kinds: &[KindIndex], configured: Option<&Bound>) -> Result<Bound> {
        let is_wanted = kinds.iter().any(|kind| kind.protocol().binding.is_some());
        let bound = match (self.nflog_group.is_empty(), configured) {
            (true, configured) => configured.cloned().unwrap_or_default(),
            (false, configured) => {
                Bound { groups: self.nflog_group.clone(), ..configured.cloned().unwrap_or_default() }
            }
        };
        if is_wanted && bound.groups.is_empty() {
            return Err(Error::usage(
                "nflog needs the groups that the rules log to: name them with --nflog-group N, or in a configuration with \
                 nflog = { groups = [N] } in its [watch]",
            ));
        }
        if !is_wanted && !self.nflog_group.is_empty() {
            return Err(Error::usage(
                "--nflog-group is for 'nflog', which is not named: linkhook nflog --nflog-group N",
            ));
        }
        Ok(bound)
    }
}

/// How often it is looked at what the kernel does not tell.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Polling {
    /// Look so often at what the kernel tells nothing of, such as wireguard, and tell what differs
    #[arg(long, value_name = "DURATION", value_parser = super::values::some_duration, allow_hyphen_values = true)]
    poll: Option<Duration>,
}

impl Polling {
    /// How often, here or else by the configuration; what would never come without it is refused.
    pub fn every(&self, kinds: &[KindIndex], configured: Option<Duration>) -> Result<Option<Duration>> {
        let every = self.poll.or(configured);
        let only_polled =
            kinds.iter().find(|kind| kind.table().hooks.polled == Polled::Only).filter(|_| every.is_none());
        match only_polled.map(|kind| kind.table().name) {
            Some(name) => Err(Error::usage(format_args!(
                "the kernel tells nothing of {name}: say how often it is to be looked at, with --poll 10s, or in a configuration \
                 with poll = \"10s\" in its [watch]; 'linkhook list {name}' shows what is there now"
            ))),
            None => Ok(every),
        }
    }
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
    /// The same, and all those in another directory, such as Docker's /run/docker/netns; several by repeating it
    #[arg(long, value_name = "DIR", conflicts_with = "netns", value_parser = super::values::directory)]
    netns_dir: Vec<PathBuf>,
}

/// Of which network namespaces that is told which was kept.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct KeptNamespaces {
    /// Only of these network namespaces: names as lines have them, '.' for linkhook's own, or patterns such as 'cni-*'
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub netns: Vec<String>,
}

impl Namespaces {
    /// The names, as lines have them, of those that are named.
    pub fn labels(&self) -> Result<Vec<String>> {
        self.netns.iter().map(|name| Name::new(name).map(|name| name.label().to_owned())).collect()
    }

    /// What is wanted, here or else by the configuration; linkhook's own where none is named.
    pub fn configured(&self, configured: Option<&Wanted>) -> Result<Wanted> {
        let said = self.all_netns || !self.netns.is_empty() || !self.netns_dir.is_empty();
        configured.filter(|_| !said).map_or_else(|| self.wanted(), |configured| Ok(configured.clone()))
    }

    /// What is wanted; linkhook's own where none is named.
    pub fn wanted(&self) -> Result<Wanted> {
        if self.all_netns || !self.netns_dir.is_empty() {
            return Ok(Wanted::All(self.netns_dir.clone()));
        }
        if self.netns.is_empty() {
            return Ok(Wanted::Own);
        }
        self.netns.iter().map(|name| Name::new(name)).collect::<Result<_>>().map(Wanted::Named)
    }
}

impl Arguments {
    /// Whether it says where lines go, or how they are written: then one output has them all.
    pub fn says_output(&self) -> bool {
        self.output.is_some() || self.print.is_some() || !self.fields.is_empty() || self.form.format().is_some()
    }

    /// With what the configuration says where the command line says nothing. Of the outputs, the one that is given.
    pub fn configured(&self, configuration: &Configuration, output: Option<&OutputSettings>) -> Arguments {
        fn or(said: &[String], configured: &[String]) -> Vec<String> {
            if said.is_empty() { configured.to_vec() } else { said.to_vec() }
        }
        let Configuration { watch, .. } = configuration;
        let said = &self.filters;
        let family = if said.ipv4 || said.ipv6 { said.family.clone() } else { or(&said.family, &watch.families) };
        let path = match output.map(|output| &output.place) {
            Some(OutputPlace::File(path)) => Some(path.clone()),
            Some(OutputPlace::None) => Some("/dev/null".into()),
            Some(OutputPlace::Stdout | OutputPlace::Journal(_) | OutputPlace::Syslog(..)) | None => None,
        };
        let filters = Filters {
            family,
            interface: or(&said.interface, &watch.interfaces),
            action: or(&said.action, &watch.actions),
            signal: or(&said.signal, &watch.signals),
            severity: said.severity.or(Some(watch.severity).filter(|severity| *severity > Severity::Debug)),
            table: said.table.clone(),
            filter: said.filter.clone().or_else(|| watch.filter.clone()),
            ..*said
        };
        let form = Form {
            format: self.form.format().or(output.and_then(|output| output.format)).map(str::to_owned),
            color: self.form.color.clone(),
            ..self.form
        };
        Arguments {
            kinds: or(&self.kinds, &watch.kinds),
            filters,
            print: self.print.clone(),
            fields: self.fields.clone(),
            count: self.count,
            form,
            output: self.output.clone().or(path),
        }
    }

    /// Checks them all: what is to be told. Of linkhook's own events, those that are named.
    pub fn options(&self) -> Result<Options> {
        self.options_of(&[])
    }

    /// The same, of some network namespaces alone, where patterns for names are given.
    pub fn options_of(&self, netns: &[String]) -> Result<Options> {
        let options = self.filters.options(&self.kinds, netns, self.least_severity())?;
        self.print.as_deref().map_or(Ok(()), |print| jq::check(jq::Use::Print, print))?;
        self.fields.iter().try_for_each(|path| words::field(path, reference::paths))?;
        let format = match self.form.line(self.is_terminal()) {
            _ if !self.fields.is_empty() => LineFormat::Fields,
            _ if self.print.is_some() => LineFormat::Json,
            format => format,
        };
        Ok(Options {
            format,
            fields: Fields::new(self.fields.clone()),
            print: self.print.clone(),
            count: self.count,
            ..options
        })
    }

    /// Whether anything is chosen: kinds, what of them, or what of each line.
    pub fn is_narrowed(&self) -> bool {
        self.filters.is_narrowed() || self.print.is_some() || !self.kinds.is_empty() || !self.fields.is_empty()
    }

    /// What a command that shows only what exists has no use for is refused.
    pub fn refuse_changes(&self, command: &str) -> Result<()> {
        let Filters { action, signal, .. } = &self.filters;
        if let Some(action) = action.iter().find(|action| *action != Action::Present.name()) {
            words::actions(std::slice::from_ref(action))?;
            return Err(Error::usage(format_args!(
                "'{command}' shows what exists, as 'present': there is no '{action}' among it; leave out --action, or \
                 follow changes with 'linkhook watch'"
            )));
        }
        if !signal.is_empty() {
            words::signals(signal)?;
            return Err(Error::usage(format_args!(
                "'{command}' shows what exists, and signals tell of changes; leave out --signal, or follow changes with \
                 'linkhook watch'"
            )));
        }
        Ok(())
    }

    /// What is told where nothing is said: the kernel's own bookkeeping is not what a person at a terminal reads, unless that
    /// is all that the kinds which are named have.
    fn least_severity(&self) -> Severity {
        let is_for_eyes = self.form.format() == Some("text") && self.is_terminal();
        let named = || words::named(&self.kinds).ok().and_then(|named| named.kinds);
        let has_more = || {
            named().is_none_or(|named| {
                words::most_severe(KindIndex::all().filter(|kind| named[kind.place()])) >= Severity::Info
            })
        };
        if is_for_eyes && has_more() { Severity::Info } else { Severity::Debug }
    }

    fn is_terminal(&self) -> bool {
        self.output.as_ref().is_none_or(|path| path.as_os_str() == "-") && std::io::stdout().is_terminal()
    }
}

impl Filters {
    /// Checks them all, with the kinds that are named and patterns for names of network namespaces: what is to be told, of linkhook's own events
    /// those that are named. `least` is how much an event must matter where nothing is said.
    pub fn options(&self, kinds: &[String], netns: &[String], least: Severity) -> Result<Options> {
        // What is no kind may be a slip that this knows better.
        named(kinds)?;
        self.filter.as_deref().map_or(Ok(()), |filter| jq::check(jq::Use::Filter, filter))?;
        let chosen = Choice {
            kinds: kinds.to_vec(),
            families: self.families(),
            interfaces: self.interface.clone(),
            netns: netns.to_vec(),
            actions: self.action.clone(),
            signals: self.signal.clone(),
            severity: Some(self.severity.unwrap_or(least)),
            tables: self.table.clone(),
            jq: self.filter.clone(),
        };
        let (filter, own) = chosen.filter()?;
        Ok(Options { filter, named: own.clone(), own, ..Options::default() })
    }

    /// Whether any of them is given.
    pub fn is_narrowed(&self) -> bool {
        let lists = [&self.family, &self.interface, &self.action, &self.signal, &self.table];
        self.ipv4
            || self.ipv6
            || self.severity.is_some_and(|severity| severity > Severity::Debug)
            || self.filter.is_some()
            || lists.iter().any(|list| !list.is_empty())
    }

    /// Those that choose among events of one object, which hide what becomes of it: the first that is given.
    pub fn among_events(&self) -> Option<&'static str> {
        let given = [
            (!self.action.is_empty(), "--action"),
            (!self.signal.is_empty(), "--signal"),
            (self.severity.is_some(), "--severity"),
            (!self.table.is_empty(), "--table"),
            (!self.interface.is_empty(), "--interface"),
            (self.filter.is_some(), "--filter"),
        ];
        given.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
    }

    fn families(&self) -> Vec<String> {
        let short = [(self.ipv4, "inet"), (self.ipv6, "inet6")];
        let short = short.iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, family)| (*family).to_owned());
        self.family.iter().cloned().chain(short).collect()
    }
}

impl Form {
    fn format(&self) -> Option<&'static str> {
        match self.format.as_deref() {
            _ if self.text => Some("text"),
            _ if self.json => Some("json"),
            Some("text") => Some("text"),
            Some(_) => Some("json"),
            None => None,
        }
    }

    /// How lines are written to a terminal, or to what is none.
    pub fn line(&self, is_terminal: bool) -> LineFormat {
        if self.format() != Some("text") {
            return LineFormat::Json;
        }
        LineFormat::Text(Style {
            colours: self.colours(is_terminal),
            utc: self.utc,
            ascii: !is_utf8(|name| std::env::var_os(name)),
            width: if is_terminal { Width::Terminal } else { Width::Whole },
            bare: false,
        })
    }

    fn colours(&self, is_terminal: bool) -> bool {
        match self.color.as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => {
                is_terminal
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
            }
        }
    }
}

/// Kinds and own events by their names. A command's word behind them, or one that is mistyped, is a slip of its own.
pub fn named(names: &[String]) -> Result<Named> {
    words::named(names).map_err(|error| {
        if let Some(command) = names.iter().find(|name| super::arguments::is_command(name)) {
            let others: Vec<&str> = names.iter().filter(|name| *name != command).map(String::as_str).collect();
            let others = others.join(" ");
            return Error::usage(format_args!(
                "unknown kind '{command}'; a command's word comes before the kinds: linkhook {command} {others}"
            ));
        }
        let first = names.first().filter(|first| words::named(std::slice::from_ref(*first)).is_err());
        match first.and_then(|first| Some((first, super::arguments::nearest_command(first)?))) {
            Some((first, command)) => {
                Error::usage(format_args!("there is no kind and no command '{first}'; did you mean '{command}'?"))
            }
            None => error,
        }
    })
}
