//! What linkhook and a child that runs a jq expression say to each other, over the child's stdin and stdout.
//!
//! A frame is its length in bytes (four bytes, little endian), then so many bytes:
//!
//! | from | frame | meaning |
//! | --- | --- | --- |
//! | child | `h` | its limits are set, and it dies with its parent: it may be told what to run |
//! | parent | `f` and a jq expression | it decides |
//! | child | `r`, or `e` and why | it is ready; or it cannot run that |
//! | parent | `p` and a jq expression | it says what is printed of an event |
//! | child | `r`, or `e` and why | the same |
//! | parent | an event's line, any number of them; with a space before it, the filter does not decide on it | |
//! | child | `k`, `d`, `p` and text, or `b` and why | for each event, in order, several at once: keep it, drop it, print that of it, or an expression failed on it |
//!
//! There is a filter, or what is printed, or both, the filter first; or one expression alone that makes a body of a batch
//! (`m`), or says what an answer means (`t`): a batch, or an answer, stands in an event's place then.
//!
//! The end of its stdin is the child's end.

use std::io::{self, Read, Write};

/// The longest frame. No event that linkhook can read from the kernel comes near.
pub const FRAME_BYTES_MAX: usize = 64 << 20;
/// The child's reasons are cut to this.
const REASON_BYTES_MAX: usize = 2000;
const LENGTH_BYTES: usize = 4;

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The filter lets it through.
    Keep,
    /// The same, and this is printed of it.
    Print(Vec<u8>),
    /// The filter leaves it out.
    Drop,
    /// The filter failed on it, or broke its process, and why.
    Broken(String),
}

/// What the child says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is bound.
    Hello,
    /// It is ready for events.
    Ready,
    /// It cannot run.
    Refused(String),
    /// What becomes of the next event.
    Verdict(Verdict),
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It decides which events are told.
    Filter,
    /// It says what is printed of an event.
    Print,
    /// It makes a body of a batch.
    Body,
    /// It says what a receiver's answer means.
    Taken,
}

impl Use {
    /// Every use.
    pub const ALL: [Use; 4] = [Use::Filter, Use::Print, Use::Body, Use::Taken];

    /// The frame's first byte. No event, batch or answer begins with it.
    pub fn octet(self) -> u8 {
        match self {
            Use::Filter => b'f',
            Use::Print => b'p',
            Use::Body => b'm',
            Use::Taken => b't',
        }
    }

    /// What errors call it.
    pub fn words(self) -> &'static str {
        match self {
            Use::Filter => "the jq filter",
            Use::Print => "--print",
            Use::Body => "the jq body",
            Use::Taken => "the jq expression 'taken'",
        }
    }

    /// What may be written.
    pub fn example(self) -> &'static str {
        match self {
            Use::Filter => "'.event == \"link\"'",
            Use::Print => "'.ifname'",
            Use::Body => "'.events'",
            Use::Taken => "'.body.errors == 0'",
        }
    }
}

/// An event's line on which the filter does not decide.
pub fn undecided(line: &[u8]) -> Vec<u8> {
    [b" ", line].concat()
}

/// Adds a frame.
pub fn push(out: &mut Vec<u8>, octets: &[u8]) {
    debug_assert!(octets.len() <= FRAME_BYTES_MAX);
    out.extend_from_slice(&(octets.len() as u32).to_le_bytes());
    out.extend_from_slice(octets);
}

/// The first frame of what was received so far, and how many bytes it takes; `None` until it is whole.
pub fn first(received: &[u8]) -> io::Result<Option<(&[u8], usize)>> {
    let Some((length, rest)) = received.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = checked(*length)?;
    Ok(rest.get(..length).map(|frame| (frame, LENGTH_BYTES + length)))
}

/// Waits for a frame; `None` when the other side has ended.
pub fn read(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; LENGTH_BYTES];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut frame = vec![0; checked(length)?];
    reader.read_exact(&mut frame)?;
    Ok(Some(frame))
}

