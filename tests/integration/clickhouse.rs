//! The table of ClickHouse's recipe and its rows, in ClickHouse's engine.

use std::path::PathBuf;
use std::process::Stdio;

use libtest_mimic::Failed;

use crate::recipes::receivers;

/// ClickHouse's engine as a library: a Python that has it.
pub fn engine() -> Option<PathBuf> {
    let python = receivers()?.join("python");
    let versions = std::fs::read_dir(python.join("lib")).ok()?.flatten();
    let is_there = versions.into_iter().any(|entry| entry.path().join("site-packages/chdb").exists());
    is_there.then(|| python.join("bin/python3"))
}

/// Makes the table of the recipe and puts the lines of all recordings into it as the recipe's address says, twice; prints how many
/// events there were, how many rows there are, and what some of them hold.
const CLICKHOUSE: &str = r#"
import glob, json, sys
from chdb import session
store = session.Session(sys.argv[1])
store.query("CREATE DATABASE d"); store.query("USE d")
store.query(open("config/recipes/clickhouse.sql").read().strip().rstrip(";"))
lines = [json.loads(line) for path in sorted(glob.glob("tests/recordings/*.jsonl")) for line in open(path)]
rows = "\n".join(json.dumps({**line, "host": "h", "seq": number}) for number, line in enumerate(lines))
for _ in range(2):
    store.query("INSERT INTO linkhook SETTINGS input_format_skip_unknown_fields=1, date_time_input_format='best_effort' "
                "FORMAT JSONEachRow\n" + rows)
ask = lambda query: str(store.query(query, "TSV")).strip()
print(len(lines), ask("SELECT count() FROM linkhook FINAL"))
print(sum(line["event"] == "addr" for line in lines), ask("SELECT count() FROM linkhook FINAL WHERE JSONHas(addr, 'local')"))
print(sum("carrier_lost" in line.get("signals", []) for line in lines),
      ask("SELECT count() FROM linkhook FINAL WHERE has(signals, 'carrier_lost')"))
print(min(line["ts"] for line in lines)[:26].replace("T", " "), ask("SELECT min(ts) FROM linkhook FINAL"), sep="|")
"#;

pub fn rows() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut command = std::process::Command::new(engine().ok_or("chdb is gone")?);
    command.args(["-c", CLICKHOUSE]).arg(folder.path().join("data")).current_dir(env!("CARGO_MANIFEST_DIR"));
    let done = command.stdin(Stdio::null()).output()?;
    let (said, trouble) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{trouble}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}{trouble}");
    for line in lines {
        let (expected, found) = line.split_once('|').or_else(|| line.split_once(' ')).ok_or("no pair")?;
        assert_eq!(expected, found, "{said}");
        assert_ne!(expected, "0", "{said}");
    }
    Ok(())
}
