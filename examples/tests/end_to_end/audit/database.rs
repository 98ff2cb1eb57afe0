//! Somebody who can write the database file, and knows how it is built.

use std::fs;
use std::path::PathBuf;

use portcullis::audit_log::{Batch, Ed25519Signer, Head, HeadRow, Origin, Record};
use rusqlite::{Connection, params};

use crate::support::Home;

/// The database of a gateway that does not run, without its guards. They are put back when this is dropped.
pub(super) struct Database {
    db: Connection,
    guards: Vec<String>,
    /// The organization's log.
    log: Vec<u8>,
}

/// One row of a log.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) entry: Vec<u8>,
    pub(super) hashes: Vec<u8>,
}

pub(super) fn file(home: &Home) -> PathBuf {
    home.data().join("portcullis.db")
}

impl Database {
    pub(super) fn without_guards(home: &Home) -> Self {
        let db = Connection::open(file(home)).unwrap();
        let column = |sql: &str| -> Vec<String> {
            let mut statement = db.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let of_logs = "FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'audit_*'";
        let guards = column(&format!("SELECT sql {of_logs}"));
        for name in column(&format!("SELECT name {of_logs}")) {
            db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        let log = "SELECT log FROM audit_logs WHERE length(log) = 16";
        let log = db.query_row(log, [], |row| row.get(0)).unwrap();
        Self { db, guards, log }
    }

    pub(super) fn size(&self) -> usize {
        self.rows().len()
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let sql = "SELECT entry, hashes FROM audit_entries WHERE log = ?1 ORDER BY seq";
        let mut statement = self.db.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok(Row {
                entry: row.get(0)?,
                hashes: row.get(1)?,
            })
        };
        let rows = statement.query_map([&self.log], row).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Puts these rows in the place of all, numbered from 0. The head stays.
    pub(super) fn put(&self, rows: &[Row]) {
        self.execute("DELETE FROM audit_entries WHERE log = ?1");
        let insert = "INSERT INTO audit_entries (log, seq, entry, hashes) VALUES (?1, ?2, ?3, ?4)";
        for (row, seq) in rows.iter().zip(0_i64..) {
            let values = params![self.log, seq, row.entry, row.hashes];
            self.db.execute(insert, values).unwrap();
        }
    }

    /// Runs a statement on the organization's log, `?1`.
    pub(super) fn execute(&self, sql: &str) {
        self.db.execute(sql, [&self.log]).unwrap();
    }

    /// The head of the log, as it stands.
    pub(super) fn head(&self) -> HeadRow {
        let sql = "SELECT origin, size, root, frontier, last, note FROM audit_logs WHERE log = ?1";
        let row = |row: &rusqlite::Row<'_>| {
            Ok(HeadRow {
                origin: row.get(0)?,
                size: row.get::<_, i64>(1)?.unsigned_abs(),
                root: row.get(2)?,
                frontier: row.get(3)?,
                last: Some(row.get(4)?),
                note: row.get(5)?,
            })
        };
        self.db.query_row(sql, [&self.log], row).unwrap()
    }

    pub(super) fn put_head(&self, head: &HeadRow) {
        let sql = "UPDATE audit_logs SET size = ?2, root = ?3, frontier = ?4, last = ?5, note = ?6 WHERE log = ?1";
        let size = i64::try_from(head.size).unwrap();
        let values = params![
            self.log,
            size,
            head.root,
            head.frontier,
            head.last,
            head.note
        ];
        self.db.execute(sql, values).unwrap();
    }

    /// All records once more, by somebody who has everything but the signing key.
    pub(super) fn rebuilt(&self) -> Batch {
        let signer = Ed25519Signer::from_seed(&[66; 32]);
        let origin = Origin::new(&self.head().origin).unwrap();
        let events: Vec<_> = self.rows().iter().map(|row| again(&row.entry)).collect();
        let head = Head::create(origin, &signer).unwrap();
        let rebuilt = head.append(&events, &mut getrandom::SysRng, &signer);
        rebuilt.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for guard in &self.guards {
            self.db.execute_batch(guard).unwrap();
        }
    }
}

/// A record's event, told by another actor.
fn again(entry: &[u8]) -> portcullis::audit_log::Event {
    use portcullis::audit_log::{Actor, Event};
    let record = Record::parse(entry).unwrap();
    let (action, target) = (record.action().clone(), *record.target());
    Event::new(record.at(), Actor::System, action, target)
}

/// A copy of the database, as a backup makes it.
pub(super) fn copy(home: &Home) -> Vec<u8> {
    fs::read(file(home)).unwrap()
}

pub(super) fn restore(home: &Home, copy: &[u8]) {
    fs::write(file(home), copy).unwrap();
}
