//! `linkhook list`: what exists now.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::place::Place;
use super::{output, selection};
use crate::decode::schema::Interface;
use crate::dumps::{self, Shown};
use crate::error::{Error, Result};
use crate::event::Origin;
use crate::kinds::adapter::Adapter;
use crate::kinds::rtnetlink::tc;
use crate::kinds::{self, KindIndex};
use crate::mirror::Mirror;
use crate::mirror::silence::look::Scope;
use crate::netlink::dump::DumpError;
use crate::netlink::wire::Message;
use crate::netns::{self, Wanted};
use crate::retell::at;
use crate::retell::lines::{EndedEarly, Lines};
use crate::store::look::Look;
use crate::stream::{Options, Source, Stream, Telling};
use crate::units::counted_are;
use crate::watch::{denied, now_microseconds};
use crate::words;

/// No dump is waited for longer, unless the user says.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Arguments of `linkhook list`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Give up after that time, such as 10s, or seconds
    #[arg(short, long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// What existed at that time, as far as [history] has kept it: 2026-11-24 03:12, 03:12, yesterday, '1h ago'
    #[arg(long, value_name = "TIME", value_parser = crate::moment::moment, allow_hyphen_values = true)]
    at: Option<i64>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    namespaces: selection::Namespaces,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.selection.refuse_changes("list")?;
    let options = match arguments.at {
        Some(_) => arguments.selection.options_of(&arguments.namespaces.labels()?)?,
        None => arguments.selection.options()?,
    };
    refuse_unlisted(&options)?;
    let options = Options { present: true, own: Vec::new(), ..options };
    if let Some(time) = arguments.at {
        let look = Look::open(&arguments.place.find()?)?;
        return at::list(&look, time, options, |stream, unknown| {
            unknown.iter().for_each(|unknown| log::warn!("{unknown}"));
            output::lines(stream, arguments.selection.output.as_deref())
        });
    }
    if arguments.place.is_named() {
        return Err(Error::usage("--state-dir and --config say whose history is meant: write --at TIME, too"));
    }
    let link = const { KindIndex::of(&kinds::rtnetlink::link::LINK) };
    let wanted: Vec<KindIndex> = KindIndex::all().filter(|&kind| options.filter.follows(kind)).collect();
    let stream = Stream::new(options);
    let mut list = List {
        mirror: Mirror::new(),
        adapters: Vec::new(),
        lines: output::lines(&stream, arguments.selection.output.as_deref())?,
        stream,
        deadline: Instant::now() + arguments.timeout.unwrap_or(TIMEOUT),
        ended: None,
    };
    let wanted_namespaces = arguments.namespaces.wanted()?;
    let namespaces = netns::open_all(&wanted_namespaces)?;
    let mut left_out = 0;
    for netns in &namespaces {
        if let (Wanted::All(_), Err(error)) = (&wanted_namespaces, netns.try_entering()) {
            log::warn!("{error}; it is left out");
            left_out += 1;
            continue;
        }
        list.mirror = Mirror::new();
        list.adapters.clear();
        netns.inside(|| list.all(link, &wanted, netns.label()))?;
        if list.is_done() {
            break;
        }
    }
    EndedEarly::quietly(match list.ended {
        Some(ended) => Err(ended),
        None => list.lines.write_all(&mut list.stream),
    })?;
    match left_out {
        0 => Ok(()),
        left_out => Err(Error::failed(format_args!("{} left out", counted_are(left_out, "network namespace")))),
    }
}

/// What is named and cannot be listed is refused; where nothing is named, or something that the same word means can be listed,
/// it is left out.
fn refuse_unlisted(options: &Options) -> Result<()> {
    if let Some(own) = options.own.first() {
        return Err(Error::usage(format_args!(
            "'{own}' is an event of linkhook's own: nothing that exists and could be listed; 'linkhook watch {own}' tells it"
        )));
    }
    let is_named = |kind: KindIndex| options.filter.kinds.is_some() && options.filter.wants_kind(kind.place());
    let is_listed = |kind: KindIndex| is_named(kind) && !kind.table().dumps.is_empty();
    let mut unlisted = KindIndex::all()
        .filter(|&kind| is_named(kind) && !is_listed(kind) && !words::together(kind).into_iter().any(is_listed));
    match unlisted.next().map(KindIndex::table) {
        Some(kind) => Err(Error::usage(format_args!(
            "{} ({}) cannot be listed: the kernel tells it when it happens, and shows no list of it; follow it with \
             'linkhook watch {0}'",
            kind.name, kind.about
        ))),
        None => Ok(()),
    }
}

