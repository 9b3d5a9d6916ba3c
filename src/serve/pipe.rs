//! A body that a thread makes while the connection sends it: bounded, so that a slow reader makes the thread wait and nobody else.

use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::making::Making;

/// Bytes that were made and not sent yet at most; more in one write are taken all the same.
const PIPE_BYTES_MAX: usize = 256 << 10;
/// A reader that takes nothing for so long is cut off.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);

/// Between the thread that makes a body and the connection.
pub(super) struct Pipe {
    state: Mutex<PipeState>,
    room: Condvar,
    /// Wakes the connection's thread.
    wake: Box<dyn Fn() + Send + Sync>,
    /// Tells whoever makes the body, and waits for something, that nobody reads any more.
    stir: Box<dyn Fn() + Send + Sync>,
    /// It counts for as long as anybody holds it.
    _making: Making,
}

#[derive(Default)]
struct PipeState {
    begun: Option<Begun>,
    has_begun: bool,
    bytes: Vec<u8>,
    /// Since when something is there that the reader has not taken.
    waits_since: Option<Instant>,
    /// Nothing more is made; whether that is the whole of it.
    ended: Option<bool>,
    /// Nobody reads any more.
    closed: bool,
}

/// How an answer begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// With a body of that media type, of which that is to be known.
    Body(&'static str, Vec<String>),
    /// With words in its place.
    Refused(StatusCode, String),
}

impl Pipe {
    pub fn new(
        making: Making,
        wake: impl Fn() + Send + Sync + 'static,
        stir: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Pipe> {
        let (state, room) = (Mutex::default(), Condvar::new());
        Arc::new(Pipe { state, room, wake: Box::new(wake), stir: Box::new(stir), _making: making })
    }

    fn lock(&self) -> MutexGuard<'_, PipeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer begins so, if it has not begun yet; whether that is so.
    pub fn begin(&self, begun: Begun) -> bool {
        let mut state = self.lock();
        let is_first = !std::mem::replace(&mut state.has_begun, true);
        if is_first {
            state.begun = Some(begun);
        }
        drop(state);
        (self.wake)();
        is_first
    }

    /// How the answer begins, once that is known.
    pub fn take_begun(&self) -> Option<Begun> {
        self.lock().begun.take()
    }

    /// Nothing more is made. Where that is too early, the reader sees that the body is not whole.
    pub fn end(&self, is_whole: bool) {
        let mut state = self.lock();
        state.ended.get_or_insert(is_whole);
        // The connection has it still to send.
        state.waits_since.get_or_insert_with(Instant::now);
        drop(state);
        (self.wake)();
    }

    /// Whether the reader is to be cut off: what was made is not taken.
    pub fn is_cut(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    /// When the reader is cut off, if it takes nothing of what was made.
    pub fn due(&self) -> Option<Instant> {
        self.lock().waits_since.and_then(|since| since.checked_add(STALL_TIMEOUT))
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nobody reads any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
        (self.stir)();
    }

    /// Takes the bytes once there is room.
    pub fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        while state.bytes.len() >= PIPE_BYTES_MAX && !state.closed {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        state.waits_since.get_or_insert_with(Instant::now);
        state.bytes.extend_from_slice(bytes);
        drop(state);
        (self.wake)();
        Ok(())
    }
}

/// What the thread writes to.
#[derive(Clone)]
pub(super) struct PipeWriter(pub Arc<Pipe>);

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.0.put(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is sent: bytes that are there, or those that a thread makes.
pub(super) enum AnswerBody {
    Whole(Bytes),
    Made(MadeBody),
}

/// The connection's end of a pipe.
pub(super) struct MadeBody(pub Arc<Pipe>);

impl Drop for MadeBody {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl From<String> for AnswerBody {
    fn from(text: String) -> AnswerBody {
        AnswerBody::Whole(text.into())
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            AnswerBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            AnswerBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            AnswerBody::Made(MadeBody(pipe)) => {
                let mut state = pipe.lock();
                if !state.bytes.is_empty() {
                    let bytes = std::mem::take(&mut state.bytes);
                    // What was taken before is sent.
                    state.waits_since = state.ended.is_some().then(Instant::now);
                    drop(state);
                    pipe.room.notify_all();
                    return Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
                }
                // Whoever makes more wakes the thread, which asks again.
                match state.ended {
                    None => Poll::Pending,
                    Some(true) => Poll::Ready(None),
                    Some(false) => Poll::Ready(Some(Err(ErrorKind::UnexpectedEof.into()))),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, AnswerBody::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            AnswerBody::Made(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::making::Makers;

    fn frame(body: &mut AnswerBody) -> Poll<Option<io::Result<Vec<u8>>>> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let frame = Pin::new(body).poll_frame(&mut context);
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().unwrap().to_vec())))
    }

    #[test]
    fn whoever_makes_waits_for_whoever_reads() {
        let pipe = Pipe::new(Makers::of_answers().room().unwrap(), || {}, || {});
        let mut body = AnswerBody::Made(MadeBody(pipe.clone()));
        assert!(frame(&mut body).is_pending());
        pipe.put(&vec![b'x'; PIPE_BYTES_MAX]).unwrap();
        let makes = std::thread::spawn({
            let pipe = pipe.clone();
            move || pipe.put(b"more").map(|()| pipe.end(true))
        });
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(bytes))) if bytes.len() == PIPE_BYTES_MAX));
        makes.join().unwrap().unwrap();
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(bytes))) if bytes == b"more"));
        assert!(matches!(frame(&mut body), Poll::Ready(None)));
    }

    #[test]
    fn whoever_makes_ends_with_whoever_reads() {
        let pipe = Pipe::new(Makers::of_answers().room().unwrap(), || {}, || {});
        pipe.put(&vec![b'x'; PIPE_BYTES_MAX]).unwrap();
        let makes = std::thread::spawn({
            let pipe = pipe.clone();
            move || pipe.put(b"more")
        });
        drop(AnswerBody::Made(MadeBody(pipe)));
        assert_eq!(makes.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn what_ends_too_early_is_not_whole() {
        let pipe = Pipe::new(Makers::of_answers().room().unwrap(), || {}, || {});
        pipe.put(b"some").unwrap();
        pipe.end(false);
        let mut body = AnswerBody::Made(MadeBody(pipe));
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Err(_)))));
    }
}
