//! `/state`: what exists, or existed at a time.

use std::io::Write;
use std::sync::Arc;

use super::Shared;
use super::events::Framing;
use super::making::{Inquiry, options};
use super::pipe::{Begun, Pipe, PipeWriter};
use super::query::Query;
use crate::error::{Error, Result};
use crate::kinds::KindIndex;
use crate::retell::at;
use crate::retell::lines::Lines;
use crate::store::look::Look;
use crate::stream::{Options, Stream};

/// Makes the answer.
pub(super) fn make(query: &Query, shared: &Shared, pipe: &Arc<Pipe>) -> Result<()> {
    let sources = &shared.sources;
    let _room = shared.state_makers.room()?;
    let options = Options { own: Vec::new(), ..options(query, &[], sources)? };
    let begin = |stream: &Stream, unknown: &[String]| {
        pipe.begin(Begun::Body(Framing::Lines.media_type(), unknown.to_vec()));
        Lines::to(stream, Box::new(PipeWriter(pipe.clone())) as Box<dyn Write + Send>)
    };
    if let Some(time) = query.at {
        let Some(look) = sources.log()? else {
            return Err(Error::failed(
                "nothing is kept of the past: set [history] in the configuration, and state_dir",
            ));
        };
        return at::list(&look, time, options, |stream, unknown| Ok(begin(stream, unknown)));
    }
    let kinds = at::listed(&options);
    let known = match shared.ask(inquiry(&kinds)).wait()? {
        Some(known) => known,
        None => match &sources.state {
            Some(state) => Look::open(state)?.history()?.known(&at::needed(&kinds))?.objects,
            None => {
                return Err(Error::failed(
                    "there are too many objects to be told without a state directory: name fewer kinds, or set state_dir",
                ));
            }
        },
    };
    let stream = Stream::new(options);
    let lines = begin(&stream, &[]);
    at::present(&known, &kinds, jiff::Timestamp::now().as_microsecond(), stream, lines)
}

/// The kinds, and those that say what others are called and how they are read.
fn inquiry(kinds: &[KindIndex]) -> Arc<Inquiry> {
    let needed = at::needed(kinds);
    Inquiry::new(KindIndex::all().filter(|kind| needed.contains(kind.table().name)).collect())
}
