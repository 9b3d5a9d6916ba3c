//! `linkhook decode`: the same lines from a recording.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{output, selection};
use crate::error::{Error, Result};
use crate::event::Origin;
use crate::kinds;
use crate::kinds::adapter::Adapter;
use crate::kinds::protocol::Protocol;
use crate::mirror::Mirror;
use crate::netlink::socket::NETLINK_ROUTE;
use crate::netlink::wire::{self, Message, NLM_F_MULTI, NLM_F_REQUEST, NLMSG_MIN_TYPE};
use crate::recording::{Reader, Recorded};
use crate::retell;
use crate::retell::lines::{EndedEarly, Lines};
use crate::stream::{Options, Source, Stream, Telling};
use crate::units::counted;
use crate::words;

/// Arguments of `linkhook decode`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    after_help = "A notification is printed as the event that it is: what is seen first is an 'add', what changes nothing is \
not printed. Each row of a dump is 'present'."
)]
pub struct Arguments {
    /// The recording: pcap, pcapng or rtmon's format, or linkhook's own lines; - for stdin, as it comes
    file: PathBuf,
    /// Print notifications that change nothing, too
    #[arg(long)]
    unchanged: bool,
    /// Another recording of the same machine, which has names that this one lacks: of families of generic netlink, of interfaces, of
    /// nf_tables' sets
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let selected = arguments.selection.options()?;
    let narrowed = arguments.selection.is_narrowed();
    let options = Options {
        present: true,
        unchanged: arguments.unchanged,
        // Those that stand in a file of lines.
        own: words::own_events(selected.own.clone(), narrowed, !narrowed),
        ..selected
    };
    let stream = Stream::new(options);
    let lines = output::lines(&stream, arguments.selection.output.as_deref())?;
    let told = Told { both: RefCell::new((stream, lines)), failure: Cell::new(None) };
    let result = tell(&arguments.file, arguments.names.as_deref(), &told);
    // What could not be written is why the input was not read to its end.
    EndedEarly::quietly(told.failure.take().map_or(result, Err))
}

fn tell(path: &Path, names: Option<&Path>, told: &Told) -> std::result::Result<(), EndedEarly> {
    let file = if path == Path::new("-") {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        File::from(stdin.map_err(|error| Error::system("cannot use stdin", &error))?)
    } else {
        open(path)?
    };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let mut input = Arriving { file, told, waits: !is_file };
    // The first byte tells lines from recordings; an empty file has none.
    let mut first = Vec::new();
    let cannot = |error| Error::system(format_args!("cannot read {}", path.display()), &error);
    (&mut input).take(1).read_to_end(&mut first).map_err(cannot)?;
    let is_lines = first.as_slice() == b"{";
    let input = Cursor::new(first).chain(input);
    if is_lines {
        return retell::lines(path, BufReader::new(input), &told.both);
    }
    let (mut mirror, mut adapters) = (Mirror::new(), Adapters::default());
    // A name often comes after its first use: a file is read twice, first for the names alone. An error is told by the second reading,
    // after the lines before it.
    if is_file && path != Path::new("-") {
        let _ = note_names_of(path, &mut mirror, &mut adapters)?;
    }
    // Where both have a name, that of the file itself counts; which number a family has is learned as it is read.
    if let Some(path) = names {
        note_names_of(path, &mut mirror, &mut adapters)?.map_err(|error| named(path, &error))?;
    }
    decode(path, input, (&mut mirror, &mut adapters), told)
}

/// The stream and its lines, which are written before the input waits for more.
struct Told {
    both: RefCell<(Stream, Lines)>,
    /// Why they could not be written then.
    failure: Cell<Option<EndedEarly>>,
}

/// Input that may come bit by bit: whatever was told is written before it is waited for.
struct Arriving<'t> {
    file: File,
    told: &'t Told,
    /// Whether a read may wait: not of a file on a disk.
    waits: bool,
}

impl Read for Arriving<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waits && would_wait(&self.file) {
            let (stream, lines) = &mut *self.told.both.borrow_mut();
            if let Err(ended) = lines.write_all(stream) {
                self.told.failure.set(Some(ended));
                return Err(io::Error::other("the output cannot be written"));
            }
        }
        self.file.read(buffer)
    }
}

fn would_wait(file: &File) -> bool {
    let mut ready = [PollFd::new(file, PollFlags::IN)];
    poll(&mut ready, Some(&Timespec::default())).is_ok() && ready[0].revents().is_empty()
}

fn named(file: &Path, error: &Error) -> Error {
    Error::failed(format_args!("{}: {error}", file.display()))
}

fn open(file: &Path) -> Result<File> {
    File::open(file).map_err(|error| Error::system(format_args!("cannot open {}", file.display()), &error))
}

/// What turns recorded datagrams into what the tables read, by protocol. It has learned from all of a file that is read twice.
#[derive(Default)]
struct Adapters {
    each: Vec<Adapter>,
    redacted: Vec<u8>,
}