/// Whether a watch would tell of what the row shows: what `list` and `watch` say adds up to the same.
fn is_followed(message: &Message<'_>) -> bool {
    let family = message.payload.first().copied().unwrap_or_default();
    kinds::of_message(message.header.kind, family).is_none_or(|(kind, _)| !kind.table().is_kernels_own(message.payload))
}

struct List {
    mirror: Mirror,
    /// By protocol, of the namespace at hand.
    adapters: Vec<Adapter>,
    stream: Stream,
    lines: Lines,
    deadline: Instant,
    /// Why it ends before its time.
    ended: Option<EndedEarly>,
}

impl List {
    /// Whether nothing more is to be told.
    fn is_done(&self) -> bool {
        self.stream.is_done() || self.ended.is_some()
    }

    /// All kinds, in the namespace of the calling thread.
    fn all(&mut self, link: KindIndex, wanted: &[KindIndex], netns: Option<&str>) -> Result<()> {
        // A link may name another one that comes later, so that the names are learned first.
        let has_names =
            |kind: &KindIndex| kind.protocol() == link.protocol() || !matches!(kind.table().interface, Interface::None);
        if wanted.iter().any(has_names) {
            self.kind(link, true, netns)?;
        }
        for &kind in wanted {
            self.kind(kind, false, netns)?;
            if self.is_done() {
                break;
            }
        }
        Ok(())
    }

    /// What turns a kind's rows into what the tables read; the caller gives it back.
    fn adapter_of(&mut self, kind: KindIndex) -> Adapter {
        let known = self.adapters.iter().position(|adapter| adapter.protocol() == kind.protocol());
        known.map_or_else(|| Adapter::new(kind.protocol()), |place| self.adapters.swap_remove(place))
    }

    fn kind(&mut self, kind: KindIndex, names: bool, netns: Option<&str>) -> Result<()> {
        let telling = Telling {
            origin: Origin::Snapshot,
            cause: None,
            time_microseconds: now_microseconds(),
            netns,
            actor: None,
        };
        let deadline = self.deadline;
        let left = || deadline.saturating_duration_since(Instant::now());
        const QDISC: KindIndex = KindIndex::of(&tc::QDISC);
        const FILTER: KindIndex = KindIndex::of(&tc::FILTER);
        let hooks = &kind.table().hooks;
        // Filters and chains are asked for by what they are attached to, others by what they belong to.
        let by = hooks.parent_at.map(|_| QDISC).or(hooks.asked_by.and(hooks.read_by).map(KindIndex::of));
        if let Some(by) = by.filter(|&by| self.mirror.count(by) == 0) {
            let parents = dumps::requests(&[(by, Scope::All)], &self.mirror);
            let learned = dumps::each_row(parents, &mut self.adapter_of(by), left, |shown| {
                if let Shown::Object(row) = shown
                    && row.payload.len() >= by.table().header.bytes
                {
                    self.mirror.apply(by, false, row.header.flags, row.payload);
                }
            });
            learned.map_err(|error| Error::failed(format_args!("cannot list {}: {error}", kind.table().name)))?;
        }
        let requests = dumps::requests(&[(kind, Scope::All)], &self.mirror);
        let priorities = RefCell::new(Mirror::new());
        let mut adapter = self.adapter_of(kind);
        let mut take = |shown: Shown<'_>| {
            let message = match shown {
                Shown::Object(message) => message,
                Shown::Again => return self.mirror.list_again(),
                Shown::Row(_) => return,
            };
            if names {
                self.mirror.links.note(message.payload, false);
            } else if !self.is_done() && is_followed(message) {
                if kind == FILTER && tc::alone_in_priority(message.payload).is_some() {
                    priorities.borrow_mut().apply(FILTER, false, message.header.flags, message.payload);
                }
                self.stream.message(&mut self.lines.out, &mut self.mirror, message, Source::Listed, telling);
                self.ended = self.lines.write(&mut self.stream).err();
            }
        };
        let mut listed = dumps::each_row(requests, &mut adapter, left, &mut take);
        if listed.is_ok() {
            let left_out = dumps::requests_of_left_out(&priorities.borrow());
            listed = dumps::each_row(left_out, &mut adapter, left, &mut take);
        }
        self.adapters.push(adapter);
        listed.map_err(|error| {
            let written = self.lines.write_all(&mut self.stream);
            self.ended = self.ended.take().or(written.err());
            match error {
                // The kernel does not have the protocol, and that is said already.
                DumpError::Failed(error) if error.status() == 2 => error,
                DumpError::Refused(failure)
                    if failure.errno == libc::EPERM
                        && let Some(capability) = kind.table().hooks.needs.or(kind.protocol().needs) =>
                {
                    denied(&[kind], "listed", capability)
                }
                error => Error::failed(format_args!("cannot list {}: {error}", kind.table().name)),
            }
        })
    }
}
