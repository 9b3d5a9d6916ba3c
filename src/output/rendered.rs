//! Lines as text before another sink has them.

use std::io;

use super::Sink;
use super::text::{Style, Text};

/// Bytes of lines that are made text at once, one line beyond it apart.
const RUN_BYTES: usize = 64 << 10;

/// Gives lines to a sink as text for eyes.
#[derive(Debug)]
pub struct Rendered {
    text: Text,
    sink: Box<dyn Sink>,
    run: Vec<u8>,
    /// Where each line of the run ends, among lines and in the text.
    ends: Vec<(usize, usize)>,
}

impl Rendered {
    /// For that sink.
    pub fn new(style: Style, sink: Box<dyn Sink>) -> Rendered {
        Rendered { text: Text::new(style), sink, run: Vec::new(), ends: Vec::new() }
    }
}

impl Sink for Rendered {
    fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut done = 0;
        while done < lines.len() {
            self.run.clear();
            self.ends.clear();
            let mut end = done;
            for line in lines[done..].split_inclusive(|&octet| octet == b'\n') {
                self.run.extend_from_slice(self.text.line(line).as_bytes());
                end += line.len();
                self.ends.push((end, self.run.len()));
                if self.run.len() > RUN_BYTES {
                    break;
                }
            }
            let (written, result) = self.sink.write(&self.run);
            if result.is_err() {
                // A day's line without the line that it came with is as good as none.
                let whole = self.ends.iter().rev().find(|(_, end)| *end <= written);
                return (whole.map_or(done, |(end, _)| *end), result);
            }
            done = end;
        }
        (done, Ok(()))
    }

    fn may_recover(&self, error: &io::Error) -> bool {
        self.sink.may_recover(error)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.sink.reopen()
    }

    fn take_refused(&mut self) -> Option<(u64, String)> {
        self.sink.take_refused()
    }
}
