//! What is asked of the database about the mirror: objects, what a commit has changed of them, and the kinds of which all are known.

use rusqlite::{OptionalExtension, params};

use super::{Database, SqlError};
use crate::store::{Covered, mirror_changes, mirror_dump};

impl Database {
    /// What has that identity now; `None` when nothing has.
    pub fn set_objects(
        &self,
        netns: &str,
        kind: &str,
        key: &[u8],
        objects: Option<&[u8]>,
    ) -> std::result::Result<(), SqlError> {
        match objects {
            Some(objects) => self
                .run("INSERT OR REPLACE INTO mirror VALUES (?1, ?2, ?3, ?4)", params![netns, kind, key, objects])
                .map(drop),
            None => {
                self.run("DELETE FROM mirror WHERE netns = ?1 AND kind = ?2 AND key = ?3", params![netns, kind, key])?;
                mirror_dump::outdate(&self.connection, (netns, kind), key)
            }
        }
    }

    /// Whether all objects of a kind are in the mirror.
    pub(in crate::store) fn is_covered(&self, netns: &str, kind: &str) -> std::result::Result<bool, SqlError> {
        let statement = "SELECT EXISTS (SELECT 1 FROM covered WHERE netns = ?1 AND kind = ?2)";
        self.connection.prepare_cached(statement)?.query_row([netns, kind], |row| row.get(0))
    }

    /// An error where one of the dumps is damaged.
    pub(in crate::store) fn check_dumps(&self) -> std::result::Result<(), SqlError> {
        mirror_dump::check(&self.connection)
    }

    /// What many identities of a kind have that is not covered; none of them is in the mirror.
    pub(in crate::store) fn insert_dump(
        &self,
        netns: &str,
        kind: &str,
        known: &[(&[u8], &[u8])],
    ) -> std::result::Result<(), SqlError> {
        mirror_dump::insert(&self.connection, (netns, kind), known)
    }

    /// What a commit changed of the mirror, where the objects themselves are not written yet.
    pub fn insert_changes(&self, changes: &[u8]) -> std::result::Result<(), SqlError> {
        let (kept, checksum) = mirror_dump::packed(changes);
        self.run("INSERT INTO change (objects, checksum) VALUES (?1, ?2)", params![kept, checksum]).map(drop)
    }

    /// These, commit by commit.
    pub fn changes(&self) -> std::result::Result<Vec<Vec<u8>>, SqlError> {
        mirror_changes::changes(&self.connection)
    }

    /// All objects are written.
    pub fn clear_changes(&self) -> std::result::Result<(), SqlError> {
        self.run("DELETE FROM change", []).map(drop)
    }

    /// From here on what that says is so.
    pub fn cover(&self, Covered { netns, kinds, others }: &Covered) -> std::result::Result<(), SqlError> {
        for kind in self.covered(netns)? {
            let kind = kind.as_str();
            if others.contains(&kind) {
                continue;
            }
            if !kinds.contains(&kind) {
                self.forget_kind(netns, kind)?;
            }
            self.run("DELETE FROM covered WHERE netns = ?1 AND kind = ?2", [&**netns, kind])?;
        }
        for kind in kinds {
            self.run("INSERT INTO covered VALUES (?1, ?2)", [&**netns, *kind])?;
        }
        Ok(())
    }

    fn forget_kind(&self, netns: &str, kind: &str) -> std::result::Result<(), SqlError> {
        self.run("DELETE FROM mirror WHERE netns = ?1 AND kind = ?2", [netns, kind])?;
        mirror_dump::forget(&self.connection, (netns, kind))
    }

    /// What the last run has left of the mirror is put in order: objects of kinds that are not covered, since it ended before all of
    /// them were written, are forgotten, and dumps of which much has changed since become rows.
    pub fn order_mirror(&self) -> std::result::Result<(), SqlError> {
        let uncovered = self.uncovered()?;
        let outdated = mirror_dump::outdated(&self.connection)?;
        if uncovered.is_empty() && outdated.is_empty() {
            return Ok(());
        }
        self.begin()?;
        uncovered.iter().try_for_each(|(netns, kind)| self.forget_kind(netns, kind))?;
        outdated.iter().try_for_each(|(netns, kind)| mirror_dump::dissolve(&self.connection, (netns, kind)))?;
        self.commit()
    }

    /// Namespaces and kinds of which there are objects, though they are not covered.
    fn uncovered(&self) -> std::result::Result<Vec<(String, String)>, SqlError> {
        let mut dumps =
            self.connection.prepare("SELECT netns, kind FROM dump EXCEPT SELECT netns, kind FROM covered")?;
        let dumps = dumps.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut uncovered = dumps.collect::<std::result::Result<Vec<(String, String)>, _>>()?;
        // From kind to kind, since there may be a million rows of one.
        let next = "SELECT netns, kind FROM mirror WHERE (netns, kind) > (?1, ?2) ORDER BY netns, kind LIMIT 1";
        let mut next = self.connection.prepare(next)?;
        let mut place = (String::new(), String::new());
        while let Some(found) = next.query_row([&place.0, &place.1], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
            place = found;
            if !self.is_covered(&place.0, &place.1)? {
                uncovered.push(place.clone());
            }
        }
        Ok(uncovered)
    }

    /// The kinds all of whose objects are in the mirror.
    pub fn covered(&self, netns: &str) -> std::result::Result<Vec<String>, SqlError> {
        let mut statement = self.connection.prepare_cached("SELECT kind FROM covered WHERE netns = ?1")?;
        statement.query_map([netns], |row| row.get(0))?.collect()
    }

    /// The namespaces of which something is known.
    pub fn namespaces(&self) -> std::result::Result<Vec<String>, SqlError> {
        let mut statement = self.connection.prepare("SELECT DISTINCT netns FROM covered")?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    /// Nothing is known any more of a namespace.
    pub fn forget(&self, netns: &str) -> std::result::Result<(), SqlError> {
        self.run("DELETE FROM mirror WHERE netns = ?1", [netns])?;
        self.run("DELETE FROM dump WHERE netns = ?1", [netns])?;
        self.run("DELETE FROM covered WHERE netns = ?1", [netns]).map(drop)
    }

    /// Nothing is known any more of any namespace.
    pub fn forget_all(&self) -> std::result::Result<(), SqlError> {
        self.run("DELETE FROM mirror", [])?;
        self.run("DELETE FROM dump", [])?;
        self.run("DELETE FROM covered", []).map(drop)
    }
}
