//! The reference: docs/events.md holds what the tables say.

use libtest_mimic::Failed;

use crate::recordings::blesses;

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[("the_reference_is_current", current)];

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
