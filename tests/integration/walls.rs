//! The walls of the house: each room knows only the rooms that ARCHITECTURE.md lists below it, and the places where a change
//! belongs are there.

use std::path::Path;

use libtest_mimic::Failed;

/// The tests of this room.
pub const TESTS: &[crate::Test] =
    &[("a_room_knows_only_the_rooms_below_it", rooms), ("the_files_that_the_architecture_names_are_there", files)];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The rooms in the order of ARCHITECTURE.md's table: the first column's first name, without its ending.
fn order(text: &str) -> Vec<String> {
    let table = text.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let cells = table.map_while(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name));
    cells.map(|name| name.trim_end_matches('/').trim_end_matches(".rs").to_owned()).collect()
}

fn rooms() -> Result<(), Failed> {
    let order = order(&std::fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md"))?);
    let place = |room: &str| order.iter().position(|known| known == room);
    let mut broken = Vec::new();
    let mut pending = vec![Path::new(ROOT).join("src")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path)?.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(Path::new(ROOT).join("src"))?.display().to_string();
        // Tests may look over a wall.
        let tests = ["lib.rs", "tests.rs", "model.rs", "testing.rs"].iter().any(|ending| name.ends_with(ending));
        let text = std::fs::read_to_string(&path)?;
        let code = text.split("mod tests {").next().unwrap_or_default();
        let room = name.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let Some(own) = place(room) else {
            if room != "lib" {
                broken.push(format!("{name}: ARCHITECTURE.md does not list the room {room}"));
            }
            continue;
        };
        let lines = code.lines().filter(|line| !tests && !line.trim_start().starts_with("//"));
        for known in lines.flat_map(|line| line.split("crate::").skip(1)) {
            let known: String = known.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            if known != room && place(&known).is_none_or(|known| known < own) {
                broken.push(format!("{name} knows {known}, which is not below {room}"));
            }
        }
    }
    broken.sort();
    broken.dedup();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}

/// Every path in ARCHITECTURE.md that ends with `.rs`, `.md`, `.toml` or a slash, below `src` or the root.
fn files() -> Result<(), Failed> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md"))?;
    let (_, walks) = text.split_once("## Where a change belongs").ok_or("no list of walks")?;
    let (walks, _) = walks.split_once("\n## ").ok_or("the walks are the last section")?;
    let named = walks.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| word.contains('/') && !word.contains(' ') && !word.contains("NAME");
    let missing: Vec<&str> = named
        .filter(is_path)
        .filter(|path| !Path::new(ROOT).join("src").join(path).exists() && !Path::new(ROOT).join(path).exists())
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("these are not there: {missing:?}").into()) }
}
