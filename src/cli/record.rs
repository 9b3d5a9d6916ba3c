//! `linkhook record`: keep the raw messages, as pcap or in rtmon's format.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::selection;
use crate::decode::schema::Interface;
use crate::dumps::{self, Shown};
use crate::error::{Error, Result};
use crate::kinds::adapter::Adapter;
use crate::kinds::protocol::{Listening, Protocol};
use crate::kinds::{self, KindIndex};
use crate::mirror::Mirror;
use crate::mirror::silence::look::Scope;
use crate::netlink::socket::{Batch, Datagram, Socket, is_loss, is_overrun};
use crate::netlink::wire;
use crate::netns::Name;
use crate::recording::{pcap, rtmon};
use crate::units::{self, counted_were};
use crate::watch::subscribe::{Wanted, subscribe};
use crate::watch::{now_microseconds, signals};

/// A wait is at most so long, so that an end by signal or time is noticed.
const WAIT: Duration = Duration::from_millis(200);
/// No dump is waited for longer.
const DUMP_TIMEOUT: Duration = Duration::from_secs(60);

/// Arguments of `linkhook record`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    after_help = "A recording opens in Wireshark (pcap) or with 'ip monitor file' (rtmon), and 'linkhook decode' prints its events. \
From another machine, as it comes: ssh HOST linkhook record -o - | linkhook decode -"
)]
pub struct Arguments {
    /// Kinds of objects, such as link, addr or route, apart or with commas; all when none is named
    #[arg(value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// The file to write; - for stdout
    #[arg(short, long, value_name = "FILE", value_parser = super::values::output)]
    output: PathBuf,
    /// The file's format; by default rtmon's where the name ends in .rtmon, else pcap
    #[arg(long, value_name = "FORMAT", value_parser = ["pcap", "rtmon"])]
    format: Option<String>,
    /// Leave out what exists when the recording begins
    #[arg(long)]
    no_initial: bool,
    /// Stop after so many objects, those that exist included
    #[arg(long, value_name = "N", value_parser = super::values::count, allow_hyphen_values = true)]
    count: Option<u64>,
    /// Stop after that time, such as 10s or 5m, or seconds
    #[arg(short, long, value_name = "DURATION", value_parser = crate::units::duration_or_seconds, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    #[command(flatten)]
    groups: selection::Groups,
    /// Another network namespace: a name in /run/netns or a path
    #[arg(long, value_name = "NAME|PATH")]
    netns: Option<String>,
    /// Keep the keys of IPsec's associations and of WireGuard, which are left out otherwise: whoever has the file can read their
    /// traffic
    #[arg(long)]
    keys: bool,
    /// The size of the kernel's buffer for messages not read yet, such as 8MiB
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    receive_buffer: Option<usize>,
}

enum Recorder {
    Pcap(pcap::Writer<Box<dyn Write>>),
    Rtmon(rtmon::Writer<Box<dyn Write>>),
}

