//! `linkhook spool` and the linkhook that it speaks to, by a socket in the state directory: one request a connection, each a JSON
//! line, and one answer.
//!
//! ```text
//!   linkhook spool ──{"drop":["noc",[[7,23]]]}──▶ STATE_DIR/control ──▶ a thread a connection ──▶ Roster ──▶ lane, store
//!                  ◀──{"dropped":17}────────────                                                (deliver/spool.rs)
//! ```
//!
//! What is only looked at is read from the database (`store/look.rs`), so that it takes nothing of linkhook's time.

pub mod client;
pub mod server;

use serde::{Deserialize, Serialize};

use crate::deliver::dead::Chosen;
use crate::deliver::spool::LaneStatus;

/// The socket's name in the state directory.
pub const SOCKET: &str = "control";
/// A request's bytes at most.
const REQUEST_BYTES_MAX: u64 = 1 << 20;
/// An answer's.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// Ranges in one request at most: they fit into its bytes.
pub const RANGES_MAX: usize = 20_000;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// What each webhook is at.
    Status,
    /// The next attempt of that one is to be made now.
    Retry(String),
    /// What waits for it in these ranges of numbers is to be dropped.
    Drop(String, Vec<(u64, u64)>),
    /// Nothing is to be sent to it until then, in microseconds since 1970, or until it is resumed.
    Pause(String, Option<u64>),
    /// It is to go on.
    Resume(String),
    /// These dead letters of it are to wait again.
    RetryDead(String, Chosen),
    /// These are to be removed.
    DropDead(String, Chosen),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What each is at.
    Status(Vec<LaneStatus>),
    /// So many events wait, and whether there is an attempt to be made for them.
    Waiting(u64, bool),
    /// So many events were dropped.
    Dropped(u64),
    /// It is paused.
    Paused,
    /// It goes on; whether it was paused.
    Resumed(bool),
    /// So many events of so many dead letters.
    Letters(u64, u64),
    /// Why it is not done.
    Refused(String),
}
