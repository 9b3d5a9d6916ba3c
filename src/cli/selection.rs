//! What is told, and how: the arguments that several commands share.

use std::io::IsTerminal;
use std::path::PathBuf;

use crate::config::{Configuration, OutputPlace};
use crate::deliver::jq;
use crate::error::Result;
use crate::event::severity::Severity;
use crate::filter::Filter;
use crate::filter::globs::Globs;
use crate::netns::{Name, Wanted};
use crate::output::LineFormat;
use crate::output::text::Style;
use crate::output::text::terminal::{Width, is_utf8};
use crate::stream::Options;
use crate::words::{self, Named};

/// Which events, and how they are written.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Kinds of objects, such as link, addr or route; all when none is named
    #[arg(value_name = "KIND")]
    kinds: Vec<String>,
    /// Only objects of an address family
    #[arg(long, value_name = "FAMILY", value_parser = words::FAMILIES)]
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
    /// Only events that matter so much at least: debug, info, notice, warning, err
    #[arg(long, value_name = "SEVERITY", value_parser = words::severity)]
    severity: Option<Severity>,
    /// Only events for which a jq expression gives something else than null and false; it runs in a process of its own
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Stop after so many objects
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// How lines are written: json for programs (the default), text for eyes
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "text"])]
    format: Option<String>,
    /// Text has times in UTC, not local ones
    #[arg(long)]
    utc: bool,
    /// Write to a file, at its end, instead of stdout; a watch opens it anew on SIGHUP
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
    /// What is wanted, here or else by the configuration; linkhook's own where none is named.
    pub fn configured(&self, configured: Option<&Wanted>) -> Result<Wanted> {
        let said = self.all_netns || !self.netns.is_empty();
        configured.filter(|_| !said).map_or_else(|| self.wanted(), |configured| Ok(configured.clone()))
    }

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
    /// With what the configuration says where the command line says nothing.
    pub fn configured(&self, configuration: &Configuration) -> Arguments {
        fn or(said: &[String], configured: &[String]) -> Vec<String> {
            if said.is_empty() { configured.to_vec() } else { said.to_vec() }
        }
        let Configuration { watch, output, .. } = configuration;
        let family = if self.ipv4 || self.ipv6 { self.family.clone() } else { or(&self.family, &watch.families) };
        let path = match &output.place {
            OutputPlace::Stdout => None,
            OutputPlace::File(path) => Some(path.clone()),
            OutputPlace::None => Some("/dev/null".into()),
        };
        Arguments {
            kinds: or(&self.kinds, &watch.kinds),
            family,
            interface: or(&self.interface, &watch.interfaces),
            action: or(&self.action, &watch.actions),
            signal: or(&self.signal, &watch.signals),
            severity: self.severity.or(Some(watch.severity)),
            filter: self.filter.clone().or_else(|| watch.filter.clone()),
            format: self.format.clone().or_else(|| output.format.map(str::to_owned)),
            output: self.output.clone().or(path),
            ..*self
        }
    }

    /// Checks them all: what is to be told. `hello` and `bye` come when no kind is named, or when they are.
    pub fn options(&self) -> Result<Options> {
        let Named { kinds, own } = words::named(&self.kinds)?;
        self.filter.as_deref().map_or(Ok(()), jq::check)?;
        let filter = Filter {
            kinds,
            families: self.families(),
            interfaces: Globs::new(&self.interface)?,
            netns: Globs::default(),
            actions: words::actions(&self.action)?,
            signals: words::signals(&self.signal)?,
            severity: self.severity.unwrap_or(Severity::Debug),
            jq: self.filter.clone(),
        };
        let format =
            if self.format.as_deref() == Some("text") { LineFormat::Text(self.style()) } else { LineFormat::Json };
        Ok(Options { filter, format, own, count: self.count, ..Options::default() })
    }

    fn families(&self) -> Vec<u8> {
        let mut families = words::families(&self.family);
        for (wanted, family) in [(self.ipv4, "inet"), (self.ipv6, "inet6")] {
            if wanted {
                families.extend(words::families(&[family.into()]));
            }
        }
        families
    }

    /// How text is written: for a terminal, or for what is no terminal.
    fn style(&self) -> Style {
        let terminal = self.output.is_none() && std::io::stdout().is_terminal();
        Style {
            colours: terminal && self.colours(),
            utc: self.utc,
            ascii: !is_utf8(|name| std::env::var_os(name)),
            width: if terminal { Width::Terminal } else { Width::Whole },
        }
    }

    fn colours(&self) -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
    }
}