impl Recorder {
    fn write(&mut self, time_microseconds: i64, protocol: &Protocol, datagram: &[u8]) -> io::Result<()> {
        match self {
            Recorder::Pcap(writer) => writer.write(time_microseconds, protocol.number, datagram),
            Recorder::Rtmon(writer) => writer.write(time_microseconds, datagram).map(drop),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Recorder::Pcap(writer) => writer.flush(),
            Recorder::Rtmon(writer) => writer.flush(),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.netns {
        Some(name) => Name::new(name)?.open_or_explain()?.inside(|| record(arguments)),
        None => record(arguments),
    }
}

fn record(arguments: &Arguments) -> Result<()> {
    let kinds = crate::words::kinds_named(&arguments.kinds)?;
    let followed = kinds::by_protocol(&kinds);
    let adapter = |protocol| if arguments.keys { Adapter::with_secrets(protocol) } else { Adapter::new(protocol) };
    let listening = Listening { bound: arguments.groups.bound(&kinds, None)?, ..Listening::default() };
    let opened = followed.iter().map(|(protocol, kinds)| {
        let wanted = Wanted {
            kinds,
            actions: &[],
            listening: &listening,
            receive_buffer_bytes: arguments.receive_buffer,
            done: "recorded",
        };
        Recorded::open(adapter(protocol), &wanted)
    });
    let mut sources: Vec<Recorded> = opened.collect::<Result<_>>()?;
    if arguments.keys && followed.iter().any(|(protocol, _)| protocol.redact.is_some()) {
        log::warn!(
            "the recording holds the keys of IPsec's associations and of WireGuard: whoever has it can read their traffic"
        );
    }
    let signals = signals()?;
    let mut recorder = open(&arguments.output, arguments.format.as_deref())?;
    if let (Recorder::Rtmon(_), Some(other)) =
        (&recorder, sources.iter().find(|source| !source.adapter.protocol().is_default))
    {
        return Err(Error::usage(format_args!(
            "rtmon's format has no place for {}; write --format pcap",
            other.adapter.protocol().name
        )));
    }
    for source in &mut sources {
        for answer in std::mem::take(&mut source.learned) {
            crate::output::written(record_row(&mut recorder, source.adapter.protocol(), answer))?;
        }
    }
    let mut left = ObjectsLeft(arguments.count);
    for source in &mut sources {
        for (time, datagram) in std::mem::take(&mut source.early) {
            crate::output::written(take(source, &mut recorder, &mut left, time, &datagram))?;
        }
    }
    if !arguments.no_initial {
        crate::output::written(initial(&kinds, adapter, &mut recorder, &mut left)?)?;
    }
    let result = follow(arguments, &mut sources, &signals, &mut recorder, &mut left);
    let result = result.and_then(|lost| recorder.flush().map(|()| lost));
    match result {
        Ok(0) => Ok(()),
        Ok(lost) => {
            log::warn!("{} lost: the kernel's buffer was full", counted_were(lost.into(), "datagram"));
            Ok(())
        }
        Err(error) => crate::output::written(Err(error)),
    }
}

/// How many objects are to be recorded yet; `None` for any number.
struct ObjectsLeft(Option<u64>);

impl ObjectsLeft {
    fn is_none(&self) -> bool {
        self.0 == Some(0)
    }

    /// Takes off a message, if it is of any kind.
    fn take_message(&mut self, message: &wire::Message<'_>) {
        let family = message.payload.first().copied().unwrap_or_default();
        if let Some(left) = self.0.as_mut().filter(|_| kinds::of_message(message.header.kind, family).is_some()) {
            *left = left.saturating_sub(1);
        }
    }
}

/// What is recorded of a protocol.
struct Recorded {
    adapter: Adapter,
    socket: Socket,
    /// The answers by which its messages can be read.
    learned: Vec<Vec<u8>>,
    /// What came while groups were bound, with its time in microseconds since 1970.
    early: Vec<(i64, Vec<u8>)>,
}

impl Recorded {
    fn open(mut adapter: Adapter, wanted: &Wanted<'_>) -> Result<Recorded> {
        let (mut learned, mut early) = (Vec::new(), Vec::new());
        let (socket, _) = subscribe(
            &mut adapter,
            wanted,
            |answer| learned.push(answer.to_vec()),
            |_, datagram| early.push((now_microseconds(), datagram.to_vec())),
        )?;
        Ok(Recorded { adapter, socket, learned, early })
    }
}

fn open(path: &Path, format: Option<&str>) -> Result<Recorder> {
    let cannot = |error: io::Error| Error::system(format_args!("cannot write {}", path.display()), &error);
    let binary = || {
        Error::usage(
            "a recording is binary, and this is a terminal: name a file, or pipe it: linkhook record -o - | linkhook decode -",
        )
    };
    let output: Box<dyn Write> = if path == Path::new("-") {
        if io::stdout().is_terminal() {
            return Err(binary());
        }
        Box::new(BufWriter::new(io::stdout()))
    } else {
        let file = File::create(path).map_err(cannot)?;
        if file.is_terminal() {
            return Err(binary());
        }
        Box::new(BufWriter::new(file))
    };
    let rtmon =
        format.map_or(path.extension().is_some_and(|extension| extension == "rtmon"), |format| format == "rtmon");
    Ok(if rtmon {
        Recorder::Rtmon(rtmon::Writer::new(output, now_microseconds()).map_err(cannot)?)
    } else {
        Recorder::Pcap(pcap::Writer::new(output).map_err(cannot)?)
    })
}

/// Records a row of the kernel's answers as a datagram of its own.
fn record_row(recorder: &mut Recorder, protocol: &Protocol, mut row: Vec<u8>) -> io::Result<()> {
    row.resize(wire::align(row.len()), 0);
    recorder.write(now_microseconds(), protocol, &row)
}

/// Records what exists: each row as a datagram of its own, marked as a dump's (`NLM_F_MULTI`).
fn initial(
    wanted: &[KindIndex],
    adapter: impl Fn(&'static Protocol) -> Adapter,
    recorder: &mut Recorder,
    left: &mut ObjectsLeft,
) -> Result<io::Result<()>> {
    let mut mirror = Mirror::new();
    let mut result = Ok(());
    let link = const { KindIndex::of(&kinds::rtnetlink::link::LINK) };
    // Packets, and settings of interfaces, name them by their numbers.
    let names_links = |kind: &KindIndex| {
        let table = kind.table();
        kind.protocol() == link.protocol() || table.hooks.interfaces.is_some() || table.interface != Interface::None
    };
    let needs_names = wanted.iter().any(names_links);
    let first = (needs_names && !wanted.contains(&link)).then_some(link);
    for kind in first.into_iter().chain(wanted.iter().copied()) {
        if left.is_none() {
            break;
        }
        // What shows objects of several kinds is asked for once.
        let is_shown = |other: &&KindIndex| {
            let (one, other) = (kind.table(), other.table());
            one.hooks.of_links.is_some() && std::ptr::eq(one.dumps, other.dumps)
        };
        if wanted.iter().take_while(|&&other| other != kind).any(|other| is_shown(&other)) {
            continue;
        }
        let mut adapter = adapter(kind.protocol());
        // Else it is there for the names alone.
        let is_wanted = wanted.contains(&kind);
        let asks_others = KindIndex::all().any(|other| {
            let hooks = &other.table().hooks;
            hooks.asked_by.is_some() && hooks.read_by.is_some_and(|by| kind.table().is(by))
        });
        let recorded = dumps::each_row(
            dumps::requests(&[(kind, Scope::All)], &mirror),
            &mut adapter,
            || DUMP_TIMEOUT,
            |shown| {
                if result.is_err() || left.is_none() {
                    return;
                }
                let message = match shown {
                    Shown::Row(row) => {
                        result = record_row(recorder, kind.protocol(), row.bytes.to_vec());
                        return;
                    }
                    Shown::Again => return,
                    Shown::Object(message) => message,
                };
                mirror.links.learn(kind, message.payload, false);
                if asks_others && message.payload.len() >= kind.table().header.bytes {
                    mirror.apply(kind, false, message.header.flags, message.payload);
                }
                if is_wanted {
                    left.take_message(message);
                }
            },
        );
        let cannot = |error| Error::failed(format_args!("cannot record what exists of {}: {error}", kind.table().name));
        recorded.map_err(cannot)?;
    }
    Ok(result)
}

fn follow(
    arguments: &Arguments,
    sources: &mut [Recorded],
    signals: &mio::net::UnixStream,
    recorder: &mut Recorder,
    left: &mut ObjectsLeft,
) -> io::Result<u32> {
    let deadline = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let mut batch = Batch::new();
    let drops = |sources: &[Recorded]| {
        sources.iter().map(|source| source.socket.drops().unwrap_or_default()).fold(0, u32::wrapping_add)
    };
    let before = drops(sources);
    loop {
        let late = deadline.is_some_and(|deadline| deadline <= Instant::now());
        if left.is_none() || late || is_signalled(signals) {
            return Ok(drops(sources).wrapping_sub(before));
        }
        let mut is_quiet = true;
        for source in sources.iter_mut() {
            is_quiet &= !read(source, &mut batch, recorder, left)?;
        }
        if is_quiet {
            recorder.flush()?;
            let left = deadline.map_or(WAIT, |deadline| deadline.saturating_duration_since(Instant::now()).min(WAIT));
            let mut ready: Vec<PollFd<'_>> =
                sources.iter().map(|source| PollFd::new(&source.socket, PollFlags::IN)).collect();
            match poll(&mut ready, Some(&Timespec::try_from(left).unwrap_or_default())) {
                Err(error) if error != rustix::io::Errno::INTR => return Err(error.into()),
                _ => {}
            }
        }
    }
}

/// Records what one call gives; whether there was anything.
fn read(source: &mut Recorded, batch: &mut Batch, recorder: &mut Recorder, left: &mut ObjectsLeft) -> io::Result<bool> {
    match source.socket.receive(batch) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        Err(error) if is_loss(&error) => {
            // What a full buffer has cost is counted by the kernel, and said at the end.
            if !is_overrun(&error) {
                log::warn!("the kernel could not tell of a change, which is missing: {error}");
            }
            return Ok(true);
        }
        Err(error) => return Err(error),
    }
    let time = now_microseconds();
    let Protocol { needs_credentials, said_by, .. } = source.adapter.protocol();
    let is_believed = |datagram: &Datagram<'_>| {
        said_by.is_some()
            || (datagram.port == 0 && (!needs_credentials || datagram.sender.is_some_and(|sender| sender.process == 0)))
    };
    for datagram in batch.datagrams().filter(is_believed) {
        take(source, recorder, left, time, datagram.bytes)?;
    }
    Ok(true)
}

/// Records a datagram, if any more are wanted.
fn take(
    source: &mut Recorded,
    recorder: &mut Recorder,
    left: &mut ObjectsLeft,
    time_microseconds: i64,
    datagram: &[u8],
) -> io::Result<()> {
    if !left.is_none() {
        recorder.write(time_microseconds, source.adapter.protocol(), datagram)?;
        wire::messages(source.adapter.adapt(datagram)).for_each(|message| left.take_message(&message));
    }
    Ok(())
}

fn is_signalled(signals: &mio::net::UnixStream) -> bool {
    use std::io::Read;
    let mut stream = signals;
    stream.read(&mut [0; 16]).is_ok_and(|octets| octets > 0)
}
