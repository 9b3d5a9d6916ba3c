//! The reference: docs/events.md and docs/truth.md hold what the tables say.

use libtest_mimic::Failed;
use linkhook::event::{Action, KEYS, Origin};

use crate::recordings::blesses;

/// The tests of this room.
pub const TESTS: &[crate::Test] = &[
    ("the_reference_is_current", current),
    ("the_table_of_silent_changes_is_current", silent_changes),
    ("the_table_of_metrics_is_current", metrics),
    ("the_tables_of_keys_are_current", settings),
    ("each_key_and_origin_is_in_the_reference", head),
];

const MARK: &str = "<!-- generated from the tables: LINKHOOK_BLESS=1 cargo test -->\n";

fn current() -> Result<(), Failed> {
    hold("docs/events.md", MARK, &linkhook::reference::markdown())
}

const SILENT_BEGINS: &str = "<!-- generated from src/mirror/silence/rows.rs: LINKHOOK_BLESS=1 cargo test -->\n";
const SILENT_ENDS: &str = "<!-- end of what is generated -->\n";

fn silent_changes() -> Result<(), Failed> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/truth.md");
    let text = std::fs::read_to_string(path)?;
    let parts = text.split_once(SILENT_BEGINS).and_then(|(before, rest)| Some((before, rest.split_once(SILENT_ENDS)?)));
    let (before, (generated, after)) = parts.ok_or("docs/truth.md has no marks around its table of silent changes")?;
    // Markdown takes an empty line between a comment and a table.
    let expected = format!("\n{}\n", linkhook::reference::silent_changes());
    if generated == expected {
        return Ok(());
    }
    if blesses() {
        std::fs::write(path, format!("{before}{SILENT_BEGINS}{expected}{SILENT_ENDS}{after}"))?;
        return Ok(());
    }
    Err("docs/truth.md is not what the rows say: run LINKHOOK_BLESS=1 cargo test and read the diff".into())
}

const SETTINGS_MARK: &str = "<!-- generated from src/config/settings.rs: LINKHOOK_BLESS=1 cargo test -->\n";

fn settings() -> Result<(), Failed> {
    hold("docs/config.md", SETTINGS_MARK, &linkhook::reference::settings())
}

const METRICS_MARK: &str = "<!-- generated from src/serve/exposition.rs: LINKHOOK_BLESS=1 cargo test -->\n";

fn metrics() -> Result<(), Failed> {
    hold("docs/metrics.md", METRICS_MARK, &format!("\n{}", linkhook::reference::metrics()))
}

/// Holds what stands behind the mark against what is expected, or writes it anew.
fn hold(name: &str, mark: &str, expected: &str) -> Result<(), Failed> {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path)?;
    let (by_hand, generated) =
        text.split_once(mark).ok_or_else(|| format!("{name} has no mark for its generated half"))?;
    if generated == expected {
        return Ok(());
    }
    if blesses() {
        std::fs::write(path, format!("{by_hand}{mark}{expected}"))?;
        return Ok(());
    }
    Err(format!("{name} is not what the tables say: run LINKHOOK_BLESS=1 cargo test and read the diff").into())
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
