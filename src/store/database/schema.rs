//! The schema of the database, and how one of an earlier version becomes one of this.

use rusqlite::Connection;

use super::SqlError;
use crate::store::{event_log, mirror_dump, snapshot};

/// The schema's version. The first one had the batch's age by the wall clock in place of `tried`, and no checks; the second no
/// webhook that is paused; the third no log: every event had a row; the fourth one time for a chunk, when it was committed, and not how many octets it has;
/// the fifth no snapshots, and no dumps; the sixth no namespaces of a run.
pub const VERSION: i64 = 7;
/// What a value may be is said here, so that SQLite's own check finds one that is not.
const SCHEMA: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0)) STRICT, WITHOUT ROWID;
    CREATE TABLE webhook (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        batches INTEGER NOT NULL DEFAULT 0 CHECK (batches >= 0), paused INTEGER CHECK (paused >= 0)) STRICT;
    CREATE TABLE event (seq INTEGER PRIMARY KEY CHECK (seq >= 0), line TEXT NOT NULL) STRICT;
    CREATE TABLE wanted (webhook INTEGER NOT NULL, seq INTEGER NOT NULL CHECK (seq >= 0),
        octets INTEGER NOT NULL CHECK (octets >= 0), PRIMARY KEY (webhook, seq)) STRICT, WITHOUT ROWID;
    CREATE TABLE batch (webhook INTEGER PRIMARY KEY, id TEXT NOT NULL, number INTEGER NOT NULL CHECK (number >= 0),
        last INTEGER NOT NULL CHECK (last >= 0), body BLOB NOT NULL, tried INTEGER NOT NULL CHECK (tried >= 0)) STRICT;
    CREATE TABLE loss (webhook INTEGER NOT NULL, reason TEXT NOT NULL, events INTEGER NOT NULL CHECK (events >= 0),
        PRIMARY KEY (webhook, reason)) STRICT, WITHOUT ROWID;
    CREATE TABLE mirror (netns TEXT NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, objects BLOB NOT NULL,
        PRIMARY KEY (netns, kind, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE covered (netns TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (netns, kind)) STRICT, WITHOUT ROWID;
";

/// What the fourth version has added beside the log.
const CHANGES_SCHEMA: &str = "
    CREATE TABLE change (number INTEGER PRIMARY KEY, objects BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
";

/// What the fifth version has added.
const RUNS_SCHEMA: &str = "
    CREATE TABLE run (began INTEGER PRIMARY KEY, after INTEGER NOT NULL CHECK (after >= 0), ended INTEGER,
        kinds TEXT NOT NULL, narrowed TEXT NOT NULL, namespaces TEXT NOT NULL DEFAULT '') STRICT;
";

/// Each table's columns, as they are and as the first version has them.
const COLUMNS: [(&str, &str); 8] = [
    ("meta", "*"),
    ("webhook", "*, NULL"),
    ("event", "*"),
    ("wanted", "*"),
    ("batch", "webhook, id, number, last, body, 0"),
    ("loss", "*"),
    ("mirror", "*"),
    ("covered", "*"),
];

/// The columns of all tables: what they are is compared, not how they were written.
const SHAPE: &str = "SELECT t.name, t.strict, c.name, c.type, c.\"notnull\", c.pk \
                     FROM pragma_table_list AS t, pragma_table_info(t.name) AS c \
                     WHERE t.schema = 'main' AND t.type = 'table'";

/// All of it.
pub fn whole() -> String {
    [SCHEMA, CHANGES_SCHEMA, RUNS_SCHEMA, event_log::SCHEMA, event_log::INDEX, snapshot::SCHEMA, mirror_dump::SCHEMA]
        .concat()
}

/// What an earlier version's tables lack is added; the first one's are made anew as they are now.
pub fn renew(connection: &Connection, version: i64) -> Result<(), SqlError> {
    let mut script = "BEGIN IMMEDIATE;".to_owned();
    if version == 1 {
        COLUMNS.iter().for_each(|(table, _)| script += &format!("ALTER TABLE {table} RENAME TO {table}_1;"));
        script += SCHEMA;
        for (table, columns) in COLUMNS {
            script += &format!("INSERT INTO {table} SELECT {columns} FROM {table}_1; DROP TABLE {table}_1;");
        }
    }
    if version == 2 {
        script += "ALTER TABLE webhook ADD COLUMN paused INTEGER CHECK (paused >= 0);";
    }
    if version < 4 {
        script += &format!("{}{CHANGES_SCHEMA}", event_log::SCHEMA);
    }
    if version == 4 {
        script += "ALTER TABLE chunk RENAME COLUMN time TO ended;
            ALTER TABLE chunk ADD COLUMN began INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE chunk ADD COLUMN octets INTEGER NOT NULL DEFAULT 0 CHECK (octets >= 0);
            UPDATE chunk SET began = ended, octets = length(entries) + length(lines);";
    }
    if version < 5 {
        script += RUNS_SCHEMA;
        script += event_log::INDEX;
    } else {
        script += "ALTER TABLE run ADD COLUMN namespaces TEXT NOT NULL DEFAULT '';";
    }
    if version < 6 {
        script += snapshot::SCHEMA;
        script += mirror_dump::SCHEMA;
    }
    script += &format!("PRAGMA user_version = {VERSION}; COMMIT;");
    connection.execute_batch(&script)
}

/// A table that is missing, or has other columns than this version makes it with.
pub fn strange_table(connection: &Connection) -> Result<Option<String>, SqlError> {
    let shape = |of: &Connection| -> Result<Vec<(String, String)>, SqlError> {
        let mut statement = of.prepare(SHAPE)?;
        let columns = statement.query_map([], |row| {
            let (table, column): (String, String) = (row.get(0)?, row.get(2)?);
            let (strict, kind, filled, key): (i64, String, i64, i64) =
                (row.get(1)?, row.get(3)?, row.get(4)?, row.get(5)?);
            Ok((table, format!("{column} {kind} {strict} {filled} {key}")))
        })?;
        columns.collect()
    };
    let wanted = Connection::open_in_memory()?;
    wanted.execute_batch(&whole())?;
    let found = shape(connection)?;
    let mut wanted = shape(&wanted)?.into_iter();
    Ok(wanted.find(|column| !column.0.starts_with("sqlite_") && !found.contains(column)).map(|(table, _)| table))
}