fn checked(length: [u8; LENGTH_BYTES]) -> io::Result<usize> {
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_BYTES_MAX { Err(io::ErrorKind::InvalidData.into()) } else { Ok(length) }
}

impl Answer {
    /// Says it in one write.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.frame())?;
        writer.flush()
    }

    /// As a frame.
    pub fn frame(&self) -> Vec<u8> {
        let cut = |why: &'_ str| why.as_bytes()[..why.floor_char_boundary(REASON_BYTES_MAX)].to_vec();
        let (kind, text) = match self {
            Answer::Hello => (b'h', Vec::new()),
            Answer::Ready => (b'r', Vec::new()),
            Answer::Refused(why) => (b'e', cut(why)),
            Answer::Verdict(Verdict::Keep) => (b'k', Vec::new()),
            Answer::Verdict(Verdict::Print(text)) => (b'p', text.clone()),
            Answer::Verdict(Verdict::Drop) => (b'd', Vec::new()),
            Answer::Verdict(Verdict::Broken(why)) => (b'b', cut(why)),
        };
        let mut octets = vec![kind];
        octets.extend(text);
        let mut frame = Vec::with_capacity(LENGTH_BYTES + octets.len());
        push(&mut frame, &octets);
        frame
    }

    /// Reads a frame; `None` where it is none of the child's.
    pub fn parse(frame: &[u8]) -> Option<Answer> {
        let (kind, octets) = frame.split_first()?;
        let text = || String::from_utf8_lossy(octets).into_owned();
        Some(match kind {
            b'h' => Answer::Hello,
            b'r' => Answer::Ready,
            b'e' => Answer::Refused(text()),
            b'k' => Answer::Verdict(Verdict::Keep),
            b'p' => Answer::Verdict(Verdict::Print(octets.to_vec())),
            b'd' => Answer::Verdict(Verdict::Drop),
            b'b' => Answer::Verdict(Verdict::Broken(text())),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_read_as_they_were_said() {
        let answers = [
            Answer::Hello,
            Answer::Ready,
            Answer::Refused("no".into()),
            Answer::Verdict(Verdict::Keep),
            Answer::Verdict(Verdict::Print(b"a line\n".to_vec())),
            Answer::Verdict(Verdict::Drop),
            Answer::Verdict(Verdict::Broken("a string has no keys".into())),
        ];
        let mut said = Vec::new();
        answers.iter().for_each(|answer| answer.write(&mut said).unwrap());
        // However it is cut into pieces.
        let mut received = Vec::new();
        let mut heard = Vec::new();
        for octet in said {
            received.push(octet);
            if let Some((frame, length)) = first(&received).unwrap() {
                heard.push(Answer::parse(frame).unwrap());
                received.drain(..length);
            }
        }
        assert_eq!(heard, answers);
        assert!(received.is_empty());
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut said = Vec::new();
        Answer::Refused("ä".repeat(REASON_BYTES_MAX)).write(&mut said).unwrap();
        let (frame, _) = first(&said).unwrap().unwrap();
        assert_eq!(Answer::parse(frame), Some(Answer::Refused("ä".repeat(REASON_BYTES_MAX / 2))));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(first(&[0xff; 8]).is_err() && read(&mut &[0xff; 8][..]).is_err());
        assert!(Answer::parse(b"").is_none() && Answer::parse(b"x").is_none());
        // An end within a frame is none between frames.
        assert!(read(&mut &b"\x02\0\0\0a"[..]).is_err());
        assert!(read(&mut &b""[..]).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Vec::new();
            push(&mut out, &octets);
            let length = out.len();
            prop_assert_eq!(read(&mut &out[..]).unwrap(), Some(octets.clone()));
            prop_assert_eq!(first(&out).unwrap(), Some((&octets[..], length)));
            prop_assert_eq!(first(&out[..length - 1]).unwrap(), None);
        }
    }
}
