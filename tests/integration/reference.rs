//! The reference: docs/events.md holds what the tables say.

use libtest_mimic::Failed;
use linkhook::event::{Action, KEYS, Origin};

use crate::recordings::blesses;

/// The tests of this room.
pub const TESTS: &[crate::Test] =
    &[("the_reference_is_current", current), ("each_key_and_origin_is_in_the_reference", head)];

const MARK: &str = "<!-- generated from the tables: LINKHOOK_BLESS=1 cargo test -->\n";

fn current() -> Result<(), Failed> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md");
    let text = std::fs::read_to_string(path)?;
    let (by_hand, generated) = text.split_once(MARK).ok_or("docs/events.md has no mark for its generated half")?;
    let expected = linkhook::reference::markdown();
    if generated == expected {
        return Ok(());
    }
    if blesses() {
        std::fs::write(path, format!("{by_hand}{MARK}{expected}"))?;
        return Ok(());
    }
    Err("docs/events.md is not what the tables say: run LINKHOOK_BLESS=1 cargo test and read the diff".into())
}

/// The table of a line's keys is written by hand: each of them, and each origin and action, stands in it.
fn head() -> Result<(), Failed> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md"))?;
    let (table, _) = text.split_once("\n\nA control").ok_or("docs/events.md has no table of keys")?;
    let first_column: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    let is_missing = |key: &&&str| !first_column.iter().any(|cell| cell.contains(&format!("`{key}`")));
    let missing = KEYS.iter().filter(is_missing).copied();
    let values = Origin::ALL.map(Origin::name).into_iter().chain(Action::ALL.map(Action::name));
    let missing: Vec<&str> = missing.chain(values.filter(|value| !table.contains(&format!("`{value}`")))).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("docs/events.md does not tell of {missing:?}").into()) }
}
