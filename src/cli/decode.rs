//! `linkhook decode`: the same lines from a recording.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::lines::{EndedEarly, Lines};
use super::selection;
use crate::error::{Error, Result};
use crate::event::Origin;
use crate::kinds;
use crate::mirror::Mirror;
use crate::netlink::socket::NETLINK_ROUTE;
use crate::netlink::wire::{self, Message, NLM_F_MULTI, NLM_F_REQUEST, NLMSG_MIN_TYPE};
use crate::recording::{Reader, Recorded};
use crate::stream::{Options, Source, Stream, Telling};
use crate::units::counted;

/// Arguments of `linkhook decode`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    after_help = "A notification is printed as the event that it is: what is seen first is an 'add', what changes nothing is \
not printed. Each row of a dump is 'present'."
)]
pub struct Arguments {
    /// The recording: pcap, pcapng or rtmon's format; - for stdin
    file: PathBuf,
    /// Print notifications that change nothing, too
    #[arg(long)]
    unchanged: bool,
    #[command(flatten)]
    selection: selection::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let options =
        Options { present: true, unchanged: arguments.unchanged, own: Vec::new(), ..arguments.selection.options()? };
    let mut mirror = Mirror::new();
    let input: Box<dyn Read> = if arguments.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        // A name often comes after its first use: the file is read twice, first for the names alone.
        if open(&arguments.file)?.metadata().is_ok_and(|metadata| metadata.is_file()) {
            let mut reader = Reader::open(open(&arguments.file)?).map_err(|error| named(&arguments.file, &error))?;
            // An error is told by the second reading, after the lines before it.
            while let Ok(Some(recorded)) = reader.next() {
                note_names(&mut mirror, &recorded);
            }
        }
        Box::new(open(&arguments.file)?)
    };
    let mut stream = Stream::new(options);
    let mut lines = Lines::new(&stream, arguments.selection.output.as_deref())?;
    let result = decode(&arguments.file, input, &mut mirror, &mut stream, &mut lines);
    EndedEarly::quietly(result)
}

fn named(file: &Path, error: &Error) -> Error {
    Error::failed(format_args!("{}: {error}", file.display()))
}

fn open(file: &Path) -> Result<File> {
    File::open(file).map_err(|error| Error::system(format_args!("cannot open {}", file.display()), &error))
}

/// The messages of a recorded datagram that the kernel sent and that are no mere acknowledgements.
fn told<'a>(recorded: &Recorded<'a>) -> impl Iterator<Item = Message<'a>> + use<'a> {
    let ours = recorded.protocol == NETLINK_ROUTE;
    wire::messages(if ours { recorded.datagram } else { &[] }).filter(|message| {
        let header = &message.header;
        // A request carries no port id; a notification that echoes a request's flags carries the requester's.
        let request = header.flags & NLM_F_REQUEST != 0 && (header.port == 0 || is_get(header.kind));
        header.kind >= NLMSG_MIN_TYPE && !request
    })
}

/// rtnetlink's types come in fours: new, delete, get, set.
fn is_get(message_type: u16) -> bool {
    message_type % 4 == 2
}

fn note_names(mirror: &mut Mirror, recorded: &Recorded<'_>) {
    for message in told(recorded) {
        let family = message.payload.first().copied().unwrap_or_default();
        let kind = kinds::of_message(message.header.kind, family);
        if kind.is_some_and(|(kind, _)| kind.table().is(&kinds::rtnetlink::link::LINK)) {
            mirror.links.note_if_unknown(message.payload);
        }
    }
}

fn decode(
    file: &Path,
    input: impl Read,
    mirror: &mut Mirror,
    stream: &mut Stream,
    lines: &mut Lines,
) -> std::result::Result<(), EndedEarly> {
    let mut reader = Reader::open(input).map_err(|error| named(file, &error))?;
    let mut other_families: u64 = 0;
    loop {
        let recorded = match reader.next() {
            Ok(Some(recorded)) => recorded,
            Ok(None) => break,
            Err(error) => {
                lines.write_all(stream)?;
                return Err(named(file, &error).into());
            }
        };
        other_families += u64::from(recorded.protocol != NETLINK_ROUTE);
        let telling = Telling {
            origin: Origin::Replay,
            cause: None,
            time_microseconds: recorded.time_microseconds.unwrap_or_default(),
            netns: None,
            actor: None,
        };
        for message in told(&recorded) {
            let dump = message.header.flags & NLM_F_MULTI != 0;
            let source = if dump { Source::RecordedDump } else { Source::Recorded };
            stream.message(&mut lines.out, mirror, &message, source, telling);
            lines.write(stream)?;
            if stream.is_done() {
                return Ok(());
            }
        }
        if recorded.protocol == NETLINK_ROUTE {
            let mut messages = wire::messages(recorded.datagram);
            messages.by_ref().for_each(drop);
            // Requests of some programs end in zeros.
            if messages.rest().iter().any(|&octet| octet != 0) {
                let why = if recorded.cut_bytes > 0 { "cut short by the recorder" } else { "its length is wrong" };
                stream.undecoded(&mut lines.out, messages.rest(), why, telling);
            }
        }
        lines.write(stream)?;
    }
    lines.write_all(stream)?;
    if other_families > 0 {
        let datagrams = counted(other_families, "datagram");
        log::info!("of other netlink families than rtnetlink: {datagrams}, left out");
    }
    Ok(())
}
