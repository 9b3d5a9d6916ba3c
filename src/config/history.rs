//! `[history]`.

use std::time::Duration;

use super::read::{Table, Value};
use crate::store::Keeping;

/// Where only the table is written.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const SIZE_BYTES: usize = 1 << 30;
/// Less than this could not hold what one commit may have.
const SIZE_BYTES_MIN: usize = 1 << 20;

/// Reads it.
pub(super) fn history(table: &Table<'_>) -> Keeping {
    Keeping {
        keep: table.get("keep").and_then(|value| value.some_duration()).unwrap_or(KEEP),
        size_bytes: table.get("size").and_then(|value| size(&value)).unwrap_or(SIZE_BYTES),
    }
}

fn size(value: &Value<'_>) -> Option<usize> {
    let size = value.bytes()?;
    if size < SIZE_BYTES_MIN {
        value.wrong("at least \"1MiB\" is needed");
        return None;
    }
    Some(size)
}