impl Adapters {
    /// A datagram as the tables read it, without what nobody may see, and its protocol where that is known.
    fn adapt<'d>(&'d mut self, recorded: &Recorded<'d>) -> (Option<&'static Protocol>, &'d [u8]) {
        let Some(protocol) = kinds::protocol(recorded.protocol) else { return (None, recorded.datagram) };
        let Adapters { each, redacted } = self;
        let place = each.iter().position(|adapter| adapter.protocol() == protocol).unwrap_or_else(|| {
            each.push(Adapter::new(protocol));
            each.len() - 1
        });
        let mut datagram = recorded.datagram;
        if let Some(redact) = protocol.redact {
            redacted.clear();
            redacted.extend_from_slice(datagram);
            redact(redacted);
            datagram = redacted;
        }
        (Some(protocol), each[place].adapt(datagram))
    }
}

/// The messages of a recorded datagram that the kernel sent and that are no mere acknowledgements.
fn messages_told<'a>(protocol: Option<&Protocol>, datagram: &'a [u8]) -> impl Iterator<Item = Message<'a>> + use<'a> {
    let is_rtnetlink = protocol.is_some_and(|protocol| protocol.number == NETLINK_ROUTE);
    let answers = protocol.and_then(|protocol| protocol.is_answer);
    wire::messages(if protocol.is_some() { datagram } else { &[] }).filter(move |message| {
        let header = &message.header;
        // A request carries no port id; a notification that echoes a request's flags carries the requester's. rtnetlink's types
        // come in fours: new, delete, get, set.
        let is_get = is_rtnetlink && header.kind % 4 == 2;
        let is_request = header.flags & NLM_F_REQUEST != 0 && (header.port == 0 || is_get || !is_rtnetlink);
        let is_answer = answers.is_some_and(|is_answer| is_answer(header.kind));
        header.kind >= NLMSG_MIN_TYPE && !is_request && !is_answer
    })
}

/// Notes the names in a recording up to its end, or up to what is wrong with it.
fn note_names_of(path: &Path, mirror: &mut Mirror, adapters: &mut Adapters) -> Result<Result<()>> {
    let mut reader = Reader::open(open(path)?).map_err(|error| named(path, &error))?;
    Ok(loop {
        match reader.next() {
            Ok(Some(recorded)) => note_names(mirror, adapters, &recorded),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    })
}

fn note_names(mirror: &mut Mirror, adapters: &mut Adapters, recorded: &Recorded<'_>) {
    let (protocol, datagram) = adapters.adapt(recorded);
    for message in messages_told(protocol, datagram) {
        let family = message.payload.first().copied().unwrap_or_default();
        if let Some((kind, removes)) = kinds::of_message(message.header.kind, family) {
            mirror.links.learn_if_unknown(kind, message.payload, removes);
        }
    }
}

fn decode(
    file: &Path,
    input: impl Read,
    (mirror, adapters): (&mut Mirror, &mut Adapters),
    told: &Told,
) -> std::result::Result<(), EndedEarly> {
    let mut reader = Reader::open(input).map_err(|error| named(file, &error))?;
    let mut other_families: u64 = 0;
    loop {
        // While it reads, what was told may be written.
        let recorded = reader.next();
        let (stream, lines) = &mut *told.both.borrow_mut();
        let recorded = match recorded {
            Ok(Some(recorded)) => recorded,
            Ok(None) => {
                lines.write_all(stream)?;
                break;
            }
            Err(error) => {
                lines.write_all(stream)?;
                return Err(named(file, &error).into());
            }
        };
        other_families += u64::from(kinds::protocol(recorded.protocol).is_none());
        tell_recorded(&recorded, (mirror, adapters), stream, lines)?;
        if stream.is_done() {
            return Ok(());
        }
        lines.write(stream)?;
    }
    if other_families > 0 {
        let datagrams = counted(other_families, "datagram");
        log::info!("of netlink protocols that are not known: {datagrams}, left out");
    }
    Ok(())
}

/// Tells what a datagram says, until nothing more is wanted.
fn tell_recorded(
    recorded: &Recorded<'_>,
    (mirror, adapters): (&mut Mirror, &mut Adapters),
    stream: &mut Stream,
    lines: &mut Lines,
) -> std::result::Result<(), EndedEarly> {
    let telling = Telling {
        origin: Origin::Replay,
        cause: None,
        time_microseconds: recorded.time_microseconds.unwrap_or_default(),
        netns: None,
        actor: None,
    };
    let (protocol, datagram) = adapters.adapt(recorded);
    for message in messages_told(protocol, datagram) {
        // What is told to everybody is no row of a dump, though the family team marks it so.
        let is_told = message.header.port == 0 && message.header.sequence == 0;
        let dump = message.header.flags & NLM_F_MULTI != 0 && !is_told;
        let source = if dump { Source::RecordedDump } else { Source::Recorded };
        stream.message(&mut lines.out, mirror, &message, source, telling);
        lines.write(stream)?;
        if stream.is_done() {
            return Ok(());
        }
    }
    if protocol.is_some() {
        let mut messages = wire::messages(datagram);
        messages.by_ref().for_each(drop);
        // Requests of some programs end in zeros.
        if messages.rest().iter().any(|&octet| octet != 0) {
            let why = if recorded.cut_bytes > 0 { "cut short by the recorder" } else { "its length is wrong" };
            stream.undecoded(&mut lines.out, messages.rest(), why, telling);
        }
    }
    Ok(())
}
